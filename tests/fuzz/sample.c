/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fuzz/sample.h"

#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "clusterd/protocol/verb_value.h"

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

/* 0, the greatest, a small or any one. */
static uint64_t integer(struct sample_random *random, uint64_t max)
{
        switch (sample_below(random, 4)) {
        case 0:
                return 0;
        case 1:
                return max;
        case 2:
                return sample_below(random, 1000) % (max == UINT64_MAX ? max : max + 1);
        default:
                return max == UINT64_MAX ? sample_number(random) : sample_below(random, max + 1);
        }
}

static uint32_t integer32(struct sample_random *random)
{
        return (uint32_t)integer(random, UINT32_MAX);
}

static uint64_t counter(struct sample_random *random)
{
        return integer(random, INT64_MAX);
}

static uint64_t identity(struct sample_random *random)
{
        return integer(random, UINT64_MAX);
}

static bool either(struct sample_random *random)
{
        return sample_below(random, 2) == 1;
}

static uint32_t node(struct sample_random *random)
{
        return 1 + (uint32_t)sample_below(random, NODES_MAX);
}

static uint32_t node_or_none(struct sample_random *random)
{
        return either(random) ? NODE_NONE : node(random);
}

static node_set nodes(struct sample_random *random)
{
        return integer(random, UINT64_MAX);
}

#define ANY(random, count) ((unsigned int)sample_below((random), (count)))

static void hash(struct sample_random *random, uint8_t *bytes)
{
        for (size_t i = 0; i < HASH_BYTES; i++)
                bytes[i] = (uint8_t)sample_number(random);
}

#define TEXT(random, array) text((random), (array), sizeof(array))
#define NAME(random, array) name((random), (array), sizeof(array))

/* What needs escaping, and every length of UTF-8. */
static const char *const pieces[] = {
        "a", " word", "\"", "\\", "\n", "\t", "/", "\x01", "\x7f", "ä", "€", "😀"
};

static void text(struct sample_random *random, char *array, size_t array_bytes)
{
        size_t wanted = (size_t)integer(random, array_bytes - 1);
        size_t used = 0;
        while (used < wanted) {
                const char *piece = pieces[sample_below(random, sizeof(pieces) / sizeof(pieces[0]))];
                if (strlen(piece) > wanted - used)
                        piece = "x";
                memcpy(array + used, piece, strlen(piece));
                used += strlen(piece);
        }
}

static void name(struct sample_random *random, char *array, size_t array_bytes)
{
        static const char letters[] = "abcXYZ0189._-";
        size_t length = 1 + (size_t)integer(random, array_bytes - 2);
        for (size_t i = 0; i < length; i++)
                array[i] = letters[sample_below(random, i == 0 ? 10 : sizeof(letters) - 1)];
}

static void evidence(struct sample_random *random, struct evidence *evidence)
{
        evidence->kind = ANY(random, EVIDENCE_COUNT);
        evidence->index = counter(random);
        TEXT(random, evidence->text);
}

