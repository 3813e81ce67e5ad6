/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/lease_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clusterd/base/scope.h"
#include "clusterd/io/whole_file.h"

static int header_check(int fd, const struct lease_area_id *area, struct lease_area_id *ret_owner)
{
        _Alignas(SECTOR_BYTES) uint8_t header[SECTOR_BYTES];
        struct stat status;
        if (fstat(fd, &status) != 0)
                return -errno;
        if (!S_ISREG(status.st_mode) || status.st_size != (off_t)LEASE_AREA_BYTES)
                return -EBADMSG;
        int error = lease_file_read(fd, 0, header, 1);
        if (error != 0)
                return error;
        switch (lease_area_decode(header, area, ret_owner)) {
        case SECTOR_VALID:
                return 0;
        case SECTOR_FOREIGN:
                return -EPERM;
        case SECTOR_VERSION:
                return -EPROTO;
        case SECTOR_BLANK:
        case SECTOR_DAMAGED:
        case SECTOR_MISPLACED:
                break;
        }
        return -EBADMSG;
}

int lease_file_open(const char *path, const struct lease_area_id *area, struct lease_area_id *ret_owner,
                    int *ret_fd)
{
        /* Durable before it returns: a storage that loses its power must not bring an older record back. */
        SCOPED_CLOSE int fd = open(path, O_RDWR | O_DIRECT | O_DSYNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0)
                return errno == ELOOP ? -EBADMSG : whole_file_error();
        int error = header_check(fd, area, ret_owner);
        if (error != 0)
                return error;
        *ret_fd = fd;
        fd = -1;
        return 0;
}

static int write_all(int fd, const uint8_t *bytes, size_t count)
{
        while (count > 0) {
                ssize_t written = write(fd, bytes, count);
                if (written < 0 && errno != EINTR)
                        return -errno;
                if (written > 0) {
                        bytes += written;
                        count -= (size_t)written;
                }
        }
        return 0;
}

/* Zeroes too, so that later nothing has to be allocated: a full volume keeps its leases. */
static int area_write(const void *area, int fd)
{
        SCOPED_FREE uint8_t *bytes = calloc(1, LEASE_AREA_BYTES);
        if (bytes == NULL)
                abort();
        lease_area_encode(area, bytes);
        int error = write_all(fd, bytes, LEASE_AREA_BYTES);
        if (error == 0 && fsync(fd) != 0)
                error = -errno;
        return error;
}

int lease_file_create(const char *path, const struct lease_area_id *area, struct lease_area_id *ret_owner)
{
        int error = whole_file_create(path, area_write, area);
        if (error != 0 && error != -EEXIST)
                return error;
        SCOPED_CLOSE int fd = -1;
        return lease_file_open(path, area, ret_owner, &fd);
}

/* Not by direct I/O: an area that was made where there is none goes, too. */
int lease_file_remove(const char *path, const struct lease_area_id *area)
{
        _Alignas(SECTOR_BYTES) uint8_t header[SECTOR_BYTES];
        struct lease_area_id owner;
        struct stat opened, named;
        SCOPED_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &opened) != 0)
                return -errno;
        int error = lease_file_read(fd, 0, header, 1);
        if (error != 0)
                return error;
        if (lease_area_decode(header, area, &owner) != SECTOR_VALID)
                return -EPERM;
        if (stat(path, &named) != 0)
                return -errno;
        if (named.st_ino != opened.st_ino || named.st_dev != opened.st_dev)
                return -EPERM; /* another one's by now */
        return unlink(path) == 0 ? 0 : whole_file_error();
}

int lease_file_read(int fd, uint64_t sector, uint8_t *buffer, uint32_t sectors)
{
        size_t count = (size_t)sectors * SECTOR_BYTES;
        ssize_t got = pread(fd, buffer, count, (off_t)(sector * SECTOR_BYTES));
        if (got < 0)
                return -errno;
        return (size_t)got == count ? 0 : -ENODATA;
}

int lease_file_write(int fd, uint64_t sector, const uint8_t *buffer)
{
        ssize_t put = pwrite(fd, buffer, SECTOR_BYTES, (off_t)(sector * SECTOR_BYTES));
        if (put < 0)
                return -errno;
        return put == SECTOR_BYTES ? 0 : -EIO;
}

const char *lease_file_explain(int error)
{
        switch (error) {
        case -ENOENT:
                return "there is no lease area: is the volume mounted here?";
        case -EPERM:
                return "the lease area is of another cluster or volume";
        case -EPROTO:
                return "the lease area is of another version";
        case -EBADMSG:
                return "what is there is no lease area, or it is damaged";
        case -ENODATA:
                return "the lease area is cut off";
        case -EINVAL:
                return "the file system takes no direct I/O";
        case -EOPNOTSUPP:
                return "the file system has no hard links";
        case -EBUSY:
                return "a write of an earlier clusterd has not ended yet";
        default:
                return strerror(-error);
        }
}
