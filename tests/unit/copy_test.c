/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "clusterd/core/role_state.h"
#include "tests/unit/core_fixture.h"
#include "tests/unit/suite_run.h"

/* Moving the storage of a role in the model: which image counts, and what is refused meanwhile. */

#define OLD 1
#define NEW 2

static struct story story;

static void add_volume(const char *name, uint64_t identity, node_set direct)
{
        struct command command = { .kind = COMMAND_VOLUME_ADD, .volume_add = { .identity = identity } };
        struct command volume = { .kind = COMMAND_VOLUME_READY, .volume = { .identity = identity } };
        TEXT_COPY(command.volume_add.name, name);
        TEXT_PRINT(command.volume_add.path, "/%s", name);
        TEXT_COPY(volume.volume.volume, name);
        ck_assert_int_eq(story_apply(&story, 1, &command), APPLY_DONE);
        for (uint32_t node = 1; node <= 3; node++) {
                struct command report = { .kind = COMMAND_VOLUME_REPORT,
                                          .volume_report = { .identity = identity, .node = node } };
                TEXT_COPY(report.volume_report.volume, name);
                for (enum path_state state = PATH_MARKED; state <= PATH_DIRECT; state++) {
                        report.volume_report.state = state;
                        ck_assert_int_eq(story_apply(&story, node, &report), APPLY_DONE);
                }
        }
        ck_assert_int_eq(story_apply(&story, 1, &volume), APPLY_DONE);
        for (uint32_t node = 1; node <= 3; node++) {
                struct command lost = { .kind = COMMAND_VOLUME_REPORT,
                                        .volume_report = {
                                                .identity = identity, .node = node, .state = PATH_ABSENT } };
                TEXT_COPY(lost.volume_report.volume, name);
                if (!node_set_has(direct, node))
                        ck_assert_int_eq(story_apply(&story, node, &lost), APPLY_DONE);
        }
}

static const struct role *vm01(void)
{
        return the_role(&story, "vm01");
}

static uint64_t volume_bit(const char *name)
{
        return node_set_of(model_volume(story.model, name)->id);
}

/* vm01 runs on n1, with a disk on csv1; csv2 is on all nodes, csv3 not on n1. */
static void begin(void)
{
        story_begin(&story);
        for (uint32_t node = 1; node <= 3; node++)
                story_join(&story, node, 10 + node);
        add_volume("csv1", 7, 0x7);
        add_volume("csv2", 8, 0x7);
        add_volume("csv3", 9, 0x6);
        struct role role = story_role("vm01");
        memset(role.definition_hash, OLD, HASH_BYTES);
        role.volumes = volume_bit("csv1");
        ck_assert_int_eq(story_add_role(&story, &role), APPLY_DONE);
        ck_assert_int_eq(story_assign(&story, "vm01", 1), APPLY_DONE);
        ck_assert_int_eq(story_report(&story, "vm01", 1, REPORT_RUNNING), APPLY_DONE);
}

static void end(void)
{
        story_end(&story);
}

static enum apply_outcome copy_to(const char *volume, uint8_t before)
{
        struct command command = { .kind = COMMAND_ROLE_COPY,
                                   .role_copy = { .role = "vm01", .disk = "vda", .from = "/csv1/a" } };
        struct command_role_copy *copy = &command.role_copy;
        TEXT_PRINT(copy->to, "/%s/a", volume);
        memset(copy->before_hash, before, HASH_BYTES);
        memset(copy->definition_hash, NEW, HASH_BYTES);
        copy->volumes = volume_bit(volume);
        return story_apply(&story, 2, &command);
}

static enum apply_outcome report_by(uint32_t origin, uint32_t node, enum copy_report kind)
{
        struct command command = { .kind = COMMAND_COPY_REPORT,
                                   .copy_report = { .role = "vm01",
                                                    .node = node,
                                                    .index = vm01()->copy.index,
                                                    .kind = kind,
                                                    .held_ms = kind == COPY_REPORT_DONE ? 20 : 0 } };
        return story_apply(&story, origin, &command);
}

static enum apply_outcome report(enum copy_report kind)
{
        return report_by(1, 1, kind);
}

static void ck_image(enum copy_state state, uint8_t counts, const char *volume)
{
        ck_assert_str_eq(copy_state_name(vm01()->copy.state), copy_state_name(state));
        ck_assert_uint_eq(vm01()->definition_hash[0], counts);
        ck_assert_uint_eq(vm01()->volumes, volume_bit(volume));
}

