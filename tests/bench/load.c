/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Load for a real cluster, run inside one of its nodes: many clients that each
 * change a role of their own as fast as they are answered, and what each
 * change took. One JSON document on standard output.
 */

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cli/ipc_client.h"
#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"

#define SERVICE       "clusterd"
#define TIMEOUT_MS    30000
#define CLIENTS_MAX   256
#define CALLS_MAX     200000 /* of one client */
#define REQUEST_BYTES 4096

struct arguments {
        uint32_t clients;
        uint32_t seconds;
        uint32_t add; /* first registers so many roles, and does nothing else */
};

/* Shared with the clients, which are processes. */
struct client {
        uint32_t calls;
        uint32_t errors;
        double worked_s;
        uint32_t took_us[CALLS_MAX];
};

static double now_s(void)
{
        struct timespec now;
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* True when the daemon says that it is done. */
static bool ask(struct ipc_connection *connection, const char *request)
{
        SCOPED_FREE char *reply = NULL;
        size_t bytes = 0;
        if (ipc_ask(connection, request, strlen(request), TIMEOUT_MS, &reply, &bytes) < 0)
                return false;
        if (strstr(reply, "\"exit\":0") != NULL)
                return true;
        (void)fprintf(stderr, "%.300s\n", reply);
        return false;
}

static void request_add(uint32_t number, char *request)
{
        (void)snprintf(
                request, REQUEST_BYTES,
                "{\"verb\":\"role.add\",\"plan\":false,\"arguments\":{\"name\":\"bench%05u\",\"stopped\":"
                "true,"
                "\"definition\":\"<domain type='qemu'><name>bench%05u</name><memory unit='MiB'>128</memory>"
                "<vcpu>1</vcpu><os><type arch='x86_64'>hvm</type></os></domain>\"}}",
                number, number);
}

static void request_change(uint32_t number, uint32_t count, char *request)
{
        (void)snprintf(request, REQUEST_BYTES,
                       "{\"verb\":\"role.set\",\"plan\":false,\"arguments\":{\"name\":\"bench%05u\",\"note\":"
                       "\"%u\"}}",
                       number, count);
}

static void add_roles(struct client *client, struct ipc_connection *connection, uint32_t first, uint32_t step,
                      uint32_t end)
{
        char request[REQUEST_BYTES];
        for (uint32_t number = first; number < end; number += step) {
                request_add(number, request);
                client->calls++;
                client->errors += !ask(connection, request);
        }
}

static void change_role(struct client *client, struct ipc_connection *connection, uint32_t number,
                        uint32_t seconds)
{
        char request[REQUEST_BYTES];
        double end_s = now_s() + seconds;
        for (double begun_s = now_s(); begun_s < end_s && client->calls < CALLS_MAX; begun_s = now_s()) {
                request_change(number, client->calls, request);
                client->errors += !ask(connection, request);
                client->took_us[client->calls++] = (uint32_t)((now_s() - begun_s) * 1e6);
        }
}

static void client_run(struct client *client, uint32_t number, const struct arguments *arguments)
{
        struct ipc_connection *connection = NULL;
        if (ipc_open(SERVICE, TIMEOUT_MS, &connection) < 0) {
                client->errors++;
                return;
        }
        double begun_s = now_s();
        if (arguments->add > 0)
                add_roles(client, connection, number, arguments->clients, arguments->add);
        else
                change_role(client, connection, number, arguments->seconds);
        client->worked_s = now_s() - begun_s;
        ipc_close(connection);
}

static int compare(const void *a, const void *b)
{
        uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
        return x < y ? -1 : x > y;
}

static void print_result(const struct client *clients, const struct arguments *arguments)
{
        uint32_t calls = 0, errors = 0, timed = 0;
        double longest_s = 0;
        for (uint32_t i = 0; i < arguments->clients; i++) {
                calls += clients[i].calls;
                errors += clients[i].errors;
                if (clients[i].worked_s > longest_s)
                        longest_s = clients[i].worked_s;
        }
        SCOPED_FREE uint32_t *all = calloc(calls + 1u, sizeof *all);
        if (all == NULL)
                return;
        for (uint32_t i = 0; arguments->add == 0 && i < arguments->clients; i++) {
                memcpy(all + timed, clients[i].took_us, clients[i].calls * sizeof *all);
                timed += clients[i].calls;
        }
        qsort(all, timed, sizeof *all, compare);
        (void)printf("{\"calls\":%u,\"errors\":%u,\"seconds\":%.3f,\"per_second\":%.1f,\"p50_us\":%u,\"p99_"
                     "us\":%u,"
                     "\"most_us\":%u}\n",
                     calls, errors, longest_s, longest_s > 0 ? calls / longest_s : 0, all[timed / 2],
                     all[timed * 99ull / 100], timed > 0 ? all[timed - 1] : 0);
}

static int run(struct client *clients, const struct arguments *arguments)
{
        int failures = 0;
        for (uint32_t i = 0; i < arguments->clients; i++) {
                pid_t child = fork();
                if (child < 0)
                        return -errno;
                if (child == 0) {
                        client_run(&clients[i], i, arguments);
                        _exit(0);
                }
        }
        for (uint32_t i = 0; i < arguments->clients; i++) {
                int status = 0;
                if (wait(&status) < 0 || status != 0)
                        failures++;
        }
        return failures == 0 ? 0 : -ECHILD;
}

static bool arguments_parse(int argc, char **argv, struct arguments *ret_arguments)
{
        static const struct option options[] = {
                { "clients", required_argument, NULL, 'c' },
                { "seconds", required_argument, NULL, 's' },
                { "add", required_argument, NULL, 'a' },
                { NULL, 0, NULL, 0 },
        };
        int option;
        while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
                uint32_t number = option == '?' ? 0 : (uint32_t)strtoul(optarg, NULL, 10);
                if (number == 0)
                        return false;
                if (option == 'c')
                        ret_arguments->clients = number;
                else if (option == 's')
                        ret_arguments->seconds = number;
                else
                        ret_arguments->add = number;
        }
        return ret_arguments->clients <= CLIENTS_MAX;
}

int main(int argc, char **argv)
{
        struct arguments arguments = { .clients = 1, .seconds = 5 };
        if (!arguments_parse(argc, argv, &arguments)) {
                (void)fprintf(stderr,
                              "usage: load [--clients N] [--seconds N] | --add ROLES [--clients N]\n");
                return 2;
        }
        struct client *clients = mmap(NULL, arguments.clients * sizeof *clients, PROT_READ | PROT_WRITE,
                                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (clients == MAP_FAILED) {
                perror("mmap");
                return 1;
        }
        int error = run(clients, &arguments);
        print_result(clients, &arguments);
        return error == 0 ? 0 : 1;
}
