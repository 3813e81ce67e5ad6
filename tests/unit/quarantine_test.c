/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster.h"

#include <check.h>
#include <stdlib.h>

#include "clusterd/base/text.h"
#include "tests/unit/core_desk.h"
#include "tests/unit/suite_run.h"

/* A node that is lost again and again. This leader is n1; n2 runs vm01. */

static struct desk desk;

static void begin(void)
{
        desk_begin(&desk);
        desk_view(&desk, node_set_of(2) | node_set_of(3));
        desk_online_at(&desk, "vm01", 2);
}

static void end(void)
{
        desk_end(&desk);
}

static const struct node *the_node(uint32_t node)
{
        return model_node(cluster_model(desk.cluster), node);
}

static void lose_and_find(uint32_t node)
{
        desk_view(&desk, (node_set_of(2) | node_set_of(3)) & ~node_set_of(node));
        ck_assert_int_ne(the_node(node)->state, NODE_UP);
        desk_view(&desk, node_set_of(2) | node_set_of(3));
        ck_assert_int_eq(the_node(node)->state, NODE_UP);
        if (node == 2)
                desk_hear_report(&desk, "vm01", 2, REPORT_RUNNING);
        desk_wait(&desk, 100);
}

static void about(enum command_kind kind, uint32_t node, enum reply_outcome want)
{
        struct command command = { .kind = kind };
        command.node.node = node;
        ck_assert_int_eq(desk_ask(&desk, &command), want);
        desk_wait(&desk, 10);
}

static void set(uint32_t fields, uint32_t losses, uint32_t window_ms, uint32_t quarantine_ms)
{
        struct command command = { .kind = COMMAND_CLUSTER_SET };
        command.cluster_set.fields = fields;
        command.cluster_set.settings.quarantine_losses = losses;
        command.cluster_set.settings.quarantine_window_ms = window_ms;
        command.cluster_set.settings.quarantine_ms = quarantine_ms;
        ck_assert_int_eq(desk_ask(&desk, &command), REPLY_DONE);
}

START_TEST(the_third_loss_within_an_hour_quarantines)
{
        lose_and_find(2);
        lose_and_find(2);
        ck_assert_int_eq(the_node(2)->duty, DUTY_ACTIVE);
        ck_desk_state(&desk, "vm01", ROLE_ONLINE);
        lose_and_find(2);
        ck_assert_int_eq(the_node(2)->duty, DUTY_QUARANTINED);
        ck_desk_state(&desk, "vm01", ROLE_MOVING); /* it is drained when it returns */
        ck_assert_uint_eq(desk_role(&desk, "vm01")->owner, 2);
        about(COMMAND_NODE_QUARANTINE, 2, REPLY_REFUSED);
}
END_TEST

START_TEST(losses_that_are_long_ago_do_not_count)
{
        lose_and_find(2);
        lose_and_find(2);
        desk_wait(&desk, settings_default.quarantine_window_ms);
        lose_and_find(2);
        ck_assert_int_eq(the_node(2)->duty, DUTY_ACTIVE);
}
END_TEST

START_TEST(how_often_is_a_setting_and_zero_is_never)
{
        set(SETTINGS_FIELD_QUARANTINE_LOSSES, _i == 0 ? 2 : 0, 0, 0);
        lose_and_find(2);
        ck_assert_int_eq(the_node(2)->duty, DUTY_ACTIVE);
        for (int loss = 0; loss < (_i == 0 ? 1 : 6); loss++)
                lose_and_find(2);
        ck_assert_int_eq(the_node(2)->duty, _i == 0 ? DUTY_QUARANTINED : DUTY_ACTIVE);
}
END_TEST

