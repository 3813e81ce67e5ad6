/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/request_fixture.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clusterd/base/text.h"
#include "clusterd/io/iscsi_gateways.h"
#include "clusterd/protocol/verb.h"
#include "tests/unit/suite_run.h"

static struct fixture fixture;

static void open_fixture(void)
{
        fixture_open(&fixture);
}

static void close_fixture(void)
{
        fixture_close(&fixture);
}

#define DOMAIN(name)                                                                                         \
        "<domain type='kvm'><name>" name                                                                     \
        "</name><memory unit='MiB'>512</memory><os><type>hvm</type></os></domain>"

/* What is refused before anything is submitted, with which exit, and a word of the message. */
static const struct {
        const char *request;
        int exit;
        const char *says;
} refusals[] = {
        { "", VERB_EXIT_USAGE, "JSON" },
        { "[]", VERB_EXIT_USAGE, "JSON object" },
        { "{\"verb\":7}", VERB_EXIT_USAGE, "nothing" },
        { "{\"verb\":\"role.fly\"}", VERB_EXIT_USAGE, "role.fly" },
        { "{\"verb\":\"role.move\"}", VERB_EXIT_USAGE, "needs a name" },
        { "{\"verb\":\"role.move\",\"arguments\":[]}", VERB_EXIT_USAGE, "object" },
        { "{\"verb\":\"role.move\",\"arguments\":{\"name\":\"../x\"}}", VERB_EXIT_USAGE, "name" },
        { "{\"verb\":\"role.move\",\"arguments\":{\"name\":\"vm01\",\"node\":2}}", VERB_EXIT_USAGE,
          "'node'" },
        { "{\"verb\":\"role.move\",\"arguments\":{\"name\":\"vm01\",\"nod\":\"n2\"}}", VERB_EXIT_USAGE,
          "'nod'" },
        { "{\"verb\":\"role.move\",\"arguments\":{\"name\":\"vm01\",\"node\":\"n9\"}}", VERB_EXIT_NO_OBJECT,
          "n9" },
        { "{\"verb\":\"role.move\",\"arguments\":{\"name\":\"vm99\"}}", VERB_EXIT_NO_OBJECT, "vm99" },
        { "{\"verb\":\"role.show\",\"arguments\":{\"name\":\"vm99\"}}", VERB_EXIT_NO_OBJECT, "vm99" },
        { "{\"verb\":\"role.show\",\"arguments\":{\"name\":\"vm01\"},\"plan\":true}", VERB_EXIT_USAGE,
          "plan" },
        { "{\"verb\":\"node.drain\",\"arguments\":{\"name\":\"n9\"}}", VERB_EXIT_NO_OBJECT, "n1 n2 n3" },
        { "{\"verb\":\"cluster.status\",\"arguments\":{\"name\":\"x\"}}", VERB_EXIT_USAGE, "takes no name" },
        { "{\"verb\":\"cluster.set\"}", VERB_EXIT_USAGE, "needs a setting" },
        { "{\"verb\":\"quorum.set\"}", VERB_EXIT_USAGE, "something to change" },
        { "{\"verb\":\"quorum.set\",\"arguments\":{\"dynamic\":\"may\"}}", VERB_EXIT_USAGE, "on or off" },
        { "{\"verb\":\"quorum.set\",\"arguments\":{\"node\":\"n1\"}}", VERB_EXIT_USAGE, "go together" },
        { "{\"verb\":\"quorum.set\",\"arguments\":{\"priority\":3}}", VERB_EXIT_USAGE, "go together" },
        { "{\"verb\":\"quorum.set\",\"arguments\":{\"node\":\"n9\",\"priority\":3}}", VERB_EXIT_NO_OBJECT,
          "n9" },
        { "{\"verb\":\"cluster.set\",\"arguments\":{\"max-moves\":0}}", VERB_EXIT_USAGE, "between 1 and 64" },
        { "{\"verb\":\"cluster.set\",\"arguments\":{\"max-moves\":\"3\"}}", VERB_EXIT_USAGE, "whole number" },
        { "{\"verb\":\"role.stop\",\"arguments\":{\"name\":\"vm01\",\"force\":1}}", VERB_EXIT_USAGE,
          "true or false" },
        { "{\"verb\":\"role.set\",\"arguments\":{\"name\":\"vm01\"}}", VERB_EXIT_USAGE,
          "something to change" },
        { "{\"verb\":\"role.set\",\"arguments\":{\"name\":\"vm01\",\"preferred\":[\"n1\",\"n1\"]}}",
          VERB_EXIT_USAGE, "twice" },
        { "{\"verb\":\"role.set\",\"arguments\":{\"name\":\"vm01\",\"preferred\":\"n1\"}}", VERB_EXIT_USAGE,
          "list" },
        { "{\"verb\":\"role.set\",\"arguments\":{\"name\":\"vm01\",\"preferred\":[\"n1\"],\"possible\":["
          "\"n2\"]}}",
          VERB_EXIT_REFUSED, "not possible" },
        { "{\"verb\":\"role.set\",\"arguments\":{\"name\":\"vm01\",\"ocf\":\"{\\\"agents\\\":[]}\"}}",
          VERB_EXIT_REFUSED, "kind" },
        { "{\"verb\":\"role.add\",\"arguments\":{\"name\":\"vm02\"}}", VERB_EXIT_USAGE, "--definition" },
        { "{\"verb\":\"role.add\",\"arguments\":{\"name\":\"vm01\",\"definition\":\"" DOMAIN("vm01") "\"}}",
          VERB_EXIT_REFUSED, "already" },
        { "{\"verb\":\"role.add\",\"arguments\":{\"name\":\"vm02\",\"definition\":\"" DOMAIN("vm03") "\"}}",
          VERB_EXIT_REFUSED, "called vm03" },
        { "{\"verb\":\"role.add\",\"arguments\":{\"name\":\"vm02\",\"definition\":\"<domain\"}}",
          VERB_EXIT_REFUSED, "vm02" },
        { "{\"verb\":\"role.add\",\"arguments\":{\"name\":\"ip\",\"ocf\":\"{}\"}}", VERB_EXIT_REFUSED,
          "agents" },
        { "{\"verb\":\"role.add\",\"arguments\":{\"name\":\"ip\",\"ocf\":\"{}\",\"definition\":\"{}\"}}",
          VERB_EXIT_USAGE, "both" },
        { "{\"verb\":\"fence.add\",\"arguments\":{\"name\":\"f1\",\"nodes\":[\"n1\"]}}", VERB_EXIT_USAGE,
          "--agent" },
        { "{\"verb\":\"fence.add\",\"arguments\":{\"name\":\"f1\",\"agent\":\"fence_x\",\"nodes\":[]}}",
          VERB_EXIT_USAGE, "no node" },
        { "{\"verb\":\"fence.add\",\"arguments\":{\"name\":\"f1\",\"agent\":\"fence_x\",\"nodes\":[\"n9\"]}}",
          VERB_EXIT_NO_OBJECT, "n9" },
        { "{\"verb\":\"fence.remove\",\"arguments\":{\"name\":\"f1\"}}", VERB_EXIT_NO_OBJECT, "f1" },
        { "{\"verb\":\"fence.test\",\"arguments\":{\"name\":\"n1\"}}", VERB_EXIT_NO_OBJECT,
          "no fence device" },
        { "{\"verb\":\"event.list\",\"arguments\":{\"role\":\"a\",\"node\":\"n1\"}}", VERB_EXIT_USAGE,
          "both" },
        { "{\"verb\":\"ledger.verify\",\"arguments\":{\"file\":\"/etc/shadow\"}}", VERB_EXIT_USAGE,
          "'file'" },
};

