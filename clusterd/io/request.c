/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/request_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "clusterd/io/witness_file.h"

/* One request that waits for somebody else. */
struct pending {
        struct pending *next;
        uint64_t token;
        const struct verb *verb;
        char actor[ACTOR_BYTES];
        char name[NAME_BYTES]; /* operand; empty if none */
        struct change change;  /* fence add, while its agent is checked */
        json_t *tests;         /* fence test: answers so far */
        size_t tests_missing;
};

struct request_handler {
        struct request_services services;
        struct pending *first;
        size_t count;
};

struct request_handler *request_handler_new(const struct request_services *services)
{
        struct request_handler *handler = calloc(1, sizeof(*handler));
        assert(handler != NULL);
        handler->services = *services;
        return handler;
}

static void pending_free(struct pending *pending)
{
        free(pending->change.definition);
        json_decref(pending->tests);
        free(pending);
}

void request_handler_free(struct request_handler *handler)
{
        if (handler == NULL)
                return;
        while (handler->first != NULL) {
                struct pending *pending = handler->first;
                handler->first = pending->next;
                pending_free(pending);
        }
        free(handler);
}

static struct pending *pending_add(struct request *request)
{
        struct pending *pending = calloc(1, sizeof(*pending));
        assert(pending != NULL);
        pending->token = request->token;
        pending->verb = request->verb;
        TEXT_COPY(pending->actor, request->client->actor);
        TEXT_COPY(pending->name, request->name == NULL ? "" : request->name);
        pending->next = request->handler->first;
        request->handler->first = pending;
        request->handler->count++;
        return pending;
}

static struct pending *pending_find(const struct request_handler *handler, uint64_t token)
{
        struct pending *pending = handler->first;
        while (pending != NULL && pending->token != token)
                pending = pending->next;
        return pending;
}

static void pending_remove(struct request_handler *handler, struct pending *pending)
{
        struct pending **link = &handler->first;
        while (*link != pending)
                link = &(*link)->next;
        *link = pending->next;
        handler->count--;
        pending_free(pending);
}

void request_gone(struct request_handler *handler, uint64_t token)
{
        struct pending *pending = pending_find(handler, token);
        if (pending != NULL)
                pending_remove(handler, pending);
}

int request_fail(struct request *request, enum verb_exit exit, const char *rule, const char *remedy,
                 const char *format, ...)
{
        struct request_error *error = &request->error;
        va_list arguments;

        *error = (struct request_error){ .exit = exit };
        va_start(arguments, format);
        (void)vsnprintf(error->message, sizeof(error->message), format, arguments);
        va_end(arguments);
        TEXT_PRINT(error->rule, "%s", rule);
        TEXT_PRINT(error->remedy, "%s", remedy);
        return -EINVAL;
}

/* result is taken. */
static void send_reply(struct request_handler *handler, uint64_t token, enum verb_exit exit, json_t *error,
                       json_t *result)
{
        SCOPED_FREE char *text = document_reply(exit, error, result);
        handler->services.reply(handler->services.context, token, text, strlen(text));
}

static void send_failure(struct request *request)
{
        assert(request->error.exit != VERB_EXIT_DONE);
        send_reply(request->handler, request->token, request->error.exit, document_error(&request->error),
                   NULL);
}

static void send_result(struct request *request, json_t *result)
{
        if (result == NULL)
                send_failure(request);
        else
                send_reply(request->handler, request->token, VERB_EXIT_DONE, NULL, result);
}

/* A request of its own for documents made after the client's has been read. */
static struct request request_of(struct request_handler *handler, const struct pending *pending)
{
        return (struct request){ .handler = handler,
                                 .services = &handler->services,
                                 .model = cluster_model(handler->services.cluster),
                                 .token = pending->token,
                                 .verb = pending->verb,
                                 .name = pending->name };
}

static void submit(struct request_handler *handler, uint64_t token, const char *actor, struct change *change)
{
        handler->services.submit(handler->services.context, token, actor, &change->command,
                                 change->definition, change->definition_bytes);
}

