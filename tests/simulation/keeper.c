/* SPDX-License-Identifier: GPL-2.0-or-later */

/* clu-guard, which outlives clusterd, and the hardware watchdog that it pets. */

#include <string.h>

#include "tests/simulation/world.h"

#define TICK_MS      100
#define HEARTBEAT_MS 500

void keeper_start(struct world *world, struct simulated_node *node)
{
        memset(&node->keeper, 0, sizeof(node->keeper));
        world_schedule(world, random_between(&world->random, MS(1), MS(TICK_MS)), EVENT_KEEPER, node, 0, 0);
}

static void pet(struct world *world, struct simulated_node *node)
{
        uint64_t serial = ++node->keeper.watchdog_serial;
        if (node->has_watchdog)
                world_schedule(world, MS(world->settings.watchdog_ms), EVENT_WATCHDOG, node, serial, 0);
}

void keeper_arm(struct world *world, struct simulated_node *node, bool armed)
{
        struct keeper *keeper = &node->keeper;
        if (keeper->armed == armed || keeper->given_up)
                return;
        keeper->armed = armed;
        if (armed && keeper->contact_ms == 0)
                keeper->contact_ms = node_clock_ms(world, node); /* its first heartbeat is still under way */
        if (armed)
                pet(world, node);
        else
                keeper->watchdog_serial++; /* closed: what was set does not fire */
}

static void keep(struct world *world, struct simulated_node *node)
{
        struct keeper *keeper = &node->keeper;
        uint64_t hold_ms = (uint64_t)world->settings.isolation_hold_ms + world->settings.stop_grace_ms;
        uint64_t now_ms = node_clock_ms(world, node);
        if (!keeper->armed || keeper->given_up)
                return;
        if (now_ms > keeper->contact_ms + hold_ms) {
                world_note(world, node, "the keeper lets the watchdog fire");
                keeper->given_up = true;
                return;
        }
        pet(world, node);
}

void keeper_on_tick(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        if (event->a % (HEARTBEAT_MS / TICK_MS) == 0)
                network_send_contact(world, node, node_clock_ms(world, node));
        keep(world, node);
        world_schedule(world, MS(TICK_MS), EVENT_KEEPER, node, event->a + 1, 0);
}

void keeper_on_contact(struct world *world, const struct event *event)
{
        struct keeper *keeper = &world->nodes[event->node].keeper;
        if (event->a > keeper->contact_ms)
                keeper->contact_ms = event->a;
}

void keeper_on_watchdog(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        if (event->a != node->keeper.watchdog_serial)
                return;
        power_off(world, node, "watchdog");
        power_boot_later(world, node, random_between(&world->random, MS(1500), MS(12000)));
}
