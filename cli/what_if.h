/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLI_WHAT_IF_H
#define CLU_CLI_WHAT_IF_H

/*
 * clu what-if: the running cluster's nodes, roles and fence devices, put into
 * the simulation, lose some nodes there: who would run where, and why.
 */

/* words: what follows `what-if`. Returns the exit status. */
int what_if_command(int count, const char *const *words);

extern const char what_if_synopsis[];
extern const char what_if_help[];

#endif
