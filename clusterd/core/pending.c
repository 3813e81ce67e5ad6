/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include <string.h>

#include "clusterd/base/text.h"

/*
 * Commands of this node's clients, from the request to the answer.
 *
 * They go in batches: while some are on their way the others wait, and then
 * leave together, so that messages, transactions and wake-ups of all nodes are
 * paid once a batch. A client that is alone never waits for others.
 */

#define PATIENCE_MS     5000  /* for an epoch to begin */
#define CONFIRMATION_MS 20000 /* for a majority to store it */
#define HOLD_MS         1000  /* others wait for what is on its way */
#define REGATHER_MS     10    /* for those who were just answered to come with their next */

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

void pending_refuse(struct cluster *cluster, struct pending *pending, const char *why)
{
        finish(cluster, pending, REPLY_REFUSED, 0, why);
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

void pending_snapshot(struct cluster *cluster)
{
        for (size_t i = 0; cluster->pending_count > 0 && i < PENDING_MAX; i++) {
                struct pending *pending = &cluster->pending[i];
                if (pending->used && (pending->sent || pending->sent_before))
                        give_up(cluster, pending);
        }
}

/* A node that does not follow the ledger would go on by the longer times, in contact or not. */
static bool may_shorten_guard(const struct cluster *cluster, const struct command_cluster_set *set,
                              char reason[REASON_BYTES])
{
        const struct round *round = &cluster->round;
        const struct settings *settings = &cluster->model->settings;
        struct settings next = settings_changed(settings, set);
        if (!round_is_active(cluster) || settings_guard_ms(&next) >= settings_guard_ms(settings))
                return true;
        MODEL_EACH_NODE (cluster->model, node) {
                if (node->state != NODE_UP ||
                    node_set_has(round->level & round->members & round->connected, node->id))
                        continue;
                (void)snprintf(
                        reason, REASON_BYTES,
                        "%s does not follow the ledger now and would go on by the longer times: wait until "
                        "it does",
                        node->name);
                return false;
        }
        return true;
}

/* What the ledger cannot know and this node sees; looked at when it is sent. */
static bool may_be_sent(const struct cluster *cluster, const struct command *command,
                        char reason[REASON_BYTES])
{
        if (command->kind == COMMAND_CLUSTER_SET)
                return may_shorten_guard(cluster, &command->cluster_set, reason);
        if (command->kind != COMMAND_NODE_CONFIRM_OFF ||
            !node_set_has(cluster->round.connected, command->node.node))
                return true;
        (void)snprintf(reason, REASON_BYTES, "that node is connected: it is not off");
        return false;
}

/* The one command that a node takes without a quorum, and only then: force.c. False: it is answered. */
static bool tick_force(struct cluster *cluster, struct pending *pending)
{
        if (cluster->round.phase == ROUND_ACTIVE) {
                pending_refuse(cluster, pending, "there is a quorum: nothing has to be forced");
                return false;
        }
        return true;
}

/* False: it is answered. */
static bool tick_one(struct cluster *cluster, struct pending *pending)
{
        uint64_t patience = pending->sent ? CONFIRMATION_MS : PATIENCE_MS;
        bool force = pending->command.kind == COMMAND_QUORUM_FORCE;
        if (force && !tick_force(cluster, pending))
                return false;
        if ((cluster->round.phase == ROUND_REFUSED && !force) ||
            cluster->now_ms - pending->since_ms >= patience) {
                give_up(cluster, pending);
                return false;
        }
        char reason[REASON_BYTES];
        if (!pending->sent && !may_be_sent(cluster, &pending->command, reason)) {
                finish(cluster, pending, REPLY_REFUSED, 0, reason);
                return false;
        }
        wake_at(cluster, pending->since_ms + patience);
        return true;
}

/* The last of a batch is answered. */
static void batch_done(struct cluster *cluster, uint32_t waiting)
{
        uint32_t clients = cluster->batch_size + waiting;
        cluster->batch_target = clients > cluster->batch_target / 2 ? clients : cluster->batch_target / 2;
        cluster->batch_done_ms = cluster->now_ms;
}

/*
 * Those who were just answered are likely to ask again: the next batch is held open for them, no longer than
 * the last one took. What is still on its way may have been lost: it holds up nobody for long.
 */
static bool batch_is_due(struct cluster *cluster, uint32_t waiting)
{
        uint64_t took_ms = cluster->batch_done_ms - cluster->batch_sent_ms;
        uint64_t due_ms = cluster->batch_sent
                                  ? cluster->batch_sent_ms + HOLD_MS
                                  : cluster->batch_done_ms + (took_ms < REGATHER_MS ? took_ms : REGATHER_MS);
        if ((!cluster->batch_sent && waiting >= cluster->batch_target) || cluster->now_ms >= due_ms)
                return true;
        wake_at(cluster, due_ms);
        return false;
}

/*
 * What was sent in an earlier round and is in its history was applied before this epoch became active, or is
 * part of a snapshot: then nobody here knows, and it is not sent again (pending_snapshot).
 */
static void send_batch(struct cluster *cluster, uint32_t waiting)
{
        cluster->batch_size = 0;
        cluster->batch_sent_ms = cluster->now_ms;
        for (size_t i = 0; waiting > 0 && i < PENDING_MAX; i++) {
                struct pending *pending = &cluster->pending[i];
                if (!pending->used || pending->sent)
                        continue;
                waiting--;
                pending->sent = propose_as(cluster, pending->count, pending->actor, &pending->command) != 0;
                pending->sent_ms = cluster->now_ms;
                cluster->batch_size += pending->sent;
        }
        if (cluster->batch_size == 0)
                wake_at(cluster, cluster->now_ms + 1);
}

void pending_tick(struct cluster *cluster)
{
        uint32_t left = cluster->pending_count, waiting = 0;
        bool was_sent = cluster->batch_sent;
        cluster->batch_sent = false;
        for (size_t i = 0; left > 0 && i < PENDING_MAX; i++) {
                struct pending *pending = &cluster->pending[i];
                if (!pending->used)
                        continue;
                left--;
                if (!tick_one(cluster, pending))
                        continue;
                cluster->batch_sent |= pending->sent && pending->sent_ms == cluster->batch_sent_ms;
                waiting += !pending->sent;
        }
        if (was_sent && !cluster->batch_sent)
                batch_done(cluster, waiting);
        if (waiting == 0 || !round_is_active(cluster) || !batch_is_due(cluster, waiting))
                return;
        send_batch(cluster, waiting);
        cluster->batch_sent |= cluster->batch_size > 0;
}
