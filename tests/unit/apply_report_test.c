/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/apply.h"

#include <check.h>
#include <stdlib.h>

#include "clusterd/base/text.h"
#include "clusterd/core/role_state.h"
#include "tests/unit/core_fixture.h"
#include "tests/unit/suite_run.h"

/* Failures, moves, and a long random history. */

static struct story story;

static void begin(void)
{
        story_begin(&story);
        for (uint32_t node = 1; node <= 3; node++)
                story_join(&story, node, 1);
}

static void end(void)
{
        story_end(&story);
}

START_TEST(a_role_that_fails_again_and_again_waits_longer_each_time)
{
        static const uint32_t want_ms[] = { 0,     5000,   10000,  20000,  40000,
                                            80000, 160000, 300000, 300000, 300000 };
        story_online(&story, "vm01", 1);
        for (size_t i = 0; i < sizeof want_ms / sizeof *want_ms; i++) {
                story_report(&story, "vm01", 1, REPORT_FAILED);
                ck_state(&story, "vm01", ROLE_FAILED);
                ck_assert_uint_eq(the_role(&story, "vm01")->retry_ms, want_ms[i]);
                ck_assert_uint_eq(the_role(&story, "vm01")->owner, NODE_NONE);
                ck_assert_int_eq(the_role(&story, "vm01")->failed_time_ms, (int64_t)story.index * 1000);
                ck_assert_int_eq(story_assign(&story, "vm01", 1), APPLY_DONE);
                ck_assert_int_eq(story_report(&story, "vm01", 1, REPORT_RUNNING), APPLY_DONE);
        }
        story_report(&story, "vm01", 1, REPORT_STABLE);
        ck_assert_uint_eq(the_role(&story, "vm01")->failures, 0);
        story_report(&story, "vm01", 1, REPORT_FAILED);
        ck_assert_uint_eq(the_role(&story, "vm01")->retry_ms, 0);
}
END_TEST

START_TEST(an_operators_start_forgives_all_failures)
{
        story_online(&story, "vm01", 1);
        story_report(&story, "vm01", 1, REPORT_FAILED);
        story_assign(&story, "vm01", 1);
        story_report(&story, "vm01", 1, REPORT_START_FAILED);
        story_order(&story, COMMAND_ROLE_START, "vm01");
        const struct role *role = the_role(&story, "vm01");
        ck_assert(role->failures == 0 && role->retry_ms == 0 && role->tried == 0);
        ck_assert_int_eq(role->desired, DESIRED_RUNNING);
}
END_TEST

static uint32_t start_fails_on(uint32_t node)
{
        ck_assert_int_eq(story_assign(&story, "vm01", node), APPLY_DONE);
        ck_assert_int_eq(story_report(&story, "vm01", node, REPORT_START_FAILED), APPLY_DONE);
        ck_state(&story, "vm01", ROLE_FAILED);
        return the_role(&story, "vm01")->retry_ms;
}

START_TEST(a_start_that_fails_is_tried_on_every_node_before_it_waits)
{
        story_add(&story, "vm01");
        ck_assert_uint_eq(start_fails_on(1), 0);
        ck_assert_uint_eq(start_fails_on(2), 0);
        ck_assert_uint_eq(the_role(&story, "vm01")->tried, node_set_of(1) | node_set_of(2));
        ck_assert_uint_ge(start_fails_on(3), 5000);
        ck_assert_uint_eq(the_role(&story, "vm01")->tried, 0);
        ck_assert_uint_eq(start_fails_on(2), 0);
        ck_assert_int_eq(story_assign(&story, "vm01", 1), APPLY_DONE);
        story_report(&story, "vm01", 1, REPORT_RUNNING);
        ck_assert_uint_eq(the_role(&story, "vm01")->tried, 0);
}
END_TEST

/* Otherwise it would be tried on the same node again and again without a pause. */
START_TEST(a_node_without_memory_for_it_is_not_another_to_try)
{
        story_join_with(&story, 2, 100, true);
        story_join_with(&story, 3, 100, true);
        story_add(&story, "vm01");
        ck_assert_uint_ge(start_fails_on(1), 5000);
        ck_assert_uint_eq(the_role(&story, "vm01")->tried, 0);
}
END_TEST

