/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "iscsi-gateway/reservation.h"

#include <check.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/suite_run.h"

/* Two gateways at one LUN, in libiscsi's place a target that knows registrations. A context is a session. */

#define SESSIONS 4
#define FIRST    UINT64_C(0x0000aaaa00000001)
#define SECOND   UINT64_C(0x0000aaaa00000002)

static struct {
        uint64_t registered[SESSIONS]; /* 0: not */
        uint32_t generation;
        uint64_t holder;
        bool knows_none;      /* of all this */
        bool cannot_abort;    /* PREEMPT, but not PREEMPT AND ABORT */
        uint64_t comes_first; /* preempts all, just before the next registration */
        uint64_t comes_too;   /* registers only, in session 2, just before that */
        int attentions;       /* still to be told */
} lun;

static char error[ISCSI_ERROR_SIZE];
static uint64_t clock_ms;

uint64_t iscsi_now_ms(void)
{
        return clock_ms;
}

static struct iscsi_context *session(int number)
{
        return (struct iscsi_context *)(uintptr_t)(number + 1);
}

static struct scsi_task *task_of(int status, enum scsi_sense_key key)
{
        struct scsi_task *task = calloc(1, sizeof *task);
        ck_assert_ptr_nonnull(task);
        task->status = status;
        task->sense.key = key;
        return task;
}

static bool is_registered(uint64_t key)
{
        for (int i = 0; i < SESSIONS; i++)
                if (lun.registered[i] == key)
                        return true;
        return false;
}

static void preempt(uint64_t by, uint64_t other)
{
        for (int i = 0; i < SESSIONS; i++)
                if (lun.registered[i] == other)
                        lun.registered[i] = 0;
        if (lun.holder == other)
                lun.holder = by;
        lun.generation++;
}

static void come_between(void)
{
        uint64_t by = lun.comes_first;
        lun.comes_first = 0;
        for (int i = 0; by != 0 && i < SESSIONS; i++)
                if (lun.registered[i] != 0 && lun.registered[i] != by)
                        preempt(by, lun.registered[i]);
        if (lun.comes_too != 0) {
                lun.registered[2] = lun.comes_too;
                lun.comes_too = 0;
                lun.generation++;
        }
}

struct scsi_task *iscsi_persistent_reserve_in_sync(struct iscsi_context *iscsi, int number, int sa,
                                                   uint16_t bytes)
{
        (void)iscsi;
        (void)number;
        (void)bytes;
        if (lun.knows_none)
                return task_of(SCSI_STATUS_CHECK_CONDITION, SCSI_SENSE_ILLEGAL_REQUEST);
        if (lun.attentions > 0 && lun.attentions-- > 0)
                return task_of(SCSI_STATUS_CHECK_CONDITION, SCSI_SENSE_UNIT_ATTENTION);
        struct scsi_task *task = task_of(SCSI_STATUS_GOOD, SCSI_SENSE_NO_SENSE);
        task->itt = (uint32_t)sa;
        return task;
}

static void *read_keys(void)
{
        struct scsi_persistent_reserve_in_read_keys *keys =
                calloc(1, sizeof *keys + SESSIONS * sizeof keys->keys[0]);
        ck_assert_ptr_nonnull(keys);
        keys->prgeneration = lun.generation;
        for (int i = 0; i < SESSIONS; i++)
                if (lun.registered[i] != 0)
                        keys->keys[keys->num_keys++] = lun.registered[i];
        return keys;
}

/* Its memory is the task's: freed with that. */
void *scsi_datain_unmarshall(struct scsi_task *task)
{
        if (task->itt == SCSI_PERSISTENT_RESERVE_READ_KEYS)
                return task->ptr = read_keys();
        struct scsi_persistent_reserve_in_read_reservation *held = calloc(1, sizeof *held);
        ck_assert_ptr_nonnull(held);
        held->reserved = lun.holder != 0;
        held->reservation_key = lun.holder;
        held->pr_type = SCSI_PERSISTENT_RESERVE_TYPE_WRITE_EXCLUSIVE_REGISTRANTS_ONLY;
        return task->ptr = held;
}

