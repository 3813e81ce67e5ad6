/* SPDX-License-Identifier: GPL-2.0-or-later */

/* clusterd: reads its arguments, then becomes the daemon, or does one errand. */

#include <config.h>

#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "clusterd/daemon.h"
#include "clusterd/io/log.h"
#include "clusterd/io/membership.h"
#include "clusterd/io/request.h"
#include "clusterd/io/store.h"

enum { EXIT_USAGE = 2 };

/* Buffers of connections (a megabyte each) and replies go back to the system with their last use. By itself
 * malloc begins to keep such blocks as soon as one of them has been freed. */
#define MMAP_THRESHOLD (256 * 1024)
#define TRIM_THRESHOLD (1024 * 1024)
#define ARENAS_MAX     2

static void keep_memory_small(void)
{
        (void)mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD);
        (void)mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD);
        (void)mallopt(M_ARENA_MAX, ARENAS_MAX);
}

static const char usage[] =
        "usage: clusterd [--foreground] [OPTIONS]   run the daemon\n"
        "       clusterd --create [OPTIONS]         make the ledger of a new cluster on this node:\n"
        "                                           its voters are the nodes in corosync's nodelist\n"
        "       clusterd --verify FILE              check a ledger file\n"
        "\n"
        "  --state-dir DIR          the ledger lies here (/var/lib/clu)\n"
        "  --run-dir DIR            shared with clu-guard (/run/clu)\n"
        "  --migration-address IP   where guests are received (the cluster address)\n"
        "  --hypervisor-uri URI     libvirt on this node (qemu:///system)\n"
        "  --peer-uri URI           libvirt on another node, %s is its address (qemu+tls://%s/system)\n"
        "  --ocf-root DIR           OCF resource agents (/usr/lib/ocf)\n"
        "  --helpers DIR            gateways to iSCSI targets (" CLU_HELPERS ")\n"
        "  --verbose                log more\n"
        "  --version, --help\n";

struct arguments {
        struct daemon_options daemon;
        bool foreground;
        bool verbose;
        bool create;
        const char *verify;
};

enum option_id {
        OPTION_STATE_DIR = 256,
        OPTION_RUN_DIR,
        OPTION_MIGRATION_ADDRESS,
        OPTION_HYPERVISOR_URI,
        OPTION_PEER_URI,
        OPTION_OCF_ROOT,
        OPTION_HELPERS,
        OPTION_FOREGROUND,
        OPTION_VERBOSE,
        OPTION_CREATE,
        OPTION_VERIFY,
        OPTION_VERSION,
        OPTION_HELP
};

static const struct option long_options[] = {
        { "state-dir", required_argument, NULL, OPTION_STATE_DIR },
        { "run-dir", required_argument, NULL, OPTION_RUN_DIR },
        { "migration-address", required_argument, NULL, OPTION_MIGRATION_ADDRESS },
        { "hypervisor-uri", required_argument, NULL, OPTION_HYPERVISOR_URI },
        { "peer-uri", required_argument, NULL, OPTION_PEER_URI },
        { "ocf-root", required_argument, NULL, OPTION_OCF_ROOT },
        { "helpers", required_argument, NULL, OPTION_HELPERS },
        { "foreground", no_argument, NULL, OPTION_FOREGROUND },
        { "verbose", no_argument, NULL, OPTION_VERBOSE },
        { "create", no_argument, NULL, OPTION_CREATE },
        { "verify", required_argument, NULL, OPTION_VERIFY },
        { "version", no_argument, NULL, OPTION_VERSION },
        { "help", no_argument, NULL, OPTION_HELP },
        { NULL, 0, NULL, 0 },
};

