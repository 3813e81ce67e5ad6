/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_QUEUE_H
#define CLU_SIMULATION_QUEUE_H

/* What is still to happen, ordered by time, then incidents first, then by when it was put in. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum event_kind {
        EVENT_CORE,        /* payload: a struct cluster_event for a core */
        EVENT_WAKE,        /* a core's timer */
        EVENT_DELIVER,     /* corosync hands the next thing to the daemon */
        EVENT_ORDER,       /* a node's queued packets get their place in the ring */
        EVENT_REFORM,      /* nodes that can talk form a ring */
        EVENT_DISK,        /* a batch is durable, or has failed */
        EVENT_JOB,         /* a step of a start, stop or move */
        EVENT_DEADLINE,    /* the daemon stops waiting for one */
        EVENT_EXPORT,      /* one is opened, or closed; payload: a struct ordered, of export.c */
        EVENT_CONNECTION,  /* a guest that runs by one writes */
        EVENT_STALL,       /* do disks fail their guests? */
        EVENT_COPY,        /* a step of moving a disk; payload: a struct ordered, of image.c */
        EVENT_GATEWAY,     /* one of a role looks after itself */
        EVENT_CONFIRMED,   /* its daemon has told it so */
        EVENT_PREEMPT,     /* keys are taken away; payload: a struct preempting, of gateway.c */
        EVENT_LOOK,        /* a daemon has looked at a volume */
        EVENT_LEASE_WRITE, /* a pass over a lease reaches the volume */
        EVENT_LEASE_DONE,  /* and has ended */
        EVENT_WITNESS_ASKED,
        EVENT_WITNESS_ANSWER,
        EVENT_QDEVICE,    /* a corosync-qdevice; payload: a struct letter, of qnetd.c */
        EVENT_QNETD,      /* the qnetd */
        EVENT_SIGHT_READ, /* a look at another's lease reads it */
        EVENT_SIGHT_DONE, /* and has ended */
        EVENT_LIST,       /* the hypervisor looks which domains it has */
        EVENT_RECONNECT,  /* libvirtd is back */
        EVENT_VANISH,     /* a migration's target gives up */
        EVENT_KEEPER,     /* clu-guard's tick */
        EVENT_HELD_PROBE, /* payload: a struct guard_probe */
        EVENT_CONTACT,    /* a keeper's probe is there; payload: struct arrived_probe */
        EVENT_WATCHDOG,
        EVENT_BOOT,
        EVENT_THAW,
        EVENT_DAEMON,       /* clusterd starts */
        EVENT_STOP,         /* clusterd, which was told to end, looks whether it may */
        EVENT_SHUT_DOWN,    /* a host goes down: clusterd ends in order, then the power goes */
        EVENT_LEAVE,        /* clusterd of an evicted node leaves the group */
        EVENT_FENCE_STATUS, /* it is asked whether it did */
        EVENT_FENCE_SWITCH, /* a fence device cuts the power, or gives it */
        EVENT_INCIDENT,     /* payload: a struct incident */
        EVENT_FAULT,        /* the next one is drawn */
        EVENT_MEND,         /* the network is whole again */
        EVENT_COROSYNC,     /* corosync starts again */
        EVENT_OPERATOR,
        EVENT_END,  /* of a story */
        EVENT_POLL, /* has everything calmed down? */
        EVENT_KIND_COUNT
};

struct event {
        uint64_t time_us;
        uint64_t sequence;
        enum event_kind kind;
        uint32_t node;
        uint64_t life; /* of what it was meant for; it is dropped when that has gone */
        uint64_t a, b;
        void *payload; /* owned by the queue, then by whoever pops it */
};

struct queue {
        struct event *heap;
        size_t count;
        size_t capacity;
        uint64_t next_sequence;
};

void queue_push(struct queue *queue, struct event event); /* sets its sequence */
bool queue_pop(struct queue *queue, struct event *ret_event);
void queue_release(struct queue *queue);

#endif
