/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include <string.h>

#include "clusterd/base/mutation.h"

/*
 * Bringing laggards level: missing entries, or a snapshot when those are gone.
 *
 * During a round the leader sends the few entries that somebody lacks, and
 * waits. A node that lacks more is left behind, catches up with what is
 * committed while the epoch runs, and asks for a round when it is near.
 */

#define ASK_MS 300 /* without an answer, or since the last piece of one */

void catch_up_serve(struct cluster *cluster, uint32_t to, uint64_t applied_index, uint64_t last_index)
{
        if (applied_index >= last_index)
                return;
        struct cluster_action *action =
                action_add(cluster, CLUSTER_ACTION_SEND_ENTRIES, "node %u lacks entries after %llu", to,
                           (unsigned long long)applied_index);
        action->send.round = cluster->round.id;
        action->send.to = to;
        action->send.first = applied_index + 1;
        action->send.last = last_index;
}

static void on_catch_up(struct cluster *cluster, uint32_t sender, const struct message_catch_up *catch_up)
{
        if (!round_is_leader(cluster) || node_set_has(cluster->round.level, sender))
                return;
        const struct ledger *ledger = &cluster->ledger;
        bool blank = cluster->round.states[sender].blank && catch_up->applied_index == 0;
        bool parted = catch_up->forced != force_of_history(cluster) && !MUTATED(PARTED_BY_ENTRIES);
        bool kept = ledger->first_index != 0 && catch_up->applied_index + 1 >= ledger->first_index;
        if (!blank && !parted && (kept || catch_up->applied_index >= ledger->applied.index)) {
                catch_up_serve(cluster, sender, catch_up->applied_index, ledger->applied.index);
                return;
        }
        struct cluster_action *action = action_add(cluster, CLUSTER_ACTION_SEND_SNAPSHOT,
                                                   "node %u lacks what is kept no more", sender);
        action->send.round = cluster->round.id;
        action->send.to = sender;
}

static void append(struct cluster *cluster, const struct entry *entry)
{
        ledger_append(&cluster->ledger, entry);
        action_add(cluster, CLUSTER_ACTION_APPEND, "catching up")->entry =
                ledger_entry(&cluster->ledger, entry->index);
        guard_voters_appended(cluster, entry);
}

static bool is_laggard(const struct cluster *cluster)
{
        return (cluster->round.phase == ROUND_LEVEL &&
                !node_set_has(cluster->round.decide.level, cluster->identity.node)) ||
               ((cluster->round.phase == ROUND_BEGINNING || cluster->round.phase == ROUND_ACTIVE) &&
                !node_set_has(cluster->round.level, cluster->identity.node));
}

static void on_entry(struct cluster *cluster, const struct entry *entry)
{
        struct ledger *ledger = &cluster->ledger;
        if (!is_laggard(cluster) || ledger->blank || force_has_parted(cluster))
                return;
        cluster->round.catch_up_ms = cluster->now_ms;
        switch (ledger_fit(ledger, entry)) {
        case LEDGER_FIT_KNOWN:
                break;
        case LEDGER_FIT_DIVERGES:
                if (MUTATED(TAIL_KEPT))
                        break;
                /* Our own tail was never committed: nothing was done about it. */
                ledger_truncate(ledger, entry->index - 1);
                action_add(cluster, CLUSTER_ACTION_TRUNCATE, "another history was committed after %llu",
                           (unsigned long long)(entry->index - 1))
                        ->index = MUTATED(TAIL_KEPT_ON_DISK) ? UINT64_MAX : entry->index - 1;
                append(cluster, entry);
                break;
        case LEDGER_FIT_NEXT:
                if (!ledger_tail_full(ledger))
                        append(cluster, entry);
                break;
        case LEDGER_FIT_GAP:
                break; /* will be asked for again */
        case LEDGER_FIT_BROKEN:
                action_add(cluster, CLUSTER_ACTION_LOG,
                           "entry %llu does not follow from what this node holds",
                           (unsigned long long)entry->index);
                break;
        }
        /* In an active epoch only committed entries are sent; in a round, up to what the leader has applied.
         */
        const struct round *round = &cluster->round;
        bool committed = round->phase == ROUND_ACTIVE || MUTATED(UNCOMMITTED_APPLIED) ||
                         (round->phase == ROUND_LEVEL &&
                          entry->index <= round->states[round->decide.leader].applied.index);
        if (committed && entry->index == ledger->applied.index + 1 && ledger->last.index >= entry->index &&
            memcmp(ledger_entry(ledger, entry->index)->hash, entry->hash, HASH_BYTES) == 0)
                commit_apply_next(cluster);
}

static void on_snapshot_begin(struct cluster *cluster, const struct ledger_position *at)
{
        action_add(cluster, CLUSTER_ACTION_RESET, "a snapshot at %llu replaces what this node holds",
                   (unsigned long long)at->index);
        if (!MUTATED(SLOTS_REMEMBERED))
                observe_forget(cluster);
        cluster->half_replaced |= !cluster->ledger.blank;
        model_clear(cluster->model);
        slot_list_clear(&cluster->changes.roles);
        ledger_restart_at(&cluster->ledger, &(struct ledger_position){ .index = 0 });
        cluster->ledger.blank = !MUTATED(HALF_A_SNAPSHOT_VOTES);
        cluster->snapshot_running = true;
        cluster->snapshot_at = *at;
}

