/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/explain.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/core_fixture.h"
#include "tests/unit/suite_run.h"

/* What a role is said to wait for is so. n1 runs vm01; n1 and n2 have no fence devices. */

static struct story story;

static void begin(void)
{
        story_begin(&story);
        for (uint32_t node = 1; node <= 3; node++)
                story_join_with(&story, node, 4096, true);
        story_online(&story, "vm01", 1);
}

static void end(void)
{
        story_end(&story);
}

static void ck_waits_for(const char *words)
{
        char reason[REASON_BYTES];
        ck_assert(role_explain_wait(story.model, model_role(story.model, "vm01"), reason));
        ck_assert_msg(strstr(reason, words) != NULL, "'%s' lacks '%s'", reason, words);
}

static void ck_waits_for_nothing(void)
{
        char reason[REASON_BYTES];
        ck_assert(!role_explain_wait(story.model, model_role(story.model, "vm01"), reason));
}

START_TEST(a_guard_that_never_lapses_is_not_waited_for)
{
        story_lost(&story, 1);
        ck_waits_for("n1 runs it no more; its guard has to expire");
        story_node(&story, COMMAND_NODE_FENCE, 1); /* in contact, for all we know */
        ck_waits_for("clu node confirm-off");
}
END_TEST

START_TEST(a_node_that_is_back_speaks_for_itself)
{
        story_lost(&story, 1);
        story_join_with(&story, 1, 4096, true);
        ck_assert_int_eq(model_role(story.model, "vm01")->state, ROLE_RECOVERING);
        ck_waits_for("n1 runs it no more; it is up and has to say so itself");
}
END_TEST

START_TEST(a_move_says_which_end_it_waits_for)
{
        story_move(&story, "vm01", 2);
        ck_waits_for_nothing();
        story_lost(&story, 2);
        ck_waits_for("n2 runs it no more; its guard has to expire");
        story_lost(&story, 1);
        ck_waits_for("n1 runs it no more; its guard has to expire");
        story_evidence(&story, 1, EVIDENCE_POWERED_OFF);
        ck_waits_for("n2 runs it no more; its guard has to expire");
        story_evidence(&story, 2, EVIDENCE_POWERED_OFF);
        ck_assert_int_eq(model_role(story.model, "vm01")->state, ROLE_RECOVERING);
        ck_waits_for_nothing();
}
END_TEST

START_TEST(a_pause_holds_up_whoever_is_lost)
{
        struct command pause = { .kind = COMMAND_CLUSTER_PAUSE };
        pause.cluster_pause.for_ms = 60000;
        story_apply(&story, 1, &pause);
        ck_waits_for_nothing();
        story_move(&story, "vm01", 2);
        story_lost(&story, 2);
        ck_waits_for("failover is paused");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("explain");
        TCase *tcase = tcase_create("waits");
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, a_guard_that_never_lapses_is_not_waited_for);
        tcase_add_test(tcase, a_node_that_is_back_speaks_for_itself);
        tcase_add_test(tcase, a_move_says_which_end_it_waits_for);
        tcase_add_test(tcase, a_pause_holds_up_whoever_is_lost);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
