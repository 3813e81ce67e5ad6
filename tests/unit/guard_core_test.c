/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster.h"

#include <check.h>
#include <stdlib.h>

#include "clusterd/base/text.h"
#include "clusterd/core/model.h"
#include "tests/unit/core_desk.h"
#include "tests/unit/suite_run.h"

/* The quorum guard, and moves as their two ends see them. */

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

/* vm01 runs here, and from now on nobody is heard. */
static void begin_isolated(void)
{
        desk_online(&desk, "vm01");
        desk_wait(&desk, 3000);
        desk.is_deaf = true;
}

static bool guard_is_valid_now(void)
{
        struct cluster_status status;
        cluster_status_read(desk.cluster, &status);
        return status.guard_valid;
}

START_TEST(contact_keeps_the_guard_valid)
{
        desk_online(&desk, "vm01");
        for (int i = 0; i < 100; i++) {
                desk_wait(&desk, 700);
                ck_assert(guard_is_valid_now());
        }
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_STOP), 0);
}
END_TEST

START_TEST(a_guest_runs_on_for_the_hold_and_is_stopped_then)
{
        begin_isolated();
        desk_wait(&desk, settings_default.isolation_hold_ms - 1600);
        ck_assert(guard_is_valid_now());
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_STOP), 0);
        desk_wait(&desk, 1600);
        ck_assert(!guard_is_valid_now());
        const struct cluster_action *stop = desk_take(&desk, CLUSTER_ACTION_STOP);
        ck_assert_ptr_nonnull(stop);
        ck_assert_uint_eq(stop->role.timeout_ms, 0);
        ck_assert(desk.guard_armed); /* until it is gone */
        desk_done(&desk, "vm01", OPERATION_STOP, OPERATION_SUCCEEDED, OBSERVED_ABSENT_UNKNOWN);
        ck_assert(!desk.guard_armed);
        ck_desk_state(&desk, "vm01", ROLE_ONLINE); /* nobody could be told */
        desk_wait(&desk, 20000);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_START), 1);

        desk.is_deaf = false;
        desk_wait(&desk, 3000);
        ck_assert_uint_eq(desk_role(&desk, "vm01")->failures, 0); /* told as stopped, not as failed */
        ck_assert_uint_eq(desk_role(&desk, "vm01")->generation, 2);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_START), 2);
}
END_TEST

/* SIGSTOP, no memory, a debugger: longer than the guard holds. */
static void stand_still(uint64_t kept_age_ms)
{
        desk.now_ms += settings_default.isolation_hold_ms + 5000;
        desk.kept_ms = desk.now_ms - kept_age_ms;
        desk_wait(&desk, 100);
}

START_TEST(a_daemon_that_stood_still_keeps_its_guests_when_its_keeper_was_in_contact)
{
        begin_isolated();
        stand_still(400);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_STOP), 0);
        ck_assert(desk.guard_armed);
        ck_assert(!guard_is_valid_now()); /* it may not know what was decided: nothing is started */
        desk_wait(&desk, settings_default.isolation_hold_ms - 600);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_STOP), 0);
        desk_wait(&desk, 600); /* and nobody was heard */
        ck_assert_ptr_nonnull(desk_take(&desk, CLUSTER_ACTION_STOP));
}
END_TEST

START_TEST(a_node_that_stood_still_without_contact_stops_its_guests_at_once)
{
        begin_isolated();
        stand_still(settings_default.isolation_hold_ms + 100);
        ck_assert_ptr_nonnull(desk_take(&desk, CLUSTER_ACTION_STOP));
}
END_TEST

START_TEST(the_keepers_contact_does_not_count_while_the_daemon_is_awake)
{
        begin_isolated();
        for (uint64_t waited = 0; waited < settings_default.isolation_hold_ms + 600; waited += 100) {
                desk.kept_ms = desk.now_ms;
                desk_wait(&desk, 100);
        }
        ck_assert_ptr_nonnull(desk_take(&desk, CLUSTER_ACTION_STOP));
}
END_TEST

