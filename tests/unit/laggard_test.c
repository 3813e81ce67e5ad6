/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A majority that only a node far behind can complete: without it no epoch begins, so it is brought level
 * first. */

#include <check.h>
#include <stdlib.h>

#include "clusterd/base/text.h"
#include "tests/unit/core_desk.h"
#include "tests/unit/suite_run.h"

#define FAR (TAIL_MAX + 100)

static void begin_with_voters(struct desk *desk, node_set voters)
{
        struct model *model = model_init(calloc(1, model_bytes(1)), 1);
        model->settings = settings_default;
        model->settings.voters = voters;
        desk_restart(desk, model, 0, 77);
        free(model);
}

static void refused_command(struct command *command)
{
        *command = (struct command){ .kind = COMMAND_ROLE_STOP };
        TEXT_COPY(command->role.role, "nobody");
}

/* Nodes 1 to 3 vote; 2 and 3 follow for a long history, then 2 alone comes back, as it was at the start. */
static void lose_all_but_a_laggard(struct desk *desk, node_set voters)
{
        struct command command;
        begin_with_voters(desk, voters);
        desk_view(desk, node_set_of(2) | node_set_of(3));
        refused_command(&command);
        for (int i = 0; i < FAR; i++)
                ck_assert_int_eq(desk_ask(desk, &command), REPLY_NO_OBJECT);
        desk->laggards = node_set_of(2);
        desk_view_connected(desk, node_set_of(2), 0);
}

START_TEST(who_is_far_behind_is_served_when_no_epoch_can_begin_without_it)
{
        struct desk desk;
        lose_all_but_a_laggard(&desk, node_set_of(1) | node_set_of(2) | node_set_of(3));
        const struct cluster_action *sent = desk_take(&desk, CLUSTER_ACTION_SEND_ENTRIES);
        ck_assert_ptr_nonnull(sent);
        ck_assert_uint_eq(sent->send.to, 2);
        ck_assert_uint_eq(sent->send.first, 1);
        ck_assert_uint_gt(sent->send.last, FAR);
        desk_end(&desk);
}
END_TEST

START_TEST(who_is_far_behind_waits_for_the_epoch_when_one_can_begin)
{
        struct desk desk;
        struct cluster_status status;
        lose_all_but_a_laggard(&desk, node_set_of(1));
        ck_assert_ptr_null(desk_take(&desk, CLUSTER_ACTION_SEND_ENTRIES));
        cluster_status_read(desk.cluster, &status);
        ck_assert(status.active);
        desk_end(&desk);
}
END_TEST

static struct ledger_position send_history(struct desk *desk, const struct command *command, uint64_t count,
                                           bool deliver)
{
        struct ledger_position at = { .epoch = 1 };
        struct message message = { .kind = MESSAGE_ENTRY, .round = desk->round };
        struct entry *entry = &message.entry.entry;
        message.entry.to = 1;
        entry->epoch = 1;
        entry->text = "{}";
        entry->text_bytes = 2;
        entry->command = *command;
        for (entry->index = 1; entry->index <= count; entry->index++) {
                entry_seal(entry, at.hash);
                at.index = entry->index;
                memcpy(at.hash, entry->hash, HASH_BYTES);
                if (deliver)
                        desk_hear_message(desk, 2, &message);
        }
        return at;
}

/* Node 2 has a history of this command, again and again, and has applied so much of it; both nodes vote. */
static void catch_up_with(struct desk *desk, const struct command *command, uint64_t count, uint64_t applied)
{
        struct cluster_event view = { .kind = CLUSTER_EVENT_VIEW };
        struct message state = { .kind = MESSAGE_STATE };
        view.view.members = view.view.connected = node_set_of(1) | node_set_of(2);
        desk_step(desk, &view);
        desk_settle(desk);
        state.round = desk->round;
        state.state.last = send_history(desk, command, count, false);
        state.state.applied = send_history(desk, command, applied, false);
        state.state.first_index = 1;
        state.state.promised = 1;
        state.state.voters = view.view.members;
        desk_hear_message(desk, 2, &state);
        (void)send_history(desk, command, count, true);
}

