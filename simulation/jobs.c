/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "simulation/jobs.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define END_OF_TEXT 0x1e /* between what was printed of a seed and its report; in no transcript */

struct worker {
        pid_t pid;
        FILE *output; /* of its process, ours to read */
};

/* Each process takes every so many-th seed, so that who is read next is known. */
static void work(const struct jobs *jobs, uint64_t offset)
{
        for (uint64_t at = offset; at < jobs->seeds; at += jobs->processes) {
                struct seed_report report = { .seed = jobs->first + at };
                jobs->run(jobs->context, report.seed, &report);
                (void)putchar(END_OF_TEXT);
                (void)fwrite(&report, sizeof(report), 1, stdout);
                (void)fflush(stdout);
        }
}

static int worker_start(const struct jobs *jobs, uint64_t offset, struct worker *ret_worker)
{
        int ends[2];
        if (pipe2(ends, O_CLOEXEC) < 0)
                return -errno;
        (void)fflush(stdout);
        pid_t pid = fork();
        if (pid < 0) {
                int error = -errno;
                (void)close(ends[0]);
                (void)close(ends[1]);
                return error;
        }
        if (pid == 0) {
                (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
                (void)dup2(ends[1], STDOUT_FILENO);
                (void)close(ends[0]);
                work(jobs, offset);
                _exit(0);
        }
        (void)close(ends[1]);
        *ret_worker = (struct worker){ .pid = pid, .output = fdopen(ends[0], "r") };
        return 0;
}

static bool worker_read(struct worker *worker, struct seed_report *ret_report)
{
        int byte;
        while ((byte = getc(worker->output)) != EOF && byte != END_OF_TEXT)
                (void)putchar(byte);
        return byte != EOF && fread(ret_report, sizeof(*ret_report), 1, worker->output) == 1;
}

static void worker_end(struct worker *worker)
{
        if (worker->output == NULL)
                return;
        (void)fclose(worker->output);
        (void)kill(worker->pid, SIGTERM); /* it may be in the middle of a seed that nobody asks for now */
        (void)waitpid(worker->pid, NULL, 0);
}

static void collect(const struct jobs *jobs, struct worker *workers)
{
        for (uint64_t at = 0; at < jobs->seeds; at++) {
                struct seed_report report = { .seed = jobs->first + at };
                if (!worker_read(&workers[at % jobs->processes], &report)) {
                        (void)printf("VIOLATION seed %" PRIu64 ": its process died\n", jobs->first + at);
                        report = (struct seed_report){ .seed = jobs->first + at };
                        (void)jobs->done(jobs->context, &report);
                        return;
                }
                if (!jobs->done(jobs->context, &report))
                        return;
        }
}

static void run_here(const struct jobs *jobs)
{
        for (uint64_t at = 0; at < jobs->seeds; at++) {
                struct seed_report report = { .seed = jobs->first + at };
                jobs->run(jobs->context, report.seed, &report);
                if (!jobs->done(jobs->context, &report))
                        return;
        }
}

int jobs_run(const struct jobs *jobs)
{
        if (jobs->processes <= 1) {
                run_here(jobs);
                return 0;
        }
        struct worker *workers = calloc(jobs->processes, sizeof(*workers));
        int error = workers == NULL ? -ENOMEM : 0;
        for (uint32_t i = 0; error == 0 && i < jobs->processes; i++)
                error = worker_start(jobs, i, &workers[i]);
        if (error == 0)
                collect(jobs, workers);
        for (uint32_t i = 0; workers != NULL && i < jobs->processes; i++)
                worker_end(&workers[i]);
        free(workers);
        return error;
}
