/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_ARGUMENTS_H
#define CLU_SIMULATION_ARGUMENTS_H

/* What simulate's command line says. */

#include <stdbool.h>
#include <stdint.h>

#include "simulation/power_cuts.h"

struct arguments {
        uint64_t first;
        uint64_t seeds;
        uint32_t nodes;
        uint32_t roles;
        uint32_t seconds;
        uint64_t tail;
        uint32_t budget_s; /* real time; 0: none */
        uint32_t jobs;
        struct power_cut cut;
        uint64_t cut_every; /* steps; 0: no power is cut but as cut says */
        uint64_t cut_steps; /* that the run has, and nodes */
        uint32_t cut_nodes;
        bool verbose;
        bool repeat;
        bool hashes;
        bool coverage;
        bool keep_going;
        bool seeds_given;
        const char *shrink; /* folder for the stories of what failed; NULL: none */
};

/* 0: run; 1: it was answered (--help, --mutations); -1: it is wrong, and that is said. What is no option is
 * behind optind. */
int arguments_read(int argc, char **argv, struct arguments *arguments);

#endif
