/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/ipc_client.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>

#include <qb/qbipcc.h>

#include "clusterd/base/scope.h"
#include "clusterd/protocol/ipc_frame.h"

/* libqb notices a dead server only between two waits. */
#define WAIT_STEP_MS 500

/* The server has no room for one more connection: ask again after this. */
#define BUSY_RETRY_MS 20

struct deadline {
        bool limited;
        int64_t at_ms;
};

static int64_t now_ms(void)
{
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct deadline deadline_in(int timeout_ms)
{
        return (struct deadline){ .limited = timeout_ms >= 0, .at_ms = now_ms() + timeout_ms };
}

/* The part of it that is left, at most most_ms; 0 when it has passed. */
static int deadline_left_ms(const struct deadline *deadline, int most_ms)
{
        if (!deadline->limited)
                return most_ms;
        int64_t left = deadline->at_ms - now_ms();
        if (left <= 0)
                return 0;
        return left < most_ms ? (int)left : most_ms;
}

static void scope_disconnect(qb_ipcc_connection_t **connection)
{
        if (*connection != NULL)
                qb_ipcc_disconnect(*connection);
}

#define SCOPED_DISCONNECT __attribute__((cleanup(scope_disconnect)))

/* libqb's words for "nobody there" are many. */
static int connect_error(int error)
{
        switch (error < 0 ? -error : error) {
        case EACCES:
        case EPERM:
                return -EACCES;
        case EBUSY:
        case EAGAIN:
                return -EBUSY;
        case ENOMEM:
        case ENOSPC:
                return -ENOMEM;
        case ETIMEDOUT:
                return -ETIMEDOUT;
        default:
                return -ECONNREFUSED;
        }
}

/* In two steps, so that a daemon which is stopped and does not accept cannot hold us. */
static int connect_once(const char *service, const struct deadline *deadline,
                        qb_ipcc_connection_t **ret_connection)
{
        int fd = -1;
        errno = 0;
        qb_ipcc_connection_t *connection = qb_ipcc_connect_async(service, IPC_BUFFER_BYTES, &fd);
        if (connection == NULL)
                return connect_error(errno);

        struct pollfd ready = { .fd = fd, .events = POLLIN };
        while (poll(&ready, 1, deadline_left_ms(deadline, WAIT_STEP_MS)) <= 0)
                if (deadline_left_ms(deadline, 1) == 0) {
                        qb_ipcc_disconnect(connection);
                        return -ETIMEDOUT;
                }
        /* Frees the connection itself when it fails. */
        int error = qb_ipcc_connect_continue(connection);
        if (error != 0)
                return connect_error(error);
        *ret_connection = connection;
        return 0;
}

static int connect_in_time(const char *service, const struct deadline *deadline,
                           qb_ipcc_connection_t **ret_connection)
{
        for (;;) {
                int error = connect_once(service, deadline, ret_connection);
                if (error != -EBUSY || deadline_left_ms(deadline, 1) == 0)
                        return error;
                poll(NULL, 0, deadline_left_ms(deadline, BUSY_RETRY_MS));
        }
}

static int send_request(qb_ipcc_connection_t *connection, const char *text, size_t bytes)
{
        struct qb_ipc_request_header header = { .id = IPC_REQUEST,
                                                .size = (int32_t)(sizeof(header) + bytes) };
        struct iovec parts[2] = {
                { .iov_base = &header, .iov_len = sizeof(header) },
                { .iov_base = (void *)(uintptr_t)text, .iov_len = bytes },
        };
        ssize_t sent = qb_ipcc_sendv(connection, parts, 2);
        if (sent == -EMSGSIZE)
                return -EMSGSIZE;
        return sent < 0 ? -ECONNRESET : 0;
}

/* One frame into buffer; its size, or negative errno. */
static ssize_t receive_frame(qb_ipcc_connection_t *connection, const struct deadline *deadline, void *buffer,
                             size_t buffer_bytes)
{
        for (;;) {
                int step_ms = deadline_left_ms(deadline, WAIT_STEP_MS);
                ssize_t received = qb_ipcc_recv(connection, buffer, buffer_bytes, step_ms);
                if (received >= (ssize_t)sizeof(struct qb_ipc_response_header))
                        return received;
                if (received != -ETIMEDOUT && received != -EAGAIN && received != -EINTR)
                        return -ECONNRESET;
                if (deadline_left_ms(deadline, 1) == 0)
                        return -ETIMEDOUT;
                if (qb_ipcc_is_connected(connection) == 0)
                        return -ECONNRESET;
        }
}

struct reply {
        char *text;
        size_t bytes;
        size_t room;
};

static int reply_add(struct reply *reply, const char *text, size_t bytes)
{
        if (bytes > IPC_REPLY_BYTES_MAX - reply->bytes)
                return -E2BIG;
        if (reply->bytes + bytes + 1 > reply->room) {
                size_t room = 2 * (reply->bytes + bytes) + 1;
                char *larger = realloc(reply->text, room);
                if (larger == NULL)
                        return -ENOMEM;
                reply->text = larger;
                reply->room = room;
        }
        memcpy(reply->text + reply->bytes, text, bytes);
        reply->bytes += bytes;
        reply->text[reply->bytes] = '\0';
        return 0;
}

/* 1: all of it has come; 0: more follows. */
static int take_frame(struct reply *reply, const char *frame, size_t bytes)
{
        struct qb_ipc_response_header header;
        memcpy(&header, frame, sizeof(header));
        if (header.id != IPC_REPLY_PART && header.id != IPC_REPLY_END)
                return -ECONNRESET;
        if (header.error != 0)
                return header.error < 0 ? header.error : -header.error;
        int error = reply_add(reply, frame + sizeof(header), bytes - sizeof(header));
        if (error != 0)
                return error;
        return header.id == IPC_REPLY_END ? 1 : 0;
}

static int receive_reply(qb_ipcc_connection_t *connection, const struct deadline *deadline,
                         struct reply *reply)
{
        size_t frame_bytes = sizeof(struct qb_ipc_response_header) + IPC_FRAME_TEXT_BYTES;
        SCOPED_FREE char *frame = malloc(frame_bytes);
        if (frame == NULL)
                return -ENOMEM;
        for (;;) {
                ssize_t received = receive_frame(connection, deadline, frame, frame_bytes);
                if (received < 0)
                        return (int)received;
                int taken = take_frame(reply, frame, (size_t)received);
                if (taken != 0)
                        return taken < 0 ? taken : 0;
        }
}

static int ask(qb_ipcc_connection_t *connection, const struct deadline *deadline, const char *text,
               size_t bytes, char **ret_reply, size_t *ret_bytes)
{
        int error = send_request(connection, text, bytes);
        if (error != 0)
                return error;

        struct reply reply = { .text = NULL };
        error = receive_reply(connection, deadline, &reply);
        if (error != 0) {
                free(reply.text);
                return error;
        }
        *ret_reply = reply.text;
        *ret_bytes = reply.bytes;
        return 0;
}

int ipc_call(const char *service, const char *text, size_t bytes, int timeout_ms, char **ret_reply,
             size_t *ret_bytes)
{
        assert(service != NULL && text != NULL);
        if (bytes > MESSAGE_BYTES)
                return -EMSGSIZE;

        struct deadline deadline = deadline_in(timeout_ms);
        SCOPED_DISCONNECT qb_ipcc_connection_t *connection = NULL;
        int error = connect_in_time(service, &deadline, &connection);
        if (error != 0)
                return error;
        return ask(connection, &deadline, text, bytes, ret_reply, ret_bytes);
}

/* struct ipc_connection is libqb's own, under a name that needs none of its headers. */
int ipc_open(const char *service, int timeout_ms, struct ipc_connection **ret_connection)
{
        assert(service != NULL);
        struct deadline deadline = deadline_in(timeout_ms);
        qb_ipcc_connection_t *connection = NULL;
        int error = connect_in_time(service, &deadline, &connection);
        if (error == 0)
                *ret_connection = (struct ipc_connection *)connection;
        return error;
}

int ipc_ask(struct ipc_connection *connection, const char *text, size_t bytes, int timeout_ms,
            char **ret_reply, size_t *ret_bytes)
{
        assert(connection != NULL && text != NULL);
        if (bytes > MESSAGE_BYTES)
                return -EMSGSIZE;
        struct deadline deadline = deadline_in(timeout_ms);
        return ask((qb_ipcc_connection_t *)connection, &deadline, text, bytes, ret_reply, ret_bytes);
}

void ipc_close(struct ipc_connection *connection)
{
        if (connection != NULL)
                qb_ipcc_disconnect((qb_ipcc_connection_t *)connection);
}
