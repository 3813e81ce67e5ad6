/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <stdlib.h>

#include "clusterd/base/path.h"
#include "clusterd/base/text.h"
#include "clusterd/core/coordinator.h"
#include "clusterd/core/placement.h"
#include "tests/unit/core_fixture.h"
#include "tests/unit/suite_run.h"

/* Volumes in the model: what commands make of them, and where roles may go. */

static struct story story;

static void begin(void)
{
        story_begin(&story);
        for (uint32_t node = 1; node <= 3; node++)
                story_join(&story, node, 10 + node);
}

static void end(void)
{
        story_end(&story);
}

static enum apply_outcome add(const char *name, const char *path)
{
        struct command command = { .kind = COMMAND_VOLUME_ADD, .volume_add = { .identity = 7 } };
        TEXT_COPY(command.volume_add.name, name);
        TEXT_COPY(command.volume_add.path, path);
        return story_apply(&story, 1, &command);
}

static enum apply_outcome say_of(enum command_kind kind, uint64_t identity)
{
        struct command command = { .kind = kind, .volume = { .volume = "csv1", .identity = identity } };
        return story_apply(&story, 1, &command);
}

static enum apply_outcome say(enum command_kind kind)
{
        return say_of(kind, 7);
}

static enum apply_outcome report_as(uint32_t origin, uint32_t node, enum path_state state)
{
        struct command command = { .kind = COMMAND_VOLUME_REPORT,
                                   .volume_report = { .volume = "csv1",
                                                      .identity = 7,
                                                      .node = node,
                                                      .state = state,
                                                      .text = "as it is" } };
        return story_apply(&story, origin, &command);
}

static enum apply_outcome report(uint32_t node, enum path_state state)
{
        return report_as(node, node, state);
}

static const struct volume *csv1(void)
{
        return model_volume(story.model, "csv1");
}

/* Added, and proven by all three. */
static void ready(void)
{
        ck_assert_int_eq(add("csv1", "/csv1"), APPLY_DONE);
        for (uint32_t node = 1; node <= 3; node++) {
                ck_assert_int_eq(report(node, PATH_MARKED), APPLY_DONE);
                ck_assert_int_eq(report(node, PATH_DIRECT), APPLY_DONE);
        }
        ck_assert_int_eq(say(COMMAND_VOLUME_READY), APPLY_DONE);
}

static struct role role_on_csv1(const char *name)
{
        struct role role = story_role(name);
        role.volumes = node_set_of(csv1()->id);
        return role;
}

static const struct {
        const char *path;
        bool plain;
} paths[] = {
        { "/csv1", true },    { "/srv/csv.1/a", true }, { "/...", true },
        { "csv1", false },    { "/", false },           { "", false },
        { "/csv1/", false },  { "//csv1", false },      { "/a/./b", false },
        { "/a/../b", false }, { "/a/..", false },
};

START_TEST(a_path_is_plain_or_not)
{
        ck_assert_msg(path_is_plain(paths[_i].path) == paths[_i].plain, "%s", paths[_i].path);
}
END_TEST

static const struct {
        const char *directory, *file;
        bool held;
} files[] = {
        { "/csv", "/csv/a.img", true },
        { "/csv", "/csv", true },
        { "/csv", "//csv/./x//a.img", true },
        { "/csv/a", "/csv/a/b/c", true },
        { "/csv", "/csv1/a.img", false },
        { "/csv1", "/csv/a.img", false },
        { "/csv", "/csv/../etc/a", false },
        { "/csv", "/x/../csv/a", false },
        { "/csv", "csv/a.img", false },
        { "/csv/a", "/csv", false },
        { "/csv", "", false },
};

START_TEST(a_directory_holds_a_file_or_not)
{
        ck_assert_msg(path_holds(files[_i].directory, files[_i].file) == files[_i].held, "%s %s",
                      files[_i].directory, files[_i].file);
}
END_TEST

