/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/stall.h"

#include "clusterd/core/reconcile.h"

/*
 * A guest that its disk failed stands still: its node says so to the ledger, and lets it go on as soon as its
 * volumes are there again. What fails for another reason (a volume that is full) is tried again and again.
 */

#define FIRST_WAIT_MS 1000
#define LAST_WAIT_MS  30000
#define CALM_MS       60000 /* what has run for so long begins with the first wait again */
#define SETTLED_MS    2000  /* what has run for so long is told: not each try */
#define LOOK_EACH_MS  500   /* whether its volumes are there again */

static void note(struct cluster *cluster, struct local_stall *local, bool stalled)
{
        if (!stalled && local->since_ms != 0)
                local->resumed_ms = cluster->now_ms;
        if (stalled && local->since_ms == 0) {
                if (local->resumed_ms == 0 || cluster->now_ms >= local->resumed_ms + CALM_MS)
                        local->wait_ms = FIRST_WAIT_MS;
                local->next_ms = cluster->now_ms + local->wait_ms;
                local->reached = true; /* it was */
        }
        local->since_ms = !stalled ? 0 : local->since_ms == 0 ? cluster->now_ms : local->since_ms;
}

static void resume(struct looked_at *at)
{
        struct local_stall *local = &at->local->stall;
        observe_begin(at->cluster, at->local, OPERATION_RESUME);
        reconcile_act(at, CLUSTER_ACTION_RESUME, "it has stalled, and its storage may be there again");
        local->wait_ms = 2 * local->wait_ms < LAST_WAIT_MS ? 2 * local->wait_ms : LAST_WAIT_MS;
        local->next_ms = at->cluster->now_ms + local->wait_ms;
}

static void see_to_stalled(struct looked_at *at, bool exported)
{
        struct cluster *cluster = at->cluster;
        struct local_stall *local = &at->local->stall;
        bool reached = path_reaches(cluster, at->role);
        if (reached && !local->reached)
                local->next_ms = cluster->now_ms;
        local->reached = reached;
        path_hurry(cluster, at->role->volumes);
        if (at->role->stall.index == 0)
                reconcile_report(at, REPORT_STALLED,
                                 at->local->text[0] != '\0' ? at->local->text : "its disk failed it");
        if (reached && cluster->now_ms >= local->next_ms && !exported && !copy_holds(at->role, at->local) &&
            at->local->operation == OPERATION_NONE)
                resume(at);
        reconcile_look_again(at, cluster->now_ms + LOOK_EACH_MS);
}

void stall_see_to(struct looked_at *at)
{
        struct local_stall *local = &at->local->stall;
        if (!at->present)
                return;
        note(at->cluster, local, at->local->observation == OBSERVED_STALLED);
        bool exported = redirect_see_to_guest(at);
        if (at->local->observation == OBSERVED_STALLED)
                see_to_stalled(at, exported);
        else if (at->local->observation == OBSERVED_RUNNING && at->role->stall.index != 0 &&
                 at->cluster->now_ms >= local->resumed_ms + SETTLED_MS)
                reconcile_report(at, REPORT_RESUMED, "");
        else if (at->role->stall.index != 0)
                reconcile_look_again(at, local->resumed_ms + SETTLED_MS);
}