void scsi_free_scsi_task(struct scsi_task *task)
{
        free(task->ptr);
        free(task);
}

struct scsi_task *iscsi_persistent_reserve_out_sync(struct iscsi_context *iscsi, int number, int sa,
                                                    int scope, int type, void *params)
{
        const struct scsi_persistent_reserve_out_basic *words = params;
        uint64_t *own = &lun.registered[(uintptr_t)iscsi - 1];
        bool ignores = sa == SCSI_PERSISTENT_RESERVE_REGISTER_AND_IGNORE_EXISTING_KEY;
        bool registers = ignores || sa == SCSI_PERSISTENT_RESERVE_REGISTER;
        (void)number;
        (void)scope;
        ck_assert_int_eq(type, SCSI_PERSISTENT_RESERVE_TYPE_WRITE_EXCLUSIVE_REGISTRANTS_ONLY);
        if (registers)
                come_between();
        if (!ignores && (*own == 0 || *own != words->reservation_key))
                return task_of(SCSI_STATUS_RESERVATION_CONFLICT, SCSI_SENSE_NO_SENSE);
        if (sa == SCSI_PERSISTENT_RESERVE_PREEMPT_AND_ABORT && lun.cannot_abort)
                return task_of(SCSI_STATUS_CHECK_CONDITION, SCSI_SENSE_ILLEGAL_REQUEST);
        if (registers) {
                *own = words->service_action_reservation_key;
                lun.generation++;
        } else if (sa == SCSI_PERSISTENT_RESERVE_RESERVE) {
                lun.holder = *own;
        } else if (is_registered(words->service_action_reservation_key)) {
                preempt(*own, words->service_action_reservation_key);
        } else {
                return task_of(SCSI_STATUS_RESERVATION_CONFLICT, SCSI_SENSE_NO_SENSE);
        }
        return task_of(SCSI_STATUS_GOOD, SCSI_SENSE_NO_SENSE);
}

static void begin(void)
{
        memset(&lun, 0, sizeof lun);
        error[0] = '\0';
        clock_ms = 1000;
}

static enum reservation_result enter(struct reservation *reservation, int number)
{
        return reservation_enter(reservation, session(number), 1, error);
}

START_TEST(who_takes_over_is_the_only_one_left)
{
        struct reservation first = { .key = FIRST }, second = { .key = SECOND };
        lun.cannot_abort = _i == 1;
        ck_assert_int_eq(enter(&first, 0), RESERVATION_DONE);
        ck_assert_int_eq(reservation_take(&first, session(0), 1), RESERVATION_DONE);
        ck_assert_uint_eq(lun.holder, FIRST);
        ck_assert_int_eq(enter(&second, 1), RESERVATION_DONE);
        ck_assert(first.owns && !second.owns && is_registered(FIRST)); /* a guest that moves is still there */
        ck_assert_int_eq(reservation_take(&second, session(1), 1), RESERVATION_DONE);
        ck_assert(!is_registered(FIRST));
        ck_assert_uint_eq(lun.holder, SECOND);
        ck_assert_int_eq(enter(&first, 0), RESERVATION_PREEMPTED);
        ck_assert_int_eq(enter(&first, 2), RESERVATION_PREEMPTED);
        ck_assert(!is_registered(FIRST));
}
END_TEST

