/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/protocol/verb.h"
#include "tests/unit/cli_fixture.h"
#include "tests/unit/suite_run.h"

/* clu what-if: who would run where, of what the daemon says of today. */

#define WHAT_IF_NODE(name, duty)                                                                             \
        "{\"name\":\"" name "\",\"duty\":\"" duty                                                            \
        "\",\"member\":true,\"voter\":true,\"watchdog\":true,\"memory_mib\":4096,\"cpus\":4}"
#define WHAT_IF_ROLE(name, owner, priority, possible)                                                        \
        "{\"name\":\"" name "\",\"kind\":\"vm\",\"desired\":\"running\",\"owner\":\"" owner                  \
        "\",\"memory_mib\":3000,\"cpus\":1,\"priority\":" priority                                           \
        ",\"preferred\":[],\"possible\":[" possible "],\"volumes\":[\"csv\"]}"

#define WHAT_IF_STATUS(pause_ms)                                                                             \
        "{\"settings\":{\"max_moves\":2,\"isolation_hold_ms\":10000,\"stop_grace_ms\":5000,"                 \
        "\"watchdog_ms\":10000,\"margin_ms\":2000,\"pause_ms\":" pause_ms                                    \
        "},\"nodes\":[" WHAT_IF_NODE("anna", "active") "," WHAT_IF_NODE("bert", "active") "," WHAT_IF_NODE(  \
                "cleo", "active") "," WHAT_IF_NODE("dora", "drained") "]}"
#define WHAT_IF_ROLES                                                                                        \
        DONE("{\"roles\":[" WHAT_IF_ROLE("db", "anna", "5", "") "," WHAT_IF_ROLE(                            \
                "web", "anna", "1", "") "," WHAT_IF_ROLE("mail", "bert", "0", "\"bert\"") "]}")
#define WHAT_IF_VOLUMES(more)                                                                                \
        DONE("{\"volumes\":[{\"name\":\"csv\",\"direct\":[\"anna\",\"bert\"" more "]}]}")
#define WHAT_IF_FENCES                                                                                       \
        DONE("{\"devices\":[{\"name\":\"ipmi\",\"agent\":\"fence_x\",\"nodes\":[\"anna\"],\"level\":1,"      \
             "\"together\":1,\"timeout_ms\":5000}]}")

static const struct answer what_if[] = { DONE(WHAT_IF_STATUS("0")), WHAT_IF_ROLES,
                                         WHAT_IF_VOLUMES(",\"cleo\""), WHAT_IF_FENCES };

START_TEST(what_if_says_who_would_run_where_and_what_could_not)
{
        ck_assert_int_eq(run("what-if --node-loss anna", what_if, 4), VERB_EXIT_DONE);
        ck_assert_uint_eq(asked, 4);
        ck_assert_ptr_nonnull(strstr(output, "Would run elsewhere:\n  db "));
        ck_assert_ptr_nonnull(strstr(output, "-> cleo"));
        ck_assert_ptr_nonnull(strstr(output, "Would not run:\n  web "));
        ck_assert_ptr_null(strstr(output, "mail"));

        ck_assert_int_eq(run("what-if --node-loss anna,bert --json", what_if, 4), VERB_EXIT_DONE);
        json_t *document = json_loads(output, JSON_REJECT_DUPLICATES, NULL);
        ck_assert_str_eq(json_string_value(json_object_get(document, "schema")), "clu/1");
        ck_assert(json_is_false(json_object_get(document, "quorate")));
        ck_assert_uint_eq(json_array_size(json_object_get(document, "not_running")), 3);
        json_decref(document);

        ck_assert_int_eq(run("what-if --node-loss otto", what_if, 4), VERB_EXIT_NO_OBJECT);
        ck_assert_int_eq(run("what-if", what_if, 4), VERB_EXIT_USAGE);
        ck_assert_int_eq(run("what-if --node-loss ,", what_if, 4), VERB_EXIT_USAGE);
        ck_assert_int_eq(run("what-if --node-loss anna", &(struct answer){ -ECONNREFUSED, NULL }, 1),
                         VERB_EXIT_UNREACHABLE);
}
END_TEST

