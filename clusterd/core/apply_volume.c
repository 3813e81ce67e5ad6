/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/core/apply.h"

#include "clusterd/base/mutation.h"
#include "clusterd/base/path.h"
#include "clusterd/base/text.h"
#include "clusterd/core/coordinator.h"
#include "clusterd/core/role_state.h"

/* Volumes: added, proven by every member, reported on, removed. */

static void changed(struct apply *apply, const struct volume *volume)
{
        if (apply->changes != NULL)
                apply->changes->volumes |= node_set_of(volume->id);
}

/* The one that is meant, not another of its name; NULL: refused. */
static struct volume *find(struct apply *apply, const char *name, uint64_t identity)
{
        struct volume *volume = (struct volume *)model_volume(apply->model, name);
        if (volume == NULL || volume->identity != identity) {
                apply->outcome = APPLY_NO_OBJECT;
                apply_refuse(apply, "there is no such volume '%s'", name);
                return NULL;
        }
        return volume;
}

/* One directory under two names would be two volumes to placement, and two leases. */
static bool path_is_free(struct apply *apply, const char *path)
{
        MODEL_EACH_VOLUME (apply->model, other)
                if (text_equal(other->path, path) || path_holds(other->path, path) ||
                    path_holds(path, other->path)) {
                        apply_refuse(apply, "volume '%s' is at %.80s: choose a path beside it", other->name,
                                     other->path);
                        return false;
                }
        return true;
}

static bool place_is_plain(struct apply *apply, const struct command_volume_add *add)
{
        switch (add->kind) {
        case VOLUME_DIRECTORY:
                if (!path_is_plain(add->path))
                        apply_refuse(
                                apply,
                                "the path of a volume is absolute, below the root, and without '.' and '..'");
                return path_is_plain(add->path);
        case VOLUME_ISCSI:
                if (!target_is_plain(add->path))
                        apply_refuse(apply, "the name of a target begins with iqn., eui. or naa.");
                return target_is_plain(add->path);
        case VOLUME_KIND_COUNT:
                break;
        }
        return false;
}

void apply_volume_add(struct apply *apply, const struct command_volume_add *add)
{
        if (model_volume(apply->model, add->name) != NULL) {
                apply_refuse(apply, "there is a volume '%s' already: choose another name", add->name);
                return;
        }
        if (!place_is_plain(apply, add) || !path_is_free(apply, add->path))
                return;
        uint32_t id = model_free_volume(apply->model);
        if (id == 0) {
                apply_refuse(apply, "the cluster holds %u volumes and takes no more: remove one first",
                             (unsigned)VOLUMES_MAX);
                return;
        }
        struct volume *volume = &apply->model->volumes[id];
        *volume = (struct volume){
                .id = id,
                .kind = add->kind,
                .state = VOLUME_PROVING,
                .identity = add->identity,
                .since_index = apply->index,
                .login = add->login,
        };
        TEXT_COPY(volume->name, add->name);
        TEXT_COPY(volume->path, add->path);
        changed(apply, volume);
}

bool apply_witness_volume(struct apply *apply, const struct witness *witness)
{
        const struct volume *volume = model_volume(apply->model, witness->volume);
        if (volume == NULL) {
                apply->outcome = APPLY_NO_OBJECT;
                apply_refuse(apply, "there is no volume '%s'", witness->volume);
        } else if (volume->kind != VOLUME_DIRECTORY) {
                apply_refuse(apply, "volume '%s' has no files: a witness is one", volume->name);
        } else if (volume->state != VOLUME_READY) {
                apply_refuse(apply, "not every node has proven volume '%s' yet", volume->name);
        } else if (!text_equal(volume->path, witness->place)) {
                apply_refuse(apply, "volume '%s' is at another path by now", volume->name);
        }
        return apply->outcome == APPLY_DONE;
}

static bool witness_is_on(const struct settings *settings, const struct volume *volume)
{
        return settings->witness.kind == WITNESS_DISK && text_equal(settings->witness.volume, volume->name);
}

