/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include <string.h>

#include "clusterd/base/mutation.h"
#include "clusterd/base/text.h"

/*
 * A round: open, states, decide, promises, epoch. The picture and the safety
 * argument are in README.md of this folder.
 */

#define GATHER_MS  500  /* a member that has not spoken by then takes no part */
#define LEVEL_MS   1000 /* a laggard that is not level by then is left to catch up later */
#define STUCK_MS   2000 /* a round that gets nowhere is opened anew; each rank waits a second more */
#define REFUSED_MS 5000
#define WITNESS_MS 5000 /* the asker has a time limit of its own */
#define SILENT_MS  3000 /* a leader without heartbeat for so long is passed over */

static uint32_t self(const struct cluster *cluster)
{
        return cluster->identity.node;
}

static void enter(struct cluster *cluster, enum round_phase phase)
{
        cluster->round.phase = phase;
        cluster->round.phase_ms = cluster->now_ms;
}

bool round_is_active(const struct cluster *cluster)
{
        return cluster->round.phase == ROUND_ACTIVE &&
               (node_set_has(cluster->round.level, self(cluster)) || MUTATED(ACT_BEFORE_LEVEL));
}

bool round_is_leader(const struct cluster *cluster)
{
        return round_is_active(cluster) && cluster->round.leader == self(cluster);
}

bool round_may_propose(const struct cluster *cluster)
{
        /* Half the tail is kept free for what is on its way. */
        return round_is_active(cluster) &&
               cluster->ledger.last.index - cluster->ledger.applied.index < TAIL_MAX / 2;
}

static void end_epoch(struct cluster *cluster)
{
        pending_round_ended(cluster);
        lead_round_ended(cluster);
        fencing_round_ended(cluster);
        quarantine_round_ended(cluster);
        pause_round_ended(cluster);
        guard_times_round_ended(cluster);
        path_round_ended(cluster);
        reconcile_round_ended(cluster);
        witness_round_ended(cluster);
}

void round_open(struct cluster *cluster, const char *reason)
{
        struct round *round = &cluster->round;
        action_add(cluster, CLUSTER_ACTION_LOG, "opening a round: %s", reason);
        struct message *message = action_message(cluster, MESSAGE_VIEW_OPEN);
        message->round = (struct round_id){
                .node = self(cluster),
                .incarnation = cluster->identity.incarnation,
                .count = ++round->opened,
        };
        round->phase_ms = cluster->now_ms;
}

void round_view(struct cluster *cluster, node_set members, node_set connected)
{
        struct round *round = &cluster->round;
        NODE_SET_EACH (round->connected & ~connected, node)
                round->view_ms[node] = cluster->now_ms;
        round->connected = connected;
        round->seen |= connected;
        cluster->planner_due = true;
        if (members == round->members)
                return;

        round->members = members;
        round->probe_back_ms = 0;
        if (MUTATED(ROUND_OUTLIVES_VIEW))
                return;
        round->id = (struct round_id){ .node = NODE_NONE };
        enter(cluster, ROUND_NONE);
        end_epoch(cluster);
        if (node_set_lowest(members) == self(cluster) && !force_settles(cluster))
                round_open(cluster, "the group changed");
}

static void send_state(struct cluster *cluster)
{
        const struct ledger *ledger = &cluster->ledger;
        struct voters voters = commit_voters(cluster);
        struct message_state *state = &action_message(cluster, MESSAGE_STATE)->state;
        *state = (struct message_state){
                .last = ledger->last,
                .applied = ledger->applied,
                .first_index = ledger->first_index,
                .promised = ledger->promised,
                .blank = ledger->blank,
                .voters = voters.now.nodes,
                .voters_before = voters.before.nodes,
                .voters_witness = voters.now.witness ? voters.witness : 0,
                .voters_before_witness = voters.before.witness ? voters.witness : 0,
                .whole = witness_accepts(cluster),
                .sick = cluster->store_failed,
                .witness_promised = cluster->witness.promised,
                .forced = force_of_history(cluster),
        };
        cluster->round.told_claim = claim_tell(cluster, state);
}

static void on_view_open(struct cluster *cluster, uint32_t sender, const struct round_id *id)
{
        struct round *round = &cluster->round;
        if (sender != id->node || !node_set_has(round->members, sender))
                return;
        end_epoch(cluster);
        round->id = *id;
        round->spoke = 0;
        round->waits = 0;
        round->promised = 0;
        round->level = 0;
        round->sent_decide = false;
        round->proposed_epoch = false;
        round->by_witness = false;
        round->advanced = false;
        round->sent_promise = 0;
        round->sent_stored = 0;
        round->catch_up_ms = 0;
        memset(&round->decide, 0, sizeof round->decide);
        memset(round->stored, 0, sizeof round->stored);
        memset(round->guarded, 0, sizeof round->guarded);
        round->state_ms = cluster->now_ms;
        enter(cluster, ROUND_GATHER);
        send_state(cluster);
}

