/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "resource-agents/ocf_answer.h"

#include <stdlib.h>
#include <time.h>

#include "clusterd/base/text.h"

#define NS_PER_MS 1000000ull

uint64_t ocf_clock_ms(void)
{
        struct timespec now;
        (void)clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / NS_PER_MS;
}

void ocf_answer_order(struct ocf_role *role, enum operation_result result, enum observation observation,
                      const char *text)
{
        struct ocf_order *order = role->order;
        if (order == NULL)
                return;
        role->order = NULL;
        struct cluster_event event = { .kind = CLUSTER_EVENT_OPERATION_DONE };
        TEXT_COPY(event.operation.role, role->name);
        TEXT_COPY(event.operation.text, text);
        event.operation.generation = order->generation;
        event.operation.operation = order->operation;
        event.operation.result = result;
        event.operation.observation = observation;
        event.operation.duration_ms = (uint32_t)(ocf_clock_ms() - order->since_ms);
        free(order);
        role->host->post(role->host->context, &event);
}

void ocf_answer_observation(struct ocf_role *role, enum observation observation)
{
        struct cluster_event event = { .kind = CLUSTER_EVENT_OBSERVED };
        TEXT_COPY(event.observed.role, role->name);
        TEXT_COPY(event.observed.text, role->reason);
        event.observed.observation = observation;
        role->host->post(role->host->context, &event);
}
