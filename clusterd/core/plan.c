/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/plan.h"

#include <string.h>

#include "clusterd/base/text.h"
#include "clusterd/core/cluster_private.h"
#include "clusterd/core/fence_level.h"
#include "clusterd/core/lease_guard.h"
#include "clusterd/core/reservation.h"
#include "clusterd/core/role_state.h"

/* A plan that does not come to rest within so many passes is cut. */
#define PASSES_MAX 256

struct planning {
        struct model *model;
        const struct cluster *cluster;
        struct plan *plan;
        uint64_t index;
};

static enum apply_outcome apply_step(struct planning *planning, const struct command *command,
                                     uint32_t origin, char reason[REASON_BYTES])
{
        struct apply apply = { .model = planning->model, .index = ++planning->index, .origin = origin };
        apply_command(&apply, command);
        memcpy(reason, apply.reason, REASON_BYTES);
        return apply.outcome;
}

static void describe(struct planning *planning, const struct command *command)
{
        struct plan *plan = planning->plan;
        if (plan->count == PLAN_STEPS_MAX) {
                plan->cut = true;
                return;
        }
        struct plan_step *step = &plan->steps[plan->count++];
        memset(step, 0, sizeof *step);
        step->kind = command->kind;
        command_subject(command, step->subject, sizeof step->subject);
        const struct role *role = NULL;
        if (command->kind == COMMAND_ROLE_ASSIGN) {
                role = model_role(planning->model, command->role_assign.role);
                step->to = command->role_assign.node;
                TEXT_COPY(step->reason, command->role_assign.reason);
        } else if (command->kind == COMMAND_ROLE_MOVE) {
                role = model_role(planning->model, command->role_move.role);
                step->to = command->role_move.target;
                TEXT_COPY(step->reason, command->role_move.reason);
        } else if (command->kind == COMMAND_ROLE_COPY) {
                TEXT_PRINT(step->reason, "its disk %s goes to %.90s; %s", command->role_copy.disk,
                           command->role_copy.to,
                           command->role_copy.keep ? "the old image stays" : "the old image is removed");
        } else if (command->kind == COMMAND_FENCE_TEST) {
                TEXT_COPY(step->reason, command->fence_test.reason);
        } else if (command->kind == COMMAND_FENCE_TESTED) {
                TEXT_COPY(step->reason, command->fence_tested.reason);
        } else if (command->kind == COMMAND_NODE_LOST || command->kind == COMMAND_NODE_DRAINED ||
                   command->kind == COMMAND_NODE_EVICT) {
                TEXT_COPY(step->reason, command->node.reason);
        } else if (command->kind == COMMAND_VOLUME_ADD) {
                TEXT_PRINT(step->reason, "every member looks for it at %.100s", command->volume_add.path);
        } else if (command->kind == COMMAND_VOLUME_READY) {
                TEXT_COPY(step->reason, command->volume.reason);
        }
        step->from = role == NULL ? NODE_NONE : role->owner;
}

static bool pretend_report(struct planning *planning, const struct role *role, uint32_t node,
                           enum report_kind kind)
{
        struct command command = { .kind = COMMAND_ROLE_REPORT };
        char ignored[REASON_BYTES];
        TEXT_COPY(command.role_report.role, role->name);
        command.role_report.node = node;
        command.role_report.generation = role->generation;
        command.role_report.kind = kind;
        return apply_step(planning, &command, node, ignored) == APPLY_DONE;
}

/* Whatever is under way succeeds; what lost nodes would have to say is not said. True if anything changed. */
static bool pretend_success(struct planning *planning)
{
        bool progress = false;
        MODEL_EACH_ROLE (planning->model, role) {
                uint32_t owner = role->owner, target = role->target;
                if (role->state == ROLE_STARTING) {
                        progress |= pretend_report(planning, role, owner, REPORT_RUNNING);
                } else if (role->state == ROLE_STOPPING) {
                        progress |= pretend_report(planning, role, owner, REPORT_STOPPED);
                } else if (role->state == ROLE_MOVING) {
                        progress |= role->owner_end != MOVE_END_ABSENT &&
                                    pretend_report(planning, role, owner, REPORT_ABSENT);
                        progress |= role->state == ROLE_MOVING && role->target_end != MOVE_END_RUNNING &&
                                    pretend_report(planning, role, target, REPORT_RUNNING);
                }
        }
        return progress;
}

static void pretend_path(struct planning *planning, const struct volume *volume, uint32_t node,
                         enum path_state state)
{
        struct command command = { .kind = COMMAND_VOLUME_REPORT };
        char ignored[REASON_BYTES];
        TEXT_COPY(command.volume_report.volume, volume->name);
        command.volume_report.identity = volume->identity;
        command.volume_report.node = node;
        command.volume_report.state = state;
        (void)apply_step(planning, &command, node, ignored);
}

