/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_SHRINK_H
#define CLU_SIMULATION_SHRINK_H

/*
 * A run that broke a rule, made short: what befell it is left out, half by
 * half and then one by one, as long as the same rule is broken; then what is
 * left lasts shorter. What remains is a story that clu simulate tells.
 */

#include <stdio.h>

#include "simulation/world.h"

struct shrink {
        struct world *world;
        struct cluster_actions *actions;
        struct world_options options; /* of the run that failed */
        char rule[64];                /* that it broke: the violation's text up to its first ';' */
        uint32_t runs_max;            /* then what there is has to do */
        uint32_t runs;
        bool (*run)(struct world *world, const struct world_options *options, struct cluster_actions *actions,
                    struct statistics *statistics, struct incident_list *record);
};

void shrink_rule(const char *violation, char rule[64]);
/* Takes incidents out of list. It broke the rule when it was recorded, at end_us. */
void shrink_list(struct shrink *shrink, struct incident_list *list, uint64_t end_us);
/* The list, and the cluster that the seed drew, as a story. 0, or -EINVAL when that does not break the rule.
 */
int shrink_write(struct shrink *shrink, const struct incident_list *list, FILE *stream);

#endif