START_TEST(refuses_with_a_message_that_says_why)
{
        json_t *reply = fixture_send(&fixture, refusals[_i].request);
        ck_assert_msg(reply_exit(reply) == refusals[_i].exit, "%s: exit %d, want %d: %s",
                      refusals[_i].request, reply_exit(reply), refusals[_i].exit, reply_message(reply));
        ck_assert_msg(strstr(reply_message(reply), refusals[_i].says) != NULL, "%s: '%s' does not say '%s'",
                      refusals[_i].request, reply_message(reply), refusals[_i].says);
        ck_assert_uint_eq(fixture.submit_count, 0);
}
END_TEST

START_TEST(survives_every_cut_of_a_request)
{
        const char whole[] =
                "{\"verb\":\"role.set\",\"arguments\":{\"name\":\"vm01\",\"note\":\"\\u00fcber\"}}";
        for (size_t length = 0; length + 1 < sizeof(whole) - 1; length++) {
                char cut[sizeof(whole)];
                text_copy(cut, length + 1, whole);
                ck_assert_int_eq(reply_exit(fixture_send(&fixture, cut)), VERB_EXIT_USAGE);
        }
        ck_assert_uint_eq(fixture.submit_count, 0);
}
END_TEST

START_TEST(a_definition_over_the_limit_is_refused)
{
        size_t bytes = DEFINITION_BYTES + 64;
        char *arguments = malloc(bytes + 64);
        int at = snprintf(arguments, 64, "{\"name\":\"vm02\",\"definition\":\"");
        memset(arguments + at, 'x', bytes);
        memcpy(arguments + (size_t)at + bytes, "\"}", sizeof("\"}"));
        json_t *reply = fixture_ask(&fixture, "role.add", arguments, false);
        free(arguments);
        ck_assert_int_eq(reply_exit(reply), VERB_EXIT_REFUSED);
        ck_assert_ptr_nonnull(strstr(
                json_string_value(json_object_get(json_object_get(reply, "error"), "rule")), "256 KiB"));
}
END_TEST

