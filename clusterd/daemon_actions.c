/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/daemon_private.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>

/* Carries out what the core wants, and brings back what comes of it. */

static void put_object(struct daemon *daemon, const struct cluster_action *action)
{
        struct object object;
        int error =
                model_get(cluster_model(daemon->cluster), action->object.kind, action->object.name, &object);
        assert(error == 0); /* the core has just changed it */
        store_put_object(daemon->store, &object);
}

static void send_history(struct daemon *daemon, const struct cluster_action *action)
{
        struct message template = { .kind = MESSAGE_ENTRY, .round = action->send.round };
        if (action->kind == CLUSTER_ACTION_SEND_SNAPSHOT) {
                template.kind = MESSAGE_SNAPSHOT_BEGIN;
                template.snapshot.to = action->send.to;
                store_send_snapshot(daemon->store, &template);
                return;
        }
        template.entry.to = action->send.to;
        store_send_entries(daemon->store, &template, action->send.first, action->send.last);
}

/* Fencing. */

struct fence_attempt {
        LIST_ENTRY(fence_attempt) link;
        struct daemon *daemon;
        struct fence_run *run;
        uint64_t attempt;
        uint32_t node;
        char device[NAME_BYTES];
};

static void fence_attempt_free(struct fence_attempt *attempt)
{
        LIST_REMOVE(attempt, link);
        free(attempt);
}

static void on_fenced(void *context, const struct fence_outcome *outcome)
{
        struct fence_attempt *attempt = context;
        struct cluster_event event = { .kind = CLUSTER_EVENT_FENCE_DONE };
        event.fence.attempt = attempt->attempt;
        event.fence.node = attempt->node;
        event.fence.succeeded = outcome->done;
        TEXT_COPY(event.fence.device, attempt->device);
        TEXT_PRINT(event.fence.text, "%.*s", REASON_BYTES - 1, outcome->text);
        struct daemon *daemon = attempt->daemon;
        fence_attempt_free(attempt); /* what follows may end the rest of its attempt */
        daemon_deliver(daemon, &event);
}

static void fence(struct daemon *daemon, const struct cluster_action *action)
{
        struct fence_attempt *attempt = calloc(1, sizeof *attempt);
        if (attempt == NULL)
                abort();
        attempt->daemon = daemon;
        attempt->attempt = action->fence.attempt;
        attempt->node = action->fence.node;
        TEXT_COPY(attempt->device, action->fence.device->name);
        log_notice("fencing: %s" QB_XS " node=%s device=%s", action->reason, action->fence.node_name,
                   action->fence.device->name);
        LIST_INSERT_HEAD(&daemon->fence_attempts, attempt, link);
        attempt->run = (action->fence.on ? fence_agent_on : fence_agent_off)(
                daemon->runner, action->fence.device, action->fence.node_name, on_fenced, attempt);
}

static void fence_end(struct daemon *daemon, const struct cluster_action *action)
{
        struct fence_attempt *next;
        for (struct fence_attempt *each = LIST_FIRST(&daemon->fence_attempts); each != NULL; each = next) {
                next = LIST_NEXT(each, link);
                if (each->attempt != action->fence.attempt)
                        continue;
                log_notice("fence agent ended: %s" QB_XS " device=%s", action->reason, each->device);
                fence_run_cancel(each->run);
                fence_attempt_free(each);
        }
}

/* Roles. */

static const char *action_name(const struct cluster_action *action)
{
        switch ((int)action->kind) {
        case CLUSTER_ACTION_START:
                return "start";
        case CLUSTER_ACTION_STOP:
                return "stop";
        case CLUSTER_ACTION_MOVE:
                return "move";
        case CLUSTER_ACTION_PREPARE:
                return "prepare";
        case CLUSTER_ACTION_RESUME:
                return "resume";
        case CLUSTER_ACTION_REDIRECT:
                return "redirect";
        case CLUSTER_ACTION_RETURN:
                return "return to its own files";
        case CLUSTER_ACTION_EXPORT:
                return action->role.open ? "open an export" : "close its export";
        }
        return "announce";
}

#define SHUT_DOWN_MS 30000

static void on_shut_down(void *context, const struct process_result *result)
{
        (void)context;
        if (result->exit_code != 0 || result->timed_out)
                log_error("this host does not shut down, and is asked again in a minute: %.200s",
                          result->output);
}

