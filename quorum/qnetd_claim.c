/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "quorum/qnetd_claim.h"

#include "clusterd/base/mutation.h"

static const struct qnetd_arming nothing = { .connection = 0 };

void qnetd_claim_ring(struct qnetd_claim *claim, uint64_t ring, node_set members)
{
        /* Not what was asked for in a ring that was not answered here: it may have been refused. */
        *claim = (struct qnetd_claim){ .ring = ring, .members = members, .asked = claim->armed };
}

void qnetd_claim_connection(struct qnetd_claim *claim, uint64_t connection)
{
        if (connection != claim->armed.connection)
                claim->armed = nothing;
        if (connection != claim->asked.connection)
                claim->asked = nothing;
}

void qnetd_claim_arm(struct qnetd_claim *claim, uint64_t ring, uint64_t connection, uint64_t epoch,
                     node_set level)
{
        if (ring != claim->ring || ring == 0 || connection == 0)
                return;
        claim->armed = (struct qnetd_arming){ .connection = connection, .epoch = epoch, .level = level };
        if (claim->granted.connection != 0)
                claim->granted.epoch = epoch;
}

void qnetd_claim_answer(struct qnetd_claim *claim, bool granted, uint64_t connection)
{
        if (granted && claim->asked.connection != 0 && connection == claim->asked.connection)
                claim->granted = claim->asked;
        if (granted || !MUTATED(CLAIM_AFTER_REFUSAL))
                claim->asked = nothing;
}

bool qnetd_claim_is_armed(const struct qnetd_claim *claim)
{
        return claim->armed.connection != 0;
}

bool qnetd_claim_is_void(const struct qnetd_claim *claim)
{
        return claim->armed.connection == 0 && claim->asked.connection == 0 && claim->granted.connection == 0;
}

bool qnetd_claim_is_granted(const struct qnetd_claim *claim)
{
        return claim->granted.connection != 0;
}

bool qnetd_claim_counts(const struct qnetd_claim *claim, uint64_t epoch, node_set lost, node_set silent)
{
        const struct qnetd_arming *granted = &claim->granted;
        /* Who is in the ring has the same claim: it may be silent now, and speak when we are. */
        bool alone = (silent & claim->members) == 0 || MUTATED(CLAIM_OVER_THE_SILENT);
        return qnetd_claim_is_granted(claim) && granted->epoch == epoch && (lost & ~granted->level) == 0 &&
               alone;
}
