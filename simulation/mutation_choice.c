/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "simulation/mutation_choice.h"

#include <string.h>

#include "clusterd/base/mutation.h"

#ifdef CLU_MUTATIONS

#define MUTATION_ROW(name, file, rule) { #name, file, rule },
static const struct {
        const char *name, *file, *rule;
} rows[MUTATION_COUNT] = { { "NONE", "", "" }, MUTATIONS(MUTATION_ROW) };

enum mutation mutation_chosen;

bool mutation_choose(const char *name)
{
        for (int i = 0; i < MUTATION_COUNT; i++) {
                if (strcmp(rows[i].name, name) != 0)
                        continue;
                mutation_chosen = (enum mutation)i;
                return true;
        }
        return false;
}

void mutations_print(FILE *stream)
{
        for (int i = MUTATION_NONE + 1; i < MUTATION_COUNT; i++)
                (void)fprintf(stream, "%s\t%s\t%s\n", rows[i].name, rows[i].file, rows[i].rule);
}

#else

bool mutation_choose(const char *name)
{
        (void)name;
        return false;
}

void mutations_print(FILE *stream)
{
        (void)stream;
}

#endif
