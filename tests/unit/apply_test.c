/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/apply.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>

#include "clusterd/base/text.h"
#include "clusterd/core/lease_guard.h"
#include "clusterd/core/role_state.h"
#include "tests/unit/core_fixture.h"
#include "tests/unit/suite_run.h"

/* Which command is taken in which state, and what it leads to. A refused one changes nothing: the story
 * checks. */

static struct story story;

static void begin(void)
{
        story_begin(&story);
        for (uint32_t node = 1; node <= 3; node++)
                ck_assert_int_eq(story_join(&story, node, 1), APPLY_DONE);
}

static void end(void)
{
        story_end(&story);
}

/* One letter for each state; '.': refused. */
static const char letters[] = "fsOpmrF";

enum said { BY_OPERATOR, BY_OWNER, BY_TARGET, BY_STRANGER };

static const struct {
        enum said by;
        enum command_kind kind;
        enum report_kind report;
        const char *after; /* from offline, starting, online, stopping, moving, recovering, failed */
} matrix[] = {
        { BY_OPERATOR, COMMAND_ROLE_START, 0, "fsOpmrF" },
        { BY_OPERATOR, COMMAND_ROLE_STOP, 0, "fpppmrf" },
        { BY_OPERATOR, COMMAND_ROLE_SET, 0, "fsOpmrF" },
        { BY_OPERATOR, COMMAND_ROLE_REMOVE, 0, "-.....-" },
        { BY_OPERATOR, COMMAND_ROLE_ADD, 0, "......." },
        { BY_OPERATOR, COMMAND_ROLE_ASSIGN, 0, "s.....s" },
        { BY_OPERATOR, COMMAND_ROLE_MOVE, 0, "..m...." },
        { BY_OWNER, COMMAND_ROLE_REPORT, REPORT_RUNNING, ".OOpm.." },
        { BY_OWNER, COMMAND_ROLE_REPORT, REPORT_STABLE, ".sOpm.." },
        { BY_OWNER, COMMAND_ROLE_REPORT, REPORT_STOPPED, ".rrfm.." },
        { BY_OWNER, COMMAND_ROLE_REPORT, REPORT_SHUT_DOWN, ".fffm.." },
        { BY_OWNER, COMMAND_ROLE_REPORT, REPORT_FAILED, ".FFfm.." },
        { BY_OWNER, COMMAND_ROLE_REPORT, REPORT_START_FAILED, ".FFfm.." },
        { BY_OWNER, COMMAND_ROLE_REPORT, REPORT_ABSENT, ".rFfm.." },
        { BY_TARGET, COMMAND_ROLE_REPORT, REPORT_RUNNING, "....m.." },
        { BY_TARGET, COMMAND_ROLE_REPORT, REPORT_ABSENT, "....m.." },
        { BY_STRANGER, COMMAND_ROLE_REPORT, REPORT_RUNNING, "......." },
        { BY_STRANGER, COMMAND_ROLE_REPORT, REPORT_ABSENT, "......." },
        { BY_STRANGER, COMMAND_ROLE_REPORT, REPORT_STOPPED, "......." },
};

static enum apply_outcome say(enum said by, enum command_kind kind, enum report_kind report)
{
        struct command set = { .kind = COMMAND_ROLE_SET };
        switch ((int)kind) {
        case COMMAND_ROLE_ADD:
                return story_add(&story, "vm01");
        case COMMAND_ROLE_SET:
                set.role_set.fields = ROLE_FIELD_PRIORITY | ROLE_FIELD_NOTE;
                set.role_set.role.priority = 5;
                TEXT_COPY(set.role_set.role.name, "vm01");
                return story_apply(&story, 1, &set);
        case COMMAND_ROLE_ASSIGN:
                return story_assign(&story, "vm01", 3);
        case COMMAND_ROLE_MOVE:
                return story_move(&story, "vm01", 3);
        case COMMAND_ROLE_REPORT:
                return story_report(&story, "vm01", (uint32_t)by, report);
        }
        return story_order(&story, kind, "vm01");
}

