/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/store_internal.h"

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

/* Opening and closing. The queue's end is in store_queue.c, its head in store_writer.c. */

/* A snapshot grows the write-ahead log; it is cut back to this afterwards. */
static const char connection_sql[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                                     "PRAGMA journal_size_limit = 8388608; PRAGMA trusted_schema = OFF";

/* Not the database's own locks: readers of other processes are welcome. Goes with the process. */
static int lock_take(const char *path, int *ret_fd)
{
        char lock_path[STORE_PATH_BYTES + 8];
        TEXT_PRINT(lock_path, "%s.lock", path);
        SCOPED_CLOSE int fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        if (flock(fd, LOCK_EX | LOCK_NB) < 0)
                return errno == EWOULDBLOCK ? -EBUSY : -errno;
        *ret_fd = fd;
        fd = -1;
        return 0;
}

/* The ledger holds secrets of fence devices; sqlite gives its -wal and -shm the same mode. */
static void file_make_private(const char *path)
{
        SCOPED_CLOSE int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        (void)fd; /* there already, or sqlite finds the same error */
}

/* A new file's name must be as durable as its content. */
static int folder_sync(const char *path)
{
        char folder[STORE_PATH_BYTES];
        TEXT_COPY(folder, path);
        char *slash = strrchr(folder, '/');
        if (slash != NULL)
                slash[slash == folder ? 1 : 0] = '\0';
        SCOPED_CLOSE int fd = open(slash != NULL ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int db_open_writable(struct store_db *db, const char *path, bool *ret_empty)
{
        file_make_private(path);
        int error = store_db_open(db, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
        if (error < 0)
                return error;
        error = store_schema_check(db, ret_empty);
        if (error == 0 && sqlite3_db_readonly(db->handle, "main") == 1) {
                TEXT_PRINT(db->error, "it is read-only");
                error = -EROFS;
        }
        if (error == 0)
                error = store_db_execute(db, connection_sql);
        return error;
}

static int db_check(struct store_db *db, struct store_meta *ret_meta)
{
        struct store_verdict verdict = { 0 };
        int error = store_check_pages(db, "PRAGMA quick_check(1)");
        if (error == 0)
                error = store_db_prepare(db);
        if (error == 0)
                error = store_meta_load(db, ret_meta);
        if (error == 0)
                error = store_check_chain(db, ret_meta, ret_meta->applied.index, &verdict);
        if (error == 0 && verdict.bad_index != 0)
                error = store_db_bad(db, "%.150s", verdict.text);
        return error;
}

static int db_open_existing(struct store_db *db, const char *path, struct store_meta *ret_meta)
{
        bool empty = false;
        int error = db_open_writable(db, path, &empty);
        if (error == 0 && empty) {
                error = store_schema_create(db, NULL);
                if (error == 0)
                        error = folder_sync(path);
                if (error == 0)
                        error = store_meta_load(db, ret_meta);
                return error;
        }
        return error < 0 ? error : db_check(db, ret_meta);
}

static int db_create(struct store_db *db, const char *path, const struct settings *settings)
{
        bool empty = false;
        int error = db_open_writable(db, path, &empty);
        if (error < 0)
                return error;
        if (!empty) {
                TEXT_PRINT(db->error, "it exists");
                return -EEXIST;
        }
        error = store_schema_create(db, settings);
        return error < 0 ? error : folder_sync(path);
}

static int fail(char ret_error[STORE_ERROR_BYTES], const char *path, const struct store_db *db, int error)
{
        store_explain(ret_error, path, error, db->error[0] != '\0' ? db->error : strerror(-error));
        return error;
}

int store_create(const char *path, const struct settings *settings, char ret_error[STORE_ERROR_BYTES])
{
        struct store_db db = { 0 };
        SCOPED_CLOSE int lock_fd = -1;
        int error = lock_take(path, &lock_fd);
        if (error == 0)
                error = db_create(&db, path, settings);
        store_db_close(&db);
        return error < 0 ? fail(ret_error, path, &db, error) : 0;
}

static struct store *store_new(const char *path)
{
        struct store *store = calloc(1, sizeof *store);
        pthread_condattr_t monotonic;
        if (store == NULL)
                abort();
        TEXT_COPY(store->path, path);
        store->lock_fd = -1;
        store->end = &store->first;
        store->definitions_end = &store->definitions;
        store->retry_ms = 1000;
        store->rows_wait_ms = 200;
        pthread_mutex_init(&store->mutex, NULL);
        pthread_mutex_init(&store->reader_mutex, NULL);
        pthread_condattr_init(&monotonic);
        pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
        pthread_cond_init(&store->wake, &monotonic);
        pthread_condattr_destroy(&monotonic);
        return store;
}

static void store_free(struct store *store)
{
        store_db_close(&store->reader);
        store_db_close(&store->db);
        if (store->outbox != NULL)
                store_outbox_release(store->outbox);
        if (store->lock_fd >= 0)
                close(store->lock_fd);
        while (store->first != NULL) {
                struct store_operation *next = store->first->next;
                free(store->first);
                store->first = next;
        }
        pthread_cond_destroy(&store->wake);
        pthread_mutex_destroy(&store->reader_mutex);
        pthread_mutex_destroy(&store->mutex);
        free(store);
}

static int store_start(struct store *store)
{
        int error = lock_take(store->path, &store->lock_fd);
        if (error == 0)
                error = db_open_existing(&store->db, store->path, &store->meta);
        if (error == 0)
                error = store_reader_open(&store->reader, store->path);
        if (error < 0)
                return error;
        store->tail_index = store->meta.last_index;
        return -pthread_create(&store->writer, NULL, store_writer_run, store);
}

int store_open(const char *path, struct mailbox *mailbox, const struct store_listener *listener,
               struct store **ret_store, char ret_error[STORE_ERROR_BYTES])
{
        if (strlen(path) >= STORE_PATH_BYTES) {
                store_explain(ret_error, path, -ENAMETOOLONG, strerror(ENAMETOOLONG));
                return -ENAMETOOLONG;
        }
        struct store *store = store_new(path);
        store->outbox = store_outbox_new(mailbox, listener);
        int error = store_start(store);
        if (error < 0) {
                fail(ret_error, path, &store->db, error);
                store_free(store);
                return error;
        }
        *ret_store = store;
        return 0;
}

void store_close(struct store *store)
{
        if (store == NULL)
                return;
        store_outbox_close(store->outbox);
        pthread_mutex_lock(&store->mutex);
        store_end_batch(store);
        store->closing = true;
        pthread_cond_signal(&store->wake);
        pthread_mutex_unlock(&store->mutex);
        pthread_join(store->writer, NULL);
        store_free(store);
}

void store_set_retry_ms(struct store *store, uint32_t retry_ms)
{
        pthread_mutex_lock(&store->mutex);
        store->retry_ms = retry_ms;
        pthread_mutex_unlock(&store->mutex);
}

void store_set_rows_wait_ms(struct store *store, uint32_t rows_wait_ms)
{
        pthread_mutex_lock(&store->mutex);
        store->rows_wait_ms = rows_wait_ms;
        pthread_mutex_unlock(&store->mutex);
}
