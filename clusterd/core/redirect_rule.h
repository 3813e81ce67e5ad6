/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_CORE_REDIRECT_RULE_H
#define CLU_CLUSTERD_CORE_REDIRECT_RULE_H

/* Which node may export the disks of a role whose own node has lost the path, and which one should. */

#include "clusterd/core/model.h"

/* false: why not. */
bool redirect_may_export(const struct model *model, const struct role *role, uint32_t node,
                         char reason[REASON_BYTES]);
/* Of a role that has stalled: a volume that its owner has lost, if all that it has lost are directories.
 * NULL: no export would help. */
const struct volume *redirect_volume(const struct model *model, const struct role *role);
/* The coordinator of that volume, or the first that may; NODE_NONE: nobody may, but those in `except`. */
uint32_t redirect_exporter(const struct model *model, const struct role *role, node_set except);

#endif
