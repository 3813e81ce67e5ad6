/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_RESOURCE_AGENTS_OUTPUT_LINE_H
#define CLU_RESOURCE_AGENTS_OUTPUT_LINE_H

/* Picks the one line out of an agent's output that people should read. */

#include <stddef.h>

/*
 * The last line that starts with prefix, without it; else the last line that is not empty; else "".
 * What cannot be printed becomes '?'. prefix NULL: none. Cut to fit.
 */
void output_line_read(const char *output, const char *prefix, char *ret_line, size_t line_bytes);

#endif
