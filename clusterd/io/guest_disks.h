/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_GUEST_DISKS_H
#define CLU_CLUSTERD_IO_GUEST_DISKS_H

/*
 * What is behind the disks of a guest here, by QEMU's monitor: their own files, or another node's export of
 * them. csv-storage/README.md, "Redirected I/O". Blocks; for worker threads.
 */

#include <libvirt/libvirt.h>

#include "clusterd/io/disk_exports.h"

struct guest_disk {
        struct domain_disk disk;
        char device[2 * NAME_BYTES]; /* QEMU's path of what the guest sees */
        char node[NAME_BYTES];       /* QEMU's name of what that writes to */
        char file[2 * IMAGE_PATH_BYTES];
        unsigned number; /* in libvirt's names of the disk's own nodes */
        uint32_t offer;  /* by which its node is named; 0: by libvirt */
        bool is_export;  /* what is behind that is an export, and not its own file */
};

struct guest_disks {
        struct guest_disk disks[EXPORT_DISKS_MAX];
        size_t count;
};

/* Where exports are reached from here. */
struct export_place {
        char directory[NAME_BYTES + 128]; /* for sockets to exporters: of that role */
        char address[ADDRESS_BYTES];
        struct export_offer offer;
};

/* 0, or -1 and why. */
int guest_disks_read(virDomainPtr domain, struct disk_exports *exports, struct guest_disks *ret_disks,
                     char ret_error[REASON_BYTES]);
uint32_t guest_disks_offer(const struct export_place *place); /* never 0 */

/* The guest stands still: this disk goes over to its export. It may be there already, if by a connection that
 * has never broken. */
int guest_disk_redirect(virDomainPtr domain, const struct guest_disk *disk, unsigned number,
                        const struct export_place *place, char ret_error[REASON_BYTES]);

/*
 * This disk goes back to its own file. is_served: it runs by its export, which must have answered all; else
 * no export of it is left anywhere.
 */
int guest_disk_return(virDomainPtr domain, const struct guest_disk *disk, unsigned number,
                      const char *directory, bool is_served, char ret_error[REASON_BYTES]);

#endif
