/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_FORK_H
#define CLU_SIMULATION_FORK_H

/*
 * A quorum that was forced is the only thing that may part the history in two. From there on the forced one
 * is the history; of those who go on by the other, only what they do to guests is looked at until they take
 * it over.
 */

#include "simulation/world.h"

/* It is about to force: what it has applied is where the histories part. */
void fork_prepare(struct world *world, const struct simulated_node *node,
                  const struct message_decide *decide);
/* What it has applied now may begin with a forced epoch. */
void fork_take(struct world *world, struct simulated_node *node, uint64_t first, uint64_t last);
/* Up to the forced epoch's own entry its node alone decides. */
bool fork_is_forced(const struct world *world, uint64_t index);
/* It goes by a history that was forced away, or holds none yet. */
bool fork_is_old(const struct world *world, const struct simulated_node *node);
/* Nobody has the right to run anything there: who was forced out is unproven, or it has parted itself. */
bool fork_bars_guests(const struct world *world, const struct simulated_node *node);
/* This round goes on without a majority, because an operator says so. */
bool fork_is_round(const struct world *world, uint64_t epoch);

#endif
