/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_COVERAGE_H
#define CLU_SIMULATION_COVERAGE_H

/*
 * What the seeds reached: events, actions, messages, commands and how they
 * ended, edges of the state tables, evidence, rules that refused. What could be
 * reached and was not is named at the end.
 */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "clusterd/base/limits.h"
#include "clusterd/core/cluster.h"
#include "simulation/incident.h"

struct world;
struct simulated_node;
struct apply;

enum coverage_table {
        COVERAGE_INCIDENTS,
        COVERAGE_EVENTS,
        COVERAGE_OPERATIONS, /* how what was asked of a hypervisor ended */
        COVERAGE_OBSERVATIONS,
        COVERAGE_ACTIONS,
        COVERAGE_REPLIES,
        COVERAGE_MESSAGES,
        COVERAGE_STANDINGS, /* of a node in the rounds and epochs */
        COVERAGE_COMMANDS,  /* committed ones, and how they ended */
        COVERAGE_NODE_EDGES,
        COVERAGE_ROLE_EDGES,
        COVERAGE_REPORTS, /* that were believed, by the role's state before */
        COVERAGE_EVIDENCE,
        COVERAGE_TABLE_COUNT
};

enum standing {
        STANDING_APART,     /* no quorum, or none known */
        STANDING_UNDECIDED, /* primary, the epoch has not begun */
        STANDING_LAGGARD,
        STANDING_LEVEL,
        STANDING_LEADER,
        STANDING_COUNT
};

#define COVERAGE_ROWS_MAX     64
#define COVERAGE_COLUMNS_MAX  8
#define COVERAGE_REFUSALS_MAX 64
#define REFUSAL_BYTES         72

struct coverage {
        uint64_t cell[COVERAGE_TABLE_COUNT][COVERAGE_ROWS_MAX][COVERAGE_COLUMNS_MAX];
        /* Refusals by their text, without the names and numbers in it. */
        struct {
                char text[REFUSAL_BYTES];
                uint64_t count;
        } refusals[COVERAGE_REFUSALS_MAX];
};

/* What the edges lead from; borrowed by no one. */
struct coverage_memory {
        uint8_t node_state[NODES_MAX + 1];
        uint8_t *role_state; /* owned, by slot */
};

void coverage_begin(struct world *world);
void coverage_incident(struct world *world, enum incident_kind kind);
void coverage_event(struct world *world, const struct cluster_event *event);
void coverage_action(struct world *world, const struct cluster_action *action);
void coverage_message(struct world *world, enum message_kind kind);
void coverage_standing(struct world *world, const struct simulated_node *node,
                       const struct cluster_status *status);
/* After the entry was applied to the reference. */
void coverage_entry(struct world *world, const struct apply *apply, const struct command *command);
void coverage_release(struct world *world);

void coverage_add(struct coverage *sum, const struct coverage *one);
void coverage_print(const struct coverage *coverage, FILE *stream);

#endif
