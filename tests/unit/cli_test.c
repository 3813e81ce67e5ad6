/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/command.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/ipc_client.h"
#include "cli/settle.h"
#include "clusterd/base/text.h"
#include "clusterd/protocol/verb.h"

/*
 * clu against a daemon that answers from a list: ipc_call below takes the place
 * of the real one. The last answer is given again and again.
 */

struct answer {
        int error;
        const char *text;
};

static const struct answer *answers;
static size_t answer_count, asked;
static char last_request[8192];

int ipc_call(const char *service, const char *text, size_t bytes, int timeout_ms, char **ret_reply,
             size_t *ret_bytes)
{
        const struct answer *answer = &answers[asked < answer_count ? asked : answer_count - 1];
        (void)service;
        ck_assert_int_gt(timeout_ms, 0);
        ck_assert_uint_lt(bytes, sizeof(last_request));
        memcpy(last_request, text, bytes + 1);
        asked++;
        if (answer->error < 0)
                return answer->error;
        *ret_reply = strdup(answer->text);
        *ret_bytes = strlen(answer->text);
        return 0;
}

static char output[65536]; /* of both streams */

/* Runs a line of words and keeps what it printed. */
static int run(const char *line, const struct answer *list, size_t count)
{
        char copy[512], path[] = "/tmp/clu-test-XXXXXX";
        const char *words[32];
        int word_count = 0, file = mkstemp(path), out = dup(1), err = dup(2);

        ck_assert_int_ge(file, 0);
        (void)unlink(path);
        TEXT_COPY(copy, line);
        for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " "))
                words[word_count++] = word;
        answers = list;
        answer_count = count;
        asked = 0;
        (void)fflush(NULL);
        (void)dup2(file, 1);
        (void)dup2(file, 2);
        int status = command_run(word_count, words);
        (void)fflush(NULL);
        (void)dup2(out, 1);
        (void)dup2(err, 2);
        ssize_t bytes = pread(file, output, sizeof(output) - 1, 0);
        output[bytes < 0 ? 0 : bytes] = '\0';
        (void)close(file);
        (void)close(out);
        (void)close(err);
        return status;
}

#define RUN(line, ...)                                                                                       \
        run((line), (const struct answer[]){ __VA_ARGS__ },                                                  \
            sizeof((const struct answer[]){ __VA_ARGS__ }) / sizeof(struct answer))

#define DONE(result)                                                                                         \
        {                                                                                                    \
                0, "{\"schema\":\"clu/1\",\"exit\":0,\"result\":" result "}"                                 \
        }
#define FAIL(code, more)                                                                                     \
        {                                                                                                    \
                0, "{\"schema\":\"clu/1\",\"exit\":" code                                                    \
                   ",\"error\":{\"message\":\"so it is\",\"rule\":\"rule 7\"" more "}}"                      \
        }
#define ROLE(state, owner, more)                                                                             \
        "{\"name\":\"vm01\",\"state\":\"" state "\",\"owner\":\"" owner                                      \
        "\",\"target\":\"n2\",\"desired\":\"running\","                                                      \
        "\"generation\":4,\"reason\":\"because\",\"retry_ms\":0,\"since\":{\"index\":50}" more "}"
#define MOVED(succeeded)                                                                                     \
        ",\"last_move\":{\"from\":\"n1\",\"to\":\"n2\",\"succeeded\":" succeeded                             \
        ",\"duration_ms\":3210,\"downtime_ms\":84,"                                                          \
        "\"index\":44}"
#define COPIED(state, succeeded, index, abort_index)                                                         \
        ",\"copy\":{\"state\":\"" state "\",\"disk\":\"vda\",\"from\":\"/csv1/a\",\"to\":\"/csv2/a\","       \
        "\"succeeded\":" succeeded ",\"duration_ms\":2100,\"held_ms\":23,\"index\":" index                   \
        ",\"abort_index\":" abort_index ",\"text\":\"\"}"

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

/* What the document of a role or node says about the work of a verb that is entry 42. */
#define SHUTTING_DOWN(state, duty, how)                                                                      \
        "{\"name\":\"n1\",\"state\":\"" state "\",\"duty\":\"" duty "\",\"roles\":0,\"shut_down\":" how "}"
#define TESTED(state, level, failed)                                                                         \
        "{\"name\":\"n1\",\"state\":\"" state "\",\"test\":{\"level\":" level                                \
        ",\"step\":\"on\",\"failed\":" failed "}}"

#define AGENTS(agent, level, missing)                                                                        \
        "{\"name\":\"f1\",\"agent\":\"fence_x\",\"missing\":[" missing                                       \
        "],\"agents\":[{\"node\":\"n2\",\"agent\":\"" agent "\",\"level\":" level "}]}"

