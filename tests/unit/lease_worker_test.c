/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The thread that works on a lease area, which is a real file. pread and pwrite
 * of the code under test come here first (the linker's --wrap), to fail at a
 * chosen call, to be lost, or to hang.
 */

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clusterd/base/text.h"
#include "clusterd/io/host.h"
#include "clusterd/io/lease_file.h"
#include "clusterd/io/lease_worker.h"
#include "tests/unit/suite_run.h"

static const struct lease_area_id west = { .cluster = "west", .volume = { 1 } };
static const struct lease_area_id east = { .cluster = "east", .volume = { 2 } };

/* The file system */

static struct {
        pthread_mutex_t mutex;
        pthread_cond_t changed;
        unsigned calls, fail_at, hang_at; /* 0: none */
        bool lose_writes;
        bool hang;        /* every call waits while it is set */
        unsigned hanging; /* calls that wait now */
} disk = { .mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

ssize_t __real_pread(int fd, void *buffer, size_t count, off_t offset);
ssize_t __real_pwrite(int fd, const void *buffer, size_t count, off_t offset);
ssize_t __wrap_pread(int fd, void *buffer, size_t count, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *buffer, size_t count, off_t offset);

/* True: this call is to fail. */
static bool disk_call(void)
{
        pthread_mutex_lock(&disk.mutex);
        disk.hanging++;
        disk.hang = disk.hang || disk.calls + 1 == disk.hang_at;
        pthread_cond_broadcast(&disk.changed);
        while (disk.hang)
                pthread_cond_wait(&disk.changed, &disk.mutex);
        disk.hanging--;
        bool fails = ++disk.calls == disk.fail_at;
        pthread_mutex_unlock(&disk.mutex);
        errno = EIO;
        return fails;
}

ssize_t __wrap_pread(int fd, void *buffer, size_t count, off_t offset)
{
        return disk_call() ? -1 : __real_pread(fd, buffer, count, offset);
}

ssize_t __wrap_pwrite(int fd, const void *buffer, size_t count, off_t offset)
{
        if (disk_call())
                return -1;
        return disk.lose_writes ? (ssize_t)count : __real_pwrite(fd, buffer, count, offset);
}

static void disk_hang(bool hang)
{
        pthread_mutex_lock(&disk.mutex);
        disk.hang = hang;
        pthread_cond_broadcast(&disk.changed);
        pthread_mutex_unlock(&disk.mutex);
}

static void disk_wait_for_a_call(void)
{
        pthread_mutex_lock(&disk.mutex);
        while (!disk.hang || disk.hanging == 0)
                pthread_cond_wait(&disk.changed, &disk.mutex);
        pthread_mutex_unlock(&disk.mutex);
}

/* A directory of its own, and a loop. In the build directory: /tmp may be in memory. */

static char directory[64];
static char path[128];
static qb_loop_t *loop;
static struct mailbox *mailbox;

static struct desk {
        struct lease_worker *worker;
        struct lease_pass_result pass;
        struct lease_sight sight;
        int revoke_error;
        struct lease_visit_result visit;
        unsigned passes, sights, revocations, visits;
} desk, other;

static void set_up(void)
{
        TEXT_COPY(directory, "lease-worker-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(directory));
        TEXT_PRINT(path, "%s/%s", directory, LEASE_FILE_NAME);
        loop = qb_loop_create();
        ck_assert_int_eq(mailbox_new(loop, &mailbox), 0);
}

static void tear_down(void)
{
        mailbox_free(mailbox);
        qb_loop_destroy(loop);
        (void)unlink(path);
        ck_assert_int_eq(rmdir(directory), 0); /* and no draft was left */
}

static void on_pass(void *context, const struct lease_pass_result *result)
{
        struct desk *here = context;
        here->pass = *result;
        here->passes++;
        qb_loop_stop(loop);
}

static void on_sight(void *context, uint32_t node, const struct lease_sight *sight)
{
        struct desk *here = context;
        ck_assert_uint_ge(node, 1);
        here->sight = *sight;
        here->sights++;
        qb_loop_stop(loop);
}

static void on_revoked(void *context, uint32_t node, int error)
{
        struct desk *here = context;
        ck_assert_uint_eq(node, 3);
        here->revoke_error = error;
        here->revocations++;
        qb_loop_stop(loop);
}

static void on_visited(void *context, const struct lease_visit_result *result)
{
        struct desk *here = context;
        here->visit = *result;
        here->visits++;
        qb_loop_stop(loop);
}

static void desk_open(struct desk *here, const char *file, const struct lease_area_id *area)
{
        struct lease_worker_answers answers = { on_pass, on_sight, on_revoked, on_visited, here };
        memset(here, 0, sizeof *here);
        ck_assert_int_eq(lease_worker_new(mailbox, file, area, &answers, &here->worker), 0);
}

static void area_create(const struct lease_area_id *area)
{
        struct lease_area_id owner;
        ck_assert_int_eq(lease_file_create(path, area, &owner), 0);
}

static struct lease_pass pass_of(enum lease_pass_kind kind, uint64_t incarnation, uint64_t sequence)
{
        return (struct lease_pass){
                .kind = kind,
                .record = { .node = 3,
                            .state = kind == LEASE_PASS_RELEASE ? LEASE_RECORD_RELEASED : LEASE_RECORD_HELD,
                            .incarnation = incarnation,
                            .sequence = sequence,
                            .timings = lease_timings_default },
        };
}

static enum lease_pass_outcome pass(enum lease_pass_kind kind, uint64_t incarnation, uint64_t sequence)
{
        struct lease_pass asked = pass_of(kind, incarnation, sequence);
        unsigned before = desk.passes;
        lease_worker_pass(desk.worker, &asked);
        qb_loop_run(loop);
        ck_assert_uint_eq(desk.passes, before + 1);
        ck_assert_uint_ge(desk.pass.ended_ms, desk.pass.started_ms);
        return desk.pass.outcome;
}

/* The first lease on a new area. */
static void hold(void)
{
        area_create(&west);
        desk_open(&desk, path, &west);
        ck_assert_int_eq(pass(LEASE_PASS_BEGIN, 7, 1), LEASE_PASS_DONE);
}

static const struct lease_sight *look(uint32_t node)
{
        unsigned before = desk.sights;
        lease_worker_look(desk.worker, node);
        qb_loop_run(loop);
        ck_assert_uint_eq(desk.sights, before + 1);
        return &desk.sight;
}

START_TEST(a_lease_is_taken_renewed_seen_and_released)
{
        hold();
        ck_assert_int_eq(desk.pass.found, SECTOR_BLANK);
        ck_assert_int_eq(pass(LEASE_PASS_RENEW, 7, 2), LEASE_PASS_DONE);
        ck_assert_int_eq(desk.pass.found, SECTOR_VALID);
        ck_assert_uint_eq(desk.pass.record.sequence, 1);
        ck_assert_int_eq(look(3)->content, SECTOR_VALID);
        ck_assert_uint_eq(desk.sight.record.sequence, 2);
        ck_assert_int_eq(look(4)->content, SECTOR_BLANK);
        ck_assert_int_eq(pass(LEASE_PASS_LOOK, 0, 0), LEASE_PASS_DONE);
        ck_assert_uint_eq(desk.pass.record.sequence, 2);
        ck_assert_int_eq(pass(LEASE_PASS_RELEASE, 7, 3), LEASE_PASS_DONE);
        ck_assert_int_eq(look(3)->record.state, LEASE_RECORD_RELEASED);
        lease_worker_free(desk.worker);
}
END_TEST

START_TEST(a_revocation_is_found_by_the_next_renewal)
{
        struct lease_revocation revocation = { .node = 3, .writer = 1, .incarnation = 7, .epoch = 12 };
        hold();
        ck_assert(!desk.pass.has_revocation);
        lease_worker_revoke(desk.worker, &revocation);
        qb_loop_run(loop);
        ck_assert(desk.revocations == 1 && desk.revoke_error == 0);
        ck_assert_int_eq(pass(LEASE_PASS_RENEW, 7, 2), LEASE_PASS_DONE);
        ck_assert(desk.pass.has_revocation);
        ck_assert_uint_eq(desk.pass.revocation.epoch, 12);
        ck_assert(look(3)->has_revocation);
        lease_worker_free(desk.worker);
}
END_TEST

START_TEST(what_is_not_its_own_is_not_written_over)
{
        hold();
        ck_assert_int_eq(pass(LEASE_PASS_RENEW, 8, 2), LEASE_PASS_REFUSED);
        ck_assert_int_eq(desk.pass.error, 0);
        ck_assert_uint_eq(desk.pass.record.incarnation, 7);
        ck_assert_uint_eq(look(3)->record.sequence, 1);
        lease_worker_free(desk.worker);
}
END_TEST

START_TEST(another_clusters_area_is_not_touched)
{
        area_create(&east);
        desk_open(&desk, path, &west);
        ck_assert_int_eq(pass(LEASE_PASS_BEGIN, 7, 1), LEASE_PASS_FAILED);
        ck_assert_int_eq(desk.pass.error, -EPERM);
        ck_assert_int_eq(look(3)->error, -EPERM);
        lease_worker_free(desk.worker);
}
END_TEST

/* Somebody has put another area into the place of ours, over the same file or beside it. */
static void exchange(const struct lease_area_id *area, bool in_place)
{
        static _Alignas(SECTOR_BYTES) uint8_t bytes[LEASE_AREA_BYTES];
        lease_area_encode(area, bytes);
        if (!in_place)
                ck_assert_int_eq(unlink(path), 0);
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        ck_assert_int_eq(write(fd, bytes, sizeof bytes), sizeof bytes);
        ck_assert_int_eq(close(fd), 0);
}

START_TEST(what_has_become_another_clusters_is_not_touched)
{
        struct lease_revocation revocation = { .node = 3, .writer = 1, .incarnation = 7, .epoch = 12 };
        hold();
        exchange(&east, _i == 0);
        ck_assert_int_ne(pass(LEASE_PASS_RENEW, 7, 2), LEASE_PASS_DONE);
        ck_assert_int_eq(pass(LEASE_PASS_BEGIN, 8, 1), LEASE_PASS_FAILED);
        ck_assert_int_eq(desk.pass.error, -EPERM);
        exchange(&west, true);
        ck_assert_int_eq(pass(LEASE_PASS_BEGIN, 8, 1), LEASE_PASS_DONE);
        exchange(&east, _i == 0);
        lease_worker_revoke(desk.worker, &revocation);
        qb_loop_run(loop);
        ck_assert_int_eq(desk.revoke_error, -EPERM);
        lease_worker_free(desk.worker);
}
END_TEST

START_TEST(an_area_that_was_put_back_from_a_copy_is_the_one_that_is_renewed)
{
        hold();
        exchange(&west, false);
        ck_assert_int_eq(pass(LEASE_PASS_RENEW, 7, 2),
                         LEASE_PASS_REFUSED); /* and not in the file that is gone */
        ck_assert_int_eq(pass(LEASE_PASS_BEGIN, 8, 1), LEASE_PASS_DONE);
        ck_assert_int_eq(unlink(path), 0);
        ck_assert_int_eq(pass(LEASE_PASS_RENEW, 8, 2), LEASE_PASS_FAILED);
        ck_assert_int_eq(desk.pass.error, -ENOENT);
        ck_assert_int_eq(look(3)->error, -ENOENT);
        lease_worker_free(desk.worker);
}
END_TEST

/* Calls of a first renewal: the header, the sectors, the write, the sectors again. */
START_TEST(an_error_at_any_call_fails_the_pass_and_the_next_one_passes)
{
        hold();
        lease_worker_free(desk.worker);
        desk_open(&desk, path, &west);
        disk.calls = 0;
        disk.fail_at = (unsigned)_i;
        ck_assert_int_eq(pass(LEASE_PASS_RENEW, 7, 2), _i <= 4 ? LEASE_PASS_FAILED : LEASE_PASS_DONE);
        ck_assert_int_eq(desk.pass.error, _i <= 4 ? -EIO : 0);
        ck_assert_int_eq(pass(LEASE_PASS_RENEW, 7, 3), _i == 5 ? LEASE_PASS_FAILED : LEASE_PASS_DONE);
        ck_assert_int_eq(pass(LEASE_PASS_RENEW, 7, 4), LEASE_PASS_DONE);
        disk.fail_at = 0;
        lease_worker_free(desk.worker);
}
END_TEST

START_TEST(a_write_that_the_volume_forgets_renews_nothing)
{
        hold();
        disk.lose_writes = true;
        ck_assert_int_eq(pass(LEASE_PASS_RENEW, 7, 2), LEASE_PASS_FAILED);
        ck_assert_int_eq(desk.pass.error, -EIO);
        disk.lose_writes = false;
        lease_worker_free(desk.worker);
}
END_TEST

START_TEST(an_area_that_is_cut_off_says_so)
{
        hold();
        ck_assert_int_eq(truncate(path, SECTOR_BYTES), 0);
        ck_assert_int_eq(pass(LEASE_PASS_RENEW, 7, 2), LEASE_PASS_FAILED);
        ck_assert_int_eq(desk.pass.error, -ENODATA);
        ck_assert_int_eq(pass(LEASE_PASS_RENEW, 7, 3), LEASE_PASS_FAILED);
        ck_assert_int_eq(desk.pass.error, -EBADMSG);
        lease_worker_free(desk.worker);
}
END_TEST

static void on_turn(void *context)
{
        (*(unsigned *)context)++;
        qb_loop_stop(loop);
}

START_TEST(a_volume_that_hangs_holds_up_nobody_and_its_answer_comes_late)
{
        struct lease_pass asked = pass_of(LEASE_PASS_BEGIN, 7, 1);
        uint64_t meanwhile_ms;
        unsigned turns = 0;
        area_create(&west);
        desk_open(&desk, path, &west);
        disk_hang(true);
        lease_worker_pass(desk.worker, &asked);
        lease_worker_look(desk.worker, 3);
        disk_wait_for_a_call();
        ck_assert_int_eq(qb_loop_job_add(loop, QB_LOOP_MED, &turns, on_turn), 0);
        qb_loop_run(loop);
        ck_assert(turns == 1 && desk.passes == 0 && desk.sights == 0);
        meanwhile_ms = clock_boot_ms();
        disk_hang(false);
        while (desk.sights == 0)
                qb_loop_run(loop);
        ck_assert_uint_eq(desk.passes, 1);
        ck_assert_int_eq(desk.pass.outcome, LEASE_PASS_DONE);
        /* It counts from before it hung. */
        ck_assert(desk.pass.started_ms <= meanwhile_ms && meanwhile_ms <= desk.pass.ended_ms);
        ck_assert_uint_eq(desk.sight.record.sequence, 1);
        lease_worker_free(desk.worker);
}
END_TEST

/* With the first pass under way, and with its answer already in the mailbox. */
START_TEST(a_worker_that_hangs_can_be_freed_and_says_nothing_any_more)
{
        struct lease_pass asked = pass_of(LEASE_PASS_BEGIN, 7, 1);
        char file[160];
        area_create(&west);
        desk_open(&desk, path, &west);
        disk.hang_at = disk.calls + (_i == 0 ? 1 : 5);
        lease_worker_pass(desk.worker, &asked);
        lease_worker_look(desk.worker, 3);
        disk_wait_for_a_call();
        lease_worker_free(desk.worker);
        disk_hang(false);
        /* Another one still is answered, and it alone. */
        TEXT_PRINT(file, "%s/none", directory);
        desk_open(&other, file, &west);
        lease_worker_look(other.worker, 1);
        while (other.sights == 0)
                qb_loop_run(loop);
        ck_assert_int_eq(other.sight.error, -ENOENT);
        ck_assert(desk.passes == 0 && desk.sights == 0);
        lease_worker_free(other.worker);
}
END_TEST

/* Visits */

static const struct lease_visit_result *visit(struct desk *here, uint32_t node, uint64_t boot, bool create)
{
        struct lease_visit asked = { .mark = { .node = node, .boot = boot, .sequence = 1 },
                                     .create = create,
                                     .measure = create,
                                     .expected = 7,
                                     .boots = { [1] = 11, [2] = 12, [3] = 13 } };
        unsigned before = here->visits;
        lease_worker_visit(here->worker, &asked);
        while (here->visits == before)
                qb_loop_run(loop);
        return &here->visit;
}

START_TEST(a_visit_leaves_a_mark_and_sees_those_of_others)
{
        desk_open(&desk, path, &west);
        desk_open(&other, path, &west);
        ck_assert_int_eq(visit(&desk, 1, 11, false)->error, -ENOENT); /* nothing is made unasked */
        ck_assert_int_eq(visit(&desk, 1, 11, true)->error, 0);
        ck_assert_uint_eq(desk.visit.seen, 1);
        ck_assert_uint_gt(desk.visit.size_bytes, desk.visit.free_bytes);
        ck_assert_uint_eq(visit(&other, 2, 12, true)->seen, 3);
        ck_assert_uint_eq(visit(&desk, 1, 11, false)->seen, 3);
        ck_assert_uint_eq(visit(&other, 2, 99, false)->seen, 1); /* another boot is not the one expected */
        lease_worker_free(desk.worker);
        lease_worker_free(other.worker);
}
END_TEST

START_TEST(a_visit_finds_what_stands_there_now)
{
        desk_open(&desk, path, &west);
        ck_assert_int_eq(visit(&desk, 1, 11, true)->error, 0);
        ck_assert_int_eq(unlink(path), 0); /* as when it was unmounted */
        ck_assert_int_eq(visit(&desk, 1, 11, false)->error, -ENOENT);
        area_create(&east);
        ck_assert_int_eq(visit(&desk, 1, 11, true)->error, -EPERM);
        ck_assert_str_eq(desk.visit.owner.cluster, "east");
        lease_worker_free(desk.worker);
}
END_TEST

START_TEST(a_visit_that_an_error_spoils_is_followed_by_a_good_one)
{
        desk_open(&desk, path, &west);
        ck_assert_int_eq(visit(&desk, 1, 11, true)->error, 0);
        disk.fail_at = disk.calls + (unsigned)_i;
        ck_assert_int_eq(visit(&desk, 1, 11, false)->error, -EIO);
        ck_assert_int_eq(visit(&desk, 1, 11, false)->error, 0);
        disk.lose_writes = true;
        ck_assert_int_eq(visit(&desk, 1, 77, false)->error, -EIO);
        lease_worker_free(desk.worker);
}
END_TEST

START_TEST(a_retired_worker_takes_its_area_with_it)
{
        desk_open(&desk, path, &west);
        desk_open(&other, path, &east);
        ck_assert_int_eq(visit(&desk, 1, 11, true)->error, 0);
        lease_worker_retire(other.worker); /* not its own */
        ck_assert_int_eq(visit(&desk, 1, 11, false)->error, 0);
        lease_worker_retire(desk.worker);
        while (access(path, F_OK) == 0)
                (void)sched_yield();
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("lease_worker");
        TCase *worker = tcase_create("worker");
        tcase_add_checked_fixture(worker, set_up, tear_down);
        tcase_add_test(worker, a_lease_is_taken_renewed_seen_and_released);
        tcase_add_test(worker, a_revocation_is_found_by_the_next_renewal);
        tcase_add_test(worker, what_is_not_its_own_is_not_written_over);
        tcase_add_test(worker, another_clusters_area_is_not_touched);
        tcase_add_loop_test(worker, what_has_become_another_clusters_is_not_touched, 0, 2);
        tcase_add_test(worker, an_area_that_was_put_back_from_a_copy_is_the_one_that_is_renewed);
        tcase_add_loop_test(worker, an_error_at_any_call_fails_the_pass_and_the_next_one_passes, 1, 6);
        tcase_add_test(worker, a_write_that_the_volume_forgets_renews_nothing);
        tcase_add_test(worker, an_area_that_is_cut_off_says_so);
        tcase_add_test(worker, a_volume_that_hangs_holds_up_nobody_and_its_answer_comes_late);
        tcase_add_loop_test(worker, a_worker_that_hangs_can_be_freed_and_says_nothing_any_more, 0, 2);
        tcase_add_test(worker, a_visit_leaves_a_mark_and_sees_those_of_others);
        tcase_add_test(worker, a_visit_finds_what_stands_there_now);
        tcase_add_loop_test(worker, a_visit_that_an_error_spoils_is_followed_by_a_good_one, 1, 5);
        tcase_add_test(worker, a_retired_worker_takes_its_area_with_it);
        suite_add_tcase(suite, worker);
        return suite_run(suite);
}
