/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_QUORUM_QNETD_CLAIM_H
#define CLU_QUORUM_QNETD_CLAIM_H

/*
 * When the vote of a corosync-qnetd counts, which remembers nothing: it would
 * also vote for a node that slept through what the others decided with its vote.
 *
 * A node's claim to the vote, from what it saw itself. Pure, and never stored:
 * who has just started has none. README.md, "A witness without memory", argues
 * why no two sides of a split ever hold one.
 */

#include "clusterd/base/node_set.h"

enum qnetd_claim_state {
        QNETD_CLAIM_NONE,
        QNETD_CLAIM_ARMED,  /* the next ring's first answer counts */
        QNETD_CLAIM_ASKED,  /* in that ring, not answered */
        QNETD_CLAIM_GRANTED /* in that ring, and the first answer was the vote */
};

struct qnetd_claim {
        enum qnetd_claim_state state;
        uint64_t ring;       /* the present one */
        uint64_t connection; /* of this node's corosync-qdevice to qnetd, unbroken since it was armed */
        uint64_t epoch;      /* in which it was armed */
        node_set level;      /* who was level in that epoch, and in one ring with us */
};

/* Another ring has formed; it is not answered. Rings are never the same again. */
void qnetd_claim_ring(struct qnetd_claim *claim, uint64_t ring);

/* What connection there is now; 0: none. One that broke takes the claim away, until it is armed anew. */
void qnetd_claim_connection(struct qnetd_claim *claim, uint64_t connection);

/*
 * The epoch is active in this ring, these are level in it, and each of them was in the ring after the
 * connection had been seen. Of another ring than the present one it means nothing.
 */
void qnetd_claim_arm(struct qnetd_claim *claim, uint64_t ring, uint64_t connection, uint64_t epoch,
                     node_set level);

/* The first answer in the present ring, and the connection after it. None in time is a refusal. */
void qnetd_claim_answer(struct qnetd_claim *claim, bool granted, uint64_t connection);

/*
 * Does the vote count for a view whose newest history ends in this epoch and which lacks these voters? Every
 * voter in the view has to say so. It does not matter whether qnetd is there still: it has decided.
 */
bool qnetd_claim_counts(const struct qnetd_claim *claim, uint64_t epoch, node_set lost);

#endif
