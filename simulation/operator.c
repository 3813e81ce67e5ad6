/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Somebody who gives commands at random, on any node, at any time. */

#include <errno.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "simulation/operator_words.h"
#include "simulation/world.h"

/* Many clients of one node at once: what the first does not take along goes as one batch. */
#define BURST_MAX 40

static struct random *chance(struct world *world)
{
        return &world->operator.random;
}

static struct simulated_node *random_daemon(struct world *world)
{
        uint32_t first = (uint32_t)random_below(chance(world), world->node_count);
        for (uint32_t i = 0; i < world->node_count; i++) {
                struct simulated_node *node = &world->nodes[1 + (first + i) % world->node_count];
                if (shell_runs(world, node))
                        return node;
        }
        return NULL;
}

static uint32_t random_node(struct world *world)
{
        return 1 + (uint32_t)random_below(chance(world), world->node_count);
}

static uint32_t random_role(struct world *world)
{
        return 1 + (uint32_t)random_below(chance(world), world->operator.names);
}

/* --- what it says --- */

#define WRITE(...) ((void)snprintf(words, INCIDENT_WORDS_BYTES, __VA_ARGS__))

/* " --possible n1,n3 --preferred n3": either, both or none; a preferred one that is not possible is refused.
 */
static void write_nodes(struct world *world, char *words)
{
        uint32_t one = random_node(world), other = random_node(world);
        bool possible = random_chance(chance(world), 150), preferred = random_chance(chance(world), 300);
        words[0] = '\0';
        if (possible && preferred)
                WRITE(" --possible n%u,n%u --preferred n%u", one, other,
                      random_chance(chance(world), 900) ? other : random_node(world));
        else if (possible)
                WRITE(" --possible n%u,n%u", one, other);
        else if (preferred)
                WRITE(" --preferred n%u", one);
}

static uint32_t random_mib(struct world *world)
{
        return world->tight ? 128u << random_below(chance(world), 4) : 256;
}

/* Of a disk: mostly on no volume. */
static const char *random_volume(struct world *world)
{
        static const char *const volumes[] = { "@csv1", "@csv1", "@csv2", "@san1", "@san1" };
        if (world->operator.stores)
                return random_chance(chance(world), 900) ? "@csv1" : "";
        if (world->operator.likes_luns && random_chance(chance(world), 700))
                return "@san1";
        return random_chance(chance(world), 350) ? volumes[random_below(chance(world), 5)] : "";
}

static void write_role_add(struct world *world, char *words)
{
        char nodes[INCIDENT_WORDS_BYTES], what[32];
        uint32_t role = world->operator.to_add> 0 ? world->operator.to_add-- : random_role(world);
        uint32_t priority = (uint32_t)random_below(chance(world), 3);
        bool stopped = random_chance(chance(world), 200), short_stop = random_chance(chance(world), 500);
        write_nodes(world, nodes);
        if (random_chance(chance(world), 150))
                TEXT_PRINT(what, "--ocf web%u", role);
        else
                TEXT_PRINT(what, "--definition %uMiB%s", random_mib(world), random_volume(world));
        WRITE("role add vm%02u %s --priority %u --stop-timeout %u%.60s%s", role, what, priority,
              short_stop ? 1000u : 3000u, nodes, stopped ? " --stopped" : "");
}

static void write_role_set(struct world *world, char *words)
{
        char nodes[INCIDENT_WORDS_BYTES];
        uint32_t role = random_role(world);
        write_nodes(world, nodes);
        if (random_chance(chance(world), 400))
                WRITE("role set vm%02u --note \"note %u\"%.60s", role, role, nodes);
        else
                WRITE("role set vm%02u --definition %uMiB%s%.60s", role, random_mib(world),
                      random_volume(world), nodes);
}

