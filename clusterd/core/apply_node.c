/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/apply.h"

#include <assert.h>

#include "clusterd/base/mutation.h"
#include "clusterd/base/text.h"
#include "clusterd/core/lease_guard.h"
#include "clusterd/core/node_state.h"
#include "clusterd/core/reservation.h"
#include "clusterd/core/role_state.h"

bool node_may_run_something(const struct model *model, uint32_t node)
{
        MODEL_EACH_ROLE (model, role)
                if (role_may_run_on(role, node) ||
                    (role_is_exported_by(role, node) && !MUTATED(EXPORT_ENDS_WITH_LOSS)))
                        return true;
        return false;
}

bool evidence_is_of_some_roles(enum evidence_kind kind)
{
        return kind == EVIDENCE_GUARD_EXPIRED || kind == EVIDENCE_LEASE_RELEASED ||
               kind == EVIDENCE_RESERVATION_PREEMPTED;
}

static bool evidence_covers(const struct model *model, const struct role *role,
                            const struct command_node_evidence *command)
{
        if (command->kind == EVIDENCE_GUARD_EXPIRED)
                return lease_evidence_covers(model, role, command->node, command->leases);
        if (command->kind == EVIDENCE_LEASE_RELEASED)
                return lease_release_covers(role, command->node, command->leases);
        return command->kind != EVIDENCE_RESERVATION_PREEMPTED ||
               reservation_covers(role, command->reservations);
}

static bool evidence_is_of_use(const struct model *model, const struct command_node_evidence *command)
{
        if (command->kind == EVIDENCE_GUARD_EXPIRED)
                return lease_evidence_is_of_use(model, command->node, command->leases);
        if (command->kind == EVIDENCE_LEASE_RELEASED)
                return lease_release_is_of_use(model, command->node, command->leases);
        return command->kind != EVIDENCE_RESERVATION_PREEMPTED ||
               reservation_is_of_use(model, command->node, command->reservations);
}

/* Every role that the node might run no longer can, as far as the evidence goes. */
static void clear_runner(struct apply *apply, const struct command_node_evidence *command,
                         const struct evidence *evidence)
{
        struct model *model = apply->model;
        for (struct role *role = model->roles; role < model->roles + model->roles_used; role++)
                if (role->name[0] != '\0' && role_may_run_on(role, command->node) &&
                    evidence_covers(model, role, command))
                        apply_runner_gone(apply, role, command->node, evidence);
        /* An export needs contact, whatever leases its node has; but no key, and no lease. */
        if (evidence->kind == EVIDENCE_POWERED_OFF || evidence->kind == EVIDENCE_GUARD_EXPIRED ||
            evidence->kind == EVIDENCE_OPERATOR)
                apply_exports_gone(apply, command->node, evidence_kind_name(evidence->kind));
}

/* A host that booted anew runs nothing of what its last boot ran. What may have arrived since, it says
 * itself. */
static void clear_last_boot(struct apply *apply, uint32_t node)
{
        struct model *model = apply->model;
        for (struct role *role = model->roles; role < model->roles + model->roles_used; role++) {
                bool arriving =
                        role->state == ROLE_MOVING && role->target == node && !MUTATED(BOOT_ENDS_ARRIVALS);
                if (role->name[0] == '\0' || arriving || !role_may_run_on(role, node))
                        continue;
                struct evidence evidence = {
                        .kind = role->state == ROLE_STARTING ? EVIDENCE_NEVER_RAN : EVIDENCE_STOPPED,
                        .index = apply->index,
                };
                TEXT_COPY(evidence.text, "booted anew");
                apply_runner_gone(apply, role, node, &evidence);
        }
        apply_exports_gone(apply, node, "booted anew");
}

/* With a ledger of its own it comes back as what it was: somebody has to decide that it is a new one. */
static bool is_kept_out(struct apply *apply, const struct node *node, const struct command_node_join *join)
{
        if (!node->evicted || join->fresh || MUTATED(EVICTED_TAKE_PART))
                return false;
        apply_refuse(apply, "%s was evicted: it joins again as a new node, with no ledger", node->name);
        return true;
}

