/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A node's store: writes gather into batches, each durable as a whole, later, or never. disk_read.c reads. */

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "simulation/world.h"

static void *grow(void *array, size_t *capacity, size_t count, size_t item_bytes)
{
        if (count < *capacity)
                return array;
        *capacity = *capacity == 0 ? 32 : 2 * *capacity;
        array = realloc(array, *capacity * item_bytes);
        assert(array != NULL);
        return array;
}

/* Its content is here one byte, the first of its hash; 0: none. */
uint8_t disk_definition_of(const struct command *command)
{
        if (command->kind == COMMAND_ROLE_ADD)
                return command->role_add.role.definition_hash[0];
        if (command->kind == COMMAND_ROLE_SET && (command->role_set.fields & ROLE_FIELD_DEFINITION) != 0)
                return command->role_set.role.definition_hash[0];
        if (command->kind == COMMAND_ROLE_COPY)
                return command->role_copy.definition_hash[0];
        return 0;
}

static void entry_keep(struct entry *to, const struct entry *from)
{
        *to = *from;
        char *text = malloc(from->text_bytes + 1);
        assert(text != NULL);
        memcpy(text, from->text, from->text_bytes);
        text[from->text_bytes] = '\0';
        to->text = text;
}

static void entry_drop(struct entry *entry)
{
        free((char *)(uintptr_t)entry->text);
        entry->text = NULL;
}

void entry_restore_command(struct entry *entry)
{
        assert(entry->text_bytes <= sizeof(entry->command));
        memset(&entry->command, 0, sizeof(entry->command));
        memcpy(&entry->command, entry->text, entry->text_bytes);
}

static void disk_truncate(struct disk *disk, uint64_t after_index)
{
        while (disk->entry_count > 0 && disk->entries[disk->entry_count - 1].index > after_index)
                entry_drop(&disk->entries[--disk->entry_count]);
}

static struct object *disk_object(struct disk *disk, enum object_kind kind, const char *name)
{
        for (size_t i = 0; i < disk->object_count; i++)
                if (disk->objects[i].kind == kind && text_equal(object_name(&disk->objects[i]), name))
                        return &disk->objects[i];
        return NULL;
}

/* The oldest so many entries go. */
void disk_cut(struct disk *disk, size_t count)
{
        for (size_t i = 0; i < count; i++)
                entry_drop(&disk->entries[i]);
        disk->entry_count -= count;
        memmove(disk->entries, disk->entries + count, disk->entry_count * sizeof(*disk->entries));
}

static void disk_put(struct disk *disk, const struct object *object)
{
        struct object *old = disk_object(disk, object->kind, object_name(object));
        if (old == NULL) {
                disk->objects = grow(disk->objects, &disk->object_capacity, disk->object_count,
                                     sizeof(*disk->objects));
                old = &disk->objects[disk->object_count++];
        }
        *old = *object;
}

static void disk_delete(struct disk *disk, const struct object *named)
{
        struct object *old = disk_object(disk, named->kind, object_name(named));
        if (old != NULL)
                *old = disk->objects[--disk->object_count];
}

static void disk_reset(struct disk *disk)
{
        disk_truncate(disk, 0);
        disk->object_count = 0;
        disk->applied = (struct ledger_position){ 0 };
        disk->blank = true;
}

void disk_create(struct disk *disk, const struct settings *settings)
{
        struct object object;
        memset(&object, 0, sizeof(object));
        object.kind = OBJECT_SETTINGS;
        object.settings = *settings;
        disk_put(disk, &object);
}

uint64_t disk_last(const struct disk *disk)
{
        return disk->entry_count > 0 ? disk->entries[disk->entry_count - 1].index : disk->applied.index;
}

bool disk_holds(const struct disk *disk, const struct ledger_position *position)
{
        if (disk->blank)
                return false;
        if (disk->entry_count == 0 || position->index < disk->entries[0].index)
                return position->index <= disk->applied.index;
        size_t at = position->index - disk->entries[0].index;
        return at < disk->entry_count && memcmp(disk->entries[at].hash, position->hash, HASH_BYTES) == 0;
}

const struct entry *disk_durable(const struct disk *disk, uint64_t index)
{
        if (disk->entry_count == 0 || index < disk->entries[0].index)
                return NULL;
        size_t at = index - disk->entries[0].index;
        return at < disk->entry_count ? &disk->entries[at] : NULL;
}

/* Nobody who is there needs a snapshot of it. */
bool disk_keeps_after(const struct disk *disk, const struct ledger_position *position)
{
        return position->index >= disk->applied.index || disk_durable(disk, position->index + 1) != NULL;
}

