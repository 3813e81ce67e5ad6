/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/core_fixture.h"

#include <assert.h>
#include <check.h>
#include <stdlib.h>

#include "clusterd/base/text.h"

static struct model *new_model(void)
{
        void *storage = calloc(1, model_bytes(STORY_ROLES_MAX));
        assert(storage != NULL);
        return model_init(storage, STORY_ROLES_MAX);
}

void story_begin(struct story *story)
{
        memset(story, 0, sizeof *story);
        story->model = new_model();
        story->before = new_model();
        story->model->settings = settings_default;
        story->model->settings.voters = node_set_of(1) | node_set_of(2) | node_set_of(3);
}

void story_end(struct story *story)
{
        free(story->model);
        free(story->before);
}

bool model_equal(const struct model *a, const struct model *b)
{
        return memcmp(&a->settings, &b->settings, sizeof a->settings) == 0 &&
               memcmp(a->nodes, b->nodes, sizeof a->nodes) == 0 &&
               memcmp(a->volumes, b->volumes, sizeof a->volumes) == 0 &&
               memcmp(a->fence_devices, b->fence_devices, sizeof a->fence_devices) == 0 &&
               a->roles_used == b->roles_used && a->role_count == b->role_count &&
               a->free_slot == b->free_slot &&
               memcmp(a->roles, b->roles, a->roles_used * sizeof *a->roles) == 0 &&
               memcmp(a->role_index, b->role_index, a->index_size * sizeof *a->role_index) == 0;
}

enum apply_outcome story_apply(struct story *story, uint32_t origin, const struct command *command)
{
        model_copy(story->before, story->model);
        story->apply = (struct apply){
                .model = story->model,
                .index = ++story->index,
                .time_ms = (int64_t)story->index * 1000,
                .origin = origin,
        };
        apply_command(&story->apply, command);
        if (story->apply.outcome != APPLY_DONE) {
                ck_assert_msg(model_equal(story->before, story->model), "refused %s changed the model",
                              command_kind_name(command->kind));
                ck_assert_msg(story->apply.reason[0] != '\0', "%s was refused without a reason",
                              command_kind_name(command->kind));
        }
        return story->apply.outcome;
}

static struct command join_of(uint32_t node, uint64_t boot)
{
        struct command command = { .kind = COMMAND_NODE_JOIN };
        command.node_join.node = node;
        command.node_join.boot = boot;
        command.node_join.memory_mib = 4096;
        command.node_join.cpus = 4;
        command.node_join.watchdog = true;
        TEXT_PRINT(command.node_join.name, "n%u", node);
        TEXT_PRINT(command.node_join.address, "10.0.0.%u", node);
        TEXT_PRINT(command.node_join.migration_address, "10.0.1.%u", node);
        return command;
}

enum apply_outcome story_join(struct story *story, uint32_t node, uint64_t boot)
{
        struct command command = join_of(node, boot);
        return story_apply(story, node, &command);
}

enum apply_outcome story_join_with(struct story *story, uint32_t node, uint32_t memory_mib, bool watchdog)
{
        struct command command = join_of(node, 1);
        command.node_join.memory_mib = memory_mib;
        command.node_join.watchdog = watchdog;
        return story_apply(story, node, &command);
}

enum apply_outcome story_node(struct story *story, enum command_kind kind, uint32_t node)
{
        struct command command = { .kind = kind };
        command.node.node = node;
        const struct node *known = model_node(story->model, node);
        command.node.incarnation = known == NULL ? 0 : known->incarnation;
        TEXT_COPY(command.node.reason, "the test says so");
        return story_apply(story, 1, &command);
}

enum apply_outcome story_lost(struct story *story, uint32_t node)
{
        return story_node(story, COMMAND_NODE_LOST, node);
}

enum apply_outcome story_evidence(struct story *story, uint32_t node, enum evidence_kind kind)
{
        struct command command = { .kind = COMMAND_NODE_EVIDENCE };
        command.node_evidence.node = node;
        command.node_evidence.incarnation = the_node(story, node)->incarnation;
        command.node_evidence.kind = kind;
        TEXT_COPY(command.node_evidence.text, "ipmi1");
        return story_apply(story, 1, &command);
}

