/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What others can know of a lost node's lease. Lease and watchdog 5000 ms each, margin 1000, renewed every
 * 1000. */

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "csv-storage/lease_observer.h"
#include "tests/unit/suite_run.h"

static struct lease_observer observer;

static struct lease_sight sight(uint64_t started_ms, uint64_t ended_ms, uint64_t incarnation,
                                uint64_t sequence)
{
        return (struct lease_sight){
                .started_ms = started_ms,
                .ended_ms = ended_ms,
                .content = SECTOR_VALID,
                .record = { .node = 3,
                            .state = LEASE_RECORD_HELD,
                            .incarnation = incarnation,
                            .sequence = sequence,
                            .held_until_ms = 1000 * sequence,
                            .timings = { 1000, 5000, 2000, 5000, 1000 } },
        };
}

static enum lease_finding see(uint64_t started_ms, uint64_t ended_ms, uint64_t incarnation, uint64_t sequence)
{
        struct lease_sight one = sight(started_ms, ended_ms, incarnation, sequence);
        return lease_observer_see(&observer, &one);
}

static void set_up(void)
{
        lease_observer_begin(&observer, 3, 50000);
}

START_TEST(what_was_read_before_the_loss_does_not_count)
{
        struct lease_sight early = sight(49999, 50100, 5, 7);
        early.record.state = LEASE_RECORD_RELEASED;
        ck_assert_int_eq(lease_observer_see(&observer, &early), LEASE_FINDING_NONE);
        early.started_ms = 50000;
        ck_assert_int_eq(lease_observer_see(&observer, &early), LEASE_FINDING_RELEASED);
}
END_TEST

START_TEST(a_record_that_moves_is_of_a_node_that_is_isolated)
{
        ck_assert_int_eq(see(50000, 50010, 5, 7), LEASE_FINDING_NONE);
        ck_assert_int_eq(see(51010, 51020, 5, 8), LEASE_FINDING_RENEWED);
        ck_assert_int_eq(see(52020, 52030, 5, 8), LEASE_FINDING_RENEWED);
        ck_assert_int_eq(see(54019, 54020, 5, 8), LEASE_FINDING_RENEWED);
        ck_assert_int_eq(see(54020, 54030, 5, 8), LEASE_FINDING_SILENT);
        ck_assert_int_eq(see(54040, 54050, 5, 9), LEASE_FINDING_RENEWED);
}
END_TEST

START_TEST(a_record_that_stands_for_lease_watchdog_and_margin_is_evidence)
{
        ck_assert_int_eq(see(50000, 50500, 5, 7), LEASE_FINDING_NONE);
        ck_assert_int_eq(see(53499, 53499, 5, 7), LEASE_FINDING_NONE);
        ck_assert_int_eq(see(53500, 53500, 5, 7), LEASE_FINDING_SILENT);
        /* From the end of the first sight to the begin of the last, however long that one took. */
        ck_assert_int_eq(see(61499, 99999, 5, 7), LEASE_FINDING_SILENT);
        ck_assert_int_eq(see(61500, 61501, 5, 7), LEASE_FINDING_EXPIRED);
}
END_TEST

START_TEST(any_other_record_starts_the_clock_anew)
{
        struct lease_sight other = sight(55000, 55010, 5, 7);
        see(50000, 50010, 5, 7);
        if (_i == 0)
                other.record.incarnation = 6;
        if (_i == 1)
                other.record.sequence = 8;
        if (_i == 2)
                other.record.held_until_ms = 8000; /* two processes, one number */
        ck_assert_int_eq(lease_observer_see(&observer, &other), LEASE_FINDING_RENEWED);
        other.started_ms = other.ended_ms = 61010;
        ck_assert_int_eq(lease_observer_see(&observer, &other), LEASE_FINDING_SILENT);
        other.started_ms = other.ended_ms = 66010;
        ck_assert_int_eq(lease_observer_see(&observer, &other), LEASE_FINDING_EXPIRED);
}
END_TEST

START_TEST(without_a_watchdog_silence_is_no_evidence)
{
        struct lease_sight one = sight(50000, 50000, 5, 7);
        one.record.timings.watchdog_ms = 0;
        lease_observer_see(&observer, &one);
        one.started_ms = one.ended_ms = 900000;
        ck_assert_int_eq(lease_observer_see(&observer, &one), LEASE_FINDING_SILENT);
}
END_TEST

START_TEST(the_times_that_count_are_those_of_the_record)
{
        struct lease_sight one = sight(50000, 50000, 5, 7);
        one.record.timings.lease_ms = 9000;
        lease_observer_see(&observer, &one);
        one.started_ms = one.ended_ms = 64999;
        ck_assert_int_eq(lease_observer_see(&observer, &one), LEASE_FINDING_SILENT);
        one.started_ms = one.ended_ms = 65000;
        ck_assert_int_eq(lease_observer_see(&observer, &one), LEASE_FINDING_EXPIRED);
}
END_TEST

START_TEST(what_is_no_record_of_the_node_says_nothing_and_starts_the_clock_anew)
{
        static const enum sector_content contents[] = { SECTOR_BLANK, SECTOR_DAMAGED, SECTOR_VERSION,
                                                        SECTOR_FOREIGN, SECTOR_MISPLACED };
        struct lease_sight bad = { .started_ms = 55000, .ended_ms = 55000, .content = contents[_i] };
        see(50000, 50000, 5, 7);
        ck_assert_int_eq(lease_observer_see(&observer, &bad), LEASE_FINDING_UNREADABLE);
        bad.started_ms = bad.ended_ms = 90000;
        ck_assert_int_eq(lease_observer_see(&observer, &bad), LEASE_FINDING_UNREADABLE);
        ck_assert_int_eq(see(91000, 91000, 5, 7), LEASE_FINDING_NONE);
        ck_assert_int_eq(see(102000, 102000, 5, 7), LEASE_FINDING_EXPIRED);
}
END_TEST

