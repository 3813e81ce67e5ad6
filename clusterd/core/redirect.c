/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/redirect.h"

#include "clusterd/base/mutation.h"
#include "clusterd/base/text.h"
#include "clusterd/core/reconcile.h"
#include "clusterd/core/role_state.h"

#define AGAIN_MS       2000 /* what was refused, or nobody knows the end of */
#define CLOSE_AGAIN_MS 500  /* a lapsed guard has two seconds */
#define DIRECT_MS      5000 /* a path that has been there for so long is gone back to */
#define RETURN_EACH_MS 10000

static bool is_exported_here(const struct cluster *cluster, const struct role *role)
{
        return role->name[0] != '\0' && role_is_exported_by(role, cluster->identity.node);
}

/* Something may be written from here for a guest elsewhere: it needs contact, as a guest does. */
static void recount(struct cluster *cluster, const struct role *role, struct local_redirect *local)
{
        bool here =
                is_exported_here(cluster, role) && !(local->closed && local->index == role->redirect.index);
        bool counts = (here || local->strange) && !MUTATED(EXPORT_UNGUARDED);
        cluster->exports += (uint32_t)counts - (uint32_t)local->counts;
        if (counts != local->counts)
                cluster->leased_known = false;
        local->counts = counts;
}

static struct local_redirect *local_of(struct cluster *cluster, const struct role *role)
{
        return &cluster->local[role_slot(cluster, role)].redirect;
}

/* What was known of an earlier redirect says nothing of this one; what is under way ends by itself. */
static void follow(const struct role *role, struct local_redirect *local)
{
        if (local->index == role->redirect.index)
                return;
        *local = (struct local_redirect){ .index = role->redirect.index,
                                          .order = local->order,
                                          .strange = local->strange,
                                          .counts = local->counts,
                                          .asked = local->asked };
}

static void report(struct looked_at *at, enum redirect_report kind)
{
        struct local_redirect *local = &at->local->redirect;
        struct command command = { .kind = COMMAND_REDIRECT_REPORT };
        struct command_redirect_report *content = &command.redirect_report;
        TEXT_COPY(content->role, at->role->name);
        content->node = at->cluster->identity.node;
        content->index = at->role->redirect.index;
        content->kind = kind;
        if (kind == REDIRECT_REPORT_OPENED) {
                content->port = local->port;
                TEXT_COPY(content->key, local->key);
        }
        TEXT_COPY(content->text, local->text);
        reconcile_propose(at, &local->report, &command);
}

/* --- the exporter --- */

static void order_export(struct looked_at *at, enum export_order order, const char *reason)
{
        struct local_redirect *local = &at->local->redirect;
        if (at->cluster->now_ms < local->report.not_before_ms) {
                reconcile_look_again(at, local->report.not_before_ms);
                return;
        }
        path_hurry(at->cluster, at->role->volumes); /* it may have been the path here that failed */
        if (order == EXPORT_ORDER_OPEN)
                guard_tick(at->cluster); /* armed before anything can be written */
        struct cluster_action *action = reconcile_act(at, CLUSTER_ACTION_EXPORT, reason);
        action->role.index = at->role->redirect.index;
        action->role.open = order == EXPORT_ORDER_OPEN;
        local->order = order;
}

static void see_to_exported(struct looked_at *at)
{
        struct local_redirect *local = &at->local->redirect;
        if (local->closed) {
                report(at, REDIRECT_REPORT_CLOSED);
                return;
        }
        switch (at->role->redirect.state) {
        case REDIRECT_OPENING:
                if (local->opened)
                        report(at, REDIRECT_REPORT_OPENED);
                else if (guard_is_valid(at->cluster) && guard_is_backed(at->cluster))
                        order_export(at, EXPORT_ORDER_OPEN, at->role->redirect.text);
                break;
        case REDIRECT_CLOSING:
                order_export(at, EXPORT_ORDER_CLOSE, at->role->redirect.text);
                break;
        case REDIRECT_OPEN:
        case REDIRECT_SERVED:
        case REDIRECT_NONE:
        case REDIRECT_STATE_COUNT:
                break;
        }
}

void redirect_see_to_export(struct looked_at *at)
{
        struct cluster *cluster = at->cluster;
        struct local_redirect *local = &at->local->redirect;
        bool exported = is_exported_here(cluster, at->role);
        if (!(exported || local->strange) || local->order != EXPORT_ORDER_NONE)
                return;
        bool lapsed = guard_has_lapsed(cluster) && !MUTATED(EXPORT_OUTLIVES_GUARD);
        bool parted = cluster->round.phase == ROUND_ACTIVE && force_has_parted(cluster);
        if ((lapsed || parted) && local->counts) {
                order_export(at, EXPORT_ORDER_CLOSE,
                             "no contact with a quorum for too long: the guard has lapsed");
                return;
        }
        if (!round_is_active(cluster) || !cluster_is_member(cluster))
                return;
        if (exported)
                see_to_exported(at);
        else
                order_export(at, EXPORT_ORDER_CLOSE, "the ledger does not know of this export");
}

