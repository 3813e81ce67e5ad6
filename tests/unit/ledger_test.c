/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/ledger.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "tests/unit/suite_run.h"

static struct ledger ours, theirs;

static void begin(void)
{
        memset(&ours, 0, sizeof ours);
        memset(&theirs, 0, sizeof theirs);
        ours.tail = calloc(TAIL_MAX, sizeof *ours.tail);
        theirs.tail = calloc(TAIL_MAX, sizeof *theirs.tail);
}

static void end(void)
{
        free(ours.tail);
        free(theirs.tail);
}

static const struct entry *extend(struct ledger *ledger, uint64_t epoch, const char *text)
{
        struct message_propose propose = { .text = text, .text_bytes = strlen(text), .time_ms = 5 };
        TEXT_COPY(propose.actor, "planner");
        return ledger_extend(ledger, epoch, &propose);
}

/* What comes over the wire: the entry with its text. */
static struct entry sent(const struct ledger *ledger, uint64_t index, const char *text)
{
        struct entry entry = *ledger_entry(ledger, index);
        entry.text = text;
        entry.text_bytes = strlen(text);
        return entry;
}

START_TEST(entries_follow_each_other_and_are_chained)
{
        const struct entry *first = extend(&ours, 3, "a");
        ck_assert_uint_eq(first->index, 1);
        uint8_t hash[HASH_BYTES];
        memcpy(hash, first->hash, sizeof hash);
        const struct entry *second = extend(&ours, 3, "a");
        ck_assert_uint_eq(second->index, 2);
        ck_assert_mem_ne(hash, second->hash, sizeof hash);
        ck_assert_mem_eq(ours.last.hash, second->hash, sizeof hash);
        ck_assert_uint_eq(ours.last.epoch, 3);
        ck_assert_uint_eq(ours.applied.index, 0);

        ledger_mark_applied(&ours);
        ck_assert_uint_eq(ours.applied.index, 1);
        ck_assert_mem_eq(ours.applied.hash, hash, sizeof hash);
        ck_assert_uint_eq(ours.first_index, 1);
        ledger_mark_applied(&ours);
        ck_assert(ledger_position_equal(&ours.applied, &ours.last));
        ck_assert_uint_eq(ours.first_index, 1);
}
END_TEST

START_TEST(an_entry_from_another_fits_as_it_should)
{
        extend(&theirs, 1, "a");
        extend(&theirs, 1, "b");
        extend(&theirs, 1, "c");
        extend(&ours, 1, "a");
        extend(&ours, 1, "b");

        struct entry b = sent(&theirs, 2, "b"), c = sent(&theirs, 3, "c");
        ck_assert_int_eq(ledger_fit(&ours, &b), LEDGER_FIT_KNOWN);
        ck_assert_int_eq(ledger_fit(&ours, &c), LEDGER_FIT_NEXT);
        ledger_mark_applied(&ours);
        ledger_mark_applied(&ours);
        ck_assert_int_eq(ledger_fit(&ours, &b), LEDGER_FIT_KNOWN);
        ck_assert_int_eq(ledger_fit(&ours, &c), LEDGER_FIT_NEXT); /* chained to what is applied */
        ledger_truncate(&ours, 2);
        ledger_append(&ours, &c);
        ck_assert(ledger_position_equal(&ours.last, &theirs.last));

        extend(&theirs, 1, "d");
        extend(&theirs, 1, "e");
        struct entry e = sent(&theirs, 5, "e");
        ck_assert_int_eq(ledger_fit(&ours, &e), LEDGER_FIT_GAP);
}
END_TEST

START_TEST(another_entry_at_the_same_place_diverges)
{
        extend(&theirs, 1, "a");
        extend(&theirs, 2, "x");
        extend(&theirs, 2, "y");
        extend(&ours, 1, "a");
        extend(&ours, 1, "b");
        extend(&ours, 1, "c");
        struct entry x = sent(&theirs, 2, "x"), y = sent(&theirs, 3, "y");
        ck_assert_int_eq(ledger_fit(&ours, &y), LEDGER_FIT_BROKEN); /* it follows x, which is not here */
        ck_assert_int_eq(ledger_fit(&ours, &x), LEDGER_FIT_DIVERGES);
        ledger_truncate(&ours, 1);
        ledger_append(&ours, &x);
        ck_assert_int_eq(ledger_fit(&ours, &y), LEDGER_FIT_NEXT);
        ledger_append(&ours, &y);
        ck_assert(ledger_position_equal(&ours.last, &theirs.last));
}
END_TEST

/* Each field that the hash covers. */
START_TEST(a_changed_entry_breaks_the_chain)
{
        extend(&theirs, 1, "a");
        struct entry a = sent(&theirs, 1, "a");
        ck_assert_int_eq(ledger_fit(&ours, &a), LEDGER_FIT_NEXT);
        switch (_i) {
        case 0:
                a.text = "b";
                break;
        case 1:
                a.epoch++;
                break;
        case 2:
                a.time_ms++;
                break;
        case 3:
                a.actor[0] ^= 1;
                break;
        case 4:
                a.request.count++;
                break;
        default:
                a.hash[_i - 5] ^= 0x80;
        }
        ck_assert_int_eq(ledger_fit(&ours, &a), LEDGER_FIT_BROKEN);
}
END_TEST

