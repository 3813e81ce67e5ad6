/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_RANDOM_H
#define CLU_SIMULATION_RANDOM_H

/* The only source of chance: the same seed gives the same numbers everywhere. */

#include <stdbool.h>
#include <stdint.h>

struct random {
        uint64_t state[4];
};

void random_init(struct random *random, uint64_t seed);
uint64_t random_next(struct random *random);
uint64_t random_below(struct random *random, uint64_t bound);                /* bound > 0 */
uint64_t random_between(struct random *random, uint64_t low, uint64_t high); /* both possible */
bool random_chance(struct random *random, uint32_t per_mille);

#endif
