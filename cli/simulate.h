/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLI_SIMULATE_H
#define CLU_CLI_SIMULATE_H

/* clu simulate FILE: a story told by the daemon's own core, in this process; no daemon is asked. */

/* words: what follows `simulate`. Returns the exit status. */
int simulate_command(int count, const char *const *words);

extern const char simulate_synopsis[];
extern const char simulate_help[];

#endif
