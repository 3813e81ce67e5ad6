/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "resource-agents/ocf_definition.h"

#include <assert.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "resource-agents/ocf_role.h"

/* Where a complaint goes, and about what it is. */
struct reader {
        const char *root;
        char *error;
        size_t error_bytes;
        size_t agent; /* from 1; 0 outside */
};

#define COMPLAIN(reader, code, ...)                                                                          \
        ((void)snprintf((reader)->error, (reader)->error_bytes, __VA_ARGS__), (code))

static void scope_json(json_t **json)
{
        json_decref(*json);
}

#define SCOPED_JSON __attribute__((cleanup(scope_json)))

static int name_read(struct reader *reader, const char *name, struct ocf_agent *agent)
{
        char standard[NAME_BYTES], rest[2];
        if (sscanf(name, "%63[^:]:%63[^:]:%63[^:]%1s", standard, agent->provider, agent->type, rest) != 3 ||
            !text_equal(standard, "ocf") || !name_is_valid(agent->provider) || !name_is_valid(agent->type))
                return COMPLAIN(reader, -EINVAL,
                                "agent %zu: \"%.80s\" is not an OCF agent: write ocf:PROVIDER:TYPE, as in "
                                "ocf:heartbeat:IPaddr2",
                                reader->agent, name);
        if (asprintf(&agent->path, "%s/resource.d/%s/%s", reader->root, agent->provider, agent->type) < 0)
                abort();
        return 0;
}

/* Agents read parameters as shell variables. */
static bool parameter_name_is_valid(const char *name)
{
        static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
        size_t length = strlen(name);
        return length > 0 && length < OCF_PARAMETER_BYTES && strspn(name, allowed) == length &&
               strncmp(name, "CRM_meta_", sizeof "CRM_meta_" - 1) != 0;
}

