/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/disk_exports.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "clusterd/base/path.h"
#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "clusterd/io/held_process.h"
#include "clusterd/io/host.h"

/* Behind NBD's own, 10809; a firewall has to let the cluster's nodes through. */
#define PORT_FIRST  10810
#define PORTS       1024
#define PORT_TRIES  5
#define LOCK_ENDING ".lock"
#define RUN_BYTES   160 /* of the directory of all exports */
#define ROLE_BYTES  256 /* of that of a role */
#define FILE_BYTES  512 /* of a file in it */

struct disk_exports {
        char directory[RUN_BYTES];
        uint32_t node;
        pthread_mutex_t lock;
        char address[ADDRESS_BYTES];
        char volumes[VOLUMES_MAX][VOLUME_PATH_BYTES];
        size_t volume_count;
};

struct disk_exports *disk_exports_new(const char *run_dir, uint32_t node)
{
        struct disk_exports *exports = calloc(1, sizeof *exports);
        assert(exports != NULL);
        TEXT_PRINT(exports->directory, "%s/export", run_dir);
        exports->node = node;
        (void)pthread_mutex_init(&exports->lock, NULL);
        (void)mkdir(exports->directory, 0700);
        return exports;
}

void disk_exports_free(struct disk_exports *exports)
{
        if (exports == NULL)
                return;
        (void)pthread_mutex_destroy(&exports->lock);
        free(exports);
}

void disk_exports_know(struct disk_exports *exports, const struct model *model)
{
        const struct node *node = &model->nodes[exports->node];
        (void)pthread_mutex_lock(&exports->lock);
        TEXT_COPY(exports->address, node->address);
        exports->volume_count = 0;
        MODEL_EACH_VOLUME (model, volume)
                if (volume->kind == VOLUME_DIRECTORY)
                        TEXT_COPY(exports->volumes[exports->volume_count++], volume->path);
        (void)pthread_mutex_unlock(&exports->lock);
}

/* --- which disks --- */

static bool is_on_volume(struct disk_exports *exports, const char *file)
{
        bool found = false;
        (void)pthread_mutex_lock(&exports->lock);
        for (size_t i = 0; i < exports->volume_count && !found; i++)
                found = path_holds(exports->volumes[i], file);
        (void)pthread_mutex_unlock(&exports->lock);
        return found;
}

/* A format keeps tables in memory, which cannot be written to a path that is gone; and what lies in the cache
 * of a host may be written by it later, over what is newer. NULL: it can be. */
static const char *why_not(const struct domain_disk *disk)
{
        if (!text_equal(disk->format, "raw"))
                return "is not raw";
        if (!text_equal(disk->cache, "none") && !text_equal(disk->cache, "directsync"))
                return "uses the host's cache: cache='none' does not";
        return NULL;
}

int disk_exports_choose(struct disk_exports *exports, const char *text, size_t text_bytes,
                        struct domain_disk ret_disks[EXPORT_DISKS_MAX], size_t *ret_count,
                        char ret_error[REASON_BYTES])
{
        struct domain_disk disks[EXPORT_DISKS_MAX];
        size_t found = domain_disks_read(text, text_bytes, disks, EXPORT_DISKS_MAX), count = 0;
        for (size_t i = 0; i < found && i < EXPORT_DISKS_MAX; i++) {
                if (!is_on_volume(exports, disks[i].file))
                        continue;
                const char *reason = why_not(&disks[i]);
                if (reason != NULL) {
                        (void)snprintf(ret_error, REASON_BYTES, "its disk %.30s %.100s", disks[i].target,
                                       reason);
                        return -1;
                }
                ret_disks[count++] = disks[i];
        }
        if (count == 0 || found > EXPORT_DISKS_MAX) {
                (void)snprintf(ret_error, REASON_BYTES,
                               count == 0 ? "none of its disks lies on a directory volume"
                                          : "it has too many disks");
                return -1;
        }
        *ret_count = count;
        return 0;
}

/* --- the processes of a role --- */

/* Ends each whose lock is here. */
static int end_all(const char *directory)
{
        int result = 0;
        DIR *files = opendir(directory);
        if (files == NULL)
                return errno == ENOENT ? 0 : -ETIMEDOUT;
        for (struct dirent *file = readdir(files); file != NULL; file = readdir(files)) {
                char lock[FILE_BYTES];
                size_t length = strlen(file->d_name), ending = strlen(LOCK_ENDING);
                TEXT_PRINT(lock, "%.240s/%.250s", directory, file->d_name);
                if (length > ending && text_equal(file->d_name + length - ending, LOCK_ENDING) &&
                    held_process_end(lock) < 0)
                        result = -ETIMEDOUT;
        }
        (void)closedir(files);
        return result;
}

