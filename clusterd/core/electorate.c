/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include "clusterd/base/mutation.h"
#include "clusterd/base/text.h"
#include "clusterd/core/quorum_view.h"

/*
 * The leader lets the voters follow: who is lost loses its vote while the rest
 * is still primary, who is back and level has one again. So losses one after
 * the other can go down to the last node. quorum/README.md has the rules.
 */

/* A voter that is there keeps its vote, level or not: it may only be slow. */
static node_set present_voters(struct cluster *cluster)
{
        node_set present = 0;
        NODE_SET_EACH (cluster->model->settings.voters, node)
                if (!lead_is_gone(cluster, node))
                        present |= node_set_of(node);
        return present;
}

static node_set level_nodes(const struct cluster *cluster)
{
        node_set level = 0;
        MODEL_EACH_NODE (cluster->model, node)
                if (node->state == NODE_UP && node_set_has(cluster->round.connected, node->id))
                        level |= node_set_of(node->id);
        return level & cluster->round.level & cluster->round.members;
}

static bool is_wanted(const struct cluster *cluster, const struct command_voter_set *next)
{
        const struct round *round = &cluster->round;
        /* What would wait for somebody who is not level would hold up everything behind it. */
        struct voters change = round_voters(next->voters, next->witness, next->before, next->before_witness);
        return (next->voters != next->before || next->witness != next->before_witness) &&
               round_holds_with(round->level & round->members, &change, round->by_witness);
}

/* In a cluster that has just been made the votes settle before the nodes have said their names. */
static void name_node(const struct model *model, uint32_t id, char name[NAME_BYTES])
{
        const struct node *node = model_node(model, id);
        if (node != NULL)
                text_copy(name, NAME_BYTES, node->name);
        else
                (void)snprintf(name, NAME_BYTES, "node %u", id);
}

/* By their own word; one that has started again says so no more. */
static node_set ending_nodes(const struct cluster *cluster)
{
        node_set ending = cluster->leaving ? node_set_of(cluster->identity.node) : 0;
        NODE_SET_EACH (cluster->round.members, node)
                if (cluster->round.heartbeats[node].leaving && cluster->round.heard_ms[node] != 0)
                        ending |= node_set_of(node);
        return MUTATED(VOTE_TAKEN_ALONG) ? 0 : ending;
}

/* Of two that are left: what speaks for the one that votes. */
static const char *why_this_one(const struct node *chosen, const struct node *other, node_set ending)
{
        bool known = chosen != NULL && other != NULL;
        if (known && node_set_has(ending, other->id))
                return "the other's clusterd is about to end";
        if (known && chosen->duty == DUTY_ACTIVE && other->duty != DUTY_ACTIVE)
                return "the other is out of service";
        return known && chosen->quorum_priority != other->quorum_priority
                       ? "it has the higher quorum priority"
                       : "it has the lower id";
}

static void say_why(const struct quorum_view *view, node_set candidates,
                    const struct command_voter_set *change, char reason[REASON_BYTES])
{
        const struct model *model = view->model;
        node_set voters = change->before, next = change->voters;
        node_set evicted = voters & ~next & model_evicted(model);
        node_set lost = voters & ~candidates, back = next & ~voters, named = lost != 0 ? lost : back;
        bool more = node_set_count(named) > 1;
        uint32_t chosen = node_set_lowest(next), other = node_set_lowest(candidates & ~next);
        char one[NAME_BYTES], another[NAME_BYTES];
        if (evicted != 0) {
                name_node(model, node_set_lowest(evicted), one);
                (void)snprintf(reason, REASON_BYTES, "%.40s was evicted", one);
                return;
        }
        if (node_set_count(candidates) == 2 && node_set_count(next) == 1) {
                name_node(model, chosen, one);
                name_node(model, other, another);
                (void)snprintf(
                        reason, REASON_BYTES, "%.40s and %.40s are left, and one has to decide: %s", one,
                        another,
                        why_this_one(model_node(model, chosen), model_node(model, other), view->ending));
                return;
        }
        if (named == 0) {
                name_node(model, other, another);
                if (change->witness != change->before_witness)
                        (void)snprintf(reason, REASON_BYTES, "%s",
                                       change->witness != 0              ? "the witness answers"
                                       : model->settings.witness.leaving ? "the witness is to be removed"
                                                                         : "the witness does not answer");
                else
                        (void)snprintf(reason, REASON_BYTES, "%.40s gives its up, or halves could tie",
                                       another);
                return;
        }
        name_node(model, node_set_lowest(named), one);
        (void)snprintf(reason, REASON_BYTES, "%.40s%s %s %s", one, more ? " and others" : "",
                       more ? "are" : "is", lost != 0 ? "lost" : "back and level");
}

