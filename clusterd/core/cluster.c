/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include <assert.h>
#include <string.h>

#include "clusterd/base/mutation.h"

static size_t align16(size_t bytes)
{
        return (bytes + 15) & ~(size_t)15;
}

/* The parts of the storage behind struct cluster, in this order. */
struct layout {
        size_t model, tail, local, planned, order, changed, changed_listed, attention, attention_listed,
                later, later_listed, end;
};

static struct layout layout_for(uint32_t roles_max)
{
        struct layout layout;
        size_t at = align16(sizeof(struct cluster));
        layout.model = at;
        layout.tail = at += align16(model_bytes(roles_max));
        layout.local = at += align16(TAIL_MAX * sizeof(struct entry));
        layout.planned = at += align16(roles_max * sizeof(struct local_role));
        layout.order = at += align16(roles_max * sizeof(struct planned_role));
        layout.changed = at += align16(roles_max * sizeof(uint32_t));
        layout.changed_listed = at += align16(roles_max * sizeof(uint32_t));
        layout.attention = at += align16(roles_max * sizeof(bool));
        layout.attention_listed = at += align16(roles_max * sizeof(uint32_t));
        layout.later = at += align16(roles_max * sizeof(bool));
        layout.later_listed = at += align16(roles_max * sizeof(uint32_t));
        layout.end = at + align16(roles_max * sizeof(bool));
        return layout;
}

size_t cluster_bytes(uint32_t roles_max)
{
        assert(roles_max >= 1 && roles_max <= ROLES_MAX);
        return layout_for(roles_max).end;
}

void cluster_init(struct cluster *cluster, const struct cluster_identity *identity, uint32_t roles_max)
{
        assert(identity->node >= 1 && identity->node <= NODES_MAX);
        assert(identity->incarnation != 0);
        struct layout layout = layout_for(roles_max);
        char *base = (char *)cluster;
        cluster->identity = *identity;
        cluster->contact_ms = identity->contact_ms;
        cluster->guard_armed = identity->guard_armed;
        cluster->arming = identity->arming;
        cluster->unsurveyed = identity->guard_armed && !MUTATED(GUARD_DISARMED_BY_RESTART);
        cluster->model = model_init(base + layout.model, roles_max);
        cluster->ledger.tail = (void *)(base + layout.tail);
        cluster->ledger.blank = true;
        cluster->local = (void *)(base + layout.local);
        cluster->planned = (void *)(base + layout.planned);
        cluster->order = (void *)(base + layout.order);
        cluster->changes.roles.slots = (void *)(base + layout.changed);
        cluster->changes.roles.listed = (void *)(base + layout.changed_listed);
        cluster->attention.slots = (void *)(base + layout.attention);
        cluster->attention.listed = (void *)(base + layout.attention_listed);
        cluster->later.slots = (void *)(base + layout.later);
        cluster->later.listed = (void *)(base + layout.later_listed);
        cluster->planner_wake_ms = TIME_NEVER;
}

static void load_object(struct cluster *cluster, const struct object *object)
{
        int error = model_put(cluster->model, object);
        assert(error == 0); /* it was put under the same limits */
}

static void load_entry(struct cluster *cluster, const struct entry *entry)
{
        if (cluster->ledger.last.index == 0 && entry->index > 0) {
                /* Entries come before their place is known: LOADED sets what lies below. */
                cluster->ledger.last.index = entry->index - 1;
                cluster->ledger.applied.index = entry->index - 1;
        }
        ledger_append(&cluster->ledger, entry);
}

static void loaded(struct cluster *cluster, const struct cluster_event *event)
{
        struct ledger *ledger = &cluster->ledger;
        ledger->applied = event->loaded.applied;
        if (ledger->last.index <= ledger->applied.index)
                ledger->last = ledger->applied;
        ledger->first_index = event->loaded.first_index;
        ledger->promised = event->loaded.promised;
        ledger->blank = event->loaded.blank;
        if (ledger->blank) { /* a snapshot that was never finished */
                model_clear(cluster->model);
                ledger_restart_at(ledger, &(struct ledger_position){ .index = 0 });
                ledger->blank = true;
        }
        /* Whoever was level once has promised something: what was left of its snapshot is no new beginning.
         */
        cluster->fresh = ledger->last.index == 0 && ledger->promised == 0;
        cluster->store_index = ledger->last.index;
        cluster->store_promised = ledger->promised;
        for (uint32_t slot = 0; slot < cluster->model->roles_used; slot++)
                reconcile_role_changed(cluster, slot);
        cluster->loaded = true;
        cluster->loaded_ms = cluster->now_ms;
}