START_TEST(a_guest_that_shut_itself_down_has_not_failed)
{
        if (_i == 0)
                story_online(&story, "vm01", 1);
        else { /* before its node could say that it runs */
                story_add(&story, "vm01");
                story_assign(&story, "vm01", 1);
        }
        story_report(&story, "vm01", 1, REPORT_SHUT_DOWN);
        const struct role *role = the_role(&story, "vm01");
        ck_state(&story, "vm01", ROLE_OFFLINE);
        ck_assert_int_eq(role->desired, DESIRED_STOPPED);
        ck_assert_uint_eq(role->failures, 0);
        ck_assert_uint_eq(role->owner, NODE_NONE);
        ck_assert_int_eq(story_assign(&story, "vm01", 1), APPLY_REFUSED);
        story_order(&story, COMMAND_ROLE_START, "vm01");
        ck_assert_int_eq(story_assign(&story, "vm01", 1), APPLY_DONE);
}
END_TEST

/* The guard stopped it: not its own failure, and it is wanted. */
START_TEST(a_guest_that_its_node_stopped_is_started_elsewhere_at_once)
{
        story_online(&story, "vm01", 1);
        story_report(&story, "vm01", 1, REPORT_STOPPED);
        ck_state(&story, "vm01", ROLE_RECOVERING);
        ck_assert_uint_eq(the_role(&story, "vm01")->failures, 0);
        ck_assert_int_eq(story_assign(&story, "vm01", 2), APPLY_DONE);
}
END_TEST

START_TEST(a_role_that_is_stopped_in_any_state_comes_to_rest)
{
        enum role_state from = (enum role_state)_i;
        story_reach(&story, "vm01", from);
        story_order(&story, COMMAND_ROLE_STOP, "vm01");
        ck_assert_int_eq(the_role(&story, "vm01")->desired, DESIRED_STOPPED);
        if (from == ROLE_RECOVERING)
                story_evidence(&story, 1, EVIDENCE_POWERED_OFF);
        if (from == ROLE_MOVING) {
                story_report(&story, "vm01", 1, REPORT_ABSENT);
                story_report(&story, "vm01", 2, REPORT_RUNNING);
                ck_state(&story, "vm01", ROLE_STOPPING);
                story_report(&story, "vm01", 2, REPORT_STOPPED);
        }
        if (the_role(&story, "vm01")->state == ROLE_STOPPING)
                story_report(&story, "vm01", 1, REPORT_STOPPED);
        ck_state(&story, "vm01", ROLE_OFFLINE);
        ck_assert_uint_eq(the_role(&story, "vm01")->owner, NODE_NONE);
        ck_assert_int_eq(story_order(&story, COMMAND_ROLE_REMOVE, "vm01"), APPLY_DONE);
}
END_TEST

START_TEST(a_returned_guest_that_is_not_wanted_any_more_is_stopped)
{
        story_online(&story, "vm01", 1);
        story_lost(&story, 1);
        story_order(&story, COMMAND_ROLE_STOP, "vm01");
        ck_state(&story, "vm01", ROLE_RECOVERING);
        story_join(&story, 1, 1);
        story_report(&story, "vm01", 1, REPORT_RUNNING);
        ck_state(&story, "vm01", ROLE_STOPPING);
}
END_TEST

START_TEST(a_start_while_it_stops_starts_it_again)
{
        story_reach(&story, "vm01", ROLE_STOPPING);
        story_order(&story, COMMAND_ROLE_START, "vm01");
        story_report(&story, "vm01", 1, REPORT_STOPPED);
        ck_state(&story, "vm01", ROLE_OFFLINE);
        ck_assert_int_eq(story_assign(&story, "vm01", 2), APPLY_DONE);
}
END_TEST

/* What an end of the move comes to. */
enum fate { RUNS, ABSENT, LOST, RUNS_THEN_LOST, FATE_COUNT };

static void meet(uint32_t node, enum fate fate)
{
        if (fate == RUNS || fate == RUNS_THEN_LOST)
                story_report(&story, "vm01", node, REPORT_RUNNING);
        if (fate == ABSENT)
                ck_assert_int_eq(story_report(&story, "vm01", node, REPORT_ABSENT), APPLY_DONE);
        if (fate == LOST || fate == RUNS_THEN_LOST) {
                ck_assert_int_eq(story_lost(&story, node), APPLY_DONE);
                ck_assert_int_eq(story_evidence(&story, node, EVIDENCE_POWERED_OFF), APPLY_DONE);
        }
}

