/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_QDEVICE_CONFIG_H
#define CLU_CLUSTERD_IO_QDEVICE_CONFIG_H

/*
 * Tells corosync, as it runs, which qnetd this node asks. Nothing is written to
 * corosync.conf: what the ledger says is told again whenever corosync starts.
 */

#include <stdbool.h>
#include <stdint.h>

#include "clusterd/base/limits.h"

struct qdevice_config {
        char host[ADDRESS_BYTES];
        uint16_t port;
        uint32_t timeout_ms;      /* as quorum.device.timeout: 0.8 of it between two heartbeats */
        uint32_t sync_timeout_ms; /* for so long a new ring waits for the vote */
};

extern const struct qdevice_config qdevice_config_default; /* without a host */

/*
 * Waits for corosync: from a thread. *ret_changed: it was told something new, which corosync-qdevice reads
 * only when it starts. 0; -ENOTCONN: no corosync; -EBUSY: not now; other negative errno.
 */
int qdevice_config_set(const struct qdevice_config *config, bool *ret_changed);
/*
 * Its vote, which votequorum expects also while it gives none, counts for nothing until it is told anew.
 * corosync-qdevice bears that as long as it is not connected, and ends when it is. 0 or negative errno.
 */
int qdevice_config_leave_out(void);
/* There is no device any more: end corosync-qdevice first. */
int qdevice_config_remove(void);

#endif
