/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include <assert.h>
#include <string.h>

#include "clusterd/base/mutation.h"
#include "clusterd/base/text.h"

/* From a proposal to a change of the model: append, wait for a majority, apply. */

/* Rounds that fail leave the entry of their epoch in the tail: there must be room for those when it is full.
 */
#define EPOCHS_SPARE 256

/* Nobody appended it, so nobody need wait for it: what is still wanted is proposed again. */
static void proposal_dropped(struct cluster *cluster, const struct message_propose *propose)
{
        if (propose->request.incarnation != cluster->identity.incarnation)
                return;
        const struct entry entry = { .request = propose->request, .command = propose->command };
        lead_applied(cluster, &entry);
        fencing_answered(cluster, &entry);
        guard_times_answered(cluster, &entry);
        quarantine_dropped(cluster, &entry);
        pause_answered(cluster, &entry);
        path_answered(cluster, &entry, false);
        pending_dropped(cluster, &entry);
        join_answered(cluster, &entry, false);
        reconcile_applied(cluster, &entry, false);
        cluster->planner_due = true;
}

struct voters commit_voters(const struct cluster *cluster)
{
        const struct ledger *ledger = &cluster->ledger;
        if (ledger->blank)
                return round_voters(0, 0, 0, 0);
        const struct settings *settings = &cluster->model->settings;
        struct voters voters = round_voters(settings->voters, settings->voters_witness, 0, 0);
        for (uint64_t index = ledger->applied.index + 1; index <= ledger->last.index; index++) {
                const struct command *command = &ledger_entry(ledger, index)->command;
                const struct command_voter_set *change = &command->voter_set;
                if (command->kind == COMMAND_VOTER_SET && !MUTATED(CHANGE_UNTOLD))
                        voters = round_voters(change->voters, change->witness, change->before,
                                              change->before_witness);
                else if (command->kind == COMMAND_EPOCH && command->epoch.forced != 0)
                        voters = round_voters(node_set_of(command->epoch.leader), 0, 0, 0);
        }
        return voters;
}

node_set commit_holders(const struct cluster *cluster)
{
        const struct ledger *ledger = &cluster->ledger;
        for (uint64_t index = ledger->last.index; index > ledger->applied.index; index--) {
                const struct command *command = &ledger_entry(ledger, index)->command;
                if (command->kind == COMMAND_EPOCH)
                        return command->epoch.holders;
        }
        return cluster->model->settings.epoch_holders;
}

/* One change at a time: with two in a tail nobody could say which majorities count. */
static bool may_change_voters(const struct round *round, const struct command_voter_set *change)
{
        bool same_witness = change->before_witness == 0 || change->witness == 0 ||
                            change->before_witness == change->witness;
        return round->voters.before.nodes == 0 && change->before == round->voters.now.nodes &&
               change->before_witness == (round->voters.now.witness ? round->voters.witness : 0) &&
               same_witness && change->voters != 0;
}

/* Everybody counts the same, laggards too, so everybody refuses the same. */
static bool may_append(const struct round *round, const struct command *command)
{
        if (round->phase != ROUND_ACTIVE)
                return true;
        if (round->position - round->committed >= TAIL_MAX - EPOCHS_SPARE)
                return false;
        return command->kind != COMMAND_VOTER_SET || may_change_voters(round, &command->voter_set);
}

void commit_proposal(struct cluster *cluster, uint32_t sender, const struct message_propose *propose)
{
        struct round *round = &cluster->round;
        if (!may_append(round, &propose->command)) {
                if (sender == cluster->identity.node)
                        proposal_dropped(cluster, propose);
                return;
        }
        round->position++;
        if (propose->command.kind == COMMAND_VOTER_SET) {
                const struct command_voter_set *change = &propose->command.voter_set;
                round->voters =
                        round_voters(change->voters, change->witness, change->before, change->before_witness);
                round->voters_index = round->position;
        }
        if (!node_set_has(round->level, cluster->identity.node))
                return;
        const struct entry *entry = ledger_extend(&cluster->ledger, round->decide.epoch, propose);
        assert(entry->index == round->position);
        action_add(cluster, CLUSTER_ACTION_APPEND, "proposed")->entry = entry;
        guard_voters_appended(cluster, entry);
}

