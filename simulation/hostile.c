/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A planner gone wrong: it multicasts commands that nobody may obey. Nodes
 * check for themselves, so every one of them must be refused by all alike, or
 * have become right by the time it is applied (see claims.c).
 */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "simulation/world.h"

/* How a wrong command differs from a right one. */
enum wrong {
        WRONG_NOT,    /* it may be right: then only its time or place is wrong */
        WRONG_STALE,  /* of the generation or incarnation before */
        WRONG_FORGED, /* names evidence that there is none of, or another's name */
        WRONG_ROUND   /* sent in the round before */
};

static const char *const wrong_names[] = { "", " stale", " forged", " late" };

/* Assignments are what does most harm: drawn more often. What a node says of its path is for stories alone:
 * once it is believed to have one, no rule can tell a lie. */
static const char *const verbs[] = { "assign",   "assign",   "assign", "move",    "report",
                                     "evidence", "join",     "lost",   "drained", "epoch",
                                     "relocate", "redirect", "closed", "ready",   "path" };
#define VERBS_DRAWN (sizeof(verbs) / sizeof(verbs[0]) - 1)

struct proposal {
        struct simulated_node *sender;
        const struct model *model;
        struct command command;
        enum wrong wrong;
};

/* One is enough: against the target, if there was one. */
static void forge_evidence(const struct proposal *proposal, struct command_role_assign *assign,
                           bool has_target)
{
        struct cluster_status status;
        cluster_status_read(proposal->sender->core, &status);
        struct evidence *evidence = has_target ? &assign->target_evidence : &assign->owner_evidence;
        *evidence = (struct evidence){ .kind = EVIDENCE_STOPPED, .index = status.applied.index };
}

static void write_assign(struct proposal *proposal, const struct role *role, uint32_t node)
{
        struct command_role_assign *assign = &proposal->command.role_assign;
        proposal->command.kind = COMMAND_ROLE_ASSIGN;
        TEXT_COPY(assign->role, role->name);
        assign->node = node;
        assign->generation = role->generation + (proposal->wrong != WRONG_STALE);
        assign->owner_evidence = role->owner_evidence;
        assign->target_evidence = role->target_evidence;
        if (proposal->wrong == WRONG_FORGED)
                forge_evidence(proposal, assign, role->target != NODE_NONE);
        TEXT_COPY(assign->reason, "a planner gone wrong");
}

static void write_move(struct proposal *proposal, const struct role *role, uint32_t node)
{
        struct command_role_move *move = &proposal->command.role_move;
        proposal->command.kind = COMMAND_ROLE_MOVE;
        TEXT_COPY(move->role, role->name);
        move->target = node;
        move->generation = role->generation + (proposal->wrong != WRONG_STALE);
        TEXT_COPY(move->reason, "a planner gone wrong");
}

/*
 * Of a node by another. Or by the node itself, for which it has to be true: of what it ran a generation ago,
 * that it does not run what it has no part in, or that what recovers runs on.
 */
static void write_report(struct world *world, struct proposal *proposal, const struct role *role,
                         uint32_t node)
{
        struct command_role_report *report = &proposal->command.role_report;
        proposal->command.kind = COMMAND_ROLE_REPORT;
        report->kind = REPORT_STOPPED;
        if (node == proposal->sender->id) {
                bool runs = role->state == ROLE_RECOVERING && role->owner == node &&
                            hypervisor_is_running(world, proposal->sender, role->name);
                bool has_part = role->owner == node || role->target == node;
                proposal->wrong = has_part && !runs ? WRONG_STALE : WRONG_NOT;
                if (runs)
                        report->kind = REPORT_RUNNING;
        }
        TEXT_COPY(report->role, role->name);
        report->node = node;
        report->generation = role->generation - (proposal->wrong == WRONG_STALE);
}

static void write_relocate(struct proposal *proposal, const struct role *role)
{
        struct command_role_relocate *relocate = &proposal->command.role_relocate;
        proposal->command.kind = COMMAND_ROLE_RELOCATE;
        TEXT_COPY(relocate->role, role->name);
        relocate->stall = role->stall.index - (proposal->wrong == WRONG_STALE && role->stall.index != 0);
        TEXT_COPY(relocate->reason, "a planner gone wrong");
}

/* Of a role that stands still: any node is to write for it. */
static void write_redirect(struct proposal *proposal, const struct role *role, uint32_t node)
{
        struct command_role_redirect *redirect = &proposal->command.role_redirect;
        proposal->command.kind = COMMAND_ROLE_REDIRECT;
        TEXT_COPY(redirect->role, role->name);
        redirect->exporter = node;
        redirect->stall = role->stall.index - (proposal->wrong == WRONG_STALE && role->stall.index != 0);
        TEXT_COPY(redirect->reason, "a planner gone wrong");
}

