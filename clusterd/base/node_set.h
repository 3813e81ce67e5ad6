/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_BASE_NODE_SET_H
#define CLU_CLUSTERD_BASE_NODE_SET_H

/* A set of node ids 1 to 64, one bit each: node 1 is bit 0. */

#include <stdbool.h>
#include <stdint.h>

#include "clusterd/base/limits.h"

typedef uint64_t node_set;

#define NODE_NONE 0u /* no node: the id 0 is never given to one */

static inline node_set node_set_of(uint32_t node)
{
        return node >= 1 && node <= NODES_MAX ? UINT64_C(1) << (node - 1) : 0;
}

static inline bool node_set_has(node_set set, uint32_t node)
{
        return (set & node_set_of(node)) != 0;
}

static inline uint32_t node_set_count(node_set set)
{
        return (uint32_t)__builtin_popcountll(set);
}

/* The lowest id, NODE_NONE when empty. */
static inline uint32_t node_set_lowest(node_set set)
{
        return set == 0 ? NODE_NONE : (uint32_t)__builtin_ctzll(set) + 1;
}

/* for (node = first; node != NODE_NONE; node = node_set_after(set, node)) in ascending order. */
static inline uint32_t node_set_after(node_set set, uint32_t node)
{
        return node >= NODES_MAX ? NODE_NONE : node_set_lowest(set & ~((UINT64_C(1) << node) - 1));
}

#define NODE_SET_EACH(set, node)                                                                             \
        for (uint32_t node = node_set_lowest(set); node != NODE_NONE; node = node_set_after(set, node))

#endif
