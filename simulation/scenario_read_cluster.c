/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a story begins with: nodes, roles, fence devices, settings. */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "clusterd/protocol/verb_value.h"
#include "simulation/fence.h"
#include "simulation/scenario_line.h"

/* --- nodes --- */

static int read_node_fields(struct line *line, struct scenario *scenario, node_set nodes)
{
        while (!line_is_empty(line)) {
                uint32_t memory_mib = 0;
                bool off = false, watchdog = false, no_watchdog = false;
                if (line_take(line, "memory")) {
                        if (line_memory(line, &memory_mib) < 0)
                                return -EINVAL;
                } else if (!(off = line_take(line, "off")) && !(watchdog = line_take(line, "watchdog")) &&
                           !(no_watchdog = line_take(line, "no-watchdog"))) {
                        return line_fail(line,
                                         "'%s' is nothing of a node: memory SIZE, watchdog, no-watchdog, "
                                         "off",
                                         line_word(line));
                }
                NODE_SET_EACH (nodes, id) {
                        char name[NAME_BYTES];
                        TEXT_PRINT(name, "n%u", id);
                        struct node *node = &scenario_object(scenario, OBJECT_NODE, name)->node;
                        node->memory_mib = memory_mib != 0 ? memory_mib : node->memory_mib;
                        node->watchdog = (node->watchdog || watchdog) && !no_watchdog;
                        scenario->off |= off ? node_set_of(id) : 0;
                }
        }
        return 0;
}

int line_nodes_statement(struct line *line, struct scenario *scenario)
{
        int64_t count;
        node_set all = 0;
        if (scenario->node_count != 0)
                return line_fail(line, "the number of nodes is given twice");
        if (line_number(line, 1, NODES_MAX, &count) < 0)
                return -EINVAL;
        scenario->node_count = (uint32_t)count;
        for (uint32_t id = 1; id <= scenario->node_count; id++) {
                struct node *node = &scenario_object_add(scenario, OBJECT_NODE)->node;
                node->id = id;
                TEXT_PRINT(node->name, "n%u", id);
                node->memory_mib = 16384;
                node->cpus = 16;
                node->watchdog = true;
                all |= node_set_of(id);
        }
        return read_node_fields(line, scenario, all);
}

int line_node_statement(struct line *line, struct scenario *scenario)
{
        uint32_t node;
        if (line_node(line, scenario, &node) < 0)
                return -EINVAL;
        return read_node_fields(line, scenario, node_set_of(node));
}

/* --- roles --- */

static void role_begin(struct role *role, uint32_t number)
{
        role->kind = ROLE_VM;
        role->desired = DESIRED_RUNNING;
        role->memory_mib = 256;
        role->cpus = 1;
        role->stop_timeout_ms = 3000;
        memset(role->definition_hash, (int)(1 + number % 127), HASH_BYTES);
        TEXT_PRINT(role->uuid, "00000000-0000-4000-8000-%012u", number);
}

/* --- volumes --- */

/* volume NAME [iscsi] [not-on NODES]: at /NAME, ready; those nodes have lost it. */
int line_volume_statement(struct line *line, struct scenario *scenario)
{
        const char *name = line_word(line);
        uint32_t nodes[NODES_MAX];
        size_t count;
        if (name == NULL || !name_is_valid(name) || scenario_object(scenario, OBJECT_VOLUME, name) != NULL)
                return line_fail(line, "'%s' is no name, or there is such a volume already",
                                 name == NULL ? "" : name);
        struct volume *volume = scenario_volume_add(scenario, name);
        if (volume == NULL)
                return line_fail(line, "a cluster has %u volumes at most", (unsigned)VOLUMES_MAX);
        if (line_take(line, "iscsi"))
                volume->kind = VOLUME_ISCSI;
        return line_take(line, "not-on")
                       ? line_nodes(line, scenario, nodes, &count, &volume->paths[PATH_ABSENT])
                       : 0;
}

static int take_volume(struct line *line, struct scenario *scenario, struct role *role)
{
        const char *name = line_word(line);
        const struct object *object = scenario_object(scenario, OBJECT_VOLUME, name == NULL ? "" : name);
        if (object == NULL)
                return line_fail(line, "there is no volume '%s': say volume %s first",
                                 name == NULL ? "" : name, name == NULL ? "NAME" : name);
        role->volumes |= node_set_of(object->volume.id);
        role->contained = true;
        return 0;
}

