/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "simulation/scenario_line.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"

int line_fail(struct line *line, const char *format, ...)
{
        char text[SCENARIO_ERROR_BYTES - 100];
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        (void)snprintf(line->error, SCENARIO_ERROR_BYTES, "%.80s:%d: %s", line->path, line->number, text);
        return -EINVAL;
}

const char *line_word(struct line *line)
{
        line->at += strspn(line->at, " \t");
        if (*line->at == '\0')
                return NULL;
        bool quoted = *line->at == '"';
        char *word = line->at + quoted;
        line->at = word + strcspn(word, quoted ? "\"" : " \t");
        if (*line->at != '\0')
                *line->at++ = '\0';
        return word;
}

bool line_take(struct line *line, const char *word)
{
        char *at = line->at + strspn(line->at, " \t");
        size_t length = strlen(word);
        if (strncmp(at, word, length) != 0 || (at[length] != '\0' && at[length] != ' ' && at[length] != '\t'))
                return false;
        line->at = at + length;
        return true;
}

bool line_is_empty(const struct line *line)
{
        return line->at[strspn(line->at, " \t")] == '\0';
}

const char *line_rest(struct line *line)
{
        char *rest = line->at + strspn(line->at, " \t");
        size_t length = strlen(rest);
        while (length > 0 && (rest[length - 1] == ' ' || rest[length - 1] == '\t'))
                rest[--length] = '\0';
        line->at = rest + length;
        return rest;
}

int line_end(struct line *line)
{
        const char *word = line_word(line);
        return word == NULL ? 0 : line_fail(line, "'%s' is too much here", word);
}

int line_duration(struct line *line, uint64_t *ret_us)
{
        static const struct {
                const char *name;
                double us;
        } units[] = { { "us", 1 }, { "ms", 1e3 }, { "s", 1e6 }, { "min", 6e7 } };
        const char *word = line_word(line);
        char *unit = NULL;
        double number = word == NULL ? -1 : strtod(word, &unit);
        for (size_t i = 0; number >= 0 && number < 1e9 && i < sizeof(units) / sizeof(units[0]); i++)
                if (unit != word && text_equal(unit, units[i].name)) {
                        *ret_us = (uint64_t)(number * units[i].us + 0.5);
                        return 0;
                }
        return line_fail(line, "'%s' is not a time: a number with us, ms, s or min, such as 1.5s",
                         word == NULL ? "" : word);
}

int line_memory(struct line *line, uint32_t *ret_mib)
{
        const char *word = line_word(line);
        char *unit = NULL;
        unsigned long number = word == NULL ? 0 : strtoul(word, &unit, 10);
        bool mib = number > 0 && number < 1000000 && text_equal(unit, "MiB");
        bool gib = number > 0 && number < 1000000 && text_equal(unit, "GiB");
        if (!mib && !gib)
                return line_fail(line, "'%s' is not a size of memory, such as 512MiB or 4GiB",
                                 word == NULL ? "" : word);
        *ret_mib = (uint32_t)(gib ? number * 1024 : number);
        return 0;
}

int line_number(struct line *line, int64_t least, int64_t most, int64_t *ret_number)
{
        const char *word = line_word(line);
        char *end = NULL;
        errno = 0;
        long long number = word == NULL ? 0 : strtoll(word, &end, 10);
        if (word == NULL || end == word || *end != '\0' || errno != 0 || number < least || number > most)
                return line_fail(line, "'%s' is not a number from %" PRId64 " to %" PRId64,
                                 word == NULL ? "" : word, least, most);
        *ret_number = number;
        return 0;
}

int node_word(struct line *line, const struct scenario *scenario, const char *word, uint32_t *ret_node)
{
        char *end = NULL;
        unsigned long number = word[0] == 'n' && word[1] != '0' ? strtoul(word + 1, &end, 10) : 0;
        if (number < 1 || number > scenario->node_count || *end != '\0')
                return line_fail(line,
                                 "there is no node '%s': nodes are n1 to n%" PRIu32
                                 ", as many as the line 'nodes' says",
                                 word, scenario->node_count);
        *ret_node = (uint32_t)number;
        return 0;
}

int line_node(struct line *line, const struct scenario *scenario, uint32_t *ret_node)
{
        const char *word = line_word(line);
        return word == NULL ? line_fail(line, "a node is missing here")
                            : node_word(line, scenario, word, ret_node);
}

int line_nodes(struct line *line, const struct scenario *scenario, uint32_t ret_nodes[NODES_MAX],
               size_t *ret_count, node_set *ret_set)
{
        const char *word = line_word(line);
        char text[LINE_BYTES], *kept = NULL;
        TEXT_COPY(text, word == NULL ? "" : word);
        *ret_count = 0;
        *ret_set = 0;
        for (char *name = strtok_r(text, ",", &kept); name != NULL; name = strtok_r(NULL, ",", &kept)) {
                uint32_t node;
                if (node_word(line, scenario, name, &node) < 0)
                        return -EINVAL;
                if (!node_set_has(*ret_set, node))
                        ret_nodes[(*ret_count)++] = node;
                *ret_set |= node_set_of(node);
        }
        return *ret_count > 0 ? 0 : line_fail(line, "nodes are missing here, such as n1,n2");
}

int line_role(struct line *line, struct scenario *scenario, char name[NAME_BYTES])
{
        const char *word = line_word(line);
        if (word == NULL || !name_is_valid(word))
                return line_fail(line, "'%s' is not the name of a role", word == NULL ? "" : word);
        text_copy(name, NAME_BYTES, word);
        scenario->names_max++; /* at most: the same name may come again */
        return 0;
}
