/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/apply.h"

#include "clusterd/base/mutation.h"
#include "clusterd/base/text.h"
#include "clusterd/core/placement.h"
#include "clusterd/core/reservation.h"
#include "clusterd/core/role_state.h"

static bool nodes_exist(struct apply *apply, const struct role *role)
{
        NODE_SET_EACH (role->possible, node)
                if (apply_node(apply, node) == NULL)
                        return false;
        for (uint32_t i = 0; i < PREFERRED_MAX && role->preferred[i] != NODE_NONE; i++) {
                if (apply_node(apply, role->preferred[i]) == NULL)
                        return false;
                if (role->possible != 0 && !node_set_has(role->possible, role->preferred[i])) {
                        apply_refuse(apply, "%s is preferred but not possible: name it in both, or in none",
                                     model_node_name(apply->model, role->preferred[i]));
                        return false;
                }
        }
        return true;
}

static bool uuid_is_free(struct apply *apply, const struct role *given)
{
        MODEL_EACH_ROLE (apply->model, other)
                if (given->uuid[0] != '\0' && text_equal(other->uuid, given->uuid) &&
                    !text_equal(other->name, given->name)) {
                        apply_refuse(apply, "its uuid %s is that of role '%s': give the definition another",
                                     given->uuid, other->name);
                        return false;
                }
        return true;
}

void apply_role_add(struct apply *apply, const struct command_role_add *add)
{
        const struct role *given = &add->role;
        if (model_role(apply->model, given->name) != NULL) {
                apply_refuse(apply, "there is a role '%s' already: choose another name, or change that one",
                             given->name);
                return;
        }
        if (!uuid_is_free(apply, given))
                return;
        if (!nodes_exist(apply, given) || !apply_volumes_exist(apply, given))
                return;

        struct object object = { .kind = OBJECT_ROLE };
        struct role *role = &object.role;
        TEXT_COPY(role->name, given->name);
        TEXT_COPY(role->uuid, given->uuid);
        TEXT_COPY(role->note, given->note);
        role->kind = given->kind;
        role->desired = given->desired;
        memcpy(role->definition_hash, given->definition_hash, sizeof role->definition_hash);
        role->memory_mib = given->memory_mib;
        role->cpus = given->cpus;
        role->volumes = given->volumes;
        role->contained = given->contained;
        role->priority = given->priority;
        role->stop_timeout_ms = given->stop_timeout_ms;
        memcpy(role->preferred, given->preferred, sizeof role->preferred);
        role->possible = given->possible;
        role->since_index = apply->index;
        TEXT_COPY(role->reason, "added");
        if (model_put(apply->model, &object) < 0) {
                apply_refuse(apply, "the cluster holds %u roles and takes no more", apply->model->roles_max);
                return;
        }
        apply_changed_role(apply, apply_role(apply, given->name));
}

/* A start that has been ordered goes by the new definition, on the node that was chosen for the old one. */
static bool starts_where_its_volumes_are(struct apply *apply, const struct role *next)
{
        NODE_SET_EACH (next->state == ROLE_STARTING ? next->volumes : 0, id) {
                const struct volume *volume = model_volume_by_id(apply->model, id);
                if (volume_path(volume, next->owner) == PATH_DIRECT)
                        continue;
                apply_refuse(apply, "role '%s' starts on %s, which has no path to volume '%s': stop it first",
                             next->name, model_node_name(apply->model, next->owner), volume->name);
                return false;
        }
        return true;
}

void apply_role_set(struct apply *apply, const struct command_role_set *set)
{
        const struct role *given = &set->role;
        struct role *role = apply_role(apply, given->name);
        if (role == NULL)
                return;
        struct role next = *role;
        if (set->fields & ROLE_FIELD_NOTE)
                TEXT_COPY(next.note, given->note);
        if (set->fields & ROLE_FIELD_PRIORITY)
                next.priority = given->priority;
        if (set->fields & ROLE_FIELD_PREFERRED)
                memcpy(next.preferred, given->preferred, sizeof next.preferred);
        if (set->fields & ROLE_FIELD_POSSIBLE)
                next.possible = given->possible;
        if (set->fields & ROLE_FIELD_STOP_TIMEOUT)
                next.stop_timeout_ms = given->stop_timeout_ms;
        if ((set->fields & ROLE_FIELD_DEFINITION) && role->copy.state != COPY_NONE) {
                apply_refuse(apply, "the storage of role '%s' is being moved: wait, or abort that",
                             role->name);
                return;
        }
        if ((set->fields & ROLE_FIELD_DEFINITION) && role->redirect.state != REDIRECT_NONE) {
                apply_refuse(apply, "%s writes for role '%s' at present: wait until it runs by its own path",
                             model_node_name(apply->model, role->redirect.exporter), role->name);
                return;
        }
        if (set->fields & ROLE_FIELD_DEFINITION) {
                memcpy(next.definition_hash, given->definition_hash, sizeof next.definition_hash);
                TEXT_COPY(next.uuid, given->uuid);
                next.memory_mib = given->memory_mib;
                next.cpus = given->cpus;
                next.volumes = given->volumes;
                next.contained = given->contained;
                if (!MUTATED(PREEMPTED_ON_OTHER_LUNS))
                        next.reserved = 0; /* what runs was started by the definition of before */
        }
        if ((set->fields & (ROLE_FIELD_PREFERRED | ROLE_FIELD_POSSIBLE)) && !nodes_exist(apply, &next))
                return;
        if ((set->fields & ROLE_FIELD_DEFINITION) &&
            (!uuid_is_free(apply, given) || !apply_volumes_exist(apply, given) ||
             !starts_where_its_volumes_are(apply, &next)))
                return;
        *role = next;
        apply_changed_role(apply, role);
}

