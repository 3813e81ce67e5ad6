/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/volume_paths.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "clusterd/io/host.h"
#include "clusterd/io/lease_file.h"
#include "clusterd/io/lease_worker.h"

struct path {
        struct volume_paths *paths;
        uint32_t id;
        uint64_t identity; /* of the volume; 0: none */
        uint64_t look;     /* being answered */
        struct lease_worker *worker;
        char cluster[NAME_BYTES];
        bool space_known;
        uint64_t free_bytes, size_bytes;
};

struct volume_paths {
        struct mailbox *mailbox;
        volume_on_event on_event;
        void *context;
        struct lease_mark mark; /* of this node, as it was last left */
        struct path path[VOLUMES_MAX + 1];
};

static enum path_state state_of(int error)
{
        switch (error) {
        case 0:
                return PATH_DIRECT;
        case -ENOENT:
        case -ENOTDIR:
                return PATH_ABSENT;
        case -EPERM:
                return PATH_FOREIGN;
        case -EPROTO:
        case -EBADMSG:
        case -ENODATA:
                return PATH_DAMAGED;
        case -EROFS:
        case -EACCES:
                return PATH_READ_ONLY;
        case -EINVAL:
                return PATH_BUFFERED;
        case -ETIME:
                return PATH_SLOW;
        default:
                return PATH_FAILED;
        }
}

static void explain(const struct path *path, const struct lease_visit_result *result, char text[REASON_BYTES])
{
        switch (state_of(result->error)) {
        case PATH_FOREIGN:
                (void)snprintf(text, REASON_BYTES, "%s %.40s; if that has no use for it, remove %s there",
                               text_equal(result->owner.cluster, path->cluster) ? "a volume that was once of"
                                                                                : "cluster",
                               result->owner.cluster, LEASE_FILE_NAME);
                break;
        case PATH_SLOW:
                (void)snprintf(text, REASON_BYTES, "%d writes took %u ms, at most %d are allowed",
                               VISIT_WRITES, result->took_ms, VISIT_TOOK_MOST_MS);
                break;
        case PATH_FAILED:
        case PATH_READ_ONLY:
                (void)snprintf(text, REASON_BYTES, "%s", lease_file_explain(result->error));
                break;
        default:
                text[0] = '\0';
        }
}

static void on_visited(void *context, const struct lease_visit_result *result)
{
        struct path *path = context;
        struct cluster_event event = { .kind = CLUSTER_EVENT_LOOKED };
        event.looked.look = path->look;
        event.looked.id = path->id;
        event.looked.found = state_of(result->error);
        event.looked.seen = result->seen;
        explain(path, result, event.looked.text);
        path->space_known = result->error == 0;
        path->free_bytes = result->free_bytes;
        path->size_bytes = result->size_bytes;
        path->paths->on_event(path->paths->context, &event);
}

struct volume_paths *volume_paths_new(struct mailbox *mailbox, uint32_t node, volume_on_event on_event,
                                      void *context)
{
        struct volume_paths *paths = calloc(1, sizeof *paths);
        if (paths == NULL)
                abort();
        paths->mailbox = mailbox;
        paths->on_event = on_event;
        paths->context = context;
        paths->mark = (struct lease_mark){ .node = node, .boot = host_boot_id(), .sequence = random_id() };
        for (uint32_t id = 1; id <= VOLUMES_MAX; id++) {
                paths->path[id].paths = paths;
                paths->path[id].id = id;
        }
        return paths;
}

static void close_path(struct path *path)
{
        lease_worker_free(path->worker);
        *path = (struct path){ .paths = path->paths, .id = path->id };
}

void volume_paths_free(struct volume_paths *paths)
{
        if (paths == NULL)
                return;
        for (uint32_t id = 1; id <= VOLUMES_MAX; id++)
                close_path(&paths->path[id]);
        free(paths);
}

static int open_path(struct path *path, const struct cluster_action *action, const struct model *model)
{
        const struct lease_worker_answers answers = { .on_visited = on_visited, .context = path };
        char file[PATH_MAX];
        if (path->identity == action->volume.identity && path->worker != NULL)
                return 0;
        close_path(path);
        path->identity = action->volume.identity;
        TEXT_COPY(path->cluster, model->settings.cluster_name);
        struct lease_area_id area = lease_area_of(path->cluster, path->identity);
        TEXT_PRINT(file, "%s/%s", action->volume.path, LEASE_FILE_NAME);
        return lease_worker_new(path->paths->mailbox, file, &area, &answers, &path->worker);
}

void volume_paths_look(struct volume_paths *paths, const struct cluster_action *action,
                       const struct model *model)
{
        struct path *path = &paths->path[action->volume.id];
        struct lease_visit visit = {
                .create = action->volume.create,
                .measure = action->volume.measure,
                .expected = action->volume.expected,
        };
        int error = open_path(path, action, model);
        path->look = action->volume.look;
        if (error != 0) {
                on_visited(path, &(struct lease_visit_result){ .error = error });
                return;
        }
        NODE_SET_EACH (visit.expected, node)
                visit.boots[node] = model->nodes[node].boot;
        visit.mark = paths->mark;
        paths->mark.sequence += VISIT_WRITES;
        lease_worker_visit(path->worker, &visit);
}

void volume_paths_forget(struct volume_paths *paths, const struct cluster_action *action,
                         const struct model *model)
{
        struct path *path = &paths->path[action->volume.id];
        if (open_path(path, action, model) == 0)
                lease_worker_retire(TAKE(path->worker));
        close_path(path);
}

bool volume_paths_space(const struct volume_paths *paths, uint64_t identity, uint64_t *ret_free_bytes,
                        uint64_t *ret_size_bytes)
{
        for (uint32_t id = 1; id <= VOLUMES_MAX; id++) {
                const struct path *path = &paths->path[id];
                if (path->identity != identity || !path->space_known)
                        continue;
                *ret_free_bytes = path->free_bytes;
                *ret_size_bytes = path->size_bytes;
                return true;
        }
        return false;
}
