/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_CORE_COORDINATOR_H
#define CLU_CLUSTERD_CORE_COORDINATOR_H

/*
 * Which node does the work on the images of a volume: one at a time, a member
 * in service with a direct path. Pure questions to the model.
 */

#include "clusterd/core/model.h"

/* False: *reason says why not. */
bool coordinator_may_be(const struct model *model, const struct volume *volume, uint32_t node,
                        char reason[REASON_BYTES]);

/* The one with the fewest volumes; of equals the lower name. NODE_NONE: nobody can. */
uint32_t coordinator_choose(const struct model *model, const struct volume *volume);

#endif
