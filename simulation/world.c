/* SPDX-License-Identifier: GPL-2.0-or-later */

/* One run: a cluster is made, faults and an operator are let loose on it, then it is given peace. */

#include "simulation/world.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"

#define HEAL_SECONDS_MAX 180
#define REST_SECONDS     3
#define CALM_SECONDS     50 /* longer than a guard and an evidence take */

/* Whose life an event hangs on, and whether a frozen node is late with it. */
enum event_scope { SCOPE_WORLD, SCOPE_POWER, SCOPE_DAEMON };

struct event_rule {
        enum event_scope scope;
        bool waits_for_thaw;
        void (*handle)(struct world *world, const struct event *event);
};

static void on_end(struct world *world, const struct event *event);
static void on_poll(struct world *world, const struct event *event);

static const struct event_rule rules[EVENT_KIND_COUNT] = {
        [EVENT_CORE] = { SCOPE_DAEMON, true, shell_on_core },
        [EVENT_WAKE] = { SCOPE_DAEMON, true, shell_on_wake },
        [EVENT_DELIVER] = { SCOPE_DAEMON, true, network_on_deliver },
        [EVENT_ORDER] = { SCOPE_POWER, true, network_on_order },
        [EVENT_REFORM] = { SCOPE_WORLD, false, network_on_reform },
        [EVENT_DISK] = { SCOPE_DAEMON, true, disk_on_batch },
        [EVENT_JOB] = { SCOPE_POWER, true, hypervisor_on_job },
        [EVENT_DEADLINE] = { SCOPE_DAEMON, true, hypervisor_on_deadline },
        [EVENT_LIST] = { SCOPE_DAEMON, true, hypervisor_on_list },
        [EVENT_RECONNECT] = { SCOPE_POWER, true, hypervisor_on_reconnect },
        [EVENT_VANISH] = { SCOPE_POWER, true, hypervisor_on_vanish },
        [EVENT_EXPORT] = { SCOPE_POWER, true, export_on_order },
        [EVENT_CONNECTION] = { SCOPE_POWER, true, export_on_look },
        [EVENT_STALL] = { SCOPE_POWER, true, stall_on_check },
        [EVENT_COPY] = { SCOPE_DAEMON, true, image_on_copy },
        [EVENT_GATEWAY] = { SCOPE_POWER, true, gateway_on_tick },
        [EVENT_CONFIRMED] = { SCOPE_POWER, true, gateway_on_confirmed },
        [EVENT_PREEMPT] = { SCOPE_POWER, true, gateway_on_preempt },
        [EVENT_LOOK] = { SCOPE_DAEMON, true, volume_on_look },
        [EVENT_LEASE_WRITE] = { SCOPE_WORLD, false, lease_on_write },
        [EVENT_LEASE_DONE] = { SCOPE_DAEMON, true, lease_on_done },
        [EVENT_SIGHT_READ] = { SCOPE_DAEMON, false, lease_on_sight_read },
        [EVENT_SIGHT_DONE] = { SCOPE_DAEMON, true, lease_on_sight_done },
        [EVENT_WITNESS_ASKED] = { SCOPE_WORLD, false, witness_on_asked },
        [EVENT_WITNESS_ANSWER] = { SCOPE_DAEMON, true, witness_on_answer },
        [EVENT_QDEVICE] = { SCOPE_POWER, true, qnetd_on_node },
        [EVENT_QNETD] = { SCOPE_WORLD, false, qnetd_on_qnetd },
        [EVENT_KEEPER] = { SCOPE_POWER, true, keeper_on_tick },
        [EVENT_HELD_PROBE] = { SCOPE_POWER, true, keeper_on_held_probe },
        [EVENT_CONTACT] = { SCOPE_POWER, true, keeper_on_contact },
        [EVENT_WATCHDOG] = { SCOPE_POWER, false, keeper_on_watchdog },
        [EVENT_BOOT] = { SCOPE_WORLD, false, power_on_boot },
        [EVENT_THAW] = { SCOPE_POWER, false, power_on_thaw },
        [EVENT_DAEMON] = { SCOPE_POWER, true, shell_on_start },
        [EVENT_STOP] = { SCOPE_DAEMON, true, shell_on_stop },
        [EVENT_SHUT_DOWN] = { SCOPE_POWER, true, power_on_shut_down },
        [EVENT_LEAVE] = { SCOPE_DAEMON, true, shell_on_leave },
        [EVENT_FENCE_STATUS] = { SCOPE_DAEMON, true, fence_on_status },
        [EVENT_FENCE_SWITCH] = { SCOPE_WORLD, false, fence_on_switch },
        [EVENT_INCIDENT] = { SCOPE_WORLD, false, incident_on_due },
        [EVENT_FAULT] = { SCOPE_WORLD, false, faults_on_fault },
        [EVENT_MEND] = { SCOPE_WORLD, false, faults_on_mend },
        [EVENT_COROSYNC] = { SCOPE_POWER, true, faults_on_corosync },
        [EVENT_OPERATOR] = { SCOPE_WORLD, false, operator_on_command },
        [EVENT_END] = { SCOPE_WORLD, false, on_end },
        [EVENT_POLL] = { SCOPE_WORLD, false, on_poll },
};

