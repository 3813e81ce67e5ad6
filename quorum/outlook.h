/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_QUORUM_OUTLOOK_H
#define CLU_QUORUM_OUTLOOK_H

/* What the votes allow for next: who may be lost, who may not, who would have to come back. Pure. */

#include "quorum/voter_set.h"

struct outlook {
        bool held;        /* by those who are here */
        node_set here;    /* of them, those who vote; while voters change, in either set */
        node_set may_not; /* here: if one of these is lost, and nothing else, quorum is */
        uint32_t spare; /* held: so many of those here may be lost at once, whichever; one more may not be */
        uint32_t wanting; /* not held: so many votes too few, of the set that lacks most */
        node_set missing; /* of that set: who is not here */
        uint32_t votes;   /* of that set, or of the one that can spare least: in all, here, needed */
        uint32_t present;
        uint32_t needed;
        bool leans; /* held, and not without the witness */
};

/*
 * witness: it votes for those who are here, if it has a vote, and goes on doing so whoever is lost next.
 */
struct outlook outlook_of(const struct voters *voters, node_set here, bool witness);

#endif
