/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clusterd/base/text.h"
#include "clusterd/protocol/verb.h"
#include "tests/unit/cli_fixture.h"
#include "tests/unit/suite_run.h"

/* What clu asks, prints, waits for and ends with. */

static const struct {
        const char *line;
        struct answer answer;
        int exit;
} exits[] = {
        { "role list", DONE("{\"roles\":[]}"), VERB_EXIT_DONE },
        { "role start vm01", FAIL("1", ""), VERB_EXIT_FAILED },
        { "role start", DONE("{}"), VERB_EXIT_USAGE },
        { "role start vm01", FAIL("3", ""), VERB_EXIT_REFUSED },
        { "role start vm01", FAIL("4", ""), VERB_EXIT_NO_QUORUM },
        { "role start vm01", FAIL("5", ""), VERB_EXIT_NO_OBJECT },
        { "role start vm01", { -ETIMEDOUT, NULL }, VERB_EXIT_TIMED_OUT },
        { "role start vm01", { -ECONNREFUSED, NULL }, VERB_EXIT_UNREACHABLE },
        { "role start vm01", { -ECONNRESET, NULL }, VERB_EXIT_UNREACHABLE },
        { "role start vm01", { -EACCES, NULL }, VERB_EXIT_REFUSED },
        { "role start vm01", { -EMSGSIZE, NULL }, VERB_EXIT_REFUSED },
        { "role start vm01", { 0, "gibberish" }, VERB_EXIT_FAILED },
        { "role start vm01", { 0, "{\"exit\":99}" }, VERB_EXIT_FAILED },
        { "role start vm01", { 0, "{\"exit\":-1}" }, VERB_EXIT_FAILED },
        { "role add vm01 --definition /no/such/file", DONE("{}"), VERB_EXIT_FAILED },
        { "role add vm01 --definition /dev/zero", DONE("{}"), VERB_EXIT_REFUSED },
        { "help", DONE("{}"), VERB_EXIT_DONE },
        { "help role", DONE("{}"), VERB_EXIT_DONE },
        { "role --help", DONE("{}"), VERB_EXIT_DONE },
        { "role move --help", DONE("{}"), VERB_EXIT_DONE },
        { "help --man", DONE("{}"), VERB_EXIT_DONE },
        { "completion bash", DONE("{}"), VERB_EXIT_DONE },
        { "--version", DONE("{}"), VERB_EXIT_DONE },
        { "", DONE("{}"), VERB_EXIT_USAGE },
};

START_TEST(ends_with_the_exit_of_section_9)
{
        int status = run(exits[_i].line, &exits[_i].answer, 1);
        ck_assert_msg(status == exits[_i].exit, "clu %s: exit %d, want %d: %s", exits[_i].line, status,
                      exits[_i].exit, output);
        ck_assert_msg(output[0] != '\0' || status == 0, "clu %s says nothing", exits[_i].line);
}
END_TEST

START_TEST(prints_exactly_one_document_of_json_also_for_errors)
{
        char line[256];
        if (exits[_i].line[0] == '\0' || strncmp(exits[_i].line, "role ", 5) != 0 ||
            strstr(exits[_i].line, "--help") != NULL)
                return;
        TEXT_PRINT(line, "%s --json", exits[_i].line);
        int status = run(line, &exits[_i].answer, 1);
        json_t *document = json_loads(output, JSON_REJECT_DUPLICATES, NULL);
        ck_assert_msg(document != NULL, "clu %s: not one document: %s", line, output);
        ck_assert_str_eq(json_string_value(json_object_get(document, "schema")), "clu/1");
        if (status != VERB_EXIT_DONE)
                ck_assert_int_eq(json_integer_value(json_object_get(document, "exit")), status);
        ck_assert_int_eq(json_object_get(document, "error") != NULL, status != VERB_EXIT_DONE);
        json_decref(document);
}
END_TEST

START_TEST(a_move_is_waited_for_and_its_end_told)
{
        int status = RUN("role move vm01 --node n2", DONE("{\"index\":42}"), DONE(ROLE("moving", "n1", "")),
                         { -ECONNREFUSED, NULL }, FAIL("4", ""), DONE(ROLE("moving", "n1", "")),
                         DONE(ROLE("online", "n2", MOVED("true"))));
        ck_assert_msg(status == VERB_EXIT_DONE, "%d: %s", status, output);
        ck_assert_uint_eq(asked, 6);
        ck_assert_str_eq(output, "vm01: moving from n1 to n2\nvm01: online on n2, moved in 3.2 s, guest not "
                                 "running for 84 ms\n");
}
END_TEST