static void remove_all(const char *directory)
{
        DIR *files = opendir(directory);
        if (files == NULL)
                return;
        for (struct dirent *file = readdir(files); file != NULL; file = readdir(files))
                (void)unlinkat(dirfd(files), file->d_name, 0);
        (void)closedir(files);
        (void)rmdir(directory);
}

static int write_secret(const char *directory, const char *name, const char *text)
{
        char path[FILE_BYTES];
        TEXT_PRINT(path, "%s/%s", directory, name);
        (void)unlink(path);
        SCOPED_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (fd < 0)
                return -errno;
        return write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -EIO;
}

static int make_key(char ret_key[EXPORT_KEY_BYTES])
{
        uint8_t bytes[(EXPORT_KEY_BYTES - 1) / 2];
        if (getrandom(bytes, sizeof bytes, 0) != (ssize_t)sizeof bytes)
                return -EIO;
        for (size_t i = 0; i < sizeof bytes; i++)
                (void)snprintf(ret_key + 2 * i, 3, "%02x", bytes[i]);
        explicit_bzero(bytes, sizeof bytes);
        return 0;
}

/* What QEMU takes for the end of a word when it stands alone. */
static void double_commas(const char *text, char *ret_text, size_t size)
{
        size_t used = 0;
        for (; *text != '\0' && used + 3 < size; text++) {
                ret_text[used++] = *text;
                if (*text == ',')
                        ret_text[used++] = ',';
        }
        ret_text[used] = '\0';
}

/* Each write is durable before it is answered: its guest may flush by another way. locking=off: the guest's
 * own QEMU may hold the image's locks yet. One connection: what is sent by a second would pass what a first
 * one has left behind. */
static int start_one(const char *directory, const struct domain_disk *disk, const char *address,
                     unsigned number, uint32_t port, char ret_error[REASON_BYTES])
{
        char lock[FILE_BYTES], ready[FILE_BYTES], port_text[16], tls[2 * ROLE_BYTES + 64], options[1024];
        char file[2 * IMAGE_PATH_BYTES], quoted[2 * ROLE_BYTES];
        TEXT_PRINT(lock, "%s/%u" LOCK_ENDING, directory, number);
        TEXT_PRINT(ready, "%s/%u.pid", directory, number);
        TEXT_PRINT(port_text, "%u", port + number);
        double_commas(disk->file, file, sizeof file);
        double_commas(directory, quoted, sizeof quoted);
        TEXT_PRINT(tls, "tls-creds-psk,id=tls,endpoint=server,dir=%s", quoted);
        TEXT_PRINT(options,
                   "driver=raw,discard=unmap,file.driver=file,file.locking=off,file.discard=unmap,file."
                   "filename=%s",
                   file);
        const char *argv[] = { "qemu-nbd", "--bind",        address,      "--port",
                               port_text,  "--export-name", disk->file,   "--shared",
                               "1",        "--cache",       "directsync", "--object",
                               tls,        "--tls-creds",   "tls",        "--pid-file",
                               ready,      "--image-opts",  options,      NULL };
        return held_process_start(lock, argv, ready, ret_error);
}

static int start_all(struct disk_exports *exports, const char *directory, const struct domain_disk *disks,
                     size_t count, uint32_t port, char ret_error[REASON_BYTES])
{
        char address[ADDRESS_BYTES];
        (void)pthread_mutex_lock(&exports->lock);
        TEXT_COPY(address, exports->address);
        (void)pthread_mutex_unlock(&exports->lock);
        for (unsigned i = 0; i < count; i++)
                if (start_one(directory, &disks[i], address, i, port, ret_error) < 0)
                        return -1;
        return 0;
}

static void directory_of(const struct disk_exports *exports, const char *role, char ret_path[ROLE_BYTES])
{
        (void)snprintf(ret_path, ROLE_BYTES, "%s/%.63s", exports->directory, role);
}

/* --- what is offered --- */

static bool are_there(const char *directory, size_t count)
{
        char lock[FILE_BYTES];
        for (unsigned i = 0; i < count; i++) {
                TEXT_PRINT(lock, "%s/%u" LOCK_ENDING, directory, i);
                if (!held_process_is_there(lock))
                        return false;
        }
        return true;
}

/* Of that redirect, and whole; else it is opened anew. */
static bool read_offer(const char *directory, uint64_t index, struct export_offer *ret_offer)
{
        char path[FILE_BYTES], text[128] = "";
        unsigned long long of = 0;
        struct export_offer offer = { 0 };
        size_t count = 0;
        TEXT_PRINT(path, "%s/offer", directory);
        SCOPED_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t bytes = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
        bool is_whole = bytes > 0 &&
                        sscanf(text, "%llu %zu %u %64s", &of, &count, &offer.port, offer.key) == 4 &&
                        of == index && are_there(directory, count);
        if (is_whole)
                *ret_offer = offer;
        explicit_bzero(text, sizeof text);
        return is_whole;
}

