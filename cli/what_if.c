/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/what_if.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/print.h"
#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "simulation/stories.h"

#define ASK_MS 30000

const char what_if_synopsis[] = "what-if --node-loss NODE,... [--json]";
const char what_if_help[] =
        "Who would run where if these nodes lost their power now, and why. Nothing is done.";

static int say_error(bool json, enum verb_exit exit, json_t *error)
{
        if (json)
                print_json(exit, error, NULL);
        else
                print_error(error);
        return (int)exit;
}

static int fail(bool json, enum verb_exit exit, const char *message, const char *remedy)
{
        json_t *error = call_error(message, NULL, remedy);
        say_error(json, exit, error);
        json_decref(error);
        return (int)exit;
}

/* --- the cluster as the daemon knows it --- */

static const char *text_of(json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));
        return text == NULL ? "" : text;
}

static uint32_t number_of(json_t *object, const char *key)
{
        return (uint32_t)json_integer_value(json_object_get(object, key));
}

/* By their place in the list: the simulation numbers nodes from 1 without gaps. */
static uint32_t node_of(const struct scenario *scenario, const char *name)
{
        for (size_t i = 0; i < scenario->object_count; i++)
                if (scenario->objects[i].kind == OBJECT_NODE &&
                    text_equal(scenario->objects[i].node.name, name))
                        return scenario->objects[i].node.id;
        return NODE_NONE;
}

static void take_node(struct scenario *scenario, json_t *row)
{
        struct node *node = &scenario_object_add(scenario, OBJECT_NODE)->node;
        node->id = ++scenario->node_count;
        TEXT_COPY(node->name, text_of(row, "name"));
        node->memory_mib = number_of(row, "memory_mib");
        node->cpus = number_of(row, "cpus");
        node->watchdog = json_is_true(json_object_get(row, "watchdog"));
        node->quorum_priority = (int32_t)json_integer_value(json_object_get(row, "quorum_priority"));
        (void)node_duty_parse(text_of(row, "duty"), &node->duty);
        if (!json_is_true(json_object_get(row, "member")))
                scenario->off |= node_set_of(node->id);
        if (json_is_true(json_object_get(row, "voter")))
                scenario->settings.voters |= node_set_of(node->id);
}

/* Who has not said that it is there has no path to it. */
static void take_volume(struct scenario *scenario, json_t *row)
{
        size_t at;
        json_t *name;
        struct volume *volume = scenario_volume_add(scenario, text_of(row, "name"));
        node_set direct = 0;
        if (volume == NULL)
                return;
        json_array_foreach(json_object_get(row, "direct"), at, name)
        {
                direct |= node_set_of(node_of(scenario, json_string_value(name)));
        }
        for (uint32_t node = 1; node <= scenario->node_count; node++)
                if (!node_set_has(direct, node))
                        volume->paths[PATH_ABSENT] |= node_set_of(node);
}

static uint32_t volume_of(struct scenario *scenario, const char *name)
{
        const struct object *object = scenario_object(scenario, OBJECT_VOLUME, name);
        return object == NULL ? 0 : object->volume.id;
}

static void take_settings(struct settings *settings, json_t *row)
{
        settings->moves_max = number_of(row, "max_moves");
        settings->isolation_hold_ms = number_of(row, "isolation_hold_ms");
        settings->stop_grace_ms = number_of(row, "stop_grace_ms");
        settings->watchdog_ms = number_of(row, "watchdog_ms");
        settings->margin_ms = number_of(row, "margin_ms");
        settings->lease_renew_ms = number_of(row, "lease_renew_ms");
        settings->lease_ms = number_of(row, "lease_ms");
        settings->lease_stop_ms = number_of(row, "lease_stop_ms");
        settings->pause_ms = number_of(row, "pause_ms"); /* all of it: what is left is the leader's to know */
        settings->dynamic_quorum = !json_is_false(json_object_get(row, "dynamic_quorum"));
        settings->pause_index = settings->pause_ms != 0;
}