START_TEST(a_read_that_fails_says_nothing_and_takes_nothing_away)
{
        struct lease_sight failed = { .started_ms = 55000, .ended_ms = 56000, .error = -EIO };
        see(50000, 50000, 5, 7);
        ck_assert_int_eq(lease_observer_see(&observer, &failed), LEASE_FINDING_UNREADABLE);
        ck_assert_int_eq(see(61000, 61000, 5, 7), LEASE_FINDING_EXPIRED);
}
END_TEST

START_TEST(it_looks_again_at_each_renewal_and_at_the_moment_that_counts)
{
        ck_assert_uint_eq(lease_observer_next_ms(&observer), 500);
        see(50000, 50010, 5, 7);
        ck_assert_uint_eq(lease_observer_next_ms(&observer), 51010);
        see(60500, 60510, 5, 7);
        ck_assert_uint_eq(lease_observer_next_ms(&observer), 61010);
        see(61010, 61020, 5, 7);
        ck_assert_uint_eq(lease_observer_next_ms(&observer), 62020);
}
END_TEST

START_TEST(a_revocation_is_written_until_it_stands_there)
{
        struct lease_revocation revocation;
        struct lease_sight one = sight(50000, 50010, 5, 7);
        ck_assert(!lease_observer_revokes(&observer, 1, 12, 4, &revocation));
        lease_observer_see(&observer, &one);
        ck_assert(lease_observer_revokes(&observer, 1, 12, 4, &revocation));
        ck_assert(revocation.node == 3 && revocation.writer == 1 && revocation.incarnation == 5 &&
                  revocation.epoch == 12);
        /* Somebody's older one came after ours. */
        one.has_revocation = true;
        one.revocation = (struct lease_revocation){ 3, 2, 5, 11, 4 };
        lease_observer_see(&observer, &one);
        ck_assert(lease_observer_revokes(&observer, 1, 12, 4, &revocation));
        one.revocation.epoch = 12;
        lease_observer_see(&observer, &one);
        ck_assert(!lease_observer_revokes(&observer, 1, 12, 4, &revocation));
        /* It was taken anew: the new one is to end as well. */
        one.record.incarnation = 6;
        lease_observer_see(&observer, &one);
        ck_assert(lease_observer_revokes(&observer, 1, 12, 4, &revocation));
        ck_assert_uint_eq(revocation.incarnation, 6);
        ck_assert_uint_eq(revocation.lost_incarnation, 4);
        /* It has returned since, and is lost again. */
        one.revocation = revocation;
        lease_observer_see(&observer, &one);
        ck_assert(lease_observer_revokes(&observer, 1, 12, 5, &revocation));
        one.record.state = LEASE_RECORD_RELEASED;
        lease_observer_see(&observer, &one);
        ck_assert(!lease_observer_revokes(&observer, 1, 12, 4, &revocation));
}
END_TEST

START_TEST(a_release_answers_the_loss_after_which_it_was_asked_for)
{
        struct lease_sight one = sight(50000, 50010, 5, 7);
        one.record.obeys = 4;
        lease_observer_see(&observer, &one);
        ck_assert(!lease_observer_is_obeyed(&observer, 4)); /* it is held */
        one.record.state = LEASE_RECORD_RELEASED;
        ck_assert_int_eq(lease_observer_see(&observer, &one), LEASE_FINDING_RELEASED);
        ck_assert(lease_observer_is_obeyed(&observer, 4));
        ck_assert(!lease_observer_is_obeyed(&observer, 5));
        one.record.obeys = 0; /* nobody asked, or an earlier version answers */
        lease_observer_see(&observer, &one);
        ck_assert(!lease_observer_is_obeyed(&observer, 4));
        ck_assert(!lease_observer_is_obeyed(&observer, 0));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("lease_observer");
        TCase *tcase = tcase_create("observer");
        tcase_add_checked_fixture(tcase, set_up, NULL);
        tcase_add_test(tcase, what_was_read_before_the_loss_does_not_count);
        tcase_add_test(tcase, a_record_that_moves_is_of_a_node_that_is_isolated);
        tcase_add_test(tcase, a_record_that_stands_for_lease_watchdog_and_margin_is_evidence);
        tcase_add_loop_test(tcase, any_other_record_starts_the_clock_anew, 0, 3);
        tcase_add_test(tcase, without_a_watchdog_silence_is_no_evidence);
        tcase_add_test(tcase, the_times_that_count_are_those_of_the_record);
        tcase_add_loop_test(tcase, what_is_no_record_of_the_node_says_nothing_and_starts_the_clock_anew, 0,
                            5);
        tcase_add_test(tcase, a_read_that_fails_says_nothing_and_takes_nothing_away);
        tcase_add_test(tcase, it_looks_again_at_each_renewal_and_at_the_moment_that_counts);
        tcase_add_test(tcase, a_revocation_is_written_until_it_stands_there);
        tcase_add_test(tcase, a_release_answers_the_loss_after_which_it_was_asked_for);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
