/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/request_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/path.h"
#include "clusterd/base/text.h"
#include "clusterd/io/host.h"
#include "clusterd/io/lease_file.h"

/* Volumes: asked about, added, removed. */

#define FREE_LEAST_PERCENT 10

static bool is_redirected(const struct role *role, const struct volume *volume, uint32_t client)
{
        return role->redirect.state != REDIRECT_NONE && role->redirect.client == client &&
               node_set_has(role->volumes, volume->id);
}

/* Where it has lost it, its guests may go on by another node. */
static json_t *document_path(const struct model *model, const struct volume *volume, const struct node *node)
{
        enum path_state path = volume_path(volume, node->id);
        json_t *redirected = json_array();
        bool lost = path_state_is_lost(path), served = false;
        MODEL_EACH_ROLE (model, role) {
                if (!is_redirected(role, volume, node->id))
                        continue;
                served |= role->redirect.state == REDIRECT_SERVED;
                json_array_append_new(redirected,
                                      json_pack("{s:s, s:s, s:s, s:o}", "role", role->name, "by",
                                                model_node_name(model, role->redirect.exporter), "state",
                                                redirect_state_name(role->redirect.state), "text",
                                                document_text(role->redirect.text)));
        }
        const char *state = path == PATH_DIRECT ? "direct"
                            : lost && served    ? "redirected"
                            : lost              ? "lost"
                                                : "unknown";
        return json_pack("{s:s, s:s, s:s, s:s, s:o}", "node", node->name, "state", state, "cause",
                         path_state_name(path), "reason", path_state_explain(path), "redirected", redirected);
}

static bool see_space(const struct request *request, const struct volume *volume, uint64_t *ret_free_bytes,
                      uint64_t *ret_size_bytes)
{
        return request->services->volume_space(request->services->context, volume->identity, ret_free_bytes,
                                               ret_size_bytes);
}

bool explain_scarcity(const struct request *request, const struct volume *volume, char text[SCARCITY_BYTES])
{
        uint64_t free_bytes = 0, size_bytes = 0;
        if (!see_space(request, volume, &free_bytes, &size_bytes) ||
            free_bytes >= size_bytes / 100 * FREE_LEAST_PERCENT)
                return false;
        (void)snprintf(text, SCARCITY_BYTES, "only %d %% of its space is free",
                       (int)(free_bytes / (size_bytes / 100)));
        return true;
}

/* As this node saw it last. */
static void set_space(const struct request *request, const struct volume *volume, json_t *document)
{
        uint64_t free_bytes = 0, size_bytes = 0;
        char warning[SCARCITY_BYTES];
        bool known = see_space(request, volume, &free_bytes, &size_bytes);
        bool scarce = explain_scarcity(request, volume, warning);
        json_object_set_new(document, "free_bytes",
                            known ? json_integer((json_int_t)free_bytes) : json_null());
        json_object_set_new(document, "size_bytes",
                            known ? json_integer((json_int_t)size_bytes) : json_null());
        json_object_set_new(document, "warning", scarce ? json_string(warning) : json_null());
}

static json_t *document_volume_row(const struct request *request, const struct volume *volume)
{
        const struct model *model = request->model;
        node_set members = model_up(model);
        json_t *document = json_pack("{s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "name", volume->name, "kind",
                                     volume_kind_name(volume->kind), "state",
                                     volume_state_name(volume->state), "path", volume->path, "coordinator",
                                     volume->coordinator == NODE_NONE
                                             ? json_null()
                                             : json_string(model_node_name(model, volume->coordinator)),
                                     "direct", document_node_set(model, volume->paths[PATH_DIRECT] & members),
                                     "lost", document_node_set(model, volume_lost(volume) & members));
        if (volume->kind == VOLUME_ISCSI) {
                json_object_set_new(document, "portal", json_string(volume->login.portal));
                json_object_set_new(document, "user",
                                    volume->login.user[0] == '\0' ? json_null()
                                                                  : json_string(volume->login.user));
        }
        set_space(request, volume, document);
        return document;
}

static int compare_volumes(const void *a, const void *b)
{
        return strcmp((*(const struct volume *const *)a)->name, (*(const struct volume *const *)b)->name);
}

