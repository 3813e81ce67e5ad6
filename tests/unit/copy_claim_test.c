/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A new image that is ours to fill and to remove. statvfs() comes here first. */

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "clusterd/base/text.h"
#include "clusterd/io/copy_claim.h"
#include "tests/unit/suite_run.h"

#define ENTRY 42

static char directory[64]; /* in the build directory: /tmp may be in memory */
static char old[128], new[128], claim[128];
static char text[REASON_BYTES];
static bool is_full, is_full_by_claim;

int __real_statvfs(const char *path, struct statvfs *ret_space);
int __wrap_statvfs(const char *path, struct statvfs *ret_space);

int __wrap_statvfs(const char *path, struct statvfs *ret_space)
{
        int r = __real_statvfs(path, ret_space);
        struct stat status;
        if (is_full || (is_full_by_claim && stat(claim, &status) == 0 && status.st_size > 0))
                ret_space->f_bavail = 1;
        return r;
}

static void write_file(const char *path, const char *content)
{
        int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC | O_CLOEXEC, 0640);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(write(fd, content, strlen(content)), (ssize_t)strlen(content));
        ck_assert_int_eq(fsync(fd), 0);
        (void)close(fd);
}

static void set_up(void)
{
        static char content[65536];
        memset(content, 'x', sizeof(content) - 1);
        TEXT_COPY(directory, "copy-claim-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(directory));
        TEXT_PRINT(old, "%s/old", directory);
        TEXT_PRINT(new, "%s/new", directory);
        TEXT_PRINT(claim, "%s/.clu-copy-%d", directory, ENTRY);
        write_file(old, content);
        is_full = is_full_by_claim = false;
        text[0] = '\0';
}

static void tear_down(void)
{
        (void)unlink(old);
        (void)unlink(new);
        ck_assert_int_eq(rmdir(directory), 0); /* and no second name was left */
}

static bool is_there(const char *path)
{
        return access(path, F_OK) == 0;
}

START_TEST(what_was_claimed_is_removed_again)
{
        struct stat status;
        ck_assert_int_eq(copy_claim(old, new, ENTRY, text), 0);
        ck_assert_int_eq(stat(new, &status), 0);
        ck_assert_int_eq(status.st_size, 0);
        ck_assert_uint_eq(status.st_mode & 0777, 0640);
        write_file(claim, "half of it");
        ck_assert_int_eq(copy_claim(old, new, ENTRY, text), 0); /* another try begins anew */
        ck_assert_int_eq(stat(new, &status), 0);
        ck_assert_int_eq(status.st_size, 0);
        ck_assert_int_eq(copy_unclaim(new, ENTRY, true), 0);
        ck_assert(!is_there(new));
        ck_assert_int_eq(copy_unclaim(new, ENTRY, true), 0);
}
END_TEST

START_TEST(what_was_copied_stays_and_its_second_name_goes)
{
        ck_assert_int_eq(copy_claim(old, new, ENTRY, text), 0);
        ck_assert_int_eq(copy_unclaim(new, ENTRY, false), 0);
        ck_assert(is_there(new));
}
END_TEST

START_TEST(what_is_somebody_elses_is_neither_filled_nor_removed)
{
        struct stat status;
        write_file(new, "another's");
        ck_assert_int_eq(copy_claim(old, new, ENTRY, text), -EEXIST);
        ck_assert_ptr_nonnull(strstr(text, "is there already: name another"));
        ck_assert_int_eq(copy_unclaim(new, ENTRY, true), 0);
        ck_assert_int_eq(stat(new, &status), 0);
        ck_assert_int_eq(status.st_size, 9);
}
END_TEST

START_TEST(what_would_not_fit_is_not_begun)
{
        is_full = true;
        ck_assert_int_eq(copy_claim(old, new, ENTRY, text), -ENOSPC);
        ck_assert_ptr_nonnull(strstr(text, "the image takes 0 MiB, and 0 MiB are free at"));
        ck_assert(!is_there(new));
}
END_TEST

START_TEST(what_an_earlier_try_has_filled_is_room_for_the_next)
{
        is_full_by_claim = true;
        ck_assert_int_eq(copy_claim(old, new, ENTRY, text), 0);
        write_file(new, "half of it");
        ck_assert_msg(copy_claim(old, new, ENTRY, text) == 0, "%s", text);
        ck_assert_int_eq(copy_unclaim(new, ENTRY, true), 0);
}
END_TEST

START_TEST(without_an_old_image_nothing_is_made)
{
        ck_assert_int_eq(unlink(old), 0);
        ck_assert_int_eq(copy_claim(old, new, ENTRY, text), -ENOENT);
        ck_assert(!is_there(new));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("copy claim");
        TCase *tests = tcase_create("claim");
        tcase_add_checked_fixture(tests, set_up, tear_down);
        tcase_add_test(tests, what_was_claimed_is_removed_again);
        tcase_add_test(tests, what_was_copied_stays_and_its_second_name_goes);
        tcase_add_test(tests, what_is_somebody_elses_is_neither_filled_nor_removed);
        tcase_add_test(tests, what_would_not_fit_is_not_begun);
        tcase_add_test(tests, what_an_earlier_try_has_filled_is_room_for_the_next);
        tcase_add_test(tests, without_an_old_image_nothing_is_made);
        suite_add_tcase(suite, tests);
        return suite_run(suite);
}
