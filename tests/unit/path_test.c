/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster.h"

#include <check.h>
#include <stdlib.h>

#include "clusterd/base/text.h"
#include "tests/unit/core_desk.h"
#include "tests/unit/suite_run.h"

/* One node looks at volume csv1, and leads. n2 and n3 are puppets. */

static struct desk desk;

static void begin(void)
{
        desk_begin(&desk);
        desk_view(&desk, node_set_of(2) | node_set_of(3));
}

static void end(void)
{
        desk_end(&desk);
}

static const struct volume *csv1(void)
{
        return model_volume(cluster_model(desk.cluster), "csv1");
}

static void add(void)
{
        struct command command = { .kind = COMMAND_VOLUME_ADD,
                                   .volume_add = { .name = "csv1", .path = "/csv1", .identity = 7 } };
        ck_assert_int_eq(desk_ask(&desk, &command), REPLY_DONE);
}

static void hear(uint32_t node, enum path_state state)
{
        struct command command = { .kind = COMMAND_VOLUME_REPORT,
                                   .volume_report = {
                                           .volume = "csv1", .identity = 7, .node = node, .state = state } };
        TEXT_PRINT(command.volume_report.text, "as n%u says", node);
        desk_hear(&desk, node, &command);
}

static struct cluster_action take_look(void)
{
        const struct cluster_action *action = desk_take(&desk, CLUSTER_ACTION_LOOK);
        ck_assert_ptr_nonnull(action);
        return *action;
}

static void no_look(void)
{
        ck_assert_ptr_null(desk_take(&desk, CLUSTER_ACTION_LOOK));
}

static void found(const struct cluster_action *look, enum path_state state, node_set seen)
{
        struct cluster_event event = { .kind = CLUSTER_EVENT_LOOKED };
        event.looked.look = look->volume.look;
        event.looked.id = look->volume.id;
        event.looked.found = state;
        event.looked.seen = seen;
        event.looked.made = look->volume.create && state == PATH_DIRECT;
        desk_step(&desk, &event);
        desk_settle(&desk);
}

/* Its mark stands there, and n2's and n3's too: it looks for them. */
static struct cluster_action look_for_all(void)
{
        add();
        struct cluster_action look = take_look();
        ck_assert_uint_eq(look.volume.expected, 0);
        ck_assert(look.volume.create && look.volume.measure);
        ck_assert_str_eq(look.volume.path, "/csv1");
        found(&look, PATH_DIRECT, 0);
        ck_assert_int_eq(volume_path(csv1(), 1), PATH_MARKED);
        hear(2, PATH_MARKED);
        no_look(); /* n3 has not left its mark yet */
        hear(3, PATH_MARKED);
        ck_assert_int_eq(volume_path(csv1(), 1), PATH_MARKED); /* the first look saw nobody, as asked */
        look = take_look();
        ck_assert_uint_eq(look.volume.expected, 7);
        return look;
}

static void ready(void)
{
        struct cluster_action look = look_for_all();
        found(&look, PATH_DIRECT, 7);
        hear(2, PATH_DIRECT);
        ck_assert_int_eq(csv1()->state, VOLUME_PROVING);
        hear(3, PATH_DIRECT);
        ck_assert_int_eq(csv1()->state, VOLUME_READY);
}

START_TEST(a_volume_is_ready_when_each_has_seen_the_marks_of_all)
{
        ready();
        desk_wait(&desk, 4900);
        no_look();
        desk_wait(&desk, 200);
        struct cluster_action look = take_look();
        ck_assert(!look.volume.create && !look.volume.measure);
        size_t entries = desk.entries;
        found(&look, PATH_DIRECT, 7);
        ck_assert_uint_eq(desk.entries, entries); /* nothing new, nothing said */
}
END_TEST

START_TEST(who_sees_another_volume_is_named_and_nothing_is_left)
{
        struct cluster_action look = look_for_all();
        found(&look, PATH_DIRECT, 3);
        ck_assert_int_eq(volume_path(csv1(), 1), PATH_INCOMPLETE);
        hear(3, PATH_NOT_SHARED);
        ck_assert_ptr_nonnull(csv1());
        hear(2, PATH_INCOMPLETE);
        ck_assert_ptr_null(csv1());
        const struct cluster_action *forget = desk_take(&desk, CLUSTER_ACTION_FORGET_VOLUME);
        ck_assert_ptr_nonnull(forget);
        ck_assert_str_eq(forget->volume.path, "/csv1");
        ck_assert_uint_eq(forget->volume.identity, 7);
}
END_TEST

