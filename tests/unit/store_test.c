/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/store_fixture.h"

#include "clusterd/base/text.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct settings settings = { .cluster_name = "lab", .voters = 7, .moves_max = 2 };
static const char domain[] = "<domain type='kvm'><name>vm01</name></domain>";

static struct message order(uint32_t to)
{
        struct message template = { .kind = MESSAGE_ENTRY, .round = { 2, 77, 3 } };
        template.entry.to = to;
        return template;
}

static struct store_state state_of(struct store_fixture *fixture)
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

static uint32_t objects_of(struct store_fixture *fixture)
{
        uint32_t count = 0;
        ck_assert_int_eq(store_read_objects(fixture->store, count_object, &count), 0);
        return count;
}

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
        struct store_state state = state_of(&fixture);
        ck_assert(state.blank);
        ck_assert_uint_eq(state.first_index, 0);
        ck_assert_uint_eq(state.last_index, 0);
        ck_assert_uint_eq(objects_of(&fixture), 0);
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
        ck_assert(!state_of(&fixture).blank);
        ck_assert_uint_eq(objects_of(&fixture), 1);
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
        struct store_state state = state_of(&fixture);
        ck_assert(!state.blank);
        ck_assert_uint_eq(state.first_index, 1);
        ck_assert_uint_eq(state.last_index, 10);
        ck_assert_uint_eq(state.applied.index, 7);
        ck_assert_uint_eq(state.promised, UINT64_MAX - 1);
        ck_assert_uint_eq(objects_of(&fixture), 1);
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
        ck_assert_uint_eq(state_of(&fixture).applied.index, 1);
        ck_assert_uint_eq(objects_of(&fixture), 1);
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
        ck_assert_uint_eq(state_of(&fixture).applied.index, 1);
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
        ck_assert_uint_eq(state_of(&fixture).last_index, 2);
        ck_assert_mem_eq(state_of(&fixture).applied.hash, end.hash, HASH_BYTES);
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

/* Fills a store with two roles that have a definition each, a third one without, and a tail. */
static void fill(struct store_fixture *fixture, struct history *history)
{
        uint8_t hash[HASH_BYTES], unused[HASH_BYTES];
        definition_hash(domain, strlen(domain), hash);
        definition_hash("unused", 6, unused);
        store_put_definition(fixture->store, domain, strlen(domain));
        store_put_definition(fixture->store, "unused", 6);
        struct object roles[] = { object_of_role("vm01", hash), object_of_role("vm02", hash),
                                  object_of_role("vm03", NULL) };
        struct command commands[] = { command_of_add("vm01", hash), command_of_add("vm09", unused),
                                      command_of_note(1), command_of_note(2) };
        for (int at = 0; at < 3; at++)
                store_put_object(fixture->store, &roles[at]);
        for (int at = 0; at < 4; at++) {
                struct ledger_position position = history_append(history, fixture->store, &commands[at]);
                if (at == 2)
                        store_applied(fixture->store, &position);
        }
        store_flush(fixture->store);
}

/* What clusterd does with the messages of a catch-up. */
static void take_message(struct store *store, const char *bytes)
{
        struct message_decoded decoded;
        char error[CODEC_ERROR_BYTES] = "";
        ck_assert_msg(message_decode(bytes, strlen(bytes), &decoded, error) == 0, "%s: %s", error, bytes);
        const struct message *message = &decoded.message;
        ck_assert_uint_eq(message->round.incarnation, 77);
        switch ((int)message->kind) {
        case MESSAGE_ENTRY:
                ck_assert_uint_eq(message->entry.to, 3);
                if (message->entry.definition != NULL)
                        store_put_definition(store, message->entry.definition,
                                             message->entry.definition_bytes);
                store_append(store, &message->entry.entry);
                break;
        case MESSAGE_SNAPSHOT_BEGIN:
                ck_assert_uint_eq(message->snapshot.to, 3);
                store_reset(store);
                break;
        case MESSAGE_SNAPSHOT_DEFINITION:
                store_put_definition(store, message->snapshot.definition, message->snapshot.definition_bytes);
                break;
        case MESSAGE_SNAPSHOT_OBJECT:
                store_put_object(store, &message->snapshot.object);
                break;
        case MESSAGE_SNAPSHOT_END:
                store_applied(store, &message->snapshot.at);
                break;
        default:
                ck_abort_msg("unexpected message");
        }
        message_decoded_free(&decoded);
}

