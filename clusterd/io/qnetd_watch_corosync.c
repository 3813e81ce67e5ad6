/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/qnetd_watch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <corosync/votequorum.h>

#include "clusterd/io/host.h"
#include "clusterd/io/hypervisor_worker.h"
#include "clusterd/io/qdevice_status.h"

#define LOOK_MS   500
#define STATUS_MS 200
#define ANSWER_MS 1000 /* once for a ring */
/* Connections are told apart by the second of their beginning: one that is older than two is no later one. */
#define AGE_MS 2000

/* votequorum_dispatch has a buffer of 1 MiB on its stack. */
#define STACK_BYTES (2 << 20)

/* With one of these a partition may be quorate without a vote for it. */
#define FLAGS_THAT_DECIDE                                                                                    \
        (VOTEQUORUM_INFO_TWONODE | VOTEQUORUM_INFO_LAST_MAN_STANDING | VOTEQUORUM_INFO_AUTO_TIE_BREAKER |    \
         VOTEQUORUM_INFO_QDEVICE_MASTER_WINS)

struct qnetd_watch {
        struct mailbox *mailbox;
        uint32_t node;
        struct qnetd_listener listener;

        /* of the thread */
        votequorum_handle_t handle; /* 0: not connected */
        uint64_t ring;              /* 0: none yet */
        uint64_t connection;        /* seen last */
        uint64_t since_ms;          /* and first */
        bool told;
        struct qnetd_sight sight; /* told last */

        pthread_mutex_t mutex;
        bool closed;
        unsigned references; /* the owner, the thread, what was posted */
};

enum kind { KIND_RING, KIND_ANSWER, KIND_SIGHT };

struct parcel {
        enum kind kind;
        uint64_t ring;
        node_set members;
        bool granted;
        uint64_t connection;
        struct qnetd_sight sight;
};

/* Locked; unlocks. */
static void watch_release(struct qnetd_watch *watch)
{
        bool is_last = --watch->references == 0;
        pthread_mutex_unlock(&watch->mutex);
        if (!is_last)
                return;
        pthread_mutex_destroy(&watch->mutex);
        free(watch);
}

static void deliver(void *context, void *data)
{
        struct qnetd_watch *watch = context;
        struct parcel *parcel = data;
        const struct qnetd_listener *listener = &watch->listener;
        /* Only the loop thread closes, and this is it. */
        if (!watch->closed)
                switch (parcel->kind) {
                case KIND_RING:
                        listener->on_ring(listener->context, parcel->ring, parcel->members);
                        break;
                case KIND_ANSWER:
                        listener->on_answer(listener->context, parcel->granted, parcel->connection);
                        break;
                case KIND_SIGHT:
                        listener->on_sight(listener->context, &parcel->sight);
                        break;
                }
        free(parcel);
        pthread_mutex_lock(&watch->mutex);
        watch_release(watch);
}

static void tell(struct qnetd_watch *watch, const struct parcel *said)
{
        struct parcel *parcel = malloc(sizeof *parcel);
        if (parcel == NULL)
                abort();
        *parcel = *said;
        pthread_mutex_lock(&watch->mutex);
        if (watch->closed) {
                free(parcel);
        } else {
                watch->references++;
                mailbox_post(watch->mailbox, deliver, watch, parcel);
        }
        pthread_mutex_unlock(&watch->mutex);
}

static bool is_closed(struct qnetd_watch *watch)
{
        pthread_mutex_lock(&watch->mutex);
        bool closed = watch->closed;
        pthread_mutex_unlock(&watch->mutex);
        return closed;
}

/* Notes the connection. Of one that is not told in time nothing new is known. */
static struct qnetd_sight look(struct qnetd_watch *watch, uint32_t timeout_ms)
{
        struct qdevice_status status = { .connected = false };
        struct qnetd_sight sight = { .error = qdevice_status_ask(QDEVICE_SOCKET, timeout_ms, &status) };
        uint64_t now_ms = clock_boot_ms();
        if (sight.error != -ETIMEDOUT && status.connection != watch->connection) {
                watch->connection = status.connection;
                watch->since_ms = now_ms;
        }
        sight.connected = status.connected;
        sight.encrypted = status.encrypted;
        sight.connection = now_ms - watch->since_ms >= AGE_MS ? watch->connection : 0;
        return sight;
}

static bool info_of(struct qnetd_watch *watch, struct votequorum_info *ret_info)
{
        return watch->handle != 0 && votequorum_getinfo(watch->handle, watch->node, ret_info) == CS_OK;
}

/* votequorum says that the ring is quorate: does it by the vote, and by nothing else? */
static bool is_by_vote(struct qnetd_watch *watch)
{
        struct votequorum_info info;
        if (!info_of(watch, &info) || (info.flags & VOTEQUORUM_INFO_QDEVICE_CAST_VOTE) == 0 ||
            (info.flags & FLAGS_THAT_DECIDE) != 0)
                return false;
        return info.total_votes >= info.quorum && info.total_votes - info.qdevice_votes < info.quorum;
}

