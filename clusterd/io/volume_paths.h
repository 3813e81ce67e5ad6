/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_VOLUME_PATHS_H
#define CLU_CLUSTERD_IO_VOLUME_PATHS_H

/*
 * This node's paths to the volumes of the cluster, a worker each: what the
 * core asks of one, and what came of it.
 */

#include "clusterd/core/cluster.h"
#include "clusterd/io/mailbox.h"

struct volume_paths;

typedef void (*volume_on_event)(void *context, const struct cluster_event *event);

/* lock: a file of this node. One process at a time works on its leases, and lets go of them only when the
 * last write that hangs has ended: so it is never unlocked, the kernel does that behind the last thread. */
struct volume_paths *volume_paths_new(struct mailbox *mailbox, uint32_t node, const char *lock,
                                      volume_on_event on_event, void *context);
/* Does not wait for a volume that hangs. */
void volume_paths_free(struct volume_paths *paths);

/* CLUSTER_ACTION_LOOK; answered by CLUSTER_EVENT_LOOKED, unless the volume hangs for ever. */
void volume_paths_look(struct volume_paths *paths, const struct cluster_action *action,
                       const struct model *model);
/* CLUSTER_ACTION_LEASE; answered by CLUSTER_EVENT_LEASE, unless the volume hangs for ever. */
void volume_paths_lease(struct volume_paths *paths, const struct cluster_action *action,
                        const struct model *model);
/* CLUSTER_ACTION_SIGHT; answered by CLUSTER_EVENT_SIGHT, unless the volume hangs for ever. */
void volume_paths_sight(struct volume_paths *paths, const struct cluster_action *action,
                        const struct model *model);
/* CLUSTER_ACTION_REVOKE; answered by CLUSTER_EVENT_REVOKED, unless the volume hangs for ever. */
void volume_paths_revoke(struct volume_paths *paths, const struct cluster_action *action,
                         const struct model *model);
/* CLUSTER_ACTION_FORGET_VOLUME: its lease area goes, if it is still that volume's and not to be kept. */
void volume_paths_forget(struct volume_paths *paths, const struct cluster_action *action,
                         const struct model *model);

/* As the last look saw it; false: it failed, or there was none. */
bool volume_paths_space(const struct volume_paths *paths, uint64_t identity, uint64_t *ret_free_bytes,
                        uint64_t *ret_size_bytes);

#endif
