/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CSV_STORAGE_LEASE_TIMINGS_H
#define CLU_CSV_STORAGE_LEASE_TIMINGS_H

/*
 * The times of a lease, which are safe only as a whole: how often it is
 * renewed, when its guests are stopped, when it lapses, when the watchdog has
 * fired, and when others may rely on all that. README.md draws them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lease_timings {
        uint32_t renew_ms;    /* from the begin of one renewal to the next */
        uint32_t lease_ms;    /* from the begin of the last renewal that succeeded until it lapses */
        uint32_t stop_ms;     /* guests are stopped this long before that */
        uint32_t watchdog_ms; /* at most from the lapse until the host is reset; 0: no watchdog */
        uint32_t margin_ms;   /* added by observers: clocks that drift, a petting under way */
};

extern const struct lease_timings lease_timings_default;

enum lease_timings_verdict {
        LEASE_TIMINGS_OK,
        LEASE_TIMINGS_RENEW_SHORT,
        LEASE_TIMINGS_STOP_SHORT,
        LEASE_TIMINGS_LEASE_SHORT,
        LEASE_TIMINGS_WATCHDOG_SHORT,
        LEASE_TIMINGS_MARGIN_SHORT,
        LEASE_TIMINGS_LONG
};

/* Checks a set as a whole. Without a watchdog all but the watchdog is checked. */
enum lease_timings_verdict lease_timings_check(const struct lease_timings *timings);

bool lease_timings_equal(const struct lease_timings *a, const struct lease_timings *b);

/* What an observer waits for from the last sign of life: lapse, watchdog and margin. */
uint32_t lease_timings_expiry_ms(const struct lease_timings *timings);

#define LEASE_TIMINGS_TEXT_BYTES 256

/* The verdict with its arithmetic, for people: which sum does not come out, or what the set means. */
void lease_timings_explain(const struct lease_timings *timings, char ret_text[LEASE_TIMINGS_TEXT_BYTES]);

#endif
