/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_GUARD_WATCHDOG_H
#define CLU_CLUSTERD_GUARD_WATCHDOG_H

/* The host's watchdog device: resets the host when nobody writes to it in time. */

#include <stdbool.h>
#include <stdint.h>

struct watchdog {
        const char *path; /* borrowed */
        int fd;           /* -1: not open */
        bool in_time;     /* open, and fires within the time that was asked for */
};

/* A device, or in the lab a FIFO, is there. Says nothing about whether it can be opened. */
bool watchdog_is_present(const struct watchdog *watchdog);
/* Starts it. 0; -EEXIST open already; -ENXIO nobody reads the FIFO; -EBUSY; -errno. Never blocks. */
int watchdog_start(struct watchdog *watchdog, uint32_t timeout_ms);
/* No effect while it is not open. */
void watchdog_set_timeout(struct watchdog *watchdog, uint32_t timeout_ms);
int watchdog_pet(struct watchdog *watchdog);
/* Stops it ("magic close") and closes it. */
void watchdog_release(struct watchdog *watchdog);
/* Closes it and lets it run on. */
void watchdog_abandon(struct watchdog *watchdog);

#endif
