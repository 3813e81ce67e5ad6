/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "clusterd/core/plan.h"
#include "tests/unit/core_desk.h"
#include "tests/unit/suite_run.h"

/* Fence devices are tested for real: node 2 is turned off and on by each level of them. */

static struct desk desk;

static void begin(void)
{
        desk_begin(&desk);
        desk_view(&desk, node_set_of(2));
}

static void end(void)
{
        desk_end(&desk);
}

static void add_at_level(const char *name, uint32_t level, uint32_t together)
{
        desk_add_device(&desk, name, node_set_of(1) | node_set_of(2), level, together);
}

static struct command test_of(uint32_t node, bool force)
{
        struct command command = { .kind = COMMAND_FENCE_TEST };
        command.fence_test.node = node;
        command.fence_test.force = force;
        return command;
}

static enum reply_outcome ask_test(uint32_t node, bool force)
{
        struct command command = test_of(node, force);
        return desk_ask(&desk, &command);
}

static const struct node *tested(void)
{
        return model_node(cluster_model(desk.cluster), 2);
}

/* The next agent's order; what it is to do must be this. Returns its attempt. */
static uint64_t take(const char *device, bool on)
{
        const struct cluster_action *action = desk_take(&desk, CLUSTER_ACTION_FENCE);
        if (action == NULL) {
                desk_wait(&desk, 5000); /* the pause between two levels */
                action = desk_take(&desk, CLUSTER_ACTION_FENCE);
        }
        ck_assert_msg(action != NULL, "%s was not started", device);
        ck_assert_uint_eq(action->fence.node, 2);
        ck_assert_int_eq(action->fence.on, on);
        return action->fence.attempt;
}

static void turn(const char *device, bool on, bool succeeded)
{
        desk_fence_done(&desk, take(device, on), 2, device, succeeded);
        desk_wait(&desk, 10);
}

START_TEST(each_level_turns_it_off_and_on_and_it_joins_afterwards)
{
        add_at_level("bmc", 1, 1);
        add_at_level("strip", 3, 1);
        ck_assert_int_eq(ask_test(2, false), REPLY_DONE);
        ck_assert_int_eq(tested()->state, NODE_LOST);
        turn("bmc", false, true);
        ck_assert_int_eq(tested()->state, NODE_DOWN);
        ck_assert_int_eq(tested()->evidence.kind, EVIDENCE_POWERED_OFF);
        ck_assert_str_eq(tested()->evidence.text, "bmc");
        turn("bmc", true, true);
        ck_assert_uint_eq(tested()->test_level, 3);
        turn("strip", false, true);
        turn("strip", true, true);
        ck_assert_uint_eq(tested()->test_level, 0);
        ck_assert_uint_eq(tested()->test_failed, 0);
        ck_assert_str_eq(tested()->reason, "its fence devices have been tested");
        ck_assert_ptr_null(desk_take(&desk, CLUSTER_ACTION_FENCE));
        desk_view(&desk, 0);
        desk_view(&desk, node_set_of(2));
        ck_assert_int_eq(tested()->state, NODE_UP);
}
END_TEST

static enum reply_outcome ask_power_on(void)
{
        struct command command = test_of(2, false);
        command.fence_test.on_only = true;
        return desk_ask(&desk, &command);
}

/* By every level: one may be the second power supply. Nothing turns it off, and no word of "on" is evidence.
 */
START_TEST(who_is_off_is_turned_on_by_each_level)
{
        add_at_level("bmc", 1, 1);
        add_at_level("strip", 3, 1);
        ck_assert_int_eq(ask_power_on(), REPLY_REFUSED); /* it is up */
        ask_test(2, false);
        ck_assert_int_eq(ask_power_on(), REPLY_REFUSED); /* its devices are at work */
        turn("bmc", false, true);
        turn("bmc", true, true);
        turn("strip", false, true);
        turn("strip", true, true);
        uint64_t evidence = tested()->evidence.index;
        ck_assert_int_eq(tested()->state, NODE_DOWN);
        ck_assert_int_eq(ask_power_on(), REPLY_DONE);
        turn("bmc", true, false);
        turn("strip", true, true);
        ck_assert_uint_eq(tested()->test_level, 0);
        ck_assert_uint_eq(tested()->test_failed, 1);
        ck_assert(!tested()->test_off && !tested()->test_on_only);
        ck_assert_uint_eq(tested()->evidence.index, evidence);
        ck_assert_ptr_null(desk_take(&desk, CLUSTER_ACTION_FENCE));
        ask_test(2, false); /* and a test is a whole one again */
        turn("bmc", false, true);
}
END_TEST

START_TEST(between_two_levels_there_is_a_pause)
{
        add_at_level("bmc", 1, 1);
        add_at_level("strip", 2, 1);
        ask_test(2, false);
        desk_fence_done(&desk, take("bmc", false), 2, "bmc", true);
        uint64_t off_ms = desk.now_ms;
        desk_wait(&desk, 10);
        turn("bmc", true, true);
        desk_wait(&desk, off_ms + 5000 - 1 - desk.now_ms);
        ck_assert_ptr_null(desk_take(&desk, CLUSTER_ACTION_FENCE));
        desk_wait(&desk, 1);
        ck_assert_ptr_nonnull(desk_take(&desk, CLUSTER_ACTION_FENCE));
}
END_TEST

