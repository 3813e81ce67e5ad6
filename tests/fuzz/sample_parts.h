/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_TESTS_FUZZ_SAMPLE_PARTS_H
#define CLU_TESTS_FUZZ_SAMPLE_PARTS_H

/* Numbers, texts and sets at random: what objects, commands and messages are made of. For sample*.c alone. */

#include <string.h>

#include "tests/fuzz/sample.h"

/* 0, the greatest, a small or any one. */
static inline uint64_t integer(struct sample_random *random, uint64_t max)
{
        switch (sample_below(random, 4)) {
        case 0:
                return 0;
        case 1:
                return max;
        case 2:
                return sample_below(random, 1000) % (max == UINT64_MAX ? max : max + 1);
        default:
                return max == UINT64_MAX ? sample_number(random) : sample_below(random, max + 1);
        }
}

static inline uint32_t integer32(struct sample_random *random)
{
        return (uint32_t)integer(random, UINT32_MAX);
}

static inline uint64_t counter(struct sample_random *random)
{
        return integer(random, INT64_MAX);
}

static inline uint64_t identity(struct sample_random *random)
{
        return integer(random, UINT64_MAX);
}

static inline bool either(struct sample_random *random)
{
        return sample_below(random, 2) == 1;
}

static inline uint32_t node(struct sample_random *random)
{
        return 1 + (uint32_t)sample_below(random, NODES_MAX);
}

static inline uint32_t node_or_none(struct sample_random *random)
{
        return either(random) ? NODE_NONE : node(random);
}

static inline node_set nodes(struct sample_random *random)
{
        return integer(random, UINT64_MAX);
}

#define ANY(random, count) ((unsigned int)sample_below((random), (count)))

static inline void hash(struct sample_random *random, uint8_t *bytes)
{
        for (size_t i = 0; i < HASH_BYTES; i++)
                bytes[i] = (uint8_t)sample_number(random);
}

#define TEXT(random, array) text((random), (array), sizeof(array))
#define NAME(random, array) name((random), (array), sizeof(array))

/* What needs escaping, and every length of UTF-8. */
static const char *const pieces[] = {
        "a", " word", "\"", "\\", "\n", "\t", "/", "\x01", "\x7f", "ä", "€", "😀"
};

static inline void text(struct sample_random *random, char *array, size_t array_bytes)
{
        size_t wanted = (size_t)integer(random, array_bytes - 1);
        size_t used = 0;
        while (used < wanted) {
                const char *piece = pieces[sample_below(random, sizeof(pieces) / sizeof(pieces[0]))];
                if (strlen(piece) > wanted - used)
                        piece = "x";
                memcpy(array + used, piece, strlen(piece));
                used += strlen(piece);
        }
}

static inline void name(struct sample_random *random, char *array, size_t array_bytes)
{
        static const char letters[] = "abcXYZ0189._-";
        size_t length = 1 + (size_t)integer(random, array_bytes - 2);
        for (size_t i = 0; i < length; i++)
                array[i] = letters[sample_below(random, i == 0 ? 10 : sizeof(letters) - 1)];
}

static inline void evidence(struct sample_random *random, struct evidence *evidence)
{
        evidence->kind = ANY(random, EVIDENCE_COUNT);
        evidence->index = counter(random);
        TEXT(random, evidence->text);
}

#endif
