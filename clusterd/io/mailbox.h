/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_MAILBOX_H
#define CLU_CLUSTERD_IO_MAILBOX_H

/* Carries results of worker threads to the loop thread, in the order of posting. */

#include <qb/qbloop.h>

struct mailbox;

/* Runs on the loop thread; frees the parcel. */
typedef void (*mailbox_deliver)(void *context, void *parcel);

/* 0 or negative errno. */
int mailbox_new(qb_loop_t *loop, struct mailbox **ret_mailbox);
/* From any thread. Never blocks for long, never fails: out of memory aborts. */
void mailbox_post(struct mailbox *mailbox, mailbox_deliver deliver, void *context, void *parcel);
/* No worker may post any more. What was not delivered is dropped (and leaks: only at exit). */
void mailbox_free(struct mailbox *mailbox);

#endif
