/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_TESTS_FUZZ_FUZZ_H
#define CLU_TESTS_FUZZ_FUZZ_H

/*
 * One fuzz target per program. With clang, link a target with
 * -fsanitize=fuzzer and without driver.c; elsewhere driver.c drives it.
 */

#include <stddef.h>
#include <stdint.h>

#include "tests/fuzz/sample.h"

/* Aborts when a decoder accepts what it cannot say again. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count);

/* One valid input to begin with, freed by free(). */
char *fuzz_seed(struct sample_random *random);

#endif
