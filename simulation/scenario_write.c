/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A story as scenario_read() reads it: of one that starts cold, as random runs do. */

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "simulation/scenario.h"

bool setting_is_number(const struct setting_option *option)
{
        return option->field == SETTINGS_FIELD_MOVES_MAX || option->field == SETTINGS_FIELD_QUARANTINE_LOSSES;
}

static void write_settings(const struct settings *settings, FILE *stream)
{
        (void)fputs("settings", stream);
        for (const struct setting_option *option = setting_options; option->name != NULL; option++) {
                uint32_t value;
                memcpy(&value, (const char *)settings + option->offset, sizeof(value));
                (void)fprintf(stream, " %s %" PRIu32 "%s", option->name, value,
                              setting_is_number(option) ? "" : "ms");
        }
        (void)fputc('\n', stream);
}

static void write_node(const struct node *node, FILE *stream)
{
        (void)fprintf(stream, "node %s memory %" PRIu32 "MiB%s\n", node->name, node->memory_mib,
                      node->watchdog ? "" : " no-watchdog");
}

void scenario_write(const struct scenario *scenario, FILE *stream)
{
        assert(scenario->cold);
        (void)fprintf(stream, "story %s\nseed %" PRIu64 "\nstart cold\nnodes %" PRIu32 "\n", scenario->title,
                      scenario->seed, scenario->node_count);
        for (size_t i = 0; i < scenario->object_count; i++)
                write_node(&scenario->objects[i].node, stream);
        write_settings(&scenario->settings, stream);
        (void)fprintf(stream, "roles-max %" PRIu32 "\nmishaps %s\nfenced-nodes %s\n", scenario->roles_max,
                      scenario->mishaps ? "on" : "off", scenario->fenced_boot ? "boot" : "stay-off");
        for (size_t i = 0; i < scenario->incidents.count; i++) {
                char when[32], what[INCIDENT_WORDS_BYTES + 64];
                duration_print(scenario->incidents.item[i].at_us, when, sizeof(when));
                incident_print(&scenario->incidents.item[i], what, sizeof(what));
                (void)fprintf(stream, "at %s %s\n", when, what);
        }
}
