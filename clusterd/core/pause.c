/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include "clusterd/base/text.h"

/*
 * A pause of automatic reactions, for work on the network: no node is turned
 * off, no evidence is gathered and nothing is started elsewhere. Guards are as
 * always: whoever has no contact stops its guests. It ends by the leader's
 * clock; every node notes when it saw it begin, so a new leader goes on.
 */

bool pause_is_on(const struct cluster *cluster)
{
        return cluster->model->settings.pause_ms != 0;
}

void pause_tick(struct cluster *cluster)
{
        const struct settings *settings = &cluster->model->settings;
        if (settings->pause_ms == 0)
                return;
        if (cluster->pause_index != settings->pause_index) {
                cluster->pause_index = settings->pause_index;
                cluster->pause_seen_ms = cluster->now_ms;
        }
        if (!round_is_leader(cluster) || cluster->pause_count != 0)
                return;
        uint64_t end_ms = cluster->pause_seen_ms + settings->pause_ms;
        if (cluster->now_ms < end_ms) {
                wake_at(cluster, end_ms);
                return;
        }
        struct command command = { .kind = COMMAND_CLUSTER_RESUME };
        TEXT_COPY(command.cluster_pause.reason, "its time is over");
        cluster->pause_count = propose(cluster, "pause", &command);
        if (cluster->pause_count == 0)
                wake_at(cluster, cluster->now_ms + 1);
}

void pause_answered(struct cluster *cluster, const struct entry *entry)
{
        if (entry->command.kind == COMMAND_CLUSTER_RESUME)
                cluster->pause_count = 0;
}

void pause_round_ended(struct cluster *cluster)
{
        cluster->pause_count = 0;
}
