/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/lease_world_parts.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void note(const struct world *world, const char *format, ...)
{
        va_list arguments;
        if (!world->verbose)
                return;
        printf("%8.2f  ", (double)world->now_ms / 1000);
        va_start(arguments, format);
        vprintf(format, arguments);
        va_end(arguments);
        printf("\n");
}

void broken(struct world *world, const struct host *host, const char *rule)
{
        note(world, "BROKEN at n%u: %s", host->id, rule);
        if (world->result->broken != NULL)
                return;
        world->result->broken = rule;
        world->result->broken_at_ms = world->now_ms;
        world->result->broken_node = host->id;
}

uint64_t host_clock_ms(const struct world *world, const struct host *host)
{
        int64_t now_ms = (int64_t)world->now_ms;
        return (uint64_t)(now_ms + now_ms * host->drift_ppm / 1000000 + host->clock_offset_ms);
}

static bool is_alive(const struct world *world, const struct host *host)
{
        return host->powered && world->now_ms >= host->frozen_until_ms;
}

bool works(const struct world *world, const struct host *host)
{
        return is_alive(world, host) && host->process;
}

static bool is_present(const struct host *host)
{
        for (int role = 0; role < ROLES; role++)
                if (host->guests[role].state != GUEST_ABSENT)
                        return true;
        return false;
}

/* The disk */

static uint64_t sector_of(uint64_t sector)
{
        assert(sector < 2 * NODES + 2);
        return sector;
}

void orphan_add(struct world *world, uint64_t sector, const uint8_t *bytes, uint64_t effect_ms)
{
        for (struct orphan *orphan = world->orphans; orphan < world->orphans + ORPHANS; orphan++) {
                if (orphan->used)
                        continue;
                *orphan =
                        (struct orphan){ .used = true, .sector = sector_of(sector), .effect_ms = effect_ms };
                memcpy(orphan->bytes, bytes, RECORD_BYTES);
                return;
        }
}

void orphans_step(struct world *world)
{
        for (struct orphan *orphan = world->orphans; orphan < world->orphans + ORPHANS; orphan++) {
                if (!orphan->used || world->now_ms < orphan->effect_ms)
                        continue;
                memcpy(world->disk[orphan->sector], orphan->bytes, RECORD_BYTES);
                orphan->used = false;
        }
}

/* An I/O takes effect somewhere between its begin and its end; the ends are the hard cases. */
uint64_t io_effect_ms(struct world *world, uint64_t delay_ms)
{
        switch (random_below(&world->random, 3)) {
        case 0:
                return world->now_ms;
        case 1:
                return world->now_ms + delay_ms;
        default:
                return world->now_ms + random_below(&world->random, delay_ms + 1);
        }
}

/* How long one I/O of the host takes from now. */
uint64_t io_delay_ms(struct world *world, const struct host *host)
{
        uint64_t delay_ms = random_below(&world->random, 8);
        if (random_chance(&world->random, world->stall_per_mille))
                delay_ms = random_below(&world->random, random_chance(&world->random, 500) ? 4000 : 15000);
        if (host->hung_until_ms > world->now_ms + delay_ms)
                delay_ms = host->hung_until_ms - world->now_ms + random_below(&world->random, 100);
        return delay_ms;
}

static void io_stage(struct world *world, struct host *host, enum stage stage)
{
        struct io *io = &host->io;
        uint64_t delay_ms = io_delay_ms(world, host);
        bool fails = host->failing_until_ms > world->now_ms ||
                     random_chance(&world->random, world->fail_per_mille);
        io->stage = stage;
        io->end_ms = world->now_ms + delay_ms;
        io->effect_ms = io_effect_ms(world, delay_ms);
        io->whole_ms = io->effect_ms;
        if (stage == STAGE_WRITE && random_chance(&world->random, world->tear_per_mille))
                io->whole_ms = io->effect_ms + random_below(&world->random, io->end_ms - io->effect_ms + 1);
        io->effected = false;
        io->error = fails ? -EIO : 0;
        /* A write that fails may have happened, in part, or not at all. */
        if (fails && random_chance(&world->random, 500))
                io->effect_ms = LEASE_NEVER;
        if (fails && random_chance(&world->random, 500))
                io->whole_ms = LEASE_NEVER;
}

