/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster.h"

#include <check.h>
#include <stdlib.h>

#include "clusterd/base/text.h"
#include "tests/unit/core_desk.h"
#include "tests/unit/suite_run.h"

/* This node's part: what it is told to run, what it sees, what it says of that. */

static struct desk desk;

static void begin(void)
{
        desk_begin(&desk);
        desk_view(&desk, 0);
}

static void end(void)
{
        desk_end(&desk);
}

static struct cluster_status status(void)
{
        struct cluster_status now;
        cluster_status_read(desk.cluster, &now);
        return now;
}

START_TEST(a_cluster_of_one_comes_up)
{
        ck_assert(status().active && status().primary);
        ck_assert_uint_eq(status().leader, 1);
        ck_assert_uint_eq(status().epoch, 1);
        ck_assert_int_eq(model_node(cluster_model(desk.cluster), 1)->state, NODE_UP);
        desk_wait(&desk, 2000);
        ck_assert(status().guard_valid);
        ck_assert(!desk.guard_armed);
}
END_TEST

START_TEST(a_request_is_answered_when_it_is_applied)
{
        ck_assert_int_eq(desk_add(&desk, "vm01"), REPLY_DONE);
        ck_assert_int_eq(desk_add(&desk, "vm01"), REPLY_REFUSED);
        ck_assert_int_eq(desk_order(&desk, COMMAND_ROLE_STOP, "vm99"), REPLY_NO_OBJECT);
}
END_TEST

START_TEST(nothing_is_answered_or_done_before_it_is_durable)
{
        desk_wait(&desk, 2000);
        desk.store_is_slow = true;
        ck_assert_int_eq(desk_add(&desk, "vm01"), REPLY_OUTCOME_COUNT);
        desk_wait(&desk, 3000);
        ck_assert_ptr_null(model_role(cluster_model(desk.cluster), "vm01"));
        desk_store(&desk);
        ck_assert_int_eq(desk_take(&desk, CLUSTER_ACTION_REPLY)->reply.outcome, REPLY_DONE);
        desk_wait(&desk, 100); /* assigned, but that is not durable */
        ck_assert_ptr_null(desk_take(&desk, CLUSTER_ACTION_START));
        desk_store(&desk);
        ck_assert_ptr_nonnull(desk_take(&desk, CLUSTER_ACTION_START));
}
END_TEST

START_TEST(a_request_without_confirmation_says_that_it_may_come_to_pass)
{
        desk.store_is_slow = true;
        desk_add(&desk, "vm01");
        desk_wait(&desk, 21000);
        const struct cluster_action *reply = desk_take(&desk, CLUSTER_ACTION_REPLY);
        ck_assert_ptr_nonnull(reply);
        ck_assert_int_eq(reply->reply.outcome, REPLY_NO_QUORUM);
        ck_assert_ptr_nonnull(strstr(reply->reason, "may still come to pass"));
}
END_TEST

START_TEST(a_role_is_started_and_reported)
{
        desk_wait(&desk, 2000);
        desk_add(&desk, "vm01");
        desk_wait(&desk, 5);
        const struct cluster_action *start = desk_take(&desk, CLUSTER_ACTION_START);
        ck_assert_ptr_nonnull(start);
        ck_assert_str_eq(start->role.name, "vm01");
        ck_assert_uint_eq(start->role.generation, 1);
        ck_assert(desk.guard_armed); /* before anything runs */
        desk_done(&desk, "vm01", OPERATION_START, OPERATION_SUCCEEDED, OBSERVED_RUNNING);
        ck_desk_state(&desk, "vm01", ROLE_ONLINE);
        desk_wait(&desk, 60000);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_START), 1);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_STOP), 0);
}
END_TEST

START_TEST(a_failed_start_is_reported_as_such)
{
        desk_add(&desk, "vm01");
        desk_wait(&desk, 5);
        desk_take(&desk, CLUSTER_ACTION_START);
        desk_done(&desk, "vm01", OPERATION_START, OPERATION_FAILED, OBSERVED_ABSENT_UNKNOWN);
        ck_desk_state(&desk, "vm01", ROLE_FAILED);
        ck_assert_str_eq(desk_role(&desk, "vm01")->reason, "libvirt says no");
        ck_assert_ptr_null(desk_take(&desk, CLUSTER_ACTION_START));
        desk_wait(&desk, 11000);
        ck_assert_ptr_nonnull(desk_take(&desk, CLUSTER_ACTION_START));
        ck_assert(desk.guard_armed);
}
END_TEST

