/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/protocol/codec_parts.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* clang-format off */
static const struct json_field evidence_fields[] = {
        JSON_FIELD("kind", ENUM, struct evidence, kind, .texts = &evidence_kind_text),
        JSON_FIELD("index", COUNTER, struct evidence, index),
        JSON_FIELD("text", TEXT, struct evidence, text),
};
const struct json_shape evidence_shape = JSON_SHAPE(evidence_fields);

static const struct json_field witness_fields[] = {
        JSON_FIELD("kind", ENUM, struct witness, kind, .texts = &witness_kind_text),
        JSON_FIELD("identity", IDENTITY, struct witness, identity),
        JSON_FIELD("leaving", BOOL, struct witness, leaving),
        JSON_FIELD("place", TEXT, struct witness, place),
        JSON_FIELD("volume", TEXT, struct witness, volume, .later = true),
};
const struct json_shape witness_shape = JSON_SHAPE(witness_fields);

/* The cluster's name is corosync's: any text. */
static const struct json_field settings_fields[] = {
        JSON_FIELD("cluster_name", TEXT, struct settings, cluster_name),
        JSON_FIELD("voters", NODE_SET, struct settings, voters),
        JSON_FIELD("dynamic_quorum", BOOL, struct settings, dynamic_quorum, .later = true),
        JSON_FIELD("moves_max", UINT32, struct settings, moves_max),
        JSON_FIELD("isolation_hold_ms", UINT32, struct settings, isolation_hold_ms),
        JSON_FIELD("stop_grace_ms", UINT32, struct settings, stop_grace_ms),
        JSON_FIELD("watchdog_ms", UINT32, struct settings, watchdog_ms),
        JSON_FIELD("margin_ms", UINT32, struct settings, margin_ms),
        JSON_FIELD("quarantine_losses", UINT32, struct settings, quarantine_losses),
        JSON_FIELD("quarantine_window_ms", UINT32, struct settings, quarantine_window_ms),
        JSON_FIELD("quarantine_ms", UINT32, struct settings, quarantine_ms),
        JSON_FIELD("pause_ms", UINT32, struct settings, pause_ms),
        JSON_FIELD("pause_index", COUNTER, struct settings, pause_index),
        JSON_FIELD("guard_before_ms", UINT32, struct settings, guard_before_ms),
        JSON_FIELD("guard_index", COUNTER, struct settings, guard_index),
        JSON_FIELD("lease_renew_ms", UINT32, struct settings, lease_renew_ms, .later = true),
        JSON_FIELD("lease_ms", UINT32, struct settings, lease_ms, .later = true),
        JSON_FIELD("lease_stop_ms", UINT32, struct settings, lease_stop_ms, .later = true),
        JSON_FIELD("resiliency_ms", UINT32, struct settings, resiliency_ms, .later = true),
        JSON_FIELD("stall_limit_ms", UINT32, struct settings, stall_limit_ms, .later = true),
        JSON_FIELD("witness", OBJECT, struct settings, witness, .shape = &witness_shape, .later = true),
        JSON_FIELD("voters_witness", IDENTITY, struct settings, voters_witness, .later = true),
        JSON_FIELD("epoch_holders", NODE_SET, struct settings, epoch_holders, .later = true),
        JSON_FIELD("forced_epoch", COUNTER, struct settings, forced_epoch, .later = true),
        JSON_FIELD("forced_time_ms", INT64, struct settings, forced_time_ms, .later = true),
        JSON_FIELD("forced_by", TEXT, struct settings, forced_by, .later = true),
};
const struct json_shape settings_shape = JSON_SHAPE(settings_fields);

