/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "quorum/qnetd_claim.h"

#include <check.h>
#include <stdlib.h>

#include "tests/unit/suite_run.h"

static const struct qnetd_claim armed = { .ring = 1,
                                          .members = 3,
                                          .armed = { .connection = 7, .epoch = 5, .level = 3 } };

static bool counts(const struct qnetd_claim *claim, uint64_t epoch, node_set lost)
{
        return qnetd_claim_counts(claim, epoch, lost, lost);
}

START_TEST(the_vote_counts_for_whoever_was_granted_it_first)
{
        struct qnetd_claim claim = armed;
        qnetd_claim_ring(&claim, 2, 1);
        ck_assert(!counts(&claim, 5, 2));
        qnetd_claim_answer(&claim, true, 7);
        ck_assert(counts(&claim, 5, 2));
        qnetd_claim_connection(&claim, 0);
        ck_assert(counts(&claim, 5, 2));
}
END_TEST

START_TEST(nobody_counts_it_who_was_refused_first)
{
        struct qnetd_claim claim = armed;
        qnetd_claim_ring(&claim, 2, 1);
        ck_assert(!qnetd_claim_is_void(&claim));
        qnetd_claim_answer(&claim, false, 7);
        ck_assert(qnetd_claim_is_void(&claim));
        qnetd_claim_answer(&claim, true, 7);
        ck_assert(!counts(&claim, 5, 2));
}
END_TEST

START_TEST(nobody_counts_it_over_another_connection)
{
        struct qnetd_claim claim = armed;
        qnetd_claim_ring(&claim, 2, 1);
        qnetd_claim_answer(&claim, true, 8);
        ck_assert(!counts(&claim, 5, 2));
        claim = armed;
        qnetd_claim_connection(&claim, 8);
        qnetd_claim_connection(&claim, 7);
        qnetd_claim_ring(&claim, 2, 1);
        qnetd_claim_answer(&claim, true, 7);
        ck_assert(!counts(&claim, 5, 2));
}
END_TEST

START_TEST(nobody_counts_it_after_a_ring_in_between)
{
        struct qnetd_claim claim = armed;
        qnetd_claim_ring(&claim, 2, 1);
        qnetd_claim_ring(&claim, 3, 1);
        qnetd_claim_answer(&claim, true, 7);
        ck_assert(!counts(&claim, 5, 2));
}
END_TEST

START_TEST(it_counts_only_for_that_history_and_for_the_loss_of_who_was_level)
{
        struct qnetd_claim claim = armed;
        qnetd_claim_ring(&claim, 2, 1);
        qnetd_claim_answer(&claim, true, 7);
        ck_assert(!counts(&claim, 4, 2));
        ck_assert(!counts(&claim, 6, 2));
        ck_assert(!counts(&claim, 5, 2 | 4));
}
END_TEST

START_TEST(a_contact_in_a_ring_of_the_past_arms_nobody)
{
        struct qnetd_claim claim = { .ring = 2 };
        qnetd_claim_arm(&claim, 1, 7, 5, 3);
        ck_assert(!qnetd_claim_is_armed(&claim));
        qnetd_claim_arm(&claim, 2, 0, 5, 3);
        ck_assert(!qnetd_claim_is_armed(&claim));
        qnetd_claim_arm(&claim, 2, 7, 5, 3);
        ck_assert(qnetd_claim_is_armed(&claim));
}
END_TEST

START_TEST(who_is_in_the_ring_may_not_be_silent)
{
        struct qnetd_claim claim = armed;
        qnetd_claim_ring(&claim, 2, 3);
        qnetd_claim_answer(&claim, true, 7);
        ck_assert(!counts(&claim, 5, 2));
        ck_assert(qnetd_claim_counts(&claim, 5, 2, 0)); /* it speaks, and has no history */
}
END_TEST

START_TEST(an_epoch_that_holds_by_the_vote_may_be_followed_by_another_in_its_ring)
{
        struct qnetd_claim claim = armed;
        qnetd_claim_ring(&claim, 2, 1);
        qnetd_claim_answer(&claim, true, 7);
        qnetd_claim_arm(&claim, 2, 7, 6, 1);
        ck_assert(counts(&claim, 6, 2));
        ck_assert(!counts(&claim, 5, 2));
        qnetd_claim_ring(&claim, 3, 1);
        qnetd_claim_answer(&claim, true, 7);
        ck_assert(!counts(&claim, 6, 2)); /* who was not level in epoch 6 */
}
END_TEST

int main(void)
{
        TCase *tcase = tcase_create("claim");
        tcase_add_test(tcase, the_vote_counts_for_whoever_was_granted_it_first);
        tcase_add_test(tcase, nobody_counts_it_who_was_refused_first);
        tcase_add_test(tcase, nobody_counts_it_over_another_connection);
        tcase_add_test(tcase, nobody_counts_it_after_a_ring_in_between);
        tcase_add_test(tcase, it_counts_only_for_that_history_and_for_the_loss_of_who_was_level);
        tcase_add_test(tcase, a_contact_in_a_ring_of_the_past_arms_nobody);
        tcase_add_test(tcase, who_is_in_the_ring_may_not_be_silent);
        tcase_add_test(tcase, an_epoch_that_holds_by_the_vote_may_be_followed_by_another_in_its_ring);

        Suite *suite = suite_create("qnetd_claim");
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
