/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include <string.h>

#include "clusterd/base/mutation.h"
#include "clusterd/base/text.h"
#include "clusterd/core/fence_level.h"
#include "quorum/quorum_rule.h"

/*
 * The leader tests the fence devices of a node: level by level they turn it
 * off, which is evidence like any other, and on again. Each step is committed
 * before the next, so another leader goes on where the last one was: also the
 * node itself, which leads when it has booted and is the lowest.
 */

static const struct node *node_under_test(const struct cluster *cluster)
{
        MODEL_EACH_NODE (cluster->model, node)
                if (node->test_level != 0)
                        return node;
        return NULL;
}

static void end_agents(struct cluster *cluster, const char *reason)
{
        struct fence_test *test = &cluster->fence_test;
        if (test->attempt != 0 && test->running > 0) {
                struct cluster_action *action =
                        action_add(cluster, CLUSTER_ACTION_FENCE_END, "%s: %s",
                                   model_node_name(cluster->model, test->node), reason);
                action->fence.attempt = test->attempt;
                action->fence.node = test->node;
        }
        test->attempt = 0;
}

void fence_test_forget(struct cluster *cluster, const char *reason)
{
        end_agents(cluster, reason);
        memset(&cluster->fence_test, 0, sizeof cluster->fence_test);
}

static void start_device(struct cluster *cluster, const struct node *node, const struct fence_device *device)
{
        struct fence_test *test = &cluster->fence_test;
        struct cluster_action *action = action_add(
                cluster, CLUSTER_ACTION_FENCE, "%slevel %u: %s is to be turned %s",
                node->test_on_only ? "" : "test of ", node->test_level, node->name, test->on ? "on" : "off");
        test->running++;
        action->fence.attempt = test->attempt;
        action->fence.node = node->id;
        action->fence.on = test->on;
        TEXT_COPY(action->fence.node_name, node->name);
        action->fence.device = device;
}

/* False: a device has been removed since, and the others of its level prove nothing. */
static bool start_level(struct cluster *cluster, const struct node *node)
{
        struct fence_test *test = &cluster->fence_test;
        struct fence_level level = fence_level_read(cluster->model, node->id, node->test_level);
        if (level.devices < level.needed)
                return false;
        test->attempt = ++cluster->attempts;
        test->running = 0;
        MODEL_EACH_FENCE_DEVICE (cluster->model, device)
                if (node_set_has(device->targets, node->id) && device->level == node->test_level)
                        start_device(cluster, node, device);
        return true;
}

static void tell(struct cluster *cluster, const struct command *command)
{
        cluster->fence_test.count = propose(cluster, "fencing", command);
        if (cluster->fence_test.count == 0)
                wake_at(cluster, cluster->now_ms + 1);
}

static void give_evidence(struct cluster *cluster, const struct node *node)
{
        struct command command = { .kind = COMMAND_NODE_EVIDENCE };
        command.node_evidence.node = node->id;
        command.node_evidence.incarnation = node->incarnation;
        command.node_evidence.kind = EVIDENCE_POWERED_OFF;
        command.node_evidence.duration_ms = (uint32_t)(cluster->now_ms - cluster->fence_test.begun_ms);
        TEXT_COPY(command.node_evidence.text, cluster->fence_test.devices);
        tell(cluster, &command);
}

static void say_tested(struct cluster *cluster, const struct node *node)
{
        const struct fence_test *test = &cluster->fence_test;
        struct command command = { .kind = COMMAND_FENCE_TESTED };
        command.fence_tested.node = node->id;
        command.fence_tested.level = test->level;
        command.fence_tested.on = test->on;
        command.fence_tested.succeeded = !test->failed;
        command.fence_tested.duration_ms = test->duration_ms;
        if (test->failed)
                TEXT_COPY(command.fence_tested.reason, test->reason);
        else
                TEXT_PRINT(command.fence_tested.reason, "by %s", test->devices);
        tell(cluster, &command);
}

