/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/apply.h"

#include <check.h>
#include <stdlib.h>

#include "clusterd/base/text.h"
#include "clusterd/core/role_state.h"
#include "tests/unit/core_fixture.h"
#include "tests/unit/suite_run.h"

/* No role starts without evidence for every earlier possible runner. */

static struct story story;

static void begin(void)
{
        story_begin(&story);
        for (uint32_t node = 1; node <= 3; node++)
                story_join(&story, node, 1);
}

static void end(void)
{
        story_end(&story);
}

static enum apply_outcome assign_with(uint64_t generation, struct evidence owner, struct evidence target)
{
        struct command command = { .kind = COMMAND_ROLE_ASSIGN };
        TEXT_COPY(command.role_assign.role, "vm01");
        command.role_assign.node = 3;
        command.role_assign.generation = generation;
        command.role_assign.owner_evidence = owner;
        command.role_assign.target_evidence = target;
        return story_apply(&story, 1, &command);
}

START_TEST(a_lost_role_is_not_started_before_there_is_evidence)
{
        const struct evidence none = { EVIDENCE_NONE, 0, "" };
        story_online(&story, "vm01", 1);
        story_lost(&story, 1);
        ck_state(&story, "vm01", ROLE_RECOVERING);
        ck_assert_uint_eq(the_role(&story, "vm01")->lost_owner, 1);
        ck_assert_uint_eq(role_possible_runners(the_role(&story, "vm01")), node_set_of(1));

        ck_assert_int_eq(assign_with(2, none, none), APPLY_REFUSED);
        ck_assert_int_eq(assign_with(2, (struct evidence){ EVIDENCE_OPERATOR, 3, "" }, none), APPLY_REFUSED);

        ck_assert_int_eq(story_evidence(&story, 1, EVIDENCE_POWERED_OFF), APPLY_DONE);
        uint64_t index = story.index;
        const struct evidence proof = { EVIDENCE_POWERED_OFF, index, "" };
        ck_assert_int_eq(the_role(&story, "vm01")->owner_evidence.kind, EVIDENCE_POWERED_OFF);
        ck_assert_uint_eq(the_role(&story, "vm01")->owner_evidence.index, index);
        ck_assert_int_eq(assign_with(2, none, none), APPLY_REFUSED);
        ck_assert_int_eq(assign_with(2, (struct evidence){ EVIDENCE_POWERED_OFF, index - 1, "" }, none),
                         APPLY_REFUSED);
        ck_assert_int_eq(assign_with(2, (struct evidence){ EVIDENCE_OPERATOR, index, "" }, none),
                         APPLY_REFUSED);
        ck_assert_int_eq(assign_with(2, proof, proof), APPLY_REFUSED);
        ck_assert_int_eq(assign_with(1, proof, none), APPLY_REFUSED);
        ck_assert_int_eq(assign_with(3, proof, none), APPLY_REFUSED);
        ck_assert_int_eq(assign_with(2, proof, none), APPLY_DONE);
        ck_assert_uint_eq(the_role(&story, "vm01")->owner, 3);
        ck_assert_uint_eq(the_role(&story, "vm01")->generation, 2);
        ck_assert_int_eq(the_role(&story, "vm01")->owner_evidence.kind, EVIDENCE_NONE);
        ck_assert_int_eq(assign_with(2, proof, none), APPLY_REFUSED);
}
END_TEST

static enum apply_outcome without_leases(uint32_t node, enum evidence_kind kind, uint64_t leases)
{
        struct command command = { .kind = COMMAND_NODE_EVIDENCE };
        command.node_evidence.node = node;
        command.node_evidence.incarnation = model_node(story.model, node)->incarnation;
        command.node_evidence.kind = kind;
        command.node_evidence.leases = leases;
        return story_apply(&story, 2, &command);
}

static enum apply_outcome guard_expired(uint32_t node, uint64_t leases)
{
        return without_leases(node, EVIDENCE_GUARD_EXPIRED, leases);
}

static enum apply_outcome released(uint32_t node, uint64_t leases)
{
        return without_leases(node, EVIDENCE_LEASE_RELEASED, leases);
}

/* vm01 has a disk on volumes 1 and 2, vm02 has none there; both run on node 1. */
static void run_on_volumes(void)
{
        for (uint32_t id = 1; id <= 2; id++)
                story.model->volumes[id] = (struct volume){
                        .id = id, .state = VOLUME_READY, .leases = node_set_of(1), .identity = id
                };
        story_online(&story, "vm01", 1);
        story_online(&story, "vm02", 1);
        ((struct role *)the_role(&story, "vm01"))->leases = node_set_of(1) | node_set_of(2);
}

