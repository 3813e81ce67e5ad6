/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "simulation/queue.h"

#include <assert.h>
#include <stdlib.h>

static bool event_is_before(const struct event *a, const struct event *b)
{
        return a->time_us != b->time_us ? a->time_us < b->time_us : a->sequence < b->sequence;
}

static void event_swap(struct event *a, struct event *b)
{
        struct event kept = *a;
        *a = *b;
        *b = kept;
}

void queue_push(struct queue *queue, struct event event)
{
        if (queue->count == queue->capacity) {
                queue->capacity = queue->capacity == 0 ? 256 : 2 * queue->capacity;
                queue->heap = realloc(queue->heap, queue->capacity * sizeof(*queue->heap));
                assert(queue->heap != NULL);
        }
        event.sequence = ++queue->next_sequence;
        size_t at = queue->count++;
        queue->heap[at] = event;
        while (at > 0 && event_is_before(&queue->heap[at], &queue->heap[(at - 1) / 2])) {
                event_swap(&queue->heap[at], &queue->heap[(at - 1) / 2]);
                at = (at - 1) / 2;
        }
}

static void queue_sift_down(struct queue *queue)
{
        size_t at = 0;
        for (;;) {
                size_t first = at;
                for (size_t child = 2 * at + 1; child <= 2 * at + 2 && child < queue->count; child++)
                        if (event_is_before(&queue->heap[child], &queue->heap[first]))
                                first = child;
                if (first == at)
                        return;
                event_swap(&queue->heap[at], &queue->heap[first]);
                at = first;
        }
}

bool queue_pop(struct queue *queue, struct event *ret_event)
{
        if (queue->count == 0)
                return false;
        *ret_event = queue->heap[0];
        queue->heap[0] = queue->heap[--queue->count];
        queue_sift_down(queue);
        return true;
}

void queue_release(struct queue *queue)
{
        for (size_t i = 0; i < queue->count; i++)
                free(queue->heap[i].payload);
        free(queue->heap);
        *queue = (struct queue){ 0 };
}