/* In one of four its storage, which goes on for some seconds. */
static void write_role_move(struct world *world, char *words)
{
        uint32_t role = random_role(world);
        if (random_chance(chance(world), 750))
                WRITE("role move vm%02u --node n%u", role, random_node(world));
        else if (random_chance(chance(world), 150))
                WRITE("role move vm%02u --abort", role);
        else
                WRITE("role move vm%02u --storage csv%u%s", role,
                      1 + (unsigned)random_below(chance(world), 2),
                      random_chance(chance(world), 200) ? " --keep-old" : "");
}

/* At most one node is kept empty at a time, as far as the asked node knows. */
static void write_drain(struct world *world, const struct simulated_node *node, char *words)
{
        bool down = random_chance(chance(world), 200);
        WRITE("node %s n%u --reason maintenance", down ? "shut-down" : "drain", random_node(world));
        MODEL_EACH_NODE (cluster_model(node->core), known)
                if (known->duty != DUTY_ACTIVE)
                        WRITE("node resume %s", known->name);
}

/* A careful one: looks at the power lamp before vouching, though not at whether the cluster has missed it. */
static void write_confirm_off(struct world *world, const struct simulated_node *node, char *words)
{
        WORLD_EACH_NODE (world, other) {
                const struct node *known = model_node(cluster_model(node->core), other->id);
                if (other->powered || known == NULL || known->state == NODE_DOWN)
                        continue;
                WRITE("node confirm-off %s --reason \"looked at it\"", other->name);
                return;
        }
}

/* One that seems to be gone, or that is empty. */
static void write_evict(const struct simulated_node *node, char *words)
{
        MODEL_EACH_NODE (cluster_model(node->core), known)
                if (known->state == NODE_DOWN || known->duty == DUTY_DRAINED)
                        WRITE("node evict %s --yes", known->name);
}

static void write_fence_add(struct world *world, char *words)
{
        if (world->operator.isolates ||(world->operator.likes_luns && random_chance(chance(world), 700)))
                return;
        uint32_t number = random_node(world);
        uint32_t level = 1 + (uint32_t)random_below(chance(world), 2);
        uint32_t other = random_chance(chance(world), 800) ? number : random_node(world);
        if (random_chance(chance(world), 400))
                WRITE("fence add feed-%c%u --agent fence_simulated --nodes n%u --level %u --together 2 "
                      "--timeout 3000",
                      random_chance(chance(world), 500) ? 'a' : 'b', number, number, level);
        else if (other == number)
                WRITE("fence add ipmi%u --agent fence_simulated --nodes n%u --level %u --timeout 3000",
                      number, number, level);
        else
                WRITE("fence add ipmi%u --agent fence_simulated --nodes n%u,n%u --level %u --timeout 3000",
                      number, number, other, level);
}

#define ADD_SAN "volume add san1 --kind iscsi --portal san --target iqn.2026-11.san1"

/* One that is there already mostly keeps its name for itself. */
static void write_volume(struct world *world, char *words)
{
        unsigned number = world->operator.stores ? 1 : 1 +(unsigned) random_below(chance(world), 4);
        if (number >= 3 || (world->operator.likes_luns && !world->operator.stores))
                WRITE(ADD_SAN);
        else if (world->operator.stores || random_chance(chance(world), 700))
                WRITE("volume add csv%u --kind directory --path /csv%u", number, number);
        else
                WRITE("volume remove csv%u", number);
}

static void write_cluster_set(struct world *world, char *words)
{
        static const uint32_t holds_ms[] = { ISOLATION_HOLD_LEAST_MS, 9000, 15000 };
        if (random_chance(chance(world), 300))
                WRITE("cluster set --max-moves %u", 1 + (unsigned)random_below(chance(world), 3));
        else
                WRITE("cluster set --isolation-hold %u", holds_ms[random_below(chance(world), 3)]);
}

static void write_quorum_set(struct world *world, char *words)
{
        if (random_chance(chance(world), 500))
                WRITE("quorum set --dynamic %s", random_chance(chance(world), 500) ? "on" : "off");
        else
                WRITE("quorum set --node n%u --priority %u", random_node(world),
                      (unsigned)random_below(chance(world), 3));
}

