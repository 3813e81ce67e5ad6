/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLI_CALL_H
#define CLU_CLI_CALL_H

/* Questions to the daemon: a verb and its arguments out, exit, error and result back. */

#include <jansson.h>

#include "clusterd/protocol/verb.h"

struct call_reply {
        enum verb_exit exit;
        json_t *error;  /* NULL when done; owned */
        json_t *result; /* may be NULL; owned */
};

void call_reply_release(struct call_reply *reply);
#define SCOPED_REPLY __attribute__((cleanup(call_reply_release)))

/* An error document of clu's own. rule and remedy may be NULL. */
json_t *call_error(const char *message, const char *rule, const char *remedy);

/* CLOCK_MONOTONIC, milliseconds. */
int64_t call_now_ms(void);

/*
 * Asks until deadline_ms (of call_now_ms) at most. Asks again what the daemon says can be asked again, for a
 * few seconds. Always fills *ret_reply: what goes wrong is exit 6, 7 or 3 with an error. arguments is
 * borrowed.
 */
void call_daemon(const struct verb *verb, json_t *arguments, bool plan, int64_t deadline_ms,
                 struct call_reply *ret_reply);

/* A reply document as the daemon, or `clusterd --verify`, prints it. */
void call_reply_read(const char *text, size_t bytes, struct call_reply *ret_reply);

/* "arguments" of a request: files and passwords are read here. NULL with *ret_error, and its exit. */
json_t *call_arguments(const struct verb_call *call, json_t **ret_error, enum verb_exit *ret_exit);

#endif
