/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "resource-agents/ocf_agent.h"

#include <assert.h>
#include <crm/common/results.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "resource-agents/output_line.h"

#define REASON_PREFIX "ocf-exit-reason:" /* Source: OCF resource agent API 1.1, exit reason */
#define OWN_VARIABLES 16
#define VARIABLES_MAX (OWN_VARIABLES + OCF_PARAMETERS_MAX)
#define SETTING_BYTES 192

static const struct {
        const char *action; /* as the agent knows it */
        const char *word;
} verbs[] = {
        [OCF_START] = { "start", "start" },
        [OCF_STOP] = { "stop", "stop" },
        [OCF_PROBE] = { "monitor", "probe" },
        [OCF_MONITOR] = { "monitor", "monitor" },
};

static uint32_t timeout_of(const struct ocf_agent *agent, enum ocf_verb verb)
{
        switch (verb) {
        case OCF_START:
                return agent->start_timeout_ms;
        case OCF_STOP:
                return agent->stop_timeout_ms;
        case OCF_PROBE:
        case OCF_MONITOR:
                return agent->monitor_timeout_ms;
        }
        abort();
}

struct environment {
        size_t count;
        const char *item[VARIABLES_MAX + 1];
        char own[OWN_VARIABLES][SETTING_BYTES];
        char root[4096];
};

#define ENVIRONMENT_ADD(environment, ...)                                                                    \
        do {                                                                                                 \
                assert((environment)->count < OWN_VARIABLES);                                                \
                TEXT_PRINT((environment)->own[(environment)->count], __VA_ARGS__);                           \
                (environment)->item[(environment)->count] = (environment)->own[(environment)->count];        \
                (environment)->count++;                                                                      \
        } while (0)

/* A probe is a monitor of interval 0: that is how agents tell the two apart (ocf_is_probe). */
static void environment_make(const struct ocf_call *call, struct environment *ret_environment)
{
        struct environment *e = ret_environment;
        const struct ocf_agent *agent = call->agent;
        e->count = 0;
        TEXT_PRINT(e->root, "OCF_ROOT=%s", call->root);
        ENVIRONMENT_ADD(e, "OCF_RA_VERSION_MAJOR=1");
        ENVIRONMENT_ADD(e, "OCF_RA_VERSION_MINOR=1");
        ENVIRONMENT_ADD(e, "OCF_RESOURCE_INSTANCE=%s", call->instance);
        ENVIRONMENT_ADD(e, "OCF_RESOURCE_PROVIDER=%s", agent->provider);
        ENVIRONMENT_ADD(e, "OCF_RESOURCE_TYPE=%s", agent->type);
        ENVIRONMENT_ADD(e, "OCF_CHECK_LEVEL=0");
        ENVIRONMENT_ADD(e, "OCF_EXIT_REASON_PREFIX=%s", REASON_PREFIX);
        ENVIRONMENT_ADD(e, "HA_RSCTMP=/run/resource-agents");
        ENVIRONMENT_ADD(e, "OCF_RESKEY_CRM_meta_name=%s", verbs[call->verb].action);
        ENVIRONMENT_ADD(e, "OCF_RESKEY_CRM_meta_timeout=%u", timeout_of(agent, call->verb));
        ENVIRONMENT_ADD(e, "OCF_RESKEY_CRM_meta_interval=%u",
                        call->verb == OCF_MONITOR ? agent->monitor_interval_ms : 0);
        e->item[e->count++] = e->root;
        for (size_t i = 0; i < agent->parameter_count; i++)
                e->item[e->count++] = agent->parameters[i];
        e->item[e->count] = NULL;
}

void ocf_agent_run(struct process_runner *runner, const struct ocf_call *call)
{
        struct environment environment;
        environment_make(call, &environment);
        const char *const argv[] = { call->agent->path, verbs[call->verb].action, NULL };
        process_run(runner, &(struct process_request){
                                    .argv = argv,
                                    .envp = environment.item,
                                    .timeout_ms = timeout_of(call->agent, call->verb),
                                    .on_exit = call->on_exit,
                                    .context = call->context,
                            });
}

