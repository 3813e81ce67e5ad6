/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "resource-agents/ocf_role.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clusterd/base/text.h"
#include "resource-agents/ocf_sequence.h"

#define PATIENCE_MS 50000
#define NS_PER_MS   1000000ull
#define EVENTS_MAX  64

static qb_loop_t *loop;
static struct process_runner *runner;
static struct ocf_roles *roles;
static char directory[] = "/tmp/clu-ocf-XXXXXX";
static char root[64], run_dir[64];
static const char *agents_root; /* root, or the system's */
static struct cluster_event events[EVENTS_MAX];
static int event_count, event_read;
static char definition[4096];
static bool definition_gone;

static void on_event(void *context, const struct cluster_event *event)
{
        (void)context;
        ck_assert_int_lt(event_count, EVENTS_MAX);
        events[event_count++] = *event;
        qb_loop_stop(loop);
}

static int read_definition(void *context, const uint8_t hash[HASH_BYTES], char **ret_text, size_t *ret_bytes)
{
        (void)context;
        (void)hash;
        if (definition_gone)
                return -ENOENT;
        *ret_text = strdup(definition);
        *ret_bytes = strlen(definition);
        return 0;
}

static void daemon_start(void)
{
        static const struct ocf_listener listener = { .on_event = on_event,
                                                      .read_definition = read_definition };
        ck_assert_int_eq(process_runner_new(loop, &runner), 0);
        ck_assert_int_eq(ocf_roles_new(loop, runner, agents_root, run_dir, &listener, &roles), 0);
}

static void daemon_stop(void)
{
        process_runner_free(runner);
        ocf_roles_free(roles);
}

/*
 * Runs as the agent its parameter p names; D/p.up is its state, D/log what was asked. A file D/p.VERB is
 * run instead of the verb's usual work.
 */
#define AGENT                                                                                                \
        "#!/bin/sh\n"                                                                                        \
        "D=%s; p=$OCF_RESKEY_p\n"                                                                            \
        "echo \"$1 $p\" >>$D/log\n"                                                                          \
        "[ -f $D/$p.$1 ] && . $D/$p.$1\n"                                                                    \
        "case $1 in\n"                                                                                       \
        "start) touch $D/$p.up;;\n"                                                                          \
        "stop) rm -f $D/$p.up;;\n"                                                                           \
        "monitor) [ -f $D/$p.up ] || { echo ocf-exit-reason:$p is gone >&2; exit 7; };;\n"                   \
        "*) exit 3;;\n"                                                                                      \
        "esac\n"

static void file_write(const char *name, const char *text)
{
        char path[128];
        TEXT_PRINT(path, "%s/%s", directory, name);
        FILE *file = fopen(path, "we");
        ck_assert_ptr_nonnull(file);
        fputs(text, file);
        fclose(file);
}

static void file_remove(const char *name)
{
        char path[128];
        TEXT_PRINT(path, "%s/%s", directory, name);
        ck_assert_int_eq(unlink(path), 0);
}

static bool file_exists(const char *name)
{
        char path[128];
        TEXT_PRINT(path, "%s/%s", directory, name);
        return access(path, F_OK) == 0;
}

/* What the agents were asked so far, "verb agent,verb agent,..."; forgets it. */
static const char *log_take(void)
{
        static char text[4096];
        char path[128];
        TEXT_PRINT(path, "%s/log", directory);
        text[0] = '\0';
        FILE *file = fopen(path, "re");
        if (file == NULL)
                return text;
        size_t bytes = fread(text, 1, sizeof text - 1, file);
        text[bytes] = '\0';
        fclose(file);
        unlink(path);
        for (char *c = text; *c != '\0'; c++)
                *c = *c == '\n' ? ',' : *c;
        return text;
}

