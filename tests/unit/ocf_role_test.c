/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/ocf_fixture.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clusterd/base/text.h"
#include "resource-agents/ocf_sequence.h"
#include "tests/unit/suite_run.h"

/* What an order does: agents start one after the other, and stop in reverse. */

static struct ocf_fixture fixture;

static void begin(void)
{
        fixture_init(&fixture);
}

static void end(void)
{
        fixture_release(&fixture);
}

START_TEST(agents_start_in_order_each_after_a_probe_and_stop_in_reverse)
{
        fixture_start(&fixture, "xyz", 60000, 20000);
        ck_assert_str_eq(fixture_log_take(&fixture),
                         "monitor x,start x,monitor y,start y,monitor z,start z,");
        ck_assert(fixture_file_exists(&fixture, "run/ocf/r.json"));
        fixture_order(&fixture, CLUSTER_ACTION_STOP);
        fixture_expect_absent(&fixture, fixture_expect_done(&fixture, OPERATION_STOP, OPERATION_SUCCEEDED),
                              OBSERVED_ABSENT_UNKNOWN);
        ck_assert_str_eq(fixture_log_take(&fixture), "stop z,stop y,stop x,");
        ck_assert(!fixture_list_has_role(&fixture));
}
END_TEST

START_TEST(a_running_agent_is_not_started_again)
{
        fixture_file_write(&fixture, "x.up", "");
        fixture_start(&fixture, "xy", 60000, 20000);
        ck_assert_str_eq(fixture_log_take(&fixture), "monitor x,monitor y,start y,");
}
END_TEST

START_TEST(stop_of_what_never_ran_succeeds)
{
        fixture_define(&fixture, "xy", 60000, 20000);
        fixture_order(&fixture, CLUSTER_ACTION_STOP);
        fixture_expect_absent(&fixture, fixture_expect_done(&fixture, OPERATION_STOP, OPERATION_SUCCEEDED),
                              OBSERVED_ABSENT_UNKNOWN);
        ck_assert_str_eq(fixture_log_take(&fixture), "stop y,stop x,");
}
END_TEST

static const struct {
        const char *what, *file, *script, *log, *text;
} start_failures[] = {
        { "start fails", "y.start", "echo ocf-exit-reason:no disk >&2; echo later; exit 1",
          "monitor x,start x,monitor y,start y,stop y,stop x,", "start: failed (1): no disk" },
        { "start hangs", "y.start", "sleep 1000", "monitor x,start x,monitor y,start y,stop y,stop x,",
          "start: no answer in 400 ms" },
        { "not installed", "y.monitor", "exit 5", "monitor x,start x,monitor y,stop x,",
          "not installed on this node" },
        { "not configured", "x.monitor", "echo ocf-exit-reason:ip is missing >&2; exit 6", "monitor x,",
          "correct it (6): ip is missing" },
        { "probe says failed", "y.monitor", "exit 1", "monitor x,start x,monitor y,stop y,stop x,",
          "probe: failed (1)" },
        { "probe hangs", "x.monitor", "sleep 1000", "monitor x,stop x,", "probe: no answer" },
        { "says it does not run", "x.start", "exit 7", "monitor x,start x,stop x,", "not running" },
};

START_TEST(a_failed_start_stops_what_was_started)
{
        fixture_file_write(&fixture, start_failures[_i].file, start_failures[_i].script);
        fixture_define(&fixture, "xyz", 60000, 400);
        fixture_order(&fixture, CLUSTER_ACTION_START);
        const struct cluster_event *event = fixture_expect_done(&fixture, OPERATION_START, OPERATION_FAILED);
        fixture_expect_absent(&fixture, event, OBSERVED_ABSENT_FAILED);
        ck_assert_msg(strstr(event->operation.text, start_failures[_i].text) != NULL, "%s",
                      event->operation.text);
        ck_assert_msg(strncmp(event->operation.text, "ocf:test:a ", 11) == 0, "%s", event->operation.text);
        ck_assert_str_eq(fixture_log_take(&fixture), start_failures[_i].log);
        ck_assert(!fixture_list_has_role(&fixture));
}
END_TEST

