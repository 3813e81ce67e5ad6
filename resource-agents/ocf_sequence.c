/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "resource-agents/ocf_sequence.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "clusterd/io/log.h"
#include "resource-agents/ocf_answer.h"
#include "resource-agents/ocf_memory.h"
#include "resource-agents/ocf_role_definition.h"

#define NS_PER_MS 1000000ull

static void order_next(struct ocf_role *role);
static void stop_begin(struct ocf_role *role, enum observation ends_as);

static void timer_set(struct ocf_role *role, qb_loop_timer_handle *timer, uint32_t after_ms, void *data,
                      qb_loop_timer_dispatch_fn on_timer)
{
        assert(*timer == 0);
        int error =
                qb_loop_timer_add(role->host->loop, QB_LOOP_MED, after_ms * NS_PER_MS, data, on_timer, timer);
        assert(error == 0);
}

static void timer_forget(struct ocf_role *role, qb_loop_timer_handle *timer)
{
        if (*timer != 0)
                (void)qb_loop_timer_del(role->host->loop, *timer);
        *timer = 0;
}

static void timers_forget(struct ocf_role *role)
{
        timer_forget(role, &role->retry_timer);
        for (size_t i = 0; i < OCF_AGENTS_MAX; i++)
                timer_forget(role, &role->watch[i].timer);
}

/* Ends whatever the phase before was waiting for. */
static void phase_set(struct ocf_role *role, enum ocf_phase phase)
{
        assert(ocf_phase_may_follow(role->phase, phase));
        timers_forget(role);
        log_debug("phase of a role changed" QB_XS " role=%s from=%s to=%s", role->name,
                  ocf_phase_name(role->phase), ocf_phase_name(phase));
        role->phase = phase;
        role->serial++;
}

/* Questions to agents. */

static void on_process_exit(void *context, const struct process_result *result)
{
        struct ocf_question *question = context;
        struct ocf_role *role = question->role;
        LIST_REMOVE(question, link);
        if (question->serial == role->serial)
                question->on_answer(role, question->agent, result);
        free(question);
}

static void agent_ask(struct ocf_role *role, size_t agent, enum ocf_verb verb,
                      void (*on_answer)(struct ocf_role *, size_t, const struct process_result *))
{
        struct ocf_question *question = calloc(1, sizeof *question);
        if (question == NULL)
                abort();
        *question = (struct ocf_question){
                .role = role, .agent = agent, .serial = role->serial, .on_answer = on_answer
        };
        LIST_INSERT_HEAD(&role->questions, question, link);
        /* The number makes it unique when an agent appears twice; a ':' would mean a clone to agents. */
        char instance[NAME_BYTES + 16];
        TEXT_PRINT(instance, "%s.%zu", role->name, agent + 1);
        ocf_agent_run(role->host->runner, &(struct ocf_call){
                                                  .root = role->host->root,
                                                  .instance = instance,
                                                  .agent = &role->definition->agents[agent],
                                                  .verb = verb,
                                                  .on_exit = on_process_exit,
                                                  .context = question,
                                          });
}

static void reason_set(struct ocf_role *role, size_t agent, enum ocf_verb verb,
                       const struct process_result *result)
{
        ocf_result_text(&role->definition->agents[agent], verb, result, role->reason);
}

/* Stopping. */

static void on_retry(void *data)
{
        struct ocf_role *role = data;
        role->retry_timer = 0;
        stop_begin(role, role->ends_as);
}

static void stop_failed(struct ocf_role *role, size_t agent, const struct process_result *result)
{
        uint32_t interval_ms = role->definition->agents[agent].monitor_interval_ms;
        char text[REASON_BYTES];
        ocf_result_text(&role->definition->agents[agent], OCF_STOP, result, text);
        log_warning("could not stop a role, will try again: %s" QB_XS " role=%s retry_ms=%u", text,
                    role->name, interval_ms);
        phase_set(role, OCF_UNSURE);
        ocf_answer_order(role, OPERATION_UNKNOWN, OBSERVED_RUNNING, text);
        timer_set(role, &role->retry_timer, interval_ms, role, on_retry);
        order_next(role);
}

