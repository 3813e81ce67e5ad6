/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_PROCESS_RUNNER_H
#define CLU_CLUSTERD_IO_PROCESS_RUNNER_H

/*
 * Runs child processes (OCF agents, fence agents) from the loop, with input,
 * captured output and a deadline. On the deadline the whole process group
 * is killed.
 */

#include <qb/qbloop.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

struct process_runner;

struct process_result {
        bool timed_out;
        int exit_code;      /* 128 + n when signal n killed it; -1 when it could not be started */
        const char *output; /* standard output and error together, closed by a zero, at most
                             * PROCESS_OUTPUT_BYTES; borrowed. Says why when it could not be started */
        uint32_t duration_ms;
};

#define PROCESS_OUTPUT_BYTES 65536

typedef void (*process_on_exit)(void *context, const struct process_result *result);

struct process_request {
        const char *const *argv; /* NULL-terminated; argv[0] looked up in PATH */
        const char *const
                *envp;     /* "KEY=value", NULL-terminated: added to a clean environment (PATH, LANG=C) */
        const char *input; /* standard input; NULL: none */
        uint32_t timeout_ms;
        process_on_exit on_exit; /* once, on the loop thread, never before process_run returns */
        void *context;
};

/*
 * Nobody else may wait for the children of this process, nor ignore SIGCHLD: the exit code would be lost
 * and is then reported as -1.
 */
int process_runner_new(qb_loop_t *loop, struct process_runner **ret_runner);
/* Kills what still runs, process groups and all, without calling on_exit. Not from on_exit. NULL accepted. */
void process_runner_free(struct process_runner *runner);
/*
 * Copies what it needs. What the program leaves behind in the background neither delays on_exit nor is
 * killed, unless the deadline passes first; a process that not even SIGKILL ends (stuck in the kernel) is
 * reported as timed out two seconds after its deadline.
 */
void process_run(struct process_runner *runner, const struct process_request *request);

/*
 * Kills the process that was run with this context, its process group and all, without calling its on_exit.
 * There must be one.
 */
void process_cancel(struct process_runner *runner, const void *context);

/* The loop it runs in: for who waits between two processes. */
qb_loop_t *process_runner_loop(const struct process_runner *runner);

#endif
