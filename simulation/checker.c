/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What must never happen, looked at after every step of every core. Numbers are those of ARCHITECTURE.md. */

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "simulation/world.h"

/* --- rule 1: never two running guests of one role --- */

/* A frozen node's guest counts: it writes again when the node thaws. */
void checker_domain_changed(struct world *world, struct simulated_node *node, const char *role)
{
        WORLD_EACH_NODE (world, other) {
                if (other == node || !other->powered)
                        continue;
                const struct domain *domain = hypervisor_domain(other, role);
                if (domain != NULL && domain->state == DOMAIN_RUNNING)
                        world_violate(world, "1: two writers", node, role, "it runs on %s%s too", other->name,
                                      other->frozen ? " (frozen)" : "");
        }
}

/* --- rule 3, in the world itself: nobody else may be able to run it --- */

void checker_start_executed(struct world *world, struct simulated_node *node, const char *role,
                            uint64_t generation)
{
        const struct hypervisor_job *source = NULL;
        WORLD_EACH_NODE (world, other) {
                if (other == node || !hypervisor_may_run(other, role))
                        continue;
                for (size_t i = 0; i < JOBS_MAX; i++) {
                        const struct hypervisor_job *job = &other->hypervisor.jobs[i];
                        if (job->id != 0 && job->operation == OPERATION_MOVE &&
                            job->action.role.node == node->id && text_equal(job->action.role.name, role))
                                source = job;
                }
                if (source == NULL)
                        world_violate(world, "3: start without evidence", node, role,
                                      "generation %" PRIu64 " starts, while %s may still run it", generation,
                                      other->name);
        }
}

/* --- rule 4: actions on the world --- */

static void check_start(struct world *world, struct simulated_node *node, const struct cluster_action *action)
{
        const struct role *role = model_role(cluster_model(node->core), action->role.name);
        if (role == NULL || role->owner != node->id || role->generation != action->role.generation)
                world_violate(world, "4: acts without an entry", node, action->role.name,
                              "starts generation %" PRIu64 ", its model says owner %u generation %" PRIu64,
                              action->role.generation, role == NULL ? 0 : role->owner,
                              role == NULL ? 0 : role->generation);
}

static void check_move(struct world *world, struct simulated_node *node, const struct cluster_action *action)
{
        const struct role *role = model_role(cluster_model(node->core), action->role.name);
        if (role == NULL || role->state != ROLE_MOVING || role->owner != node->id ||
            role->target != action->role.node || role->generation != action->role.generation)
                world_violate(world, "4: acts without an entry", node, action->role.name,
                              "moves generation %" PRIu64 " to n%u, which its model does not say",
                              action->role.generation, action->role.node);
}

static void check_fence(struct world *world, struct simulated_node *node, const struct cluster_action *action)
{
        const struct model *model = cluster_model(node->core);
        const struct node *victim = model_node(model, action->fence.node);
        const struct fence_device *device = model_fence_device(model, action->fence.device->name);
        if (victim == NULL || victim->state == NODE_UP)
                world_violate(world, "4: acts without an entry", node, NULL,
                              "fences n%u, which is not lost in its model", action->fence.node);
        if (device == NULL || !node_set_has(device->targets, action->fence.node))
                world_violate(world, "4: acts without an entry", node, NULL,
                              "fences n%u by %s, which is not a device for it", action->fence.node,
                              action->fence.device->name);
}

void checker_action(struct world *world, struct simulated_node *node, const struct cluster_action *action)
{
        if (action->kind != CLUSTER_ACTION_START && action->kind != CLUSTER_ACTION_MOVE &&
            action->kind != CLUSTER_ACTION_FENCE)
                return;
        struct cluster_status status;
        cluster_status_read(node->core, &status);
        const char *role = action->kind == CLUSTER_ACTION_FENCE ? NULL : action->role.name;
        if (!status.active || !status.primary)
                world_violate(world, "4: acts without quorum", node, role,
                              "action %d while active=%d primary=%d", (int)action->kind, status.active,
                              status.primary);
        if (action->reason[0] == '\0')
                world_violate(world, "4: acts without a reason", node, role, "action %d", (int)action->kind);
        if (action->kind == CLUSTER_ACTION_START)
                check_start(world, node, action);
        else if (action->kind == CLUSTER_ACTION_MOVE)
                check_move(world, node, action);
        else
                check_fence(world, node, action);
}

/* --- rule 2: one history --- */

