/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_BASE_PATH_H
#define CLU_CLUSTERD_BASE_PATH_H

/* Paths as texts: nothing here looks at a file system, so no link is followed. */

#include <stdbool.h>

/* Absolute, not the root, without empty, "." and ".." parts and without a slash at its end. */
bool path_is_plain(const char *path);

/* Is the file, any text, below this plain directory, or the directory itself? Never when it has a ".." part.
 */
bool path_holds(const char *directory, const char *file);

#endif
