/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "quorum/witness_record.h"

#include <string.h>

#include "clusterd/base/bytes.h"

#define MAGIC   UINT64_C(0x4e544957554c43) /* "CLUWITN", read as little-endian */
#define VERSION 1

enum field_offset {
        AT_MAGIC = 0,
        AT_VERSION = 8,
        AT_WRITER = 12,
        AT_CLUSTER = 16,
        AT_IDENTITY = AT_CLUSTER + NAME_BYTES,
        AT_SEQUENCE = 88,
        AT_PROMISED = 96,
        AT_NEWEST_EPOCH = 104,
        AT_NEWEST_HOLDERS = 112,
        AT_CHECKSUM = WITNESS_RECORD_BYTES - 8
};

_Static_assert(AT_IDENTITY == 80, "the layout is drawn in README.md and does not follow limits.h");

static uint64_t checksum(const uint8_t *bytes)
{
        return fnv1a(FNV1A_EMPTY, bytes, AT_CHECKSUM);
}

void witness_record_encode(const struct witness_id *id, const struct witness_record *record,
                           uint8_t bytes[WITNESS_BYTES])
{
        memset(bytes, 0, WITNESS_BYTES);
        put_le(bytes + AT_MAGIC, MAGIC, 8);
        put_le(bytes + AT_VERSION, VERSION, 4);
        put_le(bytes + AT_WRITER, record->writer, 4);
        memcpy(bytes + AT_CLUSTER, id->cluster, NAME_BYTES);
        put_le(bytes + AT_IDENTITY, id->identity, 8);
        put_le(bytes + AT_SEQUENCE, record->sequence, 8);
        put_le(bytes + AT_PROMISED, record->tag.promised, 8);
        put_le(bytes + AT_NEWEST_EPOCH, record->tag.newest.epoch, 8);
        put_le(bytes + AT_NEWEST_HOLDERS, record->tag.newest.holders_hash, 8);
        put_le(bytes + AT_CHECKSUM, checksum(bytes), 8);
        memcpy(bytes + WITNESS_COPY_BYTES, bytes, WITNESS_RECORD_BYTES);
}

/* The version is looked at after the checksum: what is damaged has none. */
static enum witness_content copy_decode(const uint8_t *bytes, const struct witness_id *id,
                                        struct witness_record *record)
{
        if (get_le(bytes + AT_MAGIC, 8) != MAGIC || get_le(bytes + AT_CHECKSUM, 8) != checksum(bytes))
                return WITNESS_CONTENT_DAMAGED;
        if (get_le(bytes + AT_VERSION, 4) != VERSION)
                return WITNESS_CONTENT_VERSION;
        if (memcmp(bytes + AT_CLUSTER, id->cluster, NAME_BYTES) != 0 ||
            get_le(bytes + AT_IDENTITY, 8) != id->identity)
                return WITNESS_CONTENT_FOREIGN;
        *record = (struct witness_record){
                .sequence = get_le(bytes + AT_SEQUENCE, 8),
                .writer = (uint32_t)get_le(bytes + AT_WRITER, 4),
                .tag = { .promised = get_le(bytes + AT_PROMISED, 8),
                         .newest = { .epoch = get_le(bytes + AT_NEWEST_EPOCH, 8),
                                     .holders_hash = get_le(bytes + AT_NEWEST_HOLDERS, 8) } },
        };
        return WITNESS_CONTENT_VALID;
}

enum witness_content witness_record_decode(const uint8_t bytes[WITNESS_BYTES], const struct witness_id *id,
                                           struct witness_record *ret_record)
{
        struct witness_record found = { 0 }, copy;
        enum witness_content worst = WITNESS_CONTENT_DAMAGED;
        bool valid = false;
        for (size_t i = 0; i < WITNESS_COPIES; i++) {
                enum witness_content content = copy_decode(bytes + i * WITNESS_COPY_BYTES, id, &copy);
                if (content == WITNESS_CONTENT_VERSION || content == WITNESS_CONTENT_FOREIGN)
                        worst = content; /* whole, and not ours: the other copy may only lag behind */
                if (content != WITNESS_CONTENT_VALID)
                        continue;
                if (!valid || copy.sequence > found.sequence)
                        found = copy;
                valid = true;
        }
        if (!valid || worst != WITNESS_CONTENT_DAMAGED)
                return worst;
        *ret_record = found;
        return WITNESS_CONTENT_VALID;
}
