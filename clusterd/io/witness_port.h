/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_WITNESS_PORT_H
#define CLU_CLUSTERD_IO_WITNESS_PORT_H

/* The core's questions to the witness, whatever its kind; made and removed by request. All beside the loop.
 */

#include "clusterd/core/cluster.h"
#include "clusterd/io/mailbox.h"

struct witness_port;

/* CLUSTER_EVENT_WITNESS */
typedef void (*witness_on_event)(void *context, const struct cluster_event *event);
/* error: 0 or negative errno; text says what it means. */
typedef void (*witness_on_made)(void *context, uint64_t token, int error, const char *text);

struct witness_port *witness_port_new(qb_loop_t *loop, struct mailbox *mailbox, witness_on_event on_event,
                                      witness_on_made on_made, void *context);
/* No event comes after it. Does not wait for what hangs. */
void witness_port_free(struct witness_port *port);

/* CLUSTER_ACTION_WITNESS: the last question is the one that is answered. */
void witness_port_ask(struct witness_port *port, const struct cluster_action *action, const char *cluster);
/* So that it stands there before anybody may rely on it; what is there already stays. */
void witness_port_make(struct witness_port *port, const struct witness *witness, const char *cluster,
                       uint64_t token);
/* CLUSTER_ACTION_FORGET_WITNESS, or one that was made for nothing. Nobody is told how it ended. */
void witness_port_remove(struct witness_port *port, const struct witness *witness, const char *cluster);

#endif
