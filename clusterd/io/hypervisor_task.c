/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "clusterd/io/hypervisor_state.h"

static enum operation operation_of(enum cluster_action_kind kind)
{
        switch ((int)kind) {
        case CLUSTER_ACTION_START:
                return OPERATION_START;
        case CLUSTER_ACTION_STOP:
                return OPERATION_STOP;
        case CLUSTER_ACTION_MOVE:
                return OPERATION_MOVE;
        case CLUSTER_ACTION_RESUME:
                return OPERATION_RESUME;
        case CLUSTER_ACTION_REDIRECT:
                return OPERATION_REDIRECT;
        case CLUSTER_ACTION_RETURN:
                return OPERATION_RETURN;
        }
        return OPERATION_NONE;
}

static uint64_t allowed_ms(const struct task *task)
{
        switch ((int)task->kind) {
        case CLUSTER_ACTION_START:
                return START_DEADLINE_MS;
        case CLUSTER_ACTION_STOP:
                return task->timeout_ms + STOP_EXTRA_MS;
        case CLUSTER_ACTION_MOVE:
                return MOVE_STILL_MS;
        case CLUSTER_ACTION_PREPARE:
                return PREPARE_DEADLINE_MS;
        case CLUSTER_ACTION_LIST:
                return LIST_DEADLINE_MS;
        case CLUSTER_ACTION_COPY:
                return COPY_DEADLINE_MS;
        case CLUSTER_ACTION_RESUME:
                return RESUME_DEADLINE_MS;
        case CLUSTER_ACTION_REDIRECT:
        case CLUSTER_ACTION_RETURN:
                return REDIRECT_DEADLINE_MS;
        case CLUSTER_ACTION_EXPORT:
                return EXPORT_DEADLINE_MS;
        }
        return ANNOUNCE_DEADLINE_MS;
}

struct task *task_new(struct hypervisor *hypervisor, enum cluster_action_kind kind, task_step step)
{
        struct task *task = calloc(1, sizeof(*task));
        assert(task != NULL);
        task->hypervisor = hypervisor;
        task->kind = kind;
        task->step = step;
        task->poll_at_ms = TIME_NEVER;
        return task;
}

void task_begin(struct task *task, uint64_t at_ms)
{
        struct hypervisor *hypervisor = task->hypervisor;
        task->started_ms = hypervisor_now_ms();
        task->step_at_ms = at_ms;
        task->deadline_ms = task->started_ms + allowed_ms(task);
        /* Nobody waits for a list that nobody asked for: it is tried until it succeeds. */
        if (task->kind == CLUSTER_ACTION_LIST && task->listing == 0)
                task->deadline_ms = TIME_NEVER;
        if (task->kind == CLUSTER_ACTION_COPY && task->copy.order == COPY_ORDER_MIRROR)
                task->deadline_ms = TIME_NEVER; /* however long it takes: somebody may end it */
        TEXT_COPY(task->progress.role, task->role);
        TEXT_COPY(task->progress.step, "prepare");
        hypervisor_lock(hypervisor);
        TAILQ_INSERT_TAIL(&hypervisor->tasks, task, link);
        pthread_cond_broadcast(&hypervisor->changed);
        hypervisor_unlock(hypervisor);
}

/* Locked. */
static void post_done(struct task *task, enum operation_result result, enum observation observation,
                      const char *text)
{
        struct cluster_event event = { .kind = CLUSTER_EVENT_OPERATION_DONE };
        TEXT_COPY(event.operation.role, task->role);
        event.operation.generation = task->generation;
        event.operation.operation = operation_of(task->kind);
        event.operation.result = result;
        event.operation.observation = observation;
        event.operation.duration_ms = (uint32_t)(hypervisor_now_ms() - task->started_ms);
        event.operation.downtime_ms = task->downtime_ms;
        TEXT_COPY(event.operation.text, text == NULL ? "" : text);
        hypervisor_post(task->hypervisor, &event, 1);
}

/* A guest is gone when nothing can write for it any more. */
static bool is_all_gone(struct task *task)
{
        struct iscsi_gateways *gateways = task->hypervisor->gateways;
        return gateways == NULL || iscsi_gateways_end(gateways, task->role) == 0;
}

