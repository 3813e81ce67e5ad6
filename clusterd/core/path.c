/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include <string.h>

#include "clusterd/base/mutation.h"
#include "clusterd/base/text.h"
#include "clusterd/core/coordinator.h"

/*
 * Paths to volumes: every node looks at each volume every few seconds, and
 * tells the ledger when what it finds is not what stands there. A look writes
 * the node's own mark and reads those of the others, so it also shows that all
 * see the same volume. The leader settles what is still to be proven.
 */

#define LOOK_EVERY_MS 5000
/* While somebody is lost: does it renew its lease? That is what people ask then. */
#define LOOK_FOR_LOST_MS 1000
/* While a guest here stands still for it. */
#define LOOK_FOR_STALLED_MS 500
#define HURRY_MS            2000
/* A renewal of a lease that takes longer has lost it twice over. */
#define LOOK_PATIENCE_MS 10000
#define AGAIN_MS         2000 /* what was refused is said again */

static uint32_t self(const struct cluster *cluster)
{
        return cluster->identity.node;
}

/*
 * Whose marks stand there. While it is being proven also those of who was lost since: who is left alone would
 * see nobody's, and take a directory of its own for the volume.
 */
static node_set marked_nodes(const struct cluster *cluster, const struct volume *volume)
{
        const node_set *paths = volume->paths;
        node_set marked = paths[PATH_MARKED] | paths[PATH_DIRECT];
        if (volume->state == VOLUME_PROVING && !MUTATED(PROVEN_WITHOUT_THE_LOST))
                return marked | paths[PATH_NOT_SHARED] | paths[PATH_INCOMPLETE] | node_set_of(self(cluster));
        return (marked & model_up(cluster->model)) | node_set_of(self(cluster));
}

/* While it is being proven everybody looks when all marks are there: so each pair of nodes has met. */
static bool may_look_for_others(const struct cluster *cluster, const struct volume *volume)
{
        if (volume->state == VOLUME_READY)
                return true;
        NODE_SET_EACH (model_up(cluster->model), node)
                if (volume_path(volume, node) == PATH_UNKNOWN)
                        return false;
        return true;
}

/* When to look next; TIME_NEVER while only the others can bring it on. */
static uint64_t due_ms(const struct cluster *cluster, const struct volume *volume,
                       const struct local_path *local, enum path_state mine)
{
        bool changed = local->begun_in != mine;
        if (local->begun_ms == 0 || (changed && mine == PATH_UNKNOWN))
                return cluster->now_ms;
        if (changed && mine == PATH_MARKED)
                return may_look_for_others(cluster, volume) ? cluster->now_ms : TIME_NEVER;
        if (volume->state == VOLUME_PROVING && mine != PATH_DIRECT)
                return TIME_NEVER;
        if (cluster->now_ms < local->hurry_until_ms)
                return local->begun_ms + LOOK_FOR_STALLED_MS;
        return local->begun_ms + (lease_misses_nodes(cluster) ? LOOK_FOR_LOST_MS : LOOK_EVERY_MS);
}

static void look(struct cluster *cluster, const struct volume *volume, struct local_path *local,
                 enum path_state mine)
{
        local->before_ms = local->begun_ms;
        local->begun_ms = cluster->now_ms;
        local->begun_in = mine;
        local->look = ++cluster->looks;
        local->asked = mine == PATH_UNKNOWN ? 0 : marked_nodes(cluster, volume);
        struct cluster_action *action =
                action_add(cluster, CLUSTER_ACTION_LOOK, "is volume %s there?", volume->name);
        action->volume.look = local->look;
        action->volume.id = volume->id;
        action->volume.identity = volume->identity;
        action->volume.kind = volume->kind;
        action->volume.expected = local->asked;
        action->volume.create = volume->state == VOLUME_PROVING;
        action->volume.measure = mine == PATH_UNKNOWN || mine == PATH_SLOW;
        TEXT_COPY(action->volume.path, volume->path);
}

/* What the last look comes to, beside what the ledger says. */
static enum path_state finding(const struct cluster *cluster, const struct volume *volume,
                               const struct local_path *local, enum path_state mine)
{
        if (local->found != PATH_DIRECT)
                return local->found;
        if (mine == PATH_UNKNOWN)
                return PATH_MARKED;
        if (local->expected == 0)
                return mine;
        /* Who has joined anew since has another mark by now. */
        node_set expected = local->expected & marked_nodes(cluster, volume), seen = local->seen & expected;
        if (seen == expected)
                return PATH_DIRECT;
        if (2 * node_set_count(seen) <= node_set_count(expected))
                return PATH_NOT_SHARED;
        return volume->state == VOLUME_PROVING ? PATH_INCOMPLETE : PATH_DIRECT;
}

