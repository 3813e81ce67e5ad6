/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "simulation/telling.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "simulation/world.h"

static bool is_told(const struct world *world)
{
        return world->telling.scenario != NULL;
}

void telling_begin(struct world *world, const struct scenario *scenario)
{
        struct telling *telling = &world->telling;
        telling->scenario = scenario;
        telling->fired = calloc(scenario->trigger_count + 1, sizeof(*telling->fired));
        telling->outages = calloc(world->names.max, sizeof(*telling->outages));
        telling->roles = calloc(world->names.max, sizeof(*telling->roles));
        assert(telling->fired != NULL && telling->outages != NULL && telling->roles != NULL);
        WORLD_EACH_NODE (world, node)
                telling->nodes[node->id].state = NODE_DOWN;
}

void telling_release(struct world *world)
{
        struct telling *telling = &world->telling;
        free(telling->told);
        free(telling->fired);
        free(telling->outages);
        free(telling->roles);
        free(telling->asked);
        *telling = (struct telling){ 0 };
}

/* --- events and what waits for them --- */

/* Word by word; the pattern may end first. */
static bool words_match(const char *pattern, const char *words)
{
        while (*pattern != '\0') {
                size_t length = strcspn(pattern, " "), other = strcspn(words, " ");
                bool any = length == 1 && *pattern == '*' && other > 0;
                if (!any && (length != other || strncmp(pattern, words, length) != 0))
                        return false;
                pattern += length + strspn(pattern + length, " ");
                words += other + strspn(words + other, " ");
        }
        return true;
}

bool pattern_matches(const struct pattern *pattern, const struct told *told)
{
        return words_match(pattern->words, told->words) && strstr(told->reason, pattern->reason) != NULL;
}

static void fire(struct world *world, const struct told *told)
{
        struct telling *telling = &world->telling;
        for (size_t i = 0; i < telling->scenario->trigger_count; i++) {
                const struct trigger *trigger = &telling->scenario->triggers[i];
                if (telling->fired[i] || !pattern_matches(&trigger->pattern, told))
                        continue;
                telling->fired[i] = true;
                incident_schedule(world, trigger->incident, trigger->delay_us);
        }
}

void tell(struct world *world, const char *reason, const char *format, ...)
{
        struct telling *telling = &world->telling;
        if (!is_told(world) || world->now_us < world->zero_us)
                return;
        if (telling->count == telling->capacity) {
                telling->capacity = telling->capacity == 0 ? 256 : 2 * telling->capacity;
                telling->told = realloc(telling->told, telling->capacity * sizeof(*telling->told));
                assert(telling->told != NULL);
        }
        struct told *told = &telling->told[telling->count++];
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(told->words, sizeof(told->words), format, arguments);
        va_end(arguments);
        told->at_us = world->now_us - world->zero_us;
        TEXT_PRINT(told->reason, "%s", reason == NULL ? "" : reason);
        fire(world, told);
}

/* --- the committed history --- */

static const char *name_of(struct world *world, uint32_t node)
{
        return node == NODE_NONE || node > world->node_count ? "-" : world->nodes[node].name;
}

void tell_role(struct world *world, const char *name)
{
        if (!is_told(world))
                return;
        uint32_t number = names_number(&world->names, name);
        const struct role *role = model_role(world->checker.reference, name);
        struct outage *outage = &world->telling.outages[number];
        if (role == NULL) {
                world->telling.roles[number].known = false;
                outage->ended = true;
                tell(world, "", "role %s removed", name);
                return;
        }
        outage->ended = role->desired == DESIRED_STOPPED;
        if (outage->ended || (outage->running == 0 && !outage->begun))
                outage->since_us = world->now_us;
        bool same = world->telling.roles[number].known && world->telling.roles[number].state == role->state &&
                    world->telling.roles[number].owner == role->owner;
        world->telling.roles[number].known = true;
        world->telling.roles[number].state = role->state;
        world->telling.roles[number].owner = role->owner;
        if (!same)
                tell(world, role->reason, "role %s %s %s", name, role_state_name(role->state),
                     name_of(world, role->state == ROLE_MOVING ? role->target : role->owner));
}

static void tell_node(struct world *world, const struct node *node)
{
        enum node_state state = world->telling.nodes[node->id].state;
        enum node_duty duty = world->telling.nodes[node->id].duty;
        world->telling.nodes[node->id].state = node->state;
        world->telling.nodes[node->id].duty = node->duty;
        if (node->state == NODE_DOWN && state != NODE_DOWN)
                tell(world, node->reason, "node %s down %s", node->name,
                     evidence_kind_name(node->evidence.kind));
        else if (node->state != state)
                tell(world, node->reason, "node %s %s", node->name, node_state_name(node->state));
        if (node->duty != duty)
                tell(world, node->reason, "node %s %s", node->name, node_duty_name(node->duty));
}

