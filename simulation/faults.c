/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What goes wrong, when, and for how long. Each seed draws its own mixture. */

#include <inttypes.h>
#include <string.h>

#include "simulation/world.h"

static struct simulated_node *victim(struct world *world)
{
        return &world->nodes[1 + random_below(&world->random, world->node_count)];
}

/* Mostly short, sometimes long: both sides of every time-out are met. */
static uint64_t duration(struct world *world)
{
        struct random *random = &world->random;
        switch (random_below(random, 3)) {
        case 0:
                return random_between(random, MS(20), MS(1500));
        case 1:
                return random_between(random, MS(1500), MS(6000));
        default:
                return random_between(random, MS(6000), MS(25000));
        }
}

static void split(struct world *world, uint32_t parts)
{
        WORLD_EACH_NODE (world, node)
                node->station.label = (uint32_t)random_below(&world->random, parts);
        world_note(world, NULL, "the network splits into up to %u parts", parts);
        network_changed(world);
        world_schedule(world, duration(world), EVENT_MEND, NULL, 0, 0);
}

static void isolate(struct world *world, struct simulated_node *node)
{
        node->station.label = 100 + node->id;
        world_note(world, node, "is cut off");
        network_changed(world);
        world_schedule(world, duration(world), EVENT_MEND, NULL, 0, 0);
}

void faults_on_mend(struct world *world, const struct event *event)
{
        (void)event;
        WORLD_EACH_NODE (world, node)
                node->station.label = 0;
        world_note(world, NULL, "the network is whole");
        network_changed(world);
}

static void blackout(struct world *world)
{
        WORLD_EACH_NODE (world, node) {
                if (!node->powered)
                        continue;
                power_off(world, node, "blackout");
                power_boot_later(world, node, random_between(&world->random, MS(1000), MS(8000)));
        }
}

static void corosync_crash(struct world *world, struct simulated_node *node)
{
        if (!node->station.up)
                return;
        world_note(world, node, "corosync is gone");
        network_stop(world, node);
        if (node->daemon_life != 0) {
                struct cluster_event event = { .kind = CLUSTER_EVENT_VIEW };
                shell_send_later(world, node, &event, random_between(&world->random, 100, MS(5)));
        }
        world_schedule(world, random_between(&world->random, MS(200), MS(5000)), EVENT_COROSYNC, node, 0, 0);
}

void faults_on_corosync(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        if (node->station.up)
                return;
        world_note(world, node, "corosync is back");
        network_start(world, node);
        if (node->daemon_life != 0)
                network_join(world, node);
}

static bool somebody_is_blank(struct world *world)
{
        WORLD_EACH_NODE (world, node)
                if (node->disk.blank)
                        return true;
        return false;
}

/*
 * A new disk. One at a time, and only while every other holds all that was ever
 * committed: losing more is beyond what a majority can answer for.
 */
static bool may_wipe(struct world *world, const struct simulated_node *node)
{
        if (somebody_is_blank(world) || world->checker.count == 0 || world->node_count < 3)
                return false;
        WORLD_EACH_NODE (world, other) {
                if (other == node)
                        continue;
                if (other->disk.applied.index + 1 < world->checker.count ||
                    disk_last(&other->disk) < disk_last(&node->disk))
                        return false;
        }
        return true;
}

static void wipe(struct world *world, struct simulated_node *node)
{
        if (!may_wipe(world, node))
                return;
        power_off(world, node, "gets a new disk");
        disk_wipe(&node->disk);
        power_boot_later(world, node, random_between(&world->random, MS(1000), MS(5000)));
}

static void guest_fault(struct world *world, struct simulated_node *node, enum observation why)
{
        struct domain *domain = hypervisor_some_guest(world, node);
        if (domain == NULL || node->frozen)
                return;
        world_note(world, node, "guest %s ends by itself: %d", domain->name, (int)why);
        hypervisor_guest_ends(world, node, domain, why);
}