static void send_decide(struct cluster *cluster)
{
        struct round *round = &cluster->round;
        struct message_decide *decide = &action_message(cluster, MESSAGE_DECIDE)->decide;
        round_decide(round->states, round->spoke, decide);
        force_decide(cluster, decide);
        /* The way to the witness may be cut for one of them alone. */
        decide->asker = decide->leader;
        for (uint32_t i = 0; decide->witness && i < cluster->witness.refused % node_set_count(decide->level);
             i++)
                decide->asker = node_set_after(decide->level, decide->asker);
        round->sent_decide = true;
}

static bool may_have_majority(const struct cluster *cluster)
{
        struct voters voters = commit_voters(cluster);
        return round_holds_with(cluster->round.members, &voters, true);
}

/* Whoever stood still: with it there may be a majority, by its word if our ledger is blank; its guests do not
 * wait. */
static void on_late_state(struct cluster *cluster, uint32_t sender, const struct message_state *state)
{
        struct round *round = &cluster->round;
        struct voters told = round_voters(state->voters, state->voters_witness, state->voters_before,
                                          state->voters_before_witness);
        if (round->id.node != self(cluster) || node_set_has(round->spoke, sender) ||
            !(may_have_majority(cluster) || round_holds_with(round->members, &told, true)))
                return;
        round->spoke |= node_set_of(sender);
        round_open(cluster, "a node that was silent speaks");
}

static void on_state(struct cluster *cluster, uint32_t sender, const struct message_state *state)
{
        struct round *round = &cluster->round;
        if (round->phase == ROUND_REFUSED)
                on_late_state(cluster, sender, state);
        if (round->phase != ROUND_GATHER || !node_set_has(round->members, sender))
                return;
        round->states[sender] = *state;
        round->spoke |= node_set_of(sender);
        if (round->id.node == self(cluster) && !round->sent_decide && round->spoke == round->members)
                send_decide(cluster);
}

static bool is_participant(const struct cluster *cluster)
{
        return node_set_has(cluster->round.decide.participants, self(cluster)) ||
               MUTATED(PROMISE_BY_OUTSIDERS);
}

static bool holds_history(const struct cluster *cluster)
{
        return ledger_position_equal(&cluster->ledger.last, &cluster->round.decide.base) ||
               MUTATED(PROMISE_WITHOUT_HISTORY);
}

/* Once we hold the history that goes on: promise to follow no older epoch. */
static void ask_for_promise(struct cluster *cluster)
{
        const struct round *round = &cluster->round;
        struct ledger *ledger = &cluster->ledger;
        if (round->phase != ROUND_LEVEL || ledger->blank ||
            (ledger->promised >= round->decide.epoch && !MUTATED(EPOCH_REUSED)) || !is_participant(cluster) ||
            !holds_history(cluster))
                return;
        ledger->promised = round->decide.epoch;
        action_add(cluster, CLUSTER_ACTION_PROMISE, "epoch %llu", (unsigned long long)round->decide.epoch)
                ->promised = round->decide.epoch;
}

static void serve(struct cluster *cluster, uint32_t node)
{
        struct round *round = &cluster->round;
        round->waits |= node_set_of(node);
        catch_up_serve(cluster, node, round->states[node].applied.index, round->decide.base.index);
}

/*
 * Laggards that a few entries make level are worth a moment's wait. The others are brought level while the
 * epoch runs, unless without them none can begin: then they get all that they lack now, and have the time.
 */
static void serve_laggards(struct cluster *cluster)
{
        struct round *round = &cluster->round;
        node_set far = 0;
        NODE_SET_EACH (round->decide.participants & ~round->decide.level, node) {
                const struct message_state *state = &round->states[node];
                uint64_t next = state->applied.index + 1;
                bool compacted = next <= round->decide.base.index &&
                                 (cluster->ledger.first_index == 0 || next < cluster->ledger.first_index);
                if (state->blank || state->forced != round->decide.forced)
                        continue;
                if (compacted || round->decide.base.index + 1 - next > ROUND_WAIT_GAP)
                        far |= node_set_of(node);
                else
                        serve(cluster, node);
        }
        if (round_holds_with(round->decide.level | round->waits, &round->voters, round->by_witness))
                return;
        NODE_SET_EACH (far, node)
                serve(cluster, node);
}

