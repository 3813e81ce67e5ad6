/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The lease area as bytes, and its timings as a whole. */

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "csv-storage/lease_record.h"
#include "tests/unit/suite_run.h"

static const struct lease_area_id area = { .cluster = "west", .volume = { 0xaa, 1, 2, 3, 0xff } };

static const struct lease_record sample = {
        .node = 3,
        .state = LEASE_RECORD_HELD,
        .confirmed = true,
        .incarnation = UINT64_C(0xfedcba9876543210),
        .sequence = UINT64_MAX,
        .boot = UINT64_C(0x1122334455667788),
        .held_until_ms = UINT64_C(0x0102030405060708),
        .timings = { .renew_ms = 1000,
                     .lease_ms = 5000,
                     .stop_ms = 2000,
                     .watchdog_ms = 5000,
                     .margin_ms = 1000 },
        .obeys = UINT64_C(0xa1a2a3a4a5a6a7a8),
};

static const struct lease_revocation revocation = {
        .node = 3,
        .writer = 64,
        .incarnation = 7,
        .epoch = UINT64_MAX,
        .lost_incarnation = UINT64_C(0xb1b2b3b4b5b6b7b8),
};

START_TEST(a_lease_survives_a_round_trip)
{
        uint8_t bytes[SECTOR_BYTES];
        struct lease_record back;
        memset(bytes, 0xee, sizeof bytes);
        lease_record_encode(&area, &sample, bytes);
        memset(&back, 0, sizeof back);
        ck_assert_int_eq(lease_record_decode(bytes, &area, 3, &back), SECTOR_VALID);
        ck_assert_mem_eq(&back, &sample, sizeof back);
        for (size_t i = RECORD_BYTES; i < SECTOR_BYTES; i++)
                ck_assert_uint_eq(bytes[i], 0);
}
END_TEST

START_TEST(a_revocation_survives_a_round_trip)
{
        uint8_t bytes[SECTOR_BYTES];
        struct lease_revocation back;
        memset(&back, 0, sizeof back);
        lease_revocation_encode(&area, &revocation, bytes);
        ck_assert_int_eq(lease_revocation_decode(bytes, &area, 3, &back), SECTOR_VALID);
        ck_assert_mem_eq(&back, &revocation, sizeof back);
}
END_TEST

START_TEST(a_mark_survives_a_round_trip)
{
        static const struct lease_mark mark = { .node = 3,
                                                .boot = UINT64_C(0x1122334455667788),
                                                .sequence = 5 };
        uint8_t bytes[SECTOR_BYTES];
        struct lease_mark back = { .boot = 1 };
        lease_mark_encode(&area, &mark, bytes);
        ck_assert_int_eq(lease_mark_decode(bytes, &area, 4, &back), SECTOR_MISPLACED);
        ck_assert_uint_eq(back.boot, 1);
        ck_assert_int_eq(lease_mark_decode(bytes, &area, 3, &back), SECTOR_VALID);
        ck_assert(back.node == 3 && back.boot == mark.boot && back.sequence == 5);
        bytes[120] ^= 1;
        ck_assert_int_eq(lease_mark_decode(bytes, &area, 3, &back), SECTOR_DAMAGED);
        struct lease_area_id made = lease_area_of("west", 0x0302);
        ck_assert_str_eq(made.cluster, "west");
        ck_assert(made.volume[0] == 2 && made.volume[1] == 3 && made.volume[2] == 0);
}
END_TEST

START_TEST(the_bytes_are_as_the_readme_draws_them)
{
        static const uint8_t head[] = { 'C', 'L', 'U', 'L', 'E', 'A', 'S', 'E', 1,
                                        0,   0,   0,   2,   0,   0,   0,   'w', 'e' };
        static const uint8_t middle[] = { 3,    0,    0,    0,    1,    0,    0,    0,    0x10, 0x32, 0x54,
                                          0x76, 0x98, 0xba, 0xdc, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                          0xff, 0xff, 0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 8 };
        static const uint8_t times[] = { 0xe8, 3, 0, 0,    0x88, 0x13, 0, 0,    0xd0,
                                         7,    0, 0, 0x88, 0x13, 0,    0, 0xe8, 3 };
        uint8_t bytes[SECTOR_BYTES];
        lease_record_encode(&area, &sample, bytes);
        ck_assert_mem_eq(bytes, head, sizeof head);
        ck_assert_uint_eq(bytes[80], 0xaa);
        ck_assert_mem_eq(bytes + 96, middle, sizeof middle);
        ck_assert_mem_eq(bytes + 136, times, sizeof times);
}
END_TEST

START_TEST(sectors_of_nodes_do_not_meet)
{
        ck_assert_uint_eq(LEASE_SECTOR(1), 1);
        ck_assert_uint_eq(REVOCATION_SECTOR(1), 2);
        ck_assert_uint_eq(LEASE_SECTOR(2), 3);
        ck_assert_uint_eq(MARK_SECTOR(1), REVOCATION_SECTOR(NODES_MAX) + 1);
        ck_assert_uint_eq((MARK_SECTOR(NODES_MAX) + 1) * SECTOR_BYTES, LEASE_AREA_BYTES);
}
END_TEST

