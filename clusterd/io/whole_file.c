/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"

int whole_file_error(void)
{
        return errno == EPERM ? -EACCES : -errno;
}

static int directory_sync(const char *path)
{
        char directory[PATH_MAX];
        TEXT_COPY(directory, path);
        char *slash = strrchr(directory, '/');
        if (slash == NULL)
                return -EINVAL;
        slash[slash == directory] = '\0';
        SCOPED_CLOSE int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        return fd >= 0 && fsync(fd) == 0 ? 0 : -errno;
}

int whole_file_create(const char *path, int (*write)(const void *context, int fd), const void *context)
{
        char draft[PATH_MAX];
        if (snprintf(draft, sizeof draft, "%s.XXXXXX", path) >= (int)sizeof draft)
                return -ENAMETOOLONG;
        SCOPED_CLOSE int fd = mkostemp(draft, O_CLOEXEC);
        if (fd < 0)
                return whole_file_error();
        int error = write(context, fd);
        if (error == 0 && link(draft, path) != 0)
                error = errno == EPERM ? -EOPNOTSUPP : -errno;
        (void)unlink(draft);
        return error == 0 ? directory_sync(path) : error;
}
