/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include "clusterd/base/mutation.h"
#include "clusterd/base/text.h"
#include "clusterd/core/lease_guard.h"
#include "clusterd/core/role_state.h"

/*
 * This node's leases on volumes, renewed with and without quorum: they let guests run on without contact. And
 * which lost nodes still renew theirs, for people.
 */

static void begin_pass(struct cluster *cluster, const struct volume *volume, struct local_lease *local,
                       const struct lease_pass *pass)
{
        struct cluster_action *action =
                action_add(cluster, CLUSTER_ACTION_LEASE, "the lease on volume %s", volume->name);
        local->pass = ++cluster->lease_passes;
        action->lease.pass = local->pass;
        action->lease.id = volume->id;
        action->lease.identity = volume->identity;
        action->lease.what = *pass;
        TEXT_COPY(action->lease.path, volume->path);
}

static void step(struct cluster *cluster, const struct volume *volume, struct local_lease *local,
                 struct lease_event *event)
{
        struct lease_actions actions;
        event->now_ms = cluster->now_ms;
        lease_node_step(&local->node, event, &actions);
        if (actions.start_pass)
                begin_pass(cluster, volume, local, &actions.pass);
        if (actions.wake_at_ms != LEASE_NEVER)
                wake_at(cluster, actions.wake_at_ms);
}

/*
 * A lease of this node that was lost is taken anew in contact only, once no write of it is on its way. Guests
 * that are here run by the contact then, and by the new one as soon as that is confirmed.
 */
static bool is_to_begin(const struct cluster *cluster, const struct lease_node *lease)
{
        return !lease->pass_running && guard_is_valid(cluster) &&
               (lease->state == LEASE_NONE || lease->state == LEASE_STOPPING || lease->state == LEASE_LAPSED);
}

/* What stands in the record, others count by. No watchdog, or one with times that nobody counts by: no
 * evidence. */
static struct lease_timings timings_wanted(const struct cluster *cluster)
{
        struct lease_timings timings =
                lease_timings_of(&cluster->model->settings, cluster->identity.watchdog);
        if (lease_timings_check(&timings) != LEASE_TIMINGS_OK) {
                timings = lease_timings_default;
                timings.watchdog_ms = 0;
        }
        return timings;
}

static void begin(struct cluster *cluster, const struct volume *volume, struct local_lease *local,
                  bool guests)
{
        struct lease_timings timings = timings_wanted(cluster);
        struct lease_event event = { .kind = LEASE_EVENT_BEGIN };
        lease_node_init(&local->node, cluster->identity.node, cluster->identity.boot, &timings);
        event.begin.incarnation = cluster->identity.incarnation + ++cluster->lease_begins;
        event.begin.incarnation += event.begin.incarnation == 0;
        event.begin.guests = guests;
        local->sought = true;
        step(cluster, volume, local, &event);
}

/* An earlier process of this boot may have left guests that run by its leases: this one goes on with them. */
static void take_over(struct cluster *cluster, const struct volume *volume, struct local_lease *local)
{
        begin(cluster, volume, local, true);
        /* So that a revocation of before that is known for an old one. */
        step(cluster, volume, local,
             &(struct lease_event){ .kind = LEASE_EVENT_CONTACT,
                                    .contact.epoch = cluster->ledger.applied.epoch });
}

static bool may_take_over(const struct cluster *cluster, const struct local_lease *local)
{
        return !local->sought && cluster->identity.guard_armed && !MUTATED(LEASE_NOT_TAKEN_OVER);
}

/* Its record tells other times than what is behind it now. Nothing hangs on it while there is contact. */
static bool is_outdated(const struct cluster *cluster, const struct lease_node *lease)
{
        struct lease_timings wanted = timings_wanted(cluster);
        return lease->state == LEASE_HELD && !lease->pass_running && guard_is_valid(cluster) &&
               !lease_timings_equal(&lease->timings, &wanted);
}

static void confirm(struct cluster *cluster, const struct volume *volume, struct local_lease *local)
{
        struct lease_event event = { .kind = LEASE_EVENT_CONTACT };
        event.contact.contact_ms = cluster->contact_ms;
        event.contact.epoch = round_is_active(cluster) ? cluster->round.decide.epoch : 0;
        step(cluster, volume, local, &event);
}

/*
 * An earlier process of this node may have started the role by leases of which this one does not know: by an
 * entry that was not stored, for the keeper was told of more than is here; or by one that is here, and not
 * known to be committed.
 */
