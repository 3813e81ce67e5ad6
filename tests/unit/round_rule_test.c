/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/round_rule.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/suite_run.h"

#define N(node) (UINT64_C(1) << ((node)-1))
#define ALL3    (N(1) | N(2) | N(3))
#define ALL5    (ALL3 | N(4) | N(5))

/* What one node says; epoch 0 and index 0 with `blank` unless it has a history. */
struct said {
        bool spoke;
        bool blank;
        uint64_t epoch, index;
        uint8_t tail; /* first byte of the hash */
        uint64_t promised;
        node_set voters;
};

static const struct {
        const char *what;
        struct said said[5];
        bool primary;
        node_set level;
        uint32_t leader;
        uint64_t epoch; /* to be promised */
        uint64_t base_epoch, base_index;
} cases[] = {
        { "three that agree",
          { { 1, 0, 4, 9, 1, 4, ALL3 }, { 1, 0, 4, 9, 1, 4, ALL3 }, { 1, 0, 4, 9, 1, 4, ALL3 } },
          true,
          ALL3,
          1,
          5,
          4,
          9 },
        { "a cluster that was just made", { { 1, 0, 0, 0, 0, 0, N(1) } }, true, N(1), 1, 1, 0, 0 },
        { "two of three",
          { { 1, 0, 4, 9, 1, 4, ALL3 }, { 0 }, { 1, 0, 4, 9, 1, 4, ALL3 } },
          true,
          N(1) | N(3),
          1,
          5,
          4,
          9 },
        { "one of three", { { 0 }, { 1, 0, 4, 9, 1, 4, ALL3 } }, false, N(2), 2, 5, 4, 9 },
        { "the longer history wins",
          { { 1, 0, 4, 8, 1, 4, ALL3 }, { 1, 0, 4, 9, 2, 4, ALL3 }, { 1, 0, 4, 9, 2, 4, ALL3 } },
          true,
          N(2) | N(3),
          2,
          5,
          4,
          9 },
        { "the later epoch wins over the longer history",
          { { 1, 0, 4, 99, 1, 4, ALL3 }, { 1, 0, 4, 99, 1, 4, ALL3 }, { 1, 0, 5, 10, 2, 5, ALL3 } },
          true,
          N(3),
          3,
          6,
          5,
          10 },
        { "a divergent tail of the same length is not level",
          { { 1, 0, 4, 9, 1, 4, ALL3 }, { 1, 0, 4, 9, 2, 4, ALL3 }, { 1, 0, 4, 9, 1, 4, ALL3 } },
          true,
          N(1) | N(3),
          1,
          5,
          4,
          9 },
        { "blank nodes do not count",
          { { 1, 0, 4, 9, 1, 4, ALL3 }, { 1, 1, 0, 0, 0, 0, 0 }, { 1, 1, 0, 0, 0, 0, 0 } },
          false,
          N(1),
          1,
          5,
          4,
          9 },
        { "but they take part, with a majority of others",
          { { 1, 1, 0, 0, 0, 0, 0 }, { 1, 0, 4, 9, 1, 4, ALL3 }, { 1, 0, 4, 9, 1, 4, ALL3 } },
          true,
          N(2) | N(3),
          2,
          5,
          4,
          9 },
        { "nobody but blank nodes",
          { { 1, 1, 0, 0, 0, 0, 0 }, { 1, 1, 0, 0, 0, 0, 0 } },
          false,
          0,
          0,
          0,
          0,
          0 },
        { "a blank node's promise counts all the same",
          { { 1, 0, 4, 9, 1, 4, N(1) }, { 1, 1, 0, 0, 0, 17, 0 } },
          true,
          N(1),
          1,
          18,
          4,
          9 },
        { "the winner's voters are asked, not the others'",
          { { 1, 0, 4, 9, 1, 4, ALL5 }, { 1, 0, 4, 8, 1, 4, N(1) | N(2) }, { 0 } },
          false,
          N(1),
          1,
          5,
          4,
          9 },
        { "fewer voters in the winner's history",
          { { 1, 0, 4, 8, 1, 4, ALL5 }, { 1, 0, 4, 9, 1, 4, N(1) | N(2) }, { 0 } },
          true,
          N(2),
          2,
          5,
          4,
          9 },
        { "nodes that are no voters give no majority",
          { { 1, 0, 4, 9, 1, 4, ALL3 },
            { 0 },
            { 0 },
            { 1, 0, 4, 9, 1, 4, ALL3 },
            { 1, 0, 4, 9, 1, 4, ALL3 } },
          false,
          N(1) | N(4) | N(5),
          1,
          5,
          4,
          9 },
        { "half is no majority", { { 1, 0, 4, 9, 1, 4, N(1) | N(2) } }, false, N(1), 1, 5, 4, 9 },
        { "a promise that is ahead of all entries",
          { { 1, 0, 4, 9, 1, 8, ALL3 }, { 1, 0, 4, 9, 1, 7, ALL3 }, { 1, 0, 4, 9, 1, 4, ALL3 } },
          true,
          ALL3,
          1,
          9,
          4,
          9 },
        { "entries that are ahead of all promises",
          { { 1, 0, 6, 9, 1, 0, ALL3 }, { 1, 0, 6, 9, 1, 0, ALL3 }, { 0 } },
          true,
          N(1) | N(2),
          1,
          7,
          6,
          9 },
        { "nobody", { { 0 } }, false, 0, 0, 0, 0, 0 },
};

