/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/command.h"

#include <stdio.h>
#include <time.h>

#include "cli/call.h"
#include "cli/confirm.h"
#include "cli/help.h"
#include "cli/print.h"
#include "cli/simulate.h"
#include "cli/verify.h"
#include "cli/what_if.h"
#include "cli/wait.h"
#include "clusterd/base/text.h"

#define QUERY_TIMEOUT_MS 30000  /* a daemon that is well answers in milliseconds */
#define FENCE_TIMEOUT_MS 900000 /* its agents have deadlines of their own, up to 600 s */
#define PLAN_TIMEOUT_MS  2000   /* it goes without that, then */
#define FOLLOW_MS        500
#define LEDGER_PAGE      1000

/* Prints an end that is not success. */
static int finish(const struct verb_call *call, const struct call_reply *reply)
{
        if (call->json) {
                print_json(reply->exit, reply->error, reply->result);
                return (int)reply->exit;
        }
        if (reply->error != NULL && reply->result != NULL)
                print_result(call, reply->result);
        if (reply->error != NULL)
                print_error(reply->error);
        return (int)reply->exit;
}

static int fail(const struct verb_call *call, enum verb_exit exit, json_t *error)
{
        SCOPED_REPLY struct call_reply reply = { .exit = exit, .error = error };
        return finish(call, &reply);
}

static bool waits(const struct verb_call *call)
{
        return call->verb->wait != VERB_WAIT_NONE && verb_call_changes(call);
}

static int64_t deadline_of(const struct verb_call *call)
{
        if (waits(call))
                return call_now_ms() + (int64_t)call->timeout_s * 1000;
        bool asks_agents = text_equal(call->verb->noun, "fence") || verb_id(call->verb) == VERB_LEDGER_VERIFY;
        return call_now_ms() + (asks_agents ? FENCE_TIMEOUT_MS : QUERY_TIMEOUT_MS);
}

/* Events one page after the other, until something goes wrong or the user leaves. */
static int follow(const struct verb_call *call, json_t *arguments)
{
        for (;;) {
                SCOPED_REPLY struct call_reply reply = { 0 };
                call_daemon(call->verb, arguments, false, call_now_ms() + QUERY_TIMEOUT_MS, &reply);
                if (reply.exit != VERB_EXIT_DONE)
                        return finish(call, &reply);
                json_t *events = json_object_get(reply.result, "events"), *event;
                size_t at;
                if (!call->json)
                        print_events(reply.result);
                else
                        json_array_foreach(events, at, event) print_json(VERB_EXIT_DONE, NULL, event);
                json_object_set(arguments, "after", json_object_get(reply.result, "last"));
                (void)nanosleep(&(struct timespec){ .tv_nsec = FOLLOW_MS * 1000000L }, NULL);
        }
}