static void forget(struct apply *apply, struct volume *volume)
{
        changed(apply, volume);
        apply->deleted = true;
        apply->deleted_kind = OBJECT_VOLUME;
        TEXT_COPY(apply->deleted_name, volume->name);
        model_remove(apply->model, OBJECT_VOLUME, apply->deleted_name);
}

void apply_volume_remove(struct apply *apply, const struct command_volume *command)
{
        struct volume *volume = find(apply, command->volume, command->identity);
        if (volume == NULL)
                return;
        MODEL_EACH_ROLE (apply->model, role)
                if (node_set_has(role->volumes | role->copy.volumes, volume->id) ||
                    (node_set_has(role->leases, volume->id) && role_possible_runners(role) != 0)) {
                        apply_refuse(apply, "role '%s' has a disk on it: move that, or remove the role first",
                                     role->name);
                        return;
                }
        if (witness_is_on(&apply->model->settings, volume)) {
                apply_refuse(apply, "the witness is on it: clu quorum witness remove first");
                return;
        }
        forget(apply, volume);
}

static bool is_proving(struct apply *apply, const struct volume *volume)
{
        if (volume->state != VOLUME_PROVING)
                apply_refuse(apply, "volume '%s' is proven already", volume->name);
        return volume->state == VOLUME_PROVING;
}

void apply_volume_ready(struct apply *apply, const struct command_volume *command)
{
        struct volume *volume = find(apply, command->volume, command->identity);
        if (volume == NULL || !is_proving(apply, volume))
                return;
        bool proven = false;
        MODEL_EACH_NODE (apply->model, node) {
                if (node->state != NODE_UP)
                        continue;
                proven = true;
                if (volume_path(volume, node->id) != PATH_DIRECT && !MUTATED(VOLUME_UNPROVEN)) {
                        apply_refuse(apply, "%s has not proven volume '%s'", node->name, volume->name);
                        return;
                }
        }
        if (!proven) {
                apply_refuse(apply, "nobody has proven volume '%s'", volume->name);
                return;
        }
        volume->state = VOLUME_READY;
        volume->since_index = apply->index;
        changed(apply, volume);
}

/* Nobody has a path or a lease there, whatever was said before. */
static void begin_anew(struct apply *apply, struct volume *volume, enum volume_state state)
{
        volume->state = state;
        volume->since_index = apply->index;
        memset(volume->paths, 0, sizeof volume->paths);
        volume->leases = 0;
        volume->coordinator = NODE_NONE;
        changed(apply, volume);
}

void apply_volume_drop(struct apply *apply, const struct command_volume *command)
{
        struct volume *volume = find(apply, command->volume, command->identity);
        if (volume == NULL || !is_proving(apply, volume))
                return;
        if (!volume->known) {
                forget(apply, volume);
                return;
        }
        begin_anew(apply, volume, VOLUME_MAINTENANCE);
        TEXT_COPY(volume->trouble, command->reason);
}

/* Of each role that has a disk there, or goes by its lease there. */
static bool nothing_runs_on(struct apply *apply, const struct volume *volume)
{
        MODEL_EACH_ROLE (apply->model, role) {
                if (!node_set_has(role->volumes | role->leases | role->copy.volumes, volume->id) ||
                    (role_possible_runners(role) == 0 &&
                     (role->redirect.state == REDIRECT_NONE || MUTATED(MAINTAINED_WHILE_EXPORTED))) ||
                    MUTATED(MAINTAINED_IN_USE))
                        continue;
                apply_refuse(apply, "role '%s' has a disk on it and may be running: stop it first",
                             role->name);
                return false;
        }
        return true;
}

void apply_volume_maintain(struct apply *apply, const struct command_volume *command)
{
        struct volume *volume = find(apply, command->volume, command->identity);
        if (volume == NULL)
                return;
        if (volume->state == VOLUME_MAINTENANCE || (volume->state == VOLUME_PROVING && !volume->known)) {
                apply_refuse(apply, "volume '%s' is %s", volume->name,
                             volume->known ? "in maintenance already" : "not proven yet");
                return;
        }
        if (!nothing_runs_on(apply, volume))
                return;
        if (witness_is_on(&apply->model->settings, volume)) {
                apply_refuse(apply, "the witness is on it: clu quorum witness remove first");
                return;
        }
        volume->known = true;
        begin_anew(apply, volume, VOLUME_MAINTENANCE);
}

