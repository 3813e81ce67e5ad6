/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Corosync: rings that order packets, break and form again with virtual synchrony. */

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/simulation/world.h"

static void packet_drop(struct packet *packet)
{
        if (packet == NULL || --packet->references > 0)
                return;
        free(packet->text);
        free(packet);
}

static void packet_list_add(struct packet_list *list, struct packet *packet)
{
        if (list->count == list->capacity) {
                list->capacity = list->capacity == 0 ? 16 : 2 * list->capacity;
                list->item = realloc(list->item, list->capacity * sizeof(struct packet *));
                assert(list->item != NULL);
        }
        packet->references++;
        list->item[list->count++] = packet;
}

static void packet_list_cut_front(struct packet_list *list, size_t count)
{
        if (count == 0)
                return;
        for (size_t i = 0; i < count; i++)
                packet_drop(list->item[i]);
        list->count -= count;
        memmove(list->item, list->item + count, list->count * sizeof(struct packet *));
}

static void packet_list_release(struct packet_list *list)
{
        packet_list_cut_front(list, list->count);
        free(list->item);
        *list = (struct packet_list){ 0 };
}

static uint64_t ring_last(const struct ring *ring)
{
        return ring->base + ring->ordered.count;
}

static struct packet *ring_packet(const struct ring *ring, uint64_t sequence)
{
        assert(sequence > ring->base && sequence <= ring_last(ring));
        return ring->ordered.item[sequence - ring->base - 1];
}

bool network_is_quorate(const struct world *world, const struct ring *ring)
{
        return 2 * node_set_count(ring->nodes) > world->node_count;
}

/* --- what a daemon is given --- */

static uint64_t delivery_delay_us(struct world *world)
{
        struct random *random = &world->random;
        if (random_chance(random, 3))
                return random_between(random, MS(20), MS(300));
        if (random_chance(random, 20))
                return random_between(random, MS(1), MS(20));
        return random_between(random, 50, MS(1));
}

static void inbox_add(struct world *world, struct simulated_node *node, struct delivery delivery,
                      uint64_t delay_us)
{
        struct station *station = &node->station;
        if (station->inbox_count == station->inbox_capacity) {
                station->inbox_capacity = station->inbox_capacity == 0 ? 64 : 2 * station->inbox_capacity;
                station->inbox =
                        realloc(station->inbox, station->inbox_capacity * sizeof(*station->inbox));
                assert(station->inbox != NULL);
        }
        delivery.id = ++world->next_id;
        if (delivery.packet != NULL)
                delivery.packet->references++;
        station->inbox[station->inbox_count++] = delivery;
        uint64_t at_us = world->now_us + delay_us;
        if (at_us < station->last_us)
                at_us = station->last_us;
        station->last_us = at_us;
        world_schedule(world, at_us - world->now_us, EVENT_DELIVER, node, delivery.id, 0);
}

static void inbox_clear(struct station *station)
{
        for (size_t i = 0; i < station->inbox_count; i++)
                packet_drop(station->inbox[i].packet);
        station->inbox_count = 0;
}

/* What had a place in the ring, but did not arrive in time. */
static void inbox_cut(struct station *station, uint64_t ring, uint64_t after)
{
        size_t kept = 0;
        for (size_t i = 0; i < station->inbox_count; i++) {
                struct delivery *delivery = &station->inbox[i];
                if (delivery->ring == ring && delivery->sequence > after)
                        packet_drop(delivery->packet);
                else
                        station->inbox[kept++] = *delivery;
        }
        station->inbox_count = kept;
}

static void give_view(struct world *world, struct simulated_node *node, node_set members, node_set connected)
{
        struct station *station = &node->station;
        if (station->view_given && station->members == members && station->connected == connected)
                return;
        station->view_given = true;
        station->members = members;
        station->connected = connected;
        world->statistics->views++;
        world_note(world, node, "view members=%" PRIx64 " connected=%" PRIx64, members, connected);
        struct cluster_event event = { .kind = CLUSTER_EVENT_VIEW };
        event.view.members = members;
        event.view.connected = connected;
        shell_step(world, node, &event);
}

static void give_packet(struct world *world, struct simulated_node *node, const struct delivery *delivery)
{
        const struct packet *packet = delivery->packet;
        struct station *station = &node->station;
        node_set sender = node_set_of(packet->sender);
        switch (packet->kind) {
        case PACKET_JOIN:
                give_view(world, node,
                          delivery->absolute ? delivery->members : station->members | sender,
                          delivery->connected);
                return;
        case PACKET_LEAVE:
                give_view(world, node, station->members & ~sender, station->connected);
                return;
        case PACKET_CONTACT:
                return;
        case PACKET_MESSAGE:
                break;
        }
        struct cluster_event event = { .kind = CLUSTER_EVENT_MESSAGE };
        event.message.sender = packet->sender;
        event.message.message = &packet->message;
        world_note(world, node, "got %s of n%u", message_kind_name(packet->message.kind), packet->sender);
        shell_step(world, node, &event);
}

