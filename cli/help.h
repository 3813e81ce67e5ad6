/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLI_HELP_H
#define CLU_CLI_HELP_H

/* What the table of verbs says, for people, man and bash. All to standard output. */

#include "clusterd/protocol/verb.h"

/* noun NULL: all verbs. */
void help_nouns(const char *noun);
void help_verb(const struct verb *verb);
/* The source of clu(8). */
void help_manual(void);
/* A completion script for bash. */
void help_completion(void);

#endif