static void setup(void)
{
        char path[128], text[1024];
        strcpy(directory + sizeof directory - 7, "XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(directory));
        TEXT_PRINT(root, "%s/ocf", directory);
        TEXT_PRINT(run_dir, "%s/run", directory);
        TEXT_PRINT(path, "mkdir -p %s/resource.d/test", root);
        ck_assert_int_eq(system(path), 0);
        TEXT_PRINT(text, AGENT, directory);
        file_write("ocf/resource.d/test/a", text);
        TEXT_PRINT(path, "%s/resource.d/test/a", root);
        ck_assert_int_eq(chmod(path, 0755), 0);
        agents_root = root;
        event_count = event_read = 0;
        definition_gone = false;
        loop = qb_loop_create();
        daemon_start();
}

static void teardown(void)
{
        daemon_stop();
        qb_loop_destroy(loop);
        char command[128];
        TEXT_PRINT(command, "rm -r %s", directory);
        ck_assert_int_eq(system(command), 0);
}

/* Agents named x, y, z, ...: one letter each. */
static void define(const char *names, unsigned interval_ms, unsigned timeout_ms)
{
        size_t used = (size_t)snprintf(definition, sizeof definition, "{\"agents\":[");
        for (const char *name = names; *name != '\0'; name++)
                used += (size_t)snprintf(
                        definition + used, sizeof definition - used,
                        "%s{\"agent\":\"ocf:test:a\",\"parameters\":{\"p\":\"%c\"},\"start_timeout_ms\":%u,"
                        "\"stop_timeout_ms\":%u,\"monitor_timeout_ms\":%u,\"monitor_interval_ms\":%u}",
                        name == names ? "" : ",", *name, timeout_ms, timeout_ms, timeout_ms, interval_ms);
        snprintf(definition + used, sizeof definition - used, "]}");
}

static void on_patience(void *data)
{
        *(bool *)data = true;
        qb_loop_stop(loop);
}

/* The next event; fails when none comes. */
static const struct cluster_event *await(void)
{
        bool late = false;
        qb_loop_timer_handle timer;
        ck_assert_int_eq(
                qb_loop_timer_add(loop, QB_LOOP_HIGH, PATIENCE_MS * NS_PER_MS, &late, on_patience, &timer),
                0);
        while (event_read == event_count && !late)
                qb_loop_run(loop);
        (void)qb_loop_timer_del(loop, timer);
        ck_assert_msg(!late, "no event");
        return &events[event_read++];
}

static void loop_run_ms(unsigned ms)
{
        bool late = false;
        qb_loop_timer_handle timer;
        ck_assert_int_eq(qb_loop_timer_add(loop, QB_LOOP_HIGH, ms * NS_PER_MS, &late, on_patience, &timer),
                         0);
        while (!late)
                qb_loop_run(loop);
}

static uint64_t generation = 7;

static void order_of(enum cluster_action_kind kind, const char *name, uint8_t hash)
{
        struct cluster_action action = { .kind = kind };
        text_copy(action.role.name, sizeof action.role.name, name);
        action.role.kind = ROLE_OCF;
        action.role.generation = generation;
        action.role.definition_hash[0] = hash;
        int before = event_count;
        ocf_roles_carry_out(roles, &action);
        ck_assert_msg(event_count == before, "an event came inside carry_out");
}

static void order(enum cluster_action_kind kind)
{
        order_of(kind, "r", 1);
}

static const struct cluster_event *expect_done(enum operation operation, enum operation_result result)
{
        const struct cluster_event *event = await();
        ck_assert_int_eq(event->kind, CLUSTER_EVENT_OPERATION_DONE);
        ck_assert_int_eq(event->operation.operation, operation);
        ck_assert_msg(event->operation.result == result, "result %d: %s", event->operation.result,
                      event->operation.text);
        ck_assert_str_eq(event->operation.role, "r");
        ck_assert_uint_eq(event->operation.generation, generation);
        return event;
}

static void start(const char *names, unsigned interval_ms, unsigned timeout_ms)
{
        define(names, interval_ms, timeout_ms);
        order(CLUSTER_ACTION_START);
        const struct cluster_event *event = expect_done(OPERATION_START, OPERATION_SUCCEEDED);
        ck_assert_int_eq(event->operation.observation, OBSERVED_RUNNING);
}

static void expect_absent(const struct cluster_event *event, enum observation observation)
{
        ck_assert_int_eq(event->operation.observation, observation);
        ck_assert(!file_exists("run/ocf/r.json"));
}

/* Asks for a list; true when r is in it. */
static bool list_has_role(void)
{
        static uint64_t listing = 100;
        struct cluster_action action = { .kind = CLUSTER_ACTION_LIST, .listing = ++listing };
        ocf_roles_carry_out(roles, &action);
        bool found = false;
        for (;;) {
                const struct cluster_event *event = await();
                if (event->kind != CLUSTER_EVENT_LISTED)
                        continue;
                ck_assert_uint_eq(event->listed.listing, listing);
                ck_assert(!event->listed.failed);
                if (event->listed.end)
                        return found;
                ck_assert_str_eq(event->listed.role, "r");
                ck_assert_int_eq(event->listed.observation, OBSERVED_RUNNING);
                found = true;
        }
}

START_TEST(agents_start_in_order_each_after_a_probe_and_stop_in_reverse)
{
        start("xyz", 60000, 20000);
        ck_assert_str_eq(log_take(), "monitor x,start x,monitor y,start y,monitor z,start z,");
        ck_assert(file_exists("run/ocf/r.json"));
        order(CLUSTER_ACTION_STOP);
        expect_absent(expect_done(OPERATION_STOP, OPERATION_SUCCEEDED), OBSERVED_ABSENT_UNKNOWN);
        ck_assert_str_eq(log_take(), "stop z,stop y,stop x,");
        ck_assert(!list_has_role());
}
END_TEST

START_TEST(a_running_agent_is_not_started_again)
{
        file_write("x.up", "");
        start("xy", 60000, 20000);
        ck_assert_str_eq(log_take(), "monitor x,monitor y,start y,");
}
END_TEST

START_TEST(stop_of_what_never_ran_succeeds)
{
        define("xy", 60000, 20000);
        order(CLUSTER_ACTION_STOP);
        expect_absent(expect_done(OPERATION_STOP, OPERATION_SUCCEEDED), OBSERVED_ABSENT_UNKNOWN);
        ck_assert_str_eq(log_take(), "stop y,stop x,");
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
        file_write(start_failures[_i].file, start_failures[_i].script);
        define("xyz", 60000, 400);
        order(CLUSTER_ACTION_START);
        const struct cluster_event *event = expect_done(OPERATION_START, OPERATION_FAILED);
        expect_absent(event, OBSERVED_ABSENT_FAILED);
        ck_assert_msg(strstr(event->operation.text, start_failures[_i].text) != NULL, "%s",
                      event->operation.text);
        ck_assert_msg(strncmp(event->operation.text, "ocf:test:a ", 11) == 0, "%s", event->operation.text);
        ck_assert_str_eq(log_take(), start_failures[_i].log);
        ck_assert(!list_has_role());
}
END_TEST

START_TEST(a_failed_start_whose_stop_fails_is_unknown_until_a_later_stop_succeeds)
{
        file_write("y.start", "exit 1");
        file_write("x.stop", "exit 1");
        define("xy", 300, 20000);
        order(CLUSTER_ACTION_START);
        const struct cluster_event *event = expect_done(OPERATION_START, OPERATION_UNKNOWN);
        ck_assert_ptr_nonnull(strstr(event->operation.text, "stop: failed (1)"));
        ck_assert(file_exists("run/ocf/r.json"));
        file_remove("x.stop");
        event = await();
        ck_assert_int_eq(event->kind, CLUSTER_EVENT_OBSERVED);
        ck_assert_int_eq(event->observed.observation, OBSERVED_ABSENT_FAILED);
        ck_assert(!file_exists("run/ocf/r.json"));
}
END_TEST

static const char *const stop_failures[] = { "exit 1",     "exit 5",        "exit 6",
                                             "sleep 1000", "kill -KILL $$", "exit 100" };

START_TEST(a_stop_that_is_not_confirmed_is_unknown)
{
        start("xyz", 60000, 400);
        log_take();
        file_write("y.stop", stop_failures[_i]);
        order(CLUSTER_ACTION_STOP);
        (void)expect_done(OPERATION_STOP, OPERATION_UNKNOWN);
        ck_assert_str_eq(log_take(), "stop z,stop y,"); /* x is below y: not touched */
        ck_assert(file_exists("run/ocf/r.json"));
        file_remove("y.stop");
        order(CLUSTER_ACTION_STOP);
        expect_absent(expect_done(OPERATION_STOP, OPERATION_SUCCEEDED), OBSERVED_ABSENT_UNKNOWN);
}
END_TEST

static const char *const monitor_failures[] = { "exit 7", "exit 1", "exit 9" };

START_TEST(a_failed_monitor_stops_the_rest_and_is_reported_then)
{
        start("xyz", 150, 20000);
        file_write("y.monitor", monitor_failures[_i]);
        const struct cluster_event *event = await();
        ck_assert_int_eq(event->kind, CLUSTER_EVENT_OBSERVED);
        ck_assert_int_eq(event->observed.observation, OBSERVED_ABSENT_FAILED);
        ck_assert_str_eq(event->observed.role, "r");
        ck_assert_msg(strstr(event->observed.text, "monitor:") != NULL, "%s", event->observed.text);
        ck_assert(!file_exists("x.up") && !file_exists("y.up") && !file_exists("z.up") &&
                  !file_exists("run/ocf/r.json"));
        ck_assert(!list_has_role());
}
END_TEST

START_TEST(a_failed_monitor_whose_stop_fails_reports_nothing_until_it_is_stopped)
{
        start("xy", 150, 20000);
        file_write("x.stop", "exit 1");
        file_remove("y.up");
        loop_run_ms(500);
        ck_assert_int_eq(event_read, event_count);
        ck_assert(file_exists("run/ocf/r.json"));
        file_remove("x.stop");
        ck_assert_int_eq(await()->observed.observation, OBSERVED_ABSENT_FAILED);
}
END_TEST

static const char *const silences[] = { "sleep 1000", "kill -KILL $$", "exit 5",
                                        "exit 6",     "exit 127",      "exit 77" };

START_TEST(a_monitor_that_says_nothing_is_asked_again)
{
        unsigned timeout_ms = _i == 0 ? 1000 : 20000; /* the first is silent for ever */
        start("xy", 100, timeout_ms);
        file_write("y.monitor", silences[_i]);
        loop_run_ms(_i == 0 ? timeout_ms + 350 : 450);
        ck_assert_int_eq(event_read, event_count);
        ck_assert(file_exists("x.up") && file_exists("y.up"));
        file_write("y.monitor", "exit 7");
        ck_assert_int_eq(await()->observed.observation, OBSERVED_ABSENT_FAILED);
}
END_TEST

START_TEST(a_monitor_that_answers_after_a_stop_is_not_heard)
{
        start("x", 100, 20000);
        file_write("x.monitor", "rm $D/x.monitor; touch $D/asked; sleep 0.6; exit 7");
        while (!file_exists("asked"))
                loop_run_ms(20);
        order(CLUSTER_ACTION_STOP);
        expect_absent(expect_done(OPERATION_STOP, OPERATION_SUCCEEDED), OBSERVED_ABSENT_UNKNOWN);
        start("x", 60000, 20000);
        loop_run_ms(1000);
        ck_assert_int_eq(event_read, event_count);
        ck_assert(file_exists("x.up"));
}
END_TEST

START_TEST(an_agent_that_vanished_says_nothing)
{
        start("x", 100, 5000);
        char from[128], to[128];
        TEXT_PRINT(from, "%s/resource.d/test/a", root);
        TEXT_PRINT(to, "%s/resource.d/test/b", root);
        ck_assert_int_eq(rename(from, to), 0);
        loop_run_ms(500);
        ck_assert_int_eq(event_read, event_count);
        ck_assert_int_eq(rename(to, from), 0);
}
END_TEST

START_TEST(after_a_restart_a_running_role_is_adopted_and_watched)
{
        start("xy", 150, 20000);
        daemon_stop();
        log_take();
        definition_gone = true; /* the role was removed meanwhile: its own record is enough */
        daemon_start();
        ck_assert(list_has_role());
        const char *log = log_take();
        ck_assert_msg(strstr(log, "start") == NULL && strstr(log, "stop") == NULL, "%s", log);
        ck_assert(strstr(log, "monitor x") != NULL && strstr(log, "monitor y") != NULL);
        file_remove("x.up");
        ck_assert_int_eq(await()->observed.observation, OBSERVED_ABSENT_FAILED);
}
END_TEST

START_TEST(after_a_restart_a_stopped_role_is_not_listed)
{
        start("xy", 60000, 20000);
        daemon_stop();
        file_remove("x.up");
        file_remove("y.up");
        daemon_start();
        ck_assert(!list_has_role());
        ck_assert(!file_exists("run/ocf/r.json"));
}
END_TEST

START_TEST(after_a_restart_a_role_that_runs_in_part_is_stopped_and_then_reported)
{
        start("xyz", 60000, 20000);
        daemon_stop();
        file_remove("y.up");
        log_take();
        daemon_start();
        ck_assert(list_has_role());
        const struct cluster_event *event = await();
        ck_assert_int_eq(event->kind, CLUSTER_EVENT_OBSERVED);
        ck_assert_int_eq(event->observed.observation, OBSERVED_ABSENT_FAILED);
        ck_assert(!file_exists("x.up") && !file_exists("z.up"));
}
END_TEST

START_TEST(after_a_restart_a_silent_role_counts_as_running)
{
        start("xy", 60000, 300);
        daemon_stop();
        file_write("y.monitor", "sleep 1000");
        daemon_start();
        ck_assert(list_has_role());
        ck_assert(file_exists("run/ocf/r.json") && file_exists("x.up"));
}
END_TEST

START_TEST(a_hanging_agent_does_not_hold_up_a_listing)
{
        start("xy", 60000, 3 * PATIENCE_MS);
        daemon_stop();
        file_write("x.monitor", "sleep 1000");
        daemon_start();
        ck_assert(list_has_role()); /* sooner than the monitor's time-out, or await() fails */
        const struct cluster_event *event = &events[event_read - 1];
        ck_assert(event->listed.end);
}
END_TEST

START_TEST(an_unreadable_record_counts_as_running_until_stopped)
{
        start("x", 60000, 20000);
        daemon_stop();
        file_write("run/ocf/r.json", "{\"role\":");
        daemon_start();
        ck_assert(list_has_role());
        order(CLUSTER_ACTION_STOP);
        expect_absent(expect_done(OPERATION_STOP, OPERATION_SUCCEEDED), OBSERVED_ABSENT_UNKNOWN);
        ck_assert(!file_exists("x.up"));
}
END_TEST

START_TEST(a_stop_during_a_start_is_carried_out_after_it)
{
        file_write("x.start", "sleep 0.3");
        define("xyz", 60000, 20000);
        order(CLUSTER_ACTION_START);
        order(CLUSTER_ACTION_STOP);
        (void)expect_done(OPERATION_START, OPERATION_FAILED);
        expect_absent(expect_done(OPERATION_STOP, OPERATION_SUCCEEDED), OBSERVED_ABSENT_UNKNOWN);
        ck_assert(!file_exists("x.up") && !file_exists("y.up"));
}
END_TEST

START_TEST(a_second_start_finds_it_running)
{
        start("xy", 60000, 20000);
        log_take();
        order(CLUSTER_ACTION_START);
        (void)expect_done(OPERATION_START, OPERATION_SUCCEEDED);
        ck_assert_str_eq(log_take(), "monitor x,monitor y,");
        order_of(CLUSTER_ACTION_START, "r", 2);
        const struct cluster_event *event = expect_done(OPERATION_START, OPERATION_FAILED);
        ck_assert_int_eq(event->operation.observation, OBSERVED_RUNNING);
        ck_assert_ptr_nonnull(strstr(event->operation.text, "stop it first"));
}
END_TEST

START_TEST(a_move_stops_here_and_is_refused)
{
        start("xy", 60000, 20000);
        order(CLUSTER_ACTION_MOVE);
        const struct cluster_event *event = expect_done(OPERATION_MOVE, OPERATION_FAILED);
        expect_absent(event, OBSERVED_ABSENT_UNKNOWN);
        ck_assert_ptr_nonnull(strstr(event->operation.text, "do not move live"));
}
END_TEST

START_TEST(without_a_definition_nothing_is_done)
{
        definition_gone = true;
        order(CLUSTER_ACTION_START);
        expect_absent(expect_done(OPERATION_START, OPERATION_FAILED), OBSERVED_ABSENT_FAILED);
        order(CLUSTER_ACTION_STOP);
        (void)expect_done(OPERATION_STOP, OPERATION_UNKNOWN);
}
END_TEST

START_TEST(without_a_record_nothing_is_started)
{
        char path[128];
        TEXT_PRINT(path, "%s/ocf/r.new", run_dir); /* in the way of the record, for root too */
        ck_assert_int_eq(mkdir(path, 0700), 0);
        define("x", 60000, 20000);
        order(CLUSTER_ACTION_START);
        const struct cluster_event *event = expect_done(OPERATION_START, OPERATION_FAILED);
        ck_assert_int_eq(event->operation.observation, OBSERVED_ABSENT_FAILED);
        ck_assert_ptr_nonnull(strstr(event->operation.text, "cannot be written"));
        ck_assert_str_eq(log_take(), "");
}
END_TEST

START_TEST(agents_see_the_environment_of_the_api)
{
        file_write("x.start", "env | grep -E '^(OCF|HA)_' | sort | sed s,$D,D,g | tr '\\n' ' ' >$D/env");
        start("x", 60000, 20000);
        char path[128], text[2048] = "";
        TEXT_PRINT(path, "%s/env", directory);
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
        daemon_stop();
        agents_root = "/usr/lib/ocf";
        daemon_start();
        snprintf(definition, sizeof definition,
                 "{\"agents\":[{\"agent\":\"ocf:heartbeat:Dummy\",\"parameters\":{\"state\":\"%s/"
                 "dummy\"},\"monitor_interval_ms\":200}]}",
                 directory);
        char error[256];
        ck_assert_msg(
                ocf_definition_check(definition, strlen(definition), agents_root, error, sizeof error) == 0,
                "%s", error);
        order(CLUSTER_ACTION_START);
        (void)expect_done(OPERATION_START, OPERATION_SUCCEEDED);
        ck_assert(file_exists("dummy"));
        loop_run_ms(700);
        ck_assert_int_eq(event_read, event_count);
        file_remove("dummy");
        const struct cluster_event *event = await();
        ck_assert_int_eq(event->observed.observation, OBSERVED_ABSENT_FAILED);
        ck_assert_msg(strstr(event->observed.text, "No process state file found") != NULL, "%s",
                      event->observed.text);
        order(CLUSTER_ACTION_START);
        (void)expect_done(OPERATION_START, OPERATION_SUCCEEDED);
        order(CLUSTER_ACTION_STOP);
        (void)expect_done(OPERATION_STOP, OPERATION_SUCCEEDED);
        ck_assert(!file_exists("dummy"));
}
END_TEST

static const struct {
        const char *text;
        int error;
        const char *says;
} definitions[] = {
        { "{\"agents\":[{\"agent\":\"ocf:test:a\"}]}", 0, "" },
        { "{\"agents\":[{\"agent\":\"ocf:test:a\",\"parameters\":{\"n\":1,\"b\":true,\"s\":\"\"}}]}", 0, "" },
        { "{\"agents\":[{\"agent\":\"ocf:test:a\"},", -EINVAL, "line 1" },
        { "[]", -EINVAL, "an object is expected" },
        { "{}", -EINVAL, "at least one agent" },
        { "{\"agents\":[]}", -EINVAL, "at least one agent" },
        { "{\"agents\":[{\"agent\":\"ocf:test:a\"}],\"x\":1}", -EINVAL, "only the field" },
        { "{\"agents\":[3]}", -EINVAL, "agent 1: must be an object" },
        { "{\"agents\":[{\"agent\":\"ocf:test:a\"},{}]}", -EINVAL, "agent 2: \"agent\" is missing" },
        { "{\"agents\":[{\"agent\":3}]}", -EINVAL, "must be a string" },
        { "{\"agents\":[{\"agent\":\"ocf:test:a\",\"timeout\":1}]}", -EINVAL, "unknown field \"timeout\"" },
        { "{\"agents\":[{\"agent\":\"ocf:test:a\",\"agent\":\"ocf:test:a\"}]}", -EINVAL, "duplicate" },
        { "{\"agents\":[{\"agent\":\"lsb:test:a\"}]}", -EINVAL, "ocf:PROVIDER:TYPE" },
        { "{\"agents\":[{\"agent\":\"ocf:test\"}]}", -EINVAL, "ocf:PROVIDER:TYPE" },
        { "{\"agents\":[{\"agent\":\"ocf:test:a:b\"}]}", -EINVAL, "ocf:PROVIDER:TYPE" },
        { "{\"agents\":[{\"agent\":\"ocf:..:a\"}]}", -EINVAL, "ocf:PROVIDER:TYPE" },
        { "{\"agents\":[{\"agent\":\"ocf:test:../a\"}]}", -EINVAL, "ocf:PROVIDER:TYPE" },
        { "{\"agents\":[{\"agent\":\"ocf:test:none\"}]}", -EINVAL, "on this node (others were not asked)" },
        { "{\"agents\":[{\"agent\":\"ocf:test:a\",\"parameters\":[]}]}", -EINVAL,
          "must be an object of name and value" },
        { "{\"agents\":[{\"agent\":\"ocf:test:a\",\"parameters\":{\"a b\":\"\"}}]}", -EINVAL,
          "no name of a parameter" },
        { "{\"agents\":[{\"agent\":\"ocf:test:a\",\"parameters\":{\"a\":1.5}}]}", -EINVAL,
          "must be a string" },
        { "{\"agents\":[{\"agent\":\"ocf:test:a\",\"parameters\":{\"CRM_meta_x\":\"\"}}]}", -EINVAL,
          "no name of a parameter" },
        { "{\"agents\":[{\"agent\":\"ocf:test:a\",\"start_timeout_ms\":99}]}", -EINVAL,
          "from 100 to 3600000" },
        { "{\"agents\":[{\"agent\":\"ocf:test:a\",\"stop_timeout_ms\":3600001}]}", -EINVAL,
          "stop_timeout_ms" },
        { "{\"agents\":[{\"agent\":\"ocf:test:a\",\"monitor_timeout_ms\":\"20s\"}]}", -EINVAL,
          "monitor_timeout_ms" },
};

START_TEST(definitions_are_checked)
{
        char error[256] = "";
        int got = ocf_definition_check(definitions[_i].text, strlen(definitions[_i].text), root, error,
                                       sizeof error);
        ck_assert_msg(got == definitions[_i].error, "%s: %d %s", definitions[_i].text, got, error);
        ck_assert_msg(strstr(error, definitions[_i].says) != NULL, "%s: %s", definitions[_i].text, error);
}
END_TEST

START_TEST(limits_are_checked)
{
        char error[256];
        define("abcdefghijklmnop", 1000, 1000);
        ck_assert_int_eq(ocf_definition_check(definition, strlen(definition), root, error, sizeof error), 0);
        define("abcdefghijklmnopq", 1000, 1000);
        ck_assert_int_eq(ocf_definition_check(definition, strlen(definition), root, error, sizeof error),
                         -E2BIG);
        static char big[DEFINITION_BYTES + 1];
        memset(big, ' ', sizeof big);
        ck_assert_int_eq(ocf_definition_check(big, sizeof big, root, error, sizeof error), -E2BIG);
}
END_TEST

START_TEST(every_cut_definition_is_refused)
{
        char error[32];
        define("xy", 1000, 1000);
        for (size_t bytes = 0; bytes < strlen(definition); bytes++)
                ck_assert_int_eq(ocf_definition_check(definition, bytes, root, error, sizeof error), -EINVAL);
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
        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, agents_start_in_order_each_after_a_probe_and_stop_in_reverse);
        tcase_add_test(tcase, a_running_agent_is_not_started_again);
        tcase_add_test(tcase, stop_of_what_never_ran_succeeds);
        LOOP_TEST(tcase, a_failed_start_stops_what_was_started, start_failures);
        tcase_add_test(tcase, a_failed_start_whose_stop_fails_is_unknown_until_a_later_stop_succeeds);
        LOOP_TEST(tcase, a_stop_that_is_not_confirmed_is_unknown, stop_failures);
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
        tcase_add_test(tcase, a_stop_during_a_start_is_carried_out_after_it);
        tcase_add_test(tcase, a_second_start_finds_it_running);
        tcase_add_test(tcase, a_move_stops_here_and_is_refused);
        tcase_add_test(tcase, without_a_definition_nothing_is_done);
        tcase_add_test(tcase, without_a_record_nothing_is_started);
        tcase_add_test(tcase, agents_see_the_environment_of_the_api);
        tcase_add_test(tcase, debians_dummy_starts_is_watched_and_stops);

        TCase *check = tcase_create("definition");
        tcase_add_checked_fixture(check, setup, teardown);
        LOOP_TEST(check, definitions_are_checked, definitions);
        tcase_add_test(check, limits_are_checked);
        tcase_add_test(check, every_cut_definition_is_refused);
        tcase_add_test(check, phases_follow_the_drawing);

        Suite *suite = suite_create("ocf_role");
        suite_add_tcase(suite, tcase);
        suite_add_tcase(suite, check);
        SRunner *suite_runner = srunner_create(suite);
        srunner_run_all(suite_runner, CK_ENV);
        int failed = srunner_ntests_failed(suite_runner);
        srunner_free(suite_runner);
        return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
