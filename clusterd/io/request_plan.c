/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/request_internal.h"

#include <assert.h>
#include <stdio.h>

#include "clusterd/base/scope.h"

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
                if (change->command.kind == COMMAND_CLUSTER_PAUSE)
                        json_object_set_new(document, "notes", pause_notes(&request->model->settings));
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