START_TEST(the_new_image_counts_from_the_entry_that_says_that_the_guest_is_held)
{
        ck_assert_int_eq(copy_to("csv2", OLD), APPLY_DONE);
        ck_image(COPY_RUNNING, OLD, "csv1");
        ck_assert_int_eq(report(COPY_REPORT_DONE), APPLY_REFUSED);
        ck_assert_int_eq(report(COPY_REPORT_HELD), APPLY_DONE);
        ck_image(COPY_SWITCHING, NEW, "csv2");
        ck_assert_int_eq(report(COPY_REPORT_HELD), APPLY_REFUSED);
        ck_assert_int_eq(report(COPY_REPORT_DONE), APPLY_DONE);
        ck_image(COPY_CLEARING, NEW, "csv2");
        ck_assert_str_eq(role_copy_useless(&vm01()->copy), "/csv1/a");
        ck_assert_int_eq(report(COPY_REPORT_CLEARED), APPLY_DONE);
        ck_image(COPY_NONE, NEW, "csv2");
        ck_assert(vm01()->copy.succeeded);
        ck_assert_uint_eq(vm01()->copy.held_ms, 20);
        ck_assert_uint_eq(vm01()->leases, volume_bit("csv1")); /* by what it was started */
}
END_TEST

START_TEST(a_copy_that_fails_leaves_the_old_image)
{
        ck_assert_int_eq(copy_to("csv2", OLD), APPLY_DONE);
        if (_i == 1)
                ck_assert_int_eq(report(COPY_REPORT_HELD), APPLY_DONE);
        ck_assert_int_eq(report(COPY_REPORT_FAILED), APPLY_DONE);
        ck_image(COPY_CLEARING, OLD, "csv1");
        ck_assert_str_eq(role_copy_useless(&vm01()->copy), "/csv2/a");
        ck_assert_int_eq(report(COPY_REPORT_CLEARED), APPLY_DONE);
        ck_image(COPY_NONE, OLD, "csv1");
        ck_assert(!vm01()->copy.succeeded);
}
END_TEST

START_TEST(only_its_owner_reports_and_only_of_this_copy)
{
        ck_assert_int_eq(report(COPY_REPORT_CLEARED), APPLY_REFUSED);
        ck_assert_int_eq(copy_to("csv2", OLD), APPLY_DONE);
        ck_assert_int_eq(report_by(2, 2, COPY_REPORT_HELD), APPLY_REFUSED);
        ck_assert_int_eq(report_by(2, 1, COPY_REPORT_HELD), APPLY_REFUSED);
        struct command old = { .kind = COMMAND_COPY_REPORT,
                               .copy_report = {
                                       .role = "vm01", .node = 1, .index = vm01()->copy.index - 1 } };
        ck_assert_int_eq(story_apply(&story, 1, &old), APPLY_REFUSED);
        ck_assert_int_eq(story_lost(&story, 1), APPLY_DONE);
        ck_assert_int_eq(report(COPY_REPORT_HELD), APPLY_REFUSED);
}
END_TEST

/* What counts when the owner is lost is what the ledger named; it changes nothing that this is waited for. */
START_TEST(a_lost_owner_leaves_the_image_that_the_ledger_names)
{
        bool held = _i == 1;
        ck_assert_int_eq(copy_to("csv2", OLD), APPLY_DONE);
        if (held)
                ck_assert_int_eq(report(COPY_REPORT_HELD), APPLY_DONE);
        ck_assert_int_eq(story_lost(&story, 1), APPLY_DONE);
        ck_assert_str_eq(copy_state_name(vm01()->copy.state), held ? "switching" : "running");
        ck_assert_int_eq(story_evidence(&story, 1, EVIDENCE_POWERED_OFF), APPLY_DONE);
        ck_assert_int_eq(story_assign(&story, "vm01", 2), APPLY_DONE);
        ck_image(COPY_CLEARING, held ? NEW : OLD, held ? "csv2" : "csv1");
        ck_assert_str_eq(role_copy_useless(&vm01()->copy), held ? "/csv1/a" : "/csv2/a");
        ck_assert_int_eq(story_report(&story, "vm01", 2, REPORT_RUNNING), APPLY_DONE);
        ck_assert_int_eq(report_by(2, 2, COPY_REPORT_CLEARED), APPLY_DONE);
        ck_assert_str_eq(copy_state_name(vm01()->copy.state), "none");
}
END_TEST

static enum apply_outcome abort_it(void)
{
        return story_order(&story, COMMAND_ROLE_COPY_ABORT, "vm01");
}

