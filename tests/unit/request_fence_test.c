/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/request_fixture.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "clusterd/protocol/verb.h"
#include "tests/unit/suite_run.h"

/* Requests about fence devices, and what nobody may be shown of them. */

static struct fixture fixture;

static void open_fixture(void)
{
        fixture_open(&fixture);
}

static void close_fixture(void)
{
        fixture_close(&fixture);
}

START_TEST(a_fence_device_is_checked_before_it_is_added)
{
        const char *arguments = "{\"name\":\"f1\",\"agent\":\"fence_x\",\"nodes\":[\"n1\",\"n2\"],"
                                "\"option\":[\"ip=10.0.0.1\",\"password=s=cret\"],\"timeout\":5000,"
                                "\"level\":3,\"together\":2}";
        ck_assert_ptr_null(fixture_ask(&fixture, "fence.add", arguments, false));
        ck_assert_uint_eq(fixture.fence_checks, 1);
        ck_assert_uint_eq(fixture.submit_count, 0);
        request_fence_checked(fixture.handler, fixture.token, true, "");
        ck_assert_uint_eq(fixture.submit_count, 1);
        ck_assert_str_eq(fixture.command.fence_add.options, "ip=10.0.0.1\npassword=s=cret\n");
        ck_assert_uint_eq(fixture.command.fence_add.targets, 3);
        ck_assert_uint_eq(fixture.command.fence_add.timeout_ms, 5000);
        ck_assert_uint_eq(fixture.command.fence_add.level, 3);
        ck_assert_uint_eq(fixture.command.fence_add.together, 2);
        request_reply(fixture.handler, fixture.token, REPLY_DONE, 50, "");
        ck_assert_int_eq(reply_exit(fixture.reply), VERB_EXIT_DONE);

        (void)fixture_ask(&fixture, "fence.add", arguments, false);
        request_fence_checked(fixture.handler, fixture.token, false, "there is no fence_x");
        ck_assert_int_eq(reply_exit(fixture.reply), VERB_EXIT_REFUSED);
        ck_assert_uint_eq(fixture.submit_count, 1);
}
END_TEST

static void add_device(const char *name)
{
        struct object object = { .kind = OBJECT_FENCE_DEVICE,
                                 .fence_device = { .agent = "fence_x",
                                                   .targets = 2,
                                                   .level = 2,
                                                   .options = "password=s3cret\n" } };
        TEXT_COPY(object.fence_device.name, name);
        ck_assert_int_eq(model_put(fixture.cluster.model, &object), 0);
}

START_TEST(a_fence_test_asks_every_device_of_the_node)
{
        add_device("f2");
        add_device("f1");
        ck_assert_ptr_null(fixture_ask(&fixture, "fence.test", "{\"name\":\"n2\"}", false));
        ck_assert_uint_eq(fixture.fence_tests, 2);
        request_fence_tested(fixture.handler, fixture.token, "f1", true, true, "", 70);
        ck_assert_uint_eq(fixture.reply_count, 0);
        request_fence_tested(fixture.handler, fixture.token, "f2", false, false, "no route", 5000);
        ck_assert_int_eq(reply_exit(fixture.reply), VERB_EXIT_FAILED);
        json_t *devices = json_object_get(json_object_get(fixture.reply, "result"), "devices");
        ck_assert_uint_eq(json_array_size(devices), 2);
        ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(devices, 0), "level")), 2);
}
END_TEST

static bool is_warned_of(const char *text)
{
        json_t *reply = fixture_ask(&fixture, "cluster.status", "{}", false), *warning;
        size_t at;
        json_array_foreach(json_object_get(json_object_get(reply, "result"), "warnings"), at,
                           warning) if (strstr(json_string_value(warning), text) != NULL) return true;
        return false;
}

START_TEST(a_node_without_a_watchdog_is_warned_of)
{
        struct node *node = (struct node *)model_node(fixture.cluster.model, 2);
        add_device("f1"); /* for this one */
        node->watchdog = true;
        ck_assert(!is_warned_of("n2 has no watchdog"));
        node->watchdog = false;
        ck_assert(is_warned_of("n2 has no watchdog: while its fence devices fail"));
}
END_TEST

