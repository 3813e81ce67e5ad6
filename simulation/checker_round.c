/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What a round rests on: the states that its opener was given in it, and nothing else; and a majority with a
 * history among them. That it rested on more shows otherwise only when that was also wrong.
 */

#include <inttypes.h>

#include "simulation/fork.h"
#include "simulation/voters.h"
#include "simulation/world.h"

/* What a core was given last by each; looked at before its step. */
void checker_heard(struct simulated_node *node, uint32_t sender, const struct message *message)
{
        struct node_memory *memory = &node->memory;
        if (message->kind == MESSAGE_STATE) {
                memory->heard[sender] = (struct heard){ .round = message->round,
                                                        .promised = message->state.promised,
                                                        .blank = message->state.blank };
        } else if (message->kind == MESSAGE_VIEW_OPEN) {
                memory->opened = message->round;
        } else if (message->kind == MESSAGE_DECIDE && round_id_equal(&message->round, &memory->opened)) {
                memory->decided = message->round; /* what comes of an earlier round is nothing to anybody */
                memory->participants = message->decide.participants;
        }
}

static void check_participant(struct world *world, struct simulated_node *node, const struct message *decide,
                              uint32_t id)
{
        const struct heard *heard = &node->memory.heard[id];
        if (!round_id_equal(&heard->round, &decide->round))
                world_violate(world, "2: decided by hearsay", node, NULL,
                              "n%u counts as heard, and has not spoken in this round", id);
        else if ((decide->decide.primary || decide->decide.witness || decide->decide.claimed) &&
                 heard->promised >= decide->decide.epoch)
                world_violate(world, "2: an epoch twice", node, NULL,
                              "%" PRIu64 " is to be promised, n%u said that it has promised %" PRIu64,
                              decide->decide.epoch, id, heard->promised);
}

void checker_decided(struct world *world, struct simulated_node *node, const struct message *message)
{
        const struct message_decide *decide = &message->decide;
        node_set voices = 0;
        NODE_SET_EACH (decide->participants, id) {
                check_participant(world, node, message, id);
                if (!node->memory.heard[id].blank)
                        voices |= node_set_of(id);
        }
        fork_prepare(world, node, decide);
        if (decide->primary && !fork_is_round(world, decide->epoch) && !fork_is_old(world, node) &&
            !voters_would_do(world, voices, node->memory.members_us))
                world_violate(world, "4: primary without a majority", node, NULL,
                              "of those who spoke only %" PRIx64 " have a history", voices);
}

void checker_promised(struct world *world, struct simulated_node *node, const struct message *message)
{
        const struct node_memory *memory = &node->memory;
        if (!round_id_equal(&memory->decided, &message->round) ||
            !node_set_has(memory->participants, node->id))
                world_violate(world, "2: decided by hearsay", node, NULL,
                              "promises epoch %" PRIu64 " of a round that has not heard it",
                              message->promised_epoch);
}
