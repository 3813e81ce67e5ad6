/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/store_internal.h"

#include "clusterd/base/text.h"

#include <stdlib.h>

/* Columns as ENTRY_COLUMNS of store_db.c names them. */
int store_row_entry(struct store_db *db, enum store_statement statement, struct entry *ret_entry)
{
        struct entry entry = {
                .index = store_column_integer(db, statement, 0),
                .epoch = store_column_integer(db, statement, 1),
                .time_ms = (int64_t)store_column_integer(db, statement, 2),
                .request = { .node = (uint32_t)store_column_integer(db, statement, 3),
                             .incarnation = store_column_integer(db, statement, 4),
                             .count = store_column_integer(db, statement, 5) },
        };
        char error[CODEC_ERROR_BYTES];
        if (store_column_integer(db, statement, 3) > UINT32_MAX)
                return store_db_bad(db, "the request of entry %llu is damaged",
                                    (unsigned long long)entry.index);
        TEXT_COPY(entry.actor, store_column_text(db, statement, 6, NULL));
        entry.text = store_column_text(db, statement, 9, &entry.text_bytes);
        if (store_column_hash(db, statement, 10, entry.hash) < 0)
                return store_db_bad(db, "the hash of entry %llu is damaged", (unsigned long long)entry.index);
        if (command_decode(entry.text, entry.text_bytes, &entry.command, error) < 0)
                return store_db_bad(db, "entry %llu: %.100s", (unsigned long long)entry.index, error);
        *ret_entry = entry;
        return 0;
}

int store_row_object(struct store_db *db, enum object_kind kind, struct object *ret_object)
{
        struct object object;
        char error[CODEC_ERROR_BYTES];
        uint8_t want[HASH_BYTES], hash[HASH_BYTES];
        size_t json_bytes;
        const char *name = store_column_text(db, SQL_OBJECT_OF_KIND, 0, NULL);
        const char *json = store_column_text(db, SQL_OBJECT_OF_KIND, 1, &json_bytes);
        definition_hash(json, json_bytes, want);
        if (store_column_hash(db, SQL_OBJECT_OF_KIND, 2, hash) < 0 || memcmp(hash, want, HASH_BYTES) != 0)
                return store_db_bad(db, "the row of %s %.64s is damaged", object_kind_name(kind), name);
        if (object_decode(json, json_bytes, &object, error) < 0)
                return store_db_bad(db, "row of %s %.64s: %.60s", object_kind_name(kind), name, error);
        if (object.kind != kind || !text_equal(object_name(&object), name))
                return store_db_bad(db, "the row of %s %.64s holds another object", object_kind_name(kind),
                                    name);
        *ret_object = object;
        return 0;
}

int store_each_entry(struct store_db *db, enum store_statement statement, store_visit_entry visit,
                     void *context)
{
        struct entry entry;
        int more, error = 0;
        while (error >= 0 && (more = store_db_step(db, statement)) != 0) {
                error = more < 0 ? more : store_row_entry(db, statement, &entry);
                if (error == 0)
                        error = visit(context, &entry);
        }
        store_db_reset(db, statement);
        return error;
}

/* Kind by kind in the order of enum object_kind: settings and nodes come before what names them. */
int store_each_object(struct store_db *db, store_visit_object visit, void *context)
{
        struct object object;
        int more, error = 0;
        for (int kind = 0; error >= 0 && kind < OBJECT_COUNT; kind++) {
                store_bind_text(db, SQL_OBJECT_OF_KIND, 1, object_kind_name((enum object_kind)kind));
                while (error >= 0 && (more = store_db_step(db, SQL_OBJECT_OF_KIND)) != 0) {
                        error = more < 0 ? more : store_row_object(db, (enum object_kind)kind, &object);
                        if (error == 0)
                                error = visit(context, &object);
                }
                store_db_reset(db, SQL_OBJECT_OF_KIND);
        }
        return error;
}

bool store_hash_is_set(const uint8_t hash[HASH_BYTES])
{
        static const uint8_t none[HASH_BYTES];
        return memcmp(hash, none, HASH_BYTES) != 0;
}

const uint8_t *store_command_definition(const struct command *command)
{
        const uint8_t *hash = NULL;
        if (command->kind == COMMAND_ROLE_ADD)
                hash = command->role_add.role.definition_hash;
        else if (command->kind == COMMAND_ROLE_SET && (command->role_set.fields & ROLE_FIELD_DEFINITION) != 0)
                hash = command->role_set.role.definition_hash;
        else if (command->kind == COMMAND_ROLE_COPY)
                hash = command->role_copy.definition_hash;
        return hash != NULL && store_hash_is_set(hash) ? hash : NULL;
}

void store_hashes_add(struct store_hashes *hashes, const uint8_t hash[HASH_BYTES])
{
        if (hashes->count == hashes->capacity) {
                hashes->capacity = hashes->capacity == 0 ? 64 : 2 * hashes->capacity;
                hashes->item = reallocarray(hashes->item, hashes->capacity, HASH_BYTES);
                if (hashes->item == NULL)
                        abort();
        }
        memcpy(hashes->item[hashes->count++], hash, HASH_BYTES);
}

static int hash_compare(const void *a, const void *b)
{
        return memcmp(a, b, HASH_BYTES);
}

void store_hashes_sort(struct store_hashes *hashes)
{
        size_t kept = 0;
        if (hashes->count == 0)
                return;
        qsort(hashes->item, hashes->count, HASH_BYTES, hash_compare);
        for (size_t at = 1; at < hashes->count; at++) {
                if (hash_compare(hashes->item[kept], hashes->item[at]) != 0)
                        memmove(hashes->item[++kept], hashes->item[at], HASH_BYTES);
        }
        hashes->count = kept + 1;
}

bool store_hashes_has(const struct store_hashes *hashes, const uint8_t hash[HASH_BYTES])
{
        return hashes->count > 0 &&
               bsearch(hash, hashes->item, hashes->count, HASH_BYTES, hash_compare) != NULL;
}

void store_hashes_release(struct store_hashes *hashes)
{
        free(hashes->item);
        *hashes = (struct store_hashes){ 0 };
}