START_TEST(who_lacks_an_agent_is_named)
{
        ck_assert_int_eq(reply_exit(fixture_ask(&fixture, "fence.show", "{\"name\":\"f1\"}", false)),
                         VERB_EXIT_NO_OBJECT);
        add_device("f1");
        json_t *shown =
                json_object_get(fixture_ask(&fixture, "fence.show", "{\"name\":\"f1\"}", false), "result");
        json_t *row = json_array_get(json_object_get(shown, "agents"), 0);
        ck_assert_str_eq(json_string_value(json_object_get(row, "agent")), "unknown");
        ck_assert(!is_warned_of("lacks the fence agent"));
        TEXT_COPY(fixture.cluster.heartbeat.agents_missing, "fence_y fence_x");
        ck_assert(is_warned_of("n1 lacks the fence agent fence_x"));
        ck_assert(!is_warned_of("fence_y"));
        shown = json_object_get(fixture_ask(&fixture, "fence.show", "{\"name\":\"f1\"}", false), "result");
        row = json_array_get(json_object_get(shown, "agents"), 0);
        ck_assert_str_eq(json_string_value(json_object_get(row, "node")), "n1");
        ck_assert_str_eq(json_string_value(json_object_get(row, "agent")), "missing");
        ck_assert_str_eq(json_string_value(json_array_get(json_object_get(shown, "missing"), 0)), "n1");
        ck_assert_ptr_null(json_object_get(shown, "options"));
        json_t *list = json_object_get(fixture_ask(&fixture, "node.list", "{}", false), "result");
        row = json_array_get(json_object_get(list, "nodes"), 0);
        ck_assert_str_eq(json_string_value(json_array_get(json_object_get(row, "agents_missing"), 0)),
                         "fence_x");
}
END_TEST

START_TEST(a_real_fence_test_is_a_change)
{
        add_device("f1");
        ck_assert_ptr_null(fixture_ask(&fixture, "fence.test",
                                       "{\"name\":\"n2\",\"really\":true,\"force\":true}", false));
        ck_assert_uint_eq(fixture.fence_tests, 0);
        ck_assert_int_eq(fixture.command.kind, COMMAND_FENCE_TEST);
        ck_assert_uint_eq(fixture.command.fence_test.node, 2);
        ck_assert(fixture.command.fence_test.force);
        fixture.client.may_change = false;
        ck_assert_int_eq(
                reply_exit(fixture_ask(&fixture, "fence.test", "{\"name\":\"n2\",\"really\":true}", false)),
                VERB_EXIT_REFUSED);
        ck_assert_int_eq(reply_exit(fixture_ask(&fixture, "fence.test", "{\"name\":\"n2\"}", true)),
                         VERB_EXIT_USAGE);
}
END_TEST

START_TEST(a_node_is_turned_on_by_a_command)
{
        ck_assert_ptr_null(
                fixture_ask(&fixture, "node.power-on", "{\"name\":\"n2\",\"reason\":\"repaired\"}", false));
        ck_assert_int_eq(fixture.command.kind, COMMAND_FENCE_TEST);
        ck_assert(fixture.command.fence_test.on_only);
        ck_assert_uint_eq(fixture.command.fence_test.node, 2);
        ck_assert_str_eq(fixture.command.fence_test.reason, "asked by root: repaired");
}
END_TEST

static void add_report(uint32_t node, const char *device)
{
        struct command_fence_report *report =
                &fixture_add_entry(&fixture, COMMAND_FENCE_REPORT)->command.fence_report;
        report->node = node;
        report->duration_ms = 70;
        report->succeeded = true;
        TEXT_COPY(report->device, device);
}

