/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/iscsi_gateways.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "clusterd/base/bytes.h"
#include "clusterd/base/path.h"
#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "clusterd/io/domain_definition.h"
#include "clusterd/io/held_process.h"
#include "clusterd/io/host.h"
#include "clusterd/io/process_start.h"

#define START_MS     20000 /* the gateway itself gives up after eight seconds, and eight more unconfirmed */
#define DISKS_MAX    64    /* of a guest that are LUNs */
#define SOCKET_BYTES sizeof(((struct sockaddr_un *)NULL)->sun_path)
#define LOCK_ENDING  ".sock.lock"
/* As whom libvirt runs QEMU. */
#define QEMU_GROUP "libvirt-qemu"

struct known_target {
        uint64_t identity;
        char target[VOLUME_PATH_BYTES];
        struct volume_login login;
};

struct iscsi_gateways {
        char directory[PATH_MAX];
        char plugin[PATH_MAX];
        char initiator[2 * NAME_BYTES];
        uint32_t node;
        pthread_mutex_t lock;
        char cluster[NAME_BYTES];
        struct known_target targets[VOLUMES_MAX];
        size_t target_count;
};

struct disk {
        struct known_target target;
        uint64_t key; /* of its gateway, should it be started */
        uint32_t lun;
        char socket[SOCKET_BYTES];
};

/* What a definition needs. */
struct need {
        struct iscsi_gateways *gateways;
        const struct gateway_guest *guest;
        struct disk *disks;
        size_t count;
        char *error;
};

static void make_directory(const char *directory)
{
        const struct group *group = getgrnam(QEMU_GROUP);
        if (mkdir(directory, 0750) == 0 && group != NULL)
                (void)!chown(directory, 0, group->gr_gid);
}

struct iscsi_gateways *iscsi_gateways_new(const char *run_dir, const char *helpers, uint32_t node,
                                          const char *node_name)
{
        struct iscsi_gateways *gateways = calloc(1, sizeof *gateways);
        assert(gateways != NULL);
        gateways->node = node;
        TEXT_PRINT(gateways->directory, "%s/iscsi", run_dir);
        TEXT_PRINT(gateways->plugin, "%s/clu-iscsi-gateway.so", helpers);
        TEXT_PRINT(gateways->initiator, ISCSI_INITIATOR, node_name);
        (void)pthread_mutex_init(&gateways->lock, NULL);
        make_directory(gateways->directory);
        return gateways;
}

void iscsi_gateways_free(struct iscsi_gateways *gateways)
{
        if (gateways == NULL)
                return;
        explicit_bzero(gateways->targets, sizeof gateways->targets);
        (void)pthread_mutex_destroy(&gateways->lock);
        free(gateways);
}

static uint64_t key_begin(const char *cluster, const char *target, uint32_t node)
{
        uint64_t claim = fnv1a(fnv1a(FNV1A_EMPTY, cluster, strlen(cluster)), target, strlen(target));
        return (claim & 0xffffffff) << 8 | node;
}

uint64_t iscsi_key_new(const char *cluster, const char *target, uint32_t node)
{
        return key_begin(cluster, target, node) << 24 | (random_id() & 0xffffff);
}

void iscsi_key_begin(const char *cluster, const char *target, uint32_t node,
                     char ret_digits[ISCSI_KEY_BEGIN_BYTES])
{
        (void)snprintf(ret_digits, ISCSI_KEY_BEGIN_BYTES, "%010llx",
                       (unsigned long long)key_begin(cluster, target, node));
}

void iscsi_gateways_know(struct iscsi_gateways *gateways, const struct model *model)
{
        (void)pthread_mutex_lock(&gateways->lock);
        gateways->target_count = 0;
        TEXT_COPY(gateways->cluster, model->settings.cluster_name);
        MODEL_EACH_VOLUME (model, volume) {
                if (volume->kind != VOLUME_ISCSI)
                        continue;
                struct known_target *target = &gateways->targets[gateways->target_count++];
                target->identity = volume->identity;
                target->login = volume->login;
                TEXT_COPY(target->target, volume->path);
        }
        (void)pthread_mutex_unlock(&gateways->lock);
}

/* --- one gateway --- */

enum presence { GATEWAY_GONE, GATEWAY_WAITS, GATEWAY_USED };

static const char *lock_of(const char *socket, char ret_path[PATH_MAX])
{
        (void)snprintf(ret_path, PATH_MAX, "%s.lock", socket);
        return ret_path;
}

static enum presence look_at(const char *socket)
{
        char lock[PATH_MAX];
        if (!held_process_is_there(lock_of(socket, lock)))
                return GATEWAY_GONE;
        return access(socket, F_OK) == 0 ? GATEWAY_WAITS : GATEWAY_USED;
}

static int end_gateway(const char *socket)
{
        char lock[PATH_MAX];
        int error = held_process_kill(lock_of(socket, lock));
        if (error == 0)
                (void)unlink(socket);
        return error;
}