/* Of those that are here and follow now: it may be long since the test was begun. */
static bool is_primary_without(const struct cluster *cluster, uint32_t node)
{
        node_set voters = cluster->model->settings.voters;
        node_set here = cluster->round.level & cluster->round.members & voters & ~node_set_of(node);
        const struct quorum_votes votes = { .present = node_set_count(here),
                                            .expected = node_set_count(voters) };
        return quorum_is_held(quorum_decide(&votes));
}

static void begin_step(struct cluster *cluster, const struct node *node)
{
        struct fence_test *test = &cluster->fence_test;
        *test = (struct fence_test){
                .node = node->id, .level = node->test_level, .on = node->test_off, .begun_ms = cluster->now_ms
        };
        if (!test->on && !is_primary_without(cluster, node->id) && !MUTATED(TESTED_WITHOUT_QUORUM)) {
                test->failed = true;
                TEXT_COPY(test->reason, "without it the others have no quorum now");
        } else if (!start_level(cluster, node)) {
                test->failed = true;
                TEXT_COPY(test->reason, "a device of the level has been removed");
        }
}

static bool is_about(const struct fence_test *test, const struct node *node)
{
        return node != NULL && test->node == node->id && test->level == node->test_level &&
               test->on == node->test_off;
}

/* Between two levels it gets the time that any node gets: switched in a row, power supplies break. */
static uint64_t may_begin_at(const struct cluster *cluster, const struct node *node)
{
        uint64_t fenced_ms = cluster->fenced_ms[node->id];
        return node->test_off || fenced_ms == 0 ? 0 : fenced_ms + FENCE_AGAIN_MS;
}

void fence_test_tick(struct cluster *cluster)
{
        struct fence_test *test = &cluster->fence_test;
        const struct node *node = node_under_test(cluster);
        if (!is_about(test, node)) {
                fence_test_forget(cluster, "that step of its test is over");
                if (node != NULL && cluster->now_ms >= may_begin_at(cluster, node))
                        begin_step(cluster, node);
        }
        if (node != NULL && !is_about(test, node))
                wake_at(cluster, may_begin_at(cluster, node));
        if (!is_about(test, node) || test->attempt != 0 || test->count != 0)
                return;
        /* First everybody has to know that it was off: then it may boot, and nothing of before runs. */
        if (!test->on && !test->failed && node->state == NODE_LOST)
                give_evidence(cluster, node);
        else
                say_tested(cluster, node);
}

/* A node that none turned off is told to be on all the same: one of two power supplies may be off. */
bool fence_test_done(struct cluster *cluster, const struct cluster_event *event)
{
        struct fence_test *test = &cluster->fence_test;
        if (test->attempt == 0 || event->fence.attempt != test->attempt)
                return false;
        test->running--;
        action_add(cluster, CLUSTER_ACTION_LOG, "test of fence device %s: %s: %.80s", event->fence.device,
                   event->fence.succeeded ? "done" : "failed", event->fence.text);
        test->duration_ms = (uint32_t)(cluster->now_ms - test->begun_ms);
        if (!event->fence.succeeded) {
                test->failed = true;
                TEXT_PRINT(test->reason, "%.40s: %.110s", event->fence.device, event->fence.text);
                end_agents(cluster, "all devices of a level are needed, and one has failed");
                return true;
        }
        fence_devices_add(test->devices, event->fence.device);
        if (test->running > 0)
                return true;
        test->attempt = 0;
        if (!test->on)
                cluster->fenced_ms[test->node] = cluster->now_ms;
        return true;
}

void fence_test_answered(struct cluster *cluster, const struct entry *entry)
{
        if (entry->request.node == cluster->identity.node &&
            entry->request.count == cluster->fence_test.count)
                cluster->fence_test.count = 0;
}

void fence_test_round_ended(struct cluster *cluster)
{
        cluster->fence_test.count = 0;
}
