/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/quorum_view.h"

#include <stdarg.h>

#include "clusterd/base/text.h"

/* Whatever its priority, who is in service goes before who is not: that one is the next to be switched off.
 */
#define OUT_OF_SERVICE INT32_C(1000000)

/* Votes that do not follow: the witness gets its own when it can be of use, and keeps it as long as that is
 * so.
 */
static struct voter_set fixed_choice(const struct quorum_view *view, node_set gone)
{
        const struct settings *settings = &view->model->settings;
        node_set kept = settings->voters & ~gone, nodes = kept != 0 ? kept : settings->voters;
        bool even = node_set_count(nodes) % 2 == 0;
        return (struct voter_set){ .nodes = nodes,
                                   .witness = !settings->witness.leaving && even &&
                                              (settings->voters_witness != 0 || view->witness) };
}

struct voter_set quorum_choice(const struct quorum_view *view, node_set candidates)
{
        int32_t priority[NODES_MAX + 1] = { 0 };
        MODEL_EACH_NODE (view->model, node) {
                bool leaves = node->duty != DUTY_ACTIVE || node_set_has(view->leavers, node->id);
                bool ends = node_set_has(view->ending, node->id);
                priority[node->id] = node->quorum_priority - (leaves ? OUT_OF_SERVICE : 0) -
                                     (ends ? 2 * OUT_OF_SERVICE : 0);
        }
        node_set gone = model_evicted(view->model) | view->evicted;
        candidates &= ~gone;
        if (!view->model->settings.dynamic_quorum || candidates == 0)
                return fixed_choice(view, gone);
        struct voter_candidates choice = { .nodes = candidates,
                                           .priority = priority,
                                           .witness = view->witness };
        return voter_set_choose(&choice);
}

static bool holds(const struct quorum_view *view, const struct voters *voters, node_set here)
{
        return quorum_is_held(voters_decide(voters, here, view->witness));
}

struct quorum_view quorum_view_settled(const struct quorum_view *view)
{
        struct quorum_view next = *view;
        node_set could = (view->voters.now.nodes | model_up(view->model)) & view->here;
        struct voters change = { .now = quorum_choice(view, could), .before = view->voters.now };
        if (holds(view, &view->voters, view->here) && holds(view, &change, view->here))
                next.voters = (struct voters){ .now = change.now };
        return next;
}

struct quorum_view quorum_view_without(const struct quorum_view *view, uint32_t node)
{
        struct quorum_view next = *view;
        next.here &= ~node_set_of(node);
        return quorum_view_settled(&next);
}

/* --- in words --- */

struct words {
        char *text;
        size_t used;
};

static void __attribute__((format(printf, 2, 3))) say(struct words *words, const char *format, ...)
{
        va_list arguments;
        va_start(arguments, format);
        int more = vsnprintf(words->text + words->used, QUORUM_TEXT_BYTES - words->used, format, arguments);
        va_end(arguments);
        words->used += more < 0 ? 0 : (size_t)more;
        if (words->used >= QUORUM_TEXT_BYTES)
                words->used = QUORUM_TEXT_BYTES - 1;
}

/* "n1, n2 and n3", "n1 or the witness" */
static void say_voters(struct words *words, const struct model *model, const struct voter_set *voters,
                       const char *last)
{
        uint32_t count = voter_set_votes(voters);
        NODE_SET_EACH (voters->nodes, node) {
                count--;
                say(words, "%s", model_node_name(model, node));
                if (count > 0)
                        say(words, count == 1 ? " %s " : ", ", last);
        }
        if (voters->witness)
                say(words, "the witness");
}

static void say_nodes(struct words *words, const struct model *model, node_set nodes, const char *last)
{
        say_voters(words, model, &(struct voter_set){ .nodes = nodes }, last);
}

static bool has_witness(const struct quorum_view *view)
{
        return view->voters.now.witness || view->voters.before.witness;
}

static void say_lacking(struct words *words, const struct quorum_view *view, const struct outlook *outlook)
{
        const struct voter_set missing = { .nodes = outlook->missing,
                                           .witness = has_witness(view) && !view->witness };
        uint32_t count = voter_set_votes(&missing);
        say(words, "%u of %u votes %s here, %u %s needed", outlook->present, outlook->votes,
            outlook->present == 1 ? "is" : "are", outlook->needed, outlook->needed == 1 ? "is" : "are");
        if (count == 0)
                return;
        say(words, ": ");
        if (outlook->wanting > 1 && outlook->wanting < count)
                say(words, "%u of ", outlook->wanting);
        say_voters(words, view->model, &missing, outlook->wanting == 1 ? "or" : "and");
        say(words, " %s to come back", outlook->wanting == 1 ? "has" : "have");
}

