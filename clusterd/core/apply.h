/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_CORE_APPLY_H
#define CLU_CLUSTERD_CORE_APPLY_H

/*
 * Committed commands change the model, here and nowhere else.
 *
 * Every node applies the same entries in the same order and comes to the same
 * model, so nothing here may look at anything but the model and the entry.
 * Every rule of evidence is checked at this place, by every node: a planner
 * that is wrong is refused.
 */

#include "clusterd/core/changes.h"
#include "clusterd/protocol/command.h"

enum apply_outcome { APPLY_DONE, APPLY_REFUSED, APPLY_NO_OBJECT };

struct apply {
        /* given */
        struct model *model;
        struct changes *changes; /* NULL: nobody wants to know */
        uint64_t index;
        int64_t time_ms;
        uint32_t origin; /* the proposing node */
        /* result */
        enum apply_outcome outcome;
        char reason[REASON_BYTES]; /* of a refusal: what binds, and the remedy */
        bool deleted;
        enum object_kind deleted_kind;
        char deleted_name[NAME_BYTES];
        uint32_t devices_deleted; /* fence devices that were of use against an evicted node alone */
        char device_deleted[FENCE_DEVICES_MAX][NAME_BYTES];
};

/* A refused command changes nothing. */
void apply_command(struct apply *apply, const struct command *command);

/* All that a guard may take, from the last contact until nothing runs: what survivors wait. */
uint64_t settings_guard_ms(const struct settings *settings);
struct settings settings_changed(const struct settings *settings, const struct command_cluster_set *set);

/* For the files apply_*.c. */
void apply_refuse(struct apply *apply, const char *format, ...) __attribute__((format(printf, 2, 3)));
struct role *apply_role(struct apply *apply, const char *name); /* NULL: refused */
struct node *apply_node(struct apply *apply, uint32_t node);    /* NULL: refused */
/* Noted; and an export that its guest has no use for any more is to be closed. */
void apply_changed_role(struct apply *apply, struct role *role);
void apply_changed_node(struct apply *apply, const struct node *node);

void apply_node_join(struct apply *apply, const struct command_node_join *join);
void apply_node_lost(struct apply *apply, const struct command_node *lost, bool fence);
void apply_node_evidence(struct apply *apply, const struct command_node_evidence *evidence);
void apply_node_evict(struct apply *apply, const struct command_node *command);
void apply_node_quarantine(struct apply *apply, const struct command_node *command);
void apply_node_release(struct apply *apply, const struct command_node *command);
void apply_node_duty(struct apply *apply, const struct command_node *command, enum node_duty duty);
void apply_fence_test(struct apply *apply, const struct command_fence_test *test);
void apply_fence_tested(struct apply *apply, const struct command_fence_tested *tested);

void apply_role_add(struct apply *apply, const struct command_role_add *add);
void apply_role_set(struct apply *apply, const struct command_role_set *set);
void apply_role_start(struct apply *apply, const struct command_role *command);
void apply_role_stop(struct apply *apply, const struct command_role *command);
void apply_role_remove(struct apply *apply, const struct command_role *command);
void apply_role_assign(struct apply *apply, const struct command_role_assign *assign);
void apply_role_move(struct apply *apply, const struct command_role_move *move);
void apply_role_relocate(struct apply *apply, const struct command_role_relocate *command);
void apply_role_redirect(struct apply *apply, const struct command_role_redirect *command);
void apply_role_redirect_end(struct apply *apply, const struct command_role_redirect_end *command);
void apply_redirect_report(struct apply *apply, const struct command_redirect_report *report);
/* What it exported is gone, with all that it had received and not yet written. */
void apply_exports_gone(struct apply *apply, uint32_t node, const char *why);
void apply_role_copy(struct apply *apply, const struct command_role_copy *command);
void apply_role_copy_abort(struct apply *apply, const struct command_role *command);
void apply_copy_report(struct apply *apply, const struct command_copy_report *report);
void apply_role_report(struct apply *apply, const struct command_role_report *report);

void apply_volume_add(struct apply *apply, const struct command_volume_add *add);
void apply_volume_maintain(struct apply *apply, const struct command_volume *command);
void apply_volume_resume(struct apply *apply, const struct command_volume *command);
void apply_volume_move(struct apply *apply, const struct command_volume_move *move);
void apply_volume_remove(struct apply *apply, const struct command_volume *command);
void apply_volume_ready(struct apply *apply, const struct command_volume *command);
void apply_volume_drop(struct apply *apply, const struct command_volume *command);
void apply_volume_report(struct apply *apply, const struct command_volume_report *report);
/* The node joined anew: what it said of its paths was said of another boot, or before it was lost. */
void apply_paths_unknown(struct apply *apply, uint32_t node);
/* It booted: nothing runs there by a lease of before. Who returns without keeps what it said: it may still go
 * by it. */
void apply_leases_unknown(struct apply *apply, uint32_t node);
/* Those of a role, and proven; else refused. */
bool apply_volumes_exist(struct apply *apply, const struct role *role);
/* That of a witness of kind disk, and proven; else refused. */
bool apply_witness_volume(struct apply *apply, const struct witness *witness);

/* The roles of a node that is lost: who may run them is now open. */
void apply_suspend_roles(struct apply *apply, const struct node *node);
/* An epoch begins that an operator forced. */
void apply_forced(struct apply *apply, const struct command_epoch *epoch);

/* What is said of volumes as well, and proves only those roles that hang on these. The node need not be off.
 */
bool evidence_is_of_some_roles(enum evidence_kind kind);

bool node_may_run_something(const struct model *model, uint32_t node);

/*
 * May a guest still arrive on this node? Its guard can have expired before, and its source, which is in
 * contact, goes on sending: so the expiry proves nothing until the source has ended the move, and for a
 * guard's time after.
 */
bool node_awaits_arrival(const struct model *model, uint32_t node);

/* It runs nowhere. An OCF role on its way to another node keeps where to. */
void apply_role_rest(struct apply *apply, struct role *role, const char *reason);

/* One possible runner of a role can no longer run it. Source: ARCHITECTURE.md, evidence. */
void apply_runner_gone(struct apply *apply, struct role *role, uint32_t node,
                       const struct evidence *evidence);

#endif
