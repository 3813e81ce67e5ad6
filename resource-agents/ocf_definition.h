/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_RESOURCE_AGENTS_OCF_DEFINITION_H
#define CLU_RESOURCE_AGENTS_OCF_DEFINITION_H

/* What a role of OCF agents is made of, read from its JSON (resource-agents/README.md). */

#include <stddef.h>
#include <stdint.h>

#include "clusterd/base/limits.h"

#define OCF_AGENTS_MAX          16
#define OCF_PARAMETERS_MAX      64
#define OCF_PARAMETER_BYTES     64   /* name, with the closing zero */
#define OCF_VALUE_BYTES         4096 /* value, with the closing zero */
#define OCF_TIME_LEAST_MS       100
#define OCF_TIME_MOST_MS        3600000
#define OCF_TIMEOUT_MS          20000 /* as in the metadata of most agents */
#define OCF_MONITOR_INTERVAL_MS 10000

struct ocf_agent {
        char provider[NAME_BYTES];
        char type[NAME_BYTES];
        char *path; /* of the program */
        uint32_t start_timeout_ms, stop_timeout_ms, monitor_timeout_ms, monitor_interval_ms;
        size_t parameter_count;
        char *parameters[OCF_PARAMETERS_MAX]; /* "OCF_RESKEY_name=value" */
};

struct ocf_definition {
        size_t count;
        struct ocf_agent agents[OCF_AGENTS_MAX]; /* in start order */
};

/*
 * 0, -EINVAL, -E2BIG; *ret_error says what, where and what to do. Does not look whether the agents exist:
 * a role must be stoppable where one was uninstalled.
 */
int ocf_definition_read(const char *text, size_t text_bytes, const char *root,
                        struct ocf_definition **ret_definition, char *ret_error, size_t error_bytes);
/* NULL accepted. */
void ocf_definition_free(struct ocf_definition *definition);

#endif
