/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/qdevice_status.h"
#include "clusterd/io/qnetd_place.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clusterd/base/text.h"
#include "tests/unit/suite_run.h"

/* As corosync-qdevice 3.0.3 says it, shortened. */
#define BEGIN                                                                                                \
        "Qdevice information\n-------------------\nModel:\t\t\tNet\nNode ID:\t\t1\n"                         \
        "Membership node list:\t1, 2\nLast poll call:\t\t2026-11-22T15:28:48 (cast vote)\n\n"                \
        "Qdevice-net information\n----------------------\nCluster name:\t\tlab\nTLS:\t\t\tRequired\n"
#define SINCE "Connected since:\t2026-11-22T15:28:46\n"
#define WHOLE BEGIN "State:\t\t\tConnected\nTLS active:\t\tYes (client certificate sent)\n" SINCE

START_TEST(a_connection_is_of_one_process_and_one_second)
{
        struct qdevice_status status = qdevice_status_read(WHOLE, 7);
        ck_assert(status.connected);
        ck_assert(status.encrypted);
        ck_assert_uint_ne(status.connection, 0);
        ck_assert_uint_eq(status.connection,
                          qdevice_status_read(WHOLE "Echo reply received:\tnow\n", 7).connection);
        ck_assert_uint_ne(status.connection, qdevice_status_read(WHOLE, 8).connection);
        struct qdevice_status later = qdevice_status_read(
                BEGIN "State:\t\t\tConnected\nConnected since:\t2026-11-22T15:28:47\n", 7);
        ck_assert(later.connected);
        ck_assert(!later.encrypted);
        ck_assert_uint_ne(later.connection, status.connection);
}
END_TEST

START_TEST(what_is_not_understood_is_no_connection)
{
        static const char *const texts[] = {
                "",
                BEGIN,
                BEGIN "State:\t\t\tConnecting\n",
                BEGIN "State:\t\t\tConnect failed\n",
                BEGIN "State:\t\t\tConnected\n",
                BEGIN "State:\t\t\tDisconnected\n" SINCE,
                BEGIN "State:\t\t\tConnected\nConnected since:\t\n",
                BEGIN SINCE,
                BEGIN "The State: Connected\n" SINCE,
        };
        for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
                struct qdevice_status status = qdevice_status_read(texts[i], 7);
                ck_assert_msg(!status.connected && status.connection == 0, "text %zu", i);
        }
}
END_TEST

/* A corosync-qdevice that takes one line and says one thing; NULL: nothing. */
struct daemon {
        char directory[32], path[64];
        int listener, client;
        const char *says;
        char heard[64];
        pthread_t thread;
};

static void *daemon_run(void *context)
{
        struct daemon *daemon = context;
        daemon->client = accept(daemon->listener, NULL, NULL);
        ck_assert_int_ge(daemon->client, 0);
        ssize_t count = recv(daemon->client, daemon->heard, sizeof daemon->heard - 1, 0);
        ck_assert_int_gt(count, 0);
        if (daemon->says == NULL)
                return NULL;
        ck_assert_int_eq(send(daemon->client, daemon->says, strlen(daemon->says), MSG_NOSIGNAL),
                         (ssize_t)strlen(daemon->says));
        close(daemon->client);
        daemon->client = -1;
        return NULL;
}

static void daemon_begin(struct daemon *daemon, const char *says)
{
        *daemon = (struct daemon){ .directory = "/tmp/qdevice-XXXXXX", .client = -1, .says = says };
        ck_assert_ptr_nonnull(mkdtemp(daemon->directory));
        TEXT_PRINT(daemon->path, "%s/sock", daemon->directory);
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        TEXT_COPY(address.sun_path, daemon->path);
        daemon->listener = socket(AF_UNIX, SOCK_STREAM, 0);
        ck_assert_int_eq(bind(daemon->listener, (const struct sockaddr *)&address, sizeof address), 0);
        ck_assert_int_eq(listen(daemon->listener, 1), 0);
        ck_assert_int_eq(pthread_create(&daemon->thread, NULL, daemon_run, daemon), 0);
}

