/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/settle.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "cli/print.h"
#include "clusterd/base/text.h"

/* A failed role whose next try is sooner than this is still being started somewhere. */
#define NEXT_TRY_SOON_MS 2000

static json_int_t number(json_t *document, const char *key)
{
        return json_integer_value(json_object_get(document, key));
}

static bool is(json_t *document, const char *key, const char *text)
{
        return text_equal(field(document, key), text);
}

#define SETTLE(verdict, how, ...)                                                                            \
        do {                                                                                                 \
                (verdict)->state = (how);                                                                    \
                TEXT_PRINT((verdict)->text, __VA_ARGS__);                                                    \
        } while (0)

static void say_present(json_t *role, struct settle_verdict *verdict)
{
        if (is(role, "state", "moving"))
                SETTLE(verdict, SETTLE_GOES_ON, "%s: moving from %s to %s", field(role, "name"),
                       field(role, "owner"), field(role, "target"));
        else if (json_is_string(json_object_get(role, "owner")))
                SETTLE(verdict, SETTLE_GOES_ON, "%s: %s on %s", field(role, "name"), field(role, "state"),
                       field(role, "owner"));
        else
                SETTLE(verdict, SETTLE_GOES_ON, "%s: %s, %s", field(role, "name"), field(role, "state"),
                       field(role, "reason"));
}

static void settle_start(json_t *role, json_int_t index, struct settle_verdict *verdict)
{
        bool stopped = is(role, "desired", "stopped");

        if (is(role, "state", "online"))
                SETTLE(verdict, SETTLE_DONE, "%s: online on %s", field(role, "name"), field(role, "owner"));
        else if (stopped && is(role, "state", "offline"))
                SETTLE(verdict, SETTLE_DONE, "%s: offline", field(role, "name"));
        else if (is(role, "state", "failed") && number(json_object_get(role, "since"), "index") > index &&
                 number(role, "retry_ms") > NEXT_TRY_SOON_MS)
                SETTLE(verdict, SETTLE_FAILED, "%s failed: %s; the next try is about %s", field(role, "name"),
                       field(role, "reason"), field_time(role, "next_try"));
        else
                say_present(role, verdict);
}

static void settle_stop(json_t *role, struct settle_verdict *verdict)
{
        if (is(role, "state", "offline"))
                SETTLE(verdict, SETTLE_DONE, "%s: offline", field(role, "name"));
        else if (is(role, "desired", "running"))
                SETTLE(verdict, SETTLE_FAILED, "%s is wanted to run again, by somebody else",
                       field(role, "name"));
        else
                say_present(role, verdict);
}

static void settle_ended_move(json_t *role, json_t *move, struct settle_verdict *verdict)
{
        bool measured = json_is_integer(json_object_get(move, "duration_ms"));
        if (json_is_true(json_object_get(move, "succeeded")) && !measured)
                SETTLE(verdict, SETTLE_DONE, "%s: online on %s; nobody could measure the move",
                       field(role, "name"), field(role, "owner"));
        else if (json_is_true(json_object_get(move, "succeeded")))
                SETTLE(verdict, SETTLE_DONE, "%s: online on %s, moved in %s, guest not running for %s",
                       field(role, "name"), field(role, "owner"), duration_text(number(move, "duration_ms")),
                       duration_text(number(move, "downtime_ms")));
        else
                SETTLE(verdict, SETTLE_FAILED, "%s did not move: it is %s on %s: %s", field(role, "name"),
                       field(role, "state"), field(role, "owner"), field(role, "reason"));
}

/* aborts: it was asked to end. What is of no use is removed by the node that runs the role; while none does,
 * that is not waited for. */
