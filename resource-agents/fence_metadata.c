/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "resource-agents/fence_metadata.h"

#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <string.h>

#include "resource-agents/fence_options.h"

#define ELEMENT "resource-agent"

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

static xmlNode *child_named(xmlNode *parent, const char *name)
{
        for (xmlNode *node = parent->children; node != NULL; node = node->next)
                if (node->type == XML_ELEMENT_NODE && strcmp((const char *)node->name, name) == 0)
                        return node;
        return NULL;
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

static bool is_known(xmlNode *parameters, const struct fence_option *option)
{
        for (xmlNode *node = parameters->children; node != NULL; node = node->next) {
                if (node->type != XML_ELEMENT_NODE)
                        continue;
                xmlChar *name = xmlGetProp(node, (const xmlChar *)"name");
                bool match = name != NULL && names_match((const char *)name, option->line, option->key_bytes);
                xmlFree(name);
                if (match)
                        return true;
        }
        return false;
}

static bool options_known(xmlNode *parameters, const char *options, char *ret_text, size_t text_bytes)
{
        struct fence_option option;
        while (fence_option_next(&options, &option)) {
                if (fence_option_is_per_node(&option) || is_known(parameters, &option))
                        continue;
                (void)snprintf(ret_text, text_bytes,
                               "it does not know the option %.*s: run it with -o metadata to see its options",
                               (int)(option.key_bytes < 40 ? option.key_bytes : 40), option.line);
                return false;
        }
        return true;
}

bool fence_metadata_knows(const char *output, const char *options, char *ret_text, size_t text_bytes)
{
        xmlDoc *document = document_read(output);
        xmlNode *root = document == NULL ? NULL : xmlDocGetRootElement(document);
        xmlNode *parameters = root == NULL ? NULL : child_named(root, "parameters");
        bool known = false;
        if (parameters == NULL)
                (void)snprintf(ret_text, text_bytes, "its metadata cannot be read: is it a fence agent?");
        else
                known = options_known(parameters, options, ret_text, text_bytes);
        xmlFreeDoc(document);
        return known;
}
