/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Reads the committed history as it grows, keeps its own account of who may
 * run what, and asks of each piece of evidence: is it there, and was it true?
 */

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "clusterd/core/apply.h"
#include "clusterd/core/role_state.h"
#include "simulation/world.h"

static struct runner_record *record_of(struct world *world, const char *name)
{
        return &world->checker.runners[names_number(&world->names, name)];
}

static void require_evidence(struct world *world, const struct simulated_node *node, const char *role,
                             uint64_t index, uint32_t runner, const struct evidence *evidence)
{
        if (runner == NODE_NONE)
                return;
        if (evidence->kind == EVIDENCE_NONE)
                world_violate(world, "3: start without evidence", node, role,
                              "entry %" PRIu64 " assigns it without evidence against n%u", index, runner);
        else if (evidence->index == 0 || evidence->index >= index)
                world_violate(world, "3: start without evidence", node, role,
                              "entry %" PRIu64 " names entry %" PRIu64 " as evidence against n%u", index,
                              evidence->index, runner);
}

/* Does the entry that an evidence names speak of that runner, in the way that the kind says? */
static void require_fitting(struct world *world, const struct simulated_node *node, const char *role,
                            uint32_t runner, const struct evidence *evidence)
{
        if (runner == NODE_NONE || evidence->index == 0 || evidence->index > world->checker.count)
                return;
        const struct command *proof = &world->checker.committed[evidence->index - 1].command;
        bool fits = false;
        switch (proof->kind) {
        case COMMAND_ROLE_REPORT:
                fits = evidence->kind == EVIDENCE_STOPPED && text_equal(proof->role_report.role, role) &&
                       proof->role_report.node == runner;
                break;
        case COMMAND_NODE_EVIDENCE:
                fits = evidence->kind == proof->node_evidence.kind && proof->node_evidence.node == runner;
                break;
        case COMMAND_NODE_CONFIRM_OFF:
                fits = evidence->kind == EVIDENCE_OPERATOR && proof->node.node == runner;
                break;
        case COMMAND_NODE_JOIN:
                fits = proof->node_join.node == runner;
                break;
        default:
                break;
        }
        if (!fits)
                world_violate(world, "3: start without evidence", node, role,
                              "entry %" PRIu64 " (%s) does not prove that n%u cannot run it", evidence->index,
                              command_kind_name(proof->kind), runner);
}

static void on_assign(struct world *world, const struct simulated_node *node, uint64_t index,
                      const struct command_role_assign *assign)
{
        struct runner_record *record = record_of(world, assign->role);
        require_evidence(world, node, assign->role, index, record->owner, &assign->owner_evidence);
        require_evidence(world, node, assign->role, index, record->target, &assign->target_evidence);
        require_fitting(world, node, assign->role, record->owner, &assign->owner_evidence);
        require_fitting(world, node, assign->role, record->target, &assign->target_evidence);
        if (assign->owner_evidence.kind != EVIDENCE_NONE && assign->owner_evidence.kind != EVIDENCE_STOPPED)
                world->statistics->failovers++;
        record->owner = assign->node;
        record->target = NODE_NONE;
}

/* Only a live move has two possible runners; an OCF role is stopped first. */
static void on_move(struct world *world, const struct command_role_move *move)
{
        const struct role *role = model_role(world->checker.reference, move->role);
        if (role == NULL || role->state != ROLE_MOVING)
                return;
        struct runner_record *record = record_of(world, move->role);
        record->target = role->target;
        record->ended = false;
}

static bool report_is_gone(enum report_kind kind)
{
        return kind != REPORT_RUNNING && kind != REPORT_STABLE && kind != REPORT_STALLED &&
               kind != REPORT_RESUMED;
}

static void on_report(struct world *world, uint64_t index, const struct command_role_report *report)
{
        const struct role *role = model_role(world->checker.reference, report->role);
        const struct simulated_node *by = &world->nodes[report->node];
        if (report->kind == REPORT_RUNNING && role != NULL && role->state == ROLE_ONLINE &&
            role->owner == report->node && history_left_behind(world, by, report->role))
                world_violate(world, "3: false evidence", by, report->role,
                              "a guest that was left behind is taken for one that was started");
        if (report_is_gone(report->kind) &&
            hypervisor_may_run(world, &world->nodes[report->node], report->role))
                world_violate(world, "3: false evidence", &world->nodes[report->node], report->role,
                              "reports in entry %" PRIu64 " that it is gone, and may run it", index);
}

