/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/explain.h"

#include "clusterd/base/text.h"
#include "clusterd/core/fence_level.h"
#include "clusterd/core/placement.h"
#include "clusterd/core/role_state.h"

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

/* What can still prove that a lost node runs nothing. */
static void explain_evidence(const struct model *model, const struct role *role, char reason[REASON_BYTES])
{
        const struct node *owner = model_node(model, role->owner);
        if (owner == NULL)
                return;
        const char *way = fence_level_after(model, owner->id, 0) != 0 ? "its fence devices are being tried"
                          : owner->watchdog                           ? "its guard has to expire"
                                            : "is it off? then say: clu node confirm-off";
        (void)snprintf(reason, REASON_BYTES, "no proof yet that %.40s runs it no more; %s", owner->name, way);
}

bool role_explain_wait(const struct model *model, const struct role *role, char reason[REASON_BYTES])
{
        const struct node *owner = model_node(model, role->owner);
        switch (role->state) {
        case ROLE_OFFLINE:
        case ROLE_FAILED:
                return role->desired == DESIRED_RUNNING && lacks_place(model, role, 0, reason);
        case ROLE_RECOVERING:
                if (model->settings.pause_ms != 0) {
                        (void)snprintf(reason, REASON_BYTES,
                                       "failover is paused: clu cluster resume ends it");
                        return true;
                }
                if (role_possible_runners(role) == 0)
                        return lacks_place(model, role, 0, reason);
                explain_evidence(model, role, reason);
                return true;
        case ROLE_ONLINE:
                return owner != NULL && (owner->duty == DUTY_DRAINING || owner->duty == DUTY_QUARANTINED) &&
                       lacks_place(model, role, node_set_of(owner->id), reason);
        case ROLE_STARTING:
        case ROLE_STOPPING:
        case ROLE_MOVING:
        case ROLE_STATE_COUNT:
                break;
        }
        return false;
}
