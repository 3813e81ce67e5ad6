/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/planner.h"

#include <check.h>
#include <stdlib.h>

#include "clusterd/base/text.h"
#include "tests/unit/core_fixture.h"
#include "tests/unit/suite_run.h"

static struct story story;
static struct planned_role planned[STORY_ROLES_MAX];
static uint32_t order[STORY_ROLES_MAX];
static struct planner_output output;

static void begin(void)
{
        story_begin(&story);
        memset(planned, 0, sizeof planned);
        for (uint32_t node = 1; node <= 3; node++)
                story_join(&story, node, 1);
}

static void end(void)
{
        story_end(&story);
}

static struct planner_input input_at(uint64_t now_ms)
{
        return (struct planner_input){
                .model = story.model,
                .now_ms = now_ms,
                .planned = planned,
                .order = order,
        };
}

static void plan_at(uint64_t now_ms)
{
        struct planner_input input = input_at(now_ms);
        memset(&output, 0, sizeof output);
        planner_pass(&input, &output);
}

static void add_many(uint32_t count, uint32_t memory_mib)
{
        struct role role = story_role("vm");
        for (uint32_t i = 0; i < count; i++) {
                TEXT_PRINT(role.name, "vm%02u", i);
                role.memory_mib = memory_mib;
                ck_assert_int_eq(story_add_role(&story, &role), APPLY_DONE);
        }
}

static const char *assigned(size_t step)
{
        ck_assert_uint_lt(step, output.count);
        ck_assert_int_eq(output.step[step].command.kind, COMMAND_ROLE_ASSIGN);
        return output.step[step].command.role_assign.role;
}

/* Carries the whole output out; every step of a planner must be taken. */
static void follow(void)
{
        for (size_t i = 0; i < output.count; i++)
                ck_assert_msg(story_apply(&story, 1, &output.step[i].command) == APPLY_DONE, "%s: %s",
                              command_kind_name(output.step[i].command.kind), story.apply.reason);
}

START_TEST(nothing_to_do_is_nothing_done)
{
        story_online(&story, "vm01", 1);
        plan_at(1000);
        ck_assert_uint_eq(output.count, 0);
        ck_assert_uint_eq(output.wake_ms, UINT64_MAX);
}
END_TEST

START_TEST(wanted_roles_are_spread_by_free_memory_and_priority_goes_first)
{
        add_many(6, 512);
        struct role role = story_role("zz");
        role.priority = 10;
        story_add_role(&story, &role);
        plan_at(1000);
        ck_assert_uint_eq(output.count, 7);
        ck_assert_str_eq(assigned(0), "zz");
        ck_assert_str_eq(assigned(1), "vm00");
        for (size_t i = 0; i < output.count; i++)
                ck_assert_uint_eq(output.step[i].node, 1 + i % 3);
        follow();
        plan_at(1001);
        ck_assert_uint_eq(output.count, 0);
}
END_TEST

START_TEST(a_role_that_finds_no_place_holds_no_other_up)
{
        struct role large = story_role("a-large");
        large.memory_mib = 5000;
        large.priority = 99;
        story_add_role(&story, &large);
        story_add(&story, "vm01");
        plan_at(1000);
        ck_assert_uint_eq(output.count, 1);
        ck_assert_str_eq(assigned(0), "vm01");
}
END_TEST

START_TEST(what_was_asked_for_is_not_asked_again_and_holds_its_memory)
{
        add_many(2, 3000);
        plan_at(1000);
        ck_assert_uint_eq(output.count, 2);
        for (size_t i = 0; i < 2; i++) {
                planned[output.step[i].slot].count = 5 + i;
                planned[output.step[i].slot].node = output.step[i].node;
        }
        struct role role = story_role("vm99");
        role.memory_mib = 3000;
        story_add_role(&story, &role);
        plan_at(1001);
        ck_assert_uint_eq(output.count, 1);
        ck_assert_str_eq(assigned(0), "vm99");
        ck_assert_uint_eq(output.step[0].node, 3);
}
END_TEST

START_TEST(a_failed_role_is_due_after_its_delay)
{
        story_online(&story, "vm01", 1);
        story_report(&story, "vm01", 1, REPORT_FAILED);
        plan_at(1000);
        ck_assert_uint_eq(output.count, 1); /* the first time at once */
        follow();
        story_report(&story, "vm01", the_role(&story, "vm01")->owner, REPORT_RUNNING);
        story_report(&story, "vm01", the_role(&story, "vm01")->owner, REPORT_FAILED);
        ck_assert_uint_eq(the_role(&story, "vm01")->retry_ms, 5000);
        plan_at(2000);
        ck_assert_uint_eq(output.count, 0);
        ck_assert_uint_eq(output.wake_ms, 7000);
        plan_at(6999);
        ck_assert_uint_eq(output.count, 0);
        ck_assert_uint_eq(output.wake_ms, 7000);
        plan_at(7000);
        ck_assert_uint_eq(output.count, 1);
}
END_TEST