START_TEST(a_start_with_an_unknown_end_is_never_reported)
{
        desk_add(&desk, "vm01");
        desk_wait(&desk, 5);
        desk_take(&desk, CLUSTER_ACTION_START);
        desk_done(&desk, "vm01", OPERATION_START, OPERATION_UNKNOWN, OBSERVED_ABSENT_UNKNOWN);
        ck_desk_state(&desk, "vm01", ROLE_STARTING);
        desk_list(&desk, NULL); /* not here now: it may come true all the same */
        ck_desk_state(&desk, "vm01", ROLE_STARTING);
        ck_assert(desk.guard_armed);
        desk_wait(&desk, 3000);
        const struct cluster_action *again = desk_take(&desk, CLUSTER_ACTION_START);
        ck_assert_ptr_nonnull(again);
        ck_assert_uint_eq(again->role.generation, 1);
        desk_done(&desk, "vm01", OPERATION_START, OPERATION_SUCCEEDED, OBSERVED_RUNNING);
        ck_desk_state(&desk, "vm01", ROLE_ONLINE);
}
END_TEST

/* One late word says nothing of the other start. */
static void begin_two_starts_with_an_unknown_end(void)
{
        desk_add(&desk, "vm01");
        for (int i = 0; i < 2; i++) {
                desk_wait(&desk, 3000);
                ck_assert_ptr_nonnull(desk_take(&desk, CLUSTER_ACTION_START));
                desk_done(&desk, "vm01", OPERATION_START, OPERATION_UNKNOWN, OBSERVED_ABSENT_UNKNOWN);
        }
}

START_TEST(of_two_starts_with_an_unknown_end_each_may_come_true)
{
        begin_two_starts_with_an_unknown_end();
        desk_observed(&desk, "vm01", OBSERVED_RUNNING);
        desk_wait(&desk, 3000);
        ck_desk_state(&desk, "vm01", ROLE_ONLINE);
        if (_i == 0)
                desk_observed(&desk, "vm01", OBSERVED_ABSENT_FAILED); /* the next one may come true now */
        else
                desk_wait(&desk, 11000); /* what a listing does not name any more is gone as well */
        desk_list(&desk, NULL);
        ck_desk_state(&desk, "vm01", ROLE_ONLINE);
        ck_assert_uint_eq(desk_role(&desk, "vm01")->failures, 0);
        ck_assert_ptr_nonnull(desk_take(&desk, CLUSTER_ACTION_STOP));
        desk_done(&desk, "vm01", OPERATION_STOP, OPERATION_SUCCEEDED, OBSERVED_ABSENT_UNKNOWN);
        ck_assert_uint_eq(desk_role(&desk, "vm01")->failures, 1);
}
END_TEST

START_TEST(a_start_that_fails_behind_one_with_an_unknown_end_is_told_after_a_stop)
{
        begin_two_starts_with_an_unknown_end();
        desk_wait(&desk, 3000);
        ck_assert_ptr_nonnull(desk_take(&desk, CLUSTER_ACTION_START));
        desk_done(&desk, "vm01", OPERATION_START, OPERATION_FAILED, OBSERVED_ABSENT_FAILED);
        ck_desk_state(&desk, "vm01", ROLE_STARTING);
        desk_wait(&desk, 3000);
        ck_assert_ptr_nonnull(desk_take(&desk, CLUSTER_ACTION_STOP));
        ck_desk_state(&desk, "vm01", ROLE_STARTING);
        desk_done(&desk, "vm01", OPERATION_STOP, OPERATION_SUCCEEDED, OBSERVED_ABSENT_UNKNOWN);
        ck_assert_uint_eq(desk_role(&desk, "vm01")->failures, 1);
}
END_TEST

