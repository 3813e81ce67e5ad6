/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "simulation/export.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "simulation/hypervisor_parts.h"

static struct simulated_export *export_of(struct world *world, struct simulated_node *node, const char *role)
{
        return &node->hypervisor.exports[names_number(&world->names, role)];
}

/* --- what clusterd asks for --- */

struct ordered {
        struct cluster_action action;
        uint64_t daemon_life;
};

void export_carry_out(struct world *world, struct simulated_node *node, const struct cluster_action *action)
{
        struct ordered *kept = malloc(sizeof(*kept));
        assert(kept != NULL);
        kept->action = *action;
        kept->daemon_life = node->daemon_life;
        uint64_t delay_us = world_mishap(world, 50) ? random_between(&world->random, MS(200), MS(3000))
                                                    : random_between(&world->random, MS(5), MS(100));
        world_schedule_payload(world, delay_us, EVENT_EXPORT, node, kept);
}

void export_ends(struct world *world, struct simulated_node *node, const char *role)
{
        struct simulated_export *export = export_of(world, node, role);
        if (export->there)
                tell(world, "", "export %s gone %s", role, node->name);
        *export = (struct simulated_export){ .there = false };
}

static enum operation_result open_it(struct world *world, struct simulated_node *node,
                                     const struct cluster_action *action)
{
        struct simulated_export *export = export_of(world, node, action->role.name);
        export_ends(world, node, action->role.name);
        if (world_mishap(world, 100) || stall_io_fails(world, node, action->role.name))
                return OPERATION_FAILED;
        *export = (struct simulated_export){ .there = true,
                                             .index = action->role.index,
                                             .image = image_of_definition(action->role.definition_hash) };
        tell(world, "", "export %s there %s", action->role.name, node->name);
        return world_mishap(world, 50) ? OPERATION_UNKNOWN : OPERATION_SUCCEEDED;
}

static enum operation_result close_it(struct world *world, struct simulated_node *node,
                                      const struct cluster_action *action)
{
        if (world_mishap(world, 50))
                return random_chance(&world->random, 500) ? OPERATION_UNKNOWN : OPERATION_FAILED;
        export_ends(world, node, action->role.name);
        return OPERATION_SUCCEEDED;
}

void export_on_order(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        const struct ordered *ordered = event->payload;
        const struct cluster_action *action = &ordered->action;
        /* A worker of a daemon that is gone may have come so far, and nobody knows. */
        if (ordered->daemon_life != node->daemon_life && random_chance(&world->random, 500))
                return;
        struct cluster_event answer;
        memset(&answer, 0, sizeof(answer));
        answer.kind = CLUSTER_EVENT_EXPORT;
        TEXT_COPY(answer.export.role, action->role.name);
        answer.export.index = action->role.index;
        answer.export.open = action->role.open;
        answer.export.result = (action->role.open ? open_it : close_it)(world, node, action);
        answer.export.port = 10809;
        TEXT_COPY(answer.export.key, "simulated");
        if (answer.export.result != OPERATION_SUCCEEDED)
                TEXT_COPY(answer.export.text, "simulated failure");
        world_note(world, node, "export %s %s ends: result %d", action->role.name,
                   action->role.open ? "open" : "close", (int)answer.export.result);
        if (ordered->daemon_life == node->daemon_life)
                shell_send_later(world, node, &answer, random_between(&world->random, MS(1), MS(20)));
}

void export_power_off(struct world *world, struct simulated_node *node)
{
        for (uint32_t number = 0; number < world->names.count; number++)
                export_ends(world, node, world->names.name[number]);
}

/* --- guests that write by one --- */

static void look_later(struct world *world, struct simulated_node *node, const struct domain *domain)
{
        world_schedule(world, random_between(&world->random, MS(50), MS(400)), EVENT_CONNECTION, node,
                       domain->connection.index, 0);
}

static struct simulated_export *other_end(struct world *world, const struct domain *domain)
{
        struct simulated_export *export =
                export_of(world, &world->nodes[domain->connection.node], domain->name);
        return export->there && export->index == domain->connection.index ? export : NULL;
}

static bool is_silent(struct simulated_node *node, struct simulated_node *exporter)
{
        return exporter->frozen || !network_is_linked(node, exporter);
}

bool export_has_answered(struct world *world, struct simulated_node *node, struct domain *domain)
{
        struct connection *connection = &domain->connection;
        if (connection->index == 0)
                return true;
        struct simulated_node *exporter = &world->nodes[connection->node];
        const struct simulated_export *export = other_end(world, domain);
        return export != NULL && !connection->broken && !export->late && !is_silent(node, exporter);
}

void export_guest_ends(struct world *world, struct domain *domain)
{
        struct simulated_export *export = domain->connection.index == 0 ? NULL : other_end(world, domain);
        if (export != NULL)
                export->late = true;
        domain->connection = (struct connection){ .index = 0 };
}

