/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <string.h>

#include "clusterd/base/scope.h"

/* By text: the structs point to texts of their own. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
        struct message_decoded first, second;
        char error[CODEC_ERROR_BYTES];
        if (message_decode(bytes, count, &first, error) < 0)
                return 0;
        size_t first_bytes, second_bytes;
        SCOPED_FREE char *first_text = message_encode(&first.message, &first_bytes);
        int result = message_decode(first_text, first_bytes, &second, error);
        assert(result == 0);
        SCOPED_FREE char *second_text = message_encode(&second.message, &second_bytes);
        assert(first_bytes == second_bytes);
        assert(memcmp(first_text, second_text, first_bytes) == 0);
        message_decoded_free(&first);
        message_decoded_free(&second);
        return 0;
}

char *fuzz_seed(struct sample_random *random)
{
        struct sample_message sample;
        sample_message(random, (enum message_kind)sample_below(random, MESSAGE_COUNT), &sample);
        char *text = message_encode(&sample.message, NULL);
        sample_message_release(&sample);
        return text;
}
