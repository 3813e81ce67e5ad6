/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/io/request_entry_text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>

#include "clusterd/base/text.h"

/* A sentence that grows; what does not fit is cut. */
struct sentence {
        const struct model *model;
        char *text;
        size_t length, size;
};

static void __attribute__((format(printf, 2, 3))) say(struct sentence *sentence, const char *format, ...)
{
        va_list arguments;
        va_start(arguments, format);
        int more = vsnprintf(sentence->text + sentence->length, sentence->size - sentence->length, format,
                             arguments);
        va_end(arguments);
        size_t room = sentence->size - sentence->length - 1;
        sentence->length += more < 0 ? 0 : (size_t)more > room ? room : (size_t)more;
}

static const char *name_of(const struct sentence *sentence, uint32_t node)
{
        return model_node_name(sentence->model, node);
}

static void say_reason(struct sentence *sentence, const char *reason)
{
        if (reason[0] != '\0')
                say(sentence, ": %s", reason);
}

/* Durations as people read them: 870 ms, 3.2 s. */
static void say_duration(struct sentence *sentence, uint32_t duration_ms)
{
        if (duration_ms < 1000)
                say(sentence, "%" PRIu32 " ms", duration_ms);
        else
                say(sentence, "%" PRIu32 ".%" PRIu32 " s", duration_ms / 1000, duration_ms % 1000 / 100);
}

static void say_nodes(struct sentence *sentence, node_set set)
{
        if (set == 0)
                say(sentence, "none");
        const char *gap = "";
        NODE_SET_EACH (set, node) {
                const struct node *known = model_node(sentence->model, node);
                if (known != NULL)
                        say(sentence, "%s%s", gap, known->name);
                else
                        say(sentence, "%snode %" PRIu32, gap, node);
                gap = " ";
        }
}

void node_set_text(node_set set, const struct model *model, char *text, size_t text_bytes)
{
        struct sentence sentence = { .model = model, .text = text, .size = text_bytes };
        text[0] = '\0';
        say_nodes(&sentence, set);
}

static void say_evidence(struct sentence *sentence, const char *whom, const struct evidence *evidence)
{
        if (evidence->kind == EVIDENCE_NONE)
                return;
        say(sentence, "; %s cannot run it: %s", whom, evidence_kind_name(evidence->kind));
        if (evidence->text[0] != '\0')
                say(sentence, " by %s", evidence->text);
        say(sentence, ", entry %" PRIu64, evidence->index);
}

static void say_epoch(struct sentence *sentence, const struct entry *entry)
{
        const struct command_epoch *epoch = &entry->command.epoch;
        say(sentence, "epoch %" PRIu64 " begins, led by %s, with ", entry->epoch,
            name_of(sentence, epoch->leader));
        say_nodes(sentence, epoch->members);
        if (epoch->forced == 0)
                return;
        say(sentence, "; forced: it votes alone from here on");
        say_reason(sentence, epoch->reason);
}

static void say_node_evidence(struct sentence *sentence, const struct command_node_evidence *evidence)
{
        say(sentence, "%s runs nothing any more: %s", name_of(sentence, evidence->node),
            evidence_kind_name(evidence->kind));
        if (evidence->text[0] != '\0')
                say(sentence, " by %s", evidence->text);
        say(sentence, ", ");
        say_duration(sentence, evidence->duration_ms);
        say(sentence, " after the loss");
}

static void say_join(struct sentence *sentence, const struct command_node_join *join)
{
        say(sentence, "%s is here with %" PRIu32 " MiB, %" PRIu32 " cpus and %s watchdog", join->name,
            join->memory_mib, join->cpus, join->watchdog ? "a" : "no");
}

static void say_assign(struct sentence *sentence, const struct command_role_assign *assign)
{
        say(sentence, "%s is given to %s at generation %" PRIu64, assign->role,
            name_of(sentence, assign->node), assign->generation);
        say_reason(sentence, assign->reason);
        say_evidence(sentence, "its last owner", &assign->owner_evidence);
        say_evidence(sentence, "its move's target", &assign->target_evidence);
}

static void say_move(struct sentence *sentence, const struct command_role_move *move)
{
        say(sentence, "%s is to move to %s", move->role,
            move->target == NODE_NONE ? "the best place" : name_of(sentence, move->target));
        say_reason(sentence, move->reason);
}

static void say_relocate(struct sentence *sentence, const struct command_role_relocate *relocate)
{
        say(sentence, "%s is stopped, to be started where its volumes are", relocate->role);
        say_reason(sentence, relocate->reason);
}

