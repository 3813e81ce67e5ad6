/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/ocf_fixture.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clusterd/base/text.h"

#define NS_PER_MS  1000000ull
#define ROLE       "r"
#define GENERATION 7

static void on_event(void *context, const struct cluster_event *event)
{
        struct ocf_fixture *fixture = context;
        ck_assert_int_lt(fixture->event_count, OCF_EVENTS_MAX);
        fixture->events[fixture->event_count++] = *event;
        qb_loop_stop(fixture->loop);
}

static int read_definition(void *context, const uint8_t hash[HASH_BYTES], char **ret_text, size_t *ret_bytes)
{
        const struct ocf_fixture *fixture = context;
        (void)hash;
        if (fixture->definition_gone)
                return -ENOENT;
        *ret_text = strdup(fixture->definition);
        *ret_bytes = strlen(fixture->definition);
        return 0;
}

void fixture_daemon_start(struct ocf_fixture *fixture)
{
        const struct ocf_listener listener = { .context = fixture,
                                               .on_event = on_event,
                                               .read_definition = read_definition };
        ck_assert_int_eq(process_runner_new(fixture->loop, &fixture->runner), 0);
        ck_assert_int_eq(ocf_roles_new(fixture->loop, fixture->runner, fixture->agents_root, fixture->run_dir,
                                       &listener, &fixture->roles),
                         0);
}

