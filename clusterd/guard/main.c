/* SPDX-License-Identifier: GPL-2.0-or-later */

/* clu-guard: owns the watchdog, so that clusterd may be restarted or killed at any time. README.md says why.
 */

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "clusterd/guard/guard_protocol.h"
#include "clusterd/guard/keeper.h"
#include "clusterd/io/log.h"

struct arguments {
        bool foreground;
        struct keeper_options keeper;
};

static void usage(FILE *stream)
{
        fputs("Usage: clu-guard [--foreground] [--run-dir DIR] [--watchdog DEVICE] [--group NAME]\n"
              "\n"
              "Keeps the host's watchdog quiet while this node is in contact with its cluster.\n"
              "\n"
              "  --foreground       log to standard error\n"
              "  --run-dir DIR      socket and report (default: /run/clu)\n"
              "  --watchdog DEVICE  default: /dev/watchdog; none: do without\n"
              "  --group NAME       CPG group (default: " GUARD_GROUP ")\n",
              stream);
}

static struct arguments arguments_parse(int argc, char **argv)
{
        static const struct option options[] = {
                { "foreground", no_argument, NULL, 'f' },     { "run-dir", required_argument, NULL, 'r' },
                { "watchdog", required_argument, NULL, 'w' }, { "group", required_argument, NULL, 'g' },
                { "help", no_argument, NULL, 'h' },           { NULL, 0, NULL, 0 },
        };
        struct arguments arguments = {
                .keeper = { .run_dir = "/run/clu", .watchdog_path = "/dev/watchdog", .group = GUARD_GROUP }
        };
        for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;)
                switch (option) {
                case 'f':
                        arguments.foreground = true;
                        break;
                case 'r':
                        arguments.keeper.run_dir = optarg;
                        break;
                case 'w':
                        arguments.keeper.watchdog_path = strcmp(optarg, "none") == 0 ? NULL : optarg;
                        break;
                case 'g':
                        arguments.keeper.group = optarg;
                        break;
                case 'h':
                        usage(stdout);
                        exit(EXIT_SUCCESS);
                default:
                        usage(stderr);
                        exit(2);
                }
        if (optind < argc || arguments.keeper.group[0] == '\0') {
                usage(stderr);
                exit(2);
        }
        return arguments;
}

/* A late pet resets the host: nothing may be swapped out, and nothing may run before us. Best effort. */
static void become_punctual(void)
{
        struct sched_param parameters = { .sched_priority = sched_get_priority_min(SCHED_RR) };
        if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
                log_warning("memory is not locked: %s", strerror(errno));
        if (sched_setscheduler(0, SCHED_RR, &parameters) != 0)
                log_warning("no real-time priority: %s", strerror(errno));
}

static int32_t on_terminate(int32_t signal_number, void *data)
{
        (void)signal_number;
        qb_loop_stop(data);
        return 0;
}

int main(int argc, char **argv)
{
        struct arguments arguments = arguments_parse(argc, argv);
        log_open("clu-guard", arguments.foreground, LOG_INFO, NULL);
        (void)signal(SIGPIPE, SIG_IGN);
        become_punctual();
        if (mkdir(arguments.keeper.run_dir, 0755) != 0 && errno != EEXIST)
                log_warning("run directory cannot be made: %s", strerror(errno));

        qb_loop_t *loop = qb_loop_create();
        struct keeper *keeper = NULL;
        int error = keeper_new(loop, &arguments.keeper, &keeper);
        if (error == 0) {
                qb_loop_signal_add(loop, QB_LOOP_HIGH, SIGTERM, loop, on_terminate, NULL);
                qb_loop_signal_add(loop, QB_LOOP_HIGH, SIGINT, loop, on_terminate, NULL);
                qb_loop_run(loop);
                keeper_free(keeper);
        } else {
                log_error("run directory cannot be used: %s" QB_XS " run_dir=%s", strerror(-error),
                          arguments.keeper.run_dir);
        }
        qb_loop_destroy(loop);
        log_close();
        return error == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