START_TEST(a_stop_for_the_guard_that_fails_is_tried_again_in_time)
{
        begin_isolated();
        desk_wait(&desk, settings_default.isolation_hold_ms + 600);
        for (int i = 0; i < 20; i++) {
                if (desk_take(&desk, CLUSTER_ACTION_STOP) != NULL)
                        desk_done(&desk, "vm01", OPERATION_STOP, OPERATION_FAILED, OBSERVED_RUNNING);
                desk_wait(&desk, 100);
        }
        ck_assert_uint_ge(desk_count(&desk, CLUSTER_ACTION_STOP), 3);
        ck_assert_uint_le(desk_count(&desk, CLUSTER_ACTION_STOP), 6);
        ck_assert(desk.guard_armed); /* the watchdog stands behind it */
}
END_TEST

START_TEST(a_move_is_not_waited_for_when_the_guard_lapses)
{
        desk_online(&desk, "vm01");
        desk_wait(&desk, 3000);
        desk_move(&desk, "vm01", 2);
        ck_assert_ptr_nonnull(desk_take(&desk, CLUSTER_ACTION_MOVE));
        desk.is_deaf = true;
        desk_wait(&desk, settings_default.isolation_hold_ms + 600);
        ck_assert_ptr_nonnull(desk_take(&desk, CLUSTER_ACTION_STOP));
        desk_done(&desk, "vm01", OPERATION_MOVE, OPERATION_FAILED,
                  OBSERVED_RUNNING); /* late: not the stop's end */
        ck_assert(desk.guard_armed);
        desk_done(&desk, "vm01", OPERATION_STOP, OPERATION_SUCCEEDED, OBSERVED_ABSENT_UNKNOWN);
        ck_assert(!desk.guard_armed);
}
END_TEST

static void begin_move(void)
{
        desk_online(&desk, "vm01");
        desk_wait(&desk, 1000);
        ck_assert_int_eq(desk_move(&desk, "vm01", 2), REPLY_DONE);
        ck_desk_state(&desk, "vm01", ROLE_MOVING);
}

START_TEST(a_move_is_handed_over_when_both_ends_agree)
{
        begin_move();
        const struct cluster_action *move = desk_take(&desk, CLUSTER_ACTION_MOVE);
        ck_assert_uint_eq(move->role.node, 2);
        ck_assert_uint_eq(move->role.generation, 2);
        ck_assert_str_eq(move->role.address, "10.0.0.2");
        desk_done(&desk, "vm01", OPERATION_MOVE, OPERATION_SUCCEEDED, OBSERVED_ABSENT_MOVED);
        ck_assert_int_eq(desk_role(&desk, "vm01")->owner_end, MOVE_END_ABSENT);
        ck_desk_state(&desk, "vm01", ROLE_MOVING);
        desk_hear_report(&desk, "vm01", 2, REPORT_RUNNING);
        ck_desk_state(&desk, "vm01", ROLE_ONLINE);
        ck_assert_uint_eq(desk_role(&desk, "vm01")->owner, 2);
        desk_wait(&desk, 15000);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_MOVE), 1);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_STOP), 0);
}
END_TEST

START_TEST(a_move_begins_when_the_guard_of_its_target_stands)
{
        desk.is_unready = true;
        begin_move();
        desk_wait(&desk, 5000);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_MOVE), 0);
        desk_ready(&desk, 3); /* another's word says nothing */
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_MOVE), 0);
        desk_ready(&desk, 2);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_MOVE), 1);
}
END_TEST

START_TEST(a_move_to_who_is_never_ready_is_given_up)
{
        desk.is_unready = true;
        begin_move();
        desk_wait(&desk, 11000);
        ck_assert_int_eq(desk_role(&desk, "vm01")->owner_end, MOVE_END_RUNNING);
        ck_assert_ptr_nonnull(
                strstr(desk_role(&desk, "vm01")->reason, "did not say that it is ready in 10 s: its log"));
        desk_ready(&desk, 2); /* said is said */
        desk_wait(&desk, 1000);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_MOVE), 0);
}
END_TEST

