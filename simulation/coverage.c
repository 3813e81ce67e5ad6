/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "simulation/coverage.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "clusterd/core/apply.h"
#include "simulation/world.h"

static void count(struct world *world, enum coverage_table table, unsigned row, unsigned column)
{
        assert(row < COVERAGE_ROWS_MAX && column < COVERAGE_COLUMNS_MAX);
        world->statistics->coverage.cell[table][row][column]++;
}

void coverage_begin(struct world *world)
{
        memset(&world->coverage, 0, sizeof(world->coverage));
        world->coverage.role_state = calloc(world->roles_max, 1);
        assert(world->coverage.role_state != NULL);
}

void coverage_release(struct world *world)
{
        free(world->coverage.role_state);
        world->coverage.role_state = NULL;
}

void coverage_incident(struct world *world, enum incident_kind kind)
{
        count(world, COVERAGE_INCIDENTS, kind, 0);
}

void coverage_event(struct world *world, const struct cluster_event *event)
{
        count(world, COVERAGE_EVENTS, event->kind, 0);
        if (event->kind == CLUSTER_EVENT_OPERATION_DONE)
                count(world, COVERAGE_OPERATIONS, event->operation.operation, event->operation.result);
        else if (event->kind == CLUSTER_EVENT_OBSERVED)
                count(world, COVERAGE_OBSERVATIONS, event->observed.observation, 0);
        else if (event->kind == CLUSTER_EVENT_LISTED && !event->listed.end && !event->listed.failed)
                count(world, COVERAGE_OBSERVATIONS, event->listed.observation, 1);
}

void coverage_action(struct world *world, const struct cluster_action *action)
{
        count(world, COVERAGE_ACTIONS, action->kind, 0);
        if (action->kind == CLUSTER_ACTION_REPLY)
                count(world, COVERAGE_REPLIES, action->reply.outcome, 0);
}

void coverage_message(struct world *world, enum message_kind kind)
{
        count(world, COVERAGE_MESSAGES, kind, 0);
}

void coverage_standing(struct world *world, const struct simulated_node *node,
                       const struct cluster_status *status)
{
        enum standing standing = STANDING_APART;
        if (status->active)
                standing = status->leader == node->id ? STANDING_LEADER : STANDING_LEVEL;
        else if (status->leader != NODE_NONE)
                standing = STANDING_LAGGARD;
        else if (status->primary)
                standing = STANDING_UNDECIDED;
        count(world, COVERAGE_STANDINGS, standing, 0);
}

/* --- committed entries --- */

static void note_refusal(struct coverage *coverage, const char *reason)
{
        char text[REFUSAL_BYTES];
        size_t used = 0;
        for (const char *c = reason; *c != '\0' && used + 1 < sizeof(text); c++) {
                bool named = isdigit((unsigned char)*c) && c > reason && isalpha((unsigned char)c[-1]);
                if (named && used > 0 && (c < reason + 2 || !isalpha((unsigned char)c[-2])))
                        used--; /* n3: the letter goes, too */
                if (!isdigit((unsigned char)*c))
                        text[used++] = *c;
                else if (used == 0 || text[used - 1] != '*')
                        text[used++] = '*';
        }
        text[used] = '\0';
        for (size_t i = 0; i < COVERAGE_REFUSALS_MAX; i++) {
                if (coverage->refusals[i].count == 0)
                        TEXT_COPY(coverage->refusals[i].text, text);
                if (!text_equal(coverage->refusals[i].text, text))
                        continue;
                coverage->refusals[i].count++;
                return;
        }
}

static void note_edges(struct world *world, const struct apply *apply)
{
        const struct model *model = apply->model;
        MODEL_EACH_NODE (model, node) {
                uint8_t *before = &world->coverage.node_state[node->id];
                if (node->since_index == apply->index && (node->state != *before || node->state == NODE_UP))
                        count(world, COVERAGE_NODE_EDGES, *before, node->state);
                *before = (uint8_t)node->state;
        }
        const struct slot_list *changed = &apply->changes->roles;
        for (uint32_t i = 0; i < changed->count; i++) {
                const struct role *role = &model->roles[changed->slots[i]];
                uint8_t *before = &world->coverage.role_state[changed->slots[i]];
                if (role->name[0] != '\0' && role->state != *before)
                        count(world, COVERAGE_ROLE_EDGES, *before, role->state);
                *before = (uint8_t)role->state;
        }
}

void coverage_entry(struct world *world, const struct apply *apply, const struct command *command)
{
        count(world, COVERAGE_COMMANDS, command->kind, apply->outcome);
        if (apply->outcome != APPLY_DONE) {
                note_refusal(&world->statistics->coverage, apply->reason);
                return;
        }
        if (command->kind == COMMAND_ROLE_REPORT) {
                const struct role *role = model_role(apply->model, command->role_report.role);
                count(world, COVERAGE_REPORTS, command->role_report.kind,
                      world->coverage.role_state[role - apply->model->roles]);
        } else if (command->kind == COMMAND_NODE_EVIDENCE) {
                count(world, COVERAGE_EVIDENCE, command->node_evidence.kind, 0);
        } else if (command->kind == COMMAND_NODE_CONFIRM_OFF) {
                count(world, COVERAGE_EVIDENCE, EVIDENCE_OPERATOR, 0);
        } else if (command->kind == COMMAND_ROLE_ASSIGN) {
                count(world, COVERAGE_EVIDENCE, command->role_assign.owner_evidence.kind, 1);
                count(world, COVERAGE_EVIDENCE, command->role_assign.target_evidence.kind, 2);
        }
        note_edges(world, apply);
}

void coverage_add(struct coverage *sum, const struct coverage *one)
{
        uint64_t *to = &sum->cell[0][0][0];
        const uint64_t *from = &one->cell[0][0][0];
        for (size_t i = 0; i < sizeof(sum->cell) / sizeof(*to); i++)
                to[i] += from[i];
        for (size_t i = 0; i < COVERAGE_REFUSALS_MAX && one->refusals[i].count != 0; i++) {
                size_t at = 0;
                while (at < COVERAGE_REFUSALS_MAX && sum->refusals[at].count != 0 &&
                       !text_equal(sum->refusals[at].text, one->refusals[i].text))
                        at++;
                if (at == COVERAGE_REFUSALS_MAX)
                        continue;
                TEXT_COPY(sum->refusals[at].text, one->refusals[i].text);
                sum->refusals[at].count += one->refusals[i].count;
        }
}
