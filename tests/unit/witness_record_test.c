/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "quorum/witness_record.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct witness_id west = { .cluster = "west", .identity = UINT64_C(0x1122334455667788) };
static const struct witness_record one = {
        .sequence = 7,
        .writer = 3,
        .tag = { .promised = 12, .newest = { .epoch = 11, .holders_hash = UINT64_C(0xfedcba9876543210) } },
};
static uint8_t bytes[WITNESS_BYTES];

static void begin(void)
{
        witness_record_encode(&west, &one, bytes);
}

static enum witness_content decode(struct witness_record *record)
{
        return witness_record_decode(bytes, &west, record);
}

START_TEST(a_record_comes_back_as_it_was)
{
        struct witness_record record;
        ck_assert_int_eq(decode(&record), WITNESS_CONTENT_VALID);
        ck_assert_uint_eq(record.sequence, one.sequence);
        ck_assert_uint_eq(record.writer, one.writer);
        ck_assert_uint_eq(record.tag.promised, one.tag.promised);
        ck_assert_uint_eq(record.tag.newest.epoch, one.tag.newest.epoch);
        ck_assert_uint_eq(record.tag.newest.holders_hash, one.tag.newest.holders_hash);
}
END_TEST

/* As quorum/README.md draws it: other versions and other machines read it. */
START_TEST(the_layout_is_as_drawn)
{
        ck_assert_mem_eq(bytes, "CLUWITN\0\1\0\0\0\3\0\0\0west\0", 21);
        ck_assert_mem_eq(bytes + 80, "\x88\x77\x66\x55\x44\x33\x22\x11\7\0\0\0\0\0\0\0\14\0\0\0\0\0\0\0", 24);
        ck_assert_mem_eq(bytes + 104, "\13\0\0\0\0\0\0\0\x10\x32\x54\x76\x98\xba\xdc\xfe", 16);
        ck_assert_mem_eq(bytes, bytes + WITNESS_COPY_BYTES, WITNESS_COPY_BYTES);
}
END_TEST

START_TEST(every_flipped_bit_of_both_copies_is_found)
{
        struct witness_record record = { 0 };
        bytes[_i / 8] ^= (uint8_t)(1 << _i % 8);
        ck_assert_int_eq(decode(&record), WITNESS_CONTENT_VALID); /* the other copy is whole */
        ck_assert_uint_eq(record.tag.promised, 12);
        bytes[WITNESS_COPY_BYTES + _i / 8] ^= (uint8_t)(1 << _i % 8);
        ck_assert_int_eq(decode(&record), WITNESS_CONTENT_DAMAGED);
}
END_TEST

START_TEST(the_newer_copy_counts)
{
        uint8_t newer[WITNESS_BYTES];
        struct witness_record next = one, record;
        next.sequence++;
        next.tag.promised++;
        witness_record_encode(&west, &next, newer);
        memcpy(bytes + _i * WITNESS_COPY_BYTES, newer, WITNESS_COPY_BYTES);
        ck_assert_int_eq(decode(&record), WITNESS_CONTENT_VALID);
        ck_assert_uint_eq(record.tag.promised, 13);
}
END_TEST

START_TEST(another_witness_is_not_this_one)
{
        struct witness_record record;
        struct witness_id other = west;
        other.identity++;
        ck_assert_int_eq(witness_record_decode(bytes, &other, &record), WITNESS_CONTENT_FOREIGN);
        other = (struct witness_id){ .cluster = "east", .identity = west.identity };
        ck_assert_int_eq(witness_record_decode(bytes, &other, &record), WITNESS_CONTENT_FOREIGN);
        memset(bytes, 0, sizeof bytes);
        ck_assert_int_eq(decode(&record), WITNESS_CONTENT_DAMAGED);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("witness record");
        TCase *tcase = tcase_create("witness record");
        tcase_add_checked_fixture(tcase, begin, NULL);
        tcase_add_test(tcase, a_record_comes_back_as_it_was);
        tcase_add_test(tcase, the_layout_is_as_drawn);
        tcase_add_loop_test(tcase, every_flipped_bit_of_both_copies_is_found, 0, 8 * WITNESS_RECORD_BYTES);
        tcase_add_loop_test(tcase, the_newer_copy_counts, 0, WITNESS_COPIES);
        tcase_add_test(tcase, another_witness_is_not_this_one);
        suite_add_tcase(suite, tcase);
        SRunner *runner = srunner_create(suite);
        srunner_set_fork_status(runner, CK_NOFORK);
        srunner_run_all(runner, CK_NORMAL);
        int failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
