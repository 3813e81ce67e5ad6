/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "iscsi-gateway/iscsi_session.h"

#include <errno.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define TASK_TIMEOUT_S 10
#define TCP_TIMEOUT_MS 8000 /* what was sent and is not acknowledged: the path is gone */

uint64_t iscsi_now_ms(void)
{
        struct timespec now;
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void iscsi_session_error(struct iscsi_context *iscsi, char ret_error[ISCSI_ERROR_SIZE])
{
        const char *text = iscsi_get_error(iscsi);
        (void)snprintf(ret_error, ISCSI_ERROR_SIZE, "%.*s", (int)strcspn(text, "\r\n"), text);
}

struct iscsi_context *iscsi_session_new(const struct iscsi_place *place, uint32_t random)
{
        struct iscsi_context *iscsi = iscsi_create_context(place->initiator);
        if (iscsi == NULL)
                return NULL;
        (void)iscsi_set_targetname(iscsi, place->target);
        (void)iscsi_set_session_type(iscsi, ISCSI_SESSION_NORMAL);
        (void)iscsi_set_header_digest(iscsi, ISCSI_HEADER_DIGEST_NONE_CRC32C);
        (void)iscsi_set_isid_random(iscsi, random & 0xffffff, (random >> 24) & 0xff);
        if (place->user != NULL)
                (void)iscsi_set_initiator_username_pwd(iscsi, place->user,
                                                       place->password == NULL ? "" : place->password);
        iscsi_set_noautoreconnect(iscsi, 1);
        (void)iscsi_set_timeout(iscsi, TASK_TIMEOUT_S);
        iscsi_set_tcp_user_timeout(iscsi, TCP_TIMEOUT_MS);
        return iscsi;
}

int iscsi_session_begin(struct iscsi_context *iscsi, const struct iscsi_place *place, int lun,
                        void (*on_open)(struct iscsi_context *iscsi, int status, void *data, void *context),
                        void *context)
{
        return iscsi_full_connect_async(iscsi, place->portal, lun, on_open, context);
}

void iscsi_session_let_go(struct iscsi_context *iscsi)
{
        const struct linger none = { .l_onoff = 1, .l_linger = 0 };
        if (iscsi_get_fd(iscsi) >= 0)
                (void)setsockopt(iscsi_get_fd(iscsi), SOL_SOCKET, SO_LINGER, &none, sizeof none);
}

struct opening {
        bool ended;
        int status;
};

static void on_open(struct iscsi_context *iscsi, int status, void *data, void *context)
{
        struct opening *opening = context;
        (void)iscsi;
        (void)data;
        opening->ended = true;
        opening->status = status;
}

/* What the kernel says of the connection; libiscsi keeps that to itself. */
static int connection_error(int fd)
{
        int error = 0;
        socklen_t bytes = sizeof error;
        (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &bytes);
        return error == 0 ? -EPIPE : -error;
}

/* -EPIPE: libiscsi has the reason. */
static int serve(struct iscsi_context *iscsi, struct opening *opening, uint64_t until_ms)
{
        while (!opening->ended) {
                struct pollfd fd = { .fd = iscsi_get_fd(iscsi), .events = (short)iscsi_which_events(iscsi) };
                uint64_t now_ms = iscsi_now_ms();
                if (fd.fd < 0)
                        return -EPIPE;
                if (now_ms >= until_ms)
                        return -ETIMEDOUT;
                int count = poll(&fd, 1, until_ms - now_ms < 100 ? (int)(until_ms - now_ms) : 100);
                if (count > 0 && (fd.revents & (POLLERR | POLLHUP)) != 0)
                        return connection_error(fd.fd);
                if (iscsi_service(iscsi, count > 0 ? fd.revents : 0) < 0)
                        return -EPIPE;
        }
        return opening->status == SCSI_STATUS_GOOD ? 0 : -EPIPE;
}

int iscsi_session_open(struct iscsi_context *iscsi, const struct iscsi_place *place, int lun,
                       uint32_t timeout_ms, char ret_error[ISCSI_ERROR_SIZE])
{
        struct opening opening = { .ended = false };
        int error = iscsi_session_begin(iscsi, place, lun, on_open, &opening) == 0
                            ? serve(iscsi, &opening, iscsi_now_ms() + timeout_ms)
                            : -EPIPE;
        if (error == -ETIMEDOUT)
                (void)snprintf(ret_error, ISCSI_ERROR_SIZE, "%.80s did not answer in %u ms", place->portal,
                               timeout_ms);
        else if (error == -EPIPE)
                iscsi_session_error(iscsi, ret_error);
        else if (error != 0)
                (void)snprintf(ret_error, ISCSI_ERROR_SIZE, "%.80s: %s", place->portal,
                               strerrordesc_np(-error));
        if (error != 0)
                return -1;
        iscsi_session_let_go(iscsi);
        return 0;
}
