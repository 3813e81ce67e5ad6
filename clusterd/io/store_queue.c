/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/store_internal.h"

#include "clusterd/base/text.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* The loop thread's end of the queue: every call copies, none waits for the disk. */

/* More than this waiting means a disk that stands still; told once, and the queue grows on. */
#define FLOOD_BYTES (64u * 1024 * 1024)

static struct store_operation *operation_new(enum store_operation_kind kind, const char *text,
                                             size_t text_bytes)
{
        size_t bytes = sizeof(struct store_operation) + text_bytes;
        struct store_operation *operation = calloc(1, bytes);
        if (operation == NULL)
                abort();
        operation->kind = kind;
        operation->bytes = bytes;
        operation->text_bytes = text_bytes;
        if (text_bytes > 0)
                memcpy(operation->text, text, text_bytes);
        return operation;
}

/* Under the mutex. */
static void flood_watch(struct store *store)
{
        if (store->queued_bytes > FLOOD_BYTES && !store->flooded) {
                char text[STORE_ERROR_BYTES];
                store->flooded = true;
                store_explain(text, store->path, -ENOBUFS, "more than 64 MiB wait to be written");
                store_outbox_failed(store->outbox, -ENOBUFS, text);
        } else if (store->queued_bytes < FLOOD_BYTES / 2) {
                store->flooded = false;
        }
}

/* awaited: somebody needs to know that it is durable. */
static void queue_push(struct store *store, struct store_operation *operation, bool awaited)
{
        pthread_mutex_lock(&store->mutex);
        store->awaited |= awaited;
        *store->end = operation;
        store->end = &operation->next;
        store->newest = operation;
        store->queued_bytes += operation->bytes;
        if (operation->kind == STORE_PUT_DEFINITION) {
                *store->definitions_end = operation;
                store->definitions_end = &operation->definition.next;
        }
        flood_watch(store);
        pthread_mutex_unlock(&store->mutex);
}

/*
 * A reset and the snapshot behind it become durable together, or never: a node that dies in between holds
 * what it held, and that may be what the others need.
 */
void store_end_batch(struct store *store)
{
        if (store->newest == NULL || store->newest->batch_end || store->replacing)
                return;
        store->newest->batch_end = true;
        if (store->batches++ == 0)
                pthread_cond_signal(&store->wake);
}

void store_flush(struct store *store)
{
        pthread_mutex_lock(&store->mutex);
        store_end_batch(store);
        if (store->awaited && store->batches > 0) {
                store->awaited = false;
                store->hurry = true;
                pthread_cond_signal(&store->wake);
        }
        pthread_mutex_unlock(&store->mutex);
}

void store_append(struct store *store, const struct entry *entry)
{
        assert(entry->text != NULL);
        assert(entry->index == store->tail_index + 1);
        store->tail_index = entry->index;

        struct store_operation *operation = operation_new(STORE_APPEND, entry->text, entry->text_bytes);
        operation->append.epoch = entry->epoch;
        operation->append.index = entry->index;
        operation->append.time_ms = entry->time_ms;
        operation->append.request = entry->request;
        TEXT_COPY(operation->append.actor, entry->actor);
        memcpy(operation->append.hash, entry->hash, HASH_BYTES);
        queue_push(store, operation, true);
}

void store_truncate(struct store *store, uint64_t after_index)
{
        struct store_operation *operation = operation_new(STORE_TRUNCATE, NULL, 0);
        operation->index = after_index;
        if (store->tail_index > after_index)
                store->tail_index = after_index;
        queue_push(store, operation, true);
}

void store_promise(struct store *store, uint64_t epoch)
{
        struct store_operation *operation = operation_new(STORE_PROMISE, NULL, 0);
        operation->epoch = epoch;
        queue_push(store, operation, true);
}

void store_put_object(struct store *store, const struct object *object)
{
        struct store_operation *operation =
                operation_new(STORE_PUT_OBJECT, (const char *)object, sizeof *object);
        operation->object = (const struct object *)(const void *)operation->text;
        queue_push(store, operation, false);
}

void store_delete_object(struct store *store, enum object_kind kind, const char *name)
{
        struct store_operation *operation = operation_new(STORE_DELETE_OBJECT, NULL, 0);
        operation->row.kind = kind;
        TEXT_COPY(operation->row.name, name);
        queue_push(store, operation, false);
}

void store_applied(struct store *store, const struct ledger_position *position)
{
        struct store_operation *operation = operation_new(STORE_APPLIED, NULL, 0);
        operation->applied = *position;
        bool snapshot_end = store->tail_index < position->index;
        if (snapshot_end)
                store->tail_index = position->index;
        store->replacing = false;
        queue_push(store, operation, snapshot_end);
}

void store_put_definition(struct store *store, const char *text, size_t text_bytes)
{
        assert(text_bytes <= DEFINITION_BYTES);
        struct store_operation *operation = operation_new(STORE_PUT_DEFINITION, text, text_bytes);
        definition_hash(text, text_bytes, operation->definition.hash);
        queue_push(store, operation, true);
}

void store_reset(struct store *store)
{
        store_flush(store); /* what came before is none of it */
        store->tail_index = 0;
        store->replacing = true;
        queue_push(store, operation_new(STORE_RESET, NULL, 0), true);
}

void store_compact(struct store *store, int64_t keep_after_time_ms, uint64_t keep_min)
{
        struct store_operation *operation = operation_new(STORE_COMPACT, NULL, 0);
        operation->compact.keep_after_time_ms = keep_after_time_ms;
        operation->compact.keep_min = keep_min;
        queue_push(store, operation, true);
}

void store_send_entries(struct store *store, const struct message *template, uint64_t first, uint64_t last)
{
        struct store_operation *operation = operation_new(STORE_SEND_ENTRIES, NULL, 0);
        operation->send.round = template->round;
        operation->send.to = template->entry.to;
        operation->send.first = first;
        operation->send.last = last;
        queue_push(store, operation, true);
}

void store_send_snapshot(struct store *store, const struct message *template)
{
        struct store_operation *operation = operation_new(STORE_SEND_SNAPSHOT, NULL, 0);
        operation->send.round = template->round;
        operation->send.to = template->snapshot.to;
        queue_push(store, operation, true);
}