START_TEST(what_leases_guard_is_not_proven_by_want_of_contact)
{
        run_on_volumes();
        story_lost(&story, 1);
        ck_assert_int_eq(guard_expired(1, 0), APPLY_DONE);
        ck_assert_uint_eq(role_possible_runners(the_role(&story, "vm01")), node_set_of(1));
        ck_assert_uint_eq(role_possible_runners(the_role(&story, "vm02")), 0);
        ck_assert_int_eq(model_node(story.model, 1)->state, NODE_LOST);
        ck_assert_int_eq(guard_expired(1, 0), APPLY_REFUSED); /* it proves nothing more */
        ck_assert_int_eq(guard_expired(1, node_set_of(3)), APPLY_REFUSED);
        ck_assert_int_eq(guard_expired(1, node_set_of(2)), APPLY_DONE);
        ck_assert_uint_eq(role_possible_runners(the_role(&story, "vm01")), 0);
        ck_assert_int_eq(model_node(story.model, 1)->state, NODE_DOWN);
}
END_TEST

START_TEST(a_node_that_has_told_of_no_lease_is_proven_by_want_of_contact)
{
        run_on_volumes();
        story.model->volumes[2].leases = 0;
        story_lost(&story, 1);
        ck_assert_int_eq(guard_expired(1, 0), APPLY_DONE);
        ck_assert_int_eq(model_node(story.model, 1)->state, NODE_DOWN);
}
END_TEST

/* There is no watchdog, and vm02 needs contact. */
START_TEST(a_lease_that_was_given_up_proves_the_roles_of_its_volume)
{
        run_on_volumes();
        story.model->nodes[1].watchdog = false;
        ck_assert_int_eq(released(1, node_set_of(2)), APPLY_REFUSED); /* it is up */
        story_lost(&story, 1);
        ck_assert_int_eq(released(1, 0), APPLY_REFUSED);
        ck_assert_int_eq(released(1, node_set_of(3)), APPLY_REFUSED);
        ck_assert_int_eq(released(1, node_set_of(2)), APPLY_DONE);
        ck_assert_int_eq(the_role(&story, "vm01")->owner_evidence.kind, EVIDENCE_LEASE_RELEASED);
        ck_assert_uint_eq(role_possible_runners(the_role(&story, "vm01")), 0);
        ck_assert_uint_eq(role_possible_runners(the_role(&story, "vm02")), node_set_of(1));
        ck_assert_int_eq(model_node(story.model, 1)->state, NODE_LOST);
        ck_assert_int_eq(released(1, node_set_of(2)), APPLY_REFUSED); /* it proves nothing more */
}
END_TEST

START_TEST(who_gave_all_up_is_down_unless_it_is_wanted_off)
{
        bool wanted = _i == 1;
        run_on_volumes();
        ((struct role *)the_role(&story, "vm02"))->leases = node_set_of(2);
        story_lost(&story, 1);
        story.model->nodes[1].fence_wanted = wanted;
        ck_assert_int_eq(released(1, node_set_of(2)), APPLY_DONE);
        ck_assert_uint_eq(role_possible_runners(the_role(&story, "vm02")), 0);
        ck_assert_int_eq(model_node(story.model, 1)->state, wanted ? NODE_LOST : NODE_DOWN);
        ck_assert(model_node(story.model, 1)->fence_wanted == wanted);
}
END_TEST

/* vm01 moves from node 2 to node 1, and both are lost. */
START_TEST(a_release_says_nothing_of_what_is_on_its_way)
{
        run_on_volumes();
        struct role *role = (struct role *)the_role(&story, "vm01");
        role->owner = 2;
        story_move(&story, "vm01", 1);
        ck_assert_int_eq(role->state, ROLE_MOVING);
        story_lost(&story, 1);
        ck_assert_int_eq(released(1, node_set_of(2)), APPLY_REFUSED); /* its source is up */
        story_lost(&story, 2);
        ck_assert_int_eq(released(1, node_set_of(2)), APPLY_REFUSED);
        ck_assert_int_eq(released(2, node_set_of(2)), APPLY_DONE);
        ck_assert_uint_eq(role_possible_runners(the_role(&story, "vm01")), node_set_of(1));
}
END_TEST

