/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_CORE_COPY_H
#define CLU_CLUSTERD_CORE_COPY_H

/* A disk of a role that runs here goes to another image: README.md, "Moving storage". For the files of this
 * folder alone. */

#include "clusterd/core/cluster.h"
#include "clusterd/core/report.h"

struct local_role;

#define COPY_AGAIN_MS 1000 /* what nobody knows the end of, or was refused */

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
        struct local_report report;
};

void copy_see_to(struct cluster *cluster, const struct role *role, struct local_role *of);
/* Its guest stands still for the switch, or may: it cannot shut itself down. */
bool copy_holds(const struct role *role, const struct local_role *of);
void copy_ordered(struct cluster *cluster, const struct cluster_event *event);

#endif
