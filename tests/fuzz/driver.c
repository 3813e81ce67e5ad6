/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/scope.h"

/*
 * fuzz_x FILE...          each file once, as a fuzzer left it
 * fuzz_x [RUNS [SEED]]    mutations of valid inputs; the same seed gives the same run
 */

#define RUNS_DEFAULT 20000
#define INPUT_BYTES  16384

static void mutate_byte(struct sample_random *random, uint8_t *input, size_t *bytes)
{
        if (*bytes > 0)
                input[sample_below(random, *bytes)] = (uint8_t)sample_number(random);
}

static void mutate_bit(struct sample_random *random, uint8_t *input, size_t *bytes)
{
        if (*bytes > 0)
                input[sample_below(random, *bytes)] ^= (uint8_t)(1u << sample_below(random, 8));
}

static void mutate_cut(struct sample_random *random, uint8_t *input, size_t *bytes)
{
        if (*bytes == 0)
                return;
        size_t from = sample_below(random, *bytes);
        size_t count = 1 + sample_below(random, 8);
        if (count > *bytes - from)
                count = *bytes - from;
        memmove(input + from, input + from + count, *bytes - from - count);
        *bytes -= count;
}

/* JSON's own words go wrong in more interesting ways than noise. */
static void mutate_insert(struct sample_random *random, uint8_t *input, size_t *bytes)
{
        static const char *const words[] = { "{",      "}",    "[",       "]",           "\"",      ",",
                                             ":",      "null", "-1",      "1e9",         "\\u0000", "true",
                                             "\xff",   "\xc3", "0",       "99999999999", "65",      "\"\"",
                                             "[[[[[[", "{}",   "\\ud800", "4294967296" };
        const char *word = words[sample_below(random, sizeof(words) / sizeof(words[0]))];
        size_t count = strlen(word);
        if (*bytes + count > INPUT_BYTES)
                return;
        size_t at = sample_below(random, *bytes + 1);
        memmove(input + at + count, input + at, *bytes - at);
        memcpy(input + at, word, count);
        *bytes += count;
}

static void mutate(struct sample_random *random, uint8_t *input, size_t *bytes)
{
        switch (sample_below(random, 4)) {
        case 0:
                mutate_byte(random, input, bytes);
                return;
        case 1:
                mutate_bit(random, input, bytes);
                return;
        case 2:
                mutate_cut(random, input, bytes);
                return;
        default:
                mutate_insert(random, input, bytes);
        }
}

static void run_mutations(uint64_t runs, uint64_t seed)
{
        static uint8_t input[INPUT_BYTES];
        struct sample_random random = { .state = seed };
        for (uint64_t run = 0; run < runs; run++) {
                SCOPED_FREE char *text = fuzz_seed(&random);
                size_t bytes = strlen(text) < sizeof(input) ? strlen(text) : sizeof(input);
                memcpy(input, text, bytes);
                for (uint64_t left = 1 + sample_below(&random, 4); left > 0; left--)
                        mutate(&random, input, &bytes);
                LLVMFuzzerTestOneInput(input, bytes);
        }
}

static int run_file(const char *path)
{
        static uint8_t input[2 * MESSAGE_BYTES];
        FILE *file = fopen(path, "rb");
        if (file == NULL) {
                perror(path);
                return 1;
        }
        size_t bytes = fread(input, 1, sizeof(input), file);
        (void)fclose(file);
        LLVMFuzzerTestOneInput(input, bytes);
        return 0;
}

static bool number_parse(const char *text, uint64_t *ret_number)
{
        char *end;
        uint64_t number = strtoull(text, &end, 0);
        if (*text == '\0' || *end != '\0')
                return false;
        *ret_number = number;
        return true;
}

int main(int argc, char **argv)
{
        uint64_t runs = RUNS_DEFAULT;
        uint64_t seed = 1;
        int failures = 0;
        if (argc > 1 && !number_parse(argv[1], &runs)) {
                for (int i = 1; i < argc; i++)
                        failures += run_file(argv[i]);
                return failures == 0 ? 0 : 1;
        }
        if (argc > 2 && !number_parse(argv[2], &seed))
                return 2;
        (void)printf("%llu mutations, seed %llu\n", (unsigned long long)runs, (unsigned long long)seed);
        (void)fflush(stdout);
        run_mutations(runs, seed);
        return 0;
}