enum ocf_health ocf_health_read(const struct process_result *result)
{
        if (result->timed_out)
                return OCF_HEALTH_UNKNOWN;
        switch (result->exit_code) {
        case PCMK_OCF_OK:
        case PCMK_OCF_RUNNING_PROMOTED:
        case PCMK_OCF_DEGRADED:
        case PCMK_OCF_DEGRADED_PROMOTED:
                return OCF_HEALTH_RUNNING;
        case PCMK_OCF_NOT_RUNNING:
                return OCF_HEALTH_STOPPED;
        case PCMK_OCF_UNKNOWN_ERROR:
        case PCMK_OCF_FAILED_PROMOTED:
                return OCF_HEALTH_FAILED;
        case -1: /* could not be executed */
        case PCMK_OCF_INVALID_PARAM:
        case PCMK_OCF_UNIMPLEMENT_FEATURE:
        case PCMK_OCF_INSUFFICIENT_PRIV:
        case PCMK_OCF_NOT_INSTALLED:
        case PCMK_OCF_NOT_CONFIGURED:
                return OCF_HEALTH_UNUSABLE;
        default: /* killed, or a code that the API does not have */
                return OCF_HEALTH_UNKNOWN;
        }
}

bool ocf_start_succeeded(const struct process_result *result)
{
        return !result->timed_out &&
               (result->exit_code == PCMK_OCF_OK || result->exit_code == PCMK_OCF_DEGRADED);
}

/* NOT_RUNNING is no answer to `stop` by the API, but many agents give it, and it is clear. */
bool ocf_stop_is_confirmed(const struct process_result *result)
{
        return !result->timed_out &&
               (result->exit_code == PCMK_OCF_OK || result->exit_code == PCMK_OCF_NOT_RUNNING);
}

static const char *code_words(int exit_code)
{
        switch (exit_code) {
        case -1:
                return "could not be run";
        case PCMK_OCF_UNKNOWN_ERROR:
                return "failed";
        case PCMK_OCF_INVALID_PARAM:
                return "a parameter does not fit this node, correct it";
        case PCMK_OCF_UNIMPLEMENT_FEATURE:
                return "the agent does not know this action";
        case PCMK_OCF_INSUFFICIENT_PRIV:
                return "it lacks a permission";
        case PCMK_OCF_NOT_INSTALLED:
                return "not installed on this node, install what it needs";
        case PCMK_OCF_NOT_CONFIGURED:
                return "a parameter is wrong or missing, correct it";
        case PCMK_OCF_NOT_RUNNING:
                return "not running";
        case PCMK_OCF_FAILED_PROMOTED:
                return "failed while promoted";
        default:
                return "unexpected exit code";
        }
}

/* The agent's own words come last: they are what is cut. */
void ocf_result_text(const struct ocf_agent *agent, enum ocf_verb verb, const struct process_result *result,
                     char ret_text[REASON_BYTES])
{
        char said[REASON_BYTES];
        SCOPED_FREE char *text = NULL;
        output_line_read(result->output, REASON_PREFIX, said, sizeof said);
        const char *colon = said[0] != '\0' ? ": " : "";
        int length = result->timed_out
                             ? asprintf(&text, "ocf:%s:%s %s: no answer in %u ms%s%s", agent->provider,
                                        agent->type, verbs[verb].word, timeout_of(agent, verb), colon, said)
                             : asprintf(&text, "ocf:%s:%s %s: %s (%d)%s%s", agent->provider, agent->type,
                                        verbs[verb].word, code_words(result->exit_code), result->exit_code,
                                        colon, said);
        if (length < 0)
                abort();
        text_copy(ret_text, REASON_BYTES, text);
}