static const struct json_field node_fields[] = {
        JSON_FIELD("id", NODE, struct node, id),
        JSON_FIELD("name", NAME, struct node, name),
        JSON_FIELD("state", ENUM, struct node, state, .texts = &node_state_text),
        JSON_FIELD("duty", ENUM, struct node, duty, .texts = &node_duty_text),
        JSON_FIELD("incarnation", IDENTITY, struct node, incarnation),
        JSON_FIELD("boot", IDENTITY, struct node, boot),
        JSON_FIELD("memory_mib", UINT32, struct node, memory_mib),
        JSON_FIELD("cpus", UINT32, struct node, cpus),
        JSON_FIELD("fence_wanted", BOOL, struct node, fence_wanted),
        JSON_FIELD("test_level", UINT32, struct node, test_level, .later = true),
        JSON_FIELD("test_off", BOOL, struct node, test_off, .later = true),
        JSON_FIELD("test_failed", UINT32, struct node, test_failed, .later = true),
        JSON_FIELD("watchdog", BOOL, struct node, watchdog),
        JSON_FIELD("quorum_priority", INT32, struct node, quorum_priority, .later = true),
        JSON_FIELD("address", TEXT, struct node, address),
        JSON_FIELD("migration_address", TEXT, struct node, migration_address),
        JSON_FIELD("evidence", OBJECT, struct node, evidence, .shape = &evidence_shape),
        JSON_FIELD("since_index", COUNTER, struct node, since_index),
        JSON_FIELD("lost_index", COUNTER, struct node, lost_index),
        JSON_FIELD("reason", TEXT, struct node, reason),
        JSON_FIELD("evicted", BOOL, struct node, evicted, .later = true),
        JSON_FIELD("test_on_only", BOOL, struct node, test_on_only, .later = true),
        JSON_FIELD("shut_down", ENUM, struct node, shut_down, .texts = &shut_down_text, .later = true),
        JSON_FIELD("shut_down_forced", BOOL, struct node, shut_down_forced, .later = true),
        JSON_FIELD("forced_out", BOOL, struct node, forced_out, .later = true),
};
static const struct json_shape node_shape = JSON_SHAPE(node_fields);

static const struct json_field role_definition_fields[] = {
        JSON_FIELD("hash", HASH, struct role, definition_hash),
        JSON_FIELD("uuid", TEXT, struct role, uuid),
        JSON_FIELD("memory_mib", UINT32, struct role, memory_mib),
        JSON_FIELD("cpus", UINT32, struct role, cpus),
        JSON_FIELD("volumes", NODE_SET, struct role, volumes, .later = true),
        JSON_FIELD("contained", BOOL, struct role, contained, .later = true),
};
const struct json_shape role_definition_shape = JSON_SHAPE(role_definition_fields);

static const struct json_field role_configured_fields[] = {
        JSON_FIELD("name", NAME, struct role, name),
        JSON_FIELD("kind", ENUM, struct role, kind, .texts = &role_kind_text),
        JSON_FIELD("desired", ENUM, struct role, desired, .texts = &role_desired_text),
        { .key = "definition", .type = JSON_FIELD_OBJECT, .shape = &role_definition_shape },
        JSON_FIELD("priority", INT32, struct role, priority),
        JSON_FIELD("stop_timeout_ms", UINT32, struct role, stop_timeout_ms),
        JSON_FIELD("preferred", NODE_LIST, struct role, preferred),
        JSON_FIELD("possible", NODE_SET, struct role, possible),
        JSON_FIELD("note", TEXT, struct role, note),
};
const struct json_shape role_configured_shape = JSON_SHAPE(role_configured_fields);

static const struct json_field role_move_fields[] = {
        JSON_FIELD("from", NODE_OR_NONE, struct role_move, from),
        JSON_FIELD("to", NODE_OR_NONE, struct role_move, to),
        JSON_FIELD("succeeded", BOOL, struct role_move, succeeded),
        JSON_FIELD("duration_ms", UINT32, struct role_move, duration_ms),
        JSON_FIELD("downtime_ms", UINT32, struct role_move, downtime_ms),
        JSON_FIELD("index", COUNTER, struct role_move, index),
};
static const struct json_shape role_move_shape = JSON_SHAPE(role_move_fields);

static const struct json_field role_copy_fields[] = {
        JSON_FIELD("state", ENUM, struct role_copy, state, .texts = &copy_state_text),
        JSON_FIELD("index", COUNTER, struct role_copy, index),
        JSON_FIELD("disk", TEXT, struct role_copy, disk),
        JSON_FIELD("from", TEXT, struct role_copy, from),
        JSON_FIELD("to", TEXT, struct role_copy, to),
        JSON_FIELD("hash", HASH, struct role_copy, definition_hash),
        JSON_FIELD("volumes", NODE_SET, struct role_copy, volumes),
        JSON_FIELD("keep", BOOL, struct role_copy, keep),
        JSON_FIELD("succeeded", BOOL, struct role_copy, succeeded),
        JSON_FIELD("abort_index", COUNTER, struct role_copy, abort_index),
        JSON_FIELD("duration_ms", UINT32, struct role_copy, duration_ms),
        JSON_FIELD("held_ms", UINT32, struct role_copy, held_ms),
        JSON_FIELD("text", TEXT, struct role_copy, text),
};
static const struct json_shape role_copy_shape = JSON_SHAPE(role_copy_fields);