static const struct {
        enum verb_id verb;
        const char *document;
        enum settle_state want;
} settles[] = {
        { VERB_ROLE_ADD, ROLE("starting", "n1", ""), SETTLE_GOES_ON },
        { VERB_ROLE_ADD, ROLE("online", "n1", ""), SETTLE_DONE },
        { VERB_ROLE_ADD, "{\"name\":\"a\",\"state\":\"offline\",\"desired\":\"stopped\"}", SETTLE_DONE },
        { VERB_ROLE_START, "{\"name\":\"a\",\"state\":\"offline\",\"desired\":\"running\"}", SETTLE_GOES_ON },
        { VERB_ROLE_START,
          "{\"name\":\"a\",\"state\":\"failed\",\"retry_ms\":30000,\"since\":{\"index\":41}}",
          SETTLE_GOES_ON },
        { VERB_ROLE_START,
          "{\"name\":\"a\",\"state\":\"failed\",\"retry_ms\":30000,\"since\":{\"index\":43}}",
          SETTLE_FAILED },
        { VERB_ROLE_START, "{\"name\":\"a\",\"state\":\"failed\",\"retry_ms\":1000,\"since\":{\"index\":43}}",
          SETTLE_GOES_ON },
        { VERB_ROLE_STOP, ROLE("online", "n1", ""), SETTLE_FAILED },
        { VERB_ROLE_STOP, "{\"name\":\"a\",\"state\":\"stopping\",\"desired\":\"stopped\",\"owner\":\"n1\"}",
          SETTLE_GOES_ON },
        { VERB_ROLE_STOP, "{\"name\":\"a\",\"state\":\"offline\",\"desired\":\"stopped\"}", SETTLE_DONE },
        { VERB_ROLE_MOVE, ROLE("recovering", "n1", ""), SETTLE_GOES_ON },
        { VERB_ROLE_MOVE, ROLE("online", "n2", MOVED("true")), SETTLE_DONE },
        { VERB_ROLE_MOVE, ROLE("online", "n1", MOVED("false")), SETTLE_FAILED },
        { VERB_ROLE_MOVE, ROLE("online", "n2", ""), SETTLE_DONE }, /* OCF agents */
        { VERB_ROLE_MOVE, ROLE("online", "n3", ""), SETTLE_FAILED },
        { VERB_ROLE_MOVE, "{\"name\":\"a\",\"state\":\"offline\",\"desired\":\"running\"}", SETTLE_GOES_ON },
        { VERB_ROLE_MOVE, "{\"name\":\"a\",\"state\":\"offline\",\"desired\":\"stopped\"}", SETTLE_FAILED },
        { VERB_ROLE_MOVE, ROLE("online", "n1", COPIED("running", "false", "42", "0")), SETTLE_GOES_ON },
        { VERB_ROLE_MOVE, ROLE("online", "n1", COPIED("none", "true", "42", "0")), SETTLE_DONE },
        { VERB_ROLE_MOVE, ROLE("online", "n1", COPIED("none", "false", "42", "0")), SETTLE_FAILED },
        { VERB_ROLE_MOVE, ROLE("online", "n1", COPIED("clearing", "true", "42", "0")), SETTLE_GOES_ON },
        { VERB_ROLE_MOVE, ROLE("offline", "n1", COPIED("clearing", "true", "42", "0")), SETTLE_DONE },
        { VERB_ROLE_MOVE, ROLE("failed", "n1", COPIED("clearing", "false", "42", "0")), SETTLE_FAILED },
        { VERB_ROLE_MOVE, ROLE("recovering", "n1", COPIED("switching", "false", "42", "0")), SETTLE_GOES_ON },
        { VERB_ROLE_MOVE, ROLE("online", "n1", COPIED("running", "false", "40", "42")), SETTLE_GOES_ON },
        { VERB_ROLE_MOVE, ROLE("online", "n1", COPIED("none", "false", "40", "42")), SETTLE_DONE },
        { VERB_ROLE_MOVE, ROLE("online", "n1", COPIED("none", "true", "40", "42")), SETTLE_FAILED },
        { VERB_NODE_DRAIN, "{\"name\":\"n1\",\"state\":\"draining\",\"duty\":\"draining\",\"roles\":2}",
          SETTLE_GOES_ON },
        { VERB_NODE_DRAIN, "{\"name\":\"n1\",\"state\":\"drained\",\"duty\":\"drained\",\"roles\":0}",
          SETTLE_DONE },
        { VERB_NODE_DRAIN, "{\"name\":\"n1\",\"state\":\"up\",\"duty\":\"active\",\"roles\":0}",
          SETTLE_FAILED },
        { VERB_NODE_SHUT_DOWN, SHUTTING_DOWN("draining", "draining", "\"off\""), SETTLE_GOES_ON },
        { VERB_NODE_SHUT_DOWN, SHUTTING_DOWN("drained", "drained", "\"off\""), SETTLE_GOES_ON },
        { VERB_NODE_SHUT_DOWN, SHUTTING_DOWN("down", "drained", "\"off\""), SETTLE_DONE },
        { VERB_NODE_SHUT_DOWN, SHUTTING_DOWN("drained", "drained", "null"), SETTLE_DONE },
        { VERB_NODE_SHUT_DOWN, SHUTTING_DOWN("up", "active", "null"), SETTLE_FAILED },
        { VERB_NODE_RESUME, "{\"name\":\"n1\",\"state\":\"up\",\"duty\":\"active\",\"returning\":1}",
          SETTLE_GOES_ON },
        { VERB_NODE_RESUME, "{\"name\":\"n1\",\"state\":\"up\",\"duty\":\"active\",\"returning\":0}",
          SETTLE_DONE },
        { VERB_NODE_FENCE, "{\"name\":\"n1\",\"state\":\"lost\"}", SETTLE_GOES_ON },
        { VERB_FENCE_TEST, TESTED("lost", "1", "0"), SETTLE_GOES_ON },
        { VERB_FENCE_TEST, TESTED("down", "2", "1"), SETTLE_GOES_ON },
        { VERB_FENCE_TEST, TESTED("down", "null", "0"), SETTLE_GOES_ON },
        { VERB_FENCE_TEST, TESTED("isolated", "null", "0"), SETTLE_GOES_ON },
        { VERB_FENCE_TEST, TESTED("down", "null", "1"), SETTLE_FAILED },
        { VERB_FENCE_TEST, TESTED("up", "null", "0"), SETTLE_DONE },
        { VERB_FENCE_ADD, AGENTS("unknown", "true", ""), SETTLE_GOES_ON },
        { VERB_FENCE_ADD, AGENTS("unknown", "false", ""), SETTLE_DONE },
        { VERB_FENCE_ADD, AGENTS("installed", "true", ""), SETTLE_DONE },
        { VERB_FENCE_ADD, AGENTS("missing", "true", "\"n2\""), SETTLE_DONE },
        { VERB_NODE_POWER_ON, TESTED("down", "2", "1"), SETTLE_GOES_ON },
        { VERB_NODE_POWER_ON, TESTED("down", "null", "0"), SETTLE_GOES_ON },
        { VERB_NODE_POWER_ON, TESTED("down", "null", "1"), SETTLE_FAILED },
        { VERB_NODE_POWER_ON, TESTED("up", "null", "0"), SETTLE_DONE },
        { VERB_NODE_FENCE, "{\"name\":\"n1\",\"state\":\"isolated\"}", SETTLE_GOES_ON },
        { VERB_NODE_EVICT, "{\"name\":\"n1\",\"state\":\"evicted\",\"voter\":true}", SETTLE_GOES_ON },
        { VERB_NODE_EVICT, "{\"name\":\"n1\",\"state\":\"evicted\",\"voter\":false}", SETTLE_DONE },
        { VERB_NODE_EVICT, "{\"name\":\"n1\",\"state\":\"up\",\"voter\":false}", SETTLE_FAILED },
        { VERB_NODE_FENCE, "{\"name\":\"n1\",\"state\":\"down\",\"evidence\":{\"kind\":\"powered-off\"}}",
          SETTLE_DONE },
};

