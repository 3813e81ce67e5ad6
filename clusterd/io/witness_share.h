/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_WITNESS_SHARE_H
#define CLU_CLUSTERD_IO_WITNESS_SHARE_H

/*
 * The witness of kind `share`, for the loop: a thread of its own asks the file,
 * and a share that hangs is a witness that is silent, never a daemon that is.
 */

#include "clusterd/io/mailbox.h"
#include "clusterd/io/witness_file.h"

struct witness_share;

/* Once for each question, on the loop thread, never from within witness_share_ask(). */
typedef void (*witness_on_answer)(void *context, const struct witness_question *question,
                                  const struct witness_answer *answer);

/* path: of the file. 0 or negative errno. */
int witness_share_new(qb_loop_t *loop, struct mailbox *mailbox, const char *path, const struct witness_id *id,
                      witness_on_answer on_answer, void *context, struct witness_share **ret_share);
/* From the loop thread. No answer comes after it. Does not wait: a thread that hangs ends when it can. */
void witness_share_free(struct witness_share *share);

/*
 * Answered within timeout_ms: with -ETIMEDOUT when the share was silent, and then with -EBUSY as long as it
 * has not come back to us. One question at a time. What comes late is dropped: it may have been done.
 */
void witness_share_ask(struct witness_share *share, const struct witness_question *question,
                       uint32_t timeout_ms);

#endif
