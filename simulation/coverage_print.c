/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The report of what the seeds reached, and of what they did not. */

#include <inttypes.h>

#include "clusterd/core/apply.h"
#include "clusterd/core/node_state.h"
#include "clusterd/core/role_state.h"
#include "simulation/coverage.h"
#include "simulation/world.h"

#define NAMED(...) ((const char *const[]){ __VA_ARGS__ })

static const char *incident_name(unsigned row)
{
        return incident_rule((enum incident_kind)row)->name;
}

static const char *event_name(unsigned row)
{
        return NAMED("load-object", "load-entry", "loaded", "wake", "view", "message", "request", "stored",
                     "store-failed", "observed", "listed", "operation-done", "prepared", "confirm",
                     "fence-done", "preempted", "looked", "lease", "sight", "revoked", "leaving", "witness",
                     "qnetd", "watchdog", "copy", "export")[row];
}

static const char *operation_name(unsigned row)
{
        return NAMED("none", "start", "stop", "move", "resume", "redirect", "return")[row];
}

static const char *result_name(unsigned column)
{
        return NAMED("succeeded", "failed", "unknown")[column];
}

static const char *observation_name(unsigned row)
{
        return NAMED("absent", "shut-down", "failed", "moved", "incoming", "outgoing", "paused", "running",
                     "stalled")[row];
}

static const char *source_name(unsigned column)
{
        return NAMED("seen", "listed")[column];
}

static const char *action_name(unsigned row)
{
        return shell_action_name((enum cluster_action_kind)row);
}

static const char *reply_name(unsigned row)
{
        return NAMED("done", "refused", "no-quorum", "no-object", "busy")[row];
}

static const char *message_name(unsigned row)
{
        return message_kind_name((enum message_kind)row);
}

static const char *standing_name(unsigned row)
{
        return NAMED("without quorum", "epoch not begun", "laggard", "level", "leader")[row];
}

static const char *command_name(unsigned row)
{
        return command_kind_name((enum command_kind)row);
}

static const char *outcome_name(unsigned column)
{
        return NAMED("done", "refused", "no-object")[column];
}

static const char *node_state_text(unsigned state)
{
        return node_state_name((enum node_state)state);
}

static const char *role_state_text(unsigned state)
{
        return role_state_name((enum role_state)state);
}

static const char *report_name(unsigned row)
{
        return report_kind_name((enum report_kind)row);
}

static const char *evidence_name(unsigned row)
{
        return evidence_kind_name((enum evidence_kind)row);
}

static const char *against_name(unsigned column)
{
        return NAMED("of a node", "of an owner", "of a target")[column];
}

static const char *times(unsigned column)
{
        (void)column;
        return "times";
}

/* --- what cannot be --- */

static bool every_operation(unsigned row, unsigned column)
{
        (void)column;
        return row != OPERATION_NONE;
}

/* A listing names what is there; nobody is told of a guest that is on its way out. */
static bool observation_may_come(unsigned row, unsigned column)
{
        bool present = row >= OBSERVED_INCOMING;
        return column == 1 ? present : row != OBSERVED_OUTGOING;
}

/* Some commands refuse nothing, some name nothing that might be missing. */
static bool outcome_may_come(unsigned row, unsigned column)
{
        switch ((enum command_kind)row) {
        case COMMAND_EPOCH:
                return column == APPLY_DONE;
        case COMMAND_NODE_JOIN:
        case COMMAND_CLUSTER_SET:
        case COMMAND_ROLE_ADD:
        case COMMAND_FENCE_ADD:
                return column != APPLY_NO_OBJECT;
        case COMMAND_ROLE_START:
        case COMMAND_ROLE_STOP:
        case COMMAND_FENCE_REMOVE:
        case COMMAND_NODE_DRAIN:
        case COMMAND_NODE_RESUME:
                return column != APPLY_REFUSED;
        default:
                return true;
        }
}

static bool node_may_go(unsigned from, unsigned to)
{
        return node_state_may_follow((enum node_state)from, (enum node_state)to);
}

static bool role_may_go(unsigned from, unsigned to)
{
        return role_state_may_follow((enum role_state)from, (enum role_state)to);
}

#define IN(state) (1U << ROLE_##state)

/* What a node says of a role in a state; other words were on their way. */
static bool report_may_come(unsigned row, unsigned column)
{
        static const unsigned states[REPORT_COUNT] = {
                [REPORT_RUNNING] = IN(STARTING) | IN(MOVING) | IN(RECOVERING),
                [REPORT_STOPPED] = IN(STARTING) | IN(ONLINE) | IN(STOPPING) | IN(RECOVERING),
                [REPORT_SHUT_DOWN] = IN(STARTING) | IN(ONLINE) | IN(MOVING),
                [REPORT_FAILED] = IN(STARTING) | IN(ONLINE),
                [REPORT_START_FAILED] = IN(STARTING),
                [REPORT_ABSENT] = IN(MOVING),
                [REPORT_STABLE] = IN(ONLINE),
                [REPORT_STALLED] = IN(ONLINE),
                [REPORT_RESUMED] = IN(ONLINE),
        };
        return (states[row] >> column & 1) != 0;
}

