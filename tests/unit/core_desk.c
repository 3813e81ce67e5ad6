/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/core_desk.h"

#include <assert.h>
#include <check.h>
#include <stdlib.h>

#include "clusterd/base/text.h"
#include "clusterd/protocol/codec.h"

#define WALL_MS    1700000000000
#define SETTLED_MS 3000 /* a host that boots looks around for so long */

static void *zeroed(size_t count, size_t bytes)
{
        void *storage = calloc(count, bytes);
        assert(storage != NULL);
        return storage;
}

static void load_model(struct desk *desk, const struct model *model)
{
        struct object object = { .kind = OBJECT_SETTINGS, .settings = model->settings };
        struct cluster_event event = { .kind = CLUSTER_EVENT_LOAD_OBJECT, .object = &object };
        desk_step(desk, &event);
        object.kind = OBJECT_NODE;
        MODEL_EACH_NODE (model, node) {
                object.node = *node;
                desk_step(desk, &event);
        }
        object.kind = OBJECT_ROLE;
        MODEL_EACH_ROLE (model, role) {
                object.role = *role;
                desk_step(desk, &event);
        }
        object.kind = OBJECT_VOLUME;
        MODEL_EACH_VOLUME (model, volume) {
                object.volume = *volume;
                desk_step(desk, &event);
        }
        object.kind = OBJECT_FENCE_DEVICE;
        for (uint32_t i = 0; i < FENCE_DEVICES_MAX; i++)
                if (model->fence_devices[i].name[0] != '\0') {
                        object.fence_device = model->fence_devices[i];
                        desk_step(desk, &event);
                }
}

void desk_restart(struct desk *desk, const struct model *model, uint64_t contact_ms, uint64_t incarnation)
{
        memset(desk, 0, sizeof *desk);
        desk->cluster = zeroed(1, cluster_bytes(DESK_ROLES_MAX));
        desk->actions = zeroed(1, sizeof *desk->actions);
        desk->queue = zeroed(DESK_QUEUE_MAX, sizeof *desk->queue);
        desk->orders = zeroed(DESK_ORDERS_MAX, sizeof *desk->orders);
        desk->now_ms = 100000 - SETTLED_MS;
        struct cluster_identity identity = {
                .node = 1,
                .name = "n1",
                .incarnation = incarnation,
                .boot = 11,
                .memory_mib = 4096,
                .cpus = 4,
                .watchdog = true,
                .address = "10.0.0.1",
                .migration_address = "10.0.1.1",
                .contact_ms = contact_ms,
                .guard_armed = contact_ms != 0,
        };
        desk->guard_armed = identity.guard_armed;
        cluster_init(desk->cluster, &identity, DESK_ROLES_MAX);
        load_model(desk, model);
        struct cluster_event event = { .kind = CLUSTER_EVENT_LOADED };
        desk_step(desk, &event);
        desk->now_ms += SETTLED_MS;
}

void desk_begin(struct desk *desk)
{
        struct model *model = model_init(zeroed(1, model_bytes(1)), 1);
        model->settings = settings_default;
        model->settings.voters = node_set_of(1);
        model->settings.dynamic_quorum = false; /* node 1 goes on, whoever leaves */
        desk_restart(desk, model, 0, 77);
        free(model);
}

void desk_end(struct desk *desk)
{
        for (size_t i = 0; i < desk->queue_count; i++)
                free(desk->queue[(desk->queue_first + i) % DESK_QUEUE_MAX].text);
        free(desk->cluster);
        free(desk->actions);
        free(desk->queue);
        free(desk->orders);
}

static void post(struct desk *desk, uint32_t sender, const struct message *message)
{
        if (desk->is_deaf)
                return;
        ck_assert_uint_lt(desk->queue_count, DESK_QUEUE_MAX);
        struct desk_message *slot = &desk->queue[(desk->queue_first + desk->queue_count++) % DESK_QUEUE_MAX];
        *slot = (struct desk_message){ .sender = sender, .message = *message };
        if (message->kind == MESSAGE_PROPOSE) {
                slot->text = command_encode(&message->propose.command);
                slot->message.propose.text = slot->text;
                slot->message.propose.text_bytes = strlen(slot->text);
        }
}

