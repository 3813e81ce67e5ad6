/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/held_process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "clusterd/io/process_start.h"

#define START_MS  5000
#define END_MS    3000
#define LOOK_MS   10
#define WORDS_MAX 32

/* The shell becomes the program: its id is the one that it writes, and the lock goes along. It takes no lock
 * whose file has gone: then it was given up before it came so far, and nobody would find it. */
#define HOLD                                                                                                 \
        "exec 9<\"$0\" && flock -w 5 9 && [ \"$0\" -ef /proc/self/fd/9 ] && echo $$ >\"$0\" && "             \
        "exec \"$@\" </dev/null >\"$0.log\" 2>&1"

/* ret_fd: the lock's file, to be closed; -1: there is none. */
static bool is_held(const char *lock, int *ret_fd)
{
        *ret_fd = open(lock, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        if (*ret_fd < 0)
                return false;
        if (flock(*ret_fd, LOCK_SH | LOCK_NB) < 0)
                return true;
        (void)flock(*ret_fd, LOCK_UN);
        return false;
}

bool held_process_is_there(const char *lock)
{
        SCOPED_CLOSE int fd = -1;
        return is_held(lock, &fd);
}

/* 0: it does not say yet. */
static pid_t read_pid(int fd)
{
        char text[32] = "";
        ssize_t count = pread(fd, text, sizeof text - 1, 0);
        return count <= 0 || text[count - 1] != '\n' ? 0 : (pid_t)strtol(text, NULL, 10);
}

/* Who holds the lock is who has written its id there: it cannot be that of another. */
static void kill_holder(const char *lock, int fd)
{
        pid_t pid = read_pid(fd);
        SCOPED_CLOSE int pidfd = pid <= 1 ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
        if (pidfd >= 0 && held_process_is_there(lock) && read_pid(fd) == pid)
                (void)syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0);
}

static int kill_until(const char *lock, bool (*is_over)(const char *lock, int fd))
{
        for (int waited_ms = 0; waited_ms <= END_MS; waited_ms += LOOK_MS) {
                SCOPED_CLOSE int fd = -1;
                if (!is_held(lock, &fd) && (fd < 0 || is_over(lock, fd)))
                        return 0;
                kill_holder(lock, fd);
                (void)poll(NULL, 0, LOOK_MS);
        }
        return -ETIMEDOUT;
}

static bool is_free(const char *lock, int fd)
{
        (void)lock;
        (void)fd;
        return true;
}

int held_process_kill(const char *lock)
{
        return kill_until(lock, is_free);
}

/* While we hold it, so that nobody takes it in between. */
static bool unlink_lock(const char *lock, int fd)
{
        return flock(fd, LOCK_EX | LOCK_NB) == 0 && unlink(lock) == 0;
}

int held_process_end(const char *lock)
{
        return kill_until(lock, unlink_lock);
}

static bool has_ended(const char *lock)
{
        SCOPED_CLOSE int fd = -1;
        return !is_held(lock, &fd) && fd >= 0 && read_pid(fd) > 0;
}

static bool await_ready(const char *lock, const char *ready)
{
        bool is_over = false;
        for (int waited_ms = 0; waited_ms <= START_MS; waited_ms += LOOK_MS) {
                if (access(ready, F_OK) == 0)
                        return held_process_is_there(lock);
                if (is_over)
                        return false;
                is_over = has_ended(lock); /* looked at once more: it may have been quick */
                (void)poll(NULL, 0, LOOK_MS);
        }
        return false;
}

static void explain(const char *lock, const char *program, char ret_error[REASON_BYTES])
{
        char path[256], text[1024] = "";
        TEXT_PRINT(path, "%s.log", lock);
        SCOPED_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t count = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
        while (count > 0 && text[count - 1] == '\n')
                text[--count] = '\0';
        const char *line = strrchr(text, '\n');
        if (count <= 0)
                (void)snprintf(ret_error, REASON_BYTES, "%s did not start", program);
        else
                (void)snprintf(ret_error, REASON_BYTES, "%.159s", line == NULL ? text : line + 1);
}

static int create(const char *lock)
{
        SCOPED_CLOSE int fd = open(lock, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        return fd < 0 ? -errno : 0;
}

/* setsid leaves it behind, and ends. */
static int leave_behind(const char *lock, const char *const *argv)
{
        const char *words[WORDS_MAX + 7] = { "setsid", "--fork", "sh", "-c", HOLD, lock };
        SCOPED_FREE char *directories = process_path_text();
        SCOPED_FREE char *search = NULL;
        if (asprintf(&search, "PATH=%s", directories) < 0)
                abort();
        const char *const environment[] = { search, NULL };
        size_t count = 0;
        for (; argv[count] != NULL; count++) {
                assert(count < WORDS_MAX);
                words[6 + count] = argv[count];
        }
        struct process_start start;
        SCOPED_FREE char *path = NULL;
        int error = process_path_find(words[0], &path);
        if (error == 0)
                error = process_start(path, words, environment, NULL, &start);
        if (error < 0)
                return error;
        siginfo_t exit = { 0 };
        (void)waitid(P_PIDFD, (id_t)start.pidfd, &exit, WEXITED);
        (void)close(start.pidfd);
        (void)close(start.output_fd);
        (void)close(start.status_fd);
        return 0;
}

int held_process_start(const char *lock, const char *const *argv, const char *ready,
                       char ret_error[REASON_BYTES])
{
        (void)unlink(ready);
        int error = held_process_end(lock);
        if (error == 0)
                error = create(lock);
        if (error == 0)
                error = leave_behind(lock, argv);
        if (error < 0) {
                (void)snprintf(ret_error, REASON_BYTES, "%s: %s", argv[0],
                               error == -ETIMEDOUT ? "its last process does not end"
                                                   : strerrordesc_np(-error));
                return -1;
        }
        if (await_ready(lock, ready))
                return 0;
        (void)held_process_end(lock);
        explain(lock, argv[0], ret_error);
        return -1;
}