START_TEST(fence_history_tells_of_one_node_or_all)
{
        fixture_add_entry(&fixture, COMMAND_NODE_LOST)->command.node.node = 2;
        add_report(1, "f1");
        fixture_add_entry(&fixture, COMMAND_NODE_JOIN)->command.node_join.node = 2;
        add_report(2, "f2");
        json_t *one =
                json_object_get(fixture_ask(&fixture, "fence.history", "{\"name\":\"n2\"}", false), "result");
        json_t *events = json_object_get(one, "events");
        ck_assert_uint_eq(json_array_size(events), 2);
        json_t *last = json_array_get(events, 1);
        ck_assert_str_eq(json_string_value(json_object_get(last, "device")), "f2");
        ck_assert_int_eq(json_integer_value(json_object_get(last, "duration_ms")), 70);
        ck_assert(json_is_true(json_object_get(last, "succeeded")));
        json_t *all =
                json_object_get(fixture_ask(&fixture, "fence.history", "{\"limit\":2}", false), "result");
        events = json_object_get(all, "events");
        ck_assert_uint_eq(json_array_size(events), 2);
        ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(events, 0), "index")), 2);
        ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(events, 1), "index")), 4);
        ck_assert_int_eq(reply_exit(fixture_ask(&fixture, "fence.history", "{\"name\":\"n9\"}", false)),
                         VERB_EXIT_NO_OBJECT);
}
END_TEST

START_TEST(fence_history_tells_of_keys_that_could_not_be_taken_away)
{
        struct command_fence_report *report =
                &fixture_add_entry(&fixture, COMMAND_FENCE_REPORT)->command.fence_report;
        *report = (struct command_fence_report){
                .node = 2, .volume = "san", .duration_ms = 3000, .text = "LUN 1: it is away"
        };
        json_t *one =
                json_object_get(fixture_ask(&fixture, "fence.history", "{\"name\":\"n2\"}", false), "result");
        json_t *event = json_array_get(json_object_get(one, "events"), 0);
        ck_assert_str_eq(json_string_value(json_object_get(event, "volume")), "san");
        ck_assert(json_is_false(json_object_get(event, "succeeded")));
        ck_assert_ptr_null(json_object_get(event, "device"));
        ck_assert_ptr_nonnull(strstr(json_string_value(json_object_get(event, "text")), "LUN 1: it is away"));
}
END_TEST

START_TEST(fence_options_are_never_shown)
{
        add_device("f1");
        struct entry *entry = fixture_add_entry(&fixture, COMMAND_FENCE_ADD);
        TEXT_COPY(entry->command.fence_add.name, "f1");
        entry->text = "{\"kind\":\"fence-add\",\"name\":\"f1\",\"options\":\"password=s3cret\\n\",\"d\":{"
                      "\"options\":\"s3cret\"}}";
        entry->text_bytes = strlen(entry->text);
        static const char *const verbs[] = { "fence.list", "event.list", "ledger.list" };
        for (size_t i = 0; i < 3; i++) {
                char *text = json_dumps(fixture_ask(&fixture, verbs[i], "{}", false), 0);
                ck_assert_msg(strstr(text, "s3cret") == NULL, "%s: %s", verbs[i], text);
                ck_assert_ptr_nonnull(strstr(text, "f1"));
                free(text);
        }
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("request fence");
        TCase *tcase = tcase_create("request fence");
        tcase_add_checked_fixture(tcase, open_fixture, close_fixture);
        tcase_add_test(tcase, a_fence_device_is_checked_before_it_is_added);
        tcase_add_test(tcase, a_fence_test_asks_every_device_of_the_node);
        tcase_add_test(tcase, a_node_without_a_watchdog_is_warned_of);
        tcase_add_test(tcase, a_node_is_turned_on_by_a_command);
        tcase_add_test(tcase, who_lacks_an_agent_is_named);
        tcase_add_test(tcase, a_real_fence_test_is_a_change);
        tcase_add_test(tcase, fence_history_tells_of_one_node_or_all);
        tcase_add_test(tcase, fence_history_tells_of_keys_that_could_not_be_taken_away);
        tcase_add_test(tcase, fence_options_are_never_shown);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