static void check_durable(struct world *world, struct simulated_node *node, const struct entry *entry)
{
        struct ledger_position position = { .epoch = entry->epoch, .index = entry->index };
        memcpy(position.hash, entry->hash, HASH_BYTES);
        node_set holders = 0;
        WORLD_EACH_NODE (world, other)
                if (disk_holds(&other->disk, &position))
                        holders |= node_set_of(other->id);
        if (2 * node_set_count(holders & world->settings.voters) <= node_set_count(world->settings.voters))
                world_violate(world, "2: committed entry lost", node, NULL,
                              "entry %" PRIu64 " is applied, but durable on %" PRIx64 " only", entry->index,
                              holders);
}

static struct committed *committed_add(struct checker *checker)
{
        if (checker->count == checker->capacity) {
                checker->capacity = checker->capacity == 0 ? 256 : 2 * checker->capacity;
                checker->committed =
                        realloc(checker->committed, checker->capacity * sizeof(*checker->committed));
                assert(checker->committed != NULL);
        }
        struct committed *committed = &checker->committed[checker->count++];
        memset(committed, 0, sizeof(*committed));
        return committed;
}

static void check_hash(struct world *world, struct simulated_node *node, uint64_t index, const uint8_t *hash)
{
        if (memcmp(world->checker.committed[index - 1].hash, hash, HASH_BYTES) != 0)
                world_violate(world, "2: two histories", node, NULL,
                              "entry %" PRIu64 " was applied with another hash before", index);
}

static void check_entry(struct world *world, struct simulated_node *node, uint64_t index)
{
        const struct entry *entry = disk_find(&node->disk, index);
        if (index <= world->checker.count) {
                if (entry != NULL)
                        check_hash(world, node, index, entry->hash);
                return;
        }
        if (entry == NULL || index != world->checker.count + 1) {
                world_violate(world, "2: committed entry lost", node, NULL,
                              "applies entry %" PRIu64 ", which nobody holds; %zu are known", index,
                              world->checker.count);
                return;
        }
        struct committed *committed = committed_add(&world->checker);
        memcpy(committed->hash, entry->hash, HASH_BYTES);
        committed->epoch = entry->epoch;
        struct entry decoded = *entry;
        entry_restore_command(&decoded);
        committed->command = decoded.command;
        check_durable(world, node, entry);
        history_committed(world, node, index, &decoded);
}

static void check_applied(struct world *world, struct simulated_node *node,
                          const struct cluster_status *status)
{
        uint64_t before = node->memory.applied.index;
        if (node->disk.logged_reset)
                before = 0;
        if (status->applied.index < before) {
                world_violate(world, "2: committed entry lost", node, NULL,
                              "applied goes from %" PRIu64 " back to %" PRIu64, before,
                              status->applied.index);
                return;
        }
        if (status->applied.index > before && !status->primary)
                world_violate(world, "4: applies without quorum", node, NULL, "entry %" PRIu64,
                              status->applied.index);
        for (uint64_t index = before + 1; index <= status->applied.index && !world->violated; index++)
                check_entry(world, node, index);
        if (status->applied.index > 0 && !world->violated)
                check_hash(world, node, status->applied.index, status->applied.hash);
}

static void check_leader(struct world *world, struct simulated_node *node,
                         const struct cluster_status *status)
{
        struct checker *checker = &world->checker;
        if (!status->active || status->leader == NODE_NONE)
                return;
        if (status->epoch >= checker->epoch_capacity) {
                size_t capacity = status->epoch + 256;
                checker->epoch_leader = realloc(checker->epoch_leader, capacity * sizeof(uint32_t));
                assert(checker->epoch_leader != NULL);
                memset(checker->epoch_leader + checker->epoch_capacity, 0,
                       (capacity - checker->epoch_capacity) * sizeof(uint32_t));
                checker->epoch_capacity = capacity;
        }
        uint32_t *leader = &checker->epoch_leader[status->epoch];
        if (*leader != NODE_NONE && *leader != status->leader)
                world_violate(world, "2: two leaders", node, NULL,
                              "epoch %" PRIu64 " has leader n%u here, n%u elsewhere", status->epoch,
                              status->leader, *leader);
        *leader = status->leader;
}

/* --- rule 5: nothing goes back --- */

static uint64_t *remembered_generation(struct node_memory *memory, const char *name)
{
        size_t free_slot = CORE_ROLES_MAX;
        for (size_t i = 0; i < CORE_ROLES_MAX; i++) {
                if (text_equal(memory->roles[i].name, name))
                        return &memory->roles[i].generation;
                if (memory->roles[i].name[0] == '\0' && free_slot == CORE_ROLES_MAX)
                        free_slot = i;
        }
        assert(free_slot < CORE_ROLES_MAX);
        TEXT_COPY(memory->roles[free_slot].name, name);
        memory->roles[free_slot].generation = 0;
        return &memory->roles[free_slot].generation;
}

