/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_LEASE_WORKER_H
#define CLU_CLUSTERD_IO_LEASE_WORKER_H

/*
 * The thread that does the I/O on one volume's lease area. A volume that hangs
 * hangs its own thread: nobody else waits, and what comes late is told as
 * late, with the times at which it was begun and ended. Nothing is given up:
 * an I/O under way may reach the disk at any moment, so its end is waited for.
 */

#include "clusterd/io/lease_visit.h"
#include "clusterd/io/mailbox.h"
#include "csv-storage/lease_observer.h"
#include "csv-storage/lease_pass.h"

/* Run on the loop thread, in the order of asking. */
struct lease_worker_answers {
        void (*on_pass)(void *context, const struct lease_pass_result *result);
        void (*on_sight)(void *context, uint32_t node, const struct lease_sight *sight);
        void (*on_revoked)(void *context, uint32_t node, int error); /* 0: the revocation stands there */
        void (*on_visited)(void *context, const struct lease_visit_result *result);
        void *context;
};

struct lease_worker;

/* path: of the lease area's file; it is opened when first needed, and again after an error. 0 or negative
 * errno. */
int lease_worker_new(struct mailbox *mailbox, const char *path, const struct lease_area_id *area,
                     const struct lease_worker_answers *answers, struct lease_worker **ret_worker);
/* From the loop thread. No answer comes after it. Does not wait: a thread that hangs ends when it can. */
void lease_worker_free(struct lease_worker *worker);

/* The same, and the area goes, if it is still this one, when the thread comes to it. */
void lease_worker_retire(struct lease_worker *worker);

/* Each is answered once, or not at all if the volume hangs for ever. */
void lease_worker_pass(struct lease_worker *worker, const struct lease_pass *pass);
void lease_worker_look(struct lease_worker *worker, uint32_t node);
void lease_worker_revoke(struct lease_worker *worker, const struct lease_revocation *revocation);
void lease_worker_visit(struct lease_worker *worker, const struct lease_visit *visit);

#endif
