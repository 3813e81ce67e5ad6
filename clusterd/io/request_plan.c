/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/request_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#include "clusterd/base/scope.h"
#include "clusterd/core/apply.h"
#include "clusterd/core/lease_guard.h"

static json_t *step_document(const struct model *model, const struct plan_step *step)
{
        json_t *document = json_object();
        json_object_set_new(document, "command", json_string(command_kind_name(step->kind)));
        json_object_set_new(document, "subject", document_text(step->subject));
        json_object_set_new(document, "from", document_node_name(model, step->from));
        json_object_set_new(document, "to", document_node_name(model, step->to));
        json_object_set_new(document, "reason", document_text(step->reason));
        return document;
}

static json_t *plan_document(const struct model *model, const struct plan *plan)
{
        json_t *steps = json_array();
        for (size_t i = 0; i < plan->count; i++)
                json_array_append_new(steps, step_document(model, &plan->steps[i]));
        return json_pack("{s:o, s:b}", "steps", steps, "cut", plan->cut);
}

/* What a pause does not do, before somebody relies on it. Source: clusterd/core/README.md, "Pause". */
static json_t *pause_notes(const struct settings *settings)
{
        char guard[256];
        (void)snprintf(guard, sizeof(guard),
                       "guards are not relaxed: who has no contact stops its guests after %u ms; for longer "
                       "work on the network make that longer first: clu cluster set --isolation-hold",
                       settings->isolation_hold_ms);
        return json_pack("[s, s]", guard,
                         "lost nodes stay lost meanwhile, and what ran there waits; clu node fence and "
                         "confirm-off work as always");
}

#define TIMES_FIELDS                                                                                         \
        (SETTINGS_FIELD_ISOLATION_HOLD | SETTINGS_FIELD_STOP_GRACE | SETTINGS_FIELD_WATCHDOG |               \
         SETTINGS_FIELD_MARGIN | SETTINGS_FIELD_LEASE_RENEW | SETTINGS_FIELD_LEASE |                         \
         SETTINGS_FIELD_LEASE_STOP)

/* What the times add up to. Source: clusterd/guard/README.md, csv-storage/README.md, "Times". */
static json_t *times_notes(const struct settings *settings)
{
        char contact[256], lease[LEASE_TIMINGS_TEXT_BYTES], leases[LEASE_TIMINGS_TEXT_BYTES + 16];
        struct lease_timings timings = lease_timings_of(settings, true);
        uint64_t stopped_ms = (uint64_t)settings->isolation_hold_ms + settings->stop_grace_ms;
        (void)snprintf(contact, sizeof(contact),
                       "contact: guests are stopped after %" PRIu32
                       " ms without it, which may take until %" PRIu64
                       ", the watchdog has fired after %" PRIu64 ", others may take over after %" PRIu64,
                       settings->isolation_hold_ms, stopped_ms, stopped_ms + settings->watchdog_ms,
                       settings_guard_ms(settings));
        lease_timings_explain(&timings, lease);
        (void)snprintf(leases, sizeof(leases), "leases: %s", lease);
        return json_pack("[s, s]", contact, leases);
}

static json_t *notes(const struct settings *settings, const struct command *command)
{
        if (command->kind == COMMAND_CLUSTER_PAUSE)
                return pause_notes(settings);
        if (command->kind != COMMAND_CLUSTER_SET || (command->cluster_set.fields & TIMES_FIELDS) == 0)
                return NULL;
        struct settings next = settings_changed(settings, &command->cluster_set);
        return times_notes(&next);
}

json_t *query_plan(struct request *request, const struct change *change)
{
        SCOPED_FREE struct plan *plan = calloc(1, sizeof(*plan));
        SCOPED_FREE void *storage = calloc(1, model_bytes(request->model->roles_max));

        assert(plan != NULL && storage != NULL);
        plan_command(request->services->cluster, &change->command,
                     model_init(storage, request->model->roles_max), plan);
        if (plan->outcome == REPLY_DONE) {
                json_t *document = plan_document(request->model, plan);
                json_t *quorum = document_quorum_plan(request, change, storage);
                if (quorum != NULL)
                        json_object_set_new(document, "quorum", quorum);
                json_t *noted = notes(&request->model->settings, &change->command);
                if (noted != NULL)
                        json_object_set_new(document, "notes", noted);
                return document;
        }
        (void)request_fail(request,
                           plan->outcome == REPLY_NO_OBJECT   ? VERB_EXIT_NO_OBJECT
                           : plan->outcome == REPLY_NO_QUORUM ? VERB_EXIT_NO_QUORUM
                           : plan->outcome == REPLY_BUSY      ? VERB_EXIT_FAILED
                                                              : VERB_EXIT_REFUSED,
                           plan->reason, "", "%s %s would be refused: %s", request->verb->noun,
                           request->verb->name, plan->reason);
        return NULL;
}
