/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_TESTS_UNIT_CORE_DESK_H
#define CLU_TESTS_UNIT_CORE_DESK_H

/*
 * A desk: one core, node 1, whose world is played by the test.
 *
 * What it multicasts comes back to it in order, what it stores is durable at
 * once (unless `store_is_slow`), what it orders of the world is kept in a list
 * for the test to look at. Other nodes are puppets: members of the view
 * that hold the same history and say only what the test lets them say. Node 1
 * is the only voter.
 */

#include "clusterd/core/cluster.h"

#define DESK_ROLES_MAX  64
#define DESK_ORDERS_MAX 4096
#define DESK_QUEUE_MAX  8192

struct desk_message {
        uint32_t sender;
        struct message message;
        char *text; /* of a proposal; owned */
};

struct desk {
        struct cluster *cluster;
        struct cluster_actions *actions;
        uint64_t now_ms, wake_at_ms;
        uint64_t kept_ms; /* what clu-guard says */
        node_set puppets;
        node_set laggards;     /* puppets whose history has not begun, and that are not brought level */
        struct round_id round; /* of the last VIEW_OPEN */
        node_set leavers;      /* puppets whose daemons are told to end */
        bool store_is_slow;
        bool is_deaf;    /* what is multicast never arrives */
        bool is_unready; /* puppets do not say that their guard stands behind what they have applied */
        bool puppets_store_nothing; /* unless by desk_stored() */
        uint64_t store_index, store_promised;
        size_t queue_first, queue_count;
        struct desk_message *queue; /* DESK_QUEUE_MAX */
        size_t order_count;
        size_t seen[CLUSTER_ACTION_COUNT]; /* orders of a kind before this one were looked at */
        struct cluster_action *orders;     /* to the world; DESK_ORDERS_MAX */
        uint64_t tokens;
        uint64_t promises, entries;               /* stored so far */
        uint32_t proven_after_ms;                 /* what the last evidence says of its time */
        size_t fence_reports;                     /* stored so far, */
        struct command_fence_report fence_report; /* and the last */
        size_t guard_changes;
        node_set told_voters, told_before; /* to the keeper, the last time */
        bool guard_armed;
        uint32_t arming, reported; /* of the last order to the keeper, and of its last report */
        bool keeper_is_slow;       /* it reports by desk_keeper() only */
};

/* The daemon has loaded a cluster of which node 1 is the only voter; nodes 2, 3 are known if puppets ever
 * come. */
void desk_begin(struct desk *desk);
/* As above, with rows of before and a contact known to the guard keeper, who is armed then. */
void desk_restart(struct desk *desk, const struct model *model, uint64_t contact_ms, uint64_t incarnation);
void desk_end(struct desk *desk);

void desk_step(struct desk *desk, struct cluster_event *event);
/* Everything that is under way now, in no time. */
void desk_settle(struct desk *desk);
/* Time passes; wake-ups are kept. Aborts when the core asks to be woken without end. */
void desk_wait(struct desk *desk, uint64_t ms);

/* A view of node 1 and these; the puppets in it join. */
void desk_view(struct desk *desk, node_set others);
/* What was handed to the store is durable now. */
void desk_store(struct desk *desk);
/* The keeper's report: is the watchdog there, and which order has it carried out? */
void desk_keeper(struct desk *desk, bool present, uint32_t arming);
/* The same with the daemon gone or not while corosync is still there. */
void desk_view_connected(struct desk *desk, node_set others, node_set connected);
/* A puppet multicasts; desk_post() leaves it on its way. */
void desk_post(struct desk *desk, uint32_t sender, const struct command *command);
/* In the name of another. */
void desk_post_as(struct desk *desk, uint32_t sender, uint32_t name, const struct command *command);
void desk_hear(struct desk *desk, uint32_t sender, const struct command *command);
/* A puppet says that it has stored all up to the last entry. */
void desk_stored(struct desk *desk, uint32_t puppet);
void desk_hear_report(struct desk *desk, const char *role, uint32_t node, enum report_kind kind);

void desk_hear_message(struct desk *desk, uint32_t sender, const struct message *message);

/* A client asks; returns how it was answered, once it was. */
enum reply_outcome desk_ask(struct desk *desk, const struct command *command);
enum reply_outcome desk_order(struct desk *desk, enum command_kind kind, const char *role);
enum reply_outcome desk_add(struct desk *desk, const char *role);
enum reply_outcome desk_add_for(struct desk *desk, const char *role, uint32_t preferred);
enum reply_outcome desk_move(struct desk *desk, const char *role, uint32_t target);
/* The target of a move has applied it, and its guard stands. */
void desk_ready(struct desk *desk, uint32_t target);
/* Sends it and does not wait. */
uint64_t desk_request(struct desk *desk, const struct command *command);

/* The next order of this kind that was not looked at; NULL if none. */
const struct cluster_action *desk_take(struct desk *desk, enum cluster_action_kind kind);
size_t desk_count(const struct desk *desk, enum cluster_action_kind kind);

/* The world answers. */
void desk_done(struct desk *desk, const char *role, enum operation operation, enum operation_result result,
               enum observation observation);
void desk_observed(struct desk *desk, const char *role, enum observation observation);
void desk_listed(struct desk *desk, uint64_t listing, const char *role, enum observation observation);
void desk_list_end(struct desk *desk, uint64_t listing);
void desk_list_failed(struct desk *desk, uint64_t listing);
/* Waits for a listing that is asked from now on, and answers that only this role (NULL: none) is here. */
void desk_list(struct desk *desk, const char *role);
void desk_list_as(struct desk *desk, const char *role, enum observation observation);
/* The order for a look at a volume is carried out: it is there, all marks are seen, and these leases have
 * moved. False: there was none. */
bool desk_look(struct desk *desk, node_set renewing);
void desk_fence_done(struct desk *desk, uint64_t attempt, uint32_t node, const char *device, bool off);

/* Somebody looked at the node as it is known now. */
enum reply_outcome desk_confirm_off(struct desk *desk, uint32_t node);

/* Added, started here and reported running. */
void desk_online(struct desk *desk, const char *role);
/* The same on a puppet. */
void desk_online_at(struct desk *desk, const char *role, uint32_t puppet);

const struct role *desk_role(const struct desk *desk, const char *name);

#define ck_desk_state(desk, role, want)                                                                      \
        ck_assert_str_eq(role_state_name(desk_role(desk, role)->state), role_state_name(want))

void desk_add_device(struct desk *desk, const char *name, node_set targets, uint32_t level,
                     uint32_t together);

/* Node 2 is far ahead, and replaces what this one holds: by this row alone. */
void desk_snapshot_begin(struct desk *desk);
void desk_snapshot_end(struct desk *desk, const struct object *row);

#endif
