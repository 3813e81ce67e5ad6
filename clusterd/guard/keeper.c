/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "clusterd/guard/keeper.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "clusterd/base/text.h"
#include "clusterd/guard/guard_files.h"
#include "clusterd/guard/guard_rule.h"
#include "clusterd/guard/watchdog.h"
#include "clusterd/io/log.h"
#include "clusterd/io/membership.h"

#define PROBE_PERIOD_MS   500
#define WATCHDOG_RETRY_MS 1000
#define TICK_LEAST_MS     50
#define PETS_PER_WATCHDOG 5 /* four may be late or lost */

/* An order each second: after so long the socket may have been full, and what was to be told was not. */
#define AWAY_MS 5000

struct keeper {
        qb_loop_t *loop;
        const struct keeper_options *options;
        struct membership *membership;
        int socket;
        qb_loop_timer_handle tick;

        uint64_t identity;
        struct guard_ring ring;
        struct guard_contact contact;
        uint64_t probed_ms;
        uint64_t ticked_ms;
        struct guard_state state;
        enum guard_decision decision;
        struct watchdog watchdog;
        uint64_t watchdog_tried_ms;
        int watchdog_error; /* of the last try, to say each only once */
        bool left_running;  /* the keeper before us started the watchdog; we have not opened it yet */
        char reported[GUARD_REPORT_BYTES];
        bool report_failed;
};

