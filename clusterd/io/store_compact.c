/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/store_internal.h"

#include <errno.h>

/* Entries forgotten in one transaction: it holds up those behind it by a fraction of a second. */
#define COMPACT_STEP 20000

/* The newest entry to forget; 0 if none. Wall clocks jump: only what every later entry is younger than. */
static int compact_cut(struct store_db *db, const struct store_operation *compact,
                       const struct store_meta *meta, uint64_t *ret_cut)
{
        uint64_t keep_min = compact->compact.keep_min;
        uint64_t cut = meta->last_index > keep_min ? meta->last_index - keep_min : 0;
        if (cut > meta->base.index + COMPACT_STEP)
                cut = meta->base.index + COMPACT_STEP;
        if (cut >= meta->applied.index)
                cut = meta->applied.index == 0 ? 0 : meta->applied.index - 1;
        store_bind_integer(db, SQL_ENTRY_FIRST_YOUNG, 1, (uint64_t)compact->compact.keep_after_time_ms);
        int found = store_db_step(db, SQL_ENTRY_FIRST_YOUNG);
        if (found < 0)
                return found;
        if (found == 1) {
                uint64_t young = store_column_integer(db, SQL_ENTRY_FIRST_YOUNG, 0);
                store_db_reset(db, SQL_ENTRY_FIRST_YOUNG);
                if (cut >= young)
                        cut = young - 1;
        }
        *ret_cut = cut > meta->base.index ? cut : 0;
        return 0;
}

/* What the first kept entry's hash is chained over must stay, or nobody could check it. */
static int move_base(struct store_db *db, uint64_t cut, struct store_meta *meta)
{
        struct ledger_position base;
        store_bind_integer(db, SQL_ENTRY_POSITION, 1, cut);
        int found = store_db_step(db, SQL_ENTRY_POSITION);
        if (found < 0)
                return found;
        if (found == 0)
                return store_db_bad(db, "entry %llu is missing", (unsigned long long)cut);
        base.epoch = store_column_integer(db, SQL_ENTRY_POSITION, 0);
        base.index = store_column_integer(db, SQL_ENTRY_POSITION, 1);
        int error = store_column_hash(db, SQL_ENTRY_POSITION, 2, base.hash);
        store_db_reset(db, SQL_ENTRY_POSITION);
        if (error == 0)
                meta->base = base;
        return error;
}

static int add_of_entry(void *context, const struct entry *entry)
{
        const uint8_t *hash = store_command_definition(&entry->command);
        if (hash != NULL)
                store_hashes_add(context, hash);
        return 0;
}

static int add_of_object(void *context, const struct object *object)
{
        if (object->kind != OBJECT_ROLE)
                return 0;
        store_hashes_add(context, object->role.definition_hash);
        store_hashes_add(context, object->role.copy.definition_hash);
        return 0;
}

static int list_definitions(struct store_db *db, struct store_hashes *all)
{
        uint8_t hash[HASH_BYTES];
        int more, error = 0;
        while (error == 0 && (more = store_db_step(db, SQL_DEFINITION_ALL)) != 0) {
                error = more < 0 ? more : store_column_hash(db, SQL_DEFINITION_ALL, 0, hash);
                if (error == 0)
                        store_hashes_add(all, hash);
        }
        store_db_reset(db, SQL_DEFINITION_ALL);
        return error;
}

/*
 * Definitions that neither a role nor a kept entry names, unless they came since the last compaction: their
 * command may still be on its way.
 */
static int drop_definitions(struct store_db *db, struct store_meta *meta)
{
        int64_t newest = 0;
        struct store_hashes used = { 0 }, all = { 0 };
        int error = store_each_entry(db, SQL_ENTRY_DEFINING, add_of_entry, &used);
        if (error == 0)
                error = store_each_object(db, add_of_object, &used);
        if (error == 0)
                error = list_definitions(db, &all);
        store_hashes_sort(&used);
        for (size_t at = 0; error == 0 && at < all.count; at++) {
                if (store_hashes_has(&used, all.item[at]))
                        continue;
                store_bind_blob(db, SQL_DEFINITION_DELETE, 1, all.item[at], HASH_BYTES);
                store_bind_integer(db, SQL_DEFINITION_DELETE, 2, meta->definitions_seen);
                error = store_db_run(db, SQL_DEFINITION_DELETE);
        }
        store_hashes_release(&used);
        store_hashes_release(&all);
        if (error == 0)
                error = store_db_integer(db, "SELECT coalesce(max(rowid), 0) FROM definition", &newest);
        if (error == 0)
                meta->definitions_seen = (uint64_t)newest;
        return error;
}

int store_write_compact(struct store_db *db, const struct store_operation *operation, struct store_meta *meta)
{
        uint64_t cut = 0;
        int error = compact_cut(db, operation, meta, &cut);
        if (error < 0 || cut == 0)
                return error;
        error = move_base(db, cut, meta);
        if (error < 0)
                return error;
        store_bind_integer(db, SQL_ENTRY_DELETE_TO, 1, cut);
        error = store_db_run(db, SQL_ENTRY_DELETE_TO);
        return error < 0 ? error : drop_definitions(db, meta);
}