START_TEST(half_of_the_nodes_at_most_is_another_volume)
{
        struct cluster_action look = look_for_all();
        found(&look, PATH_DIRECT, 1);
        ck_assert_int_eq(volume_path(csv1(), 1), PATH_NOT_SHARED);
}
END_TEST

static void order(enum command_kind kind)
{
        struct command command = { .kind = kind, .volume = { .volume = "csv1", .identity = 7 } };
        ck_assert_int_eq(desk_ask(&desk, &command), REPLY_DONE);
}

START_TEST(in_maintenance_nothing_is_open_and_what_was_seen_before_proves_nothing)
{
        ready();
        desk_wait(&desk, 5100);
        struct cluster_action before = take_look();
        order(COMMAND_VOLUME_MAINTAIN);
        ck_assert_ptr_null(desk_take(&desk, CLUSTER_ACTION_FORGET_VOLUME)); /* a look is under way */
        found(&before, PATH_DIRECT, 7);
        ck_assert_ptr_null(desk_take(&desk, CLUSTER_ACTION_FORGET_VOLUME)); /* and a pass of the lease */
        const struct cluster_action *pass = desk_take(&desk, CLUSTER_ACTION_LEASE);
        struct cluster_event passed = { .kind = CLUSTER_EVENT_LEASE };
        ck_assert_ptr_nonnull(pass);
        passed.lease.pass = pass->lease.pass;
        passed.lease.id = pass->lease.id;
        passed.lease.result.outcome = LEASE_PASS_DONE;
        desk_step(&desk, &passed);
        const struct cluster_action *rest = desk_take(&desk, CLUSTER_ACTION_FORGET_VOLUME);
        ck_assert_ptr_nonnull(rest);
        ck_assert(rest->volume.keep);
        desk_wait(&desk, 60000);
        no_look();
        ck_assert_ptr_null(desk_take(&desk, CLUSTER_ACTION_FORGET_VOLUME));
        order(COMMAND_VOLUME_RESUME);
        struct cluster_action look = take_look();
        ck_assert(look.volume.create && look.volume.measure);
        ck_assert_int_eq(volume_path(csv1(), 1), PATH_UNKNOWN);
        found(&look, PATH_ABSENT, 0);
        hear(2, PATH_MARKED);
        hear(3, PATH_MARKED);
        ck_assert_int_eq(csv1()->state, VOLUME_PROVING);
        hear(2, PATH_DIRECT);
        hear(3, PATH_DIRECT);
        ck_assert_int_eq(csv1()->state, VOLUME_MAINTENANCE);
        ck_assert_str_eq(csv1()->trouble, "n1: it is not there: is it mounted?");
        rest = desk_take(&desk, CLUSTER_ACTION_FORGET_VOLUME);
        ck_assert(rest != NULL && rest->volume.keep);
        order(COMMAND_VOLUME_RESUME);
        look = take_look();
        struct cluster_event made = { .kind = CLUSTER_EVENT_LOOKED };
        made.looked.look = look.volume.look;
        made.looked.id = look.volume.id;
        made.looked.found = PATH_DIRECT;
        made.looked.made = true;
        desk_step(&desk, &made);
        desk_settle(&desk);
        hear(2, PATH_ABSENT);
        hear(3, PATH_MARKED);
        look = take_look();
        found(&look, PATH_DIRECT, 1);
        hear(3, PATH_DIRECT);
        ck_assert_int_eq(csv1()->state, VOLUME_MAINTENANCE);
        rest = desk_take(&desk, CLUSTER_ACTION_FORGET_VOLUME);
        ck_assert(rest != NULL && !rest->volume.keep); /* what this proof has made goes */
}
END_TEST