START_TEST(a_move_ends_as_its_two_ends_say)
{
        enum fate owner = (enum fate)(_i % FATE_COUNT), target = (enum fate)(_i / FATE_COUNT % FATE_COUNT);
        bool stopped = _i / 16 % 2 != 0, target_first = _i / 32 != 0;
        story_online(&story, "vm01", 1);
        story_move(&story, "vm01", 2);
        ck_assert_uint_eq(the_role(&story, "vm01")->generation, 2);
        if (stopped)
                story_order(&story, COMMAND_ROLE_STOP, "vm01");
        meet(target_first ? 2 : 1, target_first ? target : owner);
        meet(target_first ? 1 : 2, target_first ? owner : target);
        /* It may have arrived after the target had looked: a target that is there is asked once more. */
        if (target_first && target == ABSENT && (owner == ABSENT || owner == LOST)) {
                ck_state(&story, "vm01", ROLE_MOVING);
                meet(2, target);
        }
        /* And one that was proven off before the guest left its source is proven off once more. */
        if (target_first && (target == LOST || target == RUNS_THEN_LOST) &&
            (owner == ABSENT || owner == LOST)) {
                ck_state(&story, "vm01", ROLE_MOVING);
                ck_assert_int_eq(story_evidence(&story, 2, EVIDENCE_POWERED_OFF), APPLY_DONE);
        }

        const struct role *role = the_role(&story, "vm01");
        node_set runners = (owner == RUNS ? node_set_of(1) : 0) | (target == RUNS ? node_set_of(2) : 0);
        enum role_state want = node_set_count(runners) == 2 ? ROLE_MOVING
                               : runners != 0 && stopped    ? ROLE_STOPPING
                               : runners != 0               ? ROLE_ONLINE
                               : stopped                    ? ROLE_OFFLINE
                                                            : ROLE_RECOVERING;
        ck_assert_msg(role->state == want, "owner %d, target %d, stopped %d, target first %d: %s", owner,
                      target, stopped, target_first, role_state_name(role->state));
        ck_assert_uint_eq(role_possible_runners(role), runners);
        if (node_set_count(runners) == 1) {
                ck_assert_uint_eq(role->owner, node_set_lowest(runners));
                ck_assert_uint_eq(role->target, NODE_NONE);
                ck_assert_int_eq(role->owner_evidence.kind, EVIDENCE_NONE);
                ck_assert_int_eq(role->target_evidence.kind, EVIDENCE_NONE);
                ck_assert_int_eq(role->last_move.succeeded, role->owner == 2);
        }
        if (want == ROLE_RECOVERING) {
                ck_assert_int_eq(story_assign(&story, "vm01", 3), APPLY_DONE);
                ck_assert_uint_eq(role_possible_runners(role), node_set_of(3));
        }
}
END_TEST

/* Nothing may be started while one of the two ends is unknown. */
START_TEST(a_move_with_a_silent_end_waits)
{
        enum fate fate = (enum fate)(_i % FATE_COUNT);
        uint32_t silent = _i < FATE_COUNT ? 2 : 1;
        story_online(&story, "vm01", 1);
        story_move(&story, "vm01", 2);
        meet(3 - silent, fate);
        ck_state(&story, "vm01", ROLE_MOVING);
        ck_assert(node_set_has(role_possible_runners(the_role(&story, "vm01")), silent));
        story_lost(&story, silent);
        ck_state(&story, "vm01", ROLE_MOVING);
        ck_assert_int_eq(story_assign(&story, "vm01", 3), APPLY_REFUSED);
}
END_TEST

START_TEST(two_ends_that_both_run_are_resolved_when_one_is_gone)
{
        uint32_t last = _i == 0 ? 1 : 2;
        story_online(&story, "vm01", 1);
        story_move(&story, "vm01", 2);
        story_report(&story, "vm01", 1, REPORT_RUNNING);
        story_report(&story, "vm01", 2, REPORT_RUNNING);
        ck_state(&story, "vm01", ROLE_MOVING);
        story_report(&story, "vm01", 3 - last, REPORT_ABSENT);
        ck_state(&story, "vm01", ROLE_ONLINE);
        ck_assert_uint_eq(the_role(&story, "vm01")->owner, last);
}
END_TEST

