/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include <string.h>

#include "clusterd/base/mutation.h"
#include "clusterd/base/text.h"

/*
 * What must stand on this node before a guest can arrive by a move: the gateways of its disks, if these are
 * LUNs. Until they do, this node does not say that it has applied the move (guarded_index), so nothing is
 * sent. What is prepared and not needed ends by itself.
 */

#define AGAIN_MS 2000 /* what failed is tried again, until the source gives up waiting */

/* A definition may have changed since it was started: both count. */
static bool needs_gateways(const struct model *model, const struct role *role)
{
        NODE_SET_EACH (role->volumes | role->leases, id) {
                const struct volume *volume = model_volume_by_id(model, id);
                if (volume != NULL && volume->kind == VOLUME_ISCSI)
                        return true;
        }
        return false;
}

static bool awaits(const struct cluster *cluster, uint32_t slot)
{
        const struct role *role = &cluster->model->roles[slot];
        const struct local_role *local = &cluster->local[slot];
        return local->arriving && local->prepared != role->generation &&
               needs_gateways(cluster->model, role) && !MUTATED(MOVE_TO_THE_UNPREPARED);
}

bool prepare_is_pending(const struct cluster *cluster)
{
        for (uint32_t slot = 0; cluster->arriving > 0 && slot < cluster->model->roles_used; slot++)
                if (awaits(cluster, slot))
                        return true;
        return false;
}

void prepare_role_changed(struct cluster *cluster, uint32_t slot)
{
        const struct role *role = &cluster->model->roles[slot];
        struct local_role *local = &cluster->local[slot];
        bool arriving = role->name[0] != '\0' && role->state == ROLE_MOVING &&
                        role->target == cluster->identity.node && role->owner_end == MOVE_END_UNKNOWN &&
                        role->target_end == MOVE_END_UNKNOWN;
        cluster->arriving += (uint32_t)arriving - (uint32_t)local->arriving;
        local->arriving = arriving;
}

static void prepare(struct cluster *cluster, const struct role *role, struct local_role *local)
{
        struct cluster_action *action =
                action_add(cluster, CLUSTER_ACTION_PREPARE, "its disks are LUNs, and it is to arrive here");
        local->preparing = role->generation;
        TEXT_COPY(action->role.name, role->name);
        action->role.kind = role->kind;
        action->role.generation = role->generation;
        memcpy(action->role.definition_hash, role->definition_hash, HASH_BYTES);
}

void prepare_tick(struct cluster *cluster)
{
        if (cluster->arriving == 0 || !round_is_active(cluster))
                return;
        for (uint32_t slot = 0; slot < cluster->model->roles_used; slot++) {
                const struct role *role = &cluster->model->roles[slot];
                struct local_role *local = &cluster->local[slot];
                if (!awaits(cluster, slot) || local->preparing == role->generation)
                        continue;
                if (cluster->now_ms >= local->prepare_ms)
                        prepare(cluster, role, local);
                else
                        wake_at(cluster, local->prepare_ms);
        }
}

void prepare_done(struct cluster *cluster, const struct cluster_event *event)
{
        const struct role *role = model_role(cluster->model, event->prepared.role);
        struct local_role *local = role == NULL ? NULL : &cluster->local[role_slot(cluster, role)];
        if (local == NULL || local->preparing != event->prepared.generation)
                return;
        local->preparing = 0;
        if (event->prepared.succeeded) {
                local->prepared = event->prepared.generation;
                cluster->guard_news = true;
                return;
        }
        local->prepare_ms = cluster->now_ms + AGAIN_MS;
        action_add(cluster, CLUSTER_ACTION_LOG, "role %s cannot arrive here: %.90s", role->name,
                   event->prepared.text);
}
