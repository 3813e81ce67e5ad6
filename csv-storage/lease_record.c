/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "csv-storage/lease_record.h"

#include <assert.h>
#include <string.h>

#include "clusterd/base/bytes.h"
#include "clusterd/base/text.h"

#define MAGIC   UINT64_C(0x455341454c554c43) /* "CLULEASE", read as little-endian */
#define VERSION 1

enum record_kind { KIND_AREA = 1, KIND_LEASE = 2, KIND_REVOCATION = 3, KIND_MARK = 4 };

enum field_offset {
        /* of every record */
        AT_MAGIC = 0,
        AT_VERSION = 8,
        AT_KIND = 12,
        AT_CLUSTER = 16,
        AT_VOLUME = AT_CLUSTER + NAME_BYTES,
        AT_NODE = AT_VOLUME + VOLUME_ID_BYTES,
        AT_INCARNATION = 104,
        /* of a lease; sequence and boot of a mark, too */
        AT_STATE = 100,
        AT_SEQUENCE = 112,
        AT_BOOT = 120,
        AT_HELD_UNTIL = 128,
        AT_RENEW = 136,
        AT_LEASE = 140,
        AT_STOP = 144,
        AT_WATCHDOG = 148,
        AT_MARGIN = 152,
        AT_CONFIRMED = 156,
        AT_OBEYS = 160,
        /* of a revocation */
        AT_WRITER = 100,
        AT_EPOCH = 112,
        AT_LOST_INCARNATION = 120,
        /* of every record again */
        AT_CHECKSUM = RECORD_BYTES - 8
};

_Static_assert(AT_NODE == 96, "the layout on disk is drawn in README.md and does not follow limits.h");

static uint32_t get_le32(const uint8_t *bytes)
{
        return (uint32_t)get_le(bytes, 4);
}

static uint64_t checksum(const uint8_t *bytes)
{
        return fnv1a(FNV1A_EMPTY, bytes, AT_CHECKSUM);
}

static void record_begin(const struct lease_area_id *area, enum record_kind kind, uint32_t node,
                         uint8_t *bytes)
{
        memset(bytes, 0, SECTOR_BYTES);
        put_le(bytes + AT_MAGIC, MAGIC, 8);
        put_le(bytes + AT_VERSION, VERSION, 4);
        put_le(bytes + AT_KIND, kind, 4);
        memcpy(bytes + AT_CLUSTER, area->cluster, NAME_BYTES);
        memcpy(bytes + AT_VOLUME, area->volume, VOLUME_ID_BYTES);
        put_le(bytes + AT_NODE, node, 4);
}

static void record_end(uint8_t *bytes)
{
        put_le(bytes + AT_CHECKSUM, checksum(bytes), 8);
}

static bool is_blank(const uint8_t *bytes)
{
        for (size_t i = 0; i < RECORD_BYTES; i++) {
                if (bytes[i] != 0)
                        return false;
        }
        return true;
}

/* Whole, and of our version? The version is looked at after the checksum: a damaged sector has no version. */
static enum sector_content record_check(const uint8_t *bytes)
{
        if (is_blank(bytes))
                return SECTOR_BLANK;
        if (get_le(bytes + AT_MAGIC, 8) != MAGIC || get_le(bytes + AT_CHECKSUM, 8) != checksum(bytes))
                return SECTOR_DAMAGED;
        return get_le32(bytes + AT_VERSION) == VERSION ? SECTOR_VALID : SECTOR_VERSION;
}

static enum sector_content record_check_for(const uint8_t *bytes, const struct lease_area_id *area,
                                            enum record_kind kind, uint32_t node)
{
        enum sector_content content = record_check(bytes);
        if (content != SECTOR_VALID)
                return content;
        if (memcmp(bytes + AT_CLUSTER, area->cluster, NAME_BYTES) != 0 ||
            memcmp(bytes + AT_VOLUME, area->volume, VOLUME_ID_BYTES) != 0)
                return SECTOR_FOREIGN;
        bool is_its_place = get_le32(bytes + AT_KIND) == kind && get_le32(bytes + AT_NODE) == node;
        return is_its_place ? SECTOR_VALID : SECTOR_MISPLACED;
}

struct lease_area_id lease_area_of(const char *cluster, uint64_t volume_identity)
{
        struct lease_area_id area = { .volume = { 0 } };
        TEXT_COPY(area.cluster, cluster);
        put_le(area.volume, volume_identity, 8);
        return area;
}

const char *sector_content_name(enum sector_content content)
{
        switch (content) {
        case SECTOR_VALID:
                return "valid";
        case SECTOR_BLANK:
                return "blank";
        case SECTOR_DAMAGED:
                return "damaged";
        case SECTOR_VERSION:
                return "of another version";
        case SECTOR_FOREIGN:
                return "of another cluster or volume";
        case SECTOR_MISPLACED:
                return "of another node";
        }
        return "invalid";
}

void lease_area_encode(const struct lease_area_id *area, uint8_t *ret_bytes)
{
        record_begin(area, KIND_AREA, NODES_MAX, ret_bytes);
        record_end(ret_bytes);
}

enum sector_content lease_area_decode(const uint8_t *bytes, const struct lease_area_id *area,
                                      struct lease_area_id *ret_owner)
{
        enum sector_content content = record_check_for(bytes, area, KIND_AREA, NODES_MAX);
        if (content == SECTOR_VALID || content == SECTOR_FOREIGN) {
                memcpy(ret_owner->cluster, bytes + AT_CLUSTER, NAME_BYTES);
                ret_owner->cluster[NAME_BYTES - 1] = '\0';
                memcpy(ret_owner->volume, bytes + AT_VOLUME, VOLUME_ID_BYTES);
        }
        return content;
}

