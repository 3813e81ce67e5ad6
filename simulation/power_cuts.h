/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_POWER_CUTS_H
#define CLU_SIMULATION_POWER_CUTS_H

/*
 * A short run, again and again: each time the power of some nodes is cut
 * behind another step of a core, they boot again, and all must come to rest.
 * Every step, every set of nodes, and either fate of the batches that were
 * just being written.
 */

#include <stddef.h>
#include <stdint.h>

#include "clusterd/base/node_set.h"

struct power_cut {
        uint64_t step; /* of all cores of the run together, from 1 on; 0: none is cut */
        node_set nodes;
        bool written; /* batches under way had become durable */
};

/* How many there are in a run of so many steps; every: 1 for each step, 2 for each second one, and so on. */
uint64_t power_cuts_count(uint64_t steps, uint32_t nodes, uint64_t every);
struct power_cut power_cuts_at(uint64_t number, uint32_t nodes, uint64_t every);
void power_cut_print(const struct power_cut *cut, char *text, size_t text_bytes);

#endif
