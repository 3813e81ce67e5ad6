/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/print.h"

#include <stdio.h>

#include "cli/table.h"
#include "clusterd/base/text.h"

static void print_votes(json_t *result)
{
        json_t *votes = json_object_get(result, "votes");
        bool quorate = json_is_true(json_object_get(result, "quorate"));
        const char *before = field_list(result, "voters_before", "");

        printf("%s%s%s: %s of %s votes, %s needed; %s\n", color_begin(quorate ? "green" : "red"),
               quorate ? "quorate" : "no quorum", color_end(), field(votes, "present"),
               field(votes, "expected"), field(votes, "needed"),
               json_is_true(json_object_get(result, "dynamic")) ? "votes follow the losses"
                                                                : "votes do not follow the losses");
        if (before[0] != '\0')
                printf("Votes are changing: from %s to %s\n", before, field_list(result, "voters", "nobody"));
}

static const char *consequence(json_t *node)
{
        const char *what = field(node, "if_lost");
        if (text_equal(what, "lost"))
                return "quorum is lost";
        return text_equal(what, "holds") ? "the others go on" : "-";
}

/* What it says for itself: "votes", "does not answer since 12 s: the share does not answer". */
static void print_witness(json_t *witness)
{
        if (!json_is_object(witness))
                return;
        bool answers = json_is_true(json_object_get(witness, "answers"));
        bool votes = json_is_true(json_object_get(witness, "vote"));
        const char *reason = field(witness, "reason");
        json_t *since = json_object_get(witness, "since_ms");
        printf("Witness: %s %s, %s", field(witness, "kind"),
               field(witness, json_is_string(json_object_get(witness, "volume")) ? "volume" : "place"),
               votes ? "votes" : "no vote now");
        if (json_is_true(json_object_get(witness, "decides")))
                printf(", holds the quorum");
        if (json_is_true(json_object_get(witness, "leaving")))
                printf(", to be removed");
        if (!answers && json_is_integer(since))
                printf("; %sno answer%s for %lld s", color_begin("red"), color_end(),
                       (long long)(json_integer_value(since) / 1000));
        else
                printf("; %s", json_is_integer(since) ? "answers" : "not asked yet");
        printf("%s%s\n", reason[0] == '\0' || reason[0] == '-' ? "" : ": ", reason[0] == '-' ? "" : reason);
}

void print_quorum_view(json_t *result)
{
        static const struct table_column columns[] = {
                { .title = "NODE" }, { .title = "VOTE" },    { .title = "PRIORITY", .right = true },
                { .title = "SEEN" }, { .title = "IF LOST" }, { .title = "VOTES THEN", .elastic = true },
        };
        struct table *table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
        size_t at;
        json_t *node, *line;

        print_votes(result);
        print_witness(json_object_get(result, "witness"));
        printf("\n");
        json_array_foreach(json_object_get(result, "nodes"), at, node)
        {
                bool costs = text_equal(field(node, "if_lost"), "lost");
                table_add(table,
                          (const char *[]){ field(node, "name"), field(node, "vote"), field(node, "priority"),
                                            field(node, "seen"), consequence(node),
                                            field_list(node, "voters_then", "-") },
                          costs ? "yellow" : NULL, 4);
        }
        table_print(table);
        table_free(table);
        printf("\n");
        json_array_foreach(json_object_get(result, "text"), at, line) printf("%s\n", json_string_value(line));
}