static void say_redirect(struct sentence *sentence, const struct command_role_redirect *redirect)
{
        say(sentence, "%s is to write for %s", name_of(sentence, redirect->exporter), redirect->role);
        say_reason(sentence, redirect->reason);
}

static void say_redirect_end(struct sentence *sentence, const struct command_role_redirect_end *end)
{
        say(sentence, "the export of %s's disks is to be closed", end->role);
        say_reason(sentence, end->reason);
}

static void say_redirect_report(struct sentence *sentence, const struct command_redirect_report *report)
{
        static const char *const words[REDIRECT_REPORT_COUNT] = {
                [REDIRECT_REPORT_OPENED] = "is exported by",
                [REDIRECT_REPORT_SERVED] = "runs by an export on",
                [REDIRECT_REPORT_RETURNED] = "runs by its own files on",
                [REDIRECT_REPORT_FAILED] = "cannot go over to an export on",
                [REDIRECT_REPORT_CLOSED] = "is exported no more by",
        };
        say(sentence, "%s %s %s", report->role, words[report->kind], name_of(sentence, report->node));
        say_reason(sentence, report->text);
}

static void say_role_copy(struct sentence *sentence, const struct command_role_copy *copy)
{
        say(sentence, "disk %s of %s is to go from %s to %s", copy->disk, copy->role, copy->from, copy->to);
        say_reason(sentence, copy->reason);
}

static void say_copy_report(struct sentence *sentence, const struct command_copy_report *report)
{
        static const char *const words[COPY_REPORT_COUNT] = {
                [COPY_REPORT_HELD] = "is held, its old image and the new one are equal",
                [COPY_REPORT_DONE] = "has the new image",
                [COPY_REPORT_FAILED] = "keeps the old image",
                [COPY_REPORT_CLEARED] = "has one image",
        };
        say(sentence, "%s on %s %s", report->role, name_of(sentence, report->node), words[report->kind]);
        if (report->held_ms > 0) {
                say(sentence, ", held for ");
                say_duration(sentence, report->held_ms);
        }
        say_reason(sentence, report->text);
}

static const char *const report_words[REPORT_COUNT] = {
        [REPORT_RUNNING] = "runs on",
        [REPORT_STOPPED] = "was stopped on",
        [REPORT_SHUT_DOWN] = "shut itself down on",
        [REPORT_FAILED] = "failed on",
        [REPORT_START_FAILED] = "could not be started on",
        [REPORT_ABSENT] = "is not on",
        [REPORT_STABLE] = "has run for long on",
        [REPORT_STALLED] = "stands still on",
        [REPORT_RESUMED] = "goes on on",
};

static void say_report(struct sentence *sentence, const struct command_role_report *report)
{
        say(sentence, "%s %s %s", report->role, report_words[report->kind], name_of(sentence, report->node));
        if (report->duration_ms > 0) {
                say(sentence, ", after ");
                say_duration(sentence, report->duration_ms);
        }
        if (report->downtime_ms > 0) {
                say(sentence, ", guest not running for ");
                say_duration(sentence, report->downtime_ms);
        }
        say_reason(sentence, report->text);
}

static void say_settings(struct sentence *sentence, const struct command_cluster_set *set)
{
        const struct settings *settings = &set->settings;
        if (set->fields == SETTINGS_FIELD_GUARD_INDEX) {
                say(sentence, "every node goes by the shorter times of entry %" PRIu64,
                    settings->guard_index);
                return;
        }
        say(sentence, "settings change:");
        if (set->fields & SETTINGS_FIELD_MOVES_MAX)
                say(sentence, " max-moves %" PRIu32, settings->moves_max);
        if (set->fields & SETTINGS_FIELD_ISOLATION_HOLD)
                say(sentence, " isolation-hold %" PRIu32 " ms", settings->isolation_hold_ms);
        if (set->fields & SETTINGS_FIELD_STOP_GRACE)
                say(sentence, " stop-grace %" PRIu32 " ms", settings->stop_grace_ms);
        if (set->fields & SETTINGS_FIELD_WATCHDOG)
                say(sentence, " watchdog %" PRIu32 " ms", settings->watchdog_ms);
        if (set->fields & SETTINGS_FIELD_MARGIN)
                say(sentence, " margin %" PRIu32 " ms", settings->margin_ms);
        if (set->fields & SETTINGS_FIELD_QUARANTINE_LOSSES)
                say(sentence, " quarantine-losses %" PRIu32, settings->quarantine_losses);
        if (set->fields & SETTINGS_FIELD_QUARANTINE_WINDOW)
                say(sentence, " quarantine-window %" PRIu32 " ms", settings->quarantine_window_ms);
        if (set->fields & SETTINGS_FIELD_QUARANTINE)
                say(sentence, " quarantine %" PRIu32 " ms", settings->quarantine_ms);
        if (set->fields & SETTINGS_FIELD_LEASE_RENEW)
                say(sentence, " lease-renew %" PRIu32 " ms", settings->lease_renew_ms);
        if (set->fields & SETTINGS_FIELD_LEASE)
                say(sentence, " lease %" PRIu32 " ms", settings->lease_ms);
        if (set->fields & SETTINGS_FIELD_LEASE_STOP)
                say(sentence, " lease-stop %" PRIu32 " ms", settings->lease_stop_ms);
        if (set->fields & SETTINGS_FIELD_RESILIENCY)
                say(sentence, " resiliency-period %" PRIu32 " ms", settings->resiliency_ms);
        if (set->fields & SETTINGS_FIELD_STALL_LIMIT)
                say(sentence, " stall-limit %" PRIu32 " ms", settings->stall_limit_ms);
}