START_TEST(a_flipped_bit_makes_no_record)
{
        uint8_t bytes[SECTOR_BYTES];
        struct lease_record untouched = { .sequence = 77 };
        struct lease_revocation revoked = { .epoch = 77 };
        struct lease_area_id owner = { .cluster = "x" };
        for (size_t bit = 0; bit < 8 * RECORD_BYTES; bit++) {
                lease_record_encode(&area, &sample, bytes);
                bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
                ck_assert_int_eq(lease_record_decode(bytes, &area, 3, &untouched), SECTOR_DAMAGED);
                lease_revocation_encode(&area, &revocation, bytes);
                bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
                ck_assert_int_eq(lease_revocation_decode(bytes, &area, 3, &revoked), SECTOR_DAMAGED);
                lease_area_encode(&area, bytes);
                bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
                ck_assert_int_eq(lease_area_decode(bytes, &area, &owner), SECTOR_DAMAGED);
        }
        ck_assert_uint_eq(untouched.sequence, 77);
        ck_assert_uint_eq(revoked.epoch, 77);
        ck_assert_str_eq(owner.cluster, "x");
}
END_TEST

/* Torn between pieces of 512 bytes it is old or new; anywhere else it is damaged, unless the rest was equal.
 */
START_TEST(a_torn_write_leaves_the_old_record_the_new_one_or_none)
{
        uint8_t before[SECTOR_BYTES], after[SECTOR_BYTES], torn[SECTOR_BYTES];
        struct lease_record next = sample, back;
        next.sequence = 5;
        lease_record_encode(&area, &sample, before);
        lease_record_encode(&area, &next, after);
        for (size_t cut = 0; cut <= SECTOR_BYTES; cut++) {
                memcpy(torn, before, sizeof torn);
                memcpy(torn, after, cut);
                enum sector_content content = lease_record_decode(torn, &area, 3, &back);
                if (cut >= RECORD_BYTES)
                        ck_assert(content == SECTOR_VALID && back.sequence == 5);
                else if (memcmp(torn, before, RECORD_BYTES) == 0)
                        ck_assert(content == SECTOR_VALID && back.sequence == UINT64_MAX);
                else
                        ck_assert_int_eq(content, SECTOR_DAMAGED);
        }
}
END_TEST

START_TEST(zeroes_are_blank)
{
        uint8_t bytes[SECTOR_BYTES] = { 0 };
        struct lease_record record;
        struct lease_revocation revoked;
        struct lease_area_id owner;
        bytes[RECORD_BYTES] = 1; /* does not count */
        ck_assert_int_eq(lease_record_decode(bytes, &area, 1, &record), SECTOR_BLANK);
        ck_assert_int_eq(lease_revocation_decode(bytes, &area, 1, &revoked), SECTOR_BLANK);
        ck_assert_int_eq(lease_area_decode(bytes, &area, &owner), SECTOR_BLANK);
}
END_TEST

START_TEST(what_is_of_others_is_foreign)
{
        struct lease_area_id cluster = area, volume = area;
        uint8_t bytes[SECTOR_BYTES];
        struct lease_record record;
        struct lease_revocation revoked;
        memcpy(cluster.cluster, "east", 5);
        volume.volume[15] = 1;
        lease_record_encode(&area, &sample, bytes);
        ck_assert_int_eq(lease_record_decode(bytes, &cluster, 3, &record), SECTOR_FOREIGN);
        ck_assert_int_eq(lease_record_decode(bytes, &volume, 3, &record), SECTOR_FOREIGN);
        /* Sectors that were swapped: of another node, and a node's lease where its revocation should be. */
        ck_assert_int_eq(lease_record_decode(bytes, &area, 4, &record), SECTOR_MISPLACED);
        ck_assert_int_eq(lease_revocation_decode(bytes, &area, 3, &revoked), SECTOR_MISPLACED);
}
END_TEST

START_TEST(the_header_says_whose_area_it_is)
{
        struct lease_area_id other = { .cluster = "east", .volume = { 9 } }, owner;
        uint8_t bytes[SECTOR_BYTES];
        lease_area_encode(&area, bytes);
        ck_assert_int_eq(lease_area_decode(bytes, &area, &owner), SECTOR_VALID);
        ck_assert_int_eq(lease_area_decode(bytes, &other, &owner), SECTOR_FOREIGN);
        ck_assert_str_eq(owner.cluster, "west");
        ck_assert_mem_eq(owner.volume, area.volume, VOLUME_ID_BYTES);
}
END_TEST

/* FNV-1a, so that a record that is wrong in its fields is whole all the same. */
static void seal(uint8_t *bytes)
{
        uint64_t sum = UINT64_C(0xcbf29ce484222325);
        for (size_t i = 0; i < 504; i++)
                sum = (sum ^ bytes[i]) * UINT64_C(0x100000001b3);
        for (size_t i = 0; i < 8; i++)
                bytes[504 + i] = (uint8_t)(sum >> (8 * i));
}

