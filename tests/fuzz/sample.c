/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fuzz/sample.h"

#include <string.h>

#include "clusterd/protocol/verb_value.h"
#include "tests/fuzz/sample_parts.h"

/* Source: Steele, Lea, Flood: Fast splittable pseudorandom number generators (splitmix64). */
uint64_t sample_number(struct sample_random *random)
{
        uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        return z ^ (z >> 31);
}

uint64_t sample_below(struct sample_random *random, uint64_t limit)
{
        return sample_number(random) % limit;
}

static void witness(struct sample_random *random, struct witness *witness)
{
        witness->kind = ANY(random, WITNESS_KIND_COUNT);
        witness->identity = identity(random);
        witness->leaving = either(random);
        TEXT(random, witness->place);
        TEXT(random, witness->volume);
}

static void settings(struct sample_random *random, struct settings *settings)
{
        TEXT(random, settings->cluster_name);
        settings->voters = nodes(random);
        settings->voters_witness = identity(random);
        settings->epoch_holders = nodes(random);
        settings->forced_epoch = counter(random);
        settings->forced_time_ms = (int64_t)counter(random);
        TEXT(random, settings->forced_by);
        witness(random, &settings->witness);
        settings->dynamic_quorum = either(random);
        settings->moves_max = integer32(random);
        settings->isolation_hold_ms = integer32(random);
        settings->stop_grace_ms = integer32(random);
        settings->watchdog_ms = integer32(random);
        settings->margin_ms = integer32(random);
        settings->quarantine_losses = integer32(random);
        settings->quarantine_window_ms = integer32(random);
        settings->quarantine_ms = integer32(random);
        settings->pause_ms = integer32(random);
        settings->pause_index = counter(random);
        settings->lease_renew_ms = integer32(random);
        settings->lease_ms = integer32(random);
        settings->lease_stop_ms = integer32(random);
        settings->resiliency_ms = integer32(random);
        settings->stall_limit_ms = integer32(random);
}

static void preferred(struct sample_random *random, uint32_t *list)
{
        size_t count = (size_t)integer(random, PREFERRED_MAX);
        for (size_t i = 0; i < count; i++)
                list[i] = node(random);
}

static void definition(struct sample_random *random, struct role *role)
{
        hash(random, role->definition_hash);
        TEXT(random, role->uuid);
        role->memory_mib = integer32(random);
        role->cpus = integer32(random);
}

static void role_configured(struct sample_random *random, struct role *role)
{
        NAME(random, role->name);
        role->kind = ANY(random, ROLE_KIND_COUNT);
        role->desired = ANY(random, DESIRED_COUNT);
        definition(random, role);
        role->priority = (int32_t)integer32(random);
        role->stop_timeout_ms = integer32(random);
        preferred(random, role->preferred);
        role->possible = nodes(random);
        TEXT(random, role->note);
}

static void role_move(struct sample_random *random, struct role_move *move)
{
        move->from = node_or_none(random);
        move->to = node_or_none(random);
        move->succeeded = either(random);
        move->duration_ms = integer32(random);
        move->downtime_ms = integer32(random);
        move->index = counter(random);
}

static void role_copy(struct sample_random *random, struct role_copy *copy)
{
        copy->state = ANY(random, COPY_STATE_COUNT);
        copy->index = counter(random);
        TEXT(random, copy->disk);
        TEXT(random, copy->from);
        TEXT(random, copy->to);
        hash(random, copy->definition_hash);
        copy->volumes = nodes(random);
        copy->keep = either(random);
        copy->succeeded = either(random);
        copy->abort_index = counter(random);
        copy->duration_ms = integer32(random);
        copy->held_ms = integer32(random);
        TEXT(random, copy->text);
}

static void role_redirect(struct sample_random *random, struct role_redirect *redirect)
{
        redirect->state = ANY(random, REDIRECT_STATE_COUNT);
        redirect->index = counter(random);
        redirect->exporter = node_or_none(random);
        redirect->client = node_or_none(random);
        redirect->port = integer32(random);
        TEXT(random, redirect->key);
        TEXT(random, redirect->text);
}

