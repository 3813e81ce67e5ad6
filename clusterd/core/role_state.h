/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_CORE_ROLE_STATE_H
#define CLU_CLUSTERD_CORE_ROLE_STATE_H

/* Life of a role: which state may follow which, and the one function that changes it. */

#include "clusterd/protocol/object.h"

bool role_state_may_follow(enum role_state from, enum role_state to);

/* Changes the state and records since which entry and why. Precondition: the edge is allowed. */
void role_enter(struct role *role, enum role_state state, uint64_t index, const char *reason);

/* Of a storage that was moved, or not: the image that is of no use any more. Borrowed. */
const char *role_copy_useless(const struct role_copy *copy);
/* From the definition with one image to that with the other. */
void role_copy_exchange(struct role *role);
void role_copy_end(struct role *role);

/*
 * May this node run the role, as far as the model goes? Its guard comes on top.
 * Source: ARCHITECTURE.md, the right to run.
 */
bool role_may_run_on(const struct role *role, uint32_t node);

/* May this node write for it, by an export of its disks? It has to be proven that it does not. */
bool role_is_exported_by(const struct role *role, uint32_t node);
/* CLOSING, or NONE when it is proven that nothing of the export is left. */
void role_redirect_end(struct role *role, enum redirect_state state, const char *why);
/* A redirect whose guest has gone, or has its files again elsewhere, is to end. */
void role_redirect_settle(struct role *role);

/* Nodes that may be running it now: nobody else may start it before each has evidence against it. */
node_set role_possible_runners(const struct role *role);

/* Does it take memory of this node? It runs there, or a move may bring it there. */
bool role_occupies(const struct role *role, uint32_t node);

#endif
