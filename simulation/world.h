/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_WORLD_H
#define CLU_SIMULATION_WORLD_H

/*
 * A whole cluster of real cores in one process, on a simulated network, disk,
 * clock, hypervisor, power and watchdog. Everything that happens follows from
 * the seed. See README.md in this folder for what each part promises.
 */

#include "clusterd/core/changes.h"
#include "clusterd/core/cluster.h"
#include "simulation/coverage.h"
#include "simulation/descent.h"
#include "simulation/disk.h"
#include "simulation/export.h"
#include "simulation/fence.h"
#include "simulation/incident.h"
#include "simulation/keeper.h"
#include "simulation/liveness.h"
#include "simulation/power_cuts.h"
#include "simulation/gateway.h"
#include "simulation/image.h"
#include "simulation/names.h"
#include "simulation/network.h"
#include "simulation/qnetd.h"
#include "simulation/queue.h"
#include "simulation/random.h"
#include "simulation/stall.h"
#include "simulation/telling.h"
#include "simulation/transcript.h"
#include "simulation/volume.h"
#include "simulation/witness.h"

#define MS(n)     ((uint64_t)(n)*1000) /* simulated time is in microseconds */
#define SECOND(n) ((uint64_t)(n)*1000000)

struct world;
struct simulated_node;

/* --- hypervisor.c --- */

enum domain_state { DOMAIN_NONE, DOMAIN_STARTING, DOMAIN_INCOMING, DOMAIN_RUNNING, DOMAIN_PAUSED };

struct hypervisor_job {
        struct hypervisor_job *next;
        uint64_t id;
        enum operation operation;
        struct cluster_action action;
        uint64_t daemon_life; /* who waits for the answer */
        uint64_t begun_us;
        bool executing; /* libvirtd has taken it up */
        bool fails;
        bool reported;
        uint64_t domain_id; /* MOVE: of the target's copy */
        uint64_t volumes;   /* START: targets that its gateways go to */
};

/* One role's guest on one node, and what is asked about it there. */
struct domain {
        const char *name; /* once there was one */
        enum domain_state state;
        bool stalled;                /* running, and it stands still: its disk failed it */
        bool doomed;                 /* its migration has failed: it never runs, and will go */
        bool moved;                  /* the last that was here has gone elsewhere by a migration */
        uint64_t id;                 /* of this instance of it */
        struct hypervisor_job *jobs; /* owned; in the order of asking */
        bool prepared;               /* the gateways of its LUNs wait here for it */
        struct gateway gateway;
        bool left_behind; /* proven off by its reservations: a guest of it may be there yet */
        struct image_use use;
        struct connection connection;
        uint64_t ordered; /* the last order about its disk */
};

struct hypervisor_model {
        struct domain *domains;           /* by the role's number */
        struct simulated_export *exports; /* the same */
        uint64_t outage_until_us;
        uint64_t starts_fail_until_us;
        uint64_t starts_late_until_us; /* each that nobody waits for any more comes true */
        uint64_t arrived_us;           /* when the last guest came by a move */
};

void hypervisor_create(struct world *world, struct simulated_node *node);
void hypervisor_release(struct world *world, struct simulated_node *node);
void hypervisor_carry_out(struct world *world, struct simulated_node *node,
                          const struct cluster_action *action);
void hypervisor_on_job(struct world *world, const struct event *event);
void hypervisor_outage(struct world *world, struct simulated_node *node, uint64_t duration_us);
void hypervisor_on_deadline(struct world *world, const struct event *event);
void hypervisor_on_reconnect(struct world *world, const struct event *event);
void hypervisor_on_list(struct world *world, const struct event *event);
void hypervisor_on_vanish(struct world *world, const struct event *event);
void hypervisor_power_off(struct world *world, struct simulated_node *node);
void hypervisor_daemon_gone(struct world *world, struct simulated_node *node);
void hypervisor_adopt(struct world *world, struct simulated_node *node, const struct cluster_action *action);
void hypervisor_start_by_hand(struct world *world, struct simulated_node *node, const char *name);
void hypervisor_guest_ends(struct world *world, struct simulated_node *node, struct domain *domain,
                           enum observation why);
