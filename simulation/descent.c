/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * After the peace, in some worlds: the nodes are lost one after the other, each
 * when the rest has come to rest, and return the same way. Of the rest the rule
 * says whether it must be primary; then it must come to rest without the lost
 * ones, down to the last. Otherwise nobody may act until one returns. Or all but
 * one are lost, and an operator forces the quorum on that one.
 */

#include <inttypes.h>

#include "simulation/world.h"

#define SILENCE_SECONDS 8  /* by then everybody knows that there is no quorum */
#define APART_SECONDS   20 /* by then the others have taken what ran there */

node_set descent_expected(const struct world *world)
{
        node_set all = node_set_of(world->node_count);
        all |= all - 1;
        return all & ~world->descent.kept_off;
}

static uint32_t draw_one(struct world *world, node_set from)
{
        uint64_t skip = random_below(&world->random, node_set_count(from));
        uint32_t node = node_set_lowest(from);
        while (skip-- > 0)
                node = node_set_after(from, node);
        return node;
}

static void lose_one(struct world *world)
{
        struct descent *descent = &world->descent;
        uint32_t lost = draw_one(world, descent_expected(world));
        node_set rest = descent_expected(world) & ~node_set_of(lost), voters = world->checker.voters;
        descent->kept_off |= node_set_of(lost);
        uint64_t witness = world->checker.witness;
        uint32_t votes = node_set_count(rest & voters) + witness_is_well(world, witness);
        descent->stalled = 2 * votes <= node_set_count(voters) + (witness != 0);
        descent->since_us = world->now_us;
        world_note(world, &world->nodes[lost], "is lost, and stays so; the rest %s",
                   descent->stalled ? "may not go on" : "goes on");
        power_off(world, &world->nodes[lost], "lost");
}

/* The one whose loss stalled the rest comes first: nobody else could help. */
static void return_one(struct world *world)
{
        struct descent *descent = &world->descent;
        node_set waiting = descent->kept_off;
        if (descent->stalled && (waiting & world->checker.voters) != 0)
                waiting &= world->checker.voters;
        uint32_t node = draw_one(world, waiting);
        descent->returning = true;
        descent->stalled = false;
        descent->kept_off &= ~node_set_of(node);
        world_note(world, &world->nodes[node], "comes back");
        power_boot_later(world, &world->nodes[node], MS(500));
}

/* --- forced --- */

static void lose_all_but_one(struct world *world)
{
        struct descent *descent = &world->descent;
        uint32_t votes = node_set_has(world->checker.voters, descent->survivor) +
                         witness_is_well(world, world->checker.witness);
        descent->apart = false;
        faults_on_mend(world, NULL);
        WORLD_EACH_NODE (world, node) {
                if (node->id == descent->survivor)
                        continue;
                descent->kept_off |= node_set_of(node->id);
                power_off(world, node, "lost with all others");
        }
        descent->stalled = 2 * votes <= node_set_count(world->checker.voters) + (world->checker.witness != 0);
        descent->since_us = world->now_us;
}

static void begin_force(struct world *world)
{
        struct descent *descent = &world->descent;
        descent->survivor = draw_one(world, descent_expected(world));
        if (!descent->force_first_apart) {
                lose_all_but_one(world);
                return;
        }
        world_note(world, &world->nodes[descent->survivor], "is cut off, and the others go on");
        descent->apart = true;
        descent->since_us = world->now_us;
        world->nodes[descent->survivor].station.label = 100 + descent->survivor;
        network_changed(world);
}

static void force(struct world *world)
{
        struct descent *descent = &world->descent;
        descent->stalled = false;
        descent->forced = true;
        operator_force(world, &world->nodes[descent->survivor]);
        if (!descent->force_hasty)
                return;
        NODE_SET_EACH (descent->kept_off, node)
                power_boot_later(world, &world->nodes[node],
                                 random_between(&world->random, MS(1), SECOND(4)));
        descent->kept_off = 0;
        descent->returning = true;
}

bool descent_has_parted(struct world *world)
{
        return world->now_us >= world->descent.since_us + SECOND(APART_SECONDS);
}

void descent_draw(struct world *world)
{
        struct descent *descent = &world->descent;
        struct random random;
        random_init(&random, world->options.seed ^ UINT64_C(0x666f726365));
        descent->force_wanted = descent->wanted && random_chance(&random, 350);
        descent->force_first_apart = random_chance(&random, 600);
        descent->force_hasty = random_chance(&random, 400);
}

/* False: there is nothing to force any more, and the others return. */
static bool force_goes_on(struct world *world)
{
        struct descent *descent = &world->descent;
        if (descent->survivor == NODE_NONE)
                begin_force(world);
        else if (descent->apart)
                lose_all_but_one(world);
        else if (descent->stalled && !descent->forced)
                force(world);
        else
                return false;
        return true;
}

bool descent_goes_on(struct world *world)
{
        struct descent *descent = &world->descent;
        if (!descent->wanted || (descent->returning && descent->kept_off == 0))
                return false;
        world->heal_us = world->now_us;
        if (descent->force_wanted && force_goes_on(world))
                return true;
        if (!descent->returning && !descent->force_wanted && !descent->stalled &&
            node_set_count(descent_expected(world)) > 1)
                lose_one(world);
        else
                return_one(world);
        return true;
}

bool descent_is_silent(struct world *world)
{
        if (world->now_us < world->descent.since_us + SECOND(SILENCE_SECONDS))
                return false;
        WORLD_EACH_NODE (world, node) {
                struct cluster_status status;
                if (node->daemon_life == 0)
                        continue;
                cluster_status_read(node->core, &status);
                if (status.active)
                        world_violate(world, "4: acts without quorum", node, NULL,
                                      "epoch %" PRIu64 " is active with members %" PRIx64, status.epoch,
                                      status.members);
        }
        return true;
}
