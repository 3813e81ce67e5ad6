/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/store_fixture.h"

#include "clusterd/base/text.h"

#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#define PATIENCE_NS (20 * 1000000000ULL)

static void on_patience_lost(void *data)
{
        (void)data;
        ck_abort_msg("the store did not answer in time");
}

static void look(struct store_fixture *fixture)
{
        if (fixture->until != NULL && fixture->until(fixture))
                qb_loop_stop(fixture->loop);
}

static void on_stored(void *context, uint64_t index, uint64_t promised)
{
        struct store_fixture *fixture = context;
        if (fixture->on_stored != NULL)
                fixture->on_stored(fixture, index);
        fixture->stored_index = index;
        fixture->stored_promised = promised;
        fixture->stored_count++;
        look(fixture);
}

static void on_failed(void *context, int error, const char *text)
{
        struct store_fixture *fixture = context;
        fixture->failed_error = error;
        TEXT_COPY(fixture->failed_text, text);
        fixture->failed_count++;
        if (fixture->on_failed != NULL)
                fixture->on_failed(fixture);
        look(fixture);
}

static void on_message(void *context, const struct message *message)
{
        struct store_fixture *fixture = context;
        fixture->messages =
                realloc(fixture->messages, (fixture->message_count + 1) * sizeof fixture->messages[0]);
        fixture->messages[fixture->message_count++] = message_encode(message, NULL);
        look(fixture);
}

void fixture_init(struct store_fixture *fixture)
{
        *fixture = (struct store_fixture){ .folder = "/tmp/clu-store-XXXXXX" };
        ck_assert_ptr_nonnull(mkdtemp(fixture->folder));
        TEXT_PRINT(fixture->path, "%s/ledger.db", fixture->folder);
        fixture->loop = qb_loop_create();
        ck_assert_int_eq(mailbox_new(fixture->loop, &fixture->mailbox), 0);
}

void fixture_forget(struct store_fixture *fixture)
{
        for (uint32_t at = 0; at < fixture->message_count; at++)
                free(fixture->messages[at]);
        free(fixture->messages);
        fixture->messages = NULL;
        fixture->message_count = fixture->stored_count = fixture->failed_count = 0;
        fixture->stored_index = fixture->stored_promised = 0;
}

static void drain_done(void *context, void *parcel)
{
        (void)parcel;
        qb_loop_stop(context);
}

void fixture_remove_files(const struct store_fixture *fixture)
{
        static const char *const endings[] = { "", "-wal", "-shm", ".lock", "-journal" };
        for (size_t at = 0; at < sizeof endings / sizeof endings[0]; at++) {
                char path[128];
                TEXT_PRINT(path, "%s%s", fixture->path, endings[at]);
                unlink(path);
        }
        rmdir(fixture->folder);
}

void fixture_release(struct store_fixture *fixture)
{
        fixture_close(fixture);
        fixture_forget(fixture);
        mailbox_free(fixture->mailbox);
        qb_loop_destroy(fixture->loop);
        fixture_remove_files(fixture);
}

int fixture_try_open(struct store_fixture *fixture, char error[STORE_ERROR_BYTES])
{
        const struct store_listener listener = { fixture, on_stored, on_failed, on_message };
        int result = store_open(fixture->path, fixture->mailbox, &listener, &fixture->store, error);
        if (result == 0)
                store_set_retry_ms(fixture->store, 1);
        return result;
}

void fixture_open(struct store_fixture *fixture)
{
        char error[STORE_ERROR_BYTES] = "";
        int result = fixture_try_open(fixture, error);
        ck_assert_msg(result == 0, "%d: %s", result, error);
}

void fixture_close(struct store_fixture *fixture)
{
        store_close(fixture->store);
        fixture->store = NULL;
        /* What was under way is dropped by the closed store, and freed. */
        mailbox_post(fixture->mailbox, drain_done, fixture->loop, NULL);
        qb_loop_run(fixture->loop);
}

struct store_state fixture_state(const struct store_fixture *fixture)
{
        struct store_state state;
        ck_assert_int_eq(store_read_state(fixture->store, &state), 0);
        return state;
}

static void count_object(void *context, const struct object *object)
{
        (void)object;
        ++*(uint32_t *)context;
}

uint32_t fixture_objects(const struct store_fixture *fixture)
{
        uint32_t count = 0;
        ck_assert_int_eq(store_read_objects(fixture->store, count_object, &count), 0);
        return count;
}

