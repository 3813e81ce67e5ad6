/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include <string.h>

#include "clusterd/base/mutation.h"

/* The leader proposes what its planner comes to. */

/* A node that this leader has never seen may still be booting: after a power cut of the
 * whole cluster, those who are up first do not shoot the others. */
#define COLD_START_MS 10000

/* A pass costs about a microsecond for each role; this bounds its share of a busy leader's time. */
static uint64_t pass_interval_ms(const struct cluster *cluster)
{
        return 1 + cluster->model->roles_used / 500;
}

bool lead_is_gone(struct cluster *cluster, uint32_t node)
{
        const struct round *round = &cluster->round;
        if (node_set_has(round->members, node) ||
            (node_set_has(round->connected, node) && !MUTATED(LOST_THOUGH_CONNECTED)))
                return false;
        if (node_set_has(round->seen, node) || MUTATED(LOST_UNSEEN) ||
            cluster->now_ms >= cluster->active_ms + COLD_START_MS)
                return true;
        wake_at(cluster, cluster->active_ms + COLD_START_MS);
        return false;
}

static node_set lost_nodes(struct cluster *cluster)
{
        node_set lost = 0;
        MODEL_EACH_NODE (cluster->model, node)
                if (node->state == NODE_UP && lead_is_gone(cluster, node->id))
                        lost |= node_set_of(node->id);
        return lost;
}

static node_set nodes_asked(const struct cluster *cluster)
{
        node_set asked = 0;
        for (uint32_t node = 1; node <= NODES_MAX; node++)
                if (cluster->planned_nodes[node] != 0)
                        asked |= node_set_of(node);
        return asked;
}

/* A role that waits to be declared due, and a node that may still boot, need another pass in time. */
static bool is_due(const struct cluster *cluster)
{
        return cluster->planner_due || cluster->now_ms >= cluster->planner_wake_ms;
}

void lead_tick(struct cluster *cluster)
{
        if (!round_is_leader(cluster))
                return;
        if (!is_due(cluster)) {
                wake_at(cluster, cluster->planner_wake_ms);
                return;
        }
        uint64_t next_ms = cluster->planner_ms + pass_interval_ms(cluster);
        if (cluster->now_ms < next_ms) {
                wake_at(cluster, next_ms);
                return;
        }
        cluster->planner_due = false;
        cluster->planner_ms = cluster->now_ms;

        uint64_t wake_before = cluster->wake_ms;
        cluster->wake_ms = TIME_NEVER;
        struct planner_input input = {
                .model = cluster->model,
                .now_ms = cluster->now_ms,
                .lost = lost_nodes(cluster),
                .away = ~cluster->round.level,
                .nodes_asked = nodes_asked(cluster),
                .planned = cluster->planned,
                .order = cluster->order,
        };
        electorate_pass(cluster);
        cluster->planner_wake_ms = cluster->wake_ms;
        cluster->wake_ms = wake_before;

        struct planner_output *output = &cluster->planner_output;
        planner_pass(&input, output);
        if (output->wake_ms < cluster->planner_wake_ms)
                cluster->planner_wake_ms = output->wake_ms;
        for (size_t i = 0; i < output->count; i++) {
                const struct planner_step *step = &output->step[i];
                uint64_t count = propose(cluster, "planner", &step->command);
                if (count == 0) {
                        cluster->planner_due = true;
                        break;
                }
                if (step->slot == UINT32_MAX) {
                        cluster->planned_nodes[step->node] = count;
                } else {
                        cluster->planned[step->slot].count = count;
                        cluster->planned[step->slot].node = step->node;
                }
        }
        wake_at(cluster, cluster->planner_due ? cluster->now_ms + 1 : cluster->planner_wake_ms);
}

void lead_applied(struct cluster *cluster, const struct entry *entry)
{
        const struct command *command = &entry->command;
        const struct role *role = NULL;
        electorate_applied(cluster, entry);
        if (command->kind == COMMAND_ROLE_ASSIGN)
                role = model_role(cluster->model, command->role_assign.role);
        else if (command->kind == COMMAND_ROLE_MOVE)
                role = model_role(cluster->model, command->role_move.role);
        else if (command->kind == COMMAND_ROLE_RELOCATE)
                role = model_role(cluster->model, command->role_relocate.role);
        else if (command->kind == COMMAND_ROLE_REDIRECT)
                role = model_role(cluster->model, command->role_redirect.role);
        else if (command->kind == COMMAND_ROLE_REDIRECT_END)
                role = model_role(cluster->model, command->role_redirect_end.role);
        else if ((command->kind == COMMAND_NODE_LOST || command->kind == COMMAND_NODE_DRAINED) &&
                 cluster->planned_nodes[command->node.node] == entry->request.count)
                cluster->planned_nodes[command->node.node] = 0;
        if (role != NULL && cluster->planned[role_slot(cluster, role)].count == entry->request.count)
                cluster->planned[role_slot(cluster, role)].count = 0;
}

void lead_round_ended(struct cluster *cluster)
{
        electorate_round_ended(cluster);
        memset(cluster->planned_nodes, 0, sizeof cluster->planned_nodes);
        for (uint32_t slot = 0; slot < cluster->model->roles_used; slot++)
                cluster->planned[slot].count = 0;
        cluster->planner_wake_ms = TIME_NEVER;
}
