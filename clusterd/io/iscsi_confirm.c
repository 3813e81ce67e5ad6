/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/iscsi_confirm.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clusterd/base/text.h"
#include "clusterd/io/iscsi_gateways.h"

#define BACKLOG 64

struct asker {
        LIST_ENTRY(asker) link;
        struct iscsi_confirm *confirm;
        int fd;
        uint64_t question; /* 0: it has not asked yet */
        char role[NAME_BYTES];
        uint64_t generation;
};

struct iscsi_confirm {
        qb_loop_t *loop;
        iscsi_on_confirm on_confirm;
        void *context;
        int fd;
        struct sockaddr_un address;
        uint64_t questions;
        LIST_HEAD(, asker) askers;
};

static void asker_free(struct asker *asker)
{
        LIST_REMOVE(asker, link);
        (void)qb_loop_poll_del(asker->confirm->loop, asker->fd);
        (void)close(asker->fd);
        free(asker);
}

/* "7 vm01" */
static bool take_question(struct asker *asker, const char *text)
{
        char *end;
        uint64_t generation = strtoull(text, &end, 10);
        if (end == text || *end != ' ' || strlen(end + 1) >= NAME_BYTES || end[1] == '\0')
                return false;
        asker->generation = generation;
        TEXT_COPY(asker->role, end + 1);
        if (asker->question == 0)
                asker->question = ++asker->confirm->questions;
        return true;
}

/* It may be answered, and gone, when this returns. */
static int on_question(int fd, int events, void *data)
{
        struct asker *asker = data;
        char text[NAME_BYTES + 32];
        ssize_t count = recv(fd, text, sizeof text - 1, 0);
        (void)events;
        if (count < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        text[count < 0 ? 0 : count] = '\0';
        if (count <= 0 || !take_question(asker, text)) {
                asker_free(asker);
                return 0;
        }
        struct cluster_event event = { .kind = CLUSTER_EVENT_CONFIRM };
        TEXT_COPY(event.confirm.role, asker->role);
        event.confirm.generation = asker->generation;
        event.confirm.question = asker->question;
        asker->confirm->on_confirm(asker->confirm->context, &event);
        return 0;
}

static int on_asker(int fd, int events, void *data)
{
        struct iscsi_confirm *confirm = data;
        (void)events;
        int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (peer < 0)
                return 0;
        struct asker *asker = calloc(1, sizeof *asker);
        assert(asker != NULL);
        asker->confirm = confirm;
        asker->fd = peer;
        LIST_INSERT_HEAD(&confirm->askers, asker, link);
        if (qb_loop_poll_add(confirm->loop, QB_LOOP_MED, peer, POLLIN, asker, on_question) < 0)
                asker_free(asker);
        return 0;
}

void iscsi_confirm_answer(struct iscsi_confirm *confirm, const struct cluster_action *action)
{
        static const char yes[] = "confirmed";
        struct asker *next;
        for (struct asker *asker = LIST_FIRST(&confirm->askers); asker != NULL; asker = next) {
                next = LIST_NEXT(asker, link);
                if (asker->question == 0 || asker->question > action->confirm.question ||
                    asker->generation != action->confirm.generation ||
                    !text_equal(asker->role, action->confirm.role))
                        continue;
                (void)send(asker->fd, yes, sizeof yes - 1, MSG_NOSIGNAL);
                asker_free(asker);
        }
}

static int listen_at(struct iscsi_confirm *confirm)
{
        confirm->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (confirm->fd < 0)
                return -errno;
        (void)unlink(confirm->address.sun_path);
        if (bind(confirm->fd, (const struct sockaddr *)&confirm->address, sizeof confirm->address) < 0 ||
            listen(confirm->fd, BACKLOG) < 0)
                return -errno;
        return qb_loop_poll_add(confirm->loop, QB_LOOP_MED, confirm->fd, POLLIN, confirm, on_asker);
}

int iscsi_confirm_new(qb_loop_t *loop, const char *run_dir, iscsi_on_confirm on_confirm, void *context,
                      struct iscsi_confirm **ret_confirm)
{
        struct iscsi_confirm *confirm = calloc(1, sizeof *confirm);
        assert(confirm != NULL);
        confirm->loop = loop;
        confirm->on_confirm = on_confirm;
        confirm->context = context;
        confirm->fd = -1;
        confirm->address.sun_family = AF_UNIX;
        int length = snprintf(confirm->address.sun_path, sizeof confirm->address.sun_path,
                              "%s/iscsi/" ISCSI_CONFIRM_SOCKET, run_dir);
        int error = length < (int)sizeof confirm->address.sun_path ? listen_at(confirm) : -ENAMETOOLONG;
        if (error < 0) {
                iscsi_confirm_free(confirm);
                return error;
        }
        *ret_confirm = confirm;
        return 0;
}

void iscsi_confirm_free(struct iscsi_confirm *confirm)
{
        if (confirm == NULL)
                return;
        while (!LIST_EMPTY(&confirm->askers))
                asker_free(LIST_FIRST(&confirm->askers));
        if (confirm->fd >= 0) {
                (void)qb_loop_poll_del(confirm->loop, confirm->fd);
                (void)close(confirm->fd);
        }
        free(confirm);
}
