/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/apply.h"

#include "clusterd/base/mutation.h"
#include "clusterd/base/text.h"
#include "clusterd/core/fence_level.h"
#include "quorum/quorum_rule.h"

/*
 * A node is turned off and on by each level of its fence devices, to see that
 * they can. It counts as lost meanwhile and joins when that is over, so nothing
 * is put there between two levels.
 */

/* More than half of the votes are with members that stay. */
static bool is_primary_without(const struct model *model, uint32_t node)
{
        node_set voters = model->settings.voters;
        struct quorum_votes votes = { .expected = node_set_count(voters) };
        NODE_SET_EACH (voters, voter) {
                const struct node *member = model_node(model, voter);
                votes.present += voter != node && member != NULL && member->state == NODE_UP;
        }
        return quorum_is_held(quorum_decide(&votes));
}

static const struct role *role_in_motion(const struct model *model, uint32_t node)
{
        MODEL_EACH_ROLE (model, role)
                if (role->target == node || (role->state == ROLE_MOVING && role->owner == node))
                        return role;
        return NULL;
}

static const struct node *node_under_test(const struct model *model)
{
        MODEL_EACH_NODE (model, node)
                if (node->test_level != 0)
                        return node;
        return NULL;
}

static bool can_be_tested(struct apply *apply, const struct node *node, bool force)
{
        const struct node *other = node_under_test(apply->model);
        const struct role *role = role_in_motion(apply->model, node->id);
        if (other != NULL)
                apply_refuse(apply, "the fence devices of %s are being tested: one node at a time",
                             other->name);
        else if (node->state == NODE_LOST)
                apply_refuse(apply, "%s is lost: its devices are at work already, see clu fence history %s",
                             node->name, node->name);
        else if (fence_level_after(apply->model, node->id, 0) == 0)
                apply_refuse(apply, "no level of fence devices is complete for %s: clu fence list",
                             node->name);
        else if (role != NULL)
                apply_refuse(apply, "role %s is on its way to or from %s: wait until that has ended",
                             role->name, node->name);
        else if (!is_primary_without(apply->model, node->id))
                apply_refuse(apply, "without %s the others have no quorum: nobody would turn it on again",
                             node->name);
        else if (!force && node->state == NODE_UP && node_may_run_something(apply->model, node->id))
                apply_refuse(apply, "%s runs roles, which would be cut off: drain it first, or force it",
                             node->name);
        return apply->outcome == APPLY_DONE;
}

/* While it is lost its devices are at work: on by one of two power supplies, it would be off by neither. */
static bool can_be_turned_on(struct apply *apply, const struct node *node)
{
        const struct node *other = node_under_test(apply->model);
        if (other != NULL)
                apply_refuse(apply, "fence devices are busy with %s: one node at a time", other->name);
        else if (node->state != NODE_DOWN)
                apply_refuse(apply, "%s is %s: only who is proven off is turned on", node->name,
                             node_state_name(node->state));
        else if (fence_level_after(apply->model, node->id, 0) == 0)
                apply_refuse(apply, "no level of fence devices is complete for %s: clu fence list",
                             node->name);
        return apply->outcome == APPLY_DONE;
}

void apply_fence_test(struct apply *apply, const struct command_fence_test *test)
{
        struct node *node = apply_node(apply, test->node);
        if (node == NULL ||
            !(test->on_only ? can_be_turned_on(apply, node) : can_be_tested(apply, node, test->force)))
                return;
        if (node->state == NODE_UP) {
                struct command_node lost = { .node = node->id, .incarnation = node->incarnation };
                TEXT_COPY(lost.reason, test->reason);
                apply_node_lost(apply, &lost, true);
        }
        node->test_level = fence_level_after(apply->model, node->id, 0);
        node->test_off = node->test_on_only = test->on_only;
        node->test_failed = 0;
        apply_changed_node(apply, node);
}

static void end_test(struct node *node)
{
        if (!node->test_on_only)
                node->fence_wanted = false; /* one that none of them turned off joins again */
        if (node->state == NODE_DOWN)
                TEXT_COPY(node->reason, node->test_on_only ? "its fence devices were told to turn it on"
                                                           : "its fence devices have been tested");
        node->test_on_only = false;
}

void apply_fence_tested(struct apply *apply, const struct command_fence_tested *tested)
{
        struct node *node = apply_node(apply, tested->node);
        if (node == NULL)
                return;
        if (node->test_level == 0 || node->test_level != tested->level || node->test_off != tested->on) {
                apply_refuse(apply, "level %u of the fence devices of %s is not tested for that now",
                             tested->level, node->name);
                return;
        }
        node->test_failed += !tested->succeeded;
        if (tested->on)
                node->test_level = fence_level_after(apply->model, node->id, tested->level);
        node->test_off = node->test_level != 0 && (node->test_on_only || !tested->on);
        if (node->test_level == 0)
                end_test(node);
        apply_changed_node(apply, node);
}
