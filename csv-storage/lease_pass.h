/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CSV_STORAGE_LEASE_PASS_H
#define CLU_CSV_STORAGE_LEASE_PASS_H

/*
 * One pass over the own sectors of an area: read, look whether they are still
 * ours, write, read back. A worker thread carries it out; what it may write
 * over is decided here. At most one pass of a node and volume is under way.
 */

#include "csv-storage/lease_record.h"

enum lease_pass_kind {
        LEASE_PASS_LOOK,  /* reads only */
        LEASE_PASS_BEGIN, /* takes the sector with a new incarnation */
        LEASE_PASS_RENEW,
        LEASE_PASS_RELEASE
};

struct lease_pass {
        enum lease_pass_kind kind;
        struct lease_record record; /* to write; LOOK: only its node counts */
};

enum lease_pass_outcome {
        LEASE_PASS_DONE,    /* written, and read back as written */
        LEASE_PASS_REFUSED, /* what was found is not ours to write over; nothing was written */
        LEASE_PASS_FAILED   /* an I/O failed: nobody knows whether it was written */
};

struct lease_pass_result {
        uint64_t started_ms; /* before the first I/O was submitted; the lease counts from here */
        uint64_t ended_ms;
        enum lease_pass_outcome outcome;
        int error;                 /* LEASE_PASS_FAILED: negative errno */
        enum sector_content found; /* in our sector before we wrote */
        struct lease_record record;
        bool has_revocation; /* read after the write */
        struct lease_revocation revocation;
};

/* May it write over what was found? record: borrowed; only read if found is SECTOR_VALID. */
bool lease_pass_may_write(const struct lease_pass *pass, enum sector_content found,
                          const struct lease_record *record);

#endif