START_TEST(a_volume_needs_a_name_and_a_path_of_its_own)
{
        ck_assert_int_eq(add("csv1", "/srv/csv1"), APPLY_DONE);
        ck_assert_int_eq(csv1()->state, VOLUME_PROVING);
        ck_assert_int_eq(add("csv1", "/elsewhere"), APPLY_REFUSED);
        ck_assert_int_eq(add("csv2", "/srv/csv1"), APPLY_REFUSED);
        ck_assert_int_eq(add("csv2", "/srv/csv1/below"), APPLY_REFUSED);
        ck_assert_int_eq(add("csv2", "/srv"), APPLY_REFUSED);
        ck_assert_str_eq(story.apply.reason, "volume 'csv1' is at /srv/csv1: choose a path beside it");
        ck_assert_int_eq(add("csv2", "/srv/../csv2"), APPLY_REFUSED);
        ck_assert_int_eq(add("csv2", "/srv/csv10"), APPLY_DONE);
        ck_assert_uint_ne(csv1()->id, model_volume(story.model, "csv2")->id);
        ck_assert_str_eq(model_volume_of(story.model, "/srv/csv10/a.img")->name, "csv2");
        ck_assert_ptr_null(model_volume_of(story.model, "/srv/csv11/a.img"));
}
END_TEST

START_TEST(one_volume_too_many_is_refused_with_the_limit)
{
        char name[NAME_BYTES], path[VOLUME_PATH_BYTES];
        for (unsigned i = 0; i <= VOLUMES_MAX; i++) {
                TEXT_PRINT(name, "v%u", i);
                TEXT_PRINT(path, "/v%u", i);
                ck_assert_int_eq(add(name, path), i < VOLUMES_MAX ? APPLY_DONE : APPLY_REFUSED);
        }
        ck_assert_str_eq(story.apply.reason,
                         "the cluster holds 64 volumes and takes no more: remove one first");
}
END_TEST

START_TEST(a_volume_is_ready_when_every_member_has_proven_it)
{
        ck_assert_int_eq(add("csv1", "/csv1"), APPLY_DONE);
        ck_assert_int_eq(report(1, PATH_DIRECT), APPLY_REFUSED); /* its mark comes first */
        for (uint32_t node = 1; node <= 3; node++) {
                ck_assert_int_eq(say(COMMAND_VOLUME_READY), APPLY_REFUSED);
                ck_assert_int_eq(report(node, PATH_MARKED), APPLY_DONE);
                ck_assert_int_eq(report(node, PATH_DIRECT), APPLY_DONE);
        }
        ck_assert_int_eq(say_of(COMMAND_VOLUME_READY, 8), APPLY_NO_OBJECT);
        ck_assert_int_eq(say(COMMAND_VOLUME_READY), APPLY_DONE);
        ck_assert_int_eq(csv1()->state, VOLUME_READY);
        ck_assert_int_eq(say(COMMAND_VOLUME_READY), APPLY_REFUSED);
        ck_assert_int_eq(say(COMMAND_VOLUME_DROP), APPLY_REFUSED);
}
END_TEST

START_TEST(who_is_lost_need_not_prove_a_volume_but_somebody_must)
{
        ck_assert_int_eq(add("csv1", "/csv1"), APPLY_DONE);
        for (uint32_t node = 1; node <= 3; node++)
                story_lost(&story, node);
        ck_assert_int_eq(say(COMMAND_VOLUME_READY), APPLY_REFUSED);
        story_join(&story, 2, 99);
        ck_assert_int_eq(say(COMMAND_VOLUME_READY), APPLY_REFUSED);
        ck_assert_int_eq(report(2, PATH_MARKED), APPLY_DONE);
        ck_assert_int_eq(report(2, PATH_DIRECT), APPLY_DONE);
        ck_assert_int_eq(say(COMMAND_VOLUME_READY), APPLY_DONE);
}
END_TEST

