/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A plugin of nbdkit: one LUN of an iSCSI target, for one QEMU.
 *
 * nbdkit goes into the background when the LUN is there. The socket is there until somebody has come, and the
 * lock beside it is held for as long as this process lives: see clusterd/io/iscsi_gateways.h.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include "iscsi-gateway/gateway_io.h"

#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL
#define PIECE_BYTES  (1U << 20) /* what every target takes at once */
/* Who looks whether somebody holds the lock has it himself for a moment. */
#define LOCK_TRIES    50
#define LOCK_PAUSE_MS 10

/* nbdkit has one of each plugin. */
static struct {
        struct iscsi_place place;
        char *password;
        char *socket; /* that nbdkit listens on */
        int lun;
        uint64_t key;
        struct confirmation confirmation;
        int takes; /* over at once */
        int lock_fd;
        bool is_used;
        struct gateway_io *io;
} gateway = { .lun = -1, .lock_fd = -1 };

static int take_lun(const char *value)
{
        unsigned lun = 0;
        if (nbdkit_parse_unsigned("lun", value, &lun) < 0)
                return -1;
        if (lun > INT_MAX) {
                nbdkit_error("there is no LUN %u", lun);
                return -1;
        }
        gateway.lun = (int)lun;
        return 0;
}

static int take_key(const char *value)
{
        char *end;
        errno = 0;
        gateway.key = strtoull(value, &end, 16);
        if (errno == 0 && *end == '\0' && gateway.key != 0)
                return 0;
        nbdkit_error("key=%s: that is no key: 16 hexadecimal digits", value);
        return -1;
}

/* The first line of standard input: an argument can be read by anybody. */
static int take_password(void)
{
        size_t bytes = 0;
        ssize_t count = getline(&gateway.password, &bytes, stdin);
        if (count < 0) {
                nbdkit_error("password=-: standard input has none");
                return -1;
        }
        gateway.password[strcspn(gateway.password, "\n")] = '\0';
        return 0;
}

static int take_option(const char *key, const char *value)
{
        if (strcmp(key, "portal") == 0)
                gateway.place.portal = value;
        else if (strcmp(key, "target") == 0)
                gateway.place.target = value;
        else if (strcmp(key, "initiator") == 0)
                gateway.place.initiator = value;
        else if (strcmp(key, "user") == 0)
                gateway.place.user = value;
        else if (strcmp(key, "password") == 0 && strcmp(value, "-") == 0)
                return take_password();
        else if (strcmp(key, "socket") == 0)
                gateway.socket = nbdkit_absolute_path(value);
        else if (strcmp(key, "cluster") == 0)
                gateway.confirmation.socket = nbdkit_absolute_path(value);
        else if (strcmp(key, "role") == 0)
                gateway.confirmation.role = value;
        else if (strcmp(key, "generation") == 0)
                gateway.confirmation.generation = value;
        else if (strcmp(key, "lun") == 0)
                return take_lun(value);
        else if (strcmp(key, "key") == 0)
                return take_key(value);
        else if (strcmp(key, "takes") == 0)
                return (gateway.takes = nbdkit_parse_bool(value)) < 0 ? -1 : 0;
        else {
                nbdkit_error("unknown option %s", key);
                return -1;
        }
        return 0;
}

static int options_complete(void)
{
        if (gateway.place.portal == NULL || gateway.place.target == NULL || gateway.place.initiator == NULL ||
            gateway.socket == NULL || gateway.lun < 0 || gateway.key == 0 ||
            gateway.confirmation.socket == NULL || gateway.confirmation.role == NULL ||
            gateway.confirmation.generation == NULL) {
                nbdkit_error("portal=, target=, lun=, initiator=, key=, socket=, cluster=, role= and "
                             "generation= are needed");
                return -1;
        }
        gateway.place.password = gateway.password;
        return 0;
}

/* One at a time for a LUN and a guest; the process that goes into the background keeps it. */
static int lock(void)
{
        char path[PATH_MAX];
        (void)snprintf(path, sizeof path, "%s.lock", gateway.socket);
        gateway.lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        for (int tries = 0; gateway.lock_fd >= 0 && tries < LOCK_TRIES; tries++) {
                if (flock(gateway.lock_fd, LOCK_EX | LOCK_NB) == 0)
                        return ftruncate(gateway.lock_fd, 0); /* that of an earlier process is not ours */
                (void)poll(NULL, 0, LOCK_PAUSE_MS);
        }
        nbdkit_error("%s: %s", path, errno == EWOULDBLOCK ? "another gateway is there" : strerror(errno));
        return -1;
}