START_TEST(a_role_command_is_taken_as_the_matrix_says)
{
        size_t row = (size_t)_i / ROLE_STATE_COUNT;
        enum role_state from = (enum role_state)(_i % ROLE_STATE_COUNT);
        char want = matrix[row].after[from];
        story_reach(&story, "vm01", from);
        enum apply_outcome outcome = say(matrix[row].by, matrix[row].kind, matrix[row].report);
        const struct role *role = model_role(story.model, "vm01");
        char got = outcome != APPLY_DONE ? '.' : role == NULL ? '-' : letters[role->state];
        ck_assert_msg(got == want, "%s (%s) by %u of a role that is %s: got '%c', want '%c' (%s)",
                      command_kind_name(matrix[row].kind), report_kind_name(matrix[row].report),
                      matrix[row].by, role_state_name(from), got, want, story.apply.reason);
}
END_TEST

/* Node 3 is there, down, up or lost; it runs vm01 in the last two. '0': no such object. */
static const struct {
        enum command_kind kind;
        const char *after; /* unknown, down, up, lost: d u l, or '.' */
} node_matrix[] = {
        { COMMAND_NODE_JOIN, "uuuu" },        { COMMAND_NODE_LOST, "0.l." },
        { COMMAND_NODE_FENCE, "0.ll" },       { COMMAND_NODE_EVIDENCE, "0..d" },
        { COMMAND_NODE_CONFIRM_OFF, "0..d" }, { COMMAND_NODE_DRAIN, "0dul" },
        { COMMAND_NODE_RESUME, "0dul" },      { COMMAND_NODE_DRAINED, "0..." },
        { COMMAND_NODE_QUARANTINE, "0dul" },  { COMMAND_NODE_RELEASE, "0..." },
        { COMMAND_NODE_EVICT, "0d.." },
};

static uint32_t node_in_state(int state)
{
        if (state == 0)
                return 4;
        if (state >= 2)
                story_online(&story, "vm01", 3);
        if (state == 1 || state == 3)
                ck_assert_int_eq(story_lost(&story, 3), APPLY_DONE);
        return 3;
}

static enum apply_outcome say_of_node(enum command_kind kind, uint32_t node)
{
        if (kind == COMMAND_NODE_JOIN)
                return story_join(&story, node, 1);
        if (kind != COMMAND_NODE_EVIDENCE)
                return story_node(&story, kind, node);
        struct command command = { .kind = kind };
        command.node_evidence.node = node;
        command.node_evidence.incarnation = 1;
        command.node_evidence.kind = EVIDENCE_POWERED_OFF;
        return story_apply(&story, 1, &command);
}

START_TEST(a_node_command_is_taken_as_the_matrix_says)
{
        size_t row = (size_t)_i / 4;
        uint32_t id = node_in_state(_i % 4);
        enum apply_outcome outcome = say_of_node(node_matrix[row].kind, id);
        const struct node *node = model_node(story.model, id);
        char got = outcome == APPLY_NO_OBJECT ? '0' : outcome == APPLY_REFUSED ? '.' : "dul"[node->state];
        ck_assert_msg(got == node_matrix[row].after[_i % 4], "%s in state %d: got '%c' (%s)",
                      command_kind_name(node_matrix[row].kind), _i % 4, got, story.apply.reason);
}
END_TEST

static const enum command_kind about_roles[] = { COMMAND_ROLE_START, COMMAND_ROLE_STOP, COMMAND_ROLE_REMOVE,
                                                 COMMAND_ROLE_SET,   COMMAND_ROLE_MOVE, COMMAND_ROLE_REPORT,
                                                 COMMAND_ROLE_ASSIGN };

