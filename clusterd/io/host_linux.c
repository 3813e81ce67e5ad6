/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clusterd/io/hypervisor.h"

/* Kept for the host and for what QEMU takes besides the guest's memory: a tenth, and 1 GiB at least, but
 * never more than half (small hosts are for trying things out). */
static uint64_t reserve_mib(uint64_t total_mib)
{
        uint64_t reserve = total_mib / 10 > 1024 ? total_mib / 10 : 1024;
        return reserve < total_mib / 2 ? reserve : total_mib / 2;
}

/* Source: proc(5), /proc/meminfo; values are KiB. */
static void read_meminfo(uint64_t *ret_total_mib, uint64_t *ret_available_mib)
{
        char line[128];
        uint64_t kib;
        FILE *file = fopen("/proc/meminfo", "re");
        *ret_total_mib = 0;
        *ret_available_mib = 0;
        if (file == NULL)
                return;
        while (fgets(line, sizeof(line), file) != NULL) {
                if (sscanf(line, "MemTotal: %" SCNu64 " kB", &kib) == 1)
                        *ret_total_mib = kib / 1024;
                else if (sscanf(line, "MemAvailable: %" SCNu64 " kB", &kib) == 1)
                        *ret_available_mib = kib / 1024;
        }
        (void)fclose(file);
}

void host_capacity_read(uint32_t *ret_memory_mib, uint32_t *ret_memory_free_mib, uint32_t *ret_cpus)
{
        uint64_t total_mib, available_mib;
        read_meminfo(&total_mib, &available_mib);
        uint64_t reserve = reserve_mib(total_mib);
        long cpus = sysconf(_SC_NPROCESSORS_ONLN);
        *ret_memory_mib = (uint32_t)(total_mib - reserve);
        *ret_memory_free_mib = (uint32_t)(available_mib > reserve ? available_mib - reserve : 0);
        *ret_cpus = cpus > 0 ? (uint32_t)cpus : 1;
}
