/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Starts, stops and moves: asked for, taken up, and ended one way or another. */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "simulation/hypervisor_parts.h"

enum job_phase { JOB_BEGIN, JOB_EFFECT };

static struct hypervisor_job *job_find(struct domain *domain, uint64_t id)
{
        for (struct hypervisor_job *job = domain->jobs; job != NULL; job = job->next)
                if (job->id == id)
                        return job;
        return NULL;
}

void hypervisor_job_free(struct domain *domain, struct hypervisor_job *job)
{
        struct hypervisor_job **link = &domain->jobs;
        while (*link != job)
                link = &(*link)->next;
        *link = job->next;
        free(job);
}

void hypervisor_answer(struct world *world, struct simulated_node *node, struct hypervisor_job *job,
                       enum operation_result result, enum observation observation)
{
        if (job->reported || job->daemon_life != node->daemon_life)
                return;
        job->reported = true;
        struct cluster_event event;
        memset(&event, 0, sizeof(event));
        event.kind = CLUSTER_EVENT_OPERATION_DONE;
        struct cluster_event_operation *operation = &event.operation;
        TEXT_COPY(operation->role, job->action.role.name);
        operation->generation = job->action.role.generation;
        operation->operation = job->operation;
        operation->result = result;
        operation->observation = observation;
        operation->duration_ms = (uint32_t)((world->now_us - job->begun_us) / 1000);
        if (job->operation == OPERATION_MOVE && result == OPERATION_SUCCEEDED)
                operation->downtime_ms = (uint32_t)random_between(&world->random, 20, 300);
        if (result != OPERATION_SUCCEEDED)
                TEXT_PRINT(operation->text, "%s",
                           result == OPERATION_FAILED ? "simulated failure" : "no answer");
        world_note(world, node, "operation %d on %s ends: result %d, seen as %d", (int)job->operation,
                   job->action.role.name, (int)result, (int)observation);
        shell_send_later(world, node, &event, random_between(&world->random, MS(1), MS(20)));
}

/* The job is over: whoever still waits is told, otherwise it is only seen. */
void hypervisor_job_end(struct world *world, struct simulated_node *node, struct hypervisor_job *job,
                        enum operation_result result, enum observation observation)
{
        if (job->reported || job->daemon_life != node->daemon_life)
                hypervisor_observe(world, node, job->action.role.name, observation);
        else
                hypervisor_answer(world, node, job, result, observation);
        hypervisor_job_free(hypervisor_slot(world, node, job->action.role.name), job);
}

static void job_continue(struct world *world, struct simulated_node *node, const struct hypervisor_job *job,
                         uint64_t delay_us, enum job_phase phase)
{
        uint64_t number = names_number(&world->names, job->action.role.name);
        world_schedule(world, delay_us, EVENT_JOB, node, job->id, number << 1 | phase);
}

void hypervisor_job_effect(struct world *world, struct simulated_node *node, const struct hypervisor_job *job,
                           uint64_t delay_us)
{
        job_continue(world, node, job, delay_us, JOB_EFFECT);
}

static uint64_t job_patience_us(const struct cluster_action *action)
{
        switch ((int)action->kind) {
        case CLUSTER_ACTION_START:
        case CLUSTER_ACTION_RESUME:
        case CLUSTER_ACTION_REDIRECT:
        case CLUSTER_ACTION_RETURN:
                return MS(1500);
        case CLUSTER_ACTION_STOP:
                return MS(action->role.timeout_ms + 1500);
        default:
                return MS(6000);
        }
}

static enum operation operation_of(const struct cluster_action *action)
{
        if (action->kind == CLUSTER_ACTION_START)
                return OPERATION_START;
        if (action->kind == CLUSTER_ACTION_RESUME)
                return OPERATION_RESUME;
        if (action->kind == CLUSTER_ACTION_REDIRECT)
                return OPERATION_REDIRECT;
        if (action->kind == CLUSTER_ACTION_RETURN)
                return OPERATION_RETURN;
        return action->kind == CLUSTER_ACTION_STOP ? OPERATION_STOP : OPERATION_MOVE;
}

void hypervisor_job_new(struct world *world, struct simulated_node *node, const struct cluster_action *action)
{
        struct hypervisor_job *job = calloc(1, sizeof(*job));
        assert(job != NULL);
        job->id = ++world->next_id;
        job->action = *action;
        job->operation = operation_of(action);
        job->daemon_life = node->daemon_life;
        job->begun_us = world->now_us;
        job->volumes = gateway_volumes(cluster_model(node->core), action->role.name);
        uint32_t number = names_number(&world->names, action->role.name);
        struct hypervisor_job **last = &node->hypervisor.domains[number].jobs;
        while (*last != NULL)
                last = &(*last)->next;
        *last = job;
        job_continue(world, node, job, random_between(&world->random, 500, MS(5)), JOB_BEGIN);
        world_schedule(world, job_patience_us(action), EVENT_DEADLINE, node, job->id, number);
}

