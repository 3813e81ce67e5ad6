/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "simulation/gateway.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "clusterd/core/role_state.h"
#include "simulation/hypervisor_parts.h"
#include "simulation/world.h"

#define WAITS_US    SECOND(60) /* for its guest */
#define BEHIND_US   SECOND(10) /* where the target has forgotten all, who owns the LUN registers first */
#define GIVES_UP_US SECOND(8)  /* whom nobody confirms in that time does not begin */

static struct lun_record *record_of(struct world *world, const char *role)
{
        return &world->luns[names_number(&world->names, role)];
}

uint64_t gateway_volumes(const struct model *model, const char *name)
{
        const struct role *role = model_role(model, name);
        uint64_t volumes = 0;
        NODE_SET_EACH (role == NULL ? 0 : role->volumes, id) {
                const struct volume *volume = model_volume_by_id(model, id);
                if (volume != NULL && volume->kind == VOLUME_ISCSI)
                        volumes |= node_set_of(id);
        }
        return volumes;
}

/* As its definition says; the ledger is asked, for it has no other place. */
static bool is_alone(struct world *world, const char *name, uint64_t volumes)
{
        const struct role *role = model_role(world->checker.reference, name);
        return role != NULL && role->contained && role->volumes == volumes;
}

static bool reaches(struct world *world, struct simulated_node *node, uint64_t volumes)
{
        NODE_SET_EACH (volumes, id) {
                const struct volume *volume = model_volume_by_id(world->checker.reference, id);
                const struct path_trouble *trouble =
                        volume == NULL ? NULL : volume_trouble(world, node, volume->name);
                if (trouble != NULL &&
                    (trouble->lost_until_us > world->now_us || trouble->hung_until_us > world->now_us))
                        return false;
        }
        return true;
}

static bool has_key(struct world *world, const struct simulated_node *node, const struct domain *domain)
{
        const struct lun_record *record = record_of(world, domain->name);
        return record->keys[node->id].gateway == domain->gateway.id &&
               (record->keys[node->id].volumes & domain->gateway.volumes) == domain->gateway.volumes;
}

static bool others_have_keys(struct world *world, const struct simulated_node *node,
                             const struct domain *domain)
{
        const struct lun_record *record = record_of(world, domain->name);
        bool some = (record->barred & domain->gateway.volumes) != 0;
        WORLD_EACH_NODE (world, other)
                some |= other != node && (record->keys[other->id].volumes & domain->gateway.volumes) != 0;
        return some;
}

bool gateway_may_write(struct world *world, const struct simulated_node *node, const struct domain *domain)
{
        const struct gateway *gateway = &domain->gateway;
        if (gateway->volumes == 0 || !gateway->alone)
                return true;
        return gateway_is_let_in(world, node, domain);
}

bool gateway_is_let_in(struct world *world, const struct simulated_node *node, const struct domain *domain)
{
        const struct gateway *gateway = &domain->gateway;
        const struct lun_record *record = record_of(world, domain->name);
        return gateway->id != 0 && gateway->confirmed && gateway->owns && !gateway->preempted &&
               record->keys[node->id].gateway == gateway->id && record->keys[node->id].volumes != 0;
}

static void check_rightful(struct world *world, const struct simulated_node *node,
                           const struct domain *domain)
{
        if (domain->gateway.of_before && domain->state != DOMAIN_NONE &&
            gateway_is_let_in(world, node, domain))
                world_violate(world, "1: two writers", node, domain->name,
                              "a guest of before may write to its LUN again");
}

void gateway_guest_runs(struct world *world, const struct simulated_node *node, const char *role)
{
        WORLD_EACH_NODE (world, other) {
                struct domain *domain = hypervisor_slot(world, other, role);
                domain->gateway.of_before = other != node && domain->gateway.id != 0;
        }
}

static bool has_given_up(const struct world *world, const struct gateway *gateway)
{
        return gateway->preempted || world->now_us > gateway->opened_us + GIVES_UP_US;
}

bool gateway_is_awaited(const struct world *world, const struct domain *domain)
{
        const struct gateway *gateway = &domain->gateway;
        return gateway->volumes != 0 && !gateway->owns && !has_given_up(world, gateway);
}

bool gateway_is_unfit(const struct domain *domain)
{
        return domain->gateway.volumes != 0 && (!domain->gateway.owns || domain->gateway.preempted);
}

static void go_on(struct world *world, struct simulated_node *node, const struct domain *domain,
                  uint64_t least_us, uint64_t most_us)
{
        world_schedule(world, random_between(&world->random, least_us, most_us), EVENT_GATEWAY, node,
                       domain->gateway.id, names_number(&world->names, domain->name));
}

