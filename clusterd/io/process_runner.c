/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/process_runner.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "clusterd/base/scope.h"
#include "clusterd/io/process_start.h"

#define OUTPUT_FIRST_BYTES 1024 /* most agents say less; doubled up to PROCESS_OUTPUT_BYTES */
#define READ_BYTES         16384
#define PIPE_BYTES         65536 /* capacity of a pipe on Linux, if the kernel does not tell; pipe(7) */
#define KILLED_WAIT_MS     2000  /* from SIGKILL until we stop waiting: only the kernel can hold it so long */
#define NS_PER_MS          1000000ull

struct process {
        LIST_ENTRY(process) link;
        struct process_runner *runner;
        process_on_exit on_exit;
        void *context;
        struct process_start child; /* descriptors -1 when closed */
        qb_loop_timer_handle timer;
        uint64_t started_ms;
        bool timed_out;
        bool told; /* on_exit was called; only to be waited for */
        char *output;
        size_t output_bytes, output_room;
};

struct process_runner {
        qb_loop_t *loop;
        LIST_HEAD(process_list, process) processes;
};

static uint64_t clock_ms(void)
{
        struct timespec now;
        (void)clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / NS_PER_MS;
}

static void *memory_need(void *memory)
{
        if (memory == NULL)
                abort();
        return memory;
}

/* What does not fit is dropped, but was read: the child must not block on it. */
static void output_add(struct process *process, const char *text, size_t bytes)
{
        size_t free_bytes = PROCESS_OUTPUT_BYTES - 1 - process->output_bytes;
        if (bytes > free_bytes)
                bytes = free_bytes;
        size_t need = process->output_bytes + bytes + 1;
        if (need > process->output_room) {
                size_t room = process->output_room == 0 ? OUTPUT_FIRST_BYTES : process->output_room;
                while (room < need)
                        room *= 2;
                process->output = memory_need(realloc(process->output, room));
                process->output_room = room;
        }
        memcpy(process->output + process->output_bytes, text, bytes);
        process->output_bytes += bytes;
        process->output[process->output_bytes] = '\0';
}

static void fd_forget(struct process *process, int *fd)
{
        if (*fd < 0)
                return;
        (void)qb_loop_poll_del(process->runner->loop, *fd);
        (void)close(*fd);
        *fd = -1;
}

static void timer_forget(struct process *process)
{
        if (process->timer != 0)
                (void)qb_loop_timer_del(process->runner->loop, process->timer);
        process->timer = 0;
}

static void process_free(struct process *process)
{
        fd_forget(process, &process->child.output_fd);
        fd_forget(process, &process->child.pidfd);
        if (process->child.status_fd >= 0)
                (void)close(process->child.status_fd);
        timer_forget(process);
        LIST_REMOVE(process, link);
        free(process->output);
        free(process);
}

static void process_tell(struct process *process, int exit_code)
{
        assert(!process->told);
        process->told = true;
        struct process_result result = {
                .timed_out = process->timed_out,
                .exit_code = exit_code,
                .output = process->output != NULL ? process->output : "",
                .duration_ms = (uint32_t)(clock_ms() - process->started_ms),
        };
        process->on_exit(process->context, &result);
}

/* false: nothing more will come. */
static bool output_read(struct process *process, size_t *ret_bytes)
{
        char text[READ_BYTES];
        ssize_t bytes = read(process->child.output_fd, text, sizeof text);
        *ret_bytes = bytes > 0 ? (size_t)bytes : 0;
        if (bytes > 0)
                output_add(process, text, (size_t)bytes);
        return bytes > 0 || (bytes < 0 && (errno == EAGAIN || errno == EINTR));
}

static int32_t on_output(int32_t fd, int32_t events, void *data)
{
        struct process *process = data;
        size_t bytes;
        (void)fd;
        (void)events;
        if (!output_read(process, &bytes))
                fd_forget(process, &process->child.output_fd);
        return 0;
}

/*
 * All that the child itself wrote is in the pipe when it has ended; what comes after one pipe full is from
 * those it left behind, and they may write for ever.
 */
static void output_drain(struct process *process)
{
        if (process->child.output_fd < 0)
                return;
        int capacity = fcntl(process->child.output_fd, F_GETPIPE_SZ);
        size_t left = capacity > 0 ? (size_t)capacity : PIPE_BYTES;
        size_t bytes;
        while (output_read(process, &bytes) && bytes > 0 && bytes <= left)
                left -= bytes;
        fd_forget(process, &process->child.output_fd);
}

static void output_set_error(struct process *process, const char *name, int error)
{
        char text[256];
        int bytes = snprintf(text, sizeof text, "could not run %s: %s", name, strerror(error));
        output_add(process, text, (size_t)bytes < sizeof text ? (size_t)bytes : sizeof text - 1);
}

/* -1 also when its end was lost to somebody else's wait. */
static int exit_code_read(struct process *process)
{
        siginfo_t info = { 0 };
        int error = 0;
        if (waitid(P_PIDFD, (id_t)process->child.pidfd, &info, WEXITED) < 0) {
                output_set_error(process, "wait for it", errno);
                return -1;
        }
        if (read(process->child.status_fd, &error, sizeof error) == sizeof error) {
                output_set_error(process, "the program", error);
                return -1;
        }
        return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
}

