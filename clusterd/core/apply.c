/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/apply.h"

#include <assert.h>
#include <stdarg.h>

#include "clusterd/base/mutation.h"
#include "clusterd/base/text.h"
#include "clusterd/core/lease_guard.h"
#include "clusterd/core/role_state.h"

void apply_refuse(struct apply *apply, const char *format, ...)
{
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(apply->reason, sizeof apply->reason, format, arguments);
        va_end(arguments);
        if (apply->outcome == APPLY_DONE)
                apply->outcome = APPLY_REFUSED;
}

struct role *apply_role(struct apply *apply, const char *name)
{
        struct role *role = (struct role *)model_role(apply->model, name);
        if (role == NULL) {
                apply->outcome = APPLY_NO_OBJECT;
                apply_refuse(apply, "there is no role '%s'", name);
        }
        return role;
}

struct node *apply_node(struct apply *apply, uint32_t id)
{
        struct node *node = (struct node *)model_node(apply->model, id);
        if (node == NULL) {
                apply->outcome = APPLY_NO_OBJECT;
                apply_refuse(apply, "there is no node with id %u", id);
        } else if (node->evicted && !MUTATED(EVICTED_TAKE_PART)) {
                apply_refuse(apply, "%s is no node of the cluster any more: it was evicted", node->name);
                return NULL;
        }
        return node;
}

void apply_changed_role(struct apply *apply, struct role *role)
{
        role_redirect_settle(role);
        if (apply->changes != NULL)
                slot_list_add(&apply->changes->roles, (uint32_t)(role - apply->model->roles));
}

void apply_changed_node(struct apply *apply, const struct node *node)
{
        if (apply->changes != NULL)
                apply->changes->nodes |= node_set_of(node->id);
}

static void changed_device(struct apply *apply, const struct fence_device *device)
{
        size_t slot = (size_t)(device - apply->model->fence_devices);
        if (apply->changes != NULL)
                apply->changes->fence_devices[slot / 64] |= UINT64_C(1) << slot % 64;
}

static void apply_epoch(struct apply *apply, const struct command_epoch *epoch)
{
        /* A cluster that was just created learns its settings from its first epoch. */
        struct settings *settings = &apply->model->settings;
        if (settings->voters == 0)
                *settings = epoch->settings;
        settings->epoch_holders = epoch->holders;
        if (epoch->forced != 0)
                apply_forced(apply, epoch);
        if (apply->changes != NULL)
                apply->changes->settings = true;
}

/* That both majorities stored it was seen to by whoever committed it: commit.c. */
static void apply_voter_set(struct apply *apply, const struct command_voter_set *change)
{
        struct settings *settings = &apply->model->settings;
        if (change->before != settings->voters || change->before_witness != settings->voters_witness ||
            change->voters == 0) {
                apply_refuse(apply, "the voters are others than those that were to be changed");
                return;
        }
        settings->voters = change->voters;
        settings->voters_witness = change->witness;
        if (settings->witness.leaving && change->witness == 0)
                settings->witness = (struct witness){ .kind = WITNESS_NONE };
        if (apply->changes != NULL)
                apply->changes->settings = true;
}

/* The leader lets the voters follow: electorate.c. */
static void apply_quorum_set(struct apply *apply, const struct command_quorum_set *set)
{
        if (set->fields & QUORUM_FIELD_PRIORITY) {
                struct node *node = apply_node(apply, set->node);
                if (node == NULL)
                        return;
                node->quorum_priority = set->priority;
                apply_changed_node(apply, node);
        }
        if (set->fields & QUORUM_FIELD_DYNAMIC) {
                apply->model->settings.dynamic_quorum = set->dynamic;
                if (apply->changes != NULL)
                        apply->changes->settings = true;
        }
}

static void apply_witness_set(struct apply *apply, const struct witness *witness)
{
        struct settings *settings = &apply->model->settings;
        if (settings->witness.kind != WITNESS_NONE || settings->voters_witness != 0) {
                apply_refuse(apply, settings->witness.leaving
                                            ? "the witness before it still has its vote"
                                            : "there is a witness already: remove it first");
                return;
        }
        if (witness->kind == WITNESS_NONE || witness->kind >= WITNESS_KIND_COUNT || witness->identity == 0) {
                apply_refuse(apply, "that is no witness");
                return;
        }
        if (witness->kind == WITNESS_DISK && !apply_witness_volume(apply, witness))
                return;
        settings->witness = *witness;
        settings->witness.leaving = false;
        if (apply->changes != NULL)
                apply->changes->settings = true;
}

