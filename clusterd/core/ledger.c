/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/ledger.h"

#include <assert.h>
#include <string.h>

static void note_kept(struct ledger *ledger, uint64_t index)
{
        if (ledger->first_index == 0) /* the first since a snapshot */
                ledger->first_index = index;
}

bool ledger_tail_full(const struct ledger *ledger)
{
        return ledger->last.index - ledger->applied.index >= TAIL_MAX;
}

struct entry *ledger_entry(const struct ledger *ledger, uint64_t index)
{
        assert(index > ledger->applied.index && index <= ledger->last.index);
        return &ledger->tail[index % TAIL_MAX];
}

static struct ledger_position position_of(const struct entry *entry)
{
        struct ledger_position position = { .epoch = entry->epoch, .index = entry->index };
        memcpy(position.hash, entry->hash, sizeof position.hash);
        return position;
}

void ledger_append(struct ledger *ledger, const struct entry *entry)
{
        assert(entry->index == ledger->last.index + 1);
        assert(!ledger_tail_full(ledger));
        ledger->tail[entry->index % TAIL_MAX] = *entry;
        ledger->last = position_of(entry);
        note_kept(ledger, entry->index);
}

const struct entry *ledger_extend(struct ledger *ledger, uint64_t epoch,
                                  const struct message_propose *propose)
{
        assert(!ledger_tail_full(ledger));
        struct entry *entry = &ledger->tail[(ledger->last.index + 1) % TAIL_MAX];
        *entry = (struct entry){
                .epoch = epoch,
                .index = ledger->last.index + 1,
                .time_ms = propose->time_ms,
                .request = propose->request,
                .command = propose->command,
                .text = propose->text,
                .text_bytes = propose->text_bytes,
        };
        memcpy(entry->actor, propose->actor, sizeof entry->actor);
        entry_seal(entry, ledger->last.hash);
        ledger->last = position_of(entry);
        note_kept(ledger, entry->index);
        return entry;
}

/* The hash that the entry at this index must be chained to. */
static const uint8_t *hash_before(const struct ledger *ledger, uint64_t index)
{
        return index - 1 == ledger->applied.index ? ledger->applied.hash
                                                  : ledger_entry(ledger, index - 1)->hash;
}

enum ledger_fit ledger_fit(const struct ledger *ledger, const struct entry *entry)
{
        if (entry->index <= ledger->applied.index)
                return LEDGER_FIT_KNOWN;
        if (entry->index > ledger->last.index + 1)
                return LEDGER_FIT_GAP;
        struct entry copy = *entry;
        entry_seal(&copy, hash_before(ledger, entry->index));
        if (memcmp(copy.hash, entry->hash, sizeof copy.hash) != 0)
                return LEDGER_FIT_BROKEN;
        if (entry->index == ledger->last.index + 1)
                return LEDGER_FIT_NEXT;
        const struct entry *held = ledger_entry(ledger, entry->index);
        return memcmp(held->hash, entry->hash, sizeof held->hash) == 0 ? LEDGER_FIT_KNOWN
                                                                       : LEDGER_FIT_DIVERGES;
}

void ledger_truncate(struct ledger *ledger, uint64_t index)
{
        assert(index >= ledger->applied.index && index <= ledger->last.index);
        ledger->last =
                index == ledger->applied.index ? ledger->applied : position_of(ledger_entry(ledger, index));
        if (ledger->first_index > index)
                ledger->first_index = 0;
}

void ledger_mark_applied(struct ledger *ledger)
{
        ledger->applied = position_of(ledger_entry(ledger, ledger->applied.index + 1));
}

void ledger_restart_at(struct ledger *ledger, const struct ledger_position *position)
{
        ledger->last = *position;
        ledger->applied = *position;
        ledger->first_index = 0;
        ledger->blank = false;
}

bool ledger_position_equal(const struct ledger_position *a, const struct ledger_position *b)
{
        return a->epoch == b->epoch && a->index == b->index && memcmp(a->hash, b->hash, sizeof a->hash) == 0;
}

int ledger_position_compare(const struct ledger_position *a, const struct ledger_position *b)
{
        if (a->epoch != b->epoch)
                return a->epoch < b->epoch ? -1 : 1;
        if (a->index != b->index)
                return a->index < b->index ? -1 : 1;
        return 0;
}
