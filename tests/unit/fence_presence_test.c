/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Which fence agents are here, looked for in real folders, and how heartbeats say it. */

#include <check.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clusterd/base/text.h"
#include "clusterd/io/fence_presence.h"
#include "clusterd/protocol/agent_list.h"
#include "tests/unit/suite_run.h"

#define LATER_MS 60000

static char folder[] = "/tmp/clu-fence-presence-test-XXXXXX";
static qb_loop_t *loop;
static struct mailbox *mailbox;
static struct fence_presence *presence;
static struct model *model;
static struct message_heartbeat heartbeat;

static void stop(void *context, void *parcel)
{
        (void)parcel;
        qb_loop_stop(context);
}

static void begin(void)
{
        ck_assert_ptr_nonnull(mkdtemp(folder));
        ck_assert_int_eq(setenv("PATH", folder, 1), 0);
        loop = qb_loop_create();
        ck_assert_int_eq(mailbox_new(loop, &mailbox), 0);
        presence = fence_presence_new(mailbox);
        model = calloc(1, model_bytes(1));
        ck_assert_ptr_nonnull(model);
        model = model_init(model, 1);
}

static void end(void)
{
        fence_presence_free(presence);
        mailbox_free(mailbox);
        qb_loop_destroy(loop);
        free(model);
        ck_assert_int_eq(rmdir(folder), 0);
}

static void add_device(const char *name, const char *agent)
{
        struct object object = { .kind = OBJECT_FENCE_DEVICE, .fence_device = { .targets = 1, .level = 1 } };
        TEXT_COPY(object.fence_device.name, name);
        TEXT_COPY(object.fence_device.agent, agent);
        ck_assert_int_eq(model_put(model, &object), 0);
}

static void install(const char *agent, bool remove)
{
        char path[PATH_MAX];
        TEXT_PRINT(path, "%s/%s", folder, agent);
        if (remove) {
                ck_assert_int_eq(unlink(path), 0);
                return;
        }
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
        ck_assert_int_ge(fd, 0);
        (void)close(fd);
}

static enum agent_presence told(const char *agent, uint64_t now_ms)
{
        memset(&heartbeat, 0, sizeof heartbeat);
        fence_presence_tell(presence, model, now_ms, &heartbeat);
        return agent_list_read(&heartbeat, agent);
}

/* Until the thread's result, which is posted before this can be, has been delivered: asks until it is known.
 */
static enum agent_presence settled(const char *agent, enum agent_presence before, uint64_t now_ms)
{
        enum agent_presence found;
        while ((found = told(agent, now_ms)) == before) {
                mailbox_post(mailbox, stop, loop, NULL);
                qb_loop_run(loop);
        }
        return found;
}

START_TEST(what_is_installed_is_told_and_what_is_not)
{
        ck_assert_int_eq(told("fence_here", 1), AGENT_UNKNOWN);
        add_device("d1", "fence_here");
        add_device("d2", "fence_clu_away");
        add_device("d3", "fence_here");
        install("fence_here", false);
        ck_assert_int_eq(settled("fence_here", AGENT_UNKNOWN, 1), AGENT_INSTALLED);
        ck_assert_int_eq(agent_list_read(&heartbeat, "fence_clu_away"), AGENT_MISSING);
        ck_assert_int_eq(agent_list_read(&heartbeat, "fence_clu"), AGENT_UNKNOWN);
        ck_assert_str_eq(heartbeat.agents_there, "fence_here");

        /* Another one is not known until it was looked for; the rest is not believed meanwhile, either. */
        add_device("d4", "fence_clu_more");
        ck_assert_int_eq(told("fence_clu_away", 2), AGENT_UNKNOWN);
        ck_assert_int_eq(settled("fence_clu_more", AGENT_UNKNOWN, 2), AGENT_MISSING);

        install("fence_here", true);
        install("fence_clu_more", false);
        ck_assert_int_eq(told("fence_clu_more", 3), AGENT_MISSING);
        ck_assert_int_eq(settled("fence_clu_more", AGENT_MISSING, LATER_MS), AGENT_INSTALLED);
        ck_assert_int_eq(agent_list_read(&heartbeat, "fence_here"), AGENT_MISSING);
        install("fence_clu_more", true);
}
END_TEST

START_TEST(a_list_that_is_full_says_that_there_are_more)
{
        char agent[NAME_BYTES];
        for (unsigned i = 0; i < 100; i++) {
                TEXT_PRINT(agent, "fence_number_%u", i);
                agent_list_add(heartbeat.agents_there, agent);
                agent_list_add(heartbeat.agents_there, agent);
        }
        agent_list_add(heartbeat.agents_missing, "");
        ck_assert_str_eq(heartbeat.agents_missing, "");
        ck_assert_str_eq(heartbeat.agents_there + strlen(heartbeat.agents_there) - 4, " ...");
        ck_assert_int_eq(agent_list_read(&heartbeat, "fence_number_1"), AGENT_INSTALLED);
        ck_assert_int_eq(agent_list_read(&heartbeat, "fence_number_99"), AGENT_INSTALLED);
        agent_list_add(heartbeat.agents_missing, "fence_number_99");
        ck_assert_int_eq(agent_list_read(&heartbeat, "fence_number_99"), AGENT_MISSING);
        ck_assert_str_eq(agent_presence_name(AGENT_MISSING), "missing");
}
END_TEST

int main(void)
{
        TCase *tcase = tcase_create("fence_presence");
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, what_is_installed_is_told_and_what_is_not);
        tcase_add_test(tcase, a_list_that_is_full_says_that_there_are_more);

        Suite *suite = suite_create("fence_presence");
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