START_TEST(a_move_becomes_a_command_and_is_answered_when_applied)
{
        ck_assert_ptr_null(fixture_ask(&fixture, "role.move", "{\"name\":\"vm01\",\"node\":\"n2\"}", false));
        ck_assert_int_eq(fixture.command.kind, COMMAND_ROLE_MOVE);
        ck_assert_str_eq(fixture.command.role_move.role, "vm01");
        ck_assert_uint_eq(fixture.command.role_move.target, 2);

        request_reply(fixture.handler, fixture.token, REPLY_DONE, 41, "");
        ck_assert_int_eq(reply_exit(fixture.reply), VERB_EXIT_DONE);
        json_t *result = json_object_get(fixture.reply, "result");
        ck_assert_int_eq(json_integer_value(json_object_get(result, "index")), 41);
        ck_assert_str_eq(json_string_value(json_object_get(json_object_get(result, "role"), "owner")), "n1");
}
END_TEST

static const struct {
        enum reply_outcome outcome;
        int exit;
} outcomes[] = { { REPLY_DONE, 0 },
                 { REPLY_REFUSED, 3 },
                 { REPLY_NO_QUORUM, 4 },
                 { REPLY_NO_OBJECT, 5 },
                 { REPLY_BUSY, 1 } };

START_TEST(the_exit_code_follows_from_the_outcome)
{
        (void)fixture_ask(&fixture, "role.stop", "{\"name\":\"vm01\",\"force\":true}", false);
        ck_assert(fixture.command.role.force);
        request_reply(fixture.handler, fixture.token, outcomes[_i].outcome, 41, "the rule");
        ck_assert_int_eq(reply_exit(fixture.reply), outcomes[_i].exit);
        ck_assert(outcomes[_i].outcome == REPLY_DONE ||
                  strstr(reply_message(fixture.reply), "the rule") != NULL);
}
END_TEST

START_TEST(nobody_is_answered_twice_or_after_going)
{
        (void)fixture_ask(&fixture, "role.start", "{\"name\":\"vm01\"}", false);
        request_gone(fixture.handler, fixture.token);
        request_reply(fixture.handler, fixture.token, REPLY_DONE, 41, "");
        request_verified(fixture.handler, fixture.token, "{}");
        request_fence_checked(fixture.handler, fixture.token, true, "");
        request_fence_tested(fixture.handler, fixture.token, "f1", true, true, "", 1);
        ck_assert_uint_eq(fixture.reply_count, 0);
}
END_TEST

START_TEST(a_note_changes_nothing_else)
{
        (void)fixture_ask(&fixture, "role.set", "{\"name\":\"vm01\",\"note\":\"f\\u00fcr Lisa\"}", false);
        ck_assert_uint_eq(fixture.command.role_set.fields, ROLE_FIELD_NOTE);
        ck_assert_str_eq(fixture.command.role_set.role.note, "f\u00fcr Lisa");
}
END_TEST