void fixture_daemon_stop(struct ocf_fixture *fixture)
{
        process_runner_free(fixture->runner);
        ocf_roles_free(fixture->roles);
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

void fixture_file_write(const struct ocf_fixture *fixture, const char *name, const char *text)
{
        char path[128];
        TEXT_PRINT(path, "%s/%s", fixture->directory, name);
        FILE *file = fopen(path, "we");
        ck_assert_ptr_nonnull(file);
        fputs(text, file);
        fclose(file);
}

void fixture_file_remove(const struct ocf_fixture *fixture, const char *name)
{
        char path[128];
        TEXT_PRINT(path, "%s/%s", fixture->directory, name);
        ck_assert_int_eq(unlink(path), 0);
}

bool fixture_file_exists(const struct ocf_fixture *fixture, const char *name)
{
        char path[128];
        TEXT_PRINT(path, "%s/%s", fixture->directory, name);
        return access(path, F_OK) == 0;
}

const char *fixture_log_take(const struct ocf_fixture *fixture)
{
        static char text[4096];
        char path[128];
        TEXT_PRINT(path, "%s/log", fixture->directory);
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

void fixture_init(struct ocf_fixture *fixture)
{
        char path[128], text[1024];
        *fixture = (struct ocf_fixture){ .directory = "/tmp/clu-ocf-XXXXXX" };
        ck_assert_ptr_nonnull(mkdtemp(fixture->directory));
        TEXT_PRINT(fixture->root, "%s/ocf", fixture->directory);
        TEXT_PRINT(fixture->run_dir, "%s/run", fixture->directory);
        TEXT_PRINT(path, "mkdir -p %s/resource.d/test", fixture->root);
        ck_assert_int_eq(system(path), 0);
        TEXT_PRINT(text, AGENT, fixture->directory);
        fixture_file_write(fixture, "ocf/resource.d/test/a", text);
        TEXT_PRINT(path, "%s/resource.d/test/a", fixture->root);
        ck_assert_int_eq(chmod(path, 0755), 0);
        fixture->agents_root = fixture->root;
        fixture->loop = qb_loop_create();
        fixture_daemon_start(fixture);
}

void fixture_release(struct ocf_fixture *fixture)
{
        fixture_daemon_stop(fixture);
        qb_loop_destroy(fixture->loop);
        char command[128];
        TEXT_PRINT(command, "rm -r %s", fixture->directory);
        ck_assert_int_eq(system(command), 0);
}

void fixture_define(struct ocf_fixture *fixture, const char *names, unsigned interval_ms, unsigned timeout_ms)
{
        size_t used = (size_t)snprintf(fixture->definition, sizeof fixture->definition, "{\"agents\":[");
        for (const char *name = names; *name != '\0'; name++)
                used += (size_t)snprintf(
                        fixture->definition + used, sizeof fixture->definition - used,
                        "%s{\"agent\":\"ocf:test:a\",\"parameters\":{\"p\":\"%c\"},\"start_timeout_ms\":%u,"
                        "\"stop_timeout_ms\":%u,\"monitor_timeout_ms\":%u,\"monitor_interval_ms\":%u}",
                        name == names ? "" : ",", *name, timeout_ms, timeout_ms, timeout_ms, interval_ms);
        snprintf(fixture->definition + used, sizeof fixture->definition - used, "]}");
}

static void on_patience(void *data)
{
        struct ocf_fixture *fixture = data;
        fixture->late = true;
        qb_loop_stop(fixture->loop);
}

static void timer_set(struct ocf_fixture *fixture, unsigned ms, qb_loop_timer_handle *ret_timer)
{
        fixture->late = false;
        ck_assert_int_eq(qb_loop_timer_add(fixture->loop, QB_LOOP_LOW, ms * NS_PER_MS, fixture, on_patience,
                                           ret_timer),
                         0);
}

static void on_nothing(void *data)
{
        (void)data;
}

/* A loop that was stopped has forgotten that something was due; it looks again when a timer is. */
static void loop_run(struct ocf_fixture *fixture)
{
        qb_loop_timer_handle turn;
        ck_assert_int_eq(qb_loop_timer_add(fixture->loop, QB_LOOP_LOW, 0, NULL, on_nothing, &turn), 0);
        qb_loop_run(fixture->loop);
        (void)qb_loop_timer_del(fixture->loop, turn);
}

const struct cluster_event *fixture_await(struct ocf_fixture *fixture)
{
        qb_loop_timer_handle timer;
        timer_set(fixture, PATIENCE_MS, &timer);
        while (fixture->event_read == fixture->event_count && !fixture->late)
                loop_run(fixture);
        (void)qb_loop_timer_del(fixture->loop, timer);
        ck_assert_msg(!fixture->late, "no event; asked: %s", fixture_log_take(fixture));
        return &fixture->events[fixture->event_read++];
}

void fixture_run_ms(struct ocf_fixture *fixture, unsigned ms)
{
        qb_loop_timer_handle timer;
        timer_set(fixture, ms, &timer);
        while (!fixture->late)
                loop_run(fixture);
}

void fixture_order_of(struct ocf_fixture *fixture, enum cluster_action_kind kind, uint8_t definition_hash)
{
        struct cluster_action action = { .kind = kind };
        TEXT_COPY(action.role.name, ROLE);
        action.role.kind = ROLE_OCF;
        action.role.generation = GENERATION;
        action.role.definition_hash[0] = definition_hash;
        int before = fixture->event_count;
        ocf_roles_carry_out(fixture->roles, &action);
        ck_assert_msg(fixture->event_count == before, "an event came inside carry_out");
}

void fixture_order(struct ocf_fixture *fixture, enum cluster_action_kind kind)
{
        fixture_order_of(fixture, kind, 1);
}

const struct cluster_event *fixture_expect_done(struct ocf_fixture *fixture, enum operation operation,
                                                enum operation_result result)
{
        const struct cluster_event *event = fixture_await(fixture);
        ck_assert_int_eq(event->kind, CLUSTER_EVENT_OPERATION_DONE);
        ck_assert_int_eq(event->operation.operation, operation);
        ck_assert_msg(event->operation.result == result, "result %d: %s", event->operation.result,
                      event->operation.text);
        ck_assert_str_eq(event->operation.role, ROLE);
        ck_assert_uint_eq(event->operation.generation, GENERATION);
        return event;
}

void fixture_start(struct ocf_fixture *fixture, const char *names, unsigned interval_ms, unsigned timeout_ms)
{
        fixture_define(fixture, names, interval_ms, timeout_ms);
        fixture_order(fixture, CLUSTER_ACTION_START);
        const struct cluster_event *event =
                fixture_expect_done(fixture, OPERATION_START, OPERATION_SUCCEEDED);
        ck_assert_int_eq(event->operation.observation, OBSERVED_RUNNING);
}

void fixture_expect_absent(const struct ocf_fixture *fixture, const struct cluster_event *event,
                           enum observation observation)
{
        ck_assert_int_eq(event->operation.observation, observation);
        ck_assert(!fixture_file_exists(fixture, "run/ocf/r.json"));
}

bool fixture_list_has_role(struct ocf_fixture *fixture)
{
        struct cluster_action action = { .kind = CLUSTER_ACTION_LIST, .listing = ++fixture->listing };
        ocf_roles_carry_out(fixture->roles, &action);
        bool found = false;
        for (;;) {
                const struct cluster_event *event = fixture_await(fixture);
                if (event->kind != CLUSTER_EVENT_LISTED)
                        continue;
                ck_assert_uint_eq(event->listed.listing, fixture->listing);
                ck_assert(!event->listed.failed);
                if (event->listed.end)
                        return found;
                ck_assert_str_eq(event->listed.role, ROLE);
                ck_assert_int_eq(event->listed.observation, OBSERVED_RUNNING);
                found = true;
        }
}
