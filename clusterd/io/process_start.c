/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/process_start.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clusterd/base/scope.h"

/* Fence agents live in sbin, which the PATH of an unprivileged shell often lacks. */
#define SYSTEM_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

char *process_path_text(void)
{
        const char *ours = getenv("PATH");
        char *text = NULL;
        int length = ours != NULL && ours[0] != '\0' ? asprintf(&text, "%s:%s", ours, SYSTEM_PATH)
                                                     : asprintf(&text, "%s", SYSTEM_PATH);
        if (length < 0)
                abort();
        return text;
}

static int program_check(const char *path)
{
        struct stat status;
        if (stat(path, &status) < 0)
                return -errno;
        if (!S_ISREG(status.st_mode) || access(path, X_OK) < 0)
                return -EACCES;
        return 0;
}

int process_path_find(const char *name, char **ret_path)
{
        if (strchr(name, '/') != NULL) {
                int error = program_check(name);
                if (error == 0 && (*ret_path = strdup(name)) == NULL)
                        abort();
                return error;
        }
        SCOPED_FREE char *path = process_path_text();
        int result = -ENOENT;
        char *next = path;
        for (char *directory; (directory = strsep(&next, ":")) != NULL;) {
                SCOPED_FREE char *candidate = NULL;
                if (directory[0] != '/') /* a daemon's working directory means nothing */
                        continue;
                if (asprintf(&candidate, "%s/%s", directory, name) < 0)
                        abort();
                int error = program_check(candidate);
                if (error == 0) {
                        *ret_path = TAKE(candidate);
                        return 0;
                }
                if (error == -EACCES)
                        result = error;
        }
        return result;
}

/*
 * A file in memory, not a pipe: it takes any amount at once, so nothing has to be fed, and a child that
 * does not read its input cannot raise SIGPIPE here.
 */
static int input_open(const char *input)
{
        if (input == NULL) {
                int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
                return fd < 0 ? -errno : fd;
        }
        SCOPED_CLOSE int fd = memfd_create("clu-input", MFD_CLOEXEC);
        if (fd < 0)
                return -errno;
        for (size_t done = 0, bytes = strlen(input); done < bytes;) {
                ssize_t written = write(fd, input + done, bytes - done);
                if (written < 0)
                        return -errno;
                done += (size_t)written;
        }
        if (lseek(fd, 0, SEEK_SET) < 0)
                return -errno;
        int kept = fd;
        fd = -1;
        return kept;
}

/* Only the reading end must not block: the other one is a child's standard output. */
static int pipe_open(int ret_ends[2])
{
        if (pipe2(ret_ends, O_CLOEXEC) < 0)
                return -errno;
        int flags = fcntl(ret_ends[0], F_GETFL);
        (void)fcntl(ret_ends[0], F_SETFL, flags | O_NONBLOCK);
        return 0;
}

/* Calls between fork and exec must be safe in a signal handler: the parent has other threads. */
static void signals_reset(void)
{
        struct sigaction action = { .sa_handler = SIG_DFL };
        for (int number = 1; number < NSIG; number++)
                (void)sigaction(number, &action, NULL);
        sigset_t none;
        sigemptyset(&none);
        (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

struct child_files {
        int input, output, status;
        pid_t parent;
};

static void child_run(const struct child_files *files, const char *path, const char *const *argv,
                      const char *const *envp)
{
        (void)setpgid(0, 0);
        signals_reset();
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != files->parent) /* it died before prctl */
                _exit(127);
        /* Not every library of the daemon sets CLOEXEC. 0 to 2 are open, so that none of ours is among them.
         */
        (void)close_range(3, ~0u, CLOSE_RANGE_CLOEXEC);
        int ok = dup2(files->input, 0) == 0 && dup2(files->output, 1) == 1 && dup2(files->output, 2) == 2;
        if (ok)
                (void)execve(path, (char *const *)(uintptr_t)argv, (char *const *)(uintptr_t)envp);
        int error = errno;
        (void)!write(files->status, &error, sizeof error);
        _exit(127);
}

static void ends_close(const int ends[2])
{
        (void)close(ends[0]);
        (void)close(ends[1]);
}

/* Blocks all signals over fork, so that no handler of ours runs in the child. */
static pid_t child_fork(const struct child_files *files, const char *path, const char *const *argv,
                        const char *const *envp)
{
        sigset_t all, before;
        sigfillset(&all);
        (void)pthread_sigmask(SIG_SETMASK, &all, &before);
        pid_t pid = fork();
        if (pid == 0)
                child_run(files, path, argv, envp);
        int error = errno;
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
        if (pid < 0)
                return -error;
        (void)setpgid(pid, pid); /* whoever comes first: a kill of the group must find it */
        return pid;
}

static int child_watch(pid_t pid)
{
        int pidfd = pidfd_open(pid, 0);
        if (pidfd >= 0)
                return pidfd;
        int error = errno;
        (void)kill(-pid, SIGKILL);
        (void)waitpid(pid, NULL, 0);
        return -error;
}

/* On failure both pipes are closed; on success their writing ends. */
static int pipes_start(const char *path, const char *const *argv, const char *const *envp, int input,
                       const int output[2], const int status[2], struct process_start *ret_start)
{
        struct child_files files = { input, output[1], status[1], getpid() };
        pid_t pid = child_fork(&files, path, argv, envp);
        int pidfd = pid < 0 ? pid : child_watch(pid);
        if (pidfd < 0) {
                ends_close(output);
                ends_close(status);
                return pidfd;
        }
        (void)close(output[1]);
        (void)close(status[1]);
        *ret_start = (struct process_start){
                .pid = pid, .pidfd = pidfd, .output_fd = output[0], .status_fd = status[0]
        };
        return 0;
}

int process_start(const char *path, const char *const *argv, const char *const *envp, const char *input,
                  struct process_start *ret_start)
{
        assert(path != NULL);
        assert(argv != NULL && argv[0] != NULL);

        SCOPED_CLOSE int input_fd = input_open(input);
        if (input_fd < 0)
                return input_fd;
        int output[2], status[2];
        int error = pipe_open(output);
        if (error < 0)
                return error;
        error = pipe_open(status);
        if (error < 0) {
                ends_close(output);
                return error;
        }
        return pipes_start(path, argv, envp, input_fd, output, status, ret_start);
}