/* Every member finds what is being proven: nobody has looked, so the reason says if. */
static bool pretend_proofs(struct planning *planning)
{
        bool progress = false;
        MODEL_EACH_VOLUME (planning->model, volume) {
                struct command command = { .kind = COMMAND_VOLUME_READY };
                char ignored[REASON_BYTES];
                if (volume->state != VOLUME_PROVING)
                        continue;
                MODEL_EACH_NODE (planning->model, node) {
                        pretend_path(planning, volume, node->id, PATH_MARKED);
                        pretend_path(planning, volume, node->id, PATH_DIRECT);
                }
                TEXT_COPY(command.volume.volume, volume->name);
                command.volume.identity = volume->identity;
                TEXT_COPY(command.volume.reason, "if every member sees what the others write there");
                describe(planning, &command);
                progress |= apply_step(planning, &command, planning->cluster->identity.node, ignored) ==
                            APPLY_DONE;
        }
        return progress;
}

/* Lost nodes are proven to be off, by what they have. */
static bool pretend_evidence(struct planning *planning)
{
        bool progress = false;
        MODEL_EACH_NODE (planning->model, node) {
                if (node->state != NODE_LOST)
                        continue;
                struct command command = { .kind = COMMAND_NODE_EVIDENCE };
                char ignored[REASON_BYTES];
                command.node_evidence.node = node->id;
                command.node_evidence.incarnation = node->incarnation;
                if (fence_level_after(planning->model, node->id, 0) != 0)
                        command.node_evidence.kind = EVIDENCE_POWERED_OFF;
                else if (node->watchdog)
                        command.node_evidence.kind = EVIDENCE_GUARD_EXPIRED;
                else if (reservation_volumes(planning->model, node->id) != 0)
                        command.node_evidence.kind = EVIDENCE_RESERVATION_PREEMPTED;
                else
                        continue; /* nothing can prove it: the plan ends here */
                command.node_evidence.leases = lease_guard_volumes(planning->model, node->id);
                command.node_evidence.reservations = reservation_volumes(planning->model, node->id);
                describe(planning, &command);
                progress |= apply_step(planning, &command, planning->cluster->identity.node, ignored) ==
                            APPLY_DONE;
        }
        return progress;
}

static void say_step(const struct planning *planning, const struct node *node, char reason[REASON_BYTES])
{
        char devices[NAME_BYTES] = "";
        MODEL_EACH_FENCE_DEVICE (planning->model, device)
                if (device->level == node->test_level && node_set_has(device->targets, node->id))
                        fence_devices_add(devices, device->name);
        (void)snprintf(reason, REASON_BYTES, "level %u: turned %s by %s, as its status has to confirm",
                       node->test_level, node->test_off ? "on" : "off", devices);
}

/* Level by level, as its devices say. */
static bool pretend_test(struct planning *planning)
{
        bool progress = false;
        MODEL_EACH_NODE (planning->model, node)
                while (node->test_level != 0 && node->state != NODE_LOST) {
                        struct command command = { .kind = COMMAND_FENCE_TESTED };
                        char ignored[REASON_BYTES];
                        command.fence_tested.node = node->id;
                        command.fence_tested.level = node->test_level;
                        command.fence_tested.on = node->test_off;
                        command.fence_tested.succeeded = true;
                        say_step(planning, node, command.fence_tested.reason);
                        describe(planning, &command);
                        progress |= apply_step(planning, &command, planning->cluster->identity.node,
                                               ignored) == APPLY_DONE;
                }
        return progress;
}

static bool plan_pass(struct planning *planning, struct planner_output *output)
{
        struct planner_input input = {
                .model = planning->model,
                .now_ms = 0,
                .order = planning->cluster->order, /* scratch between two steps */
        };
        bool progress = false;
        planner_pass(&input, output);
        for (size_t i = 0; i < output->count; i++) {
                char ignored[REASON_BYTES];
                describe(planning, &output->step[i].command);
                progress |= apply_step(planning, &output->step[i].command, planning->cluster->identity.node,
                                       ignored) == APPLY_DONE;
        }
        return progress;
}

void plan_command(const struct cluster *cluster, const struct command *command, struct model *scratch,
                  struct plan *ret_plan)
{
        struct planning planning = {
                .model = scratch,
                .cluster = cluster,
                .plan = ret_plan,
                .index = cluster->ledger.applied.index,
        };
        ret_plan->count = 0;
        ret_plan->cut = false;
        ret_plan->reason[0] = '\0';
        model_copy(scratch, cluster->model);

        struct command settled = *command;
        enum apply_outcome outcome = APPLY_REFUSED;
        if (planner_settle_target(scratch, &settled, ret_plan->reason)) {
                describe(&planning, &settled);
                outcome = apply_step(&planning, &settled, cluster->identity.node, ret_plan->reason);
        }
        ret_plan->outcome = outcome == APPLY_DONE      ? REPLY_DONE
                            : outcome == APPLY_REFUSED ? REPLY_REFUSED
                                                       : REPLY_NO_OBJECT;
        if (outcome != APPLY_DONE)
                return;
        struct planner_output output;
        for (int pass = 0; pass < PASSES_MAX && !ret_plan->cut; pass++) {
                bool progress = pretend_success(&planning);
                progress |= pretend_proofs(&planning);
                progress |= pretend_evidence(&planning);
                progress |= pretend_test(&planning);
                progress |= plan_pass(&planning, &output);
                if (!progress)
                        return;
        }
        ret_plan->cut = true;
}