static enum apply_outcome witness_on(const char *volume, const char *path)
{
        struct command command = { .kind = COMMAND_WITNESS_SET,
                                   .witness.witness = { .kind = WITNESS_DISK, .identity = 9 } };
        TEXT_COPY(command.witness.witness.volume, volume);
        TEXT_COPY(command.witness.witness.place, path);
        return story_apply(&story, 1, &command);
}

START_TEST(a_witness_keeps_its_volume)
{
        struct command remove = { .kind = COMMAND_WITNESS_REMOVE };
        ck_assert_int_eq(witness_on("csv1", "/csv1"), APPLY_NO_OBJECT);
        ck_assert_int_eq(add("csv1", "/csv1"), APPLY_DONE);
        ck_assert_int_eq(witness_on("csv1", "/csv1"), APPLY_REFUSED);
        ck_assert_str_eq(story.apply.reason, "not every node has proven volume 'csv1' yet");
        ck_assert_int_eq(say(COMMAND_VOLUME_DROP), APPLY_DONE);
        ready();
        ck_assert_int_eq(witness_on("csv1", "/elsewhere"), APPLY_REFUSED);
        ck_assert_int_eq(witness_on("csv1", "/csv1"), APPLY_DONE);
        ck_assert_int_eq(say(COMMAND_VOLUME_REMOVE), APPLY_REFUSED);
        ck_assert_str_eq(story.apply.reason, "the witness is on it: clu quorum witness remove first");
        ck_assert_int_eq(say(COMMAND_VOLUME_MAINTAIN), APPLY_REFUSED);
        remove.witness.witness = story.model->settings.witness;
        ck_assert_int_eq(story_apply(&story, 1, &remove), APPLY_DONE);
        ck_assert_int_eq(say(COMMAND_VOLUME_REMOVE), APPLY_DONE);
}
END_TEST

static enum apply_outcome coordinate(uint32_t node)
{
        struct command command = { .kind = COMMAND_VOLUME_MOVE,
                                   .volume_move = { .volume = "csv1", .identity = 7, .node = node } };
        return story_apply(&story, 1, &command);
}

START_TEST(one_in_service_that_reaches_it_coordinates_a_volume)
{
        struct command drain = { .kind = COMMAND_NODE_DRAIN, .node = { .node = 1, .incarnation = 1 } };
        ck_assert_int_eq(add("csv1", "/csv1"), APPLY_DONE);
        ck_assert_int_eq(coordinate(1), APPLY_REFUSED);
        ck_assert_str_eq(story.apply.reason, "volume csv1 is being proven");
        ck_assert_int_eq(say(COMMAND_VOLUME_DROP), APPLY_DONE);
        ready();
        ck_assert_uint_eq(csv1()->coordinator, NODE_NONE);
        ck_assert_int_eq(coordinate(3), APPLY_DONE);
        ck_assert_uint_eq(csv1()->coordinator, 3);
        ck_assert_int_eq(report(2, PATH_HANGS), APPLY_DONE);
        ck_assert_int_eq(coordinate(2), APPLY_REFUSED);
        ck_assert_str_eq(story.apply.reason, "n2 has no path to volume csv1: it does not answer");
        ck_assert_int_eq(coordinate(9), APPLY_REFUSED);
        drain.node.incarnation = model_node(story.model, 1)->incarnation;
        ck_assert_int_eq(story_apply(&story, 1, &drain), APPLY_DONE);
        ck_assert_int_eq(coordinate(1), APPLY_REFUSED);
        story_lost(&story, 3);
        ck_assert_int_eq(coordinate(3), APPLY_REFUSED);
        ck_assert_uint_eq(csv1()->coordinator, 3); /* until another is named */
}
END_TEST