static void break_off(struct world *world, struct simulated_node *node, struct domain *domain)
{
        struct simulated_export *export = other_end(world, domain);
        domain->connection.broken = true;
        if (export != NULL)
                export->late = true;
        stall_begin(world, node, domain);
}

static void look_at(struct world *world, struct simulated_node *node, struct domain *domain)
{
        struct simulated_node *exporter = &world->nodes[domain->connection.node];
        if (domain->connection.broken)
                return;
        look_later(world, node, domain);
        if (other_end(world, domain) == NULL)
                break_off(world, node, domain);
        else if (is_silent(node, exporter)) {
                if (random_chance(&world->random, 200))
                        break_off(world, node, domain);
        } else if (stall_io_fails(world, exporter, domain->name))
                stall_begin(world, node, domain);
}

void export_on_look(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        for (uint32_t number = 0; number < world->names.count; number++) {
                struct domain *domain = &node->hypervisor.domains[number];
                if (domain->state != DOMAIN_RUNNING || domain->connection.index == 0 ||
                    domain->connection.index != event->a)
                        continue;
                look_at(world, node, domain);
        }
}

/* Of its address, as shell.c tells it. */
static struct simulated_node *node_at(struct world *world, const char *address)
{
        unsigned id = 0;
        (void)sscanf(address, "10.0.0.%u", &id);
        return id >= 1 && id <= world->node_count ? &world->nodes[id] : NULL;
}

static bool connect(struct world *world, struct simulated_node *node, struct domain *domain,
                    const struct cluster_action *action)
{
        struct simulated_node *exporter = node_at(world, action->role.address);
        if (domain->connection.index == action->role.index) /* it has it already */
                return !domain->connection.broken;
        struct simulated_export *export =
                exporter == NULL ? NULL : export_of(world, exporter, action->role.name);
        if (export == NULL || !export->there || export->index != action->role.index || export->used ||
            is_silent(node, exporter) || export->image != domain->use.image || !domain->stalled)
                return false;
        export->used = true;
        domain->connection = (struct connection){ .index = action->role.index, .node = exporter->id };
        if (!exporter->keeper.state.order.armed && exporter->has_watchdog)
                world_violate(world, "3: an export without a guard", exporter, action->role.name,
                              "no watchdog would end it");
        look_later(world, node, domain);
        return true;
}

void export_redirect_effect(struct world *world, struct simulated_node *node, struct hypervisor_job *job)
{
        struct domain *domain = hypervisor_domain(world, node, job->action.role.name);
        if (domain == NULL || domain->state != DOMAIN_RUNNING || world_mishap(world, 50) ||
            !connect(world, node, domain, &job->action)) {
                hypervisor_job_end(world, node, job, OPERATION_FAILED,
                                   domain == NULL ? OBSERVED_ABSENT_UNKNOWN : hypervisor_observation(domain));
                return;
        }
        stall_end(world, node, domain);
        export_check_writers(world, node, domain->name);
        bool known = !world_mishap(world, 50);
        hypervisor_job_end(world, node, job, known ? OPERATION_SUCCEEDED : OPERATION_UNKNOWN,
                           OBSERVED_RUNNING);
}

void export_return_effect(struct world *world, struct simulated_node *node, struct hypervisor_job *job)
{
        struct domain *domain = hypervisor_domain(world, node, job->action.role.name);
        bool runs = domain != NULL && domain->state == DOMAIN_RUNNING && !domain->stalled;
        if (!runs || world_mishap(world, 50) || stall_io_fails(world, node, domain->name) ||
            !export_has_answered(world, node, domain)) {
                hypervisor_job_end(world, node, job, OPERATION_FAILED,
                                   domain == NULL ? OBSERVED_ABSENT_UNKNOWN : hypervisor_observation(domain));
                return;
        }
        domain->connection = (struct connection){ .index = 0 };
        export_check_writers(world, node, domain->name);
        hypervisor_job_end(world, node, job, OPERATION_SUCCEEDED, OBSERVED_RUNNING);
}

/* --- what must never happen --- */

bool export_may_write(struct world *world, struct simulated_node *node, const char *role)
{
        const struct simulated_export *export = export_of(world, node, role);
        return node->powered && export->there && export->used;
}

void export_check_writers(struct world *world, struct simulated_node *node, const char *role)
{
        const struct domain *domain = hypervisor_domain(world, node, role);
        WORLD_EACH_NODE (world, other) {
                const struct simulated_export *export = export_of(world, other, role);
                bool its_own = domain != NULL && domain->connection.index != 0 &&
                               domain->connection.node == other->id &&
                               domain->connection.index == export->index;
                if (export_may_write(world, other, role) && export->late && !its_own)
                        world_violate(world, "1: a late write", node, role,
                                      "the export of entry %" PRIu64
                                      " on %s%s may hold what it has not answered",
                                      export->index, other->name, other->frozen ? " (frozen)" : "");
        }
}
