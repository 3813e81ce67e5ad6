/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_COPY_CLAIM_H
#define CLU_CLUSTERD_IO_COPY_CLAIM_H

/*
 * A new image that is ours to fill, and to remove again.
 *
 * It has a second name beside the first, of the entry that wanted it: whatever carries both names was made
 * for that copy, by whichever node and process; a file of that name that does not is somebody else's, and
 * stays.
 */

#include <stdint.h>

#include "clusterd/base/limits.h"

/*
 * Makes `to` for what `from` takes on its volume, empty, and as its owner; or finds it made, and empties it.
 * -EEXIST: there is another's file; -ENOSPC: it would not fit; or another errno. *ret_text says it for
 * people.
 */
int copy_claim(const char *from, const char *to, uint64_t index, char ret_text[REASON_BYTES]);

/* Takes the second name away, and `to` if it is ours and shall go. 0, or negative errno: something stays. */
int copy_unclaim(const char *to, uint64_t index, int remove);

#endif