void apply_volume_resume(struct apply *apply, const struct command_volume *command)
{
        struct volume *volume = find(apply, command->volume, command->identity);
        if (volume == NULL)
                return;
        if (volume->state != VOLUME_MAINTENANCE) {
                apply_refuse(apply, "volume '%s' is not in maintenance", volume->name);
                return;
        }
        begin_anew(apply, volume, VOLUME_PROVING);
        volume->trouble[0] = '\0';
}

void apply_volume_move(struct apply *apply, const struct command_volume_move *move)
{
        struct volume *volume = find(apply, move->volume, move->identity);
        char reason[REASON_BYTES];
        if (volume == NULL)
                return;
        if (!coordinator_may_be(apply->model, volume, move->node, reason)) {
                apply_refuse(apply, "%s", reason);
                return;
        }
        volume->coordinator = move->node;
        changed(apply, volume);
}

static void path_enter(struct volume *volume, uint32_t node, enum path_state state)
{
        for (enum path_state each = PATH_MARKED; each < PATH_STATE_COUNT; each++)
                volume->paths[each] &= ~node_set_of(node);
        if (state != PATH_UNKNOWN)
                volume->paths[state] |= node_set_of(node);
}

void apply_volume_report(struct apply *apply, const struct command_volume_report *report)
{
        struct volume *volume = find(apply, report->volume, report->identity);
        const struct node *node = volume == NULL ? NULL : apply_node(apply, report->node);
        if (node == NULL)
                return;
        if (report->node != apply->origin || node->state != NODE_UP) {
                apply_refuse(apply, "only a member reports on its own path");
                return;
        }
        /* Whom the others do not know to have left its mark has not been looked for by them. */
        if (report->state == PATH_UNKNOWN ||
            (report->state == PATH_DIRECT && volume_path(volume, node->id) == PATH_UNKNOWN &&
             !MUTATED(PATH_UNMARKED))) {
                apply_refuse(apply, "%s has not left its mark on volume '%s' yet", node->name, volume->name);
                return;
        }
        if (volume->state == VOLUME_MAINTENANCE) {
                apply_refuse(apply, "volume '%s' is in maintenance", volume->name);
                return;
        }
        path_enter(volume, node->id, report->state);
        if (report->leased && volume->state == VOLUME_READY && volume->kind == VOLUME_DIRECTORY)
                volume->leases |= node_set_of(node->id);
        if (path_state_is_lost(report->state))
                TEXT_PRINT(volume->trouble, "%.40s: %.110s", node->name, report->text);
        changed(apply, volume);
}

void apply_paths_unknown(struct apply *apply, uint32_t node)
{
        struct model *model = apply->model;
        for (struct volume *volume = model->volumes + 1; volume <= model->volumes + VOLUMES_MAX; volume++)
                if (volume->id != 0 && volume_path(volume, node) != PATH_UNKNOWN &&
                    !MUTATED(PATH_OUTLIVES_BOOT)) {
                        path_enter(volume, node, PATH_UNKNOWN);
                        changed(apply, volume);
                }
}

void apply_leases_unknown(struct apply *apply, uint32_t node)
{
        struct model *model = apply->model;
        for (struct volume *volume = model->volumes + 1; volume <= model->volumes + VOLUMES_MAX; volume++)
                if (volume->id != 0 && node_set_has(volume->leases, node)) {
                        volume->leases &= ~node_set_of(node);
                        changed(apply, volume);
                }
}

bool apply_volumes_exist(struct apply *apply, const struct role *role)
{
        NODE_SET_EACH (role->volumes, id) {
                const struct volume *volume = model_volume_by_id(apply->model, id);
                if (volume != NULL && volume->state == VOLUME_READY)
                        continue;
                apply_refuse(apply, "volume '%s', where role '%s' has a disk, is %s",
                             volume == NULL ? "-" : volume->name, role->name,
                             volume == NULL                        ? "gone"
                             : volume->state == VOLUME_MAINTENANCE ? "in maintenance"
                                                                   : "not proven yet");
                return false;
        }
        return true;
}