static int write_offer(const char *directory, uint64_t index, size_t count, const struct export_offer *offer)
{
        char text[128];
        TEXT_PRINT(text, "%llu %zu %u %s\n", (unsigned long long)index, count, offer->port, offer->key);
        int error = write_secret(directory, "offer", text);
        explicit_bzero(text, sizeof text);
        return error;
}

static int write_key(const char *directory, const struct export_offer *offer)
{
        char text[128];
        TEXT_PRINT(text, "qemu:%s\n", offer->key);
        int error = write_secret(directory, "keys.psk", text);
        explicit_bzero(text, sizeof text);
        return error;
}

/* A port may be somebody else's. */
static int try_ports(struct disk_exports *exports, const char *directory, const struct domain_disk *disks,
                     size_t count, struct export_offer *offer, char ret_error[REASON_BYTES])
{
        for (int i = 0; i < PORT_TRIES; i++) {
                offer->port = PORT_FIRST + (uint32_t)(random_id() % (PORTS - EXPORT_DISKS_MAX));
                if (start_all(exports, directory, disks, count, offer->port, ret_error) == 0)
                        return 0;
                if (end_all(directory) < 0)
                        return -ETIMEDOUT;
                if (strstr(ret_error, "in use") == NULL)
                        break;
        }
        return -1;
}

static int open_anew(struct disk_exports *exports, const char *directory, uint64_t index,
                     const struct domain_disk *disks, size_t count, struct export_offer *ret_offer,
                     char ret_error[REASON_BYTES])
{
        struct export_offer offer = { 0 };
        int error = mkdir(directory, 0700) < 0 && errno != EEXIST ? -errno : make_key(offer.key);
        if (error == 0)
                error = write_key(directory, &offer);
        if (error < 0) {
                (void)snprintf(ret_error, REASON_BYTES, "%.100s: %s", directory, strerrordesc_np(-error));
                return -1;
        }
        int result = try_ports(exports, directory, disks, count, &offer, ret_error);
        if (result == 0)
                error = write_offer(directory, index, count, &offer);
        if (result == 0 && error == 0)
                *ret_offer = offer;
        explicit_bzero(&offer, sizeof offer);
        if (result < 0)
                return result;
        if (error < 0)
                (void)snprintf(ret_error, REASON_BYTES, "%.100s: %s", directory, strerrordesc_np(-error));
        return error < 0 ? -1 : 0;
}

int disk_exports_open(struct disk_exports *exports, const char *role, uint64_t index, const char *definition,
                      size_t definition_bytes, struct export_offer *ret_offer, char ret_error[REASON_BYTES])
{
        struct domain_disk disks[EXPORT_DISKS_MAX];
        char directory[ROLE_BYTES];
        size_t count = 0;
        directory_of(exports, role, directory);
        if (read_offer(directory, index, ret_offer))
                return 0;
        int result = disk_exports_close(exports, role);
        if (result < 0)
                (void)snprintf(ret_error, REASON_BYTES, "an earlier export of it does not end");
        else
                result = disk_exports_choose(exports, definition, definition_bytes, disks, &count, ret_error);
        if (result == 0)
                result = open_anew(exports, directory, index, disks, count, ret_offer, ret_error);
        if (result < 0 && disk_exports_close(exports, role) < 0)
                return -ETIMEDOUT;
        return result;
}

int disk_exports_close(struct disk_exports *exports, const char *role)
{
        char directory[ROLE_BYTES];
        directory_of(exports, role, directory);
        int result = end_all(directory);
        if (result == 0)
                remove_all(directory);
        return result;
}

/* --- all of them --- */

static bool has_any(const char *directory)
{
        for (unsigned i = 0; i < EXPORT_DISKS_MAX; i++) {
                char lock[FILE_BYTES];
                TEXT_PRINT(lock, "%s/%u" LOCK_ENDING, directory, i);
                if (held_process_is_there(lock))
                        return true;
        }
        return false;
}

char (*disk_exports_names(struct disk_exports *exports))[NAME_BYTES]
{
        char(*names)[NAME_BYTES] = calloc(1, sizeof *names);
        size_t count = 0;
        DIR *roles = opendir(exports->directory);
        assert(names != NULL);
        for (struct dirent *role = roles == NULL ? NULL : readdir(roles); role != NULL;
             role = readdir(roles)) {
                char directory[ROLE_BYTES];
                directory_of(exports, role->d_name, directory);
                if (role->d_name[0] == '.' || strlen(role->d_name) >= NAME_BYTES || !has_any(directory))
                        continue;
                TEXT_COPY(names[count], role->d_name);
                names = reallocarray(names, ++count + 1, sizeof *names);
                assert(names != NULL);
                names[count][0] = '\0';
        }
        if (roles != NULL)
                (void)closedir(roles);
        return names;
}
