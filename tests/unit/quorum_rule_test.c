/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "quorum/quorum_rule.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>

#include "tests/unit/suite_run.h"

#define NODES_TRIED 7

static const struct {
        const char *what;
        struct quorum_votes votes;
        enum quorum_verdict want;
} cases[] = {
        { "three of five", { 3, 0, 5 }, QUORUM_HELD },
        { "two of five", { 2, 0, 5 }, QUORUM_LOST },
        { "two of four ties", { 2, 0, 4 }, QUORUM_TIED },
        { "witness lifts two of five", { 2, 1, 5 }, QUORUM_HELD_BY_WITNESS },
        { "witness only ties", { 1, 1, 4 }, QUORUM_TIED },
        { "witness is not needed", { 3, 1, 5 }, QUORUM_HELD },
        { "the only node", { 1, 0, 1 }, QUORUM_HELD },
        { "nobody", { 0, 0, 1 }, QUORUM_LOST },
        { "the witness alone is a tie of two", { 0, 1, 2 }, QUORUM_TIED },
        { "no overflow", { UINT32_MAX / 2 + 1, 0, UINT32_MAX }, QUORUM_HELD },
        { "no overflow with a witness", { UINT32_MAX - 1, 1, UINT32_MAX }, QUORUM_HELD },
};

START_TEST(decides_as_the_table_says)
{
        enum quorum_verdict got = quorum_decide(&cases[_i].votes);
        ck_assert_msg(got == cases[_i].want, "%s: got %s, want %s", cases[_i].what, quorum_verdict_name(got),
                      quorum_verdict_name(cases[_i].want));
}
END_TEST

/* Deals the votes out one by one instead of comparing sums: ours and theirs, pair by pair. */
static int votes_ahead(uint32_t ours, uint32_t expected)
{
        int ahead = 0;
        for (uint32_t vote = 0; vote < expected; vote++)
                ahead += vote < ours ? 1 : -1;
        return ahead;
}

static enum quorum_verdict verdict_by_hand(uint32_t present, uint32_t witness, uint32_t expected)
{
        if (votes_ahead(present, expected) > 0)
                return QUORUM_HELD;
        int ahead = votes_ahead(present + witness, expected);
        return ahead > 0 ? QUORUM_HELD_BY_WITNESS : ahead == 0 ? QUORUM_TIED : QUORUM_LOST;
}

/* Each subset of up to seven nodes, each with and without a configured witness that votes for it or not. */
START_TEST(agrees_with_counting_by_hand_for_every_partition)
{
        uint32_t nodes = (uint32_t)_i;
        for (uint32_t configured = 0; configured <= 1; configured++)
                for (uint32_t members = 0; members < 1u << nodes; members++)
                        for (uint32_t witness = 0; witness <= configured; witness++) {
                                uint32_t present = (uint32_t)__builtin_popcount(members);
                                struct quorum_votes votes = { present, witness, nodes + configured };
                                ck_assert_int_eq(quorum_decide(&votes),
                                                 verdict_by_hand(present, witness, nodes + configured));
                        }
}
END_TEST

static bool is_held(uint32_t members, uint32_t witness, uint32_t expected)
{
        struct quorum_votes votes = { (uint32_t)__builtin_popcount(members), witness, expected };
        return quorum_is_held(quorum_decide(&votes));
}

/* Also when both count on the witness it can only vote for one of them. */
START_TEST(two_disjoint_partitions_never_both_hold)
{
        uint32_t nodes = (uint32_t)_i, all = (1u << nodes) - 1;
        for (uint32_t configured = 0; configured <= 1; configured++)
                for (uint32_t one = 0; one <= all; one++)
                        for (uint32_t other = all & ~one;; other = (other - 1) & (all & ~one)) {
                                ck_assert(!(is_held(one, configured, nodes + configured) &&
                                            is_held(other, 0, nodes + configured)));
                                if (other == 0)
                                        break;
                        }
}
END_TEST

START_TEST(more_votes_never_lose_quorum)
{
        uint32_t expected = (uint32_t)_i;
        for (uint32_t witness = 0; witness <= 1; witness++)
                for (uint32_t present = 0; present + witness < expected; present++) {
                        struct quorum_votes fewer = { present, witness, expected };
                        struct quorum_votes more = { present + 1, witness, expected };
                        ck_assert(quorum_is_held(quorum_decide(&more)) ||
                                  !quorum_is_held(quorum_decide(&fewer)));
                }
}
END_TEST

START_TEST(every_verdict_has_a_name_of_its_own)
{
        ck_assert_str_eq(quorum_verdict_name(QUORUM_LOST), "lost");
        ck_assert_str_eq(quorum_verdict_name(QUORUM_TIED), "tied");
        ck_assert_str_eq(quorum_verdict_name(QUORUM_HELD), "held");
        ck_assert_str_eq(quorum_verdict_name(QUORUM_HELD_BY_WITNESS), "held-by-witness");
}
END_TEST

START_TEST(refuses_more_votes_than_expected)
{
        quorum_decide(&(struct quorum_votes){ .present = 2, .expected = 1 });
}
END_TEST

START_TEST(refuses_a_cluster_without_votes)
{
        quorum_decide(&(struct quorum_votes){ 0 });
}
END_TEST

int main(void)
{
        TCase *tcase = tcase_create("decide");
        tcase_add_loop_test(tcase, decides_as_the_table_says, 0, (int)(sizeof cases / sizeof cases[0]));
        tcase_add_loop_test(tcase, agrees_with_counting_by_hand_for_every_partition, 1, NODES_TRIED + 1);
        tcase_add_loop_test(tcase, two_disjoint_partitions_never_both_hold, 1, NODES_TRIED + 1);
        tcase_add_loop_test(tcase, more_votes_never_lose_quorum, 1, NODES_TRIED + 2);
        tcase_add_test(tcase, every_verdict_has_a_name_of_its_own);
        tcase_add_test_raise_signal(tcase, refuses_more_votes_than_expected, SIGABRT);
        tcase_add_test_raise_signal(tcase, refuses_a_cluster_without_votes, SIGABRT);

        Suite *suite = suite_create("quorum_rule");
        suite_add_tcase(suite, tcase);

        return suite_run(suite);
}
