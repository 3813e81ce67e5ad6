/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include "clusterd/base/mutation.h"

/*
 * When the guard's times have been made shorter, the longer ones count for
 * whoever is lost, until the leader has seen that nobody can still go by them:
 * every node is down, or has followed the ledger for a while. A node whose
 * daemon dies before it hears of the change keeps its guard by what its keeper
 * was told, for as long as it has contact.
 */

#define SETTLE_MS 10000 /* by then every node that is level has applied, and told its keeper */

static bool everybody_follows(const struct cluster *cluster)
{
        const struct round *round = &cluster->round;
        MODEL_EACH_NODE (cluster->model, node)
                if (node->state == NODE_LOST ||
                    (node->state == NODE_UP &&
                     !node_set_has(round->level & round->members & round->connected, node->id)))
                        return MUTATED(TIMES_SETTLED_UNHEARD);
        return true;
}

void guard_times_tick(struct cluster *cluster)
{
        const struct settings *settings = &cluster->model->settings;
        bool again = cluster->guard_index != settings->guard_index;
        cluster->guard_index = settings->guard_index;
        if (settings->guard_index == 0 || !round_is_leader(cluster) || !everybody_follows(cluster)) {
                cluster->guard_followed_ms = 0;
                return;
        }
        if (again || cluster->guard_followed_ms == 0)
                cluster->guard_followed_ms = cluster->now_ms;
        if (cluster->guard_count != 0)
                return;
        if (cluster->now_ms < cluster->guard_followed_ms + SETTLE_MS) {
                wake_at(cluster, cluster->guard_followed_ms + SETTLE_MS);
                return;
        }
        struct command command = { .kind = COMMAND_CLUSTER_SET };
        command.cluster_set.fields = SETTINGS_FIELD_GUARD_INDEX;
        command.cluster_set.settings.guard_index = settings->guard_index;
        cluster->guard_count = propose(cluster, "guard", &command);
        if (cluster->guard_count == 0)
                wake_at(cluster, cluster->now_ms + 1);
}

void guard_times_answered(struct cluster *cluster, const struct entry *entry)
{
        if (entry->command.kind == COMMAND_CLUSTER_SET && entry->request.count == cluster->guard_count)
                cluster->guard_count = 0;
}

void guard_times_round_ended(struct cluster *cluster)
{
        cluster->guard_count = 0;
}
