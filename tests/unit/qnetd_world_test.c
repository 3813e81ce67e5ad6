/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "quorum/qnetd_claim.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/suite_run.h"

/*
 * Two nodes and one qnetd, in every order of their steps, a few of each kind:
 * rings form, connections break unseen by either end, qnetd loses its memory, a
 * node dies and boots, messages wait. qnetd asks everybody that is connected to
 * give the vote up before it gives it to another, as its algorithm ffsplit does;
 * whom it prefers is left open. Whoever goes on alone must hold what every
 * earlier one wrote.
 */
enum { NODES = 2, WAITING_MAX = 2 };

/* How often each may happen. */
struct bounds {
        uint8_t rings, connections, epochs, contacts, deaths, restarts, waiting;
};

/* What is left out of the rule, to see that its absence is found. */
enum weakness { NOTHING, FIRST_ANSWER, CONNECTION, CONTACT, RING };

struct report {
        uint8_t ring, members, reply; /* reply: to the vote of this number; 0: a report of a ring */
};

struct vote {
        uint8_t ring, granted, number;
};

struct node {
        uint8_t alive, ring, members, answered;
        uint8_t connection, seen; /* seen: when it looked last */
        uint8_t epoch, alone;     /* alone: the voters of its history are itself */
        uint8_t reports, votes;
        struct report report[WAITING_MAX]; /* on their way */
        struct vote vote[WAITING_MAX];
};

/* qnetd's end. */
enum wanted { WANTED_NOTHING, WANTED_REFUSAL, WANTED_GRANT };

struct client {
        uint8_t connection, ring, members, number, wanted, pending;
};

struct world {
        struct node node[NODES];
        struct client client[NODES];
        uint8_t refusing; /* qnetd waits for the answers to its refusals */
        uint8_t rings, connections, epochs, deaths, restarts, contacts;
        uint8_t newest;  /* epoch that was active last */
        uint8_t blocked; /* a queue was full: this path is not followed */
        uint8_t padding[3];
        struct qnetd_claim claim[NODES];
};
_Static_assert(sizeof(struct world) % sizeof(uint64_t) == 0, "");

static enum weakness weakness;
static struct bounds most;
static bool violated;
static unsigned long states, goings_on;

#define VISITED_BITS 21
static uint64_t *visited;

static uint64_t hash_of(const struct world *world)
{
        uint64_t hash = 0, word;
        for (size_t at = 0; at < sizeof *world; at += sizeof word) {
                memcpy(&word, (const uint8_t *)world + at, sizeof word);
                hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
                hash ^= hash >> 29;
        }
        return hash;
}

static uint8_t swapped_members(uint8_t members)
{
        return (uint8_t)(members >> 1 & 1) | (uint8_t)((members & 1) << 1);
}

static void swap_claim(struct qnetd_claim *claim)
{
        node_set *sets[] = { &claim->members, &claim->armed.level, &claim->asked.level,
                             &claim->granted.level };
        for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++)
                *sets[i] = swapped_members((uint8_t)*sets[i]);
}

/* The two nodes are alike: each situation has a twin. */
static struct world twin_of(const struct world *world)
{
        struct world twin = *world;
        for (int who = 0; who < NODES; who++) {
                struct node *node = &twin.node[who];
                *node = world->node[1 - who];
                twin.client[who] = world->client[1 - who];
                twin.claim[who] = world->claim[1 - who];
                swap_claim(&twin.claim[who]);
                node->members = swapped_members(node->members);
                twin.client[who].members = swapped_members(twin.client[who].members);
                for (int i = 0; i < WAITING_MAX; i++)
                        node->report[i].members = swapped_members(node->report[i].members);
        }
        return twin;
}

static bool visit(const struct world *world)
{
        struct world twin = twin_of(world);
        uint64_t hash = hash_of(world), other = hash_of(&twin);
        hash = hash < other ? hash : other;
        hash += hash == 0;
        uint64_t mask = (UINT64_C(1) << VISITED_BITS) - 1;
        for (uint64_t at = (hash * UINT64_C(0x9e3779b97f4a7c15)) >> (64 - VISITED_BITS);;
             at = (at + 1) & mask) {
                if (visited[at] == hash)
                        return false;
                if (visited[at] == 0) {
                        visited[at] = hash;
                        ck_assert_uint_lt(++states, mask - mask / 8);
                        return true;
                }
        }
}