static int read_role_field(struct line *line, struct scenario *scenario, struct role *role)
{
        uint32_t nodes[NODES_MAX];
        size_t count;
        node_set set;
        int64_t number;
        uint64_t us;
        if (line_take(line, "on"))
                return line_node(line, scenario, &role->owner);
        if (line_take(line, "memory"))
                return line_memory(line, &role->memory_mib);
        if (line_take(line, "volume"))
                return take_volume(line, scenario, role);
        if (line_take(line, "possible"))
                return line_nodes(line, scenario, nodes, &count, &role->possible);
        if (line_take(line, "elsewhere")) {
                role->contained = false;
                return 0;
        }
        if (line_take(line, "stopped")) {
                role->desired = DESIRED_STOPPED;
                return 0;
        }
        if (line_take(line, "ocf")) {
                role->kind = ROLE_OCF;
                role->uuid[0] = '\0';
                return 0;
        }
        if (line_take(line, "preferred")) {
                if (line_nodes(line, scenario, nodes, &count, &set) < 0)
                        return -EINVAL;
                for (size_t i = 0; i < count && i < PREFERRED_MAX; i++)
                        role->preferred[i] = nodes[i];
                return 0;
        }
        if (line_take(line, "priority")) {
                if (line_number(line, -1000, 1000, &number) < 0)
                        return -EINVAL;
                role->priority = (int32_t)number;
                return 0;
        }
        if (line_take(line, "stop-timeout")) {
                if (line_duration(line, &us) < 0)
                        return -EINVAL;
                role->stop_timeout_ms = (uint32_t)(us / 1000);
                return 0;
        }
        return line_fail(line,
                         "'%s' is nothing of a role: on NODE, memory SIZE, priority N, preferred NODES, "
                         "possible NODES, volume NAME, elsewhere, stop-timeout TIME, ocf, stopped",
                         line_word(line));
}

int line_role_statement(struct line *line, struct scenario *scenario)
{
        char name[NAME_BYTES];
        if (line_role(line, scenario, name) < 0)
                return -EINVAL;
        if (scenario_object(scenario, OBJECT_ROLE, name) != NULL)
                return line_fail(line, "role %s is there already", name);
        struct role role = { 0 };
        role_begin(&role, (uint32_t)scenario->object_count);
        TEXT_COPY(role.name, name);
        while (!line_is_empty(line))
                if (read_role_field(line, scenario, &role) < 0)
                        return -EINVAL;
        if (role.owner != NODE_NONE && role.desired == DESIRED_STOPPED)
                return line_fail(line, "a stopped role runs on no node: leave 'on' out");
        scenario_object_add(scenario, OBJECT_ROLE)->role = role;
        return 0;
}

/* Many that are alike, spread over the nodes. */
int line_roles_statement(struct line *line, struct scenario *scenario)
{
        int64_t count;
        struct role role = { 0 };
        role_begin(&role, 0);
        if (line_number(line, 1, ROLES_MAX, &count) < 0)
                return -EINVAL;
        while (!line_is_empty(line))
                if (read_role_field(line, scenario, &role) < 0)
                        return -EINVAL;
        for (uint32_t i = 0; i < count; i++) {
                struct role *next = &scenario_object_add(scenario, OBJECT_ROLE)->role;
                *next = role;
                TEXT_PRINT(next->name, "vm%04u", i + 1);
                TEXT_PRINT(next->uuid, "00000000-0000-4000-8001-%012u", i + 1);
                next->owner = role.desired == DESIRED_STOPPED ? NODE_NONE : 1 + i % scenario->node_count;
        }
        scenario->names_max += (uint32_t)count;
        return 0;
}

/* --- settings, fence devices --- */

static const struct setting_option *take_setting(struct line *line)
{
        const struct setting_option *option = setting_options;
        while (option->name != NULL && !line_take(line, option->name))
                option++;
        return option->name == NULL ? NULL : option;
}

