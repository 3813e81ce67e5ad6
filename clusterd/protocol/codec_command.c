/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/protocol/codec_parts.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* clang-format off */
static const struct json_field epoch_fields[] = {
        JSON_FIELD("leader", NODE, struct command_epoch, leader),
        JSON_FIELD("members", NODE_SET, struct command_epoch, members),
        JSON_FIELD("settings", OBJECT, struct command_epoch, settings, .shape = &settings_shape),
        JSON_FIELD("holders", NODE_SET, struct command_epoch, holders, .later = true),
        JSON_FIELD("forced", COUNTER, struct command_epoch, forced, .later = true),
        JSON_FIELD("forced_by", TEXT, struct command_epoch, forced_by, .later = true),
        JSON_FIELD("reason", TEXT, struct command_epoch, reason, .later = true),
};
static const struct json_shape epoch_shape = JSON_SHAPE(epoch_fields);

static const struct json_field node_fields[] = {
        JSON_FIELD("node", NODE, struct command_node, node),
        JSON_FIELD("incarnation", IDENTITY, struct command_node, incarnation),
        JSON_FIELD("reason", TEXT, struct command_node, reason),
        JSON_FIELD("shut_down", ENUM, struct command_node, shut_down, .texts = &shut_down_text, .later = true),
        JSON_FIELD("shut_down_forced", BOOL, struct command_node, shut_down_forced, .later = true),
};
static const struct json_shape node_shape = JSON_SHAPE(node_fields);

static const struct json_field node_evidence_fields[] = {
        JSON_FIELD("node", NODE, struct command_node_evidence, node),
        JSON_FIELD("incarnation", IDENTITY, struct command_node_evidence, incarnation),
        JSON_FIELD("evidence", ENUM, struct command_node_evidence, kind, .texts = &evidence_kind_text),
        JSON_FIELD("text", TEXT, struct command_node_evidence, text),
        JSON_FIELD("duration_ms", UINT32, struct command_node_evidence, duration_ms),
        JSON_FIELD("leases", NODE_SET, struct command_node_evidence, leases, .later = true),
        JSON_FIELD("reservations", NODE_SET, struct command_node_evidence, reservations, .later = true),
};
static const struct json_shape node_evidence_shape = JSON_SHAPE(node_evidence_fields);

static const struct json_field node_join_fields[] = {
        JSON_FIELD("node", NODE, struct command_node_join, node),
        JSON_FIELD("name", NAME, struct command_node_join, name),
        JSON_FIELD("boot", IDENTITY, struct command_node_join, boot),
        JSON_FIELD("memory_mib", UINT32, struct command_node_join, memory_mib),
        JSON_FIELD("cpus", UINT32, struct command_node_join, cpus),
        JSON_FIELD("watchdog", BOOL, struct command_node_join, watchdog),
        JSON_FIELD("address", TEXT, struct command_node_join, address),
        JSON_FIELD("migration_address", TEXT, struct command_node_join, migration_address),
        JSON_FIELD("fresh", BOOL, struct command_node_join, fresh, .later = true),
};
static const struct json_shape node_join_shape = JSON_SHAPE(node_join_fields);

static const struct json_field voter_set_fields[] = {
        JSON_FIELD("before", NODE_SET, struct command_voter_set, before),
        JSON_FIELD("voters", NODE_SET, struct command_voter_set, voters),
        JSON_FIELD("reason", TEXT, struct command_voter_set, reason),
        JSON_FIELD("before_witness", IDENTITY, struct command_voter_set, before_witness, .later = true),
        JSON_FIELD("witness", IDENTITY, struct command_voter_set, witness, .later = true),
};
static const struct json_shape voter_set_shape = JSON_SHAPE(voter_set_fields);

static const struct json_field quorum_force_fields[] = {
        JSON_FIELD("reason", TEXT, struct command_quorum_force, reason),
};
static const struct json_shape quorum_force_shape = JSON_SHAPE(quorum_force_fields);

