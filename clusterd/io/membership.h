/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_MEMBERSHIP_H
#define CLU_CLUSTERD_IO_MEMBERSHIP_H

/* The group of nodes, by corosync: who is in it, and messages in one total order. */

#include <qb/qbloop.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clusterd/base/limits.h"
#include "clusterd/base/node_set.h"

struct membership;

/* Called on the loop thread, from the loop. */
struct membership_listener {
        void *context;
        /* members: nodes with a daemon in the group; connected: nodes in corosync's membership. Both may be
         * as before, in a new ring. */
        void (*on_view)(void *context, node_set members, node_set connected);
        /* In total order; own messages come back too. bytes are borrowed. */
        void (*on_message)(void *context, uint32_t sender, const void *bytes, size_t count);
        /* All that was ready has been delivered: the moment to end a batch. */
        void (*on_batch_end)(void *context);
        /* corosync has gone. Connecting again is tried every 500 ms, and on_view follows; until
         * then an on_view(0, 0) has been given. */
        void (*on_gone)(void *context, const char *text);
};

/* The nodes as configured in corosync (cmap nodelist). */
struct membership_node {
        uint32_t id;
        char name[NAME_BYTES];
        char address[ADDRESS_BYTES]; /* ring0_addr */
};

struct membership_config {
        uint32_t local_node;
        char cluster_name[NAME_BYTES];
        uint32_t view_ms; /* from the loss of a node to the view without it: token and consensus; 0: not told
                           */
        size_t count;
        struct membership_node nodes[NODES_MAX];
};

/* 0; -ENOTCONN when corosync does not answer; -EINVAL with a text for what we cannot use. */
int membership_read_config(struct membership_config *ret_config, char *ret_error, size_t error_bytes);

/*
 * Joins the CPG group `group`. 0; -ENOTCONN: *ret_membership is there and goes
 * on trying (see on_gone); other negative errno: it is not. Listeners are
 * called from the loop only, never from within these functions; they may
 * send, and must not free.
 */
int membership_new(qb_loop_t *loop, const char *group, const struct membership_listener *listener,
                   struct membership **ret_membership);
void membership_free(struct membership *membership);

/* Queued when corosync is busy (flow control), then sent in order. Dropped while not connected. */
void membership_send(struct membership *membership, const void *bytes, size_t count);

/* The ring of the last view, never the same again; 0: none. */
uint64_t membership_ring(const struct membership *membership);

#endif
