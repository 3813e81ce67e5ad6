/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The world of a story: its cluster as it is written, and what befalls it. */

#include <assert.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "clusterd/core/reservation.h"
#include "simulation/world.h"

/* Of the history before the story: nobody has it any more, all hold what it adds up to. */
static struct ledger_position story_position(void)
{
        struct ledger_position position = { .epoch = 1, .index = 1 };
        memset(position.hash, 0x11, HASH_BYTES);
        return position;
}

void scenario_make_cluster(struct world *world, const struct scenario *scenario)
{
        world->node_count = scenario->node_count;
        world->settings = scenario->settings;
        world->quiet = !scenario->mishaps;
        world->fenced_stay_off = !scenario->fenced_boot;
        world->zero_us = scenario->cold ? 0 : SCENARIO_LEAD_US;
        world->roles_max = scenario->roles_max != 0 ? scenario->roles_max : scenario->names_max;
        names_init(&world->names,
                   scenario->names_max > world->roles_max ? scenario->names_max : world->roles_max);
        for (uint32_t id = 1; id <= world->node_count; id++)
                world->nodes[id].id = id;
        for (size_t i = 0; i < scenario->object_count; i++) {
                const struct node *row = &scenario->objects[i].node;
                if (scenario->objects[i].kind != OBJECT_NODE)
                        continue;
                TEXT_COPY(world->nodes[row->id].name, row->name);
                world->nodes[row->id].has_watchdog = row->watchdog;
                world->nodes[row->id].memory_mib = row->memory_mib;
                world->nodes[row->id].cpus = row->cpus;
        }
        if (scenario->settings.witness.kind != WITNESS_NONE)
                witness_make(world, &scenario->settings.witness);
        for (size_t i = 0; i < scenario->fence_count; i++)
                fence_habit_set(world, scenario->fences[i].name, scenario->fences[i].habit);
}

/* --- a warm start --- */

static void complete_node(struct world *world, const struct scenario *scenario, struct node *row)
{
        struct simulated_node *node = &world->nodes[row->id];
        bool off = node_set_has(scenario->off, row->id);
        row->state = off ? NODE_DOWN : NODE_UP;
        row->incarnation = row->incarnation == 0 ? 1 : row->incarnation;
        row->boot = off ? 1 : node->boot;
        row->since_index = 1;
        TEXT_PRINT(row->address, "10.0.0.%u", node->id);
        TEXT_PRINT(row->migration_address, "10.0.1.%u", node->id);
}

static void complete_role(struct world *world, const struct scenario *scenario, struct role *row)
{
        if (node_set_has(scenario->off, row->owner))
                row->owner = NODE_NONE;
        row->state = row->owner != NODE_NONE ? ROLE_ONLINE : ROLE_OFFLINE;
        row->generation = row->generation == 0 ? 1 : row->generation;
        row->since_index = 1;
        row->leases = row->volumes;
        row->started = row->generation;
        row->reserved = reservation_of_start(world->checker.reference, row);
        TEXT_PRINT(row->reason, "as the story begins");
}

/* Who is on has it, unless the story says otherwise; and who has lost it finds nothing there. */
static void complete_volume(struct world *world, const struct scenario *scenario, struct volume *row)
{
        WORLD_EACH_NODE (world, node) {
                if (node_set_has(row->paths[PATH_ABSENT], node->id))
                        volume_trouble(world, node, row->name)->lost_until_us = UINT64_MAX;
                else if (!node_set_has(scenario->off, node->id))
                        row->paths[PATH_DIRECT] |= node_set_of(node->id);
        }
        volume_adopt(world, row);
}

static void run_guest(struct world *world, const struct role *role)
{
        struct cluster_action action = { .kind = CLUSTER_ACTION_START };
        TEXT_COPY(action.role.name, role->name);
        memcpy(action.role.definition_hash, role->definition_hash, HASH_BYTES);
        struct simulated_node *owner = &world->nodes[role->owner];
        uint64_t volumes = gateway_volumes(world->checker.reference, role->name);
        hypervisor_adopt(world, owner, &action);
        if (volumes != 0)
                gateway_adopt(world, owner, hypervisor_domain(world, owner, role->name), role->name, volumes,
                              role->generation);
}

/* Its guard keeper has been at work: the guests that run there stand under it. */
static void arm_keeper(struct world *world, struct simulated_node *node)
{
        const struct settings *settings = &world->settings;
        uint64_t now_ms = node_clock_ms(world, node);
        struct guard_order order = { .armed = true,
                                     .isolation_hold_ms = settings->isolation_hold_ms,
                                     .stop_grace_ms = settings->stop_grace_ms,
                                     .watchdog_ms = settings->watchdog_ms,
                                     .contact_ms = now_ms };
        guard_take_order(&node->keeper.state, &order, now_ms);
}

static void begin_warm(struct world *world, const struct scenario *scenario)
{
        struct ledger_position position = story_position();
        WORLD_EACH_NODE (world, node)
                if (!node_set_has(scenario->off, node->id))
                        power_on(world, node);
        checker_begin(world, &position);
        for (size_t i = 0; i < scenario->object_count; i++) {
                struct object object = scenario->objects[i];
                if (object.kind == OBJECT_NODE)
                        complete_node(world, scenario, &object.node);
                if (object.kind == OBJECT_VOLUME)
                        complete_volume(world, scenario, &object.volume);
                if (object.kind == OBJECT_ROLE)
                        complete_role(world, scenario, &object.role);
                history_put(world, &object);
                WORLD_EACH_NODE (world, node)
                        disk_seed(&node->disk, &object, &position);
                if (object.kind != OBJECT_ROLE || object.role.owner == NODE_NONE)
                        continue;
                run_guest(world, &object.role);
                arm_keeper(world, &world->nodes[object.role.owner]);
        }
}

void scenario_begin(struct world *world, const struct scenario *scenario)
{
        bool peace = false;
        telling_begin(world, scenario);
        if (!scenario->cold)
                begin_warm(world, scenario);
        for (size_t i = 0; i < scenario->incidents.count; i++) {
                const struct incident *incident = &scenario->incidents.item[i];
                peace = peace || incident->kind == INCIDENT_PEACE;
                incident_schedule(world, *incident, world->zero_us + incident->at_us);
        }
        if (!peace)
                world_schedule(world, world->zero_us + scenario->end_us, EVENT_END, NULL, 0, 0);
}
