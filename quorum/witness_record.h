/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_QUORUM_WITNESS_RECORD_H
#define CLU_QUORUM_WITNESS_RECORD_H

/*
 * A witness's tag as bytes: what a file on a share or a sector of a disk holds
 * of it. Pure; README.md draws the layout. Two copies, written one after the
 * other, so that whatever was told stands in both.
 */

#include "clusterd/base/limits.h"
#include "quorum/witness_tag.h"

#define WITNESS_COPY_BYTES 4096 /* apart: the largest sector that disks have */
#define WITNESS_COPIES     2
#define WITNESS_BYTES      (WITNESS_COPIES * WITNESS_COPY_BYTES)
#define WITNESS_RECORD_BYTES                                                                                 \
        512 /* of a copy that count: the smallest sector, so that it is written whole                        \
             */

/* Whose witness it is; stands in every record. */
struct witness_id {
        char cluster[NAME_BYTES];
        uint64_t identity; /* random, made when the witness was set: one that was set anew is another */
};

struct witness_record {
        uint64_t sequence; /* from 1, grows with each change */
        uint32_t writer;   /* the node that made it */
        struct witness_tag tag;
};

enum witness_content {
        WITNESS_CONTENT_VALID,
        WITNESS_CONTENT_DAMAGED, /* both copies */
        WITNESS_CONTENT_VERSION, /* of a version that we do not know */
        WITNESS_CONTENT_FOREIGN  /* of another cluster, or set anew since */
};

/* Both copies. */
void witness_record_encode(const struct witness_id *id, const struct witness_record *record,
                           uint8_t bytes[WITNESS_BYTES]);
/* The newer of the copies that are whole. *ret_record only when valid. */
enum witness_content witness_record_decode(const uint8_t bytes[WITNESS_BYTES], const struct witness_id *id,
                                           struct witness_record *ret_record);

#endif