/* Puppets follow: the same state, the same promise, the same heartbeat. */
static void echo(struct desk *desk, const struct message *message)
{
        if (message->kind == MESSAGE_VIEW_OPEN)
                desk->round = message->round;
        if (desk->puppets_store_nothing && message->kind == MESSAGE_STORED)
                return;
        if (message->kind != MESSAGE_STATE && message->kind != MESSAGE_PROMISED &&
            message->kind != MESSAGE_STORED && message->kind != MESSAGE_HEARTBEAT)
                return;
        struct message followed = *message;
        if (message->kind == MESSAGE_HEARTBEAT && desk->is_unready)
                followed.heartbeat.guarded_index = 0;
        NODE_SET_EACH (desk->puppets & ~desk->laggards, puppet) {
                if (message->kind == MESSAGE_HEARTBEAT)
                        followed.heartbeat.leaving = node_set_has(desk->leavers, puppet);
                post(desk, puppet, &followed);
        }
        if (message->kind != MESSAGE_STATE)
                return;
        struct message state = *message;
        memset(&state.state.last, 0, sizeof state.state.last);
        memset(&state.state.applied, 0, sizeof state.state.applied);
        NODE_SET_EACH (desk->laggards, laggard)
                post(desk, laggard, &state);
}

static bool acts_on_the_world(enum cluster_action_kind kind)
{
        return kind == CLUSTER_ACTION_START || kind == CLUSTER_ACTION_STOP || kind == CLUSTER_ACTION_MOVE ||
               kind == CLUSTER_ACTION_ANNOUNCE || kind == CLUSTER_ACTION_LIST ||
               kind == CLUSTER_ACTION_FENCE || kind == CLUSTER_ACTION_CONFIRM ||
               kind == CLUSTER_ACTION_PREEMPT || kind == CLUSTER_ACTION_FENCE_END ||
               kind == CLUSTER_ACTION_EXPORT || kind == CLUSTER_ACTION_WITNESS ||
               kind == CLUSTER_ACTION_LOOK || kind == CLUSTER_ACTION_LEASE ||
               kind == CLUSTER_ACTION_FORGET_VOLUME || kind == CLUSTER_ACTION_REPLY ||
               kind == CLUSTER_ACTION_SEND_ENTRIES || kind == CLUSTER_ACTION_SEND_SNAPSHOT ||
               kind == CLUSTER_ACTION_DELETE_OBJECT;
}

static bool carry_out(struct desk *desk, const struct cluster_action *action)
{
        if (acts_on_the_world(action->kind)) {
                ck_assert_uint_lt(desk->order_count, DESK_ORDERS_MAX);
                desk->orders[desk->order_count++] = *action;
                if (action->kind != CLUSTER_ACTION_REPLY)
                        ck_assert_msg(action->reason[0] != '\0', "an action without a reason");
        }
        switch ((int)action->kind) {
        case CLUSTER_ACTION_MULTICAST:
                post(desk, 1, &desk->actions->messages[action->message]);
                echo(desk, &desk->actions->messages[action->message]);
                return false;
        case CLUSTER_ACTION_GUARD:
                desk->guard_changes += desk->guard_armed != action->guard.armed;
                desk->guard_armed = action->guard.armed;
                desk->arming = action->guard.arming;
                cluster_voters(desk->cluster, &desk->told_voters, &desk->told_before);
                return false;
        case CLUSTER_ACTION_APPEND:
                ck_assert_uint_eq(action->entry->index, desk->store_index + 1);
                desk->store_index = action->entry->index;
                desk->entries++;
                if (action->entry->command.kind == COMMAND_NODE_EVIDENCE)
                        desk->proven_after_ms = action->entry->command.node_evidence.duration_ms;
                if (action->entry->command.kind == COMMAND_FENCE_REPORT) {
                        desk->fence_report = action->entry->command.fence_report;
                        desk->fence_reports++;
                }
                return true;
        case CLUSTER_ACTION_PROMISE:
                desk->store_promised = action->promised;
                desk->promises++;
                return true;
        }
        return false;
}

