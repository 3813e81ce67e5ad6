/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/witness_share.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "clusterd/base/text.h"
#include "clusterd/io/host.h"
#include "clusterd/io/hypervisor_worker.h"

#define NS_PER_MS 1000000ull

/* What is asked, and later what came of it: it travels to the thread and back to the loop. */
struct job {
        uint64_t number; /* of the question */
        uint64_t expires_ms;
        struct witness_question question;
        struct witness_answer answer;
};

struct witness_share {
        qb_loop_t *loop;
        struct mailbox *mailbox;
        char path[PATH_MAX];
        struct witness_id id;
        witness_on_answer on_answer;
        void *context;

        /* of the loop */
        struct witness_question question; /* not answered */
        uint64_t asked;                   /* counts questions */
        bool open;                        /* the last one waits for its answer */
        bool busy;                        /* the thread has not come back */
        bool busy_before;                 /* it had not when the last one was asked */
        qb_loop_timer_handle timer;       /* 0: none */

        pthread_mutex_t mutex;
        pthread_cond_t wake;
        struct job *job; /* for the thread to take */
        bool closed;
        unsigned references; /* the owner, the thread, an answer that was posted */
};

/* Locked; unlocks. */
static void share_release(struct witness_share *share)
{
        bool is_last = --share->references == 0;
        pthread_mutex_unlock(&share->mutex);
        if (!is_last)
                return;
        pthread_cond_destroy(&share->wake);
        pthread_mutex_destroy(&share->mutex);
        free(share);
}

static void timer_end(struct witness_share *share)
{
        if (share->timer != 0)
                (void)qb_loop_timer_del(share->loop, share->timer);
        share->timer = 0;
}

static void answer(struct witness_share *share, const struct witness_answer *answer)
{
        struct witness_question question = share->question;
        share->open = false;
        timer_end(share);
        share->on_answer(share->context, &question, answer);
}

static void deliver(void *context, void *parcel)
{
        struct witness_share *share = context;
        struct job *job = parcel;
        /* Only the loop thread closes, and this is it. */
        if (!share->closed) {
                share->busy = false;
                if (share->open && job->number == share->asked)
                        answer(share, &job->answer);
        }
        free(job);
        pthread_mutex_lock(&share->mutex);
        share_release(share);
}

static void *share_run(void *context)
{
        struct witness_share *share = context;
        pthread_mutex_lock(&share->mutex);
        while (!share->closed) {
                struct job *job = share->job;
                if (job == NULL) {
                        pthread_cond_wait(&share->wake, &share->mutex);
                        continue;
                }
                share->job = NULL;
                pthread_mutex_unlock(&share->mutex);
                witness_file_ask(share->path, &share->id, &job->question, job->expires_ms, &job->answer);
                pthread_mutex_lock(&share->mutex);
                if (share->closed) {
                        free(job);
                        break;
                }
                share->references++;
                mailbox_post(share->mailbox, deliver, share, job);
        }
        share_release(share);
        return NULL;
}

int witness_share_new(qb_loop_t *loop, struct mailbox *mailbox, const char *path, const struct witness_id *id,
                      witness_on_answer on_answer, void *context, struct witness_share **ret_share)
{
        struct witness_share *share = calloc(1, sizeof *share);
        if (share == NULL)
                abort();
        share->loop = loop;
        share->mailbox = mailbox;
        TEXT_COPY(share->path, path);
        share->id = *id;
        share->on_answer = on_answer;
        share->context = context;
        share->references = 2;
        pthread_mutex_init(&share->mutex, NULL);
        pthread_cond_init(&share->wake, NULL);
        int error = worker_start_thread(share_run, share);
        if (error != 0) {
                free(share);
                return error;
        }
        *ret_share = share;
        return 0;
}

void witness_share_free(struct witness_share *share)
{
        if (share == NULL)
                return;
        timer_end(share);
        pthread_mutex_lock(&share->mutex);
        share->closed = true;
        free(share->job);
        share->job = NULL;
        pthread_cond_signal(&share->wake);
        share_release(share);
}

static void on_time(void *data)
{
        struct witness_share *share = data;
        share->timer = 0;
        answer(share, &(struct witness_answer){ .outcome = WITNESS_FAILED,
                                                .error = share->busy_before ? -EBUSY : -ETIMEDOUT });
}

static void timer_begin(struct witness_share *share, uint32_t after_ms)
{
        int error = qb_loop_timer_add(share->loop, QB_LOOP_HIGH, after_ms * NS_PER_MS, share, on_time,
                                      &share->timer);
        assert(error == 0);
}

void witness_share_ask(struct witness_share *share, const struct witness_question *question,
                       uint32_t timeout_ms)
{
        assert(!share->open);
        share->question = *question;
        share->open = true;
        share->asked++;
        share->busy_before = share->busy;
        timer_begin(share, share->busy ? 0 : timeout_ms);
        if (share->busy)
                return;
        struct job *job = calloc(1, sizeof *job);
        if (job == NULL)
                abort();
        job->number = share->asked;
        job->expires_ms = clock_boot_ms() + timeout_ms / 2; /* what is begun shall be told in time */
        job->question = *question;
        share->busy = true;
        pthread_mutex_lock(&share->mutex);
        share->job = job;
        pthread_cond_signal(&share->wake);
        pthread_mutex_unlock(&share->mutex);
}