static void say_pause(struct sentence *sentence, const struct command_cluster_pause *pause)
{
        say(sentence, "no failover and no fencing for ");
        say_duration(sentence, pause->for_ms);
        say(sentence, "; guests of a node without contact are stopped after ");
        say_duration(sentence, sentence->model->settings.isolation_hold_ms);
        say(sentence, " all the same");
        say_reason(sentence, pause->reason);
}

static void say_role_add(struct sentence *sentence, const struct role *role)
{
        say(sentence, "%s is registered (%s, %" PRIu32 " MiB, %" PRIu32 " cpus), to be %s", role->name,
            role_kind_name(role->kind), role->memory_mib, role->cpus, role_desired_name(role->desired));
}

static void say_preferred(struct sentence *sentence, const struct role *role)
{
        say(sentence, " preferred nodes");
        if (role->preferred[0] == NODE_NONE)
                say(sentence, " none");
        for (size_t i = 0; i < PREFERRED_MAX && role->preferred[i] != NODE_NONE; i++)
                say(sentence, " %s", name_of(sentence, role->preferred[i]));
}

static void say_role_set(struct sentence *sentence, const struct command_role_set *set)
{
        say(sentence, "%s changes:", set->role.name);
        if (set->fields & ROLE_FIELD_NOTE)
                say(sentence, " note '%s'", set->role.note);
        if (set->fields & ROLE_FIELD_PRIORITY)
                say(sentence, " priority %" PRId32, set->role.priority);
        if (set->fields & ROLE_FIELD_PREFERRED)
                say_preferred(sentence, &set->role);
        if (set->fields & ROLE_FIELD_POSSIBLE) {
                say(sentence, " possible nodes ");
                if (set->role.possible == 0)
                        say(sentence, "all");
                else
                        say_nodes(sentence, set->role.possible);
        }
        if (set->fields & ROLE_FIELD_DEFINITION)
                say(sentence, " definition, from the next start");
        if (set->fields & ROLE_FIELD_STOP_TIMEOUT)
                say(sentence, " stop-timeout %" PRIu32 " ms", set->role.stop_timeout_ms);
}

static void say_fence_add(struct sentence *sentence, const struct fence_device *device)
{
        say(sentence, "fence device %s (%s) is registered for ", device->name, device->agent);
        say_nodes(sentence, device->targets);
        say(sentence, ", level %" PRIu32, device->level);
}

static void say_fence_report(struct sentence *sentence, const struct command_fence_report *report)
{
        const char *node = name_of(sentence, report->node);
        if (report->device[0] == '\0')
                say(sentence, "the keys of %s on volume %s %s", node, report->volume,
                    report->succeeded ? "are taken away" : "could not be taken away");
        else
                say(sentence, "fence device %s (level %" PRIu32 ") %s %s", report->device, report->level,
                    report->succeeded ? "has turned off" : "could not turn off", node);
        say(sentence, ", after ");
        say_duration(sentence, report->duration_ms);
        say_reason(sentence, report->text);
}

static void say_voter_set(struct sentence *sentence, const struct command_voter_set *change)
{
        say(sentence, "the voters are now ");
        say_nodes(sentence, change->voters);
        say(sentence, "%s", change->witness != 0 ? " and the witness" : "");
        say_reason(sentence, change->reason);
}

static void say_fence_test(struct sentence *sentence, const struct command_fence_test *test)
{
        say(sentence, "%s is to be turned %s by each level of its fence devices%s",
            name_of(sentence, test->node), test->on_only ? "on" : "off and on",
            test->force ? ", by force" : "");
        say_reason(sentence, test->reason);
}

