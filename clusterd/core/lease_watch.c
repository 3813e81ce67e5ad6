/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include <string.h>

#include "clusterd/base/mutation.h"
#include "clusterd/base/text.h"
#include "clusterd/core/lease_guard.h"

/*
 * The leader watches the leases of lost nodes, on the volumes by whose leases their roles may run on. What it
 * counts from is what the contact is counted from (fencing.c): a lease that guests run by stood on its volume
 * before that, and every read that is begun later shows it, or what came after it.
 */

#define LEASE_LOOK_AGAIN_MS 500 /* after what could not be read, or was of before the loss */

static void release(struct lease_watch *watch)
{
        memset(watch, 0, sizeof *watch);
}

static bool is_watched(const struct cluster *cluster, const struct lease_watch *watch)
{
        const struct node *node = model_node(cluster->model, watch->node);
        const struct volume *volume = model_volume_by_id(cluster->model, watch->volume);
        return node != NULL && node->state == NODE_LOST && volume != NULL &&
               volume->identity == watch->identity &&
               node_set_has(cluster->watched[watch->node], watch->volume);
}

static struct lease_watch *find(struct cluster *cluster, uint32_t node, const struct volume *volume)
{
        struct lease_watch *free_one = NULL;
        for (size_t i = 0; i < LEASE_WATCHES_MAX; i++) {
                struct lease_watch *watch = &cluster->lease_watches[i];
                if (watch->node == node && watch->volume == volume->id)
                        return watch;
                if (watch->node == NODE_NONE && free_one == NULL)
                        free_one = watch;
        }
        if (free_one != NULL)
                *free_one = (struct lease_watch){ .node = node,
                                                  .volume = volume->id,
                                                  .identity = volume->identity };
        return free_one;
}

static struct cluster_action *act(struct cluster *cluster, struct lease_watch *watch,
                                  const struct volume *volume, enum cluster_action_kind kind,
                                  const char *reason)
{
        struct cluster_action *action =
                action_add(cluster, kind, "%s: %s on %s", reason,
                           model_node_name(cluster->model, watch->node), volume->name);
        watch->sight = ++cluster->sights;
        action->sight.sight = watch->sight;
        action->sight.id = volume->id;
        action->sight.identity = volume->identity;
        action->sight.node = watch->node;
        TEXT_COPY(action->sight.path, volume->path);
        return action;
}

/*
 * When it has had its time to return, and by no contact may start anything any more: what it answers is then
 * true until it has joined anew.
 */
static uint64_t revoked_at(const struct cluster *cluster, const struct lease_watch *watch,
                           const struct node *node)
{
        uint64_t due_ms = watch->alive_ms + cluster->model->settings.resiliency_ms;
        uint64_t stopped_ms = fencing_has_stopped_at(cluster, node);
        if (MUTATED(REVOKED_AT_ONCE))
                due_ms = watch->alive_ms;
        return due_ms < stopped_ms && !MUTATED(REVOKED_IN_CONTACT) ? stopped_ms : due_ms;
}

/* An isolated node has had its time: it is asked to stop what its lease keeps. It may never read that. */
static bool revoke(struct cluster *cluster, struct lease_watch *watch, const struct volume *volume)
{
        const struct node *node = model_node(cluster->model, watch->node);
        struct lease_revocation revocation;
        if (!watch->looked || watch->alive_ms == 0 || cluster->model->settings.resiliency_ms == 0 ||
            pause_is_on(cluster) ||
            (node_set_has(cluster->round.connected, watch->node) && !MUTATED(REVOKED_IN_CONTACT)))
                return false;
        uint64_t due_ms = revoked_at(cluster, watch, node);
        if (cluster->now_ms < due_ms) {
                wake_at(cluster, due_ms);
                return false;
        }
        if (!lease_observer_revokes(&watch->observer, cluster->identity.node, cluster->round.decide.epoch,
                                    node->incarnation, &revocation))
                return false;
        act(cluster, watch, volume, CLUSTER_ACTION_REVOKE, "its time to return is over: a lease is revoked")
                ->sight.revocation = revocation;
        watch->looked = false; /* whether it stands there, the next look shows */
        return true;
}

static void see_to(struct cluster *cluster, struct lease_watch *watch, const struct volume *volume)
{
        uint64_t from_ms = fencing_counts_from(cluster, watch->node);
        if (watch->observer.node == NODE_NONE || watch->observer.lost_ms < from_ms) {
                lease_observer_begin(&watch->observer, watch->node, from_ms);
                watch->next_ms = cluster->now_ms;
        }
        if (watch->sight != 0 || revoke(cluster, watch, volume))
                return;
        if (cluster->now_ms >= watch->next_ms)
                act(cluster, watch, volume, CLUSTER_ACTION_SIGHT, "does it renew its lease?");
        else
                wake_at(cluster, watch->next_ms);
}

