/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What an entry must have been for it to be obeyed, whoever proposed it. Asked
 * of what the history said before it, not of the rules that let it pass.
 */

#include <inttypes.h>

#include "clusterd/base/text.h"
#include "clusterd/core/apply.h"
#include "simulation/world.h"

/* Its source is a member, and has not said how a move to that node ended. */
static bool is_arriving(const struct model *model, uint32_t node)
{
        MODEL_EACH_ROLE (model, role)
                if (role->state == ROLE_MOVING && role->target == node &&
                    role->owner_end == MOVE_END_UNKNOWN && model->nodes[role->owner].state == NODE_UP)
                        return true;
        return false;
}

static bool is_unmarked(const struct model *model, const char *name, uint32_t node)
{
        const struct volume *volume = model_volume(model, name);
        return volume == NULL || volume_path(volume, node) == PATH_UNKNOWN;
}

void claims_remember(struct world *world, const struct command *command)
{
        struct claims *claims = &world->checker.claims;
        const struct model *model = world->checker.reference;
        const struct role *role = NULL;
        uint32_t node = NODE_NONE;
        switch ((int)command->kind) {
        case COMMAND_ROLE_ASSIGN:
                role = model_role(model, command->role_assign.role);
                node = command->role_assign.node;
                break;
        case COMMAND_ROLE_MOVE:
                role = model_role(model, command->role_move.role);
                node = command->role_move.target;
                break;
        case COMMAND_ROLE_RELOCATE:
                role = model_role(model, command->role_relocate.role);
                break;
        case COMMAND_ROLE_REPORT:
                role = model_role(model, command->role_report.role);
                node = command->role_report.node;
                break;
        case COMMAND_NODE_EVIDENCE:
                node = command->node_evidence.node;
                claims->arriving = is_arriving(model, node);
                break;
        case COMMAND_NODE_JOIN:
                node = command->node_join.node;
                break;
        case COMMAND_VOLUME_REPORT:
                node = command->volume_report.node;
                claims->unmarked = is_unmarked(model, command->volume_report.volume, node);
                break;
        case COMMAND_NODE_LOST:
        case COMMAND_NODE_CONFIRM_OFF:
        case COMMAND_NODE_DRAINED:
        case COMMAND_NODE_EVICT:
                node = command->node.node;
                break;
        default:
                break;
        }
        claims->settings = model->settings;
        claims->role = role == NULL ? (struct role){ .name = "" } : *role;
        claims->node = node == NODE_NONE || node > NODES_MAX ? (struct node){ .id = 0 } : model->nodes[node];
}

#define CLAIM(holds, role, ...)                                                                              \
        do {                                                                                                 \
                if (!(holds))                                                                                \
                        world_violate(world, "4: a wrong command is obeyed", node, role, __VA_ARGS__);       \
        } while (0)

static bool takes_roles(const struct node *node)
{
        return node->state == NODE_UP && node->duty == DUTY_ACTIVE;
}

static void check_assign(struct world *world, const struct simulated_node *node, uint64_t index,
                         const struct command_role_assign *assign)
{
        const struct role *before = &world->checker.claims.role;
        CLAIM(assign->generation == before->generation + 1, assign->role,
              "entry %" PRIu64 " assigns generation %" PRIu64 " after %" PRIu64, index, assign->generation,
              before->generation);
        CLAIM(before->state == ROLE_OFFLINE || before->state == ROLE_FAILED ||
                      before->state == ROLE_RECOVERING,
              assign->role, "entry %" PRIu64 " assigns what is %s", index, role_state_name(before->state));
        CLAIM(before->desired == DESIRED_RUNNING, assign->role, "entry %" PRIu64 " starts what nobody wants",
              index);
        CLAIM(takes_roles(&world->checker.claims.node) &&
                      (before->possible == 0 || node_set_has(before->possible, assign->node)),
              assign->role, "entry %" PRIu64 " assigns it to n%u, which takes it not", index, assign->node);
}

static void check_move(struct world *world, const struct simulated_node *node, uint64_t index,
                       const struct command_role_move *move)
{
        const struct role *before = &world->checker.claims.role;
        CLAIM(move->generation == 0 || move->generation == before->generation + 1, move->role,
              "entry %" PRIu64 " moves generation %" PRIu64 " after %" PRIu64, index, move->generation,
              before->generation);
        CLAIM(before->state == ROLE_ONLINE, move->role, "entry %" PRIu64 " moves what is %s", index,
              role_state_name(before->state));
        CLAIM(takes_roles(&world->checker.claims.node), move->role,
              "entry %" PRIu64 " moves it to n%u, which takes no roles", index, move->target);
}

/* Of what was proven, and of what was given to nobody, there is nothing left to say. */
static bool has_a_say(const struct role *role, uint32_t node)
{
        bool is_owner = node == role->owner, is_target = node == role->target;
        if (role->state == ROLE_MOVING)
                return (is_owner && role->owner_end != MOVE_END_ABSENT) ||
                       (is_target && role->target_end != MOVE_END_ABSENT);
        if (role->state == ROLE_RECOVERING)
                return is_owner && role->owner_evidence.kind == EVIDENCE_NONE;
        return is_owner && role->state != ROLE_OFFLINE && role->state != ROLE_FAILED;
}

