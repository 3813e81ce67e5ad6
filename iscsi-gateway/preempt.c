/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * clu-iscsi-preempt PORTAL TARGET INITIATOR USER KEY NODE LUN...: takes all keys of a lost node away from
 * these LUNs, and reads back that none is left. USER may be empty; otherwise the password is the first line
 * of standard input. KEY: of this node, 16 hexadecimal digits; its upper half is the cluster's. Exit code 0:
 * the target carries out nothing more that this node has sent, nor what it sends from now on. Exit code 1,
 * and why in one line on standard error: nothing is known.
 */

#include <inttypes.h>
#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "iscsi-gateway/reservation.h"

#define OPEN_MS        3000
#define RESET_MS       5000
#define PASSWORD_BYTES 256
/* Whom this program was started against may be back after so long, with new keys: none is touched then. */
#define WHOLE_MS 3000

static int fail(const char *text)
{
        (void)fprintf(stderr, "%s\n", text);
        return EXIT_FAILURE;
}

struct reset {
        bool ended;
        bool complete;
};

static void on_reset(struct iscsi_context *iscsi, int status, void *data, void *context)
{
        struct reset *reset = context;
        (void)iscsi;
        reset->ended = true;
        reset->complete = status == SCSI_STATUS_GOOD && data != NULL &&
                          *(const uint32_t *)data == ISCSI_TMR_FUNC_COMPLETE;
}

/* For a target that cannot preempt and abort at once: after it has answered, nothing received before is left
 * to be carried out. Others whose commands it aborts ask again. */
static bool reset_lun(struct iscsi_context *iscsi, int lun)
{
        struct reset reset = { .ended = false };
        uint64_t until_ms = iscsi_now_ms() + RESET_MS;
        if (iscsi_task_mgmt_lun_reset_async(iscsi, (uint32_t)lun, on_reset, &reset) < 0)
                return false;
        while (!reset.ended && iscsi_now_ms() < until_ms) {
                struct pollfd fd = { .fd = iscsi_get_fd(iscsi), .events = (short)iscsi_which_events(iscsi) };
                if (fd.fd < 0)
                        return false;
                int count = poll(&fd, 1, 100);
                if (iscsi_service(iscsi, count > 0 ? fd.revents : 0) < 0)
                        return false;
        }
        return reset.complete;
}

struct order {
        uint64_t own;
        uint32_t node;
        char **luns; /* NULL behind the last */
};

static int take_away(struct iscsi_context *iscsi, const struct order *order, int lun,
                     char error[ISCSI_ERROR_SIZE])
{
        bool lingers = false;
        if (reservation_bar(order->own, order->node, iscsi, lun, &lingers, error) < 0)
                return -1;
        if (!lingers || reset_lun(iscsi, lun))
                return 0;
        (void)snprintf(error, ISCSI_ERROR_SIZE,
                       "the target can neither abort what was sent to it nor reset the LUN");
        return -1;
}

static int check(struct iscsi_context *iscsi, const struct order *order, int lun,
                 char error[ISCSI_ERROR_SIZE])
{
        return reservation_check_bar(order->own, order->node, iscsi, lun, error);
}

/* In a session of its own. */
static int each_lun(const struct iscsi_place *place, const struct order *order, uint64_t until_ms,
                    int (*act)(struct iscsi_context *iscsi, const struct order *order, int lun,
                               char error[ISCSI_ERROR_SIZE]))
{
        char error[ISCSI_ERROR_SIZE];
        uint32_t random = 0;
        (void)!getrandom(&random, sizeof random, 0);
        struct iscsi_context *iscsi = iscsi_session_new(place, random);
        if (iscsi == NULL)
                return fail("no memory");
        if (iscsi_session_open(iscsi, place, (int)strtol(order->luns[0], NULL, 10), OPEN_MS, error) < 0)
                return fail(error);
        for (char **lun = order->luns; *lun != NULL; lun++) {
                if (iscsi_now_ms() > until_ms)
                        return fail("it took too long");
                if (act(iscsi, order, (int)strtol(*lun, NULL, 10), error) < 0) {
                        (void)fprintf(stderr, "LUN %s: %s\n", *lun, error);
                        return EXIT_FAILURE;
                }
        }
        (void)iscsi_logout_sync(iscsi);
        (void)iscsi_destroy_context(iscsi);
        return EXIT_SUCCESS;
}

int main(int argc, char *argv[])
{
        char password[PASSWORD_BYTES] = "";
        uint64_t until_ms = iscsi_now_ms() + WHOLE_MS;
        if (argc < 8)
                return fail("no LUN is known: usage: clu-iscsi-preempt PORTAL TARGET INITIATOR USER KEY NODE "
                            "LUN...");
        const struct order order = { .own = strtoull(argv[5], NULL, 16),
                                     .node = (uint32_t)strtoul(argv[6], NULL, 10),
                                     .luns = argv + 7 };
        const struct iscsi_place place = { .portal = argv[1],
                                           .target = argv[2],
                                           .initiator = argv[3],
                                           .user = argv[4][0] == '\0' ? NULL : argv[4],
                                           .password = password };
        if (order.own == 0 || order.node == 0)
                return fail("KEY and NODE are numbers");
        if (place.user != NULL && fgets(password, sizeof password, stdin) != NULL)
                password[strcspn(password, "\n")] = '\0';
        /* Read back by another session: a target that forgets the keys of one that has ended bars nobody. */
        if (each_lun(&place, &order, until_ms, take_away) != EXIT_SUCCESS)
                return EXIT_FAILURE;
        return each_lun(&place, &order, until_ms, check);
}
