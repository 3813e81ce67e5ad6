/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/witness_port.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clusterd/base/text.h"
#include "clusterd/io/host.h"
#include "clusterd/io/hypervisor_worker.h"
#include "clusterd/io/lease_file.h"
#include "clusterd/io/log.h"
#include "clusterd/io/whole_file.h"
#include "clusterd/io/witness_share.h"

struct witness_port {
        qb_loop_t *loop;
        struct mailbox *mailbox;
        witness_on_event on_event;
        witness_on_made on_made;
        void *context;
        struct witness_share *share; /* NULL: nobody was asked yet */
        struct witness whom;         /* by it */
        struct cluster_action asked; /* the question under way, or the next one */
        uint64_t until_ms;           /* it is to be answered by then */
        bool open;                   /* the share is at work */
        bool waits;                  /* with an earlier question: this one comes next */
        pthread_mutex_t mutex;       /* of what errands look at: */
        bool closed;                 /* nothing is posted any more */
        unsigned references;         /* the owner, each errand's thread */
};

/* A file to be made or removed, and what came of it. */
struct errand {
        struct witness_port *port;
        bool remove;
        char path[PATH_MAX];
        char area[PATH_MAX]; /* kind disk: the lease area of its volume */
        struct witness_id id;
        uint64_t token;
        int error;
};

struct witness_port *witness_port_new(qb_loop_t *loop, struct mailbox *mailbox, witness_on_event on_event,
                                      witness_on_made on_made, void *context)
{
        struct witness_port *port = calloc(1, sizeof *port);
        if (port == NULL)
                abort();
        port->loop = loop;
        port->mailbox = mailbox;
        port->on_event = on_event;
        port->on_made = on_made;
        port->context = context;
        port->references = 1;
        pthread_mutex_init(&port->mutex, NULL);
        return port;
}

/* Locked; unlocks. */
static void port_release(struct witness_port *port)
{
        bool is_last = --port->references == 0;
        pthread_mutex_unlock(&port->mutex);
        if (!is_last)
                return;
        pthread_mutex_destroy(&port->mutex);
        free(port);
}

void witness_port_free(struct witness_port *port)
{
        if (port == NULL)
                return;
        witness_share_free(port->share);
        pthread_mutex_lock(&port->mutex);
        port->closed = true;
        port_release(port);
}

static struct witness_id id_of(const struct witness *witness, const char *cluster)
{
        struct witness_id id = { .identity = witness->identity };
        TEXT_COPY(id.cluster, cluster);
        return id;
}

static void path_of(const struct witness *witness, char path[PATH_MAX])
{
        (void)snprintf(path, PATH_MAX, "%s/%s", witness->place, WITNESS_FILE_NAME);
}

/* --- questions --- */

static void tell(struct witness_port *port, const struct witness_answer *answer)
{
        struct cluster_event event = { .kind = CLUSTER_EVENT_WITNESS };
        event.witness.question = port->asked.witness.question;
        event.witness.outcome = answer->outcome;
        if (answer->outcome == WITNESS_FAILED)
                TEXT_PRINT(event.witness.text, "%s", witness_file_explain(answer->error));
        else
                event.witness.tag = answer->tag;
        port->on_event(port->context, &event);
}

static void put(struct witness_port *port)
{
        uint64_t now_ms = clock_boot_ms();
        port->open = true;
        port->waits = false;
        witness_share_ask(port->share, &port->asked.witness.what,
                          port->until_ms > now_ms ? (uint32_t)(port->until_ms - now_ms) : 0);
}

static void on_answer(void *context, const struct witness_question *question,
                      const struct witness_answer *answer)
{
        struct witness_port *port = context;
        (void)question;
        port->open = false;
        if (port->waits)
                put(port);
        else
                tell(port, answer);
}

static int open_share(struct witness_port *port, const struct witness *whom, const char *cluster)
{
        char path[PATH_MAX];
        struct witness_id id = id_of(whom, cluster);
        if (port->share != NULL && port->whom.identity == whom->identity)
                return 0;
        witness_share_free(port->share);
        port->share = NULL;
        port->open = port->waits = false;
        port->whom = *whom;
        path_of(whom, path);
        return witness_share_new(port->loop, port->mailbox, path, &id, on_answer, port, &port->share);
}

void witness_port_ask(struct witness_port *port, const struct cluster_action *action, const char *cluster)
{
        port->asked = *action;
        port->until_ms = clock_boot_ms() + action->witness.timeout_ms;
        int error = witness_remembers(action->witness.whom.kind)
                            ? open_share(port, &action->witness.whom, cluster)
                            : -EOPNOTSUPP;
        if (error < 0)
                tell(port, &(struct witness_answer){ .outcome = WITNESS_FAILED, .error = error });
        else if (port->open)
                port->waits = true;
        else
                put(port);
}

/* --- made and removed --- */

static void errand_ended(void *context, void *parcel)
{
        struct errand *errand = parcel;
        struct witness_port *port = context;
        const char *text = errand->error == -EEXIST
                                   ? "there is a witness of somebody already, or of earlier: remove it first"
                                   : witness_file_explain(errand->error);
        if (errand->error < 0 || errand->remove)
                log_notice("witness %s" QB_XS " path=%s errno=%d", errand->remove ? "removed" : "made",
                           errand->path, -errand->error);
        if (!errand->remove)
                port->on_made(port->context, errand->token, errand->error, errand->error == 0 ? "" : text);
        free(errand);
}

/* Where the volume is not mounted the file would come to lie beside it, for this node alone. */
static int errand_make(const struct errand *errand)
{
        if (errand->area[0] != '\0' && access(errand->area, F_OK) != 0)
                return whole_file_error();
        return witness_file_create(errand->path, &errand->id);
}

/* A share may hang for longer than the daemon lives: then nobody is told. */
static void *errand_run(void *context)
{
        struct errand *errand = context;
        struct witness_port *port = errand->port;
        errand->error = errand->remove ? witness_file_remove(errand->path, &errand->id) : errand_make(errand);
        pthread_mutex_lock(&port->mutex);
        if (port->closed)
                free(errand);
        else
                mailbox_post(port->mailbox, errand_ended, port, errand);
        port_release(port);
        return NULL;
}

static void send_errand(struct witness_port *port, const struct witness *witness, const char *cluster,
                        bool remove, uint64_t token)
{
        struct errand *errand = calloc(1, sizeof *errand);
        if (errand == NULL)
                abort();
        *errand = (struct errand){
                .port = port, .remove = remove, .id = id_of(witness, cluster), .token = token
        };
        path_of(witness, errand->path);
        if (witness->kind == WITNESS_DISK)
                TEXT_PRINT(errand->area, "%s/%s", witness->place, LEASE_FILE_NAME);
        pthread_mutex_lock(&port->mutex);
        port->references++;
        pthread_mutex_unlock(&port->mutex);
        int error = worker_start_thread(errand_run, errand);
        if (error == 0)
                return;
        pthread_mutex_lock(&port->mutex);
        port_release(port);
        errand->error = error;
        errand_ended(port, errand);
}

void witness_port_make(struct witness_port *port, const struct witness *witness, const char *cluster,
                       uint64_t token)
{
        send_errand(port, witness, cluster, false, token);
}

void witness_port_remove(struct witness_port *port, const struct witness *witness, const char *cluster)
{
        send_errand(port, witness, cluster, true, 0);
}