static void check_report(struct world *world, const struct simulated_node *node, uint64_t index,
                         const struct command_role_report *report, uint32_t origin)
{
        const struct role *before = &world->checker.claims.role;
        CLAIM(report->node == origin, report->role, "entry %" PRIu64 ": n%u reports for n%u", index, origin,
              report->node);
        CLAIM(report->generation == before->generation, report->role,
              "entry %" PRIu64 " reports generation %" PRIu64 " at %" PRIu64, index, report->generation,
              before->generation);
        CLAIM(has_a_say(before, report->node), report->role,
              "entry %" PRIu64 ": n%u reports of what it may not run", index, report->node);
        CLAIM(world->checker.claims.node.state == NODE_UP, report->role,
              "entry %" PRIu64 ": n%u reports, which is no member", index, report->node);
}

static void check_evidence(struct world *world, const struct simulated_node *node, uint64_t index,
                           const struct command_node_evidence *evidence)
{
        const struct node *before = &world->checker.claims.node;
        CLAIM(before->state == NODE_LOST, NULL, "entry %" PRIu64 " proves n%u off, which is %s", index,
              evidence->node, node_state_name(before->state));
        CLAIM(evidence->incarnation == before->incarnation, NULL,
              "entry %" PRIu64 " proves incarnation %" PRIu64 " of n%u off at %" PRIu64, index,
              evidence->incarnation, evidence->node, before->incarnation);
        CLAIM(evidence->kind == EVIDENCE_POWERED_OFF ||
                      (evidence->kind == EVIDENCE_GUARD_EXPIRED && before->watchdog) ||
                      evidence->kind == EVIDENCE_LEASE_RELEASED ||
                      evidence->kind == EVIDENCE_RESERVATION_PREEMPTED,
              NULL, "entry %" PRIu64 ": %s does not prove that n%u is off", index,
              evidence_kind_name(evidence->kind), evidence->node);
        CLAIM(evidence->kind == EVIDENCE_POWERED_OFF || !world->checker.claims.arriving, NULL,
              "entry %" PRIu64 ": the guard of n%u has expired, and a guest may still arrive there", index,
              evidence->node);
}

/* What was said of a node before it returned must not be taken for a word of it since. */
static void check_join(struct world *world, const struct simulated_node *node, uint64_t index,
                       const struct command_node_join *join, uint32_t origin)
{
        const struct node *before = &world->checker.claims.node;
        const struct node *after = &world->checker.reference->nodes[join->node];
        bool returns = before->id != NODE_NONE && (before->state != NODE_UP || before->boot != join->boot);
        CLAIM(join->node == origin, NULL, "entry %" PRIu64 ": n%u joins for n%u", index, origin, join->node);
        CLAIM(!returns || after->incarnation > before->incarnation, NULL,
              "entry %" PRIu64 ": n%u returns, and is incarnation %" PRIu64 " as before", index, join->node,
              after->incarnation);
        CLAIM(!before->evicted || join->fresh, NULL,
              "entry %" PRIu64 ": n%u was evicted, and joins as what it was", index, join->node);
        CLAIM(!before->fence_wanted || before->boot != join->boot, NULL,
              "entry %" PRIu64 ": n%u is to be off, and joins without having been off", index, join->node);
}

/* A lost node goes by the times that it knew. */
static void check_settings(struct world *world, const struct simulated_node *node, uint64_t index)
{
        const struct model *model = world->checker.reference;
        if (settings_guard_ms(&model->settings) >= settings_guard_ms(&world->checker.claims.settings))
                return;
        MODEL_EACH_NODE (model, known)
                CLAIM(known->state != NODE_LOST, NULL,
                      "entry %" PRIu64 " shortens the guard's times, and n%u is lost", index, known->id);
}

static void check_removed(struct world *world, const struct simulated_node *node, uint64_t index,
                          const char *role)
{
        WORLD_EACH_NODE (world, other)
                CLAIM(!other->powered || hypervisor_domain(world, other, role) == NULL, role,
                      "entry %" PRIu64 " removes it, and %s has it", index, other->name);
}

/* A migration of a move that has ended since, which a libvirtd that stood still has begun: its guest runs at
 * its source. A known limit, see clusterd/guard/README.md. */
static bool is_taken_up_late(struct world *world, struct simulated_node *target, const char *name)
{
        const struct role *role = model_role(world->checker.reference, name);
        const struct domain *domain = hypervisor_domain(world, target, name);
        return domain != NULL && domain->state == DOMAIN_INCOMING &&
               (role == NULL || role->state != ROLE_MOVING || role->target != target->id);
}

