/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A node's path to the shared volume: a file system (FUSE) over a directory, which passes everything on and
 * can be told to fail. It lies over the directory itself:
 *
 *     faulty_volume SWITCH DIRECTORY
 *
 * SWITCH is a file of one byte, which another writes: 'u' the path is up, 'd' it is down, and every request
 * fails with EIO, 'h' it hangs, and requests wait for another byte. What has failed has not been done, and
 * what waits is done after that, or fails.
 *
 * Nothing is cached on the way, so nodes see at once what others have done. Opened for direct I/O a file is,
 * too, but what lies below is this host's cache. flock() is passed on, and nobody waits for it. Locks of
 * ranges of a file, as QEMU takes them, stay in the node, because the library confuses their owners: here no
 * second line stands behind the cluster's word. mmap() for writing to a file is refused.
 *
 * One request after the other: a file that is closed is so, with its locks, before the next request, while
 * close() itself does not wait for that.
 */
#define FUSE_USE_VERSION 31
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse3/fuse.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LOOK_MS 5

struct volume {
        const volatile char *state;
        int root; /* what the file system lies over */
};

static const struct volume *volume(void)
{
        return fuse_get_context()->private_data;
}

static int path_state(void)
{
        while (*volume()->state == 'h')
                (void)poll(NULL, 0, LOOK_MS);
        return *volume()->state == 'd' ? -EIO : 0;
}

static int root(void)
{
        return volume()->root;
}

/* "/a/b" as the *at() calls want it. */
static const char *below(const char *path)
{
        return path[1] == '\0' ? "." : path + 1;
}

#define REQUIRE_PATH()                                                                                       \
        do {                                                                                                 \
                int path_error = path_state();                                                               \
                if (path_error < 0)                                                                          \
                        return path_error;                                                                   \
        } while (0)

#define RESULT_OF(call) ((call) < 0 ? -errno : 0)

static void *on_init(struct fuse_conn_info *connection, struct fuse_config *config)
{
        connection->want |= connection->capable & FUSE_CAP_FLOCK_LOCKS;
        config->entry_timeout = config->attr_timeout = config->negative_timeout = 0;
        config->direct_io = 1;
        config->use_ino = 1;
        config->hard_remove = 1;
        config->nullpath_ok = 0;
        return fuse_get_context()->private_data;
}

static int on_getattr(const char *path, struct stat *status, struct fuse_file_info *file)
{
        REQUIRE_PATH();
        return RESULT_OF(file != NULL ? fstat((int)file->fh, status)
                                      : fstatat(root(), below(path), status, AT_SYMLINK_NOFOLLOW));
}

static int on_readlink(const char *path, char *target, size_t size)
{
        REQUIRE_PATH();
        ssize_t count = readlinkat(root(), below(path), target, size - 1);
        if (count < 0)
                return -errno;
        target[count] = '\0';
        return 0;
}

static int on_mkdir(const char *path, mode_t mode)
{
        REQUIRE_PATH();
        return RESULT_OF(mkdirat(root(), below(path), mode));
}

static int on_unlink(const char *path)
{
        REQUIRE_PATH();
        return RESULT_OF(unlinkat(root(), below(path), 0));
}

static int on_rmdir(const char *path)
{
        REQUIRE_PATH();
        return RESULT_OF(unlinkat(root(), below(path), AT_REMOVEDIR));
}

static int on_symlink(const char *target, const char *path)
{
        REQUIRE_PATH();
        return RESULT_OF(symlinkat(target, root(), below(path)));
}

static int on_rename(const char *from, const char *to, unsigned flags)
{
        REQUIRE_PATH();
        return RESULT_OF(renameat2(root(), below(from), root(), below(to), flags));
}

static int on_link(const char *from, const char *to)
{
        REQUIRE_PATH();
        return RESULT_OF(linkat(root(), below(from), root(), below(to), 0));
}

static int on_chmod(const char *path, mode_t mode, struct fuse_file_info *file)
{
        (void)file;
        REQUIRE_PATH();
        return RESULT_OF(fchmodat(root(), below(path), mode, 0));
}

static int on_chown(const char *path, uid_t user, gid_t group, struct fuse_file_info *file)
{
        (void)file;
        REQUIRE_PATH();
        return RESULT_OF(fchownat(root(), below(path), user, group, AT_SYMLINK_NOFOLLOW));
}

static int on_utimens(const char *path, const struct timespec times[2], struct fuse_file_info *file)
{
        (void)file;
        REQUIRE_PATH();
        return RESULT_OF(utimensat(root(), below(path), times, AT_SYMLINK_NOFOLLOW));
}

static int open_file(const char *path, int flags, mode_t mode, struct fuse_file_info *file)
{
        REQUIRE_PATH();
        /* Our buffers are not aligned: O_DIRECT ends here. */
        int fd = openat(root(), below(path), (flags & ~O_DIRECT) | O_CLOEXEC, mode);
        if (fd < 0)
                return -errno;
        file->fh = (uint64_t)fd;
        return 0;
}

