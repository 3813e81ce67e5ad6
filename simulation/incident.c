/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "simulation/incident.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "clusterd/base/text.h"
#include "simulation/operator_words.h"
#include "simulation/world.h"

static struct simulated_node *node_of(struct world *world, const struct incident *incident)
{
        assert(incident->node >= 1 && incident->node <= world->node_count);
        return &world->nodes[incident->node];
}

/* --- the network --- */

static void apply_partition(struct world *world, const struct incident *incident)
{
        WORLD_EACH_NODE (world, node)
                node->station.label = 100 + node->id;
        for (uint32_t part = 0; part < INCIDENT_PARTS_MAX; part++)
                NODE_SET_EACH (incident->parts[part], id)
                        world->nodes[id].station.label = part;
        network_changed(world);
        if (incident->duration_us != 0)
                world_schedule(world, incident->duration_us, EVENT_MEND, NULL, 0, 0);
}

static void apply_isolate(struct world *world, const struct incident *incident)
{
        node_of(world, incident)->station.label = 100 + incident->node;
        network_changed(world);
        if (incident->duration_us != 0)
                world_schedule(world, incident->duration_us, EVENT_MEND, NULL, 0, 0);
}

static void apply_cut_links(struct world *world, const struct incident *incident)
{
        NODE_SET_EACH (incident->parts[0], id)
                world->nodes[id].station.cut |= incident->parts[1] & ~node_set_of(id);
        NODE_SET_EACH (incident->parts[1], id)
                world->nodes[id].station.cut |= incident->parts[0] & ~node_set_of(id);
        network_changed(world);
        if (incident->duration_us != 0)
                world_schedule(world, incident->duration_us, EVENT_MEND, NULL, 0, 0);
}

static void apply_heal_network(struct world *world, const struct incident *incident)
{
        (void)incident;
        faults_on_mend(world, NULL);
}

static void apply_kill_corosync(struct world *world, const struct incident *incident)
{
        struct simulated_node *node = node_of(world, incident);
        if (!node->station.up)
                return;
        network_stop(world, node);
        if (node->daemon_life != 0) {
                struct cluster_event event = { .kind = CLUSTER_EVENT_VIEW };
                shell_send_later(world, node, &event, random_between(&world->random, 100, MS(5)));
        }
        world_schedule(world, incident->duration_us, EVENT_COROSYNC, node, 0, 0);
}

/* Its guests are nobody's business then but clu-guard's. */
static void apply_stop_corosync(struct world *world, const struct incident *incident)
{
        struct simulated_node *node = node_of(world, incident);
        if (!node->station.up)
                return;
        shell_stop(world, node);
        network_stop_in_order(world, node);
        if (incident->duration_us == 0)
                return;
        world_schedule(world, incident->duration_us, EVENT_COROSYNC, node, 0, 0);
        shell_start_later(world, node, incident->duration_us + MS(10));
}

/* --- a node --- */

static void apply_power_off(struct world *world, const struct incident *incident)
{
        struct simulated_node *node = node_of(world, incident);
        if (!node->powered)
                return;
        power_off(world, node, "power fails");
        node->dark = true;
        if (incident->duration_us != 0)
                power_boot_later(world, node, incident->duration_us);
}

static void apply_power_on(struct world *world, const struct incident *incident)
{
        power_boot_later(world, node_of(world, incident), 0);
}

static void apply_freeze(struct world *world, const struct incident *incident)
{
        power_freeze(world, node_of(world, incident), incident->duration_us);
}

/* SIGSTOP, no memory, a debugger: its guests, corosync and clu-guard go on. */
static void apply_freeze_clusterd(struct world *world, const struct incident *incident)
{
        struct simulated_node *node = node_of(world, incident);
        if (!shell_runs(world, node))
                return;
        world_note(world, node, "clusterd freezes for %" PRIu64 " ms", incident->duration_us / 1000);
        node->daemon_froze_us = world->now_us;
        node->daemon_thaw_us = world->now_us + incident->duration_us;
}

static void apply_kill_clusterd(struct world *world, const struct incident *incident)
{
        struct simulated_node *node = node_of(world, incident);
        if (node->daemon_life == 0)
                return;
        shell_stop(world, node);
        if (incident->duration_us != 0)
                shell_start_later(world, node, incident->duration_us);
}