static const struct json_field quorum_set_fields[] = {
        JSON_FIELD("dynamic", BOOL, struct command_quorum_set, dynamic, .bit = QUORUM_FIELD_DYNAMIC),
        JSON_FIELD("node", NODE_OR_NONE, struct command_quorum_set, node),
        JSON_FIELD("priority", INT32, struct command_quorum_set, priority, .bit = QUORUM_FIELD_PRIORITY),
        JSON_FIELD("reason", TEXT, struct command_quorum_set, reason),
};
static const struct json_shape quorum_set_shape =
        JSON_SHAPE(quorum_set_fields, .mask_offset = offsetof(struct command_quorum_set, fields));

static const struct json_field witness_fields[] = {
        JSON_FIELD("witness", OBJECT, struct command_witness, witness, .shape = &witness_shape),
        JSON_FIELD("reason", TEXT, struct command_witness, reason),
};
static const struct json_shape witness_command_shape = JSON_SHAPE(witness_fields);

static const struct json_field role_assign_fields[] = {
        JSON_FIELD("role", NAME, struct command_role_assign, role),
        JSON_FIELD("node", NODE, struct command_role_assign, node),
        JSON_FIELD("generation", COUNTER, struct command_role_assign, generation),
        JSON_FIELD("owner_evidence", OBJECT, struct command_role_assign, owner_evidence,
                   .shape = &evidence_shape),
        JSON_FIELD("target_evidence", OBJECT, struct command_role_assign, target_evidence,
                   .shape = &evidence_shape),
        JSON_FIELD("reason", TEXT, struct command_role_assign, reason),
};
static const struct json_shape role_assign_shape = JSON_SHAPE(role_assign_fields);

static const struct json_field role_move_fields[] = {
        JSON_FIELD("role", NAME, struct command_role_move, role),
        JSON_FIELD("target", NODE, struct command_role_move, target),
        JSON_FIELD("generation", COUNTER, struct command_role_move, generation),
        JSON_FIELD("drain", BOOL, struct command_role_move, drain),
        JSON_FIELD("reason", TEXT, struct command_role_move, reason),
};
static const struct json_shape role_move_shape = JSON_SHAPE(role_move_fields);

static const struct json_field role_report_fields[] = {
        JSON_FIELD("role", NAME, struct command_role_report, role),
        JSON_FIELD("node", NODE, struct command_role_report, node),
        JSON_FIELD("generation", COUNTER, struct command_role_report, generation),
        JSON_FIELD("report", ENUM, struct command_role_report, kind, .texts = &report_kind_text),
        JSON_FIELD("duration_ms", UINT32, struct command_role_report, duration_ms),
        JSON_FIELD("downtime_ms", UINT32, struct command_role_report, downtime_ms),
        JSON_FIELD("text", TEXT, struct command_role_report, text),
};
static const struct json_shape role_report_shape = JSON_SHAPE(role_report_fields);

static const struct json_field role_add_fields[] = {
        JSON_FIELD("role", INLINE, struct command_role_add, role, .shape = &role_configured_shape),
};
static const struct json_shape role_add_shape = JSON_SHAPE(role_add_fields);

static const struct json_field role_set_fields[] = {
        JSON_FIELD("name", NAME, struct command_role_set, role.name),
        JSON_FIELD("note", TEXT, struct command_role_set, role.note, .bit = ROLE_FIELD_NOTE),
        JSON_FIELD("priority", INT32, struct command_role_set, role.priority,
                   .bit = ROLE_FIELD_PRIORITY),
        JSON_FIELD("preferred", NODE_LIST, struct command_role_set, role.preferred,
                   .bit = ROLE_FIELD_PREFERRED),
        JSON_FIELD("possible", NODE_SET, struct command_role_set, role.possible,
                   .bit = ROLE_FIELD_POSSIBLE),
        JSON_FIELD("definition", OBJECT, struct command_role_set, role,
                   .shape = &role_definition_shape, .bit = ROLE_FIELD_DEFINITION),
        JSON_FIELD("stop_timeout_ms", UINT32, struct command_role_set, role.stop_timeout_ms,
                   .bit = ROLE_FIELD_STOP_TIMEOUT),
};
static const struct json_shape role_set_shape =
        JSON_SHAPE(role_set_fields, .mask_offset = offsetof(struct command_role_set, fields));

