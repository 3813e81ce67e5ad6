/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/apply.h"

#include <assert.h>

#include "clusterd/base/mutation.h"
#include "clusterd/base/text.h"
#include "clusterd/core/node_state.h"
#include "clusterd/core/placement.h"
#include "clusterd/core/role_state.h"

/* What nodes report of roles, and what follows from a runner that is gone. */

#define RETRY_FIRST_MS 5000
#define RETRY_LAST_MS  300000

/*
 * Failure budget: at once after the first failure, then 5 s, doubling, up to
 * five minutes; never given up. Source: field complaint 35.
 */
static uint32_t retry_delay_ms(uint32_t failures)
{
        if (failures <= 1)
                return 0;
        uint32_t doublings = failures - 2;
        if (doublings > 6)
                return RETRY_LAST_MS;
        uint32_t delay = (uint32_t)RETRY_FIRST_MS << doublings;
        return delay < RETRY_LAST_MS ? delay : RETRY_LAST_MS;
}

static void fail(struct apply *apply, struct role *role, uint32_t delay_ms, const char *reason)
{
        role_enter(role, ROLE_FAILED, apply->index, reason);
        role->owner = NODE_NONE;
        role->target = NODE_NONE;
        role->retry_ms = delay_ms;
        role->failed_time_ms = apply->time_ms;
}

/* It runs nowhere, and no failure of its own is to blame: what is wanted decides. */
static void displaced(struct apply *apply, struct role *role, const char *reason)
{
        if (role->desired == DESIRED_STOPPED) {
                apply_role_rest(apply, role, reason);
        } else if (role->state != ROLE_RECOVERING) {
                role_enter(role, ROLE_RECOVERING, apply->index, reason);
        } else {
                TEXT_COPY(role->reason, reason);
        }
}

static void settle_on(struct apply *apply, struct role *role, uint32_t owner, const char *reason)
{
        const struct node *node = model_node(apply->model, owner);
        role->owner = owner;
        role->target = NODE_NONE;
        if (role->failback == owner)
                role->failback = NODE_NONE; /* home again */
        role->owner_evidence = (struct evidence){ .kind = EVIDENCE_NONE };
        role->target_evidence = (struct evidence){ .kind = EVIDENCE_NONE };
        if (node->state == NODE_LOST) { /* it said so before it was lost */
                char lost[REASON_BYTES];
                TEXT_PRINT(lost, "its owner %s is lost; waiting for evidence", node->name);
                role->lost_owner = owner;
                role_enter(role, ROLE_RECOVERING, apply->index, lost);
                return;
        }
        role_enter(role, role->desired == DESIRED_RUNNING ? ROLE_ONLINE : ROLE_STOPPING, apply->index,
                   reason);
}

/* Both ends have spoken, or there is evidence for those that cannot. */
static void resolve_move(struct apply *apply, struct role *role)
{
        char reason[REASON_BYTES];
        if ((role->owner_end == MOVE_END_UNKNOWN || role->target_end == MOVE_END_UNKNOWN) &&
            !(MUTATED(MOVE_ENDS_BY_ONE) && role->owner_end != role->target_end))
                return;
        bool on_owner = role->owner_end == MOVE_END_RUNNING, on_target = role->target_end == MOVE_END_RUNNING;
        if (on_owner && on_target && !MUTATED(MOVE_ENDS_TWICE)) {
                TEXT_COPY(role->reason, "both ends of the move say that it runs there: the source stops what "
                                        "the move left behind");
                return;
        }
        if (on_owner || on_target) {
                role->last_move.from = role->owner;
                role->last_move.to = role->target;
                role->last_move.succeeded = on_target;
                role->last_move.index = apply->index;
                if (on_target)
                        TEXT_PRINT(reason, "moved from %s", model_node_name(apply->model, role->owner));
                else
                        TEXT_PRINT(reason, "stayed: the move to %.40s failed: %.80s",
                                   model_node_name(apply->model, role->target), role->reason);
                settle_on(apply, role, on_target ? role->target : role->owner, reason);
                return;
        }
        displaced(apply, role, "lost during a move; it runs on neither end");
}

/*
 * The guest left its source: it may have arrived after the evidence against the target was given. A target
 * that is here again must say so itself; one that may have booted again unheard is to be proven off once
 * more.
 */
