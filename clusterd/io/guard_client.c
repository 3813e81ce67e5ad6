/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/guard_client.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clusterd/guard/guard_files.h"

struct guard_client {
        int fd;
        struct sockaddr_un address;
        char run_dir[PATH_MAX];
};

int guard_client_new(const char *run_dir, struct guard_client **ret_client)
{
        struct guard_client *client = calloc(1, sizeof(*client));
        if (client == NULL)
                return -ENOMEM;
        client->address.sun_family = AF_UNIX;
        int length = snprintf(client->address.sun_path, sizeof(client->address.sun_path),
                              "%s/" GUARD_SOCKET_NAME, run_dir);
        (void)snprintf(client->run_dir, sizeof(client->run_dir), "%s", run_dir);
        client->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        int error = client->fd < 0 ? -errno : 0;
        if (length >= (int)sizeof(client->address.sun_path))
                error = -ENAMETOOLONG;
        if (error != 0) {
                guard_client_free(client);
                return error;
        }
        *ret_client = client;
        return 0;
}

void guard_client_free(struct guard_client *client)
{
        if (client == NULL)
                return;
        if (client->fd >= 0)
                (void)close(client->fd);
        free(client);
}

/* Not connect()ed: the keeper may be restarted, with a new socket under the same name. */
int guard_client_send(struct guard_client *client, const struct guard_order *order)
{
        uint8_t bytes[GUARD_ORDER_BYTES];
        guard_order_encode(order, bytes);
        ssize_t sent = sendto(client->fd, bytes, sizeof(bytes), 0, (const struct sockaddr *)&client->address,
                              sizeof(client->address));
        if (sent == (ssize_t)sizeof(bytes))
                return 0;
        return errno == ECONNREFUSED || errno == ENOENT ? -ENOTCONN : -errno;
}

int guard_client_read(const struct guard_client *client, struct guard_report *ret_report)
{
        return guard_report_read(client->run_dir, ret_report);
}
