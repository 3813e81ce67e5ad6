/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What must never happen, looked at after every step of every core. Numbers are those of ARCHITECTURE.md. */

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "simulation/fork.h"
#include "simulation/voters.h"
#include "simulation/world.h"

/* --- rule 1: never two running guests of one role --- */

/* A frozen node's guest counts: it writes again when the node thaws. */
void checker_domain_changed(struct world *world, struct simulated_node *node, const char *role)
{
        tell_guest(world, node, role, true);
        checker_armed(world, node, role);
        WORLD_EACH_NODE (world, other) {
                if (other == node || !other->powered)
                        continue;
                const struct domain *domain = hypervisor_domain(world, other, role);
                if (domain != NULL && domain->state == DOMAIN_RUNNING &&
                    !history_left_behind(world, other, role))
                        world_violate(world, "1: two writers", node, role, "it runs on %s%s too", other->name,
                                      other->frozen ? " (frozen)" : "");
        }
}

/* --- rule 3, in the world itself: nobody else may be able to run it --- */

void checker_start_executed(struct world *world, struct simulated_node *node, const char *role,
                            uint64_t generation)
{
        const struct hypervisor_job *source = NULL;
        bool moves = hypervisor_moves_to(world, node, role);
        WORLD_EACH_NODE (world, other)
                if (!moves && export_may_write(world, other, role))
                        world_violate(world, "3: start without evidence", node, role,
                                      "generation %" PRIu64 " starts, while %s may write for it", generation,
                                      other->name);
        WORLD_EACH_NODE (world, other) {
                if (other == node || !hypervisor_may_run(world, other, role) ||
                    history_left_behind(world, other, role))
                        continue;
                const struct domain *domain = &other->hypervisor.domains[names_number(&world->names, role)];
                for (const struct hypervisor_job *job = domain->jobs; job != NULL; job = job->next)
                        if (job->operation == OPERATION_MOVE && job->action.role.node == node->id)
                                source = job;
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
        const struct node *target = model_node(cluster_model(node->core), action->role.node);
        if (target == NULL || target->state != NODE_UP)
                world_violate(world, "4: acts without an entry", node, action->role.name,
                              "moves to n%u, which is no member", action->role.node);
        if (role == NULL || role->state != ROLE_MOVING || role->owner != node->id ||
            role->target != action->role.node || role->generation != action->role.generation)
                world_violate(world, "4: acts without an entry", node, action->role.name,
                              "moves generation %" PRIu64 " to n%u, which its model does not say",
                              action->role.generation, action->role.node);
}

static void check_fence(struct world *world, struct simulated_node *node, const struct cluster_status *status,
                        const struct cluster_action *action)
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
        if (victim != NULL && !victim->fence_wanted && victim->test_level == 0 &&
            node_set_has(status->connected, victim->id))
                world_violate(world, "7: a node in contact is fenced", node, NULL, "n%u", victim->id);
}

/* It has shown so: one that never met another there sees what it sees. */
static bool sees_what_others_see(struct world *world, const struct simulated_node *node,
                                 const struct volume *volume)
{
        return volume != NULL && ((volume->paths[PATH_DIRECT] & ~node_set_of(node->id)) == 0 ||
                                  volume_is_proven(world, node, volume));
}

/* A role goes only where its volumes are. */
static void check_paths(struct world *world, struct simulated_node *node, const struct cluster_action *action)
{
        const struct model *model = cluster_model(node->core);
        const struct role *role = model_role(model, action->role.name);
        NODE_SET_EACH (role == NULL ? 0 : role->volumes, id)
                if (!sees_what_others_see(world, node, model_volume_by_id(model, id)))
                        world_violate(world, "5: a path that was never proven", node, action->role.name,
                                      "volume %u", id);
}

void checker_action(struct world *world, struct simulated_node *node, const struct cluster_action *action)
{
        if (action->kind == CLUSTER_ACTION_MULTICAST)
                checker_said(world, node, &world->actions->messages[action->message]);
        rights_check(world, node, action);
        if (action->kind != CLUSTER_ACTION_START && action->kind != CLUSTER_ACTION_MOVE &&
            action->kind != CLUSTER_ACTION_FENCE)
                return;
        struct cluster_status status;
        cluster_status_read(node->core, &status);
        const char *role = action->kind == CLUSTER_ACTION_FENCE ? NULL : action->role.name;
        if (!status.active || !status.primary || !node_set_has(status.level, node->id))
                world_violate(world, "4: acts without quorum", node, role,
                              "action %d while active=%d primary=%d", (int)action->kind, status.active,
                              status.primary);
        if (action->kind != CLUSTER_ACTION_FENCE && !status.guard_valid)
                world_violate(world, "4: acts without a guard", node, role, "action %d", (int)action->kind);
        if (action->reason[0] == '\0')
                world_violate(world, "4: acts without a reason", node, role, "action %d", (int)action->kind);
        if (action->kind == CLUSTER_ACTION_START) {
                check_paths(world, node, action);
                check_start(world, node, action);
        } else if (action->kind == CLUSTER_ACTION_MOVE)
                check_move(world, node, action);
        else
                check_fence(world, node, &status, action);
}