static uint64_t life_of(const struct simulated_node *node, enum event_scope scope)
{
        switch (scope) {
        case SCOPE_WORLD:
                return 0;
        case SCOPE_POWER:
                return node->power_life;
        case SCOPE_DAEMON:
                return node->daemon_life;
        }
        return 0;
}

static void schedule(struct world *world, struct event event, struct simulated_node *node)
{
        if (node != NULL) {
                event.node = node->id;
                event.life = life_of(node, rules[event.kind].scope);
        }
        queue_push(&world->queue, event);
}

void world_schedule(struct world *world, uint64_t delay_us, enum event_kind kind, struct simulated_node *node,
                    uint64_t a, uint64_t b)
{
        schedule(world, (struct event){ .time_us = world->now_us + delay_us, .kind = kind, .a = a, .b = b },
                 node);
}

void world_schedule_payload(struct world *world, uint64_t delay_us, enum event_kind kind,
                            struct simulated_node *node, void *payload)
{
        schedule(world,
                 (struct event){ .time_us = world->now_us + delay_us, .kind = kind, .payload = payload },
                 node);
}

void world_note(struct world *world, const struct simulated_node *node, const char *format, ...)
{
        if (!world->transcript.text)
                return;
        va_list arguments;
        va_start(arguments, format);
        transcript_write(&world->transcript, world->now_us, node == NULL ? "-" : node->name, format,
                         arguments);
        va_end(arguments);
}

bool world_mishap(struct world *world, uint32_t per_mille)
{
        return !world->quiet && !world->calm && random_chance(&world->random, per_mille);
}

void world_violate(struct world *world, const char *rule, const struct simulated_node *node, const char *role,
                   const char *format, ...)
{
        if (world->violated)
                return;
        char text[600];
        va_list arguments;
        va_start(arguments, format);
        (void)vsnprintf(text, sizeof(text), format, arguments);
        va_end(arguments);
        world->violated = true;
        TEXT_PRINT(world->violation, "rule %s; at %.4f s; node %s; role %s: %s", rule,
                   (double)world->now_us / 1e6, node == NULL ? "-" : node->name, role == NULL ? "-" : role,
                   text);
        world_note(world, node, "VIOLATION of %s: %s", rule, text);
}

/* --- the end: peace, then everything must come to rest --- */

void world_begin_calm(struct world *world)
{
        if (!world->calm)
                world->calm_us = world->now_us;
        world->calm = true;
        faults_end(world);
}

void world_begin_peace(struct world *world)
{
        if (world->healing)
                return;
        world_note(world, NULL, "peace begins");
        world->peace_step = world->steps;
        world->healing = true;
        world->heal_us = world->now_us;
        world_begin_calm(world);
}