START_TEST(a_move_that_failed_leaves_the_guest_where_it_was)
{
        begin_move();
        desk_done(&desk, "vm01", OPERATION_MOVE, OPERATION_FAILED, OBSERVED_RUNNING);
        desk_hear_report(&desk, "vm01", 2, REPORT_ABSENT);
        ck_desk_state(&desk, "vm01", ROLE_ONLINE);
        ck_assert_uint_eq(desk_role(&desk, "vm01")->owner, 1);
        ck_assert_ptr_nonnull(strstr(desk_role(&desk, "vm01")->reason, "libvirt says no"));
        desk_wait(&desk, 60000);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_STOP), 0);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_MOVE), 1);
}
END_TEST

START_TEST(a_move_with_an_unknown_end_waits_for_a_listing)
{
        begin_move();
        desk_done(&desk, "vm01", OPERATION_MOVE, OPERATION_UNKNOWN, OBSERVED_ABSENT_UNKNOWN);
        for (int i = 0; i < 10; i++) { /* libvirt hangs */
                const struct cluster_action *list = desk_take(&desk, CLUSTER_ACTION_LIST);
                if (list != NULL)
                        desk_list_failed(&desk, list->listing);
                desk_wait(&desk, 1000);
        }
        ck_assert_int_eq(desk_role(&desk, "vm01")->owner_end, MOVE_END_UNKNOWN);
        desk_list(&desk, _i == 0 ? "vm01" : NULL);
        desk_wait(&desk, 3000);
        ck_assert_int_eq(desk_role(&desk, "vm01")->owner_end, _i == 0 ? MOVE_END_RUNNING : MOVE_END_ABSENT);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_MOVE), 1);
}
END_TEST

/* libvirt leaves a source behind when the target's last word is lost; the target's guest is the newer. */
START_TEST(of_two_ends_that_both_run_the_source_is_stopped)
{
        begin_move();
        desk_done(&desk, "vm01", OPERATION_MOVE, OPERATION_FAILED, OBSERVED_RUNNING);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_STOP), 0);
        desk_hear_report(&desk, "vm01", 2, REPORT_RUNNING);
        ck_desk_state(&desk, "vm01", ROLE_MOVING);
        const struct cluster_action *stop = desk_take(&desk, CLUSTER_ACTION_STOP);
        ck_assert_ptr_nonnull(stop);
        ck_assert_uint_eq(stop->role.timeout_ms, 0);
        /* It may obey as if somebody inside had shut it down: that was us. */
        desk_done(&desk, "vm01", OPERATION_STOP, OPERATION_SUCCEEDED, OBSERVED_ABSENT_SHUTDOWN);
        ck_desk_state(&desk, "vm01", ROLE_ONLINE);
        ck_assert_uint_eq(desk_role(&desk, "vm01")->owner, 2);
}
END_TEST

/* The connection broke at the switch, and the target is gone, or says that nothing arrived. */
START_TEST(what_a_move_left_paused_is_stopped_and_started_anew)
{
        begin_move();
        desk_done(&desk, "vm01", OPERATION_MOVE, OPERATION_UNKNOWN, OBSERVED_ABSENT_UNKNOWN);
        desk_list_as(&desk, "vm01", OBSERVED_PAUSED);
        desk_wait(&desk, 3000);
        ck_assert_int_eq(desk_role(&desk, "vm01")->owner_end, MOVE_END_RUNNING);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_STOP), 0); /* it may be all that is left */
        desk_hear_report(&desk, "vm01", 2, REPORT_ABSENT);
        ck_desk_state(&desk, "vm01", ROLE_ONLINE);
        const struct cluster_action *stop = desk_take(&desk, CLUSTER_ACTION_STOP);
        ck_assert_ptr_nonnull(stop);
        ck_assert_uint_eq(stop->role.timeout_ms, 0);
        size_t starts = desk_count(&desk, CLUSTER_ACTION_START);
        desk_done(&desk, "vm01", OPERATION_STOP, OPERATION_SUCCEEDED, OBSERVED_ABSENT_SHUTDOWN);
        desk_wait(&desk, 100);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_START), starts + 1);
        ck_assert_uint_eq(desk_role(&desk, "vm01")->failures, 0);
        ck_assert_int_eq(desk_role(&desk, "vm01")->desired, DESIRED_RUNNING);
}
END_TEST

