/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/volume_paths.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "clusterd/io/host.h"
#include "clusterd/io/lease_file.h"
#include "clusterd/io/lease_worker.h"

struct path {
        struct volume_paths *paths;
        uint32_t id;
        uint64_t identity;              /* of the volume; 0: none */
        uint64_t look;                  /* being answered */
        uint64_t pass;                  /* the same, of the lease */
        uint64_t sights[NODES_MAX + 1]; /* the same, of looks at a lost node's */
        struct lease_worker *worker;
        char cluster[NAME_BYTES];
        bool space_known;
        uint64_t free_bytes, size_bytes;
        node_set held; /* leases, as the last look saw them; */
        struct lease_record_id records[NODES_MAX + 1];
};

struct volume_paths {
        struct mailbox *mailbox;
        volume_on_event on_event;
        void *context;
        struct lease_mark mark; /* of this node, as it was last left */
        char lock_path[PATH_MAX];
        bool locked;
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
                (void)snprintf(text, REASON_BYTES, "%s %.40s; remove %s if that needs it no more",
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

/* Whose lease moved since the last look; after one that failed nothing is known to have. */
static node_set take_leases(struct path *path, const struct lease_visit_result *result)
{
        node_set renewing = 0;
        NODE_SET_EACH (result->error == 0 ? path->held & result->held : 0, node)
                if (memcmp(&path->records[node], &result->records[node], sizeof path->records[node]) != 0)
                        renewing |= node_set_of(node);
        path->held = result->error == 0 ? result->held : 0;
        memcpy(path->records, result->records, sizeof path->records);
        return renewing;
}

static void on_visited(void *context, const struct lease_visit_result *result)
{
        struct path *path = context;
        struct cluster_event event = { .kind = CLUSTER_EVENT_LOOKED };
        event.looked.look = path->look;
        event.looked.id = path->id;
        event.looked.found = state_of(result->error);
        event.looked.made = result->made;
        event.looked.seen = result->seen;
        event.looked.renewing = take_leases(path, result);
        explain(path, result, event.looked.text);
        path->space_known = result->error == 0;
        path->free_bytes = result->free_bytes;
        path->size_bytes = result->size_bytes;
        path->paths->on_event(path->paths->context, &event);
}

static void on_pass(void *context, const struct lease_pass_result *result)
{
        struct path *path = context;
        struct cluster_event event = { .kind = CLUSTER_EVENT_LEASE };
        event.lease.pass = path->pass;
        event.lease.id = path->id;
        event.lease.result = *result;
        path->paths->on_event(path->paths->context, &event);
}

static void on_sight(void *context, uint32_t node, const struct lease_sight *sight)
{
        struct path *path = context;
        struct cluster_event event = { .kind = CLUSTER_EVENT_SIGHT };
        event.sight.sight = path->sights[node];
        event.sight.id = path->id;
        event.sight.node = node;
        event.sight.result = *sight;
        path->paths->on_event(path->paths->context, &event);
}

static void on_revoked(void *context, uint32_t node, int error)
{
        struct path *path = context;
        struct cluster_event event = { .kind = CLUSTER_EVENT_REVOKED };
        event.revoked.sight = path->sights[node];
        event.revoked.error = error;
        path->paths->on_event(path->paths->context, &event);
}

static bool lock(struct volume_paths *paths)
{
        if (paths->locked)
                return true;
        SCOPED_CLOSE int fd = open(paths->lock_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0)
                return false;
        fd = -1;
        paths->locked = true;
        return true;
}

struct volume_paths *volume_paths_new(struct mailbox *mailbox, uint32_t node, const char *lock_path,
                                      volume_on_event on_event, void *context)
{
        struct volume_paths *paths = calloc(1, sizeof *paths);
        if (paths == NULL)
                abort();
        paths->mailbox = mailbox;
        paths->on_event = on_event;
        paths->context = context;
        TEXT_COPY(paths->lock_path, lock_path);
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

static int open_path(struct path *path, uint64_t identity, const char *directory, const struct model *model)
{
        const struct lease_worker_answers answers = { .on_pass = on_pass,
                                                      .on_sight = on_sight,
                                                      .on_revoked = on_revoked,
                                                      .on_visited = on_visited,
                                                      .context = path };
        char file[PATH_MAX];
        if (path->identity == identity && path->worker != NULL)
                return 0;
        close_path(path);
        path->identity = identity;
        TEXT_COPY(path->cluster, model->settings.cluster_name);
        struct lease_area_id area = lease_area_of(path->cluster, path->identity);
        TEXT_PRINT(file, "%s/%s", directory, LEASE_FILE_NAME);
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
        int error = open_path(path, action->volume.identity, action->volume.path, model);
        path->look = action->volume.look;
        if (error != 0) {
                on_visited(path, &(struct lease_visit_result){ .error = error });
                return;
        }
        MODEL_EACH_NODE (model, node)
                visit.known |= node->id == paths->mark.node ? 0 : node_set_of(node->id);
        NODE_SET_EACH (visit.expected, node)
                visit.boots[node] = model->nodes[node].boot;
        visit.mark = paths->mark;
        paths->mark.sequence += VISIT_WRITES;
        lease_worker_visit(path->worker, &visit);
}

void volume_paths_lease(struct volume_paths *paths, const struct cluster_action *action,
                        const struct model *model)
{
        struct path *path = &paths->path[action->lease.id];
        uint64_t now_ms = clock_boot_ms();
        int error = lock(paths) ? open_path(path, action->lease.identity, action->lease.path, model) : -EBUSY;
        path->pass = action->lease.pass;
        if (error == 0)
                lease_worker_pass(path->worker, &action->lease.what);
        else
                on_pass(path, &(struct lease_pass_result){ .started_ms = now_ms,
                                                           .ended_ms = now_ms,
                                                           .outcome = LEASE_PASS_FAILED,
                                                           .error = error });
}

void volume_paths_sight(struct volume_paths *paths, const struct cluster_action *action,
                        const struct model *model)
{
        struct path *path = &paths->path[action->sight.id];
        uint64_t now_ms = clock_boot_ms();
        int error = open_path(path, action->sight.identity, action->sight.path, model);
        path->sights[action->sight.node] = action->sight.sight;
        if (error == 0)
                lease_worker_look(path->worker, action->sight.node);
        else
                on_sight(path, action->sight.node,
                         &(struct lease_sight){ .started_ms = now_ms, .ended_ms = now_ms, .error = error });
}

void volume_paths_revoke(struct volume_paths *paths, const struct cluster_action *action,
                         const struct model *model)
{
        struct path *path = &paths->path[action->sight.id];
        int error = open_path(path, action->sight.identity, action->sight.path, model);
        path->sights[action->sight.node] = action->sight.sight;
        if (error == 0)
                lease_worker_revoke(path->worker, &action->sight.revocation);
        else
                on_revoked(path, action->sight.node, error);
}

void volume_paths_forget(struct volume_paths *paths, const struct cluster_action *action,
                         const struct model *model)
{
        struct path *path = &paths->path[action->volume.id];
        if (!action->volume.keep && open_path(path, action->volume.identity, action->volume.path, model) == 0)
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