/* "nbdkit: error: TEXT", the last of what it said. */
static void explain_exit(int fd, char ret_error[REASON_BYTES])
{
        char output[2048];
        ssize_t count = read(fd, output, sizeof output - 1);
        output[count < 0 ? 0 : count] = '\0';
        while (count > 0 && output[count - 1] == '\n')
                output[--count] = '\0';
        const char *line = strrchr(output, '\n'), *error = strstr(line == NULL ? output : line, "error: ");
        (void)snprintf(ret_error, REASON_BYTES, "%.*s", REASON_BYTES - 1,
                       count <= 0      ? "its gateway did not start"
                       : error == NULL ? output
                                       : error + strlen("error: "));
}

/* 0 when it went into the background: then it serves. */
static int await_start(const struct process_start *start, char ret_error[REASON_BYTES])
{
        struct pollfd fd = { .fd = start->pidfd, .events = POLLIN };
        siginfo_t exit = { 0 };
        int error = 0;
        bool in_time = poll(&fd, 1, START_MS) > 0;
        if (!in_time)
                (void)kill(-start->pid, SIGKILL);
        (void)waitid(P_PIDFD, (id_t)start->pidfd, &exit, WEXITED);
        ssize_t count = read(start->status_fd, &error, sizeof error);
        if (in_time && exit.si_code == CLD_EXITED && exit.si_status == 0 && count <= 0)
                return 0;
        if (!in_time)
                (void)snprintf(ret_error, REASON_BYTES, "its gateway did not start in %u s", START_MS / 1000);
        else if (count > 0)
                (void)snprintf(ret_error, REASON_BYTES, "nbdkit cannot be run: %s", strerrordesc_np(error));
        else
                explain_exit(start->output_fd, ret_error);
        return -1;
}

static int run_nbdkit(const struct iscsi_gateways *gateways, const struct gateway_guest *guest,
                      const struct disk *disk, char ret_error[REASON_BYTES])
{
        char portal[PORTAL_BYTES + 16], target[VOLUME_PATH_BYTES + 16], lun[32], user[NAME_BYTES + 16];
        char initiator[3 * NAME_BYTES], socket[SOCKET_BYTES + 16], key[32];
        char cluster[PATH_MAX + 32], role[NAME_BYTES + 16], generation[48];
        bool has_user = disk->target.login.user[0] != '\0';
        TEXT_PRINT(portal, "portal=%s", disk->target.login.portal);
        TEXT_PRINT(target, "target=%s", disk->target.target);
        TEXT_PRINT(lun, "lun=%u", disk->lun);
        TEXT_PRINT(initiator, "initiator=%s", gateways->initiator);
        TEXT_PRINT(socket, "socket=%s", disk->socket);
        TEXT_PRINT(user, "user=%s", disk->target.login.user);
        TEXT_PRINT(key, "key=%016llx", (unsigned long long)disk->key);
        TEXT_PRINT(cluster, "cluster=%s/" ISCSI_CONFIRM_SOCKET, gateways->directory);
        TEXT_PRINT(role, "role=%s", guest->role);
        TEXT_PRINT(generation, "generation=%llu", (unsigned long long)guest->generation);
        const char *argv[] = { "nbdkit",
                               "--unix",
                               disk->socket,
                               gateways->plugin,
                               portal,
                               target,
                               lun,
                               initiator,
                               socket,
                               key,
                               cluster,
                               role,
                               generation,
                               guest->takes ? "takes=true" : "takes=false",
                               has_user ? user : NULL,
                               "password=-",
                               NULL };
        const char *const nothing[] = { NULL };
        struct process_start start;
        SCOPED_FREE char *path = NULL;
        int error = process_path_find(argv[0], &path);
        if (error == 0)
                error = process_start(path, argv, nothing, disk->target.login.password, &start);
        if (error < 0) {
                (void)snprintf(ret_error, REASON_BYTES, "nbdkit cannot be run: %s", strerrordesc_np(-error));
                return -1;
        }
        int result = await_start(&start, ret_error);
        (void)close(start.pidfd);
        (void)close(start.output_fd);
        (void)close(start.status_fd);
        return result;
}

static int start_gateway(const struct iscsi_gateways *gateways, const struct gateway_guest *guest,
                         const struct disk *disk, char ret_error[REASON_BYTES])
{
        enum presence presence = look_at(disk->socket);
        /* One that is used: clusterd was restarted while its guest arrives. One of an earlier attempt that
         * waits yet may have been preempted since, or is about to end. Who takes the socket away decides
         * which it is: the gateway, when somebody comes, or this. */
        if (presence == GATEWAY_USED || (presence == GATEWAY_WAITS && unlink(disk->socket) < 0))
                return 0;
        if (end_gateway(disk->socket) < 0) {
                (void)snprintf(ret_error, REASON_BYTES, "its gateway of an earlier attempt does not end");
                return -1;
        }
        if (run_nbdkit(gateways, guest, disk, ret_error) < 0)
                return -1;
        /* QEMU runs as somebody; who may come near is decided by the directory. */
        (void)!chmod(disk->socket, 0666);
        return 0;
}

/* --- those of a role --- */

