/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/guest_disks.h"

#include <check.h>
#include <jansson.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "clusterd/io/held_process.h"
#include "tests/unit/suite_run.h"

/* A disk goes over to an export and back. QEMU's monitor is here, and a shell script in socat's place. */

#define PATIENCE_MS 20000 /* for a busy machine; only a failing test waits so long */
#define SCRIPT      "#!/bin/sh\nsocket=${2#UNIX-LISTEN:}; : >\"${socket%%,*}\"; exec sleep 1000\n"

static char directory[] = "/tmp/guest_disks_test.XXXXXX";
static struct disk_exports *exports;
static struct export_place place = { .address = "192.0.2.2", .offer = { .port = 10810, .key = "cafe" } };
static struct guest_disks disks;
static char error[REASON_BYTES];
static int anything; /* for pointers that are only handed on */

static struct {
        char drive[64];     /* the node that its device writes to */
        char file[256];     /* what is behind that */
        char refused[64];   /* this command fails */
        char said[2048];    /* commands, with what they are about */
        bool was_connected; /* when the drive was set last */
} qemu;

/* The way to the exporter. */
static const char *lock(void)
{
        static char path[256];
        TEXT_PRINT(path, "%s/0.sock.lock", place.directory);
        return path;
}

/* --- libvirt and QEMU --- */

char *virDomainGetXMLDesc(virDomainPtr domain, unsigned int flags)
{
        (void)domain;
        (void)flags;
        return strdup("<domain><devices><disk type='file'><driver type='raw' cache='none' io='threads'/>"
                      "<source file='/csv/a'/><target dev='vda'/><alias name='virtio-disk0'/></disk>"
                      "</devices></domain>");
}

const char *virGetLastErrorMessage(void)
{
        return "libvirt's error";
}

static const char *about(const json_t *arguments)
{
        static const char *const names[] = { "node-name", "id", "value" };
        const json_t *options = json_array_get(json_object_get(arguments, "options"), 0);
        for (size_t i = 0; i < 3; i++) {
                const char *text =
                        json_string_value(json_object_get(options ? options : arguments, names[i]));
                if (text != NULL)
                        return text;
        }
        return "";
}

static json_t *answer(const char *command, const json_t *arguments)
{
        if (text_equal(command, "query-block"))
                return json_pack("[{s:s, s:{s:s, s:s}}]", "qdev",
                                 "/machine/peripheral/virtio-disk0/virtio-backend", "inserted", "node-name",
                                 qemu.drive, "file", qemu.file);
        if (text_equal(command, "query-named-block-nodes"))
                return json_array();
        if (text_equal(command, "qom-set")) {
                TEXT_PRINT(qemu.drive, "%.63s", about(arguments));
                qemu.was_connected = held_process_is_there(lock());
        }
        return json_object();
}

int virDomainQemuMonitorCommand(virDomainPtr domain, const char *text, char **result, unsigned int flags)
{
        json_t *request = json_loads(text, 0, NULL);
        const char *command = json_string_value(json_object_get(request, "execute"));
        const json_t *arguments = json_object_get(request, "arguments");
        size_t used = strlen(qemu.said);
        (void)domain;
        (void)flags;
        ck_assert_ptr_null(strstr(text, place.offer.key));
        if (strncmp(command, "query", 5) != 0)
                (void)snprintf(qemu.said + used, sizeof(qemu.said) - used, "%s %s\n", command,
                               about(arguments));
        bool refused = text_equal(command, qemu.refused);
        json_t *said = refused ? json_pack("{s:{s:s}}", "error", "desc", "no")
                               : json_pack("{s:o}", "return", answer(command, arguments));
        *result = json_dumps(said, 0);
        json_decref(said);
        json_decref(request);
        return 0;
}

/* --- tests --- */

static void set_up(void)
{
        static struct model model;
        char search[512], path[128];
        ck_assert_ptr_nonnull(mkdtemp(directory));
        TEXT_PRINT(path, "%s/socat", directory);
        FILE *file = fopen(path, "we");
        ck_assert_int_gt(fputs(SCRIPT, file), 0);
        ck_assert_int_eq(fclose(file), 0);
        ck_assert_int_eq(chmod(path, 0755), 0);
        TEXT_PRINT(search, "%s:%.400s", directory, getenv("PATH"));
        (void)setenv("PATH", search, 1);
        TEXT_PRINT(place.directory, "%s/vm01", directory);
        model.volumes[1].id = 1;
        model.volumes[1].kind = VOLUME_DIRECTORY;
        TEXT_COPY(model.volumes[1].path, "/csv");
        exports = disk_exports_new(directory, 1);
        disk_exports_know(exports, &model);
        TEXT_COPY(qemu.drive, "libvirt-3-format");
        TEXT_COPY(qemu.file, "/csv/a");
}

static void tear_down(void)
{
        char command[64];
        (void)held_process_end(lock());
        disk_exports_free(exports);
        TEXT_PRINT(command, "rm -r %s", directory);
        ck_assert_int_eq(system(command), 0);
}

static const struct guest_disk *look(void)
{
        qemu.said[0] = '\0';
        int r = guest_disks_read((virDomainPtr)&anything, exports, &disks, error);
        ck_assert_msg(r == 0, "%s", error);
        ck_assert_uint_eq(disks.count, 1);
        return &disks.disks[0];
}

static int redirect(void)
{
        return guest_disk_redirect((virDomainPtr)&anything, look(), 0, &place, error);
}

static int go_back(bool is_served)
{
        return guest_disk_return((virDomainPtr)&anything, look(), 0, place.directory, is_served, error);
}