START_TEST(a_guest_that_shuts_itself_down_during_a_move_rests)
{
        story_online(&story, "vm01", 1);
        story_move(&story, "vm01", 2);
        story_report(&story, "vm01", 1, REPORT_SHUT_DOWN);
        story_report(&story, "vm01", 2, REPORT_ABSENT);
        ck_state(&story, "vm01", ROLE_OFFLINE);
        ck_assert_int_eq(the_role(&story, "vm01")->desired, DESIRED_STOPPED);
}
END_TEST

START_TEST(a_move_is_refused_with_the_rule_that_binds)
{
        story_online(&story, "vm01", 1);
        ck_assert_int_eq(story_move(&story, "vm01", 1), APPLY_REFUSED);
        ck_assert_str_eq(story.apply.reason, "role 'vm01' is on n1 already");
        ck_assert_int_eq(story_move(&story, "vm01", 9), APPLY_NO_OBJECT);
        story_join_with(&story, 2, 100, true);
        ck_assert_int_eq(story_move(&story, "vm01", 2), APPLY_REFUSED);
        story_node(&story, COMMAND_NODE_DRAIN, 3);
        ck_assert_int_eq(story_move(&story, "vm01", 3), APPLY_REFUSED);
        struct command stale = { .kind = COMMAND_ROLE_MOVE };
        TEXT_COPY(stale.role_move.role, "vm01");
        stale.role_move.target = 3;
        stale.role_move.generation = 1;
        story_node(&story, COMMAND_NODE_RESUME, 3);
        ck_assert_int_eq(story_apply(&story, 1, &stale), APPLY_REFUSED);
        stale.role_move.generation = 2;
        ck_assert_int_eq(story_apply(&story, 1, &stale), APPLY_DONE);
}
END_TEST

START_TEST(an_ocf_role_is_stopped_here_and_started_there)
{
        struct role role = story_role("web");
        role.kind = ROLE_OCF;
        story_add_role(&story, &role);
        story_assign(&story, "web", 1);
        story_report(&story, "web", 1, REPORT_RUNNING);
        ck_assert_int_eq(story_move(&story, "web", 2), APPLY_DONE);
        ck_state(&story, "web", ROLE_STOPPING);
        ck_assert_uint_eq(the_role(&story, "web")->target, 2);
        ck_assert_uint_eq(role_possible_runners(the_role(&story, "web")), node_set_of(1));
        ck_assert_int_eq(story_assign(&story, "web", 2), APPLY_REFUSED);
        story_report(&story, "web", 1, REPORT_STOPPED);
        ck_state(&story, "web", ROLE_OFFLINE);
        ck_assert_uint_eq(the_role(&story, "web")->target, 2); /* for the planner */
        ck_assert_int_eq(story_assign(&story, "web", 2), APPLY_DONE);
        ck_assert_uint_eq(the_role(&story, "web")->target, NODE_NONE);
}
END_TEST

/* Started later, it goes where it is best, and not where it once was sent. */
START_TEST(an_ocf_role_that_is_stopped_on_its_way_forgets_where_to)
{
        struct role role = story_role("web");
        role.kind = ROLE_OCF;
        story_add_role(&story, &role);
        story_assign(&story, "web", 1);
        story_report(&story, "web", 1, REPORT_RUNNING);
        story_move(&story, "web", 2);
        if (_i == 0)
                story_order(&story, COMMAND_ROLE_STOP, "web");
        story_report(&story, "web", 1, REPORT_STOPPED);
        if (_i == 1)
                story_order(&story, COMMAND_ROLE_STOP, "web");
        ck_state(&story, "web", ROLE_OFFLINE);
        ck_assert_uint_eq(the_role(&story, "web")->target, NODE_NONE);
}
END_TEST

static void arrive(uint32_t from, uint32_t to)
{
        story_report(&story, "vm01", from, REPORT_ABSENT);
        story_report(&story, "vm01", to, REPORT_RUNNING);
        ck_assert_uint_eq(the_role(&story, "vm01")->owner, to);
}

