/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_DAEMON_H
#define CLU_CLUSTERD_DAEMON_H

/*
 * The shell around the core: brings every event to cluster_step() and carries
 * out what comes of it. One loop thread; nothing is decided here.
 */

#include "clusterd/base/limits.h"

struct daemon_options {
        const char *program;           /* path of clusterd, to verify its ledger in a process of its own */
        const char *state_dir;         /* ledger */
        const char *run_dir;           /* guard keeper, memory of OCF roles */
        const char *migration_address; /* NULL: the cluster address */
        const char *hypervisor_uri;
        const char *peer_uri; /* %s: the target's address */
        const char *ocf_root;
        const char *helpers; /* programs of ours that it runs */
};

/* Runs until SIGTERM. 0, or negative errno after the cause was logged. */
int daemon_run(const struct daemon_options *options);

/* DIRECTORY/ledger.db; given, free(). */
char *daemon_ledger_path(const char *state_dir);

#endif