static void say_fence_tested(struct sentence *sentence, const struct command_fence_tested *tested)
{
        say(sentence, "fence level %" PRIu32 ": %s was%s turned %s", tested->level,
            name_of(sentence, tested->node), tested->succeeded ? "" : " not", tested->on ? "on" : "off");
        say(sentence, ", after ");
        say_duration(sentence, tested->duration_ms);
        say_reason(sentence, tested->reason);
}

static void say_quorum_set(struct sentence *sentence, const struct command_quorum_set *set)
{
        if (set->fields & QUORUM_FIELD_DYNAMIC)
                say(sentence, "votes %s what is lost", set->dynamic ? "follow" : "do not follow");
        if (set->fields & QUORUM_FIELD_PRIORITY)
                say(sentence, "%s%s has quorum priority %d",
                    set->fields & QUORUM_FIELD_DYNAMIC ? ", and " : "", name_of(sentence, set->node),
                    set->priority);
        say_reason(sentence, set->reason);
}

static void say_witness(struct sentence *sentence, const struct command_witness *command, bool set)
{
        const struct witness *witness = &command->witness;
        say(sentence, "the witness (%s %s) is %s", witness_kind_name(witness->kind),
            witness->kind == WITNESS_DISK ? witness->volume : witness->place, set ? "set" : "to be removed");
        say_reason(sentence, command->reason);
}

static void say_node(struct sentence *sentence, const struct command_node *node, const char *what)
{
        say(sentence, "%s %s", name_of(sentence, node->node), what);
        say_reason(sentence, node->reason);
}

static const char *drain_words(enum shut_down then)
{
        return then == SHUT_DOWN_OFF      ? "is to be drained and shut down"
               : then == SHUT_DOWN_REBOOT ? "is to be drained and booted anew"
                                          : "is to be drained";
}

static void say_volume(struct sentence *sentence, const struct command_volume *command, const char *what)
{
        say(sentence, "volume %s %s", command->volume, what);
        say_reason(sentence, command->reason);
}

static void say_volume_move(struct sentence *sentence, const struct command_volume_move *move)
{
        say(sentence, "volume %s is coordinated by %s", move->volume, name_of(sentence, move->node));
        say_reason(sentence, move->reason);
}

static void say_volume_report(struct sentence *sentence, const struct command_volume_report *report)
{
        const char *node = name_of(sentence, report->node);
        if (report->state == PATH_MARKED)
                say(sentence, "%s has left its mark on volume %s", node, report->volume);
        else if (report->state == PATH_DIRECT)
                say(sentence, "%s has a direct path to volume %s", node, report->volume);
        else
                say(sentence, "%s has lost volume %s", node, report->volume);
        say_reason(sentence, report->text);
}

