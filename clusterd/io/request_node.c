/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/request_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "clusterd/core/fence_level.h"
#include "clusterd/core/role_state.h"

/* What the roles add up to, node by node. */
struct node_load {
        uint32_t roles;
        uint64_t memory_mib;
        uint32_t returning; /* roles that were drained from it and are not back */
};

static void add_load(const struct role *role, struct node_load loads[NODES_MAX + 1])
{
        loads[role->owner].roles++;
        loads[role->owner].memory_mib += role->memory_mib;
        if (role->target != NODE_NONE && role->target != role->owner) {
                loads[role->target].roles++;
                loads[role->target].memory_mib += role->memory_mib;
        }
        if (role->failback != role->owner)
                loads[role->failback].returning++;
}

static void count_loads(const struct model *model, struct node_load loads[NODES_MAX + 1])
{
        memset(loads, 0, (NODES_MAX + 1) * sizeof(loads[0]));
        MODEL_EACH_ROLE (model, role)
                add_load(role, loads);
}

/* One word for what counts most about a node. */
static const char *node_word(const struct node *node, const struct cluster_status *status)
{
        if (node->evicted)
                return "evicted";
        if (node->state == NODE_LOST && node_set_has(status->isolated, node->id))
                return "isolated"; /* cut off, not dead: it renews its lease on a volume that we see */
        if (node->state != NODE_UP)
                return node_state_name(node->state);
        if (!node_set_has(status->members, node->id))
                return "silent"; /* its daemon does not speak to us; nothing is decided about it yet */
        return node->duty == DUTY_ACTIVE ? "up" : node_duty_name(node->duty);
}

static json_t *node_row(const struct request *request, const struct node *node,
                        const struct cluster_status *status, const struct node_load *load)
{
        const struct model *model = request->model;
        json_t *document = json_object();
        json_object_set_new(document, "name", document_text(node->name));
        json_object_set_new(document, "id", json_integer(node->id));
        json_object_set_new(document, "state", json_string(node_word(node, status)));
        json_object_set_new(document, "duty", json_string(node_duty_name(node->duty)));
        json_object_set_new(document, "member", json_boolean(node_set_has(status->members, node->id)));
        json_object_set_new(document, "connected", json_boolean(node_set_has(status->connected, node->id)));
        json_object_set_new(document, "voter", json_boolean(node_set_has(model->settings.voters, node->id)));
        json_object_set_new(document, "quorum_priority", json_integer(node->quorum_priority));
        json_object_set_new(document, "level", json_boolean(node_set_has(status->level, node->id)));
        json_object_set_new(document, "watchdog", json_boolean(node->watchdog));
        json_object_set_new(document, "roles", json_integer(load->roles));
        json_object_set_new(document, "returning", json_integer(load->returning));
        json_object_set_new(document, "memory_mib", json_integer(node->memory_mib));
        json_object_set_new(document, "memory_used_mib", json_integer((json_int_t)load->memory_mib));
        json_object_set_new(document, "cpus", json_integer(node->cpus));
        json_object_set_new(document, "address", document_text(node->address));
        json_object_set_new(document, "reason", document_text(node->reason));
        json_object_set_new(document, "agents_missing", document_agents_missing(request, node));
        return document;
}

static json_t *node_rows(const struct request *request, const struct cluster_status *status)
{
        struct node_load loads[NODES_MAX + 1];
        json_t *rows = json_array();
        count_loads(request->model, loads);
        MODEL_EACH_NODE (request->model, node)
                json_array_append_new(rows, node_row(request, node, status, &loads[node->id]));
        return rows;
}

json_t *query_node_list(struct request *request)
{
        struct cluster_status status;
        cluster_status_read(request->services->cluster, &status);
        return json_pack("{s:o}", "nodes", node_rows(request, &status));
}

