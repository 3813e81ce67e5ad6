/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "quorum/voter_set.h"

#include <assert.h>
#include <stddef.h>

uint32_t voter_set_votes(const struct voter_set *set)
{
        return node_set_count(set->nodes) + (set->witness ? 1 : 0);
}

bool voter_set_equal(const struct voter_set *a, const struct voter_set *b)
{
        return a->nodes == b->nodes && a->witness == b->witness;
}

enum quorum_verdict voter_set_decide(const struct voter_set *set, node_set present, bool witness)
{
        if (voter_set_votes(set) == 0)
                return QUORUM_LOST;
        return quorum_decide(&(struct quorum_votes){
                .present = node_set_count(present & set->nodes),
                .witness = set->witness && witness ? 1 : 0,
                .expected = voter_set_votes(set),
        });
}

/* How much of a quorum: a verdict that needs the witness is held less firmly than one without. */
static int firmness(enum quorum_verdict verdict)
{
        switch (verdict) {
        case QUORUM_LOST:
                return 0;
        case QUORUM_TIED:
                return 1;
        case QUORUM_HELD_BY_WITNESS:
                return 2;
        case QUORUM_HELD:
                return 3;
        }
        return 0;
}

enum quorum_verdict voters_decide(const struct voters *voters, node_set present, bool witness)
{
        enum quorum_verdict now = voter_set_decide(&voters->now, present, witness);
        if (voter_set_votes(&voters->before) == 0)
                return now;
        enum quorum_verdict before = voter_set_decide(&voters->before, present, witness);
        return firmness(before) < firmness(now) ? before : now;
}

static int32_t priority_of(const struct voter_candidates *candidates, uint32_t node)
{
        return candidates->priority == NULL ? 0 : candidates->priority[node];
}

/* Who gives up first: ids ascend, so of equals the higher one. */
static uint32_t least_wanted(const struct voter_candidates *candidates)
{
        uint32_t least = node_set_lowest(candidates->nodes);
        NODE_SET_EACH (candidates->nodes, node)
                if (priority_of(candidates, node) <= priority_of(candidates, least))
                        least = node;
        return least;
}

struct voter_set voter_set_choose(const struct voter_candidates *candidates)
{
        assert(candidates->nodes != 0);
        struct voter_set chosen = { .nodes = candidates->nodes };
        bool could_tie = node_set_count(candidates->nodes) % 2 == 0;
        chosen.witness = could_tie && candidates->witness;
        if (could_tie && !candidates->witness)
                chosen.nodes &= ~node_set_of(least_wanted(candidates));
        return chosen;
}