START_TEST(what_is_off_needs_no_lease_to_expire)
{
        run_on_volumes();
        story_lost(&story, 1);
        ck_assert_int_eq(story_evidence(&story, 1, EVIDENCE_POWERED_OFF), APPLY_DONE);
        ck_assert_uint_eq(role_possible_runners(the_role(&story, "vm01")), 0);
        ck_assert_int_eq(model_node(story.model, 1)->state, NODE_DOWN);
}
END_TEST

START_TEST(what_a_node_said_of_its_leases_lasts_until_it_boots)
{
        run_on_volumes();
        story_lost(&story, 1);
        story_join(&story, 1, model_node(story.model, 1)->boot);
        ck_assert_uint_eq(model_volume_by_id(story.model, 1)->leases, node_set_of(1));
        story_join(&story, 1, 77);
        ck_assert_uint_eq(model_volume_by_id(story.model, 1)->leases, 0);
}
END_TEST

static enum apply_outcome preempted(uint32_t node, uint64_t volumes)
{
        struct command command = { .kind = COMMAND_NODE_EVIDENCE };
        command.node_evidence.node = node;
        command.node_evidence.incarnation = model_node(story.model, node)->incarnation;
        command.node_evidence.kind = EVIDENCE_RESERVATION_PREEMPTED;
        command.node_evidence.reservations = volumes;
        return story_apply(&story, 2, &command);
}

/* vm01 has all its disks on targets 1 and 2, vm02 elsewhere; there is no watchdog. */
START_TEST(keys_that_are_gone_prove_roles_whose_targets_are_all_named)
{
        story_online(&story, "vm01", 1);
        story_online(&story, "vm02", 1);
        ((struct role *)the_role(&story, "vm01"))->reserved = node_set_of(1) | node_set_of(2);
        story.model->nodes[1].watchdog = false;
        ck_assert_int_eq(preempted(1, node_set_of(1) | node_set_of(2)), APPLY_REFUSED); /* it is up */
        story_lost(&story, 1);
        ck_assert_int_eq(preempted(1, 0), APPLY_REFUSED);
        ck_assert_int_eq(preempted(1, node_set_of(1)), APPLY_REFUSED);
        ck_assert_int_eq(preempted(1, node_set_of(1) | node_set_of(2) | node_set_of(3)), APPLY_DONE);
        ck_assert_uint_eq(role_possible_runners(the_role(&story, "vm01")), 0);
        ck_assert_uint_eq(role_possible_runners(the_role(&story, "vm02")), node_set_of(1));
        ck_assert_int_eq(model_node(story.model, 1)->state, NODE_LOST);
        ck_assert_int_eq(preempted(1, node_set_of(1) | node_set_of(2)), APPLY_REFUSED); /* nothing more */
}
END_TEST

/* It is not off by that. */
START_TEST(who_is_wanted_off_stays_lost_without_its_keys)
{
        story_online(&story, "vm01", 1);
        ((struct role *)the_role(&story, "vm01"))->reserved = node_set_of(1);
        story_lost(&story, 1);
        story.model->nodes[1].fence_wanted = true;
        ck_assert_int_eq(preempted(1, node_set_of(1)), APPLY_DONE);
        ck_assert_uint_eq(role_possible_runners(the_role(&story, "vm01")), 0);
        ck_assert_int_eq(model_node(story.model, 1)->state, NODE_LOST);
        ck_assert(model_node(story.model, 1)->fence_wanted);
}
END_TEST

START_TEST(a_role_goes_only_to_a_node_that_takes_it)
{
        struct role role = story_role("vm01");
        role.possible = node_set_of(2) | node_set_of(3);
        story_add_role(&story, &role);
        ck_assert_int_eq(story_assign(&story, "vm01", 1), APPLY_REFUSED);
        ck_assert_int_eq(story_assign(&story, "vm01", 9), APPLY_NO_OBJECT);
        story_lost(&story, 2);
        ck_assert_int_eq(story_assign(&story, "vm01", 2), APPLY_REFUSED);
        story_node(&story, COMMAND_NODE_DRAIN, 3);
        ck_assert_int_eq(story_assign(&story, "vm01", 3), APPLY_REFUSED);
        story_node(&story, COMMAND_NODE_RESUME, 3);
        story_order(&story, COMMAND_ROLE_STOP, "vm01");
        ck_assert_int_eq(story_assign(&story, "vm01", 3), APPLY_REFUSED); /* wanted stopped */
        story_order(&story, COMMAND_ROLE_START, "vm01");
        ck_assert_int_eq(story_assign(&story, "vm01", 3), APPLY_DONE);
}
END_TEST

