/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_OPERATOR_WORDS_H
#define CLU_SIMULATION_OPERATOR_WORDS_H

/*
 * A command in clu's words, as the daemon of a node would propose it: parsed
 * by the product's table of verbs, names looked up in that node's model.
 * There are no files in a simulation: FILE of --definition is the memory of
 * the machine ("512MiB"), FILE of --ocf anything.
 */

#include "clusterd/core/model.h"
#include "clusterd/protocol/command.h"
#include "clusterd/protocol/verb.h"

/* 0; -EINVAL with what is wrong; -ENOENT with what does not exist in model. */
int operator_words_read(const char *words, const struct model *model, struct command *ret_command,
                        char ret_error[VERB_ERROR_BYTES]);
/* Whether words are a changing verb with fitting options; names are not looked up. */
int operator_words_check(const char *words, char ret_error[VERB_ERROR_BYTES]);

#endif
