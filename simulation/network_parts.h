/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_NETWORK_PARTS_H
#define CLU_SIMULATION_NETWORK_PARTS_H

/* What network.c and network_ring.c share. */

#include "simulation/world.h"

void network_packets_cut(struct packet_list *list, size_t count); /* from the front */
void network_packets_release(struct packet_list *list);
uint64_t network_ring_last(const struct ring *ring);
struct packet *network_ring_packet(const struct ring *ring, uint64_t sequence);
struct delivery network_delivery(const struct ring *ring, uint64_t sequence, struct packet *packet,
                                 uint32_t to);
void network_inbox_add(struct world *world, struct simulated_node *node, struct delivery delivery,
                       uint64_t delay_us);
void network_inbox_clear(struct station *station);
/* What had a place in the ring after that sequence, but did not arrive in time. */
void network_inbox_cut(struct station *station, uint64_t ring, uint64_t after);

#endif
