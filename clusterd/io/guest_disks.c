/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/guest_disks.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <jansson.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "clusterd/base/bytes.h"
#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "clusterd/io/held_process.h"

/*
 *     own file:   device ── libvirt-N-format ── libvirt-N-storage        as libvirt has named them
 *     export:     device ── clu-f-OFFER-N ── clu-n-OFFER-N ── socket ── socat ── TCP ── qemu-nbd
 *
 * The device's drive is set to another node, which waits for what is under way and flushes nothing: a path
 * that is gone could not do that. socat is what makes a connection one: the socket has gone when it was used,
 * so QEMU, which would connect again, cannot, and a peer that is silent for SILENT_S is given up.
 */

#define FORMAT         "clu-f-%08x-%u"
#define EXPORT         "clu-n-%08x-%u"
#define HOLD           "clu-h-%u"
#define KEY            "clu-t-%08x-%u"
#define NAME_MAX_BYTES 32 /* QEMU's limit for names of nodes */
#define SILENT_S       "5"
#define SOCKET_BYTES   108
/* As whom libvirt runs QEMU. */
#define QEMU_GROUP "libvirt-qemu"

/* --- the monitor --- */

/* What libvirt said last in this thread, or QEMU in its answer. */
static void explain(const json_t *answer, char ret_error[REASON_BYTES])
{
        const char *text = json_string_value(json_object_get(json_object_get(answer, "error"), "desc"));
        if (text == NULL)
                text = virGetLastErrorMessage();
        (void)snprintf(ret_error, REASON_BYTES, "%.159s", text);
}

/* arguments: taken; may be NULL. ret_result: given, json_decref(); NULL: not wanted. */
static int ask(virDomainPtr domain, const char *command, json_t *arguments, json_t **ret_result,
               char ret_error[REASON_BYTES])
{
        json_t *request = json_pack("{s:s, s:o*}", "execute", command, "arguments", arguments);
        SCOPED_FREE char *text = json_dumps(request, JSON_COMPACT);
        SCOPED_FREE char *said = NULL;
        int r = text == NULL ? -1 : virDomainQemuMonitorCommand(domain, text, &said, 0);
        json_t *answer = r < 0 || said == NULL ? NULL : json_loads(said, 0, NULL);
        json_t *result = json_object_get(answer, "return");
        if (result == NULL)
                explain(answer, ret_error);
        else if (ret_result != NULL)
                *ret_result = json_incref(result);
        r = result == NULL ? -1 : 0;
        json_decref(answer);
        json_decref(request);
        return r;
}

static bool has_node(virDomainPtr domain, const char *node)
{
        char ignored[REASON_BYTES];
        json_t *nodes = NULL;
        json_t *each;
        size_t i;
        bool found = false;
        if (ask(domain, "query-named-block-nodes", json_pack("{s:b}", "flat", 1), &nodes, ignored) < 0)
                return false;
        json_array_foreach(nodes, i, each)
        {
                const char *name = json_string_value(json_object_get(each, "node-name"));
                found |= name != NULL && text_equal(name, node);
        }
        json_decref(nodes);
        return found;
}

static int remove_node(virDomainPtr domain, const char *node)
{
        char ignored[REASON_BYTES];
        return ask(domain, "blockdev-del", json_pack("{s:s}", "node-name", node), NULL, ignored);
}

static int add_node(virDomainPtr domain, json_t *options, char ret_error[REASON_BYTES])
{
        return ask(domain, "blockdev-add", options, NULL, ret_error);
}

/* --- what there is --- */

static bool read_number(struct guest_disk *disk)
{
        int end = 0;
        if (sscanf(disk->node, "libvirt-%u-format%n", &disk->number, &end) == 1 && disk->node[end] == '\0' &&
            end > 0)
                return true;
        end = 0;
        if (sscanf(disk->node, "clu-f-%8x-%u%n", &disk->offer, &disk->number, &end) != 2 ||
            disk->node[end] != '\0')
                return false;
        /* It may be on its way back: then only its name is to be set right. */
        disk->is_export = !text_equal(disk->file, disk->disk.file);
        return true;
}

/* "virtio-disk0": of a device by that name, or inside it. */
static bool is_of(const char *device, const char *alias)
{
        const char *found = strstr(device, alias);
        size_t length = strlen(alias);
        return length > 0 && found != NULL && (found == device || found[-1] == '/') &&
               (found[length] == '\0' || found[length] == '/');
}

