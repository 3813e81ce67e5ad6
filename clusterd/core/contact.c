/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include "clusterd/base/mutation.h"

/* Heartbeats, and what they prove: that this node was in contact with a primary view. */

#define HEARTBEAT_MS 500
#define HURRY_MS     10   /* somebody waits for what they prove */
#define STALL_MS     1500 /* we ourselves stood still if we did not look for so long */

void contact_renew(struct cluster *cluster, uint64_t at_ms)
{
        if (at_ms > cluster->contact_ms && !force_bars_contact(cluster))
                cluster->contact_ms = at_ms;
}

/*
 * Nobody can prove anything of a node that is in the primary view, so a disk that fails, here or at a
 * majority, stops no guest. But once the guard has lapsed only the ledger says what is still ours. And what
 * the witness has promised us it may promise others a moment later: only when it has been told of the epoch
 * is it ours.
 */
static bool contact_counts(const struct cluster *cluster)
{
        const struct round *round = &cluster->round;
        bool holds = round->decide.primary || round->advanced || MUTATED(CONTACT_BY_A_PROMISE);
        return round_is_active(cluster) || (round_is_primary(round) && holds && !guard_has_lapsed(cluster)) ||
               MUTATED(CONTACT_WITHOUT_EPOCH);
}

void contact_heartbeat(struct cluster *cluster, uint32_t sender, const struct message_heartbeat *heartbeat)
{
        struct round *round = &cluster->round;
        round->heard_ms[sender] = cluster->now_ms;
        cluster->planner_due |= heartbeat->leaving != round->heartbeats[sender].leaving;
        round->heartbeats[sender] = *heartbeat;
        if (heartbeat->guarded_index > round->guarded[sender]) {
                round->guarded[sender] = heartbeat->guarded_index;
                reconcile_guarded(cluster, sender);
        }
        if (sender != cluster->identity.node || !contact_counts(cluster))
                return;
        /*
         * Our message comes back as soon as we hold the token, and that token may be a stale one of a ring
         * that has gone on without us. A second one, sent after the first was back, proves that the token
         * went round between the two: we were in contact when the first was sent.
         */
        if (MUTATED(CONTACT_BY_ONE_HEARTBEAT))
                contact_renew(cluster, heartbeat->sent_ms);
        if (round->probe_back_ms != 0 && heartbeat->sent_ms > round->probe_back_ms) {
                contact_renew(cluster, MUTATED(CONTACT_WHEN_BACK) ? cluster->now_ms : round->probe_sent_ms);
                if (round->probe_ring == cluster->ring)
                        claim_contact(cluster, round->probe_sent_ms);
        } else if (round->probe_back_ms != 0) {
                return;
        }
        round->probe_sent_ms = heartbeat->sent_ms;
        round->probe_back_ms = cluster->now_ms;
        round->probe_ring = cluster->ring;
}

void contact_tick(struct cluster *cluster)
{
        struct round *round = &cluster->round;
        uint64_t pause_ms = confirm_is_urgent(cluster) ? HURRY_MS : HEARTBEAT_MS;
        if (cluster->now_ms >= round->heartbeat_ms + pause_ms) {
                round->heartbeat_ms = cluster->now_ms;
                action_message(cluster, MESSAGE_HEARTBEAT)->heartbeat =
                        (struct message_heartbeat){ .sent_ms = cluster->now_ms,
                                                    .guarded_index = cluster->guarded_index,
                                                    .leaving = cluster->leaving };
        }
        wake_at(cluster, round->heartbeat_ms + pause_ms);
}

/* In no round: or it looks as if we had stood still. */
void contact_wait(struct cluster *cluster)
{
        wake_at(cluster, cluster->now_ms + HEARTBEAT_MS);
}

/*
 * Silence is not held against others while it was us who stood still, nor our own against the guard:
 * clu-guard went on. Source: field complaint 16.
 */
void round_notice_stall(struct cluster *cluster, uint64_t kept_ms)
{
        struct round *round = &cluster->round;
        if (round->tick_ms != 0 && cluster->now_ms - round->tick_ms > STALL_MS) {
                cluster->kept_ms = kept_ms;
                NODE_SET_EACH (round->members, node)
                        round->heard_ms[node] = cluster->now_ms;
                round->phase_ms = cluster->now_ms;
        }
        round->tick_ms = cluster->now_ms;
}
