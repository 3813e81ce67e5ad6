/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "quorum/qnetd_claim.h"

static void drop(struct qnetd_claim *claim)
{
        *claim = (struct qnetd_claim){ .state = QNETD_CLAIM_NONE, .ring = claim->ring };
}

void qnetd_claim_ring(struct qnetd_claim *claim, uint64_t ring)
{
        /* A ring in between may have been refused where we did not see it. */
        if (claim->state != QNETD_CLAIM_ARMED)
                drop(claim);
        else
                claim->state = QNETD_CLAIM_ASKED;
        claim->ring = ring;
}

void qnetd_claim_connection(struct qnetd_claim *claim, uint64_t connection)
{
        if (claim->state != QNETD_CLAIM_GRANTED && connection != claim->connection)
                drop(claim);
}

void qnetd_claim_arm(struct qnetd_claim *claim, uint64_t ring, uint64_t connection, uint64_t epoch,
                     node_set level)
{
        if (ring != claim->ring || connection == 0)
                return;
        *claim = (struct qnetd_claim){
                .state = QNETD_CLAIM_ARMED,
                .ring = ring,
                .connection = connection,
                .epoch = epoch,
                .level = level,
        };
}

void qnetd_claim_answer(struct qnetd_claim *claim, bool granted, uint64_t connection)
{
        if (claim->state != QNETD_CLAIM_ASKED)
                return;
        if (granted && connection == claim->connection)
                claim->state = QNETD_CLAIM_GRANTED;
        else
                drop(claim);
}

bool qnetd_claim_counts(const struct qnetd_claim *claim, uint64_t epoch, node_set lost)
{
        return claim->state == QNETD_CLAIM_GRANTED && claim->epoch == epoch && (lost & ~claim->level) == 0;
}
