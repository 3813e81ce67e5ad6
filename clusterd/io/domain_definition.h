/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_DOMAIN_DEFINITION_H
#define CLU_CLUSTERD_IO_DOMAIN_DEFINITION_H

/* Reads what placement needs out of a libvirt domain definition, by libxml2. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "clusterd/base/limits.h"

struct domain_definition {
        char name[NAME_BYTES];
        char uuid[UUID_BYTES];
        uint32_t memory_mib;
        uint32_t cpus;
        char *text; /* canonical; given, free(): a missing <uuid> was added */
        size_t text_bytes;
};

#define DEFINITION_ERROR_BYTES 256

/*
 * -EINVAL: not well-formed, not a <domain>, no name, no or absurd <memory>, a name that cannot be a role's,
 * a persistent thing a transient domain cannot have; -E2BIG over DEFINITION_BYTES. *ret_error says line and
 * what to do. No entity is expanded, no file or network read.
 */
int domain_definition_read(const char *text, size_t text_bytes, struct domain_definition *ret_definition,
                           char ret_error[DEFINITION_ERROR_BYTES]);

/* The files of its disks, and of what these are based on; of LUNs "TARGET/LUN". file is borrowed. The text is
 * one that was read above. */
void domain_definition_files(const char *text, size_t text_bytes,
                             void (*on_file)(void *context, const char *file), void *context);

/* Can its guest write to nothing but disks that `holds` knows by name, as domain_definition_files() has them?
 * What else it may write to is no disk of a name, or not seen to be read-only. Precondition as above. */
bool domain_definition_is_contained(const char *text, size_t text_bytes,
                                    bool (*holds)(void *context, const char *file), void *context);

/* The socket at which QEMU finds that LUN ("TARGET/LUN"), borrowed until the next call; NULL: it is left as
 * it is.
 */
typedef const char *(*domain_on_lun)(void *context, const char *lun);

/* The same text with those LUNs at their sockets: given, free(). */
char *domain_definition_reroute(const char *text, size_t text_bytes, domain_on_lun on_lun, void *context);

#endif