static void shut_down(struct daemon *daemon, enum shut_down how)
{
        static const char *const off[] = { "shutdown", "-P", "now", NULL };
        static const char *const reboot[] = { "shutdown", "-r", "now", NULL };
        log_notice("this host is shut down" QB_XS " reboot=%d", how == SHUT_DOWN_REBOOT);
        process_run(daemon->runner, &(struct process_request){ .argv = how == SHUT_DOWN_REBOOT ? reboot : off,
                                                               .timeout_ms = SHUT_DOWN_MS,
                                                               .on_exit = on_shut_down,
                                                               .context = daemon });
}

static void act_on_role(struct daemon *daemon, const struct cluster_action *action)
{
        log_notice("%s: %s" QB_XS " role=%s generation=%llu", action_name(action), action->reason,
                   action->role.name, (unsigned long long)action->role.generation);
        if (action->role.kind == ROLE_OCF && action->kind != CLUSTER_ACTION_ANNOUNCE)
                ocf_roles_carry_out(daemon->ocf, action);
        else if (action->role.kind == ROLE_VM) {
                iscsi_gateways_know(daemon->gateways, cluster_model(daemon->cluster));
                disk_exports_know(daemon->exports, cluster_model(daemon->cluster));
                hypervisor_carry_out(daemon->hypervisor, action);
        }
}

static void list(struct daemon *daemon, const struct cluster_action *action)
{
        daemon->listing = (struct listing){ .id = action->listing, .open = 2 };
        hypervisor_carry_out(daemon->hypervisor, action);
        ocf_roles_carry_out(daemon->ocf, action);
}

/* The core hears of one end, when both ports have ended. */
static void on_listed(struct daemon *daemon, const struct cluster_event *event)
{
        struct listing *listing = &daemon->listing;
        if (event->listed.listing != 0 && event->listed.listing != listing->id)
                return; /* an older one, answered late */
        if (event->listed.listing == 0 || (!event->listed.end && !event->listed.failed)) {
                daemon_deliver(daemon, event);
                return;
        }
        listing->failed |= event->listed.failed;
        if (listing->open == 0 || --listing->open > 0)
                return;
        struct cluster_event end = *event;
        end.listed.end = !listing->failed;
        end.listed.failed = listing->failed;
        daemon_deliver(daemon, &end);
}

static void on_port_event(void *context, const struct cluster_event *event)
{
        struct daemon *daemon = context;
        if (event->kind == CLUSTER_EVENT_LISTED) {
                on_listed(daemon, event);
                return;
        }
        if (event->kind == CLUSTER_EVENT_OPERATION_DONE && event->operation.text[0] != '\0')
                log_notice("operation ended: %s" QB_XS " role=%s result=%d", event->operation.text,
                           event->operation.role, event->operation.result);
        if (event->kind == CLUSTER_EVENT_EXPORT && event->export.text[0] != '\0')
                log_notice("exporting disks: %s" QB_XS " role=%s open=%d result=%d", event->export.text,
                           event->export.role, event->export.open, event->export.result);
        if (event->kind == CLUSTER_EVENT_COPY && event->copy.text[0] != '\0')
                log_notice("moving a storage: %s" QB_XS " role=%s order=%d result=%d", event->copy.text,
                           event->copy.role, event->copy.order, event->copy.result);
        daemon_deliver(daemon, event);
}

static int read_definition(void *context, const uint8_t hash[HASH_BYTES], char **ret_text, size_t *ret_bytes)
{
        struct daemon *daemon = context;
        return store_read_definition(daemon->store, hash, ret_text, ret_bytes);
}

static void on_witness_made(void *context, uint64_t token, int error, const char *text)
{
        struct daemon *daemon = context;
        request_witness_made(daemon->handler, token, error == 0, text);
}