void network_on_deliver(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        struct station *station = &node->station;
        if (station->inbox_count == 0 || station->inbox[0].id != event->a)
                return; /* was cut off by a break of its ring */
        struct delivery delivery = station->inbox[0];
        station->inbox_count--;
        memmove(station->inbox, station->inbox + 1, station->inbox_count * sizeof(delivery));
        if (delivery.packet != NULL) {
                if (station->ring != NULL && delivery.ring == station->ring->id)
                        station->delivered = delivery.sequence;
                give_packet(world, node, &delivery);
                packet_drop(delivery.packet);
                return;
        }
        if (station->view_given)
                give_view(world, node, station->members & delivery.transitional, delivery.connected);
        give_view(world, node, delivery.members, delivery.connected);
}

/* --- ordering --- */

/* Packets that every member's daemon has been given can never be asked for again. */
static void ring_forget(struct world *world, struct ring *ring)
{
        uint64_t least = ring_last(ring);
        for NODE_SET_EACH (ring->nodes, id) {
                const struct station *station = &world->nodes[id].station;
                if (station->ring == ring && station->attached && station->delivered < least)
                        least = station->delivered;
        }
        if (least < ring->base + 256)
                return;
        packet_list_cut_front(&ring->ordered, least - ring->base);
        ring->base = least;
}

static void order_group_change(struct world *world, struct ring *ring, const struct packet *packet)
{
        struct simulated_node *node = &world->nodes[packet->sender];
        if (packet->kind == PACKET_JOIN) {
                ring->group |= node_set_of(packet->sender);
                node->station.in_group = true;
                if (node->daemon_life == packet->life) {
                        node->station.attached = true;
                        node->station.view_given = false;
                        node->station.delivered = ring_last(ring) - 1;
                }
        } else if (packet->kind == PACKET_LEAVE) {
                ring->group &= ~node_set_of(packet->sender);
                node->station.in_group = false;
        }
}

static struct delivery delivery_of(const struct ring *ring, uint64_t sequence, struct packet *packet,
                                   uint32_t to)
{
        return (struct delivery){ .ring = ring->id,
                                  .sequence = sequence,
                                  .packet = packet,
                                  .absolute = packet->kind == PACKET_JOIN && packet->sender == to,
                                  .members = packet->group,
                                  .connected = ring->nodes };
}

static void order_packet(struct world *world, struct ring *ring, struct packet *packet)
{
        packet_list_add(&ring->ordered, packet);
        struct simulated_node *sender = &world->nodes[packet->sender];
        if (packet->kind == PACKET_CONTACT) {
                if (network_is_quorate(world, ring))
                        world_schedule(world, delivery_delay_us(world), EVENT_CONTACT, sender,
                                       packet->sent_ms, 0);
                return;
        }
        order_group_change(world, ring, packet);
        packet->group = ring->group;
        for NODE_SET_EACH (ring->nodes, id) {
                struct simulated_node *node = &world->nodes[id];
                if (!node->station.attached || node->station.ring != ring)
                        continue;
                inbox_add(world, node, delivery_of(ring, ring_last(ring), packet, id),
                          delivery_delay_us(world));
        }
}

void network_on_order(struct world *world, const struct event *event)
{
        struct station *station = &world->nodes[event->node].station;
        struct ring *ring = station->ring;
        if (!station->up || ring == NULL || ring->broken || station->outgoing.count == 0)
                return;
        for (size_t i = 0; i < station->outgoing.count; i++)
                order_packet(world, ring, station->outgoing.item[i]);
        packet_list_cut_front(&station->outgoing, station->outgoing.count);
        ring_forget(world, ring);
}

static void send_packet(struct world *world, struct simulated_node *node, struct packet *packet)
{
        packet_list_add(&node->station.outgoing, packet);
        world_schedule(world, random_between(&world->random, 100, MS(2)), EVENT_ORDER, node, 0, 0);
}

static struct packet *packet_new(const struct simulated_node *node, enum packet_kind kind)
{
        struct packet *packet = calloc(1, sizeof(*packet));
        assert(packet != NULL);
        packet->kind = kind;
        packet->sender = node->id;
        return packet;
}

