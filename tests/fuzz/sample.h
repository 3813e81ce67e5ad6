/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_TESTS_FUZZ_SAMPLE_H
#define CLU_TESTS_FUZZ_SAMPLE_H

/*
 * Valid commands, messages and objects out of a seed, extremes among them.
 * Every field is set by hand here, not by the codec's tables: a field that a
 * table forgot shows as a difference after a round trip.
 */

#include "clusterd/protocol/codec.h"

struct sample_random {
        uint64_t state;
};

uint64_t sample_number(struct sample_random *random);
uint64_t sample_below(struct sample_random *random, uint64_t limit);

/* All bytes of the result are set, padding to zero. */
void sample_command(struct sample_random *random, enum command_kind kind, struct command *ret_command);
void sample_object(struct sample_random *random, enum object_kind kind, struct object *ret_object);

/* Texts are borrowed from the sample. */
struct sample_message {
        struct message message;
        char *command_text; /* owned */
        char definition[4096];
};

void sample_message(struct sample_random *random, enum message_kind kind, struct sample_message *ret_sample);
void sample_message_release(struct sample_message *sample);

#endif