static void apply_stop_clusterd(struct world *world, const struct incident *incident)
{
        struct simulated_node *node = node_of(world, incident);
        if (shell_runs(world, node))
                shell_stop_in_order(world, node, incident->duration_us);
}

static void apply_start_clusterd(struct world *world, const struct incident *incident)
{
        struct simulated_node *node = node_of(world, incident);
        if (node->powered)
                shell_start_later(world, node, 0);
}

/* The clock on the wall, which no rule may read. */
static void apply_clock_ahead(struct world *world, const struct incident *incident)
{
        node_of(world, incident)->wall_offset_ms += (int64_t)(incident->duration_us / 1000);
}

static void apply_clock_back(struct world *world, const struct incident *incident)
{
        node_of(world, incident)->wall_offset_ms -= (int64_t)(incident->duration_us / 1000);
}

/* The monotonic one: so much in each second. */
static void apply_clock_fast(struct world *world, const struct incident *incident)
{
        node_clock_drift(world, node_of(world, incident), (int32_t)incident->duration_us);
}

static void apply_clock_slow(struct world *world, const struct incident *incident)
{
        node_clock_drift(world, node_of(world, incident), -(int32_t)incident->duration_us);
}

/* --- its disk --- */

static uint64_t until_us(const struct world *world, const struct incident *incident)
{
        return incident->duration_us == 0 ? UINT64_MAX : world->now_us + incident->duration_us;
}

static void apply_fail_disk(struct world *world, const struct incident *incident)
{
        node_of(world, incident)->disk.failing_until_us = until_us(world, incident);
}

static void apply_slow_disk(struct world *world, const struct incident *incident)
{
        node_of(world, incident)->disk.slow_until_us = until_us(world, incident);
}

static void apply_hang_disk(struct world *world, const struct incident *incident)
{
        struct disk *disk = &node_of(world, incident)->disk;
        uint64_t hung_until_us = until_us(world, incident);
        if (hung_until_us >
            disk->hung_until_us) /* what waits for the end of an earlier one goes on waiting */
                disk->hung_until_us = hung_until_us;
}

static void apply_forget_entries(struct world *world, const struct incident *incident)
{
        disk_compact(world, &node_of(world, incident)->disk, 0);
}

static void apply_back_up_disk(struct world *world, const struct incident *incident)
{
        disk_back_up(&node_of(world, incident)->disk);
}

static void apply_restore_disk(struct world *world, const struct incident *incident)
{
        struct simulated_node *node = node_of(world, incident);
        if (!faults_may_go_back(world, node))
                return;
        WORLD_EACH_NODE (world, other) /* a snapshot that is cut short would leave one voter of two */
                if (world->node_count == 2 && !disk_keeps_after(&other->disk, &node->disk.backup->applied))
                        return;
        power_off(world, node, "gets its disk as it was once");
        disk_restore(&node->disk);
        power_boot_later(world, node, incident->duration_us);
}

static void apply_wipe(struct world *world, const struct incident *incident)
{
        struct simulated_node *node = node_of(world, incident);
        if (world->node_count < 3 || !faults_may_lose(world, node))
                return;
        power_off(world, node, "gets a new disk");
        disk_wipe(&node->disk);
        power_boot_later(world, node, incident->duration_us);
}

/* --- its watchdog --- */

static void apply_unload_watchdog(struct world *world, const struct incident *incident)
{
        struct simulated_node *node = node_of(world, incident);
        if (node->keeper.running)
                return; /* the kernel keeps what is open */
        node->watchdog_from_us = until_us(world, incident);
}

static void apply_load_watchdog(struct world *world, const struct incident *incident)
{
        node_of(world, incident)->watchdog_from_us = 0;
}

/* --- its hypervisor --- */

static void apply_stop_libvirtd(struct world *world, const struct incident *incident)
{
        hypervisor_outage(world, node_of(world, incident), incident->duration_us);
}

static void apply_fail_starts(struct world *world, const struct incident *incident)
{
        node_of(world, incident)->hypervisor.starts_fail_until_us = until_us(world, incident);
}

