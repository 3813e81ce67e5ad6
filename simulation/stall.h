/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_SIMULATION_STALL_H
#define CLU_SIMULATION_STALL_H

/*
 * Guests that their disks fail: they write all the time, so whoever's volume answers with an error stands
 * still soon after. What had failed has not been written.
 */

#include <stdbool.h>
#include <stdint.h>

struct world;
struct simulated_node;
struct domain;
struct hypervisor_job;
struct event;

/* Some of its guests may stand still soon: a volume has failed, or one has come to write to it. */
void stall_soon(struct world *world, struct simulated_node *node);
void stall_on_check(struct world *world, const struct event *event);
void stall_begin(struct world *world, struct simulated_node *node, struct domain *domain);
void stall_end(struct world *world, struct simulated_node *node, struct domain *domain);
/* Does its disk fail the guest of this role here? */
bool stall_io_fails(struct world *world, struct simulated_node *node, const char *role);

void stall_resume_begin(struct world *world, struct simulated_node *node, struct hypervisor_job *job);
void stall_resume_effect(struct world *world, struct simulated_node *node, struct hypervisor_job *job);

#endif
