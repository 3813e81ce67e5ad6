/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/quorum_view.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "tests/unit/suite_run.h"

/* What an operator reads of the votes, and what he is kept from. */

#define N(node) (UINT64_C(1) << ((node)-1))
#define ALL3    (N(1) | N(2) | N(3))
#define ALL5    (ALL3 | N(4) | N(5))

static void *storage;
static struct model *model;

/* Five nodes that are up. */
static void begin(void)
{
        storage = calloc(1, model_bytes(1));
        ck_assert_ptr_nonnull(storage);
        model = model_init(storage, 1);
        model->settings = settings_default;
        for (uint32_t id = 1; id <= 5; id++) {
                struct object object = { .kind = OBJECT_NODE, .node = { .id = id, .state = NODE_UP } };
                TEXT_PRINT(object.node.name, "n%u", id);
                ck_assert_int_eq(model_put(model, &object), 0);
        }
}

static void end(void)
{
        free(storage);
}

static struct quorum_view view_of(node_set now, node_set before, node_set here)
{
        model->settings.voters = now;
        return (struct quorum_view){ .model = model,
                                     .voters = { .now.nodes = now, .before.nodes = before },
                                     .here = here };
}

static const struct {
        node_set now, before, here;
        const char *text;
} sentences[] = {
        { ALL3, 0, ALL3, "n1, n2 or n3 may be lost; two of them together may not" },
        { ALL5, 0, ALL5, "any 2 of n1, n2, n3, n4 and n5 may be lost together; 3 may not" },
        { ALL5, 0, ALL5 & ~N(5), "n1, n2, n3 or n4 may be lost; two of them together may not" },
        { ALL3, 0, N(2) | N(3), "none of n2 and n3 may be lost" },
        { N(1), 0, N(1), "n1 may not be lost" },
        { N(1), 0, N(1) | N(2), "n1 may not be lost; n2 has no vote and may be lost" },
        { N(1), 0, ALL3, "n1 may not be lost; n2 and n3 have no vote and may be lost" },
        { N(1), 0, N(2), "0 of 1 votes are here, 1 is needed: n1 has to come back" },
        { ALL3, 0, N(1), "1 of 3 votes is here, 2 are needed: n2 or n3 has to come back" },
        { ALL5, 0, N(1), "1 of 5 votes is here, 3 are needed: 2 of n2, n3, n4 and n5 have to come back" },
        { N(1) | N(2), 0, 0, "0 of 2 votes are here, 2 are needed: n1 and n2 have to come back" },
        { ALL3, 0, ALL3 | N(4),
          "n1, n2 or n3 may be lost; two of them together may not; n4 has no vote and may be lost" },
        { N(1), N(1) | N(2), N(1),
          "while the voters change both majorities count: "
          "1 of 2 votes is here, 2 are needed: n2 has to come back" },
        { ALL3, N(1) | N(2), ALL3,
          "while the voters change both majorities count: n1 and n2 may not be lost" },
};

START_TEST(says_what_may_be_lost)
{
        char text[QUORUM_TEXT_BYTES];
        struct quorum_view view = view_of(sentences[_i].now, sentences[_i].before, sentences[_i].here);
        quorum_view_say(&view, text);
        ck_assert_str_eq(text, sentences[_i].text);
}
END_TEST

/* The same with a witness that has a vote, and votes or does not answer. */
static const struct {
        node_set now, here;
        bool answers;
        const char *text;
} witnessed[] = {
        { N(1) | N(2), N(1) | N(2), true, "n1, n2 or the witness may be lost; two of them together may not" },
        { N(1) | N(2), N(1) | N(2), false, "none of n1 and n2 may be lost" },
        { N(1) | N(2), N(1), true, "none of n1 and the witness may be lost" },
        { N(1) | N(2), N(1), false,
          "1 of 3 votes is here, 2 are needed: n2 or the witness has to come back" },
        { N(1) | N(2), 0, false,
          "0 of 3 votes are here, 2 are needed: 2 of n1, n2 and the witness have to come back" },
        { ALL5 & ~N(5), ALL5 & ~N(5), true,
          "any 2 of n1, n2, n3, n4 and the witness may be lost together; 3 may not" },
};

START_TEST(names_the_witness_among_them)
{
        char text[QUORUM_TEXT_BYTES];
        struct quorum_view view = view_of(witnessed[_i].now, 0, witnessed[_i].here);
        view.voters.now.witness = true;
        view.witness = witnessed[_i].answers;
        quorum_view_say(&view, text);
        ck_assert_str_eq(text, witnessed[_i].text);
}
END_TEST

