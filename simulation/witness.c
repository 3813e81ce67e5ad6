/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "simulation/witness.h"

#include <assert.h>
#include <stdlib.h>

#include "clusterd/base/text.h"
#include "simulation/world.h"

/* Questions are counted anew by each daemon: whose it is has to be told with it. */
struct asked {
        struct cluster_action action;
        uint64_t life;
};

static struct simulated_witness *find(struct witnesses *witnesses, uint64_t identity)
{
        for (uint32_t i = 0; i < WITNESSES_MAX; i++)
                if (witnesses->item[i].identity == identity)
                        return &witnesses->item[i];
        return NULL;
}

const struct simulated_witness *witness_by_identity(const struct world *world, uint64_t identity)
{
        return find((struct witnesses *)&world->witnesses, identity);
}

void witness_make(struct world *world, const struct witness *witness)
{
        struct simulated_witness *free_one = find(&world->witnesses, 0);
        if (free_one != NULL)
                *free_one = (struct simulated_witness){ .identity = witness->identity,
                                                        .forgets = witness->kind == WITNESS_QNETD };
}

void witness_replace(struct world *world)
{
        for (uint32_t i = 0; i < WITNESSES_MAX; i++)
                world->witnesses.item[i].replaced = world->witnesses.item[i].identity != 0;
}

void witness_mend(struct world *world)
{
        world->witnesses.silent_until_us = 0;
        WORLD_EACH_NODE (world, node)
                node->witness_io.cut_until_us = 0;
}

static uint64_t silent_until_us(const struct world *world, const struct simulated_node *node)
{
        uint64_t cut_us = node->witness_io.cut_until_us, silent_us = world->witnesses.silent_until_us;
        return cut_us > silent_us ? cut_us : silent_us;
}

void witness_forget(struct world *world, const struct simulated_node *node, uint64_t identity)
{
        struct simulated_witness *witness = find(&world->witnesses, identity);
        if (witness != NULL && silent_until_us(world, node) <= world->now_us)
                witness->replaced = true;
}

bool witness_is_well(const struct world *world, uint64_t identity)
{
        const struct simulated_witness *witness = witness_by_identity(world, identity);
        return identity != 0 && witness != NULL && !witness->replaced &&
               world->witnesses.silent_until_us <= world->now_us;
}

/* --- questions --- */

static void schedule(struct world *world, struct simulated_node *node, const struct cluster_action *action,
                     enum event_kind kind, uint64_t delay_us)
{
        struct asked *asked = malloc(sizeof(*asked));
        assert(asked != NULL);
        *asked = (struct asked){ .action = *action, .life = node->daemon_life };
        world_schedule_payload(world, delay_us, kind, node, asked);
}

/* What hangs takes effect when it hangs no longer, or never; nobody waits for it so long. */
void witness_carry_out(struct world *world, struct simulated_node *node, const struct cluster_action *action)
{
        struct witness_io *io = &node->witness_io;
        uint64_t cut_until_us = io->cut_until_us, until_us = silent_until_us(world, node);
        uint64_t timeout_us = MS(action->witness.timeout_ms);
        uint64_t delay_us = random_between(&world->random, 500, MS(8));
        uint64_t back_us = random_between(&world->random, 0, MS(2));
        if (world_mishap(world, 30))
                delay_us = random_between(&world->random, MS(100), MS(6000));
        if (world_mishap(world, 10))
                back_us = MS(6000); /* done, and nobody hears of it */
        bool never = until_us > world->now_us && random_chance(&world->random, 500);
        if (until_us > world->now_us && until_us != UINT64_MAX)
                delay_us += until_us - world->now_us;
        *io = (struct witness_io){ .question = action->witness.question,
                                   .life = node->daemon_life,
                                   .outcome = WITNESS_FAILED,
                                   .cut_until_us = cut_until_us };
        if (!never && until_us != UINT64_MAX)
                schedule(world, node, action, EVENT_WITNESS_ASKED, delay_us);
        uint64_t answer_us = delay_us + back_us;
        if (never || until_us == UINT64_MAX || answer_us > timeout_us)
                answer_us = timeout_us;
        schedule(world, node, action, EVENT_WITNESS_ANSWER, answer_us);
}

