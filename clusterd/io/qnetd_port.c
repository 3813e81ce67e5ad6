/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/qnetd_port.h"

#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "clusterd/io/hypervisor_worker.h"
#include "clusterd/io/log.h"
#include "clusterd/io/qnetd_device.h"
#include "clusterd/io/qnetd_place.h"

struct qnetd_port {
        qb_loop_t *loop;
        struct mailbox *mailbox;
        struct process_runner *runner;
        uint32_t node;
        qnetd_on_event on_event;
        void *context;
        struct qnetd_device *device; /* NULL: no qnetd is the witness */
        char host[ADDRESS_BYTES];
};

struct qnetd_port *qnetd_port_new(qb_loop_t *loop, struct mailbox *mailbox, struct process_runner *runner,
                                  uint32_t node, qnetd_on_event on_event, void *context)
{
        struct qnetd_port *port = calloc(1, sizeof *port);
        if (port == NULL)
                abort();
        *port = (struct qnetd_port){ .loop = loop,
                                     .mailbox = mailbox,
                                     .runner = runner,
                                     .node = node,
                                     .on_event = on_event,
                                     .context = context };
        return port;
}

void qnetd_port_free(struct qnetd_port *port)
{
        if (port == NULL)
                return;
        qnetd_device_free(port->device);
        free(port);
}

/* --- what the device tells --- */

static void on_ring(void *context, uint64_t ring, node_set members)
{
        struct qnetd_port *port = context;
        struct cluster_event event = { .kind = CLUSTER_EVENT_QNETD, .qnetd = { .news = QNETD_RING } };
        event.qnetd.ring = ring;
        event.qnetd.members = members;
        port->on_event(port->context, &event);
}

static void on_answer(void *context, bool granted, uint64_t connection)
{
        struct qnetd_port *port = context;
        struct cluster_event event = { .kind = CLUSTER_EVENT_QNETD, .qnetd = { .news = QNETD_ANSWER } };
        event.qnetd.granted = granted;
        event.qnetd.connection = connection;
        log_info("qnetd %s" QB_XS " connection=%#llx",
                 granted ? "votes for this ring" : "does not vote for this ring",
                 (unsigned long long)connection);
        port->on_event(port->context, &event);
}

static void explain(const struct qnetd_port *port, const struct qnetd_sight *sight, char text[REASON_BYTES])
{
        if (sight->error == -ENOENT || sight->error == -ECONNREFUSED)
                (void)snprintf(text, REASON_BYTES, "corosync-qdevice does not run here; see its log");
        else if (sight->error != 0)
                (void)snprintf(text, REASON_BYTES, "nothing is known of corosync-qdevice: %s",
                               strerrordesc_np(-sight->error));
        else if (!sight->connected)
                (void)snprintf(text, REASON_BYTES,
                               "no connection to %.60s; see corosync-qdevice-tool -sv, and the certificates",
                               port->host);
        else if (!sight->voted)
                (void)snprintf(text, REASON_BYTES, "qnetd at %.60s does not vote for this node", port->host);
        else
                (void)snprintf(text, REASON_BYTES, "the connection to qnetd is new");
}

static void on_sight(void *context, const struct qnetd_sight *sight)
{
        struct qnetd_port *port = context;
        struct cluster_event event = { .kind = CLUSTER_EVENT_QNETD, .qnetd = { .news = QNETD_SIGHT } };
        event.qnetd.votes = sight->error == 0 && sight->connected && sight->voted;
        event.qnetd.connection = sight->error == 0 ? sight->connection : 0;
        explain(port, sight, event.qnetd.text);
        port->on_event(port->context, &event);
}

static void *remove_run(void *context)
{
        (void)context;
        int error = qnetd_device_remove();
        if (error != 0 && error != -ENOTCONN) /* without corosync there is none */
                log_warning("corosync still has the device of a qnetd" QB_XS " errno=%d", -error);
        return NULL;
}

void qnetd_port_attend(struct qnetd_port *port, const struct cluster_action *action)
{
        struct qnetd_listener listener = {
                .context = port, .on_ring = on_ring, .on_answer = on_answer, .on_sight = on_sight
        };
        struct qdevice_config config = qdevice_config_default;
        uint16_t number;
        qnetd_device_free(port->device);
        port->device = NULL;
        if (action->witness.whom.kind != WITNESS_QNETD) {
                (void)worker_start_thread(remove_run, NULL);
                return;
        }
        int error = qnetd_place_parse(action->witness.whom.place, config.host, &number);
        if (number != 0)
                config.port = number;
        TEXT_COPY(port->host, config.host);
        if (error == 0)
                error = qnetd_device_new(port->loop, port->mailbox, port->runner, port->node, &config,
                                         &listener, &port->device);
        if (error == 0)
                return;
        struct cluster_event event = { .kind = CLUSTER_EVENT_QNETD, .qnetd = { .news = QNETD_SIGHT } };
        TEXT_PRINT(event.qnetd.text, "%.60s cannot be asked from here: %s", action->witness.whom.place,
                   strerrordesc_np(-error));
        port->on_event(port->context, &event);
}
