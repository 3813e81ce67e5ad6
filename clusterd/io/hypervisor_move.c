/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <string.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "clusterd/io/hypervisor_state.h"

#define GONE_WAIT_MS    10000 /* from here, once it runs there */
#define LOOK_PAUSE_MS   50
#define ACCOUNT_WAIT_MS 500  /* for libvirt's account of the downtime */
#define SETTLE_MS       3000 /* for libvirt to resume by itself what it paused */
#define ASK_PAUSE_MS    200

/*
 * Live, from host to host without us in between. UNSAFE: libvirt calls every
 * local directory unsafe, because it cannot know that both hosts see the same
 * one. To prove that is the storage layer's task, not done yet: until then
 * the operator's word stands for it that a role's disks are shared.
 */
#define MOVE_FLAGS                                                                                           \
        (VIR_MIGRATE_LIVE | VIR_MIGRATE_PEER2PEER | VIR_MIGRATE_UNSAFE | VIR_MIGRATE_ABORT_ON_ERROR |        \
         VIR_MIGRATE_AUTO_CONVERGE)

static void add_parameter(virTypedParameterPtr *parameters, int *count, int *capacity, const char *name,
                          const char *value)
{
        int r = virTypedParamsAddString(parameters, count, capacity, name, value);
        assert(r == 0);
}

static int migrate(struct task *task, virDomainPtr domain)
{
        virTypedParameterPtr parameters = NULL;
        int count = 0, capacity = 0;
        char memory_uri[ADDRESS_BYTES + 16];
        const char *address = task->migration_address[0] != '\0' ? task->migration_address : task->address;
        bool is_ipv6 = strchr(address, ':') != NULL;
        SCOPED_FREE char *peer_uri = connection_peer_uri(task->hypervisor, task->address);
        TEXT_PRINT(memory_uri, is_ipv6 ? "tcp://[%s]" : "tcp://%s", address);
        add_parameter(&parameters, &count, &capacity, VIR_MIGRATE_PARAM_URI, memory_uri);
        add_parameter(&parameters, &count, &capacity, VIR_MIGRATE_PARAM_LISTEN_ADDRESS, address);
        int r = virDomainMigrateToURI3(domain, peer_uri, parameters, (unsigned)count, MOVE_FLAGS);
        return virTypedParamsFree(parameters, count), r;
}

/* While this lasts, move_poll() follows it. */
static int migrate_watched(struct task *task, virDomainPtr domain, char ret_text[REASON_BYTES])
{
        struct hypervisor *hypervisor = task->hypervisor;
        hypervisor_lock(hypervisor);
        task->domain = domain;
        task->poll_at_ms = hypervisor_now_ms();
        pthread_cond_broadcast(&hypervisor->changed);
        hypervisor_unlock(hypervisor);
        int r = migrate(task, domain);
        ret_text[0] = '\0';
        if (r < 0)
                connection_error(ret_text);
        hypervisor_lock(hypervisor);
        task->domain = NULL;
        /* At most: from the switch until we were told of its end. */
        if (r == 0 && !task->has_downtime && task->paused_at_ms != 0)
                task->downtime_ms = (uint32_t)(hypervisor_now_ms() - task->paused_at_ms);
        if (r == 0) {
                TEXT_COPY(task->progress.step, "network");
                task->progress.percent = 100;
                task->progress.remaining_mib = 0;
        }
        task->deadline_ms = hypervisor_now_ms() + MOVE_STILL_MS;
        hypervisor_unlock(hypervisor);
        return r;
}

static void wait_for_account(struct task *task)
{
        struct hypervisor *hypervisor = task->hypervisor;
        uint64_t until_ms = hypervisor_now_ms() + ACCOUNT_WAIT_MS;
        hypervisor_lock(hypervisor);
        while (!task->has_downtime && !task->is_answered && !hypervisor->is_closed &&
               hypervisor->connection != NULL && hypervisor_now_ms() < until_ms)
                hypervisor_wait_until(hypervisor, until_ms);
        hypervisor_unlock(hypervisor);
}

/* It runs there. It has moved when it has also gone from here. */
static void finish_moved(struct task *task)
{
        uint64_t until_ms = hypervisor_now_ms() + GONE_WAIT_MS;
        struct sighting sighting = { .look = LOOK_FAILED };
        do {
                virConnectPtr connection = connection_open_for(task);
                if (connection == NULL)
                        break;
                domain_look(task->hypervisor, connection, task->role, &sighting);
                connection_close(connection);
        } while (sighting.look != LOOK_ABSENT && hypervisor_now_ms() < until_ms &&
                 task_pause(task, LOOK_PAUSE_MS));
        if (sighting.look == LOOK_ABSENT) {
                wait_for_account(task);
                task_finish(task, OPERATION_SUCCEEDED, OBSERVED_ABSENT_MOVED, NULL);
        } else {
                task_finish(task, OPERATION_UNKNOWN, OBSERVED_ABSENT_UNKNOWN,
                            "it was moved, but is not seen to have gone from here");
        }
}

