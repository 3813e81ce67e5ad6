/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_RESOURCE_AGENTS_OCF_MEMORY_H
#define CLU_RESOURCE_AGENTS_OCF_MEMORY_H

/*
 * Remembers over restarts of the daemon which roles may run here: one file
 * ROLE.json each, written before the first agent is started and removed when
 * all are confirmed stopped. The folder must not outlive a reboot (/run).
 */

#include <stddef.h>
#include <stdint.h>

#include "clusterd/base/limits.h"

struct ocf_record {
        char role[NAME_BYTES];
        uint64_t generation;
        uint8_t definition_hash[HASH_BYTES];
        char *definition; /* its text, so that a role can be stopped whose definition is gone; free() */
        size_t definition_bytes;
};

/* Makes the folder, for root alone: parameters may be secrets. 0 or negative errno. */
int ocf_memory_open(const char *directory);
/* Replaces. 0 or negative errno. */
int ocf_memory_write(const char *directory, const struct ocf_record *record);
/* 0 also when there was none. */
int ocf_memory_remove(const char *directory, const char *role);

/* error: 0, or why the record could not be read: then only its role is set. record is borrowed. */
typedef void (*ocf_memory_on_record)(void *context, const struct ocf_record *record, int error);
int ocf_memory_read(const char *directory, ocf_memory_on_record on_record, void *context);

#endif
