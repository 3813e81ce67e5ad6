/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "resource-agents/ocf_role.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "clusterd/base/text.h"
#include "clusterd/io/log.h"
#include "resource-agents/ocf_memory.h"
#include "resource-agents/ocf_sequence.h"

#define LISTING_PATIENCE_MS                                                                                  \
        5000 /* then who has not answered counts as running; the next listing knows more */
#define NS_PER_MS 1000000ull

struct parcel {
        STAILQ_ENTRY(parcel) link;
        struct cluster_event event;
};

struct listing {
        STAILQ_ENTRY(listing) link;
        uint64_t id;
};

struct ocf_roles {
        struct ocf_listener listener;
        struct ocf_host host;
        char *root, *run_dir;
        qb_loop_timer_handle listing_timer;
        qb_loop_timer_handle delivery_timer; /* not a job: libqb leaks those that are taken back */
        STAILQ_HEAD(parcels, parcel) parcels;
        STAILQ_HEAD(listings, listing) listings;  /* not yet answered */
        LIST_HEAD(ocf_role_list, ocf_role) roles; /* kept once made: names come back */
};

static void *memory_need(void *memory)
{
        if (memory == NULL)
                abort();
        return memory;
}

static void on_delivery(void *data)
{
        struct ocf_roles *roles = data;
        roles->delivery_timer = 0;
        while (!STAILQ_EMPTY(&roles->parcels)) {
                struct parcel *parcel = STAILQ_FIRST(&roles->parcels);
                STAILQ_REMOVE_HEAD(&roles->parcels, link);
                roles->listener.on_event(roles->listener.context, &parcel->event);
                free(parcel);
        }
}

static void event_post(void *context, const struct cluster_event *event)
{
        struct ocf_roles *roles = context;
        struct parcel *parcel = memory_need(calloc(1, sizeof *parcel));
        parcel->event = *event;
        STAILQ_INSERT_TAIL(&roles->parcels, parcel, link);
        if (roles->delivery_timer != 0)
                return;
        int error = qb_loop_timer_add(roles->host.loop, QB_LOOP_MED, 0, roles, on_delivery,
                                      &roles->delivery_timer);
        assert(error == 0);
}

/* Whatever is not confirmed stopped may write. */
static void listing_answer(struct ocf_roles *roles, uint64_t id)
{
        struct ocf_role *role;
        LIST_FOREACH(role, &roles->roles, link)
        {
                if (role->phase == OCF_ABSENT)
                        continue;
                struct cluster_event event = { .kind = CLUSTER_EVENT_LISTED };
                event.listed.listing = id;
                TEXT_COPY(event.listed.role, role->name);
                event.listed.observation = OBSERVED_RUNNING;
                event_post(roles, &event);
        }
        struct cluster_event end = { .kind = CLUSTER_EVENT_LISTED };
        end.listed.listing = id;
        end.listed.end = true;
        event_post(roles, &end);
}

static void listings_answer(struct ocf_roles *roles)
{
        if (roles->listing_timer != 0)
                (void)qb_loop_timer_del(roles->host.loop, roles->listing_timer);
        roles->listing_timer = 0;
        while (!STAILQ_EMPTY(&roles->listings)) {
                struct listing *listing = STAILQ_FIRST(&roles->listings);
                STAILQ_REMOVE_HEAD(&roles->listings, link);
                listing_answer(roles, listing->id);
                free(listing);
        }
}

static void on_listing_time(void *data)
{
        struct ocf_roles *roles = data;
        roles->listing_timer = 0;
        listings_answer(roles);
}

static void on_probed(void *context)
{
        struct ocf_roles *roles = context;
        struct ocf_role *role;
        LIST_FOREACH(role, &roles->roles, link)
        if (role->phase == OCF_PROBING)
                return;
        listings_answer(roles);
}

static void listing_begin(struct ocf_roles *roles, uint64_t id)
{
        struct listing *listing = memory_need(calloc(1, sizeof *listing));
        listing->id = id;
        STAILQ_INSERT_TAIL(&roles->listings, listing, link);
        struct ocf_role *role;
        LIST_FOREACH(role, &roles->roles, link)
        ocf_role_probe(role);
        if (roles->listing_timer == 0)
                (void)qb_loop_timer_add(roles->host.loop, QB_LOOP_MED, LISTING_PATIENCE_MS * NS_PER_MS, roles,
                                        on_listing_time, &roles->listing_timer);
        on_probed(roles);
}