static const struct json_field role_name_fields[] = {
        JSON_FIELD("role", NAME, struct command_role, role),
};
static const struct json_shape role_name_shape = JSON_SHAPE(role_name_fields);

static const struct json_field role_stop_fields[] = {
        JSON_FIELD("role", NAME, struct command_role, role),
        JSON_FIELD("force", BOOL, struct command_role, force),
};
static const struct json_shape role_stop_shape = JSON_SHAPE(role_stop_fields);

static const struct json_field role_copy_fields[] = {
        JSON_FIELD("role", NAME, struct command_role_copy, role),
        JSON_FIELD("disk", TEXT, struct command_role_copy, disk),
        JSON_FIELD("from", TEXT, struct command_role_copy, from),
        JSON_FIELD("to", TEXT, struct command_role_copy, to),
        JSON_FIELD("before", HASH, struct command_role_copy, before_hash),
        JSON_FIELD("hash", HASH, struct command_role_copy, definition_hash),
        JSON_FIELD("volumes", NODE_SET, struct command_role_copy, volumes),
        JSON_FIELD("keep", BOOL, struct command_role_copy, keep),
        JSON_FIELD("reason", TEXT, struct command_role_copy, reason),
};
static const struct json_shape role_copy_shape = JSON_SHAPE(role_copy_fields);

static const struct json_field copy_report_fields[] = {
        JSON_FIELD("role", NAME, struct command_copy_report, role),
        JSON_FIELD("node", NODE, struct command_copy_report, node),
        JSON_FIELD("index", COUNTER, struct command_copy_report, index),
        JSON_FIELD("report", ENUM, struct command_copy_report, kind, .texts = &copy_report_text),
        JSON_FIELD("duration_ms", UINT32, struct command_copy_report, duration_ms),
        JSON_FIELD("held_ms", UINT32, struct command_copy_report, held_ms),
        JSON_FIELD("text", TEXT, struct command_copy_report, text),
};
static const struct json_shape copy_report_shape = JSON_SHAPE(copy_report_fields);

static const struct json_field role_relocate_fields[] = {
        JSON_FIELD("role", NAME, struct command_role_relocate, role),
        JSON_FIELD("stall", COUNTER, struct command_role_relocate, stall),
        JSON_FIELD("reason", TEXT, struct command_role_relocate, reason),
};
static const struct json_shape role_relocate_shape = JSON_SHAPE(role_relocate_fields);

static const struct json_field role_redirect_fields[] = {
        JSON_FIELD("role", NAME, struct command_role_redirect, role),
        JSON_FIELD("exporter", NODE, struct command_role_redirect, exporter),
        JSON_FIELD("stall", COUNTER, struct command_role_redirect, stall),
        JSON_FIELD("reason", TEXT, struct command_role_redirect, reason),
};
static const struct json_shape role_redirect_shape = JSON_SHAPE(role_redirect_fields);

static const struct json_field role_redirect_end_fields[] = {
        JSON_FIELD("role", NAME, struct command_role_redirect_end, role),
        JSON_FIELD("index", COUNTER, struct command_role_redirect_end, index),
        JSON_FIELD("reason", TEXT, struct command_role_redirect_end, reason),
};
static const struct json_shape role_redirect_end_shape = JSON_SHAPE(role_redirect_end_fields);

static const struct json_field redirect_report_fields[] = {
        JSON_FIELD("role", NAME, struct command_redirect_report, role),
        JSON_FIELD("node", NODE, struct command_redirect_report, node),
        JSON_FIELD("index", COUNTER, struct command_redirect_report, index),
        JSON_FIELD("report", ENUM, struct command_redirect_report, kind, .texts = &redirect_report_text),
        JSON_FIELD("port", UINT32, struct command_redirect_report, port),
        JSON_FIELD("key", TEXT, struct command_redirect_report, key),
        JSON_FIELD("text", TEXT, struct command_redirect_report, text),
};
static const struct json_shape redirect_report_shape = JSON_SHAPE(redirect_report_fields);

