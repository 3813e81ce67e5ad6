/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A node's lease, step by step. Renewed every 1000 ms, held 5000, guests are stopped 2000 before it lapses.
 */

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "csv-storage/lease_node.h"
#include "tests/unit/suite_run.h"

#define BOOT 77

static struct lease_node lease;
static struct lease_actions actions;

static void step(uint64_t now_ms, struct lease_event event)
{
        event.now_ms = now_ms;
        lease_node_step(&lease, &event, &actions);
}

static void tick(uint64_t now_ms)
{
        step(now_ms, (struct lease_event){ .kind = LEASE_EVENT_TICK });
}

static void begin(uint64_t now_ms, uint64_t incarnation, bool guests)
{
        step(now_ms, (struct lease_event){ .kind = LEASE_EVENT_BEGIN, .begin = { incarnation, guests } });
}

static void pass(uint64_t now_ms, uint64_t started_ms, enum lease_pass_outcome outcome)
{
        struct lease_pass_result result = { .started_ms = started_ms,
                                            .ended_ms = now_ms,
                                            .outcome = outcome };
        step(now_ms, (struct lease_event){ .kind = LEASE_EVENT_PASS, .pass = result });
}

static void contact(uint64_t now_ms, uint64_t contact_ms, uint64_t epoch)
{
        step(now_ms, (struct lease_event){ .kind = LEASE_EVENT_CONTACT, .contact = { contact_ms, epoch } });
}

static void guests_gone(uint64_t now_ms)
{
        step(now_ms, (struct lease_event){ .kind = LEASE_EVENT_GUESTS_GONE });
}

static void end(uint64_t now_ms)
{
        step(now_ms, (struct lease_event){ .kind = LEASE_EVENT_END });
}

static void set_up(void)
{
        lease_node_init(&lease, 3, BOOT, &lease_timings_default);
}

/* Held since 10010, renewed from 10000 on: until 15000. Guests may start since 10600. */
static void hold(void)
{
        begin(10000, 5, false);
        pass(10010, 10000, LEASE_PASS_DONE);
        contact(10600, 10500, 9);
        ck_assert_int_eq(lease.state, LEASE_HELD);
}

static void assert_pass(enum lease_pass_kind kind, uint64_t incarnation, uint64_t sequence)
{
        ck_assert(actions.start_pass);
        ck_assert_int_eq(actions.pass.kind, kind);
        ck_assert_uint_eq(actions.pass.record.node, 3);
        ck_assert_uint_eq(actions.pass.record.incarnation, incarnation);
        ck_assert_uint_eq(actions.pass.record.sequence, sequence);
        ck_assert_int_eq(actions.pass.record.state,
                         kind == LEASE_PASS_RELEASE ? LEASE_RECORD_RELEASED : LEASE_RECORD_HELD);
}

START_TEST(a_lease_begins_with_a_record_and_counts_from_before_it_was_written)
{
        begin(10000, 5, false);
        assert_pass(LEASE_PASS_BEGIN, 5, 1);
        ck_assert(!lease_node_may_keep(&lease, 10000));
        pass(10200, 10000, LEASE_PASS_DONE);
        ck_assert_int_eq(lease.state, LEASE_HELD);
        ck_assert(lease_node_may_keep(&lease, 14999));
        ck_assert(!lease_node_may_keep(&lease, 15000));
        ck_assert_uint_eq(actions.wake_at_ms, 11000);
}
END_TEST

START_TEST(guests_start_only_when_the_cluster_was_met_after_the_lease_stood_on_the_volume)
{
        begin(10000, 5, false);
        pass(10200, 10000, LEASE_PASS_DONE);
        ck_assert(!lease_node_may_start(&lease, 10200));
        contact(10300, 10200, 9);
        ck_assert(!lease_node_may_start(&lease, 10300));
        contact(10400, 10201, 9);
        ck_assert(lease_node_may_start(&lease, 10400));
        ck_assert(lease_node_may_start(&lease, 12999));
        ck_assert(!lease_node_may_start(&lease, 13000));
}
END_TEST

