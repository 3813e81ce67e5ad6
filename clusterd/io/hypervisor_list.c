/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <libvirt/virterror.h>
#include <stdlib.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "clusterd/io/hypervisor_state.h"
#include "clusterd/io/log.h"

#define LIST_TRIES    5    /* guests come and go while we look */
#define LIST_RETRY_MS 1000 /* of a list that nobody waits for */

struct list {
        uint64_t listing;
        size_t count;
        struct cluster_event *events; /* given */
};

static void list_add(struct list *list, const char *role, const struct sighting *sighting)
{
        struct cluster_event *event = &list->events[list->count++];
        event->kind = CLUSTER_EVENT_LISTED;
        event->listed.listing = list->listing;
        event->listed.observation = sighting->observation;
        if (sighting->observation == OBSERVED_STALLED)
                TEXT_COPY(event->listed.text, sighting->text);
        TEXT_COPY(event->listed.role, role);
}

/* A migration that is not ours, or of the daemon before us. Asked for only where nobody waits. */
static void mark_migration(struct hypervisor *hypervisor, virDomainPtr domain)
{
        enum observation observation = domain_migration(domain);
        const char *role = virDomainGetName(domain);
        hypervisor_lock(hypervisor);
        if (observation != OBSERVED_ABSENT_UNKNOWN && !task_is_migrating(hypervisor, role))
                mark_write(hypervisor, role, observation);
        hypervisor_unlock(hypervisor);
}

/* One that cannot be looked at spoils the list: what a list does not name counts as absent. */
static bool list_domains(struct hypervisor *hypervisor, virDomainPtr *domains, size_t count,
                         struct list *list)
{
        for (size_t i = 0; i < count; i++) {
                struct sighting sighting = { 0 };
                const char *role = virDomainGetName(domains[i]);
                if (role == NULL || !name_is_valid(role))
                        continue; /* no name of a role: somebody else's */
                if (list->listing == 0)
                        mark_migration(hypervisor, domains[i]);
                domain_look_at(hypervisor, domains[i], &sighting);
                if (sighting.look == LOOK_FAILED)
                        return false;
                if (sighting.look == LOOK_HERE)
                        list_add(list, role, &sighting);
        }
        return true;
}

static bool list_read(struct hypervisor *hypervisor, virConnectPtr connection, struct list *list)
{
        virDomainPtr *domains = NULL;
        int count = virConnectListAllDomains(connection, &domains, VIR_CONNECT_LIST_DOMAINS_ACTIVE);
        if (count < 0)
                return false;
        list->count = 0;
        free(list->events);
        list->events = calloc((size_t)count + 1, sizeof(*list->events));
        assert(list->events != NULL);
        bool is_whole = list_domains(hypervisor, domains, (size_t)count, list);
        for (int i = 0; i < count; i++)
                (void)virDomainFree(domains[i]);
        free(domains);
        return is_whole;
}

/* False when events came meanwhile, so that it may be older than what they said. */
static bool list_post(struct task *task, struct list *list, uint64_t events_seen, bool is_last_try)
{
        struct hypervisor *hypervisor = task->hypervisor;
        struct cluster_event *end = &list->events[list->count];
        end->kind = CLUSTER_EVENT_LISTED;
        end->listed.listing = list->listing;
        end->listed.end = true;
        hypervisor_lock(hypervisor);
        bool is_fresh = hypervisor->events_seen == events_seen || is_last_try;
        if (is_fresh && !task->is_answered) {
                task->is_answered = true;
                hypervisor_post(hypervisor, list->events, list->count + 1);
        }
        hypervisor_unlock(hypervisor);
        return is_fresh;
}

static bool is_listed(const struct list *list, const char *role)
{
        for (size_t i = 0; i < list->count; i++)
                if (!list->events[i].listed.export && text_equal(list->events[i].listed.role, role))
                        return true;
        return false;
}

/* A gateway serves one QEMU: who was using it before the list was read, and is not in it, has gone. False: it
 * is not certain that nothing writes for it any more. */
static bool end_gateways(struct hypervisor *hypervisor, const struct list *list, char (*used)[NAME_BYTES])
{
        bool ended = true;
        for (size_t i = 0; used != NULL && used[i][0] != '\0'; i++)
                if (!is_listed(list, used[i]))
                        ended &= iscsi_gateways_end(hypervisor->gateways, used[i]) == 0;
        return ended;
}