static const char *subject_name(const char *subject)
{
        const char *colon = strchr(subject, ':');
        return colon == NULL ? subject : colon + 1;
}

static void write_subject(struct world *world, const struct command *command, char *text, size_t text_bytes)
{
        char subject[NAME_BYTES + 8] = "";
        command_subject(command, subject, sizeof(subject));
        bool of_node = strncmp(subject, "node:", 5) == 0;
        (void)snprintf(text, text_bytes, "%s",
                       of_node ? name_of(world, (uint32_t)strtoul(subject + 5, NULL, 10))
                               : subject_name(subject));
}

void tell_committed(struct world *world, const struct entry *entry, bool refused, const char *reason)
{
        if (!is_told(world))
                return;
        const struct command *command = &entry->command;
        char subject[NAME_BYTES + 8];
        write_subject(world, command, subject, sizeof(subject));
        if (command->kind == COMMAND_EPOCH)
                tell(world, "", "commit epoch %s", name_of(world, command->epoch.leader));
        else if (command->kind == COMMAND_ROLE_REPORT && !refused)
                tell(world, command->role_report.text, "commit role-report %s %s %s", subject,
                     report_kind_name(command->role_report.kind), name_of(world, command->role_report.node));
        else if (command->kind == COMMAND_COPY_REPORT && !refused)
                tell(world, command->copy_report.text, "commit copy-report %s %s %s", subject,
                     copy_report_name(command->copy_report.kind), name_of(world, command->copy_report.node));
        else if (command->kind == COMMAND_REDIRECT_REPORT && !refused)
                tell(world, command->redirect_report.text, "commit redirect-report %s %s %s", subject,
                     redirect_report_name(command->redirect_report.kind),
                     name_of(world, command->redirect_report.node));
        else if (command->kind == COMMAND_ROLE_REDIRECT && !refused)
                tell(world, command->role_redirect.reason, "commit role-redirect %s %s", subject,
                     name_of(world, command->role_redirect.exporter));
        else if (command->kind == COMMAND_VOLUME_REPORT && !refused && command->volume_report.leased)
                tell(world, "", "commit volume-leased %s %s", subject,
                     name_of(world, command->volume_report.node));
        else if (command->kind == COMMAND_VOLUME_REPORT && !refused)
                tell(world, command->volume_report.text, "commit volume-report %s %s %s", subject,
                     path_state_name(command->volume_report.state),
                     name_of(world, command->volume_report.node));
        else if (command->kind == COMMAND_VOLUME_DROP && !refused)
                tell(world, command->volume.reason, "commit volume-drop %s", subject);
        else if (command->kind == COMMAND_VOLUME_MOVE && !refused)
                tell(world, command->volume_move.reason, "commit volume-move %s %s", subject,
                     name_of(world, command->volume_move.node));
        else if (refused)
                tell(world, reason, "refused %s %s", command_kind_name(command->kind), subject);
        else
                tell(world, "", "commit %s %s", command_kind_name(command->kind), subject);
        if (refused)
                return;
        MODEL_EACH_NODE (world->checker.reference, node)
                tell_node(world, node);
}

/* --- what cores do --- */

static const char *outcome_name(enum reply_outcome outcome)
{
        static const char *const names[REPLY_OUTCOME_COUNT] = {
                [REPLY_DONE] = "done",           [REPLY_REFUSED] = "refused", [REPLY_NO_QUORUM] = "no-quorum",
                [REPLY_NO_OBJECT] = "no-object", [REPLY_BUSY] = "busy",
        };
        return names[outcome];
}

void tell_asked(struct world *world, uint64_t token, const char *words)
{
        struct telling *telling = &world->telling;
        if (!is_told(world))
                return;
        if (token > telling->asked_capacity) {
                telling->asked_capacity = 2 * token;
                telling->asked = realloc(telling->asked, telling->asked_capacity * sizeof(*telling->asked));
                assert(telling->asked != NULL);
        }
        while (telling->asked_count < token)
                telling->asked[telling->asked_count++][0] = '\0';
        TEXT_PRINT(telling->asked[token - 1], "%s", words);
}

static void tell_proposal(struct world *world, const struct simulated_node *node,
                          const struct message *message)
{
        char subject[NAME_BYTES + 8];
        if (message->kind != MESSAGE_PROPOSE)
                return;
        write_subject(world, &message->propose.command, subject, sizeof(subject));
        tell(world, "", "propose %s %s %s", command_kind_name(message->propose.command.kind), subject,
             node->name);
}