START_TEST(a_role_is_added_from_its_definition)
{
        (void)fixture_ask(&fixture, "role.add",
                          "{\"name\":\"vm02\",\"definition\":\"" DOMAIN(
                                  "vm02") "\",\"preferred\":[\"n3\",\"n1\"],"
                                          "\"possible\":[\"n1\",\"n3\"],\"priority\":-5,\"stopped\":true}",
                          false);
        ck_assert_uint_eq(fixture.submit_count, 1);
        const struct role *role = &fixture.command.role_add.role;
        ck_assert_str_eq(role->name, "vm02");
        ck_assert_int_eq(role->kind, ROLE_VM);
        ck_assert_uint_eq(role->memory_mib, 512);
        ck_assert_uint_eq(role->preferred[0], 3);
        ck_assert_uint_eq(role->preferred[1], 1);
        ck_assert_uint_eq(role->possible, 5);
        ck_assert_int_eq(role->priority, -5);
        ck_assert_int_eq(role->desired, DESIRED_STOPPED);
        ck_assert_ptr_nonnull(strstr(fixture.definition, role->uuid));
}
END_TEST

START_TEST(json_as_definition_means_ocf_agents)
{
        (void)fixture_ask(&fixture, "role.add", "{\"name\":\"ip\",\"definition\":\" {\\\"agents\\\":[]}\"}",
                          false);
        ck_assert_uint_eq(fixture.submit_count, 1);
        ck_assert_int_eq(fixture.command.role_add.role.kind, ROLE_OCF);
        ck_assert_int_eq(fixture.command.role_add.role.desired, DESIRED_RUNNING);
}
END_TEST

START_TEST(only_those_who_may_change_things_do)
{
        fixture.client.may_change = false;
        json_t *reply = fixture_ask(&fixture, "role.stop", "{\"name\":\"vm01\"}", false);
        ck_assert_int_eq(reply_exit(reply), VERB_EXIT_REFUSED);
        ck_assert_int_eq(reply_exit(fixture_ask(&fixture, "role.show", "{\"name\":\"vm01\"}", false)),
                         VERB_EXIT_DONE);
        ck_assert_int_eq(reply_exit(fixture_ask(&fixture, "role.stop", "{\"name\":\"vm01\"}", true)),
                         VERB_EXIT_DONE);
        ck_assert_uint_eq(fixture.submit_count, 0);
}
END_TEST

START_TEST(without_quorum_the_arithmetic_is_told_and_everything_shown)
{
        fixture.cluster.status.active = fixture.cluster.status.primary = false;
        fixture.cluster.status.members = 1;
        ck_assert_ptr_null(fixture_ask(&fixture, "role.stop", "{\"name\":\"vm01\"}", false));
        request_reply(fixture.handler, fixture.token, REPLY_NO_QUORUM, 0, "nothing was changed");
        ck_assert_int_eq(reply_exit(fixture.reply), VERB_EXIT_NO_QUORUM);
        ck_assert_ptr_nonnull(strstr(reply_message(fixture.reply),
                                     "nothing was changed; 1 of 3 votes are here, 2 are needed"));
        json_t *reply = fixture_ask(&fixture, "cluster.status", "{}", false);
        ck_assert(json_is_false(json_object_get(json_object_get(reply, "result"), "quorate")));
}
END_TEST

START_TEST(a_busy_daemon_may_be_asked_again)
{
        for (int i = 0; i < PENDING_MAX; i++)
                ck_assert_ptr_null(fixture_ask(&fixture, "role.stop", "{\"name\":\"vm01\"}", false));
        json_t *reply = fixture_ask(&fixture, "role.stop", "{\"name\":\"vm01\"}", false);
        ck_assert_int_eq(reply_exit(reply), VERB_EXIT_FAILED);
        ck_assert(json_is_true(json_object_get(json_object_get(reply, "error"), "retry")));
        ck_assert_uint_eq(fixture.submit_count, PENDING_MAX);
}
END_TEST

START_TEST(a_plan_is_shown_and_nothing_submitted)
{
        fixture.cluster.plan = (struct plan){ .count = 1,
                                              .steps = { { .kind = COMMAND_ROLE_MOVE,
                                                           .subject = "role:vm01",
                                                           .from = 1,
                                                           .to = 2,
                                                           .reason = "asked" } } };
        json_t *reply = fixture_ask(&fixture, "role.move", "{\"name\":\"vm01\"}", true);
        json_t *steps = json_object_get(json_object_get(reply, "result"), "steps");
        ck_assert_uint_eq(json_array_size(steps), 1);
        ck_assert_str_eq(json_string_value(json_object_get(json_array_get(steps, 0), "to")), "n2");

        fixture.cluster.plan = (struct plan){ .outcome = REPLY_REFUSED, .reason = "no node has the memory" };
        reply = fixture_ask(&fixture, "role.move", "{\"name\":\"vm01\"}", true);
        ck_assert_int_eq(reply_exit(reply), VERB_EXIT_REFUSED);
        ck_assert_uint_eq(fixture.submit_count, 0);
}
END_TEST

