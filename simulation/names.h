/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_NAMES_H
#define CLU_SIMULATION_NAMES_H

/*
 * The roles of a run, by number: what the world keeps of each of them lies in
 * arrays. A name keeps its number when its role is removed and added again.
 */

#include <stdint.h>

#include "clusterd/base/limits.h"

struct names {
        char (*name)[NAME_BYTES];
        uint32_t count;
        uint32_t max;
        uint32_t *index; /* hash of name -> number + 1; 0 is empty */
        uint32_t index_size;
};

void names_init(struct names *names, uint32_t max);
void names_release(struct names *names);
/* A name not heard before gets the next number. Precondition: there are not more than max. */
uint32_t names_number(struct names *names, const char *name);

#endif