/* Nothing of what it was counts, but its incarnations go on: what is still on its way about it is of an old
 * one. */
static void begin_anew(struct node *node)
{
        *node = (struct node){ .id = node->id, .incarnation = node->incarnation, .boot = node->boot };
}

static void copy_facts(struct node *node, const struct command_node_join *join)
{
        node->id = join->node;
        TEXT_COPY(node->name, join->name);
        node->boot = join->boot;
        node->memory_mib = join->memory_mib;
        node->cpus = join->cpus;
        node->watchdog = join->watchdog;
        TEXT_COPY(node->address, join->address);
        TEXT_COPY(node->migration_address, join->migration_address);
}

void apply_node_join(struct apply *apply, const struct command_node_join *join)
{
        if (join->node != apply->origin && !MUTATED(JOIN_FOR_OTHERS)) {
                apply_refuse(apply, "node %u joins for itself only, not for %u", apply->origin, join->node);
                return;
        }
        const struct node *namesake = model_node_by_name(apply->model, join->name);
        if (namesake != NULL && namesake->id != join->node) {
                apply_refuse(apply, "the name '%s' belongs to node %u", join->name, namesake->id);
                return;
        }
        struct node *node = &apply->model->nodes[join->node];
        if (is_kept_out(apply, node, join))
                return;
        bool booted = node->boot != join->boot;
        if (node->id != NODE_NONE && node->fence_wanted && !booted && !MUTATED(REJOIN_UNFENCED)) {
                apply_refuse(apply, "%s is to be turned off first, as an operator asked", node->name);
                return;
        }
        if (node->id != NODE_NONE && node->test_level != 0 && !MUTATED(REJOIN_DURING_TEST)) {
                apply_refuse(apply, "%s is turned off and on: its fence devices are being tested",
                             node->name);
                return;
        }
        bool returned = node->id == NODE_NONE || booted || node->state != NODE_UP;
        if (node->id != NODE_NONE && !text_equal(node->name, join->name)) {
                /* Rows are kept by name. */
                apply->deleted = true;
                apply->deleted_kind = OBJECT_NODE;
                TEXT_COPY(apply->deleted_name, node->name);
        }
        if ((booted || MUTATED(REJOIN_IS_EVIDENCE)) && node->id != NODE_NONE)
                clear_last_boot(apply, join->node);
        if (node->evicted)
                begin_anew(node);
        copy_facts(node, join);
        if (booted) {
                node->shut_down = SHUT_DOWN_NONE;
                node->shut_down_forced = false;
        }
        if (booted || MUTATED(LEASES_UNKNOWN_ON_RETURN))
                apply_leases_unknown(apply, node->id);
        if (returned) {
                node->incarnation += !MUTATED(INCARNATION_STAYS);
                node->fence_wanted = false;
                node->forced_out = false;
                apply_paths_unknown(apply, node->id);
                node_enter(node, NODE_UP, apply->index, booted ? "joined after a boot" : "joined again");
        }
        apply_changed_node(apply, node);
}

void apply_suspend_roles(struct apply *apply, const struct node *node)
{
        struct model *model = apply->model;
        char reason[REASON_BYTES];
        TEXT_PRINT(reason, "its owner %s is lost; waiting for evidence", node->name);
        for (struct role *role = model->roles; role < model->roles + model->roles_used; role++) {
                if (role->name[0] == '\0' || !role_may_run_on(role, node->id))
                        continue;
                if (role->owner == node->id)
                        role->lost_owner = node->id;
                if (role->state == ROLE_STARTING || role->state == ROLE_ONLINE ||
                    role->state == ROLE_STOPPING)
                        role_enter(role, ROLE_RECOVERING, apply->index, reason);
                apply_changed_role(apply, role);
        }
}

