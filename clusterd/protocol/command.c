/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/protocol/command.h"

#include <assert.h>
#include <stdio.h>

#include "clusterd/protocol/enum_text.h"

/* clang-format off */
ENUM_TEXT(command_kind, COMMAND_COUNT,
          [COMMAND_EPOCH] = "epoch",
          [COMMAND_NODE_LOST] = "node-lost",
          [COMMAND_NODE_EVIDENCE] = "node-evidence",
          [COMMAND_NODE_DRAINED] = "node-drained",
          [COMMAND_ROLE_ASSIGN] = "role-assign",
          [COMMAND_ROLE_MOVE] = "role-move",
          [COMMAND_VOTER_SET] = "voter-set",
          [COMMAND_NODE_JOIN] = "node-join",
          [COMMAND_ROLE_REPORT] = "role-report",
          [COMMAND_CLUSTER_SET] = "cluster-set",
          [COMMAND_NODE_DRAIN] = "node-drain",
          [COMMAND_NODE_RESUME] = "node-resume",
          [COMMAND_NODE_CONFIRM_OFF] = "node-confirm-off",
          [COMMAND_ROLE_ADD] = "role-add",
          [COMMAND_ROLE_SET] = "role-set",
          [COMMAND_ROLE_START] = "role-start",
          [COMMAND_ROLE_STOP] = "role-stop",
          [COMMAND_ROLE_REMOVE] = "role-remove",
          [COMMAND_FENCE_ADD] = "fence-add",
          [COMMAND_FENCE_REMOVE] = "fence-remove",
          [COMMAND_NODE_FENCE] = "node-fence",
          [COMMAND_FENCE_REPORT] = "fence-report",
          [COMMAND_FENCE_TEST] = "fence-test",
          [COMMAND_FENCE_TESTED] = "fence-tested",
          [COMMAND_NODE_QUARANTINE] = "node-quarantine",
          [COMMAND_CLUSTER_PAUSE] = "cluster-pause",
          [COMMAND_CLUSTER_RESUME] = "cluster-resume",
          [COMMAND_NODE_RELEASE] = "node-release",
          [COMMAND_VOLUME_ADD] = "volume-add",
          [COMMAND_VOLUME_REMOVE] = "volume-remove",
          [COMMAND_VOLUME_READY] = "volume-ready",
          [COMMAND_VOLUME_DROP] = "volume-drop",
          [COMMAND_VOLUME_REPORT] = "volume-report",
          [COMMAND_QUORUM_SET] = "quorum-set",
          [COMMAND_NODE_EVICT] = "node-evict",
          [COMMAND_WITNESS_SET] = "witness-set",
          [COMMAND_WITNESS_REMOVE] = "witness-remove",
          [COMMAND_VOLUME_MOVE] = "volume-move",
          [COMMAND_VOLUME_MAINTAIN] = "volume-maintain",
          [COMMAND_VOLUME_RESUME] = "volume-resume",
          [COMMAND_QUORUM_FORCE] = "quorum-force",
          [COMMAND_ROLE_COPY] = "role-copy",
          [COMMAND_ROLE_COPY_ABORT] = "role-copy-abort",
          [COMMAND_COPY_REPORT] = "copy-report",
          [COMMAND_ROLE_RELOCATE] = "role-relocate",
          [COMMAND_ROLE_REDIRECT] = "role-redirect",
          [COMMAND_ROLE_REDIRECT_END] = "role-redirect-end",
          [COMMAND_REDIRECT_REPORT] = "redirect-report")

ENUM_TEXT(redirect_report, REDIRECT_REPORT_COUNT,
          [REDIRECT_REPORT_OPENED] = "opened",
          [REDIRECT_REPORT_SERVED] = "served",
          [REDIRECT_REPORT_RETURNED] = "returned",
          [REDIRECT_REPORT_FAILED] = "failed",
          [REDIRECT_REPORT_CLOSED] = "closed")

