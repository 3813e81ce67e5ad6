/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_ISCSI_PREEMPTS_H
#define CLU_CLUSTERD_IO_ISCSI_PREEMPTS_H

/* Takes the keys of a lost node away from LUNs: by a child with a deadline. */

#include "clusterd/core/cluster.h"
#include "clusterd/io/process_runner.h"

struct iscsi_preempts;

struct iscsi_preempts_listener {
        void *context;
        void (*on_event)(void *context, const struct cluster_event *event);
        /* As store_read_definition(). */
        int (*read_definition)(void *context, const uint8_t hash[HASH_BYTES], char **ret_text,
                               size_t *ret_bytes);
};

/* helpers: the directory of clu-iscsi-preempt. listener: copied. */
struct iscsi_preempts *iscsi_preempts_new(struct process_runner *runner, const char *helpers, uint32_t node,
                                          const char *node_name,
                                          const struct iscsi_preempts_listener *listener);
/* After the runner. NULL accepted. */
void iscsi_preempts_free(struct iscsi_preempts *preempts);

/* CLUSTER_ACTION_PREEMPT; answered by CLUSTER_EVENT_PREEMPTED, never before this returns. Of which LUNs, the
 * definitions say. */
void iscsi_preempts_begin(struct iscsi_preempts *preempts, const struct cluster_action *action,
                          const struct model *model);

#endif