/* Nobody is sent anything, and nobody promises, before a majority stands behind the decision. */
static void go_on(struct cluster *cluster)
{
        enter(cluster, ROUND_LEVEL);
        if (cluster->round.decide.leader == self(cluster))
                serve_laggards(cluster);
        ask_for_promise(cluster);
}

static void on_decide(struct cluster *cluster, uint32_t sender, const struct message_decide *decide)
{
        struct round *round = &cluster->round;
        if (round->phase != ROUND_GATHER || sender != round->id.node)
                return;
        round->decide = *decide;
        round->voters = round_voters(decide->voters, decide->voters_witness, decide->voters_before,
                                     decide->voters_before_witness);
        round->voters_index = decide->base.index; /* or before that: the epoch's own entry settles it */
        round->position = decide->base.index;
        if (decide->forced != force_of_history(cluster))
                round->committed = 0; /* what we know of another history says nothing of this one */
        if (decide->claimed) {
                round->advanced = true; /* it has voted, and for nobody else */
                round_go_on(cluster);
        } else if (decide->witness) {
                enter(cluster, ROUND_WITNESS);
                if (decide->asker == self(cluster))
                        witness_ask(cluster, WITNESS_PROMISE);
        } else if (decide->primary) {
                go_on(cluster);
        } else {
                enter(cluster, ROUND_REFUSED);
                catch_up_give_up(cluster);
        }
}

void round_open_for_claim(struct cluster *cluster)
{
        struct round *round = &cluster->round;
        if (round->phase != ROUND_REFUSED || round->told_claim)
                return;
        round->told_claim = true;
        round_open(cluster, "the witness has voted for this view");
}

void round_go_on(struct cluster *cluster)
{
        cluster->round.by_witness = true;
        go_on(cluster);
}

/* Nobody can prove anything of a view that has a majority without the witness: its contact stands. */
void round_refuse(struct cluster *cluster)
{
        const struct round *round = &cluster->round;
        if (round->decide.primary && !MUTATED(WITNESS_ENDS_CONTACT)) {
                if (round->phase == ROUND_WITNESS)
                        go_on(cluster); /* whose disk took nothing may be well again */
                return; /* an epoch that was to begin gets nowhere, and the round is opened anew */
        }
        end_epoch(cluster);
        enter(cluster, ROUND_REFUSED);
        catch_up_give_up(cluster);
}

static void begin_epoch(struct cluster *cluster)
{
        struct round *round = &cluster->round;
        struct command command = { .kind = COMMAND_EPOCH };
        command.epoch.leader = self(cluster);
        command.epoch.members = round->members;
        command.epoch.settings = cluster->model->settings;
        command.epoch.holders = round->by_witness ? round->promised : 0;

        struct message_propose *message = &action_message(cluster, MESSAGE_PROPOSE)->propose;
        message->time_ms = cluster->wall_ms;
        message->request = (struct request_id){
                .node = self(cluster),
                .incarnation = cluster->identity.incarnation,
                .count = ++cluster->proposals,
        };
        TEXT_COPY(message->actor, "leader");
        message->command = command;
        force_begin(cluster, message);
        round->proposed_epoch = true;
}

/* A decided leader that cannot promise, its disk being sick, must not keep the others from going on. */
static uint32_t leader_to_be(const struct round *round)
{
        return node_set_has(round->promised, round->decide.leader) ? round->decide.leader
                                                                   : node_set_lowest(round->promised);
}

static bool promised_by_majority(const struct round *round)
{
        return round_holds_with(round->promised, &round->voters, round->by_witness) || MUTATED(EPOCH_BY_FEW);
}

static void consider_epoch(struct cluster *cluster)
{
        const struct round *round = &cluster->round;
        if (round->phase != ROUND_LEVEL || leader_to_be(round) != self(cluster) || round->proposed_epoch ||
            !promised_by_majority(round))
                return;
        node_set missing = (round->decide.level | round->waits) & ~round->promised;
        if (missing != 0 && cluster->now_ms - round->phase_ms < LEVEL_MS) {
                wake_at(cluster, round->phase_ms + LEVEL_MS);
                return;
        }
        begin_epoch(cluster);
}

static void on_promised(struct cluster *cluster, uint32_t sender, uint64_t epoch)
{
        struct round *round = &cluster->round;
        if (round->phase != ROUND_LEVEL || epoch != round->decide.epoch)
                return;
        round->promised |= node_set_of(sender);
        consider_epoch(cluster);
}

