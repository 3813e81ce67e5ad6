/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * clu-iscsi-look PORTAL TARGET INITIATOR [USER]: is this target there, with disks? The password is the first
 * line of standard input. Prints the LUNs. Exit code 1, and why in one line on standard error, when it is
 * not.
 */

#include <iscsi/iscsi.h>
#include <iscsi/scsi-lowlevel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "iscsi-gateway/iscsi_session.h"

#define OPEN_MS        5000
#define PASSWORD_BYTES 256
#define REPORT_BYTES   65536

static int fail(const char *text)
{
        (void)fprintf(stderr, "%s\n", text);
        return EXIT_FAILURE;
}

/* LUN 0 may be no disk but the target's controller. */
static int is_disk(struct iscsi_context *iscsi, int lun)
{
        struct scsi_task *task = iscsi_inquiry_sync(iscsi, lun, 0, 0, 64);
        const struct scsi_inquiry_standard *inquiry =
                task == NULL || task->status != SCSI_STATUS_GOOD ? NULL : scsi_datain_unmarshall(task);
        int disk = inquiry != NULL && inquiry->qualifier == 0 &&
                   inquiry->device_type == SCSI_INQUIRY_PERIPHERAL_DEVICE_TYPE_DIRECT_ACCESS;
        if (task != NULL)
                scsi_free_scsi_task(task);
        return disk;
}

static int print_luns(struct iscsi_context *iscsi)
{
        char error[ISCSI_ERROR_SIZE];
        int disks = 0;
        struct scsi_task *task = iscsi_reportluns_sync(iscsi, 0, REPORT_BYTES);
        const struct scsi_reportluns_list *list =
                task == NULL || task->status != SCSI_STATUS_GOOD ? NULL : scsi_datain_unmarshall(task);
        if (list == NULL) {
                iscsi_session_error(iscsi, error);
                return fail(error);
        }
        for (uint32_t i = 0; i < list->num; i++) {
                /* A disk among them is enough to know that it has some. */
                if (list->luns[i] == 0 && !is_disk(iscsi, 0))
                        continue;
                printf("%u\n", list->luns[i]);
                disks++;
        }
        scsi_free_scsi_task(task);
        return disks > 0 ? EXIT_SUCCESS : fail("the target has no LUN for this initiator");
}

int main(int argc, char *argv[])
{
        char password[PASSWORD_BYTES] = "", error[ISCSI_ERROR_SIZE];
        uint32_t random = 0;
        if (argc < 4)
                return fail("usage: clu-iscsi-look PORTAL TARGET INITIATOR [USER]");
        struct iscsi_place place = { .portal = argv[1],
                                     .target = argv[2],
                                     .initiator = argv[3],
                                     .user = argc > 4 ? argv[4] : NULL,
                                     .password = password };
        if (place.user != NULL && fgets(password, sizeof password, stdin) != NULL)
                password[strcspn(password, "\n")] = '\0';
        (void)!getrandom(&random, sizeof random, 0);
        struct iscsi_context *iscsi = iscsi_session_new(&place, random);
        if (iscsi == NULL)
                return fail("no memory");
        if (iscsi_session_open(iscsi, &place, ISCSI_NO_LUN, OPEN_MS, error) < 0)
                return fail(error);
        int status = print_luns(iscsi);
        (void)iscsi_logout_sync(iscsi);
        (void)iscsi_destroy_context(iscsi);
        return status;
}
