/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/request_entry_text.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "tests/unit/suite_run.h"

static struct model *model;

static void add_node(uint32_t id, const char *name)
{
        struct object object = { .kind = OBJECT_NODE, .node = { .id = id, .state = NODE_UP } };
        TEXT_COPY(object.node.name, name);
        ck_assert_int_eq(model_put(model, &object), 0);
}

static void make_model(void)
{
        model = model_init(calloc(1, model_bytes(4)), 4);
        model->settings = settings_default;
        add_node(1, "n1");
        add_node(2, "n2");
}

static void free_model(void)
{
        free(model);
}

static const struct {
        struct command command;
        const char *want;
} cases[] = {
        { { .kind = COMMAND_EPOCH, .epoch = { .leader = 1, .members = 7 } },
          "epoch 5 begins, led by n1, with n1 n2 node 3" },
        { { .kind = COMMAND_EPOCH,
            .epoch = { .leader = 1, .members = 1, .forced = 5, .reason = "by root: burned" } },
          "epoch 5 begins, led by n1, with n1; forced: it votes alone from here on: by root: burned" },
        { { .kind = COMMAND_QUORUM_FORCE, .quorum_force = { .reason = "by root" } },
          "a node is to go on alone: by root" },
        { { .kind = COMMAND_NODE_LOST, .node = { .node = 2, .reason = "left without a word" } },
          "n2 is lost: left without a word" },
        { { .kind = COMMAND_NODE_EVIDENCE,
            .node_evidence = { .node = 2,
                               .kind = EVIDENCE_POWERED_OFF,
                               .text = "ipmi2",
                               .duration_ms = 3210 } },
          "n2 runs nothing any more: powered-off by ipmi2, 3.2 s after the loss" },
        { { .kind = COMMAND_NODE_DRAINED, .node = { .node = 1 } }, "n1 is drained" },
        { { .kind = COMMAND_ROLE_ASSIGN,
            .role_assign = { .role = "vm01",
                             .node = 2,
                             .generation = 4,
                             .reason = "preferred",
                             .owner_evidence = { .kind = EVIDENCE_GUARD_EXPIRED, .index = 77 } } },
          "vm01 is given to n2 at generation 4: preferred; its last owner cannot run it: guard-expired, "
          "entry 77" },
        { { .kind = COMMAND_ROLE_MOVE,
            .role_move = { .role = "vm01", .target = 2, .reason = "asked by root" } },
          "vm01 is to move to n2: asked by root" },
        { { .kind = COMMAND_ROLE_MOVE, .role_move = { .role = "vm01" } },
          "vm01 is to move to the best place" },
        { { .kind = COMMAND_VOTER_SET, .voter_set = { .before = 7, .voters = 3, .reason = "n3 is lost" } },
          "the voters are now n1 n2: n3 is lost" },
        { { .kind = COMMAND_VOTER_SET,
            .voter_set = { .before = 3, .voters = 3, .witness = 9, .reason = "the witness answers" } },
          "the voters are now n1 n2 and the witness: the witness answers" },
        { { .kind = COMMAND_WITNESS_SET,
            .witness = { .witness = { .kind = WITNESS_SHARE, .place = "/mnt/w" }, .reason = "by root" } },
          "the witness (share /mnt/w) is set: by root" },
        { { .kind = COMMAND_WITNESS_SET,
            .witness = { .witness = { .kind = WITNESS_DISK, .place = "/csv", .volume = "csv1" },
                         .reason = "by root" } },
          "the witness (disk csv1) is set: by root" },
        { { .kind = COMMAND_WITNESS_REMOVE,
            .witness = { .witness = { .kind = WITNESS_SHARE, .place = "/mnt/w" }, .reason = "by root" } },
          "the witness (share /mnt/w) is to be removed: by root" },
        { { .kind = COMMAND_QUORUM_SET,
            .quorum_set = { .fields = QUORUM_FIELD_DYNAMIC, .reason = "by root" } },
          "votes do not follow what is lost: by root" },
        { { .kind = COMMAND_QUORUM_SET,
            .quorum_set = { .fields = QUORUM_FIELD_DYNAMIC | QUORUM_FIELD_PRIORITY,
                            .dynamic = true,
                            .node = 2,
                            .priority = -5 } },
          "votes follow what is lost, and n2 has quorum priority -5" },
        { { .kind = COMMAND_NODE_JOIN,
            .node_join = { .node = 3, .name = "n3", .memory_mib = 4096, .cpus = 8 } },
          "n3 is here with 4096 MiB, 8 cpus and no watchdog" },
        { { .kind = COMMAND_ROLE_REPORT,
            .role_report = { .role = "vm01",
                             .node = 2,
                             .kind = REPORT_RUNNING,
                             .duration_ms = 900,
                             .downtime_ms = 31 } },
          "vm01 runs on n2, after 900 ms, guest not running for 31 ms" },
        { { .kind = COMMAND_ROLE_REPORT,
            .role_report = { .role = "vm01", .node = 9, .kind = REPORT_START_FAILED, .text = "no disk" } },
          "vm01 could not be started on -: no disk" },
        { { .kind = COMMAND_CLUSTER_SET,
            .cluster_set = { .fields = SETTINGS_FIELD_MOVES_MAX | SETTINGS_FIELD_MARGIN,
                             .settings = { .moves_max = 3, .margin_ms = 500 } } },
          "settings change: max-moves 3 margin 500 ms" },
        { { .kind = COMMAND_NODE_DRAIN, .node = { .node = 1, .reason = "drained by root" } },
          "n1 is to be drained: drained by root" },
        { { .kind = COMMAND_NODE_DRAIN, .node = { .node = 1, .shut_down = SHUT_DOWN_REBOOT } },
          "n1 is to be drained and booted anew" },
        { { .kind = COMMAND_NODE_RESUME, .node = { .node = 1 } }, "n1 is to take roles again" },
        { { .kind = COMMAND_NODE_CONFIRM_OFF, .node = { .node = 1 } }, "n1 is confirmed to be off" },
        { { .kind = COMMAND_ROLE_ADD,
            .role_add = { .role = { .name = "vm01", .memory_mib = 512, .cpus = 1 } } },
          "vm01 is registered (vm, 512 MiB, 1 cpus), to be stopped" },
        { { .kind = COMMAND_ROLE_SET,
            .role_set = { .fields = ROLE_FIELD_NOTE | ROLE_FIELD_PREFERRED | ROLE_FIELD_POSSIBLE,
                          .role = { .name = "vm01", .note = "x", .preferred = { 2, 1 } } } },
          "vm01 changes: note 'x' preferred nodes n2 n1 possible nodes all" },
        { { .kind = COMMAND_ROLE_START, .role = { .role = "vm01" } }, "vm01 is to run" },
        { { .kind = COMMAND_ROLE_STOP, .role = { .role = "vm01", .force = true } },
          "vm01 is to stop, by force" },
        { { .kind = COMMAND_ROLE_REMOVE, .role = { .role = "vm01" } }, "vm01 is to be forgotten" },
        { { .kind = COMMAND_FENCE_ADD,
            .fence_add = { .name = "f1",
                           .agent = "fence_x",
                           .targets = 3,
                           .level = 2,
                           .options = "password=secret\n" } },
          "fence device f1 (fence_x) is registered for n1 n2, level 2" },
        { { .kind = COMMAND_FENCE_REMOVE, .fence_remove = { .device = "f1" } },
          "fence device f1 is to be forgotten" },
        { { .kind = COMMAND_FENCE_REPORT,
            .fence_report = { .node = 2,
                              .device = "f1",
                              .level = 1,
                              .duration_ms = 2100,
                              .text = "no route" } },
          "fence device f1 (level 1) could not turn off n2, after 2.1 s: no route" },
        { { .kind = COMMAND_FENCE_REPORT,
            .fence_report = { .node = 2, .device = "f1", .level = 2, .succeeded = true, .duration_ms = 90 } },
          "fence device f1 (level 2) has turned off n2, after 90 ms" },
        { { .kind = COMMAND_FENCE_REPORT,
            .fence_report = { .node = 2,
                              .volume = "san",
                              .duration_ms = 3000,
                              .text = "LUN 1: it is away" } },
          "the keys of n2 on volume san could not be taken away, after 3.0 s: LUN 1: it is away" },
        { { .kind = COMMAND_FENCE_REPORT,
            .fence_report = { .node = 2, .volume = "san", .succeeded = true, .duration_ms = 90 } },
          "the keys of n2 on volume san are taken away, after 90 ms" },
        { { .kind = COMMAND_ROLE_COPY,
            .role_copy = { .role = "vm01",
                           .disk = "vda",
                           .from = "/csv1/a",
                           .to = "/csv2/a",
                           .reason = "asked by root" } },
          "disk vda of vm01 is to go from /csv1/a to /csv2/a: asked by root" },
        { { .kind = COMMAND_ROLE_REDIRECT,
            .role_redirect = { .role = "vm01", .exporter = 2, .reason = "so" } },
          "n2 is to write for vm01: so" },
        { { .kind = COMMAND_ROLE_REDIRECT_END, .role_redirect_end = { .role = "vm01", .reason = "so" } },
          "the export of vm01's disks is to be closed: so" },
        { { .kind = COMMAND_REDIRECT_REPORT,
            .redirect_report = { .role = "vm01", .node = 2, .port = 4, .key = "secret" } },
          "vm01 is exported by n2" },
        { { .kind = COMMAND_ROLE_RELOCATE, .role_relocate = { .role = "vm01", .reason = "it has waited" } },
          "vm01 is stopped, to be started where its volumes are: it has waited" },
        { { .kind = COMMAND_ROLE_COPY_ABORT, .role = { .role = "vm01" } },
          "the move of vm01's storage is to end" },
        { { .kind = COMMAND_COPY_REPORT, .copy_report = { .role = "vm01", .node = 2 } },
          "vm01 on n2 is held, its old image and the new one are equal" },
        { { .kind = COMMAND_COPY_REPORT,
            .copy_report = { .role = "vm01", .node = 2, .kind = COPY_REPORT_DONE, .held_ms = 23 } },
          "vm01 on n2 has the new image, held for 23 ms" },
        { { .kind = COMMAND_COPY_REPORT,
            .copy_report = { .role = "vm01", .node = 2, .kind = COPY_REPORT_FAILED, .text = "it broke" } },
          "vm01 on n2 keeps the old image: it broke" },
        { { .kind = COMMAND_VOLUME_ADD, .volume_add = { .name = "csv1", .path = "/csv" } },
          "volume csv1 (directory /csv) is to be proven by every member" },
        { { .kind = COMMAND_VOLUME_REMOVE, .volume = { .volume = "csv1", .reason = "asked by root" } },
          "volume csv1 is to be forgotten: asked by root" },
        { { .kind = COMMAND_VOLUME_READY, .volume = { .volume = "csv1" } }, "volume csv1 is ready" },
        { { .kind = COMMAND_VOLUME_MOVE,
            .volume_move = { .volume = "csv1", .node = 2, .reason = "n1 is lost" } },
          "volume csv1 is coordinated by n2: n1 is lost" },
        { { .kind = COMMAND_VOLUME_MAINTAIN, .volume = { .volume = "csv1", .reason = "asked by root" } },
          "volume csv1 is in maintenance: asked by root" },
        { { .kind = COMMAND_VOLUME_RESUME, .volume = { .volume = "csv1", .reason = "asked by root" } },
          "volume csv1 is to be proven anew by every member: asked by root" },
        { { .kind = COMMAND_VOLUME_DROP, .volume = { .volume = "csv1", .reason = "n2: it is too slow" } },
          "volume csv1 is not used: n2: it is too slow" },
        { { .kind = COMMAND_VOLUME_REPORT,
            .volume_report = { .volume = "csv1", .node = 2, .state = PATH_MARKED } },
          "n2 has left its mark on volume csv1" },
        { { .kind = COMMAND_VOLUME_REPORT,
            .volume_report = { .volume = "csv1", .node = 2, .state = PATH_DIRECT } },
          "n2 has a direct path to volume csv1" },
        { { .kind = COMMAND_VOLUME_REPORT,
            .volume_report = { .volume = "csv1",
                               .node = 2,
                               .state = PATH_HANGS,
                               .text = "it does not answer" } },
          "n2 has lost volume csv1: it does not answer" },
        { { .kind = COMMAND_FENCE_TEST, .fence_test = { .node = 2, .force = true } },
          "n2 is to be turned off and on by each level of its fence devices, by force" },
        { { .kind = COMMAND_FENCE_TEST,
            .fence_test = { .node = 2, .on_only = true, .reason = "asked by root" } },
          "n2 is to be turned on by each level of its fence devices: asked by root" },
        { { .kind = COMMAND_FENCE_TESTED, .fence_tested = { .node = 2, .level = 1, .reason = "by f1" } },
          "fence level 1: n2 was not turned off, after 0 ms: by f1" },
        { { .kind = COMMAND_NODE_FENCE, .node = { .node = 2 } }, "n2 is to be turned off" },
        { { .kind = COMMAND_NODE_QUARANTINE, .node = { .node = 2, .reason = "lost 3 times" } },
          "n2 is quarantined: it takes no roles: lost 3 times" },
        { { .kind = COMMAND_CLUSTER_PAUSE, .cluster_pause = { .for_ms = 600000, .reason = "by root" } },
          "no failover and no fencing for 600.0 s; guests of a node without contact are stopped after 10.0 s "
          "all the same: by root" },
        { { .kind = COMMAND_CLUSTER_RESUME, .cluster_pause = { .reason = "its time is over" } },
          "failover and fencing go on: its time is over" },
        { { .kind = COMMAND_NODE_RELEASE, .node = { .node = 2 } }, "n2 is to leave its quarantine" },
        { { .kind = COMMAND_NODE_EVICT, .node = { .node = 2, .reason = "evicted by root" } },
          "n2 is taken out of the cluster: evicted by root" },
};

