/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/lease_world_parts.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FAULT_MS 80000
#define CUT_MS   120000 /* in peace a node is isolated, and nothing else */
#define END_MS   180000

/* The cluster: who is a member, who leads, what the leader sees. */

static void observers_begin(struct world *world, struct host *host)
{
        const struct host *leader = &world->hosts[world->leader];
        lease_observer_begin(&host->observer, host->id, host_clock_ms(world, leader));
}

static void members_step(struct world *world)
{
        uint32_t leader = 0;
        for (EACH_HOST(world, host)) {
                bool there = works(world, host) && world->now_ms >= host->cut_until_ms;
                if (there)
                        host->gone_since_ms = world->now_ms;
                else
                        host->back_since_ms = world->now_ms;
                if (host->member && world->now_ms - host->gone_since_ms > 1500) {
                        host->member = false;
                        host->lost = true;
                        host->proven = false;
                        host->lost_since_ms = world->now_ms;
                        host->patience_ms = random_below(&world->random, 12000);
                        world->epoch++;
                        note(world, "n%u is lost", host->id);
                        if (world->leader != 0)
                                observers_begin(world, host);
                } else if (!host->member && world->now_ms - host->back_since_ms > 300) {
                        host->member = true;
                        host->lost = host->proven = false;
                        world->epoch++;
                        note(world, "n%u is back", host->id);
                }
        }
        for (EACH_HOST(world, host))
                if (leader == 0 && host->member)
                        leader = host->id;
        if (leader == world->leader)
                return;
        world->leader = leader;
        for (EACH_HOST(world, host)) {
                host->sight_end_ms = 0;
                if (leader != 0 && host->lost)
                        observers_begin(world, host);
        }
}

static void members_hear(struct world *world)
{
        for (EACH_HOST(world, host))
                if (host->member && works(world, host) && world->now_ms >= host->cut_until_ms)
                        memcpy(host->owner_known, world->owner, sizeof world->owner);
}

static void take_over(struct world *world, struct host *lost)
{
        lost->proven = true;
        note(world, "n%u proven: %s", lost->id, lease_finding_name(lost->observer.finding));
        for (int role = 0; role < ROLES; role++) {
                if (world->owner[role] != lost->id)
                        continue;
                uint32_t to = world->leader;
                for (EACH_HOST(world, host))
                        if (host->member && random_chance(&world->random, 500))
                                to = host->id;
                world->owner[role] = to;
        }
}

static void sight_begin(struct world *world, struct host *leader, struct host *host)
{
        uint64_t delay_ms = io_delay_ms(world, leader);
        host->sight = (struct lease_sight){ .started_ms = host_clock_ms(world, leader) };
        if (leader->failing_until_ms > world->now_ms)
                host->sight.error = -EIO;
        host->sight_end_ms = world->now_ms + delay_ms;
        host->sight_effect_ms = io_effect_ms(world, delay_ms);
}

static void sight_effect(struct world *world, struct host *host)
{
        uint64_t sector = LEASE_SECTOR(host->id);
        host->sight.content =
                lease_record_decode(world->disk[sector], &world->area, host->id, &host->sight.record);
        host->sight.has_revocation = lease_revocation_decode(world->disk[sector + 1], &world->area, host->id,
                                                             &host->sight.revocation) == SECTOR_VALID;
        host->sight_effect_ms = LEASE_NEVER;
}

static void revoke(struct world *world, struct host *leader, struct host *host)
{
        struct lease_revocation revocation;
        uint8_t bytes[SECTOR_BYTES];
        if (world->now_ms < host->lost_since_ms + host->patience_ms ||
            world->now_ms < host->revoked_at_ms + 1000)
                return;
        if (!lease_observer_revokes(&host->observer, leader->id, world->epoch, 1, &revocation))
                return;
        lease_revocation_encode(&world->area, &revocation, bytes);
        orphan_add(world, REVOCATION_SECTOR(host->id), bytes, world->now_ms + io_delay_ms(world, leader));
        host->revoked_at_ms = world->now_ms;
        note(world, "n%u revokes the lease of n%u", leader->id, host->id);
}

