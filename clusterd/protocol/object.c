/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/protocol/object.h"

#include <assert.h>

#include "clusterd/protocol/enum_text.h"

/*
 * Guests run on for 5 s without contact, which outlasts a switch that
 * restarts a port; the node then has 2 s to stop them itself before a watchdog
 * of 5 s does. Survivors wait for all of it and 1 s more, for clocks that
 * drift and timers that fire late.
 */
const struct settings settings_default = {
        .dynamic_quorum = true,
        .moves_max = 2,
        .isolation_hold_ms = 10000,
        .stop_grace_ms = 2000,
        .watchdog_ms = 5000,
        .margin_ms = 1000,
        .quarantine_losses = 3,
        .quarantine_window_ms = 3600000,
        .quarantine_ms = 7200000,
        .lease_renew_ms = 1000,
        .lease_ms = 5000,
        .lease_stop_ms = 2000,
        .resiliency_ms = 240000,
        .stall_limit_ms = 1800000,
};

/* clang-format off */
ENUM_TEXT(evidence_kind, EVIDENCE_COUNT,
          [EVIDENCE_NONE] = "none",
          [EVIDENCE_STOPPED] = "stopped",
          [EVIDENCE_HANDED_OVER] = "handed-over",
          [EVIDENCE_POWERED_OFF] = "powered-off",
          [EVIDENCE_GUARD_EXPIRED] = "guard-expired",
          [EVIDENCE_NEVER_RAN] = "never-ran",
          [EVIDENCE_OPERATOR] = "operator",
          [EVIDENCE_RESERVATION_PREEMPTED] = "reservation-preempted",
          [EVIDENCE_LEASE_RELEASED] = "lease-released")

ENUM_TEXT(node_state, NODE_STATE_COUNT,
          [NODE_DOWN] = "down",
          [NODE_UP] = "up",
          [NODE_LOST] = "lost")

ENUM_TEXT(node_duty, DUTY_COUNT,
          [DUTY_ACTIVE] = "active",
          [DUTY_DRAINING] = "draining",
          [DUTY_DRAINED] = "drained",
          [DUTY_QUARANTINED] = "quarantined")

ENUM_TEXT(shut_down, SHUT_DOWN_COUNT,
          [SHUT_DOWN_NONE] = "none",
          [SHUT_DOWN_OFF] = "off",
          [SHUT_DOWN_REBOOT] = "reboot")

ENUM_TEXT(role_kind, ROLE_KIND_COUNT,
          [ROLE_VM] = "vm",
          [ROLE_OCF] = "ocf")

ENUM_TEXT(role_state, ROLE_STATE_COUNT,
          [ROLE_OFFLINE] = "offline",
          [ROLE_STARTING] = "starting",
          [ROLE_ONLINE] = "online",
          [ROLE_STOPPING] = "stopping",
          [ROLE_MOVING] = "moving",
          [ROLE_RECOVERING] = "recovering",
          [ROLE_FAILED] = "failed")

ENUM_TEXT(role_desired, DESIRED_COUNT,
          [DESIRED_STOPPED] = "stopped",
          [DESIRED_RUNNING] = "running")

ENUM_TEXT(move_end, MOVE_END_COUNT,
          [MOVE_END_UNKNOWN] = "unknown",
          [MOVE_END_RUNNING] = "running",
          [MOVE_END_ABSENT] = "absent")

ENUM_TEXT(copy_state, COPY_STATE_COUNT,
          [COPY_NONE] = "none",
          [COPY_RUNNING] = "running",
          [COPY_SWITCHING] = "switching",
          [COPY_CLEARING] = "clearing")

ENUM_TEXT(redirect_state, REDIRECT_STATE_COUNT,
          [REDIRECT_NONE] = "none",
          [REDIRECT_OPENING] = "opening",
          [REDIRECT_OPEN] = "open",
          [REDIRECT_SERVED] = "served",
          [REDIRECT_CLOSING] = "closing")