static bool is_evicted(struct request *request)
{
        struct cluster_status status;
        cluster_status_read(request->services->cluster, &status);
        if (status.evicted)
                (void)request_fail(request, VERB_EXIT_REFUSED, "who was evicted takes no part",
                                   EVICTED_REMEDY,
                                   "this node was evicted from the cluster, which goes on without it");
        return status.evicted;
}

static void handle_change(struct request *request)
{
        struct change change = { 0 };
        SCOPED_FREE char *definition = NULL; /* until somebody takes it */

        int error = is_evicted(request) ? -EPERM : request_change(request, &change);
        definition = change.definition;
        if (error < 0 || request_quorum_check(request, &change) < 0)
                return send_failure(request);
        if (request->plan)
                return send_result(request, change.command.kind == COMMAND_QUORUM_FORCE
                                                    ? query_force_plan(request)
                                                    : query_plan(request, &change));
        if (request->handler->count >= PENDING_MAX) {
                (void)request_fail(request, VERB_EXIT_FAILED, "", "try again",
                                   "%d requests are being worked on already", PENDING_MAX);
                request->error.retry = true;
                return send_failure(request);
        }
        struct pending *pending = pending_add(request);
        if (verb_id(request->verb) == VERB_FENCE_ADD && request->services->fence_check != NULL) {
                pending->change = change;
                definition = NULL;
                request->services->fence_check(request->services->context, request->token,
                                               &change.command.fence_add);
                return;
        }
        if (verb_id(request->verb) == VERB_WITNESS_SET && request->services->witness_make != NULL &&
            witness_remembers(change.command.witness.witness.kind)) {
                pending->change = change;
                request->services->witness_make(request->services->context, request->token,
                                                &change.command.witness.witness);
                return;
        }
        submit(request->handler, request->token, request->client->actor, &change);
}

void request_witness_made(struct request_handler *handler, uint64_t token, bool made, const char *text)
{
        struct pending *pending = pending_find(handler, token);
        if (pending == NULL)
                return;
        if (made) {
                struct change change = pending->change;
                char actor[ACTOR_BYTES];
                TEXT_COPY(actor, pending->actor);
                submit(handler, token, actor, &change);
                return;
        }
        struct request request = request_of(handler, pending);
        (void)request_fail(&request, VERB_EXIT_REFUSED, "a witness must be where the nodes find it",
                           "mount it on every node; what lies there as " WITNESS_FILE_NAME
                           " and is of no use may be deleted",
                           "witness in %s: %s", pending->change.command.witness.witness.place, text);
        send_failure(&request);
        pending_remove(handler, pending);
}

void request_fence_checked(struct request_handler *handler, uint64_t token, bool ok, const char *text)
{
        struct pending *pending = pending_find(handler, token);
        if (pending == NULL)
                return;
        if (ok) {
                struct change change =
                        pending->change; /* the answer may come, and free it, before submit returns */
                char actor[ACTOR_BYTES];
                TEXT_COPY(actor, pending->actor);
                submit(handler, token, actor, &change);
                return;
        }
        struct request request = request_of(handler, pending);
        (void)request_fail(&request, VERB_EXIT_REFUSED, "a fence agent must be there and know its options",
                           "correct --agent or --option; AGENT -o metadata explains them",
                           "fence device %s: %s", pending->name, text);
        send_failure(&request);
        pending_remove(handler, pending);
}

static void handle_fence_test(struct request *request)
{
        const struct fence_device *devices[FENCE_DEVICES_MAX];
        const struct node *node;
        size_t count = 0;

        if (request_node(request, &node) < 0)
                return send_failure(request);
        MODEL_EACH_FENCE_DEVICE (request->model, device)
                if (node_set_has(device->targets, node->id))
                        devices[count++] = device;
        if (count == 0) {
                (void)request_fail(request, VERB_EXIT_NO_OBJECT, "",
                                   "clu fence add NAME --agent AGENT --nodes NODE",
                                   "no fence device can turn %s off", node->name);
                return send_failure(request);
        }
        struct pending *pending = pending_add(request);
        pending->tests = json_array();
        pending->tests_missing = count;
        for (size_t i = 0; i < count; i++)
                request->services->fence_test(request->services->context, request->token, devices[i],
                                              node->name);
}