static void observe(struct world *world, struct host *leader, struct host *host)
{
        if (host->sight_end_ms != 0 && world->now_ms >= host->sight_effect_ms)
                sight_effect(world, host);
        if (!works(world, leader))
                return;
        if (host->sight_end_ms == 0 && world->now_ms >= host->sight_due_ms) {
                sight_begin(world, leader, host);
        } else if (host->sight_end_ms != 0 && world->now_ms >= host->sight_end_ms &&
                   host->sight_effect_ms == LEASE_NEVER) {
                host->sight_end_ms = 0;
                host->sight_due_ms = world->now_ms + random_below(&world->random, 200);
                host->sight.ended_ms = host_clock_ms(world, leader);
                if (!host->lost)
                        return;
                enum lease_finding finding = lease_observer_see(&host->observer, &host->sight);
                world->result->findings[finding]++;
                if (finding == LEASE_FINDING_RELEASED || finding == LEASE_FINDING_EXPIRED)
                        take_over(world, host);
                else
                        revoke(world, leader, host);
        }
}

static void cluster_step(struct world *world)
{
        members_step(world);
        for (EACH_HOST(world, host))
                if (world->leader != 0 && !host->proven)
                        observe(world, &world->hosts[world->leader], host);
        members_hear(world);
}

/* What goes wrong */

static void area_damage(struct world *world, struct host *host)
{
        uint64_t sector = LEASE_SECTOR(host->id),
                 other = LEASE_SECTOR(1 + random_below(&world->random, NODES));
        uint8_t saved[RECORD_BYTES];
        switch (random_below(&world->random, 4)) {
        case 0:
                note(world, "n%u: its sector is blank", host->id);
                memset(world->disk[sector], 0, RECORD_BYTES);
                break;
        case 1:
                note(world, "n%u: a bit of its sector flips", host->id);
                world->disk[sector][random_below(&world->random, RECORD_BYTES)] ^= 4;
                break;
        case 2:
                note(world, "n%u: its sector is swapped", host->id);
                memcpy(saved, world->disk[sector], RECORD_BYTES);
                memcpy(world->disk[sector], world->disk[other], RECORD_BYTES);
                memcpy(world->disk[other], saved, RECORD_BYTES);
                break;
        case 3:
                /* Of another cluster, from now on: it may not be written over. */
                note(world, "n%u: its sector is of another cluster", host->id);
                struct lease_area_id area = { .cluster = "other" };
                struct lease_record record = {
                        .node = host->id, .sequence = 1, .incarnation = 1, .timings = world->timings
                };
                uint8_t bytes[SECTOR_BYTES];
                lease_record_encode(&area, &record, bytes);
                memcpy(world->disk[sector], bytes, RECORD_BYTES);
                break;
        }
}

static uint64_t later(struct world *world, uint64_t most_ms)
{
        return world->now_ms + random_below(&world->random, most_ms);
}

static void fault(struct world *world)
{
        struct host *host = &world->hosts[1 + random_below(&world->random, NODES)];
        switch (random_below(&world->random, 11)) {
        case 0:
                host->frozen_until_ms = later(world, random_chance(&world->random, 500) ? 3000 : 20000);
                note(world, "n%u freezes", host->id);
                break;
        case 1:
        case 2:
                host->cut_until_ms = later(world, 30000);
                note(world, "n%u is cut off", host->id);
                break;
        case 3:
                host->hung_until_ms = later(world, 20000);
                note(world, "n%u: its path hangs", host->id);
                break;
        case 4:
                host->failing_until_ms = later(world, 10000);
                note(world, "n%u: its path fails", host->id);
                break;
        case 5:
                if (host->powered)
                        power_off(world, host, "power cut");
                break;
        case 6:
                if (host->powered && host->process)
                        process_stop(world, host,
                                     random_below(&world->random,
                                                  random_chance(&world->random, 500) ? 1500 : 8000));
                note(world, "n%u: its process is killed", host->id);
                break;
        case 7:
                if (works(world, host)) {
                        struct lease_event event = { .kind = LEASE_EVENT_END };
                        lease_step(world, host, &event);
                }
                break;
        case 8:
                if (random_chance(&world->random, 300))
                        area_damage(world, host);
                break;
        case 9:
        case 10:
                /* All at once: lost, then without its volume, and with guests that cannot be stopped. */
                host->cut_until_ms = world->now_ms + 20000;
                host->stubborn_until_ms = world->now_ms + 20000;
                host->hang_at_ms = later(world, 5000);
                note(world, "n%u is ambushed", host->id);
                break;
        }
}

static void check_hosts(struct world *world)
{
        for (EACH_HOST(world, host)) {
                uint64_t clock_ms = host_clock_ms(world, host);
                if (!works(world, host))
                        continue;
                if (lease_node_may_start(&host->lease, clock_ms) &&
                    !lease_node_may_keep(&host->lease, clock_ms))
                        broken(world, host, "guests may start where none may run on");
                if (host->lease.state == LEASE_HELD && !lease_node_may_keep(&host->lease, clock_ms))
                        broken(world, host, "a lease is held that has lapsed");
        }
}