START_TEST(two_ends_that_both_run_are_resolved_when_ours_ends)
{
        begin_move();
        desk_done(&desk, "vm01", OPERATION_MOVE, OPERATION_FAILED, OBSERVED_RUNNING);
        desk_hear_report(&desk, "vm01", 2, REPORT_RUNNING);
        ck_desk_state(&desk, "vm01", ROLE_MOVING);
        desk_done(&desk, "vm01", OPERATION_STOP, OPERATION_FAILED, OBSERVED_RUNNING);
        desk_observed(&desk, "vm01", OBSERVED_ABSENT_FAILED);
        desk_list(&desk, NULL);
        ck_desk_state(&desk, "vm01", ROLE_ONLINE);
        ck_assert_uint_eq(desk_role(&desk, "vm01")->owner, 2);
}
END_TEST

static void begin_first_guest(void)
{
        desk.keeper_is_slow = true;
        ck_assert_int_eq(desk_add(&desk, "vm01"), REPLY_DONE);
        desk_wait(&desk, 5);
        ck_desk_state(&desk, "vm01", ROLE_STARTING);
        ck_assert(desk.guard_armed);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_START), 0);
}

START_TEST(a_first_guest_waits_until_the_watchdog_is_open)
{
        begin_first_guest();
        desk_keeper(&desk, true, desk.arming - 1); /* of before */
        desk_settle(&desk);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_START), 0);
        desk_keeper(&desk, true, desk.arming);
        desk_settle(&desk);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_START), 1);
}
END_TEST

START_TEST(when_its_watchdog_has_gone_a_first_guest_waits_until_the_ledger_knows)
{
        begin_first_guest();
        desk.store_is_slow = true;
        desk_keeper(&desk, false, desk.arming);
        desk_settle(&desk);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_START), 0);
        desk_store(&desk);
        ck_assert(!model_node(cluster_model(desk.cluster), 1)->watchdog);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_START), 1);
}
END_TEST

static void begin_move_in(void)
{
        desk_online_at(&desk, "vm01", 2);
        desk_wait(&desk, 1000);
        ck_assert_int_eq(desk_move(&desk, "vm01", 1), REPLY_DONE);
        ck_desk_state(&desk, "vm01", ROLE_MOVING);
}

START_TEST(a_target_says_nothing_of_absence_before_its_source_has_spoken)
{
        begin_move_in();
        desk_list(&desk, NULL);
        desk_list(&desk, NULL);
        ck_assert_int_eq(desk_role(&desk, "vm01")->target_end, MOVE_END_UNKNOWN);
        desk_hear_report(&desk, "vm01", 2, REPORT_RUNNING);
        ck_assert_int_eq(desk_role(&desk, "vm01")->target_end, MOVE_END_UNKNOWN);
        desk_list(&desk, NULL); /* asked after that */
        ck_desk_state(&desk, "vm01", ROLE_ONLINE);
        ck_assert_uint_eq(desk_role(&desk, "vm01")->owner, 2);
}
END_TEST

START_TEST(a_listing_from_before_the_source_spoke_proves_no_absence)
{
        begin_move_in();
        desk_list(&desk, NULL);
        desk_wait(&desk, 11000);
        const struct cluster_action *early = desk_take(&desk, CLUSTER_ACTION_LIST);
        ck_assert_ptr_nonnull(early);
        desk_hear_report(&desk, "vm01", 2, REPORT_ABSENT);
        desk_list_end(&desk, early->listing);
        ck_assert_int_eq(desk_role(&desk, "vm01")->target_end, MOVE_END_UNKNOWN);
        desk_list(&desk, "vm01"); /* it had arrived */
        ck_desk_state(&desk, "vm01", ROLE_ONLINE);
        ck_assert_uint_eq(desk_role(&desk, "vm01")->owner, 1);
        ck_assert_ptr_nonnull(desk_take(&desk, CLUSTER_ACTION_ANNOUNCE));
}
END_TEST

