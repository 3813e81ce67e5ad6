/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_CORE_LOST_PRIVATE_H
#define CLU_CLUSTERD_CORE_LOST_PRIVATE_H

/* What the leader does about lost nodes, for the files of this folder alone: part of cluster_private.h. */

#include "clusterd/core/cluster.h"

/* fencing.c: the leader's attempts to prove that a lost node is off. */
struct fencing {
        uint64_t incarnation; /* of the node, that all this is about */
        uint64_t lost_ms;     /* since when it is lost */
        uint64_t attempt;     /* 0: none under way */
        uint32_t level;       /* of the attempt, or of the last that failed; 0: begin with the first */
        uint64_t started_ms;  /* the attempt */
        uint32_t running;     /* devices of the attempt that have not answered */
        uint32_t tries;       /* through all levels */
        uint64_t next_ms;
        uint64_t evidence_count; /* request_id of an evidence proposal; 0: none */
        uint64_t arrival_ms;     /* when a guest might last have arrived there */
        bool off;
        uint64_t off_ms;                        /* since when */
        char devices[NAME_BYTES];               /* of the attempt, that did */
        uint64_t useless_index, useless_leases; /* applied, and expired, when that proved nothing */
        uint64_t idle_index, idle_volumes;      /* applied, and preempted, when that proved nothing */
};

/* preempt.c: the leader takes a lost node's keys on one target away. */
struct preemption {
        uint32_t node; /* NODE_NONE: free */
        uint32_t volume;
        uint64_t incarnation; /* of the node */
        uint64_t attempt;     /* under way; 0: none */
        uint64_t begun_ms;    /* the last one; 0: there was none */
        uint64_t next_ms;
        uint32_t tries;
        bool done;
};

#define PREEMPTIONS_MAX 128 /* at once; the others wait for their turn */

#define FENCE_AGAIN_MS 5000 /* from turning a node off until it may be turned off once more */

/* fence_test.c: the leader turns a node off and on by each level of its devices. */
struct fence_test {
        uint32_t node, level; /* NODE_NONE: nothing is tested here */
        bool on;              /* the step: off, or on */
        uint64_t begun_ms;
        uint64_t attempt;     /* 0: no agent at work */
        uint32_t running;     /* devices of it that have not answered */
        uint32_t duration_ms; /* until the last answer */
        bool failed;
        uint64_t count;           /* request_id of what is to be committed next; 0: none */
        char devices[NAME_BYTES]; /* that have done it */
        char reason[REASON_BYTES];
};

/* lease_watch.c: what the leader sees of a lost node's lease on one volume. */
struct lease_watch {
        uint32_t node; /* NODE_NONE: free */
        uint32_t volume;
        uint64_t identity;
        uint64_t sight; /* a look, or a revocation, under way; 0: none */
        uint64_t next_ms;
        bool looked;       /* since the last revocation */
        uint64_t alive_ms; /* since when it is lost and renews it, as far as this leader has seen; 0: it does
                              not */
        struct lease_observer observer;
};

#define LEASE_WATCHES_MAX 128 /* at once; the others wait for their turn */

/* lease_watch.c */
void lease_watch_tick(struct cluster *cluster);
void lease_watch_seen(struct cluster *cluster, const struct cluster_event *event);
void lease_watch_revoked(struct cluster *cluster, const struct cluster_event *event);
/* Volumes on which the leases of that lost node are proven to have expired. */
uint64_t lease_watch_expired(const struct cluster *cluster, uint32_t node);
/* On which it gave its lease up because it was asked to after this loss. */
uint64_t lease_watch_released(const struct cluster *cluster, const struct node *node);

/* preempt.c */
/* Sees to it that the lost node has no keys on the targets of its roles. On which of them it has none, by an
 * attempt that was begun after from_ms, when contact with it had ended. */
uint64_t preempt_node(struct cluster *cluster, const struct node *node, uint64_t from_ms);
void preempt_forget(struct cluster *cluster, uint32_t node);
void preempt_ended(struct cluster *cluster, const struct cluster_event *event);

/* fence_test.c */
void fence_test_tick(struct cluster *cluster);
void fence_test_forget(struct cluster *cluster, const char *reason);
bool fence_test_done(struct cluster *cluster, const struct cluster_event *event); /* it was about a test */
/* Applied, or dropped. */
void fence_test_answered(struct cluster *cluster, const struct entry *entry);
void fence_test_round_ended(struct cluster *cluster);

/* fencing.c */
/* Before what failed that often is tried again. */
uint64_t fencing_back_off_ms(uint32_t tries);
/* An answer about a lost node goes into the history, unless it would be the same again and again. */
void fencing_report(struct cluster *cluster, const struct command_fence_report *report, uint32_t tries);
/* From when it was without contact to anybody here, on this node's clock, as far as this leader can say. */
uint64_t fencing_counts_from(const struct cluster *cluster, uint32_t node);
/* When it has stopped what needs contact itself, unless it cannot; a watchdog may need longer. */
uint64_t fencing_has_stopped_at(const struct cluster *cluster, const struct node *node);
void fence_devices_add(char devices[NAME_BYTES], const char *device); /* "psu-a and psu-b" */
void fencing_tick(struct cluster *cluster);
void fencing_done(struct cluster *cluster, const struct cluster_event *event);
/* Applied, or dropped. */
void fencing_answered(struct cluster *cluster, const struct entry *entry);
void fencing_round_ended(struct cluster *cluster);

#endif
