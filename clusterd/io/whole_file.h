/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_WHOLE_FILE_H
#define CLU_CLUSTERD_IO_WHOLE_FILE_H

/* Files on a file system that several nodes share, which use -EPERM for what is somebody else's. */

/* errno as an error; EPERM as -EACCES, for a right of ours that is missing. */
int whole_file_error(void);

/*
 * Made under another name, written, and only then given its own, if nothing has that: no node ever meets half
 * of it. Durable when it returns. write: 0 or -errno. -EEXIST: something has the name; -EOPNOTSUPP: there are
 * no hard links.
 */
int whole_file_create(const char *path, int (*write)(const void *context, int fd), const void *context);

#endif
