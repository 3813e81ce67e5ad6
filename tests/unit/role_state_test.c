/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/role_state.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>

#include "clusterd/base/text.h"
#include "clusterd/core/node_state.h"
#include "tests/unit/suite_run.h"

/* Rows: from; columns: to; in the order of the enum. 'x': allowed. */
static const char *const role_edges[ROLE_STATE_COUNT] = {
        /*                    offline starting online stopping moving recovering failed */
        [ROLE_OFFLINE] = ".x.....",  [ROLE_STARTING] = "..xx.xx", [ROLE_ONLINE] = "x..xxxx",
        [ROLE_STOPPING] = "x....x.", [ROLE_MOVING] = "x.xx.x.",   [ROLE_RECOVERING] = "xxxx...",
        [ROLE_FAILED] = "xx.....",
};

static const char *const node_edges[NODE_STATE_COUNT] = {
        /*              down up lost */
        [NODE_DOWN] = ".xx",
        [NODE_UP] = "xxx",
        [NODE_LOST] = "xx.",
};

static const struct role empty_role;
static const struct node empty_node;

START_TEST(every_edge_of_a_role_is_as_drawn)
{
        enum role_state from = (enum role_state)(_i / ROLE_STATE_COUNT);
        enum role_state to = (enum role_state)(_i % ROLE_STATE_COUNT);
        bool allowed = role_edges[from][to] == 'x';
        ck_assert_msg(role_state_may_follow(from, to) == allowed, "%s -> %s should be %s",
                      role_state_name(from), role_state_name(to), allowed ? "allowed" : "forbidden");
        if (!allowed)
                return;
        struct role role = { .name = "vm01", .state = from, .since_index = 3, .reason = "old" };
        role_enter(&role, to, 7, "because");
        ck_assert_int_eq(role.state, to);
        ck_assert_uint_eq(role.since_index, 7);
        ck_assert_str_eq(role.reason, "because");
}
END_TEST

START_TEST(entering_a_role_state_over_a_missing_edge_aborts)
{
        struct role role = empty_role;
        role.state = (enum role_state)(_i / ROLE_STATE_COUNT);
        enum role_state to = (enum role_state)(_i % ROLE_STATE_COUNT);
        if (role_edges[role.state][to] == 'x')
                raise(SIGABRT);
        role_enter(&role, to, 1, "never");
}
END_TEST

START_TEST(every_edge_of_a_node_is_as_drawn)
{
        enum node_state from = (enum node_state)(_i / NODE_STATE_COUNT);
        enum node_state to = (enum node_state)(_i % NODE_STATE_COUNT);
        bool allowed = node_edges[from][to] == 'x';
        ck_assert_msg(node_state_may_follow(from, to) == allowed, "%s -> %s should be %s",
                      node_state_name(from), node_state_name(to), allowed ? "allowed" : "forbidden");
        if (!allowed)
                return;
        struct node node = { .id = 1, .state = from, .since_index = 3 };
        node_enter(&node, to, 7, "because");
        ck_assert_int_eq(node.state, to);
        ck_assert_uint_eq(node.since_index, 7);
        ck_assert_str_eq(node.reason, "because");
}
END_TEST

START_TEST(entering_a_node_state_over_a_missing_edge_aborts)
{
        struct node node = empty_node;
        node_enter(&node, NODE_DOWN, 1, "it is down already");
}
END_TEST

START_TEST(a_state_may_keep_its_reason)
{
        struct role role = { .name = "vm01", .state = ROLE_STARTING, .reason = "n1: most free memory" };
        role_enter(&role, ROLE_ONLINE, 7, role.reason);
        ck_assert_str_eq(role.reason, "n1: most free memory");
}
END_TEST

/* Owner is node 1, target node 2. Who may run it, who takes memory: sets of these two. */
static const struct {
        const char *what;
        enum role_state state;
        enum move_end owner_end, target_end;
        enum evidence_kind owner_evidence;
        node_set may_run, occupies;
} rights[] = {
        { "offline", ROLE_OFFLINE, 0, 0, 0, 0, 0 },
        { "failed", ROLE_FAILED, 0, 0, 0, 0, 0 },
        { "starting", ROLE_STARTING, 0, 0, 0, 1, 1 },
        { "online", ROLE_ONLINE, 0, 0, 0, 1, 1 },
        { "stopping, to be started on 2", ROLE_STOPPING, 0, 0, 0, 1, 1 },
        { "recovering without evidence", ROLE_RECOVERING, 0, 0, EVIDENCE_NONE, 1, 1 },
        { "recovering with evidence", ROLE_RECOVERING, 0, 0, EVIDENCE_POWERED_OFF, 0, 0 },
        { "moving, nobody spoke", ROLE_MOVING, 0, 0, 0, 3, 3 },
        { "moving, gone from the owner", ROLE_MOVING, MOVE_END_ABSENT, 0, 0, 2, 3 },
        { "moving, runs on the owner", ROLE_MOVING, MOVE_END_RUNNING, 0, 0, 3, 3 },
        { "moving, not on the target", ROLE_MOVING, 0, MOVE_END_ABSENT, 0, 1, 3 },
        { "moving, runs on the target", ROLE_MOVING, 0, MOVE_END_RUNNING, 0, 3, 3 },
};

START_TEST(the_right_to_run_follows_from_the_state)
{
        struct role role = {
                .name = "vm01",
                .state = rights[_i].state,
                .owner = 1,
                .target = 2,
                .owner_end = rights[_i].owner_end,
                .target_end = rights[_i].target_end,
                .owner_evidence = { .kind = rights[_i].owner_evidence },
        };
        if (role.state != ROLE_MOVING && role.state != ROLE_STOPPING)
                role.target = NODE_NONE;
        ck_assert_msg(role_possible_runners(&role) == rights[_i].may_run, "%s", rights[_i].what);
        for (uint32_t node = 0; node <= 3; node++) {
                ck_assert_msg(role_may_run_on(&role, node) == node_set_has(rights[_i].may_run, node),
                              "%s: node %u", rights[_i].what, node);
                ck_assert_msg(role_occupies(&role, node) == node_set_has(rights[_i].occupies, node),
                              "%s: node %u", rights[_i].what, node);
        }
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("role_state");
        TCase *tcase = tcase_create("edges");
        tcase_add_loop_test(tcase, every_edge_of_a_role_is_as_drawn, 0, ROLE_STATE_COUNT * ROLE_STATE_COUNT);
        tcase_add_loop_test_raise_signal(tcase, entering_a_role_state_over_a_missing_edge_aborts, SIGABRT, 0,
                                         ROLE_STATE_COUNT * ROLE_STATE_COUNT);
        tcase_add_loop_test(tcase, every_edge_of_a_node_is_as_drawn, 0, NODE_STATE_COUNT * NODE_STATE_COUNT);
        tcase_add_test_raise_signal(tcase, entering_a_node_state_over_a_missing_edge_aborts, SIGABRT);
        tcase_add_test(tcase, a_state_may_keep_its_reason);
        tcase_add_loop_test(tcase, the_right_to_run_follows_from_the_state, 0,
                            sizeof rights / sizeof *rights);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
