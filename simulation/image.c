/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "simulation/image.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "simulation/hypervisor_parts.h"
#include "simulation/world.h"

#define MADE_BY_HAND 1   /* what all definitions name that no copy made */
#define MADE_BY_COPY 128 /* from this one on each definition names an image of its own */

uint8_t image_of_definition(const uint8_t hash[HASH_BYTES])
{
        if (hash[0] == 0)
                return 0;
        return hash[0] < MADE_BY_COPY ? MADE_BY_HAND : hash[0];
}

void image_path_write(uint8_t image, const char *volume, char ret_path[IMAGE_PATH_BYTES])
{
        (void)snprintf(ret_path, IMAGE_PATH_BYTES, "/%s/image-%u", volume, (unsigned)image);
}

static uint8_t image_of_path(const char *path)
{
        const char *number = strrchr(path, '-');
        assert(number != NULL);
        return (uint8_t)strtoul(number + 1, NULL, 10);
}

static struct image_record *record_of(struct world *world, const char *role)
{
        return &world->images[names_number(&world->names, role)];
}

static void hold_all(struct image_record *record, uint8_t image, uint8_t other)
{
        record->latest[0] = image;
        record->latest[1] = other;
}

static bool holds_all(const struct image_record *record, uint8_t image)
{
        return record->latest[0] == image || record->latest[1] == image;
}

void image_started(struct world *world, struct simulated_node *node, struct domain *domain,
                   const uint8_t hash[HASH_BYTES])
{
        struct image_record *record = record_of(world, domain->name);
        uint8_t image = image_of_definition(hash);
        if (image == 0) /* started by hand, from what is there */
                image = record->latest[0];
        if (!record->excused && record->latest[0] != 0 && !holds_all(record, image))
                world_violate(world, "image", node, domain->name,
                              "it starts from image %u, and what it wrote last is on %u", image,
                              record->latest[0]);
        domain->use = (struct image_use){ .image = image };
        hold_all(record, image, 0);
}

void image_arrived(struct world *world, struct domain *domain)
{
        domain->use = (struct image_use){ .image = domain->use.image };
        hold_all(record_of(world, domain->name), domain->use.image, 0);
}

void image_defined(struct world *world, const char *role)
{
        struct image_record *record = record_of(world, role);
        record->excused |= record->copied;
}

void image_forget(struct world *world, const char *role)
{
        *record_of(world, role) = (struct image_record){ .excused = false };
}

/* --- what clusterd asks for --- */

struct ordered {
        struct cluster_action action;
        uint64_t number;
};

/* One that lasts is cut short by what is ordered after it. */
void image_carry_out(struct world *world, struct simulated_node *node, const struct cluster_action *action)
{
        struct ordered *kept = malloc(sizeof(*kept));
        assert(kept != NULL);
        kept->action = *action;
        kept->number = ++world->next_id;
        hypervisor_slot(world, node, action->copy.role)->ordered = kept->number;
        bool lasts = action->copy.order == COPY_ORDER_MIRROR;
        uint64_t delay_us =
                lasts ? random_between(&world->random, MS(100), MS(6000))
                      : random_between(&world->random, MS(1), MS(world_mishap(world, 50) ? 3000 : 100));
        world_schedule_payload(world, delay_us, EVENT_COPY, node, kept);
}

static void let_go(struct world *world, struct domain *domain)
{
        domain->use.held = false;
        hold_all(record_of(world, domain->name), domain->use.image, 0);
}

static void end_mirror(struct domain *domain)
{
        domain->use.mirroring = 0;
        domain->use.mirror = 0;
}

static enum operation_result mirror(struct world *world, struct domain *domain,
                                    const struct cluster_action *action)
{
        if (domain->use.image != image_of_path(action->copy.from) || world_mishap(world, 100))
                return OPERATION_FAILED;
        if (domain->use.mirroring != action->copy.index)
                domain->use.begun_us = world->now_us;
        record_of(world, domain->name)->copied = true;
        domain->use.mirroring = action->copy.index;
        domain->use.mirror = image_of_path(action->copy.to);
        return OPERATION_SUCCEEDED;
}