START_TEST(the_coordinator_of_the_fewest_volumes_is_chosen)
{
        ready();
        ck_assert_uint_eq(coordinator_choose(story.model, csv1()), 1);
        ck_assert_int_eq(coordinate(1), APPLY_DONE);
        ck_assert_uint_eq(coordinator_choose(story.model, csv1()), 2);
        ck_assert_int_eq(report(2, PATH_HANGS), APPLY_DONE);
        ck_assert_uint_eq(coordinator_choose(story.model, csv1()), 3);
}
END_TEST

START_TEST(a_volume_in_maintenance_has_no_paths_and_is_proven_anew_or_stays_there)
{
        ready();
        struct role role = role_on_csv1("vm01"), other = role_on_csv1("vm02");
        struct placement_load load;
        char reason[REASON_BYTES];
        ck_assert_int_eq(story_add_role(&story, &role), APPLY_DONE);
        ck_assert_int_eq(say(COMMAND_VOLUME_RESUME), APPLY_REFUSED);
        ck_assert_int_eq(coordinate(1), APPLY_DONE);
        ck_assert_int_eq(say(COMMAND_VOLUME_MAINTAIN), APPLY_DONE);
        ck_assert_int_eq(say(COMMAND_VOLUME_MAINTAIN), APPLY_REFUSED);
        ck_assert_uint_eq(csv1()->coordinator, NODE_NONE);
        ck_assert_uint_eq(csv1()->paths[PATH_DIRECT], 0);
        ck_assert_int_eq(report(1, PATH_MARKED), APPLY_REFUSED);
        ck_assert_int_eq(story_add_role(&story, &other), APPLY_REFUSED);
        placement_load_read(story.model, &load);
        ck_assert_int_eq(placement_check(story.model, &role, &load, 1, reason), PLACEMENT_NO_PATH);
        ck_assert_str_eq(reason, "n1 cannot have volume csv1: it is in maintenance");
        ck_assert_int_eq(say(COMMAND_VOLUME_RESUME), APPLY_DONE);
        ck_assert_int_eq(csv1()->state, VOLUME_PROVING);
        ck_assert_int_eq(say(COMMAND_VOLUME_DROP), APPLY_DONE);
        ck_assert_int_eq(csv1()->state, VOLUME_MAINTENANCE); /* and not forgotten */
        ck_assert_int_eq(say(COMMAND_VOLUME_RESUME), APPLY_DONE);
        for (uint32_t node = 1; node <= 3; node++) {
                ck_assert_int_eq(report(node, PATH_MARKED), APPLY_DONE);
                ck_assert_int_eq(report(node, PATH_DIRECT), APPLY_DONE);
        }
        ck_assert_int_eq(placement_check(story.model, &role, &load, 1, reason), PLACEMENT_NO_PATH);
        ck_assert_str_eq(reason, "n1 cannot have volume csv1: it is being proven");
        ck_assert_int_eq(say(COMMAND_VOLUME_READY), APPLY_DONE);
        ck_assert_int_eq(placement_check(story.model, &role, &load, 1, reason), PLACEMENT_FOUND);
}
END_TEST

START_TEST(only_a_member_reports_and_only_on_itself)
{
        ck_assert_int_eq(add("csv1", "/csv1"), APPLY_DONE);
        ck_assert_int_eq(report_as(2, 1, PATH_MARKED), APPLY_REFUSED);
        ck_assert_int_eq(report(1, PATH_UNKNOWN), APPLY_REFUSED);
        ck_assert_int_eq(report(9, PATH_MARKED), APPLY_NO_OBJECT);
        story_lost(&story, 1);
        ck_assert_int_eq(report(1, PATH_MARKED), APPLY_REFUSED);
}
END_TEST

START_TEST(a_lost_path_has_its_reason_and_comes_back)
{
        ready();
        ck_assert_int_eq(report(2, PATH_HANGS), APPLY_DONE);
        ck_assert_int_eq(volume_path(csv1(), 2), PATH_HANGS);
        ck_assert_uint_eq(volume_lost(csv1()), node_set_of(2));
        ck_assert_uint_eq(csv1()->paths[PATH_DIRECT], node_set_of(1) | node_set_of(3));
        ck_assert_str_eq(csv1()->trouble, "n2: as it is");
        ck_assert_int_eq(report(2, PATH_DIRECT), APPLY_DONE);
        ck_assert_uint_eq(volume_lost(csv1()), 0);
}
END_TEST

