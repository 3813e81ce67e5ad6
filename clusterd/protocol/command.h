/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_PROTOCOL_COMMAND_H
#define CLU_CLUSTERD_PROTOCOL_COMMAND_H

/*
 * Commands: the only things that change the cluster.
 *
 * A command is proposed by a node, ordered by the group, stored by a majority
 * and then applied to the model by every node alike (clusterd/core/apply_*.c).
 * Its compact JSON (codec.h) is what the ledger keeps.
 */

#include "clusterd/protocol/object.h"

enum command_kind {
        /* proposed by the protocol and the leader's planner */
        COMMAND_EPOCH,         /* a leader's epoch begins */
        COMMAND_NODE_LOST,     /* a node left without a word */
        COMMAND_NODE_EVIDENCE, /* proof that a lost node runs nothing */
        COMMAND_NODE_DRAINED,  /* a draining node is empty */
        COMMAND_ROLE_ASSIGN,   /* owner chosen; with the evidence against earlier runners */
        COMMAND_ROLE_MOVE,     /* live move to a target; also by operators */
        COMMAND_VOTER_SET,     /* who has a vote from now on; needs a majority of those before, too */
        /* proposed by the node concerned */
        COMMAND_NODE_JOIN,   /* a node is there, with its boot and capacity */
        COMMAND_ROLE_REPORT, /* what a node sees of a role it may run */
        /* proposed for operators */
        COMMAND_CLUSTER_SET,
        COMMAND_NODE_DRAIN,
        COMMAND_NODE_RESUME,
        COMMAND_NODE_CONFIRM_OFF, /* an operator vouches that a lost node is off */
        COMMAND_ROLE_ADD,
        COMMAND_ROLE_SET,
        COMMAND_ROLE_START,
        COMMAND_ROLE_STOP,
        COMMAND_ROLE_REMOVE,
        COMMAND_FENCE_ADD,
        COMMAND_FENCE_REMOVE,
        COMMAND_NODE_FENCE,   /* an operator wants a node turned off: it counts as lost at once */
        COMMAND_FENCE_REPORT, /* by the leader: what a fence device or a target answered; changes nothing */
        COMMAND_NODE_QUARANTINE, /* by the leader: it was lost too often */
        COMMAND_CLUSTER_PAUSE,
        COMMAND_CLUSTER_RESUME, /* by the leader when the pause is over, or by operators */
        COMMAND_NODE_RELEASE,   /* by the leader when its time is over, or by operators */
        COMMAND_VOLUME_ADD,
        COMMAND_VOLUME_REMOVE,
        COMMAND_VOLUME_READY,  /* by the leader's planner: every member has proven it */
        COMMAND_VOLUME_DROP,   /* by the leader's planner: one could not */
        COMMAND_VOLUME_REPORT, /* by a node: how it fares with a volume */
        COMMAND_FENCE_TEST,    /* an operator wants a node turned off and on by each level of its devices */
        COMMAND_FENCE_TESTED,  /* by the leader: one of them ended a step of that */
        COMMAND_QUORUM_SET,    /* do the voters follow; which node votes rather than another */
        COMMAND_NODE_EVICT,    /* an operator takes a node out of the cluster */
        COMMAND_WITNESS_SET,   /* there is one now; it gets its vote by a COMMAND_VOTER_SET */
        COMMAND_WITNESS_REMOVE,
        COMMAND_VOLUME_MOVE,     /* by the leader, or by operators: another node coordinates it */
        COMMAND_VOLUME_MAINTAIN, /* an operator begins to work on it */
        COMMAND_VOLUME_RESUME,   /* and has ended that: it is proven anew */
        COMMAND_QUORUM_FORCE, /* asked of a node, not of the history: the others are gone, an operator says */
        COMMAND_ROLE_COPY,    /* an operator wants a disk of a role to go to another image */
        COMMAND_ROLE_COPY_ABORT,   /* and wants it no more */
        COMMAND_COPY_REPORT,       /* by the role's owner: how far it is */
        COMMAND_ROLE_RELOCATE,     /* by the leader's planner: what has stalled is stopped, to be started
                                      elsewhere */
        COMMAND_ROLE_REDIRECT,     /* by the leader's planner: another node is to write for it */
        COMMAND_ROLE_REDIRECT_END, /* by the leader's planner: that is of no use any more */
        COMMAND_REDIRECT_REPORT,   /* by the exporter of its disks, or by its owner: how far that is */
        COMMAND_COUNT
};

