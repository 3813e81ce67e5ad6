/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_IPC_H
#define CLU_CLUSTERD_IO_IPC_H

/*
 * Where clu asks: libqb IPC, one JSON document in, one out.
 *
 * Who may: root and group clu-admin change things, group clu-view reads;
 * others are not let in. Requests over MESSAGE_BYTES or that are not text are
 * refused by an answer, never by a dead connection without a word.
 */

#include <qb/qbloop.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clusterd/base/limits.h"

#define IPC_SERVICE_NAME "clusterd"

struct ipc;

struct ipc_client {
        bool may_change;
        char actor[ACTOR_BYTES]; /* "root", "alice", "uid 1001" */
};

struct ipc_listener {
        void *context;
        /* Answer with ipc_reply(token, ...), now or later, once. bytes are borrowed, not closed by a zero. */
        void (*on_request)(void *context, uint64_t token, const struct ipc_client *client, const char *bytes,
                           size_t count);
        /* The client has gone; its tokens need no answer any more (ipc_reply ignores them). */
        void (*on_gone)(void *context, uint64_t token);
};

int ipc_new(qb_loop_t *loop, const char *service_name, const struct ipc_listener *listener,
            struct ipc **ret_ipc);
void ipc_free(struct ipc *ipc);
/* JSON text; ignored if the client has gone. */
void ipc_reply(struct ipc *ipc, uint64_t token, const char *text, size_t text_bytes);

#endif