static void on_redirect_report(struct world *world, uint64_t index,
                               const struct command_redirect_report *report)
{
        if (report->kind == REDIRECT_REPORT_CLOSED &&
            export_may_write(world, &world->nodes[report->node], report->role))
                world_violate(world, "3: false evidence", &world->nodes[report->node], report->role,
                              "reports in entry %" PRIu64 " that its export is closed, and it may write",
                              index);
}

/* Now that both ends are proven not to run it, that has to be true; it may be assigned from now on. */
static void require_gone(struct world *world, struct runner_record *record, const struct role *role)
{
        const uint32_t ends[] = { record->owner, record->target };
        record->ended = true;
        /* Until its source had ended the move, a guest could still arrive there. */
        if (role->target_evidence.index < role->owner_evidence.index)
                world_violate(world, "3: false evidence", &world->nodes[record->target], role->name,
                              "entry %" PRIu64
                              " proved that it is not there, its source ended the move in %" PRIu64,
                              role->target_evidence.index, role->owner_evidence.index);
        for (size_t i = 0; i < 2; i++)
                if (hypervisor_may_run(world, &world->nodes[ends[i]], role->name) &&
                    !history_left_behind(world, &world->nodes[ends[i]], role->name))
                        world_violate(world, "3: false evidence", &world->nodes[ends[i]], role->name,
                                      "its move has ended on neither end, and it may run there");
}

/* Who is down is asked no more, and proven no more: nobody would ever end that move. */
static void require_provable(struct world *world, const struct role *role)
{
        NODE_SET_EACH (role_possible_runners(role), runner)
                if (world->checker.reference->nodes[runner].state == NODE_DOWN)
                        world_violate(world, "6: waits for a node that is down", NULL, role->name,
                                      "it may run on n%u", runner);
}

/* A move has ended, with the guest on one of its ends: only that one may run it now. */
static void require_settled(struct world *world, const struct runner_record *record, const struct role *role)
{
        uint32_t other = role->owner == record->owner ? record->target : record->owner;
        const struct domain *domain = hypervisor_domain(world, &world->nodes[other], role->name);
        if (domain != NULL && (domain->state == DOMAIN_RUNNING || domain->state == DOMAIN_PAUSED) &&
            !history_left_behind(world, &world->nodes[other], role->name))
                world_violate(world, "3: false evidence", &world->nodes[other], role->name,
                              "its move has ended elsewhere, and it is still here");
}

static void settle_moves(struct world *world)
{
        for (uint32_t number = 0; number < world->names.count; number++) {
                struct runner_record *record = &world->checker.runners[number];
                if (record->target == NODE_NONE)
                        continue;
                const struct role *role = model_role(world->checker.reference, world->names.name[number]);
                if (role == NULL)
                        continue;
                require_provable(world, role);
                bool has_owner =
                        role->target == NODE_NONE &&
                        (role->state == ROLE_ONLINE || role->state == ROLE_STOPPING ||
                         (role->state == ROLE_RECOVERING && role->owner_evidence.kind == EVIDENCE_NONE));
                if (!record->ended && !has_owner &&
                    (role->state == ROLE_RECOVERING || role->state == ROLE_OFFLINE))
                        require_gone(world, record, role);
                if (!has_owner)
                        continue;
                require_settled(world, record, role);
                record->owner = role->owner;
                record->target = NODE_NONE;
        }
}

/*
 * While the source has not ended the move, a guest may arrive at a target that was proven off and is back:
 * such evidence is not the last word, and what is asked of it is asked when the move has ended.
 */
static bool awaits_arrival(const struct world *world, const char *name, uint32_t about)
{
        const struct role *role = model_role(world->checker.reference, name);
        return role != NULL && role->state == ROLE_MOVING && role->target == about &&
               role->owner_end == MOVE_END_UNKNOWN;
}

/* The guard has expired, and leases have not: it says nothing of what these guard. */
static bool is_left_to_leases(const struct world *world, const char *name, uint32_t about)
{
        const struct role *role = model_role(world->checker.reference, name);
        return role != NULL && role_may_run_on(role, about) &&
               model_node(world->checker.reference, about)->state == NODE_LOST;
}

/* What has not begun yet would have to be confirmed first. */
static bool waits_for_gateways(const struct domain *domain)
{
        for (const struct hypervisor_job *job = domain->jobs; job != NULL; job = job->next)
                if (job->operation == OPERATION_START && job->volumes == 0)
                        return false;
        return domain->state == DOMAIN_NONE;
}

static bool cannot_write(struct world *world, const struct simulated_node *node, const struct domain *domain)
{
        return waits_for_gateways(domain) ||
               (domain->gateway.volumes != 0 && !gateway_may_write(world, node, domain));
}

