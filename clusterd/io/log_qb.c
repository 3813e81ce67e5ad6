/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/log.h"

#include <limits.h>
#include <signal.h>
#include <string.h>

#include "clusterd/base/text.h"

/* About the last 10,000 messages. */
#define BLACKBOX_BYTES (1024 * 1024)

/* Set before the handlers are; read by them. The one file-scope state of the log's set-up. */
static char blackbox_path[PATH_MAX];

/* Sources inside libqb and corosync's libraries: their everyday notes are not news of the cluster. */
static const char *const library_files[] = {
        "ipcs.c",       "ipcc.c",       "ipc_setup.c", "ipc_shm.c",
        "ipc_socket.c", "ringbuffer.c", "loop_poll.c", "unix.c",
};

static void target_open(int32_t target, int level, const char *format)
{
        qb_log_filter_ctl(target, QB_LOG_FILTER_ADD, QB_LOG_FILTER_FILE, "*", (uint8_t)level);
        if (level < LOG_DEBUG)
                for (size_t i = 0; i < sizeof(library_files) / sizeof(library_files[0]); i++)
                        qb_log_filter_ctl2(target, QB_LOG_FILTER_REMOVE, QB_LOG_FILTER_FILE, library_files[i],
                                           LOG_NOTICE, LOG_TRACE);
        qb_log_format_set(target, format);
        qb_log_ctl(target, QB_LOG_CONF_EXTENDED, QB_TRUE);
        qb_log_ctl(target, QB_LOG_CONF_ENABLED, QB_TRUE);
}

/*
 * In a signal handler: opens, writes memory that is already there, closes.
 * libqb and corosync do the same; a torn record is better than none.
 */
static void on_dump(int signal_number)
{
        (void)signal_number;
        (void)qb_log_blackbox_write_to_file(blackbox_path);
}

static void on_fatal(int signal_number)
{
        (void)signal(signal_number, SIG_DFL);
        (void)qb_log_blackbox_write_to_file(blackbox_path);
        (void)raise(signal_number);
}

static void blackbox_open(const char *directory)
{
        static const int fatal[] = { SIGSEGV, SIGBUS, SIGABRT, SIGILL, SIGFPE };
        TEXT_PRINT(blackbox_path, "%s/blackbox", directory);
        qb_log_filter_ctl(QB_LOG_BLACKBOX, QB_LOG_FILTER_ADD, QB_LOG_FILTER_FILE, "*", LOG_DEBUG);
        qb_log_ctl(QB_LOG_BLACKBOX, QB_LOG_CONF_SIZE, BLACKBOX_BYTES);
        if (qb_log_ctl(QB_LOG_BLACKBOX, QB_LOG_CONF_ENABLED, QB_TRUE) != 0) {
                log_warning("no blackbox: its memory cannot be had" QB_XS " directory=%s", directory);
                return;
        }
        struct sigaction dump = { .sa_handler = on_dump, .sa_flags = SA_RESTART };
        sigaction(SIGUSR2, &dump, NULL);
        struct sigaction die = { .sa_handler = on_fatal, .sa_flags = (int)SA_RESETHAND };
        for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
                sigaction(fatal[i], &die, NULL);
}

void log_open(const char *name, bool foreground, int level, const char *blackbox_directory)
{
        qb_log_init(name, LOG_DAEMON, LOG_EMERG);
        qb_log_ctl(QB_LOG_SYSLOG, QB_LOG_CONF_ENABLED, QB_FALSE);
        if (foreground)
                target_open(QB_LOG_STDERR, level, "%T %7p %b");
        else
                target_open(QB_LOG_SYSLOG, level, "%b");
        if (blackbox_directory != NULL)
                blackbox_open(blackbox_directory);
}

void log_close(void)
{
        if (blackbox_path[0] != '\0')
                (void)signal(SIGUSR2, SIG_IGN);
        qb_log_fini();
}
