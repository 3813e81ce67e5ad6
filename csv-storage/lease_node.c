/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "csv-storage/lease_node.h"

#include <assert.h>
#include <string.h>

#define NEXT(state) (1u << (state))

static const struct {
        const char *name;
        unsigned next;
} states[LEASE_STATE_COUNT] = {
        [LEASE_NONE] = { "none", NEXT(LEASE_BEGINNING) },
        [LEASE_BEGINNING] = { "beginning", NEXT(LEASE_HELD) | NEXT(LEASE_LAPSED) | NEXT(LEASE_RELEASING) },
        [LEASE_HELD] = { "held", NEXT(LEASE_STOPPING) | NEXT(LEASE_LAPSED) },
        [LEASE_STOPPING] = { "stopping", NEXT(LEASE_LAPSED) | NEXT(LEASE_RELEASING) },
        [LEASE_LAPSED] = { "lapsed", NEXT(LEASE_RELEASING) },
        [LEASE_RELEASING] = { "releasing", NEXT(LEASE_NONE) },
};

bool lease_state_may_follow(enum lease_state from, enum lease_state to)
{
        return (states[from].next & NEXT(to)) != 0;
}

const char *lease_state_name(enum lease_state state)
{
        return states[state].name;
}

const char *lease_reason_name(enum lease_reason reason)
{
        switch (reason) {
        case LEASE_REASON_NONE:
                return "none";
        case LEASE_REASON_LATE:
                return "late";
        case LEASE_REASON_REVOKED:
                return "revoked";
        case LEASE_REASON_ENDED:
                return "ended";
        }
        return "invalid";
}

void lease_node_init(struct lease_node *lease, uint32_t node, uint64_t boot,
                     const struct lease_timings *timings)
{
        assert(node >= 1 && node <= NODES_MAX);
        assert(lease_timings_check(timings) == LEASE_TIMINGS_OK);
        memset(lease, 0, sizeof *lease);
        lease->node = node;
        lease->boot = boot;
        lease->timings = *timings;
}

static void enter(struct lease_node *lease, enum lease_state state, enum lease_reason reason, uint64_t now_ms)
{
        assert(lease_state_may_follow(lease->state, state));
        lease->state = state;
        lease->reason = reason;
        lease->since_ms = now_ms;
}

static uint64_t stop_at_ms(const struct lease_node *lease)
{
        return lease->held_until_ms > lease->timings.stop_ms ? lease->held_until_ms - lease->timings.stop_ms
                                                             : 0;
}

static void start_pass(struct lease_node *lease, uint64_t now_ms, enum lease_pass_kind kind,
                       struct lease_actions *actions)
{
        actions->start_pass = true;
        actions->pass.kind = kind;
        actions->pass.record = (struct lease_record){
                .node = lease->node,
                .state = kind == LEASE_PASS_RELEASE ? LEASE_RECORD_RELEASED : LEASE_RECORD_HELD,
                .confirmed = kind == LEASE_PASS_RENEW && lease->confirmed,
                .incarnation = lease->incarnation,
                .boot = lease->boot,
                .held_until_ms = lease->held_until_ms,
                .timings = lease->timings,
                .obeys = kind == LEASE_PASS_RELEASE ? lease->obeys : 0,
        };
        if (kind != LEASE_PASS_LOOK)
                actions->pass.record.sequence = ++lease->sequence;
        lease->pass_running = true;
        lease->pass_kind = kind;
        lease->pass_started_ms = now_ms;
        lease->next_pass_ms = now_ms + lease->timings.renew_ms;
}

static void on_begin(struct lease_node *lease, const struct lease_event *event)
{
        assert(lease->state == LEASE_NONE && event->begin.incarnation != 0);
        enter(lease, LEASE_BEGINNING, LEASE_REASON_NONE, event->now_ms);
        lease->incarnation = event->begin.incarnation;
        lease->adopting = event->begin.guests;
        lease->sequence = 0;
        lease->held_until_ms = 0;
        lease->confirmed = false;
        lease->obeys = 0;
        lease->next_pass_ms = event->now_ms;
}

static void on_end(struct lease_node *lease, uint64_t now_ms)
{
        if (lease->state == LEASE_HELD)
                enter(lease, LEASE_STOPPING, LEASE_REASON_ENDED, now_ms);
        else if (lease->state == LEASE_BEGINNING)
                enter(lease, lease->adopting ? LEASE_LAPSED : LEASE_RELEASING, LEASE_REASON_ENDED, now_ms);
}

