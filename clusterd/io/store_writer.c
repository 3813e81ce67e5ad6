/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/host.h"
#include "clusterd/io/store_internal.h"

#include "clusterd/base/text.h"

#include <assert.h>
#include <stdlib.h>
#include <time.h>

/*
 * The writer thread: takes whole batches, commits them together, reports.
 *
 * A batch that fails is tried again until it passes; what is queued behind
 * it waits, in order. Only closing the store gives up, and then nothing of
 * it was reported.
 */

/* More batches join a transaction up to this much: when the disk was full, little by little passes sooner. */
#define TRANSACTION_BYTES (8u * 1024 * 1024)

struct batch {
        struct store_operation *first;
        size_t bytes;
};

static bool is_read(const struct store_operation *operation)
{
        return operation->kind == STORE_SEND_ENTRIES || operation->kind == STORE_SEND_SNAPSHOT;
}

/* Under the mutex. Takes one batch at least; a read ends the transaction, so that it sees no later write. */
static struct batch queue_cut(struct store *store)
{
        struct batch batch = { .first = store->first };
        struct store_operation **link = &store->first;
        bool reads = false;
        while (store->batches > 0 && !reads && batch.bytes < TRANSACTION_BYTES) {
                bool end = false;
                while (!end) {
                        struct store_operation *operation = *link;
                        batch.bytes += operation->bytes;
                        reads = reads || is_read(operation);
                        end = operation->batch_end;
                        link = &operation->next;
                }
                store->batches--;
        }
        store->first = *link;
        *link = NULL;
        if (store->first == NULL) {
                store->end = &store->first;
                store->newest = NULL;
        }
        return batch;
}

static struct timespec monotonic_in(uint32_t delay_ms)
{
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        int64_t nanoseconds = until.tv_nsec + (int64_t)delay_ms * 1000000;
        until.tv_sec += (time_t)(nanoseconds / 1000000000);
        until.tv_nsec = (long)(nanoseconds % 1000000000);
        return until;
}

/* Under the mutex. Until somebody waits for a batch, or there is one that has waited long enough. */
static void wait_for_batch(struct store *store)
{
        while (store->batches == 0 && !store->closing)
                pthread_cond_wait(&store->wake, &store->mutex);
        struct timespec until = monotonic_in(store->rows_wait_ms);
        int late = 0;
        while (!store->hurry && !store->closing && late == 0)
                late = pthread_cond_timedwait(&store->wake, &store->mutex, &until);
}

/* False: the store closes and nothing is left. */
static bool batch_take(struct store *store, struct batch *ret_batch)
{
        pthread_mutex_lock(&store->mutex);
        wait_for_batch(store);
        bool taken = store->batches > 0;
        if (taken)
                *ret_batch = queue_cut(store);
        store->hurry = store->hurry && store->batches > 0;
        pthread_mutex_unlock(&store->mutex);
        return taken;
}

/* In a transaction that is open. */
static int batch_carry_out(struct store *store, const struct batch *batch, struct store_meta *meta)
{
        int error = 0;
        for (const struct store_operation *at = batch->first; error == 0 && at != NULL; at = at->next)
                error = store_write(&store->db, at, meta);
        if (error == 0 && !store_meta_equal(meta, &store->meta))
                error = store_meta_save(&store->db, meta);
        return error;
}

static int batch_try(struct store *store, const struct batch *batch)
{
        struct store_meta meta = store->meta;
        int error = store_db_run(&store->db, SQL_BEGIN_WRITE);
        if (error == 0)
                error = batch_carry_out(store, batch, &meta);
        if (error == 0)
                error = store_db_run(&store->db, SQL_COMMIT);
        if (error < 0)
                store_db_rollback(&store->db);
        else
                store->meta = meta;
        return error;
}

/* False: the store closes. */
static bool wait_for_retry(struct store *store)
{
        pthread_mutex_lock(&store->mutex);
        struct timespec until = monotonic_in(store->retry_ms);
        int late = 0;
        while (!store->closing && late == 0)
                late = pthread_cond_timedwait(&store->wake, &store->mutex, &until);
        bool closing = store->closing;
        pthread_mutex_unlock(&store->mutex);
        return !closing;
}

/* Tells each distinct error once. False: given up, because the store closes. */
static bool batch_write(struct store *store, const struct batch *batch)
{
        char told[STORE_DB_ERROR_BYTES] = "";
        int error;
        while ((error = batch_try(store, batch)) < 0) {
                if (!text_equal(told, store->db.error)) {
                        char text[STORE_ERROR_BYTES];
                        TEXT_COPY(told, store->db.error);
                        store_explain(text, store->path, error, told);
                        store_outbox_failed(store->outbox, error, text);
                }
                if (!wait_for_retry(store))
                        return false;
        }
        return true;
}

/* The definitions of a batch are durable now: readers find them in the file. Their list has the queue's
 * order. */
static void batch_forget(struct store *store, const struct batch *batch)
{
        pthread_mutex_lock(&store->mutex);
        store->queued_bytes -= batch->bytes;
        for (const struct store_operation *at = batch->first; at != NULL; at = at->next) {
                if (at->kind != STORE_PUT_DEFINITION)
                        continue;
                assert(store->definitions == at);
                store->definitions = at->definition.next;
        }
        if (store->definitions == NULL)
                store->definitions_end = &store->definitions;
        pthread_mutex_unlock(&store->mutex);
}

static void batch_free(struct batch *batch)
{
        while (batch->first != NULL) {
                struct store_operation *next = batch->first->next;
                free(batch->first);
                batch->first = next;
        }
}

static void batch_answer_reads(struct store *store, const struct batch *batch)
{
        for (const struct store_operation *at = batch->first; at != NULL; at = at->next) {
                if (is_read(at))
                        store_send(store, at);
        }
}

void *store_writer_run(void *context)
{
        struct store *store = context;
        (void)host_prioritize_thread(); /* the loop waits for what it writes, and has said if it may not */
        struct batch batch;
        bool given_up = false; /* then nothing behind it may be written either */
        while (batch_take(store, &batch)) {
                given_up = given_up || !batch_write(store, &batch);
                if (!given_up) {
                        store_outbox_stored(store->outbox, store->meta.last_index, store->meta.promised);
                        batch_answer_reads(store, &batch);
                }
                batch_forget(store, &batch);
                batch_free(&batch);
        }
        return NULL;
}
