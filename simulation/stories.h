/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_STORIES_H
#define CLU_SIMULATION_STORIES_H

/* Runs scenario files, each by its own seed or by many. */

#include "simulation/world.h"

struct stories {
        struct world *world;
        struct cluster_actions *actions;
        uint64_t seeds; /* 0: the one that the file names; otherwise 1 to seeds, all of them */
        bool verbose;   /* every event of every story */
        bool (*run)(struct world *world, const struct world_options *options, struct cluster_actions *actions,
                    struct statistics *statistics, struct incident_list *record);
};

/* How many of them failed; what is wrong is printed. */
size_t stories_run(const struct stories *stories, char *const *paths, size_t count);

/* What was told, one line an event. */
void telling_print(const struct telling *telling, FILE *stream);
/* What a run violated and what of a story did not come true, a line each; false when there is any. */
bool verdict_print(struct world *world, const struct scenario *scenario, const char *path, FILE *stream);

#endif
