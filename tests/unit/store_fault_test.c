/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/fault_vfs.h"
#include "tests/unit/store_fixture.h"
#include "tests/unit/suite_run.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * Countdown faults: the same work with the 1st, 2nd, 3rd, ... call that
 * changes the disk failing, until none is left to fail. Whatever fails,
 * what was reported is there, all of it, in order.
 */

#define BATCHES   6u
#define PER_BATCH 4u
#define STUCK     UINT32_MAX /* until somebody heard of it, as when space is freed */

static const struct {
        const char *what;
        int code;
        uint32_t length;
} faults[] = {
        { "disk full once", SQLITE_FULL, 1 },
        { "disk full until freed", SQLITE_FULL, STUCK },
        { "write error, three in a row", SQLITE_IOERR_WRITE, 3 },
        { "sync error", SQLITE_IOERR_FSYNC, 1 },
        { "became read-only until remounted", SQLITE_READONLY, STUCK },
};

static void see(void *context, const struct entry *entry)
{
        uint64_t *last = context;
        ck_assert_uint_eq(entry->index, *last + 1); /* no gap, none twice */
        *last = entry->index;
}

/* Of what was reported; a fork's one entry may be cut off since, and that not be reported yet. */
static uint64_t surely_there(uint64_t reported)
{
        return reported - reported % PER_BATCH;
}

/* Nothing is reported before another connection can read it. */
static void check_readable(struct store_fixture *fixture, uint64_t index)
{
        uint64_t last = 0;
        ck_assert_int_eq(store_read_entries(fixture->store, 1, see, &last), 0);
        ck_assert_uint_ge(last, surely_there(index));
}

static void free_space(struct store_fixture *fixture)
{
        (void)fixture;
        fault_vfs_disarm();
}

/* One batch: entries, a row, a promise, and every second time a tail that is cut off again. */
static void work(struct store_fixture *fixture, struct history *history, uint32_t batch)
{
        struct object role = object_of_role("vm01", NULL);
        struct ledger_position last = { 0 };
        for (uint32_t at = 0; at < PER_BATCH; at++) {
                struct command note = command_of_note(batch * PER_BATCH + at);
                last = history_append(history, fixture->store, &note);
        }
        role.role.generation = batch;
        store_put_object(fixture->store, &role);
        store_promise(fixture->store, batch + 1);
        store_applied(fixture->store, &last);
        if (batch % 2 == 1) {
                struct history fork = *history;
                struct command note = command_of_note(99);
                store_flush(fixture->store);
                history_append(&fork, fixture->store, &note);
                store_flush(fixture->store);
                store_truncate(fixture->store, history->position.index);
        }
        store_flush(fixture->store);
}

static bool all_written(struct store_fixture *fixture)
{
        return fixture->stored_promised == BATCHES && fixture->stored_index == BATCHES * PER_BATCH;
}

static void see_role(void *context, const struct object *object)
{
        *(uint64_t *)context = object->role.generation;
}

static void check_all_there(struct store_fixture *fixture)
{
        struct store_state state;
        struct store_verdict verdict;
        char error[STORE_ERROR_BYTES] = "";
        uint64_t last = 0, generation = 0;
        ck_assert_int_eq(store_read_state(fixture->store, &state), 0);
        ck_assert_uint_eq(state.last_index, BATCHES * PER_BATCH);
        ck_assert_uint_eq(state.applied.index, BATCHES * PER_BATCH);
        ck_assert_uint_eq(state.promised, BATCHES);
        ck_assert_int_eq(store_read_entries(fixture->store, 1, see, &last), 0);
        ck_assert_uint_eq(last, BATCHES * PER_BATCH);
        ck_assert_int_eq(store_read_objects(fixture->store, see_role, &generation), 0);
        ck_assert_uint_eq(generation, BATCHES - 1);
        ck_assert_msg(store_verify(fixture->path, &verdict, error) == 0, "%s", error);
        ck_assert_msg(verdict.bad_index == 0, "%s", verdict.text);
}

/* False: the countdown was longer than the work. */
static bool survives(uint32_t countdown, int code, uint32_t length)
{
        struct store_fixture fixture;
        struct history history = { 0 };
        fixture_init(&fixture);
        fixture_open(&fixture);
        fixture.on_stored = check_readable;
        fixture.on_failed = free_space;
        fault_vfs_arm(countdown, length, code);
        for (uint32_t batch = 0; batch < BATCHES; batch++) {
                work(&fixture, &history, batch);
                if (batch % 3 == 0) /* else it gathers */
                        fixture_wait_stored(&fixture, history.position.index);
        }
        fixture_wait(&fixture, all_written);
        bool hit = fault_vfs_hits() > 0;
        fault_vfs_disarm();
        ck_assert(hit || fixture.failed_count == 0);
        fixture_close(&fixture);
        fixture_open(&fixture);
        check_all_there(&fixture);
        fixture_release(&fixture);
        return hit;
}

START_TEST(no_failure_of_a_write_loses_or_reorders_anything)
{
        uint32_t countdown = 1;
        while (survives(countdown, faults[_i].code, faults[_i].length))
                countdown++;
        ck_assert_msg(countdown > 20, "%s: only %u calls failed", faults[_i].what, countdown - 1);
}
END_TEST

