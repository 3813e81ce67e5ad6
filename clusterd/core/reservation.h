/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_CORE_RESERVATION_H
#define CLU_CLUSTERD_CORE_RESERVATION_H

/*
 * What it proves that a lost node has no key on a target any more: that the target refuses all that it
 * writes. Of the model alone. README.md, "Reservations".
 */

#include "clusterd/protocol/object.h"

struct model;

/* Volumes by whose reservations alone the node can be kept from the disks of all that it may run by them. */
uint64_t reservation_volumes(const struct model *model, uint32_t node);

/* That the node has no key on these volumes: does it prove that it cannot write to any disk of the role? */
bool reservation_covers(const struct role *role, uint64_t volumes);

/* The same: of any role that it may run? */
bool reservation_is_of_use(const struct model *model, uint32_t node, uint64_t volumes);

/* What a role that is started now can be kept from so; 0: it may write elsewhere. */
uint64_t reservation_of_start(const struct model *model, const struct role *role);

#endif
