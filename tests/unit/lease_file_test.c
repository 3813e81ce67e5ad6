/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The lease area as a file: made whole or not at all, and nobody else's touched. link() comes here first. */

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clusterd/base/text.h"
#include "clusterd/io/lease_file.h"
#include "tests/unit/suite_run.h"

static const struct lease_area_id west = { .cluster = "west", .volume = { 1 } };
static const struct lease_area_id east = { .cluster = "east", .volume = { 2 } };

static char directory[64]; /* in the build directory: /tmp may be in memory */
static char path[128];
static bool no_links;

int __real_link(const char *from, const char *to);
int __wrap_link(const char *from, const char *to);

int __wrap_link(const char *from, const char *to)
{
        errno = EPERM; /* as vfat and others say it */
        return no_links ? -1 : __real_link(from, to);
}

static void set_up(void)
{
        TEXT_COPY(directory, "lease-file-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(directory));
        TEXT_PRINT(path, "%s/%s", directory, LEASE_FILE_NAME);
}

static void tear_down(void)
{
        (void)unlink(path);
        ck_assert_int_eq(rmdir(directory), 0); /* and no draft was left */
}

static void area_create(const struct lease_area_id *area)
{
        struct lease_area_id owner;
        ck_assert_int_eq(lease_file_create(path, area, &owner), 0);
}

START_TEST(an_area_is_made_once_and_found_again)
{
        struct lease_area_id owner;
        struct stat status;
        area_create(&west);
        area_create(&west);
        ck_assert_int_eq(stat(path, &status), 0);
        ck_assert_int_eq(status.st_size, (off_t)LEASE_AREA_BYTES);
        ck_assert_int_ge(status.st_blocks * 512,
                         (off_t)LEASE_AREA_BYTES); /* a full volume keeps its leases */
        int fd = -1;
        ck_assert_int_eq(lease_file_open(path, &west, &owner, &fd), 0);
        ck_assert_int_eq(close(fd), 0);
}
END_TEST

START_TEST(another_clusters_area_is_refused_by_name_and_left_alone)
{
        struct lease_area_id owner;
        int fd = -1;
        area_create(&west);
        ck_assert_int_eq(lease_file_create(path, &east, &owner), -EPERM);
        ck_assert_str_eq(owner.cluster, "west");
        ck_assert_int_eq(lease_file_open(path, &east, &owner, &fd), -EPERM);
        ck_assert_int_eq(fd, -1);
        area_create(&west);
}
END_TEST

static void write_file(const void *bytes, size_t count)
{
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(write(fd, bytes, count), (ssize_t)count);
        ck_assert_int_eq(close(fd), 0);
}

START_TEST(what_is_no_area_is_refused_and_left_alone)
{
        static uint8_t zeroes[LEASE_AREA_BYTES];
        struct lease_area_id owner;
        int fd = -1;
        ck_assert_int_eq(lease_file_open(path, &west, &owner, &fd), -ENOENT);
        write_file("precious", 8);
        ck_assert_int_eq(lease_file_create(path, &west, &owner), -EBADMSG);
        ck_assert_int_eq(lease_file_open(path, &west, &owner, &fd), -EBADMSG);
        write_file(zeroes, sizeof zeroes);
        ck_assert_int_eq(lease_file_open(path, &west, &owner, &fd), -EBADMSG);
        ck_assert_int_eq(unlink(path), 0);
        ck_assert_int_eq(symlink("/dev/zero", path), 0);
        ck_assert_int_eq(lease_file_open(path, &west, &owner, &fd), -EBADMSG);
        ck_assert_int_eq(unlink(path), 0);
        ck_assert_int_eq(mkfifo(path, 0600), 0);
        ck_assert_int_lt(lease_file_open(path, &west, &owner, &fd), 0); /* and does not wait for anybody */
}
END_TEST

START_TEST(a_file_system_without_links_is_not_another_clusters)
{
        struct lease_area_id owner;
        no_links = true;
        ck_assert_int_eq(lease_file_create(path, &west, &owner), -EOPNOTSUPP);
        ck_assert_str_eq(lease_file_explain(-EOPNOTSUPP), "the file system has no hard links");
        no_links = false;
}
END_TEST

START_TEST(only_this_area_is_removed)
{
        ck_assert_int_eq(lease_file_remove(path, &west), -ENOENT);
        area_create(&west);
        ck_assert_int_eq(lease_file_remove(path, &east), -EPERM);
        area_create(&west);
        ck_assert_int_eq(lease_file_remove(path, &west), 0);
        ck_assert_int_eq(access(path, F_OK), -1);
        write_file("precious", 8);
        ck_assert_int_eq(lease_file_remove(path, &west), -ENODATA);
        ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(of_many_that_make_it_at_once_one_does)
{
        pid_t makers[16];
        unsigned made = 0;
        for (uint8_t i = 0; i < 16; i++) {
                makers[i] = fork();
                if (makers[i] == 0) {
                        struct lease_area_id area = { .cluster = "many", .volume = { i } }, owner;
                        int error = lease_file_create(path, &area, &owner);
                        _exit(error == 0 ? 0 : error == -EPERM ? 1 : 2);
                }
        }
        for (int i = 0; i < 16; i++) {
                int status;
                ck_assert_int_eq(waitpid(makers[i], &status, 0), makers[i]);
                ck_assert(WIFEXITED(status) && WEXITSTATUS(status) < 2);
                made += WEXITSTATUS(status) == 0;
        }
        ck_assert_uint_eq(made, 1);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("lease_file");
        TCase *file = tcase_create("file");
        tcase_add_checked_fixture(file, set_up, tear_down);
        tcase_add_test(file, an_area_is_made_once_and_found_again);
        tcase_add_test(file, another_clusters_area_is_refused_by_name_and_left_alone);
        tcase_add_test(file, what_is_no_area_is_refused_and_left_alone);
        tcase_add_test(file, a_file_system_without_links_is_not_another_clusters);
        tcase_add_test(file, only_this_area_is_removed);
        tcase_add_test(file, of_many_that_make_it_at_once_one_does);
        suite_add_tcase(suite, file);
        return suite_run(suite);
}
