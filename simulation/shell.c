/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What clusterd's main program does around the core: events in, actions carried out in order. */

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "simulation/world.h"

#define WAKES_IN_A_ROW_MAX 2000

static void check_definition(struct world *world, struct simulated_node *node,
                             const struct cluster_action *action)
{
        uint8_t definition = action->role.definition_hash[0];
        if (definition != 0 && !disk_has_definition(&node->disk, definition))
                world_violate(world, "store", node, action->role.name, "its definition %u is not held here",
                              definition);
}

/* What is worth breaking while it is under way: a change of the view, and what acts on the world. */
static bool is_worth_breaking(const struct world *world, const struct cluster_action *action)
{
        if (action->kind != CLUSTER_ACTION_MULTICAST)
                return action->kind == CLUSTER_ACTION_START || action->kind == CLUSTER_ACTION_STOP ||
                       action->kind == CLUSTER_ACTION_MOVE || action->kind == CLUSTER_ACTION_COPY ||
                       action->kind == CLUSTER_ACTION_EXPORT || action->kind == CLUSTER_ACTION_REDIRECT ||
                       action->kind == CLUSTER_ACTION_RETURN || action->kind == CLUSTER_ACTION_FENCE ||
                       action->kind == CLUSTER_ACTION_SEND_SNAPSHOT;
        const struct message *message = &world->actions->messages[action->message];
        if (message->kind == MESSAGE_WITNESS)
                return true;
        return message->kind != MESSAGE_HEARTBEAT && message->kind != MESSAGE_STORED &&
               (message->kind != MESSAGE_PROPOSE || message->propose.command.kind == COMMAND_EPOCH ||
                message->propose.command.kind == COMMAND_VOTER_SET);
}

static void note_round(struct simulated_node *node, const struct round_id *round)
{
        if (round_id_equal(&node->round, round))
                return;
        node->round_before = node->round;
        node->round = *round;
}

/* It ends when the step is over, and its supervisor starts it again. */
static void restart(struct world *world, struct simulated_node *node)
{
        if (node->stopping_us != 0)
                return;
        node->stopping_us = world->now_us;
        world_schedule(world, 0, EVENT_STOP, node, random_between(&world->random, MS(200), MS(400)), 0);
}

static void carry_out(struct world *world, struct simulated_node *node, const struct cluster_action *action)
{
        if (world->transcript.text)
                shell_note(world, node, action);
        checker_action(world, node, action);
        tell_action(world, node, action);
        coverage_action(world, action);
        if (is_worth_breaking(world, action))
                faults_aim(world, node);
        switch (action->kind) {
        case CLUSTER_ACTION_MULTICAST:
                assert(action->message < world->actions->message_count);
                note_round(node, &world->actions->messages[action->message].round);
                network_send(world, node, &world->actions->messages[action->message]);
                return;
        case CLUSTER_ACTION_APPEND:
        case CLUSTER_ACTION_TRUNCATE:
        case CLUSTER_ACTION_PROMISE:
        case CLUSTER_ACTION_PUT_OBJECT:
        case CLUSTER_ACTION_DELETE_OBJECT:
        case CLUSTER_ACTION_APPLIED:
        case CLUSTER_ACTION_RESET:
        case CLUSTER_ACTION_SEND_ENTRIES:
        case CLUSTER_ACTION_SEND_SNAPSHOT:
                disk_write(world, node, action);
                return;
        case CLUSTER_ACTION_SHUT_DOWN:
                power_shut_down(world, node);
                return;
        case CLUSTER_ACTION_RESTART:
                restart(world, node);
                return;
        case CLUSTER_ACTION_REPLY:
                checker_reply(world, node, action);
                return;
        case CLUSTER_ACTION_START:
                check_definition(world, node, action);
                hypervisor_carry_out(world, node, action);
                return;
        case CLUSTER_ACTION_STOP:
        case CLUSTER_ACTION_MOVE:
        case CLUSTER_ACTION_RESUME:
        case CLUSTER_ACTION_REDIRECT:
        case CLUSTER_ACTION_RETURN:
        case CLUSTER_ACTION_PREPARE:
        case CLUSTER_ACTION_LIST:
                hypervisor_carry_out(world, node, action);
                return;
        case CLUSTER_ACTION_EXPORT:
                export_carry_out(world, node, action);
                return;
        case CLUSTER_ACTION_CONFIRM:
                gateway_confirm(world, node, action);
                return;
        case CLUSTER_ACTION_PREEMPT:
                gateway_preempt(world, node, action);
                return;
        case CLUSTER_ACTION_COPY:
                image_carry_out(world, node, action);
                return;
        case CLUSTER_ACTION_LOOK:
                volume_look(world, node, action);
                return;
        case CLUSTER_ACTION_LEASE:
                lease_carry_out(world, node, action);
                return;
        case CLUSTER_ACTION_SIGHT:
        case CLUSTER_ACTION_REVOKE:
                lease_look(world, node, action);
                return;
        case CLUSTER_ACTION_WITNESS:
                witness_carry_out(world, node, action);
                return;
        case CLUSTER_ACTION_ATTEND_QNETD:
                qnetd_attend(world, node, action);
                return;
        case CLUSTER_ACTION_FORGET_VOLUME:
                volume_forget(world, node, action);
                return;
        case CLUSTER_ACTION_FENCE:
                fence_begin(world, node, action);
                return;
        case CLUSTER_ACTION_GUARD:
                keeper_arm(world, node, action->guard.armed, action->guard.arming);
                checker_all_armed(world, node);
                return;
        case CLUSTER_ACTION_FORGET_WITNESS:
                witness_forget(world, node, action->witness.whom.identity);
                return;
        case CLUSTER_ACTION_FENCE_END: /* too late: what the agent asked of its device takes its course */
        case CLUSTER_ACTION_ANNOUNCE:
        case CLUSTER_ACTION_LOG:
        case CLUSTER_ACTION_COUNT:
                return;
        }
}

