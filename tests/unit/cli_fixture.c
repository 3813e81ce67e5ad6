/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/cli_fixture.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/ipc_client.h"
#include "clusterd/base/text.h"

static const struct answer *answers;
static size_t answer_count;

size_t asked;
char last_request[8192];

int ipc_call(const char *service, const char *text, size_t bytes, int timeout_ms, char **ret_reply,
             size_t *ret_bytes)
{
        const struct answer *answer = &answers[asked < answer_count ? asked : answer_count - 1];
        (void)service;
        ck_assert_int_gt(timeout_ms, 0);
        ck_assert_uint_lt(bytes, sizeof(last_request));
        memcpy(last_request, text, bytes + 1);
        asked++;
        if (answer->error < 0)
                return answer->error;
        *ret_reply = strdup(answer->text);
        *ret_bytes = strlen(answer->text);
        return 0;
}

char output[65536];

int run(const char *line, const struct answer *list, size_t count)
{
        char copy[512], path[] = "/tmp/clu-test-XXXXXX";
        const char *words[32];
        int word_count = 0, file = mkstemp(path), out = dup(1), err = dup(2);

        ck_assert_int_ge(file, 0);
        (void)unlink(path);
        TEXT_COPY(copy, line);
        for (char *word = strtok(copy, " "); word != NULL; word = strtok(NULL, " "))
                words[word_count++] = word;
        answers = list;
        answer_count = count;
        asked = 0;
        (void)fflush(NULL);
        (void)dup2(file, 1);
        (void)dup2(file, 2);
        int status = command_run(word_count, words);
        (void)fflush(NULL);
        (void)dup2(out, 1);
        (void)dup2(err, 2);
        ssize_t bytes = pread(file, output, sizeof(output) - 1, 0);
        output[bytes < 0 ? 0 : bytes] = '\0';
        (void)close(file);
        (void)close(out);
        (void)close(err);
        return status;
}