START_TEST(a_role_that_does_not_exist_is_no_object)
{
        struct command command = { .kind = about_roles[_i] };
        switch ((int)command.kind) {
        case COMMAND_ROLE_SET:
                TEXT_COPY(command.role_set.role.name, "vm99");
                break;
        case COMMAND_ROLE_MOVE:
                TEXT_COPY(command.role_move.role, "vm99");
                break;
        case COMMAND_ROLE_REPORT:
                TEXT_COPY(command.role_report.role, "vm99");
                break;
        case COMMAND_ROLE_ASSIGN:
                TEXT_COPY(command.role_assign.role, "vm99");
                break;
        default:
                TEXT_COPY(command.role.role, "vm99");
        }
        ck_assert_int_eq(story_apply(&story, 1, &command), APPLY_NO_OBJECT);
        ck_assert_str_eq(story.apply.reason, "there is no role 'vm99'");
}
END_TEST

START_TEST(the_first_epoch_brings_the_settings_and_no_later_one)
{
        struct command command = { .kind = COMMAND_EPOCH };
        command.epoch.settings = settings_default;
        command.epoch.settings.voters = 7;
        story.model->settings.voters = 0;
        story_apply(&story, 1, &command);
        ck_assert_uint_eq(story.model->settings.voters, 7);
        command.epoch.settings.voters = 1;
        story_apply(&story, 1, &command);
        ck_assert_uint_eq(story.model->settings.voters, 7);
}
END_TEST

START_TEST(only_the_settings_that_are_meant_change)
{
        struct command command = { .kind = COMMAND_CLUSTER_SET };
        command.cluster_set.settings = (struct settings){ .cluster_name = "other",
                                                          .voters = 1,
                                                          .moves_max = 11,
                                                          .isolation_hold_ms = 4012,
                                                          .stop_grace_ms = 13,
                                                          .watchdog_ms = 14,
                                                          .margin_ms = 15,
                                                          .quarantine_losses = 16,
                                                          .quarantine_window_ms = 17,
                                                          .quarantine_ms = 18,
                                                          .pause_ms = 19,
                                                          .pause_index = 20,
                                                          .lease_renew_ms = 300,
                                                          .lease_ms = 1500,
                                                          .lease_stop_ms = 600,
                                                          .resiliency_ms = 21,
                                                          .stall_limit_ms = 22 };
        struct settings want = story.model->settings;
        command.cluster_set.fields = SETTINGS_FIELD_MOVES_MAX | SETTINGS_FIELD_WATCHDOG;
        want.guard_before_ms = (uint32_t)settings_guard_ms(&want);
        want.moves_max = 11;
        want.watchdog_ms = 14;
        ck_assert_int_eq(story_apply(&story, 1, &command), APPLY_DONE);
        want.guard_index = story.index;
        ck_assert_mem_eq(&story.model->settings, &want, sizeof want);
        command.cluster_set.fields = SETTINGS_FIELD_ISOLATION_HOLD | SETTINGS_FIELD_STOP_GRACE |
                                     SETTINGS_FIELD_MARGIN | SETTINGS_FIELD_QUARANTINE_LOSSES |
                                     SETTINGS_FIELD_QUARANTINE_WINDOW | SETTINGS_FIELD_QUARANTINE |
                                     SETTINGS_FIELD_RESILIENCY | SETTINGS_FIELD_STALL_LIMIT;
        want.isolation_hold_ms = 4012;
        want.stop_grace_ms = 13;
        want.margin_ms = 15;
        want.quarantine_losses = 16;
        want.quarantine_window_ms = 17;
        want.quarantine_ms = 18;
        want.resiliency_ms = 21;
        want.stall_limit_ms = 22;
        ck_assert_int_eq(story_apply(&story, 1, &command), APPLY_DONE);
        want.guard_index = story.index;
        ck_assert_mem_eq(&story.model->settings, &want, sizeof want);
}
END_TEST

