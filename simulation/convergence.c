/* SPDX-License-Identifier: GPL-2.0-or-later */

/* When nothing fails any more, everything that is wanted must come about: rule 6. */

#include <inttypes.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "simulation/places.h"
#include "simulation/world.h"

#define FAIL(...)                                                                                            \
        do {                                                                                                 \
                (void)snprintf(text, text_bytes, __VA_ARGS__);                                               \
                return false;                                                                                \
        } while (0)

static bool node_is_level(struct world *world, struct simulated_node *node, const struct ledger_position *at,
                          char *text, size_t text_bytes)
{
        struct cluster_status status;
        if (!node->powered || node->frozen || node->daemon_life == 0)
                FAIL("%s does not run", node->name);
        cluster_status_read(node->core, &status);
        if (!status.active || !status.primary)
                FAIL("%s: active=%d primary=%d members=%" PRIx64, node->name, status.active, status.primary,
                     status.members);
        if (status.members != descent_expected(world) || status.level != status.members)
                FAIL("%s: members %" PRIx64 ", level %" PRIx64, node->name, status.members, status.level);
        if (status.applied.index != at->index || memcmp(status.applied.hash, at->hash, HASH_BYTES) != 0)
                FAIL("%s: applied %" PRIu64 " instead of %" PRIu64, node->name, status.applied.index,
                     at->index);
        const struct node *known = model_node(cluster_model(node->core), node->id);
        if (known == NULL || known->state != NODE_UP)
                FAIL("%s is %s in its own model", node->name,
                     known == NULL ? "not" : node_state_name(known->state));
        return true;
}

/* Who keeps its vote: who is in service, then the higher priority, then the first. */
static uint32_t decides(const struct model *model, uint32_t first, uint32_t second)
{
        const struct node *one = model_node(model, first), *other = model_node(model, second);
        if (one == NULL || other == NULL)
                return first;
        if ((one->duty == DUTY_ACTIVE) != (other->duty == DUTY_ACTIVE))
                return one->duty == DUTY_ACTIVE ? first : second;
        return other->quorum_priority > one->quorum_priority ? second : first;
}

static uint32_t gives_up(const struct model *model, node_set nodes)
{
        uint32_t last = node_set_lowest(nodes);
        NODE_SET_EACH (nodes, node)
                last = node == last || decides(model, last, node) == node ? last : node;
        return last;
}

/* All that are there vote; of an even number one does not. */
static bool voters_are_right(struct world *world, const struct model *model, char *text, size_t text_bytes)
{
        node_set want = descent_expected(world);
        if (!model->settings.dynamic_quorum)
                FAIL("votes do not follow the losses");
        const struct witness *set = &model->settings.witness;
        bool witness = set->kind != WITNESS_NONE && witness_is_well(world, set->identity);
        uint64_t vote = witness && node_set_count(want) % 2 == 0 ? set->identity : 0;
        if (set->leaving)
                FAIL("the witness is still to be removed");
        if (model->settings.voters_witness != vote)
                FAIL("the witness %s", vote == 0 ? "votes" : "does not vote");
        if (node_set_count(want) % 2 == 0 && !witness)
                want &= ~node_set_of(gives_up(model, want));
        NODE_SET_EACH (witness && set->kind == WITNESS_QNETD ? descent_expected(world) : 0, node) {
                struct cluster_witness known;
                cluster_witness_read(world->nodes[node].core, &known);
                if (!known.armed)
                        FAIL("qnetd's vote would not count for n%u", node);
        }
        if (model->settings.voters != want)
                FAIL("voters are %" PRIx64 " instead of %" PRIx64, model->settings.voters, want);
        return true;
}