static void on_guests_gone(struct lease_node *lease, uint64_t now_ms)
{
        if (lease->state == LEASE_STOPPING || lease->state == LEASE_LAPSED) {
                enter(lease, LEASE_RELEASING, lease->reason, now_ms);
                lease->next_pass_ms = now_ms;
        }
}

/* Met the cluster after the lease stood on the volume: whoever misses us from now on sees that it is held. */
static void on_contact(struct lease_node *lease, const struct lease_event *event)
{
        if (event->contact.epoch > lease->epoch)
                lease->epoch = event->contact.epoch;
        if (lease->state == LEASE_HELD && event->contact.contact_ms > lease->landed_ms)
                lease->confirmed = true;
}

/* An earlier process of this boot held it, and had not lapsed when it wrote that: so it has not yet. */
static bool may_adopt(const struct lease_node *lease, const struct lease_pass_result *pass, uint64_t now_ms)
{
        return pass->found == SECTOR_VALID && pass->record.boot == lease->boot &&
               pass->record.state == LEASE_RECORD_HELD && now_ms < pass->record.held_until_ms;
}

static void adopt(struct lease_node *lease, const struct lease_pass_result *pass, uint64_t now_ms)
{
        lease->incarnation = pass->record.incarnation;
        lease->sequence = pass->record.sequence;
        lease->held_until_ms = pass->record.held_until_ms;
        lease->timings = pass->record.timings; /* what observers count by */
        lease->confirmed = pass->record.confirmed;
        lease->landed_ms = now_ms;
        lease->next_pass_ms = now_ms;
        enter(lease, LEASE_HELD, LEASE_REASON_NONE, now_ms);
}

static void on_pass_beginning(struct lease_node *lease, const struct lease_pass_result *pass, uint64_t now_ms)
{
        if (lease->adopting) {
                if (pass->outcome == LEASE_PASS_FAILED)
                        return;
                if (may_adopt(lease, pass, now_ms))
                        adopt(lease, pass, now_ms);
                else
                        enter(lease, LEASE_LAPSED, LEASE_REASON_LATE, now_ms);
                return;
        }
        if (pass->outcome != LEASE_PASS_DONE || now_ms >= pass->started_ms + lease->timings.lease_ms)
                return;
        lease->held_until_ms = pass->started_ms + lease->timings.lease_ms;
        lease->landed_ms = now_ms;
        enter(lease, LEASE_HELD, LEASE_REASON_NONE, now_ms);
}

static bool is_revoked(const struct lease_node *lease, const struct lease_pass_result *pass)
{
        return pass->has_revocation && pass->revocation.incarnation == lease->incarnation &&
               pass->revocation.epoch > lease->epoch;
}

/* In HELD and STOPPING. A renewal that arrives after the lapse is too late for ever: somebody may have
 * counted. */
static void on_pass_held(struct lease_node *lease, const struct lease_pass_result *pass, uint64_t now_ms)
{
        if (pass->outcome != LEASE_PASS_DONE || now_ms >= lease->held_until_ms)
                return;
        lease->held_until_ms = pass->started_ms + lease->timings.lease_ms;
        if (lease->state == LEASE_HELD && is_revoked(lease, pass)) {
                enter(lease, LEASE_STOPPING, LEASE_REASON_REVOKED, now_ms);
                lease->obeys = pass->revocation.lost_incarnation;
        }
}

static void on_pass_releasing(struct lease_node *lease, const struct lease_pass_result *pass, uint64_t now_ms)
{
        /* A pass that was under way when the guests went says nothing of the release. */
        bool released = pass->outcome == LEASE_PASS_DONE && lease->pass_kind == LEASE_PASS_RELEASE;
        if (released || pass->outcome == LEASE_PASS_REFUSED)
                enter(lease, LEASE_NONE, lease->reason, now_ms);
}

static void on_pass(struct lease_node *lease, const struct lease_event *event)
{
        assert(lease->pass_running);
        lease->pass_running = false;
        lease->last = event->pass;
        switch (lease->state) {
        case LEASE_BEGINNING:
                on_pass_beginning(lease, &event->pass, event->now_ms);
                break;
        case LEASE_HELD:
        case LEASE_STOPPING:
                on_pass_held(lease, &event->pass, event->now_ms);
                break;
        case LEASE_RELEASING:
                on_pass_releasing(lease, &event->pass, event->now_ms);
                break;
        case LEASE_NONE:
        case LEASE_LAPSED:
        case LEASE_STATE_COUNT:
                break;
        }
}