START_TEST(a_node_that_joins_anew_proves_its_paths_anew)
{
        ready();
        ck_assert_int_eq(story_join(&story, 2, 12), APPLY_DONE); /* the same boot, and never missed */
        ck_assert_int_eq(volume_path(csv1(), 2), PATH_DIRECT);
        ck_assert_int_eq(story_join(&story, 2, 99), APPLY_DONE);
        ck_assert_int_eq(volume_path(csv1(), 2), PATH_UNKNOWN);
        story_lost(&story, 3);
        ck_assert_int_eq(story_join(&story, 3, 13), APPLY_DONE);
        ck_assert_int_eq(volume_path(csv1(), 3), PATH_UNKNOWN);
        ck_assert_int_eq(report(3, PATH_DIRECT), APPLY_REFUSED);
}
END_TEST

START_TEST(a_volume_that_a_role_uses_is_not_removed)
{
        ready();
        struct role role = role_on_csv1("vm01");
        ck_assert_int_eq(story_add_role(&story, &role), APPLY_DONE);
        ck_assert_int_eq(say(COMMAND_VOLUME_REMOVE), APPLY_REFUSED);
        ck_assert_str_eq(story.apply.reason,
                         "role 'vm01' has a disk on it: move that, or remove the role first");
        ck_assert_int_eq(story_order(&story, COMMAND_ROLE_REMOVE, "vm01"), APPLY_DONE);
        ck_assert_int_eq(say_of(COMMAND_VOLUME_REMOVE, 8), APPLY_NO_OBJECT);
        ck_assert_int_eq(say(COMMAND_VOLUME_REMOVE), APPLY_DONE);
        ck_assert_int_eq(story.apply.deleted_kind, OBJECT_VOLUME);
        ck_assert_ptr_null(csv1());
}
END_TEST

START_TEST(a_role_needs_volumes_that_are_proven)
{
        ck_assert_int_eq(add("csv1", "/csv1"), APPLY_DONE);
        struct role role = role_on_csv1("vm01");
        ck_assert_int_eq(story_add_role(&story, &role), APPLY_REFUSED);
        ck_assert_str_eq(story.apply.reason,
                         "volume 'csv1', where role 'vm01' has a disk, is not proven yet");
        role.volumes = node_set_of(5);
        ck_assert_int_eq(story_add_role(&story, &role), APPLY_REFUSED);
        story_add(&story, "vm02");
        struct command set = { .kind = COMMAND_ROLE_SET, .role_set = { .fields = ROLE_FIELD_DEFINITION } };
        set.role_set.role = role;
        TEXT_COPY(set.role_set.role.name, "vm02");
        ck_assert_int_eq(story_apply(&story, 1, &set), APPLY_REFUSED);
        set.role_set.role.volumes = 0;
        ck_assert_int_eq(story_apply(&story, 1, &set), APPLY_DONE);
}
END_TEST

START_TEST(a_role_that_starts_keeps_to_volumes_of_its_node)
{
        ready();
        ck_assert_int_eq(report(1, PATH_ABSENT), APPLY_DONE);
        story_add(&story, "vm01");
        struct command set = { .kind = COMMAND_ROLE_SET, .role_set = { .fields = ROLE_FIELD_DEFINITION } };
        set.role_set.role = role_on_csv1("vm01");
        story_assign(&story, "vm01", 1);
        ck_assert_int_eq(story_apply(&story, 1, &set), APPLY_REFUSED);
        ck_assert_str_eq(story.apply.reason,
                         "role 'vm01' starts on n1, which has no path to volume 'csv1': stop it first");
        story_report(&story, "vm01", 1, REPORT_RUNNING);
        ck_assert_int_eq(story_apply(&story, 1, &set), APPLY_DONE); /* counts from its next start on */
}
END_TEST