void gateway_open(struct world *world, struct simulated_node *node, struct domain *domain, const char *role,
                  uint64_t volumes, uint64_t generation, bool takes)
{
        domain->name = world->names.name[names_number(&world->names, role)];
        domain->gateway = (struct gateway){ .id = ++world->next_id,
                                            .volumes = volumes,
                                            .generation = generation,
                                            .alone = is_alone(world, role, volumes),
                                            .opened_us = world->now_us,
                                            .takes = takes };
        go_on(world, node, domain, MS(2), MS(30));
}

static void register_key(struct world *world, struct simulated_node *node, struct domain *domain)
{
        struct gateway *gateway = &domain->gateway;
        struct lun_record *record = record_of(world, domain->name);
        record->keys[node->id].gateway = gateway->id;
        record->keys[node->id].volumes = gateway->volumes;
        gateway->confirmed = false;
        gateway->forgotten_us = 0;
        gateway->question = ++world->next_id;
        world_note(world, node, "the gateway of %s has registered", domain->name);
}

void gateway_adopt(struct world *world, struct simulated_node *node, struct domain *domain, const char *role,
                   uint64_t volumes, uint64_t generation)
{
        gateway_open(world, node, domain, role, volumes, generation, true);
        register_key(world, node, domain);
        domain->gateway.confirmed = true;
        domain->gateway.owns = true;
}

static void ask(struct world *world, struct simulated_node *node, const struct domain *domain)
{
        struct cluster_event event;
        if (node->daemon_life == 0)
                return;
        memset(&event, 0, sizeof(event));
        event.kind = CLUSTER_EVENT_CONFIRM;
        TEXT_COPY(event.confirm.role, domain->name);
        event.confirm.generation = domain->gateway.generation;
        event.confirm.question = domain->gateway.question;
        shell_send_later(world, node, &event, random_between(&world->random, 100, MS(2)));
}

/* Every other key of the cluster goes. */
static void take_over(struct world *world, struct simulated_node *node, struct domain *domain)
{
        struct lun_record *record = record_of(world, domain->name);
        WORLD_EACH_NODE (world, other)
                if (other != node)
                        record->keys[other->id].volumes &= ~domain->gateway.volumes;
        record->barred &= ~domain->gateway.volumes;
        domain->gateway.owns = true;
        world_note(world, node, "the gateway of %s takes over", domain->name);
        check_rightful(world, node, domain);
}

static void end_preparing(struct world *world, struct simulated_node *node, struct domain *domain, bool done)
{
        struct cluster_event event;
        memset(&event, 0, sizeof(event));
        event.kind = CLUSTER_EVENT_PREPARED;
        TEXT_COPY(event.prepared.role, domain->name);
        TEXT_COPY(event.prepared.text, done ? "" : "nobody confirms it");
        event.prepared.generation = domain->gateway.generation;
        event.prepared.succeeded = done;
        domain->gateway.preparing = false;
        domain->prepared = done;
        if (node->daemon_life != 0)
                shell_send_later(world, node, &event, random_between(&world->random, MS(1), MS(20)));
}

/* Its key is gone: taken away, or the target knows none any more. Who has not taken over yet goes again. */
static void miss_key(struct world *world, struct simulated_node *node, struct domain *domain)
{
        struct gateway *gateway = &domain->gateway;
        bool others = others_have_keys(world, node, domain);
        bool saw_it = gateway->forgotten_us != 0 && world->now_us >= gateway->forgotten_us + BEHIND_US;
        if (gateway->owns && others) {
                world_note(world, node, "the gateway of %s was preempted", domain->name);
                gateway->preempted = true;
        } else if (gateway->owns || others || saw_it) {
                register_key(world, node, domain);
        } else if (gateway->forgotten_us == 0) {
                gateway->forgotten_us = world->now_us;
        }
}

void gateway_on_tick(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        struct domain *domain = &node->hypervisor.domains[event->b];
        struct gateway *gateway = &domain->gateway;
        if (gateway->id != event->a)
                return;
        if (gateway->preempted) { /* for ever: what uses it is ended */
                if (domain->state == DOMAIN_RUNNING || domain->state == DOMAIN_PAUSED)
                        hypervisor_guest_ends(world, node, domain, OBSERVED_ABSENT_FAILED);
                return;
        }
        if (gateway->preparing && has_given_up(world, gateway)) {
                end_preparing(world, node, domain, false);
                return;
        }
        if (domain->state == DOMAIN_NONE && world->now_us > gateway->opened_us + WAITS_US) {
                domain->gateway = (struct gateway){ .id = 0 };
                domain->prepared = false;
                return;
        }
        if (!reaches(world, node, gateway->volumes)) {
                go_on(world, node, domain, MS(200), MS(600));
                return;
        }
        if (gateway->question == 0)
                register_key(world, node, domain);
        else if (!has_key(world, node, domain))
                miss_key(world, node, domain);
        if (!has_key(world, node, domain)) {
                go_on(world, node, domain, gateway->preempted ? SECOND(1) : MS(200), MS(1600));
                return;
        }
        bool writes = gateway->takes || domain->state == DOMAIN_RUNNING;
        if (!gateway->confirmed)
                ask(world, node, domain);
        else if (gateway->preparing)
                end_preparing(world, node, domain, true);
        else if (writes && !gateway->owns)
                take_over(world, node, domain);
        go_on(world, node, domain, gateway->owns ? MS(200) : MS(5), gateway->owns ? MS(600) : MS(60));
}