static int no_such_setting(struct line *line)
{
        char known[300] = "";
        for (const struct setting_option *option = setting_options; option->name != NULL; option++) {
                size_t used = strlen(known);
                (void)snprintf(known + used, sizeof(known) - used, "%s%s %s", used == 0 ? "" : ", ",
                               option->name, setting_is_number(option) ? "N" : "TIME");
        }
        return line_fail(line, "'%s' is no setting: %s", line_word(line), known);
}

/* As clu cluster set takes them; its ranges are a real cluster's, and stories are in a hurry. */
int line_settings_statement(struct line *line, struct scenario *scenario)
{
        struct command_cluster_set set = { .settings = scenario->settings };
        while (!line_is_empty(line)) {
                int64_t number = 0;
                uint64_t us = 0;
                const struct setting_option *option = take_setting(line);
                if (option == NULL)
                        return no_such_setting(line);
                if (setting_is_number(option)
                            ? line_number(line, option->field == SETTINGS_FIELD_MOVES_MAX, 64, &number) < 0
                            : line_duration(line, &us) < 0)
                        return -EINVAL;
                setting_option_take(option, setting_is_number(option) ? number : (int64_t)(us / 1000), &set);
        }
        scenario->settings = set.settings;
        return 0;
}

static int fence_add(struct line *line, struct scenario *scenario, const struct fence_device *given,
                     uint32_t habit)
{
        if (!name_is_valid(given->name) ||
            scenario_object(scenario, OBJECT_FENCE_DEVICE, given->name) != NULL)
                return line_fail(line, "'%s' is no name, or there is such a fence device already",
                                 given->name);
        if (scenario->fence_count == FENCE_DEVICES_MAX)
                return line_fail(line, "more than %d fence devices", FENCE_DEVICES_MAX);
        scenario_object_add(scenario, OBJECT_FENCE_DEVICE)->fence_device = *given;
        struct scenario_fence *fence = &scenario->fences[scenario->fence_count++];
        TEXT_COPY(fence->name, given->name);
        fence->habit = habit;
        return 0;
}

static int read_fence_field(struct line *line, const struct scenario *scenario, struct fence_device *device,
                            uint32_t *habit)
{
        uint64_t us;
        uint32_t node;
        int64_t number;
        if (line_take(line, "timeout")) {
                if (line_duration(line, &us) < 0)
                        return -EINVAL;
                device->timeout_ms = (uint32_t)(us / 1000);
                return 0;
        }
        if (line_take(line, "level") || line_take(line, "together")) {
                uint32_t *value = line->at[-1] == 'l' ? &device->level : &device->together;
                if (line_number(line, 1, FENCE_LEVELS_MAX, &number) < 0)
                        return -EINVAL;
                *value = (uint32_t)number;
                return 0;
        }
        const char *word = line_word(line);
        if (fence_habit_parse(word, habit) == 0)
                return 0;
        if (node_word(line, scenario, word, &node) < 0)
                return line_fail(line,
                                 "'%s' is nothing of a fence device: nodes, level N, together N, timeout "
                                 "TIME, or a habit: %s",
                                 word, fence_habits());
        device->targets |= node_set_of(node);
        return 0;
}

/* fence NAME NODE... ; fence each: one for every node, ipmi1, ipmi2, ... */
int line_fence_statement(struct line *line, struct scenario *scenario)
{
        struct fence_device device = { .timeout_ms = 3000, .level = 1, .together = 1 };
        uint32_t habit = 0;
        const char *word = line_word(line);
        TEXT_COPY(device.name, word == NULL ? "" : word);
        TEXT_PRINT(device.agent, "fence_simulated");
        while (!line_is_empty(line))
                if (read_fence_field(line, scenario, &device, &habit) < 0)
                        return -EINVAL;
        if (!text_equal(device.name, "each"))
                return device.targets == 0 ? line_fail(line, "a fence device needs a node that it turns off")
                                           : fence_add(line, scenario, &device, habit);
        for (uint32_t id = 1; id <= scenario->node_count; id++) {
                TEXT_PRINT(device.name, "ipmi%u", id);
                device.targets = node_set_of(id);
                if (fence_add(line, scenario, &device, habit) < 0)
                        return -EINVAL;
        }
        return 0;
}
