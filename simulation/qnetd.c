/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "simulation/qnetd.h"

#include <assert.h>
#include <stdlib.h>

#include "clusterd/base/text.h"
#include "simulation/world.h"

#define HEARTBEAT_MS 1600
#define AGE_MS       2000 /* as in clusterd/io/qnetd_watch_corosync.c */
#define LOOK_MS      500
#define AGAIN_MS     500

enum step {
        STEP_CONNECT, /* on the node: */
        STEP_VOTE,
        STEP_BROKEN,
        STEP_SIGHT,
        STEP_REPORT, /* at qnetd: */
        STEP_HEARD,
        STEP_FORGET,
        STEP_DECIDE
};

struct letter {
        enum step step;
        uint64_t connection, ring;
        node_set members;
        bool granted;
        uint64_t decision;
};

static void post(struct world *world, struct simulated_node *node, enum event_kind kind, uint64_t delay_us,
                 const struct letter *letter)
{
        struct letter *kept = malloc(sizeof(*kept));
        assert(kept != NULL);
        *kept = *letter;
        world_schedule_payload(world, delay_us, kind, node, kept);
}

/* Nothing overtakes what was said before. */
static uint64_t in_order(struct world *world, uint64_t *last_us, uint64_t delay_us)
{
        uint64_t at_us = world->now_us + delay_us;
        *last_us = at_us > *last_us ? at_us : *last_us;
        return *last_us - world->now_us;
}

static uint64_t way_us(struct world *world)
{
        return world_mishap(world, 50) ? random_between(&world->random, MS(5), MS(1500))
                                       : random_between(&world->random, 100, MS(3));
}

static void post_up(struct world *world, struct simulated_node *node, const struct letter *letter)
{
        post(world, node, EVENT_QNETD, in_order(world, &node->qdevice.up_us, way_us(world)), letter);
}

static void post_down(struct world *world, struct simulated_node *node, const struct letter *letter)
{
        post(world, node, EVENT_QDEVICE, in_order(world, &node->qdevice.down_us, way_us(world)), letter);
}

/* --- what clusterd hears --- */

static void tell_daemon(struct world *world, struct simulated_node *node, struct cluster_event *event)
{
        struct qdevice *device = &node->qdevice;
        uint64_t delay_us = world_mishap(world, 30) ? random_between(&world->random, MS(3), MS(400))
                                                    : random_between(&world->random, 20, MS(2));
        event->kind = CLUSTER_EVENT_QNETD;
        if (device->identity != 0 && device->life != 0 && device->life == node->daemon_life)
                shell_send_later(world, node, event, in_order(world, &device->word_us, delay_us));
}

static uint64_t standing(const struct world *world, const struct qdevice *device)
{
        return world->now_us >= device->since_us + MS(AGE_MS) ? device->connection : 0;
}

static void tell_ring(struct world *world, struct simulated_node *node)
{
        const struct qdevice *device = &node->qdevice;
        struct cluster_event event = {
                .qnetd = { .news = QNETD_RING, .ring = device->ring, .members = device->members }
        };
        tell_daemon(world, node, &event);
}

static void tell_answer(struct world *world, struct simulated_node *node)
{
        const struct qdevice *device = &node->qdevice;
        struct cluster_event event = { .qnetd = { .news = QNETD_ANSWER,
                                                  .granted = device->votes,
                                                  .connection = standing(world, device) } };
        tell_daemon(world, node, &event);
}

static void look_later(struct world *world, struct simulated_node *node, uint64_t after_us)
{
        post(world, node, EVENT_QDEVICE, after_us + random_between(&world->random, 0, MS(LOOK_MS)),
             &(struct letter){ .step = STEP_SIGHT });
}

static void look(struct world *world, struct simulated_node *node)
{
        struct qdevice *device = &node->qdevice;
        uint64_t connection = standing(world, device);
        if (device->told && device->told_votes == device->votes && device->told_connection == connection)
                return;
        device->told = true;
        device->told_votes = device->votes;
        device->told_connection = connection;
        struct cluster_event event = {
                .qnetd = { .news = QNETD_SIGHT, .votes = device->votes, .connection = connection }
        };
        TEXT_COPY(event.qnetd.text, device->connection == 0 ? "qnetd is not connected" : "others have it");
        tell_daemon(world, node, &event);
}

static void take_vote(struct world *world, struct simulated_node *node, bool granted)
{
        struct qdevice *device = &node->qdevice;
        device->votes = granted;
        look_later(world, node, 0);
        world_note(world, node, "qnetd %s", granted ? "votes" : "refuses");
        tell_answer(world, node);
}

/* --- qnetd's end --- */

static bool is_reachable(const struct world *world, const struct simulated_node *node)
{
        return witness_is_well(world, node->qdevice.identity) && node->powered && !node->frozen &&
               node->station.up && node->witness_io.cut_until_us <= world->now_us;
}

