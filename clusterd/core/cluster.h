/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_CORE_CLUSTER_H
#define CLU_CLUSTERD_CORE_CLUSTER_H

/*
 * One node's view of the cluster, and every decision it takes.
 *
 *     event -> cluster_step(cluster, event, actions) -> actions
 *
 * The core never reads a clock, allocates, logs or calls a library: time
 * arrives in the event, the next wake-up leaves in the actions. Whoever calls
 * it carries the actions out, in order, and sends what comes of them as
 * events. Two clusters may live in one process.
 */

#include <stddef.h>

#include "clusterd/core/model.h"
#include "clusterd/protocol/message.h"
#include "csv-storage/lease_node.h"
#include "csv-storage/lease_observer.h"
#include "quorum/witness_tag.h"

#define TIME_NEVER UINT64_MAX

/* Who we are; fixed while the process lives. */
struct cluster_identity {
        uint32_t node;
        char name[NAME_BYTES];
        uint64_t incarnation; /* of this process: random, never 0 */
        uint64_t boot;        /* of this host's boot */
        uint32_t memory_mib;
        uint32_t cpus;
        bool watchdog;
        char address[ADDRESS_BYTES];
        char migration_address[ADDRESS_BYTES];
        uint64_t contact_ms; /* last contact that the guard keeper knows of, on our clock; 0: none */
        bool guard_armed;    /* by an earlier process of this boot: guests may be running here */
        uint32_t arming;     /* the number that its last order to the keeper had; 0: none */
        /* The end of the history that the keeper was told of last, by it or by another's keeper. */
        uint64_t told_epoch, told_index;
};

enum cluster_event_kind {
        /* start-up and snapshot: rows, then the entries behind them, then LOADED */
        CLUSTER_EVENT_LOAD_OBJECT,
        CLUSTER_EVENT_LOAD_ENTRY,
        CLUSTER_EVENT_LOADED,

        CLUSTER_EVENT_WAKE,    /* wake_at_ms has come */
        CLUSTER_EVENT_VIEW,    /* the group changed */
        CLUSTER_EVENT_MESSAGE, /* delivered in the group's total order; also our own */
        CLUSTER_EVENT_REQUEST, /* a client wants a command done */
        CLUSTER_EVENT_STORED,  /* everything handed over up to here is durable */
        CLUSTER_EVENT_STORE_FAILED,

        CLUSTER_EVENT_OBSERVED,       /* a role's guest changed its state by itself */
        CLUSTER_EVENT_LISTED,         /* one answer of CLUSTER_ACTION_LIST, or its end */
        CLUSTER_EVENT_OPERATION_DONE, /* a start, stop or move has ended */
        CLUSTER_EVENT_PREPARED,       /* the end of CLUSTER_ACTION_PREPARE */
        CLUSTER_EVENT_CONFIRM, /* a gateway has registered anew, and waits for CLUSTER_ACTION_CONFIRM */
        CLUSTER_EVENT_FENCE_DONE,
        CLUSTER_EVENT_PREEMPTED, /* the end of CLUSTER_ACTION_PREEMPT */
        CLUSTER_EVENT_LOOKED,    /* what CLUSTER_ACTION_LOOK found */
        CLUSTER_EVENT_LEASE,     /* the end of CLUSTER_ACTION_LEASE */
        CLUSTER_EVENT_SIGHT,     /* what CLUSTER_ACTION_SIGHT saw */
        CLUSTER_EVENT_REVOKED,   /* the end of CLUSTER_ACTION_REVOKE */
        CLUSTER_EVENT_LEAVING,   /* this daemon is told to end: cluster_may_leave() says when */
        CLUSTER_EVENT_WITNESS,   /* what CLUSTER_ACTION_WITNESS was answered */
        CLUSTER_EVENT_QNETD,     /* what this node's corosync and qdevice tell of a qnetd, in their order */
        CLUSTER_EVENT_WATCHDOG,  /* what the guard keeper reports of it */
        CLUSTER_EVENT_COPY,      /* the end of CLUSTER_ACTION_COPY */
        CLUSTER_EVENT_EXPORT     /* the end of CLUSTER_ACTION_EXPORT */
};

