/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/daemon.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "clusterd/daemon_private.h"

/* Start-up, timers and the way of an event through the core. */

#define CORE_GROUP        "clu"
#define COROSYNC_AGAIN_US 500000
#define GUARD_WAIT_MS     3000 /* for the guard keeper's first report at start-up */
#define GUARD_EACH_NS     UINT64_C(1000000000)
#define REPORT_SOON_NS    UINT64_C(5000000)
#define STOOD_STILL_MS    1000 /* the core asks to be woken several times a second */

char *daemon_ledger_path(const char *state_dir)
{
        char *path = NULL;
        if (asprintf(&path, "%s/ledger.db", state_dir) < 0)
                abort();
        return path;
}

void daemon_stamp(struct cluster_event *event)
{
        event->now_ms = clock_boot_ms();
        event->wall_ms = clock_wall_ms();
}

static void on_wake(void *context)
{
        struct daemon *daemon = context;
        daemon->wake_timer = 0;
        daemon_deliver(daemon, &(struct cluster_event){ .kind = CLUSTER_EVENT_WAKE });
}

static void set_wake_timer(struct daemon *daemon, uint64_t at_ms)
{
        if (daemon->wake_timer != 0)
                (void)qb_loop_timer_del(daemon->loop, daemon->wake_timer);
        daemon->wake_timer = 0;
        if (at_ms == TIME_NEVER)
                return;
        uint64_t now_ms = clock_boot_ms();
        uint64_t wait_ms = at_ms > now_ms ? at_ms - now_ms : 0;
        if (qb_loop_timer_add(daemon->loop, QB_LOOP_HIGH, wait_ms * 1000000, daemon, on_wake,
                              &daemon->wake_timer) < 0)
                abort();
}

/* What a step, or a batch of them, has to say and to write leaves together. */
static void flush(struct daemon *daemon)
{
        daemon_flush_messages(daemon);
        store_flush(daemon->store);
}

/* clu-guard went on while we stood still; otherwise the core knows better. 0: not asked, or no answer. */
static uint64_t kept_contact(struct daemon *daemon, uint64_t now_ms)
{
        struct guard_report report;
        bool stood_still = now_ms - daemon->step_ms >= STOOD_STILL_MS;
        daemon->step_ms = now_ms;
        return stood_still && guard_client_read(daemon->guard, &report) == 0 ? report.contact_ms : 0;
}

static void step(struct daemon *daemon, const struct cluster_event *event)
{
        struct cluster_event stamped = *event;
        daemon_stamp(&stamped);
        stamped.kept_ms = kept_contact(daemon, stamped.now_ms);
        cluster_step(daemon->cluster, &stamped, daemon->actions);
        daemon->stepping = true;
        for (size_t i = 0; i < daemon->actions->count; i++)
                daemon_carry_out(daemon, &daemon->actions->item[i]);
        daemon->stepping = false;
        set_wake_timer(daemon, daemon->actions->wake_at_ms);
        if (!daemon->in_batch)
                flush(daemon);
}

/* Some ports answer at once, while their action is being carried out: their turn comes after it. */
static void queue_event(struct daemon *daemon, const struct cluster_event *event)
{
        struct queued_event *queued = malloc(sizeof *queued);
        if (queued == NULL)
                abort();
        queued->event = *event;
        queued->next = NULL;
        *daemon->queue_end = queued;
        daemon->queue_end = &queued->next;
}

void daemon_deliver(struct daemon *daemon, const struct cluster_event *event)
{
        if (daemon->stepping) {
                assert(event->kind != CLUSTER_EVENT_MESSAGE && event->kind != CLUSTER_EVENT_REQUEST);
                queue_event(daemon, event);
                return;
        }
        step(daemon, event);
        while (daemon->queue != NULL) {
                struct queued_event *queued = daemon->queue;
                daemon->queue = queued->next;
                if (daemon->queue == NULL)
                        daemon->queue_end = &daemon->queue;
                step(daemon, &queued->event);
                free(queued);
        }
}