json_t *query_volume_list(struct request *request)
{
        const struct volume *volumes[VOLUMES_MAX];
        size_t count = 0;
        json_t *rows = json_array();
        MODEL_EACH_VOLUME (request->model, volume)
                volumes[count++] = volume;
        qsort(volumes, count, sizeof(volumes[0]), compare_volumes);
        for (size_t i = 0; i < count; i++)
                json_array_append_new(rows, document_volume_row(request, volumes[i]));
        return json_pack("{s:o}", "volumes", rows);
}

/* What a node said of its path may be committed behind the end of the proof, and is refused there. */
static void keep_end(void *context, const struct entry *entry)
{
        if (entry->command.kind != COMMAND_VOLUME_REPORT)
                *(struct command *)context = entry->command;
}

const struct volume *request_volume(struct request *request, const char *name)
{
        const struct volume *volume = model_volume(request->model, name);
        if (volume == NULL)
                (void)request_fail(request, VERB_EXIT_NO_OBJECT, "", "clu volume list names them",
                                   "there is no volume %s", name);
        return volume;
}

/* Whoever waits for a volume that was refused hears here why it is not there. */
static int find_volume(struct request *request, const struct volume **ret_volume)
{
        char subject[NAME_BYTES + 16];
        struct command end = { .kind = COMMAND_COUNT };
        *ret_volume = model_volume(request->model, request->name);
        if (*ret_volume != NULL)
                return 0;
        TEXT_PRINT(subject, "volume:%s", request->name);
        if (request_entries(request, 1, UINT64_MAX, subject, 2 * NODES_MAX, keep_end, &end) < 0)
                return -EINVAL;
        if (end.kind == COMMAND_VOLUME_DROP)
                return request_fail(
                        request, VERB_EXIT_REFUSED,
                        "every node has to reach it; a directory also to share it, and to write it "
                        "directly and fast enough",
                        "mend that and add it again", "volume %s was not added: %s", request->name,
                        end.volume.reason);
        (void)request_volume(request, request->name);
        return -EINVAL;
}

/* Why it is not held; NULL: it is, or nothing is known yet. */
static const char *lease_trouble(const struct lease_node *lease)
{
        if (lease->state == LEASE_HELD)
                return NULL;
        if (lease->last.outcome != LEASE_PASS_REFUSED)
                return lease->last.error == 0 ? NULL : lease_file_explain(lease->last.error);
        switch (lease->last.found) {
        case SECTOR_FOREIGN:
                return "in its place stands what is of another cluster or volume, and stays";
        case SECTOR_VERSION:
                return "in its place stands what is of another version, and stays";
        case SECTOR_BLANK:
        case SECTOR_DAMAGED:
        case SECTOR_MISPLACED:
        case SECTOR_VALID:
                break;
        }
        return "its record was exchanged for another";
}

/* Of the node that is asked; null while it takes none. */
static json_t *document_lease(const struct request *request, const struct volume *volume)
{
        const struct lease_node *lease = cluster_lease(request->services->cluster, volume->id);
        if (lease == NULL)
                return json_null();
        uint64_t now_ms = request->services->now_ms(request->services->context);
        const char *trouble = lease_trouble(lease);
        return json_pack("{s:s, s:I, s:b, s:b, s:o}", "state", lease_state_name(lease->state), "for_ms",
                         (json_int_t)(now_ms > lease->since_ms ? now_ms - lease->since_ms : 0), "confirmed",
                         lease->state == LEASE_HELD && lease->confirmed, "late",
                         lease_node_is_late(lease, now_ms), "error",
                         trouble == NULL ? json_null() : document_text(trouble));
}

static json_t *document_users(const struct model *model, const struct volume *volume)
{
        json_t *names = json_array();
        MODEL_EACH_ROLE (model, role)
                if (node_set_has(role->volumes, volume->id))
                        json_array_append_new(names, json_string(role->name));
        return names;
}