/* What COMMAND_ROLE_REPORT says. */
enum report_kind {
        REPORT_RUNNING,      /* it runs here */
        REPORT_STOPPED,      /* it is gone: we stopped it, as told */
        REPORT_SHUT_DOWN,    /* it is gone: the guest shut itself down */
        REPORT_FAILED,       /* it is gone: it crashed or was killed */
        REPORT_START_FAILED, /* it could not be started, and does not run */
        REPORT_ABSENT,       /* it is not here (end of a move, or found so) */
        REPORT_STABLE,       /* it has run for long: failures are forgiven */
        REPORT_STALLED,      /* it is here, and stands still: its disk failed it */
        REPORT_RESUMED,      /* and goes on */
        REPORT_COUNT
};

/* What COMMAND_COPY_REPORT says. */
enum copy_report {
        COPY_REPORT_HELD,    /* the guest is held, and both images are equal */
        COPY_REPORT_DONE,    /* its disk is the new one */
        COPY_REPORT_FAILED,  /* its disk is the old one, and nothing writes to the new one */
        COPY_REPORT_CLEARED, /* what was of no use is removed, as far as it could be */
        COPY_REPORT_COUNT
};

/* What COMMAND_REDIRECT_REPORT says. */
enum redirect_report {
        REDIRECT_REPORT_OPENED,   /* by the exporter: its export can be reached */
        REDIRECT_REPORT_SERVED,   /* by the owner: the guest runs by it */
        REDIRECT_REPORT_RETURNED, /* by the owner: the guest runs by its disks' own files again */
        REDIRECT_REPORT_FAILED,   /* by the owner: the guest could not go over to it */
        REDIRECT_REPORT_CLOSED,   /* by the exporter: nothing of it is left there */
        REDIRECT_REPORT_COUNT
};

/* Which fields of COMMAND_ROLE_SET and COMMAND_CLUSTER_SET are meant: bits. */
enum role_field {
        ROLE_FIELD_NOTE = 1 << 0,
        ROLE_FIELD_PRIORITY = 1 << 1,
        ROLE_FIELD_PREFERRED = 1 << 2,
        ROLE_FIELD_POSSIBLE = 1 << 3,
        ROLE_FIELD_DEFINITION = 1 << 4, /* hash, uuid, memory, cpus: used from the next start */
        ROLE_FIELD_STOP_TIMEOUT = 1 << 5
};

enum settings_field {
        SETTINGS_FIELD_MOVES_MAX = 1 << 0,
        SETTINGS_FIELD_ISOLATION_HOLD = 1 << 1,
        SETTINGS_FIELD_STOP_GRACE = 1 << 2,
        SETTINGS_FIELD_WATCHDOG = 1 << 3,
        SETTINGS_FIELD_MARGIN = 1 << 4,
        SETTINGS_FIELD_QUARANTINE_LOSSES = 1 << 5,
        SETTINGS_FIELD_QUARANTINE_WINDOW = 1 << 6,
        SETTINGS_FIELD_QUARANTINE = 1 << 7,
        SETTINGS_FIELD_RESILIENCY = 1 << 8,
        SETTINGS_FIELD_STALL_LIMIT = 1 << 9,
        SETTINGS_FIELD_LEASE_RENEW = 1 << 10,
        SETTINGS_FIELD_LEASE = 1 << 11,
        SETTINGS_FIELD_LEASE_STOP = 1 << 12,
        SETTINGS_FIELD_GUARD_INDEX = 1 << 13 /* by the leader: nobody goes by times of before that entry */
};

enum quorum_field { QUORUM_FIELD_DYNAMIC = 1 << 0, QUORUM_FIELD_PRIORITY = 1 << 1 };

struct command_epoch {
        uint32_t leader;
        node_set members;         /* of the view */
        struct settings settings; /* only in epoch 1 these become the model's */
        /* 0, unless it begins with the witness's vote: those without whom none of its entries is committed.
         */
        node_set holders;
        /* Its own number, if an operator forced it: its leader alone votes from here on. */
        uint64_t forced;
        char forced_by[ACTOR_BYTES];
        char reason[REASON_BYTES]; /* of the same */
};

struct command_quorum_force { /* never in a history: what it asks for is an epoch */
        char reason[REASON_BYTES];
};

struct command_node { /* NODE_QUARANTINE, NODE_RELEASE, NODE_LOST, NODE_DRAINED, NODE_DRAIN, NODE_RESUME,
                         NODE_CONFIRM_OFF, NODE_FENCE, NODE_EVICT */
        uint32_t node;
        uint64_t incarnation; /* NODE_LOST: which; 0 where it does not matter */
        char reason[REASON_BYTES];
        enum shut_down shut_down; /* NODE_DRAIN: and then its host */
        bool shut_down_forced;
};

