/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_CORE_RECONCILE_H
#define CLU_CLUSTERD_CORE_RECONCILE_H

/* A look at one role, for reconcile.c and the files that see to parts of it. */

#include "clusterd/core/cluster_private.h"

struct looked_at {
        struct cluster *cluster;
        const struct role *role;
        struct local_role *local;
        uint32_t slot;
        bool present;
};

/* Have another look at this role then. */
void reconcile_look_again(struct looked_at *at, uint64_t when_ms);
/* About this role, at its generation. */
struct cluster_action *reconcile_act(struct looked_at *at, enum cluster_action_kind kind, const char *reason);
/* Unless one is on its way; looks again when it may be. */
void reconcile_propose(struct looked_at *at, struct local_report *report, const struct command *command);
void reconcile_report(struct looked_at *at, enum report_kind kind, const char *text);

#endif