static char *text_keep(const char *text, size_t text_bytes)
{
        char *kept = malloc(text_bytes + 1);
        assert(kept != NULL);
        memcpy(kept, text, text_bytes);
        kept[text_bytes] = '\0';
        return kept;
}

/*
 * The text of a command is here its bytes in memory up to the last that is not
 * zero: only its hash matters, and that differs when the command does.
 */
static void packet_write_text(struct packet *packet)
{
        if (packet->message.kind == MESSAGE_PROPOSE) {
                struct message_propose *propose = &packet->message.propose;
                const char *bytes = (const char *)&propose->command;
                size_t count = sizeof(propose->command);
                while (count > 0 && bytes[count - 1] == 0)
                        count--;
                packet->text = text_keep(bytes, count);
                propose->text = packet->text;
                propose->text_bytes = count;
        } else if (packet->message.kind == MESSAGE_ENTRY) {
                struct entry *entry = &packet->message.entry.entry;
                packet->text = text_keep(entry->text, entry->text_bytes);
                entry->text = packet->text;
        }
}

void network_send(struct world *world, struct simulated_node *node, const struct message *message)
{
        if (!node->station.up)
                return; /* as membership_send() does while corosync is away */
        struct packet *packet = packet_new(node, PACKET_MESSAGE);
        packet->message = *message;
        packet_write_text(packet);
        if (message->kind == MESSAGE_SNAPSHOT_END)
                world->statistics->snapshots++;
        send_packet(world, node, packet);
}

void network_send_contact(struct world *world, struct simulated_node *node, uint64_t sent_ms)
{
        if (!node->station.up)
                return;
        struct packet *packet = packet_new(node, PACKET_CONTACT);
        packet->sent_ms = sent_ms;
        send_packet(world, node, packet);
}

void network_join(struct world *world, struct simulated_node *node)
{
        if (!node->station.up)
                return;
        struct packet *packet = packet_new(node, PACKET_JOIN);
        packet->life = node->daemon_life;
        send_packet(world, node, packet);
}

void network_leave(struct world *world, struct simulated_node *node)
{
        struct station *station = &node->station;
        inbox_clear(station);
        station->attached = false;
        station->view_given = false;
        station->members = 0;
        station->connected = 0;
        if (station->up)
                send_packet(world, node, packet_new(node, PACKET_LEAVE));
}

/* --- breaking and forming --- */

static bool node_is_reachable(const struct simulated_node *node)
{
        return node->station.up && !node->frozen;
}

/* The token is lost. Each member has received the ring's packets up to some point of its own. */
static void ring_break(struct world *world, struct ring *ring, bool orderly)
{
        ring->broken = true;
        uint64_t last = ring_last(ring);
        for NODE_SET_EACH (ring->nodes, id) {
                struct station *station = &world->nodes[id].station;
                if (station->ring != ring)
                        continue;
                uint64_t lowest = station->delivered > ring->base ? station->delivered : ring->base;
                bool all = orderly || random_chance(&world->random, 600);
                station->received = all ? last : random_between(&world->random, lowest, last);
                inbox_cut(station, ring->id, station->received);
        }
}

static void ring_free(struct ring *ring)
{
        packet_list_release(&ring->ordered);
        free(ring);
}

