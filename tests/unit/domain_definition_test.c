/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/domain_definition.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "tests/unit/suite_run.h"

#define UUID   "6b1f3c2a-1111-4222-8333-944455556666"
#define MEMORY "<memory unit='MiB'>512</memory>"

static struct domain_definition definition;
static char error[DEFINITION_ERROR_BYTES];

static void set_up(void)
{
        memset(&definition, 0, sizeof(definition));
        memset(error, 0, sizeof(error));
}

static void tear_down(void)
{
        free(definition.text);
}

static int read_text(const char *text)
{
        return domain_definition_read(text, strlen(text), &definition, error);
}

static void expect_refusal(const char *text, const char *words)
{
        ck_assert_int_eq(read_text(text), -EINVAL);
        ck_assert_msg(strstr(error, words) != NULL, "'%s' does not say '%s'", error, words);
        ck_assert_ptr_null(definition.text);
}

START_TEST(reads_what_placement_needs)
{
        ck_assert_int_eq(
                read_text("<domain type='kvm'>\n  <name>vm01</name>\n  <uuid>" UUID "</uuid>\n"
                          "  <memory unit='GiB'>4</memory>\n  <vcpu current='1'>6</vcpu>\n</domain>\n"),
                0);
        ck_assert_str_eq(definition.name, "vm01");
        ck_assert_str_eq(definition.uuid, UUID);
        ck_assert_uint_eq(definition.memory_mib, 4096);
        ck_assert_uint_eq(definition.cpus, 6);
        ck_assert_uint_eq(definition.text_bytes, strlen(definition.text));
}
END_TEST

START_TEST(adds_a_uuid_that_is_missing_and_keeps_the_rest)
{
        ck_assert_int_eq(
                read_text("<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>"
                          "<name>vm01</name>" MEMORY "<qemu:commandline><qemu:arg value='-S'/>"
                          "</qemu:commandline></domain>"),
                0);
        char element[UUID_BYTES + 32];
        (void)snprintf(element, sizeof(element), "<name>vm01</name><uuid>%s</uuid>", definition.uuid);
        ck_assert_ptr_nonnull(strstr(definition.text, element));
        ck_assert_ptr_nonnull(strstr(definition.text, "<qemu:arg value=\"-S\"/>"));
        ck_assert_uint_eq(strlen(definition.uuid), UUID_BYTES - 1);
        ck_assert_int_eq(definition.uuid[14], '4');
        ck_assert_uint_eq(definition.cpus, 1);
}
END_TEST

START_TEST(two_added_uuids_differ)
{
        const char *text = "<domain><name>vm01</name>" MEMORY "</domain>";
        char first[UUID_BYTES];
        ck_assert_int_eq(read_text(text), 0);
        memcpy(first, definition.uuid, sizeof(first));
        free(definition.text);
        ck_assert_int_eq(read_text(text), 0);
        ck_assert_str_ne(first, definition.uuid);
}
END_TEST

/* The text is what is hashed: reading it again must not change it. */
START_TEST(reading_its_own_text_gives_the_same_text)
{
        ck_assert_int_eq(read_text("<?xml version='1.0' encoding='ISO-8859-1'?>\n<!-- a -->\n<domain>\n  "
                                   "<name>vm01</name>\n"
                                   "  <title>caf\xe9 &lt;&#10;</title>\n  " MEMORY "\n</domain>"),
                         0);
        char *first = definition.text;
        definition.text = NULL;
        ck_assert_ptr_nonnull(strstr(first, "caf\xc3\xa9 &lt;"));
        ck_assert_int_eq(read_text(first), 0);
        ck_assert_str_eq(definition.text, first);
        free(first);
}
END_TEST

START_TEST(uuid_is_read_in_any_spelling)
{
        ck_assert_int_eq(
                read_text("<domain><name>vm01</name><uuid> 6B1F3C2A11114222833394445555 6666 </uuid>" MEMORY
                          "</domain>"),
                -EINVAL);
        ck_assert_int_eq(
                read_text("<domain><name>vm01</name><uuid> 6B1F3C2A111142228333944455556666 </uuid>" MEMORY
                          "</domain>"),
                0);
        ck_assert_str_eq(definition.uuid, UUID);
}
END_TEST

