/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <string.h>

#include "clusterd/base/scope.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t count)
{
        struct command first, second;
        char error[CODEC_ERROR_BYTES];
        if (command_decode((const char *)bytes, count, &first, error) < 0)
                return 0;
        SCOPED_FREE char *text = command_encode(&first);
        int result = command_decode(text, strlen(text), &second, error);
        assert(result == 0);
        assert(memcmp(&first, &second, sizeof(first)) == 0);
        return 0;
}

char *fuzz_seed(struct sample_random *random)
{
        struct command command;
        sample_command(random, (enum command_kind)sample_below(random, COMMAND_COUNT), &command);
        return command_encode(&command);
}
