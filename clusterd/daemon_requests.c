/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/daemon_private.h"

#include <stdlib.h>

/* What clients ask, between IPC and the request handler. */

static uint64_t now_ms(void *context)
{
        (void)context;
        return clock_boot_ms();
}

static void reply(void *context, uint64_t token, const char *text, size_t bytes)
{
        struct daemon *daemon = context;
        ipc_reply(daemon->ipc, token, text, bytes);
}

static void submit(void *context, uint64_t token, const char *actor, const struct command *command,
                   const char *definition, size_t definition_bytes)
{
        struct daemon *daemon = context;
        struct cluster_event event = { .kind = CLUSTER_EVENT_REQUEST };
        if (definition != NULL)
                store_put_definition(daemon->store, definition, definition_bytes);
        event.request.token = token;
        event.request.command = command;
        TEXT_COPY(event.request.actor, actor);
        daemon_deliver(daemon, &event);
}

static int query_entries(void *context, const struct store_query *query, store_on_entry on_entry,
                         void *entry_context)
{
        struct daemon *daemon = context;
        return store_query_entries(daemon->store, query, on_entry, entry_context);
}

static int read_definition(void *context, const uint8_t hash[HASH_BYTES], char **ret_text, size_t *ret_bytes)
{
        struct daemon *daemon = context;
        return store_read_definition(daemon->store, hash, ret_text, ret_bytes);
}

static int check_ocf(void *context, const char *text, size_t bytes, char *ret_error, size_t error_bytes)
{
        struct daemon *daemon = context;
        return ocf_definition_check(text, bytes, daemon->ocf_root, ret_error, error_bytes);
}

static bool move_progress(void *context, struct hypervisor_progress *ret_progress)
{
        struct daemon *daemon = context;
        return hypervisor_progress_read(daemon->hypervisor, ret_progress);
}

static bool volume_space(void *context, uint64_t identity, uint64_t *ret_free_bytes, uint64_t *ret_size_bytes)
{
        struct daemon *daemon = context;
        return volume_paths_space(daemon->paths, identity, ret_free_bytes, ret_size_bytes);
}

/* A question to a fence agent or to `clusterd --verify`, until it is answered. */
struct question {
        struct daemon *daemon;
        uint64_t token;
        char device[NAME_BYTES];
};

static struct question *question_new(struct daemon *daemon, uint64_t token, const char *device)
{
        struct question *question = calloc(1, sizeof *question);
        if (question == NULL)
                abort();
        question->daemon = daemon;
        question->token = token;
        TEXT_COPY(question->device, device);
        return question;
}

static void on_fence_checked(void *context, const struct fence_outcome *outcome)
{
        SCOPED_FREE struct question *question = context;
        request_fence_checked(question->daemon->handler, question->token, outcome->done, outcome->text);
}

static void fence_check(void *context, uint64_t token, const struct fence_device *device)
{
        struct daemon *daemon = context;
        fence_agent_check(daemon->runner, device, on_fence_checked,
                          question_new(daemon, token, device->name));
}

static void on_fence_tested(void *context, const struct fence_outcome *outcome)
{
        SCOPED_FREE struct question *question = context;
        request_fence_tested(question->daemon->handler, question->token, question->device, outcome->known,
                             outcome->on, outcome->text, outcome->duration_ms);
}

static void fence_test(void *context, uint64_t token, const struct fence_device *device,
                       const char *node_name)
{
        struct daemon *daemon = context;
        fence_agent_status(daemon->runner, device, node_name, on_fence_tested,
                           question_new(daemon, token, device->name));
}

static void on_verified(void *context, const struct process_result *result)
{
        SCOPED_FREE struct question *question = context;
        bool answered = !result->timed_out && result->exit_code >= 0 && result->exit_code < 126;
        request_verified(question->daemon->handler, question->token, answered ? result->output : NULL);
}

static void verify(void *context, uint64_t token)
{
        struct daemon *daemon = context;
        const char *argv[] = { daemon->program, "--verify", daemon->ledger_path, NULL };
        struct process_request request = {
                .argv = argv,
                .timeout_ms = 120000,
                .on_exit = on_verified,
                .context = question_new(daemon, token, ""),
        };
        process_run(daemon->runner, &request);
}

/* A volume may take its time, or hang: the client hears of that, and what was begun is ended. */
#define IMAGE_TIMEOUT_MS 90000

static void on_image_done(void *context, const struct process_result *result)
{
        SCOPED_FREE struct question *question = context;
        request_image_done(question->daemon->handler, question->token,
                           !result->timed_out && result->exit_code == 0,
                           result->timed_out ? "not done after 90 s, and ended" : result->output);
}

static void image(void *context, uint64_t token, const char *const *argv)
{
        struct daemon *daemon = context;
        size_t last = 0;
        while (argv[last + 1] != NULL)
                last++;
        log_notice("work on images" QB_XS " program=%s last=%s", argv[0], argv[last]);
        struct process_request request = {
                .argv = argv,
                .timeout_ms = IMAGE_TIMEOUT_MS,
                .on_exit = on_image_done,
                .context = question_new(daemon, token, ""),
        };
        process_run(daemon->runner, &request);
}

static void witness_make(void *context, uint64_t token, const struct witness *witness)
{
        struct daemon *daemon = context;
        witness_port_make(daemon->witness, witness, cluster_model(daemon->cluster)->settings.cluster_name,
                          token);
}

static void witness_remove(void *context, const struct witness *witness)
{
        struct daemon *daemon = context;
        witness_port_remove(daemon->witness, witness, cluster_model(daemon->cluster)->settings.cluster_name);
}

static void on_request(void *context, uint64_t token, const struct ipc_client *client, const char *bytes,
                       size_t count)
{
        struct daemon *daemon = context;
        request_handle(daemon->handler, token, client, bytes, count);
}

static void on_client_gone(void *context, uint64_t token)
{
        struct daemon *daemon = context;
        request_gone(daemon->handler, token);
}

int daemon_open_ipc(struct daemon *daemon)
{
        struct request_services services = {
                .context = daemon,
                .cluster = daemon->cluster,
                .now_ms = now_ms,
                .reply = reply,
                .submit = submit,
                .query_entries = query_entries,
                .read_definition = read_definition,
                .check_ocf = check_ocf,
                .volume_space = volume_space,
                .move_progress = move_progress,
                .fence_check = fence_check,
                .fence_test = fence_test,
                .verify = verify,
                .node = daemon->node,
                .image = image,
                .witness_make = witness_make,
                .witness_remove = witness_remove,
        };
        struct ipc_listener listener = {
                .context = daemon,
                .on_request = on_request,
                .on_gone = on_client_gone,
        };
        daemon->handler = request_handler_new(&services);
        return ipc_new(daemon->loop, IPC_SERVICE_NAME, &listener, &daemon->ipc);
}