static void write_words(struct world *world, const struct simulated_node *node, char *words)
{
        uint64_t draw = random_below(chance(world), 100);
        if (world->operator.stores && model_volume(cluster_model(node->core), "csv1") == NULL && draw < 60) {
                write_volume(world, words);
        } else if (draw < 25 || world->operator.to_add> 0) {
                write_role_add(world, words);
        } else if (draw < 50) {
                write_role_move(world, words);
        } else if (draw < 65) {
                WRITE("role start vm%02u", random_role(world));
        } else if (draw < 75) {
                uint32_t role = random_role(world);
                WRITE("role stop vm%02u%s", role, random_chance(chance(world), 300) ? " --force" : "");
        } else if (draw < 78) {
                WRITE("role remove vm%02u", random_role(world));
        } else if (draw < 79 && random_chance(chance(world), 300)) {
                WRITE("cluster pause --for %us", (unsigned)random_between(chance(world), 1, 20));
        } else if (draw < 82) {
                write_role_set(world, words);
        } else if (draw < 88) {
                write_drain(world, node, words);
        } else if (draw < 91) {
                write_confirm_off(world, node, words);
        } else if (draw < 97) {
                write_fence_add(world, words);
        } else if (draw < 98 && random_chance(chance(world), 500)) {
                write_volume(world, words);
        } else if (draw < 98) {
                WRITE("fence remove ipmi%u", random_node(world));
        } else if (draw < 99) {
                if (random_chance(chance(world), 500))
                        write_cluster_set(world, words);
                else
                        write_quorum_set(world, words);
        } else if (random_chance(chance(world), 200)) {
                write_evict(node, words);
        } else if (random_chance(chance(world), 500)) {
                WRITE("node fence n%u --reason \"it smells\"", random_node(world));
        } else {
                uint32_t tested = random_node(world);
                WRITE("fence test n%u --really%s", tested,
                      random_chance(chance(world), 600) ? " --force" : "");
        }
}

void operator_on_command(struct world *world, const struct event *event)
{
        (void)event;
        if (world->calm)
                return;
        struct simulated_node *node = random_daemon(world);
        uint64_t count = random_chance(chance(world), 50) ? random_between(chance(world), 2, BURST_MAX) : 1;
        for (; node != NULL && count > 0; count--) {
                struct incident incident = { .kind = INCIDENT_CLU, .node = node->id };
                write_words(world, node, incident.words);
                if (incident.words[0] != '\0')
                        incident_schedule(world, incident, 0);
        }
        uint64_t interval_us = world->operator.to_add> 0 ? MS(1) : world->operator.interval_us;
        world_schedule(world, random_between(chance(world), 1, 2 * interval_us), EVENT_OPERATOR, NULL, 0, 0);
}

/* Of a chance of its own. */
void operator_draw_luns(struct world *world)
{
        struct random random;
        random_init(&random, world->options.seed ^ UINT64_C(0x6c756e73));
        world->operator.likes_luns = random_chance(&random, 200);
        if (!world->operator.likes_luns)
                return;
        WORLD_EACH_NODE (world, node)
                node->has_watchdog &= random_chance(&random, 500);
}

/* The same. */
void operator_draw_isolation(struct world *world)
{
        struct random random;
        random_init(&random, world->options.seed ^ UINT64_C(0x6c6f6e656c79));
        world->operator.isolates = !world->operator.likes_luns && random_chance(&random, 100);
        if (!world->operator.isolates)
                return;
        world->settings.resiliency_ms = (uint32_t)random_between(&random, 1, 8000);
        WORLD_EACH_NODE (world, node)
                node->has_watchdog &= random_chance(&random, 500);
}

