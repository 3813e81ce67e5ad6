/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_WITNESS_FILE_H
#define CLU_CLUSTERD_IO_WITNESS_FILE_H

/*
 * A witness's tag in a file on a share: read and changed under a lock that the
 * server keeps, opened anew each time, durable and read back before it counts.
 * All of it may block for as long as the share likes, so it belongs into a worker.
 */

#include "quorum/witness_record.h"

#define WITNESS_FILE_NAME ".clu-witness" /* in the directory that is mounted there */

struct witness_answer {
        enum witness_outcome outcome;
        int error;              /* WITNESS_FAILED: negative errno */
        struct witness_tag tag; /* unless failed: as it is now */
};

/* 0: it stands there now, and has promised nothing. -EEXIST: there is something already; it stays. */
int witness_file_create(const char *path, const struct witness_id *id);
/* 0: it is gone. What is not this witness stays: -EPERM. */
int witness_file_remove(const char *path, const struct witness_id *id);

/*
 * One question. Nothing is begun behind expires_ms (CLOCK_BOOTTIME; -ETIMEDOUT), for by then nobody waits. Of
 * the errors: -ENOENT: the share is not mounted; -EPERM: another witness; -EPROTO: of another version;
 * -EBADMSG: damaged; -ESTALE: what was opened is not what is there; -EIO: not what was written comes back.
 */
void witness_file_ask(const char *path, const struct witness_id *id, const struct witness_question *question,
                      uint64_t expires_ms, struct witness_answer *ret_answer);

/* What an error means for a witness, for people. */
const char *witness_file_explain(int error);

#endif