/* What a hypervisor or agent sees of a role on this node. */
enum observation {
        OBSERVED_ABSENT_UNKNOWN,  /* not there; nobody saw why */
        OBSERVED_ABSENT_SHUTDOWN, /* the guest shut itself down */
        OBSERVED_ABSENT_FAILED,   /* crashed, killed, or its monitor said not running */
        OBSERVED_ABSENT_MOVED,    /* left by migration */
        OBSERVED_INCOMING,        /* a migration's target: memory arrives, nothing runs yet */
        OBSERVED_OUTGOING,        /* runs here, and a migration away from here is under way */
        OBSERVED_PAUSED,          /* a migration that is over left it so: it may have run elsewhere since */
        OBSERVED_RUNNING,         /* also paused by an operator: it may write again at any moment */
        /* Its own disk failed it, and it stands still instead of hearing of that: it may write again at any
         * moment, too. Not one that is held for the switch of its storage, nor paused by anybody. */
        OBSERVED_STALLED,
        OBSERVATION_COUNT
};

enum operation {
        OPERATION_NONE,
        OPERATION_START,
        OPERATION_STOP,
        OPERATION_MOVE,
        OPERATION_RESUME,   /* what has stalled goes on, with its disks' own files */
        OPERATION_REDIRECT, /* what has stalled goes on, with another node's export of its disks */
        OPERATION_RETURN,   /* what runs by an export goes over to its disks' own files, and runs on */
        OPERATION_COUNT
};

enum operation_result {
        OPERATION_SUCCEEDED,
        OPERATION_FAILED, /* and we know that what is there now is as observation says */
        OPERATION_UNKNOWN /* deadline passed, or could not ask: nothing may be concluded */
};

/* On the way of a disk to another image. Each may be asked for again, and finds out what is done already. */
enum copy_order {
        COPY_ORDER_NONE,
        COPY_ORDER_MIRROR, /* what is written goes to both, and all that was written before is there as well
                            */
        COPY_ORDER_HOLD,   /* the guest stands still, and both images are equal and durable */
        COPY_ORDER_SWITCH, /* its disk is the new one, and it goes on; FAILED: it is not, and never will be */
        COPY_ORDER_END,    /* nothing writes to the new one any more, and the guest goes on */
        COPY_ORDER_CLEAR,  /* the same, and the image that is of no use is removed, or it is said why not */
        COPY_ORDER_COUNT
};

enum qnetd_news {
        QNETD_RING,   /* a ring has formed */
        QNETD_ANSWER, /* in that ring, the first and those after it */
        QNETD_SIGHT   /* what there is at the moment */
};

struct cluster_event_operation {
        char role[NAME_BYTES];
        uint64_t generation;
        enum operation operation;
        enum operation_result result;
        enum observation observation; /* after it; meaningless with OPERATION_UNKNOWN */
        uint32_t duration_ms;
        uint32_t downtime_ms;
        char text[REASON_BYTES]; /* what the library said; empty if all went well */
};

