/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "simulation/operator_words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/bytes.h"
#include "clusterd/base/text.h"
#include "clusterd/protocol/verb_value.h"
#include "simulation/image.h"
#include "simulation/incident.h"

#define WORDS_MAX 48

#define FAIL(code, ...)                                                                                      \
        __extension__({                                                                                      \
                (void)snprintf(ret_error, VERB_ERROR_BYTES, __VA_ARGS__);                                    \
                -(code);                                                                                     \
        })

struct word_list {
        char text[INCIDENT_WORDS_BYTES];
        const char *word[WORDS_MAX];
        int count;
};

/* At blanks; "..." holds together. */
static int split(const char *words, struct word_list *list, char *ret_error)
{
        TEXT_COPY(list->text, words);
        list->count = 0;
        for (char *at = list->text + strspn(list->text, " "); *at != '\0'; at += strspn(at, " ")) {
                if (list->count == WORDS_MAX)
                        return FAIL(EINVAL, "more than %d words", WORDS_MAX);
                bool quoted = *at == '"';
                at += quoted;
                list->word[list->count++] = at;
                at += strcspn(at, quoted ? "\"" : " ");
                if (quoted && *at == '\0')
                        return FAIL(EINVAL, "a quotation mark is not closed");
                if (*at != '\0')
                        *at++ = '\0';
        }
        return 0;
}

static bool take_number(const struct verb_call *call, const char *option, int64_t *ret_number)
{
        for (size_t i = 0; i < call->value_count; i++)
                if (text_equal(call->values[i].option->name, option)) {
                        *ret_number = call->values[i].number;
                        return true;
                }
        return false;
}

static int take_node(const struct model *model, const char *name, uint32_t *ret_id, char *ret_error)
{
        const struct node *node = model_node_by_name(model, name);
        if (node == NULL)
                return FAIL(ENOENT, "there is no node %.63s", name);
        *ret_id = node->id;
        return 0;
}

/* "n1,n2" */
static int take_nodes(const struct verb_call *call, const char *option, const struct model *model,
                      uint32_t ret_ids[NODES_MAX], size_t *ret_count, char *ret_error)
{
        const char *text = verb_call_text(call, option);
        *ret_count = 0;
        while (text != NULL && *text != '\0' && *ret_count < NODES_MAX) {
                char name[NAME_BYTES];
                size_t length = strcspn(text, ",");
                text_copy(name, length + 1 < sizeof(name) ? length + 1 : sizeof(name), text);
                int error = take_node(model, name, &ret_ids[(*ret_count)++], ret_error);
                if (error < 0)
                        return error;
                text += length + (text[length] == ',');
        }
        return 0;
}

static int take_placement(const struct verb_call *call, const struct model *model, struct role *role,
                          uint32_t *fields, char *ret_error)
{
        uint32_t ids[NODES_MAX];
        size_t count;
        int error;
        if (verb_call_has(call, "preferred")) {
                if ((error = take_nodes(call, "preferred", model, ids, &count, ret_error)) < 0)
                        return error;
                *fields |= ROLE_FIELD_PREFERRED;
                for (size_t i = 0; i < PREFERRED_MAX; i++)
                        role->preferred[i] = i < count ? ids[i] : NODE_NONE;
        }
        if (verb_call_has(call, "possible")) {
                if ((error = take_nodes(call, "possible", model, ids, &count, ret_error)) < 0)
                        return error;
                *fields |= ROLE_FIELD_POSSIBLE;
                role->possible = 0;
                for (size_t i = 0; i < count; i++)
                        role->possible |= node_set_of(ids[i]);
        }
        return 0;
}

static uint64_t text_number(const char *text)
{
        return fnv1a(FNV1A_EMPTY, text, strlen(text));
}

/* "512MiB@csv1": with a disk on that volume, if it is one. */
static int take_volume(const struct model *model, const char *at, struct role *role)
{
        if (*at != '@')
                return *at == '\0' ? 0 : -EINVAL;
        const struct volume *volume = model_volume(model, at + 1);
        role->volumes = volume == NULL ? 0 : node_set_of(volume->id);
        role->contained = volume != NULL;
        return 0;
}

