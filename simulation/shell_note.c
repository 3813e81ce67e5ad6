/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A core's actions in words, for the transcript. */

#include <inttypes.h>

#include "clusterd/base/text.h"
#include "simulation/world.h"

static const char *const action_names[CLUSTER_ACTION_COUNT] = {
        [CLUSTER_ACTION_MULTICAST] = "multicast",
        [CLUSTER_ACTION_APPEND] = "append",
        [CLUSTER_ACTION_TRUNCATE] = "truncate",
        [CLUSTER_ACTION_PROMISE] = "promise",
        [CLUSTER_ACTION_PUT_OBJECT] = "put",
        [CLUSTER_ACTION_DELETE_OBJECT] = "delete",
        [CLUSTER_ACTION_APPLIED] = "applied",
        [CLUSTER_ACTION_RESET] = "reset",
        [CLUSTER_ACTION_RESTART] = "restart",
        [CLUSTER_ACTION_SHUT_DOWN] = "shut-down",
        [CLUSTER_ACTION_SEND_ENTRIES] = "send-entries",
        [CLUSTER_ACTION_SEND_SNAPSHOT] = "send-snapshot",
        [CLUSTER_ACTION_REPLY] = "reply",
        [CLUSTER_ACTION_START] = "start",
        [CLUSTER_ACTION_STOP] = "stop",
        [CLUSTER_ACTION_MOVE] = "move",
        [CLUSTER_ACTION_PREPARE] = "prepare",
        [CLUSTER_ACTION_CONFIRM] = "confirm",
        [CLUSTER_ACTION_PREEMPT] = "preempt",
        [CLUSTER_ACTION_ANNOUNCE] = "announce",
        [CLUSTER_ACTION_LIST] = "list",
        [CLUSTER_ACTION_FENCE] = "fence",
        [CLUSTER_ACTION_FENCE_END] = "fence-end",
        [CLUSTER_ACTION_LOOK] = "look",
        [CLUSTER_ACTION_LEASE] = "lease",
        [CLUSTER_ACTION_SIGHT] = "sight",
        [CLUSTER_ACTION_REVOKE] = "revoke",
        [CLUSTER_ACTION_FORGET_WITNESS] = "forget-witness",
        [CLUSTER_ACTION_WITNESS] = "witness",
        [CLUSTER_ACTION_ATTEND_QNETD] = "attend-qnetd",
        [CLUSTER_ACTION_FORGET_VOLUME] = "forget-volume",
        [CLUSTER_ACTION_GUARD] = "guard",
        [CLUSTER_ACTION_LOG] = "log",
        [CLUSTER_ACTION_COPY] = "copy",
        [CLUSTER_ACTION_RESUME] = "resume",
        [CLUSTER_ACTION_REDIRECT] = "redirect",
        [CLUSTER_ACTION_RETURN] = "return",
        [CLUSTER_ACTION_EXPORT] = "export",
};

const char *shell_action_name(enum cluster_action_kind kind)
{
        return action_names[kind];
}

static void note_multicast(struct world *world, struct simulated_node *node, const struct message *message)
{
        char subject[NAME_BYTES + 8] = "", detail[120] = "";
        if (message->kind == MESSAGE_PROPOSE) {
                command_subject(&message->propose.command, subject, sizeof(subject));
                TEXT_PRINT(detail, "%s %s", command_kind_name(message->propose.command.kind), subject);
        } else if (message->kind == MESSAGE_STATE) {
                const struct message_state *state = &message->state;
                TEXT_PRINT(detail, "last %" PRIu64 ".%" PRIu64 " applied %" PRIu64 " promised %" PRIu64 "%s",
                           state->last.epoch, state->last.index, state->applied.index, state->promised,
                           state->blank ? " blank" : "");
        } else if (message->kind == MESSAGE_DECIDE) {
                const struct message_decide *decide = &message->decide;
                TEXT_PRINT(detail,
                           "%sprimary epoch %" PRIu64 " leader n%u base %" PRIu64 ".%" PRIu64
                           " level %" PRIx64 " of %" PRIx64,
                           decide->primary                      ? ""
                           : decide->witness || decide->claimed ? "by the witness "
                                                                : "not ",
                           decide->epoch, decide->leader, decide->base.epoch, decide->base.index,
                           decide->level, decide->participants);
        } else if (message->kind == MESSAGE_WITNESS) {
                TEXT_PRINT(detail, "%s epoch %" PRIu64 " %s %.60s",
                           message->witness.advanced ? "begins" : "promises", message->witness.epoch,
                           message->witness.granted ? "granted" : "refused", message->witness.text);
        } else if (message->kind == MESSAGE_STORED) {
                TEXT_PRINT(detail, "%" PRIu64, message->stored_index);
        }
        world_note(world, node, "-> multicast %s %s", message_kind_name(message->kind), detail);
}