ENUM_TEXT(witness_kind, WITNESS_KIND_COUNT,
          [WITNESS_NONE] = "none",
          [WITNESS_SHARE] = "share",
          [WITNESS_DISK] = "disk",
          [WITNESS_QNETD] = "qnetd")

bool witness_remembers(enum witness_kind kind)
{
        return kind == WITNESS_SHARE || kind == WITNESS_DISK;
}

ENUM_TEXT(volume_kind, VOLUME_KIND_COUNT,
          [VOLUME_DIRECTORY] = "directory", [VOLUME_ISCSI] = "iscsi")

ENUM_TEXT(volume_state, VOLUME_STATE_COUNT,
          [VOLUME_PROVING] = "proving",
          [VOLUME_READY] = "ready",
          [VOLUME_MAINTENANCE] = "maintenance")

ENUM_TEXT(path_state, PATH_STATE_COUNT,
          [PATH_UNKNOWN] = "unknown",
          [PATH_MARKED] = "marked",
          [PATH_DIRECT] = "direct",
          [PATH_ABSENT] = "absent",
          [PATH_FOREIGN] = "foreign",
          [PATH_DAMAGED] = "damaged",
          [PATH_READ_ONLY] = "read-only",
          [PATH_BUFFERED] = "buffered",
          [PATH_SLOW] = "slow",
          [PATH_HANGS] = "hangs",
          [PATH_FAILED] = "failed",
          [PATH_NOT_SHARED] = "not-shared",
          [PATH_INCOMPLETE] = "incomplete")

ENUM_TEXT(object_kind, OBJECT_COUNT,
          [OBJECT_SETTINGS] = "settings",
          [OBJECT_NODE] = "node",
          [OBJECT_ROLE] = "role",
          [OBJECT_FENCE_DEVICE] = "fence-device",
          [OBJECT_VOLUME] = "volume")
/* clang-format on */

const char *path_state_explain(enum path_state state)
{
        switch (state) {
        case PATH_UNKNOWN:
                return "it has not been looked for yet";
        case PATH_MARKED:
                return "the others' marks have not been looked for yet";
        case PATH_DIRECT:
                return "it is there";
        case PATH_ABSENT:
                return "it is not there: is it mounted?";
        case PATH_FOREIGN:
                return "another cluster or volume has it";
        case PATH_DAMAGED:
                return "its lease area is damaged";
        case PATH_READ_ONLY:
                return "it cannot be written";
        case PATH_BUFFERED:
                return "its file system takes no direct I/O";
        case PATH_SLOW:
                return "it is too slow";
        case PATH_HANGS:
                return "it does not answer";
        case PATH_FAILED:
                return "an I/O failed";
        case PATH_NOT_SHARED:
                return "it is not the one that the other nodes see";
        case PATH_INCOMPLETE:
                return "some other nodes' writes are not seen";
        case PATH_STATE_COUNT:
                break;
        }
        assert(!"state of a path");
        return "";
}

bool path_state_is_lost(enum path_state state)
{
        return state > PATH_DIRECT;
}

enum path_state volume_path(const struct volume *volume, uint32_t node)
{
        for (enum path_state state = PATH_MARKED; state < PATH_STATE_COUNT; state++)
                if (node_set_has(volume->paths[state], node))
                        return state;
        return PATH_UNKNOWN;
}

node_set volume_lost(const struct volume *volume)
{
        node_set lost = 0;
        for (enum path_state state = PATH_ABSENT; state < PATH_STATE_COUNT; state++)
                lost |= volume->paths[state];
        return lost;
}

const char *object_name(const struct object *object)
{
        switch (object->kind) {
        case OBJECT_SETTINGS:
                return "cluster";
        case OBJECT_NODE:
                return object->node.name;
        case OBJECT_ROLE:
                return object->role.name;
        case OBJECT_FENCE_DEVICE:
                return object->fence_device.name;
        case OBJECT_VOLUME:
                return object->volume.name;
        case OBJECT_COUNT:
                break;
        }
        assert(!"kind of object");
        return "";
}
