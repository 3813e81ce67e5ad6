/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/request_internal.h"

#include <assert.h>
#include <errno.h>

#include "clusterd/base/text.h"
#include "clusterd/io/request_entry_text.h"

#define USAGE(request, ...) request_fail((request), VERB_EXIT_USAGE, "", "", __VA_ARGS__)

static int check_texts(struct request *request, const struct verb_option *option, const json_t *value)
{
        char error[VERB_ERROR_BYTES];
        size_t at;
        json_t *item;

        if (!json_is_array(value))
                return USAGE(request, "'%s' should be a list of texts", option->name);
        json_array_foreach(value, at, item)
        {
                if (!json_is_string(item))
                        return USAGE(request, "'%s' should be a list of texts; item %zu is not", option->name,
                                     at + 1);
                if (verb_check_text(option, json_string_value(item), error) < 0)
                        return USAGE(request, "%s", error);
        }
        return 0;
}

static int check_value(struct request *request, const struct verb_option *option, const json_t *value)
{
        char error[VERB_ERROR_BYTES];

        switch (option->value) {
        case VERB_VALUE_FLAG:
                return json_is_boolean(value) ? 0
                                              : USAGE(request, "'%s' should be true or false", option->name);
        case VERB_VALUE_NUMBER:
                if (!json_is_integer(value))
                        return USAGE(request, "'%s' should be a whole number", option->name);
                return verb_check_number(option, json_integer_value(value), error) == 0
                               ? 0
                               : USAGE(request, "%s", error);
        case VERB_VALUE_TEXT:
        case VERB_VALUE_NAME:
        case VERB_VALUE_FILE:
                if (!json_is_string(value))
                        return USAGE(request, "'%s' should be a text", option->name);
                return verb_check_text(option, json_string_value(value), error) == 0
                               ? 0
                               : USAGE(request, "%s", error);
        case VERB_VALUE_NODES:
        case VERB_VALUE_PAIR:
                return check_texts(request, option, value);
        case VERB_VALUE_COUNT:
                break;
        }
        assert(!"no such kind of value");
        return -EINVAL;
}

static int check_operand(struct request *request)
{
        const struct verb *verb = request->verb;
        const json_t *name = json_object_get(request->arguments, "name");

        request->name = json_string_value(name);
        if (verb->operand == NULL)
                return name == NULL ? 0 : USAGE(request, "%s %s takes no name", verb->noun, verb->name);
        if (verb->operand_optional && name == NULL)
                return 0;
        if (request->name == NULL || !name_is_valid(request->name))
                return USAGE(request, "%s %s needs a name: letters, digits, '.', '_' and '-', at most %d",
                             verb->noun, verb->name, NAME_BYTES - 1);
        return 0;
}

int request_arguments_check(struct request *request)
{
        const struct verb *verb = request->verb;
        const char *key;
        json_t *value;

        if (check_operand(request) < 0)
                return -EINVAL;
        json_object_foreach(request->arguments, key, value)
        {
                const struct verb_option *option = verb_option_find(verb, key);
                if (text_equal(key, "name"))
                        continue;
                if (option == NULL || option->local)
                        return USAGE(request, "%s %s has no argument '%.32s'", verb->noun, verb->name, key);
                if (check_value(request, option, value) < 0)
                        return -EINVAL;
        }
        for (size_t i = 0; i < verb->option_count; i++)
                if (verb->options[i].required &&
                    json_object_get(request->arguments, verb->options[i].name) == NULL)
                        return USAGE(request, "%s %s needs --%s %s", verb->noun, verb->name,
                                     verb->options[i].name, verb->options[i].placeholder);
        return 0;
}

const char *request_text(const struct request *request, const char *option)
{
        return json_string_value(json_object_get(request->arguments, option));
}

bool request_flag(const struct request *request, const char *option)
{
        return json_is_true(json_object_get(request->arguments, option));
}

bool request_number(const struct request *request, const char *option, int64_t *ret_number)
{
        const json_t *value = json_object_get(request->arguments, option);
        if (value == NULL)
                return false;
        *ret_number = json_integer_value(value);
        return true;
}

static int no_such_node(struct request *request, const char *name)
{
        char known[REASON_BYTES];
        node_set all = 0;
        MODEL_EACH_NODE (request->model, node)
                all |= node_set_of(node->id);
        node_set_text(all, request->model, known, sizeof(known));
        return request_fail(request, VERB_EXIT_NO_OBJECT, "", "clu node list names them",
                            "there is no node %.63s; nodes: %s", name, known);
}

int request_nodes(struct request *request, const char *option, uint32_t ret_nodes[NODES_MAX],
                  size_t *ret_count)
{
        size_t at, count = 0;
        json_t *item;
        node_set seen = 0;
        const json_t *names = json_object_get(request->arguments, option);

        if (names == NULL)
                return 0;
        json_array_foreach(names, at, item)
        {
                const struct node *node = model_node_by_name(request->model, json_string_value(item));
                if (node == NULL)
                        return no_such_node(request, json_string_value(item));
                if (node_set_has(seen, node->id))
                        return USAGE(request, "--%s names %s twice", option, node->name);
                seen |= node_set_of(node->id);
                ret_nodes[count++] = node->id;
        }
        *ret_count = count;
        return 0;
}

int request_node(struct request *request, const struct node **ret_node)
{
        const struct node *node = model_node_by_name(request->model, request->name);
        if (node == NULL)
                return no_such_node(request, request->name);
        *ret_node = node;
        return 0;
}

int request_role(struct request *request, const struct role **ret_role)
{
        const struct role *role = model_role(request->model, request->name);
        if (role == NULL)
                return request_fail(request, VERB_EXIT_NO_OBJECT, "", "clu role list names them",
                                    "there is no role %s", request->name);
        *ret_role = role;
        return 0;
}
