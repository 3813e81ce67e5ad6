/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include <string.h>

#include "clusterd/base/mutation.h"
#include "clusterd/base/text.h"
#include "clusterd/core/reservation.h"

/*
 * The leader takes the keys of a lost node away at the targets on which its roles have all their disks. Each
 * attempt is begun after contact with the node had ended, so all by which it may write stands there; an
 * attempt that ends otherwise than with success says nothing, and is made again, for ever, with back-off.
 */

static struct preemption *find(struct cluster *cluster, uint32_t node, uint32_t volume)
{
        struct preemption *free_one = NULL;
        for (size_t i = 0; i < PREEMPTIONS_MAX; i++) {
                struct preemption *preemption = &cluster->preemptions[i];
                if (preemption->node == node && preemption->volume == volume)
                        return preemption;
                if (preemption->node == NODE_NONE && free_one == NULL)
                        free_one = preemption;
        }
        if (free_one != NULL) {
                *free_one = (struct preemption){ .node = node, .volume = volume };
                cluster->preempting++;
        }
        return free_one;
}

void preempt_forget(struct cluster *cluster, uint32_t node)
{
        for (size_t i = 0; cluster->preempting > 0 && i < PREEMPTIONS_MAX; i++) {
                struct preemption *preemption = &cluster->preemptions[i];
                if (preemption->node != node || (MUTATED(PREEMPTED_LONG_AGO) && preemption->done))
                        continue;
                memset(preemption, 0, sizeof *preemption);
                cluster->preempting--;
        }
}

static void begin(struct cluster *cluster, struct preemption *preemption, const struct node *node,
                  const struct volume *volume)
{
        struct cluster_action *action =
                action_add(cluster, CLUSTER_ACTION_PREEMPT, "%s is lost: its keys on %s are taken away",
                           node->name, volume->name);
        preemption->attempt = ++cluster->preempt_attempts;
        preemption->begun_ms = cluster->now_ms;
        action->preempt.attempt = preemption->attempt;
        action->preempt.node = node->id;
        action->preempt.id = volume->id;
        action->preempt.identity = volume->identity;
}

static bool is_of_before(const struct preemption *preemption, const struct node *node, uint64_t from_ms)
{
        return (preemption->incarnation != node->incarnation || preemption->begun_ms < from_ms) &&
               !MUTATED(PREEMPTED_LONG_AGO);
}

static void see_to(struct cluster *cluster, struct preemption *preemption, const struct node *node,
                   uint64_t from_ms)
{
        const struct volume *volume = model_volume_by_id(cluster->model, preemption->volume);
        if (preemption->begun_ms != 0 && is_of_before(preemption, node, from_ms))
                *preemption = (struct preemption){ .node = node->id, .volume = preemption->volume };
        preemption->incarnation = node->incarnation;
        if (preemption->done || preemption->attempt != 0 || volume == NULL)
                return;
        if (cluster->now_ms >= preemption->next_ms)
                begin(cluster, preemption, node, volume);
        else
                wake_at(cluster, preemption->next_ms);
}

static void note_volumes(struct cluster *cluster)
{
        if (cluster->reserved_index == cluster->ledger.applied.index)
                return;
        cluster->reserved_index = cluster->ledger.applied.index;
        memset(cluster->reserved, 0, sizeof cluster->reserved);
        MODEL_EACH_NODE (cluster->model, node)
                if (node->state == NODE_LOST)
                        cluster->reserved[node->id] = reservation_volumes(cluster->model, node->id);
}

uint64_t preempt_node(struct cluster *cluster, const struct node *node, uint64_t from_ms)
{
        uint64_t done = 0;
        note_volumes(cluster);
        NODE_SET_EACH (cluster->reserved[node->id], id) {
                struct preemption *preemption = find(cluster, node->id, id);
                if (preemption == NULL)
                        continue; /* its turn comes */
                see_to(cluster, preemption, node, from_ms);
                if (preemption->done)
                        done |= node_set_of(id);
        }
        return done;
}

static void report(struct cluster *cluster, const struct preemption *preemption, const char *volume,
                   const struct cluster_event *event)
{
        struct command_fence_report report = { .node = preemption->node,
                                               .succeeded = event->preempted.succeeded,
                                               .duration_ms =
                                                       (uint32_t)(cluster->now_ms - preemption->begun_ms) };
        TEXT_COPY(report.volume, volume);
        TEXT_COPY(report.text, event->preempted.text);
        fencing_report(cluster, &report, preemption->tries);
}

void preempt_ended(struct cluster *cluster, const struct cluster_event *event)
{
        for (size_t i = 0; i < PREEMPTIONS_MAX; i++) {
                struct preemption *preemption = &cluster->preemptions[i];
                if (preemption->attempt == 0 || preemption->attempt != event->preempted.attempt)
                        continue;
                const struct volume *volume = model_volume_by_id(cluster->model, preemption->volume);
                preemption->attempt = 0;
                preemption->done = event->preempted.succeeded || MUTATED(PREEMPTED_UNPROVEN);
                if (volume != NULL)
                        report(cluster, preemption, volume->name, event);
                preemption->next_ms = cluster->now_ms + fencing_back_off_ms(preemption->tries++);
                action_add(cluster, CLUSTER_ACTION_LOG, "keys of %s on %s: %s%.90s",
                           model_node_name(cluster->model, preemption->node),
                           volume == NULL ? "-" : volume->name,
                           event->preempted.succeeded ? "none is left" : "not proven gone: ",
                           event->preempted.text);
        }
}