/* Membership. */

static void on_view(void *context, node_set members, node_set connected)
{
        struct daemon *daemon = context;
        struct cluster_event event = { .kind = CLUSTER_EVENT_VIEW };
        event.view.members = members;
        event.view.connected = connected;
        event.view.ring = membership_ring(daemon->membership);
        log_notice("the group changed" QB_XS " members=%#llx connected=%#llx ring=%#llx",
                   (unsigned long long)members, (unsigned long long)connected,
                   (unsigned long long)event.view.ring);
        daemon_deliver(daemon, &event);
}

static void on_message(void *context, uint32_t sender, const void *bytes, size_t count)
{
        struct daemon *daemon = context;
        daemon->in_batch = true;
        daemon_receive(daemon, sender, bytes, count);
}

static void on_batch_end(void *context)
{
        struct daemon *daemon = context;
        daemon->in_batch = false;
        flush(daemon);
}

static void on_gone(void *context, const char *text)
{
        (void)context;
        log_warning("corosync does not answer; guests go on as long as their guard holds" QB_XS " cause=%s",
                    text);
}

/* Store. */

static void on_stored(void *context, uint64_t index, uint64_t promised)
{
        daemon_deliver(context,
                       &(struct cluster_event){ .kind = CLUSTER_EVENT_STORED,
                                                .stored = { .index = index, .promised = promised } });
}

static void on_store_failed(void *context, int error, const char *text)
{
        log_error("the ledger cannot be written; this node takes no part in decisions until it can" QB_XS
                  " errno=%d cause=%s",
                  -error, text);
        daemon_deliver(context, &(struct cluster_event){ .kind = CLUSTER_EVENT_STORE_FAILED });
}

static void on_store_message(void *context, const struct message *message)
{
        daemon_send(context, message);
        daemon_flush_messages(context);
}

/* Entries are kept for 30 days, and never fewer than 10,000. */
#define KEEP_MS          (INT64_C(30) * 24 * 3600 * 1000)
#define KEEP_MIN         10000
#define COMPACT_EVERY_NS (UINT64_C(3600) * 1000000000)

static void on_compact_timer(void *context)
{
        struct daemon *daemon = context;
        store_compact(daemon->store, clock_wall_ms() - KEEP_MS, KEEP_MIN);
        (void)qb_loop_timer_add(daemon->loop, QB_LOOP_LOW, COMPACT_EVERY_NS, daemon, on_compact_timer,
                                &daemon->compact_timer);
}

/* Start-up. */

static void load_object(void *context, const struct object *object)
{
        daemon_deliver(context,
                       &(struct cluster_event){ .kind = CLUSTER_EVENT_LOAD_OBJECT, .object = object });
}

static void load_entry(void *context, const struct entry *entry)
{
        daemon_deliver(context, &(struct cluster_event){ .kind = CLUSTER_EVENT_LOAD_ENTRY, .entry = entry });
}

static int load(struct daemon *daemon)
{
        struct store_state state;
        int error = store_read_state(daemon->store, &state);
        if (error == 0)
                error = store_read_objects(daemon->store, load_object, daemon);
        if (error == 0 && !state.blank)
                error = store_read_entries(daemon->store, state.applied.index + 1, load_entry, daemon);
        if (error < 0)
                return error;
        log_notice("ledger read" QB_XS " applied=%llu last=%llu blank=%d",
                   (unsigned long long)state.applied.index, (unsigned long long)state.last_index,
                   state.blank);
        daemon_deliver(daemon, &(struct cluster_event){
                                       .kind = CLUSTER_EVENT_LOADED,
                                       .loaded = { .applied = state.applied,
                                                   .first_index = state.first_index,
                                                   .promised = state.promised,
                                                   .blank = state.blank },
                               });
        return 0;
}

