/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/ipc_client.h"
#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"

#define SERVICE      "clusterd"
#define RETRY_MS     100   /* an election takes about as long */
#define RETRY_FOR_MS 10000 /* then somebody should know */

void call_reply_release(struct call_reply *reply)
{
        json_decref(reply->error);
        json_decref(reply->result);
        *reply = (struct call_reply){ 0 };
}

json_t *call_error(const char *message, const char *rule, const char *remedy)
{
        json_t *error = json_object();
        json_object_set_new(error, "message", json_string(message));
        if (rule != NULL)
                json_object_set_new(error, "rule", json_string(rule));
        if (remedy != NULL)
                json_object_set_new(error, "remedy", json_string(remedy));
        return error;
}

int64_t call_now_ms(void)
{
        struct timespec now;
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void fail(struct call_reply *reply, enum verb_exit exit, const char *message, const char *rule,
                 const char *remedy)
{
        *reply = (struct call_reply){ .exit = exit, .error = call_error(message, rule, remedy) };
}

static void fail_by_errno(struct call_reply *reply, int error)
{
        char message[200];
        switch (-error) {
        case ECONNREFUSED:
                fail(reply, VERB_EXIT_UNREACHABLE, "clusterd does not answer on this node", NULL,
                     "look at systemctl status clusterd, and start it");
                return;
        case ECONNRESET:
                fail(reply, VERB_EXIT_UNREACHABLE,
                     "clusterd went away while it was asked; it may have been done", NULL,
                     "look at systemctl status clusterd, then at clu event list");
                return;
        case EACCES:
                fail(reply, VERB_EXIT_REFUSED, "clusterd does not let you in",
                     "only root and the groups clu-admin and clu-view may ask",
                     "become a member of one of them");
                return;
        case ETIMEDOUT:
                fail(reply, VERB_EXIT_TIMED_OUT, "clusterd did not answer in time; the work may go on", NULL,
                     "look at clu cluster status and clu event list");
                return;
        case EMSGSIZE:
                fail(reply, VERB_EXIT_REFUSED, "the request is too large", "a definition has at most 256 KiB",
                     "shorten the definition");
                return;
        default: /* an int, not an enum: every other errno */
                TEXT_PRINT(message, "clusterd cannot be asked: %s", strerror(-error));
                fail(reply, VERB_EXIT_FAILED, message, NULL, NULL);
        }
}

void call_reply_read(const char *text, size_t bytes, struct call_reply *ret_reply)
{
        json_t *document = json_loadb(text, bytes, JSON_DISABLE_EOF_CHECK, NULL);
        json_t *code = json_object_get(document, "exit");

        if (!json_is_integer(code) || json_integer_value(code) < 0 ||
            json_integer_value(code) >= VERB_EXIT_COUNT) {
                fail(ret_reply, VERB_EXIT_FAILED, "clusterd's answer cannot be read", NULL,
                     "use clu and clusterd of the same version");
        } else {
                *ret_reply =
                        (struct call_reply){ .exit = (enum verb_exit)json_integer_value(code),
                                             .error = json_incref(json_object_get(document, "error")),
                                             .result = json_incref(json_object_get(document, "result")) };
                if (ret_reply->exit != VERB_EXIT_DONE && ret_reply->error == NULL)
                        ret_reply->error = call_error("not done", NULL, NULL);
        }
        json_decref(document);
}

static int until(int64_t deadline_ms)
{
        int64_t rest = deadline_ms - call_now_ms();
        return rest < 1 ? 1 : rest > 3600000 ? 3600000 : (int)rest;
}

static void ask_once(const char *text, int64_t deadline_ms, struct call_reply *reply)
{
        SCOPED_FREE char *answer = NULL;
        size_t bytes = 0;
        const char *service = getenv("CLU_SERVICE");
        int error = ipc_call(service == NULL ? SERVICE : service, text, strlen(text), until(deadline_ms),
                             &answer, &bytes);
        if (error < 0)
                fail_by_errno(reply, error);
        else
                call_reply_read(answer, bytes, reply);
}

void call_daemon(const struct verb *verb, json_t *arguments, bool plan, int64_t deadline_ms,
                 struct call_reply *ret_reply)
{
        char path[VERB_PATH_BYTES];
        int64_t give_up_ms = call_now_ms() + RETRY_FOR_MS;
        verb_path(verb, path, sizeof(path));
        json_t *request = json_pack("{s:s, s:O, s:b}", "verb", path, "arguments", arguments, "plan", plan);
        SCOPED_FREE char *text = json_dumps(request, JSON_COMPACT);

        json_decref(request);
        if (give_up_ms > deadline_ms)
                give_up_ms = deadline_ms;
        for (;;) {
                ask_once(text, deadline_ms, ret_reply);
                if (!json_is_true(json_object_get(ret_reply->error, "retry")) || call_now_ms() >= give_up_ms)
                        break;
                call_reply_release(ret_reply);
                (void)nanosleep(&(struct timespec){ .tv_nsec = RETRY_MS * 1000000L }, NULL);
        }
        if (ret_reply->error != NULL)
                (void)json_object_del(ret_reply->error, "retry");
}
