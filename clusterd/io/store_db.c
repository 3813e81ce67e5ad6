/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/store_db.h"

#include "clusterd/base/limits.h"
#include "clusterd/base/text.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

/* A connection waits this long for another one's recovery or checkpoint, never for a writer: there is one. */
#define BUSY_TIMEOUT_MS 10000

#define ENTRY_COLUMNS                                                                                        \
        "idx, epoch, time_ms, request_node, request_incarnation, request_count, actor, subject, kind, "      \
        "command, hash"

static const char *const statement_sql[SQL_COUNT] = {
        [SQL_BEGIN_WRITE] = "BEGIN IMMEDIATE",
        [SQL_BEGIN_READ] = "BEGIN",
        [SQL_COMMIT] = "COMMIT",
        [SQL_ENTRY_INSERT] = "INSERT INTO entry (" ENTRY_COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?,?)",
        [SQL_ENTRY_DELETE_AFTER] = "DELETE FROM entry WHERE idx > ?",
        [SQL_ENTRY_DELETE_TO] = "DELETE FROM entry WHERE idx <= ?",
        [SQL_ENTRY_BETWEEN] = "SELECT " ENTRY_COLUMNS " FROM entry WHERE idx BETWEEN ? AND ? ORDER BY idx",
        [SQL_ENTRY_NEWEST] = "SELECT * FROM (SELECT " ENTRY_COLUMNS " FROM entry"
                             " WHERE idx BETWEEN ?1 AND ?2 ORDER BY idx DESC LIMIT ?3) ORDER BY idx",
        [SQL_ENTRY_NEWEST_OF_SUBJECT] =
                "SELECT * FROM (SELECT " ENTRY_COLUMNS " FROM entry WHERE idx BETWEEN ?1 AND ?2"
                " AND subject = ?4 ORDER BY idx DESC LIMIT ?3) ORDER BY idx",
        [SQL_ENTRY_OF_ROLES] = "SELECT " ENTRY_COLUMNS " FROM entry"
                               " WHERE subject >= 'role:' AND subject < 'role;' ORDER BY subject, idx",
        [SQL_ENTRY_DEFINING] =
                "SELECT " ENTRY_COLUMNS " FROM entry WHERE kind IN ('role-add', 'role-set') ORDER BY idx",
        [SQL_ENTRY_POSITION] = "SELECT epoch, idx, hash FROM entry WHERE idx = ?",
        [SQL_ENTRY_BOUNDS] = "SELECT (SELECT min(idx) FROM entry), (SELECT max(idx) FROM entry)",
        [SQL_ENTRY_FIRST_YOUNG] = "SELECT idx FROM entry WHERE time_ms >= ? ORDER BY idx LIMIT 1",
        [SQL_OBJECT_PUT] = "INSERT OR REPLACE INTO object (kind, name, json, hash) VALUES (?,?,?,?)",
        [SQL_OBJECT_DELETE] = "DELETE FROM object WHERE kind = ? AND name = ?",
        [SQL_OBJECT_OF_KIND] = "SELECT name, json, hash FROM object WHERE kind = ? ORDER BY name",
        [SQL_DEFINITION_PUT] = "INSERT OR REPLACE INTO definition (hash, text) VALUES (?,?)",
        [SQL_DEFINITION_GET] = "SELECT text FROM definition WHERE hash = ?",
        [SQL_DEFINITION_ALL] = "SELECT hash, text FROM definition",
        [SQL_DEFINITION_DELETE] = "DELETE FROM definition WHERE hash = ? AND rowid <= ?",
        [SQL_META_PUT] = "INSERT OR REPLACE INTO meta (key, value) VALUES (?,?)",
        [SQL_META_ALL] = "SELECT key, value FROM meta",
};

static int error_translate(sqlite3 *handle, int code)
{
        switch (code & 0xff) {
        case SQLITE_NOMEM:
                abort();
        case SQLITE_FULL:
                return -ENOSPC;
        case SQLITE_READONLY:
                return -EROFS;
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                return -EBUSY;
        case SQLITE_PERM:
        case SQLITE_AUTH:
                return -EACCES;
        case SQLITE_CANTOPEN: {
                int number = handle == NULL ? 0 : sqlite3_system_errno(handle);
                return number > 0 ? -number : -EIO;
        }
        case SQLITE_IOERR:
                return -EIO;
        default: /* damaged, no database at all, or lacks a table or column of ours */
                return -EBADMSG;
        }
}