/* A guest that moves on before it has written: its late take-over takes its next gateway's key along. */
START_TEST(who_was_preempted_before_it_took_over_registers_anew_and_waits)
{
        struct reservation first = { .key = FIRST }, second = { .key = SECOND };
        ck_assert_int_eq(enter(&first, 0), RESERVATION_DONE);
        first.registered_anew = false;
        ck_assert_int_eq(enter(&second, 1), RESERVATION_DONE);
        ck_assert_int_eq(reservation_take(&second, session(1), 1), RESERVATION_DONE);
        ck_assert_int_eq(reservation_take(&first, session(0), 1), RESERVATION_AGAIN);
        ck_assert(is_registered(SECOND) && !first.owns);
        ck_assert_int_eq(reservation_refused(&first), RESERVATION_AGAIN); /* if it had only flushed */
        ck_assert_int_eq(enter(&first, 0), RESERVATION_DONE);
        ck_assert(first.registered_anew && is_registered(SECOND));
        ck_assert_int_eq(reservation_take(&first, session(0), 1), RESERVATION_DONE); /* once confirmed */
        ck_assert_int_eq(reservation_refused(&first), RESERVATION_PREEMPTED);
        ck_assert_int_eq(enter(&second, 1), RESERVATION_PREEMPTED);
}
END_TEST

START_TEST(a_new_session_registers_again_and_what_a_target_forgot_is_no_loss)
{
        struct reservation first = { .key = FIRST };
        ck_assert_int_eq(enter(&first, 0), RESERVATION_DONE);
        ck_assert_int_eq(reservation_take(&first, session(0), 1), RESERVATION_DONE);
        lun.attentions = 1;
        ck_assert_int_eq(enter(&first, 1), RESERVATION_DONE);
        ck_assert_uint_eq(lun.registered[1], FIRST);
        memset(&lun, 0, sizeof lun);
        ck_assert_int_eq(enter(&first, 2), RESERVATION_DONE);
        ck_assert_uint_eq(lun.registered[2], FIRST);
        ck_assert_uint_eq(lun.holder, FIRST);
}
END_TEST

START_TEST(where_all_is_forgotten_the_owner_registers_first)
{
        struct reservation first = { .key = FIRST }, second = { .key = SECOND };
        ck_assert_int_eq(enter(&first, 0), RESERVATION_DONE);
        ck_assert_int_eq(reservation_take(&first, session(0), 1), RESERVATION_DONE);
        ck_assert_int_eq(enter(&second, 1), RESERVATION_DONE);
        memset(&lun, 0, sizeof lun);
        ck_assert_int_eq(enter(&second, 1), RESERVATION_LATER);
        ck_assert_int_eq(enter(&first, 0), RESERVATION_DONE);
        clock_ms += RESERVATION_BEHIND_MS;
        ck_assert_int_eq(enter(&second, 1), RESERVATION_DONE);
        memset(&lun, 0, sizeof lun); /* and the owner has gone */
        ck_assert_int_eq(enter(&second, 1), RESERVATION_LATER);
        ck_assert_int_eq(enter(&second, 1), RESERVATION_DONE);
}
END_TEST

START_TEST(who_stood_still_meanwhile_does_not_know_what_was_forgotten)
{
        struct reservation first = { .key = FIRST }, second = { .key = SECOND };
        ck_assert_int_eq(enter(&second, 1), RESERVATION_DONE);
        memset(&lun, 0, sizeof lun);
        ck_assert_int_eq(enter(&second, 1), RESERVATION_LATER);
        ck_assert_int_eq(enter(&first, 0), RESERVATION_DONE);
        ck_assert_int_eq(reservation_take(&first, session(0), 1), RESERVATION_DONE);
        clock_ms += 3 * RESERVATION_BEHIND_MS;
        ck_assert_int_eq(enter(&second, 1), RESERVATION_DONE);
        ck_assert(second.registered_anew);
}
END_TEST

START_TEST(who_is_preempted_while_it_registers_again_goes_again)
{
        struct reservation first = { .key = FIRST };
        ck_assert_int_eq(enter(&first, 0), RESERVATION_DONE);
        ck_assert_int_eq(reservation_take(&first, session(0), 1), RESERVATION_DONE);
        lun.registered[3] = SECOND;
        lun.comes_first = SECOND;
        ck_assert_int_eq(enter(&first, 1), RESERVATION_AGAIN);
        ck_assert(!is_registered(FIRST));
        ck_assert_int_eq(enter(&first, 1), RESERVATION_PREEMPTED);
}
END_TEST

