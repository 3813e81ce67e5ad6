/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_BASE_PATH_H
#define CLU_CLUSTERD_BASE_PATH_H

/* Paths as texts: nothing here looks at a file system, so no link is followed. */

#include <stdbool.h>
#include <stdint.h>

/* Absolute, not the root, without empty, "." and ".." parts and without a slash at its end. */
bool path_is_plain(const char *path);

/* Is the file, any text, below this plain directory, or the directory itself? Never when it has a ".." part.
 */
bool path_holds(const char *directory, const char *file);

/* The name of an iSCSI target: "iqn.", "eui." or "naa.", and what may follow. Source: RFC 3720, 3.2.6. */
bool target_is_plain(const char *target);
/* Is it "TARGET/LUN"? Then *ret_lun is set. */
bool target_holds(const char *target, const char *disk, uint32_t *ret_lun);

#endif