static void role(struct sample_random *random, struct role *role)
{
        role_configured(random, role);
        role->state = ANY(random, ROLE_STATE_COUNT);
        role->stop_now = either(random);
        role->owner = node_or_none(random);
        role->target = node_or_none(random);
        role->generation = counter(random);
        role->since_index = counter(random);
        TEXT(random, role->reason);
        role->owner_end = ANY(random, MOVE_END_COUNT);
        role->target_end = ANY(random, MOVE_END_COUNT);
        evidence(random, &role->owner_evidence);
        evidence(random, &role->target_evidence);
        role->lost_owner = node_or_none(random);
        role->failures = integer32(random);
        role->retry_ms = integer32(random);
        role->failed_time_ms = (int64_t)identity(random);
        role->tried = nodes(random);
        role->failback = node_or_none(random);
        role_move(random, &role->last_move);
        role->leases = nodes(random);
        role->reserved = nodes(random);
        role->started = role->generation;
        role_copy(random, &role->copy);
        role->stall.index = counter(random);
        role->stall.time_ms = (int64_t)identity(random);
        TEXT(random, role->stall.text);
        role_redirect(random, &role->redirect);
}

static void node_object(struct sample_random *random, struct node *object)
{
        object->id = node(random);
        NAME(random, object->name);
        object->state = ANY(random, NODE_STATE_COUNT);
        object->duty = ANY(random, DUTY_COUNT);
        object->incarnation = identity(random);
        object->boot = identity(random);
        object->memory_mib = integer32(random);
        object->cpus = integer32(random);
        object->fence_wanted = either(random);
        object->evicted = either(random);
        object->test_level = integer32(random);
        object->test_off = either(random);
        object->test_on_only = either(random);
        object->shut_down = ANY(random, SHUT_DOWN_COUNT);
        object->shut_down_forced = either(random);
        object->test_failed = integer32(random);
        object->watchdog = either(random);
        object->quorum_priority = (int32_t)integer32(random);
        TEXT(random, object->address);
        TEXT(random, object->migration_address);
        evidence(random, &object->evidence);
        object->since_index = counter(random);
        object->lost_index = counter(random);
        TEXT(random, object->reason);
}

static void fence_device(struct sample_random *random, struct fence_device *device)
{
        NAME(random, device->name);
        NAME(random, device->agent);
        device->targets = nodes(random);
        device->level = integer32(random);
        device->together = integer32(random);
        device->timeout_ms = integer32(random);
        TEXT(random, device->options);
}

static void volume_login(struct sample_random *random, struct volume_login *login)
{
        TEXT(random, login->portal);
        TEXT(random, login->user);
        TEXT(random, login->password);
}

static void volume(struct sample_random *random, struct volume *volume)
{
        volume->id = node(random);
        NAME(random, volume->name);
        volume->kind = (enum volume_kind)sample_below(random, VOLUME_KIND_COUNT);
        volume->state = (enum volume_state)sample_below(random, VOLUME_STATE_COUNT);
        volume->identity = identity(random);
        TEXT(random, volume->path);
        for (enum path_state state = PATH_MARKED; state < PATH_STATE_COUNT; state++)
                volume->paths[state] = nodes(random);
        TEXT(random, volume->trouble);
        volume->since_index = counter(random);
        volume->leases = nodes(random);
        volume->coordinator = node_or_none(random);
        volume->known = either(random);
        volume_login(random, &volume->login);
}

void sample_object(struct sample_random *random, enum object_kind kind, struct object *ret_object)
{
        memset(ret_object, 0, sizeof(*ret_object));
        ret_object->kind = kind;
        switch (kind) {
        case OBJECT_SETTINGS:
                settings(random, &ret_object->settings);
                return;
        case OBJECT_NODE:
                node_object(random, &ret_object->node);
                return;
        case OBJECT_ROLE:
                role(random, &ret_object->role);
                return;
        case OBJECT_FENCE_DEVICE:
                fence_device(random, &ret_object->fence_device);
                return;
        case OBJECT_VOLUME:
                volume(random, &ret_object->volume);
                return;
        case OBJECT_COUNT:
                return;
        }
}

