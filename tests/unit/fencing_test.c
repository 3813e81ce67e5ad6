/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster.h"

#include <check.h>
#include <stdlib.h>

#include "clusterd/base/text.h"
#include "tests/unit/core_desk.h"

/* The leader proves that a lost node is off. Node 2 runs vm01 and is lost. */

static struct desk desk;

/* After this long without contact a guard has expired, with all that stands behind it. */
static uint64_t guard_ms(void)
{
        return settings_default.isolation_hold_ms + settings_default.stop_grace_ms +
               settings_default.watchdog_ms + settings_default.margin_ms;
}

static void begin(void)
{
        desk_begin(&desk);
        desk_view(&desk, node_set_of(2));
        desk_online_at(&desk, "vm01", 2);
}

static void end(void)
{
        desk_end(&desk);
}

static void add_device(const char *name)
{
        struct command command = { .kind = COMMAND_FENCE_ADD };
        TEXT_COPY(command.fence_add.name, name);
        TEXT_COPY(command.fence_add.agent, "fence_ipmilan");
        command.fence_add.targets = node_set_of(2);
        ck_assert_int_eq(desk_ask(&desk, &command), REPLY_DONE);
}

static const struct node *lost_node(void)
{
        return model_node(cluster_model(desk.cluster), 2);
}

START_TEST(a_lost_node_is_fenced_and_its_role_started_here)
{
        add_device("ipmi");
        desk_view(&desk, 0);
        ck_assert_int_eq(lost_node()->state, NODE_LOST);
        ck_desk_state(&desk, "vm01", ROLE_RECOVERING);
        const struct cluster_action *fence = desk_take(&desk, CLUSTER_ACTION_FENCE);
        ck_assert_ptr_nonnull(fence);
        ck_assert_uint_eq(fence->fence.node, 2);
        ck_assert_str_eq(fence->fence.node_name, "n2");
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_START), 0);
        desk_fence_done(&desk, fence->fence.attempt, 2, true);
        desk_wait(&desk, 10);
        ck_assert_int_eq(lost_node()->state, NODE_DOWN);
        ck_assert_int_eq(lost_node()->evidence.kind, EVIDENCE_POWERED_OFF);
        ck_assert_str_eq(lost_node()->evidence.text, "ipmi");
        ck_assert_uint_eq(desk_role(&desk, "vm01")->owner, 1);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_START), 1);
}
END_TEST

START_TEST(all_devices_are_asked_at_once_and_one_is_enough)
{
        add_device("ipmi");
        add_device("pdu");
        desk_view(&desk, 0);
        const struct cluster_action *one = desk_take(&desk, CLUSTER_ACTION_FENCE);
        const struct cluster_action *other = desk_take(&desk, CLUSTER_ACTION_FENCE);
        ck_assert(one != NULL && other != NULL);
        ck_assert_uint_eq(one->fence.attempt, other->fence.attempt);
        desk_fence_done(&desk, one->fence.attempt, 2, _i == 0);
        desk_wait(&desk, 10);
        ck_assert_int_eq(lost_node()->state, _i == 0 ? NODE_DOWN : NODE_LOST);
        desk_fence_done(&desk, one->fence.attempt, 2, _i != 0);
        desk_wait(&desk, 10);
        ck_assert_int_eq(lost_node()->state, NODE_DOWN);
}
END_TEST

START_TEST(what_fails_is_tried_again_for_ever_with_pauses)
{
        add_device("ipmi");
        struct command without = { .kind = COMMAND_NODE_JOIN };
        without.node_join =
                (struct command_node_join){ .node = 2, .name = "n2", .boot = 21, .memory_mib = 4096 };
        desk_hear(&desk, 2, &without);
        ck_assert(!lost_node()->watchdog);
        desk_view(&desk, 0);
        for (int i = 0; i < 600; i++) {
                const struct cluster_action *fence = desk_take(&desk, CLUSTER_ACTION_FENCE);
                if (fence != NULL)
                        desk_fence_done(&desk, fence->fence.attempt, 2, false);
                desk_wait(&desk, 500);
        }
        ck_assert_int_eq(lost_node()->state, NODE_LOST);
        ck_desk_state(&desk, "vm01", ROLE_RECOVERING);
        ck_assert_uint_ge(desk_count(&desk, CLUSTER_ACTION_FENCE), 10); /* of 300 s */
        ck_assert_uint_le(desk_count(&desk, CLUSTER_ACTION_FENCE), 20);
}
END_TEST

START_TEST(an_answer_about_an_earlier_loss_is_not_used)
{
        add_device("ipmi");
        desk_view(&desk, 0);
        uint64_t old = desk_take(&desk, CLUSTER_ACTION_FENCE)->fence.attempt;
        desk_view(&desk, node_set_of(2));
        ck_assert_int_eq(lost_node()->state, NODE_UP);
        desk_hear_report(&desk, "vm01", 2, REPORT_RUNNING);
        desk_fence_done(&desk, old, 2, true); /* while it is here */
        desk_wait(&desk, 10);
        ck_assert_int_eq(lost_node()->state, NODE_UP);
        desk_view(&desk, 0);
        ck_assert_int_eq(lost_node()->state, NODE_LOST);
        uint64_t now = desk_take(&desk, CLUSTER_ACTION_FENCE)->fence.attempt;
        ck_assert_uint_ne(now, old);
        desk_fence_done(&desk, old, 2, true);
        desk_wait(&desk, 10);
        ck_assert_int_eq(lost_node()->state, NODE_LOST);
        desk_fence_done(&desk, now, 2, true);
        desk_wait(&desk, 10);
        ck_assert_int_eq(lost_node()->state, NODE_DOWN);
}
END_TEST

