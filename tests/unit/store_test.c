/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/store_fixture.h"

#include "clusterd/base/text.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/suite_run.h"

static const struct settings settings = { .cluster_name = "lab", .voters = 7, .moves_max = 2 };
static const char domain[] = "<domain type='kvm'><name>vm01</name></domain>";

struct seen {
        uint32_t count;
        uint64_t first, last;
};

static void see_entry(void *context, const struct entry *entry)
{
        struct seen *seen = context;
        ck_assert(entry->text != NULL && entry->text_bytes > 0);
        seen->first = seen->count++ == 0 ? entry->index : seen->first;
        seen->last = entry->index;
}

static struct seen query(struct store_fixture *fixture, uint64_t first, uint64_t last, const char *subject,
                         uint32_t limit)
{
        const struct store_query query = { first, last, subject, limit };
        struct seen seen = { 0 };
        ck_assert_int_eq(store_query_entries(fixture->store, &query, see_entry, &seen), 0);
        return seen;
}

START_TEST(a_missing_file_becomes_a_blank_store)
{
        struct store_fixture fixture;
        struct stat file;
        fixture_init(&fixture);
        fixture_open(&fixture);
        struct store_state state = fixture_state(&fixture);
        ck_assert(state.blank);
        ck_assert_uint_eq(state.first_index, 0);
        ck_assert_uint_eq(state.last_index, 0);
        ck_assert_uint_eq(fixture_objects(&fixture), 0);
        ck_assert_int_eq(stat(fixture.path, &file), 0);
        ck_assert_uint_eq(file.st_mode & 0777, 0600); /* secrets of fence devices */
        fixture_release(&fixture);
}
END_TEST

START_TEST(a_ledger_is_created_once)
{
        struct store_fixture fixture;
        char error[STORE_ERROR_BYTES] = "";
        fixture_init(&fixture);
        ck_assert_int_eq(store_create(fixture.path, &settings, error), 0);
        ck_assert_int_eq(store_create(fixture.path, &settings, error), -EEXIST);
        ck_assert_ptr_nonnull(strstr(error, fixture.path));
        fixture_open(&fixture);
        ck_assert(!fixture_state(&fixture).blank);
        ck_assert_uint_eq(fixture_objects(&fixture), 1);
        fixture_release(&fixture);
}
END_TEST

START_TEST(what_was_stored_is_there_after_a_restart)
{
        struct store_fixture fixture;
        struct history history = { 0 };
        fixture_init(&fixture);
        fixture_open(&fixture);
        struct object role = object_of_role("vm01", NULL), other = object_of_role("vm02", NULL);
        for (uint32_t at = 0; at < 10; at++) {
                struct ledger_position position = history_append(
                        &history, fixture.store, &(struct command[]){ command_of_note(at) }[0]);
                if (at == 6)
                        store_applied(fixture.store, &position);
        }
        store_put_object(fixture.store, &role);
        store_put_object(fixture.store, &other);
        store_delete_object(fixture.store, OBJECT_ROLE, "vm02");
        store_promise(fixture.store, UINT64_MAX - 1);
        store_flush(fixture.store);
        fixture_wait_stored(&fixture, 10);
        ck_assert_uint_eq(fixture.stored_promised, UINT64_MAX - 1);
        fixture_close(&fixture);
        fixture_open(&fixture);
        struct store_state state = fixture_state(&fixture);
        ck_assert(!state.blank);
        ck_assert_uint_eq(state.first_index, 1);
        ck_assert_uint_eq(state.last_index, 10);
        ck_assert_uint_eq(state.applied.index, 7);
        ck_assert_uint_eq(state.promised, UINT64_MAX - 1);
        ck_assert_uint_eq(fixture_objects(&fixture), 1);
        struct seen seen = { 0 };
        ck_assert_int_eq(store_read_entries(fixture.store, 8, see_entry, &seen), 0);
        ck_assert_uint_eq(seen.count, 3);
        fixture_release(&fixture);
}
END_TEST

static bool heard_twice(struct store_fixture *fixture)
{
        return fixture->stored_count >= 2;
}

/* They follow from entries that are durable already: a transaction of their own would be for nothing. */
START_TEST(rows_share_the_transaction_of_the_entries_behind_them)
{
        struct store_fixture fixture;
        struct history history = { 0 };
        const struct command note = command_of_note(1);
        const struct object row = object_of_role("vm01", NULL);
        fixture_init(&fixture);
        fixture_open(&fixture);
        store_set_rows_wait_ms(fixture.store, 3600000);
        struct ledger_position first = history_append(&history, fixture.store, &note);
        store_flush(fixture.store);
        fixture_wait_stored(&fixture, 1);
        store_put_object(fixture.store, &row);
        store_applied(fixture.store, &first);
        store_flush(fixture.store);
        history_append(&history, fixture.store, &note);
        store_flush(fixture.store);
        fixture_wait_stored(&fixture, 2);
        ck_assert_uint_eq(fixture.stored_count, 2);
        ck_assert_uint_eq(fixture_state(&fixture).applied.index, 1);
        ck_assert_uint_eq(fixture_objects(&fixture), 1);
        fixture_release(&fixture);
}
END_TEST

