/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLI_TABLE_H
#define CLU_CLI_TABLE_H

/* Tables on standard output, by libsmartcols: cut to a terminal's width, whole in a pipe. */

#include <stdbool.h>
#include <stddef.h>

struct table;

struct table_column {
        const char *title;
        bool right;   /* numbers */
        bool elastic; /* gives way when the terminal is narrow */
};

struct table *table_new(const struct table_column *columns, size_t count);
void table_free(struct table *table);
/* As many cells as columns; NULL is empty. color: of the row's cell at color_at, NULL for none. */
void table_add(struct table *table, const char *const *cells, const char *color, size_t color_at);
void table_print(struct table *table);

/* "green" for what is well, "red" for what needs somebody, "yellow" for what is on its way; NULL for the
 * rest. */
const char *state_color(const char *state);
/* The escape sequences of a colour on a terminal, "" elsewhere. */
const char *color_begin(const char *color);
const char *color_end(void);
/* Standard output is a terminal. */
bool output_is_terminal(void);

#endif
