/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/report.h"

#include "clusterd/core/cluster_private.h"

uint64_t report_propose(struct cluster *cluster, struct local_report *report, const struct command *command)
{
        if (report->count != 0)
                return TIME_NEVER;
        if (cluster->now_ms < report->not_before_ms)
                return report->not_before_ms;
        report->count = propose(cluster, "node", command);
        return report->count == 0 ? cluster->now_ms + 1 : TIME_NEVER;
}

bool report_is_answered(const struct cluster *cluster, struct local_report *report, const struct entry *entry,
                        bool done, uint32_t again_ms)
{
        if (entry->request.node != cluster->identity.node ||
            entry->request.incarnation != cluster->identity.incarnation ||
            entry->request.count != report->count)
                return false;
        report->count = 0;
        if (!done)
                report->not_before_ms = cluster->now_ms + again_ms;
        return true;
}
