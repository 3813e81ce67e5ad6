/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/store_internal.h"

#include "clusterd/base/text.h"

#include <assert.h>
#include <errno.h>

/*
 * Every row is sealed: entries by their chain, objects and definitions by a
 * hash of their text, meta by one over all its values. A disk that turns a
 * bit makes no decision.
 */
static const char schema_sql[] =
        "CREATE TABLE entry (idx INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, time_ms INTEGER NOT NULL,"
        " request_node INTEGER NOT NULL, request_incarnation INTEGER NOT NULL,"
        " request_count INTEGER NOT NULL, actor TEXT NOT NULL, subject TEXT NOT NULL, kind TEXT NOT NULL,"
        " command TEXT NOT NULL, hash BLOB NOT NULL);"
        "CREATE INDEX entry_subject ON entry (subject);"
        "CREATE TABLE object (kind TEXT NOT NULL, name TEXT NOT NULL, json TEXT NOT NULL,"
        " hash BLOB NOT NULL, PRIMARY KEY (kind, name)) WITHOUT ROWID;"
        "CREATE TABLE definition (hash BLOB PRIMARY KEY NOT NULL, text TEXT NOT NULL);"
        "CREATE TABLE meta (key TEXT PRIMARY KEY NOT NULL, value) WITHOUT ROWID;";

static int schema_fill(struct store_db *db, const struct settings *settings)
{
        struct store_meta meta = { .blank = settings == NULL };
        if (settings != NULL) {
                struct object object = { .kind = OBJECT_SETTINGS, .settings = *settings };
                struct store_operation put = { .kind = STORE_PUT_OBJECT, .object = &object };
                int error = store_write(db, &put, &meta);
                if (error < 0)
                        return error;
        }
        return store_meta_save(db, &meta);
}

static int schema_create_inside(struct store_db *db, const struct settings *settings)
{
        char pragmas[96];
        TEXT_PRINT(pragmas, "PRAGMA application_id = %d; PRAGMA user_version = %d", STORE_APPLICATION_ID,
                   STORE_FORMAT);
        int error = store_db_execute(db, schema_sql);
        if (error == 0)
                error = store_db_execute(db, pragmas);
        if (error == 0)
                error = store_db_prepare(db);
        if (error == 0)
                error = schema_fill(db, settings);
        return error;
}

int store_schema_create(struct store_db *db, const struct settings *settings)
{
        int error = store_db_execute(db, "BEGIN IMMEDIATE");
        if (error < 0)
                return error;
        error = schema_create_inside(db, settings);
        if (error == 0)
                error = store_db_execute(db, "COMMIT");
        if (error < 0)
                store_db_rollback(db);
        return error;
}

int store_schema_check(struct store_db *db, bool *ret_empty)
{
        int64_t application = 0, format = 0, tables = 0;
        int error = store_db_integer(db, "PRAGMA application_id", &application);
        if (error == 0)
                error = store_db_integer(db, "PRAGMA user_version", &format);
        if (error == 0)
                error = store_db_integer(db, "SELECT count(*) FROM sqlite_master", &tables);
        if (error < 0)
                return error;
        *ret_empty = application == 0 && format == 0 && tables == 0;
        if (*ret_empty)
                return 0;
        if (application != STORE_APPLICATION_ID)
                return store_db_bad(db, "it is a database of another program");
        if (format != STORE_FORMAT)
                return store_db_bad(
                        db, "its format is %lld, this program reads %d: install the version that wrote it",
                        (long long)format, STORE_FORMAT);
        return 0;
}

static const char *remedy(int error)
{
        switch (error) {
        case -EBADMSG:
                return "to restore it from the other nodes stop clusterd, move the file and its -wal and -shm"
                       " away, start again: it will be brought level";
        case -EROFS:
        case -EACCES:
                return "make the file and its folder writable for clusterd, and start again";
        case -EBUSY:
                return "another clusterd has it open: stop that one first";
        case -ENOSPC:
                return "free space there: it goes on by itself";
        case -EEXIST:
                return "this node has a ledger already: to begin a new cluster move the file away";
        case -ENOENT:
                return "name the ledger's file, or create the cluster first";
        default:
                return "see whether the disk beneath it works";
        }
}

void store_explain(char ret_error[STORE_ERROR_BYTES], const char *path, int error, const char *text)
{
        const char *advice = remedy(error);
        /* A long path or text is cut, the advice never. */
        int room = STORE_ERROR_BYTES - (int)strlen(advice) - 12;
        int path_room = room / 2;
        snprintf(ret_error, STORE_ERROR_BYTES, "ledger %.*s: %.*s; %s", path_room, path,
                 room - (int)strnlen(path, (size_t)path_room), text, advice);
}

int store_reader_open(struct store_db *db, const char *path)
{
        bool empty = false;
        int error = store_db_open(db, path, SQLITE_OPEN_READONLY);
        if (error < 0)
                return error;
        error = store_schema_check(db, &empty);
        if (error == 0 && empty)
                error = store_db_bad(db, "it is empty");
        if (error == 0)
                error = store_db_prepare(db);
        if (error < 0)
                store_db_close(db);
        return error;
}
