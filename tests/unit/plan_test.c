/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/plan.h"

#include <check.h>
#include <stdlib.h>

#include "clusterd/base/text.h"
#include "tests/unit/core_desk.h"
#include "tests/unit/suite_run.h"

/* What would happen: the answers of --plan against what happens then. */

static struct desk desk;
static struct model *scratch;
static struct plan plan;

static void begin(void)
{
        desk_begin(&desk);
        desk_view(&desk, node_set_of(2) | node_set_of(3));
        scratch = model_init(calloc(1, model_bytes(DESK_ROLES_MAX)), DESK_ROLES_MAX);
}

static void end(void)
{
        free(scratch);
        desk_end(&desk);
}

static void ask(const struct command *command)
{
        memset(&plan, 0xee, sizeof plan);
        plan_command(desk.cluster, command, scratch, &plan);
}

static struct command about_node(enum command_kind kind, uint32_t node)
{
        struct command command = { .kind = kind };
        command.node.node = node;
        command.node.incarnation = model_node(cluster_model(desk.cluster), node)->incarnation;
        return command;
}

static void finish_moves(void)
{
        MODEL_EACH_ROLE (cluster_model(desk.cluster), role) {
                if (role->state != ROLE_MOVING)
                        continue;
                char name[NAME_BYTES];
                uint32_t owner = role->owner, target = role->target;
                TEXT_COPY(name, role->name);
                desk_hear_report(&desk, name, owner, REPORT_ABSENT);
                desk_hear_report(&desk, name, target, REPORT_RUNNING);
        }
}

START_TEST(a_drain_goes_as_planned)
{
        char name[NAME_BYTES];
        for (uint32_t i = 0; i < 5; i++) {
                TEXT_PRINT(name, "vm%u", i);
                desk_online_at(&desk, name, 2);
        }
        struct command drain = about_node(COMMAND_NODE_DRAIN, 2);
        ask(&drain);
        ck_assert_int_eq(plan.outcome, REPLY_DONE);
        ck_assert(!plan.cut);
        ck_assert_uint_eq(plan.count, 1 + 5 + 1);
        ck_assert_int_eq(plan.steps[0].kind, COMMAND_NODE_DRAIN);
        ck_assert_str_eq(plan.steps[0].subject, "node:2");
        ck_assert_int_eq(plan.steps[6].kind, COMMAND_NODE_DRAINED);

        ck_assert_int_eq(desk_ask(&desk, &drain), REPLY_DONE);
        for (int i = 0; i < 10; i++) {
                desk_wait(&desk, 10);
                finish_moves();
        }
        desk_wait(&desk, 10);
        for (size_t i = 1; i <= 5; i++) {
                ck_assert_int_eq(plan.steps[i].kind, COMMAND_ROLE_MOVE);
                ck_assert_uint_eq(plan.steps[i].from, 2);
                ck_assert(strncmp(plan.steps[i].reason, "drain of n2; ", 13) == 0);
                ck_assert_uint_eq(desk_role(&desk, plan.steps[i].subject + 5)->owner, plan.steps[i].to);
        }
        ck_assert_int_eq(model_node(cluster_model(desk.cluster), 2)->duty, DUTY_DRAINED);
}
END_TEST

START_TEST(a_plan_changes_nothing)
{
        desk_online_at(&desk, "vm01", 2);
        struct model *before = model_init(calloc(1, model_bytes(DESK_ROLES_MAX)), DESK_ROLES_MAX);
        model_copy(before, cluster_model(desk.cluster));
        uint64_t entries = desk.entries;
        struct command drain = about_node(COMMAND_NODE_DRAIN, 2);
        ask(&drain);
        ck_assert_mem_eq(before->roles, cluster_model(desk.cluster)->roles,
                         before->roles_used * sizeof *before->roles);
        ck_assert_mem_eq(before->nodes, cluster_model(desk.cluster)->nodes, sizeof before->nodes);
        desk_wait(&desk, 1000);
        ck_assert_uint_eq(desk.entries, entries);
        free(before);
}
END_TEST

START_TEST(a_move_is_planned_with_its_target)
{
        desk_online_at(&desk, "vm01", 2);
        struct command command = { .kind = COMMAND_ROLE_MOVE };
        TEXT_COPY(command.role_move.role, "vm01");
        ask(&command);
        ck_assert_int_eq(plan.outcome, REPLY_DONE);
        ck_assert_uint_eq(plan.count, 1);
        ck_assert_uint_eq(plan.steps[0].from, 2);
        ck_assert_uint_eq(plan.steps[0].to, 1); /* preferred by nobody, first by name */
        command.role_move.target = 3;
        ask(&command);
        ck_assert_uint_eq(plan.steps[0].to, 3);
}
END_TEST

START_TEST(a_storage_is_planned_with_its_new_image)
{
        desk_online_at(&desk, "vm01", 2);
        struct command command = { .kind = COMMAND_ROLE_COPY,
                                   .role_copy = { .role = "vm01", .disk = "vda", .to = "/csv2/a" } };
        memcpy(command.role_copy.before_hash,
               model_role(cluster_model(desk.cluster), "vm01")->definition_hash, HASH_BYTES);
        ask(&command);
        ck_assert_int_eq(plan.outcome, REPLY_DONE);
        ck_assert_uint_eq(plan.count, 1);
        ck_assert_str_eq(plan.steps[0].reason, "its disk vda goes to /csv2/a; the old image is removed");
        command.role_copy.keep = true;
        ask(&command);
        ck_assert_str_eq(plan.steps[0].reason, "its disk vda goes to /csv2/a; the old image stays");
}
END_TEST

