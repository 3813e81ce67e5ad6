/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "clusterd/base/text.h"
#include "tests/unit/core_desk.h"
#include "tests/unit/suite_run.h"

/* Node 1 has a lease on volume csv1, and looks for those of n2 and n3. */

static struct desk desk;
static struct cluster_action pass; /* the one under way */

static const struct volume *csv1(void)
{
        return model_volume(cluster_model(desk.cluster), "csv1");
}

static enum lease_state state(void)
{
        return cluster_lease(desk.cluster, csv1()->id)->state;
}

static bool take_pass(void)
{
        const struct cluster_action *action = desk_take(&desk, CLUSTER_ACTION_LEASE);
        if (action != NULL)
                pass = *action;
        return action != NULL;
}

static void end_pass(enum lease_pass_outcome outcome)
{
        struct cluster_event event = { .kind = CLUSTER_EVENT_LEASE };
        event.lease.pass = pass.lease.pass;
        event.lease.id = pass.lease.id;
        event.lease.result = (struct lease_pass_result){ .started_ms = desk.now_ms,
                                                         .outcome = outcome,
                                                         .error = outcome == LEASE_PASS_FAILED ? -EIO : 0 };
        desk_step(&desk, &event);
        desk_settle(&desk);
}

static void report(uint32_t node, enum path_state path)
{
        struct command command = { .kind = COMMAND_VOLUME_REPORT,
                                   .volume_report = {
                                           .volume = "csv1", .identity = 7, .node = node, .state = path } };
        desk_hear(&desk, node, &command);
}

/* Its look at the volume sees all marks, and these leases moved. */
static void look(node_set renewing)
{
        ck_assert(desk_look(&desk, renewing));
}

static void begin(void)
{
        struct command add = { .kind = COMMAND_VOLUME_ADD,
                               .volume_add = { .name = "csv1", .path = "/csv1", .identity = 7 } };
        desk_begin(&desk);
        desk_view(&desk, node_set_of(2) | node_set_of(3));
        ck_assert_int_eq(desk_ask(&desk, &add), REPLY_DONE);
        ck_assert(!take_pass()); /* nothing is leased that is not proven */
        look(0);
        for (uint32_t node = 2; node <= 3; node++)
                report(node, PATH_MARKED);
        look(0);
        for (uint32_t node = 2; node <= 3; node++)
                report(node, PATH_DIRECT);
        ck_assert_int_eq(csv1()->state, VOLUME_READY);
        ck_assert(take_pass());
}

static void end(void)
{
        desk_end(&desk);
}

START_TEST(a_lease_is_taken_and_renewed_each_second)
{
        ck_assert_int_eq(pass.lease.what.kind, LEASE_PASS_BEGIN);
        ck_assert_str_eq(pass.lease.path, "/csv1");
        ck_assert_uint_eq(pass.lease.identity, 7);
        ck_assert_int_eq(state(), LEASE_BEGINNING);
        end_pass(LEASE_PASS_DONE);
        ck_assert_int_eq(state(), LEASE_HELD);
        desk_wait(&desk, 900);
        ck_assert(!take_pass());
        desk_wait(&desk, 200);
        ck_assert(take_pass());
        ck_assert_int_eq(pass.lease.what.kind, LEASE_PASS_RENEW);
        desk_wait(&desk, 1500);
        ck_assert(!take_pass()); /* one at a time */
}
END_TEST

/* For a while there is no such volume, and then there is again. */
START_TEST(a_pass_that_ends_in_the_middle_of_a_snapshot_holds_nothing_up)
{
        end_pass(LEASE_PASS_DONE);
        desk_wait(&desk, 1100);
        ck_assert(take_pass());
        struct object row = { .kind = OBJECT_VOLUME, .volume = *csv1() };
        desk_view(&desk, 0);
        desk_snapshot_begin(&desk);
        ck_assert_ptr_null(csv1());
        end_pass(LEASE_PASS_DONE);
        desk_snapshot_end(&desk, &row);
        ck_assert_int_eq(state(), LEASE_NONE); /* and is taken anew when there is contact again */
        ck_assert(!take_pass());
}
END_TEST

