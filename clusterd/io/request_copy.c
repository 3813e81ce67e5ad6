/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/request_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/path.h"
#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "clusterd/io/domain_disk.h"
#include "clusterd/protocol/codec.h"

/* clu role move --storage: which disk goes where. Whether there is room, and nothing of that name, its node
 * finds out. */

/* --abort stands alone; what goes to another image stays where it runs. */
static int check_words(struct request *request)
{
        bool aborts = request_flag(request, "abort");
        const char *also = request_text(request, "node") != NULL                ? "--node"
                           : aborts && request_text(request, "storage") != NULL ? "--storage"
                           : aborts && request_text(request, "disk") != NULL    ? "--disk"
                           : aborts && request_flag(request, "keep-old")        ? "--keep-old"
                                                                                : NULL;
        if (also != NULL)
                return request_fail(request, VERB_EXIT_USAGE, "", "see clu role move --help",
                                    "%s and %s are both given", aborts ? "--abort" : "--storage", also);
        return 0;
}

static int read_definition(struct request *request, const struct role *role, char **ret_text,
                           size_t *ret_bytes)
{
        int error = request->services->read_definition(request->services->context, role->definition_hash,
                                                       ret_text, ret_bytes);
        if (error < 0)
                return request_fail(request, VERB_EXIT_FAILED, "", "ask another node",
                                    "the definition of %s cannot be read: %s", role->name, strerror(-error));
        return 0;
}

/* "csv2" or "csv2/vm01.raw"; the image keeps its name if none is given. */
static const char *image_of(const char *storage, const char *from)
{
        const char *given = strchr(storage, '/'), *kept = strrchr(from, '/');
        return given != NULL ? given + 1 : kept != NULL ? kept + 1 : from;
}

static int check_image(struct request *request, const char *image, const struct domain_disk *disk)
{
        const char *format = request_image_format(image);
        if (!name_is_valid(image))
                return request_fail(request, VERB_EXIT_USAGE, "", "such as csv2/vm01.raw",
                                    "--storage: '%s' cannot name an image: use letters, digits, '.', '_' and "
                                    "'-', beginning with a letter or digit, shorter than %d",
                                    image, NAME_BYTES);
        if (format != NULL && !text_equal(format, disk->format))
                return request_fail(request, VERB_EXIT_REFUSED, "an image's ending says its format",
                                    "name another: --storage VOLUME/NAME",
                                    "disk %s is %s, and '%s' ends as an image that is %s", disk->target,
                                    disk->format, image, format);
        return 0;
}

static int take_place(struct request *request, const struct domain_disk *disk, struct command_role_copy *copy,
                      const struct volume **ret_volume)
{
        const char *storage = request_text(request, "storage"), *image = image_of(storage, disk->file);
        char name[IMAGE_PATH_BYTES];
        TEXT_COPY(name, storage);
        name[strcspn(name, "/")] = '\0';
        *ret_volume = request_volume_of_images(request, name);
        if (*ret_volume == NULL || check_image(request, image, disk) < 0)
                return -EINVAL;
        int count = snprintf(copy->to, sizeof(copy->to), "%s/%s", (*ret_volume)->path, image);
        if (count < 0 || (size_t)count >= sizeof(copy->to))
                return request_fail(request, VERB_EXIT_REFUSED, "a path has at most 255 bytes", "shorten it",
                                    "%s/%s is too long", (*ret_volume)->path, image);
        return 0;
}

/* The new one may be nobody's disk, and the old one no other role's, unless it stays. */
static int check_images(struct request *request, const struct role *of, const struct command_role_copy *copy,
                        const struct volume *to)
{
        const struct volume *from = model_volume_of(request->model, copy->from);
        if (text_equal(copy->from, copy->to))
                return request_fail(request, VERB_EXIT_REFUSED, "a storage moves to another image",
                                    "name another: --storage VOLUME/NAME", "%s is that disk already",
                                    copy->to);
        MODEL_EACH_ROLE (request->model, role) {
                bool there = node_set_has(role->volumes | role->copy.volumes, to->id);
                bool here =
                        from != NULL && node_set_has(role->volumes, from->id) && !copy->keep && role != of;
                bool uses_new = false, uses_old = false;
                if (role == of && role->copy.state != COPY_NONE)
                        continue; /* that will be refused for what it is */
                if ((there && request_role_uses(request, role, copy->to, &uses_new) < 0) ||
                    (here && request_role_uses(request, role, copy->from, &uses_old) < 0))
                        return -EINVAL;
                if (uses_new || uses_old)
                        return request_fail(request, VERB_EXIT_REFUSED, "an image is the disk of one role",
                                            uses_new ? "name another: --storage VOLUME/NAME"
                                                     : "--keep-old leaves it to that one",
                                            "%s is a disk of role %s", uses_new ? copy->to : copy->from,
                                            role->name);
        }
        return 0;
}

static int take_disk(struct request *request, const struct role *role, struct command_role_copy *copy,
                     struct change *change)
{
        SCOPED_FREE char *text = NULL;
        size_t bytes = 0;
        char error[DISK_ERROR_BYTES];
        struct domain_disk disk;
        const struct volume *volume = NULL;
        if (read_definition(request, role, &text, &bytes) < 0)
                return -EINVAL;
        if (domain_disk_find(text, bytes, request_text(request, "disk"), &disk, error) < 0)
                return request_fail(request, VERB_EXIT_USAGE, "", "", "%s: %s", role->name, error);
        TEXT_COPY(copy->disk, disk.target);
        TEXT_COPY(copy->from, disk.file);
        if (take_place(request, &disk, copy, &volume) < 0 || check_images(request, role, copy, volume) < 0)
                return -EINVAL;
        change->definition = domain_disk_replace(text, bytes, disk.target, copy->to);
        change->definition_bytes = strlen(change->definition);
        definition_hash(change->definition, change->definition_bytes, copy->definition_hash);
        copy->volumes = request_volumes_of(request->model, change->definition, change->definition_bytes);
        return 0;
}

int change_role_copy(struct request *request, struct change *change)
{
        struct command_role_copy *copy = &change->command.role_copy;
        const struct role *role;
        if (check_words(request) < 0 || request_role(request, &role) < 0)
                return -EINVAL;
        if (request_flag(request, "abort")) {
                change->command.kind = COMMAND_ROLE_COPY_ABORT;
                TEXT_COPY(change->command.role.role, role->name);
                return 0;
        }
        if (role->kind != ROLE_VM)
                return request_fail(request, VERB_EXIT_REFUSED, "only a virtual machine has disks", "",
                                    "%s is of kind %s", role->name, role_kind_name(role->kind));
        change->command.kind = COMMAND_ROLE_COPY;
        TEXT_COPY(copy->role, role->name);
        memcpy(copy->before_hash, role->definition_hash, HASH_BYTES);
        copy->keep = request_flag(request, "keep-old");
        TEXT_PRINT(copy->reason, "asked by %s", request->client->actor);
        return take_disk(request, role, copy, change);
}