static void check_empty(struct world *world, const struct simulated_node *node, uint64_t index,
                        uint32_t empty)
{
        for (uint32_t number = 0; number < world->names.count; number++)
                CLAIM(!hypervisor_may_run(world, &world->nodes[empty], world->names.name[number]) ||
                              history_left_behind(world, &world->nodes[empty], world->names.name[number]) ||
                              is_taken_up_late(world, &world->nodes[empty], world->names.name[number]),
                      world->names.name[number],
                      "entry %" PRIu64 " says that n%u is empty, and it may run it", index, empty);
}

static void check_drained(struct world *world, const struct simulated_node *node, uint64_t index,
                          uint32_t drained)
{
        CLAIM(world->checker.claims.node.duty != DUTY_ACTIVE, NULL,
              "entry %" PRIu64 " says that n%u is drained", index, drained);
        check_empty(world, node, index, drained);
}

static void check_evicted(struct world *world, const struct simulated_node *node, uint64_t index,
                          uint32_t evicted)
{
        const struct node *before = &world->checker.claims.node;
        CLAIM(before->state == NODE_DOWN || (before->state == NODE_UP && before->duty == DUTY_DRAINED), NULL,
              "entry %" PRIu64 " evicts n%u, which is %s and %s", index, evicted,
              node_state_name(before->state), node_duty_name(before->duty));
        check_empty(world, node, index, evicted);
}

/* Every member has left its mark where the others see it: one that is alone sees what it sees. */
static void check_ready(struct world *world, const struct simulated_node *node, uint64_t index,
                        const char *name)
{
        const struct model *model = world->checker.reference;
        const struct volume *volume = model_volume(model, name);
        uint32_t members = 0;
        MODEL_EACH_NODE (model, known)
                members += known->state == NODE_UP;
        MODEL_EACH_NODE (model, known)
                CLAIM(members == 1 || known->state != NODE_UP || volume_holds_mark(world, volume, known),
                      NULL, "entry %" PRIu64 " takes %s for proven, and n%u has left no mark there", index,
                      name, known->id);
}

/* Nobody speaks under another's name: a hostile proposal says who sent it. */
static void check_name(struct world *world, const struct simulated_node *node, uint64_t index,
                       const struct entry *entry)
{
        size_t length = sizeof(HOSTILE_ACTOR) - 1;
        uint32_t origin = entry->request.node;
        if (strncmp(entry->actor, HOSTILE_ACTOR, length) != 0)
                return;
        CLAIM(origin <= world->node_count && text_equal(entry->actor + length, world->nodes[origin].name),
              NULL, "entry %" PRIu64 " of %s stands under the name of n%u", index, entry->actor + length,
              origin);
}

void claims_check(struct world *world, const struct simulated_node *node, uint64_t index,
                  const struct entry *entry)
{
        const struct command *command = &entry->command;
        const struct node *before = &world->checker.claims.node;
        check_name(world, node, index, entry);
        switch ((int)command->kind) {
        case COMMAND_ROLE_ASSIGN:
                check_assign(world, node, index, &command->role_assign);
                return;
        case COMMAND_ROLE_MOVE:
                check_move(world, node, index, &command->role_move);
                return;
        case COMMAND_ROLE_RELOCATE:
                CLAIM(world->checker.claims.role.stall.index != 0, command->role_relocate.role,
                      "entry %" PRIu64 " stops a guest that runs", index);
                return;
        case COMMAND_ROLE_REPORT:
                check_report(world, node, index, &command->role_report, entry->request.node);
                return;
        case COMMAND_ROLE_REMOVE:
                check_removed(world, node, index, command->role.role);
                return;
        case COMMAND_NODE_EVIDENCE:
                check_evidence(world, node, index, &command->node_evidence);
                return;
        case COMMAND_NODE_JOIN:
                check_join(world, node, index, &command->node_join, entry->request.node);
                return;
        case COMMAND_NODE_EVICT:
                check_evicted(world, node, index, command->node.node);
                return;
        case COMMAND_CLUSTER_SET:
                check_settings(world, node, index);
                return;
        case COMMAND_NODE_LOST:
                CLAIM(before->state == NODE_UP && before->incarnation == command->node.incarnation, NULL,
                      "entry %" PRIu64 " loses incarnation %" PRIu64 " of n%u, which is %s at %" PRIu64,
                      index, command->node.incarnation, command->node.node, node_state_name(before->state),
                      before->incarnation);
                return;
        case COMMAND_NODE_CONFIRM_OFF:
                CLAIM(before->state == NODE_LOST, NULL, "entry %" PRIu64 " vouches for n%u, which is %s",
                      index, command->node.node, node_state_name(before->state));
                return;
        case COMMAND_VOLUME_READY:
                check_ready(world, node, index, command->volume.volume);
                return;
        case COMMAND_VOLUME_REPORT:
                CLAIM(command->volume_report.state != PATH_DIRECT || !world->checker.claims.unmarked, NULL,
                      "entry %" PRIu64 ": n%u has a path to %s before its mark", index,
                      command->volume_report.node, command->volume_report.volume);
                return;
        case COMMAND_NODE_DRAINED:
                check_drained(world, node, index, command->node.node);
                return;
        default:
                return;
        }
}