void shell_note(struct world *world, struct simulated_node *node, const struct cluster_action *action)
{
        const char *name = action_names[action->kind];
        switch (action->kind) {
        case CLUSTER_ACTION_MULTICAST:
                note_multicast(world, node, &world->actions->messages[action->message]);
                return;
        case CLUSTER_ACTION_APPEND:
                world_note(world, node, "-> append %" PRIu64 ".%" PRIu64 " by n%u (%s)", action->entry->epoch,
                           action->entry->index, action->entry->request.node, action->entry->actor);
                return;
        case CLUSTER_ACTION_TRUNCATE:
                world_note(world, node, "-> truncate after %" PRIu64, action->index);
                return;
        case CLUSTER_ACTION_PROMISE:
                world_note(world, node, "-> promise %" PRIu64, action->promised);
                return;
        case CLUSTER_ACTION_PUT_OBJECT:
        case CLUSTER_ACTION_DELETE_OBJECT:
                world_note(world, node, "-> %s %s %s", name, object_kind_name(action->object.kind),
                           action->object.name);
                return;
        case CLUSTER_ACTION_APPLIED:
                world_note(world, node, "-> applied %" PRIu64 ".%" PRIu64, action->applied.epoch,
                           action->applied.index);
                return;
        case CLUSTER_ACTION_SEND_ENTRIES:
        case CLUSTER_ACTION_SEND_SNAPSHOT:
                world_note(world, node, "-> %s to n%u %" PRIu64 "-%" PRIu64, name, action->send.to,
                           action->send.first, action->send.last);
                return;
        case CLUSTER_ACTION_REPLY:
                world_note(world, node, "-> reply %" PRIu64 " outcome %d index %" PRIu64 ": %s",
                           action->reply.token, (int)action->reply.outcome, action->reply.index,
                           action->reason);
                return;
        case CLUSTER_ACTION_START:
        case CLUSTER_ACTION_STOP:
        case CLUSTER_ACTION_MOVE:
        case CLUSTER_ACTION_PREPARE:
        case CLUSTER_ACTION_ANNOUNCE:
        case CLUSTER_ACTION_RESUME:
        case CLUSTER_ACTION_REDIRECT:
        case CLUSTER_ACTION_RETURN:
        case CLUSTER_ACTION_EXPORT:
                world_note(world, node, "-> %s %s generation %" PRIu64 " to n%u: %s", name, action->role.name,
                           action->role.generation, action->role.node, action->reason);
                return;
        case CLUSTER_ACTION_COPY:
                world_note(world, node, "-> copy %s order %d: %s", action->copy.role, (int)action->copy.order,
                           action->reason);
                return;
        case CLUSTER_ACTION_CONFIRM:
                world_note(world, node, "-> confirm %s generation %" PRIu64 ": %s", action->confirm.role,
                           action->confirm.generation, action->reason);
                return;
        case CLUSTER_ACTION_FENCE:
                world_note(world, node, "-> fence n%u by %s: %s", action->fence.node,
                           action->fence.device->name, action->reason);
                return;
        case CLUSTER_ACTION_FENCE_END:
                world_note(world, node, "-> fence agents ended: %s", action->reason);
                return;
        case CLUSTER_ACTION_GUARD:
                world_note(world, node, "-> guard %s: %s", action->guard.armed ? "on" : "off",
                           action->reason);
                return;
        case CLUSTER_ACTION_RESET:
        case CLUSTER_ACTION_RESTART:
        case CLUSTER_ACTION_SHUT_DOWN:
        case CLUSTER_ACTION_LIST:
        case CLUSTER_ACTION_LOG:
        case CLUSTER_ACTION_PREEMPT:
        case CLUSTER_ACTION_LOOK:
        case CLUSTER_ACTION_LEASE:
        case CLUSTER_ACTION_SIGHT:
        case CLUSTER_ACTION_REVOKE:
        case CLUSTER_ACTION_FORGET_VOLUME:
        case CLUSTER_ACTION_WITNESS:
        case CLUSTER_ACTION_FORGET_WITNESS:
        case CLUSTER_ACTION_ATTEND_QNETD:
        case CLUSTER_ACTION_COUNT:
                world_note(world, node, "-> %s: %s", name, action->reason);
                return;
        }
}
