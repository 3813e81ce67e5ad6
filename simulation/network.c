/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Corosync within a ring: packets get their order there, and every daemon is given them in it. */

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "simulation/network_parts.h"

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

void network_packets_cut(struct packet_list *list, size_t count)
{
        if (count == 0)
                return;
        for (size_t i = 0; i < count; i++)
                packet_drop(list->item[i]);
        list->count -= count;
        memmove(list->item, list->item + count, list->count * sizeof(struct packet *));
}

void network_packets_release(struct packet_list *list)
{
        network_packets_cut(list, list->count);
        free(list->item);
        *list = (struct packet_list){ 0 };
}

uint64_t network_ring_last(const struct ring *ring)
{
        return ring->base + ring->ordered.count;
}

struct packet *network_ring_packet(const struct ring *ring, uint64_t sequence)
{
        assert(sequence > ring->base && sequence <= network_ring_last(ring));
        return ring->ordered.item[sequence - ring->base - 1];
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

void network_inbox_add(struct world *world, struct simulated_node *node, struct delivery delivery,
                       uint64_t delay_us)
{
        struct station *station = &node->station;
        if (station->inbox_count == station->inbox_capacity) {
                station->inbox_capacity = station->inbox_capacity == 0 ? 64 : 2 * station->inbox_capacity;
                station->inbox = realloc(station->inbox, station->inbox_capacity * sizeof(*station->inbox));
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

void network_inbox_clear(struct station *station)
{
        for (size_t i = 0; i < station->inbox_count; i++)
                packet_drop(station->inbox[i].packet);
        station->inbox_count = 0;
}

/* What had a place in the ring, but did not arrive in time. */
void network_inbox_cut(struct station *station, uint64_t ring, uint64_t after)
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

static void give_view(struct world *world, struct simulated_node *node, uint64_t ring, node_set members,
                      node_set connected)
{
        struct station *station = &node->station;
        if (station->view_given && station->members == members && station->connected == connected &&
            station->view_ring == ring)
                return;
        station->view_given = true;
        station->members = members;
        station->connected = connected;
        station->view_ring = ring;
        world->statistics->views++;
        world_note(world, node, "view members=%" PRIx64 " connected=%" PRIx64, members, connected);
        struct cluster_event event = { .kind = CLUSTER_EVENT_VIEW };
        event.view.members = members;
        event.view.connected = connected;
        event.view.ring = ring;
        shell_step(world, node, &event);
}

/* As clusterd does before it gives the core a message. */
static void keep_definition(struct simulated_node *node, const struct message *message)
{
        if (message->kind == MESSAGE_PROPOSE && message->propose.definition != NULL)
                disk_put_definition(&node->disk, (uint8_t)*message->propose.definition);
        else if (message->kind == MESSAGE_ENTRY && message->entry.to == node->id &&
                 message->entry.definition != NULL)
                disk_put_definition(&node->disk, (uint8_t)*message->entry.definition);
        else if (message->kind == MESSAGE_SNAPSHOT_DEFINITION && message->snapshot.to == node->id)
                disk_put_definition(&node->disk, (uint8_t)*message->snapshot.definition);
}

static void give_packet(struct world *world, struct simulated_node *node, const struct delivery *delivery)
{
        const struct packet *packet = delivery->packet;
        struct station *station = &node->station;
        node_set sender = node_set_of(packet->sender);
        switch (packet->kind) {
        case PACKET_JOIN:
                give_view(world, node, delivery->ring,
                          delivery->absolute ? delivery->members : station->members | sender,
                          delivery->connected);
                return;
        case PACKET_LEAVE:
                give_view(world, node, delivery->ring, station->members & ~sender, station->connected);
                return;
        case PACKET_CONTACT:
                return;
        case PACKET_MESSAGE:
                break;
        }
        keep_definition(node, &packet->message);
        struct cluster_event event = { .kind = CLUSTER_EVENT_MESSAGE };
        event.message.sender = packet->sender;
        event.message.message = &packet->message;
        world_note(world, node, "got %s of n%u", message_kind_name(packet->message.kind), packet->sender);
        checker_heard(node, packet->sender, &packet->message);
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
                give_view(world, node, delivery.ring, station->members & delivery.transitional,
                          delivery.connected);
        give_view(world, node, delivery.ring, delivery.members, delivery.connected);
}

/* --- ordering --- */

/* Packets that every member's daemon has been given can never be asked for again. */
static void ring_forget(struct world *world, struct ring *ring)
{
        uint64_t least = network_ring_last(ring);
        NODE_SET_EACH (ring->nodes, id) {
                const struct station *station = &world->nodes[id].station;
                if (station->ring == ring && station->attached && station->delivered < least)
                        least = station->delivered;
        }
        if (least < ring->base + 256)
                return;
        network_packets_cut(&ring->ordered, least - ring->base);
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
                        node->station.delivered = network_ring_last(ring) - 1;
                }
        } else if (packet->kind == PACKET_LEAVE) {
                ring->group &= ~node_set_of(packet->sender);
                node->station.in_group = false;
        }
}

struct delivery network_delivery(const struct ring *ring, uint64_t sequence, struct packet *packet,
                                 uint32_t to)
{
        return (struct delivery){ .ring = ring->id,
                                  .sequence = sequence,
                                  .packet = packet,
                                  .absolute = packet->kind == PACKET_JOIN && packet->sender == to,
                                  .members = packet->group,
                                  .connected = ring->nodes };
}

/* Every keeper is given it, its sender too. */
static void order_probe(struct world *world, const struct ring *ring, const struct packet *packet)
{
        NODE_SET_EACH (ring->nodes, id) {
                if (id != packet->sender && ring->stranded)
                        continue;
                struct arrived_probe *arrived = malloc(sizeof(*arrived));
                assert(arrived != NULL);
                *arrived = (struct arrived_probe){ packet->probe, packet->sender, ring->id };
                world_schedule_payload(world, delivery_delay_us(world), EVENT_CONTACT, &world->nodes[id],
                                       arrived);
        }
}

static void order_packet(struct world *world, struct ring *ring, struct packet *packet)
{
        packet_list_add(&ring->ordered, packet);
        if (packet->kind == PACKET_CONTACT) {
                order_probe(world, ring, packet);
                return;
        }
        order_group_change(world, ring, packet);
        packet->group = ring->group;
        NODE_SET_EACH (ring->nodes, id) {
                struct simulated_node *node = &world->nodes[id];
                if (!node->station.attached || node->station.ring != ring)
                        continue;
                if (ring->stranded && id != packet->sender)
                        continue;
                network_inbox_add(world, node, network_delivery(ring, network_ring_last(ring), packet, id),
                                  delivery_delay_us(world));
        }
}

static void order_outgoing(struct world *world, struct ring *ring, struct station *station)
{
        for (size_t i = 0; i < station->outgoing.count; i++)
                order_packet(world, ring, station->outgoing.item[i]);
        network_packets_cut(&station->outgoing, station->outgoing.count);
}

/*
 * Who holds the token of a ring that has gone on without it sends once more, and
 * gets that back at once, though nobody else will ever see it in this ring.
 * A node that was frozen with the token does so when it thaws.
 */
static void order_by_stranded_token(struct world *world, struct ring *ring, struct simulated_node *node)
{
        if (ring->holder != node->id)
                return;
        ring->holder = NODE_NONE;
        node->station.received = network_ring_last(ring) + node->station.outgoing.count;
        ring->stranded = true;
        order_outgoing(world, ring, &node->station);
        ring->stranded = false;
}

void network_on_order(struct world *world, const struct event *event)
{
        struct station *station = &world->nodes[event->node].station;
        struct ring *ring = station->ring;
        if (!station->up || ring == NULL || station->outgoing.count == 0)
                return;
        if (ring->broken) {
                order_by_stranded_token(world, ring, &world->nodes[event->node]);
                return;
        }
        order_outgoing(world, ring, station);
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

static void packet_write_definition(struct packet *packet, const struct disk *disk)
{
        struct message *message = &packet->message;
        uint8_t named = 0;
        if (message->kind == MESSAGE_PROPOSE)
                named = disk_definition_of(&message->propose.command);
        else if (message->kind == MESSAGE_ENTRY)
                named = disk_definition_of(&message->entry.entry.command);
        packet->definition = (char)named;
        if (message->kind == MESSAGE_SNAPSHOT_DEFINITION) {
                packet->definition = *message->snapshot.definition;
                message->snapshot.definition = &packet->definition;
        } else if (named != 0 && disk_has_definition(disk, named)) {
                const char **definition = message->kind == MESSAGE_PROPOSE ? &message->propose.definition
                                                                           : &message->entry.definition;
                *definition = &packet->definition;
        }
}

void network_send(struct world *world, struct simulated_node *node, const struct message *message)
{
        coverage_message(world, message->kind);
        if (!node->station.up)
                return; /* as membership_send() does while corosync is away */
        struct packet *packet = packet_new(node, PACKET_MESSAGE);
        packet->message = *message;
        packet_write_text(packet);
        packet_write_definition(packet, &node->disk);
        if (message->kind == MESSAGE_SNAPSHOT_END)
                world->statistics->snapshots++;
        send_packet(world, node, packet);
}

void network_send_contact(struct world *world, struct simulated_node *node, const struct guard_probe *probe)
{
        if (!node->station.up)
                return;
        struct packet *packet = packet_new(node, PACKET_CONTACT);
        packet->probe = *probe;
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
        network_inbox_clear(station);
        station->attached = false;
        station->view_given = false;
        station->members = 0;
        station->connected = 0;
        if (station->up)
                send_packet(world, node, packet_new(node, PACKET_LEAVE));
}
