/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_CORE_STALL_H
#define CLU_CLUSTERD_CORE_STALL_H

/* A guest here that its disk failed, until it goes on: README.md, "Storage pause". For the files of this
 * folder alone. */

#include <stdbool.h>
#include <stdint.h>

struct looked_at;

/* What this node knows of it. */
struct local_stall {
        uint64_t since_ms;   /* it stands still; 0: it does not */
        uint64_t resumed_ms; /* when it was last seen to go on; 0: never */
        uint64_t next_ms;    /* it is not tried before */
        uint32_t wait_ms;    /* to the try after that */
        bool reached;        /* its volumes were all there at the last look */
};

/* Of a role that is online here. */
void stall_see_to(struct looked_at *at);

#endif
