/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The daemon's end and clu's end of the IPC, against each other in one process. */

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/ipc_client.h"
#include "clusterd/io/ipc.h"
#include "clusterd/io/ipc_access.h"
#include "tests/unit/suite_run.h"

#define CROWD       60 /* more than may be connected at once */
#define LARGE_BYTES (5u * 1024 * 1024 + 7)

struct server {
        qb_loop_t *loop;
        struct ipc *ipc;
        char name[64];
        uint64_t kept_token; /* answered by the next request */
        uint64_t held[CROWD];
        size_t held_count;
        atomic_int gone;
};

struct call {
        struct server *server;
        const char *text;
        size_t bytes;
        int timeout_ms;
        int result;
        char *reply;
        size_t reply_bytes;
        pthread_t thread;
};

/* Its own letters, so that a lost, doubled or swapped piece shows. */
static char *large_text(void)
{
        char *text = malloc(LARGE_BYTES);
        ck_assert_ptr_nonnull(text);
        for (uint32_t i = 0; i < LARGE_BYTES; i++)
                text[i] = (char)('a' + (i * 2654435761u >> 24) % 26);
        return text;
}

static bool request_is(const char *bytes, size_t count, const char *text)
{
        return count == strlen(text) && memcmp(bytes, text, count) == 0;
}

static void let_go(void *data)
{
        struct server *server = data;
        for (size_t i = 0; i < server->held_count; i++)
                ipc_reply(server->ipc, server->held[i], "held", 4);
        server->held_count = 0;
}

/* Answers those that came within 200 ms together. */
static void hold(struct server *server, uint64_t token)
{
        qb_loop_timer_handle timer;
        ck_assert_uint_lt(server->held_count, CROWD);
        if (server->held_count == 0)
                qb_loop_timer_add(server->loop, QB_LOOP_LOW, 200000000, server, let_go, &timer);
        server->held[server->held_count++] = token;
}

static void on_request(void *context, uint64_t token, const struct ipc_client *client, const char *bytes,
                       size_t count)
{
        struct server *server = context;
        ck_assert(client->may_change);
        ck_assert(client->actor[0] != '\0');
        if (request_is(bytes, count, "keep")) {
                server->kept_token = token;
                return;
        }
        if (request_is(bytes, count, "hold")) {
                hold(server, token);
                return;
        }
        if (request_is(bytes, count, "answer the kept one"))
                ipc_reply(server->ipc, server->kept_token, "late", 4);
        if (request_is(bytes, count, "nothing")) {
                ipc_reply(server->ipc, token, "", 0);
        } else if (request_is(bytes, count, "large")) {
                char *text = large_text();
                ipc_reply(server->ipc, token, text, LARGE_BYTES);
                free(text);
        } else {
                ipc_reply(server->ipc, token, bytes, count);
                ipc_reply(server->ipc, token, "a second answer", 15);
        }
}

static void on_gone(void *context, uint64_t token)
{
        struct server *server = context;
        ck_assert_uint_eq(token, server->kept_token);
        atomic_fetch_add(&server->gone, 1);
        /* Too late, and harmless. */
        ipc_reply(server->ipc, token, "x", 1);
        qb_loop_stop(server->loop);
}

static void server_start(struct server *server)
{
        memset(server, 0, sizeof(*server));
        snprintf(server->name, sizeof(server->name), "clu-ipc-test-%d", (int)getpid());
        server->loop = qb_loop_create();
        struct ipc_listener listener = { .context = server, .on_request = on_request, .on_gone = on_gone };
        ck_assert_int_eq(ipc_new(server->loop, server->name, &listener, &server->ipc), 0);
}

static void server_stop(struct server *server)
{
        ipc_free(server->ipc);
        qb_loop_destroy(server->loop);
}

static void stop_loop(void *data)
{
        qb_loop_stop(data);
}

static void *call_run(void *data)
{
        struct call *call = data;
        call->result = ipc_call(call->server->name, call->text, call->bytes, call->timeout_ms, &call->reply,
                                &call->reply_bytes);
        return NULL;
}

