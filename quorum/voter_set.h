/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_QUORUM_VOTER_SET_H
#define CLU_QUORUM_VOTER_SET_H

/*
 * Who has a vote, whether some nodes may act while that is being changed, and
 * who should have one next.
 *
 * Pure. The sets themselves are entries of the ledger: README.md has why no two
 * partitions can both hold, whatever each of them knows of the last change.
 */

#include "clusterd/base/node_set.h"
#include "quorum/quorum_rule.h"

struct voter_set {
        node_set nodes;
        bool witness; /* the witness has a vote, too */
};

/* What one history says of the voters at its end. */
struct voters {
        struct voter_set now;
        struct voter_set before; /* empty, unless the change to `now` is not known to be committed */
        uint64_t witness;        /* which one votes in either; 0: none does */
};

/* Each node one vote, the witness one if it has any. */
uint32_t voter_set_votes(const struct voter_set *set);
bool voter_set_equal(const struct voter_set *a, const struct voter_set *b);

/* witness: it votes for these nodes. A set without voters is lost to everybody. */
enum quorum_verdict voter_set_decide(const struct voter_set *set, node_set present, bool witness);

/* The lower of two verdicts while a change is under way: both sets have to agree. */
enum quorum_verdict voters_decide(const struct voters *voters, node_set present, bool witness);

/* Who could vote at this moment, for a cluster whose voters follow its losses. */
struct voter_candidates {
        node_set nodes;          /* at least one: there, and level with the ledger */
        const int32_t *priority; /* by node id, higher keeps its vote longer; NULL: all alike */
        bool witness;            /* there is one, and it answers */
};

/*
 * All of them; the witness only while they are an even number. Of an even number
 * without a witness one gives up its vote: the lower priority, then the higher id.
 */
struct voter_set voter_set_choose(const struct voter_candidates *candidates);

#endif