START_TEST(a_drained_role_remembers_its_home_until_it_is_back)
{
        story_online(&story, "vm01", 1);
        story_drain_move(&story, "vm01", 2);
        arrive(1, 2);
        ck_assert_uint_eq(the_role(&story, "vm01")->failback, 1);
        story_drain_move(&story, "vm01", 3); /* n2 is drained too */
        arrive(2, 3);
        ck_assert_uint_eq(the_role(&story, "vm01")->failback, 1);

        story_move(&story, "vm01", 1); /* back home, which fails */
        story_report(&story, "vm01", 1, REPORT_ABSENT);
        story_report(&story, "vm01", 3, REPORT_RUNNING);
        ck_assert_uint_eq(the_role(&story, "vm01")->owner, 3);
        ck_assert_uint_eq(the_role(&story, "vm01")->failback, 1);
        story_move(&story, "vm01", 1);
        arrive(3, 1);
        ck_assert_uint_eq(the_role(&story, "vm01")->failback, NODE_NONE);
}
END_TEST

START_TEST(an_operators_move_elsewhere_forgets_the_home)
{
        story_online(&story, "vm01", 1);
        story_drain_move(&story, "vm01", 2);
        arrive(1, 2);
        story_move(&story, "vm01", 3);
        ck_assert_uint_eq(the_role(&story, "vm01")->failback, NODE_NONE);
}
END_TEST

static void random_command(uint64_t *seed)
{
        static const char *const names[] = { "vm01", "vm02", "web" };
        const char *name = names[fixture_random(seed) % 3];
        uint32_t node = 1 + fixture_random(seed) % 3;
        switch (fixture_random(seed) % 16) {
        case 0:
                story_join(&story, node, the_node(&story, node)->boot + fixture_random(seed) % 2);
                break;
        case 1:
                story_lost(&story, node);
                break;
        case 2:
                story_evidence(&story, node, (enum evidence_kind)(fixture_random(seed) % EVIDENCE_COUNT));
                break;
        case 3:
                story_node(&story, fixture_random(seed) % 8 == 0 ? COMMAND_NODE_FENCE : COMMAND_NODE_RESUME,
                           node);
                break;
        case 4:
                story_node(&story, fixture_random(seed) % 2 == 0 ? COMMAND_NODE_DRAIN : COMMAND_NODE_DRAINED,
                           node);
                break;
        case 5:
                story_order(&story, fixture_random(seed) % 2 == 0 ? COMMAND_ROLE_STOP : COMMAND_ROLE_START,
                            name);
                break;
        case 6:
                story_move(&story, name, node);
                break;
        case 7:
        case 8:
        case 9:
                story_assign(&story, name, node);
                break;
        default:
                story_report(&story, name, node, (enum report_kind)(fixture_random(seed) % REPORT_COUNT));
        }
}

/* A role's state, where its runners and what it says of them must fit together. */
static void check_role(const struct role *before, const struct role *role, uint64_t index)
{
        node_set runners = role_possible_runners(role), earlier = role_possible_runners(before);
        ck_assert_uint_ge(role->generation, before->generation);
        ck_assert_uint_le(role->generation, before->generation + 1);
        if ((runners & ~earlier) !=
            0) { /* somebody new: by an assignment with all earlier ones gone, or a move */
                ck_assert_uint_eq(role->generation, before->generation + 1);
                ck_assert(role->state == ROLE_MOVING ? (earlier & ~runners) == 0 : earlier == 0);
        }
        bool owned = role->state != ROLE_OFFLINE && role->state != ROLE_FAILED;
        ck_assert_int_eq(role->owner != NODE_NONE, owned);
        if (role->state == ROLE_STARTING || role->state == ROLE_ONLINE || role->state == ROLE_MOVING)
                ck_assert_msg(role->state == ROLE_MOVING || role->desired == DESIRED_RUNNING, "entry %llu",
                              (unsigned long long)index);
        if (role->state == ROLE_STARTING || role->state == ROLE_ONLINE)
                ck_assert(role->owner_evidence.kind == EVIDENCE_NONE &&
                          role->target_evidence.kind == EVIDENCE_NONE);
        if (role->state != before->state)
                ck_assert_uint_eq(role->since_index, index);
}

