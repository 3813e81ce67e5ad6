/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/confirm.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/call.h"
#include "clusterd/base/text.h"

static bool is_yes(char *line)
{
        line[strcspn(line, "\n")] = '\0';
        return text_equal(line, "yes");
}

bool confirm(const struct verb_call *call, json_t **ret_error, enum verb_exit *ret_exit)
{
        const char *name = call->operand == NULL ? "" : call->operand;
        char line[16], message[VERB_ERROR_BYTES];

        if (call->verb->risk == NULL || !verb_call_changes(call) || call->plan || verb_call_has(call, "yes"))
                return true;
        *ret_exit = VERB_EXIT_REFUSED;
        TEXT_PRINT(message, "%s %s %s: %s", call->verb->noun, call->verb->name, name, call->verb->risk);
        if (call->json || !isatty(STDIN_FILENO)) {
                *ret_error = call_error(message, "what risks something is confirmed",
                                        "add --yes if that is meant, or --plan to see what would happen");
                return false;
        }
        fprintf(stderr, "%s\nType yes if that is meant: ", message);
        if (fgets(line, sizeof line, stdin) != NULL && is_yes(line))
                return true;
        *ret_error = call_error("nothing was done", NULL, NULL);
        return false;
}