START_TEST(a_storage_that_moved_says_what_somebody_measured)
{
        (void)RUN("role move vm01 --storage csv2", DONE("{\"index\":42}"),
                  DONE(ROLE("online", "n1", COPIED("none", "true", "42", "0"))));
        ck_assert_str_eq(output, "vm01: disk vda is /csv2/a, after 2.1 s, guest not running for 23 ms\n");
        (void)RUN("role move vm01 --storage csv2", DONE("{\"index\":42}"),
                  DONE(ROLE("offline", "n1",
                            ",\"copy\":{\"state\":\"clearing\",\"disk\":\"vda\",\"to\":\"/csv2/"
                            "a\",\"succeeded\":true,"
                            "\"duration_ms\":0,\"held_ms\":0,\"index\":42,\"text\":\"its guest ended "
                            "meanwhile\"}")));
        ck_assert_str_eq(output,
                         "vm01: disk vda is /csv2/a; its guest ended meanwhile; the other image goes when it "
                         "runs again\n");
}
END_TEST

START_TEST(a_move_that_failed_is_a_failure)
{
        int status = RUN("role move vm01 --node n2 --json", DONE("{\"index\":42}"),
                         DONE(ROLE("online", "n1", MOVED("false"))));
        ck_assert_int_eq(status, VERB_EXIT_FAILED);
        ck_assert_ptr_nonnull(strstr(output, "did not move"));
        /* the last move was before this one */
        status = RUN("role move vm01 --node n2", DONE("{\"index\":44}"),
                     DONE(ROLE("online", "n1", MOVED("true"))));
        ck_assert_int_eq(status, VERB_EXIT_FAILED);
}
END_TEST

#define VOLUME(state, third)                                                                                 \
        "{\"name\":\"csv1\",\"state\":\"" state "\",\"direct\":[\"n1\",\"n2\"],\"paths\":["                  \
        "{\"node\":\"n1\",\"state\":\"direct\",\"reason\":\"\"},"                                            \
        "{\"node\":\"n2\",\"state\":\"" third "\",\"reason\":\"it is not there\"}],\"roles\":[\"vm01\"],"    \
        "\"coordinator\":\"n2\",\"kind\":\"directory\",\"path\":\"/"                                         \
        "csv1\",\"free_bytes\":1048576,\"size_bytes\":21474836480,"                                          \
        "\"warning\":\"only 1 % of its space is free\",\"last_trouble\":null,"                               \
        "\"lease\":{\"state\":\"held\",\"for_ms\":12300,\"confirmed\":false,\"late\":false,\"error\":null}," \
        "\"renewing\":["                                                                                     \
        "\"n2\"]}"

START_TEST(a_volume_is_waited_for_until_it_is_proven)
{
        int status = RUN("volume add csv1 --kind directory --path /csv1", DONE("{\"index\":42}"),
                         DONE(VOLUME("proving", "unknown")), DONE(VOLUME("ready", "direct")));
        ck_assert_msg(status == VERB_EXIT_DONE, "%d: %s", status, output);
        ck_assert_str_eq(output, "csv1: being proven; not yet by n2\ncsv1: ready on n1 n2\n");
        status = RUN("volume maintenance off csv1", DONE("{\"index\":42}"),
                     DONE(VOLUME("proving", "unknown")), DONE(VOLUME("maintenance", "unknown")));
        ck_assert_int_eq(status, VERB_EXIT_FAILED);
        status = RUN("volume add csv1 --kind directory --path /csv1", DONE("{\"index\":42}"), FAIL("3", ""));
        ck_assert_int_eq(status, VERB_EXIT_REFUSED);
}
END_TEST

START_TEST(a_volume_is_shown_with_its_paths_and_what_it_lacks)
{
        ck_assert_int_eq(RUN("volume show csv1", DONE(VOLUME("ready", "lost"))), VERB_EXIT_DONE);
        ck_assert_str_eq(output,
                         "Volume csv1 is ready\n"
                         "  kind         directory\n"
                         "  path         /csv1\n"
                         "  free         1 MiB of 20.0 GiB\n"
                         "  coordinator  n2\n"
                         "  paths        n1: direct\n"
                         "               n2: lost, it is not there\n"
                         "  lease        held here for 12.3 s, not confirmed by contact yet; renewed by n2\n"
                         "  roles        vm01\n"
                         "Warning: only 1 % of its space is free\n");
        ck_assert_int_eq(RUN("volume list", DONE("{\"volumes\":[" VOLUME("ready", "lost") "]}")),
                         VERB_EXIT_DONE);
        ck_assert_ptr_nonnull(strstr(output, "csv1"));
        ck_assert_ptr_nonnull(strstr(output, "only 1 %"));
}
END_TEST

