/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "clusterd/core/explain.h"
#include "tests/unit/core_desk.h"
#include "tests/unit/suite_run.h"

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

static void add_at_level(const char *name, uint32_t level, uint32_t together)
{
        desk_add_device(&desk, name, node_set_of(2), level, together);
}

static void add_device(const char *name)
{
        add_at_level(name, 1, 1);
}

static void take_watchdog_away(void)
{
        struct command without = { .kind = COMMAND_NODE_JOIN };
        without.node_join =
                (struct command_node_join){ .node = 2, .name = "n2", .boot = 21, .memory_mib = 4096 };
        desk_hear(&desk, 2, &without);
}

static const struct node *lost_node(void)
{
        return model_node(cluster_model(desk.cluster), 2);
}

static void ck_waits_for(const char *proof)
{
        char reason[REASON_BYTES];
        ck_assert(role_explain_wait(cluster_model(desk.cluster), desk_role(&desk, "vm01"), reason));
        ck_assert_ptr_nonnull(strstr(reason, proof));
}

START_TEST(a_lost_node_is_fenced_and_its_role_started_here)
{
        add_device("ipmi");
        uint64_t lost_ms = desk.now_ms;
        desk_view(&desk, 0);
        ck_assert_int_eq(lost_node()->state, NODE_LOST);
        ck_desk_state(&desk, "vm01", ROLE_RECOVERING);
        const struct cluster_action *fence = desk_take(&desk, CLUSTER_ACTION_FENCE);
        ck_assert_ptr_nonnull(fence);
        ck_assert_uint_eq(fence->fence.node, 2);
        ck_assert_str_eq(fence->fence.node_name, "n2");
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_START), 0);
        uint64_t off_ms = desk.now_ms;
        desk_fence_done(&desk, fence->fence.attempt, 2, "ipmi", true);
        desk_wait(&desk, 10);
        ck_assert_uint_eq(desk.proven_after_ms, off_ms - lost_ms);
        ck_assert_int_eq(lost_node()->state, NODE_DOWN);
        ck_assert_int_eq(lost_node()->evidence.kind, EVIDENCE_POWERED_OFF);
        ck_assert_str_eq(lost_node()->evidence.text, "ipmi");
        ck_assert_uint_eq(desk_role(&desk, "vm01")->owner, 1);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_START), 1);
}
END_TEST

/* As a node with two power supplies needs it. */
START_TEST(all_devices_of_a_level_have_to_turn_it_off)
{
        add_device("psu-a");
        add_device("psu-b");
        desk_view(&desk, 0);
        const struct cluster_action *one = desk_take(&desk, CLUSTER_ACTION_FENCE);
        const struct cluster_action *other = desk_take(&desk, CLUSTER_ACTION_FENCE);
        ck_assert(one != NULL && other != NULL);
        ck_assert_uint_eq(one->fence.attempt, other->fence.attempt);
        desk_fence_done(&desk, one->fence.attempt, 2, "psu-b", true);
        desk_wait(&desk, 10);
        ck_assert_int_eq(lost_node()->state, NODE_LOST);
        desk_fence_done(&desk, one->fence.attempt, 2, "psu-a", true);
        desk_wait(&desk, 10);
        ck_assert_int_eq(lost_node()->state, NODE_DOWN);
        ck_assert_str_eq(lost_node()->evidence.text, "psu-b and psu-a");
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_FENCE_END), 0);
}
END_TEST

START_TEST(when_one_device_of_a_level_fails_the_next_level_is_tried_at_once)
{
        add_device("psu-a");
        add_device("psu-b");
        add_at_level("ipmi", 3, 1);
        desk_view(&desk, 0);
        uint64_t first = desk_take(&desk, CLUSTER_ACTION_FENCE)->fence.attempt;
        (void)desk_take(&desk, CLUSTER_ACTION_FENCE);
        ck_assert_ptr_null(desk_take(&desk, CLUSTER_ACTION_FENCE));
        desk_fence_done(&desk, first, 2, "psu-a", false);
        desk_settle(&desk);
        const struct cluster_action *end = desk_take(&desk, CLUSTER_ACTION_FENCE_END);
        ck_assert_ptr_nonnull(end);
        ck_assert_uint_eq(end->fence.attempt, first);
        const struct cluster_action *second = desk_take(&desk, CLUSTER_ACTION_FENCE);
        ck_assert_ptr_nonnull(second);
        ck_assert_uint_ne(second->fence.attempt, first);
        desk_fence_done(&desk, first, 2, "psu-b", true); /* too late, and not enough */
        desk_wait(&desk, 10);
        ck_assert_int_eq(lost_node()->state, NODE_LOST);
        desk_fence_done(&desk, second->fence.attempt, 2, "ipmi", true);
        desk_wait(&desk, 10);
        ck_assert_int_eq(lost_node()->state, NODE_DOWN);
        ck_assert_str_eq(lost_node()->evidence.text, "ipmi");
}
END_TEST

