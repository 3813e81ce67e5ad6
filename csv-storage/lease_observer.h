/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CSV_STORAGE_LEASE_OBSERVER_H
#define CLU_CSV_STORAGE_LEASE_OBSERVER_H

/*
 * What others can know of the lease of a node that they have lost, by reading
 * its sectors: is it alive and only cut off, and can it run no guest of this
 * volume any more? Pure; README.md has the argument.
 */

#include "csv-storage/lease_record.h"

enum lease_finding {
        LEASE_FINDING_NONE,       /* not read for long enough yet */
        LEASE_FINDING_RENEWED,    /* it renews its lease: isolated, not dead */
        LEASE_FINDING_SILENT,     /* it renews no more; may hold it still, or has no watchdog */
        LEASE_FINDING_RELEASED,   /* evidence: it said itself that it runs nothing */
        LEASE_FINDING_EXPIRED,    /* evidence: lease, watchdog and margin have passed without a renewal */
        LEASE_FINDING_UNREADABLE, /* what stands there, or an error, says nothing */
        LEASE_FINDING_COUNT
};

/* One read of a node's two sectors; times on the observer's clock. */
struct lease_sight {
        uint64_t started_ms; /* before the I/O was submitted */
        uint64_t ended_ms;
        int error; /* negative errno; then the rest says nothing */
        enum sector_content content;
        struct lease_record record; /* if content is SECTOR_VALID */
        bool has_revocation;
        struct lease_revocation revocation;
};

struct lease_observer {
        uint32_t node;
        uint64_t lost_ms;
        struct lease_sight last; /* of those that count */
        uint64_t since_ms;       /* end of the first sight of the present record; 0: none yet */
        uint64_t moved_ms;       /* end of the last sight of a record that differed from the one before */
        enum lease_finding finding;
};

/* lost_ms: from then on the node has not been in contact with the cluster. */
void lease_observer_begin(struct lease_observer *observer, uint32_t node, uint64_t lost_ms);

/* Takes a sight in. Those that were begun before the node was lost do not count. */
enum lease_finding lease_observer_see(struct lease_observer *observer, const struct lease_sight *sight);

/* When to look again. */
uint64_t lease_observer_next_ms(const struct lease_observer *observer);

/* True: *ret_revocation is to be written, because the lease is held and not asked back yet, by what was last
 * seen. lost_incarnation: of the node, in the ledger, that was lost. */
bool lease_observer_revokes(const struct lease_observer *observer, uint32_t writer, uint64_t epoch,
                            uint64_t lost_incarnation, struct lease_revocation *ret_revocation);

/* It was released because a revocation after the loss of this incarnation of the node had asked for that. */
bool lease_observer_is_obeyed(const struct lease_observer *observer, uint64_t lost_incarnation);

const char *lease_finding_name(enum lease_finding finding);

#endif
