/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Virtual machines. Guests and whatever libvirtd has taken up outlive clusterd;
 * only the loss of power ends them all.
 */

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "simulation/hypervisor_parts.h"

void hypervisor_create(struct world *world, struct simulated_node *node)
{
        node->hypervisor.domains = calloc(world->names.max, sizeof(struct domain));
        node->hypervisor.exports = calloc(world->names.max, sizeof(struct simulated_export));
        assert(node->hypervisor.domains != NULL && node->hypervisor.exports != NULL);
}

struct domain *hypervisor_slot(struct world *world, struct simulated_node *node, const char *name)
{
        return &node->hypervisor.domains[names_number(&world->names, name)];
}

struct domain *hypervisor_domain(struct world *world, struct simulated_node *node, const char *name)
{
        struct domain *domain = hypervisor_slot(world, node, name);
        return domain->state == DOMAIN_NONE ? NULL : domain;
}

struct domain *hypervisor_domain_make(struct world *world, struct simulated_node *node,
                                      const struct cluster_action *action, enum domain_state state)
{
        struct domain *domain = hypervisor_slot(world, node, action->role.name);
        assert(domain->state == DOMAIN_NONE);
        domain->name = world->names.name[domain - node->hypervisor.domains];
        domain->state = state;
        domain->doomed = false;
        domain->moved = false;
        domain->stalled = false;
        domain->connection = (struct connection){ .index = 0 };
        memset(&domain->use, 0, sizeof(domain->use));
        domain->id = ++world->next_id;
        return domain;
}

void hypervisor_domain_end(struct world *world, struct simulated_node *node, struct domain *domain)
{
        if (domain->state == DOMAIN_RUNNING)
                tell_guest(world, node, domain->name, false);
        if (domain->state != DOMAIN_NONE)
                export_guest_ends(world, domain);
        domain->state = DOMAIN_NONE;
        domain->prepared = false;
        domain->left_behind = false;
        domain->gateway = (struct gateway){ .id = 0 };
        domain->id = 0;
}

/* The gateways stand until its guest has come and gone; those that nobody needs end by themselves. */
static void prepare(struct world *world, struct simulated_node *node, const struct cluster_action *action)
{
        struct cluster_event prepared = { .kind = CLUSTER_EVENT_PREPARED };
        struct domain *domain = hypervisor_slot(world, node, action->role.name);
        if (!world_mishap(world, 50) && domain->state == DOMAIN_NONE) {
                gateway_open(world, node, domain, action->role.name,
                             gateway_volumes(cluster_model(node->core), action->role.name),
                             action->role.generation, false);
                domain->gateway.preparing = true;
                return;
        }
        TEXT_COPY(prepared.prepared.role, action->role.name);
        prepared.prepared.generation = action->role.generation;
        prepared.prepared.succeeded = domain->prepared && domain->state != DOMAIN_NONE;
        TEXT_COPY(prepared.prepared.text, "simulated failure");
        shell_send_later(world, node, &prepared, random_between(&world->random, MS(5), MS(200)));
}

void hypervisor_observe(struct world *world, struct simulated_node *node, const char *role,
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
        hypervisor_domain_end(world, node, domain);
        hypervisor_observe(world, node, domain->name, why);
}

bool hypervisor_is_running(struct world *world, struct simulated_node *node, const char *name)
{
        const struct domain *domain = hypervisor_domain(world, node, name);
        return domain != NULL && domain->state == DOMAIN_RUNNING;
}

/* It has run there for long: nobody asked this daemon to start it. */
void hypervisor_adopt(struct world *world, struct simulated_node *node, const struct cluster_action *action)
{
        struct domain *domain = hypervisor_domain_make(world, node, action, DOMAIN_RUNNING);
        image_started(world, node, domain, action->role.definition_hash);
        tell_guest(world, node, domain->name, true);
}

void hypervisor_start_by_hand(struct world *world, struct simulated_node *node, const char *name)
{
        struct cluster_action action = { .kind = CLUSTER_ACTION_START };
        TEXT_COPY(action.role.name, name);
        hypervisor_adopt(world, node, &action);
        hypervisor_observe(world, node, name, OBSERVED_RUNNING);
}

