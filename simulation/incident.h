/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_INCIDENT_H
#define CLU_SIMULATION_INCIDENT_H

/*
 * What may befall a cluster: every fault and every command, as a value. The
 * generators (faults.c, operator.c) draw them, a scenario names them; both are
 * carried out by incident_apply() alone, so that what a run recorded can be
 * played again without the generators.
 */

#include <stddef.h>
#include <stdint.h>

#include "clusterd/base/limits.h"
#include "clusterd/base/node_set.h"
#include "clusterd/protocol/verb.h"

struct world;
struct event;

enum incident_kind {
        /* the network */
        INCIDENT_PARTITION,
        INCIDENT_ISOLATE,
        INCIDENT_CUT_LINKS,
        INCIDENT_HEAL_NETWORK,
        INCIDENT_KILL_COROSYNC,
        INCIDENT_STOP_COROSYNC,
        /* a node */
        INCIDENT_POWER_OFF,
        INCIDENT_POWER_ON,
        INCIDENT_FREEZE,
        INCIDENT_FREEZE_CLUSTERD,
        INCIDENT_KILL_CLUSTERD,
        INCIDENT_STOP_CLUSTERD,
        INCIDENT_START_CLUSTERD,
        INCIDENT_CLOCK_AHEAD,
        INCIDENT_CLOCK_BACK,
        INCIDENT_CLOCK_FAST,
        INCIDENT_CLOCK_SLOW,
        INCIDENT_UNLOAD_WATCHDOG,
        INCIDENT_LOAD_WATCHDOG,
        /* its disk */
        INCIDENT_FAIL_DISK,
        INCIDENT_SLOW_DISK,
        INCIDENT_HANG_DISK,
        INCIDENT_WIPE,
        INCIDENT_FORGET_ENTRIES,
        INCIDENT_BACK_UP_DISK,
        INCIDENT_RESTORE_DISK,
        /* its hypervisor */
        INCIDENT_FAIL_STARTS,
        INCIDENT_LATE_STARTS,
        INCIDENT_FAIL_STARTS_OF,
        INCIDENT_FAIL_MOVES_OF,
        INCIDENT_TEAR_MOVES_OF,
        INCIDENT_DEAF_GUEST,
        INCIDENT_STOP_LIBVIRTD,
        INCIDENT_START_GUEST,
        INCIDENT_CRASH_GUEST,
        INCIDENT_SHUT_DOWN_GUEST,
        /* its paths to volumes */
        INCIDENT_LOSE_PATH,
        INCIDENT_HANG_PATH,
        INCIDENT_MISPLACE_PATH,
        INCIDENT_FAIL_PATH,
        INCIDENT_FAIL_WRITES,
        INCIDENT_KILL_EXPORT,
        INCIDENT_RESTART_TARGET,
        /* the witness */
        INCIDENT_SILENCE_WITNESS,
        INCIDENT_CUT_WITNESS,
        INCIDENT_REPLACE_WITNESS,
        /* fence devices */
        INCIDENT_BREAK_FENCES,
        INCIDENT_SET_FENCE,
        /* a planner gone wrong */
        INCIDENT_PROPOSE,
        /* people */
        INCIDENT_CLU,
        INCIDENT_CALM,
        INCIDENT_PEACE,
        INCIDENT_KIND_COUNT
};

/* What an incident of a kind needs (or may have), in the order in which it is written. */
enum incident_field {
        INCIDENT_NODE = 1 << 0,     /* n1 */
        INCIDENT_ROLE = 1 << 1,     /* vm01, or the name of a fence device or volume */
        INCIDENT_PARTS = 1 << 2,    /* n1 n2 | n3; who is not named forms a part of his own */
        INCIDENT_DURATION = 1 << 3, /* for 5s */
        INCIDENT_LASTING = 1 << 4,  /* the same; without it until something else ends it */
        INCIDENT_WORDS = 1 << 5,    /* role move vm01 --node n2: to the end of the line */
};

#define INCIDENT_PARTS_MAX   8
#define INCIDENT_WORDS_BYTES 512

struct incident {
        uint64_t at_us;
        enum incident_kind kind;
        uint32_t node;        /* INCIDENT_CLU: who is asked; NODE_NONE: the leader, or any daemon that runs */
        uint64_t duration_us; /* 0: not given */
        char role[NAME_BYTES];
        node_set parts[INCIDENT_PARTS_MAX];
        char words[INCIDENT_WORDS_BYTES];
};

struct incident_list {
        struct incident *item; /* owned */
        size_t count;
        size_t capacity;
};

/* One row per kind: the parser, the printer and the README of tests/scenarios follow it. */
struct incident_rule {
        const char *name;
        unsigned fields; /* of enum incident_field */
        const char *help;
        void (*apply)(struct world *world, const struct incident *incident);
        /* WORDS: 0, or -EINVAL with what is wrong with them. */
        int (*check)(const char *words, char ret_error[VERB_ERROR_BYTES]);
};

const struct incident_rule *incident_rule(enum incident_kind kind);

/* "power-off n1 for 5s", as a scenario has it behind its time. */
void incident_print(const struct incident *incident, char *text, size_t text_bytes);
/* "1.5s", "20ms", "37us": the shortest that says it exactly. */
void duration_print(uint64_t duration_us, char *text, size_t text_bytes);

void incident_list_add(struct incident_list *list, const struct incident *incident);
void incident_list_release(struct incident_list *list);

/* Puts it where its time comes; at_us is set from the delay. Everything befalls by this way. */
void incident_schedule(struct world *world, struct incident incident, uint64_t delay_us);
void incident_on_due(struct world *world, const struct event *event);
void incident_apply(struct world *world, const struct incident *incident);

#endif
