/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "resource-agents/fence_agent.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "resource-agents/fence_metadata.h"
#include "resource-agents/fence_options.h"
#include "resource-agents/output_line.h"

/* Source: fence agent API: 0 success (status: on), 2 status off, others errors. */
#define EXIT_DONE 0
#define EXIT_OFF  2

#define STATUS_LEAST_MS   5000 /* a slow `off` must not leave no time to verify it */
#define STATUS_RETRY_MS   500
#define METADATA_LEAST_MS 15000 /* starting Python on a busy machine takes seconds */
#define NS_PER_MS         1000000ull

enum fence_step { FENCE_SWITCH, FENCE_VERIFY, FENCE_STATUS, FENCE_METADATA };

/* One call of ours: lives until on_done. */
struct fence_run {
        struct process_runner *runner;
        struct fence_device device;
        char node_name[NAME_BYTES];
        enum fence_step step;
        bool wants_on; /* to be turned on, not off */
        uint64_t started_ms;
        qb_loop_timer_handle pause; /* before the next status; 0: an agent is at work */
        fence_on_done on_done;
        void *context;
};

static uint64_t clock_ms(void)
{
        struct timespec now;
        (void)clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / NS_PER_MS;
}

static uint32_t elapsed_ms(const struct fence_run *run)
{
        return (uint32_t)(clock_ms() - run->started_ms);
}

static void run_end(struct fence_run *run, struct fence_outcome *outcome)
{
        outcome->duration_ms = elapsed_ms(run);
        run->on_done(run->context, outcome);
        free(run);
}

static const char *step_word(const struct fence_run *run)
{
        switch (run->step) {
        case FENCE_SWITCH:
                return run->wants_on ? "on" : "off";
        case FENCE_VERIFY:
                return run->wants_on ? "status after on" : "status after off";
        case FENCE_STATUS:
                return "status";
        case FENCE_METADATA:
                break;
        }
        return "metadata";
}

/* AGENT STEP: what happened[: what it said]. Secrets are overwritten before anything is cut. */
static void text_make(const struct fence_run *run, const char *what, const char *output,
                      char ret_text[FENCE_TEXT_BYTES])
{
        SCOPED_FREE char *clean = strdup(output);
        SCOPED_FREE char *text = NULL;
        char said[REASON_BYTES];
        if (clean == NULL)
                abort();
        fence_options_hide(run->device.options, clean);
        output_line_read(clean, NULL, said, sizeof said);
        if (asprintf(&text, "%s %s: %s%s%s", run->device.agent, step_word(run), what,
                     said[0] != '\0' ? ": " : "", said) < 0)
                abort();
        text_copy(ret_text, FENCE_TEXT_BYTES, text);
}

static void failure_text(const struct fence_run *run, const struct process_result *result,
                         char ret_text[FENCE_TEXT_BYTES])
{
        char what[64];
        if (result->exit_code == -1)
                TEXT_PRINT(what, "could not be run, install it");
        else if (result->timed_out)
                TEXT_PRINT(what, "no answer in time, killed");
        else
                TEXT_PRINT(what, "failed with exit code %d", result->exit_code);
        text_make(run, what, result->output, ret_text);
}

static void on_exit_step(void *context, const struct process_result *result);

static void step_run(struct fence_run *run, enum fence_step step, uint32_t timeout_ms)
{
        char input[FENCE_INPUT_BYTES];
        run->step = step;
        const char *action = step != FENCE_SWITCH ? "status" : run->wants_on ? "on" : "off";
        fence_options_input(run->device.options, action, run->node_name, input);
        const char *const plain[] = { run->device.agent, NULL };
        const char *const metadata[] = { run->device.agent, "-o", "metadata", NULL };
        process_run(run->runner, &(struct process_request){
                                         .argv = step == FENCE_METADATA ? metadata : plain,
                                         .input = step == FENCE_METADATA ? NULL : input,
                                         .timeout_ms = timeout_ms,
                                         .on_exit = on_exit_step,
                                         .context = run,
                                 });
}

static uint32_t time_left_ms(const struct fence_run *run)
{
        uint32_t elapsed = elapsed_ms(run);
        return elapsed < run->device.timeout_ms ? run->device.timeout_ms - elapsed : 0;
}

static void verify_run(struct fence_run *run)
{
        uint32_t left = time_left_ms(run);
        step_run(run, FENCE_VERIFY, left > STATUS_LEAST_MS ? left : STATUS_LEAST_MS);
}

static void on_switch_exit(struct fence_run *run, const struct process_result *result)
{
        struct fence_outcome outcome = { 0 };
        if (!result->timed_out && result->exit_code == EXIT_DONE) {
                verify_run(run);
                return;
        }
        failure_text(run, result, outcome.text);
        run_end(run, &outcome);
}

static void on_verify_time(void *data)
{
        struct fence_run *run = data;
        run->pause = 0;
        verify_run(run);
}

