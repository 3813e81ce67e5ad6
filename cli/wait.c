/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/wait.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/settle.h"
#include "cli/table.h"
#include "clusterd/base/text.h"

#define POLL_MS     100 /* short beside any move; one question costs the daemon about 0.1 ms */
#define BAR_CELLS   30
#define QUESTION_MS 5000 /* one poll; a daemon that restarts is asked again */

struct progress {
        bool silent;                  /* --json */
        bool bar;                     /* on a terminal: one line, drawn over */
        char last[SETTLE_TEXT_BYTES]; /* of plain lines: each is printed once */
};

static void draw_bar(const struct settle_verdict *verdict)
{
        char cells[BAR_CELLS + 1];
        int filled = verdict->percent * BAR_CELLS / 100;

        printf("\r\033[K%s", verdict->text);
        if (verdict->percent >= 0 && verdict->percent <= 100) {
                for (int i = 0; i < BAR_CELLS; i++)
                        cells[i] = i < filled ? '#' : '.';
                cells[BAR_CELLS] = '\0';
                printf(" [%s] %3d %%", cells, verdict->percent);
        }
        if (verdict->mib_s > 0)
                printf(" %d MiB/s", verdict->mib_s);
        (void)fflush(stdout);
}

static void show(struct progress *progress, const struct settle_verdict *verdict)
{
        if (progress->silent || verdict->state == SETTLE_FAILED)
                return;
        if (progress->bar && verdict->state == SETTLE_GOES_ON) {
                draw_bar(verdict);
        } else if (!text_equal(progress->last, verdict->text)) {
                printf("%s%s\n", progress->bar ? "\r\033[K" : "", verdict->text);
                (void)fflush(stdout);
                TEXT_COPY(progress->last, verdict->text);
        }
}

static void leave_bar(const struct progress *progress)
{
        if (progress->bar && !progress->silent)
                printf("\r\033[K");
}

static const struct verb *show_verb(const struct verb *verb)
{
        return verb_by_id(verb->wait == VERB_WAIT_NODE     ? VERB_NODE_SHOW
                          : verb->wait == VERB_WAIT_VOLUME ? VERB_VOLUME_SHOW
                          : verb->wait == VERB_WAIT_FENCE  ? VERB_FENCE_SHOW
                                                           : VERB_ROLE_SHOW);
}

static const char *waited_noun(const struct verb_call *call)
{
        return show_verb(call->verb)->noun;
}

static void time_out(const struct verb_call *call, const struct settle_verdict *verdict,
                     struct call_reply *reply)
{
        char message[SETTLE_TEXT_BYTES + 120], remedy[160];
        TEXT_PRINT(message, "not finished after %u s, and it goes on: %s", call->timeout_s,
                   verdict->text[0] == '\0' ? "not known how far it is" : verdict->text);
        TEXT_PRINT(remedy, "clu %s show %s tells how far it is; --timeout waits longer", waited_noun(call),
                   call->operand);
        *reply = (struct call_reply){ .exit = VERB_EXIT_TIMED_OUT,
                                      .error = call_error(message, NULL, remedy) };
}

static void fail(const struct verb_call *call, const struct settle_verdict *verdict, struct call_reply *reply)
{
        char remedy[160];
        TEXT_PRINT(remedy, "clu event list --%s %s tells what happened", waited_noun(call), call->operand);
        call_reply_release(reply);
        *reply = (struct call_reply){ .exit = VERB_EXIT_FAILED,
                                      .error = call_error(verdict->text, NULL, remedy) };
}

static int64_t earlier(int64_t a, int64_t b)
{
        return a < b ? a : b;
}

/* Once: true when *ret_reply is the end. What cannot be asked now is asked again. */
static bool poll_once(const struct verb_call *call, const struct settle_goal *goal, int64_t deadline_ms,
                      struct progress *progress, struct settle_verdict *verdict, struct call_reply *ret_reply)
{
        json_t *arguments = json_pack("{s:s}", "name", call->operand);
        call_daemon(show_verb(call->verb), arguments, false,
                    earlier(deadline_ms, call_now_ms() + QUESTION_MS), ret_reply);
        json_decref(arguments);
        if (ret_reply->exit == VERB_EXIT_NO_OBJECT || ret_reply->exit == VERB_EXIT_REFUSED)
                return true;
        if (ret_reply->exit == VERB_EXIT_DONE) {
                settle_read(call->verb, ret_reply->result, goal, verdict);
                show(progress, verdict);
                if (verdict->state == SETTLE_FAILED)
                        fail(call, verdict, ret_reply);
                if (verdict->state != SETTLE_GOES_ON)
                        return true;
        }
        call_reply_release(ret_reply);
        return false;
}

static struct settle_goal goal_of(const struct verb_call *call, const struct call_reply *accepted)
{
        json_t *role = json_object_get(accepted->result, "role"),
               *node = json_object_get(accepted->result, "node");
        const char *counted = verb_id(call->verb) == VERB_NODE_RESUME ? "returning" : "roles";
        const char *target = json_string_value(json_object_get(role, "target"));
        return (struct settle_goal){ .index = json_integer_value(json_object_get(accepted->result, "index")),
                                     .roles_before = json_integer_value(json_object_get(node, counted)),
                                     .target = target != NULL ? target : verb_call_text(call, "node") };
}

void wait_settled(const struct verb_call *call, const struct call_reply *accepted, int64_t deadline_ms,
                  struct call_reply *ret_reply)
{
        struct progress progress = { .silent = call->json, .bar = output_is_terminal() };
        struct settle_verdict verdict = { 0 };
        const struct settle_goal goal = goal_of(call, accepted);

        while (!poll_once(call, &goal, deadline_ms, &progress, &verdict, ret_reply)) {
                if (call_now_ms() >= deadline_ms) {
                        leave_bar(&progress);
                        time_out(call, &verdict, ret_reply);
                        return;
                }
                (void)nanosleep(&(struct timespec){ .tv_nsec = POLL_MS * 1000000L }, NULL);
        }
        if (ret_reply->exit != VERB_EXIT_DONE)
                leave_bar(&progress);
        else
                json_object_set_new(ret_reply->result, "index", json_integer(goal.index));
}