static void take_event(struct lease_node *lease, const struct lease_event *event)
{
        switch (event->kind) {
        case LEASE_EVENT_TICK:
                break;
        case LEASE_EVENT_BEGIN:
                on_begin(lease, event);
                break;
        case LEASE_EVENT_END:
                on_end(lease, event->now_ms);
                break;
        case LEASE_EVENT_PASS:
                on_pass(lease, event);
                break;
        case LEASE_EVENT_CONTACT:
                on_contact(lease, event);
                break;
        case LEASE_EVENT_GUESTS_GONE:
                on_guests_gone(lease, event->now_ms);
                break;
        }
}

static void let_time_pass(struct lease_node *lease, uint64_t now_ms)
{
        if (lease->state == LEASE_HELD && now_ms >= stop_at_ms(lease))
                enter(lease, LEASE_STOPPING, LEASE_REASON_LATE, now_ms);
        if (lease->state == LEASE_STOPPING && now_ms >= lease->held_until_ms)
                enter(lease, LEASE_LAPSED, lease->reason, now_ms);
        /* Guests are here, and the volume does not say in the time of a renewal that they may be. */
        if (lease->state == LEASE_BEGINNING && lease->adopting &&
            now_ms >= lease->since_ms + lease->timings.renew_ms)
                enter(lease, LEASE_LAPSED, LEASE_REASON_LATE, now_ms);
        /* Nothing of this incarnation was ever to be written. */
        if (lease->state == LEASE_RELEASING && lease->sequence == 0 && !lease->pass_running)
                enter(lease, LEASE_NONE, lease->reason, now_ms);
}

static bool pass_kind(const struct lease_node *lease, enum lease_pass_kind *ret_kind)
{
        switch (lease->state) {
        case LEASE_BEGINNING:
                *ret_kind = lease->adopting ? LEASE_PASS_LOOK : LEASE_PASS_BEGIN;
                return true;
        case LEASE_HELD:
                *ret_kind = LEASE_PASS_RENEW;
                return true;
        case LEASE_RELEASING:
                *ret_kind = LEASE_PASS_RELEASE;
                return true;
        case LEASE_NONE:
        case LEASE_STOPPING:
        case LEASE_LAPSED:
        case LEASE_STATE_COUNT:
                break;
        }
        return false;
}

static void sooner(uint64_t *at_ms, uint64_t other_ms)
{
        if (other_ms < *at_ms)
                *at_ms = other_ms;
}

static uint64_t wake_at_ms(const struct lease_node *lease)
{
        enum lease_pass_kind kind;
        uint64_t at_ms = LEASE_NEVER;
        if (!lease->pass_running && pass_kind(lease, &kind))
                sooner(&at_ms, lease->next_pass_ms);
        if (lease->state == LEASE_HELD)
                sooner(&at_ms, stop_at_ms(lease));
        if (lease->state == LEASE_STOPPING)
                sooner(&at_ms, lease->held_until_ms);
        if (lease->state == LEASE_BEGINNING && lease->adopting)
                sooner(&at_ms, lease->since_ms + lease->timings.renew_ms);
        return at_ms;
}

void lease_node_step(struct lease_node *lease, const struct lease_event *event,
                     struct lease_actions *ret_actions)
{
        enum lease_state before = lease->state;
        enum lease_pass_kind kind;
        memset(ret_actions, 0, sizeof *ret_actions);
        take_event(lease, event);
        let_time_pass(lease, event->now_ms);
        ret_actions->stop_guests =
                lease->state != before && (lease->state == LEASE_STOPPING || lease->state == LEASE_LAPSED);
        /* One at a time: what is under way may reach the disk at any moment, and must not overtake. */
        if (!lease->pass_running && event->now_ms >= lease->next_pass_ms && pass_kind(lease, &kind))
                start_pass(lease, event->now_ms, kind, ret_actions);
        ret_actions->wake_at_ms = wake_at_ms(lease);
}

bool lease_node_may_keep(const struct lease_node *lease, uint64_t now_ms)
{
        return (lease->state == LEASE_HELD || lease->state == LEASE_STOPPING) &&
               now_ms < lease->held_until_ms;
}

bool lease_node_may_start(const struct lease_node *lease, uint64_t now_ms)
{
        return lease->state == LEASE_HELD && lease->confirmed && now_ms < stop_at_ms(lease);
}

bool lease_node_is_late(const struct lease_node *lease, uint64_t now_ms)
{
        return lease->pass_running && now_ms - lease->pass_started_ms >= lease->timings.renew_ms;
}