static void on_end(struct world *world, const struct event *event)
{
        (void)event;
        world->finished = true;
}

static void seek_rest(struct world *world)
{
        char text[512] = "";
        operator_put_right(world);
        bool at_rest = world->descent.apart     ? descent_has_parted(world)
                       : world->descent.stalled ? descent_is_silent(world)
                                                : convergence_reached(world, text, sizeof(text));
        if (!at_rest) {
                world->rest_since_us = 0;
                if (world->now_us - world->heal_us > SECOND(HEAL_SECONDS_MAX))
                        world_violate(world, "stuck", NULL, NULL, "%s", text);
        } else if (world->rest_since_us == 0) {
                world->rest_since_us = world->now_us;
        } else if (world->now_us - world->rest_since_us >= SECOND(REST_SECONDS)) {
                world->rest_since_us = 0;
                world->finished = !descent_goes_on(world);
        }
}

static void on_poll(struct world *world, const struct event *event)
{
        (void)event;
        liveness_check(world);
        if (world->healing)
                seek_rest(world);
        world_schedule(world, SECOND(1), EVENT_POLL, NULL, 0, 0);
}

/* --- making a cluster --- */

/* Of a thousand worlds, so many have so many nodes, and at most so many seconds of faults. */
static const struct size {
        uint32_t worlds, nodes, seconds;
} sizes[] = {
        { 30, 1, 120 }, { 80, 2, 120 }, { 420, 3, 120 }, { 100, 4, 120 }, { 244, 5, 120 },
        { 30, 6, 120 }, { 80, 7, 120 }, { 15, 16, 60 },  { 1, 64, 20 },
};

static const struct size *size_draw(struct random *random)
{
        uint64_t draw = random_below(random, 1000);
        const struct size *size = sizes;
        while (draw >= size->worlds)
                draw -= (size++)->worlds;
        return size;
}

/* A world of few roles lets commands meet on one of them; in some there are more than the cluster takes. */
static void roles_draw(struct world *world, struct random *random)
{
        uint32_t names = world->node_count < 8 ? 8 : 2 * world->node_count;
        if (random_chance(random, 50))
                names *= (uint32_t)random_between(random, 2, 5);
        bool crowded = random_chance(random, 30);
        if (world->options.roles != 0) {
                names = world->options.roles;
                crowded = false;
        }
        world->operator.names = names;
        world->roles_max = crowded ? names / 2 : names;
        names_init(&world->names, names);
}

/* Returns for how long faults may go on at most. */
static uint32_t sizes_draw(struct world *world, struct random *random)
{
        const struct size *size = size_draw(random);
        world->node_count = world->options.nodes != 0 ? world->options.nodes : size->nodes;
        roles_draw(world, random);
        return world->node_count == size->nodes ? size->seconds : 120;
}

static void settings_draw(struct world *world, struct random *random)
{
        struct settings *settings = &world->settings;
        *settings = settings_default;
        TEXT_COPY(settings->cluster_name, "simulated");
        settings->voters = 0;
        WORLD_EACH_NODE (world, node)
                settings->voters |= node_set_of(node->id);
        settings->moves_max = (uint32_t)random_between(random, 1, 3);
        settings->isolation_hold_ms = random_chance(random, 500) ? 4000 : 7000;
        settings->stop_grace_ms = 1500;
        settings->watchdog_ms = 2000;
        settings->margin_ms = 1000;
        settings->quarantine_losses = (uint32_t)random_below(random, 4);
        settings->quarantine_window_ms = 60000;
        settings->quarantine_ms = (uint32_t)random_between(random, 1000, 60000);
        if (random_chance(random, 300)) {
                settings->lease_renew_ms = (uint32_t)random_between(random, 300, 1500);
                settings->lease_stop_ms = (uint32_t)random_between(random, 500, 2000);
                settings->lease_ms = 3 * settings->lease_renew_ms + settings->lease_stop_ms +
                                     (uint32_t)random_between(random, 0, 2000);
        }
        settings->resiliency_ms = (uint32_t)random_between(random, 0, 40000);
        settings->stall_limit_ms =
                random_chance(random, 500) ? 0 : (uint32_t)random_between(random, 5000, 60000);
}