START_TEST(a_failed_start_whose_stop_fails_is_unknown_until_a_later_stop_succeeds)
{
        fixture_file_write(&fixture, "y.start", "exit 1");
        fixture_file_write(&fixture, "x.stop", "exit 1");
        fixture_define(&fixture, "xy", 300, 20000);
        fixture_order(&fixture, CLUSTER_ACTION_START);
        const struct cluster_event *event = fixture_expect_done(&fixture, OPERATION_START, OPERATION_UNKNOWN);
        ck_assert_ptr_nonnull(strstr(event->operation.text, "stop: failed (1)"));
        ck_assert(fixture_file_exists(&fixture, "run/ocf/r.json"));
        fixture_file_remove(&fixture, "x.stop");
        event = fixture_await(&fixture);
        ck_assert_int_eq(event->kind, CLUSTER_EVENT_OBSERVED);
        ck_assert_int_eq(event->observed.observation, OBSERVED_ABSENT_FAILED);
        ck_assert(!fixture_file_exists(&fixture, "run/ocf/r.json"));
}
END_TEST

static const char *const stop_failures[] = { "exit 1",     "exit 5",        "exit 6",
                                             "sleep 1000", "kill -KILL $$", "exit 100" };

START_TEST(a_stop_that_is_not_confirmed_is_unknown)
{
        fixture_start(&fixture, "xyz", 60000, 400);
        fixture_log_take(&fixture);
        fixture_file_write(&fixture, "y.stop", stop_failures[_i]);
        fixture_order(&fixture, CLUSTER_ACTION_STOP);
        (void)fixture_expect_done(&fixture, OPERATION_STOP, OPERATION_UNKNOWN);
        ck_assert_str_eq(fixture_log_take(&fixture), "stop z,stop y,"); /* x is below y: not touched */
        ck_assert(fixture_file_exists(&fixture, "run/ocf/r.json"));
        fixture_file_remove(&fixture, "y.stop");
        fixture_order(&fixture, CLUSTER_ACTION_STOP);
        fixture_expect_absent(&fixture, fixture_expect_done(&fixture, OPERATION_STOP, OPERATION_SUCCEEDED),
                              OBSERVED_ABSENT_UNKNOWN);
}
END_TEST

START_TEST(a_stop_during_a_start_is_carried_out_after_it)
{
        fixture_file_write(&fixture, "x.start", "sleep 0.3");
        fixture_define(&fixture, "xyz", 60000, 20000);
        fixture_order(&fixture, CLUSTER_ACTION_START);
        fixture_order(&fixture, CLUSTER_ACTION_STOP);
        (void)fixture_expect_done(&fixture, OPERATION_START, OPERATION_FAILED);
        fixture_expect_absent(&fixture, fixture_expect_done(&fixture, OPERATION_STOP, OPERATION_SUCCEEDED),
                              OBSERVED_ABSENT_UNKNOWN);
        ck_assert(!fixture_file_exists(&fixture, "x.up") && !fixture_file_exists(&fixture, "y.up"));
}
END_TEST

START_TEST(a_second_start_finds_it_running)
{
        fixture_start(&fixture, "xy", 60000, 20000);
        fixture_log_take(&fixture);
        fixture_order(&fixture, CLUSTER_ACTION_START);
        (void)fixture_expect_done(&fixture, OPERATION_START, OPERATION_SUCCEEDED);
        ck_assert_str_eq(fixture_log_take(&fixture), "monitor x,monitor y,");
        fixture_order_of(&fixture, CLUSTER_ACTION_START, 2);
        const struct cluster_event *event = fixture_expect_done(&fixture, OPERATION_START, OPERATION_FAILED);
        ck_assert_int_eq(event->operation.observation, OBSERVED_RUNNING);
        ck_assert_ptr_nonnull(strstr(event->operation.text, "stop it first"));
}
END_TEST