void redirect_exported(struct cluster *cluster, const struct cluster_event *event)
{
        const struct role *role = model_role(cluster->model, event->export.role);
        if (role == NULL)
                return;
        struct local_redirect *local = local_of(cluster, role);
        enum export_order order = event->export.open ? EXPORT_ORDER_OPEN : EXPORT_ORDER_CLOSE;
        if (local->order != order)
                return;
        local->order = EXPORT_ORDER_NONE;
        slot_list_add(&cluster->attention, role_slot(cluster, role));
        if (event->export.result == OPERATION_UNKNOWN) {
                local->report.not_before_ms = cluster->now_ms + CLOSE_AGAIN_MS;
                return;
        }
        bool open = event->export.open && event->export.result == OPERATION_SUCCEEDED;
        bool failed = !event->export.open && event->export.result == OPERATION_FAILED;
        if (failed) { /* something of it is left */
                local->report.not_before_ms = cluster->now_ms + CLOSE_AGAIN_MS;
                return;
        }
        local->strange = open && local->index != event->export.index;
        if (local->index == event->export.index) {
                local->opened = open;
                local->closed = !open;
                local->port = event->export.port;
                TEXT_COPY(local->key, event->export.key);
                TEXT_COPY(local->text, event->export.text);
        }
        recount(cluster, role, local);
}

void redirect_listed(struct cluster *cluster, const char *name)
{
        const struct role *role = model_role(cluster->model, name);
        if (role == NULL) {
                observe_strange(cluster);
                return;
        }
        struct local_redirect *local = local_of(cluster, role);
        bool closing = local->order != EXPORT_ORDER_NONE;
        if (is_exported_here(cluster, role) || closing)
                return;
        local->strange = true;
        recount(cluster, role, local);
        slot_list_add(&cluster->attention, role_slot(cluster, role));
}

void redirect_role_changed(struct cluster *cluster, uint32_t slot)
{
        const struct role *role = &cluster->model->roles[slot];
        struct local_redirect *local = &cluster->local[slot].redirect;
        follow(role, local);
        recount(cluster, role, local);
}

void redirect_forget_role(struct cluster *cluster, uint32_t slot)
{
        cluster->exports -= cluster->local[slot].redirect.counts;
}

/* --- the node whose guest it is for --- */

static void order_guest(struct looked_at *at, enum operation operation, enum cluster_action_kind kind,
                        const char *reason)
{
        const struct role_redirect *redirect = &at->role->redirect;
        struct local_redirect *local = &at->local->redirect;
        const struct node *exporter = model_node(at->cluster->model, redirect->exporter);
        if (at->cluster->now_ms < local->report.not_before_ms || at->local->operation != OPERATION_NONE) {
                reconcile_look_again(at, local->report.not_before_ms);
                return;
        }
        observe_begin(at->cluster, at->local, operation);
        struct cluster_action *action = reconcile_act(at, kind, reason);
        action->role.index = redirect->index;
        action->role.port = redirect->port;
        TEXT_COPY(action->role.key, redirect->key);
        local->asked = redirect->index;
        TEXT_COPY(action->role.address, exporter == NULL ? "" : exporter->address);
}

/* Back to its own path, when that has been there for a while. */
static void see_to_served(struct looked_at *at)
{
        struct cluster *cluster = at->cluster;
        struct local_redirect *local = &at->local->redirect;
        if (!path_reaches(cluster, at->role))
                local->direct_ms = 0;
        else if (local->direct_ms == 0)
                local->direct_ms = cluster->now_ms;
        if (local->returned)
                report(at, REDIRECT_REPORT_RETURNED);
        else if (local->direct_ms != 0 && cluster->now_ms >= local->direct_ms + DIRECT_MS)
                order_guest(at, OPERATION_RETURN, CLUSTER_ACTION_RETURN,
                            "its path is there again: it goes back to its own files");
        else
                reconcile_look_again(at, cluster->now_ms + 1000);
}

static void see_to_open(struct looked_at *at)
{
        struct local_redirect *local = &at->local->redirect;
        if (local->served)
                report(at, REDIRECT_REPORT_SERVED);
        else if (local->failed)
                report(at, REDIRECT_REPORT_FAILED);
        else
                order_guest(at, OPERATION_REDIRECT, CLUSTER_ACTION_REDIRECT, at->role->redirect.text);
}

bool redirect_see_to_guest(struct looked_at *at)
{
        const struct role_redirect *redirect = &at->role->redirect;
        bool is_ours = redirect->state != REDIRECT_NONE && redirect->client == at->cluster->identity.node;
        if (!is_ours || at->local->operation != OPERATION_NONE)
                return is_ours;
        if (redirect->state == REDIRECT_OPEN)
                see_to_open(at);
        else if (redirect->state == REDIRECT_SERVED && at->local->observation == OBSERVED_RUNNING)
                see_to_served(at);
        return !MUTATED(RESUME_WHILE_EXPORTED);
}

void redirect_done(struct cluster *cluster, const struct cluster_event_operation *done)
{
        const struct role *role = model_role(cluster->model, done->role);
        bool goes_over = done->operation == OPERATION_REDIRECT, returns = done->operation == OPERATION_RETURN;
        if (role == NULL || !(goes_over || returns) ||
            cluster->local[role_slot(cluster, role)].operation != done->operation)
                return;
        struct local_redirect *local = local_of(cluster, role);
        if (local->asked != local->index)
                return; /* of an earlier one */
        bool done_well = done->result == OPERATION_SUCCEEDED;
        local->served = goes_over && done_well;
        local->failed = goes_over && done->result == OPERATION_FAILED;
        local->returned = returns && done_well;
        TEXT_COPY(local->text, done->text);
        if (!done_well)
                local->report.not_before_ms = cluster->now_ms + (returns ? RETURN_EACH_MS : AGAIN_MS);
        if (local->failed)
                local->report.not_before_ms = cluster->now_ms;
}
