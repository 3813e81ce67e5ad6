/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_STORE_DB_H
#define CLU_CLUSTERD_IO_STORE_DB_H

/*
 * One connection to the ledger's file: every statement it uses, prepared,
 * and the one place where sqlite's codes become errno. Internal to the store.
 */

#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>

enum store_statement {
        SQL_BEGIN_WRITE,
        SQL_BEGIN_READ,
        SQL_COMMIT,
        SQL_ENTRY_INSERT,
        SQL_ENTRY_DELETE_AFTER,
        SQL_ENTRY_DELETE_TO,
        SQL_ENTRY_BETWEEN,
        SQL_ENTRY_NEWEST,
        SQL_ENTRY_NEWEST_OF_SUBJECT,
        SQL_ENTRY_OF_ROLES,
        SQL_ENTRY_DEFINING,
        SQL_ENTRY_POSITION,
        SQL_ENTRY_BOUNDS,
        SQL_ENTRY_FIRST_YOUNG,
        SQL_OBJECT_PUT,
        SQL_OBJECT_DELETE,
        SQL_OBJECT_OF_KIND,
        SQL_DEFINITION_PUT,
        SQL_DEFINITION_GET,
        SQL_DEFINITION_ALL,
        SQL_DEFINITION_DELETE,
        SQL_META_PUT,
        SQL_META_ALL,
        SQL_COUNT
};

#define STORE_DB_ERROR_BYTES 160

struct store_db {
        sqlite3 *handle;
        sqlite3_stmt *statements[SQL_COUNT];
        char error[STORE_DB_ERROR_BYTES]; /* of the last call that failed, in words */
};

/* flags of sqlite3_open_v2. 0 or negative errno; closes what it opened on failure, error stays. */
int store_db_open(struct store_db *db, const char *path, int flags);
/* The schema must stand. */
int store_db_prepare(struct store_db *db);
void store_db_close(struct store_db *db);

int store_db_execute(struct store_db *db, const char *sql);
int store_db_integer(struct store_db *db, const char *sql, int64_t *ret_value);

/* 1: a row is there; 0: no more, and the statement is reset; else negative errno, and it is reset. */
int store_db_step(struct store_db *db, enum store_statement statement);
/* A statement that answers nothing, or whose answer does not matter. */
int store_db_run(struct store_db *db, enum store_statement statement);
void store_db_reset(struct store_db *db, enum store_statement statement);
/* Leaves no transaction open, whatever state an error left; keeps the error's text. */
void store_db_rollback(struct store_db *db);

/* -EBADMSG, with a text of our own. */
int store_db_bad(struct store_db *db, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Parameters count from 1, columns from 0. uint64_t are kept as the bits of an int64_t. Texts are borrowed
 * until the statement is reset. */
void store_bind_integer(struct store_db *db, enum store_statement statement, int at, uint64_t value);
void store_bind_text(struct store_db *db, enum store_statement statement, int at, const char *text);
void store_bind_bytes(struct store_db *db, enum store_statement statement, int at, const char *text,
                      size_t text_bytes);
void store_bind_blob(struct store_db *db, enum store_statement statement, int at, const void *data,
                     size_t bytes);
uint64_t store_column_integer(struct store_db *db, enum store_statement statement, int at);
/* Never NULL. */
const char *store_column_text(struct store_db *db, enum store_statement statement, int at, size_t *ret_bytes);
/* 0, or -EBADMSG when it is not a hash. */
int store_column_hash(struct store_db *db, enum store_statement statement, int at, uint8_t *ret_hash);

#endif