static void settle_copy(json_t *role, json_t *copy, bool aborts, struct settle_verdict *verdict)
{
        bool succeeded = json_is_true(json_object_get(copy, "succeeded"));
        bool clearing = is(copy, "state", "clearing"), left = clearing && !is(role, "state", "online");
        enum settle_state wanted = succeeded == aborts ? SETTLE_FAILED : SETTLE_DONE;
        const char *name = field(role, "name"), *disk = field(copy, "disk"), *text = field(copy, "text");
        const char *to = field(copy, "to"), *from = field(copy, "from");
        const char *later = left ? "; the other image goes when it runs again" : "";

        if (clearing && !left)
                SETTLE(verdict, SETTLE_GOES_ON, "%s: disk %s is %.140s, and the other image is removed", name,
                       disk, succeeded ? to : from);
        else if (!is(copy, "state", "none") && !left)
                SETTLE(verdict, SETTLE_GOES_ON, "%s: disk %s is going to %.160s", name, disk, to);
        else if (succeeded)
                SETTLE(verdict, wanted, "%s: disk %s is %.120s%s%s%.80s%s", name, disk, to, copy_times(copy),
                       text[0] == '\0' ? "" : "; ", text, later);
        else
                SETTLE(verdict, wanted, "%s: disk %s stays %.100s: %.120s%s", name, disk, from, text, later);
}

static void settle_move(json_t *role, const struct settle_goal *goal, struct settle_verdict *verdict)
{
        json_t *move = json_object_get(role, "last_move"), *copy = json_object_get(role, "copy");
        bool online = is(role, "state", "online"),
             stopped = is(role, "state", "offline") && is(role, "desired", "stopped");

        if (goal->index != 0 &&
            (number(copy, "index") == goal->index || number(copy, "abort_index") == goal->index))
                settle_copy(role, copy, number(copy, "abort_index") == goal->index, verdict);
        else if (online && json_is_object(move) && number(move, "index") > goal->index)
                settle_ended_move(role, move, verdict);
        else if (online && goal->target != NULL && is(role, "owner", goal->target))
                /* stopped there and started here: OCF agents, or an end of the move was lost */
                SETTLE(verdict, SETTLE_DONE, "%s: online on %s", field(role, "name"), field(role, "owner"));
        else if (online || stopped ||
                 (is(role, "state", "failed") && number(role, "retry_ms") > NEXT_TRY_SOON_MS))
                SETTLE(verdict, SETTLE_FAILED, "%s did not move: it is %s, owner %s: %s", field(role, "name"),
                       field(role, "state"), field(role, "owner"), field(role, "reason"));
        else
                say_present(role, verdict);
}

static int percent_of(json_int_t left, json_int_t before)
{
        return before <= 0 || left > before ? 0 : (int)(100 * (before - left) / before);
}

static void settle_drain(json_t *node, json_int_t roles_before, struct settle_verdict *verdict)
{
        json_int_t left = number(node, "roles");

        verdict->percent = percent_of(left, roles_before);
        if (is(node, "duty", "drained"))
                SETTLE(verdict, SETTLE_DONE, "%s: drained", field(node, "name"));
        else if (is(node, "duty", "active"))
                SETTLE(verdict, SETTLE_FAILED, "%s takes roles again, by somebody else's wish",
                       field(node, "name"));
        else if (left == 0 && json_array_size(json_object_get(node, "exports")) > 0)
                SETTLE(verdict, SETTLE_GOES_ON,
                       "%s: draining; it still writes for roles elsewhere that have lost their path",
                       field(node, "name"));
        else
                SETTLE(verdict, SETTLE_GOES_ON, "%s: draining, roles left: %" JSON_INTEGER_FORMAT,
                       field(node, "name"), left);
}

static void settle_shut_down(json_t *node, json_int_t roles_before, struct settle_verdict *verdict)
{
        if (is(node, "state", "down") || is(node, "state", "lost"))
                SETTLE(verdict, SETTLE_DONE, "%s: shut down", field(node, "name"));
        else if (json_is_string(json_object_get(node, "shut_down")) && is(node, "duty", "drained"))
                SETTLE(verdict, SETTLE_GOES_ON,
                       "%s: drained; its host goes down once the others have a quorum without it, or its "
                       "clusterd's log "
                       "says why not",
                       field(node, "name"));
        else if (!json_is_string(json_object_get(node, "shut_down")) && is(node, "duty", "drained"))
                SETTLE(verdict, SETTLE_DONE, "%s: has booted anew", field(node, "name"));
        else
                settle_drain(node, roles_before, verdict);
}

