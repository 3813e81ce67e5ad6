/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/reconcile.h"

#include <string.h>

#include "clusterd/base/mutation.h"
#include "clusterd/base/text.h"
#include "clusterd/core/role_state.h"

/*
 * This node's part: what the committed model says against what is here, and
 * from that local actions and reports. Nothing is remembered that observation
 * could not give back after a restart.
 */

#define ROLES_PER_STEP 128    /* the rest in the next step, at once */
#define AGAIN_MS       2000   /* what failed or was refused is tried again */
#define RELIST_MS      1000   /* while a migration is on its way in */
#define STABLE_MS      600000 /* a role that ran for so long is forgiven its failures */
#define READY_MS       10000  /* for the target of a move to say that its guard stands */
#define AHEAD_MS       100    /* until a word of ours has come back, at the earliest */

static uint32_t self(const struct cluster *cluster)
{
        return cluster->identity.node;
}

void reconcile_look_again(struct looked_at *at, uint64_t when_ms)
{
        look_later(at->cluster, at->slot, when_ms);
}

struct cluster_action *reconcile_act(struct looked_at *at, enum cluster_action_kind kind, const char *reason)
{
        const struct role *role = at->role;
        struct cluster_action *action = action_add(at->cluster, kind, "%s", reason);
        TEXT_COPY(action->role.name, role->name);
        action->role.kind = role->kind;
        action->role.generation = role->generation;
        memcpy(action->role.definition_hash, role->definition_hash, HASH_BYTES);
        return action;
}

static void start(struct looked_at *at)
{
        at->local->attempted = at->role->generation;
        at->local->hint = OBSERVED_ABSENT_UNKNOWN; /* how an earlier run ended says nothing of this one */
        observe_begin(at->cluster, at->local, OPERATION_START);
        guard_starts(at->cluster);
        reconcile_act(at, CLUSTER_ACTION_START, at->role->reason);
}

static void stop(struct looked_at *at, uint32_t timeout_ms, const char *reason)
{
        if (at->cluster->now_ms < at->local->stop_again_ms) {
                reconcile_look_again(at, at->local->stop_again_ms);
                return;
        }
        observe_begin(at->cluster, at->local, OPERATION_STOP);
        reconcile_act(at, CLUSTER_ACTION_STOP, reason)->role.timeout_ms = timeout_ms;
}

static void move_away(struct looked_at *at)
{
        const struct node *target = model_node(at->cluster->model, at->role->target);
        at->local->attempted = at->role->generation;
        observe_begin(at->cluster, at->local, OPERATION_MOVE);
        struct cluster_action *action = reconcile_act(at, CLUSTER_ACTION_MOVE, at->role->reason);
        action->role.node = target->id;
        TEXT_COPY(action->role.address, target->address);
        TEXT_COPY(action->role.migration_address, target->migration_address);
}

void reconcile_propose(struct looked_at *at, struct local_report *report, const struct command *command)
{
        uint64_t again_ms = report_propose(at->cluster, report, command);
        if (again_ms != TIME_NEVER)
                reconcile_look_again(at, again_ms);
}

void reconcile_report(struct looked_at *at, enum report_kind kind, const char *text)
{
        struct command command = { .kind = COMMAND_ROLE_REPORT };
        struct command_role_report *content = &command.role_report;
        TEXT_COPY(content->role, at->role->name);
        content->node = self(at->cluster);
        content->generation = at->role->generation;
        content->kind = kind;
        content->duration_ms = at->local->duration_ms;
        content->downtime_ms = at->local->downtime_ms;
        TEXT_COPY(content->text, text);
        reconcile_propose(at, &at->local->report, &command);
}

/* Why it is gone, as far as anybody knows. Precondition: absent and confirmed. */
static void report_gone(struct looked_at *at)
{
        const struct local_role *local = at->local;
        if (local->stopped_by_guard)
                reconcile_report(at, REPORT_STOPPED, "this node stopped it: its guard had lapsed");
        else if (local->stopped_paused)
                reconcile_report(at, REPORT_STOPPED, "this node stopped what a move had left paused");
        else if (local->hint == OBSERVED_ABSENT_SHUTDOWN)
                reconcile_report(at, REPORT_SHUT_DOWN, local->text);
        else
                reconcile_report(at, REPORT_FAILED,
                                 local->text[0] != '\0' ? local->text : "it was found not to run");
}

/* True when it is surely not here; otherwise a fresh listing is asked for. */
static bool is_surely_absent(struct looked_at *at)
{
        if (at->present || at->local->unresolved)
                return false;
        if (!at->local->confirmed)
                at->cluster->list_wanted = true;
        return at->local->confirmed || MUTATED(ABSENT_UNCONFIRMED);
}

