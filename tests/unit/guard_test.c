/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The guard keeper: its rule, its proof of contact, its words. No watchdog, no clock, no corosync. */

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/watchdog.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clusterd/guard/guard_files.h"
#include "clusterd/guard/guard_protocol.h"
#include "clusterd/guard/guard_rule.h"
#include "clusterd/guard/watchdog.h"
#include "clusterd/io/guard_client.h"
#include "tests/unit/suite_run.h"

static const struct guard_order armed = {
        .armed = true,
        .isolation_hold_ms = 10000,
        .stop_grace_ms = 5000,
        .watchdog_ms = 8000,
        .contact_ms = 0x123456789a,
        .voters = { .nodes = 0x8000000000000007, .before = 6, .epoch = 5, .index = 42 },
        .leased_until_ms = 0
};

static const struct decision_case {
        const char *says;
        bool armed;
        uint64_t contact_ms, now_ms;
        enum guard_decision decision;
        uint64_t leased_until_ms;
} decisions[] = {
        { "fresh contact", true, 100000, 100001, GUARD_PET, 0 },
        { "contact at this very moment", true, 100000, 100000, GUARD_PET, 0 },
        { "guests are being stopped", true, 100000, 112000, GUARD_PET, 0 },
        { "last moment of hold and grace", true, 100000, 115000, GUARD_PET, 0 },
        { "hold and grace have passed", true, 100000, 115001, GUARD_LET_FIRE, 0 },
        { "long gone", true, 100000, 100000000, GUARD_LET_FIRE, 0 },
        { "armed and never in contact", true, 0, 5000, GUARD_LET_FIRE, 0 },
        { "contact of another boot", true, 100000, 99999, GUARD_LET_FIRE, 0 },
        { "no guests, contact", false, 100000, 100001, GUARD_RELEASE, 0 },
        { "no guests, no contact", false, 0, 100000, GUARD_RELEASE, 0 },
        { "no guests, contact long gone", false, 1000, 100000000, GUARD_RELEASE, 0 },
        { "contact long gone, leases stand", true, 100000, 499999, GUARD_PET, 500000 },
        { "contact long gone, leases have lapsed", true, 100000, 500000, GUARD_LET_FIRE, 500000 },
        { "leases have lapsed, contact holds", true, 100000, 110000, GUARD_PET, 105000 },
        { "never in contact, leases stand", true, 0, 100000, GUARD_LET_FIRE, 500000 },
        { "no guests, leases stand", false, 100000, 499999, GUARD_RELEASE, 500000 },
};

START_TEST(the_rule_decides_as_the_table_says)
{
        const struct decision_case *c = &decisions[_i];
        struct guard_state state = { .order = armed, .contact_ms = c->contact_ms };
        state.order.armed = c->armed;
        state.order.leased_until_ms = c->leased_until_ms;
        ck_assert_msg(guard_decide(&state, c->now_ms) == c->decision, "%s: %s, not %s", c->says,
                      guard_decision_name(guard_decide(&state, c->now_ms)), guard_decision_name(c->decision));
}
END_TEST

START_TEST(the_largest_times_do_not_overflow)
{
        struct guard_state state = { .order = armed, .contact_ms = 1 };
        state.order.isolation_hold_ms = state.order.stop_grace_ms = UINT32_MAX;
        ck_assert_int_eq(guard_decide(&state, UINT64_C(8000000000)), GUARD_PET);
        ck_assert_int_eq(guard_decide(&state, UINT64_C(9000000000)), GUARD_LET_FIRE);
}
END_TEST

START_TEST(the_word_of_clusterd_moves_contact_forward_only_and_not_into_the_future)
{
        static const uint64_t told[] = { 0, 999, 1000, 1500, 2000, 2001 };
        static const uint64_t known[] = { 1000, 1000, 1000, 1500, 2000, 1000 };
        struct guard_state state = { .contact_ms = 1000 };
        struct guard_order order = armed;
        order.contact_ms = told[_i];
        guard_take_order(&state, &order, 2000);
        ck_assert_uint_eq(state.contact_ms, known[_i]);
        ck_assert(state.order.armed);
}
END_TEST

