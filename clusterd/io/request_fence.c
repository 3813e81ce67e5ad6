/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/request_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "clusterd/protocol/agent_list.h"

/* Fence devices, and what was done with them. */

#define HISTORY_DEFAULT 50
#define HISTORY_SHOWN   10 /* with the node itself */

/* Entries that are looked through: the loop waits 6 us for each. clu asks for a node each 100 ms while it
 * waits. */
#define NODE_HISTORY_READ 100
#define HISTORY_READ      4000 /* shared by the nodes */

static int compare_devices(const void *a, const void *b)
{
        return strcmp((*(const struct fence_device *const *)a)->name,
                      (*(const struct fence_device *const *)b)->name);
}

/* Any node may have to lead, and runs it then. Of those that follow the ledger; the others cannot know. */
static enum agent_presence agent_at(const struct request *request, const struct node *node,
                                    const struct fence_device *device)
{
        const struct message_heartbeat *heartbeat = cluster_heartbeat(request->services->cluster, node->id);
        return heartbeat == NULL ? AGENT_UNKNOWN : agent_list_read(heartbeat, device->agent);
}

static json_t *names_lacking(const struct request *request, const struct fence_device *device)
{
        json_t *names = json_array();
        MODEL_EACH_NODE (request->model, node)
                if (agent_at(request, node, device) == AGENT_MISSING)
                        json_array_append_new(names, document_text(node->name));
        return names;
}

json_t *document_agents_missing(const struct request *request, const struct node *node)
{
        json_t *names = json_array();
        const char *last = "";
        MODEL_EACH_FENCE_DEVICE (request->model, device) {
                if (!text_equal(device->agent, last) && agent_at(request, node, device) == AGENT_MISSING)
                        json_array_append_new(names, document_text(device->agent));
                last = device->agent;
        }
        return names;
}

static json_t *document_device(const struct request *request, const struct fence_device *device)
{
        return json_pack("{s:s, s:s, s:o, s:i, s:i, s:I, s:o}", "name", device->name, "agent", device->agent,
                         "nodes", document_node_set(request->model, device->targets), "level",
                         (int)device->level, "together", (int)device->together, "timeout_ms",
                         (json_int_t)device->timeout_ms, "missing", names_lacking(request, device));
}

json_t *query_fence_show(struct request *request)
{
        const struct fence_device *device = model_fence_device(request->model, request->name);
        struct cluster_status status;
        json_t *agents = json_array();
        if (device == NULL) {
                json_decref(agents);
                (void)request_fail(request, VERB_EXIT_NO_OBJECT, "", "clu fence list names them",
                                   "there is no fence device %s", request->name);
                return NULL;
        }
        cluster_status_read(request->services->cluster, &status);
        MODEL_EACH_NODE (request->model, node)
                json_array_append_new(agents,
                                      json_pack("{s:s, s:s, s:b}", "node", node->name, "agent",
                                                agent_presence_name(agent_at(request, node, device)), "level",
                                                (int)node_set_has(status.level & status.members, node->id)));
        json_t *document = document_device(request, device);
        json_object_set_new(document, "agents", agents);
        return document;
}

json_t *query_fence_list(struct request *request)
{
        const struct fence_device *devices[FENCE_DEVICES_MAX];
        const struct model *model = request->model;
        size_t count = 0;
        json_t *rows = json_array();

        MODEL_EACH_FENCE_DEVICE (model, device)
                devices[count++] = device;
        qsort(devices, count, sizeof(devices[0]), compare_devices);
        for (size_t i = 0; i < count; i++)
                json_array_append_new(rows, document_device(request, devices[i]));
        return json_pack("{s:o}", "devices", rows);
}

struct history {
        const struct model *model;
        json_t *rows;
};

/* Why and by whom a node was to be off, what its devices answered, what proved it in the end, what followed.
 */