static void report(struct cluster *cluster, const struct volume *volume, struct local_path *local,
                   enum path_state state, bool leased)
{
        struct command command = { .kind = COMMAND_VOLUME_REPORT };
        struct command_volume_report *content = &command.volume_report;
        TEXT_COPY(content->volume, volume->name);
        content->identity = volume->identity;
        content->node = self(cluster);
        content->state = state;
        content->leased = leased;
        if (path_state_is_lost(state))
                TEXT_PRINT(content->text, "%s%s%.90s", path_state_explain(state),
                           local->text[0] == '\0' ? "" : ": ", local->text);
        wake_at(cluster, report_propose(cluster, &local->report, &command));
}

static void conclude(struct local_path *local, enum path_state found, node_set seen, node_set renewing,
                     const char *text)
{
        local->known = true;
        local->found = found;
        local->expected = local->asked;
        local->seen = seen;
        local->renewing = renewing;
        local->moved_after_ms = local->before_ms;
        TEXT_COPY(local->text, text);
}

/* Nothing is concluded from a look that has not ended, until its patience is over. */
static void await(struct cluster *cluster, struct local_path *local)
{
        uint64_t until_ms = local->begun_ms + LOOK_PATIENCE_MS;
        if (cluster->now_ms < until_ms)
                wake_at(cluster, until_ms);
        else
                conclude(local, PATH_HANGS, 0, 0, "no end of a write after 10 s");
}

static void see_to_path(struct cluster *cluster, const struct volume *volume)
{
        struct local_path *local = &cluster->paths[volume->id];
        /* What was found before the maintenance is no part of the proof after it. */
        bool is_proven_anew = volume->state == VOLUME_PROVING && local->since_index != volume->since_index;
        if (local->identity != volume->identity || is_proven_anew)
                *local = (struct local_path){ .identity = volume->identity,
                                              .since_index = volume->since_index };
        if (volume->state == VOLUME_READY)
                local->made = false; /* by all, and for all */
        enum path_state mine = volume_path(volume, self(cluster));
        if (local->look != 0)
                await(cluster, local);
        else if (due_ms(cluster, volume, local, mine) <= cluster->now_ms)
                look(cluster, volume, local, mine);
        else
                wake_at(cluster, due_ms(cluster, volume, local, mine));
        if (!local->known)
                return;
        enum path_state found = finding(cluster, volume, local, mine);
        bool leased = mine == PATH_DIRECT && !node_set_has(volume->leases, self(cluster)) &&
                      lease_is_confirmed(cluster, volume);
        if (found != mine || leased)
                report(cluster, volume, local, found, found == mine);
}

/* All of them have lost it as the one did that was heard last. */
static bool is_one_cause(const struct model *model, const struct volume *volume, node_set lost)
{
        NODE_SET_EACH (lost, node) {
                const char *name = model_node_name(model, node);
                size_t length = strlen(name);
                if (strncmp(volume->trouble, name, length) == 0 && volume->trouble[length] == ':')
                        return (lost & ~volume->paths[volume_path(volume, node)]) == 0;
        }
        return false;
}

/* Who cannot use it, and why; of those who miss only some marks only when nobody else is to blame. */
static void explain_loss(const struct model *model, const struct volume *volume, node_set lost,
                         char reason[REASON_BYTES])
{
        if ((lost & ~volume->paths[PATH_INCOMPLETE]) != 0)
                lost &= ~volume->paths[PATH_INCOMPLETE];
        uint32_t first = node_set_lowest(lost);
        unsigned others = (unsigned)node_set_count(lost) - 1;
        if (is_one_cause(model, volume, lost)) {
                (void)snprintf(reason, REASON_BYTES, others == 0 ? "%s" : "%.130s; so say %u others, too",
                               volume->trouble, others);
                return;
        }
        int used = 0;
        NODE_SET_EACH (lost, node) {
                if (used < 0 || used >= REASON_BYTES)
                        return;
                used += snprintf(reason + used, REASON_BYTES - (size_t)used, "%s%s: %s",
                                 node == first ? "" : "; ", model_node_name(model, node),
                                 path_state_explain(volume_path(volume, node)));
        }
}

/* Leader: everybody has spoken, so it is ready, or it goes. Who is away cannot hold up a refusal. */
static void settle(struct cluster *cluster, const struct volume *volume)
{
        struct local_path *local = &cluster->paths[volume->id];
        struct command command = { .kind = COMMAND_VOLUME_READY };
        node_set up = model_up(cluster->model), lost = volume_lost(volume) & up;
        node_set silent = up & ~lost & ~volume->paths[PATH_DIRECT];
        if (local->settle_count != 0 || up == 0 || (silent & cluster->round.level) != 0 ||
            (lost == 0 && silent != 0))
                return;
        TEXT_COPY(command.volume.volume, volume->name);
        command.volume.identity = volume->identity;
        if (lost != 0) {
                command.kind = COMMAND_VOLUME_DROP;
                explain_loss(cluster->model, volume, lost, command.volume.reason);
        } else {
                TEXT_COPY(command.volume.reason, "every member sees what the others write there");
        }
        local->settle_count = propose(cluster, "planner", &command);
        if (local->settle_count == 0)
                wake_at(cluster, cluster->now_ms + 1);
}

