/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_HYPERVISOR_PARTS_H
#define CLU_SIMULATION_HYPERVISOR_PARTS_H

/* What hypervisor.c and hypervisor_job.c share. */

#include "simulation/world.h"

struct domain *hypervisor_slot(struct world *world, struct simulated_node *node, const char *name);
struct domain *hypervisor_domain_make(struct world *world, struct simulated_node *node,
                                      const struct cluster_action *action, enum domain_state state);
enum observation hypervisor_observation(const struct domain *domain); /* precondition: there is one */
void hypervisor_domain_end(struct world *world, struct simulated_node *node,
                           struct domain *domain); /* what is asked about it stays */
/* The daemon is told, if it is there to hear. */
void hypervisor_observe(struct world *world, struct simulated_node *node, const char *role,
                        enum observation observation);
/* The daemon waits for this one no longer: it has been answered. */
void hypervisor_answer(struct world *world, struct simulated_node *node, struct hypervisor_job *job,
                       enum operation_result result, enum observation observation);
void hypervisor_job_new(struct world *world, struct simulated_node *node,
                        const struct cluster_action *action);
/* The job is over: whoever still waits is told, otherwise it is only seen. */
void hypervisor_job_end(struct world *world, struct simulated_node *node, struct hypervisor_job *job,
                        enum operation_result result, enum observation observation);
/* What it has taken up comes true after that time. */
void hypervisor_job_effect(struct world *world, struct simulated_node *node, const struct hypervisor_job *job,
                           uint64_t delay_us);
void hypervisor_job_free(struct domain *domain, struct hypervisor_job *job);

#endif
