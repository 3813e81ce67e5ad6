/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include "clusterd/base/mutation.h"
#include "clusterd/base/text.h"

/*
 * This node's leases on volumes, with and without quorum; and which lost nodes
 * still renew theirs. Only shown so far: no guest stops for a lease, and none
 * is evidence.
 */

static void begin_pass(struct cluster *cluster, const struct volume *volume, struct local_lease *local,
                       const struct lease_pass *pass)
{
        struct cluster_action *action =
                action_add(cluster, CLUSTER_ACTION_LEASE, "the lease on volume %s", volume->name);
        local->pass = ++cluster->lease_passes;
        action->lease.pass = local->pass;
        action->lease.id = volume->id;
        action->lease.identity = volume->identity;
        action->lease.what = *pass;
        TEXT_COPY(action->lease.path, volume->path);
}

static void step(struct cluster *cluster, const struct volume *volume, struct local_lease *local,
                 struct lease_event *event)
{
        struct lease_actions actions;
        event->now_ms = cluster->now_ms;
        lease_node_step(&local->node, event, &actions);
        if (actions.start_pass)
                begin_pass(cluster, volume, local, &actions.pass);
        if (actions.wake_at_ms != LEASE_NEVER)
                wake_at(cluster, actions.wake_at_ms);
}

/* There is no guest to wait for: what was lost is taken anew, once no write of it is on its way. */
static bool is_to_begin(const struct lease_node *lease)
{
        return !lease->pass_running &&
               (lease->state == LEASE_NONE || lease->state == LEASE_STOPPING || lease->state == LEASE_LAPSED);
}

static void begin(struct cluster *cluster, const struct volume *volume, struct local_lease *local)
{
        struct lease_timings timings = lease_timings_default;
        struct lease_event event = { .kind = LEASE_EVENT_BEGIN };
        /* No watchdog fires for a lease yet. With these times a record proves nothing, however long it
         * stands: whoever reads it may go by leases already. */
        timings.watchdog_ms = 0;
        lease_node_init(&local->node, cluster->identity.node, cluster->identity.boot, &timings);
        event.begin.incarnation = cluster->identity.incarnation + ++cluster->lease_begins;
        event.begin.incarnation += event.begin.incarnation == 0;
        step(cluster, volume, local, &event);
}

static void see_to_lease(struct cluster *cluster, const struct volume *volume)
{
        struct local_lease *local = &cluster->leases[volume->id];
        if (local->identity != volume->identity)
                *local = (struct local_lease){ .identity = volume->identity };
        if (is_to_begin(&local->node))
                begin(cluster, volume, local);
        else
                step(cluster, volume, local, &(struct lease_event){ .kind = LEASE_EVENT_TICK });
}

bool lease_misses_nodes(const struct cluster *cluster)
{
        MODEL_EACH_NODE (cluster->model, node)
                if (cluster->losses[node->id].index != 0)
                        return true;
        return false;
}

static void note_losses(struct cluster *cluster)
{
        MODEL_EACH_NODE (cluster->model, node) {
                struct known_loss *loss = &cluster->losses[node->id];
                if (node->state != NODE_LOST)
                        *loss = (struct known_loss){ .index = 0 };
                else if (loss->index !=
                         node->lost_index) /* it may have returned meanwhile, and be lost again */
                        *loss = (struct known_loss){ .index = node->lost_index, .ms = cluster->now_ms };
        }
}

void lease_tick(struct cluster *cluster)
{
        note_losses(cluster);
        MODEL_EACH_VOLUME (cluster->model, volume)
                if (volume->state == VOLUME_READY)
                        see_to_lease(cluster, volume);
}

void lease_passed(struct cluster *cluster, const struct cluster_event *event)
{
        struct local_lease *local = &cluster->leases[event->lease.id];
        const struct volume *volume = model_volume_by_id(cluster->model, event->lease.id);
        if (local->pass != event->lease.pass)
                return; /* of a volume that is gone */
        local->pass = 0;
        if (volume == NULL || volume->identity != local->identity) {
                /* A snapshot clears the model, and the volume may return with its end: taken anew then. */
                *local = (struct local_lease){ .identity = 0 };
                return;
        }
        struct lease_event passed = { .kind = LEASE_EVENT_PASS, .pass = event->lease.result };
        step(cluster, volume, local, &passed);
}

const struct lease_node *cluster_lease(const struct cluster *cluster, uint32_t id)
{
        const struct volume *volume = model_volume_by_id(cluster->model, id);
        const struct local_lease *local = &cluster->leases[volume == NULL ? 0 : id];
        return volume == NULL || local->identity != volume->identity ? NULL : &local->node;
}

node_set cluster_renewing(const struct cluster *cluster, uint32_t id)
{
        const struct volume *volume = model_volume_by_id(cluster->model, id);
        const struct local_path *local = &cluster->paths[volume == NULL ? 0 : id];
        return volume == NULL || local->identity != volume->identity ? 0 : local->renewing;
}

/* What moved between two looks that both began after the loss was written after it. */
node_set lease_isolated(const struct cluster *cluster)
{
        node_set isolated = 0;
        if (!round_is_active(cluster))
                return 0;
        MODEL_EACH_VOLUME (cluster->model, volume)
                NODE_SET_EACH (cluster_renewing(cluster, volume->id), node)
                        if (cluster->losses[node].index != 0 &&
                            (cluster->paths[volume->id].moved_after_ms > cluster->losses[node].ms ||
                             MUTATED(ISOLATED_BY_AN_OLD_LOOK)))
                                isolated |= node_set_of(node);
        return isolated;
}