static void call_start(struct call *call, struct server *server, const char *text, size_t bytes,
                       int timeout_ms)
{
        *call = (struct call){ .server = server, .text = text, .bytes = bytes, .timeout_ms = timeout_ms };
        ck_assert_int_eq(pthread_create(&call->thread, NULL, call_run, call), 0);
}

struct waiting {
        struct call *calls;
        size_t count;
        qb_loop_t *loop;
        atomic_bool done;
};

static void *join_all(void *data)
{
        struct waiting *waiting = data;
        for (size_t i = 0; i < waiting->count; i++)
                pthread_join(waiting->calls[i].thread, NULL);
        atomic_store(&waiting->done, true);
        return NULL;
}

static void stop_when_done(void *data)
{
        struct waiting *waiting = data;
        qb_loop_timer_handle timer;
        if (atomic_load(&waiting->done))
                qb_loop_stop(waiting->loop);
        else
                qb_loop_timer_add(waiting->loop, QB_LOOP_LOW, 5000000, waiting, stop_when_done, &timer);
}

/* Runs the loop until all calls have ended. */
static void calls_finish(struct server *server, struct call *calls, size_t count)
{
        struct waiting waiting = { .calls = calls, .count = count, .loop = server->loop };
        pthread_t joiner;
        ck_assert_int_eq(pthread_create(&joiner, NULL, join_all, &waiting), 0);
        stop_when_done(&waiting);
        qb_loop_run(server->loop);
        pthread_join(joiner, NULL);
}

static struct call ask(struct server *server, const char *text, size_t bytes)
{
        struct call call;
        call_start(&call, server, text, bytes, 10000);
        calls_finish(server, &call, 1);
        return call;
}

START_TEST(a_request_is_answered_with_the_same_bytes)
{
        struct server server;
        server_start(&server);
        struct call call = ask(&server, "{\"a\": 1}", 8);
        ck_assert_int_eq(call.result, 0);
        ck_assert_uint_eq(call.reply_bytes, 8);
        ck_assert_str_eq(call.reply, "{\"a\": 1}");
        free(call.reply);
        server_stop(&server);
}
END_TEST

START_TEST(an_empty_answer_is_an_answer)
{
        struct server server;
        server_start(&server);
        struct call call = ask(&server, "nothing", 7);
        ck_assert_int_eq(call.result, 0);
        ck_assert_uint_eq(call.reply_bytes, 0);
        ck_assert_str_eq(call.reply, "");
        free(call.reply);
        server_stop(&server);
}
END_TEST

START_TEST(a_request_of_the_largest_size_comes_through)
{
        struct server server;
        server_start(&server);
        char *text = malloc(MESSAGE_BYTES);
        memset(text, 'x', MESSAGE_BYTES);
        struct call call = ask(&server, text, MESSAGE_BYTES);
        ck_assert_int_eq(call.result, 0);
        ck_assert_uint_eq(call.reply_bytes, MESSAGE_BYTES);
        ck_assert(memcmp(call.reply, text, MESSAGE_BYTES) == 0);
        free(call.reply);
        free(text);
        server_stop(&server);
}
END_TEST

START_TEST(an_answer_larger_than_the_buffer_comes_in_pieces)
{
        struct server server;
        server_start(&server);
        struct call call = ask(&server, "large", 5);
        char *text = large_text();
        ck_assert_int_eq(call.result, 0);
        ck_assert_uint_eq(call.reply_bytes, LARGE_BYTES);
        ck_assert(memcmp(call.reply, text, LARGE_BYTES) == 0);
        free(call.reply);
        free(text);
        server_stop(&server);
}
END_TEST

START_TEST(a_request_too_large_is_refused)
{
        char *text = calloc(1, MESSAGE_BYTES + 1), *reply = NULL;
        size_t reply_bytes;
        ck_assert_int_eq(ipc_call("clu-nobody", text, MESSAGE_BYTES + 1, 1000, &reply, &reply_bytes),
                         -EMSGSIZE);
        ck_assert_ptr_null(reply);
        free(text);
}
END_TEST