/*
 * What a move left paused is the guest of before the switch. The target may have run it since and written to
 * its disks, whatever has become of the target: resumed, it would write what it remembers over that.
 */
static void stop_paused(struct looked_at *at)
{
        if (at->cluster->now_ms < at->local->report.not_before_ms) {
                reconcile_look_again(at, at->local->report.not_before_ms);
                return;
        }
        stop(at, 0, "a move left it paused, and it may have run elsewhere since");
        at->local->stopped_paused = true;
}

/* A stop that succeeds ends the doubt about starts that were asked for before. */
static void settle(struct looked_at *at)
{
        if (at->cluster->now_ms >= at->local->report.not_before_ms)
                stop(at, 0, "nobody knows whether a start of it comes true: it is stopped to be sure");
        else
                reconcile_look_again(at, at->local->report.not_before_ms);
}

static void see_to_starting(struct looked_at *at)
{
        struct local_role *local = at->local;
        if (at->present && observe_is_left_behind(at->role, local)) {
                stop(at, 0, "it was here before its role was given to this node anew");
        } else if (at->present) {
                if (observation_is_live(local->observation))
                        reconcile_report(at, REPORT_RUNNING, "");
        } else if (!guard_is_backed(at->cluster)) {
                return; /* until the keeper has reported */
        } else if (local->unresolved && local->start_failed == at->role->generation) {
                settle(at);
        } else if (local->unresolved) {
                /* Here, starting it once more is harmless; elsewhere it would not be. */
                if (at->cluster->now_ms >= local->report.not_before_ms)
                        start(at);
                else
                        reconcile_look_again(at, local->report.not_before_ms);
        } else if (local->start_failed == at->role->generation && local->confirmed) {
                reconcile_report(at, REPORT_START_FAILED,
                                 local->text[0] != '\0' ? local->text : "it did not start");
        } else if (local->attempted != at->role->generation) {
                start(at);
        } else if (is_surely_absent(at)) {
                report_gone(at); /* it had started, and is gone before that was told */
        }
}

static void see_to_online(struct looked_at *at)
{
        struct cluster *cluster = at->cluster;
        struct local_role *local = at->local;
        if (is_surely_absent(at)) {
                report_gone(at);
                return;
        }
        copy_see_to(cluster, at->role, local);
        stall_see_to(at);
        if (local->online_generation != at->role->generation) {
                local->online_generation = at->role->generation;
                local->online_ms = cluster->now_ms;
        }
        if (at->present && at->role->failures > 0 && at->role->stall.index == 0) {
                if (cluster->now_ms >= local->online_ms + STABLE_MS)
                        reconcile_report(at, REPORT_STABLE, "");
                else
                        reconcile_look_again(at, local->online_ms + STABLE_MS);
        }
}

static void see_to_stopping(struct looked_at *at)
{
        if (is_surely_absent(at)) {
                reconcile_report(at, REPORT_STOPPED, "");
                return;
        }
        if (!at->present)
                return;
        if (at->cluster->now_ms < at->local->report.not_before_ms)
                reconcile_look_again(at, at->local->report.not_before_ms);
        else if (copy_holds(at->role, at->local) && !at->role->stop_now)
                copy_see_to(at->cluster, at->role, at->local);
        else
                stop(at, at->role->stop_now ? 0 : at->role->stop_timeout_ms, at->role->reason);
}

/* Nothing may be sent to a node against which evidence is, or may soon be, given. */
static bool target_is_there(const struct looked_at *at)
{
        const struct node *target = model_node(at->cluster->model, at->role->target);
        return target != NULL && ((target->state == NODE_UP && at->role->target_end == MOVE_END_UNKNOWN) ||
                                  MUTATED(MOVE_TO_THE_LOST));
}

/* The target has applied the move, and its keeper was armed before it said so: a guest that arrives stands
 * under its guard, whatever becomes of its daemon. */
static bool target_is_ready(const struct looked_at *at)
{
        return at->cluster->round.guarded[at->role->target] >= at->role->since_index ||
               MUTATED(MOVE_TO_THE_UNGUARDED) || MUTATED(STOPPED_BEFORE_OWN_WORD);
}

static void stay(struct looked_at *at, const char *why)
{
        if (!MUTATED(MOVE_BEGINS_LATE)) /* said is said */
                at->local->attempted = at->role->generation;
        TEXT_COPY(at->local->text, why);
        reconcile_report(at, REPORT_RUNNING, at->local->text);
}

