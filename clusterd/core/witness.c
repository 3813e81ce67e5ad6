/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include <string.h>

#include "clusterd/base/mutation.h"
#include "clusterd/base/text.h"

/*
 * The witness: asked for its promise before an epoch may begin with its vote, told before that becomes
 * active, and looked at in between. Why that is enough is in quorum/README.md, "Partition in time".
 */

#define LOOK_EVERY_MS    3000
#define LOOK_TIMEOUT_MS  2000
#define ROUND_TIMEOUT_MS 3000
#define OVERDUE_MS       1000 /* behind the time limit: whoever was to ask it has forgotten */
#define ANSWERS_MIN      2    /* in a row, before it counts as silent, or as back */

static const struct witness *find_witness(const struct cluster *cluster, uint64_t identity)
{
        const struct ledger *ledger = &cluster->ledger;
        if (identity == 0)
                return NULL;
        if (cluster->model->settings.witness.identity == identity)
                return &cluster->model->settings.witness;
        /* It has a vote, so whoever gave it had applied this. */
        for (uint64_t index = ledger->last.index; index > ledger->applied.index; index--) {
                const struct command *command = &ledger_entry(ledger, index)->command;
                if (command->kind == COMMAND_WITNESS_SET && command->witness.witness.identity == identity)
                        return &command->witness.witness;
        }
        return NULL;
}

static uint32_t timeout_of(const struct witness_link *link)
{
        return link->for_round ? ROUND_TIMEOUT_MS : LOOK_TIMEOUT_MS;
}

static struct cluster_action *put_question(struct cluster *cluster, const struct witness *whom,
                                           enum witness_question_kind kind, bool for_round,
                                           const char *reason)
{
        struct witness_link *link = &cluster->witness;
        link->question = ++link->questions;
        link->kind = kind;
        link->for_round = for_round;
        link->asked_ms = link->looked_ms = cluster->now_ms;
        struct cluster_action *action = action_add(cluster, CLUSTER_ACTION_WITNESS, "%s", reason);
        action->witness.question = link->question;
        action->witness.what.kind = kind;
        action->witness.what.node = cluster->identity.node;
        action->witness.whom = *whom;
        action->witness.timeout_ms = timeout_of(link);
        return action;
}

/* --- in a round --- */

static void say(struct cluster *cluster, bool granted, const char *text)
{
        struct message_witness *message = &action_message(cluster, MESSAGE_WITNESS)->witness;
        message->epoch = cluster->round.decide.epoch;
        message->advanced = cluster->round.phase == ROUND_BEGINNING;
        message->granted = granted;
        message->promised = cluster->witness.promised;
        TEXT_COPY(message->text, text);
}

void witness_ask(struct cluster *cluster, enum witness_question_kind kind)
{
        const struct round *round = &cluster->round;
        struct witness_link *link = &cluster->witness;
        if (link->question != 0 && link->for_round && link->kind == kind)
                return;
        const struct witness *whom = find_witness(cluster, round->voters.witness);
        if (whom == NULL) {
                say(cluster, false, "this node does not know where the witness is");
                return;
        }
        if (!witness_remembers(whom->kind)) {
                say(cluster, false,
                    "qnetd has not voted for this view as it left the others, who must come back");
                return;
        }
        bool promise = kind == WITNESS_PROMISE;
        struct cluster_action *action = put_question(cluster, whom, kind, true,
                                                     promise ? "without its vote there is no majority"
                                                             : "an epoch begins with its vote");
        uint64_t epoch = promise ? round->decide.base.epoch : round->decide.epoch;
        action->witness.what.state =
                witness_state_make(epoch, promise ? commit_holders(cluster) : round->level);
        action->witness.what.epoch = round->decide.epoch;
        if (promise && link->promised < round->decide.epoch)
                link->promised = round->decide.epoch;
}

static void round_answered(struct cluster *cluster, const struct cluster_event *event)
{
        struct witness_link *link = &cluster->witness;
        char text[REASON_BYTES] = "";
        if (event->witness.outcome == WITNESS_FAILED)
                TEXT_PRINT(text, "it does not answer: %.130s", event->witness.text);
        else if (event->witness.outcome == WITNESS_REFUSED && link->kind == WITNESS_ADVANCE)
                TEXT_COPY(text, "it has begun to vote for others since");
        else if (event->witness.outcome == WITNESS_REFUSED &&
                 event->witness.tag.newest.epoch > cluster->round.decide.base.epoch)
                TEXT_PRINT(text, "it knows of a newer history, of epoch %llu: who has that must come back",
                           (unsigned long long)event->witness.tag.newest.epoch);
        else if (event->witness.outcome == WITNESS_REFUSED)
                TEXT_COPY(text, "it has promised a later epoch, maybe to others");
        say(cluster, event->witness.outcome == WITNESS_DONE, text);
}

static void heard(struct cluster *cluster, const struct message_witness *witness)
{
        struct witness_link *link = &cluster->witness;
        if (witness->promised > link->promised)
                link->promised = witness->promised;
        if (!witness->granted) {
                link->refused++;
                action_add(cluster, CLUSTER_ACTION_LOG, "no vote of the witness: %.120s", witness->text);
                round_refuse(cluster);
                TEXT_COPY(link->refusal, witness->text);
                return;
        }
        link->refused = 0;
        if (!witness->advanced) {
                round_go_on(cluster);
                return;
        }
        cluster->round.advanced = true;
        commit_advance(cluster);
}

