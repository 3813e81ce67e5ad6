/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <stdlib.h>

#include "clusterd/base/path.h"
#include "clusterd/base/text.h"
#include "clusterd/core/coordinator.h"
#include "tests/unit/core_fixture.h"
#include "tests/unit/suite_run.h"

/* Volumes of kind iscsi: names of targets and LUNs, and what the model makes of them. */

#define TARGET "iqn.2026-11.lab:san"

static struct story story;

static void begin(void)
{
        story_begin(&story);
        story_join(&story, 1, 11);
}

static void end(void)
{
        story_end(&story);
}

static const struct {
        const char *name;
        bool plain;
} targets[] = {
        { TARGET, true },
        { "eui.02004567a425678d", true },
        { "naa.52004567ba64678d", true },
        { "iqn.", false },
        { "", false },
        { "/csv1", false },
        { "iqn.2026-11.lab:san/1", false },
        { "iqn.2026-11.Lab", false },
        { "iqn.2026-11.lab san", false },
};

START_TEST(a_name_is_a_targets_or_not)
{
        ck_assert_msg(target_is_plain(targets[_i].name) == targets[_i].plain, "%s", targets[_i].name);
}
END_TEST

static const struct {
        const char *disk;
        bool held;
        uint32_t lun;
} disks[] = {
        { TARGET "/1", true, 1 },
        { TARGET "/16383", true, 16383 },
        { TARGET "/0", true, 0 },
        { TARGET "/16384", false, 7 },
        { TARGET "/", false, 7 },
        { TARGET, false, 7 },
        { TARGET "2/1", false, 7 },
        { TARGET "/1a", false, 7 },
        { TARGET "/-1", false, 7 },
        { "/csv1/a.img", false, 7 },
        { TARGET "/99999999999", false, 7 },
};

START_TEST(a_target_holds_a_lun_or_not)
{
        uint32_t lun = 7;
        ck_assert_msg(target_holds(TARGET, disks[_i].disk, &lun) == disks[_i].held, "%s", disks[_i].disk);
        ck_assert_uint_eq(lun, disks[_i].lun);
}
END_TEST

static enum apply_outcome add(const char *name, const char *target)
{
        struct command command = { .kind = COMMAND_VOLUME_ADD,
                                   .volume_add = { .kind = VOLUME_ISCSI,
                                                   .identity = 7,
                                                   .login = { .portal = "san", .user = "clu" } } };
        TEXT_COPY(command.volume_add.name, name);
        TEXT_COPY(command.volume_add.path, target);
        return story_apply(&story, 1, &command);
}

static enum apply_outcome report(enum path_state state, bool leased)
{
        struct command command = { .kind = COMMAND_VOLUME_REPORT,
                                   .volume_report = { .volume = "san",
                                                      .identity = 7,
                                                      .node = 1,
                                                      .state = state,
                                                      .leased = leased } };
        return story_apply(&story, 1, &command);
}

static void ready(void)
{
        struct command command = { .kind = COMMAND_VOLUME_READY,
                                   .volume = { .volume = "san", .identity = 7 } };
        ck_assert_int_eq(add("san", TARGET), APPLY_DONE);
        ck_assert_int_eq(report(PATH_MARKED, false), APPLY_DONE);
        ck_assert_int_eq(report(PATH_DIRECT, false), APPLY_DONE);
        ck_assert_int_eq(story_apply(&story, 1, &command), APPLY_DONE);
}

START_TEST(a_target_is_one_volume)
{
        ck_assert_int_eq(add("san", "/csv1"), APPLY_REFUSED);
        ck_assert_int_eq(add("san", TARGET), APPLY_DONE);
        ck_assert_int_eq(add("san2", TARGET), APPLY_REFUSED);
        ck_assert_int_eq(add("san2", TARGET "2"), APPLY_DONE);
        const struct volume *volume = model_volume(story.model, "san");
        ck_assert_str_eq(volume->login.portal, "san");
        ck_assert_str_eq(volume->login.user, "clu");
}
END_TEST

START_TEST(the_lun_of_a_disk_says_which_volume_it_is_on)
{
        ready();
        ck_assert_ptr_eq(model_volume_of(story.model, TARGET "/3"), model_volume(story.model, "san"));
        ck_assert_ptr_null(model_volume_of(story.model, TARGET "2/3"));
        ck_assert_ptr_null(model_volume_of(story.model, "/csv1/a.img"));
}
END_TEST

START_TEST(what_has_no_files_has_no_leases_no_coordinator_and_no_witness)
{
        char reason[REASON_BYTES];
        ready();
        const struct volume *volume = model_volume(story.model, "san");
        ck_assert_int_eq(report(PATH_DIRECT, true), APPLY_DONE);
        ck_assert_uint_eq(volume->leases, 0);
        ck_assert_uint_eq(coordinator_choose(story.model, volume), NODE_NONE);
        ck_assert(!coordinator_may_be(story.model, volume, 1, reason));
        struct command witness = { .kind = COMMAND_WITNESS_SET,
                                   .witness = { .witness = { .kind = WITNESS_DISK,
                                                             .identity = 9,
                                                             .place = TARGET,
                                                             .volume = "san" } } };
        ck_assert_int_eq(story_apply(&story, 1, &witness), APPLY_REFUSED);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("target");
        TCase *tcase = tcase_create("target");
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_loop_test(tcase, a_name_is_a_targets_or_not, 0, sizeof(targets) / sizeof(targets[0]));
        tcase_add_loop_test(tcase, a_target_holds_a_lun_or_not, 0, sizeof(disks) / sizeof(disks[0]));
        tcase_add_test(tcase, a_target_is_one_volume);
        tcase_add_test(tcase, the_lun_of_a_disk_says_which_volume_it_is_on);
        tcase_add_test(tcase, what_has_no_files_has_no_leases_no_coordinator_and_no_witness);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
