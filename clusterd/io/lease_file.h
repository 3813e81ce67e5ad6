/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_LEASE_FILE_H
#define CLU_CLUSTERD_IO_LEASE_FILE_H

/*
 * A lease area as a file on a shared file system: made whole or not at all,
 * read and written past every cache. All of it may block for as long as the
 * file system likes, so it belongs into a worker.
 */

#include "csv-storage/lease_record.h"

#define LEASE_FILE_NAME ".clu-lease" /* in the directory of a volume */

/*
 * 0: it stands there now and is of this area, whoever made it. What is there
 * already is never changed; the errors of lease_file_open() say what it is.
 */
int lease_file_create(const char *path, const struct lease_area_id *area, struct lease_area_id *ret_owner);

/* 0: it is gone. Whatever is not this area stays; the errors are those of lease_file_open(). */
int lease_file_remove(const char *path, const struct lease_area_id *area);

/*
 * 0 and a descriptor for the two below. Else negative errno, among them -EPERM: of another cluster or volume,
 * *ret_owner says which; -EPROTO: of another version; -EBADMSG: no lease area; -EINVAL: the file system takes
 * no direct I/O.
 */
int lease_file_open(const char *path, const struct lease_area_id *area, struct lease_area_id *ret_owner,
                    int *ret_fd);

/* Whole sectors; buffer aligned to SECTOR_BYTES. Durable when they return 0. -ENODATA: the file is too short.
 */
int lease_file_read(int fd, uint64_t sector, uint8_t *buffer, uint32_t sectors);
int lease_file_write(int fd, uint64_t sector, const uint8_t *buffer);

/* What an error means for a lease area, for people. */
const char *lease_file_explain(int error);

#endif
