/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include "clusterd/base/mutation.h"
#include "clusterd/core/lease_guard.h"
#include "clusterd/core/role_state.h"

/*
 * The two guards: this node may run its roles while its last contact is less than isolation_hold ago, and
 * those that its leases guard (lease_guard.c) also while these stand. The arithmetic is in
 * clusterd/guard/README.md and csv-storage/README.md.
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

/* So that a later process knows how far this one had come when something came here: see lease.c. */
static void tell_history(struct cluster *cluster, const char *reason)
{
        if (!MUTATED(KEEPER_TOLD_NO_START))
                order_keeper(cluster, reason);
}

void guard_starts(struct cluster *cluster)
{
        guard_tick(cluster);
        tell_history(cluster, "something is started here");
}

/* Now, and not when it is committed: a keeper of each majority that commits it has to know. */
void guard_voters_appended(struct cluster *cluster, const struct entry *entry)
{
        if (entry->command.kind == COMMAND_VOTER_SET && !MUTATED(KEEPER_TOLD_LATE))
                order_keeper(cluster, "the voters are to change");
}

/* The keeper counts nodes: while a forced quorum gives no contact, it is told to wait for those who lack. */
static void see_to_force(struct cluster *cluster)
{
        enum round_phase phase = cluster->round.phase;
        node_set awaited = force_awaited(cluster);
        if (phase == ROUND_NONE || phase == ROUND_GATHER || awaited == cluster->force_awaited)
                return;
        cluster->force_awaited = awaited;
        order_keeper(cluster, awaited != 0 ? "a quorum was forced, and somebody else may be running guests"
                                           : "all are back, or proven off, since a quorum was forced");
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

/* What is here and runs by leases, and is there anything else? */
void guard_survey(struct cluster *cluster)
{
        if (cluster->leased_known)
                return;
        cluster->leased_known = true;
        cluster->leased = 0;
        cluster->bound = 0;
        cluster->unleased = cluster->unsurveyed || cluster->exports > 0;
        for (uint32_t slot = 0; slot < cluster->model->roles_used; slot++) {
                const struct role *role = &cluster->model->roles[slot];
                if (cluster->local[slot].redirect.counts)
                        cluster->bound |= role->volumes;
                if (role->name[0] == '\0' || !observe_counts(&cluster->local[slot]))
                        continue;
                cluster->bound |= role->volumes | role->leases | role->copy.volumes;
                if (lease_may_keep(cluster, role))
                        cluster->leased |= role->leases;
                else
                        cluster->unleased = true;
        }
}

/* What the keeper goes by when the contact is old: until then nothing here needs it. */
static uint64_t leased_until_ms(struct cluster *cluster)
{
        uint64_t fresh_ms = cluster->model->settings.isolation_hold_ms / 2;
        if (cluster->contact_ms != 0 && cluster->now_ms < cluster->contact_ms + fresh_ms) {
                wake_at(cluster, cluster->contact_ms + fresh_ms);
                return 0;
        }
        guard_survey(cluster);
        if ((cluster->unleased && !MUTATED(LEASES_KEEP_ALL)) || cluster->leased == 0)
                return 0;
        return MUTATED(KEEPER_TOLD_NO_LEASE) ? 0 : lease_held_until_ms(cluster, cluster->leased);
}

/* What the leases that stand keep runs on; as soon as they do no more, it is stopped. */
static void see_to_lapse(struct cluster *cluster, bool needed)
{
        bool lapsed = guard_has_lapsed(cluster);
        uint64_t standing = lapsed && needed ? lease_standing(cluster) : 0;
        if (needed && lapsed && (!cluster->guard_lapsed || standing != cluster->standing))
                reconcile_all(cluster);
        cluster->standing = standing;
        cluster->guard_lapsed = lapsed && (needed || cluster->guard_lapsed);
        if (needed && !lapsed)
                wake_at(cluster, stop_at(cluster));
}

static void tell_keeper(struct cluster *cluster, bool needed)
{
        uint64_t until_ms = needed ? leased_until_ms(cluster) : 0;
        if (needed == cluster->guard_armed && until_ms == cluster->leased_until_ms)
                return;
        const char *reason = needed == cluster->guard_armed ? "until when leases keep what runs here"
                             : needed                       ? "roles run here"
                                                            : "no role runs here";
        cluster->arming += needed != cluster->guard_armed;
        cluster->guard_armed = needed;
        cluster->leased_until_ms = until_ms;
        order_keeper(cluster, reason);
}

void guard_tick(struct cluster *cluster)
{
        bool valid = guard_is_valid(cluster);
        /* Armed before anything can be here: what is on its way needs no word of ours to arrive. But what the
         * ledger still lets us run after we stopped it for want of contact is no reason to be reset. */
        bool needed = cluster->present_count > 0 || cluster->exports > 0 || cluster->unsurveyed ||
                      (cluster->expected_count > 0 && valid && !MUTATED(GUARD_ARMED_AFTER_ARRIVAL) &&
                       !MUTATED(GUARD_ARMED_AFTER_START));
        if (valid && !cluster->guard_was_valid)
                reconcile_all(cluster); /* what was held back, or stopped, can be seen to now */
        cluster->guard_was_valid = valid;
        see_to_force(cluster);
        see_to_lapse(cluster, needed);
        tell_keeper(cluster, needed);
        if (cluster->expected_count > 0 && !(valid && guard_is_backed(cluster)))
                return;
        if (prepare_is_pending(cluster))
                return;
        cluster->guarded_index = cluster->ledger.applied.index;
        if (cluster->guard_news) {
                cluster->guard_news = false;
                tell_history(cluster, "something is to arrive here");
                cluster->round.heartbeat_ms = 0;
                wake_at(cluster, cluster->now_ms);
        }
}