START_TEST(rows_that_no_entry_follows_are_written_all_the_same)
{
        struct store_fixture fixture;
        struct history history = { 0 };
        const struct command note = command_of_note(1);
        fixture_init(&fixture);
        fixture_open(&fixture);
        struct ledger_position first = history_append(&history, fixture.store, &note);
        store_flush(fixture.store);
        fixture_wait_stored(&fixture, 1);
        store_applied(fixture.store, &first);
        store_flush(fixture.store);
        fixture_wait(&fixture, heard_twice);
        ck_assert_uint_eq(fixture_state(&fixture).applied.index, 1);
        fixture_release(&fixture);
}
END_TEST

START_TEST(a_cut_tail_is_gone_and_the_history_goes_on)
{
        struct store_fixture fixture;
        struct history history = { 0 };
        struct command note = command_of_note(1), other = command_of_note(2);
        fixture_init(&fixture);
        fixture_open(&fixture);
        history_append(&history, fixture.store, &note);
        struct history fork = history;
        history_append(&history, fixture.store, &note);
        history_append(&history, fixture.store, &note);
        store_flush(fixture.store);
        store_truncate(fixture.store, 1);
        struct ledger_position end = history_append(&fork, fixture.store, &other);
        store_applied(fixture.store, &end);
        store_flush(fixture.store);
        fixture_close(&fixture); /* waits */
        fixture_open(&fixture);
        ck_assert_uint_eq(fixture_state(&fixture).last_index, 2);
        ck_assert_mem_eq(fixture_state(&fixture).applied.hash, end.hash, HASH_BYTES);
        fixture_release(&fixture);
}
END_TEST

START_TEST(queries_give_the_newest_in_ascending_order)
{
        struct store_fixture fixture;
        struct history history = { 0 };
        fixture_init(&fixture);
        fixture_open(&fixture);
        for (uint32_t at = 0; at < 20; at++) {
                struct command note = command_of_note(at), add = command_of_add("vm01", NULL);
                history_append(&history, fixture.store, at % 4 == 0 ? &add : &note);
        }
        store_flush(fixture.store);
        fixture_wait_stored(&fixture, 20);
        struct seen all = query(&fixture, 0, UINT64_MAX, NULL, 5);
        ck_assert_uint_eq(all.count, 5);
        ck_assert_uint_eq(all.first, 16);
        ck_assert_uint_eq(all.last, 20);
        struct seen of_role = query(&fixture, 2, 18, "role:vm01", 100);
        ck_assert_uint_eq(of_role.count, 4);
        ck_assert_uint_eq(of_role.first, 5);
        ck_assert_uint_eq(of_role.last, 17);
        ck_assert_uint_eq(query(&fixture, 1, 20, "role:vm0", 100).count, 0);
        fixture_release(&fixture);
}
END_TEST

START_TEST(a_definition_is_read_before_and_after_it_is_durable)
{
        struct store_fixture fixture;
        uint8_t hash[HASH_BYTES], none[HASH_BYTES] = { 1 };
        char *text = NULL;
        size_t bytes = 0;
        fixture_init(&fixture);
        fixture_open(&fixture);
        definition_hash(domain, strlen(domain), hash);
        store_put_definition(fixture.store, domain, strlen(domain));
        store_put_definition(fixture.store, domain, strlen(domain));
        for (int durable = 0; durable < 2; durable++) {
                ck_assert_int_eq(store_read_definition(fixture.store, hash, &text, &bytes), 0);
                ck_assert_str_eq(text, domain);
                ck_assert_uint_eq(bytes, strlen(domain));
                free(text);
                store_flush(fixture.store);
                fixture_wait(&fixture, fixture_heard_stored);
        }
        ck_assert_int_eq(store_read_definition(fixture.store, none, &text, &bytes), -ENOENT);
        fixture_release(&fixture);
}
END_TEST

START_TEST(a_second_opener_is_refused)
{
        struct store_fixture fixture;
        struct store *second = NULL;
        const struct store_listener listener = { 0 };
        char error[STORE_ERROR_BYTES];
        fixture_init(&fixture);
        fixture_open(&fixture);
        pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0)
                _exit(store_open(fixture.path, fixture.mailbox, &listener, &second, error) == -EBUSY ? 0 : 1);
        int status = -1;
        waitpid(child, &status, 0);
        ck_assert_int_eq(status, 0);
        ck_assert_int_eq(store_open(fixture.path, fixture.mailbox, &listener, &second, error), -EBUSY);
        ck_assert_ptr_nonnull(strstr(error, "another clusterd"));
        fixture_release(&fixture);
}
END_TEST

