/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_RESOURCE_AGENTS_OCF_ANSWER_H
#define CLU_RESOURCE_AGENTS_OCF_ANSWER_H

/* What a role of OCF agents tells its daemon. */

#include "resource-agents/ocf_sequence.h"

/* Ends the order being carried out; without one nothing is told. */
void ocf_answer_order(struct ocf_role *role, enum operation_result result, enum observation observation,
                      const char *text);
/* With the role's reason. */
void ocf_answer_observation(struct ocf_role *role, enum observation observation);
/* The clock of durations. */
uint64_t ocf_clock_ms(void);

#endif
