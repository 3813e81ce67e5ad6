/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/placement.h"

#include <check.h>
#include <stdlib.h>

#include "clusterd/base/text.h"
#include "tests/unit/core_fixture.h"
#include "tests/unit/suite_run.h"

static struct story story;

static void begin(void)
{
        story_begin(&story);
}

static void end(void)
{
        story_end(&story);
}

/* Nodes n1 to n4 with this much free memory (0: not there); a role of 512 MiB. */
static const struct {
        const char *what;
        uint32_t memory_mib[4];
        uint32_t preferred[3];
        node_set possible, tried, except;
        uint32_t want;      /* NODE_NONE: no candidate */
        const char *reason; /* part of it */
} choices[] = {
        { "most free memory",
          { 1024, 4096, 2048 },
          { 0 },
          0,
          0,
          0,
          2,
          "most free memory (4096 MiB) of 3 candidates" },
        { "ties go by name", { 2048, 2048, 2048 }, { 0 }, 0, 0, 0, 1, "n1: most free memory" },
        { "the first preferred owner", { 9999, 600, 600 }, { 3, 2 }, 0, 0, 0, 3, "preferred owner 1" },
        { "the second when the first is full",
          { 9999, 600, 100 },
          { 3, 2 },
          0,
          0,
          0,
          2,
          "preferred owner 2" },
        { "others when no preferred one can", { 9999, 100, 100 }, { 3, 2 }, 0, 0, 0, 1, "the only node" },
        { "possible owners bind", { 9999, 600, 9999 }, { 0 }, 2, 0, 0, 2, "n2: the only node" },
        { "tried nodes come last", { 9999, 600, 700 }, { 1 }, 0, 1, 0, 3, "n3" },
        { "but they do come", { 600, 600, 0 }, { 2 }, 0, 3, 0, 2, "preferred owner 1" },
        { "never one that is excepted", { 9999, 600 }, { 1 }, 0, 0, 1, 2, "n2" },
        { "exactly enough is enough", { 512 }, { 0 }, 0, 0, 0, 1, "n1" },
        { "one less is not", { 511 }, { 0 }, 0, 0, 0, 0, "n1 has 511 MiB free, the role needs 512" },
        { "no nodes", { 0 }, { 0 }, 0, 0, 0, 0, "no node can take it" },
        { "all excepted", { 9999 }, { 0 }, 0, 0, 1, 0, "no node can take it" },
        { "none possible", { 9999, 9999 }, { 0 }, 8, 0, 0, 0, "n2 is not among the role's possible owners" },
};

START_TEST(chooses_as_the_table_says)
{
        for (uint32_t i = 0; i < 4; i++)
                if (choices[_i].memory_mib[i] != 0)
                        story_join_with(&story, i + 1, choices[_i].memory_mib[i], true);
        struct role role = story_role("vm01");
        memcpy(role.preferred, choices[_i].preferred, sizeof choices[_i].preferred);
        role.possible = choices[_i].possible;
        role.tried = choices[_i].tried;
        struct placement_load load;
        placement_load_read(story.model, &load);
        uint32_t node = NODE_NONE;
        char reason[REASON_BYTES];
        enum placement_verdict verdict =
                placement_choose(story.model, &role, &load, choices[_i].except, &node, reason);
        ck_assert_msg(node == choices[_i].want, "%s: got n%u: %s", choices[_i].what, node, reason);
        ck_assert_int_eq(verdict, node == NODE_NONE ? PLACEMENT_NO_CANDIDATE : PLACEMENT_FOUND);
        ck_assert_msg(strstr(reason, choices[_i].reason) != NULL, "%s: reason is '%s'", choices[_i].what,
                      reason);
}
END_TEST

/* "n10" comes before "n9" by name: ids play no part. */
START_TEST(a_tie_is_broken_by_name_and_not_by_id)
{
        story_join_with(&story, 9, 2048, true);
        story_join_with(&story, 10, 2048, true);
        struct role role = story_role("vm01");
        struct placement_load load = { { 0 } };
        uint32_t node = NODE_NONE;
        char reason[REASON_BYTES];
        placement_choose(story.model, &role, &load, 0, &node, reason);
        ck_assert_uint_eq(node, 10);
}
END_TEST

static enum placement_verdict check(uint32_t node, char reason[REASON_BYTES])
{
        struct role role = story_role("vm02");
        role.possible = ~node_set_of(5);
        struct placement_load load;
        placement_load_read(story.model, &load);
        return placement_check(story.model, &role, &load, node, reason);
}