START_TEST(an_operators_start_does_not_wait)
{
        story_online(&story, "vm01", 1);
        story_report(&story, "vm01", 1, REPORT_FAILED);
        story_assign(&story, "vm01", 1);
        story_report(&story, "vm01", 1, REPORT_RUNNING);
        story_report(&story, "vm01", 1, REPORT_FAILED);
        plan_at(1000);
        ck_assert_uint_eq(output.count, 0);
        story_order(&story, COMMAND_ROLE_START, "vm01");
        plan_at(1001);
        ck_assert_uint_eq(output.count, 1);
}
END_TEST

START_TEST(a_recovering_role_waits_for_evidence_and_carries_it)
{
        story_online(&story, "vm01", 1);
        story_lost(&story, 1);
        plan_at(1000);
        ck_assert_uint_eq(output.count, 0);
        story_evidence(&story, 1, EVIDENCE_POWERED_OFF);
        plan_at(1001);
        ck_assert_uint_eq(output.count, 1);
        ck_assert_int_eq(output.step[0].command.role_assign.owner_evidence.kind, EVIDENCE_POWERED_OFF);
        ck_assert_uint_eq(output.step[0].command.role_assign.owner_evidence.index, story.index);
        follow();
}
END_TEST

START_TEST(lost_nodes_are_declared_once)
{
        struct planner_input input = input_at(1000);
        input.lost = node_set_of(2) | node_set_of(9);
        planner_pass(&input, &output);
        ck_assert_uint_eq(output.count, 1);
        ck_assert_int_eq(output.step[0].command.kind, COMMAND_NODE_LOST);
        ck_assert_uint_eq(output.step[0].command.node.node, 2);
        ck_assert_uint_eq(output.step[0].command.node.incarnation, 1);
        ck_assert_uint_eq(output.step[0].slot, UINT32_MAX);
        input.nodes_asked = node_set_of(2);
        planner_pass(&input, &output);
        ck_assert_uint_eq(output.count, 0);
        follow();
        story_lost(&story, 2);
        input.nodes_asked = 0;
        planner_pass(&input, &output);
        ck_assert_uint_eq(output.count, 0);
}
END_TEST

START_TEST(sixty_four_steps_and_the_rest_next_time)
{
        for (uint32_t node = 4; node <= 10; node++)
                story_join(&story, node, 1);
        add_many(STORY_ROLES_MAX, 16);
        struct planner_input input = input_at(1000);
        input.lost = node_set_of(10);
        planner_pass(&input, &output);
        ck_assert_uint_eq(output.count, PLANNER_STEPS_MAX);
        ck_assert_int_eq(output.step[0].command.kind, COMMAND_NODE_LOST);
        follow();
        plan_at(1001);
        ck_assert_uint_eq(output.count,
                          STORY_ROLES_MAX - PLANNER_STEPS_MAX + 1); /* none was put on the lost node */
        follow();
        plan_at(1002);
        ck_assert_uint_eq(output.count, 0);
}
END_TEST

static void put_online(const char *name, uint32_t node, uint32_t memory_mib)
{
        struct role role = story_role(name);
        role.memory_mib = memory_mib;
        ck_assert_int_eq(story_add_role(&story, &role), APPLY_DONE);
        ck_assert_int_eq(story_assign(&story, name, node), APPLY_DONE);
        ck_assert_int_eq(story_report(&story, name, node, REPORT_RUNNING), APPLY_DONE);
}

static void finish_move(const struct role *role)
{
        uint32_t owner = role->owner, target = role->target;
        char name[NAME_BYTES];
        TEXT_COPY(name, role->name);
        ck_assert_int_eq(story_report(&story, name, owner, REPORT_ABSENT), APPLY_DONE);
        ck_assert_int_eq(story_report(&story, name, target, REPORT_RUNNING), APPLY_DONE);
}

/* Drains n1 of seven roles; finishes moves in a random order; notes who went where. */
static void drain_in_order(uint64_t seed, uint32_t went[7])
{
        uint32_t left = 7;
        for (uint32_t i = 0; i < 7; i++) {
                char name[NAME_BYTES];
                TEXT_PRINT(name, "vm%u", i);
                put_online(name, 1, 300 + 100 * (i * 5 % 7));
        }
        story_node(&story, COMMAND_NODE_DRAIN, 1);
        for (uint32_t step = 0; left > 0; step++) {
                ck_assert_uint_lt(step, 100);
                plan_at(1000 + step);
                follow();
                uint32_t moving[STORY_ROLES_MAX], count = 0;
                MODEL_EACH_ROLE (story.model, role)
                        if (role->state == ROLE_MOVING)
                                moving[count++] = (uint32_t)(role - story.model->roles);
                ck_assert_uint_ge(count, 1);
                ck_assert_uint_le(count, story.model->settings.moves_max);
                const struct role *role = &story.model->roles[moving[fixture_random(&seed) % count]];
                went[role->name[2] - '0'] = role->target;
                finish_move(role);
                left--;
        }
        plan_at(2000);
        ck_assert_uint_eq(output.count, 1);
        ck_assert_int_eq(output.step[0].command.kind, COMMAND_NODE_DRAINED);
        follow();
        plan_at(2001);
        ck_assert_uint_eq(output.count, 0);
}

