/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_KEEPER_H
#define CLU_SIMULATION_KEEPER_H

/* clu-guard and the watchdog of a node. */

#include "clusterd/guard/guard_rule.h"

struct world;
struct simulated_node;
struct event;

struct arrived_probe {
        struct guard_probe probe;
        uint32_t sender;
        uint64_t ring; /* that it came in */
};

struct keeper {
        struct guard_state state;
        struct guard_contact contact;
        struct guard_ring ring;
        bool running; /* the watchdog counts */
        uint64_t watchdog_serial;
};

bool keeper_has_watchdog(const struct world *world, const struct simulated_node *node);
void keeper_start(struct world *world, struct simulated_node *node);
void keeper_arm(struct world *world, struct simulated_node *node, bool armed, uint32_t arming);
void keeper_on_tick(struct world *world, const struct event *event);
void keeper_on_held_probe(struct world *world, const struct event *event);
void keeper_on_contact(struct world *world, const struct event *event);
void keeper_on_view(struct simulated_node *node);
void keeper_on_watchdog(struct world *world, const struct event *event);

#endif
