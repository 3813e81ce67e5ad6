/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_RESOURCE_AGENTS_OCF_SEQUENCE_H
#define CLU_RESOURCE_AGENTS_OCF_SEQUENCE_H

/*
 * One role of OCF agents on this node: starts its agents in order, watches
 * them, stops them in reverse. The phases are drawn in the folder's README.md.
 */

#include <sys/queue.h>

#include "clusterd/core/cluster.h"
#include "resource-agents/ocf_agent.h"
#include "resource-agents/ocf_definition.h"
#include "resource-agents/ocf_phase.h"
#include "resource-agents/ocf_role.h"

/* What all roles of a node share. */
struct ocf_host {
        qb_loop_t *loop;
        struct process_runner *runner;
        const char *root;
        const char *run_dir;
        const struct ocf_listener *listener;
        void *context;
        void (*post)(void *context, const struct cluster_event *event); /* never calls back */
        void (*on_probed)(void *context);                               /* a role left OCF_PROBING */
};

struct ocf_order {
        STAILQ_ENTRY(ocf_order) link;
        enum operation operation;
        uint64_t generation;
        uint8_t definition_hash[HASH_BYTES];
        uint64_t since_ms;
};
STAILQ_HEAD(ocf_orders, ocf_order);

/* Tells an answer which question it belongs to: those of an earlier phase are dropped. */
struct ocf_question {
        LIST_ENTRY(ocf_question) link;
        struct ocf_role *role;
        size_t agent;
        uint64_t serial;
        void (*on_answer)(struct ocf_role *role, size_t agent, const struct process_result *result);
};

struct ocf_watch {
        struct ocf_role *role;
        size_t agent;
        qb_loop_timer_handle timer;
        bool silent;  /* its last monitor said nothing; logged once */
        bool touched; /* may run: a start was tried, or it was found so */
        enum ocf_health health;
};

struct ocf_role {
        LIST_ENTRY(ocf_role) link;
        const struct ocf_host *host;
        char name[NAME_BYTES];
        uint64_t generation;
        uint8_t definition_hash[HASH_BYTES];
        struct ocf_definition *definition; /* NULL while it is not known */
        char *definition_text;
        size_t definition_bytes;

        enum ocf_phase phase;
        uint64_t serial; /* grows with every phase */
        size_t at;       /* starting: the agent at work; stopping: one above it */
        size_t probes_out;
        struct ocf_watch watch[OCF_AGENTS_MAX];
        qb_loop_timer_handle retry_timer; /* unsure: of a stop that failed */

        struct ocf_order *order;   /* being carried out; NULL: on our own */
        struct ocf_orders orders;  /* waiting */
        enum observation ends_as;  /* when a stop has been confirmed */
        char reason[REASON_BYTES]; /* of what goes on, for the answer */
        LIST_HEAD(ocf_questions, ocf_question) questions;
};

struct ocf_role *ocf_role_new(const struct ocf_host *host, const char *name);
/* No answer of the runner may come any more. */
void ocf_role_free(struct ocf_role *role);

/* START, STOP or MOVE; carried out after those ordered before. */
void ocf_role_order(struct ocf_role *role, enum operation operation, uint64_t generation,
                    const uint8_t definition_hash[HASH_BYTES]);
/* After a restart of the daemon: it may run here. definition NULL: it could not be read. */
void ocf_role_remember(struct ocf_role *role, uint64_t generation, const uint8_t definition_hash[HASH_BYTES],
                       const char *definition, size_t definition_bytes);
/* Asks all agents of a role in OCF_UNSURE; otherwise nothing. */
void ocf_role_probe(struct ocf_role *role);

#endif