void round_activate(struct cluster *cluster)
{
        struct round *round = &cluster->round;
        enter(cluster, ROUND_ACTIVE);
        NODE_SET_EACH (round->members, node)
                round->heard_ms[node] = cluster->now_ms;
        force_activated(cluster);
        if (!node_set_has(round->level, self(cluster))) {
                if (force_has_parted(cluster))
                        reconcile_all(cluster);
                return;
        }
        /* A majority has promised after it knew our state: so we were in contact when we sent that. */
        if (node_set_has(round->decide.participants, self(cluster)))
                contact_renew(cluster, MUTATED(CONTACT_WITH_THE_EPOCH) ? cluster->now_ms : round->state_ms);
        cluster->active_ms = cluster->now_ms;
        cluster->planner_due = true;
        round->heartbeat_ms = 0; /* contact is news */
        reconcile_all(cluster);
        cluster->list_wanted = true;
        action_add(cluster, CLUSTER_ACTION_LOG, "epoch %llu is active, led by node %u",
                   (unsigned long long)round->decide.epoch, round->leader);
}

static void on_stored(struct cluster *cluster, uint32_t sender, uint64_t index)
{
        struct round *round = &cluster->round;
        if ((round->phase != ROUND_BEGINNING && round->phase != ROUND_ACTIVE) ||
            !(node_set_has(round->level, sender) || MUTATED(STORED_BY_LAGGARDS)) ||
            index <= round->stored[sender])
                return;
        round->stored[sender] = index;
        commit_advance(cluster);
}

static bool promise_is_durable(const struct cluster *cluster)
{
        return cluster->store_promised >= cluster->round.decide.epoch || MUTATED(PROMISE_NOT_DURABLE) ||
               (MUTATED(STORED_BY_LAGGARDS) && cluster->round.phase != ROUND_LEVEL);
}

void round_stored(struct cluster *cluster)
{
        struct round *round = &cluster->round;
        uint64_t index = MUTATED(COMMIT_BEFORE_STORED) ? cluster->ledger.last.index : cluster->store_index;
        /* A report of writes from before our promise may speak of entries cut since. */
        if (round->decide.epoch == 0 || !promise_is_durable(cluster) || !is_participant(cluster))
                return;
        if (round->phase == ROUND_LEVEL && round->sent_promise != round->decide.epoch &&
            (cluster->store_index >= round->decide.base.index || MUTATED(PROMISE_WITHOUT_HISTORY)) &&
            holds_history(cluster)) {
                round->sent_promise = round->decide.epoch;
                action_message(cluster, MESSAGE_PROMISED)->promised_epoch = round->decide.epoch;
        }
        if ((round->phase == ROUND_BEGINNING || round->phase == ROUND_ACTIVE) &&
            (node_set_has(round->level, self(cluster)) || MUTATED(STORED_BY_LAGGARDS)) &&
            index > round->sent_stored && (index >= round->begin_index || MUTATED(COMMIT_OF_OLD_EPOCHS))) {
                round->sent_stored = index;
                action_message(cluster, MESSAGE_STORED)->stored_index = index;
        }
}

bool round_is_primary(const struct round *round)
{
        return round->phase != ROUND_NONE && round->phase != ROUND_GATHER && round->phase != ROUND_REFUSED &&
               (round->decide.primary || round->by_witness);
}

static bool is_epoch_proposal(const struct cluster *cluster, uint32_t sender,
                              const struct message_propose *propose)
{
        const struct round *round = &cluster->round;
        return round->phase == ROUND_LEVEL && propose->command.kind == COMMAND_EPOCH &&
               sender == leader_to_be(round) && promised_by_majority(round) &&
               witness_holders_fit(round, propose->command.epoch.holders) &&
               propose->command.epoch.forced ==
                       (round->decide.forced == round->decide.epoch ? round->decide.epoch : 0);
}

static void on_propose(struct cluster *cluster, uint32_t sender, const struct message_propose *propose)
{
        struct round *round = &cluster->round;
        if (propose->request.node != sender)
                return; /* rules trust what a node says of itself: nobody says it in another's name */
        if (is_epoch_proposal(cluster, sender, propose)) {
                /* Who promised while the entry was on its way is not named in it. */
                round->level = round->by_witness ? propose->command.epoch.holders : round->promised;
                round->leader = sender;
                round->begin_index = round->position + 1;
                enter(cluster, ROUND_BEGINNING);
        } else if (round->phase != ROUND_ACTIVE || !node_set_has(round->level, sender) ||
                   propose->command.kind == COMMAND_EPOCH) {
                return;
        }
        commit_proposal(cluster, sender, propose);
}