/* While it has a vote it stays known: a view may need to ask it. */
static void apply_witness_remove(struct apply *apply, const struct witness *witness)
{
        struct settings *settings = &apply->model->settings;
        if (settings->witness.kind == WITNESS_NONE || settings->witness.identity != witness->identity) {
                apply->outcome = APPLY_NO_OBJECT;
                apply_refuse(apply, "there is no such witness");
                return;
        }
        if (settings->voters_witness == 0)
                settings->witness = (struct witness){ .kind = WITNESS_NONE };
        else
                settings->witness.leaving = true;
        if (apply->changes != NULL)
                apply->changes->settings = true;
}

uint64_t settings_guard_ms(const struct settings *settings)
{
        return (MUTATED(EXPIRY_WITHOUT_HOLD) ? 0 : (uint64_t)settings->isolation_hold_ms) +
               (MUTATED(EXPIRY_WITHOUT_GRACE) ? 0 : settings->stop_grace_ms) +
               (MUTATED(EXPIRY_WITHOUT_WATCHDOG_TIME) ? 0 : settings->watchdog_ms) + settings->margin_ms;
}

/* A lost node goes on by the times that it knew when it was lost. */
static bool may_shorten_guard(struct apply *apply)
{
        MODEL_EACH_NODE (apply->model, node) {
                if (node->state != NODE_LOST || MUTATED(TIMES_SHORTENED_AT_ANY_TIME))
                        continue;
                apply_refuse(apply,
                             "%s is lost and still goes by the longer times: wait until its fate is known",
                             node->name);
                return false;
        }
        return true;
}

struct settings settings_changed(const struct settings *settings, const struct command_cluster_set *set)
{
        struct settings next = *settings;
        if (set->fields & SETTINGS_FIELD_MOVES_MAX)
                next.moves_max = set->settings.moves_max;
        if (set->fields & SETTINGS_FIELD_ISOLATION_HOLD)
                next.isolation_hold_ms = set->settings.isolation_hold_ms;
        if (set->fields & SETTINGS_FIELD_STOP_GRACE)
                next.stop_grace_ms = set->settings.stop_grace_ms;
        if (set->fields & SETTINGS_FIELD_WATCHDOG)
                next.watchdog_ms = set->settings.watchdog_ms;
        if (set->fields & SETTINGS_FIELD_MARGIN)
                next.margin_ms = set->settings.margin_ms;
        if (set->fields & SETTINGS_FIELD_QUARANTINE_LOSSES)
                next.quarantine_losses = set->settings.quarantine_losses;
        if (set->fields & SETTINGS_FIELD_QUARANTINE_WINDOW)
                next.quarantine_window_ms = set->settings.quarantine_window_ms;
        if (set->fields & SETTINGS_FIELD_QUARANTINE)
                next.quarantine_ms = set->settings.quarantine_ms;
        if (set->fields & SETTINGS_FIELD_LEASE_RENEW)
                next.lease_renew_ms = set->settings.lease_renew_ms;
        if (set->fields & SETTINGS_FIELD_LEASE)
                next.lease_ms = set->settings.lease_ms;
        if (set->fields & SETTINGS_FIELD_LEASE_STOP)
                next.lease_stop_ms = set->settings.lease_stop_ms;
        if (set->fields & SETTINGS_FIELD_RESILIENCY)
                next.resiliency_ms = set->settings.resiliency_ms;
        if (set->fields & SETTINGS_FIELD_STALL_LIMIT)
                next.stall_limit_ms = set->settings.stall_limit_ms;
        return next;
}

/* As a whole. */
static bool lease_is_sound(struct apply *apply, const struct settings *next, uint32_t fields)
{
        struct lease_timings timings = lease_timings_of(next, true);
        char text[LEASE_TIMINGS_TEXT_BYTES];
        bool is_meant =
                (fields & (SETTINGS_FIELD_LEASE_RENEW | SETTINGS_FIELD_LEASE | SETTINGS_FIELD_LEASE_STOP)) !=
                0;
        if (!is_meant || lease_timings_check(&timings) == LEASE_TIMINGS_OK)
                return true;
        lease_timings_explain(&timings, text);
        apply_refuse(apply, "%s", text);
        return false;
}

/* Of several shorter times the longest before them counts. */
static void remember_guard(struct apply *apply, struct settings *next)
{
        uint64_t before_ms = settings_guard_ms(&apply->model->settings);
        if (before_ms > next->guard_before_ms)
                next->guard_before_ms = before_ms < UINT32_MAX ? (uint32_t)before_ms : UINT32_MAX;
        next->guard_index = apply->index;
}

/* By the leader, which sees who follows. One that is lost goes by the times that it knew. */
static void settle_guard(struct apply *apply, uint64_t index)
{
        struct settings *settings = &apply->model->settings;
        if (index != settings->guard_index) {
                apply_refuse(apply, "the guard's times have been made shorter since");
                return;
        }
        if (!may_shorten_guard(apply))
                return;
        settings->guard_before_ms = 0;
        settings->guard_index = 0;
        if (apply->changes != NULL)
                apply->changes->settings = true;
}

