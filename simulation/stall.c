/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "simulation/stall.h"

#include "simulation/hypervisor_parts.h"

void stall_soon(struct world *world, struct simulated_node *node)
{
        world_schedule(world, random_between(&world->random, MS(1), MS(300)), EVENT_STALL, node, 0, 0);
}

bool stall_io_fails(struct world *world, struct simulated_node *node, const char *name)
{
        const struct role *role = model_role(world->checker.reference, name);
        NODE_SET_EACH (role == NULL ? 0 : role->volumes, id) {
                const struct volume *volume = model_volume_by_id(world->checker.reference, id);
                if (volume != NULL &&
                    volume_trouble(world, node, volume->path + 1)->failed_until_us > world->now_us)
                        return true;
        }
        return false;
}

void stall_begin(struct world *world, struct simulated_node *node, struct domain *domain)
{
        if (domain->stalled || domain->use.held) /* what is held writes nothing */
                return;
        domain->stalled = true;
        tell(world, "", "guest %s stalls %s", domain->name, node->name);
        hypervisor_observe(world, node, domain->name, OBSERVED_STALLED);
}

void stall_end(struct world *world, struct simulated_node *node, struct domain *domain)
{
        if (domain->stalled)
                tell(world, "", "guest %s resumes %s", domain->name, node->name);
        domain->stalled = false;
}

void stall_on_check(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        for (uint32_t number = 0; number < world->names.count; number++) {
                struct domain *domain = &node->hypervisor.domains[number];
                if (domain->state == DOMAIN_RUNNING && domain->connection.index == 0 &&
                    stall_io_fails(world, node, domain->name))
                        stall_begin(world, node, domain);
        }
}

void stall_resume_begin(struct world *world, struct simulated_node *node, struct hypervisor_job *job)
{
        const struct domain *domain = hypervisor_domain(world, node, job->action.role.name);
        if (domain == NULL || domain->state != DOMAIN_RUNNING) {
                hypervisor_job_end(world, node, job, OPERATION_FAILED,
                                   domain == NULL ? OBSERVED_ABSENT_UNKNOWN : hypervisor_observation(domain));
                return;
        }
        job->executing = true;
        bool hangs = world_mishap(world, 20);
        hypervisor_job_effect(world, node, job,
                              hangs ? random_between(&world->random, MS(1500), MS(9000))
                                    : random_between(&world->random, MS(5), MS(100)));
}

/* What fails again may be seen to do so at once, or a moment later. */
void stall_resume_effect(struct world *world, struct simulated_node *node, struct hypervisor_job *job)
{
        struct domain *domain = hypervisor_domain(world, node, job->action.role.name);
        bool is_there = domain != NULL && domain->state == DOMAIN_RUNNING;
        bool fails = is_there && stall_io_fails(world, node, domain->name);
        if (!is_there || world_mishap(world, 50) || (fails && random_chance(&world->random, 500))) {
                hypervisor_job_end(world, node, job, OPERATION_FAILED,
                                   domain == NULL ? OBSERVED_ABSENT_UNKNOWN : hypervisor_observation(domain));
                return;
        }
        stall_end(world, node, domain);
        domain->connection = (struct connection){ .index = 0 };
        export_check_writers(world, node, domain->name);
        WORLD_EACH_NODE (world, other)
                if (export_may_write(world, other, domain->name))
                        world_violate(world, "3: false evidence", node, domain->name,
                                      "it goes on by its own files, and %s exports it", other->name);
        if (fails)
                stall_soon(world, node);
        hypervisor_job_end(world, node, job, OPERATION_SUCCEEDED, OBSERVED_RUNNING);
}