START_TEST(decides_as_the_table_says)
{
        struct message_state states[NODES_MAX + 1];
        struct message_decide decide;
        node_set spoke = 0;
        memset(states, 0xee, sizeof states); /* who did not speak says nothing */
        for (uint32_t node = 1; node <= 5; node++) {
                const struct said *said = &cases[_i].said[node - 1];
                if (!said->spoke)
                        continue;
                spoke |= N(node);
                states[node] = (struct message_state){
                        .last = { .epoch = said->epoch, .index = said->index, .hash = { said->tail } },
                        .promised = said->promised,
                        .blank = said->blank,
                        .voters = said->voters,
                };
        }
        memset(&decide, 0xee, sizeof decide);
        round_decide(states, spoke, &decide);
        ck_assert_msg(decide.primary == cases[_i].primary, "%s: primary", cases[_i].what);
        ck_assert_msg(decide.level == cases[_i].level, "%s: level", cases[_i].what);
        ck_assert_msg(decide.leader == cases[_i].leader, "%s: leader %u", cases[_i].what, decide.leader);
        ck_assert_msg(decide.epoch == cases[_i].epoch, "%s: epoch %llu", cases[_i].what,
                      (unsigned long long)decide.epoch);
        ck_assert_msg(decide.base.epoch == cases[_i].base_epoch && decide.base.index == cases[_i].base_index,
                      "%s: base", cases[_i].what);
        ck_assert_uint_eq(decide.participants, spoke);
}
END_TEST

/* Nodes 1 to 3 of one epoch: where each one's history ends, and who votes there. Index 0: it does not speak.
 */
static const struct {
        const char *what;
        struct {
                uint64_t index;
                node_set voters, before;
        } said[3];
        bool primary;
} changes[] = {
        { "shrinking, and the old majority is missing",
          { { 9, N(1) | N(2), ALL5 }, { 9, N(1) | N(2), ALL5 }, { 0, 0, 0 } },
          false },
        { "growing, and the new majority is missing",
          { { 9, ALL5, N(1) }, { 8, N(1), 0 }, { 0, 0, 0 } },
          false },
        { "growing, and both are there", { { 9, ALL5, N(1) }, { 8, N(1), 0 }, { 8, N(1), 0 } }, true },
        { "one who knows the change to be committed knows it for all who hold it",
          { { 9, N(1) | N(2), ALL5 }, { 9, N(1) | N(2), 0 }, { 0, 0, 0 } },
          true },
        { "one who holds less settles nothing",
          { { 9, N(1) | N(2), ALL5 }, { 8, ALL5, 0 }, { 0, 0, 0 } },
          false },
};

