/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_TESTS_UNIT_OCF_FIXTURE_H
#define CLU_TESTS_UNIT_OCF_FIXTURE_H

/*
 * The role "r" and its agents in a folder of their own, with a loop and a
 * listener that remembers. An agent is a shell script that tests can change
 * while it runs.
 */

#include "resource-agents/ocf_role.h"

#define PATIENCE_MS    50000 /* for a busy machine; only a failing test waits so long */
#define OCF_EVENTS_MAX 64

struct ocf_fixture {
        char directory[32], root[64], run_dir[64];
        const char *agents_root; /* root, or the system's */
        qb_loop_t *loop;
        struct process_runner *runner;
        struct ocf_roles *roles;
        char definition[4096];
        bool definition_gone;
        uint64_t listing; /* the last that was asked for */
        bool late;        /* what was waited for did not come in time */

        /* what the listener heard, and how much of it the test has seen */
        struct cluster_event events[OCF_EVENTS_MAX];
        int event_count, event_read;
};

void fixture_init(struct ocf_fixture *fixture); /* and starts the daemon */
void fixture_release(struct ocf_fixture *fixture);
void fixture_daemon_start(struct ocf_fixture *fixture);
void fixture_daemon_stop(struct ocf_fixture *fixture);

/* NAME.up is there while the agent NAME runs; NAME.VERB is run instead of the verb's usual work. */
void fixture_file_write(const struct ocf_fixture *fixture, const char *name, const char *text);
void fixture_file_remove(const struct ocf_fixture *fixture, const char *name);
bool fixture_file_exists(const struct ocf_fixture *fixture, const char *name);
/* What the agents were asked so far, "verb agent,verb agent,..."; forgets it. Borrowed until called again. */
const char *fixture_log_take(const struct ocf_fixture *fixture);

/* Agents named x, y, z, ...: one letter each. */
void fixture_define(struct ocf_fixture *fixture, const char *names, unsigned interval_ms,
                    unsigned timeout_ms);
void fixture_order(struct ocf_fixture *fixture, enum cluster_action_kind kind);
void fixture_order_of(struct ocf_fixture *fixture, enum cluster_action_kind kind, uint8_t definition_hash);
/* Defines it, orders its start, and waits until it runs. */
void fixture_start(struct ocf_fixture *fixture, const char *names, unsigned interval_ms, unsigned timeout_ms);

/* The next event; fails when none comes. */
const struct cluster_event *fixture_await(struct ocf_fixture *fixture);
const struct cluster_event *fixture_expect_done(struct ocf_fixture *fixture, enum operation operation,
                                                enum operation_result result);
void fixture_expect_absent(const struct ocf_fixture *fixture, const struct cluster_event *event,
                           enum observation observation);
void fixture_run_ms(struct ocf_fixture *fixture, unsigned ms);
/* Asks for a list; true when the role is in it. */
bool fixture_list_has_role(struct ocf_fixture *fixture);

#endif
