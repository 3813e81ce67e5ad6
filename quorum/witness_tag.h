/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_QUORUM_WITNESS_TAG_H
#define CLU_QUORUM_WITNESS_TAG_H

/*
 * What a witness remembers, so that it never votes for a cluster of the past,
 * nor for two at once. Pure; whoever holds it makes each change atomic.
 *
 * A witness keeps no entries. It promises, as a node does, before an epoch
 * begins with its vote; and before that epoch becomes active, when every node of
 * its view has stored the epoch's entry, it is told that this is now the newest.
 */

#include "quorum/voter_set.h"

/* Where a history stands: the epoch of its last entry, and its voters. */
struct witness_state {
        uint64_t epoch;
        uint64_t voters_hash;
};

struct witness_tag {
        uint64_t promised;           /* it votes for no epoch up to this one again */
        struct witness_state newest; /* of the histories that it helped to become active; epoch 0: none */
};

struct witness_state witness_state_make(uint64_t epoch, const struct voter_set *voters);

/*
 * Is a history at least as new as what the witness knows of? Of one epoch the
 * voters must be the same: who lacks the last change of them lacks what came after.
 */
bool witness_tag_may_vote(const struct witness_tag *tag, const struct witness_state *state);

/* Before epoch begins on that history. false: refused, *tag is as it was. */
bool witness_tag_promise(struct witness_tag *tag, const struct witness_state *state, uint64_t epoch);

/*
 * Before state's epoch becomes active, or voters with the witness among them
 * count in it. false: refused, for another view has begun a later epoch since.
 */
bool witness_tag_advance(struct witness_tag *tag, const struct witness_state *state);

#endif