static json_int_t number(json_t *object, const char *key, json_int_t otherwise)
{
        json_t *value = json_object_get(object, key);
        return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

/* The newest `limit` entries, when they are more than one page: begins where they begin. */
static void rewind_pages(json_t *arguments, json_int_t limit, struct call_reply *reply)
{
        json_int_t from = number(reply->result, "applied", 0) - limit + 1;
        if (json_object_get(arguments, "from") != NULL || limit <= LEDGER_PAGE)
                return;
        json_object_set_new(arguments, "from", json_integer(from < 1 ? 1 : from));
        json_array_clear(json_object_get(reply->result, "entries"));
}

/* Appends pages behind the first until limit entries are there, or no more. */
static void read_pages(const struct verb_call *call, json_t *arguments, json_int_t limit,
                       struct call_reply *reply)
{
        json_t *entries = json_object_get(reply->result, "entries");
        if (reply->exit == VERB_EXIT_DONE)
                rewind_pages(arguments, limit, reply);
        while (reply->exit == VERB_EXIT_DONE && (json_int_t)json_array_size(entries) < limit) {
                json_t *last = json_array_get(entries, json_array_size(entries) - 1);
                SCOPED_REPLY struct call_reply page = { 0 };
                json_int_t from = last == NULL ? number(arguments, "from", 1) : number(last, "index", 0) + 1;
                if (from > number(reply->result, "applied", 0))
                        return;
                json_object_set_new(arguments, "from", json_integer(from));
                json_object_set_new(arguments, "limit",
                                    json_integer(limit - (json_int_t)json_array_size(entries)));
                call_daemon(call->verb, arguments, false, call_now_ms() + QUERY_TIMEOUT_MS, &page);
                json_t *more = json_object_get(page.result, "entries");
                if (page.exit != VERB_EXIT_DONE || json_array_size(more) == 0)
                        return;
                json_array_extend(entries, more);
        }
}

static int carry_out(const struct verb_call *call, json_t *arguments)
{
        SCOPED_REPLY struct call_reply reply = { 0 };
        int64_t deadline_ms = deadline_of(call);

        call_daemon(call->verb, arguments, call->plan, deadline_ms, &reply);
        if (verb_id(call->verb) == VERB_LEDGER_LIST)
                read_pages(call, arguments, number(arguments, "limit", 0), &reply);
        if (reply.exit != VERB_EXIT_DONE)
                return finish(call, &reply);
        if (waits(call) && !call->no_wait && !call->plan) {
                SCOPED_REPLY struct call_reply end = { 0 };
                wait_settled(call, &reply, deadline_ms, &end);
                return finish(call, &end);
        }
        if (call->json)
                print_json(VERB_EXIT_DONE, NULL, reply.result);
        else if (call->plan)
                print_plan(reply.result);
        else
                print_result(call, reply.result);
        return VERB_EXIT_DONE;
}

/* What it would mean for the votes, before it is done or confirmed; a refusal is told by the deed itself. */
static void foretell_quorum(const struct verb_call *call, json_t *arguments)
{
        SCOPED_REPLY struct call_reply plan = { 0 };
        if (!call->verb->bears_on_quorum || call->plan || call->json)
                return;
        call_daemon(call->verb, arguments, true, call_now_ms() + PLAN_TIMEOUT_MS, &plan);
        if (plan.exit == VERB_EXIT_DONE)
                print_quorum_plan(plan.result);
        (void)fflush(stdout); /* a question may follow, on the other stream */
}

static int verify(const struct verb_call *call, const char *path)
{
        SCOPED_REPLY struct call_reply reply = { 0 };
        verify_file(path, &reply);
        if (!call->json && reply.exit == VERB_EXIT_DONE)
                print_result(call, reply.result);
        return finish(call, &reply);
}

static int run_verb(const struct verb_call *call)
{
        json_t *error = NULL;
        enum verb_exit exit = VERB_EXIT_USAGE;

        if (verb_id(call->verb) == VERB_LEDGER_VERIFY && verb_call_has(call, "file"))
                return verify(call, verb_call_text(call, "file"));
        json_t *arguments = call_arguments(call, &error, &exit);
        if (arguments == NULL)
                return fail(call, exit, error);
        foretell_quorum(call, arguments);
        if (!confirm(call, &error, &exit)) {
                json_decref(arguments);
                return fail(call, exit, error);
        }
        int status = verb_call_has(call, "follow") ? follow(call, arguments) : carry_out(call, arguments);
        json_decref(arguments);
        return status;
}

/* help [NOUN [VERB]], help --man, completion bash, simulate FILE, what-if, --version; -1 for none of these.
 */
static int run_own(int count, const char *const *words)
{
        if (count == 0 || text_equal(words[0], "--help") || text_equal(words[0], "-h")) {
                help_nouns(NULL);
                return count == 0 ? VERB_EXIT_USAGE : VERB_EXIT_DONE;
        }
        if (text_equal(words[0], "--version")) {
                printf("clu " CLU_VERSION "\n");
                return VERB_EXIT_DONE;
        }
        if (text_equal(words[0], "completion") && count == 2 && text_equal(words[1], "bash")) {
                help_completion();
                return VERB_EXIT_DONE;
        }
        if (text_equal(words[0], "what-if"))
                return what_if_command(count - 1, words + 1);
        if (text_equal(words[0], "simulate"))
                return simulate_command(count - 1, words + 1);
        if (!text_equal(words[0], "help"))
                return -1;
        const struct verb *verb = count == 3 ? verb_find(words[1], words[2]) : NULL;
        if (verb != NULL)
                help_verb(verb);
        else if (count == 2 && text_equal(words[1], "--man"))
                help_manual();
        else
                help_nouns(count >= 2 && verb_noun_exists(words[1]) ? words[1] : NULL);
        return VERB_EXIT_DONE;
}

int command_run(int count, const char *const *words)
{
        struct verb_call call;
        char error[VERB_ERROR_BYTES];
        int status = run_own(count, words);

        if (status >= 0)
                return status;
        if (count >= 2 && verb_noun_exists(words[0]) &&
            (text_equal(words[1], "--help") || text_equal(words[1], "-h"))) {
                help_nouns(words[0]);
                return VERB_EXIT_DONE;
        }
        if (verb_parse(count, words, &call, error) < 0)
                return fail(&call, VERB_EXIT_USAGE, call_error(error, NULL, NULL));
        if (call.help) {
                help_verb(call.verb);
                return VERB_EXIT_DONE;
        }
        return run_verb(&call);
}
