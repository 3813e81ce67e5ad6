/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "tests/unit/core_desk.h"
#include "tests/unit/suite_run.h"

/* One of two nodes is alone with the witness: what it asks, and what it does before it is answered. */

#define N(node) (UINT64_C(1) << ((node)-1))

static struct desk desk;

static void begin(void)
{
        struct model *model = calloc(1, model_bytes(1));
        ck_assert_ptr_nonnull(model);
        model = model_init(model, 1);
        model->settings = settings_default;
        model->settings.voters = N(1) | N(2);
        model->settings.voters_witness = 9;
        model->settings.witness = (struct witness){ .kind = WITNESS_SHARE, .identity = 9 };
        TEXT_COPY(model->settings.witness.place, "/w");
        desk_restart(&desk, model, 0, 77);
        free(model);
        desk_view(&desk, 0);
}

static void end(void)
{
        desk_end(&desk);
}

static struct cluster_status status(void)
{
        struct cluster_status status;
        cluster_status_read(desk.cluster, &status);
        return status;
}

static struct cluster_action asked(enum witness_question_kind kind)
{
        const struct cluster_action *action;
        do
                action = desk_take(&desk, CLUSTER_ACTION_WITNESS);
        while (action != NULL && action->witness.what.kind != kind);
        ck_assert_ptr_nonnull(action);
        ck_assert_uint_eq(action->witness.whom.identity, 9);
        return *action;
}

static void answer(const struct cluster_action *question, enum witness_outcome outcome)
{
        struct cluster_event event = { .kind = CLUSTER_EVENT_WITNESS };
        event.witness.question = question->witness.question;
        event.witness.outcome = outcome;
        event.witness.tag.promised = question->witness.what.epoch;
        if (outcome == WITNESS_REFUSED)
                event.witness.tag.newest.epoch = 1000;
        TEXT_COPY(event.witness.text, outcome == WITNESS_FAILED ? "no share" : "");
        desk_step(&desk, &event);
        desk_settle(&desk);
}

static const char *refusal(void)
{
        static struct cluster_witness witness;
        cluster_witness_read(desk.cluster, &witness);
        return witness.refusal;
}

START_TEST(alone_it_acts_when_the_witness_knows_of_its_epoch)
{
        struct cluster_action promise = asked(WITNESS_PROMISE);
        ck_assert(!status().primary || !status().active);
        ck_assert_uint_eq(desk.promises, 0); /* nothing stands behind the decision yet */
        answer(&promise, WITNESS_DONE);
        ck_assert_uint_eq(desk.promises, 1);
        ck_assert(!status().active);
        struct cluster_action advance = asked(WITNESS_ADVANCE);
        ck_assert_uint_eq(advance.witness.what.state.epoch, promise.witness.what.epoch);
        answer(&advance, WITNESS_DONE);
        ck_assert(status().active);
        ck_assert_uint_eq(cluster_model(desk.cluster)->settings.epoch_holders, N(1));
}
END_TEST

START_TEST(refused_it_does_nothing_and_says_why)
{
        struct cluster_action promise = asked(WITNESS_PROMISE);
        answer(&promise, WITNESS_REFUSED);
        ck_assert(!status().primary);
        ck_assert_uint_eq(desk.promises, 0);
        ck_assert_ptr_nonnull(strstr(refusal(), "newer history, of epoch 1000"));
        desk_wait(&desk, 6000); /* and asks again */
        promise = asked(WITNESS_PROMISE);
        answer(&promise, WITNESS_FAILED);
        ck_assert_str_eq(refusal(), "it does not answer: no share");
        ck_assert(!status().primary);
}
END_TEST

START_TEST(an_epoch_that_it_was_not_told_of_is_none)
{
        struct cluster_action promise = asked(WITNESS_PROMISE);
        answer(&promise, WITNESS_DONE);
        struct cluster_action advance = asked(WITNESS_ADVANCE);
        answer(&advance, WITNESS_REFUSED);
        ck_assert(!status().active);
        ck_assert(!status().primary);
        ck_assert_str_eq(refusal(), "it has begun to vote for others since");
}
END_TEST

START_TEST(an_answer_is_of_the_round_that_asked)
{
        struct cluster_action early = asked(WITNESS_PROMISE);
        desk_view_connected(&desk, N(3), 0); /* has no vote: a new round */
        struct cluster_action late = asked(WITNESS_PROMISE);
        ck_assert_uint_ne(early.witness.question, late.witness.question);
        answer(&early, WITNESS_DONE);
        ck_assert_uint_eq(desk.promises, 0);
        answer(&late, WITNESS_DONE);
        ck_assert_uint_eq(desk.promises, 1);
}
END_TEST

START_TEST(a_witness_that_is_away_for_long_loses_its_vote_and_says_so)
{
        struct cluster_action question = asked(WITNESS_PROMISE);
        answer(&question, WITNESS_DONE);
        question = asked(WITNESS_ADVANCE);
        answer(&question, WITNESS_DONE);
        struct cluster_witness witness;
        cluster_witness_read(desk.cluster, &witness);
        ck_assert(witness.answers && witness.decides);
        for (int i = 0; i < 2; i++) {
                desk_wait(&desk, 3500);
                question = asked(WITNESS_LOOK);
                answer(&question, WITNESS_FAILED);
        }
        cluster_witness_read(desk.cluster, &witness);
        ck_assert(!witness.answers);
        ck_assert_str_eq(witness.text, "no share");
}
END_TEST

int main(void)
{
        TCase *tcase = tcase_create("witness");
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, alone_it_acts_when_the_witness_knows_of_its_epoch);
        tcase_add_test(tcase, refused_it_does_nothing_and_says_why);
        tcase_add_test(tcase, an_epoch_that_it_was_not_told_of_is_none);
        tcase_add_test(tcase, an_answer_is_of_the_round_that_asked);
        tcase_add_test(tcase, a_witness_that_is_away_for_long_loses_its_vote_and_says_so);

        Suite *suite = suite_create("witness_core");
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