static int wait_for_corosync(struct membership_config *ret_config)
{
        char error[256];
        bool told = false;
        for (;;) {
                int result = membership_read_config(ret_config, error, sizeof error);
                if (result != -ENOTCONN) {
                        if (result < 0)
                                log_error("corosync's configuration cannot be used" QB_XS " cause=%s", error);
                        return result;
                }
                if (!told)
                        log_warning("waiting for corosync" QB_XS " cause=%s", error);
                told = true;
                (void)usleep(COROSYNC_AGAIN_US);
        }
}

/* The keeper knows the last contact from before we were started; without it no guard is valid at first. */
static void read_guard(struct daemon *daemon, struct cluster_identity *identity)
{
        struct guard_report report;
        uint64_t until_ms = clock_boot_ms() + GUARD_WAIT_MS;
        while (guard_client_read(daemon->guard, &report) < 0) {
                if (clock_boot_ms() >= until_ms) {
                        log_warning("no guard keeper answers: is clu-guard running? No watchdog stands "
                                    "behind this node");
                        return;
                }
                (void)usleep(20000);
        }
        identity->contact_ms = report.contact_ms;
        identity->guard_armed = report.order.armed;
        identity->arming = report.order.arming;
        identity->told_epoch = report.order.voters.epoch;
        identity->told_index = report.order.voters.index;
        daemon->guard_order.armed = report.order.armed;
        daemon->guard_order.arming = report.order.arming;
        identity->watchdog = report.watchdog;
}

static int identify(struct daemon *daemon, const struct daemon_options *options,
                    struct cluster_identity *identity)
{
        struct membership_config config;
        int error = wait_for_corosync(&config);
        if (error < 0)
                return error;
        uint32_t memory_free_mib = 0;
        identity->node = config.local_node;
        identity->incarnation = random_id();
        identity->boot = host_boot_id();
        host_capacity_read(&identity->memory_mib, &memory_free_mib, &identity->cpus);
        for (size_t i = 0; i < config.count; i++) {
                if (config.nodes[i].id != config.local_node)
                        continue;
                TEXT_COPY(identity->name, config.nodes[i].name);
                TEXT_COPY(identity->address, config.nodes[i].address);
        }
        TEXT_COPY(identity->migration_address,
                  options->migration_address == NULL ? identity->address : options->migration_address);
        read_guard(daemon, identity);
        daemon->node = identity->node;
        return 0;
}

static void mirror_quorum(struct daemon *daemon)
{
        struct cluster_status status;
        struct cluster_expected expected = cluster_expected_votes(daemon->cluster);
        const struct cluster_expected *before = &daemon->mirrored;
        cluster_status_read(daemon->cluster, &status);
        if (expected.nodes == 0 ||
            (daemon->mirrored_epoch == status.epoch && before->nodes == expected.nodes &&
             before->device == expected.device && before->left_out == expected.left_out))
                return;
        struct quorum_expectation told = { .nodes = expected.nodes,
                                           .device = expected.device,
                                           .left_out = expected.left_out };
        int error = quorum_mirror_expect(daemon->mirror, &told);
        if (error == -EAGAIN)
                return;
        daemon->mirrored_epoch = status.epoch;
        daemon->mirrored = expected;
        if (error < 0)
                log_warning("votequorum could not be told" QB_XS " nodes=%u error=%s", expected.nodes,
                            strerrordesc_np(-error));
        else
                log_info("votequorum expects" QB_XS " nodes=%u device=%d", expected.nodes, expected.device);
}

/* Not from within a listener of the group: once a second is soon enough. */
static void leave_if_evicted(struct daemon *daemon)
{
        struct cluster_status status;
        cluster_status_read(daemon->cluster, &status);
        if (!status.evicted || daemon->membership == NULL)
                return;
        log_warning("this node was evicted: it leaves the group and runs nothing. " EVICTED_REMEDY);
        membership_free(daemon->membership);
        daemon->membership = NULL;
        daemon_deliver(daemon, &(struct cluster_event){ .kind = CLUSTER_EVENT_VIEW });
}

