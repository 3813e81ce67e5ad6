/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/request_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/path.h"
#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "clusterd/core/role_state.h"
#include "clusterd/io/domain_definition.h"

/*
 * Images on a volume, by the node that coordinates it: what qemu-img or the shell has to do there. They run
 * in a child, because a volume may hang. The name's ending says the format: what a guest has written into a
 * raw image must not be taken for one.
 */

/* Whole or not at all: what was cut off has a name that nobody lists, and the next try begins it anew. */
#define SCRIPT_CREATE                                                                                        \
        "trap 'rm -f \"$2\"' EXIT; "                                                                         \
        "qemu-img create -q -f \"$1\" \"$2\" \"$3\" && sync \"$2\" && ln -T \"$2\" \"$4\""
/* A guest may run from it by a definition that its role has no more: then qemu's own lock stands on it. */
#define SCRIPT_DELETE "qemu-img info -f \"$1\" \"$2\" >/dev/null && rm \"$2\""
#define SCRIPT_LIST                                                                                          \
        "cd \"$1\" && find . -maxdepth 1 -type f ! -name '.*' \\( -name '*.raw' -o -name '*.img' -o "        \
        "-name '*.qcow2' \\) -printf '%s %b %f\\n'"

const char *request_image_format(const char *name)
{
        const char *ending = strrchr(name, '.');
        if (ending == NULL)
                return NULL;
        if (text_equal(ending, ".qcow2"))
                return "qcow2";
        return text_equal(ending, ".raw") || text_equal(ending, ".img") ? "raw" : NULL;
}

struct use {
        const char *path;
        bool found;
};

static void on_file(void *context, const char *file)
{
        struct use *use = context;
        use->found |= path_holds(use->path, file) && path_holds(file, use->path);
}

/* -errno: its definition cannot be read, so nobody knows. */
int request_role_uses(struct request *request, const struct role *role, const char *path, bool *ret_uses)
{
        SCOPED_FREE char *text = NULL;
        size_t bytes = 0;
        const struct role_copy *copy = &role->copy;
        struct use use = { .path = path };
        if (copy->state != COPY_NONE && (text_equal(path, copy->from) || text_equal(path, copy->to))) {
                *ret_uses = true;
                return 0;
        }
        int error = request->services->read_definition(request->services->context, role->definition_hash,
                                                       &text, &bytes);
        if (error < 0)
                return request_fail(request, VERB_EXIT_FAILED, "what uses an image is known from definitions",
                                    "try again", "the definition of %s cannot be read: %s", role->name,
                                    strerror(-error));
        domain_definition_files(text, bytes, on_file, &use);
        *ret_uses = use.found;
        return 0;
}

/* To delete it, no role may know it; to change it, none may be running from it. */
static int check_users(struct request *request, const struct volume *volume, const char *path, bool deletes)
{
        MODEL_EACH_ROLE (request->model, role) {
                bool uses = false;
                bool may_run = role_possible_runners(role) != 0 || role->redirect.state != REDIRECT_NONE ||
                               role->desired == DESIRED_RUNNING;
                if (!node_set_has(role->volumes | role->leases | role->copy.volumes, volume->id) ||
                    (!deletes && !may_run))
                        continue;
                if (request_role_uses(request, role, path, &uses) < 0)
                        return -EINVAL;
                if (uses)
                        return request_fail(request, VERB_EXIT_REFUSED,
                                            deletes ? "no role may have it among its disks"
                                                    : "no role may be running from it",
                                            deletes ? "remove the role, or give it another definition, first"
                                                    : "stop the role first",
                                            "%s is a disk of role %s", path, role->name);
        }
        return 0;
}

const struct volume *request_volume_of_images(struct request *request, const char *name)
{
        const struct volume *volume = request_volume(request, name);
        if (volume == NULL || volume->kind == VOLUME_DIRECTORY)
                return volume;
        (void)request_fail(request, VERB_EXIT_REFUSED, "images are files in a directory",
                           "LUNs are made where the target is", "volume %s is of kind %s and has no images",
                           volume->name, volume_kind_name(volume->kind));
        return NULL;
}

static int coordinated_here(struct request *request, const struct volume **ret_volume)
{
        struct cluster_status status;
        const struct volume *volume = request_volume_of_images(request, request->name);
        if (volume == NULL)
                return -EINVAL;
        cluster_status_read(request->services->cluster, &status);
        if (!status.active)
                return request_fail(request, VERB_EXIT_NO_QUORUM,
                                    "who coordinates a volume is the quorum's word",
                                    "clu quorum show says who is missing", "no quorum: nothing was changed");
        if (volume->state != VOLUME_READY)
                return request_fail(request, VERB_EXIT_REFUSED, "a node has to coordinate it",
                                    "clu volume show says why", "volume %s is %s", volume->name,
                                    volume_state_name(volume->state));
        if (volume->coordinator == NODE_NONE)
                return request_fail(request, VERB_EXIT_REFUSED, "a node has to coordinate it",
                                    "clu volume show says who has a path", "nobody coordinates volume %s",
                                    volume->name);
        if (volume->coordinator != request->services->node)
                return request_fail(request, VERB_EXIT_REFUSED,
                                    "one node does the work on the images of a volume", "ask it there",
                                    "volume %s is coordinated by %s", volume->name,
                                    model_node_name(request->model, volume->coordinator));
        *ret_volume = volume;
        return 0;
}

