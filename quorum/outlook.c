/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "quorum/outlook.h"

static uint32_t votes_of(const struct voter_set *set, node_set here, bool witness)
{
        return node_set_count(set->nodes & here) + (set->witness && witness ? 1 : 0);
}

/* Of one set: votes beyond what is needed, negative when they are too few. */
static int32_t margin_of(const struct voter_set *set, node_set here, bool witness)
{
        return (int32_t)votes_of(set, here, witness) - (int32_t)(voter_set_votes(set) / 2 + 1);
}

/* A change needs both sets, so the one that can spare less decides. */
static const struct voter_set *tighter(const struct voters *voters, node_set here, bool witness)
{
        const struct voter_set *now = &voters->now, *before = &voters->before;
        return voter_set_votes(before) != 0 &&
                               margin_of(before, here, witness) < margin_of(now, here, witness)
                       ? before
                       : now;
}

struct outlook outlook_of(const struct voters *voters, node_set here, bool witness)
{
        node_set all = voters->now.nodes | voters->before.nodes;
        const struct voter_set *set = tighter(voters, here, witness);
        int32_t margin = margin_of(set, here, witness);
        enum quorum_verdict verdict = voters_decide(voters, here, witness);
        struct outlook outlook = {
                .held = quorum_is_held(verdict),
                .leans = verdict == QUORUM_HELD_BY_WITNESS,
                .here = here & all,
                .votes = voter_set_votes(set),
                .present = votes_of(set, here, witness),
                .needed = voter_set_votes(set) / 2 + 1,
        };
        if (!outlook.held) {
                outlook.wanting = (uint32_t)-margin;
                outlook.missing = set->nodes & ~here;
                return outlook;
        }
        outlook.spare = (uint32_t)margin;
        NODE_SET_EACH (outlook.here, node)
                if (!quorum_is_held(voters_decide(voters, here & ~node_set_of(node), witness)))
                        outlook.may_not |= node_set_of(node);
        return outlook;
}