static void io_effect(struct world *world, struct host *host)
{
        struct io *io = &host->io;
        uint64_t sector = LEASE_SECTOR(host->id);
        if (io->stage == STAGE_WRITE) {
                if (world->now_ms >= io->effect_ms && !io->effected) {
                        memcpy(world->disk[sector], io->bytes, RECORD_BYTES / 4);
                        io->effected = true;
                }
                if (io->effected && world->now_ms >= io->whole_ms)
                        memcpy(world->disk[sector], io->bytes, RECORD_BYTES);
        } else if (world->now_ms >= io->effect_ms && !io->effected) {
                memcpy(io->seen[0], world->disk[sector], RECORD_BYTES);
                memcpy(io->seen[1], world->disk[sector + 1], RECORD_BYTES);
                io->effected = true;
        }
}

static void pass_end(struct world *world, struct host *host, enum lease_pass_outcome outcome);

/* The worker, after one I/O has ended. */
static void io_next(struct world *world, struct host *host)
{
        struct io *io = &host->io;
        uint8_t sector[SECTOR_BYTES];
        io_effect(world, host);
        if (io->error != 0) {
                pass_end(world, host, LEASE_PASS_FAILED);
        } else if (io->stage == STAGE_READ) {
                io->result.found =
                        lease_record_decode(io->seen[0], &world->area, host->id, &io->result.record);
                if (io->pass.kind == LEASE_PASS_LOOK) {
                        pass_end(world, host, LEASE_PASS_DONE);
                } else if (!lease_pass_may_write(&io->pass, io->result.found, &io->result.record)) {
                        pass_end(world, host, LEASE_PASS_REFUSED);
                } else {
                        if (io->result.found == SECTOR_FOREIGN)
                                broken(world, host, "what is not of this cluster is written over");
                        lease_record_encode(&world->area, &io->pass.record, sector);
                        memcpy(io->bytes, sector, RECORD_BYTES);
                        io_stage(world, host, STAGE_WRITE);
                }
        } else if (io->stage == STAGE_WRITE) {
                io_stage(world, host, STAGE_READ_BACK);
        } else {
                io->result.has_revocation = lease_revocation_decode(io->seen[1], &world->area, host->id,
                                                                    &io->result.revocation) == SECTOR_VALID;
                bool same = memcmp(io->seen[0], io->bytes, RECORD_BYTES) == 0;
                pass_end(world, host, same ? LEASE_PASS_DONE : LEASE_PASS_FAILED);
        }
}

/* A host's lease and guests */

static void guest_stop(struct world *world, struct host *host, int role, const char *why)
{
        struct guest *guest = &host->guests[role];
        if (guest->state == GUEST_ABSENT || guest->state == GUEST_STOPPING)
                return;
        guest->state = GUEST_STOPPING;
        guest->until_ms = world->now_ms + 20 + random_below(&world->random, 900);
        if (world->now_ms < host->stubborn_until_ms || random_chance(&world->random, world->hang_per_mille))
                guest->until_ms = LEASE_NEVER;
        world->result->stops++;
        note(world, "n%u stops r%d%s: %s", host->id, role, guest->until_ms == LEASE_NEVER ? " (hangs)" : "",
             why);
}

void lease_step(struct world *world, struct host *host, struct lease_event *event)
{
        struct lease_actions actions;
        enum lease_state before = host->lease.state;
        event->now_ms = host_clock_ms(world, host);
        lease_node_step(&host->lease, event, &actions);
        if (host->lease.state != before) {
                note(world, "n%u lease %s -> %s (%s)", host->id, lease_state_name(before),
                     lease_state_name(host->lease.state), lease_reason_name(host->lease.reason));
                world->result->lapsed += host->lease.state == LEASE_LAPSED;
                world->result->adoptions += host->lease.state == LEASE_HELD && host->lease.adopting;
                world->result->revoked +=
                        host->lease.state == LEASE_STOPPING && host->lease.reason == LEASE_REASON_REVOKED;
        }
        for (int role = 0; actions.stop_guests && role < ROLES; role++)
                guest_stop(world, host, role, "lease");
        if (!actions.start_pass)
                return;
        if (host->io.stage != STAGE_NONE)
                broken(world, host, "two passes at once");
        host->io = (struct io){ .pass = actions.pass };
        host->io.result.started_ms = host_clock_ms(world, host);
        io_stage(world, host, STAGE_READ);
}