START_TEST(a_look_that_hangs_is_a_loss_only_after_its_patience)
{
        ready();
        desk_wait(&desk, 5100);
        struct cluster_action look = take_look();
        desk_wait(&desk, 9800);
        ck_assert_int_eq(volume_path(csv1(), 1), PATH_DIRECT);
        desk_wait(&desk, 300);
        ck_assert_int_eq(volume_path(csv1(), 1), PATH_HANGS);
        ck_assert_str_eq(csv1()->trouble, "n1: it does not answer: no end of a write after 10 s");
        desk_wait(&desk, 20000);
        no_look(); /* one is under way */
        found(&look, PATH_DIRECT, 7);
        ck_assert_int_eq(volume_path(csv1(), 1), PATH_DIRECT);
}
END_TEST

START_TEST(a_path_is_lost_and_found_again)
{
        ready();
        desk_wait(&desk, 5100);
        struct cluster_action look = take_look();
        found(&look, PATH_ABSENT, 0);
        ck_assert_int_eq(volume_path(csv1(), 1), PATH_ABSENT);
        desk_wait(&desk, 5000);
        look = take_look();
        found(&look, PATH_DIRECT, 7);
        ck_assert_int_eq(volume_path(csv1(), 1), PATH_DIRECT);
}
END_TEST

START_TEST(a_copy_of_the_volume_is_not_the_volume)
{
        ready();
        desk_wait(&desk, 5100);
        struct cluster_action look = take_look();
        found(&look, PATH_DIRECT, 1); /* its own mark, and old ones of the others */
        ck_assert_int_eq(volume_path(csv1(), 1), PATH_NOT_SHARED);
}
END_TEST

START_TEST(a_mark_that_is_missing_is_not_the_fault_of_most)
{
        ready();
        desk_wait(&desk, 5100);
        struct cluster_action look = take_look();
        found(&look, PATH_DIRECT, 3);
        ck_assert_int_eq(volume_path(csv1(), 1), PATH_DIRECT);
}
END_TEST

START_TEST(who_is_away_holds_up_no_refusal)
{
        add();
        struct cluster_action look = take_look();
        found(&look, PATH_READ_ONLY, 0);
        hear(2, PATH_MARKED);
        hear(2, PATH_DIRECT);
        ck_assert_ptr_nonnull(csv1()); /* n3 is here, and silent */
        desk_view_connected(&desk, node_set_of(2), node_set_of(3));
        ck_assert_ptr_null(csv1());
}
END_TEST

START_TEST(an_answer_about_a_volume_that_is_gone_says_nothing)
{
        ready();
        desk_wait(&desk, 5100);
        struct cluster_action look = take_look();
        struct command command = { .kind = COMMAND_VOLUME_REMOVE,
                                   .volume = { .volume = "csv1", .identity = 7 } };
        ck_assert_int_eq(desk_ask(&desk, &command), REPLY_DONE);
        command = (struct command){ .kind = COMMAND_VOLUME_ADD,
                                    .volume_add = { .name = "csv1", .path = "/csv1", .identity = 8 } };
        ck_assert_int_eq(desk_ask(&desk, &command), REPLY_DONE);
        ck_assert_uint_eq(csv1()->id, look.volume.id);
        found(&look, PATH_DIRECT, 7);
        ck_assert_int_eq(volume_path(csv1(), 1), PATH_UNKNOWN);
}
END_TEST

static Suite *path_suite(void)
{
        Suite *suite = suite_create("path");
        TCase *tcase = tcase_create("path");
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, a_volume_is_ready_when_each_has_seen_the_marks_of_all);
        tcase_add_test(tcase, who_sees_another_volume_is_named_and_nothing_is_left);
        tcase_add_test(tcase, half_of_the_nodes_at_most_is_another_volume);
        tcase_add_test(tcase, in_maintenance_nothing_is_open_and_what_was_seen_before_proves_nothing);
        tcase_add_test(tcase, a_look_that_hangs_is_a_loss_only_after_its_patience);
        tcase_add_test(tcase, a_path_is_lost_and_found_again);
        tcase_add_test(tcase, a_copy_of_the_volume_is_not_the_volume);
        tcase_add_test(tcase, a_mark_that_is_missing_is_not_the_fault_of_most);
        tcase_add_test(tcase, who_is_away_holds_up_no_refusal);
        tcase_add_test(tcase, an_answer_about_a_volume_that_is_gone_says_nothing);
        suite_add_tcase(suite, tcase);
        return suite;
}

int main(void)
{
        return suite_run(path_suite());
}
