/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clu: asks the cluster, and changes it. */

#include <locale.h>

#include "cli/command.h"

int main(int argc, char **argv)
{
        (void)setlocale(LC_CTYPE, ""); /* for the width of what libsmartcols prints */
        return command_run(argc - 1, (const char *const *)argv + 1);
}
