/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "csv-storage/lease_timings.h"

#include <inttypes.h>
#include <stdio.h>

#define RENEW_LEAST_MS    100  /* three I/Os each: more often costs more than it brings */
#define STOP_LEAST_MS     500  /* destroying a guest takes libvirt 50 to 300 ms */
#define WATCHDOG_LEAST_MS 1000 /* devices count in whole seconds */
#define EXPIRY_MOST_MS    600000

/* Renewals that fit between the begin of one that succeeded and the stop: one may hang, one may fail. */
#define RENEWALS_LEAST 3

/* Of the margin: a petting decided before the lapse reaches the device this much later at most. */
#define PETTING_MS 200
/* And two clocks drift apart by a thousandth, if both are slewed as fast as NTP does; ten times that. */
#define DRIFT_PART 100

const struct lease_timings lease_timings_default = {
        .renew_ms = 1000,
        .lease_ms = 5000,
        .stop_ms = 2000,
        .watchdog_ms = 5000,
        .margin_ms = 1000,
};

static uint64_t guarded_ms(const struct lease_timings *timings)
{
        return (uint64_t)timings->lease_ms + timings->watchdog_ms;
}

static uint64_t margin_least_ms(const struct lease_timings *timings)
{
        return PETTING_MS + guarded_ms(timings) / DRIFT_PART;
}

static uint64_t lease_least_ms(const struct lease_timings *timings)
{
        return (uint64_t)RENEWALS_LEAST * timings->renew_ms + timings->stop_ms;
}

enum lease_timings_verdict lease_timings_check(const struct lease_timings *timings)
{
        if (timings->renew_ms < RENEW_LEAST_MS)
                return LEASE_TIMINGS_RENEW_SHORT;
        if (timings->stop_ms < STOP_LEAST_MS)
                return LEASE_TIMINGS_STOP_SHORT;
        if (timings->lease_ms < lease_least_ms(timings))
                return LEASE_TIMINGS_LEASE_SHORT;
        if (timings->watchdog_ms != 0 && timings->watchdog_ms < WATCHDOG_LEAST_MS)
                return LEASE_TIMINGS_WATCHDOG_SHORT;
        if (timings->margin_ms < margin_least_ms(timings))
                return LEASE_TIMINGS_MARGIN_SHORT;
        if (guarded_ms(timings) + timings->margin_ms > EXPIRY_MOST_MS)
                return LEASE_TIMINGS_LONG;
        return LEASE_TIMINGS_OK;
}

bool lease_timings_equal(const struct lease_timings *a, const struct lease_timings *b)
{
        return a->renew_ms == b->renew_ms && a->lease_ms == b->lease_ms && a->stop_ms == b->stop_ms &&
               a->watchdog_ms == b->watchdog_ms && a->margin_ms == b->margin_ms;
}

uint32_t lease_timings_expiry_ms(const struct lease_timings *timings)
{
        return timings->lease_ms + timings->watchdog_ms + timings->margin_ms;
}

static void explain_set(const struct lease_timings *timings, char *text)
{
        (void)snprintf(text, LEASE_TIMINGS_TEXT_BYTES,
                       "renewed every %" PRIu32 " ms; guests are stopped after %" PRIu32
                       " ms without a renewal, the lease lapses after %" PRIu32
                       ", the watchdog has fired after %" PRIu64 ", others may take over after %" PRIu32,
                       timings->renew_ms, timings->lease_ms - timings->stop_ms, timings->lease_ms,
                       guarded_ms(timings), lease_timings_expiry_ms(timings));
}

void lease_timings_explain(const struct lease_timings *timings, char ret_text[LEASE_TIMINGS_TEXT_BYTES])
{
        switch (lease_timings_check(timings)) {
        case LEASE_TIMINGS_OK:
                explain_set(timings, ret_text);
                return;
        case LEASE_TIMINGS_RENEW_SHORT:
                (void)snprintf(ret_text, LEASE_TIMINGS_TEXT_BYTES,
                               "renewing every %" PRIu32 " ms: at least %d", timings->renew_ms,
                               RENEW_LEAST_MS);
                return;
        case LEASE_TIMINGS_STOP_SHORT:
                (void)snprintf(ret_text, LEASE_TIMINGS_TEXT_BYTES,
                               "%" PRIu32 " ms to stop guests before the lapse: at least %d",
                               timings->stop_ms, STOP_LEAST_MS);
                return;
        case LEASE_TIMINGS_LEASE_SHORT:
                (void)snprintf(ret_text, LEASE_TIMINGS_TEXT_BYTES,
                               "a lease of %" PRIu32 " ms: at least %d renewals of %" PRIu32
                               " ms and %" PRIu32 " ms to stop guests, %" PRIu64 " ms",
                               timings->lease_ms, RENEWALS_LEAST, timings->renew_ms, timings->stop_ms,
                               lease_least_ms(timings));
                return;
        case LEASE_TIMINGS_WATCHDOG_SHORT:
                (void)snprintf(ret_text, LEASE_TIMINGS_TEXT_BYTES,
                               "a watchdog of %" PRIu32 " ms: at least %d", timings->watchdog_ms,
                               WATCHDOG_LEAST_MS);
                return;
        case LEASE_TIMINGS_MARGIN_SHORT:
                (void)snprintf(ret_text, LEASE_TIMINGS_TEXT_BYTES,
                               "a margin of %" PRIu32
                               " ms: at least %d ms and a %dth of lease and watchdog, %" PRIu64 " ms",
                               timings->margin_ms, PETTING_MS, DRIFT_PART, margin_least_ms(timings));
                return;
        case LEASE_TIMINGS_LONG:
                (void)snprintf(ret_text, LEASE_TIMINGS_TEXT_BYTES,
                               "lease, watchdog and margin are %" PRIu64 " ms: at most %d",
                               guarded_ms(timings) + timings->margin_ms, EXPIRY_MOST_MS);
                return;
        }
}
