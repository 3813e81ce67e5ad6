/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_GUARD_GUARD_RULE_H
#define CLU_CLUSTERD_GUARD_GUARD_RULE_H

/*
 * What the guard keeper decides, and how it knows of its contact to the
 * cluster. Pure: no clock, no library. README.md has the arithmetic.
 */

#include "clusterd/guard/guard_protocol.h"

enum guard_decision {
        GUARD_RELEASE, /* no guest needs it: disarm the watchdog */
        GUARD_PET,     /* arm it if need be, and keep it quiet */
        GUARD_LET_FIRE /* arm it if need be, and let it reset the host */
};

struct guard_state {
        struct guard_order order; /* its voters: the latest word of clusterd, or of another keeper */
        bool vouches;             /* clusterd has told this process what it holds */
        uint64_t contact_ms;      /* 0: none since the host started */
};

struct guard_ring {
        uint64_t id;
        node_set heard; /* whose keepers have vouched in it */
};

enum guard_decision guard_decide(const struct guard_state *state, uint64_t now_ms);
/* Takes an order in. Contact moves forward only, and never past now; voters only to later ones. */
void guard_take_order(struct guard_state *state, const struct guard_order *order, uint64_t now_ms);
/* What clusterd or another keeper says of the voters: the later word counts. */
void guard_hear_voters(struct guard_state *state, const struct guard_voters *voters);
/* What a probe of ours may say of them. */
struct guard_voters guard_vouch(const struct guard_state *state);
/* A probe, also an own one: a word that was sent in another ring vouches for nobody in this one. */
void guard_hear(struct guard_state *state, struct guard_ring *ring, uint32_t sender,
                const struct guard_probe *probe);
void guard_enter_ring(struct guard_ring *ring, uint64_t id);
/* Are those who were heard in it more than half of the voters, and of those before a change? */
bool guard_ring_holds(const struct guard_state *state, const struct guard_ring *ring);
const char *guard_decision_name(enum guard_decision decision);

/*
 * Two probes make one contact. That a probe comes back shows only that *we*
 * held the ring's token. The second one is sent after that, so it needs the
 * token once more, and in between the token has been with every member.
 */
struct guard_contact {
        uint64_t last_number;
        uint64_t awaited;    /* number of the probe under way; 0: none */
        bool second;         /* it is the second of its pair */
        uint64_t started_ms; /* when the first of the pair was sent */
};

/* Begins a pair unless one is under way: true and the number of the probe to send now. */
bool guard_contact_begin(struct guard_contact *contact, uint64_t now_ms, uint64_t *ret_number);

enum guard_progress { GUARD_NOTHING, GUARD_SEND_SECOND, GUARD_CONTACT };

/*
 * A probe of ours came back. GUARD_SEND_SECOND: send *ret_value now;
 * GUARD_CONTACT: *ret_value is the time at which we were surely in contact.
 * ring_holds: of the ring in which it came.
 */
enum guard_progress guard_contact_back(struct guard_contact *contact, uint64_t number, bool ring_holds,
                                       uint64_t *ret_value);

/* The ring changed or is gone: what is under way proves nothing any more. */
void guard_contact_reset(struct guard_contact *contact);

#endif