struct role story_role(const char *name)
{
        struct role role = {
                .kind = ROLE_VM,
                .desired = DESIRED_RUNNING,
                .memory_mib = 512,
                .cpus = 1,
                .stop_timeout_ms = 60000,
        };
        TEXT_COPY(role.name, name);
        return role;
}

enum apply_outcome story_add_role(struct story *story, const struct role *role)
{
        struct command command = { .kind = COMMAND_ROLE_ADD };
        command.role_add.role = *role;
        return story_apply(story, 1, &command);
}

enum apply_outcome story_add(struct story *story, const char *name)
{
        struct role role = story_role(name);
        return story_add_role(story, &role);
}

enum apply_outcome story_order(struct story *story, enum command_kind kind, const char *role)
{
        struct command command = { .kind = kind };
        TEXT_COPY(command.role.role, role);
        return story_apply(story, 1, &command);
}

enum apply_outcome story_assign(struct story *story, const char *name, uint32_t node)
{
        const struct role *role = the_role(story, name);
        struct command command = { .kind = COMMAND_ROLE_ASSIGN };
        TEXT_COPY(command.role_assign.role, name);
        command.role_assign.node = node;
        command.role_assign.generation = role->generation + 1;
        command.role_assign.owner_evidence = role->owner_evidence;
        command.role_assign.target_evidence = role->target_evidence;
        TEXT_COPY(command.role_assign.reason, "the test says so");
        return story_apply(story, 1, &command);
}

static enum apply_outcome move(struct story *story, const char *name, uint32_t target, bool drain)
{
        struct command command = { .kind = COMMAND_ROLE_MOVE };
        TEXT_COPY(command.role_move.role, name);
        command.role_move.target = target;
        command.role_move.drain = drain;
        TEXT_COPY(command.role_move.reason, "the test says so");
        return story_apply(story, 1, &command);
}

enum apply_outcome story_move(struct story *story, const char *name, uint32_t target)
{
        return move(story, name, target, false);
}

enum apply_outcome story_drain_move(struct story *story, const char *name, uint32_t target)
{
        return move(story, name, target, true);
}

enum apply_outcome story_report(struct story *story, const char *name, uint32_t node, enum report_kind kind)
{
        struct command command = { .kind = COMMAND_ROLE_REPORT };
        TEXT_COPY(command.role_report.role, name);
        command.role_report.node = node;
        command.role_report.generation = the_role(story, name)->generation;
        command.role_report.kind = kind;
        TEXT_COPY(command.role_report.text, "so it says");
        return story_apply(story, node, &command);
}

static void done(enum apply_outcome outcome)
{
        ck_assert_int_eq(outcome, APPLY_DONE);
}

void story_online(struct story *story, const char *name, uint32_t node)
{
        done(story_add(story, name));
        done(story_assign(story, name, node));
        done(story_report(story, name, node, REPORT_RUNNING));
        ck_state(story, name, ROLE_ONLINE);
}

void story_reach(struct story *story, const char *name, enum role_state state)
{
        done(story_add(story, name));
        if (state == ROLE_OFFLINE)
                return;
        done(story_assign(story, name, 1));
        if (state == ROLE_STARTING)
                return;
        done(story_report(story, name, 1, REPORT_RUNNING));
        switch (state) {
        case ROLE_STOPPING:
                done(story_order(story, COMMAND_ROLE_STOP, name));
                break;
        case ROLE_MOVING:
                done(story_move(story, name, 2));
                break;
        case ROLE_RECOVERING:
                done(story_lost(story, 1));
                break;
        case ROLE_FAILED:
                done(story_report(story, name, 1, REPORT_FAILED));
                break;
        case ROLE_OFFLINE:
        case ROLE_STARTING:
        case ROLE_ONLINE:
        case ROLE_STATE_COUNT:
                break;
        }
        ck_state(story, name, state);
}

const struct role *the_role(const struct story *story, const char *name)
{
        const struct role *role = model_role(story->model, name);
        ck_assert_msg(role != NULL, "there is no role '%s'", name);
        return role;
}

const struct node *the_node(const struct story *story, uint32_t id)
{
        const struct node *node = model_node(story->model, id);
        ck_assert_msg(node != NULL, "there is no node %u", id);
        return node;
}
