/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/protocol/verb_value.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"

uint32_t verb_duration_ms(const char *text, uint32_t most_ms)
{
        char *unit;
        errno = 0;
        unsigned long number = strtoul(text, &unit, 10);
        uint32_t unit_ms = text_equal(unit, "s")   ? 1000
                           : text_equal(unit, "m") ? 60000
                           : text_equal(unit, "h") ? 3600000
                                                   : 0;
        if (errno != 0 || text[0] < '0' || text[0] > '9' || unit_ms == 0 || number > most_ms / unit_ms)
                return 0;
        return (uint32_t)number * unit_ms;
}

#define OPTION(option, bit, member)                                                                          \
        {                                                                                                    \
                .name = option, .field = SETTINGS_FIELD_##bit, .offset = offsetof(struct settings, member)   \
        }

const struct setting_option setting_options[] = {
        OPTION("max-moves", MOVES_MAX, moves_max),
        OPTION("isolation-hold", ISOLATION_HOLD, isolation_hold_ms),
        OPTION("stop-grace", STOP_GRACE, stop_grace_ms),
        OPTION("watchdog", WATCHDOG, watchdog_ms),
        OPTION("margin", MARGIN, margin_ms),
        OPTION("quarantine-losses", QUARANTINE_LOSSES, quarantine_losses),
        OPTION("quarantine-window", QUARANTINE_WINDOW, quarantine_window_ms),
        OPTION("quarantine", QUARANTINE, quarantine_ms),
        OPTION("lease-renew", LEASE_RENEW, lease_renew_ms),
        OPTION("lease", LEASE, lease_ms),
        OPTION("lease-stop", LEASE_STOP, lease_stop_ms),
        OPTION("resiliency-period", RESILIENCY, resiliency_ms),
        OPTION("stall-limit", STALL_LIMIT, stall_limit_ms),
        { .name = NULL },
};

void setting_option_take(const struct setting_option *option, int64_t number, struct command_cluster_set *set)
{
        uint32_t value = (uint32_t)number;
        memcpy((char *)&set->settings + option->offset, &value, sizeof(value));
        set->fields |= (uint32_t)option->field;
}
