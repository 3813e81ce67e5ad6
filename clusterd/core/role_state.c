/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/role_state.h"

#include <assert.h>

#include "clusterd/base/mutation.h"
#include "clusterd/base/text.h"

#define TO(state) (UINT32_C(1) << (state))

/* The picture is in README.md of this folder. */
static const uint32_t next_states[ROLE_STATE_COUNT] = {
        [ROLE_OFFLINE] = TO(ROLE_STARTING),
        [ROLE_STARTING] = TO(ROLE_ONLINE) | TO(ROLE_STOPPING) | TO(ROLE_RECOVERING) | TO(ROLE_FAILED),
        [ROLE_ONLINE] = TO(ROLE_STOPPING) | TO(ROLE_MOVING) | TO(ROLE_RECOVERING) | TO(ROLE_FAILED) |
                        TO(ROLE_OFFLINE),
        [ROLE_STOPPING] = TO(ROLE_OFFLINE) | TO(ROLE_RECOVERING),
        [ROLE_MOVING] = TO(ROLE_ONLINE) | TO(ROLE_STOPPING) | TO(ROLE_RECOVERING) | TO(ROLE_OFFLINE),
        [ROLE_RECOVERING] = TO(ROLE_STARTING) | TO(ROLE_ONLINE) | TO(ROLE_STOPPING) | TO(ROLE_OFFLINE),
        [ROLE_FAILED] = TO(ROLE_STARTING) | TO(ROLE_OFFLINE),
};

bool role_state_may_follow(enum role_state from, enum role_state to)
{
        assert(from < ROLE_STATE_COUNT && to < ROLE_STATE_COUNT);
        return (next_states[from] & TO(to)) != 0;
}

void role_enter(struct role *role, enum role_state state, uint64_t index, const char *reason)
{
        assert(role_state_may_follow(role->state, state));
        role->state = state;
        role->since_index = index;
        TEXT_COPY(role->reason, reason);
}

bool role_may_run_on(const struct role *role, uint32_t node)
{
        if (node == NODE_NONE)
                return false;
        switch (role->state) {
        case ROLE_STARTING:
        case ROLE_ONLINE:
        case ROLE_STOPPING:
                return role->owner == node;
        case ROLE_MOVING:
                return (role->owner == node && role->owner_end != MOVE_END_ABSENT) ||
                       (role->target == node && role->target_end != MOVE_END_ABSENT);
        case ROLE_RECOVERING:
                return role->owner == node && role->owner_evidence.kind == EVIDENCE_NONE &&
                       !MUTATED(RECOVERY_WITHOUT_EVIDENCE);
        case ROLE_OFFLINE:
        case ROLE_FAILED:
        case ROLE_STATE_COUNT:
                break;
        }
        return false;
}

node_set role_possible_runners(const struct role *role)
{
        node_set runners = 0;
        if (role_may_run_on(role, role->owner))
                runners |= node_set_of(role->owner);
        if (role_may_run_on(role, role->target))
                runners |= node_set_of(role->target);
        return runners;
}

bool role_occupies(const struct role *role, uint32_t node)
{
        return node != NODE_NONE &&
               (role_may_run_on(role, node) ||
                (role->state == ROLE_MOVING && (role->owner == node || role->target == node)));
}
