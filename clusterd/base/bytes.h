/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_BASE_BYTES_H
#define CLU_CLUSTERD_BASE_BYTES_H

/* What records on disk are made of. */

#include <stddef.h>
#include <stdint.h>

/* Little-endian, width bytes of it: at most 8. */
void put_le(uint8_t *bytes, uint64_t value, size_t width);
uint64_t get_le(const uint8_t *bytes, size_t width);

/*
 * FNV-1a (Fowler, Noll, Vo) of 64 bits: tells what is torn or damaged, and not what somebody forged. hash: of
 * what goes before, FNV1A_EMPTY if nothing does.
 */
#define FNV1A_EMPTY UINT64_C(0xcbf29ce484222325)
uint64_t fnv1a(uint64_t hash, const void *bytes, size_t count);

#endif
