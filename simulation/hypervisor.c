/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Virtual machines. Guests and whatever libvirtd has taken up outlive clusterd;
 * only the loss of power ends them all.
 */

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "simulation/world.h"

enum job_phase { JOB_BEGIN, JOB_EFFECT };

struct domain *hypervisor_domain(struct simulated_node *node, const char *name)
{
        for (size_t i = 0; i < DOMAINS_MAX; i++) {
                struct domain *domain = &node->hypervisor.domains[i];
                if (domain->state != DOMAIN_NONE && text_equal(domain->name, name))
                        return domain;
        }
        return NULL;
}

static struct domain *domain_make(struct world *world, struct simulated_node *node,
                                  const struct cluster_action *action, enum domain_state state)
{
        for (size_t i = 0; i < DOMAINS_MAX; i++) {
                struct domain *domain = &node->hypervisor.domains[i];
                if (domain->state != DOMAIN_NONE)
                        continue;
                domain->state = state;
                domain->id = ++world->next_id;
                domain->generation = action->role.generation;
                TEXT_COPY(domain->name, action->role.name);
                return domain;
        }
        assert(!"more domains than a cluster can have roles");
        return NULL;
}

static void observe(struct world *world, struct simulated_node *node, const char *role,
                    enum observation observation)
{
        if (node->daemon_life == 0 || world->now_us < node->hypervisor.outage_until_us)
                return;
        struct cluster_event event;
        memset(&event, 0, sizeof(event));
        event.kind = CLUSTER_EVENT_OBSERVED;
        event.observed.observation = observation;
        TEXT_COPY(event.observed.role, role);
        world_note(world, node, "%s is seen as %d", role, (int)observation);
        shell_send_later(world, node, &event, random_between(&world->random, MS(1), MS(50)));
}

void hypervisor_guest_ends(struct world *world, struct simulated_node *node, struct domain *domain,
                           enum observation why)
{
        char role[NAME_BYTES];
        TEXT_COPY(role, domain->name);
        memset(domain, 0, sizeof(*domain));
        observe(world, node, role, why);
}

/* --- jobs --- */

static struct hypervisor_job *job_find(struct simulated_node *node, uint64_t id)
{
        for (size_t i = 0; i < JOBS_MAX; i++)
                if (node->hypervisor.jobs[i].id == id)
                        return &node->hypervisor.jobs[i];
        return NULL;
}

