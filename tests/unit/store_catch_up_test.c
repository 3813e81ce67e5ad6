/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/store_fixture.h"
#include "tests/unit/suite_run.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

/* What a store gives to one that is behind, and what it may forget. */

static const char domain[] = "<domain type='kvm'><name>vm01</name></domain>";

static struct message order(uint32_t to)
{
        struct message template = { .kind = MESSAGE_ENTRY, .round = { 2, 77, 3 } };
        template.entry.to = to;
        return template;
}

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
        ck_assert_uint_eq(fixture_state(&to).first_index, 4);
        ck_assert_uint_eq(fixture_objects(&to), 3);
        definition_hash("unused", 6, unused);
        ck_assert_int_eq(store_read_definition(to.store, unused, &text, &bytes), -ENOENT);
        fixture_close(&to);
        fixture_open(&to);
        ck_assert(!fixture_state(&to).blank);
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
        ck_assert_uint_eq(fixture_state(&to).last_index, 4);
        struct command note = command_of_note(5); /* reading has not stopped writing */
        history_append(&history, from.store, &note);
        store_flush(from.store);
        fixture_wait_stored(&from, 5);
        fixture_release(&from);
        fixture_release(&to);
}
END_TEST

START_TEST(a_snapshot_cut_short_leaves_what_was_there)
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
        store_flush(fixture.store);
        fixture_wait_stored(&fixture, 4);
        uint32_t objects = fixture_objects(&fixture);
        ck_assert_uint_gt(objects, 0);
        store_promise(fixture.store, 13);
        store_reset(fixture.store);
        struct object role = object_of_role("vm07", NULL);
        store_put_object(fixture.store, &role);
        store_flush(fixture.store);
        fixture_close(&fixture);
        fixture_open(&fixture);
        definition_hash(domain, strlen(domain), hash); /* of a command that may still be proposed */
        ck_assert_int_eq(store_read_definition(fixture.store, hash, &text, &bytes), 0);
        free(text);
        struct store_state state = fixture_state(&fixture);
        ck_assert(!state.blank);
        ck_assert_uint_eq(state.promised, 13);
        ck_assert_uint_eq(state.last_index, 4);
        ck_assert_uint_eq(fixture_objects(&fixture), objects);
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
        ck_assert_uint_eq(fixture_state(&fixture).first_index, 51);
        definition_hash("unused", 6, hash);
        ck_assert_int_eq(store_read_definition(fixture.store, hash, &text, &bytes), 0);
        free(text);
        definition_hash("late", 4, late);
        store_put_definition(fixture.store, "late", 4); /* its command may still be on its way */
        store_compact(fixture.store, INT64_MAX, 30);
        store_flush(fixture.store);
        fixture_close(&fixture);
        fixture_open(&fixture);
        ck_assert_uint_eq(fixture_state(&fixture).first_index, 75); /* 30 are kept */
        ck_assert_int_eq(store_read_definition(fixture.store, late, &text, &bytes), 0);
        free(text);
        store_compact(fixture.store, INT64_MAX, 0);
        store_flush(fixture.store);
        fixture_close(&fixture);
        fixture_open(&fixture);
        ck_assert_uint_eq(fixture_state(&fixture).first_index, applied.index);
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

int main(void)
{
        TCase *tcase = tcase_create("catch_up");
        tcase_add_test(tcase, a_snapshot_and_the_tail_make_another_store_level);
        tcase_add_test(tcase, entries_carry_the_definition_their_command_names);
        tcase_add_test(tcase, a_snapshot_cut_short_leaves_what_was_there);
        tcase_add_test(tcase, compaction_keeps_what_it_must_and_the_chain_stays_checkable);
        tcase_set_timeout(tcase, 30);

        Suite *suite = suite_create("store_catch_up");
        suite_add_tcase(suite, tcase);

        return suite_run(suite);
}