START_TEST(a_request_that_is_not_text_is_refused_by_an_answer)
{
        struct server server;
        server_start(&server);
        struct call call = ask(&server, "a\0b", 3);
        ck_assert_int_eq(call.result, -EBADMSG);
        call = ask(&server, "", 0);
        ck_assert_int_eq(call.result, -EBADMSG);
        ck_assert_ptr_null(call.reply);
        server_stop(&server);
}
END_TEST

START_TEST(an_answer_may_come_later)
{
        struct server server;
        struct call calls[2];
        server_start(&server);
        call_start(&calls[0], &server, "keep", 4, 10000);
        /* The second one is sent when the first has arrived. */
        while (server.kept_token == 0) {
                qb_loop_timer_handle timer;
                qb_loop_timer_add(server.loop, QB_LOOP_LOW, 5000000, server.loop, stop_loop, &timer);
                qb_loop_run(server.loop);
        }
        call_start(&calls[1], &server, "answer the kept one", 19, 10000);
        calls_finish(&server, calls, 2);
        ck_assert_int_eq(calls[0].result, 0);
        ck_assert_str_eq(calls[0].reply, "late");
        ck_assert_int_eq(calls[1].result, 0);
        free(calls[0].reply);
        free(calls[1].reply);
        server_stop(&server);
}
END_TEST

START_TEST(a_client_that_gives_up_is_told_of_once)
{
        struct server server;
        struct call call;
        server_start(&server);
        call_start(&call, &server, "keep", 4, 100);
        qb_loop_run(server.loop); /* until on_gone */
        pthread_join(call.thread, NULL);
        ck_assert_int_eq(call.result, -ETIMEDOUT);
        ck_assert_int_eq(atomic_load(&server.gone), 1);
        server_stop(&server);
        ck_assert_int_eq(atomic_load(&server.gone), 1);
}
END_TEST

START_TEST(more_clients_than_places_are_all_served)
{
        struct server server;
        struct call calls[CROWD];
        server_start(&server);
        for (size_t i = 0; i < CROWD; i++)
                call_start(&calls[i], &server, "hold", 4, 20000);
        calls_finish(&server, calls, CROWD);
        for (size_t i = 0; i < CROWD; i++) {
                ck_assert_int_eq(calls[i].result, 0);
                free(calls[i].reply);
        }
        server_stop(&server);
}
END_TEST

START_TEST(nobody_there_is_said_at_once)
{
        char *reply = NULL;
        size_t reply_bytes;
        ck_assert_int_eq(ipc_call("clu-nobody", "{}", 2, 5000, &reply, &reply_bytes), -ECONNREFUSED);
        ck_assert_ptr_null(reply);
}
END_TEST

START_TEST(root_may_change_and_a_stranger_is_not_let_in)
{
        struct ipc_client client;
        ck_assert_int_eq(ipc_access_decide(0, 0, &client), 0);
        ck_assert(client.may_change);
        ck_assert_str_eq(client.actor, "root");
        /* No user and no group has these. */
        ck_assert_int_eq(ipc_access_decide(3999999, 3999998, &client), -EACCES);
}
END_TEST

int main(void)
{
        Suite *suite = suite_create("ipc");
        TCase *tcase = tcase_create("ipc");
        tcase_set_timeout(tcase, 60);
        tcase_add_test(tcase, a_request_is_answered_with_the_same_bytes);
        tcase_add_test(tcase, an_empty_answer_is_an_answer);
        tcase_add_test(tcase, a_request_of_the_largest_size_comes_through);
        tcase_add_test(tcase, an_answer_larger_than_the_buffer_comes_in_pieces);
        tcase_add_test(tcase, a_request_too_large_is_refused);
        tcase_add_test(tcase, a_request_that_is_not_text_is_refused_by_an_answer);
        tcase_add_test(tcase, an_answer_may_come_later);
        tcase_add_test(tcase, a_client_that_gives_up_is_told_of_once);
        tcase_add_test(tcase, more_clients_than_places_are_all_served);
        tcase_add_test(tcase, nobody_there_is_said_at_once);
        tcase_add_test(tcase, root_may_change_and_a_stranger_is_not_let_in);
        suite_add_tcase(suite, tcase);
        return suite_run(suite);
}