/* A failed stop that succeeded on our own later is news; so is what a monitor found. */
static void stop_confirmed(struct ocf_role *role)
{
        int error = ocf_memory_remove(role->host->run_dir, role->name);
        if (error < 0)
                log_warning("could not forget a stopped role" QB_XS " role=%s error=%s", role->name,
                            strerror(-error));
        phase_set(role, OCF_ABSENT);
        if (role->order == NULL)
                ocf_answer_observation(role, role->ends_as);
        else if (role->order->operation == OPERATION_STOP)
                ocf_answer_order(role, OPERATION_SUCCEEDED, role->ends_as, "");
        else
                ocf_answer_order(role, OPERATION_FAILED, role->ends_as, role->reason);
        order_next(role);
}

static void stop_next(struct ocf_role *role);

static void on_stop_answer(struct ocf_role *role, size_t agent, const struct process_result *result)
{
        if (!ocf_stop_is_confirmed(result)) {
                stop_failed(role, agent, result);
                return;
        }
        role->watch[agent].touched = false;
        stop_next(role);
}

static void stop_next(struct ocf_role *role)
{
        while (role->at > 0 && !role->watch[role->at - 1].touched)
                role->at--;
        if (role->at == 0)
                stop_confirmed(role);
        else
                agent_ask(role, --role->at, OCF_STOP, on_stop_answer);
}

static void stop_begin(struct ocf_role *role, enum observation ends_as)
{
        phase_set(role, OCF_STOPPING);
        role->ends_as = ends_as;
        role->at = role->definition->count;
        stop_next(role);
}

static void touch_all(struct ocf_role *role)
{
        for (size_t i = 0; i < OCF_AGENTS_MAX; i++)
                role->watch[i].touched = true;
}

/* Monitoring. */

static void on_monitor_time(void *data);

static void monitor_set(struct ocf_role *role, size_t agent)
{
        timer_set(role, &role->watch[agent].timer, role->definition->agents[agent].monitor_interval_ms,
                  &role->watch[agent], on_monitor_time);
}

static void monitor_silent(struct ocf_role *role, size_t agent, const struct process_result *result)
{
        char text[REASON_BYTES];
        ocf_result_text(&role->definition->agents[agent], OCF_MONITOR, result, text);
        if (!role->watch[agent].silent)
                log_warning("a monitor says nothing, will ask again: %s" QB_XS " role=%s", text, role->name);
        role->watch[agent].silent = true;
}

static void on_monitor_answer(struct ocf_role *role, size_t agent, const struct process_result *result)
{
        switch (ocf_health_read(result)) {
        case OCF_HEALTH_STOPPED:
        case OCF_HEALTH_FAILED:
                reason_set(role, agent, OCF_MONITOR, result);
                log_warning("a role failed: %s" QB_XS " role=%s", role->reason, role->name);
                stop_begin(role, OBSERVED_ABSENT_FAILED);
                return;
        case OCF_HEALTH_UNKNOWN:
        case OCF_HEALTH_UNUSABLE:
                monitor_silent(role, agent, result);
                break;
        case OCF_HEALTH_RUNNING:
                if (role->watch[agent].silent)
                        log_notice("a monitor answers again" QB_XS " role=%s agent=%zu", role->name,
                                   agent + 1);
                role->watch[agent].silent = false;
                break;
        }
        monitor_set(role, agent);
}

static void on_monitor_time(void *data)
{
        struct ocf_watch *watch = data;
        watch->timer = 0;
        agent_ask(watch->role, watch->agent, OCF_MONITOR, on_monitor_answer);
}

static void online_begin(struct ocf_role *role)
{
        phase_set(role, OCF_ONLINE);
        for (size_t i = 0; i < role->definition->count; i++) {
                role->watch[i].touched = true;
                role->watch[i].silent = false;
                monitor_set(role, i);
        }
        ocf_answer_order(role, OPERATION_SUCCEEDED, OBSERVED_RUNNING, "");
        order_next(role);
}

/* Starting. */

static void start_next(struct ocf_role *role);

static void start_failed(struct ocf_role *role, size_t agent, enum ocf_verb verb,
                         const struct process_result *result)
{
        reason_set(role, agent, verb, result);
        stop_begin(role, OBSERVED_ABSENT_FAILED);
}

static void on_start_answer(struct ocf_role *role, size_t agent, const struct process_result *result)
{
        if (!ocf_start_succeeded(result)) {
                start_failed(role, agent, OCF_START, result);
                return;
        }
        role->at++;
        start_next(role);
}