struct cluster_event {
        uint64_t now_ms; /* monotonic, counts on in suspend: CLOCK_BOOTTIME */
        int64_t wall_ms; /* real-time clock; only ever copied into proposals */
        /* The last contact that clu-guard knows of; asked for when there was no step for a second or more, or
         * 0. */
        uint64_t kept_ms;
        enum cluster_event_kind kind;
        union {
                const struct object *object; /* LOAD_OBJECT */
                const struct entry *entry;   /* LOAD_ENTRY */
                struct {
                        struct ledger_position applied; /* that the objects belong to */
                        uint64_t first_index;           /* oldest entry kept; 0 if none */
                        uint64_t promised;
                        bool blank;
                } loaded;
                struct {
                        node_set members;   /* nodes whose daemon is in the group */
                        node_set connected; /* nodes whose corosync is in our membership */
                        uint64_t ring;      /* of that membership; never the same again; 0: none */
                } view;
                struct {
                        uint32_t sender;
                        const struct message *message; /* borrowed for this step */
                } message;
                struct {
                        uint64_t token; /* comes back in CLUSTER_ACTION_REPLY */
                        char actor[ACTOR_BYTES];
                        const struct command *command;
                } request;
                struct {
                        uint64_t index;
                        uint64_t promised;
                } stored;
                struct {
                        char role[NAME_BYTES];
                        enum observation observation;
                        char text[REASON_BYTES];
                } observed;
                struct {
                        uint64_t listing;      /* from CLUSTER_ACTION_LIST */
                        bool end;              /* the list is complete: what it did not name is absent */
                        bool failed;           /* could not ask; says nothing about any role */
                        char role[NAME_BYTES]; /* unless end or failed */
                        enum observation observation;
                        char text[REASON_BYTES]; /* OBSERVED_STALLED: by what; else empty */
                        /* Not its guest: this node exports its disks, or what is left of that is still in
                         * the kernel. A role may be named twice. */
                        bool export;
                } listed;
                struct cluster_event_operation operation;
                struct {
                        char role[NAME_BYTES];
                        uint64_t generation;
                        bool succeeded;
                        char text[REASON_BYTES]; /* why not */
                } prepared;
                struct {
                        char role[NAME_BYTES];
                        uint64_t generation; /* by which the gateway was started */
                        uint64_t
                                question; /* grows; asked after it has registered, and again while it waits */
                } confirm;
                struct {
                        char role[NAME_BYTES];
                        uint64_t index; /* of the copy */
                        enum copy_order order;
                        enum operation_result result;
                        uint32_t held_ms; /* SWITCH: the guest was; 0: not known */
                        char text[REASON_BYTES];
                } copy;
                struct {
                        char role[NAME_BYTES];
                        uint64_t index; /* of the redirect */
                        bool open;      /* what was asked for */
                        /* SUCCEEDED: it serves, or nothing of any export of this role is left here. FAILED to
                         * open: nothing is left here. UNKNOWN: either may be. */
                        enum operation_result result;
                        uint32_t port;              /* opened: of the node's cluster address */
                        char key[EXPORT_KEY_BYTES]; /* opened: who connects has it, TLS-PSK; secret */
                        char text[REASON_BYTES];
                } export;
                struct {
                        uint64_t attempt;
                        uint32_t node;
                        char device[NAME_BYTES];
                        bool succeeded; /* off (or on, if that was wanted), and its status confirmed it */
                        char text[REASON_BYTES];
                } fence;
                struct {
                        uint64_t attempt;
                        bool succeeded; /* read back: it has no key, and the reservation stands */
                        char text[REASON_BYTES];
                } preempted;
                struct {
                        uint64_t look;
                        uint32_t id;           /* of the volume */
                        enum path_state found; /* PATH_DIRECT: it could be written and read */
                        bool made;             /* its lease area was not there before */
                        node_set seen;         /* of those expected */
                        node_set renewing;     /* whose lease is held, and not as it was at the last look */
                        char text[REASON_BYTES];
                } looked;
                struct {
                        uint64_t pass;
                        uint32_t id; /* of the volume */
                        struct lease_pass_result result;
                } lease;
                struct {
                        uint64_t sight;
                        uint32_t id; /* of the volume */
                        uint32_t node;
                        struct lease_sight result;
                } sight;
                struct {
                        uint64_t sight; /* as in the action */
                        int error;      /* 0: it stands there; negative errno */
                } revoked;
                struct {
                        uint64_t question;
                        enum witness_outcome outcome;
                        struct witness_tag tag;  /* unless failed: as it is now */
                        char text[REASON_BYTES]; /* failed: why */
                } witness;
                struct {
                        enum qnetd_news news;
                        uint64_t ring;    /* RING: as in a view; 0: none */
                        node_set members; /* RING: of it */
                        bool granted;     /* ANSWER */
                        bool votes;       /* SIGHT: connected, and it has given its vote */
                        /* ANSWER, SIGHT: of this node's qdevice to qnetd, that has stood for a while; 0: none
                         */
                        uint64_t connection;
                        char text[REASON_BYTES]; /* SIGHT: why it gives none */
                } qnetd;
                struct {
                        bool present;    /* it stands behind this node's guard, or would */
                        uint32_t arming; /* of the order that the keeper has carried out */
                } watchdog;
        };
};

