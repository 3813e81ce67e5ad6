/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_CORE_PLACEMENT_H
#define CLU_CLUSTERD_CORE_PLACEMENT_H

/*
 * Chooses a node for a role: preferred owners in their order, then the most
 * free memory, then the name.
 *
 * Free memory is what the node offers less what the ledger has put there, so
 * every node comes to the same answer.
 */

#include "clusterd/core/model.h"

/* Memory that roles take, by node id, in MiB. */
struct placement_load {
        uint64_t used_mib[NODES_MAX + 1];
};

void placement_load_read(const struct model *model, struct placement_load *ret_load);
void placement_load_add(struct placement_load *load, uint32_t node, const struct role *role);

enum placement_verdict {
        PLACEMENT_FOUND,
        PLACEMENT_NODE_UNKNOWN,
        PLACEMENT_NODE_AWAY,    /* not a member */
        PLACEMENT_NODE_CLOSED,  /* draining or in maintenance */
        PLACEMENT_NOT_POSSIBLE, /* not among the role's possible owners */
        PLACEMENT_NO_PATH,      /* to a volume that the role has a disk on */
        PLACEMENT_NO_MEMORY,
        PLACEMENT_NO_CANDIDATE /* of all nodes; the reason says what binds each */
};

/* May the role be put on this node? PLACEMENT_FOUND if so. reason says what binds otherwise, and what to do.
 */
enum placement_verdict placement_check(const struct model *model, const struct role *role,
                                       const struct placement_load *load, uint32_t node,
                                       char reason[REASON_BYTES]);

/*
 * The best node outside `except`. Nodes in role->tried come last. The reason
 * says why this one, or for PLACEMENT_NO_CANDIDATE what binds.
 */
enum placement_verdict placement_choose(const struct model *model, const struct role *role,
                                        const struct placement_load *load, node_set except,
                                        uint32_t *ret_node, char reason[REASON_BYTES]);

/* Nodes that are up, open for roles, possible for this one, and reach its volumes; memory aside. */
node_set placement_open_nodes(const struct model *model, const struct role *role);

#endif
