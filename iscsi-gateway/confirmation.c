/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "iscsi-gateway/confirmation.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "iscsi-gateway/iscsi_session.h"

#define AGAIN_MS 500
#define LOOK_MS  10

void confirmation_begin(struct confirmation *confirmation)
{
        if (confirmation->fd >= 0)
                (void)close(confirmation->fd);
        confirmation->fd = -1;
        confirmation->ask_ms = 0;
}

static int connect_to(const char *path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int length = snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
        int fd = length < (int)sizeof address.sun_path
                         ? socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)
                         : -1;
        if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
                return fd;
        if (fd >= 0)
                (void)close(fd);
        return -1;
}

static bool ask(struct confirmation *confirmation)
{
        char text[512];
        int length = snprintf(text, sizeof text, "%s %s", confirmation->generation, confirmation->role);
        if (confirmation->fd < 0)
                confirmation->fd = connect_to(confirmation->socket);
        return confirmation->fd >= 0 &&
               send(confirmation->fd, text, (size_t)length, MSG_NOSIGNAL) == (ssize_t)length;
}

bool confirmation_step(struct confirmation *confirmation, uint64_t now_ms)
{
        char answer[16];
        ssize_t count = confirmation->fd < 0 ? -1 : recv(confirmation->fd, answer, sizeof answer, 0);
        if (count > 0) {
                confirmation_begin(confirmation);
                return true;
        }
        if (count == 0) /* that clusterd has gone */
                confirmation_begin(confirmation);
        if (now_ms < confirmation->ask_ms)
                return false;
        if (!ask(confirmation))
                confirmation_begin(confirmation);
        confirmation->ask_ms = now_ms + AGAIN_MS;
        return false;
}

bool confirmation_wait(struct confirmation *confirmation, uint32_t timeout_ms)
{
        uint64_t until_ms = iscsi_now_ms() + timeout_ms;
        for (uint64_t now_ms = iscsi_now_ms(); now_ms < until_ms; now_ms = iscsi_now_ms()) {
                if (confirmation_step(confirmation, now_ms))
                        return true;
                struct pollfd fd = { .fd = confirmation->fd, .events = POLLIN };
                (void)poll(&fd, 1, fd.fd < 0 ? LOOK_MS : AGAIN_MS);
        }
        return false;
}