static void rest_here(void)
{
        desk_online(&desk, "vm01");
        desk_order(&desk, COMMAND_ROLE_STOP, "vm01");
        ck_assert_ptr_nonnull(desk_take(&desk, CLUSTER_ACTION_STOP));
        desk_done(&desk, "vm01", OPERATION_STOP, OPERATION_SUCCEEDED, OBSERVED_ABSENT_SHUTDOWN);
        ck_desk_state(&desk, "vm01", ROLE_OFFLINE);
}

/* The ledger holds that it failed; it may be starting again by now. */
static void check_failed(uint32_t failures)
{
        ck_assert_uint_eq(desk_role(&desk, "vm01")->failures, failures);
}

START_TEST(absence_counts_only_from_a_listing_asked_after_the_last_change)
{
        desk_online(&desk, "vm01");
        desk_list(&desk, "vm01");
        desk_wait(&desk, 11000);
        const struct cluster_action *early = desk_take(&desk, CLUSTER_ACTION_LIST);
        ck_assert_ptr_nonnull(early);
        desk_observed(&desk, "vm01", OBSERVED_ABSENT_FAILED);
        check_failed(0);
        desk_list_end(&desk, early->listing); /* asked before */
        check_failed(0);
        desk_list(&desk, NULL);
        check_failed(1);
}
END_TEST

START_TEST(a_guest_that_a_listing_still_names_is_not_gone)
{
        desk_online(&desk, "vm01");
        desk_observed(&desk, "vm01", OBSERVED_ABSENT_FAILED);
        desk_list(&desk, "vm01");
        desk_wait(&desk, 30000);
        ck_desk_state(&desk, "vm01", ROLE_ONLINE);
}
END_TEST

/* It may speak of an earlier role of that name. */
START_TEST(a_listing_asked_before_a_role_was_added_says_nothing_of_it)
{
        const struct cluster_action *list = NULL, *next = NULL;
        desk_view(&desk, node_set_of(2) | node_set_of(3));
        while ((next = desk_take(&desk, CLUSTER_ACTION_LIST)) != NULL)
                list = next;
        ck_assert_ptr_nonnull(list);
        uint64_t listing = list->listing;
        desk_online_at(&desk, "vm01", 2);
        desk_listed(&desk, listing, "vm01", OBSERVED_RUNNING);
        desk_list_end(&desk, listing);
        desk_wait(&desk, 100);
        ck_assert(!desk.guard_armed);
        ck_assert_ptr_null(desk_take(&desk, CLUSTER_ACTION_STOP));
        ck_assert_ptr_nonnull(desk_take(&desk, CLUSTER_ACTION_LIST)); /* asked anew */
}
END_TEST

START_TEST(a_listing_that_failed_says_nothing)
{
        desk_online(&desk, "vm01");
        desk_observed(&desk, "vm01", OBSERVED_ABSENT_UNKNOWN);
        for (int i = 0; i < 20; i++) {
                desk_wait(&desk, 2500);
                const struct cluster_action *list = desk_take(&desk, CLUSTER_ACTION_LIST);
                if (list != NULL)
                        desk_list_failed(&desk, list->listing);
        }
        ck_desk_state(&desk, "vm01", ROLE_ONLINE);
        ck_assert_uint_ge(desk_count(&desk, CLUSTER_ACTION_LIST), 10);
        ck_assert_uint_le(desk_count(&desk, CLUSTER_ACTION_LIST), 30); /* no hammering */
}
END_TEST

START_TEST(a_listing_that_hangs_is_asked_anew_and_its_late_answer_ignored)
{
        desk_online(&desk, "vm01");
        desk_list(&desk, "vm01");
        desk_wait(&desk, 11000);
        const struct cluster_action *hung = desk_take(&desk, CLUSTER_ACTION_LIST);
        ck_assert_ptr_nonnull(hung);
        desk_wait(&desk, 16000);
        const struct cluster_action *next = desk_take(&desk, CLUSTER_ACTION_LIST);
        ck_assert_ptr_nonnull(next);
        desk_list_end(&desk, hung->listing);
        check_failed(0);
        desk_list_end(&desk, next->listing);
        check_failed(1);
}
END_TEST

