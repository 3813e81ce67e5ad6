/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Power and clocks of the nodes, freezes, and the fence devices that cut the power. */

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "simulation/world.h"

uint64_t node_clock_ms(const struct world *world, const struct simulated_node *node)
{
        uint64_t elapsed_us = world->now_us - node->boot_us;
        return node->clock_start_ms + elapsed_us * (uint64_t)(1000000 + node->drift_ppm) / 1000000 / 1000;
}

/* The first moment at which that clock shows at least clock_ms. */
uint64_t node_clock_to_us(const struct simulated_node *node, uint64_t clock_ms)
{
        if (clock_ms <= node->clock_start_ms)
                return node->boot_us;
        uint64_t elapsed_ms = clock_ms - node->clock_start_ms;
        return node->boot_us + elapsed_ms * 1000 * 1000000 / (uint64_t)(1000000 + node->drift_ppm) + 2;
}

void power_on(struct world *world, struct simulated_node *node)
{
        assert(!node->powered);
        node->powered = true;
        node->frozen = false;
        node->feeds_off = 0;
        node->power_life = ++world->next_life;
        node->boot_us = world->now_us;
        node->clock_start_ms = random_between(&world->random, 1000, 90000);
        node->boot = random_next(&world->random) | 1;
        world_note(world, node, "boots");
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
        world->statistics->crashes++;
        if (node->daemon_life != 0)
                shell_stop(world, node);
        hypervisor_power_off(world, node);
        node->powered = false;
        node->frozen = false;
        node->power_life = 0;
        node->off_count++;
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
        if (!node->powered)
                power_on(world, node);
}

/* Nothing on the node runs, its guests neither; all of it goes on later as if no time had passed. */
void power_freeze(struct world *world, struct simulated_node *node, uint64_t duration_us)
{
        if (!node->powered || node->frozen)
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

/* --- fence devices --- */

/* Every node has two power supplies. "feed-a.." and "feed-b.." cut one, other devices both. */
#define FEED_A     1
#define FEED_B     2
#define FEEDS_BOTH (FEED_A | FEED_B)

static uint32_t feeds_of(const struct fence_device *device)
{
        if (strncmp(device->name, "feed-a", 6) == 0)
                return FEED_A;
        return strncmp(device->name, "feed-b", 6) == 0 ? FEED_B : FEEDS_BOTH;
}

enum fence_fate { FENCE_WORKS, FENCE_FAILS, FENCE_HANGS, FENCE_WORKS_UNCONFIRMED };

static enum fence_fate fence_draw(struct world *world)
{
        if (world->now_us < world->faults.fence_broken_until_us)
                return random_chance(&world->random, 500) ? FENCE_FAILS : FENCE_HANGS;
        if (world->healing)
                return FENCE_WORKS;
        if (random_chance(&world->random, 50))
                return FENCE_FAILS;
        if (random_chance(&world->random, 30))
                return FENCE_HANGS;
        return random_chance(&world->random, 30) ? FENCE_WORKS_UNCONFIRMED : FENCE_WORKS;
}

static void fence_answer(struct world *world, struct simulated_node *node,
                         const struct cluster_action *action, bool off, uint64_t delay_us)
{
        struct cluster_event event;
        memset(&event, 0, sizeof(event));
        event.kind = CLUSTER_EVENT_FENCE_DONE;
        event.fence.attempt = action->fence.attempt;
        event.fence.node = action->fence.node;
        event.fence.off = off;
        TEXT_COPY(event.fence.device, action->fence.device->name);
        TEXT_PRINT(event.fence.text, "%s", off ? "" : "simulated failure");
        shell_send_later(world, node, &event, delay_us);
}

void power_fence(struct world *world, struct simulated_node *node, const struct cluster_action *action)
{
        struct simulated_node *target = &world->nodes[action->fence.node];
        uint64_t cut_us = random_between(&world->random, MS(20), MS(150));
        uint64_t told_us = cut_us + random_between(&world->random, MS(1), MS(50));
        world->statistics->fences++;
        switch (fence_draw(world)) {
        case FENCE_WORKS:
                world_schedule(world, cut_us, EVENT_FENCE_CUT, target, feeds_of(action->fence.device), 0);
                fence_answer(world, node, action, true, told_us);
                return;
        case FENCE_WORKS_UNCONFIRMED:
                world_schedule(world, cut_us, EVENT_FENCE_CUT, target, feeds_of(action->fence.device), 0);
                fence_answer(world, node, action, false, told_us);
                return;
        case FENCE_FAILS:
                fence_answer(world, node, action, false, told_us);
                return;
        case FENCE_HANGS:
                fence_answer(world, node, action, false, MS(action->fence.device->timeout_ms));
                return;
        }
}

/* Cuts in whatever state the node is, also one that booted a moment ago; it is switched on again later. */
void power_on_fence_cut(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        node->feeds_off |= (uint32_t)event->a;
        if (node->feeds_off != FEEDS_BOTH)
                return;
        if (node->powered)
                power_off(world, node, "fenced");
        power_boot_later(world, node, random_between(&world->random, MS(1500), MS(12000)));
}
