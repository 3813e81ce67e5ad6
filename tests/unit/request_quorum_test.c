/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/request_fixture.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "clusterd/protocol/verb.h"
#include "tests/unit/suite_run.h"

/* Requests about who votes, and what they are kept from. */

static struct fixture fixture;

static void open_fixture(void)
{
        fixture_open(&fixture);
}

static void close_fixture(void)
{
        fixture_close(&fixture);
}

/* What quorum show says of one of its nodes. */
static const char *row_text(json_t *result, size_t at, const char *key)
{
        return json_string_value(json_object_get(json_array_get(json_object_get(result, "nodes"), at), key));
}

static const char *line(json_t *result, size_t at)
{
        return json_string_value(json_array_get(json_object_get(result, "text"), at));
}

START_TEST(quorum_show_tells_what_each_loss_means)
{
        fixture.cluster.status.members = 3;
        json_t *result = json_object_get(fixture_ask(&fixture, "quorum.show", "{}", false), "result");
        ck_assert(json_is_true(json_object_get(result, "quorate")));
        ck_assert(json_is_true(json_object_get(result, "dynamic")));
        json_t *votes = json_object_get(result, "votes");
        ck_assert_int_eq(json_integer_value(json_object_get(votes, "present")), 2);
        ck_assert_int_eq(json_integer_value(json_object_get(votes, "expected")), 3);
        ck_assert_uint_eq(json_array_size(json_object_get(result, "voters")), 3);
        ck_assert_uint_eq(json_array_size(json_object_get(result, "voters_before")), 0);
        ck_assert_str_eq(row_text(result, 0, "seen"), "here");
        ck_assert_str_eq(row_text(result, 0, "if_lost"), "lost");
        ck_assert_str_eq(row_text(result, 2, "seen"), "silent");
        ck_assert_ptr_null(row_text(result, 2, "if_lost"));
        ck_assert_str_eq(line(result, 0), "none of n1 and n2 may be lost");
        ck_assert_str_eq(line(result, 1),
                         "n3 is there and its clusterd does not speak; that does not say that "
                         "it is down");
        fixture.cluster.status.members = 7;
        result = json_object_get(fixture_ask(&fixture, "quorum.show", "{}", false), "result");
        json_t *row = json_array_get(json_object_get(result, "nodes"), 0);
        ck_assert_str_eq(row_text(result, 0, "if_lost"), "holds");
        ck_assert_str_eq(json_string_value(json_array_get(json_object_get(row, "voters_then"), 0)), "n2");
        ck_assert_uint_eq(json_array_size(json_object_get(row, "voters_then")), 1);
}
END_TEST

START_TEST(quorum_show_answers_without_quorum_and_without_corosync)
{
        fixture.cluster.status.active = fixture.cluster.status.primary = false;
        fixture.cluster.status.members = fixture.cluster.status.connected = 4;
        json_t *reply = fixture_ask(&fixture, "quorum.show", "{}", false);
        json_t *result = json_object_get(reply, "result");
        ck_assert_int_eq(reply_exit(reply), VERB_EXIT_DONE);
        ck_assert(json_is_false(json_object_get(result, "quorate")));
        ck_assert_str_eq(line(result, 0), "1 of 3 votes is here, 2 are needed: n1 or n2 has to come back");
        ck_assert_str_eq(line(result, 1), "n1 is not heard here; that does not say that it is down");

        fixture.cluster.status.members = fixture.cluster.status.connected = 0;
        result = json_object_get(fixture_ask(&fixture, "quorum.show", "{}", false), "result");
        ck_assert_str_eq(line(result, 0),
                         "corosync cannot be asked on this node: it does not know who is there");
        ck_assert_uint_eq(json_array_size(json_object_get(result, "text")), 1);
}
END_TEST

START_TEST(quorum_show_tells_of_a_change_under_way)
{
        fixture.cluster.voters_before = 15;
        fixture.cluster.status.members = 3;
        json_t *result = json_object_get(fixture_ask(&fixture, "quorum.show", "{}", false), "result");
        ck_assert_uint_eq(json_array_size(json_object_get(result, "voters_before")), 4);
        ck_assert_str_eq(line(result, 0), "while the voters change both majorities count: 2 of 4 votes are "
                                          "here, 3 are needed: n3 or - has to come back");
}
END_TEST

