/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/scope.h"

/* By text: the structs point to texts of their own. */
static void check_again(const struct message *message)
{
        struct message_decoded second;
        char error[CODEC_ERROR_BYTES];
        size_t first_bytes, second_bytes;
        SCOPED_FREE char *first_text = message_encode(message, &first_bytes);
        assert(memchr(first_text, '\n', first_bytes) == NULL);
        int result = message_decode(first_text, first_bytes, &second, error);
        assert(result == 0);
        SCOPED_FREE char *second_text = message_encode(&second.message, &second_bytes);
        assert(first_bytes == second_bytes);
        assert(memcmp(first_text, second_text, first_bytes) == 0);
        message_decoded_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
        struct message_lines lines = { .at = (const char *)bytes, .end = (const char *)bytes + count };
        struct message_decoded decoded;
        char error[CODEC_ERROR_BYTES];
        while (lines.at != NULL && message_decode_next(&lines, &decoded, error) == 0) {
                check_again(&decoded.message);
                message_decoded_free(&decoded);
        }
        return 0;
}

static char *encode_one(struct sample_random *random)
{
        struct sample_message sample;
        sample_message(random, (enum message_kind)sample_below(random, MESSAGE_COUNT), &sample);
        char *text = message_encode(&sample.message, NULL);
        sample_message_release(&sample);
        return text;
}

/* As a multicast: one message or two. */
char *fuzz_seed(struct sample_random *random)
{
        char *text = NULL, *first = encode_one(random);
        if (sample_below(random, 2) == 0)
                return first;
        SCOPED_FREE char *second = encode_one(random);
        if (asprintf(&text, "%s\n%s", first, second) < 0)
                abort();
        free(first);
        return text;
}
