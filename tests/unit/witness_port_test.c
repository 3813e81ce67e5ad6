/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The witness by way of the core's actions, on a real directory: made, asked, removed, and left behind. */

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clusterd/base/text.h"
#include "clusterd/io/lease_file.h"
#include "clusterd/io/witness_file.h"
#include "clusterd/io/witness_port.h"
#include "tests/unit/suite_run.h"

static char folder[] = "/tmp/clu-witness-port-test-XXXXXX";
static char file[PATH_MAX];
static struct witness share = { .kind = WITNESS_SHARE, .identity = 7 };

static qb_loop_t *loop;
static struct mailbox *mailbox;
static struct witness_port *port;

static int made;
static char made_text[REASON_BYTES];
static struct cluster_event heard;

static void on_made(void *context, uint64_t token, int error, const char *text)
{
        (void)context;
        ck_assert_uint_eq(token, 5);
        made = error;
        TEXT_COPY(made_text, text);
        qb_loop_stop(loop);
}

static void on_event(void *context, const struct cluster_event *event)
{
        (void)context;
        ck_assert_int_eq(event->kind, CLUSTER_EVENT_WITNESS);
        heard = *event;
        qb_loop_stop(loop);
}

static void begin(void)
{
        ck_assert_ptr_nonnull(mkdtemp(folder));
        TEXT_COPY(share.place, folder);
        share.kind = WITNESS_SHARE;
        TEXT_PRINT(file, "%s/%s", folder, WITNESS_FILE_NAME);
        loop = qb_loop_create();
        ck_assert_int_eq(mailbox_new(loop, &mailbox), 0);
        port = witness_port_new(loop, mailbox, on_event, on_made, NULL);
}

static void end(void)
{
        witness_port_free(port);
        mailbox_free(mailbox);
        qb_loop_destroy(loop);
        (void)unlink(file);
        ck_assert_int_eq(rmdir(folder), 0);
}

static void make(void)
{
        made = 1;
        witness_port_make(port, &share, "west", 5);
        qb_loop_run(loop);
}

static struct cluster_action question(uint64_t number, enum witness_question_kind kind)
{
        struct cluster_action action = { .kind = CLUSTER_ACTION_WITNESS };
        action.witness.question = number;
        action.witness.what = (struct witness_question){ .kind = kind, .node = 1, .epoch = 3 };
        action.witness.whom = share;
        action.witness.timeout_ms = 10000;
        return action;
}

START_TEST(it_is_made_once_and_promises)
{
        make();
        ck_assert_int_eq(made, 0);
        make();
        ck_assert_int_eq(made, -EEXIST);
        ck_assert_ptr_nonnull(strstr(made_text, "a witness"));
        struct cluster_action action = question(8, WITNESS_PROMISE);
        witness_port_ask(port, &action, "west");
        qb_loop_run(loop);
        ck_assert_uint_eq(heard.witness.question, 8);
        ck_assert_int_eq(heard.witness.outcome, WITNESS_DONE);
        ck_assert_uint_eq(heard.witness.tag.promised, 3);
}
END_TEST

START_TEST(on_a_volume_it_is_made_where_its_lease_area_is)
{
        char area[PATH_MAX];
        TEXT_PRINT(area, "%s/%s", folder, LEASE_FILE_NAME);
        share.kind = WITNESS_DISK;
        make();
        ck_assert_int_eq(made, -ENOENT);
        ck_assert_ptr_nonnull(strstr(made_text, "mounted"));
        ck_assert_int_eq(access(file, F_OK), -1);
        FILE *lease = fopen(area, "w");
        ck_assert_ptr_nonnull(lease);
        ck_assert_int_eq(fclose(lease), 0);
        make();
        ck_assert_int_eq(unlink(area), 0);
        ck_assert_int_eq(made, 0);
        struct cluster_action action = question(8, WITNESS_PROMISE);
        witness_port_ask(port, &action, "west");
        qb_loop_run(loop);
        ck_assert_int_eq(heard.witness.outcome, WITNESS_DONE);
}
END_TEST

/* The core has given the first up. */
START_TEST(the_last_question_is_the_one_that_is_answered)
{
        make();
        struct cluster_action first = question(8, WITNESS_LOOK), second = question(9, WITNESS_PROMISE);
        witness_port_ask(port, &first, "west");
        witness_port_ask(port, &second, "west");
        qb_loop_run(loop);
        ck_assert_uint_eq(heard.witness.question, 9);
        ck_assert_uint_eq(heard.witness.tag.promised, 3);
}
END_TEST

START_TEST(where_nothing_is_it_says_why)
{
        struct cluster_action action = question(8, WITNESS_LOOK);
        witness_port_ask(port, &action, "west");
        qb_loop_run(loop);
        ck_assert_int_eq(heard.witness.outcome, WITNESS_FAILED);
        ck_assert_uint_gt(strlen(heard.witness.text), 0);
}
END_TEST

static int entries(const char *path)
{
        DIR *directory = opendir(path);
        int count = 0;
        ck_assert_ptr_nonnull(directory);
        while (readdir(directory) != NULL)
                count++;
        (void)closedir(directory);
        return count;
}

/* The daemon ends while its share is slow: what comes of it then has nobody to go to. */
START_TEST(who_ends_does_not_wait_for_the_share)
{
        witness_port_make(port, &share, "west", 5);
        witness_port_free(port);
        mailbox_free(mailbox);
        port = NULL;
        mailbox = NULL;
        while (entries("/proc/self/task") > 3) /* with . and .. */
                (void)sched_yield();
        ck_assert_int_eq(access(file, F_OK), 0);
}
END_TEST

int main(void)
{
        TCase *tcase = tcase_create("witness_port");
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, it_is_made_once_and_promises);
        tcase_add_test(tcase, on_a_volume_it_is_made_where_its_lease_area_is);
        tcase_add_test(tcase, the_last_question_is_the_one_that_is_answered);
        tcase_add_test(tcase, where_nothing_is_it_says_why);
        tcase_add_test(tcase, who_ends_does_not_wait_for_the_share);

        Suite *suite = suite_create("witness_port");
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
