/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Whole clusters of leases in a small world (lease_world.h): no role runs
 * twice, whatever happens to I/O, hosts and processes.
 *
 * lease_world_test [FIRST [SEEDS]]    other seeds, up to the first that breaks a rule; a single one with all
 *                                      that happens
 */

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/lease_world.h"
#include "tests/unit/suite_run.h"

#define SEEDS 150 /* two seconds */

static bool run_seed(uint64_t seed, bool verbose, struct lease_world_result *sum)
{
        struct lease_world_result result;
        lease_world_run(seed, verbose, &result);
        for (int finding = 0; finding < LEASE_FINDING_COUNT; finding++)
                sum->findings[finding] += result.findings[finding];
        sum->starts += result.starts;
        sum->resets += result.resets;
        sum->adoptions += result.adoptions;
        sum->revoked += result.revoked;
        sum->lapsed += result.lapsed;
        sum->refused += result.refused;
        if (result.broken != NULL)
                printf("seed %llu: n%u, %.2f s: %s\n", (unsigned long long)seed, result.broken_node,
                       (double)result.broken_at_ms / 1000, result.broken);
        return result.broken == NULL;
}

START_TEST(no_role_runs_twice_and_all_run_in_the_end)
{
        struct lease_world_result sum = { 0 };
        for (uint64_t seed = 1; seed <= SEEDS; seed++)
                ck_assert(run_seed(seed, false, &sum));
        /* A world in which nothing happens proves nothing. */
        for (int finding = 0; finding < LEASE_FINDING_COUNT; finding++)
                ck_assert_msg(sum.findings[finding] > SEEDS / 10, "%s: %u", lease_finding_name(finding),
                              sum.findings[finding]);
        ck_assert_uint_gt(sum.starts, SEEDS);
        ck_assert_uint_gt(sum.resets, SEEDS / 10);
        ck_assert_uint_gt(sum.adoptions, SEEDS / 10);
        ck_assert_uint_gt(sum.revoked, SEEDS / 10);
        ck_assert_uint_gt(sum.lapsed, SEEDS / 10);
        ck_assert_uint_gt(sum.refused, SEEDS / 10);
}
END_TEST

static int run_by_hand(uint64_t first, uint64_t seeds)
{
        struct lease_world_result sum = { 0 };
        bool clean = true;
        for (uint64_t seed = first; clean && seed < first + seeds; seed++)
                clean = run_seed(seed, seeds == 1, &sum);
        for (int finding = 0; finding < LEASE_FINDING_COUNT; finding++)
                printf("%s %u  ", lease_finding_name(finding), sum.findings[finding]);
        printf("starts %u  resets %u  adoptions %u  revoked %u  lapsed %u  refused %u\n", sum.starts,
               sum.resets, sum.adoptions, sum.revoked, sum.lapsed, sum.refused);
        return clean ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
        if (argc > 1)
                return run_by_hand(strtoull(argv[1], NULL, 10), argc > 2 ? strtoull(argv[2], NULL, 10) : 1);
        Suite *suite = suite_create("lease_world");
        TCase *world = tcase_create("world");
        tcase_set_timeout(world, 60);
        tcase_add_test(world, no_role_runs_twice_and_all_run_in_the_end);
        suite_add_tcase(suite, world);
        return suite_run(suite);
}