static enum apply_outcome report_as(uint32_t origin, uint32_t node, uint64_t generation)
{
        struct command command = { .kind = COMMAND_ROLE_REPORT };
        TEXT_COPY(command.role_report.role, "vm01");
        command.role_report.node = node;
        command.role_report.generation = generation;
        command.role_report.kind = REPORT_STOPPED;
        return story_apply(&story, origin, &command);
}

START_TEST(a_report_counts_only_from_its_owner_and_at_its_generation)
{
        story_online(&story, "vm01", 1);
        story_move(&story, "vm01", 2);
        story_report(&story, "vm01", 1, REPORT_ABSENT);
        story_report(&story, "vm01", 2, REPORT_RUNNING);
        ck_assert_uint_eq(the_role(&story, "vm01")->generation, 2);
        ck_assert_int_eq(report_as(1, 1, 2), APPLY_REFUSED); /* an owner no more */
        ck_assert_int_eq(report_as(1, 2, 2), APPLY_REFUSED); /* in another's name */
        ck_assert_int_eq(report_as(2, 2, 1), APPLY_REFUSED); /* of an old generation */
        ck_assert_int_eq(report_as(2, 2, 3), APPLY_REFUSED);
        ck_assert_int_eq(report_as(2, 9, 2), APPLY_REFUSED);
        ck_state(&story, "vm01", ROLE_ONLINE);
        ck_assert_int_eq(report_as(2, 2, 2), APPLY_DONE);
}
END_TEST

START_TEST(a_lost_node_cannot_report_before_it_joins)
{
        story_online(&story, "vm01", 1);
        story_lost(&story, 1);
        ck_assert_int_eq(story_report(&story, "vm01", 1, REPORT_RUNNING), APPLY_REFUSED);
        ck_assert_int_eq(story_report(&story, "vm01", 1, REPORT_STOPPED), APPLY_REFUSED);
        story_join(&story, 1, 1);
        ck_state(&story, "vm01", ROLE_RECOVERING); /* nobody knows yet */
        ck_assert_int_eq(story_report(&story, "vm01", 1, REPORT_RUNNING), APPLY_DONE);
        ck_state(&story, "vm01", ROLE_ONLINE);
        ck_assert_uint_eq(the_role(&story, "vm01")->owner, 1);
        ck_assert_uint_eq(the_role(&story, "vm01")->generation, 1);
}
END_TEST

static const enum report_kind gone[] = { REPORT_STOPPED, REPORT_SHUT_DOWN, REPORT_FAILED, REPORT_START_FAILED,
                                         REPORT_ABSENT };

START_TEST(a_returned_node_that_does_not_run_it_gives_the_evidence)
{
        story_online(&story, "vm01", 1);
        story_lost(&story, 1);
        story_join(&story, 1, 1);
        ck_assert_int_eq(story_report(&story, "vm01", 1, gone[_i]), APPLY_DONE);
        ck_state(&story, "vm01", ROLE_RECOVERING);
        ck_assert_int_eq(the_role(&story, "vm01")->owner_evidence.kind, EVIDENCE_STOPPED);
        ck_assert_uint_eq(role_possible_runners(the_role(&story, "vm01")), 0);
        ck_assert_int_eq(story_report(&story, "vm01", 1, REPORT_RUNNING), APPLY_REFUSED); /* too late */
        ck_assert_int_eq(story_assign(&story, "vm01", 1), APPLY_DONE);
}
END_TEST

START_TEST(an_expired_guard_proves_nothing_without_a_watchdog)
{
        story_join_with(&story, 1, 4096, false);
        story_online(&story, "vm01", 1);
        story_online(&story, "vm02", 2);
        story_lost(&story, 1);
        story_lost(&story, 2);
        ck_assert_int_eq(story_evidence(&story, 1, EVIDENCE_GUARD_EXPIRED), APPLY_REFUSED);
        ck_assert_int_eq(story_evidence(&story, 2, EVIDENCE_GUARD_EXPIRED), APPLY_DONE);
        ck_assert_int_eq(the_node(&story, 2)->state, NODE_DOWN);
        ck_assert_int_eq(story_assign(&story, "vm01", 3), APPLY_REFUSED);
        ck_assert_int_eq(story_assign(&story, "vm02", 3), APPLY_DONE);
}
END_TEST

