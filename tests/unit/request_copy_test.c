/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/request_fixture.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "clusterd/protocol/verb.h"
#include "tests/unit/suite_run.h"

/* clu role move --storage: which disk goes where, and what is refused before anybody is asked. */

#define DISK(file, target)                                                                                   \
        "<disk type='file'><driver type='raw'/><source file='" file "'/><target dev='" target "'/></disk>"
#define DOMAIN(disks) "<domain><name>vm01</name><devices>" disks "</devices></domain>"

static struct fixture fixture;

/* vm01 has a disk on csv1; csv2 is there as well, and the target san. */
static void open_fixture(void)
{
        struct object object = { .kind = OBJECT_VOLUME,
                                 .volume = {
                                         .id = 4, .name = "san", .kind = VOLUME_ISCSI, .path = "iqn.a" } };
        fixture_open(&fixture);
        fixture_add_volume(&fixture, 1, "csv1", 7);
        fixture_add_volume(&fixture, 2, "csv2", 8);
        ck_assert_int_eq(model_put(fixture.cluster.model, &object), 0);
        ((struct role *)model_role(fixture.cluster.model, "vm01"))->volumes = 1;
        fixture.stored = DOMAIN(DISK("/csv1/vm01.img", "vda"));
}

static void close_fixture(void)
{
        fixture_close(&fixture);
}

static json_t *move(const char *words)
{
        char arguments[512];
        TEXT_PRINT(arguments, "{\"name\":\"vm01\",%s}", words);
        return fixture_ask(&fixture, "role.move", arguments, false);
}

START_TEST(a_disk_keeps_its_name_unless_it_is_given_another)
{
        bool named = _i == 1;
        ck_assert_ptr_null(
                move(named ? "\"storage\":\"csv2/other.raw\",\"keep-old\":true" : "\"storage\":\"csv2\""));
        const struct command_role_copy *copy = &fixture.command.role_copy;
        ck_assert_int_eq(fixture.command.kind, COMMAND_ROLE_COPY);
        ck_assert_str_eq(copy->disk, "vda");
        ck_assert_str_eq(copy->from, "/csv1/vm01.img");
        ck_assert_str_eq(copy->to, named ? "/csv2/other.raw" : "/csv2/vm01.img");
        ck_assert_uint_eq(copy->volumes, 2);
        ck_assert_int_eq(copy->keep, named);
        ck_assert_ptr_nonnull(strstr(fixture.definition, copy->to));
        ck_assert_ptr_null(strstr(fixture.definition, copy->from));
}
END_TEST

static const struct {
        const char *stored, *words, *message;
        int exit;
} refused[] = {
        { NULL, "\"storage\":\"csv9\"", "there is no volume csv9", VERB_EXIT_NO_OBJECT },
        { NULL, "\"storage\":\"san\"", "volume san is of kind iscsi and has no images", VERB_EXIT_REFUSED },
        { NULL, "\"storage\":\"csv2/../csv1\"", "--storage: '../csv1' cannot name an image",
          VERB_EXIT_USAGE },
        { NULL, "\"storage\":\"csv2/a\\nb\"", "cannot name an image", VERB_EXIT_USAGE },
        { NULL, "\"storage\":\"csv2/\"", "cannot name an image", VERB_EXIT_USAGE },
        { NULL, "\"storage\":\"csv2/a.qcow2\"",
          "disk vda is raw, and 'a.qcow2' ends as an image that is qcow2", VERB_EXIT_REFUSED },
        { NULL, "\"storage\":\"csv1\"", "/csv1/vm01.img is that disk already", VERB_EXIT_REFUSED },
        { NULL, "\"storage\":\"csv2\",\"disk\":\"vdz\"", "there is no disk vdz", VERB_EXIT_USAGE },
        { DOMAIN(DISK("/csv1/a.raw", "vda") DISK("/csv2/b.raw", "vdb")), "\"storage\":\"csv2\"",
          "which disk is to be moved?", VERB_EXIT_USAGE },
        { DOMAIN(DISK("a b", "vda")), "\"storage\":\"csv2\"", "'a b' cannot name an image", VERB_EXIT_USAGE },
        { NULL, "\"disk\":\"vda\"", "go with --storage", VERB_EXIT_USAGE },
        { NULL, "\"storage\":\"csv2\",\"node\":\"n2\"", "--storage and --node are both given",
          VERB_EXIT_USAGE },
        { NULL, "\"abort\":true,\"node\":\"n2\"", "--abort and --node are both given", VERB_EXIT_USAGE },
        { NULL, "\"abort\":true,\"storage\":\"csv2\"", "--abort and --storage are both given",
          VERB_EXIT_USAGE },
        { NULL, "\"abort\":true,\"disk\":\"vda\"", "--abort and --disk are both given", VERB_EXIT_USAGE },
        { NULL, "\"abort\":true,\"keep-old\":true", "--abort and --keep-old are both given",
          VERB_EXIT_USAGE },
};