ENUM_TEXT(copy_report, COPY_REPORT_COUNT,
          [COPY_REPORT_HELD] = "held",
          [COPY_REPORT_DONE] = "done",
          [COPY_REPORT_FAILED] = "failed",
          [COPY_REPORT_CLEARED] = "cleared")

ENUM_TEXT(report_kind, REPORT_COUNT,
          [REPORT_RUNNING] = "running",
          [REPORT_STOPPED] = "stopped",
          [REPORT_SHUT_DOWN] = "shut-down",
          [REPORT_FAILED] = "failed",
          [REPORT_START_FAILED] = "start-failed",
          [REPORT_ABSENT] = "absent",
          [REPORT_STABLE] = "stable",
          [REPORT_STALLED] = "stalled",
          [REPORT_RESUMED] = "resumed")
/* clang-format on */

/* The role's name, NULL if the command is not about a role. */
static const char *command_role_name(const struct command *command)
{
        switch (command->kind) {
        case COMMAND_ROLE_ASSIGN:
                return command->role_assign.role;
        case COMMAND_ROLE_MOVE:
                return command->role_move.role;
        case COMMAND_ROLE_REPORT:
                return command->role_report.role;
        case COMMAND_ROLE_ADD:
                return command->role_add.role.name;
        case COMMAND_ROLE_SET:
                return command->role_set.role.name;
        case COMMAND_ROLE_START:
        case COMMAND_ROLE_STOP:
        case COMMAND_ROLE_REMOVE:
        case COMMAND_ROLE_COPY_ABORT:
                return command->role.role;
        case COMMAND_ROLE_COPY:
                return command->role_copy.role;
        case COMMAND_COPY_REPORT:
                return command->copy_report.role;
        case COMMAND_ROLE_RELOCATE:
                return command->role_relocate.role;
        case COMMAND_ROLE_REDIRECT:
                return command->role_redirect.role;
        case COMMAND_ROLE_REDIRECT_END:
                return command->role_redirect_end.role;
        case COMMAND_REDIRECT_REPORT:
                return command->redirect_report.role;
        case COMMAND_EPOCH:
        case COMMAND_VOTER_SET:
        case COMMAND_NODE_LOST:
        case COMMAND_NODE_EVIDENCE:
        case COMMAND_NODE_DRAINED:
        case COMMAND_NODE_JOIN:
        case COMMAND_CLUSTER_SET:
        case COMMAND_CLUSTER_PAUSE:
        case COMMAND_CLUSTER_RESUME:
        case COMMAND_NODE_DRAIN:
        case COMMAND_NODE_RESUME:
        case COMMAND_NODE_CONFIRM_OFF:
        case COMMAND_FENCE_ADD:
        case COMMAND_FENCE_REMOVE:
        case COMMAND_NODE_FENCE:
        case COMMAND_FENCE_REPORT:
        case COMMAND_FENCE_TEST:
        case COMMAND_FENCE_TESTED:
        case COMMAND_NODE_QUARANTINE:
        case COMMAND_NODE_RELEASE:
        case COMMAND_VOLUME_ADD:
        case COMMAND_VOLUME_REMOVE:
        case COMMAND_VOLUME_READY:
        case COMMAND_VOLUME_DROP:
        case COMMAND_VOLUME_MOVE:
        case COMMAND_VOLUME_MAINTAIN:
        case COMMAND_VOLUME_RESUME:
        case COMMAND_VOLUME_REPORT:
        case COMMAND_WITNESS_SET:
        case COMMAND_WITNESS_REMOVE:
        case COMMAND_QUORUM_FORCE:
        case COMMAND_QUORUM_SET:
        case COMMAND_NODE_EVICT:
        case COMMAND_COUNT:
                break;
        }
        return NULL;
}

