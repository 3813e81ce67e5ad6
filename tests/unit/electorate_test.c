/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster.h"

#include <check.h>
#include <stdlib.h>

#include "tests/unit/core_desk.h"
#include "tests/unit/suite_run.h"

/* Changes of the voters: which majorities they wait for, and which the leader wants. */

#define N(node) (UINT64_C(1) << ((node)-1))

static struct desk desk;

static void begin(void)
{
        desk_begin(&desk);
        desk_view(&desk, N(2) | N(3));
        desk.puppets_store_nothing = true;
}

static void end(void)
{
        desk_end(&desk);
}

/* Node 1, the only voter, in a cluster whose voters follow. */
static void begin_dynamic(void)
{
        struct model *model = calloc(1, model_bytes(1));
        ck_assert_ptr_nonnull(model);
        model = model_init(model, 1);
        model->settings = settings_default;
        model->settings.voters = N(1);
        desk_restart(&desk, model, 0, 77);
        free(model);
}

static node_set voters(void)
{
        return cluster_model(desk.cluster)->settings.voters;
}

static uint64_t last_index(void)
{
        struct cluster_status status;
        cluster_status_read(desk.cluster, &status);
        return status.last.index;
}

static struct command change(node_set before, node_set after)
{
        struct command command = { .kind = COMMAND_VOTER_SET };
        command.voter_set.before = before;
        command.voter_set.voters = after;
        return command;
}

START_TEST(growing_waits_for_a_majority_of_the_new)
{
        struct command command = change(N(1), N(1) | N(2) | N(3));
        desk_hear(&desk, 2, &command);
        ck_assert_uint_eq(voters(), N(1));
        desk_stored(&desk, 3);
        ck_assert_uint_eq(voters(), N(1) | N(2) | N(3));
}
END_TEST

START_TEST(shrinking_waits_for_a_majority_of_the_old)
{
        struct command command = change(N(1), N(1) | N(2) | N(3));
        desk_hear(&desk, 2, &command);
        desk_stored(&desk, 2);
        command = change(N(1) | N(2) | N(3), N(1));
        desk_hear(&desk, 2, &command);
        ck_assert_uint_eq(voters(), N(1) | N(2) | N(3)); /* node 1 alone is not enough */
        desk_stored(&desk, 2);
        ck_assert_uint_eq(voters(), N(1));
}
END_TEST

START_TEST(behind_a_change_everything_waits_for_it)
{
        struct command command = change(N(1), N(1) | N(2) | N(3));
        desk_hear(&desk, 2, &command);
        ck_assert_int_eq(desk_add(&desk, "vm01"), REPLY_OUTCOME_COUNT); /* no answer yet */
        desk_stored(&desk, 3);
        ck_assert_ptr_nonnull(model_role(cluster_model(desk.cluster), "vm01"));
}
END_TEST

START_TEST(what_came_before_a_change_does_not_wait)
{
        desk.store_is_slow = true;
        struct command command = { .kind = COMMAND_FENCE_REMOVE };
        desk_hear(&desk, 2, &command);
        command = change(N(1), N(1) | N(2) | N(3));
        desk_hear(&desk, 2, &command);
        desk_store(&desk);
        struct cluster_status status;
        cluster_status_read(desk.cluster, &status);
        ck_assert_uint_eq(status.applied.index, status.last.index - 1);
}
END_TEST

START_TEST(the_keeper_knows_of_a_change_before_anybody_hears_that_it_is_stored)
{
        desk.store_is_slow = true;
        struct command command = change(N(1), N(1) | N(2) | N(3));
        desk_hear(&desk, 2, &command);
        ck_assert_uint_eq(desk.told_voters, N(1) | N(2) | N(3));
        ck_assert_uint_eq(desk.told_before, N(1));
        ck_assert_uint_eq(voters(), N(1));
}
END_TEST

START_TEST(a_committed_change_leaves_one_set)
{
        struct command command = change(N(1), N(1) | N(2) | N(3));
        node_set now, before;
        desk_hear(&desk, 2, &command);
        desk_stored(&desk, 3);
        cluster_voters(desk.cluster, &now, &before);
        ck_assert_uint_eq(now, N(1) | N(2) | N(3));
        ck_assert_uint_eq(before, 0);
}
END_TEST