START_TEST(a_cut_tail_grows_again_from_where_it_was_cut)
{
        for (int i = 0; i < 5; i++)
                extend(&ours, 1, "a");
        ledger_mark_applied(&ours);
        struct ledger_position third = { .epoch = 1, .index = 3 };
        memcpy(third.hash, ledger_entry(&ours, 3)->hash, sizeof third.hash);
        ledger_truncate(&ours, 3);
        ck_assert(ledger_position_equal(&ours.last, &third));
        ledger_truncate(&ours, 1);
        ck_assert(ledger_position_equal(&ours.last, &ours.applied));
        ck_assert_uint_eq(extend(&ours, 2, "b")->index, 2);
}
END_TEST

START_TEST(the_ring_holds_its_capacity_and_goes_round)
{
        for (int round = 0; round < 3; round++) {
                for (int i = 0; i < TAIL_MAX; i++) {
                        ck_assert(!ledger_tail_full(&ours));
                        extend(&ours, 1, "a");
                }
                ck_assert(ledger_tail_full(&ours));
                ck_assert_uint_eq(ledger_entry(&ours, ours.applied.index + 1)->index, ours.applied.index + 1);
                ck_assert_uint_eq(ledger_entry(&ours, ours.last.index)->index, ours.last.index);
                while (ours.applied.index < ours.last.index)
                        ledger_mark_applied(&ours);
        }
}
END_TEST

START_TEST(a_snapshot_begins_anew)
{
        extend(&ours, 1, "a");
        ours.blank = true;
        struct ledger_position at = { .epoch = 7, .index = 500, .hash = { 1, 2 } };
        ledger_restart_at(&ours, &at);
        ck_assert(!ours.blank);
        ck_assert(ledger_position_equal(&ours.last, &at) && ledger_position_equal(&ours.applied, &at));
        ck_assert_uint_eq(ours.first_index, 0);
        ck_assert_uint_eq(extend(&ours, 7, "b")->index, 501);
        ledger_mark_applied(&ours);
        ck_assert_uint_eq(ours.first_index, 501);
}
END_TEST

static const struct {
        struct ledger_position a, b;
        int want;
} orders[] = {
        { { .epoch = 1, .index = 9 }, { .epoch = 2, .index = 3 }, -1 },
        { { .epoch = 2, .index = 3 }, { .epoch = 2, .index = 4 }, -1 },
        { { .epoch = 2, .index = 4, .hash = { 1 } }, { .epoch = 2, .index = 4, .hash = { 2 } }, 0 },
        { { .epoch = 0 }, { .epoch = 0 }, 0 },
        { { .epoch = UINT64_MAX }, { .index = UINT64_MAX }, 1 },
};

START_TEST(positions_are_ordered_by_epoch_then_index)
{
        ck_assert_int_eq(ledger_position_compare(&orders[_i].a, &orders[_i].b), orders[_i].want);
        ck_assert_int_eq(ledger_position_compare(&orders[_i].b, &orders[_i].a), -orders[_i].want);
}
END_TEST

START_TEST(positions_with_other_hashes_are_not_equal)
{
        ck_assert(!ledger_position_equal(&orders[2].a, &orders[2].b));
        ck_assert(ledger_position_equal(&orders[2].a, &orders[2].a));
}
END_TEST

START_TEST(broken_promises_to_the_ledger_abort)
{
        struct entry entry = { .index = 7 };
        extend(&ours, 1, "a");
        extend(&ours, 1, "b");
        ledger_mark_applied(&ours);
        if (_i == 0)
                ledger_truncate(&ours, 0); /* what is applied */
        if (_i == 1)
                ledger_truncate(&ours, 3); /* what is not there */
        if (_i == 2)
                ledger_append(&ours, &entry);
        if (_i == 3)
                (void)ledger_entry(&ours, 1);
        if (_i == 4)
                (void)ledger_entry(&ours, 3);
        for (int i = 0; _i == 5 && i < TAIL_MAX; i++)
                extend(&ours, 1, "a");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("ledger");
        TCase *tcase = tcase_create("ledger");
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, entries_follow_each_other_and_are_chained);
        tcase_add_test(tcase, an_entry_from_another_fits_as_it_should);
        tcase_add_test(tcase, another_entry_at_the_same_place_diverges);
        tcase_add_loop_test(tcase, a_changed_entry_breaks_the_chain, 0, 5 + HASH_BYTES);
        tcase_add_test(tcase, a_cut_tail_grows_again_from_where_it_was_cut);
        tcase_add_test(tcase, the_ring_holds_its_capacity_and_goes_round);
        tcase_add_test(tcase, a_snapshot_begins_anew);
        tcase_add_loop_test(tcase, positions_are_ordered_by_epoch_then_index, 0,
                            sizeof orders / sizeof *orders);
        tcase_add_test(tcase, positions_with_other_hashes_are_not_equal);
        tcase_add_loop_test_raise_signal(tcase, broken_promises_to_the_ledger_abort, SIGABRT, 0, 6);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
