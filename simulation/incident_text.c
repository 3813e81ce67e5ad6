/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Incidents as scenarios write them. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "simulation/incident.h"

void duration_print(uint64_t duration_us, char *text, size_t text_bytes)
{
        static const struct {
                uint64_t us;
                const char *name;
        } units[] = { { 60000000, "min" }, { 1000000, "s" }, { 1000, "ms" }, { 1, "us" } };
        size_t unit = 0;
        while (duration_us % units[unit].us != 0)
                unit++;
        (void)snprintf(text, text_bytes, "%" PRIu64 "%s", duration_us / units[unit].us, units[unit].name);
}

static void append(char *text, size_t text_bytes, const char *more)
{
        size_t used = strlen(text);
        (void)snprintf(text + used, text_bytes - used, "%s", more);
}

static void append_parts(const struct incident *incident, char *text, size_t text_bytes)
{
        for (size_t part = 0; part < INCIDENT_PARTS_MAX; part++) {
                if (part > 0 && incident->parts[part] != 0)
                        append(text, text_bytes, " |");
                NODE_SET_EACH (incident->parts[part], id) {
                        char name[16];
                        TEXT_PRINT(name, " n%u", id);
                        append(text, text_bytes, name);
                }
        }
}

void incident_print(const struct incident *incident, char *text, size_t text_bytes)
{
        const struct incident_rule *rule = incident_rule(incident->kind);
        char more[32];
        (void)snprintf(text, text_bytes, "%s", rule->name);
        if (incident->kind == INCIDENT_CLU && incident->node != NODE_NONE) {
                TEXT_PRINT(more, "@n%u", incident->node);
                append(text, text_bytes, more);
        }
        if ((rule->fields & INCIDENT_NODE) != 0) {
                TEXT_PRINT(more, " n%u", incident->node);
                append(text, text_bytes, more);
        }
        if ((rule->fields & INCIDENT_ROLE) != 0) {
                append(text, text_bytes, " ");
                append(text, text_bytes, incident->role);
        }
        if ((rule->fields & INCIDENT_PARTS) != 0)
                append_parts(incident, text, text_bytes);
        if ((rule->fields & INCIDENT_WORDS) != 0) {
                append(text, text_bytes, " ");
                append(text, text_bytes, incident->words);
        }
        if ((rule->fields & (INCIDENT_DURATION | INCIDENT_LASTING)) != 0 && incident->duration_us != 0) {
                append(text, text_bytes, " for ");
                duration_print(incident->duration_us, more, sizeof(more));
                append(text, text_bytes, more);
        }
}
