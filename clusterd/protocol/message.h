/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_PROTOCOL_MESSAGE_H
#define CLU_CLUSTERD_PROTOCOL_MESSAGE_H

/*
 * What nodes say to each other over CPG, in one total order.
 *
 * Every message but MESSAGE_VIEW_OPEN carries the id of the round that it
 * belongs to; the core drops those of other rounds. See clusterd/core/README.md
 * for the protocol.
 */

#include "clusterd/protocol/command.h"

/* Names one round of view change; never used twice. All zero: none. */
struct round_id {
        uint32_t node;        /* who opened it */
        uint64_t incarnation; /* of that daemon's process: random at each start */
        uint64_t count;
};

/* Names one request of a client, or one proposal of a planner. */
struct request_id {
        uint32_t node;
        uint64_t incarnation; /* of that daemon's process */
        uint64_t count;       /* 0: nobody waits for an answer */
};

/* Where a history ends. */
struct ledger_position {
        uint64_t epoch; /* of the last entry; 0 when empty */
        uint64_t index; /* of the last entry; 0 when empty */
        uint8_t hash[HASH_BYTES];
};

/* One entry of the ledger. */
struct entry {
        uint64_t epoch;
        uint64_t index;
        int64_t time_ms; /* the proposer's wall clock, for people; no rule reads it */
        struct request_id request;
        char actor[ACTOR_BYTES]; /* "uid 0", "planner", "node n1" */
        struct command command;
        const char *text; /* canonical JSON of the command, not closed by a zero; borrowed */
        size_t text_bytes;
        uint8_t hash[HASH_BYTES]; /* chained over the previous entry's */
};

enum message_kind {
        MESSAGE_VIEW_OPEN, /* let us begin a round */
        MESSAGE_STATE,     /* where my history ends */
        MESSAGE_DECIDE,    /* whose history goes on, and who takes part */
        MESSAGE_PROMISED,  /* I hold that history durably and follow no older epoch */
        MESSAGE_PROPOSE,   /* append this */
        MESSAGE_STORED,    /* everything up to index is durable here */
        MESSAGE_HEARTBEAT, /* I am in contact; renews the sender's own guard when it comes back */
        MESSAGE_CATCH_UP,  /* I lack what comes after index */
        MESSAGE_ENTRY,     /* one entry for a laggard */
        MESSAGE_SNAPSHOT_BEGIN,
        MESSAGE_SNAPSHOT_OBJECT,
        MESSAGE_SNAPSHOT_DEFINITION,
        MESSAGE_SNAPSHOT_END,
        MESSAGE_WITNESS, /* what the witness answered in this round */
        MESSAGE_COUNT
};

struct message_state {
        struct ledger_position last;    /* appended */
        struct ledger_position applied; /* known committed, and applied */
        uint64_t first_index;           /* oldest entry kept; 0 if none */
        uint64_t promised;              /* highest epoch promised, durably */
        bool blank;                     /* never was level: does not count towards a majority */
        node_set voters;                /* at the end of that history; 0 when blank */
        node_set voters_before;         /* 0, unless the change to these is not known to be committed */
        uint64_t voters_witness;        /* identities of the witness that votes, too; 0: none does */
        uint64_t voters_before_witness;
        bool whole;                /* holds what was committed in the epoch of its last entry */
        bool sick;                 /* its disk takes nothing: it will not promise */
        uint64_t witness_promised; /* the highest epoch that it has heard the witness promise */
        /* Its claim to a qnetd's vote (quorum/qnetd_claim.h): */
        uint64_t claim_witness; /* the identity of that; 0: it has none */
        uint64_t claim_ring;    /* in which it was granted */
        uint64_t claim_epoch;   /* in which it was armed */
        node_set claim_members; /* of that ring */
        node_set claim_level;   /* in that epoch */
        uint64_t forced;        /* the last forced epoch in that history; 0: none */
};

struct message_decide {
        node_set participants;
        node_set level; /* those whose history ends at base already */
        bool primary;   /* the level and the laggards together may go on */
        uint64_t epoch; /* to be promised */
        uint32_t leader;
        struct ledger_position base;
        node_set voters, voters_before; /* as in the winner's state */
        uint64_t voters_witness, voters_before_witness;
        bool witness;   /* may go on if the witness promises; if also primary, then also without, perhaps */
        uint32_t asker; /* who asks it */
        bool claimed;   /* may go on by a qnetd's vote: nobody is asked */
        uint64_t
                forced; /* as in the winner's state; the same as epoch: this one is forced by who opened it */
};

struct message_propose {
        int64_t time_ms;
        struct request_id request;
        char actor[ACTOR_BYTES];
        struct command command;
        const char *text; /* as in struct entry; NULL when sending: the encoder makes it */
        size_t text_bytes;
        const char *definition; /* content that command's definition_hash names; borrowed; NULL if none */
        size_t definition_bytes;
};

struct message_witness {
        uint64_t epoch;
        bool advanced; /* asked to advance to this epoch, not to promise it */
        bool granted;
        uint64_t promised;       /* the highest epoch that it is known to have promised */
        char text[REASON_BYTES]; /* why it was not granted */
};

struct message_heartbeat {
        uint64_t sent_ms;       /* sender's monotonic clock */
        uint64_t guarded_index; /* applied up to here, and its guard stands behind what that lets it run */
        uint32_t memory_free_mib;
        uint32_t load_percent;
        /* progress of the sender's outgoing move with the first name; empty if none */
        char moving_role[NAME_BYTES];
        uint32_t moving_percent;
        uint32_t moving_mib_s;
        bool leaving; /* its daemon is told to end: its vote should be somebody else's by then */
        /* of the fence agents that the ledger's devices need, those that are installed there, or not */
        char agents_there[AGENTS_BYTES];
        char agents_missing[AGENTS_BYTES];
};

struct message_catch_up {
        uint64_t applied_index; /* send what comes after */
        uint64_t forced;        /* as in its state: who has parted is sent all of it */
};

struct message_entry {
        uint32_t to;
        struct entry entry;
        const char *definition; /* as in struct message_propose */
        size_t definition_bytes;
};

struct message_snapshot { /* BEGIN, OBJECT, DEFINITION, END */
        uint32_t to;
        struct ledger_position at; /* BEGIN, END: the applied position the objects belong to */
        struct object object;      /* OBJECT */
        const char *definition;    /* DEFINITION */
        size_t definition_bytes;
};

struct message {
        enum message_kind kind;
        struct round_id round;
        union {
                struct message_state state;
                struct message_decide decide;
                uint64_t promised_epoch;
                struct message_propose propose;
                uint64_t stored_index;
                struct message_heartbeat heartbeat;
                struct message_catch_up catch_up;
                struct message_entry entry;
                struct message_snapshot snapshot;
                struct message_witness witness;
        };
};

const char *message_kind_name(enum message_kind kind);
int message_kind_parse(const char *text, enum message_kind *ret_kind);

static inline bool round_id_equal(const struct round_id *a, const struct round_id *b)
{
        return a->node == b->node && a->incarnation == b->incarnation && a->count == b->count;
}

static inline bool request_id_equal(const struct request_id *a, const struct request_id *b)
{
        return a->node == b->node && a->incarnation == b->incarnation && a->count == b->count;
}

/* The chain: SHA-256 over the previous hash and every field but the decoded command. Sets entry->hash. */
void entry_seal(struct entry *entry, const uint8_t *previous_hash);

#endif