static const struct json_field cluster_set_fields[] = {
        JSON_FIELD("moves_max", UINT32, struct command_cluster_set, settings.moves_max,
                   .bit = SETTINGS_FIELD_MOVES_MAX),
        JSON_FIELD("isolation_hold_ms", UINT32, struct command_cluster_set, settings.isolation_hold_ms,
                   .bit = SETTINGS_FIELD_ISOLATION_HOLD),
        JSON_FIELD("stop_grace_ms", UINT32, struct command_cluster_set, settings.stop_grace_ms,
                   .bit = SETTINGS_FIELD_STOP_GRACE),
        JSON_FIELD("watchdog_ms", UINT32, struct command_cluster_set, settings.watchdog_ms,
                   .bit = SETTINGS_FIELD_WATCHDOG),
        JSON_FIELD("margin_ms", UINT32, struct command_cluster_set, settings.margin_ms,
                   .bit = SETTINGS_FIELD_MARGIN),
        JSON_FIELD("quarantine_losses", UINT32, struct command_cluster_set, settings.quarantine_losses,
                   .bit = SETTINGS_FIELD_QUARANTINE_LOSSES),
        JSON_FIELD("quarantine_window_ms", UINT32, struct command_cluster_set, settings.quarantine_window_ms,
                   .bit = SETTINGS_FIELD_QUARANTINE_WINDOW),
        JSON_FIELD("quarantine_ms", UINT32, struct command_cluster_set, settings.quarantine_ms,
                   .bit = SETTINGS_FIELD_QUARANTINE),
        JSON_FIELD("guard_index", COUNTER, struct command_cluster_set, settings.guard_index,
                   .bit = SETTINGS_FIELD_GUARD_INDEX),
        JSON_FIELD("lease_renew_ms", UINT32, struct command_cluster_set, settings.lease_renew_ms,
                   .bit = SETTINGS_FIELD_LEASE_RENEW),
        JSON_FIELD("lease_ms", UINT32, struct command_cluster_set, settings.lease_ms,
                   .bit = SETTINGS_FIELD_LEASE),
        JSON_FIELD("lease_stop_ms", UINT32, struct command_cluster_set, settings.lease_stop_ms,
                   .bit = SETTINGS_FIELD_LEASE_STOP),
        JSON_FIELD("resiliency_ms", UINT32, struct command_cluster_set, settings.resiliency_ms,
                   .bit = SETTINGS_FIELD_RESILIENCY),
        JSON_FIELD("stall_limit_ms", UINT32, struct command_cluster_set, settings.stall_limit_ms,
                   .bit = SETTINGS_FIELD_STALL_LIMIT),
};
static const struct json_shape cluster_set_shape =
        JSON_SHAPE(cluster_set_fields, .mask_offset = offsetof(struct command_cluster_set, fields));

static const struct json_field cluster_pause_fields[] = {
        JSON_FIELD("for_ms", UINT32, struct command_cluster_pause, for_ms),
        JSON_FIELD("reason", TEXT, struct command_cluster_pause, reason),
};
static const struct json_shape cluster_pause_shape = JSON_SHAPE(cluster_pause_fields);

static const struct json_field fence_remove_fields[] = {
        JSON_FIELD("device", NAME, struct command_fence_remove, device),
};
static const struct json_shape fence_remove_shape = JSON_SHAPE(fence_remove_fields);

static const struct json_field fence_report_fields[] = {
        JSON_FIELD("node", NODE, struct command_fence_report, node),
        JSON_FIELD("device", NAME_OR_EMPTY, struct command_fence_report, device),
        JSON_FIELD("level", UINT32, struct command_fence_report, level),
        JSON_FIELD("volume", NAME_OR_EMPTY, struct command_fence_report, volume, .later = true),
        JSON_FIELD("succeeded", BOOL, struct command_fence_report, succeeded),
        JSON_FIELD("duration_ms", UINT32, struct command_fence_report, duration_ms),
        JSON_FIELD("text", TEXT, struct command_fence_report, text),
};
static const struct json_shape fence_report_shape = JSON_SHAPE(fence_report_fields);