static int take_definition(const struct verb_call *call, const struct model *model, struct role *role,
                           uint32_t *fields, char *ret_error)
{
        const char *definition = verb_call_text(call, "definition"), *ocf = verb_call_text(call, "ocf");
        if (definition == NULL && ocf == NULL)
                return 0;
        char *unit = NULL;
        *fields |= ROLE_FIELD_DEFINITION;
        role->kind = ocf != NULL ? ROLE_OCF : ROLE_VM;
        memset(role->definition_hash, (int)(1 + text_number(ocf != NULL ? ocf : definition) % 127),
               HASH_BYTES);
        if (ocf != NULL)
                return 0;
        TEXT_PRINT(role->uuid, "00000000-0000-4000-8000-%012llx",
                   (unsigned long long)(text_number(role->name) & 0xffffffffffff));
        role->memory_mib = (uint32_t)strtoul(definition, &unit, 10);
        role->cpus = 1;
        if (unit == definition || (strncmp(unit, "MiB", 3) != 0 && strncmp(unit, "GiB", 3) != 0) ||
            take_volume(model, unit + 3, role) < 0)
                return FAIL(EINVAL, "--definition: '%.32s' is not a size, such as 512MiB, 4GiB or 4GiB@csv1",
                            definition);
        if (unit[0] == 'G')
                role->memory_mib *= 1024;
        return 0;
}

static int take_role_fields(const struct verb_call *call, const struct model *model, struct role *role,
                            uint32_t *fields, char *ret_error)
{
        int64_t number;
        TEXT_COPY(role->name, call->operand);
        if (verb_call_has(call, "note")) {
                *fields |= ROLE_FIELD_NOTE;
                TEXT_COPY(role->note, verb_call_text(call, "note"));
        }
        if (take_number(call, "priority", &number)) {
                *fields |= ROLE_FIELD_PRIORITY;
                role->priority = (int32_t)number;
        }
        if (take_number(call, "stop-timeout", &number)) {
                *fields |= ROLE_FIELD_STOP_TIMEOUT;
                role->stop_timeout_ms = (uint32_t)number;
        }
        int error = take_definition(call, model, role, fields, ret_error);
        return error < 0 ? error : take_placement(call, model, role, fields, ret_error);
}

static int read_role_add(const struct verb_call *call, const struct model *model, struct command *command,
                         char *ret_error)
{
        uint32_t fields = 0;
        struct role *role = &command->role_add.role;
        command->kind = COMMAND_ROLE_ADD;
        role->desired = verb_call_has(call, "stopped") ? DESIRED_STOPPED : DESIRED_RUNNING;
        role->stop_timeout_ms = 60000;
        int error = take_role_fields(call, model, role, &fields, ret_error);
        if (error == 0 && (fields & ROLE_FIELD_DEFINITION) == 0)
                return FAIL(EINVAL, "role add needs --definition FILE or --ocf FILE");
        return error;
}

static int read_role(const struct verb_call *call, enum command_kind kind, struct command *command)
{
        command->kind = kind;
        TEXT_COPY(command->role.role, call->operand);
        command->role.force = verb_call_has(call, "force");
        return 0;
}

/* To an image of its own; what it is called says which. */
static int read_role_copy(const struct verb_call *call, const struct model *model, struct command *command,
                          char *ret_error)
{
        const struct role *role = model_role(model, call->operand);
        const struct volume *volume = model_volume(model, verb_call_text(call, "storage"));
        struct command_role_copy *copy = &command->role_copy;
        if (role == NULL || volume == NULL)
                return FAIL(ENOENT, "there is no such role or volume");
        uint8_t before = role->definition_hash[0], after = before < 128 || before == 255 ? 128 : before + 1;
        command->kind = COMMAND_ROLE_COPY;
        TEXT_COPY(copy->role, role->name);
        TEXT_COPY(copy->disk, "vda");
        memcpy(copy->before_hash, role->definition_hash, HASH_BYTES);
        memset(copy->definition_hash, after, HASH_BYTES);
        image_path_write(image_of_definition(role->definition_hash), "was", copy->from);
        image_path_write(after, volume->name, copy->to);
        copy->volumes = node_set_of(volume->id);
        copy->keep = verb_call_has(call, "keep-old");
        TEXT_PRINT(copy->reason, "asked for");
        return 0;
}

static int read_role_move(const struct verb_call *call, const struct model *model, struct command *command,
                          char *ret_error)
{
        const char *target = verb_call_text(call, "node");
        command->kind = COMMAND_ROLE_MOVE;
        TEXT_COPY(command->role_move.role, call->operand);
        TEXT_PRINT(command->role_move.reason, "asked for");
        return target == NULL ? 0 : take_node(model, target, &command->role_move.target, ret_error);
}