void hypervisor_on_deadline(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        struct domain *domain = &node->hypervisor.domains[event->b];
        struct hypervisor_job *job = job_find(domain, event->a);
        if (job == NULL)
                return;
        hypervisor_answer(world, node, job, OPERATION_UNKNOWN, OBSERVED_ABSENT_UNKNOWN);
        /* Taken back before libvirtd took it up; or the call is on its way already, and comes true when
         * nobody waits for it any more. */
        bool is_late = job->operation == OPERATION_START &&
                       (world->now_us < node->hypervisor.starts_late_until_us || world_mishap(world, 500));
        if (!job->executing && !is_late)
                hypervisor_job_free(domain, job);
}

/* Operations on one domain happen in order; only destroying cuts in, as libvirt lets it into a migration. */
static bool job_must_wait(struct world *world, struct simulated_node *node, const struct hypervisor_job *job)
{
        const struct domain *domain = hypervisor_slot(world, node, job->action.role.name);
        bool destroys = job->operation == OPERATION_STOP && job->action.role.timeout_ms == 0;
        for (const struct hypervisor_job *other = domain->jobs; other != job; other = other->next)
                if (!destroys || other->operation == OPERATION_START || !other->executing)
                        return true;
        return false;
}

/* --- start --- */

static bool start_fails(struct world *world, const struct simulated_node *node, const char *role)
{
        return world->now_us < node->hypervisor.starts_fail_until_us ||
               world->now_us < world->troubles[names_number(&world->names, role)].starts_fail_until_us;
}

static void start_begin(struct world *world, struct simulated_node *node, struct hypervisor_job *job)
{
        const struct cluster_action *action = &job->action;
        const struct domain *present = hypervisor_domain(world, node, action->role.name);
        if (present != NULL) {
                hypervisor_job_end(world, node, job, OPERATION_FAILED, hypervisor_observation(present));
                return;
        }
        if (job->volumes == 0) /* otherwise when its gateways stand */
                checker_start_executed(world, node, action->role.name, action->role.generation);
        struct domain *domain = hypervisor_domain_make(world, node, action, DOMAIN_STARTING);
        if (job->volumes != 0)
                gateway_open(world, node, domain, action->role.name, job->volumes, action->role.generation,
                             true);
        job->executing = true;
        job->fails = world_mishap(world, 50) || start_fails(world, node, action->role.name);
        bool hangs = world_mishap(world, 20);
        uint64_t duration = hangs ? random_between(&world->random, MS(1500), MS(5000))
                                  : random_between(&world->random, MS(50), MS(600));
        job_continue(world, node, job, duration, JOB_EFFECT);
}

static void start_effect(struct world *world, struct simulated_node *node, struct hypervisor_job *job)
{
        struct domain *domain = hypervisor_domain(world, node, job->action.role.name);
        if (domain == NULL || domain->state != DOMAIN_STARTING) {
                hypervisor_job_end(world, node, job, OPERATION_FAILED,
                                   domain == NULL ? OBSERVED_ABSENT_FAILED : OBSERVED_RUNNING);
                return;
        }
        if (gateway_is_awaited(world, domain) && !job->fails) {
                job_continue(world, node, job, MS(20), JOB_EFFECT);
                return;
        }
        if (job->fails || gateway_is_unfit(domain)) {
                hypervisor_domain_end(world, node, domain);
                hypervisor_job_end(world, node, job, OPERATION_FAILED, OBSERVED_ABSENT_FAILED);
                return;
        }
        if (job->volumes != 0)
                checker_start_executed(world, node, domain->name, job->action.role.generation);
        domain->left_behind = false;
        domain->state = DOMAIN_RUNNING;
        gateway_guest_runs(world, node, domain->name);
        stall_soon(world, node);
        image_started(world, node, domain, job->action.role.definition_hash);
        world->statistics->starts++;
        world_note(world, node, "guest %s runs", domain->name);
        checker_domain_changed(world, node, domain->name);
        export_check_writers(world, node, domain->name);
        hypervisor_job_end(world, node, job, OPERATION_SUCCEEDED, OBSERVED_RUNNING);
}

/* --- stop --- */

