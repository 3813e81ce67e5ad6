/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "resource-agents/fence_options.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "clusterd/base/text.h"

bool fence_option_next(const char **options, struct fence_option *ret_option)
{
        const char *line = *options;
        while (*line != '\0') {
                line += strspn(line, " \t\r\n");
                size_t length = strcspn(line, "\r\n");
                const char *equals = memchr(line, '=', length);
                *options = line + length;
                if (length > 0 && line[0] != '#') {
                        size_t key_bytes = equals != NULL ? (size_t)(equals - line) : length;
                        *ret_option = (struct fence_option){ line, key_bytes, length };
                        return true;
                }
                line += length;
        }
        return false;
}

static bool key_is(const struct fence_option *option, const char *key)
{
        return option->key_bytes == strlen(key) && strncasecmp(option->line, key, option->key_bytes) == 0;
}

static bool key_starts(const struct fence_option *option, const char *start)
{
        size_t length = strlen(start);
        return option->key_bytes > length && strncmp(option->line, start, length) == 0;
}

bool fence_option_is_per_node(const struct fence_option *option)
{
        return key_starts(option, "port.") || key_starts(option, "plug.");
}

/* `option` is the old name of `action`. Either would turn our question into somebody else's order. */
static bool is_action(const struct fence_option *option)
{
        return key_is(option, "action") || key_is(option, "option");
}

static bool is_port(const struct fence_option *option)
{
        return key_is(option, "port") || key_is(option, "plug");
}

static bool is_for_node(const struct fence_option *option, const char *node_name)
{
        size_t start = sizeof "port." - 1;
        return fence_option_is_per_node(option) && option->key_bytes - start == strlen(node_name) &&
               memcmp(option->line + start, node_name, option->key_bytes - start) == 0;
}

static void input_add(char input[FENCE_INPUT_BYTES], const char *text, size_t bytes)
{
        size_t used = strlen(input);
        assert(used + bytes + 1 < FENCE_INPUT_BYTES);
        memcpy(input + used, text, bytes);
        input[used + bytes] = '\n';
        input[used + bytes + 1] = '\0';
}

static bool ports_add(const char *options, const char *node_name, char input[FENCE_INPUT_BYTES])
{
        bool added = false;
        struct fence_option option;
        while (fence_option_next(&options, &option)) {
                if (!is_for_node(&option, node_name))
                        continue;
                char line[OPTIONS_BYTES];
                TEXT_PRINT(line, "%.4s%.*s", option.line, (int)(option.line_bytes - option.key_bytes),
                           option.line + option.key_bytes);
                input_add(input, line, strlen(line));
                added = true;
        }
        return added;
}

void fence_options_input(const char *options, const char *action, const char *node_name,
                         char ret_input[FENCE_INPUT_BYTES])
{
        char line[NAME_BYTES + 16];
        ret_input[0] = '\0';
        TEXT_PRINT(line, "action=%s", action);
        input_add(ret_input, line, strlen(line));
        bool named = ports_add(options, node_name, ret_input);
        bool special = named;
        struct fence_option option;
        while (fence_option_next(&options, &option)) {
                if (is_action(&option) || fence_option_is_per_node(&option) || (special && is_port(&option)))
                        continue;
                named = named || is_port(&option);
                input_add(ret_input, option.line, option.line_bytes);
        }
        if (named)
                return;
        TEXT_PRINT(line, "plug=%s", node_name);
        input_add(ret_input, line, strlen(line));
        TEXT_PRINT(line, "port=%s", node_name);
        input_add(ret_input, line, strlen(line));
}

/* By the names that RHCS agents use: passwd, password, snmp_priv_passwd, secret_key, token, community, ... */
static bool may_be_secret(const struct fence_option *option)
{
        static const char *const words[] = { "pass",      "secret",     "key",          "token",
                                             "community", "credential", "identity_file" };
        char key[64];
        TEXT_PRINT(key, "%.*s", (int)option->key_bytes, option->line);
        if (strcasestr(key, "_script") != NULL)
                return false; /* the path of a program that tells it */
        for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
                if (strcasestr(key, words[i]) != NULL)
                        return true;
        return false;
}

static void value_hide(const char *value, size_t bytes, char *text)
{
        for (char *found = text; (found = memmem(found, strlen(found), value, bytes)) != NULL; found += bytes)
                memset(found, '*', bytes);
}

void fence_options_hide(const char *options, char *text)
{
        struct fence_option option;
        while (fence_option_next(&options, &option)) {
                if (!may_be_secret(&option) || option.line_bytes <= option.key_bytes + 1)
                        continue;
                const char *value = option.line + option.key_bytes + 1;
                size_t bytes = option.line_bytes - option.key_bytes - 1;
                if (bytes >= 2 && value[0] == '"' && value[bytes - 1] == '"') {
                        value++; /* agents take the quotes off */
                        bytes -= 2;
                }
                if (bytes > 0)
                        value_hide(value, bytes, text);
        }
}