/* Only these may be said of a whole node. */
static const struct {
        enum evidence_kind kind;
        enum apply_outcome want;
} node_evidence[] = {
        { EVIDENCE_NONE, APPLY_REFUSED },           { EVIDENCE_STOPPED, APPLY_REFUSED },
        { EVIDENCE_HANDED_OVER, APPLY_REFUSED },    { EVIDENCE_POWERED_OFF, APPLY_DONE },
        { EVIDENCE_GUARD_EXPIRED, APPLY_DONE },     { EVIDENCE_NEVER_RAN, APPLY_REFUSED },
        { EVIDENCE_OPERATOR, APPLY_DONE },          { EVIDENCE_RESERVATION_PREEMPTED, APPLY_REFUSED },
        { EVIDENCE_LEASE_RELEASED, APPLY_REFUSED },
};

START_TEST(only_some_evidence_can_be_given_of_a_node)
{
        story_online(&story, "vm01", 1);
        story_lost(&story, 1);
        ck_assert_int_eq(story_evidence(&story, 1, node_evidence[_i].kind), node_evidence[_i].want);
}
END_TEST

START_TEST(evidence_of_an_older_incarnation_is_refused)
{
        struct command old = { .kind = COMMAND_NODE_EVIDENCE };
        old.node_evidence.node = 1;
        old.node_evidence.kind = EVIDENCE_POWERED_OFF;
        old.node_evidence.incarnation = the_node(&story, 1)->incarnation;
        story_online(&story, "vm01", 1);
        story_lost(&story, 1);
        story_join(&story, 1, 1);
        ck_assert_uint_gt(the_node(&story, 1)->incarnation, old.node_evidence.incarnation);
        story_report(&story, "vm01", 1, REPORT_RUNNING);
        ck_assert_int_eq(story_apply(&story, 2, &old), APPLY_REFUSED); /* it is up */
        story_lost(&story, 1);
        ck_assert_int_eq(story_apply(&story, 2, &old), APPLY_REFUSED);
        ck_assert_int_eq(story_evidence(&story, 1, EVIDENCE_POWERED_OFF), APPLY_DONE);
}
END_TEST

START_TEST(a_loss_of_an_older_incarnation_is_refused)
{
        struct command old = { .kind = COMMAND_NODE_LOST };
        old.node.node = 1;
        old.node.incarnation = the_node(&story, 1)->incarnation;
        story_lost(&story, 1);
        story_join(&story, 1, 1);
        ck_assert_int_eq(story_apply(&story, 2, &old), APPLY_REFUSED);
        ck_assert_int_eq(the_node(&story, 1)->state, NODE_UP);
}
END_TEST

START_TEST(a_lost_node_that_ran_nothing_needs_no_evidence)
{
        story_lost(&story, 1);
        ck_assert_int_eq(the_node(&story, 1)->state, NODE_DOWN);
        ck_assert_uint_eq(the_node(&story, 1)->lost_index, story.index);
}
END_TEST

/* Who looked at a node vouches for what it was then. */
START_TEST(an_operator_vouches_for_one_incarnation)
{
        struct command command = { .kind = COMMAND_NODE_CONFIRM_OFF };
        command.node.node = 1;
        command.node.incarnation = the_node(&story, 1)->incarnation;
        story_online(&story, "vm01", 1);
        story_lost(&story, 1);
        story_join(&story, 1, 1);
        story_report(&story, "vm01", 1, REPORT_RUNNING);
        story_lost(&story, 1);
        ck_assert_int_eq(story_apply(&story, 2, &command), APPLY_REFUSED);
        command.node.incarnation = the_node(&story, 1)->incarnation;
        ck_assert_int_eq(story_apply(&story, 2, &command), APPLY_DONE);
        ck_assert_int_eq(the_role(&story, "vm01")->owner_evidence.kind, EVIDENCE_OPERATOR);
        ck_assert_int_eq(the_node(&story, 1)->evidence.kind, EVIDENCE_OPERATOR);
}
END_TEST

