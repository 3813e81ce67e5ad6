/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/apply.h"

#include <string.h>

#include "clusterd/base/text.h"
#include "clusterd/core/role_state.h"

/* A disk of a role goes to another image while its guest runs. The order, and why: README.md, "Moving
 * storage". */

static bool may_copy(struct apply *apply, const struct role *role, const struct command_role_copy *command)
{
        if (role->kind != ROLE_VM || role->state != ROLE_ONLINE) {
                apply_refuse(apply,
                             "role '%s' is %s: only the storage of a guest that is online is moved live",
                             role->name, role_state_name(role->state));
                return false;
        }
        if (role->redirect.state != REDIRECT_NONE) {
                apply_refuse(apply, "another node writes for role '%s' at present: its storage stays",
                             role->name);
                return false;
        }
        if (role->stall.index != 0) {
                apply_refuse(apply, "role '%s' stands still, its disk failed it", role->name);
                return false;
        }
        if (role->copy.state != COPY_NONE) {
                apply_refuse(apply, "the storage of role '%s' is being moved already: wait, or abort that",
                             role->name);
                return false;
        }
        if (memcmp(role->definition_hash, command->before_hash, HASH_BYTES) != 0) {
                apply_refuse(apply, "role '%s' has been given another definition meanwhile: ask again",
                             role->name);
                return false;
        }
        return true;
}

static bool owner_reaches(struct apply *apply, const struct role *role, uint64_t volumes)
{
        NODE_SET_EACH (volumes, id) {
                const struct volume *volume = model_volume_by_id(apply->model, id);
                if (volume != NULL && volume->state == VOLUME_READY &&
                    volume_path(volume, role->owner) == PATH_DIRECT)
                        continue;
                apply_refuse(apply, "%s, where role '%s' runs, has no path to volume '%s'",
                             model_node_name(apply->model, role->owner), role->name,
                             volume == NULL ? "-" : volume->name);
                return false;
        }
        return true;
}

void apply_role_copy(struct apply *apply, const struct command_role_copy *command)
{
        struct role *role = apply_role(apply, command->role);
        if (role == NULL || !may_copy(apply, role, command) ||
            !owner_reaches(apply, role, command->volumes & ~role->volumes))
                return;
        struct role_copy *copy = &role->copy;
        memset(copy, 0, sizeof *copy);
        copy->state = COPY_RUNNING;
        copy->index = apply->index;
        TEXT_COPY(copy->disk, command->disk);
        TEXT_COPY(copy->from, command->from);
        TEXT_COPY(copy->to, command->to);
        memcpy(copy->definition_hash, command->definition_hash, HASH_BYTES);
        copy->volumes = command->volumes;
        copy->keep = command->keep;
        role->reserved = 0; /* from here on it may write to two images */
        apply_changed_role(apply, role);
}

void apply_role_copy_abort(struct apply *apply, const struct command_role *command)
{
        struct role *role = apply_role(apply, command->role);
        if (role == NULL)
                return;
        struct role_copy *copy = &role->copy;
        switch (copy->state) {
        case COPY_RUNNING:
                TEXT_COPY(copy->text, "an operator ended it");
                break;
        case COPY_CLEARING: /* nobody can remove what is of no use, and nobody waits for that any more */
                TEXT_PRINT(copy->text, "left behind: %.140s", role_copy_useless(copy));
                role_copy_end(role);
                break;
        case COPY_SWITCHING:
                apply_refuse(apply, "role '%s' is going over to %s in this moment: that is not aborted",
                             role->name, copy->to);
                return;
        case COPY_NONE:
        case COPY_STATE_COUNT:
                apply_refuse(apply, "no storage of role '%s' is being moved", role->name);
                return;
        }
        copy->abort_index = apply->index;
        apply_changed_role(apply, role);
}

static bool may_report(struct apply *apply, const struct role *role, const struct command_copy_report *report)
{
        const struct node *node = model_node(apply->model, report->node);
        bool by_owner = report->node == apply->origin && report->node == role->owner &&
                        role_may_run_on(role, report->node) && node != NULL && node->state == NODE_UP;
        if (by_owner && report->index == role->copy.index && role->copy.index != 0)
                return true;
        apply_refuse(apply, "%s has no storage of role '%s' to move by entry %llu",
                     model_node_name(apply->model, report->node), role->name,
                     (unsigned long long)report->index);
        return false;
}

static void clear(struct role_copy *copy, bool succeeded, const char *text)
{
        copy->state = COPY_CLEARING;
        copy->succeeded = succeeded;
        if (text[0] != '\0' && copy->text[0] == '\0')
                TEXT_COPY(copy->text, text);
}

/* True if what is reported follows from where the copy is. */
static bool advance(struct role *role, const struct command_copy_report *report)
{
        struct role_copy *copy = &role->copy;
        switch (report->kind) {
        case COPY_REPORT_HELD:
                if (copy->state != COPY_RUNNING || copy->abort_index != 0)
                        return false;
                role_copy_exchange(role);
                copy->state = COPY_SWITCHING;
                return true;
        case COPY_REPORT_DONE:
                if (copy->state != COPY_SWITCHING)
                        return false;
                copy->duration_ms = report->duration_ms;
                copy->held_ms = report->held_ms;
                clear(copy, true, report->text);
                return true;
        case COPY_REPORT_FAILED:
                if (copy->state == COPY_SWITCHING)
                        role_copy_exchange(role);
                else if (copy->state != COPY_RUNNING)
                        return false;
                clear(copy, false, report->text);
                return true;
        case COPY_REPORT_CLEARED:
                if (copy->state != COPY_CLEARING)
                        return false;
                if (report->text[0] != '\0')
                        TEXT_COPY(copy->text, report->text);
                role_copy_end(role);
                return true;
        case COPY_REPORT_COUNT:
                break;
        }
        return false;
}

void apply_copy_report(struct apply *apply, const struct command_copy_report *report)
{
        struct role *role = apply_role(apply, report->role);
        if (role == NULL || !may_report(apply, role, report))
                return;
        if (!advance(role, report)) {
                apply_refuse(apply, "the storage of role '%s' is %s: '%s' does not follow", role->name,
                             copy_state_name(role->copy.state), copy_report_name(report->kind));
                return;
        }
        apply_changed_role(apply, role);
}
