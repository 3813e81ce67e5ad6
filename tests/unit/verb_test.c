/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/protocol/verb.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "clusterd/protocol/verb_value.h"
#include "tests/unit/suite_run.h"

#define WORDS_MAX 16

/* Cuts a line at its blanks; "''" is an empty word. */
static int split(char *line, const char **words)
{
        int count = 0;
        for (char *word = strtok(line, " "); word != NULL; word = strtok(NULL, " "))
                words[count++] = text_equal(word, "''") ? "" : word;
        return count;
}

static int parse(const char *line, struct verb_call *call, char *error)
{
        static char copy[512]; /* the call borrows it */
        const char *words[WORDS_MAX];
        TEXT_COPY(copy, line);
        error[0] = '\0';
        return verb_parse(split(copy, words), words, call, error);
}

static const char *const good[] = {
        "cluster status",
        "cluster status --json",
        "cluster set --max-moves 4 --margin=0",
        "node drain n1 --reason maintenance --no-wait --timeout 60",
        "role add vm01 --definition - --preferred n1,n2 --possible '' --stopped --plan",
        "role move --node n2 vm01",
        "role move vm01",
        "role set vm01 --note ''",
        "role set vm01 --note -x",
        "role set vm01 --priority -3",
        "role stop -- vm01",
        "fence show f1",
        "node power-on n1 --reason repaired",
        "node shut-down n1 --reboot --force",
        "fence history",
        "fence history n1 --limit 3",
        "fence test n1",
        "fence test n1 --really --force --yes --plan",
        "fence add f1 --agent fence_x --nodes n1 --option a=b --option a= --timeout 5000",
        "role move -h",
        "role move --help",
        "ledger list --from 1 --limit 1000000",
        "event list --follow --role vm01",
};

START_TEST(understands)
{
        struct verb_call call;
        char error[VERB_ERROR_BYTES];
        ck_assert_msg(parse(good[_i], &call, error) == 0, "%s: %s", good[_i], error);
}
END_TEST

static const struct {
        const char *line, *says;
} bad[] = {
        { "", "clu help" },
        { "frob", "no noun" },
        { "role", "clu role VERB" },
        { "role --json", "clu role VERB" },
        { "role fly vm01", "no verb 'fly'" },
        { "role move", "needs a name" },
        { "role move vm01 vm02", "takes one" },
        { "role move vm/01", "not a name" },
        { "role move ''", "not a name" },
        { "role list vm01", "takes no name" },
        { "role move vm01 --node", "needs a value" },
        { "role move vm01 --node n2 --node n3", "twice" },
        { "role move vm01 --node n/2", "not a name" },
        { "role move vm01 --nod n2", "no option --nod" },
        { "role move vm01 --json=yes", "takes no value" },
        { "role move vm01 -n n2", "no option -n" },
        { "role list --plan", "no option --plan" },
        { "fence test n1 --yes", "changes nothing without --really" },
        { "fence test n1 --plan", "changes nothing without --really" },
        { "role list --no-wait", "no option --no-wait" },
        { "role move vm01 --timeout 0", "between 1" },
        { "role move vm01 --timeout soon", "not a number" },
        { "role move vm01 --timeout 10s", "not a number" },
        { "role move vm01 --timeout 99999999999999999999", "not a number" },
        { "role set vm01 --priority 1001", "between -1000 and 1000" },
        { "role add vm01 --preferred n1,,n2", "list of node names" },
        { "role add vm01 --possible ,", "list of node names" },
        { "ledger list --from 0", "at least 1" },
        { "fence add f1 --nodes n1", "needs --agent" },
        { "fence add f1 --agent fence_x", "needs --nodes" },
        { "fence add f1 --agent fence_x --nodes n1 --option secret", "KEY=VALUE" },
        { "fence add f1 --agent fence_x --nodes n1 --option =secret", "KEY=VALUE" },
        { "event list --limit 1001", "between 1 and 1000" },
};

