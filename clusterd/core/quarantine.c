/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include <string.h>

#include "clusterd/base/text.h"

/*
 * A node that is lost again and again does more harm than good: after the last
 * of quarantine_losses within quarantine_window_ms it takes no roles for
 * quarantine_ms. All nodes count what is applied, by their own clocks, so that
 * a new leader goes on where the last one was; one that has just started
 * begins anew, which quarantines later and releases later.
 */

/* Few nodes at a time: a fault that all of them see is not theirs. One in any case. */
#define QUARANTINED_PART 4

static uint32_t nodes_quarantined(const struct model *model, uint32_t *ret_nodes)
{
        uint32_t count = 0;
        *ret_nodes = 0;
        MODEL_EACH_NODE (model, node) {
                count += node->duty == DUTY_QUARANTINED;
                (*ret_nodes)++;
        }
        return count;
}

static bool another_is_open(const struct model *model, uint32_t id)
{
        MODEL_EACH_NODE (model, node)
                if (node->id != id && node->state == NODE_UP && node->duty == DUTY_ACTIVE)
                        return true;
        return false;
}

static uint32_t losses_lately(const struct cluster *cluster, uint32_t node)
{
        const struct quarantine *quarantine = &cluster->quarantine[node];
        uint32_t count = 0;
        while (count < LOSSES_MAX && quarantine->lost_ms[count] != 0 &&
               cluster->now_ms - quarantine->lost_ms[count] < cluster->model->settings.quarantine_window_ms)
                count++;
        return count;
}

static bool is_due(const struct cluster *cluster, const struct node *node)
{
        const struct settings *settings = &cluster->model->settings;
        uint32_t nodes, quarantined = nodes_quarantined(cluster->model, &nodes);
        return settings->quarantine_losses != 0 &&
               losses_lately(cluster, node->id) >= settings->quarantine_losses &&
               (quarantined == 0 || (quarantined + 1) * QUARANTINED_PART <= nodes) &&
               another_is_open(cluster->model, node->id);
}

static void change(struct cluster *cluster, const struct node *node, enum command_kind kind,
                   const char *reason)
{
        struct command command = { .kind = kind };
        command.node.node = node->id;
        command.node.incarnation = node->incarnation;
        TEXT_COPY(command.node.reason, reason);
        cluster->quarantine[node->id].count = propose(cluster, "quarantine", &command);
        if (cluster->quarantine[node->id].count == 0)
                wake_at(cluster, cluster->now_ms + 1);
}

static void quarantine_node(struct cluster *cluster, const struct node *node)
{
        char reason[REASON_BYTES];
        TEXT_PRINT(reason, "lost %u times within %u minutes", losses_lately(cluster, node->id),
                   cluster->model->settings.quarantine_window_ms / 60000);
        change(cluster, node, COMMAND_NODE_QUARANTINE, reason);
}

/* Roles that have nowhere else to go are better off on a doubtful node than nowhere. */
static void release_when_due(struct cluster *cluster, const struct node *node)
{
        struct quarantine *quarantine = &cluster->quarantine[node->id];
        if (quarantine->since_ms == 0)
                quarantine->since_ms = cluster->now_ms;
        uint64_t due_ms = quarantine->since_ms + cluster->model->settings.quarantine_ms;
        if (cluster->now_ms >= due_ms)
                change(cluster, node, COMMAND_NODE_RELEASE, "its time is over");
        else if (node->state == NODE_UP && !another_is_open(cluster->model, node->id))
                change(cluster, node, COMMAND_NODE_RELEASE, "no other node is open for roles");
        else
                wake_at(cluster, due_ms);
}

void quarantine_tick(struct cluster *cluster)
{
        if (!round_is_leader(cluster))
                return;
        MODEL_EACH_NODE (cluster->model, node) {
                if (cluster->quarantine[node->id].count != 0)
                        continue;
                if (node->duty == DUTY_QUARANTINED)
                        release_when_due(cluster, node);
                else if (node->duty == DUTY_ACTIVE && is_due(cluster, node))
                        quarantine_node(cluster, node);
        }
}

static void count_loss(struct cluster *cluster, uint32_t node)
{
        uint64_t *lost_ms = cluster->quarantine[node].lost_ms;
        memmove(lost_ms + 1, lost_ms, (LOSSES_MAX - 1) * sizeof *lost_ms);
        lost_ms[0] = cluster->now_ms;
}

void quarantine_applied(struct cluster *cluster, const struct entry *entry, bool done)
{
        enum command_kind kind = entry->command.kind;
        if (kind != COMMAND_NODE_LOST && kind != COMMAND_NODE_QUARANTINE && kind != COMMAND_NODE_RELEASE &&
            kind != COMMAND_NODE_RESUME)
                return;
        const struct command_node *command = &entry->command.node;
        struct quarantine *quarantine = &cluster->quarantine[command->node];
        switch ((int)kind) {
        case COMMAND_NODE_LOST: /* now, and not long ago while this node catches up */
                if (done && round_is_active(cluster) && !pause_is_on(cluster) &&
                    cluster->model->nodes[command->node].duty == DUTY_ACTIVE)
                        count_loss(cluster, command->node);
                return;
        case COMMAND_NODE_QUARANTINE:
                quarantine->count = 0;
                if (done)
                        quarantine->since_ms = cluster->now_ms;
                return;
        case COMMAND_NODE_RELEASE:
        case COMMAND_NODE_RESUME:
                quarantine->count = 0;
                if (done)
                        memset(quarantine, 0, sizeof *quarantine);
                return;
        }
}

void quarantine_dropped(struct cluster *cluster, const struct entry *entry)
{
        if (entry->command.kind == COMMAND_NODE_QUARANTINE || entry->command.kind == COMMAND_NODE_RELEASE)
                cluster->quarantine[entry->command.node.node].count = 0;
}

void quarantine_round_ended(struct cluster *cluster)
{
        for (uint32_t node = 1; node <= NODES_MAX; node++)
                cluster->quarantine[node].count = 0;
}
