/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_PROCESS_START_H
#define CLU_CLUSTERD_IO_PROCESS_START_H

/*
 * Starts one child process: own group, clean environment, no inherited
 * descriptors. Never blocks: whether exec succeeded is learned later.
 */

#include <sys/types.h>

struct process_start {
        pid_t pid;     /* also its process group */
        int pidfd;     /* readable when it has ended */
        int output_fd; /* standard output and error; does not block */
        int status_fd; /* does not block; holds an int errno if the program could not be executed */
};

/*
 * path: of the program. The descriptors are the caller's. input NULL: none. 0 or negative errno. The
 * child is killed when the calling thread ends, even by a crash: nothing shall start or stop a role
 * that nobody watches any more.
 */
int process_start(const char *path, const char *const *argv, const char *const *envp, const char *input,
                  struct process_start *ret_start);

/* Where argv[0] is, in the directories of PATH: given, free(). -ENOENT, -EACCES. */
int process_path_find(const char *name, char **ret_path);

/* PATH of the clean environment: ours, with the system's own directories behind it. Given, free(). */
char *process_path_text(void);

#endif