/* As QEMU says it then. */
static void is_redirected(void)
{
        ck_assert_int_eq(redirect(), 0);
        TEXT_PRINT(qemu.file, "nbd+unix:///a?socket=%s/0.sock", place.directory);
}

static bool comes_before(const char *one, const char *other)
{
        const char *first = strstr(qemu.said, one), *second = strstr(qemu.said, other);
        return first != NULL && second != NULL && first < second;
}

/* Who gives up writing to it would have QEMU open it again; and what is flushed fails. */
START_TEST(a_path_that_is_gone_is_not_asked_for_anything)
{
        ck_assert_int_eq(redirect(), 0);
        ck_assert_msg(comes_before("blockdev-add clu-h-3", "qom-set clu-f-"), "%s", qemu.said);
        ck_assert_msg(comes_before("qom-set clu-f-", "blockdev-del libvirt-3-storage"), "%s", qemu.said);
        ck_assert_ptr_null(strstr(qemu.said, "blockdev-reopen"));
        ck_assert(held_process_is_there(lock()));
        ck_assert_int_eq(access(place.directory, F_OK), 0);
        char key[256];
        TEXT_PRINT(key, "%s/keys.psk", place.directory);
        ck_assert_int_eq(access(key, F_OK), -1);
}
END_TEST

START_TEST(what_fails_leaves_the_guest_what_it_had)
{
        static const char *const steps[] = { "object-add", "blockdev-add", "qom-set" };
        for (size_t i = 0; i < 3; i++) {
                TEXT_COPY(qemu.refused, steps[i]);
                ck_assert_int_eq(redirect(), -1);
                ck_assert_str_eq(error, "no");
                ck_assert_str_eq(qemu.drive, "libvirt-3-format");
                ck_assert_ptr_null(strstr(qemu.said, "blockdev-del libvirt-3-storage"));
                ck_assert(!held_process_is_there(lock()));
        }
}
END_TEST

START_TEST(an_export_is_connected_to_once)
{
        is_redirected();
        ck_assert_int_eq(redirect(), 0); /* as after a restart of clusterd */
        ck_assert_str_eq(qemu.said, "");
        ck_assert_int_eq(held_process_end(lock()), 0);
        ck_assert_int_eq(redirect(), -1);
        ck_assert_str_eq(error, "the connection to the export has broken");
        ck_assert_str_eq(qemu.said, "");
}
END_TEST

START_TEST(another_export_takes_the_place_of_one_that_is_gone)
{
        is_redirected();
        char first[64];
        TEXT_COPY(first, qemu.drive);
        TEXT_COPY(place.offer.key, "beef");
        ck_assert_int_eq(redirect(), 0);
        ck_assert_str_ne(qemu.drive, first);
        ck_assert_ptr_null(strstr(qemu.said, "clu-h-3\nqom-set"));
        ck_assert_ptr_null(strstr(qemu.said, "blockdev-reopen"));
        TEXT_COPY(place.offer.key, "cafe");
}
END_TEST

START_TEST(what_is_served_goes_back_when_all_has_been_answered)
{
        is_redirected();
        TEXT_COPY(qemu.refused, "blockdev-reopen");
        ck_assert_int_eq(go_back(true), -1);
        ck_assert_ptr_null(strstr(qemu.said, "qom-set"));
        ck_assert(held_process_is_there(lock()));
        qemu.refused[0] = '\0';
        ck_assert_int_eq(go_back(true), 0);
        ck_assert_msg(comes_before("blockdev-add libvirt-3-storage", "blockdev-reopen clu-f-"), "%s",
                      qemu.said);
        ck_assert_msg(comes_before("blockdev-reopen clu-f-", "qom-set libvirt-3-format"), "%s", qemu.said);
        ck_assert(!held_process_is_there(lock()));
}
END_TEST

START_TEST(what_has_lost_its_export_is_cut_off_from_it_first)
{
        is_redirected();
        ck_assert_int_eq(go_back(false), 0);
        ck_assert(!qemu.was_connected);
        ck_assert_ptr_null(strstr(qemu.said, "blockdev-reopen"));
        ck_assert_str_eq(qemu.drive, "libvirt-3-format");
        ck_assert(!held_process_is_there(lock()));
        TEXT_COPY(qemu.file, "/csv/a");
        ck_assert_int_eq(go_back(false), 0);
        ck_assert_str_eq(qemu.said, "");
}
END_TEST

START_TEST(a_disk_that_somebody_else_works_on_is_left_alone)
{
        TEXT_COPY(qemu.drive, "mirror-vda");
        ck_assert_int_eq(guest_disks_read((virDomainPtr)&anything, exports, &disks, error), -1);
        ck_assert_str_eq(error, "its disk vda is used by mirror-vda");
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("disks of a guest");
        TCase *tests = tcase_create("disks");
        tcase_set_timeout(tests, PATIENCE_MS / 1000);
        tcase_add_checked_fixture(tests, set_up, tear_down);
        tcase_add_test(tests, a_path_that_is_gone_is_not_asked_for_anything);
        tcase_add_test(tests, what_fails_leaves_the_guest_what_it_had);
        tcase_add_test(tests, an_export_is_connected_to_once);
        tcase_add_test(tests, another_export_takes_the_place_of_one_that_is_gone);
        tcase_add_test(tests, what_is_served_goes_back_when_all_has_been_answered);
        tcase_add_test(tests, what_has_lost_its_export_is_cut_off_from_it_first);
        tcase_add_test(tests, a_disk_that_somebody_else_works_on_is_left_alone);
        suite_add_tcase(suite, tests);
        return suite_run(suite);
}
