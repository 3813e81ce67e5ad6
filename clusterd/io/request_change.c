/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/request_internal.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "clusterd/protocol/verb_value.h"

#define FENCE_TIMEOUT_MS 60000 /* management boards that reset their session answer after 30 s at worst */

static int change_cluster_set(struct request *request, struct change *change)
{
        struct command_cluster_set *set = &change->command.cluster_set;
        int64_t number;

        change->command.kind = COMMAND_CLUSTER_SET;
        set->settings = request->model->settings;
        for (const struct setting_option *option = setting_options; option->name != NULL; option++)
                if (request_number(request, option->name, &number))
                        setting_option_take(option, number, set);
        if (set->fields == 0)
                return request_fail(request, VERB_EXIT_USAGE, "", "see clu cluster set --help",
                                    "cluster set needs a setting to change");
        return 0;
}

static int change_pause(struct request *request, enum command_kind kind, struct change *change)
{
        struct command_cluster_pause *pause = &change->command.cluster_pause;
        const char *time = request_text(request, "for"), *reason = request_text(request, "reason");
        change->command.kind = kind;
        TEXT_PRINT(pause->reason, "by %s%s%s", request->client->actor, reason == NULL ? "" : ": ",
                   reason == NULL ? "" : reason);
        if (time == NULL)
                return 0;
        pause->for_ms = verb_duration_ms(time, PAUSE_MOST_MS);
        if (pause->for_ms == 0)
                return request_fail(request, VERB_EXIT_USAGE, "", "",
                                    "--for: '%s' is not a time such as 90s, 10m or 1h, 4h at most", time);
        return 0;
}

static int change_node(struct request *request, enum command_kind kind, const char *what,
                       struct change *change)
{
        struct command_node *node_command = &change->command.node;
        const char *reason = request_text(request, "reason");
        const struct node *node;

        if (request_node(request, &node) < 0)
                return -EINVAL;
        change->command.kind = kind;
        node_command->node = node->id;
        node_command->incarnation = node->incarnation;
        TEXT_PRINT(node_command->reason, "%s by %s%s%s", what, request->client->actor,
                   reason == NULL ? "" : ": ", reason == NULL ? "" : reason);
        return 0;
}

static int change_shut_down(struct request *request, struct change *change)
{
        struct command_node *command = &change->command.node;
        if (change_node(request, COMMAND_NODE_DRAIN, "shut down", change) < 0)
                return -EINVAL;
        const struct node *node = model_node(request->model, command->node);
        if (node->state != NODE_UP)
                return request_fail(request, VERB_EXIT_REFUSED, "a node shuts itself down",
                                    "clu node fence turns off one that is lost",
                                    "node shut-down refused: %s is %s", node->name,
                                    node_state_name(node->state));
        command->shut_down = request_flag(request, "reboot") ? SHUT_DOWN_REBOOT : SHUT_DOWN_OFF;
        command->shut_down_forced = request_flag(request, "force");
        return 0;
}

static int change_role_start(struct request *request, enum command_kind kind, struct change *change)
{
        const struct role *role;
        if (request_role(request, &role) < 0)
                return -EINVAL;
        change->command.kind = kind;
        TEXT_COPY(change->command.role.role, role->name);
        change->command.role.force = kind == COMMAND_ROLE_STOP && request_flag(request, "force");
        return 0;
}

static int change_role_move(struct request *request, struct change *change)
{
        struct command_role_move *move = &change->command.role_move;
        const char *target = request_text(request, "node");
        const struct role *role;

        if (request_text(request, "storage") != NULL || request_flag(request, "abort"))
                return change_role_copy(request, change);
        if (request_text(request, "disk") != NULL || request_flag(request, "keep-old"))
                return request_fail(request, VERB_EXIT_USAGE, "", "see clu role move --help",
                                    "--disk and --keep-old go with --storage");
        if (request_role(request, &role) < 0)
                return -EINVAL;
        change->command.kind = COMMAND_ROLE_MOVE;
        TEXT_COPY(move->role, role->name);
        TEXT_PRINT(move->reason, "asked by %s", request->client->actor);
        if (target == NULL)
                return 0; /* NODE_NONE: placement chooses when it is proposed */
        const struct node *node = model_node_by_name(request->model, target);
        if (node == NULL)
                return request_fail(request, VERB_EXIT_NO_OBJECT, "", "clu node list names them",
                                    "there is no node %s", target);
        move->target = node->id;
        return 0;
}