const struct entry *disk_find(const struct disk *disk, uint64_t index)
{
        for (size_t i = disk->queue_count; i-- > 0;) {
                const struct disk_operation *operation = &disk->queue[i];
                if (operation->kind == DISK_APPEND && operation->entry.index == index)
                        return &operation->entry;
                if (operation->kind == DISK_TRUNCATE && operation->number < index)
                        return NULL;
                if (operation->kind == DISK_RESET)
                        return NULL;
        }
        return disk_durable(disk, index);
}

uint64_t disk_last_queued(const struct disk *disk)
{
        uint64_t limit = UINT64_MAX;
        for (size_t i = disk->queue_count; i-- > 0;) {
                const struct disk_operation *operation = &disk->queue[i];
                uint64_t last = UINT64_MAX;
                if (operation->kind == DISK_APPEND)
                        last = operation->entry.index;
                else if (operation->kind == DISK_APPLIED && limit == UINT64_MAX)
                        continue;
                else if (operation->kind == DISK_TRUNCATE)
                        limit = operation->number < limit ? operation->number : limit;
                else if (operation->kind == DISK_RESET)
                        last = 0;
                if (last != UINT64_MAX)
                        return last < limit ? last : limit;
        }
        uint64_t last = disk_last(disk);
        return last < limit ? last : limit;
}

bool disk_blank_queued(const struct disk *disk)
{
        for (size_t i = disk->queue_count; i-- > 0;)
                if (disk->queue[i].kind == DISK_APPLIED || disk->queue[i].kind == DISK_RESET)
                        return disk->queue[i].kind == DISK_RESET;
        return disk->blank;
}

/* --- batches --- */

/* Takes the operation's text over. answers: false when nobody is left to read for. */
static void operation_carry_out(struct world *world, struct simulated_node *node,
                                struct disk_operation *operation, bool answers)
{
        struct disk *disk = &node->disk;
        switch (operation->kind) {
        case DISK_APPEND:
                if (operation->entry.index != disk_last(disk) + 1)
                        world_violate(world, "store", node, NULL,
                                      "entry %" PRIu64 " appended behind %" PRIu64, operation->entry.index,
                                      disk_last(disk));
                disk->entries =
                        grow(disk->entries, &disk->entry_capacity, disk->entry_count, sizeof(*disk->entries));
                disk->entries[disk->entry_count++] = operation->entry;
                return;
        case DISK_TRUNCATE:
                if (operation->number < disk->applied.index)
                        world_violate(world, "2: committed entry lost", node, NULL,
                                      "cut back to %" PRIu64 ", applied is %" PRIu64, operation->number,
                                      disk->applied.index);
                disk_truncate(disk, operation->number);
                return;
        case DISK_PROMISE:
                if (operation->number < disk->promised)
                        world_violate(world, "5: epoch goes back", node, NULL,
                                      "promise %" PRIu64 " after %" PRIu64, operation->number,
                                      disk->promised);
                disk->promised = operation->number;
                return;
        case DISK_PUT:
                disk_put(disk, &operation->object);
                return;
        case DISK_DELETE:
                disk_delete(disk, &operation->object);
                return;
        case DISK_APPLIED:
                if (operation->position.index == 0)
                        world_violate(
                                world, "store", node, NULL,
                                "rows are said to belong to no entry: an empty store would count as whole");
                disk->applied = operation->position;
                disk->blank = false;
                return;
        case DISK_RESET:
                disk_reset(disk);
                return;
        case DISK_DEFINITION:
                disk->definitions[operation->number] = ++disk->definitions_put;
                return;
        case DISK_COMPACT:
                disk_compact(world, disk, operation->number);
                return;
        case DISK_SEND_ENTRIES:
                if (answers)
                        disk_send_entries(world, node, operation);
                return;
        case DISK_SEND_SNAPSHOT:
                if (answers)
                        disk_send_snapshot(world, node, operation);
                return;
        }
}

static void batch_carry_out(struct world *world, struct simulated_node *node, bool answers)
{
        struct disk *disk = &node->disk;
        for (size_t i = 0; i < disk->in_flight; i++)
                operation_carry_out(world, node, &disk->queue[i], answers);
        if (disk->in_flight == 0)
                return;
        disk->queue_count -= disk->in_flight;
        memmove(disk->queue, disk->queue + disk->in_flight, disk->queue_count * sizeof(*disk->queue));
        disk->in_flight = 0;
}

static uint64_t batch_latency_us(struct world *world, const struct disk *disk)
{
        struct random *random = &world->random;
        if (world->now_us < disk->hung_until_us)
                return disk->hung_until_us - world->now_us + random_between(random, 200, MS(3));
        if (world->now_us < disk->slow_until_us)
                return random_between(random, MS(20), MS(800));
        if (random_chance(random, 3))
                return random_between(random, MS(20), MS(500));
        return random_between(random, 200, random_chance(random, 100) ? MS(20) : MS(3));
}

