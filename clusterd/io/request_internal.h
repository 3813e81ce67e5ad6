/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_REQUEST_INTERNAL_H
#define CLU_CLUSTERD_IO_REQUEST_INTERNAL_H

/* Shared by the request_*.c files; nobody else includes it. */

#include <jansson.h>

#include "clusterd/core/quorum_view.h"
#include "clusterd/io/request.h"
#include "clusterd/protocol/verb.h"

#define FORCED_WITHOUT_THIS                                                                                  \
        "the quorum was forced without this node: its guests are stopped, its ledger is replaced, and what " \
        "only that held is lost"

/* Why a request is not done. */
struct request_error {
        enum verb_exit exit;
        bool retry; /* nothing happened, and it may well work soon: clu asks again */
        char message[1024];
        char rule[REASON_BYTES];
        char remedy[REASON_BYTES];
};

/* One request while it is being looked at. */
struct request {
        struct request_handler *handler;
        const struct request_services *services;
        const struct model *model;
        uint64_t token;
        const struct ipc_client *client;
        const struct verb *verb;
        const char *name; /* operand; NULL if the verb has none */
        json_t *arguments;
        bool plan;
        struct request_error error;
};

/* What a changing verb becomes. */
struct change {
        struct command command;
        char *definition; /* owned; NULL: none */
        size_t definition_bytes;
};

/* Fills request->error and returns -EINVAL. rule and remedy may be "". */
int request_fail(struct request *request, enum verb_exit exit, const char *rule, const char *remedy,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));

/* request_arguments.c: "arguments" of a document against the table of verbs. */
int request_arguments_check(struct request *request);
const char *request_text(const struct request *request, const char *option); /* NULL if not given */
bool request_flag(const struct request *request, const char *option);
bool request_number(const struct request *request, const char *option, int64_t *ret_number);
/* Ids of the nodes named, in their order; *ret_count stays when not given. Fails for unknown ones. */
int request_nodes(struct request *request, const char *option, uint32_t ret_nodes[NODES_MAX],
                  size_t *ret_count);
/* The object the operand names, or a failure with what there is instead. */
int request_node(struct request *request, const struct node **ret_node);
int request_role(struct request *request, const struct role **ret_role);

/* request_document.c: values as JSON. */
json_t *document_text(const char *text);                              /* also for bytes that are not UTF-8 */
json_t *document_time(int64_t time_ms);                               /* ISO 8601, UTC */
json_t *document_node_name(const struct model *model, uint32_t node); /* null for none */
json_t *document_node_set(const struct model *model, node_set set);
json_t *document_volume_names(const struct model *model, uint64_t volumes);
/* The whole reply, as text; result and error are taken, either may be NULL. Given, free(). */
char *document_reply(enum verb_exit exit, json_t *error, json_t *result);
json_t *document_error(const struct request_error *error);

/* request_role.c, request_node.c */
json_t *document_role(const struct request *request, const struct role *role);
json_t *document_role_row(const struct model *model, const struct role *role);
json_t *document_stall(const struct role_stall *stall);
json_t *document_node(const struct request *request, const struct node *node);
json_t *document_node_row(const struct request *request, const struct node *node);
json_t *document_entry(const struct entry *entry, const struct model *model);

/* request_warnings.c: what an operator should look at, as an array of texts. */
json_t *document_warnings(const struct request *request, const struct cluster_status *status);
/* That a volume of the role does not answer where it runs, and the way out; empty if all do. */
#define SILENCE_BYTES (4 * NAME_BYTES + 160)
void explain_silence(const struct model *model, const struct role *role, char text[SILENCE_BYTES]);
/* request_volume.c: true, with the text, when little of its space is free, as this node saw it last. */
#define SCARCITY_BYTES 48
bool explain_scarcity(const struct request *request, const struct volume *volume, char text[SCARCITY_BYTES]);

/* request_role_list.c: the whole reply to role.list; given, free(). */
char *role_list_reply(const struct model *model);

/* Queries: a result, or NULL with request->error. */
json_t *query_cluster_status(struct request *request);
json_t *query_node_list(struct request *request);
json_t *query_node_show(struct request *request);
json_t *query_role_show(struct request *request);
json_t *query_role_why(struct request *request);
json_t *query_volume_list(struct request *request);
json_t *query_volume_show(struct request *request);
json_t *query_fence_list(struct request *request);
json_t *query_fence_show(struct request *request);
/* Names of agents that fence devices need and that the node lacks. */
json_t *document_agents_missing(const struct request *request, const struct node *node);
json_t *query_fence_history(struct request *request);
/* Its last losses and what came of them; NULL when the ledger cannot be read. */
json_t *query_node_history(struct request *request, const struct node *node);
json_t *query_event_list(struct request *request);
json_t *query_ledger_list(struct request *request);
json_t *query_quorum_show(struct request *request);
json_t *query_plan(struct request *request, const struct change *change);

/* Committed entries, each given to on_entry: the newest `limit` of first to last. */
int request_entries(struct request *request, uint64_t first, uint64_t last, const char *subject,
                    uint32_t limit, store_on_entry on_entry, void *context);

/* request_quorum.c */
struct quorum_view request_quorum_view(const struct request *request);
json_t *document_votes(const struct outlook *outlook);
/* Before and after, of what bears on the quorum; NULL for all else. then: the model when the plan is done. */
json_t *document_quorum_plan(const struct request *request, const struct change *change,
                             const struct model *then);
/* A failure when quorum would be lost by it, unless forced. */
int request_quorum_check(struct request *request, const struct change *change);
/* request_witness.c */
json_t *document_witness(const struct request *request);
int change_witness_set(struct request *request, struct change *change);
int change_witness_remove(struct request *request, struct change *change);
int change_quorum_set(struct request *request, struct change *change);
int change_quorum_force(struct request *request, struct change *change);
/* What it would do here; the planner could not say. */
json_t *query_force_plan(struct request *request);

/* request_change.c: 0, or a failure in request->error. */
int request_change(struct request *request, struct change *ret_change);
/* request_volume.c */
/* NULL: there is none of that name, and the request has failed by that. */
const struct volume *request_volume(struct request *request, const char *name);
int change_volume_add(struct request *request, struct change *change);
int change_volume(struct request *request, enum command_kind kind, struct change *change);
int change_volume_move(struct request *request, struct change *change);

/* request_image.c: what a child is to do; its own texts are here. */
struct image_order {
        const char *argv[12]; /* NULL-terminated */
        const char *format;
        char volume[NAME_BYTES], tag[NAME_BYTES], size[32];
        char path[VOLUME_PATH_BYTES + NAME_BYTES + 16], draft[VOLUME_PATH_BYTES + NAME_BYTES + 16];
};

int request_image(struct request *request, struct image_order *ret_order);
json_t *document_images(const char *output);
/* NULL, and refused, if there is none of that name, or no files are in it. */
const struct volume *request_volume_of_images(struct request *request, const char *name);
/* "raw", as the name's ending says; NULL if it says nothing. */
const char *request_image_format(const char *name);
/* Is it among the role's disks, what these are based on, or one that a disk is moved to or from? -EINVAL:
 * nobody knows. */
int request_role_uses(struct request *request, const struct role *role, const char *path, bool *ret_uses);
/* request_copy.c */
int change_role_copy(struct request *request, struct change *change);
/* request_change_role.c */
/* Those that hold a disk of this definition. */
uint64_t request_volumes_of(const struct model *model, const char *definition, size_t bytes);
int change_role_add(struct request *request, struct change *change);
int change_role_set(struct request *request, struct change *change);

#endif
