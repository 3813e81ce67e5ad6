/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * How long the planner takes to place what a lost node ran, and what memory a
 * cluster of that size takes. Its aims are printed beside the figures.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clusterd/base/text.h"
#include "clusterd/core/apply.h"
#include "clusterd/core/cluster.h"
#include "clusterd/core/planner.h"

#define RUNS           101
#define ROLE_MIB       1024
#define LARGEST_AIM_US 20000.0

struct size {
        uint32_t nodes;
        uint32_t roles;
};

static const struct size sizes[] = { { 3, 30 }, { 16, 1000 }, { 64, 8000 } };

#define SIZES (sizeof sizes / sizeof sizes[0])

static void *allocate(size_t bytes)
{
        void *storage = calloc(1, bytes);
        if (storage == NULL) {
                perror("calloc");
                exit(1);
        }
        return storage;
}

static double now_us(void)
{
        struct timespec now;
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
        double x = *(const double *)a, y = *(const double *)b;
        return x < y ? -1 : x > y;
}

static double median(double *values, size_t count)
{
        qsort(values, count, sizeof *values, compare);
        return values[count / 2];
}

/* Node 1 is proven off, and what it ran waits for a place; the others have room for all of it. */
static void fill(struct model *model, const struct size *size)
{
        struct evidence off = { .kind = EVIDENCE_POWERED_OFF, .index = 1 };
        for (uint32_t id = 1; id <= size->nodes; id++) {
                struct object object = { .kind = OBJECT_NODE };
                object.node =
                        (struct node){ .id = id, .state = id == 1 ? NODE_DOWN : NODE_UP, .watchdog = true };
                object.node.memory_mib = 2 * ROLE_MIB * (size->roles / size->nodes + 1);
                TEXT_PRINT(object.node.name, "node%02u", id);
                (void)model_put(model, &object);
        }
        for (uint32_t i = 0; i < size->roles; i++) {
                struct object object = { .kind = OBJECT_ROLE };
                uint32_t owner = 1 + i % size->nodes;
                object.role = (struct role){ .desired = DESIRED_RUNNING, .owner = owner, .generation = 1 };
                object.role.state = owner == 1 ? ROLE_RECOVERING : ROLE_ONLINE;
                object.role.owner_evidence = owner == 1 ? off : (struct evidence){ .kind = EVIDENCE_NONE };
                object.role.memory_mib = ROLE_MIB;
                TEXT_PRINT(object.role.name, "role%05u", i);
                (void)model_put(model, &object);
        }
}

struct bench {
        struct model *model;
        struct planner_input input;
        struct planner_output output;
};

static void bench_init(struct bench *bench, const struct size *size)
{
        bench->model = model_init(allocate(model_bytes(size->roles)), size->roles);
        fill(bench->model, size);
        bench->input = (struct planner_input){
                .model = bench->model,
                .planned = allocate(size->roles * sizeof(struct planned_role)),
                .order = allocate(size->roles * sizeof(uint32_t)),
        };
}

static void bench_release(struct bench *bench)
{
        free(bench->input.planned);
        free(bench->input.order);
        free(bench->model);
}

static double pass_us(struct bench *bench)
{
        double runs[RUNS];
        for (size_t i = 0; i < RUNS; i++) {
                double begun = now_us();
                planner_pass(&bench->input, &bench->output);
                runs[i] = now_us() - begun;
        }
        return median(runs, RUNS);
}

/* Until every role has a place: passes, and their commands applied. Returns how many were placed. */
static uint32_t recover(struct bench *bench, double *ret_us)
{
        uint32_t placed = 0;
        uint64_t index = 1;
        double begun = now_us();
        for (;;) {
                planner_pass(&bench->input, &bench->output);
                if (bench->output.count == 0)
                        break;
                for (size_t i = 0; i < bench->output.count; i++) {
                        struct apply apply = { .model = bench->model, .index = ++index, .origin = 2 };
                        apply_command(&apply, &bench->output.step[i].command);
                        if (apply.outcome != APPLY_DONE) {
                                (void)fprintf(stderr, "refused: %s\n", apply.reason);
                                exit(1);
                        }
                        placed++;
                }
        }
        *ret_us = now_us() - begun;
        return placed;
}

int main(void)
{
        double before_us = 0;
        (void)printf("Planner, one node lost, median of %d passes\n", RUNS);
        (void)printf("%8s %8s %12s %10s %10s %14s %12s\n", "nodes", "roles", "pass us", "ns/role", "growth",
                     "all placed us", "core KiB");
        for (size_t i = 0; i < SIZES; i++) {
                const struct size *size = &sizes[i];
                struct bench bench;
                double all_us = 0;
                bench_init(&bench, size);
                double us = pass_us(&bench);
                uint32_t placed = recover(&bench, &all_us);
                uint32_t expected = (size->roles + size->nodes - 1) / size->nodes;
                if (placed != expected) {
                        (void)fprintf(stderr, "placed %u roles, expected %u\n", placed, expected);
                        return 1;
                }
                char growth[32] = "-";
                if (i > 0)
                        TEXT_PRINT(growth, "%.1fx/%.1fx", us / before_us,
                                   (double)size->roles / (double)sizes[i - 1].roles);
                (void)printf("%8u %8u %12.1f %10.1f %10s %14.1f %12zu\n", size->nodes, size->roles, us,
                             us * 1000 / size->roles, growth, all_us, cluster_bytes(size->roles) / 1024);
                before_us = us;
                bench_release(&bench);
        }
        (void)printf("growth: of the time / of the roles; linear when equal\n");
        (void)printf("aim: a pass at %ux%u in less than %.0f us: %s\n", sizes[SIZES - 1].nodes,
                     sizes[SIZES - 1].roles, LARGEST_AIM_US,
                     before_us < LARGEST_AIM_US ? "reached" : "MISSED");
        (void)printf("besides: %zu KiB for the actions of a step\n", sizeof(struct cluster_actions) / 1024);
        return 0;
}
