/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "clusterd/io/hypervisor_state.h"

/* Disks of a role are exported for a guest of another node, or no more. */

/* offer NULL: none. Locked. */
static void post(struct task *task, enum operation_result result, const struct export_offer *offer,
                 const char *text)
{
        struct cluster_event event = { .kind = CLUSTER_EVENT_EXPORT };
        TEXT_COPY(event.export.role, task->role);
        event.export.index = task->index;
        event.export.open = task->open;
        event.export.result = result;
        if (offer != NULL) {
                event.export.port = offer->port;
                TEXT_COPY(event.export.key, offer->key);
        }
        TEXT_COPY(event.export.text, text);
        hypervisor_post(task->hypervisor, &event, 1);
        explicit_bzero(&event, sizeof event);
}

void export_expire(struct task *task)
{
        post(task, OPERATION_UNKNOWN, NULL, "it takes too long");
}

static void finish(struct task *task, enum operation_result result, const struct export_offer *offer,
                   const char *text)
{
        hypervisor_lock(task->hypervisor);
        if (!task->is_answered)
                post(task, result, offer, text);
        task->is_answered = true;
        hypervisor_unlock(task->hypervisor);
}

static void open_export(struct task *task)
{
        struct export_offer offer = { 0 };
        char text[REASON_BYTES] = "";
        SCOPED_FREE char *definition = NULL;
        int r = task_read_definition(task, &definition);
        if (r < 0)
                TEXT_PRINT(text, "cannot read its definition: %s", strerrordesc_np(-r));
        else
                r = disk_exports_open(task->hypervisor->exports, task->role, task->index, definition,
                                      strlen(definition), &offer, text);
        finish(task,
               r == 0            ? OPERATION_SUCCEEDED
               : r == -ETIMEDOUT ? OPERATION_UNKNOWN
                                 : OPERATION_FAILED,
               r == 0 ? &offer : NULL, text);
        explicit_bzero(&offer, sizeof offer);
}

void export_step(struct task *task)
{
        if (task->open)
                open_export(task);
        else if (disk_exports_close(task->hypervisor->exports, task->role) == 0)
                finish(task, OPERATION_SUCCEEDED, NULL, "");
        else
                finish(task, OPERATION_UNKNOWN, NULL,
                       "its export does not end: something of it waits for the volume");
}