static void node_join(struct sample_random *random, struct command_node_join *join)
{
        join->node = node(random);
        NAME(random, join->name);
        join->boot = identity(random);
        join->memory_mib = integer32(random);
        join->cpus = integer32(random);
        join->watchdog = either(random);
        join->fresh = either(random);
        TEXT(random, join->address);
        TEXT(random, join->migration_address);
}

static void role_report(struct sample_random *random, struct command_role_report *report)
{
        NAME(random, report->role);
        report->node = node(random);
        report->generation = counter(random);
        report->kind = ANY(random, REPORT_COUNT);
        report->duration_ms = integer32(random);
        report->downtime_ms = integer32(random);
        TEXT(random, report->text);
}

static void role_set(struct sample_random *random, struct command_role_set *set)
{
        set->fields = (uint32_t)sample_below(random, 2 * ROLE_FIELD_STOP_TIMEOUT);
        NAME(random, set->role.name);
        if (set->fields & ROLE_FIELD_NOTE)
                TEXT(random, set->role.note);
        if (set->fields & ROLE_FIELD_PRIORITY)
                set->role.priority = (int32_t)integer32(random);
        if (set->fields & ROLE_FIELD_PREFERRED)
                preferred(random, set->role.preferred);
        if (set->fields & ROLE_FIELD_POSSIBLE)
                set->role.possible = nodes(random);
        if (set->fields & ROLE_FIELD_DEFINITION)
                definition(random, &set->role);
        if (set->fields & ROLE_FIELD_STOP_TIMEOUT)
                set->role.stop_timeout_ms = integer32(random);
}

static void cluster_set(struct sample_random *random, struct command_cluster_set *set)
{
        for (const struct setting_option *option = setting_options; option->name != NULL; option++)
                if (either(random))
                        setting_option_take(option, integer32(random), set);
}

static void command_role_copy(struct sample_random *random, struct command_role_copy *copy)
{
        NAME(random, copy->role);
        TEXT(random, copy->disk);
        TEXT(random, copy->from);
        TEXT(random, copy->to);
        hash(random, copy->before_hash);
        hash(random, copy->definition_hash);
        copy->volumes = nodes(random);
        copy->keep = either(random);
        TEXT(random, copy->reason);
}

static void copy_report(struct sample_random *random, struct command_copy_report *report)
{
        NAME(random, report->role);
        report->node = node(random);
        report->index = counter(random);
        report->kind = ANY(random, COPY_REPORT_COUNT);
        report->duration_ms = integer32(random);
        report->held_ms = integer32(random);
        TEXT(random, report->text);
}

static void redirect_report(struct sample_random *random, struct command_redirect_report *report)
{
        NAME(random, report->role);
        report->node = node(random);
        report->index = counter(random);
        report->kind = ANY(random, REDIRECT_REPORT_COUNT);
        report->port = integer32(random);
        TEXT(random, report->key);
        TEXT(random, report->text);
}

