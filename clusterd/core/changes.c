/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/changes.h"

void slot_list_add(struct slot_list *list, uint32_t slot)
{
        if (list->listed[slot])
                return;
        list->listed[slot] = true;
        list->slots[list->count++] = slot;
}

void slot_list_clear(struct slot_list *list)
{
        for (uint32_t i = 0; i < list->count; i++)
                list->listed[list->slots[i]] = false;
        list->count = 0;
}