static const struct json_field volume_add_fields[] = {
        JSON_FIELD("name", NAME, struct command_volume_add, name),
        JSON_FIELD("kind", ENUM, struct command_volume_add, kind, .texts = &volume_kind_text),
        JSON_FIELD("identity", IDENTITY, struct command_volume_add, identity),
        JSON_FIELD("path", TEXT, struct command_volume_add, path),
        JSON_FIELD("portal", TEXT, struct command_volume_add, login.portal, .later = true),
        JSON_FIELD("user", TEXT, struct command_volume_add, login.user, .later = true),
        JSON_FIELD("password", TEXT, struct command_volume_add, login.password, .later = true),
};
static const struct json_shape volume_add_shape = JSON_SHAPE(volume_add_fields);

static const struct json_field volume_name_fields[] = {
        JSON_FIELD("volume", NAME, struct command_volume, volume),
        JSON_FIELD("identity", IDENTITY, struct command_volume, identity),
        JSON_FIELD("reason", TEXT, struct command_volume, reason),
};
static const struct json_shape volume_name_shape = JSON_SHAPE(volume_name_fields);

static const struct json_field volume_move_fields[] = {
        JSON_FIELD("volume", NAME, struct command_volume_move, volume),
        JSON_FIELD("identity", IDENTITY, struct command_volume_move, identity),
        JSON_FIELD("node", NODE, struct command_volume_move, node),
        JSON_FIELD("reason", TEXT, struct command_volume_move, reason),
};
static const struct json_shape volume_move_shape = JSON_SHAPE(volume_move_fields);

static const struct json_field volume_report_fields[] = {
        JSON_FIELD("volume", NAME, struct command_volume_report, volume),
        JSON_FIELD("identity", IDENTITY, struct command_volume_report, identity),
        JSON_FIELD("node", NODE, struct command_volume_report, node),
        JSON_FIELD("state", ENUM, struct command_volume_report, state, .texts = &path_state_text),
        JSON_FIELD("text", TEXT, struct command_volume_report, text),
        JSON_FIELD("leased", BOOL, struct command_volume_report, leased, .later = true),
};
static const struct json_shape volume_report_shape = JSON_SHAPE(volume_report_fields);

static const struct json_field fence_test_fields[] = {
        JSON_FIELD("node", NODE, struct command_fence_test, node),
        JSON_FIELD("force", BOOL, struct command_fence_test, force),
        JSON_FIELD("reason", TEXT, struct command_fence_test, reason),
        JSON_FIELD("on_only", BOOL, struct command_fence_test, on_only, .later = true),
};
static const struct json_shape fence_test_shape = JSON_SHAPE(fence_test_fields);

static const struct json_field fence_tested_fields[] = {
        JSON_FIELD("node", NODE, struct command_fence_tested, node),
        JSON_FIELD("level", UINT32, struct command_fence_tested, level),
        JSON_FIELD("on", BOOL, struct command_fence_tested, on),
        JSON_FIELD("succeeded", BOOL, struct command_fence_tested, succeeded),
        JSON_FIELD("duration_ms", UINT32, struct command_fence_tested, duration_ms),
        JSON_FIELD("reason", TEXT, struct command_fence_tested, reason),
};
static const struct json_shape fence_tested_shape = JSON_SHAPE(fence_tested_fields);
/* clang-format on */

