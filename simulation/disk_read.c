/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What is read back from a node's store for others, and what is forgotten there. */

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "simulation/world.h"

/*
 * Old entries go: then only a snapshot helps a laggard. A real store keeps so
 * many that no majority can need one among its own: here that is made sure of,
 * though only a few are kept.
 */
static uint64_t voters_applied(struct world *world)
{
        uint64_t least = UINT64_MAX;
        WORLD_EACH_NODE (world, node)
                if (!node->disk.blank && node_set_has(world->checker.voters, node->id) &&
                    node->disk.applied.index < least)
                        least = node->disk.applied.index;
        return least == UINT64_MAX ? 0 : least;
}

/* Those that neither a role nor a kept entry names, and that were there the last time. */
static void drop_definitions(struct disk *disk)
{
        bool used[UINT8_MAX + 1] = { false };
        for (size_t i = 0; i < disk->object_count; i++)
                if (disk->objects[i].kind == OBJECT_ROLE) {
                        used[disk->objects[i].role.definition_hash[0]] = true;
                        used[disk->objects[i].role.copy.definition_hash[0]] = true;
                }
        for (size_t i = 0; i < disk->entry_count; i++) {
                struct entry entry = disk->entries[i];
                entry_restore_command(&entry);
                used[disk_definition_of(&entry.command)] = true;
        }
        for (size_t i = 0; i <= UINT8_MAX; i++)
                if (!used[i] && disk->definitions[i] <= disk->definitions_seen)
                        disk->definitions[i] = 0;
        disk->definitions_seen = disk->definitions_put;
}

void disk_compact(struct world *world, struct disk *disk, uint64_t keep)
{
        size_t cut = 0;
        uint64_t limit = voters_applied(world);
        if (limit > disk->applied.index)
                limit = disk->applied.index;
        while (cut < disk->entry_count && disk->entries[cut].index + keep <= limit)
                cut++;
        if (cut == 0)
                return;
        disk_cut(disk, cut);
        drop_definitions(disk);
}

static void send_definition(struct world *world, struct simulated_node *node, struct message *message,
                            uint8_t definition)
{
        char content = (char)definition;
        if (definition == 0 || node->disk.definitions[definition] == 0)
                return;
        message->snapshot.definition = &content;
        message->snapshot.definition_bytes = 1;
        network_send(world, node, message);
}

static void send_definitions(struct world *world, struct simulated_node *node, struct message message)
{
        const struct disk *disk = &node->disk;
        message.kind = MESSAGE_SNAPSHOT_DEFINITION;
        for (size_t i = 0; i < disk->object_count; i++) {
                if (disk->objects[i].kind != OBJECT_ROLE)
                        continue;
                send_definition(world, node, &message, disk->objects[i].role.definition_hash[0]);
                send_definition(world, node, &message, disk->objects[i].role.copy.definition_hash[0]);
        }
}

void disk_send_snapshot(struct world *world, struct simulated_node *node,
                        const struct disk_operation *operation)
{
        struct message message;
        memset(&message, 0, sizeof(message));
        message.kind = MESSAGE_SNAPSHOT_BEGIN;
        message.round = operation->send.round;
        message.snapshot.to = operation->send.to;
        message.snapshot.at = node->disk.applied;
        network_send(world, node, &message);
        send_definitions(world, node, message);
        message.kind = MESSAGE_SNAPSHOT_OBJECT;
        for (size_t i = 0; i < node->disk.object_count; i++) {
                message.snapshot.object = node->disk.objects[i];
                network_send(world, node, &message);
        }
        message.kind = MESSAGE_SNAPSHOT_END;
        memset(&message.snapshot.object, 0, sizeof(message.snapshot.object));
        network_send(world, node, &message);
}

/* The core asks by what it knew at start-up: entries may have been compacted away since. */
void disk_send_entries(struct world *world, struct simulated_node *node,
                       const struct disk_operation *operation)
{
        const struct disk *disk = &node->disk;
        uint64_t first = operation->send.first;
        if (first <= disk->applied.index && disk_durable(disk, first) == NULL) {
                disk_send_snapshot(world, node, operation);
                first = disk->applied.index + 1;
        }
        struct message message;
        memset(&message, 0, sizeof(message));
        message.kind = MESSAGE_ENTRY;
        message.round = operation->send.round;
        message.entry.to = operation->send.to;
        for (uint64_t index = first; index <= operation->send.last; index++) {
                const struct entry *entry = disk_durable(disk, index);
                if (entry == NULL) {
                        world_note(world, node, "asked to send entry %" PRIu64 ", which is not there", index);
                        return;
                }
                message.entry.entry = *entry;
                entry_restore_command(&message.entry.entry);
                network_send(world, node, &message);
        }
}
