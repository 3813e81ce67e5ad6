/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_ISCSI_GATEWAY_ISCSI_SESSION_H
#define CLU_ISCSI_GATEWAY_ISCSI_SESSION_H

/* A session with an iSCSI target, in user space by libiscsi: what the gateway and the look have in common. */

#include <stddef.h>
#include <stdint.h>

struct iscsi_context;

struct iscsi_place {
        const char *portal; /* HOST[:PORT] */
        const char *target;
        const char *user; /* CHAP; NULL: none */
        const char *password;
        const char *initiator;
};

#define ISCSI_NO_LUN     (-1)
#define ISCSI_ERROR_SIZE 160

/* random: the session's ISID follows from it, so that the same makes the target end what is left of an
 * earlier session first. NULL when there is no memory. iscsi_destroy_context() ends it. */
struct iscsi_context *iscsi_session_new(const struct iscsi_place *place, uint32_t random);

/* Begun, to be served by iscsi_service(); on_open comes with SCSI_STATUS_GOOD when lun, too, is there. */
int iscsi_session_begin(struct iscsi_context *iscsi, const struct iscsi_place *place, int lun,
                        void (*on_open)(struct iscsi_context *iscsi, int status, void *data, void *context),
                        void *context);

/* What that sends is lost with the process, or with the session: nothing of it may reach the target later. */
void iscsi_session_let_go(struct iscsi_context *iscsi);

/* Waits. 0, or -1 and why. */
int iscsi_session_open(struct iscsi_context *iscsi, const struct iscsi_place *place, int lun,
                       uint32_t timeout_ms, char ret_error[ISCSI_ERROR_SIZE]);

/* One line: libiscsi's texts have several. */
void iscsi_session_error(struct iscsi_context *iscsi, char ret_error[ISCSI_ERROR_SIZE]);

uint64_t iscsi_now_ms(void);

#endif