void gateway_confirm(struct world *world, struct simulated_node *node, const struct cluster_action *action)
{
        const struct domain *domain = hypervisor_slot(world, node, action->confirm.role);
        if (domain->gateway.generation == action->confirm.generation)
                world_schedule(world, random_between(&world->random, 100, MS(2)), EVENT_CONFIRMED, node,
                               action->confirm.question, names_number(&world->names, action->confirm.role));
}

void gateway_on_confirmed(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        struct domain *domain = &node->hypervisor.domains[event->b];
        if (domain->gateway.id == 0 || domain->gateway.question == 0 || domain->gateway.question > event->a)
                return;
        domain->gateway.confirmed = true;
        check_rightful(world, node, domain);
}

void gateway_forget_keys(struct world *world, const char *name)
{
        const struct volume *volume = model_volume(world->checker.reference, name);
        for (uint32_t number = 0; volume != NULL && number < world->names.count; number++) {
                struct lun_record *record = &world->luns[number];
                record->barred &= ~node_set_of(volume->id);
                WORLD_EACH_NODE (world, node)
                        record->keys[node->id].volumes &= ~node_set_of(volume->id);
        }
}

/* --- a leader --- */

#define PREEMPT_US SECOND(3) /* what stood still for longer does nothing more */

struct preempting {
        struct cluster_action action;
        uint64_t begun_us, life;
        bool has_lun[]; /* by the role's number: it is one of those */
};

/* Of the LUNs, by the definitions that the leader has. */
void gateway_preempt(struct world *world, struct simulated_node *node, const struct cluster_action *action)
{
        const struct model *model = cluster_model(node->core);
        const struct volume *volume = model_volume_by_id(model, action->preempt.id);
        struct preempting *kept = calloc(1, sizeof(*kept) + world->names.max * sizeof(kept->has_lun[0]));
        assert(kept != NULL);
        kept->action = *action;
        kept->begun_us = world->now_us;
        kept->life = node->daemon_life;
        MODEL_EACH_ROLE (model, role)
                if (role_may_run_on(role, action->preempt.node) &&
                    node_set_has(role->reserved & role->volumes, action->preempt.id))
                        kept->has_lun[names_number(&world->names, role->name)] = true;
        uint64_t delay_us =
                random_between(&world->random, MS(5), world_mishap(world, 50) ? MS(3000) : MS(100));
        const struct path_trouble *trouble =
                volume == NULL ? NULL : volume_trouble(world, node, volume->name);
        if (trouble != NULL && trouble->hung_until_us > world->now_us)
                delay_us += trouble->hung_until_us - world->now_us;
        world_schedule_payload(world, delay_us, EVENT_PREEMPT, node, kept);
}

static void take_away(struct world *world, uint32_t number, uint32_t from, uint32_t volume)
{
        struct lun_record *record = &world->luns[number];
        record->keys[from].volumes &= ~node_set_of(volume);
        record->barred |= node_set_of(volume);
}

void gateway_on_preempt(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        const struct preempting *kept = event->payload;
        uint32_t from = kept->action.preempt.node, id = kept->action.preempt.id;
        bool fails = !reaches(world, node, node_set_of(id)) || world->now_us > kept->begun_us + PREEMPT_US;
        bool breaks_off = world_mishap(world, 100);
        for (uint32_t number = 0; !fails && number < world->names.count; number++)
                if (kept->has_lun[number] && !(breaks_off && random_chance(&world->random, 500)))
                        take_away(world, number, from, id);
        world_note(world, node, "the keys of n%u on volume %u are %s", from, id,
                   fails || breaks_off ? "not taken away" : "taken away");
        if (node->daemon_life != kept->life)
                return;
        struct cluster_event ended;
        memset(&ended, 0, sizeof(ended));
        ended.kind = CLUSTER_EVENT_PREEMPTED;
        ended.preempted.attempt = kept->action.preempt.attempt;
        ended.preempted.succeeded = !fails && !breaks_off;
        TEXT_COPY(ended.preempted.text, fails || breaks_off ? "simulated failure" : "");
        shell_send_later(world, node, &ended, random_between(&world->random, 100, MS(5)));
}