START_TEST(the_plan_of_a_pause_says_what_it_does_not_do)
{
        json_t *reply = fixture_ask(&fixture, "cluster.pause", "{\"for\":\"10m\"}", true);
        json_t *notes = json_object_get(json_object_get(reply, "result"), "notes");
        ck_assert_uint_eq(json_array_size(notes), 2);
        ck_assert_ptr_nonnull(strstr(json_string_value(json_array_get(notes, 0)), "guards are not relaxed"));
        reply = fixture_ask(&fixture, "role.stop", "{\"name\":\"vm01\"}", true);
        ck_assert_ptr_null(json_object_get(json_object_get(reply, "result"), "notes"));
}
END_TEST

START_TEST(the_plan_of_other_times_says_what_they_add_up_to)
{
        json_t *reply = fixture_ask(&fixture, "cluster.set", "{\"lease\":8000}", true);
        json_t *notes = json_object_get(json_object_get(reply, "result"), "notes");
        ck_assert_uint_eq(json_array_size(notes), 2);
        ck_assert_ptr_nonnull(strstr(json_string_value(json_array_get(notes, 1)),
                                     "guests are stopped after 6000 ms without a renewal, the lease lapses "
                                     "after 8000"));
}
END_TEST

START_TEST(a_history_does_not_hold_the_loop_up_for_long)
{
        fixture_add_entry(&fixture, COMMAND_NODE_LOST)->command.node.node = 2;
        (void)fixture_ask(&fixture, "fence.history", "{}", false);
        ck_assert_uint_gt(fixture.entries_asked, 3900);
        ck_assert_uint_le(fixture.entries_asked, 4000);
        fixture.entries_asked = 0;
        (void)fixture_ask(&fixture, "fence.history", "{\"name\":\"n2\"}", false);
        ck_assert_uint_eq(fixture.entries_asked, 4000);
        fixture.entries_asked = 0;
        (void)fixture_ask(&fixture, "node.show", "{\"name\":\"n2\"}", false);
        ck_assert_uint_le(fixture.entries_asked, 100);
}
END_TEST

START_TEST(cluster_status_has_the_fixed_names)
{
        fixture.cluster.status.members = 3;
        json_t *result = json_object_get(fixture_ask(&fixture, "cluster.status", "{}", false), "result");
        ck_assert(json_is_true(json_object_get(result, "quorate")));
        ck_assert_str_eq(json_string_value(json_object_get(result, "leader")), "n1");
        ck_assert_int_eq(json_integer_value(json_object_get(result, "epoch")), 2);
        ck_assert(json_is_integer(json_object_get(result, "index")));
        json_t *nodes = json_object_get(result, "nodes");
        ck_assert_uint_eq(json_array_size(nodes), 3);
        ck_assert_str_eq(json_string_value(json_object_get(json_array_get(nodes, 0), "name")), "n1");
        ck_assert_str_eq(json_string_value(json_object_get(json_array_get(nodes, 0), "state")), "up");
        ck_assert_str_eq(json_string_value(json_object_get(json_array_get(nodes, 2), "state")), "silent");
        ck_assert_uint_eq(json_array_size(json_object_get(result, "warnings")), 3);
}
END_TEST

START_TEST(role_show_has_the_fixed_names)
{
        struct object object;
        ck_assert_int_eq(model_get(fixture.cluster.model, OBJECT_ROLE, "vm01", &object), 0);
        object.role.state = ROLE_MOVING;
        object.role.target = 2;
        object.role.last_move = (struct role_move){
                .from = 2, .to = 1, .succeeded = true, .duration_ms = 900, .downtime_ms = 31
        };
        ck_assert_int_eq(model_put(fixture.cluster.model, &object), 0);
        TEXT_COPY(fixture.cluster.heartbeat.moving_role, "vm01");
        fixture.cluster.heartbeat.moving_percent = 40;

        json_t *result =
                json_object_get(fixture_ask(&fixture, "role.show", "{\"name\":\"vm01\"}", false), "result");
        ck_assert_str_eq(json_string_value(json_object_get(result, "state")), "moving");
        ck_assert_str_eq(json_string_value(json_object_get(result, "owner")), "n1");
        ck_assert_int_eq(json_integer_value(json_object_get(result, "generation")), 3);
        json_t *move = json_object_get(result, "last_move");
        ck_assert_int_eq(json_integer_value(json_object_get(move, "downtime_ms")), 31);
        ck_assert_int_eq(json_integer_value(json_object_get(move, "duration_ms")), 900);
        ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(result, "progress"), "percent")),
                         40);
}
END_TEST

