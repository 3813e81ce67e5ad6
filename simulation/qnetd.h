/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_QNETD_H
#define CLU_SIMULATION_QNETD_H

/*
 * A corosync-qnetd with algorithm ffsplit, and a corosync-qdevice on each node, as quorum/README.md says what
 * they promise: it refuses everybody else before it gives its vote, remembers nothing, and either end may
 * know of a broken connection before the other. Whom it prefers is left to chance now and then.
 */

#include "clusterd/core/cluster.h"

struct event;
struct simulated_node;
struct world;

/* On a node; outlives clusterd. */
struct qdevice {
        uint64_t identity; /* of the witness that it is for; 0: it does not run */
        uint64_t life;     /* of the daemon that is told; 0: none */
        uint64_t ring;
        node_set members;
        bool votes;              /* it has its vote */
        uint64_t connection;     /* 0: none; its own end of it */
        uint64_t since_us;       /* it stands */
        uint64_t word_us;        /* the daemon hears in order, */
        uint64_t up_us, down_us; /* and so do both ends of the connection */
        bool told, told_votes;
        uint64_t told_connection;
};

/* qnetd's end. */
struct qnetd_client {
        uint64_t identity;
        uint64_t connection; /* 0: none */
        uint64_t ring;
        node_set members;
        bool refused;    /* and has not said that it heard */
        uint32_t missed; /* looks at which it was out of reach */
};

struct qnetd {
        struct qnetd_client clients[NODES_MAX + 1];
        uint64_t decision; /* counts them */
        uint64_t winner;   /* the ring that is to have the vote; 0: none */
};

void qnetd_attend(struct world *world, struct simulated_node *node, const struct cluster_action *action);
/* The node's corosync is in a new ring; has ended. */
void qnetd_ring(struct world *world, struct simulated_node *node);
void qnetd_corosync_ended(struct world *world, struct simulated_node *node);
/* It loses its memory, as all connections; one node's connection breaks. */
void qnetd_ends(struct world *world);
void qnetd_cut(struct world *world, struct simulated_node *node);
void qnetd_on_node(struct world *world, const struct event *event);
void qnetd_on_qnetd(struct world *world, const struct event *event);

#endif
