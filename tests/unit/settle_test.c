/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/settle.h"

#include <check.h>
#include <jansson.h>
#include <stdlib.h>

#include "clusterd/protocol/verb.h"
#include "tests/unit/cli_fixture.h"
#include "tests/unit/suite_run.h"

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
        { VERB_NODE_DRAIN,
          "{\"name\":\"n1\",\"state\":\"draining\",\"duty\":\"draining\",\"roles\":0,\"exports\":[\"vm01\"]}",
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

int main(void)
{
        TCase *tcase = tcase_create("settle");
        tcase_add_loop_test(tcase, knows_when_work_has_settled, 0,
                            (int)(sizeof(settles) / sizeof(settles[0])));

        Suite *suite = suite_create("settle");
        suite_add_tcase(suite, tcase);

        return suite_run(suite);
}
