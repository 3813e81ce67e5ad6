/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "simulation/queue.h"

#include <assert.h>
#include <stdlib.h>

static bool event_is_before(const struct event *a, const struct event *b)
{
        return a->time_us != b->time_us ? a->time_us < b->time_us : a->sequence < b->sequence;
}

/* The same order whether an incident was drawn just now or stood in the queue from the beginning. */
static bool event_is_early(enum event_kind kind)
{
        return kind == EVENT_INCIDENT || kind == EVENT_FAULT || kind == EVENT_OPERATOR;
}

void queue_push(struct queue *queue, struct event event)
{
        if (queue->count == queue->capacity) {
                queue->capacity = queue->capacity == 0 ? 256 : 2 * queue->capacity;
                queue->heap = realloc(queue->heap, queue->capacity * sizeof(*queue->heap));
                assert(queue->heap != NULL);
        }
        event.sequence = ++queue->next_sequence | (event_is_early(event.kind) ? 0 : UINT64_C(1) << 63);
        size_t at = queue->count++;
        while (at > 0 && event_is_before(&event, &queue->heap[(at - 1) / 4])) {
                queue->heap[at] = queue->heap[(at - 1) / 4];
                at = (at - 1) / 4;
        }
        queue->heap[at] = event;
}

/* Four children a place: half the levels of a binary heap, and children that lie side by side. */
static void queue_sift_down(struct queue *queue, const struct event *event)
{
        size_t at = 0;
        for (;;) {
                size_t child = 4 * at + 1, first = child;
                if (child >= queue->count)
                        break;
                size_t end = child + 4 < queue->count ? child + 4 : queue->count;
                for (child++; child < end; child++)
                        if (event_is_before(&queue->heap[child], &queue->heap[first]))
                                first = child;
                if (!event_is_before(&queue->heap[first], event))
                        break;
                queue->heap[at] = queue->heap[first];
                at = first;
        }
        queue->heap[at] = *event;
}

bool queue_pop(struct queue *queue, struct event *ret_event)
{
        if (queue->count == 0)
                return false;
        *ret_event = queue->heap[0];
        struct event last = queue->heap[--queue->count];
        if (queue->count > 0)
                queue_sift_down(queue, &last);
        return true;
}

void queue_release(struct queue *queue)
{
        for (size_t i = 0; i < queue->count; i++)
                free(queue->heap[i].payload);
        free(queue->heap);
        *queue = (struct queue){ 0 };
}