START_TEST(what_still_arrives_is_neither_running_nor_absent)
{
        begin_move_in();
        desk_observed(&desk, "vm01", OBSERVED_INCOMING);
        ck_assert(desk.guard_armed);
        desk_hear_report(&desk, "vm01", 2, REPORT_ABSENT);
        desk_wait(&desk, 5000);
        ck_assert_int_eq(desk_role(&desk, "vm01")->target_end, MOVE_END_UNKNOWN);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_STOP), 0); /* it may be the only copy */
        desk_observed(&desk, "vm01", OBSERVED_RUNNING);
        ck_desk_state(&desk, "vm01", ROLE_ONLINE);
}
END_TEST

/* The last that was heard of it may be from before it arrived. */
START_TEST(what_arrives_from_a_dead_source_is_stopped_only_when_it_surely_did_not_arrive)
{
        begin_move_in();
        desk_observed(&desk, "vm01", OBSERVED_INCOMING);
        desk_view(&desk, 0);
        ck_assert_int_eq(desk_confirm_off(&desk, 2), REPLY_DONE);
        ck_assert_int_eq(desk_role(&desk, "vm01")->owner_end, MOVE_END_ABSENT);
        const struct cluster_action *list = NULL;
        for (const struct cluster_action *next; (next = desk_take(&desk, CLUSTER_ACTION_LIST)) != NULL;)
                list = next;
        if (list != NULL) { /* asked before */
                desk_listed(&desk, list->listing, "vm01", OBSERVED_INCOMING);
                desk_list_end(&desk, list->listing);
        }
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_STOP), 0);
        desk_wait(&desk, 2000);
        list = desk_take(&desk, CLUSTER_ACTION_LIST);
        ck_assert_ptr_nonnull(list);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_STOP), 0);
        if (_i == 0) {
                desk_listed(&desk, list->listing, "vm01", OBSERVED_RUNNING);
                desk_list_end(&desk, list->listing);
                ck_desk_state(&desk, "vm01", ROLE_ONLINE);
                ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_STOP), 0);
        } else {
                desk_listed(&desk, list->listing, "vm01", OBSERVED_INCOMING);
                desk_list_end(&desk, list->listing);
                desk_wait(&desk, 2000);
                ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_STOP), 1);
        }
}
END_TEST

/* It cannot promise, so it follows no epoch; but nobody can give its roles away while it is connected. */
START_TEST(a_disk_that_fails_stops_no_guest)
{
        desk_online(&desk, "vm01");
        desk_wait(&desk, 3000);
        desk.store_is_slow = true;
        desk_view(&desk, node_set_of(2) | node_set_of(3));
        desk_wait(&desk, 10 * settings_default.isolation_hold_ms);
        ck_assert(guard_is_valid_now());
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_STOP), 0);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_START), 1);
}
END_TEST

START_TEST(a_guard_that_has_lapsed_is_renewed_only_by_who_knows_the_ledger)
{
        begin_isolated();
        desk_wait(&desk, settings_default.isolation_hold_ms + 600);
        ck_assert(!guard_is_valid_now());
        desk.store_is_slow = true;
        desk.is_deaf = false;
        desk_view(&desk, node_set_of(2) | node_set_of(3));
        desk_wait(&desk, 10000);
        ck_assert(!guard_is_valid_now());
        desk.store_is_slow = false;
        desk_store(&desk);
        desk_wait(&desk, 5000);
        ck_assert(guard_is_valid_now());
}
END_TEST

static void open_round_by(uint32_t puppet, uint64_t count)
{
        struct cluster_status status;
        struct message message = { .kind = MESSAGE_VIEW_OPEN,
                                   .round = { .node = puppet, .incarnation = 5, .count = count } };
        desk_hear_message(&desk, puppet, &message);
        cluster_status_read(desk.cluster, &status);
        message.kind = MESSAGE_DECIDE;
        message.decide = (struct message_decide){ .participants = status.members,
                                                  .level = status.members,
                                                  .primary = true,
                                                  .epoch = 100 + count,
                                                  .leader = 1,
                                                  .base = status.last,
                                                  .voters = node_set_of(1) };
        desk_hear_message(&desk, puppet, &message);
}

