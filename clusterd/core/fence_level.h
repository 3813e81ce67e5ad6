/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_CORE_FENCE_LEVEL_H
#define CLU_CLUSTERD_CORE_FENCE_LEVEL_H

/*
 * In which order fence devices are tried, and which of them go together.
 *
 * All devices of a level that can turn a node off have to: a node may have two
 * power supplies. While one of them is not registered (yet, or any more) the
 * others prove nothing, so such a level is not used.
 */

#include "clusterd/core/model.h"

/* Devices that a level has for the node, and how many it needs to be of use. */
struct fence_level {
        uint32_t devices, needed;
};

struct fence_level fence_level_read(const struct model *model, uint32_t node, uint32_t level);
/* The lowest level above this one that is of use; 0: there is none. */
uint32_t fence_level_after(const struct model *model, uint32_t node, uint32_t level);

#endif
