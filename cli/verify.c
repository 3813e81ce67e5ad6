/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/verify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"

#ifndef CLU_SBINDIR
#define CLU_SBINDIR "/usr/sbin"
#endif

#define VERDICT_BYTES 65536

static void run_clusterd(int output, const char *path)
{
        const char *clusterd = getenv("CLU_CLUSTERD");
        (void)dup2(output, STDOUT_FILENO);
        (void)execl(clusterd == NULL ? CLU_SBINDIR "/clusterd" : clusterd, "clusterd", "--verify", path,
                    (char *)NULL);
        _exit(127);
}

static size_t read_verdict(int input, char *verdict)
{
        size_t count = 0;
        ssize_t got;
        do {
                got = read(input, verdict + count, VERDICT_BYTES - count);
                count += got > 0 ? (size_t)got : 0;
        } while (got > 0 || (got < 0 && errno == EINTR));
        return count;
}

static void fail(struct call_reply *reply, const char *what)
{
        char message[300];
        TEXT_PRINT(message, "clusterd --verify %s", what);
        *reply = (struct call_reply){
                .exit = VERB_EXIT_FAILED,
                .error = call_error(message, NULL, "clusterd must be installed where the file is checked")
        };
}

void verify_file(const char *path, struct call_reply *ret_reply)
{
        int ends[2], status = 0;
        SCOPED_FREE char *verdict = malloc(VERDICT_BYTES);

        if (verdict == NULL || pipe2(ends, O_CLOEXEC) < 0)
                return fail(ret_reply, strerror(errno));
        pid_t child = fork();
        if (child == 0)
                run_clusterd(ends[1], path);
        (void)close(ends[1]);
        size_t count = child > 0 ? read_verdict(ends[0], verdict) : 0;
        (void)close(ends[0]);
        if (child < 0)
                return fail(ret_reply, strerror(errno));
        while (waitpid(child, &status, 0) < 0 && errno == EINTR)
                ;
        if (count == 0)
                return fail(ret_reply, WIFEXITED(status) && WEXITSTATUS(status) == 127 ? "cannot be run"
                                                                                       : "said nothing");
        call_reply_read(verdict, count, ret_reply);
}