START_TEST(names_that_do_not_fit_are_cut)
{
        char text[QUORUM_TEXT_BYTES];
        for (uint32_t id = 1; id <= NODES_MAX; id++) {
                struct object object = { .kind = OBJECT_NODE, .node = { .id = id, .state = NODE_UP } };
                TEXT_PRINT(object.node.name, "a-node-of-a-very-long-name-%u", id);
                ck_assert_int_eq(model_put(model, &object), 0);
        }
        struct quorum_view view = view_of(UINT64_MAX, 0, UINT64_MAX);
        quorum_view_say(&view, text);
        ck_assert_uint_eq(strlen(text), QUORUM_TEXT_BYTES - 1);
}
END_TEST

/* Voters now, who is here, who is lost next; who votes then, 0: quorum is lost. */
static const struct {
        node_set voters, here;
        uint32_t lost;
        node_set then;
} losses[] = {
        { ALL5, ALL5, 5, ALL3 },        { ALL3, ALL3, 3, N(1) },     { ALL3, ALL3, 1, N(2) },
        { N(1), N(1) | N(2), 2, N(1) }, { N(1), N(1) | N(2), 1, 0 }, { ALL3, N(1) | N(2), 2, 0 },
};

START_TEST(voters_follow_a_loss)
{
        struct quorum_view view = view_of(losses[_i].voters, 0, losses[_i].here);
        struct quorum_view then = quorum_view_without(&view, losses[_i].lost);
        ck_assert_int_eq(outlook_of(&then.voters, then.here, then.witness).held, losses[_i].then != 0);
        if (losses[_i].then != 0)
                ck_assert_uint_eq(then.voters.now.nodes, losses[_i].then);
}
END_TEST

START_TEST(voters_that_do_not_follow_stay)
{
        model->settings.dynamic_quorum = false;
        struct quorum_view view = view_of(ALL5, 0, ALL5);
        ck_assert_uint_eq(quorum_view_without(&view, 5).voters.now.nodes, ALL5);
        ck_assert_uint_eq(quorum_choice(&view, N(1)).nodes, ALL5);
        ck_assert_uint_eq(quorum_choice(&view, 0).nodes, ALL5);
}
END_TEST

START_TEST(who_was_evicted_votes_no_more)
{
        struct quorum_view view = view_of(ALL5, 0, ALL5 & ~N(5));
        model->nodes[5].evicted = true;
        ck_assert_uint_eq(quorum_choice(&view, ALL5).nodes, ALL3); /* of four one gives up its vote */
        model->settings.dynamic_quorum = false;
        ck_assert_uint_eq(quorum_choice(&view, ALL5).nodes, ALL5 & ~N(5));
        ck_assert_uint_eq(quorum_view_settled(&view).voters.now.nodes, ALL5 & ~N(5));
}
END_TEST

START_TEST(of_two_the_one_in_service_votes_then_the_higher_priority)
{
        struct quorum_view view = view_of(N(1), 0, N(1) | N(2));
        struct node *first = &model->nodes[1], *second = &model->nodes[2];
        ck_assert_uint_eq(quorum_choice(&view, view.here).nodes, N(1));
        second->quorum_priority = 1;
        ck_assert_uint_eq(quorum_choice(&view, view.here).nodes, N(2));
        second->duty = DUTY_QUARANTINED;
        second->quorum_priority = 1000;
        ck_assert_uint_eq(quorum_choice(&view, view.here).nodes, N(1));
        first->duty = DUTY_DRAINING;
        ck_assert_uint_eq(quorum_choice(&view, view.here).nodes, N(2));
        ck_assert_uint_eq(quorum_view_settled(&view).voters.now.nodes, N(2));
}
END_TEST

