/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_LEASE_H
#define CLU_SIMULATION_LEASE_H

/*
 * The I/O of leases, as clusterd/io/lease_worker.c does it: late, torn,
 * failing, and left behind by a daemon that is gone. What may be written over
 * is asked of the real rule.
 */

#include "clusterd/core/cluster.h"

struct event;
struct simulated_node;
struct world;

/* A node's sector. */
struct lease_sector {
        bool written, damaged;
        struct lease_record record;
        uint64_t written_us;
        bool has_revocation; /* in the sector beside it */
        struct lease_revocation revocation;
};

/* A node's last pass over one volume, by the volume's id. */
struct lease_io {
        uint64_t pass, life; /* of the daemon that asked */
        uint64_t identity;   /* of the volume */
        uint64_t until_us;   /* its write has landed, or never will */
        bool running;        /* not answered yet */
        struct lease_pass_result result;
        uint64_t renewed_ms; /* begin of the last that succeeded */
};

void lease_carry_out(struct world *world, struct simulated_node *node, const struct cluster_action *action);
void lease_on_write(struct world *world, const struct event *event);
void lease_on_done(struct world *world, const struct event *event);
/* A look at the lease of a lost node. */
void lease_look(struct world *world, struct simulated_node *node, const struct cluster_action *action);
void lease_on_sight_read(struct world *world, const struct event *event);
void lease_on_sight_done(struct world *world, const struct event *event);
/* Does a node see a record of the other's there that proves something when it stands still? */
bool lease_can_expire(struct world *world, uint32_t observer, uint32_t of, const struct volume *volume);
/* What its core shows of leases is true. */
void lease_check(struct world *world, struct simulated_node *node);

#endif
