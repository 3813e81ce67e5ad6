/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <libvirt/virterror.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "clusterd/io/hypervisor_state.h"

/*
 * A stop is a guest asked to shut down, and destroyed when it does not. It
 * waits in the table, not in a thread: many may wait at once. It ends when
 * both libvirt and the kernel say that QEMU has gone.
 */

#define ASK_AGAIN_MS  5000  /* a guest that is just booting does not hear the button */
#define EXIT_WAIT_MS  15000 /* QEMU after libvirt let go of it: normally gone already */
#define EVENT_WAIT_MS 1000

/* An event that comes after the end could be taken for news of the guest's next life. */
static void wait_for_event(struct task *task)
{
        struct hypervisor *hypervisor = task->hypervisor;
        uint64_t until_ms = hypervisor_now_ms() + EVENT_WAIT_MS;
        hypervisor_lock(hypervisor);
        while (!(task->was_seen && observation_is_absent(task->seen)) && hypervisor->connection != NULL &&
               !hypervisor->is_closed && hypervisor_now_ms() < until_ms)
                hypervisor_wait_until(hypervisor, until_ms);
        hypervisor_unlock(hypervisor);
}

static enum observation how_it_went(struct task *task)
{
        hypervisor_lock(task->hypervisor);
        bool is_told = task->was_seen && observation_is_absent(task->seen);
        enum observation seen = task->seen;
        hypervisor_unlock(task->hypervisor);
        return is_told ? seen : OBSERVED_ABSENT_UNKNOWN;
}

/* libvirt does not have it. Neither may the kernel: a libvirt that lost track must not pass for a stop. */
static void finish_gone(struct task *task, int pidfd)
{
        if (pidfd >= 0 && qemu_process_wait(pidfd, EXIT_WAIT_MS) < 0) {
                task_finish(task, OPERATION_UNKNOWN, OBSERVED_RUNNING,
                            "libvirt does not know it any more, but its QEMU process has not ended");
                return;
        }
        task_finish(task, OPERATION_SUCCEEDED, how_it_went(task), NULL);
}

/* libvirt itself begins with SIGTERM and comes to SIGKILL after 10 s, so nothing gentler goes before. */
static void destroy(struct task *task, virConnectPtr connection, virDomainPtr domain, int pidfd)
{
        struct sighting sighting = { 0 };
        char text[REASON_BYTES] = "";
        /* Without its disks QEMU does not wait for them, and nothing of it reaches them any more. */
        if (task->hypervisor->gateways != NULL)
                (void)iscsi_gateways_end(task->hypervisor->gateways, task->role);
        if (virDomainDestroyFlags(domain, VIR_DOMAIN_DESTROY_DEFAULT) < 0)
                connection_error(text);
        domain_look(task->hypervisor, connection, task->role, &sighting);
        if (sighting.look == LOOK_ABSENT) {
                wait_for_event(task);
                finish_gone(task, pidfd);
        } else if (sighting.look == LOOK_HERE) {
                task_finish(task, OPERATION_FAILED, sighting.observation,
                            text[0] != '\0' ? text : "it is there again");
        } else {
                task_finish(task, OPERATION_UNKNOWN, sighting.observation, sighting.text);
        }
}

/* The request may get lost or be refused (paused, no ACPI): time decides. One that is held for the move of
 * its storage hears nothing, and is asked only when it need not be held any more. */
static void ask_guest(struct task *task, virDomainPtr domain)
{
        uint32_t ignored = 0;
        uint64_t end_ms = task->started_ms + task->timeout_ms;
        uint64_t again_ms = hypervisor_now_ms() + ASK_AGAIN_MS;
        (void)copy_let_go(domain, &ignored);
        (void)virDomainShutdown(domain);
        task_step_again(task, again_ms < end_ms ? again_ms : end_ms);
}

static void stop(struct task *task, virConnectPtr connection)
{
        struct sighting sighting = { 0 };
        SCOPED_CLOSE int pidfd = qemu_process_open(task->role);
        domain_look(task->hypervisor, connection, task->role, &sighting);
        if (sighting.look == LOOK_ABSENT) {
                finish_gone(task, pidfd);
                return;
        }
        virDomainPtr domain =
                sighting.look == LOOK_HERE ? virDomainLookupByName(connection, task->role) : NULL;
        if (domain == NULL) {
                /* Gone or not to be asked, just now: look again. */
                task_step_again(task, hypervisor_now_ms() + 200);
                return;
        }
        if (hypervisor_now_ms() >= task->started_ms + task->timeout_ms)
                destroy(task, connection, domain, pidfd);
        else
                ask_guest(task, domain);
        (void)virDomainFree(domain);
}

void stop_step(struct task *task)
{
        virConnectPtr connection = connection_open_for(task);
        if (connection == NULL)
                return; /* the deadline has answered */
        stop(task, connection);
        connection_close(connection);
}