static void look_at_peer(struct task *task, struct sighting *ret_sighting)
{
        SCOPED_FREE char *uri = connection_peer_uri(task->hypervisor, task->address);
        virConnectPtr connection = connection_open(uri);
        *ret_sighting = (struct sighting){ .look = LOOK_FAILED };
        if (connection != NULL)
                domain_look(task->hypervisor, connection, task->role, ret_sighting);
        connection_close(connection);
}

/* Gone from here though the call failed: it was libvirt that failed us, in the middle. */
static void finish_gone(struct task *task, const char *text)
{
        struct sighting there = { 0 };
        look_at_peer(task, &there);
        if (there.look == LOOK_HERE && there.state == VIR_DOMAIN_RUNNING)
                task_finish(task, OPERATION_SUCCEEDED, OBSERVED_ABSENT_MOVED, NULL);
        else
                task_finish(task, OPERATION_UNKNOWN, OBSERVED_ABSENT_UNKNOWN, text);
}

static bool has_job(virDomainPtr domain)
{
        virDomainJobInfo job;
        return virDomainGetJobInfo(domain, &job) < 0 || job.type != VIR_DOMAIN_JOB_NONE;
}

static bool is_paused_by_move(const struct sighting *sighting)
{
        return sighting->state == VIR_DOMAIN_PAUSED &&
               (sighting->reason == VIR_DOMAIN_PAUSED_MIGRATION ||
                sighting->reason == VIR_DOMAIN_PAUSED_POSTCOPY ||
                sighting->reason == VIR_DOMAIN_PAUSED_POSTCOPY_FAILED);
}

/* True when there is nothing more to ask. */
static bool ask_here(struct task *task, virConnectPtr connection, uint64_t settled_at_ms, const char *text)
{
        struct sighting here = { 0 };
        virDomainPtr domain = virDomainLookupByName(connection, task->role);
        if (domain == NULL && virGetLastErrorCode() != VIR_ERR_NO_DOMAIN)
                return false;
        bool is_busy = domain != NULL && has_job(domain);
        if (domain != NULL)
                domain_look_at(task->hypervisor, domain, &here);
        else
                here.look = LOOK_ABSENT;
        bool is_over = true;
        if (here.look == LOOK_ABSENT)
                finish_gone(task, text);
        else if (here.look == LOOK_FAILED || is_busy)
                is_over = false;
        else if (!is_paused_by_move(&here))
                task_finish(task, OPERATION_FAILED,
                            here.observation == OBSERVED_STALLED ? OBSERVED_STALLED : OBSERVED_RUNNING, text);
        else if (hypervisor_now_ms() < settled_at_ms)
                is_over = false;
        else
                task_finish(task, OPERATION_UNKNOWN, OBSERVED_PAUSED,
                            "the move failed, and libvirt has left it paused here");
        if (domain != NULL)
                (void)virDomainFree(domain);
        return is_over;
}

/* Whatever was said: what is there now is asked anew, of a libvirt that may have to start first. */
static void finish_failed(struct task *task, const char *text)
{
        uint64_t settled_at_ms = hypervisor_now_ms() + SETTLE_MS;
        bool is_over = false;
        do {
                virConnectPtr connection = connection_open_for(task);
                if (connection == NULL)
                        break;
                is_over = ask_here(task, connection, settled_at_ms, text);
                connection_close(connection);
        } while (!is_over && task_pause(task, ASK_PAUSE_MS));
        if (!is_over)
                task_finish(task, OPERATION_UNKNOWN, OBSERVED_ABSENT_UNKNOWN, text);
}

static bool may_move(struct task *task, const struct sighting *here)
{
        if (here->look == LOOK_FAILED)
                task_finish(task, OPERATION_UNKNOWN, here->observation, here->text);
        else if (here->look == LOOK_ABSENT)
                task_finish(task, OPERATION_FAILED, here->observation, "it does not run here");
        else if (here->observation == OBSERVED_INCOMING)
                task_finish(task, OPERATION_FAILED, here->observation, "it is still arriving here");
        else if (here->observation == OBSERVED_STALLED)
                task_finish(task, OPERATION_FAILED, here->observation,
                            "its disk failed it, and it stands still");
        else if (here->observation == OBSERVED_PAUSED)
                task_finish(task, OPERATION_FAILED, here->observation, "an earlier move left it paused here");
        else if (here->observation == OBSERVED_OUTGOING)
                task_finish(task, OPERATION_FAILED, here->observation, "another move of it is under way");
        else
                return true;
        return false;
}

void move_step(struct task *task)
{
        char text[REASON_BYTES];
        virConnectPtr connection = connection_open_for(task);
        if (connection == NULL)
                return; /* the deadline has answered */
        struct sighting here = { 0 };
        domain_look(task->hypervisor, connection, task->role, &here);
        virDomainPtr domain = here.look == LOOK_HERE ? virDomainLookupByName(connection, task->role) : NULL;
        if (here.look == LOOK_HERE && domain == NULL)
                here = (struct sighting){ .look = LOOK_FAILED, .text = "it went while we looked" };
        bool is_begun = may_move(task, &here);
        int r = is_begun ? migrate_watched(task, domain, text) : 0;
        if (domain != NULL)
                (void)virDomainFree(domain);
        connection_close(connection);
        if (is_begun && r == 0)
                finish_moved(task);
        else if (is_begun)
                finish_failed(task, text);
}
