/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/protocol/verb.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "clusterd/base/text.h"

const struct verb *verb_by_id(enum verb_id id)
{
        assert((unsigned)id < VERB_COUNT);
        return &verb_table[id];
}

const struct verb *verb_find(const char *noun, const char *name)
{
        for (size_t i = 0; i < VERB_COUNT; i++)
                if (text_equal(verb_table[i].noun, noun) && text_equal(verb_table[i].name, name))
                        return &verb_table[i];
        return NULL;
}

const struct verb *verb_find_path(const char *path)
{
        char noun[VERB_PATH_BYTES];
        const char *dot = strchr(path, '.');
        if (dot == NULL || strlen(path) >= sizeof(noun))
                return NULL;
        text_copy(noun, (size_t)(dot - path) + 1, path);
        return verb_find(noun, dot + 1);
}

enum verb_id verb_id(const struct verb *verb)
{
        return (enum verb_id)(verb - verb_table);
}

bool verb_noun_exists(const char *noun)
{
        for (size_t i = 0; i < VERB_COUNT; i++)
                if (text_equal(verb_table[i].noun, noun))
                        return true;
        return false;
}

const struct verb_option *verb_option_find(const struct verb *verb, const char *name)
{
        for (size_t i = 0; i < verb->option_count; i++)
                if (text_equal(verb->options[i].name, name))
                        return &verb->options[i];
        return NULL;
}

bool verb_has_common(const struct verb *verb, enum verb_common common)
{
        switch (common) {
        case VERB_COMMON_HELP:
        case VERB_COMMON_JSON:
                return true;
        case VERB_COMMON_PLAN:
                return verb->changes;
        case VERB_COMMON_NO_WAIT:
        case VERB_COMMON_TIMEOUT:
                return verb->wait != VERB_WAIT_NONE;
        case VERB_COMMON_COUNT:
                break;
        }
        assert(!"no such option");
        return false;
}

void verb_path(const struct verb *verb, char *path, size_t path_bytes)
{
        (void)snprintf(path, path_bytes, "%s.%s", verb->noun, verb->name);
}

static void synopsis_option(const struct verb_option *option, char *text, size_t text_bytes)
{
        size_t at = strlen(text);
        if (option->hidden)
                return;
        (void)snprintf(text + at, text_bytes - at, option->required ? " --%s%s%s%s" : " [--%s%s%s]%s",
                       option->name, option->placeholder == NULL ? "" : " ",
                       option->placeholder == NULL ? "" : option->placeholder,
                       option->value == VERB_VALUE_PAIR ? "..." : "");
}

void verb_synopsis(const struct verb *verb, char *text, size_t text_bytes)
{
        (void)snprintf(text, text_bytes, "%s %s%s%s%s", verb->noun, verb->name,
                       verb->operand == NULL    ? ""
                       : verb->operand_optional ? " ["
                                                : " ",
                       verb->operand == NULL ? "" : verb->operand, verb->operand_optional ? "]" : "");
        for (size_t i = 0; i < verb->option_count; i++)
                synopsis_option(&verb->options[i], text, text_bytes);
        for (enum verb_common common = VERB_COMMON_JSON; common < VERB_COMMON_COUNT; common++)
                if (verb_has_common(verb, common))
                        synopsis_option(&verb_common_options[common], text, text_bytes);
}