START_TEST(waiting_ends_at_the_timeout_with_exit_6)
{
        int status =
                RUN("role move vm01 --timeout 1", DONE("{\"index\":42}"), DONE(ROLE("moving", "n1", "")));
        ck_assert_int_eq(status, VERB_EXIT_TIMED_OUT);
        ck_assert_ptr_nonnull(strstr(output, "it goes on"));
}
END_TEST

START_TEST(no_wait_and_plan_ask_once)
{
        ck_assert_int_eq(RUN("role move vm01 --no-wait", DONE("{\"index\":42}")), VERB_EXIT_DONE);
        ck_assert_uint_eq(asked, 1);
        ck_assert_int_eq(
                RUN("role move vm01 --plan", DONE("{\"steps\":[{\"command\":\"role-move\",\"subject\":\"role:"
                                                  "vm01\",\"from\":\"n1\",\"to\":\"n2\","
                                                  "\"reason\":\"asked\"}],\"cut\":false}")),
                VERB_EXIT_DONE);
        ck_assert_uint_eq(asked, 1);
        ck_assert_str_eq(output,
                         "  1. role-move role:vm01 from n1 to n2: asked\nNothing has been changed.\n");
        ck_assert_ptr_nonnull(strstr(last_request, "\"plan\":true"));
}
END_TEST

START_TEST(asks_again_what_may_be_asked_again)
{
        int status = RUN("cluster set --max-moves 3", FAIL("4", ",\"retry\":true"),
                         FAIL("1", ",\"retry\":true"), DONE("{\"index\":7}"));
        ck_assert_int_eq(status, VERB_EXIT_DONE);
        ck_assert_uint_eq(asked, 3);
        status = RUN("cluster set --max-moves 3", FAIL("4", ""), DONE("{\"index\":7}"));
        ck_assert_int_eq(status, VERB_EXIT_NO_QUORUM);
        ck_assert_uint_eq(asked, 1);
}
END_TEST

START_TEST(sends_what_was_typed)
{
        (void)RUN("role set vm01 --preferred n2,n1 --priority -4 --note x", DONE("{\"index\":7}"));
        ck_assert_str_eq(
                last_request,
                "{\"verb\":\"role.set\",\"arguments\":{\"name\":\"vm01\",\"preferred\":[\"n2\",\"n1\"],"
                "\"priority\":-4,\"note\":\"x\"},\"plan\":false}");
        (void)RUN("fence add f1 --agent fence_x --nodes n1 --option a=b --option c=d --no-wait",
                  DONE("{\"index\":7}"));
        ck_assert_ptr_nonnull(strstr(last_request, "\"option\":[\"a=b\",\"c=d\"]"));
}
END_TEST

START_TEST(reads_a_password_from_standard_input)
{
        int ends[2], keep = dup(0);
        ck_assert_int_eq(pipe(ends), 0);
        ck_assert_int_eq(write(ends[1], "s3cret\nsecond\n", 14), 14);
        (void)close(ends[1]);
        (void)dup2(ends[0], 0);
        (void)RUN("fence add f1 --agent fence_x --nodes n1 --option password=- --no-wait",
                  DONE("{\"index\":7}"));
        ck_assert_ptr_nonnull(strstr(last_request, "password=s3cret"));
        ck_assert_ptr_null(strstr(output, "s3cret"));
        (void)RUN("volume add san --kind iscsi --portal h --target iqn.a --user u --no-wait",
                  DONE("{\"index\":7}"));
        ck_assert_ptr_nonnull(strstr(last_request, "\"password\":\"second\",\"user\":\"u\""));
        ck_assert_int_eq(RUN("fence add f1 --agent fence_x --nodes n1 --option password=- --no-wait",
                             DONE("{\"index\":7}")),
                         VERB_EXIT_FAILED);
        (void)dup2(keep, 0);
}
END_TEST