/* A new boot of the host proves that what its last boot ran is gone, whatever anybody knew of it. */
START_TEST(a_boot_is_evidence)
{
        enum role_state from = (enum role_state)_i;
        story_reach(&story, "vm01", from);
        uint64_t incarnation = the_node(&story, 1)->incarnation;
        ck_assert_int_eq(story_join(&story, 1, 2), APPLY_DONE);
        const struct role *role = the_role(&story, "vm01");
        ck_assert_uint_gt(the_node(&story, 1)->incarnation, incarnation);
        ck_assert_int_eq(the_node(&story, 1)->state, NODE_UP);
        ck_assert(!role_may_run_on(role, 1));
        switch (from) {
        case ROLE_STARTING:
                ck_assert_int_eq(role->owner_evidence.kind, EVIDENCE_NEVER_RAN);
                ck_assert_int_eq(role->state, ROLE_RECOVERING);
                break;
        case ROLE_ONLINE:
        case ROLE_RECOVERING:
                ck_assert_int_eq(role->owner_evidence.kind, EVIDENCE_STOPPED);
                ck_assert_int_eq(role->state, ROLE_RECOVERING);
                break;
        case ROLE_STOPPING:
                ck_assert_int_eq(role->state, ROLE_OFFLINE);
                break;
        case ROLE_MOVING:
                ck_assert_int_eq(role->state, ROLE_MOVING);
                ck_assert_int_eq(role->owner_end, MOVE_END_ABSENT);
                break;
        case ROLE_OFFLINE:
        case ROLE_FAILED:
        case ROLE_STATE_COUNT:
                ck_assert_int_eq(role->state, from);
                break;
        }
}
END_TEST

START_TEST(the_same_boot_proves_nothing)
{
        story_online(&story, "vm01", 1);
        ck_assert_int_eq(story_join_with(&story, 1, 8192, false), APPLY_DONE);
        ck_state(&story, "vm01", ROLE_ONLINE);
        ck_assert_uint_eq(the_node(&story, 1)->memory_mib, 8192);
        ck_assert(!the_node(&story, 1)->watchdog);
        ck_assert_uint_eq(the_node(&story, 1)->incarnation, 1);
}
END_TEST

START_TEST(a_node_that_is_to_be_fenced_returns_only_by_a_boot)
{
        story_online(&story, "vm01", 1);
        story_node(&story, COMMAND_NODE_FENCE, 1);
        ck_assert_int_eq(the_node(&story, 1)->state, NODE_LOST);
        ck_assert_int_eq(story_join(&story, 1, 1), APPLY_REFUSED);
        ck_assert_int_eq(story_join(&story, 1, 2), APPLY_DONE);
        ck_assert(!the_node(&story, 1)->fence_wanted);
        ck_assert_uint_eq(role_possible_runners(the_role(&story, "vm01")), 0);

        story_node(&story, COMMAND_NODE_FENCE, 2); /* runs nothing, and is to be turned off all the same */
        ck_assert_int_eq(the_node(&story, 2)->state, NODE_LOST);
        story_evidence(&story, 2, EVIDENCE_POWERED_OFF);
        ck_assert_int_eq(story_join(&story, 2, 1), APPLY_DONE);
}
END_TEST

START_TEST(a_lost_node_may_be_fenced_too)
{
        story_online(&story, "vm01", 1);
        story_lost(&story, 1);
        story_node(&story, COMMAND_NODE_FENCE, 1);
        ck_assert(the_node(&story, 1)->fence_wanted);
        ck_assert_int_eq(story_join(&story, 1, 1), APPLY_REFUSED);
}
END_TEST

START_TEST(nobody_joins_for_another_or_under_a_name_that_is_taken)
{
        struct command command = { .kind = COMMAND_NODE_JOIN };
        command.node_join.node = 4;
        TEXT_COPY(command.node_join.name, "n4");
        ck_assert_int_eq(story_apply(&story, 1, &command), APPLY_REFUSED);
        TEXT_COPY(command.node_join.name, "n2");
        ck_assert_int_eq(story_apply(&story, 4, &command), APPLY_REFUSED);
        ck_assert_ptr_null(model_node(story.model, 4));
}
END_TEST

/* Rows are kept by name: the old one would come back with the next start of the daemon. */
START_TEST(a_node_with_a_new_name_leaves_its_old_row)
{
        struct command command = { .kind = COMMAND_NODE_JOIN };
        command.node_join.node = 2;
        command.node_join.boot = 1;
        TEXT_COPY(command.node_join.name, "renamed");
        ck_assert_int_eq(story_apply(&story, 2, &command), APPLY_DONE);
        ck_assert(story.apply.deleted);
        ck_assert_int_eq(story.apply.deleted_kind, OBJECT_NODE);
        ck_assert_str_eq(story.apply.deleted_name, "n2");
        ck_assert_str_eq(the_node(&story, 2)->name, "renamed");
}
END_TEST

