/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_STORE_H
#define CLU_CLUSTERD_IO_STORE_H

/*
 * The node's durable memory: ledger, rows, definitions.
 *
 * A writer thread does all disk work. Writes are queued by the loop thread
 * in order and committed in batches, one transaction and one fsync each:
 * while one batch is being written the next one gathers. The order of the
 * queue is the order on disk; nothing is reported durable before it is.
 */

#include "clusterd/io/mailbox.h"
#include "clusterd/protocol/message.h"

struct store;

/* Called on the loop thread. */
struct store_listener {
        void *context;
        /* All entries up to index and the promise are durable. */
        void (*on_stored)(void *context, uint64_t index, uint64_t promised);
        /* A batch failed; the database was rolled back to before it. The store retries the
         * same batch every second and calls on_stored when it has succeeded. */
        void (*on_failed)(void *context, int error, const char *text);
        /* One message of a catch-up or snapshot is ready to be multicast; borrowed. */
        void (*on_message)(void *context, const struct message *message);
};

#define STORE_ERROR_BYTES 256

/*
 * Makes a ledger that has never held an entry: settings (with the voters) as row, not blank.
 * -EEXIST if there is one. *ret_error says in words what failed and what to do.
 */
int store_create(const char *path, const struct settings *settings, char ret_error[STORE_ERROR_BYTES]);

/*
 * Opens; a missing file becomes a blank store (to be brought level by others).
 * -EBADMSG: corrupt or not ours (checked: quick_check, format version, that the hash chain of the
 * entries after `applied` holds); -EROFS read-only; -EBUSY another process has it; -errno others.
 */
int store_open(const char *path, struct mailbox *mailbox, const struct store_listener *listener,
               struct store **ret_store, char ret_error[STORE_ERROR_BYTES]);
/* Waits for queued writes. */
void store_close(struct store *store);

/* Start-up, before any write, on the loop thread. */
struct store_state {
        struct ledger_position applied;
        uint64_t first_index; /* oldest entry kept; 0 if none */
        uint64_t last_index;  /* newest entry; applied.index if none after it */
        uint64_t promised;
        bool blank;
};
int store_read_state(struct store *store, struct store_state *ret_state);
typedef void (*store_on_object)(void *context, const struct object *object);
typedef void (*store_on_entry)(void *context, const struct entry *entry); /* with command and text */
int store_read_objects(struct store *store, store_on_object on_object, void *context);
int store_read_entries(struct store *store, uint64_t first_index, store_on_entry on_entry, void *context);

/* Queued writes. Arguments are copied. */
void store_append(struct store *store, const struct entry *entry);
void store_truncate(struct store *store, uint64_t after_index);
void store_promise(struct store *store, uint64_t epoch);
void store_put_object(struct store *store, const struct object *object);
void store_delete_object(struct store *store, enum object_kind kind, const char *name);
/* Also clears "blank". */
void store_applied(struct store *store, const struct ledger_position *position);
/* A definition, content-addressed; putting it twice is harmless. */
void store_put_definition(struct store *store, const char *text, size_t text_bytes);
/*
 * Forgets all but the promise and the definitions, and takes what follows, in one batch that ends with
 * store_applied: what is cut short before that changes nothing.
 */
void store_reset(struct store *store);
/*
 * Ends a batch: what was queued since the last call is committed together, then reported. Rows and
 * positions alone may wait a moment for the next batch: they follow from entries that are durable.
 */
void store_flush(struct store *store);

/*
 * Forgets entries, oldest first: those with time_ms before keep_after_time_ms, while more than keep_min
 * stay, never the one at `applied` or after it, and at most 20,000 in one call. Definitions
 * that nothing names any more go with them, if they were there at the call before.
 */
void store_compact(struct store *store, int64_t keep_after_time_ms, uint64_t keep_min);

/* Queued reads, in order with the writes; answered by on_message. Entries come with the
 * definition their command names. template holds round and `to`. If entries asked for were
 * compacted away, a snapshot and what follows it is sent instead. */
void store_send_entries(struct store *store, const struct message *template, uint64_t first, uint64_t last);
/* BEGIN (at = applied), DEFINITIONs used by roles, OBJECTs, END. */
void store_send_snapshot(struct store *store, const struct message *template);

/*
 * A definition's text, from a connection of its own, on any thread; given, free() it.
 * Sees what was queued by store_put_definition before, also if not yet durable. -ENOENT.
 */
int store_read_definition(struct store *store, const uint8_t hash[HASH_BYTES], char **ret_text,
                          size_t *ret_bytes);

/*
 * Queries of clients, from any thread, by a read-only connection that stays open; on_entry may not read the
 * store: entries with first <= index <= last, newest `limit` of them in ascending order; subject NULL or as
 * of command_subject(). Sees what is durable.
 */
struct store_query {
        uint64_t first, last;
        const char *subject;
        uint32_t limit;
};
int store_query_entries(struct store *store, const struct store_query *query, store_on_entry on_entry,
                        void *context);

/* Re-checks hash chain and evidence offline or online: read-only, any process. */
struct store_verdict {
        uint64_t first_index, last_index, entries;
        uint64_t bad_index;           /* 0: all well */
        char text[STORE_ERROR_BYTES]; /* what is wrong at bad_index */
        struct ledger_position applied;
        char last_hash[2 * HASH_BYTES + 1];
};
int store_verify(const char *path, struct store_verdict *ret_verdict, char ret_error[STORE_ERROR_BYTES]);

#endif
