/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <stdlib.h>

#include "clusterd/base/text.h"
#include "clusterd/core/apply.h"
#include "tests/unit/core_fixture.h"
#include "tests/unit/suite_run.h"

/* What a forced epoch does to the model, and what proves those who were forced out. */

static struct story story;

static void begin(void)
{
        story_begin(&story);
        for (uint32_t node = 1; node <= 3; node++)
                story_join(&story, node, 1);
        story.model->settings.voters = 7;
}

static void end(void)
{
        story_end(&story);
}

static void force(uint32_t leader)
{
        struct command command = { .kind = COMMAND_EPOCH };
        command.epoch.leader = leader;
        command.epoch.forced = UINT64_C(1) << 40;
        text_copy(command.epoch.forced_by, ACTOR_BYTES, "uid 0");
        ck_assert_int_eq(story_apply(&story, leader, &command), APPLY_DONE);
}

START_TEST(its_leader_alone_votes)
{
        struct settings *settings = &story.model->settings;
        settings->witness = (struct witness){ .kind = WITNESS_SHARE, .identity = 5 };
        settings->voters_witness = 5;
        force(3);
        ck_assert_uint_eq(settings->voters, node_set_of(3));
        ck_assert_uint_eq(settings->voters_witness, 0);
        ck_assert_int_eq(settings->witness.kind, WITNESS_NONE);
        ck_assert_uint_eq(settings->forced_epoch, UINT64_C(1) << 40);
        ck_assert_str_eq(settings->forced_by, "uid 0");
}
END_TEST

START_TEST(the_others_are_lost_and_unproven)
{
        story_online(&story, "vm01", 1);
        story_lost(&story, 2);
        ck_assert_int_eq(the_node(&story, 2)->state, NODE_DOWN);
        force(3);
        ck_assert_uint_eq(model_unproven(story.model), node_set_of(1) | node_set_of(2));
        ck_assert_int_eq(the_node(&story, 2)->state, NODE_LOST); /* who knows what it runs over there */
        ck_assert_int_eq(the_node(&story, 3)->state, NODE_UP);
        ck_assert(!the_node(&story, 3)->forced_out);
        ck_assert_int_eq(model_role(story.model, "vm01")->state, ROLE_RECOVERING);
}
END_TEST

START_TEST(the_expiry_of_their_guard_proves_nothing)
{
        story_online(&story, "vm01", 1);
        force(3);
        ck_assert_int_eq(story_evidence(&story, 1, EVIDENCE_GUARD_EXPIRED), APPLY_REFUSED);
        ck_assert(strstr(story.apply.reason, "forced without n1") != NULL);
        ck_assert_int_eq(story_evidence(&story, 1, EVIDENCE_POWERED_OFF), APPLY_DONE);
        ck_assert_uint_eq(model_unproven(story.model), node_set_of(2));
        ck_assert_int_eq(story_node(&story, COMMAND_NODE_CONFIRM_OFF, 2), APPLY_DONE);
        ck_assert_uint_eq(model_unproven(story.model), 0);
        ck_assert(the_node(&story, 1)->forced_out); /* until it is back */
}
END_TEST

START_TEST(who_joins_is_back)
{
        force(3);
        story_join(&story, 1, 1);
        ck_assert(!the_node(&story, 1)->forced_out);
        ck_assert_int_eq(the_node(&story, 1)->state, NODE_UP);
        ck_assert_uint_eq(model_unproven(story.model), node_set_of(2));
}
END_TEST

START_TEST(who_was_evicted_is_not_waited_for)
{
        story_lost(&story, 1);
        ck_assert_int_eq(story_node(&story, COMMAND_NODE_EVICT, 1), APPLY_DONE);
        force(3);
        ck_assert_uint_eq(model_unproven(story.model), node_set_of(2));
}
END_TEST

START_TEST(no_history_takes_the_command_itself)
{
        struct command command = { .kind = COMMAND_QUORUM_FORCE };
        ck_assert_int_eq(story_apply(&story, 3, &command), APPLY_REFUSED);
        ck_assert_uint_eq(story.model->settings.voters, 7);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("force");
        TCase *tcase = tcase_create("force");
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, its_leader_alone_votes);
        tcase_add_test(tcase, the_others_are_lost_and_unproven);
        tcase_add_test(tcase, the_expiry_of_their_guard_proves_nothing);
        tcase_add_test(tcase, who_joins_is_back);
        tcase_add_test(tcase, who_was_evicted_is_not_waited_for);
        tcase_add_test(tcase, no_history_takes_the_command_itself);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
