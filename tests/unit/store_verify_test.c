/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/store_fixture.h"

#include "clusterd/base/text.h"

#include <check.h>
#include <stdlib.h>

#include "tests/unit/suite_run.h"

/* Ledgers as they should be and as they should not; what store_verify() says of each. */

static const char definition[] = "<domain/>";

static struct command evidence_of(uint32_t node, enum evidence_kind kind)
{
        struct command command = { .kind = COMMAND_NODE_EVIDENCE };
        command.node_evidence.node = node;
        command.node_evidence.incarnation = 1;
        command.node_evidence.kind = kind;
        TEXT_PRINT(command.node_evidence.text, "ipmi1");
        return command;
}

static struct command move_of(uint32_t target, uint64_t generation)
{
        struct command command = { .kind = COMMAND_ROLE_MOVE };
        TEXT_PRINT(command.role_move.role, "vm01");
        command.role_move.target = target;
        command.role_move.generation = generation;
        return command;
}

static struct command with_target(struct command command, enum evidence_kind kind, uint64_t index)
{
        command.role_assign.target_evidence = (struct evidence){ .kind = kind, .index = index };
        return command;
}

#define ADD                    command_of_add("vm01", NULL)
#define ASSIGN(node, g, e, at) command_of_assign("vm01", node, g, EVIDENCE_##e, at)
#define REPORT(node, g, what)  command_of_report("vm01", node, g, REPORT_##what)

static struct store_verdict verify_story(const struct command *commands, size_t count, uint64_t compact_to)
{
        struct store_fixture fixture;
        struct history history = { 0 };
        struct store_verdict result;
        char error[STORE_ERROR_BYTES] = "";
        fixture_init(&fixture);
        fixture_open(&fixture);
        for (size_t at = 0; at < count; at++)
                history_append(&history, fixture.store, &commands[at]);
        store_applied(fixture.store, &history.position);
        if (compact_to > 0)
                store_compact(fixture.store, 1000 * ((int64_t)compact_to + 1), 0);
        fixture_close(&fixture);
        ck_assert_msg(store_verify(fixture.path, &result, error) == 0, "%s", error);
        fixture_release(&fixture);
        return result;
}

/* Commands by their numbers from 1, as in the ledger. */
#define STORY(name, want, ...)                                                                               \
        {                                                                                                    \
                const struct command commands[] = { __VA_ARGS__ };                                           \
                const size_t count = sizeof commands / sizeof commands[0];                                   \
                struct store_verdict got = verify_story(commands, count, 0);                                 \
                ck_assert_msg(got.bad_index == (want), "%s: found %llu: %s", name,                           \
                              (unsigned long long)got.bad_index, got.text);                                  \
        }

START_TEST(sound_histories_pass)
{
        STORY("stopped, started elsewhere", 0, ADD, ASSIGN(1, 1, NONE, 0), REPORT(1, 1, RUNNING),
              REPORT(1, 1, STOPPED), ASSIGN(2, 2, STOPPED, 4));
        STORY("its node was fenced", 0, ADD, ASSIGN(1, 1, NONE, 0), evidence_of(1, EVIDENCE_POWERED_OFF),
              ASSIGN(2, 2, POWERED_OFF, 3));
        STORY("start failed, tried again", 0, ADD, ASSIGN(1, 1, NONE, 0), REPORT(1, 1, START_FAILED),
              ASSIGN(1, 2, STOPPED, 3));
        STORY("refused for its generation", 0, ADD, ASSIGN(1, 1, NONE, 0), REPORT(1, 1, RUNNING),
              ASSIGN(2, 1, NONE, 0));
        STORY("both ends of a move were fenced", 0, ADD, ASSIGN(1, 1, NONE, 0), move_of(2, 2),
              evidence_of(1, EVIDENCE_POWERED_OFF), evidence_of(2, EVIDENCE_POWERED_OFF),
              with_target(ASSIGN(3, 3, POWERED_OFF, 4), EVIDENCE_POWERED_OFF, 5));
        STORY("moved, then failed", 0, ADD, ASSIGN(1, 1, NONE, 0), move_of(2, 2), REPORT(1, 2, ABSENT),
              REPORT(2, 2, RUNNING), REPORT(2, 2, FAILED), ASSIGN(3, 3, STOPPED, 6));
}
END_TEST

START_TEST(an_assignment_without_proof_is_found)
{
        STORY("nobody spoke", 3, ADD, ASSIGN(1, 1, NONE, 0), ASSIGN(2, 2, NONE, 0));
        STORY("it runs there", 4, ADD, ASSIGN(1, 1, NONE, 0), REPORT(1, 1, RUNNING),
              ASSIGN(2, 2, STOPPED, 3));
        STORY("proof of the future", 3, ADD, ASSIGN(1, 1, NONE, 0), ASSIGN(2, 2, STOPPED, 4),
              REPORT(1, 1, STOPPED));
        STORY("proof without a place", 3, ADD, ASSIGN(1, 1, NONE, 0), ASSIGN(2, 2, STOPPED, 0));
        STORY("proof of another node", 4, ADD, ASSIGN(1, 1, NONE, 0), evidence_of(3, EVIDENCE_POWERED_OFF),
              ASSIGN(2, 2, POWERED_OFF, 3));
        STORY("proof of another kind", 4, ADD, ASSIGN(1, 1, NONE, 0), evidence_of(1, EVIDENCE_GUARD_EXPIRED),
              ASSIGN(2, 2, POWERED_OFF, 3));
        STORY("proof of an older generation", 6, ADD, ASSIGN(1, 1, NONE, 0), REPORT(1, 1, STOPPED),
              ASSIGN(1, 2, STOPPED, 3), REPORT(1, 2, RUNNING), ASSIGN(2, 3, STOPPED, 3));
        STORY("proof of another role", 5, ADD, ASSIGN(1, 1, NONE, 0), command_of_add("vm02", NULL),
              command_of_report("vm02", 1, 1, REPORT_STOPPED), ASSIGN(2, 2, STOPPED, 4));
        STORY("the target of a move may run it", 5, ADD, ASSIGN(1, 1, NONE, 0), move_of(2, 2),
              evidence_of(1, EVIDENCE_POWERED_OFF), ASSIGN(3, 3, POWERED_OFF, 4));
}
END_TEST

