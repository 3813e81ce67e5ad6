/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_TELLING_H
#define CLU_SIMULATION_TELLING_H

/*
 * What happens in a story, as named events: a line of words each, and why.
 * Triggers wait for them, expectations speak of them, people read them.
 * tests/scenarios/README.md lists them. A run without a story tells nothing.
 */

#include "simulation/scenario.h"

#define TOLD_WORDS_BYTES 160

struct told {
        uint64_t at_us;
        char words[TOLD_WORDS_BYTES];
        char reason[REASON_BYTES];
};

/* The longest time in which no guest of a role ran. */
struct outage {
        uint32_t running; /* guests of it, now */
        bool begun;       /* it has run */
        bool ended;       /* an operator wants it stopped: what is not there is not missed */
        uint64_t since_us;
        uint64_t longest_us;
};

struct telling {
        const struct scenario *scenario; /* NULL: nothing is told */
        struct told *told;
        size_t count, capacity;
        bool *fired;            /* by trigger */
        struct outage *outages; /* by the role's number */
        struct {
                enum role_state state;
                uint32_t owner;
                bool known;
        } * roles; /* by the role's number: what was told last */
        struct {
                enum node_state state;
                enum node_duty duty;
        } nodes[NODES_MAX + 1];
        char (*asked)[INCIDENT_WORDS_BYTES]; /* by a request's token - 1 */
        size_t asked_count, asked_capacity;
};

struct simulated_node;
struct cluster_action;
struct entry;

void telling_begin(struct world *world, const struct scenario *scenario);
void telling_release(struct world *world);
void tell(struct world *world, const char *reason, const char *format, ...)
        __attribute__((format(printf, 3, 4)));
bool pattern_matches(const struct pattern *pattern, const struct told *told);

/* Hooks: what the world and the cores do. */
void tell_committed(struct world *world, const struct entry *entry, bool refused, const char *reason);
void tell_role(struct world *world, const char *role);
void tell_action(struct world *world, const struct simulated_node *node, const struct cluster_action *action);
void tell_guest(struct world *world, const struct simulated_node *node, const char *role, bool runs);
void tell_asked(struct world *world, uint64_t token, const char *words);
/* Up to now, also of what does not run yet. */
uint64_t telling_outage_us(struct world *world, const char *role);

#endif
