/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <errno.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "clusterd/base/text.h"
#include "clusterd/io/hypervisor_state.h"

#define FREE_WAIT_MS 1000 /* threads that do not hang are gone by then */

/* Events on their way to the loop. */
struct parcel {
        struct hypervisor *hypervisor; /* referenced */
        size_t count;
        struct cluster_event events[];
};

uint64_t hypervisor_now_ms(void)
{
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void hypervisor_lock(struct hypervisor *hypervisor)
{
        int r = pthread_mutex_lock(&hypervisor->lock);
        assert(r == 0);
}

void hypervisor_unlock(struct hypervisor *hypervisor)
{
        int r = pthread_mutex_unlock(&hypervisor->lock);
        assert(r == 0);
}

void hypervisor_wait_until(struct hypervisor *hypervisor, uint64_t at_ms)
{
        if (at_ms == TIME_NEVER) {
                (void)pthread_cond_wait(&hypervisor->changed, &hypervisor->lock);
                return;
        }
        struct timespec at = { .tv_sec = (time_t)(at_ms / 1000), .tv_nsec = (long)(at_ms % 1000) * 1000000 };
        (void)pthread_cond_timedwait(&hypervisor->changed, &hypervisor->lock, &at);
}

void hypervisor_reference(struct hypervisor *hypervisor)
{
        hypervisor->references++;
}

static void destroy(struct hypervisor *hypervisor)
{
        assert(TAILQ_EMPTY(&hypervisor->tasks));
        pthread_cond_destroy(&hypervisor->changed);
        pthread_mutex_destroy(&hypervisor->lock);
        free(hypervisor->marks);
        free(hypervisor->failures);
        free(hypervisor->uri);
        free(hypervisor->peer_uri);
        free(hypervisor->redirect_dir);
        free(hypervisor);
}

void hypervisor_release(struct hypervisor *hypervisor)
{
        hypervisor_lock(hypervisor);
        bool is_last = --hypervisor->references == 0;
        pthread_cond_broadcast(&hypervisor->changed);
        hypervisor_unlock(hypervisor);
        if (is_last)
                destroy(hypervisor);
}

bool hypervisor_start_thread(struct hypervisor *hypervisor, void *(*run)(void *))
{
        hypervisor_reference(hypervisor);
        if (worker_start_thread(run, hypervisor) == 0)
                return true;
        hypervisor->references--;
        return false;
}

/* On the loop thread. */
static void deliver(void *context, void *contents)
{
        struct parcel *parcel = contents;
        struct hypervisor *hypervisor = parcel->hypervisor;
        (void)context;
        for (size_t i = 0; i < parcel->count; i++) {
                hypervisor_lock(hypervisor);
                bool is_closed = hypervisor->is_closed;
                hypervisor_unlock(hypervisor);
                if (!is_closed)
                        hypervisor->listener.on_event(hypervisor->listener.context, &parcel->events[i]);
        }
        free(parcel);
        hypervisor_release(hypervisor);
}

void hypervisor_post(struct hypervisor *hypervisor, const struct cluster_event *events, size_t count)
{
        if (hypervisor->is_closed || count == 0)
                return;
        struct parcel *parcel = malloc(sizeof(*parcel) + count * sizeof(*events));
        assert(parcel != NULL);
        parcel->hypervisor = hypervisor;
        parcel->count = count;
        memcpy(parcel->events, events, count * sizeof(*events));
        hypervisor_reference(hypervisor);
        mailbox_post(hypervisor->mailbox, deliver, NULL, parcel);
}

void hypervisor_post_observed(struct hypervisor *hypervisor, const char *role, enum observation observation,
                              const char *text)
{
        struct cluster_event event = { .kind = CLUSTER_EVENT_OBSERVED };
        TEXT_COPY(event.observed.role, role);
        event.observed.observation = observation;
        TEXT_COPY(event.observed.text, text);
        hypervisor_post(hypervisor, &event, 1);
}

/* What libvirt says reaches the log with its context; by itself it would print on standard error. */
static void on_error(void *context, virErrorPtr error)
{
        (void)context;
        (void)error;
}

static struct hypervisor *hypervisor_make(struct mailbox *mailbox, const struct hypervisor_options *options,
                                          const struct hypervisor_listener *listener)
{
        struct hypervisor *hypervisor = calloc(1, sizeof(*hypervisor));
        assert(hypervisor != NULL);
        hypervisor->mailbox = mailbox;
        hypervisor->listener = *listener;
        hypervisor->uri = strdup(options->uri);
        hypervisor->peer_uri = strdup(options->peer_uri);
        hypervisor->gateways = options->gateways;
        hypervisor->exports = options->exports;
        hypervisor->redirect_dir = strdup(options->redirect_dir);
        assert(hypervisor->uri != NULL && hypervisor->peer_uri != NULL && hypervisor->redirect_dir != NULL);
        (void)mkdir(hypervisor->redirect_dir, 0755);
        hypervisor->workers = worker_pool_new();
        hypervisor->references = 1;
        TAILQ_INIT(&hypervisor->tasks);
        pthread_mutex_init(&hypervisor->lock, NULL);
        pthread_condattr_t attributes;
        pthread_condattr_init(&attributes);
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
        pthread_cond_init(&hypervisor->changed, &attributes);
        pthread_condattr_destroy(&attributes);
        return hypervisor;
}

int hypervisor_new(struct mailbox *mailbox, const struct hypervisor_options *options,
                   const struct hypervisor_listener *listener, struct hypervisor **ret_hypervisor)
{
        const char *address = strstr(options->peer_uri, "%s");
        if (address == NULL || strstr(address + 2, "%s") != NULL)
                return -EINVAL;
        if (virInitialize() < 0 || virEventRegisterDefaultImpl() < 0)
                return -ENOSYS;
        virSetErrorFunc(NULL, on_error);
        struct hypervisor *hypervisor = hypervisor_make(mailbox, options, listener);
        hypervisor_lock(hypervisor);
        bool is_running = hypervisor_start_thread(hypervisor, connection_run_event_loop) &&
                          hypervisor_start_thread(hypervisor, task_keep_time) &&
                          hypervisor_start_thread(hypervisor, connection_run);
        hypervisor_unlock(hypervisor);
        if (!is_running) {
                hypervisor_free(hypervisor);
                return -EAGAIN;
        }
        *ret_hypervisor = hypervisor;
        return 0;
}

void hypervisor_free(struct hypervisor *hypervisor)
{
        if (hypervisor == NULL)
                return;
        hypervisor_lock(hypervisor);
        hypervisor->is_closed = true;
        connection_wake_event_loop();
        pthread_cond_broadcast(&hypervisor->changed);
        /* The store may be closed after us. */
        while (hypervisor->reading > 0)
                hypervisor_wait_until(hypervisor, TIME_NEVER);
        uint64_t until_ms = hypervisor_now_ms() + FREE_WAIT_MS;
        while (hypervisor->references > 1 && hypervisor_now_ms() < until_ms)
                hypervisor_wait_until(hypervisor, until_ms);
        hypervisor_unlock(hypervisor);
        /* A thread that hangs keeps what it stands on; the process is about to end. */
        worker_pool_free(hypervisor->workers);
        hypervisor_release(hypervisor);
}

static task_step step_of(enum cluster_action_kind kind)
{
        switch ((int)kind) {
        case CLUSTER_ACTION_START:
                return start_step;
        case CLUSTER_ACTION_STOP:
                return stop_step;
        case CLUSTER_ACTION_MOVE:
                return move_step;
        case CLUSTER_ACTION_PREPARE:
                return prepare_step;
        case CLUSTER_ACTION_ANNOUNCE:
                return announce_step;
        case CLUSTER_ACTION_LIST:
                return list_step;
        case CLUSTER_ACTION_COPY:
                return copy_step;
        case CLUSTER_ACTION_RESUME:
                return resume_step;
        case CLUSTER_ACTION_REDIRECT:
                return redirect_step;
        case CLUSTER_ACTION_RETURN:
                return return_step;
        case CLUSTER_ACTION_EXPORT:
                return export_step;
        }
        return NULL;
}

static void take_copy(struct task *task, const struct cluster_action *action)
{
        TEXT_COPY(task->role, action->copy.role);
        task->copy = (struct copy_task){ .index = action->copy.index,
                                         .order = action->copy.order,
                                         .succeeded = action->copy.succeeded,
                                         .keep = action->copy.keep };
        TEXT_COPY(task->copy.disk, action->copy.disk);
        TEXT_COPY(task->copy.from, action->copy.from);
        TEXT_COPY(task->copy.to, action->copy.to);
        if (task->copy.order == COPY_ORDER_END || task->copy.order == COPY_ORDER_CLEAR)
                copy_cut(task->hypervisor, task->role);
}

void hypervisor_carry_out(struct hypervisor *hypervisor, const struct cluster_action *action)
{
        task_step step = step_of(action->kind);
        assert(step != NULL);
        struct task *task = task_new(hypervisor, action->kind, step);
        if (action->kind == CLUSTER_ACTION_LIST) {
                task->listing = action->listing;
        } else if (action->kind == CLUSTER_ACTION_COPY) {
                take_copy(task, action);
        } else {
                TEXT_COPY(task->role, action->role.name);
                task->generation = action->role.generation;
                task->timeout_ms = action->role.timeout_ms;
                memcpy(task->definition_hash, action->role.definition_hash, HASH_BYTES);
                TEXT_COPY(task->address, action->role.address);
                TEXT_COPY(task->migration_address, action->role.migration_address);
                task->index = action->role.index;
                task->open = action->role.open;
                task->port = action->role.port;
                TEXT_COPY(task->key, action->role.key);
        }
        task_begin(task, hypervisor_now_ms());
}

bool hypervisor_progress_read(const struct hypervisor *hypervisor, struct hypervisor_progress *ret_progress)
{
        /* The lock is not part of what is promised not to change. */
        struct hypervisor *unlocked = (struct hypervisor *)(uintptr_t)hypervisor;
        struct task *task;
        bool is_found = false;
        hypervisor_lock(unlocked);
        TAILQ_FOREACH(task, &unlocked->tasks, link)
        {
                bool lasts = task->kind == CLUSTER_ACTION_MOVE ||
                             (task->kind == CLUSTER_ACTION_COPY && task->copy.order == COPY_ORDER_MIRROR);
                bool wanted = ret_progress->role[0] == '\0' || text_equal(task->role, ret_progress->role);
                if (!lasts || task->is_answered || !wanted)
                        continue;
                *ret_progress = task->progress;
                is_found = true;
                break;
        }
        hypervisor_unlock(unlocked);
        return is_found;
}