static int32_t on_ended(int32_t fd, int32_t events, void *data)
{
        struct process *process = data;
        (void)fd;
        (void)events;
        int exit_code = exit_code_read(process);
        if (!process->told) {
                output_drain(process);
                timer_forget(process);
                fd_forget(process, &process->child.pidfd);
                process_tell(process, exit_code);
        }
        process_free(process);
        return 0;
}

/* Not even SIGKILL ended it. Its end, if it comes, is still waited for: nothing else reaps it. */
static void on_unkillable(void *data)
{
        struct process *process = data;
        process->timer = 0;
        fd_forget(process, &process->child.output_fd);
        process_tell(process, 128 + SIGKILL);
}

static void timer_set(struct process *process, uint32_t after_ms, qb_loop_timer_dispatch_fn on_timer)
{
        int error = qb_loop_timer_add(process->runner->loop, QB_LOOP_HIGH, after_ms * NS_PER_MS, process,
                                      on_timer, &process->timer);
        assert(error == 0);
}

static void on_deadline(void *data)
{
        struct process *process = data;
        process->timer = 0;
        process->timed_out = true;
        (void)kill(-process->child.pid, SIGKILL);
        timer_set(process, KILLED_WAIT_MS, on_unkillable);
}

static void on_not_started(void *data)
{
        struct process *process = data;
        process->timer = 0;
        process_tell(process, -1);
        process_free(process);
}

static bool environment_has(const char *const *envp, const char *key)
{
        size_t length = strlen(key);
        for (; envp != NULL && *envp != NULL; envp++)
                if (strncmp(*envp, key, length) == 0)
                        return true;
        return false;
}

/* path: "PATH=...", borrowed. Given, free(): the array alone. */
static const char **environment_make(const char *const *envp, const char *path)
{
        size_t count = 0;
        while (envp != NULL && envp[count] != NULL)
                count++;
        const char **all = memory_need(calloc(count + 3, sizeof *all));
        size_t at = 0;
        if (!environment_has(envp, "PATH="))
                all[at++] = path;
        if (!environment_has(envp, "LANG="))
                all[at++] = "LANG=C";
        for (size_t i = 0; i < count; i++)
                all[at++] = envp[i];
        return all;
}

static int process_try(struct process *process, const struct process_request *request)
{
        SCOPED_FREE char *path = NULL;
        int error = process_path_find(request->argv[0], &path);
        if (error < 0)
                return error;
        SCOPED_FREE char *search = process_path_text();
        SCOPED_FREE char *assignment = NULL;
        if (asprintf(&assignment, "PATH=%s", search) < 0)
                abort();
        SCOPED_FREE const char **environment = environment_make(request->envp, assignment);
        return process_start(path, request->argv, environment, request->input, &process->child);
}

static void process_watch(struct process *process, uint32_t timeout_ms)
{
        qb_loop_t *loop = process->runner->loop;
        int error = qb_loop_poll_add(loop, QB_LOOP_MED, process->child.output_fd, POLLIN, process, on_output);
        assert(error == 0);
        error = qb_loop_poll_add(loop, QB_LOOP_MED, process->child.pidfd, POLLIN, process, on_ended);
        assert(error == 0);
        timer_set(process, timeout_ms, on_deadline);
}

void process_run(struct process_runner *runner, const struct process_request *request)
{
        assert(request->on_exit != NULL);
        assert(request->argv != NULL && request->argv[0] != NULL);

        struct process *process = memory_need(calloc(1, sizeof *process));
        process->runner = runner;
        process->on_exit = request->on_exit;
        process->context = request->context;
        process->started_ms = clock_ms();
        process->child = (struct process_start){ .pidfd = -1, .output_fd = -1, .status_fd = -1 };
        LIST_INSERT_HEAD(&runner->processes, process, link);

        int error = process_try(process, request);
        if (error == 0) {
                process_watch(process, request->timeout_ms);
                return;
        }
        output_set_error(process, request->argv[0], -error);
        timer_set(process, 0, on_not_started); /* not a job: libqb leaks those that are taken back */
}

void process_cancel(struct process_runner *runner, const void *context)
{
        struct process *process = LIST_FIRST(&runner->processes);
        while (process != NULL && (process->told || process->context != context))
                process = LIST_NEXT(process, link);
        assert(process != NULL);
        if (process->child.pidfd < 0) { /* never started */
                process_free(process);
                return;
        }
        (void)kill(-process->child.pid, SIGKILL);
        process->told = true;
        timer_forget(process);
        fd_forget(process, &process->child.output_fd);
}

int process_runner_new(qb_loop_t *loop, struct process_runner **ret_runner)
{
        assert(loop != NULL);
        struct process_runner *runner = memory_need(calloc(1, sizeof *runner));
        runner->loop = loop;
        LIST_INIT(&runner->processes);
        *ret_runner = runner;
        return 0;
}

qb_loop_t *process_runner_loop(const struct process_runner *runner)
{
        return runner->loop;
}

void process_runner_free(struct process_runner *runner)
{
        if (runner == NULL)
                return;
        while (!LIST_EMPTY(&runner->processes)) {
                struct process *process = LIST_FIRST(&runner->processes);
                if (process->child.pidfd >= 0)
                        (void)kill(-process->child.pid, SIGKILL);
                process_free(process);
        }
        free(runner);
}