static void take_role(struct scenario *scenario, json_t *row)
{
        size_t at, count = 0;
        json_t *name;
        struct role role = { .stop_timeout_ms = 3000 };
        TEXT_COPY(role.name, text_of(row, "name"));
        (void)role_kind_parse(text_of(row, "kind"), &role.kind);
        (void)role_desired_parse(text_of(row, "desired"), &role.desired);
        role.memory_mib = number_of(row, "memory_mib");
        role.cpus = number_of(row, "cpus");
        role.priority = (int32_t)json_integer_value(json_object_get(row, "priority"));
        role.definition_hash[0] = 1;
        if (role.desired == DESIRED_RUNNING)
                role.owner = node_of(scenario, text_of(row, "owner"));
        json_array_foreach(json_object_get(row, "preferred"), at, name)
        {
                if (count < PREFERRED_MAX)
                        role.preferred[count++] = node_of(scenario, json_string_value(name));
        }
        json_array_foreach(json_object_get(row, "possible"), at, name)
        {
                role.possible |= node_set_of(node_of(scenario, json_string_value(name)));
        }
        json_array_foreach(json_object_get(row, "volumes"), at, name)
        {
                role.volumes |= node_set_of(volume_of(scenario, json_string_value(name)));
        }
        scenario_object_add(scenario, OBJECT_ROLE)->role = role;
        scenario->names_max++;
}

static void take_fence(struct scenario *scenario, json_t *row)
{
        size_t at;
        json_t *name;
        struct fence_device *device = &scenario_object_add(scenario, OBJECT_FENCE_DEVICE)->fence_device;
        TEXT_COPY(device->name, text_of(row, "name"));
        TEXT_COPY(device->agent, text_of(row, "agent"));
        device->timeout_ms = number_of(row, "timeout_ms");
        device->level = number_of(row, "level");
        device->together = number_of(row, "together");
        json_array_foreach(json_object_get(row, "nodes"), at, name)
        {
                device->targets |= node_set_of(node_of(scenario, json_string_value(name)));
        }
}

static int ask(enum verb_id id, bool json, struct call_reply *ret_reply)
{
        json_t *arguments = json_object();
        call_daemon(verb_by_id(id), arguments, false, call_now_ms() + ASK_MS, ret_reply);
        json_decref(arguments);
        return ret_reply->exit == VERB_EXIT_DONE ? 0 : say_error(json, ret_reply->exit, ret_reply->error);
}

static int read_cluster(struct scenario *scenario, bool json)
{
        SCOPED_REPLY struct call_reply status = { 0 }, roles = { 0 }, volumes = { 0 }, fences = { 0 };
        size_t at;
        json_t *row;
        int exit = ask(VERB_CLUSTER_STATUS, json, &status);
        if (exit == 0)
                exit = ask(VERB_ROLE_LIST, json, &roles);
        if (exit == 0)
                exit = ask(VERB_VOLUME_LIST, json, &volumes);
        if (exit == 0)
                exit = ask(VERB_FENCE_LIST, json, &fences);
        if (exit != 0)
                return exit;
        take_settings(&scenario->settings, json_object_get(status.result, "settings"));
        scenario->settings.voters = 0;
        json_array_foreach(json_object_get(status.result, "nodes"), at, row) take_node(scenario, row);
        json_array_foreach(json_object_get(volumes.result, "volumes"), at, row) take_volume(scenario, row);
        json_array_foreach(json_object_get(roles.result, "roles"), at, row) take_role(scenario, row);
        json_array_foreach(json_object_get(fences.result, "devices"), at, row) take_fence(scenario, row);
        return 0;
}

/* --- what would come of it --- */

static int usage(bool json)
{
        char message[200];
        TEXT_PRINT(message, "what-if needs the nodes: clu %s", what_if_synopsis);
        return fail(json, VERB_EXIT_USAGE, message, NULL);
}

static int lose(struct scenario *scenario, const char *names, bool json)
{
        char text[1024], message[200], *kept = NULL;
        TEXT_COPY(text, names);
        for (char *name = strtok_r(text, ",", &kept); name != NULL; name = strtok_r(NULL, ",", &kept)) {
                struct incident incident = { .kind = INCIDENT_POWER_OFF, .at_us = SECOND(1) };
                incident.node = node_of(scenario, name);
                TEXT_PRINT(message, "there is no node %.63s", name);
                if (incident.node == NODE_NONE)
                        return fail(json, VERB_EXIT_NO_OBJECT, message, "clu node list names them");
                incident_list_add(&scenario->incidents, &incident);
        }
        return scenario->incidents.count > 0 ? 0 : usage(json);
}

static const char *name_of(struct world *world, uint32_t node)
{
        return node == NODE_NONE ? "" : world->nodes[node].name;
}

