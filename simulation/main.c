/* SPDX-License-Identifier: GPL-2.0-or-later */

/* simulate: runs seeds; a violation names its seed, which replays it exactly. */

#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "clusterd/base/text.h"
#include "simulation/arguments.h"
#include "simulation/jobs.h"
#include "simulation/shrink.h"
#include "simulation/stories.h"

#define SHRINK_RUNS_MAX 300
#define YEAR_MS         (INT64_C(365) * 24 * 3600 * 1000)

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
                      struct cluster_actions *actions, struct statistics *statistics,
                      struct incident_list *record)
{
        if (sigsetjmp(aborted, 1) == 0)
                return world_run(world, options, actions, statistics, record);
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
        uint64_t end_us;
        char violation[sizeof(((struct world *)0)->violation)];
};

/* What a run is made with, and what all seeds together came to. */
struct simulation {
        const struct arguments *arguments;
        struct world *world;
        struct cluster_actions *actions;
        double begun;
        struct power_cut cut; /* of the next run */
        struct statistics statistics;
        uint64_t failed;
};

/* record and play: as in world_run() and struct world_options; either may be NULL. */
static void run_seed(struct simulation *simulation, uint64_t seed, bool text,
                     const struct incident_list *play, struct incident_list *record,
                     struct statistics *statistics, struct outcome *ret_outcome)
{
        const struct arguments *arguments = simulation->arguments;
        struct world *world = simulation->world;
        struct world_options options = { .seed = seed,
                                         .nodes = arguments->nodes,
                                         .roles = arguments->roles,
                                         .seconds = arguments->seconds,
                                         .text = text,
                                         .verbose = arguments->verbose,
                                         .wall_shift_ms = play != NULL ? YEAR_MS : 0,
                                         .cut = simulation->cut,
                                         .play = play };
        ret_outcome->passed = run_world(world, &options, simulation->actions, statistics, record);
        ret_outcome->hash = world->transcript.hash;
        ret_outcome->end_us = world->now_us;
        memcpy(ret_outcome->violation, world->violation, sizeof(ret_outcome->violation));
        if (text && !ret_outcome->passed && !arguments->verbose)
                transcript_print_tail(&world->transcript, arguments->tail);
        world_release(world);
}

/* The run that only counted is done again with its text: it must come out the same. */
static void explain(struct simulation *simulation, uint64_t seed, const struct outcome *outcome)
{
        struct statistics unused = { 0 };
        struct outcome again;
        if (!simulation->arguments->verbose && simulation->arguments->tail > 0) {
                run_seed(simulation, seed, true, NULL, NULL, &unused, &again);
                if (again.hash != outcome->hash)
                        (void)printf("the replay of seed %" PRIu64 " differs\n", seed);
        }
        (void)printf("VIOLATION seed %" PRIu64 ": %s\n", seed, outcome->violation);
        (void)fflush(stdout);
}

/*
 * The second time from what the first one recorded, and a year later on every wall clock, which nothing may
 * go by: the same to the last random number.
 */
static bool repeats(struct simulation *simulation, uint64_t seed, const struct outcome *outcome,
                    const struct incident_list *record)
{
        struct statistics unused = { 0 };
        struct outcome again;
        run_seed(simulation, seed, false, record, NULL, &unused, &again);
        if (again.hash == outcome->hash)
                return true;
        (void)printf("seed %" PRIu64 " does not repeat: transcript %016" PRIx64 ", then %016" PRIx64 "\n",
                     seed, outcome->hash, again.hash);
        return false;
}

