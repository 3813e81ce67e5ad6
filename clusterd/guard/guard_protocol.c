/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/guard/guard_protocol.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ORDER_MAGIC UINT32_C(0x434c4732) /* "CLG2" */
#define PROBE_MAGIC UINT32_C(0x434c5031) /* "CLP1" */

#define DAY_MS UINT64_C(86400000)

static uint8_t *put32(uint8_t *at, uint32_t value)
{
        for (int shift = 24; shift >= 0; shift -= 8)
                *at++ = (uint8_t)(value >> shift);
        return at;
}

static uint8_t *put64(uint8_t *at, uint64_t value)
{
        return put32(put32(at, (uint32_t)(value >> 32)), (uint32_t)value);
}

static uint8_t *put_voters(uint8_t *at, const struct guard_voters *voters)
{
        at = put64(at, voters->nodes);
        at = put64(at, voters->before);
        at = put64(at, voters->epoch);
        return put64(at, voters->index);
}

static uint32_t get32(const uint8_t *at)
{
        return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | (uint32_t)at[3];
}

static uint64_t get64(const uint8_t *at)
{
        return (uint64_t)get32(at) << 32 | get32(at + 4);
}

static struct guard_voters get_voters(const uint8_t *at)
{
        return (struct guard_voters){
                .nodes = get64(at),
                .before = get64(at + 8),
                .epoch = get64(at + 16),
                .index = get64(at + 24),
        };
}

static bool order_is_sane(const struct guard_order *order)
{
        uint64_t sum = (uint64_t)order->isolation_hold_ms + order->stop_grace_ms + order->watchdog_ms;
        return order->isolation_hold_ms > 0 && order->watchdog_ms > 0 && sum <= DAY_MS;
}

void guard_order_encode(const struct guard_order *order, uint8_t ret_bytes[GUARD_ORDER_BYTES])
{
        uint8_t *at = put32(ret_bytes, ORDER_MAGIC);
        at = put32(at, order->armed ? 1 : 0);
        at = put32(at, order->isolation_hold_ms);
        at = put32(at, order->stop_grace_ms);
        at = put32(at, order->watchdog_ms);
        at = put64(at, order->contact_ms);
        at = put_voters(at, &order->voters);
        at = put32(at, order->arming);
        at = put64(at, order->leased_until_ms);
        assert(at == ret_bytes + GUARD_ORDER_BYTES);
}

int guard_order_decode(const uint8_t *bytes, size_t count, struct guard_order *ret_order)
{
        if (count != GUARD_ORDER_BYTES || get32(bytes) != ORDER_MAGIC || get32(bytes + 4) > 1)
                return -EBADMSG;
        struct guard_order order = {
                .armed = get32(bytes + 4) == 1,
                .isolation_hold_ms = get32(bytes + 8),
                .stop_grace_ms = get32(bytes + 12),
                .watchdog_ms = get32(bytes + 16),
                .contact_ms = get64(bytes + 20),
                .voters = get_voters(bytes + 28),
                .arming = get32(bytes + 28 + GUARD_VOTERS_BYTES),
                .leased_until_ms = get64(bytes + 32 + GUARD_VOTERS_BYTES),
        };
        if (!order_is_sane(&order))
                return -EBADMSG;
        *ret_order = order;
        return 0;
}

void guard_probe_encode(const struct guard_probe *probe, uint8_t ret_bytes[GUARD_PROBE_BYTES])
{
        uint8_t *at = put32(ret_bytes, PROBE_MAGIC);
        at = put64(at, probe->keeper);
        at = put64(at, probe->number);
        at = put64(at, probe->ring);
        at = put_voters(at, &probe->voters);
        assert(at == ret_bytes + GUARD_PROBE_BYTES);
}

int guard_probe_decode(const uint8_t *bytes, size_t count, struct guard_probe *ret_probe)
{
        if (count != GUARD_PROBE_BYTES || get32(bytes) != PROBE_MAGIC)
                return -EBADMSG;
        ret_probe->keeper = get64(bytes + 4);
        ret_probe->number = get64(bytes + 12);
        ret_probe->ring = get64(bytes + 20);
        ret_probe->voters = get_voters(bytes + 28);
        return 0;
}

static const char *yes_no(bool value)
{
        return value ? "yes" : "no";
}

static int yes_no_parse(const char *text, bool *ret_value)
{
        if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
                return -EBADMSG;
        *ret_value = text[0] == 'y';
        return 0;
}

size_t guard_report_print(const struct guard_report *report, char ret_text[GUARD_REPORT_BYTES])
{
        const struct guard_voters *voters = &report->order.voters;
        int length = snprintf(
                ret_text, GUARD_REPORT_BYTES,
                "contact_ms=%" PRIu64 " armed=%s arming=%" PRIu32 " watchdog=%s isolation_hold_ms=%" PRIu32
                " stop_grace_ms=%" PRIu32 " watchdog_ms=%" PRIu32 " voters=%" PRIx64 " voters_before=%" PRIx64
                " voters_epoch=%" PRIu64 " voters_index=%" PRIu64 " leased_until_ms=%" PRIu64 " end\n",
                report->contact_ms, yes_no(report->order.armed), report->order.arming,
                yes_no(report->watchdog), report->order.isolation_hold_ms, report->order.stop_grace_ms,
                report->order.watchdog_ms, voters->nodes, voters->before, voters->epoch, voters->index,
                report->order.leased_until_ms);
        assert(length > 0 && length < GUARD_REPORT_BYTES);
        return (size_t)length;
}

int guard_report_parse(const char *text, struct guard_report *ret_report)
{
        struct guard_report report = { .contact_ms = 0 };
        char armed[4], watchdog[4];
        struct guard_voters *voters = &report.order.voters;
        int end = 0;
        int count = sscanf(
                text,
                "contact_ms=%" SCNu64 " armed=%3s arming=%" SCNu32 " watchdog=%3s isolation_hold_ms=%" SCNu32
                " stop_grace_ms=%" SCNu32 " watchdog_ms=%" SCNu32 " voters=%" SCNx64 " voters_before=%" SCNx64
                " voters_epoch=%" SCNu64 " voters_index=%" SCNu64 " leased_until_ms=%" SCNu64 " end%n",
                &report.contact_ms, armed, &report.order.arming, watchdog, &report.order.isolation_hold_ms,
                &report.order.stop_grace_ms, &report.order.watchdog_ms, &voters->nodes, &voters->before,
                &voters->epoch, &voters->index, &report.order.leased_until_ms, &end);
        if (count != 12 || end == 0 || strcmp(text + end, "\n") != 0 ||
            yes_no_parse(armed, &report.order.armed) != 0 || yes_no_parse(watchdog, &report.watchdog) != 0)
                return -EBADMSG;
        /* Before the first order all its times are zero. */
        if (report.order.armed && !order_is_sane(&report.order))
                return -EBADMSG;
        *ret_report = report;
        return 0;
}
