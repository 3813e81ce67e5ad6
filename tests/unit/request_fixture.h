/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_TESTS_UNIT_REQUEST_FIXTURE_H
#define CLU_TESTS_UNIT_REQUEST_FIXTURE_H

/*
 * A request handler over a model made by hand: what it asks of the core and
 * the daemon is answered from here, what it sends is kept.
 */

#include <jansson.h>

#include "clusterd/io/request.h"

#define FIXTURE_ENTRIES_MAX 64
#define FIXTURE_ROLES_MAX   16384

struct cluster { /* stands in for the core's */
        struct model *model;
        struct cluster_status status;
        struct message_heartbeat heartbeat;
        struct plan plan;
        node_set voters_before;
        struct cluster_witness witness;
        struct lease_node lease; /* on volume 2 */
};

struct fixture {
        struct cluster cluster;
        struct request_handler *handler;
        struct ipc_client client;
        json_t *reply;  /* the last one */
        uint64_t token; /* of the last request */
        uint32_t reply_count;
        struct command command; /* the last one submitted */
        uint32_t submit_count;
        char definition[4096];
        const char *stored; /* all roles' definition; NULL: one without disks */
        uint32_t fence_checks, fence_tests;
        char program[32], last_word[512]; /* of what was to be run */
        struct entry entries[FIXTURE_ENTRIES_MAX];
        size_t entry_count;
        uint64_t entries_asked; /* limits of all queries */
};

/* Nodes n1, n2, n3 up, role vm01 online on n1, quorate. */
void fixture_open(struct fixture *fixture);
void fixture_close(struct fixture *fixture);
/* The reply to a request, borrowed until the next; NULL if it is still pending. arguments: JSON text. */
json_t *fixture_ask(struct fixture *fixture, const char *verb, const char *arguments, bool plan);
json_t *fixture_send(struct fixture *fixture, const char *text);
void fixture_add_role(struct fixture *fixture, const char *name, enum role_state state, uint32_t owner);
/* An entry with the next index; its command is to be filled in. */
struct entry *fixture_add_entry(struct fixture *fixture, enum command_kind kind);

int reply_exit(json_t *reply);
const char *reply_message(json_t *reply);

/* Ready at /NAME; node 1 has a path to it, and node 3's hangs. */
void fixture_add_volume(struct fixture *fixture, uint32_t id, const char *name, uint64_t identity);

#endif
