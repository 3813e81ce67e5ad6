/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_CORE_PLANNER_H
#define CLU_CLUSTERD_CORE_PLANNER_H

/*
 * Model in, commands out: what should be done next, and why.
 *
 * Deterministic: ties break by name. The leader proposes what comes out;
 * --plan runs the same on a copy (plan.h).
 */

#include "clusterd/core/placement.h"
#include "clusterd/protocol/command.h"

/* What was proposed for a role and is not yet applied; and when a failed one is due. */
struct planned_role {
        uint64_t count;     /* request_id of the proposal; 0: none */
        uint32_t node;      /* where it will take memory */
        uint64_t due_ms;    /* failed: when to try again */
        uint64_t due_index; /* since_index of the failure that due_ms belongs to */
        uint64_t stall;     /* entry since which it stands still, and when this leader saw that first */
        uint64_t stall_ms;
        uint64_t redirect; /* state and entry of the redirect, and when this leader saw that first */
        uint64_t redirect_ms;
        uint32_t wait_ms;     /* after the last try in this stall; 0: there was none */
        uint64_t again_ms;    /* it is not redirected before */
        bool had_no_exporter; /* nobody could write for it, when that was last looked at */
        uint64_t place_ms;    /* since when it might go on elsewhere, as this leader sees it; 0: nowhere */
};

struct planner_input {
        const struct model *model;
        uint64_t now_ms;
        node_set lost;        /* members of the model that are gone */
        node_set away;        /* that cannot act at present: nothing is put there, or sent from there */
        node_set nodes_asked; /* nodes with a proposal on its way */
        struct planned_role *planned; /* by role slot; NULL: nothing on its way, everything due */
        uint32_t *order;              /* scratch: roles_max slots */
};

#define PLANNER_STEPS_MAX 64 /* one pass; more follow when these are applied */

struct planner_step {
        struct command command;
        uint32_t slot; /* of the role; UINT32_MAX when about a node */
        uint32_t node; /* placed on, or concerned */
};

struct planner_output {
        size_t count;
        uint64_t wake_ms; /* when a failed role is due; UINT64_MAX: never */
        struct planner_step step[PLANNER_STEPS_MAX];
};

/*
 * A move "anywhere" gets the best target; other commands stay as they are.
 * false: there is none, and the reason says why. A role that does not exist is
 * left for apply_command() to refuse.
 */
bool planner_settle_target(const struct model *model, struct command *command, char reason[REASON_BYTES]);

void planner_pass(const struct planner_input *input, struct planner_output *ret_output);

#endif
