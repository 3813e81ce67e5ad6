/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Fence devices, as resource-agents/fence_agent.c meets them: `off`, then
 * `status` until that says off or the time is up. What a device says of its
 * `off` may be false; what it says of its status is true, or it says nothing.
 */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "simulation/fence.h"
#include "simulation/world.h"

#define STATUS_AGAIN_US MS(500)

/* Every node has two power supplies. "feed-a.." and "feed-b.." cut one, other devices both. */
#define FEED_A     1
#define FEED_B     2
#define FEEDS_BOTH (FEED_A | FEED_B)

static uint32_t feeds_of(const char *device)
{
        if (strncmp(device, "feed-a", 6) == 0)
                return FEED_A;
        return strncmp(device, "feed-b", 6) == 0 ? FEED_B : FEEDS_BOTH;
}

/* Whoever lets it boot after both were cut has switched them on again; one alone stays as it is. */
void fence_switch_on(struct simulated_node *node)
{
        if (node->feeds_off == FEEDS_BOTH)
                node->feeds_off = 0;
}

static const char *const habits[FENCE_FATE_COUNT] = {
        [FENCE_WORKS] = "works", [FENCE_BUSY] = "busy", [FENCE_FAILS] = "fails", [FENCE_HANGS] = "hangs",
        [FENCE_SLOW] = "slow",   [FENCE_LATE] = "late", [FENCE_LIES] = "lies",   [FENCE_SILENT] = "silent",
};

int fence_habit_parse(const char *word, uint32_t *ret_habit)
{
        for (uint32_t habit = 0; habit < FENCE_FATE_COUNT; habit++)
                if (text_equal(habits[habit], word)) {
                        *ret_habit = habit;
                        return 0;
                }
        return -EINVAL;
}

const char *fence_habits(void)
{
        return "works, busy, fails, hangs, slow, late, lies, silent";
}

struct fence_attempt {
        struct cluster_event answer;
        uint64_t deadline_us;
        bool on; /* to be turned on, not off */
};

static struct fence_box *box_of(struct world *world, const char *name)
{
        struct fence_model *model = &world->fences;
        for (size_t i = 0; i < model->count; i++)
                if (text_equal(model->boxes[i].name, name))
                        return &model->boxes[i];
        assert(model->count < FENCE_DEVICES_MAX);
        struct fence_box *box = &model->boxes[model->count++];
        TEXT_COPY(box->name, name);
        if (world->quiet)
                return box; /* works, until a story says otherwise */
        box->shares_mains = random_chance(&world->random, 300);
        box->habit = random_chance(&world->random, 700)
                             ? FENCE_WORKS
                             : (uint32_t)random_below(&world->random, FENCE_FATE_COUNT);
        return box;
}

void fence_habit_set(struct world *world, const char *device, uint32_t habit)
{
        box_of(world, device)->habit = habit;
}

bool fence_is_dark(const struct world *world, uint32_t node)
{
        MODEL_EACH_FENCE_DEVICE (world->checker.reference, device)
                for (size_t i = 0; i < world->fences.count; i++)
                        if (node_set_has(device->targets, node) && world->nodes[node].dark &&
                            world->fences.boxes[i].shares_mains &&
                            text_equal(world->fences.boxes[i].name, device->name))
                                return true;
        return false;
}

static enum fence_fate fate_draw(struct world *world, const struct fence_box *box,
                                 const struct simulated_node *target)
{
        if (box->shares_mains && target->dark)
                return FENCE_HANGS;
        if (world->now_us < world->faults.fence_broken_until_us)
                return random_chance(&world->random, 500) ? FENCE_FAILS : FENCE_HANGS;
        if (world->calm)
                return FENCE_WORKS;
        if (world->quiet)
                return (enum fence_fate)box->habit;
        if (random_chance(&world->random, 100))
                return (enum fence_fate)random_below(&world->random, FENCE_FATE_COUNT);
        return random_chance(&world->random, 800) ? (enum fence_fate)box->habit : FENCE_WORKS;
}

static void answer(struct world *world, struct simulated_node *node, struct fence_attempt *attempt,
                   bool succeeded, const char *text, uint64_t delay_us)
{
        attempt->answer.fence.succeeded = succeeded;
        TEXT_COPY(attempt->answer.fence.text, text);
        shell_send_later(world, node, &attempt->answer, delay_us);
}