/* A reset waits for all that is to replace what it takes away. */
static size_t batch_ready(const struct disk *disk)
{
        size_t ready = disk->queue_count;
        for (size_t i = disk->queue_count; i-- > 0 && disk->queue[i].kind != DISK_APPLIED;)
                if (disk->queue[i].kind == DISK_RESET)
                        ready = i;
        return ready;
}

void disk_kick(struct world *world, struct simulated_node *node)
{
        struct disk *disk = &node->disk;
        if (disk->in_flight > 0 || batch_ready(disk) == 0)
                return;
        if (random_chance(&world->random, 2))
                disk_compact_later(world, disk);
        disk->in_flight = batch_ready(disk);
        uint64_t latency_us = batch_latency_us(world, disk);
        disk->due_us = world->now_us + latency_us;
        world_schedule(world, latency_us, EVENT_DISK, node, 0, 0);
}

void disk_on_batch(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        struct disk *disk = &node->disk;
        struct cluster_event answer = { .kind = CLUSTER_EVENT_STORE_FAILED };
        if (world->now_us < disk->failing_until_us) {
                world_schedule(world, MS(1000), EVENT_DISK, node, 0, 0);
                shell_step(world, node, &answer);
                return;
        }
        batch_carry_out(world, node, true);
        answer.kind = CLUSTER_EVENT_STORED;
        answer.stored.index = disk_last(disk);
        answer.stored.promised = disk->promised;
        disk_kick(world, node);
        shell_step(world, node, &answer);
}

static struct disk_operation *queue_operation(struct disk *disk, enum disk_operation_kind kind)
{
        disk->queue = grow(disk->queue, &disk->queue_capacity, disk->queue_count, sizeof(*disk->queue));
        struct disk_operation *operation = &disk->queue[disk->queue_count++];
        memset(operation, 0, sizeof(*operation));
        operation->kind = kind;
        return operation;
}

void disk_put_definition(struct disk *disk, uint8_t definition)
{
        if (definition != 0)
                queue_operation(disk, DISK_DEFINITION)->number = definition;
}

bool disk_has_definition(const struct disk *disk, uint8_t definition)
{
        for (size_t i = disk->queue_count; i-- > 0;)
                if (disk->queue[i].kind == DISK_DEFINITION && disk->queue[i].number == definition)
                        return true;
        return disk->definitions[definition] != 0;
}

/* As clusterd's timer does now and then. */
void disk_compact_later(struct world *world, struct disk *disk)
{
        static const uint64_t keeps[] = { 3, 20, 1000 };
        queue_operation(disk, DISK_COMPACT)->number = keeps[random_below(&world->random, 3)];
}

static void queue_put(struct disk *disk, const struct simulated_node *node,
                      const struct cluster_action *action)
{
        struct object object;
        memset(&object, 0, sizeof(object));
        if (model_get(cluster_model(node->core), action->object.kind, action->object.name, &object) != 0)
                return; /* deleted later in the same step */
        queue_operation(disk, DISK_PUT)->object = object;
}

static void queue_delete(struct disk *disk, const struct cluster_action *action)
{
        struct object *object = &queue_operation(disk, DISK_DELETE)->object;
        object->kind = action->object.kind;
        switch (object->kind) {
        case OBJECT_NODE:
                TEXT_COPY(object->node.name, action->object.name);
                return;
        case OBJECT_ROLE:
                TEXT_COPY(object->role.name, action->object.name);
                return;
        case OBJECT_FENCE_DEVICE:
                TEXT_COPY(object->fence_device.name, action->object.name);
                return;
        case OBJECT_VOLUME:
                TEXT_COPY(object->volume.name, action->object.name);
                return;
        case OBJECT_SETTINGS:
        case OBJECT_COUNT:
                return;
        }
}

static void queue_send(struct disk *disk, enum disk_operation_kind kind, const struct cluster_action *action)
{
        struct disk_operation *operation = queue_operation(disk, kind);
        operation->send.round = action->send.round;
        operation->send.to = action->send.to;
        operation->send.first = action->send.first;
        operation->send.last = action->send.last;
}

