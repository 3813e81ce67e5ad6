/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/qdevice_status.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "clusterd/base/bytes.h"
#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "clusterd/io/host.h"

/* Of 64 nodes it is 6 KiB. */
#define ANSWER_BYTES 65536

/* What stands behind "name:" and blanks, to the end of the line; NULL: there is no such line. */
static const char *field(const char *text, const char *name, size_t *ret_bytes)
{
        size_t bytes = strlen(name);
        for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
                line += *line == '\n';
                if (strncmp(line, name, bytes) != 0 || line[bytes] != ':')
                        continue;
                const char *value = line + bytes + 1;
                value += strspn(value, " \t");
                *ret_bytes = strcspn(value, "\n");
                return value;
        }
        return NULL;
}

static bool field_begins(const char *text, const char *name, const char *with)
{
        size_t bytes;
        const char *value = field(text, name, &bytes);
        return value != NULL && bytes >= strlen(with) && strncmp(value, with, strlen(with)) == 0;
}

struct qdevice_status qdevice_status_read(const char *text, uint32_t process)
{
        struct qdevice_status status = { .encrypted = field_begins(text, "TLS active", "Yes") };
        size_t bytes;
        const char *since = field(text, "Connected since", &bytes);
        status.connected = field_begins(text, "State", "Connected") && since != NULL && bytes > 0;
        if (!status.connected)
                return status;
        uint8_t number[4];
        put_le(number, process, sizeof number);
        status.connection = fnv1a(fnv1a(FNV1A_EMPTY, number, sizeof number), since, bytes);
        status.connection += status.connection == 0;
        return status;
}

/* 0 or -ETIMEDOUT or negative errno. */
static int wait_for(int fd, short events, uint64_t deadline_ms)
{
        uint64_t now_ms = clock_boot_ms();
        struct pollfd one = { .fd = fd, .events = events };
        if (now_ms >= deadline_ms)
                return -ETIMEDOUT;
        int ready = poll(&one, 1, (int)(deadline_ms - now_ms));
        if (ready < 0)
                return errno == EINTR ? 0 : -errno;
        return ready == 0 ? -ETIMEDOUT : 0;
}

static int connect_to(const char *path)
{
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        if (strlen(path) >= sizeof address.sun_path)
                return -ENAMETOOLONG;
        TEXT_COPY(address.sun_path, path);
        SCOPED_CLOSE int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;
        if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
                return errno == EAGAIN ? -ETIMEDOUT : -errno;
        int connected = fd;
        fd = -1;
        return connected;
}

/* Up to its end: the daemon closes. */
static int read_all(int fd, uint64_t deadline_ms, char *buffer, size_t size)
{
        size_t bytes = 0;
        while (bytes + 1 < size) {
                int error = wait_for(fd, POLLIN, deadline_ms);
                if (error < 0)
                        return error;
                ssize_t count = recv(fd, buffer + bytes, size - 1 - bytes, 0);
                if (count < 0 && errno != EAGAIN && errno != EINTR)
                        return -errno;
                if (count == 0)
                        break;
                bytes += count > 0 ? (size_t)count : 0;
        }
        buffer[bytes] = '\0';
        return strncmp(buffer, "OK\n", 3) == 0 ? 0 : -EPROTO;
}

static int ask(const char *path, const char *words, uint32_t timeout_ms, char *buffer, size_t size,
               uint32_t *ret_process)
{
        uint64_t deadline_ms = clock_boot_ms() + timeout_ms;
        SCOPED_CLOSE int fd = connect_to(path);
        if (fd < 0)
                return fd;
        struct ucred peer;
        socklen_t peer_bytes = sizeof peer;
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &peer_bytes) != 0)
                return -errno;
        /* An empty socket takes a line at once. */
        if (send(fd, words, strlen(words), MSG_NOSIGNAL) != (ssize_t)strlen(words))
                return errno == EAGAIN ? -ETIMEDOUT : -EPIPE;
        int error = read_all(fd, deadline_ms, buffer, size);
        if (error == 0)
                *ret_process = (uint32_t)peer.pid;
        return error;
}

int qdevice_status_ask(const char *path, uint32_t timeout_ms, struct qdevice_status *ret_status)
{
        SCOPED_FREE char *buffer = malloc(ANSWER_BYTES);
        uint32_t process;
        if (buffer == NULL)
                return -ENOMEM;
        int error = ask(path, "status verbose \n", timeout_ms, buffer, ANSWER_BYTES, &process);
        if (error == 0)
                *ret_status = qdevice_status_read(buffer, process);
        return error;
}

int qdevice_shutdown(const char *path, uint32_t timeout_ms)
{
        char buffer[256];
        uint32_t process;
        return ask(path, "shutdown \n", timeout_ms, buffer, sizeof buffer, &process);
}
