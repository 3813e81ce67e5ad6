/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Plays actions to the libvirt adapter and prints what comes of them, without
 * a cluster around it. Lines on standard input:
 *
 *     list | start NAME PATH | stop NAME TIMEOUT_MS
 *     move NAME ADDRESS MIGRATION_ADDRESS | resume NAME | announce NAME
 *     export NAME PATH [open] | redirect NAME ADDRESS PORT/KEY | return NAME
 *
 * Ends when the input has ended and everything is answered; tells how long
 * the loop was ever held up. PATH is shorter than a hash: it travels as one.
 */

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clusterd/base/text.h"
#include "clusterd/io/hypervisor.h"
#include "clusterd/io/log.h"

#define TICK_MS 20

struct probe {
        qb_loop_t *loop;
        struct hypervisor *hypervisor;
        uint64_t begun_ms, ticked_ms, lag_ms;
        unsigned outstanding;
        uint64_t listings;
        bool is_input_over;
        char input[4096];
        size_t input_bytes;
        char moving[NAME_BYTES];
        struct hypervisor_progress progress;
};

static uint64_t now_ms(void)
{
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void __attribute__((format(printf, 2, 3))) say(const struct probe *probe, const char *format, ...)
{
        va_list arguments;
        va_start(arguments, format);
        printf("%7llu ", (unsigned long long)(now_ms() - probe->begun_ms));
        vprintf(format, arguments);
        printf("\n");
        va_end(arguments);
        (void)fflush(stdout);
}

static const char *observation_text(enum observation observation)
{
        static const char *const texts[OBSERVATION_COUNT] = {
                "absent",   "absent-shutdown", "absent-failed", "absent-moved", "incoming",
                "outgoing", "paused",          "running",       "stalled",
        };
        return observation < OBSERVATION_COUNT ? texts[observation] : "?";
}

static const char *result_text(enum operation_result result)
{
        static const char *const texts[] = { "succeeded", "failed", "unknown" };
        return texts[result];
}

static void on_done(struct probe *probe, const struct cluster_event_operation *done)
{
        static const char *const names[OPERATION_COUNT] = { "none",   "start",    "stop",  "move",
                                                            "resume", "redirect", "return" };
        probe->outstanding--;
        if (done->operation == OPERATION_MOVE)
                probe->moving[0] = '\0';
        say(probe, "done %s %s %s, %s, duration=%u downtime=%u %s", names[done->operation], done->role,
            result_text(done->result), observation_text(done->observation), done->duration_ms,
            done->downtime_ms, done->text);
}

static void on_listed(struct probe *probe, const struct cluster_event *event)
{
        unsigned long long listing = event->listed.listing;
        if (event->listed.failed)
                say(probe, "list %llu failed", listing);
        else if (event->listed.end)
                say(probe, "list %llu end", listing);
        else
                say(probe, "list %llu %s %s %s", listing, event->listed.role,
                    event->listed.export ? "export" : observation_text(event->listed.observation),
                    event->listed.text);
        if (listing != 0 && (event->listed.failed || event->listed.end))
                probe->outstanding--;
}

static void on_export(struct probe *probe, const struct cluster_event *event)
{
        probe->outstanding--;
        say(probe, "export %s %s %s: %u/%s %s", event->export.role, event->export.open ? "open" : "close",
            result_text(event->export.result), event->export.port, event->export.key, event->export.text);
}

static void on_event(void *context, const struct cluster_event *event)
{
        struct probe *probe = context;
        if (event->kind == CLUSTER_EVENT_OBSERVED)
                say(probe, "observed %s %s %s", event->observed.role,
                    observation_text(event->observed.observation), event->observed.text);
        else if (event->kind == CLUSTER_EVENT_LISTED)
                on_listed(probe, event);
        else if (event->kind == CLUSTER_EVENT_EXPORT)
                on_export(probe, event);
        else
                on_done(probe, &event->operation);
}

static int read_definition(void *context, const uint8_t hash[HASH_BYTES], char **ret_text, size_t *ret_bytes)
{
        (void)context;
        FILE *file = fopen((const char *)hash, "re");
        if (file == NULL)
                return -errno;
        char *text = calloc(1, DEFINITION_BYTES + 1);
        *ret_bytes = text == NULL ? 0 : fread(text, 1, DEFINITION_BYTES, file);
        *ret_text = text;
        (void)fclose(file);
        return text == NULL ? -ENOMEM : 0;
}

static bool parse(struct probe *probe, char *line, struct cluster_action *action)
{
        char verb[16], first[64] = "", second[64] = "", third[80] = "";
        int count = sscanf(line, "%15s %63s %63s %79s", verb, first, second, third);
        if (count < 1)
                return false;
        TEXT_COPY(action->role.name, first);
        if (text_equal(verb, "list")) {
                action->kind = CLUSTER_ACTION_LIST;
                action->listing = ++probe->listings;
        } else if (text_equal(verb, "start") && strlen(second) < HASH_BYTES) {
                action->kind = CLUSTER_ACTION_START;
                memcpy(action->role.definition_hash, second, strlen(second));
        } else if (text_equal(verb, "stop")) {
                action->kind = CLUSTER_ACTION_STOP;
                action->role.timeout_ms = (uint32_t)strtoul(second, NULL, 10);
        } else if (text_equal(verb, "move") && count == 4) {
                action->kind = CLUSTER_ACTION_MOVE;
                TEXT_COPY(action->role.address, second);
                TEXT_COPY(action->role.migration_address, third);
                TEXT_COPY(probe->moving, first);
        } else if (text_equal(verb, "resume")) {
                action->kind = CLUSTER_ACTION_RESUME;
        } else if (text_equal(verb, "redirect") && count == 4) {
                action->kind = CLUSTER_ACTION_REDIRECT;
                TEXT_COPY(action->role.address, second);
                return sscanf(third, "%u/%64s", &action->role.port, action->role.key) == 2;
        } else if (text_equal(verb, "return")) {
                action->kind = CLUSTER_ACTION_RETURN;
        } else if (text_equal(verb, "export") && strlen(second) < HASH_BYTES) {
                action->kind = CLUSTER_ACTION_EXPORT;
                action->role.open = count == 4;
                memcpy(action->role.definition_hash, second, strlen(second));
        } else if (text_equal(verb, "announce")) {
                action->kind = CLUSTER_ACTION_ANNOUNCE;
        } else {
                return false;
        }
        return true;
}

static void play(struct probe *probe, char *line)
{
        static struct cluster_action action;
        memset(&action, 0, sizeof(action));
        say(probe, "> %s", line);
        if (!parse(probe, line, &action)) {
                say(probe, "what?");
                return;
        }
        probe->outstanding += action.kind != CLUSTER_ACTION_ANNOUNCE;
        hypervisor_carry_out(probe->hypervisor, &action);
}

static int32_t on_input(int32_t fd, int32_t events, void *context)
{
        struct probe *probe = context;
        (void)events;
        ssize_t count =
                read(fd, probe->input + probe->input_bytes, sizeof(probe->input) - 1 - probe->input_bytes);
        if (count <= 0) {
                probe->is_input_over = true;
                (void)qb_loop_poll_del(probe->loop, fd);
                return 0;
        }
        probe->input_bytes += (size_t)count;
        probe->input[probe->input_bytes] = '\0';
        char *line = probe->input;
        for (char *end = strchr(line, '\n'); end != NULL; end = strchr(line, '\n')) {
                *end = '\0';
                play(probe, line);
                line = end + 1;
        }
        probe->input_bytes = strlen(line);
        memmove(probe->input, line, probe->input_bytes + 1);
        return 0;
}

static void watch_progress(struct probe *probe)
{
        struct hypervisor_progress progress = { 0 };
        TEXT_COPY(progress.role, probe->moving);
        if (probe->moving[0] == '\0' || !hypervisor_progress_read(probe->hypervisor, &progress) ||
            memcmp(&progress, &probe->progress, sizeof(progress)) == 0)
                return;
        probe->progress = progress;
        say(probe, "progress %s %s %u%% %u MiB/s, %llu MiB remain", progress.role, progress.step,
            progress.percent, progress.mib_s, (unsigned long long)progress.remaining_mib);
}

static void on_tick(void *context)
{
        struct probe *probe = context;
        uint64_t now = now_ms();
        if (now - probe->ticked_ms > probe->lag_ms + TICK_MS)
                probe->lag_ms = now - probe->ticked_ms - TICK_MS;
        probe->ticked_ms = now;
        watch_progress(probe);
        if (probe->is_input_over && probe->outstanding == 0)
                qb_loop_stop(probe->loop);
        else
                qb_loop_timer_add(probe->loop, QB_LOOP_HIGH, TICK_MS * QB_TIME_NS_IN_MSEC, probe, on_tick,
                                  NULL);
}

/* Of the disks below that directory, at that address. */
static struct disk_exports *exports_of(const char *directory, const char *address)
{
        static struct model model;
        struct disk_exports *exports = disk_exports_new("/tmp", 1);
        model.volumes[1].id = 1;
        model.volumes[1].kind = VOLUME_DIRECTORY;
        TEXT_COPY(model.volumes[1].name, "csv");
        TEXT_COPY(model.volumes[1].path, directory);
        TEXT_COPY(model.nodes[1].address, address);
        disk_exports_know(exports, &model);
        return exports;
}

int main(int argc, char **argv)
{
        struct mailbox *mailbox = NULL;
        struct probe probe = { .begun_ms = now_ms(), .ticked_ms = now_ms(), .loop = qb_loop_create() };
        struct hypervisor_options options = {
                .uri = argc > 1 ? argv[1] : "qemu:///system",
                .peer_uri = argc > 2 ? argv[2] : "qemu+tcp://%s/system",
                .exports = exports_of("/csv", argc > 3 ? argv[3] : ""),
                .redirect_dir = "/tmp/redirect",
        };
        struct hypervisor_listener listener = { &probe, on_event, read_definition };
        uint32_t memory, free_memory, cpus;
        log_open("hypervisor-probe", true, LOG_INFO, "/tmp");
        host_capacity_read(&memory, &free_memory, &cpus);
        say(&probe, "capacity %u MiB, %u MiB free, %u processors", memory, free_memory, cpus);
        if (mailbox_new(probe.loop, &mailbox) < 0 ||
            hypervisor_new(mailbox, &options, &listener, &probe.hypervisor) < 0)
                return EXIT_FAILURE;
        qb_loop_poll_add(probe.loop, QB_LOOP_MED, STDIN_FILENO, POLLIN | POLLHUP, &probe, on_input);
        on_tick(&probe);
        qb_loop_run(probe.loop);
        uint64_t freed_ms = now_ms();
        hypervisor_free(probe.hypervisor);
        say(&probe, "end: longest hold-up of the loop %llu ms, freed in %llu ms",
            (unsigned long long)probe.lag_ms, (unsigned long long)(now_ms() - freed_ms));
        disk_exports_free(options.exports);
        mailbox_free(mailbox);
        qb_loop_destroy(probe.loop);
        log_close();
        return EXIT_SUCCESS;
}