/* The first that runs from a random one on; NULL if none does. */
struct domain *hypervisor_some_guest(struct world *world, struct simulated_node *node, struct random *random)
{
        uint32_t first = (uint32_t)random_below(random, world->names.max);
        for (uint32_t i = 0; i < world->names.count; i++) {
                uint32_t number = (first + i) % world->names.count;
                if (node->hypervisor.domains[number].state == DOMAIN_RUNNING)
                        return &node->hypervisor.domains[number];
        }
        return NULL;
}

void hypervisor_on_vanish(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        struct domain *domain = &node->hypervisor.domains[event->b];
        if (domain->state == DOMAIN_INCOMING && domain->id == event->a)
                hypervisor_guest_ends(world, node, domain, OBSERVED_ABSENT_FAILED);
}

/* --- what is there --- */

static const struct hypervisor_job *moving_out(const struct domain *domain)
{
        for (const struct hypervisor_job *job = domain->jobs; job != NULL; job = job->next)
                if (job->executing && job->operation == OPERATION_MOVE)
                        return job;
        return NULL;
}

bool hypervisor_is_leaving(struct world *world, struct simulated_node *node, const char *name)
{
        return moving_out(hypervisor_slot(world, node, name)) != NULL;
}

bool hypervisor_moves_to(struct world *world, struct simulated_node *node, const char *name)
{
        WORLD_EACH_NODE (world, source)
                for (const struct hypervisor_job *job = hypervisor_slot(world, source, name)->jobs;
                     job != NULL; job = job->next)
                        if (job->operation == OPERATION_MOVE && job->action.role.node == node->id)
                                return true;
        return false;
}

struct simulated_node *hypervisor_sender(struct world *world, struct simulated_node *node, const char *name)
{
        const struct domain *domain = hypervisor_domain(world, node, name);
        if (domain == NULL || domain->state != DOMAIN_INCOMING)
                return NULL;
        WORLD_EACH_NODE (world, source) {
                const struct hypervisor_job *job = moving_out(hypervisor_slot(world, source, name));
                if (job != NULL && job->domain_id == domain->id && hypervisor_is_running(world, source, name))
                        return source;
        }
        return NULL;
}

enum observation hypervisor_observation(const struct domain *domain)
{
        if (moving_out(domain) != NULL)
                return OBSERVED_OUTGOING;
        if (domain->state == DOMAIN_PAUSED)
                return OBSERVED_PAUSED;
        if (domain->state == DOMAIN_RUNNING && domain->stalled)
                return OBSERVED_STALLED;
        return domain->state == DOMAIN_INCOMING ? OBSERVED_INCOMING : OBSERVED_RUNNING;
}

void hypervisor_on_list(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        struct cluster_event answered;
        memset(&answered, 0, sizeof(answered));
        answered.kind = CLUSTER_EVENT_LISTED;
        answered.listed.listing = event->a;
        /* What is said late is older than much that came of operations and events meanwhile. */
        uint64_t delay_us = world_mishap(world, 100) ? random_between(&world->random, MS(40), MS(4000))
                                                     : random_between(&world->random, MS(1), MS(40));
        bool fails = world_mishap(world, 10);
        if (fails || world->now_us < node->hypervisor.outage_until_us) {
                answered.listed.failed = true;
                shell_send_later(world, node, &answered, delay_us);
                return;
        }
        for (uint32_t number = 0; number < world->names.count; number++) {
                const struct domain *domain = &node->hypervisor.domains[number];
                if (domain->state == DOMAIN_NONE)
                        continue;
                TEXT_COPY(answered.listed.role, domain->name);
                answered.listed.observation = hypervisor_observation(domain);
                shell_send_later(world, node, &answered, delay_us);
        }
        answered.listed.export = true;
        for (uint32_t number = 0; number < world->names.count; number++)
                if (node->hypervisor.exports[number].there) {
                        TEXT_COPY(answered.listed.role, world->names.name[number]);
                        shell_send_later(world, node, &answered, delay_us);
                }
        answered.listed.export = false;
        memset(answered.listed.role, 0, sizeof(answered.listed.role));
        answered.listed.end = true;
        shell_send_later(world, node, &answered, delay_us);
}

