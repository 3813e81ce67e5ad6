/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/request_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "clusterd/core/explain.h"
#include "clusterd/io/iscsi_gateways.h"

static void set_text(json_t *document, const char *key, const char *text)
{
        json_object_set_new_nocheck(document, key, document_text(text));
}

static void set_number(json_t *document, const char *key, uint64_t number)
{
        json_object_set_new_nocheck(document, key, json_integer((json_int_t)number));
}

static void set_node(json_t *document, const char *key, const struct model *model, uint32_t node)
{
        json_object_set_new_nocheck(document, key, document_node_name(model, node));
}

json_t *document_stall(const struct role_stall *stall)
{
        return json_pack("{s:I, s:o, s:o}", "index", (json_int_t)stall->index, "time",
                         document_time(stall->time_ms), "text", document_text(stall->text));
}

/* The last one, or the present one; without its key. */
static json_t *document_redirect(const struct model *model, const struct role_redirect *redirect)
{
        if (redirect->index == 0)
                return json_null();
        return json_pack("{s:s, s:I, s:s, s:s, s:o}", "state", redirect_state_name(redirect->state), "index",
                         (json_int_t)redirect->index, "by", model_node_name(model, redirect->exporter), "for",
                         model_node_name(model, redirect->client), "text", document_text(redirect->text));
}

json_t *document_role_row(const struct model *model, const struct role *role)
{
        json_t *document = json_object();
        set_text(document, "name", role->name);
        set_text(document, "kind", role_kind_name(role->kind));
        set_text(document, "state", role_state_name(role->state));
        set_text(document, "desired", role_desired_name(role->desired));
        set_node(document, "owner", model, role->owner);
        set_node(document, "target", model, role->target);
        set_number(document, "generation", role->generation);
        set_number(document, "memory_mib", role->memory_mib);
        set_number(document, "cpus", role->cpus);
        json_object_set_new_nocheck(document, "priority", json_integer(role->priority));
        set_number(document, "failures", role->failures);
        set_text(document, "reason", role->reason);
        if (role->stall.index != 0)
                json_object_set_new(document, "stall", document_stall(&role->stall));
        return document;
}

static void keep_time(void *context, const struct entry *entry)
{
        *(int64_t *)context = entry->time_ms;
}

static json_t *document_since(const struct request *request, uint64_t index)
{
        const struct store_query query = { .first = index, .last = index, .limit = 1 };
        int64_t time_ms = 0;
        if (index > 0) /* an entry that is compacted away has no time any more */
                (void)request->services->query_entries(request->services->context, &query, keep_time,
                                                       &time_ms);
        return json_pack("{s:I, s:o}", "index", (json_int_t)index, "time", document_time(time_ms));
}

static json_t *document_move(const struct model *model, const struct role_move *move)
{
        if (move->from == NODE_NONE)
                return json_null();
        json_t *document = json_object();
        set_node(document, "from", model, move->from);
        set_node(document, "to", model, move->to);
        json_object_set_new(document, "succeeded", json_boolean(move->succeeded));
        /* A move whose end was only found by a listing was measured by nobody. */
        bool measured = move->duration_ms != 0;
        json_object_set_new(document, "duration_ms",
                            measured ? json_integer(move->duration_ms) : json_null());
        json_object_set_new(document, "downtime_ms",
                            measured ? json_integer(move->downtime_ms) : json_null());
        set_number(document, "index", move->index);
        return document;
}

/* The last time that its storage was moved, or is being moved. */
static json_t *document_copy(const struct role_copy *copy)
{
        if (copy->index == 0)
                return json_null();
        json_t *document = json_object();
        set_text(document, "state", copy_state_name(copy->state));
        set_text(document, "disk", copy->disk);
        set_text(document, "from", copy->from);
        set_text(document, "to", copy->to);
        json_object_set_new(document, "succeeded", json_boolean(copy->succeeded));
        json_object_set_new(document, "keep_old", json_boolean(copy->keep));
        set_number(document, "duration_ms", copy->duration_ms);
        set_number(document, "held_ms", copy->held_ms);
        set_number(document, "index", copy->index);
        set_number(document, "abort_index", copy->abort_index);
        set_text(document, "text", copy->text);
        return document;
}

/* From this node's hypervisor, or from what the source node says in its heartbeats. */
static json_t *document_progress(const struct request *request, const struct role *role)
{
        struct hypervisor_progress progress = { 0 };
        const struct request_services *services = request->services;
        const struct message_heartbeat *heartbeat = cluster_heartbeat(services->cluster, role->owner);

        if (role->state != ROLE_MOVING && role->copy.state != COPY_RUNNING)
                return json_null();
        TEXT_COPY(progress.role, role->name);
        if (services->move_progress(services->context, &progress) && text_equal(progress.role, role->name))
                return json_pack("{s:o, s:i, s:i, s:I}", "step", document_text(progress.step), "percent",
                                 (int)progress.percent, "mib_s", (int)progress.mib_s, "remaining_mib",
                                 (json_int_t)progress.remaining_mib);
        if (heartbeat != NULL && text_equal(heartbeat->moving_role, role->name))
                return json_pack("{s:i, s:i}", "percent", (int)heartbeat->moving_percent, "mib_s",
                                 (int)heartbeat->moving_mib_s);
        return json_null();
}