/* What is asked for with which voters and who is here; "": nothing is said against it. */
static const struct {
        enum command_kind kind;
        uint32_t node;
        bool dynamic;
        node_set voters, here;
        const char *reason;
} commands[] = {
        { COMMAND_NODE_DRAIN, 1, true, ALL3, ALL3, "" },
        { COMMAND_NODE_DRAIN, 3, true, ALL3, N(1) | N(2), "" }, /* it is away already */
        { COMMAND_NODE_DRAIN, 1, true, N(1), N(1) | N(2), "" }, /* n2 votes, then */
        { COMMAND_NODE_FENCE, 1, true, N(1), N(1) | N(2),
          "without n1 there would be no quorum: 0 of 1 votes are here, 1 is needed: n1 has to come back" },
        { COMMAND_NODE_FENCE, 2, true, N(1), N(1) | N(2), "" },
        { COMMAND_FENCE_TEST, 1, true, N(1), N(1) | N(2), "without n1 there would be no quorum: 0 of 1" },
        { COMMAND_FENCE_TEST, 2, true, N(1), N(1) | N(2), "" },
        { COMMAND_NODE_DRAIN, 1, true, N(1), N(1), "without n1 there would be no quorum: 0 of 1" },
        { COMMAND_NODE_DRAIN, 1, false, N(1) | N(2), N(1) | N(2),
          "without n1 there would be no quorum: 1 of 2 votes is here, 2 are needed" },
        { COMMAND_NODE_DRAIN, 2, false, ALL3, N(1) | N(2), "without n2 there would be no quorum: 1 of 3" },
        { COMMAND_NODE_DRAIN, 2, true, ALL3, N(2), "" }, /* there is none to be lost */
        { COMMAND_NODE_RESUME, 1, true, N(1), N(1), "" },
        { COMMAND_NODE_EVICT, 3, true, ALL3, ALL3, "" },
        { COMMAND_NODE_EVICT, 1, true, N(1), N(1) | N(2), "" }, /* n2 votes, then */
        { COMMAND_NODE_EVICT, 1, true, N(1), N(1), "without n1 there would be no quorum: 0 of 1" },
        { COMMAND_NODE_EVICT, 2, false, N(1) | N(2), N(1) | N(2), "" }, /* its vote goes with it */
        { COMMAND_NODE_EVICT, 3, false, ALL3, N(1) | N(2), "" },
        { COMMAND_NODE_EVICT, 2, false, ALL3, N(1) | N(2), "without n2 there would be no quorum: 1 of 3" },
        { COMMAND_ROLE_STOP, 1, true, N(1), N(1), "" },
};

START_TEST(forbids_what_would_cost_the_quorum)
{
        char reason[QUORUM_TEXT_BYTES] = "";
        struct command command = { .kind = commands[_i].kind };
        if (command.kind == COMMAND_FENCE_TEST)
                command.fence_test.node = commands[_i].node;
        else
                command.node.node = commands[_i].node;
        model->settings.dynamic_quorum = commands[_i].dynamic;
        struct quorum_view view = view_of(commands[_i].voters, 0, commands[_i].here);
        ck_assert_int_eq(quorum_view_forbids(&view, &command, reason), commands[_i].reason[0] != '\0');
        ck_assert_msg(strncmp(reason, commands[_i].reason, strlen(commands[_i].reason)) == 0, "%s", reason);
}
END_TEST

START_TEST(forbids_to_leave_a_node_without_a_vote)
{
        char reason[QUORUM_TEXT_BYTES] = "";
        struct command command = { .kind = COMMAND_QUORUM_SET };
        command.quorum_set.fields = QUORUM_FIELD_DYNAMIC;
        struct quorum_view view = view_of(ALL5 & ~N(4), 0, ALL5);
        ck_assert(quorum_view_forbids(&view, &command, reason));
        ck_assert_str_eq(reason, "n4 has no vote now, and would get none back");
        command.quorum_set.dynamic = true;
        ck_assert(!quorum_view_forbids(&view, &command, reason));
        command.quorum_set = (struct command_quorum_set){ .fields = QUORUM_FIELD_PRIORITY, .node = 1 };
        ck_assert(!quorum_view_forbids(&view, &command, reason));
        command.quorum_set = (struct command_quorum_set){ .fields = QUORUM_FIELD_DYNAMIC };
        view = view_of(ALL5, 0, N(1));
        ck_assert(!quorum_view_forbids(&view, &command, reason));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("quorum_view");
        TCase *tcase = tcase_create("quorum_view");
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_loop_test(tcase, names_the_witness_among_them, 0, sizeof witnessed / sizeof *witnessed);
        tcase_add_loop_test(tcase, says_what_may_be_lost, 0, sizeof sentences / sizeof *sentences);
        tcase_add_test(tcase, names_that_do_not_fit_are_cut);
        tcase_add_loop_test(tcase, voters_follow_a_loss, 0, sizeof losses / sizeof *losses);
        tcase_add_test(tcase, voters_that_do_not_follow_stay);
        tcase_add_test(tcase, who_was_evicted_votes_no_more);
        tcase_add_test(tcase, of_two_the_one_in_service_votes_then_the_higher_priority);
        tcase_add_loop_test(tcase, forbids_what_would_cost_the_quorum, 0, sizeof commands / sizeof *commands);
        tcase_add_test(tcase, forbids_to_leave_a_node_without_a_vote);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