void round_message(struct cluster *cluster, uint32_t sender, const struct message *message)
{
        struct round *round = &cluster->round;
        if (message->kind == MESSAGE_VIEW_OPEN) {
                on_view_open(cluster, sender, &message->round);
                return;
        }
        if (round->id.node == NODE_NONE ||
            (!round_id_equal(&message->round, &round->id) && !MUTATED(STALE_MESSAGES)) ||
            !node_set_has(round->members, sender))
                return; /* of another round */
        switch (message->kind) {
        case MESSAGE_STATE:
                on_state(cluster, sender, &message->state);
                break;
        case MESSAGE_DECIDE:
                on_decide(cluster, sender, &message->decide);
                break;
        case MESSAGE_PROMISED:
                on_promised(cluster, sender, message->promised_epoch);
                break;
        case MESSAGE_PROPOSE:
                on_propose(cluster, sender, &message->propose);
                break;
        case MESSAGE_STORED:
                on_stored(cluster, sender, message->stored_index);
                break;
        case MESSAGE_HEARTBEAT:
                contact_heartbeat(cluster, sender, &message->heartbeat);
                break;
        case MESSAGE_WITNESS:
                witness_message(cluster, sender, &message->witness);
                break;
        case MESSAGE_CATCH_UP:
        case MESSAGE_ENTRY:
        case MESSAGE_SNAPSHOT_BEGIN:
        case MESSAGE_SNAPSHOT_OBJECT:
        case MESSAGE_SNAPSHOT_DEFINITION:
        case MESSAGE_SNAPSHOT_END:
                round->leveling_ms = cluster->now_ms;
                catch_up_message(cluster, sender, message);
                ask_for_promise(cluster);
                break;
        case MESSAGE_VIEW_OPEN:
        case MESSAGE_COUNT:
                break;
        }
}

/* How many members stand before us in line to take the initiative. */
static uint64_t rank(const struct cluster *cluster)
{
        node_set others = cluster->round.members & (node_set_of(self(cluster)) - 1);
        if (cluster->round.phase == ROUND_ACTIVE)
                others &= ~node_set_of(cluster->round.leader);
        return node_set_count(others);
}

static void reopen_after(struct cluster *cluster, uint64_t since_ms, uint64_t patience_ms, const char *reason)
{
        uint64_t due = since_ms + patience_ms + 1000 * rank(cluster);
        if (cluster->now_ms >= due)
                round_open(cluster, reason);
        else
                wake_at(cluster, due);
}

static void tick_active(struct cluster *cluster)
{
        struct round *round = &cluster->round;
        uint32_t leader = round->leader;
        if (leader != self(cluster) && node_set_has(round->members, leader))
                reopen_after(cluster, round->heard_ms[leader], SILENT_MS, "the leader is silent");
}

void round_tick(struct cluster *cluster)
{
        struct round *round = &cluster->round;
        if (!node_set_has(round->members, self(cluster)))
                return;
        if (round->id.node != NODE_NONE)
                contact_tick(cluster);
        else
                contact_wait(cluster);
        switch (round->phase) {
        case ROUND_GATHER:
                if (round->id.node == self(cluster) && !round->sent_decide) {
                        if (cluster->now_ms - round->phase_ms >= GATHER_MS)
                                send_decide(cluster);
                        else
                                wake_at(cluster, round->phase_ms + GATHER_MS);
                }
                reopen_after(cluster, round->phase_ms, STUCK_MS, "no decision came");
                break;
        case ROUND_LEVEL:
                consider_epoch(cluster);
                reopen_after(cluster,
                             round->leveling_ms > round->phase_ms ? round->leveling_ms : round->phase_ms,
                             STUCK_MS, "no epoch began");
                break;
        case ROUND_WITNESS:
                reopen_after(cluster, round->phase_ms, WITNESS_MS, "the witness was not heard of");
                break;
        case ROUND_NONE:
                if (force_settles(cluster))
                        break;
                reopen_after(cluster, round->phase_ms, STUCK_MS, "no round began");
                break;
        case ROUND_BEGINNING:
                reopen_after(cluster, round->phase_ms, round->by_witness ? WITNESS_MS : STUCK_MS,
                             "the round got nowhere");
                break;
        case ROUND_REFUSED:
                if (may_have_majority(cluster))
                        reopen_after(cluster, round->phase_ms, REFUSED_MS, "there might be a majority now");
                break;
        case ROUND_ACTIVE:
                tick_active(cluster);
                break;
        }
        if (round->phase == ROUND_BEGINNING || round->phase == ROUND_ACTIVE)
                catch_up_tick(cluster);
}
