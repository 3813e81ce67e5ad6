/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_STORE_INTERNAL_H
#define CLU_CLUSTERD_IO_STORE_INTERNAL_H

/*
 * What the files store_*.c share, and tests of the store may use.
 *
 * The loop thread owns the end of the queue, the writer thread its head, the
 * writing connection and `meta`. All else that both touch is behind `mutex`.
 */

#include <pthread.h>

#include "clusterd/io/store.h"
#include "clusterd/io/store_db.h"
#include "clusterd/protocol/codec.h"

#define STORE_APPLICATION_ID 0x636c7531 /* "clu1" */
#define STORE_FORMAT         1
#define STORE_PATH_BYTES     4096

/* What the file says of itself beside entries and rows. */
struct store_meta {
        struct ledger_position applied;
        struct ledger_position base; /* what the first kept entry follows */
        uint64_t promised;
        bool blank;
        uint64_t last_index; /* newest entry, else base.index; not a row of its own */
        /* Definitions up to this row were there at the last compaction of this process; not stored. */
        uint64_t definitions_seen;
};

enum store_operation_kind {
        STORE_APPEND,
        STORE_TRUNCATE,
        STORE_PROMISE,
        STORE_PUT_OBJECT,
        STORE_DELETE_OBJECT,
        STORE_APPLIED,
        STORE_PUT_DEFINITION,
        STORE_RESET,
        STORE_COMPACT,
        STORE_SEND_ENTRIES,
        STORE_SEND_SNAPSHOT
};

struct store_operation {
        struct store_operation *next;
        enum store_operation_kind kind;
        bool batch_end; /* store_flush() was called after it */
        size_t bytes;   /* of memory */
        union {
                struct { /* struct entry without the decoded command: a tenth of its size */
                        uint64_t epoch, index;
                        int64_t time_ms;
                        struct request_id request;
                        char actor[ACTOR_BYTES];
                        uint8_t hash[HASH_BYTES];
                } append; /* text: of the command */
                uint64_t index;
                uint64_t epoch;
                const struct object *object; /* in text, when queued */
                struct {
                        enum object_kind kind;
                        char name[NAME_BYTES];
                } row;
                struct ledger_position applied;
                struct {
                        uint8_t hash[HASH_BYTES];
                        struct store_operation *next; /* of those not yet durable */
                } definition;                         /* text: the definition */
                struct {
                        int64_t keep_after_time_ms;
                        uint64_t keep_min;
                } compact;
                struct {
                        struct round_id round;
                        uint32_t to;
                        uint64_t first, last;
                } send;
        };
        size_t text_bytes;
        char text[]; /* aligned as a pointer */
};

/* Carries reports to the loop thread; outlives the store while reports are under way. */
struct store_outbox;
struct store_outbox *store_outbox_new(struct mailbox *mailbox, const struct store_listener *listener);
/* No report is delivered any more. On the loop thread. */
void store_outbox_close(struct store_outbox *outbox);
void store_outbox_release(struct store_outbox *outbox);
void store_outbox_stored(struct store_outbox *outbox, uint64_t index, uint64_t promised);
void store_outbox_failed(struct store_outbox *outbox, int error, const char *text);
/* Copies; waits while the loop thread is many messages behind. False: closed. */
bool store_outbox_message(struct store_outbox *outbox, const struct message *message);

struct store {
        char path[STORE_PATH_BYTES];
        int lock_fd;
        struct store_outbox *outbox;
        struct store_db db;     /* the writer's */
        struct store_meta meta; /* as committed */
        pthread_t writer;

        pthread_mutex_t mutex;
        pthread_cond_t wake; /* CLOCK_MONOTONIC */
        struct store_operation *first, **end, *newest;
        uint64_t batches; /* complete ones in the queue */
        bool awaited;     /* somebody waits for what was queued since the last flush */
        bool hurry;       /* or for what is in a complete batch */
        struct store_operation *definitions, **definitions_end; /* queued or being written */
        size_t queued_bytes;
        bool flooded; /* told that the queue is long */
        bool closing;
        uint32_t retry_ms;
        uint32_t rows_wait_ms; /* rows alone wait so long for entries to share a transaction with */