static void tell_stored(struct desk *desk)
{
        struct cluster_event event = { .kind = CLUSTER_EVENT_STORED };
        event.stored.index = desk->store_index;
        event.stored.promised = desk->store_promised;
        desk_step(desk, &event);
}

void desk_store(struct desk *desk)
{
        tell_stored(desk);
        desk_settle(desk);
}

void desk_step(struct desk *desk, struct cluster_event *event)
{
        bool wrote = false;
        event->now_ms = desk->now_ms;
        event->kept_ms = desk->kept_ms;
        event->wall_ms = WALL_MS + (int64_t)desk->now_ms;
        cluster_step(desk->cluster, event, desk->actions);
        desk->wake_at_ms = desk->actions->wake_at_ms;
        for (size_t i = 0; i < desk->actions->count; i++)
                wrote |= carry_out(desk, &desk->actions->item[i]);
        if (wrote && !desk->store_is_slow)
                tell_stored(desk);
        if (desk->reported != desk->arming && !desk->keeper_is_slow)
                desk_keeper(desk, true, desk->arming);
}

void desk_keeper(struct desk *desk, bool present, uint32_t arming)
{
        struct cluster_event event = { .kind = CLUSTER_EVENT_WATCHDOG,
                                       .watchdog = { .present = present, .arming = arming } };
        desk->reported = arming;
        desk_step(desk, &event);
}

static void deliver_next(struct desk *desk)
{
        struct desk_message *next = &desk->queue[desk->queue_first];
        struct cluster_event event = { .kind = CLUSTER_EVENT_MESSAGE };
        char *text = next->text;
        event.message.sender = next->sender;
        event.message.message = &next->message;
        desk->queue_first = (desk->queue_first + 1) % DESK_QUEUE_MAX;
        desk->queue_count--;
        desk_step(desk, &event);
        free(text);
}

/* A core that wants to be woken at once must come to an end. */
void desk_settle(struct desk *desk)
{
        int wakes = 0;
        while (desk->queue_count > 0 || desk->wake_at_ms <= desk->now_ms) {
                if (desk->queue_count > 0) {
                        deliver_next(desk);
                        continue;
                }
                struct cluster_event event = { .kind = CLUSTER_EVENT_WAKE };
                desk_step(desk, &event);
                ck_assert_msg(++wakes < 1000, "the core asks to be woken without end");
        }
}

void desk_wait(struct desk *desk, uint64_t ms)
{
        uint64_t end_ms = desk->now_ms + ms;
        int wakes = 0;
        desk_settle(desk);
        while (desk->wake_at_ms <= end_ms) {
                desk->now_ms = desk->wake_at_ms;
                desk_settle(desk);
                /* Heartbeats every 500 ms, listings every 200 ms at most, and little else. */
                ck_assert_msg((uint64_t)++wakes < 1000 + ms / 20, "the core is woken too often");
        }
        desk->now_ms = end_ms;
        struct cluster_event event = { .kind = CLUSTER_EVENT_WAKE };
        desk_step(desk, &event);
        desk_settle(desk);
}

void desk_view_connected(struct desk *desk, node_set others, node_set connected)
{
        struct cluster_event event = { .kind = CLUSTER_EVENT_VIEW };
        event.view.members = others | node_set_of(1);
        event.view.connected = others | connected | node_set_of(1);
        desk->puppets = others;
        desk_step(desk, &event);
        desk_wait(desk, 1200);
}

static void join_puppet(struct desk *desk, uint32_t puppet)
{
        const struct node *known = model_node(cluster_model(desk->cluster), puppet);
        struct command command = { .kind = COMMAND_NODE_JOIN };
        command.node_join.node = puppet;
        command.node_join.boot = known != NULL ? known->boot : 10 * puppet + 1;
        command.node_join.memory_mib = 4096;
        command.node_join.watchdog = true;
        TEXT_PRINT(command.node_join.name, "n%u", puppet);
        TEXT_PRINT(command.node_join.address, "10.0.0.%u", puppet);
        desk_hear(desk, puppet, &command);
}