struct domain *hypervisor_domain(struct world *world, struct simulated_node *node, const char *name);
struct domain *hypervisor_some_guest(struct world *world, struct simulated_node *node, struct random *random);
/* Has libvirtd taken up a move of it away from there? */
bool hypervisor_is_leaving(struct world *world, struct simulated_node *node, const char *name);
/* Where what arrives there comes from; NULL: nothing does, or its guest has ended, so that it never runs. */
struct simulated_node *hypervisor_sender(struct world *world, struct simulated_node *node, const char *name);
/* Is a move of it to there under way, or about to be? */
bool hypervisor_moves_to(struct world *world, struct simulated_node *node, const char *name);
bool hypervisor_is_running(struct world *world, struct simulated_node *node, const char *name);
bool hypervisor_may_run(struct world *world, struct simulated_node *node, const char *name);

/* --- power.c: power, clocks, freezes --- */

void power_on(struct world *world, struct simulated_node *node);
void power_off(struct world *world, struct simulated_node *node, const char *why);
void power_freeze(struct world *world, struct simulated_node *node, uint64_t duration_us);
void power_boot_later(struct world *world, struct simulated_node *node, uint64_t delay_us);
void power_on_boot(struct world *world, const struct event *event);
void power_on_thaw(struct world *world, const struct event *event);
/* An operator wants that, and its core has asked for it. */
void power_shut_down(struct world *world, struct simulated_node *node);
void power_on_shut_down(struct world *world, const struct event *event);
uint64_t node_clock_ms(const struct world *world, const struct simulated_node *node);
uint64_t node_clock_to_us(const struct simulated_node *node, uint64_t clock_ms);
void node_clock_drift(struct world *world, struct simulated_node *node, int32_t drift_ppm);

/* --- shell.c: what clusterd/main.c does around the core --- */

void shell_start(struct world *world, struct simulated_node *node);
void shell_stop(struct world *world, struct simulated_node *node);
bool shell_runs(const struct world *world, const struct simulated_node *node); /* nor stands still */
void shell_start_later(struct world *world, struct simulated_node *node, uint64_t delay_us);
void shell_on_start(struct world *world, const struct event *event);
/* SIGTERM; it starts again after that time, 0: not. */
void shell_stop_in_order(struct world *world, struct simulated_node *node, uint64_t start_after_us);
void shell_on_stop(struct world *world, const struct event *event);
void shell_on_leave(struct world *world, const struct event *event);
void shell_step(struct world *world, struct simulated_node *node, struct cluster_event *event);
void shell_send_later(struct world *world, struct simulated_node *node, const struct cluster_event *event,
                      uint64_t delay_us);
void shell_on_core(struct world *world, const struct event *event);
const char *shell_action_name(enum cluster_action_kind kind);
void shell_note(struct world *world, struct simulated_node *node, const struct cluster_action *action);
void shell_on_wake(struct world *world, const struct event *event);

/* --- checker.c, history.c, convergence.c --- */

struct committed {
        uint8_t hash[HASH_BYTES];
        size_t changed; /* where the roles that it changed begin */
        struct command command;
};

/* Who may run a role, as the checker itself reads the history. */
struct runner_record {
        uint32_t owner;
        uint32_t target;
        bool ended; /* the move, on neither end */
};

/* Of the role and node that an entry is about, and of the settings, before it. */
struct claims {
        struct role role;
        struct node node;
        bool arriving; /* at that node, from a source that is a member */
        bool unmarked; /* that node has not said that its mark stands on the volume */
        struct settings settings;
};

/* fork.c */
struct fork {
        struct model *model; /* of who is about to force, and where its history ends by then; in storage */
        void *storage;
        uint32_t node;
        uint64_t at;
        uint64_t next;         /* epoch that it is about to force */
        uint64_t epoch;        /* the last that was; 0: none */
        uint64_t forced_index; /* its entry */
};

struct checker {
        struct fork fork;
        struct claims claims;
        struct committed *committed; /* by index - 1 */
        size_t count;
        size_t capacity;
        uint32_t *changed; /* numbers of the roles that each entry changed, one entry's after another's */
        size_t changed_count;
        size_t changed_capacity;
        struct runner_record *runners; /* by the role's number */
        node_set voters;               /* as the checker itself reads the history */
        uint64_t witness;              /* that votes, too; 0: none */
        struct {
                node_set voters;
                uint64_t witness;
                uint64_t until_us;
        } * past_voters; /* in force before, one after the other */
        size_t past_count;
        size_t past_capacity;
        uint64_t latest_epoch;           /* that committed an entry */
        uint64_t lost_us[NODES_MAX + 1]; /* when the history last lost a node */
        struct model *reference;         /* what the committed history adds up to; in storage */
        struct changes changes;          /* of the reference, by the present entry */
        void *storage;
        uint32_t *epoch_leader; /* by epoch; NODE_NONE: not seen yet */
        size_t epoch_capacity;
        uint64_t epoch_base; /* the first of them */
};