/* Some devices tell of the power as it was for a while after they have switched it. */
static void verify_later(struct fence_run *run)
{
        int error = qb_loop_timer_add(process_runner_loop(run->runner), QB_LOOP_HIGH,
                                      STATUS_RETRY_MS * NS_PER_MS, run, on_verify_time, &run->pause);
        assert(error == 0);
}

static void on_verify_exit(struct fence_run *run, const struct process_result *result)
{
        struct fence_outcome outcome = { 0 };
        bool answered =
                !result->timed_out && (result->exit_code == EXIT_DONE || result->exit_code == EXIT_OFF);
        outcome.known = answered;
        outcome.on = answered && result->exit_code == EXIT_DONE;
        outcome.done = answered && outcome.on == run->wants_on;
        if (answered && !outcome.done && time_left_ms(run) > STATUS_RETRY_MS) {
                verify_later(run);
                return;
        }
        if (outcome.done)
                text_make(run, run->wants_on ? "on, confirmed" : "off, confirmed", "", outcome.text);
        else if (answered)
                text_make(run,
                          run->wants_on ? "it said it was done, but the node is still off"
                                        : "it said it was done, but the node is still on",
                          result->output, outcome.text);
        else
                failure_text(run, result, outcome.text);
        run_end(run, &outcome);
}

static void on_status_exit(struct fence_run *run, const struct process_result *result)
{
        struct fence_outcome outcome = { 0 };
        outcome.known =
                !result->timed_out && (result->exit_code == EXIT_DONE || result->exit_code == EXIT_OFF);
        outcome.on = outcome.known && result->exit_code == EXIT_DONE;
        if (outcome.known)
                text_make(run, outcome.on ? "on" : "off", "", outcome.text);
        else
                failure_text(run, result, outcome.text);
        run_end(run, &outcome);
}

static void on_metadata_exit(struct fence_run *run, const struct process_result *result)
{
        struct fence_outcome outcome = { 0 };
        char what[FENCE_TEXT_BYTES];
        if (result->timed_out || result->exit_code != EXIT_DONE) {
                failure_text(run, result, outcome.text);
        } else {
                outcome.done = outcome.known =
                        fence_metadata_check(result->output, run->device.options, what, sizeof what);
                text_make(run, outcome.done ? "its options are right" : what, "", outcome.text);
        }
        run_end(run, &outcome);
}

static void on_exit_step(void *context, const struct process_result *result)
{
        struct fence_run *run = context;
        switch (run->step) {
        case FENCE_SWITCH:
                on_switch_exit(run, result);
                return;
        case FENCE_VERIFY:
                on_verify_exit(run, result);
                return;
        case FENCE_STATUS:
                on_status_exit(run, result);
                return;
        case FENCE_METADATA:
                on_metadata_exit(run, result);
                return;
        }
}

static struct fence_run *run_new(struct process_runner *runner, const struct fence_device *device,
                                 const char *node_name, fence_on_done on_done, void *context)
{
        assert(on_done != NULL);
        struct fence_run *run = calloc(1, sizeof *run);
        if (run == NULL)
                abort();
        run->runner = runner;
        run->device = *device;
        TEXT_COPY(run->node_name, node_name);
        run->started_ms = clock_ms();
        run->on_done = on_done;
        run->context = context;
        return run;
}

struct fence_run *fence_agent_off(struct process_runner *runner, const struct fence_device *device,
                                  const char *node_name, fence_on_done on_done, void *context)
{
        struct fence_run *run = run_new(runner, device, node_name, on_done, context);
        step_run(run, FENCE_SWITCH, device->timeout_ms);
        return run;
}

struct fence_run *fence_agent_on(struct process_runner *runner, const struct fence_device *device,
                                 const char *node_name, fence_on_done on_done, void *context)
{
        struct fence_run *run = run_new(runner, device, node_name, on_done, context);
        run->wants_on = true;
        step_run(run, FENCE_SWITCH, device->timeout_ms);
        return run;
}

void fence_run_cancel(struct fence_run *run)
{
        if (run->pause != 0)
                (void)qb_loop_timer_del(process_runner_loop(run->runner), run->pause);
        else
                process_cancel(run->runner, run);
        free(run);
}

void fence_agent_status(struct process_runner *runner, const struct fence_device *device,
                        const char *node_name, fence_on_done on_done, void *context)
{
        step_run(run_new(runner, device, node_name, on_done, context), FENCE_STATUS, device->timeout_ms);
}

void fence_agent_check(struct process_runner *runner, const struct fence_device *device,
                       fence_on_done on_done, void *context)
{
        uint32_t timeout_ms = device->timeout_ms > METADATA_LEAST_MS ? device->timeout_ms : METADATA_LEAST_MS;
        step_run(run_new(runner, device, "", on_done, context), FENCE_METADATA, timeout_ms);
}