START_TEST(contact_before_the_lease_is_held_does_not_count_later)
{
        begin(10000, 5, false);
        contact(10100, 10090, 9);
        pass(10200, 10000, LEASE_PASS_DONE);
        ck_assert(!lease_node_may_start(&lease, 10200));
}
END_TEST

START_TEST(it_is_renewed_once_a_second_with_one_pass_at_a_time)
{
        hold();
        tick(10999);
        ck_assert(!actions.start_pass);
        tick(11000);
        assert_pass(LEASE_PASS_RENEW, 5, 2);
        ck_assert_uint_eq(actions.pass.record.held_until_ms, 15000);
        tick(12000);
        ck_assert(!actions.start_pass);
        ck_assert(lease_node_is_late(&lease, 12000));
        pass(12500, 11000, LEASE_PASS_DONE);
        ck_assert_uint_eq(lease.held_until_ms, 16000);
        /* The next one was due long ago. */
        assert_pass(LEASE_PASS_RENEW, 5, 3);
        ck_assert(!lease_node_is_late(&lease, 13499));
}
END_TEST

START_TEST(passes_that_fail_or_are_refused_renew_nothing_and_are_tried_again)
{
        hold();
        tick(11000);
        pass(11010, 11000, _i == 0 ? LEASE_PASS_FAILED : LEASE_PASS_REFUSED);
        ck_assert_uint_eq(lease.held_until_ms, 15000);
        ck_assert(!actions.start_pass);
        tick(12000);
        assert_pass(LEASE_PASS_RENEW, 5, 3);
}
END_TEST

START_TEST(without_renewal_guests_are_stopped_before_the_lease_lapses)
{
        hold();
        tick(11000);
        ck_assert_uint_eq(actions.wake_at_ms, 13000);
        tick(12999);
        ck_assert(!actions.stop_guests);
        tick(13000);
        ck_assert(actions.stop_guests);
        ck_assert_int_eq(lease.state, LEASE_STOPPING);
        ck_assert_int_eq(lease.reason, LEASE_REASON_LATE);
        ck_assert(lease_node_may_keep(&lease, 13000) && !lease_node_may_start(&lease, 13000));
        ck_assert_uint_eq(actions.wake_at_ms, 15000);
        tick(15000);
        ck_assert(actions.stop_guests);
        ck_assert_int_eq(lease.state, LEASE_LAPSED);
        ck_assert(!lease_node_may_keep(&lease, 15000));
        tick(15001);
        ck_assert(!actions.stop_guests);
}
END_TEST

START_TEST(a_renewal_that_ends_while_guests_are_being_stopped_gives_them_time_and_stays_the_last)
{
        hold();
        tick(11000);
        tick(13000);
        pass(14000, 11000, LEASE_PASS_DONE);
        ck_assert_int_eq(lease.state, LEASE_STOPPING);
        ck_assert_uint_eq(lease.held_until_ms, 16000);
        ck_assert(!actions.start_pass);
        tick(15999);
        ck_assert(!actions.start_pass);
        ck_assert_int_eq(lease.state, LEASE_STOPPING);
}
END_TEST

/* Also when nobody ticked in between: the node was frozen, and the result waited. */
START_TEST(a_renewal_that_ends_after_the_lapse_is_too_late_for_ever)
{
        hold();
        tick(12000);
        if (_i == 1)
                tick(15000);
        pass(15000, 12000, LEASE_PASS_DONE);
        ck_assert_int_eq(lease.state, LEASE_LAPSED);
        ck_assert(actions.stop_guests == (_i == 0));
        ck_assert(!lease_node_may_keep(&lease, 15000));
        ck_assert(!actions.start_pass);
}
END_TEST

START_TEST(it_is_released_only_when_the_guests_are_gone)
{
        hold();
        tick(11000);
        pass(11010, 11000, LEASE_PASS_DONE);
        end(11500);
        ck_assert(actions.stop_guests);
        ck_assert(!actions.start_pass);
        tick(12000);
        ck_assert(!actions.start_pass);
        guests_gone(12500);
        assert_pass(LEASE_PASS_RELEASE, 5, 3);
        ck_assert(!lease_node_may_keep(&lease, 12500));
        pass(12510, 12500, LEASE_PASS_DONE);
        ck_assert_int_eq(lease.state, LEASE_NONE);
        ck_assert_int_eq(lease.reason, LEASE_REASON_ENDED);
        ck_assert_uint_eq(actions.wake_at_ms, LEASE_NEVER);
}
END_TEST

