/* SPDX-License-Identifier: GPL-2.0-or-later */

/* clu-guard, which outlives clusterd, with its real rule, and the hardware watchdog that it pets. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "simulation/world.h"

#define TICK_MS  100
#define PROBE_MS 500
#define ORDER_MS 1000

/* What corosync does not take at once, for flow control, is sent later as it is. */
#define HELD_PER_MILLE 20

void keeper_start(struct world *world, struct simulated_node *node)
{
        memset(&node->keeper, 0, sizeof(node->keeper));
        world_schedule(world, random_between(&world->random, MS(1), MS(TICK_MS)), EVENT_KEEPER, node, 0, 0);
}

bool keeper_has_watchdog(const struct world *world, const struct simulated_node *node)
{
        return world->now_us >= node->watchdog_from_us;
}

/* It counts in steps of its own: now and then it fires a little late, never early. */
static uint64_t watchdog_us(struct world *world, const struct simulated_node *node)
{
        uint64_t late_us =
                random_chance(&world->random, 200) ? random_between(&world->random, 0, MS(300)) : 0;
        return MS(node->keeper.state.order.watchdog_ms) + late_us;
}

static void pet(struct world *world, struct simulated_node *node)
{
        uint64_t serial = ++node->keeper.watchdog_serial;
        node->keeper.running = true;
        if (keeper_has_watchdog(world, node))
                world_schedule(world, watchdog_us(world, node), EVENT_WATCHDOG, node, serial, 0);
}

static void keep(struct world *world, struct simulated_node *node)
{
        struct keeper *keeper = &node->keeper;
        switch (guard_decide(&keeper->state, node_clock_ms(world, node))) {
        case GUARD_RELEASE:
                keeper->watchdog_serial++; /* closed: what was set does not fire */
                keeper->running = false;
                return;
        case GUARD_PET:
                pet(world, node);
                return;
        case GUARD_LET_FIRE:
                if (!keeper->running)
                        pet(world, node); /* opening it is a pet */
                return;
        }
}

/* The daemon's order: at each change and every second, with its own contact. */
void keeper_arm(struct world *world, struct simulated_node *node, bool armed, uint32_t arming)
{
        struct cluster_status status;
        cluster_status_read(node->core, &status);
        const struct settings *settings = &cluster_model(node->core)->settings;
        struct guard_order order = { .armed = armed,
                                     .arming = arming,
                                     .isolation_hold_ms = settings->isolation_hold_ms,
                                     .stop_grace_ms = settings->stop_grace_ms,
                                     .watchdog_ms = settings->watchdog_ms,
                                     .contact_ms = status.contact_ms,
                                     .leased_until_ms = status.leased_until_ms,
                                     .voters = { .epoch = status.last.epoch, .index = status.last.index } };
        cluster_voters(node->core, &order.voters.nodes, &order.voters.before);
        guard_take_order(&node->keeper.state, &order, node_clock_ms(world, node));
        keep(world, node);
}

/* What the keeper reports is read as often as it is ordered, and sooner after it was armed. */
static void tell_watchdog(struct world *world, struct simulated_node *node, bool is_due)
{
        const struct guard_order *order = &node->keeper.state.order;
        bool present = keeper_has_watchdog(world, node);
        if (node->arming_told == order->arming && (!is_due || node->watchdog_told == present))
                return;
        node->watchdog_told = present;
        node->arming_told = order->arming;
        struct cluster_event event = { .kind = CLUSTER_EVENT_WATCHDOG,
                                       .watchdog = { .present = present, .arming = order->arming } };
        shell_send_later(world, node, &event, MS(1));
}

static void send_probe(struct world *world, struct simulated_node *node, uint64_t number)
{
        struct guard_probe probe = { .number = number,
                                     .ring = node->keeper.ring.id,
                                     .voters = guard_vouch(&node->keeper.state) };
        if (!random_chance(&world->random, HELD_PER_MILLE)) {
                network_send_contact(world, node, &probe);
                return;
        }
        struct guard_probe *held = malloc(sizeof(*held));
        assert(held != NULL);
        *held = probe;
        world_schedule_payload(world, random_between(&world->random, MS(1), MS(500)), EVENT_HELD_PROBE, node,
                               held);
}

void keeper_on_held_probe(struct world *world, const struct event *event)
{
        network_send_contact(world, &world->nodes[event->node], event->payload);
}

void keeper_on_tick(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        uint64_t number;
        if (event->a % (PROBE_MS / TICK_MS) == 0 &&
            guard_contact_begin(&node->keeper.contact, node_clock_ms(world, node), &number))
                send_probe(world, node, number);
        bool is_due = event->a % (ORDER_MS / TICK_MS) == 0;
        if (is_due && shell_runs(world, node))
                keeper_arm(world, node, node->keeper.state.order.armed, node->keeper.state.order.arming);
        if (shell_runs(world, node))
                tell_watchdog(world, node, is_due);
        keep(world, node);
        world_schedule(world, MS(TICK_MS), EVENT_KEEPER, node, event->a + 1, 0);
}

static void probe_is_back(struct world *world, struct simulated_node *node, uint64_t number)
{
        struct keeper *keeper = &node->keeper;
        uint64_t value = 0;
        bool ring_holds = guard_ring_holds(&keeper->state, &keeper->ring);
        switch (guard_contact_back(&keeper->contact, number, ring_holds, &value)) {
        case GUARD_NOTHING:
                return;
        case GUARD_SEND_SECOND:
                send_probe(world, node, value);
                return;
        case GUARD_CONTACT:
                checker_contact(world, node);
                if (value > keeper->state.contact_ms)
                        keeper->state.contact_ms = value;
                keep(world, node);
                return;
        }
}

void keeper_on_contact(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        const struct arrived_probe *arrived = event->payload;
        /* Those of others are given before the ring changes, as all of it is in order. */
        if (arrived->ring == node->keeper.ring.id)
                guard_hear(&node->keeper.state, &node->keeper.ring, arrived->sender, &arrived->probe);
        if (arrived->sender == node->id)
                probe_is_back(world, node, arrived->probe.number);
}

void keeper_on_view(struct simulated_node *node)
{
        guard_contact_reset(&node->keeper.contact);
        guard_enter_ring(&node->keeper.ring, node->station.ring->id);
}

void keeper_on_watchdog(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        if (event->a != node->keeper.watchdog_serial)
                return;
        rights_check_watchdog(world, node);
        power_off(world, node, "watchdog");
        power_boot_later(world, node, random_between(&world->random, MS(1500), MS(12000)));
}