START_TEST(a_role_goes_only_where_its_volumes_are)
{
        ready();
        struct role role = role_on_csv1("vm01");
        struct placement_load load;
        uint32_t node = NODE_NONE;
        char reason[REASON_BYTES];
        ck_assert_int_eq(story_add_role(&story, &role), APPLY_DONE);
        ck_assert_int_eq(report(1, PATH_HANGS), APPLY_DONE);
        ck_assert_int_eq(report(2, PATH_ABSENT), APPLY_DONE);
        placement_load_read(story.model, &load);
        const struct role *held = the_role(&story, "vm01");
        ck_assert_uint_eq(placement_open_nodes(story.model, held), node_set_of(3));
        ck_assert_int_eq(placement_check(story.model, held, &load, 1, reason), PLACEMENT_NO_PATH);
        ck_assert_str_eq(reason, "n1 has no path to volume csv1: it does not answer");
        ck_assert_int_eq(placement_choose(story.model, held, &load, 0, &node, reason), PLACEMENT_FOUND);
        ck_assert_uint_eq(node, 3);
        ck_assert_int_eq(story_assign(&story, "vm01", 1), APPLY_REFUSED);
        story_assign(&story, "vm01", 3);
        story_report(&story, "vm01", 3, REPORT_RUNNING);
        ck_assert_int_eq(story_move(&story, "vm01", 1), APPLY_REFUSED);
        ck_assert_int_eq(report(3, PATH_FAILED), APPLY_DONE);
        ck_assert_int_eq(the_role(&story, "vm01")->state, ROLE_ONLINE); /* its guest runs on */
        ck_assert_int_eq(placement_choose(story.model, held, &load, node_set_of(3), &node, reason),
                         PLACEMENT_NO_CANDIDATE);
        ck_assert_ptr_nonnull(strstr(reason, "n2 has no path to volume csv1: it is not there"));
}
END_TEST

static Suite *volume_suite(void)
{
        Suite *suite = suite_create("volume");
        TCase *tcase = tcase_create("volume");
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_loop_test(tcase, a_path_is_plain_or_not, 0, sizeof(paths) / sizeof(paths[0]));
        tcase_add_loop_test(tcase, a_directory_holds_a_file_or_not, 0, sizeof(files) / sizeof(files[0]));
        tcase_add_test(tcase, a_volume_needs_a_name_and_a_path_of_its_own);
        tcase_add_test(tcase, one_volume_too_many_is_refused_with_the_limit);
        tcase_add_test(tcase, a_volume_is_ready_when_every_member_has_proven_it);
        tcase_add_test(tcase, who_is_lost_need_not_prove_a_volume_but_somebody_must);
        tcase_add_test(tcase, a_witness_keeps_its_volume);
        tcase_add_test(tcase, one_in_service_that_reaches_it_coordinates_a_volume);
        tcase_add_test(tcase, the_coordinator_of_the_fewest_volumes_is_chosen);
        tcase_add_test(tcase, a_volume_in_maintenance_has_no_paths_and_is_proven_anew_or_stays_there);
        tcase_add_test(tcase, only_a_member_reports_and_only_on_itself);
        tcase_add_test(tcase, a_lost_path_has_its_reason_and_comes_back);
        tcase_add_test(tcase, a_node_that_joins_anew_proves_its_paths_anew);
        tcase_add_test(tcase, a_volume_that_a_role_uses_is_not_removed);
        tcase_add_test(tcase, a_role_needs_volumes_that_are_proven);
        tcase_add_test(tcase, a_role_that_starts_keeps_to_volumes_of_its_node);
        tcase_add_test(tcase, a_role_goes_only_where_its_volumes_are);
        suite_add_tcase(suite, tcase);
        return suite;
}

int main(void)
{
        return suite_run(volume_suite());
}
