/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_DOMAIN_DISK_H
#define CLU_CLUSTERD_IO_DOMAIN_DISK_H

/* One disk of a libvirt domain, in a definition that was read (domain_definition.h) or in what libvirt
 * prints. */

#include <stdbool.h>
#include <stddef.h>

#include "clusterd/base/limits.h"

struct domain_disk {
        char target[DISK_BYTES];     /* "vda" */
        char file[IMAGE_PATH_BYTES]; /* its image */
        char format[NAME_BYTES];     /* "raw" */
        char alias[NAME_BYTES];      /* of its device; empty in a definition */
        char cache[NAME_BYTES];      /* "none"; these four empty: not said */
        char io[NAME_BYTES];
        char discard[NAME_BYTES];
        char detect_zeroes[NAME_BYTES];
        bool is_fixed;                 /* read-only, shared, or no disk: not to be moved */
        char mirror[IMAGE_PATH_BYTES]; /* what is written goes there, too; empty: nowhere */
        bool is_ready;                 /* all that was written before is there as well */
};

#define DISK_ERROR_BYTES 256

/* target NULL: the only one that could be moved. -ENOENT, and *ret_error says what there is. */
int domain_disk_find(const char *text, size_t text_bytes, const char *target, struct domain_disk *ret_disk,
                     char ret_error[DISK_ERROR_BYTES]);

/* Those that are not fixed, the first `capacity` of them; returns how many there are. */
size_t domain_disks_read(const char *text, size_t text_bytes, struct domain_disk *ret_disks, size_t capacity);

/* The same definition with another image for that disk, which is based on nothing; given, free(). */
char *domain_disk_replace(const char *text, size_t text_bytes, const char *target, const char *file);

/* The same definition with disks that are files or devices of the host stopping the guest when they fail it,
 * instead of telling it so; what it says about that itself stays. Given, free(). */
char *domain_disks_stop_on_error(const char *text, size_t text_bytes);

/* What libvirt wants to know of where a disk is to be copied to; given, free(). */
char *domain_disk_destination(const struct domain_disk *disk, const char *file);

#endif
