/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/copy.h"

#include <string.h>

#include "clusterd/base/mutation.h"
#include "clusterd/base/text.h"
#include "clusterd/core/cluster_private.h"

/*
 * A disk of a role that runs here goes to another image: the owner's part. What is remembered of it may be
 * lost at any time: each order finds out by itself what is done already.
 */

static void order(struct cluster *cluster, const struct role *role, struct local_copy *local,
                  enum copy_order kind, const char *reason)
{
        const struct role_copy *copy = &role->copy;
        struct cluster_action *action = action_add(cluster, CLUSTER_ACTION_COPY, "%s", reason);
        TEXT_COPY(action->copy.role, role->name);
        TEXT_COPY(action->copy.disk, copy->disk);
        TEXT_COPY(action->copy.from, copy->from);
        TEXT_COPY(action->copy.to, copy->to);
        action->copy.index = copy->index;
        action->copy.order = kind;
        action->copy.succeeded = copy->succeeded;
        action->copy.keep = copy->keep;
        local->order = kind;
}

static void report(struct cluster *cluster, const struct role *role, struct local_copy *local,
                   enum copy_report kind)
{
        struct command command = { .kind = COMMAND_COPY_REPORT };
        struct command_copy_report *content = &command.copy_report;
        TEXT_COPY(content->role, role->name);
        content->node = cluster->identity.node;
        content->index = role->copy.index;
        content->kind = kind;
        if (kind == COPY_REPORT_DONE && local->begun_ms != 0)
                content->duration_ms = (uint32_t)(cluster->now_ms - local->begun_ms);
        content->held_ms = local->held_ms;
        TEXT_COPY(content->text, local->text);
        uint64_t again_ms = report_propose(cluster, &local->report, &command);
        if (again_ms != TIME_NEVER)
                look_later(cluster, role_slot(cluster, role), again_ms);
        else if (kind == COPY_REPORT_HELD && local->done == COPY_ORDER_HOLD)
                local->done = COPY_ORDER_MIRROR; /* should that come to nothing, it is to be looked at anew */
}

static void mirror(struct cluster *cluster, const struct role *role, struct local_copy *local)
{
        if (local->begun_ms == 0)
                local->begun_ms = cluster->now_ms;
        order(cluster, role, local, COPY_ORDER_MIRROR, "its storage is moved");
}

/* Its guest writes to both. Nothing is switched before the group has been told that both are equal, and knows
 * it. */
static void see_to_running(struct cluster *cluster, const struct role *role, struct local_copy *local)
{
        bool unwanted = local->failed || role->copy.abort_index != 0;
        if (unwanted && local->done == COPY_ORDER_END)
                report(cluster, role, local, COPY_REPORT_FAILED);
        else if (unwanted)
                order(cluster, role, local, COPY_ORDER_END, "its storage is not moved: the copy ends");
        else if (local->done == COPY_ORDER_HOLD && MUTATED(COPY_SWITCHES_UNTOLD))
                order(cluster, role, local, COPY_ORDER_SWITCH, "untold");
        else if (local->done == COPY_ORDER_HOLD || local->done == COPY_ORDER_SWITCH ||
                 (local->done == COPY_ORDER_MIRROR && MUTATED(COPY_SWITCHES_UNHELD)))
                report(cluster, role, local, COPY_REPORT_HELD);
        else if (local->done == COPY_ORDER_MIRROR)
                order(cluster, role, local, COPY_ORDER_HOLD,
                      "the copy has caught up: the guest is held for the switch");
        else
                mirror(cluster, role, local);
}

static void see_to_switching(struct cluster *cluster, const struct role *role, struct local_copy *local)
{
        if (local->failed)
                report(cluster, role, local, COPY_REPORT_FAILED);
        else if (local->done == COPY_ORDER_SWITCH)
                report(cluster, role, local, COPY_REPORT_DONE);
        else
                order(cluster, role, local, COPY_ORDER_SWITCH,
                      "the ledger names the new image: the guest goes over");
}

static void see_to_clearing(struct cluster *cluster, const struct role *role, struct local_copy *local)
{
        if (local->done == COPY_ORDER_CLEAR)
                report(cluster, role, local, COPY_REPORT_CLEARED);
        else
                order(cluster, role, local, COPY_ORDER_CLEAR,
                      "its storage was moved, or not: what is of no use goes");
}

void copy_see_to(struct cluster *cluster, const struct role *role, struct local_role *of)
{
        struct local_copy *local = &of->copy;
        bool stalled_meanwhile = of->observation == OBSERVED_STALLED && copy_holds(role, of);
        if (of->observation != OBSERVED_RUNNING && !stalled_meanwhile)
                return;
        if (local->index != role->copy.index)
                *local = (struct local_copy){ .index = role->copy.index };
        /* To follow a mirror lasts: what ends it does not wait for that. */
        bool ends = local->order == COPY_ORDER_MIRROR &&
                    (role->copy.abort_index != 0 || role->copy.state != COPY_RUNNING);
        if (role->copy.state == COPY_NONE || (local->order != COPY_ORDER_NONE && !ends) ||
            local->report.count != 0)
                return;
        if (local->state != role->copy.state) {
                local->state = role->copy.state;
                local->failed = false; /* that was of the state before */
        }
        if (cluster->now_ms >= local->report.not_before_ms) {
                switch (role->copy.state) {
                case COPY_RUNNING:
                        see_to_running(cluster, role, local);
                        break;
                case COPY_SWITCHING:
                        see_to_switching(cluster, role, local);
                        break;
                case COPY_CLEARING:
                        see_to_clearing(cluster, role, local);
                        break;
                case COPY_NONE:
                case COPY_STATE_COUNT:
                        break;
                }
        }
        if (cluster->now_ms < local->report.not_before_ms)
                look_later(cluster, role_slot(cluster, role), local->report.not_before_ms);
}

bool copy_holds(const struct role *role, const struct local_role *of)
{
        const struct local_copy *local = &of->copy;
        return role->copy.state == COPY_SWITCHING ||
               (role->copy.state == COPY_RUNNING && local->index == role->copy.index &&
                (local->order == COPY_ORDER_HOLD || local->done == COPY_ORDER_HOLD ||
                 local->report.count != 0));
}

void copy_ordered(struct cluster *cluster, const struct cluster_event *event)
{
        const struct role *role = model_role(cluster->model, event->copy.role);
        if (role == NULL)
                return;
        struct local_copy *local = &cluster->local[role_slot(cluster, role)].copy;
        if (local->index != event->copy.index || local->order != event->copy.order)
                return;
        local->order = COPY_ORDER_NONE;
        switch (event->copy.result) {
        case OPERATION_SUCCEEDED:
                local->done = event->copy.order;
                if (event->copy.held_ms != 0)
                        local->held_ms = event->copy.held_ms;
                break;
        case OPERATION_FAILED:
                local->failed = true;
                break;
        case OPERATION_UNKNOWN:
                local->report.not_before_ms = cluster->now_ms + COPY_AGAIN_MS;
                break;
        }
        if (event->copy.text[0] != '\0' || (event->copy.result == OPERATION_SUCCEEDED && !local->failed))
                TEXT_COPY(local->text, event->copy.text);
        slot_list_add(&cluster->attention, role_slot(cluster, role));
}
