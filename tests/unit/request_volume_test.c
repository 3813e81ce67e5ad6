/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/request_fixture.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "clusterd/protocol/verb.h"
#include "tests/unit/suite_run.h"

/* Requests about volumes, and which of them a role is bound to. */

static struct fixture fixture;

static void open_fixture(void)
{
        fixture_open(&fixture);
}

static void close_fixture(void)
{
        fixture_close(&fixture);
}

static const char *text_of(json_t *reply, const char *key)
{
        const char *text = json_string_value(json_object_get(json_object_get(reply, "result"), key));
        return text == NULL ? "-" : text;
}

START_TEST(a_volume_is_shown_as_each_node_sees_it)
{
        fixture_add_volume(&fixture, 1, "full", 8);
        fixture_add_volume(&fixture, 2, "csv1", 7);
        struct object object = { .kind = OBJECT_ROLE, .role = { .name = "vm09", .volumes = 2 } };
        ck_assert_int_eq(model_put(fixture.cluster.model, &object), 0);
        json_t *reply = fixture_ask(&fixture, "volume.show", "{\"name\":\"csv1\"}", false);
        json_t *result = json_object_get(reply, "result"), *paths = json_object_get(result, "paths");
        ck_assert_str_eq(text_of(reply, "state"), "ready");
        ck_assert_str_eq(text_of(reply, "warning"), "-");
        ck_assert_str_eq(text_of(reply, "last_trouble"), "n3: it hangs");
        ck_assert_uint_eq(json_array_size(paths), 3);
        json_t *third = json_array_get(paths, 2);
        ck_assert_str_eq(json_string_value(json_object_get(third, "state")), "lost");
        ck_assert_str_eq(json_string_value(json_object_get(third, "cause")), "hangs");
        ck_assert_str_eq(json_string_value(json_object_get(json_array_get(paths, 1), "state")), "unknown");
        ck_assert_str_eq(json_string_value(json_array_get(json_object_get(result, "roles"), 0)), "vm09");
        result = json_object_get(fixture_ask(&fixture, "volume.list", "{}", false), "result");
        json_t *rows = json_object_get(result, "volumes");
        ck_assert_uint_eq(json_array_size(rows), 2);
        ck_assert_str_eq(json_string_value(json_object_get(json_array_get(rows, 1), "warning")),
                         "only 9 % of its space is free");
}
END_TEST

/* The one warning that begins so; "-" if there is none. */
static const char *warning_of(const char *begin)
{
        json_t *result = json_object_get(fixture_ask(&fixture, "cluster.status", "{}", false), "result"),
               *text;
        size_t at;
        json_array_foreach(json_object_get(result, "warnings"), at,
                           text) if (strncmp(json_string_value(text), begin, strlen(begin)) ==
                                     0) return json_string_value(text) +
                strlen(begin);
        return "-";
}

START_TEST(what_storage_suffers_is_warned_of)
{
        fixture_add_volume(&fixture, 1, "csv1", 8);
        fixture_add_volume(&fixture, 2, "csv2", 7);
        struct node *third = &fixture.cluster.model->nodes[3];
        ck_assert_str_eq(warning_of("volume csv1: "), "only 9 % of its space is free");
        ck_assert_str_eq(warning_of("volume csv2: "), "-");
        third->state = NODE_DOWN; /* it has lost more than that */
        ck_assert_str_eq(warning_of("volume csv2 is lost on "), "-");
        third->state = NODE_UP;
        ck_assert_str_eq(warning_of("volume csv2 is lost on "), "n3: it does not answer");
        struct volume *volume = (struct volume *)model_volume(fixture.cluster.model, "csv2");
        volume->paths[PATH_DIRECT] = 0;
        volume->paths[PATH_HANGS] = 5;
        ck_assert_str_eq(warning_of("volume csv2 is lost on "), "n1 and 1 other: it does not answer");

        struct object object;
        ck_assert_int_eq(model_get(fixture.cluster.model, OBJECT_ROLE, "vm01", &object), 0);
        object.role.state = ROLE_ONLINE;
        object.role.owner = 1;
        object.role.volumes = node_set_of(2);
        ck_assert_int_eq(model_put(fixture.cluster.model, &object), 0);
        ck_assert_str_eq(
                warning_of("role vm01 may stand still: "),
                "volume csv2 does not answer on n1: what was sent there may be written yet, so it goes on "
                "when that answers, or elsewhere when n1 is off (clu node fence n1)");
        object.role.stall.index = 7;
        TEXT_COPY(object.role.stall.text, "vda: I/O error");
        ck_assert_int_eq(model_put(fixture.cluster.model, &object), 0);
        ck_assert_str_eq(warning_of("role vm01 stands still on "), "n1: vda: I/O error");
        object.role.stall.index = 0;
        object.role.redirect = (struct role_redirect){
                .state = REDIRECT_SERVED, .index = 8, .exporter = 2, .client = 1, .text = "csv2 is lost"
        };
        ck_assert_int_eq(model_put(fixture.cluster.model, &object), 0);
        ck_assert_str_eq(warning_of("role vm01 on n1 writes through "), "n2: csv2 is lost");
        ck_assert_str_eq(warning_of("role vm01 may stand still: "), "-");
}
END_TEST

