/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster.h"

#include <check.h>
#include <stdlib.h>

#include "clusterd/base/text.h"
#include "tests/unit/core_desk.h"
#include "tests/unit/suite_run.h"

/* vm01 runs on node 2, whose path to its volume is lost: node 1, which leads, writes for it. */

#define CSV 1

static struct desk desk;

static void report_path(enum path_state path)
{
        struct command command = { .kind = COMMAND_VOLUME_REPORT,
                                   .volume_report = {
                                           .volume = "csv", .identity = 7, .node = 2, .state = path } };
        desk_hear(&desk, 2, &command);
}

static void add_volume(void)
{
        struct command add = { .kind = COMMAND_VOLUME_ADD,
                               .volume_add = { .name = "csv", .path = "/csv", .identity = 7 } };
        ck_assert_int_eq(desk_ask(&desk, &add), REPLY_DONE);
        for (enum path_state path = PATH_MARKED; path <= PATH_DIRECT; path++) {
                (void)desk_look(&desk, 0);
                report_path(path);
        }
        (void)desk_look(&desk, 0);
        ck_assert_int_eq(model_volume(cluster_model(desk.cluster), "csv")->state, VOLUME_READY);
}

static void add_role(void)
{
        struct command command = { .kind = COMMAND_ROLE_ADD,
                                   .role_add.role = { .name = "vm01",
                                                      .uuid = "vm01",
                                                      .kind = ROLE_VM,
                                                      .desired = DESIRED_RUNNING,
                                                      .definition_hash = { 1 },
                                                      .memory_mib = 64,
                                                      .stop_timeout_ms = 1000,
                                                      .preferred = { 2 },
                                                      .volumes = node_set_of(CSV) } };
        ck_assert_int_eq(desk_ask(&desk, &command), REPLY_DONE);
        desk_wait(&desk, 5);
        desk_hear_report(&desk, "vm01", 2, REPORT_RUNNING);
        ck_desk_state(&desk, "vm01", ROLE_ONLINE);
}

static void begin(void)
{
        desk_begin(&desk);
        desk_view(&desk, node_set_of(2));
        add_volume();
        add_role();
}

static void end(void)
{
        desk_end(&desk);
}

static enum redirect_state state(void)
{
        return desk_role(&desk, "vm01")->redirect.state;
}

/* Another member floods the group while this node reports: what is not appended is said again. */
START_TEST(a_report_of_the_exporter_that_found_no_room_is_sent_again)
{
        report_path(PATH_ABSENT);
        desk_hear_report(&desk, "vm01", 2, REPORT_STALLED);
        desk_wait(&desk, 5000);
        ck_assert_int_eq(state(), REDIRECT_OPENING);
        const struct cluster_action *order = desk_take(&desk, CLUSTER_ACTION_EXPORT);
        ck_assert_ptr_nonnull(order);
        struct cluster_event event = { .kind = CLUSTER_EVENT_EXPORT };
        TEXT_COPY(event.export.role, "vm01");
        TEXT_COPY(event.export.key, "secret");
        event.export.index = order->role.index;
        event.export.open = true;
        event.export.result = OPERATION_SUCCEEDED;
        event.export.port = 10810;
        desk.store_is_slow = true;
        struct command note = { .kind = COMMAND_ROLE_SET, .role_set.fields = ROLE_FIELD_NOTE };
        TEXT_COPY(note.role_set.role.name, "vm01");
        for (int i = 0; i < TAIL_MAX + 100; i++)
                desk_post(&desk, 2, &note);
        desk_step(&desk, &event);
        desk_settle(&desk);
        desk.store_is_slow = false;
        desk_store(&desk);
        ck_assert_int_eq(state(), REDIRECT_OPENING);
        desk_wait(&desk, 5000);
        ck_assert_int_eq(state(), REDIRECT_OPEN);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("redirect");
        TCase *tcase = tcase_create("redirect");
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, a_report_of_the_exporter_that_found_no_room_is_sent_again);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