/* As somebody who may not write, since root may write everything. */
START_TEST(a_read_only_file_is_refused_with_advice)
{
        struct store_fixture fixture;
        char error[STORE_ERROR_BYTES] = "";
        fixture_init(&fixture);
        fixture_open(&fixture);
        fixture_close(&fixture);
        ck_assert_int_eq(chmod(fixture.folder, 0777), 0);
        ck_assert_int_eq(chmod(fixture.path, 0444), 0);
        char lock[128];
        TEXT_PRINT(lock, "%s.lock", fixture.path);
        ck_assert_int_eq(chmod(lock, 0666), 0);
        pid_t child = fork();
        if (child == 0) {
                bool changed = getuid() != 0 || setuid(65534) == 0;
                bool right = fixture_try_open(&fixture, error) == -EROFS &&
                             strstr(error, fixture.path) != NULL && strstr(error, "writable") != NULL;
                _exit(changed && right ? 0 : 1);
        }
        int status = -1;
        waitpid(child, &status, 0);
        ck_assert_int_eq(status, 0);
        fixture_release(&fixture);
}
END_TEST

static const struct {
        const char *what, *sql, *says;
} damages[] = {
        { "foreign", "PRAGMA application_id = 7", "another program" },
        { "newer", "PRAGMA user_version = 9", "format is 9" },
        { "promise", "UPDATE meta SET value = 4 WHERE key = 'promised'", "meta" },
        { "tail", "UPDATE entry SET actor = 'uid 1' WHERE idx = 5", "hash" },
        { "applied", "UPDATE entry SET time_ms = 1 WHERE idx = 3", "hash" },
        { "lost", "DELETE FROM entry WHERE idx >= 3", "missing" },
        { "gap", "DELETE FROM entry WHERE idx = 4", "missing" },
        { "table", "DROP TABLE object", "object" },
};

START_TEST(a_damaged_file_is_refused_with_advice)
{
        struct store_fixture fixture;
        struct history history = { 0 };
        char error[STORE_ERROR_BYTES] = "";
        fixture_init(&fixture);
        fixture_open(&fixture);
        for (uint32_t at = 0; at < 6; at++) {
                struct command note = command_of_note(at);
                struct ledger_position position = history_append(&history, fixture.store, &note);
                if (at == 2)
                        store_applied(fixture.store, &position);
        }
        store_promise(fixture.store, 3);
        fixture_close(&fixture);
        fixture_tamper(&fixture, damages[_i].sql);
        ck_assert_msg(fixture_try_open(&fixture, error) == -EBADMSG, "%s: %s", damages[_i].what, error);
        ck_assert_ptr_nonnull(strstr(error, fixture.path));
        ck_assert_msg(strstr(error, damages[_i].says) != NULL, "%s: %s", damages[_i].what, error);
        ck_assert_ptr_nonnull(strstr(error, "brought level"));
        fixture_release(&fixture);
}
END_TEST

START_TEST(a_file_of_rubbish_is_refused)
{
        struct store_fixture fixture;
        char error[STORE_ERROR_BYTES] = "";
        fixture_init(&fixture);
        FILE *file = fopen(fixture.path, "w");
        for (int at = 0; at < 1000; at++)
                fprintf(file, "no database at all %d\n", at);
        fclose(file);
        ck_assert_int_eq(fixture_try_open(&fixture, error), -EBADMSG);
        fixture_release(&fixture);
}
END_TEST

/* Preconditions: our own mistakes end the daemon, before they reach the disk. */
START_TEST(an_entry_that_leaves_a_gap_is_refused)
{
        struct store_fixture fixture;
        struct history history = { .position = { .index = 5 } };
        struct command note = command_of_note(1);
        fixture_init(&fixture);
        fixture_open(&fixture);
        fixture_remove_files(&fixture);
        history_append(&history, fixture.store, &note);
}
END_TEST

int main(void)
{
        TCase *tcase = tcase_create("store");
        tcase_add_test(tcase, a_missing_file_becomes_a_blank_store);
        tcase_add_test(tcase, a_ledger_is_created_once);
        tcase_add_test(tcase, what_was_stored_is_there_after_a_restart);
        tcase_add_test(tcase, rows_share_the_transaction_of_the_entries_behind_them);
        tcase_add_test(tcase, rows_that_no_entry_follows_are_written_all_the_same);
        tcase_add_test(tcase, a_cut_tail_is_gone_and_the_history_goes_on);
        tcase_add_test(tcase, queries_give_the_newest_in_ascending_order);
        tcase_add_test(tcase, a_definition_is_read_before_and_after_it_is_durable);
        tcase_add_test(tcase, a_second_opener_is_refused);
        tcase_add_test(tcase, a_read_only_file_is_refused_with_advice);
        tcase_add_loop_test(tcase, a_damaged_file_is_refused_with_advice, 0,
                            (int)(sizeof damages / sizeof damages[0]));
        tcase_add_test(tcase, a_file_of_rubbish_is_refused);
        tcase_add_test_raise_signal(tcase, an_entry_that_leaves_a_gap_is_refused, SIGABRT);
        tcase_set_timeout(tcase, 30);

        Suite *suite = suite_create("store");
        suite_add_tcase(suite, tcase);

        return suite_run(suite);
}
