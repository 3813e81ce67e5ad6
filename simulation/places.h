/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_PLACES_H
#define CLU_SIMULATION_PLACES_H

/*
 * Where a role could be, and what keeps it from there: an account of its own,
 * of the committed history, that asks neither the core's placement nor its
 * planner. What the core shows as a reason is held against it.
 */

#include "clusterd/core/model.h"

/* An open node, outside `except`, with memory enough for it. */
bool places_has(const struct model *model, const struct role *role, node_set except);
/* Who may still run it, and has not said, nor has anybody proven, that it does not. */
node_set places_unproven(const struct role *role);
/* Has it a level of fence devices that is complete? */
bool places_is_leased(const struct model *model, const struct role *role, uint32_t node);
bool places_can_be_fenced(const struct model *model, uint32_t node);
/* A reason is shown for which the role waits, and each word of it is so; otherwise text says what is not. */
bool places_reason_is_true(const struct model *model, const struct role *role, char *text, size_t text_bytes);

#endif