/* Its daemon is gone or not level, and its guests run on: it is not lost, but would start nothing. */
START_TEST(nothing_is_put_on_a_node_that_cannot_act_or_sent_from_there)
{
        struct planner_input input = input_at(1000);
        put_online("vm09", 2, 256);
        story_node(&story, COMMAND_NODE_DRAIN, 2);
        add_many(2, 256);
        input.away = node_set_of(1) | node_set_of(2);
        planner_pass(&input, &output);
        ck_assert_uint_eq(output.count, 2);
        for (size_t i = 0; i < output.count; i++) {
                ck_assert_int_eq(output.step[i].command.kind, COMMAND_ROLE_ASSIGN);
                ck_assert_uint_eq(output.step[i].command.role_assign.node, 3);
        }
        input.away = 0;
        planner_pass(&input, &output);
        ck_assert_uint_eq(output.count, 3); /* the drain goes on */
}
END_TEST

START_TEST(a_drain_keeps_its_limit_and_its_targets_in_any_order)
{
        uint32_t first[7], other[7];
        drain_in_order(1, first);
        end();
        begin();
        drain_in_order((uint64_t)_i + 2, other);
        ck_assert_mem_eq(first, other, sizeof first);
}
END_TEST

START_TEST(a_drained_role_goes_home_when_its_node_resumes)
{
        put_online("vm01", 1, 512);
        story_node(&story, COMMAND_NODE_DRAIN, 1);
        plan_at(1000);
        ck_assert_uint_eq(output.count, 1);
        ck_assert(output.step[0].command.role_move.drain);
        follow();
        finish_move(the_role(&story, "vm01"));
        plan_at(1001);
        follow(); /* drained */
        plan_at(1002);
        ck_assert_uint_eq(output.count, 0);
        story_node(&story, COMMAND_NODE_RESUME, 1);
        plan_at(1003);
        ck_assert_uint_eq(output.count, 1);
        ck_assert_uint_eq(output.step[0].command.role_move.target, 1);
        ck_assert(!output.step[0].command.role_move.drain);
        follow();
        finish_move(the_role(&story, "vm01"));
        plan_at(1004);
        ck_assert_uint_eq(output.count, 0);
        ck_assert_uint_eq(the_role(&story, "vm01")->failback, NODE_NONE);
}
END_TEST

START_TEST(a_move_that_failed_is_tried_again_after_a_pause)
{
        put_online("vm01", 1, 512);
        story_node(&story, COMMAND_NODE_DRAIN, 1);
        plan_at(1000);
        follow();
        uint32_t target = the_role(&story, "vm01")->target;
        story_report(&story, "vm01", 1, REPORT_RUNNING);
        story_report(&story, "vm01", target, REPORT_ABSENT);
        ck_state(&story, "vm01", ROLE_ONLINE);
        plan_at(2000);
        ck_assert_uint_eq(output.count, 0);
        ck_assert_uint_eq(output.wake_ms, 32000);
        plan_at(32000);
        ck_assert_uint_eq(output.count, 1);
}
END_TEST

START_TEST(an_ocf_role_is_started_where_it_was_sent)
{
        struct role role = story_role("web");
        role.kind = ROLE_OCF;
        role.preferred[0] = 1;
        story_add_role(&story, &role);
        story_assign(&story, "web", 1);
        story_report(&story, "web", 1, REPORT_RUNNING);
        story_move(&story, "web", 3);
        plan_at(1000);
        ck_assert_uint_eq(output.count, 0);
        story_report(&story, "web", 1, REPORT_STOPPED);
        plan_at(1001);
        ck_assert_uint_eq(output.count, 1);
        ck_assert_uint_eq(output.step[0].node, 3);
        ck_assert_str_eq(output.step[0].command.role_assign.reason, "n3: as asked");
        story_node(&story, COMMAND_NODE_DRAIN, 3); /* not there any more: somewhere, then */
        plan_at(1002);
        ck_assert_uint_eq(output.step[output.count - 1].node, 1);
}
END_TEST

