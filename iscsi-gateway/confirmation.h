/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_ISCSI_GATEWAY_CONFIRMATION_H
#define CLU_ISCSI_GATEWAY_CONFIRMATION_H

/*
 * What a gateway asks clusterd once it has registered: was this node in contact with the cluster since, and
 * may it still run this guest? Without that nothing is written. There is no other answer than yes; it asks
 * until that comes, also a clusterd that is started meanwhile. csv-storage/README.md, "Confirmed".
 */

#include <stdbool.h>
#include <stdint.h>

struct confirmation {
        const char *socket; /* of clusterd */
        const char *role;
        const char *generation; /* by which this guest came here: passed on as it was given */
        int fd;                 /* -1: not connected */
        uint64_t ask_ms;        /* again, then */
};

/* What was asked before is of an earlier registration: its answer is not heard any more. */
void confirmation_begin(struct confirmation *confirmation);
/* Asks, when that is due. True: it has been answered. Never waits. */
bool confirmation_step(struct confirmation *confirmation, uint64_t now_ms);
/* The same, waiting for it. */
bool confirmation_wait(struct confirmation *confirmation, uint32_t timeout_ms);

#endif
