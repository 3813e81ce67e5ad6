/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_CORE_LEASE_GUARD_H
#define CLU_CLUSTERD_CORE_LEASE_GUARD_H

/*
 * Which roles the leases of a node guard beside its contact, and what proves
 * that neither does any more. Of the model alone, so every node that has
 * applied the same history says the same. README.md, "The two guards".
 */

#include "clusterd/protocol/object.h"

#include "csv-storage/lease_timings.h"

struct model;

/* Of a lease taken by these settings, on a node with a watchdog or without. LEASE_TIMINGS_OK, or not. */
struct lease_timings lease_timings_of(const struct settings *settings, bool watchdog);

/* May its leases let this node run the role without contact? Each of them has to stand then. */
bool lease_guards(const struct model *model, const struct role *role, uint32_t node);

/* Volumes of whose leases the node has to be without for its roles to be proven gone. */
uint64_t lease_guard_volumes(const struct model *model, uint32_t node);

/* That its contact and its leases on these volumes have expired: does it prove that it runs the role no more?
 */
bool lease_evidence_covers(const struct model *model, const struct role *role, uint32_t node,
                           uint64_t expired);

/* The same: does it prove anything? */
bool lease_evidence_is_of_use(const struct model *model, uint32_t node, uint64_t expired);

/* That it gave its leases on these volumes up, because it was asked to after it was lost: does it prove that
 * it runs the role no more? */
bool lease_release_covers(const struct role *role, uint32_t node, uint64_t released);

/* The same: does it prove anything? */
bool lease_release_is_of_use(const struct model *model, uint32_t node, uint64_t released);

#endif