/* Against a known { 0xf before 0x7, epoch 5, index 42 }. */
static const struct word_case {
        const char *says;
        struct guard_voters word;
        bool counts;
} words_of_voters[] = {
        { "nothing was told", { 0, 0, 9, 99 }, false },
        { "an earlier entry", { 3, 0, 5, 41 }, false },
        { "a longer history of an earlier epoch", { 3, 0, 4, 99 }, false },
        { "a later entry", { 3, 0, 5, 43 }, true },
        { "a shorter history of a later epoch", { 3, 0, 6, 2 }, true },
        { "the same history, its change committed", { 0xf, 0, 5, 42 }, true },
        { "the same once more", { 0xf, 7, 5, 42 }, false },
};

START_TEST(the_word_of_the_later_history_counts)
{
        const struct word_case *c = &words_of_voters[_i];
        struct guard_voters known = { .nodes = 0xf, .before = 7, .epoch = 5, .index = 42 };
        struct guard_state state = { .order = { .voters = known } };
        const struct guard_voters *want = c->counts ? &c->word : &known;
        guard_hear_voters(&state, &c->word);
        ck_assert_msg(state.order.voters.nodes == want->nodes && state.order.voters.before == want->before &&
                              state.order.voters.epoch == want->epoch &&
                              state.order.voters.index == want->index,
                      "%s", c->says);
}
END_TEST

START_TEST(a_clusterd_that_lags_behind_does_not_bring_old_voters_back)
{
        struct guard_state state = { .contact_ms = 0 };
        struct guard_order order = armed;
        struct guard_voters newer = { .nodes = 1, .epoch = 5, .index = 43 };
        guard_take_order(&state, &order, 2000);
        guard_hear_voters(&state, &newer);
        guard_take_order(&state, &order, 2000);
        ck_assert_uint_eq(state.order.voters.nodes, 1);
        ck_assert_uint_eq(state.order.voters.index, 43);
}
END_TEST

START_TEST(a_keeper_vouches_only_for_what_its_clusterd_told_it)
{
        struct guard_state state = { .order = armed }; /* as its last process left it */
        ck_assert_uint_eq(guard_vouch(&state).nodes, 0);
        guard_take_order(&state, &armed, 2000);
        ck_assert_uint_eq(guard_vouch(&state).nodes, armed.voters.nodes);
        ck_assert_uint_eq(guard_vouch(&state).before, armed.voters.before);
        struct guard_order blank = armed;
        blank.voters.nodes = 0;
        guard_take_order(&state, &blank, 2000);
        ck_assert_uint_eq(guard_vouch(&state).nodes, 0);
}
END_TEST

static bool ring_holds(node_set heard, node_set voters, node_set before)
{
        struct guard_state state = { .order = { .voters = { .nodes = voters, .before = before } } };
        struct guard_ring ring = { .heard = heard };
        return guard_ring_holds(&state, &ring);
}

START_TEST(a_ring_holds_with_more_than_half_of_the_voters)
{
        ck_assert(!ring_holds(7, 0, 0)); /* not told yet */
        ck_assert(ring_holds(7, 0xf, 0));
        ck_assert(!ring_holds(3, 0xf, 0));
        ck_assert(!ring_holds(0x73, 0xf, 0));
        ck_assert(ring_holds(2, 2, 0));
        ck_assert(!ring_holds(5, 2, 0));
}
END_TEST

START_TEST(while_the_voters_change_a_ring_needs_both_majorities)
{
        ck_assert(!ring_holds(1, 1, 7)); /* shrinking, the old ones are missing */
        ck_assert(!ring_holds(6, 1, 7)); /* and the new one */
        ck_assert(ring_holds(3, 1, 7));
        ck_assert(!ring_holds(1, 7, 1)); /* growing */
        ck_assert(ring_holds(5, 7, 1));
}
END_TEST

START_TEST(only_a_word_that_was_sent_in_this_ring_is_heard)
{
        struct guard_state state = { .contact_ms = 0 };
        struct guard_ring ring;
        struct guard_probe probe = { .ring = 76, .voters = { .nodes = 7, .epoch = 5, .index = 42 } };
        guard_enter_ring(&ring, 77);
        guard_hear(&state, &ring, 2, &probe); /* it waited in a queue since the ring before */
        ck_assert_uint_eq(ring.heard, 0);
        ck_assert_uint_eq(state.order.voters.nodes, 0);
        probe.ring = 77;
        guard_hear(&state, &ring, 2, &probe);
        ck_assert_uint_eq(ring.heard, 2);
        ck_assert_uint_eq(state.order.voters.nodes, 7);
        probe.voters.nodes = 0; /* one that cannot vouch */
        guard_hear(&state, &ring, 3, &probe);
        ck_assert_uint_eq(ring.heard, 2);
        guard_enter_ring(&ring, 78);
        ck_assert_uint_eq(ring.heard, 0);
}
END_TEST

