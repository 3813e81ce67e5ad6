/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/membership.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include <corosync/cpg.h>

#include "clusterd/base/scope.h"
#include "clusterd/io/log.h"

#define RECONNECT_MS 500

/* While corosync forms a view it takes nothing; that lasts milliseconds. */
#define RESEND_MS 2

/* So that a flood of messages cannot keep timers and clients from their turn. */
#define DISPATCH_MAX 512

enum arrival_kind { ARRIVAL_MESSAGE, ARRIVAL_MEMBERS, ARRIVAL_CONNECTED };

/* What a callback of corosync's library told, kept until it has returned. Also a message waiting to be sent.
 */
struct arrival {
        struct arrival *next;
        enum arrival_kind kind;
        uint32_t sender;
        node_set nodes;
        struct cpg_ring_id ring;
        size_t count;
        char bytes[];
};

struct queue {
        struct arrival *first;
        struct arrival **end;
};

struct membership {
        qb_loop_t *loop;
        struct cpg_name group;
        struct membership_listener listener;

        bool connected;
        bool losing; /* on_lost comes; nothing is read or sent until then */
        cpg_handle_t cpg;
        int cpg_fd;

        struct queue arrived;
        struct queue unsent;
        bool resending;
        qb_loop_timer_handle resend;
        qb_loop_timer_handle reconnect; /* 0: not set */
        qb_loop_timer_handle lost;      /* 0: not set */
        const char *lost_text;

        bool joined; /* our own join has been seen */
        node_set members;
        node_set connected_nodes;
        struct cpg_ring_id ring; /* of connected_nodes */
};

static void queue_init(struct queue *queue)
{
        queue->first = NULL;
        queue->end = &queue->first;
}

static struct arrival *queue_add(struct queue *queue, enum arrival_kind kind, const void *bytes, size_t count)
{
        struct arrival *arrival = calloc(1, sizeof(*arrival) + count);
        assert(arrival != NULL);
        arrival->kind = kind;
        arrival->count = count;
        if (count > 0)
                memcpy(arrival->bytes, bytes, count);
        *queue->end = arrival;
        queue->end = &arrival->next;
        return arrival;
}

/* Given, free(); NULL when empty. */
static struct arrival *queue_take(struct queue *queue)
{
        struct arrival *arrival = queue->first;
        if (arrival == NULL)
                return NULL;
        queue->first = arrival->next;
        if (queue->first == NULL)
                queue->end = &queue->first;
        return arrival;
}

static void queue_clear(struct queue *queue)
{
        for (struct arrival *arrival; (arrival = queue_take(queue)) != NULL;)
                free(arrival);
}

static int error_of(cs_error_t error)
{
        switch (error) {
        case CS_OK:
                return 0;
        case CS_ERR_TRY_AGAIN:
        case CS_ERR_QUEUE_FULL:
        case CS_ERR_INTERRUPT:
                return -EAGAIN;
        case CS_ERR_NO_MEMORY:
                return -ENOMEM;
        case CS_ERR_ACCESS:
        case CS_ERR_SECURITY:
                return -EACCES;
        case CS_ERR_TOO_BIG:
        case CS_ERR_INVALID_PARAM:
                return -EINVAL;
        default: /* of the library's many words for "corosync is not there" */
                return -ENOTCONN;
        }
}

static struct membership *membership_of(cpg_handle_t handle)
{
        void *context = NULL;
        cs_error_t answer = cpg_context_get(handle, &context);
        assert(answer == CS_OK);
        return context;
}

static void on_deliver(cpg_handle_t handle, const struct cpg_name *group, uint32_t node, uint32_t pid,
                       void *bytes, size_t count)
{
        (void)group;
        (void)pid;
        struct membership *membership = membership_of(handle);
        queue_add(&membership->arrived, ARRIVAL_MESSAGE, bytes, count)->sender = node;
}

static void on_group_change(cpg_handle_t handle, const struct cpg_name *group,
                            const struct cpg_address *members, size_t member_count,
                            const struct cpg_address *left, size_t left_count,
                            const struct cpg_address *joined, size_t joined_count)
{
        (void)group;
        (void)left;
        (void)left_count;
        (void)joined;
        (void)joined_count;
        node_set nodes = 0;
        for (size_t i = 0; i < member_count; i++)
                nodes |= node_set_of(members[i].nodeid);
        queue_add(&membership_of(handle)->arrived, ARRIVAL_MEMBERS, NULL, 0)->nodes = nodes;
}

