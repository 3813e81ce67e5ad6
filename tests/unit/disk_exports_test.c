/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/disk_exports.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "clusterd/io/held_process.h"
#include "tests/unit/suite_run.h"

/* Exports of a node, with a shell script in qemu-nbd's place. */

#define PATIENCE_MS 20000 /* for a busy machine; only a failing test waits so long */

/* A port is taken as long as a file says so; images by the name of "broken" cannot be opened. */
static const char script[] =
        "#!/bin/sh\n"
        "here=${0%/*}; echo \"$*\" >>\"$here/arguments\"\n"
        "case \"$*\" in *broken*) echo 'cannot open it' >&2; exit 1;; esac\n"
        "while [ \"$1\" != --pid-file ]; do shift; done\n"
        "if rm \"$here/taken\" 2>/dev/null; then echo 'Address already in use' >&2; exit 1; fi\n"
        "echo $$ >\"$2\"; exec sleep 1000\n";

#define DISK(target, file, more)                                                                             \
        "<disk type='file'><driver type='raw' cache='none'" more "/><source file='" file                     \
        "'/><target dev='" target "'/></disk>"
#define DOMAIN(disks) "<domain><name>vm01</name><devices>" disks "</devices></domain>"
#define TWO           DOMAIN(DISK("vda", "/csv/a", "") DISK("vdb", "/local/b", "") DISK("vdc", "/csv/c,d", ""))

static char directory[] = "/tmp/disk_exports_test.XXXXXX";
static struct disk_exports *exports;
static struct export_offer offer;
static char error[REASON_BYTES];

static const char *path_of(const char *name)
{
        static char path[256];
        TEXT_PRINT(path, "%s/%s", directory, name);
        return path;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
        SCOPED_CLOSE int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, mode);
        ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
}

static const char *arguments(void)
{
        static char text[4096];
        SCOPED_CLOSE int fd = open(path_of("arguments"), O_RDONLY);
        ssize_t count = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
        text[count] = '\0';
        return text;
}

static void set_up(void)
{
        static struct model model;
        char search[512];
        ck_assert_ptr_nonnull(mkdtemp(directory));
        write_file("qemu-nbd", script, 0755);
        TEXT_PRINT(search, "%s:%.400s", directory, getenv("PATH"));
        (void)setenv("PATH", search, 1);
        model.volumes[1].id = 1;
        model.volumes[1].kind = VOLUME_DIRECTORY;
        TEXT_COPY(model.volumes[1].path, "/csv");
        TEXT_COPY(model.nodes[2].address, "192.0.2.2");
        exports = disk_exports_new(directory, 2);
        disk_exports_know(exports, &model);
}

static void tear_down(void)
{
        char command[64];
        (void)disk_exports_close(exports, "vm01");
        disk_exports_free(exports);
        TEXT_PRINT(command, "rm -r %s", directory);
        ck_assert_int_eq(system(command), 0);
}

static int open_export(uint64_t index, const char *definition)
{
        return disk_exports_open(exports, "vm01", index, definition, strlen(definition), &offer, error);
}

static size_t count_names(void)
{
        SCOPED_FREE char(*names)[NAME_BYTES] = disk_exports_names(exports);
        size_t count = 0;
        while (names[count][0] != '\0')
                ck_assert_str_eq(names[count++], "vm01");
        return count;
}

START_TEST(an_export_has_the_disks_on_volumes_and_is_found_again)
{
        ck_assert_int_eq(open_export(7, TWO), 0);
        struct export_offer first = offer;
        ck_assert_uint_eq(strlen(offer.key), 64);
        ck_assert_ptr_nonnull(strstr(arguments(), "--bind 192.0.2.2 "));
        ck_assert_ptr_nonnull(strstr(arguments(), "--export-name /csv/a --shared 1 "));
        ck_assert_ptr_nonnull(strstr(arguments(), "--tls-creds tls "));
        ck_assert_ptr_nonnull(strstr(arguments(), "file.filename=/csv/c,,d"));
        ck_assert_ptr_null(strstr(arguments(), "/local"));
        ck_assert_ptr_null(strstr(arguments(), offer.key));
        ck_assert_uint_eq(count_names(), 1);
        ck_assert_int_eq(open_export(7, TWO), 0);
        ck_assert_str_eq(offer.key, first.key);
        ck_assert_uint_eq(offer.port, first.port);
        ck_assert_int_eq(open_export(8, TWO), 0); /* of another redirect */
        ck_assert_str_ne(offer.key, first.key);
        ck_assert_int_eq(disk_exports_close(exports, "vm01"), 0);
        ck_assert_uint_eq(count_names(), 0);
        ck_assert_int_eq(access(path_of("export/vm01"), F_OK), -1);
        ck_assert_int_eq(disk_exports_close(exports, "vm01"), 0);
}
END_TEST