static void decide_again(struct world *world, struct simulated_node *node)
{
        post(world, node, EVENT_QNETD, MS(AGAIN_MS), &(struct letter){ .step = STEP_DECIDE });
}

static void vote(struct world *world, struct simulated_node *node, bool granted)
{
        const struct qnetd_client *client = &world->qnetd.clients[node->id];
        post_down(world, node,
                  &(struct letter){ .step = STEP_VOTE,
                                    .connection = client->connection,
                                    .ring = client->ring,
                                    .granted = granted,
                                    .decision = world->qnetd.decision });
}

/* As soon as all that were refused have heard it. */
static void grant(struct world *world)
{
        struct qnetd *qnetd = &world->qnetd;
        WORLD_EACH_NODE (world, node)
                if (qnetd->clients[node->id].connection != 0 && qnetd->clients[node->id].refused)
                        return;
        WORLD_EACH_NODE (world, node)
                if (qnetd->clients[node->id].connection != 0 && qnetd->winner != 0 &&
                    qnetd->clients[node->id].ring == qnetd->winner)
                        vote(world, node, true);
}

static bool agree(const struct world *world, uint64_t identity)
{
        const struct qnetd_client *clients = world->qnetd.clients;
        for (uint32_t a = 1; a <= world->node_count; a++)
                NODE_SET_EACH (clients[a].connection != 0 ? clients[a].members : 0, b)
                        if (clients[a].identity == identity && clients[b].connection != 0 &&
                            clients[b].identity == identity && clients[b].ring != clients[a].ring)
                                return false;
        return true;
}

/* The ring with most of those that are connected; now and then any. */
static uint64_t choose(struct world *world, uint64_t identity)
{
        const struct qnetd_client *clients = world->qnetd.clients;
        bool any = !world->quiet && random_chance(&world->random, 150);
        uint64_t chosen = 0;
        uint32_t most = 0;
        for (uint32_t a = 1; a <= world->node_count; a++) {
                uint32_t count = 0;
                if (clients[a].connection == 0 || clients[a].identity != identity || clients[a].ring == 0)
                        continue;
                for (uint32_t b = 1; b <= world->node_count; b++)
                        count += clients[b].connection != 0 && clients[b].ring == clients[a].ring;
                if (any)
                        count = 1 + (uint32_t)random_below(&world->random, NODES_MAX);
                if (count > most) {
                        most = count;
                        chosen = clients[a].ring;
                }
        }
        return chosen;
}

static void decide(struct world *world, uint64_t identity)
{
        struct qnetd *qnetd = &world->qnetd;
        struct simulated_node *waiting = NULL;
        qnetd->decision++;
        qnetd->winner = 0;
        bool agreed = agree(world, identity);
        if (agreed)
                qnetd->winner = choose(world, identity);
        WORLD_EACH_NODE (world, node) {
                struct qnetd_client *client = &qnetd->clients[node->id];
                if (client->connection == 0 || client->identity != identity)
                        continue;
                client->refused = agreed && client->ring != qnetd->winner;
                if (client->refused)
                        vote(world, node, false);
                if (client->refused || !agreed)
                        waiting = node;
        }
        if (waiting != NULL)
                decide_again(world, waiting);
        if (agreed)
                grant(world);
}

static void forget(struct world *world, struct simulated_node *node)
{
        struct qnetd_client *client = &world->qnetd.clients[node->id];
        uint64_t identity = client->identity;
        if (client->connection == 0)
                return;
        *client = (struct qnetd_client){ .connection = 0 };
        decide(world, identity);
}

/* Somebody is waited for: whom it does not hear for one and a half heartbeats it forgets. */
static void wait_on(struct world *world)
{
        struct qnetd_client *clients = world->qnetd.clients;
        struct simulated_node *waiting = NULL;
        WORLD_EACH_NODE (world, node)
                if (clients[node->id].connection != 0 && !is_reachable(world, node) &&
                    ++clients[node->id].missed * AGAIN_MS >= HEARTBEAT_MS * 3 / 2) {
                        post(world, node, EVENT_QDEVICE,
                             random_between(&world->random, 0, MS(2 * HEARTBEAT_MS)),
                             &(struct letter){ .step = STEP_BROKEN,
                                               .connection = clients[node->id].connection });
                        forget(world, node);
                        return;
                }
        WORLD_EACH_NODE (world, node)
                if (clients[node->id].connection != 0 &&
                    (clients[node->id].refused || !agree(world, clients[node->id].identity)))
                        waiting = node;
        if (waiting != NULL)
                decide_again(world, waiting);
}

void qnetd_on_qnetd(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        const struct letter *letter = event->payload;
        struct qnetd_client *client = &world->qnetd.clients[node->id];
        bool is_of_it = client->connection != 0 && letter->connection == client->connection;
        if (letter->step == STEP_DECIDE) {
                bool agreed = client->connection == 0 || agree(world, client->identity);
                if (agreed && world->qnetd.winner == 0 && client->connection != 0)
                        decide(world, client->identity);
                else
                        wait_on(world);
        } else if (letter->step == STEP_REPORT && is_of_it) {
                client->ring = letter->ring;
                client->members = letter->members;
                decide(world, client->identity);
        } else if (letter->step == STEP_HEARD && is_of_it && letter->decision == world->qnetd.decision) {
                client->refused = false;
                grant(world);
        } else if (letter->step == STEP_FORGET && is_of_it) {
                forget(world, node);
        }
}