static void pass_end(struct world *world, struct host *host, enum lease_pass_outcome outcome)
{
        struct lease_event event = { .kind = LEASE_EVENT_PASS, .pass = host->io.result };
        event.pass.outcome = outcome;
        event.pass.error = host->io.error;
        event.pass.ended_ms = host_clock_ms(world, host);
        host->io.stage = STAGE_NONE;
        world->result->refused += outcome == LEASE_PASS_REFUSED;
        lease_step(world, host, &event);
}

static void host_contact(struct world *world, struct host *host)
{
        if (host->contact_due_ms != 0 && world->now_ms >= host->contact_due_ms) {
                struct lease_event event = { .kind = LEASE_EVENT_CONTACT,
                                             .contact = { host->contact_at_ms, host->contact_epoch } };
                host->contact_due_ms = 0;
                lease_step(world, host, &event);
        }
        if (host->contact_due_ms == 0 && host->member && host->cut_until_ms <= world->now_ms) {
                host->contact_at_ms = host_clock_ms(world, host);
                host->contact_epoch = world->epoch;
                host->contact_due_ms =
                        world->now_ms + 50 +
                        random_below(&world->random, random_chance(&world->random, 100) ? 4000 : 700);
        }
}

/* What the daemon does about its guests; it goes by what it last heard of who owns what. */
static void host_guests(struct world *world, struct host *host)
{
        uint64_t clock_ms = host_clock_ms(world, host);
        for (int role = 0; role < ROLES; role++) {
                struct guest *guest = &host->guests[role];
                if (guest->state != GUEST_ABSENT && host->owner_known[role] != host->id)
                        guest_stop(world, host, role, "of another");
                if (guest->state == GUEST_ABSENT && host->owner_known[role] == host->id &&
                    lease_node_may_start(&host->lease, clock_ms)) {
                        guest->state = GUEST_STARTING;
                        guest->until_ms = world->now_ms + random_below(&world->random, 600);
                        if (host->petted_ms == 0)
                                host->petted_ms = clock_ms; /* armed before it starts */
                }
        }
        if (host->lease.state == LEASE_NONE && random_chance(&world->random, 100)) {
                struct lease_event event = { .kind = LEASE_EVENT_BEGIN };
                event.begin.incarnation = random_next(&world->random) | 1;
                event.begin.guests = is_present(host);
                lease_step(world, host, &event);
        }
        if ((host->lease.state == LEASE_STOPPING || host->lease.state == LEASE_LAPSED) && !is_present(host)) {
                struct lease_event event = { .kind = LEASE_EVENT_GUESTS_GONE };
                lease_step(world, host, &event);
        }
}

/* libvirtd, which needs no daemon of ours. */
static void host_hypervisor(struct world *world, struct host *host)
{
        for (int role = 0; role < ROLES; role++) {
                struct guest *guest = &host->guests[role];
                if (guest->state == GUEST_STARTING && world->now_ms >= guest->until_ms) {
                        guest->state = GUEST_RUNNING;
                        world->result->starts++;
                        note(world, "n%u runs r%d", host->id, role);
                }
                if (guest->state == GUEST_STOPPING && world->now_ms >= guest->until_ms) {
                        guest->state = GUEST_ABSENT;
                        note(world, "n%u: r%d is gone", host->id, role);
                }
        }
}