static int on_open(const char *path, struct fuse_file_info *file)
{
        return open_file(path, file->flags, 0, file);
}

static int on_create(const char *path, mode_t mode, struct fuse_file_info *file)
{
        return open_file(path, file->flags | O_CREAT, mode, file);
}

static int on_truncate(const char *path, off_t size, struct fuse_file_info *file)
{
        REQUIRE_PATH();
        if (file != NULL)
                return RESULT_OF(ftruncate((int)file->fh, size));
        int fd = openat(root(), below(path), O_WRONLY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        int result = RESULT_OF(ftruncate(fd, size));
        (void)close(fd);
        return result;
}

static int on_read(const char *path, char *bytes, size_t size, off_t offset, struct fuse_file_info *file)
{
        (void)path;
        REQUIRE_PATH();
        ssize_t count = pread((int)file->fh, bytes, size, offset);
        return count < 0 ? -errno : (int)count;
}

static int on_write(const char *path, const char *bytes, size_t size, off_t offset,
                    struct fuse_file_info *file)
{
        (void)path;
        REQUIRE_PATH();
        ssize_t count = pwrite((int)file->fh, bytes, size, offset);
        return count < 0 ? -errno : (int)count;
}

static int on_fsync(const char *path, int data_only, struct fuse_file_info *file)
{
        (void)path;
        REQUIRE_PATH();
        return RESULT_OF(data_only ? fdatasync((int)file->fh) : fsync((int)file->fh));
}

static int on_fallocate(const char *path, int mode, off_t offset, off_t size, struct fuse_file_info *file)
{
        (void)path;
        REQUIRE_PATH();
        return RESULT_OF(fallocate((int)file->fh, mode, offset, size));
}

static off_t on_lseek(const char *path, off_t offset, int whence, struct fuse_file_info *file)
{
        (void)path;
        REQUIRE_PATH();
        off_t at = lseek((int)file->fh, offset, whence);
        return at < 0 ? -errno : at;
}

static int on_flock(const char *path, struct fuse_file_info *file, int operation)
{
        (void)path;
        REQUIRE_PATH();
        return RESULT_OF(flock((int)file->fh, operation | LOCK_NB));
}

static int on_release(const char *path, struct fuse_file_info *file)
{
        (void)path;
        (void)close((int)file->fh); /* whatever the path is like: its locks go as well */
        return 0;
}

static int on_statfs(const char *path, struct statvfs *status)
{
        (void)path;
        REQUIRE_PATH();
        return RESULT_OF(fstatvfs(root(), status));
}

static int on_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset,
                      struct fuse_file_info *file, enum fuse_readdir_flags flags)
{
        (void)offset;
        (void)file;
        (void)flags;
        REQUIRE_PATH();
        int fd = openat(root(), below(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *directory = fd < 0 ? NULL : fdopendir(fd);
        if (directory == NULL)
                return -errno;
        for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
                struct stat status = { .st_ino = entry->d_ino,
                                       .st_mode = (mode_t)entry->d_type << 12 }; /* DTTOIF */
                (void)fill(buffer, entry->d_name, &status, 0, 0);
        }
        (void)closedir(directory);
        return 0;
}

static const struct fuse_operations operations = {
        .init = on_init,
        .getattr = on_getattr,
        .readlink = on_readlink,
        .mkdir = on_mkdir,
        .unlink = on_unlink,
        .rmdir = on_rmdir,
        .symlink = on_symlink,
        .rename = on_rename,
        .link = on_link,
        .chmod = on_chmod,
        .chown = on_chown,
        .utimens = on_utimens,
        .truncate = on_truncate,
        .open = on_open,
        .create = on_create,
        .read = on_read,
        .write = on_write,
        .fsync = on_fsync,
        .fallocate = on_fallocate,
        .lseek = on_lseek,
        .flock = on_flock,
        .release = on_release,
        .statfs = on_statfs,
        .readdir = on_readdir,
};

static void fail(const char *what)
{
        fprintf(stderr, "faulty_volume: %s: %s\n", what, strerror(errno));
        exit(1);
}

/* Goes into the background when the file system is there. */
int main(int argc, char **argv)
{
        if (argc != 3) {
                fputs("usage: faulty_volume SWITCH DIRECTORY\n", stderr);
                return 2;
        }
        struct volume mounted = { .root = open(argv[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC) };
        int fd = open(argv[1], O_RDONLY | O_CLOEXEC);
        if (fd < 0)
                fail(argv[1]);
        if (mounted.root < 0)
                fail(argv[2]);
        mounted.state = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, 0);
        if (mounted.state == MAP_FAILED)
                fail(argv[1]);
        umask(0);
        char options[] = "allow_other,default_permissions,fsname=faulty_volume";
        char *arguments[] = { argv[0], "-s", argv[2], "-o", options, NULL };
        return fuse_main(5, arguments, &operations, &mounted);
}