/* The node's id, NODE_NONE if the command is not about a node. */
static uint32_t command_node_id(const struct command *command)
{
        switch (command->kind) {
        case COMMAND_NODE_LOST:
        case COMMAND_NODE_DRAINED:
        case COMMAND_NODE_DRAIN:
        case COMMAND_NODE_RESUME:
        case COMMAND_NODE_CONFIRM_OFF:
        case COMMAND_NODE_FENCE:
        case COMMAND_NODE_QUARANTINE:
        case COMMAND_NODE_RELEASE:
        case COMMAND_NODE_EVICT:
                return command->node.node;
        case COMMAND_NODE_EVIDENCE:
                return command->node_evidence.node;
        case COMMAND_FENCE_REPORT:
                return command->fence_report.node;
        case COMMAND_FENCE_TEST:
                return command->fence_test.node;
        case COMMAND_FENCE_TESTED:
                return command->fence_tested.node;
        case COMMAND_NODE_JOIN:
                return command->node_join.node;
        case COMMAND_QUORUM_SET:
                return command->quorum_set.node;
        case COMMAND_EPOCH:
        case COMMAND_VOTER_SET:
        case COMMAND_CLUSTER_SET:
        case COMMAND_CLUSTER_PAUSE:
        case COMMAND_CLUSTER_RESUME:
        case COMMAND_ROLE_ASSIGN:
        case COMMAND_ROLE_MOVE:
        case COMMAND_ROLE_REPORT:
        case COMMAND_ROLE_ADD:
        case COMMAND_ROLE_SET:
        case COMMAND_ROLE_START:
        case COMMAND_ROLE_STOP:
        case COMMAND_ROLE_REMOVE:
        case COMMAND_ROLE_COPY:
        case COMMAND_ROLE_COPY_ABORT:
        case COMMAND_COPY_REPORT:
        case COMMAND_ROLE_RELOCATE:
        case COMMAND_ROLE_REDIRECT:
        case COMMAND_ROLE_REDIRECT_END:
        case COMMAND_REDIRECT_REPORT:
        case COMMAND_FENCE_ADD:
        case COMMAND_FENCE_REMOVE:
        case COMMAND_VOLUME_ADD:
        case COMMAND_VOLUME_REMOVE:
        case COMMAND_VOLUME_READY:
        case COMMAND_VOLUME_DROP:
        case COMMAND_VOLUME_MOVE:
        case COMMAND_VOLUME_MAINTAIN:
        case COMMAND_VOLUME_RESUME:
        case COMMAND_VOLUME_REPORT:
        case COMMAND_WITNESS_SET:
        case COMMAND_WITNESS_REMOVE:
        case COMMAND_QUORUM_FORCE:
        case COMMAND_COUNT:
                break;
        }
        return NODE_NONE;
}

/* The volume's name, NULL if the command is not about a volume. */
static const char *command_volume_name(const struct command *command)
{
        if (command->kind == COMMAND_VOLUME_ADD)
                return command->volume_add.name;
        if (command->kind == COMMAND_VOLUME_REPORT)
                return command->volume_report.volume;
        if (command->kind == COMMAND_VOLUME_MOVE)
                return command->volume_move.volume;
        if (command->kind == COMMAND_VOLUME_REMOVE || command->kind == COMMAND_VOLUME_READY ||
            command->kind == COMMAND_VOLUME_DROP || command->kind == COMMAND_VOLUME_MAINTAIN ||
            command->kind == COMMAND_VOLUME_RESUME)
                return command->volume.volume;
        return NULL;
}

void command_subject(const struct command *command, char *subject, size_t subject_bytes)
{
        assert(command->kind < COMMAND_COUNT);

        const char *role = command_role_name(command), *volume = command_volume_name(command);
        uint32_t node = command_node_id(command);
        if (role != NULL)
                (void)snprintf(subject, subject_bytes, "role:%s", role);
        else if (node != NODE_NONE)
                (void)snprintf(subject, subject_bytes, "node:%u", node);
        else if (volume != NULL)
                (void)snprintf(subject, subject_bytes, "volume:%s", volume);
        else if (command->kind == COMMAND_FENCE_ADD)
                (void)snprintf(subject, subject_bytes, "fence:%s", command->fence_add.name);
        else if (command->kind == COMMAND_FENCE_REMOVE)
                (void)snprintf(subject, subject_bytes, "fence:%s", command->fence_remove.device);
        else
                (void)snprintf(subject, subject_bytes, "cluster");
}
