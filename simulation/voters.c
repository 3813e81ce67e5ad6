/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Who has a vote, as the checker itself reads the history, and who had one before: a node may go by what
 * counted when its view began, until it hears of a change.
 */

#include "simulation/voters.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

#include "simulation/fork.h"
#include "simulation/world.h"

/* A view is given that much after its ring was formed, at most. */
#define VIEW_LATE_US MS(600)

/* with: the witness may vote for them, if it has a vote. */
static bool is_majority(node_set nodes, node_set voters, uint64_t witness, bool with)
{
        uint32_t votes = node_set_count(voters) + (witness != 0);
        return 2 * (node_set_count(nodes & voters) + (with && witness != 0)) > votes;
}

void voters_change(struct world *world, node_set voters, uint64_t witness)
{
        struct checker *checker = &world->checker;
        if (checker->past_count == checker->past_capacity) {
                checker->past_capacity = 2 * checker->past_capacity + 16;
                checker->past_voters =
                        realloc(checker->past_voters, checker->past_capacity * sizeof(*checker->past_voters));
                assert(checker->past_voters != NULL);
        }
        checker->past_voters[checker->past_count].voters = checker->voters;
        checker->past_voters[checker->past_count].witness = checker->witness;
        checker->past_voters[checker->past_count++].until_us = world->now_us;
        checker->voters = voters;
        checker->witness = witness;
}

bool voters_would_do(const struct world *world, node_set nodes, uint64_t since_us)
{
        const struct checker *checker = &world->checker;
        bool enough = is_majority(nodes, checker->voters, checker->witness, true);
        for (size_t i = checker->past_count; i-- > 0 && !enough;) {
                if (checker->past_voters[i].until_us + VIEW_LATE_US < since_us)
                        return false;
                enough = is_majority(nodes, checker->past_voters[i].voters, checker->past_voters[i].witness,
                                     true);
        }
        return enough;
}

static uint64_t known_committed(const struct world *world, node_set nodes)
{
        uint64_t known = 0;
        NODE_SET_EACH (nodes, id)
                if (world->nodes[id].disk.applied.index > known)
                        known = world->nodes[id].disk.applied.index;
        return known;
}

/* A change that none of them knows to be committed, whether or not it was, asks for both majorities. */
static bool do_for_tails(const struct world *world, node_set nodes)
{
        uint64_t known = known_committed(world, nodes);
        NODE_SET_EACH (nodes, id) {
                const struct disk *disk = &world->nodes[id].disk;
                for (size_t i = disk->entry_count; i-- > 0;) {
                        struct entry entry = disk->entries[i];
                        if (entry.index <= known)
                                break;
                        entry_restore_command(&entry);
                        const struct command_voter_set *change = &entry.command.voter_set;
                        if (entry.command.kind == COMMAND_VOTER_SET &&
                            !(is_majority(nodes, change->voters, change->witness, false) &&
                              is_majority(nodes, change->before, change->before_witness, false)))
                                return false;
                }
        }
        return true;
}

bool voters_must_do(const struct world *world, node_set nodes, uint64_t since_us)
{
        const struct checker *checker = &world->checker;
        for (size_t i = checker->past_count; i-- > 0 && checker->past_voters[i].until_us >= since_us;)
                if (!is_majority(nodes, checker->past_voters[i].voters, checker->past_voters[i].witness,
                                 false))
                        return false;
        return is_majority(nodes, checker->voters, checker->witness, false) && do_for_tails(world, nodes);
}

void checker_contact(struct world *world, const struct simulated_node *node)
{
        const struct ring *ring = node->station.ring;
        if (ring == NULL || ring->broken || fork_is_old(world, node) ||
            !is_majority(~ring->nodes, world->checker.voters, world->checker.witness, false))
                return;
        world_violate(world, "3: a contact that was none", node, NULL,
                      "in a ring of %" PRIx64 ", while others are a majority of the voters %" PRIx64,
                      ring->nodes, world->checker.voters);
}