static bool may_run_by_others(const struct cluster *cluster, const struct role *role)
{
        const struct ledger *ledger = &cluster->ledger;
        const struct cluster_identity *me = &cluster->identity;
        if (MUTATED(LEASES_OF_BEFORE))
                return false;
        if (me->told_epoch > ledger->last.epoch ||
            (me->told_epoch == ledger->last.epoch && me->told_index > ledger->last.index))
                return true;
        for (uint64_t index = ledger->applied.index + 1; index <= ledger->last.index; index++) {
                const struct command *command = &ledger_entry(ledger, index)->command;
                if (command->kind == COMMAND_ROLE_ASSIGN && text_equal(command->role_assign.role, role->name))
                        return true;
        }
        return false;
}

/* An absence that nobody has confirmed is none: who is told that the lease was given up takes that for a
 * proof. */
static bool is_surely_without(const struct cluster *cluster, const struct volume *volume)
{
        for (uint32_t slot = 0; slot < cluster->model->roles_used; slot++) {
                const struct role *role = &cluster->model->roles[slot];
                if (role->name[0] != '\0' && !cluster->local[slot].confirmed &&
                    (node_set_has(role->volumes | role->leases | role->copy.volumes, volume->id) ||
                     may_run_by_others(cluster, role)))
                        return MUTATED(ABSENT_UNCONFIRMED);
        }
        return true;
}

/* Nothing of this volume is here, nor can be started or let in before there is contact again. */
static bool has_no_guests(struct cluster *cluster, const struct volume *volume)
{
        if (!guard_has_lapsed(cluster) || cluster->unsurveyed)
                return false;
        guard_survey(cluster);
        return (!node_set_has(cluster->bound, volume->id) && is_surely_without(cluster, volume)) ||
               MUTATED(RELEASED_WITH_GUESTS);
}

/* Then those who have quorum need not wait until it expires, or for ever. */
static bool gives_up(struct cluster *cluster, const struct volume *volume, struct local_lease *local)
{
        enum lease_state state = local->node.state;
        bool is_taken = state == LEASE_HELD || state == LEASE_BEGINNING;
        if (state == LEASE_NONE || state == LEASE_RELEASING || !has_no_guests(cluster, volume))
                return false;
        if (is_taken)
                step(cluster, volume, local, &(struct lease_event){ .kind = LEASE_EVENT_END });
        if (local->node.state == LEASE_STOPPING || local->node.state == LEASE_LAPSED)
                step(cluster, volume, local, &(struct lease_event){ .kind = LEASE_EVENT_GUESTS_GONE });
        return true;
}

static void see_to_lease(struct cluster *cluster, const struct volume *volume)
{
        struct local_lease *local = &cluster->leases[volume->id];
        if (local->identity != volume->identity)
                *local = (struct local_lease){ .identity = volume->identity };
        if (may_take_over(cluster, local))
                take_over(cluster, volume, local);
        else if (is_to_begin(cluster, &local->node) || is_outdated(cluster, &local->node))
                begin(cluster, volume, local, false);
        else if (!gives_up(cluster, volume, local) && local->node.state != LEASE_NONE)
                confirm(cluster, volume, local);
}

static bool is_confirmed(const struct lease_node *lease)
{
        return lease->confirmed || MUTATED(LEASE_UNCONFIRMED);
}

bool lease_is_confirmed(const struct cluster *cluster, const struct volume *volume)
{
        const struct local_lease *local = &cluster->leases[volume->id];
        return volume->state == VOLUME_READY && local->identity == volume->identity &&
               local->node.state == LEASE_HELD && is_confirmed(&local->node);
}

/* The watchdog fires by the times of the settings; others count by those of the record. */
static bool is_of_these_times(const struct cluster *cluster, const struct lease_node *lease)
{
        return lease->timings.watchdog_ms == 0 ||
               lease->timings.watchdog_ms >= cluster->model->settings.watchdog_ms;
}

static bool stands(const struct cluster *cluster, const struct volume *volume)
{
        const struct local_lease *local = &cluster->leases[volume->id];
        const struct lease_node *lease = &local->node;
        if (volume->state != VOLUME_READY || local->identity != volume->identity)
                return false;
        /* For the time of one renewal nobody knows here; the keeper knows until when it stood. */
        if (lease->state == LEASE_BEGINNING && lease->adopting)
                return true;
        if (!is_confirmed(lease) || !is_of_these_times(cluster, lease))
                return false;
        if (MUTATED(LEASE_NEVER_LAPSES))
                return lease->state != LEASE_NONE;
        return lease->state == LEASE_HELD && cluster->now_ms + lease->timings.stop_ms < lease->held_until_ms;
}

uint64_t lease_standing(const struct cluster *cluster)
{
        uint64_t volumes = 0;
        MODEL_EACH_VOLUME (cluster->model, volume)
                if (stands(cluster, volume))
                        volumes |= node_set_of(volume->id);
        return volumes;
}