static int check_space(struct request *request, const struct volume *volume, int64_t more_mib)
{
        uint64_t free_bytes = 0, size_bytes = 0;
        bool known = request->services->volume_space(request->services->context, volume->identity,
                                                     &free_bytes, &size_bytes);
        if (!known || request_flag(request, "thin") || (uint64_t)more_mib <= free_bytes >> 20)
                return 0;
        return request_fail(request, VERB_EXIT_REFUSED, "an image should fit when it is full",
                            "--thin makes it all the same", "%lld MiB are wanted on volume %s, %llu are free",
                            (long long)more_mib, volume->name, (unsigned long long)(free_bytes >> 20));
}

static void list_image(json_t *images, char *line)
{
        char *end;
        unsigned long long size = strtoull(line, &end, 10), blocks = strtoull(end, &end, 10);
        if (*end != ' ' || request_image_format(end + 1) == NULL)
                return;
        json_array_append_new(images,
                              json_pack("{s:o, s:s, s:I, s:I}", "name", document_text(end + 1), "format",
                                        request_image_format(end + 1), "size_bytes", (json_int_t)size,
                                        "allocated_bytes", (json_int_t)(blocks * 512)));
}

json_t *document_images(const char *output)
{
        SCOPED_FREE char *copy = strdup(output);
        json_t *images = json_array();
        char *rest = copy;
        for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n"))
                list_image(images, line);
        return json_pack("{s:o}", "images", images);
}

static int take_name(struct request *request, const struct volume *volume, struct image_order *order)
{
        const char *name = request_text(request, "image");
        order->format = request_image_format(name);
        if (order->format == NULL)
                return request_fail(request, VERB_EXIT_USAGE, "", "",
                                    "--image: '%s' does not end in .raw, .img or .qcow2", name);
        TEXT_COPY(order->volume, volume->name);
        TEXT_PRINT(order->path, "%s/%s", volume->path, name);
        TEXT_PRINT(order->draft, "%s/.%s.clu-part", volume->path, name);
        return 0;
}

static void run(struct image_order *order, const char *const *words, size_t count)
{
        assert(count < sizeof(order->argv) / sizeof(order->argv[0]));
        memcpy(order->argv, words, count * sizeof(*words));
        order->argv[count] = NULL;
}

#define RUN(order, ...)                                                                                      \
        run(order, (const char *const[]){ __VA_ARGS__ },                                                     \
            sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(char *))

static int create(struct request *request, const struct volume *volume, struct image_order *order)
{
        int64_t mib = 0;
        (void)request_number(request, "size", &mib);
        if (check_space(request, volume, mib) < 0 || check_users(request, volume, order->path, true) < 0)
                return -EINVAL;
        TEXT_PRINT(order->size, "%lldM", (long long)mib);
        RUN(order, "sh", "-c", SCRIPT_CREATE, "sh", order->format, order->draft, order->size, order->path);
        return 0;
}

/* qemu-img makes nothing smaller, unless told to. */
static int resize(struct request *request, const struct volume *volume, struct image_order *order)
{
        int64_t mib = 0;
        (void)request_number(request, "size", &mib);
        if (check_space(request, volume, mib) < 0 || check_users(request, volume, order->path, false) < 0)
                return -EINVAL;
        TEXT_PRINT(order->size, "%lldM", (long long)mib);
        RUN(order, "qemu-img", "resize", "-q", "-f", order->format, order->path, order->size);
        return 0;
}

static int snapshot(struct request *request, const struct volume *volume, struct image_order *order)
{
        if (check_users(request, volume, order->path, false) < 0)
                return -EINVAL;
        if (!text_equal(order->format, "qcow2"))
                return request_fail(request, VERB_EXIT_REFUSED, "only qcow2 keeps snapshots", "",
                                    "%s is a raw image", order->path);
        TEXT_COPY(order->tag, request_text(request, "tag"));
        RUN(order, "qemu-img", "snapshot", "-q", "-c", order->tag, order->path);
        return 0;
}

static int delete (struct request *request, const struct volume *volume, struct image_order *order)
{
        if (check_users(request, volume, order->path, true) < 0)
                return -EINVAL;
        RUN(order, "sh", "-c", SCRIPT_DELETE, "sh", order->format, order->path);
        return 0;
}

int request_image(struct request *request, struct image_order *ret_order)
{
        enum verb_id id = verb_id(request->verb);
        const struct volume *volume = NULL;
        if (coordinated_here(request, &volume) < 0)
                return -EINVAL;
        if (id == VERB_IMAGE_LIST) {
                TEXT_COPY(ret_order->path, volume->path);
                RUN(ret_order, "sh", "-c", SCRIPT_LIST, "sh", ret_order->path);
                return 0;
        }
        if (take_name(request, volume, ret_order) < 0)
                return -EINVAL;
        if (id == VERB_IMAGE_CREATE)
                return create(request, volume, ret_order);
        if (id == VERB_IMAGE_RESIZE)
                return resize(request, volume, ret_order);
        return id == VERB_IMAGE_SNAPSHOT ? snapshot(request, volume, ret_order)
                                         : delete (request, volume, ret_order);
}
