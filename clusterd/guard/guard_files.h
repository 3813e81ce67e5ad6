/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_GUARD_GUARD_FILES_H
#define CLU_CLUSTERD_GUARD_GUARD_FILES_H

/* The keeper's socket and report in the run directory. */

#include "clusterd/guard/guard_protocol.h"

/* A bound datagram socket, for root only; or negative errno. */
int guard_socket_open(const char *run_dir);
/* Atomic. 0 or negative errno. */
int guard_report_write(const char *run_dir, const struct guard_report *report);
/* -ENOENT: no keeper has run since the host started; -EBADMSG; -errno. */
int guard_report_read(const char *run_dir, struct guard_report *ret_report);

#endif
