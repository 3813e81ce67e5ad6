/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_CORE_REPORT_H
#define CLU_CLUSTERD_CORE_REPORT_H

/*
 * What this node says of something that is its own, to the ledger: one proposal at a time, and what was
 * refused or dropped once more, after a while. For the files of this folder alone.
 */

#include "clusterd/core/cluster.h"

struct local_report {
        uint64_t count;         /* request_id of one on its way; 0: none */
        uint64_t not_before_ms; /* the next, and the next try at whatever else failed there */
};

/* Proposes it, unless one is on its way. When to look again whether it can be; TIME_NEVER: it is answered. */
uint64_t report_propose(struct cluster *cluster, struct local_report *report, const struct command *command);
/* Of an entry that was applied, refused (not done), or dropped (the same): true if it was this report. */
bool report_is_answered(const struct cluster *cluster, struct local_report *report, const struct entry *entry,
                        bool done, uint32_t again_ms);

#endif
