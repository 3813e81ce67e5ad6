/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The guard's arithmetic, of the world as a whole: what a node counts from must lie before what those
 * count from who have lost it. That a guest ran too long shows only when everything else goes wrong, too.
 */

#include <inttypes.h>

#include "simulation/world.h"

#define SENT_BEFORE_US                                                                                       \
        SECOND(20)             /* what was sent to a node before it booted anew may arrive: a known limit */
#define CLOCK_SLACK_US MS(100) /* some seconds on a clock are not as long as elsewhere */

static uint64_t contact_ms(const struct simulated_node *node)
{
        uint64_t kept = node->keeper.state.contact_ms;
        if (node->daemon_life == 0 || node->loading)
                return kept;
        struct cluster_status status;
        cluster_status_read(node->core, &status);
        return status.contact_ms > kept ? status.contact_ms : kept;
}

/* It may lead nobody any more, and not know yet. */
static bool leads_its_ring(const struct simulated_node *leader, const struct cluster_status *status)
{
        const struct ring *ring = leader->station.ring;
        return ring != NULL && !ring->broken && ring->nodes == status->connected &&
               leader->station.inbox_count == 0;
}

static void check_contacts(struct world *world, struct simulated_node *leader,
                           const struct cluster_status *status)
{
        const struct node_memory *memory = &leader->memory;
        const struct ring *ring = leader->station.ring;
        if (!leads_its_ring(leader, status))
                return;
        WORLD_EACH_NODE (world, lost) {
                const struct node *known = model_node(cluster_model(leader->core), lost->id);
                if (known != NULL && known->forced_out)
                        continue; /* of its guard nothing is asked */
                if (!lost->powered || lost->station.ring == ring ||
                    node_set_has(status->connected, lost->id) || contact_ms(lost) == 0)
                        continue;
                uint64_t contact_us = world->now_us - MS(node_clock_ms(world, lost) - contact_ms(lost));
                uint64_t counts_us = memory->lost_us[lost->id] > memory->state_us ? memory->lost_us[lost->id]
                                                                                  : memory->state_us;
                if (contact_us > counts_us + CLOCK_SLACK_US)
                        world_violate(world, "3: a contact that was none", lost, NULL,
                                      "its guard counts from %" PRIu64 " us, %s from %" PRIu64 " us",
                                      contact_us, leader->name, counts_us);
        }
}

/*
 * That its guard has expired proves a node off only because no guest runs there without. A core that has no
 * contact may have disarmed it: it ends what comes as soon as it sees it, if it lives.
 */
void checker_armed(struct world *world, struct simulated_node *node, const char *role)
{
        bool is_fresh = node->boot_us + SENT_BEFORE_US > world->now_us;
        if (!node->has_watchdog || node->keeper.state.order.armed || is_fresh)
                return;
        struct cluster_status status = { .guard_valid = true };
        if (node->daemon_life != 0 && !node->loading)
                cluster_status_read(node->core, &status);
        if (status.guard_valid)
                world_violate(world, "3: a guest without a guard", node, role, "no watchdog would end it");
}

void checker_all_armed(struct world *world, struct simulated_node *node)
{
        for (uint32_t number = 0; number < world->names.count && !node->keeper.state.order.armed; number++)
                if (node->hypervisor.domains[number].state == DOMAIN_RUNNING)
                        checker_armed(world, node, world->names.name[number]);
}

static uint64_t sum_us(uint32_t hold_ms, uint32_t grace_ms, uint32_t watchdog_ms)
{
        return MS((uint64_t)hold_ms + grace_ms + watchdog_ms);
}

/* By the times that its keeper, or its daemon, was told last; a watchdog only where it is said to be needed.
 */
static uint64_t guard_takes_us(const struct simulated_node *node, bool by_watchdog)
{
        const struct guard_order *order = &node->keeper.state.order;
        uint64_t kept_us =
                sum_us(order->isolation_hold_ms, order->stop_grace_ms, by_watchdog ? order->watchdog_ms : 0);
        if (node->daemon_life == 0 || node->loading)
                return kept_us;
        const struct settings *settings = &cluster_model(node->core)->settings;
        uint64_t meant_us = sum_us(settings->isolation_hold_ms, settings->stop_grace_ms,
                                   by_watchdog ? settings->watchdog_ms : 0);
        return meant_us > kept_us ? meant_us : kept_us;
}

