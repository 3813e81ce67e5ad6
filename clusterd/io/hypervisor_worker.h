/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_HYPERVISOR_WORKER_H
#define CLU_CLUSTERD_IO_HYPERVISOR_WORKER_H

/*
 * Threads that may wait for libvirt.
 *
 * The pool grows by need up to WORKERS_MAX, so that a call that hangs takes
 * one thread away and delays nobody. Threads are detached: one that hangs for
 * ever must not keep the daemon from ending.
 */

#include <stddef.h>

#define WORKERS_MAX 16

struct worker_pool;

typedef void (*worker_run)(void *context);

struct worker_pool *worker_pool_new(void);
/* What is queued is still run; does not wait. */
void worker_pool_free(struct worker_pool *pool);
void worker_pool_submit(struct worker_pool *pool, worker_run run, void *context);
/* For work that is known to last: a thread of its own, not counted. */
void worker_pool_submit_long(struct worker_pool *pool, worker_run run, void *context);

/* A detached thread with every signal blocked; 0 or negative errno. */
int worker_start_thread(void *(*run)(void *), void *context);
/* The same for who calls what needs more stack. */
int worker_start_deep_thread(void *(*run)(void *), void *context, size_t stack_bytes);

#endif
