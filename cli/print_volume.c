/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/print.h"

#include <stdio.h>

#include "cli/table.h"
#include "clusterd/base/text.h"

/* "12.5 GiB"; "-" when nobody here knows. */
static const char *space_text(json_t *volume, const char *key, char *text, size_t text_bytes)
{
        json_t *bytes = json_object_get(volume, key);
        double mib = (double)json_integer_value(bytes) / (1024 * 1024);
        if (!json_is_integer(bytes))
                (void)snprintf(text, text_bytes, "-");
        else
                (void)snprintf(text, text_bytes, mib < 10240 ? "%.0f MiB" : "%.1f GiB",
                               mib < 10240 ? mib : mib / 1024);
        return text;
}

void print_volume_list(json_t *result)
{
        static const struct table_column columns[] = {
                { .title = "VOLUME" },
                { .title = "STATE" },
                { .title = "KIND" },
                { .title = "FREE", .right = true },
                { .title = "SIZE", .right = true },
                { .title = "COORDINATOR" },
                { .title = "DIRECT" },
                { .title = "LOST" },
                { .title = "PATH" },
                { .title = "WARNING", .elastic = true },
        };
        struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
        size_t at;
        json_t *volume;

        json_array_foreach(json_object_get(result, "volumes"), at, volume)
        {
                char free_text[32], size_text[32];
                const char *state = field(volume, "state");
                table_add(table,
                          (const char *[]){ field(volume, "name"), state, field(volume, "kind"),
                                            space_text(volume, "free_bytes", free_text, sizeof(free_text)),
                                            space_text(volume, "size_bytes", size_text, sizeof(size_text)),
                                            field(volume, "coordinator"), field_list(volume, "direct", "-"),
                                            field_list(volume, "lost", "-"), field(volume, "path"),
                                            field(volume, "warning") },
                          state_color(state), 1);
        }
        table_print(table);
        table_free(table);
}

void print_image_list(json_t *result)
{
        static const struct table_column columns[] = {
                { .title = "IMAGE" },
                { .title = "FORMAT" },
                { .title = "SIZE", .right = true },
                { .title = "ALLOCATED", .right = true },
        };
        struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
        size_t at;
        json_t *image;

        json_array_foreach(json_object_get(result, "images"), at, image)
        {
                char size[32], allocated[32];
                table_add(table,
                          (const char *[]){
                                  field(image, "name"), field(image, "format"),
                                  space_text(image, "size_bytes", size, sizeof(size)),
                                  space_text(image, "allocated_bytes", allocated, sizeof(allocated)) },
                          NULL, 0);
        }
        table_print(table);
        table_free(table);
}

/* Of the node that was asked, and whose it saw being renewed. */
static void print_lease(json_t *volume)
{
        json_t *lease = json_object_get(volume, "lease");
        if (!json_is_object(lease))
                return;
        const char *error = field(lease, "error");
        bool is_held = text_equal(field(lease, "state"), "held");
        printf("  lease        %s here for %s%s%s%s%s", field(lease, "state"),
               duration_text(json_integer_value(json_object_get(lease, "for_ms"))),
               is_held && !json_is_true(json_object_get(lease, "confirmed"))
                       ? ", not confirmed by contact yet"
                       : "",
               json_is_true(json_object_get(lease, "late")) ? ", late" : "",
               json_is_string(json_object_get(lease, "error")) ? ": " : "",
               json_is_string(json_object_get(lease, "error")) ? error : "");
        printf("; renewed by %s\n", field_list(volume, "renewing", "no other node"));
}

static void print_redirected(json_t *redirected)
{
        size_t at;
        json_t *role;
        json_array_foreach(redirected, at, role)
                printf("               %s writes for role %s, %s: %s\n", field(role, "by"),
                       field(role, "role"), field(role, "state"), field(role, "text"));
}

void print_volume(json_t *volume)
{
        const char *state = field(volume, "state"), *title = "paths";
        char free_text[32], size_text[32];
        bool is_target = json_is_string(json_object_get(volume, "portal"));
        size_t at;
        json_t *path;

        printf("Volume %s is %s%s%s\n", field(volume, "name"), color_begin(state_color(state)), state,
               color_end());
        printf("  kind         %s\n", field(volume, "kind"));
        printf("  %-12s %s\n", is_target ? "target" : "path", field(volume, "path"));
        if (is_target)
                printf("  portal       %s, %s%s\n", field(volume, "portal"),
                       json_is_string(json_object_get(volume, "user")) ? "as " : "without a password",
                       json_is_string(json_object_get(volume, "user")) ? field(volume, "user") : "");
        printf("  free         %s of %s\n", space_text(volume, "free_bytes", free_text, sizeof(free_text)),
               space_text(volume, "size_bytes", size_text, sizeof(size_text)));
        printf("  coordinator  %s\n", field(volume, "coordinator"));
        json_array_foreach(json_object_get(volume, "paths"), at, path)
        {
                const char *way = field(path, "state");
                printf("  %-12s %s: %s%s%s%s%s\n", title, field(path, "node"), color_begin(state_color(way)),
                       way, color_end(), text_equal(way, "direct") ? "" : ", ",
                       text_equal(way, "direct") ? "" : field(path, "reason"));
                title = "";
                print_redirected(json_object_get(path, "redirected"));
        }
        print_lease(volume);
        if (json_is_string(json_object_get(volume, "last_trouble")))
                printf("  last trouble %s\n", field(volume, "last_trouble"));
        printf("  roles        %s\n", field_list(volume, "roles", "none"));
        if (json_is_true(json_object_get(volume, "witness")))
                printf("  witness      the quorum's is on it\n");
        if (json_is_string(json_object_get(volume, "warning")))
                printf("%sWarning:%s %s\n", color_begin("yellow"), color_end(), field(volume, "warning"));
}