static const struct {
        const char *memory;
        uint32_t mib;
} memories[] = {
        { "<memory>1048576</memory>", 1024 },
        { "<memory>1048577</memory>", 1025 },
        { "<memory>1</memory>", 1 },
        { "<memory unit='b'>1048576</memory>", 1 },
        { "<memory unit='bytes'>1048577</memory>", 2 },
        { "<memory unit='KB'>1048576</memory>", 1000 },
        { "<memory unit='k'>2048</memory>", 2 },
        { "<memory unit='KiB'> 2048\n</memory>", 2 },
        { "<memory unit='MB'>1000</memory>", 954 },
        { "<memory unit='M'>7</memory>", 7 },
        { "<memory unit='MiB'>7</memory>", 7 },
        { "<memory unit='GiB'>2</memory>", 2048 },
        { "<memory unit='GB'>1</memory>", 954 },
        { "<memory unit='G'>2</memory>", 2048 },
        { "<memory unit='TB'>1</memory>", 953675 },
        { "<memory unit='T'>1</memory>", 1048576 },
        { "<memory unit='TiB'>64</memory>", 67108864 },
};

START_TEST(memory_is_read_in_every_unit_and_rounded_up)
{
        char text[256];
        (void)snprintf(text, sizeof(text), "<domain><name>a</name>%s</domain>", memories[_i].memory);
        ck_assert_msg(read_text(text) == 0, "%s: %s", text, error);
        ck_assert_uint_eq(definition.memory_mib, memories[_i].mib);
}
END_TEST

