/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLI_CONFIRM_H
#define CLU_CLI_CONFIRM_H

/* Asks before a verb that risks something, unless --yes says that it is meant. */

#include <jansson.h>

#include "clusterd/protocol/verb.h"

/* False with *ret_error and its exit: it was not meant, or nobody could be asked. */
bool confirm(const struct verb_call *call, json_t **ret_error, enum verb_exit *ret_exit);

#endif
