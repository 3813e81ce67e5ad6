/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_CORE_ROUND_RULE_H
#define CLU_CLUSTERD_CORE_ROUND_RULE_H

/* Whose history goes on: the decision of a round, from what its members said. */

#include "clusterd/protocol/message.h"
#include "quorum/voter_set.h"

/*
 * states: by node id, valid for the nodes in spoke.
 *
 * The most advanced (epoch, index) wins. The round is primary if those who
 * spoke and are not blank hold a majority of that history's voters (of both
 * sets, while a change of them is not known to be committed): every committed
 * entry is stored by a majority, so at least one of them has it.
 */
void round_decide(const struct message_state *states, node_set spoke, struct message_decide *ret_decide);

/* Do these nodes hold the quorum of these voters? */
bool round_holds(node_set nodes, const struct voters *voters);

/* before: 0, unless the change from it is not known to be committed. */
struct voters round_voters(node_set now, node_set before);

#endif
