/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <assert.h>
#include <errno.h>
#include <libvirt/virterror.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "clusterd/io/hypervisor_state.h"
#include "clusterd/io/log.h"

/* A libvirtd that answers nothing for 20 s is given up; calls that wait for it then fail. Domains are
 * another matter: a dead connection says nothing about them. */
#define KEEPALIVE_INTERVAL_S 5
#define KEEPALIVE_COUNT      3
#define BACKOFF_MIN_MS       100
#define BACKOFF_MAX_MS       2000

void connection_error(char ret_text[REASON_BYTES])
{
        const virError *error = virGetLastError();
        text_copy(ret_text, REASON_BYTES, error == NULL || error->message == NULL ? "" : error->message);
}

static void on_wake(int timer, void *context)
{
        (void)context;
        (void)virEventRemoveTimeout(timer);
}

void connection_wake_event_loop(void)
{
        (void)virEventAddTimeout(0, on_wake, NULL, NULL);
}

/* As long as libvirt may have callbacks to make or to free. */
void *connection_run_event_loop(void *context)
{
        struct hypervisor *hypervisor = context;
        hypervisor_lock(hypervisor);
        while (!hypervisor->is_closed || !hypervisor->is_connector_over) {
                hypervisor_unlock(hypervisor);
                (void)virEventRunDefaultImpl();
                hypervisor_lock(hypervisor);
        }
        hypervisor_unlock(hypervisor);
        hypervisor_release(hypervisor);
        return NULL;
}

virConnectPtr connection_open(const char *uri)
{
        virConnectPtr connection = virConnectOpen(uri);
        /* Drivers that are no remote ones have no need of it, and say so. */
        if (connection != NULL)
                (void)virConnectSetKeepAlive(connection, KEEPALIVE_INTERVAL_S, KEEPALIVE_COUNT);
        return connection;
}

void connection_close(virConnectPtr connection)
{
        if (connection != NULL)
                (void)virConnectClose(connection);
}

bool task_pause(struct task *task, uint32_t pause_ms)
{
        struct hypervisor *hypervisor = task->hypervisor;
        uint64_t until_ms = hypervisor_now_ms() + pause_ms;
        hypervisor_lock(hypervisor);
        while (!task->is_answered && !hypervisor->is_closed && hypervisor_now_ms() < until_ms)
                hypervisor_wait_until(hypervisor, until_ms);
        bool goes_on = !task->is_answered && !hypervisor->is_closed;
        hypervisor_unlock(hypervisor);
        return goes_on;
}

virConnectPtr connection_open_for(struct task *task)
{
        uint32_t pause_ms = BACKOFF_MIN_MS;
        do {
                virConnectPtr connection = connection_open(task->hypervisor->uri);
                /* It may have hung: what is too late must not be begun. */
                if (connection != NULL && !task_is_over(task))
                        return connection;
                connection_close(connection);
                pause_ms = pause_ms < BACKOFF_MAX_MS / 2 ? pause_ms * 2 : BACKOFF_MAX_MS;
        } while (task_pause(task, pause_ms));
        return NULL;
}

virConnectPtr connection_borrow(struct hypervisor *hypervisor, uint64_t at_ms)
{
        hypervisor_lock(hypervisor);
        while (hypervisor->connection == NULL && !hypervisor->is_closed && hypervisor_now_ms() < at_ms)
                hypervisor_wait_until(hypervisor, at_ms);
        virConnectPtr connection = hypervisor->connection;
        if (connection != NULL)
                (void)virConnectRef(connection);
        hypervisor_unlock(hypervisor);
        return connection;
}

/* An IPv6 address stands in brackets in a URI. */
char *connection_peer_uri(const struct hypervisor *hypervisor, const char *address)
{
        const char *place = strstr(hypervisor->peer_uri, "%s");
        bool is_ipv6 = strchr(address, ':') != NULL;
        char *uri = NULL;
        assert(place != NULL);
        int r = asprintf(&uri, "%.*s%s%s%s%s", (int)(place - hypervisor->peer_uri), hypervisor->peer_uri,
                         is_ipv6 ? "[" : "", address, is_ipv6 ? "]" : "", place + 2);
        assert(r >= 0);
        return uri;
}

/* On the event loop. */
static void on_close(virConnectPtr connection, int reason, void *context)
{
        struct hypervisor *hypervisor = context;
        (void)connection;
        (void)reason;
        hypervisor_lock(hypervisor);
        hypervisor->is_connection_lost = true;
        pthread_cond_broadcast(&hypervisor->changed);
        hypervisor_unlock(hypervisor);
}

static void on_close_free(void *context)
{
        hypervisor_release(context);
}

