/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_CORE_NODE_STATE_H
#define CLU_CLUSTERD_CORE_NODE_STATE_H

/* Life of a node in the model: which state may follow which. */

#include "clusterd/protocol/object.h"

bool node_state_may_follow(enum node_state from, enum node_state to);

/* Precondition: the edge is allowed. */
void node_enter(struct node *node, enum node_state state, uint64_t index, const char *reason);

#endif