START_TEST(after_the_last_level_the_first_is_tried_again_after_a_pause)
{
        add_device("ipmi");
        add_at_level("pdu", 2, 1);
        desk_view(&desk, 0);
        for (int round = 0; round < 3; round++) {
                for (int level = 0; level < 2; level++) {
                        const struct cluster_action *fence = desk_take(&desk, CLUSTER_ACTION_FENCE);
                        ck_assert_ptr_nonnull(fence);
                        desk_fence_done(&desk, fence->fence.attempt, 2, level == 0 ? "ipmi" : "pdu", false);
                        desk_settle(&desk);
                }
                desk_wait(&desk, (1000u << round) - 1);
                ck_assert_ptr_null(desk_take(&desk, CLUSTER_ACTION_FENCE));
                desk_wait(&desk, 1);
        }
}
END_TEST

/* One of two power supplies says nothing, so long as the other is not known. */
START_TEST(a_level_that_lacks_a_device_is_not_used)
{
        add_at_level("psu-a", 1, 2);
        desk_view(&desk, 0);
        desk_wait(&desk, 2000);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_FENCE), 0);
        ck_waits_for("its guard has to expire");
        add_at_level("psu-b", 1, 2);
        desk_settle(&desk);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_FENCE), 2);
        ck_waits_for("its fence devices are being tried");
}
END_TEST

START_TEST(agents_at_work_are_ended_when_another_proof_comes_first)
{
        add_device("ipmi");
        desk_view(&desk, 0);
        uint64_t attempt = desk_take(&desk, CLUSTER_ACTION_FENCE)->fence.attempt;
        desk_wait(&desk, guard_ms() + 1000);
        ck_assert_int_eq(lost_node()->evidence.kind, EVIDENCE_GUARD_EXPIRED);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_FENCE_END), 1);
        ck_assert_uint_eq(desk_take(&desk, CLUSTER_ACTION_FENCE_END)->fence.attempt, attempt);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_FENCE), 1);
}
END_TEST

START_TEST(agents_at_work_are_ended_when_the_node_is_back)
{
        add_device("ipmi");
        desk_view(&desk, 0);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_FENCE), 1);
        desk_view(&desk, node_set_of(2));
        ck_assert_int_eq(lost_node()->state, NODE_UP);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_FENCE_END), 1);
}
END_TEST

START_TEST(what_fails_is_tried_again_for_ever_with_pauses)
{
        add_device("ipmi");
        take_watchdog_away();
        ck_assert(!lost_node()->watchdog);
        desk_view(&desk, 0);
        for (int i = 0; i < 600; i++) {
                const struct cluster_action *fence = desk_take(&desk, CLUSTER_ACTION_FENCE);
                if (fence != NULL)
                        desk_fence_done(&desk, fence->fence.attempt, 2, "ipmi", false);
                desk_wait(&desk, 500);
        }
        ck_assert_int_eq(lost_node()->state, NODE_LOST);
        ck_desk_state(&desk, "vm01", ROLE_RECOVERING);
        ck_assert_uint_ge(desk_count(&desk, CLUSTER_ACTION_FENCE), 10); /* of 300 s */
        ck_assert_uint_le(desk_count(&desk, CLUSTER_ACTION_FENCE), 20);
}
END_TEST

START_TEST(the_first_answers_of_a_device_are_in_the_history)
{
        add_device("ipmi");
        take_watchdog_away();
        desk_view(&desk, 0);
        for (int answer = 0; answer < 22; answer++) {
                const struct cluster_action *fence = desk_take(&desk, CLUSTER_ACTION_FENCE);
                while (fence == NULL) {
                        desk_wait(&desk, 500);
                        fence = desk_take(&desk, CLUSTER_ACTION_FENCE);
                }
                uint64_t before = desk.entries;
                desk_fence_done(&desk, fence->fence.attempt, 2, "ipmi", false);
                desk_settle(&desk);
                ck_assert_uint_eq(desk.entries - before, answer < 3 || answer == 20);
        }
}
END_TEST

