/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/guard/guard_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"

static int path_print(char *path, size_t path_bytes, const char *run_dir, const char *name)
{
        int length = snprintf(path, path_bytes, "%s/%s", run_dir, name);
        return length > 0 && (size_t)length < path_bytes ? 0 : -ENAMETOOLONG;
}

int guard_socket_open(const char *run_dir)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int error = path_print(address.sun_path, sizeof(address.sun_path), run_dir, GUARD_SOCKET_NAME);
        if (error != 0)
                return error;
        SCOPED_CLOSE int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return -errno;
        (void)unlink(address.sun_path);
        mode_t before = umask(0177);
        error = bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ? 0 : -errno;
        (void)umask(before);
        if (error != 0)
                return error;
        int bound = fd;
        fd = -1;
        return bound;
}

int guard_report_write(const char *run_dir, const struct guard_report *report)
{
        char path[PATH_MAX], fresh[PATH_MAX], text[GUARD_REPORT_BYTES];
        if (path_print(path, sizeof(path), run_dir, GUARD_REPORT_NAME) != 0 ||
            path_print(fresh, sizeof(fresh), run_dir, GUARD_REPORT_NAME ".new") != 0)
                return -ENAMETOOLONG;
        size_t length = guard_report_print(report, text);
        SCOPED_CLOSE int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (fd < 0)
                return -errno;
        ssize_t written = write(fd, text, length);
        if (written != (ssize_t)length)
                return written < 0 ? -errno : -ENOSPC;
        return rename(fresh, path) == 0 ? 0 : -errno;
}

int guard_report_read(const char *run_dir, struct guard_report *ret_report)
{
        char path[PATH_MAX], text[GUARD_REPORT_BYTES];
        int error = path_print(path, sizeof(path), run_dir, GUARD_REPORT_NAME);
        if (error != 0)
                return error;
        SCOPED_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        ssize_t count = read(fd, text, sizeof(text) - 1);
        if (count < 0)
                return -errno;
        text[count] = '\0';
        return guard_report_parse(text, ret_report);
}