/* --- rule 2: one history --- */

/*
 * Nobody who lacks the entry may get the witness's vote: what they hold must be older than what it knows of,
 * or not all of that.
 */
static bool witness_would_vote(const struct world *world, uint64_t identity, node_set lacking)
{
        const struct simulated_witness *witness = witness_by_identity(world, identity);
        if (witness != NULL && witness->forgets)
                return false; /* it would; that this counts for nobody shows when somebody goes on by it */
        NODE_SET_EACH (lacking, id) {
                const struct disk *disk = &world->nodes[id].disk;
                uint64_t epoch = disk->entry_count > 0 ? disk->entries[disk->entry_count - 1].epoch
                                                       : disk->applied.epoch;
                node_set complete = world->checker.reference->settings.epoch_holders;
                if (disk->blank || witness == NULL || epoch < witness->tag.newest.epoch)
                        continue;
                if (epoch > witness->tag.newest.epoch || node_set_has(complete, id))
                        return true;
        }
        return false;
}

static void require_majority(struct world *world, const struct simulated_node *node, uint64_t index,
                             node_set holders, node_set voters, uint64_t witness)
{
        uint32_t votes = node_set_count(voters) + (witness != 0), held = node_set_count(holders & voters);
        node_set all = node_set_of(world->node_count);
        all |= all - 1;
        if (2 * held > votes)
                return;
        if (witness == 0 || 2 * (held + 1) <= votes || witness_would_vote(world, witness, all & ~holders))
                world_violate(world, "2: committed entry lost", node, NULL,
                              "entry %" PRIu64 " is applied, but durable on %" PRIx64
                              " only; voters are %" PRIx64 "%s",
                              index, holders, voters, witness == 0 ? "" : " and the witness");
}

/* A majority of those who vote; of a change of them, one before and one after it. */
static void check_durable(struct world *world, struct simulated_node *node, const struct entry *entry)
{
        struct ledger_position position = { .epoch = entry->epoch, .index = entry->index };
        memcpy(position.hash, entry->hash, HASH_BYTES);
        node_set holders = 0;
        WORLD_EACH_NODE (world, other)
                if (disk_holds(&other->disk, &position) || disk_has_lost(&other->disk, entry->index))
                        holders |= node_set_of(other->id);
        if (entry->command.kind == COMMAND_EPOCH && entry->command.epoch.forced != 0)
                voters_change(world, node_set_of(entry->command.epoch.leader), 0);
        if (!fork_is_forced(world, entry->index) ||
            (entry->command.kind == COMMAND_EPOCH && entry->command.epoch.forced != 0))
                require_majority(world, node, entry->index, holders, world->checker.voters,
                                 world->checker.witness);
        if (entry->command.kind != COMMAND_VOTER_SET)
                return;
        const struct command_voter_set *change = &entry->command.voter_set;
        if (change->before != world->checker.voters || change->before_witness != world->checker.witness)
                world_violate(world, "2: two states", node, NULL,
                              "entry %" PRIu64 " changes voters %" PRIx64 " that are %" PRIx64, entry->index,
                              change->before, world->checker.voters);
        if (!fork_is_forced(world, entry->index))
                require_majority(world, node, entry->index, holders, change->voters, change->witness);
        voters_change(world, change->voters, change->witness);
}

