/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/role_state.h"

#include <assert.h>
#include <string.h>

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

const char *role_copy_useless(const struct role_copy *copy)
{
        return copy->succeeded ? copy->from : copy->to;
}

void role_copy_exchange(struct role *role)
{
        uint8_t hash[HASH_BYTES];
        uint64_t volumes = role->volumes;
        memcpy(hash, role->definition_hash, HASH_BYTES);
        memcpy(role->definition_hash, role->copy.definition_hash, HASH_BYTES);
        memcpy(role->copy.definition_hash, hash, HASH_BYTES);
        role->volumes = role->copy.volumes;
        role->copy.volumes = volumes;
}

void role_copy_end(struct role *role)
{
        role->copy.state = COPY_NONE;
        memset(role->copy.definition_hash, 0, HASH_BYTES);
        role->copy.volumes = 0;
}

/* Nothing of its guest is left anywhere: what the ledger names is what counts. */
static void end_copy_without_guest(struct role_copy *copy)
{
        if (copy->state != COPY_RUNNING && copy->state != COPY_SWITCHING)
                return;
        copy->succeeded = copy->state == COPY_SWITCHING;
        copy->state = COPY_CLEARING;
        if (copy->text[0] == '\0')
                TEXT_COPY(copy->text, "its guest ended meanwhile");
}

void role_enter(struct role *role, enum role_state state, uint64_t index, const char *reason)
{
        assert(role_state_may_follow(role->state, state));
        role->state = state;
        role->since_index = index;
        TEXT_COPY(role->reason, reason);
        if (state != ROLE_ONLINE && state != ROLE_STOPPING && state != ROLE_RECOVERING)
                role->stall =
                        (struct role_stall){ .index = 0 }; /* it is not there any more, or has not stalled */
        if (state == ROLE_STARTING || state == ROLE_OFFLINE || state == ROLE_FAILED ||
            (state == ROLE_RECOVERING && MUTATED(COPY_ENDS_UNPROVEN)))
                end_copy_without_guest(&role->copy);
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

bool role_is_exported_by(const struct role *role, uint32_t node)
{
        return role->redirect.state != REDIRECT_NONE && role->redirect.exporter == node;
}

void role_redirect_end(struct role *role, enum redirect_state state, const char *why)
{
        role->redirect.state = state;
        role->redirect.port = 0;
        memset(role->redirect.key, 0, sizeof role->redirect.key);
        if (why[0] != '\0')
                TEXT_COPY(role->redirect.text, why);
}

void role_redirect_settle(struct role *role)
{
        bool is_of_use = role->redirect.state == REDIRECT_OPENING || role->redirect.state == REDIRECT_OPEN ||
                         role->redirect.state == REDIRECT_SERVED;
        if (!is_of_use || role_may_run_on(role, role->redirect.client))
                return;
        role_redirect_end(role, MUTATED(EXPORT_ENDS_WITH_ITS_GUEST) ? REDIRECT_NONE : REDIRECT_CLOSING,
                          "its guest is not there any more");
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