static const struct json_field role_stall_fields[] = {
        JSON_FIELD("index", COUNTER, struct role_stall, index),
        JSON_FIELD("time_ms", INT64, struct role_stall, time_ms),
        JSON_FIELD("text", TEXT, struct role_stall, text),
};
static const struct json_shape role_stall_shape = JSON_SHAPE(role_stall_fields);

static const struct json_field role_redirect_fields[] = {
        JSON_FIELD("state", ENUM, struct role_redirect, state, .texts = &redirect_state_text),
        JSON_FIELD("index", COUNTER, struct role_redirect, index),
        JSON_FIELD("exporter", NODE_OR_NONE, struct role_redirect, exporter),
        JSON_FIELD("client", NODE_OR_NONE, struct role_redirect, client),
        JSON_FIELD("port", UINT32, struct role_redirect, port),
        JSON_FIELD("key", TEXT, struct role_redirect, key),
        JSON_FIELD("text", TEXT, struct role_redirect, text),
};
static const struct json_shape role_redirect_shape = JSON_SHAPE(role_redirect_fields);

static const struct json_field role_fields[] = {
        { .key = "configured", .type = JSON_FIELD_INLINE, .shape = &role_configured_shape },
        JSON_FIELD("state", ENUM, struct role, state, .texts = &role_state_text),
        JSON_FIELD("stop_now", BOOL, struct role, stop_now),
        JSON_FIELD("owner", NODE_OR_NONE, struct role, owner),
        JSON_FIELD("target", NODE_OR_NONE, struct role, target),
        JSON_FIELD("generation", COUNTER, struct role, generation),
        JSON_FIELD("since_index", COUNTER, struct role, since_index),
        JSON_FIELD("reason", TEXT, struct role, reason),
        JSON_FIELD("owner_end", ENUM, struct role, owner_end, .texts = &move_end_text),
        JSON_FIELD("target_end", ENUM, struct role, target_end, .texts = &move_end_text),
        JSON_FIELD("owner_evidence", OBJECT, struct role, owner_evidence, .shape = &evidence_shape),
        JSON_FIELD("target_evidence", OBJECT, struct role, target_evidence, .shape = &evidence_shape),
        JSON_FIELD("lost_owner", NODE_OR_NONE, struct role, lost_owner),
        JSON_FIELD("failures", UINT32, struct role, failures),
        JSON_FIELD("retry_ms", UINT32, struct role, retry_ms),
        JSON_FIELD("failed_time_ms", INT64, struct role, failed_time_ms),
        JSON_FIELD("tried", NODE_SET, struct role, tried),
        JSON_FIELD("failback", NODE_OR_NONE, struct role, failback),
        JSON_FIELD("last_move", OBJECT, struct role, last_move, .shape = &role_move_shape),
        JSON_FIELD("leases", NODE_SET, struct role, leases, .later = true),
        JSON_FIELD("copy", OBJECT, struct role, copy, .shape = &role_copy_shape, .later = true),
        JSON_FIELD("stall", OBJECT, struct role, stall, .shape = &role_stall_shape, .later = true),
        JSON_FIELD("redirect", OBJECT, struct role, redirect, .shape = &role_redirect_shape, .later = true),
        JSON_FIELD("started", COUNTER, struct role, started, .later = true),
        JSON_FIELD("reserved", NODE_SET, struct role, reserved, .later = true),
};
static const struct json_shape role_shape = JSON_SHAPE(role_fields);

static const struct json_field fence_device_fields[] = {
        JSON_FIELD("name", NAME, struct fence_device, name),
        JSON_FIELD("agent", NAME, struct fence_device, agent),
        JSON_FIELD("targets", NODE_SET, struct fence_device, targets),
        JSON_FIELD("level", UINT32, struct fence_device, level),
        JSON_FIELD("together", UINT32, struct fence_device, together),
        JSON_FIELD("timeout_ms", UINT32, struct fence_device, timeout_ms),
        JSON_FIELD("options", TEXT, struct fence_device, options),
};
const struct json_shape fence_device_shape = JSON_SHAPE(fence_device_fields);

