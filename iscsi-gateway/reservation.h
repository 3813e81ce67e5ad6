/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_ISCSI_GATEWAY_RESERVATION_H
#define CLU_ISCSI_GATEWAY_RESERVATION_H

/*
 * SCSI-3 persistent reservations: of the gateways of a LUN the last to take it over is the only one whose
 * writes the target accepts, whatever the others still have on their way.
 *
 * A gateway registers a key of its own in each of its sessions, and sees to it that the LUN is reserved for
 * those who have (write exclusive, registrants only). Taking over is to preempt all other keys. Who was
 * preempted knows it by its key being gone while others' are there, and never registers again. Source:
 * SPC-4, 5.13.
 */

#include <stdbool.h>
#include <stdint.h>

#include "iscsi-gateway/iscsi_session.h"

/* Longer than a try of the owner's to get a session. */
#define RESERVATION_BEHIND_MS 10000

struct reservation {
        uint64_t key;          /* the upper half is that of all gateways of the cluster to this target */
        bool entered;          /* in some session */
        bool registered_anew;  /* and not confirmed since: nothing may be written */
        bool owns;             /* it has taken over */
        bool supported;        /* by the target */
        uint64_t forgotten_ms; /* it saw then that the target has forgotten all keys; 0: not */
};

enum reservation_result {
        RESERVATION_DONE,
        RESERVATION_AGAIN,     /* the session is of no use any more, or somebody came between */
        RESERVATION_LATER,     /* the same, after RESERVATION_BEHIND_MS: who owns the LUN goes first */
        RESERVATION_PREEMPTED, /* for ever */
        RESERVATION_FOREIGN    /* somebody else has reserved it; *ret_error says more */
};

/* Of each new session, before it writes. */
enum reservation_result reservation_enter(struct reservation *reservation, struct iscsi_context *iscsi,
                                          int lun, char ret_error[ISCSI_ERROR_SIZE]);
/* Once; in a session that has entered. */
enum reservation_result reservation_take(struct reservation *reservation, struct iscsi_context *iscsi,
                                         int lun);
/* A command was refused for want of a key. Who has not taken over lost it to who did that late, or to a
 * leader, and enters again; who has is preempted. */
enum reservation_result reservation_refused(const struct reservation *reservation);

/* The byte of a key that names its node. */
#define RESERVATION_NODE_SHIFT 24

/*
 * For a leader: takes all keys of a lost node of its cluster away, and leaves its own key, own, there, so
 * that who comes back knows. *ret_lingers: the target could not abort what those had on its way; it may carry
 * that out later. 0, or -1 and why: then nothing is known.
 */
int reservation_bar(uint64_t own, uint32_t node, struct iscsi_context *iscsi, int lun, bool *ret_lingers,
                    char ret_error[ISCSI_ERROR_SIZE]);
/* Read back: no key of that node is there, and who has none cannot write. 0, or -1 and why. */
int reservation_check_bar(uint64_t own, uint32_t node, struct iscsi_context *iscsi, int lun,
                          char ret_error[ISCSI_ERROR_SIZE]);

#endif