START_TEST(more_than_fits_into_the_tail_is_taken_before_the_epoch_begins)
{
        struct desk desk;
        struct cluster_status status;
        struct command command;
        begin_with_voters(&desk, node_set_of(1) | node_set_of(2));
        refused_command(&command);
        catch_up_with(&desk, &command, FAR, FAR - 10);
        cluster_status_read(desk.cluster, &status);
        ck_assert(status.primary);
        ck_assert_uint_eq(status.last.index, FAR);
        ck_assert_uint_eq(status.applied.index, FAR - 10); /* what its leader had applied: it is committed */
        ck_assert_uint_eq(desk.promises, 1);
        desk_end(&desk);
}
END_TEST

static void end_every_listing(struct desk *desk, const char *role)
{
        const struct cluster_action *list = NULL;
        while ((list = desk_take(desk, CLUSTER_ACTION_LIST)) != NULL) {
                uint64_t listing = list->listing;
                if (role != NULL)
                        desk_listed(desk, listing, role, OBSERVED_RUNNING);
                desk_list_end(desk, listing);
        }
}

/* clusterd restarts where a guest may run; its ledger has this row, if any. */
static void restart_armed(struct desk *desk, const struct object *row)
{
        struct model *model = model_init(calloc(1, model_bytes(1)), 1);
        model->settings = settings_default;
        model->settings.voters = node_set_of(1) | node_set_of(2);
        if (row != NULL)
                ck_assert_int_ge(model_put(model, row), 0);
        desk_restart(desk, model, 99000, 78);
        free(model);
}

static void end_armed(struct desk *desk)
{
        ck_assert(desk->guard_armed);
        desk_wait(desk, 300);
        end_every_listing(desk, "vm01");
        ck_assert(desk->guard_armed);
        desk_end(desk);
}

/* It may be the guest of a later role of that name, which this node has not heard of yet. */
START_TEST(a_role_that_is_removed_behind_the_others_leaves_the_guard_armed)
{
        struct desk desk;
        struct command command = { .kind = COMMAND_ROLE_REMOVE };
        TEXT_COPY(command.role.role, "vm01");
        struct object row = { .kind = OBJECT_ROLE, .role.state = ROLE_OFFLINE };
        TEXT_COPY(row.role.name, "vm01");
        restart_armed(&desk, &row);
        end_every_listing(&desk, "vm01");
        ck_assert(desk.guard_armed);
        catch_up_with(&desk, &command, 20, 10);
        ck_assert(model_role(cluster_model(desk.cluster), "vm01") == NULL);
        end_armed(&desk);
}
END_TEST

/* The listing was asked before: it says nothing of the role, and does not prove that nothing runs here
 * either. */
START_TEST(a_role_that_is_added_behind_the_others_leaves_the_guard_armed)
{
        struct desk desk;
        struct command command = { .kind = COMMAND_ROLE_ADD };
        TEXT_COPY(command.role_add.role.name, "vm01");
        command.role_add.role.desired = DESIRED_STOPPED;
        command.role_add.role.memory_mib = 512;
        restart_armed(&desk, NULL);
        catch_up_with(&desk, &command, 20, 10);
        ck_assert(model_role(cluster_model(desk.cluster), "vm01") != NULL);
        end_every_listing(&desk, "vm01");
        end_armed(&desk);
}
END_TEST