static int join_options(struct request *request, struct fence_device *device)
{
        size_t at, length = 0;
        json_t *pair;

        json_array_foreach(json_object_get(request->arguments, "option"), at, pair)
        {
                const char *text = json_string_value(pair);
                size_t bytes = strlen(text) + 1;
                if (length + bytes >= sizeof(device->options))
                        return request_fail(request, VERB_EXIT_REFUSED, "options of a fence device have room",
                                            "shorten them", "the options are longer than %zu bytes in all",
                                            sizeof(device->options) - 1);
                memcpy(device->options + length, text, bytes - 1);
                device->options[length + bytes - 1] = '\n';
                length += bytes;
        }
        return 0;
}

static int change_fence_add(struct request *request, struct change *change)
{
        struct fence_device *device = &change->command.fence_add;
        uint32_t nodes[NODES_MAX];
        size_t count = 0;
        int64_t timeout_ms = FENCE_TIMEOUT_MS, level = 1, together = 1;

        if (model_fence_device(request->model, request->name) != NULL)
                return request_fail(request, VERB_EXIT_REFUSED, "names are used once",
                                    "remove it first: clu fence remove", "there is a fence device %s already",
                                    request->name);
        if (request_nodes(request, "nodes", nodes, &count) < 0 || join_options(request, device) < 0)
                return -EINVAL;
        if (count == 0)
                return request_fail(request, VERB_EXIT_USAGE, "", "", "--nodes names no node");
        (void)request_number(request, "timeout", &timeout_ms);
        (void)request_number(request, "level", &level);
        (void)request_number(request, "together", &together);
        change->command.kind = COMMAND_FENCE_ADD;
        TEXT_COPY(device->name, request->name);
        TEXT_COPY(device->agent, request_text(request, "agent"));
        device->timeout_ms = (uint32_t)timeout_ms;
        device->level = (uint32_t)level;
        device->together = (uint32_t)together;
        for (size_t i = 0; i < count; i++)
                device->targets |= node_set_of(nodes[i]);
        return 0;
}

static int change_fence_remove(struct request *request, struct change *change)
{
        if (model_fence_device(request->model, request->name) == NULL)
                return request_fail(request, VERB_EXIT_NO_OBJECT, "", "clu fence list names them",
                                    "there is no fence device %s", request->name);
        change->command.kind = COMMAND_FENCE_REMOVE;
        TEXT_COPY(change->command.fence_remove.device, request->name);
        return 0;
}

static int change_fence_test(struct request *request, struct change *change)
{
        struct command_fence_test *test = &change->command.fence_test;
        const struct node *node;

        if (request_node(request, &node) < 0)
                return -EINVAL;
        change->command.kind = COMMAND_FENCE_TEST;
        test->node = node->id;
        test->force = request_flag(request, "force");
        TEXT_PRINT(test->reason, "its fence devices are tested by %s", request->client->actor);
        return 0;
}

static int change_power_on(struct request *request, struct change *change)
{
        struct command_fence_test *test = &change->command.fence_test;
        const char *reason = request_text(request, "reason");
        const struct node *node;

        if (request_node(request, &node) < 0)
                return -EINVAL;
        change->command.kind = COMMAND_FENCE_TEST;
        test->node = node->id;
        test->on_only = true;
        TEXT_PRINT(test->reason, "asked by %s%s%s", request->client->actor, reason == NULL ? "" : ": ",
                   reason == NULL ? "" : reason);
        return 0;
}