/* A target that was away for a moment, while a guest moves: both gateways come back at once. */
START_TEST(who_comes_back_while_another_registers_was_not_preempted)
{
        struct reservation first = { .key = FIRST };
        ck_assert_int_eq(enter(&first, 0), RESERVATION_DONE);
        ck_assert_int_eq(reservation_take(&first, session(0), 1), RESERVATION_DONE);
        lun.comes_too = SECOND;
        ck_assert_int_eq(enter(&first, 0), RESERVATION_DONE);
        ck_assert(is_registered(FIRST) && is_registered(SECOND));
        lun.comes_first = SECOND; /* and this time it takes over */
        ck_assert_int_eq(enter(&first, 0), RESERVATION_AGAIN);
        ck_assert_int_eq(enter(&first, 0), RESERVATION_PREEMPTED);
        ck_assert(!is_registered(FIRST));
}
END_TEST

START_TEST(what_others_have_registered_for_is_left_alone)
{
        struct reservation first = { .key = FIRST };
        lun.registered[3] = UINT64_C(0x0000bbbb00000001);
        ck_assert_int_eq(enter(&first, 0), RESERVATION_FOREIGN);
        ck_assert_ptr_nonnull(strstr(error, "key 0000bbbb00000001"));
        ck_assert(!is_registered(FIRST));
        lun.registered[3] = 0;
        ck_assert_int_eq(enter(&first, 0), RESERVATION_DONE);
        lun.registered[3] = UINT64_C(0x0000bbbb00000001); /* one that comes later stops nothing */
        ck_assert_int_eq(enter(&first, 1), RESERVATION_DONE);
        ck_assert_int_eq(reservation_take(&first, session(1), 1), RESERVATION_DONE);
        ck_assert(is_registered(UINT64_C(0x0000bbbb00000001)));
}
END_TEST

/* Confirmed is what the gateway's node was in contact after; whoever preempts it begins later. */
START_TEST(what_is_registered_anew_has_to_be_confirmed)
{
        struct reservation first = { .key = FIRST };
        ck_assert_int_eq(enter(&first, 0), RESERVATION_DONE);
        ck_assert(first.registered_anew);
        first.registered_anew = false;
        ck_assert_int_eq(reservation_take(&first, session(0), 1), RESERVATION_DONE);
        ck_assert_int_eq(enter(&first, 0), RESERVATION_DONE); /* the same session's: its key still stands */
        ck_assert(!first.registered_anew);
        memset(&lun, 0, sizeof lun);
        lun.comes_too = SECOND; /* it cannot tell whether it has registered, and goes again */
        ck_assert_int_eq(enter(&first, 0), RESERVATION_AGAIN);
        ck_assert(first.registered_anew);
}
END_TEST

START_TEST(a_target_without_reservations_is_used_without)
{
        struct reservation first = { .key = FIRST };
        lun.knows_none = true;
        ck_assert_int_eq(enter(&first, 0), RESERVATION_DONE);
        ck_assert(!first.registered_anew); /* nobody could take it away */
        ck_assert_int_eq(reservation_take(&first, session(0), 1), RESERVATION_DONE);
}
END_TEST

#define OF_NODE_3 UINT64_C(0x0000aaaa03000001)
#define AGAIN_3   UINT64_C(0x0000aaaa03000002)
#define OF_NODE_1 UINT64_C(0x0000aaaa01000001)
#define LEADER    UINT64_C(0x0000aaaa01000009)
#define FOREIGN   UINT64_C(0x0000bbbb03000001)

static int bar(bool *ret_lingers)
{
        *ret_lingers = false;
        return reservation_bar(LEADER, 3, session(3), 1, ret_lingers, error);
}