static void dispatch(struct cluster *cluster, const struct cluster_event *event)
{
        switch (event->kind) {
        case CLUSTER_EVENT_LOAD_OBJECT:
                load_object(cluster, event->object);
                break;
        case CLUSTER_EVENT_LOAD_ENTRY:
                load_entry(cluster, event->entry);
                break;
        case CLUSTER_EVENT_LOADED:
                loaded(cluster, event);
                break;
        case CLUSTER_EVENT_WAKE:
                break;
        case CLUSTER_EVENT_VIEW:
                cluster->ring = event->view.ring;
                round_view(cluster, event->view.members, event->view.connected);
                break;
        case CLUSTER_EVENT_MESSAGE:
                round_message(cluster, event->message.sender, event->message.message);
                break;
        case CLUSTER_EVENT_REQUEST:
                pending_request(cluster, event->request.token, event->request.actor, event->request.command);
                break;
        case CLUSTER_EVENT_STORED:
                cluster->store_index = event->stored.index;
                cluster->store_promised = event->stored.promised;
                cluster->store_failed = false;
                round_stored(cluster);
                break;
        case CLUSTER_EVENT_STORE_FAILED:
                cluster->store_failed = true;
                break;
        case CLUSTER_EVENT_OBSERVED:
                observe_observed(cluster, event);
                break;
        case CLUSTER_EVENT_LISTED:
                observe_listed(cluster, event);
                break;
        case CLUSTER_EVENT_OPERATION_DONE:
                redirect_done(cluster, &event->operation);
                observe_operation_done(cluster, &event->operation);
                break;
        case CLUSTER_EVENT_PREPARED:
                prepare_done(cluster, event);
                break;
        case CLUSTER_EVENT_CONFIRM:
                confirm_asked(cluster, event);
                break;
        case CLUSTER_EVENT_FENCE_DONE:
                fencing_done(cluster, event);
                break;
        case CLUSTER_EVENT_PREEMPTED:
                preempt_ended(cluster, event);
                break;
        case CLUSTER_EVENT_LOOKED:
                path_looked(cluster, event);
                break;
        case CLUSTER_EVENT_LEASE:
                lease_passed(cluster, event);
                break;
        case CLUSTER_EVENT_SIGHT:
                lease_watch_seen(cluster, event);
                break;
        case CLUSTER_EVENT_LEAVING:
                electorate_leave(cluster);
                break;
        case CLUSTER_EVENT_REVOKED:
                lease_watch_revoked(cluster, event);
                break;
        case CLUSTER_EVENT_WITNESS:
                witness_answered(cluster, event);
                break;
        case CLUSTER_EVENT_QNETD:
                claim_heard(cluster, event);
                break;
        case CLUSTER_EVENT_WATCHDOG:
                guard_reported(cluster, event);
                break;
        case CLUSTER_EVENT_COPY:
                copy_ordered(cluster, event);
                break;
        case CLUSTER_EVENT_EXPORT:
                redirect_exported(cluster, event);
                break;
        }
}

