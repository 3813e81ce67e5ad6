/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/round_rule.h"

#include <string.h>

#include "clusterd/base/mutation.h"
#include "clusterd/core/ledger.h"
#include "quorum/qnetd_claim.h"

struct voters round_voters(node_set now, uint64_t witness, node_set before, uint64_t before_witness)
{
        return (struct voters){ .now = { .nodes = now, .witness = witness != 0 },
                                .before = { .nodes = before, .witness = before_witness != 0 },
                                .witness = witness != 0 ? witness : before_witness };
}

bool round_holds_with(node_set nodes, const struct voters *voters, bool witness)
{
        return quorum_is_held(voters_decide(voters, nodes, witness));
}

bool round_holds(node_set nodes, const struct voters *voters)
{
        return round_holds_with(nodes, voters, false);
}

static bool is_more_advanced(const struct ledger_position *a, const struct ledger_position *b)
{
        if (MUTATED(LOWEST_NODE_WINS))
                return false;
        if (MUTATED(LONGEST_HISTORY_WINS))
                return a->index > b->index;
        return ledger_position_compare(a, b) > 0;
}

static uint32_t find_winner(const struct message_state *states, node_set candidates)
{
        uint32_t winner = node_set_lowest(candidates);
        NODE_SET_EACH (candidates, node)
                if (is_more_advanced(&states[node].last, &states[winner].last))
                        winner = node;
        return winner;
}

/* Who came to an epoch's entries late may lack the last of them, and the witness cannot see that. */
static bool holds_all(const struct message_state *states, node_set history, uint64_t epoch)
{
        NODE_SET_EACH (history, node)
                if (states[node].last.epoch == epoch && states[node].whole)
                        return true;
        return MUTATED(WITNESS_FOR_LAGGARDS);
}

static struct qnetd_claim claim_of(const struct message_state *state)
{
        return (struct qnetd_claim){
                .ring = state->claim_ring,
                .members = state->claim_members,
                .granted = { .connection = state->claim_witness,
                             .epoch = state->claim_epoch,
                             .level = state->claim_level },
        };
}

/* Every voter that is here with a history has a claim to a qnetd's vote, and may do without the others. */
static bool is_claimed(const struct message_state *states, node_set spoke, node_set history,
                       const struct voters *voters, uint64_t epoch)
{
        node_set all = voters->now.nodes | voters->before.nodes, here = all & history;
        uint64_t ring = states[node_set_lowest(here)].claim_ring;
        NODE_SET_EACH (here, node) {
                struct qnetd_claim claim = claim_of(&states[node]);
                if (states[node].claim_witness != voters->witness || claim.ring != ring ||
                    !qnetd_claim_counts(&claim, epoch, all & ~history, all & ~spoke))
                        return false;
        }
        return here != 0;
}

void round_decide(const struct message_state *states, node_set spoke, struct message_decide *ret_decide)
{
        node_set history = 0; /* those who were level once */
        node_set well = 0;    /* and can promise */
        uint64_t promised = 0;
        NODE_SET_EACH (spoke, node) {
                if (!states[node].blank || MUTATED(BLANK_VOTES))
                        history |= node_set_of(node);
                if (!states[node].sick)
                        well |= history & node_set_of(node);
                if (states[node].promised > promised && !MUTATED(EPOCH_REUSED))
                        promised = states[node].promised;
                if (states[node].witness_promised > promised)
                        promised = states[node].witness_promised;
        }
        memset(ret_decide, 0, sizeof *ret_decide);
        ret_decide->participants = spoke;
        if (history == 0)
                return;

        const struct message_state *winner = &states[find_winner(states, history)];
        bool settled = false;
        NODE_SET_EACH (history, node)
                if (ledger_position_equal(&states[node].last, &winner->last)) {
                        ret_decide->level |= node_set_of(node);
                        settled |= states[node].voters_before == 0;
                }
        ret_decide->base = winner->last;
        ret_decide->forced = winner->forced;
        /* One who knows that the change was committed knows it for all who hold the same. */
        ret_decide->voters = winner->voters;
        ret_decide->voters_before = settled || MUTATED(ROUND_BY_THE_NEW) ? 0 : winner->voters_before;
        ret_decide->voters_witness = winner->voters_witness;
        ret_decide->voters_before_witness =
                ret_decide->voters_before == 0 ? 0 : winner->voters_before_witness;
        struct voters voters = round_voters(ret_decide->voters, ret_decide->voters_witness,
                                            ret_decide->voters_before, ret_decide->voters_before_witness);
        ret_decide->primary = round_holds(history, &voters) || MUTATED(EPOCH_BY_FEW);
        bool would_do = !round_holds(well, &voters) && round_holds_with(well, &voters, true) &&
                        holds_all(states, history, winner->last.epoch);
        ret_decide->claimed = would_do && is_claimed(states, spoke, history, &voters, winner->last.epoch);
        ret_decide->witness = would_do && !ret_decide->claimed;
        /* Entries carry epochs up to the winner's last; promises may be ahead of them. */
        ret_decide->epoch = (promised > winner->last.epoch ? promised : winner->last.epoch) + 1;
        ret_decide->leader = node_set_lowest(ret_decide->level);
}
