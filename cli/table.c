/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/table.h"

#include <assert.h>
#include <libsmartcols.h>
#include <stdlib.h>
#include <unistd.h>

#include "clusterd/base/text.h"

struct table {
        struct libscols_table *scols;
        size_t columns;
};

bool output_is_terminal(void)
{
        return isatty(STDOUT_FILENO) == 1;
}

static bool has_colors(void)
{
        const char *terminal = getenv("TERM");
        return output_is_terminal() && getenv("NO_COLOR") == NULL && terminal != NULL &&
               !text_equal(terminal, "dumb");
}

struct table *table_new(const struct table_column *columns, size_t count)
{
        struct table *table = calloc(1, sizeof(*table));
        assert(table != NULL);
        table->scols = scols_new_table();
        assert(table->scols != NULL);
        table->columns = count;
        scols_table_set_termforce(table->scols,
                                  output_is_terminal() ? SCOLS_TERMFORCE_AUTO : SCOLS_TERMFORCE_NEVER);
        (void)scols_table_enable_colors(table->scols, has_colors());
        for (size_t i = 0; i < count; i++) {
                int flags =
                        (columns[i].right ? SCOLS_FL_RIGHT : 0) | (columns[i].elastic ? SCOLS_FL_TRUNC : 0);
                struct libscols_column *column =
                        scols_table_new_column(table->scols, columns[i].title, 0, flags);
                assert(column != NULL);
        }
        return table;
}

void table_free(struct table *table)
{
        if (table == NULL)
                return;
        scols_unref_table(table->scols);
        free(table);
}

void table_add(struct table *table, const char *const *cells, const char *color, size_t color_at)
{
        struct libscols_line *line = scols_table_new_line(table->scols, NULL);
        assert(line != NULL);
        for (size_t i = 0; i < table->columns; i++)
                (void)scols_line_set_data(line, i, cells[i]);
        if (color != NULL)
                (void)scols_cell_set_color(scols_line_get_cell(line, color_at), color);
}

void table_print(struct table *table)
{
        (void)scols_print_table(table->scols);
}

const char *state_color(const char *state)
{
        static const struct {
                const char *state, *color;
        } colors[] = {
                { "up", "green" },        { "online", "green" },      { "lost", "red" },
                { "failed", "red" },      { "redirected", "yellow" }, { "stalled", "red" },
                { "silent", "red" },      { "recovering", "red" },    { "starting", "yellow" },
                { "stopping", "yellow" }, { "moving", "yellow" },     { "draining", "yellow" },
                { "drained", "yellow" },  { "isolated", "red" },
        };
        for (size_t i = 0; i < sizeof(colors) / sizeof(colors[0]); i++)
                if (text_equal(colors[i].state, state))
                        return colors[i].color;
        return NULL;
}

const char *color_begin(const char *color)
{
        if (color == NULL || !has_colors())
                return "";
        return text_equal(color, "green") ? "\033[32m" : text_equal(color, "red") ? "\033[31m" : "\033[33m";
}

const char *color_end(void)
{
        return has_colors() ? "\033[0m" : "";
}
