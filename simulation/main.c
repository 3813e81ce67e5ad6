/* SPDX-License-Identifier: GPL-2.0-or-later */

/* simulate: runs seeds; a violation names its seed, which replays it exactly. */

#include <getopt.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "simulation/world.h"

#define TAIL_LINES_DEFAULT 120

struct arguments {
        uint64_t first;
        uint64_t seeds;
        uint32_t nodes;
        uint32_t seconds;
        uint64_t tail;
        uint32_t budget_s; /* real time; 0: none */
        bool verbose;
        bool repeat;
        bool keep_going;
};

/*
 * An assertion of a core is a violation like others: the run ends there, the
 * next seed follows. A core calls nothing that could be left half done.
 */
static sigjmp_buf aborted;

static void on_abort(int signal_number)
{
        (void)signal_number;
        siglongjmp(aborted, 1);
}

static bool run_world(struct world *world, const struct world_options *options,
                      struct cluster_actions *actions, struct statistics *statistics)
{
        if (sigsetjmp(aborted, 1) == 0)
                return world_run(world, options, actions, statistics);
        world_violate(world, "assertion", NULL, NULL, "see the message above");
        statistics->seeds++;
        return false;
}

static double real_seconds(void)
{
        struct timespec now;
        (void)clock_gettime(CLOCK_MONOTONIC, &now);
        return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct outcome {
        bool passed;
        uint64_t hash;
        char violation[sizeof(((struct world *)0)->violation)];
};

static void run_seed(const struct arguments *arguments, uint64_t seed, bool text, struct world *world,
                     struct cluster_actions *actions, struct statistics *statistics,
                     struct outcome *ret_outcome)
{
        struct world_options options = { .seed = seed,
                                         .nodes = arguments->nodes,
                                         .seconds = arguments->seconds,
                                         .text = text,
                                         .verbose = arguments->verbose };
        ret_outcome->passed = run_world(world, &options, actions, statistics);
        ret_outcome->hash = world->transcript.hash;
        memcpy(ret_outcome->violation, world->violation, sizeof(ret_outcome->violation));
        if (text && !ret_outcome->passed && !arguments->verbose)
                transcript_print_tail(&world->transcript, arguments->tail);
        world_release(world);
}

/* The run that only counted is done again with its text: it must come out the same. */
static void explain(const struct arguments *arguments, uint64_t seed, const struct outcome *outcome,
                    struct world *world, struct cluster_actions *actions)
{
        struct statistics unused = { 0 };
        struct outcome again;
        if (!arguments->verbose && arguments->tail > 0) {
                run_seed(arguments, seed, true, world, actions, &unused, &again);
                if (again.hash != outcome->hash)
                        (void)printf("the replay of seed %" PRIu64 " differs\n", seed);
        }
        (void)printf("VIOLATION seed %" PRIu64 ": %s\n", seed, outcome->violation);
        (void)fflush(stdout);
}

static bool repeats(const struct arguments *arguments, uint64_t seed, const struct outcome *outcome,
                    struct world *world, struct cluster_actions *actions)
{
        struct statistics unused = { 0 };
        struct outcome again;
        run_seed(arguments, seed, false, world, actions, &unused, &again);
        if (again.hash == outcome->hash)
                return true;
        (void)printf("seed %" PRIu64 " does not repeat: transcript %016" PRIx64 ", then %016" PRIx64 "\n",
                     seed, outcome->hash, again.hash);
        return false;
}

static void print_summary(const struct statistics *statistics, double seconds, uint64_t failed)
{
        (void)printf("%" PRIu64 " seeds (%" PRIu64
                     " failed), %.2f simulated hours in %.1f s, %.0f seeds/min\n",
                     statistics->seeds, failed, (double)statistics->simulated_us / 3.6e9, seconds,
                     60.0 * (double)statistics->seeds / seconds);
        (void)printf("steps %" PRIu64 ", entries %" PRIu64 ", requests %" PRIu64 " (%" PRIu64
                     " done), starts %" PRIu64 ", failovers %" PRIu64 ", moves %" PRIu64 ", fences %" PRIu64
                     ", power losses %" PRIu64 ", snapshots %" PRIu64 ", most views in a run %" PRIu64 "\n",
                     statistics->steps, statistics->entries, statistics->requests, statistics->requests_done,
                     statistics->starts, statistics->failovers, statistics->moves, statistics->fences,
                     statistics->crashes, statistics->snapshots, statistics->max_views);
}

static int run(const struct arguments *arguments)
{
        struct world *world = calloc(1, sizeof(*world));
        struct cluster_actions *actions = calloc(1, sizeof(*actions));
        if (world == NULL || actions == NULL)
                return 2;
        struct statistics statistics = { 0 };
        uint64_t failed = 0;
        double begun = real_seconds();
        for (uint64_t seed = arguments->first; seed < arguments->first + arguments->seeds; seed++) {
                if (arguments->budget_s != 0 && real_seconds() - begun > arguments->budget_s)
                        break;
                struct outcome outcome;
                run_seed(arguments, seed, false, world, actions, &statistics, &outcome);
                if (!outcome.passed)
                        explain(arguments, seed, &outcome, world, actions);
                bool same = !arguments->repeat || repeats(arguments, seed, &outcome, world, actions);
                if (arguments->verbose || arguments->seeds == 1)
                        (void)printf("transcript %016" PRIx64 "\n", outcome.hash);
                if (outcome.passed && same)
                        continue;
                failed++;
                if (!arguments->keep_going)
                        break;
        }
        print_summary(&statistics, real_seconds() - begun, failed);
        free(actions);
        free(world);
        return failed == 0 ? 0 : 1;
}

static void usage(FILE *stream)
{
        (void)fputs(
                "usage: simulate [--seed N] [--first N] [--seeds N] [--nodes N] [--seconds N]\n"
                "                [--verbose] [--repeat] [--keep-going] [--tail LINES] [--budget SECONDS]\n",
                stream);
}

static int arguments_read(int argc, char **argv, struct arguments *arguments)
{
        static const struct option options[] = {
                { "seed", required_argument, NULL, 's' },    { "first", required_argument, NULL, 'f' },
                { "seeds", required_argument, NULL, 'n' },   { "nodes", required_argument, NULL, 'N' },
                { "seconds", required_argument, NULL, 't' }, { "verbose", no_argument, NULL, 'v' },
                { "repeat", no_argument, NULL, 'r' },        { "keep-going", no_argument, NULL, 'k' },
                { "tail", required_argument, NULL, 'l' },    { "budget", required_argument, NULL, 'b' },
                { "help", no_argument, NULL, 'h' },          { NULL, 0, NULL, 0 },
        };
        for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;) {
                uint64_t number = optarg != NULL ? strtoull(optarg, NULL, 10) : 0;
                switch (option) {
                case 's':
                        arguments->first = number;
                        arguments->seeds = 1;
                        break;
                case 'f':
                        arguments->first = number;
                        break;
                case 'n':
                        arguments->seeds = number;
                        break;
                case 'N':
                        arguments->nodes = number <= NODES_MAX ? (uint32_t)number : NODES_MAX;
                        break;
                case 't':
                        arguments->seconds = (uint32_t)number;
                        break;
                case 'l':
                        arguments->tail = number;
                        break;
                case 'b':
                        arguments->budget_s = (uint32_t)number;
                        break;
                case 'v':
                        arguments->verbose = true;
                        break;
                case 'r':
                        arguments->repeat = true;
                        break;
                case 'k':
                        arguments->keep_going = true;
                        break;
                case 'h':
                        usage(stdout);
                        return 1;
                default:
                        usage(stderr);
                        return -1;
                }
        }
        return 0;
}

int main(int argc, char **argv)
{
        struct arguments arguments = { .first = 1, .seeds = 1, .tail = TAIL_LINES_DEFAULT };
        int result = arguments_read(argc, argv, &arguments);
        if (result != 0)
                return result < 0 ? 2 : 0;
        (void)signal(SIGABRT, on_abort);
        (void)printf("seed %" PRIu64 ", %" PRIu64 " in all\n", arguments.first, arguments.seeds);
        (void)fflush(stdout);
        return run(&arguments);
}
