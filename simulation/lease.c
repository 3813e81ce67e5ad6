/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "simulation/lease.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "clusterd/base/text.h"
#include "simulation/world.h"

/* Passes are counted anew by each daemon: whose it is has to be told with it. */
struct asked {
        struct cluster_action action;
        uint64_t life;
};

/* A look at another's. */
struct sighting {
        struct cluster_action action;
        struct cluster_event event;
        uint64_t rest_us; /* from the read to the end */
};

static void schedule(struct world *world, struct simulated_node *node, const struct cluster_action *action,
                     enum event_kind kind, uint64_t delay_us)
{
        struct asked *asked = malloc(sizeof(*asked));
        assert(asked != NULL);
        *asked = (struct asked){ .action = *action, .life = node->daemon_life };
        world_schedule_payload(world, delay_us, kind, node, asked);
}

/* Does the present daemon wait for it? Its volume may be gone, and its worker closed. */
static bool is_awaited(const struct simulated_node *node, const struct asked *asked)
{
        const struct lease_io *io = &node->lease_ios[asked->action.lease.id];
        return asked->life == node->daemon_life && io->pass == asked->action.lease.pass &&
               io->identity == asked->action.lease.identity;
}

/* The lock on the leases: a write of an earlier daemon is on its way yet. */
static bool is_locked(const struct world *world, const struct simulated_node *node)
{
        for (uint32_t id = 1; id <= VOLUMES_MAX; id++)
                if (node->lease_ios[id].life != node->daemon_life &&
                    node->lease_ios[id].until_us > world->now_us)
                        return true;
        return false;
}

void lease_carry_out(struct world *world, struct simulated_node *node, const struct cluster_action *action)
{
        struct lease_io *io = &node->lease_ios[action->lease.id];
        const struct path_trouble *trouble = volume_trouble(world, node, action->lease.path + 1);
        uint64_t delay_us = random_between(&world->random, 300, MS(4));
        if (io->running && io->life == node->daemon_life && io->identity == action->lease.identity)
                world_violate(world, "5: two passes over a lease at once", node, NULL, "volume %u",
                              action->lease.id);
        if (world_mishap(world, 20))
                delay_us = random_between(&world->random, MS(100), MS(6000));
        if (trouble->hung_until_us > world->now_us)
                delay_us += trouble->hung_until_us - world->now_us;
        bool locked = is_locked(world, node);
        uint64_t renewed_ms =
                io->identity == action->lease.identity && io->life == node->daemon_life ? io->renewed_ms : 0;
        if (!locked)
                *io = (struct lease_io){ .until_us = world->now_us + delay_us };
        io->pass = action->lease.pass;
        io->identity = action->lease.identity;
        io->renewed_ms = renewed_ms;
        io->running = true;
        io->result = (struct lease_pass_result){ .started_ms = node_clock_ms(world, node),
                                                 .outcome = LEASE_PASS_FAILED,
                                                 .error = locked ? -EBUSY : -EIO };
        if (!locked) {
                io->life = node->daemon_life;
                schedule(world, node, action, EVENT_LEASE_WRITE, random_between(&world->random, 0, delay_us));
        }
        schedule(world, node, action, EVENT_LEASE_DONE, delay_us);
}

/* The sector that the node meets there; NULL: no area of that volume is. */
static struct lease_sector *sector_of(struct world *world, struct simulated_node *node,
                                      const struct cluster_action *action)
{
        const char *name = action->lease.path + 1;
        struct path_trouble *trouble = volume_trouble(world, node, name);
        if (trouble->lost_until_us > world->now_us)
                return NULL;
        return volume_lease_sector(world, node, name, action->lease.identity);
}

/* Of an earlier process of this boot: how far that had renewed it at least; 0: it had not. */
static uint64_t left_ms(const struct simulated_node *node, const struct lease_pass_result *result)
{
        const struct lease_record *record = &result->record;
        bool is_left = result->found == SECTOR_VALID && record->state == LEASE_RECORD_HELD &&
                       record->boot == node->boot && record->held_until_ms > record->timings.lease_ms;
        return is_left ? record->held_until_ms - record->timings.lease_ms : 0;
}

