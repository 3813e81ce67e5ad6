/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Gives a node a qnetd as its witness, without a cluster around it, and prints
 * what it hears of its vote, a JSON document a line:
 *
 *     qnetd_probe NODE_ID ADDRESS    until standard input ends
 *     qnetd_probe --remove           ends it
 *
 * A line `arm` on standard input stands for an active epoch in which nodes 1 and 2 are level. `counts` then
 * says whether the vote would count for one of them without the other.
 */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clusterd/base/text.h"
#include "clusterd/io/log.h"
#include "clusterd/io/qnetd_device.h"
#include "quorum/qnetd_claim.h"

#define EPOCH 1
#define BOTH  3

struct probe {
        qb_loop_t *loop;
        node_set other;
        struct qnetd_claim claim;
        struct qnetd_sight sight;
        bool granted;
};

static const char *yes_or_no(bool value)
{
        return value ? "true" : "false";
}

static void print(const struct probe *probe)
{
        const char *state = probe->claim.armed.connection != 0     ? "armed"
                            : probe->claim.asked.connection != 0   ? "asked"
                            : probe->claim.granted.connection != 0 ? "granted"
                                                                   : "none";
        printf("{\"error\": %d, \"connected\": %s, \"encrypted\": %s, \"stands\": %s, \"voted\": %s, "
               "\"ring\": %llu, \"granted\": %s, \"claim\": \"%s\", \"counts\": %s}\n",
               probe->sight.error, yes_or_no(probe->sight.connected), yes_or_no(probe->sight.encrypted),
               yes_or_no(probe->sight.connection != 0), yes_or_no(probe->sight.voted),
               (unsigned long long)probe->claim.ring, yes_or_no(probe->granted), state,
               yes_or_no(qnetd_claim_counts(&probe->claim, EPOCH, probe->other, probe->other)));
        (void)fflush(stdout);
}

static void on_ring(void *context, uint64_t ring, node_set members)
{
        struct probe *probe = context;
        probe->granted = false;
        qnetd_claim_ring(&probe->claim, ring, members);
        print(probe);
}

static void on_answer(void *context, bool granted, uint64_t connection)
{
        struct probe *probe = context;
        probe->granted = granted;
        qnetd_claim_answer(&probe->claim, granted, connection);
        print(probe);
}

static void on_sight(void *context, const struct qnetd_sight *sight)
{
        struct probe *probe = context;
        probe->sight = *sight;
        qnetd_claim_connection(&probe->claim, sight->connection);
        print(probe);
}

static int32_t on_input(int32_t fd, int32_t events, void *context)
{
        struct probe *probe = context;
        char line[64];
        (void)events;
        if (read(fd, line, sizeof line) <= 0) {
                qb_loop_stop(probe->loop);
                return 0;
        }
        qnetd_claim_arm(&probe->claim, probe->claim.ring, probe->sight.connection, EPOCH, BOTH);
        print(probe);
        return 0;
}

static int watch(uint32_t node, const char *host)
{
        struct mailbox *mailbox = NULL;
        struct process_runner *runner = NULL;
        struct qnetd_device *device = NULL;
        struct probe probe = { .loop = qb_loop_create(), .other = BOTH & ~node_set_of(node) };
        struct qnetd_listener listener = {
                .context = &probe, .on_ring = on_ring, .on_answer = on_answer, .on_sight = on_sight
        };
        struct qdevice_config config = qdevice_config_default;
        TEXT_COPY(config.host, host);
        if (mailbox_new(probe.loop, &mailbox) < 0 || process_runner_new(probe.loop, &runner) < 0 ||
            qnetd_device_new(probe.loop, mailbox, runner, node, &config, &listener, &device) < 0)
                return EXIT_FAILURE;
        qb_loop_poll_add(probe.loop, QB_LOOP_MED, STDIN_FILENO, POLLIN | POLLHUP, &probe, on_input);
        qb_loop_run(probe.loop);
        qnetd_device_free(device);
        process_runner_free(runner);
        return EXIT_SUCCESS; /* threads may still post: the mailbox stays */
}

int main(int argc, char **argv)
{
        log_open("qnetd-probe", true, LOG_INFO, "/tmp");
        if (argc == 2 && text_equal(argv[1], "--remove"))
                return qnetd_device_remove() == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
        if (argc != 3)
                return 2;
        return watch((uint32_t)strtoul(argv[1], NULL, 10), argv[2]);
}
