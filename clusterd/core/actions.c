/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

#include "clusterd/base/text.h"

struct cluster_action *action_add(struct cluster *cluster, enum cluster_action_kind kind, const char *reason,
                                  ...)
{
        struct cluster_actions *actions = cluster->actions;
        assert(actions->count < CLUSTER_ACTIONS_MAX);
        struct cluster_action *action = &actions->item[actions->count++];
        memset(action, 0, sizeof *action);
        action->kind = kind;

        va_list arguments;
        va_start(arguments, reason);
        (void)vsnprintf(action->reason, sizeof action->reason, reason, arguments);
        va_end(arguments);
        return action;
}

struct message *action_message(struct cluster *cluster, enum message_kind kind)
{
        struct cluster_actions *actions = cluster->actions;
        assert(actions->message_count < CLUSTER_MESSAGES_MAX);
        struct message *message = &actions->messages[actions->message_count];
        memset(message, 0, sizeof *message);
        message->kind = kind;
        message->round = cluster->round.id;
        action_add(cluster, CLUSTER_ACTION_MULTICAST, "%s", message_kind_name(kind))->message =
                actions->message_count++;
        return message;
}

void wake_at(struct cluster *cluster, uint64_t at_ms)
{
        if (at_ms < cluster->wake_ms)
                cluster->wake_ms = at_ms;
}

uint32_t role_slot(const struct cluster *cluster, const struct role *role)
{
        return (uint32_t)(role - cluster->model->roles);
}

void look_later(struct cluster *cluster, uint32_t slot, uint64_t when_ms)
{
        if (cluster->later.count == 0 || when_ms < cluster->later_ms)
                cluster->later_ms = when_ms;
        slot_list_add(&cluster->later, slot);
}
