/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/lease_worker.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clusterd/base/text.h"
#include "clusterd/io/host.h"
#include "clusterd/io/hypervisor_worker.h"
#include "clusterd/io/lease_file.h"

enum job_kind { JOB_PASS, JOB_LOOK, JOB_REVOKE, JOB_VISIT };

/* What is asked, and later what came of it: it travels to the thread and back to the loop. */
struct job {
        STAILQ_ENTRY(job) link;
        enum job_kind kind;
        uint32_t node;
        union {
                struct {
                        struct lease_pass asked;
                        struct lease_pass_result result;
                } pass;
                struct lease_sight sight;
                struct {
                        struct lease_revocation asked;
                        int error;
                } revoke;
                struct {
                        struct lease_visit asked;
                        struct lease_visit_result result;
                } visit;
        };
};

STAILQ_HEAD(job_queue, job);

struct lease_worker {
        struct mailbox *mailbox;
        char path[PATH_MAX];
        struct lease_area_id area;
        struct lease_worker_answers answers;

        pthread_mutex_t mutex;
        pthread_cond_t wake;
        struct job_queue queue;
        bool closed;
        bool retired;        /* the area goes with the thread */
        unsigned references; /* the owner, the thread, every job that was posted */

        int fd;          /* of the thread alone; -1: to be opened */
        uint8_t *buffer; /* of the thread alone: two sectors */
};

/* Locked; unlocks. */
static void worker_release(struct lease_worker *worker)
{
        bool is_last = --worker->references == 0;
        pthread_mutex_unlock(&worker->mutex);
        if (!is_last)
                return;
        assert(STAILQ_EMPTY(&worker->queue));
        pthread_cond_destroy(&worker->wake);
        pthread_mutex_destroy(&worker->mutex);
        free(worker->buffer);
        free(worker);
}

static void file_close(struct lease_worker *worker)
{
        if (worker->fd >= 0)
                (void)close(worker->fd);
        worker->fd = -1;
}