static void settings(struct sample_random *random, struct settings *settings)
{
        TEXT(random, settings->cluster_name);
        settings->voters = nodes(random);
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

static void volume(struct sample_random *random, struct volume *volume)
{
        volume->id = node(random);
        NAME(random, volume->name);
        volume->state = (enum volume_state)sample_below(random, VOLUME_STATE_COUNT);
        volume->identity = identity(random);
        TEXT(random, volume->path);
        for (enum path_state state = PATH_MARKED; state < PATH_STATE_COUNT; state++)
                volume->paths[state] = nodes(random);
        TEXT(random, volume->trouble);
        volume->since_index = counter(random);
        volume->leases = nodes(random);
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

void sample_command(struct sample_random *random, enum command_kind kind, struct command *ret_command)
{
        memset(ret_command, 0, sizeof(*ret_command));
        ret_command->kind = kind;
        switch (kind) {
        case COMMAND_EPOCH:
                ret_command->epoch.leader = node(random);
                ret_command->epoch.members = nodes(random);
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
                TEXT(random, ret_command->node.reason);
                return;
        case COMMAND_NODE_EVIDENCE:
                ret_command->node_evidence.node = node(random);
                ret_command->node_evidence.incarnation = identity(random);
                ret_command->node_evidence.kind = ANY(random, EVIDENCE_COUNT);
                TEXT(random, ret_command->node_evidence.text);
                ret_command->node_evidence.duration_ms = integer32(random);
                ret_command->node_evidence.leases = nodes(random);
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
                TEXT(random, ret_command->voter_set.reason);
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
                NAME(random, ret_command->fence_report.device);
                ret_command->fence_report.level = integer32(random);
                ret_command->fence_report.succeeded = either(random);
                ret_command->fence_report.duration_ms = integer32(random);
                TEXT(random, ret_command->fence_report.text);
                return;
        case COMMAND_VOLUME_ADD:
                NAME(random, ret_command->volume_add.name);
                ret_command->volume_add.identity = identity(random);
                TEXT(random, ret_command->volume_add.path);
                return;
        case COMMAND_VOLUME_REMOVE:
        case COMMAND_VOLUME_READY:
        case COMMAND_VOLUME_DROP:
                NAME(random, ret_command->volume.volume);
                ret_command->volume.identity = identity(random);
                TEXT(random, ret_command->volume.reason);
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

static void position(struct sample_random *random, struct ledger_position *position)
{
        position->epoch = counter(random);
        position->index = counter(random);
        hash(random, position->hash);
}

static void request(struct sample_random *random, struct request_id *request)
{
        request->node = node_or_none(random);
        request->incarnation = identity(random);
        request->count = counter(random);
}

/* Any command; the definition that it names comes with it, or not. NULL if it has none. */
static const char *any_command(struct sample_random *random, struct sample_message *sample,
                               struct command *command, size_t *ret_bytes)
{
        sample_command(random, ANY(random, COMMAND_COUNT), command);
        TEXT(random, sample->definition);
        size_t bytes = strlen(sample->definition);
        uint8_t *named = NULL;
        if (command->kind == COMMAND_ROLE_ADD)
                named = command->role_add.role.definition_hash;
        else if (command->kind == COMMAND_ROLE_SET && command->role_set.fields & ROLE_FIELD_DEFINITION)
                named = command->role_set.role.definition_hash;
        if (named == NULL || sample_below(random, 4) == 0)
                return NULL;
        definition_hash(sample->definition, bytes, named);
        *ret_bytes = bytes;
        return sample->definition;
}

static void entry(struct sample_random *random, struct sample_message *sample, struct message_entry *message)
{
        message->to = node(random);
        message->entry.epoch = counter(random);
        message->entry.index = counter(random);
        message->entry.time_ms = (int64_t)identity(random);
        request(random, &message->entry.request);
        TEXT(random, message->entry.actor);
        hash(random, message->entry.hash);
        message->definition =
                any_command(random, sample, &message->entry.command, &message->definition_bytes);
        sample->command_text = command_encode(&message->entry.command);
        message->entry.text = sample->command_text;
        message->entry.text_bytes = strlen(sample->command_text);
}

void sample_message(struct sample_random *random, enum message_kind kind, struct sample_message *ret_sample)
{
        memset(ret_sample, 0, sizeof(*ret_sample));
        struct message *message = &ret_sample->message;
        message->kind = kind;
        message->round.node = node_or_none(random);
        message->round.incarnation = identity(random);
        message->round.count = counter(random);
        switch (kind) {
        case MESSAGE_VIEW_OPEN:
                return;
        case MESSAGE_STATE:
                position(random, &message->state.last);
                position(random, &message->state.applied);
                message->state.first_index = counter(random);
                message->state.promised = counter(random);
                message->state.blank = either(random);
                message->state.voters = nodes(random);
                message->state.voters_before = nodes(random);
                return;
        case MESSAGE_DECIDE:
                message->decide.participants = nodes(random);
                message->decide.level = nodes(random);
                message->decide.primary = either(random);
                message->decide.epoch = counter(random);
                message->decide.leader = node_or_none(random);
                position(random, &message->decide.base);
                message->decide.voters = nodes(random);
                message->decide.voters_before = nodes(random);
                return;
        case MESSAGE_PROMISED:
                message->promised_epoch = counter(random);
                return;
        case MESSAGE_PROPOSE:
                message->propose.time_ms = (int64_t)identity(random);
                request(random, &message->propose.request);
                TEXT(random, message->propose.actor);
                message->propose.definition = any_command(random, ret_sample, &message->propose.command,
                                                          &message->propose.definition_bytes);
                return;
        case MESSAGE_STORED:
                message->stored_index = counter(random);
                return;
        case MESSAGE_HEARTBEAT:
                message->heartbeat.sent_ms = counter(random);
                message->heartbeat.guarded_index = counter(random);
                message->heartbeat.memory_free_mib = integer32(random);
                message->heartbeat.load_percent = integer32(random);
                if (either(random))
                        NAME(random, message->heartbeat.moving_role);
                message->heartbeat.moving_percent = integer32(random);
                message->heartbeat.moving_mib_s = integer32(random);
                return;
        case MESSAGE_CATCH_UP:
                message->catch_up.applied_index = counter(random);
                return;
        case MESSAGE_ENTRY:
                entry(random, ret_sample, &message->entry);
                return;
        case MESSAGE_SNAPSHOT_OBJECT:
                message->snapshot.to = node(random);
                sample_object(random, ANY(random, OBJECT_COUNT), &message->snapshot.object);
                return;
        case MESSAGE_SNAPSHOT_DEFINITION:
                message->snapshot.to = node(random);
                TEXT(random, ret_sample->definition);
                message->snapshot.definition = ret_sample->definition;
                message->snapshot.definition_bytes = strlen(ret_sample->definition);
                return;
        case MESSAGE_SNAPSHOT_BEGIN:
        case MESSAGE_SNAPSHOT_END:
                message->snapshot.to = node(random);
                position(random, &message->snapshot.at);
                return;
        case MESSAGE_COUNT:
                return;
        }
}

void sample_message_release(struct sample_message *sample)
{
        free(sample->command_text);
        sample->command_text = NULL;
}