START_TEST(times_of_leases_are_changed_as_a_whole)
{
        struct command command = { .kind = COMMAND_CLUSTER_SET };
        command.cluster_set.settings =
                (struct settings){ .lease_renew_ms = 300, .lease_ms = 1500, .lease_stop_ms = 600 };
        command.cluster_set.fields = SETTINGS_FIELD_LEASE;
        ck_assert_int_eq(story_apply(&story, 1, &command), APPLY_REFUSED);
        ck_assert_str_eq(story.apply.reason,
                         "a lease of 1500 ms: at least 3 renewals of 1000 ms and 2000 ms to "
                         "stop guests, 5000 ms");
        command.cluster_set.fields =
                SETTINGS_FIELD_LEASE_RENEW | SETTINGS_FIELD_LEASE | SETTINGS_FIELD_LEASE_STOP;
        ck_assert_int_eq(story_apply(&story, 1, &command), APPLY_DONE);
        struct lease_timings timings = lease_timings_of(&story.model->settings, true);
        ck_assert_uint_eq(timings.lease_ms, 1500);
        command.cluster_set.settings.lease_ms = 300000;
        command.cluster_set.fields = SETTINGS_FIELD_LEASE;
        ck_assert_int_eq(story_apply(&story, 1, &command), APPLY_DONE);
        timings = lease_timings_of(&story.model->settings, true);
        ck_assert_int_eq(lease_timings_check(&timings), LEASE_TIMINGS_OK);
}
END_TEST

START_TEST(longer_times_are_forgotten_for_the_entry_that_shortened_them)
{
        struct command command = { .kind = COMMAND_CLUSTER_SET };
        struct settings *settings = &story.model->settings;
        command.cluster_set.fields = SETTINGS_FIELD_MARGIN;
        command.cluster_set.settings.margin_ms = settings->margin_ms - 1;
        ck_assert_int_eq(story_apply(&story, 1, &command), APPLY_DONE);
        command.cluster_set.fields = SETTINGS_FIELD_GUARD_INDEX;
        command.cluster_set.settings.guard_index = settings->guard_index - 1;
        ck_assert_int_eq(story_apply(&story, 1, &command), APPLY_REFUSED);
        ck_assert_uint_eq(settings->guard_before_ms, settings_guard_ms(settings) + 1);
        command.cluster_set.settings.guard_index = settings->guard_index;
        ck_assert_int_eq(story_apply(&story, 1, &command), APPLY_DONE);
        ck_assert_uint_eq(settings->guard_before_ms, 0);
        ck_assert_uint_eq(settings->guard_index, 0);
}
END_TEST

/* Nobody is in contact while a view forms: a shorter hold would stop guests of healthy nodes. */
START_TEST(a_hold_that_no_view_change_fits_into_is_refused)
{
        struct command command = { .kind = COMMAND_CLUSTER_SET };
        struct settings want = story.model->settings;
        command.cluster_set.fields = SETTINGS_FIELD_ISOLATION_HOLD;
        command.cluster_set.settings.isolation_hold_ms = ISOLATION_HOLD_LEAST_MS - 1;
        ck_assert_int_eq(story_apply(&story, 1, &command), APPLY_REFUSED);
        ck_assert_mem_eq(&story.model->settings, &want, sizeof want);
}
END_TEST