/* What an epoch commits after a later one has committed was decided by a second primary. */
static void check_one_primary(struct world *world, const struct simulated_node *node,
                              const struct entry *entry)
{
        uint64_t *latest = &world->checker.latest_epoch;
        if (entry->epoch < *latest && !fork_is_forced(world, entry->index))
                world_violate(world, "2: two primaries", node, NULL,
                              "epoch %" PRIu64 " commits entry %" PRIu64 " after epoch %" PRIu64 " did",
                              entry->epoch, entry->index, *latest);
        *latest = entry->epoch;
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

void checker_begin(struct world *world, const struct ledger_position *position)
{
        assert(position->index == 1);
        struct committed *committed = committed_add(&world->checker);
        memcpy(committed->hash, position->hash, HASH_BYTES);
        committed->command.kind = COMMAND_EPOCH;
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
        struct entry decoded = *entry;
        entry_restore_command(&decoded);
        committed->command = decoded.command;
        check_durable(world, node, &decoded);
        check_one_primary(world, node, &decoded);
        history_committed(world, node, index, &decoded);
}

static void check_applied(struct world *world, struct simulated_node *node,
                          const struct cluster_status *status)
{
        struct node_memory *memory = &node->memory;
        uint64_t before = memory->applied.index, forced = cluster_model(node->core)->settings.forced_epoch;
        if (status->applied.index > 0 && forced != memory->forced_epoch) {
                /* What it knew of the other history is no measure. */
                memory->forced_epoch = forced;
                memory->given_up = 0;
                memset(memory->generation, 0, world->names.max * sizeof(*memory->generation));
                memset(memory->incarnation, 0, sizeof(memory->incarnation));
        }
        if (node->disk.logged_reset) {
                if (before > memory->given_up)
                        memory->given_up = before;
                before = 0;
        }
        if (before == 0 && status->applied.index != 0 && status->applied.index <= memory->given_up)
                world_violate(world, "2: committed entry lost", node, NULL,
                              "gives up entry %" PRIu64 " for a snapshot that ends at %" PRIu64,
                              memory->given_up, status->applied.index);
        if (status->applied.index < before) {
                world_violate(world, "2: committed entry lost", node, NULL,
                              "applied goes from %" PRIu64 " back to %" PRIu64, before,
                              status->applied.index);
                return;
        }
        if (status->applied.index > before && !status->primary)
                world_violate(world, "4: applies without quorum", node, NULL, "entry %" PRIu64,
                              status->applied.index);
        fork_take(world, node, before + 1, status->applied.index);
        if (fork_is_old(world, node))
                return;
        for (uint64_t index = before + 1; index <= status->applied.index && !world->violated; index++)
                check_entry(world, node, index);
        if (status->applied.index > 0 && !world->violated)
                check_hash(world, node, status->applied.index, status->applied.hash);
}

#define FORCED_FAR (UINT64_C(1) << 32) /* epochs behind the last that was forced: there is another one */

static void check_leader(struct world *world, struct simulated_node *node,
                         const struct cluster_status *status)
{
        struct checker *checker = &world->checker;
        if (!status->active || status->leader == NODE_NONE || status->epoch < checker->epoch_base)
                return;
        uint64_t at = status->epoch - checker->epoch_base;
        if (at >= FORCED_FAR)
                return; /* forced, and not applied yet */
        if (at >= checker->epoch_capacity) {
                size_t capacity = at + 256;
                checker->epoch_leader = realloc(checker->epoch_leader, capacity * sizeof(uint32_t));
                assert(checker->epoch_leader != NULL);
                memset(checker->epoch_leader + checker->epoch_capacity, 0,
                       (capacity - checker->epoch_capacity) * sizeof(uint32_t));
                checker->epoch_capacity = capacity;
        }
        uint32_t *leader = &checker->epoch_leader[at];
        if (*leader != NODE_NONE && *leader != status->leader)
                world_violate(world, "2: two leaders", node, NULL,
                              "epoch %" PRIu64 " has leader n%u here, n%u elsewhere", status->epoch,
                              status->leader, *leader);
        *leader = status->leader;
}

/* --- rule 5: nothing goes back --- */

static void check_generation(struct world *world, struct simulated_node *node, uint32_t number)
{
        const char *name = world->names.name[number];
        const struct role *role = model_role(cluster_model(node->core), name);
        uint64_t *before = &node->memory.generation[number];
        uint64_t generation = role == NULL ? 0 : role->generation;
        if (role != NULL && generation < *before)
                world_violate(world, "5: generation goes back", node, name, "from %" PRIu64 " to %" PRIu64,
                              *before, generation);
        *before = generation;
}

/* A role that was removed may come again under its name, and begins anew; perhaps within one step. */
static void check_generations(struct world *world, struct simulated_node *node, uint64_t first, uint64_t last)
{
        for (uint64_t index = first; index <= last; index++) {
                const struct command *command = &world->checker.committed[index - 1].command;
                if (command->kind == COMMAND_ROLE_REMOVE)
                        node->memory.generation[names_number(&world->names, command->role.role)] = 0;
        }
        size_t count;
        const uint32_t *changed = history_changed_roles(world, first, last, &count);
        for (size_t i = 0; i < count; i++)
                check_generation(world, node, changed[i]);
}

static void check_incarnations(struct world *world, struct simulated_node *node)
{
        struct node_memory *memory = &node->memory;
        MODEL_EACH_NODE (cluster_model(node->core), known) {
                if (known->incarnation < memory->incarnation[known->id])
                        world_violate(world, "5: incarnation goes back", node, NULL,
                                      "n%u from %" PRIu64 " to %" PRIu64, known->id,
                                      memory->incarnation[known->id], known->incarnation);
                memory->incarnation[known->id] = known->incarnation;
        }
}

static void check_same_role(struct world *world, struct simulated_node *node, const char *name)
{
        const struct role *meant = model_role(world->checker.reference, name);
        const struct role *held = model_role(cluster_model(node->core), name);
        if ((held == NULL) != (meant == NULL) || (held != NULL && memcmp(held, meant, sizeof(*held)) != 0))
                world_violate(world, "2: two states", node, name, "differs from its history");
}

static void check_same_nodes(struct world *world, struct simulated_node *node)
{
        const struct model *model = cluster_model(node->core), *reference = world->checker.reference;
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
}

static void check_same_volumes(struct world *world, struct simulated_node *node)
{
        const struct volume *held = cluster_model(node->core)->volumes;
        const struct volume *meant = world->checker.reference->volumes;
        for (uint32_t id = 1; id <= VOLUMES_MAX; id++)
                if ((held[id].id != 0 || meant[id].id != 0) &&
                    memcmp(&held[id], &meant[id], sizeof(*held)) != 0)
                        world_violate(world, "2: two states", node, NULL,
                                      "volume %u differs from its history", id);
}

#define COMPARE_ALL_EVERY 64

/*
 * The same history gives the same state everywhere: compared whenever a node knows all of it. The roles that
 * its entries have changed since are compared each time, all of them now and then.
 */
static void check_same_model(struct world *world, struct simulated_node *node)
{
        const struct model *model = cluster_model(node->core), *reference = world->checker.reference;
        uint64_t last = world->checker.count, first = node->memory.compared + 1;
        if (model->role_count != reference->role_count)
                world_violate(world, "2: two states", node, NULL, "%u roles instead of %u", model->role_count,
                              reference->role_count);
        size_t count;
        const uint32_t *changed = history_changed_roles(world, first, last, &count);
        if (first == 1 || count >= reference->role_count || last % COMPARE_ALL_EVERY == 0) {
                MODEL_EACH_ROLE (reference, role)
                        check_same_role(world, node, role->name);
        } else {
                for (size_t i = 0; i < count; i++)
                        check_same_role(world, node, world->names.name[changed[i]]);
        }
        check_same_nodes(world, node);
        check_same_volumes(world, node);
        if (memcmp(&model->settings, &reference->settings, sizeof(model->settings)) != 0)
                world_violate(world, "2: two states", node, NULL, "its settings differ from its history");
        node->memory.compared = last;
}

/* The daemon begins anew: what its core showed before is no measure. */
void checker_forget(struct world *world, struct simulated_node *node)
{
        uint64_t *generation = node->memory.generation;
        memset(generation, 0, world->names.max * sizeof(*generation));
        memset(&node->memory, 0, sizeof(node->memory));
        node->memory.generation = generation;
}

void checker_after_step(struct world *world, struct simulated_node *node)
{
        checker_all_armed(world, node);
        if (node->loading)
                return; /* its core holds half of what it will know */
        struct cluster_status status;
        cluster_status_read(node->core, &status);
        struct node_memory *memory = &node->memory;
        coverage_standing(world, node, &status);
        if (memory->members != node->station.members) {
                memory->members = node->station.members;
                /* Who stood still is given all the views of that time at once. */
                memory->members_us =
                        world->now_us == node->daemon_thaw_us ? node->daemon_froze_us : world->now_us;
        }
        check_leader(world, node, &status);
        lease_check(world, node);
        if (status.active && status.epoch < memory->epoch)
                world_violate(world, "5: epoch goes back", node, NULL, "from %" PRIu64 " to %" PRIu64,
                              memory->epoch, status.epoch);
        memory->seen |= status.connected;
        checker_guard(world, node, &status);
        if (status.active && status.epoch != memory->epoch) {
                memory->epoch = status.epoch; /* when not active it is only a round's proposal */
                memory->epoch_us = world->now_us;
        }
        if (status.applied.index == memory->applied.index && !node->disk.logged_reset)
                return;
        check_applied(world, node, &status);
        if (node->disk.logged_reset)
                memory->compared = 0;
        if (!world->violated && status.applied.index > 0 && !fork_is_old(world, node)) {
                check_generations(world, node, memory->applied.index + 1, status.applied.index);
                check_incarnations(world, node);
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
