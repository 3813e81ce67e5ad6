/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/store_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Reads of the loop thread at start-up and of worker threads: from the file, never from the writer. */

int store_read_state(struct store *store, struct store_state *ret_state)
{
        struct store_db db;
        int error = store_reader_open(&db, store->path);
        if (error < 0)
                return error;
        struct store_meta meta;
        error = store_meta_load(&db, &meta);
        store_db_close(&db);
        if (error < 0)
                return error;
        *ret_state = (struct store_state){
                .applied = meta.applied,
                .first_index = meta.last_index > meta.base.index ? meta.base.index + 1 : 0,
                .last_index = meta.last_index,
                .promised = meta.promised,
                .blank = meta.blank,
        };
        return 0;
}

struct object_call {
        store_on_object function;
        void *context;
};

static int on_object_row(void *context, const struct object *object)
{
        const struct object_call *call = context;
        call->function(call->context, object);
        return 0;
}

int store_read_objects(struct store *store, store_on_object on_object, void *context)
{
        struct object_call call = { on_object, context };
        struct store_db db;
        struct store_meta meta;
        int error = store_reader_open(&db, store->path);
        if (error < 0)
                return error;
        error = store_meta_load(&db, &meta);
        /* Rows of a snapshot that never ended belong to no position. */
        if (error == 0 && !meta.blank)
                error = store_each_object(&db, on_object_row, &call);
        store_db_close(&db);
        return error;
}

struct entry_call {
        store_on_entry function;
        void *context;
};

static int on_entry_row(void *context, const struct entry *entry)
{
        const struct entry_call *call = context;
        call->function(call->context, entry);
        return 0;
}

static uint64_t index_clamp(uint64_t index)
{
        return index > INT64_MAX ? INT64_MAX : index; /* sqlite orders them as signed */
}

int store_read_entries(struct store *store, uint64_t first_index, store_on_entry on_entry, void *context)
{
        const struct store_query query = { .first = first_index, .last = UINT64_MAX, .limit = UINT32_MAX };
        return store_query_entries(store, &query, on_entry, context);
}

int store_query_entries(struct store *store, const struct store_query *query, store_on_entry on_entry,
                        void *context)
{
        struct entry_call call = { on_entry, context };
        enum store_statement statement =
                query->subject == NULL ? SQL_ENTRY_NEWEST : SQL_ENTRY_NEWEST_OF_SUBJECT;
        struct store_db *db = &store->reader;
        pthread_mutex_lock(&store->reader_mutex);
        store_bind_integer(db, statement, 1, index_clamp(query->first));
        store_bind_integer(db, statement, 2, index_clamp(query->last));
        store_bind_integer(db, statement, 3, query->limit);
        if (query->subject != NULL)
                store_bind_text(db, statement, 4, query->subject);
        int error = store_each_entry(db, statement, on_entry_row, &call);
        pthread_mutex_unlock(&store->reader_mutex);
        return error;
}

static void copy_give(const char *text, size_t text_bytes, char **ret_text, size_t *ret_bytes)
{
        char *copy = malloc(text_bytes + 1);
        if (copy == NULL)
                abort();
        memcpy(copy, text, text_bytes);
        copy[text_bytes] = '\0';
        *ret_text = copy;
        *ret_bytes = text_bytes;
}

static bool definition_queued(struct store *store, const uint8_t hash[HASH_BYTES], char **ret_text,
                              size_t *ret_bytes)
{
        bool found = false;
        pthread_mutex_lock(&store->mutex);
        for (const struct store_operation *at = store->definitions; !found && at != NULL;
             at = at->definition.next) {
                found = memcmp(at->definition.hash, hash, HASH_BYTES) == 0;
                if (found)
                        copy_give(at->text, at->text_bytes, ret_text, ret_bytes);
        }
        pthread_mutex_unlock(&store->mutex);
        return found;
}

static int definition_stored(struct store_db *db, const uint8_t hash[HASH_BYTES], char **ret_text,
                             size_t *ret_bytes)
{
        uint8_t really[HASH_BYTES];
        size_t text_bytes;
        store_bind_blob(db, SQL_DEFINITION_GET, 1, hash, HASH_BYTES);
        int found = store_db_step(db, SQL_DEFINITION_GET);
        if (found <= 0)
                return found == 0 ? -ENOENT : found;
        const char *text = store_column_text(db, SQL_DEFINITION_GET, 0, &text_bytes);
        definition_hash(text, text_bytes, really);
        int error = memcmp(really, hash, HASH_BYTES) == 0 ? 0 : -EBADMSG;
        if (error == 0)
                copy_give(text, text_bytes, ret_text, ret_bytes);
        store_db_reset(db, SQL_DEFINITION_GET);
        return error;
}

int store_read_definition(struct store *store, const uint8_t hash[HASH_BYTES], char **ret_text,
                          size_t *ret_bytes)
{
        /* First the queue: what leaves it meanwhile is in the file before it does. */
        if (definition_queued(store, hash, ret_text, ret_bytes))
                return 0;
        pthread_mutex_lock(&store->reader_mutex);
        int error = definition_stored(&store->reader, hash, ret_text, ret_bytes);
        pthread_mutex_unlock(&store->reader_mutex);
        return error;
}
