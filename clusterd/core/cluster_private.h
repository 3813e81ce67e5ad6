/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_CORE_CLUSTER_PRIVATE_H
#define CLU_CLUSTERD_CORE_CLUSTER_PRIVATE_H

/*
 * What is inside struct cluster, for the files of this folder alone.
 *
 * Each part is owned by one file, named beside it; others read it.
 */

#include "clusterd/core/apply.h"
#include "clusterd/core/changes.h"
#include "clusterd/core/cluster.h"
#include "clusterd/core/copy.h"
#include "clusterd/core/ledger.h"
#include "clusterd/core/lost_private.h"
#include "clusterd/core/planner.h"
#include "clusterd/core/redirect.h"
#include "clusterd/core/round.h"
#include "clusterd/core/stall.h"
#include "quorum/qnetd_claim.h"

/* witness.c */
struct witness_link {
        struct witness whom; /* the witness that all this is about */
        uint64_t questions;  /* counts those that were asked */
        uint64_t question;   /* under way; 0: none */
        enum witness_question_kind kind;
        bool for_round; /* it concerns the present round; otherwise it is a look */
        uint64_t asked_ms;
        uint64_t looked_ms;         /* when a question of any kind was last asked */
        bool known, answers;        /* does it, as far as this node can say? */
        uint32_t against;           /* answers in a row that say otherwise */
        uint64_t since_ms;          /* of `answers` */
        uint64_t promised;          /* the highest epoch that we have heard it promise, or asked it for */
        uint32_t refused;           /* rounds in a row that went without it */
        char text[REASON_BYTES];    /* why it does not answer */
        char refusal[REASON_BYTES]; /* why the present round does not have its vote */
};

/* claim.c: of a qnetd. */
struct qnetd_link {
        uint64_t identity; /* of the witness that all this is about; 0: none is attended */
        bool attended;     /* or that there is none was said */
        struct qnetd_claim claim;
        uint64_t connection, connection_ms; /* of this node to it, and since when it is known; 0: none */
        bool seen, votes;                   /* it gives its vote, as was seen last */
        uint64_t looked_ms;                 /* when that was last taken for an answer */
        char text[REASON_BYTES];            /* why it gives none */
};

/* pending.c: a client's command until it is answered. */
struct pending {
        bool used;
        bool sent;        /* in this round */
        bool sent_before; /* in an earlier one: its fate may be open */
        uint64_t token;
        uint64_t count; /* of its request_id */
        uint64_t since_ms;
        uint64_t sent_ms; /* tells its batch */
        char actor[ACTOR_BYTES];
        struct command command;
};

/* reconcile.c: what this node knows and does about one role here. */
#define DOUBTS_MAX 32

/* Roles that this node was starting, or whose start it knew no end of, when a snapshot took its rows away. */
struct doubts {
        char role[DOUBTS_MAX][NAME_BYTES];
        uint32_t count;
        bool all; /* more than fit: any role may be one */
};

struct local_role {
        enum observation observation;
        bool confirmed;        /* absent: an operation or a listing asked since the last change says so */
        uint64_t stamp;        /* listings up to this one may be older than what we know */
        uint64_t listed;       /* last listing that named it */
        enum observation hint; /* absent: how it was said to have ended */
        bool stopped_by_guard, stopped_paused;
        uint64_t seen_ms; /* present: since when */
        uint64_t here_by; /* present: the generation by which it was first seen; 0: not seen yet */
        bool expected;    /* the ledger lets this node run it */

        enum operation operation; /* under way */
        bool in_doubt;            /* a move or stop whose end nobody knows: observation is from before */
        bool unresolved;          /* a start whose end nobody knows may still come true */
        uint64_t attempted;       /* generation that we last started, or moved away */
        uint64_t start_failed;    /* generation whose start failed, and is surely absent */
        uint32_t duration_ms, downtime_ms; /* of the operation that ended */
        char text[REASON_BYTES];

        struct local_report report;
        uint64_t stop_again_ms;                  /* next attempt at a stop that did not succeed */
        uint64_t online_generation, online_ms;   /* since when it runs here, for REPORT_STABLE */
        uint64_t sending_generation, sending_ms; /* since when it is to be moved away */
        bool arriving;                           /* by a move of which neither end has spoken */
        uint64_t preparing, prepared; /* generation for whose arrival that is asked for, or done; 0: none */
        uint64_t prepare_ms;          /* next attempt at it */
        uint64_t asked, asked_generation, asked_ms; /* last question for a confirmation; asked 0: none */
        struct local_copy copy;
        struct local_stall stall;
        struct local_redirect redirect;
};