/* Writing to the new image may have failed since it had caught up. */
static bool breaks(struct world *world, struct domain *domain, uint64_t index)
{
        if (!domain->use.held && world_mishap(world, 50))
                end_mirror(domain);
        return domain->use.mirroring != index;
}

static enum operation_result hold(struct world *world, struct domain *domain,
                                  const struct cluster_action *action)
{
        if (breaks(world, domain, action->copy.index))
                return OPERATION_FAILED;
        domain->use.held = true;
        domain->use.held_us = world->now_us;
        hold_all(record_of(world, domain->name), domain->use.image, domain->use.mirror);
        return OPERATION_SUCCEEDED;
}

static enum operation_result go_over(struct world *world, struct domain *domain,
                                     const struct cluster_action *action)
{
        uint8_t to = image_of_path(action->copy.to);
        if (domain->use.image != to && world_mishap(world, 50))
                end_mirror(domain); /* it cannot be flushed */
        if (domain->use.image != to && domain->use.mirroring != action->copy.index)
                return OPERATION_FAILED;
        domain->use.image = to;
        end_mirror(domain);
        let_go(world, domain);
        return OPERATION_SUCCEEDED;
}

static void remove_image(struct world *world, struct simulated_node *node, struct domain *domain,
                         uint8_t image)
{
        struct image_record *record = record_of(world, domain->name);
        if (!record->excused && (domain->use.image == image || domain->use.mirror == image))
                world_violate(world, "image", node, domain->name,
                              "image %u is removed, which its guest writes to", image);
        if (!record->excused && record->latest[0] == image && record->latest[1] == 0)
                world_violate(world, "image", node, domain->name,
                              "image %u is removed, and no other has all that was written", image);
}

static enum operation_result carry_out(struct world *world, struct simulated_node *node,
                                       struct domain *domain, const struct cluster_action *action)
{
        switch (action->copy.order) {
        case COPY_ORDER_MIRROR:
                return mirror(world, domain, action);
        case COPY_ORDER_HOLD:
                return hold(world, domain, action);
        case COPY_ORDER_SWITCH:
                return go_over(world, domain, action);
        case COPY_ORDER_END:
                end_mirror(domain);
                let_go(world, domain);
                return OPERATION_SUCCEEDED;
        case COPY_ORDER_CLEAR:
                end_mirror(domain);
                let_go(world, domain);
                if (!action->copy.succeeded || !action->copy.keep)
                        remove_image(
                                world, node, domain,
                                image_of_path(action->copy.succeeded ? action->copy.from : action->copy.to));
                return OPERATION_SUCCEEDED;
        case COPY_ORDER_NONE:
        case COPY_ORDER_COUNT:
                break;
        }
        return OPERATION_UNKNOWN;
}

void image_on_copy(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        const struct ordered *ordered = event->payload;
        const struct cluster_action *action = &ordered->action;
        struct domain *domain = hypervisor_domain(world, node, action->copy.role);
        if (hypervisor_slot(world, node, action->copy.role)->ordered != ordered->number)
                return;
        bool is_there = domain != NULL && domain->state == DOMAIN_RUNNING &&
                        world->now_us >= node->hypervisor.outage_until_us;
        struct cluster_event answer;
        memset(&answer, 0, sizeof(answer));
        answer.kind = CLUSTER_EVENT_COPY;
        TEXT_COPY(answer.copy.role, action->copy.role);
        answer.copy.index = action->copy.index;
        answer.copy.order = action->copy.order;
        bool stalled = is_there && domain->stalled &&
                       (action->copy.order == COPY_ORDER_MIRROR || action->copy.order == COPY_ORDER_HOLD);
        answer.copy.result =
                is_there && !stalled ? carry_out(world, node, domain, action) : OPERATION_UNKNOWN;
        stall_soon(world, node); /* if it goes on now */
        world_note(world, node, "copy order %d of %s ends: result %d", (int)action->copy.order,
                   action->copy.role, (int)answer.copy.result);
        shell_send_later(world, node, &answer, random_between(&world->random, MS(1), MS(20)));
}
