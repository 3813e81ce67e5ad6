/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLI_VERIFY_H
#define CLU_CLI_VERIFY_H

/* Checks a ledger file without a running daemon, by `clusterd --verify`: only clusterd knows how to read one.
 */

#include "cli/call.h"

void verify_file(const char *path, struct call_reply *ret_reply);

#endif
