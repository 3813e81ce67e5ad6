/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_CORE_COPY_H
#define CLU_CLUSTERD_CORE_COPY_H

/* A disk of a role that runs here goes to another image: README.md, "Moving storage". For the files of this
 * folder alone. */

#include "clusterd/core/cluster.h"

struct local_role;

/* What this node knows of it. */
struct local_copy {
        uint64_t index;        /* that all this is about */
        enum copy_state state; /* of the ledger, at the last look */
        enum copy_order order; /* under way */
        enum copy_order done;  /* the last one that succeeded */
        bool failed;           /* and that will not change: of this state */
        uint64_t begun_ms;     /* 0: by an earlier process */
        uint32_t held_ms;
        char text[REASON_BYTES];
        uint64_t report_count; /* request_id of a report on its way; 0: none */
        uint64_t not_before_ms;
};

void copy_see_to(struct cluster *cluster, const struct role *role, struct local_role *of);
/* Its guest stands still for the switch, or may: it cannot shut itself down. */
bool copy_holds(const struct role *role, const struct local_role *of);
void copy_ordered(struct cluster *cluster, const struct cluster_event *event);
void copy_answered(struct cluster *cluster, const struct entry *entry, bool done);

#endif
