/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster.h"

#include <check.h>
#include <stdlib.h>

#include "clusterd/base/text.h"
#include "tests/unit/core_desk.h"
#include "tests/unit/suite_run.h"

/* Node 2 runs a role from LUNs and is lost; it has no watchdog. Node 1 leads. */

#define SAN     1
#define LOST_MS 2000 /* from the end of its contact, at most, until lose() has ended */

static struct desk desk;
static struct cluster_action order; /* the last */

static void report(uint32_t node, enum path_state path)
{
        struct command command = { .kind = COMMAND_VOLUME_REPORT,
                                   .volume_report = {
                                           .volume = "san", .identity = 7, .node = node, .state = path } };
        desk_hear(&desk, node, &command);
}

/* All nodes reach it. */
static void add_target(void)
{
        struct command add = { .kind = COMMAND_VOLUME_ADD,
                               .volume_add = { .name = "san",
                                               .kind = VOLUME_ISCSI,
                                               .path = "iqn.2026-11.example:san",
                                               .login = { .portal = "san" },
                                               .identity = 7 } };
        ck_assert_int_eq(desk_ask(&desk, &add), REPLY_DONE);
        for (int looks = 0; looks < 3; looks++) {
                (void)desk_look(&desk, 0);
                for (uint32_t node = 2; node <= 3; node++)
                        report(node, looks == 0 ? PATH_MARKED : PATH_DIRECT);
        }
        ck_assert_int_eq(model_volume(cluster_model(desk.cluster), "san")->state, VOLUME_READY);
}

static void add_role(const char *name, bool contained)
{
        struct command command = { .kind = COMMAND_ROLE_ADD };
        struct role *role = &command.role_add.role;
        TEXT_COPY(role->name, name);
        TEXT_COPY(role->uuid, name);
        role->kind = ROLE_VM;
        role->desired = DESIRED_RUNNING;
        role->definition_hash[0] = (uint8_t)name[3];
        role->memory_mib = 64;
        role->stop_timeout_ms = 1000;
        role->preferred[0] = 2;
        role->volumes = node_set_of(SAN);
        role->contained = contained;
        ck_assert_int_eq(desk_ask(&desk, &command), REPLY_DONE);
        desk_wait(&desk, 5);
        desk_hear_report(&desk, name, 2, REPORT_RUNNING);
        ck_desk_state(&desk, name, ROLE_ONLINE);
}

static void begin(void)
{
        desk_begin(&desk);
        desk_view(&desk, node_set_of(2) | node_set_of(3));
        add_target();
        add_role("vm01", true);
}

static void end(void)
{
        desk_end(&desk);
}

static const struct node *n2(void)
{
        return model_node(cluster_model(desk.cluster), 2);
}

static bool take_order(void)
{
        const struct cluster_action *action = desk_take(&desk, CLUSTER_ACTION_PREEMPT);
        if (action != NULL)
                order = *action;
        return action != NULL;
}

static void answer(uint64_t attempt, bool succeeded)
{
        struct cluster_event event = { .kind = CLUSTER_EVENT_PREEMPTED };
        event.preempted.attempt = attempt;
        event.preempted.succeeded = succeeded;
        TEXT_COPY(event.preempted.text, succeeded ? "" : "LUN 1: its keys cannot be read");
        desk_step(&desk, &event);
        desk_settle(&desk);
}

static uint64_t stop_ms(void)
{
        const struct settings *settings = &cluster_model(desk.cluster)->settings;
        return settings->isolation_hold_ms + settings->stop_grace_ms + settings->margin_ms;
}

/* Its driver was unloaded: it joins anew without. */
static void take_watchdog_away(void)
{
        struct command command = { .kind = COMMAND_NODE_JOIN };
        command.node_join.node = 2;
        command.node_join.boot = n2()->boot;
        command.node_join.memory_mib = 4096;
        TEXT_COPY(command.node_join.name, "n2");
        TEXT_COPY(command.node_join.address, "10.0.0.2");
        desk_hear(&desk, 2, &command);
        ck_assert(!n2()->watchdog);
}

static void lose(void)
{
        take_watchdog_away();
        desk_view(&desk, node_set_of(3));
        ck_assert_int_eq(n2()->state, NODE_LOST);
}