/* It lands whatever has become of the daemon meanwhile. */
void lease_on_write(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        const struct asked *asked = event->payload;
        const struct cluster_action *action = &asked->action;
        const struct lease_pass *pass = &action->lease.what;
        struct lease_io *io = &node->lease_ios[action->lease.id];
        struct lease_pass_result unread, *result = is_awaited(node, asked) ? &io->result : &unread;
        struct lease_sector *sector = sector_of(world, node, action);
        result->error = -ENOENT;
        if (sector == NULL)
                return;
        result->error = 0;
        result->record = sector->record;
        result->found = !sector->written ? SECTOR_BLANK : sector->damaged ? SECTOR_DAMAGED : SECTOR_VALID;
        if (pass->kind == LEASE_PASS_LOOK) {
                result->outcome = LEASE_PASS_DONE;
                return;
        }
        if (!lease_pass_may_write(pass, result->found, &sector->record)) {
                result->outcome = LEASE_PASS_REFUSED;
                return;
        }
        bool fails = world_mishap(world, 10), torn = world_mishap(world, 5);
        if (!fails || random_chance(&world->random, 500)) {
                sector->written = true;
                sector->damaged = torn;
                sector->record = pass->record;
                sector->written_us = world->now_us;
        }
        node->lease_written_us = world->now_us;
        result->has_revocation = sector->has_revocation;
        result->revocation = sector->revocation;
        result->outcome = fails || torn ? LEASE_PASS_FAILED : LEASE_PASS_DONE;
        result->error = fails || torn ? -EIO : 0;
}

void lease_on_done(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        const struct asked *asked = event->payload;
        const struct cluster_action *action = &asked->action;
        struct lease_io *io = &node->lease_ios[action->lease.id];
        if (!is_awaited(node, asked))
                return;
        struct cluster_event done = { .kind = CLUSTER_EVENT_LEASE };
        io->running = false;
        io->result.ended_ms = node_clock_ms(world, node);
        if (io->result.outcome == LEASE_PASS_DONE)
                io->renewed_ms = action->lease.what.kind == LEASE_PASS_LOOK ? left_ms(node, &io->result)
                                                                            : io->result.started_ms;
        done.lease.pass = io->pass;
        done.lease.id = action->lease.id;
        done.lease.result = io->result;
        shell_step(world, node, &done);
}

void lease_look(struct world *world, struct simulated_node *node, const struct cluster_action *action)
{
        const struct path_trouble *trouble = volume_trouble(world, node, action->sight.path + 1);
        struct sighting *sighting = calloc(1, sizeof(*sighting));
        assert(sighting != NULL);
        sighting->action = *action;
        if (action->kind == CLUSTER_ACTION_REVOKE) {
                sighting->event.kind = CLUSTER_EVENT_REVOKED;
                sighting->event.revoked.sight = action->sight.sight;
                world_schedule_payload(world, random_between(&world->random, 300, MS(4)), EVENT_SIGHT_READ,
                                       node, sighting);
                return;
        }
        sighting->event.kind = CLUSTER_EVENT_SIGHT;
        sighting->event.sight.sight = action->sight.sight;
        sighting->event.sight.id = action->sight.id;
        sighting->event.sight.node = action->sight.node;
        sighting->event.sight.result.started_ms = node_clock_ms(world, node);
        sighting->rest_us = random_between(&world->random, 100, MS(2));
        uint64_t delay_us = random_between(&world->random, 100, MS(2));
        if (world_mishap(world, 20))
                delay_us = random_between(&world->random, MS(100), MS(3000));
        if (world_mishap(world, 20))
                sighting->rest_us = random_between(&world->random, MS(100), MS(3000));
        if (trouble->hung_until_us > world->now_us)
                delay_us += trouble->hung_until_us - world->now_us;
        world_schedule_payload(world, delay_us, EVENT_SIGHT_READ, node, sighting);
}

/* What a leader wrote long ago may lie over it later: that is asked for again. */
static void revoke(struct world *world, struct sighting *sighting, struct lease_sector *sector)
{
        bool fails = world_mishap(world, 50);
        sighting->event.revoked.error = sector == NULL ? -ENOENT : fails ? -EIO : 0;
        if (sector == NULL || (fails && random_chance(&world->random, 500)))
                return;
        sector->has_revocation = true;
        sector->revocation = sighting->action.sight.revocation;
}