/* path.c: what this node knows of its path to one volume. */
struct local_path {
        uint64_t identity;        /* of the volume that all this is about */
        uint64_t since_index;     /* of the proof that it is about */
        uint64_t rested_index;    /* our hands are off it, since that maintenance */
        uint64_t look;            /* under way; 0: none */
        uint64_t begun_ms;        /* the last look; 0: there was none */
        enum path_state begun_in; /* what the ledger said of the path then */
        node_set asked;           /* whose marks it is to look for; 0: nobody's */
        uint64_t before_ms;       /* begin of the one before that; 0: there was none */
        bool made;                /* there was no lease area before this proof */
        bool known;               /* what the last one that ended found: */
        enum path_state found;    /* PATH_DIRECT: it can be written and read */
        node_set expected, seen;
        node_set renewing;       /* whose leases have moved since the one before, */
        uint64_t moved_after_ms; /* which began then */
        char text[REASON_BYTES];
        uint64_t hurry_until_ms; /* guests here stand still for it: looked at more often */
        struct local_report report;
        uint64_t settle_count; /* leader: of a proposal that ends the proof */
};

/* lease.c: since when a node is known here to be lost. */
struct known_loss {
        uint64_t index; /* entry of the loss; 0: it is not lost */
        uint64_t ms;
};

/* lease.c: this node's lease on one volume. */
struct local_lease {
        uint64_t identity; /* of the volume */
        struct lease_node node;
        uint64_t pass; /* under way; 0: none */
        bool sought;   /* what an earlier process left there was, or there was none */
};

#define LOSSES_MAX 10 /* of quarantine_losses */

/* quarantine.c: how often a node was lost, on this node's clock. */
struct quarantine {
        uint64_t lost_ms[LOSSES_MAX]; /* newest first; 0: none */
        uint64_t since_ms;            /* quarantined, as far as this node saw; 0: not */
        uint64_t count;               /* request_id of a proposal on its way; 0: none */
};

struct cluster {
        struct cluster_identity identity;
        uint64_t now_ms;
        int64_t wall_ms;
        struct cluster_actions *actions; /* of the present step */
        bool loaded;
        uint64_t loaded_ms;
        bool evicted; /* so this node has heard, in an epoch; until its process ends */
        bool fresh;   /* began with nothing in its ledger, and has not joined since */

        struct model *model;
        struct changes changes; /* rows not yet handed to the store; cleared each step */
        struct ledger ledger;
        struct round round;
        uint64_t store_index; /* durable here, as far as it may be told to others */
        uint64_t store_promised;
        bool store_failed;

        uint64_t proposals; /* counts request ids of ours */
        struct pending pending[PENDING_MAX];
        uint32_t pending_count;
        bool batch_sent;        /* some of the last batch are on their way: the others wait */
        uint32_t batch_size;    /* of the last batch */
        uint32_t batch_target;  /* as many as seem to be at work here */
        uint64_t batch_sent_ms; /* when the last batch left */
        uint64_t batch_done_ms; /* when the last of it was answered */

        bool snapshot_running; /* this laggard is receiving one */
        bool half_replaced;    /* what was stored here was whole, and one was to replace it */
        struct ledger_position snapshot_at;

        struct local_role *local;   /* by role slot */
        struct slot_list attention; /* roles that reconcile must look at */
        struct slot_list later;     /* and those that it must look at again, at later_ms */
        uint64_t later_ms;
        uint64_t listings; /* issued */
        uint64_t list_ms;  /* of the last */
        bool list_running;
        bool list_wanted;
        bool list_strange;      /* something is here that the ledger, as far as we know it, does not know */
        uint32_t present_count; /* roles that are here, or being started */
        uint32_t exports;       /* of disks of roles elsewhere, which may be written to from here */
        struct doubts doubts;
        bool unsurveyed;         /* something may be here that no listing has shown us yet */
        uint32_t expected_count; /* roles that the ledger lets this node run */
        uint32_t arriving;       /* roles that are to come by a move */
        uint32_t asking;         /* roles whose gateways wait for a confirmation, */
        uint64_t asked_ms;       /* when one of them last asked */
        uint64_t contact_ms;     /* last contact: renews the guard */
        uint64_t kept_ms;        /* clu-guard's, when we had stood still: enough to keep what runs here */
        bool guard_lapsed;       /* and acted upon */
        bool guard_was_valid;    /* at the last look */
        bool guard_armed;
        uint32_t arming;        /* counts the changes of guard_armed, since the host started */
        uint32_t backed;        /* the arming for which the keeper has the watchdog open */
        uint64_t guarded_index; /* what was applied up to here stands under it */
        bool guard_news;        /* somebody waits to hear that: the source of a move to here */
        node_set awaited;       /* targets of moves from here that we wait to hear it from */
        uint64_t join_count;    /* request_id of our node-join on its way; 0: none */
        bool parting;           /* that is of one that was evicted and has no vote */
        uint64_t join_ms;