START_TEST(fencing_is_planned_to_the_new_start)
{
        struct command device = { .kind = COMMAND_FENCE_ADD };
        TEXT_COPY(device.fence_add.name, "ipmi");
        device.fence_add.targets = node_set_of(2);
        device.fence_add.level = 1;
        desk_ask(&desk, &device);
        desk_online_at(&desk, "vm01", 2);
        struct command command = about_node(COMMAND_NODE_FENCE, 2);
        ask(&command);
        ck_assert_int_eq(plan.outcome, REPLY_DONE);
        ck_assert_uint_eq(plan.count, 3);
        ck_assert_int_eq(plan.steps[0].kind, COMMAND_NODE_FENCE);
        ck_assert_int_eq(plan.steps[1].kind, COMMAND_NODE_EVIDENCE);
        ck_assert_int_eq(plan.steps[2].kind, COMMAND_ROLE_ASSIGN);
        ck_assert_str_eq(plan.steps[2].subject, "role:vm01");
        ck_assert_uint_ne(plan.steps[2].to, 2);
}
END_TEST

/* Not 256 passes over a move that can never end. */
START_TEST(a_plan_ends_where_nothing_can_be_proven)
{
        struct command join = { .kind = COMMAND_NODE_JOIN };
        join.node_join =
                (struct command_node_join){ .node = 2, .name = "n2", .boot = 21, .memory_mib = 4096 };
        desk_hear(&desk, 2, &join);
        desk_online_at(&desk, "vm01", 3);
        ck_assert_int_eq(desk_move(&desk, "vm01", 2), REPLY_DONE);
        struct command command = about_node(COMMAND_NODE_FENCE, 2);
        ask(&command);
        ck_assert_int_eq(plan.outcome, REPLY_DONE);
        ck_assert(!plan.cut);
        ck_assert_uint_eq(plan.count, 1);
}
END_TEST

START_TEST(a_volume_is_planned_up_to_its_proof)
{
        struct command add = { .kind = COMMAND_VOLUME_ADD,
                               .volume_add = { .name = "csv1", .path = "/csv1", .identity = 7 } };
        ask(&add);
        ck_assert_int_eq(plan.outcome, REPLY_DONE);
        ck_assert(!plan.cut);
        ck_assert_uint_eq(plan.count, 2);
        ck_assert_int_eq(plan.steps[0].kind, COMMAND_VOLUME_ADD);
        ck_assert_str_eq(plan.steps[0].reason, "every member looks for it at /csv1");
        ck_assert_int_eq(plan.steps[1].kind, COMMAND_VOLUME_READY);
        ck_assert_str_eq(plan.steps[1].subject, "volume:csv1");
        ck_assert_str_eq(plan.steps[1].reason, "if every member sees what the others write there");
        add.volume_add.path[0] = 'x';
        ask(&add);
        ck_assert_int_eq(plan.outcome, REPLY_REFUSED);
}
END_TEST

START_TEST(a_refused_command_is_planned_as_refused)
{
        desk_online_at(&desk, "vm01", 2);
        struct command remove = { .kind = COMMAND_ROLE_REMOVE };
        TEXT_COPY(remove.role.role, "vm01");
        ask(&remove);
        ck_assert_int_eq(plan.outcome, REPLY_REFUSED);
        ck_assert_str_eq(plan.reason, "role 'vm01' is online: stop it first");
        TEXT_COPY(remove.role.role, "vm99");
        ask(&remove);
        ck_assert_int_eq(plan.outcome, REPLY_NO_OBJECT);
        struct command move = { .kind = COMMAND_ROLE_MOVE };
        TEXT_COPY(move.role_move.role, "vm01");
        move.role_move.target = 2;
        ask(&move);
        ck_assert_int_eq(plan.outcome, REPLY_REFUSED);
        ck_assert_str_eq(plan.reason, "role 'vm01' is on n2 already");
        struct command evidence = about_node(COMMAND_NODE_CONFIRM_OFF, 2);
        ask(&evidence);
        ck_assert_int_eq(plan.outcome, REPLY_REFUSED);
}
END_TEST

START_TEST(a_move_anywhere_without_a_target_says_what_binds)
{
        desk_online_at(&desk, "vm01", 2);
        struct command drain = about_node(COMMAND_NODE_DRAIN, 1);
        desk_ask(&desk, &drain);
        drain = about_node(COMMAND_NODE_DRAIN, 3);
        desk_ask(&desk, &drain);
        struct command move = { .kind = COMMAND_ROLE_MOVE };
        TEXT_COPY(move.role_move.role, "vm01");
        ask(&move);
        ck_assert_int_eq(plan.outcome, REPLY_REFUSED);
        ck_assert_ptr_nonnull(strstr(plan.reason, "n3 is drain"));
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("plan");
        TCase *tcase = tcase_create("plan");
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, a_drain_goes_as_planned);
        tcase_add_test(tcase, a_plan_changes_nothing);
        tcase_add_test(tcase, a_move_is_planned_with_its_target);
        tcase_add_test(tcase, a_storage_is_planned_with_its_new_image);
        tcase_add_test(tcase, fencing_is_planned_to_the_new_start);
        tcase_add_test(tcase, a_plan_ends_where_nothing_can_be_proven);
        tcase_add_test(tcase, a_volume_is_planned_up_to_its_proof);
        tcase_add_test(tcase, a_refused_command_is_planned_as_refused);
        tcase_add_test(tcase, a_move_anywhere_without_a_target_says_what_binds);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
