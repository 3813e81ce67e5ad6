/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_CORE_CHANGES_H
#define CLU_CLUSTERD_CORE_CHANGES_H

/* Which objects of a model were changed since somebody last looked. */

#include "clusterd/core/model.h"

/* A set of role slots that can be walked in the order of arrival. */
struct slot_list {
        uint32_t *slots; /* roles_max of them */
        bool *listed;
        uint32_t count;
};

void slot_list_add(struct slot_list *list, uint32_t slot);
void slot_list_clear(struct slot_list *list);

struct changes {
        struct slot_list roles;
        node_set nodes;
        node_set fence_devices[FENCE_DEVICES_MAX / 64]; /* a bit a slot */
        node_set volumes;                               /* by id */
        bool settings;
};

#endif