void task_finish(struct task *task, enum operation_result result, enum observation observation,
                 const char *text)
{
        struct hypervisor *hypervisor = task->hypervisor;
        if (result != OPERATION_UNKNOWN && observation_is_absent(observation) && !is_all_gone(task)) {
                result = OPERATION_UNKNOWN;
                text = "QEMU has gone, but a gateway to a disk of it has not";
        }
        hypervisor_lock(hypervisor);
        bool is_late = task->is_answered;
        task->is_answered = true;
        if (!is_late)
                post_done(task, result, observation, text);
        bool is_contradicted = result != OPERATION_UNKNOWN && task->was_seen &&
                               observation_is_absent(task->seen) != observation_is_absent(observation);
        bool is_closed = hypervisor->is_closed;
        hypervisor_unlock(hypervisor);
        /* What came of a call that nobody waits for any more is seen by looking anew. So is the truth when an
         * event (a guest that died as soon as it ran) and the end of the operation passed each other. */
        if ((is_late || is_contradicted) && !is_closed)
                domain_look_and_post(hypervisor, task->role);
}

bool task_is_over(struct task *task)
{
        hypervisor_lock(task->hypervisor);
        bool is_over = task->is_answered || task->hypervisor->is_closed;
        hypervisor_unlock(task->hypervisor);
        return is_over;
}

void task_step_again(struct task *task, uint64_t at_ms)
{
        hypervisor_lock(task->hypervisor);
        /* An event may have asked for it to be earlier. */
        if (at_ms < task->step_at_ms)
                task->step_at_ms = at_ms;
        pthread_cond_broadcast(&task->hypervisor->changed);
        hypervisor_unlock(task->hypervisor);
}

void task_on_event(struct hypervisor *hypervisor, const char *role, enum observation observation)
{
        struct task *task;
        TAILQ_FOREACH(task, &hypervisor->tasks, link)
        {
                if (operation_of(task->kind) == OPERATION_NONE || !text_equal(task->role, role))
                        continue;
                task->was_seen = true;
                task->seen = observation;
                if (task->kind == CLUSTER_ACTION_STOP && observation_is_absent(observation))
                        task->step_at_ms = hypervisor_now_ms();
        }
        pthread_cond_broadcast(&hypervisor->changed);
}

bool task_is_migrating(const struct hypervisor *hypervisor, const char *role)
{
        const struct task *task;
        TAILQ_FOREACH(task, &hypervisor->tasks, link)
        if (task->domain != NULL && text_equal(task->role, role))
                return true;
        return false;
}

/* The deadline came first. Locked. */
static void expire(struct task *task)
{
        task->is_answered = true;
        if (task->kind == CLUSTER_ACTION_LIST) {
                struct cluster_event event = { .kind = CLUSTER_EVENT_LISTED };
                event.listed.listing = task->listing;
                event.listed.failed = true;
                hypervisor_post(task->hypervisor, &event, 1);
        } else if (task->kind == CLUSTER_ACTION_PREPARE) {
                prepare_expire(task);
        } else if (task->kind == CLUSTER_ACTION_COPY) {
                copy_expire(task);
        } else if (task->kind == CLUSTER_ACTION_EXPORT) {
                export_expire(task);
        } else if (operation_of(task->kind) != OPERATION_NONE) {
                post_done(task, OPERATION_UNKNOWN, OBSERVED_ABSENT_UNKNOWN,
                          task->kind == CLUSTER_ACTION_MOVE ? "the move makes no progress"
                                                            : "libvirt did not answer in time");
        }
}

static void run_step(void *context)
{
        struct task *task = context;
        struct hypervisor *hypervisor = task->hypervisor;
        if (!task_is_over(task))
                task->step(task);
        hypervisor_lock(hypervisor);
        if (task->kind == CLUSTER_ACTION_LIST && task->listing != 0)
                hypervisor->is_listing = false;
        task->is_stepping = false;
        task->busy--;
        pthread_cond_broadcast(&hypervisor->changed);
        hypervisor_unlock(hypervisor);
        hypervisor_release(hypervisor);
}

static void run_poll(void *context)
{
        struct task *task = context;
        struct hypervisor *hypervisor = task->hypervisor;
        move_poll(task);
        hypervisor_lock(hypervisor);
        task->is_polling = false;
        task->busy--;
        task->poll_at_ms = hypervisor_now_ms() + MOVE_POLL_MS;
        pthread_cond_broadcast(&hypervisor->changed);
        hypervisor_unlock(hypervisor);
        hypervisor_release(hypervisor);
}

