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

#include <stdbool.h>

#include "clusterd/base/node_set.h"

/* By an active epoch; who was level in it, in one ring with us. connection 0: not armed. */
struct qnetd_arming {
        uint64_t connection; /* of this node's corosync-qdevice to qnetd, unbroken since then */
        uint64_t epoch;
        node_set level;
};

struct qnetd_claim {
        uint64_t ring;               /* the present one; 0: none */
        node_set members;            /* of it */
        struct qnetd_arming armed;   /* in this ring: the first answer in the next one counts */
        struct qnetd_arming asked;   /* in the ring before; this one is not answered */
        struct qnetd_arming granted; /* in the ring before; the first answer in this one was the vote */
};

/* Another ring has formed; it is not answered. Rings are never the same again. */
void qnetd_claim_ring(struct qnetd_claim *claim, uint64_t ring, node_set members);

/* What connection there is now; 0: none. One that broke disarms. */
void qnetd_claim_connection(struct qnetd_claim *claim, uint64_t connection);

/*
 * The epoch is active in this ring, these are level in it, and each of them was in the ring after the
 * connection had been seen. Of another ring than the present one it means nothing. Where the epoch holds
 * by the vote, that counts for the next one of this ring, too.
 */
void qnetd_claim_arm(struct qnetd_claim *claim, uint64_t ring, uint64_t connection, uint64_t epoch,
                     node_set level);

/* The first answer in the present ring, and the connection after it. None in time is a refusal. */
void qnetd_claim_answer(struct qnetd_claim *claim, bool granted, uint64_t connection);

bool qnetd_claim_is_armed(const struct qnetd_claim *claim);

/* Neither armed nor granted, and no answer is awaited that would be: only an active epoch makes a claim. */
bool qnetd_claim_is_void(const struct qnetd_claim *claim);

/* A vote was granted; for whom it counts is another question. */
bool qnetd_claim_is_granted(const struct qnetd_claim *claim);

/*
 * Does the vote count for a view whose newest history ends in this epoch? lost: voters that are not in the
 * view, or have no history; silent: of these, who has not spoken. Every voter of the view with a history has
 * to say so, of the same ring. It does not matter whether qnetd is there still: it has decided.
 */
bool qnetd_claim_counts(const struct qnetd_claim *claim, uint64_t epoch, node_set lost, node_set silent);

#endif