/* By the node itself only of an earlier one: what it says of this one is believed. */
static void write_closed(struct proposal *proposal, const struct role *role, uint32_t node)
{
        struct command_redirect_report *report = &proposal->command.redirect_report;
        bool stale = proposal->wrong == WRONG_STALE || node == proposal->sender->id;
        proposal->command.kind = COMMAND_REDIRECT_REPORT;
        TEXT_COPY(report->role, role->name);
        report->node = node;
        report->index = role->redirect.index - (stale && role->redirect.index != 0);
        report->kind = REDIRECT_REPORT_CLOSED;
}

static void write_evidence(struct proposal *proposal, const struct node *node)
{
        struct command_node_evidence *evidence = &proposal->command.node_evidence;
        proposal->command.kind = COMMAND_NODE_EVIDENCE;
        evidence->node = node->id;
        evidence->incarnation = node->incarnation - (proposal->wrong == WRONG_STALE);
        /* What proves a node off is taken on trust from whoever turned it off: no rule can tell. */
        evidence->kind = proposal->wrong == WRONG_STALE ? EVIDENCE_POWERED_OFF : EVIDENCE_STOPPED;
}

static void write_join(struct proposal *proposal, const struct node *node)
{
        struct command_node_join *join = &proposal->command.node_join;
        proposal->command.kind = COMMAND_NODE_JOIN;
        join->node = node->id;
        TEXT_COPY(join->name, node->name);
        join->boot = node->boot + 1;
        join->memory_mib = node->memory_mib;
}

static void write_node(struct proposal *proposal, enum command_kind kind, const struct node *node)
{
        proposal->command.kind = kind;
        proposal->command.node.node = node->id;
        proposal->command.node.incarnation = node->incarnation - (proposal->wrong == WRONG_STALE);
        TEXT_COPY(proposal->command.node.reason, "a planner gone wrong");
}

static bool write_ready(struct proposal *proposal, const struct volume *volume)
{
        if (volume == NULL)
                return false;
        proposal->command.kind = COMMAND_VOLUME_READY;
        TEXT_COPY(proposal->command.volume.volume, volume->name);
        proposal->command.volume.identity = volume->identity - (proposal->wrong == WRONG_STALE);
        TEXT_COPY(proposal->command.volume.reason, "a planner gone wrong");
        return true;
}

static bool write_path(struct proposal *proposal, const struct volume *volume, uint32_t node)
{
        struct command_volume_report *report = &proposal->command.volume_report;
        if (volume == NULL)
                return false;
        proposal->command.kind = COMMAND_VOLUME_REPORT;
        TEXT_COPY(report->volume, volume->name);
        report->identity = volume->identity - (proposal->wrong == WRONG_STALE);
        report->node = node;
        report->state = PATH_DIRECT;
        return true;
}

static bool write_command(struct world *world, struct proposal *proposal, const char *verb,
                          const char *role_name, uint32_t node)
{
        const struct role *role = model_role(proposal->model, role_name);
        const struct node *known = model_node(proposal->model, node);
        if (known == NULL || node == NODE_NONE)
                return false;
        if (text_equal(verb, "ready"))
                return write_ready(proposal, model_volume(proposal->model, role_name));
        if (text_equal(verb, "path"))
                return write_path(proposal, model_volume(proposal->model, role_name), node);
        if (text_equal(verb, "evidence")) {
                write_evidence(proposal, known);
        } else if (text_equal(verb, "join")) {
                if (node == proposal->sender->id)
                        return false; /* what a node says of itself is true, or nothing is */
                write_join(proposal, known);
        } else if (text_equal(verb, "lost")) {
                write_node(proposal, COMMAND_NODE_LOST, known);
        } else if (text_equal(verb, "drained")) {
                write_node(proposal, COMMAND_NODE_DRAINED, known);
        } else if (text_equal(verb, "epoch")) {
                proposal->command.kind = COMMAND_EPOCH;
                proposal->command.epoch.leader = node;
                proposal->command.epoch.settings = proposal->model->settings;
        } else if (role == NULL) {
                return false;
        } else if (text_equal(verb, "assign")) {
                write_assign(proposal, role, node);
        } else if (text_equal(verb, "redirect")) {
                write_redirect(proposal, role, node);
        } else if (text_equal(verb, "closed")) {
                write_closed(proposal, role, node);
        } else if (text_equal(verb, "relocate")) {
                write_relocate(proposal, role);
        } else if (text_equal(verb, "move")) {
                write_move(proposal, role, node);
        } else if (text_equal(verb, "report")) {
                write_report(world, proposal, role, node);
        } else {
                return false;
        }
        return true;
}