static void reopen_target(struct apply *apply, struct role *role)
{
        struct node *target = (struct node *)model_node(apply->model, role->target);
        if (role->target_end != MOVE_END_ABSENT || target == NULL || MUTATED(TARGET_STAYS_PROVEN))
                return;
        if (target->state == NODE_DOWN && !MUTATED(TARGET_PROVEN_BY_OLD_EVIDENCE)) {
                node_enter(target, NODE_LOST, apply->index,
                           "a guest may have arrived there since it was proven off");
                target->incarnation++; /* no evidence of before counts any more */
                target->evidence = (struct evidence){ .kind = EVIDENCE_NONE };
                apply_changed_node(apply, target);
        }
        role->target_end = MOVE_END_UNKNOWN;
        role->target_evidence = (struct evidence){ .kind = EVIDENCE_NONE };
}

void apply_runner_gone(struct apply *apply, struct role *role, uint32_t node, const struct evidence *evidence)
{
        assert(role_may_run_on(role, node));
        bool is_owner = role->owner == node;
        switch (role->state) {
        case ROLE_STARTING:
        case ROLE_ONLINE:
        case ROLE_RECOVERING:
                role->owner_evidence = *evidence;
                displaced(apply, role, "its owner cannot run it any more; to be started elsewhere");
                break;
        case ROLE_STOPPING:
                role->owner_evidence = *evidence;
                apply_role_rest(apply, role, "its owner cannot run it any more");
                break;
        case ROLE_MOVING:
                if (is_owner)
                        reopen_target(apply, role);
                *(is_owner ? &role->owner_evidence : &role->target_evidence) = *evidence;
                *(is_owner ? &role->owner_end : &role->target_end) = MOVE_END_ABSENT;
                resolve_move(apply, role);
                break;
        case ROLE_OFFLINE:
        case ROLE_FAILED:
        case ROLE_STATE_COUNT:
                break;
        }
        apply_changed_role(apply, role);
}

static bool is_of_stall(enum report_kind kind)
{
        return kind == REPORT_STALLED || kind == REPORT_RESUMED;
}

static bool is_gone(enum report_kind kind)
{
        return kind != REPORT_RUNNING && kind != REPORT_STABLE && !is_of_stall(kind);
}

static void report_while_online(struct apply *apply, struct role *role,
                                const struct command_role_report *report)
{
        switch (report->kind) {
        case REPORT_SHUT_DOWN: /* somebody inside wanted it: not a failure. Source: field complaint 46 */
                role->desired = DESIRED_STOPPED;
                role->failback = NODE_NONE;
                apply_role_rest(apply, role, "the guest shut itself down");
                break;
        case REPORT_STOPPED:
                displaced(apply, role, report->text);
                break;
        case REPORT_FAILED:
        case REPORT_START_FAILED:
        case REPORT_ABSENT:
                role->failures++;
                fail(apply, role, retry_delay_ms(role->failures), report->text);
                break;
        case REPORT_STABLE:
                role->failures = 0;
                break;
        case REPORT_RUNNING:
        case REPORT_STALLED:
        case REPORT_RESUMED:
        case REPORT_COUNT:
                break;
        }
}

/* A node that is full is none: the planner would come back to one where it failed, and that without a pause.
 */
static bool has_untried_node(const struct model *model, const struct role *role)
{
        struct placement_load load;
        uint32_t node = NODE_NONE;
        char reason[REASON_BYTES];
        placement_load_read(model, &load);
        return placement_choose(model, role, &load, role->tried, &node, reason) == PLACEMENT_FOUND;
}

static void report_while_starting(struct apply *apply, struct role *role,
                                  const struct command_role_report *report)
{
        if (report->kind == REPORT_RUNNING) {
                role->tried = 0;
                role_enter(role, ROLE_ONLINE, apply->index, role->reason);
                return;
        }
        if (report->kind == REPORT_STOPPED || report->kind == REPORT_ABSENT) {
                displaced(apply, role, report->text); /* its guard lapsed, or it was told to stop */
                return;
        }
        if (report->kind == REPORT_SHUT_DOWN) { /* it ran, and was gone before that was told */
                role_enter(role, ROLE_ONLINE, apply->index, role->reason);
                report_while_online(apply, role, report);
                return;
        }
        if (!is_gone(report->kind))
                return;
        /* Another node at once; after the last one, a pause and all of them again. */
        role->tried |= node_set_of(report->node);
        role->failures++;
        bool another = has_untried_node(apply->model, role);
        if (!another)
                role->tried = 0;
        fail(apply, role, another ? 0 : retry_delay_ms(role->failures + 1), report->text);
}

