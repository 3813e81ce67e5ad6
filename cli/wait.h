/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLI_WAIT_H
#define CLU_CLI_WAIT_H

/* Waits for the work that a changing verb started, and shows how it goes on. */

#include "cli/call.h"

/*
 * accepted: the reply to the verb itself; *ret_reply becomes what the role or node is in the end, or an
 * error: exit 1 when the work failed, 6 at deadline_ms.
 */
void wait_settled(const struct verb_call *call, const struct call_reply *accepted, int64_t deadline_ms,
                  struct call_reply *ret_reply);

#endif