void fixture_wait(struct store_fixture *fixture, bool (*until)(struct store_fixture *fixture))
{
        qb_loop_timer_handle timer;
        if (until(fixture))
                return;
        fixture->until = until;
        qb_loop_timer_add(fixture->loop, QB_LOOP_LOW, PATIENCE_NS, NULL, on_patience_lost, &timer);
        qb_loop_run(fixture->loop);
        qb_loop_timer_del(fixture->loop, timer);
        fixture->until = NULL;
}

static bool stored_enough(struct store_fixture *fixture)
{
        return fixture->stored_index >= fixture->until_index;
}

void fixture_wait_stored(struct store_fixture *fixture, uint64_t index)
{
        fixture->until_index = index;
        fixture_wait(fixture, stored_enough);
}

bool fixture_heard_stored(struct store_fixture *fixture)
{
        return fixture->stored_count > 0;
}

static bool messages_enough(struct store_fixture *fixture)
{
        return fixture->message_count >= fixture->until_messages;
}

void fixture_wait_messages(struct store_fixture *fixture, uint32_t count)
{
        fixture->until_messages = count;
        fixture_wait(fixture, messages_enough);
}

struct entry history_next(struct history *history, const struct command *command)
{
        struct entry entry = {
                .epoch = 1,
                .index = history->position.index + 1,
                .time_ms = 1000 * (int64_t)(history->position.index + 1),
                .request = { .node = 1, .incarnation = UINT64_MAX, .count = history->position.index },
                .actor = "uid 0",
                .command = *command,
                .text = command_encode(command),
        };
        entry.text_bytes = strlen(entry.text);
        entry_seal(&entry, history->position.hash);
        history->position = (struct ledger_position){ .epoch = entry.epoch, .index = entry.index };
        memcpy(history->position.hash, entry.hash, HASH_BYTES);
        return entry;
}

struct ledger_position history_append(struct history *history, struct store *store,
                                      const struct command *command)
{
        struct entry entry = history_next(history, command);
        store_append(store, &entry);
        free((char *)entry.text);
        return history->position;
}

struct command command_of_note(uint32_t number)
{
        struct command command = { .kind = COMMAND_NODE_DRAIN };
        command.node.node = 1 + number % 5;
        TEXT_PRINT(command.node.reason, "test %u", number);
        return command;
}

struct object object_of_role(const char *name, const uint8_t *hash)
{
        struct object object = { .kind = OBJECT_ROLE };
        TEXT_COPY(object.role.name, name);
        TEXT_PRINT(object.role.uuid, "6f7c0a4e-2d4e-4a57-9f8e-0c1b2a394857");
        object.role.memory_mib = 1024;
        object.role.cpus = 2;
        object.role.stop_timeout_ms = 60000;
        if (hash != NULL)
                memcpy(object.role.definition_hash, hash, HASH_BYTES);
        return object;
}

struct command command_of_add(const char *role, const uint8_t *hash)
{
        struct command command = { .kind = COMMAND_ROLE_ADD };
        command.role_add.role = object_of_role(role, hash).role;
        return command;
}

struct command command_of_assign(const char *role, uint32_t node, uint64_t generation,
                                 enum evidence_kind kind, uint64_t index)
{
        struct command command = { .kind = COMMAND_ROLE_ASSIGN };
        TEXT_COPY(command.role_assign.role, role);
        command.role_assign.node = node;
        command.role_assign.generation = generation;
        command.role_assign.owner_evidence = (struct evidence){ .kind = kind, .index = index };
        TEXT_PRINT(command.role_assign.reason, "most room");
        return command;
}

struct command command_of_report(const char *role, uint32_t node, uint64_t generation, enum report_kind kind)
{
        struct command command = { .kind = COMMAND_ROLE_REPORT };
        TEXT_COPY(command.role_report.role, role);
        command.role_report.node = node;
        command.role_report.generation = generation;
        command.role_report.kind = kind;
        return command;
}

void fixture_tamper(const struct store_fixture *fixture, const char *sql)
{
        sqlite3 *handle;
        ck_assert_int_eq(sqlite3_open(fixture->path, &handle), SQLITE_OK);
        sqlite3_busy_timeout(handle, 5000);
        int code = sqlite3_exec(handle, sql, NULL, NULL, NULL);
        ck_assert_msg(code == SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(handle));
        sqlite3_close(handle);
}