START_TEST(contact_needs_a_second_probe_sent_after_the_first_came_back)
{
        struct guard_contact contact = { .awaited = 0 };
        uint64_t first, second, at;
        ck_assert(guard_contact_begin(&contact, 5000, &first));
        ck_assert_int_eq(guard_contact_back(&contact, first, true, &second), GUARD_SEND_SECOND);
        ck_assert_uint_ne(first, second);
        /* Copies of the first prove nothing. */
        ck_assert_int_eq(guard_contact_back(&contact, first, true, &at), GUARD_NOTHING);
        ck_assert_int_eq(guard_contact_back(&contact, second, true, &at), GUARD_CONTACT);
        ck_assert_uint_eq(at, 5000);
        ck_assert_int_eq(guard_contact_back(&contact, second, true, &at), GUARD_NOTHING);
        ck_assert(guard_contact_begin(&contact, 5500, &first));
}
END_TEST

START_TEST(contact_does_not_count_without_quorum)
{
        struct guard_contact contact = { .awaited = 0 };
        uint64_t first, second, at = 77;
        ck_assert(guard_contact_begin(&contact, 5000, &first));
        ck_assert_int_eq(guard_contact_back(&contact, first, true, &second), GUARD_SEND_SECOND);
        ck_assert_int_eq(guard_contact_back(&contact, second, false, &at), GUARD_NOTHING);
        ck_assert_uint_eq(at, 77);
        /* And the next pair may. */
        ck_assert(guard_contact_begin(&contact, 6000, &first));
}
END_TEST

START_TEST(a_probe_that_is_late_holds_back_the_next_pair_and_keeps_its_own_time)
{
        struct guard_contact contact = { .awaited = 0 };
        uint64_t first, second, other, at;
        ck_assert(guard_contact_begin(&contact, 5000, &first));
        ck_assert(!guard_contact_begin(&contact, 5500, &other));
        ck_assert(!guard_contact_begin(&contact, 60000, &other));
        ck_assert_int_eq(guard_contact_back(&contact, first, true, &second), GUARD_SEND_SECOND);
        ck_assert(!guard_contact_begin(&contact, 60500, &other));
        ck_assert_int_eq(guard_contact_back(&contact, second, true, &at), GUARD_CONTACT);
        ck_assert_uint_eq(at, 5000);
}
END_TEST

START_TEST(a_pair_does_not_reach_across_a_change_of_the_ring)
{
        struct guard_contact contact = { .awaited = 0 };
        uint64_t first, second, next, at;
        ck_assert(guard_contact_begin(&contact, 5000, &first));
        ck_assert_int_eq(guard_contact_back(&contact, first, true, &second), GUARD_SEND_SECOND);
        guard_contact_reset(&contact);
        ck_assert_int_eq(guard_contact_back(&contact, second, true, &at), GUARD_NOTHING);
        ck_assert(guard_contact_begin(&contact, 6000, &next));
        ck_assert_int_eq(guard_contact_back(&contact, second, true, &at), GUARD_NOTHING);
        ck_assert_int_eq(guard_contact_back(&contact, 0, true, &at), GUARD_NOTHING);
        ck_assert_int_eq(guard_contact_back(&contact, next, true, &at), GUARD_SEND_SECOND);
}
END_TEST

START_TEST(an_order_survives_the_wire)
{
        uint8_t bytes[GUARD_ORDER_BYTES];
        struct guard_order order;
        guard_order_encode(&armed, bytes);
        ck_assert_int_eq(guard_order_decode(bytes, sizeof(bytes), &order), 0);
        ck_assert(order.armed);
        ck_assert_uint_eq(order.isolation_hold_ms, 10000);
        ck_assert_uint_eq(order.stop_grace_ms, 5000);
        ck_assert_uint_eq(order.watchdog_ms, 8000);
        ck_assert_uint_eq(order.contact_ms, armed.contact_ms);
        ck_assert_mem_eq(&order.voters, &armed.voters, sizeof(order.voters));
}
END_TEST

