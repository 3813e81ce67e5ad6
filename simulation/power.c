/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Power and clocks of the nodes, and freezes. */

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "simulation/world.h"

static uint64_t clock_us(const struct world *world, const struct simulated_node *node)
{
        uint64_t elapsed_us = world->now_us - node->clock_set_us;
        return node->clock_base_us + elapsed_us * (uint64_t)(1000000 + node->drift_ppm) / 1000000;
}

uint64_t node_clock_ms(const struct world *world, const struct simulated_node *node)
{
        return clock_us(world, node) / 1000;
}

/* The first moment at which that clock shows at least clock_ms, if its rate stays as it is. */
uint64_t node_clock_to_us(const struct simulated_node *node, uint64_t clock_ms)
{
        if (clock_ms * 1000 <= node->clock_base_us)
                return node->clock_set_us;
        uint64_t elapsed_us = clock_ms * 1000 - node->clock_base_us;
        return node->clock_set_us + elapsed_us * 1000000 / (uint64_t)(1000000 + node->drift_ppm) + 2;
}

void node_clock_drift(struct world *world, struct simulated_node *node, int32_t drift_ppm)
{
        node->clock_base_us = clock_us(world, node);
        node->clock_set_us = world->now_us;
        node->drift_ppm = drift_ppm;
}

void power_on(struct world *world, struct simulated_node *node)
{
        assert(!node->powered);
        node->powered = true;
        node->frozen = false;
        fence_switch_on(node);
        node->power_life = ++world->next_life;
        node->dark = false;
        node->boot_us = world->now_us;
        node->clock_set_us = world->now_us;
        node->clock_base_us = MS(random_between(&world->random, 1000, 90000));
        node->boot = random_next(&world->random) | 1;
        world_note(world, node, "boots");
        tell(world, "", "power %s on", node->name);
        keeper_start(world, node);
        network_start(world, node);
        shell_start_later(world, node, random_between(&world->random, MS(20), MS(1500)));
}

/* Everything that was not durable is gone at this moment. */
void power_off(struct world *world, struct simulated_node *node, const char *why)
{
        if (!node->powered)
                return;
        world_note(world, node, "loses power: %s", why);
        tell(world, why, "power %s off", node->name);
        world->statistics->crashes++;
        if (node->daemon_life != 0)
                shell_stop(world, node);
        hypervisor_power_off(world, node);
        node->powered = false;
        node->frozen = false;
        node->power_life = 0;
        memset(&node->keeper, 0, sizeof(node->keeper));
        network_stop(world, node);
}

void power_boot_later(struct world *world, struct simulated_node *node, uint64_t delay_us)
{
        world_schedule(world, delay_us, EVENT_BOOT, node, 0, 0);
}

void power_on_boot(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        if (!node->powered && !node_set_has(world->descent.kept_off, node->id))
                power_on(world, node);
}

/* Nothing on the node runs, its guests neither; all of it goes on later as if no time had passed. */
void power_freeze(struct world *world, struct simulated_node *node, uint64_t duration_us)
{
        /* One after the other: what waits for the first would come behind what waits for both. */
        if (!node->powered || node->frozen || world->now_us < node->daemon_thaw_us)
                return;
        world_note(world, node, "freezes for %" PRIu64 " ms", duration_us / 1000);
        node->frozen = true;
        node->thaw_us = world->now_us + duration_us;
        world_schedule(world, duration_us, EVENT_THAW, node, 0, 0);
        network_changed(world);
}

void power_on_thaw(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        if (!node->frozen || world->now_us < node->thaw_us)
                return;
        world_note(world, node, "thaws");
        node->frozen = false;
        network_changed(world);
}

#define GOING_DOWN_US SECOND(4) /* longer than clusterd takes to end in order */

void power_shut_down(struct world *world, struct simulated_node *node)
{
        for (uint32_t number = 0; number < world->names.count; number++)
                if (node->hypervisor.domains[number].state == DOMAIN_RUNNING)
                        world_violate(world, "7: management stops a healthy guest", node,
                                      world->names.name[number], "its host is shut down");
        world_schedule(world, random_between(&world->random, MS(50), SECOND(2)), EVENT_SHUT_DOWN, node, 0, 0);
}

/* Somebody turns it on again, or it boots by itself. */
void power_on_shut_down(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        if (event->a == 0) {
                shell_stop_in_order(world, node, 0);
                world_schedule(world, GOING_DOWN_US, EVENT_SHUT_DOWN, node, 1, 0);
                return;
        }
        power_off(world, node, "shut down");
        power_boot_later(world, node, random_between(&world->random, SECOND(2), SECOND(20)));
}
