/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What goes wrong, when, and for how long. Each seed draws its own mixture. */

#include <inttypes.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "simulation/world.h"

static struct random *chance(struct world *world)
{
        return &world->faults.random;
}

static uint32_t victim(struct world *world)
{
        return 1 + (uint32_t)random_below(chance(world), world->node_count);
}

/* Mostly short, sometimes long: both sides of every time-out are met. */
static uint64_t duration(struct world *world)
{
        switch (random_below(chance(world), 3)) {
        case 0:
                return random_between(chance(world), MS(20), MS(1500));
        case 1:
                return random_between(chance(world), MS(1500), MS(6000));
        default:
                return random_between(chance(world), MS(6000), MS(25000));
        }
}

/* --- what they do, when it is not one line of incident.c --- */

void faults_on_mend(struct world *world, const struct event *event)
{
        (void)event;
        WORLD_EACH_NODE (world, node) {
                node->station.label = 0;
                node->station.cut = 0;
        }
        world_note(world, NULL, "the network is whole");
        network_changed(world);
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

static bool holds_all_of(const struct disk *disk, const struct disk *other)
{
        if (!disk_is_whole(disk) || disk->promised < other->promised || disk_last(disk) < disk_last(other))
                return false;
        if (other->entry_count == 0)
                return true;
        const struct entry *last = &other->entries[other->entry_count - 1];
        struct ledger_position position = { .epoch = last->epoch, .index = last->index };
        memcpy(position.hash, last->hash, HASH_BYTES);
        return disk_holds(disk, &position);
}

/* Without it, is there still a majority of the voters; and none of them being changed? */
static bool can_do_without(struct world *world, const struct simulated_node *node)
{
        node_set voters = world->checker.voters, others = voters & ~node_set_of(node->id);
        WORLD_EACH_NODE (world, other)
                for (size_t i = other->disk.entry_count; i-- > 0;) {
                        struct entry entry = other->disk.entries[i];
                        if (entry.index <= world->checker.count)
                                break;
                        entry_restore_command(&entry);
                        if (entry.command.kind == COMMAND_VOTER_SET)
                                return false;
                }
        /* The witness knows nothing that could be asked of it. */
        return 2 * node_set_count(others) > node_set_count(voters) + (world->checker.witness != 0);
}

/*
 * A new disk, or an older one: one at a time, and only while every other holds all that was ever committed
 * and all that this one holds and has promised. Losing more is beyond what a majority can answer for.
 */
bool faults_may_lose(struct world *world, const struct simulated_node *node)
{
        if (world->checker.count == 0 || world->node_count < 2 || !can_do_without(world, node))
                return false;
        WORLD_EACH_NODE (world, other)
                if (other != node && (other->disk.applied.index + 1 < world->checker.count ||
                                      !holds_all_of(&other->disk, &node->disk)))
                        return false;
        return true;
}

/* When its disk was backed up, did it alone decide? Then it would again, without asking those who know
 * better. */
bool faults_may_go_back(struct world *world, const struct simulated_node *node)
{
        const struct disk *backup = node->disk.backup;
        node_set alone = node_set_of(node->id);
        if (backup == NULL || world->witnesses.item[0].identity != 0 || !faults_may_lose(world, node))
                return false;
        for (size_t i = 0; i < backup->object_count; i++)
                if (backup->objects[i].kind == OBJECT_SETTINGS && backup->objects[i].settings.voters == alone)
                        return false;
        for (size_t i = 0; i < backup->entry_count; i++) {
                struct entry entry = backup->entries[i];
                entry_restore_command(&entry);
                if (entry.command.kind == COMMAND_VOTER_SET && entry.command.voter_set.voters == alone)
                        return false;
        }
        return true;
}

/* --- what is drawn --- */

static struct incident draw_split(struct world *world)
{
        struct incident incident = { .kind = INCIDENT_PARTITION };
        uint64_t parts = random_chance(chance(world), 700) ? 2 : random_between(chance(world), 3, 8);
        WORLD_EACH_NODE (world, node)
                incident.parts[random_below(chance(world), parts)] |= node_set_of(node->id);
        incident.duration_us = duration(world);
        return incident;
}

/* Some nodes, or all, in the same moment. */
static void blackout(struct world *world, uint32_t permille)
{
        WORLD_EACH_NODE (world, node)
                if (node->powered && random_chance(chance(world), permille))
                        incident_schedule(world,
                                          (struct incident){ .kind = INCIDENT_POWER_OFF,
                                                             .node = node->id,
                                                             .duration_us = random_between(
                                                                     chance(world), MS(1000), MS(8000)) },
                                          0);
}

/* A cable that is loose: away and back, some times. */
static void flap(struct world *world)
{
        uint32_t node = victim(world);
        uint64_t at_us = 0;
        for (uint64_t times = random_between(chance(world), 2, 8); times > 0; times--) {
                struct incident incident = { .kind = INCIDENT_ISOLATE,
                                             .node = node,
                                             .duration_us = random_between(chance(world), MS(5), MS(3000)) };
                incident_schedule(world, incident, at_us);
                at_us += incident.duration_us + random_between(chance(world), MS(5), MS(3000));
        }
}

/*
 * A move that its source gets round to late: meanwhile its target is turned off, and mostly back before the
 * guest arrives there.
 */
static void late_move(struct world *world)
{
        struct simulated_node *source = &world->nodes[victim(world)];
        struct incident stop = { .kind = INCIDENT_STOP_LIBVIRTD, .node = source->id };
        struct incident move = { .kind = INCIDENT_CLU }, fence = { .kind = INCIDENT_CLU };
        const struct domain *domain = hypervisor_some_guest(world, source, chance(world));
        uint32_t target = victim(world);
        if (domain == NULL || target == source->id)
                return;
        stop.duration_us = random_between(chance(world), MS(2000), MS(6000));
        TEXT_PRINT(move.words, "role move %s --node n%u", domain->name, target);
        TEXT_PRINT(fence.words, "node fence n%u --reason \"it smells\"", target);
        struct incident off = { .kind = INCIDENT_POWER_OFF,
                                .node = target,
                                .duration_us = random_between(chance(world), MS(500), MS(4500)) };
        incident_schedule(world, stop, 0);
        incident_schedule(world, move, random_between(chance(world), MS(1), MS(50)));
        incident_schedule(world, random_chance(chance(world), 500) ? off : fence,
                          random_between(chance(world), MS(50), MS(500)));
}

/* A guest that runs on the victim. */
static struct incident draw_guest(struct world *world, enum incident_kind kind)
{
        struct incident incident = { .kind = kind };
        const struct domain *domain =
                hypervisor_some_guest(world, &world->nodes[victim(world)], chance(world));
        if (domain != NULL)
                TEXT_COPY(incident.role, domain->name);
        return incident;
}

static struct incident draw_node(struct world *world, enum incident_kind kind, uint64_t duration_us)
{
        return (struct incident){ .kind = kind, .node = victim(world), .duration_us = duration_us };
}

/* Some that do not hear some others, and mostly a third that hears both. */
static struct incident draw_links(struct world *world)
{
        struct incident incident = { .kind = INCIDENT_CUT_LINKS, .duration_us = duration(world) };
        uint64_t many = random_chance(chance(world), 700) ? 1 : 2;
        for (uint64_t i = 0; i < many; i++) {
                incident.parts[0] |= node_set_of(victim(world));
                incident.parts[1] |= node_set_of(victim(world));
        }
        incident.parts[1] &= ~incident.parts[0];
        return incident;
}

/* No rule reads the wall clock; the other one drifts by less than the margin allows for. */
static struct incident draw_clock(struct world *world)
{
        static const uint64_t steps_us[] = { MS(1), SECOND(1), SECOND(3600), SECOND(100000000) };
        uint64_t draw = random_below(chance(world), 4);
        if (draw < 2)
                return draw_node(world, draw == 0 ? INCIDENT_CLOCK_AHEAD : INCIDENT_CLOCK_BACK,
                                 random_between(chance(world), 1, steps_us[random_below(chance(world), 4)]));
        uint64_t most_us = random_chance(chance(world), 800) ? 500 : MS(5);
        return draw_node(world, draw == 2 ? INCIDENT_CLOCK_FAST : INCIDENT_CLOCK_SLOW,
                         random_between(chance(world), 1, most_us));
}

/* Where a guest writes to it; false: the victim has none such. */
static bool aim_at_guest(struct world *world, struct incident *incident)
{
        const struct domain *domain =
                hypervisor_some_guest(world, &world->nodes[incident->node], chance(world));
        const struct role *role = domain == NULL ? NULL : model_role(world->checker.reference, domain->name);
        const struct volume *volume = model_volume_by_id(world->checker.reference,
                                                         role == NULL ? 0 : node_set_lowest(role->volumes));
        if (volume == NULL)
                return false;
        TEXT_COPY(incident->role, volume->name);
        return true;
}

/* The process that writes for some guest elsewhere. */
static bool aim_at_export(struct world *world, struct incident *incident)
{
        WORLD_EACH_NODE (world, node)
                for (uint32_t number = 0; number < world->names.count; number++)
                        if (node->hypervisor.exports[number].there) {
                                incident->kind = INCIDENT_KILL_EXPORT;
                                incident->node = node->id;
                                TEXT_COPY(incident->role, world->names.name[number]);
                                return true;
                        }
        return false;
}

/* Of san1, if there is one. */
static struct incident draw_target(struct world *world)
{
        struct incident incident = { .kind = INCIDENT_RESTART_TARGET };
        if (random_chance(chance(world), 600))
                incident = draw_node(world, INCIDENT_LOSE_PATH, duration(world));
        TEXT_PRINT(incident.role, "san1");
        return incident;
}

static struct incident draw_path(struct world *world)
{
        if (world->operator.likes_luns && random_chance(chance(world), 400))
                return draw_target(world);
        static const enum incident_kind kinds[] = { INCIDENT_FAIL_PATH, INCIDENT_FAIL_PATH,
                                                    INCIDENT_LOSE_PATH, INCIDENT_FAIL_WRITES,
                                                    INCIDENT_HANG_PATH, INCIDENT_MISPLACE_PATH };
        struct incident incident = draw_node(world, kinds[random_below(chance(world), 6)], duration(world));
        TEXT_PRINT(incident.role, "csv%u", 1 + (unsigned)random_below(chance(world), 2));
        if (random_chance(chance(world), 200) && aim_at_export(world, &incident))
                return incident;
        if (random_chance(chance(world), 700) && aim_at_guest(world, &incident) &&
            random_chance(chance(world), 500))
                incident.duration_us *= 3;
        return incident;
}

static struct incident draw(struct world *world, enum fault_kind kind)
{
        switch (kind) {
        case FAULT_PARTITION:
                return draw_split(world);
        case FAULT_ISOLATE:
                return draw_node(world, INCIDENT_ISOLATE, duration(world));
        case FAULT_POWER:
                return draw_node(world, INCIDENT_POWER_OFF, duration(world) + MS(1000));
        case FAULT_FREEZE:
                return draw_node(world, INCIDENT_FREEZE, duration(world));
        case FAULT_DAEMON:
                if (random_chance(chance(world), 400))
                        return draw_node(world, INCIDENT_FREEZE_CLUSTERD, duration(world));
                if (random_chance(chance(world), 300))
                        return draw_node(world, INCIDENT_STOP_CLUSTERD, duration(world) / 4);
                return draw_node(world, INCIDENT_KILL_CLUSTERD, duration(world) / 4);
        case FAULT_COROSYNC:
                if (random_chance(chance(world), 300))
                        return draw_node(world, INCIDENT_STOP_COROSYNC, duration(world));
                return draw_node(world, INCIDENT_KILL_COROSYNC,
                                 random_between(chance(world), MS(200), MS(5000)));
        case FAULT_DISK_FAIL:
                return draw_node(world, INCIDENT_FAIL_DISK, duration(world) / 2);
        case FAULT_DISK_SLOW:
                return draw_node(world, INCIDENT_SLOW_DISK, duration(world));
        case FAULT_DISK_HANG:
                return draw_node(world, INCIDENT_HANG_DISK, duration(world));
        case FAULT_BACK_UP:
                return draw_node(world, INCIDENT_BACK_UP_DISK, 0);
        case FAULT_RESTORE:
                return draw_node(world, INCIDENT_RESTORE_DISK,
                                 random_between(chance(world), MS(20), MS(5000)));
        case FAULT_CLOCK:
                return draw_clock(world);
        case FAULT_LINKS:
                return draw_links(world);
        case FAULT_WIPE:
                return draw_node(world, INCIDENT_WIPE, random_between(chance(world), MS(1000), MS(5000)));
        case FAULT_WATCHDOG:
                if (random_chance(chance(world), 500))
                        return draw_node(world, INCIDENT_LOAD_WATCHDOG, 0);
                return draw_node(world, INCIDENT_UNLOAD_WATCHDOG, duration(world));
        case FAULT_HYPERVISOR:
                return draw_node(world, INCIDENT_STOP_LIBVIRTD, duration(world) / 2);
        case FAULT_GUEST_CRASH:
                return draw_guest(world, INCIDENT_CRASH_GUEST);
        case FAULT_GUEST_SHUTDOWN:
                return draw_guest(world, INCIDENT_SHUT_DOWN_GUEST);
        case FAULT_FENCE:
                return (struct incident){ .kind = INCIDENT_BREAK_FENCES, .duration_us = duration(world) };
        case FAULT_PROPOSAL:
                return hostile_draw(world);
        case FAULT_PATH:
                return draw_path(world);
        case FAULT_BLACKOUT:
        case FAULT_CUT:
        case FAULT_FLAP:
        case FAULT_LATE_MOVE:
        case FAULT_COUNT:
                break;
        }
        return (struct incident){ .kind = INCIDENT_KIND_COUNT };
}

static void strike(struct world *world, enum fault_kind kind)
{
        if (kind == FAULT_BLACKOUT || kind == FAULT_CUT) {
                blackout(world, kind == FAULT_BLACKOUT ? 1000 : 500);
                return;
        }
        if (kind == FAULT_FLAP) {
                flap(world);
                return;
        }
        if (kind == FAULT_LATE_MOVE) {
                late_move(world);
                return;
        }
        struct incident incident = draw(world, kind);
        if (incident.kind == INCIDENT_KIND_COUNT)
                return;
        if (incident.kind == INCIDENT_CUT_LINKS && incident.parts[1] == 0)
                return;
        bool of_guest = incident.kind == INCIDENT_CRASH_GUEST || incident.kind == INCIDENT_SHUT_DOWN_GUEST;
        if (!of_guest || incident.role[0] != '\0')
                incident_schedule(world, incident, 0);
}

static enum fault_kind draw_kind(struct world *world)
{
        uint64_t sum = 1;
        for (int kind = 0; kind < FAULT_COUNT; kind++)
                sum += world->faults.weight[kind];
        uint64_t draw = random_below(chance(world), sum);
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
        world_schedule(world, random_between(chance(world), 1, 2 * world->faults.interval_us), EVENT_FAULT,
                       NULL, 0, 0);
}

/*
 * What is under way is what is worth breaking: somebody falls out soon after a node spoke in a change of the
 * view, or began to act on the world.
 */
void faults_aim(struct world *world, const struct simulated_node *node)
{
        static const enum incident_kind kinds[] = { INCIDENT_POWER_OFF,     INCIDENT_KILL_CLUSTERD,
                                                    INCIDENT_KILL_COROSYNC, INCIDENT_ISOLATE,
                                                    INCIDENT_FREEZE,        INCIDENT_FAIL_DISK,
                                                    INCIDENT_STOP_LIBVIRTD };
        if (!world->faults.on || !random_chance(chance(world), world->faults.aim_permille))
                return;
        struct incident incident = { .kind = kinds[random_below(chance(world), 7)],
                                     .node = random_chance(chance(world), 700) ? node->id : victim(world),
                                     .duration_us = duration(world) };
        incident_schedule(world, incident, random_between(chance(world), 0, MS(30)));
}

void faults_begin(struct world *world)
{
        static const uint32_t aims[] = { 0, 0, 2, 10 };
        static const uint64_t intervals[] = { MS(500), MS(2000), MS(5000), MS(12000) };
        static const uint32_t rarely[FAULT_COUNT] = {
                [FAULT_BLACKOUT] = 1, [FAULT_WIPE] = 1, [FAULT_CUT] = 1, [FAULT_LATE_MOVE] = 1
        };
        world->faults.on = true;
        random_init(chance(world), world->options.seed ^ UINT64_C(0x6661756c7473));
        world->faults.aim_permille = aims[random_below(chance(world), 4)];
        world->faults.interval_us = intervals[random_below(chance(world), 4)];
        for (int kind = 0; kind < FAULT_COUNT; kind++) {
                if (random_chance(chance(world), 500))
                        continue;
                uint64_t most = rarely[kind] ? 3 : 20;
                world->faults.weight[kind] = (uint32_t)random_between(chance(world), 1, most);
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
                node->disk.hung_until_us = 0;
                node->hypervisor.outage_until_us = 0;
        }
        volume_mend(world);
        witness_mend(world);
        faults_on_mend(world, NULL);
}
