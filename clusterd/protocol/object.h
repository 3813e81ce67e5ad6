/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_PROTOCOL_OBJECT_H
#define CLU_CLUSTERD_PROTOCOL_OBJECT_H

/*
 * The objects of the replicated model: what a committed history adds up to.
 *
 * Plain values, the same on every node. Each is one row beside the ledger
 * (object_encode/object_decode give its JSON), one part of a snapshot, and
 * one document of `clu ... show --json`. They change only by role_apply and
 * its like in clusterd/core, entry by entry.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clusterd/base/limits.h"
#include "clusterd/base/node_set.h"

/* What proves that a possible runner cannot run a role any more. Source: ARCHITECTURE.md, evidence. */
enum evidence_kind {
        EVIDENCE_NONE,
        EVIDENCE_STOPPED,               /* the owner reported, at this generation, that it is gone */
        EVIDENCE_HANDED_OVER,           /* both ends of a live migration agree */
        EVIDENCE_POWERED_OFF,           /* a fence agent turned the node off and its status confirmed it */
        EVIDENCE_GUARD_EXPIRED,         /* no contact for guard time + watchdog time + margin */
        EVIDENCE_NEVER_RAN,             /* never started at this generation, and that incarnation is gone */
        EVIDENCE_OPERATOR,              /* somebody confirmed it by hand */
        EVIDENCE_RESERVATION_PREEMPTED, /* no contact until it had time to stop, and no target takes its
                                         * writes
                                         */
        EVIDENCE_LEASE_RELEASED,        /* it gave its leases up, as it was asked to after it was lost */
        EVIDENCE_COUNT
};

/* One proof: what, and the ledger entry in which it stands. */
struct evidence {
        enum evidence_kind kind;
        uint64_t index;        /* 0 when kind is EVIDENCE_NONE */
        char text[NAME_BYTES]; /* device, or who confirmed it; may be empty */
};

/* States are tables with their edges: clusterd/core/node_state.c, role_state.c. */
enum node_state {
        NODE_DOWN, /* not a member, and proven to run nothing */
        NODE_UP,   /* joined at its present incarnation */
        NODE_LOST, /* gone without proof: its roles wait for evidence */
        NODE_STATE_COUNT
};

enum node_duty {
        DUTY_ACTIVE,      /* takes roles */
        DUTY_DRAINING,    /* its roles are being moved away; takes none */
        DUTY_DRAINED,     /* maintenance: empty; takes none until resumed */
        DUTY_QUARANTINED, /* lost too often: takes none until released; its roles are moved away */
        DUTY_COUNT
};

enum shut_down { SHUT_DOWN_NONE, SHUT_DOWN_OFF, SHUT_DOWN_REBOOT, SHUT_DOWN_COUNT };

struct node {
        uint32_t id; /* 1 to NODES_MAX; NODE_NONE marks a free slot */
        char name[NAME_BYTES];
        bool evicted; /* taken out of the cluster: its row keeps its id, name and incarnation from being
                         reused */
        enum node_state state;
        enum node_duty duty;
        uint64_t incarnation; /* grows when it returns after a loss, or rebooted */
        uint64_t boot;        /* identity of the host's present boot, as it told us */
        uint32_t memory_mib;  /* for roles */
        uint32_t cpus;
        bool fence_wanted;   /* lost because an operator wants it off: may not come back before it was */
        uint32_t test_level; /* of its fence devices, that is being tested: may not join meanwhile; 0: none */
        bool test_off;       /* that level has turned it off, or could not: it is to turn it on */
        uint32_t test_failed;        /* steps that failed in the last test, or so far */
        bool watchdog;               /* a watchdog stands behind its quorum guard */
        int32_t quorum_priority;     /* of two that are left the higher one votes */
        bool forced_out;             /* the quorum was forced without it, and it has not joined since */
        char address[ADDRESS_BYTES]; /* cluster network, for people and libvirt's control */
        char migration_address[ADDRESS_BYTES]; /* where memory pages go */
        struct evidence evidence;              /* of the last loss, while state is NODE_DOWN */
        uint64_t since_index;                  /* entry of the last change of state or duty */
        uint64_t lost_index;                   /* entry of the last loss; 0 if never lost */
        char reason[REASON_BYTES];
        enum shut_down shut_down; /* its host, as soon as the node is drained */
        bool shut_down_forced;    /* also when quorum would be lost without it */
        bool test_on_only;        /* no test: each level is to turn it on, and none turns it off */
};

enum role_kind {
        ROLE_VM,  /* definition: a libvirt domain */
        ROLE_OCF, /* definition: JSON list of OCF agents, in start order */
        ROLE_KIND_COUNT
};