static bool role_is_placed(struct world *world, const struct role *role, char *text, size_t text_bytes)
{
        struct simulated_node *owner = role->owner != NODE_NONE ? &world->nodes[role->owner] : NULL;
        WORLD_EACH_NODE (world, node)
                if (node != owner && hypervisor_domain(world, node, role->name) != NULL)
                        FAIL("role %s (%s) has a guest on %s", role->name, role_state_name(role->state),
                             node->name);
        if (role->desired == DESIRED_STOPPED) {
                if (role->state != ROLE_OFFLINE)
                        FAIL("role %s is to be stopped and is %s: %s", role->name,
                             role_state_name(role->state), role->reason);
                return true;
        }
        bool nowhere = role->state == ROLE_OFFLINE || role->state == ROLE_FAILED ||
                       (role->state == ROLE_RECOVERING && places_unproven(role) == 0);
        if (nowhere && !places_has(world->checker.reference, role, 0))
                return places_reason_is_true(world->checker.reference, role, text, text_bytes);
        if (role->state == ROLE_FAILED && role->reason[0] != '\0') {
                WORLD_EACH_NODE (world, node)
                        if (node->daemon_life != 0 &&
                            cluster_retry_in_ms(node->core, role->name, node_clock_ms(world, node)) !=
                                    TIME_NEVER)
                                return true;
                FAIL("role %s has failed and is never tried again: %s", role->name, role->reason);
        }
        if (role->possible != 0 && (role->possible & descent_expected(world)) == 0)
                return true; /* all that it may run on are lost */
        if (role->state != ROLE_ONLINE || owner == NULL)
                FAIL("role %s is to run and is %s: %s", role->name, role_state_name(role->state),
                     role->reason);
        const struct domain *domain = hypervisor_domain(world, owner, role->name);
        if (domain == NULL || domain->state != DOMAIN_RUNNING)
                FAIL("role %s is online on %s, where nothing runs", role->name, owner->name);
        if (domain->gateway.volumes != 0 && !gateway_is_let_in(world, owner, domain))
                FAIL("role %s is online on %s, and its target refuses what it writes", role->name,
                     owner->name);
        if (role->redirect.state != REDIRECT_NONE || domain->connection.index != 0)
                FAIL("role %s on %s is redirected: %s", role->name, owner->name,
                     redirect_state_name(role->redirect.state));
        if ((role->stall.index != 0 || domain->stalled) && volume_all_are_shared(world, role))
                FAIL("role %s stands still on %s: %s", role->name, owner->name, role->stall.text);
        if (role->copy.state != COPY_NONE || domain->use.held)
                FAIL("the storage of role %s is on its way: %s%s", role->name,
                     copy_state_name(role->copy.state), domain->use.held ? ", and its guest held" : "");
        return true;
}

static bool guests_are_known(struct world *world, const struct model *model, char *text, size_t text_bytes)
{
        WORLD_EACH_NODE (world, node)
                for (uint32_t number = 0; number < world->names.count; number++) {
                        const struct domain *domain = &node->hypervisor.domains[number];
                        if (domain->state != DOMAIN_NONE && model_role(model, domain->name) == NULL)
                                FAIL("%s runs %s, which is no role", node->name, domain->name);
                }
        return true;
}

static bool paths_are_there(struct world *world, const struct model *model, char *text, size_t text_bytes)
{
        MODEL_EACH_VOLUME (model, volume) {
                if (volume->state == VOLUME_MAINTENANCE)
                        continue;
                if (volume->state != VOLUME_READY)
                        FAIL("volume %s is %s", volume->name, volume_state_name(volume->state));
                MODEL_EACH_NODE (model, node)
                        if (node_set_has(descent_expected(world), node->id) &&
                            volume_is_shared(world, volume) && volume_path(volume, node->id) != PATH_DIRECT)
                                FAIL("%s has no path to volume %s: %s", node->name, volume->name,
                                     path_state_name(volume_path(volume, node->id)));
        }
        return true;
}

static bool leases_are_held(struct world *world, const struct model *model, char *text, size_t text_bytes)
{
        MODEL_EACH_VOLUME (model, volume)
                NODE_SET_EACH (volume->kind == VOLUME_DIRECTORY && volume_is_shared(world, volume) &&
                                               volume->state == VOLUME_READY
                                       ? descent_expected(world)
                                       : 0,
                               id) {
                        const struct lease_node *lease = cluster_lease(world->nodes[id].core, volume->id);
                        if (lease == NULL || lease->state != LEASE_HELD)
                                FAIL("n%u holds no lease on volume %s", id, volume->name);
                }
        return true;
}

bool convergence_reached(struct world *world, char *text, size_t text_bytes)
{
        struct simulated_node *first = &world->nodes[node_set_lowest(descent_expected(world))];
        struct cluster_status status;
        if (first->daemon_life == 0)
                FAIL("%s does not run", first->name);
        cluster_status_read(first->core, &status);
        NODE_SET_EACH (descent_expected(world), id)
                if (!node_is_level(world, &world->nodes[id], &status.applied, text, text_bytes))
                        return false;
        const struct model *model = cluster_model(first->core);
        if (!voters_are_right(world, model, text, text_bytes))
                return false;
        MODEL_EACH_ROLE (model, role)
                if (!role_is_placed(world, role, text, text_bytes))
                        return false;
        if (!paths_are_there(world, model, text, text_bytes) ||
            !leases_are_held(world, model, text, text_bytes))
                return false;
        MODEL_EACH_NODE (model, known)
                if (known->duty != DUTY_ACTIVE)
                        FAIL("%s is %s", known->name, node_duty_name(known->duty));
        return guests_are_known(world, model, text, text_bytes);
}