static const char *const copy_order_words[COPY_ORDER_COUNT] = {
        [COPY_ORDER_NONE] = "none",     [COPY_ORDER_MIRROR] = "mirror", [COPY_ORDER_HOLD] = "hold",
        [COPY_ORDER_SWITCH] = "switch", [COPY_ORDER_END] = "end",       [COPY_ORDER_CLEAR] = "clear",
};

void tell_action(struct world *world, const struct simulated_node *node, const struct cluster_action *action)
{
        if (!is_told(world))
                return;
        switch ((int)action->kind) {
        case CLUSTER_ACTION_MULTICAST:
                tell_proposal(world, node, &world->actions->messages[action->message]);
                return;
        case CLUSTER_ACTION_REPLY:
                if (action->reply.token != 0 && action->reply.token <= world->telling.asked_count)
                        tell(world, action->reason, "answer %s %s", outcome_name(action->reply.outcome),
                             world->telling.asked[action->reply.token - 1]);
                return;
        case CLUSTER_ACTION_START:
                tell(world, action->reason, "start %s %s", action->role.name, node->name);
                return;
        case CLUSTER_ACTION_STOP:
                tell(world, action->reason, "stop %s %s", action->role.name, node->name);
                return;
        case CLUSTER_ACTION_MOVE:
                tell(world, action->reason, "move %s %s %s", action->role.name, node->name,
                     name_of(world, action->role.node));
                return;
        case CLUSTER_ACTION_PREPARE:
                tell(world, action->reason, "prepare %s %s", action->role.name, node->name);
                return;
        case CLUSTER_ACTION_RESUME:
                tell(world, action->reason, "resume %s %s", action->role.name, node->name);
                return;
        case CLUSTER_ACTION_EXPORT:
                tell(world, action->reason, "export %s %s %s", action->role.name,
                     action->role.open ? "open" : "close", node->name);
                return;
        case CLUSTER_ACTION_REDIRECT:
                tell(world, action->reason, "redirect %s %s", action->role.name, node->name);
                return;
        case CLUSTER_ACTION_RETURN:
                tell(world, action->reason, "return %s %s", action->role.name, node->name);
                return;
        case CLUSTER_ACTION_CONFIRM:
                tell(world, action->reason, "confirm %s %s", action->confirm.role, node->name);
                return;
        case CLUSTER_ACTION_PREEMPT:
                tell(world, action->reason, "preempt %s %s", name_of(world, action->preempt.node),
                     node->name);
                return;
        case CLUSTER_ACTION_COPY:
                tell(world, action->reason, "copy %s %s %s", action->copy.role,
                     copy_order_words[action->copy.order], node->name);
                return;
        case CLUSTER_ACTION_ANNOUNCE:
                tell(world, action->reason, "announce %s %s", action->role.name, node->name);
                return;
        case CLUSTER_ACTION_RESET:
                tell(world, action->reason, "snapshot %s", node->name);
                return;
        case CLUSTER_ACTION_ATTEND_QNETD:
                tell(world, action->reason, "qnetd %s %s",
                     action->witness.whom.kind == WITNESS_NONE ? "left" : "attended", node->name);
                return;
        case CLUSTER_ACTION_REVOKE:
                tell(world, action->reason, "revoke %s %s", name_of(world, action->sight.node), node->name);
                return;
        case CLUSTER_ACTION_FENCE:
                tell(world, action->reason, "fence %s %s", name_of(world, action->fence.node),
                     action->fence.device->name);
                return;
        default:
                return;
        }
}

/* --- guests --- */

static void count_outage(struct world *world, struct outage *outage)
{
        uint64_t from_us = outage->since_us < world->zero_us ? world->zero_us : outage->since_us;
        bool missed = outage->begun && outage->running == 0 && !outage->ended && world->now_us > from_us;
        if (missed && world->now_us - from_us > outage->longest_us)
                outage->longest_us = world->now_us - from_us;
}

void tell_guest(struct world *world, const struct simulated_node *node, const char *role, bool runs)
{
        if (!is_told(world))
                return;
        struct outage *outage = &world->telling.outages[names_number(&world->names, role)];
        if (runs) {
                count_outage(world, outage);
                outage->running++;
                outage->begun = true;
        } else if (--outage->running == 0) {
                outage->since_us = world->now_us;
        }
        tell(world, "", "guest %s %s %s", role, runs ? "runs" : "gone", node->name);
}

uint64_t telling_outage_us(struct world *world, const char *role)
{
        struct outage *outage = &world->telling.outages[names_number(&world->names, role)];
        count_outage(world, outage);
        return outage->longest_us;
}