static void rings_collect(struct world *world)
{
        struct ring **link = &world->rings;
        while (*link != NULL) {
                struct ring *ring = *link;
                bool used = false;
                for EACH_NODE (world, node)
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
        for NODE_SET_EACH (together, id)
                if (world->nodes[id].station.received > common)
                        common = world->nodes[id].station.received;
        for NODE_SET_EACH (together, id) {
                struct simulated_node *node = &world->nodes[id];
                uint64_t first = node->station.received < old->base ? old->base : node->station.received;
                for (uint64_t sequence = first + 1; sequence <= ring_last(old); sequence++) {
                        struct packet *packet = ring_packet(old, sequence);
                        bool kept = sequence <= common || node_set_has(together, packet->sender);
                        if (!kept || !node->station.attached || packet->kind == PACKET_CONTACT)
                                continue;
                        inbox_add(world, node, delivery_of(old, sequence, packet, id), 0);
                }
        }
}

static void station_enter(struct world *world, struct simulated_node *node, struct ring *ring,
                          node_set together)
{
        struct station *station = &node->station;
        station->ring = ring;
        station->delivered = 0;
        station->received = 0;
        if (station->attached) {
                struct delivery view = { .ring = ring->id,
                                         .members = ring->group,
                                         .transitional = together,
                                         .connected = ring->nodes };
                uint64_t delay = random_chance(&world->random, 50) ?
                                         random_between(&world->random, MS(30), MS(500)) :
                                         random_between(&world->random, 0, MS(30));
                inbox_add(world, node, view, delay);
        }
        if (station->outgoing.count > 0)
                world_schedule(world, random_between(&world->random, MS(1), MS(5)), EVENT_ORDER, node, 0, 0);
}

static node_set ring_companions(const struct world *world, node_set component, const struct ring *old)
{
        node_set together = 0;
        for NODE_SET_EACH (component, id)
                if (world->nodes[id].station.ring == old)
                        together |= node_set_of(id);
        return together;
}

static void ring_form(struct world *world, node_set component)
{
        struct ring *ring = calloc(1, sizeof(*ring));
        assert(ring != NULL);
        ring->id = ++world->next_id;
        ring->nodes = component;
        node_set came_with[NODES_MAX + 1] = { 0 };
        for NODE_SET_EACH (component, id) {
                struct station *station = &world->nodes[id].station;
                if (station->in_group)
                        ring->group |= node_set_of(id);
                came_with[id] = node_set_of(id);
                if (station->ring == NULL)
                        continue;
                if (!station->ring->broken)
                        ring_break(world, station->ring, true);
                came_with[id] = ring_companions(world, component, station->ring);
                if (node_set_lowest(came_with[id]) == id)
                        ring_recover(world, station->ring, came_with[id]);
        }
        world_note(world, NULL, "ring %" PRIx64 " forms", component);
        for NODE_SET_EACH (component, id)
                station_enter(world, &world->nodes[id], ring, came_with[id]);
        ring->next = world->rings;
        world->rings = ring;
        rings_collect(world);
}

static node_set component_of(struct world *world, uint32_t label)
{
        node_set component = 0;
        for EACH_NODE (world, node)
                if (node_is_reachable(node) && node->station.label == label)
                        component |= node_set_of(node->id);
        return component;
}

void network_on_reform(struct world *world, const struct event *event)
{
        node_set component = component_of(world, (uint32_t)event->a);
        if (component == 0)
                return;
        const struct ring *ring = world->nodes[node_set_lowest(component)].station.ring;
        if (ring != NULL && !ring->broken && ring->nodes == component)
                return;
        ring_form(world, component);
}

static void reform_later(struct world *world, uint32_t label, uint64_t low_us, uint64_t high_us)
{
        world_schedule(world, random_between(&world->random, low_us, high_us), EVENT_REFORM, NULL, label, 0);
}

static bool ring_has_lost(const struct world *world, const struct ring *ring)
{
        uint32_t label = 0;
        for NODE_SET_EACH (ring->nodes, id) {
                const struct simulated_node *node = &world->nodes[id];
                if (!node_is_reachable(node) || node->station.ring != ring)
                        return true;
                if (label != 0 && node->station.label != label)
                        return true;
                label = node->station.label;
        }
        return false;
}

void network_changed(struct world *world)
{
        for (struct ring *ring = world->rings; ring != NULL; ring = ring->next) {
                if (ring->broken || !ring_has_lost(world, ring))
                        continue;
                ring_break(world, ring, false);
                for NODE_SET_EACH (ring->nodes, id)
                        if (node_is_reachable(&world->nodes[id]) && world->nodes[id].station.ring == ring)
                                reform_later(world, world->nodes[id].station.label, MS(2000), MS(2600));
        }
        for EACH_NODE (world, node) {
                if (!node_is_reachable(node))
                        continue;
                const struct ring *ring = node->station.ring;
                node_set component = component_of(world, node->station.label);
                if (ring == NULL || (component & ~ring->nodes) != 0)
                        reform_later(world, node->station.label, MS(50), MS(500));
                else if (ring->broken && component == ring->nodes)
                        reform_later(world, node->station.label, MS(5), MS(50));
                else if (ring->broken)
                        reform_later(world, node->station.label, MS(2000), MS(2600));
        }
}

void network_start(struct world *world, struct simulated_node *node)
{
        struct station *station = &node->station;
        uint32_t label = station->label;
        *station = (struct station){ .up = true,
                                     .label = label,
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
        inbox_clear(station);
        packet_list_release(&station->outgoing);
        network_changed(world);
        rings_collect(world);
}

void network_release(struct world *world)
{
        for EACH_NODE (world, node) {
                inbox_clear(&node->station);
                free(node->station.inbox);
                packet_list_release(&node->station.outgoing);
                node->station.ring = NULL;
        }
        rings_collect(world);
}