START_TEST(no_piece_of_an_order_is_an_order)
{
        uint8_t bytes[GUARD_ORDER_BYTES + 1] = { 0 };
        struct guard_order order = { .watchdog_ms = 1 };
        guard_order_encode(&armed, bytes);
        for (size_t count = 0; count <= sizeof(bytes); count++)
                if (count != GUARD_ORDER_BYTES)
                        ck_assert_int_eq(guard_order_decode(bytes, count, &order), -EBADMSG);
        ck_assert_uint_eq(order.watchdog_ms, 1);
}
END_TEST

START_TEST(a_flipped_bit_gives_no_order_or_another_one)
{
        uint8_t bytes[GUARD_ORDER_BYTES], again[GUARD_ORDER_BYTES];
        struct guard_order order;
        guard_order_encode(&armed, bytes);
        bytes[_i / 8] ^= (uint8_t)(1 << _i % 8);
        int error = guard_order_decode(bytes, sizeof(bytes), &order);
        if (error != 0) {
                ck_assert_int_eq(error, -EBADMSG);
                return;
        }
        guard_order_encode(&order, again);
        ck_assert_mem_eq(bytes, again, sizeof(bytes));
}
END_TEST

START_TEST(times_that_cannot_be_meant_are_refused)
{
        static const struct guard_order bad[] = {
                { .armed = true, .isolation_hold_ms = 0, .watchdog_ms = 1 },
                { .armed = true, .isolation_hold_ms = 1, .watchdog_ms = 0 },
                { .isolation_hold_ms = 86400000, .stop_grace_ms = 0, .watchdog_ms = 1 },
                { .isolation_hold_ms = UINT32_MAX, .stop_grace_ms = UINT32_MAX, .watchdog_ms = UINT32_MAX },
        };
        uint8_t bytes[GUARD_ORDER_BYTES];
        struct guard_order order;
        for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
                guard_order_encode(&bad[i], bytes);
                ck_assert_int_eq(guard_order_decode(bytes, sizeof(bytes), &order), -EBADMSG);
        }
}
END_TEST

START_TEST(a_probe_survives_the_wire_and_only_whole)
{
        struct guard_probe probe = { .keeper = UINT64_C(0x0123456789abcdef),
                                     .number = UINT64_MAX - 1,
                                     .ring = 77,
                                     .voters = { .nodes = 5, .before = 7, .epoch = 3, .index = 17 } },
                           back;
        uint8_t bytes[GUARD_PROBE_BYTES];
        guard_probe_encode(&probe, bytes);
        ck_assert_int_eq(guard_probe_decode(bytes, sizeof(bytes), &back), 0);
        ck_assert_uint_eq(back.keeper, probe.keeper);
        ck_assert_uint_eq(back.number, probe.number);
        ck_assert_uint_eq(back.ring, 77);
        ck_assert_mem_eq(&back.voters, &probe.voters, sizeof(back.voters));
        for (size_t count = 0; count < sizeof(bytes); count++)
                ck_assert_int_eq(guard_probe_decode(bytes, count, &back), -EBADMSG);
        bytes[0] ^= 1;
        ck_assert_int_eq(guard_probe_decode(bytes, sizeof(bytes), &back), -EBADMSG);
}
END_TEST

START_TEST(a_report_reads_as_it_was_written_and_no_piece_of_it_does)
{
        struct guard_report report = { .contact_ms = UINT64_MAX, .watchdog = true, .order = armed }, back;
        char text[GUARD_REPORT_BYTES], piece[GUARD_REPORT_BYTES];
        size_t length = guard_report_print(&report, text);
        ck_assert_uint_eq(length, strlen(text));
        ck_assert_int_eq(guard_report_parse(text, &back), 0);
        ck_assert_uint_eq(back.contact_ms, UINT64_MAX);
        ck_assert(back.watchdog && back.order.armed);
        ck_assert_uint_eq(back.order.stop_grace_ms, 5000);
        ck_assert_mem_eq(&back.order.voters, &armed.voters, sizeof(back.order.voters));
        for (size_t count = 0; count < length; count++) {
                memcpy(piece, text, count);
                piece[count] = '\0';
                ck_assert_msg(guard_report_parse(piece, &back) == -EBADMSG, "%zu bytes", count);
        }
}
END_TEST