START_TEST(one_of_which_a_process_has_ended_is_opened_anew)
{
        ck_assert_int_eq(open_export(7, TWO), 0);
        struct export_offer first = offer;
        char lock[256];
        TEXT_COPY(lock, path_of("export/vm01/1.lock"));
        ck_assert_int_eq(held_process_end(lock), 0);
        ck_assert_uint_eq(count_names(), 1);
        ck_assert_int_eq(open_export(7, TWO), 0);
        ck_assert_str_ne(offer.key, first.key);
        ck_assert(held_process_is_there(lock));
}
END_TEST

START_TEST(its_secrets_are_for_root_alone)
{
        static const char *const names[] = { "export/vm01/keys.psk", "export/vm01/offer" };
        ck_assert_int_eq(open_export(7, TWO), 0);
        for (size_t i = 0; i < 2; i++) {
                struct stat status;
                ck_assert_int_eq(stat(path_of(names[i]), &status), 0);
                ck_assert_uint_eq(status.st_mode & 0777, 0600);
        }
}
END_TEST

START_TEST(a_port_that_is_taken_is_not_the_end)
{
        write_file("taken", "", 0600);
        ck_assert_int_eq(open_export(7, TWO), 0);
        ck_assert_int_eq(access(path_of("taken"), F_OK), -1);
}
END_TEST

START_TEST(what_fails_is_explained_and_leaves_nothing)
{
        ck_assert_int_eq(open_export(7, DOMAIN(DISK("vda", "/csv/a", "") DISK("vdb", "/csv/broken", ""))),
                         -1);
        ck_assert_str_eq(error, "cannot open it");
        ck_assert_uint_eq(count_names(), 0);
        ck_assert_int_eq(access(path_of("export/vm01"), F_OK), -1);
}
END_TEST

START_TEST(what_is_kept_in_memory_of_a_host_is_not_exported)
{
        static const struct {
                const char *definition, *error;
        } cases[] = {
                { DOMAIN("<disk type='file'><driver type='qcow2' cache='none'/><source file='/csv/a'/>"
                         "<target dev='vda'/></disk>"),
                  "its disk vda is not raw" },
                { DOMAIN("<disk type='file'><driver type='raw'/><source file='/csv/a'/><target "
                         "dev='vda'/></disk>"),
                  "its disk vda uses the host's cache: cache='none' does not" },
                { DOMAIN(DISK("vda", "/local/a", "")), "none of its disks lies on a directory volume" },
        };
        for (size_t i = 0; i < 3; i++) {
                ck_assert_int_eq(open_export(7, cases[i].definition), -1);
                ck_assert_str_eq(error, cases[i].error);
        }
        ck_assert_str_eq(arguments(), "");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("disk exports");
        TCase *tests = tcase_create("exports");
        tcase_set_timeout(tests, PATIENCE_MS / 1000);
        tcase_add_checked_fixture(tests, set_up, tear_down);
        tcase_add_test(tests, an_export_has_the_disks_on_volumes_and_is_found_again);
        tcase_add_test(tests, one_of_which_a_process_has_ended_is_opened_anew);
        tcase_add_test(tests, its_secrets_are_for_root_alone);
        tcase_add_test(tests, a_port_that_is_taken_is_not_the_end);
        tcase_add_test(tests, what_fails_is_explained_and_leaves_nothing);
        tcase_add_test(tests, what_is_kept_in_memory_of_a_host_is_not_exported);
        suite_add_tcase(suite, tests);
        return suite_run(suite);
}