/* The keeper goes by what it was told last, also when the daemon is down. */
static void host_keeper(struct world *world, struct host *host)
{
        uint64_t clock_ms = host_clock_ms(world, host);
        if (host->process && (host->lease.state == LEASE_HELD || host->lease.state == LEASE_STOPPING))
                host->keeper_until_ms = host->lease.held_until_ms;
        if (!is_present(host))
                host->petted_ms = 0;
        else if (clock_ms < host->keeper_until_ms)
                host->petted_ms = clock_ms + random_below(&world->random, 200); /* reaches the device later */
}

/* What the kernel or the storage still has is written, in part or not at all, within a second of the host's
 * end. */
static void host_lose_io(struct world *world, struct host *host)
{
        struct io *io = &host->io;
        uint64_t latest_ms = world->now_ms + world->timings.margin_ms;
        if (io->stage == STAGE_WRITE && (!io->effected || world->now_ms < io->whole_ms) &&
            random_chance(&world->random, 500))
                orphan_add(world, LEASE_SECTOR(host->id), io->bytes,
                           io->end_ms < latest_ms ? io->end_ms : latest_ms);
        io->stage = STAGE_NONE;
}

/* Killed. The next one waits for its lock, which the kernel keeps until the last I/O has ended. */
void process_stop(struct world *world, struct host *host, uint64_t down_ms)
{
        struct io *io = &host->io;
        host->process = false;
        host->process_at_ms = world->now_ms + down_ms;
        if (io->stage != STAGE_NONE && io->end_ms > host->process_at_ms)
                host->process_at_ms = io->end_ms;
        host->contact_due_ms = 0;
}

static void process_start(struct world *world, struct host *host)
{
        struct lease_timings timings = world->timings;
        if (!host->has_watchdog)
                timings.watchdog_ms = 0;
        lease_node_init(&host->lease, host->id, host->boot, &timings);
        host->io.stage = STAGE_NONE;
        host->process = true;
}

void power_off(struct world *world, struct host *host, const char *why)
{
        note(world, "n%u is off: %s", host->id, why);
        process_stop(world, host, 0);
        host_lose_io(world, host);
        host->powered = false;
        host->boots_at_ms = world->now_ms + 2000 + random_below(&world->random, 12000);
        host->petted_ms = host->keeper_until_ms = 0;
        memset(host->guests, 0, sizeof host->guests);
}

static void host_watchdog(struct world *world, struct host *host)
{
        if (!host->powered || !host->has_watchdog || host->petted_ms == 0)
                return;
        if (host_clock_ms(world, host) < host->petted_ms + world->timings.watchdog_ms)
                return;
        world->result->resets++;
        power_off(world, host, "watchdog");
}

void host_boot(struct world *world, struct host *host)
{
        host->powered = true;
        host->boot = random_next(&world->random);
        /* CLOCK_BOOTTIME begins anew. */
        host->clock_offset_ms =
                -(int64_t)world->now_ms + (int64_t)random_below(&world->random, 100000) + 1000;
        host->frozen_until_ms = 0;
        memset(host->owner_known, 0, sizeof host->owner_known);
        process_start(world, host);
        note(world, "n%u boots", host->id);
}

void host_step(struct world *world, struct host *host)
{
        if (host->hang_at_ms != 0 && world->now_ms >= host->hang_at_ms) {
                host->hang_at_ms = 0;
                host->hung_until_ms = world->now_ms + random_below(&world->random, 15000);
        }
        if (host->io.stage != STAGE_NONE)
                io_effect(world, host);
        host_watchdog(world, host);
        if (!host->powered && world->now_ms >= host->boots_at_ms)
                host_boot(world, host);
        if (!is_alive(world, host))
                return;
        if (!host->process && world->now_ms >= host->process_at_ms)
                process_start(world, host);
        host_hypervisor(world, host);
        if (host->process) {
                struct lease_event tick = { .kind = LEASE_EVENT_TICK };
                lease_step(world, host, &tick);
                if (host->io.stage != STAGE_NONE && world->now_ms >= host->io.end_ms)
                        io_next(world, host);
                host_contact(world, host);
                host_guests(world, host);
        }
        host_keeper(world, host);
}
