/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include "clusterd/base/mutation.h"

/* A node that an operator wants off, or booted anew: when it is drained its core asks its host for that. */

#define AGAIN_MS 60000 /* it is still there: somebody, or something, kept the host up */

/* Others may have been lost since it was asked for. */
static bool leaves_quorum(const struct cluster *cluster)
{
        node_set others =
                cluster->round.members & cluster->round.level & ~node_set_of(cluster->identity.node);
        struct voters voters = commit_voters(cluster);
        return round_holds_with(others, &voters, witness_may_vote(cluster)) || MUTATED(SHUT_DOWN_ANYWAY);
}

void shut_down_tick(struct cluster *cluster)
{
        const struct node *node = model_node(cluster->model, cluster->identity.node);
        /* What was asked of the last boot is done. */
        if (node == NULL || node->shut_down == SHUT_DOWN_NONE || node->duty != DUTY_DRAINED ||
            !round_is_active(cluster) || node->boot != cluster->identity.boot ||
            !(node->shut_down_forced || leaves_quorum(cluster)))
                return;
        if (cluster->shut_down_ms == 0 || cluster->now_ms >= cluster->shut_down_ms + AGAIN_MS) {
                cluster->shut_down_ms = cluster->now_ms;
                action_add(cluster, CLUSTER_ACTION_SHUT_DOWN, "it is drained, and to be shut down")
                        ->shut_down = node->shut_down;
        }
        wake_at(cluster, cluster->shut_down_ms + AGAIN_MS);
}