bool lease_may_keep(const struct cluster *cluster, const struct role *role)
{
        return role_may_run_on(role, cluster->identity.node) &&
               lease_guards(cluster->model, role, cluster->identity.node) &&
               !may_run_by_others(cluster, role);
}

bool lease_keeps(const struct cluster *cluster, const struct role *role)
{
        uint64_t standing = lease_standing(cluster);
        bool all = (role->leases & ~standing) == 0 ||
                   (MUTATED(KEPT_BY_ONE_LEASE) && (role->leases & standing) != 0);
        return all && lease_may_keep(cluster, role);
}

uint64_t lease_held_until_ms(const struct cluster *cluster, uint64_t volumes)
{
        uint64_t until_ms = UINT64_MAX;
        NODE_SET_EACH (volumes, id) {
                const struct lease_node *lease = cluster_lease(cluster, id);
                bool counts = lease != NULL && is_confirmed(lease) && is_of_these_times(cluster, lease) &&
                              lease->state != LEASE_BEGINNING;
                if (!counts)
                        return 0;
                if (lease->held_until_ms < until_ms)
                        until_ms = lease->held_until_ms;
        }
        return until_ms;
}

bool lease_misses_nodes(const struct cluster *cluster)
{
        MODEL_EACH_NODE (cluster->model, node)
                if (cluster->losses[node->id].index != 0)
                        return true;
        return false;
}

static void note_losses(struct cluster *cluster)
{
        NODE_SET_EACH (model_evicted(cluster->model), node)
                cluster->losses[node] = (struct known_loss){ .index = 0 };
        MODEL_EACH_NODE (cluster->model, node) {
                struct known_loss *loss = &cluster->losses[node->id];
                if (node->state != NODE_LOST)
                        *loss = (struct known_loss){ .index = 0 };
                else if (loss->index !=
                         node->lost_index) /* it may have returned meanwhile, and be lost again */
                        *loss = (struct known_loss){ .index = node->lost_index, .ms = cluster->now_ms };
        }
}

/* Nothing is renewed there; true: nothing is under way any more. */
bool lease_rests(struct cluster *cluster, const struct volume *volume)
{
        struct local_lease *local = &cluster->leases[volume->id];
        if (local->identity == volume->identity && local->pass != 0)
                return false;
        *local = (struct local_lease){ .identity = 0 };
        return true;
}

void lease_tick(struct cluster *cluster)
{
        note_losses(cluster);
        MODEL_EACH_VOLUME (cluster->model, volume)
                if (volume->state == VOLUME_READY && volume->kind == VOLUME_DIRECTORY)
                        see_to_lease(cluster, volume);
}

void lease_passed(struct cluster *cluster, const struct cluster_event *event)
{
        struct local_lease *local = &cluster->leases[event->lease.id];
        const struct volume *volume = model_volume_by_id(cluster->model, event->lease.id);
        if (local->pass != event->lease.pass)
                return; /* of a volume that is gone */
        local->pass = 0;
        if (volume == NULL || volume->identity != local->identity || volume->state != VOLUME_READY) {
                /* A snapshot clears the model, and the volume may return with its end: taken anew then. So it
                 * is after maintenance. */
                *local = (struct local_lease){ .identity = 0 };
                return;
        }
        struct lease_event passed = { .kind = LEASE_EVENT_PASS, .pass = event->lease.result };
        step(cluster, volume, local, &passed);
}

const struct lease_node *cluster_lease(const struct cluster *cluster, uint32_t id)
{
        const struct volume *volume = model_volume_by_id(cluster->model, id);
        const struct local_lease *local = &cluster->leases[volume == NULL ? 0 : id];
        return volume == NULL || local->identity != volume->identity ? NULL : &local->node;
}

node_set cluster_renewing(const struct cluster *cluster, uint32_t id)
{
        const struct volume *volume = model_volume_by_id(cluster->model, id);
        const struct local_path *local = &cluster->paths[volume == NULL ? 0 : id];
        return volume == NULL || local->identity != volume->identity ? 0 : local->renewing;
}

/* What moved between two looks that both began after the loss was written after it. */
node_set lease_isolated(const struct cluster *cluster)
{
        node_set isolated = 0;
        if (!round_is_active(cluster))
                return 0;
        MODEL_EACH_VOLUME (cluster->model, volume)
                NODE_SET_EACH (cluster_renewing(cluster, volume->id), node)
                        if (cluster->losses[node].index != 0 &&
                            (cluster->paths[volume->id].moved_after_ms > cluster->losses[node].ms ||
                             MUTATED(ISOLATED_BY_AN_OLD_LOOK)))
                                isolated |= node_set_of(node);
        return isolated;
}
