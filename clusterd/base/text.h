/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_BASE_TEXT_H
#define CLU_CLUSTERD_BASE_TEXT_H

/* Texts in arrays of fixed size, always closed by a zero. */

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* Formats into an array; what does not fit is cut. Never for names: check those first. */
#define TEXT_PRINT(array, ...) ((void)snprintf((array), sizeof(array), __VA_ARGS__))

/* Copies a text into an array, cut to fit, zero-filled so that equal values have equal bytes. */
#define TEXT_COPY(array, text) text_copy((array), sizeof(array), (text))

void text_copy(char *array, size_t array_bytes, const char *text);

static inline bool text_equal(const char *a, const char *b)
{
        return strcmp(a, b) == 0;
}

/*
 * Names of nodes, roles and devices: letters, digits, '.', '_' and '-',
 * starting with a letter or digit, shorter than NAME_BYTES. They appear in
 * file names, libvirt names and command lines, so nothing else is let in.
 */
bool name_is_valid(const char *name);

#endif