int daemon_open_workers(struct daemon *daemon, const struct daemon_options *options, const char *node_name)
{
        daemon->gateways = iscsi_gateways_new(options->run_dir, options->helpers, daemon->node, node_name);
        daemon->exports = disk_exports_new(options->run_dir, daemon->node);
        char redirect_dir[PATH_MAX];
        TEXT_PRINT(redirect_dir, "%s/redirect", options->run_dir);
        struct hypervisor_options hypervisor_options = {
                .uri = options->hypervisor_uri,
                .peer_uri = options->peer_uri,
                .gateways = daemon->gateways,
                .exports = daemon->exports,
                .redirect_dir = redirect_dir,
        };
        struct hypervisor_listener hypervisor_listener = {
                .context = daemon,
                .on_event = on_port_event,
                .read_definition = read_definition,
        };
        struct ocf_listener ocf_listener = {
                .context = daemon,
                .on_event = on_port_event,
                .read_definition = read_definition,
        };
        char lock[PATH_MAX];
        TEXT_PRINT(lock, "%s/leases.lock", options->run_dir);
        daemon->paths = volume_paths_new(daemon->mailbox, daemon->node, lock, on_port_event, daemon);
        daemon->witness =
                witness_port_new(daemon->loop, daemon->mailbox, on_port_event, on_witness_made, daemon);
        daemon->presence = fence_presence_new(daemon->mailbox);
        int error = process_runner_new(daemon->loop, &daemon->runner);
        if (error == 0)
                daemon->looks =
                        iscsi_looks_new(daemon->runner, options->helpers, node_name, on_port_event, daemon);
        struct iscsi_preempts_listener preempts_listener = {
                .context = daemon,
                .on_event = on_port_event,
                .read_definition = read_definition,
        };
        if (error == 0)
                daemon->preempts = iscsi_preempts_new(daemon->runner, options->helpers, daemon->node,
                                                      node_name, &preempts_listener);
        if (error == 0)
                error = iscsi_confirm_new(daemon->loop, options->run_dir, on_port_event, daemon,
                                          &daemon->confirm);
        if (error == 0)
                error = ocf_roles_new(daemon->loop, daemon->runner, options->ocf_root, options->run_dir,
                                      &ocf_listener, &daemon->ocf);
        if (error == 0)
                error = hypervisor_new(daemon->mailbox, &hypervisor_options, &hypervisor_listener,
                                       &daemon->hypervisor);
        if (error == 0)
                daemon->qnetd = qnetd_port_new(daemon->loop, daemon->mailbox, daemon->runner, daemon->node,
                                               on_port_event, daemon);
        return error;
}

int daemon_tell_keeper(struct daemon *daemon)
{
        struct guard_order *order = &daemon->guard_order;
        const struct settings *settings = &cluster_model(daemon->cluster)->settings;
        if (settings->isolation_hold_ms != 0) {
                order->isolation_hold_ms = settings->isolation_hold_ms;
                order->stop_grace_ms = settings->stop_grace_ms;
                order->watchdog_ms = settings->watchdog_ms;
        }
        struct cluster_status status;
        cluster_status_read(daemon->cluster, &status);
        order->contact_ms = status.contact_ms;
        order->leased_until_ms = status.leased_until_ms;
        order->voters = (struct guard_voters){ .epoch = status.last.epoch, .index = status.last.index };
        cluster_voters(daemon->cluster, &order->voters.nodes, &order->voters.before);
        return guard_client_send(daemon->guard, order);
}

static void set_guard(struct daemon *daemon, const struct cluster_action *action)
{
        bool is_new = daemon->guard_order.arming != action->guard.arming;
        daemon->guard_order.armed = action->guard.armed;
        daemon->guard_order.arming = action->guard.arming;
        int error = daemon_tell_keeper(daemon);
        if (!is_new) /* who votes, or until when leases keep what is here: the latter each second */
                return;
        daemon_await_keeper(daemon);
        log_info("guard %s: %s" QB_XS " errno=%d", action->guard.armed ? "armed" : "disarmed", action->reason,
                 -error);
}

