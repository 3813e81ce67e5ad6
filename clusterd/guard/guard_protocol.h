/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_GUARD_GUARD_PROTOCOL_H
#define CLU_CLUSTERD_GUARD_GUARD_PROTOCOL_H

/*
 * What clusterd and the guard keeper tell each other: orders over a datagram
 * socket, reports in a small file. And what the keepers tell themselves and
 * each other.
 * All times are CLOCK_BOOTTIME of this host in milliseconds.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clusterd/base/node_set.h"

#define GUARD_SOCKET_NAME "guard.sock" /* in the run directory */
#define GUARD_REPORT_NAME "guard"
#define GUARD_GROUP       "clu-guard"

/* Who has a vote at the end of a history, and where that is: the word of the later end counts. */
struct guard_voters {
        node_set nodes;  /* 0: not told */
        node_set before; /* 0, unless the change from these is not known to be committed */
        uint64_t epoch, index;
};

#define GUARD_VOTERS_BYTES 32

/* From clusterd: at each change and every second; the last one counts, also after clusterd has died. */
struct guard_order {
        bool armed; /* guests run here, or may */
        uint32_t isolation_hold_ms;
        uint32_t stop_grace_ms;
        uint32_t watchdog_ms;
        uint64_t contact_ms; /* as clusterd itself knows of it; 0: none to tell */
        struct guard_voters voters;
        uint32_t arming;          /* a new number for each change of armed: which one a report answers */
        uint64_t leased_until_ms; /* until then leases keep all that runs here, without contact; 0: they do
                                     not */
};

#define GUARD_ORDER_BYTES (40 + GUARD_VOTERS_BYTES)

void guard_order_encode(const struct guard_order *order, uint8_t ret_bytes[GUARD_ORDER_BYTES]);
/* -EBADMSG: not an order, or times that cannot be meant: zero, or a sum over a day. */
int guard_order_decode(const uint8_t *bytes, size_t count, struct guard_order *ret_order);

/* A message of the keeper to itself, by way of the whole ring; others read the voters in it. */
struct guard_probe {
        uint64_t keeper; /* random, of the process */
        uint64_t number;
        uint64_t ring;              /* in which it was sent; that may be another than it comes back in */
        struct guard_voters voters; /* the latest that it knows of; nodes 0: it cannot vouch for its node */
};

#define GUARD_PROBE_BYTES (28 + GUARD_VOTERS_BYTES)

void guard_probe_encode(const struct guard_probe *probe, uint8_t ret_bytes[GUARD_PROBE_BYTES]);
int guard_probe_decode(const uint8_t *bytes, size_t count, struct guard_probe *ret_probe); /* -EBADMSG */

/* To clusterd, and to the keeper's next process. */
struct guard_report {
        uint64_t contact_ms; /* 0: none yet since the host started */
        bool watchdog;       /* one stands behind us: see README.md for what that is worth before arming */
        struct guard_order order;
};

#define GUARD_REPORT_BYTES 320

/* A line of key=value; the bytes without the closing zero. */
size_t guard_report_print(const struct guard_report *report, char ret_text[GUARD_REPORT_BYTES]);
int guard_report_parse(const char *text, struct guard_report *ret_report); /* -EBADMSG */

#endif