static bool find_block(const json_t *blocks, struct guest_disk *disk)
{
        json_t *block;
        size_t i;
        json_array_foreach(blocks, i, block)
        {
                const char *device = json_string_value(json_object_get(block, "qdev"));
                const json_t *inserted = json_object_get(block, "inserted");
                const char *node = json_string_value(json_object_get(inserted, "node-name"));
                const char *file = json_string_value(json_object_get(inserted, "file"));
                if (device == NULL || node == NULL || file == NULL || !is_of(device, disk->disk.alias))
                        continue;
                TEXT_PRINT(disk->device, "%s%.100s", device[0] == '/' ? "" : "/machine/peripheral/", device);
                TEXT_PRINT(disk->node, "%.63s", node);
                TEXT_PRINT(disk->file, "%.511s", file);
                return true;
        }
        return false;
}

static int read_blocks(virDomainPtr domain, struct guest_disks *disks, char ret_error[REASON_BYTES])
{
        json_t *blocks = NULL;
        if (ask(domain, "query-block", NULL, &blocks, ret_error) < 0)
                return -1;
        int result = 0;
        for (size_t i = 0; i < disks->count && result == 0; i++) {
                struct guest_disk *disk = &disks->disks[i];
                if (find_block(blocks, disk) && read_number(disk))
                        continue;
                (void)snprintf(ret_error, REASON_BYTES, "its disk %s is used by %s", disk->disk.target,
                               disk->node[0] == '\0' ? "nothing" : disk->node);
                result = -1;
        }
        json_decref(blocks);
        return result;
}

int guest_disks_read(virDomainPtr domain, struct disk_exports *exports, struct guest_disks *ret_disks,
                     char ret_error[REASON_BYTES])
{
        struct domain_disk disks[EXPORT_DISKS_MAX];
        SCOPED_FREE char *text = virDomainGetXMLDesc(domain, 0);
        *ret_disks = (struct guest_disks){ .count = 0 };
        if (text == NULL) {
                explain(NULL, ret_error);
                return -1;
        }
        if (disk_exports_choose(exports, text, strlen(text), disks, &ret_disks->count, ret_error) < 0)
                return -1;
        for (size_t i = 0; i < ret_disks->count; i++)
                ret_disks->disks[i].disk = disks[i];
        return read_blocks(domain, ret_disks, ret_error);
}

uint32_t guest_disks_offer(const struct export_place *place)
{
        uint64_t hash = fnv1a(FNV1A_EMPTY, place->address, strlen(place->address));
        hash = fnv1a(hash, &place->offer.port, sizeof place->offer.port);
        hash = fnv1a(hash, place->offer.key, strlen(place->offer.key));
        return (uint32_t)(hash ^ hash >> 32) | 1;
}

/* --- the way to an exporter --- */

struct way {
        char socket[SOCKET_BYTES];
        char lock[SOCKET_BYTES + 8];
};

static int way_name(const char *directory, unsigned number, struct way *ret_way, char ret_error[REASON_BYTES])
{
        int count = snprintf(ret_way->socket, sizeof ret_way->socket, "%s/%u.sock", directory, number);
        TEXT_PRINT(ret_way->lock, "%s.lock", ret_way->socket);
        if (count < (int)sizeof ret_way->socket)
                return 0;
        (void)snprintf(ret_error, REASON_BYTES, "the path of its socket is too long: %.80s...", directory);
        return -1;
}

static int way_open(const struct way *way, const struct export_place *place, unsigned number,
                    char ret_error[REASON_BYTES])
{
        char from[SOCKET_BYTES + 32], to[ADDRESS_BYTES + 160];
        bool is_ipv6 = strchr(place->address, ':') != NULL;
        TEXT_PRINT(from, "UNIX-LISTEN:%s,mode=0666", way->socket);
        /* 18: TCP_USER_TIMEOUT, for what is sent; keepalive for when nothing is. */
        TEXT_PRINT(to,
                   "TCP:%s%s%s:%u,connect-timeout=" SILENT_S ",nodelay,keepalive,keepidle=" SILENT_S
                   ",keepintvl=1,keepcnt=3,setsockopt-int=6:18:" SILENT_S "000",
                   is_ipv6 ? "[" : "", place->address, is_ipv6 ? "]" : "", place->offer.port + number);
        const char *argv[] = { "socat", "-b65536", from, to, NULL };
        return held_process_start(way->lock, argv, way->socket, ret_error);
}

static void way_close(const struct way *way)
{
        char log[sizeof way->lock + 8];
        TEXT_PRINT(log, "%s.log", way->lock);
        (void)held_process_end(way->lock);
        (void)unlink(way->socket);
        (void)unlink(log);
}

