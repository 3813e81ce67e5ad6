/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/request_internal.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "clusterd/io/domain_definition.h"
#include "clusterd/protocol/codec.h"

#define STOP_TIMEOUT_MS 60000 /* what distributions give a service; guests that need longer say so */

static bool is_json(const char *text)
{
        return text[strspn(text, " \t\r\n")] == '{';
}

/* The one given of --definition and --ocf; NULL if neither. */
static int find_definition(struct request *request, const char **ret_text, enum role_kind *ret_kind)
{
        const char *definition = request_text(request, "definition");
        const char *ocf = request_text(request, "ocf");
        const char *text = definition != NULL ? definition : ocf;

        if (definition != NULL && ocf != NULL)
                return request_fail(request, VERB_EXIT_USAGE, "", "",
                                    "--definition and --ocf are both given");
        if (text != NULL && strlen(text) > DEFINITION_BYTES)
                return request_fail(request, VERB_EXIT_REFUSED, "a definition has at most 256 KiB",
                                    "shorten it", "the definition has %zu bytes", strlen(text));
        *ret_text = text;
        *ret_kind = ocf != NULL || (text != NULL && is_json(text)) ? ROLE_OCF : ROLE_VM;
        return 0;
}

static int take_ocf(struct request *request, const char *text, struct role *role, struct change *change)
{
        char error[DEFINITION_ERROR_BYTES] = "";
        if (request->services->check_ocf(request->services->context, text, strlen(text), error,
                                         sizeof(error)) < 0)
                return request_fail(request, VERB_EXIT_REFUSED, "a definition of OCF agents must be complete",
                                    "correct the file; its form is in clu(8)", "definition of %s: %s",
                                    request->name, error);
        change->definition = strdup(text);
        assert(change->definition != NULL);
        change->definition_bytes = strlen(text);
        role->kind = ROLE_OCF;
        return 0;
}

static const struct role *role_by_uuid(const struct model *model, const char *uuid)
{
        MODEL_EACH_ROLE (model, role)
                if (text_equal(role->uuid, uuid))
                        return role;
        return NULL;
}

/* A role keeps its uuid when a new definition leaves it out. */
static void keep_uuid(const char *text, const struct role *old, struct domain_definition *definition)
{
        if (old == NULL || old->uuid[0] == '\0' || strstr(text, "<uuid") != NULL)
                return;
        char *at = strstr(definition->text, definition->uuid);
        if (at == NULL || strlen(old->uuid) != strlen(definition->uuid))
                return;
        memcpy(at, old->uuid, strlen(old->uuid));
        TEXT_COPY(definition->uuid, old->uuid);
}

static int check_domain(struct request *request, const struct domain_definition *definition)
{
        const struct role *other = role_by_uuid(request->model, definition->uuid);

        if (!text_equal(definition->name, request->name))
                return request_fail(request, VERB_EXIT_REFUSED, "a role has the name of its domain",
                                    "name the role so, or change <name> in the definition",
                                    "the definition's domain is called %s, the role %s", definition->name,
                                    request->name);
        if (other != NULL && !text_equal(other->name, request->name))
                return request_fail(request, VERB_EXIT_REFUSED, "a domain's UUID is used once",
                                    "leave <uuid> out: a new one is made", "role %s has UUID %s already",
                                    other->name, definition->uuid);
        return 0;
}

struct binding {
        const struct model *model;
        uint64_t volumes;
};

static void bind_volume(void *context, const char *file)
{
        struct binding *binding = context;
        const struct volume *volume = model_volume_of(binding->model, file);
        if (volume != NULL)
                binding->volumes |= node_set_of(volume->id);
}

uint64_t request_volumes_of(const struct model *model, const char *definition, size_t bytes)
{
        struct binding binding = { .model = model };
        domain_definition_files(definition, bytes, bind_volume, &binding);
        return binding.volumes;
}

static bool is_on_target(void *context, const char *file)
{
        const struct volume *volume = model_volume_of(context, file);
        return volume != NULL && volume->kind == VOLUME_ISCSI;
}

/* old: the role as it is; NULL when it is new. */
static int take_domain(struct request *request, const char *text, const struct role *old, struct role *role,
                       struct change *change)
{
        char error[DEFINITION_ERROR_BYTES] = "";
        struct domain_definition definition = { 0 };

        if (domain_definition_read(text, strlen(text), &definition, error) < 0)
                return request_fail(request, VERB_EXIT_REFUSED,
                                    "a definition must be a domain that libvirt can start",
                                    "correct the file; virsh dumpxml --inactive makes a good one",
                                    "definition of %s: %s", request->name, error);
        change->definition = definition.text;
        change->definition_bytes = definition.text_bytes;
        keep_uuid(text, old, &definition);
        role->kind = ROLE_VM;
        role->memory_mib = definition.memory_mib;
        role->cpus = definition.cpus;
        TEXT_COPY(role->uuid, definition.uuid);
        role->volumes = request_volumes_of(request->model, definition.text, definition.text_bytes);
        role->contained = domain_definition_is_contained(definition.text, definition.text_bytes, is_on_target,
                                                         (void *)(uintptr_t)request->model);
        return check_domain(request, &definition);
}

