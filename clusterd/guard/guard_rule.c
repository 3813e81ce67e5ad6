/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/guard/guard_rule.h"

#include "clusterd/base/mutation.h"

enum guard_decision guard_decide(const struct guard_state *state, uint64_t now_ms)
{
        if (!state->order.armed)
                return GUARD_RELEASE;
        /* A contact in the future is of another boot: it is none. */
        if (state->contact_ms == 0 || state->contact_ms > now_ms)
                return GUARD_LET_FIRE;
        uint64_t limit_ms = (uint64_t)state->order.isolation_hold_ms + state->order.stop_grace_ms;
        bool leased = now_ms < state->order.leased_until_ms ||
                      (state->order.leased_until_ms != 0 && MUTATED(KEEPER_TRUSTS_OLD_LEASES));
        return now_ms - state->contact_ms <= limit_ms || leased || MUTATED(KEEPER_ALWAYS_PETS)
                       ? GUARD_PET
                       : GUARD_LET_FIRE;
}

static bool is_later(const struct guard_voters *word, const struct guard_voters *known)
{
        if (word->epoch != known->epoch)
                return word->epoch > known->epoch;
        if (word->index != known->index)
                return word->index > known->index;
        return word->before == 0; /* of one history: its last change is committed */
}

void guard_hear_voters(struct guard_state *state, const struct guard_voters *voters)
{
        if (voters->nodes != 0 && is_later(voters, &state->order.voters))
                state->order.voters = *voters;
}

void guard_take_order(struct guard_state *state, const struct guard_order *order, uint64_t now_ms)
{
        struct guard_voters voters = state->order.voters;
        state->order = *order;
        state->order.voters = voters;
        guard_hear_voters(state, &order->voters);
        state->vouches = order->voters.nodes != 0;
        if (order->contact_ms > state->contact_ms && order->contact_ms <= now_ms)
                state->contact_ms = order->contact_ms;
}

struct guard_voters guard_vouch(const struct guard_state *state)
{
        return state->vouches || MUTATED(KEEPER_VOUCHES_UNTOLD) ? state->order.voters
                                                                : (struct guard_voters){ .nodes = 0 };
}

void guard_hear(struct guard_state *state, struct guard_ring *ring, uint32_t sender,
                const struct guard_probe *probe)
{
        if (probe->voters.nodes == 0 || probe->ring != ring->id)
                return;
        guard_hear_voters(state, &probe->voters);
        ring->heard |= node_set_of(sender);
}

void guard_enter_ring(struct guard_ring *ring, uint64_t id)
{
        *ring = (struct guard_ring){ .id = id };
}

static bool is_majority(node_set nodes, node_set voters)
{
        return 2 * node_set_count(nodes & voters) > node_set_count(voters);
}

bool guard_ring_holds(const struct guard_state *state, const struct guard_ring *ring)
{
        const struct guard_voters *voters = &state->order.voters;
        return is_majority(ring->heard, voters->nodes) &&
               (voters->before == 0 || is_majority(ring->heard, voters->before) ||
                MUTATED(KEEPER_BY_THE_NEW));
}

const char *guard_decision_name(enum guard_decision decision)
{
        switch (decision) {
        case GUARD_RELEASE:
                return "release";
        case GUARD_PET:
                return "pet";
        case GUARD_LET_FIRE:
                return "let-fire";
        }
        return "invalid";
}

bool guard_contact_begin(struct guard_contact *contact, uint64_t now_ms, uint64_t *ret_number)
{
        if (contact->awaited != 0)
                return false;
        contact->awaited = ++contact->last_number;
        contact->second = false;
        contact->started_ms = now_ms;
        *ret_number = contact->awaited;
        return true;
}

enum guard_progress guard_contact_back(struct guard_contact *contact, uint64_t number, bool ring_holds,
                                       uint64_t *ret_value)
{
        if (number == 0 || number != contact->awaited)
                return GUARD_NOTHING;
        if (!contact->second && !MUTATED(KEEPER_BY_ONE_PROBE)) {
                contact->awaited = ++contact->last_number;
                contact->second = true;
                *ret_value = contact->awaited;
                return GUARD_SEND_SECOND;
        }
        contact->awaited = 0;
        if (!ring_holds && !MUTATED(KEEPER_IN_ANY_RING))
                return GUARD_NOTHING;
        *ret_value = contact->started_ms;
        return GUARD_CONTACT;
}

void guard_contact_reset(struct guard_contact *contact)
{
        if (!MUTATED(KEEPER_ACROSS_RINGS))
                contact->awaited = 0;
}
