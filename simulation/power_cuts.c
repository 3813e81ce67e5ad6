/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "simulation/power_cuts.h"

#include <inttypes.h>
#include <stdio.h>

/* All sets of up to seven nodes; of more, each node alone and all of them. */
#define ALL_SETS_MAX 7

static uint64_t sets_of(uint32_t nodes)
{
        return nodes <= ALL_SETS_MAX ? (UINT64_C(1) << nodes) - 1 : nodes + 1;
}

static node_set set_at(uint64_t number, uint32_t nodes)
{
        node_set all = (node_set_of(nodes) - 1) | node_set_of(nodes);
        if (number + 1 == sets_of(nodes))
                return all;
        if (nodes > ALL_SETS_MAX)
                return node_set_of((uint32_t)number + 1);
        return (number + 1) * node_set_of(1);
}

uint64_t power_cuts_count(uint64_t steps, uint32_t nodes, uint64_t every)
{
        return steps / every * sets_of(nodes) * 2;
}

struct power_cut power_cuts_at(uint64_t number, uint32_t nodes, uint64_t every)
{
        uint64_t each = sets_of(nodes) * 2;
        return (struct power_cut){ .step = (1 + number / each) * every,
                                   .nodes = set_at(number % each / 2, nodes),
                                   .written = number % 2 != 0 };
}

void power_cut_print(const struct power_cut *cut, char *text, size_t text_bytes)
{
        (void)snprintf(text, text_bytes, "--cut-step %" PRIu64 " --cut-nodes %" PRIu64 "%s", cut->step,
                       cut->nodes, cut->written ? " --cut-written" : "");
}