static const struct {
        const char *text;
        const char *words;
} refusals[] = {
        { "", "empty" },
        { " ", "well-formed" },
        { "hello", "line 1: not well-formed" },
        { "<domain>\n<name>vm01</name>\n<memory>1</domain>", "line 3: not well-formed" },
        { "<domain><name>vm01</name>" MEMORY "</domain><domain/>", "well-formed" },
        { "<domain><name>vm\xff\xfe</name>" MEMORY "</domain>", "well-formed" },
        { "<domain><name>&unknown;</name>" MEMORY "</domain>", "well-formed" },
        { "<network><name>vm01</name></network>", "<network> is not a libvirt <domain>" },
        { "<domstatus><domain><name>vm01</name></domain></domstatus>", "<domstatus> is not" },
        { "<domain xmlns='urn:other'><name>vm01</name>" MEMORY "</domain>", "is not a libvirt" },
        { "<domain>" MEMORY "</domain>", "no <name>" },
        { "<domain><name/>" MEMORY "</domain>", "no <name>" },
        { "<domain><name> </name>" MEMORY "</domain>", "no <name>" },
        { "<domain><devices><name>vm01</name></devices>" MEMORY "</domain>", "no <name>" },
        { "<domain><name>vm01</name>\n<name>vm02</name>" MEMORY "</domain>", "line 2: a second <name>" },
        { "<domain><name>vm 01</name>" MEMORY "</domain>", "cannot name a role" },
        { "<domain><name>../vm01</name>" MEMORY "</domain>", "cannot name a role" },
        { "<domain><name>-vm01</name>" MEMORY "</domain>", "cannot name a role" },
        { "<domain><name>aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa</name>" MEMORY
          "</domain>",
          "cannot name a role" },
        { "<domain><name>vm01</name></domain>", "no <memory>" },
        { "<domain><name>vm01</name><memory/></domain>", "not a number" },
        { "<domain><name>vm01</name><memory>-1</memory></domain>", "not a number" },
        { "<domain><name>vm01</name><memory>1.5</memory></domain>", "not a number" },
        { "<domain><name>vm01</name><memory>0x10</memory></domain>", "not a number" },
        { "<domain><name>vm01</name><memory>99999999999999999999</memory></domain>", "not a number" },
        { "<domain><name>vm01</name><memory>999999999999999999999</memory></domain>", "not a number" },
        { "<domain><name>vm01</name><memory unit='MiB'>0</memory></domain>", "is zero" },
        { "<domain><name>vm01</name><memory unit='furlong'>1</memory></domain>", "unknown unit" },
        { "<domain><name>vm01</name><memory unit='TiB'>65</memory></domain>", "over 64 TiB" },
        { "<domain><name>vm01</name><memory unit='TiB'>18446744073709551615</memory></domain>",
          "over 64 TiB" },
        { "<domain><name>vm01</name><memory unit='b'>70368744177665</memory></domain>", "over 64 TiB" },
        { "<domain><name>vm01</name>" MEMORY MEMORY "</domain>", "a second <memory>" },
        { "<domain><name>vm01</name>" MEMORY "<vcpu>0</vcpu></domain>", "<vcpu>" },
        { "<domain><name>vm01</name>" MEMORY "<vcpu>4097</vcpu></domain>", "<vcpu>" },
        { "<domain><name>vm01</name>" MEMORY "<vcpu/></domain>", "<vcpu>" },
        { "<domain><name>vm01</name>" MEMORY "<uuid>short</uuid></domain>", "not a UUID" },
        { "<domain><name>vm01</name>" MEMORY "<uuid/></domain>", "not a UUID" },
        { "<domain><name>vm01</name>" MEMORY "<uuid>00000000-0000-0000-0000-000000000000</uuid></domain>",
          "not a UUID" },
        { "<domain><name>vm01</name>" MEMORY "\n<on_crash>preserve</on_crash></domain>",
          "line 2: <on_crash>preserve" },
        { "<!DOCTYPE domain><domain><name>vm01</name>" MEMORY "</domain>", "document type" },
        { "<?xml version='1.0'?>\n<!DOCTYPE domain SYSTEM 'file:///etc/passwd'>\n<domain/>",
          "line 2: a document type" },
        { "<!DOCTYPE domain SYSTEM 'http://127.0.0.1:1/domain.dtd'><domain/>", "document type" },
        { "<!DOCTYPE d [<!ENTITY x SYSTEM 'file:///etc/hostname'>]><domain><name>&x;</name>" MEMORY
          "</domain>",
          "document type" },
        { "<!DOCTYPE d [<!ENTITY % p SYSTEM 'file:///etc/hostname'> %p;]><domain/>", "document type" },
        { "<!DOCTYPE d [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;'>"
          "<!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;'><!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;'>"
          "<!ENTITY e '&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;'><!ENTITY f '&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;'>"
          "<!ENTITY g '&f;&f;&f;&f;&f;&f;&f;&f;&f;&f;'><!ENTITY h '&g;&g;&g;&g;&g;&g;&g;&g;&g;&g;'>"
          "<!ENTITY i '&h;&h;&h;&h;&h;&h;&h;&h;&h;&h;'>]><domain><name>vm01</name><title>&i;</title>" MEMORY
          "</domain>",
          "document type" },
};

START_TEST(refuses_and_says_why)
{
        expect_refusal(refusals[_i].text, refusals[_i].words);
}
END_TEST

START_TEST(a_zero_byte_is_refused)
{
        const char text[] = "<domain><name>vm01</name>" MEMORY "</domain>\0<!-- hidden -->";
        ck_assert_int_eq(domain_definition_read(text, sizeof(text) - 1, &definition, error), -EINVAL);
        ck_assert_ptr_nonnull(strstr(error, "zero byte"));
}
END_TEST

/* `total` bytes of definition, most of it a comment; given. */
static char *padded(size_t total)
{
        const char *head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<domain><name>vm01</name><uuid>" UUID
                           "</uuid>" MEMORY "<!--";
        const char *tail = "--></domain>\n";
        char *text = malloc(total + 1);
        ck_assert_ptr_nonnull(text);
        memset(text, 'x', total);
        memcpy(text, head, strlen(head));
        memcpy(text + total - strlen(tail), tail, strlen(tail) + 1);
        return text;
}

