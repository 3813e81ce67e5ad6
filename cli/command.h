/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLI_COMMAND_H
#define CLU_CLI_COMMAND_H

/* One command line of clu, from its words to its exit status. */

/* words: without the program's name. */
int command_run(int count, const char *const *words);

#endif