json_t *query_volume_show(struct request *request)
{
        const struct volume *volume;
        json_t *paths = json_array();
        if (find_volume(request, &volume) < 0) {
                json_decref(paths);
                return NULL;
        }
        MODEL_EACH_NODE (request->model, node)
                json_array_append_new(paths, document_path(request->model, volume, node));
        json_t *document = document_volume_row(request, volume);
        json_object_set_new(document, "paths", paths);
        json_object_set_new(document, "lease", document_lease(request, volume));
        json_object_set_new(
                document, "renewing",
                document_node_set(request->model, cluster_renewing(request->services->cluster, volume->id)));
        json_object_set_new(document, "leased", document_node_set(request->model, volume->leases));
        json_object_set_new(document, "roles", document_users(request->model, volume));
        const struct witness *witness = &request->model->settings.witness;
        json_object_set_new(
                document, "witness",
                json_boolean(witness->kind == WITNESS_DISK && text_equal(witness->volume, volume->name)));
        json_object_set_new(document, "last_trouble",
                            volume->trouble[0] == '\0' ? json_null() : document_text(volume->trouble));
        return document;
}

static int take_directory(struct request *request, struct command_volume_add *add)
{
        const char *path = request_text(request, "path");
        if (path == NULL || request_text(request, "target") != NULL ||
            request_text(request, "portal") != NULL || request_text(request, "user") != NULL)
                return request_fail(request, VERB_EXIT_USAGE, "", "see clu volume add --help",
                                    "a volume of kind directory needs --path, and nothing of a target");
        if (!path_is_plain(path))
                return request_fail(request, VERB_EXIT_USAGE, "", "",
                                    "--path: '%s' is not an absolute path below the root, without '.', '..' "
                                    "and '//'",
                                    path);
        TEXT_COPY(add->path, path);
        return 0;
}

static int take_target(struct request *request, struct command_volume_add *add)
{
        const char *portal = request_text(request, "portal"), *target = request_text(request, "target");
        const char *user = request_text(request, "user"), *password = request_text(request, "password");
        if (portal == NULL || target == NULL || request_text(request, "path") != NULL)
                return request_fail(request, VERB_EXIT_USAGE, "", "see clu volume add --help",
                                    "a volume of kind iscsi needs --portal and --target, and no --path");
        if (!target_is_plain(target))
                return request_fail(request, VERB_EXIT_USAGE, "", "",
                                    "--target: '%s' is no name of a target: that is iqn., eui. or naa., and "
                                    "behind it small letters, digits, '-', '.' and ':'",
                                    target);
        TEXT_COPY(add->path, target);
        TEXT_COPY(add->login.portal, portal);
        TEXT_COPY(add->login.user, user == NULL ? "" : user);
        TEXT_COPY(add->login.password, user == NULL || password == NULL ? "" : password);
        return 0;
}

int change_volume_add(struct request *request, struct change *change)
{
        struct command_volume_add *add = &change->command.volume_add;
        change->command.kind = COMMAND_VOLUME_ADD;
        if (volume_kind_parse(request_text(request, "kind"), &add->kind) < 0)
                return request_fail(request, VERB_EXIT_USAGE, "", "",
                                    "--kind: a volume is of kind directory or iscsi");
        TEXT_COPY(add->name, request->name);
        add->identity = random_id();
        return add->kind == VOLUME_ISCSI ? take_target(request, add) : take_directory(request, add);
}

int change_volume(struct request *request, enum command_kind kind, struct change *change)
{
        const struct volume *volume = request_volume(request, request->name);
        if (volume == NULL)
                return -EINVAL;
        change->command.kind = kind;
        TEXT_COPY(change->command.volume.volume, volume->name);
        change->command.volume.identity = volume->identity;
        TEXT_PRINT(change->command.volume.reason, "asked by %s", request->client->actor);
        return 0;
}

int change_volume_move(struct request *request, struct change *change)
{
        struct command_volume_move *move = &change->command.volume_move;
        const struct volume *volume = request_volume(request, request->name);
        const char *name = request_text(request, "node");
        const struct node *node = model_node_by_name(request->model, name);
        if (volume == NULL)
                return -EINVAL;
        if (node == NULL)
                return request_fail(request, VERB_EXIT_NO_OBJECT, "", "clu node list names them",
                                    "there is no node %s", name);
        change->command.kind = COMMAND_VOLUME_MOVE;
        TEXT_COPY(move->volume, volume->name);
        move->identity = volume->identity;
        move->node = node->id;
        TEXT_PRINT(move->reason, "asked by %s", request->client->actor);
        return 0;
}