START_TEST(a_move_stops_here_and_is_refused)
{
        fixture_start(&fixture, "xy", 60000, 20000);
        fixture_order(&fixture, CLUSTER_ACTION_MOVE);
        const struct cluster_event *event = fixture_expect_done(&fixture, OPERATION_MOVE, OPERATION_FAILED);
        fixture_expect_absent(&fixture, event, OBSERVED_ABSENT_UNKNOWN);
        ck_assert_ptr_nonnull(strstr(event->operation.text, "do not move live"));
}
END_TEST

START_TEST(without_a_definition_nothing_is_done)
{
        fixture.definition_gone = true;
        fixture_order(&fixture, CLUSTER_ACTION_START);
        fixture_expect_absent(&fixture, fixture_expect_done(&fixture, OPERATION_START, OPERATION_FAILED),
                              OBSERVED_ABSENT_FAILED);
        fixture_order(&fixture, CLUSTER_ACTION_STOP);
        (void)fixture_expect_done(&fixture, OPERATION_STOP, OPERATION_UNKNOWN);
}
END_TEST

START_TEST(without_a_record_nothing_is_started)
{
        char path[128];
        TEXT_PRINT(path, "%s/ocf/r.new", fixture.run_dir); /* in the way of the record, for root too */
        ck_assert_int_eq(mkdir(path, 0700), 0);
        fixture_define(&fixture, "x", 60000, 20000);
        fixture_order(&fixture, CLUSTER_ACTION_START);
        const struct cluster_event *event = fixture_expect_done(&fixture, OPERATION_START, OPERATION_FAILED);
        ck_assert_int_eq(event->operation.observation, OBSERVED_ABSENT_FAILED);
        ck_assert_ptr_nonnull(strstr(event->operation.text, "cannot be written"));
        ck_assert_str_eq(fixture_log_take(&fixture), "");
}
END_TEST

START_TEST(agents_see_the_environment_of_the_api)
{
        fixture_file_write(&fixture, "x.start",
                           "env | grep -E '^(OCF|HA)_' | sort | sed s,$D,D,g | tr '\\n' ' ' >$D/env");
        fixture_start(&fixture, "x", 60000, 20000);
        char path[128], text[2048] = "";
        TEXT_PRINT(path, "%s/env", fixture.directory);
        FILE *file = fopen(path, "re");
        ck_assert_ptr_nonnull(fgets(text, sizeof text, file));
        fclose(file);
        ck_assert_str_eq(
                text,
                "HA_RSCTMP=/run/resource-agents OCF_CHECK_LEVEL=0 OCF_EXIT_REASON_PREFIX=ocf-exit-reason: "
                "OCF_RA_VERSION_MAJOR=1 OCF_RA_VERSION_MINOR=1 OCF_RESKEY_CRM_meta_interval=0 "
                "OCF_RESKEY_CRM_meta_name=start OCF_RESKEY_CRM_meta_timeout=20000 OCF_RESKEY_p=x "
                "OCF_RESOURCE_INSTANCE=r.1 OCF_RESOURCE_PROVIDER=test OCF_RESOURCE_TYPE=a OCF_ROOT=D/ocf ");
}
END_TEST