/* Queues a write; disk_kick() follows when the step's actions are all carried out. */
void disk_write(struct world *world, struct simulated_node *node, const struct cluster_action *action)
{
        struct disk *disk = &node->disk;
        (void)world;
        switch ((int)action->kind) {
        case CLUSTER_ACTION_APPEND:
                entry_keep(&queue_operation(disk, DISK_APPEND)->entry, action->entry);
                return;
        case CLUSTER_ACTION_TRUNCATE:
                queue_operation(disk, DISK_TRUNCATE)->number = action->index;
                return;
        case CLUSTER_ACTION_PROMISE:
                queue_operation(disk, DISK_PROMISE)->number = action->promised;
                return;
        case CLUSTER_ACTION_PUT_OBJECT:
                queue_put(disk, node, action);
                return;
        case CLUSTER_ACTION_DELETE_OBJECT:
                queue_delete(disk, action);
                return;
        case CLUSTER_ACTION_APPLIED:
                queue_operation(disk, DISK_APPLIED)->position = action->applied;
                return;
        case CLUSTER_ACTION_RESET:
                disk->logged_reset = true;
                (void)queue_operation(disk, DISK_RESET);
                return;
        case CLUSTER_ACTION_SEND_ENTRIES:
                queue_send(disk, DISK_SEND_ENTRIES, action);
                return;
        case CLUSTER_ACTION_SEND_SNAPSHOT:
                queue_send(disk, DISK_SEND_SNAPSHOT, action);
                return;
        default:
                assert(!"not a write");
        }
}

static void queue_drop(struct disk *disk)
{
        for (size_t i = 0; i < disk->queue_count; i++)
                if (disk->queue[i].kind == DISK_APPEND)
                        entry_drop(&disk->queue[i].entry);
        disk->queue_count = 0;
        disk->in_flight = 0;
}

/* The batch that was being written is there as a whole or not at all; what waited is gone. */
void disk_crash(struct world *world, struct simulated_node *node)
{
        bool written = world->cutting ? world->options.cut.written : random_chance(&world->random, 500);
        if (node->disk.in_flight > 0 && world->now_us >= node->disk.failing_until_us && written)
                batch_carry_out(world, node, false);
        queue_drop(&node->disk);
}

/* What it held is still to be had from the others: until then it is not to be lost anywhere else. */
static void disk_owes(struct disk *disk)
{
        if (disk_last(disk) > disk->owed_index)
                disk->owed_index = disk_last(disk);
        if (disk->promised > disk->owed_promise)
                disk->owed_promise = disk->promised;
}

bool disk_is_whole(const struct disk *disk)
{
        return !disk->blank && disk_last(disk) >= disk->owed_index && disk->promised >= disk->owed_promise;
}

/* It held the entry, and may have said so, before it got an older disk: all others hold it. */
bool disk_has_lost(const struct disk *disk, uint64_t index)
{
        return disk->owed_index >= index && (disk->blank || disk_last(disk) < index);
}

void disk_seed(struct disk *disk, const struct object *object, const struct ledger_position *position)
{
        disk_put(disk, object);
        disk->applied = *position;
        disk->promised = position->epoch;
        disk->blank = false;
        if (object->kind == OBJECT_ROLE)
                disk->definitions[object->role.definition_hash[0]] = ++disk->definitions_put;
}

void disk_wipe(struct disk *disk)
{
        queue_drop(disk);
        disk_owes(disk);
        disk_reset(disk);
        disk->promised = 0;
        memset(disk->definitions, 0, sizeof(disk->definitions));
}

/* --- a backup, and what comes of going back to it --- */

void disk_drop_backup(struct disk *disk)
{
        if (disk->backup == NULL)
                return;
        disk_truncate(disk->backup, 0);
        free(disk->backup->entries);
        free(disk->backup->objects);
        free(disk->backup);
        disk->backup = NULL;
}

static void copy_durable(struct disk *to, const struct disk *from)
{
        for (size_t i = 0; i < from->entry_count; i++) {
                to->entries = grow(to->entries, &to->entry_capacity, i, sizeof(*to->entries));
                entry_keep(&to->entries[i], &from->entries[i]);
                to->entry_count = i + 1;
        }
        for (size_t i = 0; i < from->object_count; i++)
                disk_put(to, &from->objects[i]);
        to->applied = from->applied;
        to->promised = from->promised;
        to->blank = from->blank;
        memcpy(to->definitions, from->definitions, sizeof(to->definitions));
}

void disk_back_up(struct disk *disk)
{
        disk_drop_backup(disk);
        disk->backup = calloc(1, sizeof(*disk->backup));
        assert(disk->backup != NULL);
        copy_durable(disk->backup, disk);
}

void disk_restore(struct disk *disk)
{
        queue_drop(disk);
        disk_owes(disk);
        disk_reset(disk);
        copy_durable(disk, disk->backup);
}

void disk_release(struct disk *disk)
{
        queue_drop(disk);
        disk_truncate(disk, 0);
        disk_drop_backup(disk);
        free(disk->entries);
        free(disk->objects);
        free(disk->queue);
        *disk = (struct disk){ 0 };
}
