/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_TESTS_UNIT_LEASE_WORLD_H
#define CLU_TESTS_UNIT_LEASE_WORLD_H

/*
 * A small world around the rules of leases: nodes with clocks that drift,
 * guests, keepers and watchdogs, one volume whose I/O is late, torn, lost or
 * failing, and a cluster that loses nodes and takes their roles over as soon
 * as an observer gives evidence. Everything follows from the seed.
 */

#include <stdbool.h>
#include <stdint.h>

#include "csv-storage/lease_observer.h"

struct lease_world_result {
        const char *broken; /* the rule that was broken; NULL: none */
        uint64_t broken_at_ms;
        uint32_t broken_node;
        uint32_t findings[LEASE_FINDING_COUNT]; /* how often the leader came to each */
        uint32_t starts, stops, resets, adoptions, revoked, lapsed, refused;
};

/* Three minutes: faults, then peace. verbose: what happens, on standard output. */
void lease_world_run(uint64_t seed, bool verbose, struct lease_world_result *ret_result);

#endif
