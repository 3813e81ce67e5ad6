/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * The wall clock of one node, though all have one kernel: preloaded into the daemons there, it adds the
 * seconds that stand in /etc/clock-step, as a host's clock that somebody sets. Clocks that nobody can set
 * stay.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile int64_t *step;

/* What waits until a time of the wall clock would wait by the kernel's. These do not. */
static int is_a_daemon(void)
{
        static const char *const names[] = { "clusterd", "clu-guard", "corosync" };
        for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
                if (strcmp(program_invocation_short_name, names[i]) == 0)
                        return 1;
        return 0;
}

__attribute__((constructor)) static void find_step(void)
{
        int fd = is_a_daemon() ? open("/etc/clock-step", O_RDONLY | O_CLOEXEC) : -1;
        void *mapped = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *step, PROT_READ, MAP_SHARED, fd, 0);
        if (mapped != MAP_FAILED)
                step = mapped;
        if (fd >= 0)
                close(fd);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
        int error = (int)syscall(SYS_clock_gettime, clock, now);
        if (error == 0 && step != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
                now->tv_sec += *step;
        return error;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
        int error = (int)syscall(SYS_gettimeofday, now, zone);
        if (error == 0 && now != NULL && step != NULL)
                now->tv_sec += *step;
        return error;
}

time_t time(time_t *ret_now)
{
        struct timespec now;
        (void)clock_gettime(CLOCK_REALTIME, &now);
        if (ret_now != NULL)
                *ret_now = now.tv_sec;
        return now.tv_sec;
}