/* It boots between two levels: nothing may be put there before the next one cuts it off. */
START_TEST(who_is_tested_does_not_join)
{
        add_at_level("bmc", 1, 1);
        add_at_level("strip", 2, 1);
        ask_test(2, false);
        turn("bmc", false, true);
        turn("bmc", true, true);
        struct command join = { .kind = COMMAND_NODE_JOIN };
        join.node_join =
                (struct command_node_join){ .node = 2, .name = "n2", .boot = 77, .memory_mib = 4096 };
        desk_hear(&desk, 2, &join);
        ck_assert_int_eq(tested()->state, NODE_DOWN);
        turn("strip", false, true);
        turn("strip", true, true);
        desk_hear(&desk, 2, &join);
        ck_assert_int_eq(tested()->state, NODE_UP);
}
END_TEST

/* On before all of them were off would be no test, and no evidence. */
START_TEST(all_devices_of_a_level_act_together)
{
        add_at_level("psu-a", 1, 2);
        add_at_level("psu-b", 1, 2);
        ask_test(2, false);
        uint64_t attempt = take("psu-a", false);
        ck_assert_uint_eq(take("psu-b", false), attempt);
        desk_fence_done(&desk, attempt, 2, "psu-a", true);
        desk_wait(&desk, 10);
        ck_assert_int_eq(tested()->state, NODE_LOST);
        ck_assert_ptr_null(desk_take(&desk, CLUSTER_ACTION_FENCE));
        desk_fence_done(&desk, attempt, 2, "psu-b", true);
        desk_wait(&desk, 10);
        ck_assert_str_eq(tested()->evidence.text, "psu-a and psu-b");
        attempt = take("psu-a", true);
        ck_assert_uint_eq(take("psu-b", true), attempt);
}
END_TEST

START_TEST(what_one_device_turned_off_is_turned_on_though_the_other_failed)
{
        add_at_level("psu-a", 1, 2);
        add_at_level("psu-b", 1, 2);
        ask_test(2, false);
        uint64_t attempt = take("psu-a", false);
        (void)take("psu-b", false);
        desk_fence_done(&desk, attempt, 2, "psu-a", true);
        desk_fence_done(&desk, attempt, 2, "psu-b", false);
        desk_wait(&desk, 10);
        attempt = take("psu-a", true);
        (void)take("psu-b", true);
        desk_fence_done(&desk, attempt, 2, "psu-a", true);
        desk_fence_done(&desk, attempt, 2, "psu-b", true);
        desk_wait(&desk, 10);
        ck_assert_uint_eq(tested()->test_level, 0);
        ck_assert_uint_eq(tested()->test_failed, 1);
        ck_assert_int_eq(tested()->evidence.kind, EVIDENCE_NONE);
}
END_TEST

START_TEST(whom_no_device_turned_off_is_left_alone_afterwards)
{
        add_at_level("bmc", 1, 1);
        desk_online_at(&desk, "vm01", 2);
        ck_assert_int_eq(ask_test(2, true), REPLY_DONE);
        turn("bmc", false, false);
        turn("bmc", true, true);
        ck_assert_uint_eq(tested()->test_failed, 1);
        ck_assert(!tested()->fence_wanted);
        ck_assert_int_eq(tested()->evidence.kind, EVIDENCE_NONE);
        ck_desk_state(&desk, "vm01", ROLE_RECOVERING);
        ck_assert_ptr_null(desk_take(&desk, CLUSTER_ACTION_FENCE));
        desk_wait(&desk, 60000);
        ck_assert_ptr_null(desk_take(&desk, CLUSTER_ACTION_FENCE)); /* it is connected */
}
END_TEST

START_TEST(what_it_ran_recovers_when_it_is_off)
{
        add_at_level("bmc", 1, 1);
        desk_online_at(&desk, "vm01", 2);
        ck_assert_int_eq(ask_test(2, false), REPLY_REFUSED);
        ck_assert_int_eq(ask_test(2, true), REPLY_DONE);
        turn("bmc", false, true);
        ck_desk_state(&desk, "vm01", ROLE_STARTING);
        ck_assert_uint_eq(desk_role(&desk, "vm01")->owner, 1);
}
END_TEST

START_TEST(a_device_that_is_removed_meanwhile_fails_its_level)
{
        struct command away = { .kind = COMMAND_FENCE_REMOVE };
        TEXT_COPY(away.fence_remove.device, "bmc");
        add_at_level("bmc", 1, 1);
        ask_test(2, false);
        uint64_t attempt = take("bmc", false);
        ck_assert_int_eq(desk_ask(&desk, &away), REPLY_DONE);
        desk_fence_done(&desk, attempt, 2, "bmc", true);
        desk_wait(&desk, 10);
        ck_assert_uint_eq(tested()->test_level, 0);
        ck_assert_uint_eq(tested()->test_failed, 1);  /* nothing turned it on */
        ck_assert_int_eq(tested()->state, NODE_DOWN); /* it is off all the same */
}
END_TEST