static void daemon_end(struct daemon *daemon)
{
        pthread_join(daemon->thread, NULL);
        if (daemon->client >= 0)
                close(daemon->client);
        close(daemon->listener);
        unlink(daemon->path);
        rmdir(daemon->directory);
}

START_TEST(a_daemon_is_asked_and_its_process_is_part_of_the_connection)
{
        struct daemon daemon;
        struct qdevice_status status = { .connected = false };
        daemon_begin(&daemon, "OK\n" WHOLE);
        ck_assert_int_eq(qdevice_status_ask(daemon.path, 5000, &status), 0);
        daemon_end(&daemon);
        ck_assert_str_eq(daemon.heard, "status verbose \n");
        ck_assert_uint_eq(status.connection, qdevice_status_read(WHOLE, (uint32_t)getpid()).connection);
}
END_TEST

START_TEST(a_daemon_is_told_to_end)
{
        struct daemon daemon;
        daemon_begin(&daemon, "OK\nShutdown initiated\n\n");
        ck_assert_int_eq(qdevice_shutdown(daemon.path, 5000), 0);
        daemon_end(&daemon);
        ck_assert_str_eq(daemon.heard, "shutdown \n");
}
END_TEST

START_TEST(a_daemon_that_hangs_costs_its_time_and_no_more)
{
        struct daemon daemon;
        struct qdevice_status status;
        daemon_begin(&daemon, NULL);
        ck_assert_int_eq(qdevice_status_ask(daemon.path, 20, &status), -ETIMEDOUT);
        daemon_end(&daemon);
}
END_TEST

START_TEST(a_daemon_that_refuses_has_said_nothing)
{
        struct daemon daemon;
        struct qdevice_status status;
        daemon_begin(&daemon, "Error\nUnknown command\n");
        ck_assert_int_eq(qdevice_status_ask(daemon.path, 5000, &status), -EPROTO);
        daemon_end(&daemon);
}
END_TEST

START_TEST(no_daemon_is_told_from_one_that_hangs)
{
        struct qdevice_status status;
        ck_assert_int_eq(qdevice_status_ask("/nonexistent/sock", 5000, &status), -ENOENT);
}
END_TEST

static const struct {
        const char *place, *host; /* NULL: refused */
        uint16_t port;
} places[] = {
        { "q", "q", 0 },
        { "q.example:5404", "q.example", 5404 },
        { "10.0.0.9:1", "10.0.0.9", 1 },
        { "fd00::9", "fd00::9", 0 },
        { "[fd00::9]", "fd00::9", 0 },
        { "[fd00::9]:5404", "fd00::9", 5404 },
        { "", NULL, 0 },
        { ":5403", NULL, 0 },
        { "q:", NULL, 0 },
        { "q:0", NULL, 0 },
        { "q:65536", NULL, 0 },
        { "q:54x", NULL, 0 },
        { "[fd00::9", NULL, 0 },
        { "[fd00::9]5404", NULL, 0 },
        { "two words", NULL, 0 },
};

START_TEST(a_place_is_a_host_and_maybe_a_port)
{
        char host[ADDRESS_BYTES];
        uint16_t port;
        int error = qnetd_place_parse(places[_i].place, host, &port);
        ck_assert_msg((error == 0) == (places[_i].host != NULL), "%s", places[_i].place);
        if (error != 0)
                return;
        ck_assert_str_eq(host, places[_i].host);
        ck_assert_uint_eq(port, places[_i].port);
}
END_TEST

int main(void)
{
        TCase *tcase = tcase_create("status");
        tcase_add_test(tcase, a_connection_is_of_one_process_and_one_second);
        tcase_add_test(tcase, what_is_not_understood_is_no_connection);
        tcase_add_test(tcase, a_daemon_is_asked_and_its_process_is_part_of_the_connection);
        tcase_add_test(tcase, a_daemon_is_told_to_end);
        tcase_add_test(tcase, a_daemon_that_hangs_costs_its_time_and_no_more);
        tcase_add_test(tcase, a_daemon_that_refuses_has_said_nothing);
        tcase_add_test(tcase, no_daemon_is_told_from_one_that_hangs);

        tcase_add_loop_test(tcase, a_place_is_a_host_and_maybe_a_port, 0, sizeof places / sizeof *places);

        Suite *suite = suite_create("qdevice_status");
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