START_TEST(it_is_aborted_until_the_guest_goes_over)
{
        ck_assert_int_eq(abort_it(), APPLY_REFUSED);
        ck_assert_int_eq(copy_to("csv2", OLD), APPLY_DONE);
        ck_assert_int_eq(abort_it(), APPLY_DONE);
        ck_assert_int_eq(report(COPY_REPORT_HELD), APPLY_REFUSED);
        ck_assert_int_eq(report(COPY_REPORT_FAILED), APPLY_DONE);
        ck_assert_int_eq(abort_it(), APPLY_DONE); /* nobody can remove the new one */
        ck_image(COPY_NONE, OLD, "csv1");
        ck_assert_str_eq(vm01()->copy.text, "left behind: /csv2/a");
        ck_assert_int_eq(copy_to("csv2", OLD), APPLY_DONE);
        ck_assert_int_eq(report(COPY_REPORT_HELD), APPLY_DONE);
        ck_assert_int_eq(abort_it(), APPLY_REFUSED);
}
END_TEST

START_TEST(a_role_is_not_removed_before_the_image_that_it_uses_no_more)
{
        ck_assert_int_eq(copy_to("csv2", OLD), APPLY_DONE);
        ck_assert_int_eq(story_order(&story, COMMAND_ROLE_STOP, "vm01"), APPLY_DONE);
        ck_assert_int_eq(story_report(&story, "vm01", 1, REPORT_STOPPED), APPLY_DONE);
        ck_assert_int_eq(story_order(&story, COMMAND_ROLE_REMOVE, "vm01"), APPLY_REFUSED);
        ck_assert_str_eq(story.apply.reason, "the next start of role 'vm01' clears up after the move of its "
                                             "storage: start it, or abort that");
        ck_assert_int_eq(abort_it(), APPLY_DONE);
        ck_assert_str_eq(vm01()->copy.text, "left behind: /csv2/a");
        ck_assert_int_eq(story_order(&story, COMMAND_ROLE_REMOVE, "vm01"), APPLY_DONE);
}
END_TEST

START_TEST(a_storage_is_moved_once_at_a_time_to_where_the_guest_can_reach_it)
{
        ck_assert_int_eq(copy_to("csv3", OLD), APPLY_REFUSED);
        ck_assert_str_eq(story.apply.reason, "n1, where role 'vm01' runs, has no path to volume 'csv3'");
        ck_assert_int_eq(copy_to("csv2", NEW), APPLY_REFUSED); /* prepared for another definition */
        ck_assert_int_eq(copy_to("csv2", OLD), APPLY_DONE);
        ck_assert_int_eq(copy_to("csv2", OLD), APPLY_REFUSED);
        ck_assert_int_eq(story_move(&story, "vm01", 2), APPLY_REFUSED);
        struct command define = { .kind = COMMAND_ROLE_SET, .role_set = { .fields = ROLE_FIELD_DEFINITION } };
        define.role_set.role = story_role("vm01");
        ck_assert_int_eq(story_apply(&story, 1, &define), APPLY_REFUSED);
        struct command maintain = { .kind = COMMAND_VOLUME_MAINTAIN,
                                    .volume = { .volume = "csv2", .identity = 8 } };
        ck_assert_int_eq(story_apply(&story, 1, &maintain), APPLY_REFUSED);
        struct command remove = { .kind = COMMAND_VOLUME_REMOVE,
                                  .volume = { .volume = "csv2", .identity = 8 } };
        ck_assert_int_eq(story_apply(&story, 1, &remove), APPLY_REFUSED);
}
END_TEST

START_TEST(a_role_that_does_not_run_moves_no_storage)
{
        ck_assert_int_eq(story_order(&story, COMMAND_ROLE_STOP, "vm01"), APPLY_DONE);
        ck_assert_int_eq(copy_to("csv2", OLD), APPLY_REFUSED);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("moving storage");
        TCase *tests = tcase_create("copy");
        tcase_add_checked_fixture(tests, begin, end);
        tcase_add_test(tests, the_new_image_counts_from_the_entry_that_says_that_the_guest_is_held);
        tcase_add_loop_test(tests, a_copy_that_fails_leaves_the_old_image, 0, 2);
        tcase_add_test(tests, only_its_owner_reports_and_only_of_this_copy);
        tcase_add_loop_test(tests, a_lost_owner_leaves_the_image_that_the_ledger_names, 0, 2);
        tcase_add_test(tests, it_is_aborted_until_the_guest_goes_over);
        tcase_add_test(tests, a_role_is_not_removed_before_the_image_that_it_uses_no_more);
        tcase_add_test(tests, a_storage_is_moved_once_at_a_time_to_where_the_guest_can_reach_it);
        tcase_add_test(tests, a_role_that_does_not_run_moves_no_storage);
        suite_add_tcase(suite, tests);
        return suite_run(suite);
}
