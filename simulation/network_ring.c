/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Corosync's rings: they break and form again, with virtual synchrony for those who stay together. */

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "simulation/network_parts.h"

static bool node_is_reachable(const struct simulated_node *node)
{
        return node->station.up && !node->frozen;
}

/* Whoever held the token at the break, if the others live on without it. */
static void token_strands(struct world *world, struct ring *ring)
{
        uint32_t count = node_set_count(ring->nodes);
        uint32_t skip = (uint32_t)random_below(&world->random, count);
        NODE_SET_EACH (ring->nodes, id)
                if (skip-- == 0)
                        ring->holder = id;
}

/* The token is lost. Each member has received the ring's packets up to some point of its own. */
static void ring_break(struct world *world, struct ring *ring, bool orderly)
{
        ring->broken = true;
        uint64_t last = network_ring_last(ring);
        if (!orderly)
                token_strands(world, ring);
        NODE_SET_EACH (ring->nodes, id) {
                struct station *station = &world->nodes[id].station;
                if (station->ring != ring)
                        continue;
                uint64_t lowest = station->delivered > ring->base ? station->delivered : ring->base;
                bool all = orderly || ring->holder == id || random_chance(&world->random, 600);
                station->received = all ? last : random_between(&world->random, lowest, last);
                network_inbox_cut(station, ring->id, station->received);
        }
}

static void ring_free(struct ring *ring)
{
        network_packets_release(&ring->ordered);
        free(ring);
}

static void rings_collect(struct world *world)
{
        struct ring **link = &world->rings;
        while (*link != NULL) {
                struct ring *ring = *link;
                bool used = false;
                WORLD_EACH_NODE (world, node)
                        used = used || node->station.ring == ring;
                if (used) {
                        link = &ring->next;
                        continue;
                }
                *link = ring->next;
                ring_free(ring);
        }
}

/*
 * Those who come from the same old ring end it alike: all that any of them
 * received, and behind the first gap what they sent themselves.
 */
static void ring_recover(struct world *world, struct ring *old, node_set together)
{
        uint64_t common = 0;
        NODE_SET_EACH (together, id)
                if (world->nodes[id].station.received > common)
                        common = world->nodes[id].station.received;
        NODE_SET_EACH (together, id) {
                struct simulated_node *node = &world->nodes[id];
                uint64_t first = node->station.received < old->base ? old->base : node->station.received;
                for (uint64_t sequence = first + 1; sequence <= network_ring_last(old); sequence++) {
                        struct packet *packet = network_ring_packet(old, sequence);
                        bool kept = sequence <= common || node_set_has(together, packet->sender);
                        if (!kept || !node->station.attached || packet->kind == PACKET_CONTACT)
                                continue;
                        network_inbox_add(world, node, network_delivery(old, sequence, packet, id), 0);
                }
        }
}

static void station_enter(struct world *world, struct simulated_node *node, struct ring *ring,
                          node_set together)
{
        struct station *station = &node->station;
        station->ring = ring;
        keeper_on_view(node);
        qnetd_ring(world, node);
        station->delivered = 0;
        station->received = 0;
        if (station->attached) {
                struct delivery view = { .ring = ring->id,
                                         .members = ring->group,
                                         .transitional = together,
                                         .connected = ring->nodes };
                uint64_t delay = random_chance(&world->random, 50)
                                         ? random_between(&world->random, MS(30), MS(500))
                                         : random_between(&world->random, 0, MS(30));
                network_inbox_add(world, node, view, delay);
        }
        if (station->outgoing.count > 0)
                world_schedule(world, random_between(&world->random, MS(1), MS(5)), EVENT_ORDER, node, 0, 0);
}

static node_set ring_companions(const struct world *world, node_set component, const struct ring *old)
{
        node_set together = 0;
        NODE_SET_EACH (component, id)
                if (world->nodes[id].station.ring == old)
                        together |= node_set_of(id);
        return together;
}

static node_set ring_occupants(const struct world *world, const struct ring *ring)
{
        return ring_companions(world, ring->nodes, ring);
}

static void ring_form(struct world *world, node_set component)
{
        struct ring *ring = calloc(1, sizeof(*ring));
        assert(ring != NULL);
        ring->id = ++world->next_id;
        ring->formed_us = world->now_us;
        ring->nodes = component;
        node_set came_with[NODES_MAX + 1] = { 0 };
        NODE_SET_EACH (component, id) {
                struct station *station = &world->nodes[id].station;
                if (station->in_group)
                        ring->group |= node_set_of(id);
                came_with[id] = node_set_of(id);
                if (station->ring == NULL)
                        continue;
                came_with[id] = ring_companions(world, component, station->ring);
                if (!station->ring->broken)
                        ring_break(world, station->ring,
                                   came_with[id] == ring_occupants(world, station->ring));
                if (node_set_lowest(came_with[id]) == id)
                        ring_recover(world, station->ring, came_with[id]);
        }
        world_note(world, NULL, "ring %" PRIx64 " forms", component);
        NODE_SET_EACH (component, id)
                station_enter(world, &world->nodes[id], ring, came_with[id]);
        ring->next = world->rings;
        world->rings = ring;
        rings_collect(world);
}

static bool is_linked(const struct simulated_node *a, const struct simulated_node *b)
{
        return a->station.label == b->station.label && !node_set_has(a->station.cut, b->id);
}

static node_set neighbours_of(struct world *world, const struct simulated_node *node)
{
        node_set neighbours = 0;
        WORLD_EACH_NODE (world, other)
                if (node_is_reachable(other) && is_linked(node, other))
                        neighbours |= node_set_of(other->id);
        return neighbours;
}

