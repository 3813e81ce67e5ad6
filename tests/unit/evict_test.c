/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/apply.h"

#include <check.h>
#include <stdlib.h>

#include "clusterd/base/text.h"
#include "tests/unit/core_fixture.h"
#include "tests/unit/suite_run.h"

/* Who may be evicted, what goes with it, and how it may come back. */

static struct story story;

static void begin(void)
{
        story_begin(&story);
        for (uint32_t node = 1; node <= 3; node++)
                story_join(&story, node, 1);
        story.model->settings.voters = 7;
}

static void end(void)
{
        story_end(&story);
}

static enum apply_outcome evict(uint32_t node)
{
        return story_node(&story, COMMAND_NODE_EVICT, node);
}

/* It ran nothing: it is down at once. */
static void take_down(uint32_t node)
{
        story_lost(&story, node);
        ck_assert_int_eq(the_node(&story, node)->state, NODE_DOWN);
}

static enum apply_outcome join(uint32_t node, const char *name, bool fresh)
{
        struct command command = { .kind = COMMAND_NODE_JOIN };
        command.node_join.node = node;
        command.node_join.boot = 9;
        command.node_join.memory_mib = 1024;
        command.node_join.fresh = fresh;
        text_copy(command.node_join.name, NAME_BYTES, name);
        return story_apply(&story, node, &command);
}

START_TEST(one_that_is_up_is_drained_first)
{
        ck_assert_int_eq(evict(3), APPLY_REFUSED);
        story_node(&story, COMMAND_NODE_DRAIN, 3);
        ck_assert_int_eq(evict(3), APPLY_REFUSED);
        story_node(&story, COMMAND_NODE_DRAINED, 3);
        ck_assert_int_eq(evict(3), APPLY_DONE);
        ck_assert_int_eq(the_node(&story, 3)->state, NODE_DOWN);
        ck_assert(the_node(&story, 3)->evicted);
        ck_assert_int_eq(evict(3), APPLY_REFUSED);
}
END_TEST

START_TEST(one_that_is_lost_is_proven_off_first)
{
        story_online(&story, "vm01", 3);
        story_lost(&story, 3);
        ck_assert_int_eq(evict(3), APPLY_REFUSED);
        story_evidence(&story, 3, EVIDENCE_POWERED_OFF);
        ck_assert_int_eq(evict(3), APPLY_DONE);
        ck_assert_int_eq(the_node(&story, 3)->evidence.kind, EVIDENCE_POWERED_OFF);
        ck_assert_int_eq(story_assign(&story, "vm01", 1), APPLY_DONE);
}
END_TEST

/* Proven off, and yet a guest may arrive there: its source has not ended the move. */
START_TEST(a_role_on_its_way_there_keeps_it)
{
        story_online(&story, "vm01", 1);
        story_move(&story, "vm01", 3);
        story_lost(&story, 3);
        story_evidence(&story, 3, EVIDENCE_POWERED_OFF);
        ck_assert_int_eq(the_node(&story, 3)->state, NODE_DOWN);
        ck_assert_int_eq(evict(3), APPLY_REFUSED);
        ck_assert(strstr(story.apply.reason, "vm01") != NULL);
}
END_TEST

START_TEST(nobody_is_evicted_whom_quorum_needs)
{
        for (uint32_t node = 2; node <= 3; node++) {
                story_node(&story, COMMAND_NODE_DRAIN, node);
                story_node(&story, COMMAND_NODE_DRAINED, node);
        }
        take_down(2);
        ck_assert_int_eq(evict(3), APPLY_REFUSED); /* one of two votes would be here */
        ck_assert_int_eq(evict(2), APPLY_DONE);
        story.model->settings.voters = 5;
        ck_assert_int_eq(evict(3), APPLY_DONE);
        story.model->settings.voters = 1;
        story_node(&story, COMMAND_NODE_DRAIN, 1);
        story_node(&story, COMMAND_NODE_DRAINED, 1);
        ck_assert_int_eq(evict(1), APPLY_REFUSED); /* nobody would be left */
}
END_TEST

START_TEST(of_an_old_incarnation_it_is_refused)
{
        struct command command = { .kind = COMMAND_NODE_EVICT };
        command.node.node = 3;
        command.node.incarnation = the_node(&story, 3)->incarnation + 1;
        take_down(3);
        ck_assert_int_eq(story_apply(&story, 1, &command), APPLY_REFUSED);
}
END_TEST

START_TEST(a_role_bound_to_it_is_given_elsewhere_first)
{
        struct role role = story_role("vm01");
        role.possible = node_set_of(3);
        story_add_role(&story, &role);
        take_down(3);
        ck_assert_int_eq(evict(3), APPLY_REFUSED);
        ck_assert(strstr(story.apply.reason, "--possible") != NULL);
}
END_TEST

