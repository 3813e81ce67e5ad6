/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLI_IPC_CLIENT_H
#define CLU_CLI_IPC_CLIENT_H

/* Questions to clusterd on this node, and their answers. */

#include <stddef.h>

/*
 * One question on a connection of its own.
 *
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

/*
 * A connection for many questions, one after the other; making one costs
 * milliseconds. Errors as above. After an error of ipc_ask()
 * close it: the next answer might be that of the last question.
 */
struct ipc_connection;

int ipc_open(const char *service, int timeout_ms, struct ipc_connection **ret_connection);
int ipc_ask(struct ipc_connection *connection, const char *text, size_t bytes, int timeout_ms,
            char **ret_reply, size_t *ret_bytes);
void ipc_close(struct ipc_connection *connection); /* NULL is accepted */

#endif