static void await_target(struct looked_at *at)
{
        at->cluster->awaited |= node_set_of(at->role->target);
        reconcile_look_again(at, at->local->sending_ms + READY_MS);
}

static void send_when_ready(struct looked_at *at)
{
        struct local_role *local = at->local;
        if (local->sending_generation != at->role->generation) {
                local->sending_generation = at->role->generation;
                local->sending_ms = at->cluster->now_ms;
        }
        if (!target_is_there(at))
                stay(at, "the target was lost before the move began");
        else if (target_is_ready(at))
                move_away(at);
        else if (at->cluster->now_ms >= local->sending_ms + READY_MS)
                stay(at, "the target did not say that it is ready in 10 s: its log may say why");
        else
                await_target(at);
}

static void see_to_moving_out(struct looked_at *at)
{
        struct local_role *local = at->local;
        if (at->role->owner_end == MOVE_END_ABSENT)
                return;
        if (is_surely_absent(at)) {
                if (local->hint == OBSERVED_ABSENT_SHUTDOWN)
                        reconcile_report(at, REPORT_SHUT_DOWN, local->text);
                else
                        reconcile_report(at, REPORT_ABSENT, local->text);
        } else if (at->role->owner_end == MOVE_END_RUNNING && at->role->target_end == MOVE_END_RUNNING) {
                if (at->present)
                        stop(at, 0, "it runs on the target: what the move left here must not run, too");
        } else if ((at->role->owner_end == MOVE_END_RUNNING && !MUTATED(MOVE_BEGINS_LATE)) ||
                   local->in_doubt) {
                return; /* said already; or a listing will tell */
        } else if (local->observation == OBSERVED_OUTGOING) {
                at->cluster->list_wanted = true;
                reconcile_look_again(at, at->cluster->now_ms + RELIST_MS);
        } else if (local->observation == OBSERVED_PAUSED && local->attempted != at->role->generation) {
                stay(at, "a move left it paused");
        } else if (local->observation == OBSERVED_STALLED && local->attempted != at->role->generation) {
                stay(at, "its disk failed it before the move began");
        } else if (observation_is_live(local->observation) || local->observation == OBSERVED_PAUSED) {
                if (local->attempted == at->role->generation)
                        reconcile_report(at, REPORT_RUNNING, local->text);
                else
                        send_when_ready(at);
        }
}

static void see_to_moving_in(struct looked_at *at)
{
        const struct node *owner = model_node(at->cluster->model, at->role->owner);
        bool owner_done = at->role->owner_end != MOVE_END_UNKNOWN;
        if (at->role->target_end == MOVE_END_ABSENT)
                return;
        if (observation_is_live(at->local->observation)) {
                if (at->role->target_end == MOVE_END_UNKNOWN)
                        reconcile_report(at, REPORT_RUNNING, "");
        } else if (at->local->observation == OBSERVED_PAUSED && owner_done) {
                stop_paused(at);
        } else if (at->local->observation == OBSERVED_INCOMING || at->local->observation == OBSERVED_PAUSED) {
                /* It may have arrived before its source went: only a listing asked since says that it did
                 * not. */
                bool is_gone = owner_done && owner != NULL &&
                               (owner->state == NODE_DOWN ||
                                evidence_is_of_some_roles(at->role->owner_evidence.kind));
                bool is_stranded = (is_gone || MUTATED(STRANDED_WHILE_SENT)) &&
                                   (at->local->listed > at->local->stamp || MUTATED(STRANDED_BY_OLD_LISTING));
                if (is_stranded) {
                        stop(at, 0, "its source is gone in the middle of the move");
                } else {
                        at->cluster->list_wanted = true;
                        reconcile_look_again(at, at->cluster->now_ms + RELIST_MS);
                }
        } else if ((owner_done || MUTATED(NOTHING_ARRIVED_YET)) && is_surely_absent(at)) {
                /* Only a listing asked after the owner had spoken counts: see reconcile_role_changed(). */
                reconcile_report(at, REPORT_ABSENT, "nothing arrived");
        }
}

static void see_to_recovering(struct looked_at *at)
{
        if (observation_is_live(at->local->observation))
                reconcile_report(at, REPORT_RUNNING, "");
        else if (is_surely_absent(at))
                reconcile_report(at, REPORT_STOPPED, "it does not run here any more");
}

/* Nobody may be told that it is absent before that. What is on its way here would be stopped with it. */
static bool is_to_be_settled(const struct looked_at *at)
{
        const struct role *role = at->role;
        bool may_arrive = role->state == ROLE_MOVING && role->owner != self(at->cluster) &&
                          role->owner_end == MOVE_END_UNKNOWN;
        return !at->present && at->local->unresolved && role->state != ROLE_STARTING && !may_arrive;
}