START_TEST(roles_forget_it)
{
        struct role role = story_role("vm01");
        role.possible = 7;
        role.preferred[0] = 3;
        role.preferred[1] = 2;
        story_add_role(&story, &role);
        take_down(3);
        ck_assert_int_eq(evict(3), APPLY_DONE);
        ck_assert_uint_eq(the_role(&story, "vm01")->possible, 3);
        ck_assert_uint_eq(the_role(&story, "vm01")->preferred[0], 2);
        ck_assert_uint_eq(the_role(&story, "vm01")->preferred[1], NODE_NONE);
        role.possible = 0;
        TEXT_COPY(role.name, "vm02");
        TEXT_COPY(role.uuid, "2");
        ck_assert_int_eq(story_add_role(&story, &role), APPLY_REFUSED); /* it prefers n3 */
}
END_TEST

static void add_device(const char *name, node_set targets)
{
        struct command command = { .kind = COMMAND_FENCE_ADD };
        text_copy(command.fence_add.name, NAME_BYTES, name);
        TEXT_COPY(command.fence_add.agent, "fence_lab");
        command.fence_add.targets = targets;
        command.fence_add.level = 1;
        command.fence_add.together = 1;
        ck_assert_int_eq(story_apply(&story, 1, &command), APPLY_DONE);
}

START_TEST(devices_of_it_alone_go)
{
        add_device("ipmi2", node_set_of(2));
        add_device("ipmi3", node_set_of(3));
        add_device("pdu", node_set_of(2) | node_set_of(3));
        add_device("ipmi3b", node_set_of(3));
        take_down(3);
        ck_assert_int_eq(evict(3), APPLY_DONE);
        ck_assert_uint_eq(story.apply.devices_deleted, 2);
        ck_assert_str_eq(story.apply.device_deleted[0], "ipmi3");
        ck_assert_str_eq(story.apply.device_deleted[1], "ipmi3b");
        ck_assert_ptr_null(model_fence_device(story.model, "ipmi3"));
        ck_assert_uint_eq(model_fence_device(story.model, "pdu")->targets, node_set_of(2));
        ck_assert_ptr_nonnull(model_fence_device(story.model, "ipmi2"));
        take_down(2);
        ck_assert_uint_eq(story.apply.devices_deleted, 0);
}
END_TEST

START_TEST(nobody_asks_anything_of_it_any_more)
{
        take_down(3);
        evict(3);
        const enum command_kind kinds[] = { COMMAND_NODE_DRAIN,       COMMAND_NODE_RESUME,
                                            COMMAND_NODE_LOST,        COMMAND_NODE_FENCE,
                                            COMMAND_NODE_CONFIRM_OFF, COMMAND_NODE_RELEASE,
                                            COMMAND_NODE_DRAINED,     COMMAND_NODE_QUARANTINE };
        for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
                ck_assert_int_eq(story_node(&story, kinds[i], 3), APPLY_REFUSED);
        uint32_t count = 0;
        MODEL_EACH_NODE (story.model, node)
                count++;
        ck_assert_uint_eq(count, 2);
        ck_assert_ptr_nonnull(model_node_by_name(story.model, "n3"));
        ck_assert_uint_eq(model_evicted(story.model), node_set_of(3));
}
END_TEST

START_TEST(it_joins_again_as_a_new_one)
{
        story_node(&story, COMMAND_NODE_DRAIN, 3);
        story_node(&story, COMMAND_NODE_DRAINED, 3);
        uint64_t incarnation = the_node(&story, 3)->incarnation;
        evict(3);
        ck_assert_int_eq(join(3, "n3", false), APPLY_REFUSED);
        ck_assert_int_eq(join(4, "n3", true), APPLY_REFUSED); /* its name stays its own */
        ck_assert_int_eq(join(3, "n3", true), APPLY_DONE);
        ck_assert(!the_node(&story, 3)->evicted);
        ck_assert_int_eq(the_node(&story, 3)->state, NODE_UP);
        ck_assert_int_eq(the_node(&story, 3)->duty, DUTY_ACTIVE);
        ck_assert_uint_gt(the_node(&story, 3)->incarnation, incarnation);
        ck_assert_int_eq(story_node(&story, COMMAND_NODE_DRAIN, 3), APPLY_DONE);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("evict");
        TCase *tests = tcase_create("evict");
        tcase_add_checked_fixture(tests, begin, end);
        tcase_add_test(tests, one_that_is_up_is_drained_first);
        tcase_add_test(tests, one_that_is_lost_is_proven_off_first);
        tcase_add_test(tests, a_role_on_its_way_there_keeps_it);
        tcase_add_test(tests, nobody_is_evicted_whom_quorum_needs);
        tcase_add_test(tests, of_an_old_incarnation_it_is_refused);
        tcase_add_test(tests, a_role_bound_to_it_is_given_elsewhere_first);
        tcase_add_test(tests, roles_forget_it);
        tcase_add_test(tests, devices_of_it_alone_go);
        tcase_add_test(tests, nobody_asks_anything_of_it_any_more);
        tcase_add_test(tests, it_joins_again_as_a_new_one);
        suite_add_tcase(suite, tests);
        return suite_run(suite);
}
