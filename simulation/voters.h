/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_VOTERS_H
#define CLU_SIMULATION_VOTERS_H

/* Who has a vote, and who had: what the checkers know of it. */

#include "clusterd/base/node_set.h"

struct world;
struct simulated_node;

/* Another set is committed. */
void voters_change(struct world *world, node_set voters, uint64_t witness);
/* Are these nodes a majority of some voters in force then or since? Of all of them, and of any that may come?
 */
bool voters_would_do(const struct world *world, node_set nodes, uint64_t since_us);
bool voters_must_do(const struct world *world, node_set nodes, uint64_t since_us);

#endif