void daemon_carry_out(struct daemon *daemon, const struct cluster_action *action)
{
        switch (action->kind) {
        case CLUSTER_ACTION_MULTICAST:
                daemon_send(daemon, &daemon->actions->messages[action->message]);
                break;
        case CLUSTER_ACTION_APPEND:
                store_append(daemon->store, action->entry);
                break;
        case CLUSTER_ACTION_TRUNCATE:
                log_notice("entries are forgotten: %s" QB_XS " after=%llu", action->reason,
                           (unsigned long long)action->index);
                store_truncate(daemon->store, action->index);
                break;
        case CLUSTER_ACTION_PROMISE:
                store_promise(daemon->store, action->promised);
                break;
        case CLUSTER_ACTION_PUT_OBJECT:
                put_object(daemon, action);
                break;
        case CLUSTER_ACTION_DELETE_OBJECT:
                store_delete_object(daemon->store, action->object.kind, action->object.name);
                break;
        case CLUSTER_ACTION_APPLIED:
                store_applied(daemon->store, &action->applied);
                break;
        case CLUSTER_ACTION_RESET:
                log_notice("the ledger is replaced: %s", action->reason);
                store_reset(daemon->store);
                break;
        case CLUSTER_ACTION_RESTART:
                log_notice("starting anew; guests go on: %s", action->reason);
                qb_loop_stop(daemon->loop);
                break;
        case CLUSTER_ACTION_SEND_ENTRIES:
        case CLUSTER_ACTION_SEND_SNAPSHOT:
                log_info("sending history: %s", action->reason);
                send_history(daemon, action);
                break;
        case CLUSTER_ACTION_REPLY:
                request_reply(daemon->handler, action->reply.token, action->reply.outcome,
                              action->reply.index, action->reason);
                break;
        case CLUSTER_ACTION_SHUT_DOWN:
                shut_down(daemon, action->shut_down);
                break;
        case CLUSTER_ACTION_START:
        case CLUSTER_ACTION_STOP:
        case CLUSTER_ACTION_MOVE:
        case CLUSTER_ACTION_PREPARE:
        case CLUSTER_ACTION_ANNOUNCE:
        case CLUSTER_ACTION_RESUME:
        case CLUSTER_ACTION_REDIRECT:
        case CLUSTER_ACTION_RETURN:
        case CLUSTER_ACTION_EXPORT:
                act_on_role(daemon, action);
                break;
        case CLUSTER_ACTION_CONFIRM:
                log_info("gateways may write: %s" QB_XS " role=%s", action->reason, action->confirm.role);
                iscsi_confirm_answer(daemon->confirm, action);
                break;
        case CLUSTER_ACTION_PREEMPT:
                log_notice("%s", action->reason);
                iscsi_preempts_begin(daemon->preempts, action, cluster_model(daemon->cluster));
                break;
        case CLUSTER_ACTION_COPY:
                log_notice("%s" QB_XS " role=%s disk=%s from=%s to=%s", action->reason, action->copy.role,
                           action->copy.disk, action->copy.from, action->copy.to);
                hypervisor_carry_out(daemon->hypervisor, action);
                break;
        case CLUSTER_ACTION_LIST:
                list(daemon, action);
                break;
        case CLUSTER_ACTION_FENCE:
                fence(daemon, action);
                break;
        case CLUSTER_ACTION_FENCE_END:
                fence_end(daemon, action);
                break;
        case CLUSTER_ACTION_LOOK:
                if (action->volume.kind == VOLUME_ISCSI)
                        iscsi_looks_begin(daemon->looks, action, cluster_model(daemon->cluster));
                else
                        volume_paths_look(daemon->paths, action, cluster_model(daemon->cluster));
                break;
        case CLUSTER_ACTION_LEASE:
                volume_paths_lease(daemon->paths, action, cluster_model(daemon->cluster));
                break;
        case CLUSTER_ACTION_SIGHT:
                volume_paths_sight(daemon->paths, action, cluster_model(daemon->cluster));
                break;
        case CLUSTER_ACTION_REVOKE:
                log_notice("%s", action->reason);
                volume_paths_revoke(daemon->paths, action, cluster_model(daemon->cluster));
                break;
        case CLUSTER_ACTION_FORGET_VOLUME:
                log_notice("%s", action->reason);
                if (action->volume.kind == VOLUME_DIRECTORY)
                        volume_paths_forget(daemon->paths, action, cluster_model(daemon->cluster));
                break;
        case CLUSTER_ACTION_WITNESS:
                witness_port_ask(daemon->witness, action,
                                 cluster_model(daemon->cluster)->settings.cluster_name);
                break;
        case CLUSTER_ACTION_ATTEND_QNETD:
                qnetd_port_attend(daemon->qnetd, action);
                break;
        case CLUSTER_ACTION_FORGET_WITNESS:
                witness_port_remove(daemon->witness, &action->witness.whom,
                                    cluster_model(daemon->cluster)->settings.cluster_name);
                break;
        case CLUSTER_ACTION_GUARD:
                set_guard(daemon, action);
                break;
        case CLUSTER_ACTION_LOG:
                log_notice("%s", action->reason);
                break;
        case CLUSTER_ACTION_COUNT:
                break;
        }
}