START_TEST(a_node_is_not_turned_off_twice_in_a_row_without_a_pause)
{
        add_device("ipmi");
        desk_view(&desk, 0);
        const struct cluster_action *fence = desk_take(&desk, CLUSTER_ACTION_FENCE);
        desk_fence_done(&desk, fence->fence.attempt, 2, "ipmi", true);
        uint64_t off_ms = desk.now_ms;
        desk_wait(&desk, 10);
        desk_view(&desk, node_set_of(2));
        ck_assert_int_eq(lost_node()->state, NODE_UP);
        desk_online_at(&desk, "vm02", 2);
        desk_view(&desk, 0);
        ck_assert_int_eq(lost_node()->state, NODE_LOST);
        ck_assert_ptr_null(desk_take(&desk, CLUSTER_ACTION_FENCE));
        if (_i == 0) {
                desk_wait(&desk, off_ms + 5000 - 1 - desk.now_ms);
                ck_assert_ptr_null(desk_take(&desk, CLUSTER_ACTION_FENCE));
                desk_wait(&desk, 1);
        } else {
                struct command command = { .kind = COMMAND_NODE_FENCE };
                command.node.node = 2;
                ck_assert_int_eq(desk_ask(&desk, &command), REPLY_DONE); /* an operator does not wait */
        }
        ck_assert_ptr_nonnull(desk_take(&desk, CLUSTER_ACTION_FENCE));
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
        desk_fence_done(&desk, old, 2, "ipmi", true); /* while it is here */
        desk_wait(&desk, 10);
        ck_assert_int_eq(lost_node()->state, NODE_UP);
        desk_view(&desk, 0);
        ck_assert_int_eq(lost_node()->state, NODE_LOST);
        uint64_t now = desk_take(&desk, CLUSTER_ACTION_FENCE)->fence.attempt;
        ck_assert_uint_ne(now, old);
        desk_fence_done(&desk, old, 2, "ipmi", true);
        desk_wait(&desk, 10);
        ck_assert_int_eq(lost_node()->state, NODE_LOST);
        desk_fence_done(&desk, now, 2, "ipmi", true);
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
        take_watchdog_away();
        desk_view(&desk, 0);
        desk_wait(&desk, 600000);
        ck_assert_int_eq(lost_node()->state, NODE_LOST);
        ck_assert_int_eq(desk_confirm_off(&desk, 2), REPLY_DONE);
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
        ck_assert_int_eq(desk_confirm_off(&desk, 2), REPLY_REFUSED);
}
END_TEST

/* It goes by the times that it knows, and may be lost later than anybody remembers what those were. */
START_TEST(times_are_not_shortened_behind_the_back_of_a_node)
{
        struct command set = { .kind = COMMAND_CLUSTER_SET };
        set.cluster_set.fields = SETTINGS_FIELD_ISOLATION_HOLD;
        set.cluster_set.settings.isolation_hold_ms = settings_default.isolation_hold_ms - 1000;
        desk_view_connected(&desk, 0, node_set_of(2)); /* its daemon is gone, its keeper is not */
        ck_assert_int_eq(desk_ask(&desk, &set), REPLY_REFUSED);
        set.cluster_set.settings.isolation_hold_ms = settings_default.isolation_hold_ms + 1000;
        ck_assert_int_eq(desk_ask(&desk, &set), REPLY_DONE);
        desk_view(&desk, node_set_of(2));
        set.cluster_set.settings.isolation_hold_ms = settings_default.isolation_hold_ms;
        ck_assert_int_eq(desk_ask(&desk, &set), REPLY_DONE);
}
END_TEST

/* It may have heard of none of the changes. */
START_TEST(a_node_lost_as_times_are_shortened_has_the_longest)
{
        struct command set = { .kind = COMMAND_CLUSTER_SET };
        set.cluster_set.fields = SETTINGS_FIELD_ISOLATION_HOLD;
        uint64_t longest_ms = guard_ms();
        for (uint32_t shorter_ms = 1000; shorter_ms <= 3000; shorter_ms += 1000) {
                set.cluster_set.settings.isolation_hold_ms = settings_default.isolation_hold_ms - shorter_ms;
                ck_assert_int_eq(desk_ask(&desk, &set), REPLY_DONE);
                desk_wait(&desk, 1000);
        }
        uint64_t lost_ms = desk.now_ms;
        desk_view(&desk, 0);
        desk_wait(&desk, lost_ms + longest_ms - 1 - desk.now_ms);
        ck_assert_int_eq(lost_node()->state, NODE_LOST);
        desk_wait(&desk, 1000);
        ck_assert_int_eq(lost_node()->evidence.kind, EVIDENCE_GUARD_EXPIRED);
}
END_TEST

static void shorten(uint32_t by_ms)
{
        struct command set = { .kind = COMMAND_CLUSTER_SET };
        set.cluster_set.fields = SETTINGS_FIELD_ISOLATION_HOLD;
        set.cluster_set.settings.isolation_hold_ms = settings_default.isolation_hold_ms - by_ms;
        ck_assert_int_eq(desk_ask(&desk, &set), REPLY_DONE);
}

