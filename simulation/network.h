/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_NETWORK_H
#define CLU_SIMULATION_NETWORK_H

/* corosync and the group in it: rings, and the order of what is said in them. Part of simulation/world.h. */

#include "clusterd/core/cluster.h"
#include "clusterd/guard/guard_rule.h"
#include "simulation/queue.h"

struct world;
struct simulated_node;

enum packet_kind { PACKET_MESSAGE, PACKET_JOIN, PACKET_LEAVE, PACKET_CONTACT };

struct packet {
        uint32_t references;
        enum packet_kind kind;
        uint32_t sender;
        uint64_t life;            /* JOIN: of the daemon that joins */
        struct guard_probe probe; /* CONTACT */
        node_set group;           /* of the ring once this was ordered */
        char *text;               /* owned; message's text points into it */
        char definition;          /* and its definition here, if it brings one */
        struct message message;
};

struct packet_list {
        struct packet **item;
        size_t count;
        size_t capacity;
};

/* What a daemon is still to be given, in order. */
struct delivery {
        uint64_t id;
        uint64_t ring;
        uint64_t sequence;     /* in that ring; 0 for a new ring's view */
        struct packet *packet; /* NULL for a view */
        bool absolute;         /* members replaces what was; otherwise the packet changes it */
        node_set members;
        node_set transitional; /* who came along from the former ring */
        node_set connected;
};

struct ring {
        uint64_t id;
        node_set nodes;
        node_set group; /* nodes whose daemon is in the group, as of the last ordered packet */
        uint64_t formed_us;
        bool broken;     /* orders nothing any more */
        bool stranded;   /* but what its holder sends just now, to itself */
        uint32_t holder; /* of the token, once broken */
        uint64_t base;   /* packets 1 to base are forgotten: everybody has them */
        struct packet_list ordered;
        struct ring *next;
};

struct station {
        bool up;            /* corosync runs */
        uint32_t label;     /* nodes with the same label can talk */
        node_set cut;       /* but not with these; and these not with it */
        uint64_t reform_us; /* when it will next try to form a ring; 0: it will not */
        struct ring *ring;
        uint64_t received; /* once the ring is broken: the last sequence that came in time */
        uint64_t delivered;
        uint64_t last_us; /* nothing is delivered before what was */
        bool in_group;
        bool attached; /* the present daemon's join was ordered */
        node_set members;
        node_set connected;
        uint64_t view_ring;
        bool view_given;
        struct packet_list outgoing;
        struct delivery *inbox;
        size_t inbox_count;
        size_t inbox_capacity;
};

void network_start(struct world *world, struct simulated_node *node);
void network_stop(struct world *world, struct simulated_node *node);
void network_stop_in_order(struct world *world, struct simulated_node *node);
void network_join(struct world *world, struct simulated_node *node);
void network_leave(struct world *world, struct simulated_node *node);
void network_send(struct world *world, struct simulated_node *node, const struct message *message);
void network_send_contact(struct world *world, struct simulated_node *node, const struct guard_probe *probe);
void network_changed(struct world *world); /* labels, or who is frozen */
void network_on_order(struct world *world, const struct event *event);
void network_on_deliver(struct world *world, const struct event *event);
void network_on_reform(struct world *world, const struct event *event);
void network_release(struct world *world);
bool network_is_linked(const struct simulated_node *a, const struct simulated_node *b);

#endif
