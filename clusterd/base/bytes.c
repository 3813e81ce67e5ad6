/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/base/bytes.h"

void put_le(uint8_t *bytes, uint64_t value, size_t width)
{
        for (size_t i = 0; i < width; i++)
                bytes[i] = (uint8_t)(value >> (8 * i));
}

uint64_t get_le(const uint8_t *bytes, size_t width)
{
        uint64_t value = 0;
        for (size_t i = 0; i < width; i++)
                value |= (uint64_t)bytes[i] << (8 * i);
        return value;
}

uint64_t fnv1a(uint64_t hash, const void *bytes, size_t count)
{
        const uint8_t *at = bytes;
        for (size_t i = 0; i < count; i++)
                hash = (hash ^ at[i]) * UINT64_C(0x100000001b3);
        return hash;
}