static void list_add_exports(struct hypervisor *hypervisor, struct list *list)
{
        SCOPED_FREE void *names = disk_exports_names(hypervisor->exports);
        char(*name)[NAME_BYTES] = names;
        for (; (*name)[0] != '\0'; name++) {
                list->events = reallocarray(list->events, list->count + 2, sizeof(*list->events));
                assert(list->events != NULL);
                struct cluster_event *event = &list->events[list->count++];
                *event = (struct cluster_event){ .kind = CLUSTER_EVENT_LISTED };
                event->listed.listing = list->listing;
                event->listed.export = true;
                TEXT_COPY(event->listed.role, *name);
        }
        list->events[list->count] = (struct cluster_event){ 0 };
}

/* As list_read(), and what is not in it has no gateway, either. */
static bool list_read_all(struct hypervisor *hypervisor, virConnectPtr connection, struct list *list)
{
        char(*used)[NAME_BYTES] =
                hypervisor->gateways == NULL ? NULL : iscsi_gateways_used(hypervisor->gateways);
        bool is_whole = list_read(hypervisor, connection, list) && end_gateways(hypervisor, list, used);
        free(used);
        if (is_whole)
                list_add_exports(hypervisor, list);
        return is_whole;
}

static bool list_try(struct task *task, virConnectPtr connection)
{
        struct hypervisor *hypervisor = task->hypervisor;
        struct list list = { .listing = task->listing };
        bool is_read = true, is_posted = false;
        for (int i = 1; i <= LIST_TRIES && is_read && !is_posted; i++) {
                hypervisor_lock(hypervisor);
                uint64_t events_seen = hypervisor->events_seen;
                hypervisor_unlock(hypervisor);
                is_read = list_read_all(hypervisor, connection, &list);
                is_posted = is_read && list_post(task, &list, events_seen, i == LIST_TRIES);
        }
        free(list.events);
        return is_posted;
}

static void list_fail(struct task *task)
{
        struct hypervisor *hypervisor = task->hypervisor;
        struct cluster_event event = { .kind = CLUSTER_EVENT_LISTED };
        event.listed.listing = task->listing;
        event.listed.failed = true;
        hypervisor_lock(hypervisor);
        if (!task->is_answered)
                hypervisor_post(hypervisor, &event, 1);
        task->is_answered = true;
        hypervisor_unlock(hypervisor);
}

void list_begin_unasked(struct hypervisor *hypervisor, uint64_t at_ms)
{
        struct task *task;
        hypervisor_lock(hypervisor);
        bool is_planned = false;
        TAILQ_FOREACH(task, &hypervisor->tasks, link)
        {
                if (task->kind != CLUSTER_ACTION_LIST || task->listing != 0 || task->is_answered ||
                    task->is_stepping)
                        continue;
                if (at_ms < task->step_at_ms)
                        task->step_at_ms = at_ms;
                is_planned = true;
        }
        pthread_cond_broadcast(&hypervisor->changed);
        hypervisor_unlock(hypervisor);
        if (!is_planned)
                task_begin(task_new(hypervisor, CLUSTER_ACTION_LIST, list_step), at_ms);
}

/* Nobody tells us when a migration fails that is not ours. */
static void follow_migrations(struct hypervisor *hypervisor)
{
        hypervisor_lock(hypervisor);
        bool is_any = mark_has_any(hypervisor, OBSERVED_OUTGOING);
        hypervisor_unlock(hypervisor);
        if (is_any)
                list_begin_unasked(hypervisor, hypervisor_now_ms() + LIST_RETRY_MS);
}

void list_step(struct task *task)
{
        bool is_asked = task->listing != 0;
        uint64_t until_ms = is_asked ? task->deadline_ms : hypervisor_now_ms();
        virConnectPtr connection = connection_borrow(task->hypervisor, until_ms);
        bool is_done = connection != NULL && list_try(task, connection);
        connection_close(connection);
        follow_migrations(task->hypervisor);
        if (is_done)
                return;
        if (is_asked)
                list_fail(task);
        else
                task_step_again(task, hypervisor_now_ms() + LIST_RETRY_MS);
}
