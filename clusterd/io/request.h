/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_REQUEST_H
#define CLU_CLUSTERD_IO_REQUEST_H

/*
 * Answers what clients ask over IPC.
 *
 * Queries are answered at once from the model and the ledger; a changing
 * verb becomes a command, which is submitted, and is answered when its fate is
 * known. Documents and their fields: cli/README.md.
 */

#include "clusterd/core/plan.h"
#include "clusterd/io/hypervisor.h"
#include "clusterd/io/ipc.h"
#include "clusterd/io/store.h"

/* What somebody on an evicted node can do. */
#define EVICTED_REMEDY                                                                                       \
        "to join again as a new node, stop clusterd, remove its ledger (ledger.db and what begins so) from " \
        "/var/lib/clu, and start it"

struct request_handler;

/* What the daemon lends. All are called on the loop thread, from the functions below. */
struct request_services {
        void *context;
        const struct cluster *cluster;
        uint64_t (*now_ms)(void *context); /* the clock of cluster events */
        /* Ends a request; JSON text, borrowed. */
        void (*reply)(void *context, uint64_t token, const char *text, size_t text_bytes);
        /* CLUSTER_EVENT_REQUEST; definition (NULL: none) is stored before, and travels with the command.
         * All is borrowed. May call request_reply() before it returns. */
        void (*submit)(void *context, uint64_t token, const char *actor, const struct command *command,
                       const char *definition, size_t definition_bytes);
        /* store_query_entries, store_read_definition */
        int (*query_entries)(void *context, const struct store_query *query, store_on_entry on_entry,
                             void *entry_context);
        int (*read_definition)(void *context, const uint8_t hash[HASH_BYTES], char **ret_text,
                               size_t *ret_bytes);
        /* ocf_definition_check */
        int (*check_ocf)(void *context, const char *text, size_t text_bytes, char *ret_error,
                         size_t error_bytes);
        /* What this node last saw of a volume's space; false: it did not, or has lost it. */
        bool (*volume_space)(void *context, uint64_t identity, uint64_t *ret_free_bytes,
                             uint64_t *ret_size_bytes);
        /* hypervisor_progress_read */
        bool (*move_progress)(void *context, struct hypervisor_progress *ret_progress);
        /* fence_agent_check and fence_agent_status; answered by request_fence_checked and _tested.
         * A NULL fence_check leaves new devices unchecked. */
        void (*fence_check)(void *context, uint64_t token, const struct fence_device *device);
        void (*fence_test)(void *context, uint64_t token, const struct fence_device *device,
                           const char *node_name);
        /* witness_port_make, answered by request_witness_made, and witness_port_remove. A NULL witness_make
         * leaves it unmade. */
        void (*witness_make)(void *context, uint64_t token, const struct witness *witness);
        void (*witness_remove)(void *context, const struct witness *witness);
        uint32_t node; /* this one */
        /* Runs a program beside the loop, with a deadline; answered by request_image_done. */
        void (*image)(void *context, uint64_t token, const char *const *argv);
        /* Runs `clusterd --verify` on this node's ledger beside the loop; answered by request_verified. */
        void (*verify)(void *context, uint64_t token);
};

/* services is copied; what it points to must outlive the handler. */
struct request_handler *request_handler_new(const struct request_services *services);
void request_handler_free(struct request_handler *handler); /* unanswered requests stay so */

/* ipc_listener.on_request and on_gone. */
void request_handle(struct request_handler *handler, uint64_t token, const struct ipc_client *client,
                    const char *bytes, size_t count);
void request_gone(struct request_handler *handler, uint64_t token);

/* CLUSTER_ACTION_REPLY. Tokens not known (any more) are ignored, here and below. */
void request_reply(struct request_handler *handler, uint64_t token, enum reply_outcome outcome,
                   uint64_t index, const char *reason);

/* ok: the agent is there and knows the options; text says what is wrong. */
void request_fence_checked(struct request_handler *handler, uint64_t token, bool ok, const char *text);
/* made: it stands there, and nobody relies on it yet; text says why not. */
void request_witness_made(struct request_handler *handler, uint64_t token, bool made, const char *text);
/* known: the agent answered; on: the node has power. */
void request_fence_tested(struct request_handler *handler, uint64_t token, const char *device, bool known,
                          bool on, const char *text, uint32_t duration_ms);
/* output: what was printed; done: it ended as it should. */
void request_image_done(struct request_handler *handler, uint64_t token, bool done, const char *output);
/* output: what `clusterd --verify` printed, a whole reply; NULL when it could not be run. */
void request_verified(struct request_handler *handler, uint64_t token, const char *output);

/*
 * `clusterd --verify PATH`: checks a ledger file, also of a stopped node. The reply document is given,
 * free(); *ret_exit is the process's exit status (enum verb_exit).
 */
char *request_verify_file(const char *path, int *ret_exit);

#endif
