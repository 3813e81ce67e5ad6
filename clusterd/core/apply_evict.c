/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/apply.h"

#include <string.h>

#include "clusterd/base/mutation.h"
#include "clusterd/base/text.h"
#include "clusterd/core/node_state.h"
#include "clusterd/core/role_state.h"
#include "quorum/quorum_rule.h"

/*
 * A node is taken out of the cluster, for ever or until somebody makes a new
 * one of it. Its row stays, so that nobody gets its id, its name or one of its
 * incarnations by accident, and nothing else does.
 */

/* More than half of the votes that stay are with members that stay. */
static bool is_primary_after(const struct model *model, uint32_t node)
{
        node_set voters = model->settings.voters & ~node_set_of(node);
        struct quorum_votes votes = { .expected = node_set_count(voters) };
        if (voters == 0)
                return false;
        NODE_SET_EACH (voters, voter) {
                const struct node *member = model_node(model, voter);
                votes.present += member != NULL && member->state == NODE_UP;
        }
        return quorum_is_held(quorum_decide(&votes));
}

static const struct role *role_at(const struct model *model, uint32_t node)
{
        MODEL_EACH_ROLE (model, role)
                if (role_occupies(role, node) || role_is_exported_by(role, node))
                        return role;
        return NULL;
}

/* Without it the role could go anywhere, which nobody has asked for. */
static const struct role *role_bound_to(const struct model *model, uint32_t node)
{
        MODEL_EACH_ROLE (model, role)
                if (role->possible == node_set_of(node))
                        return role;
        return NULL;
}

static bool may_be_evicted(struct apply *apply, const struct node *node)
{
        const struct role *here = role_at(apply->model, node->id);
        const struct role *bound = role_bound_to(apply->model, node->id);
        if (node->test_level != 0)
                apply_refuse(apply, "%s is turned off and on: its fence devices are being tested",
                             node->name);
        else if (node->state == NODE_LOST && !MUTATED(EVICTED_UNPROVEN))
                apply_refuse(
                        apply,
                        "%s is lost and nothing has proven that it is off: wait for that, or vouch for it "
                        "with clu node confirm-off",
                        node->name);
        else if (node->state == NODE_UP && node->duty != DUTY_DRAINED && !MUTATED(EVICTED_UNDRAINED))
                apply_refuse(apply, "%s is up: drain it first", node->name);
        else if (here != NULL && !MUTATED(EVICTED_UNPROVEN))
                apply_refuse(apply, "role %s may be on %s, or on its way there", here->name, node->name);
        else if (node->state == NODE_UP && !is_primary_after(apply->model, node->id) &&
                 !MUTATED(EVICTED_WITH_THE_QUORUM))
                apply_refuse(apply, "without %s the others have no quorum now", node->name);
        else if (bound != NULL)
                apply_refuse(apply, "role %s is possible on %s alone: clu role set %s --possible first",
                             bound->name, node->name, bound->name);
        return apply->outcome == APPLY_DONE;
}

static bool forget_preference(struct role *role, uint32_t node)
{
        uint32_t kept = 0;
        for (uint32_t i = 0; i < PREFERRED_MAX; i++)
                if (role->preferred[i] != node)
                        role->preferred[kept++] = role->preferred[i];
        bool forgotten = kept < PREFERRED_MAX;
        while (kept < PREFERRED_MAX)
                role->preferred[kept++] = NODE_NONE;
        return forgotten;
}

static void forget_in_roles(struct apply *apply, uint32_t node)
{
        struct model *model = apply->model;
        for (struct role *role = model->roles; role < model->roles + model->roles_used; role++) {
                bool changed = role->name[0] != '\0' && forget_preference(role, node);
                if (role->name[0] == '\0' ||
                    (!changed && role->failback != node && !node_set_has(role->possible | role->tried, node)))
                        continue;
                role->possible &= ~node_set_of(node);
                role->tried &= ~node_set_of(node);
                if (role->failback == node)
                        role->failback = NODE_NONE;
                apply_changed_role(apply, role);
        }
}

static void forget_in_devices(struct apply *apply, uint32_t node)
{
        for (size_t slot = 0; slot < FENCE_DEVICES_MAX; slot++) {
                struct fence_device *device = &apply->model->fence_devices[slot];
                if (device->name[0] == '\0' || !node_set_has(device->targets, node))
                        continue;
                device->targets &= ~node_set_of(node);
                if (device->targets == 0) {
                        text_copy(apply->device_deleted[apply->devices_deleted++], NAME_BYTES, device->name);
                        memset(device, 0, sizeof *device);
                } else if (apply->changes != NULL) {
                        apply->changes->fence_devices[slot / 64] |= UINT64_C(1) << slot % 64;
                }
        }
}

void apply_node_evict(struct apply *apply, const struct command_node *command)
{
        struct node *node = apply_node(apply, command->node);
        if (node == NULL)
                return;
        if (command->incarnation != 0 && command->incarnation != node->incarnation) {
                apply_refuse(apply, "%s has returned since", node->name);
                return;
        }
        if (!may_be_evicted(apply, node))
                return;
        forget_in_roles(apply, node->id);
        forget_in_devices(apply, node->id);
        apply_paths_unknown(apply, node->id);
        if (node->state == NODE_UP)
                node_enter(node, NODE_DOWN, apply->index, command->reason);
        node->evicted = true;
        node->duty = DUTY_ACTIVE;
        node->fence_wanted = false;
        node->quorum_priority = 0;
        node->since_index = apply->index;
        TEXT_COPY(node->reason, command->reason);
        apply_changed_node(apply, node);
}