void cluster_step(struct cluster *cluster, const struct cluster_event *event, struct cluster_actions *actions)
{
        assert(event->now_ms >= cluster->now_ms);
        actions->count = 0;
        actions->message_count = 0;
        cluster->actions = actions;
        cluster->now_ms = event->now_ms;
        cluster->wall_ms = event->wall_ms;
        cluster->wake_ms = TIME_NEVER;
        struct ledger_position applied_before = cluster->ledger.applied;

        if (event->kind != CLUSTER_EVENT_LEASE && event->kind != CLUSTER_EVENT_LOOKED &&
            event->kind != CLUSTER_EVENT_WAKE)
                cluster->leased_known = false;
        round_notice_stall(cluster, event->kept_ms);
        dispatch(cluster, event);
        if (!cluster->loaded) {
                actions->wake_at_ms = TIME_NEVER;
                return;
        }
        commit_flush_rows(cluster,
                          event->kind == CLUSTER_EVENT_LOADED ? &cluster->ledger.applied : &applied_before);
        round_tick(cluster);
        force_tick(cluster);
        witness_tick(cluster);
        claim_tick(cluster);
        guard_tick(cluster);
        reconcile_tick(cluster);
        prepare_tick(cluster);
        confirm_tick(cluster);
        path_tick(cluster);
        lease_tick(cluster);
        pause_tick(cluster);
        guard_times_tick(cluster);
        lease_watch_tick(cluster);
        fencing_tick(cluster);
        quarantine_tick(cluster);
        shut_down_tick(cluster);
        lead_tick(cluster);
        observe_tick(cluster);
        pending_tick(cluster);
        guard_tick(cluster);
        actions->wake_at_ms = cluster->wake_ms;
        cluster->actions = NULL;
}

bool cluster_is_member(const struct cluster *cluster)
{
        const struct node *node = model_node(cluster->model, cluster->identity.node);
        return node != NULL && ((node->state == NODE_UP && node->boot == cluster->identity.boot) ||
                                MUTATED(ACT_BEFORE_JOINED));
}

const struct model *cluster_model(const struct cluster *cluster)
{
        return cluster->model;
}

void cluster_status_read(const struct cluster *cluster, struct cluster_status *ret_status)
{
        const struct round *round = &cluster->round;
        bool active = round_is_active(cluster);
        *ret_status = (struct cluster_status){
                .node = cluster->identity.node,
                .active = active,
                .primary = round_is_primary(round),
                .epoch = round->decide.epoch,
                .leader = round->phase == ROUND_ACTIVE ? round->leader : NODE_NONE,
                .members = round->members,
                .connected = round->connected,
                .level = round->level,
                .last = cluster->ledger.last,
                .applied = cluster->ledger.applied,
                .guard_valid = guard_is_valid(cluster),
                .contact_ms = cluster->contact_ms,
                .leased_until_ms = cluster->leased_until_ms,
                .store_failed = cluster->store_failed,
                .isolated = lease_isolated(cluster),
                .evicted = cluster->evicted,
                .parted = force_has_parted(cluster),
        };
}

void cluster_voters_read(const struct cluster *cluster, struct voters *ret_voters)
{
        *ret_voters = commit_voters(cluster);
}

void cluster_voters(const struct cluster *cluster, node_set *ret_now, node_set *ret_before)
{
        struct voters voters = commit_voters(cluster);
        node_set awaited = cluster->force_awaited;
        *ret_now = awaited != 0 ? awaited : voters.now.nodes;
        *ret_before = awaited != 0 ? 0 : voters.before.nodes;
}

enum observation cluster_observation(const struct cluster *cluster, const char *name)
{
        const struct role *role = model_role(cluster->model, name);
        return role == NULL ? OBSERVED_ABSENT_UNKNOWN : cluster->local[role_slot(cluster, role)].observation;
}

uint64_t cluster_retry_in_ms(const struct cluster *cluster, const char *name, uint64_t now_ms)
{
        const struct role *role = model_role(cluster->model, name);
        if (role == NULL || role->state != ROLE_FAILED || role->desired != DESIRED_RUNNING ||
            !round_is_leader(cluster))
                return TIME_NEVER;
        const struct planned_role *planned = &cluster->planned[role_slot(cluster, role)];
        if (planned->due_index != role->since_index)
                return role->retry_ms;
        return planned->due_ms > now_ms ? planned->due_ms - now_ms : 0;
}

const struct message_heartbeat *cluster_heartbeat(const struct cluster *cluster, uint32_t node)
{
        const struct round *round = &cluster->round;
        if (!node_set_has(round->members, node) || round->heard_ms[node] == 0)
                return NULL;
        return &round->heartbeats[node];
}