/* What runs elsewhere than before, or not at all though wanted. */
static json_t *roles_document(struct world *world, const struct scenario *scenario, json_t **ret_not_running)
{
        json_t *moved = json_array();
        *ret_not_running = json_array();
        for (size_t i = 0; i < scenario->object_count; i++) {
                const struct object *object = &scenario->objects[i];
                if (object->kind != OBJECT_ROLE || object->role.desired == DESIRED_STOPPED)
                        continue;
                const struct role *role = model_role(world->checker.reference, object->role.name);
                uint32_t owner = role == NULL ? NODE_NONE : role->owner;
                bool runs = owner != NODE_NONE && role->state == ROLE_ONLINE && world->nodes[owner].powered;
                if (runs && owner == object->role.owner)
                        continue;
                json_t *row =
                        json_pack("{s:s, s:s, s:s, s:s, s:I}", "name", object->role.name, "from",
                                  name_of(world, object->role.owner), "to", runs ? name_of(world, owner) : "",
                                  "reason", role == NULL ? "" : role->reason, "outage_ms",
                                  (json_int_t)(telling_outage_us(world, object->role.name) / 1000));
                if (!runs)
                        json_object_set_new(row, "state", json_string(role_state_name(role->state)));
                json_array_append_new(runs ? moved : *ret_not_running, row);
        }
        return moved;
}

static bool has_majority(struct world *world)
{
        node_set alive = 0;
        WORLD_EACH_NODE (world, node)
                alive |= node->powered ? node_set_of(node->id) : 0;
        node_set voters = world->checker.reference->settings.voters;
        return 2 * node_set_count(alive & voters) > node_set_count(voters);
}

static void print_rows(const char *title, json_t *rows, const char *between)
{
        size_t at;
        json_t *row;
        if (json_array_size(rows) > 0)
                printf("%s\n", title);
        json_array_foreach(rows, at, row)
                printf("  %-20s %-10s %s %-10s %s\n", text_of(row, "name"), text_of(row, "from"), between,
                       text_of(row, *between == '\0' ? "state" : "to"), text_of(row, "reason"));
}

static void print_outcome(struct world *world, const struct scenario *scenario, bool json)
{
        json_t *not_running, *moved = roles_document(world, scenario, &not_running);
        bool paused = scenario->settings.pause_ms != 0;
        json_t *result =
                json_pack("{s:b, s:b, s:o, s:o, s:s}", "quorate", has_majority(world), "paused", paused,
                          "recovered", moved, "not_running", not_running, "rule_broken", world->violation);
        if (json) {
                print_json(VERB_EXIT_DONE, NULL, result);
        } else {
                print_rows("Would run elsewhere:", moved, "->");
                print_rows("Would not run:", not_running, "");
                if (paused)
                        printf("Failover and fencing are paused: clu cluster resume ends it.\n");
                if (!has_majority(world))
                        printf("Who is left would have no majority: nothing would be started.\n");
                else if (json_array_size(moved) + json_array_size(not_running) == 0)
                        printf("Every role would run on where it is.\n");
        }
        json_decref(result);
}

static int run(const struct scenario *scenario, bool json)
{
        SCOPED_FREE struct world *world = calloc(1, sizeof(*world));
        SCOPED_FREE struct cluster_actions *actions = calloc(1, sizeof(*actions));
        struct statistics unused = { 0 };
        struct world_options options = { .seed = 1, .scenario = scenario };
        if (world == NULL || actions == NULL)
                return VERB_EXIT_FAILED;
        (void)world_run(world, &options, actions, &unused, NULL);
        print_outcome(world, scenario, json);
        world_release(world);
        return VERB_EXIT_DONE;
}

int what_if_command(int count, const char *const *words)
{
        const char *names = NULL;
        bool json = false, known = true;
        struct scenario scenario;
        for (int i = 0; i < count; i++) {
                if (text_equal(words[i], "--json"))
                        json = true;
                else if (text_equal(words[i], "--node-loss") && i + 1 < count)
                        names = words[++i];
                else
                        known = false;
        }
        if (count == 1 && text_equal(words[0], "--help")) {
                printf("clu %s\n\n%s\n", what_if_synopsis, what_if_help);
                return VERB_EXIT_DONE;
        }
        if (names == NULL || !known)
                return usage(json);
        scenario_init(&scenario);
        /* two minutes beyond what the longest guard may take */
        scenario.end_us = SECOND(120);
        int exit = read_cluster(&scenario, json);
        scenario.end_us += 4 * MS(scenario.settings.isolation_hold_ms);
        if (exit == 0)
                exit = lose(&scenario, names, json);
        if (exit == 0)
                exit = run(&scenario, json);
        scenario_release(&scenario);
        return exit;
}