static void take_all(struct store_fixture *from, struct store_fixture *to)
{
        for (uint32_t at = 0; at < from->message_count; at++)
                take_message(to->store, from->messages[at]);
        store_flush(to->store);
        fixture_wait_stored(to, 4);
}

static void check_level(struct store_fixture *from, struct store_fixture *to)
{
        char error[STORE_ERROR_BYTES] = "";
        struct store_verdict a, b;
        ck_assert_msg(store_verify(from->path, &a, error) == 0, "%s", error);
        ck_assert_msg(store_verify(to->path, &b, error) == 0, "%s", error); /* while it is open */
        ck_assert_msg(a.bad_index == 0 && b.bad_index == 0, "%s %s", a.text, b.text);
        ck_assert_str_eq(a.last_hash, b.last_hash);
        ck_assert_uint_eq(a.applied.index, 3);
        ck_assert_uint_eq(b.last_index, 4);
}

START_TEST(a_snapshot_and_the_tail_make_another_store_level)
{
        struct store_fixture from, to;
        struct history history = { 0 };
        uint8_t unused[HASH_BYTES];
        char *text;
        size_t bytes;
        fixture_init(&from);
        fixture_init(&to);
        fixture_open(&from);
        fixture_open(&to);
        fill(&from, &history);
        struct message template = order(3);
        store_send_snapshot(from.store, &template);
        store_send_entries(from.store, &template, 4, 4);
        store_flush(from.store);
        fixture_wait_messages(&from, 7); /* begin, one definition, three roles, end; one entry */
        take_all(&from, &to);
        check_level(&from, &to);
        ck_assert_uint_eq(state_of(&to).first_index, 4);
        ck_assert_uint_eq(objects_of(&to), 3);
        definition_hash("unused", 6, unused);
        ck_assert_int_eq(store_read_definition(to.store, unused, &text, &bytes), -ENOENT);
        fixture_close(&to);
        fixture_open(&to);
        ck_assert(!state_of(&to).blank);
        fixture_release(&from);
        fixture_release(&to);
}
END_TEST

START_TEST(entries_carry_the_definition_their_command_names)
{
        struct store_fixture from, to;
        struct history history = { 0 };
        uint8_t hash[HASH_BYTES];
        char *text = NULL;
        size_t bytes;
        fixture_init(&from);
        fixture_init(&to);
        fixture_open(&from);
        fixture_open(&to);
        fill(&from, &history);
        struct message template = order(3);
        store_send_entries(from.store, &template, 1, UINT64_MAX);
        store_flush(from.store);
        fixture_wait_messages(&from, 4);
        take_all(&from, &to);
        definition_hash(domain, strlen(domain), hash);
        ck_assert_int_eq(store_read_definition(to.store, hash, &text, &bytes), 0);
        free(text);
        ck_assert_uint_eq(state_of(&to).last_index, 4);
        struct command note = command_of_note(5); /* reading has not stopped writing */
        history_append(&history, from.store, &note);
        store_flush(from.store);
        fixture_wait_stored(&from, 5);
        fixture_release(&from);
        fixture_release(&to);
}
END_TEST