static void apply_cluster_set(struct apply *apply, const struct command_cluster_set *set)
{
        if (set->fields == SETTINGS_FIELD_GUARD_INDEX) {
                settle_guard(apply, set->settings.guard_index);
                return;
        }
        struct settings next = settings_changed(&apply->model->settings, set);
        if (next.isolation_hold_ms < ISOLATION_HOLD_LEAST_MS &&
            (set->fields & SETTINGS_FIELD_ISOLATION_HOLD)) {
                apply_refuse(apply, "an isolation hold under %u ms would stop guests of healthy nodes",
                             (unsigned)ISOLATION_HOLD_LEAST_MS);
                return;
        }
        if (!lease_is_sound(apply, &next, set->fields))
                return;
        if (settings_guard_ms(&next) < settings_guard_ms(&apply->model->settings)) {
                if (!may_shorten_guard(apply))
                        return;
                remember_guard(apply, &next);
        }
        apply->model->settings = next;
        if (apply->changes != NULL)
                apply->changes->settings = true;
}

static void apply_cluster_pause(struct apply *apply, const struct command_cluster_pause *pause)
{
        struct settings *settings = &apply->model->settings;
        if (pause->for_ms < 1 || pause->for_ms > PAUSE_MOST_MS) {
                apply_refuse(apply, "a pause is at most %u minutes", (unsigned)(PAUSE_MOST_MS / 60000));
                return;
        }
        settings->pause_ms = pause->for_ms;
        settings->pause_index = apply->index;
        if (apply->changes != NULL)
                apply->changes->settings = true;
}

static void apply_cluster_resume(struct apply *apply)
{
        struct settings *settings = &apply->model->settings;
        if (settings->pause_ms == 0) {
                apply_refuse(apply, "nothing is paused");
                return;
        }
        settings->pause_ms = 0;
        settings->pause_index = 0;
        if (apply->changes != NULL)
                apply->changes->settings = true;
}

static void apply_fence_add(struct apply *apply, const struct fence_device *device)
{
        struct object object = { .kind = OBJECT_FENCE_DEVICE, .fence_device = *device };
        if (model_fence_device(apply->model, device->name) != NULL) {
                apply_refuse(apply, "there is a fence device '%s' already: remove it first", device->name);
                return;
        }
        if (device->level < 1 || device->level > FENCE_LEVELS_MAX) {
                apply_refuse(apply, "a fence level is 1 to %u", (unsigned)FENCE_LEVELS_MAX);
                return;
        }
        NODE_SET_EACH (device->targets, node)
                if (apply_node(apply, node) == NULL)
                        return;
        if (model_put(apply->model, &object) < 0) {
                apply_refuse(apply, "the cluster holds %u fence devices and takes no more",
                             (unsigned)FENCE_DEVICES_MAX);
                return;
        }
        changed_device(apply, model_fence_device(apply->model, device->name));
}

static void apply_fence_remove(struct apply *apply, const struct command_fence_remove *remove)
{
        if (model_fence_device(apply->model, remove->device) == NULL) {
                apply->outcome = APPLY_NO_OBJECT;
                apply_refuse(apply, "there is no fence device '%s'", remove->device);
                return;
        }
        model_remove(apply->model, OBJECT_FENCE_DEVICE, remove->device);
        apply->deleted = true;
        apply->deleted_kind = OBJECT_FENCE_DEVICE;
        TEXT_COPY(apply->deleted_name, remove->device);
}