void desk_view(struct desk *desk, node_set others)
{
        desk_view_connected(desk, others, 0);
        NODE_SET_EACH (others, puppet) {
                const struct node *node = model_node(cluster_model(desk->cluster), puppet);
                if (node == NULL || node->state != NODE_UP)
                        join_puppet(desk, puppet);
        }
}

void desk_post_as(struct desk *desk, uint32_t sender, uint32_t name, const struct command *command)
{
        struct message message = { .kind = MESSAGE_PROPOSE, .round = desk->round };
        message.propose.command = *command;
        message.propose.request =
                (struct request_id){ .node = name, .incarnation = 1000 + sender, .count = 1 };
        TEXT_COPY(message.propose.actor, "node");
        post(desk, sender, &message);
}

void desk_hear_message(struct desk *desk, uint32_t sender, const struct message *message)
{
        post(desk, sender, message);
        desk_settle(desk);
}

void desk_post(struct desk *desk, uint32_t sender, const struct command *command)
{
        desk_post_as(desk, sender, sender, command);
}

void desk_hear(struct desk *desk, uint32_t sender, const struct command *command)
{
        desk_post(desk, sender, command);
        desk_settle(desk);
}

void desk_stored(struct desk *desk, uint32_t puppet)
{
        struct cluster_status status;
        cluster_status_read(desk->cluster, &status);
        struct message message = { .kind = MESSAGE_STORED, .round = desk->round };
        message.stored_index = status.last.index;
        post(desk, puppet, &message);
        desk_settle(desk);
}

void desk_hear_report(struct desk *desk, const char *role, uint32_t node, enum report_kind kind)
{
        struct command command = { .kind = COMMAND_ROLE_REPORT };
        TEXT_COPY(command.role_report.role, role);
        command.role_report.node = node;
        command.role_report.generation = desk_role(desk, role)->generation;
        command.role_report.kind = kind;
        desk_hear(desk, node, &command);
}

uint64_t desk_request(struct desk *desk, const struct command *command)
{
        struct cluster_event event = { .kind = CLUSTER_EVENT_REQUEST };
        event.request.token = ++desk->tokens;
        TEXT_COPY(event.request.actor, "uid 0");
        event.request.command = command;
        uint64_t token = desk->tokens;
        desk_step(desk, &event);
        return token;
}

enum reply_outcome desk_ask(struct desk *desk, const struct command *command)
{
        uint64_t token = desk_request(desk, command);
        desk_settle(desk);
        for (size_t i = desk->order_count; i-- > 0;)
                if (desk->orders[i].kind == CLUSTER_ACTION_REPLY && desk->orders[i].reply.token == token)
                        return desk->orders[i].reply.outcome;
        return REPLY_OUTCOME_COUNT;
}

enum reply_outcome desk_order(struct desk *desk, enum command_kind kind, const char *role)
{
        struct command command = { .kind = kind };
        TEXT_COPY(command.role.role, role);
        return desk_ask(desk, &command);
}

enum reply_outcome desk_add(struct desk *desk, const char *role)
{
        return desk_add_for(desk, role, 1);
}

enum reply_outcome desk_add_for(struct desk *desk, const char *role, uint32_t preferred)
{
        struct command command = { .kind = COMMAND_ROLE_ADD };
        TEXT_COPY(command.role_add.role.name, role);
        command.role_add.role.desired = DESIRED_RUNNING;
        command.role_add.role.memory_mib = 512;
        command.role_add.role.stop_timeout_ms = 60000;
        command.role_add.role.preferred[0] = preferred;
        return desk_ask(desk, &command);
}

enum reply_outcome desk_move(struct desk *desk, const char *role, uint32_t target)
{
        struct command command = { .kind = COMMAND_ROLE_MOVE };
        TEXT_COPY(command.role_move.role, role);
        command.role_move.target = target;
        TEXT_COPY(command.role_move.reason, "an operator asked");
        enum reply_outcome outcome = desk_ask(desk, &command);
        if (!desk->is_unready)
                desk_ready(desk, target);
        return outcome;
}

