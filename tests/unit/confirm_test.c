/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster.h"

#include <check.h>
#include <stdlib.h>

#include "clusterd/base/text.h"
#include "tests/unit/core_desk.h"
#include "tests/unit/suite_run.h"

/* Gateways of node 1 have registered anew, and ask whether they may write. */

static struct desk desk;

static void begin(void)
{
        desk_begin(&desk);
        desk_view(&desk, node_set_of(2) | node_set_of(3));
        desk_online(&desk, "vm01");
}

static void end(void)
{
        desk_end(&desk);
}

static void ask(const char *role, uint64_t generation, uint64_t question)
{
        struct cluster_event event = { .kind = CLUSTER_EVENT_CONFIRM };
        TEXT_COPY(event.confirm.role, role);
        event.confirm.generation = generation;
        event.confirm.question = question;
        desk_step(&desk, &event);
        desk_settle(&desk);
}

static const struct cluster_action *answer(void)
{
        return desk_take(&desk, CLUSTER_ACTION_CONFIRM);
}

START_TEST(a_contact_that_is_later_than_the_question_confirms)
{
        uint64_t generation = desk_role(&desk, "vm01")->generation;
        ask("vm01", generation, 5);
        ck_assert_ptr_null(answer());
        desk_wait(&desk, 100); /* it does not wait for the next heartbeat */
        const struct cluster_action *action = answer();
        ck_assert_ptr_nonnull(action);
        ck_assert_str_eq(action->confirm.role, "vm01");
        ck_assert_uint_eq(action->confirm.generation, generation);
        ck_assert_uint_eq(action->confirm.question, 5);
        desk_wait(&desk, 3000);
        ck_assert_ptr_null(answer());
        ask("vm01", generation, 5); /* the answer was lost, and it asks again */
        desk_wait(&desk, 100);
        ck_assert_ptr_nonnull(answer());
}
END_TEST

START_TEST(nothing_is_confirmed_without_contact)
{
        desk.is_deaf = true;
        ask("vm01", desk_role(&desk, "vm01")->generation, 1);
        desk_wait(&desk, 2000);
        ck_assert_ptr_null(answer());
}
END_TEST

START_TEST(several_gateways_of_a_role_are_answered_together)
{
        uint64_t generation = desk_role(&desk, "vm01")->generation;
        ask("vm01", generation, 1);
        ask("vm01", generation, 2);
        ask("vm01", generation, 1); /* asked again meanwhile: that counts from before */
        desk_wait(&desk, 100);
        const struct cluster_action *action = answer();
        ck_assert_ptr_nonnull(action);
        ck_assert_uint_eq(action->confirm.question, 2);
        ck_assert_ptr_null(answer());
}
END_TEST

START_TEST(who_may_not_run_it_is_not_answered)
{
        desk_online_at(&desk, "vm02", 2);
        ask("vm02", desk_role(&desk, "vm02")->generation, 1);
        ask("vm09", 1, 2);
        desk_wait(&desk, 1000);
        ck_assert_ptr_null(answer());
}
END_TEST

/* Left behind by an earlier start, and still there. */
START_TEST(a_guest_of_before_is_not_answered)
{
        uint64_t before = desk_role(&desk, "vm01")->generation;
        desk_observed(&desk, "vm01", OBSERVED_ABSENT_FAILED);
        desk_list(&desk, NULL);
        desk_wait(&desk, 10000);
        ck_assert_uint_gt(desk_role(&desk, "vm01")->generation, before);
        ck_assert_uint_eq(desk_role(&desk, "vm01")->started, desk_role(&desk, "vm01")->generation);
        ask("vm01", before, 1);
        desk_wait(&desk, 1000);
        ck_assert_ptr_null(answer());
}
END_TEST

/* A move that fails changes nothing for the guest that stays. */
START_TEST(a_guest_that_was_to_move_is_confirmed_as_before)
{
        uint64_t before = desk_role(&desk, "vm01")->generation;
        ck_assert_int_eq(desk_move(&desk, "vm01", 2), REPLY_DONE);
        ck_assert_uint_gt(desk_role(&desk, "vm01")->generation, before);
        ask("vm01", before, 1);
        desk_wait(&desk, 100);
        ck_assert_ptr_nonnull(answer());
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("confirm");
        TCase *tcase = tcase_create("confirm");
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, a_contact_that_is_later_than_the_question_confirms);
        tcase_add_test(tcase, nothing_is_confirmed_without_contact);
        tcase_add_test(tcase, several_gateways_of_a_role_are_answered_together);
        tcase_add_test(tcase, who_may_not_run_it_is_not_answered);
        tcase_add_test(tcase, a_guest_of_before_is_not_answered);
        tcase_add_test(tcase, a_guest_that_was_to_move_is_confirmed_as_before);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
