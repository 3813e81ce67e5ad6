/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "simulation/volume.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "simulation/world.h"

/* A look under way, and what the daemon knew when it began. */
struct visit {
        struct cluster_action action;
        uint64_t boots[NODES_MAX + 1];
};

static uint32_t share_of(struct world *world, const char *name)
{
        uint32_t share = 0;
        while (share < SHARES_MAX - 1 && !text_equal(world->shares[share].name, name)) {
                if (world->shares[share].name[0] == '\0')
                        TEXT_COPY(world->shares[share].name, name);
                else
                        share++;
        }
        return share;
}

struct path_trouble *volume_trouble(struct world *world, struct simulated_node *node, const char *name)
{
        return &node->path_troubles[share_of(world, name)];
}

/* The area that this node sees there. */
static struct area *area_of(struct world *world, struct simulated_node *node, const char *path)
{
        uint32_t share = share_of(world, path + 1);
        struct path_trouble *trouble = &node->path_troubles[share];
        return trouble->misplaced_until_us > world->now_us ? &trouble->elsewhere
                                                           : &world->shares[share].shared;
}

void volume_look(struct world *world, struct simulated_node *node, const struct cluster_action *action)
{
        struct visit *visit = malloc(sizeof(*visit));
        assert(visit != NULL);
        visit->action = *action;
        MODEL_EACH_NODE (cluster_model(node->core), known)
                visit->boots[known->id] = known->boot;
        const struct path_trouble *trouble = volume_trouble(world, node, action->volume.path + 1);
        uint64_t delay_us = random_between(&world->random, 300, MS(4));
        if (world_mishap(world, 20))
                delay_us = random_between(&world->random, MS(100), MS(3000));
        if (trouble->hung_until_us > world->now_us)
                delay_us += trouble->hung_until_us - world->now_us;
        world_schedule_payload(world, delay_us, EVENT_LOOK, node, visit);
}

struct lease_sector *volume_lease_sector(struct world *world, struct simulated_node *node, const char *name,
                                         uint64_t identity)
{
        uint32_t share = share_of(world, name);
        struct path_trouble *trouble = &node->path_troubles[share];
        bool misplaced = trouble->misplaced_until_us > world->now_us;
        if ((misplaced ? &trouble->elsewhere : &world->shares[share].shared)->identity != identity)
                return NULL;
        return misplaced ? &trouble->own : &world->shares[share].leases[node->id];
}

struct lease_sector *volume_lease_sector_of(struct world *world, struct simulated_node *node,
                                            const char *name, uint64_t identity, uint32_t of)
{
        struct lease_sector *own = volume_lease_sector(world, node, name, identity);
        uint32_t share = share_of(world, name);
        struct path_trouble *trouble = &node->path_troubles[share];
        return own == NULL || of == node->id ? own
               : own == &trouble->own        ? &trouble->others
                                             : &world->shares[share].leases[of];
}

/* Whose leases moved since this daemon's last look. */
static node_set visit_leases(struct world *world, struct simulated_node *node, const char *name)
{
        const struct share *share = &world->shares[share_of(world, name)];
        struct path_trouble *trouble = volume_trouble(world, node, name);
        bool before = trouble->visited_us != 0 && trouble->visited_life == node->daemon_life;
        node_set renewing = 0;
        WORLD_EACH_NODE (world, other) {
                const struct lease_sector *sector = &share->leases[other->id];
                if (before && other != node && trouble->misplaced_until_us <= world->now_us &&
                    sector->written && !sector->damaged && sector->written_us > trouble->visited_us)
                        renewing |= node_set_of(other->id);
        }
        trouble->visited_us = world->now_us;
        trouble->visited_life = node->daemon_life;
        return renewing;
}

/* Nothing is left of what stood there. */
static void area_make(struct world *world, struct simulated_node *node, const char *name, uint64_t identity)
{
        struct share *share = &world->shares[share_of(world, name)];
        struct path_trouble *trouble = volume_trouble(world, node, name);
        if (trouble->misplaced_until_us > world->now_us) {
                trouble->elsewhere = (struct area){ .identity = identity };
                trouble->own = trouble->others = (struct lease_sector){ .written = false };
        } else {
                share->shared = (struct area){ .identity = identity };
                memset(share->leases, 0, sizeof(share->leases));
        }
}