static char directory[] = "/tmp/clu-guard-test-XXXXXX";

static void directory_make(void)
{
        memcpy(strrchr(directory, '-'), "-XXXXXX", sizeof("-XXXXXX"));
        ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void directory_remove(void)
{
        static const char *const names[] = { GUARD_SOCKET_NAME, GUARD_REPORT_NAME, "watchdog" };
        char path[128];
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
                snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
                (void)unlink(path);
        }
        ck_assert_int_eq(rmdir(directory), 0);
}

START_TEST(an_order_reaches_the_keeper_and_its_report_comes_back)
{
        struct guard_client *client;
        struct guard_report report = { .contact_ms = 42, .order = armed }, back;
        uint8_t bytes[GUARD_ORDER_BYTES + 1];
        ck_assert_int_eq(guard_client_new(directory, &client), 0);
        ck_assert_int_eq(guard_client_send(client, &armed), -ENOTCONN);
        ck_assert_int_eq(guard_client_read(client, &back), -ENOENT);

        int keeper = guard_socket_open(directory);
        ck_assert_int_ge(keeper, 0);
        ck_assert_int_eq(guard_client_send(client, &armed), 0);
        ck_assert_int_eq(read(keeper, bytes, sizeof(bytes)), GUARD_ORDER_BYTES);
        close(keeper);
        ck_assert_int_eq(guard_client_send(client, &armed), -ENOTCONN);

        /* The next keeper takes the name over. */
        keeper = guard_socket_open(directory);
        ck_assert_int_ge(keeper, 0);
        ck_assert_int_eq(guard_client_send(client, &armed), 0);
        ck_assert_int_eq(guard_report_write(directory, &report), 0);
        ck_assert_int_eq(guard_client_read(client, &back), 0);
        ck_assert_uint_eq(back.contact_ms, 42);
        ck_assert(!back.watchdog);
        close(keeper);
        guard_client_free(client);
}
END_TEST

/* What the device says to ioctl, in seconds. */
static struct {
        bool there, refuses;
        int least, set;
} device;

int __real_ioctl(int fd, unsigned long request, void *argument);
int __wrap_ioctl(int fd, unsigned long request, void *argument);

int __wrap_ioctl(int fd, unsigned long request, void *argument)
{
        int *seconds = argument;
        if (!device.there)
                return __real_ioctl(fd, request, argument);
        if (request == (unsigned long)WDIOC_GETSUPPORT) {
                ((struct watchdog_info *)argument)->options = WDIOF_MAGICCLOSE;
                return 0;
        }
        if (request == (unsigned long)WDIOC_SETTIMEOUT) {
                if (device.refuses) {
                        errno = EOPNOTSUPP;
                        return -1;
                }
                device.set = *seconds < device.least ? device.least : *seconds;
        }
        *seconds = device.set;
        return 0;
}

static const struct {
        bool refuses;
        int least, set;
        uint32_t asked_ms;
        bool in_time;
} timings[] = {
        { false, 1, 60, 8000, true }, { false, 1, 60, 8999, true }, { false, 10, 60, 8000, false },
        { false, 1, 60, 999, false }, { true, 0, 5, 8000, true }, /* it has one time, and that will do */
        { true, 0, 60, 8000, false }, { false, 1, 60, 1000, true },
};

START_TEST(a_watchdog_that_fires_later_than_asked_for_is_not_in_time)
{
        char path[128];
        snprintf(path, sizeof(path), "%s/watchdog", directory);
        struct watchdog watchdog = { .path = path, .fd = -1 };
        ck_assert_int_eq(mkfifo(path, 0600), 0);
        int reader = open(path, O_RDWR | O_NONBLOCK);
        device.there = true;
        device.refuses = timings[_i].refuses;
        device.least = timings[_i].least;
        device.set = timings[_i].set;
        ck_assert_int_eq(watchdog_start(&watchdog, timings[_i].asked_ms), 0);
        ck_assert_int_eq(watchdog.in_time, timings[_i].in_time);
        watchdog_set_timeout(&watchdog, 120000); /* the guard's times have changed */
        ck_assert(watchdog.in_time);
        watchdog_release(&watchdog);
        ck_assert(!watchdog.in_time);
        device.there = false;
        close(reader);
}
END_TEST

