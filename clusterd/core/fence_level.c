/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/fence_level.h"

#include "clusterd/base/mutation.h"

struct fence_level fence_level_read(const struct model *model, uint32_t node, uint32_t level)
{
        struct fence_level found = { .needed = 1 };
        MODEL_EACH_FENCE_DEVICE (model, device) {
                if (device->level != level || !node_set_has(device->targets, node))
                        continue;
                found.devices++;
                if (found.needed < device->together)
                        found.needed = device->together;
        }
        return found;
}

uint32_t fence_level_after(const struct model *model, uint32_t node, uint32_t level)
{
        while (++level <= FENCE_LEVELS_MAX) {
                struct fence_level found = fence_level_read(model, node, level);
                if (found.devices >= found.needed || (MUTATED(FENCED_BY_HALF_A_LEVEL) && found.devices > 0))
                        return level;
        }
        return 0;
}
