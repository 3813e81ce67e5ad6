/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/request_fixture.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "quorum/voter_set.h"

const struct model *cluster_model(const struct cluster *cluster)
{
        return cluster->model;
}

void cluster_status_read(const struct cluster *cluster, struct cluster_status *ret_status)
{
        *ret_status = cluster->status;
}

void cluster_voters(const struct cluster *cluster, node_set *ret_now, node_set *ret_before)
{
        *ret_now = cluster->model->settings.voters;
        *ret_before = cluster->voters_before;
}

void cluster_voters_read(const struct cluster *cluster, struct voters *ret_voters)
{
        const struct settings *settings = &cluster->model->settings;
        *ret_voters = (struct voters){ .now = { .nodes = settings->voters,
                                                .witness = settings->voters_witness != 0 },
                                       .before = { .nodes = cluster->voters_before },
                                       .witness = settings->voters_witness };
}

void cluster_witness_read(const struct cluster *cluster, struct cluster_witness *ret_witness)
{
        *ret_witness = cluster->witness;
        ret_witness->set = cluster->model->settings.witness;
}

uint64_t cluster_retry_in_ms(const struct cluster *cluster, const char *role, uint64_t now_ms)
{
        (void)cluster;
        (void)role;
        return now_ms == 1000 ? 4000 : TIME_NEVER;
}

const struct message_heartbeat *cluster_heartbeat(const struct cluster *cluster, uint32_t node)
{
        return node == 1 ? &cluster->heartbeat : NULL;
}

const struct lease_node *cluster_lease(const struct cluster *cluster, uint32_t volume)
{
        return volume == 2 ? &cluster->lease : NULL;
}

node_set cluster_renewing(const struct cluster *cluster, uint32_t volume)
{
        (void)cluster;
        return volume == 2 ? 6 : 0;
}

void plan_command(const struct cluster *cluster, const struct command *command, struct model *scratch,
                  struct plan *ret_plan)
{
        (void)command;
        ck_assert_uint_eq(scratch->roles_max, cluster->model->roles_max);
        *ret_plan = cluster->plan;
}

static uint64_t now_ms(void *context)
{
        (void)context;
        return 1000;
}

static void keep_reply(void *context, uint64_t token, const char *text, size_t text_bytes)
{
        struct fixture *fixture = context;
        ck_assert_uint_eq(token, fixture->token);
        json_decref(fixture->reply);
        fixture->reply = json_loadb(text, text_bytes, JSON_REJECT_DUPLICATES, NULL);
        ck_assert_msg(fixture->reply != NULL, "not JSON: %.*s", (int)text_bytes, text);
        ck_assert_str_eq(json_string_value(json_object_get(fixture->reply, "schema")), "clu/1");
        fixture->reply_count++;
}

static void keep_command(void *context, uint64_t token, const char *actor, const struct command *command,
                         const char *definition, size_t definition_bytes)
{
        struct fixture *fixture = context;
        ck_assert_uint_eq(token, fixture->token);
        ck_assert_str_eq(actor, fixture->client.actor);
        fixture->command = *command;
        fixture->submit_count++;
        ck_assert_uint_lt(definition_bytes, sizeof(fixture->definition));
        if (definition != NULL)
                memcpy(fixture->definition, definition, definition_bytes);
        fixture->definition[definition_bytes] = '\0';
}

static bool entry_fits(const struct entry *entry, const struct store_query *query)
{
        char subject[128];
        command_subject(&entry->command, subject, sizeof(subject));
        return entry->index >= query->first && entry->index <= query->last &&
               (query->subject == NULL || strcmp(subject, query->subject) == 0);
}

static int query_entries(void *context, const struct store_query *query, store_on_entry on_entry,
                         void *entry_context)
{
        struct fixture *fixture = context;
        size_t fitting = 0;
        fixture->entries_asked += query->limit;
        for (size_t i = 0; i < fixture->entry_count; i++)
                fitting += entry_fits(&fixture->entries[i], query);
        size_t skip = fitting > query->limit ? fitting - query->limit : 0;
        for (size_t i = 0; i < fixture->entry_count; i++)
                if (entry_fits(&fixture->entries[i], query) && skip-- == 0) {
                        skip = 0;
                        on_entry(entry_context, &fixture->entries[i]);
                }
        return 0;
}

static int read_definition(void *context, const uint8_t hash[HASH_BYTES], char **ret_text, size_t *ret_bytes)
{
        const struct fixture *fixture = context;
        (void)hash;
        *ret_text = strdup(fixture->stored != NULL ? fixture->stored : "<domain/>");
        *ret_bytes = strlen(*ret_text);
        return 0;
}

static int check_ocf(void *context, const char *text, size_t text_bytes, char *ret_error, size_t error_bytes)
{
        (void)context;
        if (memmem(text, text_bytes, "\"agents\"", 8) != NULL)
                return 0;
        (void)snprintf(ret_error, error_bytes, "\"agents\" is missing");
        return -EINVAL;
}

static bool volume_space(void *context, uint64_t identity, uint64_t *ret_free_bytes, uint64_t *ret_size_bytes)
{
        (void)context;
        *ret_size_bytes = 1000000;
        *ret_free_bytes = identity == 8 ? 99999 : 100000;
        return identity != 9;
}

static bool move_progress(void *context, struct hypervisor_progress *ret_progress)
{
        (void)context;
        (void)ret_progress;
        return false;
}

static void fence_check(void *context, uint64_t token, const struct fence_device *device)
{
        (void)token;
        (void)device;
        ((struct fixture *)context)->fence_checks++;
}

static void fence_test(void *context, uint64_t token, const struct fence_device *device,
                       const char *node_name)
{
        (void)token;
        (void)device;
        ck_assert_str_ne(node_name, "-");
        ((struct fixture *)context)->fence_tests++;
}

