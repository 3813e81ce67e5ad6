/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_HOST_H
#define CLU_CLUSTERD_IO_HOST_H

/* What only the host itself can say or give: time, identity of its boot, chance, priority. */

#include <stdbool.h>
#include <stdint.h>

uint64_t clock_boot_ms(void); /* monotonic, counts on in suspend */
int64_t clock_wall_ms(void);

/* Of the kernel's boot and of PID 1: in a container the kernel's alone would not change. */
uint64_t host_boot_id(void);

/*
 * This thread runs before ordinary processes, as corosync does: guests that
 * keep every processor busy may not hold up what watches over them. Threads
 * and children that it makes are ordinary again. false: not permitted.
 */
bool host_prioritize_thread(void);

/* Never 0. */
uint64_t random_id(void);

#endif
