/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_ISCSI_CONFIRM_H
#define CLU_CLUSTERD_IO_ISCSI_CONFIRM_H

/*
 * Where the gateways of this node ask whether they may write, when they have registered anew. They outlive
 * clusterd, and ask the next one. "GENERATION ROLE" comes, and "confirmed" goes, or nothing.
 */

#include <qb/qbloop.h>

#include "clusterd/core/cluster.h"

struct iscsi_confirm;

/* Given each CLUSTER_EVENT_CONFIRM; may answer at once. */
typedef void (*iscsi_on_confirm)(void *context, const struct cluster_event *event);

/* In run_dir/iscsi, which is there. 0 or negative errno. */
int iscsi_confirm_new(qb_loop_t *loop, const char *run_dir, iscsi_on_confirm on_confirm, void *context,
                      struct iscsi_confirm **ret_confirm);
void iscsi_confirm_free(struct iscsi_confirm *confirm); /* NULL accepted */

/* CLUSTER_ACTION_CONFIRM */
void iscsi_confirm_answer(struct iscsi_confirm *confirm, const struct cluster_action *action);

#endif
