/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_JOBS_H
#define CLU_SIMULATION_JOBS_H

/*
 * Seeds are run by several processes at once, and what they print is put
 * together in the order of the seeds: the same for any number of them.
 */

#include "simulation/world.h"

struct seed_report {
        uint64_t seed;
        bool passed;
        struct statistics statistics; /* of this seed alone */
};

struct jobs {
        uint64_t first;
        uint64_t seeds;
        uint32_t processes; /* 1: no other than this one */
        /* Runs a seed and prints to standard output what is to be said of it. */
        void (*run)(void *context, uint64_t seed, struct seed_report *report);
        /* In the order of the seeds; false ends it. */
        bool (*done)(void *context, const struct seed_report *report);
        void *context;
};

/* 0, or a negative errno when no process could be made. */
int jobs_run(const struct jobs *jobs);

#endif