START_TEST(only_the_fields_of_a_role_that_are_meant_change)
{
        story_reach(&story, "vm01", ROLE_ONLINE);
        struct role want = *the_role(&story, "vm01");
        struct command command = { .kind = COMMAND_ROLE_SET };
        struct role *given = &command.role_set.role;
        TEXT_COPY(given->name, "vm01");
        TEXT_COPY(given->note, "new");
        TEXT_COPY(given->uuid, "u");
        given->priority = 9;
        given->memory_mib = 1024;
        given->cpus = 8;
        given->stop_timeout_ms = 5;
        given->preferred[0] = 2;
        given->possible = node_set_of(1) | node_set_of(2);
        given->state = ROLE_FAILED; /* never meant */
        given->generation = 99;

        command.role_set.fields = ROLE_FIELD_NOTE | ROLE_FIELD_PRIORITY | ROLE_FIELD_STOP_TIMEOUT;
        TEXT_COPY(want.note, "new");
        want.priority = 9;
        want.stop_timeout_ms = 5;
        ck_assert_int_eq(story_apply(&story, 1, &command), APPLY_DONE);
        ck_assert_mem_eq(the_role(&story, "vm01"), &want, sizeof want);

        command.role_set.fields = ROLE_FIELD_PREFERRED | ROLE_FIELD_POSSIBLE | ROLE_FIELD_DEFINITION;
        memcpy(want.preferred, given->preferred, sizeof want.preferred);
        want.possible = given->possible;
        TEXT_COPY(want.uuid, "u");
        want.memory_mib = 1024;
        want.cpus = 8;
        ck_assert_int_eq(story_apply(&story, 1, &command), APPLY_DONE);
        ck_assert_mem_eq(the_role(&story, "vm01"), &want, sizeof want);

        given->preferred[0] = 3; /* not possible */
        ck_assert_int_eq(story_apply(&story, 1, &command), APPLY_REFUSED);
        given->possible = node_set_of(3) | node_set_of(9); /* no such node */
        ck_assert_int_eq(story_apply(&story, 1, &command), APPLY_NO_OBJECT);
}
END_TEST

START_TEST(a_role_is_added_with_what_was_given_and_nothing_else)
{
        struct role role = story_role("vm01");
        TEXT_COPY(role.uuid, "11111111-2222-3333-4444-555555555555");
        role.state = ROLE_ONLINE;
        role.owner = 2;
        role.generation = 7;
        role.failures = 3;
        ck_assert_int_eq(story_add_role(&story, &role), APPLY_DONE);
        ck_state(&story, "vm01", ROLE_OFFLINE);
        ck_assert_uint_eq(the_role(&story, "vm01")->owner, NODE_NONE);
        ck_assert_uint_eq(the_role(&story, "vm01")->generation, 0);
        ck_assert_uint_eq(the_role(&story, "vm01")->failures, 0);

        TEXT_COPY(role.name, "vm02");
        ck_assert_int_eq(story_add_role(&story, &role), APPLY_REFUSED); /* the same uuid */
        role.uuid[0] = '2';
        role.preferred[0] = 9;
        ck_assert_int_eq(story_add_role(&story, &role), APPLY_NO_OBJECT);
        role.preferred[0] = 2;
        role.possible = node_set_of(1);
        ck_assert_int_eq(story_add_role(&story, &role), APPLY_REFUSED);
        role.possible |= node_set_of(2);
        ck_assert_int_eq(story_add_role(&story, &role), APPLY_DONE);
}
END_TEST

START_TEST(one_role_too_many_is_refused_with_the_limit)
{
        char name[NAME_BYTES];
        for (uint32_t i = 0; i < STORY_ROLES_MAX; i++) {
                TEXT_PRINT(name, "vm%02u", i);
                ck_assert_int_eq(story_add(&story, name), APPLY_DONE);
        }
        ck_assert_int_eq(story_add(&story, "one-more"), APPLY_REFUSED);
        ck_assert_str_eq(story.apply.reason, "the cluster holds 64 roles and takes no more");
        story_order(&story, COMMAND_ROLE_REMOVE, "vm07");
        ck_assert(story.apply.deleted);
        ck_assert_str_eq(story.apply.deleted_name, "vm07");
        ck_assert_int_eq(story_add(&story, "one-more"), APPLY_DONE);
        ck_assert(!story.apply.deleted);
}
END_TEST

