/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_RESOURCE_AGENTS_FENCE_METADATA_H
#define CLU_RESOURCE_AGENTS_FENCE_METADATA_H

/* Compares a fence device's options with what its agent says it knows. */

#include <stdbool.h>
#include <stddef.h>

/*
 * output: of `AGENT -o metadata`. Are all options known, of the right type, and all required ones there?
 * false: *ret_text says what is wrong, and what the agent knows; never a value.
 */
bool fence_metadata_check(const char *output, const char *options, char *ret_text, size_t text_bytes);

#endif