static void verify(void *context, uint64_t token)
{
        (void)context;
        (void)token;
}

static void image(void *context, uint64_t token, const char *const *argv)
{
        struct fixture *fixture = context;
        (void)token;
        TEXT_COPY(fixture->program, argv[0]);
        while (argv[1] != NULL)
                argv++;
        TEXT_COPY(fixture->last_word, argv[0]);
}

static void add_node(struct fixture *fixture, uint32_t id, const char *name)
{
        struct object object = { .kind = OBJECT_NODE,
                                 .node = { .id = id, .state = NODE_UP, .memory_mib = 4096, .cpus = 4 } };
        TEXT_COPY(object.node.name, name);
        ck_assert_int_eq(model_put(fixture->cluster.model, &object), 0);
}

void fixture_add_role(struct fixture *fixture, const char *name, enum role_state state, uint32_t owner)
{
        struct object object = { .kind = OBJECT_ROLE,
                                 .role = { .state = state,
                                           .owner = owner,
                                           .generation = 3,
                                           .desired = DESIRED_RUNNING,
                                           .memory_mib = 512,
                                           .reason = "started as wanted" } };
        TEXT_COPY(object.role.name, name);
        ck_assert_int_eq(model_put(fixture->cluster.model, &object), 0);
}

struct entry *fixture_add_entry(struct fixture *fixture, enum command_kind kind)
{
        ck_assert_uint_lt(fixture->entry_count, FIXTURE_ENTRIES_MAX);
        struct entry *entry = &fixture->entries[fixture->entry_count++];
        *entry = (struct entry){
                .epoch = 2, .index = fixture->entry_count, .time_ms = 1700000000000, .actor = "planner"
        };
        entry->command.kind = kind;
        fixture->cluster.status.applied.index = fixture->cluster.status.last.index = entry->index;
        return entry;
}

void fixture_open(struct fixture *fixture)
{
        memset(fixture, 0, sizeof(*fixture));
        struct cluster *cluster = &fixture->cluster;
        cluster->model = model_init(calloc(1, model_bytes(FIXTURE_ROLES_MAX)), FIXTURE_ROLES_MAX);
        cluster->status = (struct cluster_status){ .active = true,
                                                   .primary = true,
                                                   .epoch = 2,
                                                   .leader = 1,
                                                   .members = 7,
                                                   .connected = 7,
                                                   .level = 7,
                                                   .guard_valid = true };
        struct object settings = { .kind = OBJECT_SETTINGS, .settings = settings_default };
        settings.settings.voters = 7;
        TEXT_COPY(settings.settings.cluster_name, "test");
        ck_assert_int_eq(model_put(cluster->model, &settings), 0);
        add_node(fixture, 1, "n1");
        add_node(fixture, 2, "n2");
        add_node(fixture, 3, "n3");
        fixture_add_role(fixture, "vm01", ROLE_ONLINE, 1);
        fixture->client = (struct ipc_client){ .may_change = true, .actor = "root" };
        fixture->handler = request_handler_new(&(struct request_services){ .context = fixture,
                                                                           .cluster = cluster,
                                                                           .now_ms = now_ms,
                                                                           .reply = keep_reply,
                                                                           .submit = keep_command,
                                                                           .query_entries = query_entries,
                                                                           .read_definition = read_definition,
                                                                           .check_ocf = check_ocf,
                                                                           .volume_space = volume_space,
                                                                           .move_progress = move_progress,
                                                                           .fence_check = fence_check,
                                                                           .fence_test = fence_test,
                                                                           .node = 1,
                                                                           .image = image,
                                                                           .verify = verify });
}

void fixture_close(struct fixture *fixture)
{
        request_handler_free(fixture->handler);
        json_decref(fixture->reply);
        free(fixture->cluster.model);
}

json_t *fixture_send(struct fixture *fixture, const char *text)
{
        uint32_t before = fixture->reply_count;
        /* exactly these bytes, no closing zero: the handler may not read on */
        char *bytes = malloc(strlen(text) + 1);
        memcpy(bytes, text, strlen(text));
        fixture->token++;
        request_handle(fixture->handler, fixture->token, &fixture->client, bytes, strlen(text));
        free(bytes);
        return fixture->reply_count == before ? NULL : fixture->reply;
}

json_t *fixture_ask(struct fixture *fixture, const char *verb, const char *arguments, bool plan)
{
        size_t text_bytes = strlen(arguments) + 128;
        char *text = malloc(text_bytes);
        snprintf(text, text_bytes, "{\"verb\":\"%s\",\"arguments\":%s,\"plan\":%s}", verb, arguments,
                 plan ? "true" : "false");
        json_t *reply = fixture_send(fixture, text);
        free(text);
        return reply;
}

int reply_exit(json_t *reply)
{
        ck_assert_msg(reply != NULL, "no reply yet");
        return (int)json_integer_value(json_object_get(reply, "exit"));
}

const char *reply_message(json_t *reply)
{
        const char *message = json_string_value(json_object_get(json_object_get(reply, "error"), "message"));
        return message == NULL ? "" : message;
}

void fixture_add_volume(struct fixture *fixture, uint32_t id, const char *name, uint64_t identity)
{
        struct object object = { .kind = OBJECT_VOLUME,
                                 .volume = { .id = id,
                                             .state = VOLUME_READY,
                                             .identity = identity,
                                             .trouble = "n3: it hangs",
                                             .paths = { [PATH_DIRECT] = 1, [PATH_HANGS] = 4 } } };
        TEXT_COPY(object.volume.name, name);
        TEXT_PRINT(object.volume.path, "/%s", name);
        ck_assert_int_eq(model_put(fixture->cluster.model, &object), 0);
}