        uint64_t ring; /* of corosync, as of the last view */
        struct witness_link witness;
        struct qnetd_link qnetd;
        bool planner_due;
        uint64_t planner_ms;      /* of its last pass */
        uint64_t planner_wake_ms; /* when a pass is due for the time alone */
        struct planner_output planner_output;
        uint64_t active_ms;                    /* since when this node leads */
        struct planned_role *planned;          /* by role slot */
        uint64_t planned_nodes[NODES_MAX + 1]; /* request_id of a proposal about a node; 0: none */
        uint64_t planned_voters;               /* the same about the voters */
        bool leaving;                          /* this daemon is told to end */
        uint64_t shut_down_ms;                 /* when the host was last asked for that; 0: never */
        uint64_t force_ms;                     /* when this node last opened a round to force the quorum */
        node_set force_awaited;                /* as the keeper was told */
        uint32_t *order;                       /* scratch: role slots to place */
        uint64_t attempts;                     /* counts fence attempts */
        struct fencing fencing[NODES_MAX + 1];
        struct fence_test fence_test;
        struct quarantine quarantine[NODES_MAX + 1];
        uint64_t pause_index, pause_seen_ms; /* the pause that this node saw begin, and when */
        uint64_t pause_count;                /* request_id of the proposal of its end; 0: none */
        uint64_t fenced_ms[NODES_MAX + 1];   /* when this leader last turned a node off; 0: never */
        uint64_t guard_index,
                guard_followed_ms; /* shorter times that all follow, as the leader sees, and since when */
        uint64_t guard_count;      /* request_id of the proposal that says so; 0: none */
        struct local_path paths[VOLUMES_MAX + 1]; /* by the volume's id */
        uint64_t looks;                           /* issued */
        struct local_lease leases[VOLUMES_MAX + 1];
        uint64_t lease_passes, lease_begins; /* issued */
        struct lease_watch lease_watches[LEASE_WATCHES_MAX];
        struct preemption preemptions[PREEMPTIONS_MAX];
        uint32_t preempting; /* of them, that are used */
        uint64_t preempt_attempts;
        uint64_t
                reserved[NODES_MAX + 1]; /* volumes by whose reservations that node can be kept from disks, */
        uint64_t reserved_index;         /* when this was applied */
        uint64_t watched[NODES_MAX + 1]; /* volumes on whose leases that node's roles hang, */
        uint64_t watched_index;          /* when this was applied */
        uint64_t sights;                 /* issued */
        bool leased_known;               /* of what is here, unless something has changed since: */
        uint64_t leased;                 /* volumes by whose leases some of it runs on without contact, */
        uint64_t bound;                  /* that any of it has a disk on; */
        bool unleased;                   /* some of it needs contact */
        uint64_t standing;               /* leases, when that was last looked at without contact */
        uint64_t leased_until_ms;        /* as the keeper was told */
        struct known_loss losses[NODES_MAX + 1]; /* of nodes that are lost */

        uint64_t wake_ms; /* of the present step */
};

/* cluster.c */
/* This boot of this node is one, so the ledger says. */
bool cluster_is_member(const struct cluster *cluster);

/* actions.c */
struct cluster_action *action_add(struct cluster *cluster, enum cluster_action_kind kind, const char *reason,
                                  ...) __attribute__((format(printf, 3, 4)));
