/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include <string.h>

#include "clusterd/base/mutation.h"
#include "clusterd/base/text.h"
#include "clusterd/core/fence_level.h"
#include "clusterd/core/lease_guard.h"
#include "clusterd/core/reservation.h"

/*
 * The leader gathers evidence against lost nodes: its fence devices, level by
 * level, and the expiry of its guard beside them. The first to succeed is used,
 * the others are ended; what fails is tried again, for ever, with back-off.
 */

#define RETRY_FIRST_MS 1000
#define RETRY_LAST_MS  30000
#define REPORTED_TRIES 3 /* then one in REPORTED_EVERY: half a minute each, for as long as it takes */
#define REPORTED_EVERY 20

static bool is_wanted(const struct cluster *cluster, const struct node *node)
{
        if (node->state != NODE_LOST)
                return false;
        /* It is back: it will speak for itself. */
        return node->fence_wanted || !node_set_has(cluster->round.connected, node->id) ||
               MUTATED(FENCED_THOUGH_CONNECTED);
}

static void start_device(struct cluster *cluster, const struct node *node, const struct fence_device *device)
{
        struct fencing *fencing = &cluster->fencing[node->id];
        fencing->running++;
        struct cluster_action *action =
                action_add(cluster, CLUSTER_ACTION_FENCE, "%s is lost: %.60s", node->name, node->reason);
        action->fence.attempt = fencing->attempt;
        action->fence.node = node->id;
        TEXT_COPY(action->fence.node_name, node->name);
        action->fence.device = device;
}

/* All devices of a level are needed: a node may have two power supplies. */
static void start_level(struct cluster *cluster, const struct node *node)
{
        struct fencing *fencing = &cluster->fencing[node->id];
        fencing->level = fence_level_after(cluster->model, node->id, fencing->level);
        if (fencing->level == 0)
                return;
        fencing->attempt = ++cluster->attempts;
        fencing->started_ms = cluster->now_ms;
        fencing->running = 0;
        fencing->devices[0] = '\0';
        MODEL_EACH_FENCE_DEVICE (cluster->model, device)
                if (node_set_has(device->targets, node->id) && device->level == fencing->level)
                        start_device(cluster, node, device);
}

/* What is still running of an attempt is not wanted any more. */
static void end_attempt(struct cluster *cluster, uint32_t node, const char *reason)
{
        struct fencing *fencing = &cluster->fencing[node];
        if (fencing->attempt != 0 && fencing->running > 0) {
                struct cluster_action *action = action_add(cluster, CLUSTER_ACTION_FENCE_END, "%s: %s",
                                                           model_node_name(cluster->model, node), reason);
                action->fence.attempt = fencing->attempt;
                action->fence.node = node;
        }
        fencing->attempt = 0;
}

static void forget(struct cluster *cluster, uint32_t node, const char *reason)
{
        end_attempt(cluster, node, reason);
        preempt_forget(cluster, node);
        if (!MUTATED(FENCED_LONG_AGO))
                memset(&cluster->fencing[node], 0, sizeof(struct fencing));
}

/*
 * From when we lost it. A member that joined us later may have been in contact with it until then, so the
 * clock starts no earlier than the present round.
 */
uint64_t fencing_counts_from(const struct cluster *cluster, uint32_t node)
{
        uint64_t lost_ms = cluster->round.view_ms[node];
        if (lost_ms < cluster->fencing[node].arrival_ms && !MUTATED(EXPIRY_AT_ARRIVAL))
                lost_ms = cluster->fencing[node].arrival_ms;
        if (lost_ms < cluster->round.state_ms && !MUTATED(EXPIRY_FROM_LOSS))
                lost_ms = cluster->round.state_ms;
        return lost_ms;
}

/* On this node's clock: all that its guard may take. */
static uint64_t guard_expires_at(const struct cluster *cluster, const struct node *node)
{
        uint64_t lost_ms = fencing_counts_from(cluster, node->id);
        const struct settings *settings = &cluster->model->settings;
        uint64_t guard_ms = settings_guard_ms(settings);
        /* It may not have heard of shorter ones: see guard_times.c. */
        if (settings->guard_before_ms > guard_ms && !MUTATED(EXPIRY_BY_SHORTENED_TIMES))
                guard_ms = settings->guard_before_ms;
        return lost_ms + (MUTATED(EXPIRY_AT_ONCE) ? 0 : guard_ms);
}