/* Some of those whom it hears do not hear each other: no ring can hold all of them. */
static bool is_torn(const struct world *world, node_set neighbours)
{
        node_set cut = 0;
        NODE_SET_EACH (neighbours, id)
                cut |= world->nodes[id].station.cut;
        return (cut & neighbours) != 0;
}

/* The node, and one by one those that all so far can talk with; who comes first is chance. */
static node_set clique_of(struct world *world, const struct simulated_node *node)
{
        node_set clique = node_set_of(node->id), left = neighbours_of(world, node) & ~clique;
        if (!is_torn(world, left | clique))
                return left | clique;
        while (left != 0) {
                uint32_t skip = (uint32_t)random_below(&world->random, node_set_count(left));
                uint32_t chosen = NODE_NONE;
                NODE_SET_EACH (left, id)
                        if (skip-- == 0)
                                chosen = id;
                clique |= node_set_of(chosen);
                left &= neighbours_of(world, &world->nodes[chosen]) & ~node_set_of(chosen);
        }
        return clique;
}

/* One attempt is under way for a node at a time: the earliest. */
static void reform_later(struct world *world, struct simulated_node *node, uint64_t low_us, uint64_t high_us)
{
        uint64_t delay_us = random_between(&world->random, low_us, high_us);
        uint64_t at_us = world->now_us + delay_us;
        if (node->station.reform_us > world->now_us && node->station.reform_us <= at_us)
                return;
        node->station.reform_us = at_us;
        world_schedule(world, delay_us, EVENT_REFORM, node, at_us, 0);
}

/* Whoever is in no ring, in a broken one, or hears somebody outside of its own, tries to form another. */
static void seek_ring(struct world *world, struct simulated_node *node)
{
        const struct ring *ring = node->station.ring;
        node_set neighbours = neighbours_of(world, node);
        bool alone = ring == NULL || (neighbours & ~ring->nodes) != 0;
        if (alone && is_torn(world, neighbours))
                reform_later(world, node, MS(200), MS(3000));
        else if (alone)
                reform_later(world, node, MS(50), MS(500));
        else if (ring->broken && neighbours == ring->nodes)
                reform_later(world, node, MS(5), MS(50));
        else if (ring->broken)
                reform_later(world, node, MS(2000), MS(2600));
}

static void seek_rings(struct world *world)
{
        WORLD_EACH_NODE (world, node)
                if (node_is_reachable(node))
                        seek_ring(world, node);
}

void network_on_reform(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        if (event->a != node->station.reform_us)
                return;
        node->station.reform_us = 0;
        if (!node_is_reachable(node))
                return;
        node_set clique = clique_of(world, node);
        const struct ring *ring = node->station.ring;
        if (ring == NULL || ring->broken || ring->nodes != clique)
                ring_form(world, clique);
        seek_rings(world);
}

static bool ring_has_lost(const struct world *world, const struct ring *ring)
{
        const struct simulated_node *first = &world->nodes[node_set_lowest(ring->nodes)];
        NODE_SET_EACH (ring->nodes, id) {
                const struct simulated_node *node = &world->nodes[id];
                if (!node_is_reachable(node) || node->station.ring != ring ||
                    node->station.label != first->station.label || (node->station.cut & ring->nodes) != 0)
                        return true;
        }
        return false;
}

void network_changed(struct world *world)
{
        for (struct ring *ring = world->rings; ring != NULL; ring = ring->next) {
                if (ring->broken || !ring_has_lost(world, ring))
                        continue;
                ring_break(world, ring, false);
                NODE_SET_EACH (ring->nodes, id)
                        if (node_is_reachable(&world->nodes[id]) && world->nodes[id].station.ring == ring)
                                reform_later(world, &world->nodes[id], MS(2000), MS(2600));
        }
        seek_rings(world);
}

bool network_is_linked(const struct simulated_node *a, const struct simulated_node *b)
{
        return a->powered && b->powered && !a->frozen && !b->frozen && is_linked(a, b);
}

void network_start(struct world *world, struct simulated_node *node)
{
        struct station *station = &node->station;
        *station = (struct station){ .up = true,
                                     .label = station->label,
                                     .cut = station->cut,
                                     .inbox = station->inbox,
                                     .inbox_capacity = station->inbox_capacity };
        ring_form(world, node_set_of(node->id));
        network_changed(world);
}

void network_stop(struct world *world, struct simulated_node *node)
{
        struct station *station = &node->station;
        station->up = false;
        station->attached = false;
        station->in_group = false;
        station->ring = NULL;
        qnetd_corosync_ended(world, node);
        network_inbox_clear(station);
        network_packets_release(&station->outgoing);
        network_changed(world);
        rings_collect(world);
}

/* It says goodbye: the others form a ring without it at once, instead of waiting for its token. */
void network_stop_in_order(struct world *world, struct simulated_node *node)
{
        struct ring *ring = node->station.ring;
        if (ring != NULL && !ring->broken) {
                ring_break(world, ring, true);
                NODE_SET_EACH (ring->nodes & ~node_set_of(node->id), id)
                        if (node_is_reachable(&world->nodes[id]) && world->nodes[id].station.ring == ring)
                                reform_later(world, &world->nodes[id], MS(5), MS(50));
        }
        network_stop(world, node);
}

void network_release(struct world *world)
{
        WORLD_EACH_NODE (world, node) {
                network_inbox_clear(&node->station);
                free(node->station.inbox);
                network_packets_release(&node->station.outgoing);
                node->station.ring = NULL;
        }
        rings_collect(world);
}