START_TEST(only_one_change_at_a_time_is_taken)
{
        struct command command = change(N(1), N(1) | N(2) | N(3)), other = change(N(1), N(1) | N(2));
        desk_hear(&desk, 2, &command);
        uint64_t last = last_index();
        desk_hear(&desk, 3, &other);
        ck_assert_uint_eq(last_index(), last);
        desk_stored(&desk, 3);
        ck_assert_uint_eq(voters(), N(1) | N(2) | N(3));
}
END_TEST

START_TEST(a_change_of_voters_that_are_others_is_not_taken)
{
        uint64_t last = last_index();
        struct command command = change(N(1) | N(2), N(1)), none = change(N(1), 0);
        desk_hear(&desk, 2, &command);
        desk_hear(&desk, 2, &none);
        ck_assert_uint_eq(last_index(), last);
        ck_assert_uint_eq(voters(), N(1));
}
END_TEST

START_TEST(who_is_back_and_level_votes_and_who_is_lost_does_not)
{
        desk_view(&desk, N(2) | N(3));
        desk_wait(&desk, 100);
        ck_assert_uint_eq(voters(), N(1) | N(2) | N(3));
        desk_view(&desk, N(2) | N(3) | N(4));
        desk_wait(&desk, 100);
        ck_assert_uint_eq(voters(), N(1) | N(2) | N(3)); /* halves must not tie */
        desk_view(&desk, N(2) | N(3) | N(4) | N(5));
        desk_wait(&desk, 100);
        ck_assert_uint_eq(voters(), N(1) | N(2) | N(3) | N(4) | N(5));
        desk_view(&desk, N(3) | N(4));
        desk_wait(&desk, 100);
        ck_assert_uint_eq(voters(), N(1) | N(3) | N(4));
        desk_view(&desk, N(4));
        desk_wait(&desk, 100);
        ck_assert_uint_eq(voters(), N(1));
        desk_view(&desk, 0);
        desk_wait(&desk, 100);
        ck_assert_uint_eq(voters(), N(1));
        ck_assert_int_eq(desk_add(&desk, "vm01"), REPLY_DONE); /* the last one goes on */
}
END_TEST

START_TEST(a_voter_that_never_came_is_waited_for_after_a_cold_start)
{
        struct command command = change(N(1), N(1) | N(2) | N(3));
        desk_view(&desk, N(2));
        desk_hear(&desk, 2, &command);
        ck_assert_uint_eq(voters(), N(1) | N(2) | N(3));
        desk_wait(&desk, 5000);
        ck_assert_uint_eq(voters(), N(1) | N(2) | N(3));
        desk_wait(&desk, 10000);
        ck_assert_uint_eq(voters(), N(1));
}
END_TEST

START_TEST(one_whose_daemon_is_away_keeps_its_vote)
{
        desk_view(&desk, N(2) | N(3));
        desk_wait(&desk, 100);
        desk_view_connected(&desk, N(2), N(3));
        desk_wait(&desk, 30000);
        ck_assert_uint_eq(voters(), N(1) | N(2) | N(3));
}
END_TEST

START_TEST(of_two_the_first_votes)
{
        desk_view(&desk, N(2));
        desk_wait(&desk, 30000);
        ck_assert_uint_eq(voters(), N(1));
}
END_TEST

START_TEST(votequorum_is_told_who_is_here_by_the_leader_alone)
{
        desk_view(&desk, N(2) | N(3));
        desk_wait(&desk, 100);
        ck_assert_uint_eq(cluster_expected_votes(desk.cluster).nodes, 3);
        desk_view_connected(&desk, N(2), N(3));
        desk_wait(&desk, 100);
        ck_assert_uint_eq(cluster_expected_votes(desk.cluster).nodes,
                          3); /* its corosync votes there all the same */
        desk_view(&desk, 0);
        desk_wait(&desk, 100);
        ck_assert_uint_eq(cluster_expected_votes(desk.cluster).nodes, 0); /* one of three */
        desk_view(&desk, N(2));
        desk_wait(&desk, 100);
        ck_assert_uint_eq(cluster_expected_votes(desk.cluster).nodes, 2);
        desk_view(&desk, 0);
        desk_wait(&desk, 100);
        ck_assert_uint_eq(cluster_expected_votes(desk.cluster).nodes, 1); /* the one that votes of two */
}
END_TEST

/* A command of an operator, or of the planner. */
static void order(enum command_kind kind, uint32_t node)
{
        struct command command = { .kind = kind };
        command.node.node = node;
        desk_hear(&desk, 2, &command);
        desk_wait(&desk, 100);
}