START_TEST(keys_are_taken_away_when_the_node_has_had_its_time_and_that_is_evidence)
{
        lose();
        desk_wait(&desk, stop_ms() - LOST_MS);
        ck_assert(!take_order());
        desk_wait(&desk, LOST_MS);
        ck_assert(take_order());
        ck_assert_uint_eq(order.preempt.node, 2);
        ck_assert_uint_eq(order.preempt.id, SAN);
        ck_assert_uint_eq(order.preempt.identity, 7);
        desk_wait(&desk, 5000);
        ck_assert(!take_order()); /* one at a time */
        ck_assert_int_eq(n2()->state, NODE_LOST);
        answer(order.preempt.attempt, true);
        ck_assert_int_eq(n2()->state, NODE_DOWN);
        ck_assert_int_eq(n2()->evidence.kind, EVIDENCE_RESERVATION_PREEMPTED);
        ck_assert_uint_ne(desk_role(&desk, "vm01")->owner, 2);
}
END_TEST

START_TEST(what_could_not_be_asked_proves_nothing_and_is_tried_again)
{
        lose();
        desk_wait(&desk, stop_ms());
        for (uint64_t pause_ms = 1000; pause_ms <= 60000; pause_ms *= 2) {
                ck_assert(take_order());
                answer(order.preempt.attempt, false);
                ck_assert_int_eq(n2()->state, NODE_LOST);
                uint64_t wait_ms = pause_ms < 30000 ? pause_ms : 30000;
                desk_wait(&desk, wait_ms - 100);
                ck_assert(!take_order());
                desk_wait(&desk, 200);
        }
        answer(order.preempt.attempt, true); /* of one that has been answered */
        ck_assert_int_eq(n2()->state, NODE_LOST);
}
END_TEST

START_TEST(what_came_of_it_is_reported_but_not_again_and_again)
{
        lose();
        desk_wait(&desk, stop_ms());
        for (size_t tries = 1; tries <= 21; tries++) {
                ck_assert(take_order());
                answer(order.preempt.attempt, false);
                ck_assert_uint_eq(desk.fence_reports, tries <= 3 ? tries : tries <= 20 ? 3 : 4);
                desk_wait(&desk, 30100);
        }
        ck_assert_uint_eq(desk.fence_report.node, 2);
        ck_assert_str_eq(desk.fence_report.volume, "san");
        ck_assert_str_eq(desk.fence_report.device, "");
        ck_assert(!desk.fence_report.succeeded);
        ck_assert_uint_eq(desk.fence_report.duration_ms, 100);
        ck_assert_str_eq(desk.fence_report.text, "LUN 1: its keys cannot be read");
        ck_assert(take_order());
        answer(order.preempt.attempt, true);
        ck_assert_uint_eq(desk.fence_reports, 5);
        ck_assert(desk.fence_report.succeeded);
        ck_assert_int_eq(n2()->state, NODE_DOWN);
}
END_TEST

START_TEST(an_answer_about_an_earlier_loss_is_none)
{
        lose();
        desk_wait(&desk, stop_ms() + 100);
        ck_assert(take_order());
        uint64_t before = order.preempt.attempt;
        desk_view(&desk, node_set_of(2) | node_set_of(3));
        ck_assert_int_eq(n2()->state, NODE_UP);
        desk_hear_report(&desk, "vm01", 2, REPORT_RUNNING);
        lose();
        answer(before, true);
        desk_wait(&desk, stop_ms() + 100);
        ck_assert_int_eq(n2()->state, NODE_LOST);
        ck_assert(take_order());
        ck_assert_uint_ne(order.preempt.attempt, before);
}
END_TEST

START_TEST(other_roles_of_the_node_wait)
{
        add_role("vm02", false);
        lose();
        desk_wait(&desk, stop_ms() + 100);
        ck_assert(take_order());
        answer(order.preempt.attempt, true);
        ck_assert_int_eq(n2()->state, NODE_LOST);
        ck_assert_uint_ne(desk_role(&desk, "vm01")->owner, 2);
        ck_desk_state(&desk, "vm02", ROLE_RECOVERING);
        ck_assert_uint_eq(desk_role(&desk, "vm02")->owner, 2);
        desk_wait(&desk, 60000);
        ck_assert(!take_order()); /* nothing that it would prove */
}
END_TEST

START_TEST(who_returns_keeps_its_keys)
{
        lose();
        desk_wait(&desk, stop_ms() - LOST_MS);
        desk_view(&desk, node_set_of(2) | node_set_of(3));
        desk_wait(&desk, stop_ms() + 5000);
        ck_assert(!take_order());
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("preempt");
        TCase *tcase = tcase_create("preempt");
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, keys_are_taken_away_when_the_node_has_had_its_time_and_that_is_evidence);
        tcase_add_test(tcase, what_could_not_be_asked_proves_nothing_and_is_tried_again);
        tcase_add_test(tcase, what_came_of_it_is_reported_but_not_again_and_again);
        tcase_add_test(tcase, an_answer_about_an_earlier_loss_is_none);
        tcase_add_test(tcase, other_roles_of_the_node_wait);
        tcase_add_test(tcase, who_returns_keeps_its_keys);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