START_TEST(a_volume_is_shown_with_the_lease_of_who_is_asked)
{
        fixture_add_volume(&fixture, 1, "csv1", 7);
        fixture_add_volume(&fixture, 2, "csv2", 8);
        json_t *reply = fixture_ask(&fixture, "volume.show", "{\"name\":\"csv1\"}", false);
        ck_assert(json_is_null(json_object_get(json_object_get(reply, "result"), "lease")));
        fixture.cluster.lease = (struct lease_node){
                .state = LEASE_HELD, .since_ms = 400, .timings = lease_timings_default, .last.error = -EIO
        };
        reply = fixture_ask(&fixture, "volume.show", "{\"name\":\"csv2\"}", false);
        json_t *result = json_object_get(reply, "result"), *lease = json_object_get(result, "lease");
        ck_assert_str_eq(json_string_value(json_object_get(lease, "state")), "held");
        ck_assert_int_eq(json_integer_value(json_object_get(lease, "for_ms")), 600);
        ck_assert(json_is_false(json_object_get(lease, "confirmed")));
        ck_assert(json_is_null(json_object_get(lease, "error"))); /* one failed, the lease stands */
        ck_assert_uint_eq(json_array_size(json_object_get(result, "renewing")), 2);
        ck_assert_uint_eq(json_array_size(json_object_get(result, "leased")), 0);
        fixture.cluster.lease.state = LEASE_LAPSED;
        reply = fixture_ask(&fixture, "volume.show", "{\"name\":\"csv2\"}", false);
        lease = json_object_get(json_object_get(reply, "result"), "lease");
        ck_assert_ptr_nonnull(json_string_value(json_object_get(lease, "error")));
        fixture.cluster.lease.last =
                (struct lease_pass_result){ .outcome = LEASE_PASS_REFUSED, .found = SECTOR_FOREIGN };
        reply = fixture_ask(&fixture, "volume.show", "{\"name\":\"csv2\"}", false);
        lease = json_object_get(json_object_get(reply, "result"), "lease");
        ck_assert_str_eq(json_string_value(json_object_get(lease, "error")),
                         "in its place stands what is of another cluster or volume, and stays");
}
END_TEST

START_TEST(a_role_is_bound_to_the_volumes_of_its_disks)
{
        fixture_add_volume(&fixture, 1, "csv1", 7);
        fixture_add_volume(&fixture, 3, "csv3", 7);
        ck_assert_ptr_null(fixture_ask(
                &fixture, "role.add",
                "{\"name\":\"vm02\",\"definition\":\"<domain><name>vm02</name><memory>1024</memory><devices>"
                "<disk><source file='/csv3/a.img'/></disk><disk><source file='/csv10/b.img'/></disk>"
                "</devices></domain>\"}",
                false));
        ck_assert_int_eq(fixture.command.kind, COMMAND_ROLE_ADD);
        ck_assert_uint_eq(fixture.command.role_add.role.volumes, 4);
}
END_TEST

START_TEST(a_volume_that_was_refused_says_why)
{
        struct command *end = &fixture_add_entry(&fixture, COMMAND_VOLUME_DROP)->command;
        TEXT_COPY(end->volume.volume, "csv1");
        TEXT_COPY(end->volume.reason, "n3: it is too slow");
        struct command *late = &fixture_add_entry(&fixture, COMMAND_VOLUME_REPORT)->command;
        TEXT_COPY(late->volume_report.volume, "csv1");
        json_t *reply = fixture_ask(&fixture, "volume.show", "{\"name\":\"csv1\"}", false);
        ck_assert_int_eq(reply_exit(reply), VERB_EXIT_REFUSED);
        ck_assert_str_eq(reply_message(reply), "volume csv1 was not added: n3: it is too slow");
        reply = fixture_ask(&fixture, "volume.show", "{\"name\":\"csv2\"}", false);
        ck_assert_int_eq(reply_exit(reply), VERB_EXIT_NO_OBJECT);
        fixture_add_entry(&fixture, COMMAND_VOLUME_REMOVE)->command.volume = end->volume;
        reply = fixture_ask(&fixture, "volume.show", "{\"name\":\"csv1\"}", false);
        ck_assert_int_eq(reply_exit(reply), VERB_EXIT_NO_OBJECT);
}
END_TEST

