/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/protocol/agent_list.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define AND_OTHERS "..." /* there was no room for more */

static bool has(const char *list, const char *agent)
{
        size_t bytes = strlen(agent);
        for (const char *at = list; bytes > 0 && (at = strstr(at, agent)) != NULL; at += bytes)
                if ((at == list || at[-1] == ' ') && (at[bytes] == ' ' || at[bytes] == '\0'))
                        return true;
        return false;
}

void agent_list_add(char list[AGENTS_BYTES], const char *agent)
{
        size_t used = strlen(list);
        if (agent[0] == '\0' || has(list, agent) || has(list, AND_OTHERS))
                return;
        if (used + strlen(agent) + sizeof " " AND_OTHERS >= AGENTS_BYTES)
                agent = AND_OTHERS;
        (void)snprintf(list + used, AGENTS_BYTES - used, "%s%s", used > 0 ? " " : "", agent);
}

enum agent_presence agent_list_read(const struct message_heartbeat *heartbeat, const char *agent)
{
        if (has(heartbeat->agents_missing, agent))
                return AGENT_MISSING;
        return has(heartbeat->agents_there, agent) || has(heartbeat->agents_there, AND_OTHERS)
                       ? AGENT_INSTALLED
                       : AGENT_UNKNOWN;
}

const char *agent_presence_name(enum agent_presence presence)
{
        static const char *const names[AGENT_PRESENCE_COUNT] = {
                [AGENT_UNKNOWN] = "unknown", [AGENT_INSTALLED] = "installed", [AGENT_MISSING] = "missing"
        };
        assert(presence < AGENT_PRESENCE_COUNT);
        return names[presence];
}
