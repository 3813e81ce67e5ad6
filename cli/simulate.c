/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/simulate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/print.h"
#include "clusterd/base/scope.h"
#include "clusterd/base/text.h"
#include "simulation/stories.h"

const char simulate_synopsis[] = "simulate FILE [--seed N] [--json]";
const char simulate_help[] = "Tell a story of a cluster by clusterd's own decisions, and whether it ends as "
                             "it should.";

struct asked {
        const char *path;
        const char *seed;
        bool json, help;
};

static int usage(const struct asked *asked, const char *message)
{
        json_t *error = call_error(message, NULL, "clu simulate --help");
        if (asked->json)
                print_json(VERB_EXIT_USAGE, error, NULL);
        else
                print_error(error);
        json_decref(error);
        return VERB_EXIT_USAGE;
}

static int read_words(int count, const char *const *words, struct asked *asked)
{
        char message[200];
        for (int i = 0; i < count; i++)
                asked->json = asked->json || text_equal(words[i], "--json");
        for (int i = 0; i < count; i++) {
                if (text_equal(words[i], "--help") || text_equal(words[i], "-h"))
                        asked->help = true;
                else if (text_equal(words[i], "--seed") && i + 1 < count)
                        asked->seed = words[++i];
                else if (words[i][0] != '-' && asked->path == NULL)
                        asked->path = words[i];
                else if (!text_equal(words[i], "--json")) {
                        TEXT_PRINT(message, "'%.100s' is not understood: clu %s", words[i],
                                   simulate_synopsis);
                        return usage(asked, message);
                }
        }
        return asked->path != NULL || asked->help ? 0 : usage(asked, "simulate needs a file with a story");
}

static json_t *events_document(const struct telling *telling)
{
        json_t *events = json_array();
        for (size_t i = 0; i < telling->count; i++) {
                const struct told *told = &telling->told[i];
                json_array_append_new(events, json_pack("{s:I, s:s, s:s}", "at_us", (json_int_t)told->at_us,
                                                        "event", told->words, "reason", told->reason));
        }
        return events;
}

static json_t *expectations_document(struct world *world, const struct scenario *scenario, size_t *ret_failed)
{
        json_t *expectations = json_array();
        for (size_t i = 0; i < scenario->expectation_count; i++) {
                const struct expectation *expectation = &scenario->expectations[i];
                char text[400];
                bool holds = expectation_holds(world, expectation, text, sizeof(text));
                *ret_failed += !holds;
                json_array_append_new(expectations,
                                      json_pack("{s:i, s:s, s:b, s:s}", "line", expectation->line, "expected",
                                                expectation->text, "holds", holds, "instead", text));
        }
        return expectations;
}

static int print_document(struct world *world, const struct scenario *scenario)
{
        size_t failed = 0;
        json_t *expectations = expectations_document(world, scenario, &failed);
        json_t *error = NULL;
        if (world->violated)
                error = call_error(world->violation, "what must never happen: ARCHITECTURE.md, section 11",
                                   NULL);
        else if (failed > 0)
                error = call_error("it did not come as expected", NULL, NULL);
        json_t *result = json_pack("{s:s, s:I, s:o, s:o}", "story", scenario->title, "seed",
                                   (json_int_t)world->options.seed, "expectations", expectations, "events",
                                   events_document(&world->telling));
        print_json(error == NULL ? VERB_EXIT_DONE : VERB_EXIT_FAILED, error, result);
        int exit = error == NULL ? VERB_EXIT_DONE : VERB_EXIT_FAILED;
        json_decref(error);
        json_decref(result);
        return exit;
}

static int print_text(struct world *world, const struct scenario *scenario, const char *path)
{
        printf("%s (seed %llu)\n\n", scenario->title, (unsigned long long)world->options.seed);
        telling_print(&world->telling, stdout);
        printf("\n");
        bool good = verdict_print(world, scenario, path, stdout);
        printf("%s\n",
               good ? "It came as expected, and no rule was broken." : "It did not come as expected.");
        return good ? VERB_EXIT_DONE : VERB_EXIT_FAILED;
}

static int run(const struct asked *asked, const struct scenario *scenario, uint64_t seed)
{
        SCOPED_FREE struct world *world = calloc(1, sizeof(*world));
        SCOPED_FREE struct cluster_actions *actions = calloc(1, sizeof(*actions));
        struct statistics unused = { 0 };
        struct world_options options = { .seed = seed, .scenario = scenario };
        if (world == NULL || actions == NULL)
                return VERB_EXIT_FAILED;
        (void)world_run(world, &options, actions, &unused, NULL);
        int exit = asked->json ? print_document(world, scenario) : print_text(world, scenario, asked->path);
        world_release(world);
        return exit;
}

int simulate_command(int count, const char *const *words)
{
        struct asked asked = { 0 };
        struct scenario scenario;
        char error[SCENARIO_ERROR_BYTES], *end = NULL;
        if (read_words(count, words, &asked) != 0)
                return VERB_EXIT_USAGE;
        if (asked.help) {
                printf("clu %s\n\n%s\nThe form of the file: tests/scenarios/README.md.\n", simulate_synopsis,
                       simulate_help);
                return VERB_EXIT_DONE;
        }
        errno = 0;
        uint64_t seed = asked.seed != NULL ? strtoull(asked.seed, &end, 10) : 0;
        if (asked.seed != NULL && (errno != 0 || end == asked.seed || *end != '\0' || asked.seed[0] == '-'))
                return usage(&asked, "--seed takes a number");
        if (scenario_read(asked.path, &scenario, error) < 0)
                return usage(&asked, error);
        int exit = run(&asked, &scenario, asked.seed != NULL ? seed : scenario.seed);
        scenario_release(&scenario);
        return exit;
}