void apply_node_lost(struct apply *apply, const struct command_node *lost, bool fence)
{
        struct node *node = apply_node(apply, lost->node);
        if (node == NULL)
                return;
        if (fence && node->test_level != 0) {
                apply_refuse(apply, "%s is turned off and on: its fence devices are being tested",
                             node->name);
                return;
        }
        if (node->state == NODE_LOST && fence) {
                node->fence_wanted = true;
                apply_changed_node(apply, node);
                return;
        }
        if (node->state != NODE_UP) {
                apply_refuse(apply, "%s is not a member: it is %s", node->name, node_state_name(node->state));
                return;
        }
        if (!fence && lost->incarnation != node->incarnation && !MUTATED(LOSS_OF_OLD_INCARNATION)) {
                apply_refuse(apply, "%s has returned since", node->name);
                return;
        }
        node->lost_index = apply->index;
        node->fence_wanted = fence;
        node->evidence = (struct evidence){ .kind = EVIDENCE_NONE };
        if (!fence && !node_may_run_something(apply->model, node->id)) {
                node_enter(node, NODE_DOWN, apply->index, "left; it ran no role");
        } else {
                node_enter(node, NODE_LOST, apply->index, lost->reason);
                apply_suspend_roles(apply, node);
                if (MUTATED(EXPORT_ENDS_WITH_LOSS))
                        apply_exports_gone(apply, node->id, "lost");
                if (MUTATED(LOSS_IS_EVIDENCE))
                        clear_runner(apply,
                                     &(struct command_node_evidence){ .node = node->id,
                                                                      .kind = EVIDENCE_OPERATOR },
                                     &(struct evidence){ .kind = EVIDENCE_OPERATOR, .index = apply->index });
        }
        apply_changed_node(apply, node);
}

bool node_awaits_arrival(const struct model *model, uint32_t node)
{
        if (MUTATED(EXPIRY_DURING_ARRIVAL))
                return false;
        MODEL_EACH_ROLE (model, role) {
                const struct node *owner = model_node(model, role->owner);
                if (role->state == ROLE_MOVING && role->target == node &&
                    role->owner_end == MOVE_END_UNKNOWN && owner != NULL && owner->state == NODE_UP)
                        return true;
        }
        return false;
}

/* The others are said of one role at one generation, not of a node. */
static bool proves_node_off(enum evidence_kind kind)
{
        return kind == EVIDENCE_POWERED_OFF || kind == EVIDENCE_OPERATOR || evidence_is_of_some_roles(kind);
}

void apply_node_evidence(struct apply *apply, const struct command_node_evidence *command)
{
        struct node *node = apply_node(apply, command->node);
        if (node == NULL)
                return;
        if (node->state != NODE_LOST && !(node->state == NODE_UP && MUTATED(EVIDENCE_AGAINST_MEMBERS))) {
                apply_refuse(apply, "%s is %s: evidence is only of use for a lost node", node->name,
                             node_state_name(node->state));
                return;
        }
        if (command->incarnation != node->incarnation && !MUTATED(EVIDENCE_OF_OLD_INCARNATION)) {
                apply_refuse(apply, "%s has returned since", node->name);
                return;
        }
        if (!proves_node_off(command->kind) && !MUTATED(EVIDENCE_OF_ANY_KIND)) {
                apply_refuse(apply, "'%s' does not prove that %s is off", evidence_kind_name(command->kind),
                             node->name);
                return;
        }
        if (command->kind == EVIDENCE_GUARD_EXPIRED && !node->watchdog && !MUTATED(EXPIRY_WITHOUT_WATCHDOG)) {
                apply_refuse(apply, "%s has no watchdog behind its guard, so its expiry proves nothing",
                             node->name);
                return;
        }
        if (evidence_is_of_some_roles(command->kind) && node->forced_out &&
            !MUTATED(EXPIRY_OF_THE_FORCED_OUT)) {
                apply_refuse(
                        apply,
                        "the quorum was forced without %s, which may have contact with others: only that "
                        "it is off proves something",
                        node->name);
                return;
        }
        if (evidence_is_of_some_roles(command->kind) && node_awaits_arrival(apply->model, node->id)) {
                apply_refuse(apply,
                             "a role may still be on its way to %s: its source has to end the move first",
                             node->name);
                return;
        }
        if (!evidence_is_of_use(apply->model, command)) {
                apply_refuse(apply,
                             command->kind == EVIDENCE_RESERVATION_PREEMPTED
                                     ? "%s may still write to other disks of its roles"
                                     : "%s may still run its roles by its leases on their volumes",
                             node->name);
                return;
        }
        struct evidence evidence = { .kind = command->kind, .index = apply->index };
        TEXT_COPY(evidence.text, command->text);
        clear_runner(apply, command, &evidence);
        apply_changed_node(apply, node);
        if (evidence_is_of_some_roles(command->kind) && node_may_run_something(apply->model, node->id))
                return; /* by leases that have not expired, or from disks that are elsewhere */
        bool lives_on =
                command->kind == EVIDENCE_RESERVATION_PREEMPTED || command->kind == EVIDENCE_LEASE_RELEASED;
        if (lives_on && node->fence_wanted)
                return; /* it is not off, as an operator wants it */
        node->evidence = evidence;
        node->fence_wanted = false;
        node_enter(node, NODE_DOWN, apply->index, evidence_kind_name(command->kind));
}