static void see_to_right(struct looked_at *at)
{
        if (at->local->observation == OBSERVED_PAUSED && at->role->state != ROLE_MOVING &&
            !MUTATED(PAUSED_IS_RUNNING)) {
                stop_paused(at);
                return;
        }
        if (is_to_be_settled(at)) {
                if (at->local->confirmed || MUTATED(ABSENT_UNCONFIRMED))
                        settle(at);
                else
                        at->cluster->list_wanted = true; /* it may run: nothing is known after a snapshot */
                return;
        }
        switch (at->role->state) {
        case ROLE_STARTING:
                see_to_starting(at);
                break;
        case ROLE_ONLINE:
                see_to_online(at);
                break;
        case ROLE_STOPPING:
                see_to_stopping(at);
                break;
        case ROLE_MOVING:
                if (at->role->owner == self(at->cluster))
                        see_to_moving_out(at);
                else
                        see_to_moving_in(at);
                break;
        case ROLE_RECOVERING:
                see_to_recovering(at);
                break;
        case ROLE_OFFLINE:
        case ROLE_FAILED:
        case ROLE_STATE_COUNT:
                break;
        }
}

/*
 * It may have come by an entry that its source has applied and we have not yet. What was said to the
 * group before we saw it here, we know when a word of ours that we said later has come back.
 */
static bool is_ahead_of_us(const struct looked_at *at)
{
        return at->cluster->contact_ms <= at->local->seen_ms && !MUTATED(STOPPED_BEFORE_OWN_WORD);
}

static void stop_for_guard(struct looked_at *at)
{
        stop(at, 0, "no contact with a quorum for too long, and no lease keeps it: the guard has lapsed");
        at->local->stopped_by_guard = true;
}

/* This node was proven off while a guest was on its way here, and is back: its source has to end the move
 * first, and then it is asked. */
static bool may_have_arrived(const struct looked_at *at)
{
        return at->role->state == ROLE_MOVING && at->role->target == self(at->cluster) &&
               at->role->owner_end == MOVE_END_UNKNOWN && !MUTATED(ARRIVAL_STOPPED_EARLY);
}

static void see_to(struct cluster *cluster, uint32_t slot)
{
        struct looked_at at = {
                .cluster = cluster,
                .role = &cluster->model->roles[slot],
                .local = &cluster->local[slot],
                .slot = slot,
        };
        if (at.role->name[0] == '\0')
                return;
        redirect_see_to_export(&at);
        at.present = observation_is_present(at.local->observation);
        bool interruptible = at.local->operation != OPERATION_START && at.local->operation != OPERATION_STOP;
        if ((at.present || at.local->unresolved) && interruptible && guard_has_lapsed(cluster) &&
            !lease_keeps(cluster, at.role)) {
                stop_for_guard(&at);
                return;
        }
        if ((at.present || at.local->unresolved) && interruptible && cluster->round.phase == ROUND_ACTIVE &&
            force_has_parted(cluster) && !MUTATED(PARTED_RUNS_ON)) {
                stop(&at, 0, "the quorum was forced without this node: it runs nothing by its own history");
                at.local->stopped_by_guard = true;
                return;
        }
        if (at.local->operation != OPERATION_NONE ||
            !(round_is_active(cluster) || MUTATED(ACT_WITHOUT_EPOCH)) || !cluster_is_member(cluster))
                return;
        observe_note_generation(at.role, at.local);
        if (role_may_run_on(at.role, self(cluster))) {
                if (guard_is_valid(cluster) || MUTATED(ACT_WITHOUT_GUARD))
                        see_to_right(&at);
                return;
        }
        if (!(at.present || at.local->unresolved) || MUTATED(KEEP_WHAT_IS_NOT_OURS))
                return;
        if (is_ahead_of_us(&at) || may_have_arrived(&at))
                reconcile_look_again(&at, cluster->now_ms + AHEAD_MS);
        else
                stop(&at, 0, "the ledger does not give it to this node");
}

