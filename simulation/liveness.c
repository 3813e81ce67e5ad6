/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Rule 6: when the world has been kind for long enough, every role that should run does, or the reason why
 * not is shown and true. Looked at once a second, in the midst of faults, too: a majority that is left alone
 * for a while has to do its work, whatever has become of the others.
 */

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/core/role_state.h"
#include "simulation/places.h"
#include "simulation/voters.h"
#include "simulation/world.h"

#define RULE "6: not running"

/* From when the world is kind, or something new is wanted, until it must have come about. */
#define ROUND_US    SECOND(20) /* an epoch, all level, the absent declared lost: a cold start takes ten */
#define JOB_US      SECOND(30) /* a start, stop or move, answered late, asked for again, or found by a list */
#define PLACED_US   SECOND(20) /* what has a place is started there */
#define EVIDENCE_US SECOND(10) /* behind the guard's own time */
#define STALLED_US  SECOND(60) /* twice the longest wait between two tries */
#define FENCED_US   SECOND(75) /* every device was tried again: half a minute between two rounds of them */

void liveness_begin(struct world *world)
{
        struct liveness *liveness = &world->liveness;
        liveness->roles = calloc(world->names.max, sizeof(*liveness->roles));
        assert(liveness->roles != NULL);
}

void liveness_release(struct world *world)
{
        free(world->liveness.roles);
}

/* --- is the world kind? --- */

static uint64_t mix(uint64_t hash, uint64_t number)
{
        return (hash ^ number) * UINT64_C(0x100000001b3);
}

static bool node_is_well(const struct world *world, const struct simulated_node *node)
{
        const struct ring *ring = node->station.ring;
        bool disk_hangs = node->disk.in_flight > 0 && node->disk.due_us > world->now_us + SECOND(1);
        return shell_runs(world, node) && !disk_hangs && ring != NULL && !ring->broken &&
               world->now_us >= node->disk.failing_until_us && world->now_us >= node->disk.slow_until_us &&
               world->now_us >= node->disk.hung_until_us && world->now_us >= node->hypervisor.outage_until_us;
}

/* Those that have power are all in one ring, a majority, and well. What that is made of, in one number. */
static bool world_is_kind(struct world *world, uint64_t *ret_made_of)
{
        const struct ring *ring = NULL;
        node_set votes = 0;
        uint64_t made_of = 1;
        WORLD_EACH_NODE (world, node) {
                if (!node->powered)
                        continue;
                if (!node_is_well(world, node) || (ring != NULL && ring != node->station.ring))
                        return false;
                ring = node->station.ring;
                votes |= node->disk.blank ? 0 : node_set_of(node->id); /* blank ones have none */
                made_of = mix(mix(mix(made_of, node->id), node->daemon_life), ring->id);
                made_of = mix(made_of, node->station.attached); /* who was evicted leaves by itself */
                /* An operator may declare it lost: then it takes its time to return. */
                const struct node *known = model_node(world->checker.reference, node->id);
                made_of = mix(made_of, known == NULL ? 0 : known->lost_index);
        }
        *ret_made_of = made_of;
        return voters_must_do(world, votes, world->now_us) &&
               world->now_us >= world->faults.fence_broken_until_us;
}

/* --- what must have come about --- */

static bool is_in_ring(const struct world *world, uint32_t id)
{
        return world->nodes[id].powered;
}

static const struct simulated_node *leader_of(struct world *world)
{
        WORLD_EACH_NODE (world, node) {
                struct cluster_status status;
                if (node->daemon_life == 0)
                        continue;
                cluster_status_read(node->core, &status);
                if (status.active && status.leader == node->id)
                        return node;
        }
        return NULL;
}

static void check_node(struct world *world, const struct node *known, uint64_t kind_us)
{
        bool there = is_in_ring(world, known->id), barred = known->fence_wanted || known->test_level != 0;
        const struct simulated_node *node = &world->nodes[known->id];
        if (kind_us < ROUND_US || there == (known->state == NODE_UP) || (there && barred))
                return;
        world_violate(world, "6: not what it is", node, NULL, "%s, and shown as %s: %s",
                      there ? "it is well" : "it is off", node_state_name(known->state), known->reason);
}

/* What the leader sees of its lease on some volume of the role can show that it has expired. */
static bool can_expire(struct world *world, const struct role *role, uint32_t id)
{
        const struct simulated_node *leader = leader_of(world);
        NODE_SET_EACH (places_is_leased(world->checker.reference, role, id) ? role->leases : 0, volume_id)
                if (leader != NULL &&
                    lease_can_expire(world, leader->id, id,
                                     model_volume_by_id(world->checker.reference, volume_id)))
                        return true;
        return !places_is_leased(world->checker.reference, role, id);
}

