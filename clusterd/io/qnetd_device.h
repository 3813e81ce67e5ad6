/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_QNETD_DEVICE_H
#define CLU_CLUSTERD_IO_QNETD_DEVICE_H

/*
 * A qnetd as this node's witness: tells corosync of it, starts corosync-qdevice
 * and starts it again when it has ended, and hands on what it says.
 *
 * corosync-qdevice is a service of the host, not our child: it outlives
 * clusterd. Its certificates are the operator's (corosync-qdevice-net-certutil).
 */

#include "clusterd/io/process_runner.h"
#include "clusterd/io/qdevice_config.h"
#include "clusterd/io/qnetd_watch.h"

struct qnetd_device;

/* loop, mailbox, runner: outlive it. listener: called from the loop only. 0 or negative errno. */
int qnetd_device_new(qb_loop_t *loop, struct mailbox *mailbox, struct process_runner *runner, uint32_t node,
                     const struct qdevice_config *config, const struct qnetd_listener *listener,
                     struct qnetd_device **ret_device);
/* Leaves corosync-qdevice as it is. NULL accepted. */
void qnetd_device_free(struct qnetd_device *device);

/* This node has no qnetd any more. Waits for corosync-qdevice and corosync: from a thread. 0 or negative
 * errno. */
int qnetd_device_remove(void);

#endif
