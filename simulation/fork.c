/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "simulation/fork.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "simulation/voters.h"

void fork_prepare(struct world *world, const struct simulated_node *node, const struct message_decide *decide)
{
        struct fork *fork = &world->checker.fork;
        struct cluster_status status;
        if (decide->forced == 0 || decide->forced != decide->epoch)
                return;
        if (fork->storage == NULL) {
                fork->storage = calloc(1, model_bytes(world->roles_max));
                assert(fork->storage != NULL);
                fork->model = model_init(fork->storage, world->roles_max);
        }
        cluster_status_read(node->core, &status);
        model_copy(fork->model, cluster_model(node->core));
        fork->node = node->id;
        fork->at = status.applied.index;
        fork->next = decide->forced;
}

/* What was proven and who may run what is as the forced history says up to where it parted. */
static void go_back(struct world *world)
{
        struct checker *checker = &world->checker;
        const struct fork *fork = &checker->fork;
        if (fork->at < checker->count) {
                checker->changed_count = checker->committed[fork->at].changed;
                checker->count = fork->at;
        }
        model_copy(checker->reference, fork->model);
        voters_change(world, checker->reference->settings.voters,
                      checker->reference->settings.voters_witness);
        for (uint32_t number = 0; number < world->names.count; number++) {
                const struct role *role = model_role(checker->reference, world->names.name[number]);
                checker->runners[number] = (struct runner_record){ .owner = NODE_NONE };
                if (role == NULL)
                        continue;
                checker->runners[number].owner = role->owner;
                bool moved = role->state == ROLE_MOVING ||
                             (role->state == ROLE_RECOVERING && role->kind == ROLE_VM);
                checker->runners[number].target = moved ? role->target : NODE_NONE;
                checker->runners[number].ended = role->state == ROLE_RECOVERING;
        }
        checker->epoch_base = fork->next;
        if (checker->epoch_capacity > 0)
                memset(checker->epoch_leader, 0, checker->epoch_capacity * sizeof(uint32_t));
}

void fork_take(struct world *world, struct simulated_node *node, uint64_t first, uint64_t last)
{
        struct fork *fork = &world->checker.fork;
        if (fork->next == 0 || fork->next == fork->epoch || node->id != fork->node)
                return;
        for (uint64_t index = first; index <= last; index++) {
                const struct entry *held = disk_find(&node->disk, index);
                if (held == NULL)
                        continue;
                struct entry entry = *held;
                entry_restore_command(&entry);
                if (entry.command.kind != COMMAND_EPOCH || entry.command.epoch.forced != fork->next)
                        continue;
                world_note(world, node, "the history parts behind entry %" PRIu64 " of %zu", fork->at,
                           world->checker.count);
                fork->epoch = fork->next;
                fork->forced_index = index;
                go_back(world);
                return;
        }
}

bool fork_is_forced(const struct world *world, uint64_t index)
{
        return index <= world->checker.fork.forced_index;
}

/* By what it holds in its memory, or, while no daemon has loaded that, on its disk. */
static uint64_t forced_epoch_of(const struct simulated_node *node)
{
        if (node->daemon_life != 0 && !node->loading)
                return cluster_model(node->core)->settings.forced_epoch;
        for (size_t i = 0; i < node->disk.object_count; i++)
                if (node->disk.objects[i].kind == OBJECT_SETTINGS)
                        return node->disk.objects[i].settings.forced_epoch;
        return 0;
}

bool fork_is_old(const struct world *world, const struct simulated_node *node)
{
        return forced_epoch_of(node) != world->checker.fork.epoch;
}

bool fork_bars_guests(const struct world *world, const struct simulated_node *node)
{
        struct cluster_status status;
        cluster_status_read(node->core, &status);
        return status.parted || fork_is_old(world, node) || model_unproven(world->checker.reference) != 0 ||
               model_unproven(cluster_model(node->core)) != 0;
}

bool fork_is_round(const struct world *world, uint64_t epoch)
{
        return epoch != 0 && epoch == world->checker.fork.next;
}
