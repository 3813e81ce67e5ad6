/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A process that went mad: joins the CPG group of clusterd and multicasts what no clusterd would.
 *
 *     cpg_noise SEED COUNT [GROUP]
 *
 * Random bytes, pieces of JSON, nesting, the largest message that CPG carries, and what the group really
 * says, cut short or with one bit turned. Prints what it sent as one line of JSON.
 */

#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include <corosync/cpg.h>

#define NOISE_BYTES   (1000 * 1000) /* just below what CPG refuses */
#define HEARD_MAX     64
#define LISTEN_MS     5000 /* heartbeats come each second or so */
#define LISTEN_ENOUGH 8

enum noise { NOISE_RANDOM, NOISE_JSON, NOISE_NESTED, NOISE_LONG, NOISE_CUT, NOISE_FLIPPED, NOISE_COUNT };

struct heard {
        char *bytes;
        size_t count;
};

static struct heard heard[HEARD_MAX];
static size_t heard_count;
static uint64_t state;
static uint64_t sent[NOISE_COUNT];
static char buffer[NOISE_BYTES];

/* Source: Marsaglia, xorshift64*: the same noise for the same seed. */
static uint64_t next_random(void)
{
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        return state * UINT64_C(2685821657736338717);
}

static size_t below(size_t limit)
{
        return (size_t)(next_random() % limit);
}

static void on_deliver(cpg_handle_t handle, const struct cpg_name *group, uint32_t node, uint32_t pid,
                       void *bytes, size_t count)
{
        (void)handle, (void)group, (void)node, (void)pid;
        if (heard_count == HEARD_MAX || count == 0)
                return;
        char *copy = malloc(count);
        if (copy == NULL)
                abort();
        memcpy(copy, bytes, count);
        heard[heard_count++] = (struct heard){ .bytes = copy, .count = count };
}

static void on_change(cpg_handle_t handle, const struct cpg_name *group, const struct cpg_address *members,
                      size_t member_count, const struct cpg_address *left, size_t left_count,
                      const struct cpg_address *joined, size_t joined_count)
{
        (void)handle, (void)group, (void)members, (void)member_count;
        (void)left, (void)left_count, (void)joined, (void)joined_count;
}

static void dispatch(cpg_handle_t handle, int timeout_ms)
{
        int fd = -1;
        if (cpg_fd_get(handle, &fd) != CS_OK)
                abort();
        struct pollfd ready = { .fd = fd, .events = POLLIN };
        if (poll(&ready, 1, timeout_ms) > 0)
                (void)cpg_dispatch(handle, CS_DISPATCH_ALL);
}

static size_t make_json(void)
{
        static const char *const pieces[] = {
                "{",
                "}",
                "[",
                "]",
                ",",
                ":",
                "\"kind\"",
                "\"heartbeat\"",
                "\"state\"",
                "\"round\"",
                "null",
                "true",
                "1e999",
                "-1",
                "\"\"",
                "\"epoch\"",
                "\"index\"",
                "\"stored\"",
                "\\u0000",
                "\xff",
                "\"\\ud800\"",
                "0x1",
                "99999999999999999999",
        };
        size_t count = 0;
        for (size_t i = 0, pieces_wanted = 1 + below(60); i < pieces_wanted; i++) {
                const char *piece = pieces[below(sizeof pieces / sizeof pieces[0])];
                memcpy(buffer + count, piece, strlen(piece));
                count += strlen(piece);
        }
        return count;
}

static size_t make_random(size_t count)
{
        for (size_t i = 0; i < count; i++)
                buffer[i] = (char)next_random();
        return count;
}

static size_t make_spoilt(bool flip)
{
        const struct heard *one = &heard[below(heard_count)];
        size_t count = one->count < NOISE_BYTES ? one->count : NOISE_BYTES;
        memcpy(buffer, one->bytes, count);
        if (!flip)
                return below(count);
        buffer[below(count)] ^= (char)(1 << below(8));
        return count;
}

static size_t make(enum noise noise)
{
        size_t count;
        switch (noise) {
        case NOISE_RANDOM:
                return make_random(1 + below(2000));
        case NOISE_JSON:
                return make_json();
        case NOISE_NESTED:
                count = 1 + below(100000);
                memset(buffer, next_random() & 1 ? '[' : '{', count);
                return count;
        case NOISE_LONG:
                return make_random(NOISE_BYTES - below(1000));
        case NOISE_CUT:
        case NOISE_FLIPPED:
                return make_spoilt(noise == NOISE_FLIPPED);
        case NOISE_COUNT:
                break;
        }
        abort();
}

static int multicast(cpg_handle_t handle, size_t count)
{
        struct iovec part = { .iov_base = buffer, .iov_len = count };
        cs_error_t answer;
        while ((answer = cpg_mcast_joined(handle, CPG_TYPE_AGREED, &part, 1)) == CS_ERR_TRY_AGAIN)
                dispatch(handle, 1);
        return answer == CS_OK ? 0 : -1;
}

/* The largest are dear: one of 32. Without anything heard there is nothing to spoil. */
static enum noise choose(void)
{
        enum noise noise = (enum noise)below(NOISE_COUNT);
        if (noise == NOISE_LONG && below(8) != 0)
                noise = NOISE_RANDOM;
        if ((noise == NOISE_CUT || noise == NOISE_FLIPPED) && heard_count == 0)
                noise = NOISE_JSON;
        return noise;
}

int main(int argc, char **argv)
{
        if (argc < 3) {
                (void)fprintf(stderr, "usage: cpg_noise SEED COUNT [GROUP]\n");
                return 2;
        }
        state = strtoull(argv[1], NULL, 10) * 2 + 1;
        uint64_t wanted = strtoull(argv[2], NULL, 10);
        struct cpg_name group = { 0 };
        (void)snprintf(group.value, sizeof group.value, "%s", argc > 3 ? argv[3] : "clu");
        group.length = (uint32_t)strlen(group.value);

        cpg_callbacks_t callbacks = { .cpg_deliver_fn = on_deliver, .cpg_confchg_fn = on_change };
        cpg_handle_t handle = 0;
        if (cpg_initialize(&handle, &callbacks) != CS_OK || cpg_join(handle, &group) != CS_OK) {
                (void)fprintf(stderr, "cpg_noise: cannot join the group\n");
                return 1;
        }
        for (int waited_ms = 0; waited_ms < LISTEN_MS && heard_count < LISTEN_ENOUGH; waited_ms += 50)
                dispatch(handle, 50);
        size_t heard_before = heard_count;
        for (uint64_t i = 0; i < wanted; i++) {
                enum noise noise = choose();
                if (multicast(handle, make(noise)) < 0)
                        return 1;
                sent[noise]++;
                dispatch(handle, 0);
        }
        (void)cpg_finalize(handle);
        (void)printf("{\"heard\":%zu,\"random\":%" PRIu64 ",\"json\":%" PRIu64 ",\"nested\":%" PRIu64
                     ",\"long\":%" PRIu64 ",\"cut\":%" PRIu64 ",\"flipped\":%" PRIu64 "}\n",
                     heard_before, sent[NOISE_RANDOM], sent[NOISE_JSON], sent[NOISE_NESTED], sent[NOISE_LONG],
                     sent[NOISE_CUT], sent[NOISE_FLIPPED]);
        return 0;
}
