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

#include "clusterd/base/node_set.h"

/* Where a history stands: the epoch of its last entry, and the nodes that hold all of that epoch. */
struct witness_state {
        uint64_t epoch;
        uint64_t holders_hash;
};

struct witness_tag {
        uint64_t promised;           /* it votes for no epoch up to this one again */
        struct witness_state newest; /* of the histories that it helped to become active; epoch 0: none */
};

struct witness_state witness_state_make(uint64_t epoch, node_set holders);

/*
 * Is a history at least as new as what the witness knows of? Whoever asks has to be one of the holders, or
 * sees one: of one epoch they are the same to everybody.
 */
bool witness_tag_may_vote(const struct witness_tag *tag, const struct witness_state *state);

/* Before epoch begins on that history. false: refused, *tag is as it was. */
bool witness_tag_promise(struct witness_tag *tag, const struct witness_state *state, uint64_t epoch);

/*
 * Before state's epoch becomes active. false: refused, for another view has begun a later epoch since.
 */
bool witness_tag_advance(struct witness_tag *tag, const struct witness_state *state);

/* What a witness is asked, and what comes of it: by whoever keeps the tag. */
enum witness_question_kind {
        WITNESS_LOOK,    /* does it answer, and what does it know? */
        WITNESS_PROMISE, /* witness_tag_promise() */
        WITNESS_ADVANCE  /* witness_tag_advance() */
};

struct witness_question {
        enum witness_question_kind kind;
        uint32_t node; /* who asks */
        struct witness_state state;
        uint64_t epoch; /* WITNESS_PROMISE */
};

enum witness_outcome {
        WITNESS_DONE,
        WITNESS_REFUSED, /* its rule says no: nothing was changed */
        WITNESS_FAILED   /* not known: what was asked may have been done, and may still be */
};

#endif
