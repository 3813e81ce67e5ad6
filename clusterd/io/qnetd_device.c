/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/qnetd_device.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clusterd/io/hypervisor_worker.h"
#include "clusterd/io/log.h"
#include "clusterd/io/qdevice_status.h"

#define NS_PER_MS     1000000ull
#define TRY_MS        2000 /* between two starts */
#define START_MS      20000
#define SHUTDOWN_MS   1000
#define RUN_DIRECTORY "/run/corosync-qdevice"
#define SYSTEMD_MARK  "/run/systemd/system" /* sd_booted(3) */

struct qnetd_device {
        qb_loop_t *loop;
        struct mailbox *mailbox;
        struct process_runner *runner;
        struct qdevice_config config;
        struct qnetd_listener listener;
        struct qnetd_watch *watch;
        qb_loop_timer_handle timer; /* 0: none */
        bool absent;                /* corosync-qdevice does not run */
        bool told;                  /* corosync was, as long as it does not end */
        bool is_telling;            /* a thread waits for corosync */
        bool is_starting;           /* a child runs */
        pthread_mutex_t mutex;      /* of what the thread looks at: */
        bool closed;                /* nothing is posted any more */
        unsigned references;        /* the owner, the thread or what it has posted */
};

/* Travels to a thread and back. */
struct job {
        struct qnetd_device *device;
        struct qdevice_config config;
        int error;
};

/* Locked; unlocks. */
static void device_release(struct qnetd_device *device)
{
        bool is_last = --device->references == 0;
        pthread_mutex_unlock(&device->mutex);
        if (!is_last)
                return;
        pthread_mutex_destroy(&device->mutex);
        free(device);
}

static void on_started(void *context, const struct process_result *result)
{
        struct qnetd_device *device = context;
        device->is_starting = false;
        if (result->exit_code != 0 || result->timed_out)
                log_warning("corosync-qdevice does not start: %.200s", result->output);
}

static void start(struct qnetd_device *device)
{
        static const char *const by_systemd[] = { "systemctl", "restart", "corosync-qdevice.service", NULL };
        static const char *const by_itself[] = { "corosync-qdevice", NULL };
        bool systemd = access(SYSTEMD_MARK, F_OK) == 0;
        if (!systemd)
                (void)mkdir(RUN_DIRECTORY, 0770);
        device->is_starting = true;
        process_run(device->runner, &(struct process_request){ .argv = systemd ? by_systemd : by_itself,
                                                               .timeout_ms = START_MS,
                                                               .on_exit = on_started,
                                                               .context = device });
}

static void on_told(void *context, void *parcel)
{
        struct qnetd_device *device = context;
        struct job *job = parcel;
        device->is_telling = false;
        if (!device->closed && job->error == 0) {
                device->told = true;
                if (device->absent && !device->is_starting)
                        start(device);
        }
        free(job);
        pthread_mutex_lock(&device->mutex);
        device_release(device);
}

/* What it was told before is read by a corosync-qdevice only when it starts. */
static void *tell_run(void *context)
{
        struct job *job = context;
        struct qnetd_device *device = job->device;
        bool changed;
        job->error = qdevice_config_set(&job->config, &changed);
        if (job->error == 0 && changed)
                (void)qdevice_shutdown(QDEVICE_SOCKET, SHUTDOWN_MS);
        pthread_mutex_lock(&device->mutex);
        if (device->closed) {
                free(job);
                device_release(device);
        } else {
                mailbox_post(device->mailbox, on_told, device, job);
                pthread_mutex_unlock(&device->mutex);
        }
        return NULL;
}

static void tell(struct qnetd_device *device)
{
        struct job *job = calloc(1, sizeof *job);
        if (job == NULL)
                abort();
        *job = (struct job){ .device = device, .config = device->config };
        pthread_mutex_lock(&device->mutex);
        device->references++;
        pthread_mutex_unlock(&device->mutex);
        device->is_telling = worker_start_thread(tell_run, job) == 0;
        if (device->is_telling)
                return;
        free(job);
        pthread_mutex_lock(&device->mutex);
        device_release(device);
}

static void on_time(void *data)
{
        struct qnetd_device *device = data;
        if (!device->is_telling && !device->is_starting && (device->absent || !device->told))
                tell(device);
        int error = qb_loop_timer_add(device->loop, QB_LOOP_LOW, TRY_MS * NS_PER_MS, device, on_time,
                                      &device->timer);
        assert(error == 0);
}

static void on_ring(void *context, uint64_t ring, node_set members)
{
        struct qnetd_device *device = context;
        device->listener.on_ring(device->listener.context, ring, members);
}

static void on_answer(void *context, bool granted, uint64_t connection)
{
        struct qnetd_device *device = context;
        device->listener.on_answer(device->listener.context, granted, connection);
}

/* It ends with its corosync, which then has to be told anew. */
static void on_sight(void *context, const struct qnetd_sight *sight)
{
        struct qnetd_device *device = context;
        device->absent = sight->error == -ENOENT || sight->error == -ECONNREFUSED;
        if (sight->error != 0)
                device->told = false;
        device->listener.on_sight(device->listener.context, sight);
}

int qnetd_device_new(qb_loop_t *loop, struct mailbox *mailbox, struct process_runner *runner, uint32_t node,
                     const struct qdevice_config *config, const struct qnetd_listener *listener,
                     struct qnetd_device **ret_device)
{
        struct qnetd_device *device = calloc(1, sizeof *device);
        if (device == NULL)
                abort();
        device->loop = loop;
        device->mailbox = mailbox;
        device->runner = runner;
        device->config = *config;
        device->listener = *listener;
        device->references = 1;
        pthread_mutex_init(&device->mutex, NULL);
        struct qnetd_listener own = {
                .context = device, .on_ring = on_ring, .on_answer = on_answer, .on_sight = on_sight
        };
        int error = qnetd_watch_new(mailbox, node, &own, &device->watch);
        if (error != 0) {
                pthread_mutex_destroy(&device->mutex);
                free(device);
                return error;
        }
        on_time(device);
        *ret_device = device;
        return 0;
}

void qnetd_device_free(struct qnetd_device *device)
{
        if (device == NULL)
                return;
        (void)qb_loop_timer_del(device->loop, device->timer);
        if (device->is_starting)
                process_cancel(device->runner, device);
        qnetd_watch_free(device->watch);
        pthread_mutex_lock(&device->mutex);
        device->closed = true;
        device_release(device);
}

int qnetd_device_remove(void)
{
        int error = qdevice_shutdown(QDEVICE_SOCKET, SHUTDOWN_MS);
        if (error != 0 && error != -ENOENT && error != -ECONNREFUSED)
                return error;
        return qdevice_config_remove();
}
