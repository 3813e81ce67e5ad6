/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Scenario files, line by line: tests/scenarios/README.md. */

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/mutation.h"
#include "clusterd/base/text.h"
#include "simulation/scenario_line.h"

void scenario_init(struct scenario *scenario)
{
        memset(scenario, 0, sizeof(*scenario));
        scenario->seed = 1;
        scenario->end_us = 60000000;
        scenario->settings = settings_default;
        TEXT_COPY(scenario->settings.cluster_name, "simulated");
        /* as the random runs have it: a story of a failover fits into half a minute */
        scenario->settings.isolation_hold_ms = 4000;
        scenario->settings.stop_grace_ms = 1500;
        scenario->settings.watchdog_ms = 2000;
        scenario->settings.margin_ms = 1000;
        scenario->names_max = 1;
}

void scenario_release(struct scenario *scenario)
{
        free(scenario->objects);
        free(scenario->triggers);
        free(scenario->expectations);
        incident_list_release(&scenario->incidents);
        memset(scenario, 0, sizeof(*scenario));
}

struct object *scenario_object_add(struct scenario *scenario, enum object_kind kind)
{
        if (scenario->object_count == scenario->object_capacity) {
                scenario->object_capacity = 2 * scenario->object_capacity + 16;
                scenario->objects =
                        realloc(scenario->objects, scenario->object_capacity * sizeof(*scenario->objects));
                assert(scenario->objects != NULL);
        }
        struct object *object = &scenario->objects[scenario->object_count++];
        memset(object, 0, sizeof(*object));
        object->kind = kind;
        return object;
}

struct object *scenario_object(struct scenario *scenario, enum object_kind kind, const char *name)
{
        for (size_t i = 0; i < scenario->object_count; i++)
                if (scenario->objects[i].kind == kind && text_equal(object_name(&scenario->objects[i]), name))
                        return &scenario->objects[i];
        return NULL;
}

struct volume *scenario_volume_add(struct scenario *scenario, const char *name)
{
        uint32_t id = 1;
        for (size_t i = 0; i < scenario->object_count; i++)
                id += scenario->objects[i].kind == OBJECT_VOLUME;
        if (id > VOLUMES_MAX)
                return NULL;
        struct volume *volume = &scenario_object_add(scenario, OBJECT_VOLUME)->volume;
        *volume = (struct volume){ .id = id, .state = VOLUME_READY, .identity = 1000 + id, .since_index = 1 };
        TEXT_COPY(volume->name, name);
        TEXT_PRINT(volume->path, "/%s", volume->name);
        return volume;
}

/* --- what is one word --- */

static int read_choice(struct line *line, const char *yes, const char *no, bool *ret_yes)
{
        *ret_yes = line_take(line, yes);
        if (*ret_yes || line_take(line, no))
                return 0;
        return line_fail(line, "say %s or %s", yes, no);
}

static int read_story(struct line *line, struct scenario *scenario)
{
        TEXT_PRINT(scenario->title, "%s", line_rest(line));
        return 0;
}

static int read_seed(struct line *line, struct scenario *scenario)
{
        int64_t seed;
        if (line_number(line, 0, INT64_MAX, &seed) < 0)
                return -EINVAL;
        scenario->seed = (uint64_t)seed;
        return 0;
}

static int read_start(struct line *line, struct scenario *scenario)
{
        return read_choice(line, "cold", "warm", &scenario->cold);
}

static int read_mishaps(struct line *line, struct scenario *scenario)
{
        return read_choice(line, "on", "off", &scenario->mishaps);
}

/* One that answers; it has its vote already when the nodes are an even number. */
static int read_witness(struct line *line, struct scenario *scenario)
{
        struct witness *witness = &scenario->settings.witness;
        witness->kind = line_take(line, "qnetd") ? WITNESS_QNETD : WITNESS_SHARE;
        witness->identity = UINT64_C(0x77);
        TEXT_COPY(witness->place, "/witness");
        return 0;
}

static int read_fenced(struct line *line, struct scenario *scenario)
{
        return read_choice(line, "boot", "stay-off", &scenario->fenced_boot);
}

static int read_roles_max(struct line *line, struct scenario *scenario)
{
        int64_t number;
        if (line_number(line, 1, ROLES_MAX, &number) < 0)
                return -EINVAL;
        scenario->roles_max = (uint32_t)number;
        return 0;
}

static int read_end(struct line *line, struct scenario *scenario)
{
        return line_duration(line, &scenario->end_us);
}

static int read_at(struct line *line, struct scenario *scenario)
{
        uint64_t at_us;
        if (line_duration(line, &at_us) < 0)
                return -EINVAL;
        return line_incidents(line, scenario, at_us, &scenario->incidents);
}

static int trigger_add(struct scenario *scenario, const struct trigger *trigger)
{
        if (scenario->trigger_count == scenario->trigger_capacity) {
                scenario->trigger_capacity = 2 * scenario->trigger_capacity + 8;
                scenario->triggers =
                        realloc(scenario->triggers, scenario->trigger_capacity * sizeof(*trigger));
                assert(scenario->triggers != NULL);
        }
        scenario->triggers[scenario->trigger_count++] = *trigger;
        return 0;
}