static void set_wake(struct world *world, struct simulated_node *node, uint64_t wake_at_ms)
{
        node->wake_serial++;
        if (wake_at_ms == TIME_NEVER)
                return;
        uint64_t at_us = node_clock_to_us(node, wake_at_ms);
        uint64_t late_us = random_chance(&world->random, 10) ? random_between(&world->random, MS(2), MS(50))
                                                             : random_between(&world->random, 50, MS(1));
        uint64_t delay_us = (at_us > world->now_us ? at_us - world->now_us : 0) + late_us;
        world_schedule(world, delay_us, EVENT_WAKE, node, node->wake_serial, 0);
}

/* As clusterd does, which looks once a second. */
static void leave_if_evicted(struct world *world, struct simulated_node *node)
{
        struct cluster_status status;
        if (node->loading || node->leaving || !node->station.attached)
                return;
        cluster_status_read(node->core, &status);
        if (!status.evicted)
                return;
        node->leaving = true;
        world_schedule(world, random_between(&world->random, MS(1), SECOND(1)), EVENT_LEAVE, node, 0, 0);
}

#define STOP_US      SECOND(3) /* as in clusterd/daemon.c */
#define STOP_LOOK_US MS(10)

void shell_on_stop(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        if (!cluster_may_leave(node->core) && world->now_us - node->stopping_us < STOP_US) {
                world_schedule(world, STOP_LOOK_US, EVENT_STOP, node, event->a, 0);
                return;
        }
        uint64_t start_after_us = event->a;
        shell_stop(world, node);
        if (start_after_us != 0)
                shell_start_later(world, node, start_after_us);
}

void shell_stop_in_order(struct world *world, struct simulated_node *node, uint64_t start_after_us)
{
        struct cluster_event leaving = { .kind = CLUSTER_EVENT_LEAVING };
        if (node->daemon_life == 0 || node->stopping_us != 0)
                return;
        node->stopping_us = world->now_us;
        shell_step(world, node, &leaving);
        world_schedule(world, 0, EVENT_STOP, node, start_after_us, 0);
}

void shell_on_leave(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        struct cluster_event view = { .kind = CLUSTER_EVENT_VIEW };
        struct cluster_status status;
        node->leaving = false;
        cluster_status_read(node->core, &status);
        if (!status.evicted)
                return;
        tell(world, "it was evicted", "clusterd %s leaves", node->name);
        network_leave(world, node);
        shell_step(world, node, &view);
}

void shell_step(struct world *world, struct simulated_node *node, struct cluster_event *event)
{
        if (node->core == NULL || node->daemon_life == 0)
                return;
        event->now_ms = node_clock_ms(world, node);
        event->wall_ms = INT64_C(1700000000000) + node->wall_offset_ms + (int64_t)(world->now_us / 1000) +
                         world->options.wall_shift_ms;
        event->kept_ms = node->keeper.state.contact_ms;
        struct cluster_actions *actions = world->actions;
        node->disk.logged_reset = false;
        if (event->kind == CLUSTER_EVENT_REQUEST)
                disk_put_definition(&node->disk, disk_definition_of(event->request.command));
        world->statistics->steps++;
        coverage_event(world, event);
        world->steps++;
        cluster_step(node->core, event, actions);
        assert(actions->count <= CLUSTER_ACTIONS_MAX && actions->message_count <= CLUSTER_MESSAGES_MAX);
        transcript_mix(&world->transcript, actions->count * 257 + actions->message_count);
        for (size_t i = 0; i < actions->count; i++) {
                transcript_mix(&world->transcript, (uint64_t)actions->item[i].kind);
                carry_out(world, node, &actions->item[i]);
        }
        disk_kick(world, node);
        set_wake(world, node, actions->wake_at_ms);
        checker_after_step(world, node);
        leave_if_evicted(world, node);
}

void shell_send_later(struct world *world, struct simulated_node *node, const struct cluster_event *event,
                      uint64_t delay_us)
{
        struct cluster_event *kept = malloc(sizeof(*kept));
        assert(kept != NULL);
        *kept = *event;
        world_schedule_payload(world, delay_us, EVENT_CORE, node, kept);
}