START_TEST(a_release_waits_for_the_pass_under_way_and_is_not_taken_for_it)
{
        hold();
        tick(11000);
        tick(13000);
        guests_gone(13000);
        ck_assert(!actions.start_pass);
        pass(13000, 11000, LEASE_PASS_DONE);
        ck_assert_int_eq(lease.state, LEASE_RELEASING);
        assert_pass(LEASE_PASS_RELEASE, 5, 3);
        pass(13010, 13000, LEASE_PASS_FAILED);
        ck_assert_int_eq(lease.state, LEASE_RELEASING);
        tick(14000);
        assert_pass(LEASE_PASS_RELEASE, 5, 4);
        pass(14010, 14000, LEASE_PASS_DONE);
        ck_assert_int_eq(lease.state, LEASE_NONE);
}
END_TEST

START_TEST(what_is_not_ours_any_more_needs_no_release)
{
        hold();
        end(10700);
        guests_gone(10800);
        assert_pass(LEASE_PASS_RELEASE, 5, 2);
        pass(10810, 10800, LEASE_PASS_REFUSED);
        ck_assert_int_eq(lease.state, LEASE_NONE);
}
END_TEST

static void renew_revoked(uint64_t incarnation, uint64_t epoch)
{
        struct lease_event event = { .kind = LEASE_EVENT_PASS };
        tick(11000);
        event.pass =
                (struct lease_pass_result){ .started_ms = 11000, .ended_ms = 11010, .has_revocation = true };
        event.pass.revocation = (struct lease_revocation){ 3, 1, incarnation, epoch, 8 };
        step(11010, event);
}

START_TEST(a_revocation_stops_the_guests_and_is_acknowledged_when_they_are_gone)
{
        hold();
        renew_revoked(5, 10);
        ck_assert(actions.stop_guests);
        ck_assert_int_eq(lease.state, LEASE_STOPPING);
        ck_assert_int_eq(lease.reason, LEASE_REASON_REVOKED);
        /* It holds on while they stop, but is renewed no more: what cannot be stopped ends by the watchdog.
         */
        ck_assert(lease_node_may_keep(&lease, 15999));
        tick(12000);
        ck_assert(!actions.start_pass);
        guests_gone(12100);
        assert_pass(LEASE_PASS_RELEASE, 5, 3);
        ck_assert_uint_eq(actions.pass.record.obeys, 8);
        pass(12110, 12100, LEASE_PASS_DONE);
        /* What is taken anew answers nothing that was asked before. */
        begin(13000, 6, false);
        assert_pass(LEASE_PASS_BEGIN, 6, 1);
        ck_assert_uint_eq(actions.pass.record.obeys, 0);
        pass(13010, 13000, LEASE_PASS_DONE);
        end(13020);
        guests_gone(13030);
        assert_pass(LEASE_PASS_RELEASE, 6, 2);
        ck_assert_uint_eq(actions.pass.record.obeys, 0);
}
END_TEST

START_TEST(revocations_of_other_incarnations_and_of_epochs_that_it_outlived_are_not_meant)
{
        static const uint64_t cases[][2] = { { 4, 10 }, { 5, 9 }, { 5, 8 } };
        hold();
        renew_revoked(cases[_i][0], cases[_i][1]);
        ck_assert_int_eq(lease.state, LEASE_HELD);
        ck_assert_uint_eq(lease.held_until_ms, 16000);
}
END_TEST

