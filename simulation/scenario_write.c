/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A story as scenario_read() reads it: of one that starts cold, as random runs do. */

#include <assert.h>
#include <inttypes.h>

#include "simulation/scenario.h"

static void write_settings(const struct settings *settings, FILE *stream)
{
        (void)fprintf(stream,
                      "settings max-moves %" PRIu32 " isolation-hold %" PRIu32 "ms stop-grace %" PRIu32
                      "ms watchdog %" PRIu32 "ms margin %" PRIu32 "ms\n",
                      settings->moves_max, settings->isolation_hold_ms, settings->stop_grace_ms,
                      settings->watchdog_ms, settings->margin_ms);
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