static void stop_begin(struct world *world, struct simulated_node *node, struct hypervisor_job *job)
{
        const struct domain *domain = hypervisor_domain(world, node, job->action.role.name);
        if (domain == NULL) {
                hypervisor_job_end(world, node, job, OPERATION_SUCCEEDED, OBSERVED_ABSENT_UNKNOWN);
                return;
        }
        job->executing = true;
        uint32_t timeout_ms = job->action.role.timeout_ms;
        uint64_t asked_us = random_between(&world->random, MS(100), MS(1500));
        bool deaf = world->troubles[names_number(&world->names, job->action.role.name)].deaf_until_us >
                    world->now_us;
        if (deaf || (!world->quiet && random_chance(&world->random, 50)))
                asked_us = UINT64_MAX; /* a guest that does not listen */
        uint64_t duration = asked_us < MS(timeout_ms) ? asked_us : MS(timeout_ms);
        job->fails = world_mishap(world, 10);
        job_continue(world, node, job, duration + random_between(&world->random, MS(5), MS(80)), JOB_EFFECT);
}

static void stop_effect(struct world *world, struct simulated_node *node, struct hypervisor_job *job)
{
        struct domain *domain = hypervisor_domain(world, node, job->action.role.name);
        if (domain != NULL && job->fails) {
                hypervisor_job_end(world, node, job, OPERATION_FAILED, hypervisor_observation(domain));
                return;
        }
        if (domain != NULL)
                hypervisor_domain_end(world, node, domain);
        world_note(world, node, "guest %s is stopped", job->action.role.name);
        hypervisor_job_end(world, node, job, OPERATION_SUCCEEDED,
                           random_chance(&world->random, 500) ? OBSERVED_ABSENT_SHUTDOWN
                                                              : OBSERVED_ABSENT_UNKNOWN);
}

/* --- move --- */

static bool move_fails(struct world *world, const char *role)
{
        return world->now_us < world->troubles[names_number(&world->names, role)].moves_fail_until_us;
}

/* Its QEMU there would find nobody at its sockets. */
static bool target_lacks_gateways(struct world *world, struct simulated_node *node,
                                  struct simulated_node *target, const char *name)
{
        const struct model *model = cluster_model(node->core);
        const struct role *role = model_role(model, name);
        NODE_SET_EACH (role == NULL ? 0 : role->volumes | role->leases, id) {
                const struct volume *volume = model_volume_by_id(model, id);
                if (volume != NULL && volume->kind == VOLUME_ISCSI)
                        return !hypervisor_slot(world, target, name)->prepared;
        }
        return false;
}

static void move_begin(struct world *world, struct simulated_node *node, struct hypervisor_job *job)
{
        const struct cluster_action *action = &job->action;
        const struct domain *domain = hypervisor_domain(world, node, action->role.name);
        if (domain == NULL || domain->state != DOMAIN_RUNNING || domain->stalled) {
                hypervisor_job_end(world, node, job, OPERATION_FAILED,
                                   domain == NULL ? OBSERVED_ABSENT_UNKNOWN : hypervisor_observation(domain));
                return;
        }
        assert(action->role.node >= 1 && action->role.node <= world->node_count);
        struct simulated_node *target = &world->nodes[action->role.node];
        if (target == node || !network_is_linked(node, target) ||
            world->now_us < target->hypervisor.outage_until_us ||
            hypervisor_domain(world, target, action->role.name) != NULL ||
            target_lacks_gateways(world, node, target, action->role.name)) {
                hypervisor_job_end(world, node, job, OPERATION_FAILED, OBSERVED_RUNNING);
                return;
        }
        checker_start_executed(world, target, action->role.name, action->role.generation);
        job->executing = true;
        job->domain_id = hypervisor_domain_make(world, target, action, DOMAIN_INCOMING)->id;
        if (random_chance(&world->random, 500))
                hypervisor_observe(world, target, action->role.name, OBSERVED_INCOMING);
        job->fails = world_mishap(world, 50) || move_fails(world, action->role.name);
        bool hangs = world_mishap(world, 30);
        uint64_t duration = hangs ? random_between(&world->random, MS(3000), MS(9000))
                                  : random_between(&world->random, MS(300), MS(3000));
        job_continue(world, node, job, duration, JOB_EFFECT);
}

/* A target that stands still sees to it later. */
static void copy_vanishes(struct world *world, struct simulated_node *target, const char *role, uint64_t id)
{
        struct domain *copy = hypervisor_domain(world, target, role);
        if (copy != NULL && copy->id == id)
                copy->doomed = true;
        world_schedule(world, random_between(&world->random, 0, MS(200)), EVENT_VANISH, target, id,
                       names_number(&world->names, role));
}

