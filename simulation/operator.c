/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Somebody who gives commands at random, on any node, at any time. */

#include <string.h>

#include "clusterd/base/text.h"
#include "simulation/world.h"

static struct simulated_node *random_daemon(struct world *world)
{
        uint32_t first = (uint32_t)random_below(&world->random, world->node_count);
        for (uint32_t i = 0; i < world->node_count; i++) {
                struct simulated_node *node = &world->nodes[1 + (first + i) % world->node_count];
                if (node->daemon_life != 0 && !node->frozen)
                        return node;
        }
        return NULL;
}

static uint32_t random_node(struct world *world)
{
        return 1 + (uint32_t)random_below(&world->random, world->node_count);
}

static void random_role(struct world *world, char *role, size_t role_bytes)
{
        (void)snprintf(role, role_bytes, "vm%02u",
                       1 + (unsigned)random_below(&world->random, world->operator.names));
}

static void write_role_add(struct world *world, struct command *command)
{
        struct role *role = &command->role_add.role;
        command->kind = COMMAND_ROLE_ADD;
        if (world->operator.to_add> 0)
                TEXT_PRINT(role->name, "vm%02u", world->operator.to_add--);
        else
                random_role(world, role->name, sizeof(role->name));
        role->kind = ROLE_VM;
        role->desired = random_chance(&world->random, 800) ? DESIRED_RUNNING : DESIRED_STOPPED;
        TEXT_PRINT(role->uuid, "00000000-0000-4000-8000-%012llx",
                   (unsigned long long)(random_next(&world->random) & 0xffffffffffff));
        memset(role->definition_hash, (int)(1 + random_below(&world->random, 250)), HASH_BYTES);
        role->memory_mib = 256;
        role->cpus = 1;
        role->priority = (int32_t)random_below(&world->random, 3);
        role->stop_timeout_ms = random_chance(&world->random, 500) ? 1000 : 3000;
        if (random_chance(&world->random, 300))
                role->preferred[0] = random_node(world);
}

/* At most one node is kept empty at a time, as far as the asked node knows. */
static bool write_drain(struct world *world, const struct simulated_node *node, struct command *command)
{
        const struct model *model = cluster_model(node->core);
        command->node.node = random_node(world);
        command->kind = COMMAND_NODE_DRAIN;
        TEXT_PRINT(command->node.reason, "maintenance");
        MODEL_EACH_NODE (model, known) {
                if (known->duty == DUTY_ACTIVE)
                        continue;
                command->kind = COMMAND_NODE_RESUME;
                command->node.node = known->id;
        }
        return model_node(model, command->node.node) != NULL;
}

/* A careful one: looks at the power lamp before vouching. */
static bool write_confirm_off(struct world *world, const struct simulated_node *node, struct command *command)
{
        const struct model *model = cluster_model(node->core);
        WORLD_EACH_NODE (world, other) {
                const struct node *known = model_node(model, other->id);
                if (other->powered || known == NULL || known->state != NODE_LOST)
                        continue;
                command->kind = COMMAND_NODE_CONFIRM_OFF;
                command->node.node = other->id;
                command->node.incarnation = known->incarnation;
                TEXT_PRINT(command->node.reason, "looked at it");
                return true;
        }
        return false;
}

static void write_fence_add(struct world *world, struct command *command)
{
        struct fence_device *device = &command->fence_add;
        command->kind = COMMAND_FENCE_ADD;
        uint32_t number = random_node(world);
        TEXT_PRINT(device->name, "ipmi%u", number);
        TEXT_PRINT(device->agent, "fence_simulated");
        device->targets = random_chance(&world->random, 800)
                                  ? node_set_of(number)
                                  : node_set_of(number) | node_set_of(random_node(world));
        device->timeout_ms = 3000;
        TEXT_PRINT(device->options, "ip=10.9.9.9\n");
}

static void write_move(struct world *world, const struct simulated_node *node, struct command *command)
{
        command->kind = COMMAND_ROLE_MOVE;
        command->role_move.target = random_node(world);
        random_role(world, command->role_move.role, NAME_BYTES);
        TEXT_PRINT(command->role_move.reason, "asked for");
        const struct role *role = model_role(cluster_model(node->core), command->role_move.role);
        if (role != NULL && random_chance(&world->random, 300))
                command->role_move.generation = role->generation + 1;
}

