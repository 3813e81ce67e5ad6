/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Rules 4 and 7: without quorum a node changes nothing but its own safety, and
 * no failure of management stops a healthy guest. Looked at when a core orders
 * something, against the world. That a core is primary is checked; active and its guard are its own account.
 */

#include <inttypes.h>

#include "clusterd/core/role_state.h"
#include "simulation/fork.h"
#include "simulation/places.h"
#include "simulation/voters.h"
#include "simulation/world.h"

/* After the last that disturbed it, a node has so long to have contact again. */
#define CONTACT_US SECOND(4)
/* What was to be stopped is gone, and what stood still has told its keeper. */
#define SETTLED_US SECOND(40)

static bool changes_the_ledger(enum cluster_action_kind kind)
{
        return kind == CLUSTER_ACTION_APPEND || kind == CLUSTER_ACTION_TRUNCATE ||
               kind == CLUSTER_ACTION_PROMISE || kind == CLUSTER_ACTION_PUT_OBJECT ||
               kind == CLUSTER_ACTION_DELETE_OBJECT || kind == CLUSTER_ACTION_APPLIED ||
               kind == CLUSTER_ACTION_RESET || kind == CLUSTER_ACTION_SEND_ENTRIES ||
               kind == CLUSTER_ACTION_SEND_SNAPSHOT || kind == CLUSTER_ACTION_ANNOUNCE;
}

static bool is_proposal(const struct world *world, const struct cluster_action *action)
{
        return action->kind == CLUSTER_ACTION_MULTICAST &&
               world->actions->messages[action->message].kind == MESSAGE_PROPOSE;
}

/* The one thing that all else here takes the core's word for. */
static void check_primary(struct world *world, struct simulated_node *node,
                          const struct cluster_status *status)
{
        if (status->primary && node->station.view_given && !fork_is_round(world, status->epoch) &&
            !fork_is_old(world, node) &&
            !voters_would_do(world, node->station.members, node->memory.members_us))
                world_violate(world, "4: primary without a majority", node, NULL,
                              "its view has members %" PRIx64 " of voters %" PRIx64, node->station.members,
                              world->checker.voters);
}

static void check_quorum(struct world *world, struct simulated_node *node,
                         const struct cluster_action *action, const struct cluster_status *status)
{
        bool is_done = action->kind == CLUSTER_ACTION_REPLY && action->reply.outcome == REPLY_DONE;
        if (!status->primary && (changes_the_ledger(action->kind) || is_done || is_proposal(world, action)))
                world_violate(world, "4: acts without quorum", node, NULL,
                              "action %d while active=%d primary=%d", (int)action->kind, status->active,
                              status->primary);
        if (action->kind == CLUSTER_ACTION_STOP && !status->active && status->guard_valid && !status->parted)
                world_violate(world, "4: acts without quorum", node, action->role.name,
                              "stops it with a valid guard");
}

/* Whose clusterd stood still is a member, and gave no contact. */
static bool majority_was_awake(const struct world *world, const struct simulated_node *node,
                               uint64_t since_us, uint64_t moment_us)
{
        node_set awake = 0;
        /* What was given to a daemon that stands still may be of an older ring. */
        NODE_SET_EACH (node->station.members & node->station.ring->nodes, member)
                if (world->nodes[member].daemon_thaw_us + since_us + CONTACT_US < moment_us)
                        awake |= node_set_of(member);
        return voters_must_do(world, awake, moment_us - since_us - CONTACT_US);
}

/*
 * In a ring and in a view of a majority for so long before a moment, awake, with its daemon: nothing was
 * wrong but management.
 */
static bool was_in_contact(const struct world *world, const struct simulated_node *node, uint64_t since_us,
                           uint64_t moment_us)
{
        const struct ring *ring = node->station.ring;
        uint64_t latest_us = node->memory.members_us;
        if (ring == NULL || ring->broken || node->daemon_life == 0 ||
            !majority_was_awake(world, node, since_us, moment_us))
                return false;
        if (ring->formed_us > latest_us)
                latest_us = ring->formed_us;
        if (node->thaw_us > latest_us)
                latest_us = node->thaw_us;
        if (node->boot_us > latest_us)
                latest_us = node->boot_us;
        return latest_us + since_us + CONTACT_US < moment_us;
}

/* Asked of the core's own model, too: it may be the first to know what the history says. */
static bool is_wanted(const struct world *world, const struct simulated_node *node, const char *name)
{
        const struct role *known = model_role(cluster_model(node->core), name);
        const struct role *meant = model_role(world->checker.reference, name);
        return known == NULL || meant == NULL || known->state == ROLE_STOPPING ||
               known->state == ROLE_RECOVERING || !role_may_run_on(meant, node->id);
}

/* All of the history that its keeper has heard of: else it may not know by which leases a guest runs. */
static bool knows_its_history(const struct simulated_node *node)
{
        const struct guard_voters *told = &node->keeper.state.order.voters;
        struct cluster_status status;
        cluster_status_read(node->core, &status);
        return status.applied.index == status.last.index &&
               (told->epoch < status.last.epoch ||
                (told->epoch == status.last.epoch && told->index <= status.last.index));
}