/* told: 0, or why the keeper could not be told; then its report is an old one. */
static void read_watchdog(struct daemon *daemon, int told)
{
        struct guard_report report;
        struct cluster_event event = { .kind = CLUSTER_EVENT_WATCHDOG };
        if (told == 0 && guard_client_read(daemon->guard, &report) == 0) {
                event.watchdog.present = report.watchdog;
                event.watchdog.arming = report.order.arming;
        }
        if (event.watchdog.present == daemon->watchdog && event.watchdog.arming == daemon->arming)
                return;
        if (event.watchdog.present != daemon->watchdog)
                log_notice("watchdog" QB_XS " present=%d", event.watchdog.present);
        daemon->watchdog = event.watchdog.present;
        daemon->arming = event.watchdog.arming;
        daemon_deliver(daemon, &event);
}

static void on_report_timer(void *context)
{
        struct daemon *daemon = context;
        daemon->awaits_report = false;
        read_watchdog(daemon, 0);
        daemon_await_keeper(daemon);
}

void daemon_await_keeper(struct daemon *daemon)
{
        if (daemon->awaits_report || !daemon->watchdog || daemon->arming == daemon->guard_order.arming)
                return;
        daemon->awaits_report = true;
        (void)qb_loop_timer_add(daemon->loop, QB_LOOP_HIGH, REPORT_SOON_NS, daemon, on_report_timer, NULL);
}

static void on_guard_timer(void *context)
{
        struct daemon *daemon = context;
        read_watchdog(daemon, daemon_tell_keeper(daemon));
        mirror_quorum(daemon);
        leave_if_evicted(daemon);
        (void)qb_loop_timer_add(daemon->loop, QB_LOOP_HIGH, GUARD_EACH_NS, daemon, on_guard_timer,
                                &daemon->guard_timer);
}

/* A change of the voters takes two turns of the token and two writes; who cannot have one is left as it is.
 */
#define LEAVE_MS      3000
#define LEAVE_LOOK_NS 10000000

static void on_leave_timer(void *context)
{
        struct daemon *daemon = context;
        if (cluster_may_leave(daemon->cluster) || clock_boot_ms() - daemon->leaving_ms >= LEAVE_MS)
                qb_loop_stop(daemon->loop);
        else
                (void)qb_loop_timer_add(daemon->loop, QB_LOOP_HIGH, LEAVE_LOOK_NS, daemon, on_leave_timer,
                                        NULL);
}

/* The one that decides of two hands that on, or the other could not go on without it. */
static int32_t on_terminate(int32_t signal_number, void *context)
{
        struct daemon *daemon = context;
        log_notice("stopping; guests go on" QB_XS " signal=%d", signal_number);
        if (daemon->leaving_ms != 0) {
                qb_loop_stop(daemon->loop);
                return 0;
        }
        daemon->leaving_ms = clock_boot_ms();
        daemon_deliver(daemon, &(struct cluster_event){ .kind = CLUSTER_EVENT_LEAVING });
        on_leave_timer(daemon);
        return 0;
}

static int open_store(struct daemon *daemon)
{
        static const struct store_listener calls = {
                .on_stored = on_stored,
                .on_failed = on_store_failed,
                .on_message = on_store_message,
        };
        struct store_listener listener = calls;
        char error_text[STORE_ERROR_BYTES];
        listener.context = daemon;
        int error = store_open(daemon->ledger_path, daemon->mailbox, &listener, &daemon->store, error_text);
        if (error < 0)
                log_error("the ledger cannot be opened" QB_XS " file=%s cause=%s", daemon->ledger_path,
                          error_text);
        return error;
}

static int open_membership(struct daemon *daemon)
{
        struct membership_listener listener = {
                .context = daemon,
                .on_view = on_view,
                .on_message = on_message,
                .on_batch_end = on_batch_end,
                .on_gone = on_gone,
        };
        int error = membership_new(daemon->loop, CORE_GROUP, &listener, &daemon->membership);
        return error == -ENOTCONN ? 0 : error;
}

