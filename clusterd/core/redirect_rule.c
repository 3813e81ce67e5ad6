/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/redirect_rule.h"

#include <stdio.h>

#include "clusterd/base/mutation.h"

bool redirect_may_export(const struct model *model, const struct role *role, uint32_t id,
                         char reason[REASON_BYTES])
{
        const struct node *node = model_node(model, id);
        if (node == NULL || node->evicted || node->state != NODE_UP || node->duty != DUTY_ACTIVE ||
            id == role->owner) {
                (void)snprintf(reason, REASON_BYTES, "%s cannot write for role %s",
                               model_node_name(model, id), role->name);
                return false;
        }
        NODE_SET_EACH (role->volumes, volume_id) {
                const struct volume *volume = model_volume_by_id(model, volume_id);
                if (volume == NULL || volume->kind != VOLUME_DIRECTORY)
                        continue;
                if (volume->state == VOLUME_READY && volume_path(volume, id) == PATH_DIRECT)
                        continue;
                (void)snprintf(reason, REASON_BYTES, "%s has no path to volume %s", node->name, volume->name);
                return false;
        }
        return true;
}

const struct volume *redirect_volume(const struct model *model, const struct role *role)
{
        const struct volume *lost = NULL;
        NODE_SET_EACH (role->volumes, id) {
                const struct volume *volume = model_volume_by_id(model, id);
                if (volume == NULL || !path_state_is_lost(volume_path(volume, role->owner)))
                        continue;
                if (volume->kind != VOLUME_DIRECTORY)
                        return NULL;
                lost = lost == NULL ? volume : lost;
        }
        return lost;
}

uint32_t redirect_exporter(const struct model *model, const struct role *role, node_set except)
{
        const struct volume *lost = redirect_volume(model, role);
        char ignored[REASON_BYTES];
        if (lost == NULL)
                return NODE_NONE;
        if (!node_set_has(except, lost->coordinator) &&
            redirect_may_export(model, role, lost->coordinator, ignored))
                return lost->coordinator;
        MODEL_EACH_NODE (model, node)
                if (!node_set_has(except, node->id) && redirect_may_export(model, role, node->id, ignored))
                        return node->id;
        return NODE_NONE;
}