/* A message of the present round, zeroed but for kind and round. */
struct message *action_message(struct cluster *cluster, enum message_kind kind);
void wake_at(struct cluster *cluster, uint64_t at_ms);
/* Reconcile has another look at that role then. */
void look_later(struct cluster *cluster, uint32_t slot, uint64_t when_ms);
uint32_t role_slot(const struct cluster *cluster, const struct role *role);

/* pending.c */
void pending_request(struct cluster *cluster, uint64_t token, const char *actor,
                     const struct command *command);
void pending_applied(struct cluster *cluster, const struct entry *entry, const struct apply *apply);
void pending_refuse(struct cluster *cluster, struct pending *pending, const char *why);
/* It found no room: to be sent again. */
void pending_dropped(struct cluster *cluster, const struct entry *entry);
/* A round has begun: what was sent before is to be judged anew. */
void pending_round_ended(struct cluster *cluster);
/* A snapshot may hold what was sent before: nobody can tell any more. */
void pending_snapshot(struct cluster *cluster);
void pending_tick(struct cluster *cluster);
/* Sends a proposal of our own; returns its count, or 0 when none can be accepted now. */
uint64_t propose(struct cluster *cluster, const char *actor, const struct command *command);

/* view_change.c */
#define ROUND_WAIT_GAP (TAIL_MAX - 128) /* a laggard that lacks more is not waited for: it must fit */
void round_open(struct cluster *cluster, const char *reason);
void round_view(struct cluster *cluster, node_set members, node_set connected);
void round_message(struct cluster *cluster, uint32_t sender, const struct message *message);
void round_stored(struct cluster *cluster);
void round_tick(struct cluster *cluster);
bool round_is_active(const struct cluster *cluster); /* in an epoch, and level with it */
bool round_is_primary(const struct round *round);    /* decided so: its view may hold or win an epoch */
bool round_is_leader(const struct cluster *cluster);
bool round_may_propose(const struct cluster *cluster);
/* The epoch's entry is committed. */
void round_activate(struct cluster *cluster);
/* Nobody may go on, or so it was decided before this node had a claim. */
void round_open_for_claim(struct cluster *cluster);
/* The witness has promised the epoch; it votes for somebody else, or for nobody that we could hear of. */
void round_go_on(struct cluster *cluster);
void round_refuse(struct cluster *cluster);

/* contact.c */
void contact_renew(struct cluster *cluster, uint64_t at_ms);
void contact_heartbeat(struct cluster *cluster, uint32_t sender, const struct message_heartbeat *heartbeat);
void contact_tick(struct cluster *cluster);
void contact_wait(struct cluster *cluster);
/* At the begin of a step. kept_ms: as in struct cluster_event. */
void round_notice_stall(struct cluster *cluster, uint64_t kept_ms);

/* catch_up.c */
void catch_up_give_up(struct cluster *cluster);
void catch_up_tick(struct cluster *cluster);
void catch_up_message(struct cluster *cluster, uint32_t sender, const struct message *message);
/* Leader: sends what the laggards of this round lack. */
void catch_up_serve(struct cluster *cluster, uint32_t to, uint64_t applied_index, uint64_t last_index);

/* commit.c */
void commit_proposal(struct cluster *cluster, uint32_t sender, const struct message_propose *propose);
void commit_advance(struct cluster *cluster);
/* Who has a vote, at the end of what this node holds. */
struct voters commit_voters(const struct cluster *cluster);
/* Without whom nothing of the epoch of our last entry was committed; 0: the nodes alone were a majority. */
node_set commit_holders(const struct cluster *cluster);
/* Applies the next entry of the tail. */
void commit_apply_next(struct cluster *cluster);
void commit_flush_rows(struct cluster *cluster, const struct ledger_position *applied_before);

/* witness.c */
void witness_tick(struct cluster *cluster);
void witness_answered(struct cluster *cluster, const struct cluster_event *event);
void witness_round_ended(struct cluster *cluster);
/* For the present round; what is already under way is not asked again. */
void witness_ask(struct cluster *cluster, enum witness_question_kind kind);
/* Each node: what the asker of the round was answered. */
void witness_message(struct cluster *cluster, uint32_t sender, const struct message_witness *witness);
/* Would it vote where this node's history goes on? Who was level when its last epoch began holds all of that.
 */
bool witness_accepts(const struct cluster *cluster);
/* May an epoch begin with these, as its first entry says? */
bool witness_holders_fit(const struct round *round, node_set holders);
/* Every node that is level has stored the epoch's entry: may it become active? Asks, if it is for us to ask.
 */
