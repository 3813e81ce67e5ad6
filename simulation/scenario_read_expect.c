/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What must come of it, and the patterns of named events. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "simulation/scenario_line.h"

static bool is_end(const struct line *line, const char *const *ends)
{
        for (; *ends != NULL; ends++) {
                struct line copy = *line;
                if (line_take(&copy, *ends))
                        return true;
        }
        return false;
}

int line_pattern(struct line *line, const char *const *ends, struct pattern *ret_pattern)
{
        memset(ret_pattern, 0, sizeof(*ret_pattern));
        while (!line_is_empty(line) && !is_end(line, ends)) {
                bool quoted = line->at[strspn(line->at, " \t")] == '"';
                const char *word = line_word(line);
                size_t used = strlen(ret_pattern->words);
                if (quoted)
                        TEXT_PRINT(ret_pattern->reason, "%s", word);
                else
                        (void)snprintf(ret_pattern->words + used, sizeof(ret_pattern->words) - used, "%s%s",
                                       used > 0 ? " " : "", word);
        }
        static const char *const known[] = { "role",     "node",     "commit", "refused",  "propose",
                                             "answer",   "start",    "stop",   "move",     "announce",
                                             "resume",   "fence",    "guest",  "befalls",  "power",
                                             "clusterd", "isolated", "revoke", "snapshot", "witness",
                                             "prepare",  "copy",     "export", "redirect", "return",
                                             "qnetd",    "confirm",  "preempt" };
        char first[24];
        text_copy(first, sizeof(first), ret_pattern->words);
        first[strcspn(first, " ")] = '\0';
        for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
                if (text_equal(first, known[i]))
                        return 0;
        return line_fail(line,
                         "'%s' begins no event: role, node, commit, refused, propose, answer, start, stop, "
                         "move, copy, announce, resume, redirect, return, export, fence, guest, power, "
                         "clusterd, witness, qnetd, befalls",
                         first);
}

static int is_role_state(const char *word)
{
        enum role_state state;
        return role_state_parse(word, &state) == 0 || text_equal(word, "removed");
}

static int read_role(struct line *line, struct scenario *scenario, struct expectation *expectation)
{
        uint32_t unused[NODES_MAX];
        size_t count;
        expectation->kind = EXPECT_ROLE;
        if (line_role(line, scenario, expectation->subject) < 0)
                return -EINVAL;
        const char *word = line_word(line);
        if (word == NULL || !is_role_state(word))
                return line_fail(line,
                                 "'%s' is not a state of a role: offline, starting, online, stopping, "
                                 "moving, recovering, failed; or removed",
                                 word == NULL ? "" : word);
        TEXT_COPY(expectation->state, word);
        if (line_take(line, "on"))
                return line_nodes(line, scenario, unused, &count, &expectation->nodes);
        if (line_take(line, "not-on"))
                return line_nodes(line, scenario, unused, &count, &expectation->not_nodes);
        return 0;
}

static int read_node(struct line *line, struct scenario *scenario, struct expectation *expectation)
{
        enum node_state state;
        enum node_duty duty;
        uint32_t node;
        expectation->kind = EXPECT_NODE;
        if (line_node(line, scenario, &node) < 0)
                return -EINVAL;
        TEXT_PRINT(expectation->subject, "n%u", node);
        const char *word = line_word(line);
        if (word == NULL || (!text_equal(word, "evicted") && node_state_parse(word, &state) < 0 &&
                             node_duty_parse(word, &duty) < 0))
                return line_fail(line,
                                 "'%s' is no state of a node: up, lost, down; active, draining, drained, "
                                 "quarantined; evicted",
                                 word == NULL ? "" : word);
        TEXT_COPY(expectation->state, word);
        return 0;
}

static int read_outage(struct line *line, struct scenario *scenario, struct expectation *expectation,
                       bool none)
{
        expectation->kind = EXPECT_OUTAGE;
        if (line_role(line, scenario, expectation->subject) < 0)
                return -EINVAL;
        if (none)
                return 0;
        if (!line_take(line, "under"))
                return line_fail(line, "outage of a role is 'under' a time; or: no outage ROLE");
        return line_duration(line, &expectation->most_us);
}

static int read_event(struct line *line, struct expectation *expectation, bool none)
{
        static const char *const ends[] = { "by", "after", "times", NULL };
        expectation->kind = EXPECT_EVENT;
        expectation->times = none ? 0 : -1;
        expectation->most_us = UINT64_MAX;
        expectation->pattern_count = 1;
        if (line_pattern(line, ends, &expectation->patterns[0]) < 0)
                return -EINVAL;
        while (!line_is_empty(line)) {
                int error;
                if (line_take(line, "by"))
                        error = line_duration(line, &expectation->most_us);
                else if (line_take(line, "after"))
                        error = line_duration(line, &expectation->least_us);
                else if (line_take(line, "times") && !none)
                        error = line_number(line, 1, 1000000, &expectation->times);
                else
                        return line_end(line);
                if (error < 0)
                        return error;
        }
        return 0;
}

static int read_order(struct line *line, struct expectation *expectation)
{
        static const char *const ends[] = { "then", NULL };
        expectation->kind = EXPECT_ORDER;
        do {
                if (expectation->pattern_count == ORDER_MAX)
                        return line_fail(line, "at most %d events in one order", ORDER_MAX);
                if (line_pattern(line, ends, &expectation->patterns[expectation->pattern_count++]) < 0)
                        return -EINVAL;
        } while (line_take(line, "then"));
        return expectation->pattern_count >= 2 ? 0 : line_fail(line, "order needs two events: A then B");
}

int line_expectation(struct line *line, struct scenario *scenario)
{
        struct expectation expectation = { .line = line->number };
        TEXT_PRINT(expectation.text, "%.190s", line->text);
        bool none = line_take(line, "no");
        int error;
        if (!none && line_take(line, "role"))
                error = read_role(line, scenario, &expectation);
        else if (!none && line_take(line, "node"))
                error = read_node(line, scenario, &expectation);
        else if (line_take(line, "outage"))
                error = read_outage(line, scenario, &expectation, none);
        else if (line_take(line, "event"))
                error = read_event(line, &expectation, none);
        else if (!none && line_take(line, "order"))
                error = read_order(line, &expectation);
        else
                return line_fail(line,
                                 "'%s' cannot be expected: role, node, outage, no outage, event, no "
                                 "event, order",
                                 line->at + strspn(line->at, " \t"));
        if (error < 0 || line_end(line) < 0)
                return -EINVAL;
        if (scenario->expectation_count == scenario->expectation_capacity) {
                scenario->expectation_capacity = 2 * scenario->expectation_capacity + 8;
                scenario->expectations =
                        realloc(scenario->expectations, scenario->expectation_capacity * sizeof(expectation));
        }
        scenario->expectations[scenario->expectation_count++] = expectation;
        return 0;
}