static void move_fail(struct world *world, struct simulated_node *node, struct hypervisor_job *job)
{
        struct simulated_node *target = &world->nodes[job->action.role.node];
        copy_vanishes(world, target, job->action.role.name, job->domain_id);
        const struct domain *here = hypervisor_domain(world, node, job->action.role.name);
        /* Nobody waited for it any more: what is here may have come since. */
        bool comes = here != NULL && here->state == DOMAIN_INCOMING;
        hypervisor_job_end(world, node, job, OPERATION_FAILED,
                           here == NULL    ? OBSERVED_ABSENT_UNKNOWN
                           : comes         ? OBSERVED_INCOMING
                           : here->stalled ? OBSERVED_STALLED
                                           : OBSERVED_RUNNING);
}

/*
 * The connection breaks at the switch: the source stays paused, for it cannot know whether the target took
 * over. Nothing but a stop ends that.
 */
static bool move_is_torn(struct world *world, const char *role)
{
        return world_mishap(world, 20) ||
               world->now_us < world->troubles[names_number(&world->names, role)].moves_tear_until_us;
}

static void guest_arrives(struct world *world, struct simulated_node *target, struct domain *copy)
{
        copy->state = DOMAIN_RUNNING;
        stall_soon(world, target);
        gateway_guest_runs(world, target, copy->name);
        image_arrived(world, copy);
        target->hypervisor.arrived_us = world->now_us;
        world->statistics->moves++;
        world_note(world, target, "guest %s has moved here", copy->name);
        checker_domain_changed(world, target, copy->name);
        export_check_writers(world, target, copy->name);
        hypervisor_observe(world, target, copy->name, OBSERVED_RUNNING);
}

static void move_tear(struct world *world, struct simulated_node *node, struct hypervisor_job *job,
                      struct domain *source, struct domain *copy)
{
        struct simulated_node *target = &world->nodes[job->action.role.node];
        world_note(world, node, "guest %s is left paused", source->name);
        tell_guest(world, node, source->name, false);
        source->state = DOMAIN_PAUSED;
        copy->use = source->use;
        if (random_chance(&world->random, 500))
                guest_arrives(world, target, copy);
        else
                copy_vanishes(world, target, source->name, copy->id);
        hypervisor_job_end(world, node, job, OPERATION_UNKNOWN, OBSERVED_PAUSED);
}

static void move_effect(struct world *world, struct simulated_node *node, struct hypervisor_job *job)
{
        const char *role = job->action.role.name;
        struct simulated_node *target = &world->nodes[job->action.role.node];
        struct domain *source = hypervisor_domain(world, node, role);
        struct domain *copy = hypervisor_domain(world, target, role);
        if (job->fails || source == NULL || source->state != DOMAIN_RUNNING || source->stalled ||
            copy == NULL || copy->id != job->domain_id || copy->state != DOMAIN_INCOMING ||
            !network_is_linked(node, target)) {
                move_fail(world, node, job);
                return;
        }
        if (!export_has_answered(world, node, source)) { /* it cannot be flushed */
                move_fail(world, node, job);
                return;
        }
        source->connection = (struct connection){ .index = 0 };
        if (move_is_torn(world, role)) {
                move_tear(world, node, job, source, copy);
                return;
        }
        hypervisor_domain_end(world, node, source);
        source->moved = true;
        guest_arrives(world, target, copy);
        hypervisor_job_end(world, node, job, OPERATION_SUCCEEDED, OBSERVED_ABSENT_MOVED);
}

/* --- dispatch --- */

static void job_begin(struct world *world, struct simulated_node *node, struct hypervisor_job *job)
{
        if (world->now_us < node->hypervisor.outage_until_us || job_must_wait(world, node, job)) {
                uint64_t pause = job->reported ? random_between(&world->random, MS(10), MS(1500)) : MS(10);
                job_continue(world, node, job, pause, JOB_BEGIN);
                return;
        }
        if (job->operation == OPERATION_START)
                start_begin(world, node, job);
        else if (job->operation == OPERATION_STOP)
                stop_begin(world, node, job);
        else if (job->operation == OPERATION_RESUME || job->operation == OPERATION_REDIRECT ||
                 job->operation == OPERATION_RETURN)
                stall_resume_begin(world, node, job);
        else
                move_begin(world, node, job);
}

void hypervisor_on_job(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        struct hypervisor_job *job = job_find(&node->hypervisor.domains[event->b >> 1], event->a);
        if (job == NULL)
                return;
        if ((event->b & 1) == JOB_BEGIN)
                job_begin(world, node, job);
        else if (job->operation == OPERATION_START)
                start_effect(world, node, job);
        else if (job->operation == OPERATION_STOP)
                stop_effect(world, node, job);
        else if (job->operation == OPERATION_RESUME)
                stall_resume_effect(world, node, job);
        else if (job->operation == OPERATION_REDIRECT)
                export_redirect_effect(world, node, job);
        else if (job->operation == OPERATION_RETURN)
                export_return_effect(world, node, job);
        else
                move_effect(world, node, job);
}