bool witness_lets_begin(struct cluster *cluster);
/* There is one, it answers here and is to stay: it may have a vote. */
bool witness_may_vote(const struct cluster *cluster);

/* What is known of whether it answers, by an answer or otherwise; text: why it does not. */
void witness_note(struct cluster *cluster, bool answered, const char *text);

/* claim.c */
void claim_heard(struct cluster *cluster, const struct cluster_event *event);
void claim_tick(struct cluster *cluster);
/* Its qnetd has been away for a while, or was never there. */
bool claim_is_cut_off(const struct cluster *cluster);
/* This node was in its ring, with all of that, at this time and in an active epoch. */
void claim_contact(struct cluster *cluster, uint64_t at_ms);
/* Does this node have a claim? Told in its STATE. */
bool claim_tell(const struct cluster *cluster, struct message_state *state);
/* force.c */
void force_tick(struct cluster *cluster);
/* The opener: an operator wants this view to go on without a majority. */
void force_decide(struct cluster *cluster, struct message_decide *decide);
/* Its leader: what the epoch's first entry says of it. */
void force_begin(struct cluster *cluster, struct message_propose *propose);
void force_activated(struct cluster *cluster);
/* The last forced epoch in what this node holds; 0: none. */
uint64_t force_of_history(const struct cluster *cluster);
/* This view goes by a history that was forced without ours: of ours nothing counts. */
bool force_has_parted(const struct cluster *cluster);
/* Nothing is here any more that ran by our own history. */
bool force_may_be_leveled(const struct cluster *cluster);
/* For whom the guard's keeper waits while nothing may run by this view: none of them is here; 0: for nobody.
 */
node_set force_awaited(const struct cluster *cluster);
/* This host boots, and does not see all others yet: it decides nothing for a moment. */
bool force_settles(struct cluster *cluster);
/* Others may be deciding elsewhere, or what they decided is not undone here: nothing may run by this view. */
bool force_bars_contact(const struct cluster *cluster);

/* observe.c */
/* Role slots have new meanings: what was known by slot is forgotten, and asked for anew. */
void observe_forget_role(struct cluster *cluster, uint32_t slot);
void observe_role_added(struct cluster *cluster, uint32_t slot);
void observe_forget(struct cluster *cluster);               /* before a snapshot clears the model */
void observe_doubt(struct cluster *cluster, uint32_t slot); /* a row of the snapshot */
void observe_snapshot_ended(struct cluster *cluster);
void observe_listed(struct cluster *cluster, const struct cluster_event *event);
void observe_observed(struct cluster *cluster, const struct cluster_event *event);
void observe_operation_done(struct cluster *cluster, const struct cluster_event_operation *done);
void observe_tick(struct cluster *cluster); /* asks for listings */
bool observation_is_present(enum observation observation);
/* The listing under way names something that this node's ledger, as far as it goes, does not know. */
void observe_strange(struct cluster *cluster);
/* Its own guest, which nobody moves: it runs, or has stalled and may run at any moment. */
bool observation_is_live(enum observation observation);
void observe_note_generation(const struct role *role, struct local_role *local);
/* It is no guest of this assignment. */
bool observe_is_left_behind(const struct role *role, const struct local_role *local);
bool observe_counts(const struct local_role *local); /* for the guard: something may write here */
/* Keeps present_count right. */
void observe_begin(struct cluster *cluster, struct local_role *local, enum operation operation);

/* join.c */
void join_tick(struct cluster *cluster);
/* Refused by a rule, as an entry that is committed; what was dropped is asked again. */
void join_answered(struct cluster *cluster, const struct entry *entry, bool refused);

/* reconcile.c */
void reconcile_tick(struct cluster *cluster);
void reconcile_applied(struct cluster *cluster, const struct entry *entry, bool done);
void reconcile_round_ended(struct cluster *cluster);
/* That node has told that more of what it has applied stands under its guard. */
void reconcile_guarded(struct cluster *cluster, uint32_t node);
void reconcile_all(struct cluster *cluster); /* every role needs a look */
void reconcile_role_changed(struct cluster *cluster, uint32_t slot);
void reconcile_role_removed(struct cluster *cluster, uint32_t slot);

