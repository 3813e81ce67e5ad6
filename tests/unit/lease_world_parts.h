/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_TESTS_UNIT_LEASE_WORLD_PARTS_H
#define CLU_TESTS_UNIT_LEASE_WORLD_PARTS_H

/* What the parts of the world of leases share: lease_world_host.c has the hosts and their I/O, lease_world.c
 * the rest. */

#include "csv-storage/lease_node.h"
#include "simulation/random.h"
#include "tests/unit/lease_world.h"

#define NODES   4
#define ROLES   4
#define STEP_MS 10
#define ORPHANS 64

enum guest_state { GUEST_ABSENT, GUEST_STARTING, GUEST_RUNNING, GUEST_STOPPING };

struct guest {
        enum guest_state state;
        uint64_t until_ms; /* when starting or stopping ends; LEASE_NEVER: hangs */
};

/* Where a pass is. Each stage takes effect on the disk at one moment and answers at another. */
enum stage { STAGE_NONE, STAGE_READ, STAGE_WRITE, STAGE_READ_BACK };

struct io {
        enum stage stage;
        uint64_t effect_ms, whole_ms, end_ms; /* of the present stage; real time */
        bool effected;
        int error; /* the stage will end with */
        struct lease_pass pass;
        struct lease_pass_result result;
        uint8_t bytes[RECORD_BYTES];   /* written */
        uint8_t seen[2][RECORD_BYTES]; /* lease, revocation */
};

/* A write that nobody waits for any more: its process is gone, or it is a revocation. */
struct orphan {
        bool used;
        uint64_t effect_ms;
        uint64_t sector;
        uint8_t bytes[RECORD_BYTES];
};

struct host {
        uint32_t id;
        bool powered, process, has_watchdog;
        uint64_t boot, boots_at_ms, process_at_ms, frozen_until_ms, cut_until_ms, hung_until_ms, hang_at_ms,
                stubborn_until_ms, failing_until_ms;
        int64_t clock_offset_ms;
        int32_t drift_ppm;
        struct lease_node lease;
        struct io io;
        struct guest guests[ROLES];
        uint32_t owner_known[ROLES];
        uint64_t contact_at_ms, contact_due_ms,
                contact_epoch;    /* of the contact under way; node's clock, real time */
        uint64_t keeper_until_ms; /* of the lease, as the keeper was told last */
        uint64_t petted_ms;       /* node's clock */
        /* as the cluster sees it */
        bool member, lost, proven;
        uint64_t gone_since_ms, back_since_ms, lost_since_ms, sight_due_ms;
        struct lease_observer observer;
        struct lease_sight sight;
        uint64_t sight_effect_ms, sight_end_ms, patience_ms, revoked_at_ms;
};

struct world {
        struct random random;
        uint64_t seed, now_ms, epoch;
        struct host hosts[NODES + 1];
        uint8_t disk[2 * NODES + 2][RECORD_BYTES];
        struct orphan orphans[ORPHANS];
        uint32_t owner[ROLES];
        uint32_t leader;
        struct lease_area_id area;
        struct lease_timings timings;
        bool verbose;
        uint32_t stall_per_mille, fail_per_mille, tear_per_mille, hang_per_mille;
        struct lease_world_result *result;
};

#define EACH_HOST(world, host)                                                                               \
        struct host *host = (world)->hosts + 1;                                                              \
        host <= (world)->hosts + NODES;                                                                      \
        host++

__attribute__((format(printf, 2, 3))) void note(const struct world *world, const char *format, ...);
void broken(struct world *world, const struct host *host, const char *rule);
uint64_t host_clock_ms(const struct world *world, const struct host *host);
/* Its daemon can do something. */
bool works(const struct world *world, const struct host *host);

/* How long one I/O of the host takes from now, and when within that it takes effect. */
uint64_t io_delay_ms(struct world *world, const struct host *host);
uint64_t io_effect_ms(struct world *world, uint64_t delay_ms);
void orphan_add(struct world *world, uint64_t sector, const uint8_t *bytes, uint64_t effect_ms);
void orphans_step(struct world *world);

void lease_step(struct world *world, struct host *host, struct lease_event *event);
void process_stop(struct world *world, struct host *host, uint64_t down_ms);
void power_off(struct world *world, struct host *host, const char *why);
void host_boot(struct world *world, struct host *host);
void host_step(struct world *world, struct host *host);

#endif
