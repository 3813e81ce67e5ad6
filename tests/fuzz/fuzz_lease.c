/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "csv-storage/lease_record.h"

#define CHECKSUM_AT (RECORD_BYTES - 8)

static const struct lease_area_id area = { .cluster = "fuzz", .volume = { 1 } };

/* FNV-1a, little-endian: most inputs would end at the checksum otherwise. */
static void seal(uint8_t *bytes)
{
        uint64_t sum = UINT64_C(0xcbf29ce484222325);
        for (size_t i = 0; i < CHECKSUM_AT; i++)
                sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
        for (size_t i = 0; i < 8; i++)
                bytes[CHECKSUM_AT + i] = (uint8_t)(sum >> (8 * i));
}

static void check_lease(const uint8_t *bytes)
{
        uint8_t again[SECTOR_BYTES];
        struct lease_record first, second;
        memset(&first, 0, sizeof first);
        memset(&second, 0, sizeof second);
        if (lease_record_decode(bytes, &area, 3, &first) != SECTOR_VALID)
                return;
        lease_record_encode(&area, &first, again);
        enum sector_content content = lease_record_decode(again, &area, 3, &second);
        assert(content == SECTOR_VALID);
        assert(memcmp(&first, &second, sizeof first) == 0);
}

static void check_revocation(const uint8_t *bytes)
{
        uint8_t again[SECTOR_BYTES];
        struct lease_revocation first, second;
        memset(&first, 0, sizeof first);
        memset(&second, 0, sizeof second);
        if (lease_revocation_decode(bytes, &area, 3, &first) != SECTOR_VALID)
                return;
        lease_revocation_encode(&area, &first, again);
        enum sector_content content = lease_revocation_decode(again, &area, 3, &second);
        assert(content == SECTOR_VALID);
        assert(memcmp(&first, &second, sizeof first) == 0);
}

static void check_mark(const uint8_t *bytes)
{
        uint8_t again[SECTOR_BYTES];
        struct lease_mark first, second;
        memset(&first, 0, sizeof first);
        memset(&second, 0, sizeof second);
        if (lease_mark_decode(bytes, &area, 3, &first) != SECTOR_VALID)
                return;
        lease_mark_encode(&area, &first, again);
        enum sector_content content = lease_mark_decode(again, &area, 3, &second);
        assert(content == SECTOR_VALID);
        assert(memcmp(&first, &second, sizeof first) == 0);
}

static void check_area(const uint8_t *bytes)
{
        struct lease_area_id owner = { .cluster = "" };
        if (lease_area_decode(bytes, &area, &owner) == SECTOR_FOREIGN)
                assert(memchr(owner.cluster, '\0', NAME_BYTES) != NULL);
}

/* The input lies over a whole record of one kind, from some field on; sealed anew or not. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
        struct lease_record record = { .node = 3, .incarnation = 5, .sequence = 6 };
        struct lease_revocation revocation = { .node = 3, .writer = 1, .incarnation = 5, .epoch = 9 };
        struct lease_mark mark = { .node = 3, .boot = 5, .sequence = 6 };
        uint8_t sector[SECTOR_BYTES];
        if (count < 2)
                return 0;
        record.timings = lease_timings_default;
        if (bytes[0] & 4)
                lease_mark_encode(&area, &mark, sector);
        else if (bytes[0] & 1)
                lease_record_encode(&area, &record, sector);
        else
                lease_revocation_encode(&area, &revocation, sector);
        size_t at = bytes[1];
        size_t length = count - 2 < RECORD_BYTES - at ? count - 2 : RECORD_BYTES - at;
        memcpy(sector + at, bytes + 2, length);
        if (bytes[0] & 2)
                seal(sector);
        check_lease(sector);
        check_revocation(sector);
        check_mark(sector);
        check_area(sector);
        return 0;
}

char *fuzz_seed(struct sample_random *random)
{
        size_t count = 2 + sample_below(random, 24);
        char *text = calloc(1, count + 1);
        assert(text != NULL);
        for (size_t i = 0; i < count; i++)
                text[i] = (char)(1 + sample_below(random, 255));
        return text;
}