static int read_node(const struct verb_call *call, enum command_kind kind, const struct model *model,
                     struct command *command, char *ret_error)
{
        const struct node *node = model_node_by_name(model, call->operand);
        if (node == NULL)
                return FAIL(ENOENT, "there is no node %.63s", call->operand);
        command->kind = kind;
        command->node.node = node->id;
        command->node.incarnation = node->incarnation;
        const char *reason = verb_call_text(call, "reason");
        TEXT_PRINT(command->node.reason, "%s", reason != NULL ? reason : "an operator asked");
        return 0;
}

static int read_shut_down(const struct verb_call *call, const struct model *model, struct command *command,
                          char *ret_error)
{
        if (read_node(call, COMMAND_NODE_DRAIN, model, command, ret_error) < 0)
                return -EINVAL;
        command->node.shut_down = verb_call_has(call, "reboot") ? SHUT_DOWN_REBOOT : SHUT_DOWN_OFF;
        command->node.shut_down_forced = verb_call_has(call, "force");
        return 0;
}

static int read_cluster_set(const struct verb_call *call, const struct model *model, struct command *command)
{
        int64_t number;
        command->kind = COMMAND_CLUSTER_SET;
        command->cluster_set.settings = model->settings;
        for (const struct setting_option *option = setting_options; option->name != NULL; option++)
                if (take_number(call, option->name, &number))
                        setting_option_take(option, number, &command->cluster_set);
        return 0;
}

static int read_pause(const struct verb_call *call, struct command *command, char *ret_error)
{
        const char *time = verb_call_text(call, "for");
        command->kind = COMMAND_CLUSTER_PAUSE;
        command->cluster_pause.for_ms = verb_duration_ms(time, PAUSE_MOST_MS);
        if (command->cluster_pause.for_ms == 0)
                return FAIL(EINVAL, "--for: '%.40s' is not a time such as 90s, 10m or 1h, 4h at most", time);
        return 0;
}

static int read_quorum_set(const struct verb_call *call, const struct model *model, struct command *command,
                           char *ret_error)
{
        struct command_quorum_set *set = &command->quorum_set;
        const char *dynamic = verb_call_text(call, "dynamic"), *node = verb_call_text(call, "node");
        int64_t priority;
        command->kind = COMMAND_QUORUM_SET;
        TEXT_PRINT(set->reason, "an operator asked");
        set->dynamic = dynamic != NULL && text_equal(dynamic, "on");
        set->fields |= dynamic != NULL ? QUORUM_FIELD_DYNAMIC : 0;
        if (node == NULL || !take_number(call, "priority", &priority))
                return 0;
        set->priority = (int32_t)priority;
        set->fields |= QUORUM_FIELD_PRIORITY;
        return take_node(model, node, &set->node, ret_error);
}

static int read_witness_set(const struct verb_call *call, const struct model *model, struct command *command,
                            char *ret_error)
{
        struct witness *witness = &command->witness.witness;
        const char *path = verb_call_text(call, "path"), *name = verb_call_text(call, "volume");
        const struct volume *volume = name == NULL ? NULL : model_volume(model, name);
        command->kind = COMMAND_WITNESS_SET;
        TEXT_COPY(command->witness.reason, "an operator asked");
        if (witness_kind_parse(call->operand, &witness->kind) < 0 || witness->kind == WITNESS_NONE)
                return FAIL(EINVAL, "a witness is of kind share, disk or qnetd, not '%.40s'", call->operand);
        if (witness->kind == WITNESS_DISK) {
                if (name == NULL)
                        return FAIL(EINVAL, "a witness on a disk needs --volume");
                TEXT_COPY(witness->volume, name);
                TEXT_COPY(witness->place, volume == NULL ? "" : volume->path);
                return 0;
        }
        const char *place = witness->kind == WITNESS_QNETD ? verb_call_text(call, "host") : path;
        if (place == NULL)
                return FAIL(EINVAL, "a witness needs --%s", witness->kind == WITNESS_QNETD ? "host" : "path");
        TEXT_COPY(witness->place, place);
        return 0;
}

static int read_witness_remove(const struct model *model, struct command *command, char *ret_error)
{
        if (model->settings.witness.kind == WITNESS_NONE)
                return FAIL(ENOENT, "there is no witness");
        command->kind = COMMAND_WITNESS_REMOVE;
        command->witness.witness = model->settings.witness;
        TEXT_COPY(command->witness.reason, "an operator asked");
        return 0;
}

