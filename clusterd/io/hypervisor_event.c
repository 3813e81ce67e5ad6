/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <libvirt/virterror.h>

#include "clusterd/base/text.h"
#include "clusterd/io/hypervisor_state.h"

struct change {
        bool is_news;
        enum observation observation;
        const char *text;
};

#define NEWS(observed, words) ((struct change){ true, (observed), (words) })
#define NO_NEWS               ((struct change){ false, OBSERVED_ABSENT_UNKNOWN, "" })

static struct change on_suspended(int detail)
{
        switch (detail) {
        case VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED:
                /* The source of a move, at the switch: if that fails it runs again. */
                return NEWS(OBSERVED_OUTGOING, "stopped for the switch of a move");
        case VIR_DOMAIN_EVENT_SUSPENDED_IOERROR:
                return NEWS(OBSERVED_STALLED, "");
        case VIR_DOMAIN_EVENT_SUSPENDED_WATCHDOG:
                return NEWS(OBSERVED_RUNNING, "paused by its watchdog");
        }
        return NEWS(OBSERVED_RUNNING, "paused");
}

static struct change on_stopped(int detail)
{
        switch (detail) {
        case VIR_DOMAIN_EVENT_STOPPED_SHUTDOWN:
                return NEWS(OBSERVED_ABSENT_SHUTDOWN, "the guest shut itself down");
        case VIR_DOMAIN_EVENT_STOPPED_DESTROYED:
                return NEWS(OBSERVED_ABSENT_FAILED, "destroyed through libvirt");
        case VIR_DOMAIN_EVENT_STOPPED_CRASHED:
                return NEWS(OBSERVED_ABSENT_FAILED, "the guest crashed");
        case VIR_DOMAIN_EVENT_STOPPED_MIGRATED:
                return NEWS(OBSERVED_ABSENT_MOVED, "moved away");
        case VIR_DOMAIN_EVENT_STOPPED_SAVED:
                return NEWS(OBSERVED_ABSENT_FAILED, "saved to a file through libvirt");
        case VIR_DOMAIN_EVENT_STOPPED_FAILED:
                return NEWS(OBSERVED_ABSENT_FAILED, "QEMU ended unexpectedly");
        }
        return NEWS(OBSERVED_ABSENT_FAILED, "stopped");
}

/* Source: virDomainEventType and its details, libvirt-domain.h. */
static struct change change_of(int event, int detail)
{
        switch (event) {
        case VIR_DOMAIN_EVENT_STARTED:
                if (detail == VIR_DOMAIN_EVENT_STARTED_MIGRATED)
                        return NEWS(OBSERVED_INCOMING, "");
                return NEWS(OBSERVED_RUNNING, "");
        case VIR_DOMAIN_EVENT_RESUMED:
                return NEWS(OBSERVED_RUNNING, "");
        case VIR_DOMAIN_EVENT_SUSPENDED:
                return on_suspended(detail);
        case VIR_DOMAIN_EVENT_PMSUSPENDED:
                return NEWS(OBSERVED_RUNNING, "suspended by the guest");
        case VIR_DOMAIN_EVENT_CRASHED:
                return NEWS(OBSERVED_RUNNING, "the guest panicked"); /* what comes of it is told by STOPPED */
        case VIR_DOMAIN_EVENT_STOPPED:
                return on_stopped(detail);
        }
        return NO_NEWS; /* defined, undefined, about to shut down */
}

/* A guest whose memory was still arriving never ran here: that it has gone is no failure of it. */
static struct change with_mark(struct hypervisor *hypervisor, const char *role, struct change change)
{
        bool was_incoming = mark_read(hypervisor, role) == OBSERVED_INCOMING;
        if (change.observation == OBSERVED_INCOMING)
                mark_write(hypervisor, role, OBSERVED_INCOMING);
        if (change.observation == OBSERVED_INCOMING || change.observation == OBSERVED_OUTGOING)
                return change;
        /* SUSPENDED comes on a target before the memory has arrived, as well. */
        if (was_incoming && change.observation == OBSERVED_RUNNING && change.text[0] != '\0')
                return NEWS(OBSERVED_INCOMING, "");
        mark_write(hypervisor, role, OBSERVED_RUNNING);
        if (was_incoming && observation_is_absent(change.observation))
                return NEWS(OBSERVED_ABSENT_UNKNOWN, "a move to here ended before it ran here");
        return change;
}

static void note_switch(struct hypervisor *hypervisor, const char *role)
{
        struct task *task;
        TAILQ_FOREACH(task, &hypervisor->tasks, link)
        if (task->kind == CLUSTER_ACTION_MOVE && text_equal(task->role, role)) {
                task->paused_at_ms = hypervisor_now_ms();
                TEXT_COPY(task->progress.step, "storage hand-off");
        }
}

