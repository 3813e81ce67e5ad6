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
        /* In some worlds all but one are lost at once, and there an operator forces the quorum. */
        bool force_wanted;
        bool force_first_apart; /* the others go on without it for a while, before they are lost */
        bool force_hasty;       /* they return before anybody has proven them off */
        bool apart, forced;
        uint32_t survivor;
};

/* Draws whether there is one, and of which kind. */
void descent_draw(struct world *world);

/* Nodes that are to run, once there is peace. */
node_set descent_expected(const struct world *world);
/* Everything has come to rest: loses the next, or brings one back; false when nothing is left to do. */
bool descent_goes_on(struct world *world);
/* The others go on without the one that will be left: for long enough? */
bool descent_has_parted(struct world *world);
/* While the rest is stalled: time enough has passed, and nobody acts. */
bool descent_is_silent(struct world *world);

#endif