START_TEST(the_watchdog_is_armed_petted_and_released_by_bytes)
{
        char path[128], bytes[8];
        snprintf(path, sizeof(path), "%s/watchdog", directory);
        struct watchdog watchdog = { .path = path, .fd = -1 };
        ck_assert(!watchdog_is_present(&watchdog));
        ck_assert_int_eq(watchdog_start(&watchdog, 8000), -ENOENT);
        ck_assert_int_eq(mkfifo(path, 0600), 0);
        ck_assert(watchdog_is_present(&watchdog));
        ck_assert_int_eq(watchdog_start(&watchdog, 8000), -ENXIO); /* and does not wait for a reader */

        int reader = open(path, O_RDWR | O_NONBLOCK);
        ck_assert_int_eq(watchdog_start(&watchdog, 8000), 0);
        ck_assert(watchdog.in_time);
        ck_assert_int_eq(watchdog_start(&watchdog, 8000), -EEXIST);
        ck_assert_int_eq(watchdog_pet(&watchdog), 0);
        ck_assert_int_eq(read(reader, bytes, sizeof(bytes)), 2);
        watchdog_release(&watchdog);
        ck_assert_int_eq(watchdog.fd, -1);
        ck_assert_int_eq(read(reader, bytes, sizeof(bytes)), 1);
        ck_assert_int_eq(bytes[0], 'V');

        ck_assert_int_eq(watchdog_start(&watchdog, 8000), 0);
        watchdog_abandon(&watchdog);
        ck_assert_int_eq(read(reader, bytes, sizeof(bytes)), 1);
        ck_assert_int_ne(bytes[0], 'V');
        close(reader);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("guard");
        TCase *rule = tcase_create("rule");
        tcase_add_loop_test(rule, the_rule_decides_as_the_table_says, 0,
                            sizeof(decisions) / sizeof(decisions[0]));
        tcase_add_test(rule, the_largest_times_do_not_overflow);
        tcase_add_loop_test(rule, the_word_of_clusterd_moves_contact_forward_only_and_not_into_the_future, 0,
                            6);
        tcase_add_loop_test(rule, the_word_of_the_later_history_counts, 0,
                            sizeof(words_of_voters) / sizeof(words_of_voters[0]));
        tcase_add_test(rule, a_clusterd_that_lags_behind_does_not_bring_old_voters_back);
        tcase_add_test(rule, a_keeper_vouches_only_for_what_its_clusterd_told_it);
        tcase_add_test(rule, while_the_voters_change_a_ring_needs_both_majorities);
        tcase_add_test(rule, only_a_word_that_was_sent_in_this_ring_is_heard);
        tcase_add_test(rule, a_ring_holds_with_more_than_half_of_the_voters);
        tcase_add_test(rule, contact_needs_a_second_probe_sent_after_the_first_came_back);
        tcase_add_test(rule, contact_does_not_count_without_quorum);
        tcase_add_test(rule, a_probe_that_is_late_holds_back_the_next_pair_and_keeps_its_own_time);
        tcase_add_test(rule, a_pair_does_not_reach_across_a_change_of_the_ring);
        suite_add_tcase(suite, rule);
        TCase *words = tcase_create("words");
        tcase_add_test(words, an_order_survives_the_wire);
        tcase_add_test(words, no_piece_of_an_order_is_an_order);
        tcase_add_loop_test(words, a_flipped_bit_gives_no_order_or_another_one, 0, 8 * GUARD_ORDER_BYTES);
        tcase_add_test(words, times_that_cannot_be_meant_are_refused);
        tcase_add_test(words, a_probe_survives_the_wire_and_only_whole);
        tcase_add_test(words, a_report_reads_as_it_was_written_and_no_piece_of_it_does);
        suite_add_tcase(suite, words);
        TCase *files = tcase_create("files");
        tcase_add_checked_fixture(files, directory_make, directory_remove);
        tcase_add_test(files, an_order_reaches_the_keeper_and_its_report_comes_back);
        tcase_add_test(files, the_watchdog_is_armed_petted_and_released_by_bytes);
        tcase_add_loop_test(files, a_watchdog_that_fires_later_than_asked_for_is_not_in_time, 0,
                            sizeof(timings) / sizeof(timings[0]));
        suite_add_tcase(suite, files);
        return suite_run(suite);
}
