/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_RESOURCE_AGENTS_OCF_ROLE_DEFINITION_H
#define CLU_RESOURCE_AGENTS_OCF_ROLE_DEFINITION_H

/* Gives a role its definition, and keeps it in the folder that a restart of the daemon reads. */

#include "resource-agents/ocf_sequence.h"

/* All: 0 or negative errno; on failure the role is as before but for its reason (or *ret_error). */
int ocf_role_definition_set(struct ocf_role *role, const char *text, size_t bytes, char *ret_error,
                            size_t error_bytes);
/* Nothing to do when it is that one already. */
int ocf_role_definition_load(struct ocf_role *role, const uint8_t hash[HASH_BYTES]);
int ocf_role_write(struct ocf_role *role);

#endif
