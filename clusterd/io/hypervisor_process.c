/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "clusterd/io/hypervisor_state.h"

/* Where libvirt's system driver keeps the pid of each QEMU. */
#define PID_FILE "/run/libvirt/qemu/%s.pid"

static ssize_t read_all(const char *path, char *bytes, size_t capacity)
{
        SCOPED_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
        size_t count = 0;
        if (fd < 0)
                return -errno;
        while (count < capacity - 1) {
                ssize_t r = read(fd, bytes + count, capacity - 1 - count);
                if (r < 0)
                        return -errno;
                if (r == 0)
                        break;
                count += (size_t)r;
        }
        bytes[count] = '\0';
        return (ssize_t)count;
}

/* libvirt names it: "-name" "guest=ROLE,debug-threads=on". */
static bool is_qemu_of(pid_t pid, const char *role)
{
        char path[64], wanted[NAME_BYTES + 16], line[16384];
        TEXT_PRINT(path, "/proc/%d/cmdline", (int)pid);
        TEXT_PRINT(wanted, "guest=%s", role);
        ssize_t count = read_all(path, line, sizeof(line));
        for (ssize_t at = 0; at < count; at += (ssize_t)strlen(line + at) + 1) {
                const char *word = line + at;
                size_t length = strlen(wanted);
                if (strncmp(word, wanted, length) == 0 && (word[length] == ',' || word[length] == '\0'))
                        return true;
        }
        return false;
}

int qemu_process_open(const char *role)
{
        char path[NAME_BYTES + sizeof(PID_FILE)], text[32];
        TEXT_PRINT(path, PID_FILE, role);
        ssize_t count = read_all(path, text, sizeof(text));
        if (count < 0)
                return (int)count;
        long pid_read = strtol(text, NULL, 10);
        if (pid_read <= 1 || pid_read > INT_MAX)
                return -ENOENT;
        int pid = (int)pid_read;
        /* Opened first, looked at afterwards: a number that is used again is then seen to be another's. */
        int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (pidfd < 0)
                return errno == ESRCH ? -ENOENT : -errno;
        if (is_qemu_of(pid, role))
                return pidfd;
        (void)close(pidfd);
        return -ENOENT;
}

int qemu_process_wait(int pidfd, uint32_t timeout_ms)
{
        struct pollfd wait = { .fd = pidfd, .events = POLLIN };
        uint64_t until_ms = hypervisor_now_ms() + timeout_ms;
        for (;;) {
                uint64_t now_ms = hypervisor_now_ms();
                int r = poll(&wait, 1, now_ms < until_ms ? (int)(until_ms - now_ms) : 0);
                if (r > 0)
                        return 0;
                if (r == 0)
                        return -ETIMEDOUT;
                if (errno != EINTR)
                        return -errno;
        }
}
