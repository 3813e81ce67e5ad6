/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What leases cost a node: as many volumes as asked, each a directory with a
 * lease area, each with its worker, all renewed by the rules of csv-storage in
 * one loop. Processor, I/O and how late renewals are, beside their aims.
 *
 * leases [DIRECTORY [SECONDS]]     the directories are made there, and removed
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "clusterd/base/text.h"
#include "clusterd/io/host.h"
#include "clusterd/io/lease_file.h"
#include "clusterd/io/lease_worker.h"
#include "csv-storage/lease_node.h"

#define VOLUMES_LARGEST 200
#define PASSES_LARGEST  200000
#define PASS_IOS        3     /* read, write, read back */
#define CPU_AIM         0.05  /* per cent of a processor, per volume */
#define NODE_BUDGET     5.0   /* per cent of a processor that a node may spend on all its leases */
#define PASS_AIM_MS     100.0 /* the slowest of a hundred: a tenth of the time between two */

static const unsigned sizes[] = { 1, 10, 50, VOLUMES_LARGEST };

struct volume {
        struct bench *bench;
        char directory[256];
        char path[300];
        struct lease_area_id area;
        struct lease_node lease;
        struct lease_worker *worker;
        qb_loop_timer_handle timer;
        bool has_timer;
        struct timespec asked;
};

struct bench {
        qb_loop_t *loop;
        struct mailbox *mailbox;
        struct volume volumes[VOLUMES_LARGEST];
        unsigned count;
        size_t passes, failed, stops;
        double pass_ms[PASSES_LARGEST];
};

static double since_ms(const struct timespec *begun)
{
        struct timespec now;
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)(now.tv_sec - begun->tv_sec) * 1e3 + (double)(now.tv_nsec - begun->tv_nsec) / 1e6;
}

static void on_wake(void *context);

static void step(struct volume *volume, struct lease_event *event)
{
        struct lease_actions actions;
        event->now_ms = clock_boot_ms();
        lease_node_step(&volume->lease, event, &actions);
        volume->bench->stops += actions.stop_guests;
        if (actions.start_pass) {
                (void)clock_gettime(CLOCK_MONOTONIC, &volume->asked);
                lease_worker_pass(volume->worker, &actions.pass);
        }
        if (volume->has_timer)
                (void)qb_loop_timer_del(volume->bench->loop, volume->timer);
        volume->has_timer = actions.wake_at_ms != LEASE_NEVER;
        uint64_t wait_ms = actions.wake_at_ms > event->now_ms ? actions.wake_at_ms - event->now_ms : 0;
        if (volume->has_timer)
                (void)qb_loop_timer_add(volume->bench->loop, QB_LOOP_HIGH, wait_ms * 1000000, volume, on_wake,
                                        &volume->timer);
}

static void on_wake(void *context)
{
        struct volume *volume = context;
        volume->has_timer = false;
        step(volume, &(struct lease_event){ .kind = LEASE_EVENT_TICK });
}

static void on_pass(void *context, const struct lease_pass_result *result)
{
        struct volume *volume = context;
        struct bench *bench = volume->bench;
        if (bench->passes < PASSES_LARGEST)
                bench->pass_ms[bench->passes++] = since_ms(&volume->asked);
        bench->failed += result->outcome != LEASE_PASS_DONE;
        step(volume, &(struct lease_event){ .kind = LEASE_EVENT_PASS, .pass = *result });
}

static void on_sight(void *context, uint32_t node, const struct lease_sight *sight)
{
        (void)context, (void)node, (void)sight;
}

static void on_revoked(void *context, uint32_t node, int error)
{
        (void)context, (void)node, (void)error;
}

static void on_end(void *context)
{
        struct bench *bench = context;
        qb_loop_stop(bench->loop);
}