void request_fence_tested(struct request_handler *handler, uint64_t token, const char *device, bool known,
                          bool on, const char *text, uint32_t duration_ms)
{
        struct pending *pending = pending_find(handler, token);
        size_t failed = 0, at;
        json_t *test, *error = NULL;

        if (pending == NULL || pending->tests == NULL)
                return;
        const struct fence_device *registered =
                model_fence_device(cluster_model(handler->services.cluster), device);
        json_array_append_new(pending->tests,
                              json_pack("{s:s, s:i, s:b, s:o, s:I, s:o}", "device", device, "level",
                                        registered == NULL ? 0 : (int)registered->level, "answers", known,
                                        "power", known ? json_string(on ? "on" : "off") : json_null(),
                                        "duration_ms", (json_int_t)duration_ms, "text", document_text(text)));
        if (--pending->tests_missing > 0)
                return;
        json_array_foreach(pending->tests, at, test) failed +=
                !json_is_true(json_object_get(test, "answers"));
        if (failed > 0) {
                struct request request = request_of(handler, pending);
                (void)request_fail(&request, VERB_EXIT_FAILED, "",
                                   "check the address and the options of the device",
                                   "%zu of %zu fence devices of %s do not answer", failed,
                                   json_array_size(pending->tests), pending->name);
                error = document_error(&request.error);
        }
        send_reply(handler, token, failed > 0 ? VERB_EXIT_FAILED : VERB_EXIT_DONE, error,
                   json_pack("{s:s, s:O}", "node", pending->name, "devices", pending->tests));
        pending_remove(handler, pending);
}

void request_verified(struct request_handler *handler, uint64_t token, const char *output)
{
        struct pending *pending = pending_find(handler, token);
        if (pending == NULL)
                return;
        if (output != NULL && output[0] == '{') {
                handler->services.reply(handler->services.context, token, output, strlen(output));
        } else {
                struct request request = request_of(handler, pending);
                (void)request_fail(&request, VERB_EXIT_FAILED, "", "see the log of clusterd",
                                   "the ledger could not be checked: %.200s",
                                   output == NULL ? "no answer" : output);
                send_failure(&request);
        }
        pending_remove(handler, pending);
}

static bool is_of_images(enum verb_id id)
{
        return id == VERB_IMAGE_LIST || id == VERB_IMAGE_CREATE || id == VERB_IMAGE_RESIZE ||
               id == VERB_IMAGE_SNAPSHOT || id == VERB_IMAGE_DELETE;
}

static json_t *image_plan(const struct request *request, const struct image_order *order)
{
        return json_pack("{s:[{s:s, s:o, s:s}], s:b}", "steps", "command", request->verb->name, "subject",
                         document_text(order->path), "reason", "by the node that coordinates the volume",
                         "cut", false);
}

static void handle_image(struct request *request)
{
        struct image_order order = { .format = NULL };
        if (request_image(request, &order) < 0)
                return send_failure(request);
        if (request->plan)
                return send_result(request, image_plan(request, &order));
        if (request->handler->count >= PENDING_MAX) {
                (void)request_fail(request, VERB_EXIT_FAILED, "", "try again",
                                   "%d requests are being worked on already", PENDING_MAX);
                request->error.retry = true;
                return send_failure(request);
        }
        (void)pending_add(request);
        request->services->image(request->services->context, request->token, order.argv);
}

void request_image_done(struct request_handler *handler, uint64_t token, bool done, const char *output)
{
        struct pending *pending = pending_find(handler, token);
        if (pending == NULL)
                return;
        struct request request = request_of(handler, pending);
        if (!done)
                (void)request_fail(&request, VERB_EXIT_FAILED, "", "", "%s of volume %s failed: %.600s",
                                   pending->verb->name, pending->name, output);
        send_result(&request, !done                                       ? NULL
                              : verb_id(pending->verb) == VERB_IMAGE_LIST ? document_images(output)
                                                                          : json_object());
        pending_remove(handler, pending);
}