bool history_left_behind(struct world *world, const struct simulated_node *node, const char *role)
{
        const struct domain *domain = &node->hypervisor.domains[names_number(&world->names, role)];
        return domain->left_behind && cannot_write(world, node, domain);
}

/* It is not gone: it cannot write, and its node knows that it has to stop it. */
static bool leave_behind(struct world *world, uint32_t number, uint32_t node)
{
        struct domain *domain = &world->nodes[node].hypervisor.domains[number];
        domain->left_behind = cannot_write(world, &world->nodes[node], domain);
        return domain->left_behind;
}

/* What is said of a whole node must be true of every role that it might have run. */
static void on_node_proof(struct world *world, const struct simulated_node *node, uint64_t index,
                          uint32_t about, enum evidence_kind kind)
{
        world_note(world, node, "entry %" PRIu64 " proves n%u down: %s", index, about,
                   evidence_kind_name(kind));
        for (uint32_t number = 0; number < world->names.count; number++) {
                const struct runner_record *record = &world->checker.runners[number];
                const char *name = world->names.name[number];
                if (kind != EVIDENCE_RESERVATION_PREEMPTED && kind != EVIDENCE_LEASE_RELEASED &&
                    export_may_write(world, &world->nodes[about], name))
                        world_violate(world, "3: false evidence", &world->nodes[about], name,
                                      "entry %" PRIu64 " says %s, and it may write for it", index,
                                      evidence_kind_name(kind));
                if (record->owner != about && record->target != about)
                        continue;
                if (awaits_arrival(world, name, about) || is_left_to_leases(world, name, about))
                        continue;
                if (hypervisor_may_run(world, &world->nodes[about], name) &&
                    !(kind == EVIDENCE_RESERVATION_PREEMPTED && leave_behind(world, number, about)))
                        world_violate(world, "3: false evidence", &world->nodes[about], name,
                                      "entry %" PRIu64 " says %s, and it may run there", index,
                                      evidence_kind_name(kind));
        }
}

static void note_committed(struct world *world, const struct simulated_node *node, uint64_t index,
                           const struct entry *entry)
{
        const struct command *command = &entry->command;
        char subject[NAME_BYTES + 8] = "", detail[160] = "";
        command_subject(command, subject, sizeof(subject));
        if (command->kind == COMMAND_ROLE_ASSIGN) {
                const struct command_role_assign *assign = &command->role_assign;
                TEXT_PRINT(detail,
                           "generation %" PRIu64 " to n%u, evidence %s of %" PRIu64 " and %s of %" PRIu64,
                           assign->generation, assign->node, evidence_kind_name(assign->owner_evidence.kind),
                           assign->owner_evidence.index, evidence_kind_name(assign->target_evidence.kind),
                           assign->target_evidence.index);
        } else if (command->kind == COMMAND_ROLE_MOVE) {
                TEXT_PRINT(detail, "generation %" PRIu64 " to n%u", command->role_move.generation,
                           command->role_move.target);
        } else if (command->kind == COMMAND_ROLE_REPORT) {
                TEXT_PRINT(detail, "generation %" PRIu64 " on n%u: %s", command->role_report.generation,
                           command->role_report.node, report_kind_name(command->role_report.kind));
        } else if (command->kind == COMMAND_NODE_EVIDENCE) {
                TEXT_PRINT(detail, "%s", evidence_kind_name(command->node_evidence.kind));
        }
        world_note(world, node, "COMMITTED %" PRIu64 ".%" PRIu64 " %s %s %s", entry->epoch, index,
                   command_kind_name(command->kind), subject, detail);
}

static void note_changed_role(struct world *world, const char *name)
{
        struct checker *checker = &world->checker;
        if (checker->changed_count == checker->changed_capacity) {
                checker->changed_capacity =
                        checker->changed_capacity == 0 ? 256 : 2 * checker->changed_capacity;
                checker->changed = realloc(checker->changed, checker->changed_capacity * sizeof(uint32_t));
                assert(checker->changed != NULL);
        }
        checker->changed[checker->changed_count++] = names_number(&world->names, name);
}

const uint32_t *history_changed_roles(const struct world *world, uint64_t first, uint64_t last,
                                      size_t *ret_count)
{
        const struct checker *checker = &world->checker;
        size_t from = first > checker->count ? checker->changed_count : checker->committed[first - 1].changed;
        size_t to = last >= checker->count ? checker->changed_count : checker->committed[last].changed;
        *ret_count = to - from;
        return checker->changed + from;
}