static void report_while_moving(struct apply *apply, struct role *role,
                                const struct command_role_report *report)
{
        bool is_owner = report->node == role->owner;
        if (is_owner) {
                role->last_move.duration_ms = report->duration_ms;
                role->last_move.downtime_ms = report->downtime_ms;
                if (report->kind == REPORT_SHUT_DOWN)
                        role->desired = DESIRED_STOPPED;
        }
        if (is_gone(report->kind)) {
                struct evidence evidence = { .kind = EVIDENCE_STOPPED, .index = apply->index };
                apply_runner_gone(apply, role, report->node, &evidence);
                return;
        }
        *(is_owner ? &role->owner_end : &role->target_end) = MOVE_END_RUNNING;
        if (is_owner && report->text[0] != '\0')
                TEXT_COPY(role->reason, report->text); /* why it is still there */
        resolve_move(apply, role);
}

static void report_while_recovering(struct apply *apply, struct role *role,
                                    const struct command_role_report *report)
{
        if (report->kind == REPORT_RUNNING) {
                settle_on(apply, role, role->owner, "its owner returned, still running it");
                return;
        }
        struct evidence evidence = { .kind = EVIDENCE_STOPPED, .index = apply->index };
        apply_runner_gone(apply, role, report->node, &evidence);
}

static bool may_report(struct apply *apply, const struct role *role, const struct command_role_report *report)
{
        if (report->node != apply->origin && !MUTATED(REPORT_FOR_OTHERS)) {
                apply_refuse(apply, "node %u reports for itself only, not for %u", apply->origin,
                             report->node);
                return false;
        }
        if (report->generation != role->generation && !MUTATED(REPORT_OF_OLD_GENERATION)) {
                apply_refuse(apply, "the report is of generation %llu, role '%s' is at %llu",
                             (unsigned long long)report->generation, role->name,
                             (unsigned long long)role->generation);
                return false;
        }
        const struct node *node = model_node(apply->model, report->node);
        if (node == NULL || (node->state != NODE_UP && !MUTATED(REPORT_BY_THE_LOST)) ||
            !(role_may_run_on(role, report->node) || MUTATED(REPORT_BY_NOBODY))) {
                apply_refuse(apply, "%s may not run role '%s', so its report is of no use",
                             model_node_name(apply->model, report->node), role->name);
                return false;
        }
        return true;
}

/* Its owner runs it as before: nothing follows but that it is known. */
static void report_stall(struct apply *apply, struct role *role, const struct command_role_report *report)
{
        bool stalled = report->kind == REPORT_STALLED;
        if (role->state != ROLE_ONLINE || stalled == (role->stall.index != 0)) {
                apply_refuse(apply, "role '%s' is %s%s: '%s' does not follow", role->name,
                             role_state_name(role->state), role->stall.index != 0 ? " and has stalled" : "",
                             report_kind_name(report->kind));
                return;
        }
        role->stall = (struct role_stall){ .index = 0 };
        if (stalled) {
                role->stall.index = apply->index;
                role->stall.time_ms = apply->time_ms;
                TEXT_COPY(role->stall.text, report->text);
        }
        apply_changed_role(apply, role);
}

void apply_role_report(struct apply *apply, const struct command_role_report *report)
{
        struct role *role = apply_role(apply, report->role);
        if (role == NULL || !may_report(apply, role, report))
                return;
        if (is_of_stall(report->kind)) {
                report_stall(apply, role, report);
                return;
        }
        bool single =
                role->state == ROLE_STARTING || role->state == ROLE_ONLINE || role->state == ROLE_STOPPING;
        if (single && is_gone(report->kind))
                role->owner_evidence = (struct evidence){ .kind = EVIDENCE_STOPPED, .index = apply->index };
        switch (role->state) {
        case ROLE_STARTING:
                report_while_starting(apply, role, report);
                break;
        case ROLE_ONLINE:
                report_while_online(apply, role, report);
                break;
        case ROLE_STOPPING:
                if (is_gone(report->kind))
                        apply_role_rest(apply, role, "stopped");
                break;
        case ROLE_MOVING:
                report_while_moving(apply, role, report);
                break;
        case ROLE_RECOVERING:
                report_while_recovering(apply, role, report);
                break;
        case ROLE_OFFLINE:
        case ROLE_FAILED:
        case ROLE_STATE_COUNT:
                break;
        }
        apply_changed_role(apply, role);
}