/* Given, free(); NULL if there is no text for such a value. */
static char *value_text(const json_t *value)
{
        char *text = NULL;
        int length = 0;
        if (json_is_string(value))
                length = asprintf(&text, "%s", json_string_value(value));
        else if (json_is_integer(value))
                length = asprintf(&text, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        else if (json_is_boolean(value))
                length = asprintf(&text, "%s", json_is_true(value) ? "true" : "false");
        if (length < 0)
                abort();
        return text;
}

static int parameter_read(struct reader *reader, const char *name, const json_t *value,
                          struct ocf_agent *agent)
{
        if (!parameter_name_is_valid(name))
                return COMPLAIN(reader, -EINVAL,
                                "agent %zu: \"%.80s\" is no name of a parameter: letters, digits and _ only",
                                reader->agent, name);
        if (agent->parameter_count == OCF_PARAMETERS_MAX)
                return COMPLAIN(reader, -E2BIG, "agent %zu: more than %d parameters", reader->agent,
                                OCF_PARAMETERS_MAX);
        SCOPED_FREE char *text = value_text(value);
        if (text == NULL)
                return COMPLAIN(reader, -EINVAL,
                                "agent %zu: parameter %s must be a string, a whole number or true/false",
                                reader->agent, name);
        if (strlen(text) >= OCF_VALUE_BYTES)
                return COMPLAIN(reader, -E2BIG, "agent %zu: parameter %s is longer than %d bytes",
                                reader->agent, name, OCF_VALUE_BYTES - 1);
        if (asprintf(&agent->parameters[agent->parameter_count], "OCF_RESKEY_%s=%s", name, text) < 0)
                abort();
        agent->parameter_count++;
        return 0;
}

static int parameters_read(struct reader *reader, json_t *parameters, struct ocf_agent *agent)
{
        if (!json_is_object(parameters))
                return COMPLAIN(reader, -EINVAL,
                                "agent %zu: \"parameters\" must be an object of name and value",
                                reader->agent);
        const char *name;
        json_t *value;
        json_object_foreach(parameters, name, value)
        {
                int error = parameter_read(reader, name, value, agent);
                if (error < 0)
                        return error;
        }
        return 0;
}

static int time_read(struct reader *reader, const char *field, const json_t *value, uint32_t *ret_ms)
{
        json_int_t ms = json_integer_value(value);
        if (!json_is_integer(value) || ms < OCF_TIME_LEAST_MS || ms > OCF_TIME_MOST_MS)
                return COMPLAIN(reader, -EINVAL,
                                "agent %zu: \"%s\" must be a number of milliseconds from %d to %d",
                                reader->agent, field, OCF_TIME_LEAST_MS, OCF_TIME_MOST_MS);
        *ret_ms = (uint32_t)ms;
        return 0;
}

static int field_read(struct reader *reader, const char *field, json_t *value, struct ocf_agent *agent)
{
        if (text_equal(field, "agent"))
                return json_is_string(value)
                               ? name_read(reader, json_string_value(value), agent)
                               : COMPLAIN(reader, -EINVAL, "agent %zu: \"agent\" must be a string",
                                          reader->agent);
        if (text_equal(field, "parameters"))
                return parameters_read(reader, value, agent);
        if (text_equal(field, "start_timeout_ms"))
                return time_read(reader, field, value, &agent->start_timeout_ms);
        if (text_equal(field, "stop_timeout_ms"))
                return time_read(reader, field, value, &agent->stop_timeout_ms);
        if (text_equal(field, "monitor_timeout_ms"))
                return time_read(reader, field, value, &agent->monitor_timeout_ms);
        if (text_equal(field, "monitor_interval_ms"))
                return time_read(reader, field, value, &agent->monitor_interval_ms);
        return COMPLAIN(reader, -EINVAL,
                        "agent %zu: unknown field \"%.40s\": known are agent, parameters, start_timeout_ms, "
                        "stop_timeout_ms, monitor_interval_ms, monitor_timeout_ms",
                        reader->agent, field);
}

static int agent_read(struct reader *reader, json_t *json, struct ocf_agent *agent)
{
        agent->start_timeout_ms = agent->stop_timeout_ms = agent->monitor_timeout_ms = OCF_TIMEOUT_MS;
        agent->monitor_interval_ms = OCF_MONITOR_INTERVAL_MS;
        if (!json_is_object(json))
                return COMPLAIN(reader, -EINVAL, "agent %zu: must be an object", reader->agent);
        const char *field;
        json_t *value;
        json_object_foreach(json, field, value)
        {
                int error = field_read(reader, field, value, agent);
                if (error < 0)
                        return error;
        }
        return agent->path != NULL
                       ? 0
                       : COMPLAIN(reader, -EINVAL, "agent %zu: \"agent\" is missing", reader->agent);
}

static int agents_read(struct reader *reader, json_t *document, struct ocf_definition *definition)
{
        json_t *agents = json_object_get(document, "agents");
        if (!json_is_array(agents) || json_array_size(agents) == 0)
                return COMPLAIN(reader, -EINVAL,
                                "\"agents\" must be a list of at least one agent: "
                                "{\"agents\":[{\"agent\":\"ocf:heartbeat:Dummy\"}]}");
        if (json_object_size(document) != 1)
                return COMPLAIN(reader, -EINVAL, "only the field \"agents\" is known");
        if (json_array_size(agents) > OCF_AGENTS_MAX)
                return COMPLAIN(reader, -E2BIG, "%zu agents, at most %d fit into one role: split it",
                                json_array_size(agents), OCF_AGENTS_MAX);
        for (size_t i = 0; i < json_array_size(agents); i++) {
                reader->agent = i + 1;
                definition->count = i + 1;
                int error = agent_read(reader, json_array_get(agents, i), &definition->agents[i]);
                if (error < 0)
                        return error;
        }
        return 0;
}

void ocf_definition_free(struct ocf_definition *definition)
{
        if (definition == NULL)
                return;
        for (size_t i = 0; i < definition->count; i++) {
                for (size_t n = 0; n < definition->agents[i].parameter_count; n++)
                        free(definition->agents[i].parameters[n]);
                free(definition->agents[i].path);
        }
        free(definition);
}

int ocf_definition_read(const char *text, size_t text_bytes, const char *root,
                        struct ocf_definition **ret_definition, char *ret_error, size_t error_bytes)
{
        assert(error_bytes > 0);
        struct reader reader = { .root = root, .error = ret_error, .error_bytes = error_bytes };
        if (text_bytes > DEFINITION_BYTES)
                return COMPLAIN(&reader, -E2BIG, "the definition has %zu bytes, at most %d fit", text_bytes,
                                DEFINITION_BYTES);
        json_error_t problem;
        SCOPED_JSON json_t *document = json_loadb(text, text_bytes, JSON_REJECT_DUPLICATES, &problem);
        if (!json_is_object(document))
                return COMPLAIN(&reader, -EINVAL, "line %d column %d: %s",
                                document == NULL ? problem.line : 1, document == NULL ? problem.column : 1,
                                document == NULL ? problem.text : "an object is expected");
        struct ocf_definition *definition = calloc(1, sizeof *definition);
        if (definition == NULL)
                abort();
        int error = agents_read(&reader, document, definition);
        if (error < 0) {
                ocf_definition_free(definition);
                return error;
        }
        *ret_definition = definition;
        return 0;
}

int ocf_definition_check(const char *text, size_t text_bytes, const char *root, char *ret_error,
                         size_t error_bytes)
{
        struct ocf_definition *definition;
        int error = ocf_definition_read(text, text_bytes, root, &definition, ret_error, error_bytes);
        if (error < 0)
                return error;
        struct reader reader = { .root = root, .error = ret_error, .error_bytes = error_bytes };
        for (size_t i = 0; i < definition->count && error == 0; i++)
                if (access(definition->agents[i].path, X_OK) < 0)
                        error = COMPLAIN(&reader, -EINVAL,
                                         "agent %zu: no program %s on this node (others were not asked): "
                                         "install the agent's package on every node that may own the role",
                                         i + 1, definition->agents[i].path);
        ocf_definition_free(definition);
        return error;
}