static struct ocf_role *role_get(struct ocf_roles *roles, const char *name)
{
        struct ocf_role *role;
        LIST_FOREACH(role, &roles->roles, link)
        if (text_equal(role->name, name))
                return role;
        role = ocf_role_new(&roles->host, name);
        LIST_INSERT_HEAD(&roles->roles, role, link);
        return role;
}

static void role_order(struct ocf_roles *roles, const struct cluster_action *action, enum operation operation)
{
        ocf_role_order(role_get(roles, action->role.name), operation, action->role.generation,
                       action->role.definition_hash);
}

void ocf_roles_carry_out(struct ocf_roles *roles, const struct cluster_action *action)
{
        /* Most kinds are not ours: this switch needs its default. */
        switch ((int)action->kind) {
        case CLUSTER_ACTION_START:
                role_order(roles, action, OPERATION_START);
                return;
        case CLUSTER_ACTION_STOP:
                role_order(roles, action, OPERATION_STOP);
                return;
        case CLUSTER_ACTION_MOVE:
                role_order(roles, action, OPERATION_MOVE);
                return;
        case CLUSTER_ACTION_LIST:
                listing_begin(roles, action->listing);
                return;
        default:
                return;
        }
}

static void on_record(void *context, const struct ocf_record *record, int error)
{
        struct ocf_roles *roles = context;
        if (error < 0)
                log_error("what is remembered of a role cannot be read; it is taken to run here until it was "
                          "stopped" QB_XS " role=%s error=%s",
                          record->role, strerror(-error));
        ocf_role_remember(role_get(roles, record->role), record->generation, record->definition_hash,
                          record->definition, record->definition_bytes);
}

int ocf_roles_new(qb_loop_t *loop, struct process_runner *runner, const char *root, const char *run_dir,
                  const struct ocf_listener *listener, struct ocf_roles **ret_roles)
{
        struct ocf_roles *roles = memory_need(calloc(1, sizeof *roles));
        roles->listener = *listener;
        roles->root = memory_need(strdup(root));
        if (asprintf(&roles->run_dir, "%s/ocf", run_dir) < 0)
                abort();
        roles->host = (struct ocf_host){ .loop = loop,
                                         .runner = runner,
                                         .root = roles->root,
                                         .run_dir = roles->run_dir,
                                         .listener = &roles->listener,
                                         .context = roles,
                                         .post = event_post,
                                         .on_probed = on_probed };
        STAILQ_INIT(&roles->parcels);
        STAILQ_INIT(&roles->listings);
        LIST_INIT(&roles->roles);
        (void)mkdir(run_dir, 0755); /* others keep files there too; what is wrong with it shows below */
        int error = ocf_memory_open(roles->run_dir);
        if (error == 0)
                error = ocf_memory_read(roles->run_dir, on_record, roles);
        if (error < 0) {
                ocf_roles_free(roles);
                return error;
        }
        *ret_roles = roles;
        return 0;
}

void ocf_roles_free(struct ocf_roles *roles)
{
        if (roles == NULL)
                return;
        while (!LIST_EMPTY(&roles->roles)) {
                struct ocf_role *role = LIST_FIRST(&roles->roles);
                LIST_REMOVE(role, link);
                ocf_role_free(role);
        }
        while (!STAILQ_EMPTY(&roles->listings)) {
                struct listing *listing = STAILQ_FIRST(&roles->listings);
                STAILQ_REMOVE_HEAD(&roles->listings, link);
                free(listing);
        }
        if (roles->listing_timer != 0)
                (void)qb_loop_timer_del(roles->host.loop, roles->listing_timer);
        if (roles->delivery_timer != 0)
                (void)qb_loop_timer_del(roles->host.loop, roles->delivery_timer);
        while (!STAILQ_EMPTY(&roles->parcels)) {
                struct parcel *parcel = STAILQ_FIRST(&roles->parcels);
                STAILQ_REMOVE_HEAD(&roles->parcels, link);
                free(parcel);
        }
        free(roles->root);
        free(roles->run_dir);
        free(roles);
}