/* A state that a core was given. */
struct heard {
        struct round_id round;
        uint64_t promised;
        bool blank;
};

/* What one node's core showed after its last step. */
struct node_memory {
        struct ledger_position applied;
        uint64_t epoch;
        uint64_t compared; /* index up to which its model was found the same as the reference */
        uint64_t incarnation[NODES_MAX + 1];
        uint64_t *generation; /* by the role's number */
        node_set connected;
        node_set seen;                   /* connected at some time since its daemon began */
        uint64_t lost_us[NODES_MAX + 1]; /* when it saw a node leave */
        uint64_t state_us;               /* when it told the present round its state */
        uint64_t epoch_us;               /* since when in that epoch */
        node_set members;                /* of the view that it was given last */
        uint64_t members_us;             /* and when */
        uint64_t lapsed_us;              /* since when its guard is not valid; 0: it is */
        uint64_t stop_us;                /* when it last ordered a guest to be stopped */
        struct heard heard[NODES_MAX + 1];
        struct round_id opened;  /* the round that it was given last */
        struct round_id decided; /* and the decision in it */
        node_set participants;
        uint64_t forced_epoch; /* of what it had applied then */
        uint64_t given_up;     /* what it had applied before a snapshot: that has to be newer */
};

void checker_after_step(struct world *world, struct simulated_node *node);
void checker_action(struct world *world, struct simulated_node *node, const struct cluster_action *action);
void checker_armed(struct world *world, struct simulated_node *node, const char *role);
void checker_all_armed(struct world *world, struct simulated_node *node);
/* A keeper takes its probes for a contact. */
void checker_contact(struct world *world, const struct simulated_node *node);
void checker_guard(struct world *world, struct simulated_node *node, const struct cluster_status *status);
void checker_heard(struct simulated_node *node, uint32_t sender, const struct message *message);
void checker_decided(struct world *world, struct simulated_node *node, const struct message *message);
void checker_promised(struct world *world, struct simulated_node *node, const struct message *message);
/* The leader says that the guard of a node has, and its leases on some volumes. */
void checker_expired(struct world *world, struct simulated_node *leader, const struct cluster_status *status,
                     const struct command_node_evidence *evidence);
void checker_said(struct world *world, struct simulated_node *node, const struct message *message);
void checker_reply(struct world *world, struct simulated_node *node, const struct cluster_action *action);
void checker_domain_changed(struct world *world, struct simulated_node *node, const char *role);
void checker_start_executed(struct world *world, struct simulated_node *node, const char *role,
                            uint64_t generation);
void checker_forget(struct world *world, struct simulated_node *node);
void history_begin(struct world *world);
/* What was before a story: an entry that nobody has any more, and a row of what it all added up to. */
void checker_begin(struct world *world, const struct ledger_position *position);
void history_put(struct world *world, const struct object *object);
void history_release(struct world *world);
void rights_check(struct world *world, struct simulated_node *node, const struct cluster_action *action);
void rights_check_watchdog(struct world *world, struct simulated_node *node);
/* Before an entry is applied to the reference, and after, when it was not refused. */
void claims_remember(struct world *world, const struct command *command);
void claims_check(struct world *world, const struct simulated_node *node, uint64_t index,
                  const struct entry *entry);
/* What entries first to last changed, borrowed; a role may be named more than once. */
const uint32_t *history_changed_roles(const struct world *world, uint64_t first, uint64_t last,
                                      size_t *ret_count);
void history_committed(struct world *world, struct simulated_node *node, uint64_t index,
                       const struct entry *entry);
/* A guest of it may be there yet, and cannot write. */
bool history_left_behind(struct world *world, const struct simulated_node *node, const char *role);
bool convergence_reached(struct world *world, char *text, size_t text_bytes);

/* --- operator.c, faults.c --- */

struct operator_model {
        struct random random; /* a stream of its own: what it asks for moves no delay */
        uint32_t names;       /* of roles that it uses: vm01 ... */
        uint32_t to_add;      /* so many of them first, one after another */
        bool likes_luns;      /* most roles have their disks there */
        uint64_t next_token;
        uint64_t interval_us;
        bool stores;   /* most disks on one volume, which it adds first and keeps */
        bool isolates; /* the same, with no fence devices, and nodes are cut off for long */
};