START_TEST(fence_devices_are_added_and_removed)
{
        struct command add = { .kind = COMMAND_FENCE_ADD };
        TEXT_COPY(add.fence_add.name, "ipmi1");
        add.fence_add.targets = node_set_of(1);
        ck_assert_int_eq(story_apply(&story, 1, &add), APPLY_REFUSED); /* no level */
        add.fence_add.level = FENCE_LEVELS_MAX + 1;
        ck_assert_int_eq(story_apply(&story, 1, &add), APPLY_REFUSED);
        add.fence_add.level = FENCE_LEVELS_MAX;
        add.fence_add.targets = node_set_of(1) | node_set_of(9);
        ck_assert_int_eq(story_apply(&story, 1, &add), APPLY_NO_OBJECT);
        add.fence_add.targets = node_set_of(1);
        ck_assert_int_eq(story_apply(&story, 1, &add), APPLY_DONE);
        ck_assert_int_eq(story_apply(&story, 1, &add), APPLY_REFUSED);
        struct command remove = { .kind = COMMAND_FENCE_REMOVE };
        TEXT_COPY(remove.fence_remove.device, "ipmi1");
        ck_assert_int_eq(story_apply(&story, 1, &remove), APPLY_DONE);
        ck_assert_int_eq(story.apply.deleted_kind, OBJECT_FENCE_DEVICE);
        ck_assert_int_eq(story_apply(&story, 1, &remove), APPLY_NO_OBJECT);
}
END_TEST

START_TEST(what_changed_is_listed)
{
        uint32_t slots[STORY_ROLES_MAX];
        bool listed[STORY_ROLES_MAX] = { false };
        struct changes changes = { .roles = { .slots = slots, .listed = listed } };
        story_online(&story, "vm01", 1);
        story_online(&story, "vm02", 1);
        story_online(&story, "vm03", 2);
        struct command command = { .kind = COMMAND_NODE_LOST };
        command.node.node = 1;
        command.node.incarnation = 1;
        struct apply apply = { .model = story.model, .changes = &changes, .index = 99, .origin = 2 };
        apply_command(&apply, &command);
        ck_assert_uint_eq(changes.nodes, node_set_of(1));
        ck_assert_uint_eq(changes.roles.count, 2);
        ck_assert(listed[the_role(&story, "vm01") - story.model->roles]);
        ck_assert(listed[the_role(&story, "vm02") - story.model->roles]);
        apply_command(&apply, &command);
        ck_assert_uint_eq(changes.roles.count, 2);
}
END_TEST

START_TEST(an_unknown_command_aborts)
{
        struct command command = { .kind = COMMAND_COUNT };
        story_apply(&story, 1, &command);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("apply");
        TCase *tcase = tcase_create("apply");
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_loop_test(tcase, a_role_command_is_taken_as_the_matrix_says, 0,
                            ROLE_STATE_COUNT * (int)(sizeof matrix / sizeof *matrix));
        tcase_add_loop_test(tcase, a_node_command_is_taken_as_the_matrix_says, 0,
                            4 * (int)(sizeof node_matrix / sizeof *node_matrix));
        tcase_add_loop_test(tcase, a_role_that_does_not_exist_is_no_object, 0,
                            sizeof about_roles / sizeof *about_roles);
        tcase_add_test(tcase, the_first_epoch_brings_the_settings_and_no_later_one);
        tcase_add_test(tcase, only_the_settings_that_are_meant_change);
        tcase_add_test(tcase, longer_times_are_forgotten_for_the_entry_that_shortened_them);
        tcase_add_test(tcase, times_of_leases_are_changed_as_a_whole);
        tcase_add_test(tcase, a_hold_that_no_view_change_fits_into_is_refused);
        tcase_add_test(tcase, only_the_fields_of_a_role_that_are_meant_change);
        tcase_add_test(tcase, a_role_is_added_with_what_was_given_and_nothing_else);
        tcase_add_test(tcase, one_role_too_many_is_refused_with_the_limit);
        tcase_add_test(tcase, fence_devices_are_added_and_removed);
        tcase_add_test(tcase, what_changed_is_listed);
        tcase_add_test_raise_signal(tcase, an_unknown_command_aborts, SIGABRT);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