START_TEST(refuses_and_says_why)
{
        struct verb_call call;
        char error[VERB_ERROR_BYTES];
        ck_assert_msg(parse(bad[_i].line, &call, error) == -EINVAL, "'%s' is understood", bad[_i].line);
        ck_assert_msg(strstr(error, bad[_i].says) != NULL, "'%s': '%s' does not say '%s'", bad[_i].line,
                      error, bad[_i].says);
        ck_assert_msg(strstr(error, "secret") == NULL, "an option's value is repeated: %s", error);
}
END_TEST

START_TEST(refuses_what_is_too_long)
{
        struct verb_call call;
        char error[VERB_ERROR_BYTES], note[300], name[100];
        memset(note, 'n', sizeof(note) - 1);
        note[sizeof(note) - 1] = '\0';
        memset(name, 'n', sizeof(name) - 1);
        name[sizeof(name) - 1] = '\0';
        ck_assert_int_eq(
                verb_parse(5, (const char *[]){ "role", "set", "vm01", "--note", note }, &call, error),
                -EINVAL);
        ck_assert_int_eq(verb_parse(3, (const char *[]){ "role", "show", name }, &call, error), -EINVAL);
        ck_assert_int_eq(
                verb_parse(5, (const char *[]){ "role", "set", "vm01", "--possible", name }, &call, error),
                -EINVAL);
        ck_assert_int_eq(verb_parse(4, (const char *[]){ "role", "set", "vm01", note }, &call, error),
                         -EINVAL);
}
END_TEST

START_TEST(refuses_a_line_break_in_an_agents_option)
{
        struct verb_call call;
        char error[VERB_ERROR_BYTES];
        const char *words[] = { "fence",   "add", "f1",       "--agent",       "fence_x",
                                "--nodes", "n1",  "--option", "a=b\naction=on" };
        ck_assert_int_eq(verb_parse(9, words, &call, error), -EINVAL);
}
END_TEST

START_TEST(too_many_options_are_refused)
{
        const char *words[7 + 2 * (VERB_VALUES_MAX + 1)] = { "fence",   "add",     "f1", "--agent",
                                                             "fence_x", "--nodes", "n1" };
        struct verb_call call;
        char error[VERB_ERROR_BYTES];
        int count = 7;
        for (int i = 0; i <= VERB_VALUES_MAX; i++) {
                words[count++] = "--option";
                words[count++] = "a=b";
        }
        ck_assert_int_eq(verb_parse(count, words, &call, error), -EINVAL);
}
END_TEST

START_TEST(keeps_values_as_given)
{
        struct verb_call call;
        char error[VERB_ERROR_BYTES];
        ck_assert_int_eq(parse("role set vm01 --note=a=b --priority -7 --json", &call, error), 0);
        ck_assert_str_eq(verb_call_text(&call, "note"), "a=b");
        ck_assert_int_eq(call.values[1].number, -7);
        ck_assert(call.json && !call.plan);
        ck_assert_ptr_null(verb_call_text(&call, "preferred"));
        ck_assert_int_eq(parse("node drain n1", &call, error), 0);
        ck_assert_uint_eq(call.timeout_s, 1800);
        ck_assert_int_eq(parse("role frob --json", &call, error), -EINVAL);
        ck_assert(call.json);
}
END_TEST