static bool is_of_fencing(enum command_kind kind)
{
        return kind == COMMAND_NODE_QUARANTINE || kind == COMMAND_NODE_EVICT ||
               kind == COMMAND_NODE_RELEASE || kind == COMMAND_NODE_LOST || kind == COMMAND_NODE_FENCE ||
               kind == COMMAND_NODE_EVIDENCE || kind == COMMAND_NODE_CONFIRM_OFF ||
               kind == COMMAND_FENCE_REPORT || kind == COMMAND_FENCE_TEST || kind == COMMAND_FENCE_TESTED;
}

static json_t *report_details(const struct command *command)
{
        const struct command_fence_report *report = &command->fence_report;
        const struct command_fence_tested *tested = &command->fence_tested;
        if (command->kind == COMMAND_FENCE_REPORT && report->device[0] == '\0')
                return json_pack("{s:s, s:b, s:I}", "volume", report->volume, "succeeded",
                                 (int)report->succeeded, "duration_ms", (json_int_t)report->duration_ms);
        if (command->kind == COMMAND_FENCE_REPORT)
                return json_pack("{s:s, s:i, s:b, s:I}", "device", report->device, "level",
                                 (int)report->level, "succeeded", (int)report->succeeded, "duration_ms",
                                 (json_int_t)report->duration_ms);
        if (command->kind == COMMAND_FENCE_TESTED)
                return json_pack("{s:i, s:s, s:b, s:I}", "level", (int)tested->level, "turned",
                                 tested->on ? "on" : "off", "succeeded", (int)tested->succeeded,
                                 "duration_ms", (json_int_t)tested->duration_ms);
        return json_object();
}

static void add_history(void *context, const struct entry *entry)
{
        struct history *history = context;
        if (!is_of_fencing(entry->command.kind))
                return;
        json_t *document = document_entry(entry, history->model);
        json_object_update_new(document, report_details(&entry->command));
        json_array_append_new(history->rows, document);
}

static json_int_t index_of(const json_t *row)
{
        return json_integer_value(json_object_get(row, "index"));
}

static int compare_rows(const void *a, const void *b)
{
        json_int_t first = index_of(*(json_t *const *)a), second = index_of(*(json_t *const *)b);
        return first < second ? -1 : first > second;
}

/* Given; takes rows. */
static json_t *newest_in_order(json_t *rows, size_t limit)
{
        size_t count = json_array_size(rows), at;
        json_t **sorted = calloc(count + 1, sizeof(*sorted));
        json_t *row, *list = json_array();
        json_array_foreach(rows, at, row) sorted[at] = row;
        qsort(sorted, count, sizeof(*sorted), compare_rows);
        for (at = count > limit ? count - limit : 0; at < count; at++)
                json_array_append(list, sorted[at]);
        free(sorted);
        json_decref(rows);
        return list;
}

static int read_history(struct request *request, uint32_t node, uint32_t limit, struct history *history)
{
        char subject[32];
        TEXT_PRINT(subject, "node:%u", node);
        return request_entries(request, 1, UINT64_MAX, subject, limit, add_history, history);
}

json_t *query_node_history(struct request *request, const struct node *node)
{
        struct history history = { .model = request->model, .rows = json_array() };
        if (read_history(request, node->id, NODE_HISTORY_READ, &history) == 0)
                return newest_in_order(history.rows, HISTORY_SHOWN);
        json_decref(history.rows);
        return NULL;
}

json_t *query_fence_history(struct request *request)
{
        const struct node *only = NULL;
        node_set asked = 0;
        int64_t limit = HISTORY_DEFAULT;
        struct history history = { .model = request->model };

        if (request->name != NULL && request_node(request, &only) < 0)
                return NULL;
        MODEL_EACH_NODE (request->model, node)
                asked |= only == NULL ? node_set_of(node->id) : 0;
        asked |= only == NULL ? 0 : node_set_of(only->id);
        (void)request_number(request, "limit", &limit);
        history.rows = json_array();
        NODE_SET_EACH (asked, node) {
                if (read_history(request, node, HISTORY_READ / node_set_count(asked), &history) == 0)
                        continue;
                json_decref(history.rows);
                return NULL;
        }
        return json_pack("{s:o}", "events", newest_in_order(history.rows, (size_t)limit));
}