void lease_on_sight_read(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        struct sighting *sighting = malloc(sizeof(*sighting));
        assert(sighting != NULL);
        *sighting = *(const struct sighting *)event->payload;
        const struct cluster_action *action = &sighting->action;
        struct lease_sight *result = &sighting->event.sight.result;
        struct lease_sector *sector = NULL;
        if (volume_trouble(world, node, action->sight.path + 1)->lost_until_us <= world->now_us)
                sector = volume_lease_sector_of(world, node, action->sight.path + 1, action->sight.identity,
                                                action->sight.node);
        if (action->kind == CLUSTER_ACTION_REVOKE) {
                revoke(world, sighting, sector);
                world_schedule_payload(world, MS(1), EVENT_SIGHT_DONE, node, sighting);
                return;
        }
        if (sector == NULL || world_mishap(world, 10)) {
                result->error = sector == NULL ? -ENOENT : -EIO;
        } else {
                result->content = !sector->written  ? SECTOR_BLANK
                                  : sector->damaged ? SECTOR_DAMAGED
                                                    : SECTOR_VALID;
                result->record = sector->record;
                result->has_revocation = sector->has_revocation;
                result->revocation = sector->revocation;
        }
        world_schedule_payload(world, sighting->rest_us, EVENT_SIGHT_DONE, node, sighting);
}

void lease_on_sight_done(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        struct sighting *sighting = event->payload;
        if (sighting->event.kind == CLUSTER_EVENT_SIGHT)
                sighting->event.sight.result.ended_ms = node_clock_ms(world, node);
        shell_step(world, node, &sighting->event);
}

bool lease_can_expire(struct world *world, uint32_t observer, uint32_t of, const struct volume *volume)
{
        struct simulated_node *node = &world->nodes[observer];
        if (volume == NULL || volume_trouble(world, node, volume->path + 1)->lost_until_us > world->now_us ||
            volume_trouble(world, node, volume->path + 1)->hung_until_us > world->now_us)
                return false;
        const struct lease_sector *sector =
                volume_lease_sector_of(world, node, volume->path + 1, volume->identity, of);
        return sector != NULL && sector->written && !sector->damaged &&
               sector->record.timings.watchdog_ms != 0;
}

static void check_held(struct world *world, struct simulated_node *node, const struct volume *volume)
{
        const struct lease_node *lease = cluster_lease(node->core, volume->id);
        const struct lease_io *io = &node->lease_ios[volume->id];
        uint64_t now_ms = node_clock_ms(world, node);
        if (lease == NULL || lease->state != LEASE_HELD)
                return;
        if (io->identity != volume->identity || io->life != node->daemon_life ||
            now_ms >= io->renewed_ms + lease->timings.lease_ms)
                world_violate(world, "5: a lease that does not stand on its volume", node, NULL, "%s",
                              volume->name);
}

/* Alive since it was lost: it wrote to some volume later than that. Who is cut off itself may know of an
 * earlier loss only. */
static void check_isolated(struct world *world, struct simulated_node *node)
{
        const struct model *model = cluster_model(node->core);
        struct cluster_status status;
        cluster_status_read(node->core, &status);
        NODE_SET_EACH (status.isolated & ~node->isolated, id)
                tell(world, "", "isolated %s %s", world->nodes[id].name, node->name);
        node->isolated = status.isolated;
        NODE_SET_EACH (status.isolated, id)
                if (model->nodes[id].state != NODE_LOST ||
                    (model->nodes[id].lost_index == world->checker.reference->nodes[id].lost_index &&
                     world->nodes[id].lease_written_us <= world->checker.lost_us[id]))
                        world_violate(world, "6: a dead node is shown as isolated", node, NULL, "n%u", id);
}

void lease_check(struct world *world, struct simulated_node *node)
{
        MODEL_EACH_VOLUME (cluster_model(node->core), volume)
                check_held(world, node, volume);
        check_isolated(world, node);
}
