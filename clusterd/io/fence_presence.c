/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/fence_presence.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "clusterd/io/hypervisor_worker.h"
#include "clusterd/io/log.h"
#include "clusterd/io/process_start.h"
#include "clusterd/protocol/agent_list.h"

#define LOOK_EVERY_MS 10000 /* somebody may have installed it; a few calls of stat() */

/* To the thread and back. */
struct look {
        struct fence_presence *presence;
        char there[AGENTS_BYTES], missing[AGENTS_BYTES];
        char agents[]; /* separated by spaces */
};

struct fence_presence {
        struct mailbox *mailbox;
        char *agents;     /* that the last look is about; NULL: none has ended */
        uint64_t look_ms; /* when it began */
        bool looks;       /* one is under way */
        char there[AGENTS_BYTES], missing[AGENTS_BYTES];
        pthread_mutex_t mutex; /* of what the thread looks at: */
        bool closed;           /* nothing is posted any more */
        unsigned references;   /* the owner, a thread */
};

struct fence_presence *fence_presence_new(struct mailbox *mailbox)
{
        struct fence_presence *presence = calloc(1, sizeof *presence);
        if (presence == NULL)
                abort();
        presence->mailbox = mailbox;
        presence->references = 1;
        pthread_mutex_init(&presence->mutex, NULL);
        return presence;
}

/* Locked; unlocks. */
static void presence_release(struct fence_presence *presence)
{
        bool is_last = --presence->references == 0;
        pthread_mutex_unlock(&presence->mutex);
        if (!is_last)
                return;
        pthread_mutex_destroy(&presence->mutex);
        free(presence->agents);
        free(presence);
}

void fence_presence_free(struct fence_presence *presence)
{
        if (presence == NULL)
                return;
        pthread_mutex_lock(&presence->mutex);
        presence->closed = true;
        presence_release(presence);
}

/* Given. In the model's order, which is no other while the devices are the same. */
static char *agents_of(const struct model *model)
{
        char *list = NULL;
        size_t bytes = 0;
        FILE *stream = open_memstream(&list, &bytes);
        const char *last = "";
        if (stream == NULL)
                abort();
        MODEL_EACH_FENCE_DEVICE (model, device) {
                if (!text_equal(device->agent, last))
                        (void)fprintf(stream, "%s%s", last[0] == '\0' ? "" : " ", device->agent);
                last = device->agent;
        }
        if (fclose(stream) != 0)
                abort();
        return list;
}

/* --- a look --- */

static void look_ended(void *context, void *parcel)
{
        struct fence_presence *presence = context;
        struct look *look = parcel;
        presence->looks = false;
        if (look->missing[0] != '\0' && !text_equal(look->missing, presence->missing))
                log_warning(
                        "fence agents are missing here, and fail should this node lead: install them" QB_XS
                        " agents=%s",
                        look->missing);
        free(presence->agents);
        if ((presence->agents = strdup(look->agents)) == NULL)
                abort();
        TEXT_COPY(presence->there, look->there);
        TEXT_COPY(presence->missing, look->missing);
        free(look);
}

static void *look_run(void *context)
{
        struct look *look = context;
        struct fence_presence *presence = look->presence;
        SCOPED_FREE char *words = strdup(look->agents);
        if (words == NULL)
                abort();
        char *next = words;
        for (char *agent; (agent = strsep(&next, " ")) != NULL;) {
                SCOPED_FREE char *path = NULL;
                agent_list_add(process_path_find(agent, &path) == 0 ? look->there : look->missing, agent);
        }
        pthread_mutex_lock(&presence->mutex);
        if (presence->closed)
                free(look);
        else
                mailbox_post(presence->mailbox, look_ended, presence, look);
        presence_release(presence);
        return NULL;
}

static void look_begin(struct fence_presence *presence, const char *agents, uint64_t now_ms)
{
        struct look *look = calloc(1, sizeof *look + strlen(agents) + 1);
        if (look == NULL)
                abort();
        look->presence = presence;
        strcpy(look->agents, agents);
        presence->look_ms = now_ms;
        presence->looks = true;
        pthread_mutex_lock(&presence->mutex);
        presence->references++;
        pthread_mutex_unlock(&presence->mutex);
        if (worker_start_thread(look_run, look) == 0)
                return;
        pthread_mutex_lock(&presence->mutex);
        presence_release(presence);
        presence->looks = false; /* again at the next heartbeat */
        free(look);
}

void fence_presence_tell(struct fence_presence *presence, const struct model *model, uint64_t now_ms,
                         struct message_heartbeat *heartbeat)
{
        SCOPED_FREE char *agents = agents_of(model);
        if (agents[0] == '\0')
                return;
        bool known = presence->agents != NULL && text_equal(presence->agents, agents);
        if (known) {
                TEXT_COPY(heartbeat->agents_there, presence->there);
                TEXT_COPY(heartbeat->agents_missing, presence->missing);
        }
        if (!presence->looks && (!known || now_ms >= presence->look_ms + LOOK_EVERY_MS))
                look_begin(presence, agents, now_ms);
}