static json_t *reserved_as_shown(struct object *object)
{
        ck_assert_int_eq(model_put(fixture.cluster.model, object), 0);
        json_t *shown = fixture_ask(&fixture, "role.show", "{\"name\":\"vm01\"}", false);
        return json_object_get(json_object_get(shown, "result"), "reserved");
}

START_TEST(role_show_tells_where_its_disks_are_reserved_and_by_which_keys)
{
        struct object object;
        char digits[17];
        fixture_add_volume(&fixture, 2, "csv", 22);
        fixture_add_volume(&fixture, 3, "san", 33);
        const struct model *model = fixture.cluster.model;
        uint64_t key = iscsi_key_new(model->settings.cluster_name, model->volumes[3].path, 1);
        TEXT_PRINT(digits, "%016llx", (unsigned long long)key);
        ck_assert_int_eq(model_get(model, OBJECT_ROLE, "vm01", &object), 0);
        ck_assert_uint_eq(json_array_size(reserved_as_shown(&object)), 0);

        object.role.reserved = node_set_of(3);
        json_t *reserved = reserved_as_shown(&object);
        ck_assert_uint_eq(json_array_size(reserved), 1);
        ck_assert_str_eq(json_string_value(json_object_get(json_array_get(reserved, 0), "volume")), "san");
        const char *begin = json_string_value(json_object_get(json_array_get(reserved, 0), "keys_begin"));
        digits[10] = '\0';
        ck_assert_str_eq(begin, digits);

        object.role.owner = NODE_NONE;
        reserved = reserved_as_shown(&object);
        ck_assert(json_is_null(json_object_get(json_array_get(reserved, 0), "keys_begin")));
}
END_TEST

START_TEST(why_tells_loss_evidence_assignment_and_start)
{
        struct entry *entry = fixture_add_entry(&fixture, COMMAND_ROLE_START); /* 1: of an earlier story */
        TEXT_COPY(entry->command.role.role, "vm01");
        entry = fixture_add_entry(&fixture, COMMAND_ROLE_REPORT); /* 2: what set it off */
        entry->command.role_report =
                (struct command_role_report){ .role = "vm01", .node = 2, .kind = REPORT_RUNNING };
        entry = fixture_add_entry(&fixture, COMMAND_NODE_LOST); /* 3: another loss of the same node */
        entry->command.node = (struct command_node){ .node = 2, .incarnation = 1 };
        entry = fixture_add_entry(&fixture, COMMAND_NODE_LOST); /* 4 */
        entry->command.node =
                (struct command_node){ .node = 2, .incarnation = 2, .reason = "left without a word" };
        entry = fixture_add_entry(&fixture, COMMAND_NODE_LOST); /* 5: not its node */
        entry->command.node = (struct command_node){ .node = 3, .incarnation = 2 };
        entry = fixture_add_entry(&fixture, COMMAND_NODE_EVIDENCE); /* 6 */
        entry->command.node_evidence = (struct command_node_evidence){ .node = 2,
                                                                       .incarnation = 2,
                                                                       .kind = EVIDENCE_POWERED_OFF,
                                                                       .text = "ipmi2",
                                                                       .duration_ms = 3200 };
        entry = fixture_add_entry(&fixture, COMMAND_ROLE_ASSIGN); /* 7 */
        entry->command.role_assign = (struct command_role_assign){
                .role = "vm01",
                .node = 1,
                .generation = 3,
                .reason = "most free memory",
                .owner_evidence = { .kind = EVIDENCE_POWERED_OFF, .index = 6, .text = "ipmi2" }
        };
        entry = fixture_add_entry(&fixture, COMMAND_ROLE_REPORT); /* 8 */
        entry->command.role_report =
                (struct command_role_report){ .role = "vm01", .node = 1, .kind = REPORT_RUNNING };

        json_t *result =
                json_object_get(fixture_ask(&fixture, "role.why", "{\"name\":\"vm01\"}", false), "result");
        json_t *chain = json_object_get(result, "chain");
        static const json_int_t want[] = { 2, 4, 6, 7, 8 };
        ck_assert_uint_eq(json_array_size(chain), sizeof(want) / sizeof(want[0]));
        for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++)
                ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(chain, i), "index")),
                                 want[i]);
        json_t *proof = json_array_get(chain, 2);
        ck_assert_str_eq(json_string_value(json_object_get(proof, "evidence")), "powered-off");
        ck_assert_int_eq(json_integer_value(json_object_get(proof, "after_ms")), 3200);
        ck_assert_ptr_nonnull(
                strstr(json_string_value(json_object_get(result, "summary")), "vm01 is online on n1"));
}
END_TEST

