/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/host.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "clusterd/base/bytes.h"

#define TEXT_BYTES 1024

static uint64_t clock_ms(clockid_t clock)
{
        struct timespec now;
        if (clock_gettime(clock, &now) != 0)
                abort();
        return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

uint64_t clock_boot_ms(void)
{
        return clock_ms(CLOCK_BOOTTIME);
}

int64_t clock_wall_ms(void)
{
        return (int64_t)clock_ms(CLOCK_REALTIME);
}

uint64_t random_id(void)
{
        uint64_t id = 0;
        while (id == 0)
                if (getrandom(&id, sizeof id, 0) != sizeof id)
                        abort();
        return id;
}

bool host_prioritize_thread(void)
{
        const struct sched_param lowest = { .sched_priority = sched_get_priority_min(SCHED_RR) };
        return sched_setscheduler(0, SCHED_RR | SCHED_RESET_ON_FORK, &lowest) == 0;
}

static void read_text(const char *path, char text[TEXT_BYTES])
{
        FILE *file = fopen(path, "re");
        size_t count = file == NULL ? 0 : fread(text, 1, TEXT_BYTES - 1, file);
        text[count] = '\0';
        if (file != NULL)
                (void)fclose(file);
}

/* Field 22 of stat, counted behind the name, which may hold anything. Source: proc(5). */
static const char *start_time(const char *stat)
{
        const char *at = strrchr(stat, ')');
        for (int field = 2; at != NULL && field < 22; field++)
                at = strchr(at + 1, ' ');
        return at == NULL ? "" : at;
}

uint64_t host_boot_id(void)
{
        char kernel[TEXT_BYTES], init[TEXT_BYTES];
        read_text("/proc/sys/kernel/random/boot_id", kernel);
        read_text("/proc/1/stat", init);
        const char *began = start_time(init);
        size_t began_bytes = began[0] == '\0' ? 0 : 1 + strcspn(began + 1, " ");
        uint64_t hash = fnv1a(fnv1a(FNV1A_EMPTY, kernel, strlen(kernel)), began, began_bytes);
        return hash == 0 ? 1 : hash;
}
