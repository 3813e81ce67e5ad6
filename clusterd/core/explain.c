/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/explain.h"

#include "clusterd/base/text.h"
#include "clusterd/core/fence_level.h"
#include "clusterd/core/lease_guard.h"
#include "clusterd/core/placement.h"
#include "clusterd/core/role_state.h"

#define PAUSED "failover is paused: clu cluster resume ends it"

static bool lacks_place(const struct model *model, const struct role *role, node_set except,
                        char reason[REASON_BYTES])
{
        struct placement_load load;
        uint32_t node = NODE_NONE;
        char choice[REASON_BYTES];
        placement_load_read(model, &load);
        if (placement_choose(model, role, &load, except, &node, choice) == PLACEMENT_FOUND)
                return false;
        memcpy(reason, choice, REASON_BYTES);
        return true;
}

/* What can still prove that a node runs nothing. */
static const char *way_to_proof(const struct model *model, bool leased, bool reserved, bool releases,
                                const struct node *node)
{
        if (node->state == NODE_UP)
                return "it is up and has to say so itself";
        if (fence_level_after(model, node->id, 0) != 0)
                return "its fence devices are being tried";
        /* Whom an operator wants off may well be in contact: then its guard does not expire. */
        if (!node->watchdog && !node->fence_wanted && !node->forced_out && reserved)
                return "its keys on the targets of the role have to be taken away";
        if (!node->watchdog && !node->fence_wanted && !node->forced_out && releases)
                return "it may give its lease up when it is asked; is it off? then say: clu node confirm-off";
        if (!node->watchdog || node->fence_wanted || node->forced_out)
                return "is it off? then say: clu node confirm-off";
        return leased ? "its guard and its lease have to expire" : "its guard has to expire";
}

/* The owner or the target of a move, of which nobody knows yet whether it runs it. */
static const struct node *unproven(const struct model *model, const struct role *role)
{
        const struct node *owner = model_node(model, role->owner), *target = model_node(model, role->target);
        /* If both say that they run it, the owner has to stop what the move left there. */
        bool owner_said = role->state == ROLE_MOVING && role->owner_end != MOVE_END_UNKNOWN &&
                          role->target_end != MOVE_END_RUNNING;
        bool by_owner = owner != NULL && role_may_run_on(role, owner->id) && !owner_said;
        bool by_target = target != NULL && role->state == ROLE_MOVING && role->target_end == MOVE_END_UNKNOWN;
        if (by_owner && by_target)
                return owner->state == NODE_UP ? target : owner;
        return by_owner ? owner : by_target ? target : NULL;
}

static bool lacks_proof(const struct model *model, const struct role *role, char reason[REASON_BYTES])
{
        const struct node *node = unproven(model, role);
        if (node == NULL)
                return false;
        bool leased = lease_guards(model, role, node->id);
        bool releases = leased && role->owner == node->id && model->settings.resiliency_ms != 0;
        if (model->settings.pause_ms != 0 && node->state == NODE_LOST && !node->fence_wanted)
                (void)snprintf(reason, REASON_BYTES, PAUSED);
        else
                (void)snprintf(reason, REASON_BYTES, "no proof yet that %.40s runs it no more; %s",
                               node->name, way_to_proof(model, leased, role->reserved != 0, releases, node));
        return true;
}

/* One end of its move is lost, or nobody runs it any more: it does not just go on. */
static bool is_torn(const struct model *model, const struct role *role)
{
        const struct node *owner = model_node(model, role->owner), *target = model_node(model, role->target);
        return owner == NULL || target == NULL || owner->state != NODE_UP || target->state != NODE_UP ||
               role->owner_end == MOVE_END_ABSENT;
}

/* Where nobody runs it, somebody may who was forced out. */
static bool waits_for_the_forced_out(const struct model *model, const struct role *role,
                                     char reason[REASON_BYTES])
{
        const struct node *node = model_node(model, node_set_lowest(model_unproven(model)));
        if (node == NULL || role->desired != DESIRED_RUNNING || role_possible_runners(role) != 0 ||
            (role->state != ROLE_OFFLINE && role->state != ROLE_FAILED && role->state != ROLE_RECOVERING))
                return false;
        (void)snprintf(
                reason, REASON_BYTES,
                "the quorum was forced without %.40s, which has to join or to be proven off: its fence "
                "devices, or clu node confirm-off",
                node->name);
        return true;
}

/* Nobody runs it, and its last guest's disks may be written to yet. */
static bool waits_for_export(const struct model *model, const struct role *role, char reason[REASON_BYTES])
{
        const struct node *node = model_node(model, role->redirect.exporter);
        if (role->redirect.state == REDIRECT_NONE || node == NULL || role->desired != DESIRED_RUNNING ||
            role_possible_runners(role) != 0)
                return false;
        (void)snprintf(reason, REASON_BYTES, "no proof yet that %.40s writes for it no more; %s", node->name,
                       way_to_proof(model, false, false, false, node)); /* an export needs contact */
        return true;
}

bool role_explain_wait(const struct model *model, const struct role *role, char reason[REASON_BYTES])
{
        const struct node *owner = model_node(model, role->owner);
        if (waits_for_the_forced_out(model, role, reason) || waits_for_export(model, role, reason))
                return true;
        switch (role->state) {
        case ROLE_OFFLINE:
        case ROLE_FAILED:
                return role->desired == DESIRED_RUNNING && lacks_place(model, role, 0, reason);
        case ROLE_RECOVERING:
                if (role_possible_runners(role) != 0)
                        return lacks_proof(model, role, reason);
                if (model->settings.pause_ms == 0)
                        return lacks_place(model, role, 0, reason);
                (void)snprintf(reason, REASON_BYTES, PAUSED);
                return true;
        case ROLE_ONLINE:
                if (role->stall.index != 0) {
                        (void)snprintf(reason, REASON_BYTES,
                                       "it stands still on %.40s, its disk failed it: %.70s", owner->name,
                                       role->stall.text);
                        return true;
                }
                return owner != NULL && (owner->duty == DUTY_DRAINING || owner->duty == DUTY_QUARANTINED) &&
                       lacks_place(model, role, node_set_of(owner->id), reason);
        case ROLE_MOVING:
                return is_torn(model, role) && lacks_proof(model, role, reason);
        case ROLE_STARTING:
        case ROLE_STOPPING:
        case ROLE_STATE_COUNT:
                break;
        }
        return false;
}
