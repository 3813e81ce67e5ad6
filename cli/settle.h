/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLI_SETTLE_H
#define CLU_CLI_SETTLE_H

/*
 * Has the work that a verb started come to its end? A pure reading of the
 * document of the role or node it is about, asked again and again.
 */

#include <jansson.h>

#include "clusterd/protocol/verb.h"

enum settle_state { SETTLE_GOES_ON, SETTLE_DONE, SETTLE_FAILED };

#define SETTLE_TEXT_BYTES 512

struct settle_verdict {
        enum settle_state state;
        char text[SETTLE_TEXT_BYTES]; /* one line: where it is, how it ended, or why it failed */
        int percent;                  /* of a move or drain; -1: not known */
        int mib_s;
};

/* What the reply to the verb said. */
struct settle_goal {
        json_int_t index;        /* entry of the command */
        json_int_t roles_before; /* on the node when a drain began, or still to come back when a resume did */
        const char *target;      /* of a move; NULL: not known. Borrowed */
};

/* document: result of role.show or node.show, not older than the goal's entry. */
void settle_read(const struct verb *verb, json_t *document, const struct settle_goal *goal,
                 struct settle_verdict *ret_verdict);

#endif
