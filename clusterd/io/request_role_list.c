/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/request_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/scope.h"

/*
 * role.list is written as text, not built as a document: with 8,000 roles the
 * document costs the loop 40 ms, the text 10. Its rows say what
 * document_role_row() says; a test compares the two.
 */

static int compare_names(const void *a, const void *b)
{
        return strcmp((*(const struct role *const *)a)->name, (*(const struct role *const *)b)->name);
}

/* In order of their names; the array is given. */
static const struct role **sorted_roles(const struct model *model)
{
        size_t count = 0;
        const struct role **roles = calloc(model->role_count + 1, sizeof(*roles));
        assert(roles != NULL);
        MODEL_EACH_ROLE (model, role) {
                assert(count < model->role_count);
                roles[count++] = role;
        }
        assert(count == model->role_count);
        qsort(roles, count, sizeof(*roles), compare_names);
        return roles;
}

static void write_node(FILE *stream, const char *key, const struct model *model, uint32_t node)
{
        /* names are letters, digits, '.', '_' and '-': nothing to escape */
        if (node == NODE_NONE)
                (void)fprintf(stream, "\"%s\":null,", key);
        else
                (void)fprintf(stream, "\"%s\":\"%s\",", key, model_node_name(model, node));
}

/* Most are: a document of its own for each costs more than all else of its row. */
static bool is_plain(const char *text)
{
        while (*text >= ' ' && *text < 0x7f && *text != '"' && *text != '\\')
                text++;
        return *text == '\0';
}

static void write_text(FILE *stream, const char *text)
{
        if (is_plain(text)) {
                (void)fprintf(stream, "\"%s\"", text);
                return;
        }
        json_t *document = document_text(text);
        (void)json_dumpf(document, stream, JSON_ENCODE_ANY);
        json_decref(document);
}

static void write_volumes(FILE *stream, const struct model *model, const struct role *role)
{
        const char *before = "\"volumes\":[";
        NODE_SET_EACH (role->volumes, id) {
                (void)fprintf(stream, "%s\"%s\"", before, model->volumes[id].name);
                before = ",";
        }
        if (role->volumes != 0)
                (void)fputs("],", stream);
}

static void write_names(FILE *stream, const char *key, const struct model *model, const uint32_t *nodes,
                        size_t count)
{
        if (count == 0)
                return;
        (void)fprintf(stream, "\"%s\":[", key);
        for (size_t i = 0; i < count; i++)
                (void)fprintf(stream, "%s\"%s\"", i > 0 ? "," : "", model_node_name(model, nodes[i]));
        (void)fputs("],", stream);
}

/* Where it may and should run, if that is said: clu what-if places it by that. */
static void write_placement(FILE *stream, const struct model *model, const struct role *role)
{
        uint32_t possible[NODES_MAX];
        size_t preferred_count = 0, possible_count = 0;
        while (preferred_count < PREFERRED_MAX && role->preferred[preferred_count] != NODE_NONE)
                preferred_count++;
        NODE_SET_EACH (role->possible, node)
                possible[possible_count++] = node;
        write_names(stream, "preferred", model, role->preferred, preferred_count);
        write_names(stream, "possible", model, possible, possible_count);
        write_volumes(stream, model, role);
}

/* Why it stands still, if it does. */
static void write_stall(FILE *stream, const struct role_stall *stall)
{
        json_t *document = document_stall(stall);
        (void)fputs(",\"stall\":", stream);
        (void)json_dumpf(document, stream, JSON_COMPACT);
        json_decref(document);
}

static void write_row(FILE *stream, const struct model *model, const struct role *role)
{
        (void)fprintf(stream, "{\"name\":\"%s\",\"kind\":\"%s\",\"state\":\"%s\",\"desired\":\"%s\",",
                      role->name, role_kind_name(role->kind), role_state_name(role->state),
                      role_desired_name(role->desired));
        write_node(stream, "owner", model, role->owner);
        write_node(stream, "target", model, role->target);
        write_placement(stream, model, role);
        (void)fprintf(stream,
                      "\"generation\":%" PRIu64 ",\"memory_mib\":%" PRIu32 ",\"cpus\":%" PRIu32
                      ",\"priority\":%" PRId32 ",\"failures\":%" PRIu32 ",\"reason\":",
                      role->generation, role->memory_mib, role->cpus, role->priority, role->failures);
        write_text(stream, role->reason);
        if (role->stall.index != 0)
                write_stall(stream, &role->stall);
        (void)fputc('}', stream);
}

char *role_list_reply(const struct model *model)
{
        char *text = NULL;
        size_t bytes = 0;
        SCOPED_FREE const struct role **roles = sorted_roles(model);
        FILE *stream = open_memstream(&text, &bytes);

        assert(stream != NULL);
        (void)fprintf(stream, "{\"schema\":\"" VERB_SCHEMA "\",\"exit\":0,\"result\":{\"roles\":[");
        for (size_t i = 0; i < model->role_count; i++) {
                if (i > 0)
                        (void)fputc(',', stream);
                write_row(stream, model, roles[i]);
        }
        (void)fputs("]}}", stream);
        int closed = fclose(stream);
        assert(closed == 0);
        (void)closed;
        return text;
}