START_TEST(a_guest_that_shut_itself_down_is_left_at_rest)
{
        desk_online(&desk, "vm01");
        desk_observed(&desk, "vm01", OBSERVED_ABSENT_SHUTDOWN);
        desk_list(&desk, NULL);
        ck_desk_state(&desk, "vm01", ROLE_OFFLINE);
        ck_assert_int_eq(desk_role(&desk, "vm01")->desired, DESIRED_STOPPED);
        desk_wait(&desk, 1000);
        ck_assert(!desk.guard_armed);
}
END_TEST

/* How an earlier run ended says nothing of this one. */
START_TEST(an_old_shut_down_is_not_taken_for_a_new_one)
{
        desk_online(&desk, "vm01");
        desk_observed(&desk, "vm01", OBSERVED_ABSENT_SHUTDOWN);
        desk_list(&desk, NULL);
        desk_order(&desk, COMMAND_ROLE_START, "vm01");
        desk_wait(&desk, 5);
        desk_take(&desk, CLUSTER_ACTION_START);
        desk_done(&desk, "vm01", OPERATION_START, OPERATION_UNKNOWN, OBSERVED_ABSENT_UNKNOWN);
        desk_wait(&desk, 3000);
        ck_assert_ptr_nonnull(desk_take(&desk, CLUSTER_ACTION_START));
        desk_done(&desk, "vm01", OPERATION_START, OPERATION_SUCCEEDED, OBSERVED_RUNNING);
        desk_observed(&desk, "vm01", OBSERVED_ABSENT_UNKNOWN);
        desk_list(&desk, NULL);
        ck_assert_int_eq(desk_role(&desk, "vm01")->desired, DESIRED_RUNNING);
        check_failed(1);
}
END_TEST

START_TEST(the_end_of_another_operation_is_not_ours)
{
        desk_add(&desk, "vm01");
        desk_wait(&desk, 5);
        desk_done(&desk, "vm01", OPERATION_STOP, OPERATION_SUCCEEDED, OBSERVED_ABSENT_UNKNOWN);
        desk_done(&desk, "vm01", OPERATION_MOVE, OPERATION_SUCCEEDED, OBSERVED_ABSENT_MOVED);
        ck_desk_state(&desk, "vm01", ROLE_STARTING);
        desk_done(&desk, "vm01", OPERATION_START, OPERATION_SUCCEEDED, OBSERVED_RUNNING);
        desk_done(&desk, "vm01", OPERATION_START, OPERATION_FAILED, OBSERVED_ABSENT_UNKNOWN); /* late */
        desk_wait(&desk, 5);
        ck_desk_state(&desk, "vm01", ROLE_ONLINE);
}
END_TEST

START_TEST(a_role_is_stopped_with_its_patience)
{
        desk_online(&desk, "vm01");
        desk_order(&desk, COMMAND_ROLE_STOP, "vm01");
        const struct cluster_action *stop = desk_take(&desk, CLUSTER_ACTION_STOP);
        ck_assert_ptr_nonnull(stop);
        ck_assert_uint_eq(stop->role.timeout_ms, 60000);
        ck_desk_state(&desk, "vm01", ROLE_STOPPING);
        desk_done(&desk, "vm01", OPERATION_STOP, OPERATION_SUCCEEDED, OBSERVED_ABSENT_SHUTDOWN);
        ck_desk_state(&desk, "vm01", ROLE_OFFLINE);
        ck_assert(!desk.guard_armed);
}
END_TEST

static const struct {
        enum operation_result result;
        bool wanted;
} bad_stops[] = { { OPERATION_FAILED, true },
                  { OPERATION_UNKNOWN, true },
                  { OPERATION_FAILED, false },
                  { OPERATION_UNKNOWN, false } };

/* By order of an operator, or because the guest has no business here. */
START_TEST(a_stop_that_fails_at_once_is_tried_again_with_pauses)
{
        if (bad_stops[_i].wanted) {
                desk_online(&desk, "vm01");
                desk_order(&desk, COMMAND_ROLE_STOP, "vm01");
        } else {
                rest_here();
                desk_observed(&desk, "vm01", OBSERVED_RUNNING);
        }
        for (int i = 0; i < 100; i++) {
                if (desk_take(&desk, CLUSTER_ACTION_STOP) != NULL)
                        desk_done(&desk, "vm01", OPERATION_STOP, bad_stops[_i].result, OBSERVED_RUNNING);
                desk_wait(&desk, 100);
        }
        ck_assert_uint_ge(desk_count(&desk, CLUSTER_ACTION_STOP), 4);
        ck_assert_uint_le(desk_count(&desk, CLUSTER_ACTION_STOP), 30); /* of ten seconds */
}
END_TEST