void apply_role_start(struct apply *apply, const struct command_role *command)
{
        struct role *role = apply_role(apply, command->role);
        if (role == NULL)
                return;
        role->desired = DESIRED_RUNNING;
        role->failures = 0;
        role->retry_ms = 0;
        role->tried = 0;
        apply_changed_role(apply, role);
}

void apply_role_rest(struct apply *apply, struct role *role, const char *reason)
{
        role_enter(role, ROLE_OFFLINE, apply->index, reason);
        role->owner = NODE_NONE;
        role->retry_ms = 0;
        if (role->desired == DESIRED_STOPPED)
                role->target = NODE_NONE; /* it is not on its way there any more */
}

void apply_role_stop(struct apply *apply, const struct command_role *command)
{
        struct role *role = apply_role(apply, command->role);
        if (role == NULL)
                return;
        role->desired = DESIRED_STOPPED;
        role->stop_now = command->force;
        role->failback = NODE_NONE;
        switch (role->state) {
        case ROLE_STARTING:
        case ROLE_ONLINE:
                role_enter(role, ROLE_STOPPING, apply->index, "an operator asked");
                break;
        case ROLE_FAILED:
                apply_role_rest(apply, role, "an operator asked");
                break;
        case ROLE_RECOVERING:
                if (role_possible_runners(role) == 0 || MUTATED(STOP_FORGETS_RUNNERS))
                        apply_role_rest(apply, role, "an operator asked");
                break;
        case ROLE_OFFLINE:
                role->target = NODE_NONE;
                break;
        case ROLE_STOPPING:
        case ROLE_MOVING: /* stops when the move has ended */
        case ROLE_STATE_COUNT:
                break;
        }
        apply_changed_role(apply, role);
}

void apply_role_remove(struct apply *apply, const struct command_role *command)
{
        struct role *role = apply_role(apply, command->role);
        if (role == NULL)
                return;
        if (role->state != ROLE_OFFLINE && role->state != ROLE_FAILED && !MUTATED(REMOVE_WHILE_RUNNING)) {
                apply_refuse(apply, "role '%s' is %s: stop it first", role->name,
                             role_state_name(role->state));
                return;
        }
        if (role->copy.state != COPY_NONE && !MUTATED(REMOVE_UNCLEARED)) {
                apply_refuse(apply,
                             "the next start of role '%s' clears up after the move of its storage: start it, "
                             "or abort that",
                             role->name);
                return;
        }
        if (role->redirect.state != REDIRECT_NONE && !MUTATED(REMOVE_WHILE_EXPORTED)) {
                apply_refuse(apply, "%s may still write for role '%s': its export is not proven closed",
                             model_node_name(apply->model, role->redirect.exporter), role->name);
                return;
        }
        apply_changed_role(apply, role);
        apply->deleted = true;
        apply->deleted_kind = OBJECT_ROLE;
        TEXT_COPY(apply->deleted_name, command->role);
        model_remove(apply->model, OBJECT_ROLE, command->role);
}

static bool same_evidence(const struct evidence *a, const struct evidence *b)
{
        return a->kind == b->kind && a->index == b->index;
}

static bool names_evidence(const struct command_role_assign *assign, const struct role *role)
{
        return same_evidence(&assign->owner_evidence, &role->owner_evidence) &&
               same_evidence(&assign->target_evidence, &role->target_evidence);
}

static bool generation_follows(struct apply *apply, const struct role *role, uint64_t generation)
{
        if (generation == role->generation + 1)
                return true;
        apply_refuse(apply, "role '%s' is at generation %llu already", role->name,
                     (unsigned long long)role->generation);
        return false;
}