void entry_text(const struct entry *entry, const struct model *model, char text[ENTRY_TEXT_BYTES])
{
        const struct command *command = &entry->command;
        struct sentence sentence = { .model = model, .text = text, .size = ENTRY_TEXT_BYTES };

        text[0] = '\0';
        switch (command->kind) {
        case COMMAND_EPOCH:
                say_epoch(&sentence, entry);
                return;
        case COMMAND_NODE_LOST:
                say_node(&sentence, &command->node, "is lost");
                return;
        case COMMAND_NODE_EVIDENCE:
                say_node_evidence(&sentence, &command->node_evidence);
                return;
        case COMMAND_NODE_DRAINED:
                say_node(&sentence, &command->node, "is drained");
                return;
        case COMMAND_ROLE_ASSIGN:
                say_assign(&sentence, &command->role_assign);
                return;
        case COMMAND_ROLE_MOVE:
                say_move(&sentence, &command->role_move);
                return;
        case COMMAND_VOTER_SET:
                say_voter_set(&sentence, &command->voter_set);
                return;
        case COMMAND_QUORUM_SET:
                say_quorum_set(&sentence, &command->quorum_set);
                return;
        case COMMAND_QUORUM_FORCE: /* refused wherever it stands */
                say(&sentence, "a node is to go on alone");
                say_reason(&sentence, command->quorum_force.reason);
                return;
        case COMMAND_WITNESS_SET:
        case COMMAND_WITNESS_REMOVE:
                say_witness(&sentence, &command->witness, command->kind == COMMAND_WITNESS_SET);
                return;
        case COMMAND_NODE_JOIN:
                say_join(&sentence, &command->node_join);
                return;
        case COMMAND_ROLE_REPORT:
                say_report(&sentence, &command->role_report);
                return;
        case COMMAND_CLUSTER_SET:
                say_settings(&sentence, &command->cluster_set);
                return;
        case COMMAND_NODE_DRAIN:
                say_node(&sentence, &command->node, drain_words(command->node.shut_down));
                return;
        case COMMAND_NODE_RESUME:
                say_node(&sentence, &command->node, "is to take roles again");
                return;
        case COMMAND_NODE_QUARANTINE:
                say_node(&sentence, &command->node, "is quarantined: it takes no roles");
                return;
        case COMMAND_CLUSTER_PAUSE:
                say_pause(&sentence, &command->cluster_pause);
                return;
        case COMMAND_CLUSTER_RESUME:
                say(&sentence, "failover and fencing go on");
                say_reason(&sentence, command->cluster_pause.reason);
                return;
        case COMMAND_NODE_RELEASE:
                say_node(&sentence, &command->node, "is to leave its quarantine");
                return;
        case COMMAND_NODE_EVICT:
                say_node(&sentence, &command->node, "is taken out of the cluster");
                return;
        case COMMAND_NODE_CONFIRM_OFF:
                say_node(&sentence, &command->node, "is confirmed to be off");
                return;
        case COMMAND_ROLE_ADD:
                say_role_add(&sentence, &command->role_add.role);
                return;
        case COMMAND_ROLE_SET:
                say_role_set(&sentence, &command->role_set);
                return;
        case COMMAND_ROLE_START:
                say(&sentence, "%s is to run", command->role.role);
                return;
        case COMMAND_ROLE_STOP:
                say(&sentence, "%s is to stop%s", command->role.role,
                    command->role.force ? ", by force" : "");
                return;
        case COMMAND_ROLE_REMOVE:
                say(&sentence, "%s is to be forgotten", command->role.role);
                return;
        case COMMAND_FENCE_ADD:
                say_fence_add(&sentence, &command->fence_add);
                return;
        case COMMAND_FENCE_REMOVE:
                say(&sentence, "fence device %s is to be forgotten", command->fence_remove.device);
                return;
        case COMMAND_NODE_FENCE:
                say_node(&sentence, &command->node, "is to be turned off");
                return;
        case COMMAND_VOLUME_ADD:
                say(&sentence, "volume %s (%s %s) is to be proven by every member", command->volume_add.name,
                    volume_kind_name(command->volume_add.kind), command->volume_add.path);
                return;
        case COMMAND_VOLUME_REMOVE:
                say_volume(&sentence, &command->volume, "is to be forgotten");
                return;
        case COMMAND_VOLUME_READY:
                say_volume(&sentence, &command->volume, "is ready");
                return;
        case COMMAND_VOLUME_DROP:
                say_volume(&sentence, &command->volume, "is not used");
                return;
        case COMMAND_VOLUME_MOVE:
                say_volume_move(&sentence, &command->volume_move);
                return;
        case COMMAND_VOLUME_MAINTAIN:
                say_volume(&sentence, &command->volume, "is in maintenance");
                return;
        case COMMAND_VOLUME_RESUME:
                say_volume(&sentence, &command->volume, "is to be proven anew by every member");
                return;
        case COMMAND_VOLUME_REPORT:
                say_volume_report(&sentence, &command->volume_report);
                return;
        case COMMAND_FENCE_REPORT:
                say_fence_report(&sentence, &command->fence_report);
                return;
        case COMMAND_FENCE_TEST:
                say_fence_test(&sentence, &command->fence_test);
                return;
        case COMMAND_FENCE_TESTED:
                say_fence_tested(&sentence, &command->fence_tested);
                return;
        case COMMAND_ROLE_COPY:
                say_role_copy(&sentence, &command->role_copy);
                return;
        case COMMAND_ROLE_RELOCATE:
                say_relocate(&sentence, &command->role_relocate);
                return;
        case COMMAND_ROLE_REDIRECT:
                say_redirect(&sentence, &command->role_redirect);
                return;
        case COMMAND_ROLE_REDIRECT_END:
                say_redirect_end(&sentence, &command->role_redirect_end);
                return;
        case COMMAND_REDIRECT_REPORT:
                say_redirect_report(&sentence, &command->redirect_report);
                return;
        case COMMAND_ROLE_COPY_ABORT:
                say(&sentence, "the move of %s's storage is to end", command->role.role);
                return;
        case COMMAND_COPY_REPORT:
                say_copy_report(&sentence, &command->copy_report);
                return;
        case COMMAND_COUNT:
                break;
        }
        assert(!"no such command");
}