void operator_begin(struct world *world, uint64_t seconds);
/* In some worlds most roles run from a target, and half of the nodes have no watchdog. Before nodes are made.
 */
void operator_draw_luns(struct world *world);
/* In some other worlds nodes are cut off for so long that they are asked for their leases. Before nodes are
 * made. */
void operator_draw_isolation(struct world *world);
void operator_draw_power(struct world *world, uint64_t seconds);
void operator_on_command(struct world *world, const struct event *event);
void operator_carry_out(struct world *world, const struct incident *incident);
void operator_put_right(struct world *world);
/* Somebody there says that all others are gone. */
void operator_force(struct world *world, struct simulated_node *node);

enum fault_kind {
        FAULT_PARTITION,
        FAULT_ISOLATE,
        FAULT_POWER,
        FAULT_BLACKOUT,
        FAULT_FREEZE,
        FAULT_DAEMON,
        FAULT_COROSYNC,
        FAULT_DISK_FAIL,
        FAULT_DISK_SLOW,
        FAULT_DISK_HANG,
        FAULT_BACK_UP,
        FAULT_RESTORE,
        FAULT_CLOCK,
        FAULT_LINKS,
        FAULT_FLAP,
        FAULT_CUT,
        FAULT_WIPE,
        FAULT_WATCHDOG,
        FAULT_HYPERVISOR,
        FAULT_GUEST_CRASH,
        FAULT_GUEST_SHUTDOWN,
        FAULT_FENCE,
        FAULT_LATE_MOVE,
        FAULT_PROPOSAL,
        FAULT_PATH,
        FAULT_COUNT
};

struct fault_model {
        struct random random;         /* a stream of its own */
        uint32_t weight[FAULT_COUNT]; /* drawn per seed: some faults never happen in a run */
        uint32_t aim_permille;        /* how often what is under way is broken on purpose */
        uint64_t interval_us;
        uint64_t fence_broken_until_us;
        bool on;
};

void faults_begin(struct world *world);
void faults_on_fault(struct world *world, const struct event *event);
void faults_on_mend(struct world *world, const struct event *event);
void faults_on_corosync(struct world *world, const struct event *event);
void faults_end(struct world *world);
bool faults_may_lose(struct world *world, const struct simulated_node *node); /* its disk, or the end of it */
bool faults_may_go_back(struct world *world, const struct simulated_node *node);
void faults_aim(struct world *world, const struct simulated_node *node);

/* --- hostile.c --- */

#define HOSTILE_ACTOR "gone wrong on " /* and the name of the node that sent it */

int hostile_words_check(const char *text, char ret_error[VERB_ERROR_BYTES]);
void hostile_carry_out(struct world *world, const struct incident *incident);
struct incident hostile_draw(struct world *world);
/* After each entry that was obeyed. */
void hostile_on_committed(struct world *world);

/* --- world.c --- */

struct simulated_node {
        uint32_t id;
        char name[NAME_BYTES];
        bool powered;
        bool frozen;
        bool leaving;                             /* the group, because it was evicted */
        uint64_t stopping_us;                     /* clusterd is told to end since; 0: it is not */
        uint64_t daemon_froze_us, daemon_thaw_us; /* from then until then clusterd stands still */
        bool dark;                                /* off because there is no mains */
        uint64_t thaw_us;
        uint32_t feeds_off;   /* power supplies that fence devices have cut: bits */
        uint64_t power_life;  /* of this boot; 0 while off */
        uint64_t daemon_life; /* of this clusterd process; 0 while it does not run */
        uint64_t boot_us;
        uint64_t clock_set_us; /* when its rate was last set; it showed clock_base_us then */
        uint64_t clock_base_us;
        int32_t drift_ppm;
        int64_t wall_offset_ms;
        uint64_t boot;
        bool has_watchdog;         /* to begin with */
        uint64_t watchdog_from_us; /* since when it has one; UINT64_MAX: it has none */
        bool watchdog_told;        /* to this clusterd process: that it has one */
        uint32_t arming_told;      /* and that the keeper was armed so */
        uint32_t memory_mib, cpus;
        bool loading; /* the core is being given what the disk holds */
        uint64_t wake_serial;
        uint32_t wakes_in_a_row;
        struct cluster *core;                /* owned storage */
        struct round_id round, round_before; /* that it last spoke in */
        struct station station;
        struct disk disk;
        struct hypervisor_model hypervisor;
        struct keeper keeper;
        struct path_trouble path_troubles[SHARES_MAX];
        struct lease_io lease_ios[VOLUMES_MAX + 1];
        struct witness_io witness_io;
        struct qdevice qdevice;
        node_set isolated;         /* as its core shows it */
        uint64_t lease_written_us; /* when a write of its leases last landed */
        struct node_memory memory;
};