static uint64_t connection_told(uint8_t connection)
{
        return weakness == CONNECTION ? 9 : connection;
}

/* What corosync-qdevice gives votequorum, and the claim hears of it. */
static void first_answer(struct world *world, int who, bool granted)
{
        struct node *node = &world->node[who];
        if (node->answered && !(weakness == FIRST_ANSWER && granted))
                return;
        node->answered = 1;
        if (weakness == FIRST_ANSWER && !granted)
                return;
        qnetd_claim_answer(&world->claim[who], granted, connection_told(node->connection));
}

static void send_report(struct world *world, int who, struct report report)
{
        struct node *node = &world->node[who];
        if (node->connection != world->client[who].connection)
                return; /* nobody reads it */
        if (node->reports == most.waiting)
                world->blocked = 1;
        else
                node->report[node->reports++] = report;
}

static void send_vote(struct world *world, int who, bool granted)
{
        struct node *node = &world->node[who];
        struct client *client = &world->client[who];
        client->number++;
        client->pending = 1;
        if (node->connection != client->connection)
                return;
        if (node->votes == most.waiting)
                world->blocked = 1;
        else
                node->vote[node->votes++] =
                        (struct vote){ .ring = client->ring, .granted = granted, .number = client->number };
}

static void form_ring(struct world *world, int who, uint8_t ring, uint8_t members)
{
        struct node *node = &world->node[who];
        node->ring = ring;
        node->members = members;
        node->answered = 0;
        struct qnetd_claim *claim = &world->claim[who];
        struct qnetd_claim before = *claim;
        qnetd_claim_ring(claim, ring, members);
        if (weakness == RING && !qnetd_claim_is_armed(&before)) {
                claim->asked = before.asked;
                claim->granted = before.granted;
        }
        if (node->connection == 0)
                first_answer(world, who, false);
        else
                send_report(world, who, (struct report){ .ring = ring, .members = members });
}

static void send_wanted(struct world *world, enum wanted wanted)
{
        for (int who = 0; who < NODES; who++)
                if (world->client[who].connection != 0 && world->client[who].wanted == wanted)
                        send_vote(world, who, wanted == WANTED_GRANT);
}

/* All that are connected agree who is in a ring with whom. */
static bool is_stable(const struct world *world)
{
        const struct client *a = &world->client[0], *b = &world->client[1];
        bool together = a->members == 3 || b->members == 3;
        return a->connection == 0 || b->connection == 0 || !together || a->ring == b->ring;
}

/* qnetd decides for those that are in a ring with `chosen`. */
static void decide(struct world *world, int chosen)
{
        world->refusing = 0;
        if (!is_stable(world) || world->client[chosen].connection == 0 || world->client[chosen].ring == 0)
                return;
        bool refusals = false;
        for (int who = 0; who < NODES; who++) {
                struct client *client = &world->client[who];
                bool in = world->client[chosen].members >> who & 1;
                client->wanted = in ? WANTED_GRANT : WANTED_REFUSAL;
                client->pending = 0;
                refusals |= client->connection != 0 && !in;
        }
        world->refusing = refusals;
        send_wanted(world, refusals ? WANTED_REFUSAL : WANTED_GRANT);
}

static void take_report(struct world *world, int who, int chosen)
{
        struct node *node = &world->node[who];
        struct client *client = &world->client[who];
        struct report report = node->report[0];
        node->report[0] = node->report[1];
        node->report[1] = (struct report){ 0 };
        node->reports--;
        if (report.reply == 0) {
                client->ring = report.ring;
                client->members = report.members;
                decide(world, chosen);
                return;
        }
        if (report.reply != client->number)
                return;
        client->pending = 0;
        if (!world->refusing)
                return;
        for (int i = 0; i < NODES; i++)
                if (world->client[i].connection != 0 && world->client[i].wanted == WANTED_REFUSAL &&
                    world->client[i].pending)
                        return;
        world->refusing = 0;
        send_wanted(world, WANTED_GRANT);
}

static void take_vote(struct world *world, int who)
{
        struct node *node = &world->node[who];
        struct vote vote = node->vote[0];
        node->vote[0] = node->vote[1];
        node->vote[1] = (struct vote){ 0 };
        node->votes--;
        if (vote.ring == node->ring)
                first_answer(world, who, vote.granted);
        send_report(world, who, (struct report){ .reply = vote.number });
}