START_TEST(a_begin_is_tried_until_it_succeeds)
{
        begin(10000, 5, false);
        pass(10010, 10000, _i == 0 ? LEASE_PASS_FAILED : LEASE_PASS_REFUSED);
        ck_assert_int_eq(lease.state, LEASE_BEGINNING);
        ck_assert_uint_eq(actions.wake_at_ms, 11000);
        tick(11000);
        assert_pass(LEASE_PASS_BEGIN, 5, 2);
        /* So slow that it has lapsed before it was held. */
        pass(16000, 11000, LEASE_PASS_DONE);
        ck_assert_int_eq(lease.state, LEASE_BEGINNING);
        assert_pass(LEASE_PASS_BEGIN, 5, 3);
}
END_TEST

START_TEST(a_begin_that_is_given_up_is_released_all_the_same)
{
        begin(10000, 5, false);
        end(10005);
        pass(10010, 10000, LEASE_PASS_DONE);
        ck_assert_int_eq(lease.state, LEASE_RELEASING);
        ck_assert(!lease_node_may_keep(&lease, 10010));
        tick(11000);
        assert_pass(LEASE_PASS_RELEASE, 5, 2);
}
END_TEST

static void look(uint64_t now_ms, enum sector_content found, struct lease_record record)
{
        struct lease_event event = { .kind = LEASE_EVENT_PASS };
        event.pass = (struct lease_pass_result){
                .started_ms = 20000, .ended_ms = now_ms, .found = found, .record = record
        };
        step(now_ms, event);
}

static const struct lease_record before_restart = { .node = 3,
                                                    .state = LEASE_RECORD_HELD,
                                                    .incarnation = 5,
                                                    .sequence = 40,
                                                    .boot = BOOT,
                                                    .held_until_ms = 23500,
                                                    .timings = { 500, 5000, 2000, 0, 1000 } };

START_TEST(a_new_process_takes_the_lease_of_the_last_one_over)
{
        begin(20000, 6, true);
        ck_assert(actions.start_pass);
        ck_assert_int_eq(actions.pass.kind, LEASE_PASS_LOOK);
        look(20010, SECTOR_VALID, before_restart);
        ck_assert_int_eq(lease.state, LEASE_HELD);
        ck_assert_uint_eq(lease.held_until_ms, 23500);
        assert_pass(LEASE_PASS_RENEW, 5, 41);
        ck_assert_uint_eq(actions.pass.record.timings.renew_ms, 500); /* of the incarnation */
        /* Guests may run on; whether one may start, the cluster has to say. */
        ck_assert(lease_node_may_keep(&lease, 20010));
        ck_assert(!lease_node_may_start(&lease, 20010));
        contact(20500, 20400, 9);
        ck_assert(lease_node_may_start(&lease, 20500));
}
END_TEST

START_TEST(what_was_confirmed_before_a_restart_still_is)
{
        struct lease_record record = before_restart;
        record.confirmed = true;
        begin(20000, 6, true);
        look(20010, SECTOR_VALID, record);
        ck_assert(lease_node_may_start(&lease, 20010));
        ck_assert(actions.pass.record.confirmed);
}
END_TEST

START_TEST(what_cannot_be_taken_over_has_lapsed)
{
        struct lease_record record = before_restart;
        enum sector_content found = SECTOR_VALID;
        switch (_i) {
        case 0:
                record.boot = BOOT + 1;
                break;
        case 1:
                record.state = LEASE_RECORD_RELEASED;
                break;
        case 2:
                record.held_until_ms = 20010;
                break;
        case 3:
                found = SECTOR_BLANK;
                break;
        case 4:
                found = SECTOR_FOREIGN;
                break;
        case 5:
                record.held_until_ms = 0; /* killed between its first record and its first renewal */
                break;
        }
        begin(20000, 6, true);
        look(20010, found, record);
        ck_assert_int_eq(lease.state, LEASE_LAPSED);
        ck_assert(actions.stop_guests);
        ck_assert(!lease_node_may_keep(&lease, 20010) && !lease_node_may_start(&lease, 20010));
        guests_gone(20500);
        ck_assert_int_eq(lease.state, LEASE_NONE);
}
END_TEST

