/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_LIVENESS_H
#define CLU_SIMULATION_LIVENESS_H

/* Rule 6: in a world that has been kind for long enough, what should run does, or the reason shown is true.
 */

#include <stdint.h>

struct world;

struct live_role {
        uint64_t made_of, since_us; /* what it is, and since when */
        uint64_t still_us; /* since when its guest stands still though its disk would not fail it; 0: it does
                              not */
        uint64_t place_us; /* since when there is a place where it is wanted; 0: there is none */
};

struct liveness {
        uint64_t made_of, kind_since_us; /* who is well, in which ring; 0: the world is not kind */
        uint64_t pause_index, pause_us;  /* the present pause, and since when */
        struct live_role *roles;         /* by the role's number */
};

void liveness_begin(struct world *world);
void liveness_release(struct world *world);
void liveness_check(struct world *world); /* once a second */

#endif