static bool find_target(struct iscsi_gateways *gateways, const char *name, struct disk *disk)
{
        bool found = false;
        (void)pthread_mutex_lock(&gateways->lock);
        for (size_t i = 0; i < gateways->target_count && !found; i++) {
                found = target_holds(gateways->targets[i].target, name, &disk->lun);
                if (found)
                        disk->target = gateways->targets[i];
                if (found)
                        disk->key = iscsi_key_new(gateways->cluster, disk->target.target, gateways->node);
        }
        (void)pthread_mutex_unlock(&gateways->lock);
        return found;
}

/* What is on no volume of the cluster is QEMU's own business. */
static const char *on_lun(void *context, const char *name)
{
        struct need *need = context;
        struct disk *disk = &need->disks[need->count];
        if (!find_target(need->gateways, name, disk))
                return NULL;
        if (need->count == DISKS_MAX) {
                (void)snprintf(need->error, REASON_BYTES, "more than %u of its disks are LUNs", DISKS_MAX);
                return NULL;
        }
        int count =
                snprintf(disk->socket, sizeof disk->socket, "%s/%s@%08x-%u.sock", need->gateways->directory,
                         need->guest->role, (unsigned)disk->target.identity, disk->lun);
        if (count >= (int)sizeof disk->socket)
                (void)snprintf(need->error, REASON_BYTES, "the path of its socket is too long: %.80s...",
                               disk->socket);
        need->count++;
        return disk->socket;
}

int iscsi_gateways_open(struct iscsi_gateways *gateways, const struct gateway_guest *guest,
                        const char *definition, size_t definition_bytes, char **ret_text,
                        char ret_error[REASON_BYTES])
{
        struct need need = { .gateways = gateways, .guest = guest, .error = ret_error };
        need.disks = calloc(DISKS_MAX + 1, sizeof *need.disks);
        assert(need.disks != NULL);
        ret_error[0] = '\0';
        SCOPED_FREE char *text = domain_definition_reroute(definition, definition_bytes, on_lun, &need);
        for (size_t i = 0; i < need.count && ret_error[0] == '\0'; i++)
                (void)start_gateway(gateways, guest, &need.disks[i], ret_error);
        explicit_bzero(need.disks, (DISKS_MAX + 1) * sizeof *need.disks);
        free(need.disks);
        if (ret_error[0] != '\0')
                return -1;
        *ret_text = need.count > 0 ? TAKE(text) : strndup(definition, definition_bytes);
        assert(*ret_text != NULL);
        return 0;
}

/* "ROLE@..." of a gateway's lock; false: another file. */
static bool role_of(const char *file, char ret_role[NAME_BYTES])
{
        size_t length = strcspn(file, "@"), whole = strlen(file), ending = strlen(LOCK_ENDING);
        if (file[length] != '@' || length >= NAME_BYTES || whole <= ending ||
            !text_equal(file + whole - ending, LOCK_ENDING))
                return false;
        memcpy(ret_role, file, length);
        ret_role[length] = '\0';
        return true;
}

/* Of each gateway that has ever been here; stops when that fails. */
static int visit(struct iscsi_gateways *gateways,
                 int (*on_gateway)(void *context, const char *role, const char *socket), void *context)
{
        char role[NAME_BYTES];
        int error = 0;
        DIR *directory = opendir(gateways->directory);
        if (directory == NULL)
                return errno == ENOENT ? 0 : -errno;
        for (struct dirent *entry = readdir(directory); entry != NULL && error == 0;
             entry = readdir(directory)) {
                if (!role_of(entry->d_name, role))
                        continue;
                SCOPED_FREE char *socket = NULL;
                if (asprintf(&socket, "%s/%.*s", gateways->directory,
                             (int)(strlen(entry->d_name) - strlen(".lock")), entry->d_name) < 0)
                        abort();
                error = on_gateway(context, role, socket);
        }
        (void)closedir(directory);
        return error;
}

static int end_if_of(void *context, const char *role, const char *socket)
{
        return text_equal(role, context) ? end_gateway(socket) : 0;
}

int iscsi_gateways_end(struct iscsi_gateways *gateways, const char *role)
{
        char name[NAME_BYTES];
        TEXT_COPY(name, role);
        return visit(gateways, end_if_of, name);
}

struct names {
        char (*name)[NAME_BYTES];
        size_t count;
};

static int add_if_used(void *context, const char *role, const char *socket)
{
        struct names *names = context;
        bool is_known = names->count > 0 && text_equal(names->name[names->count - 1], role);
        if (is_known || look_at(socket) != GATEWAY_USED)
                return 0;
        TEXT_COPY(names->name[names->count], role);
        names->count++;
        names->name = reallocarray(names->name, names->count + 1, sizeof *names->name);
        assert(names->name != NULL);
        names->name[names->count][0] = '\0';
        return 0;
}

char (*iscsi_gateways_used(struct iscsi_gateways *gateways))[NAME_BYTES]
{
        struct names names = { .name = calloc(1, sizeof *names.name) };
        assert(names.name != NULL);
        (void)visit(gateways, add_if_used, &names);
        return names.name;
}
