/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "quorum/witness_tag.h"

#include <check.h>
#include <stdlib.h>

#include "tests/unit/suite_run.h"

static const node_set both = 3, first = 1;

START_TEST(a_fresh_witness_votes_for_anybody)
{
        struct witness_tag tag = { 0 };
        struct witness_state blank = witness_state_make(0, both), late = witness_state_make(9, first);
        ck_assert(witness_tag_may_vote(&tag, &blank));
        ck_assert(witness_tag_may_vote(&tag, &late));
}
END_TEST

START_TEST(a_cluster_of_the_past_gets_no_vote)
{
        struct witness_state present = witness_state_make(5, both);
        struct witness_tag tag = { .promised = 5, .newest = present };
        struct witness_state past = witness_state_make(4, both), later = witness_state_make(6, first);
        ck_assert(!witness_tag_may_vote(&tag, &past));
        ck_assert(!witness_tag_promise(&tag, &past, 6));
        ck_assert(witness_tag_may_vote(&tag, &present));
        ck_assert(witness_tag_may_vote(&tag, &later));
}
END_TEST

START_TEST(of_one_epoch_only_its_holders_get_the_vote)
{
        struct witness_tag tag = { .promised = 5, .newest = witness_state_make(5, both) };
        struct witness_state other = witness_state_make(5, first);
        ck_assert(!witness_tag_may_vote(&tag, &other));
        ck_assert(witness_tag_advance(&tag, &other));
        ck_assert(witness_tag_may_vote(&tag, &other));
}
END_TEST

START_TEST(a_refusal_changes_nothing)
{
        struct witness_tag tag = { .promised = 7, .newest = witness_state_make(5, both) };
        struct witness_state past = witness_state_make(4, both), passed = witness_state_make(6, both);
        ck_assert(!witness_tag_promise(&tag, &past, 8));
        ck_assert(!witness_tag_promise(&tag, &passed, 7));
        ck_assert(!witness_tag_advance(&tag, &passed));
        ck_assert_uint_eq(tag.promised, 7);
        ck_assert_uint_eq(tag.newest.epoch, 5);
}
END_TEST

/*
 * Two nodes that do not see each other, one witness: every order of their steps,
 * each of which may also be the last before a crash that begins it anew. Whoever
 * becomes active must hold what every earlier active one wrote.
 */
enum step { STEP_ASK, STEP_PROMISE, STEP_STORE, STEP_ADVANCE, STEP_ACTIVE };

struct desk {
        struct witness_tag tag;
        uint64_t newest_active; /* epoch, and who began it */
        int newest_owner;
        struct {
                enum step step;
                uint64_t promised, asked, epoch; /* durable: its promise and its last entry's epoch */
                int owner;                       /* who wrote that entry */
        } node[2];
};

static unsigned long active_count;

static void take_step(struct desk *desk, int who)
{
        struct witness_state state = witness_state_make(desk->node[who].epoch, both);
        switch (desk->node[who].step) {
        case STEP_ASK:
                desk->node[who].asked =
                        1 + (desk->tag.promised > desk->node[who].promised ? desk->tag.promised
                                                                           : desk->node[who].promised);
                desk->node[who].step = STEP_PROMISE;
                return;
        case STEP_PROMISE:
                desk->node[who].promised = desk->node[who].asked;
                desk->node[who].step = witness_tag_promise(&desk->tag, &state, desk->node[who].asked)
                                               ? STEP_STORE
                                               : STEP_ASK;
                return;
        case STEP_STORE:
                desk->node[who].epoch = desk->node[who].asked;
                desk->node[who].owner = who;
                desk->node[who].step = STEP_ADVANCE;
                return;
        case STEP_ADVANCE:
                desk->node[who].step = witness_tag_advance(&desk->tag, &state) ? STEP_ACTIVE : STEP_ASK;
                return;
        case STEP_ACTIVE:
                active_count++;
                ck_assert_msg(desk->newest_active == 0 || desk->newest_owner == who,
                              "node %d is active and lacks epoch %d", who, (int)desk->newest_active);
                desk->newest_active = desk->node[who].epoch;
                desk->newest_owner = who;
                desk->node[who].step = STEP_ASK;
                return;
        }
}

static void explore(const struct desk *desk, int depth)
{
        if (depth == 0)
                return;
        for (int choice = 0; choice < 4; choice++) {
                struct desk next = *desk;
                if (choice >= 2)
                        next.node[choice - 2].step = STEP_ASK; /* it crashed, and is back */
                else
                        take_step(&next, choice);
                explore(&next, depth - 1);
        }
}

START_TEST(two_that_do_not_see_each_other_are_never_both_primary)
{
        struct desk desk = { 0 };
        active_count = 0;
        explore(&desk, 11);
        ck_assert_uint_gt(active_count, 1000);
}
END_TEST

int main(void)
{
        TCase *tcase = tcase_create("tag");
        tcase_add_test(tcase, a_fresh_witness_votes_for_anybody);
        tcase_add_test(tcase, a_cluster_of_the_past_gets_no_vote);
        tcase_add_test(tcase, of_one_epoch_only_its_holders_get_the_vote);
        tcase_add_test(tcase, a_refusal_changes_nothing);
        tcase_add_test(tcase, two_that_do_not_see_each_other_are_never_both_primary);

        Suite *suite = suite_create("witness_tag");
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