START_TEST(every_refusal_says_what_binds)
{
        char reason[REASON_BYTES] = "";
        for (uint32_t node = 1; node <= 5; node++)
                story_join(&story, node, 1);
        story_join_with(&story, 6, 900, true);
        story_online(&story, "vm01", 6);
        story_node(&story, COMMAND_NODE_DRAIN, 2);
        story_lost(&story, 3);
        story_node(&story, COMMAND_NODE_FENCE, 4);

        ck_assert_int_eq(check(1, reason), PLACEMENT_FOUND);
        ck_assert_int_eq(check(2, reason), PLACEMENT_NODE_CLOSED);
        ck_assert_str_eq(reason, "n2 is draining: resume it first");
        story_node(&story, COMMAND_NODE_DRAINED, 2);
        ck_assert_int_eq(check(2, reason), PLACEMENT_NODE_CLOSED);
        ck_assert_str_eq(reason, "n2 is drained: resume it first");
        ck_assert_int_eq(check(3, reason), PLACEMENT_NODE_AWAY);
        ck_assert_str_eq(reason, "n3 is down");
        ck_assert_int_eq(check(4, reason), PLACEMENT_NODE_AWAY);
        ck_assert_str_eq(reason, "n4 is lost");
        ck_assert_int_eq(check(5, reason), PLACEMENT_NOT_POSSIBLE);
        ck_assert_str_eq(reason, "n5 is not among the role's possible owners");
        ck_assert_int_eq(check(6, reason), PLACEMENT_NO_MEMORY);
        ck_assert_str_eq(reason, "n6 has 388 MiB free, the role needs 512");
        ck_assert_int_eq(check(7, reason), PLACEMENT_NODE_UNKNOWN);
        ck_assert_str_eq(reason, "there is no node with id 7");
        ck_assert_int_eq(check(0, reason), PLACEMENT_NODE_UNKNOWN);

        struct role role = story_role("vm02");
        ck_assert_uint_eq(placement_open_nodes(story.model, &role),
                          node_set_of(1) | node_set_of(5) | node_set_of(6));
        role.possible = node_set_of(1) | node_set_of(2);
        ck_assert_uint_eq(placement_open_nodes(story.model, &role), node_set_of(1));
}
END_TEST

START_TEST(no_candidate_names_what_binds_each_node)
{
        char reason[REASON_BYTES];
        story_join_with(&story, 1, 100, true);
        story_join(&story, 2, 1);
        story_node(&story, COMMAND_NODE_DRAIN, 2);
        struct role role = story_role("vm01");
        struct placement_load load = { { 0 } };
        uint32_t node = 77;
        ck_assert_int_eq(placement_choose(story.model, &role, &load, 0, &node, reason),
                         PLACEMENT_NO_CANDIDATE);
        ck_assert_uint_eq(node, 77);
        ck_assert_str_eq(reason, "no node can take it; n1 has 100 MiB free, the role needs 512; n2 is "
                                 "draining: resume it first");
}
END_TEST

START_TEST(a_long_explanation_is_cut_and_stays_a_text)
{
        char reason[REASON_BYTES];
        for (uint32_t node = 1; node <= NODES_MAX; node++)
                story_join_with(&story, node, 100, true);
        struct role role = story_role("vm01");
        struct placement_load load = { { 0 } };
        uint32_t node = NODE_NONE;
        placement_choose(story.model, &role, &load, 0, &node, reason);
        ck_assert_uint_eq(strlen(reason), REASON_BYTES - 1);
}
END_TEST

START_TEST(a_moving_role_takes_memory_at_both_ends)
{
        struct placement_load load;
        story_join(&story, 1, 1);
        story_join(&story, 2, 1);
        story_online(&story, "vm01", 1);
        story_add(&story, "vm02");
        placement_load_read(story.model, &load);
        ck_assert_uint_eq(load.used_mib[1], 512);
        ck_assert_uint_eq(load.used_mib[2], 0);
        story_move(&story, "vm01", 2);
        placement_load_read(story.model, &load);
        ck_assert_uint_eq(load.used_mib[1], 512);
        ck_assert_uint_eq(load.used_mib[2], 512);
        story_report(&story, "vm01", 1, REPORT_ABSENT);
        placement_load_read(story.model, &load);
        ck_assert_uint_eq(load.used_mib[1], 512); /* until the move has ended */
        story_report(&story, "vm01", 2, REPORT_RUNNING);
        placement_load_read(story.model, &load);
        ck_assert_uint_eq(load.used_mib[1], 0);
        ck_assert_uint_eq(load.used_mib[2], 512);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("placement");
        TCase *tcase = tcase_create("placement");
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_loop_test(tcase, chooses_as_the_table_says, 0, sizeof choices / sizeof *choices);
        tcase_add_test(tcase, a_tie_is_broken_by_name_and_not_by_id);
        tcase_add_test(tcase, every_refusal_says_what_binds);
        tcase_add_test(tcase, no_candidate_names_what_binds_each_node);
        tcase_add_test(tcase, a_long_explanation_is_cut_and_stays_a_text);
        tcase_add_test(tcase, a_moving_role_takes_memory_at_both_ends);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
