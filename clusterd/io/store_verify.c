/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/store_internal.h"

#include "clusterd/base/text.h"

#include <errno.h>

int store_check_pages(struct store_db *db, const char *pragma)
{
        sqlite3_stmt *statement = NULL;
        int error = 0;
        int code = sqlite3_prepare_v2(db->handle, pragma, -1, &statement, NULL);
        if (code == SQLITE_OK)
                code = sqlite3_step(statement);
        if (code != SQLITE_ROW) {
                error = store_db_bad(db, "%s", sqlite3_errmsg(db->handle));
        } else {
                const unsigned char *text = sqlite3_column_text(statement, 0);
                if (text == NULL || !text_equal((const char *)text, "ok"))
                        error = store_db_bad(db, "%.140s", text == NULL ? "damaged" : (const char *)text);
        }
        sqlite3_finalize(statement);
        return error;
}

static int count_object(void *context, const struct object *object)
{
        (void)object;
        ++*(int64_t *)context;
        return 0;
}

static int check_definitions(struct store_db *db)
{
        int more;
        while ((more = store_db_step(db, SQL_DEFINITION_ALL)) == 1) {
                uint8_t hash[HASH_BYTES], want[HASH_BYTES];
                size_t text_bytes;
                const char *text = store_column_text(db, SQL_DEFINITION_ALL, 1, &text_bytes);
                definition_hash(text, text_bytes, want);
                if (store_column_hash(db, SQL_DEFINITION_ALL, 0, hash) < 0 ||
                    memcmp(hash, want, HASH_BYTES) != 0) {
                        store_db_reset(db, SQL_DEFINITION_ALL);
                        return store_db_bad(db, "a definition of %zu bytes is not the one that was stored",
                                            text_bytes);
                }
        }
        return more;
}

/* Reading an object's row checks it; one of an unknown kind is not read. */
int store_check_rows(struct store_db *db)
{
        int64_t read = 0, rows = 0;
        int error = store_each_object(db, count_object, &read);
        if (error == 0)
                error = store_db_integer(db, "SELECT count(*) FROM object", &rows);
        if (error == 0 && read != rows)
                error = store_db_bad(db, "a row of its table object is damaged");
        return error < 0 ? error : check_definitions(db);
}

/* Keeps the first finding. */
static void verdict_bad(struct store_verdict *verdict, uint64_t index, const char *text)
{
        if (verdict->bad_index != 0)
                return;
        verdict->bad_index = index;
        TEXT_PRINT(verdict->text, "%s", text);
}

/* The columns that are there only for queries must say what the command says. */
static bool row_describes(struct store_db *db, const struct entry *entry)
{
        char subject[NAME_BYTES + 16];
        command_subject(&entry->command, subject, sizeof subject);
        return text_equal(store_column_text(db, SQL_ENTRY_BETWEEN, 7, NULL), subject) &&
               text_equal(store_column_text(db, SQL_ENTRY_BETWEEN, 8, NULL),
                          command_kind_name(entry->command.kind));
}

static void check_entry(struct store_db *db, const struct ledger_position *previous, uint64_t index,
                        struct ledger_position *ret_position, struct store_verdict *verdict)
{
        struct entry entry, sealed;
        if (store_row_entry(db, SQL_ENTRY_BETWEEN, &entry) < 0) {
                verdict_bad(verdict, index, db->error);
                return;
        }
        sealed = entry;
        entry_seal(&sealed, previous->hash);
        if (entry.index != index)
                verdict_bad(verdict, index, "it is missing");
        else if (memcmp(sealed.hash, entry.hash, HASH_BYTES) != 0)
                verdict_bad(verdict, index, "its hash does not follow from its content and the entry before");
        else if (entry.epoch < previous->epoch)
                verdict_bad(verdict, index, "its epoch is older than that of the entry before");
        else if (!row_describes(db, &entry))
                verdict_bad(verdict, index, "its subject or kind is not that of its command");
        *ret_position = (struct ledger_position){ .epoch = entry.epoch, .index = index };
        memcpy(ret_position->hash, entry.hash, HASH_BYTES);
}

static void check_applied(const struct store_meta *meta, const struct ledger_position *position,
                          struct store_verdict *verdict)
{
        if (position->index != meta->applied.index)
                return;
        if (position->epoch != meta->applied.epoch ||
            memcmp(position->hash, meta->applied.hash, HASH_BYTES) != 0)
                verdict_bad(verdict, position->index, "it is not the entry that was applied");
}