/* What failed as a story, as short as it gets in some hundred runs. */
static void shrink_seed(struct simulation *simulation, uint64_t seed, const struct outcome *outcome,
                        struct incident_list *record)
{
        const struct arguments *arguments = simulation->arguments;
        struct shrink shrink = { .world = simulation->world,
                                 .actions = simulation->actions,
                                 .options = { .seed = seed,
                                              .nodes = arguments->nodes,
                                              .roles = arguments->roles,
                                              .seconds = arguments->seconds },
                                 .runs_max = SHRINK_RUNS_MAX,
                                 .run = run_world };
        char path[512];
        TEXT_PRINT(path, "%s/seed-%" PRIu64 ".scenario", arguments->shrink, seed);
        shrink_rule(outcome->violation, shrink.rule);
        size_t before = record->count;
        shrink_list(&shrink, record, outcome->end_us);
        FILE *stream = fopen(path, "we");
        if (stream == NULL) {
                perror(path);
                return;
        }
        int error = shrink_write(&shrink, record, stream);
        (void)fclose(stream);
        (void)printf("seed %" PRIu64 ": %zu of %zu incidents are left, in %s%s\n", seed, record->count,
                     before, path, error == 0 ? "" : ", which by itself does not break the rule");
}

static void statistics_add(struct statistics *sum, const struct statistics *one)
{
        sum->steps += one->steps;
        sum->entries += one->entries;
        sum->views += one->views;
        sum->failovers += one->failovers;
        sum->moves += one->moves;
        sum->fences += one->fences;
        sum->snapshots += one->snapshots;
        sum->starts += one->starts;
        sum->crashes += one->crashes;
        sum->requests += one->requests;
        sum->requests_done += one->requests_done;
        sum->simulated_us += one->simulated_us;
        sum->seeds += one->seeds;
        coverage_add(&sum->coverage, &one->coverage);
        if (one->max_views > sum->max_views)
                sum->max_views = one->max_views;
}

static void on_seed(void *context, uint64_t seed, struct seed_report *report)
{
        struct simulation *simulation = context;
        const struct arguments *arguments = simulation->arguments;
        struct incident_list record = { 0 };
        struct outcome outcome;
        run_seed(simulation, seed, false, NULL, &record, &report->statistics, &outcome);
        if (!outcome.passed)
                explain(simulation, seed, &outcome);
        bool same = !arguments->repeat || repeats(simulation, seed, &outcome, &record);
        if (arguments->hashes || arguments->verbose || arguments->seeds == 1)
                (void)printf("seed %" PRIu64 " transcript %016" PRIx64 "\n", seed, outcome.hash);
        if (!outcome.passed && arguments->shrink != NULL)
                shrink_seed(simulation, seed, &outcome, &record);
        incident_list_release(&record);
        report->passed = outcome.passed && same;
}

/* The seed's run with one power cut. */
static void on_cut(void *context, uint64_t number, struct seed_report *report)
{
        struct simulation *simulation = context;
        const struct arguments *arguments = simulation->arguments;
        struct outcome outcome;
        char text[96];
        simulation->cut = power_cuts_at(number, arguments->cut_nodes, arguments->cut_every);
        power_cut_print(&simulation->cut, text, sizeof(text));
        run_seed(simulation, arguments->first, false, NULL, NULL, &report->statistics, &outcome);
        report->passed = outcome.passed;
        if (outcome.passed)
                return;
        explain(simulation, arguments->first, &outcome);
        (void)printf("with %s\n", text);
}

static bool on_report(void *context, const struct seed_report *report)
{
        struct simulation *simulation = context;
        const struct arguments *arguments = simulation->arguments;
        statistics_add(&simulation->statistics, &report->statistics);
        simulation->failed += !report->passed;
        if (!report->passed && !arguments->keep_going)
                return false;
        return arguments->budget_s == 0 || real_seconds() - simulation->begun <= arguments->budget_s;
}

static double processor_seconds(void)
{
        struct rusage self, children;
        (void)getrusage(RUSAGE_SELF, &self);
        (void)getrusage(RUSAGE_CHILDREN, &children);
        return (double)(self.ru_utime.tv_sec + self.ru_stime.tv_sec + children.ru_utime.tv_sec +
                        children.ru_stime.tv_sec) +
               (double)(self.ru_utime.tv_usec + self.ru_stime.tv_usec + children.ru_utime.tv_usec +
                        children.ru_stime.tv_usec) /
                       1e6;
}