static void forget_role(struct node_memory *memory, const char *name)
{
        for (size_t i = 0; i < CORE_ROLES_MAX; i++)
                if (text_equal(memory->roles[i].name, name))
                        memset(&memory->roles[i], 0, sizeof(memory->roles[i]));
}

/* A role that was removed may come again under its name, and begins anew; perhaps within one step. */
static void forget_removed(const struct world *world, struct node_memory *memory, uint64_t last)
{
        for (uint64_t index = memory->applied.index + 1; index <= last; index++) {
                const struct command *command = &world->checker.committed[index - 1].command;
                if (command->kind == COMMAND_ROLE_REMOVE)
                        forget_role(memory, command->role.role);
        }
}

static void check_model(struct world *world, struct simulated_node *node)
{
        const struct model *model = cluster_model(node->core);
        struct node_memory *memory = &node->memory;
        MODEL_EACH_ROLE (model, role) {
                uint64_t *generation = remembered_generation(memory, role->name);
                if (role->generation < *generation)
                        world_violate(world, "5: generation goes back", node, role->name,
                                      "from %" PRIu64 " to %" PRIu64, *generation, role->generation);
                *generation = role->generation;
        }
        MODEL_EACH_NODE (model, known) {
                if (known->incarnation < memory->incarnation[known->id])
                        world_violate(world, "5: incarnation goes back", node, NULL,
                                      "n%u from %" PRIu64 " to %" PRIu64, known->id,
                                      memory->incarnation[known->id], known->incarnation);
                memory->incarnation[known->id] = known->incarnation;
        }
}

/* The same history gives the same state everywhere: compared whenever a node knows all of it. */
static void check_same_model(struct world *world, struct simulated_node *node)
{
        const struct model *model = cluster_model(node->core), *reference = world->checker.reference;
        if (model->role_count != reference->role_count)
                world_violate(world, "2: two states", node, NULL, "%u roles instead of %u", model->role_count,
                              reference->role_count);
        MODEL_EACH_ROLE (reference, role) {
                const struct role *held = model_role(model, role->name);
                if (held == NULL || memcmp(held, role, sizeof(*held)) != 0)
                        world_violate(world, "2: two states", node, role->name, "differs from its history");
        }
        for (uint32_t id = 1; id <= world->node_count; id++) {
                const struct node *held = &model->nodes[id], *meant = &reference->nodes[id];
                if (memcmp(held, meant, sizeof(*held)) != 0)
                        world_violate(world, "2: two states", node, NULL,
                                      "its n%u differs from its history: %s, incarnation %" PRIu64
                                      ", since %" PRIu64 ", \"%s\" instead of %s, %" PRIu64 ", %" PRIu64
                                      ", \"%s\"",
                                      id, node_state_name(held->state), held->incarnation, held->since_index,
                                      held->reason, node_state_name(meant->state), meant->incarnation,
                                      meant->since_index, meant->reason);
        }
        if (memcmp(&model->settings, &reference->settings, sizeof(model->settings)) != 0)
                world_violate(world, "2: two states", node, NULL, "its settings differ from its history");
}

void checker_after_step(struct world *world, struct simulated_node *node)
{
        if (node->loading)
                return; /* its core holds half of what it will know */
        struct cluster_status status;
        cluster_status_read(node->core, &status);
        struct node_memory *memory = &node->memory;
        check_leader(world, node, &status);
        if (status.active && status.epoch < memory->epoch)
                world_violate(world, "5: epoch goes back", node, NULL, "from %" PRIu64 " to %" PRIu64,
                              memory->epoch, status.epoch);
        if (status.active)
                memory->epoch = status.epoch; /* otherwise it is only a round's proposal */
        if (status.applied.index == memory->applied.index && !node->disk.logged_reset)
                return;
        check_applied(world, node, &status);
        if (!world->violated && status.applied.index > 0) {
                forget_removed(world, memory, status.applied.index);
                check_model(world, node);
                if (status.applied.index == world->checker.count)
                        check_same_model(world, node);
        }
        memory->applied = status.applied;
}

/* A client that was told "done" can rely on it: the entry is part of the one history. */
void checker_reply(struct world *world, struct simulated_node *node, const struct cluster_action *action)
{
        if (action->reply.outcome != REPLY_DONE)
                return;
        world->statistics->requests_done++;
        struct cluster_status status;
        cluster_status_read(node->core, &status);
        if (action->reply.index == 0 || action->reply.index > status.applied.index)
                world_violate(world, "2: committed entry lost", node, NULL,
                              "done is replied for entry %" PRIu64 ", applied is %" PRIu64,
                              action->reply.index, status.applied.index);
}

void checker_release(struct world *world)
{
        free(world->checker.committed);
        free(world->checker.epoch_leader);
        free(world->checker.storage);
        memset(&world->checker, 0, sizeof(world->checker));
}