START_TEST(too_large_is_told_apart)
{
        char *text = padded(DEFINITION_BYTES + 1);
        ck_assert_int_eq(read_text(text), -E2BIG);
        ck_assert_ptr_nonnull(strstr(error, "256 KiB"));
        free(text);
}
END_TEST

/* Even if little of it would be kept: it is not parsed at all. */
START_TEST(too_large_by_empty_space_is_refused)
{
        char *text = padded(DEFINITION_BYTES + 1);
        char *comment = strstr(text, "<!--");
        memset(comment, ' ', strlen(comment));
        memcpy(comment, "</domain", 8);
        text[DEFINITION_BYTES] = '>';
        ck_assert_int_eq(read_text(text), -E2BIG);
        free(text);
}
END_TEST

START_TEST(the_limit_itself_fits)
{
        /* Canonical text has double quotes, as long as these single ones. */
        char *text = padded(DEFINITION_BYTES);
        ck_assert_int_eq(read_text(text), 0);
        ck_assert_uint_eq(definition.text_bytes, DEFINITION_BYTES);
        free(text);
}
END_TEST

/* With no <uuid> the text grows: what fitted before may not fit afterwards. */
START_TEST(too_large_by_what_is_added_is_refused)
{
        char *text = padded(DEFINITION_BYTES);
        char *uuid = strstr(text, "<uuid>");
        memset(uuid, ' ', strlen("<uuid>" UUID "</uuid>"));
        ck_assert_int_eq(read_text(text), -E2BIG);
        free(text);
}
END_TEST

START_TEST(depth_does_not_exhaust_the_stack)
{
        size_t deep = 60000;
        char *text = malloc(3 * deep + 1);
        ck_assert_ptr_nonnull(text);
        for (size_t i = 0; i < deep; i++)
                memcpy(text + 3 * i, "<a>", 3);
        text[3 * deep] = '\0';
        expect_refusal(text, "not well-formed");
        free(text);
}
END_TEST

START_TEST(every_truncation_is_refused)
{
        const char *text =
                "<domain type='kvm'><name>vm01</name><uuid>" UUID "</uuid>" MEMORY "<vcpu>2</vcpu></domain>";
        for (size_t count = 0; count < strlen(text); count++)
                ck_assert_int_eq(domain_definition_read(text, count, &definition, error), -EINVAL);
        ck_assert_int_eq(read_text(text), 0);
}
END_TEST

#define FILES_BYTES 256

static void keep_file(void *context, const char *file)
{
        char *files = context;
        size_t used = strlen(files);
        (void)snprintf(files + used, FILES_BYTES - used, "%s\n", file);
}

START_TEST(names_the_files_of_its_disks_and_what_they_are_based_on)
{
        static const char text[] =
                "<domain><name>vm01</name><memory>1024</memory><devices>"
                "<disk type='file'><source file='/csv1/a.img'/><backingStore><source file='/csv2/base.img'/>"
                "<backingStore/></backingStore></disk>"
                "<disk type='network'><source protocol='iscsi' name='iqn/1'/></disk>"
                "<disk type='file' device='cdrom'/><interface><source file='/no/disk'/></interface>"
                "<disk type='file'><source file='/csv1/b&amp;c.img'/></disk></devices></domain>";
        char files[FILES_BYTES] = "";
        domain_definition_files(text, sizeof(text) - 1, keep_file, files);
        ck_assert_str_eq(files, "/csv1/a.img\n/csv2/base.img\niqn/1\n/csv1/b&c.img\n");
}
END_TEST

static bool is_lun(void *context, const char *file)
{
        (void)context;
        return strncmp(file, "iqn/", 4) == 0;
}

static bool is_contained(const char *devices)
{
        char text[1024];
        TEXT_PRINT(text, "<domain><name>vm01</name><memory>1024</memory>%s</domain>", devices);
        return domain_definition_is_contained(text, strlen(text), is_lun, NULL);
}

#define LUN           "<disk type='network'><source protocol='iscsi' name='iqn/1'/></disk>"
#define DEVICES(text) "<devices>" LUN text "</devices>"

