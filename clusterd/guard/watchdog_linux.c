/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/guard/watchdog.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/watchdog.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clusterd/io/log.h"

/* Source: Documentation/watchdog/watchdog-api.rst: 'V' before closing stops it, any other byte keeps it
 * quiet. */
static const char stop_byte = 'V';
static const char pet_byte = 'p';

bool watchdog_is_present(const struct watchdog *watchdog)
{
        struct stat status;
        return watchdog->path != NULL && stat(watchdog->path, &status) == 0 &&
               (S_ISCHR(status.st_mode) || S_ISFIFO(status.st_mode));
}

static bool timeout_set(int fd, uint32_t timeout_ms)
{
        int seconds = timeout_ms < 1000 ? 1 : (int)(timeout_ms / 1000);
        if (ioctl(fd, WDIOC_SETTIMEOUT, &seconds) != 0) {
                if (errno == ENOTTY)
                        return true; /* no watchdog but the lab's, which has its time from elsewhere */
                if (ioctl(fd, WDIOC_GETTIMEOUT, &seconds) != 0)
                        return false;
        }
        return (uint64_t)seconds * 1000 <= timeout_ms;
}

/* Devices count in seconds and may choose another time than asked for: a longer one breaks the arithmetic. */
void watchdog_set_timeout(struct watchdog *watchdog, uint32_t timeout_ms)
{
        if (watchdog->fd < 0)
                return;
        watchdog->in_time = timeout_set(watchdog->fd, timeout_ms);
        if (!watchdog->in_time)
                log_error("watchdog cannot fire in the time asked for; it does not count as evidence" QB_XS
                          " device=%s watchdog_ms=%u",
                          watchdog->path, timeout_ms);
}

static void support_check(const struct watchdog *watchdog)
{
        struct watchdog_info info;
        if (ioctl(watchdog->fd, WDIOC_GETSUPPORT, &info) == 0 && (info.options & WDIOF_MAGICCLOSE) == 0)
                log_warning(
                        "watchdog stops when it is closed: while clu-guard restarts, nothing stands behind "
                        "the guests" QB_XS " device=%s",
                        watchdog->path);
}

int watchdog_start(struct watchdog *watchdog, uint32_t timeout_ms)
{
        if (watchdog->fd >= 0)
                return -EEXIST;
        if (!watchdog_is_present(watchdog))
                return -ENOENT;
        int fd = open(watchdog->path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        watchdog->fd = fd;
        watchdog_set_timeout(watchdog, timeout_ms);
        support_check(watchdog);
        return watchdog_pet(watchdog);
}

int watchdog_pet(struct watchdog *watchdog)
{
        if (write(watchdog->fd, &pet_byte, 1) == 1)
                return 0;
        return errno != 0 ? -errno : -EIO;
}

void watchdog_release(struct watchdog *watchdog)
{
        if (watchdog->fd < 0)
                return;
        if (write(watchdog->fd, &stop_byte, 1) != 1)
                log_error("watchdog does not take its stop byte; the host may be reset" QB_XS " device=%s",
                          watchdog->path);
        watchdog_abandon(watchdog);
}

void watchdog_abandon(struct watchdog *watchdog)
{
        if (watchdog->fd >= 0)
                (void)close(watchdog->fd);
        watchdog->fd = -1;
        watchdog->in_time = false;
}
