/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include <string.h>

#include "clusterd/base/text.h"

/* Commands of this node's clients, from the request to the answer. */

#define PATIENCE_MS     5000  /* for an epoch to begin */
#define CONFIRMATION_MS 20000 /* for a majority to store it */

static void reply(struct cluster *cluster, uint64_t token, enum reply_outcome outcome, uint64_t index,
                  const char *reason)
{
        struct cluster_action *action = action_add(cluster, CLUSTER_ACTION_REPLY, "%s", reason);
        action->reply.token = token;
        action->reply.outcome = outcome;
        action->reply.index = index;
}

static void finish(struct cluster *cluster, struct pending *pending, enum reply_outcome outcome,
                   uint64_t index, const char *reason)
{
        reply(cluster, pending->token, outcome, index, reason);
        pending->used = false;
        cluster->pending_count--;
}

static uint64_t propose_as(struct cluster *cluster, uint64_t count, const char *actor,
                           const struct command *command)
{
        /* Room is kept for the messages of the protocol itself. */
        if (!round_may_propose(cluster) || cluster->actions->message_count > CLUSTER_MESSAGES_MAX - 16)
                return 0;
        struct message_propose *message = &action_message(cluster, MESSAGE_PROPOSE)->propose;
        message->time_ms = cluster->wall_ms;
        message->request = (struct request_id){
                .node = cluster->identity.node,
                .incarnation = cluster->identity.incarnation,
                .count = count,
        };
        TEXT_COPY(message->actor, actor);
        message->command = *command;
        return count;
}

uint64_t propose(struct cluster *cluster, const char *actor, const struct command *command)
{
        uint64_t count = propose_as(cluster, cluster->proposals + 1, actor, command);
        if (count != 0)
                cluster->proposals = count;
        return count;
}

void pending_request(struct cluster *cluster, uint64_t token, const char *actor,
                     const struct command *command)
{
        struct pending *free_one = NULL;
        for (size_t i = 0; i < PENDING_MAX && free_one == NULL; i++)
                if (!cluster->pending[i].used)
                        free_one = &cluster->pending[i];
        if (free_one == NULL) {
                reply(cluster, token, REPLY_BUSY, 0,
                      "too many requests at once on this node: nothing was done, try again");
                return;
        }
        struct command settled = *command;
        char binds[REASON_BYTES];
        if (!planner_settle_target(cluster->model, &settled, binds)) {
                reply(cluster, token, REPLY_REFUSED, 0, binds);
                return;
        }
        *free_one = (struct pending){
                .used = true,
                .token = token,
                .count = ++cluster->proposals,
                .since_ms = cluster->now_ms,
                .command = settled,
        };
        TEXT_COPY(free_one->actor, actor);
        cluster->pending_count++;
}

void pending_applied(struct cluster *cluster, const struct entry *entry, const struct apply *apply)
{
        for (size_t i = 0; cluster->pending_count > 0 && i < PENDING_MAX; i++) {
                struct pending *pending = &cluster->pending[i];
                if (!pending->used || pending->count != entry->request.count)
                        continue;
                enum reply_outcome outcome = apply->outcome == APPLY_DONE      ? REPLY_DONE
                                             : apply->outcome == APPLY_REFUSED ? REPLY_REFUSED
                                                                               : REPLY_NO_OBJECT;
                finish(cluster, pending, outcome, entry->index, apply->reason);
                return;
        }
}

void pending_dropped(struct cluster *cluster, const struct entry *entry)
{
        for (size_t i = 0; cluster->pending_count > 0 && i < PENDING_MAX; i++)
                if (cluster->pending[i].used && cluster->pending[i].count == entry->request.count)
                        cluster->pending[i].sent = false;
}

void pending_round_ended(struct cluster *cluster)
{
        for (size_t i = 0; cluster->pending_count > 0 && i < PENDING_MAX; i++) {
                struct pending *pending = &cluster->pending[i];
                pending->sent_before |= pending->used && pending->sent;
                pending->sent = false;
        }
}

static void give_up(struct cluster *cluster, struct pending *pending)
{
        if (pending->sent || pending->sent_before)
                finish(cluster, pending, REPLY_NO_QUORUM, 0,
                       "no quorum: it was sent, but a majority has not confirmed it; it may still come to "
                       "pass");
        else if (cluster->round.phase == ROUND_ACTIVE)
                finish(cluster, pending, REPLY_NO_QUORUM, 0,
                       "this node is still being brought level: nothing was changed; ask another node");
        else
                finish(cluster, pending, REPLY_NO_QUORUM, 0, "no quorum: nothing was changed");
}

static void tick_one(struct cluster *cluster, struct pending *pending)
{
        uint64_t patience = pending->sent ? CONFIRMATION_MS : PATIENCE_MS;
        if (cluster->round.phase == ROUND_REFUSED || cluster->now_ms - pending->since_ms >= patience) {
                give_up(cluster, pending);
                return;
        }
        if (pending->command.kind == COMMAND_NODE_CONFIRM_OFF && !pending->sent &&
            node_set_has(cluster->round.connected, pending->command.node.node)) {
                finish(cluster, pending, REPLY_REFUSED, 0, "that node is connected: it is not off");
                return;
        }
        /* What was sent in an earlier round and is in its history was applied before this epoch became
         * active. */
        if (!pending->sent && round_is_active(cluster)) {
                pending->sent = propose_as(cluster, pending->count, pending->actor, &pending->command) != 0;
                if (!pending->sent)
                        wake_at(cluster, cluster->now_ms + 1);
        }
        wake_at(cluster, pending->since_ms + patience);
}

void pending_tick(struct cluster *cluster)
{
        uint32_t left = cluster->pending_count;
        for (size_t i = 0; left > 0 && i < PENDING_MAX; i++)
                if (cluster->pending[i].used) {
                        left--;
                        tick_one(cluster, &cluster->pending[i]);
                }
}