enum cluster_action_kind {
        CLUSTER_ACTION_MULTICAST,     /* messages[message] to the whole group */
        CLUSTER_ACTION_APPEND,        /* store entry; its texts are borrowed from the present event */
        CLUSTER_ACTION_TRUNCATE,      /* forget stored entries after index */
        CLUSTER_ACTION_PROMISE,       /* store the promise of epoch */
        CLUSTER_ACTION_PUT_OBJECT,    /* store a row: read it by cluster_object() */
        CLUSTER_ACTION_DELETE_OBJECT, /* by kind and name */
        CLUSTER_ACTION_APPLIED,       /* store with the rows: they belong to position */
        CLUSTER_ACTION_RESET,         /* forget everything stored: a snapshot follows */
        CLUSTER_ACTION_RESTART,       /* this process ends and starts anew from what is stored */
        CLUSTER_ACTION_SEND_ENTRIES,  /* to node, first to last, as MESSAGE_ENTRY of round */
        CLUSTER_ACTION_SEND_SNAPSHOT, /* to node, as MESSAGE_SNAPSHOT_* of round */
        CLUSTER_ACTION_REPLY,         /* to the request with this token */
        CLUSTER_ACTION_START,         /* role, on this node */
        CLUSTER_ACTION_STOP,
        /* Live, from this node to node, where its disks are their own files. One that runs by an export is
         * handed over only when that has answered each request that it was sent: as with RETURN. */
        CLUSTER_ACTION_MOVE,
        CLUSTER_ACTION_ANNOUNCE,  /* tell the networks that role lives here now */
        CLUSTER_ACTION_PREPARE,   /* what role's disks need here, before it arrives. Answer with
                                     CLUSTER_EVENT_PREPARED */
        CLUSTER_ACTION_CONFIRM,   /* gateways of role and generation may write that have asked up to
                                     question */
        CLUSTER_ACTION_LIST,      /* which roles are here? Answer with CLUSTER_EVENT_LISTED */
        CLUSTER_ACTION_FENCE,     /* turn node off (or on) by device, and verify */
        CLUSTER_ACTION_FENCE_END, /* the agents of attempt are not wanted any more; they answer nothing */
        /* Take away all keys of a lost node on the LUNs of a target that roles use which it may run by them
         * alone. Answer with CLUSTER_EVENT_PREEMPTED. */
        CLUSTER_ACTION_PREEMPT,
        CLUSTER_ACTION_LOOK,           /* at a volume: write our mark, look for others'. Answer with
                                          CLUSTER_EVENT_LOOKED */
        CLUSTER_ACTION_LEASE,          /* a pass over this node's lease. Answer with CLUSTER_EVENT_LEASE */
        CLUSTER_ACTION_SIGHT,          /* at the lease of a lost node. Answer with CLUSTER_EVENT_SIGHT */
        CLUSTER_ACTION_REVOKE,         /* write that it is to end. Answer with CLUSTER_EVENT_REVOKED */
        CLUSTER_ACTION_FORGET_VOLUME,  /* what we have left there goes, or our hands are off it at least */
        CLUSTER_ACTION_FORGET_WITNESS, /* it is of no use any more: what stands there goes */
        CLUSTER_ACTION_WITNESS,      /* ask it; a later question takes the place of one that is not answered.
                                        Answer with CLUSTER_EVENT_WITNESS */
        CLUSTER_ACTION_ATTEND_QNETD, /* tell of this one from now on, by CLUSTER_EVENT_QNETD; kind NONE: of
                                        none */
        CLUSTER_ACTION_GUARD,        /* tell the guard keeper, before anything else leaves, whether roles run
                                        here and who votes; and until when leases keep them */
        CLUSTER_ACTION_SHUT_DOWN,    /* this host: off, or to boot anew; nothing runs here any more */
        CLUSTER_ACTION_LOG,          /* reason is news for the log */
        CLUSTER_ACTION_COPY,         /* a step of moving a disk. Answer with CLUSTER_EVENT_COPY */
        /* The guest goes on. Answered with OPERATION_DONE: succeeded and OBSERVED_RUNNING, or failed and
         * still OBSERVED_STALLED, with what the disk said. Each may be asked for again, and finds out what is
         * done already. */
        CLUSTER_ACTION_RESUME,   /* with its disks' own files, whatever it had: no export is left anywhere */
        CLUSTER_ACTION_REDIRECT, /* with the export at address and port, which takes one connection, ever */
        /* With its disks' own files, from an export that still stands: only if that has answered each request
         * that it was sent. If in doubt it has failed, and the guest has what it had. */
        CLUSTER_ACTION_RETURN,
        /* Open or close the export of a role's disks on directories, one process a role, which outlives this
         * one. Nothing of an earlier one is left before another is opened; closed is closed when nothing of
         * it is left in the kernel. Answer with CLUSTER_EVENT_EXPORT. */
        CLUSTER_ACTION_EXPORT,
        CLUSTER_ACTION_COUNT
};

/* How a request ended. The exit code of clu follows from it. */
enum reply_outcome {
        REPLY_DONE,      /* committed and applied */
        REPLY_REFUSED,   /* committed and refused by a rule: reason names it */
        REPLY_NO_QUORUM, /* not accepted, or its fate is not known here: reason says which */
        REPLY_NO_OBJECT, /* refused because something named does not exist */
        REPLY_BUSY,      /* too many at once; nothing happened */
        REPLY_OUTCOME_COUNT
};

