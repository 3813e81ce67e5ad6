/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_RESOURCE_AGENTS_OCF_ROLE_H
#define CLU_RESOURCE_AGENTS_OCF_ROLE_H

/*
 * Roles made of OCF resource agents, started in order, stopped in reverse.
 *
 * Definition: {"agents":[{"agent":"ocf:heartbeat:IPaddr2","parameters":{"ip":"10.0.0.9"},
 *   "start_timeout_ms":20000,"stop_timeout_ms":20000,"monitor_interval_ms":10000,"monitor_timeout_ms":20000}]}
 * A monitor that times out or cannot be run says nothing about the agent: it is
 * tried again, and only OCF_NOT_RUNNING or a clear failure is reported as one.
 *
 * Source: OCF resource agent API 1.1; exit codes from pacemaker's crm/common/results.h or agents.h.
 */

#include "clusterd/core/cluster.h"
#include "clusterd/io/process_runner.h"

struct ocf_roles;

struct ocf_listener {
        void *context;
        void (*on_event)(void *context, const struct cluster_event *event); /* as in hypervisor.h */
        int (*read_definition)(void *context, const uint8_t hash[HASH_BYTES], char **ret_text,
                               size_t *ret_bytes);
};

/*
 * root: "/usr/lib/ocf". run_dir/ocf remembers over restarts of the daemon which roles were started here; it
 * must not outlive a reboot. on_event is never called before the function that led to it has returned.
 */
int ocf_roles_new(qb_loop_t *loop, struct process_runner *runner, const char *root, const char *run_dir,
                  const struct ocf_listener *listener, struct ocf_roles **ret_roles);
/* The loop must not run again before process_runner_free(). Stops nothing. NULL accepted. */
void ocf_roles_free(struct ocf_roles *roles);

/*
 * action: START, STOP, MOVE, LIST; others are ignored. MOVE stops the role here and ends with
 * OPERATION_FAILED and OBSERVED_ABSENT_UNKNOWN: OCF roles do not move live. STOP takes the agents' own
 * stop_timeout_ms; the action's timeout_ms is for guests.
 */
void ocf_roles_carry_out(struct ocf_roles *roles, const struct cluster_action *action);

/*
 * Checks a definition when a role is added: 0; -EINVAL, -E2BIG, with what, where and what to do. That the
 * agents exist is checked on this node alone; that they know the parameters is left to their first start
 * (asking their metadata would block).
 */
int ocf_definition_check(const char *text, size_t text_bytes, const char *root, char *ret_error,
                         size_t error_bytes);

#endif