enum role_state {
        ROLE_OFFLINE,    /* runs nowhere, as wanted */
        ROLE_STARTING,   /* assigned to its owner, not yet reported running */
        ROLE_ONLINE,     /* its owner reported it running */
        ROLE_STOPPING,   /* its owner is to stop it */
        ROLE_MOVING,     /* owner and target may both run it until both ends have spoken */
        ROLE_RECOVERING, /* owner lost: waits for evidence, then for a place */
        ROLE_FAILED,     /* runs nowhere, though wanted: waits for its next try */
        ROLE_STATE_COUNT
};

enum role_desired { DESIRED_STOPPED, DESIRED_RUNNING, DESIRED_COUNT };

/* What one end of a move says after the migration job has ended. */
enum move_end { MOVE_END_UNKNOWN, MOVE_END_RUNNING, MOVE_END_ABSENT, MOVE_END_COUNT };

struct role_move {
        uint32_t from; /* NODE_NONE if it never moved */
        uint32_t to;
        bool succeeded;
        uint32_t duration_ms; /* order to hand-over, as the source measured */
        uint32_t downtime_ms; /* guest not running, as the hypervisor measured */
        uint64_t index;       /* entry that ended it */
};

/* How far one of a role's disks is on its way to another image: clusterd/core/README.md, "Moving storage". */
enum copy_state {
        COPY_NONE,
        COPY_RUNNING,   /* what is written goes to both; `from` is what counts */
        COPY_SWITCHING, /* both are equal while the guest is held; `to` is what counts */
        COPY_CLEARING,  /* it has ended: the image that is of no use any more is removed */
        COPY_STATE_COUNT
};

/* The last one stays to be shown. */
struct role_copy {
        enum copy_state state;
        uint64_t index; /* entry that began it; 0: there was none */
        char disk[DISK_BYTES];
        char from[IMAGE_PATH_BYTES];
        char to[IMAGE_PATH_BYTES];
        /* The other definition than the role's: with `to` while RUNNING, then with `from`. None when NONE. */
        uint8_t definition_hash[HASH_BYTES];
        uint64_t volumes;        /* of that */
        bool keep;               /* the old image stays */
        bool succeeded;          /* CLEARING, NONE: the role's disk is `to` now */
        uint64_t abort_index;    /* entry of who wanted it to end; 0: nobody */
        uint32_t duration_ms;    /* order to switch, as its node measured */
        uint32_t held_ms;        /* of that, the guest was held */
        char text[REASON_BYTES]; /* how it ended */
};

/* Its guest stands still because its disk failed it. */
struct role_stall {
        uint64_t index;  /* entry since which; 0: it does not */
        int64_t time_ms; /* wall clock of that, for people */
        char text[REASON_BYTES];
};

/* Who writes for a guest whose node has lost the path: clusterd/core/README.md, "Redirected I/O". */
enum redirect_state {
        REDIRECT_NONE,    /* nobody but the role's own nodes */
        REDIRECT_OPENING, /* the exporter is to open an export of its disks, and may write from here on */
        REDIRECT_OPEN,    /* it has: the guest is to go over to it */
        REDIRECT_SERVED,  /* the guest runs by it */
        REDIRECT_CLOSING, /* it is of no use any more, and not proven gone yet */
        REDIRECT_STATE_COUNT
};

/* The last one stays to be shown. */
struct role_redirect {
        enum redirect_state state;
        uint64_t index;    /* entry that began it; 0: there was none */
        uint32_t exporter; /* NODE_NONE: there was none */
        uint32_t client;   /* the node whose guest it is for */
        uint32_t port;
        char key[EXPORT_KEY_BYTES]; /* secret: never shown */
        char text[REASON_BYTES];    /* why it ended, or why it began */
};

struct role {
        char name[NAME_BYTES]; /* empty marks a free slot */
        enum role_kind kind;
        enum role_state state;
        enum role_desired desired;
        char uuid[UUID_BYTES]; /* of the domain; empty for ROLE_OCF */
        uint8_t definition_hash[HASH_BYTES];
        uint32_t memory_mib; /* counted by placement */
        uint32_t cpus;
        int32_t priority;                  /* higher recovers first */
        uint32_t stop_timeout_ms;          /* then it is destroyed */
        bool stop_now;                     /* stopping: without asking the guest first */
        uint32_t preferred[PREFERRED_MAX]; /* node ids, best first, NODE_NONE after the last */
        node_set possible;                 /* 0: every node */
        uint64_t volumes;                  /* that hold its disks: ids as in a node_set */
        bool contained;                    /* and nothing that it writes to is anywhere else */
        char note[NOTE_BYTES];

        uint32_t owner;       /* who may run it; NODE_NONE only in offline and failed */
        uint32_t target;      /* NODE_NONE unless moving, or recovering from a move */
        uint64_t generation;  /* grows with every assignment and every move */
        uint64_t started;     /* the generation of the last assignment: it has run on since, if it does */
        uint64_t since_index; /* entry of the last change of state */
        char reason[REASON_BYTES]; /* why it is in this state */

