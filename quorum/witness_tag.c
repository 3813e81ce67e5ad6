/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "quorum/witness_tag.h"

/* FNV-1a over the set's bits, lowest first. */
static uint64_t holders_hash(node_set holders)
{
        uint64_t hash = UINT64_C(14695981039346656037);
        for (int byte = 0; byte < 8; byte++)
                hash = (hash ^ (holders >> 8 * byte & 0xff)) * UINT64_C(1099511628211);
        return hash;
}

struct witness_state witness_state_make(uint64_t epoch, node_set holders)
{
        return (struct witness_state){ .epoch = epoch, .holders_hash = holders_hash(holders) };
}

bool witness_tag_may_vote(const struct witness_tag *tag, const struct witness_state *state)
{
        if (state->epoch != tag->newest.epoch)
                return state->epoch > tag->newest.epoch;
        return state->epoch == 0 || state->holders_hash == tag->newest.holders_hash;
}

bool witness_tag_promise(struct witness_tag *tag, const struct witness_state *state, uint64_t epoch)
{
        if (epoch <= tag->promised || !witness_tag_may_vote(tag, state))
                return false;
        tag->promised = epoch;
        return true;
}

bool witness_tag_advance(struct witness_tag *tag, const struct witness_state *state)
{
        if (state->epoch != tag->promised)
                return false;
        tag->newest = *state;
        return true;
}
