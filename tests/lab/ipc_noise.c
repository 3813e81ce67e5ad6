/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A client of clusterd's IPC that keeps to no rule.
 *
 *     ipc_noise SERVICE random SEED COUNT     random frames, from empty to over-long, each on its own
 * connection ipc_noise SERVICE text                  standard input as one request; prints the reply
 *
 * Of the random ones it prints how they were answered, as one line of JSON.
 */

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include <qb/qbipcc.h>

#include "clusterd/protocol/ipc_frame.h"

#define ANSWER_MS 5000

static uint64_t state;
static char buffer[IPC_BUFFER_BYTES];
static char answer[IPC_FRAME_TEXT_BYTES + 64];

/* Source: Marsaglia, xorshift64*: the same noise for the same seed. */
static uint64_t next_random(void)
{
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        return state * UINT64_C(2685821657736338717);
}

static size_t below(size_t limit)
{
        return (size_t)(next_random() % limit);
}

static ssize_t send_frame(qb_ipcc_connection_t *connection, int32_t id, size_t count)
{
        struct qb_ipc_request_header header = { .id = id, .size = (int32_t)(sizeof header + count) };
        struct iovec parts[2] = {
                { .iov_base = &header, .iov_len = sizeof header },
                { .iov_base = buffer, .iov_len = count },
        };
        return qb_ipcc_sendv(connection, parts, 2);
}

/* 0: text came; negative errno: refused by the frame's error, or no answer. */
static int32_t receive(qb_ipcc_connection_t *connection, bool print)
{
        struct qb_ipc_response_header header;
        do {
                ssize_t got = qb_ipcc_recv(connection, answer, sizeof answer, ANSWER_MS);
                if (got < (ssize_t)sizeof header)
                        return got < 0 ? (int32_t)got : -EPROTO;
                memcpy(&header, answer, sizeof header);
                if (header.error != 0)
                        return header.error;
                if (print)
                        (void)fwrite(answer + sizeof header, 1, (size_t)got - sizeof header, stdout);
        } while (header.id == IPC_REPLY_PART);
        return 0;
}

static size_t choose_count(void)
{
        switch (below(4)) {
        case 0:
                return below(4);
        case 1:
                return MESSAGE_BYTES + 1 + below(1000); /* somewhat too long */
        default:
                return 1 + below(3000);
        }
}

static void fill(size_t count)
{
        bool plausible = next_random() & 1;
        for (size_t i = 0; i < count; i++)
                buffer[i] = plausible ? "{}[]\":,0123eE+-.tfn\\ verbargumentsname"[below(38)]
                                      : (char)next_random();
}

static int make_noise(const char *service, uint64_t count)
{
        uint64_t refused = 0, answered = 0, silent = 0, left = 0;
        for (uint64_t i = 0; i < count; i++) {
                qb_ipcc_connection_t *connection = qb_ipcc_connect(service, IPC_BUFFER_BYTES);
                if (connection == NULL) {
                        perror("ipc_noise: connect");
                        return 1;
                }
                size_t bytes = choose_count();
                fill(bytes);
                ssize_t sent =
                        send_frame(connection, below(4) == 0 ? (int32_t)below(100) : IPC_REQUEST, bytes);
                if (below(8) == 0) {
                        left++; /* does not wait for the answer */
                } else if (sent < 0) {
                        refused++;
                } else {
                        int32_t error = receive(connection, false);
                        answered += error == 0;
                        silent += error == -ETIMEDOUT || error == -EAGAIN;
                        refused += error != 0 && error != -ETIMEDOUT && error != -EAGAIN;
                }
                qb_ipcc_disconnect(connection);
        }
        (void)printf("{\"refused\":%llu,\"answered\":%llu,\"silent\":%llu,\"left\":%llu}\n",
                     (unsigned long long)refused, (unsigned long long)answered, (unsigned long long)silent,
                     (unsigned long long)left);
        return 0;
}

static int ask(const char *service)
{
        size_t count = fread(buffer, 1, sizeof buffer, stdin);
        qb_ipcc_connection_t *connection = qb_ipcc_connect(service, IPC_BUFFER_BYTES);
        if (connection == NULL) {
                perror("ipc_noise: connect");
                return 1;
        }
        ssize_t sent = send_frame(connection, IPC_REQUEST, count);
        int32_t error = sent < 0 ? (int32_t)sent : receive(connection, true);
        qb_ipcc_disconnect(connection);
        if (error != 0)
                (void)printf("{\"refused\":\"%s\"}", strerror(-error));
        return 0;
}

int main(int argc, char **argv)
{
        if (argc == 5 && strcmp(argv[2], "random") == 0) {
                state = strtoull(argv[3], NULL, 10) * 2 + 1;
                return make_noise(argv[1], strtoull(argv[4], NULL, 10));
        }
        if (argc == 3 && strcmp(argv[2], "text") == 0)
                return ask(argv[1]);
        (void)fprintf(stderr, "usage: ipc_noise SERVICE random SEED COUNT | ipc_noise SERVICE text\n");
        return 2;
}
