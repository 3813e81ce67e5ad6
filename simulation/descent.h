/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_DESCENT_H
#define CLU_SIMULATION_DESCENT_H

/* Lost one by one, and back. */

#include "clusterd/base/node_set.h"

struct world;
struct simulated_node;

struct descent {
        bool wanted;
        node_set kept_off;
        bool stalled;   /* the rest may not be primary */
        bool returning; /* the second half */
        uint64_t since_us;
};

/* Nodes that are to run, once there is peace. */
node_set descent_expected(const struct world *world);
/* Everything has come to rest: loses the next, or brings one back; false when nothing is left to do. */
bool descent_goes_on(struct world *world);
/* While the rest is stalled: time enough has passed, and nobody acts. */
bool descent_is_silent(struct world *world);

#endif