static int db_fail(struct store_db *db, int code)
{
        const char *text = db->handle == NULL ? sqlite3_errstr(code) : sqlite3_errmsg(db->handle);
        int number = db->handle == NULL ? 0 : sqlite3_system_errno(db->handle);
        bool system = number != 0 && ((code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN);
        TEXT_PRINT(db->error, "%s%s%s", text, system ? ": " : "", system ? strerror(number) : "");
        return error_translate(db->handle, code);
}

int store_db_bad(struct store_db *db, const char *format, ...)
{
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(db->error, sizeof db->error, format, arguments);
        va_end(arguments);
        return -EBADMSG;
}

int store_db_open(struct store_db *db, const char *path, int flags)
{
        *db = (struct store_db){ 0 };
        int code = sqlite3_open_v2(path, &db->handle, flags | SQLITE_OPEN_NOMUTEX, NULL);
        if (code == SQLITE_OK)
                code = sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
        if (code == SQLITE_OK)
                return 0;
        int error = db_fail(db, code);
        store_db_close(db);
        return error;
}

int store_db_prepare(struct store_db *db)
{
        for (int at = 0; at < SQL_COUNT; at++) {
                int code = sqlite3_prepare_v3(db->handle, statement_sql[at], -1, SQLITE_PREPARE_PERSISTENT,
                                              &db->statements[at], NULL);
                if (code != SQLITE_OK)
                        return db_fail(db, code);
        }
        return 0;
}

void store_db_close(struct store_db *db)
{
        for (int at = 0; at < SQL_COUNT; at++) {
                sqlite3_finalize(db->statements[at]);
                db->statements[at] = NULL;
        }
        sqlite3_close(db->handle);
        db->handle = NULL;
}

int store_db_execute(struct store_db *db, const char *sql)
{
        int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
        return code == SQLITE_OK ? 0 : db_fail(db, code);
}

int store_db_integer(struct store_db *db, const char *sql, int64_t *ret_value)
{
        sqlite3_stmt *statement = NULL;
        int code = sqlite3_prepare_v2(db->handle, sql, -1, &statement, NULL);
        if (code == SQLITE_OK)
                code = sqlite3_step(statement);
        if (code == SQLITE_ROW)
                *ret_value = sqlite3_column_int64(statement, 0);
        int error = code == SQLITE_ROW ? 0 : db_fail(db, code);
        sqlite3_finalize(statement);
        return error;
}

int store_db_step(struct store_db *db, enum store_statement statement)
{
        int code = sqlite3_step(db->statements[statement]);
        if (code == SQLITE_ROW)
                return 1;
        int error = code == SQLITE_DONE ? 0 : db_fail(db, code);
        store_db_reset(db, statement);
        return error;
}

int store_db_run(struct store_db *db, enum store_statement statement)
{
        int error = store_db_step(db, statement);
        if (error == 1)
                store_db_reset(db, statement);
        return error < 0 ? error : 0;
}

void store_db_reset(struct store_db *db, enum store_statement statement)
{
        sqlite3_reset(db->statements[statement]);
        sqlite3_clear_bindings(db->statements[statement]);
}

void store_db_rollback(struct store_db *db)
{
        for (int at = 0; at < SQL_COUNT; at++)
                sqlite3_reset(db->statements[at]);
        /* After some errors sqlite has rolled back by itself. */
        if (!sqlite3_get_autocommit(db->handle))
                sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
}

void store_bind_integer(struct store_db *db, enum store_statement statement, int at, uint64_t value)
{
        int code = sqlite3_bind_int64(db->statements[statement], at, (int64_t)value);
        assert(code == SQLITE_OK);
}

void store_bind_text(struct store_db *db, enum store_statement statement, int at, const char *text)
{
        store_bind_bytes(db, statement, at, text, strlen(text));
}

void store_bind_bytes(struct store_db *db, enum store_statement statement, int at, const char *text,
                      size_t text_bytes)
{
        int code = sqlite3_bind_text64(db->statements[statement], at, text, text_bytes, SQLITE_STATIC,
                                       SQLITE_UTF8);
        assert(code == SQLITE_OK);
}

void store_bind_blob(struct store_db *db, enum store_statement statement, int at, const void *data,
                     size_t bytes)
{
        int code = sqlite3_bind_blob64(db->statements[statement], at, data, bytes, SQLITE_STATIC);
        assert(code == SQLITE_OK);
}

uint64_t store_column_integer(struct store_db *db, enum store_statement statement, int at)
{
        return (uint64_t)sqlite3_column_int64(db->statements[statement], at);
}

const char *store_column_text(struct store_db *db, enum store_statement statement, int at, size_t *ret_bytes)
{
        const unsigned char *text = sqlite3_column_text(db->statements[statement], at);
        if (ret_bytes != NULL)
                *ret_bytes = (size_t)sqlite3_column_bytes(db->statements[statement], at);
        return text == NULL ? "" : (const char *)text;
}

int store_column_hash(struct store_db *db, enum store_statement statement, int at, uint8_t *ret_hash)
{
        const void *data = sqlite3_column_blob(db->statements[statement], at);
        if (data == NULL || sqlite3_column_bytes(db->statements[statement], at) != HASH_BYTES)
                return store_db_bad(db, "a hash is not %d bytes long", HASH_BYTES);
        memcpy(ret_hash, data, HASH_BYTES);
        return 0;
}