static uint64_t now_ms(void)
{
        struct timespec now;
        clock_gettime(CLOCK_BOOTTIME, &now);
        return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void keeper_report(struct keeper *keeper)
{
        struct guard_report report = { .contact_ms = keeper->state.contact_ms, .order = keeper->state.order };
        /* While it must not be started we can only say that it is there. */
        report.watchdog = report.order.armed ? keeper->watchdog.in_time || keeper->left_running
                                             : watchdog_is_present(&keeper->watchdog);
        char text[GUARD_REPORT_BYTES];
        guard_report_print(&report, text);
        if (text_equal(text, keeper->reported))
                return;
        int error = guard_report_write(keeper->options->run_dir, &report);
        if (error == 0)
                TEXT_COPY(keeper->reported, text);
        else if (!keeper->report_failed)
                log_error("report cannot be written: %s" QB_XS " run_dir=%s", strerror(-error),
                          keeper->options->run_dir);
        keeper->report_failed = error != 0;
}

static void keeper_start_watchdog(struct keeper *keeper, uint64_t now)
{
        if (keeper->watchdog.fd >= 0 || now < keeper->watchdog_tried_ms + WATCHDOG_RETRY_MS)
                return;
        int error = watchdog_start(&keeper->watchdog, keeper->state.order.watchdog_ms);
        if (error == 0)
                log_notice("watchdog started: guests may run here" QB_XS " device=%s watchdog_ms=%u",
                           keeper->watchdog.path, keeper->state.order.watchdog_ms);
        else if (error != keeper->watchdog_error)
                log_warning("no watchdog stands behind the guests: %s" QB_XS " device=%s", strerror(-error),
                            keeper->watchdog.path != NULL ? keeper->watchdog.path : "none");
        keeper->watchdog_error = error;
        keeper->watchdog_tried_ms = error == 0 ? 0 : now;
        keeper->left_running = keeper->left_running && error != 0;
}

static void decision_log(const struct keeper *keeper, enum guard_decision decision, uint64_t now)
{
        unsigned long long contact = keeper->state.contact_ms;
        unsigned long long age = contact != 0 && contact <= now ? now - contact : 0;
        switch (decision) {
        case GUARD_RELEASE:
                log_notice("watchdog released: no guest needs it" QB_XS " contact_age_ms=%llu", age);
                break;
        case GUARD_PET:
                log_notice("contact holds: the watchdog is kept quiet" QB_XS " contact_age_ms=%llu", age);
                break;
        case GUARD_LET_FIRE:
                log_error(
                        "NO CONTACT TO THE CLUSTER: the watchdog is not petted any more and will RESET THIS "
                        "HOST" QB_XS " contact_ms=%llu contact_age_ms=%llu watchdog_ms=%u watchdog=%s",
                        contact, age, keeper->state.order.watchdog_ms,
                        keeper->watchdog.fd >= 0 ? "yes" : "no");
                break;
        }
}

static void watchdog_carry_out(struct keeper *keeper, uint64_t now)
{
        /* Opening it is a pet, which a keeper that was restarted too late must not give away. */
        if (keeper->decision == GUARD_LET_FIRE && keeper->left_running)
                return;
        if (keeper->decision == GUARD_RELEASE && !keeper->left_running) {
                watchdog_release(&keeper->watchdog);
                return;
        }
        keeper_start_watchdog(keeper, now);
        if (keeper->decision != GUARD_PET || keeper->watchdog.fd < 0)
                return;
        int error = watchdog_pet(&keeper->watchdog);
        if (error != 0 && error != -EAGAIN) {
                log_error("watchdog cannot be written: %s" QB_XS " device=%s", strerror(-error),
                          keeper->watchdog.path);
                watchdog_abandon(&keeper->watchdog);
        }
}

static void keeper_act(struct keeper *keeper)
{
        uint64_t now = now_ms();
        enum guard_decision decision = guard_decide(&keeper->state, now);
        if (decision != keeper->decision)
                decision_log(keeper, decision, now);
        keeper->decision = decision;
        watchdog_carry_out(keeper, now);
        keeper_report(keeper);
}

/* 1: an order or what should be one was taken; 0: none is waiting. */
static int take_order(struct keeper *keeper)
{
        uint8_t bytes[GUARD_ORDER_BYTES + 1];
        struct guard_order order;
        ssize_t count = recv(keeper->socket, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (count < 0 && (errno == EAGAIN || errno == EINTR))
                return 0;
        if (count < 0 || guard_order_decode(bytes, (size_t)count, &order) != 0) {
                log_warning("order refused: it is not one" QB_XS " bytes=%zd", count);
                return count >= 0;
        }
        if (order.watchdog_ms != keeper->state.order.watchdog_ms)
                watchdog_set_timeout(&keeper->watchdog, order.watchdog_ms);
        guard_take_order(&keeper->state, &order, now_ms());
        return 1;
}

static void take_orders(struct keeper *keeper)
{
        while (take_order(keeper) > 0)
                ;
}

/* All that clusterd has told comes first: it told us before it told the others that it stores a change. */
static void probe_send(struct keeper *keeper, uint64_t number)
{
        take_orders(keeper);
        struct guard_probe probe = {
                .keeper = keeper->identity,
                .number = number,
                .ring = keeper->ring.id,
                .voters = guard_vouch(&keeper->state),
        };
        uint8_t bytes[GUARD_PROBE_BYTES];
        guard_probe_encode(&probe, bytes);
        membership_send(keeper->membership, bytes, sizeof(bytes));
}

static void on_view(void *context, node_set members, node_set connected)
{
        struct keeper *keeper = context;
        (void)members;
        (void)connected;
        guard_enter_ring(&keeper->ring, membership_ring(keeper->membership));
        guard_contact_reset(&keeper->contact);
}

static void on_message(void *context, uint32_t sender, const void *bytes, size_t count)
{
        struct keeper *keeper = context;
        struct guard_probe probe;
        uint64_t value;
        if (guard_probe_decode(bytes, count, &probe) != 0)
                return;
        guard_hear(&keeper->state, &keeper->ring, sender, &probe);
        if (probe.keeper != keeper->identity)
                return;
        bool ring_holds = guard_ring_holds(&keeper->state, &keeper->ring);
        switch (guard_contact_back(&keeper->contact, probe.number, ring_holds, &value)) {
        case GUARD_NOTHING:
                break;
        case GUARD_SEND_SECOND:
                probe_send(keeper, value);
                break;
        case GUARD_CONTACT:
                if (value > keeper->state.contact_ms)
                        keeper->state.contact_ms = value;
                keeper_act(keeper);
                break;
        }
}

static void on_batch_end(void *context)
{
        (void)context;
}

static void on_gone(void *context, const char *text)
{
        struct keeper *keeper = context;
        log_warning("corosync is gone: %s" QB_XS " contact_ms=%llu", text,
                    (unsigned long long)keeper->state.contact_ms);
        guard_contact_reset(&keeper->contact);
}

static int32_t on_order(int32_t fd, int32_t events, void *data)
{
        struct keeper *keeper = data;
        (void)fd;
        (void)events;
        if (take_order(keeper) > 0)
                keeper_act(keeper);
        return 0;
}

static void on_tick(void *data);

static uint64_t tick_period_ms(const struct keeper *keeper)
{
        uint64_t period = keeper->state.order.watchdog_ms / PETS_PER_WATCHDOG;
        if (!keeper->state.order.armed || period > PROBE_PERIOD_MS)
                return PROBE_PERIOD_MS;
        return period < TICK_LEAST_MS ? TICK_LEAST_MS : period;
}

static void tick_later(struct keeper *keeper)
{
        int32_t error = qb_loop_timer_add(keeper->loop, QB_LOOP_HIGH, tick_period_ms(keeper) * 1000000,
                                          keeper, on_tick, &keeper->tick);
        assert(error == 0);
}

static void on_tick(void *data)
{
        struct keeper *keeper = data;
        uint64_t now = now_ms(), number;
        tick_later(keeper);
        if (now > keeper->ticked_ms + AWAY_MS) {
                take_orders(keeper);
                keeper->state.vouches = false; /* until the next one */
        }
        keeper->ticked_ms = now;
        if (now >= keeper->probed_ms + PROBE_PERIOD_MS &&
            guard_contact_begin(&keeper->contact, now, &number)) {
                keeper->probed_ms = now;
                probe_send(keeper, number);
        }
        keeper_act(keeper);
}

/* What the process before us knew: an armed node stays armed while we restart. */
static void keeper_recall(struct keeper *keeper)
{
        struct guard_report report;
        int error = guard_report_read(keeper->options->run_dir, &report);
        if (error == -ENOENT)
                return;
        if (error != 0) {
                log_error(
                        "report of the keeper before us cannot be read: %s; waiting for clusterd's word" QB_XS
                        " run_dir=%s",
                        strerror(-error), keeper->options->run_dir);
                return;
        }
        keeper->state.contact_ms = report.contact_ms;
        keeper->state.order = report.order;
        keeper->left_running = report.order.armed && report.watchdog;
}

int keeper_new(qb_loop_t *loop, const struct keeper_options *options, struct keeper **ret_keeper)
{
        struct keeper *keeper = calloc(1, sizeof(*keeper));
        assert(keeper != NULL);
        keeper->loop = loop;
        keeper->options = options;
        keeper->decision = GUARD_RELEASE;
        keeper->watchdog = (struct watchdog){ .path = options->watchdog_path, .fd = -1 };
        ssize_t random_bytes = getrandom(&keeper->identity, sizeof(keeper->identity), 0);
        assert(random_bytes == (ssize_t)sizeof(keeper->identity));
        keeper->socket = guard_socket_open(options->run_dir);
        if (keeper->socket < 0) {
                int error = keeper->socket;
                free(keeper);
                return error;
        }
        keeper_recall(keeper);
        keeper_act(keeper);

        struct membership_listener listener = { .context = keeper,
                                                .on_view = on_view,
                                                .on_message = on_message,
                                                .on_batch_end = on_batch_end,
                                                .on_gone = on_gone };
        int error = membership_new(loop, options->group, &listener, &keeper->membership);
        if (error == -ENOTCONN)
                log_warning("corosync is not there yet; trying again every 500 ms");
        assert(keeper->membership != NULL);
        error = qb_loop_poll_add(loop, QB_LOOP_HIGH, keeper->socket, POLLIN, keeper, on_order);
        assert(error == 0);
        tick_later(keeper);
        *ret_keeper = keeper;
        return 0;
}

void keeper_free(struct keeper *keeper)
{
        if (keeper == NULL)
                return;
        qb_loop_timer_del(keeper->loop, keeper->tick);
        qb_loop_poll_del(keeper->loop, keeper->socket);
        membership_free(keeper->membership);
        (void)close(keeper->socket);
        if (keeper->state.order.armed)
                watchdog_abandon(&keeper->watchdog);
        else
                watchdog_release(&keeper->watchdog);
        free(keeper);
}