/* QEMU reads the key when it is told to, and the file goes again. */
static int write_key(const struct export_place *place, char ret_error[REASON_BYTES])
{
        char path[sizeof place->directory + 16], text[EXPORT_KEY_BYTES + 16];
        const struct group *group = getgrnam(QEMU_GROUP);
        TEXT_PRINT(path, "%s/keys.psk", place->directory);
        TEXT_PRINT(text, "qemu:%s\n", place->offer.key);
        (void)unlink(path);
        SCOPED_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0440);
        bool is_written = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
        explicit_bzero(text, sizeof text);
        if (is_written && group != NULL)
                (void)!fchown(fd, 0, group->gr_gid);
        if (!is_written)
                (void)snprintf(ret_error, REASON_BYTES, "%.100s: %s", path, strerrordesc_np(errno));
        return is_written ? 0 : -1;
}

static int make_directory(const struct export_place *place, char ret_error[REASON_BYTES])
{
        const struct group *group = getgrnam(QEMU_GROUP);
        if (mkdir(place->directory, 0750) < 0 && errno != EEXIST) {
                (void)snprintf(ret_error, REASON_BYTES, "%.100s: %s", place->directory,
                               strerrordesc_np(errno));
                return -1;
        }
        if (group != NULL)
                (void)!chown(place->directory, 0, group->gr_gid);
        return 0;
}

static int add_key(virDomainPtr domain, const struct export_place *place, const char *id,
                   char ret_error[REASON_BYTES])
{
        char path[sizeof place->directory + 16];
        if (write_key(place, ret_error) < 0)
                return -1;
        int r = ask(domain, "object-add",
                    json_pack("{s:s, s:s, s:s, s:s}", "qom-type", "tls-creds-psk", "id", id, "endpoint",
                              "client", "dir", place->directory),
                    NULL, ret_error);
        TEXT_PRINT(path, "%s/keys.psk", place->directory);
        (void)unlink(path);
        return r;
}

static void remove_key(virDomainPtr domain, const char *id)
{
        char ignored[REASON_BYTES];
        (void)ask(domain, "object-del", json_pack("{s:s}", "id", id), NULL, ignored);
}

/* --- nodes of QEMU's --- */

static json_t *cache(void)
{
        return json_pack("{s:b, s:b}", "direct", 1, "no-flush", 0);
}

static void set_unless_empty(json_t *options, const char *name, const char *value)
{
        if (value[0] != '\0')
                (void)json_object_set_new(options, name, json_string(value));
}

/* As libvirt has it. */
static json_t *format_node(const struct domain_disk *disk, const char *name, const char *file)
{
        json_t *options = json_pack("{s:s, s:s, s:b, s:o, s:s}", "driver", "raw", "node-name", name,
                                    "read-only", 0, "cache", cache(), "file", file);
        set_unless_empty(options, "discard", disk->discard);
        set_unless_empty(options, "detect-zeroes", disk->detect_zeroes);
        return options;
}

static json_t *storage_node(const struct domain_disk *disk, const char *name)
{
        json_t *options =
                json_pack("{s:s, s:s, s:s, s:o, s:b, s:s}", "driver", "file", "node-name", name, "filename",
                          disk->file, "cache", cache(), "auto-read-only", 1, "discard", "unmap");
        set_unless_empty(options, "aio", disk->io);
        return options;
}

static json_t *export_node(const struct domain_disk *disk, const char *name, const char *socket,
                           const char *key)
{
        return json_pack("{s:s, s:s, s:{s:s, s:s}, s:s, s:s, s:i, s:o, s:s}", "driver", "nbd", "node-name",
                         name, "server", "type", "unix", "path", socket, "export", disk->file, "tls-creds",
                         key, "reconnect-delay", 0, "cache", cache(), "discard", "unmap");
}

static int set_drive(virDomainPtr domain, const struct guest_disk *disk, const char *node,
                     char ret_error[REASON_BYTES])
{
        return ask(domain, "qom-set",
                   json_pack("{s:s, s:s, s:s}", "path", disk->device, "property", "drive", "value", node),
                   NULL, ret_error);
}

/* --- over to an export --- */

struct names {
        char format[NAME_MAX_BYTES], export[NAME_MAX_BYTES], hold[NAME_MAX_BYTES], key[NAME_MAX_BYTES];
        char own_format[NAME_MAX_BYTES], own_storage[NAME_MAX_BYTES];
};

static void names_make(unsigned number, uint32_t offer, struct names *ret_names)
{
        TEXT_PRINT(ret_names->format, FORMAT, offer, number);
        TEXT_PRINT(ret_names->export, EXPORT, offer, number);
        TEXT_PRINT(ret_names->key, KEY, offer, number);
        TEXT_PRINT(ret_names->hold, HOLD, number);
        TEXT_PRINT(ret_names->own_format, "libvirt-%u-format", number);
        TEXT_PRINT(ret_names->own_storage, "libvirt-%u-storage", number);
}