static int read_fence_add(const struct verb_call *call, const struct model *model, struct command *command,
                          char *ret_error)
{
        struct fence_device *device = &command->fence_add;
        uint32_t ids[NODES_MAX];
        size_t count;
        int64_t timeout_ms = 60000, level = 1, together = 1;
        int error = take_nodes(call, "nodes", model, ids, &count, ret_error);
        if (error < 0)
                return error;
        (void)take_number(call, "timeout", &timeout_ms);
        (void)take_number(call, "level", &level);
        (void)take_number(call, "together", &together);
        command->kind = COMMAND_FENCE_ADD;
        TEXT_COPY(device->name, call->operand);
        TEXT_COPY(device->agent, verb_call_text(call, "agent"));
        device->timeout_ms = (uint32_t)timeout_ms;
        device->level = (uint32_t)level;
        device->together = (uint32_t)together;
        for (size_t i = 0; i < count; i++)
                device->targets |= node_set_of(ids[i]);
        return 0;
}

static int read_volume_add(const struct verb_call *call, struct command *command, char *ret_error)
{
        struct command_volume_add *add = &command->volume_add;
        command->kind = COMMAND_VOLUME_ADD;
        if (volume_kind_parse(verb_call_text(call, "kind"), &add->kind) < 0)
                return FAIL(EINVAL, "--kind: a volume is of kind directory or iscsi");
        const char *place = verb_call_text(call, add->kind == VOLUME_ISCSI ? "target" : "path");
        if (place == NULL)
                return FAIL(EINVAL, "a volume of kind %s needs --%s", volume_kind_name(add->kind),
                            add->kind == VOLUME_ISCSI ? "target" : "path");
        TEXT_COPY(add->name, call->operand);
        TEXT_COPY(add->path, place);
        return 0;
}

static int read_volume(const struct verb_call *call, const struct model *model, enum command_kind kind,
                       struct command *command, char *ret_error)
{
        const struct volume *volume = model_volume(model, call->operand);
        if (volume == NULL)
                return FAIL(ENOENT, "there is no volume %.63s", call->operand);
        command->kind = kind;
        TEXT_COPY(command->volume.volume, volume->name);
        command->volume.identity = volume->identity;
        return 0;
}

static int read_volume_move(const struct verb_call *call, const struct model *model, struct command *command,
                            char *ret_error)
{
        struct command_volume_move *move = &command->volume_move;
        const struct volume *volume = model_volume(model, call->operand);
        const struct node *node = model_node_by_name(model, verb_call_text(call, "node"));
        if (volume == NULL || node == NULL)
                return FAIL(ENOENT, "there is no such volume or node");
        command->kind = COMMAND_VOLUME_MOVE;
        TEXT_COPY(move->volume, volume->name);
        move->identity = volume->identity;
        move->node = node->id;
        return 0;
}

static int read_fence_test(const struct verb_call *call, const struct model *model, struct command *command,
                           char *ret_error)
{
        const struct node *node = model_node_by_name(model, call->operand);
        if (node == NULL)
                return FAIL(ENOENT, "there is no node %s", call->operand);
        if (!verb_call_changes(call))
                return FAIL(EINVAL, "fence test asks nobody in a simulation: say --really");
        command->kind = COMMAND_FENCE_TEST;
        command->fence_test.node = node->id;
        command->fence_test.force = verb_call_has(call, "force");
        TEXT_COPY(command->fence_test.reason, "its fence devices are tested");
        return 0;
}

static int read_power_on(const struct verb_call *call, const struct model *model, struct command *command,
                         char *ret_error)
{
        const struct node *node = model_node_by_name(model, call->operand);
        if (node == NULL)
                return FAIL(ENOENT, "there is no node %s", call->operand);
        command->kind = COMMAND_FENCE_TEST;
        command->fence_test.node = node->id;
        command->fence_test.on_only = true;
        TEXT_COPY(command->fence_test.reason, "an operator asked");
        return 0;
}