        /* The loop thread's: */
        uint64_t tail_index; /* what the next entry is to follow */
        bool replacing;      /* a reset is queued, and not yet all that replaces what it takes away */

        pthread_mutex_t reader_mutex; /* of reader */
        struct store_db reader;       /* for definitions and queries */
};

/* Under the mutex. What is queued is to be committed, unless it waits for the rest of a snapshot. */
void store_end_batch(struct store *store);

/* For tests: a second is long, and a moment must not depend on the machine. */
void store_set_retry_ms(struct store *store, uint32_t retry_ms);
void store_set_rows_wait_ms(struct store *store, uint32_t rows_wait_ms);

/* The file's format. Writable: an empty file gets its schema, blank, unless settings are given. */
int store_schema_create(struct store_db *db, const struct settings *settings);
/* *ret_empty: no schema yet. -EBADMSG when it is not ours, or of another version. */
int store_schema_check(struct store_db *db, bool *ret_empty);
/* As one text for people: what failed, and what to do. */
void store_explain(char ret_error[STORE_ERROR_BYTES], const char *path, int error, const char *text);
/* A read-only connection with its statements, of any thread. */
int store_reader_open(struct store_db *db, const char *path);

int store_meta_load(struct store_db *db, struct store_meta *ret_meta);
int store_meta_save(struct store_db *db, const struct store_meta *meta);
bool store_meta_equal(const struct store_meta *a, const struct store_meta *b);

/* The row that the statement stands on. The entry's text is borrowed until the next step. */
int store_row_entry(struct store_db *db, enum store_statement statement, struct entry *ret_entry);
int store_row_object(struct store_db *db, enum object_kind kind, struct object *ret_object);
/* One callback for each; an error of the callback (negative) ends it and is returned. */
typedef int (*store_visit_entry)(void *context, const struct entry *entry);
int store_each_entry(struct store_db *db, enum store_statement statement, store_visit_entry visit,
                     void *context);
typedef int (*store_visit_object)(void *context, const struct object *object);
int store_each_object(struct store_db *db, store_visit_object visit, void *context);
/* The definition that a command names; NULL if none. Borrowed from the command. */
const uint8_t *store_command_definition(const struct command *command);
bool store_hash_is_set(const uint8_t hash[HASH_BYTES]);

/* Growing list of hashes, for the definitions that are in use. */
struct store_hashes {
        uint8_t (*item)[HASH_BYTES];
        size_t count, capacity;
};
void store_hashes_add(struct store_hashes *hashes, const uint8_t hash[HASH_BYTES]);
void store_hashes_sort(struct store_hashes *hashes); /* and leaves each once */
bool store_hashes_has(const struct store_hashes *hashes, const uint8_t hash[HASH_BYTES]);
void store_hashes_release(struct store_hashes *hashes);

/* Carries one write out inside the transaction; *meta follows. */
int store_write(struct store_db *db, const struct store_operation *operation, struct store_meta *meta);
int store_write_compact(struct store_db *db, const struct store_operation *operation,
                        struct store_meta *meta);
/* Answers one read; what it cannot read it reports. */
void store_send(struct store *store, const struct store_operation *operation);
/* The writer thread. */
void *store_writer_run(void *context);

/*
 * Checks of content; they read only. What is wrong in an entry stands in
 * *verdict (bad_index, text) and is no error; what is wrong elsewhere is
 * -EBADMSG, with a text in db->error.
 */
int store_check_pages(struct store_db *db, const char *pragma);
int store_check_rows(struct store_db *db);
/* From the entry at first_index on; entries that compaction took are skipped. */
int store_check_chain(struct store_db *db, const struct store_meta *meta, uint64_t first_index,
                      struct store_verdict *verdict);
/* After the chain was found good. */
int store_check_evidence(struct store_db *db, const struct store_meta *meta, struct store_verdict *verdict);

#endif