struct command_node_evidence {
        uint32_t node;
        uint64_t incarnation;
        enum evidence_kind kind;
        char text[NAME_BYTES]; /* device */
        uint32_t duration_ms;  /* from the loss to the proof */
        uint64_t leases;       /* GUARD_EXPIRED: volumes on which its lease has expired, too; LEASE_RELEASED:
                                  on which it gave it up */
        uint64_t reservations; /* RESERVATION_PREEMPTED: volumes on whose targets it has no key any more */
};

struct command_fence_report {
        uint32_t node;
        char device[NAME_BYTES]; /* "": it is about keys on a volume's target */
        uint32_t level;
        char volume[NAME_BYTES];
        bool succeeded; /* off, and its status confirmed it; or it has no key there any more */
        uint32_t duration_ms;
        char text[REASON_BYTES]; /* what the agent said */
};

struct command_voter_set {
        node_set before; /* the present ones: a change of anything else is refused */
        node_set voters;
        char reason[REASON_BYTES];
        uint64_t before_witness; /* identity of the witness that has a vote, too; 0: none */
        uint64_t witness;
};

struct command_fence_test {
        uint32_t node;
        bool force; /* though roles run there */
        char reason[REASON_BYTES];
        bool on_only; /* no test: one that is proven off is turned on, by all levels */
};

struct command_fence_tested {
        uint32_t node;
        uint32_t level;
        bool on;        /* the step that has ended: off, or on */
        bool succeeded; /* all devices of the level did it, and their status confirmed it */
        uint32_t duration_ms;
        char reason[REASON_BYTES]; /* which devices, or what the one said that failed */
};

struct command_quorum_set {
        uint32_t fields;  /* which of these are meant */
        bool dynamic;     /* QUORUM_FIELD_DYNAMIC */
        uint32_t node;    /* QUORUM_FIELD_PRIORITY; else NODE_NONE */
        int32_t priority; /* the same: as in struct node */
        char reason[REASON_BYTES];
};

struct command_witness { /* WITNESS_SET, WITNESS_REMOVE: kind, place and identity must be of the present one
                          */
        struct witness witness;
        char reason[REASON_BYTES];
};

struct command_node_join {
        uint32_t node;
        char name[NAME_BYTES];
        uint64_t boot;
        uint32_t memory_mib;
        uint32_t cpus;
        bool watchdog;
        char address[ADDRESS_BYTES];
        char migration_address[ADDRESS_BYTES];
        bool fresh; /* it began with nothing in its ledger: may join though it was evicted */
};

struct command_role_assign {
        char role[NAME_BYTES];
        uint32_t node;
        uint64_t generation;             /* the role's present one, plus 1 */
        struct evidence owner_evidence;  /* against the last owner; kind NONE if it had none */
        struct evidence target_evidence; /* against a move's target */
        char reason[REASON_BYTES];
};

struct command_role_move {
        char role[NAME_BYTES];
        uint32_t target;
        uint64_t generation; /* the role's present one, plus 1; 0: whatever it is (operators) */
        bool drain;          /* to be brought back when its node resumes */
        char reason[REASON_BYTES];
};

struct command_role_report {
        char role[NAME_BYTES];
        uint32_t node; /* must be the proposer */
        uint64_t generation;
        enum report_kind kind;
        uint32_t duration_ms;    /* of a move: whole; of a start: until running */
        uint32_t downtime_ms;    /* of a move */
        char text[REASON_BYTES]; /* what the hypervisor or agent said */
};

struct command_role_add {
        struct role role; /* name, kind, desired, uuid, definition_hash, memory_mib, cpus, priority,
                           * stop_timeout_ms, preferred, possible, note count; the rest is 0 */
};

struct command_role_set {
        uint32_t fields;  /* of enum role_field */
        struct role role; /* name, and the fields meant */
};

struct command_role { /* ROLE_START, ROLE_STOP, ROLE_REMOVE, ROLE_COPY_ABORT */
        char role[NAME_BYTES];
        bool force; /* ROLE_STOP: without asking the guest first */
};

struct command_role_relocate {
        char role[NAME_BYTES];
        uint64_t stall; /* entry since which it stands still */
        char reason[REASON_BYTES];
};

struct command_role_redirect {
        char role[NAME_BYTES];
        uint32_t exporter;
        uint64_t stall; /* entry since which it stands still */
        char reason[REASON_BYTES];
};

struct command_role_redirect_end {
        char role[NAME_BYTES];
        uint64_t index; /* of the redirect */
        char reason[REASON_BYTES];
};

