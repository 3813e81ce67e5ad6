/* SPDX-License-Identifier: GPL-2.0-or-later */
/* clu: asks the cluster, and changes it. */

#include <locale.h>
#include <malloc.h>

#include "cli/command.h"

/* It lives for one answer: what a long list gives back is wanted again at once. */
#define MEMORY_KEPT (64 * 1024 * 1024)
#define MEMORY_STEP (8 * 1024 * 1024)

int main(int argc, char **argv)
{
        (void)mallopt(M_TRIM_THRESHOLD, MEMORY_KEPT);
        (void)mallopt(M_TOP_PAD, MEMORY_STEP);
        (void)mallopt(M_MXFAST, 0);    /* or a large block merges thousands of small ones, again and again */
        (void)setlocale(LC_CTYPE, ""); /* for the width of what libsmartcols prints */
        return command_run(argc - 1, (const char *const *)argv + 1);
}
