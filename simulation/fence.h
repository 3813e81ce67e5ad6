/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_FENCE_H
#define CLU_SIMULATION_FENCE_H

/* How fence devices behave, and its words. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clusterd/base/limits.h"

enum fence_fate {
        FENCE_WORKS,
        FENCE_BUSY,   /* says at once that somebody else is using it */
        FENCE_FAILS,  /* says so after a while */
        FENCE_HANGS,  /* says nothing until the agent is killed */
        FENCE_SLOW,   /* cuts after a while, perhaps when nobody waits for it any more */
        FENCE_LATE,   /* says that it failed, and cuts all the same, later */
        FENCE_LIES,   /* says that it is done, and did nothing */
        FENCE_SILENT, /* cuts, and does not answer when asked for its status */
        FENCE_FATE_COUNT
};

/* 0 or -EINVAL */
int fence_habit_parse(const char *word, uint32_t *ret_habit);
const char *fence_habits(void); /* all words, for messages */

struct world;
struct simulated_node;
struct cluster_action;
struct event;

struct fence_box {
        char name[NAME_BYTES];
        uint32_t habit;    /* what mostly becomes of an attempt */
        bool shares_mains; /* with the node: where that has no power, this has none */
};

struct fence_model {
        struct fence_box boxes[FENCE_DEVICES_MAX];
        size_t count;
};

void fence_begin(struct world *world, struct simulated_node *node, const struct cluster_action *action);
void fence_on_status(struct world *world, const struct event *event);
void fence_switch_on(struct simulated_node *node);
void fence_on_switch(struct world *world, const struct event *event);

/* One of its devices has no power because the node has none. */
bool fence_is_dark(const struct world *world, uint32_t node);
/* That it behaves so from now on, in a world without mishaps: always. */
void fence_habit_set(struct world *world, const char *device, uint32_t habit);

#endif
