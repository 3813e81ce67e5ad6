/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/ocf_fixture.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "tests/unit/suite_run.h"

/* What is seen without an order: of a role that runs, and of one that outlived its daemon. */

static struct ocf_fixture fixture;

static void begin(void)
{
        fixture_init(&fixture);
}

static void end(void)
{
        fixture_release(&fixture);
}

static const char *const monitor_failures[] = { "exit 7", "exit 1", "exit 9" };

START_TEST(a_failed_monitor_stops_the_rest_and_is_reported_then)
{
        fixture_start(&fixture, "xyz", 150, 20000);
        fixture_file_write(&fixture, "y.monitor", monitor_failures[_i]);
        const struct cluster_event *event = fixture_await(&fixture);
        ck_assert_int_eq(event->kind, CLUSTER_EVENT_OBSERVED);
        ck_assert_int_eq(event->observed.observation, OBSERVED_ABSENT_FAILED);
        ck_assert_str_eq(event->observed.role, "r");
        ck_assert_msg(strstr(event->observed.text, "monitor:") != NULL, "%s", event->observed.text);
        ck_assert(!fixture_file_exists(&fixture, "x.up") && !fixture_file_exists(&fixture, "y.up") &&
                  !fixture_file_exists(&fixture, "z.up") && !fixture_file_exists(&fixture, "run/ocf/r.json"));
        ck_assert(!fixture_list_has_role(&fixture));
}
END_TEST

START_TEST(a_failed_monitor_whose_stop_fails_reports_nothing_until_it_is_stopped)
{
        fixture_start(&fixture, "xy", 150, 20000);
        fixture_file_write(&fixture, "x.stop", "exit 1");
        fixture_file_remove(&fixture, "y.up");
        fixture_run_ms(&fixture, 500);
        ck_assert_int_eq(fixture.event_read, fixture.event_count);
        ck_assert(fixture_file_exists(&fixture, "run/ocf/r.json"));
        fixture_file_remove(&fixture, "x.stop");
        ck_assert_int_eq(fixture_await(&fixture)->observed.observation, OBSERVED_ABSENT_FAILED);
}
END_TEST

static const char *const silences[] = { "sleep 1000", "kill -KILL $$", "exit 5",
                                        "exit 6",     "exit 127",      "exit 77" };

START_TEST(a_monitor_that_says_nothing_is_asked_again)
{
        unsigned timeout_ms = _i == 0 ? 1000 : 20000; /* the first is silent for ever */
        fixture_start(&fixture, "xy", 100, timeout_ms);
        fixture_file_write(&fixture, "y.monitor", silences[_i]);
        fixture_run_ms(&fixture, _i == 0 ? timeout_ms + 350 : 450);
        ck_assert_int_eq(fixture.event_read, fixture.event_count);
        ck_assert(fixture_file_exists(&fixture, "x.up") && fixture_file_exists(&fixture, "y.up"));
        fixture_file_write(&fixture, "y.monitor", "exit 7");
        ck_assert_int_eq(fixture_await(&fixture)->observed.observation, OBSERVED_ABSENT_FAILED);
}
END_TEST

START_TEST(a_monitor_that_answers_after_a_stop_is_not_heard)
{
        fixture_start(&fixture, "x", 100, 20000);
        fixture_file_write(&fixture, "x.monitor", "rm $D/x.monitor; touch $D/asked; sleep 0.6; exit 7");
        while (!fixture_file_exists(&fixture, "asked"))
                fixture_run_ms(&fixture, 20);
        fixture_order(&fixture, CLUSTER_ACTION_STOP);
        fixture_expect_absent(&fixture, fixture_expect_done(&fixture, OPERATION_STOP, OPERATION_SUCCEEDED),
                              OBSERVED_ABSENT_UNKNOWN);
        fixture_start(&fixture, "x", 60000, 20000);
        fixture_run_ms(&fixture, 1000);
        ck_assert_int_eq(fixture.event_read, fixture.event_count);
        ck_assert(fixture_file_exists(&fixture, "x.up"));
}
END_TEST

START_TEST(an_agent_that_vanished_says_nothing)
{
        fixture_start(&fixture, "x", 100, 5000);
        char from[128], to[128];
        TEXT_PRINT(from, "%s/resource.d/test/a", fixture.root);
        TEXT_PRINT(to, "%s/resource.d/test/b", fixture.root);
        ck_assert_int_eq(rename(from, to), 0);
        fixture_run_ms(&fixture, 500);
        ck_assert_int_eq(fixture.event_read, fixture.event_count);
        ck_assert_int_eq(rename(to, from), 0);
}
END_TEST

START_TEST(after_a_restart_a_running_role_is_adopted_and_watched)
{
        fixture_start(&fixture, "xy", 150, 20000);
        fixture_daemon_stop(&fixture);
        fixture_log_take(&fixture);
        fixture.definition_gone = true; /* the role was removed meanwhile: its own record is enough */
        fixture_daemon_start(&fixture);
        ck_assert(fixture_list_has_role(&fixture));
        const char *log = fixture_log_take(&fixture);
        ck_assert_msg(strstr(log, "start") == NULL && strstr(log, "stop") == NULL, "%s", log);
        ck_assert(strstr(log, "monitor x") != NULL && strstr(log, "monitor y") != NULL);
        fixture_file_remove(&fixture, "x.up");
        ck_assert_int_eq(fixture_await(&fixture)->observed.observation, OBSERVED_ABSENT_FAILED);
}
END_TEST

