/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "simulation/random.h"

#include <assert.h>

/* Source: Steele, Lea, Flood: SplitMix64; spreads small seeds over the state. */
static uint64_t splitmix_next(uint64_t *state)
{
        uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

void random_init(struct random *random, uint64_t seed)
{
        for (int i = 0; i < 4; i++)
                random->state[i] = splitmix_next(&seed);
}

static uint64_t rotate_left(uint64_t x, int bits)
{
        return (x << bits) | (x >> (64 - bits));
}

/* Source: Blackman, Vigna: xoshiro256**. */
uint64_t random_next(struct random *random)
{
        uint64_t *s = random->state;
        uint64_t result = rotate_left(s[1] * 5, 7) * 9;
        uint64_t t = s[1] << 17;
        s[2] ^= s[0];
        s[3] ^= s[1];
        s[1] ^= s[2];
        s[0] ^= s[3];
        s[2] ^= t;
        s[3] = rotate_left(s[3], 45);
        return result;
}

/* The bias of the remainder is below 2^-32 for the bounds used here: it does not matter. */
uint64_t random_below(struct random *random, uint64_t bound)
{
        assert(bound > 0);
        return random_next(random) % bound;
}

uint64_t random_between(struct random *random, uint64_t low, uint64_t high)
{
        assert(low <= high);
        return low + random_below(random, high - low + 1);
}

bool random_chance(struct random *random, uint32_t per_mille)
{
        return random_below(random, 1000) < per_mille;
}