int request_change(struct request *request, struct change *ret_change)
{
        switch (verb_id(request->verb)) {
        case VERB_CLUSTER_SET:
                return change_cluster_set(request, ret_change);
        case VERB_CLUSTER_PAUSE:
                return change_pause(request, COMMAND_CLUSTER_PAUSE, ret_change);
        case VERB_CLUSTER_RESUME:
                return change_pause(request, COMMAND_CLUSTER_RESUME, ret_change);
        case VERB_NODE_DRAIN:
                return change_node(request, COMMAND_NODE_DRAIN, "drained", ret_change);
        case VERB_NODE_SHUT_DOWN:
                return change_shut_down(request, ret_change);
        case VERB_NODE_RESUME:
                return change_node(request, COMMAND_NODE_RESUME, "resumed", ret_change);
        case VERB_NODE_FENCE:
                return change_node(request, COMMAND_NODE_FENCE, "fenced", ret_change);
        case VERB_NODE_POWER_ON:
                return change_power_on(request, ret_change);
        case VERB_NODE_RELEASE:
                return change_node(request, COMMAND_NODE_RELEASE, "released", ret_change);
        case VERB_NODE_CONFIRM_OFF:
                return change_node(request, COMMAND_NODE_CONFIRM_OFF, "confirmed off", ret_change);
        case VERB_NODE_EVICT:
                return change_node(request, COMMAND_NODE_EVICT, "evicted", ret_change);
        case VERB_ROLE_ADD:
                return change_role_add(request, ret_change);
        case VERB_ROLE_SET:
                return change_role_set(request, ret_change);
        case VERB_ROLE_START:
                return change_role_start(request, COMMAND_ROLE_START, ret_change);
        case VERB_ROLE_STOP:
                return change_role_start(request, COMMAND_ROLE_STOP, ret_change);
        case VERB_ROLE_REMOVE:
                return change_role_start(request, COMMAND_ROLE_REMOVE, ret_change);
        case VERB_ROLE_MOVE:
                return change_role_move(request, ret_change);
        case VERB_VOLUME_ADD:
                return change_volume_add(request, ret_change);
        case VERB_VOLUME_REMOVE:
                return change_volume(request, COMMAND_VOLUME_REMOVE, ret_change);
        case VERB_VOLUME_MOVE:
                return change_volume_move(request, ret_change);
        case VERB_VOLUME_MAINTENANCE_ON:
                return change_volume(request, COMMAND_VOLUME_MAINTAIN, ret_change);
        case VERB_VOLUME_MAINTENANCE_OFF:
                return change_volume(request, COMMAND_VOLUME_RESUME, ret_change);
        case VERB_FENCE_ADD:
                return change_fence_add(request, ret_change);
        case VERB_QUORUM_SET:
                return change_quorum_set(request, ret_change);
        case VERB_QUORUM_FORCE:
                return change_quorum_force(request, ret_change);
        case VERB_WITNESS_SET:
                return change_witness_set(request, ret_change);
        case VERB_WITNESS_REMOVE:
                return change_witness_remove(request, ret_change);
        case VERB_FENCE_REMOVE:
                return change_fence_remove(request, ret_change);
        case VERB_FENCE_TEST:
                return change_fence_test(request, ret_change);
        case VERB_CLUSTER_STATUS:
        case VERB_NODE_LIST:
        case VERB_NODE_SHOW:
        case VERB_QUORUM_SHOW:
        case VERB_ROLE_LIST:
        case VERB_ROLE_SHOW:
        case VERB_ROLE_WHY:
        case VERB_VOLUME_LIST:
        case VERB_VOLUME_SHOW:
        case VERB_FENCE_LIST:
        case VERB_FENCE_SHOW:
        case VERB_FENCE_HISTORY:
        case VERB_EVENT_LIST:
        case VERB_LEDGER_LIST:
        case VERB_LEDGER_VERIFY:
        case VERB_IMAGE_LIST:
        case VERB_IMAGE_CREATE:
        case VERB_IMAGE_RESIZE:
        case VERB_IMAGE_SNAPSHOT:
        case VERB_IMAGE_DELETE:
        case VERB_COUNT:
                break;
        }
        assert(!"changes nothing");
        return -EINVAL;
}
