/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/ipc.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include <qb/qbipcs.h>

#include "clusterd/base/scope.h"
#include "clusterd/io/ipc_access.h"
#include "clusterd/io/log.h"
#include "clusterd/protocol/ipc_frame.h"

/* Each connection takes three buffers of /dev/shm, 2.5 MiB: a crowd waits outside (ipc_client asks again). */
#define CONNECTIONS_MAX 48

/* A client that does not take its answer is asked again at growing distances, then let go. */
#define RETRY_FIRST_MS 1
#define RETRY_MOST_MS  64
#define STALLED_MS     30000

struct connection {
        struct connection *next;
        qb_ipcs_connection_t *handle;
        struct ipc *ipc;
        struct ipc_client client;
        uint64_t token; /* of the request that is open; 0: none */
        char *text;     /* of the reply on its way; NULL: none */
        size_t bytes;
        size_t sent;
        uint32_t stalled_ms;
};

struct ipc {
        qb_loop_t *loop;
        qb_ipcs_service_t *service;
        struct ipc_listener listener;
        struct connection *first;
        size_t count;
        uint64_t last_token;
        qb_loop_timer_handle retry;
        uint32_t retry_ms; /* 0: the timer is not set */
        bool closing;
};

static ssize_t frame_send(struct connection *connection, int32_t id, int32_t error, const char *text,
                          size_t bytes)
{
        struct qb_ipc_response_header header = { .id = id,
                                                 .size = (int32_t)(sizeof(header) + bytes),
                                                 .error = error };
        struct iovec parts[2] = {
                { .iov_base = &header, .iov_len = sizeof(header) },
                { .iov_base = (void *)(uintptr_t)text, .iov_len = bytes },
        };
        return qb_ipcs_response_sendv(connection->handle, parts, bytes > 0 ? 2 : 1);
}

static void reply_forget(struct connection *connection)
{
        free(TAKE(connection->text));
        connection->bytes = 0;
        connection->sent = 0;
        connection->stalled_ms = 0;
}

/* true: nothing is left to send, or nobody to send it to. */
static bool reply_push(struct connection *connection)
{
        while (connection->text != NULL) {
                size_t left = connection->bytes - connection->sent;
                bool last = left <= IPC_FRAME_TEXT_BYTES;
                size_t piece = last ? left : IPC_FRAME_TEXT_BYTES;
                ssize_t sent = frame_send(connection, last ? IPC_REPLY_END : IPC_REPLY_PART, 0,
                                          connection->text + connection->sent, piece);
                if (sent == -EAGAIN || sent == -ETIMEDOUT)
                        return false;
                connection->sent += piece;
                connection->stalled_ms = 0;
                if (sent < 0 || last)
                        reply_forget(connection);
        }
        return true;
}

static void on_retry(void *data);

static void retry_in(struct ipc *ipc, uint32_t delay_ms)
{
        ipc->retry_ms = delay_ms;
        int32_t error = qb_loop_timer_add(ipc->loop, QB_LOOP_MED, (uint64_t)delay_ms * 1000000, ipc, on_retry,
                                          &ipc->retry);
        assert(error == 0);
}

static void on_retry(void *data)
{
        struct ipc *ipc = data;
        uint32_t waited_ms = ipc->retry_ms;
        bool waiting = false, moved = false;
        ipc->retry_ms = 0;
        for (struct connection *connection = ipc->first, *next; connection != NULL; connection = next) {
                next = connection->next;
                if (connection->text == NULL)
                        continue;
                size_t before = connection->sent;
                bool done = reply_push(connection);
                waiting = waiting || !done;
                moved = moved || done || connection->sent != before;
                if (done)
                        continue;
                connection->stalled_ms += waited_ms;
                if (connection->stalled_ms < STALLED_MS)
                        continue;
                log_warning("client let go: it does not take its answer" QB_XS " actor=%s",
                            connection->client.actor);
                reply_forget(connection);
                qb_ipcs_disconnect(connection->handle);
        }
        if (waiting)
                retry_in(ipc, moved                        ? RETRY_FIRST_MS
                              : waited_ms >= RETRY_MOST_MS ? RETRY_MOST_MS
                                                           : 2 * waited_ms);
}

static int32_t on_accept(qb_ipcs_connection_t *handle, uid_t uid, gid_t gid)
{
        struct ipc *ipc = qb_ipcs_connection_service_context_get(handle);
        struct ipc_client client = { .may_change = false };
        int error = ipc_access_decide(uid, gid, &client);
        if (error != 0) {
                log_notice("client not let in" QB_XS " uid=%u gid=%u", (unsigned int)uid, (unsigned int)gid);
                return error;
        }
        if (ipc->count >= CONNECTIONS_MAX)
                return -EBUSY;

        struct connection *connection = calloc(1, sizeof(*connection));
        if (connection == NULL)
                return -ENOMEM;
        connection->ipc = ipc;
        connection->handle = handle;
        connection->client = client;
        qb_ipcs_context_set(handle, connection);
        qb_ipcs_connection_auth_set(handle, uid, gid, 0600);
        return 0;
}

static void on_created(qb_ipcs_connection_t *handle)
{
        struct connection *connection = qb_ipcs_context_get(handle);
        connection->next = connection->ipc->first;
        connection->ipc->first = connection;
        connection->ipc->count++;
}