START_TEST(says_in_one_sentence)
{
        const struct entry entry = { .epoch = 5, .index = 9, .command = cases[_i].command };
        char text[ENTRY_TEXT_BYTES];
        entry_text(&entry, model, text);
        ck_assert_str_eq(text, cases[_i].want);
}
END_TEST

START_TEST(has_a_sentence_for_every_kind_of_command)
{
        bool seen[COMMAND_COUNT] = { false };
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
                seen[cases[i].command.kind] = true;
        for (enum command_kind kind = 0; kind < COMMAND_COUNT; kind++)
                ck_assert_msg(seen[kind], "%s has no case", command_kind_name(kind));
}
END_TEST

START_TEST(cuts_what_does_not_fit)
{
        struct entry entry = { .command = { .kind = COMMAND_ROLE_ASSIGN } };
        struct command_role_assign *assign = &entry.command.role_assign;
        char text[ENTRY_TEXT_BYTES], few[8];
        memset(assign->role, 'r', sizeof(assign->role) - 1);
        memset(assign->reason, 'x', sizeof(assign->reason) - 1);
        assign->owner_evidence.kind = assign->target_evidence.kind = EVIDENCE_OPERATOR;
        memset(assign->owner_evidence.text, 'y', NAME_BYTES - 1);
        memset(assign->target_evidence.text, 'z', NAME_BYTES - 1);
        entry_text(&entry, model, text);
        ck_assert_uint_lt(strlen(text), sizeof(text));
        node_set_text(UINT64_MAX, model, few, sizeof(few));
        ck_assert_str_eq(few, "n1 n2 n");
}
END_TEST

int main(void)
{
        TCase *tcase = tcase_create("entry_text");
        tcase_add_checked_fixture(tcase, make_model, free_model);
        tcase_add_loop_test(tcase, says_in_one_sentence, 0, (int)(sizeof(cases) / sizeof(cases[0])));
        tcase_add_test(tcase, has_a_sentence_for_every_kind_of_command);
        tcase_add_test(tcase, cuts_what_does_not_fit);

        Suite *suite = suite_create("entry_text");
        suite_add_tcase(suite, tcase);

        return suite_run(suite);
}