START_TEST(what_writes_elsewhere_than_to_luns_is_told)
{
        ck_assert(is_contained(DEVICES("")));
        ck_assert(is_contained(DEVICES("<disk device='cdrom'/><interface/><controller/>")));
        ck_assert(is_contained(DEVICES("<disk device='cdrom'><source file='/iso'/></disk>")));
        ck_assert(is_contained(DEVICES("<disk><source file='/a'/><readonly/></disk>")));
        ck_assert(!is_contained(DEVICES("<disk><source file='/a'/></disk>")));
        ck_assert(!is_contained(DEVICES("<disk type='block'><source dev='/dev/sda'/></disk>")));
        ck_assert(!is_contained(DEVICES("<disk><source protocol='rbd' name='iqn/2'/></disk>")));
        ck_assert(!is_contained(DEVICES("<filesystem><source dir='/srv'/></filesystem>")));
        ck_assert(!is_contained(DEVICES("<hostdev/>")));
        ck_assert(!is_contained("<os><nvram>/var/lib/vm01.fd</nvram></os>" DEVICES("")));
}
END_TEST

static const char *socket_of(void *context, const char *lun)
{
        (void)context;
        return strcmp(lun, "iqn.a/1") == 0 ? "/run/1.sock" : NULL;
}

START_TEST(a_lun_is_reached_by_its_socket_and_nothing_else_is_changed)
{
        static const char before[] =
                "<domain><devices>"
                "<disk type='network'><source protocol='iscsi' name='iqn.a/1'><host name='san' port='3260'/>"
                "<auth username='u'/></source><target dev='vda'/></disk>"
                "<disk type='network'><source protocol='iscsi' name='iqn.b/1'/></disk>"
                "<disk type='file'><source file='/iqn.a/1'/></disk></devices></domain>";
        char *after = domain_definition_reroute(before, sizeof(before) - 1, socket_of, NULL);
        ck_assert_ptr_nonnull(strstr(after, "<disk type=\"network\"><source protocol=\"nbd\">"
                                            "<host transport=\"unix\" socket=\"/run/1.sock\"/></source>"
                                            "<target dev=\"vda\"/></disk>"));
        ck_assert_ptr_nonnull(strstr(after, "<source protocol=\"iscsi\" name=\"iqn.b/1\"/>"));
        ck_assert_ptr_nonnull(strstr(after, "<source file=\"/iqn.a/1\"/>"));
        free(after);
}
END_TEST

int main(void)
{
        TCase *tcase = tcase_create("domain_definition");
        tcase_add_checked_fixture(tcase, set_up, tear_down);
        tcase_add_test(tcase, reads_what_placement_needs);
        tcase_add_test(tcase, adds_a_uuid_that_is_missing_and_keeps_the_rest);
        tcase_add_test(tcase, two_added_uuids_differ);
        tcase_add_test(tcase, reading_its_own_text_gives_the_same_text);
        tcase_add_test(tcase, uuid_is_read_in_any_spelling);
        tcase_add_loop_test(tcase, memory_is_read_in_every_unit_and_rounded_up, 0,
                            (int)(sizeof(memories) / sizeof(memories[0])));
        tcase_add_loop_test(tcase, refuses_and_says_why, 0, (int)(sizeof(refusals) / sizeof(refusals[0])));
        tcase_add_test(tcase, a_zero_byte_is_refused);
        tcase_add_test(tcase, too_large_is_told_apart);
        tcase_add_test(tcase, too_large_by_empty_space_is_refused);
        tcase_add_test(tcase, the_limit_itself_fits);
        tcase_add_test(tcase, too_large_by_what_is_added_is_refused);
        tcase_add_test(tcase, depth_does_not_exhaust_the_stack);
        tcase_add_test(tcase, every_truncation_is_refused);
        tcase_add_test(tcase, names_the_files_of_its_disks_and_what_they_are_based_on);
        tcase_add_test(tcase, what_writes_elsewhere_than_to_luns_is_told);
        tcase_add_test(tcase, a_lun_is_reached_by_its_socket_and_nothing_else_is_changed);
        Suite *suite = suite_create("domain_definition");
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
