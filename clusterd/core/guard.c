/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include "clusterd/base/mutation.h"

/*
 * The quorum guard: this node may run its roles while its last contact is less
 * than isolation_hold ago. The arithmetic is in clusterd/guard/README.md.
 */

static uint64_t lapses_at(const struct cluster *cluster, uint64_t contact_ms)
{
        if (contact_ms == 0)
                return 0;
        return contact_ms +
               (MUTATED(GUARD_NEVER_LAPSES) ? UINT32_MAX : cluster->model->settings.isolation_hold_ms);
}

/* What we know ourselves: the group's messages reached us. */
bool guard_is_valid(const struct cluster *cluster)
{
        return cluster->now_ms < lapses_at(cluster, cluster->contact_ms);
}

/*
 * A clusterd that stood still (no memory, a debugger) has no contact of its own to show, and may not know
 * what was decided meanwhile: it starts nothing. But clu-guard was in contact, so nobody counted this node's
 * loss.
 */
static uint64_t stop_at(const struct cluster *cluster)
{
        return lapses_at(cluster,
                         cluster->kept_ms > cluster->contact_ms ? cluster->kept_ms : cluster->contact_ms);
}

bool guard_has_lapsed(const struct cluster *cluster)
{
        return cluster->now_ms >= stop_at(cluster);
}

static void order_keeper(struct cluster *cluster, const char *reason)
{
        struct cluster_action *action = action_add(cluster, CLUSTER_ACTION_GUARD, reason);
        action->guard.armed = cluster->guard_armed;
        action->guard.arming = cluster->arming;
}

/* Now, and not when it is committed: a keeper of each majority that commits it has to know. */
void guard_voters_appended(struct cluster *cluster, const struct entry *entry)
{
        if (entry->command.kind == COMMAND_VOTER_SET && !MUTATED(KEEPER_TOLD_LATE))
                order_keeper(cluster, "the voters are to change");
}

void guard_reported(struct cluster *cluster, const struct cluster_event *event)
{
        cluster->identity.watchdog = event->watchdog.present;
        cluster->backed = event->watchdog.present ? event->watchdog.arming : 0;
        if (guard_is_backed(cluster))
                reconcile_all(cluster);
}

/*
 * Whether a guest may come that the ledger counts on a watchdog to end: while the keeper was not armed its
 * device may have gone, and then nothing would. Without one in the ledger the guard's expiry is no evidence.
 */
bool guard_is_backed(const struct cluster *cluster)
{
        const struct node *node = model_node(cluster->model, cluster->identity.node);
        bool counted = cluster->identity.watchdog || (node != NULL && node->watchdog);
        return !counted || (cluster->guard_armed && cluster->backed == cluster->arming) ||
               MUTATED(START_UNBACKED);
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
        bool lapsed = guard_has_lapsed(cluster);
        if (needed && lapsed && !cluster->guard_lapsed)
                reconcile_all(cluster);
        cluster->guard_lapsed = lapsed && (needed || cluster->guard_lapsed);
        if (needed && !lapsed)
                wake_at(cluster, stop_at(cluster));
        if (needed != cluster->guard_armed) {
                cluster->guard_armed = needed;
                cluster->arming++;
                order_keeper(cluster, needed ? "roles run here" : "no role runs here");
        }
        if (cluster->expected_count > 0 && !(valid && guard_is_backed(cluster)))
                return;
        cluster->guarded_index = cluster->ledger.applied.index;
        if (cluster->guard_news) {
                cluster->guard_news = false;
                cluster->round.heartbeat_ms = 0;
                wake_at(cluster, cluster->now_ms);
        }
}