START_TEST(knows_when_work_has_settled)
{
        struct settle_verdict verdict;
        json_t *document = json_loads(settles[_i].document, 0, NULL);
        ck_assert_ptr_nonnull(document);
        settle_read(verb_by_id(settles[_i].verb), document,
                    &(struct settle_goal){ .index = 42, .roles_before = 4, .target = "n2" }, &verdict);
        ck_assert_msg(verdict.state == settles[_i].want, "%s: %d, want %d: %s", settles[_i].document,
                      (int)verdict.state, (int)settles[_i].want, verdict.text);
        ck_assert(verdict.text[0] != '\0');
        json_decref(document);
}
END_TEST

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
        TCase *tcase = tcase_create("cli");
        tcase_add_test(tcase, what_if_says_who_would_run_where_and_what_could_not);
        tcase_add_test(tcase, what_if_knows_of_a_pause);
        tcase_add_test(tcase, what_if_knows_who_has_no_path_to_a_volume);
        tcase_add_test(tcase, what_if_knows_whether_votes_follow_and_which_of_two_votes);
        tcase_add_test(tcase, what_if_says_what_the_daemon_said);
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
        tcase_add_loop_test(tcase, knows_when_work_has_settled, 0,
                            (int)(sizeof(settles) / sizeof(settles[0])));

        Suite *suite = suite_create("cli");
        suite_add_tcase(suite, tcase);

        SRunner *runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        int failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