static void handle_verify(struct request *request)
{
        (void)pending_add(request);
        request->services->verify(request->services->context, request->token);
}

static json_t *outcome_result(struct request_handler *handler, const struct pending *pending, uint64_t index)
{
        struct request request = request_of(handler, pending);
        json_t *result = json_pack("{s:I}", "index", (json_int_t)index);
        if (verb_id(pending->verb) == VERB_QUORUM_FORCE)
                json_object_set_new(result, "text",
                                    json_string("this node goes on alone; what others decided and it has not "
                                                "heard is lost; nothing is started before they are back or "
                                                "proven off: clu quorum show tells who lacks"));
        const struct role *role = model_role(request.model, pending->name);
        const struct node *node = model_node_by_name(request.model, pending->name);

        if (text_equal(pending->verb->noun, "role") && role != NULL)
                json_object_set_new(result, "role", document_role_row(request.model, role));
        if ((text_equal(pending->verb->noun, "node") || verb_id(pending->verb) == VERB_FENCE_TEST) &&
            node != NULL)
                json_object_set_new(result, "node", document_node(&request, node));
        return result;
}

/* The core says what became of the request, this adds the arithmetic. */
static void no_quorum(struct request *request, const char *subject, const char *reason)
{
        struct quorum_view view = request_quorum_view(request);
        struct outlook outlook = outlook_of(&view.voters, view.here, view.witness);
        (void)request_fail(request, VERB_EXIT_NO_QUORUM, "a majority of the voters must store it",
                           "look at clu quorum show before you try again",
                           "%s %s %snot done: %s; %u of %u votes are here, %u are needed",
                           request->verb->noun, request->verb->name, subject, reason, outlook.present,
                           outlook.votes, outlook.needed);
}

static void outcome_error(struct request *request, const char *subject, enum reply_outcome outcome,
                          const char *reason)
{
        const struct verb *verb = request->verb;
        switch (outcome) {
        case REPLY_REFUSED:
                (void)request_fail(request, VERB_EXIT_REFUSED, reason, "", "%s %s %srefused: %s", verb->noun,
                                   verb->name, subject, reason);
                return;
        case REPLY_NO_QUORUM:
                no_quorum(request, subject, reason);
                return;
        case REPLY_NO_OBJECT:
                (void)request_fail(request, VERB_EXIT_NO_OBJECT, "", "", "%s", reason);
                return;
        case REPLY_BUSY:
                (void)request_fail(request, VERB_EXIT_FAILED, "", "try again", "%s", reason);
                request->error.retry = true;
                return;
        case REPLY_DONE:
        case REPLY_OUTCOME_COUNT:
                break;
        }
        assert(!"not a failure");
}

void request_reply(struct request_handler *handler, uint64_t token, enum reply_outcome outcome,
                   uint64_t index, const char *reason)
{
        struct pending *pending = pending_find(handler, token);
        if (pending == NULL)
                return;
        struct request request = request_of(handler, pending);
        char subject[NAME_BYTES + 1];
        TEXT_PRINT(subject, "%s%s", pending->name, pending->name[0] == '\0' ? "" : " ");
        if (outcome == REPLY_DONE) {
                send_result(&request, outcome_result(handler, pending, index));
        } else {
                const struct command *command = &pending->change.command;
                /* Refused for good: what was made for it is of no use. */
                if (outcome == REPLY_REFUSED && command->kind == COMMAND_WITNESS_SET)
                        handler->services.witness_remove(handler->services.context,
                                                         &command->witness.witness);
                outcome_error(&request, subject, outcome, reason);
                send_failure(&request);
        }
        pending_remove(handler, pending);
}

