/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include "clusterd/base/mutation.h"
#include "clusterd/base/text.h"

/*
 * Forced quorum: where a view has none, an operator lets this node go on alone.
 * Why that starts nothing twice, whatever becomes of the others, is in README.md.
 */

#define SETTLE_MS 3000 /* from the start of a daemon whose host boots, for corosync to find the others */
#define AGAIN_MS  1000 /* a round that was opened to force may have been overtaken by another */

/* Ordinary epochs count up by one: nobody gets there but by another force. */
#define FORCED_ABOVE 40 /* bits */
#define FORCED_NODE  32 /* and two who force at once have different numbers */

static uint64_t forced_epoch(const struct cluster *cluster, uint64_t next)
{
        if (MUTATED(FORCED_EPOCH_NEXT))
                return next;
        return (((next >> FORCED_ABOVE) + 1) << FORCED_ABOVE) +
               ((uint64_t)cluster->identity.node << FORCED_NODE) + 1;
}

uint64_t force_of_history(const struct cluster *cluster)
{
        const struct ledger *ledger = &cluster->ledger;
        uint64_t applied = cluster->model->settings.forced_epoch;
        if (ledger->blank)
                return 0;
        if (ledger->last.epoch >> FORCED_NODE == applied >> FORCED_NODE && !MUTATED(FORCED_EPOCH_NEXT))
                return applied; /* none stands in the tail: its number would show */
        for (uint64_t index = ledger->last.index; index > ledger->applied.index; index--) {
                const struct command *command = &ledger_entry(ledger, index)->command;
                if (command->kind == COMMAND_EPOCH && command->epoch.forced != 0)
                        return command->epoch.forced;
        }
        return applied;
}

/* --- who has parted, and what that forbids --- */

bool force_has_parted(const struct cluster *cluster)
{
        const struct round *round = &cluster->round;
        return round_is_primary(round) && !cluster->ledger.blank &&
               !node_set_has(round->decide.level | round->level, cluster->identity.node) &&
               round->decide.forced != force_of_history(cluster) && !MUTATED(PARTED_BY_ENTRIES);
}

static node_set all_others(const struct cluster *cluster)
{
        node_set all = 0;
        MODEL_EACH_NODE (cluster->model, node)
                all |= node_set_of(node->id);
        return all & ~node_set_of(cluster->identity.node);
}

/* Of whom this history does not know what they run, nor whether others decide over there. */
static node_set unproven(const struct cluster *cluster)
{
        const struct round *round = &cluster->round;
        uint64_t applied = cluster->model->settings.forced_epoch;
        bool forcing = round_is_primary(round) && round->decide.forced == round->decide.epoch &&
                       round->decide.forced != applied;
        if (MUTATED(FORCED_IS_CONTACT))
                return 0;
        return forcing || force_of_history(cluster) != applied ? all_others(cluster)
                                                               : model_unproven(cluster->model);
}

bool force_bars_contact(const struct cluster *cluster)
{
        return unproven(cluster) != 0 || (force_has_parted(cluster) && !MUTATED(PARTED_HAS_CONTACT));
}

node_set force_awaited(const struct cluster *cluster)
{
        node_set awaited = unproven(cluster);
        if (force_has_parted(cluster) && !MUTATED(PARTED_HAS_CONTACT))
                awaited |= all_others(cluster);
        return awaited & ~cluster->round.connected;
}

bool force_may_be_leveled(const struct cluster *cluster)
{
        /* What is here and stands in no ledger of this node waits for the one to come. */
        bool unseen = cluster->unsurveyed && !cluster->list_strange;
        return (cluster->present_count == 0 && !unseen) || MUTATED(PARTED_RUNS_ON);
}

/*
 * A host that boots may see its own ring before it sees the others', and by its ledger it may be enough. They
 * may have gone on without it by force: it looks around for a moment before it decides anything without them.
 */