START_TEST(what_cannot_be_meant_is_refused_by_name)
{
        if (refused[_i].stored != NULL)
                fixture.stored = refused[_i].stored;
        json_t *reply = move(refused[_i].words);
        ck_assert_int_eq(reply_exit(reply), refused[_i].exit);
        ck_assert_msg(strstr(reply_message(reply), refused[_i].message) != NULL, "%s", reply_message(reply));
        ck_assert_uint_eq(fixture.submit_count, 0);
}
END_TEST

START_TEST(an_abort_asks_for_nothing_else)
{
        ck_assert_ptr_null(move("\"abort\":true"));
        ck_assert_int_eq(fixture.command.kind, COMMAND_ROLE_COPY_ABORT);
        ck_assert_str_eq(fixture.command.role.role, "vm01");
}
END_TEST

START_TEST(what_another_role_has_among_its_disks_is_neither_filled_nor_removed)
{
        fixture_add_role(&fixture, "vm02", ROLE_ONLINE, 2);
        ((struct role *)model_role(fixture.cluster.model, "vm02"))->volumes = 2;
        fixture.stored = DOMAIN(DISK("/csv1/vm01.img", "vda") DISK("/csv2/vm01.img", "vdb"));
        json_t *reply = move("\"storage\":\"csv2\",\"disk\":\"vda\"");
        ck_assert_int_eq(reply_exit(reply), VERB_EXIT_REFUSED);
        ck_assert_str_eq(reply_message(reply), "/csv2/vm01.img is a disk of role vm02");
        ((struct role *)model_role(fixture.cluster.model, "vm02"))->volumes = 1;
        reply = move("\"storage\":\"csv2/new.img\",\"disk\":\"vda\"");
        ck_assert_str_eq(reply_message(reply), "/csv1/vm01.img is a disk of role vm02");
        ck_assert_ptr_null(move("\"storage\":\"csv2/new.img\",\"disk\":\"vda\",\"keep-old\":true"));
        ck_assert_uint_eq(fixture.submit_count, 1);
}
END_TEST

START_TEST(an_image_that_a_disk_is_moved_to_or_from_is_in_use)
{
        static const char *const in_use[] = { "a.raw", "b.raw" };
        struct role *role = (struct role *)model_role(fixture.cluster.model, "vm01");
        role->copy = (struct role_copy){ .state = _i == 1 ? COPY_CLEARING : COPY_RUNNING,
                                         .from = "/csv2/a.raw",
                                         .to = "/csv2/b.raw",
                                         .volumes = 2 };
        ((struct volume *)model_volume(fixture.cluster.model, "csv2"))->coordinator = 1;
        for (size_t i = 0; i < 2; i++) {
                char arguments[128];
                TEXT_PRINT(arguments, "{\"name\":\"csv2\",\"image\":\"%s\"}", in_use[i]);
                json_t *reply = fixture_ask(&fixture, "volume.image delete", arguments, false);
                ck_assert_int_eq(reply_exit(reply), VERB_EXIT_REFUSED);
                ck_assert_ptr_nonnull(strstr(reply_message(reply), "is a disk of role vm01"));
        }
        ck_assert_ptr_null(
                move("\"storage\":\"csv2/b.raw\"")); /* the history says that it is moved already */
        role->copy.state = COPY_NONE;
        ck_assert_ptr_null(fixture_ask(&fixture, "volume.image delete",
                                       "{\"name\":\"csv2\",\"image\":\"a.raw\"}", false));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("requests to move a storage");
        TCase *tests = tcase_create("copy");
        tcase_add_checked_fixture(tests, open_fixture, close_fixture);
        tcase_add_loop_test(tests, a_disk_keeps_its_name_unless_it_is_given_another, 0, 2);
        tcase_add_loop_test(tests, what_cannot_be_meant_is_refused_by_name, 0,
                            (int)(sizeof(refused) / sizeof(refused[0])));
        tcase_add_test(tests, an_abort_asks_for_nothing_else);
        tcase_add_test(tests, what_another_role_has_among_its_disks_is_neither_filled_nor_removed);
        tcase_add_loop_test(tests, an_image_that_a_disk_is_moved_to_or_from_is_in_use, 0, 2);
        suite_add_tcase(suite, tests);
        return suite_run(suite);
}
