/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <libvirt/virterror.h>
#include <string.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "clusterd/io/domain_disk.h"
#include "clusterd/io/hypervisor_state.h"

/* The store may not be closed while it is read: hypervisor_free() waits for that. */
int task_read_definition(struct task *task, char **ret_text)
{
        struct hypervisor *hypervisor = task->hypervisor;
        size_t count = 0;
        hypervisor_lock(hypervisor);
        if (hypervisor->is_closed) {
                hypervisor_unlock(hypervisor);
                return -1;
        }
        hypervisor->reading++;
        hypervisor_unlock(hypervisor);
        int r = hypervisor->listener.read_definition(hypervisor->listener.context, task->definition_hash,
                                                     ret_text, &count);
        hypervisor_lock(hypervisor);
        hypervisor->reading--;
        pthread_cond_broadcast(&hypervisor->changed);
        hypervisor_unlock(hypervisor);
        return r;
}

/* True if that ended it. */
static bool is_settled_by(struct task *task, const struct sighting *sighting)
{
        if (sighting->look == LOOK_FAILED) {
                task_finish(task, OPERATION_UNKNOWN, sighting->observation, sighting->text);
                return true;
        }
        if (sighting->observation == OBSERVED_RUNNING || sighting->observation == OBSERVED_STALLED ||
            sighting->observation == OBSERVED_OUTGOING) {
                task_finish(task, OPERATION_SUCCEEDED, sighting->observation, NULL);
                return true;
        }
        if (sighting->observation == OBSERVED_PAUSED) {
                task_finish(task, OPERATION_FAILED, OBSERVED_PAUSED, "a move left it paused here");
                return true;
        }
        if (sighting->observation == OBSERVED_INCOMING) {
                task_finish(task, OPERATION_FAILED, OBSERVED_INCOMING, "it is arriving here by a move");
                return true;
        }
        return false;
}

/* Domains are transient, so that no host starts one by itself; a definition of the operator's would. */
static bool is_barred(struct task *task, const struct sighting *sighting)
{
        if (sighting->state != VIR_DOMAIN_SHUTOFF)
                return false;
        task_finish(task, OPERATION_FAILED, OBSERVED_ABSENT_UNKNOWN,
                    "a persistent domain of this name is defined on this host: undefine it");
        return true;
}

/* Those of an earlier guest of it are not: it is not here. */
static bool open_gateways(struct task *task, const char *definition, char **ret_definition)
{
        struct iscsi_gateways *gateways = task->hypervisor->gateways;
        const struct gateway_guest guest = { task->role, task->generation, true };
        char text[REASON_BYTES] = "a gateway of its last guest has not ended";
        if (gateways == NULL) {
                *ret_definition = strdup(definition);
                return true;
        }
        if (iscsi_gateways_end(gateways, task->role) == 0 &&
            iscsi_gateways_open(gateways, &guest, definition, strlen(definition), ret_definition, text) == 0)
                return true;
        task_finish(task, OPERATION_FAILED, OBSERVED_ABSENT_UNKNOWN, text);
        return false;
}

static void start(struct task *task, virConnectPtr connection, const char *definition)
{
        struct sighting sighting = { 0 };
        char text[REASON_BYTES];
        SCOPED_FREE char *rerouted = NULL;
        SCOPED_FREE char *stopping = domain_disks_stop_on_error(definition, strlen(definition));
        domain_look(task->hypervisor, connection, task->role, &sighting);
        if (is_settled_by(task, &sighting) || is_barred(task, &sighting) || task_is_over(task) ||
            !open_gateways(task, stopping, &rerouted))
                return;
        virDomainPtr domain = virDomainCreateXML(connection, rerouted, 0);
        if (domain != NULL) {
                (void)virDomainFree(domain);
                task_finish(task, OPERATION_SUCCEEDED, OBSERVED_RUNNING, NULL);
                return;
        }
        connection_error(text);
        /* It may be here all the same: started by another hand, or by the call that only lost its answer. */
        domain_look(task->hypervisor, connection, task->role, &sighting);
        if (sighting.look == LOOK_FAILED)
                task_finish(task, OPERATION_UNKNOWN, sighting.observation, text);
        else if (!is_settled_by(task, &sighting))
                task_finish(task, OPERATION_FAILED, OBSERVED_ABSENT_FAILED, text);
}

void start_step(struct task *task)
{
        SCOPED_FREE char *definition = NULL;
        int r = task_read_definition(task, &definition);
        virConnectPtr connection = connection_open_for(task);
        if (connection == NULL)
                return; /* the deadline has answered */
        struct sighting sighting = { 0 };
        if (r == 0) {
                start(task, connection, definition);
        } else {
                char text[REASON_BYTES];
                TEXT_PRINT(text, "cannot read its definition: %s", strerrordesc_np(-r));
                domain_look(task->hypervisor, connection, task->role, &sighting);
                if (!is_settled_by(task, &sighting))
                        task_finish(task, OPERATION_FAILED, OBSERVED_ABSENT_UNKNOWN, text);
        }
        connection_close(connection);
}

/* text NULL: it succeeded. Locked. */
static void post_prepared(struct task *task, const char *text)
{
        struct cluster_event event = { .kind = CLUSTER_EVENT_PREPARED };
        TEXT_COPY(event.prepared.role, task->role);
        TEXT_COPY(event.prepared.text, text == NULL ? "" : text);
        event.prepared.generation = task->generation;
        event.prepared.succeeded = text == NULL;
        hypervisor_post(task->hypervisor, &event, 1);
}

void prepare_expire(struct task *task)
{
        post_prepared(task, "its gateways did not start in time");
}

void prepare_step(struct task *task)
{
        struct iscsi_gateways *gateways = task->hypervisor->gateways;
        const struct gateway_guest guest = { task->role, task->generation, false };
        char text[REASON_BYTES];
        SCOPED_FREE char *definition = NULL;
        SCOPED_FREE char *rerouted = NULL;
        int r = task_read_definition(task, &definition);
        if (r < 0)
                TEXT_PRINT(text, "cannot read its definition: %s", strerrordesc_np(-r));
        else if (gateways != NULL)
                r = iscsi_gateways_open(gateways, &guest, definition, strlen(definition), &rerouted, text);
        hypervisor_lock(task->hypervisor);
        if (!task->is_answered)
                post_prepared(task, r == 0 ? NULL : text);
        task->is_answered = true;
        hypervisor_unlock(task->hypervisor);
}
