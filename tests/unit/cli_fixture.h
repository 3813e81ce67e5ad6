/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_TESTS_UNIT_CLI_FIXTURE_H
#define CLU_TESTS_UNIT_CLI_FIXTURE_H

/*
 * clu against a daemon that answers from a list: ipc_call below takes the place
 * of the real one. The last answer is given again and again.
 */

#include <stddef.h>

struct answer {
        int error;
        const char *text;
};

extern size_t asked;
extern char last_request[8192];
extern char output[65536]; /* of both streams */

/* Runs a line of words and keeps what it printed. */
int run(const char *line, const struct answer *list, size_t count);

#define RUN(line, ...)                                                                                       \
        run((line), (const struct answer[]){ __VA_ARGS__ },                                                  \
            sizeof((const struct answer[]){ __VA_ARGS__ }) / sizeof(struct answer))

#define DONE(result)                                                                                         \
        {                                                                                                    \
                0, "{\"schema\":\"clu/1\",\"exit\":0,\"result\":" result "}"                                 \
        }
#define FAIL(code, more)                                                                                     \
        {                                                                                                    \
                0, "{\"schema\":\"clu/1\",\"exit\":" code                                                    \
                   ",\"error\":{\"message\":\"so it is\",\"rule\":\"rule 7\"" more "}}"                      \
        }
#define ROLE(state, owner, more)                                                                             \
        "{\"name\":\"vm01\",\"state\":\"" state "\",\"owner\":\"" owner                                      \
        "\",\"target\":\"n2\",\"desired\":\"running\","                                                      \
        "\"generation\":4,\"reason\":\"because\",\"retry_ms\":0,\"since\":{\"index\":50}" more "}"
#define MOVED(succeeded)                                                                                     \
        ",\"last_move\":{\"from\":\"n1\",\"to\":\"n2\",\"succeeded\":" succeeded                             \
        ",\"duration_ms\":3210,\"downtime_ms\":84,"                                                          \
        "\"index\":44}"
#define COPIED(state, succeeded, index, abort_index)                                                         \
        ",\"copy\":{\"state\":\"" state "\",\"disk\":\"vda\",\"from\":\"/csv1/a\",\"to\":\"/csv2/a\","       \
        "\"succeeded\":" succeeded ",\"duration_ms\":2100,\"held_ms\":23,\"index\":" index                   \
        ",\"abort_index\":" abort_index ",\"text\":\"\"}"

#endif
