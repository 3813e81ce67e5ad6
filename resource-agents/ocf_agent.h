/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_RESOURCE_AGENTS_OCF_AGENT_H
#define CLU_RESOURCE_AGENTS_OCF_AGENT_H

/*
 * One action of one OCF agent, and what its exit code means.
 *
 * Source: OCF resource agent API 1.1; exit codes from pacemaker's crm/common/results.h.
 */

#include "clusterd/io/process_runner.h"
#include "resource-agents/ocf_definition.h"

enum ocf_verb { OCF_START, OCF_STOP, OCF_PROBE, OCF_MONITOR };

struct ocf_call {
        const char *root;     /* OCF_ROOT */
        const char *instance; /* unique on this node, the same for all actions on it */
        const struct ocf_agent *agent;
        enum ocf_verb verb;
        process_on_exit on_exit;
        void *context;
};

/* Everything is copied. */
void ocf_agent_run(struct process_runner *runner, const struct ocf_call *call);

enum ocf_health {
        OCF_HEALTH_UNKNOWN,  /* gave no answer, or one that says nothing about the service */
        OCF_HEALTH_UNUSABLE, /* it cannot work on this node or with these parameters, so it was not asked */
        OCF_HEALTH_STOPPED,  /* cleanly not running */
        OCF_HEALTH_FAILED,   /* not as it should be, and may still run in part */
        OCF_HEALTH_RUNNING
};

/* Of a monitor's or probe's end. */
enum ocf_health ocf_health_read(const struct process_result *result);
bool ocf_start_succeeded(const struct process_result *result);
bool ocf_stop_is_confirmed(const struct process_result *result);

/* In words: which agent, what it said, what to do. Fits into REASON_BYTES, cut. */
void ocf_result_text(const struct ocf_agent *agent, enum ocf_verb verb, const struct process_result *result,
                     char ret_text[REASON_BYTES]);

#endif