static void multicast(struct world *world, const struct proposal *proposal)
{
        struct simulated_node *sender = proposal->sender;
        struct message message;
        memset(&message, 0, sizeof(message));
        message.kind = MESSAGE_PROPOSE;
        message.round = proposal->wrong == WRONG_ROUND ? sender->round_before : sender->round;
        message.propose.command = proposal->command;
        message.propose.request.node = sender->id;
        /* Under another's name: what that one says of itself would be believed. */
        if (proposal->wrong == WRONG_FORGED && proposal->command.kind == COMMAND_ROLE_REPORT)
                message.propose.request.node = proposal->command.role_report.node;
        else if (proposal->wrong == WRONG_FORGED && proposal->command.kind == COMMAND_NODE_JOIN)
                message.propose.request.node = proposal->command.node_join.node;
        message.propose.request.incarnation = 1; /* nobody's: nobody waits for it */
        TEXT_PRINT(message.propose.actor, "%s%.16s", HOSTILE_ACTOR, sender->name);
        network_send(world, sender, &message);
}

struct words {
        char verb[16], role[NAME_BYTES], wrong[16];
        unsigned node;
};

/* "assign vm01 n2 stale": a verb, a role, volume or "-", a node, how it is wrong. */
static bool words_read(const char *text, struct words *ret_words, enum wrong *ret_wrong)
{
        memset(ret_words, 0, sizeof(*ret_words));
        *ret_wrong = WRONG_NOT;
        int count = sscanf(text, "%15s %63s n%u %15s", ret_words->verb, ret_words->role, &ret_words->node,
                           ret_words->wrong);
        for (enum wrong each = WRONG_STALE; each <= WRONG_ROUND; each++)
                if (text_equal(wrong_names[each] + 1, ret_words->wrong))
                        *ret_wrong = each;
        bool known = false;
        for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
                known = known || text_equal(verbs[i], ret_words->verb);
        return known && (count == 3 || (count == 4 && *ret_wrong != WRONG_NOT));
}

int hostile_words_check(const char *text, char ret_error[VERB_ERROR_BYTES])
{
        struct words words;
        enum wrong wrong;
        if (words_read(text, &words, &wrong))
                return 0;
        (void)snprintf(ret_error, VERB_ERROR_BYTES, "'%.64s' is no proposal: %s", text,
                       incident_rule(INCIDENT_PROPOSE)->help);
        return -EINVAL;
}

void hostile_carry_out(struct world *world, const struct incident *incident)
{
        struct words words;
        struct proposal proposal = { .sender = &world->nodes[incident->node] };
        if (!shell_runs(world, proposal.sender))
                return;
        proposal.model = cluster_model(proposal.sender->core);
        if (!words_read(incident->words, &words, &proposal.wrong) || words.node > world->node_count)
                return;
        if (write_command(world, &proposal, words.verb, words.role, words.node))
                multicast(world, &proposal);
}

/* --- when, and which --- */

static struct incident draw(struct world *world, const char *verb, const char *role)
{
        struct random *random = &world->faults.random;
        struct incident incident = { .kind = INCIDENT_PROPOSE };
        incident.node = 1 + (uint32_t)random_below(random, world->node_count);
        unsigned node = 1 + (unsigned)random_below(random, world->node_count);
        enum wrong wrong = (enum wrong)random_below(random, WRONG_ROUND + 1);
        if (text_equal(verb, "report") && random_chance(random, 500))
                incident.node = node;
        TEXT_PRINT(incident.words, "%s %s n%u%s", verb, role, node, wrong_names[wrong]);
        return incident;
}

struct incident hostile_draw(struct world *world)
{
        struct random *random = &world->faults.random;
        const char *verb = verbs[random_below(random, VERBS_DRAWN)];
        char role[NAME_BYTES];
        if (text_equal(verb, "ready"))
                TEXT_PRINT(role, "csv%u", 1 + (unsigned)random_below(random, 2));
        else
                TEXT_PRINT(role, "vm%02u", 1 + (unsigned)random_below(random, world->operator.names));
        return draw(world, verb, role);
}

/* Who may run a role is open for moments only: that is when a wrong assignment does harm. */
void hostile_on_committed(struct world *world)
{
        if (!world->faults.on || world->faults.weight[FAULT_PROPOSAL] == 0)
                return;
        MODEL_EACH_ROLE (world->checker.reference, role) {
                if (role->since_index != world->checker.count ||
                    (role->state != ROLE_RECOVERING && role->state != ROLE_MOVING) ||
                    !random_chance(&world->faults.random, 300))
                        continue;
                bool speaks = role->state == ROLE_MOVING || random_chance(&world->faults.random, 300);
                struct incident incident = draw(world, speaks ? "report" : "assign", role->name);
                incident_schedule(world, incident, random_between(&world->faults.random, 0, MS(200)));
        }
}