#define PATH_FIELD(key, state) JSON_FIELD(key, NODE_SET, struct volume, paths[state])
static const struct json_field volume_paths_fields[] = {
        PATH_FIELD("marked", PATH_MARKED),
        PATH_FIELD("direct", PATH_DIRECT),
        PATH_FIELD("absent", PATH_ABSENT),
        PATH_FIELD("foreign", PATH_FOREIGN),
        PATH_FIELD("damaged", PATH_DAMAGED),
        PATH_FIELD("read_only", PATH_READ_ONLY),
        PATH_FIELD("buffered", PATH_BUFFERED),
        PATH_FIELD("slow", PATH_SLOW),
        PATH_FIELD("hangs", PATH_HANGS),
        PATH_FIELD("failed", PATH_FAILED),
        PATH_FIELD("not_shared", PATH_NOT_SHARED),
        PATH_FIELD("incomplete", PATH_INCOMPLETE),
};
_Static_assert(sizeof(volume_paths_fields) / sizeof(volume_paths_fields[0]) == PATH_STATE_COUNT - 1, "each but unknown");
static const struct json_shape volume_paths_shape = JSON_SHAPE(volume_paths_fields);

static const struct json_field volume_fields[] = {
        JSON_FIELD("id", NODE, struct volume, id),
        JSON_FIELD("name", NAME, struct volume, name),
        JSON_FIELD("kind", ENUM, struct volume, kind, .texts = &volume_kind_text),
        JSON_FIELD("state", ENUM, struct volume, state, .texts = &volume_state_text),
        JSON_FIELD("identity", IDENTITY, struct volume, identity),
        JSON_FIELD("path", TEXT, struct volume, path),
        { .key = "paths", .type = JSON_FIELD_OBJECT, .shape = &volume_paths_shape },
        JSON_FIELD("trouble", TEXT, struct volume, trouble),
        JSON_FIELD("since_index", COUNTER, struct volume, since_index),
        JSON_FIELD("leases", NODE_SET, struct volume, leases, .later = true),
        JSON_FIELD("coordinator", NODE_OR_NONE, struct volume, coordinator, .later = true),
        JSON_FIELD("known", BOOL, struct volume, known, .later = true),
        JSON_FIELD("portal", TEXT, struct volume, login.portal, .later = true),
        JSON_FIELD("user", TEXT, struct volume, login.user, .later = true),
        JSON_FIELD("password", TEXT, struct volume, login.password, .later = true),
};
static const struct json_shape volume_shape = JSON_SHAPE(volume_fields);
/* clang-format on */

static const struct json_shape *const object_shapes[OBJECT_COUNT] = {
        [OBJECT_SETTINGS] = &settings_shape, [OBJECT_NODE] = &node_shape,
        [OBJECT_ROLE] = &role_shape,         [OBJECT_FENCE_DEVICE] = &fence_device_shape,
        [OBJECT_VOLUME] = &volume_shape,
};

/* The union's members all begin here. */
#define OBJECT_VALUE offsetof(struct object, role)

json_t *object_write(const struct object *object)
{
        assert(object->kind < OBJECT_COUNT);
        json_t *json = json_object();
        assert(json != NULL);
        json_put(json, "object", json_string(object_kind_name(object->kind)));
        json_shape_write(json, object_shapes[object->kind], (const char *)object + OBJECT_VALUE);
        return json;
}

bool object_read(struct json_reader *reader, json_t *json, struct object *object)
{
        int kind = json_reader_enum(reader, json, "object", &object_kind_text);
        if (kind < 0)
                return false;
        object->kind = (enum object_kind)kind;
        return json_shape_read(reader, json, object_shapes[kind], (char *)object + OBJECT_VALUE);
}

char *object_encode(const struct object *object)
{
        return json_finish(object_write(object), NULL);
}

int object_decode(const char *text, size_t text_bytes, struct object *ret_object,
                  char ret_error[CODEC_ERROR_BYTES])
{
        struct json_reader reader = { .error = ret_error };
        json_t *json = json_reader_load(&reader, text, text_bytes);
        if (json == NULL)
                return -EBADMSG;

        struct object object;
        memset(&object, 0, sizeof(object));
        bool good = object_read(&reader, json, &object);
        json_decref(json);
        if (!good)
                return -EBADMSG;
        memcpy(ret_object, &object, sizeof(object));
        return 0;
}