struct cluster_action {
        enum cluster_action_kind kind;
        char reason[REASON_BYTES]; /* why; never empty for what acts on the world */
        union {
                size_t message;            /* index into messages */
                const struct entry *entry; /* APPEND; borrowed until the next step */
                uint64_t index;            /* TRUNCATE */
                uint64_t promised;         /* PROMISE */
                struct {
                        enum object_kind kind;
                        char name[NAME_BYTES];
                } object;
                struct ledger_position applied;
                struct {
                        struct round_id round;
                        uint32_t to;
                        uint64_t first, last;
                } send;
                struct {
                        uint64_t token;
                        enum reply_outcome outcome;
                        uint64_t index; /* of the entry, if there is one */
                } reply;
                struct {
                        char name[NAME_BYTES];
                        enum role_kind kind;
                        uint64_t generation;
                        uint8_t definition_hash[HASH_BYTES];
                        uint32_t node;                         /* MOVE: to */
                        uint32_t timeout_ms;                   /* STOP: before it is destroyed; 0 at once */
                        char address[ADDRESS_BYTES];           /* MOVE: of the target */
                        char migration_address[ADDRESS_BYTES]; /* MOVE: of the target */
                        /* EXPORT, REDIRECT, RETURN: the redirect, by the entry that began it. */
                        uint64_t index;
                        bool open;                  /* EXPORT: or close */
                        uint32_t port;              /* REDIRECT; the address is that of the exporter */
                        char key[EXPORT_KEY_BYTES]; /* REDIRECT; secret */
                } role;
                struct {
                        char role[NAME_BYTES];
                        char disk[DISK_BYTES];
                        char from[IMAGE_PATH_BYTES];
                        char to[IMAGE_PATH_BYTES];
                        uint64_t index; /* of the copy */
                        enum copy_order order;
                        bool succeeded; /* CLEAR: `from` is of no use, else `to` */
                        bool keep;      /* CLEAR: leave `from` where it is */
                } copy;
                struct {
                        char role[NAME_BYTES];
                        uint64_t generation;
                        uint64_t question;
                } confirm;
                uint64_t listing;
                enum shut_down shut_down;
                struct {
                        uint64_t attempt;
                        uint32_t node;
                        char node_name[NAME_BYTES];
                        bool on;                           /* to be turned on, for a test */
                        const struct fence_device *device; /* borrowed until the next step */
                } fence;
                struct {
                        uint64_t attempt;
                        uint32_t node;
                        uint32_t id; /* of the volume */
                        uint64_t identity;
                } preempt;
                struct {
                        uint64_t look;
                        uint32_t id;
                        uint64_t identity;
                        enum volume_kind kind;
                        node_set expected; /* whose marks are to be looked for; 0: nobody's */
                        bool create;       /* its lease area, if there is none */
                        bool keep;         /* FORGET_VOLUME: the area stays; nothing there is open any more */
                        bool measure;      /* is it fast enough? */
                        char path[VOLUME_PATH_BYTES];
                } volume;
                struct {
                        uint64_t pass;
                        uint32_t id;
                        uint64_t identity;
                        struct lease_pass what;
                        char path[VOLUME_PATH_BYTES];
                } lease;
                struct {
                        uint64_t sight;
                        uint32_t id;
                        uint64_t identity;
                        uint32_t node;
                        char path[VOLUME_PATH_BYTES];
                        struct lease_revocation revocation; /* REVOKE */
                } sight;
                struct {
                        uint64_t question;
                        struct witness_question what;
                        struct witness whom;
                        uint32_t timeout_ms; /* failed, then */
                } witness;
                struct {
                        bool armed;
                        uint32_t arming; /* a new number for each change of armed */
                } guard;
        };
};

/* One step; checked, never silently cut. One entry (a node is lost) may change every role's row. */
#define CLUSTER_ACTIONS_MAX  (ROLES_MAX + 4096)
#define CLUSTER_MESSAGES_MAX 256 /* one step */

struct cluster_actions {
        size_t count;
        size_t message_count;
        uint64_t wake_at_ms; /* send CLUSTER_EVENT_WAKE then; TIME_NEVER if never */
        struct cluster_action item[CLUSTER_ACTIONS_MAX];
        struct message messages[CLUSTER_MESSAGES_MAX];
};

