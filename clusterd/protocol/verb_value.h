/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_PROTOCOL_VERB_VALUE_H
#define CLU_CLUSTERD_PROTOCOL_VERB_VALUE_H

/* What the words of a verb mean, the same for a daemon that is asked and for a story that is told. */

#include "clusterd/protocol/command.h"

/* "90s", "10m", "1h"; 0: it is no such time, or longer than that. */
uint32_t verb_duration_ms(const char *text, uint32_t most_ms);

/* Options of `clu cluster set`, up to one without a name. */
struct setting_option {
        const char *name;
        enum settings_field field;
        size_t offset; /* in struct settings, of a uint32_t */
};

extern const struct setting_option setting_options[];

/* Its range is in the table of verbs. */
void setting_option_take(const struct setting_option *option, int64_t number,
                         struct command_cluster_set *set);

#endif
