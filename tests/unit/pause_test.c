/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster.h"

#include <check.h>
#include <stdlib.h>

#include "clusterd/base/text.h"
#include "tests/unit/core_desk.h"
#include "tests/unit/suite_run.h"

/* Automatic reactions are paused. n2 runs vm01 and has a fence device. */

#define PAUSE_MS 120000

static struct desk desk;

static void pause(void)
{
        struct command command = { .kind = COMMAND_CLUSTER_PAUSE };
        command.cluster_pause.for_ms = PAUSE_MS;
        ck_assert_int_eq(desk_ask(&desk, &command), REPLY_DONE);
}

static enum reply_outcome resume(void)
{
        struct command command = { .kind = COMMAND_CLUSTER_RESUME };
        return desk_ask(&desk, &command);
}

static void begin(void)
{
        desk_begin(&desk);
        desk_view(&desk, node_set_of(2));
        desk_online_at(&desk, "vm01", 2);
        struct command command = { .kind = COMMAND_FENCE_ADD };
        TEXT_COPY(command.fence_add.name, "ipmi");
        TEXT_COPY(command.fence_add.agent, "fence_ipmilan");
        command.fence_add.targets = node_set_of(2);
        command.fence_add.level = 1;
        ck_assert_int_eq(desk_ask(&desk, &command), REPLY_DONE);
}

static void end(void)
{
        desk_end(&desk);
}

static const struct node *lost_node(void)
{
        return model_node(cluster_model(desk.cluster), 2);
}

START_TEST(a_lost_node_is_left_alone_until_the_pause_is_over)
{
        pause();
        uint64_t paused_ms = desk.now_ms;
        desk_view(&desk, 0);
        desk_wait(&desk, PAUSE_MS - 10 - (desk.now_ms - paused_ms));
        ck_assert_int_eq(lost_node()->state, NODE_LOST);
        ck_desk_state(&desk, "vm01", ROLE_RECOVERING);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_FENCE), 0);
        desk_wait(&desk, 100);
        ck_assert_uint_eq(cluster_model(desk.cluster)->settings.pause_ms, 0);
        ck_assert_int_eq(lost_node()->evidence.kind, EVIDENCE_GUARD_EXPIRED); /* long ago */
        ck_assert_uint_eq(desk_role(&desk, "vm01")->owner, 1);
}
END_TEST

START_TEST(agents_at_work_are_ended_and_what_they_did_proves_nothing_later)
{
        desk_view(&desk, 0);
        uint64_t attempt = desk_take(&desk, CLUSTER_ACTION_FENCE)->fence.attempt;
        pause();
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_FENCE_END), 1);
        desk_fence_done(&desk, attempt, 2, "ipmi", true);
        desk_wait(&desk, 1000);
        ck_assert_int_eq(lost_node()->state, NODE_LOST);
        ck_assert_int_eq(resume(), REPLY_DONE);
        desk_wait(&desk, 10);
        ck_assert_int_eq(lost_node()->state, NODE_LOST);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_FENCE), 2);
}
END_TEST

START_TEST(a_role_whose_owner_is_proven_off_waits_too)
{
        pause();
        desk_view(&desk, 0);
        ck_assert_int_eq(desk_confirm_off(&desk, 2), REPLY_DONE);
        desk_wait(&desk, 5000);
        ck_desk_state(&desk, "vm01", ROLE_RECOVERING);
        ck_assert_int_eq(resume(), REPLY_DONE);
        desk_wait(&desk, 100);
        ck_assert_uint_eq(desk_role(&desk, "vm01")->owner, 1);
}
END_TEST

START_TEST(an_operator_can_have_a_node_turned_off_all_the_same)
{
        pause();
        struct command command = { .kind = COMMAND_NODE_FENCE };
        command.node.node = 2;
        ck_assert_int_eq(desk_ask(&desk, &command), REPLY_DONE);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_FENCE), 1);
}
END_TEST

START_TEST(a_node_that_is_back_goes_on_as_if_nothing_had_been)
{
        pause();
        desk_view(&desk, 0);
        desk_wait(&desk, 30000);
        desk_view(&desk, node_set_of(2));
        desk_hear_report(&desk, "vm01", 2, REPORT_RUNNING);
        desk_wait(&desk, PAUSE_MS);
        ck_desk_state(&desk, "vm01", ROLE_ONLINE);
        ck_assert_uint_eq(desk_role(&desk, "vm01")->owner, 2);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_FENCE), 0);
}
END_TEST

/* The guard's clock begins anew when a move to the lost node has ended, in a pause as well. */
START_TEST(a_guest_that_may_have_arrived_during_the_pause_is_waited_for)
{
        desk_online(&desk, "vm02");
        ck_assert_int_eq(desk_move(&desk, "vm02", 2), REPLY_DONE);
        pause();
        desk_view(&desk, 0);
        desk_wait(&desk, 60000);
        desk_done(&desk, "vm02", OPERATION_MOVE, OPERATION_SUCCEEDED, OBSERVED_ABSENT_MOVED);
        desk_wait(&desk, 100);
        ck_assert_int_eq(resume(), REPLY_DONE);
        desk_wait(&desk, 10000);
        ck_assert_int_eq(lost_node()->state, NODE_LOST);
        desk_wait(&desk, 20000);
        ck_assert_int_eq(lost_node()->evidence.kind, EVIDENCE_GUARD_EXPIRED);
}
END_TEST

START_TEST(what_is_not_paused_cannot_be_resumed_and_a_pause_has_an_end)
{
        ck_assert_int_eq(resume(), REPLY_REFUSED);
        struct command command = { .kind = COMMAND_CLUSTER_PAUSE };
        ck_assert_int_eq(desk_ask(&desk, &command), REPLY_REFUSED);
        command.cluster_pause.for_ms = PAUSE_MOST_MS + 1;
        ck_assert_int_eq(desk_ask(&desk, &command), REPLY_REFUSED);
        pause();
        desk_wait(&desk, PAUSE_MS / 2);
        pause(); /* begins anew */
        desk_wait(&desk, PAUSE_MS - 10);
        ck_assert_uint_eq(cluster_model(desk.cluster)->settings.pause_ms, PAUSE_MS);
        desk_wait(&desk, 20);
        ck_assert_uint_eq(cluster_model(desk.cluster)->settings.pause_ms, 0);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("pause");
        TCase *tcase = tcase_create("pause");
        tcase_set_timeout(tcase, 60);
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, a_lost_node_is_left_alone_until_the_pause_is_over);
        tcase_add_test(tcase, agents_at_work_are_ended_and_what_they_did_proves_nothing_later);
        tcase_add_test(tcase, a_role_whose_owner_is_proven_off_waits_too);
        tcase_add_test(tcase, an_operator_can_have_a_node_turned_off_all_the_same);
        tcase_add_test(tcase, a_node_that_is_back_goes_on_as_if_nothing_had_been);
        tcase_add_test(tcase, a_guest_that_may_have_arrived_during_the_pause_is_waited_for);
        tcase_add_test(tcase, what_is_not_paused_cannot_be_resumed_and_a_pause_has_an_end);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