static void add_assignment(uint32_t node)
{
        struct entry *entry = fixture_add_entry(&fixture, COMMAND_ROLE_ASSIGN);
        entry->command.role_assign = (struct command_role_assign){ .role = "vm01", .node = node };
}

static void add_report(uint32_t node, enum report_kind kind)
{
        struct entry *entry = fixture_add_entry(&fixture, COMMAND_ROLE_REPORT);
        entry->command.role_report =
                (struct command_role_report){ .role = "vm01", .node = node, .kind = kind };
}

START_TEST(why_tells_that_it_stood_still_before_it_was_started_elsewhere)
{
        add_assignment(2); /* 1 */
        add_report(2, REPORT_RUNNING);
        add_report(2, REPORT_STALLED); /* 3 */
        struct entry *entry = fixture_add_entry(&fixture, COMMAND_ROLE_RELOCATE);
        entry->command.role_relocate = (struct command_role_relocate){ .role = "vm01", .stall = 3 };
        add_report(2, REPORT_STOPPED);
        add_assignment(1); /* 6 */
        json_t *result =
                json_object_get(fixture_ask(&fixture, "role.why", "{\"name\":\"vm01\"}", false), "result");
        json_t *chain = json_object_get(result, "chain");
        ck_assert_uint_eq(json_array_size(chain), 4);
        ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(chain, 0), "index")), 3);
}
END_TEST

START_TEST(events_go_on_after_an_index_and_show_nothing_uncommitted)
{
        for (int i = 0; i < 5; i++)
                TEXT_COPY(fixture_add_entry(&fixture, COMMAND_ROLE_START)->command.role.role, "vm01");
        fixture.cluster.status.applied.index = 4;
        json_t *result =
                json_object_get(fixture_ask(&fixture, "event.list", "{\"after\":2}", false), "result");
        ck_assert_uint_eq(json_array_size(json_object_get(result, "events")), 2);
        ck_assert_int_eq(json_integer_value(json_object_get(result, "last")), 4);
        result = json_object_get(fixture_ask(&fixture, "event.list", "{\"after\":4}", false), "result");
        ck_assert_uint_eq(json_array_size(json_object_get(result, "events")), 0);
        ck_assert_int_eq(json_integer_value(json_object_get(result, "last")), 4);
        result = json_object_get(
                fixture_ask(&fixture, "event.list", "{\"limit\":1,\"role\":\"vm01\"}", false), "result");
        ck_assert_uint_eq(json_array_size(json_object_get(result, "events")), 1);
}
END_TEST

START_TEST(lists_eight_thousand_roles_in_order_and_fast)
{
        char name[NAME_BYTES];
        struct timespec begin, end;
        for (int i = 7999; i >= 0; i--) {
                TEXT_PRINT(name, "role%05d", i);
                fixture_add_role(&fixture, name, ROLE_ONLINE, (uint32_t)i % 3 + 1);
        }
        clock_gettime(CLOCK_MONOTONIC, &begin);
        json_t *reply = fixture_ask(&fixture, "role.list", "{}", false);
        clock_gettime(CLOCK_MONOTONIC, &end);
        json_t *roles = json_object_get(json_object_get(reply, "result"), "roles");
        ck_assert_uint_eq(json_array_size(roles), 8001);
        ck_assert_str_eq(json_string_value(json_object_get(json_array_get(roles, 42), "name")), "role00042");
        double ms = (double)(end.tv_sec - begin.tv_sec) * 1e3 + (double)(end.tv_nsec - begin.tv_nsec) / 1e6;
        printf("role.list of 8001 roles, answered and read back: %.1f ms\n", ms);
        ck_assert_double_lt(ms, 2000); /* generous: sanitizers, busy machines; catches what is quadratic */
}
END_TEST