/* Of two nodes n1 votes. */
static void leave_two(void)
{
        struct object object;
        ck_assert_int_eq(model_get(fixture.cluster.model, OBJECT_SETTINGS, "cluster", &object), 0);
        object.settings.voters = 1;
        ck_assert_int_eq(model_put(fixture.cluster.model, &object), 0);
        fixture.cluster.status.members = fixture.cluster.status.level = fixture.cluster.status.connected = 3;
}

START_TEST(what_would_cost_the_quorum_is_refused_unless_forced)
{
        leave_two();
        json_t *reply = fixture_ask(&fixture, "node.fence", "{\"name\":\"n1\"}", false);
        ck_assert_int_eq(reply_exit(reply), VERB_EXIT_REFUSED);
        ck_assert_ptr_nonnull(strstr(reply_message(reply), "without n1 there would be no quorum"));
        reply = fixture_ask(&fixture, "node.fence", "{\"name\":\"n1\"}", true);
        ck_assert_int_eq(reply_exit(reply), VERB_EXIT_REFUSED);
        ck_assert_uint_eq(fixture.submit_count, 0);
        ck_assert_ptr_null(fixture_ask(&fixture, "node.fence", "{\"name\":\"n1\",\"force\":true}", false));
        ck_assert_ptr_null(fixture_ask(&fixture, "node.drain", "{\"name\":\"n1\"}", false));
        ck_assert_uint_eq(fixture.submit_count, 2);
}
END_TEST

START_TEST(a_node_shuts_itself_down_and_leaves_a_quorum)
{
        struct object object;
        leave_two();
        fixture.cluster.status.members = 1;
        json_t *reply = fixture_ask(&fixture, "node.shut-down", "{\"name\":\"n1\"}", false);
        ck_assert_int_eq(reply_exit(reply), VERB_EXIT_REFUSED);
        ck_assert_ptr_nonnull(strstr(reply_message(reply), "without n1 there would be no quorum"));
        ck_assert_ptr_null(fixture_ask(&fixture, "node.shut-down",
                                       "{\"name\":\"n1\",\"force\":true,\"reboot\":true}", false));
        ck_assert_int_eq(fixture.command.kind, COMMAND_NODE_DRAIN);
        ck_assert_int_eq(fixture.command.node.shut_down, SHUT_DOWN_REBOOT);
        ck_assert(fixture.command.node.shut_down_forced);
        ck_assert_int_eq(model_get(fixture.cluster.model, OBJECT_NODE, "n2", &object), 0);
        object.node.state = NODE_LOST;
        ck_assert_int_eq(model_put(fixture.cluster.model, &object), 0);
        reply = fixture_ask(&fixture, "node.shut-down", "{\"name\":\"n2\",\"force\":true}", false);
        ck_assert_int_eq(reply_exit(reply), VERB_EXIT_REFUSED);
        ck_assert_ptr_nonnull(strstr(reply_message(reply), "n2 is lost"));
}
END_TEST

START_TEST(nobody_is_evicted_past_the_quorum)
{
        leave_two();
        fixture.cluster.status.members = 1;
        json_t *reply = fixture_ask(&fixture, "node.evict", "{\"name\":\"n1\"}", false);
        ck_assert_int_eq(reply_exit(reply), VERB_EXIT_REFUSED);
        ck_assert_ptr_nonnull(strstr(reply_message(reply), "without n1 there would be no quorum"));
        reply = fixture_ask(&fixture, "node.evict", "{\"name\":\"n1\",\"force\":true}", false);
        ck_assert_int_eq(reply_exit(reply), VERB_EXIT_USAGE);
        ck_assert_ptr_null(
                fixture_ask(&fixture, "node.evict", "{\"name\":\"n2\",\"reason\":\"sold\"}", false));
        ck_assert_int_eq(fixture.command.kind, COMMAND_NODE_EVICT);
        ck_assert_uint_eq(fixture.command.node.node, 2);
        ck_assert_str_eq(fixture.command.node.reason, "evicted by root: sold");
}
END_TEST