void apply_role_assign(struct apply *apply, const struct command_role_assign *assign)
{
        struct role *role = apply_role(apply, assign->role);
        const struct node *node = role == NULL ? NULL : apply_node(apply, assign->node);
        if (node == NULL ||
            !(MUTATED(ASSIGN_OF_OLD_GENERATION) || generation_follows(apply, role, assign->generation)))
                return;
        if (!role_state_may_follow(role->state, ROLE_STARTING) ||
            (role->desired != DESIRED_RUNNING && !MUTATED(ASSIGN_UNWANTED))) {
                apply_refuse(apply, "role '%s' is %s, wanted %s", role->name, role_state_name(role->state),
                             role_desired_name(role->desired));
                return;
        }
        /* Rule 3: no start without evidence for every earlier possible runner, named in the entry itself. */
        if ((role_possible_runners(role) != 0 && !MUTATED(ASSIGN_WHILE_IT_MAY_RUN)) ||
            !(MUTATED(ASSIGN_UNPROVEN) || names_evidence(assign, role))) {
                apply_refuse(apply, "role '%s' may still run elsewhere: the evidence is not there",
                             role->name);
                return;
        }
        if (role->redirect.state != REDIRECT_NONE && !MUTATED(ASSIGN_WHILE_EXPORTED)) {
                apply_refuse(apply, "%s may still write for role '%s': its export is not proven closed",
                             model_node_name(apply->model, role->redirect.exporter), role->name);
                return;
        }
        if (!node_set_has(placement_open_nodes(apply->model, role), node->id) &&
            !MUTATED(ASSIGN_TO_CLOSED_NODE)) {
                apply_refuse(apply, "%s does not take role '%s' now", node->name, role->name);
                return;
        }
        role_enter(role, ROLE_STARTING, apply->index, assign->reason);
        role->owner = node->id;
        role->target = NODE_NONE;
        role->generation++;
        role->started = role->generation;
        role->owner_evidence = (struct evidence){ .kind = EVIDENCE_NONE };
        role->target_evidence = (struct evidence){ .kind = EVIDENCE_NONE };
        role->leases =
                role->volumes; /* of the definition that it is started by, whatever it is given later */
        role->reserved = reservation_of_start(apply->model, role);
        apply_changed_role(apply, role);
}

/* An OCF role cannot move live: it is stopped, and started on the target. */
static void relocate(struct apply *apply, struct role *role, uint32_t target)
{
        role_enter(role, ROLE_STOPPING, apply->index, "to be started on another node");
        role->target = target;
}

/* What has stalled is lost with its memory, and starts anew where its volumes are, if there is such a place.
 */
void apply_role_relocate(struct apply *apply, const struct command_role_relocate *command)
{
        struct role *role = apply_role(apply, command->role);
        if (role == NULL)
                return;
        bool stalled = role->stall.index != 0 && role->stall.index == command->stall;
        if (role->state != ROLE_ONLINE || !(stalled || MUTATED(RELOCATE_WHAT_RUNS))) {
                apply_refuse(apply, "role '%s' does not stand still since entry %llu", role->name,
                             (unsigned long long)command->stall);
                return;
        }
        role_enter(role, ROLE_STOPPING, apply->index, command->reason);
        role->stop_now = true;
        apply_changed_role(apply, role);
}

void apply_role_move(struct apply *apply, const struct command_role_move *move)
{
        struct role *role = apply_role(apply, move->role);
        if (role == NULL)
                return;
        if (move->generation != 0 && !MUTATED(MOVE_OF_OLD_GENERATION) &&
            !generation_follows(apply, role, move->generation))
                return;
        if (role->state != ROLE_ONLINE && !MUTATED(MOVE_OF_WHAT_IS_NOT_ONLINE)) {
                apply_refuse(apply, "role '%s' is %s: only what is online can be moved", role->name,
                             role_state_name(role->state));
                return;
        }
        if (role->copy.state != COPY_NONE && !MUTATED(MOVE_WHILE_COPYING)) {
                apply_refuse(apply, "the storage of role '%s' is being moved to %.60s: wait, or abort that",
                             role->name, role->copy.to);
                return;
        }
        if (role->stall.index != 0 && !MUTATED(MOVE_WHILE_STALLED)) {
                apply_refuse(apply, "role '%s' stands still, its disk failed it: it moves when it goes on",
                             role->name);
                return;
        }
        if (move->target == role->owner) {
                apply_refuse(apply, "role '%s' is on %s already", role->name,
                             model_node_name(apply->model, role->owner));
                return;
        }
        struct placement_load load;
        placement_load_read(apply->model, &load);
        char binds[REASON_BYTES];
        enum placement_verdict verdict = placement_check(apply->model, role, &load, move->target, binds);
        if (verdict != PLACEMENT_FOUND &&
            !((verdict == PLACEMENT_NODE_AWAY || verdict == PLACEMENT_NODE_CLOSED) &&
              MUTATED(MOVE_TO_CLOSED_NODE))) {
                if (verdict == PLACEMENT_NODE_UNKNOWN)
                        apply->outcome = APPLY_NO_OBJECT;
                apply_refuse(apply, "%s", binds);
                return;
        }
        /* A move home that fails is tried again, so home is forgotten only on arrival, or when it goes
         * elsewhere. */
        if (!move->drain && move->target != role->failback)
                role->failback = NODE_NONE;
        else if (move->drain && role->failback == NODE_NONE)
                role->failback = role->owner;
        if (role->kind == ROLE_OCF) {
                relocate(apply, role, move->target);
        } else {
                role_enter(role, ROLE_MOVING, apply->index, move->reason);
                role->target = move->target;
                role->generation++;
                role->owner_end = MOVE_END_UNKNOWN;
                role->target_end = MOVE_END_UNKNOWN;
        }
        apply_changed_role(apply, role);
}