void electorate_pass(struct cluster *cluster)
{
        if (cluster->planned_voters != 0 || cluster->round.voters.before.nodes != 0)
                return;
        const struct settings *settings = &cluster->model->settings;
        /* What was on its way when the witness was removed may have given that its vote. Another one gets it
         * when it has been taken. */
        bool is_another =
                settings->voters_witness != 0 && settings->voters_witness != settings->witness.identity;
        struct quorum_view view = { .model = cluster->model,
                                    .ending = ending_nodes(cluster),
                                    .witness = witness_may_vote(cluster) && !is_another };
        node_set candidates =
                (present_voters(cluster) | level_nodes(cluster)) & ~model_evicted(cluster->model);
        struct voter_set next = quorum_choice(&view, candidates);
        struct command command = { .kind = COMMAND_VOTER_SET };
        struct command_voter_set *change = &command.voter_set;
        change->before = settings->voters;
        change->before_witness = settings->voters_witness;
        change->voters = next.nodes;
        change->witness = next.witness ? settings->witness.identity : 0;
        if (!is_wanted(cluster, change))
                return;
        say_why(&view, candidates, change, change->reason);
        cluster->planned_voters = propose(cluster, "quorum", &command);
        cluster->planner_due |= cluster->planned_voters == 0;
}

void electorate_leave(struct cluster *cluster)
{
        cluster->leaving = true;
        cluster->planner_due = true;
        cluster->round.heartbeat_ms = 0; /* the leader hears of it now */
}

bool cluster_may_leave(const struct cluster *cluster)
{
        uint32_t self = cluster->identity.node;
        node_set others = cluster->round.members & ~node_set_of(self);
        struct voters voters = commit_voters(cluster);
        struct quorum_view view = { .model = cluster->model,
                                    .ending = node_set_of(self),
                                    .witness = witness_may_vote(cluster) };
        /* Before the others are settled, and while a change is under way, the answer may yet be another. */
        if (!round_is_primary(&cluster->round) || others == 0 || round_holds(others, &voters))
                return true;
        struct voter_set choice = quorum_choice(&view, cluster->round.level & cluster->round.members);
        return voters.before.nodes == 0 && round_is_active(cluster) && voter_set_equal(&choice, &voters.now);
}

struct cluster_expected cluster_expected_votes(const struct cluster *cluster)
{
        const struct settings *settings = &cluster->model->settings;
        if (!round_is_leader(cluster))
                return (struct cluster_expected){ .nodes = 0 };
        uint32_t nodes = node_set_count(cluster->round.connected);
        return (struct cluster_expected){
                .nodes = nodes,
                .device = settings->witness.kind == WITNESS_QNETD && settings->voters_witness != 0,
                .left_out = nodes == 1 && claim_is_cut_off(cluster),
        };
}

void electorate_applied(struct cluster *cluster, const struct entry *entry)
{
        if (entry->command.kind == COMMAND_VOTER_SET && cluster->planned_voters == entry->request.count)
                cluster->planned_voters = 0;
}

void electorate_round_ended(struct cluster *cluster)
{
        cluster->planned_voters = 0;
}