START_TEST(who_was_evicted_asks_for_nothing)
{
        fixture.cluster.status.evicted = true;
        json_t *reply = fixture_ask(&fixture, "role.stop", "{\"name\":\"vm01\"}", false);
        ck_assert_int_eq(reply_exit(reply), VERB_EXIT_REFUSED);
        ck_assert_ptr_nonnull(strstr(reply_message(reply), "was evicted"));
        ck_assert_uint_eq(fixture.submit_count, 0);
        ck_assert_int_eq(reply_exit(fixture_ask(&fixture, "node.list", "{}", false)), VERB_EXIT_DONE);
}
END_TEST

START_TEST(a_plan_shows_the_votes_before_and_after)
{
        leave_two();
        json_t *reply = fixture_ask(&fixture, "quorum.set", "{\"node\":\"n2\",\"priority\":5}", true);
        json_t *quorum = json_object_get(json_object_get(reply, "result"), "quorum");
        ck_assert_str_eq(json_string_value(json_object_get(quorum, "before")),
                         "n1 may not be lost; n2 has no vote and may be lost");
        ck_assert(json_is_string(json_object_get(quorum, "after")));
        reply = fixture_ask(&fixture, "role.stop", "{\"name\":\"vm01\"}", true);
        ck_assert_ptr_null(json_object_get(json_object_get(reply, "result"), "quorum"));
}
END_TEST

START_TEST(quorum_set_becomes_a_command)
{
        ck_assert_ptr_null(fixture_ask(&fixture, "quorum.set",
                                       "{\"dynamic\":\"off\",\"reason\":\"odd number\"}", false));
        ck_assert_int_eq(fixture.command.kind, COMMAND_QUORUM_SET);
        ck_assert_uint_eq(fixture.command.quorum_set.fields, QUORUM_FIELD_DYNAMIC);
        ck_assert(!fixture.command.quorum_set.dynamic);
        ck_assert_str_eq(fixture.command.quorum_set.reason, "by root: odd number");
        ck_assert_ptr_null(fixture_ask(&fixture, "quorum.set",
                                       "{\"dynamic\":\"on\",\"node\":\"n2\",\"priority\":-7}", false));
        ck_assert_uint_eq(fixture.command.quorum_set.fields, QUORUM_FIELD_DYNAMIC | QUORUM_FIELD_PRIORITY);
        ck_assert(fixture.command.quorum_set.dynamic);
        ck_assert_uint_eq(fixture.command.quorum_set.node, 2);
        ck_assert_int_eq(fixture.command.quorum_set.priority, -7);
}
END_TEST

START_TEST(a_witness_is_on_a_share_or_on_a_volume)
{
        static const char *const wrong[] = {
                "{\"name\":\"paper\"}",
                "{\"name\":\"none\"}",
                "{\"name\":\"share\"}",
                "{\"name\":\"share\",\"path\":\"here\"}",
                "{\"name\":\"share\",\"path\":\"/mnt/w\",\"volume\":\"csv1\"}",
                "{\"name\":\"disk\"}",
                "{\"name\":\"disk\",\"path\":\"/csv1\",\"volume\":\"csv1\"}",
        };
        for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
                ck_assert_int_eq(reply_exit(fixture_ask(&fixture, "quorum.witness set", wrong[i], false)),
                                 VERB_EXIT_USAGE);
        const char *on_disk = "{\"name\":\"disk\",\"volume\":\"csv1\"}";
        ck_assert_int_eq(reply_exit(fixture_ask(&fixture, "quorum.witness set", on_disk, false)),
                         VERB_EXIT_NO_OBJECT);
        fixture_add_volume(&fixture, 1, "csv1", 7);
        ck_assert_ptr_null(fixture_ask(&fixture, "quorum.witness set", on_disk, false));
        struct witness *witness = &fixture.command.witness.witness;
        ck_assert_int_eq(witness->kind, WITNESS_DISK);
        ck_assert_str_eq(witness->volume, "csv1");
        ck_assert_str_eq(witness->place, model_volume(fixture.cluster.model, "csv1")->path);

        fixture.cluster.model->settings.witness = *witness;
        json_t *result = json_object_get(fixture_ask(&fixture, "quorum.show", "{}", false), "result");
        json_t *shown = json_object_get(result, "witness");
        ck_assert_str_eq(json_string_value(json_object_get(shown, "kind")), "disk");
        ck_assert_str_eq(json_string_value(json_object_get(shown, "volume")), "csv1");
        json_t *reply = fixture_ask(&fixture, "quorum.witness set", on_disk, false);
        ck_assert_int_eq(reply_exit(reply), VERB_EXIT_REFUSED);
        ck_assert_str_eq(reply_message(reply), "there is a witness already: disk csv1");
}
END_TEST