START_TEST(guests_do_not_wait_for_a_volume_that_does_not_answer)
{
        begin(20000, 6, true);
        ck_assert_uint_eq(actions.wake_at_ms, 21000);
        tick(21000);
        ck_assert_int_eq(lease.state, LEASE_LAPSED);
        ck_assert(actions.stop_guests);
        guests_gone(21500);
        ck_assert_int_eq(lease.state, LEASE_RELEASING);
        look(30000, SECTOR_VALID, before_restart);
        ck_assert_int_eq(lease.state, LEASE_NONE);
        begin(30000, 7, false);
        assert_pass(LEASE_PASS_BEGIN, 7, 1);
}
END_TEST

START_TEST(a_new_incarnation_is_confirmed_anew)
{
        hold();
        end(10700);
        guests_gone(10700);
        pass(10710, 10700, LEASE_PASS_DONE);
        begin(10720, 6, false);
        assert_pass(LEASE_PASS_BEGIN, 6, 1);
        pass(10730, 10720, LEASE_PASS_DONE);
        ck_assert(!lease_node_may_start(&lease, 10730));
}
END_TEST

/* Brings the lease into a state by its own events. */
static void reach(enum lease_state state)
{
        switch (state) {
        case LEASE_NONE:
        case LEASE_STATE_COUNT:
                break;
        case LEASE_BEGINNING:
                begin(10000, 5, false);
                break;
        case LEASE_HELD:
                hold();
                break;
        case LEASE_STOPPING:
                hold();
                end(10700);
                break;
        case LEASE_LAPSED:
                hold();
                tick(16000);
                break;
        case LEASE_RELEASING:
                hold();
                end(10700);
                guests_gone(10700);
                break;
        }
        ck_assert_int_eq(lease.state, state);
}

START_TEST(every_state_answers_every_event_along_the_edges)
{
        enum lease_state from = (enum lease_state)(_i / 6);
        enum lease_event_kind kind = (enum lease_event_kind)(_i % 6);
        struct lease_event event = { .kind = kind };
        reach(from);
        if (kind == LEASE_EVENT_BEGIN && from != LEASE_NONE)
                return; /* a precondition */
        if (kind == LEASE_EVENT_PASS && !lease.pass_running)
                return; /* another */
        if (kind == LEASE_EVENT_BEGIN)
                event.begin.incarnation = 8;
        step(16000, event);
        ck_assert_msg(lease.state == from || lease_state_may_follow(from, lease.state) ||
                              (from == LEASE_HELD && lease.state == LEASE_LAPSED),
                      "%s -> %s", lease_state_name(from), lease_state_name(lease.state));
}
END_TEST

START_TEST(a_lease_begins_only_from_none)
{
        hold();
        begin(10700, 6, false);
}
END_TEST

START_TEST(timings_that_do_not_add_up_are_our_mistake)
{
        struct lease_timings timings = lease_timings_default;
        timings.lease_ms = 3000;
        lease_node_init(&lease, 3, BOOT, &timings);
}
END_TEST

static const struct may_write_case {
        enum lease_pass_kind kind;
        enum sector_content found;
        uint64_t incarnation, sequence; /* found; the pass writes 5, 10 */
        bool may;
} may_write_cases[] = {
        { LEASE_PASS_LOOK, SECTOR_VALID, 5, 9, false },
        { LEASE_PASS_BEGIN, SECTOR_VALID, 4, 99, true },
        { LEASE_PASS_BEGIN, SECTOR_BLANK, 0, 0, true },
        { LEASE_PASS_BEGIN, SECTOR_DAMAGED, 0, 0, true },
        { LEASE_PASS_BEGIN, SECTOR_FOREIGN, 0, 0, false },
        { LEASE_PASS_BEGIN, SECTOR_VERSION, 0, 0, false },
        { LEASE_PASS_BEGIN, SECTOR_MISPLACED, 0, 0, true },
        { LEASE_PASS_RENEW, SECTOR_VALID, 5, 9, true },
        { LEASE_PASS_RENEW, SECTOR_VALID, 5, 3, true },
        { LEASE_PASS_RENEW, SECTOR_VALID, 5, 10, false },
        { LEASE_PASS_RENEW, SECTOR_VALID, 4, 9, false },
        { LEASE_PASS_RENEW, SECTOR_BLANK, 0, 0, false },
        { LEASE_PASS_RENEW, SECTOR_DAMAGED, 0, 0, true },
        { LEASE_PASS_RENEW, SECTOR_FOREIGN, 5, 9, false },
        { LEASE_PASS_RENEW, SECTOR_VERSION, 5, 9, false },
        { LEASE_PASS_RENEW, SECTOR_MISPLACED, 5, 9, false },
        { LEASE_PASS_RELEASE, SECTOR_VALID, 5, 9, true },
        { LEASE_PASS_RELEASE, SECTOR_VALID, 4, 9, false },
        { LEASE_PASS_RELEASE, SECTOR_FOREIGN, 5, 9, false },
        { LEASE_PASS_RELEASE, SECTOR_MISPLACED, 5, 9, false },
};