/* Each is opened before the second heartbeat of a pair is back, and the disk is too slow for an epoch. */
START_TEST(rounds_opened_in_the_same_view_cost_no_contact)
{
        desk_view(&desk, node_set_of(2));
        desk_online(&desk, "vm01");
        desk.store_is_slow = true;
        for (uint64_t count = 1; count < 40; count++) {
                open_round_by(2, count);
                ck_assert(guard_is_valid_now());
                desk_wait(&desk, 400);
        }
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_STOP), 0);
}
END_TEST

/* Applied, and lost with the daemon before it was stored. */
START_TEST(a_guest_that_the_ledger_does_not_know_yet_keeps_the_guard_armed)
{
        struct model *model = model_init(calloc(1, model_bytes(1)), 1);
        model->settings = settings_default;
        model->settings.voters = node_set_of(1);
        desk_end(&desk);
        desk_restart(&desk, model, 99000, 78);
        free(model);
        const struct cluster_action *list = desk_take(&desk, CLUSTER_ACTION_LIST);
        ck_assert(desk.guard_armed);
        if (_i == 0)
                desk_listed(&desk, list->listing, "vm77", OBSERVED_RUNNING);
        desk_list_end(&desk, list->listing);
        ck_assert(desk.guard_armed == (_i == 0));
        desk_observed(&desk, "vm77", OBSERVED_RUNNING); /* a start that was under way */
        ck_assert(desk.guard_armed);
        desk_view(&desk, node_set_of(2)); /* the ledger is level now: it is not one of the cluster's */
        desk_list(&desk, "vm77");
        ck_assert(!desk.guard_armed);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("guard_core");
        TCase *tcase = tcase_create("guard");
        tcase_set_timeout(tcase, 30);
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, contact_keeps_the_guard_valid);
        tcase_add_test(tcase, a_guest_runs_on_for_the_hold_and_is_stopped_then);
        tcase_add_test(tcase, a_daemon_that_stood_still_keeps_its_guests_when_its_keeper_was_in_contact);
        tcase_add_test(tcase, a_node_that_stood_still_without_contact_stops_its_guests_at_once);
        tcase_add_test(tcase, the_keepers_contact_does_not_count_while_the_daemon_is_awake);
        tcase_add_test(tcase, a_stop_for_the_guard_that_fails_is_tried_again_in_time);
        tcase_add_test(tcase, a_move_is_not_waited_for_when_the_guard_lapses);
        tcase_add_loop_test(tcase, a_guest_that_the_ledger_does_not_know_yet_keeps_the_guard_armed, 0, 2);
        tcase_add_test(tcase, a_move_is_handed_over_when_both_ends_agree);
        tcase_add_test(tcase, a_move_begins_when_the_guard_of_its_target_stands);
        tcase_add_test(tcase, a_move_to_who_is_never_ready_is_given_up);
        tcase_add_test(tcase, a_move_that_failed_leaves_the_guest_where_it_was);
        tcase_add_loop_test(tcase, a_move_with_an_unknown_end_waits_for_a_listing, 0, 2);
        tcase_add_test(tcase, two_ends_that_both_run_are_resolved_when_ours_ends);
        tcase_add_test(tcase, a_first_guest_waits_until_the_watchdog_is_open);
        tcase_add_test(tcase, when_its_watchdog_has_gone_a_first_guest_waits_until_the_ledger_knows);
        tcase_add_test(tcase, a_target_says_nothing_of_absence_before_its_source_has_spoken);
        tcase_add_test(tcase, a_listing_from_before_the_source_spoke_proves_no_absence);
        tcase_add_test(tcase, of_two_ends_that_both_run_the_source_is_stopped);
        tcase_add_test(tcase, what_a_move_left_paused_is_stopped_and_started_anew);
        tcase_add_loop_test(
                tcase, what_arrives_from_a_dead_source_is_stopped_only_when_it_surely_did_not_arrive, 0, 2);
        tcase_add_test(tcase, a_disk_that_fails_stops_no_guest);
        tcase_add_test(tcase, rounds_opened_in_the_same_view_cost_no_contact);
        tcase_add_test(tcase, a_guard_that_has_lapsed_is_renewed_only_by_who_knows_the_ledger);
        tcase_add_test(tcase, what_still_arrives_is_neither_running_nor_absent);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