/* Takes the entry into the checker's own model: false when a rule refused it. */
static bool reference_apply(struct world *world, uint64_t index, const struct entry *entry)
{
        struct checker *checker = &world->checker;
        struct apply apply = { .model = checker->reference,
                               .changes = &checker->changes,
                               .index = index,
                               .time_ms = entry->time_ms,
                               .origin = entry->request.node };
        checker->committed[index - 1].changed = checker->changed_count;
        claims_remember(world, &entry->command);
        apply_command(&apply, &entry->command);
        coverage_entry(world, &apply, &entry->command);
        if (apply.outcome == APPLY_DONE && entry->command.kind == COMMAND_NODE_LOST)
                checker->lost_us[entry->command.node.node] = world->now_us;
        if (apply.outcome != APPLY_DONE)
                world_note(world, NULL, "entry %" PRIu64 " is refused: %s", index, apply.reason);
        struct slot_list *slots = &checker->changes.roles;
        for (uint32_t i = 0; i < slots->count; i++)
                if (checker->reference->roles[slots->slots[i]].name[0] != '\0')
                        note_changed_role(world, checker->reference->roles[slots->slots[i]].name);
        slot_list_clear(slots);
        if (apply.deleted && apply.deleted_kind == OBJECT_ROLE)
                note_changed_role(world, apply.deleted_name);
        tell_committed(world, entry, apply.outcome != APPLY_DONE, apply.reason);
        for (size_t i = checker->committed[index - 1].changed; i < checker->changed_count; i++)
                tell_role(world, world->names.name[checker->changed[i]]);
        return apply.outcome == APPLY_DONE;
}

void history_begin(struct world *world)
{
        struct checker *checker = &world->checker;
        struct object object;
        memset(&object, 0, sizeof(object));
        checker->runners = calloc(world->names.max, sizeof(*checker->runners));
        checker->changes.roles.slots = calloc(world->roles_max, sizeof(uint32_t));
        checker->changes.roles.listed = calloc(world->roles_max, sizeof(bool));
        checker->voters = world->settings.voters;
        checker->witness = world->settings.voters_witness;
        checker->storage = calloc(1, model_bytes(world->roles_max));
        assert(checker->runners != NULL && checker->changes.roles.slots != NULL &&
               checker->changes.roles.listed != NULL && checker->storage != NULL);
        checker->reference = model_init(checker->storage, world->roles_max);
        object.kind = OBJECT_SETTINGS;
        object.settings = world->settings;
        (void)model_put(checker->reference, &object);
}

void history_put(struct world *world, const struct object *object)
{
        (void)model_put(world->checker.reference, object);
        if (object->kind == OBJECT_ROLE) {
                record_of(world, object->role.name)->owner = object->role.owner;
                tell_role(world, object->role.name);
        }
}

void history_release(struct world *world)
{
        struct checker *checker = &world->checker;
        free(checker->committed);
        free(checker->changed);
        free(checker->epoch_leader);
        free(checker->fork.storage);
        free(checker->runners);
        free(checker->past_voters);
        free(checker->changes.roles.slots);
        free(checker->changes.roles.listed);
        free(checker->storage);
        memset(checker, 0, sizeof(*checker));
}

void history_committed(struct world *world, struct simulated_node *node, uint64_t index,
                       const struct entry *entry)
{
        const struct command *command = &entry->command;
        if (world->transcript.text)
                note_committed(world, node, index, entry);
        if (!reference_apply(world, index, entry))
                return;
        claims_check(world, node, index, entry);
        hostile_on_committed(world);
        /* What it proves is known before what it ends. */
        if (command->kind == COMMAND_NODE_EVIDENCE)
                on_node_proof(world, node, index, command->node_evidence.node, command->node_evidence.kind);
        else if (command->kind == COMMAND_NODE_CONFIRM_OFF)
                on_node_proof(world, node, index, command->node.node, EVIDENCE_OPERATOR);
        settle_moves(world);
        switch ((int)command->kind) {
        case COMMAND_ROLE_ASSIGN:
                on_assign(world, node, index, &command->role_assign);
                return;
        case COMMAND_ROLE_MOVE:
                on_move(world, &command->role_move);
                return;
        case COMMAND_ROLE_REPORT:
                on_report(world, index, &command->role_report);
                return;
        case COMMAND_REDIRECT_REPORT:
                on_redirect_report(world, index, &command->redirect_report);
                return;
        case COMMAND_ROLE_SET:
                if ((command->role_set.fields & ROLE_FIELD_DEFINITION) != 0)
                        image_defined(world, command->role_set.role.name);
                return;
        case COMMAND_ROLE_REMOVE:
                image_forget(world, command->role.role);
                memset(record_of(world, command->role.role), 0, sizeof(struct runner_record));
                return;
        default:
                return;
        }
}