bool force_settles(struct cluster *cluster)
{
        uint64_t until_ms = cluster->loaded_ms + SETTLE_MS;
        if (cluster->identity.contact_ms != 0 || cluster->now_ms >= until_ms || MUTATED(BOOT_UNSETTLED))
                return false;
        MODEL_EACH_NODE (cluster->model, node)
                if (!node_set_has(cluster->round.connected, node->id)) {
                        wake_at(cluster, until_ms);
                        return true;
                }
        return false;
}

/* --- forcing --- */

static struct pending *wanted(struct cluster *cluster)
{
        for (size_t i = 0; cluster->pending_count > 0 && i < PENDING_MAX; i++) {
                struct pending *pending = &cluster->pending[i];
                if (pending->used && pending->command.kind == COMMAND_QUORUM_FORCE)
                        return pending;
        }
        return NULL;
}

void force_tick(struct cluster *cluster)
{
        const struct round *round = &cluster->round;
        if (round->phase != ROUND_REFUSED || wanted(cluster) == NULL)
                return;
        if (cluster->force_ms != 0 && cluster->now_ms < cluster->force_ms + AGAIN_MS) {
                wake_at(cluster, cluster->force_ms + AGAIN_MS);
                return;
        }
        cluster->force_ms = cluster->now_ms;
        round_open(cluster, "an operator forces the quorum");
}

void force_decide(struct cluster *cluster, struct message_decide *decide)
{
        const struct round *round = &cluster->round;
        uint32_t self = cluster->identity.node;
        struct pending *pending = wanted(cluster);
        if (pending == NULL || decide->primary)
                return;
        char why[REASON_BYTES] = "";
        if (decide->level == 0)
                TEXT_COPY(why, "this node holds no history: force it where one is");
        else if (!node_set_has(decide->level, self))
                TEXT_PRINT(why, "%.60s is here and holds a newer history: force it there",
                           model_node_name(cluster->model, decide->leader));
        else if (round->states[self].sick)
                TEXT_COPY(why, "the disk of this node takes nothing");
        else if (node_set_has(model_evicted(cluster->model), self))
                TEXT_COPY(why, "this node was evicted");
        if (why[0] != '\0') {
                pending_refuse(cluster, pending, why);
                return;
        }
        decide->participants = decide->level = decide->voters = node_set_of(self);
        decide->voters_before = 0;
        decide->voters_witness = decide->voters_before_witness = 0;
        decide->witness = decide->claimed = false;
        decide->primary = true;
        decide->leader = self;
        decide->epoch = decide->forced = forced_epoch(cluster, decide->epoch);
}

void force_begin(struct cluster *cluster, struct message_propose *propose)
{
        struct pending *pending = wanted(cluster);
        const struct message_decide *decide = &cluster->round.decide;
        if (decide->forced != decide->epoch)
                return;
        propose->command.epoch.forced = decide->epoch;
        TEXT_COPY(propose->command.epoch.forced_by, "an operator");
        if (pending == NULL)
                return; /* who asked has been answered: it may still come to pass */
        propose->request.count = pending->count;
        TEXT_COPY(propose->actor, pending->actor);
        TEXT_COPY(propose->command.epoch.forced_by, pending->actor);
        TEXT_COPY(propose->command.epoch.reason, pending->command.quorum_force.reason);
        pending->sent = true;
        pending->sent_ms = cluster->now_ms;
}

void force_activated(struct cluster *cluster)
{
        if (cluster->round.decide.forced == cluster->round.decide.epoch)
                action_add(cluster, CLUSTER_ACTION_LOG,
                           "the quorum is forced: this node goes on alone, and starts nothing before the "
                           "others are proven off or have joined");
        else if (force_has_parted(cluster))
                action_add(cluster, CLUSTER_ACTION_LOG,
                           "the quorum was forced without this node: its guests are stopped, its ledger is "
                           "replaced, and what only that held is lost");
}