static int get_ready(void)
{
        char error[ISCSI_ERROR_SIZE];
        if (lock() < 0)
                return -1;
        gateway.io = gateway_io_open(&gateway.place, gateway.lun, gateway.key, gateway.takes > 0,
                                     &gateway.confirmation, error);
        if (gateway.io == NULL)
                nbdkit_error("LUN %d of %s: %s", gateway.lun, gateway.place.target, error);
        return gateway.io == NULL ? -1 : 0;
}

/* Only now it is known which process that is. */
static int after_fork(void)
{
        char text[32];
        int count = snprintf(text, sizeof text, "%d\n", (int)getpid());
        if (ftruncate(gateway.lock_fd, 0) < 0 || pwrite(gateway.lock_fd, text, (size_t)count, 0) != count) {
                nbdkit_error("%s.lock: %m", gateway.socket);
                return -1;
        }
        errno = gateway_io_start(gateway.io);
        if (errno != 0)
                nbdkit_error("no thread: %m");
        return errno == 0 ? 0 : -1;
}

/* The first who comes is the guest, and nobody else comes in after it; nobody at all when clusterd has taken
 * the socket away before, to end this one. */
static int preconnect(int readonly)
{
        int64_t pid = nbdkit_peer_pid();
        (void)readonly;
        if (gateway.is_used || pid <= 0 || !gateway_io_serve(gateway.io, pid) || unlink(gateway.socket) < 0) {
                nbdkit_error("this gateway is of another process");
                return -1;
        }
        gateway.is_used = true;
        return 0;
}

static void *open_disk(int readonly)
{
        (void)readonly;
        return &gateway;
}

/* All that it asked for has been answered. */
static void close_disk(void *handle)
{
        (void)handle;
        _exit(EXIT_SUCCESS);
}

static int64_t get_size(void *handle)
{
        (void)handle;
        return (int64_t)gateway_io_size(gateway.io);
}

static int block_size(void *handle, uint32_t *least, uint32_t *best, uint32_t *most)
{
        (void)handle;
        *least = gateway_io_block_size(gateway.io);
        *best = *least > 4096 ? *least : 4096;
        *most = PIECE_BYTES;
        return 0;
}

static int transfer(enum io_kind kind, char *bytes, uint32_t count, uint64_t offset, bool durable)
{
        uint32_t size = gateway_io_block_size(gateway.io);
        if (count % size != 0 || offset % size != 0) {
                nbdkit_error("not whole blocks of %u bytes", size);
                nbdkit_set_error(EINVAL);
                return -1;
        }
        while (count > 0) {
                uint32_t piece = count < PIECE_BYTES ? count : PIECE_BYTES;
                int error = gateway_io_do(gateway.io, kind, bytes, piece, offset, durable);
                if (error != 0) {
                        nbdkit_set_error(error);
                        return -1;
                }
                bytes += piece;
                offset += piece;
                count -= piece;
        }
        return 0;
}

static int read_disk(void *handle, void *bytes, uint32_t count, uint64_t offset, uint32_t flags)
{
        (void)handle;
        (void)flags;
        return transfer(IO_READ, bytes, count, offset, false);
}

static int write_disk(void *handle, const void *bytes, uint32_t count, uint64_t offset, uint32_t flags)
{
        (void)handle;
        return transfer(IO_WRITE, (char *)(uintptr_t)bytes, count, offset, (flags & NBDKIT_FLAG_FUA) != 0);
}

static int flush_disk(void *handle, uint32_t flags)
{
        int error = gateway_io_do(gateway.io, IO_FLUSH, NULL, 0, 0, false);
        (void)handle;
        (void)flags;
        nbdkit_set_error(error);
        return error == 0 ? 0 : -1;
}

static int can_flush(void *handle)
{
        (void)handle;
        return 1;
}

static int can_fua(void *handle)
{
        (void)handle;
        return NBDKIT_FUA_NATIVE;
}

static struct nbdkit_plugin plugin = {
        .name = "clu-iscsi",
        .version = "1",
        .longname = "clu's gateway to a LUN",
        .config = take_option,
        .config_complete = options_complete,
        .get_ready = get_ready,
        .after_fork = after_fork,
        .preconnect = preconnect,
        .open = open_disk,
        .close = close_disk,
        .get_size = get_size,
        .block_size = block_size,
        .pread = read_disk,
        .pwrite = write_disk,
        .flush = flush_disk,
        .can_flush = can_flush,
        .can_fua = can_fua,
};

NBDKIT_REGISTER_PLUGIN(plugin)