static int take_definition(struct request *request, const struct role *old, struct role *role,
                           struct change *change)
{
        const char *text = NULL;
        enum role_kind kind = ROLE_VM;

        if (find_definition(request, &text, &kind) < 0)
                return -EINVAL;
        if (text == NULL)
                return 0;
        if (old != NULL && old->kind != kind)
                return request_fail(request, VERB_EXIT_REFUSED, "a role keeps its kind",
                                    "remove it and add it again",
                                    "%s is of kind %s, the definition of kind %s", old->name,
                                    role_kind_name(old->kind), role_kind_name(kind));
        int error = kind == ROLE_OCF ? take_ocf(request, text, role, change)
                                     : take_domain(request, text, old, role, change);
        if (error == 0)
                definition_hash(change->definition, change->definition_bytes, role->definition_hash);
        return error;
}

static int take_nodes(struct request *request, struct role *role, uint32_t *fields)
{
        uint32_t nodes[NODES_MAX];
        size_t count = NODES_MAX + 1;

        if (request_nodes(request, "preferred", nodes, &count) < 0)
                return -EINVAL;
        if (count <= NODES_MAX) {
                if (count > PREFERRED_MAX)
                        return request_fail(request, VERB_EXIT_REFUSED,
                                            "a role has at most 8 preferred nodes", "name the best ones",
                                            "--preferred names %zu nodes", count);
                *fields |= ROLE_FIELD_PREFERRED;
                memset(role->preferred, 0, sizeof(role->preferred));
                memcpy(role->preferred, nodes, count * sizeof(nodes[0]));
        }
        count = NODES_MAX + 1;
        if (request_nodes(request, "possible", nodes, &count) < 0)
                return -EINVAL;
        if (count <= NODES_MAX) {
                *fields |= ROLE_FIELD_POSSIBLE;
                role->possible = 0;
                for (size_t i = 0; i < count; i++)
                        role->possible |= node_set_of(nodes[i]);
        }
        return 0;
}

static int check_nodes(struct request *request, const struct role *role)
{
        for (size_t i = 0; i < PREFERRED_MAX && role->preferred[i] != NODE_NONE; i++)
                if (role->possible != 0 && !node_set_has(role->possible, role->preferred[i]))
                        return request_fail(request, VERB_EXIT_REFUSED,
                                            "preferred nodes must be possible ones",
                                            "add it to --possible, or leave it out of --preferred",
                                            "%s is preferred for %s, but not possible",
                                            model_node_name(request->model, role->preferred[i]), role->name);
        return 0;
}

/* What both verbs can set. */
static int take_fields(struct request *request, struct role *role, uint32_t *fields)
{
        const char *note = request_text(request, "note");
        int64_t number;

        if (note != NULL) {
                *fields |= ROLE_FIELD_NOTE;
                TEXT_COPY(role->note, note);
        }
        if (request_number(request, "priority", &number)) {
                *fields |= ROLE_FIELD_PRIORITY;
                role->priority = (int32_t)number;
        }
        if (request_number(request, "stop-timeout", &number)) {
                *fields |= ROLE_FIELD_STOP_TIMEOUT;
                role->stop_timeout_ms = (uint32_t)number;
        }
        if (take_nodes(request, role, fields) < 0)
                return -EINVAL;
        return check_nodes(request, role);
}

int change_role_add(struct request *request, struct change *change)
{
        struct role *role = &change->command.role_add.role;
        uint32_t fields = 0;

        change->command.kind = COMMAND_ROLE_ADD;
        if (model_role(request->model, request->name) != NULL)
                return request_fail(request, VERB_EXIT_REFUSED, "names are used once",
                                    "clu role set changes it, clu role remove forgets it",
                                    "there is a role %s already", request->name);
        TEXT_COPY(role->name, request->name);
        role->desired = request_flag(request, "stopped") ? DESIRED_STOPPED : DESIRED_RUNNING;
        role->stop_timeout_ms = STOP_TIMEOUT_MS;
        if (take_fields(request, role, &fields) < 0)
                return -EINVAL;
        if (request_text(request, "definition") == NULL && request_text(request, "ocf") == NULL)
                return request_fail(request, VERB_EXIT_USAGE, "", "see clu role add --help",
                                    "role add needs --definition FILE or --ocf FILE");
        return take_definition(request, NULL, role, change);
}

int change_role_set(struct request *request, struct change *change)
{
        struct command_role_set *set = &change->command.role_set;
        const struct role *old;

        if (request_role(request, &old) < 0)
                return -EINVAL;
        change->command.kind = COMMAND_ROLE_SET;
        TEXT_COPY(set->role.name, old->name);
        /* for the rules between the two; only the fields meant are taken from the command */
        memcpy(set->role.preferred, old->preferred, sizeof(old->preferred));
        set->role.possible = old->possible;
        set->role.kind = old->kind;
        if (take_fields(request, &set->role, &set->fields) < 0 ||
            take_definition(request, old, &set->role, change) < 0)
                return -EINVAL;
        if (change->definition != NULL)
                set->fields |= ROLE_FIELD_DEFINITION;
        if (set->fields == 0)
                return request_fail(request, VERB_EXIT_USAGE, "", "see clu role set --help",
                                    "role set needs something to change");
        return 0;
}