void shell_on_core(struct world *world, const struct event *event)
{
        shell_step(world, &world->nodes[event->node], event->payload);
}

void shell_on_wake(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        if (event->a != node->wake_serial)
                return; /* set anew since */
        struct cluster_event wake = { .kind = CLUSTER_EVENT_WAKE };
        uint64_t before_ms = node_clock_ms(world, node);
        shell_step(world, node, &wake);
        bool at_once = world->actions->wake_at_ms <= before_ms;
        node->wakes_in_a_row = at_once ? node->wakes_in_a_row + 1 : 0;
        if (node->wakes_in_a_row > WAKES_IN_A_ROW_MAX)
                world_violate(world, "stuck", node, NULL, "asks to be woken at once, again and again");
}

static void load_objects(struct world *world, struct simulated_node *node)
{
        struct cluster_event event = { .kind = CLUSTER_EVENT_LOAD_OBJECT };
        for (size_t i = 0; i < node->disk.object_count; i++) {
                struct object object = node->disk.objects[i];
                event.object = &object;
                shell_step(world, node, &event);
        }
}

static void load_entries(struct world *world, struct simulated_node *node)
{
        struct cluster_event event = { .kind = CLUSTER_EVENT_LOAD_ENTRY };
        for (size_t i = 0; i < node->disk.entry_count; i++) {
                struct entry entry = node->disk.entries[i];
                if (entry.index <= node->disk.applied.index)
                        continue;
                entry_restore_command(&entry);
                event.entry = &entry;
                shell_step(world, node, &event);
        }
}

static void load(struct world *world, struct simulated_node *node)
{
        const struct disk *disk = &node->disk;
        struct cluster_event event = { .kind = CLUSTER_EVENT_LOADED };
        event.loaded.applied = disk->applied;
        event.loaded.first_index = disk->entry_count > 0 ? disk->entries[0].index : 0;
        event.loaded.promised = disk->promised;
        event.loaded.blank = disk->blank;
        node->loading = true;
        load_objects(world, node);
        load_entries(world, node);
        node->loading = false;
        node->memory.applied = disk->applied;
        shell_step(world, node, &event);
}

static void write_identity(struct world *world, struct simulated_node *node,
                           struct cluster_identity *identity)
{
        memset(identity, 0, sizeof(*identity));
        identity->node = node->id;
        TEXT_COPY(identity->name, node->name);
        identity->incarnation = random_next(&world->random) | 1;
        identity->boot = node->boot;
        identity->memory_mib = node->memory_mib;
        identity->cpus = node->cpus;
        identity->watchdog = node->watchdog_told = keeper_has_watchdog(world, node);
        TEXT_PRINT(identity->address, "10.0.0.%u", node->id);
        TEXT_PRINT(identity->migration_address, "10.0.1.%u", node->id);
        identity->contact_ms = node->keeper.state.contact_ms;
        node->arming_told = 0;
        identity->guard_armed = node->keeper.state.order.armed;
        identity->arming = node->keeper.state.order.arming;
        identity->told_epoch = node->keeper.state.order.voters.epoch;
        identity->told_index = node->keeper.state.order.voters.index;
}

void shell_start(struct world *world, struct simulated_node *node)
{
        assert(node->powered && node->daemon_life == 0);
        node->disk.definitions_seen = 0;
        disk_compact_later(world, &node->disk);
        struct cluster_identity identity;
        node->leaving = false;
        node->stopping_us = 0;
        write_identity(world, node, &identity);
        size_t bytes = cluster_bytes(world->roles_max);
        if (node->core == NULL)
                node->core = malloc(bytes);
        assert(node->core != NULL);
        memset(node->core, 0, bytes);
        checker_forget(world, node);
        cluster_init(node->core, &identity, world->roles_max);
        node->daemon_life = ++world->next_life;
        world_note(world, node, "clusterd starts, applied %" PRIu64 " last %" PRIu64 "%s",
                   node->disk.applied.index, disk_last(&node->disk), node->disk.blank ? ", blank" : "");
        tell(world, "", "clusterd %s starts", node->name);
        load(world, node);
        network_join(world, node);
}

void shell_stop(struct world *world, struct simulated_node *node)
{
        if (node->daemon_life == 0)
                return;
        world_note(world, node, "clusterd is gone");
        tell(world, "", "clusterd %s gone", node->name);
        disk_crash(world, node);
        network_leave(world, node);
        hypervisor_daemon_gone(world, node);
        node->daemon_life = 0;
        node->daemon_thaw_us = 0;
        node->wake_serial++;
        node->wakes_in_a_row = 0;
}

bool shell_runs(const struct world *world, const struct simulated_node *node)
{
        return node->daemon_life != 0 && !node->frozen && world->now_us >= node->daemon_thaw_us;
}

void shell_start_later(struct world *world, struct simulated_node *node, uint64_t delay_us)
{
        world_schedule(world, delay_us, EVENT_DAEMON, node, 0, 0);
}

void shell_on_start(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        if (node->powered && node->daemon_life == 0)
                shell_start(world, node);
}
