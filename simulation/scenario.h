/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_SCENARIO_H
#define CLU_SIMULATION_SCENARIO_H

/*
 * A story: a cluster to begin with, what befalls it, and what must come of it.
 * tests/scenarios/README.md has the text format that scenario_read() reads
 * and scenario_write() writes.
 */

#include <stdio.h>

#include "clusterd/protocol/object.h"
#include "clusterd/protocol/verb_value.h"
#include "simulation/incident.h"

#define SCENARIO_TITLE_BYTES 160
#define SCENARIO_ERROR_BYTES 1000
#define SCENARIO_LEAD_US     UINT64_C(5000000) /* a warm cluster has this long to find together before 0s */

/* Words that the words of a named event begin with, "*" for any one; and a part of its reason. */
struct pattern {
        char words[120];
        char reason[80]; /* empty: any */
};

/* "when ... + 200ms do ...": once, when the first such event has come. */
struct trigger {
        struct pattern pattern;
        uint64_t delay_us;
        struct incident incident;
};

enum expectation_kind {
        EXPECT_ROLE,   /* at the end: state, and where */
        EXPECT_NODE,   /* at the end: state or duty */
        EXPECT_OUTAGE, /* the longest time in which its guest ran nowhere */
        EXPECT_EVENT,  /* so often, in that time */
        EXPECT_ORDER   /* the first event of each pattern, one after the other */
};

#define ORDER_MAX 8

struct expectation {
        enum expectation_kind kind;
        int line;
        char text[200]; /* as it is written */
        char subject[NAME_BYTES];
        char state[NAME_BYTES];
        node_set nodes;     /* ROLE: on one of these; 0: wherever */
        node_set not_nodes; /* ROLE: on none of these */
        uint64_t least_us;  /* EVENT: not before */
        uint64_t most_us;   /* EVENT: not after; OUTAGE: not longer */
        int64_t times;      /* EVENT: exactly; -1: at least once */
        struct pattern patterns[ORDER_MAX];
        size_t pattern_count;
};

/* How a fence device behaves until an incident changes it; a word of fence_habits(). */
struct scenario_fence {
        char name[NAME_BYTES];
        uint32_t habit;
};

struct scenario {
        char title[SCENARIO_TITLE_BYTES];
        uint64_t seed;
        bool cold; /* blank ledgers, all nodes off: they boot from 0s on. Otherwise all is as written, at 0s
                    */
        bool mishaps;       /* starts, moves, fences fail now and then, as chance has it */
        bool fenced_boot;   /* who is fenced comes back by itself */
        uint64_t end_us;    /* ignored with an incident `peace`: then it ends when all has come to rest */
        uint32_t roles_max; /* that a core takes; 0: as many as there are names */
        uint32_t names_max; /* of roles that are spoken of */
        struct settings settings;
        uint32_t node_count;
        node_set off;           /* warm: not powered */
        struct object *objects; /* owned: a row of each node, of roles and fence devices */
        size_t object_count, object_capacity;
        struct scenario_fence fences[FENCE_DEVICES_MAX];
        size_t fence_count;
        struct incident_list incidents;
        struct trigger *triggers; /* owned */
        size_t trigger_count, trigger_capacity;
        struct expectation *expectations; /* owned */
        size_t expectation_count, expectation_capacity;
};

void scenario_init(struct scenario *scenario);
void scenario_release(struct scenario *scenario);
struct object *scenario_object_add(struct scenario *scenario, enum object_kind kind);
struct object *scenario_object(struct scenario *scenario, enum object_kind kind, const char *name);
/* At /NAME, ready; NULL when there are VOLUMES_MAX. */
struct volume *scenario_volume_add(struct scenario *scenario, const char *name);

/* 0; -EINVAL with "FILE:LINE: what is wrong, and what is allowed"; another -errno with why it cannot be read.
 */
int scenario_read(const char *path, struct scenario *ret_scenario, char ret_error[SCENARIO_ERROR_BYTES]);
int scenario_read_stream(FILE *stream, const char *path, struct scenario *ret_scenario,
                         char ret_error[SCENARIO_ERROR_BYTES]);
/* What scenario_read() reads to the same: of a cold start, without triggers and expectations. */
void scenario_write(const struct scenario *scenario, FILE *stream);
/* Written as a bare number, not as a time. */
bool setting_is_number(const struct setting_option *option);

struct world;
/* scenario_world.c: instead of what a seed would draw; before anything runs. */
void scenario_make_cluster(struct world *world, const struct scenario *scenario);
void scenario_begin(struct world *world, const struct scenario *scenario);

/* scenario_verdict.c: whether an expectation came true; if not, what came instead. */
bool expectation_holds(struct world *world, const struct expectation *expectation, char *text,
                       size_t text_bytes);

#endif