static void apply_late_starts(struct world *world, const struct incident *incident)
{
        node_of(world, incident)->hypervisor.starts_late_until_us = until_us(world, incident);
}

static struct trouble *trouble_of(struct world *world, const struct incident *incident)
{
        return &world->troubles[names_number(&world->names, incident->role)];
}

static void apply_fail_starts_of(struct world *world, const struct incident *incident)
{
        trouble_of(world, incident)->starts_fail_until_us = until_us(world, incident);
}

static void apply_fail_moves_of(struct world *world, const struct incident *incident)
{
        trouble_of(world, incident)->moves_fail_until_us = until_us(world, incident);
}

static void apply_tear_moves_of(struct world *world, const struct incident *incident)
{
        trouble_of(world, incident)->moves_tear_until_us = until_us(world, incident);
}

static void apply_deaf_guest(struct world *world, const struct incident *incident)
{
        trouble_of(world, incident)->deaf_until_us = until_us(world, incident);
}

static void apply_start_guest(struct world *world, const struct incident *incident)
{
        struct simulated_node *node = node_of(world, incident);
        if (node->powered && !node->frozen && hypervisor_domain(world, node, incident->role) == NULL)
                hypervisor_start_by_hand(world, node, incident->role);
}

static void guest_ends(struct world *world, const char *role, enum observation why)
{
        WORLD_EACH_NODE (world, node) {
                struct domain *domain = node->frozen ? NULL : hypervisor_domain(world, node, role);
                if (domain != NULL && domain->state == DOMAIN_RUNNING)
                        hypervisor_guest_ends(world, node, domain, why);
        }
}

static void apply_crash_guest(struct world *world, const struct incident *incident)
{
        guest_ends(world, incident->role, OBSERVED_ABSENT_FAILED);
}

static void apply_shut_down_guest(struct world *world, const struct incident *incident)
{
        guest_ends(world, incident->role, OBSERVED_ABSENT_SHUTDOWN);
}

/* --- its paths to volumes --- */

static struct path_trouble *path_of(struct world *world, const struct incident *incident)
{
        return volume_trouble(world, node_of(world, incident), incident->role);
}

static void apply_lose_path(struct world *world, const struct incident *incident)
{
        path_of(world, incident)->lost_until_us = until_us(world, incident);
}

static void apply_hang_path(struct world *world, const struct incident *incident)
{
        path_of(world, incident)->hung_until_us = until_us(world, incident);
}

static void apply_misplace_path(struct world *world, const struct incident *incident)
{
        path_of(world, incident)->misplaced_until_us = until_us(world, incident);
}

static void apply_fail_writes(struct world *world, const struct incident *incident)
{
        path_of(world, incident)->failed_until_us = until_us(world, incident);
        stall_soon(world, node_of(world, incident));
}

static void apply_kill_export(struct world *world, const struct incident *incident)
{
        if (!node_of(world, incident)->frozen)
                export_ends(world, node_of(world, incident), incident->role);
}

static void apply_fail_path(struct world *world, const struct incident *incident)
{
        apply_lose_path(world, incident);
        apply_fail_writes(world, incident);
}

static void apply_restart_target(struct world *world, const struct incident *incident)
{
        gateway_forget_keys(world, incident->role);
}

/* --- the witness --- */

static void apply_silence_witness(struct world *world, const struct incident *incident)
{
        world->witnesses.silent_until_us = until_us(world, incident);
        qnetd_ends(world);
}

static void apply_cut_witness(struct world *world, const struct incident *incident)
{
        node_of(world, incident)->witness_io.cut_until_us = until_us(world, incident);
        qnetd_cut(world, node_of(world, incident));
}

static void apply_replace_witness(struct world *world, const struct incident *incident)
{
        (void)incident;
        witness_replace(world);
        qnetd_ends(world);
}

/* --- fence devices, people --- */

static void apply_break_fences(struct world *world, const struct incident *incident)
{
        world->faults.fence_broken_until_us = until_us(world, incident);
}

static void apply_set_fence(struct world *world, const struct incident *incident)
{
        uint32_t habit;
        if (fence_habit_parse(incident->words, &habit) == 0)
                fence_habit_set(world, incident->role, habit);
}