START_TEST(a_random_history_keeps_the_rules)
{
        uint64_t seed = (uint64_t)_i;
        struct role web = story_role("web");
        web.kind = ROLE_OCF;
        story_add(&story, "vm01");
        story_add(&story, "vm02");
        story_add_role(&story, &web);
        for (int step = 0; step < 3000; step++) {
                random_command(&seed);
                MODEL_EACH_ROLE (story.model, role)
                        check_role(&story.before->roles[role - story.model->roles], role, story.index);
                MODEL_EACH_NODE (story.model, node) {
                        ck_assert_uint_ge(node->incarnation, story.before->nodes[node->id].incarnation);
                        if (node->state == NODE_DOWN)
                                MODEL_EACH_ROLE (story.model, role)
                                        ck_assert(!role_may_run_on(role, node->id));
                }
        }
}
END_TEST

/* What ran where it ended was told before that node was lost: shown online there, it would wait for nothing.
 */
START_TEST(a_move_that_ends_on_a_lost_node_recovers)
{
        uint32_t end = _i == 0 ? 1 : 2, other = 3 - end;
        story_online(&story, "vm01", 1);
        story_move(&story, "vm01", 2);
        story_report(&story, "vm01", end, REPORT_RUNNING);
        story_lost(&story, end);
        ck_assert_int_eq(story_report(&story, "vm01", other, REPORT_ABSENT), APPLY_DONE);
        const struct role *role = model_role(story.model, "vm01");
        ck_assert_int_eq(role->state, ROLE_RECOVERING);
        ck_assert_uint_eq(role->owner, end);
        ck_assert_uint_eq(role_possible_runners(role), node_set_of(end));
        ck_assert_int_eq(story_assign(&story, "vm01", 3), APPLY_REFUSED);
        story_evidence(&story, end, EVIDENCE_POWERED_OFF);
        ck_assert_int_eq(story_assign(&story, "vm01", 3), APPLY_DONE);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("apply_report");
        TCase *tcase = tcase_create("reports");
        tcase_set_timeout(tcase, 30);
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, a_role_that_fails_again_and_again_waits_longer_each_time);
        tcase_add_test(tcase, an_operators_start_forgives_all_failures);
        tcase_add_test(tcase, a_start_that_fails_is_tried_on_every_node_before_it_waits);
        tcase_add_test(tcase, a_node_without_memory_for_it_is_not_another_to_try);
        tcase_add_loop_test(tcase, a_guest_that_shut_itself_down_has_not_failed, 0, 2);
        tcase_add_test(tcase, a_guest_that_its_node_stopped_is_started_elsewhere_at_once);
        tcase_add_loop_test(tcase, a_role_that_is_stopped_in_any_state_comes_to_rest, 0, ROLE_STATE_COUNT);
        tcase_add_test(tcase, a_returned_guest_that_is_not_wanted_any_more_is_stopped);
        tcase_add_test(tcase, a_start_while_it_stops_starts_it_again);
        tcase_add_loop_test(tcase, a_move_ends_as_its_two_ends_say, 0, 64);
        tcase_add_loop_test(tcase, a_move_with_a_silent_end_waits, 0, 2 * FATE_COUNT);
        tcase_add_loop_test(tcase, two_ends_that_both_run_are_resolved_when_one_is_gone, 0, 2);
        tcase_add_test(tcase, a_guest_that_shuts_itself_down_during_a_move_rests);
        tcase_add_test(tcase, a_move_is_refused_with_the_rule_that_binds);
        tcase_add_test(tcase, an_ocf_role_is_stopped_here_and_started_there);
        tcase_add_loop_test(tcase, an_ocf_role_that_is_stopped_on_its_way_forgets_where_to, 0, 2);
        tcase_add_test(tcase, a_drained_role_remembers_its_home_until_it_is_back);
        tcase_add_test(tcase, an_operators_move_elsewhere_forgets_the_home);
        tcase_add_loop_test(tcase, a_move_that_ends_on_a_lost_node_recovers, 0, 2);
        tcase_add_loop_test(tcase, a_random_history_keeps_the_rules, 1, 9);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
