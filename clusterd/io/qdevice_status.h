/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_QDEVICE_STATUS_H
#define CLU_CLUSTERD_IO_QDEVICE_STATUS_H

/*
 * What this node's corosync-qdevice says of itself, by its status socket: its
 * library tells the vote, and no library tells the connection.
 */

#include <stdbool.h>
#include <stdint.h>

#define QDEVICE_SOCKET "/run/corosync-qdevice/corosync-qdevice.sock"

struct qdevice_status {
        bool connected; /* to qnetd, and past all greetings */
        bool encrypted;
        /*
         * Which connection: of which process, since which second; 0: none. Two of one second look alike, so
         * trust one only when it is older than that.
         */
        uint64_t connection;
};

/* text: as corosync-qdevice-tool -sv prints it. What is not understood is no connection. */
struct qdevice_status qdevice_status_read(const char *text, uint32_t process);

/*
 * Waits for at most that long: from a thread. 0; -ENOENT, -ECONNREFUSED: it does not run; -ETIMEDOUT: it
 * hangs; other negative errno.
 */
int qdevice_status_ask(const char *path, uint32_t timeout_ms, struct qdevice_status *ret_status);
/* Asks it to give its vote up and to end, in the same way. */
int qdevice_shutdown(const char *path, uint32_t timeout_ms);

#endif
