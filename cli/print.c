/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/print.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/table.h"
#include "clusterd/base/text.h"

#define TURN_BYTES 1024
#define TURNS      24 /* more than any row has cells, so that one row can be put together */

static char *turn(void)
{
        static char buffers[TURNS][TURN_BYTES];
        static unsigned next;
        return buffers[next++ % TURNS];
}

const char *field(json_t *object, const char *key)
{
        json_t *value = json_object_get(object, key);
        if (json_is_string(value))
                return json_string_value(value);
        if (json_is_boolean(value))
                return json_is_true(value) ? "yes" : "no";
        if (!json_is_integer(value))
                return "-";
        char *text = turn();
        (void)snprintf(text, TURN_BYTES, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        return text;
}

const char *field_list(json_t *object, const char *key, const char *none)
{
        char *text = turn();
        size_t at, length = 0;
        json_t *item;

        text[0] = '\0';
        json_array_foreach(json_object_get(object, key), at, item)
        {
                int more = snprintf(text + length, TURN_BYTES - length, "%s%s", at == 0 ? "" : " ",
                                    json_string_value(item));
                if (more < 0 || (size_t)more >= TURN_BYTES - length) {
                        memcpy(text + TURN_BYTES - 4, "...", 4);
                        break;
                }
                length += (size_t)more;
        }
        return text[0] == '\0' ? none : text;
}

const char *field_time(json_t *object, const char *key)
{
        const char *iso = json_string_value(json_object_get(object, key));
        struct tm parts = { 0 };

        if (iso == NULL || strptime(iso, "%Y-%m-%dT%H:%M:%S", &parts) == NULL)
                return "-";
        time_t seconds = timegm(&parts);
        char *text = turn();
        if (localtime_r(&seconds, &parts) == NULL ||
            strftime(text, TURN_BYTES, "%Y-%m-%d %H:%M:%S", &parts) == 0)
                return iso;
        return text;
}

const char *duration_text(json_int_t duration_ms)
{
        char *text = turn();
        if (duration_ms < 1000)
                (void)snprintf(text, TURN_BYTES, "%" JSON_INTEGER_FORMAT " ms", duration_ms);
        else if (duration_ms < 120000)
                (void)snprintf(text, TURN_BYTES, "%.1f s", (double)duration_ms / 1000);
        else
                (void)snprintf(text, TURN_BYTES, "%.1f min", (double)duration_ms / 60000);
        return text;
}

const char *copy_times(json_t *copy)
{
        json_int_t duration_ms = json_integer_value(json_object_get(copy, "duration_ms"));
        json_int_t held_ms = json_integer_value(json_object_get(copy, "held_ms"));
        char *text = turn();
        (void)snprintf(text, TURN_BYTES, "%s%s%s%s", duration_ms == 0 ? "" : ", after ",
                       duration_ms == 0 ? "" : duration_text(duration_ms),
                       held_ms == 0 ? "" : ", guest not running for ",
                       held_ms == 0 ? "" : duration_text(held_ms));
        return text;
}

static void dump(json_t *document)
{
        size_t flags = output_is_terminal() ? JSON_INDENT(2) : JSON_COMPACT;
        (void)json_dumpf(document, stdout, flags);
        (void)putchar('\n');
        (void)fflush(stdout);
}

void print_json(enum verb_exit exit, json_t *error, json_t *result)
{
        json_t *document = json_pack("{s:s}", "schema", VERB_SCHEMA);
        if (error != NULL)
                json_object_set_new(document, "exit", json_integer(exit));
        if (error != NULL)
                json_object_set(document, "error", error);
        if (result != NULL)
                json_object_update(document, result);
        dump(document);
        json_decref(document);
}

void print_error(json_t *error)
{
        const char *message = field(error, "message"), *rule = field(error, "rule");
        (void)fflush(stdout);
        (void)fprintf(stderr, "clu: %s\n", message);
        /* the core's refusals are the rule itself: say it once */
        if (!text_equal(rule, "-") && strstr(message, rule) == NULL)
                (void)fprintf(stderr, "  rule: %s\n", rule);
        if (json_object_get(error, "remedy") != NULL)
                (void)fprintf(stderr, "  what to do: %s\n", field(error, "remedy"));
}

void print_quorum_plan(json_t *result)
{
        json_t *quorum = json_object_get(result, "quorum");
        if (quorum != NULL)
                printf("Quorum now: %s\nQuorum then: %s\n", field(quorum, "before"), field(quorum, "after"));
}

void print_plan(json_t *result)
{
        size_t at;
        json_t *step, *steps = json_object_get(result, "steps");
        json_array_foreach(steps, at, step)
        {
                const char *from = field(step, "from"), *to = field(step, "to");
                printf("%3zu. %s %s", at + 1, field(step, "command"), field(step, "subject"));
                if (!text_equal(from, "-"))
                        printf(" from %s", from);
                if (!text_equal(to, "-"))
                        printf(" to %s", to);
                printf(": %s\n", field(step, "reason"));
        }
        if (json_is_true(json_object_get(result, "cut")))
                printf("     ... and more\n");
        print_quorum_plan(result);
        json_t *note;
        json_array_foreach(json_object_get(result, "notes"), at, note)
                printf("Note: %s\n", json_string_value(note));
        printf(json_array_size(steps) == 0 ? "Nothing would happen.\n" : "Nothing has been changed.\n");
}

static void print_changed(const struct verb_call *call, json_t *result)
{
        bool is_entry = json_object_get(result, "index") != NULL;
        printf("%s %s%s%s: done%s%s\n", call->verb->noun, call->verb->name, call->operand == NULL ? "" : " ",
               call->operand == NULL ? "" : call->operand, is_entry ? ", entry " : "",
               is_entry ? field(result, "index") : "");
        if (json_is_string(json_object_get(result, "text")))
                printf("%s\n", field(result, "text"));
}

static void print_shown_role(json_t *result)
{
        const char *definition = json_string_value(json_object_get(result, "definition"));
        if (definition == NULL)
                print_role(result);
        else
                printf("%s%s", definition,
                       definition[0] != '\0' && definition[strlen(definition) - 1] == '\n' ? "" : "\n");
}

void print_result(const struct verb_call *call, json_t *result)
{
        switch (verb_id(call->verb)) {
        case VERB_CLUSTER_STATUS:
                print_cluster_status(result);
                return;
        case VERB_NODE_LIST:
                print_node_list(result);
                return;
        case VERB_NODE_SHOW:
                print_node(result);
                return;
        case VERB_QUORUM_SHOW:
                print_quorum_view(result);
                return;
        case VERB_ROLE_LIST:
                print_role_list(result);
                return;
        case VERB_ROLE_SHOW:
                print_shown_role(result);
                return;
        case VERB_ROLE_WHY:
                print_role_why(result);
                return;
        case VERB_VOLUME_LIST:
                print_volume_list(result);
                return;
        case VERB_VOLUME_SHOW:
                print_volume(result);
                return;
        case VERB_IMAGE_LIST:
                print_image_list(result);
                return;
        case VERB_FENCE_LIST:
                print_fence_list(result);
                return;
        case VERB_FENCE_SHOW:
                print_fence_device(result);
                return;
        case VERB_FENCE_TEST:
                if (verb_call_changes(call))
                        print_changed(call, result);
                else
                        print_fence_test(result);
                return;
        case VERB_FENCE_HISTORY:
        case VERB_EVENT_LIST:
                print_events(result);
                return;
        case VERB_LEDGER_LIST:
                print_entries(result);
                return;
        case VERB_LEDGER_VERIFY:
                print_verdict(result);
                return;
        case VERB_CLUSTER_SET:
        case VERB_CLUSTER_PAUSE:
        case VERB_CLUSTER_RESUME:
        case VERB_NODE_DRAIN:
        case VERB_NODE_SHUT_DOWN:
        case VERB_NODE_RESUME:
        case VERB_NODE_FENCE:
        case VERB_NODE_POWER_ON:
        case VERB_NODE_RELEASE:
        case VERB_NODE_CONFIRM_OFF:
        case VERB_NODE_EVICT:
        case VERB_ROLE_ADD:
        case VERB_ROLE_SET:
        case VERB_ROLE_START:
        case VERB_ROLE_STOP:
        case VERB_ROLE_MOVE:
        case VERB_ROLE_REMOVE:
        case VERB_VOLUME_ADD:
        case VERB_VOLUME_REMOVE:
        case VERB_VOLUME_MOVE:
        case VERB_VOLUME_MAINTENANCE_ON:
        case VERB_VOLUME_MAINTENANCE_OFF:
        case VERB_IMAGE_CREATE:
        case VERB_IMAGE_RESIZE:
        case VERB_IMAGE_SNAPSHOT:
        case VERB_IMAGE_DELETE:
        case VERB_FENCE_ADD:
        case VERB_FENCE_REMOVE:
        case VERB_QUORUM_SET:
        case VERB_QUORUM_FORCE:
        case VERB_WITNESS_SET:
        case VERB_WITNESS_REMOVE:
                print_changed(call, result);
                return;
        case VERB_COUNT:
                break;
        }
        assert(!"no such verb");
}