void desk_ready(struct desk *desk, uint32_t target)
{
        struct message message = { .kind = MESSAGE_HEARTBEAT, .round = desk->round };
        struct cluster_status status;
        cluster_status_read(desk->cluster, &status);
        message.heartbeat.guarded_index = status.applied.index;
        desk_hear_message(desk, target, &message);
}

const struct cluster_action *desk_take(struct desk *desk, enum cluster_action_kind kind)
{
        for (size_t i = desk->seen[kind]; i < desk->order_count; i++)
                if (desk->orders[i].kind == kind) {
                        desk->seen[kind] = i + 1;
                        return &desk->orders[i];
                }
        return NULL;
}

size_t desk_count(const struct desk *desk, enum cluster_action_kind kind)
{
        size_t count = 0;
        for (size_t i = 0; i < desk->order_count; i++)
                count += desk->orders[i].kind == kind;
        return count;
}

void desk_online(struct desk *desk, const char *role)
{
        ck_assert_int_eq(desk_add(desk, role), REPLY_DONE);
        desk_wait(desk, 5); /* the planner */
        ck_desk_state(desk, role, ROLE_STARTING);
        ck_assert_ptr_nonnull(desk_take(desk, CLUSTER_ACTION_START));
        desk_done(desk, role, OPERATION_START, OPERATION_SUCCEEDED, OBSERVED_RUNNING);
        ck_desk_state(desk, role, ROLE_ONLINE);
}

void desk_online_at(struct desk *desk, const char *role, uint32_t puppet)
{
        ck_assert_int_eq(desk_add_for(desk, role, puppet), REPLY_DONE);
        desk_wait(desk, 5);
        ck_assert_uint_eq(desk_role(desk, role)->owner, puppet);
        desk_hear_report(desk, role, puppet, REPORT_RUNNING);
        ck_desk_state(desk, role, ROLE_ONLINE);
}

const struct role *desk_role(const struct desk *desk, const char *name)
{
        const struct role *role = model_role(cluster_model(desk->cluster), name);
        ck_assert_msg(role != NULL, "there is no role '%s'", name);
        return role;
}

enum reply_outcome desk_confirm_off(struct desk *desk, uint32_t node)
{
        struct command confirm = { .kind = COMMAND_NODE_CONFIRM_OFF };
        confirm.node.node = node;
        confirm.node.incarnation = model_node(cluster_model(desk->cluster), node)->incarnation;
        return desk_ask(desk, &confirm);
}

static const struct ledger_position far_ahead = { .epoch = 9, .index = 50 };

void desk_snapshot_begin(struct desk *desk)
{
        struct cluster_event view = { .kind = CLUSTER_EVENT_VIEW };
        view.view.members = view.view.connected = node_set_of(1) | node_set_of(2);
        desk_step(desk, &view);
        desk_settle(desk);
        struct message message = { .kind = MESSAGE_STATE, .round = desk->round };
        message.state =
                (struct message_state){ .last = far_ahead, .applied = far_ahead, .voters = node_set_of(2) };
        desk_hear_message(desk, 2, &message);
        message = (struct message){ .kind = MESSAGE_SNAPSHOT_BEGIN, .round = desk->round };
        message.snapshot.to = 1;
        message.snapshot.at = far_ahead;
        desk_hear_message(desk, 2, &message);
}

void desk_snapshot_end(struct desk *desk, const struct object *row)
{
        struct message message = { .kind = MESSAGE_SNAPSHOT_OBJECT, .round = desk->round };
        message.snapshot.to = 1;
        message.snapshot.at = far_ahead;
        message.snapshot.object = *row;
        desk_hear_message(desk, 2, &message);
        message.kind = MESSAGE_SNAPSHOT_END;
        desk_hear_message(desk, 2, &message);
}

void desk_add_device(struct desk *desk, const char *name, node_set targets, uint32_t level, uint32_t together)
{
        struct command command = { .kind = COMMAND_FENCE_ADD };
        command.fence_add.level = level;
        command.fence_add.together = together;
        TEXT_COPY(command.fence_add.name, name);
        TEXT_COPY(command.fence_add.agent, "fence_ipmilan");
        command.fence_add.targets = targets;
        ck_assert_int_eq(desk_ask(desk, &command), REPLY_DONE);
}
