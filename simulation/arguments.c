/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "simulation/arguments.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "clusterd/base/limits.h"
#include "simulation/mutation_choice.h"

#define TAIL_LINES_DEFAULT 120

static void usage(FILE *stream)
{
        (void)fputs("usage: simulate [--seeds N] [--verbose] FILE...\n"
                    "       simulate [--seed N] [--first N] [--seeds N] [--nodes N] [--roles N]\n"
                    "                [--seconds N] [--verbose] [--repeat] [--hashes] [--keep-going] [--tail "
                    "LINES] "
                    "[--budget SECONDS]\n"
                    "                [--jobs N] [--coverage] [--power-cuts EVERY] [--shrink FOLDER]\n"
                    "                [--cut-step N --cut-nodes MASK [--cut-written]]\n"
                    "       simulate-mutants --mutations\n"
                    "       simulate-mutants --mutation NAME [as above]\n",
                    stream);
}

int arguments_read(int argc, char **argv, struct arguments *arguments)
{
        *arguments = (struct arguments){ .first = 1, .seeds = 1, .jobs = 1, .tail = TAIL_LINES_DEFAULT };
        static const struct option options[] = {
                { "seed", required_argument, NULL, 's' },
                { "first", required_argument, NULL, 'f' },
                { "seeds", required_argument, NULL, 'n' },
                { "nodes", required_argument, NULL, 'N' },
                { "seconds", required_argument, NULL, 't' },
                { "verbose", no_argument, NULL, 'v' },
                { "repeat", no_argument, NULL, 'r' },
                { "keep-going", no_argument, NULL, 'k' },
                { "tail", required_argument, NULL, 'l' },
                { "budget", required_argument, NULL, 'b' },
                { "jobs", required_argument, NULL, 'j' },
                { "roles", required_argument, NULL, 'R' },
                { "hashes", no_argument, NULL, 'H' },
                { "coverage", no_argument, NULL, 'c' },
                { "power-cuts", required_argument, NULL, 'p' },
                { "cut-step", required_argument, NULL, 'K' },
                { "cut-nodes", required_argument, NULL, 'C' },
                { "cut-written", no_argument, NULL, 'w' },
                { "shrink", required_argument, NULL, 'S' },
                { "mutation", required_argument, NULL, 'm' },
                { "mutations", no_argument, NULL, 'M' },
                { "help", no_argument, NULL, 'h' },
                { NULL, 0, NULL, 0 },
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
                        arguments->seeds_given = true;
                        break;
                case 'N':
                        arguments->nodes = number <= NODES_MAX ? (uint32_t)number : NODES_MAX;
                        break;
                case 'R':
                        arguments->roles = number <= ROLES_MAX ? (uint32_t)number : ROLES_MAX;
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
                case 'j':
                        arguments->jobs = number >= 1 && number <= 1024 ? (uint32_t)number : 1;
                        break;
                case 'c':
                        arguments->coverage = true;
                        break;
                case 'p':
                        arguments->cut_every = number;
                        break;
                case 'K':
                        arguments->cut.step = number;
                        break;
                case 'C':
                        arguments->cut.nodes = number;
                        break;
                case 'w':
                        arguments->cut.written = true;
                        break;
                case 'H':
                        arguments->hashes = true;
                        break;
                case 'S':
                        arguments->shrink = optarg;
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
                case 'm':
                        if (mutation_choose(optarg))
                                break;
                        (void)fprintf(stderr, "simulate: this core has no guard '%s' to take away\n", optarg);
                        return -1;
                case 'M':
                        mutations_print(stdout);
                        return 1;
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
