/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "simulation/shrink.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"

void shrink_rule(const char *violation, char rule[64])
{
        size_t length = strcspn(violation, ";");
        text_copy(rule, length + 1 < 64 ? length + 1 : 64, violation);
}

/* Whether a list breaks the rule still; the world is left as it ended, for who wants to look. */
static bool breaks(struct shrink *shrink, const struct incident_list *list)
{
        struct statistics unused = { 0 };
        struct world_options options = shrink->options;
        char rule[64];
        options.play = list;
        options.text = options.verbose = false;
        shrink->runs++;
        bool passed = shrink->run(shrink->world, &options, shrink->actions, &unused, NULL);
        shrink_rule(shrink->world->violation, rule);
        return !passed && text_equal(rule, shrink->rule);
}

static bool still_breaks(struct shrink *shrink, const struct incident_list *list)
{
        if (shrink->runs >= shrink->runs_max)
                return false;
        bool same = breaks(shrink, list);
        world_release(shrink->world);
        return same;
}

/* Without the items from first on; peace stays, or a run would have no end. */
static void copy_without(const struct incident_list *list, size_t first, size_t count,
                         struct incident_list *ret_copy)
{
        ret_copy->count = 0;
        for (size_t i = 0; i < list->count; i++)
                if (i < first || i >= first + count || list->item[i].kind == INCIDENT_PEACE)
                        incident_list_add(ret_copy, &list->item[i]);
}

/* One pass over the list in pieces of that size; true when something went. */
static bool drop_pieces(struct shrink *shrink, struct incident_list *list, size_t piece)
{
        struct incident_list copy = { 0 };
        bool dropped = false;
        for (size_t at = 0; at < list->count;) {
                copy_without(list, at, piece, &copy);
                if (copy.count == list->count || !still_breaks(shrink, &copy)) {
                        at += piece;
                        continue;
                }
                struct incident_list kept = *list;
                *list = copy;
                copy = kept;
                dropped = true;
        }
        incident_list_release(&copy);
        return dropped;
}

static void shorten(struct shrink *shrink, struct incident *incident, const struct incident_list *list)
{
        for (;;) {
                uint64_t before_us = incident->duration_us;
                uint64_t shorter_us = before_us / 2000 * 1000; /* whole milliseconds read better */
                if (shorter_us == 0 || shorter_us == before_us)
                        return;
                incident->duration_us = shorter_us;
                if (!still_breaks(shrink, list)) {
                        incident->duration_us = before_us;
                        return;
                }
        }
}

/* Every run needs an end, also one that breaks nothing: right behind where this one broke the rule. */
static void end_in_peace(struct incident_list *list, uint64_t end_us)
{
        for (size_t i = 0; i < list->count; i++)
                if (list->item[i].kind == INCIDENT_PEACE)
                        return;
        incident_list_add(list, &(struct incident){ .kind = INCIDENT_PEACE, .at_us = end_us + MS(1) });
}

void shrink_list(struct shrink *shrink, struct incident_list *list, uint64_t end_us)
{
        end_in_peace(list, end_us);
        for (size_t piece = list->count / 2; piece > 0; piece /= 2)
                (void)drop_pieces(shrink, list, piece);
        while (drop_pieces(shrink, list, 1))
                ;
        for (size_t i = 0; i < list->count; i++)
                shorten(shrink, &list->item[i], list);
}

/* --- the story --- */

static void take_cluster(struct world *world, struct scenario *scenario)
{
        scenario->seed = world->options.seed;
        scenario->cold = true;
        scenario->mishaps = true;
        scenario->fenced_boot = true;
        scenario->settings = world->settings;
        scenario->roles_max = world->roles_max;
        scenario->names_max = world->names.max;
        scenario->node_count = world->node_count;
        WORLD_EACH_NODE (world, node) {
                struct node *row = &scenario_object_add(scenario, OBJECT_NODE)->node;
                row->id = node->id;
                TEXT_COPY(row->name, node->name);
                row->memory_mib = node->memory_mib;
                row->cpus = node->cpus;
                row->watchdog = node->has_watchdog;
        }
}

int shrink_write(struct shrink *shrink, const struct incident_list *list, FILE *stream)
{
        struct scenario scenario;
        char rule[64];
        struct statistics unused = { 0 };
        scenario_init(&scenario);
        (void)breaks(shrink, list);
        take_cluster(shrink->world, &scenario);
        TEXT_PRINT(scenario.title, "seed %" PRIu64 " breaks %.100s", shrink->options.seed, shrink->rule);
        world_release(shrink->world);
        for (size_t i = 0; i < list->count; i++)
                incident_list_add(&scenario.incidents, &list->item[i]);
        scenario_write(&scenario, stream);

        struct world_options options = { .seed = scenario.seed, .scenario = &scenario };
        bool passed = shrink->run(shrink->world, &options, shrink->actions, &unused, NULL);
        shrink_rule(shrink->world->violation, rule);
        world_release(shrink->world);
        scenario_release(&scenario);
        return !passed && text_equal(rule, shrink->rule) ? 0 : -EINVAL;
}