/* It may have come by an entry that its source has applied and this node has not. */
START_TEST(a_guest_that_has_no_right_here_is_stopped_when_we_are_not_behind)
{
        rest_here();
        desk_wait(&desk, 5000);
        desk.is_deaf = true;
        if (_i == 0)
                desk_observed(&desk, "vm01", OBSERVED_RUNNING);
        else
                desk_list(&desk, "vm01");
        desk_wait(&desk, 1500);
        ck_assert_ptr_null(desk_take(&desk, CLUSTER_ACTION_STOP));
        desk.is_deaf = false;
        desk_wait(&desk, 2500);
        const struct cluster_action *stop = desk_take(&desk, CLUSTER_ACTION_STOP);
        ck_assert_ptr_nonnull(stop);
        ck_assert_uint_eq(stop->role.timeout_ms, 0);
        ck_assert_str_eq(stop->reason, "the ledger does not give it to this node");
}
END_TEST

START_TEST(a_removed_role_does_not_keep_the_guard_armed)
{
        rest_here();
        desk_observed(&desk, "vm01", OBSERVED_RUNNING); /* somebody started it by hand */
        ck_assert(desk.guard_armed);
        ck_assert_int_eq(desk_order(&desk, COMMAND_ROLE_REMOVE, "vm01"), REPLY_DONE);
        desk_wait(&desk, 1000);
        ck_assert(!desk.guard_armed);
}
END_TEST

/* The daemon restarts; guests run on. */
static void restart(void)
{
        struct desk old = desk;
        desk_restart(&desk, cluster_model(old.cluster), 99000, 78);
        desk_end(&old);
}

START_TEST(a_restarted_daemon_adopts_what_runs)
{
        desk_online(&desk, "vm01");
        restart();
        const struct cluster_action *list = desk_take(&desk, CLUSTER_ACTION_LIST);
        ck_assert_ptr_nonnull(list);
        desk_listed(&desk, list->listing, "vm01", OBSERVED_RUNNING);
        desk_list_end(&desk, list->listing);
        desk_view(&desk, 0);
        desk_wait(&desk, 30000);
        ck_desk_state(&desk, "vm01", ROLE_ONLINE);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_START), 0);
        ck_assert_uint_eq(desk_count(&desk, CLUSTER_ACTION_STOP), 0);
        ck_assert(desk.guard_armed);
}
END_TEST

START_TEST(a_restarted_daemon_says_nothing_before_its_first_listing)
{
        desk_online(&desk, "vm01");
        restart();
        desk_view(&desk, 0);
        desk_wait(&desk, 5000);
        ck_desk_state(&desk, "vm01", ROLE_ONLINE);
        desk_list(&desk, NULL);
        check_failed(1);
}
END_TEST

/* Another member floods the group while this node reports: what is not appended is said again. */
START_TEST(a_report_that_found_no_room_is_sent_again)
{
        desk_view(&desk, node_set_of(2));
        desk_add(&desk, "vm01");
        desk_wait(&desk, 5);
        ck_desk_state(&desk, "vm01", ROLE_STARTING);
        desk.store_is_slow = true;
        struct command note = { .kind = COMMAND_ROLE_SET };
        TEXT_COPY(note.role_set.role.name, "vm01");
        note.role_set.fields = ROLE_FIELD_NOTE;
        for (int i = 0; i < TAIL_MAX + 100; i++)
                desk_post(&desk, 2, &note);
        desk_done(&desk, "vm01", OPERATION_START, OPERATION_SUCCEEDED, OBSERVED_RUNNING);
        desk.store_is_slow = false;
        desk_store(&desk);
        desk_wait(&desk, 5000);
        ck_desk_state(&desk, "vm01", ROLE_ONLINE);
}
END_TEST

