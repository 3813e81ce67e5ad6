/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/core_desk.h"

#include <check.h>
#include <stdlib.h>

#include "clusterd/base/text.h"
#include "tests/unit/suite_run.h"

/* When clients' commands leave, and how they are answered. */

static struct desk desk;

static void begin(void)
{
        desk_begin(&desk);
        desk_view(&desk, 0);
        desk_add(&desk, "vm01");
        desk_wait(&desk, 100);
}

static void end(void)
{
        desk_end(&desk);
}

static void request_note(uint32_t number)
{
        struct command command = { .kind = COMMAND_ROLE_SET };
        command.role_set.fields = ROLE_FIELD_NOTE;
        TEXT_PRINT(command.role_set.role.name, "vm01");
        TEXT_PRINT(command.role_set.role.note, "%u", number);
        desk_request(&desk, &command);
}

static void request_notes(uint32_t count)
{
        for (uint32_t i = 0; i < count; i++)
                request_note(i);
}

/* Proposals on their way. */
static size_t proposals(void)
{
        size_t count = 0;
        for (size_t i = 0; i < desk.queue_count; i++)
                count += desk.queue[(desk.queue_first + i) % DESK_QUEUE_MAX].message.kind == MESSAGE_PROPOSE;
        return count;
}

static size_t answers(enum reply_outcome outcome)
{
        size_t count = 0;
        for (size_t i = 0; i < desk.order_count; i++)
                count += desk.orders[i].kind == CLUSTER_ACTION_REPLY &&
                         desk.orders[i].reply.outcome == outcome;
        return count;
}

START_TEST(a_client_that_is_alone_never_waits)
{
        for (uint32_t i = 0; i < 5; i++) {
                request_note(i);
                ck_assert_uint_eq(proposals(), 1);
                desk_settle(&desk);
        }
        ck_assert_uint_eq(answers(REPLY_DONE), 1 + 5);
}
END_TEST

START_TEST(who_comes_while_a_command_is_on_its_way_leaves_with_the_next_batch)
{
        request_notes(8);
        ck_assert_uint_eq(proposals(), 1);
        desk.store_is_slow = true;
        desk_settle(&desk);
        ck_assert_uint_eq(proposals(), 0); /* appended, not durable: the others wait on */
        desk.store_is_slow = false;
        desk_store(&desk);
        desk_wait(&desk, 20);
        ck_assert_uint_eq(answers(REPLY_DONE), 1 + 8);
        ck_assert_str_eq(desk_role(&desk, "vm01")->note, "7");
}
END_TEST

START_TEST(a_batch_leaves_as_soon_as_all_who_were_answered_are_back)
{
        request_notes(4);
        desk.now_ms += 3;
        desk_settle(&desk);
        ck_assert_uint_eq(proposals(), 0);
        request_note(4); /* the first is back: three wait */
        ck_assert_uint_eq(proposals(), 4);
}
END_TEST

START_TEST(a_batch_waits_for_those_who_were_answered_no_longer_than_the_last_one_took)
{
        request_notes(4);
        desk.now_ms += 3;
        desk_settle(&desk);
        ck_assert_uint_eq(proposals(), 0);
        ck_assert_uint_eq(answers(REPLY_DONE), 1 + 1);
        ck_assert_uint_le(desk.wake_at_ms, desk.now_ms + 3);
        desk_wait(&desk, 4);
        ck_assert_uint_eq(answers(REPLY_DONE), 1 + 4);
}
END_TEST

/* Room is kept in a step's messages for those of the protocol. */
START_TEST(more_than_a_step_can_say_leave_one_batch_behind_the_other)
{
        request_notes(PENDING_MAX);
        desk_settle(&desk);
        desk_wait(&desk, 100);
        ck_assert_uint_eq(answers(REPLY_DONE), 1 + PENDING_MAX);
        ck_assert_uint_eq(answers(REPLY_BUSY), 0);
}
END_TEST

START_TEST(what_was_lost_on_its_way_holds_the_others_up_for_a_second)
{
        desk.is_deaf = true;
        request_note(1);
        desk.is_deaf = false;
        request_note(2);
        desk_wait(&desk, 900);
        ck_assert_uint_eq(answers(REPLY_DONE), 1);
        desk_wait(&desk, 200);
        ck_assert_uint_eq(answers(REPLY_DONE), 1 + 1);
        request_notes(3); /* and not for longer */
        desk_settle(&desk);
        desk_wait(&desk, 20);
        ck_assert_uint_eq(answers(REPLY_DONE), 1 + 1 + 3);
        desk_wait(&desk, 20000);
        ck_assert_uint_eq(answers(REPLY_NO_QUORUM), 1);
}
END_TEST

START_TEST(a_round_that_ends_lets_the_batch_go_anew)
{
        request_notes(3);
        desk_view(&desk, node_set_of(2));
        desk_wait(&desk, 100);
        ck_assert_uint_eq(answers(REPLY_DONE), 1 + 3);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("pending");
        TCase *tcase = tcase_create("pending");
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, a_client_that_is_alone_never_waits);
        tcase_add_test(tcase, who_comes_while_a_command_is_on_its_way_leaves_with_the_next_batch);
        tcase_add_test(tcase, a_batch_leaves_as_soon_as_all_who_were_answered_are_back);
        tcase_add_test(tcase, a_batch_waits_for_those_who_were_answered_no_longer_than_the_last_one_took);
        tcase_add_test(tcase, more_than_a_step_can_say_leave_one_batch_behind_the_other);
        tcase_add_test(tcase, what_was_lost_on_its_way_holds_the_others_up_for_a_second);
        tcase_add_test(tcase, a_round_that_ends_lets_the_batch_go_anew);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
