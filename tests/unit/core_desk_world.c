/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/core_desk.h"

#include <check.h>

#include "clusterd/base/text.h"

/* What the hypervisor, the volumes and the fence devices answer. */

void desk_done(struct desk *desk, const char *role, enum operation operation, enum operation_result result,
               enum observation observation)
{
        struct cluster_event event = { .kind = CLUSTER_EVENT_OPERATION_DONE };
        TEXT_COPY(event.operation.role, role);
        event.operation.generation = desk_role(desk, role)->generation;
        event.operation.operation = operation;
        event.operation.result = result;
        event.operation.observation = observation;
        if (result != OPERATION_SUCCEEDED)
                TEXT_COPY(event.operation.text, "libvirt says no");
        desk_step(desk, &event);
        desk_settle(desk);
}

void desk_observed(struct desk *desk, const char *role, enum observation observation)
{
        struct cluster_event event = { .kind = CLUSTER_EVENT_OBSERVED };
        TEXT_COPY(event.observed.role, role);
        event.observed.observation = observation;
        desk_step(desk, &event);
        desk_settle(desk);
}

static void list_event(struct desk *desk, uint64_t listing, const char *role, enum observation observation,
                       bool end, bool failed)
{
        struct cluster_event event = { .kind = CLUSTER_EVENT_LISTED };
        event.listed.listing = listing;
        event.listed.end = end;
        event.listed.failed = failed;
        TEXT_COPY(event.listed.role, role);
        event.listed.observation = observation;
        desk_step(desk, &event);
        desk_settle(desk);
}

void desk_listed(struct desk *desk, uint64_t listing, const char *role, enum observation observation)
{
        list_event(desk, listing, role, observation, false, false);
}

void desk_list_end(struct desk *desk, uint64_t listing)
{
        list_event(desk, listing, "", OBSERVED_ABSENT_UNKNOWN, true, false);
}

void desk_list_failed(struct desk *desk, uint64_t listing)
{
        list_event(desk, listing, "", OBSERVED_ABSENT_UNKNOWN, false, true);
}

void desk_list(struct desk *desk, const char *role)
{
        desk_list_as(desk, role, OBSERVED_RUNNING);
}

void desk_list_as(struct desk *desk, const char *role, enum observation observation)
{
        const struct cluster_action *list = NULL, *next = NULL;
        while ((next = desk_take(desk, CLUSTER_ACTION_LIST)) != NULL)
                list = next;
        if (list != NULL) /* may have been asked too early for whatever the test is after */
                desk_list_failed(desk, list->listing);
        list = NULL;
        for (int i = 0; i < 200 && list == NULL; i++) {
                desk_wait(desk, 100);
                list = desk_take(desk, CLUSTER_ACTION_LIST);
        }
        ck_assert_msg(list != NULL, "no listing was asked for");
        if (role != NULL)
                desk_listed(desk, list->listing, role, observation);
        desk_list_end(desk, list->listing);
}

bool desk_look(struct desk *desk, node_set renewing)
{
        const struct cluster_action *action = desk_take(desk, CLUSTER_ACTION_LOOK);
        if (action == NULL)
                return false;
        struct cluster_event event = { .kind = CLUSTER_EVENT_LOOKED };
        event.looked.look = action->volume.look;
        event.looked.id = action->volume.id;
        event.looked.found = PATH_DIRECT;
        event.looked.seen = action->volume.expected;
        event.looked.renewing = renewing;
        desk_step(desk, &event);
        desk_settle(desk);
        return true;
}

void desk_fence_done(struct desk *desk, uint64_t attempt, uint32_t node, const char *device, bool off)
{
        struct cluster_event event = { .kind = CLUSTER_EVENT_FENCE_DONE };
        event.fence.attempt = attempt;
        event.fence.node = node;
        event.fence.succeeded = off;
        TEXT_COPY(event.fence.device, device);
        desk_step(desk, &event);
        desk_settle(desk);
}
