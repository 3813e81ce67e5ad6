/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_CORE_LEDGER_H
#define CLU_CLUSTERD_CORE_LEDGER_H

/*
 * The end of this node's history: entries that are appended but not yet
 * applied, and where everything stands. The history itself is on disk.
 */

#include "clusterd/protocol/message.h"

struct ledger {
        struct ledger_position last;    /* appended here */
        struct ledger_position applied; /* committed, and in the model */
        uint64_t first_index;           /* oldest entry on disk; 0 if none */
        uint64_t promised;              /* durably */
        bool blank;                     /* never was level: no vote */
        struct entry *tail;             /* ring of TAIL_MAX, by index; texts are not kept */
};

bool ledger_tail_full(const struct ledger *ledger);

/* The entry at an index between applied and last. Precondition: it is there. */
struct entry *ledger_entry(const struct ledger *ledger, uint64_t index);

/* Takes a sealed entry that follows last. */
void ledger_append(struct ledger *ledger, const struct entry *entry);

/* Makes and appends the next entry from a proposal; returns it, borrowed. */
const struct entry *ledger_extend(struct ledger *ledger, uint64_t epoch,
                                  const struct message_propose *propose);

enum ledger_fit {
        LEDGER_FIT_KNOWN,    /* held already */
        LEDGER_FIT_NEXT,     /* follows last */
        LEDGER_FIT_DIVERGES, /* another entry stands at its index: cut, then it follows */
        LEDGER_FIT_GAP,      /* something before it is missing */
        LEDGER_FIT_BROKEN    /* its hash does not follow from what we hold */
};

/* How an entry from another node fits; also recomputes its hash. */
enum ledger_fit ledger_fit(const struct ledger *ledger, const struct entry *entry);

/* Forgets entries after index. Precondition: none of them is applied. */
void ledger_truncate(struct ledger *ledger, uint64_t index);

/* The next entry is now part of the model. */
void ledger_mark_applied(struct ledger *ledger);

/* Begins anew at a snapshot. */
void ledger_restart_at(struct ledger *ledger, const struct ledger_position *position);

bool ledger_position_equal(const struct ledger_position *a, const struct ledger_position *b);
/* <0, 0, >0 by (epoch, index). */
int ledger_position_compare(const struct ledger_position *a, const struct ledger_position *b);

#endif