START_TEST(a_record_tells_the_watchdog_that_stands_behind_it)
{
        const struct cluster_event gone = { .kind = CLUSTER_EVENT_WATCHDOG };
        const struct settings *settings = &cluster_model(desk.cluster)->settings;
        ck_assert_uint_eq(pass.lease.what.record.timings.watchdog_ms, settings->watchdog_ms);
        end_pass(LEASE_PASS_DONE);
        struct cluster_event event = gone;
        desk_step(&desk, &event);
        desk_settle(&desk);
        ck_assert(take_pass()); /* anew, for an incarnation keeps its times */
        ck_assert_int_eq(pass.lease.what.kind, LEASE_PASS_BEGIN);
        ck_assert_uint_eq(pass.lease.what.record.timings.watchdog_ms, 0);
}
END_TEST

static void be_cut_off(void)
{
        desk.is_deaf = true;
        desk_view(&desk, 0);
}

/* It is held, confirmed, and told; and vm01 of that volume runs here. */
static void run_by_lease(void)
{
        struct command add = { .kind = COMMAND_ROLE_ADD };
        TEXT_COPY(add.role_add.role.name, "vm01");
        add.role_add.role.desired = DESIRED_RUNNING;
        add.role_add.role.volumes = node_set_of(csv1()->id);
        add.role_add.role.preferred[0] = 1;
        end_pass(LEASE_PASS_DONE);
        for (int i = 0; i < 3; i++) {
                desk_wait(&desk, 1100);
                if (take_pass())
                        end_pass(LEASE_PASS_DONE);
        }
        ck_assert(node_set_has(csv1()->leases, 1));
        ck_assert_int_eq(desk_ask(&desk, &add), REPLY_DONE);
        desk_wait(&desk, 5);
        ck_assert_ptr_nonnull(desk_take(&desk, CLUSTER_ACTION_START));
        desk_done(&desk, "vm01", OPERATION_START, OPERATION_SUCCEEDED, OBSERVED_RUNNING);
        ck_desk_state(&desk, "vm01", ROLE_ONLINE);
        ck_assert_uint_eq(desk_role(&desk, "vm01")->leases, node_set_of(csv1()->id));
}

START_TEST(a_lease_keeps_its_guests_without_quorum)
{
        run_by_lease();
        be_cut_off();
        for (int i = 0; i < 20; i++) {
                struct cluster_status status;
                desk_wait(&desk, 1100);
                ck_assert(take_pass());
                end_pass(LEASE_PASS_DONE);
                ck_assert_int_eq(state(), LEASE_HELD);
                ck_assert_ptr_null(desk_take(&desk, CLUSTER_ACTION_STOP));
                cluster_status_read(desk.cluster, &status);
                if (i > 12)
                        ck_assert_uint_gt(status.leased_until_ms, desk.now_ms);
        }
}
END_TEST

/* For longer than the guard allows. */
static void run_by_lease_cut_off(void)
{
        run_by_lease();
        be_cut_off();
        for (int i = 0; i < 12; i++) {
                desk_wait(&desk, 1100);
                ck_assert(take_pass());
                end_pass(LEASE_PASS_DONE);
        }
}

START_TEST(its_guests_are_stopped_before_it_lapses)
{
        run_by_lease_cut_off();
        uint64_t until_ms = cluster_lease(desk.cluster, csv1()->id)->held_until_ms;
        while (desk.now_ms + 2100 < until_ms)
                desk_wait(&desk, 100);
        ck_assert_ptr_null(desk_take(&desk, CLUSTER_ACTION_STOP));
        desk_wait(&desk, 200);
        ck_assert_ptr_nonnull(desk_take(&desk, CLUSTER_ACTION_STOP));
}
END_TEST

START_TEST(a_lease_without_guests_is_given_up_when_cut_off)
{
        end_pass(LEASE_PASS_DONE);
        be_cut_off();
        for (int i = 0; i < 60 && pass.lease.what.kind != LEASE_PASS_RELEASE; i++) {
                desk_wait(&desk, 500);
                if (take_pass())
                        end_pass(LEASE_PASS_DONE);
        }
        ck_assert_int_eq(pass.lease.what.record.state, LEASE_RECORD_RELEASED);
        ck_assert_int_eq(state(), LEASE_NONE);
        desk_wait(&desk, 5000);
        ck_assert(!take_pass());
}
END_TEST