START_TEST(force_is_for_who_has_no_quorum)
{
        fixture.cluster.status.primary = true;
        json_t *reply = fixture_ask(&fixture, "quorum.force", "{}", false);
        ck_assert_int_eq(reply_exit(reply), VERB_EXIT_REFUSED);
        ck_assert_ptr_nonnull(strstr(reply_message(reply), "there is a quorum"));
        fixture.cluster.status.primary = false;
        fixture.cluster.status.node = 1;
        reply = fixture_ask(&fixture, "quorum.force", "{}", true);
        json_t *quorum = json_object_get(json_object_get(reply, "result"), "quorum");
        ck_assert_ptr_nonnull(strstr(json_string_value(json_object_get(quorum, "after")), "n1 alone votes"));
        ck_assert_uint_eq(fixture.submit_count, 0);
        ck_assert_ptr_null(fixture_ask(&fixture, "quorum.force", "{\"reason\":\"burned\"}", false));
        ck_assert_int_eq(fixture.command.kind, COMMAND_QUORUM_FORCE);
        ck_assert_str_eq(fixture.command.quorum_force.reason, "by root: burned");
}
END_TEST

START_TEST(quorum_show_tells_that_it_was_forced)
{
        struct object object;
        ck_assert_int_eq(model_get(fixture.cluster.model, OBJECT_SETTINGS, "cluster", &object), 0);
        object.settings.forced_epoch = 77;
        object.settings.forced_time_ms = 1000;
        text_copy(object.settings.forced_by, ACTOR_BYTES, "uid 0");
        ck_assert_int_eq(model_put(fixture.cluster.model, &object), 0);
        json_t *result = json_object_get(fixture_ask(&fixture, "quorum.show", "{}", false), "result");
        ck_assert(json_is_null(json_object_get(result, "forced"))); /* all are back */
        ck_assert_int_eq(model_get(fixture.cluster.model, OBJECT_NODE, "n2", &object), 0);
        object.node.forced_out = true;
        object.node.state = NODE_LOST;
        ck_assert_int_eq(model_put(fixture.cluster.model, &object), 0);
        result = json_object_get(fixture_ask(&fixture, "quorum.show", "{}", false), "result");
        json_t *forced = json_object_get(result, "forced");
        ck_assert_str_eq(json_string_value(json_object_get(forced, "by")), "uid 0");
        ck_assert_str_eq(json_string_value(json_array_get(json_object_get(forced, "unproven"), 0)), "n2");
        bool told = false;
        size_t at;
        json_t *line;
        json_array_foreach(json_object_get(result, "text"), at, line) told |=
                strstr(json_string_value(line), "forced by uid 0 at 1970-01-01T00:00:01.000Z") != NULL;
        ck_assert(told);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("request quorum");
        TCase *tcase = tcase_create("request quorum");
        tcase_add_checked_fixture(tcase, open_fixture, close_fixture);
        tcase_add_test(tcase, quorum_show_tells_what_each_loss_means);
        tcase_add_test(tcase, quorum_show_answers_without_quorum_and_without_corosync);
        tcase_add_test(tcase, quorum_show_tells_of_a_change_under_way);
        tcase_add_test(tcase, what_would_cost_the_quorum_is_refused_unless_forced);
        tcase_add_test(tcase, a_node_shuts_itself_down_and_leaves_a_quorum);
        tcase_add_test(tcase, nobody_is_evicted_past_the_quorum);
        tcase_add_test(tcase, who_was_evicted_asks_for_nothing);
        tcase_add_test(tcase, a_plan_shows_the_votes_before_and_after);
        tcase_add_test(tcase, quorum_set_becomes_a_command);
        tcase_add_test(tcase, a_witness_is_on_a_share_or_on_a_volume);
        tcase_add_test(tcase, force_is_for_who_has_no_quorum);
        tcase_add_test(tcase, quorum_show_tells_that_it_was_forced);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
