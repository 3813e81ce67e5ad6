/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_QUORUM_MIRROR_H
#define CLU_CLUSTERD_IO_QUORUM_MIRROR_H

/*
 * Tells votequorum what the ledger's voters decided, so that corosync-quorumtool
 * and others who ask corosync hear the same. Nothing here is asked by us.
 */

#include <stdbool.h>
#include <stdint.h>

struct quorum_mirror;

/* node: this one. */
struct quorum_mirror *quorum_mirror_new(uint32_t node);
void quorum_mirror_free(struct quorum_mirror *mirror);

/* All that votequorum is to expect. */
struct quorum_expectation {
        uint32_t nodes;
        bool device;   /* and the vote of its device, a qnetd */
        bool left_out; /* without device: votequorum, which counts the vote of one that it knows, is told that
                          this one has none */
};

/*
 * 0: it does; -EAGAIN: ask again later, for it is being told, or sees another
 * number of nodes at this moment; else negative errno. Does not wait: a corosync
 * that hangs keeps a thread.
 */
int quorum_mirror_expect(struct quorum_mirror *mirror, const struct quorum_expectation *expected);

#endif
