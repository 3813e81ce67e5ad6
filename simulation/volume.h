/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_VOLUME_H
#define CLU_SIMULATION_VOLUME_H

/*
 * Directories that the nodes share, as clusterd/io/volume_paths.c meets them:
 * a lease area, and a mark of each node. What lies at /csv1 is called csv1.
 */

#include "clusterd/core/cluster.h"
#include "simulation/lease.h"

struct event;
struct simulated_node;
struct world;

#define SHARES_MAX (VOLUMES_MAX + 1) /* directories that a run speaks of; any more are the last one */

/* A lease area: whose, and the marks in it. */
struct area {
        uint64_t identity; /* 0: there is none */
        uint64_t marks[NODES_MAX + 1];
};

struct share {
        char name[NAME_BYTES]; /* of its directory; empty: not spoken of yet */
        struct area shared;
        struct lease_sector leases[NODES_MAX + 1]; /* in it */
};

/* How one node fares with one of them. */
struct path_trouble {
        uint64_t lost_until_us, hung_until_us;
        uint64_t failed_until_us;    /* what guests write fails */
        uint64_t misplaced_until_us; /* it sees another directory there: */
        struct area elsewhere;
        struct lease_sector own, others;   /* in that */
        uint64_t visited_us, visited_life; /* the last look that found it, and by which daemon */
};

void volume_look(struct world *world, struct simulated_node *node, const struct cluster_action *action);
void volume_on_look(struct world *world, const struct event *event);
void volume_forget(struct world *world, struct simulated_node *node, const struct cluster_action *action);
void volume_adopt(struct world *world, const struct volume *volume);
/* Its area is where all nodes look in the end: one that was proven by one node alone may be elsewhere. */
bool volume_is_shared(struct world *world, const struct volume *volume);
bool volume_all_are_shared(struct world *world, const struct role *role);
/* Of the boot by which the history knows that node; of an area that lies elsewhere nothing can be said. */
bool volume_holds_mark(struct world *world, const struct volume *volume, const struct node *known);
bool volume_is_proven(struct world *world, const struct simulated_node *node, const struct volume *volume);
struct path_trouble *volume_trouble(struct world *world, struct simulated_node *node, const char *name);
/* The node's own, in the area of this volume as the node sees it; NULL: there is none. */
struct lease_sector *volume_lease_sector(struct world *world, struct simulated_node *node, const char *name,
                                         uint64_t identity);
/* The same of another node's, as this one sees it. */
struct lease_sector *volume_lease_sector_of(struct world *world, struct simulated_node *node,
                                            const char *name, uint64_t identity, uint32_t of);
void volume_mend(struct world *world);

#endif
