/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_RESOURCE_AGENTS_FENCE_OPTIONS_H
#define CLU_RESOURCE_AGENTS_FENCE_OPTIONS_H

/* What a fence agent reads on its standard input, and what of it must never be shown. */

#include <stdbool.h>
#include <stddef.h>

#include "clusterd/base/limits.h"

#define FENCE_INPUT_BYTES (OPTIONS_BYTES + 4 * NAME_BYTES)

/*
 * action: "off", "on" or "status". Options of the device that name an action are left out. The node is named
 * by port.NODE= or plug.NODE=, else port= or plug= of the options, else by both with the node's own name.
 */
void fence_options_input(const char *options, const char *action, const char *node_name,
                         char ret_input[FENCE_INPUT_BYTES]);

/* One "key=value" line; *options moves behind it. false at the end. Empty lines and comments are passed over.
 */
struct fence_option {
        const char *line;
        size_t key_bytes; /* of line, without '=' */
        size_t line_bytes;
};
bool fence_option_next(const char **options, struct fence_option *ret_option);
/* port.NODE or plug.NODE: ours, no agent's. */
bool fence_option_is_per_node(const struct fence_option *option);

/* Overwrites in text each value of an option that may be a secret. */
void fence_options_hide(const char *options, char *text);

#endif