/* By what its own ledger says, and the world of its leases: read anew, not asked of the core. */
static bool is_kept_by_leases(struct world *world, struct simulated_node *node, const char *name)
{
        const struct model *model = cluster_model(node->core);
        const struct role *role = model_role(model, name);
        uint64_t now_ms = node_clock_ms(world, node);
        if (role == NULL || !role_may_run_on(role, node->id) || !places_is_leased(model, role, node->id) ||
            !knows_its_history(node))
                return false;
        NODE_SET_EACH (role->leases, id) {
                const struct lease_node *lease = cluster_lease(node->core, id);
                const struct lease_io *io = &node->lease_ios[id];
                if (lease == NULL || lease->state != LEASE_HELD || !lease->confirmed ||
                    io->life != node->daemon_life ||
                    now_ms >= io->renewed_ms + lease->timings.lease_ms - lease->timings.stop_ms ||
                    lease->timings.watchdog_ms < model->settings.watchdog_ms)
                        return false;
        }
        return true;
}

static void check_stop(struct world *world, struct simulated_node *node, const struct cluster_action *action,
                       const struct cluster_status *status)
{
        const char *name = action->role.name;
        const struct domain *domain = hypervisor_domain(world, node, name);
        const struct simulated_node *sender = hypervisor_sender(world, node, name);
        bool arrives = sender != NULL && !history_left_behind(world, sender, name);
        if (domain == NULL || (domain->state != DOMAIN_RUNNING && !arrives) || fork_bars_guests(world, node))
                return;
        uint64_t hold_us = MS(cluster_model(node->core)->settings.isolation_hold_ms);
        /* Who is not level renews no guard that has lapsed: what could not be stopped then, or came later, is
         * stopped later. */
        uint64_t lapsed_us = node->memory.lapsed_us != 0 ? node->memory.lapsed_us : world->now_us;
        if (!status->guard_valid && !arrives && was_in_contact(world, node, hold_us, lapsed_us))
                world_violate(world, "7: management stops a healthy guest", node, name,
                              "its guard has lapsed in the middle of a majority: active=%d disk %s",
                              status->active, status->store_failed ? "fails" : "works");
        else if (!status->active && is_kept_by_leases(world, node, name))
                world_violate(world, "7: management stops a healthy guest", node, name,
                              "its leases stand: %s", action->reason);
        else if (status->guard_valid && !is_wanted(world, node, name) &&
                 !history_left_behind(world, node, name))
                world_violate(world, "7: management stops a healthy guest", node, name, "%s", action->reason);
}

void rights_check(struct world *world, struct simulated_node *node, const struct cluster_action *action)
{
        struct cluster_status status;
        if (node->loading)
                return;
        cluster_status_read(node->core, &status);
        check_primary(world, node, &status);
        check_quorum(world, node, action, &status);
        if (action->kind == CLUSTER_ACTION_STOP) {
                check_stop(world, node, action, &status);
                node->memory.stop_us = world->now_us;
        }
}

/* All that runs there has leases that stand, and nothing else had to be stopped first. Whose libvirtd does
 * not answer cannot know what runs. */
static void check_leased(struct world *world, struct simulated_node *node)
{
        bool runs = false;
        if (!shell_runs(world, node) || node->loading || node->frozen ||
            node->daemon_thaw_us + SETTLED_US > world->now_us || node->thaw_us + SETTLED_US > world->now_us ||
            node->memory.stop_us + SETTLED_US > world->now_us ||
            node->hypervisor.outage_until_us + SETTLED_US > world->now_us)
                return;
        for (uint32_t number = 0; number < world->names.count; number++) {
                const struct domain *domain = &node->hypervisor.domains[number];
                if (domain->state == DOMAIN_NONE)
                        continue;
                if (domain->state != DOMAIN_RUNNING || domain->jobs != NULL ||
                    !is_kept_by_leases(world, node, world->names.name[number]))
                        return;
                runs = true;
        }
        if (runs)
                world_violate(world, "7: management stops a healthy guest", node, NULL,
                              "the watchdog fires, and leases keep all that runs there");
}

/* Its guests die with it, for nothing. */
void rights_check_watchdog(struct world *world, struct simulated_node *node)
{
        if (node->daemon_life != 0 && !node->loading && fork_bars_guests(world, node))
                return;
        check_leased(world, node);
        const struct settings *settings = &world->checker.reference->settings;
        uint64_t patience_us =
                MS((uint64_t)settings->isolation_hold_ms + settings->stop_grace_ms + settings->watchdog_ms);
        if (node->frozen || !was_in_contact(world, node, patience_us, world->now_us))
                return;
        for (uint32_t number = 0; number < world->names.count; number++)
                if (node->hypervisor.domains[number].state == DOMAIN_RUNNING)
                        world_violate(world, "7: management stops a healthy guest", node,
                                      world->names.name[number],
                                      "the watchdog fires in the middle of a majority");
}