static int check_habit(const char *words, char ret_error[VERB_ERROR_BYTES])
{
        uint32_t habit;
        int error = fence_habit_parse(words, &habit);
        if (error < 0)
                (void)snprintf(ret_error, VERB_ERROR_BYTES, "'%.32s' is no habit of a fence device: %s",
                               words, fence_habits());
        return error;
}

static void apply_calm(struct world *world, const struct incident *incident)
{
        (void)incident;
        world_begin_calm(world);
}

static void apply_peace(struct world *world, const struct incident *incident)
{
        (void)incident;
        world_begin_peace(world);
}

#define ROLE_LASTING ((unsigned)INCIDENT_ROLE | (unsigned)INCIDENT_LASTING)
#define NODE_LASTING ((unsigned)INCIDENT_NODE | (unsigned)INCIDENT_LASTING)
#define PATH_LASTING (NODE_LASTING | (unsigned)INCIDENT_ROLE)
#define PATH_FOR     (NODE_FOR | (unsigned)INCIDENT_ROLE)
#define NODE_FOR     ((unsigned)INCIDENT_NODE | (unsigned)INCIDENT_DURATION)

static const struct incident_rule rules[INCIDENT_KIND_COUNT] = {
        [INCIDENT_PARTITION] = { "partition", (unsigned)INCIDENT_PARTS | (unsigned)INCIDENT_LASTING,
                                 "only nodes of one part reach each other", apply_partition },
        [INCIDENT_ISOLATE] = { "isolate", NODE_LASTING, "it reaches nobody", apply_isolate },
        [INCIDENT_CUT_LINKS] = { "cut-links", (unsigned)INCIDENT_PARTS | (unsigned)INCIDENT_LASTING,
                                 "nodes before the bar and nodes behind it do not hear each other; others "
                                 "hear both",
                                 apply_cut_links },
        [INCIDENT_HEAL_NETWORK] = { "heal-network", 0, "everybody reaches everybody", apply_heal_network },
        [INCIDENT_KILL_COROSYNC] = { "kill-corosync", NODE_FOR, "it starts again afterwards",
                                     apply_kill_corosync },
        [INCIDENT_STOP_COROSYNC] = { "stop-corosync", NODE_LASTING,
                                     "in order, and clusterd with it: the others know at once; its guests "
                                     "run on",
                                     apply_stop_corosync },
        [INCIDENT_POWER_OFF] = { "power-off", NODE_LASTING, "it boots afterwards", apply_power_off },
        [INCIDENT_POWER_ON] = { "power-on", INCIDENT_NODE, "it boots, if it is off", apply_power_on },
        [INCIDENT_FREEZE] = { "freeze", NODE_FOR,
                              "nothing on it runs, its guests neither; afterwards all goes on, late",
                              apply_freeze },
        [INCIDENT_FREEZE_CLUSTERD] = { "freeze-clusterd", NODE_FOR,
                                       "it stands still; its guests and clu-guard do not",
                                       apply_freeze_clusterd },
        [INCIDENT_STOP_CLUSTERD] = { "stop-clusterd", NODE_LASTING,
                                     "in order: it hands its vote on, if that is needed",
                                     apply_stop_clusterd },
        [INCIDENT_KILL_CLUSTERD] = { "kill-clusterd", NODE_LASTING,
                                     "its guests run on; it starts again afterwards", apply_kill_clusterd },
        [INCIDENT_START_CLUSTERD] = { "start-clusterd", INCIDENT_NODE, "if it does not run",
                                      apply_start_clusterd },
        [INCIDENT_CLOCK_AHEAD] = { "clock-ahead", NODE_FOR, "its wall clock steps forward by so much",
                                   apply_clock_ahead },
        [INCIDENT_CLOCK_BACK] = { "clock-back", NODE_FOR, "its wall clock steps back by so much",
                                  apply_clock_back },
        [INCIDENT_CLOCK_FAST] = { "clock-fast", NODE_FOR, "its monotonic clock gains so much each second",
                                  apply_clock_fast },
        [INCIDENT_CLOCK_SLOW] = { "clock-slow", NODE_FOR, "its monotonic clock loses so much each second",
                                  apply_clock_slow },
        [INCIDENT_UNLOAD_WATCHDOG] = { "unload-watchdog", NODE_LASTING,
                                       "its driver goes, unless clu-guard holds it open; it comes back "
                                       "afterwards",
                                       apply_unload_watchdog },
        [INCIDENT_LOAD_WATCHDOG] = { "load-watchdog", INCIDENT_NODE, "it has one from now on",
                                     apply_load_watchdog },
        [INCIDENT_FAIL_DISK] = { "fail-disk", NODE_LASTING, "nothing can be stored", apply_fail_disk },
        [INCIDENT_SLOW_DISK] = { "slow-disk", NODE_LASTING, "storing takes up to a second", apply_slow_disk },
        [INCIDENT_HANG_DISK] = { "hang-disk", NODE_FOR, "what is being stored is stored when that is over",
                                 apply_hang_disk },
        [INCIDENT_FORGET_ENTRIES] = { "forget-entries", INCIDENT_NODE,
                                      "of its ledger: whoever lacks them needs a snapshot",
                                      apply_forget_entries },
        [INCIDENT_BACK_UP_DISK] = { "back-up-disk", INCIDENT_NODE, "as it is now", apply_back_up_disk },
        [INCIDENT_RESTORE_DISK] = { "restore-disk", NODE_FOR,
                                    "it is as it was when it was backed up, and the node boots afterwards; "
                                    "only while all others hold all that it held",
                                    apply_restore_disk },
        [INCIDENT_WIPE] = { "wipe", NODE_FOR,
                            "it gets a blank disk, and boots afterwards; only while all others hold all that "
                            "it held",
                            apply_wipe },
        [INCIDENT_STOP_LIBVIRTD] = { "stop-libvirtd", NODE_FOR, "its guests run on, and nobody can ask",
                                     apply_stop_libvirtd },
        [INCIDENT_FAIL_STARTS] = { "fail-starts", NODE_LASTING, "no guest can be started on it",
                                   apply_fail_starts },
        [INCIDENT_LATE_STARTS] = { "late-starts", NODE_LASTING,
                                   "starts that nobody waits for any more come true", apply_late_starts },
        [INCIDENT_FAIL_STARTS_OF] = { "fail-starts-of", ROLE_LASTING, "it can be started nowhere",
                                      apply_fail_starts_of },
        [INCIDENT_FAIL_MOVES_OF] = { "fail-moves-of", ROLE_LASTING,
                                     "its migrations fail, and it stays where it is", apply_fail_moves_of },
        [INCIDENT_TEAR_MOVES_OF] = { "tear-moves-of", ROLE_LASTING,
                                     "its migrations break at the switch: it is left paused at its source, "
                                     "and may "
                                     "run at its target",
                                     apply_tear_moves_of },
        [INCIDENT_DEAF_GUEST] = { "deaf-guest", ROLE_LASTING,
                                  "it does not listen when it is asked to shut down", apply_deaf_guest },
        [INCIDENT_START_GUEST] = { "start-guest", (unsigned)INCIDENT_NODE | (unsigned)INCIDENT_ROLE,
                                   "somebody does it by hand, past the cluster", apply_start_guest },
        [INCIDENT_CRASH_GUEST] = { "crash-guest", INCIDENT_ROLE, "where it runs", apply_crash_guest },
        [INCIDENT_SHUT_DOWN_GUEST] = { "shut-down-guest", INCIDENT_ROLE, "from inside, where it runs",
                                       apply_shut_down_guest },
        [INCIDENT_LOSE_PATH] = { "lose-path", PATH_LASTING, "it does not find the volume's directory",
                                 apply_lose_path },
        [INCIDENT_HANG_PATH] = { "hang-path", PATH_FOR, "what it writes to the volume is written afterwards",
                                 apply_hang_path },
        [INCIDENT_MISPLACE_PATH] = { "misplace-path", PATH_LASTING,
                                     "it finds a directory of its own in the volume's place",
                                     apply_misplace_path },
        [INCIDENT_FAIL_PATH] = { "fail-path", PATH_LASTING,
                                 "what is read and written there fails, also for guests", apply_fail_path },
        [INCIDENT_FAIL_WRITES] = { "fail-writes", PATH_LASTING,
                                   "its guests' writes to the volume fail, as when that is full",
                                   apply_fail_writes },
        [INCIDENT_KILL_EXPORT] = { "kill-export", (unsigned)INCIDENT_NODE | (unsigned)INCIDENT_ROLE,
                                   "of a role's disks, if it has one", apply_kill_export },
        [INCIDENT_RESTART_TARGET] = { "restart-target", INCIDENT_ROLE,
                                      "the target of that volume begins anew, and knows no keys any more",
                                      apply_restart_target },
        [INCIDENT_SILENCE_WITNESS] = { "silence-witness", INCIDENT_LASTING, "it answers nobody",
                                       apply_silence_witness },
        [INCIDENT_CUT_WITNESS] = { "cut-witness", NODE_LASTING, "that node does not reach it",
                                   apply_cut_witness },
        [INCIDENT_REPLACE_WITNESS] = { "replace-witness", 0, "something else lies in its place",
                                       apply_replace_witness },
        [INCIDENT_BREAK_FENCES] = { "break-fences", INCIDENT_LASTING, "every fence device fails or hangs",
                                    apply_break_fences },
        [INCIDENT_SET_FENCE] = { "set-fence", (unsigned)INCIDENT_ROLE | (unsigned)INCIDENT_WORDS,
                                 "DEVICE HABIT: works, busy, fails, hangs, slow, late, lies or silent",
                                 apply_set_fence, check_habit },
        [INCIDENT_PROPOSE] = { "propose", (unsigned)INCIDENT_NODE | (unsigned)INCIDENT_WORDS,
                               "multicasts what nobody may obey: assign, move, report, relocate, redirect, "
                               "closed ROLE NODE, "
                               "ready, path "
                               "VOLUME NODE, or evidence, join, lost, drained, epoch - NODE; then stale, "
                               "forged or late",
                               hostile_carry_out, hostile_words_check },
        [INCIDENT_CLU] = { "clu", INCIDENT_WORDS, "an operator's command, in clu's words", operator_carry_out,
                           operator_words_check },
        [INCIDENT_CALM] = { "calm", 0,
                            "nothing fails any more, and nobody puts right what is left: what should run "
                            "does, "
                            "or its reason is true",
                            apply_calm },
        [INCIDENT_PEACE] = { "peace", 0,
                             "nothing fails any more; within three minutes all that is wanted must come "
                             "about",
                             apply_peace },
};