START_TEST(a_leader_takes_the_keys_of_one_node_away)
{
        bool lingers;
        lun.cannot_abort = _i == 1;
        lun.registered[0] = OF_NODE_3;
        lun.registered[1] = AGAIN_3;
        lun.registered[2] = _i == 0 ? OF_NODE_1 : FOREIGN;
        lun.holder = _i == 0 ? OF_NODE_3 : 0;
        ck_assert_int_eq(bar(&lingers), 0);
        ck_assert_int_eq(lingers, lun.cannot_abort);
        ck_assert(!is_registered(OF_NODE_3) && !is_registered(AGAIN_3) && is_registered(LEADER));
        ck_assert_uint_ne(lun.registered[2], 0);
        ck_assert_uint_ne(lun.holder, 0);
        ck_assert_int_eq(reservation_check_bar(LEADER, 3, session(2), 1, error), 0);
}
END_TEST

START_TEST(where_none_is_left_it_is_reserved_all_the_same)
{
        bool lingers;
        ck_assert_int_eq(bar(&lingers), 0);
        ck_assert(!lingers);
        ck_assert_uint_eq(lun.holder, LEADER);
        ck_assert_int_eq(reservation_check_bar(LEADER, 3, session(2), 1, error), 0);
}
END_TEST

/* Each by itself lets the lost node write. */
START_TEST(what_is_read_back_otherwise_proves_nothing)
{
        bool lingers;
        ck_assert_int_eq(bar(&lingers), 0);
        lun.registered[0] = OF_NODE_3; /* it came back */
        ck_assert_int_eq(reservation_check_bar(LEADER, 3, session(2), 1, error), -1);
        ck_assert_str_eq(error, "a key is still there");
        lun.registered[0] = 0;
        lun.holder = 0;
        ck_assert_int_eq(reservation_check_bar(LEADER, 3, session(2), 1, error), -1);
        ck_assert_str_eq(error, "it is not reserved");
        lun.holder = LEADER;
        lun.registered[3] = 0; /* with the session that brought it */
        ck_assert_int_eq(reservation_check_bar(LEADER, 3, session(2), 1, error), -1);
        ck_assert_str_eq(error, "the key of this node is gone again");
}
END_TEST

START_TEST(a_target_without_reservations_bars_nobody)
{
        bool lingers;
        lun.knows_none = true;
        ck_assert_int_eq(bar(&lingers), -1);
        ck_assert_str_eq(error, "the target knows no reservations");
        ck_assert_int_eq(reservation_check_bar(LEADER, 3, session(2), 1, error), -1);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("reservation");
        TCase *tcase = tcase_create("reservation");
        tcase_add_checked_fixture(tcase, begin, NULL);
        tcase_add_loop_test(tcase, who_takes_over_is_the_only_one_left, 0, 2);
        tcase_add_test(tcase, who_was_preempted_before_it_took_over_registers_anew_and_waits);
        tcase_add_test(tcase, a_new_session_registers_again_and_what_a_target_forgot_is_no_loss);
        tcase_add_test(tcase, where_all_is_forgotten_the_owner_registers_first);
        tcase_add_test(tcase, who_stood_still_meanwhile_does_not_know_what_was_forgotten);
        tcase_add_test(tcase, who_is_preempted_while_it_registers_again_goes_again);
        tcase_add_test(tcase, who_comes_back_while_another_registers_was_not_preempted);
        tcase_add_test(tcase, what_others_have_registered_for_is_left_alone);
        tcase_add_test(tcase, what_is_registered_anew_has_to_be_confirmed);
        tcase_add_test(tcase, a_target_without_reservations_is_used_without);
        tcase_add_loop_test(tcase, a_leader_takes_the_keys_of_one_node_away, 0, 2);
        tcase_add_test(tcase, where_none_is_left_it_is_reserved_all_the_same);
        tcase_add_test(tcase, what_is_read_back_otherwise_proves_nothing);
        tcase_add_test(tcase, a_target_without_reservations_bars_nobody);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
