/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CSV_STORAGE_LEASE_NODE_H
#define CLU_CSV_STORAGE_LEASE_NODE_H

/*
 * A node's lease on one volume: may guests of the volume run here?
 *
 * Pure: time and results arrive in events, passes over the lease area and the
 * order to stop guests leave as actions. README.md draws the states and says
 * why an observer may rely on it.
 */

#include "csv-storage/lease_pass.h"

#define LEASE_NEVER UINT64_MAX

enum lease_state {
        LEASE_NONE,
        LEASE_BEGINNING, /* being taken, or an earlier process' is being looked for */
        LEASE_HELD,
        LEASE_STOPPING,  /* holds on until it lapses, is renewed no more: guests have to go before that */
        LEASE_LAPSED,    /* guests should be gone; the watchdog stands behind that */
        LEASE_RELEASING, /* guests are gone: being said on the volume */
        LEASE_STATE_COUNT
};

/* Why guests have to go. */
enum lease_reason {
        LEASE_REASON_NONE,
        LEASE_REASON_LATE,    /* not renewed in time */
        LEASE_REASON_REVOKED, /* the others want the volume's guests of this node */
        LEASE_REASON_ENDED    /* it was given up here */
};

enum lease_event_kind {
        LEASE_EVENT_TICK, /* wake_at_ms has come */
        LEASE_EVENT_BEGIN,
        LEASE_EVENT_END,
        LEASE_EVENT_PASS,
        LEASE_EVENT_CONTACT,
        LEASE_EVENT_GUESTS_GONE /* none is here, none is starting or arriving */
};

struct lease_event {
        uint64_t now_ms; /* CLOCK_BOOTTIME, as all times here */
        enum lease_event_kind kind;
        union {
                /* Only in LEASE_NONE. guests: of an earlier process of this boot may be here. Without them,
                 * none of this volume may be here, or be starting or arriving. */
                struct {
                        uint64_t incarnation; /* random, never 0 */
                        bool guests;
                } begin;
                struct lease_pass_result pass;
                struct {
                        uint64_t contact_ms; /* surely in contact with a primary view then */
                        uint64_t epoch;      /* in which this node is level */
                } contact;
        };
};

struct lease_actions {
        bool start_pass; /* carry pass out, and answer with LEASE_EVENT_PASS */
        struct lease_pass pass;
        bool stop_guests; /* all of this volume, at once; the lease's reason says why */
        uint64_t wake_at_ms;
};

struct lease_node {
        uint32_t node;
        uint64_t boot;
        struct lease_timings timings;
        enum lease_state state;
        enum lease_reason reason;
        uint64_t since_ms; /* of the state */
        uint64_t incarnation;
        uint64_t sequence; /* of the last record handed out for writing; 0: none of this incarnation */
        uint64_t held_until_ms;
        uint64_t landed_ms; /* by then this incarnation stood on the volume */
        bool confirmed;     /* the cluster was met after that */
        bool adopting;
        uint64_t obeys; /* lost_incarnation of the revocation by which it stops; 0: of none */
        uint64_t epoch; /* last one in which this node was level */
        bool pass_running;
        enum lease_pass_kind pass_kind; /* of the last one */
        uint64_t pass_started_ms;
        uint64_t next_pass_ms;
        struct lease_pass_result last; /* of the last pass, for people */
};

/* timings: a set that lease_timings_check() accepts. An incarnation keeps its own to its end. */
void lease_node_init(struct lease_node *lease, uint32_t node, uint64_t boot,
                     const struct lease_timings *timings);

void lease_node_step(struct lease_node *lease, const struct lease_event *event,
                     struct lease_actions *ret_actions);

/* May guests that are here run on? */
bool lease_node_may_keep(const struct lease_node *lease, uint64_t now_ms);
/* May a guest be started, or let in? */
bool lease_node_may_start(const struct lease_node *lease, uint64_t now_ms);
/* A pass has been under way for longer than from one to the next: the path is slow or hangs. */
bool lease_node_is_late(const struct lease_node *lease, uint64_t now_ms);

bool lease_state_may_follow(enum lease_state from, enum lease_state to);
const char *lease_state_name(enum lease_state state);
const char *lease_reason_name(enum lease_reason reason);

#endif