/* An area that was put back from a copy, or mounted over: what is written here nobody else would read. */
static bool file_is_current(const struct lease_worker *worker)
{
        struct stat opened, named;
        return fstat(worker->fd, &opened) == 0 && stat(worker->path, &named) == 0 &&
               opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

static int file_open(struct lease_worker *worker, struct lease_area_id *ret_owner)
{
        if (worker->fd >= 0 && !file_is_current(worker))
                file_close(worker);
        return worker->fd >= 0 ? 0 : lease_file_open(worker->path, &worker->area, ret_owner, &worker->fd);
}

/* Is the area ours now, too? Before anything is written over that does not say so itself. */
static int file_open_anew(struct lease_worker *worker)
{
        struct lease_area_id owner;
        file_close(worker);
        return file_open(worker, &owner);
}

/* What failed is opened anew the next time: a file system that was mounted again is another one. */
static int file_done(struct lease_worker *worker, int error)
{
        if (error != 0)
                file_close(worker);
        return error;
}

/* The lease and the revocation of a node into the buffer. */
static int sectors_read(struct lease_worker *worker, uint32_t node)
{
        struct lease_area_id owner;
        int error = file_open(worker, &owner);
        return error != 0 ? error : lease_file_read(worker->fd, LEASE_SECTOR(node), worker->buffer, 2);
}

static bool revocation_decode(const struct lease_worker *worker, uint32_t node, struct lease_revocation *ret)
{
        return lease_revocation_decode(worker->buffer + SECTOR_BYTES, &worker->area, node, ret) ==
               SECTOR_VALID;
}

static int pass_write(struct lease_worker *worker, const struct lease_pass *pass,
                      struct lease_pass_result *result)
{
        uint8_t written[RECORD_BYTES];
        lease_record_encode(&worker->area, &pass->record, worker->buffer);
        memcpy(written, worker->buffer, RECORD_BYTES);
        int error = lease_file_write(worker->fd, LEASE_SECTOR(pass->record.node), worker->buffer);
        if (error == 0)
                error = sectors_read(worker, pass->record.node);
        if (error == 0 && memcmp(written, worker->buffer, RECORD_BYTES) != 0)
                error = -EIO; /* somebody else writes there, or the volume forgets */
        if (error == 0)
                result->has_revocation = revocation_decode(worker, pass->record.node, &result->revocation);
        return error;
}

static int pass_try(struct lease_worker *worker, const struct lease_pass *pass,
                    struct lease_pass_result *result)
{
        int error = sectors_read(worker, pass->record.node);
        if (error != 0)
                return error;
        result->found =
                lease_record_decode(worker->buffer, &worker->area, pass->record.node, &result->record);
        result->outcome = LEASE_PASS_DONE;
        if (pass->kind == LEASE_PASS_LOOK)
                return 0;
        if (!lease_pass_may_write(pass, result->found, &result->record)) {
                result->outcome = LEASE_PASS_REFUSED;
                return 0;
        }
        if (result->found != SECTOR_VALID)
                error = file_open_anew(worker);
        return error == 0 ? pass_write(worker, pass, result) : error;
}

static void pass_run(struct lease_worker *worker, struct job *job)
{
        struct lease_pass_result *result = &job->pass.result;
        memset(result, 0, sizeof *result);
        result->started_ms = clock_boot_ms();
        result->error = file_done(worker, pass_try(worker, &job->pass.asked, result));
        if (result->error != 0)
                result->outcome = LEASE_PASS_FAILED;
        result->ended_ms = clock_boot_ms();
}

static void look_run(struct lease_worker *worker, struct job *job)
{
        struct lease_sight *sight = &job->sight;
        memset(sight, 0, sizeof *sight);
        sight->started_ms = clock_boot_ms();
        sight->error = file_done(worker, sectors_read(worker, job->node));
        if (sight->error == 0) {
                sight->content =
                        lease_record_decode(worker->buffer, &worker->area, job->node, &sight->record);
                sight->has_revocation = revocation_decode(worker, job->node, &sight->revocation);
        }
        sight->ended_ms = clock_boot_ms();
}

/* Over whatever is there: its sector is the leaders' own. */
static void revoke_run(struct lease_worker *worker, struct job *job)
{
        int error = file_open_anew(worker);
        if (error == 0) {
                lease_revocation_encode(&worker->area, &job->revoke.asked, worker->buffer);
                error = lease_file_write(worker->fd, REVOCATION_SECTOR(job->node), worker->buffer);
        }
        job->revoke.error = file_done(worker, error);
}

/* What stands at the path now, not what was opened there once: it may have been mounted over or unmounted. */
static void visit_run(struct lease_worker *worker, struct job *job)
{
        struct lease_visit_result *result = &job->visit.result;
        memset(result, 0, sizeof *result);
        file_close(worker);
        if (job->visit.asked.create) {
                result->made = access(worker->path, F_OK) != 0;
                result->error = lease_file_create(worker->path, &worker->area, &result->owner);
        }
        if (result->error == 0)
                result->error = file_open(worker, &result->owner);
        if (result->error == 0)
                result->error =
                        lease_visit_run(worker->fd, worker->buffer, &worker->area, &job->visit.asked, result);
        (void)file_done(worker, result->error);
}

static void job_run(struct lease_worker *worker, struct job *job)
{
        switch (job->kind) {
        case JOB_PASS:
                pass_run(worker, job);
                break;
        case JOB_LOOK:
                look_run(worker, job);
                break;
        case JOB_REVOKE:
                revoke_run(worker, job);
                break;
        case JOB_VISIT:
                visit_run(worker, job);
                break;
        }
}

static void deliver(void *context, void *parcel)
{
        struct lease_worker *worker = context;
        struct job *job = parcel;
        const struct lease_worker_answers *answers = &worker->answers;
        /* Only the loop thread closes, and this is it. */
        if (!worker->closed) {
                switch (job->kind) {
                case JOB_PASS:
                        answers->on_pass(answers->context, &job->pass.result);
                        break;
                case JOB_LOOK:
                        answers->on_sight(answers->context, job->node, &job->sight);
                        break;
                case JOB_REVOKE:
                        answers->on_revoked(answers->context, job->node, job->revoke.error);
                        break;
                case JOB_VISIT:
                        answers->on_visited(answers->context, &job->visit.result);
                        break;
                }
        }
        free(job);
        pthread_mutex_lock(&worker->mutex);
        worker_release(worker);
}

/* Locked. Posting is closed with the worker, so that the mailbox may go when all its workers are freed. */
static void job_end(struct lease_worker *worker, struct job *job)
{
        if (worker->closed) {
                free(job);
                return;
        }
        worker->references++;
        mailbox_post(worker->mailbox, deliver, worker, job);
}

static void *lease_worker_run(void *context)
{
        struct lease_worker *worker = context;
        (void)host_prioritize_thread(); /* a renewal may not wait for guests that keep every processor busy */
        pthread_mutex_lock(&worker->mutex);
        while (!worker->closed) {
                struct job *job = STAILQ_FIRST(&worker->queue);
                if (job == NULL) {
                        pthread_cond_wait(&worker->wake, &worker->mutex);
                        continue;
                }
                STAILQ_REMOVE_HEAD(&worker->queue, link);
                pthread_mutex_unlock(&worker->mutex);
                job_run(worker, job);
                pthread_mutex_lock(&worker->mutex);
                job_end(worker, job);
        }
        bool retired = worker->retired;
        pthread_mutex_unlock(&worker->mutex);
        file_close(worker); /* here, because it may block */
        if (retired)
                (void)lease_file_remove(worker->path, &worker->area);
        pthread_mutex_lock(&worker->mutex);
        worker_release(worker);
        return NULL;
}

int lease_worker_new(struct mailbox *mailbox, const char *path, const struct lease_area_id *area,
                     const struct lease_worker_answers *answers, struct lease_worker **ret_worker)
{
        struct lease_worker *worker = calloc(1, sizeof *worker);
        if (worker == NULL || posix_memalign((void **)&worker->buffer, SECTOR_BYTES, 2 * SECTOR_BYTES) != 0)
                abort();
        worker->mailbox = mailbox;
        TEXT_COPY(worker->path, path);
        worker->area = *area;
        worker->answers = *answers;
        worker->fd = -1;
        worker->references = 2;
        STAILQ_INIT(&worker->queue);
        pthread_mutex_init(&worker->mutex, NULL);
        pthread_cond_init(&worker->wake, NULL);
        int error = worker_start_thread(lease_worker_run, worker);
        if (error != 0) {
                free(worker->buffer);
                free(worker);
                return error;
        }
        *ret_worker = worker;
        return 0;
}

static void close_worker(struct lease_worker *worker, bool retired)
{
        struct job *job;
        if (worker == NULL)
                return;
        pthread_mutex_lock(&worker->mutex);
        worker->closed = true;
        worker->retired = retired;
        while ((job = STAILQ_FIRST(&worker->queue)) != NULL) {
                STAILQ_REMOVE_HEAD(&worker->queue, link);
                free(job);
        }
        pthread_cond_signal(&worker->wake);
        worker_release(worker);
}

void lease_worker_free(struct lease_worker *worker)
{
        close_worker(worker, false);
}

void lease_worker_retire(struct lease_worker *worker)
{
        close_worker(worker, true);
}

static void job_ask(struct lease_worker *worker, const struct job *asked)
{
        struct job *job = malloc(sizeof *job);
        if (job == NULL)
                abort();
        *job = *asked;
        pthread_mutex_lock(&worker->mutex);
        assert(!worker->closed);
        STAILQ_INSERT_TAIL(&worker->queue, job, link);
        pthread_cond_signal(&worker->wake);
        pthread_mutex_unlock(&worker->mutex);
}

void lease_worker_pass(struct lease_worker *worker, const struct lease_pass *pass)
{
        job_ask(worker, &(struct job){ .kind = JOB_PASS, .node = pass->record.node, .pass.asked = *pass });
}

void lease_worker_look(struct lease_worker *worker, uint32_t node)
{
        job_ask(worker, &(struct job){ .kind = JOB_LOOK, .node = node });
}

void lease_worker_revoke(struct lease_worker *worker, const struct lease_revocation *revocation)
{
        job_ask(worker,
                &(struct job){ .kind = JOB_REVOKE, .node = revocation->node, .revoke.asked = *revocation });
}

void lease_worker_visit(struct lease_worker *worker, const struct lease_visit *visit)
{
        job_ask(worker, &(struct job){ .kind = JOB_VISIT, .node = visit->mark.node, .visit.asked = *visit });
}