START_TEST(every_row_is_complete_and_found_by_its_path)
{
        const struct verb *verb = verb_by_id((enum verb_id)_i);
        char path[VERB_PATH_BYTES], synopsis[512];
        verb_path(verb, path, sizeof(path));
        ck_assert_ptr_eq(verb_find_path(path), verb);
        ck_assert_int_eq(verb_id(verb), _i);
        ck_assert_ptr_nonnull(verb->help);
        ck_assert(verb->wait == VERB_WAIT_NONE ||
                  (verb->changes && verb->timeout_s > 0 && verb->operand != NULL));
        verb_synopsis(verb, synopsis, sizeof(synopsis));
        ck_assert_uint_lt(strlen(synopsis), sizeof(synopsis) - 1);
        for (size_t i = 0; i < verb->option_count; i++) {
                const struct verb_option *option = &verb->options[i];
                ck_assert_ptr_eq(verb_option_find(verb, option->name), option);
                ck_assert_ptr_nonnull(option->help);
                ck_assert_msg((option->value == VERB_VALUE_FLAG) == (option->placeholder == NULL), "%s --%s",
                              path, option->name);
                ck_assert_msg(option->value != VERB_VALUE_NUMBER || option->least < option->most, "%s --%s",
                              path, option->name);
                ck_assert_msg(option->value != VERB_VALUE_TEXT || option->bytes_max > 1, "%s --%s", path,
                              option->name);
        }
}
END_TEST

START_TEST(times_have_a_unit_and_a_most)
{
        ck_assert_uint_eq(verb_duration_ms("90s", 3600000), 90000);
        ck_assert_uint_eq(verb_duration_ms("10m", 3600000), 600000);
        ck_assert_uint_eq(verb_duration_ms("1h", 3600000), 3600000);
        const char *const no_times[] = { "",   "90", "s", "-1s", " 1s", "1d", "61m", "99999999999999999999s",
                                         "1s " };
        for (size_t i = 0; i < sizeof(no_times) / sizeof(no_times[0]); i++)
                ck_assert_msg(verb_duration_ms(no_times[i], 3600000) == 0, "'%s'", no_times[i]);
}
END_TEST

/* An option that the table of verbs knows and this one does not would be taken and forgotten. */
START_TEST(every_option_of_cluster_set_is_a_setting)
{
        const struct verb *verb = verb_by_id(VERB_CLUSTER_SET);
        struct command_cluster_set set = { 0 };
        size_t count = 0;
        for (const struct setting_option *option = setting_options; option->name != NULL; option++) {
                bool found = false;
                for (size_t i = 0; i < verb->option_count; i++)
                        found |= text_equal(verb->options[i].name, option->name);
                ck_assert_msg(found, "%s", option->name);
                setting_option_take(option, (int64_t)++count, &set);
        }
        ck_assert_uint_eq(count, verb->option_count);
        ck_assert_uint_eq(set.fields, (1u << count) - 1);
        ck_assert_uint_eq(set.settings.moves_max, 1);
        ck_assert_uint_eq(set.settings.resiliency_ms, count - 1);
        ck_assert_uint_eq(set.settings.stall_limit_ms, count);
}
END_TEST

START_TEST(unknown_paths_are_not_found)
{
        static const char *const paths[] = { "", ".", "role", "role.", ".move", "role.move.x", "role move" };
        for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
                ck_assert_ptr_null(verb_find_path(paths[i]));
        char longest[200];
        memset(longest, 'x', sizeof(longest));
        longest[150] = '.';
        longest[199] = '\0';
        ck_assert_ptr_null(verb_find_path(longest));
}
END_TEST

int main(void)
{
        TCase *tcase = tcase_create("parse");
        tcase_add_loop_test(tcase, understands, 0, (int)(sizeof(good) / sizeof(good[0])));
        tcase_add_loop_test(tcase, refuses_and_says_why, 0, (int)(sizeof(bad) / sizeof(bad[0])));
        tcase_add_test(tcase, refuses_what_is_too_long);
        tcase_add_test(tcase, refuses_a_line_break_in_an_agents_option);
        tcase_add_test(tcase, too_many_options_are_refused);
        tcase_add_test(tcase, keeps_values_as_given);
        tcase_add_loop_test(tcase, every_row_is_complete_and_found_by_its_path, 0, VERB_COUNT);
        tcase_add_test(tcase, times_have_a_unit_and_a_most);
        tcase_add_test(tcase, every_option_of_cluster_set_is_a_setting);
        tcase_add_test(tcase, unknown_paths_are_not_found);

        Suite *suite = suite_create("verb");
        suite_add_tcase(suite, tcase);

        return suite_run(suite);
}