static int32_t on_closed(qb_ipcs_connection_t *handle)
{
        struct connection *connection = qb_ipcs_context_get(handle);
        struct ipc *ipc = connection->ipc;
        for (struct connection **at = &ipc->first; *at != NULL; at = &(*at)->next)
                if (*at == connection) {
                        *at = connection->next;
                        ipc->count--;
                        break;
                }
        reply_forget(connection);
        uint64_t token = connection->token;
        connection->token = 0;
        if (token != 0 && !ipc->closing)
                ipc->listener.on_gone(ipc->listener.context, token);
        return 0;
}

static void on_destroyed(qb_ipcs_connection_t *handle)
{
        free(qb_ipcs_context_get(handle));
        qb_ipcs_context_set(handle, NULL);
}

/* text is a copy: the client could change what lies in the shared buffer while we look. */
static int request_check(const struct connection *connection, int32_t id, const char *text, size_t bytes)
{
        if (id != IPC_REQUEST || bytes == 0)
                return -EBADMSG;
        if (bytes > MESSAGE_BYTES)
                return -EMSGSIZE;
        if (memchr(text, '\0', bytes) != NULL)
                return -EBADMSG;
        return connection->token != 0 || connection->text != NULL ? -EBUSY : 0;
}

static int32_t on_message(qb_ipcs_connection_t *handle, void *data, size_t size)
{
        struct connection *connection = qb_ipcs_context_get(handle);
        struct ipc *ipc = connection->ipc;
        struct qb_ipc_request_header header;
        if (size < sizeof(header) || size > IPC_BUFFER_BYTES + sizeof(header))
                return -EBADMSG;
        memcpy(&header, data, sizeof(header));
        size_t bytes = size - sizeof(header);
        SCOPED_FREE char *text = malloc(bytes + 1);
        if (text == NULL)
                return -ENOMEM;
        memcpy(text, (const char *)data + sizeof(header), bytes);

        int error = request_check(connection, header.id, text, bytes);
        if (error != 0) {
                /* Lost when the client does not read its answers: it asked for nothing we could do. */
                (void)frame_send(connection, IPC_REPLY_END, error, NULL, 0);
                return 0;
        }
        connection->token = ++ipc->last_token;
        ipc->listener.on_request(ipc->listener.context, connection->token, &connection->client, text, bytes);
        return 0;
}

/*
 * libqb's poll handlers have no argument to tell loops apart; a NULL loop is
 * the process's first one, which is the one the daemon runs.
 */
static int32_t job_add(enum qb_loop_priority priority, void *data, qb_loop_job_dispatch_fn run)
{
        return qb_loop_job_add(NULL, priority, data, run);
}

static int32_t poll_add(enum qb_loop_priority priority, int32_t fd, int32_t events, void *data,
                        qb_ipcs_dispatch_fn_t run)
{
        return qb_loop_poll_add(NULL, priority, fd, events, data, run);
}

static int32_t poll_mod(enum qb_loop_priority priority, int32_t fd, int32_t events, void *data,
                        qb_ipcs_dispatch_fn_t run)
{
        return qb_loop_poll_mod(NULL, priority, fd, events, data, run);
}

static int32_t poll_del(int32_t fd)
{
        return qb_loop_poll_del(NULL, fd);
}

int ipc_new(qb_loop_t *loop, const char *service_name, const struct ipc_listener *listener,
            struct ipc **ret_ipc)
{
        struct qb_ipcs_service_handlers handlers = {
                .connection_accept = on_accept,
                .connection_created = on_created,
                .msg_process = on_message,
                .connection_closed = on_closed,
                .connection_destroyed = on_destroyed,
        };
        struct qb_ipcs_poll_handlers poll_handlers = { .job_add = job_add,
                                                       .dispatch_add = poll_add,
                                                       .dispatch_mod = poll_mod,
                                                       .dispatch_del = poll_del };
        struct ipc *ipc = calloc(1, sizeof(*ipc));
        if (ipc == NULL)
                return -ENOMEM;
        ipc->loop = loop;
        ipc->listener = *listener;
        ipc->service = qb_ipcs_create(service_name, 0, QB_IPC_SHM, &handlers);
        if (ipc->service == NULL) {
                free(ipc);
                return -ENOMEM;
        }
        qb_ipcs_service_context_set(ipc->service, ipc);
        qb_ipcs_enforce_buffer_size(ipc->service, IPC_BUFFER_BYTES);
        qb_ipcs_poll_handlers_set(ipc->service, &poll_handlers);
        int32_t error = qb_ipcs_run(ipc->service); /* destroys the service when it fails */
        if (error != 0) {
                free(ipc);
                return error;
        }
        *ret_ipc = ipc;
        return 0;
}

void ipc_free(struct ipc *ipc)
{
        if (ipc == NULL)
                return;
        ipc->closing = true;
        if (ipc->retry_ms != 0)
                qb_loop_timer_del(ipc->loop, ipc->retry);
        qb_ipcs_destroy(ipc->service);
        free(ipc);
}

void ipc_reply(struct ipc *ipc, uint64_t token, const char *text, size_t text_bytes)
{
        assert(token != 0);
        struct connection *connection = ipc->first;
        while (connection != NULL && connection->token != token)
                connection = connection->next;
        if (connection == NULL)
                return;

        connection->token = 0;
        connection->text = malloc(text_bytes + 1);
        assert(connection->text != NULL);
        memcpy(connection->text, text, text_bytes);
        connection->bytes = text_bytes;
        if (!reply_push(connection) && ipc->retry_ms == 0)
                retry_in(ipc, RETRY_FIRST_MS);
}
