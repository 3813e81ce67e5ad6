/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_PROTOCOL_IPC_FRAME_H
#define CLU_CLUSTERD_PROTOCOL_IPC_FRAME_H

/*
 * How clu and clusterd cut their talk into libqb messages.
 *
 * A request is one message: libqb's request header, then JSON text. A reply is
 * any number of parts and one end, each libqb's response header, then a piece
 * of JSON text: a whole list may be larger than the shared buffer. One request
 * at a time is open on a connection.
 */

#include "clusterd/base/limits.h"

enum ipc_frame_id {
        IPC_REQUEST = 1,
        IPC_REPLY_PART = 2, /* more follows */
        IPC_REPLY_END = 3   /* the rest; `error` of its header: 0, or a negative errno and no text: the
                             * request was not even looked at */
};

/*
 * The shared buffer of each of the three directions of one connection: a
 * request of MESSAGE_BYTES, its header, the ring's own words, and room for a
 * request somewhat too large, so that it is refused by words.
 */
#define IPC_BUFFER_BYTES (MESSAGE_BYTES + 64 * 1024)

/* Text in one frame of a reply: three fit into the buffer, so both ends copy at the same time. */
#define IPC_FRAME_TEXT_BYTES (256 * 1024)

/* A reply larger than this is a mistake somewhere. */
#define IPC_REPLY_BYTES_MAX (64 * 1024 * 1024)

#endif
