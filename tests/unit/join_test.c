/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster.h"

#include <check.h>
#include <stdlib.h>

#include "clusterd/base/text.h"
#include "tests/unit/core_desk.h"
#include "tests/unit/suite_run.h"

/* Node 1, which is asked, has no vote and is evicted; node 2 goes on. */

static struct desk desk;

static void begin(void)
{
        struct model *model = calloc(1, model_bytes(1));
        ck_assert_ptr_nonnull(model);
        model = model_init(model, 1);
        model->settings = settings_default;
        model->settings.voters = node_set_of(2);
        model->settings.dynamic_quorum = false;
        desk_restart(&desk, model, 0, 77);
        free(model);
        desk_view(&desk, node_set_of(2));
}

static void end(void)
{
        desk_end(&desk);
}

static enum reply_outcome order(enum command_kind kind)
{
        const struct command command = {
                .kind = kind,
                .node = { .node = 1, .incarnation = model_node(cluster_model(desk.cluster), 1)->incarnation }
        };
        return desk_ask(&desk, &command);
}

static bool leaves(void)
{
        struct cluster_status status;
        cluster_status_read(desk.cluster, &status);
        return status.evicted;
}

/* So many are on their way that what this node proposes behind them finds no room. */
static void propose_into_a_flood(void)
{
        struct cluster_event wake = { .kind = CLUSTER_EVENT_WAKE };
        struct command note = { .kind = COMMAND_ROLE_SET, .role_set.fields = ROLE_FIELD_NOTE };
        TEXT_COPY(note.role_set.role.name, "vm01");
        desk.store_is_slow = true;
        for (int i = 0; i < TAIL_MAX + 100; i++)
                desk_post(&desk, 2, &note);
        desk.now_ms += 1200;
        desk_step(&desk, &wake);
        desk_settle(&desk);
}

/* The refusal is an entry behind the change of the voters; a proposal that found no room is no entry. */
START_TEST(who_was_evicted_leaves_when_its_refusal_is_committed)
{
        ck_assert_int_eq(order(COMMAND_NODE_DRAIN), REPLY_DONE);
        desk_wait(&desk, 20);
        ck_assert_int_eq(model_node(cluster_model(desk.cluster), 1)->duty, DUTY_DRAINED);
        desk_keeper(&desk, false, desk.arming); /* it joins anew, and asks for nothing in the next second */
        ck_assert_int_eq(order(COMMAND_NODE_EVICT), REPLY_DONE);
        ck_assert(!leaves());
        propose_into_a_flood();
        ck_assert(!leaves());
        desk.store_is_slow = false;
        desk_store(&desk);
        desk_wait(&desk, 3000);
        ck_assert(leaves());
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("join");
        TCase *tcase = tcase_create("join");
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, who_was_evicted_leaves_when_its_refusal_is_committed);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