/* Others take a release for a proof: a word that was on its way is none. */
START_TEST(it_is_given_up_when_a_listing_says_that_the_guest_is_gone)
{
        run_by_lease_cut_off();
        desk_observed(&desk, "vm01", OBSERVED_ABSENT_UNKNOWN);
        for (int i = 0; i < 3; i++) {
                desk_wait(&desk, 1100);
                ck_assert(take_pass());
                ck_assert_int_eq(pass.lease.what.kind, LEASE_PASS_RENEW);
                end_pass(LEASE_PASS_DONE);
        }
        desk_list(&desk, NULL);
        for (int i = 0; i < 3 && pass.lease.what.kind != LEASE_PASS_RELEASE; i++) {
                desk_wait(&desk, 1100);
                if (take_pass())
                        end_pass(LEASE_PASS_DONE);
        }
        ck_assert_int_eq(pass.lease.what.kind, LEASE_PASS_RELEASE);
}
END_TEST

START_TEST(a_lease_that_lapsed_is_taken_anew_when_no_write_is_on_its_way)
{
        end_pass(LEASE_PASS_DONE);
        uint64_t incarnation = pass.lease.what.record.incarnation;
        desk_wait(&desk, 1100);
        ck_assert(take_pass());
        desk_wait(&desk, 6000);
        ck_assert_int_eq(state(), LEASE_LAPSED);
        ck_assert(!take_pass());
        end_pass(LEASE_PASS_FAILED);
        ck_assert(take_pass());
        ck_assert_int_eq(pass.lease.what.kind, LEASE_PASS_BEGIN);
        ck_assert_uint_ne(pass.lease.what.record.incarnation, incarnation);
        end_pass(LEASE_PASS_DONE);
        ck_assert_int_eq(state(), LEASE_HELD);
}
END_TEST

START_TEST(the_end_of_a_pass_over_another_volume_says_nothing)
{
        struct command remove = { .kind = COMMAND_VOLUME_REMOVE,
                                  .volume = { .volume = "csv1", .identity = 7 } };
        ck_assert_int_eq(desk_ask(&desk, &remove), REPLY_DONE);
        ck_assert_ptr_null(cluster_lease(desk.cluster, pass.lease.id));
        end_pass(LEASE_PASS_DONE);
        ck_assert_ptr_null(cluster_lease(desk.cluster, pass.lease.id));
        ck_assert(!take_pass());
}
END_TEST

START_TEST(a_lost_node_is_isolated_by_what_it_wrote_since)
{
        struct cluster_status status;
        desk_online_at(&desk, "vm01", 3);
        desk_wait(&desk, 5100);
        look(node_set_of(2) | node_set_of(3));
        ck_assert_uint_eq(cluster_renewing(desk.cluster, csv1()->id), 6);
        desk_view_connected(&desk, node_set_of(2), node_set_of(2));
        desk_wait(&desk, 100);
        ck_assert_int_eq(model_node(cluster_model(desk.cluster), 3)->state, NODE_LOST);
        for (int i = 0; i < 2; i++) {
                cluster_status_read(desk.cluster, &status);
                ck_assert_uint_eq(status.isolated, 0); /* the look before was begun before the loss */
                desk_wait(&desk, 1100);
                look(node_set_of(2) | node_set_of(3));
        }
        cluster_status_read(desk.cluster, &status);
        ck_assert_uint_eq(status.isolated, node_set_of(3));
        desk_wait(&desk, 1100);
        look(node_set_of(2));
        cluster_status_read(desk.cluster, &status);
        ck_assert_uint_eq(status.isolated, 0);
}
END_TEST

int main(void)
{
        TCase *tcase = tcase_create("core_lease");
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, a_lease_is_taken_and_renewed_each_second);
        tcase_add_test(tcase, a_pass_that_ends_in_the_middle_of_a_snapshot_holds_nothing_up);
        tcase_add_test(tcase, a_record_tells_the_watchdog_that_stands_behind_it);
        tcase_add_test(tcase, a_lease_keeps_its_guests_without_quorum);
        tcase_add_test(tcase, its_guests_are_stopped_before_it_lapses);
        tcase_add_test(tcase, a_lease_without_guests_is_given_up_when_cut_off);
        tcase_add_test(tcase, it_is_given_up_when_a_listing_says_that_the_guest_is_gone);
        tcase_add_test(tcase, a_lease_that_lapsed_is_taken_anew_when_no_write_is_on_its_way);
        tcase_add_test(tcase, the_end_of_a_pass_over_another_volume_says_nothing);
        tcase_add_test(tcase, a_lost_node_is_isolated_by_what_it_wrote_since);
        Suite *suite = suite_create("core_lease");
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
