/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/print.h"

#include <stdio.h>
#include <stdlib.h>

#include "cli/table.h"

/* Plain lines, not a table: --follow goes on with more of them. */
void print_events(json_t *result)
{
        size_t at;
        json_t *event;
        json_array_foreach(json_object_get(result, "events"), at, event)
                printf("%s  %s.%s  %s: %s\n", field_time(event, "time"), field(event, "epoch"),
                       field(event, "index"), field(event, "actor"), field(event, "text"));
        (void)fflush(stdout);
}

void print_entries(json_t *result)
{
        size_t at;
        json_t *entry;
        json_array_foreach(json_object_get(result, "entries"), at, entry)
        {
                char *command =
                        json_dumps(json_object_get(entry, "command_json"), JSON_COMPACT | JSON_ENCODE_ANY);
                printf("%s.%s %s %s %s %.16s %s\n", field(entry, "epoch"), field(entry, "index"),
                       field(entry, "time"), field(entry, "actor"), field(entry, "subject"),
                       field(entry, "hash"), command == NULL ? "" : command);
                free(command);
        }
}

void print_verdict(json_t *result)
{
        bool sound = json_is_true(json_object_get(result, "sound"));
        printf("%s is %s%s%s: %s entries, %s to %s, applied to %s, last hash %.16s\n", field(result, "file"),
               color_begin(sound ? "green" : "red"), sound ? "sound" : "not sound", color_end(),
               field(result, "entries"), field(result, "first"), field(result, "last"),
               field(result, "applied"), field(result, "hash"));
}