START_TEST(nobody_speaks_in_the_name_of_another)
{
        desk_view(&desk, node_set_of(2) | node_set_of(3));
        desk_online_at(&desk, "vm01", 2);
        struct command lie = { .kind = COMMAND_ROLE_REPORT };
        TEXT_COPY(lie.role_report.role, "vm01");
        lie.role_report.node = 2;
        lie.role_report.generation = desk_role(&desk, "vm01")->generation;
        lie.role_report.kind = REPORT_STOPPED;
        uint64_t entries = desk.entries;
        desk_post_as(&desk, 3, 2, &lie);
        desk_settle(&desk);
        ck_desk_state(&desk, "vm01", ROLE_ONLINE);
        ck_assert_uint_eq(desk.entries, entries);
        desk_hear(&desk, 2, &lie); /* said by itself it counts */
        ck_assert(desk_role(&desk, "vm01")->owner_evidence.kind == EVIDENCE_STOPPED ||
                  desk_role(&desk, "vm01")->generation > lie.role_report.generation);
}
END_TEST

START_TEST(a_node_that_is_to_be_fenced_does_not_knock_for_ever)
{
        struct command fence = { .kind = COMMAND_NODE_FENCE };
        fence.node.node = 1;
        ck_assert_int_eq(desk_ask(&desk, &fence), REPLY_DONE);
        uint64_t entries = desk.entries;
        desk_wait(&desk, 60000);
        ck_assert_uint_le(desk.entries, entries + 5);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("reconcile");
        TCase *tcase = tcase_create("reconcile");
        tcase_set_timeout(tcase, 30);
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, a_cluster_of_one_comes_up);
        tcase_add_test(tcase, a_request_is_answered_when_it_is_applied);
        tcase_add_test(tcase, nothing_is_answered_or_done_before_it_is_durable);
        tcase_add_test(tcase, a_request_without_confirmation_says_that_it_may_come_to_pass);
        tcase_add_test(tcase, a_role_is_started_and_reported);
        tcase_add_test(tcase, a_failed_start_is_reported_as_such);
        tcase_add_test(tcase, a_start_with_an_unknown_end_is_never_reported);
        tcase_add_test(tcase, absence_counts_only_from_a_listing_asked_after_the_last_change);
        tcase_add_test(tcase, a_guest_that_a_listing_still_names_is_not_gone);
        tcase_add_test(tcase, a_listing_asked_before_a_role_was_added_says_nothing_of_it);
        tcase_add_test(tcase, a_listing_that_failed_says_nothing);
        tcase_add_loop_test(tcase, of_two_starts_with_an_unknown_end_each_may_come_true, 0, 2);
        tcase_add_test(tcase, a_start_that_fails_behind_one_with_an_unknown_end_is_told_after_a_stop);
        tcase_add_test(tcase, a_listing_that_hangs_is_asked_anew_and_its_late_answer_ignored);
        tcase_add_test(tcase, a_guest_that_shut_itself_down_is_left_at_rest);
        tcase_add_test(tcase, an_old_shut_down_is_not_taken_for_a_new_one);
        tcase_add_test(tcase, the_end_of_another_operation_is_not_ours);
        tcase_add_test(tcase, a_role_is_stopped_with_its_patience);
        tcase_add_loop_test(tcase, a_stop_that_fails_at_once_is_tried_again_with_pauses, 0,
                            sizeof bad_stops / sizeof *bad_stops);
        tcase_add_loop_test(tcase, a_guest_that_has_no_right_here_is_stopped_when_we_are_not_behind, 0, 2);
        tcase_add_test(tcase, a_removed_role_does_not_keep_the_guard_armed);
        tcase_add_test(tcase, a_restarted_daemon_adopts_what_runs);
        tcase_add_test(tcase, a_restarted_daemon_says_nothing_before_its_first_listing);
        tcase_add_test(tcase, a_report_that_found_no_room_is_sent_again);
        tcase_add_test(tcase, nobody_speaks_in_the_name_of_another);
        tcase_add_test(tcase, a_node_that_is_to_be_fenced_does_not_knock_for_ever);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
