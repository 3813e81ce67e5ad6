/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/request_internal.h"

#include <assert.h>
#include <time.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"

json_t *document_text(const char *text)
{
        json_t *value = json_string(text);
        if (value != NULL)
                return value;
        /* a text cut in the middle of a letter, or an agent's output in another coding */
        SCOPED_FREE char *plain = strdup(text);
        assert(plain != NULL);
        for (char *at = plain; *at != '\0'; at++)
                if ((unsigned char)*at >= 0x80)
                        *at = '?';
        return json_string(plain);
}

json_t *document_time(int64_t time_ms)
{
        char text[40], day[24];
        time_t seconds = (time_t)(time_ms / 1000);
        struct tm parts;

        if (time_ms <= 0 || gmtime_r(&seconds, &parts) == NULL)
                return json_null();
        (void)strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &parts);
        TEXT_PRINT(text, "%s.%03dZ", day, (int)(time_ms % 1000));
        return json_string(text);
}

json_t *document_node_name(const struct model *model, uint32_t node)
{
        return node == NODE_NONE ? json_null() : document_text(model_node_name(model, node));
}

json_t *document_node_set(const struct model *model, node_set set)
{
        json_t *names = json_array();
        NODE_SET_EACH (set, node)
                json_array_append_new(names, document_node_name(model, node));
        return names;
}

json_t *document_volume_names(const struct model *model, uint64_t volumes)
{
        json_t *names = json_array();
        NODE_SET_EACH (volumes, id)
                json_array_append_new(names, json_string(model->volumes[id].name));
        return names;
}

json_t *document_error(const struct request_error *error)
{
        json_t *document = json_object();
        json_object_set_new(document, "message", document_text(error->message));
        if (error->rule[0] != '\0')
                json_object_set_new(document, "rule", document_text(error->rule));
        if (error->remedy[0] != '\0')
                json_object_set_new(document, "remedy", document_text(error->remedy));
        if (error->retry)
                json_object_set_new(document, "retry", json_true());
        return document;
}

char *document_reply(enum verb_exit exit, json_t *error, json_t *result)
{
        json_t *document = json_object();
        json_object_set_new(document, "schema", json_string(VERB_SCHEMA));
        json_object_set_new(document, "exit", json_integer(exit));
        if (error != NULL)
                json_object_set_new(document, "error", error);
        if (result != NULL)
                json_object_set_new(document, "result", result);
        char *text = json_dumps(document, JSON_COMPACT);
        json_decref(document);
        assert(text != NULL);
        return text;
}