START_TEST(a_pass_writes_only_over_what_is_its_own)
{
        const struct may_write_case *c = &may_write_cases[_i];
        struct lease_pass writing = { .kind = c->kind, .record = { .incarnation = 5, .sequence = 10 } };
        struct lease_record found = { .incarnation = c->incarnation, .sequence = c->sequence };
        ck_assert(lease_pass_may_write(&writing, c->found, &found) == c->may);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("lease_node");
        TCase *tcase = tcase_create("lease");
        tcase_add_checked_fixture(tcase, set_up, NULL);
        tcase_add_test(tcase, a_lease_begins_with_a_record_and_counts_from_before_it_was_written);
        tcase_add_test(tcase, guests_start_only_when_the_cluster_was_met_after_the_lease_stood_on_the_volume);
        tcase_add_test(tcase, contact_before_the_lease_is_held_does_not_count_later);
        tcase_add_test(tcase, it_is_renewed_once_a_second_with_one_pass_at_a_time);
        tcase_add_loop_test(tcase, passes_that_fail_or_are_refused_renew_nothing_and_are_tried_again, 0, 2);
        tcase_add_test(tcase, without_renewal_guests_are_stopped_before_the_lease_lapses);
        tcase_add_test(tcase,
                       a_renewal_that_ends_while_guests_are_being_stopped_gives_them_time_and_stays_the_last);
        tcase_add_loop_test(tcase, a_renewal_that_ends_after_the_lapse_is_too_late_for_ever, 0, 2);
        tcase_add_test(tcase, it_is_released_only_when_the_guests_are_gone);
        tcase_add_test(tcase, a_release_waits_for_the_pass_under_way_and_is_not_taken_for_it);
        tcase_add_test(tcase, what_is_not_ours_any_more_needs_no_release);
        tcase_add_test(tcase, a_revocation_stops_the_guests_and_is_acknowledged_when_they_are_gone);
        tcase_add_loop_test(
                tcase, revocations_of_other_incarnations_and_of_epochs_that_it_outlived_are_not_meant, 0, 3);
        tcase_add_loop_test(tcase, a_begin_is_tried_until_it_succeeds, 0, 2);
        tcase_add_test(tcase, a_begin_that_is_given_up_is_released_all_the_same);
        tcase_add_test(tcase, a_new_process_takes_the_lease_of_the_last_one_over);
        tcase_add_loop_test(tcase, what_cannot_be_taken_over_has_lapsed, 0, 6);
        tcase_add_test(tcase, guests_do_not_wait_for_a_volume_that_does_not_answer);
        tcase_add_test(tcase, what_was_confirmed_before_a_restart_still_is);
        tcase_add_test(tcase, a_new_incarnation_is_confirmed_anew);
        tcase_add_loop_test(tcase, every_state_answers_every_event_along_the_edges, 0, 6 * LEASE_STATE_COUNT);
        tcase_add_test_raise_signal(tcase, a_lease_begins_only_from_none, SIGABRT);
        tcase_add_test_raise_signal(tcase, timings_that_do_not_add_up_are_our_mistake, SIGABRT);
        tcase_add_loop_test(tcase, a_pass_writes_only_over_what_is_its_own, 0,
                            sizeof may_write_cases / sizeof may_write_cases[0]);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
