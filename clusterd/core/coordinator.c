/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/coordinator.h"

#include <stdio.h>
#include <string.h>

#include "clusterd/base/mutation.h"

bool coordinator_may_be(const struct model *model, const struct volume *volume, uint32_t id,
                        char reason[REASON_BYTES])
{
        const struct node *node = model_node(model, id);
        if (volume->kind != VOLUME_DIRECTORY)
                (void)snprintf(reason, REASON_BYTES, "volume %s has no images to do work on", volume->name);
        else if (volume->state != VOLUME_READY)
                (void)snprintf(reason, REASON_BYTES, "volume %s is %s", volume->name,
                               volume->state == VOLUME_PROVING ? "being proven" : "in maintenance");
        else if (node == NULL)
                (void)snprintf(reason, REASON_BYTES, "there is no node with id %u", id);
        else if (node->state != NODE_UP)
                (void)snprintf(reason, REASON_BYTES, "%s is %s", node->name, node_state_name(node->state));
        else if (node->duty != DUTY_ACTIVE)
                (void)snprintf(reason, REASON_BYTES, "%s is %s", node->name, node_duty_name(node->duty));
        else if (volume_path(volume, id) != PATH_DIRECT && !MUTATED(COORDINATOR_WITHOUT_PATH))
                (void)snprintf(reason, REASON_BYTES, "%s has no path to volume %s: %s", node->name,
                               volume->name, path_state_explain(volume_path(volume, id)));
        else
                return true;
        return false;
}

static uint32_t volumes_of(const struct model *model, uint32_t node)
{
        uint32_t count = 0;
        MODEL_EACH_VOLUME (model, volume)
                count += volume->coordinator == node;
        return count;
}

static bool is_better(const struct model *model, const struct node *a, const struct node *b)
{
        uint32_t a_count = volumes_of(model, a->id), b_count = volumes_of(model, b->id);
        return a_count != b_count ? a_count < b_count : strcmp(a->name, b->name) < 0;
}

uint32_t coordinator_choose(const struct model *model, const struct volume *volume)
{
        const struct node *best = NULL;
        char ignored[REASON_BYTES];
        MODEL_EACH_NODE (model, node)
                if (coordinator_may_be(model, volume, node->id, ignored) &&
                    (best == NULL || is_better(model, node, best)))
                        best = node;
        return best == NULL ? NODE_NONE : best->id;
}