START_TEST(a_row_of_the_list_says_what_show_says)
{
        struct object object;
        const char *key;
        json_t *value;
        fixture_add_role(&fixture, "vm00", ROLE_FAILED, NODE_NONE);
        ck_assert_int_eq(model_get(fixture.cluster.model, OBJECT_ROLE, "vm01", &object), 0);
        object.role.target = 2;
        fixture_add_volume(&fixture, 1, "csv1", 7);
        fixture_add_volume(&fixture, 3, "csv3", 7);
        object.role.volumes = 5;
        object.role.priority = -3;
        object.role.failures = 2;
        object.role.stall = (struct role_stall){ .index = 9, .time_ms = 1000, .text = "I/O error: \"/csv\"" };
        TEXT_COPY(object.role.reason, "a \"quote\", a \\, a\ttab, \xff and \u00fc");
        ck_assert_int_eq(model_put(fixture.cluster.model, &object), 0);
        json_t *rows = json_incref(json_object_get(
                json_object_get(fixture_ask(&fixture, "role.list", "{}", false), "result"), "roles"));
        ck_assert_uint_eq(json_array_size(rows), 2);
        json_t *counts = json_object_get(
                json_object_get(fixture_ask(&fixture, "cluster.status", "{}", false), "result"), "roles");
        ck_assert_int_eq(json_integer_value(json_object_get(counts, "stalled")), 1);
        json_t *shown =
                json_object_get(fixture_ask(&fixture, "role.show", "{\"name\":\"vm01\"}", false), "result");
        ck_assert_uint_ge(json_object_size(json_array_get(rows, 1)), 13);
        ck_assert_uint_eq(json_array_size(json_object_get(json_array_get(rows, 1), "volumes")), 2);
        ck_assert_int_eq(json_integer_value(
                                 json_object_get(json_object_get(json_array_get(rows, 1), "stall"), "index")),
                         9);
        json_object_foreach(json_array_get(rows, 1), key, value)
                ck_assert_msg(json_equal(value, json_object_get(shown, key)), "%s differs", key);
        json_decref(rows);
}
END_TEST

int main(void)
{
        TCase *tcase = tcase_create("request");
        tcase_add_checked_fixture(tcase, open_fixture, close_fixture);
        tcase_add_loop_test(tcase, refuses_with_a_message_that_says_why, 0,
                            (int)(sizeof(refusals) / sizeof(refusals[0])));
        tcase_add_loop_test(tcase, the_exit_code_follows_from_the_outcome, 0,
                            (int)(sizeof(outcomes) / sizeof(outcomes[0])));
        tcase_add_test(tcase, survives_every_cut_of_a_request);
        tcase_add_test(tcase, a_definition_over_the_limit_is_refused);
        tcase_add_test(tcase, a_move_becomes_a_command_and_is_answered_when_applied);
        tcase_add_test(tcase, nobody_is_answered_twice_or_after_going);
        tcase_add_test(tcase, a_note_changes_nothing_else);
        tcase_add_test(tcase, a_role_is_added_from_its_definition);
        tcase_add_test(tcase, json_as_definition_means_ocf_agents);
        tcase_add_test(tcase, only_those_who_may_change_things_do);
        tcase_add_test(tcase, without_quorum_the_arithmetic_is_told_and_everything_shown);
        tcase_add_test(tcase, a_busy_daemon_may_be_asked_again);
        tcase_add_test(tcase, a_plan_is_shown_and_nothing_submitted);
        tcase_add_test(tcase, the_plan_of_a_pause_says_what_it_does_not_do);
        tcase_add_test(tcase, the_plan_of_other_times_says_what_they_add_up_to);
        tcase_add_test(tcase, a_history_does_not_hold_the_loop_up_for_long);
        tcase_add_test(tcase, cluster_status_has_the_fixed_names);
        tcase_add_test(tcase, role_show_has_the_fixed_names);
        tcase_add_test(tcase, role_show_tells_where_its_disks_are_reserved_and_by_which_keys);
        tcase_add_test(tcase, why_tells_loss_evidence_assignment_and_start);
        tcase_add_test(tcase, why_tells_that_it_stood_still_before_it_was_started_elsewhere);
        tcase_add_test(tcase, events_go_on_after_an_index_and_show_nothing_uncommitted);
        tcase_add_test(tcase, a_row_of_the_list_says_what_show_says);
        tcase_add_test(tcase, lists_eight_thousand_roles_in_order_and_fast);

        Suite *suite = suite_create("request");
        suite_add_tcase(suite, tcase);

        return suite_run(suite);
}