START_TEST(what_was_compacted_away_is_taken_on_trust)
{
        const struct command commands[] = { ADD,
                                            ASSIGN(1, 1, NONE, 0),
                                            REPORT(1, 1, STOPPED),
                                            command_of_note(1),
                                            ASSIGN(2, 2, STOPPED, 3),
                                            command_of_note(2) };
        struct store_verdict got = verify_story(commands, 6, 4);
        ck_assert_uint_eq(got.first_index, 5);
        ck_assert_msg(got.bad_index == 0, "%s", got.text);
}
END_TEST

static void make_ledger(struct store_fixture *fixture)
{
        struct history history = { 0 };
        uint8_t hash[HASH_BYTES];
        struct ledger_position position = { 0 };
        definition_hash(definition, strlen(definition), hash);
        const struct command commands[] = { command_of_note(1), command_of_add("vm01", hash),
                                            ASSIGN(1, 1, NONE, 0), command_of_note(4) };
        const struct object role = object_of_role("vm01", hash);
        store_put_definition(fixture->store, definition, strlen(definition));
        store_put_object(fixture->store, &role);
        store_promise(fixture->store, 5);
        for (size_t at = 0; at < 4; at++) {
                struct ledger_position next = history_append(&history, fixture->store, &commands[at]);
                position = at == 2 ? next : position;
        }
        store_applied(fixture->store, &position);
        store_flush(fixture->store);
}

static bool is_sound(const struct store_fixture *fixture)
{
        struct store_verdict verdict;
        char error[STORE_ERROR_BYTES];
        return store_verify(fixture->path, &verdict, error) == 0 && verdict.bad_index == 0;
}

static const struct {
        const char *table, *column;
} columns[] = {
        { "entry", "idx" },
        { "entry", "epoch" },
        { "entry", "time_ms" },
        { "entry", "request_node" },
        { "entry", "request_incarnation" },
        { "entry", "request_count" },
        { "entry", "actor" },
        { "entry", "subject" },
        { "entry", "kind" },
        { "entry", "command" },
        { "entry", "hash" },
        { "object", "kind" },
        { "object", "name" },
        { "object", "json" },
        { "object", "hash" },
        { "definition", "hash" },
        { "definition", "text" },
        { "meta", "key" },
        { "meta", "value" },
};

/* One bit of the value of one column, row by row: its last byte, or the number's low bits. */
static const char flip_sql[] =
        "UPDATE %s SET %s = CASE typeof(%s) WHEN 'integer' THEN (%s | 64) - (%s & 64)"
        " WHEN 'blob' THEN randomblob(32) ELSE substr(%s, 1, length(%s) - 2) || '~' || substr(%s, -1) END"
        " WHERE (SELECT count(*) FROM %s AS o WHERE o.%s < %s.%s) = %d";

START_TEST(a_change_of_any_value_of_any_row_is_found)
{
        const char *t = columns[_i].table, *c = columns[_i].column;
        const char *key = t[0] == 'e' ? "idx" : t[0] == 'o' ? "name" : t[0] == 'd' ? "hash" : "key";
        int rows = t[0] == 'e' ? 4 : t[0] == 'm' ? 9 : 1;
        for (int row = 0; row < rows; row++) {
                struct store_fixture fixture;
                char sql[1024];
                fixture_init(&fixture);
                fixture_open(&fixture);
                make_ledger(&fixture);
                fixture_close(&fixture);
                ck_assert(is_sound(&fixture));
                TEXT_PRINT(sql, flip_sql, t, c, c, c, c, c, c, c, t, key, t, key, row);
                fixture_tamper(&fixture, sql);
                ck_assert_msg(!is_sound(&fixture), "%s.%s of row %d was changed and not found", t, c, row);
                fixture_release(&fixture);
        }
}
END_TEST

int main(void)
{
        TCase *tcase = tcase_create("verify");
        tcase_add_test(tcase, sound_histories_pass);
        tcase_add_test(tcase, an_assignment_without_proof_is_found);
        tcase_add_test(tcase, what_was_compacted_away_is_taken_on_trust);
        tcase_add_loop_test(tcase, a_change_of_any_value_of_any_row_is_found, 0,
                            (int)(sizeof columns / sizeof columns[0]));
        tcase_set_timeout(tcase, 30);

        Suite *suite = suite_create("store_verify");
        suite_add_tcase(suite, tcase);

        return suite_run(suite);
}