START_TEST(a_node_is_drained_only_when_it_is_empty)
{
        ck_assert_int_eq(story_node(&story, COMMAND_NODE_DRAINED, 2), APPLY_REFUSED);
        story_online(&story, "vm01", 1);
        story_node(&story, COMMAND_NODE_DRAIN, 1);
        ck_assert_int_eq(story_node(&story, COMMAND_NODE_DRAINED, 1), APPLY_REFUSED);
        story_drain_move(&story, "vm01", 2);
        ck_assert_int_eq(story_node(&story, COMMAND_NODE_DRAINED, 1), APPLY_REFUSED);
        story_report(&story, "vm01", 1, REPORT_ABSENT);
        story_report(&story, "vm01", 2, REPORT_RUNNING);
        ck_assert_int_eq(story_node(&story, COMMAND_NODE_DRAINED, 1), APPLY_DONE);
        ck_assert_int_eq(the_node(&story, 1)->duty, DUTY_DRAINED);
        story_node(&story, COMMAND_NODE_DRAIN, 1); /* as wanted already */
        ck_assert_int_eq(the_node(&story, 1)->duty, DUTY_DRAINED);
        story_join(&story, 1, 2); /* a boot ends no maintenance */
        ck_assert_int_eq(the_node(&story, 1)->duty, DUTY_DRAINED);
        story_node(&story, COMMAND_NODE_RESUME, 1);
        ck_assert_int_eq(the_node(&story, 1)->duty, DUTY_ACTIVE);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("apply_evidence");
        TCase *tcase = tcase_create("evidence");
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, a_lost_role_is_not_started_before_there_is_evidence);
        tcase_add_test(tcase, what_leases_guard_is_not_proven_by_want_of_contact);
        tcase_add_test(tcase, a_node_that_has_told_of_no_lease_is_proven_by_want_of_contact);
        tcase_add_test(tcase, what_is_off_needs_no_lease_to_expire);
        tcase_add_test(tcase, what_a_node_said_of_its_leases_lasts_until_it_boots);
        tcase_add_test(tcase, a_lease_that_was_given_up_proves_the_roles_of_its_volume);
        tcase_add_loop_test(tcase, who_gave_all_up_is_down_unless_it_is_wanted_off, 0, 2);
        tcase_add_test(tcase, a_release_says_nothing_of_what_is_on_its_way);
        tcase_add_test(tcase, keys_that_are_gone_prove_roles_whose_targets_are_all_named);
        tcase_add_test(tcase, who_is_wanted_off_stays_lost_without_its_keys);
        tcase_add_test(tcase, a_role_goes_only_to_a_node_that_takes_it);
        tcase_add_test(tcase, a_report_counts_only_from_its_owner_and_at_its_generation);
        tcase_add_test(tcase, a_lost_node_cannot_report_before_it_joins);
        tcase_add_loop_test(tcase, a_returned_node_that_does_not_run_it_gives_the_evidence, 0,
                            sizeof gone / sizeof *gone);
        tcase_add_test(tcase, an_expired_guard_proves_nothing_without_a_watchdog);
        tcase_add_loop_test(tcase, only_some_evidence_can_be_given_of_a_node, 0, EVIDENCE_COUNT);
        tcase_add_test(tcase, evidence_of_an_older_incarnation_is_refused);
        tcase_add_test(tcase, a_loss_of_an_older_incarnation_is_refused);
        tcase_add_test(tcase, a_lost_node_that_ran_nothing_needs_no_evidence);
        tcase_add_test(tcase, an_operator_vouches_for_one_incarnation);
        tcase_add_loop_test(tcase, a_boot_is_evidence, 0, ROLE_STATE_COUNT);
        tcase_add_test(tcase, the_same_boot_proves_nothing);
        tcase_add_test(tcase, a_node_that_is_to_be_fenced_returns_only_by_a_boot);
        tcase_add_test(tcase, a_lost_node_may_be_fenced_too);
        tcase_add_test(tcase, nobody_joins_for_another_or_under_a_name_that_is_taken);
        tcase_add_test(tcase, a_node_with_a_new_name_leaves_its_old_row);
        tcase_add_test(tcase, a_node_is_drained_only_when_it_is_empty);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