/* 0 or negative errno. */
static int volume_open(struct bench *bench, struct volume *volume, const char *place)
{
        struct lease_worker_answers answers = {
                .on_pass = on_pass, .on_sight = on_sight, .on_revoked = on_revoked, .context = volume
        };
        struct lease_area_id owner;
        char directory[256];
        *volume = (struct volume){ .bench = bench, .area = { .cluster = "bench" } };
        TEXT_PRINT(directory, "%s/leases-XXXXXX", place);
        if (mkdtemp(directory) == NULL)
                return -errno;
        TEXT_COPY(volume->directory, directory);
        TEXT_PRINT(volume->path, "%s/%s", directory, LEASE_FILE_NAME);
        int error = lease_file_create(volume->path, &volume->area, &owner);
        if (error == 0)
                error = lease_worker_new(bench->mailbox, volume->path, &volume->area, &answers,
                                         &volume->worker);
        lease_node_init(&volume->lease, 1, 1, &lease_timings_default);
        return error;
}

static void volume_close(struct volume *volume)
{
        if (volume->has_timer)
                (void)qb_loop_timer_del(volume->bench->loop, volume->timer);
        lease_worker_free(volume->worker);
        (void)unlink(volume->path);
        (void)rmdir(volume->directory);
}

static double cpu_ms(void)
{
        struct rusage usage;
        (void)getrusage(RUSAGE_SELF, &usage);
        return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3 +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;
        return x < y ? -1 : x > y;
}

static void row(const char *what, double value, const char *unit, double aim)
{
        printf("  %-52s %10.3f %-6s", what, value, unit);
        if (aim > 0)
                printf(" aim below %g %s: %s", aim, unit, value < aim ? "reached" : "MISSED");
        printf("\n");
}

static void run(struct bench *bench, unsigned seconds)
{
        qb_loop_timer_handle timer;
        bench->passes = bench->failed = bench->stops = 0;
        double before_ms = cpu_ms();
        for (struct volume *volume = bench->volumes; volume < bench->volumes + bench->count; volume++)
                step(volume,
                     &(struct lease_event){ .kind = LEASE_EVENT_BEGIN, .begin.incarnation = random_id() });
        (void)qb_loop_timer_add(bench->loop, QB_LOOP_HIGH, (uint64_t)seconds * 1000000000, bench, on_end,
                                &timer);
        qb_loop_run(bench->loop);
        double percent = (cpu_ms() - before_ms) / (seconds * 10.0) / bench->count;
        qsort(bench->pass_ms, bench->passes, sizeof bench->pass_ms[0], compare);
        printf("%u volumes, %zu renewals in %u s, %zu failed, %zu leases not renewed in time\n", bench->count,
               bench->passes, seconds, bench->failed, bench->stops);
        row("processor per volume", percent, "%", CPU_AIM);
        row("volumes within 5 % of a processor", NODE_BUDGET / percent, "", 0);
        row("I/O per volume", (double)bench->passes * PASS_IOS / seconds / bench->count, "1/s", 0);
        row("a renewal as the loop sees it, half less than", bench->pass_ms[bench->passes / 2], "ms", 0);
        row("  99 % of them less than", bench->pass_ms[bench->passes * 99 / 100], "ms", PASS_AIM_MS);
}

static int run_size(struct bench *bench, unsigned count, const char *place, unsigned seconds)
{
        int error = 0;
        for (bench->count = 0; error == 0 && bench->count < count; bench->count++)
                error = volume_open(bench, &bench->volumes[bench->count], place);
        if (error == 0)
                run(bench, seconds);
        else
                printf("%s: %s\n", place, lease_file_explain(error));
        while (bench->count > 0)
                volume_close(&bench->volumes[--bench->count]);
        return error;
}

int main(int argc, char **argv)
{
        const char *place = argc > 1 ? argv[1] : ".";
        unsigned seconds = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 10;
        struct bench *bench = calloc(1, sizeof *bench);
        if (bench == NULL || seconds == 0)
                return 2;
        bench->loop = qb_loop_create();
        if (mailbox_new(bench->loop, &bench->mailbox) != 0)
                return 1;
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
                if (run_size(bench, sizes[i], place, seconds) != 0)
                        return 1;
        mailbox_free(bench->mailbox);
        qb_loop_destroy(bench->loop);
        free(bench);
        return 0;
}
