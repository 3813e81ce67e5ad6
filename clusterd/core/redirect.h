/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_CORE_REDIRECT_H
#define CLU_CLUSTERD_CORE_REDIRECT_H

/*
 * This node's part in redirected I/O: as the exporter of a role's disks, or as the node whose guest it is
 * for. README.md, "Redirected I/O". For the files of this folder alone.
 */

#include "clusterd/core/cluster.h"
#include "clusterd/core/report.h"

struct looked_at;

enum export_order { EXPORT_ORDER_NONE, EXPORT_ORDER_OPEN, EXPORT_ORDER_CLOSE };

/* What this node knows of one redirect. */
struct local_redirect {
        uint64_t index; /* that all this is about */
        /* the exporter's */
        enum export_order order; /* under way */
        bool strange;            /* a listing named an export that the ledger does not give this node */
        bool counts;             /* for the guard */
        bool opened, closed;     /* here, and to be told */
        uint32_t port;
        char key[EXPORT_KEY_BYTES];
        /* the guest's node */
        uint64_t asked;                /* that its last order was about */
        bool served, returned, failed; /* so that ended */
        uint64_t direct_ms;            /* since when its volumes are all there; 0: they are not */
        char text[REASON_BYTES];
        struct local_report report;
};

/* Of any role: exported from here, or to be, or not any more. */
void redirect_see_to_export(struct looked_at *at);
/* Of a role that is online here. True while its guest must not go on with its disks' own files. */
bool redirect_see_to_guest(struct looked_at *at);
void redirect_done(struct cluster *cluster, const struct cluster_event_operation *done);
void redirect_exported(struct cluster *cluster, const struct cluster_event *event);
/* A listing named an export here. */
void redirect_listed(struct cluster *cluster, const char *role);
void redirect_role_changed(struct cluster *cluster, uint32_t slot);
void redirect_forget_role(struct cluster *cluster, uint32_t slot);

#endif
