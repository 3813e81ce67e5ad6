/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_CLUSTERD_IO_LOG_H
#define CLU_CLUSTERD_IO_LOG_H

/*
 * The daemon's log, by libqb: syslog or standard error, and a blackbox.
 *
 * A message says what happened to what, in words, then QB_XS, then key=value:
 *   log_notice("role started" QB_XS " role=%s node=%s", ...);
 * Log once, at the edge, where the context is.
 */

#include <qb/qblog.h>
#include <stdbool.h>

#define log_error(...)   qb_log(LOG_ERR, __VA_ARGS__)
#define log_warning(...) qb_log(LOG_WARNING, __VA_ARGS__)
#define log_notice(...)  qb_log(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)    qb_log(LOG_INFO, __VA_ARGS__)
#define log_debug(...)   qb_log(LOG_DEBUG, __VA_ARGS__)

/* NULL blackbox_directory: no blackbox. foreground: standard error with time stamps; else syslog. The
 * blackbox is written to DIRECTORY/blackbox on SIGUSR2 and on a fatal signal (read it with qb-blackbox). */
void log_open(const char *name, bool foreground, int level, const char *blackbox_directory);
void log_close(void);

#endif