        enum move_end owner_end;         /* moving */
        enum move_end target_end;        /* moving */
        struct evidence owner_evidence;  /* recovering: that the owner does not run it */
        struct evidence target_evidence; /* recovering from a move: the same of the target */
        uint32_t lost_owner;             /* last owner that was lost; NODE_NONE if none. For `role why` */

        uint32_t failures;      /* since it last ran for long; feeds the back-off */
        uint32_t retry_ms;      /* failed: from the failure to the next try */
        int64_t failed_time_ms; /* failed: wall clock of the failure, for people */
        node_set tried;         /* nodes where a start failed since the last success */
        uint32_t failback;      /* node it was drained from; NODE_NONE if none */
        struct role_move last_move;
        uint64_t leases;   /* volumes whose leases let it run on without contact; fixed when it is assigned */
        uint64_t reserved; /* volumes, of kind iscsi, that hold all that it writes to since it was assigned;
                              0: not known, or more than these do */
        struct role_copy copy;
        struct role_stall stall;
        struct role_redirect redirect;
};

struct fence_device {
        char name[NAME_BYTES];  /* empty marks a free slot */
        char agent[NAME_BYTES]; /* "fence_..." */
        node_set targets;
        uint32_t level;    /* lower ones first: clusterd/core/fence_level.h */
        uint32_t together; /* devices that its level needs to be of use */
        uint32_t timeout_ms;
        char options[OPTIONS_BYTES]; /* "key=value" lines for the agent; may hold secrets: never shown */
};

enum volume_kind {
        VOLUME_DIRECTORY, /* of a file system that all nodes share */
        VOLUME_ISCSI,     /* LUNs of a target, one a disk: no files, no leases, no coordinator */
        VOLUME_KIND_COUNT
};

enum volume_state {
        VOLUME_PROVING, /* every member has to show that it is what it should be */
        VOLUME_READY,
        VOLUME_MAINTENANCE, /* an operator works on it: no role, no lease, no look; proven anew afterwards */
        VOLUME_STATE_COUNT
};

/* How a node fares with a volume. What is neither marked nor direct is lost, for that reason. */
enum path_state {
        PATH_UNKNOWN, /* the node has not said since it joined */
        PATH_MARKED,  /* its mark stands there; it has not looked for the others' yet */
        PATH_DIRECT,
        PATH_ABSENT,
        PATH_FOREIGN,
        PATH_DAMAGED,
        PATH_READ_ONLY,
        PATH_BUFFERED,
        PATH_SLOW,
        PATH_HANGS,
        PATH_FAILED,
        PATH_NOT_SHARED, /* it sees the marks of half of the nodes at most */
        PATH_INCOMPLETE, /* it does not see the marks of some */
        PATH_STATE_COUNT
};

/* How a target is reached. */
struct volume_login {
        char portal[PORTAL_BYTES];
        char user[NAME_BYTES];         /* CHAP; empty: none */
        char password[PASSWORD_BYTES]; /* never shown */
};

struct volume {
        uint32_t id; /* 1 to VOLUMES_MAX; 0 marks a free slot */
        char name[NAME_BYTES];
        enum volume_kind kind;
        enum volume_state state;
        uint64_t identity;                /* random: this one, not another of its name */
        char path[VOLUME_PATH_BYTES];     /* of the directory; VOLUME_ISCSI: the target's name */
        node_set paths[PATH_STATE_COUNT]; /* each node is in one at most; PATH_UNKNOWN is not kept */
        char trouble[REASON_BYTES];       /* what was last said of a path that was lost */
        uint64_t since_index;             /* entry of the last change of state */
        node_set leases;                  /* who has said since it booted that it holds a lease there */
        uint32_t coordinator;             /* the node that does the work on its images; NODE_NONE: none yet */
        bool known;                       /* it was ready before: what it fails to prove does not forget it */
        struct volume_login login;        /* VOLUME_ISCSI */
};

enum witness_kind {
        WITNESS_NONE,
        WITNESS_SHARE, /* a file on a share: it remembers (quorum/witness_tag.h) */
        WITNESS_DISK,  /* the same file on a volume of the cluster */
        WITNESS_QNETD, /* a daemon that remembers nothing (quorum/qnetd_claim.h) */
        WITNESS_KIND_COUNT
};

/* It can be asked for a promise, and is a file that somebody makes. */
bool witness_remembers(enum witness_kind kind);

/* Outside of all nodes; has a vote while it answers and the nodes that vote are an even number. */
struct witness {
        enum witness_kind kind;
        uint64_t identity;             /* random: this one, not one that was set before or after; 0: none */
        bool leaving;                  /* to be removed when it has no vote any more */
        char place[VOLUME_PATH_BYTES]; /* the directory of its file; WITNESS_QNETD: the host, or host:port */
        char volume[NAME_BYTES]; /* WITNESS_DISK: whose directory that is; it stays while the witness does */
};

