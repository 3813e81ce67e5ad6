/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_PROTOCOL_AGENT_LIST_H
#define CLU_CLUSTERD_PROTOCOL_AGENT_LIST_H

/* Which fence agents a node has and which it lacks, as its heartbeats say it: names, separated by spaces. */

#include "clusterd/protocol/message.h"

/* One that is named already, or for which there is no room, changes nothing but the note that there are more.
 */
void agent_list_add(char list[AGENTS_BYTES], const char *agent);

enum agent_presence { AGENT_UNKNOWN, AGENT_INSTALLED, AGENT_MISSING, AGENT_PRESENCE_COUNT };
enum agent_presence agent_list_read(const struct message_heartbeat *heartbeat, const char *agent);
const char *agent_presence_name(enum agent_presence presence);

#endif
