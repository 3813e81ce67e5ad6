/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <libvirt/virterror.h>

#include "clusterd/base/text.h"
#include "clusterd/io/hypervisor_state.h"

/* A guest that has stalled goes on. */

#define ERROR_MS 500 /* after which its requests would have failed it again */

/* Whether it stays so is seen by what it does next: its requests are tried again at once. */
static void await_error(struct task *task)
{
        struct hypervisor *hypervisor = task->hypervisor;
        uint64_t until_ms = hypervisor_now_ms() + ERROR_MS;
        hypervisor_lock(hypervisor);
        while (!(task->was_seen && task->seen != OBSERVED_RUNNING) && !task->is_answered &&
               !hypervisor->is_closed && hypervisor_now_ms() < until_ms)
                hypervisor_wait_until(hypervisor, until_ms);
        hypervisor_unlock(hypervisor);
}

static void finish_as_seen(struct task *task, const struct sighting *sighting)
{
        if (sighting->look == LOOK_FAILED)
                task_finish(task, OPERATION_UNKNOWN, sighting->observation, sighting->text);
        else if (sighting->observation == OBSERVED_RUNNING)
                task_finish(task, OPERATION_SUCCEEDED, OBSERVED_RUNNING, NULL);
        else
                task_finish(task, OPERATION_FAILED, sighting->observation,
                            sighting->look == LOOK_ABSENT ? "it is not here" : sighting->text);
}

void resume_guest(struct task *task, virConnectPtr connection, virDomainPtr domain)
{
        struct sighting sighting = { 0 };
        char text[REASON_BYTES] = "";
        if (virDomainResume(domain) < 0)
                connection_error(text);
        else
                await_error(task);
        domain_look(task->hypervisor, connection, task->role, &sighting);
        if (sighting.look == LOOK_HERE && sighting.observation == OBSERVED_STALLED && text[0] != '\0')
                TEXT_COPY(sighting.text, text);
        finish_as_seen(task, &sighting);
}

void resume_step(struct task *task)
{
        virConnectPtr connection = connection_open_for(task);
        if (connection == NULL)
                return; /* the deadline has answered */
        struct sighting sighting = { 0 };
        domain_look(task->hypervisor, connection, task->role, &sighting);
        virDomainPtr domain = sighting.look == LOOK_HERE && sighting.observation == OBSERVED_STALLED
                                      ? virDomainLookupByName(connection, task->role)
                                      : NULL;
        char text[REASON_BYTES];
        if (domain != NULL && redirect_undo(task, domain, false, text) < 0)
                task_finish(task, OPERATION_FAILED, OBSERVED_STALLED, text);
        else if (domain != NULL)
                resume_guest(task, connection, domain);
        else
                finish_as_seen(task, &sighting);
        if (domain != NULL)
                (void)virDomainFree(domain);
        connection_close(connection);
}