/* One per cluster. */
struct settings {
        char cluster_name[NAME_BYTES];
        node_set voters;
        bool dynamic_quorum;        /* the voters follow what is lost and what returns */
        uint32_t moves_max;         /* moves at once into or out of one node */
        uint32_t isolation_hold_ms; /* quorum guard: how long guests run on without contact */
        uint32_t stop_grace_ms;     /* then the node has this long to stop them itself */
        uint32_t watchdog_ms;       /* then the watchdog fires after this */
        uint32_t margin_ms;         /* added by the survivors to all of it */
        uint32_t
                quarantine_losses; /* a node lost so often in quarantine_window_ms is quarantined; 0: never */
        uint32_t quarantine_window_ms;
        uint32_t quarantine_ms; /* for so long */
        uint32_t pause_ms; /* no failover and no fencing for so long, on the leader's clock; 0: as always */
        uint32_t guard_before_ms; /* the longest that a lost guard may take since its times were shortened */
        uint64_t pause_index;     /* entry since which */
        uint64_t guard_index;     /* entry that shortened them; 0: nobody goes by longer ones */
        uint32_t lease_renew_ms;  /* leases on volumes, as in struct lease_timings */
        uint32_t lease_ms;
        uint32_t lease_stop_ms;
        uint32_t resiliency_ms;  /* so long an isolated node's leases are left alone; 0: for ever */
        uint32_t stall_limit_ms; /* so long a guest may stand still for its storage; 0: for ever */
        struct witness witness;
        uint64_t voters_witness; /* identity of the witness that has a vote, too; 0: none has */
        node_set epoch_holders;  /* as in struct command_epoch, of the last epoch */
        uint64_t forced_epoch;   /* the last that an operator forced: histories that differ in it have parted;
                                    0: none was */
        int64_t forced_time_ms;  /* wall clock, for people */
        char forced_by[ACTOR_BYTES];
};

extern const struct settings settings_default;

enum object_kind {
        OBJECT_SETTINGS,
        OBJECT_NODE,
        OBJECT_ROLE,
        OBJECT_FENCE_DEVICE,
        OBJECT_VOLUME,
        OBJECT_COUNT
};

/* A row: kind and one of these. */
struct object {
        enum object_kind kind;
        union {
                struct settings settings;
                struct node node;
                struct role role;
                struct fence_device fence_device;
                struct volume volume;
        };
};

/* Text and enum, both ways; *_parse returns 0 or -EINVAL. */
const char *evidence_kind_name(enum evidence_kind kind);
int evidence_kind_parse(const char *text, enum evidence_kind *ret_kind);
const char *node_state_name(enum node_state state);
int node_state_parse(const char *text, enum node_state *ret_state);
const char *node_duty_name(enum node_duty duty);
int node_duty_parse(const char *text, enum node_duty *ret_duty);
const char *shut_down_name(enum shut_down shut_down);
int shut_down_parse(const char *text, enum shut_down *ret_shut_down);
const char *role_kind_name(enum role_kind kind);
int role_kind_parse(const char *text, enum role_kind *ret_kind);
const char *role_state_name(enum role_state state);
int role_state_parse(const char *text, enum role_state *ret_state);
const char *role_desired_name(enum role_desired desired);
int role_desired_parse(const char *text, enum role_desired *ret_desired);
const char *copy_state_name(enum copy_state state);
int copy_state_parse(const char *text, enum copy_state *ret_state);
const char *redirect_state_name(enum redirect_state state);
int redirect_state_parse(const char *text, enum redirect_state *ret_state);
const char *move_end_name(enum move_end end);
int move_end_parse(const char *text, enum move_end *ret_end);
const char *volume_kind_name(enum volume_kind kind);
int volume_kind_parse(const char *text, enum volume_kind *ret_kind);
const char *witness_kind_name(enum witness_kind kind);
int witness_kind_parse(const char *text, enum witness_kind *ret_kind);
const char *volume_state_name(enum volume_state state);
int volume_state_parse(const char *text, enum volume_state *ret_state);
const char *path_state_name(enum path_state state);
int path_state_parse(const char *text, enum path_state *ret_state);
const char *object_kind_name(enum object_kind kind);
int object_kind_parse(const char *text, enum object_kind *ret_kind);

/* What it means, for people: "it is not there". */
const char *path_state_explain(enum path_state state);
bool path_state_is_lost(enum path_state state);
enum path_state volume_path(const struct volume *volume, uint32_t node);
/* Nodes that have lost it. */
node_set volume_lost(const struct volume *volume);

/* The name under which an object is stored: "cluster", a node's, role's, device's or volume's name. Borrowed.
 */
const char *object_name(const struct object *object);

#endif