START_TEST(a_move_anywhere_gets_the_best_target)
{
        char reason[REASON_BYTES] = "";
        put_online("vm01", 1, 512);
        put_online("vm02", 2, 512);
        struct command command = { .kind = COMMAND_ROLE_MOVE };
        TEXT_COPY(command.role_move.role, "vm01");
        ck_assert(planner_settle_target(story.model, &command, reason));
        ck_assert_uint_eq(command.role_move.target, 3);
        command.role_move.target = 2; /* said: stays */
        ck_assert(planner_settle_target(story.model, &command, reason));
        ck_assert_uint_eq(command.role_move.target, 2);
        command.role_move.target = NODE_NONE;
        story_node(&story, COMMAND_NODE_DRAIN, 2);
        story_node(&story, COMMAND_NODE_DRAIN, 3);
        ck_assert(!planner_settle_target(story.model, &command, reason));
        ck_assert_ptr_nonnull(strstr(reason, "n2 is draining"));
        TEXT_COPY(command.role_move.role, "vm99");
        ck_assert(planner_settle_target(story.model, &command, reason));
}
END_TEST

/* A busy model, made by chance; the planner is asked twice. */
START_TEST(the_same_model_gives_the_same_bytes)
{
        static struct planner_output again;
        static struct planned_role kept[STORY_ROLES_MAX];
        uint64_t seed = (uint64_t)_i;
        char name[NAME_BYTES];
        for (uint32_t i = 0; i < 40; i++) {
                TEXT_PRINT(name, "vm%u", fixture_random(&seed) % 1000);
                if (model_role(story.model, name) != NULL)
                        continue;
                struct role role = story_role(name);
                role.memory_mib = 64 + fixture_random(&seed) % 200;
                role.priority = (int32_t)(fixture_random(&seed) % 3);
                story_add_role(&story, &role);
                if (fixture_random(&seed) % 2 == 0 &&
                    story_assign(&story, name, 1 + fixture_random(&seed) % 3) == APPLY_DONE)
                        story_report(&story, name, the_role(&story, name)->owner,
                                     fixture_random(&seed) % 4 == 0 ? REPORT_FAILED : REPORT_RUNNING);
        }
        story_node(&story, COMMAND_NODE_DRAIN, 1);
        memcpy(kept, planned, sizeof kept);
        plan_at(1000);
        memcpy(&again, &output, sizeof again);
        memcpy(planned, kept, sizeof kept);
        memset(order, 0xff, sizeof order);
        plan_at(1000);
        ck_assert_uint_gt(output.count, 5);
        ck_assert_mem_eq(&again, &output, sizeof again);
        for (size_t i = 1; i < output.count; i++) /* starts, by priority and name; then moves */
                if (output.step[i].slot != UINT32_MAX && output.step[i - 1].slot != UINT32_MAX) {
                        const struct role *a = &story.model->roles[output.step[i - 1].slot];
                        const struct role *b = &story.model->roles[output.step[i].slot];
                        bool a_runs = a->state == ROLE_ONLINE, b_runs = b->state == ROLE_ONLINE;
                        ck_assert(!(a_runs && !b_runs));
                        if (!a_runs && !b_runs)
                                ck_assert(a->priority > b->priority ||
                                          (a->priority == b->priority && strcmp(a->name, b->name) < 0));
                }
        follow();
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("planner");
        TCase *tcase = tcase_create("planner");
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, nothing_to_do_is_nothing_done);
        tcase_add_test(tcase, wanted_roles_are_spread_by_free_memory_and_priority_goes_first);
        tcase_add_test(tcase, a_role_that_finds_no_place_holds_no_other_up);
        tcase_add_test(tcase, what_was_asked_for_is_not_asked_again_and_holds_its_memory);
        tcase_add_test(tcase, a_failed_role_is_due_after_its_delay);
        tcase_add_test(tcase, an_operators_start_does_not_wait);
        tcase_add_test(tcase, a_recovering_role_waits_for_evidence_and_carries_it);
        tcase_add_test(tcase, lost_nodes_are_declared_once);
        tcase_add_test(tcase, sixty_four_steps_and_the_rest_next_time);
        tcase_add_test(tcase, nothing_is_put_on_a_node_that_cannot_act_or_sent_from_there);
        tcase_add_loop_test(tcase, a_drain_keeps_its_limit_and_its_targets_in_any_order, 0, 20);
        tcase_add_test(tcase, a_drained_role_goes_home_when_its_node_resumes);
        tcase_add_test(tcase, a_move_that_failed_is_tried_again_after_a_pause);
        tcase_add_test(tcase, an_ocf_role_is_started_where_it_was_sent);
        tcase_add_test(tcase, a_move_anywhere_gets_the_best_target);
        tcase_add_loop_test(tcase, the_same_model_gives_the_same_bytes, 1, 11);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