static bool changes_disks(enum cluster_action_kind kind)
{
        return kind == CLUSTER_ACTION_RESUME || kind == CLUSTER_ACTION_REDIRECT ||
               kind == CLUSTER_ACTION_RETURN;
}

/* Each has a connection of its own, and libvirt keeps no order between those. A stop cuts into a move, and
 * into what lets a guest go on. */
static bool is_kept_by(enum cluster_action_kind kind, enum cluster_action_kind earlier)
{
        if (kind == CLUSTER_ACTION_COPY || kind == CLUSTER_ACTION_EXPORT)
                return earlier == kind;
        return operation_of(kind) != OPERATION_NONE &&
               (earlier == CLUSTER_ACTION_START || earlier == CLUSTER_ACTION_STOP ||
                (changes_disks(kind) && changes_disks(earlier)));
}

static bool is_behind_another(const struct task *task)
{
        const struct task *other;
        TAILQ_FOREACH(other, &task->hypervisor->tasks, link)
        {
                if (other == task)
                        return false;
                if (is_kept_by(task->kind, other->kind) && text_equal(other->role, task->role))
                        return true;
        }
        return false;
}

/* Locked. A second list waits for the first: when listing hangs, it must not take thread after thread away.
 */
static bool may_step(const struct task *task, uint64_t now_ms)
{
        return !task->is_stepping && task->step_at_ms <= now_ms && !is_behind_another(task) &&
               (task->kind != CLUSTER_ACTION_LIST || task->listing == 0 || !task->hypervisor->is_listing);
}

static void start_step_of(struct task *task)
{
        struct hypervisor *hypervisor = task->hypervisor;
        task->is_stepping = true;
        task->step_at_ms = TIME_NEVER;
        task->busy++;
        hypervisor_reference(hypervisor);
        if (task->kind == CLUSTER_ACTION_LIST && task->listing != 0)
                hypervisor->is_listing = true;
        if (task->kind == CLUSTER_ACTION_MOVE || task->kind == CLUSTER_ACTION_COPY)
                worker_pool_submit_long(hypervisor->workers, run_step, task);
        else
                worker_pool_submit(hypervisor->workers, run_step, task);
}

static void start_poll_of(struct task *task)
{
        task->is_polling = true;
        task->busy++;
        hypervisor_reference(task->hypervisor);
        worker_pool_submit(task->hypervisor->workers, run_poll, task);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
        return a < b ? a : b;
}

/* Locked; returns when to look again. */
static uint64_t keep_time_of(struct task *task, uint64_t now_ms)
{
        if (!task->is_answered && task->deadline_ms <= now_ms)
                expire(task);
        if (task->is_answered || task->hypervisor->is_closed)
                return TIME_NEVER;
        if (may_step(task, now_ms))
                start_step_of(task);
        if (task->domain != NULL && !task->is_polling && task->poll_at_ms <= now_ms)
                start_poll_of(task);
        uint64_t next_ms = task->deadline_ms;
        if (!task->is_stepping && task->step_at_ms > now_ms)
                next_ms = earlier(next_ms, task->step_at_ms);
        if (task->domain != NULL && !task->is_polling)
                next_ms = earlier(next_ms, task->poll_at_ms);
        return next_ms;
}

static uint64_t keep_time_of_all(struct hypervisor *hypervisor)
{
        uint64_t next_ms = TIME_NEVER;
        struct task *task = TAILQ_FIRST(&hypervisor->tasks);
        while (task != NULL) {
                struct task *next = TAILQ_NEXT(task, link);
                next_ms = earlier(next_ms, keep_time_of(task, hypervisor_now_ms()));
                if (task->busy == 0 && (task->is_answered || hypervisor->is_closed)) {
                        TAILQ_REMOVE(&hypervisor->tasks, task, link);
                        explicit_bzero(task->key, sizeof task->key);
                        free(task);
                }
                task = next;
        }
        return next_ms;
}

void *task_keep_time(void *context)
{
        struct hypervisor *hypervisor = context;
        hypervisor_lock(hypervisor);
        while (!hypervisor->is_closed || !TAILQ_EMPTY(&hypervisor->tasks)) {
                uint64_t next_ms = keep_time_of_all(hypervisor);
                if (!hypervisor->is_closed || !TAILQ_EMPTY(&hypervisor->tasks))
                        hypervisor_wait_until(hypervisor, next_ms);
        }
        hypervisor_unlock(hypervisor);
        hypervisor_release(hypervisor);
        return NULL;
}