/* An agent that cannot even be asked has nothing running of ours, so it is not stopped either. */
static void on_start_probe_answer(struct ocf_role *role, size_t agent, const struct process_result *result)
{
        enum ocf_health health = ocf_health_read(result);
        if (health != OCF_HEALTH_UNUSABLE)
                role->watch[agent].touched = true;
        if (health == OCF_HEALTH_STOPPED) {
                agent_ask(role, agent, OCF_START, on_start_answer);
        } else if (health == OCF_HEALTH_RUNNING) {
                role->at++;
                start_next(role);
        } else {
                start_failed(role, agent, OCF_PROBE, result);
        }
}

static bool is_to_stop(const struct ocf_role *role)
{
        const struct ocf_order *order;
        STAILQ_FOREACH(order, &role->orders, link)
        if (order->operation != OPERATION_START)
                return true;
        return false;
}

static void start_next(struct ocf_role *role)
{
        if (is_to_stop(role)) {
                TEXT_PRINT(role->reason, "given up: it was to stop before it had started");
                stop_begin(role, OBSERVED_ABSENT_FAILED);
        } else if (role->at == role->definition->count) {
                online_begin(role);
        } else {
                agent_ask(role, role->at, OCF_PROBE, on_start_probe_answer);
        }
}

/* Nothing was done, so it is as it was. */
static void start_refused(struct ocf_role *role)
{
        switch (role->phase) {
        case OCF_ABSENT:
                ocf_answer_order(role, OPERATION_FAILED, OBSERVED_ABSENT_FAILED, role->reason);
                break;
        case OCF_ONLINE:
                ocf_answer_order(role, OPERATION_FAILED, OBSERVED_RUNNING, role->reason);
                break;
        case OCF_PROBING:
        case OCF_STARTING:
        case OCF_STOPPING:
        case OCF_UNSURE:
        case OCF_PHASE_COUNT:
                ocf_answer_order(role, OPERATION_UNKNOWN, OBSERVED_RUNNING, role->reason);
                break;
        }
        order_next(role);
}

/* What runs by another definition would be forgotten with it. */
static bool definition_is_other(const struct ocf_role *role, const uint8_t hash[HASH_BYTES])
{
        return role->phase != OCF_ABSENT &&
               (role->definition == NULL || memcmp(role->definition_hash, hash, HASH_BYTES) != 0);
}

static void start_begin(struct ocf_role *role)
{
        if (definition_is_other(role, role->order->definition_hash)) {
                TEXT_PRINT(role->reason, "it may still run here by another definition: stop it first");
                start_refused(role);
                return;
        }
        uint64_t before = role->generation;
        role->generation = role->order->generation;
        if (ocf_role_definition_load(role, role->order->definition_hash) < 0 || ocf_role_write(role) < 0) {
                role->generation = before;
                start_refused(role);
                return;
        }
        if (role->phase == OCF_ABSENT)
                for (size_t i = 0; i < OCF_AGENTS_MAX; i++)
                        role->watch[i].touched = false;
        phase_set(role, OCF_STARTING);
        role->at = 0;
        start_next(role);
}

/* Also of a role that we do not know: agents answer a second `stop` with success. What runs here is stopped
 * by the definition that started it. */
static void stop_ordered(struct ocf_role *role)
{
        bool is_ours = role->phase != OCF_ABSENT && role->definition != NULL;
        if (!is_ours && ocf_role_definition_load(role, role->order->definition_hash) < 0) {
                ocf_answer_order(role, OPERATION_UNKNOWN, OBSERVED_RUNNING, role->reason);
                order_next(role);
                return;
        }
        touch_all(role);
        stop_begin(role, OBSERVED_ABSENT_UNKNOWN);
}

/* Orders. */

static bool is_busy(const struct ocf_role *role)
{
        return role->phase == OCF_PROBING || role->phase == OCF_STARTING || role->phase == OCF_STOPPING;
}

static void order_next(struct ocf_role *role)
{
        if (is_busy(role) || role->order != NULL || STAILQ_EMPTY(&role->orders))
                return;
        role->order = STAILQ_FIRST(&role->orders);
        STAILQ_REMOVE_HEAD(&role->orders, link);
        role->reason[0] = '\0';
        switch (role->order->operation) {
        case OPERATION_START:
                start_begin(role);
                return;
        case OPERATION_STOP:
                stop_ordered(role);
                return;
        case OPERATION_MOVE:
                TEXT_PRINT(role->reason, "OCF agents do not move live: stopped here, to be started there");
                stop_ordered(role);
                return;
        case OPERATION_RESUME: /* of guests alone */
        case OPERATION_REDIRECT:
        case OPERATION_RETURN:
        case OPERATION_NONE:
        case OPERATION_COUNT:
                break;
        }
        abort();
}

