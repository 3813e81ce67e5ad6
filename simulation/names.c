/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "simulation/names.h"

#include <assert.h>
#include <stdlib.h>

#include "clusterd/base/text.h"

void names_init(struct names *names, uint32_t max)
{
        *names = (struct names){ .max = max, .index_size = 16 };
        while (names->index_size < 2 * max)
                names->index_size *= 2;
        names->name = calloc(max, sizeof(*names->name));
        names->index = calloc(names->index_size, sizeof(*names->index));
        assert(names->name != NULL && names->index != NULL);
}

void names_release(struct names *names)
{
        free(names->name);
        free(names->index);
        *names = (struct names){ 0 };
}

/* FNV-1a; the index is at most half full. */
static uint32_t place_of(const struct names *names, const char *name)
{
        uint32_t hash = UINT32_C(2166136261);
        for (const char *c = name; *c != '\0'; c++)
                hash = (hash ^ (uint8_t)*c) * UINT32_C(16777619);
        uint32_t at = hash & (names->index_size - 1);
        while (names->index[at] != 0 && !text_equal(names->name[names->index[at] - 1], name))
                at = (at + 1) & (names->index_size - 1);
        return at;
}

uint32_t names_number(struct names *names, const char *name)
{
        uint32_t at = place_of(names, name);
        if (names->index[at] == 0) {
                assert(names->count < names->max);
                TEXT_COPY(names->name[names->count], name);
                names->index[at] = ++names->count;
        }
        return names->index[at] - 1;
}