static bool decide(struct witness_tag *tag, const struct witness_question *what)
{
        switch (what->kind) {
        case WITNESS_LOOK:
                return true;
        case WITNESS_PROMISE:
                return witness_tag_promise(tag, &what->state, what->epoch);
        case WITNESS_ADVANCE:
                return witness_tag_advance(tag, &what->state);
        }
        return false;
}

/* It takes effect whatever has become of the daemon meanwhile. */
void witness_on_asked(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        const struct asked *asked = event->payload;
        const struct cluster_action *action = &asked->action;
        struct simulated_witness *witness = find(&world->witnesses, action->witness.whom.identity);
        struct witness_io unread, *io = &node->witness_io;
        if (io->life != asked->life || io->question != action->witness.question)
                io = &unread;
        io->outcome = WITNESS_FAILED;
        if (witness == NULL || witness->replaced)
                return;
        io->outcome = decide(&witness->tag, &action->witness.what) ? WITNESS_DONE : WITNESS_REFUSED;
        io->tag = witness->tag;
        if (action->witness.what.kind != WITNESS_LOOK)
                world_note(world, node, "the witness %s: promised %llu newest %llu",
                           io->outcome == WITNESS_DONE ? "grants" : "refuses",
                           (unsigned long long)witness->tag.promised,
                           (unsigned long long)witness->tag.newest.epoch);
}

void witness_on_answer(struct world *world, const struct event *event)
{
        struct simulated_node *node = &world->nodes[event->node];
        const struct asked *asked = event->payload;
        const struct cluster_action *action = &asked->action;
        const struct witness_io *io = &node->witness_io;
        if (io->life != node->daemon_life || io->question != action->witness.question)
                return;
        const char *kinds[] = { "look", "promise", "advance" };
        const char *outcomes[] = { "done", "refused", "failed" };
        struct cluster_event answer = { .kind = CLUSTER_EVENT_WITNESS };
        answer.witness.question = io->question;
        answer.witness.outcome = io->outcome;
        answer.witness.tag = io->tag;
        if (io->outcome == WITNESS_FAILED)
                TEXT_COPY(answer.witness.text, "the share does not answer");
        if (action->witness.what.kind != WITNESS_LOOK)
                tell(world, answer.witness.text, "witness %s %s %s", kinds[action->witness.what.kind],
                     outcomes[io->outcome], node->name);
        shell_step(world, node, &answer);
}

/* --- what befalls it --- */

static void draw_trouble(struct world *world, struct random *random, uint64_t at_us)
{
        struct incident incident = { .kind = INCIDENT_SILENCE_WITNESS };
        incident.duration_us = random_between(random, MS(200), SECOND(20));
        uint64_t draw = random_below(random, 100);
        if (draw < 40) {
                incident.kind = INCIDENT_CUT_WITNESS;
                incident.node = 1 + (uint32_t)random_below(random, world->node_count);
        } else if (draw < 43) {
                incident.kind = INCIDENT_REPLACE_WITNESS;
                incident.duration_us = 0;
        } else if (draw < 50) {
                incident.kind = INCIDENT_CLU;
                TEXT_COPY(incident.words, "quorum witness remove");
                incident.duration_us = 0;
        }
        incident_schedule(world, incident, at_us);
}

void witness_draw(struct world *world, uint64_t seconds)
{
        struct random random;
        random_init(&random, world->options.seed ^ UINT64_C(0x7769746e657373));
        bool forgets = random_chance(&random, 500);
        uint32_t often = world->node_count == 2 || world->node_count == 4 ? 700 : 250;
        if (!random_chance(&random, often))
                return;
        bool troubled = random_chance(&random, 600);
        for (uint64_t at_us = SECOND(3); at_us < SECOND(seconds);
             at_us += random_between(&random, SECOND(2), SECOND(15))) {
                struct incident set = { .kind = INCIDENT_CLU };
                TEXT_COPY(set.words, forgets ? "quorum witness set qnetd --host witness"
                                             : "quorum witness set share --path /witness");
                incident_schedule(world, set, at_us);
                if (troubled)
                        draw_trouble(world, &random, at_us + random_between(&random, 0, SECOND(5)));
        }
}