/* Of another attempt: it might be the agent of before that says that it has turned it off. */
START_TEST(an_answer_of_an_earlier_attempt_counts_for_nothing)
{
        add_at_level("bmc", 1, 1);
        ask_test(2, false);
        uint64_t attempt = take("bmc", false);
        desk_fence_done(&desk, attempt + 1, 2, "bmc", true);
        desk_wait(&desk, 10);
        ck_assert_int_eq(tested()->state, NODE_LOST);
}
END_TEST

START_TEST(what_would_do_harm_is_refused_unless_forced)
{
        ck_assert_int_eq(ask_test(2, true), REPLY_REFUSED); /* it has no device */
        add_at_level("bmc", 1, 2);
        ck_assert_int_eq(ask_test(2, true), REPLY_REFUSED); /* its level lacks one */
        add_at_level("psu", 1, 2);
        ck_assert_int_eq(ask_test(1, true), REPLY_REFUSED); /* the only voter */
        ck_assert_int_eq(ask_test(9, false), REPLY_NO_OBJECT);
        ck_assert_int_eq(ask_test(2, false), REPLY_DONE);
        ck_assert_int_eq(ask_test(1, true), REPLY_REFUSED); /* one at a time */
        struct command fence = { .kind = COMMAND_NODE_FENCE };
        fence.node.node = 2;
        ck_assert_int_eq(desk_ask(&desk, &fence), REPLY_REFUSED);
}
END_TEST

START_TEST(a_lost_node_is_not_tested)
{
        desk_online_at(&desk, "vm01", 2);
        add_at_level("bmc", 1, 1);
        desk_view(&desk, 0);
        ck_assert_int_eq(tested()->state, NODE_LOST);
        ck_assert_int_eq(ask_test(2, true), REPLY_REFUSED);
}
END_TEST

START_TEST(nothing_is_on_its_way_there)
{
        desk_online(&desk, "vm01");
        add_at_level("bmc", 1, 1);
        ck_assert_int_eq(desk_move(&desk, "vm01", 2), REPLY_DONE);
        ck_assert_int_eq(ask_test(2, true), REPLY_REFUSED);
}
END_TEST

START_TEST(a_plan_names_each_level)
{
        add_at_level("psu-a", 1, 1);
        add_at_level("psu-b", 1, 1);
        add_at_level("strip", 2, 1);
        const struct model *model = cluster_model(desk.cluster);
        struct command command = test_of(2, false);
        struct plan *plan = calloc(1, sizeof *plan);
        void *scratch = calloc(1, model_bytes(model->roles_max));
        plan_command(desk.cluster, &command, model_init(scratch, model->roles_max), plan);
        ck_assert_int_eq(plan->outcome, REPLY_DONE);
        ck_assert_uint_eq(plan->count, 6);
        ck_assert_int_eq(plan->steps[0].kind, COMMAND_FENCE_TEST);
        ck_assert_int_eq(plan->steps[1].kind, COMMAND_NODE_EVIDENCE);
        ck_assert_int_eq(plan->steps[2].kind, COMMAND_FENCE_TESTED);
        ck_assert_ptr_nonnull(strstr(plan->steps[2].reason, "psu-a and psu-b"));
        ck_assert_ptr_nonnull(strstr(plan->steps[3].reason, "turned on by psu-a and psu-b"));
        ck_assert_ptr_nonnull(strstr(plan->steps[5].reason, "turned on by strip"));
        free(scratch);
        free(plan);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("fence test");
        TCase *tcase = tcase_create("fence test");
        tcase_set_timeout(tcase, 30);
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, each_level_turns_it_off_and_on_and_it_joins_afterwards);
        tcase_add_test(tcase, who_is_off_is_turned_on_by_each_level);
        tcase_add_test(tcase, between_two_levels_there_is_a_pause);
        tcase_add_test(tcase, who_is_tested_does_not_join);
        tcase_add_test(tcase, all_devices_of_a_level_act_together);
        tcase_add_test(tcase, what_one_device_turned_off_is_turned_on_though_the_other_failed);
        tcase_add_test(tcase, whom_no_device_turned_off_is_left_alone_afterwards);
        tcase_add_test(tcase, what_it_ran_recovers_when_it_is_off);
        tcase_add_test(tcase, a_device_that_is_removed_meanwhile_fails_its_level);
        tcase_add_test(tcase, an_answer_of_an_earlier_attempt_counts_for_nothing);
        tcase_add_test(tcase, what_would_do_harm_is_refused_unless_forced);
        tcase_add_test(tcase, a_lost_node_is_not_tested);
        tcase_add_test(tcase, nothing_is_on_its_way_there);
        tcase_add_test(tcase, a_plan_names_each_level);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
