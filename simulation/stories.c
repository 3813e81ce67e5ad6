/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "simulation/stories.h"

#include <inttypes.h>
#include <string.h>

void telling_print(const struct telling *telling, FILE *stream)
{
        for (size_t i = 0; i < telling->count; i++) {
                const struct told *told = &telling->told[i];
                (void)fprintf(stream, "%9.3f  %s%s%s\n", (double)told->at_us / 1e6, told->words,
                              told->reason[0] == '\0' ? "" : ": ", told->reason);
        }
}

bool verdict_print(struct world *world, const struct scenario *scenario, const char *path, FILE *stream)
{
        bool all = !world->violated;
        if (world->violated)
                (void)fprintf(stream, "%s: seed %" PRIu64 ": %s\n", path, world->options.seed,
                              world->violation);
        for (size_t i = 0; i < scenario->expectation_count; i++) {
                const struct expectation *expectation = &scenario->expectations[i];
                char text[400];
                if (expectation_holds(world, expectation, text, sizeof(text)))
                        continue;
                all = false;
                (void)fprintf(stream, "%s:%d: seed %" PRIu64 ": %s: %s\n", path, expectation->line,
                              world->options.seed, expectation->text, text);
        }
        return all;
}

static bool run_seed(const struct stories *stories, const struct scenario *scenario, const char *path,
                     uint64_t seed)
{
        struct statistics unused = { 0 };
        struct world_options options = { .seed = seed, .scenario = scenario };
        (void)stories->run(stories->world, &options, stories->actions, &unused, NULL);
        if (stories->verbose)
                telling_print(&stories->world->telling, stdout);
        bool good = verdict_print(stories->world, scenario, path, stdout);
        world_release(stories->world);
        return good;
}

static bool run_story(const struct stories *stories, const char *path)
{
        struct scenario scenario;
        char error[SCENARIO_ERROR_BYTES];
        if (scenario_read(path, &scenario, error) < 0) {
                (void)printf("%s\n", error);
                return false;
        }
        uint64_t first = stories->seeds == 0 ? scenario.seed : 1;
        uint64_t last = stories->seeds == 0 ? scenario.seed : stories->seeds;
        bool good = true;
        for (uint64_t seed = first; seed <= last && good; seed++)
                good = run_seed(stories, &scenario, path, seed);
        (void)printf("%s %s: %s\n", good ? "ok  " : "FAIL", path, scenario.title);
        scenario_release(&scenario);
        return good;
}

size_t stories_run(const struct stories *stories, char *const *paths, size_t count)
{
        size_t failed = 0;
        for (size_t i = 0; i < count; i++)
                failed += !run_story(stories, paths[i]);
        (void)printf("%zu stories, %zu failed\n", count, failed);
        return failed;
}
