/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/print.h"

#include <stdio.h>

#include "cli/table.h"
#include "clusterd/base/text.h"

#define REMARK_BYTES 512

/* Why it is so, and what somebody should look at. */
static void remark_on(json_t *node, char remark[REMARK_BYTES])
{
        const char *reason = field(node, "reason"), *missing = field_list(node, "agents_missing", "");
        (void)snprintf(remark, REMARK_BYTES, "%s%s%s%s", reason,
                       reason[0] != '\0' && missing[0] != '\0' ? "; " : "",
                       missing[0] != '\0' ? "lacks " : "", missing);
}

void print_node_list(json_t *result)
{
        static const struct table_column columns[] = {
                { .title = "NODE" },
                { .title = "STATE" },
                { .title = "VOTE" },
                { .title = "ROLES", .right = true },
                { .title = "MEMORY", .right = true },
                { .title = "USED", .right = true },
                { .title = "CPUS", .right = true },
                { .title = "WATCHDOG" },
                { .title = "ADDRESS" },
                { .title = "REASON", .elastic = true },
        };
        struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
        size_t at;
        json_t *node;

        json_array_foreach(json_object_get(result, "nodes"), at, node)
        {
                const char *state = field(node, "state");
                char remark[REMARK_BYTES];
                remark_on(node, remark);
                table_add(table,
                          (const char *[]){ field(node, "name"), state, field(node, "voter"),
                                            field(node, "roles"), field(node, "memory_mib"),
                                            field(node, "memory_used_mib"), field(node, "cpus"),
                                            field(node, "watchdog"), field(node, "address"), remark },
                          state_color(state), 1);
        }
        table_print(table);
        table_free(table);
}

void print_node(json_t *node)
{
        const char *state = field(node, "state");
        json_t *evidence = json_object_get(node, "evidence"), *event;
        size_t at;

        printf("Node %s is %s%s%s\n", field(node, "name"), color_begin(state_color(state)), state,
               color_end());
        if (!text_equal(field(node, "reason"), ""))
                printf("  because     %s\n", field(node, "reason"));
        printf("  duty        %s\n", field(node, "duty"));
        printf("  vote        %s\n", field(node, "voter"));
        printf("  watchdog    %s\n", field(node, "watchdog"));
        printf("  address     %s, for moves %s\n", field(node, "address"), field(node, "migration_address"));
        printf("  memory      %s MiB, %s MiB of it for roles, %s MiB free\n", field(node, "memory_mib"),
               field(node, "memory_used_mib"), field(node, "memory_free_mib"));
        printf("  cpus        %s\n", field(node, "cpus"));
        printf("  incarnation %s\n", field(node, "incarnation"));
        if (json_is_object(evidence))
                printf("  evidence    %s %s, entry %s\n", field(evidence, "kind"), field(evidence, "by"),
                       field(evidence, "index"));
        if (json_array_size(json_object_get(node, "agents_missing")) > 0)
                printf("  lacks       %s\n", field_list(node, "agents_missing", ""));
        json_t *test = json_object_get(node, "test");
        if (json_is_integer(json_object_get(test, "level")))
                printf("  test        level %s of its fence devices turns it %s\n", field(test, "level"),
                       field(test, "step"));
        printf("  roles       %s: %s\n", field(node, "roles"), field_list(node, "role_names", "none"));
        if (json_array_size(json_object_get(node, "exports")) > 0)
                printf("  writes for  %s, elsewhere\n", field_list(node, "exports", ""));
        if (json_integer_value(json_object_get(node, "returning")) > 0)
                printf("  coming back %s roles\n", field(node, "returning"));
        const char *title = "history";
        json_array_foreach(json_object_get(node, "history"), at, event)
        {
                printf("  %-11s %s  %s\n", title, field_time(event, "time"), field(event, "text"));
                title = "";
        }
}