START_TEST(a_snapshot_cut_short_leaves_a_blank_store_with_its_promise)
{
        struct store_fixture fixture;
        struct history history = { 0 };
        uint8_t hash[HASH_BYTES];
        char *text;
        size_t bytes;
        fixture_init(&fixture);
        fixture_open(&fixture);
        store_promise(fixture.store, 12);
        fill(&fixture, &history);
        store_reset(fixture.store);
        struct object role = object_of_role("vm07", NULL);
        store_put_object(fixture.store, &role);
        store_flush(fixture.store);
        fixture_close(&fixture);
        fixture_open(&fixture);
        definition_hash(domain, strlen(domain), hash); /* of a command that may still be proposed */
        ck_assert_int_eq(store_read_definition(fixture.store, hash, &text, &bytes), 0);
        free(text);
        struct store_state state = state_of(&fixture);
        ck_assert(state.blank);
        ck_assert_uint_eq(state.promised, 12);
        ck_assert_uint_eq(state.last_index, 0);
        ck_assert_uint_eq(objects_of(&fixture), 0);
        fixture_release(&fixture);
}
END_TEST

START_TEST(compaction_keeps_what_it_must_and_the_chain_stays_checkable)
{
        struct store_fixture fixture;
        struct store_verdict verdict;
        struct history history = { 0 };
        struct ledger_position applied = { 0 };
        uint8_t hash[HASH_BYTES], late[HASH_BYTES];
        char error[STORE_ERROR_BYTES], *text;
        size_t bytes;
        fixture_init(&fixture);
        fixture_open(&fixture);
        fill(&fixture, &history);
        for (uint32_t at = 0; at < 100; at++) {
                struct command note = command_of_note(at);
                struct ledger_position position = history_append(&history, fixture.store, &note);
                applied = at == 89 ? position : applied;
        }
        store_applied(fixture.store, &applied);
        store_compact(fixture.store, 51 * 1000, 10); /* time_ms is 1000 times the index */
        store_flush(fixture.store);
        fixture_wait_stored(&fixture, 104);
        ck_assert_uint_eq(state_of(&fixture).first_index, 51);
        definition_hash("unused", 6, hash);
        ck_assert_int_eq(store_read_definition(fixture.store, hash, &text, &bytes), 0);
        free(text);
        definition_hash("late", 4, late);
        store_put_definition(fixture.store, "late", 4); /* its command may still be on its way */
        store_compact(fixture.store, INT64_MAX, 30);
        store_flush(fixture.store);
        fixture_close(&fixture);
        fixture_open(&fixture);
        ck_assert_uint_eq(state_of(&fixture).first_index, 75); /* 30 are kept */
        ck_assert_int_eq(store_read_definition(fixture.store, late, &text, &bytes), 0);
        free(text);
        store_compact(fixture.store, INT64_MAX, 0);
        store_flush(fixture.store);
        fixture_close(&fixture);
        fixture_open(&fixture);
        ck_assert_uint_eq(state_of(&fixture).first_index, applied.index);
        ck_assert_int_eq(store_verify(fixture.path, &verdict, error), 0);
        ck_assert_uint_eq(verdict.bad_index, 0);
        definition_hash("unused", 6, hash);
        ck_assert_int_eq(store_read_definition(fixture.store, hash, &text, &bytes), -ENOENT);
        definition_hash(domain, strlen(domain), hash);
        ck_assert_int_eq(store_read_definition(fixture.store, hash, &text, &bytes), 0);
        free(text);
        struct message template = order(3);
        store_send_entries(fixture.store, &template, 5, 104); /* gone: a snapshot in their place */
        store_flush(fixture.store);
        fixture_wait_messages(&fixture, 6 + 10);
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
        tcase_add_test(tcase, a_snapshot_and_the_tail_make_another_store_level);
        tcase_add_test(tcase, entries_carry_the_definition_their_command_names);
        tcase_add_test(tcase, a_snapshot_cut_short_leaves_a_blank_store_with_its_promise);
        tcase_add_test(tcase, compaction_keeps_what_it_must_and_the_chain_stays_checkable);
        tcase_add_test_raise_signal(tcase, an_entry_that_leaves_a_gap_is_refused, SIGABRT);
        tcase_set_timeout(tcase, 30);

        Suite *suite = suite_create("store");
        suite_add_tcase(suite, tcase);

        SRunner *runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        int failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
