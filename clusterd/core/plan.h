/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_CORE_PLAN_H
#define CLU_CLUSTERD_CORE_PLAN_H

/*
 * Answers --plan: what would a command lead to?
 *
 * Runs the very functions that decide in the daemon on a copy of the model,
 * and lets every step that they order succeed, until nothing is left to do.
 */

#include "clusterd/core/cluster.h"

struct plan_step {
        enum command_kind kind; /* the command asked for first, then what the planner would add */
        char subject[NAME_BYTES + 8];
        uint32_t from;
        uint32_t to;
        char reason[REASON_BYTES];
};

#define PLAN_STEPS_MAX 512

struct plan {
        enum reply_outcome outcome; /* what the command itself would be answered */
        char reason[REASON_BYTES];  /* of a refusal */
        size_t count;
        bool cut; /* there would be more than PLAN_STEPS_MAX */
        struct plan_step steps[PLAN_STEPS_MAX];
};

/* scratch: storage of model_bytes() for as many roles as the cluster's model; its content is lost. */
void plan_command(const struct cluster *cluster, const struct command *command, struct model *scratch,
                  struct plan *ret_plan);

#endif
