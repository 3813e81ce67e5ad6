/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include "clusterd/base/text.h"

/*
 * A witness that remembers nothing: corosync-qnetd. It is not asked; this node
 * follows what its corosync tells of the vote, and says in a round what claim to
 * it that makes. quorum/README.md, "A witness without memory", says why that is enough.
 */

#define LOOK_EVERY_MS 1000 /* witness_note() believes the second look */
#define CUT_OFF_MS    8000 /* corosync-qdevice has had the time to connect again */

static void attend(struct cluster *cluster, const struct witness *set, uint64_t identity)
{
        bool is_set = set->kind == WITNESS_QNETD;
        const char *none = is_set ? "its vote would count for nothing" : "no qnetd is the witness";
        cluster->qnetd = (struct qnetd_link){ .identity = identity,
                                              .attended = true,
                                              .connection_ms = cluster->now_ms };
        struct cluster_action *action =
                action_add(cluster, CLUSTER_ACTION_ATTEND_QNETD, identity == 0 ? none : "the witness");
        if (identity != 0)
                action->witness.whom = *set;
}

/*
 * Without a claim its vote counts for nothing before this node is level in an active epoch; corosync would
 * count it all the same, so it is not asked then. It is not let go while the round may end in one, either.
 */
static uint64_t wanted(const struct cluster *cluster, const struct witness *set)
{
        const struct qnetd_link *link = &cluster->qnetd;
        if (set->kind != WITNESS_QNETD)
                return 0;
        if (round_is_active(cluster))
                return set->identity;
        if (cluster->round.phase == ROUND_REFUSED && qnetd_claim_is_void(&link->claim))
                return 0;
        return link->identity;
}

/* A process that has just started does not know yet whether one is attended. */
static bool is_decided(const struct cluster *cluster, const struct witness *set)
{
        return cluster->qnetd.attended || set->kind != WITNESS_QNETD || round_is_active(cluster) ||
               cluster->round.phase == ROUND_REFUSED;
}

void claim_contact(struct cluster *cluster, uint64_t at_ms)
{
        const struct round *round = &cluster->round;
        struct qnetd_link *link = &cluster->qnetd;
        if (round_is_active(cluster) && at_ms > link->connection_ms)
                qnetd_claim_arm(&link->claim, cluster->ring, link->connection, round->decide.epoch,
                                round->level & round->members);
}

static void see(struct cluster *cluster, const struct cluster_event *event)
{
        struct qnetd_link *link = &cluster->qnetd;
        qnetd_claim_connection(&link->claim, event->qnetd.connection);
        if (event->qnetd.connection != link->connection)
                link->connection_ms = cluster->now_ms;
        link->connection = event->qnetd.connection;
        link->seen = true;
        link->votes = event->qnetd.votes;
        TEXT_COPY(link->text, event->qnetd.text);
}

void claim_heard(struct cluster *cluster, const struct cluster_event *event)
{
        struct qnetd_claim *claim = &cluster->qnetd.claim;
        if (cluster->qnetd.identity == 0)
                return;
        switch (event->qnetd.news) {
        case QNETD_RING:
                qnetd_claim_ring(claim, event->qnetd.ring, event->qnetd.members);
                break;
        case QNETD_ANSWER:
                qnetd_claim_answer(claim, event->qnetd.granted, event->qnetd.connection);
                break;
        case QNETD_SIGHT:
                see(cluster, event);
                break;
        }
}

bool claim_tell(const struct cluster *cluster, struct message_state *state)
{
        const struct qnetd_claim *claim = &cluster->qnetd.claim;
        if (!qnetd_claim_is_granted(claim))
                return false;
        state->claim_witness = cluster->qnetd.identity;
        state->claim_ring = claim->ring;
        state->claim_members = claim->members;
        state->claim_epoch = claim->granted.epoch;
        state->claim_level = claim->granted.level;
        return true;
}

bool claim_is_cut_off(const struct cluster *cluster)
{
        const struct qnetd_link *link = &cluster->qnetd;
        return link->identity != 0 && link->connection == 0 &&
               cluster->now_ms >= link->connection_ms + CUT_OFF_MS;
}

void claim_tick(struct cluster *cluster)
{
        struct qnetd_link *link = &cluster->qnetd;
        const struct witness *set = &cluster->model->settings.witness;
        uint64_t identity = wanted(cluster, set);
        if (!is_decided(cluster, set))
                return;
        if (!link->attended || identity != link->identity)
                attend(cluster, set, identity);
        if (identity == 0)
                TEXT_COPY(link->text, "its vote would count for nothing before the others are back");
        if (qnetd_claim_is_granted(&link->claim))
                round_open_for_claim(cluster);
        if (set->kind != WITNESS_QNETD || (identity != 0 && !link->seen))
                return;
        if (cluster->now_ms >= link->looked_ms + LOOK_EVERY_MS) {
                link->looked_ms = cluster->now_ms;
                witness_note(cluster, link->votes && link->connection != 0, link->text);
        }
        wake_at(cluster, link->looked_ms + LOOK_EVERY_MS);
}