void reconcile_tick(struct cluster *cluster)
{
        join_tick(cluster);
        struct slot_list *attention = &cluster->attention;
        if (cluster->later.count > 0 && cluster->now_ms >= cluster->later_ms) {
                for (uint32_t i = 0; i < cluster->later.count; i++)
                        slot_list_add(attention, cluster->later.slots[i]);
                slot_list_clear(&cluster->later);
        }
        uint32_t count = attention->count < ROLES_PER_STEP ? attention->count : ROLES_PER_STEP;
        uint32_t slots[ROLES_PER_STEP];
        memcpy(slots, attention->slots, count * sizeof *slots);
        memmove(attention->slots, attention->slots + count, (attention->count - count) * sizeof *slots);
        attention->count -= count;
        for (uint32_t i = 0; i < count; i++)
                attention->listed[slots[i]] = false;
        for (uint32_t i = 0; i < count; i++)
                see_to(cluster, slots[i]);
        if (attention->count > 0)
                wake_at(cluster, cluster->now_ms);
        if (cluster->later.count > 0)
                wake_at(cluster, cluster->later_ms);
}

void reconcile_all(struct cluster *cluster)
{
        for (uint32_t slot = 0; slot < cluster->model->roles_used; slot++)
                slot_list_add(&cluster->attention, slot);
}

void reconcile_round_ended(struct cluster *cluster)
{
        cluster->join_count = 0;
        for (uint32_t slot = 0; slot < cluster->model->roles_used; slot++)
                cluster->local[slot].report.count = cluster->local[slot].copy.report.count =
                        cluster->local[slot].redirect.report.count = 0;
}

void reconcile_role_removed(struct cluster *cluster, uint32_t slot)
{
        observe_forget_role(cluster, slot);
        memset(&cluster->planned[slot], 0, sizeof cluster->planned[slot]);
}

void reconcile_guarded(struct cluster *cluster, uint32_t node)
{
        if (!node_set_has(cluster->awaited, node))
                return;
        cluster->awaited &= ~node_set_of(node);
        cluster->later_ms = cluster->now_ms;
}

static void announce(struct cluster *cluster, const struct role *role)
{
        struct looked_at at = { .cluster = cluster, .role = role };
        reconcile_act(&at, CLUSTER_ACTION_ANNOUNCE, "it moved here: the networks are told");
}

/* A move comes here, or something about it has changed: an absence known from before proves nothing now. */
void reconcile_role_changed(struct cluster *cluster, uint32_t slot)
{
        const struct role *role = &cluster->model->roles[slot];
        struct local_role *local = &cluster->local[slot];
        bool expected = role->name[0] != '\0' && role_may_run_on(role, self(cluster));
        cluster->expected_count += (uint32_t)expected - (uint32_t)local->expected;
        local->expected = expected;
        prepare_role_changed(cluster, slot);
        redirect_role_changed(cluster, slot);
        if (role->state == ROLE_MOVING && role->target == self(cluster) && !MUTATED(NOTHING_ARRIVED_BEFORE)) {
                cluster->local[slot].confirmed = false;
                cluster->local[slot].stamp = cluster->listings;
                cluster->guard_news = true;
        }
        slot_list_add(&cluster->attention, slot);
}

/* NULL: it is no report of a role, or of one that is gone. */
static const struct role *role_reported(const struct cluster *cluster, const struct command *command)
{
        if (command->kind == COMMAND_ROLE_REPORT)
                return model_role(cluster->model, command->role_report.role);
        if (command->kind == COMMAND_COPY_REPORT)
                return model_role(cluster->model, command->copy_report.role);
        if (command->kind == COMMAND_REDIRECT_REPORT)
                return model_role(cluster->model, command->redirect_report.role);
        return NULL;
}

static void report_answered(struct cluster *cluster, const struct role *role, const struct entry *entry,
                            bool done)
{
        uint32_t slot = role_slot(cluster, role);
        struct local_role *local = &cluster->local[slot];
        if (report_is_answered(cluster, &local->report, entry, done, AGAIN_MS) ||
            report_is_answered(cluster, &local->copy.report, entry, done, COPY_AGAIN_MS) ||
            report_is_answered(cluster, &local->redirect.report, entry, done, AGAIN_MS))
                slot_list_add(&cluster->attention, slot);
}

void reconcile_applied(struct cluster *cluster, const struct entry *entry, bool done)
{
        const struct command *command = &entry->command;
        if ((command->kind == COMMAND_NODE_JOIN && command->node_join.node == self(cluster)) ||
            command->kind == COMMAND_NODE_EVIDENCE || command->kind == COMMAND_NODE_CONFIRM_OFF)
                reconcile_all(cluster);
        if (command->kind == COMMAND_ROLE_ADD && done)
                observe_role_added(
                        cluster, role_slot(cluster, model_role(cluster->model, command->role_add.role.name)));

        const struct role *role = role_reported(cluster, command);
        if (role == NULL)
                return;
        report_answered(cluster, role, entry, done);
        if (done && role->owner == self(cluster) && role->last_move.index == entry->index &&
            role->last_move.succeeded)
                announce(cluster, role);
}