void witness_message(struct cluster *cluster, uint32_t sender, const struct message_witness *witness)
{
        const struct round *round = &cluster->round;
        enum round_phase phase = witness->advanced ? ROUND_BEGINNING : ROUND_WITNESS;
        if (sender == round->decide.asker && witness->epoch == round->decide.epoch && round->phase == phase)
                heard(cluster, witness);
}

bool witness_accepts(const struct cluster *cluster)
{
        node_set holders = commit_holders(cluster);
        return !cluster->ledger.blank && (holders == 0 || node_set_has(holders, cluster->identity.node));
}

bool witness_holders_fit(const struct round *round, node_set holders)
{
        if (!round->by_witness)
                return holders == 0;
        return (holders & ~round->promised) == 0 && round_holds_with(holders, &round->voters, true);
}

bool witness_lets_begin(struct cluster *cluster)
{
        const struct round *round = &cluster->round;
        if (round->phase != ROUND_BEGINNING || !round->by_witness || round->advanced ||
            MUTATED(WITNESS_UNTOLD))
                return true;
        if (round->decide.asker == cluster->identity.node)
                witness_ask(cluster, WITNESS_ADVANCE);
        return false;
}

void witness_round_ended(struct cluster *cluster)
{
        struct witness_link *link = &cluster->witness;
        if (link->for_round)
                link->question = 0;
        link->refusal[0] = '\0';
}

/* --- does it answer? --- */

void witness_note(struct cluster *cluster, bool answered, const char *text)
{
        struct witness_link *link = &cluster->witness;
        if (!answered)
                TEXT_COPY(link->text, text);
        if (link->known && answered == link->answers) {
                link->against = 0;
                return;
        }
        if (link->known && ++link->against < ANSWERS_MIN)
                return;
        link->known = true;
        link->answers = answered;
        link->against = 0;
        link->since_ms = cluster->now_ms;
        if (answered)
                link->text[0] = '\0';
        cluster->planner_due = true;
        action_add(cluster, CLUSTER_ACTION_LOG,
                   answered ? "the witness answers%s%.100s" : "the witness does not answer%s%.100s",
                   link->text[0] == '\0' ? "" : ": ", link->text);
}

static void end_question(struct cluster *cluster, const struct cluster_event *event)
{
        struct witness_link *link = &cluster->witness;
        link->question = 0;
        witness_note(cluster, event->witness.outcome != WITNESS_FAILED, event->witness.text);
        if (event->witness.outcome != WITNESS_FAILED && event->witness.tag.promised > link->promised)
                link->promised = event->witness.tag.promised;
        if (link->for_round)
                round_answered(cluster, event);
}

void witness_answered(struct cluster *cluster, const struct cluster_event *event)
{
        if (cluster->witness.question != 0 && event->witness.question == cluster->witness.question)
                end_question(cluster, event);
}

bool witness_may_vote(const struct cluster *cluster)
{
        const struct witness *set = &cluster->model->settings.witness;
        const struct witness_link *link = &cluster->witness;
        return set->kind != WITNESS_NONE && !set->leaving && link->whom.identity == set->identity &&
               link->known && link->answers;
}

static void take_up(struct cluster *cluster, const struct witness *set)
{
        struct witness_link *link = &cluster->witness;
        if (witness_remembers(link->whom.kind) && set->kind == WITNESS_NONE && round_is_leader(cluster))
                action_add(cluster, CLUSTER_ACTION_FORGET_WITNESS, "it was removed")->witness.whom =
                        link->whom;
        *link = (struct witness_link){ .whom = *set, .questions = link->questions };
}

void witness_tick(struct cluster *cluster)
{
        struct witness_link *link = &cluster->witness;
        const struct witness *set = &cluster->model->settings.witness;
        if (link->question != 0) {
                uint64_t due = link->asked_ms + timeout_of(link) + OVERDUE_MS;
                if (cluster->now_ms >= due) {
                        struct cluster_event late = { .kind = CLUSTER_EVENT_WITNESS };
                        late.witness.outcome = WITNESS_FAILED;
                        TEXT_COPY(late.witness.text, "nothing was heard of it");
                        end_question(cluster, &late);
                } else {
                        wake_at(cluster, due);
                }
        }
        if (set->identity != link->whom.identity)
                take_up(cluster, set);
        if (!witness_remembers(set->kind) || link->question != 0)
                return; /* of a qnetd claim_tick() says whether it answers */
        if (link->looked_ms != 0 && cluster->now_ms < link->looked_ms + LOOK_EVERY_MS) {
                wake_at(cluster, link->looked_ms + LOOK_EVERY_MS);
                return;
        }
        (void)put_question(cluster, set, WITNESS_LOOK, false, "does it answer?");
        wake_at(cluster, cluster->now_ms + LOOK_TIMEOUT_MS + OVERDUE_MS);
}

void cluster_witness_read(const struct cluster *cluster, struct cluster_witness *ret_witness)
{
        const struct witness_link *link = &cluster->witness;
        struct voters voters = commit_voters(cluster);
        *ret_witness = (struct cluster_witness){
                .set = cluster->model->settings.witness,
                .vote = voters.now.witness || voters.before.witness,
                .decides = round_is_active(cluster) && cluster->round.by_witness,
                .known = link->known,
                .answers = link->answers,
                .since_ms = link->since_ms,
                .armed = qnetd_claim_is_armed(&cluster->qnetd.claim),
        };
        TEXT_COPY(ret_witness->text, link->text);
        TEXT_COPY(ret_witness->refusal, link->refusal);
}