/* Does its own daemon still go by it, or would its keeper? */
static void check_lease_expired(struct world *world, const struct simulated_node *leader,
                                struct simulated_node *lost, uint32_t id)
{
        uint64_t now_ms = node_clock_ms(world, lost), slack_ms = CLOCK_SLACK_US / 1000;
        const struct lease_node *lease =
                lost->daemon_life != 0 && !lost->loading ? cluster_lease(lost->core, id) : NULL;
        if (lease != NULL && lease->confirmed &&
            (lease->state == LEASE_HELD || lease->state == LEASE_STOPPING) &&
            now_ms + slack_ms < lease->held_until_ms + lease->timings.watchdog_ms)
                world_violate(world, "3: a lease that has not expired", lost, NULL,
                              "%s says that it has, of volume %u", leader->name, id);
}

/* Does its record say so where the leader reads it? Whether it is true is asked when it is committed. */
static void check_lease_released(struct world *world, struct simulated_node *leader,
                                 const struct simulated_node *lost, uint32_t id)
{
        const struct volume *volume = model_volume_by_id(cluster_model(leader->core), id);
        const struct lease_sector *sector =
                volume == NULL
                        ? NULL
                        : volume_lease_sector_of(world, leader, volume->path + 1, volume->identity, lost->id);
        if (sector != NULL && sector->written && sector->record.state != LEASE_RECORD_RELEASED)
                world_violate(world, "3: a lease that was not given up", lost, NULL,
                              "%s says that it was, of volume %u", leader->name, id);
}

void checker_expired(struct world *world, struct simulated_node *leader, const struct cluster_status *status,
                     const struct command_node_evidence *evidence)
{
        struct simulated_node *lost = &world->nodes[evidence->node];
        if (evidence->kind == EVIDENCE_LEASE_RELEASED) {
                NODE_SET_EACH (evidence->leases, id)
                        check_lease_released(world, leader, lost, id);
                return;
        }
        if (!lost->powered || !leads_its_ring(leader, status) || lost->station.ring == leader->station.ring)
                return;
        bool by_watchdog = evidence->kind == EVIDENCE_GUARD_EXPIRED;
        /* Without keys a guest that comes later writes nothing. */
        uint64_t takes_us = guard_takes_us(lost, by_watchdog),
                 since_us = by_watchdog ? lost->hypervisor.arrived_us : 0;
        if (contact_ms(lost) != 0) {
                uint64_t contact_us = world->now_us - MS(node_clock_ms(world, lost) - contact_ms(lost));
                since_us = contact_us > since_us ? contact_us : since_us;
        }
        if (since_us != 0 && since_us + takes_us > world->now_us + CLOCK_SLACK_US)
                world_violate(world, "3: a guard that has not expired", lost, NULL,
                              "%s says that it has; it counts from %" PRIu64 " us, and takes %" PRIu64 " us",
                              leader->name, since_us, takes_us);
        NODE_SET_EACH (evidence->leases, id)
                check_lease_expired(world, leader, lost, id);
}

void checker_guard(struct world *world, struct simulated_node *node, const struct cluster_status *status)
{
        struct node_memory *memory = &node->memory;
        NODE_SET_EACH (memory->connected & ~status->connected, lost)
                memory->lost_us[lost] = world->now_us;
        memory->connected = status->connected;
        if (status->guard_valid)
                memory->lapsed_us = 0;
        else if (memory->lapsed_us == 0)
                memory->lapsed_us = world->now_us;
        if (status->active && status->leader == node->id)
                check_contacts(world, node, status);
        uint64_t hold_ms = cluster_model(node->core)->settings.isolation_hold_ms;
        if (status->guard_valid && node_clock_ms(world, node) > status->contact_ms + hold_ms)
                world_violate(world, "4: a guard that does not lapse", node, NULL,
                              "contact at %" PRIu64 " ms, hold %" PRIu64 " ms, now %" PRIu64 " ms",
                              status->contact_ms, hold_ms, node_clock_ms(world, node));
}
