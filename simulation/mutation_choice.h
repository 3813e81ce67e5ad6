/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_MUTATION_CHOICE_H
#define CLU_SIMULATION_MUTATION_CHOICE_H

/*
 * Which guard this program's core goes without: in simulate-mutants any one of
 * clusterd/base/mutation.h, elsewhere none.
 */

#include <stdbool.h>
#include <stdio.h>

/* False when this core has no such guard to take away. */
bool mutation_choose(const char *name);

/* One a line: name, file, rule, between tabs. */
void mutations_print(FILE *stream);

#endif
