/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/volume_paths.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <qb/qbloop.h>

#include "clusterd/base/text.h"
#include "clusterd/io/lease_file.h"
#include "tests/unit/suite_run.h"

/* A node's volumes against a directory: looks, and passes over its leases. */

static char directory[64], area[96], lock_file[96], other_lock[96];
static qb_loop_t *loop;
static struct mailbox *mailbox;
static struct model *model;
static struct cluster_event last;

static void on_event(void *context, const struct cluster_event *event)
{
        (void)context;
        last = *event;
        qb_loop_stop(loop);
}

static void begin(void)
{
        TEXT_PRINT(directory, "volume-paths-XXXXXX"); /* of the build: /tmp may be in memory */
        ck_assert_ptr_nonnull(mkdtemp(directory));
        TEXT_PRINT(area, "%s/" LEASE_FILE_NAME, directory);
        TEXT_PRINT(lock_file, "%s/leases.lock", directory);
        TEXT_PRINT(other_lock, "%s/other.lock", directory);
        loop = qb_loop_create();
        ck_assert_int_eq(mailbox_new(loop, &mailbox), 0);
        model = calloc(1, sizeof(*model));
        TEXT_COPY(model->settings.cluster_name, "west");
        for (uint32_t id = 1; id <= 2; id++)
                model->nodes[id].id = id;
}

static void end(void)
{
        (void)unlink(area);
        (void)unlink(lock_file);
        (void)unlink(other_lock);
        (void)rmdir(directory);
        free(model);
        mailbox_free(mailbox);
        qb_loop_destroy(loop);
}

static struct volume_paths *node(uint32_t id, const char *lock)
{
        return volume_paths_new(mailbox, id, lock, on_event, NULL);
}

static const struct cluster_event *look(struct volume_paths *paths, uint64_t count)
{
        struct cluster_action action = { .kind = CLUSTER_ACTION_LOOK };
        action.volume.look = count;
        action.volume.id = 1;
        action.volume.identity = 7;
        action.volume.create = true;
        TEXT_COPY(action.volume.path, directory);
        volume_paths_look(paths, &action, model);
        while (last.kind != CLUSTER_EVENT_LOOKED || last.looked.look != count)
                qb_loop_run(loop);
        return &last;
}

/* on_event() may come before this returns: the loop is stopped for nobody then. */
static const struct lease_pass_result *pass(struct volume_paths *paths, uint64_t count, uint32_t id)
{
        struct cluster_action action = { .kind = CLUSTER_ACTION_LEASE };
        action.lease.pass = count;
        action.lease.id = 1;
        action.lease.identity = 7;
        action.lease.what.kind = count == 1 ? LEASE_PASS_BEGIN : LEASE_PASS_RENEW;
        action.lease.what.record = (struct lease_record){ .node = id,
                                                          .state = LEASE_RECORD_HELD,
                                                          .incarnation = 5,
                                                          .sequence = count,
                                                          .timings = lease_timings_default };
        TEXT_COPY(action.lease.path, directory);
        volume_paths_lease(paths, &action, model);
        while (last.kind != CLUSTER_EVENT_LEASE || last.lease.pass != count)
                qb_loop_run(loop);
        return &last.lease.result;
}

START_TEST(a_look_tells_whose_lease_has_moved)
{
        struct volume_paths *one = node(1, lock_file), *two = node(2, other_lock);
        ck_assert_int_eq(look(one, 1)->looked.found, PATH_DIRECT);
        ck_assert_int_eq(pass(two, 1, 2)->outcome, LEASE_PASS_DONE);
        ck_assert_uint_eq(look(one, 2)->looked.renewing, 0); /* there, and nothing to tell it from */
        ck_assert_uint_eq(look(one, 3)->looked.renewing, 0);
        ck_assert_int_eq(pass(two, 2, 2)->outcome, LEASE_PASS_DONE);
        ck_assert_uint_eq(look(one, 4)->looked.renewing, node_set_of(2));
        ck_assert_uint_eq(look(one, 5)->looked.renewing, 0);
        volume_paths_free(one);
        volume_paths_free(two);
}
END_TEST

START_TEST(one_process_at_a_time_works_on_leases)
{
        struct volume_paths *one = node(1, lock_file), *other = node(1, lock_file);
        (void)look(one, 1);
        ck_assert_int_eq(pass(one, 1, 1)->outcome, LEASE_PASS_DONE);
        last.lease.pass = 0;
        ck_assert_int_eq(pass(other, 1, 1)->outcome, LEASE_PASS_FAILED);
        ck_assert_int_eq(last.lease.result.error, -EBUSY);
        volume_paths_free(one); /* its thread may still write */
        last.lease.pass = 0;
        ck_assert_int_eq(pass(other, 1, 1)->error, -EBUSY);
        volume_paths_free(other);
}
END_TEST

int main(void)
{
        TCase *tcase = tcase_create("volume_paths");
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, a_look_tells_whose_lease_has_moved);
        tcase_add_test(tcase, one_process_at_a_time_works_on_leases);
        Suite *suite = suite_create("volume_paths");
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
