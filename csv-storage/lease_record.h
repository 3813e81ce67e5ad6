/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CSV_STORAGE_LEASE_RECORD_H
#define CLU_CSV_STORAGE_LEASE_RECORD_H

/*
 * The lease area of a volume as bytes: which sector is whose, and what stands
 * in it. Pure: turns values into bytes and back; README.md draws the layout.
 */

#include <stdbool.h>
#include <stdint.h>

#include "clusterd/base/limits.h"
#include "csv-storage/lease_timings.h"

#define SECTOR_BYTES 4096 /* of one I/O: the largest sector that disks have */
/* All that counts lies in the smallest sector that disks have: a write that is torn between such leaves the
 * old record or the new one. */
#define RECORD_BYTES 512

#define VOLUME_ID_BYTES 16

/* Sectors of an area: its header, then two for each node, side by side, so that one read brings both; then
 * the marks. */
#define LEASE_SECTOR(node)      (1 + 2 * ((uint64_t)(node)-1))
#define REVOCATION_SECTOR(node) (LEASE_SECTOR(node) + 1)
#define MARK_SECTOR(node)       (2 * (uint64_t)NODES_MAX + (node))
#define LEASE_AREA_BYTES        ((1 + 3 * (uint64_t)NODES_MAX) * SECTOR_BYTES)

/* Whose area it is; stands in every record. */
struct lease_area_id {
        char cluster[NAME_BYTES];
        uint8_t volume[VOLUME_ID_BYTES]; /* random, made when the volume was added */
};

struct lease_area_id lease_area_of(const char *cluster, uint64_t volume_identity);

enum lease_record_state { LEASE_RECORD_RELEASED, LEASE_RECORD_HELD };

/* What a node says of itself. */
struct lease_record {
        uint32_t node;
        enum lease_record_state state;
        bool confirmed;         /* held, and the cluster was met after it stood here */
        uint64_t incarnation;   /* of this lease: random; a new one each time it is taken anew */
        uint64_t sequence;      /* from 1, grows with each write of this incarnation */
        uint64_t boot;          /* of the host: only its own processes compare the time below */
        uint64_t held_until_ms; /* CLOCK_BOOTTIME of the host: what its last renewal had brought */
        struct lease_timings timings;
        uint64_t obeys; /* released: lost_incarnation of the revocation that asked for it; 0: nobody did */
};

/* What a leader asks of a node that it cannot reach. */
struct lease_revocation {
        uint32_t node;             /* whose lease */
        uint32_t writer;           /* who asks */
        uint64_t incarnation;      /* of the lease that is to end */
        uint64_t epoch;            /* of the leader: who has been part of a later one is not meant */
        uint64_t lost_incarnation; /* of the node, in the ledger, that was lost */
};

/* A node was here: what others see of it shows that they see the same volume. */
struct lease_mark {
        uint32_t node;
        uint64_t boot;     /* of its host: tells a mark from one in a copy of the volume */
        uint64_t sequence; /* grows with each */
};

enum sector_content {
        SECTOR_VALID,
        SECTOR_BLANK,    /* zeroes */
        SECTOR_DAMAGED,  /* not a record, or its checksum is wrong */
        SECTOR_VERSION,  /* of a version that we do not know */
        SECTOR_FOREIGN,  /* whole, but of another cluster or volume */
        SECTOR_MISPLACED /* whole and of this volume, but of another node or kind: as sectors that were
                            swapped */
};

const char *sector_content_name(enum sector_content content);

/* Fill all SECTOR_BYTES, so that nothing stale reaches the disk. */
void lease_area_encode(const struct lease_area_id *area, uint8_t *ret_bytes);
void lease_record_encode(const struct lease_area_id *area, const struct lease_record *record,
                         uint8_t *ret_bytes);
void lease_revocation_encode(const struct lease_area_id *area, const struct lease_revocation *revocation,
                             uint8_t *ret_bytes);
void lease_mark_encode(const struct lease_area_id *area, const struct lease_mark *mark, uint8_t *ret_bytes);

/* SECTOR_VALID: it is the header of this area. SECTOR_FOREIGN: *ret_owner says whose it is. */
enum sector_content lease_area_decode(const uint8_t *bytes, const struct lease_area_id *area,
                                      struct lease_area_id *ret_owner);
/* Of this node in this area; results are untouched unless SECTOR_VALID. */
enum sector_content lease_record_decode(const uint8_t *bytes, const struct lease_area_id *area, uint32_t node,
                                        struct lease_record *ret_record);
enum sector_content lease_revocation_decode(const uint8_t *bytes, const struct lease_area_id *area,
                                            uint32_t node, struct lease_revocation *ret_revocation);
enum sector_content lease_mark_decode(const uint8_t *bytes, const struct lease_area_id *area, uint32_t node,
                                      struct lease_mark *ret_mark);

#endif
