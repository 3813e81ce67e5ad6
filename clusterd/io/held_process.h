/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_HELD_PROCESS_H
#define CLU_CLUSTERD_IO_HELD_PROCESS_H

/*
 * A process that outlives clusterd, found again by a lock that it holds: a file in which its id stands. The
 * kernel gives the lock free when the last thread of it has gone, so nothing that it asked for is on its way
 * any more. Blocks; for worker threads.
 */

#include <stdbool.h>

#include "clusterd/base/limits.h"

bool held_process_is_there(const char *lock);

/*
 * Starts it, found in PATH, with its output in LOCK.log, and waits until the path `ready` exists. 0, or -1
 * and why: the last that it said; then nothing of it is left, or held_process_end() has to be tried.
 */
int held_process_start(const char *lock, const char *const *argv, const char *ready,
                       char ret_error[REASON_BYTES]);

/* By SIGKILL. 0: nothing of it is there; -ETIMEDOUT: something is, held by the kernel. end: and none that was
 * started here comes late; for locks that held_process_start() has made. */
int held_process_kill(const char *lock);
int held_process_end(const char *lock);

#endif