/* How long it may take to prove that it runs the role no more; UINT64_MAX: for ever, nothing can. */
static uint64_t evidence_us(struct world *world, const struct role *role, uint32_t id, uint64_t since_us)
{
        const struct model *model = world->checker.reference;
        const struct node *known = model_node(model, id);
        const struct settings *settings = &model->settings;
        if (known == NULL || (settings->pause_ms != 0 && !known->fence_wanted))
                return UINT64_MAX;
        if (is_in_ring(world, id) && !known->fence_wanted)
                return JOB_US; /* it says itself */
        if (!is_in_ring(world, id) && known->watchdog &&
            can_expire(world, role, id)) /* the longest that may have been in force */
                return ROUND_US + EVIDENCE_US + SECOND(15) +
                       MS(settings->stop_grace_ms + settings->watchdog_ms + settings->margin_ms);
        /* No device has to work before nothing fails any more. */
        return world->calm && places_can_be_fenced(model, id) && !fence_is_dark(world, id)
                       ? FENCED_US + (world->calm_us > since_us ? world->calm_us - since_us : 0)
                       : UINT64_MAX;
}

static void check_evidence(struct world *world, const struct role *role, uint64_t waited_us)
{
        char text[256];
        NODE_SET_EACH (places_unproven(role), id) {
                /* A guest may still arrive there: it can say nothing before its source has ended the move. */
                bool awaits = role->state == ROLE_MOVING && id == role->target &&
                              role->owner_end == MOVE_END_UNKNOWN;
                if (!awaits && waited_us > evidence_us(world, role, id, world->now_us - waited_us))
                        world_violate(world, RULE, &world->nodes[id], role->name,
                                      "%s for want of evidence that could be had long ago: %s",
                                      role_state_name(role->state), role->reason);
        }
        if (waited_us > ROUND_US &&
            !places_reason_is_true(world->checker.reference, role, text, sizeof(text)))
                world_violate(world, "6: a reason", NULL, role->name, "%s, and %s",
                              role_state_name(role->state), text);
}

/* It is wanted somewhere else than now: nowhere, or on a node that is to be empty. */
static void check_place(struct world *world, const struct role *role, struct live_role *live,
                        uint64_t waited_us)
{
        char text[REASON_BYTES + 64];
        const struct model *model = world->checker.reference;
        bool leaves = role->state == ROLE_ONLINE;
        if (model->settings.pause_ms != 0 && role->state == ROLE_RECOVERING) {
                live->place_us = 0;
        } else if (places_has(model, role, leaves ? node_set_of(role->owner) : 0)) {
                live->place_us = live->place_us == 0 ? world->now_us : live->place_us;
                uint64_t retry_us = role->state == ROLE_FAILED ? MS(role->retry_ms) : 0;
                if (!leaves && world->now_us - live->place_us > PLACED_US && waited_us > PLACED_US + retry_us)
                        world_violate(world, RULE, NULL, role->name, "%s, and there is a place for it: %s",
                                      role_state_name(role->state), role->reason);
                return;
        }
        live->place_us = 0;
        if (!places_reason_is_true(model, role, text, sizeof(text)))
                world_violate(world, "6: a reason", NULL, role->name, "%s, and %s",
                              role_state_name(role->state), text);
}

/* The node that may write for it says itself that it does not, or is proven not to. */
static void check_export(struct world *world, const struct role *role, uint64_t waited_us)
{
        const struct node *known = model_node(world->checker.reference, role->redirect.exporter);
        const struct settings *settings = &world->checker.reference->settings;
        char text[256];
        uint64_t limit_us =
                is_in_ring(world, known->id) && !known->fence_wanted ? JOB_US
                : known->watchdog && settings->pause_ms == 0 && !is_in_ring(world, known->id)
                        ? ROUND_US + EVIDENCE_US + SECOND(15) +
                                  MS(settings->stop_grace_ms + settings->watchdog_ms + settings->margin_ms)
                        : UINT64_MAX;
        if (waited_us > limit_us)
                world_violate(world, RULE, &world->nodes[known->id], role->name,
                              "%s, for want of a proof that its export is closed",
                              role_state_name(role->state));
        if (waited_us > ROUND_US &&
            !places_reason_is_true(world->checker.reference, role, text, sizeof(text)))
                world_violate(world, "6: a reason", NULL, role->name, "%s, and %s",
                              role_state_name(role->state), text);
}

static bool guest_runs(struct world *world, const struct role *role)
{
        const struct domain *domain =
                role->owner != NODE_NONE ? hypervisor_domain(world, &world->nodes[role->owner], role->name)
                                         : NULL;
        return domain != NULL && domain->state == DOMAIN_RUNNING;
}

/* What has stalled goes on when its disk does: after the longest wait between two tries. */
static void check_stall(struct world *world, const struct role *role, struct live_role *live)
{
        struct simulated_node *owner = &world->nodes[role->owner];
        const struct domain *domain = hypervisor_domain(world, owner, role->name);
        /* Whose export cannot be proven closed, that may take for ever. */
        bool waits = role->redirect.state != REDIRECT_NONE && !is_in_ring(world, role->redirect.exporter);
        bool still = domain->stalled && !waits && !stall_io_fails(world, owner, role->name) &&
                     volume_all_are_shared(world, role);
        uint64_t kind_us = world->liveness.kind_since_us;
        live->still_us = !still ? 0 : live->still_us == 0 ? world->now_us : live->still_us;
        if (still && world->now_us - (live->still_us > kind_us ? live->still_us : kind_us) > STALLED_US)
                world_violate(world, RULE, owner, role->name,
                              "it stands still, and its disk would let it go on");
}