static void strike(struct world *world, enum fault_kind kind)
{
        struct simulated_node *node = victim(world);
        switch (kind) {
        case FAULT_PARTITION:
                split(world, random_chance(&world->random, 800) ? 2 : 3);
                return;
        case FAULT_ISOLATE:
                isolate(world, node);
                return;
        case FAULT_POWER:
                if (node->powered) {
                        power_off(world, node, "power fails");
                        power_boot_later(world, node, duration(world) + MS(1000));
                }
                return;
        case FAULT_BLACKOUT:
                blackout(world);
                return;
        case FAULT_FREEZE:
                power_freeze(world, node, duration(world));
                return;
        case FAULT_DAEMON:
                if (node->daemon_life != 0) {
                        shell_stop(world, node);
                        shell_start_later(world, node, duration(world) / 4);
                }
                return;
        case FAULT_COROSYNC:
                corosync_crash(world, node);
                return;
        case FAULT_DISK_FAIL:
                node->disk.failing_until_us = world->now_us + duration(world) / 2;
                world_note(world, node, "disk fails");
                return;
        case FAULT_DISK_SLOW:
                node->disk.slow_until_us = world->now_us + duration(world);
                world_note(world, node, "disk is slow");
                return;
        case FAULT_WIPE:
                wipe(world, node);
                return;
        case FAULT_HYPERVISOR:
                world_note(world, node, "libvirtd is away");
                hypervisor_outage(world, node, duration(world) / 2);
                return;
        case FAULT_GUEST_CRASH:
                guest_fault(world, node, OBSERVED_ABSENT_FAILED);
                return;
        case FAULT_GUEST_SHUTDOWN:
                guest_fault(world, node, OBSERVED_ABSENT_SHUTDOWN);
                return;
        case FAULT_FENCE:
                world_note(world, NULL, "fence devices do not work");
                world->faults.fence_broken_until_us = world->now_us + duration(world);
                return;
        case FAULT_COUNT:
                return;
        }
}

static enum fault_kind draw_kind(struct world *world)
{
        uint64_t sum = 1;
        for (int kind = 0; kind < FAULT_COUNT; kind++)
                sum += world->faults.weight[kind];
        uint64_t draw = random_below(&world->random, sum);
        for (int kind = 0; kind < FAULT_COUNT; kind++) {
                if (draw < world->faults.weight[kind])
                        return (enum fault_kind)kind;
                draw -= world->faults.weight[kind];
        }
        return FAULT_COUNT;
}

void faults_on_fault(struct world *world, const struct event *event)
{
        (void)event;
        if (!world->faults.on)
                return;
        strike(world, draw_kind(world));
        world_schedule(world, random_between(&world->random, 1, 2 * world->faults.interval_us), EVENT_FAULT,
                       NULL, 0, 0);
}

void faults_begin(struct world *world)
{
        static const uint64_t intervals[] = { MS(500), MS(2000), MS(5000), MS(12000) };
        static const uint32_t rarely[FAULT_COUNT] = { [FAULT_BLACKOUT] = 1, [FAULT_WIPE] = 1 };
        world->faults.on = true;
        world->faults.interval_us = intervals[random_below(&world->random, 4)];
        for (int kind = 0; kind < FAULT_COUNT; kind++) {
                if (random_chance(&world->random, 500))
                        continue;
                uint64_t most = rarely[kind] ? 3 : 20;
                world->faults.weight[kind] = (uint32_t)random_between(&world->random, 1, most);
        }
        world_schedule(world, SECOND(2), EVENT_FAULT, NULL, 0, 0);
}

void faults_end(struct world *world)
{
        world->faults.on = false;
        world->faults.fence_broken_until_us = 0;
        WORLD_EACH_NODE (world, node) {
                node->disk.failing_until_us = 0;
                node->disk.slow_until_us = 0;
                node->hypervisor.outage_until_us = 0;
        }
        faults_on_mend(world, NULL);
}
