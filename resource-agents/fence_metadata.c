/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "resource-agents/fence_metadata.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "resource-agents/fence_options.h"

#define ELEMENT         "resource-agent"
#define ATTRIBUTE_BYTES 128
#define CHOICES_BYTES   160

/* Standard error comes in the same stream: warnings of a language's runtime around the document. */
static xmlDoc *document_read(const char *output)
{
        const char *first = strstr(output, "<" ELEMENT);
        const char *last = first == NULL ? NULL : strstr(first, "</" ELEMENT ">");
        if (last == NULL)
                return NULL;
        size_t bytes = (size_t)(last - first) + sizeof "</" ELEMENT ">" - 1;
        return xmlReadMemory(first, (int)bytes, NULL, "UTF-8",
                             XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
}

/* Agents take '-' and '_' for the same. */
static bool names_match(const char *known, const char *key, size_t key_bytes)
{
        if (strlen(known) != key_bytes)
                return false;
        for (size_t i = 0; i < key_bytes; i++)
                if ((known[i] == '-' ? '_' : known[i]) != (key[i] == '-' ? '_' : key[i]))
                        return false;
        return true;
}

static xmlNode *child_next(xmlNode *node, const char *name)
{
        while (node != NULL &&
               (node->type != XML_ELEMENT_NODE || strcmp((const char *)node->name, name) != 0))
                node = node->next;
        return node;
}

#define EACH_CHILD(parent, name, each)                                                                       \
        for (xmlNode *each = child_next((parent)->children, (name)); each != NULL;                           \
             each = child_next(each->next, (name)))

/* Copies what an attribute says; empty when there is none. */
static const char *attribute(xmlNode *node, const char *name, char ret_text[ATTRIBUTE_BYTES])
{
        xmlChar *value = node == NULL ? NULL : xmlGetProp(node, (const xmlChar *)name);
        (void)snprintf(ret_text, ATTRIBUTE_BYTES, "%s", value == NULL ? "" : (const char *)value);
        xmlFree(value);
        return ret_text;
}

static bool attribute_is(xmlNode *node, const char *name, const char *wanted)
{
        char value[ATTRIBUTE_BYTES];
        return strcmp(attribute(node, name, value), wanted) == 0;
}

static xmlNode *parameter_find(xmlNode *parameters, const char *key, size_t key_bytes)
{
        char name[ATTRIBUTE_BYTES];
        EACH_CHILD (parameters, "parameter", parameter)
                if (names_match(attribute(parameter, "name", name), key, key_bytes))
                        return parameter;
        return NULL;
}

/* What we say ourselves: which node, and what is to be done. */
static bool is_ours(const char *name)
{
        return strcmp(name, "action") == 0 || strcmp(name, "plug") == 0 || strcmp(name, "port") == 0;
}

static void say_known(xmlNode *parameters, char *text, size_t text_bytes)
{
        char name[ATTRIBUTE_BYTES];
        const char *gap = "; it knows ";
        EACH_CHILD (parameters, "parameter", parameter) {
                size_t used = strlen(text);
                if (attribute_is(parameter, "deprecated", "1") ||
                    strcmp(attribute(parameter, "name", name), "action") == 0)
                        continue;
                (void)snprintf(text + used, text_bytes - used, "%s%s", gap, name);
                gap = ", ";
        }
}

static bool is_whole_number(const char *value, size_t bytes)
{
        size_t digits = bytes > 0 && value[0] == '-' ? 1 : 0;
        if (bytes == digits)
                return false;
        while (digits < bytes && value[digits] >= '0' && value[digits] <= '9')
                digits++;
        return digits == bytes;
}

static bool is_one_of(const char *const *words, size_t count, const char *value, size_t bytes)
{
        for (size_t i = 0; i < count; i++)
                if (strlen(words[i]) == bytes && strncasecmp(words[i], value, bytes) == 0)
                        return true;
        return false;
}

/* Source: fencing.py of fence-agents, what it takes for true and for false; alone stands for true. */
static bool is_boolean(const char *value, size_t bytes)
{
        static const char *const words[] = { "1", "0", "yes", "no", "on", "off", "true", "false", "" };
        return is_one_of(words, sizeof words / sizeof words[0], value, bytes);
}

static bool is_choice(xmlNode *content, const char *value, size_t bytes, char *choices, size_t choices_bytes)
{
        char choice[ATTRIBUTE_BYTES];
        bool found = false;
        EACH_CHILD (content, "option", option) {
                size_t used = strlen(choices);
                attribute(option, "value", choice);
                found = found || (strlen(choice) == bytes && memcmp(choice, value, bytes) == 0);
                (void)snprintf(choices + used, choices_bytes - used, "%s%s", used > 0 ? ", " : "", choice);
        }
        return found;
}

/* Which kind of value it should be; NULL when it is. The value itself is not repeated: it may be a secret. */
static const char *value_expected(xmlNode *parameter, const struct fence_option *option, char *choices,
                                  size_t choices_bytes)
{
        xmlNode *content = child_next(parameter->children, "content");
        size_t key_bytes = option->key_bytes < option->line_bytes ? option->key_bytes + 1 : option->key_bytes;
        const char *value = option->line + key_bytes;
        size_t bytes = option->line_bytes - key_bytes;
        if (attribute_is(content, "type", "integer") || attribute_is(content, "type", "second"))
                return is_whole_number(value, bytes) ? NULL : "a whole number";
        if (attribute_is(content, "type", "boolean"))
                return is_boolean(value, bytes) ? NULL : "1 or 0";
        if (attribute_is(content, "type", "select"))
                return is_choice(content, value, bytes, choices, choices_bytes) ? NULL : "one of ";
        return NULL;
}

static bool options_fit(xmlNode *parameters, const char *options, char *ret_text, size_t text_bytes)
{
        struct fence_option option;
        while (fence_option_next(&options, &option)) {
                char choices[CHOICES_BYTES] = "";
                int shown = (int)(option.key_bytes < 40 ? option.key_bytes : 40);
                if (fence_option_is_per_node(&option))
                        continue;
                xmlNode *parameter = parameter_find(parameters, option.line, option.key_bytes);
                if (parameter == NULL) {
                        (void)snprintf(ret_text, text_bytes, "it does not know the option %.*s", shown,
                                       option.line);
                        say_known(parameters, ret_text, text_bytes);
                        return false;
                }
                const char *expected = value_expected(parameter, &option, choices, sizeof choices);
                if (expected != NULL) {
                        (void)snprintf(ret_text, text_bytes, "the option %.*s should be %s%s", shown,
                                       option.line, expected, choices);
                        return false;
                }
        }
        return true;
}

static bool option_is_given(const char *options, const char *name)
{
        struct fence_option option;
        while (name[0] != '\0' && fence_option_next(&options, &option))
                if (names_match(name, option.line, option.key_bytes))
                        return true;
        return false;
}

/* A required option may be given by the name that it had before, too. */
static bool required_are_given(xmlNode *parameters, const char *options, char *ret_text, size_t text_bytes)
{
        char name[ATTRIBUTE_BYTES], before[ATTRIBUTE_BYTES], value[ATTRIBUTE_BYTES];
        EACH_CHILD (parameters, "parameter", parameter) {
                xmlNode *content = child_next(parameter->children, "content");
                attribute(parameter, "name", name);
                attribute(parameter, "obsoletes", before);
                if (!attribute_is(parameter, "required", "1") || attribute_is(parameter, "deprecated", "1") ||
                    attribute(content, "default", value)[0] != '\0' || is_ours(name) ||
                    option_is_given(options, name) || option_is_given(options, before))
                        continue;
                (void)snprintf(ret_text, text_bytes, "it needs the option %s", name);
                say_known(parameters, ret_text, text_bytes);
                return false;
        }
        return true;
}

bool fence_metadata_check(const char *output, const char *options, char *ret_text, size_t text_bytes)
{
        xmlDoc *document = document_read(output);
        xmlNode *root = document == NULL ? NULL : xmlDocGetRootElement(document);
        xmlNode *parameters = root == NULL ? NULL : child_next(root->children, "parameters");
        bool good = false;
        if (parameters == NULL)
                (void)snprintf(ret_text, text_bytes, "its metadata cannot be read: is it a fence agent?");
        else
                good = options_fit(parameters, options, ret_text, text_bytes) &&
                       required_are_given(parameters, options, ret_text, text_bytes);
        xmlFreeDoc(document);
        return good;
}
