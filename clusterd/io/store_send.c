/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/store_internal.h"

#include "clusterd/base/text.h"

#include <errno.h>

/*
 * Catch-up: what a laggard lacks, read after everything queued before it is
 * durable. The writer is the only one that writes, so that what it reads
 * between two transactions is one consistent state.
 */

struct sending {
        struct store *store;
        const struct store_operation *order;
        struct store_hashes definitions;
};

static struct message message_to(const struct sending *sending, enum message_kind kind)
{
        struct message message = { .kind = kind, .round = sending->order->send.round };
        if (kind == MESSAGE_ENTRY)
                message.entry.to = sending->order->send.to;
        else
                message.snapshot.to = sending->order->send.to;
        return message;
}

static int send_message(struct sending *sending, const struct message *message)
{
        return store_outbox_message(sending->store->outbox, message) ? 0 : -ECANCELED;
}

/* The definition's text stays borrowed until SQL_DEFINITION_GET is reset. Without it: bytes 0 and NULL. */
static int find_definition(struct store_db *db, const uint8_t *hash, const char **ret_text, size_t *ret_bytes)
{
        *ret_text = NULL;
        *ret_bytes = 0;
        if (hash == NULL)
                return 0;
        store_bind_blob(db, SQL_DEFINITION_GET, 1, hash, HASH_BYTES);
        int found = store_db_step(db, SQL_DEFINITION_GET);
        if (found == 1)
                *ret_text = store_column_text(db, SQL_DEFINITION_GET, 0, ret_bytes);
        return found < 0 ? found : 0;
}

static int send_entry(void *context, const struct entry *entry)
{
        struct sending *sending = context;
        struct store_db *db = &sending->store->db;
        struct message message = message_to(sending, MESSAGE_ENTRY);
        message.entry.entry = *entry;
        int error = find_definition(db, store_command_definition(&entry->command), &message.entry.definition,
                                    &message.entry.definition_bytes);
        if (error == 0)
                error = send_message(sending, &message);
        store_db_reset(db, SQL_DEFINITION_GET);
        return error;
}

static int send_entries(struct sending *sending, uint64_t first, uint64_t last)
{
        struct store_db *db = &sending->store->db;
        store_bind_integer(db, SQL_ENTRY_BETWEEN, 1, first);
        store_bind_integer(db, SQL_ENTRY_BETWEEN, 2, last > INT64_MAX ? INT64_MAX : last);
        return store_each_entry(db, SQL_ENTRY_BETWEEN, send_entry, sending);
}

static int collect_definition(void *context, const struct object *object)
{
        struct sending *sending = context;
        if (object->kind != OBJECT_ROLE)
                return 0;
        if (store_hash_is_set(object->role.definition_hash))
                store_hashes_add(&sending->definitions, object->role.definition_hash);
        if (store_hash_is_set(object->role.copy.definition_hash))
                store_hashes_add(&sending->definitions, object->role.copy.definition_hash);
        return 0;
}

static int send_definitions(struct sending *sending)
{
        struct store_db *db = &sending->store->db;
        int error = store_each_object(db, collect_definition, sending);
        store_hashes_sort(&sending->definitions);
        for (size_t at = 0; error == 0 && at < sending->definitions.count; at++) {
                struct message message = message_to(sending, MESSAGE_SNAPSHOT_DEFINITION);
                error = find_definition(db, sending->definitions.item[at], &message.snapshot.definition,
                                        &message.snapshot.definition_bytes);
                if (error == 0 && message.snapshot.definition != NULL)
                        error = send_message(sending, &message);
                store_db_reset(db, SQL_DEFINITION_GET);
        }
        return error;
}

static int send_object(void *context, const struct object *object)
{
        struct message message = message_to(context, MESSAGE_SNAPSHOT_OBJECT);
        message.snapshot.object = *object;
        return send_message(context, &message);
}

static int send_frame(struct sending *sending, enum message_kind kind)
{
        struct message message = message_to(sending, kind);
        message.snapshot.at = sending->store->meta.applied;
        return send_message(sending, &message);
}

static int send_snapshot(struct sending *sending)
{
        int error = send_frame(sending, MESSAGE_SNAPSHOT_BEGIN);
        if (error == 0)
                error = send_definitions(sending);
        if (error == 0)
                error = store_each_object(&sending->store->db, send_object, sending);
        if (error == 0)
                error = send_frame(sending, MESSAGE_SNAPSHOT_END);
        return error;
}

/* The core asks by what it knew at start-up: entries may have been compacted away since. */
static int send_entries_or_more(struct sending *sending)
{
        const struct store_meta *meta = &sending->store->meta;
        uint64_t first = sending->order->send.first;
        if (first <= meta->base.index) {
                int error = send_snapshot(sending);
                if (error < 0)
                        return error;
                first = meta->applied.index + 1;
        }
        return send_entries(sending, first, sending->order->send.last);
}

static int send_order(struct sending *sending)
{
        struct store_db *db = &sending->store->db;
        int error = store_db_run(db, SQL_BEGIN_READ);
        if (error < 0)
                return error;
        error = sending->order->kind == STORE_SEND_ENTRIES ? send_entries_or_more(sending)
                                                           : send_snapshot(sending);
        store_db_rollback(db);
        return error;
}

void store_send(struct store *store, const struct store_operation *operation)
{
        struct sending sending = { .store = store, .order = operation };
        int error = send_order(&sending);
        store_hashes_release(&sending.definitions);
        if (error == 0 || error == -ECANCELED)
                return;
        char text[STORE_ERROR_BYTES], what[STORE_DB_ERROR_BYTES + 64];
        TEXT_PRINT(what, "could not be read for node %u: %s", operation->send.to, store->db.error);
        store_explain(text, store->path, error, what);
        store_outbox_failed(store->outbox, error, text);
}
