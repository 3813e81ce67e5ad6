/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_QNETD_WATCH_H
#define CLU_CLUSTERD_IO_QNETD_WATCH_H

/*
 * What a claim to qnetd's vote is made of (quorum/qnetd_claim.h), as this node's
 * votequorum and corosync-qdevice tell it: in their order, from a thread of its
 * own, so that one that hangs is a witness that is silent.
 */

#include <stdbool.h>
#include <stdint.h>

#include "clusterd/base/node_set.h"
#include "clusterd/io/mailbox.h"

struct qnetd_watch;

/* What is to be seen at this moment. Not what a claim is made of: a vote may have come and gone between. */
struct qnetd_sight {
        int error;      /* 0, or why nothing else is known; -ENOENT, -ECONNREFUSED: no corosync-qdevice */
        bool connected; /* corosync-qdevice to qnetd */
        bool encrypted;
        bool voted;          /* votequorum counts its vote */
        uint64_t connection; /* that has stood for a while; 0: none */
};

/* On the loop thread, in the order in which it happened. */
struct qnetd_listener {
        void *context;
        /* A ring has formed, or was there already; its number is that of membership_ring(). 0: corosync is
         * gone. */
        void (*on_ring)(void *context, uint64_t ring, node_set members);
        /* An answer in that ring: the first when it is formed; or, if it was there already, what there is. */
        void (*on_answer)(void *context, bool granted, uint64_t connection);
        /* At first and whenever it changes. */
        void (*on_sight)(void *context, const struct qnetd_sight *sight);
};

/* mailbox: outlives it. node: this one. 0 or negative errno. */
int qnetd_watch_new(struct mailbox *mailbox, uint32_t node, const struct qnetd_listener *listener,
                    struct qnetd_watch **ret_watch);
/* From the loop thread. Nothing is told after it. Does not wait. NULL accepted. */
void qnetd_watch_free(struct qnetd_watch *watch);

#endif