static void print_quorum(json_t *result)
{
        json_t *votes = json_object_get(result, "votes");
        bool quorate = json_is_true(json_object_get(result, "quorate"));

        printf("Cluster %s: %s%s%s, %s of %s votes, %s needed\n", field(result, "name"),
               color_begin(quorate ? "green" : "red"), quorate ? "quorate" : "no quorum", color_end(),
               field(votes, "present"), field(votes, "expected"), field(votes, "needed"));
        printf("Leader %s, epoch %s, entry %s, applied %s\n", field(result, "leader"), field(result, "epoch"),
               field(result, "index"), field(result, "applied"));
}

static void print_role_counts(json_t *roles)
{
        const char *key;
        json_t *count;
        printf("Roles: %s", field(roles, "total"));
        json_object_foreach(roles, key, count) if (!text_equal(key, "total") && json_integer_value(count) > 0)
                printf(", %s%s %s%s", color_begin(state_color(key)), field(roles, key), key, color_end());
        printf("\n");
}

void print_cluster_status(json_t *result)
{
        size_t at;
        json_t *warning;

        print_quorum(result);
        printf("\n");
        print_node_list(result);
        printf("\n");
        print_role_counts(json_object_get(result, "roles"));
        json_array_foreach(json_object_get(result, "warnings"), at, warning)
                printf("%sWarning:%s %s\n", color_begin("yellow"), color_end(), json_string_value(warning));
}

void print_fence_list(json_t *result)
{
        static const struct table_column columns[] = { { .title = "DEVICE" },
                                                       { .title = "AGENT" },
                                                       { .title = "NODES" },
                                                       { .title = "LEVEL", .right = true },
                                                       { .title = "TOGETHER", .right = true },
                                                       { .title = "TIMEOUT", .right = true },
                                                       { .title = "MISSING ON" } };
        struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
        size_t at;
        json_t *device;

        json_array_foreach(json_object_get(result, "devices"), at, device) table_add(
                table,
                (const char *[]){ field(device, "name"), field(device, "agent"),
                                  field_list(device, "nodes", "-"), field(device, "level"),
                                  field(device, "together"),
                                  duration_text(json_integer_value(json_object_get(device, "timeout_ms"))),
                                  field_list(device, "missing", "-") },
                json_array_size(json_object_get(device, "missing")) > 0 ? "yellow" : NULL, 6);
        table_print(table);
        table_free(table);
}

void print_fence_device(json_t *device)
{
        const char *title = "agent";
        size_t at;
        json_t *node;

        printf("Fence device %s for %s\n", field(device, "name"), field_list(device, "nodes", "no node"));
        printf("  level      %s, together %s\n", field(device, "level"), field(device, "together"));
        printf("  timeout    %s\n", duration_text(json_integer_value(json_object_get(device, "timeout_ms"))));
        json_array_foreach(json_object_get(device, "agents"), at, node)
        {
                bool missing = text_equal(field(node, "agent"), "missing");
                printf("  %-10s %s %s%s%s on %s\n", title, field(device, "agent"),
                       missing ? color_begin("yellow") : "",
                       text_equal(field(node, "agent"), "unknown") ? "not known" : field(node, "agent"),
                       missing ? color_end() : "", field(node, "node"));
                title = "";
        }
}

void print_fence_test(json_t *result)
{
        size_t at;
        json_t *device;
        json_array_foreach(json_object_get(result, "devices"), at, device)
        {
                bool answers = json_is_true(json_object_get(device, "answers"));
                printf("level %s, %s: %s%s%s", field(device, "level"), field(device, "device"),
                       color_begin(answers ? "green" : "red"), answers ? "answers" : "does not answer",
                       color_end());
                if (answers)
                        printf(", %s is %s", field(result, "node"), field(device, "power"));
                printf(", after %s%s%s\n",
                       duration_text(json_integer_value(json_object_get(device, "duration_ms"))),
                       text_equal(field(device, "text"), "") ? "" : ": ", field(device, "text"));
        }
}