START_TEST(a_change_of_the_voters_needs_both_majorities)
{
        struct message_state states[NODES_MAX + 1];
        struct message_decide decide;
        node_set spoke = 0;
        memset(states, 0, sizeof states);
        for (uint32_t node = 1; node <= 3; node++) {
                states[node].last =
                        (struct ledger_position){ .epoch = 4, .index = changes[_i].said[node - 1].index };
                states[node].voters = changes[_i].said[node - 1].voters;
                states[node].voters_before = changes[_i].said[node - 1].before;
                spoke |= states[node].last.index != 0 ? N(node) : 0;
        }
        round_decide(states, spoke, &decide);
        ck_assert_msg(decide.primary == changes[_i].primary, "%s", changes[_i].what);
        ck_assert_uint_eq(decide.voters, changes[_i].said[0].voters);
}
END_TEST

/* By counting: the heart of "no two majorities". */
/* Nodes 1 and 2 of four, with a qnetd's vote by the claims that they tell. */
static const struct {
        const char *what;
        struct {
                uint64_t witness, ring, epoch;
                node_set level;
        } claim[2];
        bool whole, claimed;
} claims[] = {
        { "both", { { 9, 6, 4, N(3) | N(4) }, { 9, 6, 4, N(3) | N(4) } }, true, true },
        { "one of them", { { 9, 6, 4, N(3) | N(4) }, { 0 } }, true, false },
        { "another ring", { { 9, 6, 4, N(3) | N(4) }, { 9, 7, 4, N(3) | N(4) } }, true, false },
        { "another epoch", { { 9, 6, 3, N(3) | N(4) }, { 9, 6, 3, N(3) | N(4) } }, true, false },
        { "another witness", { { 8, 6, 4, N(3) | N(4) }, { 8, 6, 4, N(3) | N(4) } }, true, false },
        { "one that may not lack", { { 9, 6, 4, N(3) | N(4) }, { 9, 6, 4, N(3) } }, true, false },
        { "no holder of the epoch", { { 9, 6, 4, N(3) | N(4) }, { 9, 6, 4, N(3) | N(4) } }, false, false },
};

START_TEST(a_claim_is_every_voters)
{
        struct message_state states[NODES_MAX + 1];
        struct message_decide decide;
        memset(states, 0, sizeof states);
        for (uint32_t node = 1; node <= 2; node++) {
                struct message_state *state = &states[node];
                state->last = (struct ledger_position){ .epoch = 4, .index = 9 };
                state->voters = N(1) | N(2) | N(3) | N(4);
                state->voters_witness = 9;
                state->whole = claims[_i].whole;
                state->claim_witness = claims[_i].claim[node - 1].witness;
                state->claim_ring = claims[_i].claim[node - 1].ring;
                state->claim_epoch = claims[_i].claim[node - 1].epoch;
                state->claim_members = N(1) | N(2);
                state->claim_level = claims[_i].claim[node - 1].level;
        }
        round_decide(states, N(1) | N(2), &decide);
        ck_assert(!decide.primary);
        ck_assert_msg(decide.claimed == claims[_i].claimed, "%s", claims[_i].what);
        ck_assert_msg(decide.witness == (claims[_i].whole && !claims[_i].claimed), "%s", claims[_i].what);
}
END_TEST

START_TEST(two_disjoint_sets_are_never_both_a_majority)
{
        for (node_set voters = 0; voters < 64; voters++)
                for (node_set nodes = 0; nodes < 64; nodes++) {
                        struct voters alone = round_voters(voters, 0, 0, 0);
                        bool one = round_holds(nodes, &alone), other = round_holds(~nodes, &alone);
                        ck_assert(!(one && other));
                        if (node_set_count(voters) % 2 == 1)
                                ck_assert(one || other);
                }
        struct voters none = round_voters(0, 0, 0, 0), all = round_voters(UINT64_MAX, 0, 0, 0);
        ck_assert(!round_holds(ALL3, &none));
        ck_assert(round_holds(UINT64_MAX, &all));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("round_rule");
        TCase *tcase = tcase_create("round_rule");
        tcase_add_loop_test(tcase, decides_as_the_table_says, 0, sizeof cases / sizeof *cases);
        tcase_add_loop_test(tcase, a_change_of_the_voters_needs_both_majorities, 0,
                            sizeof changes / sizeof *changes);
        tcase_add_loop_test(tcase, a_claim_is_every_voters, 0, sizeof claims / sizeof *claims);
        tcase_add_test(tcase, two_disjoint_sets_are_never_both_a_majority);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