/* Callbacks first, list afterwards: what changes in between is told by either. */
static bool connection_watch(struct hypervisor *hypervisor, virConnectPtr connection,
                             int callbacks[EVENT_CALLBACKS])
{
        hypervisor_lock(hypervisor);
        hypervisor->is_connection_lost = false;
        hypervisor->mark_count = 0; /* what they were about may have ended unseen */
        hypervisor_reference(hypervisor);
        hypervisor_unlock(hypervisor);
        if (virConnectRegisterCloseCallback(connection, on_close, hypervisor, on_close_free) < 0) {
                hypervisor_release(hypervisor);
                return false;
        }
        return event_register(hypervisor, connection, callbacks) == 0;
}

/* Until it is lost. */
static void connection_use(struct hypervisor *hypervisor, virConnectPtr connection)
{
        hypervisor_lock(hypervisor);
        hypervisor->connection = connection;
        pthread_cond_broadcast(&hypervisor->changed);
        hypervisor_unlock(hypervisor);
        list_begin_unasked(hypervisor, hypervisor_now_ms());
        hypervisor_lock(hypervisor);
        while (!hypervisor->is_closed && !hypervisor->is_connection_lost)
                hypervisor_wait_until(hypervisor, TIME_NEVER);
        hypervisor->connection = NULL;
        bool is_lost = !hypervisor->is_closed;
        hypervisor_unlock(hypervisor);
        if (is_lost)
                log_warning("libvirt has gone; guests run on, and it is asked again" QB_XS " uri=%s",
                            hypervisor->uri);
}

static void connection_end(virConnectPtr connection, const int callbacks[EVENT_CALLBACKS])
{
        for (int i = 0; i < EVENT_CALLBACKS; i++)
                if (callbacks[i] >= 0)
                        (void)virConnectDomainEventDeregisterAny(connection, callbacks[i]);
        (void)virConnectUnregisterCloseCallback(connection, on_close);
        connection_close(connection);
}

/*
 * libvirt asks each QEMU binary what it can do when that is first wanted, which takes seconds. Wanted now, it
 * does not delay the first guest that a failover starts here.
 */
static void warm_up(void *context)
{
        SCOPED_FREE char *uri = context;
        virConnectPtr connection = connection_open(uri);
        SCOPED_FREE char *capabilities = connection == NULL ? NULL : virConnectGetCapabilities(connection);
        connection_close(connection);
}

/* False if there was none to be had. */
static bool connection_run_once(struct hypervisor *hypervisor, bool is_first_failure)
{
        int callbacks[EVENT_CALLBACKS] = { -1, -1, -1 };
        virConnectPtr connection = connection_open(hypervisor->uri);
        bool is_watched = connection != NULL && connection_watch(hypervisor, connection, callbacks);
        if (is_watched) {
                log_notice("connected to libvirt" QB_XS " uri=%s", hypervisor->uri);
                char *uri = strdup(hypervisor->uri);
                if (uri == NULL)
                        abort();
                worker_pool_submit_long(hypervisor->workers, warm_up, uri);
                connection_use(hypervisor, connection);
        } else if (is_first_failure) {
                char text[REASON_BYTES];
                connection_error(text);
                log_warning("cannot reach libvirt, will go on trying: %s" QB_XS " uri=%s", text,
                            hypervisor->uri);
        }
        if (connection != NULL)
                connection_end(connection, callbacks);
        return is_watched;
}

static bool pause_before_retry(struct hypervisor *hypervisor, uint32_t pause_ms)
{
        uint64_t until_ms = hypervisor_now_ms() + pause_ms;
        hypervisor_lock(hypervisor);
        while (!hypervisor->is_closed && hypervisor_now_ms() < until_ms)
                hypervisor_wait_until(hypervisor, until_ms);
        bool goes_on = !hypervisor->is_closed;
        hypervisor_unlock(hypervisor);
        return goes_on;
}

void *connection_run(void *context)
{
        struct hypervisor *hypervisor = context;
        uint32_t pause_ms = BACKOFF_MIN_MS;
        bool is_first_failure = true;
        do {
                bool was_connected = connection_run_once(hypervisor, is_first_failure);
                is_first_failure = was_connected;
                if (was_connected)
                        pause_ms = BACKOFF_MIN_MS;
                else
                        pause_ms = pause_ms < BACKOFF_MAX_MS / 2 ? pause_ms * 2 : BACKOFF_MAX_MS;
        } while (pause_before_retry(hypervisor, pause_ms));
        hypervisor_lock(hypervisor);
        hypervisor->is_connector_over = true;
        hypervisor_unlock(hypervisor);
        connection_wake_event_loop();
        hypervisor_release(hypervisor);
        return NULL;
}