START_TEST(fields_that_cannot_be_meant_make_no_record)
{
        /* offset, value, what it is then */
        static const struct {
                size_t at;
                uint8_t value;
                enum sector_content content;
        } cases[] = {
                { 8, 2, SECTOR_VERSION },    /* version */
                { 12, 9, SECTOR_MISPLACED }, /* kind */
                { 100, 2, SECTOR_DAMAGED },  /* state */
                { 141, 0, SECTOR_DAMAGED },  /* a lease of 136 ms */
                { 153, 0, SECTOR_DAMAGED },  /* a margin of 232 ms */
                { 156, 2, SECTOR_DAMAGED },  /* confirmed */
        };
        uint8_t bytes[SECTOR_BYTES];
        struct lease_record record = { .sequence = 77 };
        lease_record_encode(&area, &sample, bytes);
        bytes[cases[_i].at] = cases[_i].value;
        seal(bytes);
        ck_assert_int_eq(lease_record_decode(bytes, &area, 3, &record), cases[_i].content);
        ck_assert_uint_eq(record.sequence, 77);
}
END_TEST

static const struct timings_case {
        struct lease_timings timings; /* renew, lease, stop, watchdog, margin */
        enum lease_timings_verdict verdict;
        const char *text;
} timings_cases[] = {
        { { 1000, 5000, 2000, 5000, 1000 },
          LEASE_TIMINGS_OK,
          "renewed every 1000 ms; guests are stopped after 3000 ms without a renewal, the lease lapses after "
          "5000, "
          "the watchdog has fired after 10000, others may take over after 11000" },
        { { 1000, 5000, 2000, 0, 250 }, LEASE_TIMINGS_OK, NULL },
        { { 100, 800, 500, 1000, 218 }, LEASE_TIMINGS_OK, NULL },
        { { 99, 5000, 2000, 5000, 1000 }, LEASE_TIMINGS_RENEW_SHORT, "renewing every 99 ms: at least 100" },
        { { 1000, 5000, 499, 5000, 1000 },
          LEASE_TIMINGS_STOP_SHORT,
          "499 ms to stop guests before the lapse: at least 500" },
        { { 1000, 4999, 2000, 5000, 1000 },
          LEASE_TIMINGS_LEASE_SHORT,
          "a lease of 4999 ms: at least 3 renewals of 1000 ms and 2000 ms to stop guests, 5000 ms" },
        { { 1000, 5000, 2000, 999, 1000 },
          LEASE_TIMINGS_WATCHDOG_SHORT,
          "a watchdog of 999 ms: at least 1000" },
        { { 1000, 5000, 2000, 5000, 299 },
          LEASE_TIMINGS_MARGIN_SHORT,
          "a margin of 299 ms: at least 200 ms and a 100th of lease and watchdog, 300 ms" },
        { { 1000, 5000, 2000, 590000, 10000 },
          LEASE_TIMINGS_LONG,
          "lease, watchdog and margin are 605000 ms: at most 600000" },
        { { UINT32_MAX, UINT32_MAX, UINT32_MAX, 5000, 1000 }, LEASE_TIMINGS_LEASE_SHORT, NULL },
        { { 1000, UINT32_MAX, 2000, UINT32_MAX, UINT32_MAX }, LEASE_TIMINGS_LONG, NULL },
};

START_TEST(timings_are_checked_as_a_whole)
{
        const struct timings_case *c = &timings_cases[_i];
        char text[LEASE_TIMINGS_TEXT_BYTES];
        ck_assert_int_eq(lease_timings_check(&c->timings), c->verdict);
        lease_timings_explain(&c->timings, text);
        if (c->text != NULL)
                ck_assert_str_eq(text, c->text);
}
END_TEST

START_TEST(the_default_timings_are_sound)
{
        ck_assert_int_eq(lease_timings_check(&lease_timings_default), LEASE_TIMINGS_OK);
        ck_assert_uint_eq(lease_timings_expiry_ms(&lease_timings_default), 11000);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("lease_record");
        TCase *codec = tcase_create("codec");
        tcase_add_test(codec, a_lease_survives_a_round_trip);
        tcase_add_test(codec, a_revocation_survives_a_round_trip);
        tcase_add_test(codec, a_mark_survives_a_round_trip);
        tcase_add_test(codec, the_bytes_are_as_the_readme_draws_them);
        tcase_add_test(codec, sectors_of_nodes_do_not_meet);
        tcase_add_test(codec, a_flipped_bit_makes_no_record);
        tcase_add_test(codec, a_torn_write_leaves_the_old_record_the_new_one_or_none);
        tcase_add_test(codec, zeroes_are_blank);
        tcase_add_test(codec, what_is_of_others_is_foreign);
        tcase_add_test(codec, the_header_says_whose_area_it_is);
        tcase_add_loop_test(codec, fields_that_cannot_be_meant_make_no_record, 0, 6);
        suite_add_tcase(suite, codec);
        TCase *timings = tcase_create("timings");
        tcase_add_loop_test(timings, timings_are_checked_as_a_whole, 0,
                            sizeof timings_cases / sizeof timings_cases[0]);
        tcase_add_test(timings, the_default_timings_are_sound);
        suite_add_tcase(suite, timings);
        return suite_run(suite);
}
