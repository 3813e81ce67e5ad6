/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/apply.h"

#include "clusterd/base/mutation.h"
#include "clusterd/base/text.h"
#include "clusterd/core/redirect_rule.h"
#include "clusterd/core/role_state.h"

/* Another node writes for a guest whose own node has lost the path. Who may write, and why: README.md,
 * "Redirected I/O". */

static bool may_begin(struct apply *apply, const struct role *role,
                      const struct command_role_redirect *command)
{
        if (role->state != ROLE_ONLINE || role->stall.index == 0 || role->stall.index != command->stall) {
                apply_refuse(apply, "role '%s' does not stand still since entry %llu", role->name,
                             (unsigned long long)command->stall);
                return false;
        }
        if (role->copy.state != COPY_NONE) {
                apply_refuse(apply, "the storage of role '%s' is being moved", role->name);
                return false;
        }
        if (role->redirect.state != REDIRECT_NONE && !MUTATED(REDIRECT_WHILE_EXPORTED)) {
                apply_refuse(apply, "%s may still write for role '%s'",
                             model_node_name(apply->model, role->redirect.exporter), role->name);
                return false;
        }
        return true;
}

void apply_role_redirect(struct apply *apply, const struct command_role_redirect *command)
{
        struct role *role = apply_role(apply, command->role);
        char reason[REASON_BYTES];
        if (role == NULL || !may_begin(apply, role, command))
                return;
        if (!redirect_may_export(apply->model, role, command->exporter, reason)) {
                apply_refuse(apply, "%s", reason);
                return;
        }
        role->redirect = (struct role_redirect){
                .state = REDIRECT_OPENING,
                .index = apply->index,
                .exporter = command->exporter,
                .client = role->owner,
        };
        TEXT_COPY(role->redirect.text, command->reason);
        apply_changed_role(apply, role);
}

/* The one that is meant, and it has not ended; NULL: refused. */
static struct role *find(struct apply *apply, const char *name, uint64_t index)
{
        struct role *role = apply_role(apply, name);
        if (role == NULL)
                return NULL;
        if (role->redirect.state != REDIRECT_NONE &&
            (role->redirect.index == index || MUTATED(REDIRECT_OF_OLD_INDEX)))
                return role;
        apply_refuse(apply, "role '%s' is not redirected by entry %llu any more", name,
                     (unsigned long long)index);
        return NULL;
}

void apply_role_redirect_end(struct apply *apply, const struct command_role_redirect_end *command)
{
        struct role *role = find(apply, command->role, command->index);
        if (role == NULL)
                return;
        role_redirect_end(role, REDIRECT_CLOSING, command->reason);
        apply_changed_role(apply, role);
}

/* Of the export only who has it can speak, of the guest only who runs it. */
static bool may_report(struct apply *apply, const struct role *role,
                       const struct command_redirect_report *report)
{
        const struct role_redirect *redirect = &role->redirect;
        const struct node *node = model_node(apply->model, report->node);
        bool of_export = report->kind == REDIRECT_REPORT_OPENED || report->kind == REDIRECT_REPORT_CLOSED;
        bool its_own = of_export ? report->node == redirect->exporter
                                 : report->node == redirect->client && role_may_run_on(role, report->node);
        bool by_itself = report->node == apply->origin && node != NULL && node->state == NODE_UP;
        if ((its_own && by_itself) || MUTATED(REDIRECT_REPORT_BY_OTHERS))
                return true;
        apply_refuse(apply, "%s has no say in how role '%s' is redirected",
                     model_node_name(apply->model, report->node), role->name);
        return false;
}

/* True if what is reported follows from where the redirect is. */
static bool advance(struct role *role, const struct command_redirect_report *report)
{
        struct role_redirect *redirect = &role->redirect;
        switch (report->kind) {
        case REDIRECT_REPORT_OPENED:
                if (redirect->state != REDIRECT_OPENING)
                        return false;
                redirect->state = REDIRECT_OPEN;
                redirect->port = report->port;
                TEXT_COPY(redirect->key, report->key);
                return true;
        case REDIRECT_REPORT_SERVED:
                if (redirect->state != REDIRECT_OPEN)
                        return false;
                redirect->state = REDIRECT_SERVED;
                role->stall = (struct role_stall){ .index = 0 };
                return true;
        case REDIRECT_REPORT_RETURNED:
        case REDIRECT_REPORT_FAILED:
                if (redirect->state == REDIRECT_CLOSING)
                        return false;
                role_redirect_end(role, REDIRECT_CLOSING, report->text);
                return true;
        case REDIRECT_REPORT_CLOSED:
                role_redirect_end(role, REDIRECT_NONE, report->text);
                return true;
        case REDIRECT_REPORT_COUNT:
                break;
        }
        return false;
}

void apply_redirect_report(struct apply *apply, const struct command_redirect_report *report)
{
        struct role *role = find(apply, report->role, report->index);
        if (role == NULL || !may_report(apply, role, report))
                return;
        if (!advance(role, report)) {
                apply_refuse(apply, "the redirect of role '%s' is %s: '%s' does not follow", role->name,
                             redirect_state_name(role->redirect.state), redirect_report_name(report->kind));
                return;
        }
        apply_changed_role(apply, role);
}

void apply_exports_gone(struct apply *apply, uint32_t node, const char *why)
{
        struct model *model = apply->model;
        for (struct role *role = model->roles; role < model->roles + model->roles_used; role++) {
                if (role->name[0] == '\0' || !role_is_exported_by(role, node))
                        continue;
                char text[REASON_BYTES];
                TEXT_PRINT(text, "%.40s, which exported it, runs nothing any more: %.40s",
                           model_node_name(model, node), why);
                role_redirect_end(role, REDIRECT_NONE, text);
                apply_changed_role(apply, role);
        }
}
