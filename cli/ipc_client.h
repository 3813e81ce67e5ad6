/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLI_IPC_CLIENT_H
#define CLU_CLI_IPC_CLIENT_H

/* One question to clusterd on this node, and its answer. */

#include <stddef.h>

/*
 * text: JSON, at most MESSAGE_BYTES. timeout_ms covers everything; negative:
 * no limit. *ret_reply: JSON, closed by a zero that *ret_bytes does not count;
 * given, free() it.
 *
 * -ECONNREFUSED the daemon is not reachable; -EACCES it does not let us in;
 * -ETIMEDOUT the answer did not come in time (what was asked may go on);
 * -ECONNRESET the daemon went away in between (what was asked may have been
 * done); -EMSGSIZE or -EBADMSG it refused to read the request.
 */
int ipc_call(const char *service, const char *text, size_t bytes, int timeout_ms, char **ret_reply,
             size_t *ret_bytes);

#endif