START_TEST(what_if_knows_of_a_pause)
{
        static const struct answer paused[] = { DONE(WHAT_IF_STATUS("3600000")), WHAT_IF_ROLES,
                                                WHAT_IF_VOLUMES(",\"cleo\""), WHAT_IF_FENCES };
        ck_assert_int_eq(run("what-if --node-loss anna", paused, 4), VERB_EXIT_DONE);
        ck_assert_ptr_null(strstr(output, "Would run elsewhere"));
        ck_assert_ptr_nonnull(strstr(output, "Failover and fencing are paused"));
        ck_assert_ptr_nonnull(strstr(output, "Would not run:\n  db "));
}
END_TEST

START_TEST(what_if_knows_who_has_no_path_to_a_volume)
{
        static const struct answer lost[] = { DONE(WHAT_IF_STATUS("0")), WHAT_IF_ROLES, WHAT_IF_VOLUMES(""),
                                              WHAT_IF_FENCES };
        ck_assert_int_eq(run("what-if --node-loss anna", lost, 4), VERB_EXIT_DONE);
        ck_assert_ptr_null(strstr(output, "Would run elsewhere"));
        ck_assert_ptr_nonnull(strstr(output, "Would not run:\n  db "));
}
END_TEST

/* Of two nodes bert has the higher quorum priority. */
#define WHAT_IF_TWO(dynamic)                                                                                 \
        DONE("{\"settings\":{\"max_moves\":2,\"isolation_hold_ms\":10000,\"stop_grace_ms\":5000,"            \
             "\"watchdog_ms\":10000,\"margin_ms\":2000,\"dynamic_quorum\":" dynamic                          \
             "},\"nodes\":[" WHAT_IF_NODE("anna", "active") "," WHAT_IF_NODE(                                \
                     "bert", "active\",\"quorum_priority\":5,\"more\":\"") "]}")

START_TEST(what_if_knows_whether_votes_follow_and_which_of_two_votes)
{
        static const struct answer follow[] = { WHAT_IF_TWO("true"), WHAT_IF_ROLES, WHAT_IF_VOLUMES(""),
                                                WHAT_IF_FENCES };
        static const struct answer stay[] = { WHAT_IF_TWO("false"), WHAT_IF_ROLES, WHAT_IF_VOLUMES(""),
                                              WHAT_IF_FENCES };
        (void)run("what-if --node-loss anna --json", follow, 4);
        ck_assert_ptr_nonnull(strstr(output, "\"quorate\":true"));
        (void)run("what-if --node-loss bert --json", follow, 4);
        ck_assert_ptr_nonnull(strstr(output, "\"quorate\":false"));
        (void)run("what-if --node-loss anna --json", stay, 4);
        ck_assert_ptr_nonnull(strstr(output, "\"quorate\":false"));
}
END_TEST

START_TEST(what_if_says_what_the_daemon_said)
{
        static const struct answer refused[] = {
                DONE(WHAT_IF_STATUS("0")),
                { 0, "{\"schema\":\"clu/1\",\"exit\":1,\"error\":{\"message\":\"no memory\",\"remedy\":"
                     "\"look at the log\"}}" },
        };
        ck_assert_int_eq(run("what-if --node-loss anna", refused, 2), VERB_EXIT_FAILED);
        ck_assert_ptr_nonnull(strstr(output, "no memory"));
        ck_assert_ptr_nonnull(strstr(output, "look at the log"));
        ck_assert_int_eq(run("what-if --node-loss anna", &(struct answer){ -EACCES, NULL }, 1),
                         VERB_EXIT_REFUSED);
}
END_TEST

int main(void)
{
        TCase *tcase = tcase_create("what-if");
        tcase_add_test(tcase, what_if_says_who_would_run_where_and_what_could_not);
        tcase_add_test(tcase, what_if_knows_of_a_pause);
        tcase_add_test(tcase, what_if_knows_who_has_no_path_to_a_volume);
        tcase_add_test(tcase, what_if_knows_whether_votes_follow_and_which_of_two_votes);
        tcase_add_test(tcase, what_if_says_what_the_daemon_said);

        Suite *suite = suite_create("what-if");
        suite_add_tcase(suite, tcase);

        return suite_run(suite);
}
