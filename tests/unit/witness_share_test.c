/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The witness as a real file, and the thread that asks it. stat, pread, pwrite
 * and fsync of the code under test come here first (the linker's --wrap), to fail
 * or be cut short at a chosen call, to be lost, or to hang.
 */

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clusterd/base/text.h"
#include "clusterd/io/host.h"
#include "clusterd/io/witness_share.h"
#include "tests/unit/suite_run.h"

static const struct witness_id west = { .cluster = "west", .identity = 1 };
static const struct witness_id east = { .cluster = "west", .identity = 2 };

/* The share */

enum fate { FATE_FAILS, FATE_IS_STALE, FATE_IS_SHORT, FATE_COUNT };

static struct {
        pthread_mutex_t mutex;
        pthread_cond_t changed;
        unsigned calls, strike_at; /* 0: none */
        enum fate fate;
        bool lose_writes, hang;
        unsigned hanging;
} share_fault = { .mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

ssize_t __real_pread(int fd, void *buffer, size_t count, off_t offset);
ssize_t __real_pwrite(int fd, const void *buffer, size_t count, off_t offset);
int __real_fsync(int fd);
ssize_t __wrap_pread(int fd, void *buffer, size_t count, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *buffer, size_t count, off_t offset);
int __wrap_fsync(int fd);

/* True: this call is struck. */
static bool call(void)
{
        pthread_mutex_lock(&share_fault.mutex);
        share_fault.hanging++;
        pthread_cond_broadcast(&share_fault.changed);
        while (share_fault.hang)
                pthread_cond_wait(&share_fault.changed, &share_fault.mutex);
        share_fault.hanging--;
        bool struck = ++share_fault.calls == share_fault.strike_at;
        pthread_mutex_unlock(&share_fault.mutex);
        errno = share_fault.fate == FATE_IS_STALE ? ESTALE : EIO;
        return struck;
}

ssize_t __wrap_pread(int fd, void *buffer, size_t count, off_t offset)
{
        if (!call())
                return __real_pread(fd, buffer, count, offset);
        return share_fault.fate == FATE_IS_SHORT ? __real_pread(fd, buffer, count / 2, offset) : -1;
}

/* Cut short in the middle of what counts. */
static ssize_t write_half(int fd, const void *buffer, off_t offset)
{
        uint8_t torn[WITNESS_RECORD_BYTES];
        int plain = fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_DIRECT);
        ck_assert_int_eq(plain, 0);
        memcpy(torn, buffer, sizeof torn);
        return __real_pwrite(fd, torn, 100, offset);
}

ssize_t __wrap_pwrite(int fd, const void *buffer, size_t count, off_t offset)
{
        if (call())
                return share_fault.fate == FATE_IS_SHORT ? write_half(fd, buffer, offset) : -1;
        return share_fault.lose_writes ? (ssize_t)count : __real_pwrite(fd, buffer, count, offset);
}

int __real_stat(const char *name, struct stat *status);
int __wrap_stat(const char *name, struct stat *status);

int __wrap_stat(const char *name, struct stat *status)
{
        return call() ? -1 : __real_stat(name, status);
}

int __wrap_fsync(int fd)
{
        return call() ? -1 : __real_fsync(fd);
}

static void hang(bool on)
{
        pthread_mutex_lock(&share_fault.mutex);
        share_fault.hang = on;
        pthread_cond_broadcast(&share_fault.changed);
        pthread_mutex_unlock(&share_fault.mutex);
}

static void strike(unsigned at, enum fate fate)
{
        share_fault.calls = 0;
        share_fault.strike_at = at;
        share_fault.fate = fate;
}

/* A directory of its own, and a loop. In the build directory: /tmp may be in memory. */

static char directory[64], path[128], new_path[136];
static qb_loop_t *loop;
static struct mailbox *mailbox;

static struct desk {
        struct witness_share *share;
        struct witness_question question;
        struct witness_answer answer;
        unsigned answers;
} desk;

static void on_answer(void *context, const struct witness_question *question,
                      const struct witness_answer *answer)
{
        struct desk *here = context;
        here->question = *question;
        here->answer = *answer;
        here->answers++;
        qb_loop_stop(loop);
}

static void set_up(void)
{
        TEXT_COPY(directory, "witness-share-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(directory));
        TEXT_PRINT(path, "%s/%s", directory, WITNESS_FILE_NAME);
        TEXT_PRINT(new_path, "%s.new", path);
        loop = qb_loop_create();
        ck_assert_int_eq(mailbox_new(loop, &mailbox), 0);
        ck_assert_int_eq(witness_file_create(path, &west), 0);
        memset(&desk, 0, sizeof desk);
        ck_assert_int_eq(witness_share_new(loop, mailbox, path, &west, on_answer, &desk, &desk.share), 0);
        strike(0, FATE_FAILS);
}

static void tear_down(void)
{
        witness_share_free(desk.share);
        mailbox_free(mailbox);
        qb_loop_destroy(loop);
        (void)unlink(path);
        ck_assert_int_eq(rmdir(directory), 0); /* and no draft was left */
}

static struct witness_state state_of(uint64_t epoch)
{
        return witness_state_make(epoch, 3);
}

static struct witness_question question_of(enum witness_question_kind kind, uint64_t state, uint64_t epoch)
{
        return (struct witness_question){ .kind = kind, .node = 2, .state = state_of(state), .epoch = epoch };
}

static struct witness_answer ask(enum witness_question_kind kind, uint64_t state, uint64_t epoch)
{
        struct witness_question question = question_of(kind, state, epoch);
        unsigned before = desk.answers;
        witness_share_ask(desk.share, &question, 10000);
        qb_loop_run(loop);
        ck_assert_uint_eq(desk.answers, before + 1);
        ck_assert_int_eq(desk.question.kind, kind);
        return desk.answer;
}

/* Not through the thread: as another node. */
static struct witness_answer ask_directly(enum witness_question_kind kind, uint64_t state, uint64_t epoch)
{
        struct witness_question question = question_of(kind, state, epoch);
        struct witness_answer answer;
        witness_file_ask(path, &west, &question, UINT64_MAX, &answer);
        return answer;
}

START_TEST(it_promises_and_advances_as_the_rule_says)
{
        ck_assert_uint_eq(ask(WITNESS_LOOK, 0, 0).tag.promised, 0);
        ck_assert_int_eq(ask(WITNESS_PROMISE, 0, 5).outcome, WITNESS_DONE);
        ck_assert_int_eq(ask(WITNESS_PROMISE, 0, 5).outcome, WITNESS_REFUSED);
        ck_assert_int_eq(ask(WITNESS_ADVANCE, 4, 0).outcome, WITNESS_REFUSED);
        ck_assert_int_eq(ask(WITNESS_ADVANCE, 5, 0).outcome, WITNESS_DONE);
        ck_assert_int_eq(ask(WITNESS_PROMISE, 4, 6).outcome, WITNESS_REFUSED); /* a history of the past */
        struct witness_answer answer = ask_directly(WITNESS_LOOK, 0, 0);
        ck_assert_uint_eq(answer.tag.promised, 5);
        ck_assert_uint_eq(answer.tag.newest.epoch, 5);
}
END_TEST

START_TEST(what_is_there_is_never_made_anew)
{
        ck_assert_int_eq(ask(WITNESS_PROMISE, 0, 5).outcome, WITNESS_DONE);
        ck_assert_int_eq(witness_file_create(path, &west), -EEXIST);
        ck_assert_uint_eq(ask(WITNESS_LOOK, 0, 0).tag.promised, 5);
        ck_assert_int_eq(witness_file_remove(path, &east), -EPERM);
        ck_assert_int_eq(witness_file_remove(path, &west), 0);
        ck_assert_int_eq(ask(WITNESS_LOOK, 0, 0).error, -ENOENT);
}
END_TEST

/* Fails, is stale, or is cut short at each call: what was told is never lost, and the next question is
 * answered. */
START_TEST(whatever_fails_nothing_that_was_told_is_lost)
{
        ck_assert_int_eq(ask(WITNESS_PROMISE, 0, 5).outcome, WITNESS_DONE);
        for (unsigned at = 1;; at++) {
                uint64_t told = ask(WITNESS_LOOK, 0, 0).tag.promised;
                strike(at, (enum fate)_i);
                struct witness_answer answer = ask(WITNESS_PROMISE, 0, told + 1);
                bool struck = share_fault.calls >= at;
                strike(0, FATE_FAILS);
                if (!struck) {
                        ck_assert_int_eq(answer.outcome, WITNESS_DONE);
                        ck_assert_uint_ge(at, 8); /* looked at; read; two copies, each durable; read back */
                        return;
                }
                ck_assert_int_eq(answer.outcome, WITNESS_FAILED);
                ck_assert_int_ne(answer.error, 0);
                uint64_t now = ask(WITNESS_LOOK, 0, 0).tag.promised;
                ck_assert_msg(now == told || now == told + 1, "call %u: %llu after %llu", at,
                              (unsigned long long)now, (unsigned long long)told);
                ck_assert_int_eq(ask(WITNESS_PROMISE, 0, now + 1).outcome, WITNESS_DONE);
        }
}
END_TEST

START_TEST(a_share_that_forgets_what_is_written_has_not_promised)
{
        share_fault.lose_writes = true;
        struct witness_answer answer = ask(WITNESS_PROMISE, 0, 5);
        share_fault.lose_writes = false;
        ck_assert_int_eq(answer.outcome, WITNESS_FAILED);
        ck_assert_int_eq(answer.error, -EIO);
}
END_TEST

START_TEST(what_is_no_witness_of_ours_is_left_alone)
{
        static const char junk[] = "junk";
        ck_assert_int_eq(unlink(path), 0);
        if (_i == 0) {
                ck_assert_int_eq(witness_file_create(path, &east), 0);
                ck_assert_int_eq(ask(WITNESS_PROMISE, 0, 5).error, -EPERM);
        } else if (_i == 1) {
                int fd = open(path, O_WRONLY | O_CREAT, 0600);
                ck_assert_int_eq(write(fd, junk, sizeof junk), (ssize_t)sizeof junk);
                ck_assert_int_eq(close(fd), 0);
                ck_assert_int_eq(ask(WITNESS_PROMISE, 0, 5).error, -EBADMSG);
        } else {
                ck_assert_int_eq(symlink("/dev/null", path), 0);
                ck_assert_int_eq(ask(WITNESS_PROMISE, 0, 5).error, -EBADMSG);
        }
}
END_TEST

static int lock_taken(void)
{
        struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
        int fd = open(path, O_RDWR | O_CLOEXEC);
        ck_assert_int_eq(fcntl(fd, F_OFD_SETLK, &lock), 0);
        return fd;
}

static struct witness_answer ask_for(uint32_t timeout_ms)
{
        struct witness_question question = question_of(WITNESS_PROMISE, 0, 5);
        witness_share_ask(desk.share, &question, timeout_ms);
        qb_loop_run(loop);
        return desk.answer;
}

/* What was asked long ago must not be done when nobody waits for it any more. */
START_TEST(who_waits_for_the_lock_too_long_does_nothing)
{
        int fd = lock_taken();
        ck_assert_int_eq(ask_for(20).error, -ETIMEDOUT);
        ck_assert_int_eq(ask_for(20).error, -EBUSY);
        ck_assert_int_eq(close(fd), 0);
        struct witness_answer answer;
        do
                answer = ask(WITNESS_LOOK, 0, 0);
        while (answer.error == -EBUSY);
        ck_assert_int_eq(answer.outcome, WITNESS_DONE);
        ck_assert_uint_eq(answer.tag.promised, 0);
        ck_assert_uint_eq(desk.question.kind, WITNESS_LOOK);
}
END_TEST

START_TEST(a_share_that_hangs_is_silent_and_its_late_answer_is_dropped)
{
        hang(true);
        ck_assert_int_eq(ask_for(20).error, -ETIMEDOUT);
        ck_assert_int_eq(ask_for(10000).error, -EBUSY);
        ck_assert_int_eq(desk.answer.outcome, WITNESS_FAILED);
        unsigned answers = desk.answers;
        hang(false);
        struct witness_answer answer;
        unsigned asked = 0;
        do {
                answer = ask(WITNESS_LOOK, 0, 0);
                asked++;
        } while (answer.error == -EBUSY);
        ck_assert_uint_eq(desk.answers, answers + asked);
        ck_assert_int_eq(answer.outcome, WITNESS_DONE);
}
END_TEST

START_TEST(freeing_does_not_wait_for_a_share_that_hangs)
{
        hang(true);
        ck_assert_int_eq(ask_for(20).error, -ETIMEDOUT);
        witness_share_free(desk.share);
        desk.share = NULL;
        hang(false);
}
END_TEST

/* Removed and set anew while somebody waits: the old file promises nothing. */
START_TEST(a_file_that_was_replaced_is_stale)
{
        struct witness_question question = question_of(WITNESS_PROMISE, 0, 5);
        ck_assert_int_eq(witness_file_create(new_path, &west), 0);
        hang(true);
        witness_share_ask(desk.share, &question, 20000);
        pthread_mutex_lock(&share_fault.mutex);
        while (share_fault.hanging == 0) /* it is open, and looks whether it is still there */
                pthread_cond_wait(&share_fault.changed, &share_fault.mutex);
        pthread_mutex_unlock(&share_fault.mutex);
        ck_assert_int_eq(rename(new_path, path), 0);
        hang(false);
        qb_loop_run(loop);
        ck_assert_int_eq(desk.answer.error, -ESTALE);
        ck_assert_uint_eq(ask(WITNESS_LOOK, 0, 0).tag.promised, 0);
}
END_TEST

#define RACERS 4
#define EPOCHS 50

static bool promised[RACERS][EPOCHS + 1];

static void *race(void *context)
{
        bool *mine = context;
        for (uint64_t epoch = 1; epoch <= EPOCHS; epoch++)
                mine[epoch] = ask_directly(WITNESS_PROMISE, 0, epoch).outcome == WITNESS_DONE;
        return NULL;
}

START_TEST(of_several_nodes_one_gets_each_promise)
{
        pthread_t threads[RACERS];
        unsigned given = 0;
        for (size_t i = 0; i < RACERS; i++)
                ck_assert_int_eq(pthread_create(&threads[i], NULL, race, promised[i]), 0);
        for (size_t i = 0; i < RACERS; i++)
                ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
        for (size_t epoch = 1; epoch <= EPOCHS; epoch++) {
                unsigned winners = 0;
                for (size_t i = 0; i < RACERS; i++)
                        winners += promised[i][epoch];
                ck_assert_uint_le(winners, 1);
                given += winners;
        }
        ck_assert_uint_gt(given, 0);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("witness share");
        TCase *tcase = tcase_create("witness share");
        tcase_set_timeout(tcase, 30);
        tcase_add_checked_fixture(tcase, set_up, tear_down);
        tcase_add_test(tcase, it_promises_and_advances_as_the_rule_says);
        tcase_add_test(tcase, what_is_there_is_never_made_anew);
        tcase_add_loop_test(tcase, whatever_fails_nothing_that_was_told_is_lost, 0, FATE_COUNT);
        tcase_add_test(tcase, a_share_that_forgets_what_is_written_has_not_promised);
        tcase_add_loop_test(tcase, what_is_no_witness_of_ours_is_left_alone, 0, 3);
        tcase_add_test(tcase, who_waits_for_the_lock_too_long_does_nothing);
        tcase_add_test(tcase, a_share_that_hangs_is_silent_and_its_late_answer_is_dropped);
        tcase_add_test(tcase, freeing_does_not_wait_for_a_share_that_hangs);
        tcase_add_test(tcase, a_file_that_was_replaced_is_stale);
        tcase_add_test(tcase, of_several_nodes_one_gets_each_promise);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
