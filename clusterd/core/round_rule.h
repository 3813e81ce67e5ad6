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
 *
 * Otherwise the witness may be asked, if it would make a majority, and if one of
 * them holds all that was committed in the last epoch of that history: README.md.
 */
void round_decide(const struct message_state *states, node_set spoke, struct message_decide *ret_decide);

/* Do these nodes hold the quorum of these voters? */
bool round_holds(node_set nodes, const struct voters *voters);

/* And with what the witness says, if it has a vote? */
bool round_holds_with(node_set nodes, const struct voters *voters, bool witness);

/* before: 0, unless the change from it is not known to be committed. Each with the witness that votes, or 0.
 */
struct voters round_voters(node_set now, uint64_t witness, node_set before, uint64_t before_witness);

#endif
