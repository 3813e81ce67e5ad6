/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include "clusterd/base/mutation.h"
#include "clusterd/base/text.h"

/* This node's place in the ledger: it joins, and says what it offers. */

#define JOIN_AGAIN_MS 1000

static uint32_t self(const struct cluster *cluster)
{
        return cluster->identity.node;
}

/*
 * One that was evicted stays while it has a vote, and while a survivor may not know that it has none: one
 * that loses its power then needs it for a majority, to find out. It asks to join: whoever has stored that
 * has written down before that its vote is gone, and the refusal says that a majority has.
 */
static bool may_vote(const struct cluster *cluster)
{
        struct voters voters = commit_voters(cluster);
        return node_set_has(voters.now.nodes | voters.before.nodes, self(cluster)) &&
               !MUTATED(EVICTED_LEAVES_WITH_ITS_VOTE);
}

/* The ledger must know this boot and what it offers before roles come here. */
void join_tick(struct cluster *cluster)
{
        if (!round_is_active(cluster))
                return;
        const struct cluster_identity *me = &cluster->identity;
        const struct node *node = model_node(cluster->model, me->node);
        if (cluster_is_member(cluster) && !MUTATED(FRESH_FOR_EVER))
                cluster->fresh = false; /* whoever evicts it now means this one */
        bool known = cluster_is_member(cluster) && node->memory_mib == me->memory_mib &&
                     node->cpus == me->cpus && node->watchdog == me->watchdog &&
                     text_equal(node->address, me->address) &&
                     text_equal(node->migration_address, me->migration_address);
        bool unfenced =
                node != NULL && node->fence_wanted && node->boot == me->boot && !MUTATED(REJOIN_UNFENCED);
        bool tested = node != NULL && node->test_level != 0 && !MUTATED(REJOIN_DURING_TEST);
        bool evicted = node != NULL && node->evicted && !cluster->fresh && !MUTATED(EVICTED_TAKE_PART);
        bool parts = evicted && !may_vote(cluster);
        cluster->evicted |= parts && MUTATED(EVICTED_LEAVES_UNHEARD);
        bool barred = unfenced || tested || (evicted && !parts) || cluster->evicted;
        if (known || barred || cluster->join_count != 0)
                return;
        if (cluster->now_ms < cluster->join_ms + JOIN_AGAIN_MS && cluster->join_ms != 0) {
                wake_at(cluster, cluster->join_ms + JOIN_AGAIN_MS);
                return;
        }
        struct command command = { .kind = COMMAND_NODE_JOIN };
        struct command_node_join *join = &command.node_join;
        join->node = me->node;
        TEXT_COPY(join->name, me->name);
        join->boot = me->boot;
        join->memory_mib = me->memory_mib;
        join->cpus = me->cpus;
        join->watchdog = me->watchdog;
        TEXT_COPY(join->address, me->address);
        TEXT_COPY(join->migration_address, me->migration_address);
        join->fresh = cluster->fresh;
        cluster->parting = parts;
        cluster->join_ms = cluster->now_ms;
        cluster->join_count = propose(cluster, "node", &command);
        if (cluster->join_count == 0)
                wake_at(cluster, cluster->now_ms + JOIN_AGAIN_MS);
}

void join_answered(struct cluster *cluster, const struct entry *entry, bool refused)
{
        if (entry->command.kind != COMMAND_NODE_JOIN || entry->request.node != self(cluster) ||
            entry->request.incarnation != cluster->identity.incarnation ||
            entry->request.count != cluster->join_count)
                return;
        cluster->join_count = 0;
        cluster->evicted |= cluster->parting && refused;
}