START_TEST(images_are_the_work_of_who_coordinates_the_volume)
{
        struct volume *volume;
        fixture_add_volume(&fixture, 1, "csv1", 7);
        volume = (struct volume *)model_volume(fixture.cluster.model, "csv1");
        json_t *reply = fixture_ask(&fixture, "volume.image list", "{\"name\":\"csv1\"}", false);
        ck_assert_int_eq(reply_exit(reply), VERB_EXIT_REFUSED);
        volume->coordinator = 2;
        reply = fixture_ask(&fixture, "volume.image list", "{\"name\":\"csv1\"}", false);
        ck_assert_int_eq(reply_exit(reply), VERB_EXIT_REFUSED);
        ck_assert_str_eq(reply_message(reply), "volume csv1 is coordinated by n2");
        volume->coordinator = 1;
        ck_assert_ptr_null(fixture_ask(&fixture, "volume.image list", "{\"name\":\"csv1\"}", false));
        ck_assert_str_eq(fixture.program, "sh");
        request_image_done(fixture.handler, fixture.token, true, "1048576 8 a b.raw\n5 0 x.txt\n");
        json_t *images = json_object_get(json_object_get(fixture.reply, "result"), "images");
        ck_assert_uint_eq(json_array_size(images), 1);
        ck_assert_str_eq(json_string_value(json_object_get(json_array_get(images, 0), "name")), "a b.raw");
        ck_assert_ptr_null(fixture_ask(&fixture, "volume.image delete",
                                       "{\"name\":\"csv1\",\"image\":\"b.raw\"}", false));
        ck_assert_str_eq(fixture.program, "sh");
        ck_assert_str_eq(fixture.last_word, "/csv1/b.raw");
        request_image_done(fixture.handler, fixture.token, false, "no such file");
        ck_assert_int_eq(reply_exit(fixture.reply), VERB_EXIT_FAILED);
        reply = fixture_ask(&fixture, "volume.image create",
                            "{\"name\":\"csv1\",\"image\":\"b.exe\",\"size\":1}", false);
        ck_assert_int_eq(reply_exit(reply), VERB_EXIT_USAGE);
        reply = fixture_ask(&fixture, "volume.image create",
                            "{\"name\":\"csv1\",\"image\":\"../b.raw\",\"size\":1}", false);
        ck_assert_int_eq(reply_exit(reply), VERB_EXIT_USAGE);
        reply = fixture_ask(&fixture, "volume.image snapshot",
                            "{\"name\":\"csv1\",\"image\":\"b.raw\",\"tag\":\"t\"}", false);
        ck_assert_int_eq(reply_exit(reply), VERB_EXIT_REFUSED);
}
END_TEST

START_TEST(a_volume_is_added_and_removed_by_commands)
{
        ck_assert_ptr_null(fixture_ask(&fixture, "volume.add",
                                       "{\"name\":\"csv1\",\"kind\":\"directory\",\"path\":\"/srv/csv1\"}",
                                       false));
        ck_assert_int_eq(fixture.command.kind, COMMAND_VOLUME_ADD);
        ck_assert_str_eq(fixture.command.volume_add.path, "/srv/csv1");
        ck_assert_uint_ne(fixture.command.volume_add.identity, 0);
        json_t *reply = fixture_ask(&fixture, "volume.add",
                                    "{\"name\":\"csv1\",\"kind\":\"iscsi\",\"path\":\"/srv/csv1\"}", false);
        ck_assert_int_eq(reply_exit(reply), VERB_EXIT_USAGE);
        reply = fixture_ask(&fixture, "volume.add",
                            "{\"name\":\"csv1\",\"kind\":\"directory\",\"path\":\"srv/../csv1\"}", false);
        ck_assert_int_eq(reply_exit(reply), VERB_EXIT_USAGE);
        reply = fixture_ask(&fixture, "volume.remove", "{\"name\":\"csv1\"}", false);
        ck_assert_int_eq(reply_exit(reply), VERB_EXIT_NO_OBJECT);
        fixture_add_volume(&fixture, 1, "csv1", 7);
        (void)fixture_ask(&fixture, "volume.maintenance on", "{\"name\":\"csv1\"}", false);
        ck_assert_int_eq(fixture.command.kind, COMMAND_VOLUME_MAINTAIN);
        (void)fixture_ask(&fixture, "volume.maintenance off", "{\"name\":\"csv1\"}", false);
        ck_assert_int_eq(fixture.command.kind, COMMAND_VOLUME_RESUME);
        reply = fixture_ask(&fixture, "volume.move", "{\"name\":\"csv1\",\"node\":\"n9\"}", false);
        ck_assert_int_eq(reply_exit(reply), VERB_EXIT_NO_OBJECT);
        (void)fixture_ask(&fixture, "volume.move", "{\"name\":\"csv1\",\"node\":\"n2\"}", false);
        ck_assert_int_eq(fixture.command.kind, COMMAND_VOLUME_MOVE);
        ck_assert_uint_eq(fixture.command.volume_move.node, 2);
        (void)fixture_ask(&fixture, "volume.remove", "{\"name\":\"csv1\"}", false);
        ck_assert_int_eq(fixture.command.kind, COMMAND_VOLUME_REMOVE);
        ck_assert_uint_eq(fixture.command.volume.identity, 7);
}
END_TEST