struct cluster; /* storage of cluster_bytes(); owned by the caller, zeroed before cluster_init() */

/* For at most roles_max roles (1 to ROLES_MAX). */
size_t cluster_bytes(uint32_t roles_max);
void cluster_init(struct cluster *cluster, const struct cluster_identity *identity, uint32_t roles_max);

/* Cannot fail: what goes wrong in the world comes back as an event. Clears *actions first. */
void cluster_step(struct cluster *cluster, const struct cluster_event *event,
                  struct cluster_actions *actions);

/* What a client or a checker may look at between steps; borrowed until the next step. */
const struct model *cluster_model(const struct cluster *cluster);

struct cluster_status {
        uint32_t node; /* this one */
        bool active;   /* in an epoch: proposals are accepted */
        bool primary;  /* our view may hold or win an epoch */
        uint64_t epoch;
        uint32_t leader; /* NODE_NONE while no epoch is active */
        node_set members;
        node_set connected;
        node_set level; /* members of the epoch that follow it */
        struct ledger_position last;
        struct ledger_position applied;
        bool guard_valid;
        uint64_t contact_ms;      /* last contact, which the guard counts from; 0: none */
        uint64_t leased_until_ms; /* by its leases nothing here needs contact before that; 0: something does,
                                     or there is contact */
        bool store_failed;        /* this node's ledger cannot be written */
        node_set isolated;        /* lost, and they have renewed a lease since: cut off, not dead */
        bool evicted;             /* this node was taken out of the cluster: it has to leave the group */
        bool parted; /* the view goes by a history that was forced without this node's, which counts no more
                      */
};

/* What this node knows of the witness. */
struct cluster_witness {
        struct witness set;         /* kind WITNESS_NONE: there is none */
        bool vote;                  /* it has one, or had one before the change that is under way */
        bool decides;               /* this epoch holds by it */
        bool known, answers;        /* here */
        uint64_t since_ms;          /* of `answers` */
        char text[REASON_BYTES];    /* why it does not answer */
        bool armed;                 /* a qnetd: its vote would count after the next loss, here */
        char refusal[REASON_BYTES]; /* why the present view does not have its vote; empty: it was not asked */
};

void cluster_witness_read(const struct cluster *cluster, struct cluster_witness *ret_witness);

/* The voters at the end of what this node holds; before is empty unless that is not known to be committed. */
struct voters;
void cluster_voters_read(const struct cluster *cluster, struct voters *ret_voters);

/* For the guard's keeper: who has a vote at the end of what this node holds; before: 0, unless the change
 * from these is not known to be committed. 0 and 0 when blank. While nobody may run anything by a quorum that
 * was forced: those who have to be proven off, or to come back. */
void cluster_voters(const struct cluster *cluster, node_set *ret_now, node_set *ret_before);

/* What votequorum should expect; nodes 0: it is not for this node to say. */
struct cluster_expected {
        uint32_t nodes;
        bool device;   /* and the vote of a qnetd */
        bool left_out; /* this node is alone, and its device has had no qnetd for a while: its vote counts for
                          nothing */
};

/* From the leader of an active epoch. Then whoever is a majority of those who were here last is quorate
 * there, too. */
struct cluster_expected cluster_expected_votes(const struct cluster *cluster);

/* Have the others a quorum without this node, or will they never? Its daemon may end without doing harm. */
bool cluster_may_leave(const struct cluster *cluster);

void cluster_status_read(const struct cluster *cluster, struct cluster_status *ret_status);

/* This node's lease on a volume; NULL: none is being taken. Borrowed until the next step. */
const struct lease_node *cluster_lease(const struct cluster *cluster, uint32_t volume);
/* Whose leases on it moved, as this node's last look at the volume saw it. */
node_set cluster_renewing(const struct cluster *cluster, uint32_t volume);

/* What this node knows of a role here. For status and checkers. */
enum observation cluster_observation(const struct cluster *cluster, const char *role);

/* Milliseconds until the leader tries a failed role again; TIME_NEVER if not planned here. */
uint64_t cluster_retry_in_ms(const struct cluster *cluster, const char *role, uint64_t now_ms);

/* The last heartbeat of a node; NULL if none was heard since it joined the view. */
const struct message_heartbeat *cluster_heartbeat(const struct cluster *cluster, uint32_t node);

#endif