static void settle_resume(json_t *node, json_int_t roles_before, struct settle_verdict *verdict)
{
        json_int_t left = number(node, "returning");

        verdict->percent = percent_of(left, roles_before);
        if (!is(node, "duty", "active"))
                SETTLE(verdict, SETTLE_FAILED, "%s is %s again, by somebody else's wish", field(node, "name"),
                       field(node, "duty"));
        else if (left == 0)
                SETTLE(verdict, SETTLE_DONE, "%s: %s, takes roles again", field(node, "name"),
                       field(node, "state"));
        else
                SETTLE(verdict, SETTLE_GOES_ON, "%s: roles coming back: %" JSON_INTEGER_FORMAT,
                       field(node, "name"), left);
}

static void settle_fence(json_t *node, struct settle_verdict *verdict)
{
        if (is(node, "state", "lost") || is(node, "state", "isolated"))
                SETTLE(verdict, SETTLE_GOES_ON, "%s: %s, waiting for the proof that it is off",
                       field(node, "name"), field(node, "state"));
        else
                SETTLE(verdict, SETTLE_DONE, "%s: %s, %s", field(node, "name"), field(node, "state"),
                       field(json_object_get(node, "evidence"), "kind"));
}

/* Refused ones are gone: asking for them says why. */
static void settle_volume(json_t *volume, struct settle_verdict *verdict)
{
        char missing[SETTLE_TEXT_BYTES] = "";
        size_t at;
        json_t *path;

        if (is(volume, "state", "ready")) {
                SETTLE(verdict, SETTLE_DONE, "%s: ready on %s", field(volume, "name"),
                       field_list(volume, "direct", "no node"));
                return;
        }
        if (is(volume, "state", "maintenance")) {
                SETTLE(verdict, SETTLE_FAILED, "%s: still in maintenance: %.160s", field(volume, "name"),
                       field(volume, "last_trouble"));
                return;
        }
        json_array_foreach(json_object_get(volume, "paths"), at, path)
        {
                size_t used = strlen(missing);
                if (is(path, "state", "unknown"))
                        (void)snprintf(missing + used, sizeof(missing) - used, " %s", field(path, "node"));
        }
        SETTLE(verdict, SETTLE_GOES_ON, "%s: being proven; not yet by%.80s", field(volume, "name"),
               missing[0] == '\0' ? " the leader" : missing);
}

/* That nodes lack the agent is no failure: it is registered, and works where it is not missing. */
static void settle_fence_add(json_t *device, struct settle_verdict *verdict)
{
        char waited[SETTLE_TEXT_BYTES] = "";
        const char *name = field(device, "name"), *agent = field(device, "agent");
        size_t at;
        json_t *node;

        json_array_foreach(json_object_get(device, "agents"), at, node)
        {
                size_t used = strlen(waited);
                if (json_is_true(json_object_get(node, "level")) && is(node, "agent", "unknown"))
                        (void)snprintf(waited + used, sizeof(waited) - used, " %s", field(node, "node"));
        }
        if (waited[0] != '\0')
                SETTLE(verdict, SETTLE_GOES_ON, "%s: registered; who has %s? Not yet said by%.200s", name,
                       agent, waited);
        else if (json_array_size(json_object_get(device, "missing")) > 0)
                SETTLE(verdict, SETTLE_DONE,
                       "%s: registered, but %s is missing on %s: install it there, because any node may lead",
                       name, agent, field_list(device, "missing", ""));
        else
                SETTLE(verdict, SETTLE_DONE, "%s: registered, and every node here has %s", name, agent);
}