START_TEST(a_target_is_added_by_its_name_and_its_password_is_never_shown)
{
        static const char *const lacking[] = {
                "{\"name\":\"san\",\"kind\":\"iscsi\",\"portal\":\"h\"}",
                "{\"name\":\"san\",\"kind\":\"iscsi\",\"portal\":\"h\",\"target\":\"/csv1\"}",
                "{\"name\":\"san\",\"kind\":\"iscsi\",\"portal\":\"h\",\"target\":\"iqn.a\",\"path\":\"/p\"}",
                "{\"name\":\"san\",\"kind\":\"directory\",\"portal\":\"h\",\"path\":\"/p\"}",
                "{\"name\":\"san\",\"kind\":\"directory\"}",
        };
        for (size_t i = 0; i < sizeof(lacking) / sizeof(lacking[0]); i++)
                ck_assert_int_eq(reply_exit(fixture_ask(&fixture, "volume.add", lacking[i], false)),
                                 VERB_EXIT_USAGE);
        (void)fixture_ask(&fixture, "volume.add",
                          "{\"name\":\"san\",\"kind\":\"iscsi\",\"portal\":\"host:1\",\"target\":\"iqn.a\","
                          "\"user\":\"clu\",\"password\":\"s3cret\"}",
                          false);
        ck_assert_int_eq(fixture.command.volume_add.kind, VOLUME_ISCSI);
        ck_assert_str_eq(fixture.command.volume_add.path, "iqn.a");
        ck_assert_str_eq(fixture.command.volume_add.login.portal, "host:1");
        ck_assert_str_eq(fixture.command.volume_add.login.password, "s3cret");
        struct object object = { .kind = OBJECT_VOLUME,
                                 .volume = { .id = 1,
                                             .name = "san",
                                             .kind = VOLUME_ISCSI,
                                             .login = fixture.command.volume_add.login } };
        ck_assert_int_eq(model_put(fixture.cluster.model, &object), 0);
        struct entry *entry = fixture_add_entry(&fixture, COMMAND_VOLUME_ADD);
        TEXT_COPY(entry->command.volume_add.name, "san");
        entry->text = "{\"kind\":\"volume-add\",\"d\":{\"name\":\"san\",\"password\":\"s3cret\"}}";
        entry->text_bytes = strlen(entry->text);
        static const char *const verbs[] = { "volume.list", "event.list", "ledger.list" };
        for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++) {
                char *text = json_dumps(fixture_ask(&fixture, verbs[i], "{}", false), 0);
                ck_assert_msg(strstr(text, "s3cret") == NULL, "%s: %s", verbs[i], text);
                ck_assert_ptr_nonnull(strstr(text, "san"));
                free(text);
        }
        json_t *reply = fixture_ask(&fixture, "volume.image list", "{\"name\":\"san\"}", false);
        ck_assert_int_eq(reply_exit(reply), VERB_EXIT_REFUSED);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("request volume");
        TCase *tcase = tcase_create("request volume");
        tcase_add_checked_fixture(tcase, open_fixture, close_fixture);
        tcase_add_test(tcase, a_volume_is_shown_as_each_node_sees_it);
        tcase_add_test(tcase, what_storage_suffers_is_warned_of);
        tcase_add_test(tcase, a_volume_is_shown_with_the_lease_of_who_is_asked);
        tcase_add_test(tcase, a_role_is_bound_to_the_volumes_of_its_disks);
        tcase_add_test(tcase, a_volume_that_was_refused_says_why);
        tcase_add_test(tcase, images_are_the_work_of_who_coordinates_the_volume);
        tcase_add_test(tcase, a_volume_is_added_and_removed_by_commands);
        tcase_add_test(tcase, a_target_is_added_by_its_name_and_its_password_is_never_shown);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