/* It may be part of the snapshot, or may not: sent again, it might come about twice. */
START_TEST(what_was_sent_before_a_snapshot_is_not_sent_again)
{
        struct desk desk;
        struct command command;
        struct message message = { .kind = MESSAGE_STATE };
        struct cluster_event view = { .kind = CLUSTER_EVENT_VIEW };
        begin_with_voters(&desk, node_set_of(1) | node_set_of(2));
        desk_view(&desk, node_set_of(2));
        refused_command(&command);
        desk.is_deaf = true;
        (void)desk_request(&desk, &command);
        desk.is_deaf = false;
        desk.puppets = 0;
        view.view.members = view.view.connected = node_set_of(1) | node_set_of(2) | node_set_of(3);
        desk_step(&desk, &view);
        desk_settle(&desk);
        message.round = desk.round;
        message.state.blank = true;
        desk_hear_message(&desk, 3, &message);
        message.state = (struct message_state){ .last = { .epoch = 9, .index = 50 },
                                                .applied = { .epoch = 9, .index = 50 },
                                                .voters = node_set_of(1) | node_set_of(2) };
        desk_hear_message(&desk, 2, &message);
        ck_assert_ptr_null(desk_take(&desk, CLUSTER_ACTION_REPLY));
        message = (struct message){ .kind = MESSAGE_SNAPSHOT_BEGIN, .round = desk.round };
        message.snapshot.to = 1;
        message.snapshot.at = (struct ledger_position){ .epoch = 9, .index = 50 };
        desk_hear_message(&desk, 2, &message);
        message.kind = MESSAGE_SNAPSHOT_END;
        desk_hear_message(&desk, 2, &message);
        const struct cluster_action *reply = desk_take(&desk, CLUSTER_ACTION_REPLY);
        ck_assert_ptr_nonnull(reply);
        ck_assert_int_eq(reply->reply.outcome, REPLY_NO_QUORUM);
        desk_end(&desk);
}
END_TEST

/* What libvirtd was asked for may come true whatever this node's rows are: it counts for the guard until it
 * is settled. */
/* As it is, but nobody's: so nothing else keeps the guard armed. */
static struct object nobodys(const struct desk *desk, const char *name)
{
        struct object row = { .kind = OBJECT_ROLE, .role = *desk_role(desk, name) };
        row.role.state = ROLE_OFFLINE;
        row.role.owner = NODE_NONE;
        return row;
}

START_TEST(a_snapshot_does_not_end_the_doubt_about_a_start)
{
        struct desk desk;
        desk_begin(&desk);
        desk_view(&desk, 0);
        ck_assert_int_eq(desk_add(&desk, "vm01"), REPLY_DONE);
        ck_assert_ptr_nonnull(desk_take(&desk, CLUSTER_ACTION_START));
        desk_done(&desk, "vm01", OPERATION_START, OPERATION_UNKNOWN, OBSERVED_ABSENT_UNKNOWN);
        struct object row = nobodys(&desk, "vm01");
        desk_snapshot_begin(&desk);
        desk_snapshot_end(&desk, &row);
        ck_desk_state(&desk, "vm01", ROLE_OFFLINE);
        desk_list(&desk, NULL);
        ck_assert(desk.guard_armed);
        desk_end(&desk);
}
END_TEST

/* What was to come here was known, and may still come. */
START_TEST(in_the_middle_of_a_snapshot_the_guard_stays_armed)
{
        struct desk desk;
        desk_begin(&desk);
        desk_view(&desk, 0);
        desk_online(&desk, "vm01");
        struct object row = nobodys(&desk, "vm01");
        desk_snapshot_begin(&desk);
        desk_wait(&desk, 300);
        end_every_listing(&desk, NULL);
        ck_assert(desk.guard_armed);
        desk_snapshot_end(&desk, &row);
        desk_list(&desk, NULL);
        ck_assert(!desk.guard_armed);
        desk_end(&desk);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("laggard");
        TCase *tcase = tcase_create("laggard");
        tcase_add_test(tcase, who_is_far_behind_is_served_when_no_epoch_can_begin_without_it);
        tcase_add_test(tcase, who_is_far_behind_waits_for_the_epoch_when_one_can_begin);
        tcase_add_test(tcase, more_than_fits_into_the_tail_is_taken_before_the_epoch_begins);
        tcase_add_test(tcase, a_role_that_is_removed_behind_the_others_leaves_the_guard_armed);
        tcase_add_test(tcase, a_role_that_is_added_behind_the_others_leaves_the_guard_armed);
        tcase_add_test(tcase, what_was_sent_before_a_snapshot_is_not_sent_again);
        tcase_add_test(tcase, a_snapshot_does_not_end_the_doubt_about_a_start);
        tcase_add_test(tcase, in_the_middle_of_a_snapshot_the_guard_stays_armed);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
