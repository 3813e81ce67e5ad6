/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/copy_claim.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"

static void claim_path(const char *to, uint64_t index, char path[PATH_MAX])
{
        const char *slash = strrchr(to, '/');
        int directory = slash == NULL ? 0 : (int)(slash - to);
        (void)snprintf(path, PATH_MAX, "%.*s/.clu-copy-%" PRIu64, directory, to, index);
}

static bool is_same_file(const char *path, const char *other)
{
        struct stat one, two;
        return lstat(path, &one) == 0 && lstat(other, &two) == 0 && one.st_dev == two.st_dev &&
               one.st_ino == two.st_ino;
}

static int say(char text[REASON_BYTES], int error, const char *what, const char *path)
{
        (void)snprintf(text, REASON_BYTES, "%s %.110s: %s", what, path, strerrordesc_np(error));
        return -error;
}

static int check_space(const struct stat *from, const char *claim, char text[REASON_BYTES])
{
        char directory[PATH_MAX];
        struct statvfs space;
        TEXT_COPY(directory, claim);
        *strrchr(directory, '/') = '\0';
        if (statvfs(directory, &space) < 0)
                return say(text, errno, "cannot look at", directory);
        uint64_t free_bytes = (uint64_t)space.f_bavail * space.f_frsize;
        uint64_t wanted_bytes = (uint64_t)from->st_blocks * 512;
        if (wanted_bytes <= free_bytes)
                return 0;
        (void)snprintf(text, REASON_BYTES,
                       "the image takes %" PRIu64 " MiB, and %" PRIu64 " MiB are free at %.80s",
                       wanted_bytes >> 20, free_bytes >> 20, directory);
        return -ENOSPC;
}

/* Or empties what an earlier try made: that may be half of it, and of whoever was to own it not yet. */
static int make(const struct stat *from, const char *claim, char text[REASON_BYTES])
{
        SCOPED_CLOSE int fd =
                open(claim, O_CREAT | O_TRUNC | O_NOFOLLOW | O_WRONLY | O_CLOEXEC, from->st_mode & 0777);
        if (fd < 0)
                return say(text, errno, "cannot make", claim);
        if (fchown(fd, from->st_uid, from->st_gid) < 0)
                return say(text, errno, "cannot give to its owner", claim);
        return 0;
}

static int name(const char *claim, const char *to, char text[REASON_BYTES])
{
        if (link(claim, to) == 0)
                return 0;
        if (errno != EEXIST)
                return say(text, errno, "cannot make", to);
        if (is_same_file(claim, to))
                return 0;
        (void)snprintf(text, REASON_BYTES, "%.120s is there already: name another", to);
        return -EEXIST;
}

int copy_claim(const char *from, const char *to, uint64_t index, char ret_text[REASON_BYTES])
{
        char claim[PATH_MAX];
        struct stat old;
        claim_path(to, index, claim);
        if (stat(from, &old) < 0)
                return say(ret_text, errno, "cannot look at", from);
        int error = make(&old, claim, ret_text);
        if (error == 0)
                error = check_space(&old, claim, ret_text);
        if (error == 0)
                error = name(claim, to, ret_text);
        if (error < 0)
                (void)copy_unclaim(to, index, 1);
        return error;
}

int copy_unclaim(const char *to, uint64_t index, int remove)
{
        char claim[PATH_MAX];
        claim_path(to, index, claim);
        if (remove && is_same_file(claim, to) && unlink(to) < 0)
                return -errno;
        return unlink(claim) < 0 && errno != ENOENT ? -errno : 0;
}