START_TEST(a_full_disk_is_told_once_and_work_goes_on_when_it_is_freed)
{
        struct store_fixture fixture;
        struct history history = { 0 };
        fixture_init(&fixture);
        fixture_open(&fixture);
        fault_vfs_arm(1, 20, SQLITE_FULL);
        work(&fixture, &history, 0);
        fixture_wait_stored(&fixture, PER_BATCH);
        ck_assert_uint_ge(fault_vfs_hits(), 20);
        ck_assert_uint_eq(fixture.failed_count, 1);
        ck_assert_int_eq(fixture.failed_error, -ENOSPC);
        ck_assert_ptr_nonnull(strstr(fixture.failed_text, fixture.path));
        ck_assert_ptr_nonnull(strstr(fixture.failed_text, "free space"));
        fixture_release(&fixture);
}
END_TEST

START_TEST(a_store_that_closes_on_a_full_disk_does_not_hang_and_leaves_no_hole)
{
        struct store_fixture fixture;
        struct history history = { 0 };
        struct store_state state;
        fixture_init(&fixture);
        fixture_open(&fixture);
        work(&fixture, &history, 0);
        fixture_wait_stored(&fixture, PER_BATCH);
        fault_vfs_arm(1, 1, SQLITE_FULL);
        store_set_retry_ms(fixture.store, 3600 * 1000);
        work(&fixture, &history, 1);
        work(&fixture, &history, 2); /* would pass, but is behind one that did not */
        fixture_close(&fixture);
        fault_vfs_disarm();
        fixture_open(&fixture);
        ck_assert_int_eq(store_read_state(fixture.store, &state), 0);
        uint64_t last = 0;
        ck_assert_int_eq(store_read_entries(fixture.store, 1, see, &last), 0);
        ck_assert_uint_eq(last, state.last_index);
        ck_assert_uint_eq(last, PER_BATCH);
        fixture_release(&fixture);
}
END_TEST

START_TEST(no_failure_while_creating_or_opening_leaves_a_half_made_ledger)
{
        const struct settings settings = { .cluster_name = "lab", .voters = 1 };
        bool hit = true;
        uint32_t countdown;
        for (countdown = 1; hit; countdown++) {
                struct store_fixture fixture;
                struct store_state state;
                char error[STORE_ERROR_BYTES] = "";
                fixture_init(&fixture);
                fault_vfs_arm(countdown, 1, SQLITE_FULL);
                int created = store_create(fixture.path, &settings, error);
                hit = fault_vfs_hits() > 0;
                ck_assert(hit || created == 0);
                int opened = fixture_try_open(&fixture, error);
                fault_vfs_disarm();
                hit = fault_vfs_hits() > 0;
                if (opened < 0)
                        fixture_open(&fixture);
                ck_assert_int_eq(store_read_state(fixture.store, &state), 0);
                ck_assert(created < 0 || !state.blank);
                fixture_release(&fixture);
        }
        ck_assert_uint_gt(countdown, 8);
}
END_TEST

static void tell_parent(struct store_fixture *fixture, uint64_t index)
{
        if (write(fixture->pipe_end, &index, sizeof index) < 0)
                _exit(1);
}

/* Appends for ever; every report goes into the pipe before the next batch. */
static void child_run(struct store_fixture *fixture, struct history *history, int pipe_end)
{
        fixture_open(fixture);
        fixture->pipe_end = pipe_end;
        fixture->on_stored = tell_parent;
        for (uint32_t batch = 0;; batch++) {
                work(fixture, history, batch);
                if (batch % 3 == 0)
                        fixture_wait_stored(fixture, history->position.index);
        }
}

static uint64_t last_report(int pipe_end)
{
        uint64_t index = 0, next;
        while (read(pipe_end, &next, sizeof next) == (ssize_t)sizeof next)
                index = next;
        close(pipe_end);
        return index;
}

/* Returns the index that was reported before the end. */
static uint64_t kill_at(long nanoseconds)
{
        struct store_fixture fixture;
        struct history history = { 0 };
        struct store_state state;
        struct store_verdict verdict;
        char error[STORE_ERROR_BYTES] = "";
        int ends[2];
        fixture_init(&fixture);
        ck_assert_int_eq(pipe(ends), 0);
        pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0)
                child_run(&fixture, &history, ends[1]);
        close(ends[1]);
        nanosleep(&(struct timespec){ .tv_nsec = nanoseconds }, NULL);
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        uint64_t reported = last_report(ends[0]);
        fixture_open(&fixture);
        ck_assert_int_eq(store_read_state(fixture.store, &state), 0);
        ck_assert_msg(state.last_index >= surely_there(reported), "reported %llu, there is %llu",
                      (unsigned long long)reported, (unsigned long long)state.last_index);
        ck_assert_msg(store_verify(fixture.path, &verdict, error) == 0, "%s", error);
        ck_assert_msg(verdict.bad_index == 0, "%s", verdict.text);
        fixture_release(&fixture);
        return reported;
}

START_TEST(what_was_reported_survives_being_killed)
{
        uint64_t reported = 0;
        for (long at = 0; at < 40; at++)
                reported += kill_at(1000000 + at * 1300000);
        ck_assert_uint_gt(reported, 0);
}
END_TEST

int main(void)
{
        fault_vfs_install();
        TCase *tcase = tcase_create("faults");
        tcase_add_loop_test(tcase, no_failure_of_a_write_loses_or_reorders_anything, 0,
                            (int)(sizeof faults / sizeof faults[0]));
        tcase_add_test(tcase, a_full_disk_is_told_once_and_work_goes_on_when_it_is_freed);
        tcase_add_test(tcase, a_store_that_closes_on_a_full_disk_does_not_hang_and_leaves_no_hole);
        tcase_add_test(tcase, no_failure_while_creating_or_opening_leaves_a_half_made_ledger);
        tcase_add_test(tcase, what_was_reported_survives_being_killed);
        tcase_set_timeout(tcase, 60);

        Suite *suite = suite_create("store_fault");
        suite_add_tcase(suite, tcase);

        return suite_run(suite);
}