static void node_create(struct world *world, struct simulated_node *node)
{
        if (node->name[0] == '\0')
                TEXT_PRINT(node->name, "n%u", node->id);
        node->drift_ppm = (int32_t)random_between(&world->random, 0, 400) - 200;
        node->wall_offset_ms = (int64_t)random_below(&world->random, 10000) - 5000;
        node->memory.generation = calloc(world->names.max, sizeof(*node->memory.generation));
        assert(node->memory.generation != NULL);
        node->watchdog_from_us = node->has_watchdog ? 0 : UINT64_MAX;
        hypervisor_create(world, node);
        disk_create(&node->disk, &world->settings);
        uint64_t boot_us = random_between(&world->random, 0, MS(800));
        if (world->options.scenario == NULL || world->options.scenario->cold)
                power_boot_later(world, node, boot_us);
}

/* What the cluster is: drawn apart from what chance does to it. Returns for how long faults go on. */
static uint64_t cluster_draw(struct world *world, struct random *random)
{
        uint32_t seconds_max = sizes_draw(world, random);
        for (uint32_t id = 1; id <= world->node_count; id++)
                world->nodes[id].id = id;
        settings_draw(world, random);
        world->tight = world->options.roles == 0 && random_chance(random, 250);
        WORLD_EACH_NODE (world, node) {
                node->has_watchdog = !random_chance(random, 100);
                node->memory_mib = world->tight ? 512u << random_below(random, 4) : 16384;
                node->cpus = 16;
        }
        operator_draw_luns(world);
        operator_draw_isolation(world);
        return random_between(random, 15, seconds_max);
}

/* Some are left as they are for a while first: nodes off, drained, or to be turned off. */
static void end_draw(struct world *world, struct random *random, uint64_t seconds)
{
        bool calm = random_chance(random, 100);
        uint64_t peace_us = SECOND(seconds) + (calm ? SECOND(CALM_SECONDS) : 0);
        uint32_t off = 1 + (uint32_t)random_below(random, 2 * world->node_count);
        if (calm)
                incident_schedule(world, (struct incident){ .kind = INCIDENT_CALM }, SECOND(seconds));
        if (calm && off <= world->node_count && world->node_count > 2)
                incident_schedule(world,
                                  (struct incident){ .kind = INCIDENT_POWER_OFF,
                                                     .node = off,
                                                     .duration_us = SECOND(CALM_SECONDS) },
                                  SECOND(seconds));
        incident_schedule(world, (struct incident){ .kind = INCIDENT_PEACE }, peace_us);
}

static void incidents_draw(struct world *world, struct random *random, uint64_t seconds)
{
        faults_begin(world);
        operator_begin(world, seconds);
        operator_draw_power(world, seconds);
        witness_draw(world, seconds);
        end_draw(world, random, seconds);
}

static void world_create(struct world *world)
{
        struct random random;
        const struct incident_list *play = world->options.play;
        const struct scenario *scenario = world->options.scenario;
        uint64_t seconds = 0;
        random_init(&random, world->options.seed ^ UINT64_C(0x636c7573746572));
        if (scenario != NULL)
                scenario_make_cluster(world, scenario);
        else
                seconds = cluster_draw(world, &random);
        world->descent.wanted = scenario == NULL && world->node_count > 1 && world->node_count < 8 &&
                                random_chance(&random, 150);
        descent_draw(world);
        world->troubles = calloc(world->names.max, sizeof(*world->troubles));
        world->images = calloc(world->names.max, sizeof(*world->images));
        world->luns = calloc(world->names.max, sizeof(*world->luns));
        assert(world->troubles != NULL && world->images != NULL && world->luns != NULL);
        history_begin(world);
        liveness_begin(world);
        coverage_begin(world);
        WORLD_EACH_NODE (world, node)
                node_create(world, node);
        world_schedule(world, SECOND(1), EVENT_POLL, NULL, 0, 0);
        if (scenario != NULL)
                scenario_begin(world, scenario);
        else if (play == NULL)
                incidents_draw(world, &random,
                               world->options.seconds != 0 ? world->options.seconds : seconds);
        for (size_t i = 0; play != NULL && i < play->count; i++)
                incident_schedule(world, play->item[i], play->item[i].at_us);
}