static void settle_fence_test(json_t *node, struct settle_verdict *verdict)
{
        json_t *test = json_object_get(node, "test");
        const char *name = field(node, "name");

        if (json_is_integer(json_object_get(test, "level")))
                SETTLE(verdict, SETTLE_GOES_ON, "%s: level %s of its fence devices turns it %s", name,
                       field(test, "level"), field(test, "step"));
        else if (number(test, "failed") > 0)
                SETTLE(verdict, SETTLE_FAILED,
                       "%s: steps of the test of its fence devices that failed: %s; clu fence history %s "
                       "tells which",
                       name, field(test, "failed"), name);
        else if (is(node, "state", "down") || is(node, "state", "lost") || is(node, "state", "isolated"))
                SETTLE(verdict, SETTLE_GOES_ON, "%s: its fence devices passed the test, it is booting", name);
        else
                SETTLE(verdict, SETTLE_DONE, "%s: its fence devices turned it off and on, and it is back",
                       name);
}

static void settle_power_on(json_t *node, struct settle_verdict *verdict)
{
        json_t *test = json_object_get(node, "test");
        const char *name = field(node, "name");

        if (json_is_integer(json_object_get(test, "level")))
                SETTLE(verdict, SETTLE_GOES_ON, "%s: level %s of its fence devices turns it on", name,
                       field(test, "level"));
        else if (number(test, "failed") > 0)
                SETTLE(verdict, SETTLE_FAILED,
                       "%s: levels of its fence devices that could not turn it on: %s; clu fence history %s "
                       "tells which",
                       name, field(test, "failed"), name);
        else if (is(node, "state", "down"))
                SETTLE(verdict, SETTLE_GOES_ON, "%s: on, and booting", name);
        else
                SETTLE(verdict, SETTLE_DONE, "%s: on, and back", name);
}

/* Until it has no vote the others still count on it. */
static void settle_evict(json_t *node, struct settle_verdict *verdict)
{
        if (!is(node, "state", "evicted"))
                SETTLE(verdict, SETTLE_FAILED, "%s is a node again, and %s", field(node, "name"),
                       field(node, "state"));
        else if (json_is_true(json_object_get(node, "voter")))
                SETTLE(verdict, SETTLE_GOES_ON, "%s: evicted, its vote is being taken away",
                       field(node, "name"));
        else
                SETTLE(verdict, SETTLE_DONE, "%s: evicted", field(node, "name"));
}

void settle_read(const struct verb *verb, json_t *document, const struct settle_goal *goal,
                 struct settle_verdict *ret_verdict)
{
        json_t *progress = json_object_get(document, "progress");

        *ret_verdict = (struct settle_verdict){ .percent = -1 };
        if (json_is_object(progress)) {
                ret_verdict->percent = (int)number(progress, "percent");
                ret_verdict->mib_s = (int)number(progress, "mib_s");
        }
        if (verb_id(verb) == VERB_ROLE_ADD || verb_id(verb) == VERB_ROLE_START)
                settle_start(document, goal->index, ret_verdict);
        else if (verb_id(verb) == VERB_ROLE_STOP)
                settle_stop(document, ret_verdict);
        else if (verb_id(verb) == VERB_ROLE_MOVE)
                settle_move(document, goal, ret_verdict);
        else if (verb_id(verb) == VERB_NODE_DRAIN)
                settle_drain(document, goal->roles_before, ret_verdict);
        else if (verb_id(verb) == VERB_NODE_SHUT_DOWN)
                settle_shut_down(document, goal->roles_before, ret_verdict);
        else if (verb_id(verb) == VERB_NODE_RESUME)
                settle_resume(document, goal->roles_before, ret_verdict);
        else if (verb_id(verb) == VERB_NODE_FENCE)
                settle_fence(document, ret_verdict);
        else if (verb_id(verb) == VERB_NODE_EVICT)
                settle_evict(document, ret_verdict);
        else if (verb_id(verb) == VERB_NODE_POWER_ON)
                settle_power_on(document, ret_verdict);
        else if (verb_id(verb) == VERB_VOLUME_ADD || verb_id(verb) == VERB_VOLUME_MAINTENANCE_OFF)
                settle_volume(document, ret_verdict);
        else if (verb_id(verb) == VERB_FENCE_ADD)
                settle_fence_add(document, ret_verdict);
        else if (verb_id(verb) == VERB_FENCE_TEST)
                settle_fence_test(document, ret_verdict);
        else
                assert(!"nothing to wait for");
}
