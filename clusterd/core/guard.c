/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include "clusterd/base/mutation.h"

/*
 * The quorum guard: this node may run its roles while its last contact is less
 * than isolation_hold ago. The arithmetic is in clusterd/guard/README.md.
 */

static uint64_t lapses_at(const struct cluster *cluster)
{
        if (cluster->contact_ms == 0)
                return 0;
        return cluster->contact_ms +
               (MUTATED(GUARD_NEVER_LAPSES) ? UINT32_MAX : cluster->model->settings.isolation_hold_ms);
}

bool guard_is_valid(const struct cluster *cluster)
{
        return cluster->now_ms < lapses_at(cluster);
}

void guard_tick(struct cluster *cluster)
{
        bool valid = guard_is_valid(cluster);
        /* Armed before anything can be here: what is on its way needs no word of ours to arrive. But what the
         * ledger still lets us run after we stopped it for want of contact is no reason to be reset. */
        bool needed = cluster->present_count > 0 || cluster->unsurveyed ||
                      (cluster->expected_count > 0 && valid && !MUTATED(GUARD_ARMED_AFTER_ARRIVAL) &&
                       !MUTATED(GUARD_ARMED_AFTER_START));
        if (valid && !cluster->guard_was_valid)
                reconcile_all(cluster); /* what was held back, or stopped, can be seen to now */
        cluster->guard_was_valid = valid;
        if (needed && !valid && !cluster->guard_lapsed) {
                cluster->guard_lapsed = true;
                reconcile_all(cluster);
        } else if (valid) {
                cluster->guard_lapsed = false;
        }
        if (needed && valid)
                wake_at(cluster, lapses_at(cluster));
        if (needed != cluster->guard_armed) {
                cluster->guard_armed = needed;
                action_add(cluster, CLUSTER_ACTION_GUARD, needed ? "roles run here" : "no role runs here")
                        ->guard = needed;
        }
        if (!valid && cluster->expected_count > 0)
                return;
        cluster->guarded_index = cluster->ledger.applied.index;
        if (cluster->guard_news) {
                cluster->guard_news = false;
                cluster->round.heartbeat_ms = 0;
                wake_at(cluster, cluster->now_ms);
        }
}