/* The highest index that a majority of these voters has stored. */
static uint64_t stored_by(const struct round *round, const struct voter_set *set)
{
        uint64_t best = round->committed;
        struct voters voters = { .now = *set };
        node_set counted = MUTATED(STORED_BY_LAGGARDS) ? set->nodes : round->level & set->nodes;
        NODE_SET_EACH (counted, candidate) {
                node_set holders = 0;
                uint64_t index = round->stored[candidate];
                if (index <= best)
                        continue;
                NODE_SET_EACH (counted, node)
                        if (round->stored[node] >= index)
                                holders |= node_set_of(node);
                if (round_holds_with(holders, &voters, round->by_witness) || MUTATED(COMMIT_BY_ONE))
                        best = index;
        }
        return best;
}

/*
 * The witness stores no entries. So whoever it may vote for next must have all of them: it votes for nobody
 * who sees none of an epoch's holders, and each of these has stored what was committed.
 */
static uint64_t stored_by_holders(const struct round *round, uint64_t most)
{
        if (!round->by_witness || MUTATED(WITNESS_STORES))
                return most;
        NODE_SET_EACH (round->level, node)
                if (round->stored[node] < most)
                        most = round->stored[node];
        return most;
}

/* A change of the voters, and what comes behind it, needs both majorities; what is before it the old one. */
static uint64_t stored_by_votes(const struct round *round)
{
        uint64_t now = stored_by(round, &round->voters.now);
        if (round->voters.before.nodes == 0 || MUTATED(CHANGE_BY_THE_NEW))
                return now;
        uint64_t before = stored_by(round, &round->voters.before);
        uint64_t both = now < before && !MUTATED(CHANGE_BY_THE_OLD) ? now : before;
        if (both >= round->voters_index)
                return both;
        return before < round->voters_index ? before : round->voters_index - 1;
}

static uint64_t stored_by_majority(const struct round *round)
{
        return stored_by_holders(round, stored_by_votes(round));
}

static void log_refusal(struct cluster *cluster, const struct entry *entry, const struct apply *apply)
{
        char subject[NAME_BYTES + 8];
        command_subject(&entry->command, subject, sizeof subject);
        action_add(cluster, CLUSTER_ACTION_LOG, "refused %s of %s: %.80s",
                   command_kind_name(entry->command.kind), subject, apply->reason);
}

/* Where a role lives that the command would remove; roles_max if it is not about that. */
static uint32_t slot_to_free(const struct cluster *cluster, const struct command *command)
{
        const struct role *role = NULL;
        if (command->kind == COMMAND_ROLE_REMOVE)
                role = model_role(cluster->model, command->role.role);
        return role == NULL ? cluster->model->roles_max : role_slot(cluster, role);
}

/* The volume that the command would remove; its id is 0 if it is not about that. */
static struct volume volume_to_free(const struct cluster *cluster, const struct command *command)
{
        const struct volume *volume = NULL;
        if (command->kind == COMMAND_VOLUME_REMOVE || command->kind == COMMAND_VOLUME_DROP)
                volume = model_volume(cluster->model, command->volume.volume);
        return volume == NULL ? (struct volume){ .id = 0 } : *volume;
}

static bool concerns_planner(const struct command *command)
{
        bool notes_only = command->kind == COMMAND_ROLE_SET &&
                          (command->role_set.fields & ~(uint32_t)ROLE_FIELD_NOTE) == 0;
        return !notes_only && command->kind != COMMAND_FENCE_REPORT;
}