static json_t *(*const queries[VERB_COUNT])(struct request *request) = {
        [VERB_CLUSTER_STATUS] = query_cluster_status, [VERB_NODE_LIST] = query_node_list,
        [VERB_NODE_SHOW] = query_node_show,           [VERB_QUORUM_SHOW] = query_quorum_show,
        [VERB_ROLE_SHOW] = query_role_show,           [VERB_ROLE_WHY] = query_role_why,
        [VERB_VOLUME_LIST] = query_volume_list,       [VERB_VOLUME_SHOW] = query_volume_show,
        [VERB_FENCE_LIST] = query_fence_list,         [VERB_FENCE_SHOW] = query_fence_show,
        [VERB_FENCE_HISTORY] = query_fence_history,   [VERB_EVENT_LIST] = query_event_list,
        [VERB_LEDGER_LIST] = query_ledger_list,
};

static void send_role_list(struct request *request)
{
        SCOPED_FREE char *text = role_list_reply(request->model);
        request->services->reply(request->services->context, request->token, text, strlen(text));
}

/* A verb with a deed changes something only when that is asked for. */
static bool request_changes(const struct request *request)
{
        const char *deed = request->verb->deed;
        return request->verb->changes && (deed == NULL || request_flag(request, deed));
}

static void dispatch(struct request *request)
{
        enum verb_id id = verb_id(request->verb);
        if (id == VERB_FENCE_TEST && !request_changes(request))
                handle_fence_test(request);
        else if (id == VERB_ROLE_LIST)
                send_role_list(request);
        else if (is_of_images(id))
                handle_image(request);
        else if (id == VERB_LEDGER_VERIFY)
                handle_verify(request);
        else if (request->verb->changes)
                handle_change(request);
        else
                send_result(request, queries[id](request));
}

/* Who, what and with which arguments; document is the client's. */
static int read_request(struct request *request, const json_t *document)
{
        const char *path = json_string_value(json_object_get(document, "verb"));
        json_t *arguments = json_object_get(document, "arguments");
        const json_t *plan = json_object_get(document, "plan");

        request->verb = path == NULL ? NULL : verb_find_path(path);
        if (request->verb == NULL)
                return request_fail(request, VERB_EXIT_USAGE, "", "use clu and clusterd of the same version",
                                    "\"verb\" should name one of this daemon's, not %.48s",
                                    path == NULL ? "nothing" : path);
        request->arguments = arguments == NULL ? json_object() : json_incref(arguments);
        if (!json_is_object(request->arguments))
                return request_fail(request, VERB_EXIT_USAGE, "", "", "\"arguments\" should be an object");
        /* Whoever wanted a plan and said it badly must not get the deed. */
        if (plan != NULL && !json_is_boolean(plan))
                return request_fail(request, VERB_EXIT_USAGE, "", "", "\"plan\" should be true or false");
        request->plan = json_is_true(plan);
        if (request->plan && !request_changes(request))
                return request_fail(request, VERB_EXIT_USAGE, "", "",
                                    "%s %s changes nothing: there is nothing to plan", request->verb->noun,
                                    request->verb->name);
        if (request_changes(request) && !request->plan && !request->client->may_change)
                return request_fail(request, VERB_EXIT_REFUSED,
                                    "only root and group clu-admin may change things",
                                    "become a member of clu-admin, or add --plan to see what would happen",
                                    "%s may look, but not change", request->client->actor);
        return request_arguments_check(request);
}

void request_handle(struct request_handler *handler, uint64_t token, const struct ipc_client *client,
                    const char *bytes, size_t count)
{
        json_error_t where;
        json_t *document = json_loadb(bytes, count, JSON_REJECT_DUPLICATES, &where);
        struct request request = { .handler = handler,
                                   .services = &handler->services,
                                   .model = cluster_model(handler->services.cluster),
                                   .token = token,
                                   .client = client };

        if (!json_is_object(document)) {
                (void)request_fail(&request, VERB_EXIT_USAGE, "", "",
                                   "a request is one JSON object; this is not: %s (byte %d)",
                                   document == NULL ? where.text : "another value",
                                   document == NULL ? where.position : 0);
                send_failure(&request);
        } else if (read_request(&request, document) < 0) {
                send_failure(&request);
        } else {
                dispatch(&request);
        }
        json_decref(request.arguments);
        json_decref(document);
}