void lease_record_encode(const struct lease_area_id *area, const struct lease_record *record,
                         uint8_t *ret_bytes)
{
        assert(record->node >= 1 && record->node <= NODES_MAX);
        record_begin(area, KIND_LEASE, record->node, ret_bytes);
        put_le(ret_bytes + AT_STATE, record->state, 4);
        put_le(ret_bytes + AT_CONFIRMED, record->confirmed, 4);
        put_le(ret_bytes + AT_INCARNATION, record->incarnation, 8);
        put_le(ret_bytes + AT_SEQUENCE, record->sequence, 8);
        put_le(ret_bytes + AT_BOOT, record->boot, 8);
        put_le(ret_bytes + AT_HELD_UNTIL, record->held_until_ms, 8);
        put_le(ret_bytes + AT_RENEW, record->timings.renew_ms, 4);
        put_le(ret_bytes + AT_LEASE, record->timings.lease_ms, 4);
        put_le(ret_bytes + AT_STOP, record->timings.stop_ms, 4);
        put_le(ret_bytes + AT_WATCHDOG, record->timings.watchdog_ms, 4);
        put_le(ret_bytes + AT_MARGIN, record->timings.margin_ms, 4);
        put_le(ret_bytes + AT_OBEYS, record->obeys, 8);
        record_end(ret_bytes);
}

static struct lease_timings timings_decode(const uint8_t *bytes)
{
        return (struct lease_timings){
                .renew_ms = get_le32(bytes + AT_RENEW),
                .lease_ms = get_le32(bytes + AT_LEASE),
                .stop_ms = get_le32(bytes + AT_STOP),
                .watchdog_ms = get_le32(bytes + AT_WATCHDOG),
                .margin_ms = get_le32(bytes + AT_MARGIN),
        };
}

enum sector_content lease_record_decode(const uint8_t *bytes, const struct lease_area_id *area, uint32_t node,
                                        struct lease_record *ret_record)
{
        enum sector_content content = record_check_for(bytes, area, KIND_LEASE, node);
        if (content != SECTOR_VALID)
                return content;
        struct lease_timings timings = timings_decode(bytes);
        /* An observer counts by these times: a set that nobody may have is no record. */
        if (get_le32(bytes + AT_STATE) > LEASE_RECORD_HELD || get_le32(bytes + AT_CONFIRMED) > 1 ||
            lease_timings_check(&timings) != LEASE_TIMINGS_OK)
                return SECTOR_DAMAGED;
        *ret_record = (struct lease_record){
                .node = node,
                .state = (enum lease_record_state)get_le32(bytes + AT_STATE),
                .confirmed = get_le32(bytes + AT_CONFIRMED) == 1,
                .incarnation = get_le(bytes + AT_INCARNATION, 8),
                .sequence = get_le(bytes + AT_SEQUENCE, 8),
                .boot = get_le(bytes + AT_BOOT, 8),
                .held_until_ms = get_le(bytes + AT_HELD_UNTIL, 8),
                .timings = timings,
                .obeys = get_le(bytes + AT_OBEYS, 8),
        };
        return SECTOR_VALID;
}

void lease_revocation_encode(const struct lease_area_id *area, const struct lease_revocation *revocation,
                             uint8_t *ret_bytes)
{
        assert(revocation->node >= 1 && revocation->node <= NODES_MAX);
        record_begin(area, KIND_REVOCATION, revocation->node, ret_bytes);
        put_le(ret_bytes + AT_WRITER, revocation->writer, 4);
        put_le(ret_bytes + AT_INCARNATION, revocation->incarnation, 8);
        put_le(ret_bytes + AT_EPOCH, revocation->epoch, 8);
        put_le(ret_bytes + AT_LOST_INCARNATION, revocation->lost_incarnation, 8);
        record_end(ret_bytes);
}

enum sector_content lease_revocation_decode(const uint8_t *bytes, const struct lease_area_id *area,
                                            uint32_t node, struct lease_revocation *ret_revocation)
{
        enum sector_content content = record_check_for(bytes, area, KIND_REVOCATION, node);
        if (content != SECTOR_VALID)
                return content;
        *ret_revocation = (struct lease_revocation){
                .node = node,
                .writer = get_le32(bytes + AT_WRITER),
                .incarnation = get_le(bytes + AT_INCARNATION, 8),
                .epoch = get_le(bytes + AT_EPOCH, 8),
                .lost_incarnation = get_le(bytes + AT_LOST_INCARNATION, 8),
        };
        return SECTOR_VALID;
}

void lease_mark_encode(const struct lease_area_id *area, const struct lease_mark *mark, uint8_t *ret_bytes)
{
        assert(mark->node >= 1 && mark->node <= NODES_MAX);
        record_begin(area, KIND_MARK, mark->node, ret_bytes);
        put_le(ret_bytes + AT_SEQUENCE, mark->sequence, 8);
        put_le(ret_bytes + AT_BOOT, mark->boot, 8);
        record_end(ret_bytes);
}

enum sector_content lease_mark_decode(const uint8_t *bytes, const struct lease_area_id *area, uint32_t node,
                                      struct lease_mark *ret_mark)
{
        enum sector_content content = record_check_for(bytes, area, KIND_MARK, node);
        if (content != SECTOR_VALID)
                return content;
        *ret_mark = (struct lease_mark){
                .node = node,
                .sequence = get_le(bytes + AT_SEQUENCE, 8),
                .boot = get_le(bytes + AT_BOOT, 8),
        };
        return SECTOR_VALID;
}