uint64_t fencing_has_stopped_at(const struct cluster *cluster, const struct node *node)
{
        const struct settings *settings = &cluster->model->settings;
        uint64_t guard_ms = settings_guard_ms(settings), expires_at = guard_expires_at(cluster, node);
        if (MUTATED(PREEMPTED_IN_ITS_TIME))
                return fencing_counts_from(cluster, node->id);
        return settings->guard_before_ms > guard_ms ? expires_at : expires_at - settings->watchdog_ms;
}

static void give_evidence(struct cluster *cluster, const struct node *node, enum evidence_kind kind,
                          const char *text, uint64_t volumes)
{
        struct fencing *fencing = &cluster->fencing[node->id];
        struct command command = { .kind = COMMAND_NODE_EVIDENCE };
        command.node_evidence.node = node->id;
        command.node_evidence.incarnation = node->incarnation;
        command.node_evidence.kind = kind;
        command.node_evidence.duration_ms = (uint32_t)(cluster->now_ms - fencing->lost_ms);
        *(kind == EVIDENCE_RESERVATION_PREEMPTED ? &command.node_evidence.reservations
                                                 : &command.node_evidence.leases) = volumes;
        TEXT_COPY(command.node_evidence.text, text);
        fencing->evidence_count = propose(cluster, "fencing", &command);
        if (fencing->evidence_count == 0)
                wake_at(cluster, cluster->now_ms + 1);
}

/* Of what its leases guard nothing is proven before they have expired, too: it may be cut off and run on. */
static bool guard_proves_something(struct cluster *cluster, const struct node *node)
{
        struct fencing *fencing = &cluster->fencing[node->id];
        uint64_t applied = cluster->ledger.applied.index, leases = lease_watch_expired(cluster, node->id);
        if (fencing->useless_index == applied && fencing->useless_leases == leases)
                return false;
        if (!lease_evidence_is_of_use(cluster->model, node->id, leases)) {
                fencing->useless_index = applied;
                fencing->useless_leases = leases;
                return false;
        }
        give_evidence(cluster, node, EVIDENCE_GUARD_EXPIRED,
                      leases == 0 ? "no contact" : "no contact and no renewal", leases);
        return true;
}

/* It has answered: what was there is stopped. That needs no guard, and no watchdog. */
static bool release_proves_something(struct cluster *cluster, const struct node *node)
{
        uint64_t volumes = lease_watch_released(cluster, node);
        if (volumes == 0 || !lease_release_is_of_use(cluster->model, node->id, volumes) ||
            node_awaits_arrival(cluster->model, node->id))
                return false;
        give_evidence(cluster, node, EVIDENCE_LEASE_RELEASED, "its own word", volumes);
        return true;
}

/* The targets refuse all that it writes there; what of its roles may write elsewhere is not proven by that.
 */
static bool preemption_proves_something(struct cluster *cluster, const struct node *node)
{
        struct fencing *fencing = &cluster->fencing[node->id];
        uint64_t applied = cluster->ledger.applied.index;
        uint64_t volumes = preempt_node(cluster, node, fencing_counts_from(cluster, node->id));
        if (volumes == 0 || (fencing->idle_index == applied && fencing->idle_volumes == volumes))
                return false;
        if (!reservation_is_of_use(cluster->model, node->id, volumes)) {
                fencing->idle_index = applied;
                fencing->idle_volumes = volumes;
                return false;
        }
        give_evidence(cluster, node, EVIDENCE_RESERVATION_PREEMPTED, "no contact and no key", volumes);
        return true;
}

