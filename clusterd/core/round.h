/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_CORE_ROUND_H
#define CLU_CLUSTERD_CORE_ROUND_H

/* A round of the group, as one node knows it: README.md, "The ledger". For the files of this folder alone. */

#include "clusterd/core/cluster.h"
#include "clusterd/core/round_rule.h"

enum round_phase {
        ROUND_NONE,      /* not in a group, or waiting for somebody to open a round */
        ROUND_GATHER,    /* states are coming in */
        ROUND_REFUSED,   /* decided: not primary */
        ROUND_WITNESS,   /* decided: primary if the witness promises; it has been asked */
        ROUND_LEVEL,     /* decided: laggards are brought level, promises come in */
        ROUND_BEGINNING, /* the epoch's entry is appended, not yet committed */
        ROUND_ACTIVE     /* proposals are accepted */
};

/* view_change.c: one attempt of the group to agree on whose history goes on. */
struct round {
        enum round_phase phase;
        struct round_id id; /* of the round that messages must name */
        uint64_t opened;    /* rounds that we opened: makes our ids unique */
        node_set members;
        node_set connected;
        node_set seen;                   /* connected at some time since this process began */
        uint64_t view_ms[NODES_MAX + 1]; /* when a node was last seen to leave `connected` */
        uint64_t phase_ms;               /* since when in this phase */
        uint64_t state_ms;               /* when we told this round our state */
        uint64_t probe_sent_ms,
                probe_back_ms; /* our last heartbeat that came back; back 0: none in this view */
        uint64_t probe_ring;   /* when it came back */
        bool told_claim;       /* our STATE told the claim that we have */
        node_set spoke;
        struct message_state states[NODES_MAX + 1];
        struct message_decide decide;
        struct voters voters;  /* of the epoch, as everybody in it knows them, laggards too */
        uint64_t voters_index; /* entry of the change that is under way */
        uint32_t leader;       /* of the epoch, once it began */
        node_set waits;        /* leader: laggards worth waiting for */
        node_set promised;
        node_set level;       /* those who follow the epoch: promised when it began */
        uint64_t position;    /* last index of the epoch, also known to laggards */
        uint64_t begin_index; /* of the epoch's entry */
        uint64_t committed;   /* also known to laggards */
        bool by_witness;  /* it has promised the epoch: its vote counts, and all who are level must store */
        bool advanced;    /* and knows that this is the newest history now */
        bool sent_decide; /* coordinator */
        bool proposed_epoch;   /* leader */
        uint64_t tick_ms;      /* when we last looked: a long gap means that it was us who stood still */
        uint64_t sent_promise; /* epoch that we sent PROMISED for in this round */
        uint64_t sent_stored;  /* index that we sent STORED for in this round */
        uint64_t stored[NODES_MAX + 1];
        uint64_t heard_ms[NODES_MAX + 1]; /* last heartbeat */
        uint64_t heartbeat_ms;            /* our last */
        uint64_t catch_up_ms;             /* our last request */
        uint64_t leveling_ms;             /* when a laggard was last sent something */
        struct message_heartbeat heartbeats[NODES_MAX + 1];
        uint64_t guarded[NODES_MAX + 1]; /* guarded_index that a node has told in this round */
};

#endif
