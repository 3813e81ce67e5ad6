/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/cluster_private.h"

#include <string.h>

#include "clusterd/base/mutation.h"
#include "clusterd/base/text.h"
#include "clusterd/core/role_state.h"

/*
 * A gateway that has registered anew with its target writes only after its node was in contact with a primary
 * view since. Whoever takes the keys of a lost node away begins when contact has ended: he finds that
 * registration. README.md, "Reservations".
 */

static bool is_registration_of_ours(const struct cluster *cluster, const struct role *role,
                                    const struct local_role *local)
{
        return round_is_active(cluster) && cluster_is_member(cluster) &&
               role_may_run_on(role, cluster->identity.node) &&
               (local->asked_generation >= role->started || MUTATED(CONFIRMED_OF_BEFORE));
}

void confirm_asked(struct cluster *cluster, const struct cluster_event *event)
{
        const struct role *role = model_role(cluster->model, event->confirm.role);
        if (role == NULL)
                return;
        struct local_role *local = &cluster->local[role_slot(cluster, role)];
        if (local->asked != 0 &&
            (event->confirm.generation < local->asked_generation || event->confirm.question <= local->asked))
                return;
        cluster->asking += local->asked == 0;
        local->asked = event->confirm.question;
        local->asked_generation = event->confirm.generation;
        local->asked_ms = cluster->now_ms;
        cluster->asked_ms = cluster->now_ms;
}

/* The guest's disk stands still meanwhile: this node does not wait for its next heartbeat. */
bool confirm_is_urgent(const struct cluster *cluster)
{
        return cluster->asking > 0 && cluster->contact_ms <= cluster->asked_ms;
}

static void answer(struct cluster *cluster, const struct role *role, const struct local_role *local)
{
        struct cluster_action *action =
                action_add(cluster, CLUSTER_ACTION_CONFIRM, "in contact since it has registered");
        TEXT_COPY(action->confirm.role, role->name);
        action->confirm.generation = local->asked_generation;
        action->confirm.question = local->asked;
}

/* Whom contact finds without a right to run it is not answered; it goes on asking. */
void confirm_tick(struct cluster *cluster)
{
        for (uint32_t slot = 0; cluster->asking > 0 && slot < cluster->model->roles_used; slot++) {
                const struct role *role = &cluster->model->roles[slot];
                struct local_role *local = &cluster->local[slot];
                if (local->asked == 0 ||
                    (cluster->contact_ms <= local->asked_ms && !MUTATED(CONFIRMED_WITHOUT_CONTACT)))
                        continue;
                if (role->name[0] != '\0' && is_registration_of_ours(cluster, role, local))
                        answer(cluster, role, local);
                local->asked = 0;
                cluster->asking--;
        }
}