/* A node that has just been turned off, and is lost as soon as it is back, is not turned off in a loop. */
static uint64_t may_begin_at(const struct cluster *cluster, const struct node *node)
{
        uint64_t fenced_ms = cluster->fenced_ms[node->id], next_ms = cluster->fencing[node->id].next_ms;
        if (fenced_ms == 0 || node->fence_wanted || fenced_ms + FENCE_AGAIN_MS < next_ms)
                return next_ms;
        return fenced_ms + FENCE_AGAIN_MS;
}

/* One that is connected, or that this leader never saw, is lost since the ledger says so. */
static uint64_t lost_since(const struct cluster *cluster, uint32_t node)
{
        uint64_t view_ms = cluster->round.view_ms[node];
        return view_ms == 0 || node_set_has(cluster->round.connected, node) ? cluster->now_ms : view_ms;
}

/* It may have booted since, and a guest arrived there: then only to be turned off again proves anything. */
static bool is_stale(const struct cluster *cluster, const struct fencing *fencing)
{
        return fencing->off && cluster->now_ms > fencing->off_ms && fencing->arrival_ms >= fencing->off_ms &&
               !MUTATED(OFF_BEFORE_AN_ARRIVAL);
}

static bool has_ended(struct cluster *cluster, uint64_t at_ms)
{
        if (cluster->now_ms < at_ms)
                wake_at(cluster, at_ms);
        return cluster->now_ms >= at_ms;
}

static void tick_node(struct cluster *cluster, const struct node *node)
{
        struct fencing *fencing = &cluster->fencing[node->id];
        if (node->test_level != 0) {
                forget(cluster, node->id, "its devices are tested");
                return;
        }
        if (!is_wanted(cluster, node)) {
                forget(cluster, node->id, node->state == NODE_LOST ? "in contact again" : node->reason);
                return;
        }
        if (fencing->incarnation != node->incarnation) {
                /* What was done to an earlier incarnation proves nothing of this one. */
                forget(cluster, node->id, "returned, and is lost again");
                fencing->incarnation = node->incarnation;
                fencing->lost_ms = lost_since(cluster, node->id);
        }
        if (fencing->evidence_count != 0)
                return;
        if (node_awaits_arrival(cluster->model, node->id))
                fencing->arrival_ms = cluster->now_ms;
        if (pause_is_on(cluster) && !node->fence_wanted) {
                end_attempt(cluster, node->id, "failover and fencing are paused");
                fencing->off = false; /* by the end of the pause it may be on again */
                return;
        }
        if (is_stale(cluster, fencing))
                fencing->off = false;
        uint64_t expires_at = guard_expires_at(cluster, node);
        if (fencing->off) {
                give_evidence(cluster, node, EVIDENCE_POWERED_OFF, fencing->devices, 0);
                return;
        }
        /* Who was forced out may have contact with others over there. */
        bool has_no_contact = (!node->forced_out || MUTATED(EXPIRY_OF_THE_FORCED_OUT)) &&
                              !node_set_has(cluster->round.connected, node->id);
        if (has_no_contact && release_proves_something(cluster, node))
                return;
        if (has_no_contact && has_ended(cluster, fencing_has_stopped_at(cluster, node)) &&
            preemption_proves_something(cluster, node))
                return;
        if (has_no_contact && (node->watchdog || MUTATED(EXPIRY_WITHOUT_WATCHDOG)) &&
            has_ended(cluster, expires_at) && guard_proves_something(cluster, node))
                return;
        if (fencing->attempt != 0)
                return;
        uint64_t begin_ms = may_begin_at(cluster, node);
        if (cluster->now_ms >= begin_ms)
                start_level(cluster, node);
        else
                wake_at(cluster, begin_ms);
}

/* Between rounds it is open who leads: what was begun may go on. */
static bool is_over(const struct cluster *cluster)
{
        return cluster->round.phase == ROUND_REFUSED || cluster->round.phase == ROUND_ACTIVE;
}

void fencing_tick(struct cluster *cluster)
{
        const char *const not_ours = "not for this node to turn off any more";
        if (round_is_leader(cluster)) {
                MODEL_EACH_NODE (cluster->model, node)
                        tick_node(cluster, node);
                fence_test_tick(cluster);
        } else if (is_over(cluster)) {
                fence_test_forget(cluster, not_ours);
                for (uint32_t node = 1; node <= NODES_MAX; node++)
                        if (cluster->fencing[node].incarnation != 0)
                                forget(cluster, node, not_ours);
        }
}