/* qnetd has not heard of it in time, or its connection broke. */
static void lose_client(struct world *world, int who)
{
        world->client[who] = (struct client){ 0 };
        world->node[who].reports = 0;
        memset(world->node[who].report, 0, sizeof world->node[who].report);
        decide(world, 1 - who);
}

static void lose_connection(struct world *world, int who)
{
        struct node *node = &world->node[who];
        node->connection = 0;
        node->reports = node->votes = 0;
        memset(node->report, 0, sizeof node->report);
        memset(node->vote, 0, sizeof node->vote);
        first_answer(world, who, false);
}

static void connect_again(struct world *world, int who)
{
        struct node *node = &world->node[who];
        node->connection = world->client[who].connection = ++world->connections;
        send_report(world, who, (struct report){ .ring = node->ring, .members = node->members });
}

static bool are_together(const struct world *world)
{
        return world->node[0].alive && world->node[1].alive && world->node[0].ring == world->node[1].ring;
}

static void begin_epoch_together(struct world *world)
{
        if (world->newest != world->node[0].epoch && world->newest != world->node[1].epoch)
                violated = true;
        world->newest = world->node[0].epoch = world->node[1].epoch = ++world->epochs;
        world->node[0].alone = world->node[1].alone = 0;
}

static void contact(struct world *world, int who)
{
        struct node *node = &world->node[who];
        world->contacts++;
        qnetd_claim_arm(&world->claim[who], node->ring, connection_told(node->seen), node->epoch, 3);
}

static bool may_go_on_alone(const struct world *world, int who)
{
        const struct node *node = &world->node[who];
        node_set other = node_set_of(2 - (uint32_t)who);
        return node->alive && node->members == 1 << who &&
               (node->alone || qnetd_claim_counts(&world->claim[who], node->epoch, other, other));
}

static void go_on_alone(struct world *world, int who)
{
        goings_on++;
        if (world->node[who].epoch != world->newest)
                violated = true;
        world->newest = world->node[who].epoch = ++world->epochs;
        world->node[who].alone = 1;
}

static void boot(struct world *world, int who)
{
        struct node *node = &world->node[who];
        *node = (struct node){ .alive = 1, .epoch = node->epoch, .alone = node->alone };
        world->claim[who] = (struct qnetd_claim){ 0 };
        form_ring(world, who, ++world->rings, (uint8_t)(1 << who));
}

/* Of one node; false: it cannot be taken. */
static bool take_step(struct world *world, int who, int step)
{
        struct node *node = &world->node[who];
        struct client *client = &world->client[who];
        switch (step) {
        case 0:
        case 1:
                if (node->reports == 0 || client->connection != node->connection ||
                    (step == 1 && node->report[0].reply))
                        return false;
                take_report(world, who, step);
                return true;
        case 2:
                if (!node->alive || node->votes == 0)
                        return false;
                take_vote(world, who);
                return true;
        case 3:
                if (client->connection == 0)
                        return false;
                lose_client(world, who);
                return true;
        case 4:
                if (!node->alive || node->connection == 0 || node->connection == client->connection)
                        return false;
                lose_connection(world, who);
                return true;
        case 5:
                if (!node->alive || node->connection != 0 || client->connection != 0 ||
                    world->connections == most.connections)
                        return false;
                connect_again(world, who);
                return true;
        case 6:
                if (!node->alive || world->rings == most.rings)
                        return false;
                form_ring(world, who, ++world->rings, (uint8_t)(1 << who));
                return true;
        case 7:
                if (!node->alive || node->seen == node->connection)
                        return false;
                node->seen = node->connection;
                qnetd_claim_connection(&world->claim[who], connection_told(node->seen));
                return true;
        case 8:
                if ((!are_together(world) && weakness != CONTACT) || node->epoch == 0 || node->members == 0 ||
                    (!node->alive) || world->contacts == most.contacts ||
                    qnetd_claim_is_armed(&world->claim[who]) ||
                    (weakness != CONTACT && world->node[0].epoch != world->node[1].epoch))
                        return false;
                contact(world, who);
                return true;
        case 9:
                if (!may_go_on_alone(world, who) || world->epochs == most.epochs)
                        return false;
                go_on_alone(world, who);
                return true;
        case 10:
                if (!node->alive || world->deaths == most.deaths)
                        return false;
                world->deaths++;
                node->alive = 0;
                return true;
        case 11:
                if (node->alive || world->rings == most.rings)
                        return false;
                boot(world, who);
                return true;
        default:
                return false;
        }
}