/* One node after the other; of a chance of its own. */
static void isolate(struct world *world, uint64_t seconds)
{
        struct random random;
        random_init(&random, world->options.seed ^ UINT64_C(0x616c6f6e65));
        uint64_t at_us = random_between(&random, SECOND(8), SECOND(15));
        while (at_us < SECOND(seconds)) {
                struct incident alone = { .kind = INCIDENT_ISOLATE,
                                          .node = 1 + (uint32_t)random_below(&random, world->node_count),
                                          .duration_us = random_between(&random, SECOND(8), SECOND(30)) };
                incident_schedule(world, alone, at_us);
                at_us += alone.duration_us + random_between(&random, 0, SECOND(15));
        }
}

/* In some worlds somebody turns nodes on, whatever has become of them; of a chance of its own. */
void operator_draw_power(struct world *world, uint64_t seconds)
{
        struct random random;
        random_init(&random, world->options.seed ^ UINT64_C(0x706f7765726f6e));
        if (!random_chance(&random, 150))
                return;
        for (uint64_t at_us = SECOND(5); at_us < SECOND(seconds);
             at_us += random_between(&random, MS(500), SECOND(12))) {
                struct incident on = { .kind = INCIDENT_CLU };
                TEXT_PRINT(on.words, "node power-on n%u",
                           1 + (uint32_t)random_below(&random, world->node_count));
                incident_schedule(world, on, at_us);
        }
}

void operator_begin(struct world *world, uint64_t seconds)
{
        static const uint64_t intervals[] = { MS(100), MS(400), MS(1000), MS(3000) };
        random_init(chance(world), world->options.seed ^ UINT64_C(0x6f70657261746f72));
        world->operator.interval_us = intervals[random_below(chance(world), 4)];
        world->operator.to_add = world->options.roles;
        world->operator.stores = random_chance(chance(world), 300);
        if (world->operator.stores)
                world->faults.weight[FAULT_PATH] += 40;
        if (world->operator.isolates) {
                world->operator.stores = true;
                world->faults.weight[FAULT_ISOLATE] = 0;
                world->faults.interval_us *= 4;
                isolate(world, seconds);
        }
        for (uint64_t at_us = SECOND(3); world->operator.likes_luns && at_us<SECOND(12); at_us += SECOND(3)) {
                struct incident add = { .kind = INCIDENT_CLU, .words = ADD_SAN };
                incident_schedule(world, add, at_us);
        }
        world_schedule(world, SECOND(3), EVENT_OPERATOR, NULL, 0, 0);
}

/* --- carrying it out --- */

static void ask(struct world *world, struct simulated_node *node, const struct command *command,
                const char *words)
{
        struct cluster_event event;
        memset(&event, 0, sizeof(event));
        event.kind = CLUSTER_EVENT_REQUEST;
        event.request.token = ++world->operator.next_token;
        event.request.command = command;
        TEXT_PRINT(event.request.actor, "uid 0");
        world->statistics->requests++;
        tell_asked(world, event.request.token, words);
        shell_step(world, node, &event);
}

/* Who leads, or else the first that answers; NULL if nobody does. */
static struct simulated_node *any_daemon(struct world *world)
{
        struct simulated_node *first = NULL;
        WORLD_EACH_NODE (world, node) {
                struct cluster_status status;
                if (!shell_runs(world, node))
                        continue;
                cluster_status_read(node->core, &status);
                if (status.active && status.leader == node->id)
                        return node;
                first = first == NULL ? node : first;
        }
        return first;
}

void operator_carry_out(struct world *world, const struct incident *incident)
{
        struct simulated_node *node =
                incident->node == NODE_NONE ? any_daemon(world) : &world->nodes[incident->node];
        char error[VERB_ERROR_BYTES];
        struct command command;
        if (node == NULL || !shell_runs(world, node)) {
                tell(world, "no daemon answers", "answer unreachable %s", incident->words);
                return;
        }
        int failed = operator_words_read(incident->words, cluster_model(node->core), &command, error);
        if (failed == 0 && command.kind == COMMAND_VOLUME_ADD)
                command.volume_add.identity = ++world->next_id;
        if (failed == 0 && command.kind == COMMAND_WITNESS_SET) {
                command.witness.witness.identity = ++world->next_id;
                witness_make(world, &command.witness.witness);
        }
        if (failed < 0)
                tell(world, error, "answer %s %s", failed == -ENOENT ? "no-object" : "usage",
                     incident->words);
        else
                ask(world, node, &command, incident->words);
}

