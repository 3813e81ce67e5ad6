/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_FENCE_PRESENCE_H
#define CLU_CLUSTERD_IO_FENCE_PRESENCE_H

/*
 * Which of the agents that fence devices name are installed on this node: any node may have to lead, and then
 * runs them. Looked for by a thread, because the disk that they lie on may hang; told in heartbeats.
 */

#include "clusterd/core/model.h"
#include "clusterd/io/mailbox.h"
#include "clusterd/protocol/message.h"

struct fence_presence;

struct fence_presence *fence_presence_new(struct mailbox *mailbox);
/* From the loop thread. Does not wait: a thread that hangs ends when it can. */
void fence_presence_free(struct fence_presence *presence);

/* What is known by now; looks again when the model names other agents, and now and then. Never blocks. */
void fence_presence_tell(struct fence_presence *presence, const struct model *model, uint64_t now_ms,
                         struct message_heartbeat *heartbeat);

#endif
