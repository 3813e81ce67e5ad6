/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_LEASE_VISIT_H
#define CLU_CLUSTERD_IO_LEASE_VISIT_H

/*
 * A visit to a volume: leaves this node's mark in the lease area, reads it
 * back, and looks for the marks of others. It shows that the volume can be
 * written, is the one that the others see, and is fast enough. For a worker.
 */

#include "clusterd/base/node_set.h"
#include "csv-storage/lease_record.h"

/* Tells one record of a node from the next. */
struct lease_record_id {
        uint64_t incarnation, sequence;
};

struct lease_visit {
        struct lease_mark mark;
        bool create;                   /* the area, if there is none */
        bool measure;                  /* write and read it several times */
        node_set expected;             /* whose marks to look for */
        uint64_t boots[NODES_MAX + 1]; /* of those expected */
        node_set known;                /* whose leases to read */
};

struct lease_visit_result {
        int error;                  /* 0; as lease_file_open() says it, or of the I/O; -ETIME: slow */
        struct lease_area_id owner; /* with -EPERM: whose area it is */
        bool made;                  /* the area was not there before */
        node_set seen;
        uint32_t took_ms; /* the writes of a measurement */
        uint64_t free_bytes, size_bytes;
        node_set held;                                 /* of those known, whose record says so; */
        struct lease_record_id records[NODES_MAX + 1]; /* and which that is */
};

#define VISIT_WRITES       8
#define VISIT_TOOK_MOST_MS 2000 /* a lease has room for a renewal of a second and more, not for many */

/* fd of lease_file_open(); buffer: a sector, aligned. The result is zeroed before. */
int lease_visit_run(int fd, uint8_t *buffer, const struct lease_area_id *area,
                    const struct lease_visit *visit, struct lease_visit_result *result);

#endif
