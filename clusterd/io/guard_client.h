/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_GUARD_CLIENT_H
#define CLU_CLUSTERD_IO_GUARD_CLIENT_H

/* clusterd's line to the guard keeper, clu-guard. */

#include "clusterd/guard/guard_protocol.h"

struct guard_client;

int guard_client_new(const char *run_dir, struct guard_client **ret_client);
void guard_client_free(struct guard_client *client);

/*
 * At each change and every second. Never blocks. 0: the keeper has it in its
 * socket; -ENOTCONN: no keeper is running, so no watchdog stands behind us,
 * whatever its old report says; -EAGAIN: it does not read (hung); -errno.
 */
int guard_client_send(struct guard_client *client, const struct guard_order *order);

/*
 * Any time; at start-up before the first order. -ENOENT: no keeper has run
 * since the host started. report.watchdog is sure only while armed.
 */
int guard_client_read(const struct guard_client *client, struct guard_report *ret_report);

#endif
