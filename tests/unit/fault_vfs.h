/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_TESTS_UNIT_FAULT_VFS_H
#define CLU_TESTS_UNIT_FAULT_VFS_H

/*
 * A disk for sqlite that fails when told to: the n-th call that changes
 * something (write, sync, truncate), and some after it.
 */

#include <stdint.h>

/* Becomes sqlite's default. Once per process. */
void fault_vfs_install(void);

/* Fails the countdown-th call from now with this sqlite code, and length - 1 more. */
void fault_vfs_arm(uint32_t countdown, uint32_t length, int code);
void fault_vfs_disarm(void);
/* Calls that failed since fault_vfs_arm(). */
uint32_t fault_vfs_hits(void);

#endif