static void answer(struct world *world, struct simulated_node *node, struct hypervisor_job *job,
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
static void job_end(struct world *world, struct simulated_node *node, struct hypervisor_job *job,
                    enum operation_result result, enum observation observation)
{
        if (job->reported || job->daemon_life != node->daemon_life)
                observe(world, node, job->action.role.name, observation);
        else
                answer(world, node, job, result, observation);
        job->id = 0;
}

static void job_continue(struct world *world, struct simulated_node *node, const struct hypervisor_job *job,
                         uint64_t delay_us, enum job_phase phase)
{
        world_schedule(world, delay_us, EVENT_JOB, node, job->id, phase);
}

static uint64_t job_patience_us(const struct cluster_action *action)
{
        switch ((int)action->kind) {
        case CLUSTER_ACTION_START:
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
        return action->kind == CLUSTER_ACTION_STOP ? OPERATION_STOP : OPERATION_MOVE;
}

static void job_new(struct world *world, struct simulated_node *node, const struct cluster_action *action)
{
        struct hypervisor_job *job = job_find(node, 0);
        if (job == NULL) {
                world_violate(world, "stuck", node, action->role.name, "more than %d operations at once",
                              JOBS_MAX);
                return;
        }
        memset(job, 0, sizeof(*job));
        job->id = ++world->next_id;
        job->action = *action;
        job->operation = operation_of(action);
        job->daemon_life = node->daemon_life;
        job->begun_us = world->now_us;
        job_continue(world, node, job, random_between(&world->random, 500, MS(5)), JOB_BEGIN);
        world_schedule(world, job_patience_us(action), EVENT_DEADLINE, node, job->id, 0);
}

void hypervisor_on_deadline(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        struct hypervisor_job *job = job_find(node, event->a);
        if (job == NULL)
                return;
        answer(world, node, job, OPERATION_UNKNOWN, OBSERVED_ABSENT_UNKNOWN);
        if (!job->executing)
                job->id = 0; /* taken back before libvirtd took it up */
}

/* Operations on one domain happen in order; only destroying cuts in, as libvirt lets it into a migration. */
static bool job_must_wait(struct simulated_node *node, const struct hypervisor_job *job)
{
        for (size_t i = 0; i < JOBS_MAX; i++) {
                const struct hypervisor_job *other = &node->hypervisor.jobs[i];
                if (other->id == 0 || other->id >= job->id ||
                    !text_equal(other->action.role.name, job->action.role.name))
                        continue;
                bool destroys = job->operation == OPERATION_STOP && job->action.role.timeout_ms == 0;
                if (!destroys || other->operation == OPERATION_START || !other->executing)
                        return true;
        }
        return false;
}

/* --- start --- */

static void start_begin(struct world *world, struct simulated_node *node, struct hypervisor_job *job)
{
        const struct cluster_action *action = &job->action;
        if (hypervisor_domain(node, action->role.name) != NULL) {
                bool incoming = hypervisor_domain(node, action->role.name)->state == DOMAIN_INCOMING;
                job_end(world, node, job, OPERATION_FAILED, incoming ? OBSERVED_INCOMING : OBSERVED_RUNNING);
                return;
        }
        checker_start_executed(world, node, action->role.name, action->role.generation);
        (void)domain_make(world, node, action, DOMAIN_STARTING);
        job->executing = true;
        job->fails = !world->healing && random_chance(&world->random, 50);
        bool hangs = !world->healing && random_chance(&world->random, 20);
        uint64_t duration = hangs ? random_between(&world->random, MS(1500), MS(5000))
                                  : random_between(&world->random, MS(50), MS(600));
        job_continue(world, node, job, duration, JOB_EFFECT);
}

static void start_effect(struct world *world, struct simulated_node *node, struct hypervisor_job *job)
{
        struct domain *domain = hypervisor_domain(node, job->action.role.name);
        if (domain == NULL || domain->state != DOMAIN_STARTING) {
                job_end(world, node, job, OPERATION_FAILED,
                        domain == NULL ? OBSERVED_ABSENT_FAILED : OBSERVED_RUNNING);
                return;
        }
        if (job->fails) {
                memset(domain, 0, sizeof(*domain));
                job_end(world, node, job, OPERATION_FAILED, OBSERVED_ABSENT_FAILED);
                return;
        }
        domain->state = DOMAIN_RUNNING;
        world->statistics->starts++;
        world_note(world, node, "guest %s runs", domain->name);
        checker_domain_changed(world, node, domain->name);
        job_end(world, node, job, OPERATION_SUCCEEDED, OBSERVED_RUNNING);
}

/* --- stop --- */

static void stop_begin(struct world *world, struct simulated_node *node, struct hypervisor_job *job)
{
        const struct domain *domain = hypervisor_domain(node, job->action.role.name);
        if (domain == NULL) {
                job_end(world, node, job, OPERATION_SUCCEEDED, OBSERVED_ABSENT_UNKNOWN);
                return;
        }
        job->executing = true;
        uint32_t timeout_ms = job->action.role.timeout_ms;
        uint64_t asked_us = random_between(&world->random, MS(100), MS(1500));
        if (random_chance(&world->random, 50))
                asked_us = UINT64_MAX; /* a guest that does not listen */
        uint64_t duration = asked_us < MS(timeout_ms) ? asked_us : MS(timeout_ms);
        job->fails = !world->healing && random_chance(&world->random, 10);
        job_continue(world, node, job, duration + random_between(&world->random, MS(5), MS(80)), JOB_EFFECT);
}

static void stop_effect(struct world *world, struct simulated_node *node, struct hypervisor_job *job)
{
        struct domain *domain = hypervisor_domain(node, job->action.role.name);
        if (domain != NULL && job->fails) {
                job_end(world, node, job, OPERATION_FAILED,
                        domain->state == DOMAIN_INCOMING ? OBSERVED_INCOMING : OBSERVED_RUNNING);
                return;
        }
        if (domain != NULL)
                memset(domain, 0, sizeof(*domain));
        world_note(world, node, "guest %s is stopped", job->action.role.name);
        job_end(world, node, job, OPERATION_SUCCEEDED,
                random_chance(&world->random, 500) ? OBSERVED_ABSENT_SHUTDOWN : OBSERVED_ABSENT_UNKNOWN);
}

/* --- move --- */

static bool nodes_are_connected(const struct simulated_node *a, const struct simulated_node *b)
{
        return a->powered && b->powered && !a->frozen && !b->frozen && a->station.label == b->station.label;
}

static void move_begin(struct world *world, struct simulated_node *node, struct hypervisor_job *job)
{
        const struct cluster_action *action = &job->action;
        const struct domain *domain = hypervisor_domain(node, action->role.name);
        if (domain == NULL || domain->state != DOMAIN_RUNNING) {
                job_end(world, node, job, OPERATION_FAILED, OBSERVED_ABSENT_UNKNOWN);
                return;
        }
        assert(action->role.node >= 1 && action->role.node <= world->node_count);
        struct simulated_node *target = &world->nodes[action->role.node];
        if (target == node || !nodes_are_connected(node, target) ||
            world->now_us < target->hypervisor.outage_until_us ||
            hypervisor_domain(target, action->role.name) != NULL) {
                job_end(world, node, job, OPERATION_FAILED, OBSERVED_RUNNING);
                return;
        }
        checker_start_executed(world, target, action->role.name, action->role.generation);
        job->executing = true;
        job->domain_id = domain_make(world, target, action, DOMAIN_INCOMING)->id;
        if (random_chance(&world->random, 500))
                observe(world, target, action->role.name, OBSERVED_INCOMING);
        job->fails = !world->healing && random_chance(&world->random, 50);
        job_continue(world, node, job, random_between(&world->random, MS(300), MS(3000)), JOB_EFFECT);
}

static void move_fail(struct world *world, struct simulated_node *node, struct hypervisor_job *job)
{
        struct simulated_node *target = &world->nodes[job->action.role.node];
        world_schedule(world, random_between(&world->random, 0, MS(200)), EVENT_VANISH, target,
                       job->domain_id, 0);
        bool here = hypervisor_domain(node, job->action.role.name) != NULL;
        job_end(world, node, job, OPERATION_FAILED, here ? OBSERVED_RUNNING : OBSERVED_ABSENT_UNKNOWN);
}

static void move_effect(struct world *world, struct simulated_node *node, struct hypervisor_job *job)
{
        const char *role = job->action.role.name;
        struct simulated_node *target = &world->nodes[job->action.role.node];
        struct domain *source = hypervisor_domain(node, role);
        struct domain *copy = hypervisor_domain(target, role);
        if (job->fails || source == NULL || source->state != DOMAIN_RUNNING || copy == NULL ||
            copy->id != job->domain_id || copy->state != DOMAIN_INCOMING ||
            !nodes_are_connected(node, target)) {
                move_fail(world, node, job);
                return;
        }
        memset(source, 0, sizeof(*source));
        copy->state = DOMAIN_RUNNING;
        world->statistics->moves++;
        world_note(world, node, "guest %s has moved to n%u", role, target->id);
        checker_domain_changed(world, target, role);
        observe(world, target, role, OBSERVED_RUNNING);
        job_end(world, node, job, OPERATION_SUCCEEDED, OBSERVED_ABSENT_MOVED);
}

void hypervisor_on_vanish(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        for (size_t i = 0; i < DOMAINS_MAX; i++) {
                struct domain *domain = &node->hypervisor.domains[i];
                if (domain->state == DOMAIN_INCOMING && domain->id == event->a)
                        hypervisor_guest_ends(world, node, domain, OBSERVED_ABSENT_FAILED);
        }
}

/* --- dispatch --- */

static void job_begin(struct world *world, struct simulated_node *node, struct hypervisor_job *job)
{
        if (world->now_us < node->hypervisor.outage_until_us || job_must_wait(node, job)) {
                job_continue(world, node, job, MS(10), JOB_BEGIN);
                return;
        }
        if (job->operation == OPERATION_START)
                start_begin(world, node, job);
        else if (job->operation == OPERATION_STOP)
                stop_begin(world, node, job);
        else
                move_begin(world, node, job);
}

void hypervisor_on_job(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        struct hypervisor_job *job = job_find(node, event->a);
        if (job == NULL)
                return;
        if (event->b == JOB_BEGIN)
                job_begin(world, node, job);
        else if (job->operation == OPERATION_START)
                start_effect(world, node, job);
        else if (job->operation == OPERATION_STOP)
                stop_effect(world, node, job);
        else
                move_effect(world, node, job);
}

void hypervisor_carry_out(struct world *world, struct simulated_node *node,
                          const struct cluster_action *action)
{
        if (action->kind == CLUSTER_ACTION_LIST)
                world_schedule(world, random_between(&world->random, MS(1), MS(20)), EVENT_LIST, node,
                               action->listing, 0);
        else
                job_new(world, node, action);
}

static enum observation domain_observation(const struct simulated_node *node, const struct domain *domain)
{
        for (size_t i = 0; i < JOBS_MAX; i++) {
                const struct hypervisor_job *job = &node->hypervisor.jobs[i];
                if (job->id != 0 && job->executing && job->operation == OPERATION_MOVE &&
                    text_equal(job->action.role.name, domain->name))
                        return OBSERVED_OUTGOING;
        }
        return domain->state == DOMAIN_INCOMING ? OBSERVED_INCOMING : OBSERVED_RUNNING;
}

void hypervisor_on_list(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        struct cluster_event answered;
        memset(&answered, 0, sizeof(answered));
        answered.kind = CLUSTER_EVENT_LISTED;
        answered.listed.listing = event->a;
        uint64_t delay_us = random_between(&world->random, MS(1), MS(40));
        bool fails = !world->healing && random_chance(&world->random, 10);
        if (fails || world->now_us < node->hypervisor.outage_until_us) {
                answered.listed.failed = true;
                shell_send_later(world, node, &answered, delay_us);
                return;
        }
        for (size_t i = 0; i < DOMAINS_MAX; i++) {
                const struct domain *domain = &node->hypervisor.domains[i];
                if (domain->state == DOMAIN_NONE)
                        continue;
                TEXT_COPY(answered.listed.role, domain->name);
                answered.listed.observation = domain_observation(node, domain);
                shell_send_later(world, node, &answered, delay_us);
        }
        memset(answered.listed.role, 0, sizeof(answered.listed.role));
        answered.listed.end = true;
        shell_send_later(world, node, &answered, delay_us);
}

bool hypervisor_may_run(struct simulated_node *node, const char *name)
{
        if (!node->powered)
                return false;
        if (hypervisor_domain(node, name) != NULL)
                return true;
        for (size_t i = 0; i < JOBS_MAX; i++) {
                const struct hypervisor_job *job = &node->hypervisor.jobs[i];
                if (job->id != 0 && job->operation == OPERATION_START &&
                    text_equal(job->action.role.name, name))
                        return true;
        }
        return false;
}

/* What libvirtd had not taken up dies with the connection; the rest goes on unheard. */
void hypervisor_daemon_gone(struct world *world, struct simulated_node *node)
{
        (void)world;
        for (size_t i = 0; i < JOBS_MAX; i++)
                if (!node->hypervisor.jobs[i].executing)
                        node->hypervisor.jobs[i].id = 0;
}

static void outage_hits(struct world *world, struct simulated_node *node, struct hypervisor_job *job)
{
        answer(world, node, job, OPERATION_UNKNOWN, OBSERVED_ABSENT_UNKNOWN);
        if (!job->executing)
                job->id = 0;
        else if (job->operation == OPERATION_MOVE)
                job->fails = true;
        else if (job->operation == OPERATION_START && random_chance(&world->random, 500))
                job->fails = true;
}

void hypervisor_outage(struct world *world, struct simulated_node *node, uint64_t duration_us)
{
        node->hypervisor.outage_until_us = world->now_us + duration_us;
        world_schedule(world, duration_us + MS(1), EVENT_RECONNECT, node, 0, 0);
        for (size_t i = 0; i < JOBS_MAX; i++)
                if (node->hypervisor.jobs[i].id != 0)
                        outage_hits(world, node, &node->hypervisor.jobs[i]);
}

/* libvirtd is there again, and whatever it said meanwhile was not heard. */
void hypervisor_on_reconnect(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        if (node->daemon_life == 0 || world->now_us < node->hypervisor.outage_until_us)
                return;
        struct cluster_event unasked;
        memset(&unasked, 0, sizeof(unasked));
        unasked.kind = CLUSTER_EVENT_LISTED;
        unasked.listed.failed = true;
        shell_send_later(world, node, &unasked, random_between(&world->random, MS(1), MS(100)));
}

void hypervisor_power_off(struct world *world, struct simulated_node *node)
{
        for (size_t i = 0; i < JOBS_MAX; i++) {
                const struct hypervisor_job *job = &node->hypervisor.jobs[i];
                if (job->id != 0 && job->executing && job->operation == OPERATION_MOVE)
                        world_schedule(world, random_between(&world->random, MS(10), MS(3000)), EVENT_VANISH,
                                       &world->nodes[job->action.role.node], job->domain_id, 0);
        }
        memset(&node->hypervisor, 0, sizeof(node->hypervisor));
}