/* Whoever reaches a target reaches the same as the others: what proves it is the target's name. */
static enum path_state visit_target(struct world *world, struct simulated_node *node,
                                    const struct cluster_action *action, node_set *ret_seen)
{
        struct area *area = &world->shares[share_of(world, action->volume.path + 1)].shared;
        area->identity = action->volume.identity;
        area->marks[node->id] = node->boot;
        *ret_seen = action->volume.expected;
        return PATH_DIRECT;
}

static enum path_state visit_area(struct world *world, struct simulated_node *node, const struct visit *visit,
                                  node_set *ret_seen)
{
        const struct cluster_action *action = &visit->action;
        struct area *area = area_of(world, node, action->volume.path);
        if (area->identity == 0 && action->volume.create)
                area_make(world, node, action->volume.path + 1, action->volume.identity);
        if (area->identity != action->volume.identity)
                return area->identity == 0 ? PATH_ABSENT : PATH_FOREIGN;
        area->marks[node->id] = node->boot;
        NODE_SET_EACH (action->volume.expected, id)
                if (area->marks[id] == visit->boots[id])
                        *ret_seen |= node_set_of(id);
        return PATH_DIRECT;
}

void volume_on_look(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        const struct visit *visit = event->payload;
        const char *path = visit->action.volume.path;
        struct cluster_event looked = { .kind = CLUSTER_EVENT_LOOKED };
        looked.looked.look = visit->action.volume.look;
        looked.looked.id = visit->action.volume.id;
        looked.looked.found = PATH_ABSENT;
        bool is_lost = volume_trouble(world, node, path + 1)->lost_until_us > world->now_us;
        if (!is_lost && visit->action.volume.kind == VOLUME_ISCSI)
                looked.looked.found = visit_target(world, node, &visit->action, &looked.looked.seen);
        else if (is_lost && volume_trouble(world, node, path + 1)->failed_until_us > world->now_us)
                looked.looked.found = PATH_FAILED;
        else if (!is_lost)
                looked.looked.found = visit_area(world, node, visit, &looked.looked.seen);
        if (looked.looked.found == PATH_DIRECT && visit->action.volume.kind == VOLUME_DIRECTORY)
                looked.looked.renewing = visit_leases(world, node, path + 1);
        else
                volume_trouble(world, node, path + 1)->visited_us = 0;
        shell_step(world, node, &looked);
}

void volume_forget(struct world *world, struct simulated_node *node, const struct cluster_action *action)
{
        struct area *area = area_of(world, node, action->volume.path);
        const struct path_trouble *trouble = volume_trouble(world, node, action->volume.path + 1);
        if (!action->volume.keep && area->identity == action->volume.identity &&
            trouble->lost_until_us <= world->now_us)
                area_make(world, node, action->volume.path + 1, 0);
}

/* What has been there for long: every node that is on has left its mark. */
void volume_adopt(struct world *world, const struct volume *volume)
{
        struct area *area = &world->shares[share_of(world, volume->path + 1)].shared;
        area->identity = volume->identity;
        WORLD_EACH_NODE (world, node)
                area->marks[node->id] = node->boot;
}

bool volume_is_shared(struct world *world, const struct volume *volume)
{
        return world->shares[share_of(world, volume->path + 1)].shared.identity == volume->identity;
}

bool volume_all_are_shared(struct world *world, const struct role *role)
{
        NODE_SET_EACH (role->volumes, id) {
                const struct volume *volume = model_volume_by_id(world->checker.reference, id);
                if (volume != NULL && !volume_is_shared(world, volume))
                        return false;
        }
        return true;
}

bool volume_holds_mark(struct world *world, const struct volume *volume, const struct node *known)
{
        const struct area *area = &world->shares[share_of(world, volume->path + 1)].shared;
        return area->identity != volume->identity || area->marks[known->id] == known->boot;
}

/* Did this boot of the node leave its mark where the others see it, as far as that is to be seen? */
bool volume_is_proven(struct world *world, const struct simulated_node *node, const struct volume *volume)
{
        const struct area *area = &world->shares[share_of(world, volume->path + 1)].shared;
        return area->identity != volume->identity || area->marks[node->id] == node->boot;
}

void volume_mend(struct world *world)
{
        WORLD_EACH_NODE (world, node)
                for (uint32_t i = 0; i < SHARES_MAX; i++) {
                        struct path_trouble *trouble = &node->path_troubles[i];
                        trouble->lost_until_us = 0;
                        trouble->failed_until_us = 0;
                        trouble->hung_until_us = 0;
                        trouble->misplaced_until_us = 0;
                }
}