/* Of a node only what turns it off; of a role, what there is a command for. */
static bool evidence_may_come(unsigned row, unsigned column)
{
        bool of_node = row == EVIDENCE_POWERED_OFF || row == EVIDENCE_GUARD_EXPIRED ||
                       row == EVIDENCE_OPERATOR || row == EVIDENCE_RESERVATION_PREEMPTED ||
                       row == EVIDENCE_LEASE_RELEASED;
        bool of_role = of_node || row == EVIDENCE_NONE || row == EVIDENCE_STOPPED;
        if (column == 2 && row == EVIDENCE_LEASE_RELEASED)
                return false; /* what is on its way may come after it */
        return column == 0 ? of_node : of_role || (column == 1 && row == EVIDENCE_NEVER_RAN);
}

static const struct coverage_rule {
        const char *title;
        unsigned rows, columns;
        const char *(*row)(unsigned row);
        const char *(*column)(unsigned column);
        bool (*may_come)(unsigned row, unsigned column); /* NULL: all */
} rules[COVERAGE_TABLE_COUNT] = {
        [COVERAGE_INCIDENTS] = { "incidents", INCIDENT_KIND_COUNT, 1, incident_name, times, NULL },
        [COVERAGE_EVENTS] = { "events", CLUSTER_EVENT_EXPORT + 1, 1, event_name, times, NULL },
        [COVERAGE_OPERATIONS] = { "operations", OPERATION_COUNT, 3, operation_name, result_name,
                                  every_operation },
        [COVERAGE_OBSERVATIONS] = { "observations", OBSERVATION_COUNT, 2, observation_name, source_name,
                                    observation_may_come },
        [COVERAGE_ACTIONS] = { "actions", CLUSTER_ACTION_COUNT, 1, action_name, times, NULL },
        [COVERAGE_REPLIES] = { "replies", REPLY_OUTCOME_COUNT, 1, reply_name, times, NULL },
        [COVERAGE_MESSAGES] = { "messages", MESSAGE_COUNT, 1, message_name, times, NULL },
        [COVERAGE_STANDINGS] = { "standing after a step", STANDING_COUNT, 1, standing_name, times, NULL },
        [COVERAGE_COMMANDS] = { "commands", COMMAND_COUNT, 3, command_name, outcome_name, outcome_may_come },
        [COVERAGE_NODE_EDGES] = { "node states, from and to", NODE_STATE_COUNT, NODE_STATE_COUNT,
                                  node_state_text, node_state_text, node_may_go },
        [COVERAGE_ROLE_EDGES] = { "role states, from and to", ROLE_STATE_COUNT, ROLE_STATE_COUNT,
                                  role_state_text, role_state_text, role_may_go },
        [COVERAGE_REPORTS] = { "reports, by state of the role", REPORT_COUNT, ROLE_STATE_COUNT, report_name,
                               role_state_text, report_may_come },
        [COVERAGE_EVIDENCE] = { "evidence", EVIDENCE_COUNT, 3, evidence_name, against_name,
                                evidence_may_come },
};

static bool may_come(const struct coverage_rule *rule, unsigned row, unsigned column)
{
        return rule->may_come == NULL || rule->may_come(row, column);
}

static void print_table(const struct coverage *coverage, enum coverage_table table, FILE *stream)
{
        const struct coverage_rule *rule = &rules[table];
        (void)fprintf(stream, "%-30s", rule->title);
        for (unsigned column = 0; column < rule->columns; column++)
                (void)fprintf(stream, " %11s", rule->column(column));
        (void)fputc('\n', stream);
        for (unsigned row = 0; row < rule->rows; row++) {
                (void)fprintf(stream, "    %-26s", rule->row(row));
                for (unsigned column = 0; column < rule->columns; column++) {
                        uint64_t reached = coverage->cell[table][row][column];
                        if (reached == 0 && !may_come(rule, row, column))
                                (void)fprintf(stream, " %11s", "");
                        else
                                (void)fprintf(stream, " %11" PRIu64, reached);
                }
                (void)fputc('\n', stream);
        }
}

static void print_refusals(const struct coverage *coverage, FILE *stream)
{
        (void)fprintf(stream, "%-30s %11s\n", "refusals", "times");
        for (size_t i = 0; i < COVERAGE_REFUSALS_MAX && coverage->refusals[i].count != 0; i++)
                (void)fprintf(stream, "    %11" PRIu64 "  %s\n", coverage->refusals[i].count,
                              coverage->refusals[i].text);
}

static void print_unreached(const struct coverage *coverage, FILE *stream)
{
        unsigned unreached = 0;
        for (unsigned table = 0; table < COVERAGE_TABLE_COUNT; table++) {
                const struct coverage_rule *rule = &rules[table];
                for (unsigned row = 0; row < rule->rows; row++)
                        for (unsigned column = 0; column < rule->columns; column++) {
                                if (coverage->cell[table][row][column] != 0 || !may_come(rule, row, column))
                                        continue;
                                (void)fprintf(stream, "NOT REACHED %s: %s%s%s\n", rule->title, rule->row(row),
                                              rule->columns > 1 ? ", " : "",
                                              rule->columns > 1 ? rule->column(column) : "");
                                unreached++;
                        }
        }
        (void)fprintf(stream, "%u not reached\n", unreached);
}

void coverage_print(const struct coverage *coverage, FILE *stream)
{
        for (unsigned table = 0; table < COVERAGE_TABLE_COUNT; table++)
                print_table(coverage, (enum coverage_table)table, stream);
        print_refusals(coverage, stream);
        print_unreached(coverage, stream);
}