/* The witness, where it votes for those who are here, is one of those that may be lost, or may not. */
static void say_spare(struct words *words, const struct quorum_view *view, const struct outlook *outlook)
{
        const struct model *model = view->model;
        const struct voter_set here = { .nodes = outlook->here,
                                        .witness = has_witness(view) && view->witness };
        const struct voter_set may_not = { .nodes = outlook->may_not, .witness = outlook->leans };
        uint32_t count = voter_set_votes(&here);
        if (outlook->spare == 0) {
                bool none = count > 1 && may_not.nodes == here.nodes && may_not.witness == here.witness;
                say(words, none ? "none of " : "");
                say_voters(words, model, &may_not, "and");
                say(words, " may %sbe lost", none ? "" : "not ");
        } else if (outlook->spare == 1) {
                say_voters(words, model, &here, "or");
                say(words, " may be lost; two of them together may not");
        } else {
                say(words, "any %u of ", outlook->spare);
                say_voters(words, model, &here, "and");
                say(words, " may be lost together; %u may not", outlook->spare + 1);
        }
}

static void say_voteless(struct words *words, const struct quorum_view *view, node_set voteless)
{
        if (voteless == 0)
                return;
        say(words, "; ");
        say_nodes(words, view->model, voteless, "and");
        say(words, " %s no vote and may be lost", node_set_count(voteless) == 1 ? "has" : "have");
}

void quorum_view_say(const struct quorum_view *view, char text[QUORUM_TEXT_BYTES])
{
        struct words words = { .text = text };
        struct outlook outlook = outlook_of(&view->voters, view->here, view->witness);
        text[0] = '\0';
        if (view->voters.before.nodes != 0)
                say(&words, "while the voters change both majorities count: ");
        if (!outlook.held) {
                say_lacking(&words, view, &outlook);
                return;
        }
        say_spare(&words, view, &outlook);
        say_voteless(&words, view, view->here & ~outlook.here);
}

/* --- before a command --- */

/* Who has none when they stop following stays without. */
static bool leaves_voteless(const struct quorum_view *view, char reason[QUORUM_TEXT_BYTES])
{
        struct words words = { .text = reason };
        node_set voteless = 0;
        MODEL_EACH_NODE (view->model, node)
                voteless |= node_set_of(node->id) & ~view->voters.now.nodes;
        if (voteless == 0)
                return false;
        say_nodes(&words, view->model, voteless, "and");
        say(&words, " %s no vote now, and would get none back",
            node_set_count(voteless) == 1 ? "has" : "have");
        return true;
}

/* By themselves these nodes could not even take its vote away. */
static bool needs_witness(const struct quorum_view *view, char reason[QUORUM_TEXT_BYTES])
{
        struct quorum_view next = *view;
        next.witness = false;
        struct outlook with = outlook_of(&view->voters, view->here, view->witness);
        struct outlook outlook = outlook_of(&next.voters, next.here, false);
        struct words words = { .text = reason };
        if (!with.held || outlook.held)
                return false;
        say(&words, "without the witness there would be no quorum: ");
        say_lacking(&words, view, &outlook); /* nobody waits for it to come back */
        return true;
}

bool quorum_view_forbids(const struct quorum_view *view, const struct command *command,
                         char reason[QUORUM_TEXT_BYTES])
{
        struct quorum_view next = *view;
        if (command->kind == COMMAND_QUORUM_SET)
                return (command->quorum_set.fields & QUORUM_FIELD_DYNAMIC) != 0 &&
                       !command->quorum_set.dynamic && leaves_voteless(view, reason);
        if (command->kind == COMMAND_WITNESS_REMOVE)
                return needs_witness(view, reason);
        if (command->kind != COMMAND_NODE_DRAIN && command->kind != COMMAND_NODE_FENCE &&
            command->kind != COMMAND_FENCE_TEST && command->kind != COMMAND_NODE_EVICT)
                return false;
        if (command->kind == COMMAND_FENCE_TEST && command->fence_test.on_only)
                return false;
        uint32_t node = command->kind == COMMAND_FENCE_TEST ? command->fence_test.node : command->node.node;
        if (!holds(view, &view->voters, view->here))
                return false; /* there is none to be lost */
        if (command->kind == COMMAND_NODE_DRAIN || command->kind == COMMAND_NODE_EVICT) {
                next.leavers |= node_set_of(node);
                next.evicted = command->kind == COMMAND_NODE_EVICT ? node_set_of(node) : 0;
                next = quorum_view_settled(&next);
        }
        next = quorum_view_without(&next, node);
        if (holds(&next, &next.voters, next.here))
                return false;
        struct words words = { .text = reason };
        struct outlook outlook = outlook_of(&next.voters, next.here, next.witness);
        say(&words, "without %s there would be no quorum: ", model_node_name(view->model, node));
        say_lacking(&words, &next, &outlook);
        return true;
}