/* The position that the entry at `index` follows. */
static int position_before(struct store_db *db, const struct store_meta *meta, uint64_t index,
                           struct ledger_position *ret_position)
{
        *ret_position = meta->base;
        if (index == meta->base.index + 1)
                return 0;
        store_bind_integer(db, SQL_ENTRY_POSITION, 1, index - 1);
        int found = store_db_step(db, SQL_ENTRY_POSITION);
        if (found < 0)
                return found;
        if (found == 0)
                return store_db_bad(db, "entry %llu is missing", (unsigned long long)(index - 1));
        ret_position->epoch = store_column_integer(db, SQL_ENTRY_POSITION, 0);
        ret_position->index = index - 1;
        int error = store_column_hash(db, SQL_ENTRY_POSITION, 2, ret_position->hash);
        store_db_reset(db, SQL_ENTRY_POSITION);
        return error;
}

static int check_ends(struct store_db *db, const struct store_meta *meta)
{
        if (store_db_step(db, SQL_ENTRY_BOUNDS) != 1)
                return -EBADMSG;
        uint64_t first = store_column_integer(db, SQL_ENTRY_BOUNDS, 0);
        store_db_reset(db, SQL_ENTRY_BOUNDS);
        if (first != 0 && first != meta->base.index + 1)
                return store_db_bad(db, "entries begin at %llu, they should at %llu",
                                    (unsigned long long)first, (unsigned long long)meta->base.index + 1);
        if (meta->applied.index < meta->base.index || meta->applied.index > meta->last_index)
                return store_db_bad(db, "entry %llu was applied and is missing",
                                    (unsigned long long)meta->applied.index);
        return 0;
}

int store_check_chain(struct store_db *db, const struct store_meta *meta, uint64_t first_index,
                      struct store_verdict *verdict)
{
        uint64_t index = first_index > meta->base.index ? first_index : meta->base.index + 1;
        struct ledger_position position;
        int error = check_ends(db, meta);
        if (error == 0)
                error = position_before(db, meta, index, &position);
        if (error < 0)
                return error;
        check_applied(meta, &position, verdict);
        int more = 0;
        store_bind_integer(db, SQL_ENTRY_BETWEEN, 1, index);
        store_bind_integer(db, SQL_ENTRY_BETWEEN, 2, INT64_MAX);
        while (verdict->bad_index == 0 && (more = store_db_step(db, SQL_ENTRY_BETWEEN)) == 1) {
                struct ledger_position next = { 0 };
                check_entry(db, &position, index, &next, verdict);
                check_applied(meta, &next, verdict);
                position = next;
                index++;
                verdict->entries++;
        }
        store_db_reset(db, SQL_ENTRY_BETWEEN);
        verdict->first_index = meta->last_index > meta->base.index ? meta->base.index + 1 : 0;
        verdict->last_index = meta->last_index;
        verdict->applied = meta->applied;
        for (size_t at = 0; at < HASH_BYTES; at++)
                snprintf(verdict->last_hash + 2 * at, 3, "%02x", position.hash[at]);
        return more < 0 ? more : 0;
}

static int verify_all(struct store_db *db, struct store_verdict *verdict)
{
        struct store_meta meta;
        int error = store_db_run(db, SQL_BEGIN_READ);
        if (error == 0)
                error = store_check_pages(db, "PRAGMA integrity_check(1)");
        if (error == 0)
                error = store_meta_load(db, &meta);
        if (error == 0)
                error = store_check_chain(db, &meta, 1, verdict);
        if (error == 0 && verdict->bad_index == 0)
                error = store_check_rows(db);
        if (error == 0 && verdict->bad_index == 0)
                error = store_check_evidence(db, &meta, verdict);
        store_db_rollback(db);
        return error;
}

int store_verify(const char *path, struct store_verdict *ret_verdict, char ret_error[STORE_ERROR_BYTES])
{
        struct store_verdict verdict = { 0 };
        struct store_db db;
        int error = store_reader_open(&db, path);
        if (error == 0) {
                error = verify_all(&db, &verdict);
                store_db_close(&db);
        }
        if (error < 0)
                store_explain(ret_error, path, error, db.error);
        else
                *ret_verdict = verdict;
        return error;
}
