/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/iscsi_confirm.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "clusterd/base/text.h"
#include "iscsi-gateway/confirmation.h"
#include "iscsi-gateway/iscsi_session.h"
#include "tests/unit/suite_run.h"

/* Gateways ask by their own code; the test is the core in between. */

static char directory[] = "/tmp/iscsi_confirm_test.XXXXXX";
static char path[64];
static qb_loop_t *loop;
static struct iscsi_confirm *confirm;
static struct cluster_event last;
static int asked;
static uint64_t clock_ms;

uint64_t iscsi_now_ms(void)
{
        return clock_ms;
}

static void on_confirm(void *context, const struct cluster_event *event)
{
        (void)context;
        last = *event;
        asked++;
}

static int32_t on_turn(void *data)
{
        (void)data;
        qb_loop_stop(loop);
        return 0;
}

/* Whatever has come by now is heard. */
static void turn(void)
{
        for (int i = 0; i < 3; i++) {
                ck_assert_int_eq(qb_loop_timer_add(loop, QB_LOOP_LOW, 2000000, NULL, (void *)on_turn, NULL),
                                 0);
                qb_loop_run(loop);
        }
}

static void begin(void)
{
        ck_assert_ptr_nonnull(mkdtemp(directory));
        TEXT_PRINT(path, "%s/iscsi", directory);
        ck_assert_int_eq(mkdir(path, 0700), 0);
        TEXT_PRINT(path, "%s/iscsi/cluster", directory);
        loop = qb_loop_create();
        ck_assert_int_eq(iscsi_confirm_new(loop, directory, on_confirm, NULL, &confirm), 0);
}

static void end(void)
{
        iscsi_confirm_free(confirm);
        qb_loop_destroy(loop);
        (void)unlink(path);
        *strrchr(path, '/') = '\0';
        (void)rmdir(path);
        (void)rmdir(directory);
}

static struct confirmation gateway(const char *role, const char *generation)
{
        return (struct confirmation){ .socket = path, .role = role, .generation = generation, .fd = -1 };
}

static bool step(struct confirmation *confirmation)
{
        clock_ms += 500;
        bool answered = confirmation_step(confirmation, clock_ms);
        turn();
        return answered;
}

static void answer(const char *role, uint64_t generation, uint64_t question)
{
        struct cluster_action action = { .kind = CLUSTER_ACTION_CONFIRM };
        TEXT_COPY(action.confirm.role, role);
        action.confirm.generation = generation;
        action.confirm.question = question;
        iscsi_confirm_answer(confirm, &action);
}

START_TEST(who_asks_is_answered)
{
        struct confirmation one = gateway("vm01", "7");
        ck_assert(!step(&one));
        ck_assert_int_eq(asked, 1);
        ck_assert_str_eq(last.confirm.role, "vm01");
        ck_assert_uint_eq(last.confirm.generation, 7);
        ck_assert(!step(&one)); /* again, the same question */
        ck_assert_int_eq(asked, 2);
        ck_assert_uint_eq(last.confirm.question, 1);
        answer("vm01", 7, 1);
        ck_assert(step(&one));
        ck_assert_int_eq(one.fd, -1);
}
END_TEST

START_TEST(only_those_that_are_meant_are_answered)
{
        struct confirmation first = gateway("vm01", "7"), later = gateway("vm01", "7"),
                            of_before = gateway("vm01", "6"), other = gateway("vm02", "7");
        ck_assert(!step(&first) && !step(&of_before) && !step(&other) && !step(&later));
        answer("vm01", 7, 3);
        ck_assert(!step(&of_before) && !step(&other) && !step(&later));
        ck_assert(step(&first));
        confirmation_begin(&later);
        confirmation_begin(&of_before);
        confirmation_begin(&other);
}
END_TEST

/* The answer to what was asked after an earlier registration is not one to what is asked now. */
START_TEST(what_was_asked_before_is_not_heard)
{
        struct confirmation one = gateway("vm01", "7");
        ck_assert(!step(&one));
        answer("vm01", 7, 1);
        confirmation_begin(&one);
        ck_assert(!step(&one));
        ck_assert_uint_eq(last.confirm.question, 2);
        confirmation_begin(&one);
}
END_TEST

START_TEST(the_next_clusterd_is_asked)
{
        struct confirmation one = gateway("vm01", "7");
        ck_assert(!step(&one));
        iscsi_confirm_free(confirm);
        confirm = NULL;
        ck_assert(!step(&one) && !step(&one));
        ck_assert_int_eq(iscsi_confirm_new(loop, directory, on_confirm, NULL, &confirm), 0);
        ck_assert(!step(&one));
        ck_assert_int_eq(asked, 2);
        answer("vm01", 7, 1);
        ck_assert(step(&one));
}
END_TEST

START_TEST(nonsense_is_sent_away)
{
        static const char *const words[] = { "", "vm01", "7", "7 ", "x vm01" };
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
                struct sockaddr_un address = { .sun_family = AF_UNIX };
                char ignored;
                TEXT_COPY(address.sun_path, path);
                int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
                ck_assert_int_eq(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
                ck_assert_int_ge(send(fd, words[i], strlen(words[i]), 0), 0);
                turn();
                ck_assert_int_eq(recv(fd, &ignored, 1, MSG_DONTWAIT), 0);
                (void)close(fd);
        }
        ck_assert_int_eq(asked, 0);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("iscsi_confirm");
        TCase *tcase = tcase_create("iscsi_confirm");
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, who_asks_is_answered);
        tcase_add_test(tcase, only_those_that_are_meant_are_answered);
        tcase_add_test(tcase, what_was_asked_before_is_not_heard);
        tcase_add_test(tcase, the_next_clusterd_is_asked);
        tcase_add_test(tcase, nonsense_is_sent_away);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
