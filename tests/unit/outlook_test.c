/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "quorum/outlook.h"

#include <check.h>
#include <stdlib.h>

#include "tests/unit/suite_run.h"

/* Against a count by hand, of every two sets of voters among five nodes and everybody who may be here. */

#define NODES 5
#define SETS  (1u << NODES)

static bool holds_by_hand(const struct voters *voters, node_set here)
{
        const node_set sets[] = { voters->now.nodes, voters->before.nodes };
        for (size_t i = 0; i < 2; i++) {
                uint32_t votes = 0, present = 0;
                for (uint32_t node = 1; node <= NODES; node++) {
                        votes += node_set_has(sets[i], node);
                        present += node_set_has(sets[i], node) && node_set_has(here, node);
                }
                if (i == 0 || votes > 0)
                        if (2 * present <= votes)
                                return false;
        }
        return true;
}

/* The smallest loss that costs quorum, by trying all of them. */
static uint32_t least_loss(const struct voters *voters, node_set here)
{
        uint32_t least = NODES + 1;
        for (node_set lost = 0; lost < SETS; lost++)
                if ((lost & ~here) == 0 && node_set_count(lost) < least &&
                    !holds_by_hand(voters, here & ~lost))
                        least = node_set_count(lost);
        return least;
}

/* The fewest that have to come, by trying all of them. */
static uint32_t least_return(const struct voters *voters, node_set here)
{
        uint32_t least = NODES + 1;
        for (node_set back = 0; back < SETS; back++)
                if ((back & here) == 0 && node_set_count(back) < least && holds_by_hand(voters, here | back))
                        least = node_set_count(back);
        return least;
}

static void check_one(const struct voters *voters, node_set here)
{
        struct outlook outlook = outlook_of(voters, here, false);
        ck_assert_int_eq(outlook.held, holds_by_hand(voters, here));
        if (!outlook.held) {
                ck_assert_uint_le(outlook.wanting, least_return(voters, here));
                ck_assert_uint_eq(outlook.present + outlook.wanting, outlook.needed);
                ck_assert_uint_ge(node_set_count(outlook.missing), outlook.wanting);
                if (voters->before.nodes == 0)
                        ck_assert_uint_eq(outlook.wanting, least_return(voters, here));
                return;
        }
        ck_assert_uint_eq(outlook.spare + 1, least_loss(voters, here));
        for (uint32_t node = 1; node <= NODES; node++) {
                bool may_not = node_set_has(here, node) && !holds_by_hand(voters, here & ~node_set_of(node));
                ck_assert_int_eq(node_set_has(outlook.may_not, node), may_not);
        }
}

START_TEST(agrees_with_every_loss_and_return_tried)
{
        for (node_set now = 1; now < SETS; now++)
                for (node_set before = 0; before < SETS; before++)
                        for (node_set here = 0; here < SETS; here++) {
                                struct voters voters = { .now.nodes = now, .before.nodes = before };
                                check_one(&voters, here);
                        }
}
END_TEST

START_TEST(without_voters_nobody_holds)
{
        struct voters none = { .now.nodes = 0 };
        ck_assert(!outlook_of(&none, SETS - 1, false).held);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("outlook");
        TCase *tcase = tcase_create("outlook");
        tcase_add_test(tcase, agrees_with_every_loss_and_return_tried);
        tcase_add_test(tcase, without_voters_nobody_holds);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