/* The times go elsewhere: all else is the same whenever and by however many processes it is run. */
static void print_summary(const struct simulation *simulation)
{
        const struct statistics *statistics = &simulation->statistics;
        (void)printf("%" PRIu64 " seeds (%" PRIu64 " failed), %.2f simulated hours\n", statistics->seeds,
                     simulation->failed, (double)statistics->simulated_us / 3.6e9);
        (void)printf("steps %" PRIu64 ", entries %" PRIu64 ", requests %" PRIu64 " (%" PRIu64
                     " done), starts %" PRIu64 ", failovers %" PRIu64 ", moves %" PRIu64 ", fences %" PRIu64
                     ", power losses %" PRIu64 ", snapshots %" PRIu64 ", most views in a run %" PRIu64 "\n",
                     statistics->steps, statistics->entries, statistics->requests, statistics->requests_done,
                     statistics->starts, statistics->failovers, statistics->moves, statistics->fences,
                     statistics->crashes, statistics->snapshots, statistics->max_views);
        if (simulation->arguments->coverage)
                coverage_print(&statistics->coverage, stdout);
        (void)fflush(stdout);
        double seconds = processor_seconds();
        (void)fprintf(stderr,
                      "%.1f s, %.1f s of processor time: %.0f seeds and %.1f simulated hours in a minute of "
                      "one core\n",
                      real_seconds() - simulation->begun, seconds, 60.0 * (double)statistics->seeds / seconds,
                      (double)statistics->simulated_us / 6e7 / seconds);
}

/* A run without a cut tells how many there can be. */
static void count_cuts(struct simulation *simulation, struct arguments *arguments)
{
        struct statistics unused = { 0 };
        struct outcome outcome;
        run_seed(simulation, arguments->first, false, NULL, NULL, &unused, &outcome);
        arguments->cut_steps = simulation->world->peace_step;
        arguments->cut_nodes = simulation->world->node_count;
}

static int run(struct arguments *arguments)
{
        struct simulation simulation = {
                .arguments = arguments,
                .world = calloc(1, sizeof(struct world)),
                .actions = calloc(1, sizeof(struct cluster_actions)),
                .begun = real_seconds(),
                .cut = arguments->cut,
        };
        if (simulation.world == NULL || simulation.actions == NULL)
                return 2;
        struct jobs jobs = { .first = arguments->first,
                             .seeds = arguments->seeds,
                             .processes = arguments->jobs,
                             .run = on_seed,
                             .done = on_report,
                             .context = &simulation };
        if (arguments->cut_every != 0) {
                count_cuts(&simulation, arguments);
                jobs.first = 0;
                jobs.seeds =
                        power_cuts_count(arguments->cut_steps, arguments->cut_nodes, arguments->cut_every);
                jobs.run = on_cut;
        }
        int error = jobs_run(&jobs);
        if (error == 0)
                print_summary(&simulation);
        else
                (void)fprintf(stderr, "simulate: cannot start its processes: %s\n", strerror(-error));
        free(simulation.actions);
        free(simulation.world);
        return error != 0 ? 2 : simulation.failed == 0 ? 0 : 1;
}

/* Files are stories: they run instead of seeds. */
static int tell_stories(const struct arguments *arguments, char *const *paths, size_t count)
{
        struct stories stories = { .world = calloc(1, sizeof(struct world)),
                                   .actions = calloc(1, sizeof(struct cluster_actions)),
                                   .seeds = arguments->seeds_given ? arguments->seeds : 0,
                                   .verbose = arguments->verbose,
                                   .run = run_world };
        if (stories.world == NULL || stories.actions == NULL)
                return 2;
        size_t failed = stories_run(&stories, paths, count);
        free(stories.actions);
        free(stories.world);
        return failed == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
        struct arguments arguments;
        int result = arguments_read(argc, argv, &arguments);
        if (result != 0)
                return result < 0 ? 2 : 0;
        (void)signal(SIGABRT, on_abort);
        if (optind < argc)
                return tell_stories(&arguments, argv + optind, (size_t)(argc - optind));
        (void)printf("seed %" PRIu64 ", %" PRIu64 " in all\n", arguments.first, arguments.seeds);
        (void)fflush(stdout);
        return run(&arguments);
}