static void expires_after(uint64_t expected_ms)
{
        uint64_t lost_ms = desk.now_ms;
        desk_view(&desk, 0);
        desk_wait(&desk, lost_ms + expected_ms - 1 - desk.now_ms);
        ck_assert_int_eq(lost_node()->state, NODE_LOST);
        desk_wait(&desk, 1000);
        ck_assert_int_eq(lost_node()->evidence.kind, EVIDENCE_GUARD_EXPIRED);
}

START_TEST(shorter_times_count_when_all_have_followed_for_a_while)
{
        shorten(3000);
        ck_assert_uint_eq(cluster_model(desk.cluster)->settings.guard_before_ms, guard_ms());
        desk_wait(&desk, 11000);
        ck_assert_uint_eq(cluster_model(desk.cluster)->settings.guard_before_ms, 0);
        expires_after(guard_ms() - 3000);
}
END_TEST

/* Its daemon is gone before it hears of them: its keeper goes by the longer ones, for as long as it has
 * contact. */
START_TEST(who_does_not_follow_has_the_longer_times)
{
        shorten(3000);
        desk_view_connected(&desk, 0, node_set_of(2));
        desk_wait(&desk, 60000);
        expires_after(guard_ms());
}
END_TEST

START_TEST(a_leader_that_starts_anew_knows_the_longer_times)
{
        shorten(3000);
        struct model *model = model_init(calloc(1, model_bytes(cluster_model(desk.cluster)->roles_max)),
                                         cluster_model(desk.cluster)->roles_max);
        model_copy(model, cluster_model(desk.cluster));
        desk_end(&desk);
        desk_restart(&desk, model, 0, 78);
        free(model);
        desk_view(&desk, node_set_of(2));
        expires_after(guard_ms());
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
        desk_fence_done(&desk, fence->fence.attempt, 2, "ipmi", true);
        ck_assert_int_eq(lost_node()->state, NODE_DOWN);
        ck_assert_uint_eq(desk.proven_after_ms, 2 * guard_ms()); /* since the operator asked */
}
END_TEST

START_TEST(nonsense_about_fencing_is_ignored)
{
        add_device("ipmi");
        desk_fence_done(&desk, 0, 2, "ipmi", true);
        desk_fence_done(&desk, 99, 65, "ipmi", true);
        desk_fence_done(&desk, 99, 0, "ipmi", true);
        desk_view(&desk, 0);
        const struct cluster_action *fence = desk_take(&desk, CLUSTER_ACTION_FENCE);
        desk_fence_done(&desk, fence->fence.attempt + 1, 2, "ipmi", true);
        desk_fence_done(&desk, 0, 2, "ipmi", true);
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
        tcase_add_test(tcase, all_devices_of_a_level_have_to_turn_it_off);
        tcase_add_test(tcase, when_one_device_of_a_level_fails_the_next_level_is_tried_at_once);
        tcase_add_test(tcase, after_the_last_level_the_first_is_tried_again_after_a_pause);
        tcase_add_test(tcase, a_level_that_lacks_a_device_is_not_used);
        tcase_add_test(tcase, agents_at_work_are_ended_when_another_proof_comes_first);
        tcase_add_test(tcase, agents_at_work_are_ended_when_the_node_is_back);
        tcase_add_test(tcase, what_fails_is_tried_again_for_ever_with_pauses);
        tcase_add_test(tcase, the_first_answers_of_a_device_are_in_the_history);
        tcase_add_loop_test(tcase, a_node_is_not_turned_off_twice_in_a_row_without_a_pause, 0, 2);
        tcase_add_test(tcase, an_answer_about_an_earlier_loss_is_not_used);
        tcase_add_test(tcase, without_a_device_the_expiry_of_its_guard_is_waited_for);
        tcase_add_test(tcase, without_device_and_watchdog_only_an_operator_can_tell);
        tcase_add_test(tcase, a_node_that_is_still_connected_is_not_lost);
        tcase_add_test(tcase, times_are_not_shortened_behind_the_back_of_a_node);
        tcase_add_test(tcase, a_node_lost_as_times_are_shortened_has_the_longest);
        tcase_add_test(tcase, shorter_times_count_when_all_have_followed_for_a_while);
        tcase_add_test(tcase, who_does_not_follow_has_the_longer_times);
        tcase_add_test(tcase, a_leader_that_starts_anew_knows_the_longer_times);
        tcase_add_test(tcase, an_operator_can_have_a_connected_node_turned_off);
        tcase_add_test(tcase, nonsense_about_fencing_is_ignored);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
