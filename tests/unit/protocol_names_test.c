/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "clusterd/protocol/message.h"
#include "tests/unit/suite_run.h"

/* One test per enum: every value has a text of its own, and the text gives it back. */
#define NAMES_TEST(noun, count)                                                                              \
        START_TEST(every_##noun##_has_a_name_of_its_own)                                                     \
        {                                                                                                    \
                enum noun parsed = (enum noun)0;                                                             \
                for (unsigned int value = 0; value < (count); value++) {                                     \
                        const char *name = noun##_name((enum noun)value);                                    \
                        ck_assert_msg(name != NULL && name[0] != '\0', "%u", value);                         \
                        ck_assert_int_eq(noun##_parse(name, &parsed), 0);                                    \
                        ck_assert_uint_eq((unsigned int)parsed, value);                                      \
                }                                                                                            \
                ck_assert_str_eq(noun##_name((enum noun)(count)), "invalid");                                \
                ck_assert_int_eq(noun##_parse("", &parsed), -EINVAL);                                        \
                ck_assert_int_eq(noun##_parse("invalid", &parsed), -EINVAL);                                 \
                ck_assert_uint_eq((unsigned int)parsed, (unsigned int)(count)-1);                            \
        }                                                                                                    \
        END_TEST

NAMES_TEST(evidence_kind, EVIDENCE_COUNT)
NAMES_TEST(node_state, NODE_STATE_COUNT)
NAMES_TEST(node_duty, DUTY_COUNT)
NAMES_TEST(role_kind, ROLE_KIND_COUNT)
NAMES_TEST(role_state, ROLE_STATE_COUNT)
NAMES_TEST(role_desired, DESIRED_COUNT)
NAMES_TEST(move_end, MOVE_END_COUNT)
NAMES_TEST(redirect_state, REDIRECT_STATE_COUNT)
NAMES_TEST(volume_kind, VOLUME_KIND_COUNT)
NAMES_TEST(volume_state, VOLUME_STATE_COUNT)
NAMES_TEST(path_state, PATH_STATE_COUNT)
NAMES_TEST(object_kind, OBJECT_COUNT)
NAMES_TEST(command_kind, COMMAND_COUNT)
NAMES_TEST(report_kind, REPORT_COUNT)
NAMES_TEST(redirect_report, REDIRECT_REPORT_COUNT)
NAMES_TEST(message_kind, MESSAGE_COUNT)

START_TEST(names_are_those_that_people_know)
{
        ck_assert_str_eq(command_kind_name(COMMAND_ROLE_ASSIGN), "role-assign");
        ck_assert_str_eq(report_kind_name(REPORT_START_FAILED), "start-failed");
        ck_assert_str_eq(evidence_kind_name(EVIDENCE_GUARD_EXPIRED), "guard-expired");
        ck_assert_str_eq(evidence_kind_name(EVIDENCE_RESERVATION_PREEMPTED), "reservation-preempted");
        ck_assert_str_eq(evidence_kind_name(EVIDENCE_LEASE_RELEASED), "lease-released");
        ck_assert_str_eq(role_state_name(ROLE_RECOVERING), "recovering");
}
END_TEST

static void name_subject(struct command *command)
{
        switch (command->kind) {
        case COMMAND_ROLE_ASSIGN:
                TEXT_COPY(command->role_assign.role, "vm01");
                return;
        case COMMAND_ROLE_MOVE:
                TEXT_COPY(command->role_move.role, "vm01");
                return;
        case COMMAND_ROLE_REPORT:
                TEXT_COPY(command->role_report.role, "vm01");
                command->role_report.node = 3;
                return;
        case COMMAND_ROLE_ADD:
                TEXT_COPY(command->role_add.role.name, "vm01");
                return;
        case COMMAND_ROLE_SET:
                TEXT_COPY(command->role_set.role.name, "vm01");
                return;
        case COMMAND_ROLE_START:
        case COMMAND_ROLE_STOP:
        case COMMAND_ROLE_REMOVE:
        case COMMAND_ROLE_COPY_ABORT:
                TEXT_COPY(command->role.role, "vm01");
                return;
        case COMMAND_ROLE_COPY:
                TEXT_COPY(command->role_copy.role, "vm01");
                return;
        case COMMAND_ROLE_REDIRECT:
                TEXT_COPY(command->role_redirect.role, "vm01");
                return;
        case COMMAND_ROLE_REDIRECT_END:
                TEXT_COPY(command->role_redirect_end.role, "vm01");
                return;
        case COMMAND_REDIRECT_REPORT:
                TEXT_COPY(command->redirect_report.role, "vm01");
                return;
        case COMMAND_ROLE_RELOCATE:
                TEXT_COPY(command->role_relocate.role, "vm01");
                return;
        case COMMAND_COPY_REPORT:
                TEXT_COPY(command->copy_report.role, "vm01");
                command->copy_report.node = 3;
                return;
        case COMMAND_NODE_LOST:
        case COMMAND_NODE_DRAINED:
        case COMMAND_NODE_DRAIN:
        case COMMAND_NODE_RESUME:
        case COMMAND_NODE_CONFIRM_OFF:
        case COMMAND_NODE_FENCE:
        case COMMAND_NODE_QUARANTINE:
        case COMMAND_NODE_RELEASE:
        case COMMAND_NODE_EVICT:
                command->node.node = 3;
                return;
        case COMMAND_NODE_EVIDENCE:
                command->node_evidence.node = 3;
                return;
        case COMMAND_NODE_JOIN:
                command->node_join.node = 3;
                return;
        case COMMAND_FENCE_ADD:
                TEXT_COPY(command->fence_add.name, "ipmi1");
                return;
        case COMMAND_FENCE_REMOVE:
                TEXT_COPY(command->fence_remove.device, "ipmi1");
                return;
        case COMMAND_VOLUME_ADD:
                TEXT_COPY(command->volume_add.name, "csv1");
                return;
        case COMMAND_VOLUME_REMOVE:
        case COMMAND_VOLUME_READY:
        case COMMAND_VOLUME_DROP:
        case COMMAND_VOLUME_MAINTAIN:
        case COMMAND_VOLUME_RESUME:
                TEXT_COPY(command->volume.volume, "csv1");
                return;
        case COMMAND_VOLUME_MOVE:
                TEXT_COPY(command->volume_move.volume, "csv1");
                return;
        case COMMAND_VOLUME_REPORT:
                TEXT_COPY(command->volume_report.volume, "csv1");
                return;
        case COMMAND_FENCE_REPORT:
                command->fence_report.node = 3;
                return;
        case COMMAND_FENCE_TEST:
                command->fence_test.node = 3;
                return;
        case COMMAND_FENCE_TESTED:
                command->fence_tested.node = 3;
                return;
        case COMMAND_QUORUM_SET:
                command->quorum_set.node = 3;
                return;
        case COMMAND_EPOCH:
        case COMMAND_VOTER_SET:
        case COMMAND_WITNESS_SET:
        case COMMAND_WITNESS_REMOVE:
        case COMMAND_QUORUM_FORCE:
        case COMMAND_CLUSTER_SET:
        case COMMAND_CLUSTER_PAUSE:
        case COMMAND_CLUSTER_RESUME:
        case COMMAND_COUNT:
                return;
        }
}

static const char *const subjects[COMMAND_COUNT] = {
        [COMMAND_EPOCH] = "cluster",
        [COMMAND_NODE_LOST] = "node:3",
        [COMMAND_NODE_EVIDENCE] = "node:3",
        [COMMAND_NODE_DRAINED] = "node:3",
        [COMMAND_ROLE_ASSIGN] = "role:vm01",
        [COMMAND_ROLE_MOVE] = "role:vm01",
        [COMMAND_VOTER_SET] = "cluster",
        [COMMAND_NODE_JOIN] = "node:3",
        [COMMAND_ROLE_REPORT] = "role:vm01",
        [COMMAND_CLUSTER_SET] = "cluster",
        [COMMAND_NODE_DRAIN] = "node:3",
        [COMMAND_NODE_RESUME] = "node:3",
        [COMMAND_NODE_CONFIRM_OFF] = "node:3",
        [COMMAND_ROLE_ADD] = "role:vm01",
        [COMMAND_ROLE_SET] = "role:vm01",
        [COMMAND_ROLE_START] = "role:vm01",
        [COMMAND_ROLE_STOP] = "role:vm01",
        [COMMAND_ROLE_REMOVE] = "role:vm01",
        [COMMAND_ROLE_COPY] = "role:vm01",
        [COMMAND_ROLE_COPY_ABORT] = "role:vm01",
        [COMMAND_COPY_REPORT] = "role:vm01",
        [COMMAND_ROLE_RELOCATE] = "role:vm01",
        [COMMAND_ROLE_REDIRECT] = "role:vm01",
        [COMMAND_ROLE_REDIRECT_END] = "role:vm01",
        [COMMAND_REDIRECT_REPORT] = "role:vm01",
        [COMMAND_FENCE_ADD] = "fence:ipmi1",
        [COMMAND_FENCE_REMOVE] = "fence:ipmi1",
        [COMMAND_NODE_FENCE] = "node:3",
        [COMMAND_FENCE_REPORT] = "node:3",
        [COMMAND_FENCE_TEST] = "node:3",
        [COMMAND_FENCE_TESTED] = "node:3",
        [COMMAND_NODE_QUARANTINE] = "node:3",
        [COMMAND_NODE_RELEASE] = "node:3",
        [COMMAND_NODE_EVICT] = "node:3",
        [COMMAND_VOLUME_ADD] = "volume:csv1",
        [COMMAND_VOLUME_REMOVE] = "volume:csv1",
        [COMMAND_VOLUME_READY] = "volume:csv1",
        [COMMAND_VOLUME_DROP] = "volume:csv1",
        [COMMAND_VOLUME_REPORT] = "volume:csv1",
        [COMMAND_VOLUME_MOVE] = "volume:csv1",
        [COMMAND_VOLUME_MAINTAIN] = "volume:csv1",
        [COMMAND_VOLUME_RESUME] = "volume:csv1",
        [COMMAND_CLUSTER_PAUSE] = "cluster",
        [COMMAND_CLUSTER_RESUME] = "cluster",
        [COMMAND_QUORUM_SET] = "node:3",
        [COMMAND_WITNESS_SET] = "cluster",
        [COMMAND_WITNESS_REMOVE] = "cluster",
        [COMMAND_QUORUM_FORCE] = "cluster",
};

START_TEST(a_command_tells_what_it_is_about)
{
        char subject[NAME_BYTES + 8];
        struct command command;
        memset(&command, 0, sizeof(command));
        command.kind = (enum command_kind)_i;
        name_subject(&command);
        command_subject(&command, subject, sizeof(subject));
        ck_assert_str_eq(subject, subjects[_i]);
}
END_TEST

START_TEST(a_subject_is_cut_to_fit)
{
        char subject[6];
        struct command command = { .kind = COMMAND_ROLE_START };
        TEXT_COPY(command.role.role, "vm01");
        command_subject(&command, subject, sizeof(subject));
        ck_assert_str_eq(subject, "role:");
}
END_TEST

START_TEST(objects_are_stored_under_their_names)
{
        struct object object;
        memset(&object, 0, sizeof(object));
        object.kind = OBJECT_SETTINGS;
        ck_assert_str_eq(object_name(&object), "cluster");
        object.kind = OBJECT_NODE;
        TEXT_COPY(object.node.name, "n1");
        ck_assert_str_eq(object_name(&object), "n1");
        object.kind = OBJECT_ROLE;
        TEXT_COPY(object.role.name, "vm01");
        ck_assert_str_eq(object_name(&object), "vm01");
        object.kind = OBJECT_FENCE_DEVICE;
        TEXT_COPY(object.fence_device.name, "ipmi1");
        ck_assert_str_eq(object_name(&object), "ipmi1");
        object.kind = OBJECT_VOLUME;
        TEXT_COPY(object.volume.name, "csv1");
        ck_assert_str_eq(object_name(&object), "csv1");
}
END_TEST

START_TEST(settings_begin_with_their_defaults)
{
        ck_assert_str_eq(settings_default.cluster_name, "");
        ck_assert_uint_eq(settings_default.voters, 0);
        ck_assert_uint_eq(settings_default.moves_max, 2);
        ck_assert_uint_eq(settings_default.isolation_hold_ms, 10000);
        ck_assert_uint_eq(settings_default.stop_grace_ms, 2000);
        ck_assert_uint_eq(settings_default.watchdog_ms, 5000);
        ck_assert_uint_eq(settings_default.margin_ms, 1000);
        ck_assert_uint_eq(settings_default.quarantine_losses, 3);
        ck_assert_uint_eq(settings_default.quarantine_window_ms, 3600000);
        ck_assert_uint_eq(settings_default.quarantine_ms, 7200000);
        ck_assert_uint_eq(settings_default.resiliency_ms, 240000);
        ck_assert_uint_eq(settings_default.stall_limit_ms, 1800000);
}
END_TEST

static Suite *names_suite(void)
{
        Suite *suite = suite_create("protocol names");
        TCase *names = tcase_create("names");
        tcase_add_test(names, every_evidence_kind_has_a_name_of_its_own);
        tcase_add_test(names, every_node_state_has_a_name_of_its_own);
        tcase_add_test(names, every_node_duty_has_a_name_of_its_own);
        tcase_add_test(names, every_role_kind_has_a_name_of_its_own);
        tcase_add_test(names, every_role_state_has_a_name_of_its_own);
        tcase_add_test(names, every_role_desired_has_a_name_of_its_own);
        tcase_add_test(names, every_move_end_has_a_name_of_its_own);
        tcase_add_test(names, every_redirect_state_has_a_name_of_its_own);
        tcase_add_test(names, every_volume_kind_has_a_name_of_its_own);
        tcase_add_test(names, every_volume_state_has_a_name_of_its_own);
        tcase_add_test(names, every_path_state_has_a_name_of_its_own);
        tcase_add_test(names, every_object_kind_has_a_name_of_its_own);
        tcase_add_test(names, every_command_kind_has_a_name_of_its_own);
        tcase_add_test(names, every_report_kind_has_a_name_of_its_own);
        tcase_add_test(names, every_redirect_report_has_a_name_of_its_own);
        tcase_add_test(names, every_message_kind_has_a_name_of_its_own);
        tcase_add_test(names, names_are_those_that_people_know);
        suite_add_tcase(suite, names);

        TCase *values = tcase_create("values");
        tcase_add_loop_test(values, a_command_tells_what_it_is_about, 0, COMMAND_COUNT);
        tcase_add_test(values, a_subject_is_cut_to_fit);
        tcase_add_test(values, objects_are_stored_under_their_names);
        tcase_add_test(values, settings_begin_with_their_defaults);
        suite_add_tcase(suite, values);
        return suite;
}

int main(void)
{
        return suite_run(names_suite());
}