static void on_snapshot_object(struct cluster *cluster, const struct object *object)
{
        struct changes *changes = &cluster->changes;
        if (model_put(cluster->model, object) < 0) {
                cluster->snapshot_running = false; /* larger limits there than here: never level */
                action_add(cluster, CLUSTER_ACTION_LOG,
                           "the snapshot holds more than this node has room for");
                return;
        }
        const struct model *model = cluster->model;
        switch (object->kind) {
        case OBJECT_SETTINGS:
                changes->settings = true;
                break;
        case OBJECT_NODE:
                changes->nodes |= node_set_of(object->node.id);
                break;
        case OBJECT_ROLE: {
                uint32_t slot = role_slot(cluster, model_role(model, object->role.name));
                slot_list_add(&changes->roles, slot);
                observe_doubt(cluster, slot);
                break;
        }
        case OBJECT_FENCE_DEVICE: {
                size_t slot =
                        (size_t)(model_fence_device(model, object->fence_device.name) - model->fence_devices);
                changes->fence_devices[slot / 64] |= UINT64_C(1) << slot % 64;
                break;
        }
        case OBJECT_VOLUME:
                changes->volumes |= node_set_of(object->volume.id);
                break;
        case OBJECT_COUNT:
                break;
        }
}

static void on_snapshot(struct cluster *cluster, const struct message *message)
{
        const struct message_snapshot *snapshot = &message->snapshot;
        if (snapshot->to != cluster->identity.node || !is_laggard(cluster))
                return;
        cluster->round.catch_up_ms = cluster->now_ms;
        /* Asked for before entries came: what is applied here is not given up for less. */
        bool is_older = !cluster->ledger.blank && !force_has_parted(cluster) &&
                        snapshot->at.index <= cluster->ledger.applied.index && !MUTATED(SNAPSHOT_OF_BEFORE);
        if (message->kind == MESSAGE_SNAPSHOT_BEGIN && !is_older)
                on_snapshot_begin(cluster, &snapshot->at);
        else if (!cluster->snapshot_running)
                return;
        else if (message->kind == MESSAGE_SNAPSHOT_OBJECT)
                on_snapshot_object(cluster, &snapshot->object);
        else if (message->kind == MESSAGE_SNAPSHOT_END &&
                 ledger_position_equal(&snapshot->at, &cluster->snapshot_at)) {
                cluster->snapshot_running = cluster->half_replaced = false;
                ledger_restart_at(&cluster->ledger, &snapshot->at);
                pending_snapshot(cluster);
                observe_snapshot_ended(cluster);
        }
}

/*
 * Nobody may go on, and the snapshot that was to replace what this node held is not here as a whole: what it
 * held still is in its store, and may be the history, or the vote, that lacks.
 */
void catch_up_give_up(struct cluster *cluster)
{
        if (cluster->half_replaced && !MUTATED(HALF_REPLACED_WAITS))
                action_add(cluster, CLUSTER_ACTION_RESTART,
                           "a snapshot broke off, and nobody may go on: what it was to replace is taken up "
                           "again");
}

void catch_up_message(struct cluster *cluster, uint32_t sender, const struct message *message)
{
        switch (message->kind) {
        case MESSAGE_CATCH_UP:
                on_catch_up(cluster, sender, &message->catch_up);
                break;
        case MESSAGE_ENTRY:
                if (message->entry.to == cluster->identity.node)
                        on_entry(cluster, &message->entry.entry);
                break;
        case MESSAGE_SNAPSHOT_BEGIN:
        case MESSAGE_SNAPSHOT_OBJECT:
        case MESSAGE_SNAPSHOT_DEFINITION:
        case MESSAGE_SNAPSHOT_END:
                on_snapshot(cluster, message);
                break;
        case MESSAGE_VIEW_OPEN:
        case MESSAGE_STATE:
        case MESSAGE_DECIDE:
        case MESSAGE_PROMISED:
        case MESSAGE_PROPOSE:
        case MESSAGE_STORED:
        case MESSAGE_HEARTBEAT:
        case MESSAGE_WITNESS:
        case MESSAGE_COUNT:
                break;
        }
}

/* Would a round make this laggard level? Then it may ask for one. */
static bool can_be_leveled(const struct cluster *cluster)
{
        const struct round *round = &cluster->round;
        uint64_t first = round->states[round->leader].first_index;
        uint64_t applied = cluster->ledger.applied.index;
        if (cluster->ledger.blank || cluster->store_failed ||
            cluster->store_index < cluster->ledger.last.index)
                return false;
        return applied <= round->position && round->position - applied <= ROUND_WAIT_GAP &&
               (applied == round->position || (first != 0 && applied + 1 >= first));
}

void catch_up_tick(struct cluster *cluster)
{
        struct round *round = &cluster->round;
        if (!is_laggard(cluster) || round->phase != ROUND_ACTIVE)
                return;
        uint64_t due = (round->catch_up_ms > round->phase_ms ? round->catch_up_ms : round->phase_ms) + ASK_MS;
        if (cluster->now_ms < due) {
                wake_at(cluster, due);
                return;
        }
        if (force_has_parted(cluster) && !force_may_be_leveled(cluster)) {
                wake_at(cluster, cluster->now_ms + ASK_MS);
                return;
        }
        round->catch_up_ms = cluster->now_ms;
        wake_at(cluster, cluster->now_ms + ASK_MS);
        bool took_part = node_set_has(round->decide.participants, cluster->identity.node);
        if (!force_has_parted(cluster) && (can_be_leveled(cluster) || (!took_part && !cluster->store_failed)))
                round_open(cluster, "this node is nearly level");
        else
                action_message(cluster, MESSAGE_CATCH_UP)->catch_up = (struct message_catch_up){
                        .applied_index = cluster->ledger.applied.index,
                        .forced = force_of_history(cluster),
                };
}