/* --- the node's end --- */

static void report(struct world *world, struct simulated_node *node)
{
        const struct qdevice *device = &node->qdevice;
        post_up(world, node,
                &(struct letter){ .step = STEP_REPORT,
                                  .connection = device->connection,
                                  .ring = device->ring,
                                  .members = device->members });
}

static void connect_later(struct world *world, struct simulated_node *node)
{
        post(world, node, EVENT_QDEVICE, random_between(&world->random, MS(100), MS(1500)),
             &(struct letter){ .step = STEP_CONNECT });
}

static void try_to_connect(struct world *world, struct simulated_node *node)
{
        struct qdevice *device = &node->qdevice;
        if (device->identity == 0 || device->connection != 0)
                return;
        if (!is_reachable(world, node) || device->ring == 0) {
                connect_later(world, node);
                return;
        }
        forget(world, node);
        device->connection = ++world->next_id;
        device->since_us = world->now_us;
        world->qnetd.clients[node->id] =
                (struct qnetd_client){ .identity = device->identity, .connection = device->connection };
        report(world, node);
        look_later(world, node, MS(AGE_MS));
}

static void is_broken(struct world *world, struct simulated_node *node)
{
        node->qdevice.connection = 0;
        take_vote(world, node, false);
        connect_later(world, node);
}

void qnetd_on_node(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        const struct letter *letter = event->payload;
        struct qdevice *device = &node->qdevice;
        bool is_of_it = device->connection != 0 && letter->connection == device->connection;
        if (letter->step == STEP_CONNECT) {
                try_to_connect(world, node);
        } else if (letter->step == STEP_SIGHT) {
                look(world, node);
        } else if (letter->step == STEP_VOTE && is_of_it) {
                if (letter->ring == device->ring)
                        take_vote(world, node, letter->granted);
                if (!letter->granted)
                        post_up(world, node,
                                &(struct letter){ .step = STEP_HEARD,
                                                  .connection = letter->connection,
                                                  .decision = letter->decision });
        } else if (letter->step == STEP_BROKEN && is_of_it) {
                is_broken(world, node);
        }
}

void qnetd_ring(struct world *world, struct simulated_node *node)
{
        struct qdevice *device = &node->qdevice;
        device->ring = node->station.ring->id;
        device->members = node->station.ring->nodes;
        device->votes = false;
        if (device->identity == 0)
                return;
        tell_ring(world, node);
        if (device->connection == 0)
                take_vote(world, node, false);
        else
                report(world, node);
}

/* Either end may know first. */
static void break_connection(struct world *world, struct simulated_node *node)
{
        const struct qdevice *device = &node->qdevice;
        struct letter letter = { .connection = device->connection };
        if (device->connection == 0)
                return;
        letter.step = STEP_FORGET;
        post(world, node, EVENT_QNETD, random_between(&world->random, 0, MS(HEARTBEAT_MS * 3 / 2)), &letter);
        letter.step = STEP_BROKEN;
        post(world, node, EVENT_QDEVICE, random_between(&world->random, 0, MS(2 * HEARTBEAT_MS)), &letter);
}

void qnetd_cut(struct world *world, struct simulated_node *node)
{
        break_connection(world, node);
}

void qnetd_ends(struct world *world)
{
        world->qnetd = (struct qnetd){ .decision = world->qnetd.decision + 1 };
        WORLD_EACH_NODE (world, node)
                break_connection(world, node);
}

void qnetd_corosync_ended(struct world *world, struct simulated_node *node)
{
        struct qdevice *device = &node->qdevice;
        if (device->identity == 0) {
                *device = (struct qdevice){ .identity = 0 };
                return;
        }
        break_connection(world, node);
        device->connection = 0;
        device->ring = 0;
        device->members = 0;
        device->votes = false;
        tell_ring(world, node);
        look_later(world, node, 0);
        connect_later(world, node);
        if (!node->powered)
                *device = (struct qdevice){ .up_us = device->up_us, .down_us = device->down_us };
}

void qnetd_attend(struct world *world, struct simulated_node *node, const struct cluster_action *action)
{
        struct qdevice *device = &node->qdevice;
        uint64_t identity = action->witness.whom.identity;
        if (identity != device->identity) {
                break_connection(world, node);
                device->connection = 0;
                device->votes = false;
                device->identity = identity;
                if (identity != 0)
                        connect_later(world, node);
        }
        device->life = node->daemon_life;
        if (identity == 0)
                return;
        device->told = false;
        if (device->ring != 0) {
                tell_ring(world, node);
                tell_answer(world, node);
        }
        look_later(world, node, 0);
}