START_TEST(without_a_device_the_expiry_of_its_guard_is_waited_for)
{
        desk_wait(&desk, 2000);
        uint64_t lost_ms = desk.now_ms;
        desk_view(&desk, 0);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_FENCE), 0);
        desk_wait(&desk, lost_ms + guard_ms() - 1 - desk.now_ms);
        ck_assert_int_eq(lost_node()->state, NODE_LOST);
        desk_wait(&desk, 1000);
        ck_assert_int_eq(lost_node()->state, NODE_DOWN);
        ck_assert_int_eq(lost_node()->evidence.kind, EVIDENCE_GUARD_EXPIRED);
        ck_assert_uint_eq(desk_role(&desk, "vm01")->owner, 1);
}
END_TEST

START_TEST(without_device_and_watchdog_only_an_operator_can_tell)
{
        struct command command = { .kind = COMMAND_NODE_JOIN };
        command.node_join =
                (struct command_node_join){ .node = 2, .name = "n2", .boot = 21, .memory_mib = 4096 };
        desk_hear(&desk, 2, &command);
        desk_view(&desk, 0);
        desk_wait(&desk, 600000);
        ck_assert_int_eq(lost_node()->state, NODE_LOST);
        struct command confirm = { .kind = COMMAND_NODE_CONFIRM_OFF };
        confirm.node.node = 2;
        ck_assert_int_eq(desk_ask(&desk, &confirm), REPLY_DONE);
        desk_wait(&desk, 10);
        ck_assert_uint_eq(desk_role(&desk, "vm01")->owner, 1);
}
END_TEST

/* Its daemon is gone and corosync is not: it is in contact, so its guests run on. */
START_TEST(a_node_that_is_still_connected_is_not_lost)
{
        add_device("ipmi");
        desk_view_connected(&desk, 0, node_set_of(2));
        desk_wait(&desk, 60000);
        ck_assert_int_eq(lost_node()->state, NODE_UP);
        ck_desk_state(&desk, "vm01", ROLE_ONLINE);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_FENCE), 0);
        struct command confirm = { .kind = COMMAND_NODE_CONFIRM_OFF };
        confirm.node.node = 2;
        ck_assert_int_eq(desk_ask(&desk, &confirm), REPLY_REFUSED);
}
END_TEST

START_TEST(an_operator_can_have_a_connected_node_turned_off)
{
        add_device("ipmi");
        struct command command = { .kind = COMMAND_NODE_FENCE };
        command.node.node = 2;
        ck_assert_int_eq(desk_ask(&desk, &command), REPLY_DONE);
        const struct cluster_action *fence = desk_take(&desk, CLUSTER_ACTION_FENCE);
        ck_assert_ptr_nonnull(fence);
        desk_wait(&desk, 2 * guard_ms());
        ck_assert_int_eq(lost_node()->state, NODE_LOST); /* it is connected: no expiry of a guard */
        desk_fence_done(&desk, fence->fence.attempt, 2, true);
        ck_assert_int_eq(lost_node()->state, NODE_DOWN);
}
END_TEST

START_TEST(nonsense_about_fencing_is_ignored)
{
        add_device("ipmi");
        desk_fence_done(&desk, 0, 2, true);
        desk_fence_done(&desk, 99, 65, true);
        desk_fence_done(&desk, 99, 0, true);
        desk_view(&desk, 0);
        const struct cluster_action *fence = desk_take(&desk, CLUSTER_ACTION_FENCE);
        desk_fence_done(&desk, fence->fence.attempt + 1, 2, true);
        desk_fence_done(&desk, 0, 2, true);
        desk_wait(&desk, 10);
        ck_assert_int_eq(lost_node()->state, NODE_LOST);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("fencing");
        TCase *tcase = tcase_create("fencing");
        tcase_set_timeout(tcase, 30);
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, a_lost_node_is_fenced_and_its_role_started_here);
        tcase_add_loop_test(tcase, all_devices_are_asked_at_once_and_one_is_enough, 0, 2);
        tcase_add_test(tcase, what_fails_is_tried_again_for_ever_with_pauses);
        tcase_add_test(tcase, an_answer_about_an_earlier_loss_is_not_used);
        tcase_add_test(tcase, without_a_device_the_expiry_of_its_guard_is_waited_for);
        tcase_add_test(tcase, without_device_and_watchdog_only_an_operator_can_tell);
        tcase_add_test(tcase, a_node_that_is_still_connected_is_not_lost);
        tcase_add_test(tcase, an_operator_can_have_a_connected_node_turned_off);
        tcase_add_test(tcase, nonsense_about_fencing_is_ignored);
        suite_add_tcase(suite, tcase);
        SRunner *runner = srunner_create(suite);
        srunner_run_all(runner, CK_NORMAL);
        int failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