/* On the event loop, which must never wait. */
static int on_lifecycle(virConnectPtr connection, virDomainPtr domain, int event, int detail, void *context)
{
        struct hypervisor *hypervisor = context;
        const char *role = virDomainGetName(domain);
        struct change change = change_of(event, detail);
        (void)connection;
        if (!change.is_news || role == NULL || !name_is_valid(role))
                return 0;
        hypervisor_lock(hypervisor);
        hypervisor->events_seen++;
        change = with_mark(hypervisor, role, change);
        if (change.observation == OBSERVED_STALLED)
                change.text = failure_read(hypervisor, role);
        if (observation_is_absent(change.observation))
                failure_write(hypervisor, role, NULL);
        if (event == VIR_DOMAIN_EVENT_SUSPENDED && detail == VIR_DOMAIN_EVENT_SUSPENDED_MIGRATED)
                note_switch(hypervisor, role);
        hypervisor_post_observed(hypervisor, role, change.observation, change.text);
        task_on_event(hypervisor, role, change.observation);
        hypervisor_unlock(hypervisor);
        return 0;
}

/* Comes before the lifecycle event of the same failure. */
static void on_io_error(virConnectPtr connection, virDomainPtr domain, const char *path, const char *device,
                        int action, const char *reason, void *context)
{
        struct hypervisor *hypervisor = context;
        const char *role = virDomainGetName(domain);
        bool is_full = reason != NULL && text_equal(reason, "enospc");
        char text[REASON_BYTES];
        (void)connection;
        (void)device;
        if (action != VIR_DOMAIN_EVENT_IO_ERROR_PAUSE || role == NULL || !name_is_valid(role))
                return;
        bool is_own = path != NULL && path[0] != '\0'; /* libvirt knows no node that is not its own */
        TEXT_PRINT(text, "%s%s%.120s", is_full ? "no space left" : "I/O error", is_own ? ": " : "",
                   is_own ? path : "");
        hypervisor_lock(hypervisor);
        failure_write(hypervisor, role, text);
        hypervisor_unlock(hypervisor);
}

/* The account of a move that has ended; it comes only here, as the domain is then gone from the source. */
static void on_job_completed(virConnectPtr connection, virDomainPtr domain, virTypedParameterPtr parameters,
                             int count, void *context)
{
        struct hypervisor *hypervisor = context;
        const char *role = virDomainGetName(domain);
        unsigned long long downtime_ms = 0;
        (void)connection;
        if (role == NULL ||
            virTypedParamsGetULLong(parameters, count, VIR_DOMAIN_JOB_DOWNTIME, &downtime_ms) != 1)
                return;
        struct task *task;
        hypervisor_lock(hypervisor);
        TAILQ_FOREACH(task, &hypervisor->tasks, link)
        if (task->kind == CLUSTER_ACTION_MOVE && text_equal(task->role, role)) {
                task->has_downtime = true;
                task->downtime_ms = (uint32_t)downtime_ms;
        }
        pthread_cond_broadcast(&hypervisor->changed);
        hypervisor_unlock(hypervisor);
}

static void on_free(void *context)
{
        hypervisor_release(context);
}

static int register_one(struct hypervisor *hypervisor, virConnectPtr connection, int id,
                        virConnectDomainEventGenericCallback callback)
{
        hypervisor_lock(hypervisor);
        hypervisor_reference(hypervisor);
        hypervisor_unlock(hypervisor);
        int r = virConnectDomainEventRegisterAny(connection, NULL, id, callback, hypervisor, on_free);
        if (r < 0)
                hypervisor_release(hypervisor);
        return r;
}

int event_register(struct hypervisor *hypervisor, virConnectPtr connection,
                   int ret_callbacks[EVENT_CALLBACKS])
{
        ret_callbacks[0] = register_one(hypervisor, connection, VIR_DOMAIN_EVENT_ID_LIFECYCLE,
                                        VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle));
        /* Without it the downtime is what we measured ourselves. */
        ret_callbacks[1] = register_one(hypervisor, connection, VIR_DOMAIN_EVENT_ID_JOB_COMPLETED,
                                        VIR_DOMAIN_EVENT_CALLBACK(on_job_completed));
        /* Without it a guest that has stalled does not say which disk failed it. */
        ret_callbacks[2] = register_one(hypervisor, connection, VIR_DOMAIN_EVENT_ID_IO_ERROR_REASON,
                                        VIR_DOMAIN_EVENT_CALLBACK(on_io_error));
        return ret_callbacks[0] < 0 ? -1 : 0;
}