/* Who runs what changes with what is applied. */
static void note_watched(struct cluster *cluster)
{
        if (cluster->watched_index == cluster->ledger.applied.index)
                return;
        cluster->watched_index = cluster->ledger.applied.index;
        memset(cluster->watched, 0, sizeof cluster->watched);
        MODEL_EACH_NODE (cluster->model, node)
                if (node->state == NODE_LOST)
                        cluster->watched[node->id] = lease_guard_volumes(cluster->model, node->id);
}

void lease_watch_tick(struct cluster *cluster)
{
        bool leads = round_is_leader(cluster);
        if (!leads)
                cluster->watched_index = 0;
        else
                note_watched(cluster);
        for (size_t i = 0; i < LEASE_WATCHES_MAX; i++)
                if (cluster->lease_watches[i].node != NODE_NONE &&
                    (!leads || !is_watched(cluster, &cluster->lease_watches[i])))
                        release(&cluster->lease_watches[i]);
        MODEL_EACH_NODE (cluster->model, node)
                NODE_SET_EACH (leads && node->state == NODE_LOST ? cluster->watched[node->id] : 0, id) {
                        const struct volume *volume = model_volume_by_id(cluster->model, id);
                        struct lease_watch *watch = volume == NULL ? NULL : find(cluster, node->id, volume);
                        if (watch != NULL)
                                see_to(cluster, watch, volume);
                }
}

/* One that cannot be read for a moment is alive as before. */
static void note_alive(const struct cluster *cluster, struct lease_watch *watch, enum lease_finding finding)
{
        if (finding == LEASE_FINDING_RENEWED && watch->alive_ms == 0)
                watch->alive_ms = cluster->now_ms;
        if (finding == LEASE_FINDING_RELEASED || finding == LEASE_FINDING_EXPIRED)
                watch->alive_ms = 0;
}

void lease_watch_seen(struct cluster *cluster, const struct cluster_event *event)
{
        for (size_t i = 0; i < LEASE_WATCHES_MAX; i++) {
                struct lease_watch *watch = &cluster->lease_watches[i];
                if (watch->sight == 0 || watch->sight != event->sight.sight)
                        continue;
                watch->sight = 0;
                watch->looked = true;
                note_alive(cluster, watch, lease_observer_see(&watch->observer, &event->sight.result));
                watch->next_ms = lease_observer_next_ms(&watch->observer);
                if (watch->next_ms <= cluster->now_ms)
                        watch->next_ms = cluster->now_ms + LEASE_LOOK_AGAIN_MS;
        }
}

void lease_watch_revoked(struct cluster *cluster, const struct cluster_event *event)
{
        for (size_t i = 0; i < LEASE_WATCHES_MAX; i++) {
                struct lease_watch *watch = &cluster->lease_watches[i];
                if (watch->sight == 0 || watch->sight != event->revoked.sight)
                        continue;
                watch->sight = 0;
                watch->next_ms =
                        event->revoked.error == 0 ? cluster->now_ms : cluster->now_ms + LEASE_LOOK_AGAIN_MS;
        }
}

uint64_t lease_watch_expired(const struct cluster *cluster, uint32_t node)
{
        uint64_t volumes = 0;
        for (size_t i = 0; i < LEASE_WATCHES_MAX; i++) {
                const struct lease_watch *watch = &cluster->lease_watches[i];
                if (watch->node == node && (watch->observer.finding == LEASE_FINDING_EXPIRED ||
                                            watch->observer.finding == LEASE_FINDING_RELEASED))
                        volumes |= node_set_of(watch->volume);
        }
        return volumes;
}

uint64_t lease_watch_released(const struct cluster *cluster, const struct node *node)
{
        uint64_t volumes = 0;
        for (size_t i = 0; i < LEASE_WATCHES_MAX; i++) {
                const struct lease_watch *watch = &cluster->lease_watches[i];
                if (watch->node == node->id &&
                    (lease_observer_is_obeyed(&watch->observer, node->incarnation) ||
                     (watch->observer.finding == LEASE_FINDING_RELEASED &&
                      MUTATED(RELEASED_BEFORE_THE_LOSS))))
                        volumes |= node_set_of(watch->volume);
        }
        return volumes;
}