uint64_t fencing_back_off_ms(uint32_t tries)
{
        uint64_t delay = (uint64_t)RETRY_FIRST_MS << (tries < 6 ? tries : 6);
        return delay < RETRY_LAST_MS ? delay : RETRY_LAST_MS;
}

/* The next level at once; after the last one a pause, and all of them again. */
static void level_failed(struct cluster *cluster, const struct node *node)
{
        struct fencing *fencing = &cluster->fencing[node->id];
        end_attempt(cluster, node->id, "all devices of a level are needed, and one has failed");
        if (fence_level_after(cluster->model, node->id, fencing->level) != 0)
                return;
        fencing->level = 0;
        fencing->next_ms = cluster->now_ms + fencing_back_off_ms(fencing->tries++);
}

void fence_devices_add(char devices[NAME_BYTES], const char *device)
{
        size_t used = strlen(devices);
        (void)snprintf(devices + used, NAME_BYTES - used, "%s%s", used > 0 ? " and " : "", device);
}

static void device_succeeded(struct cluster *cluster, uint32_t node, const char *device)
{
        struct fencing *fencing = &cluster->fencing[node];
        fence_devices_add(fencing->devices, device);
        if (fencing->running > 0 && !MUTATED(FENCED_BY_HALF))
                return;
        fencing->off = true;
        fencing->off_ms = cluster->now_ms;
        fencing->attempt = 0;
        cluster->fenced_ms[node] = cluster->now_ms;
}

void fencing_report(struct cluster *cluster, const struct command_fence_report *report, uint32_t tries)
{
        struct command command = { .kind = COMMAND_FENCE_REPORT, .fence_report = *report };
        if (report->succeeded || tries < REPORTED_TRIES || tries % REPORTED_EVERY == 0)
                (void)propose(cluster, "fencing", &command);
}

static void report_answer(struct cluster *cluster, const struct cluster_event *event)
{
        const struct fencing *fencing = &cluster->fencing[event->fence.node];
        struct command_fence_report report = { .node = event->fence.node,
                                               .level = fencing->level,
                                               .succeeded = event->fence.succeeded,
                                               .duration_ms =
                                                       (uint32_t)(cluster->now_ms - fencing->started_ms) };
        TEXT_COPY(report.device, event->fence.device);
        TEXT_COPY(report.text, event->fence.text);
        fencing_report(cluster, &report, fencing->tries);
}

void fencing_done(struct cluster *cluster, const struct cluster_event *event)
{
        const struct node *node = model_node(cluster->model, event->fence.node);
        if (node == NULL || fence_test_done(cluster, event))
                return;
        struct fencing *fencing = &cluster->fencing[node->id];
        if (fencing->attempt == 0 || (event->fence.attempt != fencing->attempt && !MUTATED(FENCED_EARLIER)))
                return;
        fencing->running--;
        action_add(cluster, CLUSTER_ACTION_LOG, "fence device %s: node %s is %s: %.80s", event->fence.device,
                   node->name, event->fence.succeeded ? "off" : "not proven off", event->fence.text);
        report_answer(cluster, event);
        if (event->fence.succeeded || MUTATED(FENCED_UNCONFIRMED))
                device_succeeded(cluster, node->id, event->fence.device);
        else
                level_failed(cluster, node);
}

/* What became of it, the next look at the node's state tells. */
void fencing_answered(struct cluster *cluster, const struct entry *entry)
{
        if (entry->command.kind == COMMAND_NODE_EVIDENCE)
                cluster->fencing[entry->command.node_evidence.node].evidence_count = 0;
        fence_test_answered(cluster, entry);
}

void fencing_round_ended(struct cluster *cluster)
{
        for (uint32_t node = 1; node <= NODES_MAX; node++)
                cluster->fencing[node].evidence_count = 0;
        fence_test_round_ended(cluster);
}