void commit_apply_next(struct cluster *cluster)
{
        const struct entry *entry = ledger_entry(&cluster->ledger, cluster->ledger.applied.index + 1);
        struct apply apply = {
                .model = cluster->model,
                .changes = &cluster->changes,
                .index = entry->index,
                .time_ms = entry->time_ms,
                .origin = entry->request.node,
        };
        uint32_t freed = slot_to_free(cluster, &entry->command);
        struct volume volume = volume_to_free(cluster, &entry->command);
        apply_command(&apply, &entry->command);
        if (apply.outcome != APPLY_DONE)
                log_refusal(cluster, entry, &apply);
        if (apply.deleted) {
                struct cluster_action *action = action_add(cluster, CLUSTER_ACTION_DELETE_OBJECT, "removed");
                action->object.kind = apply.deleted_kind;
                TEXT_COPY(action->object.name, apply.deleted_name);
        }
        for (uint32_t i = 0; i < apply.devices_deleted; i++) {
                struct cluster_action *action =
                        action_add(cluster, CLUSTER_ACTION_DELETE_OBJECT, "its node was evicted");
                action->object.kind = OBJECT_FENCE_DEVICE;
                TEXT_COPY(action->object.name, apply.device_deleted[i]);
        }
        if (apply.deleted && freed < cluster->model->roles_max)
                reconcile_role_removed(cluster, freed);
        if (apply.deleted && volume.id != 0)
                path_volume_removed(cluster, &volume);
        cluster->planner_due |= concerns_planner(&entry->command);
        ledger_mark_applied(&cluster->ledger);

        bool ours = entry->request.node == cluster->identity.node &&
                    entry->request.incarnation == cluster->identity.incarnation;
        if (ours) {
                lead_applied(cluster, entry);
                fencing_answered(cluster, entry);
                guard_times_answered(cluster, entry);
                pending_applied(cluster, entry, &apply);
        }
        path_answered(cluster, entry, apply.outcome == APPLY_DONE);
        pause_answered(cluster, entry);
        quarantine_applied(cluster, entry, apply.outcome == APPLY_DONE);
        join_answered(cluster, entry, apply.outcome != APPLY_DONE);
        reconcile_applied(cluster, entry, apply.outcome == APPLY_DONE);
}

void commit_advance(struct cluster *cluster)
{
        struct round *round = &cluster->round;
        uint64_t committed = stored_by_majority(round);
        /* Only an entry of this epoch commits what is before it. Source: Raft, 5.4.2. */
        if ((committed < round->begin_index && !MUTATED(COMMIT_OF_OLD_EPOCHS)) ||
            committed <= round->committed || !witness_lets_begin(cluster))
                return;
        round->committed = committed;
        if (committed >= round->voters_index && round->voters.before.nodes != 0) {
                round->voters.before = (struct voter_set){ .nodes = 0 };
                if (!round->voters.now.witness)
                        round->voters.witness = 0;
                committed = round->committed = stored_by_majority(round);
        }
        bool level = node_set_has(round->level, cluster->identity.node);
        while (level && cluster->ledger.applied.index < committed)
                commit_apply_next(cluster);
        if (round->phase == ROUND_BEGINNING)
                round_activate(cluster);
}

static void put_row(struct cluster *cluster, enum object_kind kind, const char *name)
{
        struct cluster_action *action = action_add(cluster, CLUSTER_ACTION_PUT_OBJECT, "changed");
        action->object.kind = kind;
        TEXT_COPY(action->object.name, name);
}

void commit_flush_rows(struct cluster *cluster, const struct ledger_position *applied_before)
{
        struct changes *changes = &cluster->changes;
        const struct model *model = cluster->model;
        if (changes->settings)
                put_row(cluster, OBJECT_SETTINGS, "cluster");
        NODE_SET_EACH (changes->nodes, node)
                put_row(cluster, OBJECT_NODE, model->nodes[node].name);
        for (uint32_t word = 0; word < FENCE_DEVICES_MAX / 64; word++)
                NODE_SET_EACH (changes->fence_devices[word], bit) {
                        const struct fence_device *device = &model->fence_devices[64 * word + bit - 1];
                        if (device->name[0] != '\0')
                                put_row(cluster, OBJECT_FENCE_DEVICE, device->name);
                }
        NODE_SET_EACH (changes->volumes, volume)
                if (model->volumes[volume].id != 0)
                        put_row(cluster, OBJECT_VOLUME, model->volumes[volume].name);
        for (uint32_t i = 0; i < changes->roles.count; i++) {
                uint32_t slot = changes->roles.slots[i];
                if (model->roles[slot].name[0] != '\0')
                        put_row(cluster, OBJECT_ROLE, model->roles[slot].name);
                reconcile_role_changed(cluster, slot);
        }
        changes->settings = false;
        changes->nodes = 0;
        changes->volumes = 0;
        memset(changes->fence_devices, 0, sizeof changes->fence_devices);
        slot_list_clear(&changes->roles);
        /* In the middle of a snapshot the rows belong to no position, and the store stays blank. */
        if ((!cluster->ledger.blank || MUTATED(HALF_A_SNAPSHOT_IS_KEPT)) &&
            !ledger_position_equal(applied_before, &cluster->ledger.applied))
                action_add(cluster, CLUSTER_ACTION_APPLIED, "%llu",
                           (unsigned long long)cluster->ledger.applied.index)
                        ->applied = cluster->ledger.applied;
}