/* --- at the end --- */

static void resume(struct world *world, struct simulated_node *leader, uint32_t id)
{
        struct command command;
        memset(&command, 0, sizeof(command));
        command.kind = COMMAND_NODE_RESUME;
        command.node.node = id;
        ask(world, leader, &command, "node resume");
}

static void let_votes_follow(struct world *world, struct simulated_node *leader)
{
        struct command command;
        memset(&command, 0, sizeof(command));
        command.kind = COMMAND_QUORUM_SET;
        command.quorum_set.fields = QUORUM_FIELD_DYNAMIC;
        command.quorum_set.dynamic = true;
        ask(world, leader, &command, "quorum set");
}

/* A node that somebody wanted off, and no device turns off, is switched off and on by hand. */
static void switch_off_and_on(struct world *world, const struct node *known)
{
        struct simulated_node *node = &world->nodes[known->id];
        if (known->state != NODE_LOST || !known->fence_wanted || !node->powered ||
            world->now_us < world->heal_us + SECOND(30) || world->now_us < node->boot_us + SECOND(20))
                return;
        power_off(world, node, "switched off by hand");
        power_boot_later(world, node, SECOND(2));
}

/* Who was evicted joins as a new one, with a blank disk. */
static void make_new(struct world *world, const struct node *known)
{
        struct simulated_node *node = &world->nodes[known->id];
        if (!known->evicted || node_set_has(world->descent.kept_off, known->id) ||
            node_set_has(world->checker.voters, known->id) || world->now_us < node->boot_us + SECOND(20))
                return;
        power_off(world, node, "gets a new disk: it was evicted");
        disk_wipe(&node->disk);
        power_boot_later(world, node, SECOND(2));
}

/* What is lost for good and cannot be fenced, somebody has to look at. */
static void vouch_for_lost(struct world *world, struct simulated_node *leader, const struct node *known)
{
        if (known->state != NODE_LOST || !node_set_has(world->descent.kept_off, known->id) ||
            world->now_us < world->heal_us + SECOND(30))
                return;
        struct command command;
        memset(&command, 0, sizeof(command));
        command.kind = COMMAND_NODE_CONFIRM_OFF;
        command.node.node = known->id;
        command.node.incarnation = known->incarnation;
        ask(world, leader, &command, "node confirm-off");
}

void operator_force(struct world *world, struct simulated_node *node)
{
        struct command command;
        memset(&command, 0, sizeof(command));
        command.kind = COMMAND_QUORUM_FORCE;
        ask(world, node, &command, "quorum force");
}

/* At the end nothing is kept empty or off, so that every role has a place, and votes follow. */
void operator_put_right(struct world *world)
{
        WORLD_EACH_NODE (world, node) {
                struct cluster_status status;
                if (!node->powered && world->now_us > world->heal_us + SECOND(30))
                        power_boot_later(world, node, MS(500));
                if (!shell_runs(world, node))
                        continue;
                cluster_status_read(node->core, &status);
                if (!status.active || status.leader != node->id)
                        continue;
                if (!cluster_model(node->core)->settings.dynamic_quorum)
                        let_votes_follow(world, node);
                for (uint32_t id = 1; id <= world->node_count && node->daemon_life != 0; id++) {
                        const struct node *known = model_node(cluster_model(node->core), id);
                        if (known == NULL)
                                continue;
                        make_new(world, known);
                        switch_off_and_on(world, known);
                        if (node->daemon_life != 0)
                                vouch_for_lost(world, node, known);
                        if (known->duty != DUTY_ACTIVE && node->daemon_life != 0)
                                resume(world, node, id);
                }
        }
}