static void quorum_set(uint32_t fields, bool dynamic, uint32_t node, int32_t priority)
{
        struct command command = { .kind = COMMAND_QUORUM_SET };
        command.quorum_set = (struct command_quorum_set){
                .fields = fields, .dynamic = dynamic, .node = node, .priority = priority
        };
        desk_hear(&desk, 2, &command);
        desk_wait(&desk, 100);
}

static void set_qnetd(void)
{
        struct command command = {
                .kind = COMMAND_WITNESS_SET,
                .witness.witness = { .kind = WITNESS_QNETD, .identity = 7, .place = "qnetd" },
        };
        desk_hear(&desk, 2, &command);
}

static void tell_of_qnetd(uint64_t connection)
{
        struct cluster_event event = {
                .kind = CLUSTER_EVENT_QNETD,
                .qnetd = { .news = QNETD_SIGHT, .votes = connection != 0, .connection = connection }
        };
        desk_step(&desk, &event);
        desk_settle(&desk);
}

/* votequorum counts the vote of a device that it knows: one that is alone would not be quorate there. */
START_TEST(the_vote_of_a_qnetd_that_is_away_is_left_out_where_one_is_alone)
{
        desk_view(&desk, N(2));
        desk_wait(&desk, 100);
        set_qnetd();
        tell_of_qnetd(1);
        desk_wait(&desk, 100);
        tell_of_qnetd(0);
        desk_wait(&desk, 9000);
        ck_assert(!cluster_expected_votes(desk.cluster).left_out); /* two are quorate without it */
        tell_of_qnetd(1);
        desk_view(&desk, 0);
        desk_wait(&desk, 9000);
        ck_assert(!cluster_expected_votes(desk.cluster).left_out);
        tell_of_qnetd(0);
        desk_wait(&desk, 7000);
        ck_assert(!cluster_expected_votes(desk.cluster).left_out);
        desk_wait(&desk, 2000);
        ck_assert(cluster_expected_votes(desk.cluster).left_out);
        ck_assert(!cluster_expected_votes(desk.cluster).device);
}
END_TEST

/* A proposal that was made before it was removed, and another one was set. */
START_TEST(the_vote_of_a_witness_that_was_removed_goes_to_the_one_that_is_set)
{
        desk_view(&desk, N(2));
        desk_wait(&desk, 100);
        set_qnetd();
        const struct settings *settings = &cluster_model(desk.cluster)->settings;
        struct command late = { .kind = COMMAND_VOTER_SET };
        late.voter_set =
                (struct command_voter_set){ .before = settings->voters, .voters = N(1) | N(2), .witness = 9 };
        desk_hear(&desk, 2, &late);
        ck_assert_uint_eq(settings->voters_witness, 9);
        tell_of_qnetd(1);
        desk_wait(&desk, 5000);
        ck_assert_uint_eq(settings->voters_witness, 7);
        ck_assert_uint_eq(voters(), N(1) | N(2));
}
END_TEST

START_TEST(of_two_the_vote_leaves_the_one_that_is_drained_and_comes_back)
{
        desk_view(&desk, N(2));
        desk_wait(&desk, 100);
        order(COMMAND_NODE_DRAIN, 1);
        ck_assert_uint_eq(voters(), N(2));
        order(COMMAND_NODE_RESUME, 1);
        ck_assert_uint_eq(voters(), N(1));
}
END_TEST

static void tell_to_end(void)
{
        struct cluster_event event = { .kind = CLUSTER_EVENT_LEAVING };
        desk_step(&desk, &event);
}

START_TEST(of_two_the_one_that_ends_in_order_hands_its_vote_on)
{
        desk_view(&desk, N(2));
        desk_wait(&desk, 100);
        ck_assert(!cluster_may_leave(desk.cluster));
        tell_to_end();
        desk_wait(&desk, 100);
        ck_assert_uint_eq(voters(), N(2));
        ck_assert(cluster_may_leave(desk.cluster));
}
END_TEST