enum { NODE_STEPS = 12 };

/* Of both. */
static bool take_common_step(struct world *world, int step)
{
        switch (step) {
        case 0:
                if (!world->node[0].alive || !world->node[1].alive || world->rings == most.rings)
                        return false;
                world->rings++;
                form_ring(world, 0, world->rings, 3);
                form_ring(world, 1, world->rings, 3);
                return true;
        case 1:
                if (!are_together(world) || world->epochs == most.epochs)
                        return false;
                begin_epoch_together(world);
                return true;
        case 2:
                if (world->restarts == most.restarts)
                        return false;
                world->restarts++;
                memset(world->client, 0, sizeof world->client);
                world->refusing = 0;
                return true;
        default:
                return false;
        }
}

enum { COMMON_STEPS = 3 };

static void explore(const struct world *world)
{
        if (violated || world->blocked || !visit(world))
                return;
        for (int choice = 0; choice < NODES * NODE_STEPS + COMMON_STEPS; choice++) {
                struct world next = *world;
                bool taken = choice < NODES * NODE_STEPS
                                     ? take_step(&next, choice / NODE_STEPS, choice % NODE_STEPS)
                                     : take_common_step(&next, choice - NODES * NODE_STEPS);
                if (taken)
                        explore(&next);
        }
}

/* Both up and level in epoch 1, in one ring, connected, and each has seen its connection. */
static void explore_all(const struct bounds *bounds, enum weakness left_out)
{
        struct world world;
        memset(&world, 0, sizeof world);
        world.rings = world.newest = world.epochs = 1;
        world.connections = 1;
        for (int who = 0; who < NODES; who++) {
                world.node[who] = (struct node){ .alive = 1,
                                                 .ring = 1,
                                                 .members = 3,
                                                 .answered = 1,
                                                 .connection = 1,
                                                 .seen = 1,
                                                 .epoch = 1 };
                world.client[who] = (struct client){ .connection = 1, .ring = 1, .members = 3 };
                world.claim[who].ring = 1;
        }
        most = *bounds;
        weakness = left_out;
        violated = false;
        states = goings_on = 0;
        visited = calloc(UINT64_C(1) << VISITED_BITS, sizeof *visited);
        ck_assert_ptr_nonnull(visited);
        explore(&world);
        free(visited);
}

/* Rings that come and go, then connections that do. */
static const struct bounds explored[] = {
        { .rings = 4, .connections = 1, .epochs = 3, .contacts = 2, .waiting = 2 },
        { .rings = 4,
          .connections = 1,
          .epochs = 3,
          .contacts = 2,
          .deaths = 1,
          .restarts = 1,
          .waiting = 1 },
        { .rings = 3, .connections = 2, .epochs = 3, .contacts = 2, .waiting = 1 },
};

START_TEST(no_two_go_on_alone_and_nobody_from_the_past)
{
        explore_all(&explored[_i], NOTHING);
        ck_assert(!violated);
        ck_assert_uint_gt(goings_on, 1000);
}
END_TEST

static const struct {
        enum weakness left_out;
        size_t bounds; /* in which it shows */
} parts[] = { { FIRST_ANSWER, 0 }, { CONNECTION, 2 }, { CONTACT, 0 }, { RING, 0 } };

START_TEST(each_part_of_the_rule_is_needed)
{
        explore_all(&explored[parts[_i].bounds], parts[_i].left_out);
        ck_assert(violated);
}
END_TEST

int main(void)
{
        TCase *tcase = tcase_create("world");
        tcase_set_timeout(tcase, 300); /* seconds of a machine that is busy */
        tcase_add_loop_test(tcase, no_two_go_on_alone_and_nobody_from_the_past, 0,
                            sizeof explored / sizeof explored[0]);
        tcase_add_loop_test(tcase, each_part_of_the_rule_is_needed, 0, sizeof parts / sizeof parts[0]);

        Suite *suite = suite_create("qnetd_world");
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
