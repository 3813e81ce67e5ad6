/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_ISCSI_LOOKS_H
#define CLU_CLUSTERD_IO_ISCSI_LOOKS_H

/* Looks at volumes of kind iscsi: is the target there, does it let us in, and has it LUNs? A child each. */

#include "clusterd/core/cluster.h"
#include "clusterd/io/process_runner.h"

struct iscsi_looks;

typedef void (*iscsi_on_looked)(void *context, const struct cluster_event *event);

/* helpers: the directory of clu-iscsi-look. */
struct iscsi_looks *iscsi_looks_new(struct process_runner *runner, const char *helpers, const char *node_name,
                                    iscsi_on_looked on_looked, void *context);
/* After the runner. NULL accepted. */
void iscsi_looks_free(struct iscsi_looks *looks);

/* CLUSTER_ACTION_LOOK; answered by CLUSTER_EVENT_LOOKED. Whoever reaches a target reaches the one of that
 * name, so all marks that were expected count as seen. */
void iscsi_looks_begin(struct iscsi_looks *looks, const struct cluster_action *action,
                       const struct model *model);

#endif