/* By its heartbeats; when it has started again it says so no more. */
START_TEST(of_two_the_other_is_heard_to_end)
{
        desk_view(&desk, N(2));
        desk_wait(&desk, 100);
        quorum_set(QUORUM_FIELD_PRIORITY, false, 2, 1);
        ck_assert_uint_eq(voters(), N(2));
        desk.leavers = N(2);
        desk_wait(&desk, 600); /* its next heartbeat */
        ck_assert_uint_eq(voters(), N(1));
        desk.leavers = 0;
        desk_wait(&desk, 600);
        ck_assert_uint_eq(voters(), N(2));
}
END_TEST

/* Nobody is there, the others do without it, or its vote cannot go to anybody. */
START_TEST(who_cannot_help_the_others_ends_at_once)
{
        ck_assert(cluster_may_leave(desk.cluster));
        desk_view(&desk, N(2) | N(3));
        desk_wait(&desk, 100);
        ck_assert(cluster_may_leave(desk.cluster));
        quorum_set(QUORUM_FIELD_DYNAMIC, false, 0, 0);
        desk_view(&desk, N(2));
        desk_wait(&desk, 100);
        ck_assert_uint_eq(voters(), N(1) | N(2) | N(3));
        ck_assert(cluster_may_leave(desk.cluster));
}
END_TEST

START_TEST(of_two_the_higher_priority_votes)
{
        desk_view(&desk, N(2));
        desk_wait(&desk, 100);
        quorum_set(QUORUM_FIELD_PRIORITY, false, 2, 1);
        ck_assert_uint_eq(voters(), N(2));
        quorum_set(QUORUM_FIELD_PRIORITY, false, 2, -1);
        ck_assert_uint_eq(voters(), N(1));
        quorum_set(QUORUM_FIELD_PRIORITY, false, 60, 1); /* no such node */
        ck_assert_uint_eq(voters(), N(1));
}
END_TEST

START_TEST(voters_stay_until_they_are_to_follow_again)
{
        desk_view(&desk, N(2) | N(3));
        desk_wait(&desk, 100);
        quorum_set(QUORUM_FIELD_DYNAMIC, false, 0, 0);
        desk_view(&desk, N(2));
        desk_wait(&desk, 100);
        ck_assert_uint_eq(voters(), N(1) | N(2) | N(3));
        quorum_set(QUORUM_FIELD_DYNAMIC, true, 0, 0);
        ck_assert_uint_eq(voters(), N(1));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("electorate");
        TCase *changes = tcase_create("changes"), *leader = tcase_create("leader");
        tcase_add_checked_fixture(changes, begin, end);
        tcase_add_checked_fixture(leader, begin_dynamic, end);
        tcase_add_test(changes, growing_waits_for_a_majority_of_the_new);
        tcase_add_test(changes, shrinking_waits_for_a_majority_of_the_old);
        tcase_add_test(changes, behind_a_change_everything_waits_for_it);
        tcase_add_test(changes, what_came_before_a_change_does_not_wait);
        tcase_add_test(changes, the_keeper_knows_of_a_change_before_anybody_hears_that_it_is_stored);
        tcase_add_test(changes, a_committed_change_leaves_one_set);
        tcase_add_test(changes, only_one_change_at_a_time_is_taken);
        tcase_add_test(changes, a_change_of_voters_that_are_others_is_not_taken);
        tcase_add_test(leader, who_is_back_and_level_votes_and_who_is_lost_does_not);
        tcase_add_test(leader, a_voter_that_never_came_is_waited_for_after_a_cold_start);
        tcase_add_test(leader, one_whose_daemon_is_away_keeps_its_vote);
        tcase_add_test(leader, of_two_the_first_votes);
        tcase_add_test(leader, votequorum_is_told_who_is_here_by_the_leader_alone);
        tcase_add_test(leader, of_two_the_vote_leaves_the_one_that_is_drained_and_comes_back);
        tcase_add_test(leader, of_two_the_one_that_ends_in_order_hands_its_vote_on);
        tcase_add_test(leader, of_two_the_other_is_heard_to_end);
        tcase_add_test(leader, who_cannot_help_the_others_ends_at_once);
        tcase_add_test(leader, the_vote_of_a_qnetd_that_is_away_is_left_out_where_one_is_alone);
        tcase_add_test(leader, the_vote_of_a_witness_that_was_removed_goes_to_the_one_that_is_set);
        tcase_add_test(leader, of_two_the_higher_priority_votes);
        tcase_add_test(leader, voters_stay_until_they_are_to_follow_again);
        suite_add_tcase(suite, changes);
        suite_add_tcase(suite, leader);
        return suite_run(suite);
}
