/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include <string.h>

#include "clusterd/base/text.h"

/*
 * The leader gathers evidence against lost nodes: all fence devices at once,
 * and the expiry of the guard beside them. The first to succeed is used; what
 * fails is tried again, for ever, with back-off.
 */

#define RETRY_FIRST_MS 1000
#define RETRY_LAST_MS  30000
#define SETTLE_MS      10000 /* by then every node that is level has applied, and told its keeper */

static bool is_wanted(const struct cluster *cluster, const struct node *node)
{
        if (node->state != NODE_LOST)
                return false;
        /* It is back: it will speak for itself. */
        return node->fence_wanted || !node_set_has(cluster->round.connected, node->id);
}

static void start_attempt(struct cluster *cluster, const struct node *node)
{
        struct fencing *fencing = &cluster->fencing[node->id];
        for (const struct fence_device *device = cluster->model->fence_devices;
             device < cluster->model->fence_devices + FENCE_DEVICES_MAX; device++) {
                if (device->name[0] == '\0' || !node_set_has(device->targets, node->id))
                        continue;
                if (fencing->attempt == 0)
                        fencing->attempt = ++cluster->attempts;
                fencing->running++;
                struct cluster_action *action = action_add(cluster, CLUSTER_ACTION_FENCE, "%s is lost: %.60s",
                                                           node->name, node->reason);
                action->fence.attempt = fencing->attempt;
                action->fence.node = node->id;
                TEXT_COPY(action->fence.node_name, node->name);
                action->fence.device = device;
        }
}

/*
 * On this node's clock: from when we lost it, all that its guard may take. A member that joined us later may
 * have been in contact with it until then, so the clock starts no earlier than the present round.
 */
static uint64_t guard_expires_at(const struct cluster *cluster, const struct node *node)
{
        uint64_t lost_ms = cluster->round.view_ms[node->id];
        if (lost_ms < cluster->fencing[node->id].arrival_ms)
                lost_ms = cluster->fencing[node->id].arrival_ms;
        if (lost_ms < cluster->round.state_ms)
                lost_ms = cluster->round.state_ms;
        uint64_t guard_ms = settings_guard_ms(&cluster->model->settings);
        /* Lost while shorter times were being told: it may go by the longer ones. */
        if (lost_ms < cluster->guard_shortened_ms + SETTLE_MS && cluster->guard_before_ms > guard_ms)
                guard_ms = cluster->guard_before_ms;
        return lost_ms + guard_ms;
}

static void give_evidence(struct cluster *cluster, const struct node *node, enum evidence_kind kind,
                          const char *text)
{
        struct fencing *fencing = &cluster->fencing[node->id];
        struct command command = { .kind = COMMAND_NODE_EVIDENCE };
        command.node_evidence.node = node->id;
        command.node_evidence.incarnation = node->incarnation;
        command.node_evidence.kind = kind;
        command.node_evidence.duration_ms = (uint32_t)(cluster->now_ms - cluster->round.view_ms[node->id]);
        TEXT_COPY(command.node_evidence.text, text);
        fencing->evidence_count = propose(cluster, "fencing", &command);
        if (fencing->evidence_count == 0)
                wake_at(cluster, cluster->now_ms + 1);
}

static void tick_node(struct cluster *cluster, const struct node *node)
{
        struct fencing *fencing = &cluster->fencing[node->id];
        if (!is_wanted(cluster, node)) {
                memset(fencing, 0, sizeof *fencing);
                return;
        }
        if (fencing->incarnation != node->incarnation) {
                /* What was done to an earlier incarnation proves nothing of this one. */
                memset(fencing, 0, sizeof *fencing);
                fencing->incarnation = node->incarnation;
        }
        if (fencing->evidence_count != 0)
                return;
        if (node_awaits_arrival(cluster->model, node->id))
                fencing->arrival_ms = cluster->now_ms;
        uint64_t expires_at = guard_expires_at(cluster, node);
        if (fencing->off) {
                give_evidence(cluster, node, EVIDENCE_POWERED_OFF, fencing->device);
                return;
        }
        if (node->watchdog && !node_set_has(cluster->round.connected, node->id)) {
                if (cluster->now_ms >= expires_at) {
                        give_evidence(cluster, node, EVIDENCE_GUARD_EXPIRED, "no contact");
                        return;
                }
                wake_at(cluster, expires_at);
        }
        if (fencing->attempt != 0)
                return;
        if (cluster->now_ms >= fencing->next_ms)
                start_attempt(cluster, node);
        else
                wake_at(cluster, fencing->next_ms);
}

void fencing_tick(struct cluster *cluster)
{
        if (!round_is_leader(cluster))
                return;
        MODEL_EACH_NODE (cluster->model, node)
                tick_node(cluster, node);
}

static uint64_t back_off_ms(uint32_t tries)
{
        uint64_t delay = (uint64_t)RETRY_FIRST_MS << (tries < 6 ? tries : 6);
        return delay < RETRY_LAST_MS ? delay : RETRY_LAST_MS;
}

void fencing_done(struct cluster *cluster, const struct cluster_event *event)
{
        if (event->fence.node < 1 || event->fence.node > NODES_MAX)
                return;
        struct fencing *fencing = &cluster->fencing[event->fence.node];
        if (fencing->attempt == 0 || event->fence.attempt != fencing->attempt)
                return;
        fencing->running--;
        action_add(cluster, CLUSTER_ACTION_LOG, "fence device %s: node %u is %s: %.80s", event->fence.device,
                   event->fence.node, event->fence.off ? "off" : "not proven off", event->fence.text);
        if (event->fence.off) {
                fencing->off = true;
                TEXT_COPY(fencing->device, event->fence.device);
        }
        if (fencing->running > 0)
                return;
        fencing->attempt = 0;
        fencing->next_ms = cluster->now_ms + back_off_ms(fencing->tries++);
}

void fencing_applied(struct cluster *cluster, const struct entry *entry)
{
        if (entry->command.kind == COMMAND_NODE_EVIDENCE)
                memset(&cluster->fencing[entry->command.node_evidence.node], 0, sizeof(struct fencing));
}

void fencing_dropped(struct cluster *cluster, const struct entry *entry)
{
        if (entry->command.kind == COMMAND_NODE_EVIDENCE)
                cluster->fencing[entry->command.node_evidence.node].evidence_count = 0;
}

void fencing_round_ended(struct cluster *cluster)
{
        for (uint32_t node = 1; node <= NODES_MAX; node++)
                cluster->fencing[node].evidence_count = 0;
}