void ocf_role_order(struct ocf_role *role, enum operation operation, uint64_t generation,
                    const uint8_t definition_hash[HASH_BYTES])
{
        struct ocf_order *order = calloc(1, sizeof *order);
        if (order == NULL)
                abort();
        order->operation = operation;
        order->generation = generation;
        order->since_ms = ocf_clock_ms();
        memcpy(order->definition_hash, definition_hash, HASH_BYTES);
        STAILQ_INSERT_TAIL(&role->orders, order, link);
        order_next(role);
}

/* Adoption. */

void ocf_role_remember(struct ocf_role *role, uint64_t generation, const uint8_t definition_hash[HASH_BYTES],
                       const char *definition, size_t definition_bytes)
{
        assert(role->phase == OCF_ABSENT);
        role->generation = generation;
        phase_set(role, OCF_UNSURE);
        touch_all(role);
        if (definition != NULL && ocf_role_definition_set(role, definition, definition_bytes, role->reason,
                                                          sizeof role->reason) == 0)
                memcpy(role->definition_hash, definition_hash, HASH_BYTES);
}

static size_t count_health(const struct ocf_role *role, enum ocf_health health)
{
        size_t count = 0;
        for (size_t i = 0; i < role->definition->count; i++)
                count += role->watch[i].health == health;
        return count;
}

/* Whoever gave no answer is asked again as a monitor. */
static void probing_end(struct ocf_role *role)
{
        size_t stopped = count_health(role, OCF_HEALTH_STOPPED);
        if (stopped == role->definition->count) {
                (void)ocf_memory_remove(role->host->run_dir, role->name);
                phase_set(role, OCF_ABSENT);
                order_next(role);
        } else if (stopped > 0 || count_health(role, OCF_HEALTH_FAILED) > 0) {
                log_warning("a role runs only in part: %s" QB_XS " role=%s", role->reason, role->name);
                stop_begin(role, OBSERVED_ABSENT_FAILED);
        } else {
                log_notice("a role was found running and is watched again" QB_XS " role=%s generation=%llu",
                           role->name, (unsigned long long)role->generation);
                online_begin(role);
        }
        role->host->on_probed(role->host->context);
}

static void on_probe_answer(struct ocf_role *role, size_t agent, const struct process_result *result)
{
        enum ocf_health health = ocf_health_read(result);
        role->watch[agent].health = health;
        if (health != OCF_HEALTH_STOPPED)
                role->watch[agent].touched = true;
        if (health == OCF_HEALTH_STOPPED || health == OCF_HEALTH_FAILED)
                reason_set(role, agent, OCF_PROBE, result);
        if (--role->probes_out == 0)
                probing_end(role);
}

void ocf_role_probe(struct ocf_role *role)
{
        if (role->phase != OCF_UNSURE || role->definition == NULL)
                return;
        phase_set(role, OCF_PROBING);
        role->probes_out = role->definition->count;
        for (size_t i = 0; i < role->definition->count; i++)
                agent_ask(role, i, OCF_PROBE, on_probe_answer);
}

struct ocf_role *ocf_role_new(const struct ocf_host *host, const char *name)
{
        struct ocf_role *role = calloc(1, sizeof *role);
        if (role == NULL)
                abort();
        role->host = host;
        TEXT_COPY(role->name, name);
        STAILQ_INIT(&role->orders);
        LIST_INIT(&role->questions);
        for (size_t i = 0; i < OCF_AGENTS_MAX; i++) {
                role->watch[i].role = role;
                role->watch[i].agent = i;
        }
        return role;
}

void ocf_role_free(struct ocf_role *role)
{
        timers_forget(role);
        while (!STAILQ_EMPTY(&role->orders)) {
                struct ocf_order *order = STAILQ_FIRST(&role->orders);
                STAILQ_REMOVE_HEAD(&role->orders, link);
                free(order);
        }
        while (!LIST_EMPTY(&role->questions)) {
                struct ocf_question *question = LIST_FIRST(&role->questions);
                LIST_REMOVE(question, link);
                free(question);
        }
        free(role->order);
        ocf_definition_free(role->definition);
        free(role->definition_text);
        free(role);
}