static int read_when(struct line *line, struct scenario *scenario)
{
        static const char *const ends[] = { "+", "do", NULL };
        struct trigger trigger = { .delay_us = 0 };
        struct incident_list list = { 0 };
        if (line_pattern(line, ends, &trigger.pattern) < 0 ||
            (line_take(line, "+") && line_duration(line, &trigger.delay_us) < 0))
                return -EINVAL;
        if (!line_take(line, "do"))
                return line_fail(line, "a trigger is: when EVENT [+ TIME] do WHAT-BEFALLS");
        int error = line_incidents(line, scenario, 0, &list);
        for (size_t i = 0; error == 0 && i < list.count; i++) {
                trigger.incident = list.item[i];
                error = trigger_add(scenario, &trigger);
        }
        incident_list_release(&list);
        return error;
}

/* For simulation/mutations.sh, which tells the story without that guard. Here only the name has to be right.
 */
static int read_guard(struct line *line, struct scenario *scenario)
{
#define MUTATION_NAME(name, file, guard) #name,
        static const char *const names[] = { MUTATIONS(MUTATION_NAME) };
        const char *word = line_word(line);
        (void)scenario;
        for (size_t i = 0; word != NULL && i < sizeof(names) / sizeof(names[0]); i++)
                if (text_equal(names[i], word))
                        return 0;
        return line_fail(line, "'%s' is no guard of clusterd/base/mutation.h", word == NULL ? "" : word);
}

static const struct {
        const char *word;
        bool needs_nodes;
        int (*read)(struct line *line, struct scenario *scenario);
} statements[] = {
        { "story", false, read_story },
        { "seed", false, read_seed },
        { "guard", false, read_guard },
        { "start", false, read_start },
        { "nodes", false, line_nodes_statement },
        { "node", true, line_node_statement },
        { "settings", false, line_settings_statement },
        { "fence", true, line_fence_statement },
        { "volume", true, line_volume_statement },
        { "role", true, line_role_statement },
        { "roles", true, line_roles_statement },
        { "roles-max", false, read_roles_max },
        { "mishaps", false, read_mishaps },
        { "witness", true, read_witness },
        { "fenced-nodes", false, read_fenced },
        { "at", true, read_at },
        { "when", true, read_when },
        { "end", false, read_end },
        { "expect", true, line_expectation },
};

static int read_line(struct line *line, struct scenario *scenario)
{
        line->at = line->rest;
        if (line_is_empty(line) || line->at[strspn(line->at, " \t")] == '#')
                return 0;
        for (size_t i = 0; i < sizeof(statements) / sizeof(statements[0]); i++) {
                if (!line_take(line, statements[i].word))
                        continue;
                if (statements[i].needs_nodes && scenario->node_count == 0)
                        return line_fail(line, "say how many nodes there are first: nodes 3");
                return statements[i].read(line, scenario) < 0 ? -EINVAL : line_end(line);
        }
        return line_fail(
                line,
                "no line begins with '%s': story, seed, guard, start, nodes, node, settings, fence, volume, "
                "role, roles, witness, roles-max, mishaps, fenced-nodes, at, when, end, expect",
                line_word(line));
}

static int check_whole(struct line *line, const struct scenario *scenario)
{
        if (scenario->node_count == 0)
                return line_fail(line, "there are no nodes: nodes 3");
        for (size_t i = 0; scenario->cold && i < scenario->object_count; i++)
                if (scenario->objects[i].kind != OBJECT_NODE)
                        return line_fail(line,
                                         "a cluster that starts cold has no roles and fence devices yet: "
                                         "add them by 'at 5s clu role add ...'");
        return 0;
}

int scenario_read_stream(FILE *stream, const char *path, struct scenario *ret_scenario,
                         char ret_error[SCENARIO_ERROR_BYTES])
{
        struct line line = { .path = path, .error = ret_error };
        int error = 0;
        scenario_init(ret_scenario);
        while (error == 0 && fgets(line.text, sizeof(line.text), stream) != NULL) {
                line.number++;
                if (strchr(line.text, '\n') == NULL && !feof(stream))
                        error = line_fail(&line, "the line is longer than %d bytes", LINE_BYTES - 2);
                line.text[strcspn(line.text, "\r\n")] = '\0';
                memcpy(line.rest, line.text, sizeof(line.rest));
                if (error == 0)
                        error = read_line(&line, ret_scenario);
        }
        if (error == 0)
                error = check_whole(&line, ret_scenario);
        for (uint32_t id = 1; id <= ret_scenario->node_count; id++)
                ret_scenario->settings.voters |= node_set_of(id);
        if (ret_scenario->node_count % 2 == 0)
                ret_scenario->settings.voters_witness = ret_scenario->settings.witness.identity;
        if (error < 0)
                scenario_release(ret_scenario);
        return error;
}

int scenario_read(const char *path, struct scenario *ret_scenario, char ret_error[SCENARIO_ERROR_BYTES])
{
        FILE *stream = fopen(path, "re");
        if (stream == NULL) {
                int error = -errno;
                (void)snprintf(ret_error, SCENARIO_ERROR_BYTES, "%s: %s", path, strerror(-error));
                return error;
        }
        int error = scenario_read_stream(stream, path, ret_scenario, ret_error);
        (void)fclose(stream);
        return error;
}