const struct incident_rule *incident_rule(enum incident_kind kind)
{
        return &rules[kind];
}

/* --- lists, and their way into a run --- */

void incident_list_add(struct incident_list *list, const struct incident *incident)
{
        if (list->count == list->capacity) {
                list->capacity = list->capacity == 0 ? 64 : 2 * list->capacity;
                list->item = realloc(list->item, list->capacity * sizeof(*list->item));
                assert(list->item != NULL);
        }
        list->item[list->count++] = *incident;
}

void incident_list_release(struct incident_list *list)
{
        free(list->item);
        *list = (struct incident_list){ 0 };
}

void incident_schedule(struct world *world, struct incident incident, uint64_t delay_us)
{
        struct incident *kept = malloc(sizeof(*kept));
        assert(kept != NULL);
        *kept = incident;
        kept->at_us = world->now_us + delay_us;
        queue_push(&world->queue,
                   (struct event){ .time_us = kept->at_us, .kind = EVENT_INCIDENT, .payload = kept });
}

void incident_on_due(struct world *world, const struct event *event)
{
        incident_apply(world, event->payload);
}

void incident_apply(struct world *world, const struct incident *incident)
{
        if (world->record != NULL)
                incident_list_add(world->record, incident);
        char text[INCIDENT_WORDS_BYTES + 64];
        incident_print(incident, text, sizeof(text));
        world_note(world, NULL, "== %s", text);
        tell(world, "", "befalls %s", text);
        coverage_incident(world, incident->kind);
        rules[incident->kind].apply(world, incident);
}
