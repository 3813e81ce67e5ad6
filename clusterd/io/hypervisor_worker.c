/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/hypervisor_worker.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <time.h>

#define IDLE_S      30           /* then a thread that is not needed ends */
#define STACK_BYTES (512 * 1024) /* libvirt's client side with GLib; the default is 8 MiB each */

struct job {
        STAILQ_ENTRY(job) link;
        worker_run run;
        void *context;
};

STAILQ_HEAD(job_queue, job);

struct worker_pool {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        struct job_queue queue;
        unsigned queued, threads, idle;
        unsigned references; /* the owner and every thread */
        bool is_closed;
};

int worker_start_deep_thread(void *(*run)(void *), void *context, size_t stack_bytes)
{
        pthread_attr_t attributes;
        sigset_t all, before;
        pthread_t thread;
        pthread_attr_init(&attributes);
        pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
        pthread_attr_setstacksize(&attributes, stack_bytes);
        /* Signals are the loop thread's. */
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
        int r = pthread_create(&thread, &attributes, run, context);
        pthread_sigmask(SIG_SETMASK, &before, NULL);
        pthread_attr_destroy(&attributes);
        return -r;
}

int worker_start_thread(void *(*run)(void *), void *context)
{
        return worker_start_deep_thread(run, context, STACK_BYTES);
}

struct worker_pool *worker_pool_new(void)
{
        struct worker_pool *pool = calloc(1, sizeof(*pool));
        assert(pool != NULL);
        pthread_condattr_t attributes;
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&pool->changed, &attributes);
        pthread_condattr_destroy(&attributes);
        pthread_mutex_init(&pool->lock, NULL);
        STAILQ_INIT(&pool->queue);
        pool->references = 1;
        return pool;
}

/* Unlocks. */
static void pool_release(struct worker_pool *pool)
{
        bool is_last = --pool->references == 0;
        pthread_mutex_unlock(&pool->lock);
        if (!is_last)
                return;
        pthread_cond_destroy(&pool->changed);
        pthread_mutex_destroy(&pool->lock);
        free(pool);
}

void worker_pool_free(struct worker_pool *pool)
{
        if (pool == NULL)
                return;
        pthread_mutex_lock(&pool->lock);
        pool->is_closed = true;
        pthread_cond_broadcast(&pool->changed);
        pool_release(pool);
}

/* NULL when this thread is not needed any more; locked. */
static struct job *next_job(struct worker_pool *pool)
{
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += IDLE_S;
        int r = 0;
        while (STAILQ_EMPTY(&pool->queue) && !pool->is_closed && r == 0) {
                pool->idle++;
                r = pthread_cond_timedwait(&pool->changed, &pool->lock, &until);
                pool->idle--;
        }
        struct job *job = STAILQ_FIRST(&pool->queue);
        if (job != NULL) {
                STAILQ_REMOVE_HEAD(&pool->queue, link);
                pool->queued--;
        }
        return job;
}

static void *run_worker(void *context)
{
        struct worker_pool *pool = context;
        pthread_mutex_lock(&pool->lock);
        for (struct job *job = next_job(pool); job != NULL; job = next_job(pool)) {
                pthread_mutex_unlock(&pool->lock);
                job->run(job->context);
                free(job);
                pthread_mutex_lock(&pool->lock);
        }
        pool->threads--;
        pool_release(pool);
        return NULL;
}

static struct job *job_new(worker_run run, void *context)
{
        struct job *job = calloc(1, sizeof(*job));
        assert(job != NULL);
        job->run = run;
        job->context = context;
        return job;
}

void worker_pool_submit(struct worker_pool *pool, worker_run run, void *context)
{
        struct job *job = job_new(run, context);
        pthread_mutex_lock(&pool->lock);
        STAILQ_INSERT_TAIL(&pool->queue, job, link);
        pool->queued++;
        /* Should no thread be had, the job waits for one that exists, and its deadline stands behind that. */
        if (pool->queued > pool->idle && pool->threads < WORKERS_MAX &&
            worker_start_thread(run_worker, pool) == 0) {
                pool->threads++;
                pool->references++;
        }
        pthread_cond_signal(&pool->changed);
        pthread_mutex_unlock(&pool->lock);
}

static void *run_long(void *context)
{
        struct job *job = context;
        job->run(job->context);
        free(job);
        return NULL;
}

void worker_pool_submit_long(struct worker_pool *pool, worker_run run, void *context)
{
        struct job *job = job_new(run, context);
        if (worker_start_thread(run_long, job) == 0)
                return;
        free(job);
        worker_pool_submit(pool, run, context);
}
