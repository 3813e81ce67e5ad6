/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/print.h"

#include <stdio.h>

#include "cli/table.h"
#include "clusterd/base/text.h"

void print_role_list(json_t *result)
{
        static const struct table_column columns[] = {
                { .title = "ROLE" },
                { .title = "STATE" },
                { .title = "OWNER" },
                { .title = "TARGET" },
                { .title = "KIND" },
                { .title = "MEMORY", .right = true },
                { .title = "PRIORITY", .right = true },
                { .title = "FAILURES", .right = true },
                { .title = "REASON", .elastic = true },
        };
        struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
        size_t at;
        json_t *role;

        json_array_foreach(json_object_get(result, "roles"), at, role)
        {
                json_t *stall = json_object_get(role, "stall");
                bool stalled = json_is_object(stall);
                const char *state = stalled ? "stalled" : field(role, "state");
                table_add(table,
                          (const char *[]){ field(role, "name"), state, field(role, "owner"),
                                            field(role, "target"), field(role, "kind"),
                                            field(role, "memory_mib"), field(role, "priority"),
                                            field(role, "failures"),
                                            stalled ? field(stall, "text") : field(role, "reason") },
                          state_color(state), 1);
        }
        table_print(table);
        table_free(table);
}

static void print_move(json_t *move)
{
        if (!json_is_object(move))
                return;
        bool succeeded = json_is_true(json_object_get(move, "succeeded"));
        printf("  last move    %s to %s, %s", field(move, "from"), field(move, "to"),
               succeeded ? "done" : "failed");
        bool measured = json_is_integer(json_object_get(move, "duration_ms"));
        if (measured)
                printf(" after %s", duration_text(json_integer_value(json_object_get(move, "duration_ms"))));
        if (measured && succeeded)
                printf(", guest not running for %s",
                       duration_text(json_integer_value(json_object_get(move, "downtime_ms"))));
        printf(", entry %s\n", field(move, "index"));
}

static void print_stall(json_t *stall)
{
        if (json_is_object(stall))
                printf("  stalled      since %s: %s, entry %s\n", field_time(stall, "time"),
                       field(stall, "text"), field(stall, "index"));
}

static void print_redirect(json_t *redirect)
{
        if (!json_is_object(redirect))
                return;
        bool over = text_equal(field(redirect, "state"), "none");
        printf("  redirected   %s%s %s for %s%s%s: %s, entry %s\n", over ? "no more: " : "",
               field(redirect, "by"), over ? "wrote" : "writes", field(redirect, "for"), over ? "" : ", ",
               over ? "" : field(redirect, "state"), field(redirect, "text"), field(redirect, "index"));
}

static void print_copy(json_t *copy)
{
        if (!json_is_object(copy))
                return;
        const char *state = field(copy, "state");
        bool over = text_equal(state, "none"), succeeded = json_is_true(json_object_get(copy, "succeeded"));
        printf("  storage      %s from %s to %s, %s", field(copy, "disk"), field(copy, "from"),
               field(copy, "to"),
               !over       ? state
               : succeeded ? "done"
                           : "not done");
        if (over && succeeded)
                printf("%s", copy_times(copy));
        if (field(copy, "text")[0] != '\0')
                printf(": %s", field(copy, "text"));
        printf(", entry %s\n", field(copy, "index"));
}

static void print_failures(json_t *role)
{
        json_t *retry_in = json_object_get(role, "retry_in_ms");
        if (json_integer_value(json_object_get(role, "failures")) == 0)
                return;
        printf("  failures     %s", field(role, "failures"));
        if (json_is_string(json_object_get(role, "failed_time")))
                printf(", the last at %s", field_time(role, "failed_time"));
        if (json_is_integer(retry_in))
                printf(", next try in %s", duration_text(json_integer_value(retry_in)));
        else if (json_is_string(json_object_get(role, "next_try")))
                printf(", next try about %s", field_time(role, "next_try"));
        printf("\n");
}

static void print_progress(json_t *role)
{
        json_t *progress = json_object_get(role, "progress");
        if (!json_is_object(progress))
                return;
        printf("  progress     %s %%", field(progress, "percent"));
        if (json_object_get(progress, "step") != NULL)
                printf(", %s", field(progress, "step"));
        printf(", %s MiB/s\n", field(progress, "mib_s"));
}

static void print_reserved(json_t *role)
{
        size_t at;
        json_t *reserved;
        json_array_foreach(json_object_get(role, "reserved"), at, reserved)
        {
                printf("  reserved     on %s, for who has a key there", field(reserved, "volume"));
                if (json_is_string(json_object_get(reserved, "keys_begin")))
                        printf("; those of %s begin with %s", field(role, "owner"),
                               field(reserved, "keys_begin"));
                printf("\n");
        }
}

static void print_placement(json_t *role)
{
        printf("  preferred    %s\n", field_list(role, "preferred", "none"));
        printf("  possible     %s\n", field_list(role, "possible", "every node"));
        if (json_array_size(json_object_get(role, "volumes")) > 0)
                printf("  volumes      %s\n", field_list(role, "volumes", "none"));
        if (json_array_size(json_object_get(role, "leases")) > 0)
                printf("  guard        contact, or leases on %s\n", field_list(role, "leases", "none"));
        print_reserved(role);
        if (json_is_string(json_object_get(role, "failback")))
                printf("  goes back to %s, when that takes roles again\n", field(role, "failback"));
}

void print_role(json_t *role)
{
        const char *state = field(role, "state");
        json_t *since = json_object_get(role, "since");

        printf("Role %s is %s%s%s", field(role, "name"), color_begin(state_color(state)), state, color_end());
        if (json_is_string(json_object_get(role, "owner")))
                printf(" on %s", field(role, "owner"));
        if (json_is_string(json_object_get(role, "target")))
                printf(", target %s", field(role, "target"));
        printf("\n  since        %s, entry %s\n", field_time(since, "time"), field(since, "index"));
        printf("  because      %s\n", field(role, "reason"));
        if (!json_is_null(json_object_get(role, "waits_for")))
                printf("  waits for    %s\n", field(role, "waits_for"));
        print_stall(json_object_get(role, "stall"));
        print_redirect(json_object_get(role, "redirect"));
        print_progress(role);
        printf("  desired      %s\n", field(role, "desired"));
        printf("  kind         %s, %s MiB, %s cpus\n", field(role, "kind"), field(role, "memory_mib"),
               field(role, "cpus"));
        printf("  generation   %s\n", field(role, "generation"));
        printf("  priority     %s\n", field(role, "priority"));
        print_placement(role);
        print_failures(role);
        print_move(json_object_get(role, "last_move"));
        print_copy(json_object_get(role, "copy"));
        if (!text_equal(field(role, "note"), ""))
                printf("  note         %s\n", field(role, "note"));
}

void print_role_why(json_t *result)
{
        size_t at;
        json_t *link;

        printf("%s\n", field(result, "summary"));
        json_array_foreach(json_object_get(result, "chain"), at, link)
        {
                printf("  %s  entry %s, by %s: %s\n", field_time(link, "time"), field(link, "index"),
                       field(link, "actor"), field(link, "text"));
        }
        if (json_array_size(json_object_get(result, "chain")) == 0)
                printf("  the ledger keeps no entry of it any more\n");
}