static void set_failures(json_t *document, const struct request *request, const struct role *role)
{
        const struct request_services *services = request->services;
        uint64_t retry_in_ms = role->state == ROLE_FAILED
                                       ? cluster_retry_in_ms(services->cluster, role->name,
                                                             services->now_ms(services->context))
                                       : TIME_NEVER;
        bool failed = role->state == ROLE_FAILED && role->failed_time_ms > 0;

        json_object_set_new(document, "failed_time",
                            failed ? document_time(role->failed_time_ms) : json_null());
        json_object_set_new(document, "next_try",
                            failed ? document_time(role->failed_time_ms + role->retry_ms) : json_null());
        set_number(document, "retry_ms", role->retry_ms);
        json_object_set_new(document, "retry_in_ms",
                            retry_in_ms == TIME_NEVER ? json_null() : json_integer((json_int_t)retry_in_ms));
        json_object_set_new(document, "tried", document_node_set(request->model, role->tried));
}

static json_t *document_waits_for(const struct model *model, const struct role *role)
{
        char reason[REASON_BYTES] = "";
        return role_explain_wait(model, role, reason) ? document_text(reason) : json_null();
}

static json_t *document_evidence(const struct evidence *evidence)
{
        if (evidence->kind == EVIDENCE_NONE)
                return json_null();
        return json_pack("{s:s, s:I, s:o}", "kind", evidence_kind_name(evidence->kind), "index",
                         (json_int_t)evidence->index, "by", document_text(evidence->text));
}

static json_t *document_hash(const uint8_t hash[HASH_BYTES])
{
        char text[2 * HASH_BYTES + 1];
        for (size_t i = 0; i < HASH_BYTES; i++)
                (void)snprintf(text + 2 * i, 3, "%02x", hash[i]);
        return json_string(text);
}

/* The targets whose reservations keep its owner from all of its disks, should that be lost. */
static json_t *document_reserved(const struct model *model, const struct role *role)
{
        json_t *reserved = json_array();
        NODE_SET_EACH (role->reserved, id) {
                const struct volume *volume = model_volume_by_id(model, id);
                char begin[ISCSI_KEY_BEGIN_BYTES];
                if (volume == NULL)
                        continue;
                iscsi_key_begin(model->settings.cluster_name, volume->path, role->owner, begin);
                json_array_append_new(reserved,
                                      json_pack("{s:s, s:o}", "volume", volume->name, "keys_begin",
                                                role->owner == NODE_NONE ? json_null() : json_string(begin)));
        }
        return reserved;
}

json_t *document_role(const struct request *request, const struct role *role)
{
        const struct model *model = request->model;
        json_t *preferred = json_array(), *document = document_role_row(model, role);

        for (size_t i = 0; i < PREFERRED_MAX && role->preferred[i] != NODE_NONE; i++)
                json_array_append_new(preferred, document_node_name(model, role->preferred[i]));
        json_object_set_new(document, "waits_for", document_waits_for(model, role));
        json_object_set_new(document, "since", document_since(request, role->since_index));
        set_number(document, "stop_timeout_ms", role->stop_timeout_ms);
        json_object_set_new(document, "preferred", preferred);
        json_object_set_new(document, "possible", document_node_set(model, role->possible));
        json_object_set_new(document, "volumes", document_volume_names(model, role->volumes));
        json_object_set_new(document, "leases", document_volume_names(model, role->leases));
        json_object_set_new(document, "reserved", document_reserved(model, role));
        set_text(document, "note", role->note);
        set_text(document, "uuid", role->uuid);
        json_object_set_new(document, "definition_hash", document_hash(role->definition_hash));
        set_failures(document, request, role);
        set_node(document, "failback", model, role->failback);
        set_node(document, "lost_owner", model, role->lost_owner);
        json_object_set_new(document, "owner_evidence", document_evidence(&role->owner_evidence));
        json_object_set_new(document, "target_evidence", document_evidence(&role->target_evidence));
        json_object_set_new(document, "last_move", document_move(model, &role->last_move));
        json_object_set_new(document, "copy", document_copy(&role->copy));
        json_object_set_new(document, "redirect", document_redirect(model, &role->redirect));
        json_object_set_new(document, "progress", document_progress(request, role));
        return document;
}

static json_t *show_definition(struct request *request, const struct role *role)
{
        SCOPED_FREE char *text = NULL;
        size_t bytes = 0;
        int error = request->services->read_definition(request->services->context, role->definition_hash,
                                                       &text, &bytes);
        if (error < 0) {
                (void)request_fail(request, VERB_EXIT_FAILED, "", "ask another node",
                                   "the definition of %s cannot be read: %s", role->name, strerror(-error));
                return NULL;
        }
        return json_pack("{s:s, s:o}", "name", role->name, "definition", json_stringn(text, bytes));
}

json_t *query_role_show(struct request *request)
{
        const struct role *role;
        if (request_role(request, &role) < 0)
                return NULL;
        return request_flag(request, "definition") ? show_definition(request, role)
                                                   : document_role(request, role);
}