/* Leader: somebody who can coordinates it; who cannot is left in place while nobody else can. */
static void see_to_coordinator(struct cluster *cluster, const struct volume *volume)
{
        struct local_path *local = &cluster->paths[volume->id];
        struct command command = { .kind = COMMAND_VOLUME_MOVE };
        struct command_volume_move *move = &command.volume_move;
        char reason[REASON_BYTES];
        if (local->settle_count != 0 ||
            coordinator_may_be(cluster->model, volume, volume->coordinator, reason))
                return;
        move->node = coordinator_choose(cluster->model, volume);
        if (move->node == NODE_NONE)
                return;
        TEXT_COPY(move->volume, volume->name);
        move->identity = volume->identity;
        TEXT_COPY(move->reason, volume->coordinator == NODE_NONE ? "nobody did" : reason);
        local->settle_count = propose(cluster, "planner", &command);
        if (local->settle_count == 0)
                wake_at(cluster, cluster->now_ms + 1);
}

/* An operator works there: nothing of ours is open, and nothing is under way. */
static void rest(struct cluster *cluster, const struct volume *volume)
{
        struct local_path *local = &cluster->paths[volume->id];
        bool is_ours = local->identity == volume->identity;
        if (local->rested_index == volume->since_index || (is_ours && local->look != 0) ||
            !lease_rests(cluster, volume))
                return;
        /* Where nothing is mounted a proof that failed has left an area of its own. */
        bool keep = !is_ours || !local->made;
        *local = (struct local_path){ .rested_index = volume->since_index };
        struct cluster_action *action = action_add(cluster, CLUSTER_ACTION_FORGET_VOLUME,
                                                   "volume %s is in maintenance", volume->name);
        action->volume.id = volume->id;
        action->volume.identity = volume->identity;
        action->volume.kind = volume->kind;
        action->volume.keep = keep;
        TEXT_COPY(action->volume.path, volume->path);
}

static bool is_direct(const struct cluster *cluster, const struct volume *volume)
{
        const struct local_path *local = &cluster->paths[volume == NULL ? 0 : volume->id];
        return volume != NULL && local->identity == volume->identity && local->known &&
               local->found == PATH_DIRECT;
}

bool path_reaches(const struct cluster *cluster, const struct role *role)
{
        NODE_SET_EACH (role->volumes, id)
                if (!is_direct(cluster, model_volume_by_id(cluster->model, id)))
                        return false;
        return true;
}

void path_hurry(struct cluster *cluster, uint64_t volumes)
{
        NODE_SET_EACH (volumes, id)
                cluster->paths[id].hurry_until_ms = cluster->now_ms + HURRY_MS;
}

void path_tick(struct cluster *cluster)
{
        const struct node *node = model_node(cluster->model, self(cluster));
        MODEL_EACH_VOLUME (cluster->model, volume)
                if (volume->state == VOLUME_MAINTENANCE)
                        rest(cluster, volume);
        if (!round_is_active(cluster))
                return;
        MODEL_EACH_VOLUME (cluster->model, volume) {
                if (volume->state == VOLUME_MAINTENANCE)
                        continue;
                if (volume->state == VOLUME_READY && round_is_leader(cluster))
                        see_to_coordinator(cluster, volume);
                if (node != NULL && node->state == NODE_UP && node->boot == cluster->identity.boot)
                        see_to_path(cluster, volume);
                if (volume->state == VOLUME_PROVING && round_is_leader(cluster))
                        settle(cluster, volume);
        }
}

void path_looked(struct cluster *cluster, const struct cluster_event *event)
{
        struct local_path *local = &cluster->paths[event->looked.id];
        if (local->look != event->looked.look)
                return; /* of a volume that is gone */
        local->look = 0;
        local->made |= event->looked.made;
        conclude(local, event->looked.found, event->looked.seen, event->looked.renewing, event->looked.text);
}

void path_answered(struct cluster *cluster, const struct entry *entry, bool done)
{
        if (entry->request.incarnation != cluster->identity.incarnation)
                return;
        for (uint32_t id = 1; id <= VOLUMES_MAX; id++) {
                struct local_path *local = &cluster->paths[id];
                if (local->settle_count == entry->request.count)
                        local->settle_count = 0;
                (void)report_is_answered(cluster, &local->report, entry, done, AGAIN_MS);
        }
}

void path_round_ended(struct cluster *cluster)
{
        for (uint32_t id = 1; id <= VOLUMES_MAX; id++) {
                cluster->paths[id].report.count = 0;
                cluster->paths[id].settle_count = 0;
        }
}

void path_volume_removed(struct cluster *cluster, const struct volume *volume)
{
        struct cluster_action *action =
                action_add(cluster, CLUSTER_ACTION_FORGET_VOLUME, "volume %s is no more", volume->name);
        action->volume.id = volume->id;
        action->volume.identity = volume->identity;
        action->volume.kind = volume->kind;
        TEXT_COPY(action->volume.path, volume->path);
}