bool hypervisor_may_run(struct world *world, struct simulated_node *node, const char *name)
{
        if (!node->powered)
                return false;
        const struct domain *domain = hypervisor_slot(world, node, name);
        bool stranded = domain->state == DOMAIN_INCOMING && hypervisor_sender(world, node, name) == NULL;
        if (domain->state != DOMAIN_NONE && !domain->doomed && !stranded)
                return true;
        for (const struct hypervisor_job *job = domain->jobs; job != NULL; job = job->next)
                if (job->operation == OPERATION_START)
                        return true;
        return false;
}

void hypervisor_carry_out(struct world *world, struct simulated_node *node,
                          const struct cluster_action *action)
{
        if (action->kind == CLUSTER_ACTION_PREPARE)
                prepare(world, node, action);
        else if (action->kind == CLUSTER_ACTION_LIST)
                world_schedule(world, random_between(&world->random, MS(1), MS(20)), EVENT_LIST, node,
                               action->listing, 0);
        else
                hypervisor_job_new(world, node, action);
}

/* --- what ends it all --- */

/* What libvirtd had not taken up dies with the connection; the rest goes on unheard. */
void hypervisor_daemon_gone(struct world *world, struct simulated_node *node)
{
        for (uint32_t number = 0; number < world->names.count; number++) {
                struct domain *domain = &node->hypervisor.domains[number];
                for (struct hypervisor_job *job = domain->jobs, *next; job != NULL; job = next) {
                        next = job->next;
                        if (!job->executing)
                                hypervisor_job_free(domain, job);
                }
        }
}

static void outage_hits(struct world *world, struct simulated_node *node, struct domain *domain,
                        struct hypervisor_job *job)
{
        hypervisor_answer(world, node, job, OPERATION_UNKNOWN, OBSERVED_ABSENT_UNKNOWN);
        if (!job->executing)
                hypervisor_job_free(domain, job);
        else if (job->operation != OPERATION_STOP && random_chance(&world->random, 500))
                job->fails = true;
}

void hypervisor_outage(struct world *world, struct simulated_node *node, uint64_t duration_us)
{
        node->hypervisor.outage_until_us = world->now_us + duration_us;
        world_schedule(world, duration_us + MS(1), EVENT_RECONNECT, node, 0, 0);
        for (uint32_t number = 0; number < world->names.count; number++) {
                struct domain *domain = &node->hypervisor.domains[number];
                for (struct hypervisor_job *job = domain->jobs, *next; job != NULL; job = next) {
                        next = job->next;
                        outage_hits(world, node, domain, job);
                }
        }
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

static void power_off_job(struct world *world, uint32_t number, const struct hypervisor_job *job)
{
        if (job->executing && job->operation == OPERATION_MOVE)
                world_schedule(world, random_between(&world->random, MS(10), MS(3000)), EVENT_VANISH,
                               &world->nodes[job->action.role.node], job->domain_id, number);
}

void hypervisor_power_off(struct world *world, struct simulated_node *node)
{
        for (uint32_t number = 0; number < world->names.count; number++) {
                struct domain *domain = &node->hypervisor.domains[number];
                while (domain->jobs != NULL) {
                        power_off_job(world, number, domain->jobs);
                        hypervisor_job_free(domain, domain->jobs);
                }
                hypervisor_domain_end(world, node, domain);
        }
        export_power_off(world, node);
        node->hypervisor.outage_until_us = 0;
}

void hypervisor_release(struct world *world, struct simulated_node *node)
{
        for (uint32_t number = 0; number < world->names.count; number++)
                while (node->hypervisor.domains[number].jobs != NULL)
                        hypervisor_job_free(&node->hypervisor.domains[number],
                                            node->hypervisor.domains[number].jobs);
        free(node->hypervisor.domains);
        free(node->hypervisor.exports);
}