static void ask_status(struct world *world, struct simulated_node *node, const struct fence_attempt *attempt,
                       uint64_t delay_us)
{
        struct fence_attempt *kept = malloc(sizeof(*kept));
        assert(kept != NULL);
        *kept = *attempt;
        world_schedule_payload(world, delay_us, EVENT_FENCE_STATUS, node, kept);
}

/* A power strip knows its outlet, a service processor its board. */
static bool device_says_on(const struct simulated_node *target, const char *device)
{
        uint32_t feeds = feeds_of(device);
        return feeds == FEEDS_BOTH ? target->powered : (target->feeds_off & feeds) == 0;
}

void fence_on_status(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        struct fence_attempt *attempt = event->payload;
        bool on = device_says_on(&world->nodes[attempt->answer.fence.node], attempt->answer.fence.device);
        if (on != attempt->on && world->now_us + STATUS_AGAIN_US < attempt->deadline_us)
                ask_status(world, node, attempt, STATUS_AGAIN_US);
        else
                answer(world, node, attempt, on == attempt->on,
                       on == attempt->on ? (on ? "on, confirmed" : "off, confirmed")
                                         : (on ? "it is still on" : "it is still off"),
                       random_between(&world->random, MS(1), MS(50)));
}

static void switch_later(struct world *world, struct simulated_node *target,
                         const struct fence_attempt *attempt, uint64_t delay_us)
{
        world_schedule(world, delay_us, EVENT_FENCE_SWITCH, target, feeds_of(attempt->answer.fence.device),
                       attempt->on);
}

void fence_begin(struct world *world, struct simulated_node *node, const struct cluster_action *action)
{
        struct simulated_node *target = &world->nodes[action->fence.node];
        const struct fence_device *device = action->fence.device;
        uint64_t patience_us = MS(device->timeout_ms);
        uint64_t soon_us = random_between(&world->random, MS(20), MS(150));
        uint64_t late_us = random_between(&world->random, MS(500), patience_us + SECOND(8));
        struct fence_attempt attempt = { .deadline_us = world->now_us + patience_us, .on = action->fence.on };
        attempt.answer.kind = CLUSTER_EVENT_FENCE_DONE;
        attempt.answer.fence.attempt = action->fence.attempt;
        attempt.answer.fence.node = action->fence.node;
        TEXT_COPY(attempt.answer.fence.device, device->name);
        world->statistics->fences++;
        switch (fate_draw(world, box_of(world, device->name), target)) {
        case FENCE_SLOW:
                if (late_us >= patience_us) {
                        switch_later(world, target, &attempt, late_us);
                        answer(world, node, &attempt, false, "no answer in time, killed", patience_us);
                        return;
                }
                soon_us = late_us;
                /* fall through */
        case FENCE_WORKS:
                switch_later(world, target, &attempt, soon_us);
                ask_status(world, node, &attempt, soon_us + random_between(&world->random, MS(1), MS(50)));
                return;
        case FENCE_LIES:
                ask_status(world, node, &attempt, soon_us);
                return;
        case FENCE_SILENT:
                switch_later(world, target, &attempt, soon_us);
                answer(world, node, &attempt, false, "no status in time, killed", patience_us);
                return;
        case FENCE_LATE:
                switch_later(world, target, &attempt, late_us);
                answer(world, node, &attempt, false, "failed with exit code 1", soon_us);
                return;
        case FENCE_FAILS:
                answer(world, node, &attempt, false, "failed with exit code 1", soon_us);
                return;
        case FENCE_BUSY:
                answer(world, node, &attempt, false, "somebody else uses it", MS(1));
                return;
        case FENCE_HANGS:
                answer(world, node, &attempt, false, "no answer in time, killed", patience_us);
                return;
        case FENCE_FATE_COUNT:
                return;
        }
}

static void switch_on(struct world *world, struct simulated_node *node, uint32_t feeds)
{
        node->feeds_off &= ~feeds;
        if (node->feeds_off == 0 && !node->powered && !node_set_has(world->descent.kept_off, node->id))
                power_on(world, node);
}

/* Cuts in whatever state the node is, also one that booted a moment ago; it is switched on again later. */
void fence_on_switch(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        if (event->b) {
                switch_on(world, node, (uint32_t)event->a);
                return;
        }
        node->feeds_off |= (uint32_t)event->a;
        if (node->feeds_off != FEEDS_BOTH)
                return;
        if (node->powered)
                power_off(world, node, "fenced");
        if (!world->fenced_stay_off)
                power_boot_later(world, node, random_between(&world->random, MS(1500), MS(12000)));
}