static bool is_leaving(const struct world *world, const struct role *role)
{
        const struct node *owner = model_node(world->checker.reference, role->owner);
        return owner != NULL && (owner->duty == DUTY_DRAINING || owner->duty == DUTY_QUARANTINED);
}

static void check_job(struct world *world, const struct role *role, uint64_t waited_us)
{
        if (waited_us > JOB_US)
                world_violate(world, RULE, role->owner != NODE_NONE ? &world->nodes[role->owner] : NULL,
                              role->name, "it is %s for %" PRIu64 " s: %s", role_state_name(role->state),
                              waited_us / SECOND(1), role->reason);
}

static void check_role(struct world *world, const struct role *role, struct live_role *live,
                       uint64_t waited_us)
{
        if (role->redirect.state != REDIRECT_NONE && role_possible_runners(role) == 0) {
                check_export(world, role, waited_us);
                live->place_us = 0;
                return;
        }
        switch (role->state) {
        case ROLE_OFFLINE:
        case ROLE_FAILED:
                check_place(world, role, live, waited_us);
                return;
        case ROLE_RECOVERING:
                if (places_unproven(role) != 0)
                        check_evidence(world, role, waited_us);
                else
                        check_place(world, role, live, waited_us);
                return;
        case ROLE_ONLINE:
                if (!guest_runs(world, role)) {
                        check_job(world, role, waited_us);
                        return;
                }
                check_stall(world, role, live);
                if (role->stall.index != 0)
                        return;
                if (is_leaving(world, role))
                        check_place(world, role, live, waited_us);
                return;
        case ROLE_MOVING:
                if (guest_runs(world, role) || waited_us <= JOB_US)
                        return;
                check_evidence(world, role, waited_us);
                return;
        case ROLE_STARTING:
        case ROLE_STOPPING:
                check_job(world, role, waited_us);
                return;
        case ROLE_STATE_COUNT:
                return;
        }
}

/* Since when it is as it is, in a kind world: what it waits for begins anew with each change. */
static uint64_t role_waited_us(struct world *world, const struct role *role, struct live_role *live)
{
        bool runs = role->state == ROLE_ONLINE && guest_runs(world, role);
        uint64_t made_of = mix(mix(mix(role->since_index, role->generation), role->desired), runs);
        made_of = mix(made_of, model_unproven(world->checker.reference));
        made_of = mix(mix(made_of, role->redirect.state), role->redirect.index);
        NODE_SET_EACH (places_unproven(role), id)
                made_of = mix(made_of, model_node(world->checker.reference, id)->since_index);
        if (live->made_of != made_of)
                *live = (struct live_role){ .made_of = made_of, .since_us = world->now_us };
        uint64_t kind_us = world->liveness.kind_since_us;
        return world->now_us - (live->since_us > kind_us ? live->since_us : kind_us);
}

static void check_pause(struct world *world)
{
        struct liveness *liveness = &world->liveness;
        const struct settings *settings = &world->checker.reference->settings;
        if (settings->pause_ms == 0 || settings->pause_index != liveness->pause_index)
                liveness->pause_us = world->now_us;
        liveness->pause_index = settings->pause_index;
        uint64_t since_us =
                liveness->pause_us > liveness->kind_since_us ? liveness->pause_us : liveness->kind_since_us;
        if (settings->pause_ms != 0 && world->now_us - since_us > MS(settings->pause_ms) + ROUND_US)
                world_violate(world, "6: not what it is", NULL, NULL, "a pause of %u ms does not end",
                              settings->pause_ms);
}

void liveness_check(struct world *world)
{
        struct liveness *liveness = &world->liveness;
        const struct model *model = world->checker.reference;
        uint64_t made_of;
        if (!world_is_kind(world, &made_of))
                made_of = 0;
        if (made_of != liveness->made_of || made_of == 0)
                liveness->kind_since_us = world->now_us;
        liveness->made_of = made_of;
        uint64_t kind_us = world->now_us - liveness->kind_since_us;
        check_pause(world);
        if (kind_us > ROUND_US && leader_of(world) == NULL)
                world_violate(world, "6: nobody leads", NULL, NULL,
                              "a majority has been left alone for %" PRIu64 " s", kind_us / SECOND(1));
        MODEL_EACH_NODE (model, known)
                check_node(world, known, kind_us);
        MODEL_EACH_ROLE (model, role) {
                struct live_role *live = &liveness->roles[names_number(&world->names, role->name)];
                uint64_t waited_us = role_waited_us(world, role, live);
                if (role->desired == DESIRED_RUNNING && model_unproven(model) == 0)
                        check_role(world, role, live, waited_us);
        }
}