static const struct json_shape *const command_shapes[COMMAND_COUNT] = {
        [COMMAND_EPOCH] = &epoch_shape,
        [COMMAND_NODE_LOST] = &node_shape,
        [COMMAND_NODE_EVIDENCE] = &node_evidence_shape,
        [COMMAND_NODE_DRAINED] = &node_shape,
        [COMMAND_ROLE_ASSIGN] = &role_assign_shape,
        [COMMAND_ROLE_MOVE] = &role_move_shape,
        [COMMAND_VOTER_SET] = &voter_set_shape,
        [COMMAND_NODE_JOIN] = &node_join_shape,
        [COMMAND_ROLE_REPORT] = &role_report_shape,
        [COMMAND_CLUSTER_SET] = &cluster_set_shape,
        [COMMAND_NODE_DRAIN] = &node_shape,
        [COMMAND_NODE_RESUME] = &node_shape,
        [COMMAND_NODE_CONFIRM_OFF] = &node_shape,
        [COMMAND_ROLE_ADD] = &role_add_shape,
        [COMMAND_ROLE_SET] = &role_set_shape,
        [COMMAND_ROLE_START] = &role_name_shape,
        [COMMAND_ROLE_STOP] = &role_stop_shape,
        [COMMAND_ROLE_REMOVE] = &role_name_shape,
        [COMMAND_FENCE_ADD] = &fence_device_shape,
        [COMMAND_FENCE_REMOVE] = &fence_remove_shape,
        [COMMAND_NODE_FENCE] = &node_shape,
        [COMMAND_FENCE_REPORT] = &fence_report_shape,
        [COMMAND_FENCE_TEST] = &fence_test_shape,
        [COMMAND_FENCE_TESTED] = &fence_tested_shape,
        [COMMAND_NODE_QUARANTINE] = &node_shape,
        [COMMAND_NODE_RELEASE] = &node_shape,
        [COMMAND_CLUSTER_PAUSE] = &cluster_pause_shape,
        [COMMAND_CLUSTER_RESUME] = &cluster_pause_shape,
        [COMMAND_VOLUME_ADD] = &volume_add_shape,
        [COMMAND_VOLUME_REMOVE] = &volume_name_shape,
        [COMMAND_VOLUME_READY] = &volume_name_shape,
        [COMMAND_VOLUME_DROP] = &volume_name_shape,
        [COMMAND_VOLUME_REPORT] = &volume_report_shape,
        [COMMAND_VOLUME_MOVE] = &volume_move_shape,
        [COMMAND_VOLUME_MAINTAIN] = &volume_name_shape,
        [COMMAND_VOLUME_RESUME] = &volume_name_shape,
        [COMMAND_QUORUM_SET] = &quorum_set_shape,
        [COMMAND_NODE_EVICT] = &node_shape,
        [COMMAND_WITNESS_SET] = &witness_command_shape,
        [COMMAND_WITNESS_REMOVE] = &witness_command_shape,
        [COMMAND_QUORUM_FORCE] = &quorum_force_shape,
        [COMMAND_ROLE_COPY] = &role_copy_shape,
        [COMMAND_ROLE_COPY_ABORT] = &role_name_shape,
        [COMMAND_COPY_REPORT] = &copy_report_shape,
        [COMMAND_ROLE_RELOCATE] = &role_relocate_shape,
        [COMMAND_ROLE_REDIRECT] = &role_redirect_shape,
        [COMMAND_ROLE_REDIRECT_END] = &role_redirect_end_shape,
        [COMMAND_REDIRECT_REPORT] = &redirect_report_shape,
};

/* The union's members all begin here. */
#define COMMAND_VALUE offsetof(struct command, role)

char *command_encode(const struct command *command)
{
        assert(command->kind < COMMAND_COUNT);
        json_t *json = json_object();
        assert(json != NULL);
        json_put(json, "command", json_string(command_kind_name(command->kind)));
        json_shape_write(json, command_shapes[command->kind], (const char *)command + COMMAND_VALUE);
        return json_finish(json, NULL);
}

static bool command_read(struct json_reader *reader, json_t *json, struct command *command)
{
        int kind = json_reader_enum(reader, json, "command", &command_kind_text);
        if (kind < 0)
                return false;
        command->kind = (enum command_kind)kind;
        return json_shape_read(reader, json, command_shapes[kind], (char *)command + COMMAND_VALUE);
}

int command_decode(const char *text, size_t text_bytes, struct command *ret_command,
                   char ret_error[CODEC_ERROR_BYTES])
{
        struct json_reader reader = { .error = ret_error };
        json_t *json = json_reader_load(&reader, text, text_bytes);
        if (json == NULL)
                return -EBADMSG;

        struct command command;
        memset(&command, 0, sizeof(command));
        bool good = command_read(&reader, json, &command);
        json_decref(json);
        if (!good)
                return -EBADMSG;
        memcpy(ret_command, &command, sizeof(command));
        return 0;
}