static bool write_command(struct world *world, const struct simulated_node *node, struct command *command)
{
        uint64_t draw = random_below(&world->random, 100);
        if (draw < 25 || world->operator.to_add> 0) {
                write_role_add(world, command);
        } else if (draw < 50) {
                write_move(world, node, command);
        } else if (draw < 65) {
                command->kind = COMMAND_ROLE_START;
                random_role(world, command->role.role, NAME_BYTES);
        } else if (draw < 75) {
                command->kind = COMMAND_ROLE_STOP;
                random_role(world, command->role.role, NAME_BYTES);
                command->role.force = random_chance(&world->random, 300);
        } else if (draw < 78) {
                command->kind = COMMAND_ROLE_REMOVE;
                random_role(world, command->role.role, NAME_BYTES);
        } else if (draw < 82) {
                command->kind = COMMAND_ROLE_SET;
                command->role_set.fields = ROLE_FIELD_NOTE;
                random_role(world, command->role_set.role.name, NAME_BYTES);
                TEXT_PRINT(command->role_set.role.note, "note %u", (unsigned)draw);
        } else if (draw < 88) {
                return write_drain(world, node, command);
        } else if (draw < 91) {
                return write_confirm_off(world, node, command);
        } else if (draw < 99) {
                write_fence_add(world, command);
        } else {
                command->kind = COMMAND_NODE_FENCE;
                command->node.node = random_node(world);
                TEXT_PRINT(command->node.reason, "it smells");
        }
        return true;
}

static void ask(struct world *world, struct simulated_node *node, const struct command *command)
{
        struct cluster_event event;
        memset(&event, 0, sizeof(event));
        event.kind = CLUSTER_EVENT_REQUEST;
        event.request.token = ++world->operator.next_token;
        event.request.command = command;
        TEXT_PRINT(event.request.actor, "uid 0");
        char subject[NAME_BYTES + 8] = "";
        command_subject(command, subject, sizeof(subject));
        world_note(world, node, "is asked: %s %s", command_kind_name(command->kind), subject);
        world->statistics->requests++;
        shell_step(world, node, &event);
}

void operator_on_command(struct world *world, const struct event *event)
{
        (void)event;
        if (world->healing)
                return;
        struct simulated_node *node = random_daemon(world);
        struct command command;
        memset(&command, 0, sizeof(command));
        if (node != NULL && write_command(world, node, &command))
                ask(world, node, &command);
        uint64_t interval_us = world->operator.to_add> 0 ? MS(1) : world->operator.interval_us;
        world_schedule(world, random_between(&world->random, 1, 2 * interval_us), EVENT_OPERATOR, NULL, 0, 0);
}

void operator_begin(struct world *world)
{
        static const uint64_t intervals[] = { MS(100), MS(400), MS(1000), MS(3000) };
        world->operator.interval_us = intervals[random_below(&world->random, 4)];
        world->operator.to_add = world->options.roles;
        world_schedule(world, SECOND(3), EVENT_OPERATOR, NULL, 0, 0);
}

static void resume(struct world *world, struct simulated_node *leader, uint32_t id)
{
        struct command command;
        memset(&command, 0, sizeof(command));
        command.kind = COMMAND_NODE_RESUME;
        command.node.node = id;
        ask(world, leader, &command);
}

/* A node that somebody wanted off, and no device turns off, is switched off and on by hand. */
static void switch_off_and_on(struct world *world, const struct node *known)
{
        struct simulated_node *node = &world->nodes[known->id];
        if (known->state != NODE_LOST || !known->fence_wanted || !node->powered ||
            world->now_us < world->heal_us + SECOND(30) || world->now_us < node->boot_us + SECOND(20))
                return;
        power_off(world, node, "switched off by hand");
        power_boot_later(world, node, SECOND(2));
}

/* At the end nothing is kept empty or off, so that every role has a place. */
void operator_put_right(struct world *world)
{
        WORLD_EACH_NODE (world, node) {
                struct cluster_status status;
                if (!node->powered && world->now_us > world->heal_us + SECOND(30))
                        power_boot_later(world, node, MS(500));
                if (node->daemon_life == 0)
                        continue;
                cluster_status_read(node->core, &status);
                if (!status.active || status.leader != node->id)
                        continue;
                for (uint32_t id = 1; id <= world->node_count && node->daemon_life != 0; id++) {
                        const struct node *known = model_node(cluster_model(node->core), id);
                        if (known == NULL)
                                continue;
                        switch_off_and_on(world, known);
                        if (known->duty != DUTY_ACTIVE && node->daemon_life != 0)
                                resume(world, node, id);
                }
        }
}
