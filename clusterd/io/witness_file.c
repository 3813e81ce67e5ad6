/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/witness_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clusterd/base/scope.h"
#include "clusterd/io/host.h"
#include "clusterd/io/whole_file.h"

struct witness_bytes {
        _Alignas(WITNESS_COPY_BYTES) uint8_t all[WITNESS_BYTES];
};

/* Past every cache where the file system lets us; durable before a write returns in any case. */
static int file_open(const char *path)
{
        const int flags = O_RDWR | O_DSYNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
        int fd = open(path, flags | O_DIRECT);
        if (fd < 0 && errno == EINVAL)
                fd = open(path, flags);
        return fd >= 0 ? fd : errno == ELOOP ? -EBADMSG : whole_file_error();
}

/* The server keeps the lock, and takes it from a client of which it hears no more. */
static int file_lock(int fd)
{
        struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
        int error;
        do
                error = fcntl(fd, F_OFD_SETLKW, &lock) == 0 ? 0 : -errno;
        while (error == -EINTR);
        return error;
}

/* Waiting for the lock may take long: meanwhile it may have been removed, set anew, or mounted over. */
static int file_is_still_there(int fd, const char *path)
{
        struct stat opened, named;
        if (fstat(fd, &opened) != 0 || stat(path, &named) != 0)
                return whole_file_error();
        if (!S_ISREG(opened.st_mode))
                return -EBADMSG;
        return opened.st_ino == named.st_ino && opened.st_dev == named.st_dev ? 0 : -ESTALE;
}

static int file_read(int fd, struct witness_bytes *bytes)
{
        ssize_t got = pread(fd, bytes->all, WITNESS_BYTES, 0);
        if (got < 0)
                return whole_file_error();
        return got == WITNESS_BYTES ? 0 : -EBADMSG;
}

/* One copy behind the other: a crash, or a write that is cut short, leaves one of them whole. */
static int file_write(int fd, const struct witness_bytes *bytes)
{
        for (size_t i = 0; i < WITNESS_COPIES; i++) {
                off_t at = (off_t)(i * WITNESS_COPY_BYTES);
                ssize_t put = pwrite(fd, bytes->all + at, WITNESS_COPY_BYTES, at);
                if (put < 0)
                        return whole_file_error();
                if (put != WITNESS_COPY_BYTES)
                        return -EIO;
                if (fsync(fd) != 0)
                        return whole_file_error();
        }
        return 0;
}

static int content_error(enum witness_content content)
{
        switch (content) {
        case WITNESS_CONTENT_VALID:
                return 0;
        case WITNESS_CONTENT_FOREIGN:
                return -EPERM;
        case WITNESS_CONTENT_VERSION:
                return -EPROTO;
        case WITNESS_CONTENT_DAMAGED:
                break;
        }
        return -EBADMSG;
}

static bool tag_change(struct witness_tag *tag, const struct witness_question *question)
{
        switch (question->kind) {
        case WITNESS_PROMISE:
                return witness_tag_promise(tag, &question->state, question->epoch);
        case WITNESS_ADVANCE:
                return witness_tag_advance(tag, &question->state);
        case WITNESS_LOOK:
                break;
        }
        return true;
}

static int record_store(int fd, const struct witness_id *id, const struct witness_record *record)
{
        struct witness_bytes written, found;
        witness_record_encode(id, record, written.all);
        int error = file_write(fd, &written);
        if (error == 0)
                (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); /* where it is not read past the cache */
        if (error == 0)
                error = file_read(fd, &found);
        return error == 0 && memcmp(&written, &found, sizeof written) != 0 ? -EIO : error;
}

static int locked_ask(int fd, const struct witness_id *id, const struct witness_question *question,
                      struct witness_answer *answer)
{
        struct witness_bytes bytes;
        struct witness_record record;
        int error = file_read(fd, &bytes);
        if (error == 0)
                error = content_error(witness_record_decode(bytes.all, id, &record));
        if (error != 0)
                return error;
        answer->outcome = tag_change(&record.tag, question) ? WITNESS_DONE : WITNESS_REFUSED;
        answer->tag = record.tag;
        if (answer->outcome == WITNESS_REFUSED || question->kind == WITNESS_LOOK)
                return 0;
        record.sequence++;
        record.writer = question->node;
        return record_store(fd, id, &record);
}

static int try_ask(const char *path, const struct witness_id *id, const struct witness_question *question,
                   uint64_t expires_ms, struct witness_answer *answer)
{
        SCOPED_CLOSE int fd = file_open(path);
        if (fd < 0)
                return fd;
        int error = file_lock(fd);
        if (error == 0)
                error = file_is_still_there(fd, path);
        if (error == 0 && clock_boot_ms() > expires_ms)
                error = -ETIMEDOUT;
        return error == 0 ? locked_ask(fd, id, question, answer) : error;
}

void witness_file_ask(const char *path, const struct witness_id *id, const struct witness_question *question,
                      uint64_t expires_ms, struct witness_answer *ret_answer)
{
        struct witness_answer answer = { 0 };
        answer.error = try_ask(path, id, question, expires_ms, &answer);
        if (answer.error != 0) {
                answer.outcome = WITNESS_FAILED;
                memset(&answer.tag, 0, sizeof answer.tag);
        }
        *ret_answer = answer;
}

static int record_begin(const void *id, int fd)
{
        const struct witness_record record = { .sequence = 1 };
        struct witness_bytes bytes;
        witness_record_encode(id, &record, bytes.all);
        return file_write(fd, &bytes);
}

int witness_file_create(const char *path, const struct witness_id *id)
{
        return whole_file_create(path, record_begin, id);
}

int witness_file_remove(const char *path, const struct witness_id *id)
{
        struct witness_bytes bytes;
        struct witness_record record;
        SCOPED_CLOSE int fd = file_open(path);
        if (fd < 0)
                return fd;
        int error = file_lock(fd);
        if (error == 0)
                error = file_is_still_there(fd, path);
        if (error == 0)
                error = file_read(fd, &bytes);
        if (error == 0)
                error = content_error(witness_record_decode(bytes.all, id, &record));
        if (error == 0 && unlink(path) != 0)
                error = whole_file_error();
        return error;
}

const char *witness_file_explain(int error)
{
        switch (error) {
        case -ENOENT:
                return "there is no witness: is its share or volume mounted here?";
        case -EPERM:
                return "the witness is another cluster's, or was set anew";
        case -EPROTO:
                return "the witness is of another version";
        case -EBADMSG:
                return "what is there is no witness, or it is damaged";
        case -ESTALE:
                return "where it lies was mounted anew, or the witness replaced";
        case -ENOLCK:
        case -ENOSYS:
                return "the file system keeps no locks";
        case -EOPNOTSUPP:
                return "the file system has no hard links";
        case -ETIMEDOUT:
                return "the file system does not answer";
        case -EBUSY:
                return "the file system has not answered an earlier question";
        default:
                return strerror(-error);
        }
}