static void take_option(struct arguments *arguments, int id)
{
        switch (id) {
        case OPTION_STATE_DIR:
                arguments->daemon.state_dir = optarg;
                break;
        case OPTION_RUN_DIR:
                arguments->daemon.run_dir = optarg;
                break;
        case OPTION_MIGRATION_ADDRESS:
                arguments->daemon.migration_address = optarg;
                break;
        case OPTION_HYPERVISOR_URI:
                arguments->daemon.hypervisor_uri = optarg;
                break;
        case OPTION_PEER_URI:
                arguments->daemon.peer_uri = optarg;
                break;
        case OPTION_OCF_ROOT:
                arguments->daemon.ocf_root = optarg;
                break;
        case OPTION_HELPERS:
                arguments->daemon.helpers = optarg;
                break;
        case OPTION_FOREGROUND:
                arguments->foreground = true;
                break;
        case OPTION_VERBOSE:
                arguments->verbose = true;
                break;
        case OPTION_CREATE:
                arguments->create = true;
                break;
        case OPTION_VERIFY:
                arguments->verify = optarg;
                break;
        case OPTION_VERSION:
                (void)puts(PACKAGE_STRING);
                exit(EXIT_SUCCESS);
        case OPTION_HELP:
                (void)fputs(usage, stdout);
                exit(EXIT_SUCCESS);
        default:
                (void)fputs(usage, stderr);
                exit(EXIT_USAGE);
        }
}

#define ROUND_MS 2000 /* behind a view, until the group is primary again */

/* While views form nobody is in contact, and a node that boots into one sets off the next: a guard that
 * lapses by then stops guests of healthy nodes. */
static void hold_by_views(struct settings *settings, uint32_t view_ms)
{
        uint32_t least_ms = 2 * view_ms + ROUND_MS;
        if (settings->isolation_hold_ms >= least_ms)
                return;
        settings->isolation_hold_ms = least_ms;
        (void)printf("isolation-hold is %u ms: corosync takes up to %u ms to form a view\n", least_ms,
                     view_ms);
}

static int create_ledger(const struct arguments *arguments)
{
        struct membership_config config;
        struct settings settings = settings_default;
        char error[STORE_ERROR_BYTES];
        SCOPED_FREE char *path = daemon_ledger_path(arguments->daemon.state_dir);

        if (membership_read_config(&config, error, sizeof error) < 0) {
                (void)fprintf(stderr, "clusterd: corosync's nodelist cannot be read: %s\n", error);
                return EXIT_FAILURE;
        }
        TEXT_COPY(settings.cluster_name, config.cluster_name);
        hold_by_views(&settings, config.view_ms);
        for (size_t i = 0; i < config.count; i++)
                settings.voters |= node_set_of(config.nodes[i].id);
        if (store_create(path, &settings, error) < 0) {
                (void)fprintf(stderr, "clusterd: %s: %s\n", path, error);
                return EXIT_FAILURE;
        }
        (void)printf("%s made for cluster '%s' with %u voters\n", path, settings.cluster_name,
                     node_set_count(settings.voters));
        return EXIT_SUCCESS;
}

static int verify_ledger(const char *path)
{
        int status = EXIT_FAILURE;
        SCOPED_FREE char *document = request_verify_file(path, &status);
        (void)puts(document);
        return status;
}

static int run(const struct arguments *arguments)
{
        if (!arguments->foreground && daemon(0, 0) < 0) {
                perror("clusterd");
                return EXIT_FAILURE;
        }
        log_open("clusterd", arguments->foreground, arguments->verbose ? LOG_DEBUG : LOG_INFO,
                 arguments->daemon.state_dir);
        keep_memory_small();
        int error = daemon_run(&arguments->daemon);
        log_close();
        return error < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
        struct arguments arguments = {
                .daemon = {
                        .program = argv[0],
                        .state_dir = "/var/lib/clu",
                        .run_dir = "/run/clu",
                        .hypervisor_uri = "qemu:///system",
                        .peer_uri = "qemu+tls://%s/system",
                        .ocf_root = "/usr/lib/ocf",
                        .helpers = CLU_HELPERS,
                },
        };
        int id;
        while ((id = getopt_long(argc, argv, "", long_options, NULL)) != -1)
                take_option(&arguments, id);
        if (optind < argc) {
                (void)fprintf(stderr, "clusterd: '%s' is not understood\n%s", argv[optind], usage);
                return EXIT_USAGE;
        }
        if (arguments.verify != NULL)
                return verify_ledger(arguments.verify);
        return arguments.create ? create_ledger(&arguments) : run(&arguments);
}