START_TEST(it_ends_after_its_time)
{
        set(SETTINGS_FIELD_QUARANTINE, 0, 0, 60000);
        for (int loss = 0; loss < 3; loss++)
                lose_and_find(2);
        ck_assert_int_eq(the_node(2)->duty, DUTY_QUARANTINED);
        uint64_t seen_ms = desk.now_ms;
        desk_wait(&desk, 57000);
        ck_assert_int_eq(the_node(2)->duty, DUTY_QUARANTINED);
        desk_wait(&desk, seen_ms + 60000 - desk.now_ms);
        ck_assert_int_eq(the_node(2)->duty, DUTY_ACTIVE);
        ck_assert_str_eq(the_node(2)->reason, "its time is over");
        desk_wait(&desk, 60000);
        ck_assert_int_eq(the_node(2)->duty, DUTY_ACTIVE); /* what it did before is forgiven */
}
END_TEST

START_TEST(an_operator_ends_it)
{
        about(COMMAND_NODE_RELEASE, 2, REPLY_REFUSED);
        for (int loss = 0; loss < 3; loss++)
                lose_and_find(2);
        ck_assert_int_eq(the_node(2)->duty, DUTY_QUARANTINED);
        about(_i == 0 ? COMMAND_NODE_RELEASE : COMMAND_NODE_RESUME, 2, REPLY_DONE);
        ck_assert_int_eq(the_node(2)->duty, DUTY_ACTIVE);
        lose_and_find(2);
        ck_assert_int_eq(the_node(2)->duty, DUTY_ACTIVE);
}
END_TEST

START_TEST(a_node_that_is_drained_may_come_and_go)
{
        about(COMMAND_NODE_DRAIN, 3, REPLY_DONE);
        for (int loss = 0; loss < 4; loss++)
                lose_and_find(3);
        ck_assert_int_eq(the_node(3)->duty, DUTY_DRAINED);
        about(COMMAND_NODE_RESUME, 3, REPLY_DONE);
        ck_assert_int_eq(the_node(3)->duty, DUTY_ACTIVE);
}
END_TEST

/* One at a time, of so few nodes: what all of them see is not their fault. */
START_TEST(not_everybody_is_quarantined)
{
        for (int loss = 0; loss < 3; loss++)
                lose_and_find(2);
        for (int loss = 0; loss < 4; loss++)
                lose_and_find(3);
        ck_assert_int_eq(the_node(2)->duty, DUTY_QUARANTINED);
        ck_assert_int_eq(the_node(3)->duty, DUTY_ACTIVE);
}
END_TEST

START_TEST(the_last_open_node_is_never_quarantined_and_a_needed_one_is_released)
{
        about(COMMAND_NODE_DRAIN, 1, REPLY_DONE);
        if (_i == 0)
                about(COMMAND_NODE_DRAIN, 3, REPLY_DONE);
        for (int loss = 0; loss < 3; loss++)
                lose_and_find(2);
        ck_assert_int_eq(the_node(2)->duty, _i == 0 ? DUTY_ACTIVE : DUTY_QUARANTINED);
        about(COMMAND_NODE_DRAIN, 3, REPLY_DONE);
        ck_assert_int_eq(the_node(2)->duty, DUTY_ACTIVE);
        if (_i == 1)
                ck_assert_str_eq(the_node(2)->reason, "no other node is open for roles");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("quarantine");
        TCase *tcase = tcase_create("quarantine");
        tcase_set_timeout(tcase, 60);
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, the_third_loss_within_an_hour_quarantines);
        tcase_add_test(tcase, losses_that_are_long_ago_do_not_count);
        tcase_add_loop_test(tcase, how_often_is_a_setting_and_zero_is_never, 0, 2);
        tcase_add_test(tcase, it_ends_after_its_time);
        tcase_add_loop_test(tcase, an_operator_ends_it, 0, 2);
        tcase_add_test(tcase, a_node_that_is_drained_may_come_and_go);
        tcase_add_test(tcase, not_everybody_is_quarantined);
        tcase_add_loop_test(tcase, the_last_open_node_is_never_quarantined_and_a_needed_one_is_released, 0,
                            2);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