void apply_command(struct apply *apply, const struct command *command)
{
        apply->outcome = APPLY_DONE;
        apply->reason[0] = '\0';
        apply->deleted = false;
        apply->devices_deleted = 0;

        switch (command->kind) {
        case COMMAND_EPOCH:
                apply_epoch(apply, &command->epoch);
                return;
        case COMMAND_VOTER_SET:
                apply_voter_set(apply, &command->voter_set);
                return;
        case COMMAND_NODE_JOIN:
                apply_node_join(apply, &command->node_join);
                return;
        case COMMAND_NODE_LOST:
                apply_node_lost(apply, &command->node, false);
                return;
        case COMMAND_NODE_FENCE:
                apply_node_lost(apply, &command->node, true);
                return;
        case COMMAND_NODE_EVIDENCE:
                apply_node_evidence(apply, &command->node_evidence);
                return;
        case COMMAND_NODE_CONFIRM_OFF:
                apply_node_evidence(apply, &(struct command_node_evidence){
                                                   .node = command->node.node,
                                                   .incarnation = command->node.incarnation,
                                                   .kind = EVIDENCE_OPERATOR,
                                           });
                return;
        case COMMAND_NODE_DRAIN:
                apply_node_duty(apply, &command->node, DUTY_DRAINING);
                return;
        case COMMAND_NODE_DRAINED:
                apply_node_duty(apply, &command->node, DUTY_DRAINED);
                return;
        case COMMAND_NODE_RESUME:
                apply_node_duty(apply, &command->node, DUTY_ACTIVE);
                return;
        case COMMAND_ROLE_ADD:
                apply_role_add(apply, &command->role_add);
                return;
        case COMMAND_ROLE_SET:
                apply_role_set(apply, &command->role_set);
                return;
        case COMMAND_ROLE_START:
                apply_role_start(apply, &command->role);
                return;
        case COMMAND_ROLE_STOP:
                apply_role_stop(apply, &command->role);
                return;
        case COMMAND_ROLE_REMOVE:
                apply_role_remove(apply, &command->role);
                return;
        case COMMAND_ROLE_ASSIGN:
                apply_role_assign(apply, &command->role_assign);
                return;
        case COMMAND_ROLE_MOVE:
                apply_role_move(apply, &command->role_move);
                return;
        case COMMAND_ROLE_REPORT:
                apply_role_report(apply, &command->role_report);
                return;
        case COMMAND_CLUSTER_SET:
                apply_cluster_set(apply, &command->cluster_set);
                return;
        case COMMAND_FENCE_ADD:
                apply_fence_add(apply, &command->fence_add);
                return;
        case COMMAND_FENCE_REMOVE:
                apply_fence_remove(apply, &command->fence_remove);
                return;
        case COMMAND_NODE_QUARANTINE:
                apply_node_quarantine(apply, &command->node);
                return;
        case COMMAND_CLUSTER_PAUSE:
                apply_cluster_pause(apply, &command->cluster_pause);
                return;
        case COMMAND_CLUSTER_RESUME:
                apply_cluster_resume(apply);
                return;
        case COMMAND_QUORUM_SET:
                apply_quorum_set(apply, &command->quorum_set);
                return;
        case COMMAND_WITNESS_SET:
                apply_witness_set(apply, &command->witness.witness);
                return;
        case COMMAND_WITNESS_REMOVE:
                apply_witness_remove(apply, &command->witness.witness);
                return;
        case COMMAND_NODE_RELEASE:
                apply_node_release(apply, &command->node);
                return;
        case COMMAND_NODE_EVICT:
                apply_node_evict(apply, &command->node);
                return;
        case COMMAND_VOLUME_ADD:
                apply_volume_add(apply, &command->volume_add);
                return;
        case COMMAND_VOLUME_REMOVE:
                apply_volume_remove(apply, &command->volume);
                return;
        case COMMAND_VOLUME_READY:
                apply_volume_ready(apply, &command->volume);
                return;
        case COMMAND_VOLUME_DROP:
                apply_volume_drop(apply, &command->volume);
                return;
        case COMMAND_VOLUME_MOVE:
                apply_volume_move(apply, &command->volume_move);
                return;
        case COMMAND_VOLUME_MAINTAIN:
                apply_volume_maintain(apply, &command->volume);
                return;
        case COMMAND_VOLUME_RESUME:
                apply_volume_resume(apply, &command->volume);
                return;
        case COMMAND_VOLUME_REPORT:
                apply_volume_report(apply, &command->volume_report);
                return;
        case COMMAND_FENCE_TEST:
                apply_fence_test(apply, &command->fence_test);
                return;
        case COMMAND_FENCE_TESTED:
                apply_fence_tested(apply, &command->fence_tested);
                return;
        case COMMAND_QUORUM_FORCE:
                apply_refuse(apply, "a node is asked to force the quorum, not the history");
                return;
        case COMMAND_FENCE_REPORT: /* for the history alone */
                (void)apply_node(apply, command->fence_report.node);
                return;
        case COMMAND_ROLE_COPY:
                apply_role_copy(apply, &command->role_copy);
                return;
        case COMMAND_ROLE_COPY_ABORT:
                apply_role_copy_abort(apply, &command->role);
                return;
        case COMMAND_COPY_REPORT:
                apply_copy_report(apply, &command->copy_report);
                return;
        case COMMAND_ROLE_RELOCATE:
                apply_role_relocate(apply, &command->role_relocate);
                return;
        case COMMAND_ROLE_REDIRECT:
                apply_role_redirect(apply, &command->role_redirect);
                return;
        case COMMAND_ROLE_REDIRECT_END:
                apply_role_redirect_end(apply, &command->role_redirect_end);
                return;
        case COMMAND_REDIRECT_REPORT:
                apply_redirect_report(apply, &command->redirect_report);
                return;
        case COMMAND_COUNT:
                break;
        }
        assert(command->kind < COMMAND_COUNT);
}
