/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef CLU_ISCSI_GATEWAY_GATEWAY_IO_H
#define CLU_ISCSI_GATEWAY_GATEWAY_IO_H

/*
 * The I/O of a gateway on its LUN: one thread has the session, those of nbdkit wait for what they asked of
 * it.
 *
 * A session that breaks is begun again, and what had no answer is asked again: to the guest the disk stands
 * still. What is left of the process that used the disk dies with it: nothing is written for a guest that is
 * gone. Nor is anything once another gateway has taken the LUN over (reservation.h): that process is ended.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "iscsi-gateway/confirmation.h"
#include "iscsi-gateway/iscsi_session.h"

struct gateway_io;

enum io_kind { IO_READ, IO_WRITE, IO_FLUSH };

/* key: for the LUN's reservation. takes: over at once; otherwise with the first write, as a guest that moves
 * does: until then that is still its source's. confirmation: of whom it is asked; copied. Opens the session,
 * and waits for it; no thread yet, for the process may fork. NULL, and why. */
struct gateway_io *gateway_io_open(const struct iscsi_place *place, int lun, uint64_t key, bool takes,
                                   const struct confirmation *confirmation, char ret_error[ISCSI_ERROR_SIZE]);
/* From now on a thread serves it. 0 or an errno. */
int gateway_io_start(struct gateway_io *io);

uint64_t gateway_io_size(const struct gateway_io *io);
uint32_t gateway_io_block_size(const struct gateway_io *io);

/* Somebody may use the disk now: this process ends with that one. False: it has ended already. */
bool gateway_io_serve(struct gateway_io *io, int64_t pid);

/* Waits for the answer, for as long as it takes. 0 or an errno. */
int gateway_io_do(struct gateway_io *io, enum io_kind kind, void *bytes, uint32_t count, uint64_t offset,
                  bool durable);

#endif