/* Also by what a move may still bring here: that its target was proven off before it booted does not end
 * that. */
static bool is_occupied(const struct model *model, uint32_t node)
{
        MODEL_EACH_ROLE (model, role)
                if (role_occupies(role, node) ||
                    (role_is_exported_by(role, node) && !MUTATED(DRAINED_WHILE_EXPORTING)))
                        return true;
        return false;
}

/* Resuming it takes that back. False: refused. */
static bool take_shut_down(struct apply *apply, struct node *node, const struct command_node *command,
                           enum node_duty duty)
{
        bool wanted = duty == DUTY_DRAINING && command->shut_down != SHUT_DOWN_NONE;
        if (wanted && node->state != NODE_UP) {
                apply_refuse(apply, "%s is %s: there is nobody who could shut it down", node->name,
                             node_state_name(node->state));
                return false;
        }
        if (wanted || duty == DUTY_ACTIVE) {
                node->shut_down = wanted ? command->shut_down : SHUT_DOWN_NONE;
                node->shut_down_forced = wanted && command->shut_down_forced;
                apply_changed_node(apply, node);
        }
        return true;
}

/* Roles that were drained from it stay where they are when it is drained again or resumed without them. */
void apply_node_duty(struct apply *apply, const struct command_node *command, enum node_duty duty)
{
        struct node *node = apply_node(apply, command->node);
        if (node == NULL || !take_shut_down(apply, node, command, duty))
                return;
        if (node->duty == duty || (duty == DUTY_DRAINING && node->duty == DUTY_DRAINED))
                return; /* as wanted already */
        if (duty == DUTY_DRAINED) {
                if (node->duty != DUTY_DRAINING ||
                    (is_occupied(apply->model, node->id) && !MUTATED(DRAINED_WHILE_RUNNING))) {
                        apply_refuse(apply, "%s is not empty, or not to be drained any more", node->name);
                        return;
                }
        }
        node->duty = duty;
        node->since_index = apply->index;
        TEXT_COPY(node->reason, command->reason);
        apply_changed_node(apply, node);
}

/* Only from duty: who drained it knows best, and resumes it. */
void apply_node_quarantine(struct apply *apply, const struct command_node *command)
{
        struct node *node = apply_node(apply, command->node);
        if (node == NULL)
                return;
        if (node->duty != DUTY_ACTIVE) {
                apply_refuse(apply, "%s takes no roles anyway: it is %s", node->name,
                             node_duty_name(node->duty));
                return;
        }
        apply_node_duty(apply, command, DUTY_QUARANTINED);
}

void apply_node_release(struct apply *apply, const struct command_node *command)
{
        struct node *node = apply_node(apply, command->node);
        if (node == NULL)
                return;
        if (node->duty != DUTY_QUARANTINED) {
                apply_refuse(apply, "%s is not quarantined: it is %s", node->name,
                             node_duty_name(node->duty));
                return;
        }
        apply_node_duty(apply, command, DUTY_ACTIVE);
}