static void on_ring(votequorum_handle_t handle, uint64_t context, votequorum_ring_id_t ring, uint32_t count,
                    uint32_t nodes[])
{
        (void)context;
        struct qnetd_watch *watch = NULL;
        if (votequorum_context_get(handle, (void **)&watch) != CS_OK || watch == NULL)
                return;
        struct parcel parcel = { .kind = KIND_RING };
        for (uint32_t i = 0; i < count; i++)
                parcel.members |= node_set_of(nodes[i]);
        watch->ring = ring.seq << 8 | ring.nodeid;
        parcel.ring = watch->ring;
        tell(watch, &parcel);
}

/*
 * The first of a ring comes when votequorum has done with it, and it had waited for the vote. Later ones come
 * when a vote comes or goes.
 */
static void on_quorum(votequorum_handle_t handle, uint64_t context, uint32_t quorate, uint32_t count,
                      votequorum_node_t nodes[])
{
        (void)context, (void)count, (void)nodes;
        struct qnetd_watch *watch = NULL;
        if (votequorum_context_get(handle, (void **)&watch) != CS_OK || watch == NULL)
                return;
        if (watch->ring == 0)
                return;
        struct parcel parcel = { .kind = KIND_ANSWER, .granted = quorate != 0 && is_by_vote(watch) };
        struct qnetd_sight sight = look(watch, ANSWER_MS);
        parcel.connection = sight.error == 0 ? sight.connection : 0;
        tell(watch, &parcel);
}

/* Rings may come and go that we do not hear of: that is a ring, too. */
static void disconnect(struct qnetd_watch *watch)
{
        if (watch->handle != 0)
                (void)votequorum_finalize(watch->handle);
        watch->handle = 0;
        if (watch->ring != 0)
                tell(watch, &(struct parcel){ .kind = KIND_RING, .ring = 0 });
        watch->ring = 0;
}

/* What it says at first of the present ring is no first answer, and arms nobody: so no claim waits for it. */
static void connect_once(struct qnetd_watch *watch)
{
        votequorum_callbacks_t callbacks = { .votequorum_quorum_notify_fn = on_quorum,
                                             .votequorum_nodelist_notify_fn = on_ring };
        if (watch->handle != 0)
                return;
        if (votequorum_initialize(&watch->handle, &callbacks) != CS_OK) {
                watch->handle = 0;
                return;
        }
        if (votequorum_context_set(watch->handle, watch) != CS_OK ||
            votequorum_trackstart(watch->handle, 0, CS_TRACK_CURRENT | CS_TRACK_CHANGES) != CS_OK)
                disconnect(watch);
}

static void wait_for_word(struct qnetd_watch *watch)
{
        struct pollfd one = { .fd = -1, .events = POLLIN };
        if (watch->handle != 0 && votequorum_fd_get(watch->handle, &one.fd) != CS_OK)
                disconnect(watch);
        (void)poll(&one, 1, LOOK_MS);
        if (watch->handle == 0)
                return;
        cs_error_t answer = votequorum_dispatch(watch->handle, CS_DISPATCH_ALL);
        if (answer != CS_OK && answer != CS_ERR_TRY_AGAIN)
                disconnect(watch);
}

static bool same_sight(const struct qnetd_sight *a, const struct qnetd_sight *b)
{
        return a->error == b->error && a->connected == b->connected && a->encrypted == b->encrypted &&
               a->voted == b->voted && a->connection == b->connection;
}

static void tell_sight(struct qnetd_watch *watch)
{
        struct votequorum_info info;
        struct qnetd_sight sight = look(watch, STATUS_MS);
        if (info_of(watch, &info))
                sight.voted = (info.flags & VOTEQUORUM_INFO_QDEVICE_CAST_VOTE) != 0;
        else
                sight.error = -ENOTCONN;
        if (watch->told && same_sight(&sight, &watch->sight))
                return;
        watch->told = true;
        watch->sight = sight;
        tell(watch, &(struct parcel){ .kind = KIND_SIGHT, .sight = sight });
}

static void *watch_run(void *context)
{
        struct qnetd_watch *watch = context;
        while (!is_closed(watch)) {
                connect_once(watch);
                tell_sight(watch);
                wait_for_word(watch);
        }
        disconnect(watch);
        pthread_mutex_lock(&watch->mutex);
        watch_release(watch);
        return NULL;
}

int qnetd_watch_new(struct mailbox *mailbox, uint32_t node, const struct qnetd_listener *listener,
                    struct qnetd_watch **ret_watch)
{
        struct qnetd_watch *watch = calloc(1, sizeof *watch);
        if (watch == NULL)
                abort();
        watch->mailbox = mailbox;
        watch->node = node;
        watch->listener = *listener;
        watch->references = 2;
        pthread_mutex_init(&watch->mutex, NULL);
        int error = worker_start_deep_thread(watch_run, watch, STACK_BYTES);
        if (error != 0) {
                pthread_mutex_destroy(&watch->mutex);
                free(watch);
                return error;
        }
        *ret_watch = watch;
        return 0;
}

void qnetd_watch_free(struct qnetd_watch *watch)
{
        if (watch == NULL)
                return;
        pthread_mutex_lock(&watch->mutex);
        watch->closed = true;
        watch_release(watch);
}