static int start(struct daemon *daemon, const struct daemon_options *options)
{
        struct cluster_identity identity = { .node = NODE_NONE };
        daemon->guard_order = (struct guard_order){
                .isolation_hold_ms = settings_default.isolation_hold_ms,
                .stop_grace_ms = settings_default.stop_grace_ms,
                .watchdog_ms = settings_default.watchdog_ms,
        };
        int error = mailbox_new(daemon->loop, &daemon->mailbox);
        if (error == 0)
                error = guard_client_new(options->run_dir, &daemon->guard);
        if (error == 0)
                error = open_store(daemon);
        if (error == 0)
                error = identify(daemon, options, &identity);
        if (error < 0)
                return error;
        daemon->watchdog = identity.watchdog;
        daemon->mirror = quorum_mirror_new(identity.node);
        cluster_init(daemon->cluster, &identity, ROLES_MAX);
        error = daemon_open_workers(daemon, options, identity.name);
        if (error == 0)
                error = load(daemon); /* the core's first actions want workers */
        if (error == 0)
                error = open_membership(daemon);
        if (error == 0)
                error = daemon_open_ipc(daemon);
        if (error == 0) {
                on_guard_timer(daemon);
                on_compact_timer(daemon);
                log_notice("clusterd is up" QB_XS " node=%s id=%u", identity.name, identity.node);
        }
        return error;
}

static void release(struct daemon *daemon)
{
        if (daemon->ipc != NULL)
                ipc_free(daemon->ipc);
        if (daemon->handler != NULL)
                request_handler_free(daemon->handler);
        if (daemon->membership != NULL)
                membership_free(daemon->membership);
        if (daemon->hypervisor != NULL)
                hypervisor_free(daemon->hypervisor);
        if (daemon->ocf != NULL)
                ocf_roles_free(daemon->ocf);
        volume_paths_free(daemon->paths);
        witness_port_free(daemon->witness);
        fence_presence_free(daemon->presence);
        qnetd_port_free(daemon->qnetd);
        if (daemon->runner != NULL)
                process_runner_free(daemon->runner);
        iscsi_looks_free(daemon->looks);
        iscsi_preempts_free(daemon->preempts);
        iscsi_confirm_free(daemon->confirm);
        iscsi_gateways_free(daemon->gateways);
        disk_exports_free(daemon->exports);
        if (daemon->store != NULL)
                store_close(daemon->store);
        if (daemon->guard != NULL)
                guard_client_free(daemon->guard);
        quorum_mirror_free(daemon->mirror);
        if (daemon->mailbox != NULL)
                mailbox_free(daemon->mailbox);
        free(daemon->ledger_path);
        free(daemon->bundle.text);
        free(daemon->cluster);
        free(daemon->actions);
        free(daemon);
}

int daemon_run(const struct daemon_options *options)
{
        struct daemon *daemon = calloc(1, sizeof *daemon);
        if (daemon == NULL)
                return -ENOMEM;
        daemon->queue_end = &daemon->queue;
        daemon->program = options->program;
        daemon->ocf_root = options->ocf_root;
        daemon->ledger_path = daemon_ledger_path(options->state_dir);
        daemon->loop = qb_loop_create();
        daemon->cluster = calloc(1, cluster_bytes(ROLES_MAX));
        daemon->actions = calloc(1, sizeof *daemon->actions);
        if (daemon->loop == NULL || daemon->cluster == NULL || daemon->actions == NULL)
                abort();
        (void)signal(SIGPIPE, SIG_IGN);
        if (!host_prioritize_thread())
                log_warning("no real-time priority: a busy host may hold up decisions");
        int error = start(daemon, options);
        if (error == 0) {
                (void)qb_loop_signal_add(daemon->loop, QB_LOOP_HIGH, SIGTERM, daemon, on_terminate, NULL);
                (void)qb_loop_signal_add(daemon->loop, QB_LOOP_HIGH, SIGINT, daemon, on_terminate, NULL);
                qb_loop_run(daemon->loop);
        }
        qb_loop_t *loop = daemon->loop;
        release(daemon);
        qb_loop_destroy(loop);
        return error;
}
