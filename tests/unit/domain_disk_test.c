/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/domain_disk.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/suite_run.h"

/* Disks of a domain, as definitions and libvirt have them. */

#define DISK(attributes, inside) "<disk type='file' " attributes ">" inside "</disk>"
#define VDA                                                                                                  \
        DISK("device='disk'", "<driver name='qemu' type='qcow2'/><source file='/csv1/a.qcow2'/>"             \
                              "<backingStore type='file'><source file='/csv1/base'/></backingStore>"         \
                              "<target dev='vda'/>")
#define VDB     DISK("", "<source file='/csv1/b'/><target dev='vdb'/>")
#define CDROM   DISK("device='cdrom'", "<source file='/csv1/iso'/><target dev='sda'/><readonly/>")
#define SHARED  DISK("device='disk'", "<source file='/csv1/s'/><target dev='vds'/><shareable/>")
#define NETWORK "<disk type='network'><source protocol='nbd'/><target dev='vdn'/></disk>"
#define MIRRORED                                                                                             \
        DISK("device='disk'", "<source file='/csv1/a'/><mirror type='file' job='copy' ready='yes'>"          \
                              "<source file='/csv2/a'/></mirror><target dev='vda'/>")
#define DOMAIN(devices) "<domain><name>vm01</name><devices>" devices "</devices></domain>"

static struct domain_disk disk;
static char error[DISK_ERROR_BYTES];

static int find(const char *text, const char *target)
{
        return domain_disk_find(text, strlen(text), target, &disk, error);
}

START_TEST(the_only_disk_needs_no_name)
{
        ck_assert_int_eq(find(DOMAIN(CDROM VDA NETWORK SHARED), NULL), 0);
        ck_assert_str_eq(disk.target, "vda");
        ck_assert_str_eq(disk.file, "/csv1/a.qcow2");
        ck_assert_str_eq(disk.format, "qcow2");
        ck_assert_str_eq(disk.mirror, "");
}
END_TEST

START_TEST(of_several_one_has_to_be_named)
{
        ck_assert_int_eq(find(DOMAIN(VDA VDB), NULL), -ENOENT);
        ck_assert_str_eq(error,
                         "which disk is to be moved? Name it with --disk: its disks in files of their own "
                         "are vda, vdb");
        ck_assert_int_eq(find(DOMAIN(VDA VDB), "vdb"), 0);
        ck_assert_str_eq(disk.format, "raw");
        ck_assert_int_eq(find(DOMAIN(VDA CDROM), "sda"), -ENOENT);
        ck_assert_str_eq(error, "there is no disk sda: its disks in files of their own are vda");
        ck_assert_int_eq(find(DOMAIN(CDROM), NULL), -ENOENT);
        ck_assert_int_eq(find("<domain/>", NULL), -ENOENT);
}
END_TEST

START_TEST(a_mirror_is_seen)
{
        ck_assert_int_eq(find(DOMAIN(MIRRORED), "vda"), 0);
        ck_assert_str_eq(disk.file, "/csv1/a");
        ck_assert_str_eq(disk.mirror, "/csv2/a");
        ck_assert(disk.is_ready);
}
END_TEST

START_TEST(another_image_is_based_on_nothing)
{
        char *text = domain_disk_replace(DOMAIN(VDA VDB), strlen(DOMAIN(VDA VDB)), "vda", "/csv2/a & b");
        ck_assert_ptr_null(strstr(text, "backingStore"));
        ck_assert_int_eq(find(text, "vda"), 0);
        ck_assert_str_eq(disk.file, "/csv2/a & b");
        ck_assert_int_eq(find(text, "vdb"), 0);
        ck_assert_str_eq(disk.file, "/csv1/b");
        free(text);
}
END_TEST

START_TEST(a_destination_has_the_format_of_the_disk)
{
        ck_assert_int_eq(find(DOMAIN(VDA), NULL), 0);
        char *text = domain_disk_destination(&disk, "/csv2/<a>");
        ck_assert_str_eq(text,
                         "<disk type='file'><driver type='qcow2'/><source file=\"/csv2/&lt;a&gt;\"/></disk>");
        free(text);
}
END_TEST

static void check_has(const char *text, const char *part)
{
        ck_assert_msg(strstr(text, part) != NULL, "%s is not in %s", part, text);
}

START_TEST(a_disk_of_the_host_stops_its_guest_unless_its_definition_says_otherwise)
{
        const char *before = DOMAIN(
                VDB CDROM NETWORK DISK("", "<driver type='raw' error_policy='report'/><source "
                                           "file='/csv1/c'/>") "<disk type='block'><driver name='qemu' "
                                                               "cache='none'/><source dev='/dev/x'/></disk>");
        char *text = domain_disks_stop_on_error(before, strlen(before));
        check_has(text, "<driver name=\"qemu\" error_policy=\"stop\" rerror_policy=\"stop\"/></disk>");
        check_has(text,
                  "<driver type=\"raw\" error_policy=\"report\" name=\"qemu\" rerror_policy=\"stop\"/>");
        check_has(text,
                  "<driver name=\"qemu\" cache=\"none\" error_policy=\"stop\" rerror_policy=\"stop\"/>");
        check_has(text, "<disk type=\"network\"><source protocol=\"nbd\"/><target dev=\"vdn\"/></disk>");
        check_has(text, "<disk type=\"file\" device=\"cdrom\"><source");
        free(text);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("disks of a domain");
        TCase *tests = tcase_create("disk");
        tcase_add_test(tests, the_only_disk_needs_no_name);
        tcase_add_test(tests, of_several_one_has_to_be_named);
        tcase_add_test(tests, a_mirror_is_seen);
        tcase_add_test(tests, another_image_is_based_on_nothing);
        tcase_add_test(tests, a_destination_has_the_format_of_the_disk);
        tcase_add_test(tests, a_disk_of_the_host_stops_its_guest_unless_its_definition_says_otherwise);
        suite_add_tcase(suite, tests);
        return suite_run(suite);
}