START_TEST(quorum_show_says_what_each_loss_means)
{
        ck_assert_int_eq(
                RUN("quorum show",
                    DONE("{\"quorate\":true,\"dynamic\":true,\"spare\":0,\"votes\":{\"present\":1,"
                         "\"expected\":1,"
                         "\"needed\":1},\"voters\":[\"n1\"],\"voters_before\":[\"n1\",\"n2\"],\"nodes\":["
                         "{\"name\":\"n1\",\"vote\":true,\"priority\":0,\"seen\":\"here\",\"if_lost\":"
                         "\"lost\","
                         "\"voters_then\":null},{\"name\":\"n2\",\"vote\":false,\"priority\":3,\"seen\":"
                         "\"here\","
                         "\"if_lost\":\"holds\",\"voters_then\":[\"n1\"]}],\"text\":[\"n1 may not be "
                         "lost\"]}")),
                VERB_EXIT_DONE);
        ck_assert_ptr_nonnull(strstr(output, "quorate: 1 of 1 votes, 1 needed; votes follow the losses\n"));
        ck_assert_ptr_nonnull(strstr(output, "Votes are changing: from n1 n2 to n1\n"));
        ck_assert_ptr_nonnull(strstr(output, "quorum is lost"));
        ck_assert_ptr_nonnull(strstr(output, "the others go on"));
        ck_assert_ptr_nonnull(strstr(output, "\nn1 may not be lost\n"));
        ck_assert_int_eq(
                RUN("node drain n1 --plan",
                    DONE("{\"steps\":[],\"cut\":false,\"quorum\":{\"before\":\"this\",\"after\":\"that\"}}")),
                VERB_EXIT_DONE);
        ck_assert_ptr_nonnull(strstr(output, "Quorum now: this\nQuorum then: that\n"));
        ck_assert_int_eq(
                RUN("node drain n1 --no-wait",
                    DONE("{\"steps\":[],\"cut\":false,\"quorum\":{\"before\":\"this\",\"after\":\"that\"}}"),
                    DONE("{\"index\":7}")),
                VERB_EXIT_DONE);
        ck_assert_uint_eq(asked, 2);
        ck_assert_ptr_nonnull(strstr(last_request, "\"plan\":false"));
        ck_assert_ptr_nonnull(strstr(output, "Quorum now: this\nQuorum then: that\nnode drain n1: done"));
        ck_assert_int_eq(RUN("node drain n1 --no-wait --json", DONE("{\"index\":7}")), VERB_EXIT_DONE);
        ck_assert_uint_eq(asked, 1);
        ck_assert_int_eq(RUN("node evict n1 --no-wait --yes", FAIL("3", "")), VERB_EXIT_REFUSED);
        ck_assert_ptr_null(strstr(output, "Quorum"));
}
END_TEST

START_TEST(tables_in_a_pipe_are_not_cut)
{
        static char reason[160], text[1024];
        memset(reason, 'r', sizeof(reason) - 1);
        TEXT_PRINT(text,
                   "{\"schema\":\"clu/"
                   "1\",\"exit\":0,\"result\":{\"roles\":[{\"name\":\"vm01\",\"state\":\"online\",\"owner\":"
                   "null,"
                   "\"reason\":\"%s\"}]}}",
                   reason);
        ck_assert_int_eq(RUN("role list", { 0, text }), VERB_EXIT_DONE);
        ck_assert_ptr_nonnull(strstr(output, reason));
        ck_assert_ptr_null(strchr(output, '\033'));
}
END_TEST

START_TEST(ledger_entries_come_page_by_page)
{
        int status = RUN("ledger list --from 1 --limit 3 --json",
                         DONE("{\"applied\":9,\"entries\":[{\"index\":1},{\"index\":2}]}"),
                         DONE("{\"applied\":9,\"entries\":[{\"index\":3}]}"));
        ck_assert_int_eq(status, VERB_EXIT_DONE);
        ck_assert_ptr_nonnull(strstr(last_request, "\"from\":3,\"limit\":1"));
        ck_assert_ptr_nonnull(strstr(output, "{\"index\":3}"));
}
END_TEST

int main(void)
{
        TCase *tcase = tcase_create("cli");
        tcase_add_loop_test(tcase, ends_with_the_exit_of_section_9, 0,
                            (int)(sizeof(exits) / sizeof(exits[0])));
        tcase_add_loop_test(tcase, prints_exactly_one_document_of_json_also_for_errors, 0,
                            (int)(sizeof(exits) / sizeof(exits[0])));
        tcase_add_test(tcase, a_move_is_waited_for_and_its_end_told);
        tcase_add_test(tcase, a_storage_that_moved_says_what_somebody_measured);
        tcase_add_test(tcase, a_move_that_failed_is_a_failure);
        tcase_add_test(tcase, a_volume_is_waited_for_until_it_is_proven);
        tcase_add_test(tcase, a_volume_is_shown_with_its_paths_and_what_it_lacks);
        tcase_add_test(tcase, waiting_ends_at_the_timeout_with_exit_6);
        tcase_add_test(tcase, no_wait_and_plan_ask_once);
        tcase_add_test(tcase, asks_again_what_may_be_asked_again);
        tcase_add_test(tcase, sends_what_was_typed);
        tcase_add_test(tcase, reads_a_password_from_standard_input);
        tcase_add_test(tcase, quorum_show_says_what_each_loss_means);
        tcase_add_test(tcase, tables_in_a_pipe_are_not_cut);
        tcase_add_test(tcase, ledger_entries_come_page_by_page);

        Suite *suite = suite_create("cli");
        suite_add_tcase(suite, tcase);

        return suite_run(suite);
}
