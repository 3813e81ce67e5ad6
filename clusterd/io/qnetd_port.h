/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_QNETD_PORT_H
#define CLU_CLUSTERD_IO_QNETD_PORT_H

/* A qnetd that is the witness: its device on this node, and what that tells as the core's events. */

#include "clusterd/core/cluster.h"
#include "clusterd/io/mailbox.h"
#include "clusterd/io/process_runner.h"

struct qnetd_port;

/* CLUSTER_EVENT_QNETD */
typedef void (*qnetd_on_event)(void *context, const struct cluster_event *event);

struct qnetd_port *qnetd_port_new(qb_loop_t *loop, struct mailbox *mailbox, struct process_runner *runner,
                                  uint32_t node, qnetd_on_event on_event, void *context);
/* The device stays as it is: the next daemon finds it. Nothing is told after it. NULL accepted. */
void qnetd_port_free(struct qnetd_port *port);

/* CLUSTER_ACTION_ATTEND_QNETD. Does not wait for corosync. */
void qnetd_port_attend(struct qnetd_port *port, const struct cluster_action *action);

#endif
