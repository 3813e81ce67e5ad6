/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_RESOURCE_AGENTS_OCF_PHASE_H
#define CLU_RESOURCE_AGENTS_OCF_PHASE_H

/* The phases of a role of OCF agents on one node, and which may follow which: drawn in README.md. */

#include <stdbool.h>

enum ocf_phase {
        OCF_ABSENT,  /* every agent is confirmed stopped, or none was ever started */
        OCF_PROBING, /* asking all agents at once whether they run */
        OCF_STARTING,
        OCF_ONLINE, /* monitored */
        OCF_STOPPING,
        OCF_UNSURE, /* may run in part: a stop failed, or the daemon was restarted and has not asked yet */
        OCF_PHASE_COUNT
};

const char *ocf_phase_name(enum ocf_phase phase);
bool ocf_phase_may_follow(enum ocf_phase from, enum ocf_phase to);

#endif
