/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_DAEMON_PRIVATE_H
#define CLU_CLUSTERD_DAEMON_PRIVATE_H

/* What daemon.c and the files daemon_*.c share. */

#include <qb/qbloop.h>
#include <sys/queue.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "clusterd/core/cluster.h"
#include "clusterd/daemon.h"
#include "clusterd/io/fence_presence.h"
#include "clusterd/io/guard_client.h"
#include "clusterd/io/host.h"
#include "clusterd/io/hypervisor.h"
#include "clusterd/io/ipc.h"
#include "clusterd/io/iscsi_gateways.h"
#include "clusterd/io/iscsi_confirm.h"
#include "clusterd/io/iscsi_looks.h"
#include "clusterd/io/iscsi_preempts.h"
#include "clusterd/io/log.h"
#include "clusterd/io/mailbox.h"
#include "clusterd/io/membership.h"
#include "clusterd/io/process_runner.h"
#include "clusterd/io/quorum_mirror.h"
#include "clusterd/io/request.h"
#include "clusterd/io/store.h"
#include "clusterd/io/volume_paths.h"
#include "clusterd/io/qnetd_port.h"
#include "clusterd/io/witness_port.h"
#include "clusterd/protocol/codec.h"
#include "resource-agents/fence_agent.h"
#include "resource-agents/ocf_role.h"

struct queued_event {
        struct queued_event *next;
        struct cluster_event event;
};

/* Answers of hypervisor and agents to one CLUSTER_ACTION_LIST become one. */
struct listing {
        uint64_t id;
        uint32_t open; /* ports that have not ended */
        bool failed;
};

struct fence_attempt; /* one device at work; daemon_actions.c */

/* Messages that leave together. */
struct bundle {
        char *text;
        size_t bytes, capacity;
};

struct daemon {
        uint32_t node;
        qb_loop_t *loop;
        struct mailbox *mailbox;
        struct store *store;
        struct membership *membership;
        struct hypervisor *hypervisor;
        struct process_runner *runner;
        struct ocf_roles *ocf;
        struct volume_paths *paths;
        struct iscsi_gateways *gateways;
        struct disk_exports *exports;
        struct iscsi_looks *looks;
        struct iscsi_confirm *confirm;
        struct iscsi_preempts *preempts;
        struct witness_port *witness;
        struct fence_presence *presence;
        struct qnetd_port *qnetd;
        struct ipc *ipc;
        struct request_handler *handler;
        struct quorum_mirror *mirror;
        uint64_t mirrored_epoch; /* votequorum knows what was so in this one */
        struct cluster_expected mirrored;
        struct guard_client *guard;
        struct guard_order guard_order;
        bool watchdog;   /* as the keeper has reported */
        uint32_t arming; /* of the order that it has carried out */
        bool awaits_report;
        const char *program;
        const char *ocf_root;
        char *ledger_path;

        struct cluster *cluster;
        struct cluster_actions *actions;
        uint64_t step_ms; /* when the last began */
        bool stepping;    /* actions are being carried out */
        bool in_batch;    /* more messages are coming: one write for all */
        struct queued_event *queue;
        struct queued_event **queue_end;
        qb_loop_timer_handle wake_timer;
        qb_loop_timer_handle guard_timer;
        qb_loop_timer_handle compact_timer;
        uint64_t leaving_ms;            /* since when it is to end; 0: it is not */
        struct message_decoded decoded; /* large: not on the stack */
        struct bundle bundle;
        uint64_t unreadable_ms; /* when the log was last told of a message that cannot be read; 0: never */
        uint32_t unreadable;    /* since then */
        struct listing listing;
        LIST_HEAD(fence_attempts, fence_attempt) fence_attempts;
};

/* Sets the event's times, runs the core, carries out what it wants. */
void daemon_deliver(struct daemon *daemon, const struct cluster_event *event);
void daemon_stamp(struct cluster_event *event);

/* daemon_actions.c */
int daemon_open_workers(struct daemon *daemon, const struct daemon_options *options, const char *node_name);
/* The present order, with all that the core knows. 0 or negative errno. */
int daemon_tell_keeper(struct daemon *daemon);
/* daemon.c: while an order waits its report is read soon, not once a second: a first start waits with it. */
void daemon_await_keeper(struct daemon *daemon);
void daemon_carry_out(struct daemon *daemon, const struct cluster_action *action);

/* daemon_messages.c */
/* Queued in order until it is flushed. */
void daemon_send(struct daemon *daemon, const struct message *message);
void daemon_flush_messages(struct daemon *daemon);
/* What the group delivered at once: one message or several. */
void daemon_receive(struct daemon *daemon, uint32_t sender, const char *bytes, size_t count);

/* daemon_requests.c */
int daemon_open_ipc(struct daemon *daemon);

#endif