static int compare_texts(const void *a, const void *b)
{
        return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool role_is_at(const struct role *role, uint32_t node)
{
        return role->owner == node || role->target == node;
}

static json_t *role_names(const struct model *model, uint32_t node)
{
        SCOPED_FREE const char **names = calloc(model->role_count + 1, sizeof(*names));
        size_t count = 0;
        json_t *list = json_array();

        assert(names != NULL);
        MODEL_EACH_ROLE (model, role)
                if (role_is_at(role, node))
                        names[count++] = role->name;
        qsort(names, count, sizeof(*names), compare_texts);
        for (size_t i = 0; i < count; i++)
                json_array_append_new(list, json_string(names[i]));
        return list;
}

/* Roles elsewhere that it writes for, or may write for yet: it is not drained before that has ended. */
static json_t *export_names(const struct model *model, uint32_t node)
{
        json_t *list = json_array();
        MODEL_EACH_ROLE (model, role)
                if (role_is_exported_by(role, node))
                        json_array_append_new(list, json_string(role->name));
        return list;
}

json_t *document_node(const struct request *request, const struct node *node)
{
        struct cluster_status status;
        struct node_load loads[NODES_MAX + 1];
        const struct message_heartbeat *heartbeat = cluster_heartbeat(request->services->cluster, node->id);

        cluster_status_read(request->services->cluster, &status);
        count_loads(request->model, loads);
        json_t *document = node_row(request, node, &status, &loads[node->id]);
        json_object_set_new(document, "shut_down",
                            node->shut_down == SHUT_DOWN_NONE ? json_null()
                                                              : json_string(shut_down_name(node->shut_down)));
        json_object_set_new(document, "incarnation", json_integer((json_int_t)node->incarnation));
        json_object_set_new(document, "migration_address", document_text(node->migration_address));
        json_object_set_new(document, "since_index", json_integer((json_int_t)node->since_index));
        json_object_set_new(document, "lost_index", json_integer((json_int_t)node->lost_index));
        json_object_set_new(document, "test",
                            json_pack("{s:o, s:s, s:i}", "level",
                                      node->test_level == 0 ? json_null() : json_integer(node->test_level),
                                      "step", node->test_off ? "on" : "off", "failed",
                                      (int)node->test_failed));
        json_object_set_new(document, "evidence",
                            node->evidence.kind == EVIDENCE_NONE
                                    ? json_null()
                                    : json_pack("{s:s, s:I, s:o}", "kind",
                                                evidence_kind_name(node->evidence.kind), "index",
                                                (json_int_t)node->evidence.index, "by",
                                                document_text(node->evidence.text)));
        json_object_set_new(document, "memory_free_mib",
                            heartbeat == NULL ? json_null() : json_integer(heartbeat->memory_free_mib));
        json_object_set_new(document, "load_percent",
                            heartbeat == NULL ? json_null() : json_integer(heartbeat->load_percent));
        json_object_set_new(document, "role_names", role_names(request->model, node->id));
        json_object_set_new(document, "exports", export_names(request->model, node->id));
        return document;
}

json_t *query_node_show(struct request *request)
{
        const struct node *node;
        if (request_node(request, &node) < 0)
                return NULL;
        json_t *document = document_node(request, node), *history = query_node_history(request, node);
        if (history != NULL)
                json_object_set_new(document, "history", history);
        return document;
}

static json_t *role_counts(const struct model *model)
{
        json_int_t counts[ROLE_STATE_COUNT] = { 0 };
        json_t *document = json_pack("{s:i}", "total", (int)model->role_count);
        json_int_t stalled = 0;
        MODEL_EACH_ROLE (model, role) {
                counts[role->state]++;
                stalled += role->stall.index != 0;
        }
        for (enum role_state state = 0; state < ROLE_STATE_COUNT; state++)
                json_object_set_new(document, role_state_name(state), json_integer(counts[state]));
        json_object_set_new(document, "stalled", json_integer(stalled)); /* of those that are online */
        return document;
}

json_t *query_cluster_status(struct request *request)
{
        struct cluster_status status;
        const struct settings *settings = &request->model->settings;
        struct quorum_view view = request_quorum_view(request);
        struct outlook outlook = outlook_of(&view.voters, view.here, view.witness);

        cluster_status_read(request->services->cluster, &status);
        json_t *document = json_object();
        json_object_set_new(document, "name", document_text(settings->cluster_name));
        json_object_set_new(document, "quorate", json_boolean(status.primary));
        json_object_set_new(document, "active", json_boolean(status.active));
        json_object_set_new(document, "leader", document_node_name(request->model, status.leader));
        json_object_set_new(document, "epoch", json_integer((json_int_t)status.epoch));
        json_object_set_new(document, "index", json_integer((json_int_t)status.last.index));
        json_object_set_new(document, "applied", json_integer((json_int_t)status.applied.index));
        json_object_set_new(document, "guard_valid", json_boolean(status.guard_valid));
        json_object_set_new(document, "votes", document_votes(&outlook));
        json_object_set_new(document, "settings",
                            json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "max_moves",
                                      (int)settings->moves_max, "isolation_hold_ms",
                                      (int)settings->isolation_hold_ms, "stop_grace_ms",
                                      (int)settings->stop_grace_ms, "watchdog_ms", (int)settings->watchdog_ms,
                                      "margin_ms", (int)settings->margin_ms, "quarantine_losses",
                                      (int)settings->quarantine_losses, "quarantine_window_ms",
                                      (int)settings->quarantine_window_ms, "quarantine_ms",
                                      (int)settings->quarantine_ms, "pause_ms", (int)settings->pause_ms));
        json_object_set_new(json_object_get(document, "settings"), "lease_renew_ms",
                            json_integer(settings->lease_renew_ms));
        json_object_set_new(json_object_get(document, "settings"), "lease_ms",
                            json_integer(settings->lease_ms));
        json_object_set_new(json_object_get(document, "settings"), "lease_stop_ms",
                            json_integer(settings->lease_stop_ms));
        json_object_set_new(json_object_get(document, "settings"), "resiliency_ms",
                            json_integer(settings->resiliency_ms));
        json_object_set_new(json_object_get(document, "settings"), "stall_limit_ms",
                            json_integer(settings->stall_limit_ms));
        json_object_set_new(json_object_get(document, "settings"), "dynamic_quorum",
                            json_boolean(settings->dynamic_quorum));
        json_object_set_new(document, "nodes", node_rows(request, &status));
        json_object_set_new(document, "roles", role_counts(request->model));
        json_object_set_new(document, "warnings", document_warnings(request, &status));
        return document;
}
