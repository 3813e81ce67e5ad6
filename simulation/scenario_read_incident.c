/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What befalls, as a scenario writes it: the table of incident.c says what each kind needs. */

#include <errno.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "simulation/scenario_line.h"

static int no_such_kind(struct line *line, const char *word)
{
        char known[SCENARIO_ERROR_BYTES - 200] = "";
        for (int kind = 0; kind < INCIDENT_KIND_COUNT; kind++) {
                size_t used = strlen(known);
                (void)snprintf(known + used, sizeof(known) - used, "%s%s", kind == 0 ? "" : ", ",
                               incident_rule((enum incident_kind)kind)->name);
        }
        return line_fail(line, "'%s' is nothing that can befall: %s", word, known);
}

static int take_kind(struct line *line, const struct scenario *scenario, struct incident *incident)
{
        const char *word = line_word(line);
        if (word == NULL)
                return line_fail(line, "what befalls is missing");
        if (strncmp(word, "clu@", 4) == 0) {
                incident->kind = INCIDENT_CLU;
                return node_word(line, scenario, word + 4, &incident->node);
        }
        for (int kind = 0; kind < INCIDENT_KIND_COUNT; kind++)
                if (text_equal(incident_rule((enum incident_kind)kind)->name, word)) {
                        incident->kind = (enum incident_kind)kind;
                        return 0;
                }
        return no_such_kind(line, word);
}

static bool is_at_duration(struct line *line)
{
        char *at = line->at;
        bool is = line_take(line, "for");
        line->at = at;
        return is;
}

/* n1 n2 | n3 */
static int take_parts(struct line *line, const struct scenario *scenario, struct incident *incident)
{
        size_t part = 0;
        while (!line_is_empty(line) && !is_at_duration(line)) {
                uint32_t node;
                if (line_take(line, "|")) {
                        if (++part == INCIDENT_PARTS_MAX)
                                return line_fail(line, "more than %d parts", INCIDENT_PARTS_MAX);
                        continue;
                }
                if (line_node(line, scenario, &node) < 0)
                        return -EINVAL;
                incident->parts[part] |= node_set_of(node);
        }
        return 0;
}

static int take_words(struct line *line, struct scenario *scenario, struct incident *incident)
{
        char error[VERB_ERROR_BYTES];
        const char *words = line_rest(line);
        if (strlen(words) >= sizeof(incident->words))
                return line_fail(line, "a command has at most %zu bytes", sizeof(incident->words) - 1);
        TEXT_COPY(incident->words, words);
        scenario->names_max++;
        return incident_rule(incident->kind)->check(words, error) < 0 ? line_fail(line, "%s", error) : 0;
}

static int take_duration(struct line *line, struct incident *incident, bool needed)
{
        if (line_take(line, "for"))
                return line_duration(line, &incident->duration_us);
        return needed ? line_fail(line, "%s needs a time: for 5s", incident_rule(incident->kind)->name) : 0;
}

int line_incidents(struct line *line, struct scenario *scenario, uint64_t at_us, struct incident_list *list)
{
        struct incident incident = { .at_us = at_us };
        node_set nodes = 0;
        if (take_kind(line, scenario, &incident) < 0)
                return -EINVAL;
        unsigned fields = incident_rule(incident.kind)->fields;
        while ((fields & INCIDENT_NODE) != 0 && !line_is_empty(line) && !is_at_duration(line)) {
                uint32_t node;
                if (line_node(line, scenario, &node) < 0)
                        return -EINVAL;
                nodes |= node_set_of(node);
                if ((fields & (INCIDENT_ROLE | INCIDENT_WORDS)) != 0)
                        break;
        }
        if ((fields & INCIDENT_NODE) != 0 && nodes == 0)
                return line_fail(line, "%s needs a node", incident_rule(incident.kind)->name);
        if ((fields & INCIDENT_ROLE) != 0 && line_role(line, scenario, incident.role) < 0)
                return -EINVAL;
        if (((fields & INCIDENT_PARTS) != 0 && take_parts(line, scenario, &incident) < 0) ||
            ((fields & INCIDENT_WORDS) != 0 && take_words(line, scenario, &incident) < 0) ||
            ((fields & (INCIDENT_DURATION | INCIDENT_LASTING)) != 0 &&
             take_duration(line, &incident, (fields & INCIDENT_DURATION) != 0) < 0) ||
            line_end(line) < 0)
                return -EINVAL;
        if (nodes == 0)
                incident_list_add(list, &incident);
        NODE_SET_EACH (nodes, node) {
                incident.node = node;
                incident_list_add(list, &incident);
        }
        return 0;
}