START_TEST(debians_dummy_starts_is_watched_and_stops)
{
        if (access("/usr/lib/ocf/resource.d/heartbeat/Dummy", X_OK) < 0) {
                fprintf(stderr, "SKIP: no ocf:heartbeat:Dummy (package resource-agents)\n");
                return;
        }
        fixture_daemon_stop(&fixture);
        fixture.agents_root = "/usr/lib/ocf";
        fixture_daemon_start(&fixture);
        snprintf(fixture.definition, sizeof fixture.definition,
                 "{\"agents\":[{\"agent\":\"ocf:heartbeat:Dummy\",\"parameters\":{\"state\":\"%s/"
                 "dummy\"},\"monitor_interval_ms\":200}]}",
                 fixture.directory);
        char error[256];
        ck_assert_msg(ocf_definition_check(fixture.definition, strlen(fixture.definition),
                                           fixture.agents_root, error, sizeof error) == 0,
                      "%s", error);
        fixture_order(&fixture, CLUSTER_ACTION_START);
        (void)fixture_expect_done(&fixture, OPERATION_START, OPERATION_SUCCEEDED);
        ck_assert(fixture_file_exists(&fixture, "dummy"));
        fixture_run_ms(&fixture, 700);
        ck_assert_int_eq(fixture.event_read, fixture.event_count);
        fixture_file_remove(&fixture, "dummy");
        const struct cluster_event *event = fixture_await(&fixture);
        ck_assert_int_eq(event->observed.observation, OBSERVED_ABSENT_FAILED);
        ck_assert_msg(strstr(event->observed.text, "No process state file found") != NULL, "%s",
                      event->observed.text);
        fixture_order(&fixture, CLUSTER_ACTION_START);
        (void)fixture_expect_done(&fixture, OPERATION_START, OPERATION_SUCCEEDED);
        fixture_order(&fixture, CLUSTER_ACTION_STOP);
        (void)fixture_expect_done(&fixture, OPERATION_STOP, OPERATION_SUCCEEDED);
        ck_assert(!fixture_file_exists(&fixture, "dummy"));
}
END_TEST

START_TEST(phases_follow_the_drawing)
{
        static const char *const drawing[OCF_PHASE_COUNT] = {
                [OCF_ABSENT] = "starting stopping unsure", [OCF_PROBING] = "absent online stopping",
                [OCF_STARTING] = "online stopping",        [OCF_ONLINE] = "starting stopping",
                [OCF_STOPPING] = "absent unsure",          [OCF_UNSURE] = "probing starting stopping",
        };
        for (int from = 0; from < OCF_PHASE_COUNT; from++)
                for (int to = 0; to < OCF_PHASE_COUNT; to++)
                        ck_assert_int_eq(ocf_phase_may_follow((enum ocf_phase)from, (enum ocf_phase)to),
                                         strstr(drawing[from], ocf_phase_name((enum ocf_phase)to)) != NULL);
}
END_TEST

#define LOOP_TEST(tcase, test, table)                                                                        \
        tcase_add_loop_test(tcase, test, 0, (int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
        TCase *tcase = tcase_create("role");
        tcase_set_timeout(tcase, 120);
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, agents_start_in_order_each_after_a_probe_and_stop_in_reverse);
        tcase_add_test(tcase, a_running_agent_is_not_started_again);
        tcase_add_test(tcase, stop_of_what_never_ran_succeeds);
        LOOP_TEST(tcase, a_failed_start_stops_what_was_started, start_failures);
        tcase_add_test(tcase, a_failed_start_whose_stop_fails_is_unknown_until_a_later_stop_succeeds);
        LOOP_TEST(tcase, a_stop_that_is_not_confirmed_is_unknown, stop_failures);
        tcase_add_test(tcase, a_stop_during_a_start_is_carried_out_after_it);
        tcase_add_test(tcase, a_second_start_finds_it_running);
        tcase_add_test(tcase, a_move_stops_here_and_is_refused);
        tcase_add_test(tcase, without_a_definition_nothing_is_done);
        tcase_add_test(tcase, without_a_record_nothing_is_started);
        tcase_add_test(tcase, agents_see_the_environment_of_the_api);
        tcase_add_test(tcase, debians_dummy_starts_is_watched_and_stops);
        tcase_add_test(tcase, phases_follow_the_drawing);

        Suite *suite = suite_create("ocf_role");
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
