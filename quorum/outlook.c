/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "quorum/outlook.h"

/* Of one set: votes beyond what is needed, negative when they are too few. */
static int32_t margin_of(node_set voters, node_set here)
{
        return (int32_t)node_set_count(voters & here) - (int32_t)(node_set_count(voters) / 2 + 1);
}

/* A change needs both sets, so the one that can spare less decides. */
static node_set tighter(const struct voters *voters, node_set here)
{
        node_set now = voters->now.nodes, before = voters->before.nodes;
        return before != 0 && margin_of(before, here) < margin_of(now, here) ? before : now;
}

struct outlook outlook_of(const struct voters *voters, node_set here)
{
        node_set all = voters->now.nodes | voters->before.nodes, set = tighter(voters, here);
        int32_t margin = margin_of(set, here);
        struct outlook outlook = {
                .held = quorum_is_held(voters_decide(voters, here, false)),
                .here = here & all,
                .votes = node_set_count(set),
                .present = node_set_count(set & here),
                .needed = node_set_count(set) / 2 + 1,
        };
        if (!outlook.held) {
                outlook.wanting = (uint32_t)-margin;
                outlook.missing = set & ~here;
                return outlook;
        }
        outlook.spare = (uint32_t)margin;
        NODE_SET_EACH (outlook.here, node)
                if (!quorum_is_held(voters_decide(voters, here & ~node_set_of(node), false)))
                        outlook.may_not |= node_set_of(node);
        return outlook;
}