static void on_ring_change(cpg_handle_t handle, struct cpg_ring_id ring, uint32_t count,
                           const uint32_t *members)
{
        node_set nodes = 0;
        for (uint32_t i = 0; i < count; i++)
                nodes |= node_set_of(members[i]);
        struct arrival *arrival = queue_add(&membership_of(handle)->arrived, ARRIVAL_CONNECTED, NULL, 0);
        arrival->nodes = nodes;
        arrival->ring = ring;
}

static void on_lost(void *data);

/* Only notes it: we may be inside a call of the library or of the listener. */
static void membership_lose(struct membership *membership, const char *text)
{
        if (!membership->connected || membership->losing)
                return;
        membership->losing = true;
        membership->lost_text = text;
        int32_t error =
                qb_loop_timer_add(membership->loop, QB_LOOP_HIGH, 0, membership, on_lost, &membership->lost);
        assert(error == 0);
}

static void give_view(struct membership *membership)
{
        const struct membership_listener *listener = &membership->listener;
        /* The first picture of the ring comes after our own join. */
        if (membership->joined && membership->connected_nodes != 0)
                listener->on_view(listener->context, membership->members, membership->connected_nodes);
}

static void give(struct membership *membership, const struct arrival *arrival)
{
        const struct membership_listener *listener = &membership->listener;
        switch (arrival->kind) {
        case ARRIVAL_MESSAGE:
                listener->on_message(listener->context, arrival->sender, arrival->bytes, arrival->count);
                break;
        case ARRIVAL_MEMBERS:
                membership->joined = true;
                membership->members = arrival->nodes;
                give_view(membership);
                break;
        case ARRIVAL_CONNECTED:
                membership->connected_nodes = arrival->nodes;
                membership->ring = arrival->ring;
                give_view(membership);
                break;
        }
}

/* One at a time, so that at most one arrival waits while the listener works. */
static int32_t on_cpg_ready(int32_t fd, int32_t events, void *data)
{
        (void)fd;
        (void)events;
        struct membership *membership = data;
        bool given = false;
        for (int i = 0; i < DISPATCH_MAX && !membership->losing; i++) {
                cs_error_t answer = cpg_dispatch(membership->cpg, CS_DISPATCH_ONE_NONBLOCKING);
                if (answer != CS_OK && error_of(answer) != -EAGAIN)
                        membership_lose(membership, cs_strerror(answer));
                bool empty = membership->arrived.first == NULL;
                for (struct arrival *arrival; (arrival = queue_take(&membership->arrived)) != NULL;
                     free(arrival))
                        give(membership, arrival);
                given = given || !empty;
                if (answer != CS_OK || empty)
                        break;
        }
        if (given)
                membership->listener.on_batch_end(membership->listener.context);
        return 0;
}

static cs_error_t cpg_open(struct membership *membership)
{
        cpg_model_v1_data_t model = {
                .model = CPG_MODEL_V1,
                .cpg_deliver_fn = on_deliver,
                .cpg_confchg_fn = on_group_change,
                .cpg_totem_confchg_fn = on_ring_change,
                .flags = CPG_MODEL_V1_DELIVER_INITIAL_TOTEM_CONF,
        };
        cs_error_t answer =
                cpg_model_initialize(&membership->cpg, CPG_MODEL_V1, (cpg_model_data_t *)&model, membership);
        if (answer != CS_OK) {
                membership->cpg = 0;
                return answer;
        }
        answer = cpg_fd_get(membership->cpg, &membership->cpg_fd);
        return answer != CS_OK ? answer : cpg_join(membership->cpg, &membership->group);
}

static void handles_close(struct membership *membership)
{
        if (membership->cpg != 0)
                (void)cpg_finalize(membership->cpg);
        membership->cpg = 0;
}

static int membership_connect(struct membership *membership)
{
        cs_error_t answer = cpg_open(membership);
        if (answer != CS_OK) {
                handles_close(membership);
                queue_clear(&membership->arrived);
                return error_of(answer);
        }
        int32_t error = qb_loop_poll_add(membership->loop, QB_LOOP_HIGH, membership->cpg_fd, POLLIN,
                                         membership, on_cpg_ready);
        assert(error == 0);
        membership->connected = true;
        return 0;
}

