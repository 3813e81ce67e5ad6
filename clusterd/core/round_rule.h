/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_CORE_ROUND_RULE_H
#define CLU_CLUSTERD_CORE_ROUND_RULE_H

/* Whose history goes on: the decision of a round, from what its members said. */

#include "clusterd/protocol/message.h"

/*
 * states: by node id, valid for the nodes in spoke.
 *
 * The most advanced (epoch, index) wins. The round is primary if those who
 * spoke and are not blank hold a majority of that history's voters: every
 * committed entry is stored by a majority, so at least one of them has it.
 */
void round_decide(const struct message_state *states, node_set spoke, struct message_decide *ret_decide);

/* Are these nodes a majority of the voters? */
bool round_is_majority(node_set nodes, node_set voters);

#endif