static int read_call(const struct verb_call *call, const struct model *model, struct command *command,
                     char *ret_error)
{
        switch ((int)verb_id(call->verb)) {
        case VERB_CLUSTER_SET:
                return read_cluster_set(call, model, command);
        case VERB_NODE_DRAIN:
                return read_node(call, COMMAND_NODE_DRAIN, model, command, ret_error);
        case VERB_NODE_SHUT_DOWN:
                return read_shut_down(call, model, command, ret_error);
        case VERB_NODE_RESUME:
                return read_node(call, COMMAND_NODE_RESUME, model, command, ret_error);
        case VERB_CLUSTER_PAUSE:
                return read_pause(call, command, ret_error);
        case VERB_CLUSTER_RESUME:
                command->kind = COMMAND_CLUSTER_RESUME;
                return 0;
        case VERB_NODE_POWER_ON:
                return read_power_on(call, model, command, ret_error);
        case VERB_NODE_RELEASE:
                return read_node(call, COMMAND_NODE_RELEASE, model, command, ret_error);
        case VERB_NODE_FENCE:
                return read_node(call, COMMAND_NODE_FENCE, model, command, ret_error);
        case VERB_NODE_CONFIRM_OFF:
                return read_node(call, COMMAND_NODE_CONFIRM_OFF, model, command, ret_error);
        case VERB_NODE_EVICT:
                return read_node(call, COMMAND_NODE_EVICT, model, command, ret_error);
        case VERB_ROLE_ADD:
                return read_role_add(call, model, command, ret_error);
        case VERB_ROLE_SET:
                command->kind = COMMAND_ROLE_SET;
                return take_role_fields(call, model, &command->role_set.role, &command->role_set.fields,
                                        ret_error);
        case VERB_ROLE_START:
                return read_role(call, COMMAND_ROLE_START, command);
        case VERB_ROLE_STOP:
                return read_role(call, COMMAND_ROLE_STOP, command);
        case VERB_ROLE_REMOVE:
                return read_role(call, COMMAND_ROLE_REMOVE, command);
        case VERB_ROLE_MOVE:
                if (verb_call_has(call, "abort"))
                        return read_role(call, COMMAND_ROLE_COPY_ABORT, command);
                if (verb_call_has(call, "storage"))
                        return read_role_copy(call, model, command, ret_error);
                return read_role_move(call, model, command, ret_error);
        case VERB_VOLUME_ADD:
                return read_volume_add(call, command, ret_error);
        case VERB_VOLUME_REMOVE:
                return read_volume(call, model, COMMAND_VOLUME_REMOVE, command, ret_error);
        case VERB_VOLUME_MOVE:
                return read_volume_move(call, model, command, ret_error);
        case VERB_VOLUME_MAINTENANCE_ON:
                return read_volume(call, model, COMMAND_VOLUME_MAINTAIN, command, ret_error);
        case VERB_VOLUME_MAINTENANCE_OFF:
                return read_volume(call, model, COMMAND_VOLUME_RESUME, command, ret_error);
        case VERB_QUORUM_SET:
                return read_quorum_set(call, model, command, ret_error);
        case VERB_QUORUM_FORCE:
                command->kind = COMMAND_QUORUM_FORCE;
                TEXT_COPY(command->quorum_force.reason, "an operator asked");
                return 0;
        case VERB_WITNESS_SET:
                return read_witness_set(call, model, command, ret_error);
        case VERB_WITNESS_REMOVE:
                return read_witness_remove(model, command, ret_error);
        case VERB_FENCE_ADD:
                return read_fence_add(call, model, command, ret_error);
        case VERB_FENCE_TEST:
                return read_fence_test(call, model, command, ret_error);
        case VERB_FENCE_REMOVE:
                command->kind = COMMAND_FENCE_REMOVE;
                TEXT_COPY(command->fence_remove.device, call->operand);
                return 0;
        default:
                return FAIL(EINVAL, "%s %s cannot be asked for in a simulation", call->verb->noun,
                            call->verb->name);
        }
}

static int parse(const char *words, struct word_list *list, struct verb_call *ret_call, char *ret_error)
{
        if (split(words, list, ret_error) < 0 || verb_parse(list->count, list->word, ret_call, ret_error) < 0)
                return -EINVAL;
        if (!ret_call->verb->changes || ret_call->help || ret_call->plan)
                return FAIL(EINVAL, "%s %s changes nothing", ret_call->verb->noun, ret_call->verb->name);
        return 0;
}

int operator_words_check(const char *words, char ret_error[VERB_ERROR_BYTES])
{
        struct word_list list;
        struct verb_call call;
        return parse(words, &list, &call, ret_error);
}

int operator_words_read(const char *words, const struct model *model, struct command *ret_command,
                        char ret_error[VERB_ERROR_BYTES])
{
        struct word_list list;
        struct verb_call call;
        memset(ret_command, 0, sizeof(*ret_command));
        if (parse(words, &list, &call, ret_error) < 0)
                return -EINVAL;
        return read_call(&call, model, ret_command, ret_error);
}