static void membership_disconnect(struct membership *membership)
{
        if (!membership->connected)
                return;
        qb_loop_poll_del(membership->loop, membership->cpg_fd);
        handles_close(membership);
        queue_clear(&membership->arrived);
        queue_clear(&membership->unsent);
        membership->connected = membership->losing = membership->joined = false;
        membership->members = membership->connected_nodes = 0;
        membership->ring = (struct cpg_ring_id){ .nodeid = 0 };
}

static void on_reconnect(void *data);

static void reconnect_later(struct membership *membership)
{
        int32_t error = qb_loop_timer_add(membership->loop, QB_LOOP_MED, UINT64_C(1000000) * RECONNECT_MS,
                                          membership, on_reconnect, &membership->reconnect);
        assert(error == 0);
}

static void on_reconnect(void *data)
{
        struct membership *membership = data;
        membership->reconnect = 0;
        if (membership_connect(membership) != 0)
                reconnect_later(membership);
        else
                log_notice("connected to corosync" QB_XS " group=%s", membership->group.value);
}

static void on_lost(void *data)
{
        struct membership *membership = data;
        const struct membership_listener *listener = &membership->listener;
        membership->lost = 0;
        membership_disconnect(membership);
        reconnect_later(membership);
        listener->on_gone(listener->context, membership->lost_text);
        listener->on_view(listener->context, 0, 0);
        listener->on_batch_end(listener->context);
}

int membership_new(qb_loop_t *loop, const char *group, const struct membership_listener *listener,
                   struct membership **ret_membership)
{
        size_t length = strlen(group);
        assert(length > 0 && length < CPG_MAX_NAME_LENGTH);
        struct membership *membership = calloc(1, sizeof(*membership));
        if (membership == NULL)
                return -ENOMEM;
        membership->loop = loop;
        membership->listener = *listener;
        membership->group.length = (uint32_t)length;
        memcpy(membership->group.value, group, length);
        queue_init(&membership->arrived);
        queue_init(&membership->unsent);

        int error = membership_connect(membership);
        if (error != 0 && error != -ENOTCONN && error != -EAGAIN) {
                free(membership);
                return error;
        }
        if (error != 0)
                reconnect_later(membership);
        *ret_membership = membership;
        return error == 0 ? 0 : -ENOTCONN;
}

void membership_free(struct membership *membership)
{
        if (membership == NULL)
                return;
        if (membership->reconnect != 0)
                qb_loop_timer_del(membership->loop, membership->reconnect);
        if (membership->lost != 0)
                qb_loop_timer_del(membership->loop, membership->lost);
        if (membership->resending)
                qb_loop_timer_del(membership->loop, membership->resend);
        membership_disconnect(membership);
        free(membership);
}

/* false: corosync is busy; keep it and come again. */
static bool send_now(struct membership *membership, const void *bytes, size_t count)
{
        struct iovec part = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = count };
        cpg_flow_control_state_t flow = CPG_FLOW_CONTROL_DISABLED;
        if (cpg_flow_control_state_get(membership->cpg, &flow) == CS_OK && flow == CPG_FLOW_CONTROL_ENABLED)
                return false;
        cs_error_t answer = cpg_mcast_joined(membership->cpg, CPG_TYPE_AGREED, &part, 1);
        if (error_of(answer) == -EAGAIN)
                return false;
        if (answer != CS_OK)
                membership_lose(membership, cs_strerror(answer));
        return true;
}

static void on_resend(void *data);

static void resend_later(struct membership *membership)
{
        int32_t error = qb_loop_timer_add(membership->loop, QB_LOOP_HIGH, UINT64_C(1000000) * RESEND_MS,
                                          membership, on_resend, &membership->resend);
        assert(error == 0);
        membership->resending = true;
}

static void on_resend(void *data)
{
        struct membership *membership = data;
        membership->resending = false;
        while (!membership->losing && membership->unsent.first != NULL) {
                const struct arrival *oldest = membership->unsent.first;
                if (!send_now(membership, oldest->bytes, oldest->count)) {
                        resend_later(membership);
                        return;
                }
                free(queue_take(&membership->unsent));
        }
}

void membership_send(struct membership *membership, const void *bytes, size_t count)
{
        assert(count > 0 && count <= MESSAGE_BYTES);
        if (!membership->connected || membership->losing)
                return;
        if (membership->unsent.first == NULL && send_now(membership, bytes, count))
                return;
        queue_add(&membership->unsent, ARRIVAL_MESSAGE, bytes, count);
        if (!membership->resending)
                resend_later(membership);
}

uint64_t membership_ring(const struct membership *membership)
{
        return membership->ring.seq << 8 | membership->ring.nodeid;
}