void sample_command(struct sample_random *random, enum command_kind kind, struct command *ret_command)
{
        memset(ret_command, 0, sizeof(*ret_command));
        ret_command->kind = kind;
        switch (kind) {
        case COMMAND_EPOCH:
                ret_command->epoch.leader = node(random);
                ret_command->epoch.members = nodes(random);
                ret_command->epoch.holders = nodes(random);
                ret_command->epoch.forced = counter(random);
                TEXT(random, ret_command->epoch.forced_by);
                TEXT(random, ret_command->epoch.reason);
                settings(random, &ret_command->epoch.settings);
                return;
        case COMMAND_NODE_LOST:
        case COMMAND_NODE_DRAINED:
        case COMMAND_NODE_DRAIN:
        case COMMAND_NODE_RESUME:
        case COMMAND_NODE_CONFIRM_OFF:
        case COMMAND_NODE_FENCE:
        case COMMAND_NODE_QUARANTINE:
        case COMMAND_NODE_RELEASE:
        case COMMAND_NODE_EVICT:
                ret_command->node.node = node(random);
                ret_command->node.incarnation = identity(random);
                ret_command->node.shut_down = ANY(random, SHUT_DOWN_COUNT);
                ret_command->node.shut_down_forced = either(random);
                TEXT(random, ret_command->node.reason);
                return;
        case COMMAND_NODE_EVIDENCE:
                ret_command->node_evidence.node = node(random);
                ret_command->node_evidence.incarnation = identity(random);
                ret_command->node_evidence.kind = ANY(random, EVIDENCE_COUNT);
                TEXT(random, ret_command->node_evidence.text);
                ret_command->node_evidence.duration_ms = integer32(random);
                ret_command->node_evidence.leases = nodes(random);
                ret_command->node_evidence.reservations = nodes(random);
                return;
        case COMMAND_ROLE_ASSIGN:
                NAME(random, ret_command->role_assign.role);
                ret_command->role_assign.node = node(random);
                ret_command->role_assign.generation = counter(random);
                evidence(random, &ret_command->role_assign.owner_evidence);
                evidence(random, &ret_command->role_assign.target_evidence);
                TEXT(random, ret_command->role_assign.reason);
                return;
        case COMMAND_ROLE_MOVE:
                NAME(random, ret_command->role_move.role);
                ret_command->role_move.target = node(random);
                ret_command->role_move.generation = counter(random);
                ret_command->role_move.drain = either(random);
                TEXT(random, ret_command->role_move.reason);
                return;
        case COMMAND_VOTER_SET:
                ret_command->voter_set.before = nodes(random);
                ret_command->voter_set.voters = nodes(random);
                ret_command->voter_set.before_witness = identity(random);
                ret_command->voter_set.witness = identity(random);
                TEXT(random, ret_command->voter_set.reason);
                return;
        case COMMAND_WITNESS_SET:
        case COMMAND_WITNESS_REMOVE:
                witness(random, &ret_command->witness.witness);
                TEXT(random, ret_command->witness.reason);
                return;
        case COMMAND_QUORUM_FORCE:
                TEXT(random, ret_command->quorum_force.reason);
                return;
        case COMMAND_QUORUM_SET:
                ret_command->quorum_set.fields =
                        integer32(random) & (QUORUM_FIELD_DYNAMIC | QUORUM_FIELD_PRIORITY);
                if (ret_command->quorum_set.fields & QUORUM_FIELD_DYNAMIC)
                        ret_command->quorum_set.dynamic = either(random);
                if (ret_command->quorum_set.fields & QUORUM_FIELD_PRIORITY)
                        ret_command->quorum_set.priority = (int32_t)integer32(random);
                ret_command->quorum_set.node = node_or_none(random);
                TEXT(random, ret_command->quorum_set.reason);
                return;
        case COMMAND_NODE_JOIN:
                node_join(random, &ret_command->node_join);
                return;
        case COMMAND_ROLE_REPORT:
                role_report(random, &ret_command->role_report);
                return;
        case COMMAND_CLUSTER_SET:
                cluster_set(random, &ret_command->cluster_set);
                return;
        case COMMAND_ROLE_ADD:
                role_configured(random, &ret_command->role_add.role);
                return;
        case COMMAND_ROLE_SET:
                role_set(random, &ret_command->role_set);
                return;
        case COMMAND_ROLE_STOP:
                NAME(random, ret_command->role.role);
                ret_command->role.force = either(random);
                return;
        case COMMAND_ROLE_COPY:
                command_role_copy(random, &ret_command->role_copy);
                return;
        case COMMAND_COPY_REPORT:
                copy_report(random, &ret_command->copy_report);
                return;
        case COMMAND_ROLE_REDIRECT:
                NAME(random, ret_command->role_redirect.role);
                ret_command->role_redirect.exporter = node(random);
                ret_command->role_redirect.stall = counter(random);
                TEXT(random, ret_command->role_redirect.reason);
                return;
        case COMMAND_ROLE_REDIRECT_END:
                NAME(random, ret_command->role_redirect_end.role);
                ret_command->role_redirect_end.index = counter(random);
                TEXT(random, ret_command->role_redirect_end.reason);
                return;
        case COMMAND_REDIRECT_REPORT:
                redirect_report(random, &ret_command->redirect_report);
                return;
        case COMMAND_ROLE_RELOCATE:
                NAME(random, ret_command->role_relocate.role);
                ret_command->role_relocate.stall = counter(random);
                TEXT(random, ret_command->role_relocate.reason);
                return;
        case COMMAND_ROLE_COPY_ABORT:
        case COMMAND_ROLE_START:
        case COMMAND_ROLE_REMOVE:
                NAME(random, ret_command->role.role);
                return;
        case COMMAND_FENCE_ADD:
                fence_device(random, &ret_command->fence_add);
                return;
        case COMMAND_FENCE_REMOVE:
                NAME(random, ret_command->fence_remove.device);
                return;
        case COMMAND_CLUSTER_PAUSE:
        case COMMAND_CLUSTER_RESUME:
                ret_command->cluster_pause.for_ms = integer32(random);
                TEXT(random, ret_command->cluster_pause.reason);
                return;
        case COMMAND_FENCE_REPORT:
                ret_command->fence_report.node = node(random);
                if (either(random))
                        NAME(random, ret_command->fence_report.device);
                else
                        NAME(random, ret_command->fence_report.volume);
                ret_command->fence_report.level = integer32(random);
                ret_command->fence_report.succeeded = either(random);
                ret_command->fence_report.duration_ms = integer32(random);
                TEXT(random, ret_command->fence_report.text);
                return;
        case COMMAND_VOLUME_ADD:
                NAME(random, ret_command->volume_add.name);
                ret_command->volume_add.identity = identity(random);
                TEXT(random, ret_command->volume_add.path);
                volume_login(random, &ret_command->volume_add.login);
                return;
        case COMMAND_VOLUME_REMOVE:
        case COMMAND_VOLUME_READY:
        case COMMAND_VOLUME_DROP:
        case COMMAND_VOLUME_MAINTAIN:
        case COMMAND_VOLUME_RESUME:
                NAME(random, ret_command->volume.volume);
                ret_command->volume.identity = identity(random);
                TEXT(random, ret_command->volume.reason);
                return;
        case COMMAND_VOLUME_MOVE:
                NAME(random, ret_command->volume_move.volume);
                ret_command->volume_move.identity = identity(random);
                ret_command->volume_move.node = node(random);
                TEXT(random, ret_command->volume_move.reason);
                return;
        case COMMAND_VOLUME_REPORT:
                NAME(random, ret_command->volume_report.volume);
                ret_command->volume_report.identity = identity(random);
                ret_command->volume_report.node = node(random);
                ret_command->volume_report.state = (enum path_state)sample_below(random, PATH_STATE_COUNT);
                TEXT(random, ret_command->volume_report.text);
                ret_command->volume_report.leased = either(random);
                return;
        case COMMAND_FENCE_TEST:
                ret_command->fence_test.node = node(random);
                ret_command->fence_test.force = either(random);
                ret_command->fence_test.on_only = either(random);
                TEXT(random, ret_command->fence_test.reason);
                return;
        case COMMAND_FENCE_TESTED:
                ret_command->fence_tested.node = node(random);
                ret_command->fence_tested.level = integer32(random);
                ret_command->fence_tested.on = either(random);
                ret_command->fence_tested.succeeded = either(random);
                ret_command->fence_tested.duration_ms = integer32(random);
                TEXT(random, ret_command->fence_tested.reason);
                return;
        case COMMAND_COUNT:
                return;
        }
}