struct statistics {
        uint64_t steps, entries, views, max_views, failovers, moves, fences, snapshots, starts, crashes;
        uint64_t requests, requests_done;
        uint64_t simulated_us;
        uint64_t seeds;
        struct coverage coverage;
};

struct world_options {
        uint64_t seed;
        uint32_t nodes;        /* 0: the seed decides */
        uint32_t roles;        /* to begin with; 0: the seed decides how many there may be */
        uint32_t seconds;      /* of faults; 0: the seed decides */
        int64_t wall_shift_ms; /* of every node's wall clock: it must make no difference */
        bool text;             /* keep the transcript's text, not only its hash */
        bool verbose;          /* and print it as it is written */
        struct power_cut cut;  /* after which it is peace */
        /* Played instead of what the generators would draw; NULL: they draw. Borrowed. */
        const struct incident_list *play;
        const struct scenario *scenario; /* told instead of drawing anything; NULL: a random run. Borrowed. */
};

/* What a story does to one role. */
struct trouble {
        uint64_t starts_fail_until_us, moves_fail_until_us, moves_tear_until_us;
        uint64_t deaf_until_us; /* it does not listen when it is asked to shut down */
};

struct world {
        struct world_options options;
        struct random random;
        struct queue queue;
        struct transcript transcript;
        uint64_t now_us;
        uint64_t steps;      /* of all cores */
        uint64_t peace_step; /* how many there were when peace began */
        bool cutting;        /* options.cut is being carried out */
        uint64_t next_life;
        uint64_t next_id;
        uint32_t node_count;
        uint32_t roles_max; /* that a core takes */
        struct names names;
        struct simulated_node nodes[NODES_MAX + 1]; /* by id */
        struct settings settings;
        struct ring *rings;
        struct checker checker;
        struct liveness liveness;
        struct coverage_memory coverage;
        struct operator_model operator;
        struct fence_model fences;
        struct fault_model faults;
        struct share shares[SHARES_MAX];
        struct witnesses witnesses;
        struct qnetd qnetd;
        struct trouble *troubles;    /* by the role's number */
        struct image_record *images; /* the same */
        struct lun_record *luns;     /* the same */
        struct telling telling;
        uint64_t zero_us;     /* when a story begins */
        bool tight;           /* there is not memory for everything */
        bool quiet;           /* nothing fails that no incident names */
        bool fenced_stay_off; /* until somebody switches them on */
        struct descent descent;
        struct incident_list *record; /* borrowed: what was carried out is added; NULL: not recorded */
        struct statistics *statistics;
        struct cluster_actions *actions; /* borrowed: one for the whole program */
        uint64_t heal_us;
        uint64_t rest_since_us;
        uint64_t calm_us;
        bool calm;    /* nothing fails any more, since then */
        bool healing; /* and what is left is put right */
        bool finished;
        bool violated;
        char violation[1024];
};

/* WORLD_EACH_NODE(world, node) ... */
#define WORLD_EACH_NODE(world, node)                                                                         \
        for (struct simulated_node *node = (world)->nodes + 1; node <= (world)->nodes + (world)->node_count; \
             node++)

/* Runs one seed to its end; true when nothing was violated. record: as in struct world. */
bool world_run(struct world *world, const struct world_options *options, struct cluster_actions *actions,
               struct statistics *statistics, struct incident_list *record);
void world_release(struct world *world);
/* From here on nothing fails. */
void world_begin_calm(struct world *world);
/* And everything must come to rest. */
void world_begin_peace(struct world *world);
void world_schedule(struct world *world, uint64_t delay_us, enum event_kind kind, struct simulated_node *node,
                    uint64_t a, uint64_t b);
/* payload: from malloc; freed when the event has been handled, or dropped. */
void world_schedule_payload(struct world *world, uint64_t delay_us, enum event_kind kind,
                            struct simulated_node *node, void *payload);
void world_violate(struct world *world, const char *rule, const struct simulated_node *node, const char *role,
                   const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Chance, as long as things fail by chance. */
bool world_mishap(struct world *world, uint32_t per_mille);
void world_note(struct world *world, const struct simulated_node *node, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

#endif