START_TEST(after_a_restart_a_stopped_role_is_not_listed)
{
        fixture_start(&fixture, "xy", 60000, 20000);
        fixture_daemon_stop(&fixture);
        fixture_file_remove(&fixture, "x.up");
        fixture_file_remove(&fixture, "y.up");
        fixture_daemon_start(&fixture);
        ck_assert(!fixture_list_has_role(&fixture));
        ck_assert(!fixture_file_exists(&fixture, "run/ocf/r.json"));
}
END_TEST

START_TEST(after_a_restart_a_role_that_runs_in_part_is_stopped_and_then_reported)
{
        fixture_start(&fixture, "xyz", 60000, 20000);
        fixture_daemon_stop(&fixture);
        fixture_file_remove(&fixture, "y.up");
        fixture_log_take(&fixture);
        fixture_daemon_start(&fixture);
        ck_assert(fixture_list_has_role(&fixture));
        const struct cluster_event *event = fixture_await(&fixture);
        ck_assert_int_eq(event->kind, CLUSTER_EVENT_OBSERVED);
        ck_assert_int_eq(event->observed.observation, OBSERVED_ABSENT_FAILED);
        ck_assert(!fixture_file_exists(&fixture, "x.up") && !fixture_file_exists(&fixture, "z.up"));
}
END_TEST

START_TEST(after_a_restart_a_silent_role_counts_as_running)
{
        fixture_start(&fixture, "xy", 60000, 300);
        fixture_daemon_stop(&fixture);
        fixture_file_write(&fixture, "y.monitor", "sleep 1000");
        fixture_daemon_start(&fixture);
        ck_assert(fixture_list_has_role(&fixture));
        ck_assert(fixture_file_exists(&fixture, "run/ocf/r.json") && fixture_file_exists(&fixture, "x.up"));
}
END_TEST

START_TEST(a_hanging_agent_does_not_hold_up_a_listing)
{
        fixture_start(&fixture, "xy", 60000, 3 * PATIENCE_MS);
        fixture_daemon_stop(&fixture);
        fixture_file_write(&fixture, "x.monitor", "sleep 1000");
        fixture_daemon_start(&fixture);
        ck_assert(fixture_list_has_role(
                &fixture)); /* sooner than the monitor's time-out, or fixture_await(&fixture) fails */
        const struct cluster_event *event = &fixture.events[fixture.event_read - 1];
        ck_assert(event->listed.end);
}
END_TEST

START_TEST(an_unreadable_record_counts_as_running_until_stopped)
{
        fixture_start(&fixture, "x", 60000, 20000);
        fixture_daemon_stop(&fixture);
        fixture_file_write(&fixture, "run/ocf/r.json", "{\"role\":");
        fixture_daemon_start(&fixture);
        ck_assert(fixture_list_has_role(&fixture));
        fixture_order(&fixture, CLUSTER_ACTION_STOP);
        fixture_expect_absent(&fixture, fixture_expect_done(&fixture, OPERATION_STOP, OPERATION_SUCCEEDED),
                              OBSERVED_ABSENT_UNKNOWN);
        ck_assert(!fixture_file_exists(&fixture, "x.up"));
}
END_TEST

#define LOOP_TEST(tcase, test, table)                                                                        \
        tcase_add_loop_test(tcase, test, 0, (int)(sizeof(table) / sizeof((table)[0])))

int main(void)
{
        TCase *tcase = tcase_create("watch");
        tcase_set_timeout(tcase, 120);
        tcase_add_checked_fixture(tcase, begin, end);
        LOOP_TEST(tcase, a_failed_monitor_stops_the_rest_and_is_reported_then, monitor_failures);
        tcase_add_test(tcase, a_failed_monitor_whose_stop_fails_reports_nothing_until_it_is_stopped);
        LOOP_TEST(tcase, a_monitor_that_says_nothing_is_asked_again, silences);
        tcase_add_test(tcase, a_monitor_that_answers_after_a_stop_is_not_heard);
        tcase_add_test(tcase, an_agent_that_vanished_says_nothing);
        tcase_add_test(tcase, after_a_restart_a_running_role_is_adopted_and_watched);
        tcase_add_test(tcase, after_a_restart_a_stopped_role_is_not_listed);
        tcase_add_test(tcase, after_a_restart_a_role_that_runs_in_part_is_stopped_and_then_reported);
        tcase_add_test(tcase, after_a_restart_a_silent_role_counts_as_running);
        tcase_add_test(tcase, a_hanging_agent_does_not_hold_up_a_listing);
        tcase_add_test(tcase, an_unreadable_record_counts_as_running_until_stopped);

        Suite *suite = suite_create("ocf_watch");
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