/* --- running --- */

/* 0: it is not late, for nothing stands still that it needs. */
static uint64_t late_until_us(const struct world *world, const struct simulated_node *node,
                              const struct event_rule *rule)
{
        if (node->frozen && rule->waits_for_thaw)
                return node->thaw_us;
        return rule->scope == SCOPE_DAEMON && world->now_us < node->daemon_thaw_us ? node->daemon_thaw_us : 0;
}

static void world_dispatch(struct world *world, struct event *event)
{
        const struct event_rule *rule = &rules[event->kind];
        struct simulated_node *node = event->node != NODE_NONE ? &world->nodes[event->node] : NULL;
        if (rule->scope != SCOPE_WORLD && (event->life == 0 || event->life != life_of(node, rule->scope)))
                return;
        uint64_t thaw_us = node == NULL ? 0 : late_until_us(world, node, rule);
        if (thaw_us != 0) {
                struct event late = *event;
                late.time_us = thaw_us;
                event->payload = NULL;
                queue_push(&world->queue, late);
                return;
        }
        if (event->kind != EVENT_FAULT && event->kind != EVENT_OPERATOR) { /* a played run draws nothing */
                transcript_mix(&world->transcript, event->time_us * 31 + event->kind);
                transcript_mix(&world->transcript, event->node * UINT64_C(1000003) + event->b);
        }
        rule->handle(world, event);
}

static void cut_power(struct world *world)
{
        world->cutting = true;
        NODE_SET_EACH (world->options.cut.nodes, id) {
                struct simulated_node *node = &world->nodes[id];
                power_off(world, node, "it is cut");
                node->dark = true;
                power_boot_later(world, node, random_between(&world->random, MS(500), MS(4000)));
        }
        world->cutting = false;
        world->options.cut.step = 0;
        world_begin_peace(world);
}

bool world_run(struct world *world, const struct world_options *options, struct cluster_actions *actions,
               struct statistics *statistics, struct incident_list *record)
{
        memset(world, 0, sizeof(*world));
        world->record = record;
        world->options = *options;
        world->actions = actions;
        world->statistics = statistics;
        random_init(&world->random, options->seed);
        transcript_init(&world->transcript, options->text, options->verbose);
        world_create(world);
        uint64_t views = statistics->views;
        struct event event;
        while (!world->violated && !world->finished && queue_pop(&world->queue, &event)) {
                assert(event.time_us >= world->now_us);
                world->now_us = event.time_us;
                world_dispatch(world, &event);
                free(event.payload);
                if (world->options.cut.step != 0 && world->steps >= world->options.cut.step)
                        cut_power(world);
        }
        statistics->simulated_us += world->now_us;
        statistics->entries += world->checker.count;
        statistics->seeds++;
        views = (statistics->views - views) / world->node_count;
        if (views > statistics->max_views)
                statistics->max_views = views;
        return !world->violated;
}

void world_release(struct world *world)
{
        network_release(world);
        WORLD_EACH_NODE (world, node) {
                disk_release(&node->disk);
                hypervisor_release(world, node);
                free(node->memory.generation);
                free(node->core);
        }
        history_release(world);
        liveness_release(world);
        names_release(&world->names);
        telling_release(world);
        free(world->troubles);
        free(world->images);
        free(world->luns);
        coverage_release(world);
        transcript_release(&world->transcript);
        queue_release(&world->queue);
}
