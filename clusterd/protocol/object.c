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
};

/* clang-format off */
ENUM_TEXT(evidence_kind, EVIDENCE_COUNT,
          [EVIDENCE_NONE] = "none",
          [EVIDENCE_STOPPED] = "stopped",
          [EVIDENCE_HANDED_OVER] = "handed-over",
          [EVIDENCE_POWERED_OFF] = "powered-off",
          [EVIDENCE_GUARD_EXPIRED] = "guard-expired",
          [EVIDENCE_NEVER_RAN] = "never-ran",
          [EVIDENCE_OPERATOR] = "operator")

ENUM_TEXT(node_state, NODE_STATE_COUNT,
          [NODE_DOWN] = "down",
          [NODE_UP] = "up",
          [NODE_LOST] = "lost")

ENUM_TEXT(node_duty, DUTY_COUNT,
          [DUTY_ACTIVE] = "active",
          [DUTY_DRAINING] = "draining",
          [DUTY_DRAINED] = "drained",
          [DUTY_QUARANTINED] = "quarantined")

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

ENUM_TEXT(object_kind, OBJECT_COUNT,
          [OBJECT_SETTINGS] = "settings",
          [OBJECT_NODE] = "node",
          [OBJECT_ROLE] = "role",
          [OBJECT_FENCE_DEVICE] = "fence-device")
/* clang-format on */

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
        case OBJECT_COUNT:
                break;
        }
        assert(!"kind of object");
        return "";
}