static void forget_export(virDomainPtr domain, const struct names *names)
{
        (void)remove_node(domain, names->format);
        (void)remove_node(domain, names->export);
        remove_key(domain, names->key);
}

/* Who writes to a file no more has QEMU open it anew, read-only, and a path that is gone refuses that: so
 * somebody goes on being allowed to, for as long as it takes. */
static int hold(virDomainPtr domain, const struct names *names, char ret_error[REASON_BYTES])
{
        return add_node(domain,
                        json_pack("{s:s, s:s, s:s, s:[s]}", "driver", "blkdebug", "node-name", names->hold,
                                  "image", names->own_storage, "take-child-perms", "write-unchanged"),
                        ret_error);
}

static int connect_export(virDomainPtr domain, const struct guest_disk *disk, const struct names *names,
                          const struct way *way, unsigned number, const struct export_place *place,
                          char ret_error[REASON_BYTES])
{
        if (make_directory(place, ret_error) < 0 || way_open(way, place, number, ret_error) < 0 ||
            add_key(domain, place, names->key, ret_error) < 0)
                return -1;
        return add_node(domain, export_node(&disk->disk, names->export, way->socket, names->key), ret_error);
}

static int go_over(virDomainPtr domain, const struct guest_disk *disk, const struct names *names,
                   char ret_error[REASON_BYTES])
{
        (void)remove_node(domain, names->hold); /* of an earlier attempt */
        if (add_node(domain, format_node(&disk->disk, names->format, names->export), ret_error) < 0 ||
            (!disk->is_export && hold(domain, names, ret_error) < 0))
                return -1;
        int r = set_drive(domain, disk, names->format, ret_error);
        (void)remove_node(domain, names->hold);
        return r;
}

int guest_disk_redirect(virDomainPtr domain, const struct guest_disk *disk, unsigned number,
                        const struct export_place *place, char ret_error[REASON_BYTES])
{
        uint32_t offer = guest_disks_offer(place);
        struct names names, before;
        struct way way;
        names_make(disk->number, offer, &names);
        names_make(disk->number, disk->offer, &before);
        if (way_name(place->directory, number, &way, ret_error) < 0)
                return -1;
        if (disk->is_export && disk->offer == offer) {
                if (held_process_is_there(way.lock))
                        return 0;
                (void)snprintf(ret_error, REASON_BYTES, "the connection to the export has broken");
                return -1;
        }
        way_close(&way); /* to an earlier exporter: what waits for that fails, and need not be waited for */
        forget_export(domain, &names);
        if (connect_export(domain, disk, &names, &way, number, place, ret_error) < 0 ||
            go_over(domain, disk, &names, ret_error) < 0) {
                forget_export(domain, &names);
                way_close(&way);
                return -1;
        }
        (void)remove_node(domain, disk->node);
        (void)remove_node(domain, names.own_storage);
        if (disk->offer != 0)
                forget_export(domain, &before);
        return 0;
}

/* --- and back --- */

/* What is under way is waited for and flushed, which fails where a connection has broken: then some of it may
 * not have been answered. */
static int take_file(virDomainPtr domain, const struct guest_disk *disk, const struct names *names,
                     char ret_error[REASON_BYTES])
{
        json_t *options = format_node(&disk->disk, disk->node, names->own_storage);
        return ask(domain, "blockdev-reopen", json_pack("{s:[o]}", "options", options), NULL, ret_error);
}

int guest_disk_return(virDomainPtr domain, const struct guest_disk *disk, unsigned number,
                      const char *directory, bool is_served, char ret_error[REASON_BYTES])
{
        struct names names;
        struct way way;
        names_make(disk->number, disk->offer, &names);
        if (text_equal(disk->node, names.own_format))
                return 0;
        if (way_name(directory, number, &way, ret_error) < 0)
                return -1;
        if (!is_served)
                way_close(&way);
        if (!has_node(domain, names.own_storage) &&
            add_node(domain, storage_node(&disk->disk, names.own_storage), ret_error) < 0)
                return -1;
        if (is_served && disk->is_export && take_file(domain, disk, &names, ret_error) < 0) {
                (void)remove_node(domain, names.own_storage);
                return -1;
        }
        (void)remove_node(domain, names.own_format); /* of an earlier attempt */
        if (add_node(domain, format_node(&disk->disk, names.own_format, names.own_storage), ret_error) < 0 ||
            set_drive(domain, disk, names.own_format, ret_error) < 0)
                return -1;
        (void)remove_node(domain, disk->node);
        forget_export(domain, &names);
        way_close(&way);
        return 0;
}