struct command_redirect_report {
        char role[NAME_BYTES];
        uint32_t node;  /* must be the proposer */
        uint64_t index; /* of the redirect */
        enum redirect_report kind;
        uint32_t port;              /* OPENED */
        char key[EXPORT_KEY_BYTES]; /* OPENED; never shown */
        char text[REASON_BYTES];
};

struct command_role_copy {
        char role[NAME_BYTES];
        char disk[DISK_BYTES];
        char from[IMAGE_PATH_BYTES];
        char to[IMAGE_PATH_BYTES];
        uint8_t before_hash[HASH_BYTES];     /* the role's definition, which has `from` */
        uint8_t definition_hash[HASH_BYTES]; /* the same with `to` */
        uint64_t volumes;                    /* of that */
        bool keep;                           /* the old image stays */
        char reason[REASON_BYTES];
};

struct command_copy_report {
        char role[NAME_BYTES];
        uint32_t node;  /* must be the proposer */
        uint64_t index; /* of the copy */
        enum copy_report kind;
        uint32_t duration_ms;    /* DONE: from the order on */
        uint32_t held_ms;        /* DONE: of that, the guest was held */
        char text[REASON_BYTES]; /* what went wrong */
};

struct command_cluster_set {
        uint32_t fields; /* of enum settings_field */
        struct settings settings;
};

struct command_cluster_pause { /* CLUSTER_PAUSE, CLUSTER_RESUME */
        uint32_t for_ms;       /* CLUSTER_PAUSE */
        char reason[REASON_BYTES];
};

struct command_fence_remove {
        char device[NAME_BYTES];
};

struct command_volume_add {
        char name[NAME_BYTES];
        enum volume_kind kind;
        uint64_t identity; /* random, not 0 */
        char path[VOLUME_PATH_BYTES];
        struct volume_login login;
};

struct command_volume { /* VOLUME_REMOVE, VOLUME_READY, VOLUME_DROP, VOLUME_MAINTAIN, VOLUME_RESUME */
        char volume[NAME_BYTES];
        uint64_t identity;
        char reason[REASON_BYTES];
};

struct command_volume_move {
        char volume[NAME_BYTES];
        uint64_t identity;
        uint32_t node;
        char reason[REASON_BYTES];
};

struct command_volume_report {
        char volume[NAME_BYTES];
        uint64_t identity;
        uint32_t node; /* must be the proposer */
        enum path_state state;
        char text[REASON_BYTES]; /* what the system said */
        bool leased;             /* it holds a lease there, and was in contact since */
};

struct command {
        enum command_kind kind;
        union {
                struct command_epoch epoch;
                struct command_node node;
                struct command_node_evidence node_evidence;
                struct command_voter_set voter_set;
                struct command_quorum_set quorum_set;
                struct command_quorum_force quorum_force;
                struct command_witness witness;
                struct command_node_join node_join;
                struct command_role_assign role_assign;
                struct command_role_move role_move;
                struct command_role_report role_report;
                struct command_role_add role_add;
                struct command_role_set role_set;
                struct command_role role;
                struct command_role_copy role_copy;
                struct command_role_relocate role_relocate;
                struct command_role_redirect role_redirect;
                struct command_role_redirect_end role_redirect_end;
                struct command_redirect_report redirect_report;
                struct command_copy_report copy_report;
                struct command_cluster_set cluster_set;
                struct command_cluster_pause cluster_pause;
                struct fence_device fence_add;
                struct command_fence_remove fence_remove;
                struct command_fence_report fence_report;
                struct command_volume_add volume_add;
                struct command_volume volume;
                struct command_volume_move volume_move;
                struct command_volume_report volume_report;
                struct command_fence_test fence_test;
                struct command_fence_tested fence_tested;
        };
};

const char *command_kind_name(enum command_kind kind); /* "role-assign" */
int command_kind_parse(const char *text, enum command_kind *ret_kind);
const char *copy_report_name(enum copy_report kind); /* "held" */
int copy_report_parse(const char *text, enum copy_report *ret_kind);
const char *redirect_report_name(enum redirect_report kind); /* "opened" */
int redirect_report_parse(const char *text, enum redirect_report *ret_kind);
const char *report_kind_name(enum report_kind kind); /* "start-failed" */
int report_kind_parse(const char *text, enum report_kind *ret_kind);

/* The role or node a command is about, as "role:vm01" or "node:3" or "fence:ipmi1", "volume:csv1" or
 * "cluster". */
void command_subject(const struct command *command, char *subject, size_t subject_bytes);

#endif