/* A frozen guest counts: what it has in flight, and what it does on waking, reaches the volume. */
static void check_guests(struct world *world)
{
        for (int role = 0; role < ROLES; role++) {
                const struct host *runner = NULL;
                for (EACH_HOST(world, host)) {
                        enum guest_state state = host->guests[role].state;
                        if (state != GUEST_RUNNING && state != GUEST_STOPPING)
                                continue;
                        if (runner != NULL)
                                broken(world, host, "a role runs twice");
                        runner = host;
                }
        }
}

static void peace(struct world *world)
{
        world->stall_per_mille = world->fail_per_mille = world->tear_per_mille = world->hang_per_mille = 0;
        memset(world->orphans, 0, sizeof world->orphans);
        for (EACH_HOST(world, host)) {
                struct lease_record record;
                uint8_t *sector = world->disk[LEASE_SECTOR(host->id)];
                host->cut_until_ms = host->hung_until_ms = host->hang_at_ms = host->failing_until_ms =
                        host->frozen_until_ms = host->stubborn_until_ms = 0;
                /* Somebody has seen to the area. */
                if (lease_record_decode(sector, &world->area, host->id, &record) == SECTOR_FOREIGN)
                        memset(sector, 0, RECORD_BYTES);
                /* And has pulled the plug of those whose guests cannot be stopped, and have no watchdog. */
                for (int role = 0; role < ROLES; role++)
                        if (host->powered && host->guests[role].until_ms == LEASE_NEVER)
                                power_off(world, host, "pulled");
        }
}

static void check_end(struct world *world)
{
        for (EACH_HOST(world, host))
                if (!lease_node_may_start(&host->lease, host_clock_ms(world, host)))
                        broken(world, host, "a healthy node has no lease in the end");
        for (int role = 0; role < ROLES; role++) {
                struct host *owner = &world->hosts[world->owner[role]];
                if (owner->guests[role].state != GUEST_RUNNING)
                        broken(world, owner, "a role does not run in the end");
        }
}

static void world_init(struct world *world)
{
        random_init(&world->random, world->seed);
        world->timings = lease_timings_default;
        world->area = (struct lease_area_id){ .cluster = "this", .volume = { 1, 2, 3 } };
        world->stall_per_mille =
                random_chance(&world->random, 500) ? (uint32_t)random_below(&world->random, 30) : 0;
        world->fail_per_mille =
                random_chance(&world->random, 500) ? (uint32_t)random_below(&world->random, 100) : 0;
        world->tear_per_mille = (uint32_t)random_below(&world->random, 1000);
        world->hang_per_mille =
                random_chance(&world->random, 500) ? (uint32_t)random_below(&world->random, 900) : 0;
        for (uint32_t node = 1; node <= NODES; node++) {
                struct host *host = &world->hosts[node];
                host->id = node;
                host->has_watchdog = random_chance(&world->random, 800);
                host->drift_ppm = (int32_t)random_below(&world->random, 9001) - 4500;
                host_boot(world, host);
        }
        for (uint32_t role = 0; role < ROLES; role++)
                world->owner[role] = 1 + role % NODES;
}

void lease_world_run(uint64_t seed, bool verbose, struct lease_world_result *ret_result)
{
        struct world *world = calloc(1, sizeof *world);
        assert(world != NULL);
        memset(ret_result, 0, sizeof *ret_result);
        world->seed = seed;
        world->verbose = verbose;
        world->result = ret_result;
        world_init(world);
        for (; world->now_ms < END_MS && ret_result->broken == NULL; world->now_ms += STEP_MS) {
                orphans_step(world);
                for (EACH_HOST(world, host))
                        host_step(world, host);
                cluster_step(world);
                check_guests(world);
                check_hosts(world);
                if (world->now_ms < FAULT_MS && random_chance(&world->random, 4))
                        fault(world);
                if (world->now_ms == FAULT_MS)
                        peace(world);
                if (world->now_ms == CUT_MS)
                        world->hosts[1 + seed % NODES].cut_until_ms = CUT_MS + 30000;
                if (world->now_ms == CUT_MS + 29000 && !world->hosts[1 + seed % NODES].proven)
                        broken(world, &world->hosts[1 + seed % NODES],
                               "an isolated node keeps its roles for ever");
        }
        if (ret_result->broken == NULL)
                check_end(world);
        free(world);
}