/* prepare.c: what guests need here before they arrive */
void prepare_tick(struct cluster *cluster);
void prepare_role_changed(struct cluster *cluster, uint32_t slot);
void prepare_done(struct cluster *cluster, const struct cluster_event *event);
/* Something is not ready yet: no source may hear that it is. */
bool prepare_is_pending(const struct cluster *cluster);

/* confirm.c: gateways that have registered anew */
void confirm_asked(struct cluster *cluster, const struct cluster_event *event);
void confirm_tick(struct cluster *cluster);
bool confirm_is_urgent(const struct cluster *cluster);

/* guard.c */
void guard_tick(struct cluster *cluster);
/* Armed, and told, before anything runs. */
void guard_starts(struct cluster *cluster);
bool guard_is_valid(const struct cluster *cluster); /* something may be started */
bool guard_is_backed(
        const struct cluster *cluster); /* and the watchdog that the ledger counts on would end it */
void guard_reported(struct cluster *cluster, const struct cluster_event *event);
bool guard_has_lapsed(const struct cluster *cluster); /* what no lease keeps here has to stop */
void guard_survey(struct cluster *cluster);           /* brings leased, bound and unleased up to date */
void guard_voters_appended(struct cluster *cluster, const struct entry *entry);

/* lead.c: what a leader's planner comes to is proposed */
void lead_tick(struct cluster *cluster);
/* Is it gone, as far as this leader can say? One that it has never seen may still be booting. */
bool lead_is_gone(struct cluster *cluster, uint32_t node);
void lead_applied(struct cluster *cluster, const struct entry *entry);
void lead_round_ended(struct cluster *cluster);

/* pause.c */
bool pause_is_on(const struct cluster *cluster);
void pause_tick(struct cluster *cluster);
/* Applied, or dropped. */
void pause_answered(struct cluster *cluster, const struct entry *entry);
void pause_round_ended(struct cluster *cluster);

/* guard_times.c */
void guard_times_tick(struct cluster *cluster);
void guard_times_answered(struct cluster *cluster, const struct entry *entry);
void guard_times_round_ended(struct cluster *cluster);

/* path.c */
void path_tick(struct cluster *cluster);
void path_looked(struct cluster *cluster, const struct cluster_event *event);
/* Applied, or dropped. */
void path_answered(struct cluster *cluster, const struct entry *entry, bool done);
void path_round_ended(struct cluster *cluster);
void path_volume_removed(struct cluster *cluster, const struct volume *volume);
/* All its volumes, as this node's last looks found them, each of which wrote: the ledger may not know yet. */
bool path_reaches(const struct cluster *cluster, const struct role *role);
/* Somebody here waits for these volumes: they are looked at more often for a while. */
void path_hurry(struct cluster *cluster, uint64_t volumes);

/* lease.c */
void lease_tick(struct cluster *cluster);
bool lease_rests(struct cluster *cluster, const struct volume *volume);
bool lease_misses_nodes(const struct cluster *cluster); /* some are lost */
node_set lease_isolated(const struct cluster *cluster);
void lease_passed(struct cluster *cluster, const struct cluster_event *event);

/* May this role, which is here, run on without contact? */
bool lease_keeps(const struct cluster *cluster, const struct role *role);
/* If they stand: it runs by leases of which this process knows. */
bool lease_may_keep(const struct cluster *cluster, const struct role *role);
/* Volumes on which a lease of this node stands that guests may run by, and until when these ones do. */
uint64_t lease_standing(const struct cluster *cluster);
uint64_t lease_held_until_ms(const struct cluster *cluster, uint64_t volumes);
/* Held, and in contact since: the ledger may be told. */
bool lease_is_confirmed(const struct cluster *cluster, const struct volume *volume);

/* quarantine.c */
void quarantine_tick(struct cluster *cluster);

/* shut_down.c */
void shut_down_tick(struct cluster *cluster);
/* Of any node: everybody counts, so that a new leader knows. */
void quarantine_applied(struct cluster *cluster, const struct entry *entry, bool done);
void quarantine_dropped(struct cluster *cluster, const struct entry *entry);
void quarantine_round_ended(struct cluster *cluster);

/* electorate.c: the leader lets the voters follow what is lost and what returns */
void electorate_pass(struct cluster *cluster);
void electorate_leave(struct cluster *cluster);
void electorate_applied(struct cluster *cluster, const struct entry *entry);
void electorate_round_ended(struct cluster *cluster);

#endif
